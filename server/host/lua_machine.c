#include "host/lua_machine.h"

#include "base/log.h"
#include "base/value_text.h"
#include "host/lua_api.h"
#include "host/lua_program.h"
#include "host/lua_sandbox.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(offsetof(struct lua_machine, budget) == 0, "lua_machine_of takes one for the other");

// Its address is where, in the registry, the file's table is.
static const char FILE_PLACE = 0;

// --- The trace of an error -----------------------------------------------------------------------

// The callback itself is called from C, so Lua knows no name for it. `level` is it if there is only
// the function below it that has called it.
static bool is_callback(lua_State *L, int level) {
    lua_Debug info;
    return lua_getstack(L, level + 1, &info) && !lua_getstack(L, level + 2, &info);
}

static int put_line(lua_State *L, int level, lua_Debug *info, char *room, size_t bytes) {
    const struct lua_machine *machine = lua_machine_of(L);
    int                       line = info->currentline;
    if (is_callback(L, level) && machine->ctx != NULL) {
        const char *phase = phase_name(machine->ctx->phase);
        return snprintf(room, bytes, "%s:%d: in %s", info->short_src, line, phase);
    }
    if (strcmp(info->what, "main") == 0) {
        return snprintf(room, bytes, "%s:%d: in the file itself", info->short_src, line);
    }
    if (info->name != NULL && *info->name != '?') {
        return snprintf(room, bytes, "%s:%d: in %s", info->short_src, line, info->name);
    }
    return snprintf(room, bytes, "%s:%d: in the function of line %d", info->short_src, line,
                    info->linedefined);
}

// Takes no memory of Lua, of which there may be none; and leaves the error as it is.
static int on_error(lua_State *L) {
    struct lua_machine *machine = lua_machine_of(L);
    lua_Debug           info;
    machine->trace_bytes = 0;
    int lines = 0;
    for (int level = 1; lines < TRACE_LINES_MAX && lua_getstack(L, level, &info); level++) {
        if (lua_getinfo(L, "Sln", &info) == 0 || info.currentline < 0) continue;
        char   line[256];
        int    bytes = put_line(L, level, &info, line, sizeof line);
        size_t used = bytes < (int)sizeof line ? (size_t)bytes : sizeof line - 1;
        size_t gap = lines > 0;
        if (gap + used > sizeof machine->trace - machine->trace_bytes) break;
        if (gap > 0) machine->trace[machine->trace_bytes++] = '\n';
        memcpy(machine->trace + machine->trace_bytes, line, used);
        machine->trace_bytes += used;
        lines++;
    }
    return 1;
}

// --- Runs ----------------------------------------------------------------------------------------

// What a turn leaves behind is mostly garbage. Much of it is not to count as what the next one
// finds there, which could then have more than its budget.
static void collect_rest(struct lua_machine *machine) {
    if (machine->budget.added < machine->budget.memory_bytes_max / 4) return;
    machine->budget.added = 0;
    lua_gc(machine->L, LUA_GCCOLLECT);
}

bool lua_machine_run(struct lua_machine *machine, lua_CFunction body, void *context) {
    lua_State *L = machine->L;
    machine->trace_bytes = 0;
    machine->runs++;
    lua_settop(L, 0);
    lua_pushcfunction(L, on_error);
    lua_pushcfunction(L, body);
    lua_pushlightuserdata(L, context);
    lua_budget_begin(&machine->budget, L);
    bool whole = lua_pcall(L, 1, 0, 1) == LUA_OK;
    lua_budget_end(&machine->budget);
    if (whole) lua_machine_clear(machine);
    return whole;
}

void lua_machine_clear(struct lua_machine *machine) {
    lua_settop(machine->L, 0);
    collect_rest(machine);
}

// --- What an error was ---------------------------------------------------------------------------

struct description {
    char  *room;
    size_t room_bytes;
};

// An error that is no text: as JSON if it is data.
static int describe_object(lua_State *L) {
    struct description *to = lua_touserdata(L, 2);
    struct lua_machine *machine = lua_machine_of(L);
    const char         *kind = luaL_typename(L, 1);
    snprintf(to->room, to->room_bytes, "the error is no text but a %s", kind);
    if (lua_isnil(L, 1)) return 0;
    struct peeper_writer *out = &machine->values[LUA_SLOT_EFFECT];
    size_t                bytes_max = lua_machine_value_bytes_max(machine);
    if (lua_value_write(L, &machine->encoder, 1, out, bytes_max, "error")) {
        value_text(to->room, to->room_bytes, peeper_writer_value(out));
    }
    return 0;
}

static void describe_error(struct lua_machine *machine, char *room, size_t room_bytes) {
    lua_State *L = machine->L;
    if (lua_type(L, -1) == LUA_TSTRING) {
        snprintf(room, room_bytes, "%s", lua_tostring(L, -1));
        return;
    }
    struct description to = {room, room_bytes};
    lua_pushcfunction(L, describe_object);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, &to);
    // An error in here leaves what was written first.
    lua_budget_begin(&machine->budget, L);
    (void)lua_pcall(L, 2, 0, 0);
    lua_budget_end(&machine->budget);
}

enum commit_code lua_machine_describe(struct lua_machine *machine, char *room, size_t room_bytes) {
    const struct lua_budget *budget = &machine->budget;
    switch (budget->breach) {
        case LUA_BREACH_INSTRUCTIONS:
            snprintf(room, room_bytes, "turn_instructions(%llu)",
                     (unsigned long long)budget->instructions_max);
            return COMMIT_CODE_DEADLINE;
        case LUA_BREACH_DEADLINE:
            snprintf(room, room_bytes, "turn_deadline_ms(%llu)",
                     (unsigned long long)budget->deadline_ms);
            return COMMIT_CODE_DEADLINE;
        case LUA_BREACH_MEMORY:
            snprintf(room, room_bytes, "memory_bytes(%llu)",
                     (unsigned long long)budget->memory_bytes_max);
            return COMMIT_CODE_MEMORY;
        case LUA_BREACH_CRASH:
            snprintf(room, room_bytes, "%s", machine->ctx->crash_text);
            return machine->ctx->crash_code;
        case LUA_BREACH_NONE: break;
    }
    describe_error(machine, room, room_bytes);
    // Not every refusal becomes a breach: buffers of Lua do not ask twice.
    bool memory = budget->short_of && strcmp(room, "not enough memory") == 0;
    return memory ? COMMIT_CODE_MEMORY : COMMIT_CODE_RAISE;
}

// --- Values --------------------------------------------------------------------------------------

size_t lua_machine_value_bytes_max(const struct lua_machine *machine) {
    uint64_t bytes_max = machine->budget.memory_bytes_max;
    return bytes_max < COMMIT_BULK_BYTES ? (size_t)bytes_max : COMMIT_BULK_BYTES;
}

void lua_machine_write(lua_State *L, int index, enum lua_slot slot, const char *name) {
    struct lua_machine *machine = lua_machine_of(L);
    size_t              bytes_max = lua_machine_value_bytes_max(machine);
    if (!lua_value_write(L, &machine->encoder, index, &machine->values[slot], bytes_max, name)) {
        luaL_error(L, "%s", machine->encoder.fault);
    }
}

void lua_machine_give(struct lua_machine *machine, enum lua_slot slot, struct peeper_writer *out) {
    // Both are whole, or empty. The room for what is open, a kilobyte, has nothing in it.
    struct peeper_writer *from = &machine->values[slot];
    uint8_t              *data = out->data;
    size_t                capacity = out->capacity;
    out->data = from->data;
    out->bytes = from->bytes;
    out->capacity = from->capacity;
    out->rooted = from->rooted;
    out->failed = false;
    out->depth = 0;
    from->data = data;
    from->capacity = capacity;
    peeper_writer_reset(from);
}

// --- Making one ----------------------------------------------------------------------------------

static int load_file(lua_State *L) {
    const struct lua_program *program = lua_machine_of(L)->program;
    lua_settop(L, 0);
    lua_value_open(L);
    lua_sandbox_open(L);
    lua_api_open(L, 1);
    // Mode t: text only.
    if (luaL_loadbufferx(L, program->source, program->source_bytes, program->chunk, "t") !=
        LUA_OK) {
        return lua_error(L);
    }
    lua_pushvalue(L, 1);
    lua_setupvalue(L, 2, 1);
    lua_call(L, 0, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &FILE_PLACE);
    lua_sandbox_close(L, 1);
    return 0;
}

void lua_machine_push_file(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &FILE_PLACE);
}

static int take_callbacks(lua_State *L) {
    struct lua_machine *machine = lua_machine_of(L);
    lua_machine_push_file(L);
    for (int i = 0; i < PHASE_COUNT; i++) {
        machine->callbacks[i] = LUA_NOREF;
        // A state in Lua needs no function of the behaviour to be saved and loaded.
        if (!lua_istable(L, -1) || i == PHASE_SAVE || i == PHASE_LOAD) continue;
        lua_pushstring(L, phase_name((enum phase)i));
        if (lua_rawget(L, -2) == LUA_TFUNCTION) {
            machine->callbacks[i] = luaL_ref(L, LUA_REGISTRYINDEX);
        } else {
            lua_pop(L, 1);
        }
    }
    return 0;
}

static int on_panic(lua_State *L) {
    (void)L;
    LOG_ERROR("lua.panic", "reason=\"an error outside of a protected run\"");
    return 0; // Lua calls abort()
}

static struct lua_machine *make(const struct lua_program *program) {
    struct lua_machine *machine = calloc(1, sizeof *machine);
    if (machine == NULL) return NULL;
    machine->program = program;
    machine->budget = (struct lua_budget){
        .instructions_max = program->instructions_max,
        .memory_bytes_max = program->descriptor.memory_bytes_max,
        .deadline_ms = program->deadline_ms,
        .bytes_limit = UINT64_MAX,
    };
    machine->L = lua_newstate(lua_budget_alloc, &machine->budget);
    if (machine->L == NULL) {
        free(machine);
        return NULL;
    }
    lua_budget_bind(&machine->budget, machine->L);
    lua_atpanic(machine->L, on_panic);
    return machine;
}

enum status lua_machine_create(const struct lua_program *program, struct lua_machine **ret_machine,
                               char why[LUA_WHY_BYTES]) {
    struct lua_machine *machine = make(program);
    if (machine == NULL) {
        snprintf(why, LUA_WHY_BYTES, "no_memory");
        return STATUS_NO_MEMORY;
    }
    if (!lua_machine_run(machine, load_file, NULL) ||
        !lua_machine_run(machine, take_callbacks, NULL)) {
        lua_machine_describe(machine, why, LUA_WHY_BYTES);
        lua_machine_destroy(machine);
        return STATUS_INVALID;
    }
    *ret_machine = machine;
    return STATUS_OK;
}

void lua_machine_destroy(struct lua_machine *machine) {
    if (machine == NULL) return;
    lua_close(machine->L);
    lua_value_encoder_fini(&machine->encoder);
    for (int i = 0; i < LUA_SLOTS; i++) peeper_writer_fini(&machine->values[i]);
    free(machine);
}
