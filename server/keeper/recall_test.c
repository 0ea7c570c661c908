#include "keeper/recall.h"

#include "keeper/shard_fixture_test.h"

#include "base/memory_fault_test.h"

TestSuite(recall, .init = fx_init, .fini = fx_fini, .timeout = 20);

static struct list touched;

static void take_back(struct actor *actor, enum recall_running running) {
    list_init(&touched);
    recall(&fx.shard, fake(0, 0)->keeper_end, actor, running, &touched);
}

// The first bytes of the payloads that wait, in order.
static const char *waiting(const struct actor *actor) {
    static char text_of[64];
    size_t      count = 0;
    for (struct list *link = actor->mailbox.next; link != &actor->mailbox; link = link->next) {
        struct envelope *envelope = LIST_ENTRY(link, struct envelope, link);
        text_of[count++] = envelope->bytes > 2 ? (char)envelope->payload[2] : '-';
    }
    text_of[count] = '\0';
    cr_assert(count == actor->waiting);
    return text_of;
}

static void casts(const char *name, const char *letters) {
    char one[2] = "";
    for (; *letters != '\0'; letters++) {
        one[0] = *letters;
        ask_cast(0, name, one);
    }
}

static uint32_t touched_count(void) {
    uint32_t count = 0;
    while (list_pop(&touched) != NULL) count++;
    return count;
}

Test(recall, brings_the_turns_back_in_order_in_front_of_what_waits) {
    host_joins(1);
    struct actor *actor = up("a");
    casts("a", "123");
    actor->home = HOME_COLD; // so that the next one waits
    actor->life = ACTOR_SUSPENDED;
    casts("a", "45");
    cr_assert_str_eq(waiting(actor), "45");
    take_back(actor, RECALL_RUNNING);
    cr_assert_str_eq(waiting(actor), "12345");
    cr_assert(actor->inflight == 0);
    cr_assert(actor->home == HOME_COLD);
    cr_assert(fx.shard.metrics.recalls == 3);
    cr_assert(touched_count() == 1);
}

Test(recall, of_one_actor_leaves_the_turns_of_others_where_they_are) {
    host_joins(1);
    struct actor *a = up("a"), *b = up("b");
    casts("a", "1");
    casts("b", "x");
    casts("a", "2");
    casts("b", "y");
    take_back(a, RECALL_RUNNING);
    cr_assert_str_eq(waiting(a), "12");
    cr_assert(b->inflight == 2);
    cr_assert(b->home == HOME_HOT);
    cr_assert(atomic_load(&fake(0, 0)->turns_control->recall_to) == 0);
    cr_assert(touched_count() == 1);
}

Test(recall, of_all_takes_everything_and_tells_the_worker_to_skip) {
    host_joins(1);
    struct actor *a = up("a"), *b = up("b");
    casts("a", "1");
    casts("b", "x");
    casts("a", "2");
    take_back(NULL, RECALL_RUNNING);
    cr_assert_str_eq(waiting(a), "12");
    cr_assert_str_eq(waiting(b), "x");
    struct worker *worker = fake(0, 0)->keeper_end;
    cr_assert(atomic_load(&fake(0, 0)->turns_control->recall_to) == worker->head);
    cr_assert(worker->inflight == 3, "their space is freed by commits, as usual");
    cr_assert(touched_count() == 2);
    step();
    for (int i = 0; i < 3; i++) {
        const struct turn_record *turn = play_take(fake(0, 0), TURN_CAST);
        cr_assert(turn->note_void == 1);
        play_skip(fake(0, 0), turn->turn);
    }
    step();
    cr_assert(worker->inflight == 0);
    cr_assert(fx.shard.metrics.commits_ignored == 3);
}

Test(recall, leaves_the_running_turn_if_asked_and_its_actor_stays) {
    host_joins(1);
    struct actor *a = up("a"), *b = up("b");
    casts("a", "1");
    casts("b", "x");
    casts("a", "2");
    step();
    play_take(fake(0, 0), TURN_CAST);
    take_back(NULL, LEAVE_RUNNING);
    cr_assert(a->inflight == 1);
    cr_assert(a->home == HOME_HOT);
    cr_assert_str_eq(waiting(a), "2");
    cr_assert(b->home == HOME_COLD);
    cr_assert_str_eq(waiting(b), "x");
    touched_count();
}

Test(recall, counts_the_attempt_of_the_running_turn_only_if_asked) {
    host_joins(1);
    struct actor *actor = up("a");
    casts("a", "12");
    step();
    play_take(fake(0, 0), TURN_CAST);
    take_back(NULL, RECALL_RUNNING_ONCE);
    struct envelope *first = LIST_ENTRY(actor->mailbox.next, struct envelope, link);
    struct envelope *second = LIST_ENTRY(actor->mailbox.prev, struct envelope, link);
    cr_assert(first->attempts == 1);
    cr_assert(second->attempts == 0);
    touched_count();
}

Test(recall, does_not_bring_a_turn_back_twice) {
    host_joins(1);
    struct actor *actor = up("a");
    casts("a", "12");
    take_back(NULL, RECALL_RUNNING);
    touched_count();
    take_back(NULL, RECALL_RUNNING);
    cr_assert_str_eq(waiting(actor), "12");
    cr_assert(touched_count() == 0);
}

Test(recall, keeps_the_caller_and_its_deadline) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_verb(1, VERB_CALL, "a", "x", 300);
    fx.shard.now_ms += 100;
    take_back(actor, RECALL_RUNNING);
    touched_count();
    struct envelope *envelope = LIST_ENTRY(actor->mailbox.next, struct envelope, link);
    cr_assert(envelope->caller.request == 1);
    cr_assert(envelope->kind == TURN_CALL);
    cr_assert(timer_armed(&envelope->deadline));
    actor->life = ACTOR_SUSPENDED;
    later(199);
    cr_assert(!answered(1));
    later(1);
    cr_assert(failed(1, STATUS_TIMEOUT));
}

Test(recall, a_terminate_that_is_taken_back_stops_nobody_yet) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_stop(1, "a");
    cr_assert(actor->life == ACTOR_STOPPING);
    take_back(actor, RECALL_RUNNING);
    touched_count();
    cr_assert(actor->life == ACTOR_RUNNING);
    cr_assert(!answered(1));
    router_pump(&fx.shard, actor);
    settle_loads();
    cr_assert(actor->life == ACTOR_STOPPING);
}

Test(recall, the_body_of_a_large_turn_comes_back_too) {
    host_joins(1);
    struct actor  *actor = up("a");
    static uint8_t large[TURN_RING_BYTES];
    memset(large, 'L', sizeof large);
    cr_assert(router_deliver(&fx.shard, actor, TURN_CAST, CALLER_NOBODY, 0,
                             slice_of(large, sizeof large), true) == STATUS_OK);
    take_back(actor, RECALL_RUNNING);
    touched_count();
    struct envelope *envelope = LIST_ENTRY(actor->mailbox.next, struct envelope, link);
    cr_assert(same(envelope_payload(envelope), slice_of(large, sizeof large)));
}

Test(recall, the_copy_of_an_actor_whose_running_turn_was_left_is_used_for_that_turn_only) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = fake(0, 0);
    uint32_t            epoch = actor->epoch;
    casts("a", "12");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    take_back(NULL, LEAVE_RUNNING);
    touched_count();
    cr_assert(actor->stale);
    cr_assert(actor->epoch == epoch, "the running turn still counts");
    play_state(end, turn, "s1");
    // The worker may have run the second turn on the copy meanwhile; that one is void.
    play_state(end, play_take(end, TURN_CAST)->turn, "wrong");
    settle_loads();
    cr_assert(!actor->stale);
    cr_assert(actor->epoch == epoch + 1);
    const struct turn_record *again = play_take(end, TURN_CAST);
    cr_assert(again->flags == TURN_HAS_STATE);
    cr_assert(same(turn_state(end, again), text("s1")));
    cr_assert(same(turn_payload(end, again), text("2")));
}

Test(recall, an_actor_with_nothing_behind_its_running_turn_keeps_its_copy) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = fake(0, 0);
    up("b");
    casts("a", "1");
    casts("b", "x");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    take_back(NULL, LEAVE_RUNNING);
    touched_count();
    cr_assert(!actor->stale);
    play_done(end, turn);
    step();
    cr_assert(actor->home == HOME_HOT);
}

// --- the running turn ---

Test(recall, nobody_runs_in_a_ring_whose_turns_were_not_begun) {
    host_joins(1);
    struct actor  *actor = up("a");
    struct worker *worker = fake(0, 0)->keeper_end;
    cr_assert(recall_running_actor(&fx.shard, worker) == NULL);
    casts("a", "1");
    step();
    cr_assert(recall_running_actor(&fx.shard, worker) == NULL);
    play_take(fake(0, 0), TURN_CAST);
    cr_assert(recall_running_actor(&fx.shard, worker) == actor);
}

static const struct failure FAILURE = {.status = STATUS_DOWN, .message = "dropped"};

Test(recall, a_dropped_turn_answers_its_caller_and_does_not_come_back) {
    host_joins(1);
    struct actor  *actor = up("a");
    struct worker *worker = fake(0, 0)->keeper_end;
    ask_call(1, "a", "x");
    step();
    play_take(fake(0, 0), TURN_CALL);
    recall_drop_running(&fx.shard, worker, NULL, &FAILURE);
    cr_assert(failed(1, STATUS_DOWN));
    cr_assert(actor->inflight == 0);
    cr_assert(recall_running_actor(&fx.shard, worker) == NULL);
    recall_drop_running(&fx.shard, worker, NULL, &FAILURE);
    take_back(NULL, RECALL_RUNNING);
    cr_assert(actor->waiting == 0);
}

Test(recall, a_turn_of_another_actor_is_not_dropped) {
    host_joins(1);
    struct actor *a = up("a"), *b = up("b");
    ask_call(1, "a", "x");
    step();
    play_take(fake(0, 0), TURN_CALL);
    recall_drop_running(&fx.shard, fake(0, 0)->keeper_end, b, &FAILURE);
    cr_assert(!answered(1));
    cr_assert(a->inflight == 1);
}

Test(recall, a_turn_that_was_not_begun_is_not_dropped) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "x");
    step();
    recall_drop_running(&fx.shard, fake(0, 0)->keeper_end, NULL, &FAILURE);
    cr_assert(!answered(1));
    cr_assert(actor->inflight == 1);
}

#ifdef CAN_REFUSE_MEMORY
Test(recall, without_memory_for_a_message_its_caller_is_told_and_the_others_come_back) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "x");
    ask_call(2, "a", "y");
    refuse_memory(1);
    take_back(actor, RECALL_RUNNING);
    refuse_memory(0);
    cr_assert(failed(1, STATUS_NO_MEMORY));
    cr_assert(!answered(2));
    cr_assert(actor->waiting == 1);
    cr_assert(actor->inflight == 0);
    touched_count();
}

Test(recall, without_memory_for_a_terminate_its_caller_is_told_once_and_the_actor_goes_on) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "stop");
    step();
    struct out out =
        out_of(COMMIT_DONE, play_take(fake(0, 0), TURN_CALL)->turn, COMMIT_STOP | COMMIT_MORE);
    out_body(&out, ITEM_REPLY, text("bye"));
    play_send(fake(0, 0), &out);
    step();
    refuse_memory(1);
    take_back(actor, RECALL_RUNNING);
    refuse_memory(0);
    touched_count();
    cr_assert(replied(1, "bye"));
    cr_assert(actor->life == ACTOR_RUNNING, "it can be stopped again");
    ask_stop(2, "a");
    settle_loads();
    cr_assert(actor->life == ACTOR_STOPPING);
    refuse_memory(1);
    take_back(actor, RECALL_RUNNING);
    refuse_memory(0);
    touched_count();
    cr_assert(failed(2, STATUS_NO_MEMORY));
    cr_assert(actor->life == ACTOR_RUNNING);
}

Test(recall, without_memory_for_the_init_of_a_start_the_start_has_failed) {
    host_joins(1);
    ask_start(1, "a");
    ask_call(3, "a", "waits");
    step();
    refuse_memory(1);
    take_back(NULL, RECALL_RUNNING);
    refuse_memory(0);
    cr_assert(failed(1, STATUS_NO_MEMORY));
    router_pump_list(&fx.shard, &touched);
    cr_assert(life_of("a") == ACTOR_FREE, "it is not starting for ever");
    cr_assert(fx.shard.actors.live == 0);
    cr_assert(failed(3, STATUS_NO_MEMORY));
    ask_start(2, "a");
    step();
    play_skip(fake(0, 0), play_next(fake(0, 0))->turn);
    play_state(fake(0, 0), play_take(fake(0, 0), TURN_INIT)->turn, "s0");
    step();
    cr_assert(started(2));
}

static struct actor *restarting(void) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_kill(0, "a");
    settle_loads();
    cr_assert(actor->life == ACTOR_RESTARTING && actor->inflight == 1);
    refuse_memory(1);
    take_back(NULL, RECALL_RUNNING);
    refuse_memory(0);
    cr_assert(actor->life == ACTOR_RESTARTING && actor->waiting == 0);
    return actor;
}

static void comes_up(struct actor *actor) {
    settle_loads();
    const struct turn_record *record = play_next(fake(0, 0));
    for (; record != NULL && record->note_void; record = play_next(fake(0, 0))) {
        play_skip(fake(0, 0), record->turn);
    }
    cr_assert(record != NULL && record->kind == TURN_INIT);
    play_done(fake(0, 0), record->turn);
    step();
    cr_assert(actor->life == ACTOR_RUNNING && actor->inflight == 0 && actor->waiting == 0);
}

Test(recall, without_memory_for_the_init_of_a_restart_another_one_is_made) {
    struct actor *actor = restarting();
    router_pump_list(&fx.shard, &touched);
    comes_up(actor);
}

Test(recall, an_actor_whose_init_was_lost_may_end_before_another_one_is_made) {
    struct actor *actor = restarting();
    ask_kill(0, "a");
    router_pump_list(&fx.shard, &touched);
    comes_up(actor);
}
#endif
