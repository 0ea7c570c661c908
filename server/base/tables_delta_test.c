#include "base/tables_delta.h"

#include "base/memory_fault_test.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct tables tables;
static struct buf    delta;

static struct slice text(const char *words) {
    return slice_of(words, strlen(words));
}

static void op(enum table_op kind, uint8_t flags, const char *key, const char *value) {
    struct table_op_view view = {
        .op = kind, .flags = flags, .key = text(key), .value = text(value)};
    cr_assert(tables_delta_write(&delta, &view) == STATUS_OK);
}

static struct slice written(void) {
    return slice_of(delta.data, delta.bytes);
}

// "name[flags]: key=value ..." for each table.
static const char *content_of(const struct tables *of) {
    static char all[8192];
    size_t      at = 0;
    all[0] = '\0';
    for (uint32_t i = 0; i < of->count; i++) {
        const struct table *table = of->all[i];
        at += (size_t)snprintf(all + at, sizeof all - at, "%s[%u]:", table->name, table->flags);
        for (struct row *row = table_first(table); row != NULL; row = row_after(row)) {
            at += (size_t)snprintf(all + at, sizeof all - at, " %.*s=%.*s", (int)row->key_bytes,
                                   (const char *)row_key(row).data, (int)row->value_bytes,
                                   (const char *)row_value(row).data);
        }
        at += (size_t)snprintf(all + at, sizeof all - at, "; ");
    }
    return all;
}

static void init(void) {
    tables_init(&tables, 1, 0);
}

static void fini(void) {
    tables_fini(&tables);
    buf_fini(&delta);
}

TestSuite(tables_delta, .init = init, .fini = fini, .timeout = 10);

Test(tables_delta, does_what_it_says_in_order) {
    op(TABLE_OP_SELECT, 0, "", "");
    op(TABLE_OP_PUT, 0, "k", "1");
    op(TABLE_OP_SELECT, TABLE_HEIR, "t", "");
    op(TABLE_OP_PUT, 0, "a", "1");
    op(TABLE_OP_PUT, 0, "b", "2");
    op(TABLE_OP_DELETE, 0, "a", "");
    op(TABLE_OP_DELETE, 0, "never there", "");
    op(TABLE_OP_SELECT, TABLE_ORDERED, "gone", "");
    op(TABLE_OP_PUT, 0, "x", "1");
    op(TABLE_OP_DROP, 0, "", "");
    op(TABLE_OP_SELECT, 0, "u", "");
    op(TABLE_OP_PUT, 0, "a", "1");
    op(TABLE_OP_CLEAR, 0, "", "");
    cr_assert(tables_delta_check(written()));
    cr_assert(tables_apply(&tables, written()) == STATUS_OK);
    cr_assert_str_eq(content_of(&tables), "[0]: k=1; t[4]: b=2; u[0]:; ");
}

Test(tables_delta, an_empty_one_is_one) {
    cr_assert(tables_delta_check(written()));
    cr_assert(tables_apply(&tables, written()) == STATUS_OK);
}

Test(tables_delta, a_part_of_an_operation_is_none) {
    op(TABLE_OP_SELECT, 0, "t", "");
    size_t whole = delta.bytes;
    op(TABLE_OP_PUT, 0, "key", "value");
    for (size_t bytes = 0; bytes <= delta.bytes; bytes++) {
        bool is_whole = bytes == 0 || bytes == whole || bytes == delta.bytes;
        cr_assert(tables_delta_check(slice_of(delta.data, bytes)) == is_whole);
    }
}

static bool accepts(struct table_op_head head, size_t more) {
    delta.bytes = 0;
    op(TABLE_OP_SELECT, 0, "t", "");
    cr_assert(buf_append(&delta, &head, sizeof head) == STATUS_OK);
    uint8_t *room = buf_reserve(&delta, more);
    memset(room, 'a', more);
    delta.bytes += more;
    return tables_delta_check(written());
}

Test(tables_delta, what_breaks_a_rule_is_none) {
    cr_assert(accepts((struct table_op_head){.op = TABLE_OP_PUT, .key_bytes = 1}, 1));
    cr_assert(!accepts((struct table_op_head){.op = 0}, 0));
    cr_assert(!accepts((struct table_op_head){.op = 6}, 0));
    cr_assert(!accepts((struct table_op_head){.op = TABLE_OP_PUT, .key_bytes = 0}, 0));
    cr_assert(!accepts((struct table_op_head){.op = TABLE_OP_PUT, .key_bytes = 1, .pad = 1}, 1));
    cr_assert(!accepts((struct table_op_head){.op = TABLE_OP_PUT, .flags = 1, .key_bytes = 1}, 1));
    cr_assert(!accepts(
        (struct table_op_head){.op = TABLE_OP_DELETE, .key_bytes = 1, .value_bytes = 1}, 2));
    cr_assert(!accepts((struct table_op_head){.op = TABLE_OP_DELETE}, 0));
    cr_assert(!accepts((struct table_op_head){.op = TABLE_OP_CLEAR, .key_bytes = 1}, 1));
    cr_assert(!accepts((struct table_op_head){.op = TABLE_OP_DROP, .key_bytes = 1}, 1));
    cr_assert(
        !accepts((struct table_op_head){.op = TABLE_OP_SELECT, .flags = 8, .key_bytes = 1}, 1));
    cr_assert(!accepts((struct table_op_head){.op = TABLE_OP_SELECT, .flags = 1}, 0));
    cr_assert(!accepts((struct table_op_head){.op = TABLE_OP_SELECT, .key_bytes = 256}, 256));
    cr_assert(
        !accepts((struct table_op_head){.op = TABLE_OP_PUT, .key_bytes = TABLE_KEY_BYTES_MAX + 1},
                 TABLE_KEY_BYTES_MAX + 1));
    cr_assert(!accepts(
        (struct table_op_head){.op = TABLE_OP_PUT, .key_bytes = 1, .value_bytes = UINT32_MAX}, 1));
}

Test(tables_delta, an_operation_is_about_a_table_that_was_selected) {
    op(TABLE_OP_PUT, 0, "a", "1");
    cr_assert(!tables_delta_check(written()));
    cr_assert(tables_apply(&tables, written()) == STATUS_PROTOCOL);
    delta.bytes = 0;
    op(TABLE_OP_SELECT, 0, "t", "");
    op(TABLE_OP_DROP, 0, "", "");
    op(TABLE_OP_CLEAR, 0, "", "");
    cr_assert(!tables_delta_check(written()));
    cr_assert(tables_apply(&tables, written()) == STATUS_PROTOCOL);
}

Test(tables_delta, limits_end_what_is_applied) {
    tables_init(&tables, 1, TABLE_BYTES + 1 + TABLE_ROW_BYTES + 2);
    op(TABLE_OP_SELECT, 0, "t", "");
    op(TABLE_OP_PUT, 0, "a", "1");
    op(TABLE_OP_PUT, 0, "b", "2");
    cr_assert(tables_apply(&tables, written()) == STATUS_TOO_LARGE);
    delta.bytes = 0;
    tables_fini(&tables);
    tables_init(&tables, 1, 0);
    for (uint32_t i = 0; i <= TABLES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u", i);
        op(TABLE_OP_SELECT, 0, name, "");
    }
    cr_assert(tables_apply(&tables, written()) == STATUS_FULL);
}

static void fill(void) {
    op(TABLE_OP_SELECT, 0, "", "");
    op(TABLE_OP_PUT, 0, "k", "dictionary");
    op(TABLE_OP_SELECT, TABLE_ORDERED | TABLE_PRIVATE, "big", "");
    for (int i = 0; i < 100; i++) {
        char key[16];
        snprintf(key, sizeof key, "%03d", i * 7 % 100);
        op(TABLE_OP_PUT, 0, key, "0123456789");
    }
    op(TABLE_OP_SELECT, TABLE_HEIR, "empty", "");
    op(TABLE_OP_SELECT, 0, "last", "");
    op(TABLE_OP_PUT, 0, "b", "entered first");
    op(TABLE_OP_PUT, 0, "a", "and then this, which is longer than a part of the smallest kind is");
    cr_assert(tables_apply(&tables, written()) == STATUS_OK);
}

Test(tables_delta, an_export_in_parts_of_any_size_makes_the_same_tables) {
    static const size_t SIZES[] = {0, 1, 40, 64, 100, 1000, 1u << 20};
    char                wanted[8192];
    fill();
    snprintf(wanted, sizeof wanted, "%s", content_of(&tables));
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        struct tables        loaded;
        struct tables_cursor cursor = {0};
        tables_init(&loaded, 2, 0);
        uint32_t parts = 0;
        do {
            delta.bytes = 0;
            cr_assert(tables_export(&tables, &cursor, SIZES[i], &delta) == STATUS_OK);
            cr_assert(delta.bytes <= SIZES[i] || delta.bytes < 200);
            cr_assert(tables_delta_check(written()));
            cr_assert(tables_apply(&loaded, written()) == STATUS_OK);
            parts++;
        } while (!cursor.done);
        cr_assert_str_eq(content_of(&loaded), wanted);
        cr_assert(loaded.bytes == tables.bytes);
        cr_assert(parts == (SIZES[i] <= 40 ? 104 : parts));
        tables_fini(&loaded);
    }
    cr_assert(delta.bytes < 4096);
}

Test(tables_delta, an_export_of_nothing_is_nothing_and_done) {
    struct tables_cursor cursor = {0};
    cr_assert(tables_export(&tables, &cursor, 100, &delta) == STATUS_OK);
    cr_assert(cursor.done && delta.bytes == 0);
    cr_assert(tables_export(&tables, &cursor, 100, &delta) == STATUS_OK);
    cr_assert(cursor.done && delta.bytes == 0);
}

Test(tables_delta, an_export_notices_that_the_tables_have_changed) {
    struct tables_cursor cursor = {0};
    fill();
    delta.bytes = 0;
    cr_assert(tables_export(&tables, &cursor, 100, &delta) == STATUS_OK);
    cr_assert(!cursor.done);
    struct tables_cursor before = cursor;
    struct table        *table = tables_find(&tables, text("last"));
    cr_assert(tables_delete(&tables, table, text("a"), NULL) == STATUS_OK);
    delta.bytes = 0;
    cr_assert(tables_export(&tables, &cursor, 100, &delta) == STATUS_AGAIN);
    cr_assert(delta.bytes == 0 && memcmp(&before, &cursor, sizeof cursor) == 0);

    // Others with the same history are others.
    tables_fini(&tables);
    fill();
    cr_assert(tables_export(&tables, &cursor, 100, &delta) == STATUS_AGAIN);
}

#ifdef CAN_REFUSE_MEMORY
Test(tables_delta, an_export_without_memory_stays_where_it_was) {
    struct tables_cursor cursor = {0};
    fill();
    buf_fini(&delta);
    refuse_memory(2);
    cr_assert(tables_export(&tables, &cursor, 1u << 20, &delta) == STATUS_NO_MEMORY);
    refuse_memory(0);
    cr_assert(delta.bytes == 0 && !cursor.begun);
    cr_assert(tables_export(&tables, &cursor, 1u << 20, &delta) == STATUS_OK);
    cr_assert(cursor.done);
}

Test(tables_delta, without_memory_nothing_is_appended_and_applying_says_so) {
    struct table_op_view view = {.op = TABLE_OP_SELECT, .key = text("t")};
    refuse_memory(1);
    cr_assert(tables_delta_write(&delta, &view) == STATUS_NO_MEMORY);
    cr_assert(delta.bytes == 0);
    cr_assert(tables_delta_write(&delta, &view) == STATUS_OK);
    refuse_memory(1);
    cr_assert(tables_apply(&tables, written()) == STATUS_NO_MEMORY);
    refuse_memory(0);
}
#endif
