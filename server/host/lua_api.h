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

// Whether peeper.unchanged is at `index`.   Thread: worker.
bool lua_api_is_unchanged(lua_State *L, int index);
