// For memmem.
#define _GNU_SOURCE
#include "host/lua_budget.h"
#include "host/lua_libraries.h"
#include "host/lua_pattern.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#define BYTES_PER_UNIT 64

struct text {
    const char *data;
    size_t      bytes;
};

static struct text text_at(lua_State *L, int argument) {
    struct text text;
    text.data = luaL_checklstring(L, argument, &text.bytes);
    return text;
}

// Where to begin, from 0; more than `bytes` if that is behind the end.
static size_t begin_at(lua_Integer init, size_t bytes) {
    if (init > 0) return (size_t)init - 1;
    if (init == 0) return 0;
    return init < -(lua_Integer)bytes ? 0 : bytes - (size_t)-init;
}

// --- rep, and those that only look ---------------------------------------------------------------

static int string_rep(lua_State *L) {
    struct text text = text_at(L, 1), between = {"", 0};
    lua_Integer count = luaL_checkinteger(L, 2);
    if (!lua_isnoneornil(L, 3)) between = text_at(L, 3);
    size_t step = text.bytes + between.bytes;
    if (count <= 0 || step == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if ((size_t)count > (size_t)LUA_MAXINTEGER / step) {
        return luaL_error(L, "resulting string too large");
    }
    luaL_Buffer buffer;
    size_t      bytes = step * (size_t)count - between.bytes;
    char       *at = luaL_buffinitsize(L, &buffer, bytes);
    lua_budget_charge(L, bytes / BYTES_PER_UNIT + (uint64_t)count / 8);
    while (count-- > 0) {
        memcpy(at, text.data, text.bytes);
        at += text.bytes;
        if (count == 0) break;
        memcpy(at, between.data, between.bytes);
        at += between.bytes;
    }
    luaL_pushresultsize(&buffer, bytes);
    return 1;
}

// Runs the function that is its upvalue, after the length of its string was charged.
static int charged(lua_State *L) {
    if (lua_type(L, 1) == LUA_TSTRING) lua_budget_charge(L, lua_rawlen(L, 1) / BYTES_PER_UNIT);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static void charge_field(lua_State *L, const char *name) {
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, charged, 1);
    lua_setfield(L, -2, name);
}

// --- Patterns ------------------------------------------------------------------------------------

static struct lua_pattern match_of(lua_State *L, struct text subject, struct text pattern) {
    return (struct lua_pattern){
        .L = L,
        .begin = subject.data,
        .end = subject.data + subject.bytes,
        .pattern_end = pattern.data + pattern.bytes,
    };
}

static bool has_no_specials(struct text pattern) {
    for (size_t i = 0; i < pattern.bytes; i++) {
        if (pattern.data[i] != '\0' && strchr("^$*+?.([%-", pattern.data[i]) != NULL) return false;
    }
    return true;
}

static int find_plain(lua_State *L, struct text subject, struct text wanted, size_t begin) {
    lua_budget_charge(L, (subject.bytes - begin) / BYTES_PER_UNIT);
    const char *found =
        memmem(subject.data + begin, subject.bytes - begin, wanted.data, wanted.bytes);
    if (found == NULL) {
        luaL_pushfail(L);
        return 1;
    }
    lua_pushinteger(L, found - subject.data + 1);
    lua_pushinteger(L, found - subject.data + (lua_Integer)wanted.bytes);
    return 2;
}

static int search(lua_State *L, bool find) {
    struct text subject = text_at(L, 1), pattern = text_at(L, 2);
    size_t      begin = begin_at(luaL_optinteger(L, 3, 1), subject.bytes);
    if (begin > subject.bytes) {
        luaL_pushfail(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || has_no_specials(pattern))) {
        return find_plain(L, subject, pattern, begin);
    }
    struct lua_pattern match = match_of(L, subject, pattern);
    const char        *p = pattern.data, *at = subject.data + begin;
    bool               anchored = pattern.bytes > 0 && *p == '^';
    if (anchored) p++;
    do {
        const char *end = lua_pattern_match(&match, at, p);
        if (end == NULL) continue;
        if (!find) return lua_pattern_push_all(&match, at, end);
        lua_pushinteger(L, at - subject.data + 1);
        lua_pushinteger(L, end - subject.data);
        return lua_pattern_push_all(&match, NULL, NULL) + 2;
    } while (at++ < match.end && !anchored);
    luaL_pushfail(L);
    return 1;
}

static int string_find(lua_State *L) {
    return search(L, true);
}

static int string_match(lua_State *L) {
    return search(L, false);
}

// Upvalues: subject, pattern, where to go on (from 0), where the last match ended (-1: none).
static int next_match(lua_State *L) {
    struct text subject, pattern;
    subject.data = lua_tolstring(L, lua_upvalueindex(1), &subject.bytes);
    pattern.data = lua_tolstring(L, lua_upvalueindex(2), &pattern.bytes);
    struct lua_pattern match = match_of(L, subject, pattern);
    const char        *at = subject.data + lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer        last = lua_tointeger(L, lua_upvalueindex(4));
    for (; at <= match.end; at++) {
        const char *end = lua_pattern_match(&match, at, pattern.data);
        if (end == NULL || end - subject.data == last) continue;
        lua_pushinteger(L, end - subject.data);
        lua_copy(L, -1, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return lua_pattern_push_all(&match, at, end);
    }
    return 0;
}

static int string_gmatch(lua_State *L) {
    struct text subject = text_at(L, 1);
    (void)text_at(L, 2);
    size_t begin = begin_at(luaL_optinteger(L, 3, 1), subject.bytes);
    lua_settop(L, 2);
    lua_pushinteger(L, begin > subject.bytes ? (lua_Integer)subject.bytes + 1 : (lua_Integer)begin);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, next_match, 4);
    return 1;
}

// --- gsub ----------------------------------------------------------------------------------------

struct substitution {
    struct lua_pattern match;
    luaL_Buffer        buffer;
    int                kind;        // of the replacement, a Lua type
    struct text        replacement; // where that is a string
};

static void add_expanded(struct substitution *in, const char *at, const char *end) {
    lua_State  *L = in->match.L;
    const char *text = in->replacement.data, *last = text + in->replacement.bytes;
    while (text < last) {
        const char *escape = memchr(text, '%', (size_t)(last - text));
        const char *stop = escape == NULL ? last : escape;
        luaL_addlstring(&in->buffer, text, (size_t)(stop - text));
        if (escape == NULL) return;
        text = escape + 2;
        char name = escape + 1 < last ? escape[1] : '\0';
        if (name == '%') {
            luaL_addchar(&in->buffer, '%');
        } else if (name == '0') {
            luaL_addlstring(&in->buffer, at, (size_t)(end - at));
        } else if (name >= '1' && name <= '9') {
            lua_pattern_push(&in->match, name - '1', at, end);
            luaL_tolstring(L, -1, NULL); // a position is a number
            lua_remove(L, -2);
            luaL_addvalue(&in->buffer);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
}

// Argument 3 is the function or table.
static void add_replaced(struct substitution *in, const char *at, const char *end) {
    lua_State *L = in->match.L;
    if (in->kind == LUA_TSTRING) return add_expanded(in, at, end);
    if (in->kind == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, lua_pattern_push_all(&in->match, at, end), 1);
    } else {
        lua_pattern_push(&in->match, 0, at, end);
        lua_gettable(L, 3);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(&in->buffer, at, (size_t)(end - at));
    } else if (lua_isstring(L, -1)) {
        luaL_addvalue(&in->buffer);
    } else {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
}

static int string_gsub(lua_State *L) {
    struct text subject = text_at(L, 1), pattern = text_at(L, 2);
    lua_Integer count = 0, count_max = luaL_optinteger(L, 4, (lua_Integer)subject.bytes + 1);
    bool        anchored = pattern.bytes > 0 && *pattern.data == '^';

    struct substitution in;
    in.match = match_of(L, subject, pattern);
    in.kind = lua_type(L, 3);
    if (in.kind == LUA_TNUMBER) in.kind = LUA_TSTRING;
    if (in.kind == LUA_TSTRING) {
        in.replacement = text_at(L, 3);
    } else if (in.kind != LUA_TFUNCTION && in.kind != LUA_TTABLE) {
        return luaL_typeerror(L, 3, "string/function/table");
    }
    luaL_buffinit(L, &in.buffer);
    const char *p = pattern.data + (anchored ? 1 : 0), *at = subject.data, *last = NULL;
    while (count < count_max) {
        const char *end = lua_pattern_match(&in.match, at, p);
        if (end != NULL && end != last) {
            count++;
            add_replaced(&in, at, end);
            at = last = end;
        } else if (at < in.match.end) {
            luaL_addchar(&in.buffer, *at++);
        } else {
            break;
        }
        if (anchored) break;
    }
    luaL_addlstring(&in.buffer, at, (size_t)(in.match.end - at));
    luaL_pushresult(&in.buffer);
    lua_pushinteger(L, count);
    return 2;
}

void lua_libraries_string(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"find", string_find}, {"match", string_match}, {"gmatch", string_gmatch},
        {"gsub", string_gsub}, {"rep", string_rep},     {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
    lua_pushnil(L); // bytecode has no use where it cannot be loaded
    lua_setfield(L, -2, "dump");
    charge_field(L, "unpack");
}

void lua_libraries_utf8(lua_State *L) {
    charge_field(L, "len");
    charge_field(L, "offset");
    charge_field(L, "codepoint");
}
