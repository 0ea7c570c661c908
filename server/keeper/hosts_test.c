// syscall.
#define _GNU_SOURCE

#include "keeper/shard_fixture_test.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(hosts, .init = fx_init, .fini = fx_fini, .timeout = 20);

static void dies(struct fake_worker *end, enum death death, uint32_t number) {
    play_death(end, death, number);
    step();
    settle_loads();
}

static struct host *only(uint32_t index) {
    return fx.hosts[index].host;
}

// --- the pool ---

Test(hosts, the_first_that_is_ready_runs_and_the_second_stands_by) {
    uint32_t first = host_spawned(1);
    step();
    cr_assert(fx.shard.pools[POOL_GENERAL].active == NULL);
    cr_assert(only(first)->state == HOST_STARTING);
    announce(fake(first, 0), "counter", "1", 0);
    announce_ready(fake(first, 0));
    step();
    cr_assert(fx.shard.pools[POOL_GENERAL].active == only(first));
    cr_assert(only(first)->state == HOST_ACTIVE);
    cr_assert(fx.spawns == 1, "a standby is asked for");
    uint32_t second = host_joins(1);
    cr_assert(fx.shard.pools[POOL_GENERAL].standby == only(second));
    cr_assert(only(second)->state == HOST_READY);
    cr_assert(only(first)->serial != only(second)->serial);
    hosts_refill(&fx.shard);
    cr_assert(fx.spawns == 1);
    cr_assert(fx.shard.metrics.host_starts == 2);
}

Test(hosts, a_spawn_that_failed_is_tried_again_after_a_delay_that_doubles_up_to_a_limit) {
    uint64_t delay_ms = 10;
    hosts_refill(&fx.shard);
    for (uint32_t i = 1; i <= 14; i++) {
        cr_assert(fx.spawns == i);
        hosts_spawn_failed(&fx.shard);
        fx.shard.now_ms += delay_ms - 1;
        hosts_refill(&fx.shard);
        cr_assert(fx.spawns == i, "try %d", (int)i);
        fx.shard.now_ms += 1;
        hosts_refill(&fx.shard);
        delay_ms = delay_ms * 2 > 5000 ? 5000 : delay_ms * 2;
    }
}

Test(hosts, one_that_became_ready_resets_the_delay) {
    for (int i = 0; i < 8; i++) {
        fx.shard.now_ms += 10000;
        hosts_refill(&fx.shard);
        hosts_spawn_failed(&fx.shard);
    }
    fx.shard.now_ms += 10000;
    hosts_refill(&fx.shard);
    host_joins(1);
    cr_assert(fx.shard.pools[POOL_GENERAL].failures == 0);
    hosts_spawn_failed(&fx.shard);
    cr_assert(fx.shard.pools[POOL_GENERAL].spawn_after_ms == fx.shard.now_ms + 10);
}

Test(hosts, none_is_started_while_the_server_goes_down) {
    fx.shard.stopping = true;
    hosts_refill(&fx.shard);
    cr_assert(fx.spawns == 0);
}

// --- announcements ---

Test(hosts, behaviours_keep_their_place_from_host_to_host) {
    host_joins(1);
    uint32_t second = host_spawned(1);
    announce(fake(second, 0), "other", "2", 50);
    announce(fake(second, 0), "third", "1", 0);
    announce(fake(second, 0), "counter", "2", 0);
    announce_ready(fake(second, 0));
    step();
    cr_assert(fx.shard.behaviours.count == 3);
    cr_assert_str_eq(fx.shard.behaviours.rows[0].name, "counter");
    cr_assert_str_eq(fx.shard.behaviours.rows[0].version, "2");
    cr_assert(fx.shard.behaviours.rows[1].turn_deadline_ms == 50);
    cr_assert(only(second)->index_of[0] == 3);
    cr_assert(only(second)->index_of[1] == 1);
    cr_assert(only(second)->behaviours[1] == 2);

    struct actor *actor = up("a");
    ask_cast(0, "a", "x");
    step();
    cr_assert(play_take(fake(0, 0), TURN_CAST)->behaviour == 0);
    dies(fake(0, 0), DEATH_SIGNAL, SIGSEGV);
    cr_assert(actor->life == ACTOR_RESTARTING);
    cr_assert(play_take(fake(second, 0), TURN_INIT)->behaviour == 2);
}

Test(hosts, a_file_that_does_not_load_is_no_reason_to_give_up) {
    uint32_t   index = host_spawned(1);
    struct out out = out_of(COMMIT_LOAD_FAILED, 0, 0);
    out_body(&out, ITEM_TEXT, raw("/x/broken.so"));
    out_body(&out, ITEM_REASON, raw("no descriptor"));
    play_send(fake(index, 0), &out);
    announce_ready(fake(index, 0));
    step();
    cr_assert(fx.shard.pools[POOL_GENERAL].active == only(index));
}

static void starts_with(struct out *out) {
    uint32_t index = host_spawned(1);
    play_send(fake(index, 0), out);
    step();
    cr_assert(only(index)->state == HOST_DEAD);
    cr_assert(fx.shard.pools[POOL_GENERAL].standby == NULL);
    cr_assert(fx.shard.metrics.host_nonsense == 1);
    cr_assert(fx.shard.pools[POOL_GENERAL].spawn_after_ms > fx.shard.now_ms, "not again at once");
}

Test(hosts, one_that_announces_a_turn_is_killed) {
    struct out out = out_of(COMMIT_READY, 1, 0);
    starts_with(&out);
}

Test(hosts, one_that_commits_before_it_is_ready_is_killed) {
    struct out out = out_of(COMMIT_DONE, 0, 0);
    starts_with(&out);
}

Test(hosts, one_with_an_impossible_name_for_a_behaviour_is_killed) {
    struct out out = out_of(COMMIT_BEHAVIOUR, 0, 0);
    out_body(&out, ITEM_TEXT, raw("Upper Case"));
    starts_with(&out);
}

Test(hosts, one_that_announces_garbage_is_killed) {
    struct out out = out_of(COMMIT_READY, 0, 0);
    out.record.item_count = 1;
    starts_with(&out);
}

Test(hosts, one_with_too_many_behaviours_is_killed) {
    uint32_t index = host_spawned(1);
    for (int i = 0; i <= HOST_BEHAVIOURS_MAX; i++) {
        char name[20];
        snprintf(name, sizeof name, "b%d", i);
        announce(fake(index, 0), name, "1", 0);
    }
    step();
    cr_assert(only(index)->state == HOST_DEAD);
    cr_assert(fx.shard.behaviours.count == BEHAVIOURS_MAX);
}

Test(hosts, one_that_announces_the_same_behaviour_without_end_is_killed) {
    uint32_t index = host_spawned(1);
    for (int i = 0; i <= HOST_BEHAVIOURS_MAX; i++) announce(fake(index, 0), "counter", "1", 0);
    step();
    cr_assert(only(index)->state == HOST_DEAD);
}

// --- guilt ---

Test(hosts, the_turn_that_was_running_is_blamed_and_the_others_go_on_in_order) {
    host_joins(1);
    host_joins(1);
    struct actor *guilty = up("guilty"), *innocent = up("innocent");
    ask_call(1, "guilty", "bad");
    ask_call(2, "innocent", "one");
    ask_call(3, "guilty", "good");
    ask_call(4, "innocent", "two");
    step();
    play_take(fake(0, 0), TURN_CALL);
    dies(fake(0, 0), DEATH_SIGNAL, SIGSEGV);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == only(1));
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert_str_eq(answer_of(1)->crash, "signal");
    cr_assert_str_eq(answer_of(1)->message, "SIGSEGV at 0xdead");
    cr_assert(guilty->extra->trouble->restarts == 1);
    cr_assert(innocent->extra->trouble == NULL);
    cr_assert(fx.shard.metrics.crashes[CRASH_SIGNAL] == 1);

    // Of the innocent one the first turn brings the state; of the guilty one there is the init.
    struct fake_worker       *end = fake(1, 0);
    const struct turn_record *turns[4];
    for (int i = 0; i < 3; i++) {
        turns[i] = play_next(end);
        cr_assert(turns[i] != NULL);
        if (turns[i]->slot == innocent->slot) play_reply(end, turns[i]->turn, "i", NULL);
        if (turns[i]->slot == guilty->slot) play_done(end, turns[i]->turn);
    }
    step();
    play_reply(end, play_take(end, TURN_CALL)->turn, "g", NULL);
    step();
    cr_assert(replied(2, "i"));
    cr_assert(replied(4, "i"));
    cr_assert(replied(3, "g"));
    uint32_t notes[4] = {0};
    for (uint32_t i = 0; i < fx.note_count; i++) {
        if (fx.notes[i].caller.request <= 4) notes[fx.notes[i].caller.request - 1] = i;
    }
    cr_assert(notes[1] < notes[3], "in the order in which they were asked");
}

Test(hosts, what_a_host_had_committed_before_its_end_counts) {
    host_joins(1);
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = fake(0, 0);
    ask_call(1, "a", "good");
    ask_call(2, "a", "bad");
    step();
    play_reply(end, play_take(end, TURN_CALL)->turn, "done", "s1");
    play_take(end, TURN_CALL);
    dies(end, DEATH_SIGNAL, SIGABRT);
    cr_assert(replied(1, "done"));
    cr_assert(failed(2, STATUS_CRASHED));
    cr_assert(same(turn_state(fake(1, 0), play_take(fake(1, 0), TURN_INIT)), text("s1")));
    cr_assert(actor->version == 2);
}

// What the host does while the keeper applies its first commit: it finishes the second turn, begins
// the third and dies of that.
static struct fake_worker *dying;

static void die_meanwhile(void *context, struct caller caller, const struct answer *answer) {
    fx_answer(context, caller, answer);
    if (caller.request != 1) return;
    play_reply(dying, play_take(dying, TURN_CALL)->turn, "2", "s2");
    play_take(dying, TURN_CALL);
    play_death(dying, DEATH_SIGNAL, SIGSEGV);
}

Test(hosts, a_turn_that_commits_while_the_ring_is_read_is_not_blamed_for_the_death_behind_it) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    dying = fake(0, 0);
    ask_call(1, "a", "one");
    ask_call(2, "a", "two");
    ask_call(3, "a", "three");
    step();
    play_reply(dying, play_take(dying, TURN_CALL)->turn, "1", "s1");
    fx.shard.port.answer = die_meanwhile;
    step();
    cr_assert(replied(1, "1"));
    cr_assert(!answered(2), "its commit came too late for this look");
    step();
    cr_assert(replied(2, "2"));
    cr_assert(failed(3, STATUS_CRASHED));
    cr_assert(actor->version == 3);
    settle_loads();
    cr_assert(same(turn_state(fake(1, 0), play_take(fake(1, 0), TURN_INIT)), text("s2")));
}

Test(hosts, only_the_worker_that_died_is_to_blame) {
    host_joins(2);
    host_joins(2);
    struct actor *a = up("a"), *b = up("b");
    ask_call(1, "a", "runs");
    ask_call(2, "b", "dies");
    step();
    struct fake_worker *guilty = home_of(b);
    play_take(home_of(a), TURN_CALL);
    play_take(guilty, TURN_CALL);
    dies(guilty, DEATH_SIGNAL, SIGSEGV);
    cr_assert(!answered(1));
    cr_assert(failed(2, STATUS_CRASHED));
    cr_assert(a->extra->trouble == NULL);
    struct fake_worker       *end = home_of(a);
    const struct turn_record *turn = play_take(end, TURN_CALL);
    cr_assert(turn->note_attempts == 0, "that death was nobody's but the guilty one's");
    play_reply(end, turn->turn, "ok", NULL);
    step();
    cr_assert(replied(1, "ok"));
}

Test(hosts, the_way_a_worker_died_becomes_the_kind_of_the_crash) {
    static const struct {
        enum death  death;
        uint32_t    number;
        const char *kind;
        const char *message;
    } rows[] = {
        {DEATH_SIGNAL, SIGABRT, "signal", "SIGABRT at 0xdead"},
        {DEATH_SIGNAL, 9999, "signal", "SIG? at 0xdead"},
        {DEATH_OVERFLOW, SIGSEGV, "signal", "SIGSEGV at 0xdead, stack overflow"},
        {DEATH_EXIT, 3, "exit", "exit(3) was called"},
        {DEATH_MEMORY, SIGABRT, "memory", "the host was over its memory"},
    };
    host_joins(1);
    for (uint32_t i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%d", (int)i);
        host_joins(1);
        up(name);
        ask_call(i + 1, name, "x");
        step();
        play_take(fake(i, 0), TURN_CALL);
        dies(fake(i, 0), rows[i].death, rows[i].number);
        cr_assert(failed(i + 1, STATUS_CRASHED));
        cr_assert_str_eq(answer_of(i + 1)->crash, rows[i].kind);
        cr_assert_str_eq(answer_of(i + 1)->message, rows[i].message);
        play_done(fake(i + 1, 0), play_take(fake(i + 1, 0), TURN_INIT)->turn);
        step();
    }
}

Test(hosts, a_worker_that_dies_without_a_turn_blames_nobody) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    dies(fake(0, 0), DEATH_SIGNAL, SIGSEGV);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == only(1));
    cr_assert(actor->life == ACTOR_RUNNING);
    cr_assert(router_worker(&fx.shard, actor) == NULL);
    ask_call(1, "a", "x");
    settle_loads();
    cr_assert(same(turn_state(fake(1, 0), play_take(fake(1, 0), TURN_CALL)), text("s0")));
}

Test(hosts, a_turn_that_was_not_begun_is_not_to_blame) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "x");
    step();
    dies(fake(0, 0), DEATH_SIGNAL, SIGSEGV);
    cr_assert(!answered(1));
    cr_assert(actor->extra->trouble == NULL);
    play_reply(fake(1, 0), play_take(fake(1, 0), TURN_CALL)->turn, "y", NULL);
    step();
    cr_assert(replied(1, "y"));
}

Test(hosts, what_a_dead_host_still_writes_is_ignored) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "x");
    step();
    uint64_t turn = play_take(fake(0, 0), TURN_CALL)->turn;
    dies(fake(0, 0), DEATH_SIGNAL, SIGSEGV);
    play_reply(fake(0, 0), turn, "late", "s9");
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(actor->version == 1);
}

// --- unknown causes ---

static void lost_for_no_reason(void) {
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    step();
    settle_loads();
}

Test(hosts, a_turn_is_blamed_when_a_second_host_is_lost_under_it) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a"), *innocent = up("b");
    ask_call(1, "a", "poison");
    ask_call(2, "b", "x");
    step();
    play_take(fake(0, 0), TURN_CALL);
    lost_for_no_reason();
    cr_assert(!answered(1), "it gets a second chance");
    host_joins(1);
    // The other actor may come first now; it is innocent and answers.
    const struct turn_record *turn = play_take(fake(1, 0), TURN_CALL);
    if (turn->slot == innocent->slot) {
        play_reply(fake(1, 0), turn->turn, "y", NULL);
        step();
        turn = play_take(fake(1, 0), TURN_CALL);
    }
    cr_assert(turn->note_attempts == 1);
    cr_assert(same(turn_payload(fake(1, 0), turn), text("poison")));
    ask_call(3, "b", "never begun");
    step();
    lost_for_no_reason();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert_str_eq(answer_of(1)->crash, "host_lost");
    cr_assert(actor->life == ACTOR_RESTARTING);
    cr_assert(innocent->extra->trouble == NULL);
    cr_assert(!answered(3));
    cr_assert(fx.shard.metrics.crashes[CRASH_HOST_LOST] == 1);
    const struct turn_record *next;
    while ((next = play_next(fake(2, 0))) != NULL) {
        if (next->kind == TURN_INIT) {
            play_done(fake(2, 0), next->turn);
        } else {
            cr_assert(next->note_attempts == 0, "it never ran");
            play_reply(fake(2, 0), next->turn, "z", NULL);
        }
    }
    step();
    cr_assert(replied(3, "z"));
}

Test(hosts, after_one_clean_run_the_count_begins_anew) {
    host_joins(1);
    host_joins(1);
    up("a");
    ask_call(1, "a", "x");
    step();
    play_take(fake(0, 0), TURN_CALL);
    lost_for_no_reason();
    host_joins(1);
    play_reply(fake(1, 0), play_take(fake(1, 0), TURN_CALL)->turn, "y", NULL);
    step();
    ask_call(2, "a", "x");
    step();
    play_take(fake(1, 0), TURN_CALL);
    lost_for_no_reason();
    cr_assert(!answered(2));
    cr_assert(play_take(fake(2, 0), TURN_CALL)->note_attempts == 1);
}

// --- without a standby ---

Test(hosts, with_no_standby_messages_wait_for_the_next_host) {
    host_joins(1);
    up("a");
    ask_call(1, "a", "one");
    step();
    uint32_t spawns = fx.spawns;
    dies(fake(0, 0), DEATH_SIGNAL, SIGSEGV);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == NULL);
    cr_assert(fx.spawns == spawns, "one was asked for when the first became active");
    ask_call(2, "a", "two");
    ask_start(3, "b");
    step();
    cr_assert(!answered(1) && !answered(2) && !answered(3));
    host_joins(1);
    settle_loads();
    struct fake_worker       *end = fake(1, 0);
    const struct turn_record *turn;
    char                      order[64] = "";
    while ((turn = play_next(end)) != NULL) {
        if (turn->kind == TURN_INIT) {
            play_state(end, turn->turn, "s0");
            continue;
        }
        strncat(order, (const char *)turn_payload(end, turn).data + 2, 3);
        play_reply(end, turn->turn, "y", NULL);
    }
    step();
    cr_assert_str_eq(order, "onetwo");
    cr_assert(replied(1, "y"));
    cr_assert(replied(2, "y"));
    cr_assert(started(3));
}

Test(hosts, a_message_that_waits_for_a_host_still_has_its_deadline) {
    host_joins(1);
    up("a");
    dies(fake(0, 0), DEATH_SIGNAL, SIGSEGV);
    ask_verb(2, VERB_CALL, "a", "x", 100);
    later(100);
    cr_assert(failed(2, STATUS_TIMEOUT));
    cr_assert(fx.shard.waiting_bytes == 0);
}

Test(hosts, a_standby_that_is_lost_costs_nothing_but_a_new_one) {
    host_joins(1);
    host_joins(1);
    up("a");
    uint32_t spawns = fx.spawns;
    hosts_lost(&fx.shard, only(1), HOST_END_EXITED, NULL);
    cr_assert(fx.shard.pools[POOL_GENERAL].standby == NULL);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == only(0));
    cr_assert(fx.spawns == spawns, "not now, while somebody may wait for what the standby does");
    shard_watch(&fx.shard);
    cr_assert(fx.spawns == spawns + 1);
    hosts_lost(&fx.shard, only(1), HOST_END_EXITED, NULL);
    cr_assert(fx.shard.metrics.host_deaths == 1, "twice is once");
}

Test(hosts, a_load_that_comes_after_the_end_of_the_host_goes_to_the_next) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    ask_cast(0, "a", "rest");
    step();
    play_flags(fake(0, 0), play_take(fake(0, 0), TURN_CAST)->turn, COMMIT_HIBERNATE);
    step();
    ask_call(1, "a", "x");
    cr_assert(actor->home == HOME_LOADING);
    hosts_lost(&fx.shard, only(0), HOST_END_EXITED, NULL);
    settle_loads();
    cr_assert(same(turn_payload(fake(1, 0), play_take(fake(1, 0), TURN_CALL)), text("x")));
}

// --- chains and starts ---

Test(hosts, the_next_link_of_a_chain_goes_on_elsewhere_and_not_the_first_again) {
    host_joins(1);
    host_joins(1);
    up("a");
    struct fake_worker *end = fake(0, 0);
    ask_call(1, "a", "x");
    step();
    uint64_t   turn = play_take(end, TURN_CALL)->turn;
    struct out out = out_of(COMMIT_DONE, turn, COMMIT_MORE);
    out_body(&out, ITEM_REPLY, text("yes"));
    out_body(&out, ITEM_STATE, text("s1"));
    out_body(&out, ITEM_CONTINUE, text("go on"));
    play_send(end, &out);
    step();
    lost_for_no_reason();
    const struct turn_record *next = play_take(fake(1, 0), TURN_CONTINUE);
    cr_assert(same(turn_payload(fake(1, 0), next), text("go on")));
    cr_assert(same(turn_state(fake(1, 0), next), text("s1")));
    play_done(fake(1, 0), next->turn);
    step();
    cr_assert(replied(1, "yes"));
}

Test(hosts, a_zero_timeout_goes_on_elsewhere_as_a_timeout) {
    host_joins(1);
    host_joins(1);
    up("a");
    struct fake_worker *end = fake(0, 0);
    ask_cast(0, "a", "x");
    step();
    play_flags(end, play_take(end, TURN_CAST)->turn, COMMIT_MORE);
    step();
    lost_for_no_reason();
    cr_assert(same(turn_payload(fake(1, 0), play_take(fake(1, 0), TURN_INFO)), text("timeout")));
}

Test(hosts, a_terminate_of_an_actor_that_stopped_itself_goes_on_elsewhere) {
    host_joins(1);
    host_joins(1);
    up("a");
    struct fake_worker *end = fake(0, 0);
    ask_cast(0, "a", "x");
    step();
    play_stop(end, play_take(end, TURN_CAST)->turn, COMMIT_MORE, "normal");
    step();
    lost_for_no_reason();
    const struct turn_record *turn = play_take(fake(1, 0), TURN_TERMINATE);
    cr_assert(same(turn_payload(fake(1, 0), turn), text("normal")));
    cr_assert(life_of("a") == ACTOR_STOPPING);
    play_stop(fake(1, 0), turn->turn, 0, NULL);
    step();
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(hosts, a_guilty_link_of_a_chain_does_not_answer_the_caller_again) {
    host_joins(1);
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = fake(0, 0);
    ask_call(1, "a", "x");
    ask_call(2, "a", "later");
    step();
    uint64_t   turn = play_take(end, TURN_CALL)->turn;
    struct out out = out_of(COMMIT_DONE, turn, COMMIT_MORE);
    out_body(&out, ITEM_REPLY, text("yes"));
    out_body(&out, ITEM_CONTINUE, text("go on"));
    play_send(end, &out);
    step();
    dies(end, DEATH_SIGNAL, SIGSEGV);
    cr_assert(replied(1, "yes"));
    cr_assert(actor->life == ACTOR_RESTARTING);
    cr_assert(!answered(2));
}

Test(hosts, a_start_goes_on_elsewhere_unless_its_init_is_to_blame) {
    host_joins(1);
    host_joins(1);
    ask_start(1, "bad");
    ask_start(2, "good");
    step();
    play_take(fake(0, 0), TURN_INIT);
    dies(fake(0, 0), DEATH_SIGNAL, SIGSEGV);
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(life_of("bad") == ACTOR_FREE);
    cr_assert(!answered(2));
    const struct turn_record *turn = play_take(fake(1, 0), TURN_INIT);
    cr_assert(turn->flags == 0, "the first init is no restart");
    play_state(fake(1, 0), turn->turn, "s0");
    step();
    cr_assert(started(2));
}

Test(hosts, a_stop_goes_on_elsewhere) {
    host_joins(1);
    host_joins(1);
    up("a");
    ask_cast(0, "a", "before");
    ask_stop(1, "a");
    step();
    cr_assert(life_of("a") == ACTOR_STOPPING);
    lost_for_no_reason();
    cr_assert(play_take(fake(1, 0), TURN_CAST)->flags == TURN_HAS_STATE);
    play_done(fake(1, 0), worker_turn(&only(1)->workers[0], 0)->turn);
    play_stop(fake(1, 0), play_take(fake(1, 0), TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(done(1));
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(hosts, a_deferred_call_outlives_the_host) {
    host_joins(1);
    host_joins(1);
    up("a");
    ask_call(1, "a", "later");
    step();
    uint64_t from = play_take(fake(0, 0), TURN_CALL)->turn;
    play_done(fake(0, 0), from);
    step();
    dies(fake(0, 0), DEATH_SIGNAL, SIGSEGV);
    cr_assert(!answered(1));
    ask_cast(0, "a", "now");
    settle_loads();
    struct out out = out_of(COMMIT_DONE, play_take(fake(1, 0), TURN_CAST)->turn, 0);
    out_add(&out, ITEM_REPLY_TO, from, (struct slice){0}, text("here"));
    play_send(fake(1, 0), &out);
    step();
    cr_assert(replied(1, "here"));
}

// --- processes ---

// Gives the host a process that waits for a byte.
static int with_process(struct host *host) {
    int ends[2];
    cr_assert(pipe(ends) == 0);
    host->pid = fork();
    cr_assert(host->pid >= 0);
    if (host->pid == 0) {
        char byte;
        close(ends[1]);
        ssize_t got = read(ends[0], &byte, 1);
        _exit(got == 1 ? 3 : 0);
    }
    close(ends[0]);
    host->pidfd = (int)syscall(SYS_pidfd_open, host->pid, 0);
    cr_assert(host->pidfd >= 0);
    return ends[1];
}

static void await_end(const struct host *host) {
    siginfo_t info;
    cr_assert(waitid(P_PIDFD, (id_t)host->pidfd, &info, WEXITED | WNOWAIT) == 0);
}

Test(hosts, a_process_that_ended_is_reaped_and_its_turn_gets_a_second_chance) {
    host_joins(1);
    host_joins(1);
    up("a");
    int hold = with_process(only(0));
    cr_assert(!hosts_exited(&fx.shard, only(0)), "it still runs");
    ask_call(1, "a", "x");
    ask_call(2, "a", "y");
    step();
    play_reply(fake(0, 0), play_take(fake(0, 0), TURN_CALL)->turn, "committed", "s1");
    play_take(fake(0, 0), TURN_CALL);
    close(hold);
    await_end(only(0));
    cr_assert(hosts_exited(&fx.shard, only(0)));
    cr_assert(replied(1, "committed"), "what it had committed counts");
    cr_assert(!answered(2));
    cr_assert(fx.shard.pools[POOL_GENERAL].active == only(1));
    settle_loads();
    const struct turn_record *turn = play_take(fake(1, 0), TURN_CALL);
    cr_assert(turn->note_attempts == 1);
    cr_assert(same(turn_state(fake(1, 0), turn), text("s1")));
}

Test(hosts, a_process_that_reported_its_death_is_reaped_with_its_culprit) {
    host_joins(1);
    host_joins(1);
    up("a");
    int hold = with_process(only(0));
    ask_call(1, "a", "x");
    step();
    play_take(fake(0, 0), TURN_CALL);
    play_death(fake(0, 0), DEATH_EXIT, 3);
    close(hold);
    await_end(only(0));
    cr_assert(hosts_exited(&fx.shard, only(0)));
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert_str_eq(answer_of(1)->crash, "exit");
}

Test(hosts, while_the_mirror_is_full_a_death_blames_no_turn_that_had_committed) {
    host_joins(1);
    host_joins(1);
    up("a");
    int hold = with_process(only(0));
    ask_call(1, "a", "good");
    ask_call(2, "a", "bad");
    step();
    play_reply(fake(0, 0), play_take(fake(0, 0), TURN_CALL)->turn, "done", "s1");
    mirror_fill();
    step();
    cr_assert(fx.shard.stalled);
    play_take(fake(0, 0), TURN_CALL);
    play_death(fake(0, 0), DEATH_SIGNAL, SIGSEGV);
    close(hold);
    await_end(only(0));
    cr_assert(hosts_exited(&fx.shard, only(0)));
    cr_assert(!answered(1));
    mirror_resume();
    settle_loads();
    // What could not be applied runs again, with the state of before.
    const struct turn_record *turn = play_take(fake(1, 0), TURN_CALL);
    cr_assert(same(turn_payload(fake(1, 0), turn), text("good")));
    cr_assert(same(turn_state(fake(1, 0), turn), text("s0")));
    play_reply(fake(1, 0), turn->turn, "done", "s1");
    step();
    cr_assert(replied(1, "done"));
    cr_assert(!answered(2));
}

Test(hosts, one_that_is_written_off_is_killed) {
    host_joins(1);
    int hold = with_process(only(0));
    hosts_lost(&fx.shard, only(0), HOST_END_NONSENSE, NULL);
    siginfo_t info;
    cr_assert(waitid(P_PIDFD, (id_t)only(0)->pidfd, &info, WEXITED | WNOWAIT) == 0);
    cr_assert(info.si_code == CLD_KILLED);
    cr_assert(info.si_status == SIGKILL);
    cr_assert(hosts_exited(&fx.shard, only(0)));
    cr_assert(fx.shard.metrics.host_deaths == 1);
    close(hold);
}

Test(hosts, retiring_kills_all_and_none_is_started_again) {
    host_joins(1);
    host_joins(1);
    int first = with_process(only(0)), second = with_process(only(1));
    fx.shard.stopping = true;
    uint32_t spawns = fx.spawns;
    hosts_retire(&fx.shard);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == NULL);
    cr_assert(fx.shard.pools[POOL_GENERAL].standby == NULL);
    await_end(only(0));
    await_end(only(1));
    cr_assert(hosts_exited(&fx.shard, only(0)));
    cr_assert(hosts_exited(&fx.shard, only(1)));
    cr_assert(list_empty(&fx.shard.hosts));
    cr_assert(fx.spawns == spawns);
    close(first);
    close(second);
}
