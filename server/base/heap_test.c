#include "base/heap.h"

#include <criterion/criterion.h>

#define TIMERS 500
#define STEPS 200000

static struct heap  heap;
static struct timer timers[TIMERS];

static void fini(void) {
    heap_fini(&heap);
}

TestSuite(heap, .fini = fini, .timeout = 60);

static uint32_t seed = 12345;

// A small generator of its own, so that every run is the same.
static uint32_t roll(uint32_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % below;
}

static void arm(struct timer *timer, uint64_t due_ms) {
    cr_assert(heap_arm(&heap, timer, due_ms) == STATUS_OK);
}

Test(heap, an_empty_heap_has_nothing_due) {
    cr_assert_null(heap_pop_due(&heap, UINT64_MAX));
    cr_assert_eq(heap_next_due_ms(&heap), UINT64_MAX);
}

Test(heap, a_timer_is_due_at_its_time_and_not_before) {
    arm(&timers[0], 10);
    cr_assert(timer_armed(&timers[0]));
    cr_assert_null(heap_pop_due(&heap, 9));
    cr_assert(heap_pop_due(&heap, 10) == &timers[0]);
    cr_assert(!timer_armed(&timers[0]));
    cr_assert_null(heap_pop_due(&heap, UINT64_MAX));
}

Test(heap, arming_again_moves_the_timer_either_way) {
    arm(&timers[0], 10);
    arm(&timers[1], 20);
    arm(&timers[2], 30);
    arm(&timers[0], 40);
    arm(&timers[2], 5);
    cr_assert_eq(heap.count, 3);
    cr_assert(heap_pop_due(&heap, 100) == &timers[2]);
    cr_assert(heap_pop_due(&heap, 100) == &timers[1]);
    cr_assert(heap_pop_due(&heap, 100) == &timers[0]);
}

Test(heap, cancelling_a_timer_that_is_not_armed_is_fine) {
    heap_cancel(&heap, &timers[0]);
    arm(&timers[0], 1);
    heap_cancel(&heap, &timers[0]);
    heap_cancel(&heap, &timers[0]);
    cr_assert_eq(heap.count, 0);
}

Test(heap, fini_disarms_what_is_left) {
    for (int i = 0; i < 100; i++) arm(&timers[i], (uint64_t)i);
    heap_fini(&heap);
    for (int i = 0; i < 100; i++) cr_assert(!timer_armed(&timers[i]));
    arm(&timers[0], 1);
    cr_assert(heap_pop_due(&heap, 1) == &timers[0]);
}

// The model: a timer's due time by a plain array, UINT64_MAX while it is not armed.
static uint64_t model[TIMERS];

static uint64_t model_next_due_ms(void) {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < TIMERS; i++) {
        if (model[i] < least) least = model[i];
    }
    return least;
}

static void step(uint64_t now_ms) {
    uint32_t i = roll(TIMERS);
    switch (roll(4)) {
        case 0:
        case 1:
            // Few different times, so that many are equal.
            model[i] = now_ms + roll(50);
            arm(&timers[i], model[i]);
            break;
        case 2:
            model[i] = UINT64_MAX;
            heap_cancel(&heap, &timers[i]);
            break;
        default: {
            struct timer *timer = heap_pop_due(&heap, now_ms);
            if (timer == NULL) {
                cr_assert(model_next_due_ms() > now_ms);
            } else {
                cr_assert_eq(model[timer - timers], model_next_due_ms());
                model[timer - timers] = UINT64_MAX;
            }
        }
    }
}

Test(heap, behaves_like_a_sorted_list_under_random_use) {
    for (int i = 0; i < TIMERS; i++) model[i] = UINT64_MAX;
    for (uint32_t i = 0; i < STEPS; i++) {
        step(i / 8);
        if (i % 16 != 0) continue;
        cr_assert_eq(heap_next_due_ms(&heap), model_next_due_ms());
        for (uint32_t at = 0; at < heap.count; at++) {
            cr_assert_eq(heap.timers[at]->place, at + 1);
            cr_assert_eq(heap.timers[at]->due_ms, model[heap.timers[at] - timers]);
        }
    }
}
