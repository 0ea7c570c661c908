#include "keeper/upgrade_fixture_test.h"

TestSuite(upgrade_change, .init = upgrade_begin, .fini = fx_fini, .timeout = 20);

Test(upgrade_change, an_idle_actor_moves_with_the_state_that_code_change_made) {
    two_hosts();
    struct actor    *actor = up("a");
    struct code_set *old = code_of(actor);
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker       *changes = new_hosts("2");
    const struct turn_record *turn = change_of(changes, actor, "s0");

    struct peeper_value payload = {turn_payload(changes, turn).data,
                                   turn_payload(changes, turn).bytes};
    struct peeper_value version, extra;
    cr_assert(peeper_value_at(payload, 0, &version) && peeper_value_is(version, "1"));
    cr_assert(peeper_value_at(payload, 1, &extra) && peeper_value_is(extra, "extra"));
    cr_assert(code_of(actor) == old);

    play_state(changes, turn->turn, "changed");
    step();
    cr_assert(is_new(actor));
    cr_assert(code_of(actor) != old);
    cr_assert(mirror_has(actor, "changed", 2));
    cr_assert(report_of(1)->changed == 1);
    cr_assert(report_of(1)->refused == 0);
    cr_assert_str_eq(shard_behaviour(&fx.shard, actor)->version, "2");
}

Test(upgrade_change, one_that_refuses_stays_where_it_is_and_says_why) {
    two_hosts();
    struct actor    *actor = up("a");
    struct code_set *old = code_of(actor);
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker *changes = new_hosts("2");
    play_refuse(changes, change_of(changes, actor, "s0")->turn, COMMIT_CODE_ERROR, "no thanks");
    step();
    cr_assert(report_of(1)->refused == 1);
    cr_assert(code_of(actor) == old);
    cr_assert_str_eq(actor->extra->refused, "no thanks");
    cr_assert(mirror_has(actor, "s0", 1));

    ask_call(2, "a", "m");
    step();
    play_reply(fake(0, 0), play_take(fake(0, 0), TURN_CALL)->turn, "r", NULL);
    step();
    cr_assert(replied(2, "r"));
}

Test(upgrade_change, a_state_that_changes_meanwhile_is_changed_again_with_the_actor_held) {
    two_hosts();
    struct actor *actor = up("a");
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker       *changes = new_hosts("2");
    const struct turn_record *turn = change_of(changes, actor, "s0");
    ask_call(2, "a", "m");
    step();
    play_reply(fake(0, 0), play_take(fake(0, 0), TURN_CALL)->turn, "r", "s1");
    step();
    play_state(changes, turn->turn, "changed s0");
    step();
    cr_assert(!is_new(actor));
    cr_assert(actor->changing);

    // What comes now waits, and is run by the new code.
    settle_loads();
    ask_call(3, "a", "m");
    step();
    play_state(changes, change_of(changes, actor, "s1")->turn, "changed s1");
    step();
    cr_assert(is_new(actor));
    cr_assert(mirror_has(actor, "changed s1", 3));
    settle_loads();
    struct fake_worker *home = home_of(actor);
    turn = play_take(home, TURN_CALL);
    cr_assert(same(turn_state(home, turn), text("changed s1")));
    play_reply(home, turn->turn, "r", NULL);
    step();
    cr_assert(replied(3, "r"));
    cr_assert(report_of(1)->changed == 1);
}

Test(upgrade_change, one_that_runs_a_turn_moves_when_that_has_ended) {
    two_hosts();
    struct actor *actor = up("a");
    ask_call(2, "a", "first");
    ask_call(3, "a", "second");
    step();
    const struct turn_record *running = play_take(fake(0, 0), TURN_CALL);
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker *changes = new_hosts("2");
    cr_assert(play_next(changes) == NULL);
    cr_assert(actor->changing);

    play_reply(fake(0, 0), running->turn, "r", "s1");
    step();
    settle_loads();
    step();
    cr_assert(replied(2, "r"));
    play_state(changes, change_of(changes, actor, "s1")->turn, "changed");
    step();
    cr_assert(is_new(actor));
    settle_loads();
    play_reply(home_of(actor), play_take(home_of(actor), TURN_CALL)->turn, "r2", NULL);
    step();
    cr_assert(replied(3, "r2"));
}

Test(upgrade_change, actors_of_other_behaviours_just_move) {
    two_hosts();
    struct request request = start_request("o");
    request.behaviour = raw("other");
    struct actor *actor = up_with(&request);
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker *changes = new_hosts("2");
    cr_assert(play_next(changes) == NULL);
    cr_assert(is_new(actor));
    cr_assert(mirror_has(actor, "s0", 1));
    cr_assert(report_of(1)->moved == 1);
    cr_assert(report_of(1)->changed == 0);
}

Test(upgrade_change, one_that_is_killed_meanwhile_moves_after_its_restart) {
    two_hosts();
    struct actor *actor = up("a");
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker       *changes = new_hosts("2");
    const struct turn_record *turn = change_of(changes, actor, "s0");
    ask_kill(2, "a");
    settle_loads();
    play_state(changes, turn->turn, "changed too early");
    step();
    cr_assert(!is_new(actor));
    // Its init runs with the old code, and the old state.
    const struct turn_record *init = play_take(fake(0, 0), TURN_INIT);
    cr_assert(same(turn_state(fake(0, 0), init), text("s0")));
    play_done(fake(0, 0), init->turn);
    step();
    settle_loads();
    step();
    play_state(changes, change_of(changes, actor, "s0")->turn, "changed");
    step();
    cr_assert(is_new(actor));
    cr_assert(mirror_has(actor, "changed", 2));
}

Test(upgrade_change, one_that_ends_meanwhile_is_gone) {
    two_hosts();
    struct actor *actor = up("a");
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker       *changes = new_hosts("2");
    const struct turn_record *turn = change_of(changes, actor, "s0");
    ask_stop(2, "a");
    step();
    play_stop(fake(0, 0), play_take(fake(0, 0), TURN_TERMINATE)->turn, 0, "normal");
    step();
    cr_assert(done(2));
    play_state(changes, turn->turn, "changed");
    step();
    cr_assert(report_of(1)->gone == 1);
}

Test(upgrade_change, while_the_mirror_is_full_a_changed_state_waits) {
    two_hosts();
    struct actor *actor = up("a");
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker       *changes = new_hosts("2");
    const struct turn_record *turn = change_of(changes, actor, "s0");
    mirror_fill();
    play_state(changes, turn->turn, "changed");
    step();
    cr_assert(!is_new(actor));
    mirror_resume();
    shard_mirror_room(&fx.shard);
    step();
    cr_assert(is_new(actor));
    cr_assert(mirror_has(actor, "changed", 2));
}

Test(upgrade_change, a_new_actor_begins_with_the_new_code) {
    two_hosts();
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    new_hosts("2");
    cr_assert(is_new(up("b")));
}

Test(upgrade_change, who_has_a_host_of_its_own_gets_another_one) {
    two_hosts();
    struct request request = start_request("own");
    request.isolation = ISOLATION_OWN;
    cr_assert(ask(9, &request) == STATUS_OK);
    joins("1");
    struct actor *actor = actor_named("own");
    play_init(actor, "s0");
    uint8_t before = actor->pool;
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker *changes = new_hosts("2");
    play_state(changes, change_of(changes, actor, "s0")->turn, "changed");
    step();
    cr_assert(is_new(actor));
    cr_assert(actor->pool != before);
    cr_assert(isolation_of(&fx.shard, actor) == ISOLATION_OWN);
    ask_call(2, "own", "m");
    while (shard_pool(&fx.shard, actor)->active == NULL) joins("2");
    settle_loads();
    play_reply(home_of(actor), play_take(home_of(actor), TURN_CALL)->turn, "r", NULL);
    step();
    cr_assert(replied(2, "r"));
}

// --- hosts that are lost ---

Test(upgrade_change, a_code_change_that_ends_its_host_is_a_refusal_and_the_others_are_asked_again) {
    two_hosts();
    struct actor *a = up("a"), *b = up("b");
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker *changes = new_hosts("2");
    change_of(changes, a, "s0");
    play_death(changes, DEATH_SIGNAL, SIGSEGV);
    step();
    cr_assert(a->life == ACTOR_RUNNING && !is_new(a));
    cr_assert(a->extra->refused != NULL);
    changes = changes_host("2");
    settle_loads();
    step();
    play_state(changes, change_of(changes, b, "s0")->turn, "changed");
    step();
    cr_assert(is_new(b));
    cr_assert(report_of(1)->changed == 1);
    cr_assert(report_of(1)->refused == 1);
}

Test(upgrade_change, nonsense_for_an_answer_ends_the_host_and_the_actor_is_asked_again) {
    two_hosts();
    struct actor *actor = up("a");
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker *changes = new_hosts("2");
    play_reply(changes, change_of(changes, actor, "s0")->turn, "what?", "changed");
    step();
    cr_assert(fx.shard.metrics.host_nonsense == 1);
    cr_assert(actor->life == ACTOR_RUNNING && !is_new(actor));
    cr_assert(fx.shard.upgrade != NULL);
}
