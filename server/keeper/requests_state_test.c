// Suspend, Resume and ReplaceState.
#include "keeper/requests.h"

#include "keeper/shard_fixture_test.h"

TestSuite(requests_state, .init = fx_init, .fini = fx_fini, .timeout = 20);

static void ask_suspend(uint64_t number, const char *name) {
    ask_verb(number, VERB_SUSPEND, name, NULL, 0);
}

static void ask_replace(uint64_t number, const char *name, const char *state) {
    ask_verb(number, VERB_REPLACE_STATE, name, state, 0);
}

// Runs the replacement that waits for the actor.
static void play_replace(struct actor *actor, const char *state) {
    settle_loads();
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *turn = play_take(end, TURN_REPLACE);
    cr_assert(same(turn_payload(end, turn), text(state)));
    cr_assert(same(turn_name(end, turn), actor_name(actor)));
    play_state(end, turn->turn, state);
    step();
}

// --- suspend and resume ---

Test(requests_state, a_suspended_actor_takes_nothing_until_it_is_resumed) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_suspend(1, "a");
    cr_assert(done(1));
    cr_assert_str_eq(actor_status_text(actor), "suspended");
    ask_call(2, "a", "get");
    settle_loads();
    cr_assert(play_next(fake(0, 0)) == NULL);
    ask_resume(3, "a");
    cr_assert(done(3));
    cr_assert_str_eq(actor_status_text(actor), "running");
    settle_loads();
    play_reply(fake(0, 0), play_take(fake(0, 0), TURN_CALL)->turn, "got", NULL);
    step();
    cr_assert(replied(2, "got"));
}

Test(requests_state, suspending_twice_is_fine_and_one_resume_is_enough) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_suspend(1, "a");
    ask_suspend(2, "a");
    cr_assert(done(2));
    ask_resume(3, "a");
    cr_assert(actor->held == 0);
    ask_resume(4, "a");
    cr_assert(failed(4, STATUS_INVALID), "it is not suspended");
}

Test(requests_state, nobody_cannot_be_suspended_nor_one_that_ends) {
    host_joins(1);
    ask_suspend(1, "nobody");
    cr_assert(failed(1, STATUS_NOPROC));
    up("a");
    ask_stop(2, "a");
    ask_suspend(3, "a");
    cr_assert(failed(3, STATUS_INVALID));
}

Test(requests_state, one_over_its_intensity_that_is_suspended_too_is_resumed_at_once) {
    host_joins(1);
    struct request request = start_request("a");
    request.on_intensity = INTENSITY_SUSPEND;
    request.has_intensity = true;
    request.period_ms = 5000;
    struct actor *actor = up_with(&request);
    crash_once(actor, 1, "a");
    cr_assert(actor->life == ACTOR_SUSPENDED);
    ask_suspend(2, "a");
    ask_resume(3, "a");
    cr_assert(done(3));
    cr_assert(actor->held == 0);
    cr_assert(actor->life == ACTOR_RESTARTING);
}

Test(requests_state, a_suspension_does_not_disturb_the_timeout_and_a_message_does) {
    host_joins(1);
    struct actor *actor = up("a");
    cr_assert(heap_arm(&fx.shard.timers, &actor->idle, fx.shard.now_ms + 100) == STATUS_OK);
    ask_suspend(1, "a");
    ask_resume(2, "a");
    ask_replace(3, "a", "s1");
    play_replace(actor, "s1");
    cr_assert(done(3));
    cr_assert(timer_armed(&actor->idle));
    ask_cast(4, "a", "c");
    cr_assert(!timer_armed(&actor->idle));
}

// --- replace ---

Test(requests_state, a_new_state_is_in_the_mirror_when_it_is_answered) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_replace(1, "a", "s1");
    step();
    cr_assert(!answered(1));
    play_replace(actor, "s1");
    cr_assert(done(1));
    cr_assert(mirror_has(actor, "s1", 2));
}

Test(requests_state, a_new_state_comes_before_the_messages_that_wait) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_suspend(1, "a");
    ask_cast(2, "a", "c");
    ask_replace(3, "a", "s1");
    play_replace(actor, "s1");
    cr_assert(done(3));
    cr_assert(actor->waiting == 1);
    ask_resume(4, "a");
    settle_loads();
    cr_assert(play_take(home_of(actor), TURN_CAST) != NULL);
}

Test(requests_state, a_refused_state_changes_nothing_and_the_caller_learns_why) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_replace(1, "a", "bad");
    step();
    const struct turn_record *turn = play_take(fake(0, 0), TURN_REPLACE);
    play_refuse(fake(0, 0), turn->turn, COMMIT_CODE_ERROR, "callback_failed");
    step();
    cr_assert(failed(1, STATUS_REFUSED));
    cr_assert(same(slice_of(answer_of(1)->body, answer_of(1)->bytes), text("callback_failed")));
    cr_assert(actor->life == ACTOR_RUNNING);
    cr_assert(mirror_has(actor, "s0", 1));
}

Test(requests_state, a_cold_actor_gets_its_new_state_without_reading_the_old_one) {
    host_joins(1);
    struct actor *actor = up("a");
    actor->home = HOME_COLD;
    ask_replace(1, "a", "s1");
    cr_assert(fx.shard.loads == 0);
    play_replace(actor, "s1");
    cr_assert(done(1));
}

Test(requests_state, an_actor_over_its_intensity_can_be_healed_by_a_new_state) {
    host_joins(1);
    struct request request = start_request("a");
    request.on_intensity = INTENSITY_SUSPEND;
    request.has_intensity = true;
    request.period_ms = 5000;
    struct actor *actor = up_with(&request);
    crash_once(actor, 1, "a");
    cr_assert(actor->life == ACTOR_SUSPENDED);
    ask_replace(2, "a", "s1");
    play_replace(actor, "s1");
    cr_assert(done(2));
    cr_assert(actor->life == ACTOR_SUSPENDED);
    ask_resume(3, "a");
    settle_loads();
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *init = play_take(end, TURN_INIT);
    cr_assert(same(turn_state(end, init), text("s1")));
}

Test(requests_state, a_new_state_that_kills_its_host_while_the_actor_rests_changes_nothing) {
    host_joins(1);
    host_joins(1);
    struct request request = start_request("a");
    request.on_intensity = INTENSITY_SUSPEND;
    request.has_intensity = true;
    request.period_ms = 5000;
    struct actor *actor = up_with(&request);
    crash_once(actor, 1, "a");
    ask_replace(2, "a", "s1");
    step();
    cr_assert(play_take(fake(0, 0), TURN_REPLACE) != NULL);
    play_death(fake(0, 0), DEATH_SIGNAL, 11);
    step();
    cr_assert(failed(2, STATUS_CRASHED));
    cr_assert(actor->life == ACTOR_SUSPENDED);
    cr_assert(mirror_has(actor, "s0", 1));
}

Test(requests_state, a_restart_that_comes_due_waits_for_the_new_state) {
    host_joins(1);
    struct request request = start_request("a");
    request.has_intensity = true;
    request.period_ms = 5000;
    struct actor *actor = up_with(&request);
    crash_once(actor, 1, "a");
    cr_assert(actor->life == ACTOR_WAITING);
    ask_replace(2, "a", "s1");
    step();
    const struct turn_record *turn = play_take(fake(0, 0), TURN_REPLACE);
    later(BACKOFF_MS_MIN);
    cr_assert(actor->life == ACTOR_RESTARTING);
    cr_assert(play_next(fake(0, 0)) == NULL);
    play_state(fake(0, 0), turn->turn, "s1");
    settle_loads();
    cr_assert(done(2));
    const struct turn_record *init = play_take(home_of(actor), TURN_INIT);
    cr_assert(same(turn_state(home_of(actor), init), text("s1")));
}

Test(requests_state, a_replacement_that_comes_back_from_a_lost_host_stays_behind_the_init) {
    host_joins(1);
    struct actor *actor = up("a");
    actor->on_intensity = INTENSITY_SUSPEND;
    actor->intensity = 0;
    crash_once(actor, 1, "a");
    cr_assert(actor->life == ACTOR_SUSPENDED);
    ask_replace(2, "a", "s1");
    ask_resume(3, "a");
    step();
    cr_assert(actor->life == ACTOR_RESTARTING);
    host_joins(1);
    hosts_lost(&fx.shard, fx.hosts[0].host, HOST_END_EXITED, NULL);
    settle_loads();
    play_done(home_of(actor), play_take(home_of(actor), TURN_INIT)->turn);
    step();
    play_state(home_of(actor), play_take(home_of(actor), TURN_REPLACE)->turn, "s1");
    step();
    cr_assert(done(2));
    cr_assert(actor->life == ACTOR_RUNNING);
}

Test(requests_state, behind_a_replacement_for_a_cold_actor_the_next_turn_brings_the_state) {
    uint32_t      first = host_joins(1);
    struct actor *actor = up("a");
    host_joins(1);
    hosts_lost(&fx.shard, fx.hosts[first].host, HOST_END_EXITED, NULL);
    ask_replace(1, "a", "s1");
    ask_call(2, "a", "x");
    play_replace(actor, "s1");
    cr_assert(done(1));
    settle_loads();
    // There is no copy: the worker keeps none where it had none.
    const struct turn_record *turn = play_take(home_of(actor), TURN_CALL);
    cr_assert(turn->flags == TURN_HAS_STATE);
    cr_assert(same(turn_state(home_of(actor), turn), text("s1")));
    play_reply(home_of(actor), turn->turn, "y", NULL);
    step();
    cr_assert(replied(2, "y"));
    cr_assert(fx.shard.metrics.skips == 0 && fx.shard.metrics.loads == 1);
}

Test(requests_state, what_is_wrong_with_a_replacement_is_told) {
    host_joins(1);
    up("a");
    ask_replace(1, "nobody", "s1");
    cr_assert(failed(1, STATUS_NOPROC));
    struct request request = {
        .verb = VERB_REPLACE_STATE, .name = raw("a"), .payload = raw("no Value")};
    cr_assert(ask(2, &request) == STATUS_OK);
    cr_assert(failed(2, STATUS_INVALID));
    request.payload = text("s1");
    request.limit_ms = DEADLINE_MS_MAX + 1;
    cr_assert(ask(3, &request) == STATUS_OK);
    cr_assert(failed(3, STATUS_INVALID));
}

Test(requests_state, a_replacement_whose_time_is_up_is_not_run_later) {
    host_joins(1);
    struct actor *actor = up("a");
    crash_once(actor, 1, "a");
    ask_verb(2, VERB_REPLACE_STATE, "a", "s1", 100);
    later(100);
    cr_assert(failed(2, STATUS_TIMEOUT));
    settle_loads();
    play_done(home_of(actor), play_take(home_of(actor), TURN_INIT)->turn);
    step();
    cr_assert(play_next(home_of(actor)) == NULL);
}

// --- what a host must not answer to it ---

static void answer_illegally(struct out out) {
    host_joins(1);
    up("a");
    ask_replace(1, "a", "s1");
    step();
    out.record.turn = play_take(fake(0, 0), TURN_REPLACE)->turn;
    play_send(fake(0, 0), &out);
    step();
    cr_assert(fx.shard.metrics.host_nonsense == 1);
}

Test(requests_state, a_commit_without_a_state_is_nonsense) {
    answer_illegally(out_of(COMMIT_DONE, 0, 0));
}

Test(requests_state, a_commit_that_stops_is_nonsense) {
    struct out out = out_of(COMMIT_DONE, 0, COMMIT_STOP);
    out_body(&out, ITEM_STATE, text("s1"));
    answer_illegally(out);
}

Test(requests_state, a_commit_with_effects_is_nonsense) {
    struct out out = out_of(COMMIT_DONE, 0, 0);
    out_body(&out, ITEM_STATE, text("s1"));
    out_add(&out, ITEM_SEND, 0, raw("a"), text("hello"));
    answer_illegally(out);
}

Test(requests_state, a_crash_is_nonsense) {
    struct out out = out_of(COMMIT_CRASH, 0, 0);
    out.record.code = COMMIT_CODE_RAISE;
    answer_illegally(out);
}

Test(requests_state, a_skip_is_nonsense) {
    answer_illegally(out_of(COMMIT_SKIP, 0, 0));
}

Test(requests_state, one_that_cannot_take_a_new_state_while_it_waits_is_not_restarted_by_itself) {
    host_joins(1);
    struct actor *actor = up("a");
    for (uint64_t i = 0; i < 4; i++) {
        crash_once(actor, 10 + i, "a");
        settle_loads();
        if (actor->life == ACTOR_RESTARTING) play_init(actor, NULL);
    }
    cr_assert(actor->life == ACTOR_WAITING);
    // As of a host with other code, which has no such behaviour.
    fx.shard.pools[POOL_GENERAL].active->index_of[actor->behaviour] = 0;
    ask_replace(1, "a", "new");
    settle_loads();
    cr_assert(actor->life == ACTOR_SUSPENDED);
    later(BACKOFF_MS_MAX);
    cr_assert(actor->life == ACTOR_SUSPENDED, "the timer is gone");
}
