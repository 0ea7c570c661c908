// Tables behave as a plain array of rows does, with and without a rollback in between.
//
// Input: one operation per two bytes: what, and about which key. Few keys, so that they meet.
#include "base/tables.h"

#include "base/check.h"
#include "base/value_compare.h"

#include <string.h>

#define KEYS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct model {
    struct {
        uint8_t key;
        uint8_t value;
    } rows[KEYS]; // in order
    uint32_t count;
    bool     there; // the table itself
    bool     ordered;
};

static struct slice key_slice(const uint8_t *key) {
    static uint8_t encoded[2];
    encoded[0] = 0x18; // an int
    encoded[1] = (uint8_t)(*key * 2u);
    return slice_of(encoded, sizeof encoded);
}

static uint32_t model_find(const struct model *model, uint8_t key) {
    uint32_t i = 0;
    while (i < model->count && model->rows[i].key != key) i++;
    return i;
}

static void model_put(struct model *model, uint8_t key, uint8_t value) {
    uint32_t at = model_find(model, key);
    if (at == model->count) {
        if (model->ordered) {
            for (at = 0; at < model->count && model->rows[at].key < key;) at++;
        }
        memmove(&model->rows[at + 1], &model->rows[at],
                (model->count - at) * sizeof model->rows[0]);
        model->count++;
        model->rows[at].key = key;
    }
    model->rows[at].value = value;
}

static void model_delete(struct model *model, uint8_t key) {
    uint32_t at = model_find(model, key);
    if (at == model->count) return;
    model->count--;
    memmove(&model->rows[at], &model->rows[at + 1], (model->count - at) * sizeof model->rows[0]);
}

static void compare(const struct tables *tables, const struct model *model) {
    struct table *table = tables_find(tables, slice_of("t", 1));
    CHECK((table != NULL) == model->there);
    if (table == NULL) return;
    CHECK(table_count(table) == model->count);
    CHECK(((table->flags & TABLE_ORDERED) != 0) == model->ordered);
    const struct row *row = table_first(table);
    for (uint32_t i = 0; i < model->count; i++, row = row_after(row)) {
        struct slice key = key_slice(&model->rows[i].key);
        CHECK(row != NULL && memcmp(row_key(row).data, key.data, key.bytes) == 0);
        CHECK(*row_value(row).data == model->rows[i].value);
        CHECK(table_get(table, key) == row);
    }
    CHECK(row == NULL);
    uint8_t     key = (uint8_t)(model->count * 5u % KEYS);
    struct row *from = table_from(table, key_slice(&key));
    uint32_t    at = model_find(model, key);
    if (at == model->count && model->ordered) {
        for (at = 0; at < model->count && model->rows[at].key < key;) at++;
    }
    CHECK((from == NULL) == (at == model->count));
    if (from != NULL) CHECK(*row_value(from).data == model->rows[at].value);
}

static void make(struct tables *tables, struct model *model, uint8_t flags) {
    struct table *table = NULL;
    CHECK(tables_make(tables, slice_of("t", 1), flags, &table) == STATUS_OK);
    if (!model->there)
        *model = (struct model){.there = true, .ordered = (flags & TABLE_ORDERED) != 0};
}

static void drop(struct tables *tables, struct model *model) {
    CHECK(tables_drop(tables, tables_find(tables, slice_of("t", 1))) == STATUS_OK);
    *model = (struct model){0};
}

static void change(struct tables *tables, struct model *model, uint8_t what, uint8_t key) {
    struct table *table = tables_find(tables, slice_of("t", 1));
    bool          was = false;
    if (table == NULL) {
        make(tables, model, what & TABLE_FLAGS);
    } else if (what < 160) {
        CHECK(tables_put(tables, table, key_slice(&key), slice_of(&what, 1)) == STATUS_OK);
        model_put(model, key, what);
    } else if (what < 250) {
        CHECK(tables_delete(tables, table, key_slice(&key), &was) == STATUS_OK);
        CHECK(was == (model_find(model, key) < model->count));
        model_delete(model, key);
    } else if (what < 252) {
        CHECK(tables_clear(tables, table) == STATUS_OK);
        model->count = 0;
    } else {
        drop(tables, model);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    struct tables tables;
    struct model  model = {0}, saved = {0};
    bool          journalled = bytes > 0 && (data[0] & 1) != 0;
    tables_init(&tables, 1, 0);
    if (journalled) tables_begin(&tables);
    for (size_t at = 1; at + 1 < bytes; at += 2) {
        uint8_t what = data[at], key = data[at + 1];
        if (journalled && (key & 0xc0) == 0xc0) {
            // A turn ends.
            if (what & 1) {
                tables_commit(&tables);
            } else {
                tables_rollback(&tables);
                model = saved;
            }
            saved = model;
        } else {
            change(&tables, &model, what, key % KEYS);
        }
        compare(&tables, &model);
    }
    tables_fini(&tables);
    return 0;
}
