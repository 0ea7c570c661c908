#include "keeper/shard_fixture_test.h"

#include "base/memory_fault_test.h"

#include <peeper/value.h>

TestSuite(requests, .init = fx_init, .fini = fx_fini, .timeout = 20);

// --- who is meant ---

Test(requests, an_actor_is_found_by_id_or_by_name_and_an_ended_one_is_not) {
    host_joins(1);
    struct request start = start_request("a");
    start.on_intensity = INTENSITY_STOP;
    start.has_intensity = true;
    start.period_ms = 1000;
    struct actor  *actor = up_with(&start);
    struct request by_name = {.name = raw("a")};
    struct request by_id = {.target = actor_id(actor), .name = raw("something else")};
    struct request nobody = {.name = raw("b")}, stale = {.target = actor_id(actor) + 1};
    cr_assert(request_target(&fx.shard, &by_name) == actor);
    cr_assert(request_target(&fx.shard, &by_id) == actor);
    cr_assert(request_target(&fx.shard, &nobody) == NULL);
    cr_assert(request_target(&fx.shard, &stale) == NULL);
    crash_once(actor, 1, "a");
    cr_assert(life_of("a") == ACTOR_ENDED);
    cr_assert(request_target(&fx.shard, &by_name) == NULL);
    cr_assert(request_target(&fx.shard, &by_id) == NULL);
}

Test(requests, where_is_answers_the_id_or_nothing) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_verb(1, VERB_WHERE_IS, "a", NULL, 0);
    ask_verb(2, VERB_WHERE_IS, "b", NULL, 0);
    cr_assert(answer_of(1)->kind == ANSWER_LOCATED);
    cr_assert(answer_of(1)->id == actor_id(actor));
    cr_assert(answer_of(2)->kind == ANSWER_LOCATED);
    cr_assert(answer_of(2)->id == 0);
}

Test(requests, what_needs_an_answer_from_somebody_says_that_there_is_nobody) {
    ask_call(1, "a", "x");
    ask_stop(2, "a");
    ask_kill(3, "a");
    ask_resume(4, "a");
    for (uint64_t i = 1; i <= 4; i++) cr_assert(failed(i, STATUS_NOPROC));
}

Test(requests, a_cast_or_send_to_nobody_is_done_and_counted) {
    ask_cast(1, "a", "x");
    ask_verb(2, VERB_SEND, "a", "x", 0);
    cr_assert(done(1));
    cr_assert(done(2));
    cr_assert(fx.shard.metrics.dropped == 2);
}

Test(requests, a_cast_is_a_cast_and_a_send_an_info_and_both_are_done_at_once) {
    host_joins(1);
    up("a");
    ask_cast(1, "a", "x");
    ask_verb(2, VERB_SEND, "a", "y", 0);
    cr_assert(done(1));
    cr_assert(done(2));
    step();
    cr_assert(same(turn_payload(fake(0, 0), play_take(fake(0, 0), TURN_CAST)), text("x")));
    cr_assert(same(turn_payload(fake(0, 0), play_take(fake(0, 0), TURN_INFO)), text("y")));
}

Test(requests, an_unknown_verb_is_not_valid) {
    struct request none = {.verb = VERB_NONE}, large = {.verb = VERB_COUNT};
    cr_assert(ask(1, &none) == STATUS_OK);
    cr_assert(ask(2, &large) == STATUS_OK);
    cr_assert(failed(1, STATUS_INVALID));
    cr_assert(failed(2, STATUS_INVALID));
}

// --- what is not valid ---

static void is_invalid(uint64_t number, const struct request *request, const char *message) {
    cr_assert(ask(number, request) == STATUS_OK);
    cr_assert(failed(number, STATUS_INVALID));
    cr_assert(strncmp(answer_of(number)->message, message, strlen(message)) == 0, "%s",
              answer_of(number)->message);
}

Test(requests, a_start_says_what_is_wrong_with_it) {
    host_joins(1);
    static char long_name[NAME_BYTES_MAX + 2];
    memset(long_name, 'n', NAME_BYTES_MAX + 1);
    struct request request = start_request(long_name);
    is_invalid(1, &request, "name:");
    request = start_request("tab\there");
    is_invalid(2, &request, "name:");
    request = start_request("del\x7f");
    is_invalid(3, &request, "name:");
    request = start_request("\xc3\x28");
    is_invalid(4, &request, "name:");
    request = start_request("a");
    request.behaviour = raw("");
    is_invalid(5, &request, "behaviour:");
    request = start_request("a");
    request.payload = raw("\xff");
    is_invalid(6, &request, "argument:");
    request = start_request("a");
    request.restart = RESTART_TEMPORARY + 1;
    is_invalid(7, &request, "restart:");
    request = start_request("a");
    request.on_intensity = INTENSITY_STOP + 1;
    is_invalid(8, &request, "on_intensity:");
    request = start_request("a");
    request.limit_ms = DEADLINE_MS_MAX + 1;
    is_invalid(9, &request, "timeout_ms:");
    request = start_request("a");
    request.has_intensity = true;
    is_invalid(10, &request, "intensity.period_ms:");
    request.period_ms = PERIOD_MS_MAX + 1;
    is_invalid(11, &request, "intensity.period_ms:");
    request = start_request("a");
    request.behaviour = raw("strange");
    cr_assert(ask(12, &request) == STATUS_OK);
    cr_assert(failed(12, STATUS_UNKNOWN_BEHAVIOUR));
    cr_assert(fx.shard.actors.live == 0);
}

Test(requests, names_of_255_bytes_and_of_any_script_are_fine) {
    host_joins(1);
    static char long_name[NAME_BYTES_MAX + 1];
    memset(long_name, 'n', NAME_BYTES_MAX);
    cr_assert(up(long_name)->name_bytes == NAME_BYTES_MAX);
    cr_assert(up("K\xc3\xa4se \xe6\xbc\xa2/1") != NULL);
}

Test(requests, a_payload_that_is_no_value_is_not_sent_cast_or_given_as_a_reason) {
    host_joins(1);
    up("a");
    enum verb verbs[] = {VERB_CAST, VERB_SEND, VERB_STOP};
    for (uint64_t i = 0; i < 3; i++) {
        struct request request = {.verb = verbs[i], .name = raw("a"), .payload = raw("\xff")};
        cr_assert(ask(i + 1, &request) == STATUS_OK);
        cr_assert(failed(i + 1, STATUS_INVALID));
    }
    step();
    cr_assert(play_next(fake(0, 0)) == NULL);
}

Test(requests, a_deadline_over_an_hour_is_not_valid) {
    host_joins(1);
    up("a");
    ask_verb(1, VERB_CALL, "a", "x", DEADLINE_MS_MAX + 1);
    ask_verb(2, VERB_STOP, "a", NULL, DEADLINE_MS_MAX + 1);
    cr_assert(failed(1, STATUS_INVALID));
    cr_assert(failed(2, STATUS_INVALID));
    ask_verb(3, VERB_CALL, "a", "x", DEADLINE_MS_MAX);
    cr_assert(!answered(3));
}

Test(requests, a_call_without_a_deadline_gets_the_default) {
    host_joins(1);
    up("a");
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    ask_call(1, "a", "x");
    later(DEADLINE_MS_DEFAULT - 1);
    cr_assert(!answered(1));
    later(1);
    cr_assert(failed(1, STATUS_TIMEOUT));
}

// --- start ---

Test(requests, a_start_has_defaults) {
    host_joins(1);
    struct actor *actor = up("a");
    cr_assert(actor->restart == RESTART_TRANSIENT);
    cr_assert(actor->on_intensity == INTENSITY_BACKOFF);
    cr_assert(actor->intensity == INTENSITY_DEFAULT);
    cr_assert(actor->period_ms == PERIOD_MS_DEFAULT);
    cr_assert(actor->mailbox_max == fx.options.mailbox_max);
}

Test(requests, a_start_takes_what_it_is_given) {
    host_joins(1);
    struct request request = start_request("a");
    request.restart = RESTART_TEMPORARY;
    request.on_intensity = INTENSITY_STOP;
    request.has_intensity = true;
    request.intensity = 0;
    request.period_ms = 7;
    request.mailbox_max = 2;
    struct actor *actor = up_with(&request);
    cr_assert(actor->restart == RESTART_TEMPORARY);
    cr_assert(actor->on_intensity == INTENSITY_STOP);
    cr_assert(actor->intensity == 0);
    cr_assert(actor->period_ms == 7);
    cr_assert(actor->mailbox_max == 2);
}

Test(requests, a_taken_name_is_answered_with_the_id_of_its_holder) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_start(1, "a");
    cr_assert(failed(1, STATUS_ALREADY_STARTED));
    struct peeper_value reason = {answer_of(1)->body, answer_of(1)->bytes};
    int64_t             id;
    cr_assert(peeper_value_int(reason, &id));
    cr_assert((uint64_t)id == actor_id(actor));
    // Also while the first one is still starting.
    ask_start(2, "b");
    ask_start(3, "b");
    cr_assert(failed(3, STATUS_ALREADY_STARTED));
    cr_assert(!answered(2));
}

Test(requests, anonymous_actors_do_not_collide) {
    host_joins(1);
    ask_start(1, "");
    ask_start(2, "");
    step();
    for (int i = 0; i < 2; i++)
        play_state(fake(0, 0), play_take(fake(0, 0), TURN_INIT)->turn, "s0");
    step();
    cr_assert(started(1));
    cr_assert(started(2));
    cr_assert(answer_of(1)->id != answer_of(2)->id);
    cr_assert(answer_of(1)->bytes == 0);
    struct request call = {.verb = VERB_CALL, .target = answer_of(2)->id, .payload = text("x")};
    cr_assert(ask(3, &call) == STATUS_OK);
    step();
    cr_assert(play_take(fake(0, 0), TURN_CALL)->incarnation == answer_of(2)->id);
}

Test(requests, more_actors_than_the_limit_are_refused) {
    host_joins(1);
    fx.shard.actors.live_max = 2;
    up("a");
    up("b");
    ask_start(1, "c");
    cr_assert(failed(1, STATUS_OVERLOADED));
    cr_assert(life_of("c") == ACTOR_FREE);
    ask_start(2, "a");
    cr_assert(failed(2, STATUS_ALREADY_STARTED));
}

#ifdef CAN_REFUSE_MEMORY
Test(requests, a_start_without_memory_leaves_nothing_behind) {
    host_joins(1);
    up("warm");
    for (int at = 1; at <= 2; at++) {
        struct request request = start_request("a-name-too-long-to-be-held-in-place");
        refuse_memory(at); // its envelope, its text
        enum status status = ask((uint64_t)at, &request);
        refuse_memory(0);
        cr_assert(status == STATUS_OK);
        cr_assert(failed((uint64_t)at, STATUS_NO_MEMORY));
        cr_assert(fx.shard.actors.live == 1);
        cr_assert(life_of("a-name-too-long-to-be-held-in-place") == ACTOR_FREE);
        cr_assert(fx.shard.waiting_bytes == 0);
    }
    up("a-name-too-long-to-be-held-in-place");
}
#endif

// --- calls, verbs of the operator ---

Test(requests, a_call_is_not_looked_into) {
    host_joins(1);
    up("a");
    struct request call = {.verb = VERB_CALL, .name = raw("a"), .payload = raw("\xff\xff")};
    cr_assert(ask(1, &call) == STATUS_OK);
    step();
    cr_assert(same(turn_payload(fake(0, 0), play_take(fake(0, 0), TURN_CALL)), raw("\xff\xff")));
}

Test(requests, a_stop_brings_its_reason_to_terminate) {
    host_joins(1);
    up("a");
    ask_verb(1, VERB_STOP, "a", "shutdown", 0);
    step();
    cr_assert(
        same(turn_payload(fake(0, 0), play_take(fake(0, 0), TURN_TERMINATE)), text("shutdown")));
}

Test(requests, resume_means_nothing_to_an_actor_that_is_well) {
    host_joins(1);
    up("a");
    ask_resume(1, "a");
    cr_assert(failed(1, STATUS_INVALID));
    ask_stop(2, "a");
    ask_resume(3, "a");
    cr_assert(failed(3, STATUS_INVALID));
}

Test(requests, while_the_server_goes_down_actors_are_neither_made_nor_fed) {
    host_joins(1);
    up("a");
    fx.shard.stopping = true;
    ask_call(1, "a", "x");
    ask_cast(2, "a", "x");
    ask_verb(3, VERB_SEND, "a", "x", 0);
    ask_start(4, "b");
    for (uint64_t i = 1; i <= 4; i++) cr_assert(failed(i, STATUS_SHUTTING_DOWN));
    ask_verb(5, VERB_WHERE_IS, "a", NULL, 0);
    cr_assert(answer_of(5)->id != 0);
    ask_stop(6, "a");
    step();
    play_stop(fake(0, 0), play_take(fake(0, 0), TURN_TERMINATE)->turn, 0, NULL);
    step();
    cr_assert(done(6));
}

Test(requests, a_kill_takes_a_terminate_along_that_runs_behind_a_payload_that_was_refused) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    struct request      request = {.verb = VERB_CALL, .name = raw("a"), .payload = raw("\xff\xff")};
    cr_assert(ask(1, &request) == STATUS_OK);
    ask_stop(2, "a");
    step();
    play_refuse(end, play_take(end, TURN_CALL)->turn, COMMIT_CODE_INVALID, NULL);
    step();
    cr_assert(failed(1, STATUS_INVALID));
    play_take(end, TURN_TERMINATE);
    ask_kill(3, "a");
    step();
    cr_assert(done(3));
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(requests, before_a_host_is_ready_a_behaviour_is_not_unknown_but_not_known_yet) {
    struct request start = start_request("early");
    cr_assert(ask(1, &start) == STATUS_OK);
    step();
    const struct note *early = answer_of(1);
    cr_assert(early != NULL && early->status == STATUS_OVERLOADED && !early->not_retryable);
    cr_assert(early->retry_after_ms > 0);
    host_joins(1);
    cr_assert(ask(2, &start) == STATUS_OK);
    step();
    cr_assert(answer_of(2) == NULL, "it is on its way");
    start.behaviour = raw("nothing");
    start.name = raw("late");
    cr_assert(ask(3, &start) == STATUS_OK);
    step();
    cr_assert(answer_of(3)->status == STATUS_UNKNOWN_BEHAVIOUR);
}
