#include "host/lua_api.h"

#include "base/clock.h"
#include "host/lua_machine.h"
#include "host/lua_rows.h"
#include "host/lua_sandbox.h"

#include <lauxlib.h>
#include <string.h>

// Its address is what peeper.unchanged is.
static const char UNCHANGED = 0;

bool lua_api_is_unchanged(lua_State *L, int index) {
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == &UNCHANGED;
}

// --- Effects -------------------------------------------------------------------------------------

struct effect {
    enum item_kind kind;
    const char    *name;      // NULL: by id, or the actor itself
    const char    *behaviour; // of ITEM_START
    uint64_t       id;        // of an incarnation, a reference, a timer, a call
    uint64_t       ms;
    uint64_t       result;
};

struct peeper_ctx *lua_api_context(lua_State *L) {
    struct peeper_ctx *ctx = lua_machine_of(L)->ctx;
    if (ctx == NULL) luaL_error(L, "there is no actor while the file is loaded");
    return ctx;
}

static void give(struct lua_machine *machine, struct peeper_writer *out) {
    lua_machine_give(machine, LUA_SLOT_EFFECT, out);
}

static struct peeper_writer *reply(struct peeper_ctx *ctx, uint64_t from) {
    return from == peeper_call_from(ctx) ? peeper_reply(ctx) : peeper_reply_to(ctx, from);
}

static void tie(struct peeper_ctx *ctx, struct effect *effect) {
    switch (effect->kind) {
        case ITEM_MONITOR:
            effect->result = effect->name != NULL ? peeper_monitor(ctx, effect->name)
                                                  : peeper_monitor_id(ctx, effect->id);
            return;
        case ITEM_LINK:
            if (effect->name != NULL) return peeper_link(ctx, effect->name);
            return peeper_link_id(ctx, effect->id);
        default:
            if (effect->name != NULL) return peeper_unlink(ctx, effect->name);
            return peeper_unlink_id(ctx, effect->id);
    }
}

static void run_effect(struct lua_machine *machine, void *argument) {
    struct effect     *effect = argument;
    struct peeper_ctx *ctx = machine->ctx;
    const char        *name = effect->name;
    switch (effect->kind) {
        case ITEM_SEND: return give(machine, peeper_send(ctx, name));
        case ITEM_CAST: return give(machine, peeper_cast(ctx, name));
        case ITEM_CALL: return give(machine, peeper_call(ctx, name, (uint32_t)effect->ms));
        case ITEM_START: return give(machine, peeper_start(ctx, effect->behaviour, name));
        case ITEM_STOP: return give(machine, peeper_stop(ctx, name));
        case ITEM_REPLY: return give(machine, reply(ctx, effect->id));
        case ITEM_TIMER:
            return give(machine, peeper_send_after(ctx, name, effect->ms, &effect->result));
        case ITEM_CANCEL_TIMER: return peeper_cancel_timer(ctx, effect->id);
        case ITEM_DEMONITOR: return peeper_demonitor(ctx, effect->id);
        default: return tie(ctx, effect);
    }
}

void lua_api_protect(lua_State *L, void (*run)(struct lua_machine *machine, void *argument),
                     void      *argument) {
    struct lua_machine *machine = lua_machine_of(L);
    struct peeper_ctx  *ctx = machine->ctx;
    jmp_buf             outside;
    memcpy(&outside, &ctx->escape, sizeof outside);
    bool crashed = _setjmp(ctx->escape) != 0;
    if (!crashed) run(machine, argument);
    memcpy(&ctx->escape, &outside, sizeof outside);
    if (crashed) lua_budget_raise(L, LUA_BREACH_CRASH);
}

static void emit(lua_State *L, struct effect *effect) {
    lua_api_protect(L, run_effect, effect);
}

// --- Arguments -----------------------------------------------------------------------------------

static const char *name_at(lua_State *L, int argument) {
    size_t      bytes;
    const char *name = luaL_checklstring(L, argument, &bytes);
    bool        good = bytes <= CONTEXT_NAME_BYTES_MAX && strlen(name) == bytes;
    luaL_argcheck(L, good, argument, "a name has up to 255 bytes, none of them 0");
    return name;
}

static uint64_t number_at(lua_State *L, int argument) {
    lua_Integer number = luaL_checkinteger(L, argument);
    luaL_argcheck(L, number >= 0, argument, "must not be negative");
    return (uint64_t)number;
}

static void value_at(lua_State *L, int argument, const char *name) {
    if (lua_isnone(L, argument)) lua_settop(L, argument);
    lua_machine_write(L, argument, LUA_SLOT_EFFECT, name);
}

// An actor by name or by the id of its incarnation.
static void actor_at(lua_State *L, int argument, struct effect *effect) {
    if (lua_type(L, argument) == LUA_TNUMBER) {
        effect->id = number_at(L, argument);
    } else {
        effect->name = name_at(L, argument);
    }
}

// --- Functions -----------------------------------------------------------------------------------

static int send_message(lua_State *L, enum item_kind kind) {
    (void)lua_api_context(L);
    struct effect effect = {.kind = kind, .name = name_at(L, 1)};
    value_at(L, 2, kind == ITEM_STOP ? "reason" : "message");
    emit(L, &effect);
    return 0;
}

static int api_send(lua_State *L) {
    return send_message(L, ITEM_SEND);
}

static int api_cast(lua_State *L) {
    return send_message(L, ITEM_CAST);
}

static int api_stop(lua_State *L) {
    luaL_checkany(L, 1);
    if (lua_isnoneornil(L, 2)) {
        lua_settop(L, 1);
        lua_pushliteral(L, "normal");
    }
    return send_message(L, ITEM_STOP);
}

static int api_call(lua_State *L) {
    (void)lua_api_context(L);
    struct effect effect = {.kind = ITEM_CALL, .name = name_at(L, 1)};
    if (!lua_isnoneornil(L, 3)) effect.ms = number_at(L, 3);
    luaL_argcheck(L, effect.ms <= CALL_TIMEOUT_MS_MAX, 3, "is more than an hour");
    value_at(L, 2, "message");
    emit(L, &effect);
    return 0;
}

static int api_start(lua_State *L) {
    (void)lua_api_context(L);
    struct effect effect = {.kind = ITEM_START, .behaviour = name_at(L, 1)};
    luaL_argcheck(L, strlen(effect.behaviour) < 64, 1, "is too long for a behaviour");
    effect.name = lua_isnoneornil(L, 2) ? "" : name_at(L, 2);
    value_at(L, 3, "argument");
    emit(L, &effect);
    return 0;
}

static int api_reply(lua_State *L) {
    (void)lua_api_context(L);
    struct effect effect = {.kind = ITEM_REPLY, .id = number_at(L, 1)};
    value_at(L, 2, "reply");
    emit(L, &effect);
    return 0;
}

static int api_send_after(lua_State *L) {
    (void)lua_api_context(L);
    struct effect effect = {.kind = ITEM_TIMER, .ms = number_at(L, 2)};
    if (!lua_isnoneornil(L, 1)) effect.name = name_at(L, 1);
    value_at(L, 3, "message");
    emit(L, &effect);
    lua_pushinteger(L, (lua_Integer)effect.result);
    return 1;
}

static int api_cancel_timer(lua_State *L) {
    (void)lua_api_context(L);
    struct effect effect = {.kind = ITEM_CANCEL_TIMER, .id = number_at(L, 1)};
    emit(L, &effect);
    return 0;
}

static int api_demonitor(lua_State *L) {
    (void)lua_api_context(L);
    struct effect effect = {.kind = ITEM_DEMONITOR, .id = number_at(L, 1)};
    emit(L, &effect);
    return 0;
}

static int api_monitor(lua_State *L) {
    (void)lua_api_context(L);
    struct effect effect = {.kind = ITEM_MONITOR};
    actor_at(L, 1, &effect);
    emit(L, &effect);
    lua_pushinteger(L, (lua_Integer)effect.result);
    return 1;
}

static int api_link(lua_State *L) {
    (void)lua_api_context(L);
    struct effect effect = {.kind = ITEM_LINK};
    actor_at(L, 1, &effect);
    emit(L, &effect);
    return 0;
}

static int api_unlink(lua_State *L) {
    (void)lua_api_context(L);
    struct effect effect = {.kind = ITEM_UNLINK};
    actor_at(L, 1, &effect);
    emit(L, &effect);
    return 0;
}

static int api_exit(lua_State *L) {
    struct peeper_ctx *ctx = lua_api_context(L);
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_pushliteral(L, "normal");
    }
    value_at(L, 1, "reason");
    lua_machine_give(lua_machine_of(L), LUA_SLOT_EFFECT, ctx->reason);
    ctx->reason_given = true;
    ctx->crash_code = COMMIT_CODE_EXIT;
    ctx->crash_text[0] = '\0';
    lua_budget_raise(L, LUA_BREACH_CRASH);
}

static int api_self(lua_State *L) {
    struct peeper_ctx *ctx = lua_api_context(L);
    lua_pushstring(L, peeper_self_name(ctx));
    lua_pushinteger(L, (lua_Integer)peeper_self_id(ctx));
    return 2;
}

static int api_restarted(lua_State *L) {
    lua_pushboolean(L, peeper_restarted(lua_api_context(L)));
    return 1;
}

static int api_now(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)clock_mono_ms());
    return 1;
}

static int api_time(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)clock_wall_ms());
    return 1;
}

// Also print: all arguments, with tabs between them.
static int api_log(lua_State *L) {
    struct peeper_ctx *ctx = lua_api_context(L);
    int                count = lua_gettop(L);
    luaL_Buffer        text;
    luaL_buffinit(L, &text);
    for (int i = 1; i <= count; i++) {
        if (i > 1) luaL_addchar(&text, '\t');
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&text);
    }
    luaL_pushresult(&text);
    peeper_log(ctx, "%s", lua_tostring(L, -1));
    return 0;
}

static int api_list(lua_State *L) {
    if (lua_isnone(L, 1)) lua_newtable(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    bool plain = lua_getmetatable(L, 1) == 0;
    luaL_argcheck(L, plain, 1, "has a metatable");
    lua_value_mark_list(L, 1);
    lua_settop(L, 1);
    return 1;
}

static int api_bytes(lua_State *L) {
    size_t      bytes;
    const char *data = luaL_checklstring(L, 1, &bytes);
    lua_value_push_bytes(L, data, bytes);
    return 1;
}

void lua_api_open(lua_State *L, int globals) {
    static const luaL_Reg functions[] = {
        {"send", api_send},
        {"cast", api_cast},
        {"call", api_call},
        {"start", api_start},
        {"stop", api_stop},
        {"reply", api_reply},
        {"send_after", api_send_after},
        {"cancel_timer", api_cancel_timer},
        {"monitor", api_monitor},
        {"demonitor", api_demonitor},
        {"link", api_link},
        {"unlink", api_unlink},
        {"exit", api_exit},
        {"self", api_self},
        {"restarted", api_restarted},
        {"now", api_now},
        {"time", api_time},
        {"log", api_log},
        {"list", api_list},
        {"bytes", api_bytes},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    lua_value_push_null(L);
    lua_setfield(L, -2, "null");
    lua_pushlightuserdata(L, (void *)&UNCHANGED);
    lua_setfield(L, -2, "unchanged");
    lua_rows_open(L);
    lua_sandbox_add(L, globals, "peeper");
    lua_pushcfunction(L, api_log);
    lua_sandbox_add_function(L, globals, "print");
}
