#include "host/lua_sandbox.h"

#include "host/lua_budget.h"
#include "host/lua_libraries.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>

// Of Lua's base library. Others are replaced below, or they are not there.
static const char *const BASE[] = {
    "assert", "error",  "getmetatable", "ipairs",   "next",     "pairs", "pcall",    "rawequal",
    "rawget", "rawlen", "select",       "tonumber", "tostring", "type",  "_VERSION",
};

static const struct {
    const char *name;
    int (*open)(lua_State *L);
    void (*replace)(lua_State *L);
} LIBRARIES[] = {
    {"string", luaopen_string, lua_libraries_string},
    {"table", luaopen_table, lua_libraries_table},
    {"coroutine", luaopen_coroutine, lua_libraries_coroutine},
    {"utf8", luaopen_utf8, lua_libraries_utf8},
    {"math", luaopen_math, NULL},
};

// --- Read-only tables ----------------------------------------------------------------------------
// An empty table whose metatable has the real one as __index, and is itself out of reach: there is
// no other way to refuse a write to a key that exists.

static int refuse_write(lua_State *L) {
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    return luaL_error(L, "%s.%s cannot be set: it is read-only",
                      lua_tostring(L, lua_upvalueindex(1)), key);
}

static int refuse_global(lua_State *L) {
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    return luaL_error(L, "global '%s' cannot be set: what lasts belongs into the state", key);
}

static int write_through(lua_State *L) {
    lua_rawset(L, lua_upvalueindex(1));
    return 0;
}

// Replaces the table on top of the stack. `write` gets its upvalue from the stack, above it.
static void wrap(lua_State *L, lua_CFunction write) {
    lua_pushcclosure(L, write, 1);
    lua_createtable(L, 0, 3);
    lua_insert(L, -2);
    lua_setfield(L, -2, "__newindex");
    lua_insert(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_newtable(L);
    lua_insert(L, -2);
    lua_setmetatable(L, -2);
}

// --- Functions that could open a way around ------------------------------------------------------

// rawset on a read-only table would write into the empty one, where __index looks last.
static int base_rawset(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
        return luaL_error(L, "cannot rawset a protected table");
    }
    lua_rawset(L, 1);
    return 1;
}

static int finish_xpcall(lua_State *L, int status, lua_KContext context) {
    (void)context;
    bool whole = status == LUA_OK || status == LUA_YIELD;
    lua_budget_check(L);
    if (!whole) {
        lua_pushvalue(L, 1);
        lua_insert(L, -2);
        lua_call(L, 1, 1);
    }
    lua_pushboolean(L, whole);
    lua_replace(L, 1);
    return lua_gettop(L);
}

// The handler runs when the error has come out, not amid it: what it does there no hook would see.
static int base_xpcall(lua_State *L) {
    luaL_checkany(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 1);
    lua_remove(L, 1);
    lua_insert(L, 2); // the handler, the function, its arguments
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_xpcall);
    return finish_xpcall(L, status, 0);
}

static bool has_field(lua_State *L, int index, const char *name) {
    lua_pushstring(L, name);
    bool there = lua_rawget(L, index) != LUA_TNIL;
    lua_pop(L, 1);
    return there;
}

static int base_setmetatable(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnoneornil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    lua_settop(L, 2);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
        return luaL_error(L, "cannot change a protected metatable");
    }
    // Finalizers run whenever memory is collected, in the turn of another actor.
    if (lua_istable(L, 2) && has_field(L, 2, "__gc")) {
        return luaL_error(L, "a metatable with __gc is not allowed");
    }
    lua_setmetatable(L, 1);
    return 1;
}

// --- The globals ---------------------------------------------------------------------------------

static void add_base(lua_State *L, int content) {
    luaL_requiref(L, "_G", luaopen_base, 0);
    for (size_t i = 0; i < sizeof BASE / sizeof BASE[0]; i++) {
        lua_getfield(L, -1, BASE[i]);
        lua_setfield(L, content, BASE[i]);
    }
    lua_pop(L, 1);
    lua_pushcfunction(L, base_rawset);
    lua_setfield(L, content, "rawset");
    lua_pushcfunction(L, base_xpcall);
    lua_setfield(L, content, "xpcall");
    lua_pushcfunction(L, base_setmetatable);
    lua_setfield(L, content, "setmetatable");
}

// Methods of strings: ("x"):rep(3). Not the arithmetic that Lua's own metatable has for strings:
// turning a string of megabytes into a number is nothing for a single instruction.
static void set_string_methods(lua_State *L) {
    lua_pushliteral(L, "");
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, -3); // the library
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

void lua_sandbox_add(lua_State *L, int globals, const char *name) {
    lua_pushstring(L, name);
    wrap(L, refuse_write);
    lua_sandbox_add_function(L, globals, name);
}

void lua_sandbox_add_function(lua_State *L, int globals, const char *name) {
    lua_setfield(L, globals, name); // by __newindex, into what lies behind
}

void lua_sandbox_open(lua_State *L) {
    lua_newtable(L);
    int content = lua_gettop(L);
    add_base(L, content);
    lua_pushvalue(L, content);
    wrap(L, write_through);
    int globals = content;
    for (size_t i = 0; i < sizeof LIBRARIES / sizeof LIBRARIES[0]; i++) {
        luaL_requiref(L, LIBRARIES[i].name, LIBRARIES[i].open, 0);
        if (LIBRARIES[i].replace != NULL) LIBRARIES[i].replace(L);
        if (i == 0) set_string_methods(L);
        lua_sandbox_add(L, globals, LIBRARIES[i].name);
    }
    // Nothing of it is in reach any more; nor is what the libraries have left in it.
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}

void lua_sandbox_close(lua_State *L, int globals) {
    lua_getmetatable(L, globals);
    lua_pushcfunction(L, refuse_global);
    lua_setfield(L, -2, "__newindex");
    lua_pop(L, 1);
}
