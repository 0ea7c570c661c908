// Which ends are crashes, and what is kept of each.
#include "keeper/crash_note.h"
#include "keeper/shard_fixture_test.h"

TestSuite(crash_note, .init = fx_init, .fini = fx_fini, .timeout = 10);

static const struct crash *newest(void) {
    return crash_log_before(&fx.shard.crashes, 0);
}

static uint32_t count(void) {
    return fx.shard.crashes.count;
}

static bool told(struct slice slice, const char *string) {
    return same(slice, raw(string));
}

Test(crash_note, keeps_the_call_that_crashed) {
    host_joins(1);
    struct actor *actor = up("a");
    uint64_t      id = actor_id(actor);
    crash_once(actor, 1, "a");
    cr_assert(count() == 1);
    const struct crash_report *report = &newest()->report;
    cr_assert(report->unit == actor->unit);
    cr_assert(report->incarnation == id, "the one that ended, not the next");
    cr_assert(told(report->name, "a"));
    cr_assert(told(report->behaviour, "counter"));
    cr_assert(told(report->version, "1"));
    cr_assert_str_eq(report->kind, "raise");
    cr_assert(same(report->reason, text("boom")));
    cr_assert(told(report->text, "handle_call of counter"));
    cr_assert_str_eq(report->turn, "call");
    cr_assert(same(report->message, text("crash")));
    cr_assert(report->state_version == 1);
    cr_assert(!report->message_set_aside);
    cr_assert(actor->extra->trouble->crash == report->id);
}

Test(crash_note, keeps_the_argument_of_an_init_that_crashed) {
    host_joins(1);
    ask_start(1, "a");
    step();
    struct fake_worker *end = home_of(actor_named("a"));
    play_crash(end, play_take(end, TURN_INIT)->turn, COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(fx.shard.metrics.crashes[CRASH_RAISE] == 1, "one that nobody restarts counts, too");
    cr_assert_str_eq(newest()->report.turn, "init");
    cr_assert(same(newest()->report.message, text("argument")));
    cr_assert(newest()->report.state_version == 0);
}

Test(crash_note, keeps_the_continue_and_not_the_call_before_it) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "first");
    step();
    uint64_t   turn = play_take(end, TURN_CALL)->turn;
    struct out out = out_of(COMMIT_DONE, turn, COMMIT_MORE);
    out_body(&out, ITEM_REPLY, text("done"));
    out_body(&out, ITEM_STATE, text("s1"));
    out_body(&out, ITEM_CONTINUE, text("second"));
    play_send(end, &out);
    play_crash(end, turn, COMMIT_CODE_CONTRACT, "bad_return_value(7)");
    step();
    cr_assert(replied(1, "done"));
    cr_assert_str_eq(newest()->report.turn, "continue");
    cr_assert_str_eq(newest()->report.kind, "contract");
    cr_assert(same(newest()->report.message, text("second")));
    cr_assert(newest()->report.state_version == 2);
}

Test(crash_note, of_a_zero_timeout_keeps_the_timeout) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_cast(1, "a", "first");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    play_flags(end, turn, COMMIT_MORE);
    play_crash(end, turn, COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert_str_eq(newest()->report.turn, "info");
    cr_assert(same(newest()->report.message, text("timeout")));
}

Test(crash_note, of_a_terminate_keeps_the_message_that_asked_for_the_stop) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "please end");
    step();
    uint64_t turn = play_take(end, TURN_CALL)->turn;
    play_stop(end, turn, COMMIT_MORE, "normal");
    play_crash(end, turn, COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(count() == 1);
    cr_assert_str_eq(newest()->report.turn, "call");
    cr_assert(same(newest()->report.message, text("please end")));
    cr_assert(same(newest()->report.reason, text("boom")));
}

Test(crash_note, a_stop_whose_terminate_crashes_gets_the_reason_and_one_report) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_verb(1, VERB_STOP, "a", "why", 0);
    step();
    play_crash(end, play_take(end, TURN_TERMINATE)->turn, COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(same(slice_of(answer_of(1)->body, answer_of(1)->bytes), text("boom")));
    cr_assert(life_of("a") == ACTOR_FREE);
    cr_assert(count() == 1);
    cr_assert_str_eq(newest()->report.turn, "terminate");
    cr_assert(same(newest()->report.message, text("why")));
}

Test(crash_note, orderly_ends_are_none) {
    static const char *const REASONS[] = {"normal", "shutdown"};
    host_joins(1);
    for (size_t i = 0; i < 2; i++) {
        struct actor       *actor = up("a");
        struct fake_worker *end = home_of(actor);
        ask_call(10 + i, "a", "stop");
        step();
        play_stop(end, play_take(end, TURN_CALL)->turn, 0, REASONS[i]);
        step();
        actor = up("a");
        end = home_of(actor);
        ask_call(20 + i, "a", "exit");
        step();
        play_crash(end, play_take(end, TURN_CALL)->turn, COMMIT_CODE_EXIT, REASONS[i]);
        step();
        cr_assert(life_of("a") == ACTOR_FREE);
    }
    cr_assert(count() == 0);
}

Test(crash_note, a_stop_that_a_client_gave_a_reason_of_its_own_is_none) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_verb(1, VERB_STOP, "a", "no longer needed", 0);
    step();
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, "no longer needed");
    step();
    cr_assert(done(1));
    cr_assert(count() == 0);
}

Test(crash_note, a_handler_that_stops_for_another_reason_is_one) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "stop");
    step();
    play_stop(end, play_take(end, TURN_CALL)->turn, 0, "disk full");
    step();
    cr_assert(count() == 1);
    cr_assert_str_eq(newest()->report.kind, "exit");
    cr_assert_str_eq(newest()->report.turn, "call");
    cr_assert(same(newest()->report.reason, text("disk full")));
}

Test(crash_note, a_kill_is_one_without_a_message) {
    host_joins(1);
    up("a");
    ask_kill(1, "a");
    cr_assert(count() == 1);
    cr_assert_str_eq(newest()->report.kind, "killed");
    cr_assert_str_eq(newest()->report.turn, "");
    cr_assert(crash_redrive_fault(newest()) != NULL);
}

Test(crash_note, what_killed_its_host_is_set_aside) {
    uint32_t host = host_joins(1);
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "poison");
    ask_call(2, "a", "behind");
    step();
    play_take(fake(host, 0), TURN_CALL);
    play_death(fake(host, 0), DEATH_SIGNAL, 11);
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(!answered(2));
    cr_assert(newest()->report.message_set_aside);
    cr_assert_str_eq(newest()->report.kind, "signal");
    cr_assert(same(newest()->report.message, text("poison")));
    cr_assert(newest()->report.attempts == 0);
    cr_assert(actor->extra->trouble->crash == newest()->report.id);
}

// Longer than what stays in the ring, and still there after its turn has been removed from it.
Test(crash_note, keeps_the_beginning_of_a_message_from_the_bulk_area) {
    static uint8_t message[700000];
    host_joins(1);
    struct actor *actor = up("a");
    memset(message, 'm', sizeof message);
    struct request request = {
        .verb = VERB_CALL, .name = raw("a"), .payload = slice_of(message, sizeof message)};
    cr_assert(ask(1, &request) == STATUS_OK);
    step();
    struct fake_worker *end = home_of(actor);
    play_crash(end, play_take(end, TURN_CALL)->turn, COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(newest()->report.message_cut);
    cr_assert(newest()->report.message_bytes == sizeof message);
    cr_assert(memcmp(newest()->report.message.data, message, CRASH_MESSAGE_BYTES_MAX) == 0);
}

Test(crash_note, keeps_the_backtrace_of_a_crash) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "x");
    step();
    struct fake_worker *end = home_of(actor);
    struct out          out = out_of(COMMIT_CRASH, play_take(end, TURN_CALL)->turn, 0);
    out.record.code = COMMIT_CODE_RAISE;
    out_body(&out, ITEM_REASON, text("boom"));
    out_body(&out, ITEM_TRACE, raw("a.so+0x1 (f)\npeeper-host+0x2"));
    play_send(end, &out);
    step();
    cr_assert(told(newest()->report.trace, "a.so+0x1 (f)\npeeper-host+0x2"));
}

static void dies_with(struct fake_worker *end, const char *trace, uint32_t bytes) {
    snprintf(end->commits_control->trace, TRACE_BYTES_MAX, "%s", trace);
    atomic_store(&end->commits_control->trace_bytes, bytes);
    play_death(end, DEATH_SIGNAL, 11);
    step();
}

Test(crash_note, keeps_the_backtrace_that_a_dying_worker_left) {
    host_joins(1);
    host_joins(1);
    up("a");
    ask_call(1, "a", "poison");
    step();
    play_take(fake(0, 0), TURN_CALL);
    dies_with(fake(0, 0), "a.so+0x1\nb.so+0x2", 17);
    cr_assert(told(newest()->report.trace, "a.so+0x1\nb.so+0x2"));
}

Test(crash_note, believes_neither_the_length_nor_the_bytes_of_a_trace) {
    host_joins(1);
    host_joins(1);
    up("a");
    ask_call(1, "a", "poison");
    step();
    play_take(fake(0, 0), TURN_CALL);
    dies_with(fake(0, 0), "a\x1b[31m\xff", UINT32_MAX);
    struct slice trace = newest()->report.trace;
    cr_assert(trace.bytes == TRACE_BYTES_MAX);
    cr_assert(memcmp(trace.data, "a?[31m?", 7) == 0);
    for (size_t i = 0; i < trace.bytes; i++) {
        cr_assert(trace.data[i] == '\n' || (trace.data[i] >= 0x20 && trace.data[i] < 0x7f));
    }
}

Test(crash_note, an_innocent_turn_of_a_dying_host_gets_no_trace_of_the_other) {
    host_joins(2);
    host_joins(2);
    up("a");
    dies_with(fake(0, 1), "a.so+0x1", 8);
    cr_assert(count() == 0, "the worker that died was running nothing");
}
