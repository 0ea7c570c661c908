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
