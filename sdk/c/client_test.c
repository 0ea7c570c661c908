#include "test_peer.h"

#include <criterion/criterion.h>
#include <string.h>
#include <uv.h>

#define ANSWERS_MAX 4096
#define LIMIT (1u << 20)

// One client on a loop, and what it told.
struct bench {
    struct peer           peer;
    uv_loop_t             loop;
    struct peeper_client *client;
    bool                  up;
    bool                  down;
    bool                  closed;
    enum peeper_status    down_status;
    char                  down_message[256];
    size_t                answered_before_down;
    enum peeper_status    notice_status;
    size_t                notices;
    size_t                answered;
    struct told {
        enum peeper_status status;
        int64_t            value;
        size_t             order; // 1 for the first answer
        size_t             times;
        char               message[128];
    } told[ANSWERS_MAX];
};

static struct bench bench;

static void on_up(void *user, const struct peeper_welcome *welcome) {
    (void)user;
    cr_assert_str_eq(welcome->server_version, "test-peer");
    bench.up = true;
}

static void on_down(void *user, const struct peeper_error *error) {
    (void)user;
    cr_assert(!bench.down);
    bench.down = true;
    bench.down_status = error->status;
    bench.answered_before_down = bench.answered;
    strncpy(bench.down_message, error->message, sizeof(bench.down_message) - 1);
}

static void on_notice(void *user, const struct peeper_error *error) {
    (void)user;
    bench.notices++;
    bench.notice_status = error->status;
}

static void on_closed(void *user) {
    (void)user;
    bench.closed = true;
}

static void on_answer(void *user, const struct peeper_answer *answer) {
    struct told *told = user;
    told->status = answer->error.status;
    told->times++;
    told->order = ++bench.answered;
    strncpy(told->message, answer->error.message, sizeof(told->message) - 1);
    if (answer->error.status == PEEPER_STATUS_OK) peeper_value_int(answer->reply, &told->value);
}

static const struct peeper_hooks HOOKS = {
    .on_up = on_up, .on_down = on_down, .on_notice = on_notice, .on_closed = on_closed};

static void begin(peer_script *script, const struct peeper_options *options) {
    peer_start(&bench.peer, 1, script);
    cr_assert(uv_loop_init(&bench.loop) == 0);
    cr_assert(peeper_client_open(bench.peer.address, options, &HOOKS, &bench.loop, &bench.client) ==
              PEEPER_STATUS_OK);
    while (!bench.up && !bench.down) uv_run(&bench.loop, UV_RUN_ONCE);
}

static void run_until_answered(size_t count) {
    while (bench.answered < count) uv_run(&bench.loop, UV_RUN_ONCE);
}

static void run_until_down(void) {
    while (!bench.down) uv_run(&bench.loop, UV_RUN_ONCE);
}

static void finish(void) {
    peeper_client_close(bench.client);
    peeper_client_close(bench.client);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    cr_assert(bench.closed);
    peeper_client_destroy(bench.client);
    cr_assert(uv_loop_close(&bench.loop) == 0, "nothing stays on the loop");
    peer_stop(&bench.peer);
}

static struct peeper_value value_of_int(struct peeper_writer *writer, int64_t value) {
    peeper_writer_reset(writer);
    peeper_write_int(writer, value);
    return peeper_writer_value(writer);
}

static enum peeper_status call(size_t index, uint32_t deadline_ms) {
    struct peeper_writer writer = {0};
    struct peeper_value  message = value_of_int(&writer, (int64_t)index);
    enum peeper_status   status =
        peeper_client_call(bench.client, peeper_by_name("a"), message, deadline_ms,
                           peeper_then(on_answer, &bench.told[index]));
    peeper_writer_fini(&writer);
    return status;
}

static int64_t payload_of(const Peeper__V1__ClientFrame *frame) {
    struct peeper_value payload = {frame->call->payload.data, frame->call->payload.len};
    int64_t             value = -1;
    peeper_value_int(payload, &value);
    return value;
}

static void answer_calls(struct peer *peer) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(peer, LIMIT);
    while ((frame = peer_read(peer)) != NULL) {
        peer_reply_int(peer, frame->id, payload_of(frame));
        peer->seen++;
    }
}

// --- Matching ------------------------------------------------------------------------------------

static void answer_last_first(struct peer *peer) {
    uint64_t ids[100];
    int64_t  values[100];
    peer_welcome(peer, LIMIT);
    for (int i = 0; i < 100; i++) {
        const Peeper__V1__ClientFrame *frame = peer_read(peer);
        ids[i] = frame->id;
        values[i] = payload_of(frame);
    }
    for (int i = 99; i >= 0; i--) peer_reply_int(peer, ids[i], values[i] * 10);
    peer_read_to_end(peer);
}

Test(client, gives_answers_in_any_order_to_their_own_requests, .timeout = 10) {
    begin(answer_last_first, NULL);
    for (size_t i = 0; i < 100; i++) cr_assert(call(i, 0) == PEEPER_STATUS_OK);
    run_until_answered(100);
    for (size_t i = 0; i < 100; i++) {
        cr_assert(bench.told[i].status == PEEPER_STATUS_OK);
        cr_assert(bench.told[i].value == (int64_t)i * 10);
        cr_assert(bench.told[i].order == 100 - i);
        cr_assert(bench.told[i].times == 1);
    }
    finish();
}

static void answer_byte_by_byte(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    for (int i = 0; i < 3; i++) {
        const Peeper__V1__ClientFrame *frame = peer_read(peer);
        Peeper__V1__Reply              reply = PEEPER__V1__REPLY__INIT;
        Peeper__V1__ServerFrame        answer = PEEPER__V1__SERVER_FRAME__INIT;
        uint8_t                        bytes[65] = {0};
        reply.payload = (ProtobufCBinaryData){2, (uint8_t[]){0x18, (uint8_t)(2 * i)}};
        answer.id = frame->id;
        answer.body_case = PEEPER__V1__SERVER_FRAME__BODY_REPLY;
        answer.reply = &reply;
        bytes[0] = (uint8_t)peeper__v1__server_frame__pack(&answer, bytes + 1);
        for (int at = 0; at <= bytes[0]; at++) peer_write_bytes(peer, bytes + at, 1);
    }
    peer_read_to_end(peer);
}

Test(client, joins_frames_that_come_in_pieces, .timeout = 10) {
    begin(answer_byte_by_byte, NULL);
    for (size_t i = 0; i < 3; i++) cr_assert(call(i, 0) == PEEPER_STATUS_OK);
    run_until_answered(3);
    for (size_t i = 0; i < 3; i++) cr_assert(bench.told[i].value == (int64_t)i);
    finish();
}

#define BIG_BYTES 3000000

static void answer_big(struct peer *peer) {
    static uint8_t data[BIG_BYTES];
    peer_welcome(peer, LIMIT);
    uint64_t first = peer_read(peer)->id;
    peer_reply(peer, first, data, sizeof(data));
    peer_reply_int(peer, peer_read(peer)->id, 5);
    peer_read_to_end(peer);
}

static void check_big(void *user, const struct peeper_answer *answer) {
    cr_assert(answer->reply.bytes == BIG_BYTES);
    on_answer(user, answer);
}

Test(client, takes_an_answer_that_is_larger_than_its_reads, .timeout = 10) {
    struct peeper_value null = {0};
    begin(answer_big, NULL);
    cr_assert(peeper_client_call(bench.client, peeper_by_name("a"), null, 0,
                                 peeper_then(check_big, &bench.told[0])) == PEEPER_STATUS_OK);
    cr_assert(call(1, 0) == PEEPER_STATUS_OK);
    run_until_answered(2);
    cr_assert(bench.told[0].status == PEEPER_STATUS_OK);
    cr_assert(bench.told[1].value == 5);
    finish();
}

static void answer_with_done(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    peer_done(peer, peer_read(peer)->id);
    answer_calls(peer);
}

Test(client, tells_an_answer_of_the_wrong_kind_as_PROTOCOL_and_goes_on, .timeout = 10) {
    begin(answer_with_done, NULL);
    cr_assert(call(0, 0) == PEEPER_STATUS_OK);
    run_until_answered(1);
    cr_assert(bench.told[0].status == PEEPER_STATUS_PROTOCOL);
    cr_assert(!bench.down);
    finish();
}

static void forget_the_first(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    uint64_t first = peer_read(peer)->id;
    uint64_t second = peer_read(peer)->id; // made after the first timed out
    peer_reply_int(peer, first, 1);
    peer_reply_int(peer, second, 2);
    peer_read_to_end(peer);
}

Test(client, answers_TIMEOUT_by_itself_and_drops_the_late_answer, .timeout = 10) {
    begin(forget_the_first, NULL);
    uint64_t begun_ms = uv_hrtime() / 1000000;
    cr_assert(call(0, 50) == PEEPER_STATUS_OK);
    run_until_answered(1);
    uint64_t took_ms = uv_hrtime() / 1000000 - begun_ms;
    cr_assert(bench.told[0].status == PEEPER_STATUS_TIMEOUT);
    cr_assert(took_ms >= 50 + 200, "the server's own TIMEOUT may come first");
    cr_assert_str_eq(bench.told[0].message, "no answer within 50 ms");

    cr_assert(call(1, 0) == PEEPER_STATUS_OK);
    run_until_answered(2);
    cr_assert(bench.told[1].value == 2);
    cr_assert(bench.told[0].times == 1);
    finish();
}

static void swallow(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    peer_read_to_end(peer);
}

Test(client, times_requests_out_by_their_own_deadline_whatever_their_order, .timeout = 10) {
    begin(swallow, NULL);
    cr_assert(call(0, 60000) == PEEPER_STATUS_OK);
    uv_run(&bench.loop, UV_RUN_NOWAIT); // the timer waits for this one now
    cr_assert(call(1, 40) == PEEPER_STATUS_OK);
    uv_run(&bench.loop, UV_RUN_NOWAIT);
    cr_assert(call(2, 10) == PEEPER_STATUS_OK);
    run_until_answered(2);
    cr_assert(bench.told[2].order == 1);
    cr_assert(bench.told[1].order == 2);
    finish();
    cr_assert(bench.told[0].status == PEEPER_STATUS_CLOSED);
}

// --- Limits --------------------------------------------------------------------------------------

Test(client, refuses_with_FULL_and_takes_again_after_an_answer, .timeout = 10) {
    struct peeper_options options = {.requests_max = 3};
    begin(answer_calls, &options);
    for (size_t i = 0; i < 3; i++) cr_assert(call(i, 0) == PEEPER_STATUS_OK);
    cr_assert(call(3, 0) == PEEPER_STATUS_FULL);
    run_until_answered(3);
    cr_assert(call(3, 0) == PEEPER_STATUS_OK);
    run_until_answered(4);
    cr_assert(bench.told[3].times == 1);
    finish();
}

static void read_when_told(struct peer *peer) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(peer, LIMIT);
    sem_wait(&peer->gate);
    while ((frame = peer_read(peer)) != NULL) {
        peer->seen++;
        peer_done(peer, frame->id);
    }
}

Test(client, refuses_with_FULL_while_the_network_takes_nothing, .timeout = 20) {
    static uint8_t        data[100000];
    struct peeper_value   message = {data, sizeof(data)};
    struct peeper_options options = {.requests_max = ANSWERS_MAX, .unsent_bytes_max = 300000};
    enum peeper_status    status = PEEPER_STATUS_OK;
    size_t                made = 0;

    begin(read_when_told, &options);
    while (status == PEEPER_STATUS_OK) {
        cr_assert(made < 500, "more than any socket holds");
        status = peeper_client_cast(bench.client, peeper_by_name("a"), message,
                                    peeper_then(on_answer, &bench.told[made]));
        made += status == PEEPER_STATUS_OK;
        uv_run(&bench.loop, UV_RUN_NOWAIT);
    }
    cr_assert(status == PEEPER_STATUS_FULL);
    sem_post(&bench.peer.gate);
    run_until_answered(made);
    for (size_t i = 0; i < made; i++) cr_assert(bench.told[i].status == PEEPER_STATUS_OK);
    finish();
    cr_assert(bench.peer.seen == made);
}

static void answer_with_limit_100(struct peer *peer) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(peer, 100);
    while ((frame = peer_read(peer)) != NULL) peer_reply_int(peer, frame->id, payload_of(frame));
}

Test(client, keeps_a_request_over_the_servers_limit_to_itself, .timeout = 10) {
    uint8_t data[100] = {0};
    begin(answer_with_limit_100, NULL);
    cr_assert(peeper_client_call(
                  bench.client, peeper_by_name("a"), (struct peeper_value){data, sizeof(data)}, 0,
                  peeper_then(on_answer, &bench.told[0])) == PEEPER_STATUS_TOO_LARGE);
    cr_assert(call(1, 0) == PEEPER_STATUS_OK);
    run_until_answered(1);
    cr_assert(bench.told[1].status == PEEPER_STATUS_OK);
    cr_assert(bench.told[0].times == 0);
    finish();
}

static void send_a_big_frame(struct peer *peer) {
    static uint8_t data[2000];
    peer_welcome(peer, LIMIT);
    peer_reply(peer, peer_read(peer)->id, data, sizeof(data));
    peer_read_to_end(peer);
}

Test(client, closes_on_a_frame_over_its_limit_and_answers_TOO_LARGE, .timeout = 10) {
    struct peeper_options options = {.frame_bytes_max = 1000};
    begin(send_a_big_frame, &options);
    cr_assert(call(0, 0) == PEEPER_STATUS_OK);
    run_until_down();
    cr_assert(bench.told[0].status == PEEPER_STATUS_TOO_LARGE);
    cr_assert(bench.down_status == PEEPER_STATUS_TOO_LARGE);
    finish();
}

static void send_a_broken_frame(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    peer_read(peer);
    peer_write_bytes(peer, "\x03\xff\xff\xff", 4);
    peer_read_to_end(peer);
}

Test(client, closes_on_bytes_that_are_no_frame_and_answers_PROTOCOL, .timeout = 10) {
    begin(send_a_broken_frame, NULL);
    cr_assert(call(0, 0) == PEEPER_STATUS_OK);
    run_until_down();
    cr_assert(bench.told[0].status == PEEPER_STATUS_PROTOCOL);
    finish();
}

Test(client, refuses_what_no_request_can_be, .timeout = 10) {
    struct peeper_target        nobody = {0};
    struct peeper_value         null = {0};
    struct peeper_then          then = peeper_then(on_answer, &bench.told[0]);
    struct peeper_start_options no_behaviour = {.name = "a"};
    begin(swallow, NULL);
    cr_assert(peeper_client_call(bench.client, nobody, null, 0, then) == PEEPER_STATUS_INVALID);
    cr_assert(peeper_client_cast(bench.client, nobody, null, then) == PEEPER_STATUS_INVALID);
    cr_assert(peeper_client_stop(bench.client, nobody, null, 0, then) == PEEPER_STATUS_INVALID);
    cr_assert(peeper_client_start(bench.client, &no_behaviour, then) == PEEPER_STATUS_INVALID);
    cr_assert(peeper_client_ping(bench.client, peeper_then(NULL, NULL)) == PEEPER_STATUS_INVALID);
    finish();
    cr_assert(bench.answered == 0);
}

// --- Connections that fail or end ----------------------------------------------------------------

static void close_after_two(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    uint64_t first = peer_read(peer)->id;
    peer_read(peer);
    peer_reply_int(peer, first, 7);
    peer_write_bytes(peer, "\x20\x08", 2); // half a frame
}

Test(client, answers_all_that_waits_with_DISCONNECTED_before_it_is_down, .timeout = 10) {
    begin(close_after_two, NULL);
    for (size_t i = 0; i < 5; i++) cr_assert(call(i, 0) == PEEPER_STATUS_OK);
    run_until_down();
    cr_assert(bench.told[0].value == 7);
    for (size_t i = 1; i < 5; i++) {
        cr_assert(bench.told[i].status == PEEPER_STATUS_DISCONNECTED);
        cr_assert(bench.told[i].times == 1);
    }
    cr_assert(bench.answered_before_down == 5);
    cr_assert(bench.down_status == PEEPER_STATUS_DISCONNECTED);
    cr_assert(call(5, 0) == PEEPER_STATUS_UNREACHABLE);
    finish();
    cr_assert(bench.told[5].times == 0);
}

static void leave(struct peer *peer) {
    Peeper__V1__Goodbye     goodbye = PEEPER__V1__GOODBYE__INIT;
    Peeper__V1__Event       event = PEEPER__V1__EVENT__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    goodbye.message = (char *)"going home";
    event.kind_case = PEEPER__V1__EVENT__KIND_GOODBYE;
    event.goodbye = &goodbye;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_EVENT;
    frame.event = &event;
    peer_welcome(peer, LIMIT);
    peer_write(peer, &frame);
}

Test(client, tells_a_goodbye_and_remembers_it_as_the_reason_of_the_end, .timeout = 10) {
    begin(leave, NULL);
    run_until_down();
    cr_assert(bench.notices == 1);
    cr_assert(bench.notice_status == PEEPER_STATUS_SHUTTING_DOWN);
    cr_assert(strstr(bench.down_message, "going home") != NULL);
    finish();
}

static void refuse_version(struct peer *peer) {
    uint64_t id = peer_read(peer)->id;
    peer_error(peer, id, PEEPER__V1__STATUS__STATUS_UNSUPPORTED_VERSION, "version 1 is too old");
}

Test(client, tells_why_the_server_did_not_welcome_it, .timeout = 10) {
    begin(refuse_version, NULL);
    cr_assert(!bench.up);
    cr_assert(bench.down_status == PEEPER_STATUS_UNSUPPORTED_VERSION);
    cr_assert_str_eq(bench.down_message, "version 1 is too old");
    finish();
}

static void speak_something_else(struct peer *peer) {
    char page[200] = "HTTP/1.1 400 Bad Request\r\n\r\n"; // "H" is the length of a frame: 72
    peer_write_bytes(peer, page, sizeof(page));
    peer_read_to_end(peer);
}

Test(client, is_UNREACHABLE_where_something_else_listens, .timeout = 10) {
    begin(speak_something_else, NULL);
    cr_assert(bench.down_status == PEEPER_STATUS_UNREACHABLE);
    cr_assert(strstr(bench.down_message, "does not speak") != NULL, "%s", bench.down_message);
    finish();
}

static void never_welcome(struct peer *peer) {
    peer_read_to_end(peer);
}

Test(client, is_UNREACHABLE_without_a_welcome_in_time, .timeout = 10) {
    struct peeper_options options = {.connect_timeout_ms = 50};
    begin(never_welcome, &options);
    cr_assert(bench.down_status == PEEPER_STATUS_UNREACHABLE);
    cr_assert(strstr(bench.down_message, "within 50 ms") != NULL);
    finish();
}

Test(client, is_UNREACHABLE_where_nobody_listens, .timeout = 10) {
    cr_assert(uv_loop_init(&bench.loop) == 0);
    cr_assert(peeper_client_open("127.0.0.1:1", NULL, &HOOKS, &bench.loop, &bench.client) ==
              PEEPER_STATUS_OK);
    cr_assert(call(0, 0) == PEEPER_STATUS_UNREACHABLE, "not connected yet");
    run_until_down();
    cr_assert(bench.down_status == PEEPER_STATUS_UNREACHABLE);
    peeper_client_close(bench.client);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    peeper_client_destroy(bench.client);
    cr_assert(uv_loop_close(&bench.loop) == 0);
}

Test(client, can_be_closed_before_it_is_connected, .timeout = 10) {
    cr_assert(uv_loop_init(&bench.loop) == 0);
    cr_assert(peeper_client_open("127.0.0.1:1", NULL, &HOOKS, &bench.loop, &bench.client) ==
              PEEPER_STATUS_OK);
    peeper_client_close(bench.client);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    cr_assert(bench.closed);
    cr_assert(!bench.down);
    peeper_client_destroy(bench.client);
    cr_assert(uv_loop_close(&bench.loop) == 0);
}

Test(client, refuses_to_open_with_a_wrong_address_or_option, .timeout = 10) {
    struct peeper_options options = {.requests_max = 2000000};
    cr_assert(uv_loop_init(&bench.loop) == 0);
    cr_assert(peeper_client_open("a:b", NULL, NULL, &bench.loop, &bench.client) ==
              PEEPER_STATUS_INVALID);
    cr_assert(peeper_client_open("a:1", &options, NULL, &bench.loop, &bench.client) ==
              PEEPER_STATUS_INVALID);
    cr_assert(bench.client == NULL);
    cr_assert(uv_loop_close(&bench.loop) == 0);
}

// --- Closing -------------------------------------------------------------------------------------

Test(client, answers_all_that_waits_with_CLOSED_before_it_is_closed, .timeout = 10) {
    begin(swallow, NULL);
    for (size_t i = 0; i < 5; i++) cr_assert(call(i, 0) == PEEPER_STATUS_OK);
    peeper_client_close(bench.client);
    cr_assert(bench.answered == 0, "no callback from inside a function of the client");
    cr_assert(call(5, 0) == PEEPER_STATUS_UNREACHABLE);
    finish();
    for (size_t i = 0; i < 5; i++) cr_assert(bench.told[i].status == PEEPER_STATUS_CLOSED);
    cr_assert(bench.answered == 5);
    cr_assert(!bench.down);
}

static void close_it(void *user, const struct peeper_answer *answer) {
    on_answer(user, answer);
    peeper_client_close(bench.client);
}

Test(client, can_be_closed_from_a_callback_with_answers_still_to_read, .timeout = 10) {
    struct peeper_value null = {0};
    begin(answer_calls, NULL);
    for (size_t i = 0; i < 50; i++) {
        cr_assert(peeper_client_call(bench.client, peeper_by_name("a"), null, 0,
                                     peeper_then(i == 10 ? close_it : on_answer, &bench.told[i])) ==
                  PEEPER_STATUS_OK);
    }
    while (!bench.closed) uv_run(&bench.loop, UV_RUN_ONCE);
    finish();
    for (size_t i = 0; i < 50; i++) {
        cr_assert(bench.told[i].times == 1);
        cr_assert(bench.told[i].status == (i <= 10 ? PEEPER_STATUS_OK : PEEPER_STATUS_CLOSED));
    }
}

static void call_again(void *user, const struct peeper_answer *answer) {
    on_answer(user, answer);
    size_t next = bench.answered;
    if (next < 20) {
        struct peeper_value null = {0};
        cr_assert(peeper_client_call(bench.client, peeper_by_name("a"), null, 0,
                                     peeper_then(call_again, &bench.told[next])) ==
                  PEEPER_STATUS_OK);
    }
}

Test(client, takes_requests_from_a_callback, .timeout = 10) {
    struct peeper_options options = {.requests_max = 1};
    begin(answer_calls, &options);
    struct peeper_value null = {0};
    cr_assert(peeper_client_call(bench.client, peeper_by_name("a"), null, 0,
                                 peeper_then(call_again, &bench.told[0])) == PEEPER_STATUS_OK);
    run_until_answered(20);
    finish();
}

// --- What travels --------------------------------------------------------------------------------

static void fail_casts(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    const Peeper__V1__ClientFrame *frame = peer_read(peer);
    if (frame->id == 0 && frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_CAST) peer->seen = 1;
    peer_error(peer, 0, PEEPER__V1__STATUS__STATUS_NOPROC, "nobody");
    peer_read_to_end(peer);
}

Test(client, sends_id_0_where_nobody_wants_an_answer_and_tells_failures_as_notices, .timeout = 10) {
    struct peeper_options options = {.requests_max = 1};
    struct peeper_value   null = {0};
    begin(fail_casts, &options);
    cr_assert(peeper_client_cast(bench.client, peeper_by_name("a"), null,
                                 peeper_then(NULL, NULL)) == PEEPER_STATUS_OK);
    cr_assert(call(0, 0) == PEEPER_STATUS_OK, "the cast takes no place among those in flight");
    while (bench.notices == 0) uv_run(&bench.loop, UV_RUN_ONCE);
    cr_assert(bench.notice_status == PEEPER_STATUS_NOPROC);
    cr_assert(!bench.down);
    finish();
    cr_assert(bench.peer.seen == 1);
}

static void answer_keys(struct peer *peer) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(peer, LIMIT);
    while ((frame = peer_read(peer)) != NULL) {
        bool call = frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_CALL;
        peer->seen = peer->seen * 100 +
                     (call ? frame->call->idempotency_key.len : frame->cast->idempotency_key.len);
        peer_reply_int(peer, frame->id, 1);
    }
}

Test(client, sends_idempotency_keys_and_refuses_those_of_more_than_64_bytes, .timeout = 10) {
    struct peeper_call_options options = {.idempotency_key = "once"};
    struct peeper_target       a = peeper_by_name("a");
    struct peeper_value        null = {0};
    char                       key[66] = {0};
    begin(answer_keys, NULL);
    struct peeper_then then = peeper_then(on_answer, &bench.told[0]);
    cr_assert(peeper_client_call_with(bench.client, a, null, &options, then) == PEEPER_STATUS_OK);
    then = peeper_then(on_answer, &bench.told[1]);
    cr_assert(peeper_client_call_with(bench.client, a, null, NULL, then) == PEEPER_STATUS_OK);
    memset(key, 'k', 64);
    options.idempotency_key = key;
    then = peeper_then(on_answer, &bench.told[2]);
    cr_assert(peeper_client_cast_with(bench.client, a, null, &options, then) == PEEPER_STATUS_OK);
    key[64] = 'k';
    cr_assert(peeper_client_cast_with(bench.client, a, null, &options, then) ==
              PEEPER_STATUS_INVALID);
    cr_assert(peeper_client_call_with(bench.client, a, null, &options, then) ==
              PEEPER_STATUS_INVALID);
    run_until_answered(3);
    finish();
    cr_assert(bench.peer.seen == 40064);
}

static void crash(struct peer *peer) {
    Peeper__V1__Error       error = PEEPER__V1__ERROR__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    peer_welcome(peer, LIMIT);
    frame.id = peer_read(peer)->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_ERROR;
    frame.error = &error;
    error.status = PEEPER__V1__STATUS__STATUS_CRASHED;
    error.kind = (char *)"raise";
    error.retryable = true;
    error.retry_after_ms = 40;
    error.reason = (ProtobufCBinaryData){6, (uint8_t *)"\x2a\x04"
                                                       "boom"};
    peer_write(peer, &frame);
    peer_read_to_end(peer);
}

static void check_crash(void *user, const struct peeper_answer *answer) {
    cr_assert(answer->error.status == PEEPER_STATUS_CRASHED);
    cr_assert_str_eq(answer->error.kind, "raise");
    cr_assert_str_eq(answer->error.message, peeper_status_text(PEEPER_STATUS_CRASHED),
                     "an empty message becomes the status' own text");
    cr_assert(answer->error.retryable);
    cr_assert(answer->error.retry_after_ms == 40);
    cr_assert(peeper_value_is(answer->error.reason, "boom"));
    on_answer(user, answer);
}

Test(client, hands_on_all_that_an_error_says, .timeout = 10) {
    struct peeper_value null = {0};
    begin(crash, NULL);
    cr_assert(peeper_client_call(bench.client, peeper_by_id(9), null, 0,
                                 peeper_then(check_crash, &bench.told[0])) == PEEPER_STATUS_OK);
    run_until_answered(1);
    finish();
}

// --- A thread of its own -------------------------------------------------------------------------

#define THREADS 4
#define CALLS_PER_THREAD 1000

struct caller {
    struct peeper_client *client;
    pthread_t             thread;
    sem_t                 room;    // requests that may still be made
    int                   refused; // its own thread only
    int                   good;    // client's thread only
};

static void on_threaded_answer(void *user, const struct peeper_answer *answer) {
    struct caller *caller = user;
    caller->good += answer->error.status == PEEPER_STATUS_OK;
    sem_post(&caller->room);
}

static void *call_many(void *context) {
    struct caller      *caller = context;
    struct peeper_value null = {0};
    for (int i = 0; i < CALLS_PER_THREAD; i++) {
        sem_wait(&caller->room);
        caller->refused +=
            peeper_client_call(caller->client, peeper_by_name("a"), null, 0,
                               peeper_then(on_threaded_answer, caller)) != PEEPER_STATUS_OK;
    }
    return NULL;
}

Test(client, takes_requests_from_many_threads, .timeout = 30) {
    struct caller         callers[THREADS] = {0};
    struct peeper_client *client;
    peer_start(&bench.peer, 1, answer_calls);
    cr_assert(peeper_client_open(bench.peer.address, NULL, NULL, NULL, &client) ==
              PEEPER_STATUS_OK);
    cr_assert(peeper_client_wait(client) == PEEPER_STATUS_OK);
    for (int i = 0; i < THREADS; i++) {
        callers[i].client = client;
        sem_init(&callers[i].room, 0, 50);
        cr_assert(pthread_create(&callers[i].thread, NULL, call_many, &callers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        for (int j = 0; j < 50; j++) sem_wait(&callers[i].room);
    }
    peeper_client_destroy(client);
    for (int i = 0; i < THREADS; i++) {
        cr_assert(callers[i].refused == 0);
        cr_assert(callers[i].good == CALLS_PER_THREAD);
    }
    peer_stop(&bench.peer);
}

Test(client, with_its_own_thread_answers_what_waits_when_it_is_destroyed, .timeout = 10) {
    struct peeper_client *client;
    struct peeper_value   null = {0};
    peer_start(&bench.peer, 1, swallow);
    cr_assert(peeper_client_open(bench.peer.address, NULL, &HOOKS, NULL, &client) ==
              PEEPER_STATUS_OK);
    cr_assert(peeper_client_wait(client) == PEEPER_STATUS_OK);
    for (size_t i = 0; i < 10; i++) {
        cr_assert(peeper_client_call(client, peeper_by_name("a"), null, 0,
                                     peeper_then(on_answer, &bench.told[i])) == PEEPER_STATUS_OK);
    }
    peeper_client_destroy(client);
    cr_assert(bench.closed);
    for (size_t i = 0; i < 10; i++) cr_assert(bench.told[i].status == PEEPER_STATUS_CLOSED);
    peer_stop(&bench.peer);
}

Test(client, with_its_own_thread_tells_a_failed_connection_to_who_waits, .timeout = 10) {
    struct peeper_client *client;
    cr_assert(peeper_client_open("127.0.0.1:1", NULL, &HOOKS, NULL, &client) == PEEPER_STATUS_OK);
    cr_assert(peeper_client_wait(client) == PEEPER_STATUS_UNREACHABLE);
    peeper_client_destroy(client);
    cr_assert(bench.down);
}
