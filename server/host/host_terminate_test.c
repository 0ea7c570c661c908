// A terminate after a crash: what it sees, and what of it commits.
#include "host/testing/host_fixture.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(host_terminate, .init = host_begin, .fini = host_end, .timeout = 30);

// A probe that tells "w" the reason and the state, as two casts.
#define TELLS "\"terminate\": [[\"tell\", \"w\"], [\"tell_state\", \"w\"]]"

static bool told(uint32_t index, const char *text) {
    struct item_header   head;
    struct peeper_value  body;
    struct peeper_writer wanted = {0};
    double_value(&wanted, text);
    struct peeper_value value = peeper_writer_value(&wanted);
    bool                same = double_item(&commit, ITEM_CAST, index, &head, &body, NULL) &&
                body.bytes == value.bytes && memcmp(body.data, value.data, body.bytes) == 0;
    peeper_writer_fini(&wanted);
    return same;
}

static uint32_t count_of(enum item_kind kind) {
    struct item_header  head;
    struct peeper_value body;
    uint32_t            count = 0;
    while (double_item(&commit, kind, count, &head, &body, NULL)) count++;
    return count;
}

// One crash with its reason, and exactly `effects` items beside reason, text and trace.
static void check_crashed(struct commit_record record, enum commit_code code, const char *reason,
                          uint32_t effects) {
    cr_assert_eq(record.kind, COMMIT_CRASH);
    cr_assert_eq(record.flags, 0);
    cr_assert_eq(record.code, code);
    cr_assert(double_has(&commit, ITEM_REASON, reason), "reason is not %s", reason);
    cr_assert_eq(record.item_count, effects + 2 + count_of(ITEM_TRACE));
    cr_assert_eq(count_of(ITEM_TEXT), 1);
}

static void begin_telling(void) {
    start(PROBE, "{\"state\": 1, " TELLS "}");
}

// --- What it sees --------------------------------------------------------------------------------

Test(host_terminate, sees_the_reason_of_every_kind_of_crash_and_the_state_before_it) {
    static const struct {
        const char      *steps;
        enum commit_code code;
        const char      *reason;
    } rows[] = {
        {"[[\"raise\", \"boom\"]]", COMMIT_CODE_RAISE, "\"boom\""},
        {"[[\"exit\", {\"because\": [1]}]]", COMMIT_CODE_EXIT, "{\"because\": [1]}"},
        {"\"exit\"", COMMIT_CODE_EXIT, "\"normal\""},
        {"\"garbage\"", COMMIT_CODE_CONTRACT, "\"bad_return_value(7)\""},
        {"\"reply_half\"", COMMIT_CODE_CONTRACT, "\"incomplete_item(reply)\""},
        {"[[\"allocate\", 1000000000]]", COMMIT_CODE_MEMORY, "\"memory_bytes_max(268435456)\""},
        {"\"half_change_then_raise\"", COMMIT_CODE_RAISE, "\"half\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin_telling();
        check_crashed(call(PROBE, rows[i].steps), rows[i].code, rows[i].reason, 2);
        char wanted[100];
        snprintf(wanted, sizeof wanted, "[\"append\", [\"a\", %s]]", rows[i].reason);
        cr_assert(told(0, wanted), "%s", wanted);
        cr_assert(told(1, "[\"append\", [\"a\", 1]]"));
        cr_assert(text_is(ITEM_TEXT, "handle_call of probe"));
        cr_assert_eq(call(PROBE, "\"state\"").kind, COMMIT_SKIP);
    }
}

Test(host_terminate, runs_after_a_callback_that_is_not_there) {
    start(NAKED, "\"tell\"");
    check_crashed(next(), COMMIT_CODE_CONTRACT, "\"undef(handle_continue)\"", 1);
    cr_assert(told(0, "[\"append\", \"undef(handle_continue)\"]"));
}

Test(host_terminate, sees_what_was_committed_last_however_it_came_there) {
    // a turn,
    begin_telling();
    call(PROBE, "[[\"set\", \"a longer state than the one before\"], [\"reply\", 1]]");
    call(PROBE, "[[\"set\", 2], [\"reply\", 1]]");
    call(PROBE, "[[\"set\", 3], [\"raise\", \"x\"]]");
    cr_assert(told(1, "[\"append\", [\"a\", 2]]"));
    // not one that was saved, but whose turn crashed after that,
    begin_telling();
    check_crashed(call(PROBE, "[[\"set\", 2], [\"send_many\", \"b\", 1023, 1], [\"continue\", 1]]"),
                  COMMIT_CODE_CONTRACT, "\"too_many_items(1024)\"", 2);
    cr_assert(told(1, "[\"append\", [\"a\", 1]]"));
    // a link of a chain,
    begin_telling();
    call(PROBE, "[[\"set\", 4], [\"continue\", [[\"set\", 5], [\"raise\", \"x\"]]]]");
    check_crashed(next(), COMMIT_CODE_RAISE, "\"x\"", 2);
    cr_assert(told(1, "[\"append\", [\"a\", 4]]"));
    // a restart,
    restart(PROBE, "{" TELLS "}", "{\"$probe\": true, \"state\": 6, " TELLS "}");
    call(PROBE, "[[\"set\", 7], [\"raise\", \"x\"]]");
    cr_assert(told(1, "[\"append\", [\"a\", 6]]"));
    // a state that came with the turn,
    run((struct double_turn){.kind = TURN_CALL,
                             .behaviour = PROBE,
                             .name = "a",
                             .payload = "[[\"set\", 9], [\"raise\", \"x\"]]",
                             .state = "{\"$probe\": true, \"state\": 8, " TELLS "}"});
    cr_assert(told(1, "[\"append\", [\"a\", 8]]"));
    // or an operator.
    begin_telling();
    run((struct double_turn){.kind = TURN_REPLACE,
                             .behaviour = PROBE,
                             .name = "a",
                             .payload = "{\"$probe\": true, \"state\": 10, " TELLS "}"});
    call(PROBE, "[[\"set\", 11], [\"raise\", \"x\"]]");
    cr_assert(told(1, "[\"append\", [\"a\", 10]]"));
}

Test(host_terminate, sees_nothing_that_the_crashed_turn_left_in_the_live_state) {
    start(PROBE, "1");
    check_crashed(call(PROBE, "[[\"on_terminate\", [[\"send\", \"b\", 1]]], [\"raise\", \"x\"]]"),
                  COMMIT_CODE_RAISE, "\"x\"", 0);
    // Also its memory is free again: so much does not fit twice.
    start(PROBE, "{\"terminate\": [[\"set_bytes\", 100000000], [\"send\", \"b\", 1]]}");
    check_crashed(call(PROBE, "[[\"set_bytes\", 100000000], [\"raise\", \"x\"]]"),
                  COMMIT_CODE_RAISE, "\"x\"", 1);
}

// --- What commits --------------------------------------------------------------------------------

Test(host_terminate, is_all_that_commits_of_a_crashed_turn) {
    start(PROBE, "{\"state\": 1, \"terminate\": [[\"set\", 9], [\"send\", \"b\", \"bye\"]]}");
    check_crashed(call(PROBE, "[[\"reply\", 1], [\"send\", \"b\", \"never\"], [\"set\", 2], "
                              "[\"send_after\", \"b\", 5, 1], \"hibernate\", [\"raise\", \"x\"]]"),
                  COMMIT_CODE_RAISE, "\"x\"", 1);
    cr_assert(double_has(&commit, ITEM_SEND, "\"bye\""));
    cr_assert_eq(count_of(ITEM_STATE), 0);
}

Test(host_terminate, asks_in_vain_for_what_would_follow_it_and_may_not_call) {
    start(PROBE,
          "{\"state\": 1, \"terminate\": [[\"continue\", 1], [\"timeout\", 0], [\"timer\", 5, 1], "
          "\"hibernate\", [\"error\", \"another reason\"], \"garbage\"]}");
    check_crashed(call(PROBE, "[\"raise\", \"x\"]"), COMMIT_CODE_RAISE, "\"x\"", 0);
    start(PROBE, "{\"state\": 1, \"terminate\": [[\"call\", \"b\", 0, 1]]}");
    check_crashed(call(PROBE, "[\"raise\", \"x\"]"), COMMIT_CODE_CONTRACT,
                  "\"not_allowed(call in terminate)\"", 0);
}

Test(host_terminate, keeps_the_trace_of_the_crash_and_has_none_of_an_exit) {
    start(PROBE, "{\"terminate\": [[\"send\", \"b\", 1]]}");
    check_crashed(call(PROBE, "[\"raise\", \"x\"]"), COMMIT_CODE_RAISE, "\"x\"", 1);
    cr_assert_eq(count_of(ITEM_TRACE), 1);
    start(PROBE, "{\"terminate\": [[\"send\", \"b\", 1]]}");
    check_crashed(call(PROBE, "\"exit\""), COMMIT_CODE_EXIT, "\"normal\"", 1);
    cr_assert_eq(count_of(ITEM_TRACE), 0);
}

Test(host_terminate, does_not_repeat_a_timer_of_the_turn_that_crashed) {
    start(PROBE, "{\"terminate\": [[\"send_after\", \"b\", 5, \"t\"]]}");
    struct item_header   head;
    struct peeper_value  body;
    struct commit_record record =
        call(PROBE, "[[\"send_after\", \"b\", 5, 1], [\"raise\", \"x\"]]");
    cr_assert(double_item(&commit, ITEM_TIMER, 0, &head, &body, NULL));
    cr_assert_eq(head.token, record.turn << TIMER_INDEX_BITS | 2);
    cr_assert_eq(count_of(ITEM_TIMER), 1);
}

Test(host_terminate, that_leaves_no_room_for_the_reason_crashes) {
    start(PROBE, "{\"terminate\": [[\"send_many\", \"b\", 1024, 1]]}");
    check_crashed(call(PROBE, "[\"raise\", \"x\"]"), COMMIT_CODE_CONTRACT,
                  "\"too_many_items(1024)\"", 0);
}

// --- A crash of its own --------------------------------------------------------------------------

Test(host_terminate, that_raises_is_the_reason_and_the_text_names_the_cause) {
    start(PROBE, "{\"terminate\": [[\"send\", \"b\", 1], [\"raise\", \"late\"]]}");
    check_crashed(call(PROBE, "[\"raise\", \"b\xc3\xb6se\"]"), COMMIT_CODE_RAISE, "\"late\"", 0);
    cr_assert(text_is(ITEM_TEXT, "terminate of probe, after handle_call: b??se"));
    start(PROBE, "{\"terminate\": [[\"exit\", \"shutdown\"]]}");
    check_crashed(call(PROBE, "\"exit\""), COMMIT_CODE_EXIT, "\"shutdown\"", 0);
    cr_assert(text_is(ITEM_TEXT, "terminate of probe, after handle_call: exit"));
}

Test(host_terminate, needs_a_state_that_can_be_loaded) {
    start(NAKED, "\"lose\"");
    check_crashed(next(), COMMIT_CODE_CONTRACT, "\"state_not_loaded\"", 0);
    cr_assert(text_is(ITEM_TEXT, "load of naked, after handle_continue: undef(handle_continue)"));
}

// --- Where it does not run -----------------------------------------------------------------------

Test(host_terminate, does_not_run_after_an_init_that_crashed) {
    check_crashed(init(PROBE, "{" TELLS ", \"init\": [[\"raise\", \"x\"]]}"), COMMIT_CODE_RAISE,
                  "\"x\"", 0);
    check_crashed(restart(PROBE, "{\"init\": [[\"raise\", \"x\"]]}",
                          "{\"$probe\": true, \"state\": 6, " TELLS "}"),
                  COMMIT_CODE_RAISE, "\"x\"", 0);
    // Also where the state was put back already.
    check_crashed(restart(PROBE, "{\"init\": [[\"send_many\", \"b\", 1024, 1], [\"continue\", 1]]}",
                          "{\"$probe\": true, \"state\": 6, " TELLS "}"),
                  COMMIT_CODE_CONTRACT, "\"too_many_items(1024)\"", 0);
}

Test(host_terminate, does_not_run_twice) {
    start(PROBE, "{\"terminate\": [[\"send\", \"b\", 1], [\"raise\", \"x\"]]}");
    check_crashed(message(TURN_TERMINATE, PROBE, "\"shutdown\""), COMMIT_CODE_RAISE, "\"x\"", 0);
    cr_assert(text_is(ITEM_TEXT, "terminate of probe"));
}

static void pass_gate(const char *path) {
    int fd = open(path, O_WRONLY | O_CLOEXEC); // waits for the callback that waits there
    cr_assert_geq(fd, 0);
    close(fd);
}

// A turn that crashes after it has been `taken_back` in the middle of its callback; else only what
// is behind it is.
static struct commit_record crash_late(bool taken_back) {
    char folder[] = "/tmp/host_terminate_XXXXXX", first[64], second[64], steps[200];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(first, sizeof first, "%s/first", folder);
    snprintf(second, sizeof second, "%s/second", folder);
    cr_assert_eq(mkfifo(first, 0600) | mkfifo(second, 0600), 0);
    snprintf(steps, sizeof steps, "[[\"gate\", \"%s\"], [\"gate\", \"%s\"], [\"raise\", \"x\"]]",
             first, second);

    uint64_t           at = keeper.turn_heads[0];
    struct double_turn turn = {
        .kind = TURN_CALL, .behaviour = PROBE, .slot = 1, .epoch = 1, .payload = steps};
    double_write(&keeper, 0, turn);
    double_publish(&keeper, 0);
    pass_gate(first);
    if (taken_back) {
        ((struct turn_record *)(void *)ring_at(&keeper.turns[0], at))->note_void = 1;
    } else {
        double_recall(&keeper, 0);
    }
    pass_gate(second);
    unlink(first);
    unlink(second);
    rmdir(folder);
    return next();
}

Test(host_terminate, does_not_run_where_the_keeper_has_given_the_turn_up) {
    begin_telling();
    check_crashed(crash_late(true), COMMIT_CODE_RAISE, "\"x\"", 0);
    // But it does where only what is behind the turn is wanted back.
    begin_telling();
    check_crashed(crash_late(false), COMMIT_CODE_RAISE, "\"x\"", 2);
}
