#include "run_peeper.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define LIMIT (1u << 20)

static void push_all(struct peer *at) {
    peer_welcome(at, LIMIT);
    const Peeper__V1__ClientFrame *frame = peer_read(at);
    at->seen +=
        frame->watch->prefix && strcmp(frame->watch->name, "cart-") == 0 && frame->watch->with_old;
    peer_watching(at, frame->id, 77);
    peer_gap(at, 77);
    peer_changed(at, 77, 7, true);
    peer_stepped(at, 77, 2);
    peer_ended(at, 77);
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
        "{\"name\":\"n\",\"unit\":3,\"event\":\"stepped_back\",\"from\":8,\"to\":7,\"at\":9,"
        "\"missed\":2}\n"
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
