#include "inbox.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct inbox               inbox;
static struct kept                kept;
static struct peeper_message      message;
static const struct peeper_answer NO_FRAME = {
    .error = {.status = PEEPER_STATUS_TIMEOUT, .message = "late", .kind = ""}};

static struct inbox_request *request(void) {
    struct inbox_request *made;
    cr_assert(inbox_request(&inbox, &made) == PEEPER_STATUS_OK);
    return made;
}

static void set_init(struct peeper_reqids *set) {
    *set = (struct peeper_reqids){0};
    list_init(&set->entries);
    list_init(&set->ready);
    list_push(&inbox.sets, &set->of_inbox);
}

static void enter(struct peeper_reqids *set, struct inbox_request *made) {
    inbox_enter(malloc(sizeof(struct inbox_entry)), set, made, NULL);
}

static void set_fini(struct peeper_reqids *set) {
    while (!list_empty(&set->entries)) {
        inbox_leave(LIST_ENTRY(set->entries.next, struct inbox_entry, of_set));
    }
    list_remove(&set->of_inbox);
}

static bool take(void) {
    kept_fini(&kept);
    return inbox_take(&inbox, &kept, &message);
}

static void finish(void) {
    kept_fini(&kept);
    inbox_fini(&inbox);
}

Test(inbox, refuses_when_full_and_takes_again_after_an_end, .timeout = 5) {
    struct inbox_request *refused;
    inbox_init(&inbox, 2);
    struct inbox_request *first = request();
    request();
    cr_assert(inbox_request(&inbox, &refused) == PEEPER_STATUS_FULL);
    inbox_notice(&inbox, &NO_FRAME.error);
    cr_assert(inbox.notices_dropped == 1, "a notice takes a place, too");
    inbox_end(first, NULL);
    request();
    finish();
}

Test(inbox, finds_no_request_that_is_over_although_its_slot_is_used_again, .timeout = 5) {
    inbox_init(&inbox, 1000);
    struct inbox_request *first = request();
    uint64_t              id = first->id;
    cr_assert(inbox_find(&inbox, id) == first);
    inbox_end(first, NULL);
    for (int i = 0; i < 200; i++) {
        struct inbox_request *next = request();
        cr_assert(next->id != id);
        cr_assert(inbox_find(&inbox, next->id) == next);
    }
    cr_assert(inbox_find(&inbox, id) == NULL);
    cr_assert(inbox_find(&inbox, 0) == NULL);
    cr_assert(inbox_find(&inbox, UINT64_MAX) == NULL);
    finish();
}

Test(inbox, hands_out_responses_and_notices_in_the_order_of_arrival, .timeout = 5) {
    inbox_init(&inbox, 10);
    struct inbox_request *first = request(), *second = request();
    uint64_t              first_id = first->id, second_id = second->id;
    inbox_answer(second, &NO_FRAME);
    inbox_notice(&inbox, &NO_FRAME.error);
    inbox_answer(first, &NO_FRAME);

    cr_assert(take());
    cr_assert(message.kind == PEEPER_MESSAGE_RESPONSE && message.response.request == second_id);
    cr_assert(inbox_find(&inbox, second_id) == NULL, "it is over");
    cr_assert(take());
    cr_assert(message.kind == PEEPER_MESSAGE_NOTICE && message.response.request == 0);
    cr_assert(take());
    cr_assert(message.response.request == first_id);
    cr_assert(!take());
    cr_assert(inbox.count == 0);
    finish();
}

Test(inbox, an_answer_makes_its_request_ready_in_all_its_sets_and_an_end_in_none, .timeout = 5) {
    struct peeper_reqids both, one;
    inbox_init(&inbox, 10);
    set_init(&both);
    set_init(&one);
    struct inbox_request *first = request(), *second = request();
    enter(&both, first);
    enter(&both, second);
    enter(&one, second);

    inbox_answer(second, &NO_FRAME);
    cr_assert(LIST_ENTRY(both.ready.next, struct inbox_entry, ready)->request == second);
    cr_assert(LIST_ENTRY(one.ready.next, struct inbox_entry, ready)->request == second);
    inbox_end(second, &kept);
    cr_assert(list_empty(&both.ready) && list_empty(&one.ready));
    cr_assert(both.size == 2 && both.live == 1);
    cr_assert(one.size == 1 && one.live == 0);

    set_fini(&both);
    cr_assert(list_empty(&first->entries), "the request goes on without the set");
    set_fini(&one);
    finish();
}

Test(inbox, a_request_that_is_answered_is_ready_in_the_set_that_it_enters, .timeout = 5) {
    struct peeper_reqids set;
    inbox_init(&inbox, 10);
    set_init(&set);
    struct inbox_request *made = request();
    inbox_answer(made, &NO_FRAME);
    enter(&set, made);
    cr_assert(!list_empty(&set.ready));
    set_fini(&set);
    finish();
}

Test(inbox, a_message_can_be_asked_for_its_sets_until_the_next_is_taken, .timeout = 5) {
    struct peeper_reqids set;
    inbox_init(&inbox, 10);
    set_init(&set);
    struct inbox_request *made = request();
    enter(&set, made);
    inbox_answer(made, &NO_FRAME);
    cr_assert(take());
    cr_assert(set.live == 0 && set.size == 1 && list_empty(&set.ready));
    cr_assert(inbox_entry_find(inbox.taken, &set) != NULL);
    cr_assert(!take());
    cr_assert(inbox.taken == NULL);
    cr_assert(set.live == 0 && set.size == 1, "it is not counted twice");
    set_fini(&set);
    finish();
}

Test(inbox, leaves_its_sets_with_nothing_to_wait_for, .timeout = 5) {
    struct peeper_reqids set;
    inbox_init(&inbox, 10);
    set_init(&set);
    enter(&set, request());
    enter(&set, request());
    inbox_notice(&inbox, &NO_FRAME.error);
    finish();
    cr_assert(set.live == 0 && set.size == 2);
    set_fini(&set);
}
