#include "base/rows.h"

#include "base/value_compare.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(rows, .timeout = 20);

#define ROWS 3000u

static struct rows rows;
static uint64_t    randomness;

static uint32_t draw(uint32_t below) {
    randomness = randomness * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(randomness >> 33) % below;
}

// A string of four digits.
static struct slice key_of(uint32_t number) {
    static uint8_t key[6];
    key[0] = 0x2a;
    key[1] = 4;
    for (int i = 5; i >= 2; i--, number /= 10) key[i] = (uint8_t)('0' + number % 10);
    return slice_of(key, sizeof key);
}

static struct row *enter(uint32_t number) {
    struct row *row = row_create(&rows, key_of(number), slice_of("v", 1));
    cr_assert(row != NULL);
    cr_assert(rows_insert(&rows, row) == STATUS_OK);
    return row;
}

// Every level is a part of the one below, in order; a quarter of it, about.
static void check_levels(void) {
    for (uint32_t level = 0; level < ROWS_TOWER_MAX; level++) {
        const struct row *below = level == 0 ? rows.first : rows.heads[level - 1];
        uint32_t          count = 0;
        for (struct row *row = rows.heads[level]; row != NULL; row = row->tower[level]) {
            cr_assert(row->levels > level && !row->gone);
            while (below != row) {
                cr_assert(below != NULL);
                below = level == 0 ? below->next : below->tower[level - 1];
            }
            count++;
        }
        if (level == 0 && rows.count > 1000) cr_assert(count * 3 < rows.count);
    }
}

static void check_order(void) {
    uint32_t count = 0;
    for (const struct row *row = rows.first; row != NULL; row = row->next) {
        cr_assert(rows_find(&rows, row_key(row)) == row);
        cr_assert((row->next == NULL ? rows.last : row->next->prev) == row);
        count++;
        if (row->next == NULL || !rows.ordered) continue;
        struct slice left = row_key(row), right = row_key(row->next);
        cr_assert(value_compare((struct peeper_value){left.data, left.bytes},
                                (struct peeper_value){right.data, right.bytes}) < 0);
    }
    cr_assert(count == rows.count);
    check_levels();
}

static void enter_and_take_out(bool ordered) {
    static struct row *there[ROWS];
    rows_init(&rows, ordered, 42);
    randomness = 7;
    for (int i = 0; i < 20000; i++) {
        uint32_t number = draw(ROWS);
        if (there[number] == NULL) {
            there[number] = enter(number);
        } else if (draw(3) == 0) {
            struct slice before;
            cr_assert(row_change(there[number], slice_of("ww", 2), &before) == STATUS_OK);
            row_forget(there[number], before);
        } else {
            rows_remove(&rows, there[number]);
            row_free(there[number]);
            there[number] = NULL;
        }
    }
    check_order();
    for (uint32_t i = 0; i < ROWS; i++) {
        cr_assert(rows_find(&rows, key_of(i)) == there[i]);
    }
    rows_fini(&rows);
    memset(there, 0, sizeof there);
}

Test(rows, hashed_ones_are_found_whatever_comes_and_goes) {
    enter_and_take_out(false);
}

Test(rows, ordered_ones_stay_in_order_whatever_comes_and_goes) {
    enter_and_take_out(true);
}

Test(rows, removed_ones_find_their_places_again_when_taken_back_last_first) {
    static struct row *order[100], *removed[60];
    for (int ordered = 0; ordered < 2; ordered++) {
        rows_init(&rows, ordered, 42);
        randomness = 9;
        for (uint32_t i = 0; i < 100; i++) enter(i * 37 % 100);
        uint32_t count = 0;
        for (struct row *row = rows.first; row != NULL; row = row->next) order[count++] = row;
        for (uint32_t i = 0; i < 60; i++) {
            struct row *row;
            while ((row = rows_find(&rows, key_of(draw(100)))) == NULL) {
            }
            rows_remove(&rows, row);
            removed[i] = row;
        }
        check_order();
        for (uint32_t i = 60; i-- > 0;) rows_restore(&rows, removed[i]);
        check_order();
        for (struct row *row = rows.last; row != NULL; row = row->prev)
            cr_assert(order[--count] == row);
        rows_fini(&rows);
    }
}

static bool is_inside(const struct row *row) {
    return row->value == row_key(row).data + row->key_bytes;
}

Test(rows, a_value_moves_behind_the_key_when_the_one_before_is_forgotten_and_it_fits) {
    struct slice before;
    rows_init(&rows, false, 7);
    struct row *row = row_create(&rows, slice_of("key", 3), slice_of("0123456789", 10));
    cr_assert(row != NULL && is_inside(row));
    cr_assert(row_change(row, slice_of("abc", 3), &before) == STATUS_OK);
    cr_assert_not(is_inside(row));
    cr_assert(memcmp(before.data, "0123456789", 10) == 0);
    row_forget(row, before);
    cr_assert(is_inside(row) && row->value_bytes == 3 && memcmp(row->value, "abc", 3) == 0);

    char large[300] = {1};
    cr_assert(row_change(row, slice_of(large, sizeof large), &before) == STATUS_OK);
    row_forget(row, before);
    cr_assert_not(is_inside(row));
    cr_assert(memcmp(row->value, large, sizeof large) == 0);
    row_free(row);
}

Test(rows, a_value_taken_back_is_where_it_was) {
    struct slice before;
    rows_init(&rows, false, 7);
    struct row *row = row_create(&rows, slice_of("key", 3), slice_of("0123456789", 10));
    cr_assert(row != NULL && row_change(row, slice_of("abc", 3), &before) == STATUS_OK);
    row_take_back(row, before);
    cr_assert(is_inside(row) && row->value_bytes == 10);
    cr_assert(memcmp(row->value, "0123456789", 10) == 0);
    row_free(row);
}

Test(rows, a_value_is_written_over_another_where_that_takes_no_memory) {
    char large[300] = {1}, other[300] = {2};
    rows_init(&rows, false, 7);
    struct row *row = row_create(&rows, slice_of("key", 3), slice_of("0123456789", 10));
    cr_assert(row != NULL && !row_overwrite(row, slice_of(large, sizeof large)));
    cr_assert(row->value_bytes == 10 && memcmp(row->value, "0123456789", 10) == 0);
    cr_assert(row_overwrite(row, slice_of("abc", 3)) && is_inside(row) && row->value_bytes == 3);

    struct slice before;
    cr_assert(row_change(row, slice_of(large, sizeof large), &before) == STATUS_OK);
    row_forget(row, before);
    cr_assert(row_overwrite(row, slice_of(other, sizeof other)) && !is_inside(row));
    cr_assert(memcmp(row->value, other, sizeof other) == 0);
    cr_assert(row_overwrite(row, slice_of("abc", 3)) && is_inside(row));
    row_free(row);
}
