#include "keeper/await.h"

#include "keeper/shard_fixture_test.h"

#include "base/memory_fault_test.h"

#include <peeper/value.h>

TestSuite(await, .init = fx_init, .fini = fx_fini, .timeout = 20);

// --- play ---

// Plays whatever the worker still has of turns that were taken back.
static const struct turn_record *next_valid(struct fake_worker *end) {
    const struct turn_record *turn;
    while ((turn = play_next(end)) != NULL && turn->note_void) play_skip(end, turn->turn);
    return turn;
}

static const struct turn_record *take(const char *name, enum turn_kind kind) {
    settle_loads();
    struct fake_worker       *end = home_of(actor_named(name));
    const struct turn_record *turn = next_valid(end);
    cr_assert(turn != NULL, "%s has nothing to do", name);
    cr_assert(turn->kind == kind, "%s got a turn of kind %d", name, turn->kind);
    cr_assert(turn->slot == actor_named(name)->slot);
    return turn;
}

static void idle(void) {
    settle_loads();
    cr_assert(fx.shard.metrics.host_nonsense == 0);
    for (uint32_t i = 0; i < fx.host_count; i++) {
        for (uint32_t w = 0; w < fx.hosts[i].worker_count; w++) {
            cr_assert(next_valid(fake(i, w)) == NULL);
        }
    }
}

static struct out call_out(const struct turn_record *turn, const char *to, uint64_t limit_ms,
                           const char *message) {
    struct out out = out_of(COMMIT_DONE, turn->turn, 0);
    out_add(&out, ITEM_CALL, limit_ms, raw(to), text(message));
    return out;
}

// `from` takes a cast and calls `to` in it.
static void call_from(const char *from, const char *to, uint64_t limit_ms) {
    ask_cast(0, from, "go");
    const struct turn_record *turn = take(from, TURN_CAST);
    struct out                out = call_out(turn, to, limit_ms, "question");
    play_send(home_of(actor_named(from)), &out);
    step();
}

static void reply_from(const char *name, const char *reply) {
    const struct turn_record *turn = take(name, TURN_CALL);
    play_reply(home_of(actor_named(name)), turn->turn, reply, NULL);
    step();
}

static void write_list(struct peeper_writer *writer, const char *const *words) {
    peeper_write_list(writer);
    for (; *words != NULL; words++) {
        if (strcmp(*words, "null") == 0) {
            peeper_write_null(writer);
        } else {
            peeper_write_string(writer, *words);
        }
    }
    peeper_write_end(writer);
}

// The message that `name` runs next is the list of these words; "null" is null.
#define EXPECT_INFO(name, ...) expect_info(name, (const char *const[]){__VA_ARGS__, NULL})

static void expect_info(const char *name, const char *const *words) {
    const struct turn_record *turn = take(name, TURN_INFO);
    struct fake_worker       *end = home_of(actor_named(name));
    struct peeper_writer      writer = {0};
    write_list(&writer, words);
    struct peeper_value want = peeper_writer_value(&writer);
    struct slice        got = turn_payload(end, turn);
    cr_assert(same(got, slice_of(want.data, want.bytes)), "%s got another answer", name);
    peeper_writer_fini(&writer);
    play_done(end, turn->turn);
    step();
}

static struct fake_worker *at(const char *name) {
    return home_of(actor_named(name));
}

static bool awaits(const char *name) {
    return (actor_named(name)->held & HELD_AWAITING) != 0;
}

// --- answers ---

Test(await, a_reply_comes_as_a_message_and_the_caller_takes_no_other_before) {
    host_joins(1);
    up("a"), up("b");
    ask_cast(0, "a", "go");
    ask_cast(0, "a", "later");
    settle_loads();
    const struct turn_record *turn = play_take(fake(0, 0), TURN_CAST);
    struct out                out = call_out(turn, "b", 0, "question");
    play_send(fake(0, 0), &out);
    step();
    cr_assert(awaits("a"));
    cr_assert(await_target(&fx.shard, actor_named("a")) == actor_named("b"));
    ask_cast(0, "a", "still later");
    reply_from("b", "answer");
    cr_assert(!awaits("a"));
    EXPECT_INFO("a", "REPLY", "answer");
    cr_assert(same(turn_payload(fake(0, 0), take("a", TURN_CAST)), text("later")));
}

Test(await, the_message_is_delivered_as_a_call_behind_what_was_sent_before_it) {
    host_joins(1);
    up("a"), up("b");
    ask_cast(0, "a", "go");
    const struct turn_record *turn = take("a", TURN_CAST);
    struct out                out = out_of(COMMIT_DONE, turn->turn, 0);
    out_add(&out, ITEM_CAST, 0, raw("b"), text("first"));
    out_add(&out, ITEM_CALL, 0, raw("b"), text("second"));
    play_send(fake(0, 0), &out);
    turn = take("b", TURN_CAST);
    play_done(fake(0, 0), turn->turn);
    turn = take("b", TURN_CALL);
    cr_assert(same(turn_payload(fake(0, 0), turn), text("second")));
}

Test(await, a_deferred_reply_is_an_answer_too) {
    host_joins(1);
    up("a"), up("b");
    call_from("a", "b", 0);
    const struct turn_record *turn = take("b", TURN_CALL);
    uint64_t                  from = turn->turn;
    play_done(fake(0, 0), from);
    ask_cast(0, "b", "now");
    turn = take("b", TURN_CAST);
    struct out out = out_of(COMMIT_DONE, turn->turn, 0);
    out_add(&out, ITEM_REPLY_TO, from, (struct slice){0}, text("late"));
    play_send(fake(0, 0), &out);
    EXPECT_INFO("a", "REPLY", "late");
}

Test(await, nobody_there_is_answered_at_once) {
    host_joins(1);
    up("a");
    call_from("a", "nobody", 0);
    EXPECT_INFO("a", "ERROR", "NOPROC", "noproc");
}

Test(await, a_crash_of_the_callee_is_an_answer) {
    host_joins(1);
    up("a"), up("b");
    call_from("a", "b", 0);
    const struct turn_record *turn = take("b", TURN_CALL);
    play_crash(fake(0, 0), turn->turn, COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(!awaits("a"));
    // In the same ring now: the init of b and the answer of a.
    settle_loads();
    turn = next_valid(fake(0, 0));
    if (turn->kind == TURN_INIT) play_done(fake(0, 0), turn->turn);
    if (turn->kind == TURN_INIT) turn = next_valid(fake(0, 0));
    cr_assert(turn->kind == TURN_INFO);
    cr_assert(turn->slot == actor_named("a")->slot);
}

Test(await, the_end_of_the_callee_is_an_answer) {
    host_joins(1);
    up("a"), up("b");
    router_hold(&fx.shard, actor_named("b"), HELD_SUSPENDED);
    call_from("a", "b", 0);
    ask_stop(1, "b");
    play_stop(fake(0, 0), take("b", TURN_TERMINATE)->turn, 0, "normal");
    step();
    EXPECT_INFO("a", "ERROR", "DOWN", "normal");
}

Test(await, a_full_mailbox_is_an_answer) {
    host_joins(1);
    up("a");
    struct request request = start_request("b");
    request.mailbox_max = 1;
    router_hold(&fx.shard, up_with(&request), HELD_SUSPENDED);
    ask_cast(0, "b", "x");
    call_from("a", "b", 0);
    EXPECT_INFO("a", "ERROR", "MAILBOX_FULL", "null");
}

Test(await, a_timeout_is_an_answer_and_what_comes_late_is_dropped) {
    host_joins(3);
    up("a"), up("b");
    call_from("a", "b", 100);
    const struct turn_record *turn = take("b", TURN_CALL);
    later(99);
    cr_assert(awaits("a"));
    later(1);
    cr_assert(!awaits("a"));
    EXPECT_INFO("a", "ERROR", "TIMEOUT", "null");
    play_reply(at("b"), turn->turn, "late", NULL);
    idle();
}

Test(await, a_late_answer_is_not_taken_for_that_of_the_next_call) {
    host_joins(3);
    up("a"), up("b"), up("c");
    call_from("a", "b", 100);
    const struct turn_record *turn = take("b", TURN_CALL);
    later(100);
    EXPECT_INFO("a", "ERROR", "TIMEOUT", "null");
    call_from("a", "c", 0);
    play_reply(at("b"), turn->turn, "late", NULL);
    step();
    cr_assert(awaits("a"));
    reply_from("c", "right");
    EXPECT_INFO("a", "REPLY", "right");
}

Test(await, a_reply_that_is_no_value_does_not_stay_out) {
    host_joins(1);
    up("a"), up("b");
    call_from("a", "b", 0);
    const struct turn_record *turn = take("b", TURN_CALL);
    struct out                out = out_of(COMMIT_DONE, turn->turn, 0);
    out_body(&out, ITEM_REPLY, raw("\xff\xff"));
    play_send(fake(0, 0), &out);
    step();
    const struct turn_record *info = take("a", TURN_INFO);
    struct slice              got = turn_payload(fake(0, 0), info);
    cr_assert(peeper_value_check((struct peeper_value){got.data, got.bytes}));
}

#ifdef CAN_REFUSE_MEMORY
Test(await, without_memory_for_the_answer_the_caller_still_gets_one) {
    host_joins(3);
    up("a"), up("b");
    call_from("a", "b", 0);
    const struct turn_record *turn = take("b", TURN_CALL);
    struct failure            failure = {.status = STATUS_CRASHED};
    struct answer             answer = {.kind = ANSWER_ERROR, .failure = &failure};
    refuse_memory(2); // the writer has its own already
    await_answer(&fx.shard, worker_caller(turn), &answer);
    refuse_memory(0);
    EXPECT_INFO("a", "ERROR", "NO_MEMORY", "null");
}

Test(await, without_memory_for_a_call_its_turn_crashes_as_a_whole) {
    host_joins(1);
    up("a"), up("b");
    ask_cast(0, "a", "go");
    struct out out = call_out(take("a", TURN_CAST), "b", 0, "question");
    out_body(&out, ITEM_STATE, text("s1"));
    play_send(fake(0, 0), &out);
    refuse_memory(1);
    step();
    refuse_memory(0);
    cr_assert(actor_named("a")->life == ACTOR_RESTARTING);
    cr_assert(actor_named("b")->inflight == 0);
    cr_assert(mirror_has(actor_named("a"), "s0", 1));
}
#endif

// --- what the caller does meanwhile ---

Test(await, a_caller_that_ends_waits_no_more) {
    host_joins(1);
    up("a"), up("b");
    call_from("a", "b", 100);
    ask_kill(1, "a");
    cr_assert(!awaits("a"));
    cr_assert(actor_named("a")->extra->await == NULL);
    play_done(fake(0, 0), take("b", TURN_CALL)->turn);
    later(1000); // no timer is left
    play_done(fake(0, 0), take("a", TURN_INIT)->turn);
    idle();
}

Test(await, an_answer_that_has_not_run_ends_with_the_incarnation) {
    host_joins(1);
    up("a"), up("b");
    call_from("a", "b", 0);
    reply_from("b", "answer");
    settle_loads();
    ask_kill(1, "a");
    const struct turn_record *turn = take("a", TURN_INIT);
    play_done(fake(0, 0), turn->turn);
    idle();
}

Test(await, a_caller_can_be_stopped) {
    host_joins(1);
    up("a"), up("b");
    ask_cast(0, "a", "go");
    const struct turn_record *turn = take("a", TURN_CAST);
    struct out                out = call_out(turn, "b", 0, "question");
    play_send(fake(0, 0), &out);
    step();
    ask_cast(0, "a", "waits");
    ask_stop(1, "a");
    play_reply(fake(0, 0), take("b", TURN_CALL)->turn, "x", NULL);
    turn = take("a", TURN_TERMINATE);
    play_stop(fake(0, 0), turn->turn, 0, NULL);
    settle_loads();
    cr_assert(done(1));
    cr_assert(actor_named("a") == NULL);
}

Test(await, a_suspended_caller_gets_its_answer_when_it_is_resumed) {
    host_joins(1);
    up("a"), up("b");
    call_from("a", "b", 0);
    router_hold(&fx.shard, actor_named("a"), HELD_SUSPENDED);
    ask_cast(0, "a", "later");
    reply_from("b", "answer");
    idle();
    router_let_go(&fx.shard, actor_named("a"), HELD_SUSPENDED);
    EXPECT_INFO("a", "REPLY", "answer");
}

Test(await, the_death_of_a_host_loses_nothing) {
    host_joins(1);
    host_joins(1);
    up("a"), up("b");
    call_from("a", "b", 0);
    cr_assert(take("b", TURN_CALL) != NULL);
    hosts_lost(&fx.shard, fx.shard.pools[0].active, HOST_END_EXITED, NULL);
    cr_assert(awaits("a"));
    reply_from("b", "answer");
    EXPECT_INFO("a", "REPLY", "answer");
}

Test(await, an_actor_that_calls_gets_its_turns_one_at_a_time_afterwards) {
    host_joins(1);
    struct actor *actor = up("a");
    call_from("a", "nobody", 0);
    EXPECT_INFO("a", "ERROR", "NOPROC", "noproc");
    ask_cast(0, "a", "x");
    ask_cast(0, "a", "y");
    cr_assert(actor->inflight == 1);
    cr_assert(actor->waiting == 1);
    play_done(fake(0, 0), take("a", TURN_CAST)->turn);
    step();
    cr_assert(actor->inflight == 1);
    cr_assert(same(turn_payload(fake(0, 0), take("a", TURN_CAST)), text("y")));
}

Test(await, a_second_call_of_a_chain_crashes_it) {
    host_joins(1);
    up("a"), up("b");
    ask_cast(0, "a", "go");
    const struct turn_record *turn = take("a", TURN_CAST);
    struct out                out = call_out(turn, "b", 0, "question");
    out.record.flags = COMMIT_MORE;
    out_body(&out, ITEM_CONTINUE, text("on"));
    play_send(fake(0, 0), &out);
    step();
    cr_assert(awaits("a"));
    out = call_out(turn, "b", 0, "question");
    play_send(fake(0, 0), &out);
    step();
    cr_assert(actor_named("a")->life == ACTOR_RESTARTING);
    cr_assert(actor_named("a")->extra->await == NULL);
}

Test(await, one_that_the_mirror_has_no_room_for_is_made_later) {
    host_joins(1);
    up("a"), up("b");
    ask_cast(0, "a", "go");
    const struct turn_record *turn = take("a", TURN_CAST);
    struct out                out = call_out(turn, "b", 0, "question");
    out_body(&out, ITEM_STATE, text("s1"));
    mirror_fill();
    play_send(fake(0, 0), &out);
    step();
    cr_assert(!awaits("a"));
    cr_assert(actor_named("b")->inflight == 0);
    mirror_resume();
    step();
    cr_assert(awaits("a"));
    reply_from("b", "answer");
    EXPECT_INFO("a", "REPLY", "answer");
}

// --- circles ---

Test(await, an_actor_that_calls_itself_is_told) {
    host_joins(1);
    up("a");
    call_from("a", "a", 0);
    EXPECT_INFO("a", "ERROR", "DEADLOCK", "calling_self");
}

Test(await, a_circle_of_two_is_refused_to_the_one_that_would_close_it) {
    host_joins(1);
    up("a"), up("b");
    call_from("a", "b", 0);
    const struct turn_record *turn = take("b", TURN_CALL);
    struct out                out = call_out(turn, "a", 0, "back");
    play_send(fake(0, 0), &out);
    step();
    cr_assert(awaits("a"));
    cr_assert(!awaits("b"));
    EXPECT_INFO("b", "ERROR", "DEADLOCK", "b -> a -> b");
}

Test(await, a_circle_of_three_is_refused_too) {
    host_joins(1);
    up("a"), up("b"), up("c");
    call_from("a", "b", 0);
    struct out out = call_out(take("b", TURN_CALL), "c", 0, "on");
    play_send(fake(0, 0), &out);
    step();
    out = call_out(take("c", TURN_CALL), "a", 0, "back");
    play_send(fake(0, 0), &out);
    step();
    EXPECT_INFO("c", "ERROR", "DEADLOCK", "c -> a -> b -> c");
}

Test(await, a_chain_that_is_no_circle_is_let) {
    host_joins(1);
    up("a"), up("b"), up("c");
    call_from("a", "b", 0);
    struct out out = call_out(take("b", TURN_CALL), "c", 0, "on");
    play_send(fake(0, 0), &out);
    step();
    reply_from("c", "deep");
    EXPECT_INFO("b", "REPLY", "deep");
    cr_assert(awaits("a"), "b has deferred its reply");
}

Test(await, a_long_circle_is_told_with_its_ends) {
    host_joins(1);
    char names[6][256];
    for (int i = 0; i < 6; i++) {
        memset(names[i], 'a' + i, 255);
        names[i][255] = '\0';
        up(names[i]);
    }
    call_from(names[0], names[1], 0);
    for (int i = 1; i < 6; i++) {
        const struct turn_record *turn = take(names[i], TURN_CALL);
        struct out                out = call_out(turn, names[(i + 1) % 6], 0, "on");
        play_send(fake(0, 0), &out);
        step();
    }
    const struct turn_record *turn = take(names[5], TURN_INFO);
    struct slice              got = turn_payload(fake(0, 0), turn);
    cr_assert(peeper_value_check((struct peeper_value){got.data, got.bytes}));
    struct peeper_value reason;
    const char         *data;
    size_t              bytes;
    cr_assert(peeper_value_at((struct peeper_value){got.data, got.bytes}, 2, &reason));
    cr_assert(peeper_value_string(reason, &data, &bytes));
    cr_assert(memcmp(data, names[5], 255) == 0);
    cr_assert(memcmp(data + bytes - 255, names[5], 255) == 0);
    cr_assert(memcmp(data + bytes - 255 - 11, " -> ... -> ", 11) == 0);
}

// --- what a host must not ask for ---

static void ask_illegally(const char *message, struct out (*make)(const struct turn_record *)) {
    host_joins(1);
    up("a");
    ask_cast(0, "a", message);
    struct out out = make(take("a", TURN_CAST));
    play_send(fake(0, 0), &out);
    step();
    cr_assert(fx.shard.metrics.host_nonsense == 1);
}

static struct out twice(const struct turn_record *turn) {
    struct out out = call_out(turn, "b", 0, "x");
    out_add(&out, ITEM_CALL, 0, raw("c"), text("y"));
    return out;
}

static struct out too_long(const struct turn_record *turn) {
    return call_out(turn, "b", CALL_TIMEOUT_MS_MAX + 1, "x");
}

static struct out stopping(const struct turn_record *turn) {
    struct out out = call_out(turn, "b", 0, "x");
    out.record.flags = COMMIT_STOP;
    return out;
}

Test(await, two_calls_in_a_turn_are_nonsense) {
    ask_illegally("two", twice);
}

Test(await, a_call_over_the_longest_time_is_nonsense) {
    ask_illegally("long", too_long);
}

Test(await, a_call_in_a_turn_that_stops_is_nonsense) {
    ask_illegally("stop", stopping);
}

Test(await, a_call_in_an_init_is_nonsense) {
    host_joins(1);
    ask_start(1, "a");
    step();
    struct out out = call_out(play_take(fake(0, 0), TURN_INIT), "b", 0, "x");
    out_body(&out, ITEM_STATE, text("s0"));
    play_send(fake(0, 0), &out);
    step();
    cr_assert(fx.shard.metrics.host_nonsense == 1);
}

Test(await, a_host_that_denies_to_have_begun_harms_nobody) {
    host_joins(1);
    up("a"), up("b");
    ask_cast(0, "a", "go");
    ask_cast(0, "a", "later");
    settle_loads();
    const struct turn_record *turn = play_take(fake(0, 0), TURN_CAST);
    atomic_store(&fake(0, 0)->commits_control->claimed, 0);
    struct out out = call_out(turn, "b", 0, "question");
    play_send(fake(0, 0), &out);
    step();
    cr_assert(awaits("a"));
}
