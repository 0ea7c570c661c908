#include "keeper/shard_fixture_test.h"
#include "keeper/timers.h"

#include <poll.h>
#include <unistd.h>

TestSuite(shard, .init = fx_init, .fini = fx_fini, .timeout = 20);

static bool rings(int doorbell) {
    struct pollfd look = {.fd = doorbell, .events = POLLIN};
    return poll(&look, 1, 0) == 1;
}

// --- messages of other threads ---

struct hello {
    struct shard_message message;
    int                  number;
};

static int heard[4];
static int heard_count;

static void hear(struct shard_message *message, struct shard *shard) {
    cr_assert(shard == &fx.shard);
    heard[heard_count++] = LIST_ENTRY(message, struct hello, message)->number;
}

Test(shard, delivers_what_other_threads_send_once_and_in_order) {
    struct hello hellos[3];
    for (int i = 0; i < 3; i++) {
        hellos[i] = (struct hello){.message = {.deliver = hear}, .number = i};
        cr_assert(mailbox_push(&fx.shard.inbox, &hellos[i].message.link) == STATUS_OK);
    }
    shard_receive(&fx.shard);
    shard_receive(&fx.shard);
    cr_assert(heard_count == 3);
    for (int i = 0; i < 3; i++) cr_assert(heard[i] == i);
}

// --- answers ---

Test(shard, answers_nobody_where_nobody_waits) {
    struct failure failure = {.status = STATUS_TIMEOUT};
    shard_answer_done(&fx.shard, CALLER_NOBODY);
    shard_answer_error(&fx.shard, CALLER_NOBODY, &failure);
    shard_answer_status(&fx.shard, CALLER_NOBODY, STATUS_NOPROC);
    cr_assert(fx.note_count == 0);
    shard_answer_done(&fx.shard, client(1));
    shard_answer_status(&fx.shard, client(2), STATUS_NOPROC);
    cr_assert(done(1));
    cr_assert(failed(2, STATUS_NOPROC));
}

Test(shard, counts_timeouts) {
    shard_answer_status(&fx.shard, client(1), STATUS_TIMEOUT);
    shard_answer_status(&fx.shard, client(2), STATUS_NOPROC);
    cr_assert(fx.shard.metrics.timeouts == 1);
}

// --- drain and publish ---

Test(shard, drains_all_that_was_committed_in_one_go) {
    host_joins(1);
    up("a");
    for (uint64_t i = 1; i <= 5; i++) ask_call(i, "a", "x");
    step();
    for (int i = 0; i < 5; i++)
        play_reply(fake(0, 0), play_take(fake(0, 0), TURN_CALL)->turn, "y", NULL);
    cr_assert(shard_has_commits(&fx.shard));
    cr_assert(shard_inflight(&fx.shard) == 5);
    cr_assert(shard_drain(&fx.shard));
    for (uint64_t i = 1; i <= 5; i++) cr_assert(replied(i, "y"));
    cr_assert(!shard_has_commits(&fx.shard));
    cr_assert(!shard_drain(&fx.shard));
    cr_assert(shard_inflight(&fx.shard) == 0);
    cr_assert(atomic_load(&fake(0, 0)->turns_control->commits_tail) == fake(0, 0)->head);
}

Test(shard, a_report_of_death_is_news) {
    host_joins(1);
    cr_assert(!shard_has_commits(&fx.shard));
    play_death(fake(0, 0), DEATH_EXIT, 1);
    cr_assert(shard_has_commits(&fx.shard));
    shard_drain(&fx.shard);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == NULL);
    cr_assert(!shard_has_commits(&fx.shard));
    cr_assert(shard_inflight(&fx.shard) == 0);
}

Test(shard, an_announcement_is_news_too) {
    uint32_t index = host_spawned(1);
    cr_assert(shard_sleep(&fx.shard));
    announce(fake(index, 0), "counter", "1", 0);
    cr_assert(shard_has_commits(&fx.shard));
    cr_assert(!shard_sleep(&fx.shard));
    step();
    cr_assert(!shard_has_commits(&fx.shard));
}

Test(shard, does_not_sleep_over_the_last_word_of_a_standby_that_starts) {
    host_joins(1);
    uint32_t index = host_spawned(1);
    announce(fake(index, 0), "counter", "1", 0);
    step();
    cr_assert(shard_sleep(&fx.shard));
    announce_ready(fake(index, 0));
    cr_assert(!shard_sleep(&fx.shard));
    cr_assert((atomic_load(&fake(index, 0)->turns_control->keeper_sleep) & 1u) == 0);
    step();
    cr_assert(fx.hosts[index].host->state == HOST_READY);
    cr_assert(shard_sleep(&fx.shard), "what a ready one might say is no news");
}

Test(shard, publishing_rings_a_sleeping_worker_once_and_a_waking_one_never) {
    host_joins(2);
    up("a");
    struct fake_worker *end = home_of(actor_named("a"));
    int                 doorbell = end->keeper_end->doorbell_host;
    ask_cast(0, "a", "x");
    shard_publish(&fx.shard);
    cr_assert(!rings(doorbell));
    atomic_store(&end->commits_control->worker_sleep, 1);
    shard_publish(&fx.shard);
    cr_assert(!rings(doorbell), "nothing is new");
    ask_cast(0, "a", "y");
    shard_publish(&fx.shard);
    cr_assert(rings(doorbell));
}

// --- sleeping ---

static uint32_t sleep_word(uint32_t host, uint32_t worker) {
    return atomic_load(&fake(host, worker)->turns_control->keeper_sleep);
}

Test(shard, the_sleep_word_is_odd_while_the_net_thread_sleeps) {
    host_joins(2);
    host_joins(1);
    uint32_t before[] = {sleep_word(0, 0), sleep_word(0, 1), sleep_word(1, 0)};
    for (int i = 0; i < 3; i++) cr_assert((before[i] & 1u) == 0);
    cr_assert(shard_sleep(&fx.shard));
    cr_assert(sleep_word(0, 0) == before[0] + 1);
    cr_assert(sleep_word(0, 1) == before[1] + 1);
    cr_assert(sleep_word(1, 0) == before[2] + 1);
    shard_awake(&fx.shard);
    cr_assert(sleep_word(0, 0) == before[0] + 2);
    shard_awake(&fx.shard);
    cr_assert(sleep_word(0, 0) == before[0] + 2);
    cr_assert((sleep_word(1, 0) & 1u) == 0);
}

Test(shard, does_not_sleep_over_a_commit) {
    host_joins(1);
    up("a");
    ask_cast(0, "a", "x");
    step();
    play_done(fake(0, 0), play_take(fake(0, 0), TURN_CAST)->turn);
    cr_assert(!shard_sleep(&fx.shard));
    cr_assert((sleep_word(0, 0) & 1u) == 0);
}

Test(shard, sleeps_without_a_host) {
    cr_assert(shard_sleep(&fx.shard));
    shard_awake(&fx.shard);
}

// --- timers ---

Test(shard, a_call_that_nobody_waits_for_is_not_run) {
    host_joins(1);
    struct actor *actor = up("a");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    ask_verb(1, VERB_CALL, "a", "x", 50);
    later(50);
    cr_assert(failed(1, STATUS_TIMEOUT));
    cr_assert_str_eq(answer_of(1)->message, "waited in the mailbox; the actor is running");
    cr_assert(actor->waiting == 0);
    cr_assert(fx.shard.waiting_bytes == 0);
}

Test(shard, a_stop_goes_on_without_its_caller) {
    host_joins(1);
    struct actor *actor = up("a");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    ask_verb(1, VERB_STOP, "a", NULL, 50);
    later(50);
    cr_assert(failed(1, STATUS_TIMEOUT));
    cr_assert(actor->waiting == 1);
    host_joins(1);
    settle_loads();
    play_stop(fake(1, 0), play_take(fake(1, 0), TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(life_of("a") == ACTOR_FREE);
    cr_assert(failed(1, STATUS_TIMEOUT));
}

Test(shard, a_start_whose_time_is_up_before_it_ran_has_failed) {
    host_joins(1);
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    struct request request = start_request("a");
    request.limit_ms = 50;
    cr_assert(ask(1, &request) == STATUS_OK);
    later(50);
    cr_assert(failed(1, STATUS_TIMEOUT));
    cr_assert(life_of("a") == ACTOR_FREE);
    cr_assert(fx.shard.waiting_bytes == 0);
}

Test(shard, a_call_behind_a_crash_loop_times_out_and_says_where_it_waited) {
    host_joins(1);
    struct request request = start_request("a");
    request.on_intensity = INTENSITY_SUSPEND;
    request.has_intensity = true;
    request.period_ms = 1000;
    crash_once(up_with(&request), 1, "a");
    ask_verb(2, VERB_CALL, "a", "x", 50);
    later(50);
    cr_assert(failed(2, STATUS_TIMEOUT));
    cr_assert_str_eq(answer_of(2)->message, "waited in the mailbox; the actor is suspended");
}

Test(shard, a_timer_of_the_net_room_is_given_back_to_it) {
    struct timer timer = {.kind = TIMER_HELLO};
    cr_assert(heap_arm(&fx.shard.timers, &timer, fx.shard.now_ms + 10) == STATUS_OK);
    later(9);
    cr_assert(fx.timers == 0);
    later(1);
    cr_assert(fx.timers == 1);
}

// --- ids and slots ---

Test(shard, ids_and_units_are_never_used_again_and_slots_are) {
    enum { ROUNDS = 200 };
    static uint64_t ids[ROUNDS], units[ROUNDS];
    host_joins(1);
    for (int i = 0; i < ROUNDS; i++) {
        struct actor *actor = up("a");
        ids[i] = actor_id(actor);
        units[i] = actor->unit;
        cr_assert(actor->slot == 0);
        cr_assert(mirror_has(actor, "s0", 1));
        ask_stop((uint64_t)i + 1, "a");
        step();
        play_stop(fake(0, 0), play_take(fake(0, 0), TURN_TERMINATE)->turn, 0, NULL);
        step();
        cr_assert(actor_by_id(&fx.shard.actors, ids[i]) == NULL);
    }
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < i; k++) {
            cr_assert(ids[i] != ids[k]);
            cr_assert(units[i] != units[k]);
        }
    }
}

// --- going down ---

Test(shard, frees_actors_in_every_life) {
    host_joins(1);
    struct request suspended = start_request("suspended"), waiting = start_request("waiting"),
                   ended = start_request("ended");
    suspended.has_intensity = waiting.has_intensity = ended.has_intensity = true;
    suspended.period_ms = waiting.period_ms = ended.period_ms = 1000;
    suspended.on_intensity = INTENSITY_SUSPEND;
    ended.on_intensity = INTENSITY_STOP;
    crash_once(up_with(&suspended), 1, "suspended");
    crash_once(up_with(&waiting), 2, "waiting");
    crash_once(up_with(&ended), 3, "ended");
    struct actor *busy = up("busy");
    ask_call(4, "busy", "later");
    step();
    play_done(home_of(busy), play_take(home_of(busy), TURN_CALL)->turn);
    step();
    up("stopping");
    crash_once(up("restarting"), 5, "restarting");
    ask_call(6, "waiting", "x");
    ask_start(7, "starting");
    ask_stop(8, "stopping");
    cr_assert(life_of("suspended") == ACTOR_SUSPENDED);
    cr_assert(life_of("waiting") == ACTOR_WAITING);
    cr_assert(life_of("ended") == ACTOR_ENDED);
    cr_assert(life_of("restarting") == ACTOR_RESTARTING);
    cr_assert(life_of("starting") == ACTOR_STARTING);
    // The sanitizer says whether fx_fini freed it all.
}
