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

static int take_results(lua_State *L) {
    struct turn *turn = lua_touserdata(L, 1);
    enum phase   phase = turn->machine->ctx->phase;
    const char  *word = lua_type(L, FIRST) == LUA_TSTRING ? lua_tostring(L, FIRST) : "";
    if (phase == PHASE_INIT) {
        take_init(L, turn, word);
    } else if (phase == PHASE_CODE_CHANGE) {
        take_change(L, turn, word);
    } else {
        take_message(L, turn, word, phase == PHASE_CALL);
    }
    return 0;
}

// --- The same, as nearly every turn returns it ---------------------------------------------------
// Outside of a call, which costs as much as all of this: nothing here takes memory of Lua or raises
// an error. Where it could, or where something is wrong, take_results begins again.

static bool take_plain_state(struct turn *turn, int index) {
    struct lua_machine *machine = turn->machine;
    lua_State          *L = machine->L;
    struct lua_live    *live = turn->live;
    // nil is the state that there is; light userdata may be peeper.unchanged.
    bool other = lua_isnil(L, index) || lua_islightuserdata(L, index);
    if (other || live->place == 0) return false;
    if (!lua_machine_try_write(machine, index, LUA_SLOT_STATE, "state")) return false;
    turn->changed = note_saved(live, peeper_writer_value(&machine->values[LUA_SLOT_STATE]));
    machine->saved = live;
    lua_pushvalue(L, index);
    lua_rawseti(L, LUA_REGISTRYINDEX, live->place); // there is one, so this makes no room
    return true;
}

static bool take_plain(struct turn *turn) {
    struct lua_machine *machine = turn->machine;
    lua_State          *L = machine->L;
    bool                call = machine->ctx->phase == PHASE_CALL;
    if (lua_type(L, LUA_AT_RUN) != LUA_TSTRING) return false;
    const char *word = lua_tostring(L, LUA_AT_RUN);
    if (call && strcmp(word, "reply") == 0) {
        if (!lua_isnil(L, LUA_AT_RUN + 3)) return false;
        if (!lua_machine_try_write(machine, LUA_AT_RUN + 1, LUA_SLOT_REPLY, "reply")) return false;
        turn->replied = take_plain_state(turn, LUA_AT_RUN + 2);
        return turn->replied;
    }
    if (machine->ctx->phase == PHASE_INIT || strcmp(word, "noreply") != 0) return false;
    return lua_isnil(L, LUA_AT_RUN + 2) && take_plain_state(turn, LUA_AT_RUN + 1);
}

// --- A turn --------------------------------------------------------------------------------------

// Called beside the actor: it gets two Values, and no live state.
static bool beside(enum phase phase) {
    return phase >= PHASE_CODE_CHANGE;
}

static int push_values(lua_State *L) {
    const struct turn *turn = lua_touserdata(L, 1);
    enum phase         phase = turn->machine->ctx->phase;
    if (phase == PHASE_CODE_CHANGE) lua_pushstring(L, turn->old_version);
    lua_value_push(L, turn->message);
    if (beside(phase)) lua_value_push(L, turn->extra);
    return lua_gettop(L) - 1;
}

// Pushes the callback and its arguments. False if that ended in an error.
static bool push_call(struct turn *turn) {
    struct lua_machine      *machine = turn->machine;
    const struct peeper_ctx *ctx = machine->ctx;
    lua_State               *L = machine->L;
    lua_pushvalue(L, LUA_AT_CALLBACKS + (int)ctx->phase);
    if (beside(ctx->phase) || !lua_machine_push_plain(machine, turn->message)) {
        lua_pushcfunction(L, push_values);
        lua_pushlightuserdata(L, turn);
        if (!lua_machine_call(machine, 1, LUA_MULTRET)) return false;
        if (beside(ctx->phase)) return true;
        lua_machine_remember(machine);
    }
    if (ctx->phase == PHASE_CALL) lua_pushinteger(L, (lua_Integer)ctx->turn);
    if (ctx->phase != PHASE_INIT) push_state(L, turn->live);
    return true;
}

static bool call_back(struct turn *turn) {
    struct lua_machine *machine = turn->machine;
    lua_State          *L = machine->L;
    enum phase          phase = machine->ctx->phase;
    bool                ignored = phase == PHASE_TERMINATE || phase > PHASE_CODE_CHANGE;
    if (!push_call(turn)) return false;
    int arguments = lua_gettop(L) - LUA_AT_RUN;
    if (!lua_machine_call(machine, arguments, ignored ? 0 : RESULTS)) return false;
    if (ignored || take_plain(turn)) return true;
    lua_pushcfunction(L, take_results);
    lua_insert(L, LUA_AT_RUN);
    lua_pushlightuserdata(L, turn);
    lua_insert(L, LUA_AT_RUN + 1);
    return lua_machine_call(machine, 1 + RESULTS, 0);
}

static struct lua_machine *machine_for(struct peeper_ctx *ctx) {
    uint16_t             index = ctx->copy->behaviour;
    struct lua_machines *machines = ctx->lua;
    if (machines->machines[index] != NULL) return machines->machines[index];
    lua_budget_watch();
    char        why[LUA_WHY_BYTES];
    enum status status =
        lua_machine_create(machines->programs[index], &machines->machines[index], why);
    if (status != STATUS_OK) context_crash(ctx, COMMIT_CODE_MEMORY, "not_loaded(%s)", why);
    return machines->machines[index];
}

// Runs `body` with a turn, or without one the callback. Does not answer if that fails: the turn has
// crashed.
static void run(struct peeper_ctx *ctx, struct turn *turn, lua_CFunction body) {
    struct lua_machine *machine = turn->machine;
    machine->ctx = ctx;
    machine->saved = NULL;
    lua_machine_begin(machine);
    bool whole = body == NULL ? call_back(turn) : lua_machine_call_body(machine, body, turn);
    lua_machine_end(machine, whole);
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
    run(ctx, &turn, NULL);
    settle(ctx, &turn);
    return turn.action;
}

static enum peeper_action change_code(struct peeper_ctx *ctx, void *state, const char *old_version,
                                      struct peeper_value saved, struct peeper_value extra) {
    struct turn turn = begin(ctx, state);
    turn.old_version = old_version;
    turn.message = saved;
    turn.extra = extra;
    run(ctx, &turn, NULL);
    settle(ctx, &turn);
    return turn.action;
}

static void hear(struct peeper_ctx *ctx, struct peeper_value before, struct peeper_value state) {
    struct turn turn = {.machine = machine_for(ctx), .message = before, .extra = state};
    run(ctx, &turn, NULL);
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
    struct lua_machine *machine = ((const struct lua_live *)state)->machine;
    if (machine == NULL || machine->saved != state) {
        // The state itself is not written to, only what is known of its encoding.
        struct turn turn = begin(ctx, (void *)(uintptr_t)state);
        machine = turn.machine;
        run(ctx, &turn, run_save);
    }
    machine->saved = NULL;
    lua_machine_give(machine, LUA_SLOT_STATE, out);
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

void lua_behaviour_describe(const struct lua_machine *machine,
                            struct peeper_behaviour  *descriptor) {
    descriptor->abi_version = PEEPER_ABI_VERSION;
    descriptor->state_bytes = sizeof(struct lua_live);
    if (lua_machine_has(machine, PHASE_INIT)) descriptor->init = run_message;
    if (lua_machine_has(machine, PHASE_CALL)) descriptor->handle_call = run_message;
    if (lua_machine_has(machine, PHASE_CAST)) descriptor->handle_cast = run_message;
    if (lua_machine_has(machine, PHASE_INFO)) descriptor->handle_info = run_message;
    if (lua_machine_has(machine, PHASE_CONTINUE)) descriptor->handle_continue = run_message;
    if (lua_machine_has(machine, PHASE_TERMINATE)) descriptor->terminate = run_terminate;
    if (lua_machine_has(machine, PHASE_CODE_CHANGE)) descriptor->code_change = change_code;
    if (lua_machine_has(machine, PHASE_CHANGED)) descriptor->on_state_changed = hear;
    if (lua_machine_has(machine, PHASE_ENDED)) descriptor->on_terminate = hear;
    descriptor->save = save_state;
    descriptor->load = load_state;
    descriptor->drop = drop_state;
}

void lua_machines_fini(struct lua_machines *machines) {
    for (uint32_t i = 0; i < HOST_BEHAVIOURS_MAX; i++) lua_machine_destroy(machines->machines[i]);
    *machines = (struct lua_machines){0};
}
