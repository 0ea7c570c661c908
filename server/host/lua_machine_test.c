#include "host/lua_machine.h"

#include "host/lua_machine_fixture_test.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(lua_machine, .timeout = 10);

// Whether the machine pushes this message without a call; then it is on top of the stack.
static bool pushes(const char *text, size_t bytes) {
    struct peeper_writer writer = {0};
    peeper_write_string_n(&writer, text, bytes);
    bool pushed = lua_machine_push_plain(machine, peeper_writer_value(&writer));
    peeper_writer_fini(&writer);
    return pushed;
}

static void remember(const char *text, size_t bytes) {
    lua_pushlstring(machine->L, text, bytes);
    lua_machine_remember(machine);
    lua_pop(machine->L, 1);
}

Test(lua_machine, pushes_a_text_that_it_remembers_and_no_other) {
    static const struct {
        const char *text;
        size_t      bytes;
    } others[] = {{"ixc", 3}, {"in", 2}, {"inc ", 4}, {"", 0}, {"i\0c", 3}};
    open_machine("return {}");
    cr_assert_not(pushes("inc", 3));
    remember("inc", 3);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cr_assert_not(pushes(others[i].text, others[i].bytes), "%zu", i);
    }
    cr_assert(pushes("inc", 3));
    cr_assert_str_eq(lua_tostring(machine->L, -1), "inc");
    close_machine();
}

Test(lua_machine, remembers_the_last_of_texts_in_the_same_place) {
    open_machine("return {}");
    remember("inc", 3);
    remember("ixc", 3);
    cr_assert_not(pushes("inc", 3));
    cr_assert(pushes("ixc", 3));
    cr_assert_str_eq(lua_tostring(machine->L, -1), "ixc");
    close_machine();
}

Test(lua_machine, does_not_remember_what_is_long_or_no_text) {
    char text[41] = {0};
    memset(text, 'x', sizeof text);
    open_machine("return {}");
    remember(text, sizeof text);
    cr_assert_not(pushes(text, sizeof text));
    lua_pushinteger(machine->L, 7);
    lua_machine_remember(machine);
    cr_assert_not(pushes("7", 1));
    close_machine();
}

Test(lua_machine, writes_no_table_when_the_budget_is_used_up_and_raises_nothing) {
    lua_State *L;
    open_machine("return {}");
    L = machine->L;
    lua_machine_begin(machine);
    lua_newtable(L);
    cr_assert(lua_machine_try_write(machine, -1, LUA_SLOT_REPLY, "reply"));
    machine->budget.left = 0;
    cr_assert_not(lua_machine_try_write(machine, -1, LUA_SLOT_REPLY, "reply"));
    cr_assert_eq(machine->budget.breach, LUA_BREACH_INSTRUCTIONS);
    lua_machine_end(machine, true);
    close_machine();
}

Test(lua_machine, keeps_its_callbacks_through_runs_that_fail) {
    open_machine("return {handle_call = function() error('no') end}");
    for (int i = 0; i < 3; i++) {
        lua_machine_begin(machine);
        lua_pushvalue(machine->L, LUA_AT_CALLBACKS + PHASE_CALL);
        bool whole = lua_machine_call(machine, 0, 0);
        cr_assert_not(whole);
        lua_machine_end(machine, whole);
        lua_machine_clear(machine);
        cr_assert_eq(lua_gettop(machine->L), LUA_AT_RUN - 1);
        cr_assert(lua_machine_has(machine, PHASE_CALL) && !lua_machine_has(machine, PHASE_CAST));
    }
    close_machine();
}
