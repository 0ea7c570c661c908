#include "host/copies.h"

#include "base/check.h"

#include <stdlib.h>

#define COPIES_BITS_MIN 6

enum status copies_init(struct copies *copies, const struct peeper_behaviour *behaviours,
                        uint32_t count_max) {
    CHECK(count_max > 0);
    struct copy **table = calloc((size_t)1 << COPIES_BITS_MIN, sizeof(struct copy *));
    if (table == NULL) return STATUS_NO_MEMORY;
    *copies = (struct copies){
        .behaviours = behaviours,
        .count_max = count_max,
        .table = table,
        .bits = COPIES_BITS_MIN,
        .table_bytes_max = UINT64_MAX,
    };
    return STATUS_OK;
}

static uint32_t mask_of(const struct copies *copies) {
    return (1u << copies->bits) - 1;
}

// Fibonacci hashing. Slots are small and often a few apart (every worker gets each n-th one); the
// multiplication spreads any such stride evenly, the plain low bits would not.
static uint32_t home_of(const struct copies *copies, uint32_t slot) {
    return (slot * 2654435769u) >> (32 - copies->bits);
}

// Where `slot` is, or the empty place where it would go.
static uint32_t place_of(const struct copies *copies, uint32_t slot) {
    uint32_t place = home_of(copies, slot);
    while (copies->table[place] != NULL && copies->table[place]->slot != slot) {
        place = (place + 1) & mask_of(copies);
    }
    return place;
}

struct copy *copies_find(struct copies *copies, uint32_t slot) {
    struct copy *copy = copies->table[place_of(copies, slot)];
    if (copy != NULL) copy->recent = true;
    return copy;
}

void copies_prefetch_place(const struct copies *copies, uint32_t slot) {
    __builtin_prefetch(&copies->table[home_of(copies, slot)]);
}

void copies_prefetch(const struct copies *copies, uint32_t slot) {
    // The first place only: most copies are in theirs.
    const char *copy = (const char *)copies->table[home_of(copies, slot)];
    if (copy == NULL) return;
    __builtin_prefetch(copy);
    __builtin_prefetch(copy + 64);
}

// Empties a place and moves later ones of the same run up, so that no search meets a hole too
// early.
static void remove_at(struct copies *copies, uint32_t hole) {
    uint32_t place = hole;
    for (;;) {
        place = (place + 1) & mask_of(copies);
        if (copies->table[place] == NULL) break;
        uint32_t home = home_of(copies, copies->table[place]->slot);
        // Those whose home lies behind the hole stay.
        if (((place - home) & mask_of(copies)) < ((place - hole) & mask_of(copies))) continue;
        copies->table[hole] = copies->table[place];
        hole = place;
    }
    copies->table[hole] = NULL;
    copies->count--;
}

void copies_destroy(struct copies *copies, struct copy *copy) {
    const struct copy_tables *tables = copy_tables(copy);
    if (tables != NULL) copies->table_bytes -= tables->counted;
    copy_destroy(copy, &copies->behaviours[copy->behaviour]);
}

static void drop_at(struct copies *copies, uint32_t place) {
    struct copy *copy = copies->table[place];
    remove_at(copies, place);
    copies_destroy(copies, copy);
}

// The hand goes round: what was used since its last visit gets a second chance, the first other one
// goes.
static void drop_one(struct copies *copies) {
    for (;;) {
        copies->hand = (copies->hand + 1) & mask_of(copies);
        struct copy *copy = copies->table[copies->hand];
        if (copy == NULL) continue;
        if (!copy->recent) break;
        copy->recent = false;
    }
    drop_at(copies, copies->hand);
}

// Two rounds of the hand at most: all may have been used since its last visit.
static void drop_tables(struct copies *copies, const struct copy *but) {
    for (uint32_t left = 2u << copies->bits; left > 0; left--) {
        copies->hand = (copies->hand + 1) & mask_of(copies);
        struct copy *copy = copies->table[copies->hand];
        if (copy == NULL || copy == but || copy_tables(copy) == NULL) continue;
        if (!copy->recent) {
            drop_at(copies, copies->hand);
            return;
        }
        copy->recent = false;
    }
}

void copies_count(struct copies *copies, struct copy *copy) {
    struct copy_tables *tables = copy_tables(copy);
    copies->table_bytes += tables->tables.bytes - tables->counted;
    tables->counted = tables->tables.bytes;
    while (copies->table_bytes > copies->table_bytes_max) {
        uint64_t before = copies->table_bytes;
        if (before == tables->counted) return; // nobody else has any
        drop_tables(copies, copy);
        if (copies->table_bytes == before) return;
    }
}

static enum status grow(struct copies *copies) {
    struct copies larger = *copies;
    larger.bits++;
    larger.table = calloc((size_t)1 << larger.bits, sizeof(struct copy *));
    if (larger.table == NULL) return STATUS_NO_MEMORY;

    for (uint32_t i = 0; i <= mask_of(copies); i++) {
        struct copy *copy = copies->table[i];
        if (copy != NULL) larger.table[place_of(&larger, copy->slot)] = copy;
    }
    free(copies->table);
    *copies = larger;
    return STATUS_OK;
}

enum status copies_add(struct copies *copies, struct copy *copy) {
    if (copies->count == copies->count_max) drop_one(copies);
    if (copies->count >= 1u << (copies->bits - 1)) {
        enum status status = grow(copies);
        if (status != STATUS_OK) return status;
    }
    uint32_t place = place_of(copies, copy->slot);
    CHECK(copies->table[place] == NULL);
    copy->recent = true;
    copies->table[place] = copy;
    copies->count++;
    return STATUS_OK;
}

void copies_drop(struct copies *copies, uint32_t slot) {
    uint32_t place = place_of(copies, slot);
    if (copies->table[place] != NULL) drop_at(copies, place);
}

void copies_fini(struct copies *copies) {
    if (copies->table == NULL) return;
    for (uint32_t i = 0; i <= mask_of(copies); i++) {
        struct copy *copy = copies->table[i];
        if (copy != NULL) copy_destroy(copy, &copies->behaviours[copy->behaviour]);
    }
    free(copies->table);
    *copies = (struct copies){0};
}
