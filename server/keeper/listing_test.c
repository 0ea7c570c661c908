#include "keeper/listing.h"

#include "keeper/supervisor.h"

#include <criterion/criterion.h>

#include <stdlib.h>

#define MANY 200u
#define PAGE 10u

static struct child_index     index_;
static struct listing         listing;
static struct supervisor      sup;
static struct supervisor_spec spec = {.strategy = SIMPLE_ONE_FOR_ONE};

static struct child *add(void) {
    struct child *child = child_create(&index_, &sup, &sup.children, NULL);
    cr_assert(child != NULL);
    child->number = ++sup.number_next;
    return child;
}

// As supervisor_remove() does.
static void take_away(struct child *child) {
    if (child->marked) listing_forget(&listing, child);
    child_destroy(&index_, child);
}

static struct child *numbered(uint32_t number) {
    for (struct child *child = supervisor_first(&sup); child != NULL; child = child_next(child)) {
        if (child->number == number) return child;
    }
    return NULL;
}

static void begin(void) {
    cr_assert(child_index_init(&index_, 7) == STATUS_OK);
    listing = (struct listing){0};
    sup = (struct supervisor){.spec = &spec};
    list_init(&sup.children);
    for (uint32_t i = 0; i < MANY; i++) add();
}

static void end(void) {
    while (!list_empty(&sup.children)) take_away(supervisor_first(&sup));
    for (uint32_t i = 0; i < LISTING_MARKS; i++) cr_assert(listing.marks[i] == NULL);
    child_index_fini(&index_);
}

TestSuite(listing, .init = begin, .fini = end, .timeout = 10);

// Reads a page of children from `cursor` on, which must have the numbers from `first` downwards;
// gives the next cursor.
static uint64_t page(uint64_t cursor, uint32_t first) {
    struct child *child = listing_at(&listing, &sup, cursor);
    for (uint32_t i = 0; i < PAGE && child != NULL; i++) {
        cr_assert(child->number == first - i, "%u is listed where %u should be", child->number,
                  first - i);
        child = child_previous(child);
    }
    if (child == NULL) return 0;
    listing_mark(&listing, child);
    return child->number;
}

Test(listing, one_who_reads_page_after_page_walks_nowhere_twice) {
    uint32_t first = MANY;
    uint64_t cursor = 0;
    do {
        cursor = page(cursor, first);
        first -= PAGE;
        cr_assert(cursor == first);
        cr_assert(cursor == 0 || listing_marked(&listing, &sup, cursor) == numbered(first));
    } while (cursor != 0);
}

Test(listing, as_many_readers_as_there_are_marks_are_remembered) {
    uint64_t cursors[LISTING_MARKS];
    for (uint32_t i = 0; i < LISTING_MARKS; i++) {
        uint64_t cursor = 0;
        for (uint32_t read = 0; read <= i; read++) cursor = page(cursor, MANY - read * PAGE);
        cursors[i] = cursor;
    }
    for (uint32_t i = 0; i < LISTING_MARKS; i++) {
        cr_assert(listing_marked(&listing, &sup, cursors[i]) == numbered((uint32_t)cursors[i]));
    }
}

Test(listing, one_more_reader_costs_the_first_one_a_walk_and_nothing_else) {
    for (uint32_t i = 0; i <= LISTING_MARKS; i++) listing_mark(&listing, numbered(100 - i));
    cr_assert(listing_marked(&listing, &sup, 100) == NULL);
    cr_assert(!numbered(100)->marked);
    page(100, 100);
}

Test(listing, readers_of_the_same_page_share_a_mark) {
    for (uint32_t i = 0; i < 2 * LISTING_MARKS; i++) page(0, MANY);
    cr_assert(listing.next == 1);
}

Test(listing, who_has_read_as_far_as_a_child_that_goes_goes_on_with_the_one_before_it) {
    uint64_t cursor = page(0, MANY);
    for (uint32_t i = 0; i < 3; i++) take_away(numbered((uint32_t)cursor - i));
    cr_assert(listing_marked(&listing, &sup, cursor) == numbered((uint32_t)cursor - 3));
    cr_assert(listing_at(&listing, &sup, cursor)->number == cursor - 3);
}

Test(listing, two_readers_who_meet_where_children_go_stay_two_readers) {
    listing_mark(&listing, numbered(50));
    listing_mark(&listing, numbered(49));
    take_away(numbered(50));
    cr_assert(listing_marked(&listing, &sup, 50) == numbered(49));
    cr_assert(listing_marked(&listing, &sup, 49) == numbered(49));
}

Test(listing, where_nobody_is_left_before_it_the_page_is_empty) {
    listing_mark(&listing, numbered(2));
    take_away(numbered(1));
    take_away(numbered(2));
    cr_assert(listing_at(&listing, &sup, 2) == NULL);
}

Test(listing, those_that_were_added_meanwhile_are_not_on_later_pages) {
    uint64_t cursor = page(0, MANY);
    add();
    cr_assert(listing_at(&listing, &sup, cursor)->number == cursor);
}

Test(listing, a_number_that_nobody_has_begins_below_it) {
    take_away(numbered(70));
    cr_assert(listing_at(&listing, &sup, 70)->number == 69);
    cr_assert(listing_at(&listing, &sup, UINT64_MAX)->number == MANY);
}

Test(listing, other_supervisors_do_not_count) {
    struct supervisor other = {.spec = &spec};
    list_init(&other.children);
    listing_mark(&listing, numbered(50));
    cr_assert(listing_marked(&listing, &other, 50) == NULL);
    cr_assert(listing_at(&listing, &other, 50) == NULL);
}
