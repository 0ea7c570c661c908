// What a client missed: told as a gap, and then the newest.
#include "keeper/lag.h"

#include "keeper/shard_fixture_test.h"

TestSuite(lag, .init = fx_init, .fini = fx_fini, .timeout = 20);

static struct caller viewer(uint64_t request) {
    return (struct caller){.conn = 1, .generation = 5, .request = request};
}

static void hear(void) {
    for (int i = 0; i < 3; i++) {
        (void)mirror_has(actor_named("other"), "none", 0);
        step();
    }
    settle_loads();
}

static uint64_t watch_from(uint64_t number, const char *name, uint64_t from, uint64_t unit) {
    struct request request = {.id = number,
                              .verb = VERB_WATCH,
                              .name = raw(name),
                              .from_version = from,
                              .unit = unit,
                              .with_old = true};
    cr_assert(request_run(&fx.shard, viewer(number), &request) == STATUS_OK);
    step();
    cr_assert(answer_of(number)->kind == ANSWER_WATCHING);
    return answer_of(number)->ref;
}

static void change_to(const char *name, uint32_t first, uint32_t last) {
    for (uint32_t i = first; i <= last; i++) {
        char state[8];
        snprintf(state, sizeof state, "s%u", i - 1);
        change_state(name, state);
    }
}

// What is told from `index` on: the state of a version "n" is "s(n-1)".
static void told(uint32_t index, uint64_t version) {
    char state[8];
    snprintf(state, sizeof state, "s%u", (uint32_t)version - 1);
    cr_assert(fx.push_count > index, "%u were told", fx.push_count);
    const struct pushed *at = &fx.pushes[index];
    cr_assert(at->kind == PUSH_CHANGED && at->version == version);
    cr_assert(same(slice_of(at->value, at->value_bytes), text(state)));
}

static void told_gap(uint32_t index, uint64_t first, uint64_t last) {
    cr_assert(fx.push_count > index, "%u were told", fx.push_count);
    const struct pushed *at = &fx.pushes[index];
    cr_assert(at->kind == PUSH_GAP, "kind %d", at->kind);
    cr_assert(at->first == first && at->version == last, "%d to %d", (int)at->first,
              (int)at->version);
}

static void begin(void) {
    host_joins(1);
    up("other");
    up("cart");
}

Test(lag, resuming_tells_what_is_kept_and_then_goes_on) {
    begin();
    change_to("cart", 2, 6);
    watch_from(10, "cart", 6, 0);
    hear();
    cr_assert(fx.push_count == 1);
    told(0, 6);
    cr_assert(fx.pushes[0].has_old, "the one before is kept as well");
    change_to("cart", 7, 8);
    hear();
    told(1, 7);
    told(2, 8);
    cr_assert(fx.push_count == 3);
    cr_assert(fx.shard.streams.lag_count == 0);
}

Test(lag, resuming_from_what_is_gone_begins_with_a_gap) {
    begin();
    change_to("cart", 2, 6);
    watch_from(10, "cart", 2, 0);
    hear();
    told_gap(0, 2, 4);
    told(1, 5);
    told(2, 6);
    cr_assert(fx.push_count == 3);
}

Test(lag, resuming_where_nothing_is_new_tells_nothing) {
    begin();
    change_to("cart", 2, 3);
    watch_from(10, "cart", 4, 0);
    hear();
    cr_assert(fx.push_count == 0);
    change_to("cart", 4, 4);
    hear();
    told(0, 4);
}

Test(lag, versions_of_another_unit_are_no_place_to_resume_from) {
    begin();
    change_to("cart", 2, 3);
    watch_from(10, "cart", 3, 987654);
    hear();
    told_gap(0, 1, 1);
    told(1, 2);
    told(2, 3);
    watch_from(11, "cart", 90, 0);
    hear();
    told_gap(3, 1, 2);
    told(4, 3);
    cr_assert(fx.push_count == 5);
}

Test(lag, changes_on_the_way_while_the_mirror_is_asked_come_once_and_in_order) {
    begin();
    change_to("cart", 2, 3);
    struct request request = {.id = 10, .verb = VERB_WATCH, .name = raw("cart"), .from_version = 2};
    cr_assert(request_run(&fx.shard, viewer(10), &request) == STATUS_OK);
    change_to("cart", 4, 9);
    hear();
    uint64_t next = 2;
    for (uint32_t i = 0; i < fx.push_count; i++) {
        const struct pushed *at = &fx.pushes[i];
        cr_assert((at->kind == PUSH_GAP ? at->first : at->version) == next);
        next = at->version + 1;
    }
    cr_assert(next == 10);
}

Test(lag, a_client_without_room_is_told_a_gap_and_the_newest_when_it_has_some) {
    begin();
    watch_from(10, "cart", 0, 0);
    fx.stream_room = 1;
    change_to("cart", 2, 9);
    hear();
    cr_assert(fx.push_count == 1);
    told(0, 2);
    cr_assert(actor_named("cart")->extra->events_dropped == 7);
    cr_assert(fx.shard.metrics.events_dropped == 7 && fx.shard.metrics.event_gaps == 0);
    fx.stream_room = UINT32_MAX;
    streams_client_room(&fx.shard, viewer(0));
    step();
    hear();
    told_gap(1, 3, 7);
    told(2, 8);
    told(3, 9);
    cr_assert(fx.push_count == 4 && fx.shard.metrics.event_gaps == 1);
    change_to("cart", 10, 10);
    hear();
    told(4, 10);
    cr_assert(fx.shard.streams.lag_count == 0);
}

Test(lag, room_that_ends_in_the_middle_loses_nothing) {
    begin();
    watch_from(10, "cart", 0, 0);
    fx.stream_room = 0;
    change_to("cart", 2, 9);
    hear();
    fx.stream_room = 2; // the gap, and one state
    streams_client_room(&fx.shard, viewer(0));
    step();
    hear();
    told_gap(0, 2, 7);
    told(1, 8);
    cr_assert(fx.push_count == 2);
    change_to("cart", 10, 12);
    fx.stream_room = UINT32_MAX;
    streams_client_room(&fx.shard, viewer(0));
    step();
    hear();
    told_gap(2, 9, 10);
    told(3, 11);
    told(4, 12);
}

Test(lag, the_end_of_the_unit_is_told_when_there_is_room) {
    begin();
    struct actor *actor = actor_named("cart");
    watch_from(10, "cart", 0, 0);
    fx.stream_room = 0;
    change_to("cart", 2, 4);
    cr_assert(life_take_down(&fx.shard, actor, text("gone")));
    life_end(&fx.shard, actor, text("gone"), false);
    step();
    hear();
    fx.stream_room = UINT32_MAX;
    streams_client_room(&fx.shard, viewer(0));
    step();
    hear();
    told_gap(0, 2, 4);
    cr_assert(fx.push_count == 2 && fx.pushes[1].kind == PUSH_ENDED);
    cr_assert(same(slice_of(fx.pushes[1].reason, fx.pushes[1].reason_bytes), text("gone")));
    cr_assert(fx.shard.streams.lag_count == 0);
}

Test(lag, a_watch_may_end_while_the_mirror_is_asked) {
    begin();
    change_to("cart", 2, 6);
    uint64_t       ref = watch_from(10, "cart", 2, 0);
    struct request request = {.id = 11, .verb = VERB_UNWATCH, .ref = ref};
    cr_assert(request_run(&fx.shard, viewer(11), &request) == STATUS_OK);
    hear();
    cr_assert(fx.shard.loads == 0 && fx.shard.streams.lag_count == 0);
}

Test(lag, a_connection_may_end_while_the_mirror_is_asked) {
    begin();
    change_to("cart", 2, 6);
    watch_from(10, "cart", 2, 0);
    streams_client_over(&fx.shard, viewer(0));
    step();
    hear();
    cr_assert(fx.push_count == 0 && fx.shard.streams.lag_count == 0);
}

Test(lag, a_server_may_end_while_the_mirror_is_asked) {
    begin();
    change_to("cart", 2, 6);
    struct request request = {.id = 10, .verb = VERB_WATCH, .name = raw("cart"), .from_version = 2};
    cr_assert(request_run(&fx.shard, viewer(10), &request) == STATUS_OK);
    shard_publish(&fx.shard);
}

Test(lag, the_mirror_is_asked_again_when_its_queue_was_full) {
    begin();
    change_to("cart", 2, 3);
    mirror_fill();
    watch_from(10, "cart", 2, 0);
    cr_assert(fx.shard.loads == 0);
    cr_assert(!streams_busy(&fx.shard.streams), "it sleeps until there is room");
    mirror_resume();
    hear();
    told(0, 2);
    told(1, 3);
}
