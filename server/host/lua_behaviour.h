// lua_behaviour: the callbacks of a descriptor, for behaviours in Lua: what a Lua function answers
// becomes what a callback in C would have said.
//
// All behaviours in Lua share these callbacks; which one runs is told by the copy. The state of an
// actor is a Lua value that its copy refers to. It is saved when its encoding is another than that
// of the last time.
// Source: docs/writing-behaviours.md, which lists what a function may return.
#pragma once

#include "host/lua_machine.h"

#include <peeper/behaviour.h>

struct lua_program;

// The machines of one worker, made when they are first needed.
struct lua_machines {
    struct lua_program *const *programs;                      // borrowed; by index, NULL: in C
    struct lua_machine        *machines[HOST_BEHAVIOURS_MAX]; // owned
};

// Sets the callbacks that the machine's file has, and those that all have.   Thread: main.
void lua_behaviour_describe(const struct lua_machine *machine, struct peeper_behaviour *descriptor);

// Destroys the machines. No copy may be left.   Thread: owner.
void lua_machines_fini(struct lua_machines *machines);
