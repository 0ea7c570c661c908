// What the real host does with a TURN_CODE_CHANGE. The tallies are one behaviour in five versions.
#include "host/testing/host_fixture.h"

#include <criterion/criterion.h>

TestSuite(host_change, .fini = host_end, .timeout = 60);

static void start_host(const char *file) {
    const char *arguments[] = {"--versions", file, NULL};
    double_start(&keeper, 1, arguments);
    double_take(&keeper, 0, &commit);
    cr_assert_eq(commit.record.kind, COMMIT_BEHAVIOUR);
    cr_assert((commit.record.callbacks & CALLBACK_CALL) != 0);
    cr_assert_eq(next().kind, COMMIT_READY);
}

static struct commit_record change(const char *payload, const char *state) {
    return run((struct double_turn){
        .kind = TURN_CODE_CHANGE, .name = "a", .payload = payload, .state = state});
}

static void refused(struct commit_record record, const char *reason) {
    cr_assert_eq(record.kind, COMMIT_REFUSED);
    cr_assert_eq(record.code, COMMIT_CODE_ERROR);
    cr_assert_eq(record.item_count, 1);
    cr_assert(double_has(&commit, ITEM_REASON, reason), "the reason is not %s", reason);
}

Test(host_change, makes_a_state_of_this_version_and_nothing_else) {
    start_host("tally_2.so");
    struct commit_record record = change("[\"1\", 10]", "7");
    cr_assert_eq(record.kind, COMMIT_DONE);
    cr_assert_eq(record.flags, 0);
    cr_assert_eq(record.item_count, 1);
    cr_assert(double_has(&commit, ITEM_STATE, "[17, 0]"));
    // Whoever it is about is not here.
    cr_assert_eq(call(0, "\"state\"").kind, COMMIT_SKIP);
}

Test(host_change, leaves_a_copy_of_the_actor_alone) {
    start_host("tally_2.so");
    start(0, "5");
    cr_assert_eq(change("[\"1\", null]", "7").kind, COMMIT_DONE);
    call(0, "\"state\"");
    cr_assert(double_has(&commit, ITEM_REPLY, "5"));
}

Test(host_change, an_error_a_raise_and_a_bad_state_are_refusals) {
    start_host("tally_3.so");
    refused(change("[\"1\", null]", "15"), "\"odd\"");
    refused(change("[\"1\", null]", "21"), "\"will not have 21\"");
    refused(change("[\"1\", null]", "\"text\""), "\"not a state of tally 1\"");
    refused(change("[\"1\"]", "7"), "\"state_not_well_formed\"");
    refused(change("null", "7"), "\"state_not_well_formed\"");
    cr_assert_eq(change("[\"1\", null]", "8").kind, COMMIT_DONE);
    cr_assert(double_has(&commit, ITEM_STATE, "{\"from\": \"1\", \"value\": 8}"));
}

Test(host_change, without_the_callback_load_decides) {
    start_host("tally_4.so");
    refused(change("[\"1\", null]", "7"), "\"undef(code_change)\"");
    cr_assert_eq(change("[\"2\", null]", "[7, 3]").kind, COMMIT_DONE);
    cr_assert(double_has(&commit, ITEM_STATE, "[7, 3]"));
}

Test(host_change, runs_also_where_the_ring_was_recalled) {
    start_host("tally_2.so");
    double_recall(&keeper, 0);
    double_write(&keeper, 0,
                 (struct double_turn){.kind = TURN_CODE_CHANGE,
                                      .slot = 1,
                                      .epoch = 1,
                                      .name = "a",
                                      .payload = "[\"1\", null]",
                                      .state = "7"});
    double_recall(&keeper, 0);
    double_publish(&keeper, 0);
    cr_assert_eq(next().kind, COMMIT_DONE);
    cr_assert(double_has(&commit, ITEM_STATE, "[7, 0]"));
}
