// The writing half of codec: whatever it writes, protobuf-c reads back as it was meant.
#include "wire/codec.h"

#include "wire/frame.h"
#include "wire/turn.h"

#include "peeper/v1/peeper.pb-c.h"

#include <criterion/criterion.h>
#include <string.h>

static struct buf out;
static uint8_t    bytes[512];

static void fini(void) {
    buf_fini(&out);
}

TestSuite(codec_write, .fini = fini, .timeout = 30);

// The only frame in `out`, read back by protobuf-c.
static Peeper__V1__ServerFrame *written(enum status status) {
    struct slice body;
    size_t       used;
    cr_assert(status == STATUS_OK);
    cr_assert(frame_next(out.data, out.bytes, FRAME_BODY_BYTES_MAX, &body, &used) == STATUS_OK);
    cr_assert_eq(used, out.bytes);
    Peeper__V1__ServerFrame *frame = peeper__v1__server_frame__unpack(NULL, body.bytes, body.data);
    cr_assert_not_null(frame);
    cr_assert_eq(frame->base.n_unknown_fields, 0);
    out.bytes = 0;
    return frame;
}

static void let_go(Peeper__V1__ServerFrame *frame) {
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}

Test(codec_write, reply) {
    Peeper__V1__ServerFrame *frame = written(codec_write_reply(&out, 9, slice_of("result", 6)));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_REPLY);
    cr_assert_eq(frame->reply->payload.len, 6);
    cr_assert(memcmp(frame->reply->payload.data, "result", 6) == 0);
    let_go(frame);
}

Test(codec_write, done) {
    Peeper__V1__ServerFrame *frame = written(codec_write_done(&out, 9));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_DONE);
    let_go(frame);
}

Test(codec_write, appends_behind_what_is_there) {
    cr_assert(codec_write_pong(&out, 1) == STATUS_OK);
    cr_assert(codec_write_reply(&out, 2, slice_of("r", 1)) == STATUS_OK);
    cr_assert(codec_write_done(&out, 3) == STATUS_OK);
    cr_assert(codec_write_listing(&out, 4, NULL, 0, 0) == STATUS_OK);

    size_t at = 0;
    for (uint64_t id = 1; id <= 4; id++) {
        struct slice body;
        size_t       used;
        cr_assert(frame_next(out.data + at, out.bytes - at, 100, &body, &used) == STATUS_OK);
        Peeper__V1__ServerFrame *frame =
            peeper__v1__server_frame__unpack(NULL, body.bytes, body.data);
        cr_assert_eq(frame->id, id);
        let_go(frame);
        at += used;
    }
    cr_assert_eq(at, out.bytes);
}

Test(codec_write, welcome) {
    struct welcome           welcome = {"1.2.3", 4, 5, 6, 7, true};
    Peeper__V1__ServerFrame *frame = written(codec_write_welcome(&out, 9, &welcome));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_WELCOME);
    cr_assert_eq(frame->welcome->protocol_version, 1);
    cr_assert_str_eq(frame->welcome->server_version, "1.2.3");
    cr_assert_eq(frame->welcome->limits->frame_bytes_max, 4);
    cr_assert_eq(frame->welcome->limits->name_bytes_max, 5);
    cr_assert_eq(frame->welcome->limits->deadline_ms_max, 6);
    cr_assert_eq(frame->welcome->limits->mailbox_max, 7);
    cr_assert_eq(frame->welcome->n_features, 1);
    cr_assert_str_eq(frame->welcome->features[0], "idempotency");
    let_go(frame);
}

Test(codec_write, error_with_everything) {
    struct failure failure = {
        .status = STATUS_CRASHED,
        .message = "it fell",
        .retry_after_ms = 30,
        .reason = slice_of("why", 3),
        .kind = "raise",
    };
    Peeper__V1__ServerFrame *frame = written(codec_write_error(&out, 9, &failure));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_ERROR);
    cr_assert_eq(frame->error->status, PEEPER__V1__STATUS__STATUS_CRASHED);
    cr_assert_str_eq(frame->error->message, "it fell");
    cr_assert(!frame->error->retryable);
    cr_assert_eq(frame->error->retry_after_ms, 30);
    cr_assert_eq(frame->error->reason.len, 3);
    cr_assert_str_eq(frame->error->kind, "raise");
    let_go(frame);
}

Test(codec_write, error_takes_number_advice_and_text_from_the_table) {
    for (int i = 0; i < STATUS_COUNT; i++) {
        for (int overridden = 0; overridden < 2; overridden++) {
            enum status              status = (enum status)i;
            struct failure           failure = {.status = status, .not_retryable = overridden};
            Peeper__V1__ServerFrame *frame = written(codec_write_error(&out, 0, &failure));
            cr_assert_eq((int)frame->error->status, status_wire(status));
            cr_assert_eq(frame->error->retryable, status_retryable(status) && !overridden);
            cr_assert_str_eq(frame->error->message, status_text(status));
            cr_assert_str_eq(frame->error->kind, "");
            cr_assert_eq(frame->error->reason.len, 0);
            let_go(frame);
        }
    }
}

Test(codec_write, the_schema_and_the_status_table_have_the_same_numbers) {
#define CHECK_ROW(name, wire, http, retry, text)                                        \
    if (wire != 0) {                                                                    \
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name( \
            &peeper__v1__status__descriptor, "STATUS_" #name);                          \
        cr_assert_not_null(value, "STATUS_" #name);                                     \
        cr_assert_eq(value->value, wire, "STATUS_" #name);                              \
    }
    STATUS_TABLE(CHECK_ROW)
#undef CHECK_ROW
}

Test(codec_write, started) {
    struct slice             name = slice_of("countersign", 7); // not terminated
    Peeper__V1__ServerFrame *frame = written(
        codec_write_started(&out, 9, &(struct started_info){.id = 1234, .unit = 56, .name = name}));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_STARTED);
    cr_assert_eq(frame->started->id, 1234);
    cr_assert_eq(frame->started->unit, 56);
    cr_assert_str_eq(frame->started->name, "counter");
    cr_assert(!frame->started->ignored);
    let_go(frame);

    frame = written(codec_write_started(&out, 9, &(struct started_info){.ignored = true}));
    cr_assert_eq(frame->started->id, 0);
    cr_assert_str_eq(frame->started->name, "");
    cr_assert(frame->started->ignored);
    let_go(frame);
}

Test(codec_write, started_tells_the_reference_of_its_monitor) {
    Peeper__V1__ServerFrame *frame =
        written(codec_write_started(&out, 9, &(struct started_info){.id = 1, .monitor = 77}));
    cr_assert_eq(frame->started->monitor, 77);
    let_go(frame);
}

Test(codec_write, monitored) {
    Peeper__V1__ServerFrame *frame = written(codec_write_monitored(&out, 9, 77));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_MONITORED);
    cr_assert_eq(frame->monitored->ref, 77);
    let_go(frame);
}

Test(codec_write, down_is_an_event_without_an_id) {
    struct push              push = {.kind = PUSH_DOWN,
                                     .ref = 77,
                                     .id = 1234,
                                     .name = slice_of("countersign", 7),
                                     .reason = slice_of("why", 3)};
    Peeper__V1__ServerFrame *frame = written(codec_write_push(&out, &push));
    cr_assert_eq(frame->id, 0);
    cr_assert_eq(frame->event->kind_case, PEEPER__V1__EVENT__KIND_DOWN);
    cr_assert_eq(frame->event->down->ref, 77);
    cr_assert_eq(frame->event->down->id, 1234);
    cr_assert_str_eq(frame->event->down->name, "counter");
    cr_assert_eq(frame->event->down->reason.len, 3);
    let_go(frame);
}

Test(codec_write, exit_is_an_event_without_an_id) {
    struct push              push = {.kind = PUSH_EXIT,
                                     .id = 1234,
                                     .name = slice_of("countersign", 7),
                                     .reason = slice_of("why", 3)};
    Peeper__V1__ServerFrame *frame = written(codec_write_push(&out, &push));
    cr_assert_eq(frame->id, 0);
    cr_assert_eq(frame->event->kind_case, PEEPER__V1__EVENT__KIND_EXIT);
    cr_assert_eq(frame->event->exit->id, 1234);
    cr_assert_str_eq(frame->event->exit->name, "counter");
    cr_assert_eq(frame->event->exit->reason.len, 3);
    let_go(frame);
}

Test(codec_write, names_up_to_255_bytes_are_whole_and_longer_ones_are_cut) {
    memset(bytes, 'x', sizeof bytes);
    for (size_t size = 254; size <= 257; size++) {
        Peeper__V1__ServerFrame *frame = written(codec_write_started(
            &out, 1, &(struct started_info){.id = 1, .unit = 1, .name = slice_of(bytes, size)}));
        cr_assert_eq(strlen(frame->started->name), size < 255 ? size : 255);
        let_go(frame);
    }
}

Test(codec_write, located) {
    Peeper__V1__ServerFrame *frame = written(codec_write_located(&out, 9, 1234));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_LOCATED);
    cr_assert_eq(frame->located->id, 1234);
    let_go(frame);
}

Test(codec_write, pong) {
    Peeper__V1__ServerFrame *frame = written(codec_write_pong(&out, 9));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_PONG);
    let_go(frame);
}

Test(codec_write, goodbye_is_an_event_without_an_id) {
    Peeper__V1__ServerFrame *frame = written(codec_write_goodbye(&out, "closing"));
    cr_assert_eq(frame->id, 0);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_EVENT);
    cr_assert_eq(frame->event->kind_case, PEEPER__V1__EVENT__KIND_GOODBYE);
    cr_assert_str_eq(frame->event->goodbye->message, "closing");
    let_go(frame);
}

static struct actor_info example(void) {
    return (struct actor_info){
        .name = slice_of("counters", 7),
        .behaviour = slice_of("counting", 5),
        .status = "running",
        .unit = 11,
        .incarnation = 12,
        .restarts = 13,
        .mailbox = 14,
        .worker = -1,
        .host_pid = 16,
        .turn_ms = 17,
        .hibernating = true,
        .timers = 22,
        .links = 23,
        .monitors = 24,
        .trap_exit = true,
        .isolation = ISOLATION_OWN,
        .quarantined = true,
        .watchers = 6,
        .events_dropped = 7000000000,
        .newest_version = 8000000000,
        .last_crash = {.kind = "signal",
                       .reason = slice_of("segv", 4),
                       .at_ms = 18,
                       .id = 21,
                       .text = slice_of("here", 4),
                       .trace = slice_of("a+0x1\nb+0x2", 11)},
        .has_state = true,
        .state = slice_of("state", 5),
        .version = 19,
        .state_at_ms = 20,
    };
}

static void assert_is_example(const Peeper__V1__ActorInfo *info) {
    cr_assert_str_eq(info->name, "counter");
    cr_assert_str_eq(info->behaviour, "count");
    cr_assert_str_eq(info->status, "running");
    cr_assert_eq(info->unit, 11);
    cr_assert_eq(info->incarnation, 12);
    cr_assert_eq(info->restarts, 13);
    cr_assert_eq(info->mailbox, 14);
    cr_assert_eq(info->worker, -1);
    cr_assert_eq(info->host_pid, 16);
    cr_assert_eq(info->turn_ms, 17);
    cr_assert(info->hibernating);
    cr_assert_eq(info->timers, 22);
    cr_assert_eq(info->links, 23);
    cr_assert_eq(info->monitors, 24);
    cr_assert(info->trap_exit);
    cr_assert_eq(info->isolation, PEEPER__V1__ISOLATION__ISOLATION_OWN);
    cr_assert(info->quarantined);
    cr_assert(info->watchers == 6 && info->events_dropped == 7000000000);
    cr_assert(info->newest_version == 8000000000);
    cr_assert_str_eq(info->last_crash->kind, "signal");
    cr_assert_eq(info->last_crash->reason.len, 4);
    cr_assert(memcmp(info->last_crash->reason.data, "segv", 4) == 0);
    cr_assert_eq(info->last_crash->at_ms, 18);
    cr_assert_eq(info->last_crash->id, 21);
    cr_assert_str_eq(info->last_crash->message, "here");
    cr_assert_eq(info->last_crash->n_backtrace, 2);
    cr_assert_str_eq(info->last_crash->backtrace[0], "a+0x1");
    cr_assert_str_eq(info->last_crash->backtrace[1], "b+0x2");
}

Test(codec_write, actor_info) {
    struct actor_info        info = example();
    Peeper__V1__ServerFrame *frame = written(codec_write_actor_info(&out, 9, &info));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_ACTOR_INFO);
    assert_is_example(frame->actor_info);
    const Peeper__V1__StateInfo *state = frame->actor_info->state;
    cr_assert_eq(state->value.len, 5);
    cr_assert(memcmp(state->value.data, "state", 5) == 0);
    cr_assert_eq(state->version, 19);
    cr_assert_eq(state->at_ms, 20);
    let_go(frame);
}

Test(codec_write, actor_info_leaves_out_the_state_and_the_crash_that_never_were) {
    struct actor_info        info = {.status = "starting"};
    Peeper__V1__ServerFrame *frame = written(codec_write_actor_info(&out, 9, &info));
    cr_assert_null(frame->actor_info->state);
    cr_assert_null(frame->actor_info->last_crash);
    cr_assert_str_eq(frame->actor_info->name, "");
    let_go(frame);
}

Test(codec_write, actor_info_tells_what_holds_the_actor) {
    struct actor_info info = {
        .status = "running", .suspended = true, .awaits = slice_of("next", 4)};
    Peeper__V1__ServerFrame *frame = written(codec_write_actor_info(&out, 9, &info));
    cr_assert(frame->actor_info->suspended);
    cr_assert_str_eq(frame->actor_info->awaits, "next");
    let_go(frame);
}

Test(codec_write, state) {
    struct actor_info info = {
        .has_state = true, .state = slice_of("state", 5), .version = 19, .state_at_ms = 20};
    info.state_turn = 21;
    Peeper__V1__ServerFrame *frame = written(codec_write_state(&out, 9, &info));
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_STATE);
    cr_assert_eq(frame->state->value.len, 5);
    cr_assert(memcmp(frame->state->value.data, "state", 5) == 0);
    cr_assert_eq(frame->state->version, 19);
    cr_assert_eq(frame->state->at_ms, 20);
    cr_assert_eq(frame->state->turn, 21);
    let_go(frame);
}

Test(codec_write, generations) {
    struct generation_info   infos[16] = {{.version = 9, .turn = 8, .at_ms = 7, .bytes = 6}};
    Peeper__V1__ServerFrame *frame = written(codec_write_generations(&out, 9, infos, 16, 16));
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_GENERATIONS);
    cr_assert_eq(frame->generations->n_generations, 16);
    cr_assert_eq(frame->generations->kept, 16);
    cr_assert_eq(frame->generations->generations[0]->version, 9);
    cr_assert_eq(frame->generations->generations[0]->turn, 8);
    cr_assert_eq(frame->generations->generations[0]->at_ms, 7);
    cr_assert_eq(frame->generations->generations[0]->bytes, 6);
    cr_assert_eq(frame->generations->generations[15]->version, 0);
    let_go(frame);
}

Test(codec_write, transfer_prepared) {
    Peeper__V1__ServerFrame *frame =
        written(codec_write_transfer_prepared(&out, 9, UINT64_MAX, 60000));
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_TRANSFER_PREPARED);
    cr_assert_eq(frame->transfer_prepared->handle, UINT64_MAX);
    cr_assert_eq(frame->transfer_prepared->valid_ms, 60000);
    let_go(frame);
}

Test(codec_write, an_error_may_be_retryable_although_its_status_is_not) {
    struct failure           failure = {.status = STATUS_RESTARTING, .retryable = true};
    Peeper__V1__ServerFrame *frame = written(codec_write_error(&out, 9, &failure));
    cr_assert(frame->error->retryable);
    let_go(frame);
}

Test(codec_write, listing_has_all_infos_without_their_states) {
    static struct actor_info actors[1000];
    static const size_t      COUNTS[] = {0, 1, 2, 1000};
    for (size_t i = 0; i < 1000; i++) actors[i] = example();
    for (size_t n = 0; n < sizeof COUNTS / sizeof COUNTS[0]; n++) {
        Peeper__V1__ServerFrame *frame =
            written(codec_write_listing(&out, 9, actors, COUNTS[n], 5 * n));
        cr_assert_eq(frame->id, 9);
        cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_LISTING);
        cr_assert_eq(frame->listing->n_actors, COUNTS[n]);
        cr_assert_eq(frame->listing->next, 5 * n);
        for (size_t i = 0; i < COUNTS[n]; i++) {
            assert_is_example(frame->listing->actors[i]);
            cr_assert_null(frame->listing->actors[i]->state);
        }
        let_go(frame);
    }
}

static struct crash_report crash_example(void) {
    return (struct crash_report){
        .id = 1,
        .unit = 2,
        .incarnation = 3,
        .name = slice_of("counter", 7),
        .behaviour = slice_of("count", 5),
        .version = slice_of("1.2", 3),
        .kind = "raise",
        .reason = slice_of("why", 3),
        .text = slice_of("where", 5),
        .trace = slice_of("a+0x1\nb+0x2", 11),
        .turn = "cast",
        .message = slice_of("message", 7),
        .message_bytes = 70000,
        .message_cut = true,
        .message_set_aside = true,
        .attempts = 4,
        .redriven = 5,
        .state_version = 6,
        .host_pid = 7,
        .at_ms = 8,
    };
}

static void assert_is_crash_example(const Peeper__V1__CrashReport *report) {
    cr_assert_eq(report->crash, 1);
    cr_assert_eq(report->unit, 2);
    cr_assert_eq(report->incarnation, 3);
    cr_assert_str_eq(report->name, "counter");
    cr_assert_str_eq(report->behaviour, "count");
    cr_assert_str_eq(report->version, "1.2");
    cr_assert_str_eq(report->kind, "raise");
    cr_assert_eq(report->reason.len, 3);
    cr_assert_str_eq(report->message, "where");
    cr_assert_eq(report->n_backtrace, 2);
    cr_assert_str_eq(report->backtrace[1], "b+0x2");
    cr_assert_str_eq(report->turn, "cast");
    cr_assert_eq(report->payload_bytes, 70000);
    cr_assert(report->payload_cut);
    cr_assert(report->message_set_aside);
    cr_assert_eq(report->attempts, 4);
    cr_assert_eq(report->redriven, 5);
    cr_assert_eq(report->state_version, 6);
    cr_assert_eq(report->host_pid, 7);
    cr_assert_eq(report->at_ms, 8);
}

Test(codec_write, crash_report) {
    struct crash_report      report = crash_example();
    Peeper__V1__ServerFrame *frame = written(codec_write_crash_report(&out, 9, &report));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_CRASH_REPORT);
    assert_is_crash_example(frame->crash_report);
    cr_assert_eq(frame->crash_report->payload.len, 7);
    let_go(frame);
}

Test(codec_write, crash_listing_has_all_reports_without_their_messages) {
    static struct crash_report reports[300];
    static const size_t        COUNTS[] = {0, 1, 300};
    for (size_t i = 0; i < 300; i++) reports[i] = crash_example();
    for (size_t n = 0; n < sizeof COUNTS / sizeof COUNTS[0]; n++) {
        Peeper__V1__ServerFrame *frame =
            written(codec_write_crash_listing(&out, 9, reports, COUNTS[n], 5 * n));
        cr_assert_eq(frame->id, 9);
        cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_CRASH_LISTING);
        cr_assert_eq(frame->crash_listing->n_reports, COUNTS[n]);
        cr_assert_eq(frame->crash_listing->next, 5 * n);
        for (size_t i = 0; i < COUNTS[n]; i++) {
            assert_is_crash_example(frame->crash_listing->reports[i]);
            cr_assert_eq(frame->crash_listing->reports[i]->payload.len, 0);
        }
        let_go(frame);
    }
}

Test(codec_write, a_backtrace_is_bounded_and_has_no_empty_lines) {
    static char lines[2 * TRACE_BYTES_MAX];
    for (size_t i = 0; i < sizeof lines; i++) lines[i] = i % 10 == 9 ? '\n' : 'l';
    struct crash_report report = crash_example();
    report.trace = slice_of(lines, sizeof lines);
    Peeper__V1__ServerFrame *frame = written(codec_write_crash_report(&out, 9, &report));
    cr_assert_eq(frame->crash_report->n_backtrace, TRACE_LINES_MAX);
    let_go(frame);

    memset(lines, 'l', sizeof lines);
    frame = written(codec_write_crash_report(&out, 9, &report));
    cr_assert_eq(frame->crash_report->n_backtrace, 1);
    cr_assert_eq(strlen(frame->crash_report->backtrace[0]), TRACE_BYTES_MAX);
    let_go(frame);

    report.trace = slice_of("\n\na\n\n", 5);
    frame = written(codec_write_crash_report(&out, 9, &report));
    cr_assert_eq(frame->crash_report->n_backtrace, 1);
    cr_assert_str_eq(frame->crash_report->backtrace[0], "a");
    let_go(frame);
}

Test(codec_write, without_memory_nothing_is_appended) {
    struct welcome    welcome = {"1", 1, 1, 1, 1, false};
    struct failure    failure = {.status = STATUS_NOPROC};
    struct actor_info info = example();
    struct slice      name = slice_of("n", 1);
    // As full as a buffer can be: whatever asks for more is refused before any byte is touched.
    const struct buf full = {.data = bytes, .bytes = SIZE_MAX / 2, .capacity = SIZE_MAX / 2};
    struct buf       box = full;

    cr_assert(codec_write_welcome(&box, 1, &welcome) == STATUS_NO_MEMORY);
    cr_assert(codec_write_reply(&box, 1, name) == STATUS_NO_MEMORY);
    cr_assert(codec_write_error(&box, 1, &failure) == STATUS_NO_MEMORY);
    cr_assert(codec_write_done(&box, 1) == STATUS_NO_MEMORY);
    cr_assert(codec_write_started(&box, 1, &(struct started_info){.name = name}) ==
              STATUS_NO_MEMORY);
    cr_assert(codec_write_located(&box, 1, 1) == STATUS_NO_MEMORY);
    cr_assert(codec_write_listing(&box, 1, &info, 1, 0) == STATUS_NO_MEMORY);
    cr_assert(codec_write_actor_info(&box, 1, &info) == STATUS_NO_MEMORY);
    struct crash_report report = crash_example();
    cr_assert(codec_write_crash_listing(&box, 1, &report, 1, 0) == STATUS_NO_MEMORY);
    cr_assert(codec_write_crash_report(&box, 1, &report) == STATUS_NO_MEMORY);
    cr_assert(codec_write_pong(&box, 1) == STATUS_NO_MEMORY);
    cr_assert(codec_write_goodbye(&box, "bye") == STATUS_NO_MEMORY);
    cr_assert(memcmp(&box, &full, sizeof box) == 0);
}

Test(codec_write, refuses_a_frame_that_no_client_could_read) {
    // The lengths alone are looked at; nothing is behind them.
    static const size_t SIZES[] = {FRAME_BODY_BYTES_MAX, UINT32_MAX, SIZE_MAX};
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        struct slice huge = slice_of(bytes, SIZES[i]);
        cr_assert(codec_write_reply(&out, 1, huge) == STATUS_NO_MEMORY);
    }
    struct actor_info info = example();
    info.last_crash.reason = slice_of(bytes, FRAME_BODY_BYTES_MAX - 10);
    cr_assert(codec_write_listing(&out, 1, &info, 1, 0) == STATUS_NO_MEMORY);
    struct actor_info pair[] = {example(), example()};
    pair[0].last_crash.reason = slice_of(bytes, FRAME_BODY_BYTES_MAX / 2);
    pair[1].last_crash.reason = slice_of(bytes, FRAME_BODY_BYTES_MAX / 2);
    cr_assert(codec_write_listing(&out, 1, pair, 2, 0) == STATUS_NO_MEMORY);
    cr_assert_eq(out.bytes, 0);
}
