#include "run_peeper.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define LIMIT (1u << 20)

static void write_watching(struct peer *at, uint64_t id, uint64_t ref) {
    Peeper__V1__Watching    watching = PEEPER__V1__WATCHING__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    watching.ref = ref;
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_WATCHING;
    frame.watching = &watching;
    peer_write(at, &frame);
}

static void write_event(struct peer *at, Peeper__V1__Event *pushed) {
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_EVENT;
    frame.event = pushed;
    peer_write(at, &frame);
}

static ProtobufCBinaryData short_text(const char *encoded) {
    return (ProtobufCBinaryData){strlen(encoded), (uint8_t *)encoded};
}

static void write_changed(struct peer *at, uint64_t ref, uint64_t version, bool with_old) {
    Peeper__V1__Changed  changed = PEEPER__V1__CHANGED__INIT;
    Peeper__V1__OldState old = PEEPER__V1__OLD_STATE__INIT;
    Peeper__V1__Event    pushed = PEEPER__V1__EVENT__INIT;
    changed.ref = ref;
    changed.name = (char *)"n";
    changed.unit = 3;
    changed.version = version;
    changed.at_ms = 9;
    changed.value = short_text("\x2a\x03new");
    old.value = short_text("\x2a\x03old");
    if (with_old) changed.old = &old;
    pushed.kind_case = PEEPER__V1__EVENT__KIND_CHANGED;
    pushed.changed = &changed;
    write_event(at, &pushed);
}

static void write_ended(struct peer *at, uint64_t ref) {
    Peeper__V1__Ended ended = PEEPER__V1__ENDED__INIT;
    Peeper__V1__Event pushed = PEEPER__V1__EVENT__INIT;
    ended.ref = ref;
    ended.name = (char *)"n";
    ended.unit = 3;
    ended.version = 8;
    ended.reason = short_text("\x2a\x03why");
    pushed.kind_case = PEEPER__V1__EVENT__KIND_ENDED;
    pushed.ended = &ended;
    write_event(at, &pushed);
}

static void write_gap(struct peer *at, uint64_t ref) {
    Peeper__V1__Gap   gap = PEEPER__V1__GAP__INIT;
    Peeper__V1__Event pushed = PEEPER__V1__EVENT__INIT;
    gap.ref = ref;
    gap.name = (char *)"n";
    gap.unit = 3;
    gap.first_version = 4;
    gap.last_version = 6;
    pushed.kind_case = PEEPER__V1__EVENT__KIND_GAP;
    pushed.gap = &gap;
    write_event(at, &pushed);
}

static void push_all(struct peer *at) {
    peer_welcome(at, LIMIT);
    const Peeper__V1__ClientFrame *frame = peer_read(at);
    at->seen +=
        frame->watch->prefix && strcmp(frame->watch->name, "cart-") == 0 && frame->watch->with_old;
    write_watching(at, frame->id, 77);
    write_gap(at, 77);
    write_changed(at, 77, 7, true);
    write_ended(at, 77);
}

Test(watch, prints_a_line_for_each_event_until_the_connection_ends, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(push_all, &peer, "watch cart-* --old");
    cr_assert(result.code == 3, "%s", result.err);
    cr_assert_str_eq(
        result.out,
        "{\"name\":\"n\",\"unit\":3,\"event\":\"gap\",\"first_version\":4,\"last_version\":6}\n"
        "{\"name\":\"n\",\"unit\":3,\"event\":\"changed\",\"version\":7,\"value\":\"new\",\"at\":9,"
        "\"old\":\"old\"}\n"
        "{\"name\":\"n\",\"unit\":3,\"event\":\"ended\",\"version\":8,\"value\":null,"
        "\"reason\":\"why\"}\n");
    cr_assert(peer.seen == 1);
}

static void check_name(struct peer *at) {
    peer_welcome(at, LIMIT);
    const Peeper__V1__ClientFrame *frame = peer_read(at);
    at->seen += !frame->watch->prefix && strcmp(frame->watch->name, "a*") == 0 &&
                frame->watch->from_version == 5000000000;
    peer_error(at, frame->id, PEEPER__V1__STATUS__STATUS_OVERLOADED, "watches_max: full");
    peer_read_to_end(at);
}

Test(watch, a_name_that_ends_with_a_star_goes_with_an_option, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(check_name, &peer, "watch --name a* --from 5000000000");
    cr_assert(result.code == 1 && strstr(result.err, "watches_max") != NULL);
    cr_assert(peer.seen == 1);
}

static void say_welcome(struct peer *at) {
    peer_welcome(at, LIMIT);
    peer_read_to_end(at);
}

Test(watch, an_incarnation_is_not_watched_and_a_version_is_a_number, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(say_welcome, &peer, "watch @7");
    cr_assert(result.code == 2 && strstr(result.err, "monitor") != NULL);
    result = run_peeper("watch a --from x");
    cr_assert(result.code == 2 && strstr(result.err, "no number") != NULL);
}
