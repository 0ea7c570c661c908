// Any bytes may be a delta. What the check accepts is applied, and comes out of an export in parts
// as it was; what it refuses is not, and leaves tables that are sound. A journal takes all of it
// back.
//
// Input: size of the parts of the export (u8, in steps of 8), then the delta.
#include "base/tables_delta.h"

#include "base/check.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static bool same(struct slice left, struct slice right) {
    return left.bytes == right.bytes &&
           (left.bytes == 0 || memcmp(left.data, right.data, left.bytes) == 0);
}

static void check_table(const struct table *table) {
    uint64_t bytes = TABLE_BYTES + (uint64_t)table->name_bytes;
    uint32_t count = 0;
    for (struct row *row = table_first(table); row != NULL; row = row_after(row)) {
        CHECK(table_get(table, row_key(row)) == row);
        CHECK(table_from(table, row_key(row)) == row);
        bytes += TABLE_ROW_BYTES + (uint64_t)row->key_bytes + row->value_bytes;
        count++;
    }
    for (struct row *row = table_last(table); row != NULL; row = row_before(row)) count--;
    CHECK(count == 0);
    CHECK(bytes == table->bytes);
}

static void check_sound(const struct tables *tables) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < tables->count; i++) {
        check_table(tables->all[i]);
        CHECK(tables_find(tables, table_name(tables->all[i])) == tables->all[i]);
        bytes += tables->all[i]->bytes;
    }
    CHECK(bytes == tables->bytes);
}

static void check_equal(const struct tables *left, const struct tables *right) {
    CHECK(left->count == right->count && left->bytes == right->bytes);
    for (uint32_t i = 0; i < left->count; i++) {
        CHECK(same(table_name(left->all[i]), table_name(right->all[i])));
        CHECK(left->all[i]->flags == right->all[i]->flags);
        const struct row *row = table_first(left->all[i]), *other = table_first(right->all[i]);
        for (; row != NULL && other != NULL; row = row_after(row), other = row_after(other)) {
            CHECK(same(row_key(row), row_key(other)));
            CHECK(same(row_value(row), row_value(other)));
        }
        CHECK(row == NULL && other == NULL);
    }
}

// What an export in parts makes of `tables` is the same again.
static void load(const struct tables *tables, size_t part_bytes, struct tables *ret_loaded) {
    struct tables_cursor cursor = {0};
    struct buf           part = {0};
    tables_init(ret_loaded, 2, 0);
    while (!cursor.done) {
        part.bytes = 0;
        CHECK(tables_export(tables, &cursor, part_bytes, &part) == STATUS_OK);
        CHECK(tables_delta_check(slice_of(part.data, part.bytes)));
        CHECK(tables_apply(ret_loaded, slice_of(part.data, part.bytes)) == STATUS_OK);
    }
    buf_fini(&part);
    check_equal(tables, ret_loaded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    struct tables tables, loaded, again;
    if (bytes == 0) return -1;
    struct slice delta = slice_of(data + 1, bytes - 1);
    bool         accepted = tables_delta_check(delta);

    tables_init(&tables, 1, 0);
    enum status status = tables_apply(&tables, delta);
    CHECK(status == (accepted ? STATUS_OK : STATUS_PROTOCOL) || status == STATUS_FULL);
    check_sound(&tables);
    load(&tables, (size_t)data[0] * 8, &loaded);
    check_sound(&loaded);

    // Once more on top of it, all of which a journal takes back.
    tables_begin(&loaded);
    (void)tables_apply(&loaded, delta);
    check_sound(&loaded);
    (void)tables_apply(&loaded, delta);
    tables_rollback(&loaded);
    check_sound(&loaded);
    check_equal(&tables, &loaded);

    // With and without a journal it comes to the same.
    (void)tables_apply(&loaded, delta);
    tables_commit(&loaded);
    (void)tables_apply(&tables, delta);
    check_equal(&tables, &loaded);
    load(&loaded, SIZE_MAX, &again);
    tables_fini(&again);
    tables_fini(&loaded);
    tables_fini(&tables);
    return 0;
}
