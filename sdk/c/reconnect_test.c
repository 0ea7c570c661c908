// Clients with options.reconnect and options.retry, and a peer that ends connections.
#include "test_peer.h"

#include <criterion/criterion.h>
#include <peeper/requests.h>
#include <peeper/watch.h>
#include <stdio.h>
#include <string.h>

#define LIMIT (1u << 20)

static struct peer         peer;
static struct peeper_sync *sync_;
static struct peeper_event event;

static const struct peeper_options RECONNECT = {.reconnect = true, .request_timeout_ms = 5000};

static void begin(int connections, peer_script *script) {
    peer_start(&peer, connections, script);
    cr_assert(peeper_sync_create(&RECONNECT, &sync_) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_connect(sync_, peer.address) == PEEPER_STATUS_OK);
}

static void finish(size_t seen) {
    peeper_sync_destroy(sync_);
    peer_stop(&peer);
    cr_assert(peer.seen == seen);
}

// Reads one frame that must have this body.
static const Peeper__V1__ClientFrame *expect(struct peer *at, int body_case) {
    const Peeper__V1__ClientFrame *frame = peer_read(at);
    if (frame != NULL) at->seen += (int)frame->body_case == body_case;
    return frame;
}

static struct peeper_value text_of(struct peeper_writer *writer, const char *text) {
    peeper_write_string(writer, text);
    return peeper_writer_value(writer);
}

static enum peeper_status call(int64_t *ret_value) {
    struct peeper_writer writer = {0};
    struct peeper_value  reply;
    enum peeper_status   status =
        peeper_sync_call(sync_, peeper_by_name("n"), text_of(&writer, "inc"), 1000, &reply);
    if (status == PEEPER_STATUS_OK) cr_assert(peeper_value_int(reply, ret_value));
    peeper_writer_fini(&writer);
    return status;
}

// --- Requests ------------------------------------------------------------------------------------

static void end_at_call(struct peer *at) {
    peer_welcome(at, LIMIT);
    const Peeper__V1__ClientFrame *frame = expect(at, PEEPER__V1__CLIENT_FRAME__BODY_CALL);
    if (at->connection == 0) return;
    if (frame != NULL) peer_reply_int(at, frame->id, 7);
    peer_read_to_end(at);
}

Test(reconnect, never_repeats_a_call_that_may_have_run, .timeout = 10) {
    int64_t value = 0;
    begin(2, end_at_call);
    cr_assert(call(&value) == PEEPER_STATUS_DISCONNECTED);
    cr_assert(!peeper_sync_error(sync_)->retryable);
    cr_assert(call(&value) == PEEPER_STATUS_OK && value == 7);
    finish(2);
}

static void end_at_ping(struct peer *at) {
    peer_welcome(at, LIMIT);
    const Peeper__V1__ClientFrame *frame = expect(at, PEEPER__V1__CLIENT_FRAME__BODY_PING);
    if (at->connection < 2 || frame == NULL) return;
    Peeper__V1__Pong        pong = PEEPER__V1__PONG__INIT;
    Peeper__V1__ServerFrame answer = PEEPER__V1__SERVER_FRAME__INIT;
    answer.id = frame->id;
    answer.body_case = PEEPER__V1__SERVER_FRAME__BODY_PONG;
    answer.pong = &pong;
    peer_write(at, &answer);
    peer_read_to_end(at);
}

Test(reconnect, repeats_what_only_reads_as_often_as_it_takes, .timeout = 10) {
    begin(3, end_at_ping);
    cr_assert(peeper_sync_ping(sync_) == PEEPER_STATUS_OK);
    finish(3);
}

static void end_at_once(struct peer *at) {
    peer_welcome(at, LIMIT);
    if (at->connection == 0) return;
    for (int i = 0; i < 100; i++) {
        const Peeper__V1__ClientFrame *frame = expect(at, PEEPER__V1__CLIENT_FRAME__BODY_CALL);
        if (frame == NULL) return;
        peer_reply_int(at, frame->id, i);
    }
    peer_read_to_end(at);
}

Test(reconnect, sends_what_was_not_written_in_its_order, .timeout = 10) {
    struct peeper_writer   writer = {0};
    struct peeper_message  message;
    struct peeper_response response;
    struct peeper_value    inc = text_of(&writer, "inc");
    uint64_t               requests[100];
    int64_t                value;
    begin(2, end_at_once);
    // The loss is a notice.
    cr_assert(peeper_sync_take_message(sync_, 5000, &message) == PEEPER_STATUS_OK);
    cr_assert(message.kind == PEEPER_MESSAGE_NOTICE);
    cr_assert(message.response.error.status == PEEPER_STATUS_DISCONNECTED);
    for (int i = 0; i < 100; i++) {
        cr_assert(peeper_sync_send_request(sync_, peeper_by_name("n"), inc, 5000, &requests[i]) ==
                  PEEPER_STATUS_OK);
    }
    for (int i = 0; i < 100; i++) {
        cr_assert(peeper_sync_wait_response(sync_, requests[i], 5000, &response) ==
                  PEEPER_STATUS_OK);
        cr_assert(response.error.status == PEEPER_STATUS_OK);
        cr_assert(peeper_value_int(response.reply, &value) && value == i);
    }
    peeper_writer_fini(&writer);
    finish(100);
}

static void welcome_with_keys(struct peer *at) {
    const Peeper__V1__ClientFrame *hello = peer_read(at);
    if (hello == NULL) return;
    char                   *features[] = {(char *)"idempotency"};
    Peeper__V1__Welcome     welcome = PEEPER__V1__WELCOME__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    welcome.protocol_version = 1;
    welcome.features = features;
    welcome.n_features = 1;
    frame.id = hello->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_WELCOME;
    frame.welcome = &welcome;
    peer_write(at, &frame);
}

static enum peeper_status call_once(int64_t *ret_value) {
    struct peeper_call_options options = {.deadline_ms = 5000, .idempotency_key = "once"};
    struct peeper_writer       writer = {0};
    struct peeper_value        reply;
    struct peeper_value        inc = text_of(&writer, "inc");
    enum peeper_status         status =
        peeper_sync_call_with(sync_, peeper_by_name("n"), inc, &options, &reply);
    if (status == PEEPER_STATUS_OK) cr_assert(peeper_value_int(reply, ret_value));
    peeper_writer_fini(&writer);
    return status;
}

static void end_at_keyed_call(struct peer *at) {
    welcome_with_keys(at);
    const Peeper__V1__ClientFrame *frame = expect(at, PEEPER__V1__CLIENT_FRAME__BODY_CALL);
    if (frame != NULL) at->seen += frame->call->idempotency_key.len == 4;
    if (at->connection == 0 || frame == NULL) return;
    peer_reply_int(at, frame->id, 7);
    peer_read_to_end(at);
}

Test(reconnect, repeats_a_call_that_has_a_key, .timeout = 10) {
    int64_t value = 0;
    begin(2, end_at_keyed_call);
    cr_assert(call_once(&value) == PEEPER_STATUS_OK && value == 7);
    finish(4);
}

static void forget_keys(struct peer *at) {
    if (at->connection == 0) {
        end_at_keyed_call(at);
        return;
    }
    peer_welcome(at, LIMIT);
    if (peer_read(at) != NULL) at->seen += 100;
}

Test(reconnect, repeats_no_call_where_the_next_server_knows_no_keys, .timeout = 10) {
    int64_t value = 0;
    begin(2, forget_keys);
    cr_assert(call_once(&value) == PEEPER_STATUS_DISCONNECTED);
    finish(2);
}

// --- Ties ----------------------------------------------------------------------------------------

static void monitored(struct peer *at, uint64_t id, uint64_t ref) {
    Peeper__V1__Monitored   monitored = PEEPER__V1__MONITORED__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    monitored.ref = ref;
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_MONITORED;
    frame.monitored = &monitored;
    peer_write(at, &frame);
}

static void end_with_ties(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    if (at->connection > 0) {
        peer_read_to_end(at);
        return;
    }
    frame = expect(at, PEEPER__V1__CLIENT_FRAME__BODY_MONITOR);
    monitored(at, frame->id, 700);
    frame = expect(at, PEEPER__V1__CLIENT_FRAME__BODY_MONITOR);
    monitored(at, frame->id, 701);
    frame = expect(at, PEEPER__V1__CLIENT_FRAME__BODY_LINK);
    peer_done(at, frame->id);
    frame = expect(at, PEEPER__V1__CLIENT_FRAME__BODY_DEMONITOR);
    at->seen += frame->demonitor->ref == 700;
    peer_done(at, frame->id);
}

Test(reconnect, monitors_and_links_end_with_noconnection_but_for_those_that_were_ended,
     .timeout = 10) {
    uint64_t first, second;
    begin(2, end_with_ties);
    cr_assert(peeper_sync_monitor(sync_, peeper_by_name("a"), &first) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_monitor(sync_, peeper_by_id(9), &second) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_link(sync_, peeper_by_name("b")) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_demonitor(sync_, first, true) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_next_event(sync_, 5000, &event) == PEEPER_STATUS_OK);
    cr_assert(event.kind == PEEPER_EVENT_DOWN && event.ref == second && event.id == 9);
    cr_assert(peeper_value_is(event.reason, "noconnection"));
    cr_assert(peeper_sync_next_event(sync_, 5000, &event) == PEEPER_STATUS_OK);
    cr_assert(event.kind == PEEPER_EVENT_EXIT);
    cr_assert_str_eq(event.name, "b");
    cr_assert(peeper_value_is(event.reason, "noconnection"));
    cr_assert(peeper_sync_next_event(sync_, 100, &event) == PEEPER_STATUS_TIMEOUT);
    finish(5);
}

static void watch_twice(struct peer *at) {
    peer_welcome(at, LIMIT);
    const Peeper__V1__ClientFrame *frame = expect(at, PEEPER__V1__CLIENT_FRAME__BODY_WATCH);
    if (frame == NULL) return;
    if (at->connection == 0) {
        peer_watching(at, frame->id, 77);
        peer_changed(at, 77, 7, false);
        return;
    }
    at->seen += frame->watch->from_version == 8 && frame->watch->unit == 3;
    peer_watching(at, frame->id, 5);
    peer_changed(at, 5, 8, false);
    frame = expect(at, PEEPER__V1__CLIENT_FRAME__BODY_UNWATCH);
    if (frame == NULL) return;
    at->seen += frame->unwatch->ref == 5;
    peer_done(at, frame->id);
    peer_read_to_end(at);
}

Test(reconnect, a_watch_goes_on_after_the_last_version_under_the_same_reference, .timeout = 10) {
    struct peeper_watch watch = {.name = "n"};
    uint64_t            ref;
    begin(2, watch_twice);
    cr_assert(peeper_sync_watch(sync_, &watch, &ref) == PEEPER_STATUS_OK);
    for (uint64_t version = 7; version <= 8; version++) {
        cr_assert(peeper_sync_next_event(sync_, 5000, &event) == PEEPER_STATUS_OK);
        cr_assert(event.kind == PEEPER_EVENT_CHANGED && event.ref == ref);
        cr_assert(event.version == version);
    }
    cr_assert(peeper_sync_unwatch(sync_, ref) == PEEPER_STATUS_OK);
    finish(5);
}

static void watch_prefix_twice(struct peer *at) {
    peer_welcome(at, LIMIT);
    const Peeper__V1__ClientFrame *frame = expect(at, PEEPER__V1__CLIENT_FRAME__BODY_WATCH);
    if (frame == NULL) return;
    at->seen += frame->watch->prefix && frame->watch->from_version == 0;
    peer_watching(at, frame->id, 77);
    peer_changed(at, 77, 7, false);
    if (at->connection > 0) peer_read_to_end(at);
}

Test(reconnect, what_a_watch_cannot_go_on_with_is_a_gap, .timeout = 10) {
    struct peeper_watch watch = {.prefix = ""};
    uint64_t            ref;
    begin(2, watch_prefix_twice);
    cr_assert(peeper_sync_watch(sync_, &watch, &ref) == PEEPER_STATUS_OK);
    static const enum peeper_event_kind KINDS[] = {PEEPER_EVENT_CHANGED, PEEPER_EVENT_GAP,
                                                   PEEPER_EVENT_CHANGED};
    for (size_t i = 0; i < 3; i++) {
        cr_assert(peeper_sync_next_event(sync_, 5000, &event) == PEEPER_STATUS_OK);
        cr_assert(event.kind == KINDS[i] && event.ref == ref);
    }
    finish(4);
}

// --- Connecting ----------------------------------------------------------------------------------

static void end_before_the_welcome(struct peer *at) {
    if (at->connection < 3) {
        at->seen++;
        peer_read(at);
        return;
    }
    peer_welcome(at, LIMIT);
    peer_read_to_end(at);
}

Test(reconnect, with_retry_a_server_that_is_not_ready_is_tried_again, .timeout = 10) {
    struct peeper_options options = {.retry = true};
    peer_start(&peer, 4, end_before_the_welcome);
    cr_assert(peeper_sync_create(&options, &sync_) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_connect(sync_, peer.address) == PEEPER_STATUS_OK);
    finish(3);
}

Test(reconnect, with_retry_the_time_out_ends_it_with_the_cause, .timeout = 10) {
    struct peeper_options options = {.retry = true, .connect_timeout_ms = 300};
    peer_start(&peer, 0, end_before_the_welcome);
    char address[32];
    snprintf(address, sizeof(address), "%s", peer.address);
    peer_stop(&peer);
    cr_assert(peeper_sync_create(&options, &sync_) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_connect(sync_, address) == PEEPER_STATUS_UNREACHABLE);
    cr_assert(strstr(peeper_sync_error(sync_)->message, "refused") != NULL);
    peeper_sync_destroy(sync_);
}

static void refuse_the_second(struct peer *at) {
    if (at->connection == 0) {
        peer_welcome(at, LIMIT);
        return;
    }
    const Peeper__V1__ClientFrame *hello = peer_read(at);
    if (hello != NULL) peer_error(at, hello->id, PEEPER__V1__STATUS__STATUS_UNAUTHENTICATED, "no");
}

Test(reconnect, a_server_that_refuses_for_good_ends_it, .timeout = 10) {
    int64_t value;
    begin(2, refuse_the_second);
    enum peeper_status status = call(&value);
    if (status == PEEPER_STATUS_DISCONNECTED) status = call(&value);
    cr_assert(status == PEEPER_STATUS_UNAUTHENTICATED || status == PEEPER_STATUS_UNREACHABLE);
    cr_assert(call(&value) == PEEPER_STATUS_UNREACHABLE);
    finish(0);
}
