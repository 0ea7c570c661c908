#include "keeper/shard_fixture_test.h"

#include "keeper/exits.h"
#include "keeper/reason.h"
#include "keeper/tie_requests.h"

#include <peeper/value.h>

#define CHAIN 900

TestSuite(exits, .init = fx_init, .fini = fx_fini, .timeout = 20);

// --- what was pushed ---

static const struct pushed *only_push(void) {
    cr_assert(fx.push_count == 1, "%u pushes", fx.push_count);
    return &fx.pushes[0];
}

static bool reason_is(const struct pushed *push, const char *reason) {
    return same(slice_of(push->reason, push->reason_bytes), text(reason));
}

static bool no_ties(void) {
    return fx.shard.ties.count == 0 && list_empty(&fx.shard.ties.over) &&
           tie_find_client(&fx.shard.ties, client(0)) == NULL;
}

// --- who ties whom ---

static uint64_t monitor(uint64_t number, const char *name) {
    ask_verb(number, VERB_MONITOR, name, NULL, 0);
    cr_assert(answer_of(number)->kind == ANSWER_MONITORED);
    return answer_of(number)->ref;
}

static struct actor *up_child(const char *name, bool link, bool no_trap_exit) {
    struct request request = start_request(name);
    request.link = link;
    request.no_trap_exit = no_trap_exit;
    return up_with(&request);
}

static void link_actors(struct actor *a, const char *b) {
    tie_effect_link(&fx.shard, a, raw(b), 0);
}

// One turn of the actor's, answered.
static void pass_stop(struct actor *actor, const char *reason) {
    struct fake_worker *end = home_of(actor);
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, reason);
    step();
}

static void stop(struct actor *actor, const char *name, const char *reason) {
    ask_verb(0, VERB_STOP, name, reason, 0);
    step();
    pass_stop(actor, reason);
}

// The message of the next turn, as its parts.
static struct slice take_info(struct actor *actor) {
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *turn = play_take(end, TURN_INFO);
    struct slice              payload = turn_payload(end, turn);
    play_done(end, turn->turn);
    step();
    return payload;
}

static struct peeper_value part(struct slice message, size_t index) {
    struct peeper_value found = {0};
    cr_assert(peeper_value_at((struct peeper_value){message.data, message.bytes}, index, &found));
    return found;
}

static int64_t number_at(struct slice message, size_t index) {
    int64_t number = 0;
    cr_assert(peeper_value_int(part(message, index), &number));
    return number;
}

static bool nothing_for(struct actor *actor) {
    step();
    return actor->waiting == 0 && actor->inflight == 0;
}

// --- monitors of connections ---

Test(exits, a_monitor_tells_the_end_of_its_target_exactly_once) {
    host_joins(1);
    struct actor *a = up("a");
    uint64_t      id = actor_id(a), ref = monitor(1, "a");
    stop(a, "a", "bye");
    cr_assert(actor_named("a") == NULL);
    const struct pushed *push = only_push();
    cr_assert(push->kind == PUSH_DOWN && push->ref == ref && push->id == id);
    cr_assert(push->client.conn == client(0).conn);
    cr_assert_str_eq(push->name, "a");
    cr_assert(reason_is(push, "bye"));
    step();
    only_push();
    cr_assert(no_ties());
}

Test(exits, a_monitor_by_id_tells_no_name) {
    host_joins(1);
    struct actor  *a = up("a");
    struct request request = {.verb = VERB_MONITOR, .target = actor_id(a)};
    cr_assert(ask(1, &request) == STATUS_OK);
    ask_kill(2, "a");
    step();
    cr_assert_str_eq(only_push()->name, "");
    cr_assert(reason_is(only_push(), "killed"));
}

Test(exits, an_end_that_a_restart_follows_is_told_too_and_the_next_incarnation_is_not_watched) {
    host_joins(1);
    struct actor *a = up("a");
    uint64_t      id = actor_id(a);
    monitor(1, "a");
    crash_once(a, 2, "a");
    cr_assert(only_push()->id == id && reason_is(only_push(), "boom"));
    cr_assert(actor_id(a) != id);
    settle_loads();
    struct fake_worker *end = home_of(a);
    play_done(end, play_take(end, TURN_INIT)->turn);
    step();
    ask_kill(3, "a");
    step();
    only_push();
    cr_assert(no_ties());
}

Test(exits, a_host_that_dies_ends_only_the_incarnation_that_is_to_blame) {
    host_joins(1);
    up("guilty");
    up("innocent");
    monitor(1, "guilty");
    monitor(2, "innocent");
    host_joins(1);
    ask_call(3, "guilty", "crash");
    step();
    play_take(fake(0, 0), TURN_CALL);
    play_death(fake(0, 0), DEATH_SIGNAL, 11);
    step();
    cr_assert_str_eq(only_push()->name, "guilty");
}

Test(exits, nobody_there_is_an_end_at_once_with_noproc) {
    host_joins(1);
    uint64_t ref = monitor(1, "nobody");
    step();
    cr_assert(only_push()->kind == PUSH_DOWN && only_push()->ref == ref && only_push()->id == 0);
    cr_assert_str_eq(only_push()->name, "nobody");
    cr_assert(reason_is(only_push(), "noproc"));
    cr_assert(no_ties());

    struct request link = {.verb = VERB_LINK, .target = 777};
    cr_assert(ask(2, &link) == STATUS_OK);
    cr_assert(done(2));
    step();
    cr_assert(fx.push_count == 2 && fx.pushes[1].kind == PUSH_EXIT && fx.pushes[1].id == 777);
    cr_assert(reason_is(&fx.pushes[1], "noproc"));
    cr_assert(no_ties());
}

Test(exits, one_of_two_monitors_that_is_removed_says_nothing) {
    host_joins(1);
    struct actor  *a = up("a");
    uint64_t       first = monitor(1, "a"), second = monitor(2, "a");
    struct request request = {.verb = VERB_DEMONITOR, .ref = first};
    cr_assert(first != second);
    cr_assert(ask(3, &request) == STATUS_OK);
    cr_assert(done(3));
    stop(a, "a", "bye");
    cr_assert(only_push()->ref == second);
}

Test(exits, a_reference_that_is_not_in_use_is_removed_without_a_word) {
    struct request request = {.verb = VERB_DEMONITOR, .ref = 99};
    cr_assert(ask(1, &request) == STATUS_OK);
    cr_assert(done(1));
    // Nor is one of another connection.
    host_joins(1);
    up("a");
    request.ref = monitor(2, "a");
    struct caller other = {.conn = 8, .generation = 1, .request = 3};
    cr_assert(request_run(&fx.shard, other, &request) == STATUS_OK);
    cr_assert(fx.shard.ties.count == 1);
}

Test(exits, the_loop_does_not_sleep_over_an_end_that_is_not_told) {
    host_joins(1);
    up("a");
    monitor(1, "a");
    cr_assert(shard_sleep(&fx.shard));
    ask_kill(2, "a");
    cr_assert(!shard_sleep(&fx.shard));
    step();
    only_push();
    cr_assert(shard_sleep(&fx.shard));
    shard_awake(&fx.shard);
}

Test(exits, an_end_that_very_many_watch_is_told_over_several_turns_of_the_loop) {
    host_joins(1);
    struct actor *a = up("a");
    for (uint64_t i = 1; i <= EXITS_TOLD_MAX + 10; i++) ask_verb(i, VERB_MONITOR, "a", NULL, 0);
    stop(a, "a", "bye");
    cr_assert(fx.push_count == EXITS_TOLD_MAX);
    cr_assert(!shard_sleep(&fx.shard));
    step();
    cr_assert(fx.push_count == EXITS_TOLD_MAX + 10);
    cr_assert(no_ties());
}

Test(exits, a_connection_that_closes_takes_its_monitors_along) {
    host_joins(1);
    struct actor *a = up("a");
    for (uint64_t i = 1; i <= 10; i++) monitor(i, "a");
    exits_client_over(&fx.shard, client(0));
    step();
    cr_assert(no_ties());
    cr_assert(nothing_for(a) && a->life == ACTOR_RUNNING && a->extra->ties == NULL);
    exits_client_over(&fx.shard, client(0));
    step();
    cr_assert(fx.push_count == 0);
}

// --- links of connections ---

Test(exits, a_link_tells_its_connection_the_end) {
    host_joins(1);
    struct actor *a = up("a");
    uint64_t      id = actor_id(a);
    ask_verb(1, VERB_LINK, "a", NULL, 0);
    ask_verb(2, VERB_LINK, "a", NULL, 0);
    cr_assert(done(1) && done(2));
    stop(a, "a", "bye");
    cr_assert(only_push()->kind == PUSH_EXIT && only_push()->id == id);
    cr_assert_str_eq(only_push()->name, "a");
    cr_assert(reason_is(only_push(), "bye"));
    cr_assert(no_ties());
}

Test(exits, links_do_not_count_up) {
    host_joins(1);
    struct actor *a = up("a");
    ask_verb(1, VERB_LINK, "a", NULL, 0);
    ask_verb(2, VERB_LINK, "a", NULL, 0);
    ask_verb(3, VERB_UNLINK, "a", NULL, 0);
    ask_verb(4, VERB_UNLINK, "a", NULL, 0);
    cr_assert(done(3) && done(4));
    stop(a, "a", "bye");
    cr_assert(fx.push_count == 0);
    cr_assert(no_ties());
}

Test(exits, an_end_that_waits_to_be_told_is_told_before_an_unlink_is_answered) {
    host_joins(1);
    up("a");
    ask_verb(1, VERB_LINK, "a", NULL, 0);
    ask_kill(2, "a");
    cr_assert(fx.push_count == 0);
    ask_verb(3, VERB_UNLINK, "a", NULL, 0);
    only_push();
    step();
    only_push();
}

Test(exits, an_actor_that_traps_gets_the_end_of_a_connection_as_a_message) {
    host_joins(1);
    struct actor *a = up("a");
    ask_verb(1, VERB_LINK, "a", NULL, 0);
    exits_client_over(&fx.shard, client(0));
    step();
    struct slice message = take_info(a);
    cr_assert(peeper_value_is(part(message, 0), "EXIT"));
    cr_assert(number_at(message, 1) == 0);
    cr_assert(peeper_value_is(part(message, 2), "noconnection"));
    cr_assert(a->life == ACTOR_RUNNING);
    cr_assert(no_ties());
}

Test(exits, an_actor_that_does_not_trap_ends_with_its_connection) {
    host_joins(1);
    struct actor *a = up_child("a", false, true);
    uint64_t      id = actor_id(a);
    ask_verb(1, VERB_LINK, "a", NULL, 0);
    ask_call(2, "a", "long");
    step();
    play_take(home_of(a), TURN_CALL);
    exits_client_over(&fx.shard, client(0));
    step();
    // Not an orderly end: it begins again, and what ran is over.
    cr_assert(failed(2, STATUS_DOWN));
    cr_assert(same(slice_of(answer_of(2)->body, answer_of(2)->bytes), text("noconnection")));
    cr_assert(a->life == ACTOR_RESTARTING && actor_id(a) != id);
    cr_assert(fx.shard.metrics.crashes[CRASH_EXIT] == 1);
}

Test(exits, a_child_of_a_connection_that_traps_runs_terminate_and_ends) {
    host_joins(1);
    struct actor *a = up_child("a", true, false);
    exits_client_over(&fx.shard, client(0));
    step();
    struct fake_worker       *end = home_of(a);
    const struct turn_record *turn = play_take(end, TURN_TERMINATE);
    cr_assert(same(turn_payload(end, turn), text("noconnection")));
    play_stop(end, turn->turn, 0, "noconnection");
    step();
    cr_assert(actor_named("a") == NULL);
    cr_assert(no_ties());
}

Test(exits, a_child_that_waits_for_its_restart_ends_with_its_parent) {
    host_joins(1);
    struct actor *a = up("a");
    a->intensity = 0;
    crash_once(a, 1, "a");
    cr_assert(a->life == ACTOR_WAITING);
    struct request request = start_request("a");
    request.link = true;
    cr_assert(tie_start(&fx.shard, client(0), a, &request) == STATUS_OK);
    exits_client_over(&fx.shard, client(0));
    step();
    cr_assert(actor_named("a") == NULL);
}

Test(exits, two_ends_of_one_link_that_are_over_at_once_tell_nobody) {
    host_joins(1);
    struct actor *a = up("a"), *b = up("b");
    ask_verb(1, VERB_LINK, "a", NULL, 0);
    link_actors(a, "b");
    ask_kill(2, "a");
    ask_kill(3, "b");
    exits_client_over(&fx.shard, client(0));
    step();
    cr_assert(fx.push_count == 0);
    cr_assert(a->waiting == 1 && b->waiting == 1); // their inits, and nothing else
    cr_assert(no_ties());
}

// --- start ---

Test(exits, a_start_with_a_monitor_answers_its_reference_and_then_tells_the_end_once) {
    host_joins(1);
    struct request request = start_request("a");
    request.link = request.monitor = true;
    cr_assert(ask(1, &request) == STATUS_OK);
    struct actor *a = actor_named("a");
    play_init(a, "s0");
    cr_assert(started(1) && answer_of(1)->ref != 0);
    stop(a, "a", "stopped");
    cr_assert(fx.push_count == 2);
    cr_assert(fx.pushes[0].kind == PUSH_EXIT && reason_is(&fx.pushes[0], "stopped"));
    cr_assert(fx.pushes[1].kind == PUSH_DOWN && fx.pushes[1].ref == answer_of(1)->ref);
    cr_assert(no_ties());
}

Test(exits, a_start_that_fails_tells_its_starter_nothing_but_the_error) {
    host_joins(1);
    struct request request = start_request("a");
    request.link = request.monitor = true;
    cr_assert(ask(1, &request) == STATUS_OK);
    // Somebody else who watches what begins is told.
    struct caller  other = {.conn = 8, .generation = 1, .request = 2};
    struct request watch = {.verb = VERB_MONITOR, .name = raw("a")};
    cr_assert(request_run(&fx.shard, other, &watch) == STATUS_OK);
    step();
    struct fake_worker *end = home_of(actor_named("a"));
    play_refuse(end, play_take(end, TURN_INIT)->turn, COMMIT_CODE_ERROR, "no");
    step();
    cr_assert(failed(1, STATUS_REFUSED));
    cr_assert(only_push()->client.conn == 8 && reason_is(only_push(), "no"));
    cr_assert(no_ties());
}

Test(exits, a_start_over_the_limit_of_ties_is_refused_and_leaves_nothing) {
    host_joins(1);
    struct request request = start_request("a");
    request.link = request.monitor = true;
    fx.shard.ties.count_max = 1;
    cr_assert(ask(1, &request) == STATUS_OK);
    cr_assert(failed(1, STATUS_OVERLOADED));
    cr_assert(actor_named("a") == NULL && fx.shard.actors.live == 0);
    cr_assert(no_ties());
    ask_verb(2, VERB_MONITOR, "a", NULL, 0);
    ask_verb(3, VERB_LINK, "a", NULL, 0);
    cr_assert(answer_of(2)->kind == ANSWER_MONITORED && failed(3, STATUS_OVERLOADED));
}

// --- actors among themselves ---

Test(exits, an_actor_gets_the_end_of_what_it_monitors_as_a_message) {
    host_joins(1);
    struct actor *a = up("a"), *b = up("b");
    tie_effect_monitor(&fx.shard, a, 41, raw("b"), 0);
    tie_effect_monitor(&fx.shard, a, 42, (struct slice){0}, actor_id(b));
    tie_effect_monitor(&fx.shard, a, 43, raw("b"), 0);
    tie_effect_demonitor(&fx.shard, a, 43);
    uint64_t id = actor_id(b);
    stop(b, "b", "bye");
    struct slice first = take_info(a), second = take_info(a);
    cr_assert(peeper_value_is(part(first, 0), "DOWN"));
    cr_assert(number_at(first, 1) == 41 && peeper_value_is(part(first, 2), "b"));
    cr_assert(peeper_value_is(part(first, 3), "bye"));
    cr_assert(number_at(second, 1) == 42 && number_at(second, 2) == (int64_t)id);
    cr_assert(nothing_for(a) && no_ties());
}

Test(exits, a_full_mailbox_refuses_no_message_of_an_end) {
    host_joins(1);
    struct actor *a = up("a"), *b = up("b");
    a->mailbox_max = 1;
    for (uint64_t ref = 1; ref <= 5; ref++) tie_effect_monitor(&fx.shard, a, ref, raw("b"), 0);
    stop(b, "b", "bye");
    cr_assert(a->waiting + a->inflight == 5);
    ask_call(9, "a", "x");
    cr_assert(failed(9, STATUS_MAILBOX_FULL));
    for (int64_t ref = 1; ref <= 5; ref++) cr_assert(number_at(take_info(a), 1) == ref);
}

Test(exits, the_end_of_a_watcher_does_nothing_to_its_target) {
    host_joins(1);
    struct actor *a = up("a"), *b = up("b");
    tie_effect_monitor(&fx.shard, a, 1, raw("b"), 0);
    stop(a, "a", "bye");
    cr_assert(nothing_for(b) && b->extra->ties == NULL && no_ties());
}

Test(exits, a_linked_actor_that_traps_is_told_also_of_a_normal_end) {
    host_joins(1);
    struct actor *a = up("a"), *b = up("b");
    link_actors(a, "b");
    uint64_t id = actor_id(b);
    stop(b, "b", "normal");
    struct slice message = take_info(a);
    cr_assert(peeper_value_is(part(message, 0), "EXIT"));
    cr_assert(number_at(message, 1) == (int64_t)id);
    cr_assert(peeper_value_is(part(message, 2), "normal"));
    cr_assert(a->life == ACTOR_RUNNING);
}

Test(exits, a_normal_end_does_nothing_to_one_that_does_not_trap) {
    host_joins(1);
    struct actor *a = up_child("a", false, true), *b = up("b");
    link_actors(b, "a");
    stop(b, "b", "normal");
    cr_assert(nothing_for(a) && a->life == ACTOR_RUNNING && no_ties());
}

Test(exits, either_of_two_linked_actors_takes_the_other_along_with_its_reason) {
    host_joins(1);
    struct actor *a = up_child("a", false, true), *b = up_child("b", false, true);
    monitor(1, "a");
    link_actors(a, "b");
    crash_once(b, 2, "b");
    cr_assert(only_push()->kind == PUSH_DOWN && reason_is(only_push(), "boom"));
    cr_assert(a->life == ACTOR_RESTARTING && b->life == ACTOR_RESTARTING);
    settle_loads();
    struct fake_worker *end = fake(0, 0);
    for (int i = 0; i < 2; i++) play_done(end, play_take(end, TURN_INIT)->turn);
    step();

    monitor(3, "b");
    link_actors(a, "b");
    crash_once(a, 4, "a");
    cr_assert(fx.push_count == 2 && reason_is(&fx.pushes[1], "boom"));
    cr_assert(no_ties());
}

Test(exits, a_shutdown_over_a_link_ends_one_that_does_not_trap_for_good) {
    host_joins(1);
    struct actor *a = up_child("a", false, true), *b = up("b");
    link_actors(a, "b");
    stop(b, "b", "shutdown");
    cr_assert(actor_named("a") == NULL);
    cr_assert(fx.shard.metrics.crashes[CRASH_EXIT] == 0);
}

Test(exits, a_kill_reaches_linked_actors_as_killed_and_can_be_trapped) {
    host_joins(1);
    struct actor *a = up("a");
    up("b");
    link_actors(a, "b");
    ask_kill(1, "b");
    step();
    cr_assert(peeper_value_is(part(take_info(a), 2), "killed"));
    cr_assert(a->life == ACTOR_RUNNING);
}

Test(exits, a_link_that_was_removed_does_nothing) {
    host_joins(1);
    struct actor *a = up("a"), *b = up("b");
    link_actors(a, "b");
    tie_effect_unlink(&fx.shard, b, raw("a"), 0);
    stop(b, "b", "bye");
    cr_assert(nothing_for(a) && no_ties());
}

Test(exits, an_actor_cannot_be_linked_with_itself) {
    host_joins(1);
    struct actor *a = up("a");
    link_actors(a, "a");
    tie_effect_link(&fx.shard, a, (struct slice){0}, actor_id(a));
    cr_assert(a->extra->ties == NULL && no_ties());
}

Test(exits, one_that_watches_itself_ends_without_a_word) {
    host_joins(1);
    struct actor *a = up("a");
    tie_effect_monitor(&fx.shard, a, 1, raw("a"), 0);
    stop(a, "a", "bye");
    cr_assert(actor_named("a") == NULL && no_ties());
}

Test(exits, a_link_to_nobody_ends_one_that_does_not_trap) {
    host_joins(1);
    struct actor *a = up_child("a", false, true), *b = up("b");
    link_actors(b, "nobody");
    step();
    cr_assert(peeper_value_is(part(take_info(b), 2), "noproc"));
    link_actors(a, "nobody");
    cr_assert(a->life == ACTOR_RUNNING); // not from inside the turn that asked for it
    step();
    cr_assert(a->life == ACTOR_RESTARTING);
}

Test(exits, what_the_limits_do_not_allow_comes_back_as_overloaded) {
    host_joins(1);
    struct actor *a = up_child("a", false, true), *b = up("b");
    fx.shard.ties.count_max = 0;
    tie_effect_monitor(&fx.shard, a, 5, raw("b"), 0);
    tie_effect_link(&fx.shard, a, (struct slice){0}, actor_id(b));
    step();
    struct slice down = take_info(a);
    cr_assert(number_at(down, 1) == 5 && peeper_value_is(part(down, 2), "b"));
    cr_assert(peeper_value_is(part(down, 3), "overloaded"));
    struct slice leave = take_info(a);
    cr_assert(number_at(leave, 1) == (int64_t)actor_id(b));
    cr_assert(peeper_value_is(part(leave, 2), "overloaded"));
    cr_assert(a->extra->ties == NULL && b->extra->ties == NULL);
}

Test(exits, a_long_chain_of_links_falls_without_going_deep, .timeout = 60) {
    fx_fini();
    fx.host_count = 0;
    fx_defaults();
    fx.options.waiting_bytes_max = 64u << 20;
    fx_begin();
    host_joins(1);
    struct actor *chain[CHAIN];
    char          name[16];
    for (int i = 0; i < CHAIN; i++) {
        snprintf(name, sizeof name, "c%d", i);
        struct request request = start_request(name);
        request.no_trap_exit = true;
        request.restart = RESTART_TEMPORARY;
        chain[i] = up_with(&request);
        snprintf(name, sizeof name, "c%d", i - 1);
        if (i > 0) link_actors(chain[i], name);
    }
    // A circle, too.
    link_actors(chain[0], "c899");
    monitor(1, "c450");
    crash_once(chain[0], 2, "c0");
    for (int i = 0; i < CHAIN; i++) {
        snprintf(name, sizeof name, "c%d", i);
        cr_assert(actor_named(name) == NULL);
    }
    cr_assert(reason_is(only_push(), "boom"));
    cr_assert(no_ties());
}

Test(exits, a_reason_that_is_too_large_or_no_value_is_replaced) {
    host_joins(1);
    struct actor  *a = up("a"), *b = up("b");
    static uint8_t large[20000] = {0x32, 0x9d, 0x9c, 0x01};
    monitor(1, "a");
    exits_actor_over(&fx.shard, a, slice_of(large, sizeof large));
    monitor(2, "b");
    exits_actor_over(&fx.shard, b, slice_of("\xff\xff", 2));
    step();
    cr_assert(fx.push_count == 2);
    cr_assert(reason_is(&fx.pushes[0], "over 16 KiB"));
    cr_assert(reason_is(&fx.pushes[1], "malformed"));
}

Test(exits, a_reason_that_nests_as_deep_as_a_value_may_does_not_stop_the_message) {
    host_joins(1);
    struct actor        *a = up("a"), *b = up("b");
    struct peeper_writer writer = {0};
    for (int i = 0; i < PEEPER_VALUE_DEPTH_MAX; i++) peeper_write_list(&writer);
    for (int i = 0; i < PEEPER_VALUE_DEPTH_MAX; i++) peeper_write_end(&writer);
    struct peeper_value deep = peeper_writer_value(&writer);
    cr_assert(peeper_value_check(deep));
    tie_effect_monitor(&fx.shard, a, 1, raw("b"), 0);
    exits_actor_over(&fx.shard, b, slice_of(deep.data, deep.bytes));
    step();
    cr_assert(peeper_value_is(part(take_info(a), 3), "malformed"));
    peeper_writer_fini(&writer);
}
