#include "test_peer.h"

#include <criterion/criterion.h>
#include <peeper/watch.h>
#include <string.h>

#define LIMIT (1u << 20)

static struct peer         peer;
static struct peeper_sync *sync_;
static struct peeper_event event;

static void begin(peer_script *script) {
    peer_start(&peer, 1, script);
    cr_assert(peeper_sync_create(NULL, &sync_) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_connect(sync_, peer.address) == PEEPER_STATUS_OK);
}

// Ends with the number of requests whose fields were as the script wanted them.
static void finish(size_t seen) {
    peeper_sync_destroy(sync_);
    peer_stop(&peer);
    cr_assert_eq(peer.seen, seen);
}

// Names the body that is read next, and sets `frame`.
#define NEXT(BODY) \
    ((frame = peer_read(at)) != NULL && frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_##BODY)

static void check_fields(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    at->seen += NEXT(WATCH) && strcmp(frame->watch->name, "n") == 0 && !frame->watch->prefix &&
                frame->watch->from_version == 4 && frame->watch->unit == 3 &&
                frame->watch->with_old;
    peer_watching(at, frame->id, 77);
    at->seen += NEXT(WATCH) && frame->watch->prefix && frame->watch->name[0] == '\0';
    peer_watching(at, frame->id, 78);
    at->seen += NEXT(UNWATCH) && frame->unwatch->ref == 77;
    peer_done(at, frame->id);
    peer_read_to_end(at);
}

Test(watch, every_verb_has_its_fields_and_its_answer, .timeout = 10) {
    struct peeper_watch one = {.name = "n", .from_version = 4, .unit = 3, .with_old = true};
    struct peeper_watch all = {.prefix = ""};
    struct peeper_watch none = {0};
    uint64_t            ref = 0;
    begin(check_fields);
    cr_assert(peeper_sync_watch(sync_, &one, &ref) == PEEPER_STATUS_OK);
    cr_assert(ref == 77);
    cr_assert(peeper_sync_watch(sync_, &all, &ref) == PEEPER_STATUS_OK);
    cr_assert(ref == 78);
    cr_assert(peeper_sync_watch(sync_, &none, &ref) == PEEPER_STATUS_INVALID);
    cr_assert(peeper_sync_unwatch(sync_, 77) == PEEPER_STATUS_OK);
    finish(3);
}

static void push_all(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    at->seen += NEXT(WATCH);
    peer_watching(at, frame->id, 77);
    peer_gap(at, 77);
    peer_changed(at, 77, 7, true);
    peer_changed(at, 77, 8, false);
    peer_stepped(at, 77, 2);
    peer_ended(at, 77);
    peer_read_to_end(at);
}

static void next(enum peeper_event_kind kind, uint64_t version) {
    cr_assert(peeper_sync_next_event(sync_, 5000, &event) == PEEPER_STATUS_OK);
    cr_assert(event.kind == kind && event.ref == 77 && event.version == version);
    cr_assert(event.unit == 3);
    cr_assert_str_eq(event.name, "n");
}

Test(watch, events_come_in_order_with_all_they_have, .timeout = 10) {
    struct peeper_watch watch = {.name = "n"};
    uint64_t            ref;
    begin(push_all);
    cr_assert(peeper_sync_watch(sync_, &watch, &ref) == PEEPER_STATUS_OK);
    next(PEEPER_EVENT_GAP, 6);
    cr_assert(event.first_version == 4);
    next(PEEPER_EVENT_CHANGED, 7);
    cr_assert(event.has_old && event.at_ms == 9 && peeper_value_is(event.value, "new"));
    cr_assert(peeper_value_is(event.old, "old"));
    next(PEEPER_EVENT_CHANGED, 8);
    cr_assert(!event.has_old);
    next(PEEPER_EVENT_STEPPED_BACK, 8);
    cr_assert(event.older_version == 7 && event.missed == 2 && event.at_ms == 9);
    next(PEEPER_EVENT_ENDED, 8);
    cr_assert(peeper_value_is(event.reason, "why") && event.value.bytes == 0);
    finish(1);
}

static void push_and_end(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    at->seen += NEXT(WATCH);
    peer_watching(at, frame->id, 77);
    peer_changed(at, 77, 7, false);
    peer_changed(at, 5, 7, false);
    at->seen += NEXT(UNWATCH);
    peer_done(at, frame->id);
    peer_read_to_end(at);
}

Test(watch, what_waits_of_a_watch_goes_with_it, .timeout = 10) {
    struct peeper_watch watch = {.name = "n"};
    uint64_t            ref;
    begin(push_and_end);
    cr_assert(peeper_sync_watch(sync_, &watch, &ref) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_unwatch(sync_, ref) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_next_event(sync_, 0, &event) == PEEPER_STATUS_OK);
    cr_assert(event.ref == 5);
    finish(2);
}
