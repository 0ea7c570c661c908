#include "test_peer.h"

#include "base/check.h"

#include <criterion/criterion.h>
#include <peeper/requests.h>
#include <string.h>
#include <time.h>

#define LIMIT (1u << 20)
#define FLOOD 500000
#define CALLS 10000

static struct peer            peer;
static struct peeper_sync    *sync_;
static struct peeper_reqids  *set;
static struct peeper_response response;
static struct peeper_message  message;

static const struct peeper_value NOTHING = {0};

static void begin_with(peer_script *script, const struct peeper_options *options, int connections) {
    peer_start(&peer, connections, script);
    cr_assert(peeper_sync_create(options, &sync_) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_connect(sync_, peer.address) == PEEPER_STATUS_OK);
    cr_assert(peeper_reqids_create(sync_, &set) == PEEPER_STATUS_OK);
}

static void begin(peer_script *script) {
    begin_with(script, NULL, 1);
}

static void finish(void) {
    peeper_reqids_destroy(set);
    peeper_sync_destroy(sync_);
    peer_stop(&peer);
}

static uint64_t ask(void) {
    uint64_t request;
    cr_assert(peeper_sync_send_request(sync_, peeper_by_name("a"), NOTHING, 0, &request) ==
              PEEPER_STATUS_OK);
    return request;
}

static void ask_in_set(const char *label) {
    cr_assert(peeper_reqids_send(set, peeper_by_name("a"), NOTHING, 0, (void *)label) ==
              PEEPER_STATUS_OK);
}

static int64_t reply_of(const struct peeper_response *of) {
    int64_t value = -1;
    cr_assert(of->error.status == PEEPER_STATUS_OK);
    cr_assert(peeper_value_int(of->reply, &value));
    return value;
}

// --- Scripts -------------------------------------------------------------------------------------

static void open_gate(void) {
    sem_post(&peer.gate);
}

// Answers with how long the key was.
static void tell_key(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    while ((frame = peer_read(at)) != NULL) {
        peer_reply_int(at, frame->id, (int64_t)frame->call->idempotency_key.len);
    }
}

// Counts what it is asked for, and answers with that number when the gate is opened for it.
static void count_behind_gate(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    for (int64_t i = 1; (frame = peer_read(at)) != NULL; i++) {
        sem_wait(&at->gate);
        peer_reply_int(at, frame->id, i);
    }
}

static void count_at_once(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    for (int64_t i = 1; (frame = peer_read(at)) != NULL; i++) peer_reply_int(at, frame->id, i);
}

// Three requests; the last is answered first, and the second has lost its actor.
static void answer_backwards(struct peer *at) {
    uint64_t ids[3];
    peer_welcome(at, LIMIT);
    for (int i = 0; i < 3; i++) ids[i] = peer_read(at)->id;
    peer_reply_int(at, ids[2], 3);
    peer_error(at, ids[1], PEEPER__V1__STATUS__STATUS_DOWN, "shutdown");
    peer_reply_int(at, ids[0], 1);
    peer_read_to_end(at);
}

static void swallow(struct peer *at) {
    peer_welcome(at, LIMIT);
    peer_read_to_end(at);
}

static void leave_after_one(struct peer *at) {
    peer_welcome(at, LIMIT);
    if (peer_read(at) == NULL) return;
    peer_reply_int(at, at->frame->id, 1);
    peer_read(at);
}

static void read_one(struct peer *at) {
    peer_welcome(at, LIMIT);
    at->seen = peer_read(at) != NULL;
}

// --- One request ---------------------------------------------------------------------------------

Test(requests, a_wait_that_times_out_keeps_the_request, .timeout = 10) {
    begin(count_behind_gate);
    uint64_t request = ask();
    cr_assert(peeper_sync_wait_response(sync_, request, 0, &response) == PEEPER_STATUS_TIMEOUT);
    cr_assert(peeper_sync_wait_response(sync_, request, 20, &response) == PEEPER_STATUS_TIMEOUT);
    open_gate();
    cr_assert(peeper_sync_wait_response(sync_, request, PEEPER_FOREVER, &response) ==
              PEEPER_STATUS_OK);
    cr_assert(response.request == request && response.label == NULL);
    cr_assert(reply_of(&response) == 1);
    cr_assert(peeper_sync_wait_response(sync_, request, PEEPER_FOREVER, &response) ==
              PEEPER_STATUS_NO_REQUEST);
    finish();
}

Test(requests, a_receive_that_times_out_abandons_the_request_and_its_late_response, .timeout = 10) {
    begin(count_behind_gate);
    uint64_t first = ask();
    cr_assert(peeper_sync_receive_response(sync_, first, 20, &response) == PEEPER_STATUS_TIMEOUT);
    cr_assert(peeper_sync_wait_response(sync_, first, PEEPER_FOREVER, &response) ==
              PEEPER_STATUS_NO_REQUEST);
    uint64_t second = ask();
    open_gate();
    open_gate();
    cr_assert(peeper_sync_receive_response(sync_, second, PEEPER_FOREVER, &response) ==
              PEEPER_STATUS_OK);
    cr_assert(reply_of(&response) == 2, "the late one is not taken for it");
    cr_assert(peeper_sync_take_message(sync_, 0, &message) == PEEPER_STATUS_TIMEOUT);
    finish();
}

Test(requests, are_taken_in_any_order_beside_calls, .timeout = 10) {
    struct peeper_value reply;
    int64_t             value;
    begin(count_at_once);
    uint64_t first = ask(), second = ask();
    cr_assert(peeper_sync_call(sync_, peeper_by_name("a"), NOTHING, 0, &reply) == PEEPER_STATUS_OK);
    cr_assert(peeper_value_int(reply, &value) && value == 3);
    cr_assert(peeper_sync_wait_response(sync_, second, 0, &response) == PEEPER_STATUS_OK);
    cr_assert(reply_of(&response) == 2);
    cr_assert(peeper_sync_wait_response(sync_, first, 0, &response) == PEEPER_STATUS_OK);
    cr_assert(reply_of(&response) == 1);
    finish();
}

Test(requests, leave_at_once_although_nobody_waits_for_them, .timeout = 10) {
    struct peeper_value reply;
    begin(read_one);
    ask();
    peer_stop(&peer); // returns when the script has read the request
    cr_assert(peer.seen == 1);
    cr_assert(peeper_sync_call(sync_, peeper_by_name("a"), NOTHING, 0, &reply) != PEEPER_STATUS_OK);
    peeper_reqids_destroy(set);
    peeper_sync_destroy(sync_);
}

Test(requests, end_with_TIMEOUT_after_their_own_deadline, .timeout = 10) {
    uint64_t request;
    begin(swallow);
    cr_assert(peeper_sync_send_request(sync_, peeper_by_name("a"), NOTHING, 1, &request) ==
              PEEPER_STATUS_OK);
    cr_assert(peeper_sync_wait_response(sync_, request, PEEPER_FOREVER, &response) ==
              PEEPER_STATUS_OK);
    cr_assert(response.error.status == PEEPER_STATUS_TIMEOUT);
    cr_assert_str_eq(response.error.message, "no answer within 1 ms");
    finish();
}

Test(requests, end_with_DISCONNECTED_and_outlive_the_connection, .timeout = 10) {
    begin_with(leave_after_one, NULL, 2);
    uint64_t first = ask(), second = ask();
    cr_assert(peeper_sync_wait_response(sync_, second, PEEPER_FOREVER, &response) ==
              PEEPER_STATUS_OK);
    cr_assert(response.error.status == PEEPER_STATUS_DISCONNECTED);
    cr_assert(peeper_sync_connect(sync_, peer.address) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_wait_response(sync_, first, 0, &response) == PEEPER_STATUS_OK);
    cr_assert(reply_of(&response) == 1, "what had come before is still there");
    cr_assert(peeper_sync_take_message(sync_, 0, &message) == PEEPER_STATUS_OK);
    cr_assert(message.kind == PEEPER_MESSAGE_NOTICE);
    cr_assert(message.response.error.status == PEEPER_STATUS_DISCONNECTED);
    finish();
}

Test(requests, are_refused_where_they_cannot_be_sent, .timeout = 10) {
    uint64_t              request = 77;
    struct peeper_options options = {.unread_max = 1};
    cr_assert(peeper_sync_create(&options, &sync_) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_send_request(sync_, peeper_by_name("a"), NOTHING, 0, &request) ==
              PEEPER_STATUS_UNREACHABLE);
    peeper_sync_destroy(sync_);

    begin_with(swallow, &options, 1);
    cr_assert(peeper_sync_send_request(sync_, peeper_by_name(NULL), NOTHING, 0, &request) ==
              PEEPER_STATUS_INVALID);
    cr_assert(request == 77);
    uint64_t first = ask();
    cr_assert(peeper_sync_send_request(sync_, peeper_by_name("a"), NOTHING, 0, &request) ==
              PEEPER_STATUS_FULL);
    cr_assert(peeper_reqids_send(set, peeper_by_name("a"), NOTHING, 0, NULL) == PEEPER_STATUS_FULL);
    cr_assert(peeper_reqids_size(set) == 0);
    cr_assert(peeper_sync_receive_response(sync_, first, 0, &response) == PEEPER_STATUS_TIMEOUT);
    ask(); // the abandoned one has left its place
    finish();
}

Test(requests, an_inbox_over_its_bound_is_no_client, .timeout = 10) {
    struct peeper_options options = {.unread_max = (1u << 20) + 1};
    cr_assert(peeper_sync_create(&options, &sync_) == PEEPER_STATUS_INVALID);
}

// --- Sets ----------------------------------------------------------------------------------------

Test(requests, a_set_gives_responses_as_they_come_each_with_its_label, .timeout = 10) {
    begin(answer_backwards);
    ask_in_set("one");
    ask_in_set("two");
    ask_in_set("three");
    cr_assert(peeper_reqids_receive(set, PEEPER_FOREVER, true, &response) == PEEPER_STATUS_OK);
    cr_assert_str_eq(response.label, "three");
    cr_assert(reply_of(&response) == 3);
    cr_assert(peeper_reqids_receive(set, PEEPER_FOREVER, true, &response) == PEEPER_STATUS_OK);
    cr_assert_str_eq(response.label, "two");
    cr_assert(response.error.status == PEEPER_STATUS_DOWN, "only the one that died fails");
    cr_assert(peeper_reqids_size(set) == 1);
    cr_assert(peeper_reqids_receive(set, PEEPER_FOREVER, true, &response) == PEEPER_STATUS_OK);
    cr_assert_str_eq(response.label, "one");
    cr_assert(reply_of(&response) == 1);
    cr_assert(peeper_reqids_receive(set, PEEPER_FOREVER, true, &response) ==
              PEEPER_STATUS_NO_REQUEST);
    finish();
}

Test(requests, a_set_keeps_entries_that_are_not_removed_but_waits_for_them_no_more, .timeout = 10) {
    struct peeper_reqid ids[4];
    begin(count_at_once);
    ask_in_set("one");
    ask_in_set("two");
    cr_assert(peeper_reqids_wait(set, PEEPER_FOREVER, false, &response) == PEEPER_STATUS_OK);
    cr_assert(peeper_reqids_wait(set, PEEPER_FOREVER, false, &response) == PEEPER_STATUS_OK);
    cr_assert_str_eq(response.label, "two");
    cr_assert(peeper_reqids_wait(set, PEEPER_FOREVER, false, &response) ==
              PEEPER_STATUS_NO_REQUEST);
    cr_assert(peeper_reqids_size(set) == 2);
    cr_assert(peeper_reqids_to_list(set, ids, 4) == 2);
    cr_assert_str_eq(ids[0].label, "one");
    cr_assert(ids[1].request == response.request);
    cr_assert(peeper_reqids_to_list(set, ids, 1) == 1);
    finish();
}

Test(requests, adding_one_twice_or_one_that_is_over_is_INVALID, .timeout = 10) {
    struct peeper_reqids *other;
    begin(count_behind_gate);
    uint64_t request = ask();
    cr_assert(peeper_reqids_create(sync_, &other) == PEEPER_STATUS_OK);
    cr_assert(peeper_reqids_add(set, request, NULL) == PEEPER_STATUS_OK);
    cr_assert(peeper_reqids_add(set, request, NULL) == PEEPER_STATUS_INVALID);
    cr_assert(peeper_reqids_size(set) == 1);
    cr_assert(peeper_reqids_add(other, request, NULL) == PEEPER_STATUS_OK, "it may be in several");
    open_gate();
    cr_assert(peeper_reqids_wait(other, PEEPER_FOREVER, true, &response) == PEEPER_STATUS_OK);
    cr_assert(peeper_reqids_wait(set, PEEPER_FOREVER, true, &response) == PEEPER_STATUS_NO_REQUEST,
              "it was taken through the other");
    cr_assert(peeper_reqids_add(other, request, NULL) == PEEPER_STATUS_INVALID);
    cr_assert(peeper_reqids_add(other, 12345, NULL) == PEEPER_STATUS_INVALID);
    peeper_reqids_destroy(other);
    finish();
}

Test(requests, a_wait_on_a_set_that_times_out_keeps_all_and_a_receive_abandons_all, .timeout = 10) {
    begin(count_behind_gate);
    ask_in_set("one");
    ask_in_set("two");
    cr_assert(peeper_reqids_wait(set, 20, true, &response) == PEEPER_STATUS_TIMEOUT);
    open_gate();
    cr_assert(peeper_reqids_wait(set, PEEPER_FOREVER, true, &response) == PEEPER_STATUS_OK);
    cr_assert_str_eq(response.label, "one");
    cr_assert(peeper_reqids_receive(set, 20, true, &response) == PEEPER_STATUS_TIMEOUT);
    cr_assert(peeper_reqids_size(set) == 1);
    cr_assert(peeper_reqids_receive(set, PEEPER_FOREVER, true, &response) ==
              PEEPER_STATUS_NO_REQUEST);
    open_gate();
    uint64_t third = ask();
    open_gate();
    cr_assert(peeper_sync_wait_response(sync_, third, PEEPER_FOREVER, &response) ==
              PEEPER_STATUS_OK);
    cr_assert(reply_of(&response) == 3);
    cr_assert(peeper_sync_take_message(sync_, 0, &message) == PEEPER_STATUS_TIMEOUT);
    finish();
}

Test(requests, a_set_outlives_its_client_with_nothing_to_wait_for, .timeout = 10) {
    begin(swallow);
    ask_in_set("one");
    peeper_sync_destroy(sync_);
    cr_assert(peeper_reqids_size(set) == 1);
    cr_assert(peeper_reqids_wait(set, PEEPER_FOREVER, true, &response) == PEEPER_STATUS_NO_REQUEST);
    cr_assert(peeper_reqids_add(set, 1, NULL) == PEEPER_STATUS_INVALID);
    cr_assert(peeper_reqids_send(set, peeper_by_name("a"), NOTHING, 0, NULL) ==
              PEEPER_STATUS_UNREACHABLE);
    peeper_reqids_destroy(set);
    peer_stop(&peer);
}

// --- The inbox in order --------------------------------------------------------------------------

// A notice between two replies.
static void notice_between(struct peer *at) {
    uint64_t ids[2];
    peer_welcome(at, LIMIT);
    for (int i = 0; i < 2; i++) ids[i] = peer_read(at)->id;
    peer_reply_int(at, ids[0], 1);
    peer_error(at, 0, PEEPER__V1__STATUS__STATUS_NOPROC, "nobody");
    peer_reply_int(at, ids[1], 2);
    peer_read_to_end(at);
}

Test(requests, a_check_looks_at_one_message_and_changes_nothing_where_it_is_anothers,
     .timeout = 10) {
    begin(notice_between);
    cr_assert(peeper_sync_take_message(sync_, 0, &message) == PEEPER_STATUS_TIMEOUT);
    uint64_t lone = ask();
    ask_in_set("set");

    cr_assert(peeper_sync_take_message(sync_, PEEPER_FOREVER, &message) == PEEPER_STATUS_OK);
    cr_assert(peeper_reqids_check(set, &message, true, &response) == PEEPER_STATUS_NO_REPLY);
    cr_assert(peeper_reqids_size(set) == 1);
    cr_assert(peeper_sync_check_response(sync_, &message, lone + 1, &response) ==
              PEEPER_STATUS_NO_REPLY);
    cr_assert(peeper_sync_check_response(sync_, &message, lone, &response) == PEEPER_STATUS_OK);
    cr_assert(reply_of(&response) == 1);

    cr_assert(peeper_sync_take_message(sync_, PEEPER_FOREVER, &message) == PEEPER_STATUS_OK);
    cr_assert(message.kind == PEEPER_MESSAGE_NOTICE);
    cr_assert_str_eq(message.response.error.message, "nobody");
    cr_assert(peeper_reqids_check(set, &message, true, &response) == PEEPER_STATUS_NO_REPLY);

    cr_assert(peeper_sync_take_message(sync_, PEEPER_FOREVER, &message) == PEEPER_STATUS_OK);
    cr_assert(peeper_reqids_check(set, &message, true, &response) == PEEPER_STATUS_OK);
    cr_assert_str_eq(response.label, "set");
    cr_assert(reply_of(&response) == 2);
    cr_assert(peeper_reqids_check(set, &message, true, &response) == PEEPER_STATUS_NO_REQUEST);
    finish();
}

Test(requests, a_message_stays_readable_over_calls_until_the_next, .timeout = 10) {
    struct peeper_value reply;
    begin(count_at_once);
    uint64_t first = ask();
    cr_assert(peeper_sync_take_message(sync_, PEEPER_FOREVER, &message) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_call(sync_, peeper_by_name("a"), NOTHING, 0, &reply) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_check_response(sync_, &message, first, &response) == PEEPER_STATUS_OK);
    cr_assert(reply_of(&response) == 1);
    cr_assert(peeper_sync_wait_response(sync_, first, PEEPER_FOREVER, &response) ==
                  PEEPER_STATUS_NO_REQUEST,
              "a response that was taken as a message is gone");
    finish();
}

Test(requests, an_empty_inbox_without_a_connection_is_told_at_once, .timeout = 10) {
    cr_assert(peeper_sync_create(NULL, &sync_) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_take_message(sync_, PEEPER_FOREVER, &message) ==
              PEEPER_STATUS_UNREACHABLE);
    peeper_sync_destroy(sync_);
}

// --- Many ----------------------------------------------------------------------------------------

static uint64_t now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

static uint64_t time_of_calls(void) {
    struct peeper_value reply;
    uint64_t            begun = now_ns();
    for (int i = 0; i < CALLS; i++) {
        cr_assert(peeper_sync_call(sync_, peeper_by_name("a"), NOTHING, 0, &reply) ==
                  PEEPER_STATUS_OK);
    }
    return now_ns() - begun;
}

static uint64_t time_of_sets(void) {
    uint64_t begun = now_ns();
    for (int i = 0; i < CALLS / 10; i++) {
        for (int j = 0; j < 10; j++) ask_in_set("x");
        for (int j = 0; j < 10; j++) {
            cr_assert(peeper_reqids_receive(set, PEEPER_FOREVER, true, &response) ==
                      PEEPER_STATUS_OK);
        }
    }
    return now_ns() - begun;
}

// Floods the client with notices after the first request.
static void flood(struct peer *at) {
    Peeper__V1__Error       error = PEEPER__V1__ERROR__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    uint8_t                 packed[64];
    struct buf              all = {0};
    peer_welcome(at, LIMIT);
    for (int64_t i = 0; peer_read(at) != NULL; i++) {
        uint64_t id = at->frame->id;
        if (i != 2 * CALLS) {
            peer_reply_int(at, id, i);
            continue;
        }
        error.status = PEEPER__V1__STATUS__STATUS_NOPROC;
        frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_ERROR;
        frame.error = &error;
        packed[0] = (uint8_t)peeper__v1__server_frame__pack(&frame, packed + 1);
        for (int j = 0; j < FLOOD; j++) {
            CHECK(buf_append(&all, packed, packed[0] + 1u) == STATUS_OK);
        }
        peer_write_bytes(at, all.data, all.bytes);
        buf_fini(&all);
        peer_reply_int(at, id, i);
    }
}

Test(requests, calls_and_sets_cost_at_most_ten_times_as_much_with_500000_unread_notices,
     .timeout = 60) {
    struct peeper_options options = {.unread_max = FLOOD + 100};
    begin_with(flood, &options, 1);
    uint64_t calls_ns = time_of_calls(), sets_ns = time_of_sets();
    uint64_t last = ask();
    cr_assert(peeper_sync_wait_response(sync_, last, PEEPER_FOREVER, &response) ==
              PEEPER_STATUS_OK);

    cr_assert(time_of_calls() <= 10 * calls_ns);
    cr_assert(time_of_sets() <= 10 * sets_ns);
    for (int i = 0; i < FLOOD; i++) {
        cr_assert(peeper_sync_take_message(sync_, 0, &message) == PEEPER_STATUS_OK);
    }
    cr_assert(peeper_sync_take_message(sync_, 0, &message) == PEEPER_STATUS_TIMEOUT);
    cr_assert(peeper_sync_notices_dropped(sync_) == 0);
    finish();
}

Test(requests, calls_cost_at_most_ten_times_as_much_with_500000_unread_responses, .timeout = 120) {
    struct peeper_options options = {.unread_max = FLOOD, .requests_max = FLOOD + 1};
    struct peeper_value   reply;
    begin_with(count_at_once, &options, 1);
    uint64_t calls_ns = time_of_calls();
    for (int i = 0; i < FLOOD; i++) {
        ask_in_set("x");
        // A reply to a call comes behind all responses: the peer is never far behind.
        if (i % 1000 == 999) {
            cr_assert(peeper_sync_call(sync_, peeper_by_name("a"), NOTHING, 0, &reply) ==
                      PEEPER_STATUS_OK);
        }
    }
    cr_assert(time_of_calls() <= 10 * calls_ns);
    for (int i = 0; i < FLOOD; i++) {
        cr_assert(peeper_reqids_receive(set, PEEPER_FOREVER, true, &response) == PEEPER_STATUS_OK);
        cr_assert(reply_of(&response) > CALLS);
    }
    cr_assert(peeper_reqids_size(set) == 0);
    finish();
}

Test(requests, are_sent_with_their_idempotency_keys, .timeout = 10) {
    struct peeper_call_options options = {.idempotency_key = "once"};
    uint64_t                   keyed, plain;
    begin(tell_key);
    cr_assert(peeper_sync_send_request_with(sync_, peeper_by_name("a"), NOTHING, &options,
                                            &keyed) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_send_request_with(sync_, peeper_by_name("a"), NOTHING, NULL, &plain) ==
              PEEPER_STATUS_OK);
    cr_assert(peeper_sync_wait_response(sync_, keyed, 5000, &response) == PEEPER_STATUS_OK);
    cr_assert(reply_of(&response) == 4);
    cr_assert(peeper_sync_wait_response(sync_, plain, 5000, &response) == PEEPER_STATUS_OK);
    cr_assert(reply_of(&response) == 0);
    finish();
}
