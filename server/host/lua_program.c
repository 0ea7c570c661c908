#include "host/lua_program.h"

#include "host/behaviours.h"
#include "host/lua_behaviour.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".lua"

// --- What the file returned ----------------------------------------------------------------------

struct number_field {
    const char *name;
    lua_Integer min;
    lua_Integer max;
    lua_Integer value; // the default, then what the file says
};

static bool is_callback_name(const char *name) {
    static const char *const names[] = {"init",        "handle_call",      "handle_cast",
                                        "handle_info", "handle_continue",  "terminate",
                                        "code_change", "on_state_changed", "on_terminate"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) return true;
    }
    return false;
}

// The table is at index 1.
static void check_fields(lua_State *L) {
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "the behaviour has a field without name");
        const char *name = lua_tostring(L, -2);
        if (is_callback_name(name)) {
            if (!lua_isfunction(L, -1)) luaL_error(L, "%s is not a function", name);
        } else if (strcmp(name, "name") != 0 && strcmp(name, "version") != 0 &&
                   strcmp(name, "options") != 0) {
            luaL_error(L, "'%s' is neither a callback nor name, version or options", name);
        }
        lua_pop(L, 1);
    }
}

static void read_text(lua_State *L, const char *field, char room[LUA_NAME_BYTES_MAX + 1]) {
    lua_pushstring(L, field);
    if (lua_rawget(L, 1) != LUA_TNIL) {
        size_t      bytes;
        const char *text = lua_tolstring(L, -1, &bytes);
        if (text == NULL || bytes > LUA_NAME_BYTES_MAX || strlen(text) != bytes) {
            luaL_error(L, "%s is not a text of up to 63 bytes", field);
        }
        memcpy(room, text, bytes + 1);
    }
    lua_pop(L, 1);
}

static struct number_field *find_field(struct number_field *fields, const char *name) {
    for (; fields->name != NULL; fields++) {
        if (strcmp(fields->name, name) == 0) return fields;
    }
    return NULL;
}

static void read_options(lua_State *L, struct number_field *fields) {
    lua_pushliteral(L, "options");
    if (lua_rawget(L, 1) == LUA_TNIL) return;
    if (!lua_istable(L, -1)) luaL_error(L, "options is not a table");
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        const char          *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        struct number_field *field = find_field(fields, name);
        if (field == NULL) luaL_error(L, "there is no option '%s'", name);
        int         whole;
        lua_Integer value = lua_tointegerx(L, -1, &whole);
        if (!whole || value < field->min || value > field->max) {
            luaL_error(L, "options.%s is not within %I and %I", name, field->min, field->max);
        }
        field->value = value;
        lua_pop(L, 1);
    }
}

static int read_file(lua_State *L) {
    struct lua_program *program = lua_touserdata(L, 1);
    struct number_field fields[] = {
        {"turn_instructions", 1000, INT64_MAX, LUA_INSTRUCTIONS_MAX},
        {"turn_deadline_ms", 1, 3600000, BEHAVIOUR_DEADLINE_MS},
        {"memory_bytes", 64 << 10, INT64_MAX, BEHAVIOUR_MEMORY_BYTES},
        {"hibernate_after_ms", 0, UINT32_MAX, 0},
        {NULL, 0, 0, 0},
    };
    lua_machine_push_file(L);
    lua_replace(L, 1);
    if (!lua_istable(L, 1)) {
        return luaL_error(L, "the file must return a table, not a %s", luaL_typename(L, 1));
    }
    check_fields(L);
    read_text(L, "name", program->name);
    read_text(L, "version", program->version);
    read_options(L, fields);
    program->instructions_max = (uint64_t)fields[0].value;
    program->deadline_ms = (uint64_t)fields[1].value;
    program->descriptor.turn_deadline_ms = (uint32_t)fields[1].value + LUA_DEADLINE_GRACE_MS;
    program->descriptor.memory_bytes_max = (uint64_t)fields[2].value;
    program->descriptor.hibernate_after_ms = (uint32_t)fields[3].value;
    return 0;
}

// --- Making one ----------------------------------------------------------------------------------

static enum status examine(struct lua_program *program, char why[LUA_WHY_BYTES]) {
    struct lua_machine *machine;
    enum status         status = lua_machine_create(program, &machine, why);
    if (status != STATUS_OK) return status;
    if (!lua_machine_run(machine, read_file, program)) {
        lua_machine_describe(machine, why, LUA_WHY_BYTES);
        status = STATUS_INVALID;
    } else {
        lua_behaviour_describe(machine, &program->descriptor);
    }
    lua_machine_destroy(machine);
    return status;
}

static struct lua_program *make(const char *file, const char *source, size_t bytes) {
    struct lua_program *program = calloc(1, sizeof *program);
    char               *copy = malloc(bytes + 1);
    if (program == NULL || copy == NULL) {
        free(program);
        free(copy);
        return NULL;
    }
    memcpy(copy, source, bytes);
    program->source = copy;
    program->source_bytes = bytes;
    snprintf(program->chunk, sizeof program->chunk, "@%s", file);
    size_t stem = strlen(file), suffix = strlen(SUFFIX);
    if (stem > suffix && strcmp(file + stem - suffix, SUFFIX) == 0) stem -= suffix;
    if (stem > LUA_NAME_BYTES_MAX) stem = LUA_NAME_BYTES_MAX;
    memcpy(program->name, file, stem);
    // For the run that reads the real ones.
    program->instructions_max = LUA_INSTRUCTIONS_MAX;
    program->deadline_ms = BEHAVIOUR_DEADLINE_MS;
    program->descriptor.memory_bytes_max = BEHAVIOUR_MEMORY_BYTES;
    return program;
}

enum status lua_program_create(const char *file, const char *source, size_t bytes,
                               struct lua_program **ret_program, char why[LUA_WHY_BYTES]) {
    if (bytes > LUA_SOURCE_BYTES_MAX) {
        snprintf(why, LUA_WHY_BYTES, "it has more than %u bytes", LUA_SOURCE_BYTES_MAX);
        return STATUS_TOO_LARGE;
    }
    struct lua_program *program = make(file, source, bytes);
    if (program == NULL) {
        snprintf(why, LUA_WHY_BYTES, "no_memory");
        return STATUS_NO_MEMORY;
    }
    enum status status = examine(program, why);
    if (status != STATUS_OK) {
        lua_program_destroy(program);
        return status;
    }
    program->descriptor.name = program->name;
    program->descriptor.version = program->version;
    *ret_program = program;
    return STATUS_OK;
}

void lua_program_destroy(struct lua_program *program) {
    if (program == NULL) return;
    free(program->source);
    free(program);
}
