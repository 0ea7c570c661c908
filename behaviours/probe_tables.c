#include "probe_tables.h"

#include <stdlib.h>
#include <string.h>

#define OPERANDS_MAX 3

struct call {
    struct peeper_ctx   *ctx;
    struct peeper_table *table; // of the steps table_*
    struct peeper_value  operands[OPERANDS_MAX];
};

static int64_t integer(struct call *call, int index) {
    int64_t value = 0;
    if (!peeper_value_int(call->operands[index], &value)) {
        peeper_raise(call->ctx, "operand %d of the step must be an integer", index + 1);
    }
    return value;
}

// Terminated; it lives as long as the turn.
static const char *name_of(struct call *call) {
    const char *text = NULL;
    size_t      bytes = 0;
    if (!peeper_value_string(call->operands[0], &text, &bytes)) {
        peeper_raise(call->ctx, "the name of a table must be a string");
    }
    // A bytes Value with a 0 at its end is a place for both.
    struct peeper_writer *place = peeper_make(call->ctx);
    char                 *copy = peeper_alloc(call->ctx, bytes + 1);
    memcpy(copy, text, bytes);
    peeper_write_bytes(place, copy, bytes + 1);
    peeper_free(call->ctx, copy);
    const uint8_t *kept = NULL;
    if (!peeper_value_bytes(peeper_writer_value(place), &kept, &bytes)) {
        peeper_raise(call->ctx, "out of memory");
    }
    return (const char *)kept;
}

static void make(struct call *call) {
    (void)peeper_table(call->ctx, name_of(call), (uint32_t)integer(call, 1));
}

static void put(struct call *call) {
    peeper_table_put(call->ctx, call->table, call->operands[1], call->operands[2]);
}

static void drop_row(struct call *call) {
    (void)peeper_table_delete(call->ctx, call->table, call->operands[1]);
}

static void clear(struct call *call) {
    peeper_table_clear(call->ctx, call->table);
}

static void drop(struct call *call) {
    peeper_table_drop(call->ctx, call->table);
}

static void fill(struct call *call) {
    int64_t               count = integer(call, 1);
    size_t                bytes = (size_t)integer(call, 2);
    struct peeper_writer *value = peeper_make(call->ctx), *key = peeper_make(call->ctx);
    void                 *zeros = peeper_alloc(call->ctx, bytes);
    peeper_write_bytes(value, zeros, bytes);
    peeper_free(call->ctx, zeros);
    for (int64_t i = 0; i < count; i++) {
        peeper_writer_reset(key);
        peeper_write_int(key, i);
        peeper_table_put(call->ctx, call->table, peeper_writer_value(key),
                         peeper_writer_value(value));
    }
}

static void reply_value(struct call *call, bool found, struct peeper_value value) {
    struct peeper_writer *out = peeper_reply(call->ctx);
    if (!found) peeper_write_null(out);
    if (found) peeper_write_value(out, value);
}

static void get(struct call *call) {
    struct peeper_value value = {0};
    bool                found = peeper_table_get(call->ctx, call->table, call->operands[1], &value);
    reply_value(call, found, value);
}

static void remove_row(struct call *call) {
    bool was = peeper_table_delete(call->ctx, call->table, call->operands[1]);
    peeper_write_bool(peeper_reply(call->ctx), was);
}

static void count_rows(struct call *call) {
    peeper_write_int(peeper_reply(call->ctx), (int64_t)peeper_table_count(call->ctx, call->table));
}

static void reply_rows(struct call *call, bool more, struct peeper_row row, int64_t count) {
    struct peeper_writer *out = peeper_reply(call->ctx);
    peeper_write_list(out);
    for (; more && count > 0; more = peeper_row_next(call->ctx, &row), count--) {
        peeper_write_list(out);
        peeper_write_value(out, row.key);
        peeper_write_value(out, row.value);
        peeper_write_end(out);
    }
    peeper_write_end(out);
}

static void rows(struct call *call) {
    struct peeper_row row = {0};
    bool              more = peeper_table_first(call->ctx, call->table, &row);
    reply_rows(call, more, row, INT64_MAX);
}

static void range(struct call *call) {
    struct peeper_row row = {0};
    bool              more = peeper_table_from(call->ctx, call->table, call->operands[1], &row);
    reply_rows(call, more, row, integer(call, 2));
}

static void sweep(struct call *call) {
    struct peeper_row row;
    int64_t           count = 0;
    bool              more = peeper_table_first(call->ctx, call->table, &row);
    for (; more; more = peeper_row_next(call->ctx, &row)) {
        if (!peeper_table_delete(call->ctx, call->table, row.key)) break;
        count++;
    }
    peeper_write_int(peeper_reply(call->ctx), count);
}

static void dict_put(struct call *call) {
    peeper_dictionary_put(call->ctx, call->operands[0], call->operands[1]);
}

static void dict_get(struct call *call) {
    struct peeper_value value = {0};
    bool                found = peeper_dictionary_get(call->ctx, call->operands[0], &value);
    reply_value(call, found, value);
}

static void dict_delete(struct call *call) {
    (void)peeper_dictionary_delete(call->ctx, call->operands[0]);
}

static const struct step {
    const char *word;
    size_t      operands;
    bool        table; // the first operand is the name of one that is there
    void (*run)(struct call *);
} STEPS[] = {
    {"table", 2, false, make},
    {"table_put", 3, true, put},
    {"table_delete", 2, true, drop_row},
    {"table_clear", 1, true, clear},
    {"table_drop", 1, true, drop},
    {"table_fill", 3, true, fill},
    {"table_get", 2, true, get},
    {"table_remove", 2, true, remove_row},
    {"table_count", 1, true, count_rows},
    {"table_rows", 1, true, rows},
    {"table_range", 3, true, range},
    {"table_sweep", 1, true, sweep},
    {"dict_put", 2, false, dict_put},
    {"dict_get", 1, false, dict_get},
    {"dict_delete", 1, false, dict_delete},
};

static const struct step *find_step(struct peeper_value word, size_t operands) {
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        if (STEPS[i].operands == operands && peeper_value_is(word, STEPS[i].word)) return &STEPS[i];
    }
    return NULL;
}

static const struct step *parse_step(struct peeper_value step) {
    size_t              count = peeper_value_count(step);
    struct peeper_value word;
    if (count < 2 || count > OPERANDS_MAX + 1 || !peeper_value_at(step, 0, &word)) return NULL;
    return find_step(word, count - 1);
}

bool probe_tables_is_step(struct peeper_value step) {
    return parse_step(step) != NULL;
}

bool probe_tables_step(struct peeper_ctx *ctx, struct peeper_value step) {
    struct call        call = {.ctx = ctx};
    const struct step *found = parse_step(step);
    if (found == NULL) return false;
    for (size_t i = 0; i < found->operands; i++) {
        (void)peeper_value_at(step, i + 1, &call.operands[i]);
    }
    if (found->table) {
        call.table = peeper_table_find(ctx, name_of(&call));
        if (call.table == NULL) peeper_raise(ctx, "there is no such table");
    }
    found->run(&call);
    return true;
}
