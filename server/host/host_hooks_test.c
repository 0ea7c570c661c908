// What the real host does with TURN_CHANGED and TURN_ENDED, in both kinds of behaviours. The ears
// tell what they hear, or break, as the state says.
#include "host/testing/host_fixture.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(host_hooks, .init = host_begin, .fini = host_end, .timeout = 60);

#define TELL "[\"b\", \"tell\", 0, 1]"

static struct commit_record changed(uint16_t behaviour, const char *before, const char *state) {
    return run((struct double_turn){.kind = TURN_CHANGED,
                                    .behaviour = behaviour,
                                    .name = "a",
                                    .payload = before,
                                    .state = state});
}

static struct commit_record ended(uint16_t behaviour, const char *reason, const char *state) {
    return run((struct double_turn){.kind = TURN_ENDED,
                                    .behaviour = behaviour,
                                    .name = "a",
                                    .payload = reason,
                                    .state = state});
}

static void told(struct commit_record record, enum item_kind kind, const char *message) {
    cr_assert_eq(record.kind, COMMIT_DONE);
    cr_assert_eq(record.flags, 0);
    cr_assert_eq(record.item_count, 1);
    cr_assert(double_has(&commit, kind, message), "it is not told %s", message);
}

ParameterizedTestParameters(host_hooks,
                            a_change_is_told_with_both_states_and_the_end_with_the_last) {
    static uint16_t kinds[] = {EARS, LUA_EARS};
    return cr_make_param_array(uint16_t, kinds, 2);
}

ParameterizedTest(const uint16_t *ears, host_hooks,
                  a_change_is_told_with_both_states_and_the_end_with_the_last, .init = host_begin,
                  .fini = host_end, .timeout = 60) {
    told(changed(*ears, "[\"b\", \"tell\", 0, 0]", TELL), ITEM_SEND,
         "[\"changed\", \"a\", [\"b\", \"tell\", 0, 0], " TELL "]");
    told(changed(*ears, NULL, TELL), ITEM_SEND, "[\"changed\", \"a\", null, " TELL "]");
    told(ended(*ears, "\"normal\"", TELL), ITEM_SEND, "[\"ended\", \"a\", \"normal\", " TELL "]");
    told(ended(*ears, "{\"why\": [1]}", "[\"b\", \"cast\", 0, 1]"), ITEM_CAST,
         "[\"ended\", \"a\", {\"why\": [1]}, [\"b\", \"cast\", 0, 1]]");
}

ParameterizedTestParameters(host_hooks, an_end_without_a_state_has_null_for_it) {
    static uint16_t kinds[] = {EARS, LUA_EARS, EARS_END};
    return cr_make_param_array(uint16_t, kinds, 3);
}

ParameterizedTest(const uint16_t *ears, host_hooks, an_end_without_a_state_has_null_for_it,
                  .init = host_begin, .fini = host_end, .timeout = 60) {
    struct commit_record record = ended(*ears, "\"normal\"", NULL);
    cr_assert_eq(record.kind, COMMIT_DONE);
    cr_assert_eq(record.item_count, 0);
}

ParameterizedTestParameters(host_hooks, what_needs_the_actor_breaks_the_contract) {
    static uint16_t kinds[] = {EARS, LUA_EARS};
    return cr_make_param_array(uint16_t, kinds, 2);
}

// `what` is the mode, and what is named as not allowed.
static void refused(uint16_t ears, const char *mode, const char *what) {
    char state[128], reason[128];
    snprintf(state, sizeof state, "[\"b\", \"%s\", 0, 1]", mode);
    snprintf(reason, sizeof reason, "\"not_allowed(%s in on_state_changed)\"", what);
    check_crash(changed(ears, NULL, state), COMMIT_CODE_CONTRACT, reason);
    snprintf(reason, sizeof reason, "\"not_allowed(%s in on_terminate)\"", what);
    check_crash(ended(ears, "\"normal\"", state), COMMIT_CODE_CONTRACT, reason);
}

ParameterizedTest(const uint16_t *ears, host_hooks, what_needs_the_actor_breaks_the_contract,
                  .init = host_begin, .fini = host_end, .timeout = 60) {
    static const char *const both[] = {"reply_to",       "call",
                                       "start",          "stop",
                                       "send_after",     "cancel_timer",
                                       "monitor",        "demonitor",
                                       "link",           "unlink",
                                       "table",          "dictionary_put",
                                       "dictionary_get", "dictionary_delete"};
    static const char *const in_c[] = {"changed", "reply", "then_continue", "then_timer",
                                       "table_find"};
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) refused(*ears, both[i], both[i]);
    if (*ears == LUA_EARS) return refused(*ears, "caught", "link");
    for (size_t i = 0; i < sizeof in_c / sizeof in_c[0]; i++) refused(*ears, in_c[i], in_c[i]);
    refused(*ears, "then_timeout", "then");
    refused(*ears, "then_hibernate", "then");
}

ParameterizedTestParameters(host_hooks, a_crash_tells_where_it_was_and_the_next_event_is_heard) {
    static uint16_t kinds[] = {EARS, LUA_EARS};
    return cr_make_param_array(uint16_t, kinds, 2);
}

ParameterizedTest(const uint16_t *ears, host_hooks,
                  a_crash_tells_where_it_was_and_the_next_event_is_heard, .init = host_begin,
                  .fini = host_end, .timeout = 60) {
    bool lua = *ears == LUA_EARS;
    check_crash(changed(*ears, NULL, "[\"b\", \"raise\", 0, 1]"), COMMIT_CODE_RAISE, "\"deaf\"");
    cr_assert(
        text_is(ITEM_TEXT, lua ? "on_state_changed of lua_ears" : "on_state_changed of ears"));
    check_crash(ended(*ears, "1", "[\"b\", \"exit\", 0, 1]"), COMMIT_CODE_EXIT, "\"gone deaf\"");
    cr_assert(text_is(ITEM_TEXT, lua ? "on_terminate of lua_ears" : "on_terminate of ears"));
    // Lua has two ways to say what it was.
    struct commit_record hungry = changed(*ears, NULL, "[\"b\", \"hungry\", 0, 1]");
    cr_assert_eq(hungry.kind, COMMIT_CRASH);
    cr_assert_eq(hungry.code, COMMIT_CODE_MEMORY);
    check_crash(changed(*ears, NULL, "[\"b\", \"many\", 0, 1]"), COMMIT_CODE_CONTRACT,
                "\"too_many_items(1024)\"");
    told(changed(*ears, NULL, TELL), ITEM_SEND, "[\"changed\", \"a\", null, " TELL "]");
}

Test(host_hooks, an_incomplete_message_is_a_crash) {
    check_crash(changed(EARS, NULL, "[\"b\", \"mute\", 0, 1]"), COMMIT_CODE_CONTRACT,
                "\"incomplete_item(send)\"");
}

Test(host_hooks, a_callback_that_is_missing_is_undefined) {
    check_crash(changed(EARS_END, NULL, TELL), COMMIT_CODE_CONTRACT, "\"undef(on_state_changed)\"");
    check_crash(changed(LUA_COUNTER, NULL, "1"), COMMIT_CODE_CONTRACT,
                "\"undef(on_state_changed)\"");
    check_crash(ended(COUNTER, "1", NULL), COMMIT_CODE_CONTRACT, "\"undef(on_terminate)\"");
}

Test(host_hooks, bytes_that_are_no_value_do_not_reach_the_callback) {
    static const uint8_t half[] = {0x0a};
    check_crash(run((struct double_turn){.kind = TURN_CHANGED,
                                         .behaviour = EARS,
                                         .name = "a",
                                         .raw = {half, sizeof half},
                                         .state = TELL}),
                COMMIT_CODE_CONTRACT, "\"state_not_well_formed\"");
}

Test(host_hooks, the_copy_of_an_actor_is_left_alone_and_none_is_made) {
    start(COUNTER, "5");
    cr_assert_eq(changed(EARS, NULL, TELL).kind, COMMIT_DONE);
    cr_assert_eq(ended(EARS, "1", TELL).kind, COMMIT_DONE);
    check_crash(ended(EARS, "1", "[\"b\", \"raise\", 0, 1]"), COMMIT_CODE_RAISE, "\"deaf\"");
    call(COUNTER, "\"state\"");
    cr_assert(double_has(&commit, ITEM_REPLY, "5"));
    struct commit_record other = run((struct double_turn){
        .kind = TURN_CHANGED, .behaviour = EARS, .slot = 2, .name = "a", .state = TELL});
    cr_assert_eq(other.kind, COMMIT_DONE);
    cr_assert_eq(run((struct double_turn){.kind = TURN_CALL, .slot = 2, .payload = "1"}).kind,
                 COMMIT_SKIP);
}

Test(host_hooks, run_also_where_the_ring_was_recalled) {
    struct double_turn turn = {
        .kind = TURN_CHANGED, .behaviour = EARS, .slot = 1, .epoch = 1, .name = "a", .state = TELL};
    double_write(&keeper, 0, turn);
    turn.kind = TURN_ENDED;
    double_write(&keeper, 0, turn);
    double_recall(&keeper, 0);
    double_publish(&keeper, 0);
    told(next(), ITEM_SEND, "[\"changed\", \"a\", null, " TELL "]");
    told(next(), ITEM_SEND, "[\"ended\", \"a\", null, " TELL "]");
}

Test(host_hooks, a_signal_in_one_is_the_death_of_the_host) {
    double_write(&keeper, 0,
                 (struct double_turn){.kind = TURN_CHANGED,
                                      .behaviour = EARS,
                                      .name = "a",
                                      .state = "[\"b\", \"segfault\", 0, 1]"});
    double_publish(&keeper, 0);
    struct commits_control *control = double_wait_death(&keeper, 0);
    cr_assert_eq(atomic_load(&control->death_signal), SIGSEGV);
}
