// What an actor's own timers do, with a clock that is a number.
#include "keeper/alarms.h"
#include "keeper/shard_fixture_test.h"

TestSuite(alarms, .init = fx_init, .fini = fx_fini, .timeout = 10);

// Runs one cast of "a" and answers it with a timer; `message` NULL: "timeout".
static void rest_with(struct fake_worker *end, int flags, uint64_t ms, const char *message) {
    ask_cast(0, "a", "x");
    settle_loads();
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_CAST)->turn, flags | COMMIT_TIMEOUT);
    out.record.due_ms = fx.shard.now_ms + ms;
    if (message != NULL) out_body(&out, ITEM_IDLE, text(message));
    play_send(end, &out);
    step();
}

static void rest(struct fake_worker *end, uint64_t ms, const char *message) {
    rest_with(end, 0, ms, message);
}

static bool took_info(struct fake_worker *end, const char *message) {
    const struct turn_record *turn = play_take(end, TURN_INFO);
    bool                      right = same(turn_payload(end, turn), text(message));
    play_done(end, turn->turn);
    step();
    return right;
}

Test(alarms, a_timer_brings_its_message_once_and_not_early) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    rest(end, 50, "tick");
    later(49);
    cr_assert(play_next(end) == NULL);
    later(1);
    step();
    cr_assert(took_info(end, "tick"));
    later(1000);
    cr_assert(play_next(end) == NULL);
}

Test(alarms, the_newest_timer_has_its_own_message) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    rest(end, 50, "a longer message than the next");
    rest(end, 50, "short");
    later(50);
    step();
    cr_assert(took_info(end, "short"));
    rest(end, 50, "again");
    rest(end, 50, NULL);
    later(50);
    step();
    cr_assert(took_info(end, "timeout"));
}

Test(alarms, a_timer_outlives_its_host_but_not_its_incarnation) {
    host_joins(1);
    struct actor *actor = up("a");
    rest(home_of(actor), 50, "tick");
    host_joins(1);
    hosts_lost(&fx.shard, fx.hosts[0].host, HOST_END_EXITED, NULL);
    later(50);
    settle_loads();
    cr_assert(took_info(fake(1, 0), "tick"));
    rest(fake(1, 0), 50, "tick");
    ask_kill(1, "a");
    settle_loads();
    play_done(fake(1, 0), play_take(fake(1, 0), TURN_INIT)->turn);
    later(50);
    cr_assert(play_next(fake(1, 0)) == NULL);
    cr_assert(actor->waiting == 0);
}

Test(alarms, a_timer_that_came_but_was_not_handled_ends_with_its_incarnation) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    rest(end, 50, "tick");
    later(50);
    cr_assert(actor->inflight == 1);
    ask_cast(0, "a", "behind it");
    ask_kill(1, "a");
    settle_loads();
    // The records in the ring are void; a worker skips them.
    play_skip(end, play_take(end, TURN_INFO)->turn);
    play_skip(end, play_take(end, TURN_CAST)->turn);
    play_done(end, play_take(end, TURN_INIT)->turn);
    step();
    cr_assert(same(turn_payload(end, play_take(end, TURN_CAST)), text("behind it")));
    cr_assert(play_next(end) == NULL);
}

Test(alarms, the_message_of_a_timer_of_zero_survives_the_host) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_cast(0, "a", "x");
    ask_cast(0, "a", "y");
    step();
    struct out out = out_of(COMMIT_DONE, play_take(fake(0, 0), TURN_CAST)->turn, COMMIT_MORE);
    out_body(&out, ITEM_IDLE, text("first"));
    play_send(fake(0, 0), &out);
    step();
    host_joins(1);
    hosts_lost(&fx.shard, fx.hosts[0].host, HOST_END_EXITED, NULL);
    settle_loads();
    cr_assert(actor->home == HOME_HOT);
    cr_assert(took_info(fake(1, 0), "first"));
    cr_assert(same(turn_payload(fake(1, 0), play_take(fake(1, 0), TURN_CAST)), text("y")));
}

Test(alarms, a_message_of_a_timer_without_a_timer_is_nonsense) {
    static const int flags[] = {0, COMMIT_HIBERNATE, COMMIT_STOP, COMMIT_STOP | COMMIT_MORE};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        host_joins(1);
        up("a");
        ask_cast(0, "a", "x");
        step();
        uint64_t   turn = play_take(fake(0, 0), TURN_CAST)->turn;
        struct out out = out_of(COMMIT_DONE, turn, flags[i]);
        out_body(&out, ITEM_IDLE, text("tick"));
        play_send(fake(0, 0), &out);
        step();
        cr_assert(fx.hosts[0].host->state == HOST_DEAD, "flags %d", flags[i]);
        fx_fini();
        memset(&fx, 0, sizeof fx);
        fx_init();
    }
}

// A cast runs, and a new state from an operator comes in between.
static struct out replaced_meanwhile(struct fake_worker *end) {
    ask_cast(0, "a", "x");
    step();
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_CAST)->turn, COMMIT_TIMEOUT);
    out.record.due_ms = fx.shard.now_ms + 50;
    out_body(&out, ITEM_IDLE, text("tick"));
    ask_verb(1, VERB_REPLACE_STATE, "a", "s9", 0);
    step();
    return out;
}

Test(alarms, a_state_that_an_operator_replaces_does_not_cost_the_timer) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    struct out          out = replaced_meanwhile(end);
    play_send(end, &out);
    step();
    play_state(end, play_take(end, TURN_REPLACE)->turn, "s9");
    step();
    cr_assert(done(1));
    later(50);
    step();
    cr_assert(took_info(end, "tick"));
    rest(end, 50, NULL);
    cr_assert(!actor->replaced);
}

Test(alarms, a_message_behind_a_replaced_state_still_comes_instead_of_the_timer) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    struct out          out = replaced_meanwhile(end);
    ask_cast(0, "a", "y");
    play_send(end, &out);
    step();
    play_state(end, play_take(end, TURN_REPLACE)->turn, "s9");
    step();
    play_done(end, play_take(end, TURN_CAST)->turn);
    later(100);
    cr_assert(play_next(end) == NULL);
}

// --- hibernation ---

static struct actor *up_sleepy(const char *name, uint32_t hibernate_after_ms) {
    struct request request = start_request(name);
    request.hibernate_after_ms = hibernate_after_ms;
    return up_with(&request);
}

static void work(struct fake_worker *end) {
    ask_cast(0, "a", "x");
    settle_loads();
    play_done(end, play_take(end, TURN_CAST)->turn);
    step();
}

static void took_forget(struct fake_worker *end) {
    const struct turn_record *turn = play_take(end, TURN_FORGET);
    cr_assert(turn->note_void);
    play_done(end, turn->turn);
    step();
}

Test(alarms, an_actor_becomes_dormant_after_it_was_idle_and_wakes_with_its_state) {
    host_joins(1);
    struct actor       *actor = up_sleepy("a", 100);
    struct fake_worker *end = home_of(actor);
    uint64_t            turns = fx.shard.metrics.turns;
    later(99);
    cr_assert(actor->home == HOME_HOT);
    later(1);
    step();
    cr_assert(actor->home == HOME_DORMANT);
    took_forget(end);
    cr_assert(fx.shard.metrics.turns == turns, "to forget is no turn");
    cr_assert(fx.shard.metrics.commits_ignored == 0);
    cr_assert(actor->inflight == 0);

    ask_call(1, "a", "wake");
    settle_loads();
    const struct turn_record *turn = play_take(end, TURN_CALL);
    cr_assert(turn->flags & TURN_HAS_STATE);
    cr_assert(same(turn_state(end, turn), text("s0")));
    play_reply(end, turn->turn, "awake", NULL);
    step();
    cr_assert(replied(1, "awake"));
    cr_assert(actor->home == HOME_HOT);
    later(100);
    step();
    took_forget(end);
    cr_assert(actor->home == HOME_DORMANT);
}

Test(alarms, each_turn_begins_the_idleness_anew_without_touching_the_heap) {
    host_joins(1);
    struct actor       *actor = up_sleepy("a", 100);
    struct fake_worker *end = home_of(actor);
    uint64_t            due_ms = actor->extra->alarms->hibernate.due_ms;
    later(60);
    work(end);
    cr_assert(actor->extra->alarms->hibernate.due_ms == due_ms, "only noted");
    later(40);
    cr_assert(actor->home == HOME_HOT);
    cr_assert(actor->extra->alarms->hibernate.due_ms == due_ms + 60);
    later(59);
    cr_assert(actor->home == HOME_HOT);
    later(1);
    step();
    took_forget(end);
}

Test(alarms, an_actor_with_a_turn_in_flight_is_not_idle) {
    host_joins(1);
    struct actor       *actor = up_sleepy("a", 100);
    struct fake_worker *end = home_of(actor);
    later(90);
    ask_cast(0, "a", "x");
    step();
    const struct turn_record *turn = play_take(end, TURN_CAST);
    later(500);
    cr_assert(actor->home == HOME_HOT);
    play_done(end, turn->turn);
    step();
    later(99);
    cr_assert(actor->home == HOME_HOT);
    later(1);
    cr_assert(actor->home == HOME_DORMANT);
}

Test(alarms, a_message_behind_the_forgetting_is_run_in_order_on_a_new_copy) {
    host_joins(1);
    struct actor       *actor = up_sleepy("a", 100);
    struct fake_worker *end = home_of(actor);
    later(100);
    ask_cast(0, "a", "one");
    ask_cast(0, "a", "two");
    settle_loads();
    took_forget(end);
    const struct turn_record *turn = play_take(end, TURN_CAST);
    cr_assert(turn->flags & TURN_HAS_STATE);
    cr_assert(same(turn_payload(end, turn), text("one")));
    play_done(end, turn->turn);
    turn = play_take(end, TURN_CAST);
    cr_assert(same(turn_payload(end, turn), text("two")));
    play_done(end, turn->turn);
    step();
    cr_assert(actor->inflight == 0);
}

Test(alarms, whatever_a_host_answers_to_forget_changes_nothing) {
    host_joins(1);
    struct actor       *actor = up_sleepy("a", 100);
    struct fake_worker *end = home_of(actor);
    later(100);
    step();
    uint64_t turn = play_take(end, TURN_FORGET)->turn;
    play_crash(end, turn, COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
    cr_assert(actor->extra->trouble == NULL);
    cr_assert(end->keeper_end->inflight == 0);
}

Test(alarms, a_dormant_actor_keeps_its_timer) {
    host_joins(1);
    struct actor       *actor = up_sleepy("a", 100);
    struct fake_worker *end = home_of(actor);
    rest(end, 300, "tick");
    later(100);
    step();
    took_forget(end);
    later(200);
    settle_loads();
    cr_assert(took_info(end, "tick"));
    cr_assert(actor->home == HOME_HOT);
}

Test(alarms, the_death_of_a_host_leaves_a_dormant_actor_alone) {
    host_joins(1);
    struct actor *actor = up_sleepy("a", 100);
    later(100);
    host_joins(1);
    hosts_lost(&fx.shard, fx.hosts[0].host, HOST_END_EXITED, NULL);
    cr_assert(actor->home == HOME_DORMANT);
    work(fake(1, 0));
    cr_assert(actor->home == HOME_HOT);
}

Test(alarms, a_restart_keeps_the_wish_to_hibernate) {
    host_joins(1);
    struct actor       *actor = up_sleepy("a", 100);
    struct fake_worker *end = home_of(actor);
    crash_once(actor, 1, "a");
    settle_loads();
    play_done(end, play_take(end, TURN_INIT)->turn);
    step();
    later(100);
    cr_assert(actor->home == HOME_DORMANT);
}

Test(alarms, a_full_ring_puts_the_forgetting_off) {
    host_joins(1);
    struct actor  *actor = up_sleepy("a", 100);
    struct worker *worker = router_worker(&fx.shard, actor);
    uint64_t       head = worker->head;
    worker->head = worker->tail + worker->turns.data_bytes;
    later(100);
    cr_assert(actor->home == HOME_HOT);
    worker->head = head;
    later(100);
    cr_assert(actor->home == HOME_DORMANT);
}

Test(alarms, the_behaviour_has_a_default_that_a_start_overrides) {
    uint32_t   host = host_spawned(1);
    struct out out = out_of(COMMIT_BEHAVIOUR, 0, 0);
    out.record.hibernate_after_ms = 70;
    out_body(&out, ITEM_TEXT, raw("counter"));
    out_body(&out, ITEM_REASON, raw("1"));
    play_send(fake(host, 0), &out);
    announce_ready(fake(host, 0));
    step();
    struct actor *actor = up("a"), *awake = up_sleepy("b", HIBERNATE_NEVER),
                 *other = up_sleepy("c", 30);
    later(30);
    cr_assert(other->home == HOME_DORMANT);
    later(40);
    cr_assert(actor->home == HOME_DORMANT);
    cr_assert(awake->home == HOME_HOT);
    cr_assert(awake->extra->alarms == NULL);
}
