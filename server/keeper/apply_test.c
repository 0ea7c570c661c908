#include "keeper/shard_fixture_test.h"

TestSuite(apply, .init = fx_init, .fini = fx_fini, .timeout = 20);

// --- state and reply ---

Test(apply, keeps_the_state_and_answers_the_call) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "hello");
    step();
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *turn = play_take(end, TURN_CALL);
    cr_assert(same(turn_payload(end, turn), text("hello")));
    cr_assert(turn->state_bytes == 0);
    cr_assert(turn->incarnation == actor_id(actor));
    play_reply(end, turn->turn, "world", "s1");
    cr_assert(!answered(1));
    step();
    cr_assert(replied(1, "world"));
    cr_assert(actor->version == 2);
    cr_assert(actor->inflight == 0);
    cr_assert(mirror_has(actor, "s1", 2));
}

Test(apply, leaves_the_version_alone_where_the_state_did_not_change) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "look");
    step();
    play_reply(home_of(actor), play_take(home_of(actor), TURN_CALL)->turn, "seen", NULL);
    step();
    cr_assert(replied(1, "seen"));
    cr_assert(actor->version == 1);
    cr_assert(mirror_has(actor, "s0", 1));
}

Test(apply, answers_a_start_with_id_unit_and_name) {
    host_joins(1);
    ask_start(1, "a");
    step();
    struct actor             *actor = actor_named("a");
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *turn = play_take(end, TURN_INIT);
    cr_assert(same(turn_name(end, turn), raw("a")));
    cr_assert(same(turn_payload(end, turn), text("argument")));
    cr_assert(turn->flags == 0);
    cr_assert(actor->life == ACTOR_STARTING);
    play_state(end, turn->turn, "s0");
    step();
    const struct note *note = answer_of(1);
    cr_assert(started(1));
    cr_assert(!note->ignored);
    cr_assert(note->id == actor_id(actor));
    cr_assert(note->unit == actor->unit);
    cr_assert(same(slice_of(note->body, note->bytes), raw("a")));
}

Test(apply, a_full_mirror_puts_the_commit_off_and_it_is_applied_once) {
    host_joins(1);
    struct actor *actor = up("a");
    struct actor *friend = up("b");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "change");
    step();
    const struct turn_record *turn = play_take(end, TURN_CALL);
    struct out                out = out_of(COMMIT_DONE, turn->turn, 0);
    out_body(&out, ITEM_REPLY, text("changed"));
    out_add(&out, ITEM_CAST, 0, raw("b"), text("news"));
    out_body(&out, ITEM_STATE, text("s1"));
    mirror_fill();
    uint64_t commits = fx.shard.metrics.commits;
    play_send(end, &out);
    for (int i = 0; i < 3; i++) {
        step();
        cr_assert(!answered(1));
        cr_assert(actor->version == 1);
        cr_assert(actor->inflight == 1);
        cr_assert(friend->inflight == 0);
        cr_assert(fx.shard.stalled);
        cr_assert(!shard_has_commits(&fx.shard));
    }
    mirror_resume();
    step();
    cr_assert(replied(1, "changed"));
    cr_assert(actor->version == 2);
    cr_assert(actor->inflight == 0);
    cr_assert(fx.shard.metrics.commits == commits + 1, "a commit is counted when it is applied");
    cr_assert(mirror_has(actor, "s1", 2));
    play_done(end, play_take(end, TURN_CAST)->turn);
    cr_assert(play_next(end) == NULL);
    step();
    cr_assert(friend->inflight == 0);
}

// --- deferred replies ---

Test(apply, a_call_without_a_reply_waits_for_a_later_turn) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "later");
    step();
    uint64_t from = play_take(end, TURN_CALL)->turn;
    play_done(end, from);
    step();
    cr_assert(!answered(1));
    cr_assert(fx.shard.pending.count == 1);

    ask_cast(0, "a", "now");
    step();
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_CAST)->turn, 0);
    out_add(&out, ITEM_REPLY_TO, from, (struct slice){0}, text("at last"));
    out_add(&out, ITEM_REPLY_TO, from, (struct slice){0}, text("again"));
    play_send(end, &out);
    step();
    cr_assert(replied(1, "at last"));
    cr_assert(fx.shard.pending.count == 0);
    cr_assert(actor->extra->pending == NULL);
    later(DEADLINE_MS_DEFAULT + 1);
    cr_assert(replied(1, "at last"));
}

Test(apply, a_turn_can_reply_to_its_own_call_by_token) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_call(1, "a", "x");
    step();
    uint64_t   from = play_take(end, TURN_CALL)->turn;
    struct out out = out_of(COMMIT_DONE, from, 0);
    out_add(&out, ITEM_REPLY_TO, from, (struct slice){0}, text("y"));
    play_send(end, &out);
    step();
    cr_assert(replied(1, "y"));
    cr_assert(fx.shard.pending.count == 0);
}

Test(apply, nobody_can_reply_to_the_call_of_another_actor) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    up("b");
    ask_call(1, "a", "x");
    ask_cast(0, "b", "x");
    step();
    uint64_t from = play_take(end, TURN_CALL)->turn;
    play_done(end, from);
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_CAST)->turn, 0);
    out_add(&out, ITEM_REPLY_TO, from, (struct slice){0}, text("forged"));
    play_send(end, &out);
    step();
    cr_assert(!answered(1));
    cr_assert(fx.shard.pending.count == 1);
}

Test(apply, over_the_limit_of_deferred_calls_the_caller_is_told_not_to_repeat) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    fx.shard.pending.count_max = 1;
    ask_call(1, "a", "x");
    ask_call(2, "a", "y");
    step();
    play_done(end, play_take(end, TURN_CALL)->turn);
    play_done(end, play_take(end, TURN_CALL)->turn);
    step();
    cr_assert(!answered(1));
    cr_assert(failed(2, STATUS_OVERLOADED));
    cr_assert(answer_of(2)->not_retryable);
}

Test(apply, a_deferred_call_times_out_at_its_own_deadline) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_verb(1, VERB_CALL, "a", "x", 300);
    later(100);
    play_done(end, play_take(end, TURN_CALL)->turn);
    later(199);
    cr_assert(!answered(1));
    later(1);
    cr_assert(failed(1, STATUS_TIMEOUT));
    cr_assert(fx.shard.pending.count == 0);
    cr_assert(fx.shard.metrics.timeouts == 1);
}

Test(apply, a_crash_answers_the_deferred_calls) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "later");
    step();
    play_done(end, play_take(end, TURN_CALL)->turn);
    step();
    crash_once(actor, 2, "a");
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(failed(2, STATUS_CRASHED));
    cr_assert(fx.shard.pending.count == 0);
}

// --- chains ---

Test(apply, a_continue_belongs_to_the_turn_that_asked_for_it) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "x");
    ask_call(2, "a", "y");
    step();
    uint64_t   turn = play_take(end, TURN_CALL)->turn;
    struct out out = out_of(COMMIT_DONE, turn, COMMIT_MORE);
    out_body(&out, ITEM_REPLY, text("yes"));
    out_body(&out, ITEM_STATE, text("s1"));
    out_body(&out, ITEM_CONTINUE, text("go on"));
    play_send(end, &out);
    step();
    cr_assert(replied(1, "yes"));
    cr_assert(actor->version == 2);
    cr_assert(actor->inflight == 2, "the turn is not over");
    play_continue(end, turn, "and on");
    play_state(end, turn, "s2");
    step();
    cr_assert(actor->version == 3);
    cr_assert(actor->inflight == 1);
    play_reply(end, play_take(end, TURN_CALL)->turn, "also", NULL);
    step();
    cr_assert(replied(2, "also"));
}

Test(apply, a_zero_timeout_belongs_to_the_turn_that_asked_for_it) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_cast(0, "a", "x");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    play_flags(end, turn, COMMIT_MORE);
    step();
    cr_assert(end->keeper_end->chain == CHAIN_TIMEOUT);
    cr_assert(actor->inflight == 1);
    play_done(end, turn);
    step();
    cr_assert(actor->inflight == 0);
    cr_assert(end->keeper_end->chain == CHAIN_NONE);
}

Test(apply, an_init_can_go_on_with_a_continue) {
    host_joins(1);
    ask_start(1, "a");
    step();
    struct fake_worker *end = fake(0, 0);
    uint64_t            turn = play_take(end, TURN_INIT)->turn;
    struct out          out = out_of(COMMIT_DONE, turn, COMMIT_MORE);
    out_body(&out, ITEM_STATE, text("s0"));
    out_body(&out, ITEM_CONTINUE, text("warm up"));
    play_send(end, &out);
    step();
    cr_assert(started(1));
    cr_assert(life_of("a") == ACTOR_RUNNING);
    play_state(end, turn, "s1");
    step();
    cr_assert(actor_named("a")->version == 2);
}

Test(apply, a_crash_in_a_chain_does_not_answer_the_caller_again) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "x");
    step();
    uint64_t   turn = play_take(end, TURN_CALL)->turn;
    struct out out = out_of(COMMIT_DONE, turn, COMMIT_MORE);
    out_body(&out, ITEM_REPLY, text("yes"));
    out_body(&out, ITEM_STATE, text("s1"));
    out_body(&out, ITEM_CONTINUE, text("go on"));
    play_send(end, &out);
    play_crash(end, turn, COMMIT_CODE_RAISE, "boom");
    settle_loads();
    cr_assert(replied(1, "yes"));
    cr_assert(actor->life == ACTOR_RESTARTING);
    const struct turn_record *init = play_take(end, TURN_INIT);
    cr_assert(same(turn_state(end, init), text("s1")), "what had committed stays");
}

// --- the end of an actor ---

Test(apply, a_stop_with_terminate_ends_the_actor_after_terminate) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "stop");
    step();
    uint64_t turn = play_take(end, TURN_CALL)->turn;
    play_stop(end, turn, COMMIT_MORE, "normal");
    step();
    cr_assert(!answered(1), "the name is not free yet");
    cr_assert(life_of("a") == ACTOR_STOPPING);
    ask_call(2, "a", "too late");
    step();
    cr_assert(!answered(2));
    play_stop(end, turn, 0, NULL);
    step();
    cr_assert(life_of("a") == ACTOR_FREE);
    cr_assert(failed(1, STATUS_DOWN));
    cr_assert(same(slice_of(answer_of(1)->body, answer_of(1)->bytes), text("normal")));
    cr_assert(failed(2, STATUS_DOWN));
    cr_assert(fx.shard.actors.live == 0);
    cr_assert(fx.shard.waiting_bytes == 0);
}

Test(apply, a_stop_without_terminate_ends_the_actor_at_once) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_call(1, "a", "stop");
    step();
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_CALL)->turn, COMMIT_STOP);
    out_body(&out, ITEM_REPLY, text("bye"));
    out_body(&out, ITEM_REASON, text("normal"));
    play_send(end, &out);
    step();
    cr_assert(replied(1, "bye"));
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(apply, a_permanent_actor_that_stops_itself_begins_again_with_its_state) {
    host_joins(1);
    struct request request = start_request("a");
    request.restart = RESTART_PERMANENT;
    struct actor       *actor = up_with(&request);
    struct fake_worker *end = home_of(actor);
    uint64_t            id = actor_id(actor);
    ask_cast(0, "a", "stop");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    play_stop(end, turn, COMMIT_MORE, "normal");
    play_stop(end, turn, 0, NULL);
    settle_loads();
    const struct turn_record *init = play_take(end, TURN_INIT);
    cr_assert(init->flags == (TURN_HAS_STATE | TURN_RESTART));
    cr_assert(same(turn_state(end, init), text("s0")));
    cr_assert(same(turn_payload(end, init), text("argument")));
    play_done(end, init->turn);
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
    cr_assert(actor_id(actor) != id);
}

Test(apply, the_stop_verb_runs_terminate_and_answers_after_it) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_cast(0, "a", "before");
    ask_stop(1, "a");
    step();
    play_done(end, play_take(end, TURN_CAST)->turn);
    uint64_t turn = play_take(end, TURN_TERMINATE)->turn;
    step();
    cr_assert(!answered(1));
    play_stop(end, turn, 0, NULL);
    step();
    cr_assert(done(1));
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(apply, a_second_stop_is_told_that_there_is_nobody) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_stop(1, "a");
    ask_stop(2, "a");
    step();
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(done(1));
    cr_assert(failed(2, STATUS_NOPROC));
}

Test(apply, a_crash_in_terminate_ends_the_actor_too) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_stop(1, "a");
    step();
    play_crash(end, play_take(end, TURN_TERMINATE)->turn, COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(life_of("a") == ACTOR_FREE);
}

// --- a reply that goes with a stop ---

// Takes the next call, replies "bye" and stops; terminate is still to come. The turn.
static uint64_t play_farewell(struct fake_worker *end) {
    uint64_t   turn = play_take(end, TURN_CALL)->turn;
    struct out out = out_of(COMMIT_DONE, turn, COMMIT_STOP | COMMIT_MORE);
    out_body(&out, ITEM_REPLY, text("bye"));
    out_body(&out, ITEM_REASON, text("normal"));
    play_send(end, &out);
    step();
    return turn;
}

Test(apply, a_reply_that_goes_with_a_stop_is_answered_after_terminate) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_call(1, "a", "stop");
    step();
    uint64_t turn = play_farewell(end);
    cr_assert(!answered(1));
    cr_assert(life_of("a") == ACTOR_STOPPING);
    play_stop(end, turn, 0, NULL);
    step();
    cr_assert(replied(1, "bye"));
    cr_assert(life_of("a") == ACTOR_FREE);
}

static enum actor_life life_at_answer;

static void note_life(void *context, struct caller caller, const struct answer *answer) {
    if (caller.request == 1) life_at_answer = life_of("a");
    fx_answer(context, caller, answer);
}

Test(apply, whoever_hears_of_a_stop_finds_the_name_free) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    fx.shard.port.answer = note_life;
    life_at_answer = ACTOR_RUNNING;
    ask_call(1, "a", "stop");
    step();
    play_stop(end, play_farewell(end), 0, NULL);
    step();
    cr_assert(replied(1, "bye"));
    cr_assert(life_at_answer == ACTOR_FREE);
}

Test(apply, a_reply_that_goes_with_a_stop_outlives_a_crash_of_terminate) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_call(1, "a", "stop");
    step();
    uint64_t turn = play_farewell(end);
    cr_assert(!answered(1));
    play_crash(end, turn, COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(replied(1, "bye"));
}

Test(apply, a_reply_that_goes_with_a_stop_outlives_a_kill) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_call(1, "a", "stop");
    step();
    uint64_t turn = play_farewell(end);
    ask_kill(2, "a");
    cr_assert(done(2));
    cr_assert(replied(1, "bye"));
    cr_assert(life_of("a") == ACTOR_FREE);
    play_stop(end, turn, 0, NULL);
    step();
    cr_assert(replied(1, "bye"), "once");
}

Test(apply, a_reply_that_goes_with_a_stop_outlives_the_host) {
    host_joins(1);
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_call(1, "a", "stop");
    step();
    play_farewell(end);
    cr_assert(!answered(1));
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    settle_loads();
    cr_assert(life_of("a") == ACTOR_STOPPING, "terminate runs elsewhere");
    play_stop(fake(1, 0), play_take(fake(1, 0), TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(replied(1, "bye"));
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(apply, a_reply_that_goes_with_a_stop_outlives_a_terminate_that_kills_the_host) {
    host_joins(1);
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "stop");
    step();
    play_farewell(end);
    play_death(end, DEATH_SIGNAL, 11);
    step();
    cr_assert(replied(1, "bye"));
    // As for every crash of an actor that was not asked to stop from outside.
    cr_assert(actor->life == ACTOR_RESTARTING);
}

Test(apply, a_reply_that_goes_with_a_stop_is_not_given_to_the_next_caller) {
    host_joins(1);
    up("b");
    struct fake_worker *end = home_of(up("a"));
    ask_call(1, "a", "stop");
    ask_call(2, "b", "stop");
    step();
    play_crash(end, play_farewell(end), COMMIT_CODE_RAISE, "boom");
    uint64_t turn = play_take(end, TURN_CALL)->turn;
    play_stop(end, turn, COMMIT_MORE, "normal");
    play_stop(end, turn, 0, NULL);
    step();
    cr_assert(replied(1, "bye"));
    cr_assert(failed(2, STATUS_DOWN));
}

// --- hibernate and timeout ---

Test(apply, a_hibernated_actor_comes_back_with_its_state) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_cast(0, "a", "rest");
    step();
    play_flags(end, play_take(end, TURN_CAST)->turn, COMMIT_HIBERNATE);
    step();
    cr_assert(router_worker(&fx.shard, actor) == NULL);
    uint32_t epoch = actor->epoch;
    ask_call(1, "a", "wake");
    settle_loads();
    const struct turn_record *turn = play_take(end, TURN_CALL);
    cr_assert(turn->flags == TURN_HAS_STATE);
    cr_assert(turn->epoch != epoch);
    cr_assert(same(turn_state(end, turn), text("s0")));
    cr_assert(same(turn_payload(end, turn), text("wake")));
    cr_assert(same(turn_name(end, turn), raw("a")));
}

static void commit_timeout(struct fake_worker *end, uint64_t due_ms) {
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_CAST)->turn, COMMIT_TIMEOUT);
    out.record.due_ms = due_ms;
    play_send(end, &out);
}

Test(apply, an_idle_actor_gets_its_timeout) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_cast(0, "a", "x");
    step();
    commit_timeout(end, fx.shard.now_ms + 50);
    step();
    later(49);
    cr_assert(play_next(end) == NULL);
    later(1);
    step();
    cr_assert(same(turn_payload(end, play_take(end, TURN_INFO)), text("timeout")));
}

Test(apply, a_message_before_the_timeout_is_instead_of_it) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_cast(0, "a", "x");
    step();
    commit_timeout(end, fx.shard.now_ms + 50);
    later(20);
    ask_cast(0, "a", "y");
    step();
    play_done(end, play_take(end, TURN_CAST)->turn);
    later(100);
    cr_assert(play_next(end) == NULL);
}

Test(apply, a_refused_message_does_not_cost_the_timeout) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_cast(0, "a", "x");
    step();
    struct out out =
        out_of(COMMIT_DONE, play_take(end, TURN_CAST)->turn, COMMIT_TIMEOUT | COMMIT_HIBERNATE);
    out.record.due_ms = fx.shard.now_ms + 50;
    play_send(end, &out);
    step();
    uint64_t max = fx.options.waiting_bytes_max;
    fx.options.waiting_bytes_max = 0;
    ask_call(1, "a", "y");
    cr_assert(failed(1, STATUS_OVERLOADED));
    fx.options.waiting_bytes_max = max;
    later(50);
    settle_loads();
    cr_assert(same(turn_payload(end, play_take(end, TURN_INFO)), text("timeout")));
}

Test(apply, a_timeout_is_not_armed_while_messages_wait) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_cast(0, "a", "x");
    ask_cast(0, "a", "y");
    step();
    commit_timeout(end, fx.shard.now_ms + 50);
    step();
    play_done(end, play_take(end, TURN_CAST)->turn);
    later(100);
    cr_assert(play_next(end) == NULL);
}

Test(apply, a_timeout_that_never_comes_is_not_armed) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_cast(0, "a", "x");
    step();
    commit_timeout(home_of(actor), UINT64_MAX);
    step();
    cr_assert(!timer_armed(&actor->idle));
    cr_assert(actor->life == ACTOR_RUNNING);
}

// --- crashes ---

Test(apply, a_crash_code_becomes_the_kind_that_clients_see) {
    static const struct {
        enum commit_code code;
        const char      *kind;
        enum status      status;
    } rows[] = {
        {COMMIT_CODE_RAISE, "raise", STATUS_CRASHED},
        {COMMIT_CODE_EXIT, "exit", STATUS_DOWN},
        {COMMIT_CODE_CONTRACT, "contract", STATUS_CRASHED},
        {COMMIT_CODE_MEMORY, "memory", STATUS_CRASHED},
    };
    host_joins(1);
    for (uint64_t i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%d", (int)i);
        struct fake_worker *end = home_of(up(name));
        ask_call(i + 1, name, "x");
        step();
        play_crash(end, play_take(end, TURN_CALL)->turn, rows[i].code, "why");
        settle_loads();
        const struct note *note = answer_of(i + 1);
        cr_assert(failed(i + 1, rows[i].status));
        cr_assert_str_eq(note->crash, rows[i].kind);
        cr_assert_str_eq(note->message, "handle_call of counter");
        cr_assert(same(slice_of(note->body, note->bytes), text("why")));
        play_done(end, play_take(end, TURN_INIT)->turn);
        step();
    }
}

Test(apply, a_long_crash_text_is_cut) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    char                long_text[400];
    memset(long_text, 'x', sizeof long_text);
    ask_call(1, "a", "x");
    step();
    struct out out = out_of(COMMIT_CRASH, play_take(end, TURN_CALL)->turn, 0);
    out.record.code = COMMIT_CODE_RAISE;
    out_body(&out, ITEM_TEXT, slice_of(long_text, sizeof long_text));
    play_send(end, &out);
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(strlen(answer_of(1)->message) < 256);
    cr_assert(answer_of(1)->message[100] == 'x');
}

Test(apply, a_crash_of_the_first_init_is_told_to_the_starter_and_leaves_nothing) {
    host_joins(1);
    ask_start(1, "a");
    step();
    play_crash(fake(0, 0), play_take(fake(0, 0), TURN_INIT)->turn, COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(life_of("a") == ACTOR_FREE);
    cr_assert(fx.shard.actors.live == 0);
}

// --- refusals ---

Test(apply, an_init_that_says_ignore_is_no_failure) {
    host_joins(1);
    ask_start(1, "a");
    step();
    play_refuse(fake(0, 0), play_take(fake(0, 0), TURN_INIT)->turn, COMMIT_CODE_IGNORE, NULL);
    step();
    cr_assert(started(1));
    cr_assert(answer_of(1)->ignored);
    cr_assert(answer_of(1)->id == 0);
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(apply, an_init_that_says_error_is_refused_with_its_reason) {
    host_joins(1);
    ask_start(1, "a");
    step();
    play_refuse(fake(0, 0), play_take(fake(0, 0), TURN_INIT)->turn, COMMIT_CODE_ERROR, "no money");
    step();
    cr_assert(failed(1, STATUS_REFUSED));
    cr_assert(same(slice_of(answer_of(1)->body, answer_of(1)->bytes), text("no money")));
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(apply, a_payload_that_is_no_value_costs_nothing_but_the_message) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "garbage");
    ask_call(2, "a", "fine");
    step();
    play_refuse(end, play_take(end, TURN_CALL)->turn, COMMIT_CODE_INVALID, NULL);
    play_reply(end, play_take(end, TURN_CALL)->turn, "ok", NULL);
    step();
    cr_assert(failed(1, STATUS_INVALID));
    cr_assert(replied(2, "ok"));
    cr_assert(actor->life == ACTOR_RUNNING);
    cr_assert(actor->extra->trouble == NULL);
}

Test(apply, a_stop_whose_reason_is_no_value_does_not_stop_anything) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_cast(0, "a", "x");
    step();
    // Only a behaviour that has scribbled on its host can send such a stop.
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_CAST)->turn, 0);
    out_add(&out, ITEM_STOP, 0, raw("a"), raw("\xff\xff"));
    play_send(end, &out);
    step();
    play_refuse(end, play_take(end, TURN_TERMINATE)->turn, COMMIT_CODE_INVALID, NULL);
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
    ask_call(1, "a", "y");
    step();
    play_reply(end, play_take(end, TURN_CALL)->turn, "here", NULL);
    step();
    cr_assert(replied(1, "here"));
}

// --- skips and void turns ---

Test(apply, a_skipped_turn_is_run_again_with_the_state_in_front_of_what_followed) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "one");
    ask_call(2, "a", "two");
    step();
    play_skip(end, play_take(end, TURN_CALL)->turn);
    uint64_t old = play_take(end, TURN_CALL)->turn;
    step();
    play_skip(end, old);
    settle_loads();
    cr_assert(fx.shard.metrics.skips == 1);
    cr_assert(fx.shard.metrics.commits_ignored == 1);
    const struct turn_record *first = play_take(end, TURN_CALL);
    cr_assert(same(turn_payload(end, first), text("one")));
    cr_assert(same(turn_state(end, first), text("s0")));
    const struct turn_record *second = play_take(end, TURN_CALL);
    cr_assert(same(turn_payload(end, second), text("two")));
    play_reply(end, first->turn, "1", NULL);
    play_reply(end, second->turn, "2", NULL);
    step();
    cr_assert(replied(1, "1"));
    cr_assert(replied(2, "2"));
    cr_assert(actor->inflight == 0);
}

Test(apply, a_commit_of_a_turn_that_was_taken_back_changes_nothing) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "x");
    step();
    uint64_t turn = play_take(end, TURN_CALL)->turn;
    ask_kill(2, "a");
    cr_assert(failed(1, STATUS_DOWN));
    struct out out = out_of(COMMIT_DONE, turn, COMMIT_MORE);
    out_body(&out, ITEM_REPLY, text("late"));
    out_body(&out, ITEM_STATE, text("s9"));
    play_send(end, &out);
    play_reply(end, turn, "later", "s10");
    settle_loads();
    cr_assert(fx.shard.metrics.commits_ignored == 2);
    cr_assert(actor->version == 1);
    cr_assert(same(turn_state(end, play_take(end, TURN_INIT)), text("s0")));
}
