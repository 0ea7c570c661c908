#include "keeper/shard_fixture_test.h"

#include "base/memory_fault_test.h"

#include <peeper/value.h>

TestSuite(life, .init = fx_init, .fini = fx_fini, .timeout = 20);

static struct actor *up_as(const char *name, uint32_t restart, uint32_t on_intensity,
                           uint32_t intensity, uint32_t period_ms) {
    struct request request = start_request(name);
    request.restart = restart;
    request.on_intensity = on_intensity;
    request.has_intensity = true;
    request.intensity = intensity;
    request.period_ms = period_ms;
    return up_with(&request);
}

// Answers the init that waits for the actor after a crash.
static void come_back(struct actor *actor) {
    settle_loads();
    struct fake_worker *end = home_of(actor);
    play_done(end, play_take(end, TURN_INIT)->turn);
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
}

static void stop_itself(struct actor *actor, const char *name, const char *reason) {
    ask_cast(0, name, "stop");
    step();
    struct fake_worker *end = home_of(actor);
    play_stop(end, play_take(end, TURN_CAST)->turn, 0, reason);
    step();
}

// --- restarts ---

Test(life, a_crashed_actor_is_back_with_its_last_good_state_and_a_new_id) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    uint64_t            id = actor_id(actor), unit = actor->unit;
    ask_call(1, "a", "change");
    step();
    play_reply(end, play_take(end, TURN_CALL)->turn, "ok", "s1");
    step();
    crash_once(actor, 2, "a");
    cr_assert(failed(2, STATUS_CRASHED));
    cr_assert(actor->life == ACTOR_RESTARTING);
    settle_loads();
    const struct turn_record *init = play_take(end, TURN_INIT);
    cr_assert(init->flags == (TURN_HAS_STATE | TURN_RESTART));
    cr_assert(same(turn_state(end, init), text("s1")));
    cr_assert(same(turn_name(end, init), raw("a")));
    play_done(end, init->turn);
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
    cr_assert(actor->unit == unit);
    cr_assert(actor_id(actor) != id);
    cr_assert(actor_by_id(&fx.shard.actors, id) == NULL);
    cr_assert(fx.shard.metrics.restarts == 1);
    cr_assert(fx.shard.metrics.crashes[CRASH_RAISE] == 1);
    uint64_t recoveries = 0;
    for (int i = 0; i < RECOVERY_BUCKETS; i++) recoveries += fx.shard.metrics.recovery[i];
    cr_assert(recoveries == 1);
}

Test(life, an_exit_with_an_orderly_reason_is_a_stop, .timeout = 20) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "exit");
    step();
    play_crash(end, play_take(end, TURN_CALL)->turn, COMMIT_CODE_EXIT, "shutdown");
    step();
    cr_assert(failed(1, STATUS_DOWN));
    cr_assert(life_of("a") == ACTOR_FREE);
    cr_assert(fx.shard.metrics.crashes[CRASH_EXIT] == 0);
}

Test(life, a_message_that_the_worker_took_up_right_after_a_crash_outlives_it, .timeout = 20) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "bad");
    ask_call(2, "a", "two");
    step();
    uint64_t bad = play_take(end, TURN_CALL)->turn;
    play_crash(end, bad, COMMIT_CODE_RAISE, "boom");
    // Begun before the keeper has looked at the crash.
    play_skip(end, play_take(end, TURN_CALL)->turn);
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(!answered(2));
    come_back(actor);
    play_reply(end, play_take(end, TURN_CALL)->turn, "2", NULL);
    step();
    cr_assert(replied(2, "2"));
}

Test(life, the_mailbox_survives_and_is_handled_in_order_after_the_restart) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "bad");
    ask_call(2, "a", "two");
    ask_call(3, "a", "three");
    step();
    uint64_t bad = play_take(end, TURN_CALL)->turn;
    play_crash(end, bad, COMMIT_CODE_RAISE, "boom");
    step();
    ask_call(4, "a", "four");
    settle_loads();
    // The worker dropped its copy with the crash, so what was in its ring is void.
    play_skip(end, play_take(end, TURN_CALL)->turn);
    play_skip(end, play_take(end, TURN_CALL)->turn);
    come_back(actor);
    static const char *const rest[] = {"two", "three", "four"};
    for (uint64_t i = 0; i < 3; i++) {
        const struct turn_record *turn = play_take(end, TURN_CALL);
        cr_assert(same(turn_payload(end, turn), text(rest[i])));
        play_reply(end, turn->turn, rest[i], NULL);
    }
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    for (uint64_t i = 0; i < 3; i++) cr_assert(replied(i + 2, rest[i]));
}

Test(life, a_crash_of_one_actor_leaves_the_turns_of_others_alone) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    up("b");
    ask_call(1, "a", "bad");
    ask_call(2, "b", "good");
    step();
    play_crash(end, play_take(end, TURN_CALL)->turn, COMMIT_CODE_RAISE, "boom");
    play_reply(end, play_take(end, TURN_CALL)->turn, "fine", NULL);
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(replied(2, "fine"));
}

Test(life, the_last_crash_is_remembered) {
    host_joins(1);
    struct actor *actor = up("a");
    crash_once(actor, 1, "a");
    cr_assert_str_eq(actor->extra->trouble->kind, "raise");
    cr_assert(same(slice_of(actor->extra->trouble->reason, actor->extra->trouble->reason_bytes),
                   text("boom")));
    cr_assert(actor->extra->trouble->restarts == 1);
    cr_assert(actor->extra->trouble->at_ms > 0);
}

Test(life, a_reason_over_its_limit_is_not_kept) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    static uint8_t      large[17000];
    ask_call(1, "a", "x");
    step();
    struct out out = out_of(COMMIT_CRASH, play_take(end, TURN_CALL)->turn, 0);
    out.record.code = COMMIT_CODE_RAISE;
    out_body(&out, ITEM_REASON, slice_of(large, sizeof large));
    play_send(end, &out);
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(actor->extra->trouble->reason_bytes < 100);
    come_back(actor);
}

Test(life, a_crash_of_the_init_after_a_crash_counts_as_one_more) {
    host_joins(1);
    struct actor       *actor = up_as("a", RESTART_PERMANENT, INTENSITY_SUSPEND, 1, 1000);
    struct fake_worker *end = home_of(actor);
    crash_once(actor, 1, "a");
    settle_loads();
    play_crash(end, play_take(end, TURN_INIT)->turn, COMMIT_CODE_CONTRACT, "cannot load");
    step();
    cr_assert(actor->life == ACTOR_SUSPENDED);
    cr_assert(actor->waiting == 0, "no init is left behind");
    cr_assert(actor->extra->trouble->restarts == 2);
}

Test(life, an_init_that_refuses_after_a_crash_is_a_crash) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    crash_once(actor, 1, "a");
    settle_loads();
    play_refuse(end, play_take(end, TURN_INIT)->turn, COMMIT_CODE_ERROR, "no");
    settle_loads();
    cr_assert(actor->life == ACTOR_RESTARTING);
    cr_assert(actor->extra->trouble->restarts == 2);
    come_back(actor);
}

Test(life, an_init_that_says_ignore_after_a_crash_ends_the_actor) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    crash_once(actor, 1, "a");
    ask_call(2, "a", "waits");
    settle_loads();
    play_refuse(end, play_take(end, TURN_INIT)->turn, COMMIT_CODE_IGNORE, NULL);
    step();
    cr_assert(life_of("a") == ACTOR_FREE);
    cr_assert(failed(2, STATUS_DOWN));
}

// --- who is restarted ---

Test(life, a_temporary_actor_never_comes_back) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TEMPORARY, 0, 3, 1000);
    crash_once(actor, 1, "a");
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(life_of("a") == ACTOR_FREE);
    cr_assert(fx.shard.metrics.crashes[CRASH_RAISE] == 1);
}

Test(life, a_transient_actor_comes_back_unless_its_reason_was_orderly) {
    static const struct {
        const char *reason;
        bool        again;
    } rows[] = {
        {NULL, false}, {"normal", false}, {"shutdown", false}, {"tired", true}, {"normally", true},
    };
    host_joins(1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%d", (int)i);
        struct actor *actor = up(name);
        stop_itself(actor, name, rows[i].reason);
        cr_assert((life_of(name) == ACTOR_RESTARTING) == rows[i].again, "%s", name);
        cr_assert((life_of(name) == ACTOR_FREE) == !rows[i].again, "%s", name);
        if (rows[i].again) come_back(actor);
    }
}

Test(life, shutdown_with_a_detail_is_orderly) {
    host_joins(1);
    struct actor        *actor = up("a");
    struct peeper_writer writer = {0};
    peeper_write_list(&writer);
    peeper_write_string(&writer, "shutdown");
    peeper_write_int(&writer, 7);
    peeper_write_end(&writer);
    ask_cast(0, "a", "stop");
    step();
    struct fake_worker *end = home_of(actor);
    struct out          out = out_of(COMMIT_DONE, play_take(end, TURN_CAST)->turn, COMMIT_STOP);
    out_body(&out, ITEM_REASON, slice_of(writer.data, writer.bytes));
    play_send(end, &out);
    step();
    cr_assert(life_of("a") == ACTOR_FREE);
    peeper_writer_fini(&writer);
}

Test(life, a_permanent_actor_comes_back_whatever_its_reason) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_PERMANENT, 0, 3, 1000);
    stop_itself(actor, "a", "normal");
    cr_assert(actor->life == ACTOR_RESTARTING);
    come_back(actor);
}

Test(life, peeper_exit_is_a_crash_of_kind_exit) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "exit");
    step();
    play_crash(end, play_take(end, TURN_CALL)->turn, COMMIT_CODE_EXIT, "tired");
    step();
    cr_assert(failed(1, STATUS_DOWN));
    cr_assert_str_eq(actor->extra->trouble->kind, "exit");
    come_back(actor);
}

// --- intensity ---

Test(life, up_to_the_intensity_restarts_are_immediate_and_then_an_actor_backs_off) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_BACKOFF, 3, 5000);
    for (uint64_t i = 1; i <= 3; i++) {
        crash_once(actor, i, "a");
        cr_assert(actor->life == ACTOR_RESTARTING);
        come_back(actor);
    }
    crash_once(actor, 4, "a");
    cr_assert(actor->life == ACTOR_WAITING);
    cr_assert(failed(4, STATUS_CRASHED));
    ask_call(5, "a", "patience");
    later(BACKOFF_MS_MIN * 3 / 4 - 1);
    cr_assert(actor->life == ACTOR_WAITING);
    cr_assert(!answered(5));
    later(BACKOFF_MS_MIN);
    come_back(actor);
    play_reply(home_of(actor), play_take(home_of(actor), TURN_CALL)->turn, "rewarded", NULL);
    step();
    cr_assert(replied(5, "rewarded"));
}

Test(life, an_intensity_of_zero_allows_no_restart) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_SUSPEND, 0, 5000);
    crash_once(actor, 1, "a");
    cr_assert(actor->life == ACTOR_SUSPENDED);
}

Test(life, restarts_older_than_the_period_do_not_count) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_SUSPEND, 2, 5000);
    for (uint64_t i = 1; i <= 8; i++) {
        crash_once(actor, i, "a");
        cr_assert(actor->life == ACTOR_RESTARTING, "crash %d", (int)i);
        come_back(actor);
        later(3100);
    }
    // Three within a period.
    crash_once(actor, 9, "a");
    come_back(actor);
    crash_once(actor, 10, "a");
    cr_assert(actor->life == ACTOR_SUSPENDED);
}

Test(life, a_long_period_counts_over_its_whole_length) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_SUSPEND, 2, PERIOD_MS_MAX);
    crash_once(actor, 1, "a");
    come_back(actor);
    later(PERIOD_MS_MAX / 2);
    crash_once(actor, 2, "a");
    come_back(actor);
    later(PERIOD_MS_MAX / 2 - 1000);
    crash_once(actor, 3, "a");
    cr_assert(actor->life == ACTOR_SUSPENDED);
    ask_resume(4, "a");
    come_back(actor);
    later(2ull * PERIOD_MS_MAX);
    crash_once(actor, 5, "a");
    cr_assert(actor->life == ACTOR_RESTARTING);
}

// --- back-off ---

static uint64_t backoff_of(struct actor *actor, uint64_t number) {
    crash_once(actor, number, "a");
    cr_assert(actor->life == ACTOR_WAITING);
    uint64_t delay_ms = actor->extra->trouble->backoff.due_ms - fx.shard.now_ms;
    later(delay_ms);
    come_back(actor);
    return delay_ms;
}

Test(life, the_back_off_doubles_up_to_its_limit_less_some_jitter) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_BACKOFF, 0, 60000);
    uint64_t      delay_ms = BACKOFF_MS_MIN;
    for (uint64_t i = 1; i <= 25; i++) {
        uint64_t found_ms = backoff_of(actor, i);
        cr_assert(found_ms <= delay_ms, "step %d: %d", (int)i, (int)found_ms);
        cr_assert(found_ms >= delay_ms - delay_ms / 4 - 1, "step %d: %d", (int)i, (int)found_ms);
        delay_ms = delay_ms * 2 > BACKOFF_MS_MAX ? BACKOFF_MS_MAX : delay_ms * 2;
    }
}

Test(life, after_a_quiet_period_the_back_off_begins_anew) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_BACKOFF, 0, 2000);
    for (uint64_t i = 1; i <= 5; i++) backoff_of(actor, i);
    later(2001);
    cr_assert(backoff_of(actor, 6) <= BACKOFF_MS_MIN);
}

Test(life, resume_ends_a_back_off_early) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_BACKOFF, 0, 60000);
    for (uint64_t i = 1; i <= 5; i++) backoff_of(actor, i);
    crash_once(actor, 6, "a");
    ask_resume(7, "a");
    cr_assert(done(7));
    cr_assert(!timer_armed(&actor->extra->trouble->backoff));
    come_back(actor);
    cr_assert(actor->extra->trouble->backoff_step == 0);
}

Test(life, a_waiting_actor_can_be_stopped_at_once) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_BACKOFF, 0, 60000);
    crash_once(actor, 1, "a");
    ask_call(2, "a", "waits");
    ask_kill(3, "a");
    cr_assert(done(3));
    cr_assert(actor->life == ACTOR_WAITING, "it is down already");
    ask_stop(4, "a");
    cr_assert(done(4));
    cr_assert(failed(2, STATUS_DOWN));
    cr_assert(life_of("a") == ACTOR_FREE);
    later(60000);
}

// --- suspended, gave up ---

Test(life, a_suspended_actor_keeps_its_messages_until_it_is_resumed) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_SUSPEND, 0, 5000);
    crash_once(actor, 1, "a");
    cr_assert(actor->life == ACTOR_SUSPENDED);
    ask_cast(2, "a", "one");
    cr_assert(done(2));
    later(3600000);
    cr_assert(actor->life == ACTOR_SUSPENDED);
    ask_kill(3, "a");
    cr_assert(done(3));
    ask_resume(4, "a");
    cr_assert(done(4));
    come_back(actor);
    cr_assert(
        same(turn_payload(home_of(actor), play_take(home_of(actor), TURN_CAST)), text("one")));
}

Test(life, resume_forgets_the_restarts_before_it) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_SUSPEND, 1, 5000);
    crash_once(actor, 1, "a");
    come_back(actor);
    crash_once(actor, 2, "a");
    cr_assert(actor->life == ACTOR_SUSPENDED);
    ask_resume(3, "a");
    come_back(actor);
    crash_once(actor, 4, "a");
    cr_assert(actor->life == ACTOR_RESTARTING);
}

Test(life, a_suspended_actor_can_be_stopped_at_once) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_SUSPEND, 0, 5000);
    crash_once(actor, 1, "a");
    ask_stop(2, "a");
    cr_assert(done(2));
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(life, an_actor_that_gave_up_stays_readable_and_its_name_is_free) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_STOP, 0, 5000);
    uint64_t      id = actor_id(actor), unit = actor->unit;
    ask_call(1, "a", "later");
    step();
    play_done(home_of(actor), play_take(home_of(actor), TURN_CALL)->turn);
    step();
    crash_once(actor, 2, "a");
    cr_assert(actor->life == ACTOR_ENDED);
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(mirror_has(actor, "s0", 1));
    cr_assert(actor_by_id(&fx.shard.actors, id) == NULL);
    ask_call(3, "a", "x");
    cr_assert(failed(3, STATUS_NOPROC));
    ask_stop(4, "a");
    cr_assert(failed(4, STATUS_NOPROC));
    ask_resume(5, "a");
    cr_assert(failed(5, STATUS_NOPROC));

    struct actor *next = up("a");
    cr_assert(next->unit != unit);
    cr_assert(mirror_has(next, "s0", 1));
    cr_assert(fx.shard.actors.live == 1);
}

Test(life, an_anonymous_actor_that_gave_up_is_gone) {
    host_joins(1);
    struct request request = start_request("");
    request.on_intensity = INTENSITY_STOP;
    request.has_intensity = true;
    request.period_ms = 1000;
    cr_assert(ask(1, &request) == STATUS_OK);
    struct actor *actor = actor_at(&fx.shard.actors, 0);
    play_init(actor, "s0");
    struct request call = {.verb = VERB_CALL, .target = answer_of(1)->id, .payload = text("x")};
    cr_assert(ask(2, &call) == STATUS_OK);
    step();
    play_crash(home_of(actor), play_take(home_of(actor), TURN_CALL)->turn, COMMIT_CODE_RAISE, "b");
    step();
    cr_assert(failed(2, STATUS_CRASHED));
    cr_assert(fx.shard.actors.live == 0);
}

// --- kill ---

Test(life, kill_ends_the_running_turn_and_the_actor_is_back) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "long");
    ask_call(2, "a", "next");
    step();
    uint64_t turn = play_take(end, TURN_CALL)->turn;
    ask_kill(3, "a");
    cr_assert(done(3));
    cr_assert(failed(1, STATUS_DOWN));
    cr_assert_str_eq(answer_of(1)->crash, "killed");
    cr_assert(!answered(2));
    play_reply(end, turn, "late", "s9");
    play_skip(end, play_take(end, TURN_CALL)->turn);
    come_back(actor);
    const struct turn_record *next = play_take(end, TURN_CALL);
    cr_assert(same(turn_payload(end, next), text("next")));
    cr_assert(actor->version == 1);
}

Test(life, a_turn_that_was_not_begun_survives_a_kill) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "x");
    step();
    ask_kill(2, "a");
    cr_assert(!answered(1));
    settle_loads();
    struct fake_worker *end = home_of(actor);
    play_skip(end, play_take(end, TURN_CALL)->turn);
    come_back(actor);
    play_reply(end, play_take(end, TURN_CALL)->turn, "y", NULL);
    step();
    cr_assert(replied(1, "y"));
}

Test(life, kill_of_an_idle_actor_restarts_it) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_kill(1, "a");
    cr_assert(actor->life == ACTOR_RESTARTING);
    ask_kill(2, "a");
    cr_assert(done(2));
    cr_assert(actor->extra->trouble->restarts == 2);
    come_back(actor);
}

Test(life, kill_of_an_actor_that_starts_fails_the_start) {
    host_joins(1);
    ask_start(1, "a");
    step();
    uint64_t turn = play_take(fake(0, 0), TURN_INIT)->turn;
    ask_kill(2, "a");
    cr_assert(done(2));
    cr_assert(failed(1, STATUS_DOWN));
    cr_assert(life_of("a") == ACTOR_FREE);
    play_state(fake(0, 0), turn, "s0");
    step();
    cr_assert(fx.shard.pools[POOL_GENERAL].active != NULL);
}

Test(life, kill_of_an_actor_that_stops_ends_it) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    ask_stop(1, "a");
    step();
    uint64_t turn = play_take(end, TURN_TERMINATE)->turn;
    ask_kill(2, "a");
    cr_assert(done(2));
    cr_assert(failed(1, STATUS_DOWN));
    cr_assert(life_of("a") == ACTOR_FREE);
    play_stop(end, turn, 0, NULL);
    step();
    cr_assert(!done(1));
}

Test(life, resume_of_an_actor_that_runs_is_refused) {
    host_joins(1);
    up("a");
    ask_resume(1, "a");
    cr_assert(failed(1, STATUS_INVALID));
}

// --- what cannot be run ---

// A host without the behaviour "counter".
static uint32_t host_of_others(void) {
    uint32_t index = host_spawned(1);
    announce(fake(index, 0), "other", "1", 0);
    announce_ready(fake(index, 0));
    step();
    return index;
}

Test(life, a_start_that_no_host_can_run_is_told_so) {
    host_joins(1);
    host_of_others();
    play_death(fake(0, 0), DEATH_SIGNAL, 11);
    step();
    ask_start(1, "a");
    cr_assert(failed(1, STATUS_UNKNOWN_BEHAVIOUR));
    cr_assert(life_of("a") == ACTOR_FREE);
    cr_assert(fx.shard.actors.live == 0);
}

Test(life, an_actor_whose_behaviour_is_gone_is_suspended_and_can_be_resumed) {
    host_joins(1);
    struct actor *actor = up("a");
    host_of_others();
    ask_call(1, "a", "x");
    step();
    play_death(fake(0, 0), DEATH_SIGNAL, 11);
    step();
    settle_loads();
    cr_assert(actor->life == ACTOR_SUSPENDED);
    cr_assert(!answered(1));
    host_joins(1);
    play_death(fake(1, 0), DEATH_SIGNAL, 11);
    step();
    ask_resume(2, "a");
    come_back(actor);
    play_reply(home_of(actor), play_take(home_of(actor), TURN_CALL)->turn, "y", NULL);
    step();
    cr_assert(replied(1, "y"));
}

Test(life, a_restart_that_could_not_run_is_resumed_with_one_init) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    host_of_others();
    ask_call(1, "a", "crash");
    ask_call(2, "a", "next");
    step();
    play_take(end, TURN_CALL);
    play_death(end, DEATH_SIGNAL, 11);
    settle_loads();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(actor->life == ACTOR_SUSPENDED, "its init could not run");
    cr_assert(actor->waiting == 1);
    host_joins(1);
    play_death(fake(1, 0), DEATH_SIGNAL, 11);
    step();
    ask_resume(3, "a");
    come_back(actor);
    play_reply(home_of(actor), play_take(home_of(actor), TURN_CALL)->turn, "y", NULL);
    step();
    cr_assert(replied(2, "y"));
    cr_assert(actor->life == ACTOR_RUNNING);
}

// --- burying ---

Test(life, an_actor_that_the_mirror_cannot_forget_now_is_forgotten_later) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    uint64_t            id = actor_id(actor);
    ask_stop(1, "a");
    step();
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, NULL);
    mirror_fill();
    step();
    cr_assert(done(1));
    cr_assert(life_of("a") == ACTOR_FREE, "the name is free at once");
    cr_assert(actor_by_id(&fx.shard.actors, id) == NULL, "the id is dead at once");
    cr_assert(fx.shard.actors.live == 1);
    ask_start(2, "a");
    cr_assert(actor_named("a") != actor);
    mirror_resume();
    cr_assert(fx.shard.actors.live == 1);
    play_init(actor_named("a"), "s0");
    cr_assert(started(2));
}

// --- stops and crashes that meet ---

Test(life, a_call_and_a_stop_behind_a_crash_are_served_in_order_after_the_restart) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "crash");
    ask_call(2, "a", "call");
    ask_stop(3, "a");
    step();
    play_crash(end, play_take(end, TURN_CALL)->turn, COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(actor->life == ACTOR_RESTARTING, "the stop does not decide what follows the crash");
    play_skip(end, play_take(end, TURN_CALL)->turn);
    play_skip(end, play_take(end, TURN_TERMINATE)->turn);
    settle_loads();
    play_done(end, play_take(end, TURN_INIT)->turn);
    step();
    play_reply(end, play_take(end, TURN_CALL)->turn, "served", NULL);
    step();
    cr_assert(replied(2, "served"));
    cr_assert(!answered(3));
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(done(3));
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(life, a_permanent_actor_whose_own_terminate_crashes_or_dies_begins_again) {
    host_joins(1);
    host_joins(1);
    struct actor       *actor = up_as("a", RESTART_PERMANENT, 0, 3, 1000);
    struct fake_worker *end = home_of(actor);
    ask_cast(0, "a", "stop");
    step();
    uint64_t turn = play_take(end, TURN_CAST)->turn;
    play_stop(end, turn, COMMIT_MORE, "normal");
    play_crash(end, turn, COMMIT_CODE_RAISE, "boom");
    step();
    come_back(actor);
    ask_cast(0, "a", "stop");
    step();
    play_stop(end, play_take(end, TURN_CAST)->turn, COMMIT_MORE, "normal");
    step();
    play_death(end, DEATH_SIGNAL, 11);
    settle_loads();
    cr_assert(actor->life == ACTOR_RESTARTING);
    const struct turn_record *init = play_take(fake(1, 0), TURN_INIT);
    cr_assert(same(turn_state(fake(1, 0), init), text("s0")));
    play_done(fake(1, 0), init->turn);
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
}

Test(life, waiting_for_a_restart_is_not_quiet) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_BACKOFF, 0, 1000);
    // The delays grow beyond the period; the back-off goes on all the same.
    uint64_t last_ms = 0;
    for (uint64_t i = 1; i <= 12; i++) last_ms = backoff_of(actor, i);
    cr_assert(last_ms >= BACKOFF_MS_MAX * 3 / 4 - 1, "%d", (int)last_ms);
}

Test(life, quiet_begins_when_the_init_has_committed) {
    host_joins(1);
    struct actor *actor = up_as("a", RESTART_TRANSIENT, INTENSITY_BACKOFF, 0, 1000);
    for (uint64_t i = 1; i <= 4; i++) backoff_of(actor, i);
    crash_once(actor, 5, "a");
    later(actor->extra->trouble->backoff.due_ms - fx.shard.now_ms);
    settle_loads();
    uint64_t init = play_take(home_of(actor), TURN_INIT)->turn;
    later(1500); // longer than the period, and then it crashes all the same
    play_crash(home_of(actor), init, COMMIT_CODE_RAISE, "boom");
    step();
    cr_assert(actor->extra->trouble->backoff_step == 6);
    later(actor->extra->trouble->backoff.due_ms - fx.shard.now_ms);
    later(1500);
    come_back(actor);
    backoff_of(actor, 6);
    cr_assert(actor->extra->trouble->backoff_step == 7, "it was not quiet for a moment");
}

#ifdef CAN_REFUSE_MEMORY
Test(life, without_memory_to_remember_a_crash_the_actor_ends) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "x");
    step();
    play_crash(end, play_take(end, TURN_CALL)->turn, COMMIT_CODE_RAISE, "boom");
    refuse_memory(2); // the crash log, what the actor remembers
    shard_drain(&fx.shard);
    refuse_memory(0);
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(life, without_memory_for_an_init_the_restart_comes_later) {
    host_joins(1);
    struct actor *actor = up("a");
    crash_once(actor, 1, "a");
    come_back(actor);
    struct fake_worker *end = home_of(actor);
    ask_call(2, "a", "x");
    step();
    play_crash(end, play_take(end, TURN_CALL)->turn, COMMIT_CODE_RAISE, "boom");
    refuse_memory(3); // the crash log, the reason, the init
    shard_drain(&fx.shard);
    refuse_memory(0);
    cr_assert(failed(2, STATUS_CRASHED));
    cr_assert(actor->life == ACTOR_WAITING);
    later(BACKOFF_MS_MAX);
    come_back(actor);
}
#endif
