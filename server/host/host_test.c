// The host as the keeper sees it: the real program, driven through its rings.
#include "host/testing/keeper_double.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static struct keeper_double keeper;
static struct double_commit commit;

// Indexes in the order of the files' names; begin() checks them.
enum { COUNTER, NAKED, NO_CALLBACKS, BEHAVIOURS };

static const char *const NAMES[] = {"counter", "naked", "no_callbacks"};

static bool text_is(enum item_kind kind, const char *text) {
    struct item_header  head;
    struct peeper_value body;
    return double_item(&commit, kind, 0, &head, &body, NULL) && body.bytes == strlen(text) &&
           memcmp(body.data, text, body.bytes) == 0;
}

static void begin_with(uint32_t workers, const char *const *arguments) {
    double_start(&keeper, workers, arguments);
    for (int i = 0; i < BEHAVIOURS; i++) {
        double_take(&keeper, 0, &commit);
        cr_assert_eq(commit.record.kind, COMMIT_BEHAVIOUR);
        cr_assert(text_is(ITEM_TEXT, NAMES[i]), "%s", NAMES[i]);
        double_commit_free(&commit);
    }
    double_take(&keeper, 0, &commit);
    cr_assert_eq(commit.record.kind, COMMIT_READY);
    double_commit_free(&commit);
}

static void begin(void) {
    const char *arguments[] = {"--behaviours", PEEPER_BEHAVIOURS, NULL};
    begin_with(1, arguments);
}

static void end(void) {
    double_commit_free(&commit);
    double_stop(&keeper);
}

// Runs one turn of slot 1; the commit of before is freed.
static struct commit_record run(struct double_turn turn) {
    double_commit_free(&commit);
    if (turn.slot == 0) turn.slot = 1;
    if (turn.epoch == 0) turn.epoch = 1;
    double_run(&keeper, turn, &commit);
    return commit.record;
}

// Takes the next commit of a chain.
static struct commit_record next(void) {
    double_commit_free(&commit);
    double_take(&keeper, 0, &commit);
    return commit.record;
}

static void start(uint16_t behaviour, const char *argument) {
    struct commit_record record = run((struct double_turn){
        .kind = TURN_INIT, .behaviour = behaviour, .name = "a", .payload = argument});
    cr_assert_eq(record.kind, COMMIT_DONE);
}

static struct commit_record call(uint16_t behaviour, const char *message) {
    return run((struct double_turn){.kind = TURN_CALL, .behaviour = behaviour, .payload = message});
}

TestSuite(host, .init = begin, .fini = end, .timeout = 30);

Test(host, init_commits_the_state_that_it_made) {
    struct commit_record record = run(
        (struct double_turn){.kind = TURN_INIT, .behaviour = COUNTER, .name = "a", .payload = "7"});
    cr_assert_eq(record.kind, COMMIT_DONE);
    cr_assert_eq(record.flags, 0);
    cr_assert_eq(record.item_count, 1);
    cr_assert(double_has(&commit, ITEM_STATE, "7"));
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

Test(host, a_cast_goes_on_with_handle_continue_in_the_same_turn) {
    start(COUNTER, "7");
    struct commit_record record =
        run((struct double_turn){.kind = TURN_CAST, .behaviour = COUNTER, .payload = "\"inc\""});
    cr_assert_eq(record.flags, COMMIT_MORE);
    cr_assert(double_has(&commit, ITEM_CONTINUE, "\"inc\""));
    cr_assert_eq(next().flags, 0);
    cr_assert_eq(commit.record.turn, record.turn);
    cr_assert(double_has(&commit, ITEM_STATE, "8"));
}
