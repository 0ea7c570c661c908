#include "keeper/view.h"

#include "keeper/shard_fixture_test.h"

#include "base/memory_fault_test.h"

TestSuite(router, .init = fx_init, .fini = fx_fini, .timeout = 20);

static enum status deliver(struct actor *actor, struct slice payload, bool may_wait) {
    return router_deliver(&fx.shard, actor, TURN_CAST, CALLER_NOBODY, 0, payload, may_wait);
}

// --- straight into the ring ---

Test(router, a_message_for_a_hot_actor_goes_straight_into_its_ring) {
    host_joins(1);
    struct actor *actor = up("a");
    cr_assert(deliver(actor, text("x"), true) == STATUS_OK);
    cr_assert(actor->inflight == 1);
    cr_assert(actor->waiting == 0);
    cr_assert(play_next(fake(0, 0)) == NULL, "not before it is published");
    shard_publish(&fx.shard);
    const struct turn_record *turn = play_take(fake(0, 0), TURN_CAST);
    cr_assert(same(turn_payload(fake(0, 0), turn), text("x")));
    cr_assert(turn->epoch == actor->epoch);
}

Test(router, several_turns_of_one_actor_may_be_in_flight) {
    host_joins(2);
    struct actor *actor = up("a");
    for (int i = 0; i < 5; i++) cr_assert(deliver(actor, text("x"), true) == STATUS_OK);
    cr_assert(actor->inflight == 5);
    step();
    uint64_t last = 0;
    for (int i = 0; i < 5; i++) {
        const struct turn_record *turn = play_take(home_of(actor), TURN_CAST);
        cr_assert(turn->turn > last);
        last = turn->turn;
    }
}

Test(router, actors_are_spread_over_the_workers) {
    host_joins(4);
    uint32_t counts[4] = {0};
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%d", i);
        counts[up(name)->worker]++;
    }
    for (int i = 0; i < 4; i++) cr_assert(counts[i] == 5);
}

// --- a full ring ---

Test(router, a_full_ring_puts_off_who_may_wait_and_nothing_happened) {
    host_joins(1);
    struct actor *actor = up("a");
    int           count = fill_ring(actor);
    cr_assert(actor->inflight == (uint32_t)count);
    cr_assert(actor->waiting == 0);
    cr_assert(fx.shard.put_off);
    struct request call = {
        .verb = VERB_CALL, .name = raw("a"), .payload = slice_of(filling, sizeof filling)};
    cr_assert(ask(1, &call) == STATUS_AGAIN);
    cr_assert(!answered(1));
    step();
    cr_assert(fx.rooms == 0);
    // Room is offered when it is enough for any message that fits a ring.
    int done_count = 0;
    while (fx.rooms == 0) {
        play_done(fake(0, 0), play_take(fake(0, 0), TURN_CAST)->turn);
        step();
        done_count++;
    }
    cr_assert(done_count <= count);
    cr_assert(!fx.shard.put_off);
    cr_assert(ask(1, &call) == STATUS_OK);
    step();
    cr_assert(fx.rooms == 1);
}

Test(router, a_full_ring_lets_who_may_not_wait_wait_in_the_mailbox) {
    host_joins(1);
    struct actor *actor = up("a");
    int           count = fill_ring(actor);
    fx.options.waiting_bytes_max = 8u << 20;
    cr_assert(deliver(actor, slice_of(filling, sizeof filling), false) == STATUS_OK);
    cr_assert(deliver(actor, text("small"), true) == STATUS_OK, "not past what waits");
    cr_assert(actor->waiting == 2);
    step();
    for (int i = 0; i < count; i++) {
        play_done(fake(0, 0), play_take(fake(0, 0), TURN_CAST)->turn);
        step();
    }
    cr_assert(actor->waiting == 0);
    cr_assert(play_take(fake(0, 0), TURN_CAST)->payload_bytes == sizeof filling);
    cr_assert(same(turn_payload(fake(0, 0), play_take(fake(0, 0), TURN_CAST)), text("small")));
    cr_assert(fx.shard.waiting_bytes == 0);
}

Test(router, a_message_that_was_put_off_does_not_cost_the_timeout) {
    host_joins(1);
    struct actor *actor = up("a"), *other = up("b");
    cr_assert(deliver(actor, text("x"), true) == STATUS_OK);
    step();
    struct out out = out_of(COMMIT_DONE, play_take(fake(0, 0), TURN_CAST)->turn, COMMIT_TIMEOUT);
    out.record.due_ms = fx.shard.now_ms + 50;
    play_send(fake(0, 0), &out);
    step();
    fill_ring(other);
    cr_assert(deliver(actor, slice_of(filling, sizeof filling), true) == STATUS_AGAIN);
    cr_assert(timer_armed(&actor->idle));
}

Test(router, a_cold_actor_that_finds_the_ring_full_is_tried_again) {
    host_joins(1);
    struct actor *actor = up("a"), *cold = up("b");
    cr_assert(deliver(cold, text("rest"), true) == STATUS_OK);
    step();
    play_flags(fake(0, 0), play_take(fake(0, 0), TURN_CAST)->turn, COMMIT_HIBERNATE);
    step();
    int count = fill_ring(actor);
    fx.options.waiting_bytes_max = 8u << 20;
    cr_assert(deliver(cold, slice_of(filling, sizeof filling), false) == STATUS_OK);
    uint64_t loads = fx.shard.metrics.loads;
    settle_loads();
    settle_loads();
    cr_assert(fx.shard.metrics.loads == loads, "one load, and it stays the only one");
    cr_assert(cold->waiting == 1);
    for (int i = 0; i < count; i++) play_done(fake(0, 0), play_take(fake(0, 0), TURN_CAST)->turn);
    step();
    settle_loads();
    cr_assert(cold->waiting == 0);
    cr_assert(play_take(fake(0, 0), TURN_CAST)->slot == cold->slot);
}

Test(router, a_body_too_large_for_the_ring_goes_through_the_bulk_area_one_at_a_time) {
    host_joins(1);
    struct actor  *actor = up("a");
    static uint8_t large[TURN_RING_BYTES];
    memset(large, 'L', sizeof large);
    cr_assert(deliver(actor, slice_of(large, sizeof large), true) == STATUS_OK);
    cr_assert(deliver(actor, slice_of(large, sizeof large), true) == STATUS_AGAIN);
    step();
    const struct turn_record *turn = play_take(fake(0, 0), TURN_CAST);
    cr_assert(turn->flags == TURN_BULK);
    cr_assert(same(turn_payload(fake(0, 0), turn), slice_of(large, sizeof large)));
    cr_assert(fx.rooms == 0);
    play_done(fake(0, 0), turn->turn);
    step();
    cr_assert(fx.rooms == 1);
    cr_assert(deliver(actor, slice_of(large, sizeof large), true) == STATUS_OK);
}

// --- limits ---

Test(router, a_mailbox_has_a_limit_that_counts_what_waits_and_what_runs) {
    host_joins(1);
    struct request request = start_request("a");
    request.mailbox_max = 3;
    struct actor *actor = up_with(&request);
    for (int i = 0; i < 3; i++) cr_assert(deliver(actor, text("x"), true) == STATUS_OK);
    cr_assert(deliver(actor, text("x"), true) == STATUS_MAILBOX_FULL);
    cr_assert(fx.shard.metrics.mailbox_full == 1);
    ask_call(1, "a", "x");
    cr_assert(failed(1, STATUS_MAILBOX_FULL));
    cr_assert(answer_of(1)->retry_after_ms > 0);
    step();
    play_done(fake(0, 0), play_take(fake(0, 0), TURN_CAST)->turn);
    step();
    cr_assert(deliver(actor, text("x"), true) == STATUS_OK);
}

Test(router, the_bytes_of_all_mailboxes_have_a_limit) {
    fx.options.waiting_bytes_max = 10000;
    host_joins(1);
    struct actor *actor = up("a");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    static uint8_t payload[4000];
    cr_assert(deliver(actor, slice_of(payload, sizeof payload), true) == STATUS_OK);
    cr_assert(deliver(actor, slice_of(payload, sizeof payload), true) == STATUS_OK);
    cr_assert(deliver(actor, slice_of(payload, sizeof payload), true) == STATUS_OVERLOADED);
    struct request call = {
        .verb = VERB_CALL, .name = raw("a"), .payload = slice_of(payload, sizeof payload)};
    cr_assert(ask(1, &call) == STATUS_OK);
    cr_assert(failed(1, STATUS_OVERLOADED));
    cr_assert(answer_of(1)->retry_after_ms > 0);
    cr_assert(fx.shard.waiting_bytes > 8000);
    fx.options.waiting_bytes_max = 1; // a stop is let in all the same
    ask_stop(2, "a");
    cr_assert(!answered(2));
    host_joins(1);
    settle_loads();
    cr_assert(fx.shard.waiting_bytes == 0);
}

Test(router, a_message_over_the_bulk_area_is_too_large) {
    host_joins(1);
    struct actor *actor = up("a");
    uint8_t      *huge = malloc(TURN_BULK_BYTES + 1);
    cr_assert(huge != NULL);
    fx.options.waiting_bytes_max = UINT64_MAX / 2;
    cr_assert(deliver(actor, slice_of(huge, TURN_BULK_BYTES + 1), true) == STATUS_TOO_LARGE);
    cr_assert(actor->inflight == 0);
    free(huge);
}

Test(router, a_stop_is_let_into_a_full_mailbox) {
    host_joins(1);
    struct request request = start_request("a");
    request.mailbox_max = 1;
    struct actor *actor = up_with(&request);
    cr_assert(deliver(actor, text("x"), true) == STATUS_OK);
    cr_assert(deliver(actor, text("y"), true) == STATUS_MAILBOX_FULL);
    ask_stop(1, "a");
    step();
    play_done(fake(0, 0), play_take(fake(0, 0), TURN_CAST)->turn);
    play_stop(fake(0, 0), play_take(fake(0, 0), TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(done(1));
}

Test(router, a_stop_is_let_in_behind_a_full_mailbox_that_waits) {
    host_joins(1);
    struct request request = start_request("a");
    request.mailbox_max = 1;
    struct actor *actor = up_with(&request);
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    ask_call(1, "a", "x");
    ask_call(2, "a", "y");
    cr_assert(failed(2, STATUS_MAILBOX_FULL));
    ask_stop(3, "a");
    cr_assert(!answered(3));
    cr_assert(actor->waiting == 2);
    host_joins(1);
    settle_loads();
    play_reply(fake(1, 0), play_take(fake(1, 0), TURN_CALL)->turn, "x", NULL);
    play_stop(fake(1, 0), play_take(fake(1, 0), TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(replied(1, "x"));
    cr_assert(done(3));
}

Test(router, a_message_that_does_not_fit_beside_the_state_is_refused_and_the_actor_goes_on) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    uint8_t *huge = malloc(TURN_BULK_BYTES);
    cr_assert(huge != NULL);
    fx.options.waiting_bytes_max = UINT64_MAX / 2;
    struct request call = {
        .verb = VERB_CALL, .name = raw("a"), .payload = slice_of(huge, TURN_BULK_BYTES)};
    cr_assert(ask(1, &call) == STATUS_OK);
    ask_call(2, "a", "small");
    settle_loads();
    cr_assert(failed(1, STATUS_TOO_LARGE));
    cr_assert(actor->life == ACTOR_RUNNING);
    cr_assert(same(turn_payload(fake(1, 0), play_take(fake(1, 0), TURN_CALL)), text("small")));
    free(huge);
}

#ifdef CAN_REFUSE_MEMORY
Test(router, without_memory_for_an_envelope_the_sender_is_told) {
    host_joins(1);
    struct actor *actor = up("a");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    refuse_memory(1);
    enum status status = deliver(actor, text("x"), true);
    refuse_memory(0);
    cr_assert(status == STATUS_NO_MEMORY);
    cr_assert(actor->waiting == 0);
    cr_assert(fx.shard.waiting_bytes == 0);
}

Test(router, without_memory_for_a_load_the_actor_waits_for_another_load_to_end) {
    host_joins(1);
    struct actor *first = up("a"), *second = up("b");
    host_joins(1);
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    cr_assert(deliver(first, text("x"), true) == STATUS_OK);
    refuse_memory(2); // the envelope, then the load
    enum status status = deliver(second, text("y"), true);
    refuse_memory(0);
    cr_assert(status == STATUS_OK);
    cr_assert(fx.shard.loads == 1);
    cr_assert(second->waiting == 1);
    settle_loads();
    cr_assert(first->waiting == 0);
    cr_assert(second->waiting == 0);
}
#endif

// --- the mirror ---

Test(router, while_the_mirror_is_full_a_cold_actor_waits_for_its_state) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    mirror_fill();
    cr_assert(deliver(actor, text("x"), true) == STATUS_OK);
    step();
    cr_assert(fx.shard.loads == 0);
    cr_assert(actor->home == HOME_COLD);
    mirror_resume();
    settle_loads();
    cr_assert(same(turn_payload(fake(1, 0), play_take(fake(1, 0), TURN_CAST)), text("x")));
}

Test(router, messages_that_come_while_the_state_is_read_follow_in_order) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    cr_assert(deliver(actor, text("1"), true) == STATUS_OK);
    cr_assert(actor->home == HOME_LOADING);
    cr_assert(deliver(actor, text("2"), true) == STATUS_OK);
    cr_assert(deliver(actor, text("3"), true) == STATUS_OK);
    settle_loads();
    cr_assert(fx.shard.metrics.loads == 1);
    const struct turn_record *turn = play_take(fake(1, 0), TURN_CAST);
    cr_assert(turn->flags == TURN_HAS_STATE);
    cr_assert(same(turn_payload(fake(1, 0), turn), text("1")));
    turn = play_take(fake(1, 0), TURN_CAST);
    cr_assert(turn->flags == 0);
    cr_assert(same(turn_payload(fake(1, 0), turn), text("2")));
    cr_assert(same(turn_payload(fake(1, 0), play_take(fake(1, 0), TURN_CAST)), text("3")));
}

Test(router, a_state_that_nobody_wants_any_more_is_dropped) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    ask_verb(1, VERB_CALL, "a", "x", 10);
    cr_assert(actor->home == HOME_LOADING);
    fx.shard.now_ms += 10;
    shard_run_timers(&fx.shard);
    cr_assert(failed(1, STATUS_TIMEOUT));
    settle_loads();
    cr_assert(actor->home == HOME_COLD);
    cr_assert(play_next(fake(1, 0)) == NULL);
}

Test(router, a_state_that_comes_after_the_end_of_its_actor_reaches_nobody) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    ask_call(1, "a", "x");
    cr_assert(actor->home == HOME_LOADING);
    ask_kill(2, "a");
    ask_stop(3, "a");
    cr_assert(done(3));
    ask_start(4, "b");
    cr_assert(actor_named("b") == actor, "the slot has a new tenant");
    settle_loads();
    cr_assert(play_take(fake(1, 0), TURN_INIT)->state_bytes == 0);
    cr_assert(play_next(fake(1, 0)) == NULL);
}

Test(router, a_state_that_does_not_verify_suspends_its_actor) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    cr_assert(mirror_forget(fx.mirror, actor->slot, actor->unit) == STATUS_OK);
    ask_call(1, "a", "x");
    settle_loads();
    cr_assert(actor->life == ACTOR_SUSPENDED);
    cr_assert(!answered(1));
    later(DEADLINE_MS_DEFAULT);
    cr_assert(failed(1, STATUS_TIMEOUT));
}

Test(router, at_most_so_many_loads_are_under_way) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    fx.shard.loads = SHARD_LOADS_MAX;
    cr_assert(deliver(actor, text("x"), true) == STATUS_OK);
    cr_assert(actor->home == HOME_COLD);
    cr_assert(!list_empty(&fx.shard.starved));
    fx.shard.loads = 0;
    shard_mirror_room(&fx.shard);
    settle_loads();
    cr_assert(actor->waiting == 0);
}

static struct view view;

static void on_viewed(struct view *answer) {
    cr_assert(answer == &view);
}

// All reads that the mirror may owe us but one are somebody's, and a look at "looked_at" takes the
// last.
static void use_up_loads(void) {
    fx.shard.loads = SHARD_LOADS_MAX - 1;
    view_init(&view, VIEW_ACTOR, on_viewed);
    view.name_bytes = 9;
    memcpy(view.name, "looked_at", 9);
    view_run(&fx.shard, &view);
    cr_assert(fx.shard.loads == SHARD_LOADS_MAX);
}

static void await_view(void) {
    step();
    fx_wait(&fx.inbox);
    step();
    cr_assert(view.status == STATUS_OK);
    view_fini(&view);
}

Test(router, an_actor_that_waits_to_read_is_fed_when_a_look_has_ended) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    up("looked_at");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    use_up_loads();
    cr_assert(deliver(actor, text("x"), true) == STATUS_OK);
    cr_assert(actor->home == HOME_COLD);
    await_view();
    cr_assert(actor->home == HOME_LOADING);
    fx.shard.loads = 1;
    settle_loads();
    cr_assert(same(turn_payload(fake(1, 0), play_take(fake(1, 0), TURN_CAST)), text("x")));
}

Test(router, an_actor_that_wants_nothing_any_more_does_not_keep_the_next_from_reading) {
    host_joins(1);
    host_joins(1);
    struct actor *first = up("a"), *second = up("b");
    up("looked_at");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    use_up_loads();
    ask_verb(1, VERB_CALL, "a", "x", 10);
    ask_call(2, "b", "y");
    fx.shard.now_ms += 10;
    shard_run_timers(&fx.shard); // without a publication, so that the look is still to come
    cr_assert(failed(1, STATUS_TIMEOUT));
    cr_assert(first->waiting == 0);
    await_view();
    cr_assert(first->home == HOME_COLD);
    cr_assert(second->home == HOME_LOADING);
    fx.shard.loads = 1;
    settle_loads();
    play_reply(fake(1, 0), play_take(fake(1, 0), TURN_CALL)->turn, "z", NULL);
    step();
    cr_assert(replied(2, "z"));
}

Test(router, a_load_that_nobody_wants_any_more_feeds_the_next) {
    host_joins(1);
    host_joins(1);
    struct actor *first = up("a"), *second = up("b");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    fx.shard.loads = SHARD_LOADS_MAX - 1;
    ask_verb(1, VERB_CALL, "a", "x", 10);
    ask_call(2, "b", "y");
    cr_assert(first->home == HOME_LOADING);
    cr_assert(second->home == HOME_COLD);
    fx.shard.now_ms += 10;
    shard_run_timers(&fx.shard); // before the state is here
    cr_assert(first->waiting == 0);
    shard_publish(&fx.shard);
    fx_wait(&fx.inbox);
    shard_receive(&fx.shard);
    cr_assert(second->home == HOME_LOADING);
    fx.shard.loads = 1;
    settle_loads();
    cr_assert(second->waiting == 0);
}
