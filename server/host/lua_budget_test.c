// The budget alone, in a Lua state as the manual has it: no sandbox, no behaviour, no worker.
#include "host/lua_budget.h"

#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lualib.h>

#include <string.h>

static void state_open(void);
static void state_close(void);

TestSuite(lua_budget, .init = state_open, .fini = state_close, .timeout = 20);

#define INSTRUCTIONS_MAX 100000
#define MEMORY_BYTES_MAX (1u << 20)
#define DEADLINE_MS 10000

static struct lua_budget budget;
static lua_State        *L;

static int charge(lua_State *state) {
    lua_budget_charge(state, (uint64_t)lua_tointeger(state, 1));
    return 0;
}

static void state_open(void) {
    budget = (struct lua_budget){.instructions_max = INSTRUCTIONS_MAX,
                                 .memory_bytes_max = MEMORY_BYTES_MAX,
                                 .deadline_ms = DEADLINE_MS,
                                 .bytes_limit = UINT64_MAX};
    L = lua_newstate(lua_budget_alloc, &budget);
    cr_assert_not_null(L);
    lua_budget_bind(&budget, L);
    luaL_openlibs(L);
    lua_register(L, "charge", charge);
    // To be added to: a string that is made by `..` is one block, without a buffer before it.
    cr_assert(luaL_dostring(L, "base = ('x'):rep(4000)") == LUA_OK);
}

static void state_close(void) {
    lua_close(L);
    cr_expect_eq(budget.bytes, 0, "blocks are counted wrongly: %llu left",
                 (unsigned long long)budget.bytes);
}

// Runs a chunk as a turn; the breach that ended it, if one did.
static enum lua_breach turn(const char *chunk) {
    lua_settop(L, 0);
    cr_assert(luaL_loadstring(L, chunk) == LUA_OK, "%s", lua_tostring(L, -1));
    lua_budget_begin(&budget, L);
    bool whole = lua_pcall(L, 0, 1, 0) == LUA_OK;
    lua_budget_end(&budget);
    cr_assert(whole == (budget.breach == LUA_BREACH_NONE), "%s ended with breach %d", chunk,
              (int)budget.breach);
    return budget.breach;
}

// --- Instructions --------------------------------------------------------------------------------

Test(lua_budget, a_turn_within_its_instructions_is_whole_and_the_next_has_as_many) {
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(turn("for i = 1, 60000 do end"), LUA_BREACH_NONE);
    }
    cr_assert_eq(turn("for i = 1, 200000 do end"), LUA_BREACH_INSTRUCTIONS);
    cr_assert_eq(turn("for i = 1, 60000 do end"), LUA_BREACH_NONE);
}

Test(lua_budget, a_loop_without_end_is_over_about_where_the_instructions_are) {
    cr_assert_eq(turn("count = 0 while true do count = count + 1 end"), LUA_BREACH_INSTRUCTIONS);
    lua_getglobal(L, "count");
    // Four instructions or so each time around.
    lua_Integer count = lua_tointeger(L, -1);
    cr_assert(count > INSTRUCTIONS_MAX / 8 && count < INSTRUCTIONS_MAX, "%lld", (long long)count);
}

Test(lua_budget, a_breach_can_be_caught_and_nothing_be_done_with_it) {
    cr_assert_eq(turn("caught = 0 "
                      "while true do pcall(function() while true do end end) "
                      "for i = 1, 2 do caught = caught + 1 end end"),
                 LUA_BREACH_INSTRUCTIONS);
    lua_getglobal(L, "caught");
    cr_assert_eq(lua_tointeger(L, -1), 0);
}

Test(lua_budget, work_that_is_charged_counts_as_instructions) {
    cr_assert_eq(turn("charge(90000)"), LUA_BREACH_NONE);
    cr_assert_eq(turn("charge(60000) charge(60000) reached = true"), LUA_BREACH_INSTRUCTIONS);
    lua_getglobal(L, "reached");
    cr_assert(lua_isnil(L, -1));
    // More than fits is no less.
    cr_assert_eq(turn("charge(-1)"), LUA_BREACH_INSTRUCTIONS);
    cr_assert_eq(turn("for i = 1, 4 do pcall(charge, math.maxinteger) end"),
                 LUA_BREACH_INSTRUCTIONS);
}

Test(lua_budget, bytes_that_are_made_count_as_instructions_though_few_make_them) {
    // 50 instructions, 25 MB, of which hardly any is held.
    cr_assert_eq(turn("for i = 1, 50 do local s = ('x'):rep(500000) end"), LUA_BREACH_INSTRUCTIONS);
    cr_assert_eq(turn("for i = 1, 5 do local s = ('x'):rep(500000) end"), LUA_BREACH_NONE);
}

// --- Memory --------------------------------------------------------------------------------------

Test(lua_budget, what_is_held_over_the_limit_ends_the_turn) {
    cr_assert_eq(turn("local t = {} for i = 1, 1000 do t[i] = base .. i end"), LUA_BREACH_MEMORY);
    cr_assert(budget.short_of);
}

Test(lua_budget, garbage_is_collected_where_there_is_no_room_and_is_no_breach) {
    // Without its own steps Lua collects only where the allocator refuses.
    lua_gc(L, LUA_GCSTOP);
    cr_assert_eq(turn("for i = 1, 1000 do local s = base .. i end"), LUA_BREACH_NONE);
    cr_assert(budget.short_of, "it was never refused");
    cr_assert(budget.added <= MEMORY_BYTES_MAX);
}

Test(lua_budget, what_a_turn_finds_does_not_count_and_what_it_adds_does) {
    static const char grow[] = "kept = kept or {} "
                               "for i = 1, 150 do kept[#kept + 1] = base .. #kept end";
    for (int i = 0; i < 5; i++) {
        lua_gc(L, LUA_GCCOLLECT);
        cr_assert_eq(turn(grow), LUA_BREACH_NONE);
    }
    cr_assert(budget.bytes > 2 * MEMORY_BYTES_MAX);
    cr_assert(budget.added > 500000 && budget.added <= MEMORY_BYTES_MAX, "%llu",
              (unsigned long long)budget.added);
    cr_assert_eq(turn("kept = nil collectgarbage()"), LUA_BREACH_NONE);
    cr_assert_eq(budget.added, 0);
}

Test(lua_budget, a_block_over_the_limit_is_refused_and_so_is_the_rest_of_the_turn) {
    cr_assert_eq(turn("pcall(function() local s = base while true do s = s .. s end end) "
                      "for i = 1, 100 do after = i end"),
                 LUA_BREACH_MEMORY);
    lua_getglobal(L, "after");
    cr_assert(lua_isnil(L, -1));
}

// The buffers of Lua's libraries ask once. So it is an error that a behaviour may catch: it holds
// no more than it may.
Test(lua_budget, a_buffer_that_is_refused_is_short_of_memory_and_no_breach) {
    lua_budget_begin(&budget, L);
    cr_assert_neq(luaL_dostring(L, "return ('x'):rep(2000000)"), LUA_OK);
    lua_budget_end(&budget);
    cr_assert_str_eq(lua_tostring(L, -1), "not enough memory");
    cr_assert(budget.short_of);
    cr_assert_eq(budget.breach, LUA_BREACH_NONE);
    cr_assert_eq(turn("for i = 1, 10 do pcall(string.rep, 'x', 2000000) end"), LUA_BREACH_NONE);
}

Test(lua_budget, a_block_that_shrinks_is_never_refused) {
    void *block = lua_budget_alloc(&budget, NULL, LUA_TSTRING, 1000);
    budget.bytes_limit = 0;
    block = lua_budget_alloc(&budget, block, 1000, 10);
    cr_assert_not_null(block);
    cr_assert_null(lua_budget_alloc(&budget, block, 10, 11));
    cr_assert(budget.refused);
    cr_assert_eq(budget.breach, LUA_BREACH_NONE, "the first refusal is a breach");
    cr_assert_null(lua_budget_alloc(&budget, block, 10, 11));
    cr_assert_eq(budget.breach, LUA_BREACH_MEMORY);
    budget.bytes_limit = UINT64_MAX;
    cr_assert_null(lua_budget_alloc(&budget, block, 10, 0));
}

Test(lua_budget, between_turns_there_is_no_limit) {
    cr_assert_eq(turn("return 1"), LUA_BREACH_NONE);
    cr_assert_not_null(lua_newuserdatauv(L, 4 * MEMORY_BYTES_MAX, 0));
    lua_settop(L, 0);
    lua_gc(L, LUA_GCCOLLECT);
}

// --- Time ----------------------------------------------------------------------------------------

Test(lua_budget, a_turn_over_its_time_is_ended_though_it_has_instructions_left) {
    budget.instructions_max = UINT64_C(1) << 60;
    budget.deadline_ms = 20;
    cr_assert_eq(turn("while true do end"), LUA_BREACH_DEADLINE);
    cr_assert_eq(turn("while true do pcall(function() while true do end end) end"),
                 LUA_BREACH_DEADLINE);
    // Long enough to look at the clock.
    cr_assert_eq(turn("for i = 1, 2000 do end"), LUA_BREACH_NONE, "its time goes on in the next");
}

// --- Ends ----------------------------------------------------------------------------------------

Test(lua_budget, the_first_breach_is_the_one_that_is_told) {
    budget.instructions_max = UINT64_C(1) << 60;
    budget.deadline_ms = 20;
    cr_assert_eq(turn("local t = {} pcall(function() for i = 1, 1000 do t[i] = base .. i "
                      "end end) while true do end"),
                 LUA_BREACH_MEMORY);
}

static int crash(lua_State *state) {
    lua_budget_raise(state, LUA_BREACH_CRASH);
}

Test(lua_budget, an_end_that_is_no_budgets_cannot_be_caught_either) {
    lua_register(L, "crash", crash);
    cr_assert_eq(turn("pcall(crash) for i = 1, 10 do after = i end"), LUA_BREACH_CRASH);
    lua_getglobal(L, "after");
    cr_assert(lua_isnil(L, -1));
}
