#include "base/tables.h"

#include "base/check.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define JOURNAL_MIN 16u
#define JOURNAL_KEPT 1024u // entries; more memory than for these goes back
#define CAPACITY_MIN 4u

enum change_kind { CHANGE_PUT, CHANGE_DELETE, CHANGE_CLEAR, CHANGE_MAKE, CHANGE_DROP };

struct tables_change {
    enum change_kind kind;
    struct table    *table;
    struct row      *row;    // of a put; of a delete, which owns it
    struct slice     before; // of a put: the value that was there, owned; data NULL: no row was
    struct rows     *rows;   // of a clear: what was there; owned
    uint64_t         bytes;  // of the table before a clear
};

static _Atomic uint64_t origins;

void tables_init(struct tables *tables, uint64_t seed, uint64_t bytes_max) {
    *tables = (struct tables){
        .bytes_max = bytes_max == 0 ? UINT64_MAX : bytes_max,
        .seed = seed,
        // Only that it is nobody else's matters.
        .origin = 1 + atomic_fetch_add_explicit(&origins, 1, memory_order_relaxed),
    };
}

static void free_table(struct table *table) {
    rows_fini(&table->rows);
    free(table);
}

void tables_fini(struct tables *tables) {
    tables_commit(tables);
    for (uint32_t i = 0; i < tables->count; i++) free_table(tables->all[i]);
    free(tables->all);
    free(tables->journal);
    bool journalled = tables->journalled;
    tables_init(tables, tables->seed, tables->bytes_max);
    tables->journalled = journalled;
}

void tables_begin(struct tables *tables) {
    CHECK(tables->journal_count == 0);
    tables->journalled = true;
}

// Room for one change, so that nothing can fail once it has been made.
static enum status journal_reserve(struct tables *tables) {
    if (!tables->journalled || tables->journal_count < tables->journal_capacity) return STATUS_OK;
    uint32_t capacity = tables->journal_capacity == 0 ? JOURNAL_MIN : tables->journal_capacity * 2;
    struct tables_change *journal = realloc(tables->journal, capacity * sizeof *journal);
    if (journal == NULL) return STATUS_NO_MEMORY;
    tables->journal = journal;
    tables->journal_capacity = capacity;
    return STATUS_OK;
}

static void forget(const struct tables_change *change) {
    if (change->kind == CHANGE_PUT && change->before.data != NULL) {
        row_forget(change->row, change->before);
    }
    if (change->kind == CHANGE_DELETE) row_free(change->row);
    if (change->rows != NULL) {
        rows_fini(change->rows);
        free(change->rows);
    }
    if (change->kind == CHANGE_DROP) free_table(change->table);
}

// Remembers the change, or forgets at once what it has taken out.
static void note(struct tables *tables, struct tables_change change) {
    tables->changes++;
    if (tables->journalled) {
        tables->journal[tables->journal_count++] = change;
    } else {
        forget(&change);
    }
}

static void journal_reset(struct tables *tables) {
    tables->journal_count = 0;
    if (tables->journal_capacity <= JOURNAL_KEPT) return;
    free(tables->journal);
    tables->journal = NULL;
    tables->journal_capacity = 0;
}

void tables_commit(struct tables *tables) {
    if (tables->journal_count == 0) return;
    for (uint32_t i = 0; i < tables->journal_count; i++) forget(&tables->journal[i]);
    journal_reset(tables);
}

// --- Tables

static int compare_names(struct slice left, struct slice right) {
    size_t bytes = left.bytes < right.bytes ? left.bytes : right.bytes;
    int    order = bytes > 0 ? memcmp(left.data, right.data, bytes) : 0;
    return order != 0 ? order : (left.bytes > right.bytes) - (left.bytes < right.bytes);
}

// Where `name` is, or belongs.
static uint32_t place_of(const struct tables *tables, struct slice name) {
    uint32_t low = 0, high = tables->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (compare_names(table_name(tables->all[middle]), name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct table *tables_find(const struct tables *tables, struct slice name) {
    uint32_t place = place_of(tables, name);
    if (place == tables->count) return NULL;
    struct table *table = tables->all[place];
    return compare_names(table_name(table), name) == 0 ? table : NULL;
}

// There is room: a place that was once taken is not given back.
static void add_table(struct tables *tables, struct table *table) {
    uint32_t       place = place_of(tables, table_name(table));
    struct table **at = tables->all + place;
    memmove(at + 1, at, (tables->count - place) * sizeof *at);
    *at = table;
    tables->count++;
    tables->bytes += table->bytes;
    table->gone = false;
}

static void remove_table(struct tables *tables, struct table *table) {
    uint32_t       place = place_of(tables, table_name(table));
    struct table **at = tables->all + place;
    CHECK(place < tables->count && *at == table);
    tables->count--;
    memmove(at, at + 1, (tables->count - place) * sizeof *at);
    tables->bytes -= table->bytes;
    table->gone = true;
}

static enum status reserve_table(struct tables *tables) {
    if (tables->count < tables->capacity) return STATUS_OK;
    uint32_t       capacity = tables->capacity == 0 ? CAPACITY_MIN : tables->capacity * 2;
    struct table **all = realloc(tables->all, capacity * sizeof(struct table *));
    if (all == NULL) return STATUS_NO_MEMORY;
    tables->all = all;
    tables->capacity = capacity;
    return STATUS_OK;
}

static bool has_room(const struct tables *tables, uint64_t bytes) {
    return tables->bytes <= tables->bytes_max && bytes <= tables->bytes_max - tables->bytes;
}

enum status tables_make(struct tables *tables, struct slice name, uint8_t flags,
                        struct table **ret_table) {
    if (name.bytes > TABLE_NAME_BYTES_MAX || (flags & ~TABLE_FLAGS) != 0) return STATUS_INVALID;
    if (name.bytes == 0 && flags != 0) return STATUS_INVALID;
    struct table *table = tables_find(tables, name);
    if (table == NULL) {
        if (tables->count == TABLES_MAX) return STATUS_FULL;
        if (!has_room(tables, TABLE_BYTES + name.bytes)) return STATUS_TOO_LARGE;
        if (journal_reserve(tables) != STATUS_OK) return STATUS_NO_MEMORY;
        if (reserve_table(tables) != STATUS_OK) return STATUS_NO_MEMORY;
        table = calloc(1, sizeof *table);
        if (table == NULL) return STATUS_NO_MEMORY;
        rows_init(&table->rows, (flags & TABLE_ORDERED) != 0, tables->seed);
        table->bytes = TABLE_BYTES + name.bytes;
        table->flags = flags;
        table->name_bytes = (uint8_t)name.bytes;
        if (name.bytes > 0) memcpy(table->name, name.data, name.bytes);
        add_table(tables, table);
        note(tables, (struct tables_change){.kind = CHANGE_MAKE, .table = table});
    }
    *ret_table = table;
    return STATUS_OK;
}

enum status tables_drop(struct tables *tables, struct table *table) {
    CHECK(!table->gone);
    if (journal_reserve(tables) != STATUS_OK) return STATUS_NO_MEMORY;
    remove_table(tables, table);
    note(tables, (struct tables_change){.kind = CHANGE_DROP, .table = table});
    return STATUS_OK;
}

// --- Rows

static uint64_t row_bytes(size_t key_bytes, size_t value_bytes) {
    return TABLE_ROW_BYTES + (uint64_t)key_bytes + value_bytes;
}

static uint64_t bytes_of(const struct row *row) {
    return row_bytes(row->key_bytes, row->value_bytes);
}

static void count_bytes(struct tables *tables, struct table *table, uint64_t less, uint64_t more) {
    table->bytes += more - less;
    tables->bytes += more - less;
}

static enum status change_row(struct tables *tables, struct table *table, struct row *row,
                              struct slice value) {
    struct tables_change change = {.kind = CHANGE_PUT, .table = table, .row = row};
    uint64_t             less = bytes_of(row), more = row_bytes(row->key_bytes, value.bytes);
    if (more > less && !has_room(tables, more - less)) return STATUS_TOO_LARGE;
    if (journal_reserve(tables) != STATUS_OK) return STATUS_NO_MEMORY;
    if (!tables->journalled && row_overwrite(row, value)) {
        count_bytes(tables, table, less, more);
        tables->changes++;
        return STATUS_OK;
    }
    if (row_change(row, value, &change.before) != STATUS_OK) return STATUS_NO_MEMORY;
    count_bytes(tables, table, less, more);
    note(tables, change);
    return STATUS_OK;
}

static enum status enter_row(struct tables *tables, struct table *table, struct slice key,
                             struct slice value) {
    uint64_t bytes = row_bytes(key.bytes, value.bytes);
    if (!has_room(tables, bytes) || table->rows.count == UINT32_MAX) return STATUS_TOO_LARGE;
    if (journal_reserve(tables) != STATUS_OK) return STATUS_NO_MEMORY;
    struct row *row = row_create(&table->rows, key, value);
    if (row == NULL) return STATUS_NO_MEMORY;
    if (rows_insert(&table->rows, row) != STATUS_OK) {
        row_free(row);
        return STATUS_NO_MEMORY;
    }
    count_bytes(tables, table, 0, bytes);
    note(tables, (struct tables_change){.kind = CHANGE_PUT, .table = table, .row = row});
    return STATUS_OK;
}

enum status tables_put(struct tables *tables, struct table *table, struct slice key,
                       struct slice value) {
    CHECK(!table->gone);
    if (key.bytes == 0 || key.bytes > TABLE_KEY_BYTES_MAX) return STATUS_INVALID;
    if (value.bytes > TABLE_VALUE_BYTES_MAX) return STATUS_INVALID;
    struct row *row = rows_find(&table->rows, key);
    return row == NULL ? enter_row(tables, table, key, value)
                       : change_row(tables, table, row, value);
}

enum status tables_delete(struct tables *tables, struct table *table, struct slice key,
                          bool *ret_was) {
    CHECK(!table->gone);
    struct row *row = rows_find(&table->rows, key);
    if (row != NULL) {
        if (journal_reserve(tables) != STATUS_OK) return STATUS_NO_MEMORY;
        rows_remove(&table->rows, row);
        count_bytes(tables, table, bytes_of(row), 0);
        note(tables, (struct tables_change){.kind = CHANGE_DELETE, .table = table, .row = row});
    }
    if (ret_was != NULL) *ret_was = row != NULL;
    return STATUS_OK;
}

enum status tables_clear(struct tables *tables, struct table *table) {
    CHECK(!table->gone);
    if (table->rows.count == 0) return STATUS_OK;
    if (journal_reserve(tables) != STATUS_OK) return STATUS_NO_MEMORY;
    struct rows *rows = malloc(sizeof *rows);
    if (rows == NULL) return STATUS_NO_MEMORY;

    *rows = table->rows;
    for (struct row *row = rows->first; row != NULL; row = row->next) row->gone = true;
    rows_init(&table->rows, rows->ordered, tables->seed);
    uint64_t bytes = table->bytes;
    count_bytes(tables, table, bytes, TABLE_BYTES + (uint64_t)table->name_bytes);
    note(tables, (struct tables_change){
                     .kind = CHANGE_CLEAR, .table = table, .rows = rows, .bytes = bytes});
    return STATUS_OK;
}

struct row *row_after(const struct row *row) {
    struct row *next = row->next;
    while (next != NULL && next->gone) next = next->next;
    return next;
}

struct row *row_before(const struct row *row) {
    struct row *prev = row->prev;
    while (prev != NULL && prev->gone) prev = prev->prev;
    return prev;
}

// --- Taking back

static void undo_put(struct tables *tables, const struct tables_change *change) {
    struct table *table = change->table;
    struct row   *row = change->row;
    uint64_t      less = bytes_of(row);
    if (change->before.data != NULL) {
        row_take_back(row, change->before);
        count_bytes(tables, table, less, bytes_of(row));
    } else {
        rows_remove(&table->rows, row);
        count_bytes(tables, table, less, 0);
        row_free(row);
    }
}

static void undo_clear(struct tables *tables, const struct tables_change *change) {
    struct table *table = change->table;
    // What was entered since has been taken out again.
    CHECK(table->rows.count == 0);
    rows_fini(&table->rows);
    table->rows = *change->rows;
    free(change->rows);
    for (struct row *row = table->rows.first; row != NULL; row = row->next) row->gone = false;
    count_bytes(tables, table, table->bytes, change->bytes);
}

static void undo(struct tables *tables, const struct tables_change *change) {
    switch (change->kind) {
        case CHANGE_PUT: undo_put(tables, change); break;
        case CHANGE_DELETE:
            rows_restore(&change->table->rows, change->row);
            count_bytes(tables, change->table, 0, bytes_of(change->row));
            break;
        case CHANGE_CLEAR: undo_clear(tables, change); break;
        case CHANGE_MAKE:
            remove_table(tables, change->table);
            free_table(change->table);
            break;
        case CHANGE_DROP: add_table(tables, change->table); break;
    }
}

void tables_rollback(struct tables *tables) {
    if (tables->journal_count == 0) return;
    for (uint32_t i = tables->journal_count; i-- > 0;) undo(tables, &tables->journal[i]);
    tables->changes++;
    journal_reset(tables);
}
