#include "host/lua_budget.h"
#include "host/lua_libraries.h"

#include <lauxlib.h>

static lua_State *coroutine_at(lua_State *L, int index) {
    lua_State *coroutine = lua_tothread(L, index);
    if (coroutine == NULL) luaL_typeerror(L, index, "coroutine");
    return coroutine;
}

// The hook of a new coroutine has counted nothing: with one for every few instructions nothing
// would ever be counted.
static int coroutine_create(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_budget_charge(L, LUA_BUDGET_INTERVAL);
    lua_State *coroutine = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, coroutine, 1);
    return 1;
}

// Answers how many results are on the stack of `L`; -1: an error is there.
static int resume(lua_State *L, lua_State *coroutine, int arguments) {
    int count;
    if (!lua_checkstack(coroutine, arguments)) {
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    lua_xmove(L, coroutine, arguments);
    lua_budget_switch(coroutine);
    int status = lua_resume(coroutine, L, arguments, &count);
    lua_budget_switch(L);
    lua_budget_check(L);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(coroutine, L, 1);
        return -1;
    }
    if (!lua_checkstack(L, count + 1)) {
        lua_pop(coroutine, count);
        lua_pushliteral(L, "too many results to resume");
        return -1;
    }
    lua_xmove(coroutine, L, count);
    return count;
}

static int coroutine_resume(lua_State *L) {
    int count = resume(L, coroutine_at(L, 1), lua_gettop(L) - 1);
    lua_pushboolean(L, count >= 0);
    if (count < 0) count = 1;
    lua_insert(L, -(count + 1));
    return count + 1;
}

// Not as in Lua, variables that are to be closed are not when the coroutine has failed: in 5.4.4
// that would not count against the depth of the C stack.
static int run_wrapped(lua_State *L) {
    int count = resume(L, lua_tothread(L, lua_upvalueindex(1)), lua_gettop(L));
    if (count >= 0) return count;
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int coroutine_wrap(lua_State *L) {
    coroutine_create(L);
    lua_pushcclosure(L, run_wrapped, 1);
    return 1;
}

void lua_libraries_coroutine(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"create", coroutine_create},
        {"resume", coroutine_resume},
        {"wrap", coroutine_wrap},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
    lua_pushnil(L);
    lua_setfield(L, -2, "close"); // for the reason above
}
