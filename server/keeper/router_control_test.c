#include "keeper/router.h"

#include "keeper/shard_fixture_test.h"

TestSuite(router_control, .init = fx_init, .fini = fx_fini, .timeout = 20);

static struct envelope *terminate_for(uint64_t number) {
    struct envelope *envelope =
        envelope_create(TURN_TERMINATE, client(number), fx.shard.now_ms, 0, text("shutdown"));
    cr_assert(envelope != NULL);
    return envelope;
}

static void casts(const char *name, int from, int to) {
    char letter[12];
    for (int i = from; i < to; i++) {
        snprintf(letter, sizeof letter, "%d", i);
        ask_cast(0, name, letter);
    }
}

// Plays whatever the worker still has of turns that were taken back.
static const struct turn_record *next_valid(struct fake_worker *end) {
    const struct turn_record *turn;
    while ((turn = play_next(end)) != NULL && turn->note_void) play_skip(end, turn->turn);
    return turn;
}

static void expect_casts(struct actor *actor, int from, int to) {
    char letter[12];
    for (int i = from; i < to; i++) {
        struct fake_worker       *end = home_of(actor);
        const struct turn_record *turn = next_valid(end);
        cr_assert(turn != NULL, "cast %d is missing", i);
        cr_assert(turn->kind == TURN_CAST);
        snprintf(letter, sizeof letter, "%d", i);
        cr_assert(same(turn_payload(end, turn), text(letter)), "not cast %d", i);
        play_done(end, turn->turn);
        step();
    }
}

Test(router_control, a_terminate_overtakes_1000_casts) {
    host_joins(1);
    struct actor *actor = up("a");
    casts("a", 0, 1000);
    step();
    router_enqueue_control(&fx.shard, actor, terminate_for(1));
    cr_assert(actor->waiting == 1001);
    settle_loads();
    const struct turn_record *turn = next_valid(fake(0, 0));
    cr_assert(turn->kind == TURN_TERMINATE);
    play_stop(fake(0, 0), turn->turn, 0, "shutdown");
    step();
    cr_assert(done(1));
    cr_assert(actor_named("a") == NULL);
}

Test(router_control, what_was_overtaken_survives_a_restart_in_order) {
    host_joins(1);
    struct actor *actor = up("a");
    casts("a", 0, 1000);
    step();
    struct envelope *info =
        envelope_create(TURN_INFO, CALLER_NOBODY, fx.shard.now_ms, 0, text("crash"));
    router_enqueue_control(&fx.shard, actor, info);
    settle_loads();
    const struct turn_record *turn = next_valid(fake(0, 0));
    cr_assert(turn->kind == TURN_INFO);
    play_crash(fake(0, 0), turn->turn, COMMIT_CODE_RAISE, "boom");
    settle_loads();
    turn = next_valid(home_of(actor));
    cr_assert(turn->kind == TURN_INIT);
    play_done(home_of(actor), turn->turn);
    step();
    expect_casts(actor, 0, 1000);
    cr_assert(actor->waiting == 0);
}

Test(router_control, the_turn_that_runs_ends_first_and_its_state_counts) {
    host_joins(1);
    struct actor *actor = up("a");
    casts("a", 0, 3);
    step();
    const struct turn_record *running = play_take(fake(0, 0), TURN_CAST);
    router_enqueue_control(&fx.shard, actor, terminate_for(1));
    cr_assert(actor->inflight == 1);
    cr_assert(actor->stale, "the worker may have begun what was taken back");
    step();
    cr_assert(fx.shard.loads == 0, "nothing of it is read before that turn has committed");
    play_state(fake(0, 0), running->turn, "s1");
    settle_loads();
    const struct turn_record *turn = next_valid(fake(0, 0));
    cr_assert(turn->kind == TURN_TERMINATE);
    cr_assert(same(turn_state(fake(0, 0), turn), text("s1")));
    play_stop(fake(0, 0), turn->turn, 0, "shutdown");
    step();
    cr_assert(done(1));
    cr_assert(actor_named("a") == NULL);
}

Test(router_control, what_comes_meanwhile_waits_behind_it) {
    host_joins(1);
    struct actor *actor = up("a");
    casts("a", 0, 2);
    step();
    const struct turn_record *running = play_take(fake(0, 0), TURN_CAST);
    router_enqueue_control(&fx.shard, actor, terminate_for(1));
    // Its copy is stale now; nothing may go directly to it.
    casts("a", 2, 3);
    cr_assert(actor->inflight == 1);
    play_done(fake(0, 0), running->turn);
    settle_loads();
    cr_assert(next_valid(fake(0, 0))->kind == TURN_TERMINATE);
}

Test(router_control, keeps_the_order_of_its_own) {
    host_joins(1);
    struct actor *actor = up("a");
    casts("a", 0, 2);
    for (int i = 0; i < 3; i++) {
        struct envelope *info = envelope_create(TURN_INFO, CALLER_NOBODY, fx.shard.now_ms, 0,
                                                text(i == 0   ? "x"
                                                     : i == 1 ? "y"
                                                              : "z"));
        router_enqueue_control(&fx.shard, actor, info);
    }
    settle_loads();
    for (int i = 0; i < 3; i++) {
        const struct turn_record *turn = next_valid(fake(0, 0));
        cr_assert(turn->kind == TURN_INFO);
        cr_assert(turn->note_control == 1);
        cr_assert(same(turn_payload(fake(0, 0), turn), text(i == 0 ? "x" : i == 1 ? "y" : "z")));
        play_done(fake(0, 0), turn->turn);
        step();
    }
    expect_casts(actor, 0, 2);
}

Test(router_control, is_never_refused_by_a_full_mailbox) {
    fx.options.mailbox_max = 2;
    host_joins(1);
    struct actor *actor = up("a");
    casts("a", 0, 2);
    ask_cast(1, "a", "2");
    cr_assert(failed(1, STATUS_MAILBOX_FULL));
    router_enqueue_control(&fx.shard, actor, terminate_for(2));
    settle_loads();
    cr_assert(next_valid(fake(0, 0))->kind == TURN_TERMINATE);
}

Test(router_control, waits_behind_an_init) {
    host_joins(1);
    struct actor *actor = up("a");
    crash_once(actor, 1, "a");
    cr_assert(actor->life == ACTOR_RESTARTING);
    casts("a", 0, 1);
    router_enqueue_control(&fx.shard, actor, terminate_for(2));
    settle_loads();
    struct fake_worker *end = home_of(actor);
    play_done(end, play_take(end, TURN_INIT)->turn);
    step();
    cr_assert(play_take(end, TURN_TERMINATE) != NULL);
}

Test(router_control, comes_back_to_its_lane_when_a_host_dies) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    casts("a", 0, 2);
    step();
    cr_assert(play_take(fake(0, 0), TURN_CAST) != NULL);
    router_hold(&fx.shard, actor, HELD_SUSPENDED);
    router_enqueue_control(&fx.shard, actor, terminate_for(1));
    // The cast that was running comes back, too, and must not be in the way.
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    settle_loads();
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *turn = next_valid(end);
    cr_assert(turn->kind == TURN_TERMINATE);
    cr_assert(actor->waiting == 2);
}

// --- held ---

Test(router_control, messages_of_users_wait_while_held_and_go_on_in_order) {
    host_joins(1);
    struct actor *actor = up("a");
    casts("a", 0, 2);
    step();
    const struct turn_record *running = play_take(fake(0, 0), TURN_CAST);
    router_hold(&fx.shard, actor, HELD_SUSPENDED);
    casts("a", 2, 4);
    play_done(fake(0, 0), running->turn);
    settle_loads();
    cr_assert(next_valid(fake(0, 0)) == NULL);
    cr_assert(actor->waiting == 3);
    router_let_go(&fx.shard, actor, HELD_SUSPENDED);
    settle_loads();
    expect_casts(actor, 1, 4);
}

Test(router_control, one_reason_to_hold_stays_when_another_goes) {
    host_joins(1);
    struct actor *actor = up("a");
    router_hold(&fx.shard, actor, HELD_SUSPENDED);
    router_hold(&fx.shard, actor, HELD_AWAITING);
    casts("a", 0, 1);
    router_let_go(&fx.shard, actor, HELD_AWAITING);
    settle_loads();
    cr_assert(next_valid(fake(0, 0)) == NULL);
    router_let_go(&fx.shard, actor, HELD_SUSPENDED);
    settle_loads();
    expect_casts(actor, 0, 1);
}

Test(router_control, a_stop_passes_what_is_held_whether_it_came_before_or_after) {
    host_joins(1);
    struct actor       *before = up("a"), *after = up("b");
    struct fake_worker *end = fake(0, 0);
    casts("a", 0, 2);
    ask_stop(1, "a");
    router_hold(&fx.shard, before, HELD_SUSPENDED);
    router_hold(&fx.shard, after, HELD_SUSPENDED);
    casts("b", 0, 2);
    ask_stop(2, "b");
    settle_loads();
    for (int i = 0; i < 2; i++) {
        const struct turn_record *turn = next_valid(end);
        cr_assert(turn->kind == TURN_TERMINATE);
        play_stop(end, turn->turn, 0, NULL);
        settle_loads();
    }
    cr_assert(done(1));
    cr_assert(done(2));
}

Test(router_control, one_that_is_held_while_its_state_is_read_runs_nothing) {
    host_joins(1);
    struct actor *actor = up("a");
    actor->home = HOME_COLD;
    casts("a", 0, 1);
    cr_assert(actor->home == HOME_LOADING);
    router_hold(&fx.shard, actor, HELD_SUSPENDED);
    settle_loads();
    cr_assert(next_valid(fake(0, 0)) == NULL);
    router_let_go(&fx.shard, actor, HELD_SUSPENDED);
    settle_loads();
    expect_casts(actor, 0, 1);
}

Test(router_control, the_deadline_of_a_call_passes_while_the_actor_is_held) {
    host_joins(1);
    struct actor *actor = up("a");
    router_hold(&fx.shard, actor, HELD_SUSPENDED);
    ask_verb(1, VERB_CALL, "a", "get", 100);
    later(99);
    cr_assert(!answered(1));
    later(1);
    cr_assert(failed(1, STATUS_TIMEOUT));
    cr_assert_str_eq(answer_of(1)->message, "waited in the mailbox; the actor is suspended");
    cr_assert(actor->waiting == 0);
}

Test(router_control, a_held_actor_refuses_what_is_over_its_mailbox) {
    fx.options.mailbox_max = 2;
    host_joins(1);
    router_hold(&fx.shard, up("a"), HELD_SUSPENDED);
    casts("a", 0, 2);
    ask_cast(1, "a", "2");
    cr_assert(failed(1, STATUS_MAILBOX_FULL));
}

Test(router_control, a_restart_lets_go) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "crash");
    step();
    const struct turn_record *turn = play_take(fake(0, 0), TURN_CALL);
    router_hold(&fx.shard, actor, HELD_SUSPENDED);
    casts("a", 0, 1);
    play_crash(fake(0, 0), turn->turn, COMMIT_CODE_RAISE, "boom");
    settle_loads();
    cr_assert(actor->held == 0);
    play_done(home_of(actor), play_take(home_of(actor), TURN_INIT)->turn);
    step();
    expect_casts(actor, 0, 1);
}

Test(router_control, a_continue_runs_while_held_because_it_belongs_to_the_turn_before) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    casts("a", 0, 2);
    step();
    const struct turn_record *turn = play_take(fake(0, 0), TURN_CAST);
    play_continue(fake(0, 0), turn->turn, "on");
    step();
    router_hold(&fx.shard, actor, HELD_SUSPENDED);
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    settle_loads();
    struct fake_worker *end = home_of(actor);
    turn = play_take(end, TURN_CONTINUE);
    play_done(end, turn->turn);
    settle_loads();
    cr_assert(next_valid(end) == NULL);
    cr_assert(actor->waiting == 1);
}
