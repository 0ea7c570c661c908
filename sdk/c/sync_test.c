#include "test_peer.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#define LIMIT (1u << 20)

static struct peeper_sync *connected(struct peer *peer, int connections, peer_script *script) {
    struct peeper_sync *sync;
    peer_start(peer, connections, script);
    cr_assert(peeper_sync_create(NULL, &sync) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_connect(sync, peer->address) == PEEPER_STATUS_OK, "%s",
              peeper_sync_error(sync)->message);
    return sync;
}

static void finish(struct peer *peer, struct peeper_sync *sync) {
    peeper_sync_destroy(sync);
    peer_stop(peer);
}

static const struct peeper_value NOTHING = {0};

// --- Answers -------------------------------------------------------------------------------------

static void echo_calls(struct peer *peer) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(peer, LIMIT);
    while ((frame = peer_read(peer)) != NULL) {
        peer_reply(peer, frame->id, frame->call->payload.data, frame->call->payload.len);
    }
}

Test(sync, returns_the_reply_which_lives_until_the_next_request, .timeout = 10) {
    struct peer          peer;
    struct peeper_sync  *sync = connected(&peer, 1, echo_calls);
    struct peeper_writer message = {0};
    struct peeper_value  reply;

    peeper_write_string(&message, "good day");
    cr_assert(peeper_sync_call(sync, peeper_by_name("a"), peeper_writer_value(&message), 0,
                               &reply) == PEEPER_STATUS_OK);
    cr_assert(peeper_value_is(reply, "good day"));
    // The reply may itself be the next message.
    cr_assert(peeper_sync_call(sync, peeper_by_name("a"), reply, 0, &reply) == PEEPER_STATUS_OK);
    cr_assert(peeper_value_is(reply, "good day"));
    peeper_writer_fini(&message);
    finish(&peer, sync);
}

static void crash_then_echo(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    peer_error(peer, peer_read(peer)->id, PEEPER__V1__STATUS__STATUS_CRASHED, "it raised");
    const Peeper__V1__ClientFrame *frame = peer_read(peer);
    peer_reply(peer, frame->id, frame->call->payload.data, frame->call->payload.len);
    peer_read_to_end(peer);
}

Test(sync, tells_the_servers_error_and_goes_on, .timeout = 10) {
    struct peer         peer;
    struct peeper_sync *sync = connected(&peer, 1, crash_then_echo);
    struct peeper_value reply = {NULL, 77};
    cr_assert(peeper_sync_call(sync, peeper_by_name("a"), NOTHING, 0, &reply) ==
              PEEPER_STATUS_CRASHED);
    cr_assert(reply.bytes == 77, "a failure leaves the out-parameter alone");
    cr_assert(peeper_sync_error(sync)->status == PEEPER_STATUS_CRASHED);
    cr_assert_str_eq(peeper_sync_error(sync)->message, "it raised");
    cr_assert(peeper_sync_call(sync, peeper_by_name("a"), NOTHING, 0, &reply) == PEEPER_STATUS_OK);
    finish(&peer, sync);
}

static void locate(struct peer *peer, uint64_t id, uint64_t located) {
    Peeper__V1__Located     body = PEEPER__V1__LOCATED__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    body.id = located;
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_LOCATED;
    frame.located = &body;
    peer_write(peer, &frame);
}

static void locate_one_of_two(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    locate(peer, peer_read(peer)->id, 42);
    locate(peer, peer_read(peer)->id, 0);
    peer_read_to_end(peer);
}

Test(sync, whereis_answers_an_id_or_NOPROC, .timeout = 10) {
    struct peer         peer;
    struct peeper_sync *sync = connected(&peer, 1, locate_one_of_two);
    uint64_t            id = 0;
    cr_assert(peeper_sync_whereis(sync, peeper_by_name("a"), &id) == PEEPER_STATUS_OK);
    cr_assert(id == 42);
    cr_assert(peeper_sync_whereis(sync, peeper_by_name("a"), &id) == PEEPER_STATUS_NOPROC);
    cr_assert(id == 42);
    finish(&peer, sync);
}

static void describe(struct peer *peer) {
    Peeper__V1__StateInfo  state = PEEPER__V1__STATE_INFO__INIT;
    Peeper__V1__CrashInfo  crash = PEEPER__V1__CRASH_INFO__INIT;
    Peeper__V1__ActorInfo  first = PEEPER__V1__ACTOR_INFO__INIT, second = first;
    Peeper__V1__ActorInfo *both[] = {&first, &second};
    Peeper__V1__Listing    listing = PEEPER__V1__LISTING__INIT;
    first.name = (char *)"one";
    first.status = (char *)"running";
    first.worker = -1;
    first.unit = UINT64_MAX;
    first.state = &state;
    first.last_crash = &crash;
    state.version = 5;
    state.value = (ProtobufCBinaryData){2, (uint8_t *)"\x18\x02"};
    crash.kind = (char *)"signal";
    second.name = (char *)"two";
    listing.n_actors = 2;
    listing.actors = both;
    listing.next = 9;

    peer_welcome(peer, LIMIT);
    const Peeper__V1__ClientFrame *request = peer_read(peer);
    bool good = strcmp(request->list->prefix, "o") == 0 && request->list->cursor == 3 &&
                request->list->limit == 2;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    frame.id = request->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_LISTING;
    frame.listing = &listing;
    peer_write(peer, &frame);
    request = peer_read(peer);
    peer->seen = good && request->inspect->id == 11;
    frame.id = request->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_ACTOR_INFO;
    frame.actor_info = &first;
    peer_write(peer, &frame);
    peer_read_to_end(peer);
}

Test(sync, list_and_inspect_tell_all_fields, .timeout = 10) {
    struct peer           peer;
    struct peeper_sync   *sync = connected(&peer, 1, describe);
    struct peeper_page    page = {.prefix = "o", .cursor = 3, .limit = 2};
    struct peeper_listing listing;
    struct peeper_actor   actor;
    int64_t               state;

    cr_assert(peeper_sync_list(sync, &page, &listing) == PEEPER_STATUS_OK);
    cr_assert(listing.count == 2 && listing.next == 9);
    cr_assert_str_eq(listing.actors[0].name, "one");
    cr_assert_str_eq(listing.actors[1].name, "two");
    cr_assert(!listing.actors[1].has_state && !listing.actors[1].has_crash);
    cr_assert_str_eq(listing.actors[1].crash_kind, "");

    cr_assert(peeper_sync_inspect(sync, peeper_by_id(11), &actor) == PEEPER_STATUS_OK);
    cr_assert(actor.unit == UINT64_MAX && actor.worker == -1 && actor.version == 5);
    cr_assert(peeper_value_int(actor.state, &state) && state == 1);
    cr_assert_str_eq(actor.crash_kind, "signal");
    finish(&peer, sync);
    cr_assert(peer.seen == 1);
}

static void tell_crashes(struct peer *peer) {
    Peeper__V1__CrashReport  first = PEEPER__V1__CRASH_REPORT__INIT, second = first;
    Peeper__V1__CrashReport *both[] = {&first, &second};
    Peeper__V1__CrashListing listing = PEEPER__V1__CRASH_LISTING__INIT;
    char                    *lines[] = {(char *)"a+0x1", (char *)"b+0x2"};
    Peeper__V1__ServerFrame  frame = PEEPER__V1__SERVER_FRAME__INIT;
    first.crash = UINT64_MAX;
    first.kind = (char *)"signal";
    first.backtrace = lines;
    first.n_backtrace = 2;
    first.turn = (char *)"call";
    first.payload = (ProtobufCBinaryData){2, (uint8_t *)"\x18\x02"};
    first.message_set_aside = true;
    listing.reports = both;
    listing.n_reports = 2;
    listing.next = 9;

    peer_welcome(peer, LIMIT);
    const Peeper__V1__ClientFrame *request = peer_read(peer);
    peer->seen += strcmp(request->list_crashes->name, "o") == 0 &&
                  request->list_crashes->cursor == 3 && request->list_crashes->limit == 2;
    frame.id = request->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_CRASH_LISTING;
    frame.crash_listing = &listing;
    peer_write(peer, &frame);
    request = peer_read(peer);
    peer->seen += request->show_crash->crash == 5;
    frame.id = request->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_CRASH_REPORT;
    frame.crash_report = &first;
    peer_write(peer, &frame);
    request = peer_read(peer);
    peer->seen += request->redrive->crash == 6 && request->redrive->timeout_ms == 7;
    peer_reply_int(peer, request->id, 8);
    request = peer_read(peer);
    peer->seen += request->redrive->crash == 9;
    peer_done(peer, request->id);
    request = peer_read(peer);
    peer->seen += request->discard_crash->crash == 10;
    peer_done(peer, request->id);
    peer_read_to_end(peer);
}

Test(sync, crashes_are_listed_shown_redriven_and_discarded, .timeout = 10) {
    struct peer           peer;
    struct peeper_sync   *sync = connected(&peer, 1, tell_crashes);
    struct peeper_page    page = {.prefix = "o", .cursor = 3, .limit = 2};
    struct peeper_crashes crashes;
    struct peeper_crash   crash;
    struct peeper_value   reply;
    bool                  replied;
    int64_t               number;

    cr_assert(peeper_sync_crashes(sync, &page, &crashes) == PEEPER_STATUS_OK);
    cr_assert(crashes.count == 2 && crashes.next == 9);
    cr_assert(crashes.crashes[0].id == UINT64_MAX);
    cr_assert_str_eq(crashes.crashes[1].kind, "");

    cr_assert(peeper_sync_crash(sync, 5, &crash) == PEEPER_STATUS_OK);
    cr_assert_str_eq(crash.kind, "signal");
    cr_assert_str_eq(crash.turn, "call");
    cr_assert(crash.backtrace_lines == 2);
    cr_assert_str_eq(crash.backtrace[1], "b+0x2");
    cr_assert(peeper_value_int(crash.payload, &number) && number == 1);
    cr_assert(crash.message_set_aside);

    cr_assert(peeper_sync_redrive(sync, 6, 7, &replied, &reply) == PEEPER_STATUS_OK);
    cr_assert(replied);
    cr_assert(peeper_value_int(reply, &number) && number == 8);
    cr_assert(peeper_sync_redrive(sync, 9, 0, &replied, &reply) == PEEPER_STATUS_OK);
    cr_assert(!replied);
    cr_assert(peeper_sync_discard_crash(sync, 10) == PEEPER_STATUS_OK);
    finish(&peer, sync);
    cr_assert(peer.seen == 5);
}

// Checks each request's fields and answers it; `seen` counts the ones that were right.
static void check_requests(struct peer *peer) {
    const Peeper__V1__ClientFrame *frame;
    Peeper__V1__Started            started = PEEPER__V1__STARTED__INIT;
    Peeper__V1__StateInfo          state = PEEPER__V1__STATE_INFO__INIT;
    Peeper__V1__ServerFrame        answer = PEEPER__V1__SERVER_FRAME__INIT;

    state.value = (ProtobufCBinaryData){.len = 2, .data = (uint8_t *)"\x18\x02"};
    state.version = 5;
    state.at_ms = 6;
    peer_welcome(peer, LIMIT);
    frame = peer_read(peer);
    const Peeper__V1__Start *start = frame->start;
    peer->seen += strcmp(start->name, "n") == 0 && strcmp(start->behaviour, "b") == 0 &&
                  start->argument.len == 2 && start->timeout_ms == 1 && start->restart == 3 &&
                  start->on_intensity == 2 && start->intensity->restarts == 4 &&
                  start->intensity->period_ms == 5 && start->mailbox_max == 6 &&
                  start->hibernate_after_ms == 7;
    started.id = 7;
    started.unit = 8;
    started.name = (char *)"n";
    answer.id = frame->id;
    answer.body_case = PEEPER__V1__SERVER_FRAME__BODY_STARTED;
    answer.started = &started;
    peer_write(peer, &answer);

    frame = peer_read(peer);
    peer->seen += frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_CAST && frame->cast->id == 7;
    peer_done(peer, frame->id);
    frame = peer_read(peer);
    peer->seen += frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_SEND &&
                  strcmp(frame->send->name, "n") == 0;
    peer_done(peer, frame->id);
    frame = peer_read(peer);
    peer->seen += frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_KILL && frame->kill->id == 7;
    peer_done(peer, frame->id);
    frame = peer_read(peer);
    peer->seen += frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_RESUME;
    peer_done(peer, frame->id);
    frame = peer_read(peer);
    peer->seen += frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_SUSPEND;
    peer_done(peer, frame->id);
    frame = peer_read(peer);
    peer->seen += frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_GET_STATE;
    answer.id = frame->id;
    answer.body_case = PEEPER__V1__SERVER_FRAME__BODY_STATE;
    answer.state = &state;
    peer_write(peer, &answer);
    frame = peer_read(peer);
    peer->seen += frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_REPLACE_STATE &&
                  frame->replace_state->state.len == 2 && frame->replace_state->timeout_ms == 8;
    peer_done(peer, frame->id);
    frame = peer_read(peer);
    peer->seen += frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_STOP &&
                  frame->stop->reason.len == 2 && frame->stop->timeout_ms == 9;
    peer_done(peer, frame->id);
    frame = peer_read(peer);
    peer->seen += frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_PING;
    peer_error(peer, frame->id, PEEPER__V1__STATUS__STATUS_INTERNAL, "no pong today");
    peer_read_to_end(peer);
}

Test(sync, sends_every_field_of_every_request, .timeout = 10) {
    struct peer                 peer;
    struct peeper_sync         *sync = connected(&peer, 1, check_requests);
    struct peeper_value         one = {(const uint8_t *)"\x18\x02", 2};
    struct peeper_started       started;
    struct peeper_state         state;
    struct peeper_start_options options = {
        .name = "n",
        .behaviour = "b",
        .argument = one,
        .timeout_ms = 1,
        .restart = PEEPER_RESTART_TEMPORARY,
        .on_intensity = PEEPER_ON_INTENSITY_SUSPEND,
        .has_intensity = true,
        .intensity = 4,
        .period_ms = 5,
        .mailbox_max = 6,
        .hibernate_after_ms = 7,
    };
    cr_assert(peeper_sync_start(sync, &options, &started) == PEEPER_STATUS_OK);
    cr_assert(started.id == 7 && started.unit == 8 && !started.ignored);
    cr_assert(peeper_sync_cast(sync, peeper_by_id(7), one) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_send(sync, peeper_by_name("n"), one) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_kill(sync, peeper_by_id(7)) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_resume(sync, peeper_by_name("n")) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_suspend(sync, peeper_by_name("n")) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_get_state(sync, peeper_by_name("n"), &state) == PEEPER_STATUS_OK);
    cr_assert(state.version == 5 && state.at_ms == 6 && state.value.bytes == 2);
    cr_assert(peeper_sync_replace_state(sync, peeper_by_name("n"), one, 8) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_stop(sync, peeper_by_name("n"), one, 9) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_ping(sync) == PEEPER_STATUS_INTERNAL);
    cr_assert_str_eq(peeper_sync_error(sync)->message, "no pong today");
    finish(&peer, sync);
    cr_assert(peer.seen == 10);
}

// --- Failures ------------------------------------------------------------------------------------

Test(sync, refuses_requests_before_it_was_connected, .timeout = 10) {
    struct peeper_sync *sync;
    cr_assert(peeper_sync_create(NULL, &sync) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_ping(sync) == PEEPER_STATUS_UNREACHABLE);
    cr_assert_str_eq(peeper_sync_error(sync)->message, "the client was never connected");
    cr_assert(peeper_sync_connect(sync, "no:port") == PEEPER_STATUS_INVALID);
    cr_assert(peeper_sync_connect(sync, "127.0.0.1:1") == PEEPER_STATUS_UNREACHABLE);
    cr_assert(strstr(peeper_sync_error(sync)->message, "refused") != NULL);
    peeper_sync_destroy(sync);
    peeper_sync_destroy(NULL);
}

static void swallow(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    peer_read_to_end(peer);
}

Test(sync, answers_TIMEOUT_where_the_network_is_silent, .timeout = 10) {
    struct peer         peer;
    struct peeper_sync *sync = connected(&peer, 1, swallow);
    struct peeper_value reply;
    cr_assert(peeper_sync_call(sync, peeper_by_name("a"), NOTHING, 30, &reply) ==
              PEEPER_STATUS_TIMEOUT);
    cr_assert_str_eq(peeper_sync_error(sync)->message, "no answer within 30 ms");
    finish(&peer, sync);
}

static void welcome_with_limit_100(struct peer *peer) {
    peer_welcome(peer, 100);
    peer_read_to_end(peer);
}

Test(sync, names_the_limit_that_a_request_is_over, .timeout = 10) {
    struct peer         peer;
    struct peeper_sync *sync = connected(&peer, 1, welcome_with_limit_100);
    uint8_t             data[100] = {0};
    struct peeper_value message = {data, sizeof(data)};
    cr_assert(peeper_sync_cast(sync, peeper_by_name("a"), message) == PEEPER_STATUS_TOO_LARGE);
    cr_assert(strstr(peeper_sync_error(sync)->message, "100 bytes") != NULL);
    finish(&peer, sync);
}

static void close_on_the_first_of_two(struct peer *peer) {
    if (peer->connection > 0) {
        echo_calls(peer);
        return;
    }
    peer_welcome(peer, LIMIT);
    peer_read(peer);
}

Test(sync, tells_a_lost_connection_and_can_connect_again, .timeout = 10) {
    struct peer         peer;
    struct peeper_sync *sync = connected(&peer, 2, close_on_the_first_of_two);
    struct peeper_value reply;
    cr_assert(peeper_sync_call(sync, peeper_by_name("a"), NOTHING, 0, &reply) ==
              PEEPER_STATUS_DISCONNECTED);
    cr_assert(peeper_sync_call(sync, peeper_by_name("a"), NOTHING, 0, &reply) ==
              PEEPER_STATUS_UNREACHABLE);
    cr_assert_str_eq(peeper_sync_error(sync)->message, "the server closed the connection");
    cr_assert(peeper_sync_connect(sync, peer.address) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_call(sync, peeper_by_name("a"), NOTHING, 0, &reply) == PEEPER_STATUS_OK);
    finish(&peer, sync);
}

static void want_token(struct peer *peer) {
    const Peeper__V1__ClientFrame *hello = peer_read(peer);
    peer->seen =
        strcmp(hello->hello->token, "sesame") == 0 && strcmp(hello->hello->client, "test/1") == 0;
    peer_error(peer, hello->id, PEEPER__V1__STATUS__STATUS_UNAUTHENTICATED, "wrong token");
}

Test(sync, says_hello_with_token_and_name_and_tells_a_refusal, .timeout = 10) {
    struct peer           peer;
    struct peeper_sync   *sync;
    struct peeper_options options = {.token = "sesame", .client = "test/1"};
    peer_start(&peer, 1, want_token);
    cr_assert(peeper_sync_create(&options, &sync) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_connect(sync, peer.address) == PEEPER_STATUS_UNAUTHENTICATED);
    cr_assert_str_eq(peeper_sync_error(sync)->message, "wrong token");
    cr_assert(peeper_sync_ping(sync) == PEEPER_STATUS_UNREACHABLE);
    finish(&peer, sync);
    cr_assert(peer.seen == 1);
}
