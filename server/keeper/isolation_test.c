#include "keeper/isolation.h"
#include "keeper/shard_fixture_test.h"

#include <signal.h>

TestSuite(isolation, .init = fx_init, .fini = fx_fini, .timeout = 20);

static struct pool *pool_at(uint32_t index) {
    return &fx.shard.pools[index];
}

static struct pool *general(void) {
    return pool_at(POOL_GENERAL);
}

// Hosts for the general pool: one runs, one waits.
static void two_hosts(void) {
    host_joins(1);
    host_joins(1);
}

static enum status ask_own(uint64_t number, const char *name) {
    struct request request = start_request(name);
    request.isolation = ISOLATION_OWN;
    request.has_intensity = true;
    request.intensity = 100;
    request.period_ms = 1000;
    return ask(number, &request);
}

// The host that the server is waiting for, of whatever pool.
static uint32_t awaited_joins(void) {
    hosts_refill(&fx.shard);
    cr_assert(fx.shard.spawning != NULL, "no host was asked for");
    return host_joins(1);
}

// An actor with a host of its own that is up.
static struct actor *up_alone(const char *name) {
    uint64_t number = 2000000 + fx.starts++;
    cr_assert(ask_own(number, name) == STATUS_OK);
    struct actor *actor = actor_named(name);
    cr_assert(actor != NULL);
    cr_assert(actor->pool >= POOL_OWN_FIRST);
    awaited_joins();
    play_init(actor, "s0");
    cr_assert(started(number));
    return actor;
}

// Lets the actor's next call kill its host, and makes sure that there is another.
static void kills_host(struct actor *actor, uint64_t number, const char *name) {
    struct pool *pool = shard_pool(&fx.shard, actor);
    ask_call(number, name, "segfault");
    settle_loads();
    struct fake_worker *end = home_of(actor);
    play_take(end, TURN_CALL);
    play_death(end, DEATH_SIGNAL, SIGSEGV);
    step();
    settle_loads();
    cr_assert(failed(number, STATUS_CRASHED));
    while (pool_unsettled(pool) || pool_unsettled(shard_pool(&fx.shard, actor))) awaited_joins();
    settle_loads();
}

static void comes_up(struct actor *actor) {
    struct fake_worker *end = home_of(actor);
    play_done(end, play_take(end, TURN_INIT)->turn);
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
}

static struct actor *up_tough(const char *name) {
    struct request request = start_request(name);
    request.has_intensity = true;
    request.intensity = 100;
    request.period_ms = 1000;
    return up_with(&request);
}

static struct actor *up_quarantined(const char *name) {
    struct actor *actor = up_tough(name);
    for (uint64_t i = 0; i < QUARANTINE_KILLS; i++) {
        kills_host(actor, 3000000 + fx.starts++, name);
        comes_up(actor);
    }
    cr_assert(isolation_quarantined(&fx.shard, actor));
    return actor;
}

// --- a host of its own ---

Test(isolation, an_actor_that_asked_for_it_has_a_host_of_its_own) {
    two_hosts();
    struct actor *shared = up("shared");
    uint32_t      spawns = fx.spawns;
    cr_assert(ask_own(1, "alone") == STATUS_OK);
    cr_assert(fx.spawns == spawns + 1, "at once, because it waits for it");
    step();
    cr_assert(!answered(1));
    struct actor *alone = actor_named("alone");
    uint32_t      index = awaited_joins();
    play_state(fake(index, 0), play_take(fake(index, 0), TURN_INIT)->turn, "s0");
    step();
    cr_assert(started(1));
    cr_assert(fx.hosts[index].host->pool == shard_pool(&fx.shard, alone));
    cr_assert(fx.hosts[index].host->worker_count == 1);
    cr_assert(router_worker(&fx.shard, shared) != router_worker(&fx.shard, alone));
}

Test(isolation, the_end_of_its_host_does_not_touch_a_turn_of_another_actor) {
    two_hosts();
    struct actor *shared = up("shared");
    struct actor *alone = up_alone("alone");
    ask_call(1, "shared", "long");
    ask_call(2, "alone", "segfault");
    step();
    uint64_t running = play_take(home_of(shared), TURN_CALL)->turn;
    play_take(home_of(alone), TURN_CALL);
    play_death(home_of(alone), DEATH_SIGNAL, SIGSEGV);
    step();
    cr_assert(failed(2, STATUS_CRASHED));
    cr_assert(fx.shard.metrics.recalls == 0);
    play_reply(home_of(shared), running, "done", NULL);
    step();
    cr_assert(replied(1, "done"));
}

Test(isolation, the_end_of_everybodys_host_does_not_touch_it) {
    two_hosts();
    struct actor *alone = up_alone("alone");
    ask_call(1, "alone", "long");
    step();
    uint64_t running = play_take(home_of(alone), TURN_CALL)->turn;
    hosts_lost(&fx.shard, general()->active, HOST_END_EXITED, NULL);
    play_reply(home_of(alone), running, "done", NULL);
    step();
    cr_assert(replied(1, "done"));
}

Test(isolation, it_goes_on_in_a_new_host_after_its_own_has_died) {
    two_hosts();
    struct actor *alone = up_alone("alone");
    uint8_t       pool = alone->pool;
    kills_host(alone, 1, "alone");
    comes_up(alone);
    ask_call(2, "alone", "x");
    step();
    struct fake_worker *end = home_of(alone);
    play_reply(end, play_take(end, TURN_CALL)->turn, "y", NULL);
    step();
    cr_assert(replied(2, "y"));
    cr_assert(alone->pool == pool);
}

Test(isolation, it_is_never_quarantined_because_it_harms_nobody) {
    two_hosts();
    struct actor *alone = up_alone("alone");
    for (uint64_t i = 1; i <= 5; i++) {
        kills_host(alone, i, "alone");
        comes_up(alone);
    }
    cr_assert(isolation_of(&fx.shard, alone) == ISOLATION_OWN);
    cr_assert(fx.shard.metrics.quarantines == 0);
}

Test(isolation, more_than_the_server_may_have_are_overloaded_until_one_ends) {
    two_hosts();
    up_alone("a");
    struct actor *second = up_alone("b");
    up_alone("c");
    cr_assert(ask_own(1, "d") == STATUS_OK);
    cr_assert(failed(1, STATUS_OVERLOADED));
    cr_assert_str_eq(answer_of(1)->message, "too many hosts of their own");
    cr_assert(actor_named("d") == NULL);
    ask_stop(2, "b");
    step();
    struct fake_worker *end = home_of(second);
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(done(2));
    cr_assert(ask_own(3, "d") == STATUS_OK);
    cr_assert(!answered(3));
}

Test(isolation, its_host_ends_with_it) {
    two_hosts();
    struct actor *alone = up_alone("alone");
    struct host  *host = shard_pool(&fx.shard, alone)->active;
    ask_stop(1, "alone");
    step();
    struct fake_worker *end = home_of(alone);
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, NULL);
    step();
    later(1);
    cr_assert(done(1));
    cr_assert(host->state == HOST_DEAD);
    cr_assert(fx.shard.pool_count == 1);
    cr_assert(fx.shard.metrics.host_retirements == 1);
    cr_assert(fx.shard.metrics.host_deaths == 0);
}

Test(isolation, a_host_that_comes_when_its_actor_has_gone_is_ended_too) {
    two_hosts();
    cr_assert(ask_own(1, "alone") == STATUS_OK);
    ask_kill(2, "alone");
    later(1000);
    cr_assert(fx.shard.pools[POOL_OWN_FIRST].open, "its host is on its way");
    uint32_t index = host_joins(1);
    later(1000);
    cr_assert(fx.hosts[index].host->state == HOST_DEAD);
    cr_assert(fx.shard.pool_count == 1);
    cr_assert(general()->active == fx.hosts[0].host);
}

Test(isolation, a_stop_of_an_actor_that_gave_up_is_not_needed_to_end_its_host) {
    struct request request = start_request("alone");
    request.isolation = ISOLATION_OWN;
    request.has_intensity = true;
    request.period_ms = 1000;
    request.on_intensity = INTENSITY_STOP;
    two_hosts();
    cr_assert(ask(1, &request) == STATUS_OK);
    awaited_joins();
    struct actor *alone = actor_named("alone");
    play_init(alone, "s0");
    crash_once(alone, 2, "alone");
    later(1);
    cr_assert(alone->life == ACTOR_ENDED);
    cr_assert(fx.shard.pool_count == 1);
}

// --- quarantine ---

Test(isolation, the_third_host_that_it_kills_puts_it_into_quarantine) {
    two_hosts();
    struct actor *actor = up_tough("bad");
    kills_host(actor, 1, "bad");
    comes_up(actor);
    kills_host(actor, 2, "bad");
    comes_up(actor);
    cr_assert(!isolation_quarantined(&fx.shard, actor));
    kills_host(actor, 3, "bad");
    cr_assert(isolation_quarantined(&fx.shard, actor));
    cr_assert(fx.shard.metrics.quarantines == 1);
    cr_assert(home_of(actor)->keeper_end == &pool_at(POOL_QUARANTINE)->active->workers[0]);
    cr_assert(pool_at(POOL_QUARANTINE)->standby != NULL, "the next one waits already");
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *init = play_take(end, TURN_INIT);
    cr_assert(same(turn_state(end, init), text("s0")), "with its state");
}

Test(isolation, what_it_kills_in_quarantine_is_not_felt_by_the_others) {
    two_hosts();
    struct actor *good = up("good");
    struct actor *bad = up_quarantined("bad");
    ask_call(1, "good", "long");
    settle_loads();
    struct fake_worker *end = home_of(good);
    uint64_t            running = play_take(end, TURN_CALL)->turn;
    uint64_t            recalls = fx.shard.metrics.recalls;
    for (uint64_t i = 0; i < 2; i++) {
        kills_host(bad, 10 + i, "bad");
        comes_up(bad);
    }
    cr_assert(fx.shard.metrics.recalls == recalls);
    play_reply(end, running, "done", NULL);
    step();
    cr_assert(replied(1, "done"));
    cr_assert(isolation_quarantined(&fx.shard, bad));
}

Test(isolation, kills_that_are_far_apart_do_not_count) {
    two_hosts();
    struct actor *actor = up_tough("bad");
    for (uint64_t i = 1; i <= 5; i++) {
        kills_host(actor, i, "bad");
        comes_up(actor);
        later(QUARANTINE_WINDOW_MS / 2 + 1);
    }
    cr_assert(!isolation_quarantined(&fx.shard, actor));
}

Test(isolation, crashes_that_leave_the_host_alone_do_not_count) {
    host_joins(1);
    struct actor *actor = up_tough("bad");
    for (uint64_t i = 1; i <= 10; i++) {
        crash_once(actor, i, "bad");
        settle_loads();
        comes_up(actor);
    }
    cr_assert(!isolation_quarantined(&fx.shard, actor));
}

Test(isolation, one_that_has_been_quiet_comes_back_with_its_state) {
    two_hosts();
    struct actor *actor = up_quarantined("bad");
    later(fx.options.quarantine_ms - 1);
    cr_assert(isolation_quarantined(&fx.shard, actor));
    later(1);
    cr_assert(!isolation_quarantined(&fx.shard, actor));
    ask_call(1, "bad", "x");
    settle_loads();
    struct fake_worker *end = home_of(actor);
    cr_assert(end->keeper_end == &general()->active->workers[0]);
    const struct turn_record *turn = play_take(end, TURN_CALL);
    cr_assert(same(turn_state(end, turn), text("s0")));
    play_reply(end, turn->turn, "y", NULL);
    step();
    cr_assert(replied(1, "y"));
}

Test(isolation, a_kill_in_quarantine_begins_the_time_anew) {
    two_hosts();
    struct actor *actor = up_quarantined("bad");
    later(fx.options.quarantine_ms - 1);
    kills_host(actor, 1, "bad");
    comes_up(actor);
    later(fx.options.quarantine_ms - 1);
    cr_assert(isolation_quarantined(&fx.shard, actor));
    later(1);
    cr_assert(!isolation_quarantined(&fx.shard, actor));
}

Test(isolation, a_turn_that_runs_when_its_time_is_over_is_not_run_again) {
    two_hosts();
    struct actor *actor = up_quarantined("bad");
    ask_verb(1, VERB_CALL, "bad", "long", 3000000);
    ask_verb(2, VERB_CALL, "bad", "behind", 3000000);
    settle_loads();
    struct fake_worker       *before = home_of(actor);
    const struct turn_record *turn = play_take(before, TURN_CALL);
    later(fx.options.quarantine_ms);
    cr_assert(isolation_quarantined(&fx.shard, actor));
    cr_assert(actor->waiting == 1, "what is behind it waits for the new place");
    play_reply(before, turn->turn, "done", "s1");
    settle_loads();
    cr_assert(replied(1, "done"));
    cr_assert(!isolation_quarantined(&fx.shard, actor));
    struct fake_worker *after = home_of(actor);
    cr_assert(after->keeper_end == &general()->active->workers[0]);
    turn = play_take(after, TURN_CALL);
    cr_assert(same(turn_state(after, turn), text("s1")));
    cr_assert(same(turn_payload(after, turn), text("behind")));
}

Test(isolation, one_that_has_nothing_more_to_do_comes_back_too) {
    two_hosts();
    struct actor *actor = up_quarantined("bad");
    ask_verb(1, VERB_CALL, "bad", "long", 3000000);
    settle_loads();
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *turn = play_take(end, TURN_CALL);
    later(fx.options.quarantine_ms);
    play_reply(end, turn->turn, "done", NULL);
    step();
    later(1000);
    cr_assert(!isolation_quarantined(&fx.shard, actor));
}

Test(isolation, what_comes_while_it_is_on_its_way_does_not_hold_it_up) {
    two_hosts();
    struct actor *actor = up_quarantined("bad");
    ask_verb(1, VERB_CALL, "bad", "long", 3000000);
    settle_loads();
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *turn = play_take(end, TURN_CALL);
    later(fx.options.quarantine_ms);
    ask_call(2, "bad", "x");
    step();
    cr_assert(play_next(end) == NULL);
    play_reply(end, turn->turn, "done", NULL);
    settle_loads();
    cr_assert(!isolation_quarantined(&fx.shard, actor));
    end = home_of(actor);
    play_reply(end, play_take(end, TURN_CALL)->turn, "y", NULL);
    step();
    cr_assert(replied(2, "y"));
}

Test(isolation, one_that_is_down_is_not_quiet) {
    two_hosts();
    struct actor *actor = up_quarantined("bad");
    actor->on_intensity = INTENSITY_SUSPEND;
    actor->intensity = 0;
    crash_once(actor, 1, "bad");
    cr_assert(actor->life == ACTOR_SUSPENDED);
    later(fx.options.quarantine_ms * 3);
    cr_assert(isolation_quarantined(&fx.shard, actor));
    ask_resume(2, "bad");
    settle_loads();
    comes_up(actor);
    later(fx.options.quarantine_ms);
    cr_assert(!isolation_quarantined(&fx.shard, actor));
}

Test(isolation, the_quarantine_hosts_end_when_nobody_comes_back) {
    two_hosts();
    struct actor *actor = up_quarantined("bad");
    struct host  *host = pool_at(POOL_QUARANTINE)->active;
    later(fx.options.quarantine_ms);
    cr_assert(!isolation_quarantined(&fx.shard, actor));
    later(QUARANTINE_EMPTY_MS - 1);
    cr_assert(host->state == HOST_ACTIVE);
    later(1);
    cr_assert(host->state == HOST_DEAD);
    cr_assert(fx.shard.pool_count == 1);
}

Test(isolation, one_that_comes_back_soon_finds_the_hosts_still_there) {
    two_hosts();
    struct actor *actor = up_quarantined("bad");
    struct host  *host = pool_at(POOL_QUARANTINE)->active;
    later(fx.options.quarantine_ms);
    for (uint64_t i = 1; i <= QUARANTINE_KILLS; i++) {
        kills_host(actor, i, "bad");
        comes_up(actor);
    }
    cr_assert(isolation_quarantined(&fx.shard, actor));
    later(QUARANTINE_EMPTY_MS);
    cr_assert(pool_at(POOL_QUARANTINE)->active == host);
    cr_assert(host->state == HOST_ACTIVE);
}

Test(isolation, an_end_in_quarantine_leaves_nothing_behind) {
    two_hosts();
    struct actor *actor = up_quarantined("bad");
    ask_stop(1, "bad");
    settle_loads();
    struct fake_worker *end = home_of(actor);
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(done(1));
    later(QUARANTINE_EMPTY_MS);
    cr_assert(fx.shard.pool_count == 1);
    later(fx.options.quarantine_ms);
}

Test(isolation, the_watch_looks_after_every_pool) {
    two_hosts();
    struct actor *good = up("good");
    struct actor *alone = up_alone("alone");
    struct host  *own = shard_pool(&fx.shard, alone)->active;
    ask_verb(1, VERB_CALL, "alone", "loop", 60000);
    step();
    play_take(home_of(alone), TURN_CALL);
    shard_watch(&fx.shard);
    later(1000);
    shard_watch(&fx.shard);
    cr_assert(own->state == HOST_DEAD);
    cr_assert_str_eq(answer_of(1)->crash, "deadline");
    cr_assert(router_worker(&fx.shard, good) != NULL);
    cr_assert(fx.shard.spawning == shard_pool(&fx.shard, alone));
}

// --- one host at a time ---

Test(isolation, everybodys_first_host_comes_before_the_others_and_a_spare_in_turn) {
    two_hosts();
    cr_assert(ask_own(2, "a") == STATUS_OK);
    cr_assert(ask_own(3, "b") == STATUS_OK);
    cr_assert(fx.shard.spawning == pool_at(POOL_OWN_FIRST), "one at a time");
    hosts_lost(&fx.shard, general()->standby, HOST_END_EXITED, NULL);
    hosts_lost(&fx.shard, general()->active, HOST_END_EXITED, NULL);
    host_joins(1);
    hosts_refill(&fx.shard);
    cr_assert(fx.shard.spawning == general());
    host_joins(1);
    cr_assert(general()->active != NULL);
    // b and the spare are left, in turn.
    struct pool *next = fx.shard.spawning;
    host_joins(1);
    hosts_refill(&fx.shard);
    cr_assert(fx.shard.spawning != next);
    host_joins(1);
    hosts_refill(&fx.shard);
    cr_assert(fx.shard.spawning == NULL);
    cr_assert(general()->standby != NULL);
    cr_assert(pool_at(POOL_OWN_FIRST + 1)->active != NULL);
}
