// A crash that the behaviour's terminate was run after: its effects, and nothing else of the turn.
#include "keeper/shard_fixture_test.h"

TestSuite(apply_crash, .init = fx_init, .fini = fx_fini, .timeout = 20);

static struct fake_worker *end;

// Lets "a" take a call; the crash that answers it is still to be sent.
static struct out crash_of_call(uint64_t number) {
    ask_call(number, "a", "crash");
    step();
    struct out out = out_of(COMMIT_CRASH, play_take(end, TURN_CALL)->turn, 0);
    out.record.code = COMMIT_CODE_RAISE;
    out_body(&out, ITEM_REASON, text("boom"));
    out_body(&out, ITEM_TEXT, raw("handle_call of counter"));
    return out;
}

static void send(struct out *out) {
    play_send(end, out);
    step();
}

static struct actor *begin(void) {
    host_joins(1);
    struct actor *actor = up("a");
    end = home_of(actor);
    return actor;
}

// Passes over turns that were taken back meanwhile.
static uint64_t take(enum turn_kind kind) {
    settle_loads();
    for (;;) {
        const struct turn_record *turn = play_next(end);
        cr_assert(turn != NULL);
        if (!turn->note_void) {
            cr_assert(turn->kind == kind);
            return turn->turn;
        }
        play_skip(end, turn->turn);
    }
}

static bool got(enum turn_kind kind, const struct actor *actor, const char *message) {
    const struct turn_record *turn = play_take(end, kind);
    return turn->slot == actor->slot && same(turn_payload(end, turn), text(message));
}

static void add_timer(struct out *out, uint64_t index, const char *name, uint64_t ms) {
    uint8_t  room[64];
    uint64_t due_ms = fx.shard.now_ms + ms;
    memcpy(room, &due_ms, sizeof due_ms);
    memcpy(room + sizeof due_ms, name, strlen(name));
    out_add(out, ITEM_TIMER, out->record.turn << TIMER_INDEX_BITS | index,
            slice_of(room, sizeof due_ms + strlen(name)), text("tick"));
}

Test(apply_crash, what_terminate_sends_arrives_and_the_caller_is_told_of_the_crash) {
    struct actor *actor = begin();
    struct actor *friend = up("b");
    uint64_t   version = actor->version;
    struct out out = crash_of_call(1);
    out_add(&out, ITEM_SEND, 0, raw("b"), text("one"));
    out_add(&out, ITEM_CAST, 0, raw("b"), text("two"));
    send(&out);
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert_str_eq(answer_of(1)->message, "handle_call of counter");
    cr_assert(fx.shard.metrics.host_nonsense == 0);
    cr_assert(got(TURN_INFO, friend, "one"));
    cr_assert(got(TURN_CAST, friend, "two"));
    settle_loads();
    cr_assert(play_take(end, TURN_INIT)->slot == actor->slot);
    cr_assert(actor->life == ACTOR_RESTARTING && actor->version == version);
}

Test(apply_crash, what_terminate_sends_comes_before_the_news_of_the_end) {
    begin();
    struct actor *friend = up("b");
    ask_cast(0, "b", "watch");
    step();
    struct out watch = out_of(COMMIT_DONE, play_take(end, TURN_CAST)->turn, 0);
    out_add(&watch, ITEM_MONITOR, watch.record.turn << 16 | 1, raw("a"), (struct slice){0});
    send(&watch);
    struct out out = crash_of_call(1);
    out_add(&out, ITEM_SEND, 0, raw("b"), text("bye"));
    send(&out);
    cr_assert(got(TURN_INFO, friend, "bye"));
    const struct turn_record *down = play_take(end, TURN_INFO);
    struct peeper_value       first;
    struct slice              message = turn_payload(end, down);
    cr_assert(down->slot == friend->slot);
    cr_assert(peeper_value_at((struct peeper_value){message.data, message.bytes}, 0, &first));
    cr_assert(peeper_value_is(first, "DOWN"));
}

Test(apply_crash, a_link_of_a_chain_may_crash_with_effects) {
    begin();
    struct actor *friend = up("b");
    ask_cast(0, "a", "x");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    play_continue(end, turn, "on");
    struct out out = out_of(COMMIT_CRASH, turn, 0);
    out.record.code = COMMIT_CODE_CONTRACT;
    out_body(&out, ITEM_REASON, text("boom"));
    out_add(&out, ITEM_CAST, 0, raw("b"), text("bye"));
    send(&out);
    cr_assert(fx.shard.metrics.host_nonsense == 0);
    cr_assert(got(TURN_CAST, friend, "bye"));
}

Test(apply_crash, so_may_a_continue_of_an_init) {
    begin();
    struct actor *friend = up("b");
    ask_start(1, "c");
    step();
    uint64_t   turn = play_take(end, TURN_INIT)->turn;
    struct out init = out_of(COMMIT_DONE, turn, COMMIT_MORE);
    out_body(&init, ITEM_STATE, text("s"));
    out_body(&init, ITEM_CONTINUE, text("on"));
    send(&init);
    struct out out = out_of(COMMIT_CRASH, turn, 0);
    out.record.code = COMMIT_CODE_RAISE;
    out_add(&out, ITEM_CAST, 0, raw("b"), text("bye"));
    send(&out);
    cr_assert(started(1));
    cr_assert(got(TURN_CAST, friend, "bye"));
}

Test(apply_crash, the_end_of_a_temporary_actor_has_the_effects_of_its_terminate) {
    host_joins(1);
    struct request request = start_request("a");
    request.restart = RESTART_TEMPORARY;
    end = home_of(up_with(&request));
    struct actor *friend = up("b");
    struct out out = crash_of_call(1);
    out_add(&out, ITEM_CAST, 0, raw("b"), text("bye"));
    send(&out);
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(actor_named("a") == NULL);
    cr_assert(got(TURN_CAST, friend, "bye"));
}

Test(apply_crash, a_message_to_itself_waits_for_the_next_incarnation) {
    struct actor *actor = begin();
    struct out    out = crash_of_call(1);
    out_add(&out, ITEM_CAST, 0, raw("a"), text("note to myself"));
    ask_cast(0, "a", "before it");
    send(&out);
    play_done(end, take(TURN_INIT));
    step();
    cr_assert(got(TURN_CAST, actor, "before it"));
    cr_assert(got(TURN_CAST, actor, "note to myself"));
}

Test(apply_crash, a_stop_of_itself_follows_the_restart) {
    struct actor *actor = begin();
    struct out    out = crash_of_call(1);
    out_add(&out, ITEM_STOP, 0, raw("a"), text("enough"));
    send(&out);
    cr_assert(actor->life == ACTOR_RESTARTING);
    play_done(end, take(TURN_INIT));
    step();
    play_stop(end, take(TURN_TERMINATE), 0, "enough");
    step();
    cr_assert(actor_named("a") == NULL);
}

Test(apply_crash, an_earlier_call_can_be_answered_at_the_last_moment) {
    begin();
    ask_call(2, "a", "later");
    ask_call(3, "a", "never");
    step();
    uint64_t from = play_take(end, TURN_CALL)->turn;
    play_done(end, from);
    play_done(end, play_take(end, TURN_CALL)->turn);
    step();
    struct out out = crash_of_call(1);
    out_add(&out, ITEM_REPLY_TO, from, (struct slice){0}, text("at last"));
    send(&out);
    cr_assert(replied(2, "at last"));
    cr_assert(failed(3, STATUS_CRASHED));
    cr_assert(failed(1, STATUS_CRASHED));
}

Test(apply_crash, the_call_that_crashed_cannot_be_answered_all_the_same) {
    begin();
    struct out out = crash_of_call(1);
    out_add(&out, ITEM_REPLY_TO, out.record.turn, (struct slice){0}, text("fine"));
    send(&out);
    cr_assert(failed(1, STATUS_CRASHED));
}

Test(apply_crash, a_timer_for_another_outlives_the_crash_and_one_for_itself_does_not) {
    begin();
    struct actor *friend = up("b");
    struct out out = crash_of_call(1);
    add_timer(&out, 2, "b", 50);
    add_timer(&out, 3, "", 50);
    send(&out);
    settle_loads();
    play_done(end, play_take(end, TURN_INIT)->turn);
    step();
    cr_assert(fx.shard.send_timers.count == 1);
    later(50);
    cr_assert(got(TURN_INFO, friend, "tick"));
    cr_assert(play_next(end) == NULL);
}

Test(apply_crash, timers_that_there_is_no_room_for_are_the_reason_and_nothing_else_happens) {
    fx.shard.send_timers.count_max = 1;
    struct actor *actor = begin();
    up("b");
    struct out out = crash_of_call(1);
    out_add(&out, ITEM_CAST, 0, raw("b"), text("bye"));
    add_timer(&out, 2, "b", 50);
    add_timer(&out, 3, "b", 50);
    send(&out);
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert_str_eq(answer_of(1)->crash, "memory");
    cr_assert(fx.shard.send_timers.count == 0);
    settle_loads();
    cr_assert(play_take(end, TURN_INIT)->slot == actor->slot);
}

Test(apply_crash, a_timer_with_the_number_of_another_turn_is_nonsense) {
    host_joins(1);
    begin();
    struct out out = crash_of_call(1);
    out.record.turn += 7;
    add_timer(&out, 1, "b", 50);
    out.record.turn -= 7;
    send(&out);
    cr_assert(fx.shard.metrics.host_nonsense == 1);
    cr_assert(!answered(1));
}
