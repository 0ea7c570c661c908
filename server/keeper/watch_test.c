#include "keeper/shard_fixture_test.h"

#include <unistd.h>

TestSuite(watch, .init = fx_init, .fini = fx_fini, .timeout = 20);

// Lets time pass as the loop does: a look now and a look then.
static void look_after(uint64_t ms) {
    step();
    shard_watch(&fx.shard);
    fx.shard.now_ms += ms;
    shard_watch(&fx.shard);
    step();
}

Test(watch, what_is_behind_a_long_turn_goes_to_other_workers_in_order) {
    host_joins(2);
    struct actor       *slow = up("slow");
    struct actor       *quick = up("quick");
    struct actor       *third = up("third");
    struct fake_worker *stuck = home_of(slow);
    cr_assert(home_of(third) == stuck);
    cr_assert(home_of(quick) != stuck);
    ask_call(1, "slow", "long");
    ask_call(2, "slow", "after");
    ask_call(3, "third", "one");
    ask_call(4, "third", "two");
    step();
    uint64_t turn = play_take(stuck, TURN_CALL)->turn;
    look_after(19);
    cr_assert(!stuck->keeper_end->blocked);
    look_after(20);
    cr_assert(stuck->keeper_end->blocked);
    settle_loads();
    struct fake_worker *other = home_of(third);
    cr_assert(other != stuck);
    const struct turn_record *first = play_take(other, TURN_CALL);
    cr_assert(same(turn_payload(other, first), text("one")));
    cr_assert(same(turn_state(other, first), text("s0")));
    play_reply(other, first->turn, "1", NULL);
    play_reply(other, play_take(other, TURN_CALL)->turn, "2", NULL);
    step();
    cr_assert(replied(3, "1"));
    cr_assert(replied(4, "2"));
    // The slow actor itself stays where it runs.
    cr_assert(slow->waiting == 1);
    cr_assert(!answered(2));
    play_reply(stuck, turn, "done", NULL);
    step();
    cr_assert(replied(1, "done"));
    for (int i = 0; i < 3; i++) play_skip(stuck, play_take(stuck, TURN_CALL)->turn);
    settle_loads();
    struct fake_worker *home = home_of(slow);
    play_reply(home, play_take(home, TURN_CALL)->turn, "at last", NULL);
    step();
    cr_assert(replied(2, "at last"));
}

Test(watch, new_messages_do_not_go_to_a_blocked_worker) {
    host_joins(2);
    struct actor       *slow = up("slow");
    struct actor       *quick = up("quick");
    struct actor       *third = up("third");
    struct fake_worker *stuck = home_of(slow);
    ask_call(1, "slow", "long");
    step();
    play_take(stuck, TURN_CALL);
    look_after(25);
    ask_call(2, "third", "x");
    settle_loads();
    cr_assert(home_of(third) == home_of(quick));
    play_reply(home_of(third), play_take(home_of(third), TURN_CALL)->turn, "y", NULL);
    // New actors go around it, too.
    up("fourth");
    cr_assert(home_of(actor_named("fourth")) != stuck);
    up("fifth");
    cr_assert(home_of(actor_named("fifth")) != stuck);
}

Test(watch, with_every_worker_blocked_messages_wait_and_go_on_afterwards) {
    host_joins(1);
    up("slow");
    struct actor       *other = up("other");
    struct fake_worker *stuck = fake(0, 0);
    ask_call(1, "slow", "long");
    ask_call(2, "other", "x");
    step();
    uint64_t turn = play_take(stuck, TURN_CALL)->turn;
    look_after(25);
    settle_loads();
    cr_assert(other->waiting == 1);
    cr_assert(!answered(2));
    ask_start(3, "new");
    step();
    cr_assert(play_next(stuck)->note_void == 1);
    stuck->at = stuck->keeper_end->head;
    play_reply(stuck, turn, "done", NULL);
    play_skip(stuck, turn + 1);
    settle_loads();
    const struct turn_record *record;
    while ((record = play_next(stuck)) != NULL) {
        if (record->kind == TURN_INIT) {
            play_state(stuck, record->turn, "s0");
        } else {
            play_reply(stuck, record->turn, "y", NULL);
        }
    }
    step();
    cr_assert(replied(1, "done"));
    cr_assert(replied(2, "y"));
    cr_assert(started(3));
}

Test(watch, an_endless_chain_holds_up_nobody_and_is_not_over_its_deadline) {
    host_joins(1);
    up("a");
    struct fake_worker *end = fake(0, 0);
    ask_cast(0, "a", "x");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    for (int i = 0; i < 1000; i++) {
        look_after(15);
        play_continue(end, turn, "on");
        step();
    }
    cr_assert(end->keeper_end->blocked);
    cr_assert(fx.shard.pools[POOL_GENERAL].active != NULL, "each link is a turn of its own");
    play_done(end, turn);
    step();
    cr_assert(!end->keeper_end->blocked);
}

Test(watch, an_endless_chain_of_a_killed_actor_costs_the_host) {
    host_joins(1);
    up("a");
    struct fake_worker *end = fake(0, 0);
    ask_cast(0, "a", "x");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    play_continue(end, turn, "on");
    step();
    ask_kill(1, "a");
    for (int i = 0; i < 1000 && fx.shard.pools[POOL_GENERAL].active != NULL; i++) {
        look_after(15);
        if (fx.shard.pools[POOL_GENERAL].active != NULL) play_continue(end, turn, "on");
        step();
    }
    cr_assert(fx.shard.pools[POOL_GENERAL].active == NULL);
    cr_assert(fx.shard.metrics.crashes[CRASH_DEADLINE] == 0, "nobody is to blame any more");
}

Test(watch, a_worker_that_begins_nothing_gets_more_patience_and_then_loses_its_turns) {
    host_joins(1);
    up("a");
    ask_cast(0, "a", "x");
    for (int i = 0; i < 10; i++) look_after(15);
    cr_assert(!fake(0, 0)->keeper_end->blocked);
    for (int i = 0; i < 10; i++) look_after(15);
    cr_assert(fake(0, 0)->keeper_end->blocked);
    cr_assert(actor_named("a")->waiting == 1);
}

Test(watch, a_host_that_begins_nothing_is_replaced_and_nobody_is_blamed) {
    host_joins(1);
    up("a");
    host_joins(1);
    ask_call(1, "a", "x");
    for (int i = 0; i < 400; i++) look_after(15);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == fx.hosts[1].host);
    cr_assert(!failed(1, STATUS_CRASHED));
}

Test(watch, a_worker_with_nothing_to_do_is_never_long) {
    host_joins(1);
    up("a");
    for (int i = 0; i < 400; i++) look_after(1000);
    cr_assert(!fake(0, 0)->keeper_end->blocked);
    cr_assert(fx.shard.pools[POOL_GENERAL].active != NULL);
}

// --- deadlines of turns ---

Test(watch, a_turn_over_its_deadline_costs_the_host_and_is_the_culprit) {
    host_joins(1);
    host_joins(1);
    struct actor       *actor = up("a");
    struct actor       *innocent = up("b");
    struct fake_worker *end = home_of(actor);
    ask_verb(1, VERB_CALL, "a", "loop", 60000);
    ask_call(2, "b", "x");
    step();
    play_take(end, TURN_CALL);
    look_after(999);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == fx.hosts[0].host);
    look_after(1);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == fx.hosts[1].host);
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert_str_eq(answer_of(1)->crash, "deadline");
    cr_assert(fx.shard.metrics.crashes[CRASH_DEADLINE] == 1);
    cr_assert(innocent->extra->trouble == NULL);
    settle_loads();
    struct fake_worker *next = fake(1, 0);
    cr_assert(actor->life == ACTOR_RESTARTING);
    for (int i = 0; i < 2; i++) {
        const struct turn_record *record = play_next(next);
        cr_assert(record != NULL);
        if (record->kind == TURN_INIT) {
            play_done(next, record->turn);
        } else {
            play_reply(next, record->turn, "y", NULL);
        }
    }
    step();
    cr_assert(replied(2, "y"));
    cr_assert(actor->life == ACTOR_RUNNING);
}

Test(watch, a_turn_that_was_taken_back_still_has_a_deadline_but_nobody_is_blamed) {
    host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "loop");
    step();
    play_take(home_of(actor), TURN_CALL);
    ask_kill(2, "a");
    look_after(DEADLINE_MS_DEFAULT - 1);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == fx.hosts[0].host);
    look_after(1);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == fx.hosts[1].host);
    cr_assert(actor->extra->trouble->restarts == 1, "only the kill");
    cr_assert(fx.shard.metrics.crashes[CRASH_DEADLINE] == 0);
}

Test(watch, a_behaviour_sets_the_deadline_of_its_turns) {
    host_joins(1);
    struct request request = start_request("a");
    request.behaviour = raw("other");
    struct actor *actor = up_with(&request);
    ask_verb(1, VERB_CALL, "a", "loop", 60000);
    step();
    play_take(home_of(actor), TURN_CALL);
    look_after(DEADLINE_MS_DEFAULT - 1);
    cr_assert(!answered(1));
    look_after(1);
    cr_assert(failed(1, STATUS_CRASHED));
}

// --- memory ---

Test(watch, a_long_turn_in_a_host_over_its_memory_costs_the_host) {
    host_joins(1);
    struct actor *actor = up("a");
    fx.hosts[0].host->pid = getpid();
    fx.options.host_memory_bytes = 1;
    ask_call(1, "a", "hoard");
    step();
    play_take(home_of(actor), TURN_CALL);
    look_after(19);
    cr_assert(fx.shard.pools[POOL_GENERAL].active != NULL);
    look_after(40);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == NULL);
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert_str_eq(answer_of(1)->crash, "memory");
    cr_assert(actor->life == ACTOR_RESTARTING);
}

Test(watch, a_host_within_its_memory_is_left_alone) {
    host_joins(1);
    struct actor *actor = up("a");
    fx.hosts[0].host->pid = getpid();
    fx.options.host_memory_bytes = UINT64_MAX;
    ask_call(1, "a", "x");
    step();
    play_take(home_of(actor), TURN_CALL);
    look_after(500);
    cr_assert(fx.shard.pools[POOL_GENERAL].active != NULL);
}

// --- deadlines of callers ---

Test(watch, the_caller_of_a_running_turn_times_out_and_the_turn_goes_on) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_verb(1, VERB_CALL, "a", "slow", 100);
    step();
    uint64_t turn = play_take(end, TURN_CALL)->turn;
    look_after(99);
    cr_assert(!answered(1));
    look_after(1);
    cr_assert(failed(1, STATUS_TIMEOUT));
    play_reply(end, turn, "late", "s1");
    step();
    cr_assert(failed(1, STATUS_TIMEOUT), "the late reply is dropped");
    cr_assert(actor->version == 2);
}

Test(watch, a_killed_turn_does_not_answer_its_caller_again_at_the_deadline) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_verb(1, VERB_CALL, "a", "slow", 100);
    step();
    play_take(home_of(actor), TURN_CALL);
    look_after(10);
    ask_kill(2, "a");
    cr_assert(failed(1, STATUS_DOWN));
    look_after(200);
    look_after(200);
    cr_assert(failed(1, STATUS_DOWN));
}

Test(watch, a_start_whose_init_is_over_the_callers_deadline_fails) {
    host_joins(1);
    struct request request = start_request("a");
    request.limit_ms = 100;
    cr_assert(ask(1, &request) == STATUS_OK);
    step();
    uint64_t turn = play_take(fake(0, 0), TURN_INIT)->turn;
    look_after(100);
    cr_assert(failed(1, STATUS_TIMEOUT));
    cr_assert(life_of("a") == ACTOR_FREE);
    play_state(fake(0, 0), turn, "s0");
    step();
    cr_assert(fx.shard.pools[POOL_GENERAL].active != NULL);
    cr_assert(fx.shard.actors.live == 0);
}

Test(watch, the_caller_of_a_stop_times_out_and_the_stop_goes_on) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_verb(1, VERB_STOP, "a", NULL, 100);
    step();
    uint64_t turn = play_take(end, TURN_TERMINATE)->turn;
    look_after(100);
    cr_assert(failed(1, STATUS_TIMEOUT));
    play_stop(end, turn, 0, NULL);
    step();
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(watch, while_the_mirror_is_full_no_turn_is_called_long) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "x");
    step();
    uint64_t turn = play_take(end, TURN_CALL)->turn;
    mirror_fill();
    play_reply(end, turn, "y", "s1");
    look_after(5000);
    look_after(5000);
    cr_assert(fx.shard.pools[POOL_GENERAL].active != NULL);
    mirror_resume();
    step();
    cr_assert(replied(1, "y"));
}

Test(watch, asks_for_a_standby_where_there_is_none) {
    cr_assert(fx.spawns == 0);
    shard_watch(&fx.shard);
    cr_assert(fx.spawns == 1);
    shard_watch(&fx.shard);
    cr_assert(fx.spawns == 1, "one is coming");
}

// --- many turns, none of them long ---

Test(watch, a_ring_of_slow_turns_is_emptied_and_all_are_served_a_few_at_a_time) {
    enum { ACTORS = 20 };
    host_joins(1);
    char name[16];
    for (int i = 0; i < ACTORS; i++) {
        snprintf(name, sizeof name, "a%d", i);
        up(name);
    }
    for (int i = 0; i < ACTORS; i++) {
        snprintf(name, sizeof name, "a%d", i);
        ask_verb((uint64_t)i + 1, VERB_CALL, name, "x", 60000);
    }
    struct fake_worker *end = fake(0, 0);
    step();
    uint64_t served = 0;
    // Each turn takes 15 ms: none is long, but the last would wait for 300.
    for (int i = 0; i < 200 && served < ACTORS; i++) {
        const struct turn_record *turn = play_next(end);
        if (turn == NULL) {
            settle_loads();
            continue;
        }
        look_after(15);
        if (turn->note_void) {
            play_skip(end, turn->turn);
        } else {
            play_reply(end, turn->turn, "y", NULL);
            served++;
        }
        settle_loads();
    }
    cr_assert(served == ACTORS, "served %d", (int)served);
}

Test(watch, after_a_recall_the_copy_behind_a_long_turn_is_not_trusted) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "long");
    ask_call(2, "a", "next");
    step();
    uint64_t turn = play_take(end, TURN_CALL)->turn;
    look_after(25);
    // Meanwhile the worker has gone on to the next one, whose commit is void now.
    uint64_t next = play_take(end, TURN_CALL)->turn;
    play_reply(end, turn, "1", "s1");
    play_reply(end, next, "void", "s2");
    settle_loads();
    cr_assert(replied(1, "1"));
    const struct turn_record *again = play_take(home_of(actor), TURN_CALL);
    cr_assert(same(turn_payload(home_of(actor), again), text("next")));
    cr_assert(again->flags == TURN_HAS_STATE);
    cr_assert(same(turn_state(home_of(actor), again), text("s1")));
}

Test(watch, an_endless_chain_may_give_the_worker_back_when_others_need_it) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_cast(0, "a", "x");
    ask_call(1, "a", "waits");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    for (int i = 0; i < 3; i++) {
        play_continue(end, turn, "on");
        look_after(15);
    }
    cr_assert(end->keeper_end->blocked);
    play_skip(end, turn);
    play_skip(end, play_take(end, TURN_CALL)->turn);
    settle_loads();
    cr_assert(fx.shard.metrics.host_nonsense == 0);
    end = home_of(actor);
    const struct turn_record *next = play_take(end, TURN_CONTINUE);
    cr_assert(same(turn_payload(end, next), text("on")));
    play_done(end, next->turn);
    play_reply(end, play_take(end, TURN_CALL)->turn, "y", NULL);
    step();
    cr_assert(replied(1, "y"));
}

Test(watch, a_long_turn_whose_host_is_lost_by_another_leaves_no_mistrust_behind) {
    host_joins(2);
    host_joins(1);
    struct actor *victim = up("a"), *guilty = up("b");
    cr_assert(victim->worker != guilty->worker);
    ask_call(1, "a", "long");
    ask_call(2, "a", "two");
    ask_call(3, "b", "dies");
    step();
    play_take(home_of(victim), TURN_CALL);
    struct fake_worker *killer = home_of(guilty);
    play_take(killer, TURN_CALL);
    look_after(25);
    cr_assert(victim->stale);
    play_death(killer, DEATH_SIGNAL, 11);
    step();
    cr_assert(fx.shard.pools[POOL_GENERAL].active == fx.hosts[1].host);
    settle_loads();
    struct fake_worker *end = home_of(victim);
    // Its new copy is fresh: both turns are in flight with it, and a third one joins them.
    uint32_t epoch = victim->epoch;
    uint64_t first = 0, second = 0;
    for (const struct turn_record *turn; (turn = play_next(end)) != NULL;) {
        if (turn->slot == guilty->slot) {
            play_done(end, turn->turn);
        } else if (first == 0) {
            first = turn->turn;
            play_reply(end, first, "1", "s1");
        } else {
            second = turn->turn;
            break;
        }
    }
    cr_assert(second != 0);
    settle_loads();
    cr_assert(replied(1, "1"));
    ask_call(4, "a", "three");
    settle_loads();
    cr_assert(victim->epoch == epoch, "a copy with turns in flight is not replaced");
    play_reply(end, second, "2", NULL);
    step();
    play_reply(end, play_take(end, TURN_CALL)->turn, "3", NULL);
    step();
    cr_assert(replied(2, "2"));
    cr_assert(replied(4, "3"));
}

// The ring of worker 0 holds `count` calls to "a", numbered from 1, all of them 51 ms old.
static void old_ring(uint64_t count, uint32_t limit_ms) {
    char payload[16];
    for (uint64_t i = 1; i <= count; i++) {
        snprintf(payload, sizeof payload, "%d", (int)i);
        ask_verb(i, VERB_CALL, "a", payload, limit_ms);
    }
    step();
    fx.shard.now_ms += 51; // without a look: no turn is long
}

Test(watch, a_ring_is_slow_only_with_more_than_eight_turns_older_than_fifty_ms) {
    host_joins(1);
    up("a");
    struct worker *worker = fake(0, 0)->keeper_end;
    old_ring(WORKER_SLOW_MAX, 60000);
    shard_watch(&fx.shard);
    cr_assert(!worker->slow, "eight are few");
    ask_call(100, "a", "one more");
    shard_watch(&fx.shard);
    cr_assert(worker->slow);
}

Test(watch, a_ring_of_young_turns_is_not_slow) {
    host_joins(1);
    up("a");
    old_ring(20, 60000);
    fx.shard.now_ms -= 2;
    shard_watch(&fx.shard);
    cr_assert(!fake(0, 0)->keeper_end->slow);
    fx.shard.now_ms++;
    shard_watch(&fx.shard);
    cr_assert(fake(0, 0)->keeper_end->slow);
}

// Serves the calls that come, which must be in order after the first `served`; answers how many
// there were in all.
static uint64_t serve_in_order(struct fake_worker *end, uint64_t served) {
    char payload[16];
    for (const struct turn_record *turn; (turn = play_next(end)) != NULL;) {
        if (turn->note_void) {
            play_skip(end, turn->turn);
        } else {
            snprintf(payload, sizeof payload, "%d", (int)++served);
            cr_assert(same(turn_payload(end, turn), text(payload)), "number %s", payload);
            play_reply(end, turn->turn, payload, NULL);
        }
        settle_loads();
        if (end->keeper_end->slow) cr_assert(end->keeper_end->inflight <= WORKER_SLOW_MAX);
    }
    return served;
}

Test(watch, a_slow_worker_gets_eight_turns_at_most_in_order_until_its_ring_is_empty) {
    enum { CALLS = 30 };
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = fake(0, 0);
    struct worker      *worker = end->keeper_end;
    old_ring(CALLS, 60000);
    uint64_t first = play_take(end, TURN_CALL)->turn;
    shard_watch(&fx.shard);
    cr_assert(worker->slow);
    cr_assert(!worker->blocked, "no turn of it is long");
    cr_assert(actor->waiting == CALLS - 1, "all but the running one are back");
    play_reply(end, first, "1", NULL);
    for (int i = 1; i < CALLS; i++) {
        const struct turn_record *turn = play_take(end, TURN_CALL);
        cr_assert(turn->note_void == 1);
        play_skip(end, turn->turn);
        // As long as the ring is not empty it stays slow.
        if (i == CALLS / 2) {
            step();
            cr_assert(worker->slow);
        }
    }
    // The old records are gone and so is the slowness; the answer of the mirror is still to come.
    step();
    cr_assert(!worker->slow);
    cr_assert(worker->inflight == 0);
    settle_loads();
    cr_assert(serve_in_order(end, 1) == CALLS);
    for (uint64_t i = 1; i <= CALLS; i++) cr_assert(answered(i));
}

Test(watch, actors_that_wait_for_a_slow_worker_are_housed_eight_at_a_time) {
    enum { ACTORS = 20 };
    char name[16];
    host_joins(1);
    for (int i = 0; i < ACTORS; i++) {
        snprintf(name, sizeof name, "a%d", i);
        up(name);
    }
    for (int i = 0; i < ACTORS; i++) {
        snprintf(name, sizeof name, "a%d", i);
        ask_verb((uint64_t)i + 1, VERB_CALL, name, "x", 60000);
    }
    struct fake_worker *end = fake(0, 0);
    step();
    uint64_t first = play_take(end, TURN_CALL)->turn;
    fx.shard.now_ms += 51;
    shard_watch(&fx.shard);
    settle_loads();
    play_reply(end, first, "y", NULL);
    // All old records but one: there is room for seven, which come behind it.
    for (int i = 1; i < ACTORS - 1; i++) play_skip(end, play_take(end, TURN_CALL)->turn);
    settle_loads();
    cr_assert(end->keeper_end->slow);
    cr_assert(end->keeper_end->inflight == WORKER_SLOW_MAX);
    play_skip(end, play_take(end, TURN_CALL)->turn);
    settle_loads();
    uint64_t served = 1;
    for (const struct turn_record *turn; (turn = play_next(end)) != NULL; served++) {
        cr_assert(end->keeper_end->inflight <= WORKER_SLOW_MAX);
        play_reply(end, turn->turn, "y", NULL);
        settle_loads();
    }
    cr_assert(served == ACTORS, "served %d", (int)served);
    // Once when the ring was emptied, and once when there was room.
    cr_assert(fx.shard.metrics.loads <= 2 * ACTORS, "%d", (int)fx.shard.metrics.loads);
}

Test(watch, a_call_whose_time_is_up_behind_slow_turns_is_told_so_and_never_runs) {
    enum { CALLS = 12 };
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = fake(0, 0);
    old_ring(CALLS, 60);
    uint64_t first = play_take(end, TURN_CALL)->turn;
    shard_watch(&fx.shard);
    cr_assert(!answered(2));
    later(9);
    for (uint64_t i = 2; i <= CALLS; i++) cr_assert(failed(i, STATUS_TIMEOUT));
    cr_assert(actor->waiting == 0);
    play_reply(end, first, "1", NULL);
    for (const struct turn_record *turn; (turn = play_next(end)) != NULL;) {
        cr_assert(turn->note_void == 1, "what comes is only what was taken back");
        play_skip(end, turn->turn);
        settle_loads();
    }
    cr_assert(replied(1, "1"));
    cr_assert(!end->keeper_end->slow);
}

Test(watch, a_chain_that_was_not_taken_back_must_not_be_skipped) {
    host_joins(1);
    up("a");
    struct fake_worker *end = fake(0, 0);
    ask_cast(0, "a", "x");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    play_continue(end, turn, "on");
    play_skip(end, turn);
    step();
    cr_assert(fx.shard.metrics.host_nonsense == 1);
    cr_assert(fx.hosts[0].host->state == HOST_DEAD);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == NULL);
}

Test(watch, a_chain_behind_an_earlier_recall_must_not_be_skipped) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = fake(0, 0);
    ask_cast(0, "a", "long");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    look_after(25);
    cr_assert(end->keeper_end->blocked);
    play_done(end, turn);
    settle_loads();
    cr_assert(!end->keeper_end->blocked);
    ask_cast(0, "a", "x");
    settle_loads();
    cr_assert(home_of(actor) == end);
    turn = play_take(end, TURN_CAST)->turn;
    play_continue(end, turn, "on");
    play_skip(end, turn);
    step();
    cr_assert(fx.shard.metrics.host_nonsense == 1);
}

Test(watch, a_skipped_chain_goes_on_before_later_messages_with_a_copy_that_lasts) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = fake(0, 0);
    ask_cast(0, "a", "x");
    ask_call(1, "a", "behind");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    play_continue(end, turn, "on");
    look_after(25);
    ask_call(2, "a", "later");
    play_skip(end, turn);
    play_skip(end, play_take(end, TURN_CALL)->turn);
    settle_loads();
    uint32_t                  epoch = actor->epoch;
    const struct turn_record *next = play_take(end, TURN_CONTINUE);
    cr_assert(same(turn_payload(end, next), text("on")));
    play_done(end, next->turn);
    settle_loads();
    ask_call(3, "a", "last");
    settle_loads();
    cr_assert(actor->epoch == epoch, "a copy with turns in flight is not replaced");
    static const char *const rest[] = {"behind", "later", "last"};
    for (uint64_t i = 0; i < 3; i++) {
        next = play_take(end, TURN_CALL);
        cr_assert(same(turn_payload(end, next), text(rest[i])));
        play_reply(end, next->turn, rest[i], NULL);
    }
    step();
    for (uint64_t i = 0; i < 3; i++) cr_assert(replied(i + 1, rest[i]));
}

Test(watch, what_a_worker_did_for_a_call_whose_time_was_up_is_not_seen_by_the_next) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "long");
    ask_verb(2, VERB_CALL, "a", "expires", 30);
    step();
    uint64_t turn = play_take(end, TURN_CALL)->turn;
    look_after(30);
    cr_assert(failed(2, STATUS_TIMEOUT));
    play_reply(end, turn, "1", "s1");
    // The worker had not seen that it was taken back, and has changed its copy.
    play_reply(end, play_take(end, TURN_CALL)->turn, "void", "wrong");
    step();
    ask_call(3, "a", "next");
    settle_loads();
    const struct turn_record *next = play_take(end, TURN_CALL);
    cr_assert(same(turn_payload(end, next), text("next")));
    cr_assert(next->flags == TURN_HAS_STATE);
    cr_assert(same(turn_state(end, next), text("s1")));
}

// --- the standby ---

Test(watch, a_standby_that_hangs_while_it_loads_is_replaced) {
    host_joins(1);
    uint32_t index = host_spawned(1);
    fx.hosts[index].host->spawned_ms = clock_mono_ms() - 9000;
    shard_watch(&fx.shard);
    cr_assert(fx.shard.pools[POOL_GENERAL].standby == fx.hosts[index].host);
    fx.hosts[index].host->spawned_ms = clock_mono_ms() - 10001;
    uint32_t spawns = fx.spawns;
    shard_watch(&fx.shard);
    cr_assert(fx.hosts[index].host->state == HOST_DEAD);
    cr_assert(fx.shard.pools[POOL_GENERAL].standby == NULL);
    fx.shard.now_ms += 1000;
    shard_watch(&fx.shard);
    cr_assert(fx.spawns == spawns + 1);
}
