#include "host/lua_budget.h"

#include "base/clock.h"

#include <stdlib.h>

// Making, copying or comparing so many bytes counts as one instruction.
#define BYTES_PER_UNIT 64
// After so many bytes of new blocks the next instruction looks at the budgets.
#define ENTERED_MAX (1u << 20)

static void on_count(lua_State *L, lua_Debug *event);

static void hook_after(lua_State *L, int instructions) {
    lua_sethook(L, on_count, LUA_MASKCOUNT, instructions);
}

// At the next instruction. lua_sethook is what may be called from anywhere, also amid an
// allocation.
static void hook_soon(struct lua_budget *budget) {
    if (budget->running != NULL) hook_after(budget->running, 1);
}

// --- Memory --------------------------------------------------------------------------------------

static void *refuse(struct lua_budget *budget) {
    if (budget->refused && budget->breach == LUA_BREACH_NONE) {
        budget->breach = LUA_BREACH_MEMORY;
        hook_soon(budget);
    }
    budget->refused = true;
    budget->short_of = true;
    return NULL;
}

void *lua_budget_alloc(void *context, void *block, size_t before, size_t bytes) {
    struct lua_budget *budget = context;
    size_t             held = block == NULL ? 0 : before; // of no block it is a kind of object
    if (bytes == 0) {
        budget->bytes -= held;
        free(block);
        return NULL;
    }
    uint64_t others = budget->bytes - held;
    bool     grows = bytes > held;
    if (grows && (others > budget->bytes_limit || bytes > budget->bytes_limit - others)) {
        return refuse(budget);
    }
    void *moved = realloc(block, bytes);
    if (moved == NULL) return refuse(budget);
    budget->bytes = others + bytes;
    if (!grows) return moved;
    budget->refused = false;
    budget->entered += bytes;
    if (budget->entered >= ENTERED_MAX) hook_soon(budget);
    return moved;
}

// --- Instructions and time -----------------------------------------------------------------------

_Noreturn void lua_budget_raise(lua_State *L, enum lua_breach breach) {
    struct lua_budget *budget = lua_budget_of(L);
    if (budget->breach == LUA_BREACH_NONE) budget->breach = breach;
    hook_after(L, 1);
    // Needs no memory, of which there may be none.
    lua_pushlightuserdata(L, budget);
    lua_error(L);
    __builtin_unreachable();
}

void lua_budget_check(lua_State *L) {
    struct lua_budget *budget = lua_budget_of(L);
    if (budget->breach != LUA_BREACH_NONE) lua_budget_raise(L, budget->breach);
}

static enum lua_breach breach_of(struct lua_budget *budget) {
    if (budget->breach != LUA_BREACH_NONE) return budget->breach;
    if (budget->left < 0) return LUA_BREACH_INSTRUCTIONS;
    uint64_t now_ms = clock_mono_ms();
    // Read here and not where the turn begins: most turns are over before.
    if (budget->begun_ms == 0) budget->begun_ms = now_ms;
    bool late = now_ms - budget->begun_ms >= budget->deadline_ms;
    return late ? LUA_BREACH_DEADLINE : LUA_BREACH_NONE;
}

static void look(lua_State *L, struct lua_budget *budget) {
    enum lua_breach breach = breach_of(budget);
    if (breach != LUA_BREACH_NONE) lua_budget_raise(L, breach);
}

static void on_count(lua_State *L, lua_Debug *event) {
    (void)event;
    struct lua_budget *budget = lua_budget_of(L);
    int                interval = lua_gethookcount(L);
    budget->left -= interval + (int64_t)(budget->entered / BYTES_PER_UNIT);
    budget->entered = 0;
    look(L, budget);
    if (interval != LUA_BUDGET_INTERVAL) hook_after(L, LUA_BUDGET_INTERVAL);
}

static void take(struct lua_budget *budget, uint64_t units) {
    budget->left -= units > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)units;
}

void lua_budget_charge(lua_State *L, uint64_t units) {
    struct lua_budget *budget = lua_budget_of(L);
    take(budget, units);
    if (budget->left < 0) look(L, budget);
}

bool lua_budget_spend(lua_State *L, uint64_t units) {
    struct lua_budget *budget = lua_budget_of(L);
    take(budget, units);
    if (budget->left < 0) budget->breach = breach_of(budget);
    return budget->breach == LUA_BREACH_NONE;
}

// --- Turns ---------------------------------------------------------------------------------------

void lua_budget_bind(struct lua_budget *budget, lua_State *L) {
    *(struct lua_budget **)lua_getextraspace(L) = budget;
}

void lua_budget_begin(struct lua_budget *budget, lua_State *L) {
    budget->running = L;
    budget->bytes_limit = budget->bytes + budget->memory_bytes_max;
    budget->entered = 0;
    budget->begun_ms = 0;
    budget->left = (int64_t)budget->instructions_max;
    budget->refused = false;
    budget->short_of = false;
    budget->breach = LUA_BREACH_NONE;
    hook_after(L, LUA_BUDGET_INTERVAL);
}

void lua_budget_end(struct lua_budget *budget) {
    uint64_t found = budget->bytes_limit - budget->memory_bytes_max;
    budget->running = NULL;
    budget->bytes_limit = UINT64_MAX;
    budget->added = budget->bytes > found ? budget->bytes - found : 0;
}
