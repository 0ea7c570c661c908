#include "keeper/table_store.h"

#include "base/tables_delta.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/memory_fault_test.h"

static struct table_store store;
static struct buf         delta;

static void begin(void) {
    table_store_init(&store, 1u << 20, 7);
}

static void end(void) {
    table_store_fini(&store);
    cr_assert(store.counts.units == 0 && store.counts.bytes == 0);
    buf_fini(&delta);
}

TestSuite(table_store, .init = begin, .fini = end, .timeout = 10);

static struct slice raw(const char *text) {
    return slice_of(text, strlen(text));
}

static void op(enum table_op kind, uint8_t flags, struct slice key, struct slice value) {
    struct table_op_view one = {.op = kind, .flags = flags, .key = key, .value = value};
    cr_assert(tables_delta_write(&delta, &one) == STATUS_OK);
}

static void row(const char *table, uint8_t flags, const char *key, const char *value) {
    op(TABLE_OP_SELECT, flags, raw(table), (struct slice){0});
    op(TABLE_OP_PUT, 0, raw(key), raw(value));
}

static enum status apply(uint32_t slot, uint64_t unit) {
    enum status status = table_store_apply(&store, slot, unit, slice_of(delta.data, delta.bytes));
    delta.bytes = 0;
    return status;
}

static void keep_row(uint32_t slot, uint64_t unit, const char *key, const char *value) {
    row("t", 0, key, value);
    cr_assert(apply(slot, unit) == STATUS_OK);
}

static enum status status_of(uint32_t slot, uint64_t unit) {
    const struct tables *tables;
    return table_store_find(&store, slot, unit, &tables);
}

static bool has(uint32_t slot, uint64_t unit, const char *table, const char *key,
                const char *value) {
    const struct tables *tables;
    if (table_store_find(&store, slot, unit, &tables) != STATUS_OK) return false;
    struct table *found = tables_find(tables, raw(table));
    struct row   *at = found == NULL ? NULL : table_get(found, raw(key));
    return at != NULL && row_value(at).bytes == strlen(value) &&
           memcmp(row_value(at).data, value, strlen(value)) == 0;
}

Test(table_store, what_was_written_is_found) {
    keep_row(3, 30, "k", "v");
    cr_assert(has(3, 30, "t", "k", "v"));
    cr_assert(store.counts.units == 1 && store.counts.bytes > 0 && store.counts.deltas == 1);
}

Test(table_store, nothing_is_found_of_a_unit_without_tables) {
    cr_assert(status_of(3, 30) == STATUS_NOT_FOUND);
    keep_row(3, 30, "k", "v");
    cr_assert(status_of(4, 30) == STATUS_NOT_FOUND);
    cr_assert(status_of(3, 31) == STATUS_NOT_FOUND, "another unit in the slot");
}

Test(table_store, a_new_tenant_of_a_slot_begins_without_the_rows_of_the_last_one) {
    keep_row(3, 30, "old", "v");
    keep_row(3, 31, "new", "v");
    cr_assert(!has(3, 31, "t", "old", "v"));
    cr_assert(has(3, 31, "t", "new", "v"));
    cr_assert(status_of(3, 30) == STATUS_NOT_FOUND);
    cr_assert(store.counts.units == 1);
}

Test(table_store, many_units_are_found_after_the_buckets_have_grown) {
    for (uint32_t slot = 0; slot < 1000; slot++) {
        char key[16];
        snprintf(key, sizeof key, "k%u", slot);
        keep_row(slot * 64, slot, key, "v");
    }
    for (uint32_t slot = 0; slot < 1000; slot++) {
        char key[16];
        snprintf(key, sizeof key, "k%u", slot);
        cr_assert(has(slot * 64, slot, "t", key, "v"));
    }
    cr_assert(store.counts.units == 1000);
}

Test(table_store, forgetting_leaves_another_unit_alone) {
    keep_row(3, 30, "k", "v");
    table_store_forget(&store, 3, 29);
    cr_assert(has(3, 30, "t", "k", "v"));
    table_store_forget(&store, 3, 30);
    cr_assert(status_of(3, 30) == STATUS_NOT_FOUND);
    cr_assert(store.counts.bytes == 0);
}

Test(table_store, keeping_drops_what_is_not_listed_but_heirs_and_the_dictionary) {
    row("a", 0, "k", "1");
    row("bb", 0, "k", "2");
    row("heir", TABLE_HEIR, "k", "3");
    row("", 0, "k", "4");
    row("ab", 0, "k", "5");
    cr_assert(apply(1, 10) == STATUS_OK);
    uint64_t before = store.counts.bytes;
    table_store_keep(&store, 1, 10,
                     slice_of("\x02"
                              "bb\x01"
                              "x",
                              5));
    cr_assert(has(1, 10, "bb", "k", "2") && has(1, 10, "heir", "k", "3") &&
              has(1, 10, "", "k", "4"));
    cr_assert(!has(1, 10, "a", "k", "1") && !has(1, 10, "ab", "k", "5"));
    cr_assert(store.counts.bytes < before);
    table_store_keep(&store, 2, 10, (struct slice){0}); // nobody there
}

Test(table_store, a_unit_over_the_limit_has_lost_its_rows_and_says_so) {
    static char value[600000];
    memset(value, 'v', sizeof value - 1);
    keep_row(1, 10, "first", value);
    row("t", 0, "second", value);
    cr_assert(apply(1, 10) == STATUS_TOO_LARGE);
    cr_assert(status_of(1, 10) == STATUS_TOO_LARGE);
    row("t", 0, "third", "v");
    cr_assert(apply(1, 10) == STATUS_TOO_LARGE, "a part must not pass for the whole");
    cr_assert(store.counts.bytes == 0);
    table_store_forget(&store, 1, 10);
    keep_row(1, 10, "fourth", "v");
    cr_assert(has(1, 10, "t", "fourth", "v"));
}

#ifdef CAN_REFUSE_MEMORY
Test(table_store, rows_that_find_no_memory_are_lost_as_a_whole) {
    keep_row(1, 10, "first", "v");
    row("t", 0, "second", "v");
    refuse_memory(1);
    enum status status = apply(1, 10);
    refuse_memory(0);
    cr_assert(status == STATUS_NO_MEMORY);
    cr_assert(status_of(1, 10) == STATUS_NO_MEMORY);
}

Test(table_store, without_memory_for_a_unit_nothing_is_kept) {
    row("t", 0, "k", "v");
    refuse_memory(1);
    enum status status = apply(1, 10);
    refuse_memory(0);
    cr_assert(status == STATUS_NO_MEMORY);
    cr_assert(store.counts.units == 0);
}
#endif
