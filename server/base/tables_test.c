#include "base/tables.h"

#include "base/memory_fault_test.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <peeper/value.h>

#define SEED 4711u

static struct tables tables;

static struct slice text(const char *words) {
    return slice_of(words, strlen(words));
}

// An encoded int.
struct key {
    uint8_t data[16];
    size_t  bytes;
};

static struct key int_key(int64_t number) {
    struct peeper_writer writer = {0};
    struct key           key;
    peeper_write_int(&writer, number);
    key.bytes = writer.bytes;
    memcpy(key.data, writer.data, writer.bytes);
    peeper_writer_fini(&writer);
    return key;
}

static struct slice bytes_of(const struct key *key) {
    return slice_of(key->data, key->bytes);
}

static struct table *make(const char *name, uint8_t flags) {
    struct table *table = NULL;
    cr_assert(tables_make(&tables, text(name), flags, &table) == STATUS_OK);
    return table;
}

static void put(struct table *table, const char *key, const char *value) {
    cr_assert(tables_put(&tables, table, text(key), text(value)) == STATUS_OK);
}

static void put_int(struct table *table, int64_t key, const char *value) {
    struct key encoded = int_key(key);
    cr_assert(tables_put(&tables, table, bytes_of(&encoded), text(value)) == STATUS_OK);
}

static bool delete (struct table *table, const char *key) {
    bool was = false;
    cr_assert(tables_delete(&tables, table, text(key), &was) == STATUS_OK);
    return was;
}

// Values of all rows in order, forwards; checked backwards as well.
static const char *rows_of(const struct table *table) {
    static char all[4096];
    size_t      at = 0;
    uint32_t    count = 0;
    all[0] = '\0';
    for (struct row *row = table_first(table); row != NULL; row = row_after(row)) {
        struct slice value = row_value(row);
        at += (size_t)snprintf(all + at, sizeof all - at, "%.*s ", (int)value.bytes,
                               (const char *)value.data);
        cr_assert(table_get(table, row_key(row)) == row);
        count++;
    }
    cr_assert(count == table_count(table));
    for (struct row *row = table_last(table); row != NULL; row = row_before(row)) count--;
    cr_assert(count == 0);
    return all;
}

static void fini(void) {
    tables_fini(&tables);
    cr_assert(tables.bytes == 0 && tables.count == 0);
}

static void init(void) {
    tables_init(&tables, SEED, 0);
}

TestSuite(tables, .init = init, .fini = fini, .timeout = 10);

Test(tables, a_row_is_found_by_its_key_and_has_its_newest_value) {
    struct table *table = make("t", 0);
    put(table, "a", "1");
    put(table, "b", "2");
    put(table, "a", "a longer value than before");
    struct slice value = row_value(table_get(table, text("a")));
    cr_assert(value.bytes == 26 && memcmp(value.data, "a longer value than before", 26) == 0);
    cr_assert(table_get(table, text("c")) == NULL);
    cr_assert(table_count(table) == 2);
}

Test(tables, a_hashed_table_goes_in_the_order_of_entry_and_a_new_value_moves_nothing) {
    struct table *table = make("t", 0);
    put(table, "z", "1");
    put(table, "a", "2");
    put(table, "m", "3");
    put(table, "z", "4");
    cr_assert_str_eq(rows_of(table), "4 2 3 ");
    cr_assert(delete (table, "a"));
    cr_assert(!delete (table, "a"));
    put(table, "a", "5");
    cr_assert_str_eq(rows_of(table), "4 3 5 ");
}

Test(tables, an_ordered_table_goes_in_the_order_of_its_keys) {
    struct table *table = make("t", TABLE_ORDERED);
    put_int(table, 300, "c");
    put_int(table, -7, "a");
    put_int(table, 2, "b");
    put_int(table, 300, "C");
    cr_assert_str_eq(rows_of(table), "a b C ");
}

Test(tables, a_range_of_an_ordered_table_begins_at_the_key_or_the_next_one) {
    struct table *table = make("t", TABLE_ORDERED);
    for (int64_t i = 0; i < 1000; i += 10) put_int(table, i, "x");
    struct key at = int_key(500), between = int_key(501), next = int_key(510);
    struct key before = int_key(-1), first = int_key(0), behind = int_key(991);
    cr_assert(table_from(table, bytes_of(&at)) == table_get(table, bytes_of(&at)));
    cr_assert(table_from(table, bytes_of(&between)) == table_get(table, bytes_of(&next)));
    cr_assert(table_from(table, bytes_of(&before)) == table_get(table, bytes_of(&first)));
    cr_assert(table_from(table, bytes_of(&behind)) == NULL);
}

Test(tables, a_range_of_a_hashed_table_begins_at_a_key_that_is_there) {
    struct table *table = make("t", 0);
    put(table, "b", "1");
    cr_assert(table_from(table, text("b")) == table_first(table));
    cr_assert(table_from(table, text("a")) == NULL);
}

Test(tables, are_found_by_name_and_keep_the_flags_they_were_made_with) {
    struct table *table = make("b", TABLE_ORDERED | TABLE_HEIR);
    make("a", 0);
    make("", 0);
    cr_assert(make("b", TABLE_PRIVATE) == table);
    cr_assert(table->flags == (TABLE_ORDERED | TABLE_HEIR));
    cr_assert(tables_find(&tables, text("b")) == table);
    cr_assert(tables_find(&tables, text("c")) == NULL);
    cr_assert_str_eq(tables.all[0]->name, "");
    cr_assert_str_eq(tables.all[1]->name, "a");
}

Test(tables, refuse_what_is_no_name_no_flag_or_no_key) {
    static char   long_name[TABLE_NAME_BYTES_MAX + 1], long_key[TABLE_KEY_BYTES_MAX + 1];
    struct table *table = NULL;
    memset(long_name, 'a', sizeof long_name);
    cr_assert(tables_make(&tables, slice_of(long_name, sizeof long_name), 0, &table) ==
              STATUS_INVALID);
    cr_assert(tables_make(&tables, text("a"), 8, &table) == STATUS_INVALID);
    cr_assert(tables_make(&tables, text(""), TABLE_ORDERED, &table) == STATUS_INVALID);
    cr_assert(table == NULL);
    table = make("t", 0);
    cr_assert(tables_put(&tables, table, slice_of(long_key, sizeof long_key), text("")) ==
              STATUS_INVALID);
    cr_assert(tables_put(&tables, table, text(""), text("")) == STATUS_INVALID);
    cr_assert(tables_put(&tables, table, text("a"), slice_of(NULL, TABLE_VALUE_BYTES_MAX + 1)) ==
              STATUS_INVALID);
}

Test(tables, are_at_most_as_many_as_they_may_be) {
    char name[16];
    for (uint32_t i = 0; i < TABLES_MAX; i++) {
        snprintf(name, sizeof name, "%u", i);
        make(name, 0);
    }
    struct table *table = NULL;
    cr_assert(tables_make(&tables, text("more"), 0, &table) == STATUS_FULL);
    cr_assert(tables_drop(&tables, tables_find(&tables, text("7"))) == STATUS_OK);
    make("more", 0);
}

Test(tables, count_their_bytes_and_refuse_what_would_be_over_the_limit) {
    uint64_t room = TABLE_BYTES + 1 + 2 * (TABLE_ROW_BYTES + 2);
    tables_init(&tables, SEED, room);
    struct table *table = make("t", 0), *other = NULL;
    put(table, "a", "1");
    put(table, "b", "2");
    cr_assert(tables.bytes == room && table->bytes == room);
    cr_assert(tables_put(&tables, table, text("c"), text("")) == STATUS_TOO_LARGE);
    cr_assert(tables_put(&tables, table, text("a"), text("11")) == STATUS_TOO_LARGE);
    cr_assert(tables_make(&tables, text("u"), 0, &other) == STATUS_TOO_LARGE);
    put(table, "a", "3");
    cr_assert(delete (table, "b"));
    put(table, "a", "11");
    cr_assert(tables.bytes == room - TABLE_ROW_BYTES - 1);
}

Test(tables, a_clear_deletes_all_rows_and_a_drop_the_table_as_well) {
    struct table *table = make("t", TABLE_ORDERED);
    for (int64_t i = 0; i < 100; i++) put_int(table, i, "x");
    cr_assert(tables_clear(&tables, table) == STATUS_OK);
    cr_assert(table_count(table) == 0 && table_first(table) == NULL);
    cr_assert(tables.bytes == TABLE_BYTES + 1);
    put_int(table, 1, "y");
    cr_assert_str_eq(rows_of(table), "y ");
    cr_assert(tables_drop(&tables, table) == STATUS_OK);
    cr_assert(tables.bytes == 0 && tables_find(&tables, text("t")) == NULL);
}

Test(tables, a_rollback_takes_every_kind_of_change_back) {
    struct table *hashed = make("h", 0), *ordered = make("o", TABLE_ORDERED);
    put(hashed, "a", "1");
    put(hashed, "b", "2");
    put(hashed, "c", "3");
    for (int64_t i = 1; i <= 9; i++) put_int(ordered, i, "x");
    uint64_t bytes = tables.bytes;
    tables_begin(&tables);

    put(hashed, "b", "22");
    cr_assert(delete (hashed, "b"));
    cr_assert(delete (hashed, "a"));
    put(hashed, "a", "at the end now");
    cr_assert(tables_clear(&tables, hashed) == STATUS_OK);
    put(hashed, "d", "4");
    cr_assert(tables_clear(&tables, ordered) == STATUS_OK);
    put_int(ordered, 4, "y");
    cr_assert(tables_drop(&tables, ordered) == STATUS_OK);
    put(make("o", 0), "a", "another table");
    put(make("new", 0), "a", "1");
    tables_rollback(&tables);

    cr_assert(tables.bytes == bytes && tables.count == 2);
    cr_assert(tables_find(&tables, text("o")) == ordered && !ordered->gone);
    cr_assert_str_eq(rows_of(hashed), "1 2 3 ");
    cr_assert_str_eq(rows_of(ordered), "x x x x x x x x x ");
    put(hashed, "b", "still in the middle");
    tables_commit(&tables);
    cr_assert_str_eq(rows_of(hashed), "1 still in the middle 3 ");
}

Test(tables, what_was_committed_is_not_taken_back) {
    struct table *table = make("t", 0);
    tables_begin(&tables);
    put(table, "a", "1");
    tables_commit(&tables);
    put(table, "a", "2");
    tables_rollback(&tables);
    cr_assert_str_eq(rows_of(table), "1 ");
    tables_rollback(&tables);
    cr_assert_str_eq(rows_of(table), "1 ");
}

Test(tables, with_a_journal_a_row_that_is_gone_can_be_read_and_gone_on_from) {
    struct table *table = make("t", 0);
    tables_begin(&tables);
    for (const char *key = "abcde"; *key != '\0'; key++) {
        cr_assert(tables_put(&tables, table, slice_of(key, 1), slice_of(key, 1)) == STATUS_OK);
    }
    struct row  *row = table_get(table, text("b"));
    struct slice value = row_value(row);
    put(table, "b", "B");
    cr_assert(*value.data == 'b' && *row_value(row).data == 'B');
    cr_assert(delete (table, "c"));
    cr_assert(delete (table, "d"));
    cr_assert(*row_value(row_after(row)).data == 'e');
    cr_assert(tables_clear(&tables, table) == STATUS_OK);
    cr_assert(row_after(row) == NULL);
    tables_commit(&tables);
}

#ifdef CAN_REFUSE_MEMORY
// One of each change, all of which can fail; false if one did.
static bool change_all(void) {
    struct table *table = tables_find(&tables, text("t")), *more = NULL;
    if (tables_put(&tables, table, text("a"), text("11")) != STATUS_OK) return false;
    if (tables_put(&tables, table, text("n"), text("9")) != STATUS_OK) return false;
    if (tables_delete(&tables, table, text("b"), NULL) != STATUS_OK) return false;
    if (tables_clear(&tables, table) != STATUS_OK) return false;
    if (tables_put(&tables, table, text("m"), text("9")) != STATUS_OK) return false;
    if (tables_drop(&tables, table) != STATUS_OK) return false;
    if (tables_make(&tables, text("more"), 0, &more) != STATUS_OK) return false;
    return tables_put(&tables, more, text("a"), text("1")) == STATUS_OK;
}

Test(tables, wherever_memory_runs_out_what_was_done_can_be_taken_back) {
    struct table *table = make("t", TABLE_ORDERED);
    put(table, "a", "1");
    put(table, "b", "2");
    uint64_t bytes = tables.bytes;
    tables_begin(&tables);
    bool done = false;
    for (int at = 1; !done; at++) {
        cr_assert(at < 50);
        refuse_memory(at);
        done = change_all();
        refuse_memory(0);
        tables_rollback(&tables);
        cr_assert_str_eq(rows_of(tables_find(&tables, text("t"))), "1 2 ");
        cr_assert(tables.bytes == bytes && tables.count == 1);
        // The next round starts without a journal, whose memory can run out as well.
        free(tables.journal);
        tables.journal = NULL;
        tables.journal_capacity = 0;
    }
}

Test(tables, an_index_that_cannot_grow_finds_its_rows_all_the_same) {
    struct table *table = make("t", 0);
    char          key[16];
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "%d", i);
        // The first allocation is the row's, the second the larger index's.
        if (i > 0) refuse_memory(2);
        put(table, key, key);
        refuse_memory(0);
    }
    cr_assert(table->rows.bits == 3);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "%d", i);
        cr_assert(table_get(table, text(key)) != NULL);
    }
}
#endif
