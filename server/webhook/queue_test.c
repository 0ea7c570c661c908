#include "webhook/queue.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct queue queue;

static void begin(void) {
    queue_init(&queue, 4);
}

static void end(void) {
    queue_fini(&queue);
    cr_assert(queue.count == 0 && queue.bytes == 0);
}

TestSuite(queue, .init = begin, .fini = end, .timeout = 10);

static void push(const char *name, const char *body) {
    cr_assert(queue_push(&queue, slice_of(name, strlen(name)), strdup(body), strlen(body), 0) ==
              STATUS_OK);
}

static struct queue_lane *takes(const char *body) {
    struct queue_lane *lane = queue_take(&queue);
    cr_assert(lane != NULL, "%s", body);
    cr_assert_str_eq(queue_first(lane)->body, body);
    return lane;
}

Test(queue, of_one_actor_only_the_first_event_is_out) {
    push("a", "a1");
    push("a", "a2");
    struct queue_lane *lane = takes("a1");
    cr_assert(queue_take(&queue) == NULL);
    push("a", "a3");
    cr_assert(queue_take(&queue) == NULL);
    queue_done(&queue, lane);
    lane = takes("a2");
    queue_done(&queue, lane);
    queue_done(&queue, takes("a3"));
    cr_assert(queue_take(&queue) == NULL && queue.count == 0);
}

Test(queue, actors_take_turns_and_do_not_wait_for_each_other) {
    push("a", "a1");
    push("a", "a2");
    push("b", "b1");
    struct queue_lane *a = takes("a1");
    struct queue_lane *b = takes("b1");
    queue_again(&queue, a, 100);
    queue_done(&queue, b);
    push("b", "b2");
    queue_done(&queue, takes("b2"));
    cr_assert(queue_take(&queue) == NULL);
}

Test(queue, what_is_tried_again_comes_at_its_time_before_what_is_behind_it) {
    push("a", "a1");
    push("a", "a2");
    queue_again(&queue, takes("a1"), 100);
    cr_assert(queue_due(&queue, 99) == 100 && queue_take(&queue) == NULL);
    cr_assert(queue_due(&queue, 100) == UINT64_MAX);
    queue_done(&queue, takes("a1"));
    queue_done(&queue, takes("a2"));
}

Test(queue, lanes_that_wait_become_ready_in_the_order_of_their_times) {
    static const uint64_t due[] = {30, 10, 20};
    static const char    *names[] = {"c", "a", "b"};
    for (size_t i = 0; i < 3; i++) push(names[i], names[i]);
    for (size_t i = 0; i < 3; i++) queue_again(&queue, takes(names[i]), due[i]);
    cr_assert(queue_due(&queue, 0) == 10);
    cr_assert(queue_due(&queue, 10) == 20);
    queue_done(&queue, takes("a"));
    cr_assert(queue_due(&queue, 30) == UINT64_MAX);
    queue_done(&queue, takes("b"));
    queue_done(&queue, takes("c"));
}

Test(queue, is_full_by_count_and_has_room_again_at_half) {
    for (int i = 0; i < 4; i++) {
        cr_assert(!queue_is_full(&queue));
        push("a", "x");
    }
    cr_assert(queue_is_full(&queue) && !queue_has_room(&queue));
    queue_done(&queue, queue_take(&queue));
    cr_assert(!queue_has_room(&queue));
    queue_done(&queue, queue_take(&queue));
    cr_assert(queue_has_room(&queue));
}

Test(queue, is_full_by_bytes) {
    char *body = calloc(1, QUEUE_BYTES_MAX);
    cr_assert(queue_push(&queue, slice_of("a", 1), body, QUEUE_BYTES_MAX, 0) == STATUS_OK);
    cr_assert(queue_is_full(&queue));
    queue_done(&queue, queue_take(&queue));
    cr_assert(queue_has_room(&queue));
}

Test(queue, a_name_may_have_any_bytes_and_none) {
    cr_assert(queue_push(&queue, slice_of("a\0b", 3), strdup("1"), 1, 0) == STATUS_OK);
    cr_assert(queue_push(&queue, slice_of("a\0c", 3), strdup("2"), 1, 0) == STATUS_OK);
    cr_assert(queue_push(&queue, slice_of("", 0), strdup("3"), 1, 0) == STATUS_OK);
    takes("1");
    takes("2");
    takes("3");
}
