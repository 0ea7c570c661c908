// Commits that do not fit the turn they answer: the host that wrote one is written off, and the
// turn runs again elsewhere.
#include "keeper/shard_fixture_test.h"

TestSuite(apply_legality, .init = fx_init, .fini = fx_fini, .timeout = 20);

static struct fake_worker *end;

static uint64_t turn_of_kind(enum turn_kind kind) {
    host_joins(1);
    host_joins(1);
    if (kind == TURN_INIT) {
        ask_start(1, "a");
    } else {
        end = home_of(up("a"));
        if (kind == TURN_CALL) ask_call(1, "a", "x");
        if (kind == TURN_CAST) ask_cast(0, "a", "x");
        if (kind == TURN_TERMINATE) ask_stop(1, "a");
    }
    step();
    end = home_of(actor_named("a"));
    return play_take(end, kind)->turn;
}

static void is_nonsense(struct out *out) {
    play_send(end, out);
    step();
    cr_assert(fx.shard.metrics.host_nonsense == 1);
    cr_assert(fx.hosts[0].host->state == HOST_DEAD);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == fx.hosts[1].host);
    cr_assert(!answered(1), "the turn was given to the other host");
    settle_loads();
    cr_assert(play_next(fake(1, 0)) != NULL);
}

Test(apply_legality, a_commit_of_another_turn) {
    struct out out = out_of(COMMIT_DONE, turn_of_kind(TURN_CALL) + 1, 0);
    is_nonsense(&out);
}

Test(apply_legality, a_commit_without_a_turn) {
    host_joins(1);
    host_joins(1);
    up("a");
    struct out out = out_of(COMMIT_DONE, 99, 0);
    play_send(fake(0, 0), &out);
    step();
    cr_assert(fx.shard.metrics.host_nonsense == 1);
    cr_assert(fx.shard.pools[POOL_GENERAL].active == fx.hosts[1].host);
    cr_assert(life_of("a") == ACTOR_RUNNING);
}

Test(apply_legality, a_reply_to_a_cast) {
    struct out out = out_of(COMMIT_DONE, turn_of_kind(TURN_CAST), 0);
    out_body(&out, ITEM_REPLY, text("x"));
    is_nonsense(&out);
}

Test(apply_legality, a_reply_in_a_chain) {
    uint64_t turn = turn_of_kind(TURN_CALL);
    play_continue(end, turn, "x");
    struct out out = out_of(COMMIT_DONE, turn, 0);
    out_body(&out, ITEM_REPLY, text("x"));
    is_nonsense(&out);
}

Test(apply_legality, a_continue_that_is_the_last_commit) {
    struct out out = out_of(COMMIT_DONE, turn_of_kind(TURN_CALL), 0);
    out_body(&out, ITEM_CONTINUE, text("x"));
    is_nonsense(&out);
}

Test(apply_legality, a_continue_of_an_actor_that_stops) {
    struct out out = out_of(COMMIT_DONE, turn_of_kind(TURN_CALL), COMMIT_MORE | COMMIT_STOP);
    out_body(&out, ITEM_CONTINUE, text("x"));
    is_nonsense(&out);
}

Test(apply_legality, an_init_that_stops) {
    struct out out = out_of(COMMIT_DONE, turn_of_kind(TURN_INIT), COMMIT_STOP);
    out_body(&out, ITEM_STATE, text("x"));
    is_nonsense(&out);
}

Test(apply_legality, a_first_init_without_a_state) {
    struct out out = out_of(COMMIT_DONE, turn_of_kind(TURN_INIT), 0);
    is_nonsense(&out);
}

Test(apply_legality, a_terminate_that_goes_on) {
    struct out out = out_of(COMMIT_DONE, turn_of_kind(TURN_TERMINATE), COMMIT_STOP | COMMIT_MORE);
    is_nonsense(&out);
}

Test(apply_legality, a_terminate_that_does_not_stop) {
    struct out out = out_of(COMMIT_DONE, turn_of_kind(TURN_TERMINATE), 0);
    is_nonsense(&out);
}

Test(apply_legality, a_terminate_in_a_chain_that_goes_on) {
    uint64_t turn = turn_of_kind(TURN_CAST);
    play_stop(end, turn, COMMIT_MORE, "normal");
    struct out out = out_of(COMMIT_DONE, turn, COMMIT_STOP | COMMIT_MORE);
    is_nonsense(&out);
}

Test(apply_legality, a_terminate_in_a_chain_that_does_not_stop) {
    uint64_t turn = turn_of_kind(TURN_CAST);
    play_stop(end, turn, COMMIT_MORE, "normal");
    struct out out = out_of(COMMIT_DONE, turn, 0);
    is_nonsense(&out);
}

Test(apply_legality, a_crash_of_an_unknown_kind) {
    struct out out = out_of(COMMIT_CRASH, turn_of_kind(TURN_CALL), 0);
    out.record.code = COMMIT_CODE_IGNORE;
    is_nonsense(&out);
}

Test(apply_legality, a_crash_without_a_kind) {
    struct out out = out_of(COMMIT_CRASH, turn_of_kind(TURN_CALL), 0);
    is_nonsense(&out);
}

static void is_nonsense_of_crash(enum turn_kind kind, enum item_kind item, const char *name) {
    struct out out = out_of(COMMIT_CRASH, turn_of_kind(kind), 0);
    out.record.code = COMMIT_CODE_RAISE;
    out_add(&out, item, 0, raw(name), text("x"));
    is_nonsense(&out);
}

Test(apply_legality, a_crash_of_an_init_with_effects) {
    is_nonsense_of_crash(TURN_INIT, ITEM_SEND, "a");
}

Test(apply_legality, a_crash_of_a_terminate_with_effects) {
    is_nonsense_of_crash(TURN_TERMINATE, ITEM_SEND, "a");
}

Test(apply_legality, a_crash_of_a_terminate_in_a_chain_with_effects) {
    uint64_t turn = turn_of_kind(TURN_CAST);
    play_stop(end, turn, COMMIT_MORE, "normal");
    struct out out = out_of(COMMIT_CRASH, turn, 0);
    out.record.code = COMMIT_CODE_RAISE;
    out_add(&out, ITEM_CAST, 0, raw("a"), text("x"));
    is_nonsense(&out);
}

Test(apply_legality, a_crash_with_a_state) {
    is_nonsense_of_crash(TURN_CALL, ITEM_STATE, "");
}

Test(apply_legality, a_crash_with_a_reply) {
    is_nonsense_of_crash(TURN_CALL, ITEM_REPLY, "");
}

Test(apply_legality, a_crash_with_a_continue) {
    is_nonsense_of_crash(TURN_CALL, ITEM_CONTINUE, "");
}

Test(apply_legality, a_crash_with_the_message_of_a_timeout) {
    is_nonsense_of_crash(TURN_CALL, ITEM_IDLE, "");
}

Test(apply_legality, a_crash_with_a_call) {
    is_nonsense_of_crash(TURN_CALL, ITEM_CALL, "b");
}

Test(apply_legality, a_crash_that_stops) {
    struct out out = out_of(COMMIT_CRASH, turn_of_kind(TURN_CALL), COMMIT_STOP);
    out.record.code = COMMIT_CODE_RAISE;
    is_nonsense(&out);
}

Test(apply_legality, a_crash_that_goes_on) {
    struct out out = out_of(COMMIT_CRASH, turn_of_kind(TURN_CALL), COMMIT_MORE);
    out.record.code = COMMIT_CODE_RAISE;
    is_nonsense(&out);
}

Test(apply_legality, a_call_that_says_ignore) {
    struct out out = out_of(COMMIT_REFUSED, turn_of_kind(TURN_CALL), 0);
    out.record.code = COMMIT_CODE_IGNORE;
    is_nonsense(&out);
}

Test(apply_legality, a_call_that_says_error) {
    struct out out = out_of(COMMIT_REFUSED, turn_of_kind(TURN_CALL), 0);
    out.record.code = COMMIT_CODE_ERROR;
    is_nonsense(&out);
}

Test(apply_legality, a_refusal_of_an_unknown_kind) {
    struct out out = out_of(COMMIT_REFUSED, turn_of_kind(TURN_INIT), 0);
    out.record.code = COMMIT_CODE_RAISE;
    is_nonsense(&out);
}

Test(apply_legality, a_refusal_with_a_state) {
    struct out out = out_of(COMMIT_REFUSED, turn_of_kind(TURN_CALL), 0);
    out.record.code = COMMIT_CODE_INVALID;
    out_body(&out, ITEM_STATE, text("x"));
    is_nonsense(&out);
}

Test(apply_legality, a_refusal_with_effects) {
    struct out out = out_of(COMMIT_REFUSED, turn_of_kind(TURN_CALL), 0);
    out.record.code = COMMIT_CODE_INVALID;
    out_add(&out, ITEM_CAST, 0, raw("a"), text("x"));
    is_nonsense(&out);
}

Test(apply_legality, a_refusal_in_a_chain) {
    uint64_t turn = turn_of_kind(TURN_CAST);
    play_flags(end, turn, COMMIT_MORE);
    struct out out = out_of(COMMIT_REFUSED, turn, 0);
    out.record.code = COMMIT_CODE_INVALID;
    is_nonsense(&out);
}

Test(apply_legality, a_skip_of_an_init) {
    struct out out = out_of(COMMIT_SKIP, turn_of_kind(TURN_INIT), 0);
    is_nonsense(&out);
}

Test(apply_legality, a_skip_of_a_turn_that_brought_its_state) {
    uint64_t turn = turn_of_kind(TURN_CAST);
    play_flags(end, turn, COMMIT_HIBERNATE);
    step();
    ask_cast(0, "a", "y");
    settle_loads();
    struct out out = out_of(COMMIT_SKIP, play_take(end, TURN_CAST)->turn, 0);
    is_nonsense(&out);
}

Test(apply_legality, a_skip_in_a_chain) {
    uint64_t turn = turn_of_kind(TURN_CAST);
    play_flags(end, turn, COMMIT_MORE);
    struct out out = out_of(COMMIT_SKIP, turn, 0);
    is_nonsense(&out);
}

Test(apply_legality, an_announcement_of_a_host_that_runs) {
    struct out out = out_of(COMMIT_READY, turn_of_kind(TURN_CALL), 0);
    is_nonsense(&out);
}

Test(apply_legality, a_record_that_is_no_commit) {
    turn_of_kind(TURN_CALL);
    struct out out = out_of(COMMIT_DONE, 1, 0);
    out.record.item_count = 5;
    is_nonsense(&out);
}

// And what looks odd but fits.

Test(apply_legality, an_init_after_a_crash_may_leave_the_state_as_it_was) {
    turn_of_kind(TURN_CAST);
    struct actor *actor = actor_named("a");
    play_crash(end, worker_turn(end->keeper_end, end->keeper_end->tail)->turn, COMMIT_CODE_RAISE,
               "boom");
    settle_loads();
    play_done(end, play_take(end, TURN_INIT)->turn);
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
    cr_assert(actor->version == 1);
}

Test(apply_legality, a_turn_that_was_recalled_may_be_skipped_though_it_brought_its_state) {
    uint64_t turn = turn_of_kind(TURN_CAST);
    play_flags(end, turn, COMMIT_HIBERNATE);
    step();
    ask_cast(0, "a", "y");
    settle_loads();
    turn = play_take(end, TURN_CAST)->turn;
    // The watch takes back what is behind a long turn, with a hint that may hit the turn itself.
    later(0);
    shard_watch(&fx.shard);
    fx.shard.now_ms += 25;
    shard_watch(&fx.shard);
    cr_assert(end->keeper_end->blocked);
    play_skip(end, turn);
    settle_loads();
    cr_assert(fx.shard.metrics.host_nonsense == 0);
    cr_assert(play_take(end, TURN_CAST)->flags == TURN_HAS_STATE);
}
