#include "keeper/crash_requests.h"

#include "keeper/shard_fixture_test.h"

TestSuite(crash_requests, .init = fx_init, .fini = fx_fini, .timeout = 10);

static struct crash *newest(void) {
    struct crash *crash = crash_log_before(&fx.shard.crashes, 0);
    cr_assert(crash != NULL);
    return crash;
}

static void ask_crash(uint64_t number, enum verb verb, uint64_t crash) {
    struct request request = {.id = number, .verb = verb, .crash = crash};
    cr_assert(ask(number, &request) == STATUS_OK);
}

// The restart after a crash, with the state from the mirror.
static void come_back(struct actor *actor) {
    settle_loads();
    play_init(actor, NULL);
}

// An actor whose call "crash" has crashed, and which is up again.
static struct actor *crashed(const char *name) {
    struct actor *actor = up(name);
    crash_once(actor, 100, name);
    come_back(actor);
    return actor;
}

Test(crash_requests, a_call_that_is_redriven_answers_who_redrives) {
    host_joins(1);
    struct actor *actor = crashed("a");
    ask_crash(1, VERB_REDRIVE, newest()->report.id);
    step();
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *turn = play_take(end, TURN_CALL);
    cr_assert(same(turn_payload(end, turn), text("crash")));
    play_reply(end, turn->turn, "fine now", NULL);
    step();
    cr_assert(replied(1, "fine now"));
    cr_assert(newest()->report.redriven == 1);
}

Test(crash_requests, a_cast_that_is_redriven_is_done_when_it_is_in_the_mailbox) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_cast(1, "a", "poison");
    step();
    play_crash(end, play_take(end, TURN_CAST)->turn, COMMIT_CODE_RAISE, "boom");
    step();
    ask_crash(2, VERB_REDRIVE, newest()->report.id);
    cr_assert(done(2));
    come_back(actor);
    end = home_of(actor);
    const struct turn_record *turn = play_take(end, TURN_CAST);
    cr_assert(same(turn_payload(end, turn), text("poison")));
}

Test(crash_requests, the_message_goes_to_whoever_has_the_name_now) {
    host_joins(1);
    struct request request = start_request("a");
    request.restart = RESTART_TEMPORARY;
    crash_once(up_with(&request), 1, "a");
    cr_assert(life_of("a") == ACTOR_FREE);
    ask_crash(2, VERB_REDRIVE, newest()->report.id);
    cr_assert(failed(2, STATUS_NOPROC));
    cr_assert(newest()->report.redriven == 0);

    struct actor *other = up("a");
    ask_crash(3, VERB_REDRIVE, newest()->report.id);
    step();
    play_reply(home_of(other), play_take(home_of(other), TURN_CALL)->turn, "hello", NULL);
    step();
    cr_assert(replied(3, "hello"));
}

Test(crash_requests, an_anonymous_actor_is_found_by_its_unit_and_by_nothing_else) {
    host_joins(1);
    struct request request = start_request("");
    cr_assert(ask(1, &request) == STATUS_OK);
    struct actor *actor = actor_at(&fx.shard.actors, 0);
    play_init(actor, "s0");
    struct request call = {.verb = VERB_CALL, .target = actor_id(actor), .payload = text("x")};
    cr_assert(ask(2, &call) == STATUS_OK);
    step();
    play_crash(home_of(actor), play_take(home_of(actor), TURN_CALL)->turn, COMMIT_CODE_RAISE, "b");
    step();
    ask_crash(3, VERB_REDRIVE, newest()->report.id);
    cr_assert(!answered(3), "its restart comes first");
    come_back(actor);
    play_reply(home_of(actor), play_take(home_of(actor), TURN_CALL)->turn, "yes", NULL);
    step();
    cr_assert(replied(3, "yes"));

    crash_log_find(&fx.shard.crashes, 1)->report.unit = 999;
    ask_crash(4, VERB_REDRIVE, 1);
    cr_assert(failed(4, STATUS_NOPROC));
}

Test(crash_requests, what_cannot_be_run_again_is_refused_with_the_reason) {
    host_joins(1);
    up("a");
    ask_kill(1, "a");
    ask_crash(2, VERB_REDRIVE, newest()->report.id);
    cr_assert(failed(2, STATUS_INVALID));
    cr_assert_str_eq(answer_of(2)->message, "no message did this");

    struct request late = {
        .verb = VERB_REDRIVE, .crash = newest()->report.id, .limit_ms = DEADLINE_MS_MAX + 1};
    newest()->turn = TURN_CALL;
    cr_assert(ask(3, &late) == STATUS_OK);
    cr_assert(failed(3, STATUS_INVALID));
    cr_assert_str_eq(answer_of(3)->message, "timeout_ms: over 3600000");
}

Test(crash_requests, a_crash_that_is_not_there_is_not_found) {
    host_joins(1);
    ask_crash(1, VERB_REDRIVE, 7);
    ask_crash(2, VERB_DISCARD_CRASH, 7);
    ask_crash(3, VERB_DISCARD_CRASH, 0);
    for (uint64_t i = 1; i <= 3; i++) cr_assert(failed(i, STATUS_NOT_FOUND));
}

Test(crash_requests, discard_forgets_one_crash) {
    host_joins(1);
    crashed("a");
    uint64_t id = newest()->report.id;
    ask_crash(1, VERB_DISCARD_CRASH, id);
    cr_assert(done(1));
    cr_assert(crash_log_find(&fx.shard.crashes, id) == NULL);
    ask_crash(2, VERB_DISCARD_CRASH, id);
    cr_assert(failed(2, STATUS_NOT_FOUND));
}

Test(crash_requests, a_full_mailbox_refuses_the_message_and_the_crash_is_not_marked) {
    host_joins(1);
    struct request request = start_request("a");
    request.mailbox_max = 1;
    crash_once(up_with(&request), 1, "a");
    ask_cast(2, "a", "waits");
    ask_crash(3, VERB_REDRIVE, newest()->report.id);
    cr_assert(failed(3, STATUS_MAILBOX_FULL));
    cr_assert(newest()->report.redriven == 0);
}

Test(crash_requests, while_the_server_goes_down_nothing_is_run_again) {
    host_joins(1);
    crashed("a");
    fx.shard.stopping = true;
    ask_crash(1, VERB_REDRIVE, newest()->report.id);
    cr_assert(failed(1, STATUS_SHUTTING_DOWN));
}
