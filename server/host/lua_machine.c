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

// The callback itself is called from C, so Lua knows no name for it. It is what all else stands on.
static bool is_callback(lua_State *L, int level) {
    lua_Debug info;
    return !lua_getstack(L, level + 1, &info);
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

void lua_machine_begin(struct lua_machine *machine) {
    machine->trace_bytes = 0;
    machine->runs++;
    lua_budget_begin(&machine->budget, machine->L);
}

bool lua_machine_call(struct lua_machine *machine, int arguments, int results) {
    return lua_pcall(machine->L, arguments, results, LUA_AT_HANDLER) == LUA_OK;
}

void lua_machine_end(struct lua_machine *machine, bool whole) {
    lua_budget_end(&machine->budget);
    if (whole) lua_machine_clear(machine);
}

void lua_machine_clear(struct lua_machine *machine) {
    lua_settop(machine->L, LUA_AT_RUN - 1);
    collect_rest(machine);
}

bool lua_machine_call_body(struct lua_machine *machine, lua_CFunction body, void *context) {
    lua_pushcfunction(machine->L, body);
    lua_pushlightuserdata(machine->L, context);
    return lua_machine_call(machine, 1, 0);
}

bool lua_machine_run(struct lua_machine *machine, lua_CFunction body, void *context) {
    lua_machine_begin(machine);
    bool whole = lua_machine_call_body(machine, body, context);
    lua_machine_end(machine, whole);
    return whole;
}

// How large one Value of a turn may be.
static size_t value_bytes_max(const struct lua_machine *machine) {
    uint64_t bytes_max = machine->budget.memory_bytes_max;
    return bytes_max < COMMIT_BULK_BYTES ? (size_t)bytes_max : COMMIT_BULK_BYTES;
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
    size_t                bytes_max = value_bytes_max(machine);
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

// What Lua has only one of, however often it is made.
#define TEXT_BYTES_MAX 40

static uint32_t text_place(const char *text, size_t bytes) {
    uint32_t first = bytes == 0 ? 0 : (uint8_t)text[0],
             last = bytes == 0 ? 0 : (uint8_t)text[bytes - 1];
    return (first + 3 * last + (uint32_t)bytes) % LUA_TEXTS;
}

bool lua_machine_push_plain(struct lua_machine *machine, struct peeper_value value) {
    const char *text;
    size_t      bytes;
    if (!peeper_value_string(value, &text, &bytes)) return lua_value_push_plain(machine->L, value);
    uint32_t               place = text_place(text, bytes);
    const struct lua_text *found = &machine->texts[place];
    if (found->data == NULL || found->bytes != bytes) return false;
    if (memcmp(found->data, text, bytes) != 0) return false;
    lua_pushvalue(machine->L, LUA_AT_TEXTS + (int)place);
    return true;
}

void lua_machine_remember(struct lua_machine *machine) {
    lua_State *L = machine->L;
    if (lua_type(L, -1) != LUA_TSTRING) return;
    struct lua_text text;
    text.data = lua_tolstring(L, -1, &text.bytes);
    if (text.bytes > TEXT_BYTES_MAX) return;
    uint32_t place = text_place(text.data, text.bytes);
    lua_copy(L, -1, LUA_AT_TEXTS + (int)place);
    machine->texts[place] = text;
}

static bool write(lua_State *L, struct lua_machine *machine, int index, enum lua_slot slot,
                  const char *name) {
    size_t bytes_max = value_bytes_max(machine);
    return lua_value_write(L, &machine->encoder, index, &machine->values[slot], bytes_max, name);
}

bool lua_machine_try_write(struct lua_machine *machine, int index, enum lua_slot slot,
                           const char *name) {
    return write(machine->L, machine, index, slot, name);
}

void lua_machine_write(lua_State *L, int index, enum lua_slot slot, const char *name) {
    struct lua_machine *machine = lua_machine_of(L);
    if (write(L, machine, index, slot, name)) return;
    lua_budget_check(L);
    luaL_error(L, "%s", machine->encoder.fault);
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

// Answers all callbacks, nil for those that there are not.
static int find_callbacks(lua_State *L) {
    luaL_checkstack(L, PHASE_COUNT + 2, "callbacks");
    lua_machine_push_file(L);
    int file = lua_gettop(L);
    for (int i = 0; i < PHASE_COUNT; i++) {
        lua_pushnil(L);
        // A state in Lua needs no function of the behaviour to be saved and loaded.
        if (!lua_istable(L, file) || i == PHASE_SAVE || i == PHASE_LOAD) continue;
        lua_pushstring(L, phase_name((enum phase)i));
        if (lua_rawget(L, file) != LUA_TFUNCTION) lua_pop(L, 1);
        if (lua_gettop(L) > file + i + 1) lua_replace(L, -2);
    }
    return PHASE_COUNT;
}

static bool take_callbacks(struct lua_machine *machine) {
    lua_State *L = machine->L;
    lua_machine_begin(machine);
    lua_pushcfunction(L, find_callbacks);
    bool whole = lua_machine_call(machine, 0, PHASE_COUNT);
    for (int i = PHASE_COUNT - 1; whole && i >= 0; i--) lua_replace(L, LUA_AT_CALLBACKS + i);
    lua_machine_end(machine, whole);
    return whole;
}

bool lua_machine_has(const struct lua_machine *machine, enum phase phase) {
    return lua_isfunction(machine->L, LUA_AT_CALLBACKS + (int)phase);
}

static int on_panic(lua_State *L) {
    (void)L;
    LOG_ERROR("lua.panic", "reason=\"an error outside of a protected run\"");
    return 0; // Lua calls abort()
}

// Fails: false, out of memory.
static bool lay_out(lua_State *L) {
    if (!lua_checkstack(L, LUA_AT_RUN + LUA_MINSTACK)) return false;
    lua_pushcfunction(L, on_error);
    lua_settop(L, LUA_AT_RUN - 1);
    return true;
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
    if (machine->L == NULL) goto free_machine;
    lua_budget_bind(&machine->budget, machine->L);
    lua_atpanic(machine->L, on_panic);
    if (!lay_out(machine->L)) goto close_state;
    return machine;

close_state:
    lua_close(machine->L);
free_machine:
    free(machine);
    return NULL;
}

enum status lua_machine_create(const struct lua_program *program, struct lua_machine **ret_machine,
                               char why[LUA_WHY_BYTES]) {
    struct lua_machine *machine = make(program);
    if (machine == NULL) {
        snprintf(why, LUA_WHY_BYTES, "no_memory");
        return STATUS_NO_MEMORY;
    }
    if (!lua_machine_run(machine, load_file, NULL) || !take_callbacks(machine)) {
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
