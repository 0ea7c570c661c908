#include "host/copies.h"

#include <criterion/criterion.h>

static uint32_t dropped;

static void on_drop(void *state) {
    (void)state;
    dropped++;
}

static const struct peeper_behaviour BEHAVIOUR = {.state_bytes = 8, .drop = on_drop};

static struct copy *make(uint32_t slot) {
    struct copy *copy =
        copy_create(&(struct copy_options){.slot = slot, .epoch = 1, .state_bytes = 8});
    cr_assert_not_null(copy);
    return copy;
}

static void add(struct copies *copies, uint32_t slot) {
    cr_assert(copies_add(copies, make(slot)) == STATUS_OK);
}

Test(copies, finds_what_was_added_and_nothing_else, .timeout = 10) {
    struct copies copies;
    cr_assert(copies_init(&copies, &BEHAVIOUR, 1u << 20) == STATUS_OK);
    // A stride such as several workers make.
    for (uint32_t i = 0; i < 10000; i++) add(&copies, i * 8);
    for (uint32_t slot = 0; slot < 80000; slot++) {
        struct copy *copy = copies_find(&copies, slot);
        cr_assert_eq(copy != NULL, slot % 8 == 0);
        if (copy != NULL) cr_assert_eq(copy->slot, slot);
    }
    copies_fini(&copies);
}

Test(copies, keeps_every_search_whole_while_others_are_dropped, .timeout = 10) {
    struct copies copies;
    uint32_t      seed = 1;
    bool          there[512] = {0};
    cr_assert(copies_init(&copies, &BEHAVIOUR, 1u << 20) == STATUS_OK);
    for (int round = 0; round < 100000; round++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t slot = (seed >> 16) % 512;
        if (there[slot]) {
            copies_drop(&copies, slot);
        } else {
            add(&copies, slot);
        }
        there[slot] = !there[slot];
        uint32_t other = (seed >> 8) % 512;
        cr_assert_eq(copies_find(&copies, other) != NULL, there[other]);
    }
    copies_fini(&copies);
}

Test(copies, drops_one_that_was_not_used_lately_when_full, .timeout = 10) {
    struct copies copies;
    cr_assert(copies_init(&copies, &BEHAVIOUR, 8) == STATUS_OK);
    for (uint32_t slot = 0; slot < 8; slot++) add(&copies, slot);
    add(&copies, 100); // takes every mark away, then one
    cr_assert_eq(copies.count, 8);

    // From here on those that are used stay, however many come.
    uint32_t used = copies_find(&copies, 3) != NULL ? 3 : 4;
    for (uint32_t slot = 200; slot < 300; slot++) {
        cr_assert_not_null(copies_find(&copies, used));
        add(&copies, slot);
        cr_assert_eq(copies.count, 8);
    }
    copies_fini(&copies);
}

Test(copies, runs_drop_once_for_each_copy, .timeout = 10) {
    struct copies copies;
    dropped = 0;
    cr_assert(copies_init(&copies, &BEHAVIOUR, 4) == STATUS_OK);
    for (uint32_t slot = 0; slot < 6; slot++) add(&copies, slot);
    cr_assert_eq(dropped, 2);
    copies_drop(&copies, 5);
    copies_drop(&copies, 5);
    cr_assert_eq(dropped, 3);
    copies_fini(&copies);
    cr_assert_eq(dropped, 6);
}

// A copy whose tables count about `bytes`.
static struct copy *add_with_tables(struct copies *copies, uint32_t slot, size_t bytes) {
    static uint8_t zeros[1u << 20];
    struct copy   *copy = make(slot);
    struct table  *table = NULL;
    cr_assert(copies_add(copies, copy) == STATUS_OK);
    struct copy_tables *tables = copy_make_tables(copy, 1, 0);
    cr_assert_not_null(tables);
    cr_assert(tables_make(&tables->tables, slice_of("t", 1), 0, &table) == STATUS_OK);
    cr_assert(tables_put(&tables->tables, table, slice_of("k", 1), slice_of(zeros, bytes)) ==
              STATUS_OK);
    copies_count(copies, copy);
    return copy;
}

Test(copies, drops_others_with_tables_when_these_are_too_large_together, .timeout = 10) {
    struct copies copies;
    cr_assert(copies_init(&copies, &BEHAVIOUR, 1u << 20) == STATUS_OK);
    copies.table_bytes_max = 1u << 20;
    for (uint32_t slot = 0; slot < 100; slot++) add(&copies, slot);
    dropped = 0;
    for (uint32_t slot = 100; slot < 110; slot++) add_with_tables(&copies, slot, 90000);
    cr_assert_eq(dropped, 0);
    add_with_tables(&copies, 110, 300000);
    cr_assert_leq(copies.table_bytes, copies.table_bytes_max);
    cr_assert_eq(dropped, 2);
    for (uint32_t slot = 0; slot < 100; slot++) cr_assert_not_null(copies_find(&copies, slot));

    // One that is too large alone is let be: there is nothing that would help.
    struct copy *large = add_with_tables(&copies, 111, 1000000);
    add(&copies, 112);
    struct copy_tables *tables = copy_tables(large);
    cr_assert(tables_put(&tables->tables, tables->tables.all[0], slice_of("l", 1),
                         slice_of("more", 4)) == STATUS_OK);
    copies_count(&copies, large);
    cr_assert_eq(copies.table_bytes, tables->tables.bytes);
    cr_assert_eq(copies_find(&copies, 111), large);
    copies_drop(&copies, 111);
    cr_assert_eq(copies.table_bytes, 0);
    copies_fini(&copies);
}
