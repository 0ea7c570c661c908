// lua_value: turns Values into Lua values and back.
//
// null           at the top: nil. Inside lists and maps: peeper.null, for nil cannot stand there.
// bool, string   themselves; a Lua string that is no UTF-8 is no Value.
// int, double    integer (64 bits) and float; neither ever becomes the other.
// bytes          an object of its own, made by peeper.bytes(s); tostring() gives its bytes, # their
//                number. So bytes stay bytes on their way through.
// list           a table with the keys 1..n, or one marked as a list, which each list that comes in
//                is (and peeper.list{} makes): so an empty list stays one.
// map            a table with string keys; so is the empty table. Other tables have no Value: those
//                with a metatable, with both kinds of keys, or with keys of another kind; nor have
//                functions, coroutines, userdata, or anything deeper than 64 levels.
//
// The encoding is the same for equal values: keys are sorted by their bytes.
#pragma once

#include <peeper/value.h>

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LUA_VALUE_FAULT_BYTES 256

struct lua_encoder {
    struct lua_value_key *keys; // owned; scratch of the maps that are open
    size_t                key_count;
    size_t                key_capacity;
    // of the last value that could not be written: where and why, as "state.items[3]: ..."
    char fault[LUA_VALUE_FAULT_BYTES];
};

// Prepares a state: null, bytes, lists.
// Fails: raises (memory).   Thread: worker.
void lua_value_open(lua_State *L);

// Pushes `value`, which must be a checked one. / The same as part of something else, where null is
// peeper.null.
// Fails: raises (memory, budget).   Thread: worker.
void lua_value_push(lua_State *L, struct peeper_value value);
void lua_value_push_part(lua_State *L, struct peeper_value value);

// Pushes what takes no memory: null, a bool, an int or a double. False for everything else.
// Thread: worker.
bool lua_value_push_plain(lua_State *L, struct peeper_value value);

// Pushes peeper.null / the bytes object of the string at `index`.   Fails: raises (memory).
// Thread: worker.
void lua_value_push_null(lua_State *L);
void lua_value_push_bytes(lua_State *L, const void *data, size_t bytes);

// Marks the table at `index` as a list.   Thread: worker.
void lua_value_mark_list(lua_State *L, int index);

// Writes what is at `index` as one whole Value to `out`, which is emptied before. False if it has
// none, or if the budget is used up; `encoder->fault` says why then, and `name` is what the value
// is called there. Runs no code of the behaviour, and never raises.   Thread: worker.
bool lua_value_write(lua_State *L, struct lua_encoder *encoder, int index,
                     struct peeper_writer *out, size_t bytes_max, const char *name);

// Frees the scratch.   Thread: worker.
void lua_value_encoder_fini(struct lua_encoder *encoder);
