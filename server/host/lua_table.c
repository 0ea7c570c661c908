#include "host/lua_budget.h"
#include "host/lua_libraries.h"

#include <lauxlib.h>
#include <stdbool.h>

// Without __len: what a second look at the length says must be what was charged.
static lua_Integer length_at(lua_State *L, int index) {
    luaL_checktype(L, index, LUA_TTABLE);
    return (lua_Integer)lua_rawlen(L, index);
}

// A range of so many elements; 0 where it is empty.
static uint64_t charge_range(lua_State *L, lua_Integer first, lua_Integer last) {
    if (first > last) return 0;
    uint64_t count = (uint64_t)last - (uint64_t)first + 1;
    if (count == 0) count = UINT64_MAX;
    lua_budget_charge(L, count / 4);
    return count;
}

static int table_insert(lua_State *L) {
    lua_Integer end = (lua_Integer)((lua_Unsigned)length_at(L, 1) + 1), at = end;
    int         arguments = lua_gettop(L);
    if (arguments != 2 && arguments != 3) {
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    if (arguments == 3) {
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, at >= 1 && at <= end, 2, "position out of bounds");
        charge_range(L, at, end);
        for (lua_Integer i = end; i > at; i--) {
            lua_geti(L, 1, i - 1);
            lua_seti(L, 1, i);
        }
    }
    lua_seti(L, 1, at);
    return 0;
}

static int table_remove(lua_State *L) {
    lua_Integer end = length_at(L, 1), at = luaL_optinteger(L, 2, end);
    if (!lua_isnoneornil(L, 2)) {
        luaL_argcheck(L, (end == 0 && at == 0) || (at >= 1 && at <= end + 1), 2,
                      "position out of bounds");
    }
    charge_range(L, at, end);
    lua_geti(L, 1, at);
    for (; at < end; at++) {
        lua_geti(L, 1, at + 1);
        lua_seti(L, 1, at);
    }
    lua_pushnil(L);
    lua_seti(L, 1, at);
    return 1;
}

static int table_move(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int         target = lua_isnoneornil(L, 5) ? 1 : 5;
    luaL_checktype(L, target, LUA_TTABLE);
    if (last >= first) {
        luaL_argcheck(L, first > 0 || last < LUA_MAXINTEGER + first, 3, "too many elements");
        lua_Integer count = last - first + 1;
        luaL_argcheck(L, to <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        charge_range(L, first, last);
        bool forward = to > last || to <= first || (target != 1 && !lua_rawequal(L, 1, target));
        for (lua_Integer i = 0; i < count; i++) {
            lua_Integer offset = forward ? i : count - 1 - i;
            lua_geti(L, 1, first + offset);
            lua_seti(L, target, to + offset);
        }
    }
    lua_pushvalue(L, target);
    return 1;
}

static int table_concat(lua_State *L) {
    lua_Integer length = length_at(L, 1);
    size_t      between_bytes;
    const char *between = luaL_optlstring(L, 2, "", &between_bytes);
    lua_Integer first = luaL_optinteger(L, 3, 1), last = luaL_optinteger(L, 4, length);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    uint64_t count = charge_range(L, first, last);
    for (uint64_t i = 0; i < count; i++) {
        lua_Integer index = (lua_Integer)((uint64_t)first + i);
        lua_geti(L, 1, index);
        if (!lua_isstring(L, -1)) {
            return luaL_error(L, "invalid value (at index %I) in table for 'concat'", index);
        }
        luaL_addvalue(&buffer);
        if (i + 1 < count) luaL_addlstring(&buffer, between, between_bytes);
    }
    luaL_pushresult(&buffer);
    return 1;
}

static int table_unpack(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = lua_isnoneornil(L, 3) ? length_at(L, 1) : luaL_checkinteger(L, 3);
    uint64_t    count = charge_range(L, first, last);
    if (count >= INT32_MAX || !lua_checkstack(L, (int)count)) {
        return luaL_error(L, "too many results to unpack");
    }
    for (uint64_t i = 0; i < count; i++) lua_geti(L, 1, (lua_Integer)((uint64_t)first + i));
    return (int)count;
}

// Upvalue: Lua's own sort. Comparing by a function of the behaviour counts by itself.
static int table_sort(lua_State *L) {
    lua_Integer length = length_at(L, 1);
    if (luaL_getmetafield(L, 1, "__len") != LUA_TNIL) {
        return luaL_argerror(L, 1, "cannot sort a table with __len");
    }
    uint64_t units = (uint64_t)length;
    for (lua_Integer n = length; n > 1; n /= 2) units += (uint64_t)length;
    lua_budget_charge(L, units / 4);
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 2, 0);
    return 0;
}

void lua_libraries_table(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"insert", table_insert}, {"remove", table_remove}, {"move", table_move},
        {"concat", table_concat}, {"unpack", table_unpack}, {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "sort");
    lua_pushcclosure(L, table_sort, 1);
    lua_setfield(L, -2, "sort");
}
