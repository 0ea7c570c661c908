// What a commit does beyond its own actor.
#include "keeper/shard_fixture_test.h"

TestSuite(apply_effects, .init = fx_init, .fini = fx_fini, .timeout = 20);

// Casts to `name` and gives the turn.
static uint64_t cast_turn(struct fake_worker *end, const char *name) {
    ask_cast(0, name, "x");
    step();
    return play_take(end, TURN_CAST)->turn;
}

static void commit_one(struct fake_worker *end, uint64_t turn, enum item_kind kind, uint64_t token,
                       const char *name, struct slice body) {
    struct out out = out_of(COMMIT_DONE, turn, 0);
    out_add(&out, kind, token, raw(name), body);
    play_send(end, &out);
    step();
}

Test(apply_effects, a_send_arrives_as_info_and_a_cast_as_cast_in_order) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    struct actor *friend = up("b");
    struct out out = out_of(COMMIT_DONE, cast_turn(end, "a"), 0);
    out_add(&out, ITEM_SEND, 0, raw("b"), text("one"));
    out_add(&out, ITEM_CAST, 0, raw("b"), text("two"));
    play_send(end, &out);
    step();
    const struct turn_record *turn = play_take(end, TURN_INFO);
    cr_assert(turn->slot == friend->slot);
    cr_assert(same(turn_payload(end, turn), text("one")));
    cr_assert(same(turn_payload(end, play_take(end, TURN_CAST)), text("two")));
}

Test(apply_effects, a_message_to_nobody_is_dropped_and_counted) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    commit_one(end, cast_turn(end, "a"), ITEM_SEND, 0, "nobody", text("x"));
    cr_assert(fx.shard.metrics.dropped == 1);
    cr_assert(fx.shard.pools[POOL_GENERAL].active != NULL);
}

Test(apply_effects, a_message_to_a_full_mailbox_is_lost_and_the_turn_stands) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    up("b")->mailbox_max = 1;
    struct out out = out_of(COMMIT_DONE, cast_turn(end, "a"), 0);
    out_add(&out, ITEM_SEND, 0, raw("b"), text("one"));
    out_add(&out, ITEM_SEND, 0, raw("b"), text("two"));
    out_body(&out, ITEM_STATE, text("s1"));
    play_send(end, &out);
    step();
    cr_assert(actor->version == 2);
    cr_assert(fx.shard.metrics.mailbox_full == 1);
    play_take(end, TURN_INFO);
    cr_assert(play_next(end) == NULL);
}

Test(apply_effects, a_message_to_itself_is_its_next_turn) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    commit_one(end, cast_turn(end, "a"), ITEM_SEND, 0, "a", text("again"));
    cr_assert(actor->inflight == 1);
    play_done(end, play_take(end, TURN_INFO)->turn);
    step();
    cr_assert(actor->inflight == 0);
}

Test(apply_effects, a_started_actor_runs_its_init) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    commit_one(end, cast_turn(end, "a"), ITEM_START, strlen("other"), "otherb", text("seed"));
    struct actor *born = actor_named("b");
    cr_assert(born != NULL);
    const struct turn_record *turn = play_take(end, TURN_INIT);
    cr_assert(turn->slot == born->slot);
    cr_assert(same(turn_payload(end, turn), text("seed")));
    cr_assert_str_eq(fx.shard.behaviours.rows[born->behaviour].name, "other");
    play_state(end, turn->turn, "s0");
    step();
    cr_assert(born->life == ACTOR_RUNNING);
    cr_assert(born->restart == RESTART_TRANSIENT);
}

Test(apply_effects, a_start_under_a_taken_name_or_an_impossible_one_is_only_logged) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    char                long_name[310];
    memset(long_name, 'n', sizeof long_name);
    memcpy(long_name, "counter", 7);
    struct out out = out_of(COMMIT_DONE, cast_turn(end, "a"), 0);
    out_add(&out, ITEM_START, 7, raw("countera"), text("x"));
    out_add(&out, ITEM_START, 7, raw("strangeb"), text("x"));
    out_add(&out, ITEM_START, 7, raw("counter\x01"), text("x"));
    out_add(&out, ITEM_START, 7, raw("counterb"), raw("\xff"));
    out_add(&out, ITEM_START, 7, slice_of(long_name, sizeof long_name), text("x"));
    play_send(end, &out);
    step();
    cr_assert(fx.shard.actors.live == 1);
    cr_assert(fx.shard.pools[POOL_GENERAL].active != NULL);
    cr_assert(actor_named("a") == actor);
    cr_assert(play_next(end) == NULL);
}

Test(apply_effects, a_start_under_the_name_of_an_ended_actor_replaces_it) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    struct request      request = start_request("b");
    request.has_intensity = true;
    request.period_ms = 1000;
    request.on_intensity = INTENSITY_STOP;
    struct actor *old = up_with(&request);
    uint64_t      unit = old->unit;
    crash_once(old, 1, "b");
    cr_assert(life_of("b") == ACTOR_ENDED);
    commit_one(end, cast_turn(end, "a"), ITEM_START, 7, "counterb", text("x"));
    cr_assert(life_of("b") == ACTOR_STARTING);
    cr_assert(actor_named("b")->unit != unit);
}

Test(apply_effects, a_stop_of_another_actor_runs_its_terminate) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    struct actor *friend = up("b");
    commit_one(end, cast_turn(end, "a"), ITEM_STOP, 0, "b", text("shutdown"));
    const struct turn_record *turn = play_take(end, TURN_TERMINATE);
    cr_assert(turn->slot == friend->slot);
    cr_assert(same(turn_payload(end, turn), text("shutdown")));
    play_stop(end, turn->turn, 0, NULL);
    step();
    cr_assert(life_of("b") == ACTOR_FREE);
}

Test(apply_effects, a_stop_of_nobody_does_nothing) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    commit_one(end, cast_turn(end, "a"), ITEM_STOP, 0, "nobody", text("x"));
    cr_assert(fx.shard.actors.live == 1);
}

Test(apply_effects, a_stop_of_an_actor_that_is_restarting_ends_it) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    struct actor *friend = up("b");
    crash_once(friend, 1, "b");
    settle_loads();
    cr_assert(friend->life == ACTOR_RESTARTING);
    cr_assert(friend->inflight == 1);
    uint64_t init = play_take(end, TURN_INIT)->turn;
    play_done(end, init);
    step();
    crash_once(friend, 2, "b");
    settle_loads();
    // Its init lies in the ring behind the turn that stops it.
    uint64_t again = play_take(end, TURN_INIT)->turn;
    ask_cast(0, "a", "x");
    step();
    play_done(end, again);
    step();
    cr_assert(friend->life == ACTOR_RUNNING);
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    ask_kill(3, "b");
    settle_loads();
    cr_assert(friend->life == ACTOR_RESTARTING);
    commit_one(end, turn, ITEM_STOP, 0, "b", text("x"));
    cr_assert(life_of("b") == ACTOR_FREE);
    play_done(end, play_take(end, TURN_INIT)->turn);
    step();
    cr_assert(fx.shard.pools[POOL_GENERAL].active != NULL);
    cr_assert(life_of("a") == ACTOR_RUNNING);
}

Test(apply_effects, an_actor_can_stop_itself_by_name) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    commit_one(end, cast_turn(end, "a"), ITEM_STOP, 0, "a", text("normal"));
    cr_assert(actor->life == ACTOR_STOPPING);
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(apply_effects, an_init_can_stop_its_own_actor) {
    host_joins(1);
    ask_start(1, "a");
    step();
    struct fake_worker *end = fake(0, 0);
    struct out          out = out_of(COMMIT_DONE, play_take(end, TURN_INIT)->turn, 0);
    out_body(&out, ITEM_STATE, text("s0"));
    out_add(&out, ITEM_STOP, 0, raw("a"), text("normal"));
    play_send(end, &out);
    step();
    cr_assert(started(1));
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(apply_effects, an_init_after_a_crash_can_stop_its_own_actor) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    crash_once(actor, 1, "a");
    settle_loads();
    commit_one(end, play_take(end, TURN_INIT)->turn, ITEM_STOP, 0, "a", text("normal"));
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(apply_effects, a_terminate_can_still_send) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    up("b");
    ask_stop(1, "a");
    step();
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_TERMINATE)->turn, COMMIT_STOP);
    out_add(&out, ITEM_SEND, 0, raw("b"), text("farewell"));
    out_add(&out, ITEM_STOP, 0, raw("a"), text("again"));
    play_send(end, &out);
    step();
    cr_assert(done(1));
    cr_assert(life_of("a") == ACTOR_FREE);
    cr_assert(same(turn_payload(end, play_take(end, TURN_INFO)), text("farewell")));
}
