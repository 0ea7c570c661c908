// lua_program: a behaviour in Lua as the host knows it: its source, and the descriptor by which the
// rest of the host runs it as it runs one in C.
//
// The file returns a table: name (else the file's, without .lua), version, the callbacks, and
// options: turn_instructions, turn_deadline_ms, memory_bytes, hibernate_after_ms. A field with
// another name is refused: it is a callback with a slip in it.
// Immutable once it is made; each worker makes its own machine of it.
// Source: docs/writing-behaviours.md.
#pragma once

#include "base/status.h"
#include "host/lua_machine.h"

#include <peeper/behaviour.h>

#include <stddef.h>
#include <stdint.h>

#define LUA_SOURCE_BYTES_MAX (1u << 20)
#define LUA_NAME_BYTES_MAX 63
#define LUA_CHUNK_BYTES 80
#define LUA_INSTRUCTIONS_MAX 50000000u // of a turn, unless the file says otherwise
// The keeper ends a host this much later than the turn should have ended here.
#define LUA_DEADLINE_GRACE_MS 1000u

struct lua_program {
    char                   *source; // owned
    size_t                  source_bytes;
    char                    chunk[LUA_CHUNK_BYTES]; // what errors call it: "@counter.lua"
    char                    name[LUA_NAME_BYTES_MAX + 1];
    char                    version[LUA_NAME_BYTES_MAX + 1];
    uint64_t                instructions_max;
    uint64_t                deadline_ms; // the descriptor's is longer
    struct peeper_behaviour descriptor;
};

// Makes a program of the text of a file, whose name (without folders) is `file`; runs it once.
// `why` is a sentence for the operator where that fails.
// Fails: STATUS_NO_MEMORY, STATUS_INVALID (does not compile, raises, returns no behaviour),
//        STATUS_TOO_LARGE.   Thread: main.
NODISCARD enum status lua_program_create(const char *file, const char *source, size_t bytes,
                                         struct lua_program **ret_program, char why[LUA_WHY_BYTES]);

// NULL is fine.   Thread: as the creator, when no worker uses it any more.
void lua_program_destroy(struct lua_program *program);
