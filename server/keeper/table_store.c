#include "keeper/table_store.h"

#include "base/check.h"
#include "base/tables_delta.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 64u

struct shelf {
    struct shelf *chain; // of the same bucket
    struct tables tables;
    uint64_t      unit;
    uint64_t      counted; // of their bytes
    uint32_t      slot;
    enum status   lost; // why the tables are not what they were; OK: they are
};

void table_store_init(struct table_store *store, uint64_t bytes_max, uint64_t seed) {
    *store = (struct table_store){.bytes_max = bytes_max, .seed = seed};
}

static struct shelf **bucket_of(const struct table_store *store, uint32_t slot) {
    return &store->buckets[slot & (store->bucket_count - 1)];
}

// Where the shelf of the slot hangs, or would.
static struct shelf **place_of(const struct table_store *store, uint32_t slot) {
    struct shelf **at = bucket_of(store, slot);
    while (*at != NULL && (*at)->slot != slot) at = &(*at)->chain;
    return at;
}

static struct shelf *find(const struct table_store *store, uint32_t slot, uint64_t unit) {
    if (store->bucket_count == 0) return NULL;
    struct shelf *shelf = *place_of(store, slot);
    return shelf != NULL && shelf->unit == unit ? shelf : NULL;
}

// More buckets keep chains short; if there is no memory for them, longer chains do.
static enum status grow(struct table_store *store) {
    uint32_t       before = store->bucket_count;
    uint32_t       count = before == 0 ? BUCKETS_MIN : before * 2;
    struct shelf **wider = calloc(count, sizeof(struct shelf *));
    if (wider == NULL) return before == 0 ? STATUS_NO_MEMORY : STATUS_OK;
    struct shelf **old = store->buckets;
    store->buckets = wider;
    store->bucket_count = count;
    for (uint32_t i = 0; i < before; i++) {
        for (struct shelf *shelf = old[i], *next; shelf != NULL; shelf = next) {
            next = shelf->chain;
            struct shelf **bucket = bucket_of(store, shelf->slot);
            shelf->chain = *bucket;
            *bucket = shelf;
        }
    }
    free(old);
    return STATUS_OK;
}

static void count_again(struct table_store *store, struct shelf *shelf) {
    store->counts.bytes += shelf->tables.bytes - shelf->counted;
    shelf->counted = shelf->tables.bytes;
}

static void take_down(struct table_store *store, struct shelf **at) {
    struct shelf *shelf = *at;
    tables_fini(&shelf->tables);
    count_again(store, shelf);
    store->counts.units--;
    *at = shelf->chain;
    free(shelf);
}

static enum status put_up(struct table_store *store, uint32_t slot, uint64_t unit,
                          struct shelf **ret_shelf) {
    if (store->counts.units >= store->bucket_count) {
        enum status status = grow(store);
        if (status != STATUS_OK) return status;
    }
    struct shelf **at = place_of(store, slot);
    if (*at != NULL && (*at)->unit != unit) take_down(store, at);
    at = place_of(store, slot);
    if (*at == NULL) {
        struct shelf *shelf = calloc(1, sizeof *shelf);
        if (shelf == NULL) return STATUS_NO_MEMORY;
        tables_init(&shelf->tables, store->seed, store->bytes_max);
        shelf->slot = slot;
        shelf->unit = unit;
        *at = shelf;
        store->counts.units++;
    }
    *ret_shelf = *at;
    return STATUS_OK;
}

enum status table_store_apply(struct table_store *store, uint32_t slot, uint64_t unit,
                              struct slice delta) {
    struct shelf *shelf;
    enum status   status = put_up(store, slot, unit, &shelf);
    if (status != STATUS_OK) return status;
    store->counts.deltas++;
    if (shelf->lost != STATUS_OK) return shelf->lost;
    status = tables_apply(&shelf->tables, delta);
    if (status != STATUS_OK) {
        tables_fini(&shelf->tables);
        shelf->lost = status;
    }
    count_again(store, shelf);
    return status;
}

enum status table_store_find(const struct table_store *store, uint32_t slot, uint64_t unit,
                             const struct tables **ret_tables) {
    const struct shelf *shelf = find(store, slot, unit);
    if (shelf == NULL) return STATUS_NOT_FOUND;
    if (shelf->lost != STATUS_OK) return shelf->lost;
    *ret_tables = &shelf->tables;
    return STATUS_OK;
}

static bool listed(struct slice names, struct slice name) {
    for (size_t at = 0; at < names.bytes; at += 1u + names.data[at]) {
        struct slice one = slice_of(names.data + at + 1, names.data[at]);
        CHECK(at + 1 + one.bytes <= names.bytes);
        if (one.bytes == name.bytes && memcmp(one.data, name.data, name.bytes) == 0) return true;
    }
    return false;
}

void table_store_keep(struct table_store *store, uint32_t slot, uint64_t unit, struct slice names) {
    struct shelf *shelf = find(store, slot, unit);
    if (shelf == NULL) return;
    for (uint32_t i = shelf->tables.count; i-- > 0;) {
        struct table *table = shelf->tables.all[i];
        if (table->name_bytes == 0 || (table->flags & TABLE_HEIR) != 0) continue;
        if (listed(names, table_name(table))) continue;
        // Without a journal nothing can fail.
        CHECK(tables_drop(&shelf->tables, table) == STATUS_OK);
    }
    count_again(store, shelf);
}

void table_store_forget(struct table_store *store, uint32_t slot, uint64_t unit) {
    if (find(store, slot, unit) == NULL) return;
    take_down(store, place_of(store, slot));
}

void table_store_fini(struct table_store *store) {
    for (uint32_t i = 0; i < store->bucket_count; i++) {
        while (store->buckets[i] != NULL) take_down(store, &store->buckets[i]);
    }
    free(store->buckets);
    table_store_init(store, store->bytes_max, store->seed);
}
