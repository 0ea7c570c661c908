#include "keeper/idempotency.h"

#include "keeper/shard_fixture_test.h"

#include "base/memory_fault_test.h"

TestSuite(idempotency, .init = fx_init, .fini = fx_fini, .timeout = 20);

// --- asking and playing ---

static struct request keyed(enum verb verb, const char *name, const char *key,
                            const char *message) {
    return (struct request){
        .verb = verb, .name = raw(name), .key = raw(key), .payload = text(message)};
}

static void ask_keyed(uint64_t number, enum verb verb, const char *name, const char *key,
                      const char *message) {
    struct request request = keyed(verb, name, key, message);
    cr_assert(ask(number, &request) == STATUS_OK);
    step();
}

static void call(uint64_t number, const char *key, const char *message) {
    ask_keyed(number, VERB_CALL, "a", key, message);
}

static void call_until(uint64_t number, const char *key, uint32_t limit_ms) {
    struct request request = keyed(VERB_CALL, "a", key, "m");
    request.limit_ms = limit_ms;
    cr_assert(ask(number, &request) == STATUS_OK);
    step();
}

static const struct turn_record *next_valid(void) {
    const struct turn_record *turn;
    settle_loads();
    while ((turn = play_next(fake(fx.host_count - 1, 0))) != NULL && turn->note_void) {
        play_skip(fake(fx.host_count - 1, 0), turn->turn);
    }
    return turn;
}

static uint64_t takes(enum turn_kind kind) {
    const struct turn_record *turn = next_valid();
    cr_assert(turn != NULL, "nothing is to be run");
    cr_assert(turn->kind == kind);
    return turn->turn;
}

static void replies(const char *reply) {
    play_reply(fake(fx.host_count - 1, 0), takes(TURN_CALL), reply, NULL);
    step();
}

static bool nothing_runs(void) {
    return next_valid() == NULL;
}

static void begin(void) {
    host_joins(1);
    up("a");
}

// --- what is kept ---

Test(idempotency, a_repeat_is_answered_with_the_same_reply_and_not_run) {
    begin();
    call(1, "k", "m");
    replies("one");
    cr_assert(replied(1, "one"));
    call(2, "k", "m");
    cr_assert(replied(2, "one"));
    cr_assert(nothing_runs());
    cr_assert(fx.shard.metrics.repeats == 1);
    cr_assert(fx.shard.keys.count == 1);
}

Test(idempotency, another_key_runs) {
    begin();
    call(1, "k", "m");
    replies("one");
    call(2, "l", "m");
    replies("two");
    cr_assert(replied(2, "two"));
}

Test(idempotency, a_call_without_a_key_leaves_nothing) {
    begin();
    ask_call(1, "a", "m");
    step();
    replies("one");
    cr_assert(fx.shard.keys.count == 0);
    cr_assert(fx.shard.keys.bytes == 0);
}

Test(idempotency, the_same_key_with_another_message_is_a_conflict_before_and_after_the_reply) {
    begin();
    call(1, "k", "m");
    call(2, "k", "n");
    cr_assert(failed(2, STATUS_CONFLICT));
    replies("one");
    call(3, "k", "n");
    cr_assert(failed(3, STATUS_CONFLICT));
    cr_assert(replied(1, "one"));
    cr_assert(nothing_runs());
}

Test(idempotency, a_key_of_65_bytes_is_invalid) {
    char key[66];
    begin();
    memset(key, 'k', sizeof key);
    key[65] = '\0';
    call(1, key, "m");
    cr_assert(failed(1, STATUS_INVALID));
    key[64] = '\0';
    call(2, key, "m");
    replies("one");
    cr_assert(replied(2, "one"));
}

Test(idempotency, a_key_is_of_one_verb_and_of_the_target_as_it_was_named) {
    begin();
    up("b");
    call(1, "k", "m");
    replies("one");
    ask_keyed(2, VERB_CALL, "b", "k", "other");
    replies("two");
    cr_assert(replied(2, "two"));
    ask_keyed(3, VERB_CAST, "a", "k", "cast");
    cr_assert(done(3));
    play_done(fake(0, 0), takes(TURN_CAST));
    step();
    struct request request = keyed(VERB_CALL, "any", "k", "by id");
    request.target = actor_id(actor_named("a"));
    cr_assert(ask(4, &request) == STATUS_OK);
    step();
    replies("three");
    cr_assert(replied(4, "three"));
    request.name = raw("ignored");
    cr_assert(ask(5, &request) == STATUS_OK);
    cr_assert(replied(5, "three"), "an id is the target, whatever the name is");
}

Test(idempotency, an_empty_reply_and_an_empty_message_are_kept_as_such) {
    begin();
    struct request request = {.verb = VERB_CALL, .name = raw("a"), .key = raw("k")};
    cr_assert(ask(1, &request) == STATUS_OK);
    step();
    struct out out = out_of(COMMIT_DONE, takes(TURN_CALL), 0);
    out_body(&out, ITEM_REPLY, slice_of("", 0));
    play_send(fake(0, 0), &out);
    step();
    cr_assert(answer_of(1)->kind == ANSWER_REPLY);
    cr_assert(ask(2, &request) == STATUS_OK);
    cr_assert(answer_of(2)->kind == ANSWER_REPLY);
    cr_assert(answer_of(2)->bytes == 0);
}

Test(idempotency, a_cast_is_delivered_once) {
    begin();
    ask_keyed(1, VERB_CAST, "a", "k", "m");
    cr_assert(done(1));
    play_done(fake(0, 0), takes(TURN_CAST));
    ask_keyed(2, VERB_CAST, "a", "k", "m");
    cr_assert(done(2));
    cr_assert(nothing_runs());
    ask_keyed(3, VERB_CAST, "a", "k", "n");
    cr_assert(failed(3, STATUS_CONFLICT));
}

Test(idempotency, a_reply_that_comes_later_is_kept_and_waited_for_by_repeats) {
    begin();
    call(1, "k", "m");
    uint64_t from = takes(TURN_CALL);
    play_done(fake(0, 0), from);
    step();
    call(2, "k", "m");
    cr_assert(nothing_runs());
    ask_cast(0, "a", "answer");
    step();
    struct out out = out_of(COMMIT_DONE, takes(TURN_CAST), 0);
    out_add(&out, ITEM_REPLY_TO, from, (struct slice){0}, text("later"));
    play_send(fake(0, 0), &out);
    step();
    cr_assert(replied(1, "later"));
    cr_assert(replied(2, "later"));
    call(3, "k", "m");
    cr_assert(replied(3, "later"));
}

Test(idempotency, a_deferred_call_whose_actor_crashes_is_not_run_again) {
    begin();
    call(1, "k", "m");
    play_done(fake(0, 0), takes(TURN_CALL));
    step();
    ask_cast(0, "a", "crash");
    step();
    play_crash(fake(0, 0), takes(TURN_CAST), COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    settle_loads();
    play_done(fake(0, 0), takes(TURN_INIT));
    step();
    call(2, "k", "m");
    cr_assert(failed(2, STATUS_CRASHED));
    cr_assert(same(slice_of(answer_of(2)->body, answer_of(2)->bytes), text("boom")));
    cr_assert_str_eq(answer_of(2)->crash, "raise");
    cr_assert_str_eq(answer_of(2)->message, answer_of(1)->message);
    cr_assert(nothing_runs());
}

Test(idempotency, a_call_that_ends_its_actor_without_a_reply_does_not_end_the_next_one) {
    begin();
    call(1, "k", "m");
    play_stop(fake(0, 0), takes(TURN_CALL), 0, "normal");
    step();
    cr_assert(failed(1, STATUS_DOWN));
    up("a");
    call(2, "k", "m");
    cr_assert(failed(2, STATUS_DOWN));
    cr_assert(!answer_of(2)->retryable);
    cr_assert(nothing_runs());
}

Test(idempotency, the_end_of_the_unit_forgets_nothing_that_is_kept) {
    begin();
    call(1, "k", "m");
    replies("one");
    ask_stop(2, "a");
    step();
    play_stop(fake(0, 0), takes(TURN_TERMINATE), 0, NULL);
    step();
    cr_assert(done(2));
    call(3, "k", "m");
    cr_assert(replied(3, "one"));
}

Test(idempotency, a_kept_reply_outlives_a_crash_of_its_actor_and_the_loss_of_its_host) {
    begin();
    call(1, "k", "m");
    replies("one");
    crash_once(actor_named("a"), 2, "a");
    settle_loads();
    play_done(fake(0, 0), takes(TURN_INIT));
    step();
    call(3, "k", "m");
    cr_assert(replied(3, "one"));
    hosts_lost(&fx.shard, fx.hosts[0].host, HOST_END_EXITED, NULL);
    host_joins(1);
    call(4, "k", "m");
    cr_assert(replied(4, "one"));
    cr_assert(nothing_runs());
}

// --- what releases the key ---

Test(idempotency, a_crash_releases_the_key_so_that_a_retry_runs) {
    begin();
    call(1, "k", "m");
    play_crash(fake(0, 0), takes(TURN_CALL), COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(fx.shard.keys.count == 0);
    settle_loads();
    play_done(fake(0, 0), takes(TURN_INIT));
    step();
    call(2, "k", "m");
    replies("two");
    cr_assert(replied(2, "two"));
}

Test(idempotency, nobody_there_keeps_no_key) {
    host_joins(1);
    call(1, "k", "m");
    cr_assert(failed(1, STATUS_NOPROC));
    ask_keyed(2, VERB_CAST, "a", "k", "m");
    cr_assert(done(2));
    cr_assert(fx.shard.keys.count == 0);
    up("a");
    call(3, "k", "m");
    replies("one");
    cr_assert(replied(3, "one"));
    ask_keyed(4, VERB_CAST, "a", "k", "m");
    play_done(fake(0, 0), takes(TURN_CAST));
}

Test(idempotency, a_full_mailbox_keeps_no_key) {
    fx_fini();
    memset(&fx, 0, sizeof fx);
    fx_defaults();
    fx.options.mailbox_max = 1;
    fx_begin();
    begin();
    call(1, "k", "m");
    call(2, "l", "m");
    cr_assert(failed(2, STATUS_MAILBOX_FULL));
    cr_assert(answer_of(2)->retry_after_ms > 0);
    ask_keyed(3, VERB_CAST, "a", "l", "m");
    cr_assert(failed(3, STATUS_MAILBOX_FULL));
    cr_assert(fx.shard.keys.count == 1);
    replies("one");
    call(4, "l", "m");
    replies("two");
    cr_assert(replied(4, "two"));
}

Test(idempotency, a_request_that_was_put_off_leaves_no_key) {
    // A string as large as what fills the ring.
    static uint8_t large[sizeof filling] = {0x2a};
    size_t         bytes = sizeof large - 4;
    large[1] = (uint8_t)(bytes | 0x80);
    large[2] = (uint8_t)(bytes >> 7 | 0x80);
    large[3] = (uint8_t)(bytes >> 14);
    begin();
    fill_ring(actor_named("a"));
    struct request request = {.verb = VERB_CALL,
                              .name = raw("a"),
                              .key = raw("k"),
                              .payload = slice_of(large, sizeof large)};
    cr_assert(ask(1, &request) == STATUS_AGAIN);
    request.verb = VERB_CAST;
    cr_assert(ask(2, &request) == STATUS_AGAIN);
    cr_assert(!answered(1));
    cr_assert(fx.shard.keys.count == 0);
    cr_assert(fx.shard.keys.bytes == 0);
}

Test(idempotency, a_call_whose_time_is_up_in_the_mailbox_is_not_run_and_its_retry_is) {
    begin();
    router_hold(&fx.shard, actor_named("a"), HELD_SUSPENDED);
    call_until(1, "k", 100);
    later(100);
    cr_assert(failed(1, STATUS_TIMEOUT));
    cr_assert(fx.shard.keys.count == 0);
    ask_resume(2, "a");
    cr_assert(nothing_runs());
    call_until(3, "k", 100);
    replies("one");
    cr_assert(replied(3, "one"));
}

Test(idempotency, a_kill_of_the_turn_releases_the_key) {
    begin();
    call(1, "k", "m");
    takes(TURN_CALL);
    ask_kill(2, "a");
    cr_assert(failed(1, STATUS_DOWN));
    cr_assert(fx.shard.keys.count == 0);
}

// --- those who wait ---

Test(idempotency, repeats_wait_with_the_first_and_all_get_its_reply) {
    begin();
    call(1, "k", "m");
    call(2, "k", "m");
    call(3, "k", "m");
    replies("one");
    for (uint64_t i = 1; i <= 3; i++) cr_assert(replied(i, "one"));
    cr_assert(nothing_runs());
    cr_assert(fx.shard.metrics.repeats == 2);
}

Test(idempotency, repeats_that_wait_hear_of_the_crash_as_well) {
    begin();
    call(1, "k", "m");
    call(2, "k", "m");
    play_crash(fake(0, 0), takes(TURN_CALL), COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(failed(2, STATUS_CRASHED));
}

Test(idempotency, each_who_waits_has_a_deadline_of_its_own_and_the_reply_is_kept) {
    begin();
    call_until(1, "k", 100);
    uint64_t turn = takes(TURN_CALL);
    step();
    later(50);
    call_until(2, "k", 200);
    later(50);
    shard_watch(&fx.shard);
    cr_assert(failed(1, STATUS_TIMEOUT));
    cr_assert(!answered(2));
    later(150);
    cr_assert(failed(2, STATUS_TIMEOUT));
    shard_watch(&fx.shard);
    call_until(3, "k", 100);
    cr_assert(!answered(3), "it goes on");
    play_reply(fake(0, 0), turn, "late", NULL);
    step();
    cr_assert(replied(3, "late"));
    call(4, "k", "m");
    cr_assert(replied(4, "late"));
    cr_assert(nothing_runs());
}

Test(idempotency, a_reply_that_nobody_waits_for_any_more_is_kept) {
    begin();
    call_until(1, "k", 100);
    uint64_t turn = takes(TURN_CALL);
    later(100);
    shard_watch(&fx.shard);
    later(1);
    shard_watch(&fx.shard);
    cr_assert(failed(1, STATUS_TIMEOUT));
    play_reply(fake(0, 0), turn, "late", NULL);
    step();
    call(2, "k", "m");
    cr_assert(replied(2, "late"));
}

Test(idempotency, a_call_in_the_mailbox_runs_while_one_who_joined_waits_longer) {
    begin();
    router_hold(&fx.shard, actor_named("a"), HELD_SUSPENDED);
    call_until(1, "k", 100);
    later(50);
    call_until(2, "k", 100);
    later(50);
    cr_assert(failed(1, STATUS_TIMEOUT));
    cr_assert(!answered(2));
    ask_resume(3, "a");
    replies("one");
    cr_assert(replied(2, "one"));
}

Test(idempotency, a_deferred_reply_is_kept_though_all_deadlines_have_passed) {
    begin();
    call_until(1, "k", 100);
    uint64_t from = takes(TURN_CALL);
    play_done(fake(0, 0), from);
    step();
    later(100);
    cr_assert(failed(1, STATUS_TIMEOUT));
    ask_cast(0, "a", "answer");
    step();
    struct out out = out_of(COMMIT_DONE, takes(TURN_CAST), 0);
    out_add(&out, ITEM_REPLY_TO, from, (struct slice){0}, text("later"));
    play_send(fake(0, 0), &out);
    step();
    call(2, "k", "m");
    cr_assert(replied(2, "later"));
}

Test(idempotency,
     a_deferred_reply_that_never_comes_holds_its_key_no_longer_than_one_would_be_kept) {
    begin();
    call_until(1, "k", 100);
    play_done(fake(0, 0), takes(TURN_CALL));
    step();
    later(fx.options.idempotency_ms - 1);
    cr_assert(fx.shard.keys.count == 1);
    later(1);
    cr_assert(fx.shard.keys.count == 0);
    cr_assert(fx.shard.pending.count == 0);
}

Test(idempotency, more_than_may_wait_for_one_key_are_told_to_come_again) {
    begin();
    for (uint64_t i = 1; i <= KEY_WAITERS_MAX; i++) call(i, "k", "m");
    call(100, "k", "m");
    cr_assert(failed(100, STATUS_OVERLOADED));
    cr_assert(!answer_of(100)->not_retryable);
    replies("one");
    cr_assert(replied(KEY_WAITERS_MAX, "one"));
    call(101, "k", "m");
    cr_assert(replied(101, "one"));
}

// --- limits ---

static void call_numbered(uint64_t number) {
    char key[8];
    snprintf(key, sizeof key, "%d", (int)number);
    call(number, key, "m");
}

Test(idempotency, the_oldest_outcomes_go_where_there_are_too_many) {
    begin();
    for (uint64_t i = 1; i <= 9; i++) {
        call_numbered(i);
        replies("first");
    }
    cr_assert(fx.shard.keys.count == 8);
    cr_assert(fx.shard.metrics.keys_evicted == 1);
    call(20, "2", "m");
    cr_assert(replied(20, "first"));
    call(21, "1", "m");
    replies("again");
    cr_assert(replied(21, "again"), "the oldest was forgotten");
}

Test(idempotency, a_table_full_of_requests_under_way_refuses_more_and_forgets_none) {
    begin();
    for (uint64_t i = 1; i <= 8; i++) call_numbered(i);
    call_numbered(9);
    cr_assert(failed(9, STATUS_OVERLOADED));
    cr_assert(!answer_of(9)->not_retryable);
    cr_assert(answer_of(9)->retry_after_ms > 0);
    ask_keyed(10, VERB_CAST, "a", "k", "m");
    cr_assert(failed(10, STATUS_OVERLOADED));
    for (uint64_t i = 1; i <= 8; i++) {
        replies("one");
        cr_assert(replied(i, "one"));
    }
    ask_call(11, "a", "without a key");
    replies("two");
    cr_assert(replied(11, "two"));
}

Test(idempotency, the_oldest_outcomes_go_where_their_bytes_are_too_many) {
    static uint8_t large[30000];
    begin();
    for (uint64_t i = 1; i <= 3; i++) {
        call_numbered(i);
        struct out out = out_of(COMMIT_DONE, takes(TURN_CALL), 0);
        out_body(&out, ITEM_REPLY, slice_of(large, sizeof large));
        play_send(fake(0, 0), &out);
        step();
        cr_assert(answered(i));
        cr_assert(fx.shard.keys.bytes <= fx.options.idempotency_bytes_max);
    }
    cr_assert(fx.shard.keys.count == 2);
    call(10, "3", "m");
    cr_assert(answer_of(10)->kind == ANSWER_REPLY);
}

Test(idempotency, a_reply_that_is_too_large_to_be_kept_is_given_once_and_not_run_again) {
    static uint8_t large[30000];
    begin();
    fx.shard.keys.bytes_max = 20000;
    call(1, "k", "m");
    struct out out = out_of(COMMIT_DONE, takes(TURN_CALL), 0);
    out_body(&out, ITEM_REPLY, slice_of(large, sizeof large));
    play_send(fake(0, 0), &out);
    step();
    cr_assert(answer_of(1)->kind == ANSWER_REPLY);
    call(2, "k", "m");
    cr_assert(failed(2, STATUS_TOO_LARGE));
    cr_assert(answer_of(2)->not_retryable);
    cr_assert(nothing_runs());
}

Test(idempotency, an_outcome_is_forgotten_when_its_time_is_over) {
    begin();
    call(1, "k", "m");
    replies("one");
    later(30000);
    call(2, "l", "m");
    replies("two");
    later(29999);
    call(3, "k", "m");
    cr_assert(replied(3, "one"));
    later(1);
    cr_assert(fx.shard.keys.count == 1, "the timer takes it");
    call(4, "l", "m");
    cr_assert(replied(4, "two"));
    later(30000);
    cr_assert(fx.shard.keys.count == 0);
    cr_assert(fx.shard.keys.bytes == 0);
    call(5, "k", "m");
    replies("anew");
    cr_assert(replied(5, "anew"));
}

Test(idempotency, many_outcomes_are_forgotten_a_part_at_a_time) {
    begin();
    fx.shard.keys.count_max = 5000;
    fx.shard.keys.bytes_max = 4u << 20;
    for (uint64_t i = 1; i <= 2000; i++) {
        char key[8];
        snprintf(key, sizeof key, "%d", (int)i);
        ask_keyed(0, VERB_CAST, "a", key, "m");
        play_done(fake(0, 0), takes(TURN_CAST));
        step();
    }
    cr_assert(fx.shard.keys.count == 2000);
    later(fx.options.idempotency_ms);
    cr_assert(fx.shard.keys.count == 976);
    later(1);
    cr_assert(fx.shard.keys.count == 0);
}

#ifdef CAN_REFUSE_MEMORY
Test(idempotency, without_memory_the_caller_is_told_and_the_key_is_free) {
    begin();
    for (int at = 1; at <= 2; at++) {
        struct request request = keyed(VERB_CALL, "a", "k", "m");
        refuse_memory(at);
        enum status status = ask((uint64_t)at, &request);
        refuse_memory(0);
        cr_assert(status == STATUS_OK);
        cr_assert(failed((uint64_t)at, STATUS_NO_MEMORY));
        cr_assert(fx.shard.keys.count == 0);
        cr_assert(fx.shard.keys.bytes == 0);
    }
    call(3, "k", "m");
    replies("one");
    cr_assert(replied(3, "one"));
}

Test(idempotency, a_reply_that_finds_no_memory_is_given_once_and_not_run_again) {
    begin();
    call(1, "k", "m");
    struct key_asked asked;
    struct request   request = keyed(VERB_CALL, "a", "k", "m");
    keys_describe(&fx.shard.keys, &request, &asked);
    struct answer answer = {.kind = ANSWER_REPLY, .payload = text("one")};
    takes(TURN_CALL);
    refuse_memory(1);
    shard_answer(&fx.shard, key_caller(keys_find(&fx.shard.keys, &asked)), &answer);
    refuse_memory(0);
    cr_assert(replied(1, "one"));
    call(2, "k", "m");
    cr_assert(failed(2, STATUS_NO_MEMORY));
    cr_assert(answer_of(2)->not_retryable);
}
#endif
