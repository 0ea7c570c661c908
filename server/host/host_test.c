// What turns and commits mean, as the keeper sees it: the real program, driven through its rings.
#include "base/clock.h"
#include "host/testing/host_fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

TestSuite(host, .init = host_begin, .fini = host_end, .timeout = 30);

// --- State ---------------------------------------------------------------------------------------

Test(host, init_commits_the_state_that_it_made) {
    struct commit_record record = init(COUNTER, "7");
    cr_assert_eq(record.kind, COMMIT_DONE);
    cr_assert_eq(record.flags, 0);
    cr_assert_eq(record.item_count, 1);
    cr_assert(double_has(&commit, ITEM_STATE, "7"));
}

Test(host, a_missing_init_makes_the_argument_the_state) {
    start(NO_CALLBACKS, "8");
    cr_assert(double_has(&commit, ITEM_STATE, "8"));
    check_crash(init(NO_CALLBACKS, "\"no int\""), COMMIT_CODE_CONTRACT, "\"state_not_loaded\"");
}

Test(host, a_call_that_changes_nothing_commits_a_reply_and_no_state) {
    start(COUNTER, "7");
    struct commit_record record = call(COUNTER, "\"state\"");
    cr_assert_eq(record.kind, COMMIT_DONE);
    cr_assert_eq(record.item_count, 1);
    cr_assert(double_has(&commit, ITEM_REPLY, "7"));
}

Test(host, a_call_that_changes_the_state_commits_both) {
    start(COUNTER, "7");
    call(COUNTER, "[\"add\", 5]");
    cr_assert_eq(commit.record.item_count, 2);
    cr_assert(double_has(&commit, ITEM_REPLY, "12"));
    cr_assert(double_has(&commit, ITEM_STATE, "12"));
}

Test(host, a_preserved_state_replaces_what_init_made_and_init_still_has_its_effects) {
    struct commit_record record =
        restart(PROBE, "{\"state\": 1, \"init\": [[\"send\", \"b\", \"hello\"]]}", "5");
    cr_assert_eq(record.kind, COMMIT_DONE);
    cr_assert_eq(record.item_count, 1);
    cr_assert(double_has(&commit, ITEM_SEND, "\"hello\""));
    call(PROBE, "\"state\"");
    cr_assert(double_has(&commit, ITEM_REPLY, "5"));
}

Test(host, a_continue_of_init_runs_after_the_state_was_put_back) {
    restart(PROBE, "{\"state\": [1], \"init\": [[\"continue\", [[\"append\", \"x\"]]]]}", "[5]");
    cr_assert_eq(commit.record.flags, COMMIT_MORE);
    cr_assert_eq(next().flags, 0);
    cr_assert(double_has(&commit, ITEM_STATE, "[5, \"x\"]"));
}

Test(host, a_state_that_load_refuses_breaks_the_contract) {
    check_crash(restart(COUNTER, "0", "\"x\""), COMMIT_CODE_CONTRACT, "\"state_not_loaded\"");
    cr_assert(text_is(ITEM_TEXT, "load of counter"));
}

Test(host, a_turn_that_brings_its_state_runs_without_init) {
    struct commit_record record = run((struct double_turn){.kind = TURN_CALL,
                                                           .behaviour = PROBE,
                                                           .name = "a",
                                                           .payload = "\"log\"",
                                                           .state = "5",
                                                           .incarnation = 77});
    cr_assert_eq(record.kind, COMMIT_DONE);
    cr_assert(double_has(&commit, ITEM_REPLY, "[[\"call\", \"log\"]]"));
    call(PROBE, "\"self\"");
    cr_assert(
        double_has(&commit, ITEM_REPLY, "{\"name\": \"a\", \"id\": 77, \"restarted\": false}"));
}

Test(host, a_restarted_actor_knows_it) {
    cr_assert_eq(restart(PROBE, "{\"init\": \"fail_on_restart\"}", "5").kind, COMMIT_REFUSED);
    restart(PROBE, "null", "5");
    call(PROBE, "\"self\"");
    cr_assert(double_has(&commit, ITEM_REPLY, "{\"name\": \"a\", \"id\": 0, \"restarted\": true}"));
}

// --- Another state -------------------------------------------------------------------------------

static struct commit_record replace(uint16_t behaviour, const char *state) {
    return run((struct double_turn){
        .kind = TURN_REPLACE, .behaviour = behaviour, .name = "a", .payload = state});
}

Test(host, a_new_state_replaces_the_old_one_and_is_committed) {
    start(COUNTER, "7");
    struct commit_record record = replace(COUNTER, "41");
    cr_assert_eq(record.kind, COMMIT_DONE);
    cr_assert_eq(record.flags, 0);
    cr_assert_eq(record.item_count, 1);
    cr_assert(double_has(&commit, ITEM_STATE, "41"));
    call(COUNTER, "[\"add\", 1]");
    cr_assert(double_has(&commit, ITEM_REPLY, "42"));
}

Test(host, a_new_state_needs_no_copy_of_the_actor) {
    cr_assert_eq(replace(PROBE, "41").kind, COMMIT_DONE);
    cr_assert(double_has(&commit, ITEM_STATE, "41"));
    // Nor does it leave one, for there may be tables that are not here.
    cr_assert_eq(call(PROBE, "\"state\"").kind, COMMIT_SKIP);
}

Test(host, a_new_state_that_load_refuses_leaves_the_old_copy) {
    start(COUNTER, "7");
    struct commit_record record = replace(COUNTER, "\"no int\"");
    cr_assert_eq(record.kind, COMMIT_REFUSED);
    cr_assert_eq(record.code, COMMIT_CODE_ERROR);
    cr_assert_eq(record.item_count, 1);
    cr_assert(double_has(&commit, ITEM_REASON, "\"callback_failed\""));
    call(COUNTER, "\"state\"");
    cr_assert(double_has(&commit, ITEM_REPLY, "7"));
}

Test(host, a_turn_that_is_void_is_not_run) {
    start(COUNTER, "7");
    struct ring *ring = &keeper.turns[0];
    uint64_t     at = keeper.turn_heads[0];
    double_write(&keeper, 0,
                 (struct double_turn){.kind = TURN_CALL,
                                      .behaviour = COUNTER,
                                      .slot = 1,
                                      .epoch = 1,
                                      .name = "a",
                                      .payload = "\"inc\""});
    ((struct turn_record *)(void *)ring_at(ring, at))->note_void = 1;
    double_publish(&keeper, 0);
    cr_assert_eq(next().kind, COMMIT_SKIP);
    call(COUNTER, "\"state\"");
    cr_assert(double_has(&commit, ITEM_REPLY, "7"));
}

// --- What init answers ---------------------------------------------------------------------------

Test(host, init_may_ignore_or_refuse_and_then_there_is_no_actor) {
    static const struct {
        const char      *argument;
        enum commit_code code;
        const char      *reason;
    } rows[] = {
        {"{\"init\": \"ignore\"}", COMMIT_CODE_IGNORE, NULL},
        {"{\"init\": [[\"error\", \"e\"]]}", COMMIT_CODE_ERROR, "\"e\""},
        {"{\"init\": [[\"stop\", \"s\"]]}", COMMIT_CODE_ERROR, "\"s\""},
        {"{\"init\": \"stop\"}", COMMIT_CODE_ERROR, "\"normal\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct commit_record record = init(PROBE, rows[i].argument);
        cr_assert_eq(record.kind, COMMIT_REFUSED);
        cr_assert_eq(record.code, rows[i].code);
        cr_assert_eq(record.item_count, rows[i].reason != NULL);
        if (rows[i].reason != NULL) cr_assert(double_has(&commit, ITEM_REASON, rows[i].reason));
        cr_assert_eq(call(PROBE, "\"state\"").kind, COMMIT_SKIP);
    }
}

Test(host, an_init_that_refuses_has_no_effects) {
    struct commit_record record = init(PROBE, "{\"init\": [[\"send\", \"b\", 1], \"ignore\"]}");
    cr_assert_eq(record.kind, COMMIT_REFUSED);
    cr_assert_eq(record.item_count, 0);
}

// --- Effects -------------------------------------------------------------------------------------

Test(host, a_call_is_an_item_with_its_time) {
    start(PROBE, "0");
    call(PROBE, "[[\"call\", \"b\", 70, \"x\"], [\"reply\", 1]]");
    struct item_header  head;
    struct peeper_value body;
    const char         *name;
    cr_assert(double_item(&commit, ITEM_CALL, 0, &head, &body, &name));
    cr_assert_eq(head.token, 70);
    cr_assert_eq(head.name_bytes, 1);
    cr_assert_eq(name[0], 'b');
    cr_assert(double_has(&commit, ITEM_CALL, "\"x\""));
}

Test(host, a_call_is_refused_where_nobody_could_take_its_answer) {
    check_crash(init(PROBE, "{\"init\": [[\"call\", \"b\", 0, 1]]}"), COMMIT_CODE_CONTRACT,
                "\"not_allowed(call in init)\"");
    start(PROBE, "0");
    check_crash(call(PROBE, "[[\"call\", \"b\", 0, 1], [\"stop\", \"s\"]]"), COMMIT_CODE_CONTRACT,
                "\"not_allowed(call in a turn that stops)\"");
    start(PROBE, "0");
    check_crash(call(PROBE, "[[\"call\", \"b\", 0, 1], [\"call\", \"c\", 0, 1]]"),
                COMMIT_CODE_CONTRACT, "\"called_twice(handle_call)\"");
    start(PROBE, "0");
    check_crash(call(PROBE, "[\"call\", \"b\", 3600001, 1]"), COMMIT_CODE_CONTRACT,
                "\"timeout_too_long(call)\"");
}

Test(host, effects_leave_in_the_order_in_which_they_were_begun) {
    start(PROBE, "0");
    struct commit_record record = call(
        PROBE, "[[\"send\", \"b\", 1], [\"start\", \"counter\", \"c\", 2], [\"cast\", \"c\", 3],"
               " [\"stop_actor\", \"d\", 4], [\"reply\", 5], [\"send_self\", 6]]");
    static const enum item_kind order[] = {ITEM_SEND, ITEM_START, ITEM_CAST,
                                           ITEM_STOP, ITEM_REPLY, ITEM_SEND};
    cr_assert_eq(record.item_count, 6);
    size_t at = 0;
    for (int i = 0; i < 6; i++) {
        struct item_header head;
        memcpy(&head, commit.items + at, sizeof head);
        cr_assert_eq(head.kind, order[i]);
        at += ring_round(sizeof head + head.name_bytes + head.body_bytes);
    }
    cr_assert_eq(at, record.item_bytes);
}

Test(host, a_start_carries_both_names) {
    start(PROBE, "0");
    call(PROBE, "[[\"start\", \"counter\", \"child\", 2]]");
    struct item_header  head;
    struct peeper_value body;
    const char         *name;
    cr_assert(double_item(&commit, ITEM_START, 0, &head, &body, &name));
    cr_assert_eq(head.token, strlen("counter"));
    cr_assert_eq(head.name_bytes, strlen("counterchild"));
    cr_assert_arr_eq(name, "counterchild", head.name_bytes);
}

Test(host, a_deferred_reply_names_its_call) {
    start(PROBE, "0");
    struct commit_record asked = call(PROBE, "\"reply_later\"");
    message(TURN_CAST, PROBE, "[[\"answer\", \"at last\"]]");
    struct item_header  head;
    struct peeper_value body;
    cr_assert(double_item(&commit, ITEM_REPLY_TO, 0, &head, &body, NULL));
    cr_assert_eq(head.token, asked.turn);
}

Test(host, too_many_items_break_the_contract_and_as_many_as_allowed_do_not) {
    start(PROBE, "0");
    cr_assert_eq(call(PROBE, "[[\"send_many\", \"b\", 1024, 1]]").item_count, COMMIT_ITEMS_MAX);
    check_crash(call(PROBE, "[[\"send_many\", \"b\", 1025, 1]]"), COMMIT_CODE_CONTRACT,
                "\"too_many_items(1024)\"");
    start(PROBE, "0");
    // The continue is an item too, though the turn's own.
    check_crash(call(PROBE, "[[\"send_many\", \"b\", 1024, 1], [\"continue\", 1]]"),
                COMMIT_CODE_CONTRACT, "\"too_many_items(1024)\"");
}

// --- Messages for later --------------------------------------------------------------------------

// The due time and the name of the `index`-th timer of the commit.
static uint64_t due_of(uint32_t index, struct item_header *head, const char **ret_name) {
    uint64_t            due_ms;
    struct peeper_value body;
    cr_assert(double_item(&commit, ITEM_TIMER, index, head, &body, ret_name));
    memcpy(&due_ms, *ret_name, sizeof due_ms);
    *ret_name += sizeof due_ms;
    return due_ms;
}

Test(host, a_message_for_later_tells_its_id_when_and_whom) {
    start(PROBE, "0");
    uint64_t             before_ms = clock_mono_ms();
    struct commit_record record =
        call(PROBE, "[[\"keep_timer\", \"b\", 250, \"later\"], \"timer_id\","
                    " [\"send_at\", null, 50, \"tick\"]]");
    struct item_header head;
    const char        *name;
    uint64_t           due_ms = due_of(0, &head, &name);
    cr_assert(due_ms > before_ms + 250 && due_ms <= clock_mono_ms() + 251);
    cr_assert_eq(head.name_bytes, 9);
    cr_assert_eq(*name, 'b');
    cr_assert_eq(head.token, record.turn << TIMER_INDEX_BITS | 1);
    cr_assert(double_has(&commit, ITEM_TIMER, "\"later\""));

    char id[32];
    snprintf(id, sizeof id, "%llu", (unsigned long long)head.token);
    cr_assert(double_has(&commit, ITEM_REPLY, id), "the callback has it at once");
    due_ms = due_of(1, &head, &name);
    cr_assert(due_ms >= before_ms + 50 && due_ms <= clock_mono_ms() + 50);
    cr_assert_eq(head.name_bytes, 8, "for the actor itself");
    cr_assert_eq(head.token, record.turn << TIMER_INDEX_BITS | 2);
}

Test(host, timers_are_counted_over_all_callbacks_of_a_turn) {
    start(PROBE, "0");
    const char        *name;
    struct item_header head;
    call(PROBE, "[[\"send_after\", \"b\", 1, 1], [\"continue\", [[\"send_after\", \"b\", 1, 2]]]]");
    struct commit_record record = next();
    due_of(0, &head, &name);
    cr_assert_eq(head.token, record.turn << TIMER_INDEX_BITS | 2);
}

Test(host, a_cancel_names_the_timer) {
    start(PROBE, "0");
    call(PROBE, "[[\"keep_timer\", \"b\", 250, 1]]");
    const char        *name;
    struct item_header timer, head;
    due_of(0, &timer, &name);
    call(PROBE, "\"cancel_timer\"");
    struct peeper_value body;
    cr_assert(double_item(&commit, ITEM_CANCEL_TIMER, 0, &head, &body, NULL));
    cr_assert_eq(head.token, timer.token);
    cr_assert_eq(head.body_bytes, 0);
}

Test(host, a_message_that_is_never_due_breaks_the_contract) {
    start(PROBE, "0");
    check_crash(call(PROBE, "[[\"send_after\", \"b\", \"infinity\", 1]]"), COMMIT_CODE_CONTRACT,
                "\"never_due(send_after)\"");
}

// --- Crashes that cost a turn --------------------------------------------------------------------

Test(host, a_crash_tells_its_code_and_reason_and_takes_the_copy_along) {
    static const struct {
        const char      *steps;
        enum commit_code code;
        const char      *reason;
    } rows[] = {
        {"[[\"raise\", \"boom\"]]", COMMIT_CODE_RAISE, "\"boom\""},
        {"[[\"exit\", {\"because\": [1, 2]}]]", COMMIT_CODE_EXIT, "{\"because\": [1, 2]}"},
        {"\"exit\"", COMMIT_CODE_EXIT, "\"normal\""},
        {"\"garbage\"", COMMIT_CODE_CONTRACT, "\"bad_return_value(7)\""},
        {"\"ignore\"", COMMIT_CODE_CONTRACT, "\"bad_return_value(2)\""},
        {"\"reply_twice\"", COMMIT_CODE_CONTRACT, "\"replied_twice(handle_call)\""},
        {"\"reply_half\"", COMMIT_CODE_CONTRACT, "\"incomplete_item(reply)\""},
        {"[\"reply_half\", [\"send\", \"b\", 1]]", COMMIT_CODE_CONTRACT,
         "\"incomplete_item(reply)\""},
        {"[[\"allocate\", 1000000000]]", COMMIT_CODE_MEMORY, "\"memory_bytes_max(268435456)\""},
        {"\"free_foreign\"", COMMIT_CODE_CONTRACT, "\"not_own_memory(peeper_free)\""},
        {"\"half_change_then_raise\"", COMMIT_CODE_RAISE, "\"half\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(PROBE, "5");
        check_crash(call(PROBE, rows[i].steps), rows[i].code, rows[i].reason);
        cr_assert(text_is(ITEM_TEXT, "handle_call of probe"));
        cr_assert_eq(call(PROBE, "\"state\"").kind, COMMIT_SKIP);
    }
}

static bool trace_has(const char *text) {
    struct item_header  head;
    struct peeper_value body;
    char                trace[TRACE_BYTES_MAX + 1] = {0};
    if (!double_item(&commit, ITEM_TRACE, 0, &head, &body, NULL)) return false;
    cr_assert(body.bytes <= TRACE_BYTES_MAX);
    memcpy(trace, body.data, body.bytes);
    return strstr(trace, text) != NULL;
}

Test(host, a_crash_tells_where_in_the_behaviour_it_was) {
    static const char *const steps[] = {"[[\"raise\", \"boom\"]]", "\"reply_twice\"",
                                        "\"free_foreign\""};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        start(PROBE, "5");
        cr_assert(call(PROBE, steps[i]).kind == COMMIT_CRASH);
        cr_assert(trace_has("probe.so+0x"), "%s", steps[i]);
        cr_assert(trace_has("\npeeper-host+0x"), "%s", steps[i]);
    }
}

Test(host, an_exit_and_a_fault_that_is_not_in_the_behaviour_have_no_trace) {
    static const char *const steps[] = {"\"exit\"", "\"garbage\""};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        start(PROBE, "5");
        // One with a trace before it: nothing of that may stay.
        cr_assert(call(PROBE, "[[\"raise\", \"boom\"]]").kind == COMMIT_CRASH);
        start(PROBE, "5");
        cr_assert(call(PROBE, steps[i]).kind == COMMIT_CRASH);
        cr_assert(!trace_has(""), "%s", steps[i]);
    }
}

Test(host, what_a_crashed_turn_asked_for_vanishes) {
    start(PROBE, "5");
    call(PROBE, "[[\"send\", \"b\", 1], [\"reply\", 2], [\"set\", 3], [\"raise\", \"boom\"]]");
    cr_assert_eq(commit.record.kind, COMMIT_CRASH);
    struct item_header  head;
    struct peeper_value body;
    cr_assert_not(double_item(&commit, ITEM_SEND, 0, &head, &body, NULL));
    cr_assert_not(double_item(&commit, ITEM_REPLY, 0, &head, &body, NULL));
    cr_assert_not(double_item(&commit, ITEM_STATE, 0, &head, &body, NULL));
}

Test(host, a_missing_callback_crashes_undefined_but_a_missing_info_is_dropped) {
    start(NO_CALLBACKS, "3");
    cr_assert_eq(message(TURN_INFO, NO_CALLBACKS, "1").kind, COMMIT_DONE);
    check_crash(call(NO_CALLBACKS, "1"), COMMIT_CODE_CONTRACT, "\"undef(handle_call)\"");
    start(NO_CALLBACKS, "3");
    check_crash(message(TURN_CAST, NO_CALLBACKS, "1"), COMMIT_CODE_CONTRACT,
                "\"undef(handle_cast)\"");
    start(NAKED, "\"continue\"");
    check_crash(next(), COMMIT_CODE_CONTRACT, "\"undef(handle_continue)\"");
}

Test(host, a_reply_outside_a_call_breaks_the_contract) {
    start(PROBE, "0");
    check_crash(message(TURN_CAST, PROBE, "[[\"reply\", 1]]"), COMMIT_CODE_CONTRACT,
                "\"reply_outside_call(handle_cast)\"");
}

Test(host, a_payload_that_is_no_value_is_refused_and_the_copy_stays) {
    start(COUNTER, "3");
    static const uint8_t bad[] = {0xff};
    struct commit_record record = run(
        (struct double_turn){.kind = TURN_CALL, .behaviour = COUNTER, .raw = {bad, sizeof bad}});
    cr_assert_eq(record.kind, COMMIT_REFUSED);
    cr_assert_eq(record.code, COMMIT_CODE_INVALID);
    call(COUNTER, "\"inc\"");
    cr_assert(double_has(&commit, ITEM_REPLY, "4"));
}

// --- What follows a turn -------------------------------------------------------------------------

Test(host, a_cast_goes_on_with_handle_continue_in_the_same_turn) {
    start(COUNTER, "7");
    struct commit_record record = message(TURN_CAST, COUNTER, "\"inc\"");
    cr_assert_eq(record.flags, COMMIT_MORE);
    cr_assert(double_has(&commit, ITEM_CONTINUE, "\"inc\""));
    cr_assert_eq(next().flags, 0);
    cr_assert_eq(commit.record.turn, record.turn);
    cr_assert(double_has(&commit, ITEM_STATE, "8"));
}

Test(host, continues_may_follow_each_other_and_keep_their_arguments_apart) {
    start(PROBE, "[]");
    call(PROBE, "[[\"continue\", [[\"continue\", [[\"append\", 2]]], [\"append\", 1]]]]");
    cr_assert_eq(commit.record.flags, COMMIT_MORE);
    cr_assert_eq(next().flags, COMMIT_MORE);
    cr_assert(double_has(&commit, ITEM_STATE, "[1]"));
    cr_assert_eq(next().flags, 0);
    cr_assert(double_has(&commit, ITEM_STATE, "[1, 2]"));
}

Test(host, a_timeout_is_told_and_one_of_zero_runs_at_once) {
    start(PROBE, "0");
    uint64_t             before_ms = clock_mono_ms();
    struct commit_record record = call(PROBE, "[[\"timeout\", 250], [\"reply\", 1]]");
    cr_assert_eq(record.flags, COMMIT_TIMEOUT);
    uint64_t now_ms = clock_mono_ms();
    cr_assert(record.due_ms > before_ms + 250 && record.due_ms <= now_ms + 251);
    cr_assert_eq(call(PROBE, "[[\"timeout\", 0], [\"reply\", 1]]").flags, COMMIT_MORE);
    cr_assert_eq(next().flags, 0);
    cr_assert(double_has(&commit, ITEM_STATE, "\"timeout\""));
}

Test(host, the_last_wish_about_what_follows_counts) {
    start(PROBE, "0");
    struct commit_record record = call(PROBE, "[[\"continue\", 1], [\"timeout\", 9]]");
    cr_assert_eq(record.flags, COMMIT_TIMEOUT);
    cr_assert_eq(record.item_count, 0);
}

Test(host, a_timer_tells_its_message_and_one_of_zero_runs_with_it_at_once) {
    static const char *const timers[] = {"timer", "timer_at"};
    for (int i = 0; i < 2; i++) {
        char steps[120];
        start(PROBE, "[]");
        uint64_t before_ms = clock_mono_ms();
        snprintf(steps, sizeof steps, "[[\"%s\", 250, \"tick\"]]", timers[i]);
        struct commit_record record = call(PROBE, steps);
        cr_assert_eq(record.flags, COMMIT_TIMEOUT);
        cr_assert(record.due_ms >= before_ms + 250 && record.due_ms <= clock_mono_ms() + 251);
        cr_assert(double_has(&commit, ITEM_IDLE, "\"tick\""));

        snprintf(steps, sizeof steps, "[[\"%s\", 0, [[\"append\", 1]]]]", timers[i]);
        cr_assert_eq(call(PROBE, steps).flags, COMMIT_MORE);
        cr_assert(double_has(&commit, ITEM_IDLE, "[[\"append\", 1]]"));
        cr_assert_eq(next().flags, 0);
        cr_assert(double_has(&commit, ITEM_STATE, "[1]"));
    }
}

Test(host, a_timer_without_end_is_none_and_its_message_stays_here) {
    static const char *const steps[] = {
        "[[\"timeout\", \"infinity\"]]",
        "[[\"timer\", \"infinity\", 1]]",
        "[[\"timer_at\", \"infinity\", 1]]",
        "[[\"timer\", 5, 1], [\"timer\", \"infinity\", 1]]",
        "[[\"continue\", 1], [\"timer\", \"infinity\", 1]]",
    };
    start(PROBE, "0");
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct commit_record record = call(PROBE, steps[i]);
        cr_assert_eq(record.flags, 0);
        cr_assert_eq(record.item_count, 0);
    }
}

Test(host, a_timer_and_a_hibernation_go_together_but_one_of_zero_comes_first) {
    start(PROBE, "[]");
    struct commit_record record = call(PROBE, "[[\"timer\", 250, 1], \"hibernate\"]");
    cr_assert_eq(record.flags, COMMIT_TIMEOUT | COMMIT_HIBERNATE);
    cr_assert_eq(call(PROBE, "\"state\"").kind, COMMIT_SKIP);

    start(PROBE, "[]");
    record = call(PROBE, "[\"hibernate\", [\"timer\", 0, [\"hibernate\", [\"append\", 1]]]]");
    cr_assert_eq(record.flags, COMMIT_MORE);
    cr_assert_eq(next().flags, COMMIT_HIBERNATE);
    cr_assert(double_has(&commit, ITEM_STATE, "[1]"));
}

Test(host, an_incomplete_timer_breaks_the_contract) {
    start(PROBE, "0");
    check_crash(call(PROBE, "\"timer_half\""), COMMIT_CODE_CONTRACT,
                "\"incomplete_item(then_timer)\"");
}

Test(host, hibernate_gives_the_copy_back) {
    start(PROBE, "5");
    cr_assert_eq(call(PROBE, "[\"hibernate\", [\"set\", 6]]").flags, COMMIT_HIBERNATE);
    cr_assert(double_has(&commit, ITEM_STATE, "6"));
    cr_assert_eq(call(PROBE, "\"state\"").kind, COMMIT_SKIP);
}

Test(host, a_stop_is_followed_by_terminate_and_both_tell_the_reason) {
    start(PROBE, "{\"state\": 1, \"terminate\": [[\"send\", \"b\", \"bye\"]]}");
    struct commit_record record =
        call(PROBE, "[[\"reply\", 1], [\"set\", 2], [\"stop\", {\"shutdown\": 1}]]");
    cr_assert_eq(record.kind, COMMIT_DONE);
    cr_assert_eq(record.flags, COMMIT_STOP | COMMIT_MORE);
    cr_assert(double_has(&commit, ITEM_REPLY, "1"));
    cr_assert(double_has(&commit, ITEM_REASON, "{\"shutdown\": 1}"));
    cr_assert_eq(next().flags, COMMIT_STOP);
    cr_assert(double_has(&commit, ITEM_SEND, "\"bye\""));
    cr_assert(double_has(&commit, ITEM_REASON, "{\"shutdown\": 1}"));
    cr_assert_eq(call(PROBE, "\"state\"").kind, COMMIT_SKIP);
}

Test(host, a_reason_that_terminate_writes_changes_nothing) {
    start(PROBE, "{\"terminate\": [[\"error\", \"another and a longer one\"]]}");
    call(PROBE, "[[\"stop\", \"first\"]]");
    cr_assert_eq(next().flags, COMMIT_STOP);
    cr_assert(double_has(&commit, ITEM_REASON, "\"first\""));
}

Test(host, a_terminate_that_crashes_is_the_last_commit) {
    start(PROBE, "{\"state\": 1, \"terminate\": [[\"raise\", \"late\"]]}");
    call(PROBE, "\"stop\"");
    cr_assert(double_has(&commit, ITEM_REASON, "\"normal\""));
    check_crash(next(), COMMIT_CODE_RAISE, "\"late\"");
    cr_assert(text_is(ITEM_TEXT, "terminate of probe"));
}

Test(host, terminate_runs_with_the_reason_and_the_copy_is_gone) {
    start(PROBE, "{\"terminate\": [[\"send\", \"b\", 1]]}");
    struct commit_record record = message(TURN_TERMINATE, PROBE, "\"shutdown\"");
    cr_assert_eq(record.kind, COMMIT_DONE);
    cr_assert_eq(record.flags, COMMIT_STOP);
    cr_assert(double_has(&commit, ITEM_REASON, "\"shutdown\""));
    cr_assert(double_has(&commit, ITEM_SEND, "1"));
    cr_assert_eq(call(PROBE, "\"state\"").kind, COMMIT_SKIP);
}

Test(host, terminate_without_the_callback_only_stops) {
    start(COUNTER, "1");
    cr_assert_eq(message(TURN_TERMINATE, COUNTER, NULL).flags, COMMIT_STOP);
    cr_assert_eq(commit.record.kind, COMMIT_DONE);
}

// --- Copies --------------------------------------------------------------------------------------

Test(host, only_a_copy_of_the_same_epoch_serves) {
    start(COUNTER, "1");
    struct double_turn turn = {.kind = TURN_CALL, .behaviour = COUNTER, .payload = "\"state\""};
    turn.epoch = 2;
    cr_assert_eq(run(turn).kind, COMMIT_SKIP);
    turn.epoch = 1;
    cr_assert_eq(run(turn).kind, COMMIT_DONE);
    turn.slot = 2;
    cr_assert_eq(run(turn).kind, COMMIT_SKIP);
}

Test(host, forget_drops_the_copy) {
    start(COUNTER, "1");
    cr_assert_eq(message(TURN_FORGET, COUNTER, NULL).kind, COMMIT_DONE);
    cr_assert_eq(call(COUNTER, "\"state\"").kind, COMMIT_SKIP);
    cr_assert_eq(message(TURN_FORGET, COUNTER, NULL).kind, COMMIT_DONE);
}

Test(host, a_state_replaces_the_copy_that_was_there) {
    start(COUNTER, "1");
    run((struct double_turn){.kind = TURN_CALL,
                             .behaviour = COUNTER,
                             .epoch = 2,
                             .name = "a",
                             .payload = "\"inc\"",
                             .state = "10"});
    cr_assert(double_has(&commit, ITEM_REPLY, "11"));
    cr_assert_eq(call(COUNTER, "\"state\"").kind, COMMIT_SKIP);
}
