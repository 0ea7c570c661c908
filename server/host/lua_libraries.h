// lua_libraries: those functions of Lua's standard library whose own ones could run for long, or
// without end, inside a single instruction: each charges the work it does to the budget.
//
// They behave as the manual says. Different are: table functions know no __len, string.rep("", n)
// is free, and sort() refuses what has a metatable with __len.
// Source: Lua 5.4 reference manual, 6.2, 6.4 and 6.6.
#pragma once

#include <lua.h>

// Each sets its functions in the table on top of the stack, over those of Lua that are there.
// Fails: raises (memory).   Thread: worker.
void lua_libraries_string(lua_State *L);
void lua_libraries_table(lua_State *L);
void lua_libraries_coroutine(lua_State *L);
void lua_libraries_utf8(lua_State *L);
