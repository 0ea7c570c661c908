// lua_sandbox: what a Lua behaviour sees of the world: its globals.
//
// There is no io, os, package, debug, require, load and its kin, no collectgarbage, no __gc, and no
// bytecode. What there is cannot be changed: libraries are read-only from the beginning, globals
// are from lua_sandbox_close on, so that nothing of an actor can hide there. Each lua_State has its
// own; behaviours share nothing.
#pragma once

#include <lua.h>

// Prepares the state's libraries and pushes the table of globals, which may still be written to.
// Fails: raises (memory).   Thread: worker.
void lua_sandbox_open(lua_State *L);

// Adds the library on top of the stack to the globals at `globals`, read-only; pops it.
// Fails: raises (memory).   Thread: worker.
void lua_sandbox_add(lua_State *L, int globals, const char *name);

// Adds the function on top of the stack as a global; pops it.   Fails: raises (memory).
// Thread: worker.
void lua_sandbox_add_function(lua_State *L, int globals, const char *name);

// Globals at `globals` are read-only from now on.   Fails: raises (memory).   Thread: worker.
void lua_sandbox_close(lua_State *L, int globals);
