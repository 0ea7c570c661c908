// For SIGEV_THREAD_ID.
#define _GNU_SOURCE
#include "host/lua_budget.h"

#include "base/clock.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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
    budget->counting = true;
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

// --- Ticks ---------------------------------------------------------------------------------------

// Initial-exec: the handler must not be the first to touch them, since lazy TLS allocates.
static __thread struct lua_budget *volatile watched __attribute__((tls_model("initial-exec")));
static __thread bool watching __attribute__((tls_model("initial-exec")));

// lua_sethook may be called here: Lua's own interpreter does it in its handler.
static void on_tick(int number) {
    (void)number;
    struct lua_budget *budget = watched;
    if (budget == NULL || budget->counting) return;
    budget->counting = true;
    hook_after(budget->running, 1);
}

void lua_budget_watch(void) {
    if (watching) return;
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGVTALRM};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    const struct timespec   tick = {.tv_nsec = LUA_BUDGET_TICK_MS * 1000000};
    const struct itimerspec times = {.it_interval = tick, .it_value = tick};
    timer_t                 timer;
    // Processor time of this thread: one that sleeps is not woken.
    if (sigaction(SIGVTALRM, &action, NULL) != 0) return;
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) return;
    watching = timer_settime(timer, 0, &times, NULL) == 0;
    if (!watching) timer_delete(timer);
}

void lua_budget_switch(lua_State *L) {
    struct lua_budget *budget = lua_budget_of(L);
    budget->running = L;
    // In this order: a tick in between hooks `L`.
    atomic_signal_fence(memory_order_seq_cst);
    if (budget->counting && lua_gethookmask(L) == 0) hook_after(L, LUA_BUDGET_INTERVAL);
}

// --- Turns ---------------------------------------------------------------------------------------

static bool is_exact(const struct lua_budget *budget) {
    return !watching || budget->instructions_max < LUA_BUDGET_EXACT_INSTRUCTIONS ||
           budget->deadline_ms < LUA_BUDGET_EXACT_MS;
}

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
    budget->counting = is_exact(budget);
    if (budget->counting) return hook_after(L, LUA_BUDGET_INTERVAL);
    if (lua_gethookmask(L) != 0) lua_sethook(L, NULL, 0, 0); // that of an earlier turn
    atomic_signal_fence(memory_order_seq_cst);
    watched = budget;
}

void lua_budget_end(struct lua_budget *budget) {
    uint64_t found = budget->bytes_limit - budget->memory_bytes_max;
    watched = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    budget->running = NULL;
    budget->bytes_limit = UINT64_MAX;
    budget->added = budget->bytes > found ? budget->bytes - found : 0;
}
