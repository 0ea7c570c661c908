#include "test_peer.h"

#include <criterion/criterion.h>
#include <peeper/ties.h>
#include <string.h>
#include <uv.h>

#define LIMIT (1u << 20)

static struct peer         peer;
static struct peeper_sync *sync_;
static struct peeper_event event;

static void begin(peer_script *script, const struct peeper_options *options) {
    peer_start(&peer, 1, script);
    cr_assert(peeper_sync_create(options, &sync_) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_connect(sync_, peer.address) == PEEPER_STATUS_OK);
}

// Ends with the number of requests whose fields were as the script wanted them.
static void finish(size_t seen) {
    peeper_sync_destroy(sync_);
    peer_stop(&peer);
    cr_assert_eq(peer.seen, seen);
}

static void write_down(struct peer *at, uint64_t ref) {
    Peeper__V1__Down        down = PEEPER__V1__DOWN__INIT;
    Peeper__V1__Event       pushed = PEEPER__V1__EVENT__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    down.ref = ref;
    down.id = 7;
    down.name = (char *)"n";
    down.reason = (ProtobufCBinaryData){5, (uint8_t *)"\x2a\x03"
                                                      "bye"};
    pushed.kind_case = PEEPER__V1__EVENT__KIND_DOWN;
    pushed.down = &down;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_EVENT;
    frame.event = &pushed;
    peer_write(at, &frame);
}

static void write_exit(struct peer *at, uint64_t id) {
    Peeper__V1__Exit        leave = PEEPER__V1__EXIT__INIT;
    Peeper__V1__Event       pushed = PEEPER__V1__EVENT__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    leave.id = id;
    leave.name = (char *)"x";
    leave.reason = (ProtobufCBinaryData){5, (uint8_t *)"\x2a\x03"
                                                       "die"};
    pushed.kind_case = PEEPER__V1__EVENT__KIND_EXIT;
    pushed.exit = &leave;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_EVENT;
    frame.event = &pushed;
    peer_write(at, &frame);
}

static void write_monitored(struct peer *at, uint64_t id, uint64_t ref) {
    Peeper__V1__Monitored   monitored = PEEPER__V1__MONITORED__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    monitored.ref = ref;
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_MONITORED;
    frame.monitored = &monitored;
    peer_write(at, &frame);
}

// Names the body that is read next, and sets `frame`.
#define NEXT(BODY) \
    ((frame = peer_read(at)) != NULL && frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_##BODY)

static void check_verbs(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    at->seen += NEXT(MONITOR) && strcmp(frame->monitor->name, "n") == 0;
    write_monitored(at, frame->id, 77);
    at->seen += NEXT(DEMONITOR) && frame->demonitor->ref == 77;
    peer_done(at, frame->id);
    at->seen += NEXT(LINK) && frame->link->id == 9;
    peer_done(at, frame->id);
    at->seen += NEXT(UNLINK) && frame->unlink->id == 9;
    peer_error(at, frame->id, PEEPER__V1__STATUS__STATUS_OVERLOADED, "too many");
    peer_read_to_end(at);
}

Test(ties, every_verb_has_its_fields_and_its_answer, .timeout = 10) {
    uint64_t ref = 0;
    begin(check_verbs, NULL);
    cr_assert(peeper_sync_monitor(sync_, peeper_by_name("n"), &ref) == PEEPER_STATUS_OK);
    cr_assert(ref == 77);
    cr_assert(peeper_sync_demonitor(sync_, 77, false) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_link(sync_, peeper_by_id(9)) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_unlink(sync_, peeper_by_id(9)) == PEEPER_STATUS_OVERLOADED);
    cr_assert_str_eq(peeper_sync_error(sync_)->message, "too many");
    cr_assert(peeper_sync_link(sync_, peeper_by_name(NULL)) == PEEPER_STATUS_INVALID);
    finish(4);
}

static void check_start(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    Peeper__V1__Started            started = PEEPER__V1__STARTED__INIT;
    Peeper__V1__ServerFrame        answer = PEEPER__V1__SERVER_FRAME__INIT;
    peer_welcome(at, LIMIT);
    at->seen +=
        NEXT(START) && frame->start->link && frame->start->monitor && frame->start->no_trap_exit;
    started.id = 7;
    started.monitor = 77;
    answer.id = frame->id;
    answer.body_case = PEEPER__V1__SERVER_FRAME__BODY_STARTED;
    answer.started = &started;
    peer_write(at, &answer);
    peer_read_to_end(at);
}

Test(ties, a_start_asks_for_them_and_tells_the_reference, .timeout = 10) {
    struct peeper_start_options options = {
        .behaviour = "b", .link = true, .monitor = true, .no_trap_exit = true};
    struct peeper_started started;
    begin(check_start, NULL);
    cr_assert(peeper_sync_start(sync_, &options, &started) == PEEPER_STATUS_OK);
    cr_assert(started.monitor == 77);
    finish(1);
}

// Events before, among and after the answers.
static void push_some(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    write_down(at, 1);
    at->seen += NEXT(PING);
    write_exit(at, 9);
    peer_error(at, frame->id, PEEPER__V1__STATUS__STATUS_INTERNAL, "no pong today");
    at->seen += NEXT(DEMONITOR);
    write_down(at, 3);
    peer_done(at, frame->id);
    peer_read_to_end(at);
}

Test(ties, events_wait_until_they_are_taken_and_disturb_no_request, .timeout = 10) {
    begin(push_some, NULL);
    cr_assert(peeper_sync_ping(sync_) == PEEPER_STATUS_INTERNAL);
    cr_assert(peeper_sync_next_event(sync_, PEEPER_FOREVER, &event) == PEEPER_STATUS_OK);
    cr_assert(event.kind == PEEPER_EVENT_DOWN && event.ref == 1 && event.id == 7);
    cr_assert_str_eq(event.name, "n");
    cr_assert(peeper_value_is(event.reason, "bye"));
    cr_assert(peeper_sync_next_event(sync_, 0, &event) == PEEPER_STATUS_OK);
    cr_assert(event.kind == PEEPER_EVENT_EXIT && event.id == 9);
    cr_assert_str_eq(event.name, "x");
    cr_assert(peeper_value_is(event.reason, "die"));
    cr_assert(peeper_sync_next_event(sync_, 20, &event) == PEEPER_STATUS_TIMEOUT);
    // A DOWN that came before the answer is thrown away.
    cr_assert(peeper_sync_demonitor(sync_, 3, true) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_next_event(sync_, 0, &event) == PEEPER_STATUS_TIMEOUT);
    finish(2);
}

Test(ties, events_are_messages_of_the_inbox, .timeout = 10) {
    struct peeper_message message;
    begin(push_some, NULL);
    cr_assert(peeper_sync_ping(sync_) == PEEPER_STATUS_INTERNAL);
    cr_assert(peeper_sync_demonitor(sync_, 1, false) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_take_message(sync_, 0, &message) == PEEPER_STATUS_OK);
    cr_assert(message.kind == PEEPER_MESSAGE_EVENT && message.event.ref == 1);
    cr_assert(message.response.error.status == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_next_event(sync_, 0, &event) == PEEPER_STATUS_OK);
    cr_assert(event.kind == PEEPER_EVENT_EXIT);
    cr_assert(peeper_sync_take_message(sync_, 0, &message) == PEEPER_STATUS_OK);
    cr_assert(message.event.ref == 3);
    cr_assert(peeper_sync_take_message(sync_, 0, &message) == PEEPER_STATUS_TIMEOUT);
    finish(2);
}

static void push_many(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    for (uint64_t ref = 1; ref <= 5; ref++) write_down(at, ref);
    at->seen += NEXT(PING);
    peer_error(at, frame->id, PEEPER__V1__STATUS__STATUS_INTERNAL, "no pong today");
}

Test(ties, events_that_found_no_room_are_told_once_after_the_others, .timeout = 10) {
    struct peeper_options options = {.unread_max = 2};
    begin(push_many, &options);
    cr_assert(peeper_sync_ping(sync_) == PEEPER_STATUS_INTERNAL);
    for (uint64_t ref = 1; ref <= 2; ref++) {
        cr_assert(peeper_sync_next_event(sync_, 0, &event) == PEEPER_STATUS_OK);
        cr_assert(event.ref == ref);
    }
    cr_assert(peeper_sync_next_event(sync_, 0, &event) == PEEPER_STATUS_FULL);
    cr_assert(peeper_sync_next_event(sync_, PEEPER_FOREVER, &event) == PEEPER_STATUS_UNREACHABLE);
    finish(1);
}

// --- The asynchronous client ---------------------------------------------------------------------

static struct {
    uv_loop_t loop;
    bool      up;
    bool      closed;
    size_t    answers;
    uint64_t  ref;
    size_t    events;
    uint64_t  refs;
    uint64_t  exits;
} seen;

static void on_up(void *user, const struct peeper_welcome *welcome) {
    (void)user;
    (void)welcome;
    seen.up = true;
}

static void on_event(void *user, const struct peeper_event *told) {
    (void)user;
    seen.events++;
    if (told->kind == PEEPER_EVENT_DOWN) seen.refs += told->ref;
    if (told->kind == PEEPER_EVENT_EXIT) seen.exits += told->id;
}

static void on_closed(void *user) {
    (void)user;
    seen.closed = true;
}

static void on_answer(void *user, const struct peeper_answer *answer) {
    (void)user;
    seen.answers++;
    if (answer->ref != 0) seen.ref = answer->ref;
}

static void answer_and_push(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    at->seen += NEXT(MONITOR);
    write_monitored(at, frame->id, 77);
    write_down(at, 77);
    at->seen += NEXT(LINK) && frame->id == 0;
    write_exit(at, 9);
    at->seen += NEXT(DEMONITOR) && frame->demonitor->ref == 77;
    peer_done(at, frame->id);
    at->seen += NEXT(UNLINK);
    peer_done(at, frame->id);
    peer_read_to_end(at);
}

Test(ties, the_asynchronous_client_tells_events_by_its_hook, .timeout = 10) {
    struct peeper_hooks   hooks = {.on_up = on_up, .on_event = on_event, .on_closed = on_closed};
    struct peeper_then    then = peeper_then(on_answer, NULL);
    struct peeper_client *client;
    peer_start(&peer, 1, answer_and_push);
    cr_assert(uv_loop_init(&seen.loop) == 0);
    cr_assert(peeper_client_open(peer.address, NULL, &hooks, &seen.loop, &client) ==
              PEEPER_STATUS_OK);
    while (!seen.up) uv_run(&seen.loop, UV_RUN_ONCE);
    struct peeper_target target = peeper_by_name("n");
    cr_assert(peeper_client_monitor(client, target, peeper_then(NULL, NULL)) ==
              PEEPER_STATUS_INVALID);
    cr_assert(peeper_client_monitor(client, target, then) == PEEPER_STATUS_OK);
    cr_assert(peeper_client_link(client, target, peeper_then(NULL, NULL)) == PEEPER_STATUS_OK);
    cr_assert(peeper_client_demonitor(client, 77, then) == PEEPER_STATUS_OK);
    cr_assert(peeper_client_unlink(client, target, then) == PEEPER_STATUS_OK);
    while (seen.answers < 3) uv_run(&seen.loop, UV_RUN_ONCE);
    cr_assert(seen.ref == 77);
    cr_assert(seen.events == 2 && seen.refs == 77 && seen.exits == 9);
    peeper_client_close(client);
    uv_run(&seen.loop, UV_RUN_DEFAULT);
    cr_assert(seen.closed);
    peeper_client_destroy(client);
    cr_assert(uv_loop_close(&seen.loop) == 0);
    peer_stop(&peer);
    cr_assert_eq(peer.seen, 4);
}
