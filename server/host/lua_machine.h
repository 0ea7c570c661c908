// lua_machine: one Lua state, that of one behaviour on one worker.
//
// It is made from the source when the worker first runs the behaviour, and holds the states of all
// actors of the behaviour that the worker has copies of. Code of the behaviour runs only within
// a run, which ends in good order whatever that code does. Between two runs there is on the Lua
// stack what every run needs, and nothing else.
#pragma once

#include "base/status.h"
#include "host/context.h"
#include "host/lua_budget.h"
#include "host/lua_value.h"

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#define LUA_WHY_BYTES 1024

// Values that were written and wait to be handed to the context.
enum lua_slot { LUA_SLOT_EFFECT, LUA_SLOT_REPLY, LUA_SLOT_STATE, LUA_SLOT_REST, LUA_SLOTS };

// Where on the stack. Reaching into it is cheaper than the registry, and what lies there is not
// collected.
#define LUA_TEXTS 8 // a power of two
enum lua_place {
    LUA_AT_HANDLER = 1,
    LUA_AT_CALLBACKS,                              // by phase; nil if the file has none
    LUA_AT_TEXTS = LUA_AT_CALLBACKS + PHASE_COUNT, // messages that have come lately
    LUA_AT_RUN = LUA_AT_TEXTS + LUA_TEXTS,         // the first that is a run's own
};

// A short string on the stack.
struct lua_text {
    const char *data; // borrowed; NULL: there is none
    size_t      bytes;
};

struct lua_program;

struct lua_machine {
    struct lua_budget         budget;  // first: lua_machine_of finds the machine by it
    const struct lua_program *program; // borrowed
    lua_State                *L;       // owned
    struct lua_text           texts[LUA_TEXTS];
    struct lua_encoder        encoder;
    struct peeper_writer      values[LUA_SLOTS]; // owned
    const void               *saved; // whose state SLOT_STATE holds, in this turn; else NULL
    struct peeper_ctx        *ctx;   // of the turn that runs; NULL between turns
    uint64_t                  runs;  // so far; objects of a run end with it
    // of the error that ended the last run: lines as wire/turn.h wants them
    char   trace[TRACE_BYTES_MAX];
    size_t trace_bytes;
};

// The machine that runs `L`.   Thread: worker.
static inline struct lua_machine *lua_machine_of(lua_State *L) {
    return (struct lua_machine *)lua_budget_of(L);
}

// Runs the file once, with the budgets that a turn has; lua_machine_push_file gives what it
// returned. `why` is a sentence for the operator where that fails.
// Fails: STATUS_NO_MEMORY, STATUS_INVALID (the file does not compile, or raises).   Thread: worker,
//        main before there are workers.
NODISCARD enum status lua_machine_create(const struct lua_program *program,
                                         struct lua_machine **ret_machine, char why[LUA_WHY_BYTES]);

// NULL is fine.   Thread: as the creator.
void lua_machine_destroy(struct lua_machine *machine);

// A run begins: the budgets are full. Until it ends, code of the behaviour runs in lua_machine_call
// only, which calls what is on the stack below its arguments, as lua_pcall does. False if that
// ended in an error, which is on top of the stack then.   Thread: worker.
void lua_machine_begin(struct lua_machine *machine);
bool lua_machine_call(struct lua_machine *machine, int arguments, int results);

// It ends. `whole` is false if there is an error: the caller reads it and then calls
// lua_machine_clear.   Thread: worker.
void lua_machine_end(struct lua_machine *machine, bool whole);
void lua_machine_clear(struct lua_machine *machine);

// Calls `body` with `context` as its only argument (light userdata). / The same as a whole run.
// False as lua_machine_call.   Thread: worker.
bool lua_machine_call_body(struct lua_machine *machine, lua_CFunction body, void *context);
bool lua_machine_run(struct lua_machine *machine, lua_CFunction body, void *context);

// Pushes a Value outside of a call, if that takes no memory: what lua_value_push_plain pushes, or a
// short string that was remembered. Else false. / Remembers the value on top of the stack, if it is
// such a string.   Thread: worker, in a run.
bool lua_machine_push_plain(struct lua_machine *machine, struct peeper_value value);
void lua_machine_remember(struct lua_machine *machine);

// Writes a line about the error that lua_machine_run has left. Runs no code of the behaviour.
// Thread: worker.
enum commit_code lua_machine_describe(struct lua_machine *machine, char *room, size_t room_bytes);

// Whether the file has this callback.   Thread: worker.
bool lua_machine_has(const struct lua_machine *machine, enum phase phase);

// Pushes what the file has returned.   Thread: worker.
void lua_machine_push_file(lua_State *L);

// Writes what is at `index` into a slot. False as lua_value_write. / The same in a call.
// Fails: raises an error that tells where in the value it has what is no data.   Thread: worker, in
//        a run.
bool lua_machine_try_write(struct lua_machine *machine, int index, enum lua_slot slot,
                           const char *name);
void lua_machine_write(lua_State *L, int index, enum lua_slot slot, const char *name);

// Hands a written Value over, without copying it.   Thread: worker.
void lua_machine_give(struct lua_machine *machine, enum lua_slot slot, struct peeper_writer *out);
