// lua_rows: tables and the dictionary of an actor for its behaviour in Lua: peeper.table(name), and
// peeper.put, get and delete.
//
// A table is an object that ends with the turn that has asked for it, as what stands behind it
// does; so do walks. docs/writing-behaviours.md lists what they can do.
#pragma once

#include <lua.h>

// Adds the functions to the table on top of the stack.   Fails: raises (memory).   Thread: worker.
void lua_rows_open(lua_State *L);
