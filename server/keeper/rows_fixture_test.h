// rows_fixture_test: what a turn wrote to its tables, in the making: a delta that a test fills,
// hands on and empties.
#pragma once

#include "base/tables_delta.h"
#include "keeper/shard_fixture_test.h"

static struct buf delta;

static inline void op(enum table_op kind, uint8_t flags, struct slice key, struct slice value) {
    struct table_op_view one = {.op = kind, .flags = flags, .key = key, .value = value};
    cr_assert(tables_delta_write(&delta, &one) == STATUS_OK);
}

static inline void select_table(const char *table, uint8_t flags) {
    op(TABLE_OP_SELECT, flags, raw(table), (struct slice){0});
}

static inline void put(const char *key, const char *value) {
    op(TABLE_OP_PUT, 0, text(key), text(value));
}
