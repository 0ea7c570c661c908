#include "host/lua_program.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(lua_program, .timeout = 20);

static char why[LUA_WHY_BYTES];

static struct lua_program *load(const char *source) {
    struct lua_program *program = NULL;
    enum status status = lua_program_create("thing.lua", source, strlen(source), &program, why);
    cr_assert(status == STATUS_OK, "%s", why);
    return program;
}

static void refused(const char *source, const char *part) {
    struct lua_program *program = NULL;
    enum status status = lua_program_create("thing.lua", source, strlen(source), &program, why);
    cr_assert(status == STATUS_INVALID, "%s was accepted", source);
    cr_assert(strstr(why, part) != NULL, "'%s' does not tell '%s'", why, part);
}

Test(lua_program, has_the_name_of_its_file_unless_it_says_another) {
    struct lua_program *program = load("return {}");
    cr_assert_str_eq(program->descriptor.name, "thing");
    cr_assert_str_eq(program->descriptor.version, "");
    lua_program_destroy(program);
    program = load("return {name = 'other', version = 2}");
    cr_assert_str_eq(program->descriptor.name, "other");
    cr_assert_str_eq(program->descriptor.version, "2");
    lua_program_destroy(program);
}

Test(lua_program, has_the_callbacks_of_its_table_and_no_others) {
    struct lua_program *program = load("return {handle_call = function() end}");
    cr_assert(program->descriptor.handle_call != NULL);
    cr_assert(program->descriptor.init == NULL);
    cr_assert(program->descriptor.handle_info == NULL);
    cr_assert(program->descriptor.terminate == NULL);
    cr_assert(program->descriptor.on_state_changed == NULL);
    cr_assert(program->descriptor.save != NULL && program->descriptor.load != NULL);
    lua_program_destroy(program);
    program = load("return {on_terminate = function() end}");
    cr_assert(program->descriptor.on_terminate != NULL);
    cr_assert(program->descriptor.on_state_changed == NULL);
    cr_assert(program->descriptor.terminate == NULL);
    lua_program_destroy(program);
}

Test(lua_program, has_options_and_the_keeper_waits_longer_than_the_turn_may_take) {
    struct lua_program *program =
        load("return {options = {turn_deadline_ms = 20, turn_instructions = 5000, "
             "memory_bytes = 100000, hibernate_after_ms = 7}}");
    cr_assert_eq(program->deadline_ms, 20);
    cr_assert_eq(program->instructions_max, 5000);
    cr_assert_eq(program->descriptor.turn_deadline_ms, 20 + LUA_DEADLINE_GRACE_MS);
    cr_assert_eq(program->descriptor.memory_bytes_max, 100000);
    cr_assert_eq(program->descriptor.hibernate_after_ms, 7);
    lua_program_destroy(program);
}

Test(lua_program, is_refused_with_a_sentence_that_tells_why) {
    refused("return {", "thing.lua:1: unexpected symbol");
    refused("\n\nerror('not today')", "thing.lua:3: not today");
    refused("x.y = 1", "attempt to index a nil value (global 'x')");
    refused("", "must return a table, not a nil");
    refused("return 5", "must return a table, not a number");
    refused("return {handle_cal = function() end}", "'handle_cal' is neither a callback nor");
    refused("return {on_terminate = {}}", "on_terminate is not a function");
    refused("return {init = 5}", "init is not a function");
    refused("return {1}", "a field without name");
    refused("return {name = {}}", "name is not a text");
    refused("return {version = ('x'):rep(64)}", "version is not a text");
    refused("return {options = 5}", "options is not a table");
    refused("return {options = {turn_deadline = 5}}", "there is no option 'turn_deadline'");
    refused("return {options = {memory_bytes = 5}}", "options.memory_bytes is not within");
    refused("return {options = {turn_deadline_ms = '5s'}}", "turn_deadline_ms is not within");
    refused("peeper.send('a', 1) return {}", "no actor while the file is loaded");
}

Test(lua_program, does_not_load_bytecode) {
    refused("\x1bLuaT\0\x19\x93", "attempt to load a binary chunk");
}

Test(lua_program, that_does_not_end_or_takes_all_memory_is_refused) {
    refused("while true do end", "turn_instructions(");
    refused("while true do pcall(function() while true do end end) end", "turn_instructions(");
    refused("local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end", "memory_bytes(");
}

Test(lua_program, with_too_much_text_is_refused) {
    static char         text[LUA_SOURCE_BYTES_MAX + 2];
    struct lua_program *program = NULL;
    memset(text, '\n', sizeof text);
    cr_assert(lua_program_create("a.lua", text, LUA_SOURCE_BYTES_MAX + 1, &program, why) ==
              STATUS_TOO_LARGE);
}

Test(lua_program, may_set_globals_while_it_is_loaded_and_never_libraries) {
    lua_program_destroy(load("function helper() return 1 end assert(helper() == 1) return {}"));
    refused("string.format = nil", "string.format cannot be set");
    refused("peeper.send = nil", "peeper.send cannot be set");
}
