#include "keeper/upgrade_fixture_test.h"

TestSuite(upgrade, .init = upgrade_begin, .fini = fx_fini, .timeout = 20);

// --- pools and sets ---

Test(upgrade, old_hosts_leave_when_nobody_is_left) {
    two_hosts();
    struct actor *actor = up("a");
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker *changes = new_hosts("2");
    uint32_t            alive = fx.shard.pool_count;
    play_state(changes, change_of(changes, actor, "s0")->turn, "changed");
    step();
    later(1);
    step();
    cr_assert(fx.shard.pools[POOL_GENERAL].open == false);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == NULL);
    cr_assert(fx.shard.pool_count <= alive);
    cr_assert(fx.hosts[0].host->state == HOST_DEAD);
    cr_assert(fx.hosts[1].host->state == HOST_DEAD);
}

Test(upgrade, who_has_refused_is_asked_again_by_the_next_one) {
    two_hosts();
    struct actor *actor = up("a");
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker *changes = new_hosts("2");
    play_refuse(changes, change_of(changes, actor, "s0")->turn, COMMIT_CODE_ERROR, "no");
    step();
    later(1);
    cr_assert(ask_upgrade(2, "2", false) == STATUS_OK);
    changes = new_hosts("2");
    play_state(changes, change_of(changes, actor, "s0")->turn, "changed");
    step();
    cr_assert(is_new(actor));
    cr_assert(actor->extra->refused == NULL);
    cr_assert(report_of(2)->changed == 1);
}

Test(upgrade, no_more_versions_than_a_few_are_kept_alive) {
    two_hosts();
    char name[2] = "a", version[2] = "2";
    for (uint32_t i = 1; i < CODE_SETS_MAX; i++, name[0]++, version[0]++) {
        up(name);
        cr_assert(ask_upgrade(i, version, false) == STATUS_OK);
        struct fake_worker       *changes = new_hosts(version);
        const struct turn_record *turn;
        while ((turn = play_next(changes)) != NULL) {
            play_refuse(changes, turn->turn, COMMIT_CODE_ERROR, "no");
            step();
        }
        later(1);
        step();
        cr_assert(report_of(i)->refused == i);
    }
    ask_upgrade(99, "9", false);
    cr_assert(failed(99, STATUS_OVERLOADED));
}

// --- what is wrong from the beginning ---

Test(upgrade, native_code_from_clients_is_forbidden_unless_the_server_allows_it) {
    two_hosts();
    fx.options.allow_native_deploy = false;
    ask_upgrade(1, "2", false);
    cr_assert(failed(1, STATUS_FORBIDDEN));
    // The server's own directory is another matter.
    struct request request = {.verb = VERB_UPGRADE, .name = raw("counter")};
    cr_assert(ask(2, &request) == STATUS_OK);
    cr_assert(fx.code_reads == 1);
    upgrade_code_read(&fx.shard, NULL);
    cr_assert(failed(2, STATUS_NOT_FOUND));
}

Test(upgrade, a_request_that_cannot_be_is_refused_at_once) {
    two_hosts();
    struct request request = {.verb = VERB_UPGRADE, .name = raw("nonesuch")};
    ask(1, &request);
    cr_assert(failed(1, STATUS_UNKNOWN_BEHAVIOUR));
    request = (struct request){.verb = VERB_DEPLOY, .payload = raw("x")};
    ask(2, &request);
    cr_assert(failed(2, STATUS_INVALID));
    request = (struct request){.verb = VERB_DEPLOY, .file = raw("a.txt"), .payload = raw("x")};
    ask(3, &request);
    cr_assert(failed(3, STATUS_INVALID));
    request = (struct request){.verb = VERB_DEPLOY, .file = raw("a.so")};
    ask(4, &request);
    cr_assert(failed(4, STATUS_INVALID));
    request = (struct request){
        .verb = VERB_DEPLOY, .file = raw("a.so"), .payload = raw("x"), .extra = raw("\xff\xff")};
    ask(5, &request);
    cr_assert(failed(5, STATUS_INVALID));
    cr_assert(fx.shard.upgrade == NULL);
}

Test(upgrade, only_one_runs_at_a_time) {
    two_hosts();
    ask_upgrade(1, "2", false);
    ask_upgrade(2, "3", false);
    cr_assert(failed(2, STATUS_OVERLOADED));
    cr_assert(!answered(1));
}

Test(upgrade, a_host_that_does_not_come_up_changes_nothing) {
    two_hosts();
    struct actor *actor = up("a");
    ask_upgrade(1, "2", false);
    hosts_refill(&fx.shard);
    uint32_t host = host_spawned(1);
    step();
    hosts_lost(&fx.shard, fx.hosts[host].host, HOST_END_SIGNAL, NULL);
    step();
    cr_assert(failed(1, STATUS_REFUSED));
    later(1);
    step();
    cr_assert(is_new(actor));
    cr_assert(fx.shard.pool_count == 1);
    ask_call(2, "a", "m");
    step();
    play_reply(fake(0, 0), play_take(fake(0, 0), TURN_CALL)->turn, "r", NULL);
    step();
    cr_assert(replied(2, "r"));
}

Test(upgrade, a_file_that_does_not_load_is_refused_with_what_the_host_says) {
    two_hosts();
    ask_upgrade(1, "2", false);
    hosts_refill(&fx.shard);
    uint32_t   host = host_spawned(1);
    struct out out = out_of(COMMIT_LOAD_FAILED, 0, 0);
    out_body(&out, ITEM_TEXT, raw("counter.so"));
    out_body(&out, ITEM_REASON, raw("it smells"));
    play_send(fake(host, 0), &out);
    announce(fake(host, 0), "other", "1", 0);
    announce_ready(fake(host, 0));
    step();
    cr_assert(failed(1, STATUS_REFUSED));
    cr_assert_str_eq(answer_of(1)->message, "it smells");
}

Test(upgrade, a_file_with_another_behaviour_is_refused) {
    two_hosts();
    ask_upgrade(1, "2", false);
    hosts_refill(&fx.shard);
    uint32_t host = host_spawned(1);
    announce(fake(host, 0), "stranger", "1", 0);
    announce(fake(host, 0), "other", "1", 0);
    announce_ready(fake(host, 0));
    step();
    cr_assert(failed(1, STATUS_REFUSED));
    cr_assert_str_eq(answer_of(1)->message, "the behaviour counter would be gone");
}

// --- dry runs ---

Test(upgrade, a_dry_run_tells_who_would_refuse_and_moves_nobody) {
    two_hosts();
    struct actor    *a = up("a"), *b = up("b");
    struct code_set *old = fx.shard.code;
    cr_assert(ask_upgrade(1, "2", true) == STATUS_OK);
    struct fake_worker *changes = joins("2");
    settle_loads();
    step();
    play_state(changes, change_of(changes, a, "s0")->turn, "changed");
    play_refuse(changes, change_of(changes, b, "s0")->turn, COMMIT_CODE_ERROR, "no");
    step();
    cr_assert(report_of(1)->changed == 1);
    cr_assert(report_of(1)->refused == 1);
    cr_assert(report_of(1)->dry_run);
    cr_assert(fx.shard.code == old && is_new(a) && is_new(b));
    cr_assert(a->extra->refused == NULL && b->extra->refused == NULL);
    cr_assert(mirror_has(a, "s0", 1));
    later(1);
    step();
    cr_assert(fx.shard.pool_count == 1);
}
