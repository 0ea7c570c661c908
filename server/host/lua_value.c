#include "host/lua_value.h"

#include "base/utf8.h"
#include "host/lua_budget.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_BYTES_SHOWN 40 // of a key in a fault
#define KEYS_MIN 64

struct lua_value_key {
    const char *text; // of a string that is on the stack
    size_t      bytes;
    int         index; // where
};

// Its address is what peeper.null is; and where, in the registry, the metatables of bytes and of
// lists are.
static const char NULL_PLACE = 0, BYTES_PLACE = 0, LIST_PLACE = 0;

// --- Kinds that Lua does not have ----------------------------------------------------------------

void lua_value_push_null(lua_State *L) {
    lua_pushlightuserdata(L, (void *)&NULL_PLACE);
}

static bool is_null(lua_State *L, int index) {
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == &NULL_PLACE;
}

static int null_text(lua_State *L) {
    lua_pushstring(L, is_null(L, 1) ? "null" : "userdata");
    return 1;
}

void lua_value_push_bytes(lua_State *L, const void *data, size_t bytes) {
    void *room = lua_newuserdatauv(L, bytes, 0);
    if (bytes > 0) memcpy(room, data, bytes);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &BYTES_PLACE);
    lua_setmetatable(L, -2);
}

static bool is_bytes(lua_State *L, int index) {
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &BYTES_PLACE);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

static int bytes_text(lua_State *L) {
    if (!is_bytes(L, 1)) return luaL_argerror(L, 1, "bytes expected");
    lua_pushlstring(L, lua_touserdata(L, 1), lua_rawlen(L, 1));
    return 1;
}

static int bytes_length(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, 1));
    return 1;
}

static int bytes_equal(lua_State *L) {
    size_t bytes = lua_rawlen(L, 1);
    bool   both = is_bytes(L, 1) && is_bytes(L, 2);
    lua_pushboolean(L, both && lua_rawlen(L, 2) == bytes &&
                           memcmp(lua_touserdata(L, 1), lua_touserdata(L, 2), bytes) == 0);
    return 1;
}

// A metatable that getmetatable() only names. It stays on the stack.
static void push_mark(lua_State *L, const char *name) {
    lua_createtable(L, 0, 6);
    lua_pushstring(L, name);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__metatable");
    lua_setfield(L, -2, "__name");
}

static void add_method(lua_State *L, const char *name, lua_CFunction method) {
    lua_pushcfunction(L, method);
    lua_setfield(L, -2, name);
}

void lua_value_open(lua_State *L) {
    push_mark(L, "list");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &LIST_PLACE);
    push_mark(L, "bytes");
    add_method(L, "__tostring", bytes_text);
    add_method(L, "__len", bytes_length);
    add_method(L, "__eq", bytes_equal);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &BYTES_PLACE);
    lua_value_push_null(L);
    push_mark(L, "null");
    add_method(L, "__tostring", null_text);
    lua_setmetatable(L, -2); // of all light userdata; there is no other
    lua_pop(L, 1);
}

void lua_value_mark_list(lua_State *L, int index) {
    lua_pushvalue(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &LIST_PLACE);
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

// --- Values into Lua -----------------------------------------------------------------------------

static void push_inner(lua_State *L, struct peeper_value value);

static int table_room(size_t count) {
    return count > INT32_MAX / 2 ? INT32_MAX / 2 : (int)count;
}

static void push_list(lua_State *L, struct peeper_value list) {
    struct peeper_iter iter = peeper_value_iter(list);
    lua_Integer        index = 0;
    lua_createtable(L, table_room(peeper_value_count(list)), 0);
    while (peeper_iter_next(&iter)) {
        push_inner(L, iter.value);
        lua_rawseti(L, -2, ++index);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &LIST_PLACE);
    lua_setmetatable(L, -2);
}

static void push_map(lua_State *L, struct peeper_value map) {
    struct peeper_iter iter = peeper_value_iter(map);
    lua_createtable(L, 0, table_room(peeper_value_count(map)));
    while (peeper_iter_next(&iter)) {
        lua_pushlstring(L, iter.key, iter.key_bytes);
        push_inner(L, iter.value);
        lua_rawset(L, -3);
    }
}

static void push_one(lua_State *L, struct peeper_value value) {
    const char    *text;
    size_t         bytes;
    int64_t        integer;
    double         number;
    bool           truth;
    const uint8_t *data;
    switch (peeper_value_kind(value)) {
        case PEEPER_BOOL: (void)peeper_value_bool(value, &truth); return lua_pushboolean(L, truth);
        case PEEPER_INT:
            (void)peeper_value_int(value, &integer);
            return lua_pushinteger(L, integer);
        case PEEPER_DOUBLE:
            (void)peeper_value_double(value, &number);
            return lua_pushnumber(L, number);
        case PEEPER_STRING:
            (void)peeper_value_string(value, &text, &bytes);
            lua_pushlstring(L, text, bytes);
            return;
        case PEEPER_BYTES:
            (void)peeper_value_bytes(value, &data, &bytes);
            return lua_value_push_bytes(L, data, bytes);
        case PEEPER_LIST: return push_list(L, value);
        case PEEPER_MAP: return push_map(L, value);
        default: return lua_pushnil(L);
    }
}

bool lua_value_push_plain(lua_State *L, struct peeper_value value) {
    enum peeper_kind kind = peeper_value_kind(value);
    if (kind > PEEPER_DOUBLE) return false;
    push_one(L, value);
    return true;
}

static void push_inner(lua_State *L, struct peeper_value value) {
    if (peeper_value_kind(value) == PEEPER_NULL) return lua_value_push_null(L);
    push_one(L, value);
}

void lua_value_push(lua_State *L, struct peeper_value value) {
    luaL_checkstack(L, 4 * PEEPER_VALUE_DEPTH_MAX, "a nested value");
    push_one(L, value);
}

void lua_value_push_part(lua_State *L, struct peeper_value value) {
    luaL_checkstack(L, 4 * PEEPER_VALUE_DEPTH_MAX, "a nested value");
    push_inner(L, value);
}

// --- Lua into Values -----------------------------------------------------------------------------

// Where in the value the encoder is.
struct level {
    const char *key; // NULL in a list
    size_t      key_bytes;
    lua_Integer index;
};

struct encoding {
    lua_State            *L;
    struct lua_encoder   *encoder;
    struct peeper_writer *out;
    size_t                bytes_max;
    const char           *name;
    uint32_t              depth;
    struct level          levels[PEEPER_VALUE_DEPTH_MAX];
};

static size_t put_path(const struct encoding *in, char *room, size_t room_bytes) {
    size_t at = (size_t)snprintf(room, room_bytes, "%s", in->name);
    for (uint32_t i = 0; i < in->depth && at < room_bytes; i++) {
        const struct level *level = &in->levels[i];
        int                 shown = FIELD_BYTES_SHOWN;
        if (level->key_bytes < FIELD_BYTES_SHOWN) shown = (int)level->key_bytes;
        int bytes = level->key != NULL
                        ? snprintf(room + at, room_bytes - at, ".%.*s", shown, level->key)
                        : snprintf(room + at, room_bytes - at, "[%lld]", (long long)level->index);
        if (bytes < 0) break;
        at += (size_t)bytes;
    }
    return at < room_bytes ? at : room_bytes - 1;
}

// The end of a deep path is left out, never the reason.
static bool fail(const struct encoding *in, const char *why) {
    char  *fault = in->encoder->fault;
    size_t at = put_path(in, fault, LUA_VALUE_FAULT_BYTES - strlen(why) - 3);
    snprintf(fault + at, LUA_VALUE_FAULT_BYTES - at, ": %s", why);
    return false;
}

static bool written(const struct encoding *in) {
    if (in->out->failed) return fail(in, "it is too large");
    if (in->out->bytes > in->bytes_max) return fail(in, "it is too large");
    return true;
}

static bool write_one(struct encoding *in, int index);

static bool write_string(struct encoding *in, int index) {
    size_t      bytes;
    const char *text = lua_tolstring(in->L, index, &bytes);
    if (bytes > in->bytes_max) return fail(in, "it is too large");
    peeper_write_string_n(in->out, text, bytes);
    if (in->out->failed && !utf8_check(text, bytes)) {
        return fail(in, "a string that is not UTF-8; peeper.bytes() makes it bytes");
    }
    return written(in);
}

static bool write_list(struct encoding *in, int index, lua_Integer count) {
    struct level *level = &in->levels[in->depth++];
    *level = (struct level){0};
    peeper_write_list(in->out);
    for (lua_Integer i = 1; i <= count; i++) {
        level->index = i;
        lua_rawgeti(in->L, index, i);
        if (!write_one(in, lua_gettop(in->L))) return false;
        lua_pop(in->L, 1);
    }
    in->depth--;
    peeper_write_end(in->out);
    return written(in);
}

static bool add_key(struct lua_encoder *encoder, struct lua_value_key key) {
    if (encoder->key_count == encoder->key_capacity) {
        size_t capacity = encoder->key_capacity == 0 ? KEYS_MIN : 2 * encoder->key_capacity;
        void  *moved = realloc(encoder->keys, capacity * sizeof *encoder->keys);
        if (moved == NULL) return false;
        encoder->keys = moved;
        encoder->key_capacity = capacity;
    }
    encoder->keys[encoder->key_count++] = key;
    return true;
}

static int by_bytes(const void *a, const void *b) {
    const struct lua_value_key *left = a, *right = b;
    size_t                      bytes = left->bytes < right->bytes ? left->bytes : right->bytes;
    int                         order = memcmp(left->text, right->text, bytes);
    if (order != 0) return order;
    return left->bytes < right->bytes ? -1 : left->bytes > right->bytes;
}

// Small maps are what there is most of, and qsort() is made for others.
static void sort_keys(struct lua_value_key *keys, size_t count) {
    if (count > 12) return qsort(keys, count, sizeof *keys, by_bytes);
    for (size_t i = 1; i < count; i++) {
        struct lua_value_key key = keys[i];
        size_t               at = i;
        for (; at > 0 && by_bytes(&keys[at - 1], &key) > 0; at--) keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

// Leaves all keys on the stack, above `index`.
static bool gather_keys(struct encoding *in, int index) {
    lua_State *L = in->L;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) return fail(in, "its keys are of several kinds");
        struct lua_value_key key = {.index = lua_gettop(L)};
        key.text = lua_tolstring(L, -1, &key.bytes);
        if (!lua_checkstack(L, 8) || !add_key(in->encoder, key)) {
            return fail(in, "it has too many keys");
        }
        lua_pushvalue(L, -1); // one stays, the other is what lua_next goes on from
    }
    return true;
}

static bool write_map(struct encoding *in, int index) {
    size_t first = in->encoder->key_count;
    if (!gather_keys(in, index)) return false;
    size_t count = in->encoder->key_count - first;
    sort_keys(in->encoder->keys + first, count);

    struct level *level = &in->levels[in->depth++];
    peeper_write_map(in->out);
    for (size_t i = 0; i < count; i++) {
        struct lua_value_key key = in->encoder->keys[first + i];
        *level = (struct level){.key = key.text, .key_bytes = key.bytes};
        peeper_write_key_n(in->out, key.text, key.bytes);
        if (in->out->failed && !utf8_check(key.text, key.bytes)) {
            return fail(in, "a key that is not UTF-8");
        }
        lua_pushvalue(in->L, key.index);
        lua_rawget(in->L, index);
        if (!write_one(in, lua_gettop(in->L))) return false;
        lua_pop(in->L, 1);
    }
    in->depth--;
    in->encoder->key_count = first;
    lua_settop(in->L, index);
    peeper_write_end(in->out);
    return written(in);
}

static bool marked_list(lua_State *L, int index, bool *ret_other) {
    *ret_other = false;
    if (!lua_getmetatable(L, index)) return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &LIST_PLACE);
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    *ret_other = !marked;
    return marked;
}

// Whether the keys are just 1..count.
static bool is_sequence(lua_State *L, int index, lua_Integer count) {
    lua_Integer found = 0;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pop(L, 1);
        lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        if (key < 1 || key > count) {
            lua_pop(L, 1);
            return false;
        }
        found++;
    }
    return found == count;
}

// The table is on top of the stack.
static bool write_table(struct encoding *in, int index) {
    lua_State *L = in->L;
    bool       other;
    bool       list = marked_list(L, index, &other);
    if (other) return fail(in, "a table with a metatable is no data");
    if (in->depth == PEEPER_VALUE_DEPTH_MAX) {
        return fail(in, "it is nested deeper than 64 levels, or contains itself");
    }
    if (!lua_checkstack(L, 8)) return fail(in, "it is too large");
    lua_Integer count = (lua_Integer)lua_rawlen(L, index);
    if (!lua_budget_spend(L, (uint64_t)count / 4 + 4)) return fail(in, "no budget is left for it");
    if (!list) {
        lua_pushnil(L);
        if (lua_next(L, index) == 0) return write_map(in, index);
        list = lua_type(L, -2) != LUA_TSTRING;
        lua_pop(L, 2);
        if (!list) return write_map(in, index);
    }
    if (!is_sequence(L, index, count)) {
        return fail(in, "its keys are neither 1..n nor all strings");
    }
    return write_list(in, index, count);
}

static bool write_one(struct encoding *in, int index) {
    switch (lua_type(in->L, index)) {
        case LUA_TNIL: peeper_write_null(in->out); return written(in);
        case LUA_TBOOLEAN:
            peeper_write_bool(in->out, lua_toboolean(in->L, index));
            return written(in);
        case LUA_TNUMBER:
            if (lua_isinteger(in->L, index)) {
                peeper_write_int(in->out, lua_tointeger(in->L, index));
            } else {
                peeper_write_double(in->out, lua_tonumber(in->L, index));
            }
            return written(in);
        case LUA_TSTRING: return write_string(in, index);
        case LUA_TTABLE: return write_table(in, index);
        case LUA_TUSERDATA:
            if (!is_bytes(in->L, index)) break;
            peeper_write_bytes(in->out, lua_touserdata(in->L, index), lua_rawlen(in->L, index));
            return written(in);
        case LUA_TLIGHTUSERDATA:
            if (!is_null(in->L, index)) break;
            peeper_write_null(in->out);
            return written(in);
        case LUA_TFUNCTION: return fail(in, "a function is no data");
        case LUA_TTHREAD: return fail(in, "a coroutine is no data");
        default: break;
    }
    return fail(in, "it is no data");
}

bool lua_value_write(lua_State *L, struct lua_encoder *encoder, int index,
                     struct peeper_writer *out, size_t bytes_max, const char *name) {
    if (lua_isinteger(L, index)) { // in haste: nothing of what follows can be
        peeper_writer_reset(out);
        peeper_write_int(out, lua_tointeger(L, index));
        if (!out->failed) return true;
    }
    struct encoding in;
    in.L = L;
    in.encoder = encoder;
    in.out = out;
    in.bytes_max = bytes_max;
    in.name = name;
    in.depth = 0;
    encoder->key_count = 0;
    peeper_writer_reset(out);
    int top = lua_gettop(L);
    lua_pushvalue(L, index);
    bool whole = write_one(&in, top + 1);
    lua_settop(L, top);
    return whole;
}

void lua_value_encoder_fini(struct lua_encoder *encoder) {
    free(encoder->keys);
    *encoder = (struct lua_encoder){0};
}
