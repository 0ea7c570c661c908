#include "host/lua_rows.h"

#include "host/lua_api.h"
#include "host/lua_machine.h"

#include <lauxlib.h>
#include <string.h>

// Its address is where, in the registry, the metatable of tables is.
static const char TABLE_PLACE = 0;

struct handle {
    uint64_t             run;   // of the machine, for which `table` is valid
    struct peeper_table *table; // NULL: dropped
};

struct walk {
    uint64_t          run;
    struct peeper_row row; // that comes next
    bool              more;
    bool              backward;
};

// What is asked of the C functions, and what they answer. Key and value lie in the machine's slots.
struct request {
    struct peeper_table *table; // NULL: the dictionary
    const char          *name;
    uint32_t             flags;
    struct peeper_value  key;
    struct peeper_value  value;
    struct peeper_row    row;
    size_t               count;
    bool                 found;
};

// --- Arguments -----------------------------------------------------------------------------------

static struct handle *handle_at(lua_State *L, int index) {
    bool mine = false;
    if (lua_type(L, index) == LUA_TUSERDATA && lua_getmetatable(L, index)) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &TABLE_PLACE);
        mine = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    if (!mine) luaL_typeerror(L, index, "table of peeper.table()");
    struct handle *handle = lua_touserdata(L, index);
    (void)lua_api_context(L);
    if (handle->run != lua_machine_of(L)->runs) {
        luaL_argerror(L, index, "this table belongs to another turn");
    }
    luaL_argcheck(L, handle->table != NULL, index, "this table was dropped");
    return handle;
}

static struct peeper_value write_to(lua_State *L, int index, enum lua_slot slot, const char *name) {
    lua_machine_write(L, index, slot, name);
    return peeper_writer_value(&lua_machine_of(L)->values[slot]);
}

static struct request keyed(lua_State *L, struct peeper_table *table, int index) {
    luaL_checkany(L, index);
    return (struct request){.table = table, .key = write_to(L, index, LUA_SLOT_EFFECT, "key")};
}

// --- Rows ----------------------------------------------------------------------------------------

static void run_put(struct lua_machine *machine, void *argument) {
    struct request *in = argument;
    if (in->table == NULL) return peeper_dictionary_put(machine->ctx, in->key, in->value);
    peeper_table_put(machine->ctx, in->table, in->key, in->value);
}

static void run_get(struct lua_machine *machine, void *argument) {
    struct request *in = argument;
    in->found = in->table == NULL ? peeper_dictionary_get(machine->ctx, in->key, &in->value)
                                  : peeper_table_get(machine->ctx, in->table, in->key, &in->value);
}

static void run_delete(struct lua_machine *machine, void *argument) {
    struct request *in = argument;
    in->found = in->table == NULL ? peeper_dictionary_delete(machine->ctx, in->key)
                                  : peeper_table_delete(machine->ctx, in->table, in->key);
}

static int put(lua_State *L, struct peeper_table *table, int key) {
    struct request in = keyed(L, table, key);
    luaL_argcheck(L, !lua_isnoneornil(L, key + 1), key + 1, "is nil; delete() deletes a row");
    in.value = write_to(L, key + 1, LUA_SLOT_REST, "value");
    lua_api_protect(L, run_put, &in);
    return 0;
}

static int get(lua_State *L, struct peeper_table *table, int key) {
    struct request in = keyed(L, table, key);
    lua_api_protect(L, run_get, &in);
    if (in.found) {
        lua_value_push_part(L, in.value);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static int delete_row(lua_State *L, struct peeper_table *table, int key) {
    struct request in = keyed(L, table, key);
    lua_api_protect(L, run_delete, &in);
    lua_pushboolean(L, in.found);
    return 1;
}

static int rows_put(lua_State *L) {
    return put(L, handle_at(L, 1)->table, 2);
}

static int rows_get(lua_State *L) {
    return get(L, handle_at(L, 1)->table, 2);
}

static int rows_delete(lua_State *L) {
    return delete_row(L, handle_at(L, 1)->table, 2);
}

static int dictionary_put(lua_State *L) {
    (void)lua_api_context(L);
    return put(L, NULL, 1);
}

static int dictionary_get(lua_State *L) {
    (void)lua_api_context(L);
    return get(L, NULL, 1);
}

static int dictionary_delete(lua_State *L) {
    (void)lua_api_context(L);
    return delete_row(L, NULL, 1);
}

// --- Whole tables --------------------------------------------------------------------------------

static void run_count(struct lua_machine *machine, void *argument) {
    struct request *in = argument;
    in->count = peeper_table_count(machine->ctx, in->table);
}

static void run_clear(struct lua_machine *machine, void *argument) {
    struct request *in = argument;
    peeper_table_clear(machine->ctx, in->table);
}

static void run_drop(struct lua_machine *machine, void *argument) {
    struct request *in = argument;
    peeper_table_drop(machine->ctx, in->table);
}

static int rows_count(lua_State *L) {
    struct request in = {.table = handle_at(L, 1)->table};
    lua_api_protect(L, run_count, &in);
    lua_pushinteger(L, (lua_Integer)in.count);
    return 1;
}

static int rows_clear(lua_State *L) {
    struct request in = {.table = handle_at(L, 1)->table};
    lua_api_protect(L, run_clear, &in);
    return 0;
}

static int rows_drop(lua_State *L) {
    struct handle *handle = handle_at(L, 1);
    struct request in = {.table = handle->table};
    lua_api_protect(L, run_drop, &in);
    handle->table = NULL;
    return 0;
}

// --- Walks ---------------------------------------------------------------------------------------

static void run_first(struct lua_machine *machine, void *argument) {
    struct request *in = argument;
    in->found = peeper_table_first(machine->ctx, in->table, &in->row);
}

static void run_last(struct lua_machine *machine, void *argument) {
    struct request *in = argument;
    in->found = peeper_table_last(machine->ctx, in->table, &in->row);
}

static void run_from(struct lua_machine *machine, void *argument) {
    struct request *in = argument;
    in->found = peeper_table_from(machine->ctx, in->table, in->key, &in->row);
}

static void run_step(struct lua_machine *machine, void *argument) {
    struct walk *walk = argument;
    walk->more = walk->backward ? peeper_row_prev(machine->ctx, &walk->row)
                                : peeper_row_next(machine->ctx, &walk->row);
}

static int push_row(lua_State *L, const struct request *in) {
    if (!in->found) return 0;
    lua_value_push_part(L, in->row.key);
    lua_value_push_part(L, in->row.value);
    return 2;
}

static int rows_first(lua_State *L) {
    struct request in = {.table = handle_at(L, 1)->table};
    lua_api_protect(L, run_first, &in);
    return push_row(L, &in);
}

static int rows_last(lua_State *L) {
    struct request in = {.table = handle_at(L, 1)->table};
    lua_api_protect(L, run_last, &in);
    return push_row(L, &in);
}

// The row behind the one of a key.
static int rows_next(lua_State *L) {
    struct request in = keyed(L, handle_at(L, 1)->table, 2);
    lua_api_protect(L, run_from, &in);
    bool same = in.found && in.row.key.bytes == in.key.bytes &&
                memcmp(in.row.key.data, in.key.data, in.key.bytes) == 0;
    if (same) {
        struct walk walk = {.row = in.row};
        lua_api_protect(L, run_step, &walk);
        in.row = walk.row;
        in.found = walk.more;
    }
    return push_row(L, &in);
}

// Upvalue: the walk. A row is read before the next one is looked for, so that the loop may delete
// it.
static int walk_on(lua_State *L) {
    struct walk *walk = lua_touserdata(L, lua_upvalueindex(1));
    (void)lua_api_context(L);
    if (walk->run != lua_machine_of(L)->runs) {
        return luaL_error(L, "this walk belongs to another turn");
    }
    if (!walk->more) return 0;
    lua_value_push_part(L, walk->row.key);
    lua_value_push_part(L, walk->row.value);
    lua_api_protect(L, run_step, walk);
    return 2;
}

static int begin_walk(lua_State *L, const struct request *in, bool backward) {
    struct walk *walk = lua_newuserdatauv(L, sizeof *walk, 0);
    *walk = (struct walk){
        .run = lua_machine_of(L)->runs, .row = in->row, .more = in->found, .backward = backward};
    lua_pushcclosure(L, walk_on, 1);
    return 1;
}

// rows() / rows(first key)
static int rows_all(lua_State *L) {
    struct peeper_table *table = handle_at(L, 1)->table;
    struct request       in = {.table = table};
    bool                 whole = lua_isnoneornil(L, 2);
    if (!whole) in = keyed(L, table, 2);
    lua_api_protect(L, whole ? run_first : run_from, &in);
    return begin_walk(L, &in, false);
}

static int rows_back(lua_State *L) {
    struct request in = {.table = handle_at(L, 1)->table};
    lua_api_protect(L, run_last, &in);
    return begin_walk(L, &in, true);
}

// --- Making one ----------------------------------------------------------------------------------

static void run_open(struct lua_machine *machine, void *argument) {
    struct request *in = argument;
    in->table = peeper_table(machine->ctx, in->name, in->flags);
}

static uint32_t flags_at(lua_State *L, int index) {
    static const struct {
        const char *name;
        uint32_t    flag;
    } flags[] = {{"ordered", PEEPER_TABLE_ORDERED},
                 {"private", PEEPER_TABLE_PRIVATE},
                 {"heir", PEEPER_TABLE_HEIR}};
    uint32_t all = 0;
    if (lua_isnoneornil(L, index)) return 0;
    luaL_checktype(L, index, LUA_TTABLE);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        lua_pushstring(L, flags[i].name);
        lua_rawget(L, index);
        if (lua_toboolean(L, -1)) all |= flags[i].flag;
        lua_pop(L, 1);
    }
    return all;
}

static int open_table(lua_State *L) {
    (void)lua_api_context(L);
    size_t         bytes;
    struct request in = {.name = luaL_checklstring(L, 1, &bytes), .flags = flags_at(L, 2)};
    luaL_argcheck(L, bytes > 0 && strlen(in.name) == bytes, 1, "a table's name is a text");
    lua_api_protect(L, run_open, &in);
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    *handle = (struct handle){.run = lua_machine_of(L)->runs, .table = in.table};
    lua_rawgetp(L, LUA_REGISTRYINDEX, &TABLE_PLACE);
    lua_setmetatable(L, -2);
    return 1;
}

static int refuse_field(lua_State *L) {
    return luaL_error(L, "rows are set by put(): this is no table of Lua");
}

static void make_metatable(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"put", rows_put},     {"get", rows_get},   {"delete", rows_delete},  {"count", rows_count},
        {"clear", rows_clear}, {"drop", rows_drop}, {"first", rows_first},    {"last", rows_last},
        {"next", rows_next},   {"rows", rows_all},  {"rows_back", rows_back}, {NULL, NULL},
    };
    lua_createtable(L, 0, 4);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_field);
    lua_setfield(L, -2, "__newindex");
    lua_pushliteral(L, "rows");
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__metatable");
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &TABLE_PLACE);
}

void lua_rows_open(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"table", open_table},
        {"put", dictionary_put},
        {"get", dictionary_get},
        {"delete", dictionary_delete},
        {NULL, NULL},
    };
    make_metatable(L);
    luaL_setfuncs(L, functions, 0);
}
