#include "keeper/changes.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct changes changes;
static uint32_t       wakes;

static void on_wake(void *context) {
    (void)context;
    wakes++;
}

static void init_with(size_t bytes_max) {
    wakes = 0;
    changes_init(&changes, bytes_max, on_wake, NULL);
}

static void fini(void) {
    changes_fini(&changes);
}

TestSuite(changes, .fini = fini, .timeout = 10);

static void push(uint64_t unit, uint64_t version, const char *state) {
    struct mirror_change change = {.kind = MIRROR_CHANGED,
                                   .unit = unit,
                                   .version = version,
                                   .has_state = true,
                                   .has_old = true,
                                   .name = slice_of("cart", 4),
                                   .state = slice_of(state, strlen(state)),
                                   .old = slice_of("before", 6)};
    changes_push(&changes, &change);
}

static void push_end(uint64_t unit, uint64_t version) {
    struct mirror_change change = {.kind = MIRROR_ENDED,
                                   .unit = unit,
                                   .version = version,
                                   .has_state = true,
                                   .name = slice_of("cart", 4),
                                   .state = slice_of("last", 4),
                                   .reason = slice_of("why", 3)};
    changes_push(&changes, &change);
}

static void push_step(uint64_t unit, uint64_t from, uint64_t to) {
    changes_step(&changes,
                 &(struct change_step){3, unit, slice_of("cart", 4), {from, to, .at_ms = 11}});
}

static bool is(struct slice slice, const char *text) {
    return slice.bytes == strlen(text) && memcmp(slice.data, text, slice.bytes) == 0;
}

// The oldest of the list; the caller frees it.
static struct change_event *next(struct list *list, enum change_kind kind, uint64_t unit) {
    struct list *link = list_pop(list);
    cr_assert_not_null(link);
    struct change_item *item = LIST_ENTRY(link, struct change_item, link);
    cr_assert(item->kind == kind, "kind %d", item->kind);
    struct change_event *event = LIST_ENTRY(item, struct change_event, item);
    cr_assert(event->unit == unit);
    return event;
}

Test(changes, come_out_whole_and_in_order_and_wake_once) {
    struct list list;
    list_init(&list);
    init_with(1 << 20);
    push(7, 1, "one");
    push(8, 4, "two");
    push_end(7, 1);
    cr_assert(wakes == 1);
    cr_assert(!changes_drain(&changes, &list));

    struct change_event *event = next(&list, CHANGE_STATE, 7);
    cr_assert(event->version == 1 && event->has_state && event->has_old);
    cr_assert(is(event->state, "one") && is(event->old, "before") && is(event->name, "cart"));
    free(event);
    free(next(&list, CHANGE_STATE, 8));
    event = next(&list, CHANGE_END, 7);
    cr_assert(is(event->reason, "why") && is(event->state, "last"));
    free(event);
    cr_assert(list_empty(&list));
    push(7, 2, "again");
    cr_assert(wakes == 2, "it was empty again");
}

Test(changes, of_a_full_queue_each_unit_is_known_with_its_versions) {
    struct list list;
    list_init(&list);
    init_with(300);
    push(7, 1, "fits");
    for (uint64_t version = 2; version <= 10; version++)
        push(7, version, "does not fit, being long");
    push(8, 5, "x");
    push(8, 6, "x");
    cr_assert(!changes_drain(&changes, &list));

    free(next(&list, CHANGE_STATE, 7));
    struct change_event *event = next(&list, CHANGE_LOST, 7);
    cr_assert(event->version == 10 && is(event->name, "cart") && !event->has_state);
    uint64_t first = event->first;
    cr_assert(first >= 2);
    free(event);
    event = next(&list, CHANGE_LOST, 8);
    cr_assert(event->first == 5 && event->version == 6);
    free(event);
    cr_assert(list_empty(&list));
}

Test(changes, once_full_keeps_nothing_that_would_fit_until_it_is_drained) {
    struct list list;
    char        large[1000];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    list_init(&list);
    init_with(3 * sizeof(struct change_event) + 200); // three small ones
    push(7, 1, "fits");
    push(7, 2, large);
    push(9, 1, "fits");
    (void)changes_drain(&changes, &list);
    free(next(&list, CHANGE_STATE, 7));
    free(next(&list, CHANGE_LOST, 7));
    free(next(&list, CHANGE_LOST, 9));
    push(7, 3, "fits");
    (void)changes_drain(&changes, &list);
    free(next(&list, CHANGE_STATE, 7));
}

Test(changes, one_that_is_larger_than_the_queue_passes_alone) {
    struct list list;
    list_init(&list);
    init_with(10);
    push(7, 1, "a state of more bytes than ten");
    (void)changes_drain(&changes, &list);
    free(next(&list, CHANGE_STATE, 7));
    cr_assert(list_empty(&list));
}

Test(changes, an_end_always_comes_though_without_the_state) {
    struct list list;
    list_init(&list);
    init_with(200);
    push(7, 1, "fits");
    push(7, 2, "this one is much too large to fit behind it");
    push_end(7, 2);
    (void)changes_drain(&changes, &list);
    free(next(&list, CHANGE_STATE, 7));
    free(next(&list, CHANGE_LOST, 7));
    struct change_event *event = next(&list, CHANGE_END, 7);
    cr_assert(!event->has_state && event->state.bytes == 0);
    cr_assert(event->version == 2 && is(event->reason, "why"));
    free(event);
}

Test(changes, beyond_so_many_units_it_is_only_known_that_something_was_lost) {
    struct list list;
    list_init(&list);
    init_with(100);
    push(1, 1, "fits, and is larger than all that the queue may have");
    for (uint64_t unit = 2; unit < CHANGES_LOST_MAX + 10; unit++) push(unit, 1, "x");
    cr_assert(changes_drain(&changes, &list), "blind");
    uint32_t count = 0;
    for (struct list *link; (link = list_pop(&list)) != NULL; count++) {
        free(LIST_ENTRY(LIST_ENTRY(link, struct change_item, link), struct change_event, item));
    }
    cr_assert(count == 1 + CHANGES_LOST_MAX);
    cr_assert(!changes_drain(&changes, &list), "and only once");
}

Test(changes, an_answer_is_taken_however_full_it_is_and_keeps_its_place) {
    struct list        list;
    struct change_item answer;
    list_init(&list);
    init_with(100);
    push(1, 1, "fits, and is larger than all that the queue may have");
    push(1, 2, "lost");
    changes_answer(&changes, &answer);
    push(2, 1, "lost");
    (void)changes_drain(&changes, &list);
    free(next(&list, CHANGE_STATE, 1));
    free(next(&list, CHANGE_LOST, 1));
    cr_assert(list_pop(&list) == &answer.link && answer.kind == CHANGE_HISTORY);
    free(next(&list, CHANGE_LOST, 2));
}

Test(changes, what_waits_is_freed_at_the_end) {
    init_with(1000);
    push(1, 1, "state");
    push_end(1, 1);
}

Test(changes, a_step_back_stands_where_it_was_put_in_also_in_a_full_queue) {
    struct list list;
    list_init(&list);
    init_with(300);
    push(7, 1, "fits");
    push(7, 2, "does not fit, being long");
    push_step(7, 2, 1);
    push(7, 3, "does not fit, being long");
    cr_assert(wakes == 1);
    cr_assert(!changes_drain(&changes, &list));
    free(next(&list, CHANGE_STATE, 7));
    struct change_event *event = next(&list, CHANGE_LOST, 7);
    cr_assert(event->first == 2 && event->version == 3);
    free(event);
    event = next(&list, CHANGE_STEP, 7);
    cr_assert(event->version == 2 && event->older == 1 && event->at_ms == 11);
    cr_assert(event->slot == 3 && is(event->name, "cart"));
    free(event);
    push_step(7, 3, 1);
    cr_assert(wakes == 2, "it wakes as a change does");
    cr_assert(!changes_drain(&changes, &list));
    free(next(&list, CHANGE_STEP, 7));
}

Test(changes, more_steps_back_than_there_may_be_notes_leave_a_blind_queue_behind) {
    struct list list;
    list_init(&list);
    init_with(10);
    push(7, 1, "a state of more bytes than ten");
    for (uint32_t i = 0; i < CHANGES_LOST_MAX; i++) push_step(100 + i, 2, 1);
    push_step(7, 2, 1);
    cr_assert(changes_drain(&changes, &list), "one was too many");
    uint32_t count = 0;
    for (struct list *link; (link = list_pop(&list)) != NULL; count++) {
        struct change_item *item = LIST_ENTRY(link, struct change_item, link);
        free(LIST_ENTRY(item, struct change_event, item));
    }
    cr_assert(count == CHANGES_LOST_MAX + 1, "%u", count);
    push_step(7, 2, 1);
    cr_assert(!changes_drain(&changes, &list), "there is room again");
    free(next(&list, CHANGE_STEP, 7));
}
