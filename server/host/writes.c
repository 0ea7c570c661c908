#include "host/writes.h"

#include "base/check.h"
#include "base/tables_delta.h"
#include "base/utf8.h"
#include "host/context.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define DELTA_KEPT_BYTES (1u << 20)
#define WRITER_KEPT_BYTES (64u << 10)
#define SPARE_MAX 8
#define MADE_LOOKED_AT 4 // writers, the newest first, before a Value is checked as any other

// A writer that a behaviour was given.
struct made {
    struct made         *next;
    struct peeper_writer writer;
};

void writes_init(struct writes *writes, uint64_t bytes_max) {
    // Without randomness there is no way to keep keys from being chosen to meet.
    CHECK(getrandom(&writes->seed, sizeof writes->seed, 0) == (ssize_t)sizeof writes->seed);
    writes->bytes_max = bytes_max;
}

static void free_made(struct made *made) {
    peeper_writer_fini(&made->writer);
    free(made);
}

static void free_all(struct made **list) {
    while (*list != NULL) {
        struct made *made = *list;
        *list = made->next;
        free_made(made);
    }
}

void writes_fini(struct writes *writes) {
    buf_fini(&writes->delta);
    free_all(&writes->made);
    free_all(&writes->spare);
    writes->spare_count = 0;
}

void writes_reset(struct writes *writes) {
    while (writes->made != NULL) {
        struct made *made = writes->made;
        writes->made = made->next;
        if (writes->spare_count == SPARE_MAX || made->writer.capacity > WRITER_KEPT_BYTES) {
            free_made(made);
            continue;
        }
        peeper_writer_reset(&made->writer);
        made->next = writes->spare;
        writes->spare = made;
        writes->spare_count++;
    }
}

void writes_trim(struct writes *writes) {
    if (writes->delta.capacity > DELTA_KEPT_BYTES) buf_fini(&writes->delta);
    writes->delta.bytes = 0;
}

void writes_commit(const struct copy *copy) {
    struct copy_tables *tables = copy_tables(copy);
    if (tables != NULL) tables_commit(&tables->tables);
}

void writes_rollback(const struct copy *copy) {
    struct copy_tables *tables = copy_tables(copy);
    if (tables != NULL) tables_rollback(&tables->tables);
}

// --- What can go wrong ---------------------------------------------------------------------------

static _Noreturn void crash(struct peeper_ctx *ctx, enum status status, const char *function) {
    if (status == STATUS_NO_MEMORY) {
        context_crash(ctx, COMMIT_CODE_MEMORY, "no_memory(%s)", function);
    }
    if (status == STATUS_TOO_LARGE) {
        context_crash(ctx, COMMIT_CODE_MEMORY, "table_bytes_max(%llu)",
                      (unsigned long long)ctx->writes.bytes_max);
    }
    context_crash(ctx, COMMIT_CODE_CONTRACT, "too_many_tables(%u)", TABLES_MAX);
}

static void check(struct peeper_ctx *ctx, enum status status, const char *function) {
    if (status != STATUS_OK) crash(ctx, status, function);
}

static struct table *check_table(struct peeper_ctx *ctx, struct peeper_table *table,
                                 const char *function) {
    struct table *own = (struct table *)(void *)table;
    if (own == NULL) context_crash(ctx, COMMIT_CODE_CONTRACT, "no_table(%s)", function);
    if (own->gone) context_crash(ctx, COMMIT_CODE_CONTRACT, "table_dropped(%s)", function);
    return own;
}

// Zero bytes are null as well; as a key there is one null.
static struct slice canonical(struct peeper_value value) {
    static const uint8_t NULL_WRITTEN[] = {0x08, 0x01};
    if (value.bytes == 0) return slice_of(NULL_WRITTEN, sizeof NULL_WRITTEN);
    return slice_of(value.data, value.bytes);
}

// What was written with a writer of peeper_make() is a Value, as far as it is whole.
static bool is_made(const struct writes *writes, struct peeper_value value) {
    const struct made *made = writes->made;
    for (int i = 0; made != NULL && i < MADE_LOOKED_AT; i++, made = made->next) {
        if (made->writer.data != value.data || value.data == NULL) continue;
        return made->writer.bytes == value.bytes && peeper_writer_done(&made->writer);
    }
    return false;
}

static bool is_value(const struct peeper_ctx *ctx, struct peeper_value value) {
    return is_made(&ctx->writes, value) || peeper_value_check(value);
}

static struct slice check_key(struct peeper_ctx *ctx, struct peeper_value key,
                              const char *function) {
    if (key.bytes > TABLE_KEY_BYTES_MAX) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "key_too_large(%s)", function);
    }
    if (!is_value(ctx, key)) context_crash(ctx, COMMIT_CODE_CONTRACT, "bad_key(%s)", function);
    return canonical(key);
}

static struct slice check_value(struct peeper_ctx *ctx, struct peeper_value value,
                                const char *function) {
    if (value.bytes > TABLE_VALUE_BYTES_MAX) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "value_too_large(%s)", function);
    }
    if (!is_value(ctx, value)) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "bad_value(%s)", function);
    }
    return canonical(value);
}

static struct slice check_name(struct peeper_ctx *ctx, const char *name) {
    size_t bytes = name == NULL ? 0 : strnlen(name, TABLE_NAME_BYTES_MAX + 1);
    if (bytes == 0 || bytes > TABLE_NAME_BYTES_MAX || !utf8_check(name, bytes)) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "bad_table_name");
    }
    return slice_of(name, bytes);
}

// --- Writing -------------------------------------------------------------------------------------

// The tables of the actor, to be written to.
static struct tables *need_tables(struct peeper_ctx *ctx, const char *function) {
    context_check_effect(ctx, function);
    struct copy_tables *tables = copy_tables(ctx->copy);
    if (tables == NULL) {
        tables = copy_make_tables(ctx->copy, ctx->writes.seed, ctx->writes.bytes_max);
        if (tables == NULL) crash(ctx, STATUS_NO_MEMORY, function);
    }
    if (!tables->tables.journalled) tables_begin(&tables->tables);
    return &tables->tables;
}

static void note(struct peeper_ctx *ctx, const struct table_op_view *op, const char *function) {
    struct writes *writes = &ctx->writes;
    uint64_t       bytes = tables_delta_bytes(op->key.bytes, op->value.bytes);
    if (bytes > COMMIT_BULK_BYTES - writes->delta.bytes) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "too_much_written(%s)", function);
    }
    check(ctx, tables_delta_write(&writes->delta, op), function);
}

static void select_table(struct peeper_ctx *ctx, struct table *table, const char *function) {
    if (ctx->writes.selected == table) return;
    struct table_op_view op = {
        .op = TABLE_OP_SELECT, .flags = table->flags, .key = table_name(table)};
    note(ctx, &op, function);
    ctx->writes.selected = table;
}

static void put(struct peeper_ctx *ctx, struct tables *tables, struct table *table,
                struct peeper_value key, struct peeper_value value, const char *function) {
    struct table_op_view op = {
        .op = TABLE_OP_PUT,
        .key = check_key(ctx, key, function),
        .value = check_value(ctx, value, function),
    };
    check(ctx, tables_put(tables, table, op.key, op.value), function);
    select_table(ctx, table, function);
    note(ctx, &op, function);
}

static bool delete (struct peeper_ctx *ctx, struct tables *tables, struct table *table,
                    struct peeper_value key, const char *function) {
    struct table_op_view op = {.op = TABLE_OP_DELETE, .key = check_key(ctx, key, function)};
    bool                 was = false;
    check(ctx, tables_delete(tables, table, op.key, &was), function);
    if (!was) return false;
    select_table(ctx, table, function);
    note(ctx, &op, function);
    return true;
}

struct peeper_table *peeper_table(struct peeper_ctx *ctx, const char *name, uint32_t flags) {
    context_check_actor(ctx, "table");
    struct slice wanted = check_name(ctx, name);
    if ((flags & ~(uint32_t)TABLE_FLAGS) != 0) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "bad_table_flags(%u)", flags);
    }
    struct table *table = (struct table *)(void *)peeper_table_find(ctx, name);
    if (table != NULL && table->flags != flags) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "other_table_flags(%s)", name);
    }
    if (table == NULL) {
        struct tables *tables = need_tables(ctx, "table");
        check(ctx, tables_make(tables, wanted, (uint8_t)flags, &table), "table");
        select_table(ctx, table, "table");
    }
    return (struct peeper_table *)(void *)table;
}

struct peeper_table *peeper_table_find(struct peeper_ctx *ctx, const char *name) {
    context_check_actor(ctx, "table_find");
    struct slice        wanted = check_name(ctx, name);
    struct copy_tables *tables = copy_tables(ctx->copy);
    if (tables == NULL) return NULL;
    return (struct peeper_table *)(void *)tables_find(&tables->tables, wanted);
}

void peeper_table_drop(struct peeper_ctx *ctx, struct peeper_table *table) {
    struct table *own = check_table(ctx, table, "table_drop");
    select_table(ctx, own, "table_drop");
    check(ctx, tables_drop(need_tables(ctx, "table_drop"), own), "table_drop");
    note(ctx, &(struct table_op_view){.op = TABLE_OP_DROP}, "table_drop");
    ctx->writes.selected = NULL;
}

void peeper_table_put(struct peeper_ctx *ctx, struct peeper_table *table, struct peeper_value key,
                      struct peeper_value value) {
    struct table *own = check_table(ctx, table, "table_put");
    put(ctx, need_tables(ctx, "table_put"), own, key, value, "table_put");
}

bool peeper_table_delete(struct peeper_ctx *ctx, struct peeper_table *table,
                         struct peeper_value key) {
    struct table *own = check_table(ctx, table, "table_delete");
    return delete (ctx, need_tables(ctx, "table_delete"), own, key, "table_delete");
}

void peeper_table_clear(struct peeper_ctx *ctx, struct peeper_table *table) {
    struct table  *own = check_table(ctx, table, "table_clear");
    struct tables *tables = need_tables(ctx, "table_clear");
    if (table_count(own) == 0) return;
    check(ctx, tables_clear(tables, own), "table_clear");
    select_table(ctx, own, "table_clear");
    note(ctx, &(struct table_op_view){.op = TABLE_OP_CLEAR}, "table_clear");
}

// --- Reading -------------------------------------------------------------------------------------

static struct peeper_value value_of(struct slice bytes) {
    return (struct peeper_value){bytes.data, bytes.bytes};
}

static bool get(const struct table *table, struct peeper_value key,
                struct peeper_value *ret_value) {
    const struct row *row = table_get(table, canonical(key));
    if (row == NULL) return false;
    *ret_value = value_of(row_value(row));
    return true;
}

bool peeper_table_get(struct peeper_ctx *ctx, struct peeper_table *table, struct peeper_value key,
                      struct peeper_value *ret_value) {
    return get(check_table(ctx, table, "table_get"), key, ret_value);
}

size_t peeper_table_count(struct peeper_ctx *ctx, struct peeper_table *table) {
    return table_count(check_table(ctx, table, "table_count"));
}

static bool answer(const struct row *row, struct peeper_row *ret_row) {
    if (row == NULL) return false;
    *ret_row = (struct peeper_row){
        .key = value_of(row_key(row)), .value = value_of(row_value(row)), .place = row};
    return true;
}

bool peeper_table_first(struct peeper_ctx *ctx, struct peeper_table *table,
                        struct peeper_row *ret_row) {
    return answer(table_first(check_table(ctx, table, "table_first")), ret_row);
}

bool peeper_table_last(struct peeper_ctx *ctx, struct peeper_table *table,
                       struct peeper_row *ret_row) {
    return answer(table_last(check_table(ctx, table, "table_last")), ret_row);
}

bool peeper_table_from(struct peeper_ctx *ctx, struct peeper_table *table, struct peeper_value key,
                       struct peeper_row *ret_row) {
    return answer(table_from(check_table(ctx, table, "table_from"), canonical(key)), ret_row);
}

bool peeper_row_next(struct peeper_ctx *ctx, struct peeper_row *row) {
    (void)ctx;
    return answer(row_after(row->place), row);
}

bool peeper_row_prev(struct peeper_ctx *ctx, struct peeper_row *row) {
    (void)ctx;
    return answer(row_before(row->place), row);
}

// --- The dictionary ------------------------------------------------------------------------------

static struct table *find_dictionary(const struct peeper_ctx *ctx) {
    struct copy_tables *tables = copy_tables(ctx->copy);
    return tables == NULL ? NULL : tables_find(&tables->tables, (struct slice){0});
}

void peeper_dictionary_put(struct peeper_ctx *ctx, struct peeper_value key,
                           struct peeper_value value) {
    struct tables *tables = need_tables(ctx, "dictionary_put");
    struct table  *dictionary = NULL;
    check(ctx, tables_make(tables, (struct slice){0}, 0, &dictionary), "dictionary_put");
    put(ctx, tables, dictionary, key, value, "dictionary_put");
}

bool peeper_dictionary_get(struct peeper_ctx *ctx, struct peeper_value key,
                           struct peeper_value *ret_value) {
    context_check_actor(ctx, "dictionary_get");
    const struct table *dictionary = find_dictionary(ctx);
    return dictionary != NULL && get(dictionary, key, ret_value);
}

bool peeper_dictionary_delete(struct peeper_ctx *ctx, struct peeper_value key) {
    context_check_effect(ctx, "dictionary_delete");
    struct table *dictionary = find_dictionary(ctx);
    if (dictionary == NULL) return false;
    return delete (ctx, need_tables(ctx, "dictionary_delete"), dictionary, key,
                   "dictionary_delete");
}

// --- Values of one's own -------------------------------------------------------------------------

struct peeper_writer *peeper_make(struct peeper_ctx *ctx) {
    struct writes *writes = &ctx->writes;
    struct made   *made = writes->spare;
    if (made != NULL) {
        writes->spare = made->next;
        writes->spare_count--;
    } else {
        made = calloc(1, sizeof *made);
        if (made == NULL) crash(ctx, STATUS_NO_MEMORY, "make");
    }
    made->next = writes->made;
    writes->made = made;
    return &made->writer;
}

struct peeper_value peeper_make_int(struct peeper_ctx *ctx, int64_t value) {
    struct peeper_writer *writer = peeper_make(ctx);
    peeper_write_int(writer, value);
    return peeper_writer_value(writer);
}

struct peeper_value peeper_make_string(struct peeper_ctx *ctx, const char *text) {
    return peeper_make_string_n(ctx, text, strlen(text));
}

struct peeper_value peeper_make_string_n(struct peeper_ctx *ctx, const char *text, size_t bytes) {
    struct peeper_writer *writer = peeper_make(ctx);
    peeper_write_string_n(writer, text, bytes);
    if (!peeper_writer_done(writer)) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "bad_value(make_string)");
    }
    return peeper_writer_value(writer);
}
