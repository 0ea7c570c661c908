// Watches of clients, on a real mirror; the workers are the test's own.
#include "keeper/streams.h"

#include "keeper/shard_fixture_test.h"

TestSuite(streams, .init = fx_init, .fini = fx_fini, .timeout = 20);

// A client other than the one that calls.
static struct caller viewer(uint32_t conn, uint64_t request) {
    return (struct caller){.conn = conn, .generation = 5, .request = request};
}

static struct request watch_of(const char *name) {
    return (struct request){.id = 1, .verb = VERB_WATCH, .name = raw(name)};
}

static void run_as(struct caller caller, struct request request) {
    request.id = caller.request;
    cr_assert(request_run(&fx.shard, caller, &request) == STATUS_OK);
}

// All that the mirror has to say has been said.
static void hear(void) {
    for (int i = 0; i < 3; i++) {
        (void)mirror_has(actor_named("other"), "none", 0);
        step();
    }
    settle_loads();
}

static uint64_t watch(uint32_t conn, uint64_t request, const char *name) {
    run_as(viewer(conn, request), watch_of(name));
    step();
    const struct note *note = answer_of(request);
    cr_assert(note != NULL && note->kind == ANSWER_WATCHING && note->ref != 0);
    return note->ref;
}

static uint64_t watch_prefix(uint32_t conn, uint64_t request, const char *prefix) {
    struct request asked = watch_of(prefix);
    asked.prefix = true;
    run_as(viewer(conn, request), asked);
    step();
    const struct note *note = answer_of(request);
    cr_assert(note != NULL && note->kind == ANSWER_WATCHING);
    return note->ref;
}

static void unwatch(uint32_t conn, uint64_t request, uint64_t ref) {
    run_as(viewer(conn, request), (struct request){.verb = VERB_UNWATCH, .ref = ref});
    cr_assert(done(request));
}

static const struct pushed *pushed(uint32_t index, enum push_kind kind, uint64_t ref,
                                   uint64_t version) {
    cr_assert(fx.push_count > index, "%u were told", fx.push_count);
    const struct pushed *told = &fx.pushes[index];
    cr_assert(told->kind == kind, "kind %d", told->kind);
    cr_assert(told->ref == ref);
    cr_assert(told->version == version, "version %d", (int)told->version);
    return told;
}

static bool is_value(const struct pushed *told, const char *state) {
    return same(slice_of(told->value, told->value_bytes), text(state));
}

static void begin(void) {
    host_joins(1);
    up("other");
}

Test(streams, a_client_is_told_each_change_in_order_and_equal_states_are_none) {
    begin();
    up("cart");
    uint64_t ref = watch(1, 10, "cart");
    change_state("cart", "one");
    change_state("cart", "one");
    change_state("cart", "two");
    change_state("other", "x");
    hear();
    cr_assert(fx.push_count == 2);
    const struct pushed *told = pushed(0, PUSH_CHANGED, ref, 2);
    cr_assert(is_value(told, "one") && !told->has_old && strcmp(told->name, "cart") == 0);
    cr_assert(told->client.conn == 1 && told->unit == actor_named("cart")->unit);
    cr_assert(is_value(pushed(1, PUSH_CHANGED, ref, 4), "two"));
}

Test(streams, of_two_watches_each_is_told_and_only_one_has_the_state_before) {
    begin();
    up("cart");
    struct request with_old = watch_of("cart");
    with_old.with_old = true;
    uint64_t plain = watch(1, 10, "cart");
    run_as(viewer(2, 11), with_old);
    uint64_t old = answer_of(11)->ref;
    cr_assert(plain != old);
    change_state("cart", "one");
    hear();
    cr_assert(fx.push_count == 2);
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert(fx.pushes[i].has_old == (fx.pushes[i].ref == old));
        cr_assert(!fx.pushes[i].has_old ||
                  same(slice_of(fx.pushes[i].old, fx.pushes[i].old_bytes), text("s0")));
    }
}

Test(streams, an_actor_that_nobody_watches_any_more_is_let_go) {
    begin();
    struct actor *actor = up("cart");
    cr_assert(!actor->watched);
    uint64_t ref = watch(1, 10, "cart");
    cr_assert(actor->watched && streams_about(&fx.shard, raw("cart")) == 1);
    unwatch(1, 11, ref);
    unwatch(1, 12, ref);
    cr_assert(streams_about(&fx.shard, raw("cart")) == 0);
    change_state("cart", "one");
    hear();
    cr_assert(fx.push_count == 0);
    cr_assert(!actor->watched, "after one event for nobody");
}

Test(streams, a_prefix_finds_those_that_are_there_and_those_that_come) {
    begin();
    up("p1");
    up("q1");
    uint64_t ref = watch_prefix(1, 10, "p");
    cr_assert(actor_named("p1")->watched && !actor_named("q1")->watched);
    up("p2");
    up("q2");
    change_state("p1", "one");
    change_state("q1", "one");
    hear();
    cr_assert(fx.push_count == 2);
    cr_assert_str_eq(pushed(0, PUSH_CHANGED, ref, 1)->name, "p2");
    cr_assert_str_eq(pushed(1, PUSH_CHANGED, ref, 2)->name, "p1");
}

Test(streams, the_end_of_a_unit_comes_after_its_changes_with_the_last_state) {
    begin();
    struct actor *actor = up("cart");
    uint64_t      unit = actor->unit;
    uint64_t      ref = watch(1, 10, "cart");
    change_state("cart", "one");
    ask_stop(20, "cart");
    step();
    struct fake_worker *end = home_of(actor);
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_TERMINATE)->turn, COMMIT_STOP);
    out_body(&out, ITEM_REASON, text("enough"));
    play_send(end, &out);
    step();
    hear();
    cr_assert(fx.push_count == 2);
    pushed(0, PUSH_CHANGED, ref, 2);
    const struct pushed *told = pushed(1, PUSH_ENDED, ref, 2);
    cr_assert(told->unit == unit && is_value(told, "one"));
    cr_assert(same(slice_of(told->reason, told->reason_bytes), text("enough")));
    up("cart");
    hear();
    cr_assert(fx.push_count == 3, "whoever has the name next is watched");
}

Test(streams, an_actor_that_never_came_up_has_not_ended) {
    begin();
    watch(1, 10, "cart");
    ask_start(20, "cart");
    step();
    struct fake_worker *end = home_of(actor_named("cart"));
    play_refuse(end, play_take(end, TURN_INIT)->turn, COMMIT_CODE_ERROR, "no");
    step();
    hear();
    cr_assert(fx.push_count == 0);
}

Test(streams, the_end_waits_while_the_mirror_has_no_room_and_then_comes) {
    begin();
    struct actor *actor = up("cart");
    uint64_t      ref = watch(1, 10, "cart");
    mirror_fill();
    cr_assert(life_take_down(&fx.shard, actor, text("gone")));
    life_end(&fx.shard, actor, text("gone"), false);
    step();
    cr_assert(fx.push_count == 0);
    mirror_resume();
    hear();
    cr_assert(fx.push_count == 1);
    cr_assert(is_value(pushed(0, PUSH_ENDED, ref, 1), "s0"));
    cr_assert_null(actor_named("cart"));
}

Test(streams, the_end_of_the_connection_ends_its_watches) {
    begin();
    up("cart");
    watch(1, 10, "cart");
    watch_prefix(1, 11, "c");
    uint64_t ref = watch(2, 12, "cart");
    streams_client_over(&fx.shard, viewer(1, 0));
    step();
    cr_assert(streams_about(&fx.shard, raw("cart")) == 1);
    change_state("cart", "one");
    hear();
    cr_assert(fx.push_count == 1);
    pushed(0, PUSH_CHANGED, ref, 2);
    streams_client_over(&fx.shard, viewer(1, 0));
}

Test(streams, what_makes_no_sense_is_refused) {
    struct request request = watch_of("");
    run_as(viewer(1, 10), request);
    cr_assert(failed(10, STATUS_INVALID));
    request = watch_of("a\x01");
    run_as(viewer(1, 11), request);
    cr_assert(failed(11, STATUS_INVALID));
    request = watch_of("p");
    request.prefix = true;
    request.from_version = 3;
    run_as(viewer(1, 12), request);
    cr_assert(failed(12, STATUS_INVALID));
}

Test(streams, watches_are_bounded) {
    char name[8];
    for (uint32_t i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "n%u", i);
        watch(1, 100 + i, name);
    }
    run_as(viewer(1, 10), watch_of("one too many"));
    cr_assert(failed(10, STATUS_OVERLOADED));
    for (uint32_t i = 0; i < 4; i++) watch_prefix(2, 200 + i, "p");
    struct request prefix = watch_of("p");
    prefix.prefix = true;
    run_as(viewer(3, 11), prefix);
    cr_assert(failed(11, STATUS_OVERLOADED));
    cr_assert(streams_about(&fx.shard, raw("p1")) == 4);
    fx.options.watches_max = 14;
    run_as(viewer(3, 12), watch_of("n"));
    cr_assert(failed(12, STATUS_OVERLOADED));
}

Test(streams, many_names_are_found_again) {
    char name[16];
    fx.options.watches_max = fx.options.connection_watches_max = 5000;
    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "n%u", i);
        watch(i % 200, 10000 + i, name);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "n%u", i);
        cr_assert(streams_about(&fx.shard, raw(name)) == 1);
    }
    cr_assert(streams_about(&fx.shard, raw("")) == 0);
}
