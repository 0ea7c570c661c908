// lua_api: the global `peeper` of a Lua behaviour: what a callback can ask for besides its results.
//
// It is peeper/behaviour.h in Lua; docs/writing-behaviours.md lists it. What is wrong with an
// argument is an ordinary Lua error; what the context finds wrong (one effect too many, a call in
// init) ends the turn as it does in C.
#pragma once

#include "wire/turn.h"

#include <lua.h>
#include <stdbool.h>

// Adds `peeper` and `print` to the globals at `globals`.   Fails: raises (memory).
// Thread: worker.
void lua_api_open(lua_State *L, int globals);

struct lua_machine;
struct peeper_ctx;

// The context of the turn that runs.   Fails: raises while the file is loaded.   Thread: worker.
struct peeper_ctx *lua_api_context(lua_State *L);

// Runs what may crash the turn. The context leaves a turn by a jump over everything, which must not
// pass Lua: it would never know. So the jump is caught here, and goes on as an error of Lua that
// nobody can stop.
// Fails: raises.   Thread: worker, in a turn.
void lua_api_protect(lua_State *L, void (*run)(struct lua_machine *machine, void *argument),
                     void      *argument);

// Whether peeper.unchanged is at `index`.   Thread: worker.
bool lua_api_is_unchanged(lua_State *L, int index);
