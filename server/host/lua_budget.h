// lua_budget: what one turn of a Lua behaviour may use: instructions, time and memory.
//
// Each lua_State has one, which its coroutines share. Instructions are counted by a hook on every
// thread, memory by the allocator; work that Lua does in C, between two instructions, is charged
// by whoever does it. What goes over a budget ends the turn: from then on each instruction raises
// an error, so that a pcall of the behaviour can catch some of them, but never go on.
//
// A hook more than doubles what an instruction costs. So on a thread that has called
// lua_budget_watch most turns begin without one: every few milliseconds of its processor time the
// thread is interrupted, and the turn that is running then gets its hook.
// It knows nothing of actors; lua_machine begins and ends turns.
#pragma once

#include "base/status.h"

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Between two looks at the budgets. Small, because a single instruction may take long.
#define LUA_BUDGET_INTERVAL 256
// Smaller budgets are counted from the first instruction on, others from the first tick on.
#define LUA_BUDGET_EXACT_INSTRUCTIONS 10000000u
#define LUA_BUDGET_EXACT_MS 100u
#define LUA_BUDGET_TICK_MS 5u

enum lua_breach {
    LUA_BREACH_NONE,
    LUA_BREACH_INSTRUCTIONS,
    LUA_BREACH_DEADLINE,
    LUA_BREACH_MEMORY,
    LUA_BREACH_CRASH, // not of a budget: the turn has crashed, and the context knows how
};

struct lua_budget {
    // set before lua_newstate, immutable afterwards
    uint64_t instructions_max;
    uint64_t memory_bytes_max; // that one turn may add to what is there
    uint64_t deadline_ms;
    // worker thread only
    lua_State      *running;  // the thread that runs now; NULL outside turns
    volatile bool   counting; // it has a hook; so has each that runs after it in this turn
    uint64_t        bytes;    // of all blocks
    uint64_t        bytes_limit;
    uint64_t        added;    // by the last turn
    uint64_t        entered;  // bytes of blocks made since the last look
    uint64_t        begun_ms; // 0: the clock was not read yet
    int64_t         left;     // instructions; below 0 when over
    bool            refused;  // the last block that was asked for
    bool            short_of; // memory, at some time in this turn
    enum lua_breach breach;
};

// The allocator of lua_newstate, `context` is the budget. It refuses what would go over
// `bytes_limit`; Lua collects its garbage then and asks once more, and the second refusal is the
// breach.   Thread: worker.
void *lua_budget_alloc(void *context, void *block, size_t before, size_t bytes);

// The budget of the state that `L` belongs to: lua_budget_bind has put it there.   Thread: worker.
static inline struct lua_budget *lua_budget_of(lua_State *L) {
    return *(struct lua_budget **)lua_getextraspace(L);
}

// To be called once, before the first turn and before the first coroutine.   Thread: worker.
void lua_budget_bind(struct lua_budget *budget, lua_State *L);

// From now on the calling thread is interrupted when it has run for long. Where that is refused its
// turns are counted from the beginning, as before. Once per thread is enough.   Thread: worker.
void lua_budget_watch(void);

// The turn goes on with `L`, a coroutine or what has resumed it.   Thread: worker.
void lua_budget_switch(lua_State *L);

// A turn begins with full budgets / is over; what Lua does in between is not limited.
// Thread: worker.
void lua_budget_begin(struct lua_budget *budget, lua_State *L);
void lua_budget_end(struct lua_budget *budget);

// Counts work that was done, or is about to be done, as so many instructions.
// Fails: raises a Lua error where the budget is used up.   Thread: worker.
void lua_budget_charge(lua_State *L, uint64_t units);

// The same for code that no error may leave. False where the budget is used up: the breach is
// noted, and lua_budget_check raises it.   Thread: worker.
NODISCARD bool lua_budget_spend(lua_State *L, uint64_t units);

// Raises again where there was a breach: for functions that catch errors.   Thread: worker.
void lua_budget_check(lua_State *L);

// Ends the turn with this breach.   Thread: worker.
_Noreturn void lua_budget_raise(lua_State *L, enum lua_breach breach);
