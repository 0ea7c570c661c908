#include "host/lua_behaviour.h"

#include "base/check.h"
#include "host/lua_api.h"
#include "host/lua_program.h"

#include <lauxlib.h>
#include <string.h>
#include <xxhash.h>

#define DIGEST_BYTES 16

// The live state, in the copy.
struct lua_live {
    struct lua_machine *machine;              // NULL: there is no state yet
    int                 place;                // of the Lua value, in the registry; 0: none
    uint32_t            bytes;                // of the encoding that was saved last, or loaded
    uint8_t             digest[DIGEST_BYTES]; // of it; the encoding itself where it is so short
};

struct turn {
    struct lua_machine *machine;
    struct lua_live    *live;
    struct peeper_value message;
    const char         *old_version; // of code_change, whose saved state is the message
    struct peeper_value extra;       // of code_change; of the last two callbacks the state
    // what the function answered
    enum peeper_action action;
    bool               replied;
    bool               changed;
    bool               reasoned;
    bool               hibernate;
    enum follow        follow;
    uint64_t           timer_ms;
};

// --- The state -----------------------------------------------------------------------------------

static void digest_of(struct peeper_value saved, uint8_t digest[DIGEST_BYTES]) {
    memset(digest, 0, DIGEST_BYTES);
    if (saved.bytes <= DIGEST_BYTES) {
        if (saved.bytes > 0) memcpy(digest, saved.data, saved.bytes);
        return;
    }
    XXH128_hash_t hash = XXH3_128bits(saved.data, saved.bytes);
    _Static_assert(sizeof hash == DIGEST_BYTES, "a digest is such a hash");
    memcpy(digest, &hash, sizeof hash);
}

// True if it is another one than before.
static bool note_saved(struct lua_live *live, struct peeper_value saved) {
    uint8_t digest[DIGEST_BYTES];
    digest_of(saved, digest);
    uint32_t bytes = (uint32_t)saved.bytes;
    bool     same = live->place != 0 && live->bytes == bytes;
    if (same && memcmp(digest, live->digest, DIGEST_BYTES) == 0) return false;
    live->bytes = bytes;
    memcpy(live->digest, digest, DIGEST_BYTES);
    return true;
}

// nil has no place in the registry: luaL_ref could give it away a second time.
static void push_state(lua_State *L, const struct lua_live *live) {
    if (lua_rawgeti(L, LUA_REGISTRYINDEX, live->place) != LUA_TLIGHTUSERDATA) return;
    lua_pop(L, 1);
    lua_pushnil(L);
}

// Takes the state from the top of the stack.
static void pop_state(lua_State *L, struct lua_live *live) {
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_value_push_null(L);
    }
    if (live->place == 0) {
        live->place = luaL_ref(L, LUA_REGISTRYINDEX);
    } else {
        lua_rawseti(L, LUA_REGISTRYINDEX, live->place);
    }
}

static void write_state(lua_State *L, struct turn *turn) {
    lua_machine_write(L, -1, LUA_SLOT_STATE, "state");
    turn->changed =
        note_saved(turn->live, peeper_writer_value(&turn->machine->values[LUA_SLOT_STATE]));
    turn->machine->saved = turn->live;
}

// What a function returned as the state. nil: the one that there is, with all that was done to it.
static void take_state(lua_State *L, struct turn *turn, int index) {
    if (lua_api_is_unchanged(L, index)) {
        if (turn->live->place == 0) luaL_error(L, "init has no state that could be unchanged");
        return;
    }
    if (lua_isnil(L, index) && turn->live->place != 0) {
        push_state(L, turn->live);
    } else {
        lua_pushvalue(L, index);
    }
    write_state(L, turn);
    pop_state(L, turn->live);
}

// --- What a function returned --------------------------------------------------------------------
// From index 2 on; 1 is the turn.

#define FIRST 2
#define RESULTS 4

static _Noreturn void refuse(lua_State *L, const char *expected) {
    const char *phase = phase_name(lua_machine_of(L)->ctx->phase);
    if (lua_type(L, FIRST) == LUA_TSTRING) {
        luaL_error(L, "bad_return_value(%s): \"%s\"; it returns %s", phase, lua_tostring(L, FIRST),
                   expected);
    }
    luaL_error(L, "bad_return_value(%s): a %s; it returns %s", phase, luaL_typename(L, FIRST),
               expected);
    __builtin_unreachable();
}

static uint64_t milliseconds(lua_State *L, int index) {
    int         whole;
    lua_Integer ms = lua_tointegerx(L, index, &whole);
    if (!whole || ms < 0 || lua_type(L, index) != LUA_TNUMBER) {
        luaL_error(L, "bad_return_value: a time is a number of milliseconds, not %s",
                   luaL_tolstring(L, index, NULL));
    }
    return (uint64_t)ms;
}

static void take_then_table(lua_State *L, struct turn *turn, int index) {
    bool known = false;
    lua_settop(L, index);
    lua_pushliteral(L, "hibernate");
    lua_rawget(L, index);
    turn->hibernate = lua_toboolean(L, -1);
    lua_pushliteral(L, "timer");
    lua_rawget(L, index);
    lua_pushliteral(L, "message");
    lua_rawget(L, index);
    if (!lua_isnil(L, -2)) {
        turn->timer_ms = milliseconds(L, index + 2);
        turn->follow = lua_isnil(L, -1) ? FOLLOW_TIMEOUT : FOLLOW_TIMER;
        if (turn->follow == FOLLOW_TIMER) lua_machine_write(L, -1, LUA_SLOT_REST, "message");
        known = true;
    }
    lua_pushliteral(L, "continue");
    if (lua_rawget(L, index) != LUA_TNIL) {
        if (known || turn->hibernate) {
            luaL_error(L, "bad_return_value: a continue is followed by nothing else");
        }
        turn->follow = FOLLOW_CONTINUE;
        lua_machine_write(L, -1, LUA_SLOT_REST, "continue");
        known = true;
    }
    if (!known && !turn->hibernate) {
        luaL_error(L, "bad_return_value: what follows is a table with none of continue, timer, "
                      "hibernate");
    }
}

static void take_then(lua_State *L, struct turn *turn, int index) {
    switch (lua_type(L, index)) {
        case LUA_TNIL: return;
        case LUA_TNUMBER:
            turn->timer_ms = milliseconds(L, index);
            turn->follow = FOLLOW_TIMEOUT;
            return;
        case LUA_TTABLE: return take_then_table(L, turn, index);
        case LUA_TSTRING:
            if (strcmp(lua_tostring(L, index), "hibernate") != 0) break;
            turn->hibernate = true;
            return;
        default: break;
    }
    luaL_error(L, "bad_return_value: what follows is a number of milliseconds, \"hibernate\" or a "
                  "table");
}

static void take_reason(lua_State *L, struct turn *turn, enum peeper_action action) {
    turn->action = action;
    turn->reasoned = !lua_isnil(L, FIRST + 1);
    if (turn->reasoned) lua_machine_write(L, FIRST + 1, LUA_SLOT_REST, "reason");
}

static void take_init(lua_State *L, struct turn *turn, const char *word) {
    if (strcmp(word, "ok") == 0) {
        take_state(L, turn, FIRST + 1);
        return take_then(L, turn, FIRST + 2);
    }
    if (strcmp(word, "ignore") == 0) {
        turn->action = PEEPER_IGNORE;
    } else if (strcmp(word, "error") == 0 || strcmp(word, "stop") == 0) {
        take_reason(L, turn, *word == 'e' ? PEEPER_ERROR : PEEPER_STOP);
    } else {
        refuse(L, "\"ok\", state; \"ignore\"; \"error\", reason");
    }
}

static void take_change(lua_State *L, struct turn *turn, const char *word) {
    if (strcmp(word, "ok") == 0) {
        take_state(L, turn, FIRST + 1);
    } else if (strcmp(word, "error") == 0) {
        take_reason(L, turn, PEEPER_ERROR);
    } else {
        refuse(L, "\"ok\", state; \"error\", reason");
    }
}

static void take_message(lua_State *L, struct turn *turn, const char *word, bool call) {
    if (call && strcmp(word, "reply") == 0) {
        turn->replied = true;
        lua_machine_write(L, FIRST + 1, LUA_SLOT_REPLY, "reply");
        take_state(L, turn, FIRST + 2);
        take_then(L, turn, FIRST + 3);
    } else if (strcmp(word, "noreply") == 0) {
        take_state(L, turn, FIRST + 1);
        take_then(L, turn, FIRST + 2);
    } else if (strcmp(word, "stop") == 0) {
        take_reason(L, turn, PEEPER_STOP);
        take_state(L, turn, FIRST + 2);
    } else {
        refuse(L, call ? "\"reply\", value, state; \"noreply\", state; \"stop\", reason, state"
                       : "\"noreply\", state; \"stop\", reason, state");
    }
}

static void take_results(lua_State *L, struct turn *turn) {
    enum phase  phase = turn->machine->ctx->phase;
    const char *word = lua_type(L, FIRST) == LUA_TSTRING ? lua_tostring(L, FIRST) : "";
    if (phase == PHASE_TERMINATE) return; // its answer is ignored
    if (phase == PHASE_INIT) return take_init(L, turn, word);
    if (phase == PHASE_CODE_CHANGE) return take_change(L, turn, word);
    take_message(L, turn, word, phase == PHASE_CALL);
}

// --- A turn --------------------------------------------------------------------------------------

static int run_callback(lua_State *L) {
    struct turn             *turn = lua_touserdata(L, 1);
    const struct peeper_ctx *ctx = turn->machine->ctx;
    int                      arguments = 1;
    lua_rawgeti(L, LUA_REGISTRYINDEX, turn->machine->callbacks[ctx->phase]);
    lua_value_push(L, turn->message);
    if (ctx->phase == PHASE_CALL) {
        lua_pushinteger(L, (lua_Integer)ctx->turn);
        arguments++;
    }
    if (ctx->phase != PHASE_INIT) {
        push_state(L, turn->live);
        arguments++;
    }
    lua_call(L, arguments, RESULTS);
    take_results(L, turn);
    return 0;
}

static struct lua_machine *machine_for(struct peeper_ctx *ctx) {
    uint16_t             index = ctx->copy->behaviour;
    struct lua_machines *machines = ctx->lua;
    if (machines->machines[index] != NULL) return machines->machines[index];
    char        why[LUA_WHY_BYTES];
    enum status status =
        lua_machine_create(machines->programs[index], &machines->machines[index], why);
    if (status != STATUS_OK) context_crash(ctx, COMMIT_CODE_MEMORY, "not_loaded(%s)", why);
    return machines->machines[index];
}

// Runs `body` with a turn. Does not answer if that fails: the turn has crashed.
static void run(struct peeper_ctx *ctx, struct turn *turn, lua_CFunction body) {
    struct lua_machine *machine = turn->machine;
    machine->ctx = ctx;
    machine->saved = NULL;
    bool whole = lua_machine_run(machine, body, turn);
    if (whole) {
        machine->ctx = NULL;
        return;
    }
    char             text[CONTEXT_TEXT_BYTES];
    enum commit_code code = lua_machine_describe(machine, text, sizeof text);
    lua_machine_clear(machine);
    machine->ctx = NULL;
    context_crash_traced(ctx, code, text, slice_of(machine->trace, machine->trace_bytes));
}

static struct turn begin(struct peeper_ctx *ctx, void *state) {
    struct lua_live *live = state;
    if (live->machine == NULL) live->machine = machine_for(ctx);
    return (struct turn){.machine = live->machine, .live = live};
}

// Everything that the context may refuse is done here, outside of Lua.
static void settle(struct peeper_ctx *ctx, const struct turn *turn) {
    struct lua_machine *machine = turn->machine;
    if (turn->replied) lua_machine_give(machine, LUA_SLOT_REPLY, peeper_reply(ctx));
    if (turn->changed) peeper_changed(ctx);
    if (turn->reasoned) lua_machine_give(machine, LUA_SLOT_REST, peeper_reason(ctx));
    if (turn->follow == FOLLOW_CONTINUE) {
        lua_machine_give(machine, LUA_SLOT_REST, peeper_then_continue(ctx));
    } else if (turn->follow == FOLLOW_TIMER) {
        lua_machine_give(machine, LUA_SLOT_REST, peeper_then_timer(ctx, turn->timer_ms));
    } else if (turn->follow == FOLLOW_TIMEOUT) {
        peeper_then_timeout(ctx, turn->timer_ms);
    }
    if (turn->hibernate) peeper_then_hibernate(ctx);
}

static enum peeper_action run_message(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    struct turn turn = begin(ctx, state);
    turn.message = message;
    run(ctx, &turn, run_callback);
    settle(ctx, &turn);
    return turn.action;
}

static int run_code_change(lua_State *L) {
    struct turn *turn = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, turn->machine->callbacks[PHASE_CODE_CHANGE]);
    lua_pushstring(L, turn->old_version);
    lua_value_push(L, turn->message);
    lua_value_push(L, turn->extra);
    lua_call(L, 3, RESULTS);
    take_results(L, turn);
    return 0;
}

static enum peeper_action change_code(struct peeper_ctx *ctx, void *state, const char *old_version,
                                      struct peeper_value saved, struct peeper_value extra) {
    struct turn turn = begin(ctx, state);
    turn.old_version = old_version;
    turn.message = saved;
    turn.extra = extra;
    run(ctx, &turn, run_code_change);
    settle(ctx, &turn);
    return turn.action;
}

// Beside the actor: there is no live state.
static int run_heard(lua_State *L) {
    struct turn *turn = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, turn->machine->callbacks[turn->machine->ctx->phase]);
    lua_value_push(L, turn->message);
    lua_value_push(L, turn->extra);
    lua_call(L, 2, 0); // its answer is ignored
    return 0;
}

static void hear(struct peeper_ctx *ctx, struct peeper_value before, struct peeper_value state) {
    struct turn turn = {.machine = machine_for(ctx), .message = before, .extra = state};
    run(ctx, &turn, run_heard);
}

static void run_terminate(struct peeper_ctx *ctx, void *state, struct peeper_value reason) {
    (void)run_message(ctx, state, reason);
}

// --- save, load, drop ----------------------------------------------------------------------------

static int run_save(lua_State *L) {
    struct turn *turn = lua_touserdata(L, 1);
    push_state(L, turn->live);
    write_state(L, turn);
    return 0;
}

static void save_state(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    // The state itself is not written to, only what is known of its encoding.
    struct turn turn = begin(ctx, (void *)(uintptr_t)state);
    if (turn.machine->saved != state) run(ctx, &turn, run_save);
    turn.machine->saved = NULL;
    lua_machine_give(turn.machine, LUA_SLOT_STATE, out);
}

static int run_load(lua_State *L) {
    struct turn *turn = lua_touserdata(L, 1);
    lua_value_push(L, turn->message);
    pop_state(L, turn->live);
    return 0;
}

static bool load_state(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    struct turn turn = begin(ctx, state);
    turn.message = saved;
    run(ctx, &turn, run_load);
    (void)note_saved(turn.live, saved);
    return true;
}

static void drop_state(void *state) {
    struct lua_live *live = state;
    if (live->place != 0) luaL_unref(live->machine->L, LUA_REGISTRYINDEX, live->place);
}

// --- Descriptors, and the machines of a worker ---------------------------------------------------

static bool has(const struct lua_machine *machine, enum phase phase) {
    return machine->callbacks[phase] != LUA_NOREF;
}

void lua_behaviour_describe(const struct lua_machine *machine,
                            struct peeper_behaviour  *descriptor) {
    descriptor->abi_version = PEEPER_ABI_VERSION;
    descriptor->state_bytes = sizeof(struct lua_live);
    if (has(machine, PHASE_INIT)) descriptor->init = run_message;
    if (has(machine, PHASE_CALL)) descriptor->handle_call = run_message;
    if (has(machine, PHASE_CAST)) descriptor->handle_cast = run_message;
    if (has(machine, PHASE_INFO)) descriptor->handle_info = run_message;
    if (has(machine, PHASE_CONTINUE)) descriptor->handle_continue = run_message;
    if (has(machine, PHASE_TERMINATE)) descriptor->terminate = run_terminate;
    if (has(machine, PHASE_CODE_CHANGE)) descriptor->code_change = change_code;
    if (has(machine, PHASE_CHANGED)) descriptor->on_state_changed = hear;
    if (has(machine, PHASE_ENDED)) descriptor->on_terminate = hear;
    descriptor->save = save_state;
    descriptor->load = load_state;
    descriptor->drop = drop_state;
}

void lua_machines_fini(struct lua_machines *machines) {
    for (uint32_t i = 0; i < HOST_BEHAVIOURS_MAX; i++) lua_machine_destroy(machines->machines[i]);
    *machines = (struct lua_machines){0};
}
