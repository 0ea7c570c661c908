// lua_machine_fixture_test: a machine of a source, for the tests of what runs in one.
#pragma once

#include "host/lua_machine.h"
#include "host/lua_program.h"

#include <criterion/criterion.h>

#include <string.h>

static struct lua_program *program;
static struct lua_machine *machine;

static inline void open_machine(const char *source) {
    char why[LUA_WHY_BYTES];
    cr_assert(lua_program_create("a.lua", source, strlen(source), &program, why) == STATUS_OK, "%s",
              why);
    cr_assert(lua_machine_create(program, &machine, why) == STATUS_OK, "%s", why);
}

static inline void close_machine(void) {
    lua_machine_destroy(machine);
    lua_program_destroy(program);
}
