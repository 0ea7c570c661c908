#include "base/rows.h"

#include "base/check.h"
#include "base/value_compare.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define INDEX_BITS_MIN 3
#define INDEX_BITS_MAX 30
#define CACHE_LINE_BYTES 64

void rows_init(struct rows *rows, bool ordered, uint64_t seed) {
    *rows = (struct rows){.ordered = ordered, .seed = seed, .random = seed | 1};
}

void rows_fini(struct rows *rows) {
    for (struct row *row = rows->first, *next; row != NULL; row = next) {
        next = row->next;
        row_free(row);
    }
    free(rows->index);
    rows_init(rows, rows->ordered, rows->seed);
}

static uint32_t hash_of(const struct rows *rows, struct slice key) {
    return (uint32_t)XXH3_64bits_withSeed(key.data, key.bytes, rows->seed);
}

static struct row **bucket_of(const struct rows *rows, uint32_t hash) {
    return &rows->index[hash & ((1u << rows->bits) - 1)];
}

static bool has_key(const struct row *row, struct slice key) {
    return row->key_bytes == key.bytes && memcmp(row_key(row).data, key.data, key.bytes) == 0;
}

struct row *rows_find(const struct rows *rows, struct slice key) {
    if (rows->count == 0) return NULL;
    uint32_t    hash = hash_of(rows, key);
    struct row *row = *bucket_of(rows, hash);
    // What is read next, while the row itself is on its way.
    // A number, for there may be no row, and nothing is added to NULL.
    uintptr_t place = (uintptr_t)row;
    __builtin_prefetch((const void *)(place + CACHE_LINE_BYTES));
    __builtin_prefetch((const void *)(place + 2 * CACHE_LINE_BYTES));
    while (row != NULL && !(row->hash == hash && has_key(row, key))) row = row->chain;
    return row;
}

static void index_add(struct rows *rows, struct row *row) {
    struct row **bucket = bucket_of(rows, row->hash);
    row->chain = *bucket;
    *bucket = row;
}

static void index_remove(struct rows *rows, const struct row *row) {
    struct row **place = bucket_of(rows, row->hash);
    while (*place != row) place = &(*place)->chain;
    *place = row->chain;
}

static struct row **index_create(uint8_t bits) {
    return calloc((size_t)1 << bits, sizeof(struct row *));
}

// A larger index keeps chains short; if there is no memory for it, longer chains do.
static void index_grow(struct rows *rows) {
    if (rows->bits == INDEX_BITS_MAX) return;
    uint8_t      bits = (uint8_t)(rows->bits + 1);
    struct row **index = index_create(bits);
    if (index == NULL) return;
    free(rows->index);
    rows->index = index;
    rows->bits = bits;
    for (struct row *row = rows->first; row != NULL; row = row->next) index_add(rows, row);
}

static int compare_keys(struct slice left, struct slice right) {
    return value_compare((struct peeper_value){.data = left.data, .bytes = left.bytes},
                         (struct peeper_value){.data = right.data, .bytes = right.bytes});
}

// What leads to the next row on `level`: of `row`, or of the beginning.
static struct row **link_of(struct rows *rows, struct row *row, uint32_t level) {
    return row == NULL ? &rows->heads[level] : &row->tower[level];
}

// For each level the last row before `key`, NULL where that is none; answers the last of all.
static struct row *find_before(struct rows *rows, struct slice key,
                               struct row *ret_before[ROWS_TOWER_MAX]) {
    struct row *before = NULL;
    for (uint32_t level = ROWS_TOWER_MAX; level-- > 0;) {
        for (;;) {
            struct row *next = *link_of(rows, before, level);
            if (next == NULL || compare_keys(row_key(next), key) >= 0) break;
            before = next;
        }
        ret_before[level] = before;
    }
    struct row *next = before == NULL ? rows->first : before->next;
    while (next != NULL && compare_keys(row_key(next), key) < 0) {
        before = next;
        next = next->next;
    }
    return before;
}

struct row *rows_from(const struct rows *rows, struct slice key) {
    struct row *before[ROWS_TOWER_MAX];
    struct row *row = rows_find(rows, key);
    if (row != NULL || !rows->ordered) return row;
    // Nothing is changed by looking.
    row = find_before((struct rows *)rows, key, before);
    return row == NULL ? rows->first : row->next;
}

// A quarter of the rows of one level stands on the next as well.
static uint8_t draw_levels(struct rows *rows) {
    if (!rows->ordered) return 0;
    rows->random ^= rows->random << 13;
    rows->random ^= rows->random >> 7;
    rows->random ^= rows->random << 17;
    uint64_t bits = rows->random >> 16;
    uint8_t  levels = 0;
    while (levels < ROWS_TOWER_MAX && (bits & 3) == 0) {
        levels++;
        bits >>= 2;
    }
    return levels;
}

static uint8_t *inline_value(const struct row *row) {
    return (uint8_t *)(uintptr_t)(row->tower + row->levels) + row->key_bytes;
}

static uint8_t *copy_value(uint8_t *room, struct slice value) {
    if (room != NULL && value.bytes > 0) memcpy(room, value.data, value.bytes);
    return room;
}

struct row *row_create(struct rows *rows, struct slice key, struct slice value) {
    uint8_t levels = draw_levels(rows);
    bool    whole = value.bytes <= ROW_INLINE_BYTES_MAX;
    size_t  head = sizeof(struct row) + levels * sizeof(struct row *) + key.bytes;
    // As much as malloc gives anyway.
    size_t      bytes = (head + (whole ? value.bytes : 0) + 7) / 16 * 16 + 8;
    struct row *row = malloc(bytes);
    if (row == NULL) return NULL;
    *row = (struct row){
        .hash = hash_of(rows, key),
        .key_bytes = (uint32_t)key.bytes,
        .value_bytes = (uint32_t)value.bytes,
        .levels = levels,
        .room = (uint16_t)(bytes - head),
    };
    if (key.bytes > 0) memcpy(row->tower + levels, key.data, key.bytes);
    row->value = copy_value(whole ? inline_value(row) : malloc(value.bytes), value);
    if (row->value != NULL) return row;
    free(row);
    return NULL;
}

static void free_value(const struct row *row, const uint8_t *value) {
    if (value != inline_value(row)) free((void *)(uintptr_t)value);
}

void row_free(struct row *row) {
    if (row == NULL) return;
    free_value(row, row->value);
    free(row);
}

enum status row_change(struct row *row, struct slice value, struct slice *ret_before) {
    // malloc(0) may be NULL, which would look like no memory.
    uint8_t *fresh = copy_value(malloc(value.bytes + (value.bytes == 0)), value);
    if (fresh == NULL) return STATUS_NO_MEMORY;
    *ret_before = row_value(row);
    row->value = fresh;
    row->value_bytes = (uint32_t)value.bytes;
    return STATUS_OK;
}

bool row_overwrite(struct row *row, struct slice value) {
    if (value.bytes <= row->room) {
        free_value(row, row->value);
        row->value = inline_value(row);
    } else if (value.bytes != row->value_bytes) {
        return false;
    }
    row->value_bytes = (uint32_t)value.bytes;
    (void)copy_value(row->value, value);
    return true;
}

void row_forget(struct row *row, struct slice before) {
    free_value(row, before.data);
    if (row->value_bytes > row->room || row->value == inline_value(row)) return;
    uint8_t *value = row->value;
    row->value = copy_value(inline_value(row), row_value(row));
    free(value);
}

void row_take_back(struct row *row, struct slice before) {
    free_value(row, row->value);
    row->value = (uint8_t *)(uintptr_t)before.data;
    row->value_bytes = (uint32_t)before.bytes;
}

// Between its neighbours, as `prev` and `next` name them.
static void list_add(struct rows *rows, struct row *row) {
    *(row->prev == NULL ? &rows->first : &row->prev->next) = row;
    *(row->next == NULL ? &rows->last : &row->next->prev) = row;
}

static void tower_add(struct rows *rows, struct row *row, struct row *const *before) {
    for (uint32_t level = 0; level < row->levels; level++) {
        struct row **link = link_of(rows, before[level], level);
        row->tower[level] = *link;
        *link = row;
    }
}

static void add(struct rows *rows, struct row *row) {
    list_add(rows, row);
    index_add(rows, row);
    row->gone = false;
    rows->count++;
}

enum status rows_insert(struct rows *rows, struct row *row) {
    struct row *before[ROWS_TOWER_MAX];
    if (rows->index == NULL) {
        rows->index = index_create(INDEX_BITS_MIN);
        if (rows->index == NULL) return STATUS_NO_MEMORY;
        rows->bits = INDEX_BITS_MIN;
    }
    if (rows->count >= 1u << rows->bits) index_grow(rows);

    row->prev = rows->last;
    if (rows->ordered) {
        row->prev = find_before(rows, row_key(row), before);
        tower_add(rows, row, before);
    }
    row->next = row->prev == NULL ? rows->first : row->prev->next;
    add(rows, row);
    return STATUS_OK;
}

void rows_remove(struct rows *rows, struct row *row) {
    if (row->levels > 0) {
        struct row *before[ROWS_TOWER_MAX];
        find_before(rows, row_key(row), before);
        for (uint32_t level = 0; level < row->levels; level++) {
            *link_of(rows, before[level], level) = row->tower[level];
        }
    }
    *(row->prev == NULL ? &rows->first : &row->prev->next) = row->next;
    *(row->next == NULL ? &rows->last : &row->next->prev) = row->prev;
    index_remove(rows, row);
    row->gone = true;
    rows->count--;
}

void rows_restore(struct rows *rows, struct row *row) {
    if (row->levels > 0) {
        struct row *before[ROWS_TOWER_MAX];
        find_before(rows, row_key(row), before);
        tower_add(rows, row, before);
    }
    add(rows, row);
}
