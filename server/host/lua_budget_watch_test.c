#include "host/lua_budget.h"

#include "host/lua_program.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

TestSuite(lua_budget_watch, .timeout = 120);

static int call_init(lua_State *L) {
    lua_machine_push_file(L);
    lua_getfield(L, -1, "init");
    lua_call(L, 0, 0);
    return 0;
}

struct ran {
    bool    whole;
    bool    counting; // at the end
    int64_t left;
    char    text[CONTEXT_TEXT_BYTES]; // of the error
};

// Runs a function of these statements, twice: the second run must not be as the first has left it.
static struct ran run(const char *statements, unsigned long long instructions) {
    struct lua_program *program;
    struct lua_machine *machine;
    struct ran          ran = {0};
    char                source[1024], why[LUA_WHY_BYTES];
    snprintf(source, sizeof source,
             "return {options = {turn_instructions = %llu, turn_deadline_ms = 3600000}, "
             "init = function() %s end}",
             instructions, statements);
    cr_assert(lua_program_create("a.lua", source, strlen(source), &program, why) == STATUS_OK, "%s",
              why);
    cr_assert(lua_machine_create(program, &machine, why) == STATUS_OK, "%s", why);
    for (int i = 0; i < 2; i++) {
        ran.whole = lua_machine_run(machine, call_init, NULL);
        ran.counting = machine->budget.counting;
        ran.left = machine->budget.left;
        if (ran.whole) continue;
        lua_machine_describe(machine, ran.text, sizeof ran.text);
        lua_machine_clear(machine);
    }
    lua_machine_destroy(machine);
    lua_program_destroy(program);
    return ran;
}

static void ends(const char *statements) {
    struct ran ran = run(statements, 10000000);
    cr_assert_not(ran.whole, "%s", statements);
    cr_assert_str_eq(ran.text, "turn_instructions(10000000)", "%s: %s", statements, ran.text);
}

Test(lua_budget_watch, of_many_instructions_is_not_counted_in_a_short_turn_of_a_watched_thread) {
    lua_budget_watch();
    bool counted = true;
    // A tick may fall into one of them.
    for (int i = 0; i < 10 && counted; i++) counted = run("return", 10000000).counting;
    cr_assert_not(counted);
}

Test(lua_budget_watch, is_counted_from_the_beginning_where_no_tick_will_come) {
    struct ran ran = run("for i = 1, 10000 do end", 10000000);
    cr_assert(ran.whole && ran.counting);
    cr_assert_lt(ran.left, 10000000 - 9000);
}

Test(lua_budget_watch, of_few_instructions_is_counted_from_the_beginning) {
    lua_budget_watch();
    cr_assert(run("for i = 1, 100 do end", 1000).whole);
    struct ran ran = run("for i = 1, 5000 do end", 1000);
    cr_assert_not(ran.whole);
    cr_assert_str_eq(ran.text, "turn_instructions(1000)");
}

Test(lua_budget_watch, ends_what_would_not_end_and_was_not_counted_at_first) {
    lua_budget_watch();
    ends("while true do end");
    ends("while true do pcall(error) end");
    ends("while true do pcall(function() while true do end end) end");
}

Test(lua_budget_watch, ends_coroutines_that_were_made_and_entered_before_they_were_counted) {
    lua_budget_watch();
    ends("coroutine.wrap(function() while true do end end)()");
    ends("local co = coroutine.wrap(function() while true do coroutine.yield() end end) "
         "while true do co() end");
    // The tick comes in the inner one; the outer one goes on for ever.
    ends("coroutine.wrap(function() "
         "    coroutine.wrap(function() for i = 1, 2000000 do end end)() "
         "    while true do end "
         "end)()");
    ends("local co = coroutine.wrap(function() coroutine.yield() while true do end end) "
         "co() for i = 1, 2000000 do end co()");
}

Test(lua_budget_watch, of_memory_ends_a_turn_that_is_not_counted) {
    lua_budget_watch();
    struct ran ran = run("local t = {} while true do t[#t + 1] = {} end", 50000000);
    cr_assert_not(ran.whole);
}
