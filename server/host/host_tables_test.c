// Tables as the keeper sees them: what a turn writes leaves as one delta, and comes back as rows.
#include "base/tables_delta.h"
#include "host/testing/host_fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

// What the mirror would have: all deltas so far, applied.
static struct tables mirror;

static void begin(void) {
    host_begin();
    tables_init(&mirror, 1, 0);
}

static void end(void) {
    tables_fini(&mirror);
    host_end();
}

TestSuite(host_tables, .init = begin, .fini = end, .timeout = 30);

static bool take_delta(struct slice *ret_delta) {
    struct item_header  head;
    struct peeper_value body;
    if (!double_item(&commit, ITEM_TABLES, 0, &head, &body, NULL)) return false;
    *ret_delta = slice_of(body.data, body.bytes);
    return true;
}

// Keeps what the last commit wrote; answers how many bytes it was.
static size_t keep(void) {
    struct slice delta = {0};
    if (!take_delta(&delta)) return 0;
    cr_assert(tables_delta_check(delta));
    cr_assert(tables_apply(&mirror, delta) == STATUS_OK);
    return delta.bytes;
}

static void call_and_keep(const char *steps) {
    cr_assert_eq(call(PROBE, steps).kind, COMMIT_DONE);
    keep();
}

static bool replies(const char *steps, const char *reply) {
    cr_assert_eq(call(PROBE, steps).kind, COMMIT_DONE);
    keep();
    return double_has(&commit, ITEM_REPLY, reply);
}

// Sends the mirror's rows in parts of so many bytes; answers how many parts.
static uint32_t send_rows(uint32_t epoch, size_t part_bytes) {
    struct tables_cursor cursor = {0};
    struct buf           part = {0};
    uint32_t             parts = 0;
    while (!cursor.done) {
        part.bytes = 0;
        cr_assert(tables_export(&mirror, &cursor, part_bytes, &part) == STATUS_OK);
        run((struct double_turn){.kind = TURN_ROWS,
                                 .behaviour = PROBE,
                                 .epoch = epoch,
                                 .rows = parts++,
                                 .raw = {part.data, part.bytes}});
        cr_assert_eq(commit.record.kind, COMMIT_DONE);
        cr_assert_eq(commit.record.item_count, 0);
    }
    buf_fini(&part);
    return parts;
}

static struct commit_record call_with_rows(uint32_t epoch, uint32_t parts, const char *steps) {
    return run((struct double_turn){.kind = TURN_CALL,
                                    .flags = TURN_HAS_ROWS,
                                    .behaviour = PROBE,
                                    .epoch = epoch,
                                    .rows = parts,
                                    .name = "a",
                                    .payload = steps,
                                    .state = "0"});
}

static void start_with_rows(void) {
    start(PROBE, "0");
    call_and_keep("[[\"table\", \"t\", 1], [\"table_put\", \"t\", 2, \"b\"],"
                  " [\"table_put\", \"t\", 1, \"a\"]]");
}

// --- What a turn writes --------------------------------------------------------------------------

Test(host_tables, a_turn_that_writes_none_commits_none) {
    start(PROBE, "0");
    struct slice delta;
    cr_assert(!take_delta(&delta));
    start_with_rows();
    call(PROBE, "[\"table_get\", \"t\", 1]");
    cr_assert(double_has(&commit, ITEM_REPLY, "\"a\""));
    cr_assert(!take_delta(&delta));
    cr_assert_eq(commit.record.item_count, 1);
}

Test(host_tables, what_a_turn_writes_is_one_item_and_needs_no_state) {
    start(PROBE, "0");
    call(PROBE, "[[\"table\", \"t\", 0], [\"table_put\", \"t\", 1, \"a\"],"
                " [\"dict_put\", \"k\", 5], [\"table_put\", \"t\", 2, \"b\"]]");
    cr_assert_eq(commit.record.item_count, 1);
    keep();
    cr_assert_eq(mirror.count, 2);
    cr_assert(replies("[\"table_rows\", \"t\"]", "[[1, \"a\"], [2, \"b\"]]"));
    cr_assert(replies("[\"dict_get\", \"k\"]", "5"));
    cr_assert(replies("[\"dict_get\", \"other\"]", "null"));
}

Test(host_tables, a_row_costs_what_it_is_however_many_there_are) {
    start(PROBE, "0");
    call_and_keep("[[\"table\", \"t\", 0], [\"table_fill\", \"t\", 10000, 100]]");
    call(PROBE, "[\"table_put\", \"t\", 77, \"x\"]");
    cr_assert_lt(keep(), 100u);
    cr_assert(replies("[\"table_get\", \"t\", 77]", "\"x\""));
    cr_assert(replies("[\"table_count\", \"t\"]", "10000"));
}

Test(host_tables, what_changes_nothing_is_not_written) {
    start_with_rows();
    call(PROBE, "[[\"table_delete\", \"t\", \"none\"], [\"table\", \"t\", 1]]");
    cr_assert_eq(commit.record.item_count, 0);
}

Test(host_tables, an_ordered_table_answers_a_range) {
    start_with_rows();
    call_and_keep("[[\"table_put\", \"t\", 1.5, \"between\"], [\"table_put\", \"t\", \"s\", 0]]");
    cr_assert(replies("[\"table_range\", \"t\", 1.2, 2]", "[[1.5, \"between\"], [2, \"b\"]]"));
    cr_assert(replies("[\"table_rows\", \"t\"]",
                      "[[1, \"a\"], [1.5, \"between\"], [2, \"b\"], [\"s\", 0]]"));
}

Test(host_tables, any_value_is_a_key_of_the_dictionary_and_a_deleted_one_is_gone) {
    start(PROBE, "0");
    call_and_keep("[[\"dict_put\", null, 1], [\"dict_put\", [1, \"a\"], 2],"
                  " [\"dict_put\", {\"k\": true}, 3], [\"dict_put\", 1.0, 4],"
                  " [\"dict_put\", 1, 5]]");
    cr_assert(replies("[\"dict_get\", null]", "1"));
    cr_assert(replies("[\"dict_get\", [1, \"a\"]]", "2"));
    cr_assert(replies("[\"dict_get\", {\"k\": true}]", "3"));
    cr_assert(replies("[\"dict_get\", 1.0]", "4"));
    call_and_keep("[\"dict_delete\", 1]");
    cr_assert(replies("[\"dict_get\", 1]", "null"));
    cr_assert_eq(table_count(mirror.all[0]), 4);
}

Test(host_tables, a_walk_may_delete_what_it_has_seen) {
    start(PROBE, "0");
    call_and_keep("[[\"table\", \"t\", 1], [\"table_fill\", \"t\", 1000, 10]]");
    cr_assert(replies("[\"table_sweep\", \"t\"]", "1000"));
    cr_assert(replies("[\"table_count\", \"t\"]", "0"));
    cr_assert_eq(table_count(tables_find(&mirror, slice_of("t", 1))), 0);
}

Test(host_tables, a_clear_and_a_drop_leave_with_the_commit) {
    start_with_rows();
    call_and_keep(
        "[[\"table\", \"u\", 6], [\"table_put\", \"u\", 1, 1], [\"table_clear\", \"t\"]]");
    cr_assert_eq(tables_find(&mirror, slice_of("u", 1))->flags, 6);
    cr_assert_eq(table_count(tables_find(&mirror, slice_of("t", 1))), 0);
    call_and_keep("[\"table_drop\", \"t\"]");
    cr_assert_null(tables_find(&mirror, slice_of("t", 1)));
    cr_assert_eq(call(PROBE, "[\"table_count\", \"t\"]").kind, COMMIT_CRASH);
}

Test(host_tables, each_link_of_a_chain_commits_its_own) {
    start(PROBE, "0");
    call(PROBE, "[[\"table\", \"t\", 0], [\"table_put\", \"t\", 1, \"a\"],"
                " [\"continue\", [[\"table_put\", \"t\", 2, \"b\"]]]]");
    cr_assert_eq(commit.record.flags, COMMIT_MORE);
    keep();
    cr_assert_eq(mirror.all[0]->rows.count, 1);
    next();
    keep();
    cr_assert_eq(mirror.all[0]->rows.count, 2);
}

// --- What a crash takes back ---------------------------------------------------------------------

static struct commit_record restart_where_it_crashed(uint32_t crashed, uint32_t epoch,
                                                     const char *argument) {
    return run((struct double_turn){.kind = TURN_INIT,
                                    .flags = TURN_RESTART | TURN_HAS_ROWS | TURN_ROWS_KEPT,
                                    .behaviour = PROBE,
                                    .epoch = epoch,
                                    .rows = crashed,
                                    .name = "a",
                                    .payload = argument,
                                    .state = "5"});
}

// A crash after which the tables are still there, as they were before.
static void check_crash_keeps_rows(const char *steps, enum commit_code code) {
    struct commit_record record = call(PROBE, steps);
    cr_assert_eq(record.kind, COMMIT_CRASH);
    cr_assert_eq(record.flags, COMMIT_ROWS);
    cr_assert_eq(record.code, code);
}

Test(host_tables, nothing_that_a_crashed_turn_wrote_leaves_or_is_left) {
    start_with_rows();
    check_crash_keeps_rows("[[\"table_put\", \"t\", 1, \"lost\"], [\"dict_put\", 1, 1],"
                           " [\"table_delete\", \"t\", 2], [\"raise\", \"oops\"]]",
                           COMMIT_CODE_RAISE);
    cr_assert_eq(keep(), 0);
    // The copy has gone.
    cr_assert_eq(call(PROBE, "\"state\"").kind, COMMIT_SKIP);
    restart_where_it_crashed(1, 2, "{\"init\": [[\"table_rows\", \"t\"], [\"dict_delete\", 1]]}");
    cr_assert_eq(commit.record.kind, COMMIT_DONE);
    cr_assert(double_has(&commit, ITEM_REPLY, "[[1, \"a\"], [2, \"b\"]]"));
    cr_assert_eq(keep(), 0);
}

Test(host_tables, what_a_crash_has_left_is_for_whoever_knows_of_it) {
    start_with_rows();
    check_crash_keeps_rows("[\"raise\", \"oops\"]", COMMIT_CODE_RAISE);
    cr_assert_eq(restart_where_it_crashed(2, 3, "null").kind, COMMIT_SKIP);
    cr_assert_eq(call_with_rows(1, 0, "\"state\"").kind, COMMIT_SKIP);
    cr_assert_eq(restart_where_it_crashed(1, 3, "null").kind, COMMIT_DONE);
    cr_assert_eq(restart_where_it_crashed(1, 4, "null").kind, COMMIT_SKIP);
}

Test(host_tables, a_crash_of_one_without_tables_leaves_none) {
    start(PROBE, "0");
    check_crash(call(PROBE, "[[\"dict_put\", 1, 1], [\"raise\", \"oops\"]]"), COMMIT_CODE_RAISE,
                "\"oops\"");
}

Test(host_tables, terminate_after_a_crash_sees_the_tables_as_they_were_and_what_it_writes_leaves) {
    start_with_rows();
    call_and_keep("[\"on_terminate\", [[\"table_put\", \"t\", 3, \"last\"]]]");
    check_crash_keeps_rows("[[\"table_put\", \"t\", 1, \"lost\"], [\"table_drop\", \"t\"],"
                           " [\"raise\", \"oops\"]]",
                           COMMIT_CODE_RAISE);
    keep();
    cr_assert_eq(table_count(tables_find(&mirror, slice_of("t", 1))), 3);
    restart_where_it_crashed(1, 2, "{\"init\": [\"table_rows\", \"t\"]}");
    cr_assert(double_has(&commit, ITEM_REPLY, "[[1, \"a\"], [2, \"b\"], [3, \"last\"]]"));
}

Test(host_tables, a_terminate_that_crashes_as_well_has_written_nothing) {
    start_with_rows();
    call_and_keep(
        "[\"on_terminate\", [[\"table_put\", \"t\", 3, \"last\"], [\"raise\", \"again\"]]]");
    check_crash_keeps_rows("[\"raise\", \"oops\"]", COMMIT_CODE_RAISE);
    cr_assert_eq(keep(), 0);
    restart_where_it_crashed(1, 2, "{\"init\": [\"table_rows\", \"t\"]}");
    cr_assert(double_has(&commit, ITEM_REPLY, "[[1, \"a\"], [2, \"b\"]]"));
}

// --- Rows that come back -------------------------------------------------------------------------

Test(host_tables, a_turn_finds_the_rows_that_came_before_it_in_parts) {
    start(PROBE, "0");
    call_and_keep("[[\"table\", \"t\", 1], [\"table_fill\", \"t\", 100, 100],"
                  " [\"table\", \"empty\", 2], [\"dict_put\", \"k\", \"v\"]]");
    uint32_t parts = send_rows(2, 1000);
    cr_assert_gt(parts, 10u);
    cr_assert_eq(call_with_rows(2, parts, "[\"table_count\", \"t\"]").kind, COMMIT_DONE);
    cr_assert(double_has(&commit, ITEM_REPLY, "100"));
    // Turns that follow find the copy.
    for (int i = 0; i < 2; i++) {
        run((struct double_turn){
            .kind = TURN_CALL, .behaviour = PROBE, .epoch = 2, .payload = "[\"dict_get\", \"k\"]"});
        cr_assert(double_has(&commit, ITEM_REPLY, "\"v\""));
    }
}

Test(host_tables, a_restart_finds_its_rows_in_init) {
    start_with_rows();
    uint32_t parts = send_rows(2, 1000);
    run((struct double_turn){
        .kind = TURN_INIT,
        .flags = TURN_RESTART | TURN_HAS_ROWS,
        .behaviour = PROBE,
        .epoch = 2,
        .rows = parts,
        .name = "a",
        .payload = "{\"init\": [[\"table_put\", \"t\", 3, \"init\"], [\"table_count\", \"t\"]]}",
        .state = "5"});
    cr_assert_eq(commit.record.kind, COMMIT_DONE);
    cr_assert(double_has(&commit, ITEM_REPLY, "3"));
    cr_assert_gt(keep(), 0u);
}

Test(host_tables, rows_of_which_a_part_is_missing_are_none) {
    start(PROBE, "0");
    call_and_keep("[[\"table\", \"t\", 0], [\"table_fill\", \"t\", 100, 100]]");
    uint32_t parts = send_rows(2, 1000);
    cr_assert_eq(call_with_rows(2, parts + 1, "\"state\"").kind, COMMIT_SKIP);
    cr_assert_eq(call_with_rows(2, parts - 1, "\"state\"").kind, COMMIT_SKIP);
    cr_assert_eq(call_with_rows(3, parts, "\"state\"").kind, COMMIT_SKIP);
    // It still has them.
    cr_assert_eq(call_with_rows(2, parts, "\"state\"").kind, COMMIT_DONE);
    // Now they are in the copy.
    cr_assert_eq(call_with_rows(2, parts, "\"state\"").kind, COMMIT_SKIP);
    // The first part is lost, the second comes.
    run((struct double_turn){.kind = TURN_ROWS, .behaviour = PROBE, .epoch = 4, .rows = 1});
    cr_assert_eq(call_with_rows(4, 2, "\"state\"").kind, COMMIT_SKIP);
}

Test(host_tables, rows_without_a_state_are_no_copy) {
    start_with_rows();
    send_rows(2, 1000);
    run((struct double_turn){
        .kind = TURN_CALL, .behaviour = PROBE, .epoch = 2, .payload = "\"state\""});
    cr_assert_eq(commit.record.kind, COMMIT_SKIP);
    run((struct double_turn){.kind = TURN_FORGET, .behaviour = PROBE, .epoch = 2});
    cr_assert_eq(commit.record.kind, COMMIT_DONE);
    cr_assert_eq(call_with_rows(2, 1, "\"state\"").kind, COMMIT_SKIP);
}

Test(host_tables, a_state_without_rows_has_no_tables) {
    start_with_rows();
    run((struct double_turn){.kind = TURN_CALL,
                             .behaviour = PROBE,
                             .name = "a",
                             .state = "0",
                             .payload = "[\"dict_get\", 1]"});
    cr_assert(double_has(&commit, ITEM_REPLY, "null"));
    check_crash(call(PROBE, "[\"table_count\", \"t\"]"), COMMIT_CODE_RAISE,
                "\"there is no such table\"");
}

// --- Another state -------------------------------------------------------------------------------

static struct commit_record replace(const char *state) {
    return run((struct double_turn){
        .kind = TURN_REPLACE, .behaviour = PROBE, .name = "a", .payload = state});
}

Test(host_tables, a_new_state_keeps_the_tables_and_one_that_is_none_as_well) {
    start_with_rows();
    cr_assert_eq(replace("41").kind, COMMIT_DONE);
    cr_assert(replies("[\"table_rows\", \"t\"]", "[[1, \"a\"], [2, \"b\"]]"));
    call_and_keep("[\"table_put\", \"t\", 3, \"c\"]");
    cr_assert(replies("\"state\"", "41"));
}

Test(host_tables, a_new_state_finds_rows_that_came_before_it) {
    start_with_rows();
    uint32_t parts = send_rows(2, 1000);
    run((struct double_turn){.kind = TURN_REPLACE,
                             .flags = TURN_HAS_ROWS,
                             .behaviour = PROBE,
                             .epoch = 2,
                             .rows = parts,
                             .name = "a",
                             .payload = "41"});
    cr_assert_eq(commit.record.kind, COMMIT_DONE);
    run((struct double_turn){
        .kind = TURN_CALL, .behaviour = PROBE, .epoch = 2, .payload = "[\"table_count\", \"t\"]"});
    cr_assert(double_has(&commit, ITEM_REPLY, "2"));
    run((struct double_turn){.kind = TURN_REPLACE,
                             .flags = TURN_HAS_ROWS,
                             .behaviour = PROBE,
                             .epoch = 3,
                             .rows = 1,
                             .name = "a",
                             .payload = "41"});
    cr_assert_eq(commit.record.kind, COMMIT_SKIP);
}

// --- Limits --------------------------------------------------------------------------------------

Test(host_tables, what_breaks_a_rule_of_tables_is_a_broken_contract) {
    static const struct {
        const char *steps;
        const char *reason;
    } BREAKS[] = {
        {"[\"table\", \"\", 0]", "\"bad_table_name\""},
        {"[\"table\", \"t\", 8]", "\"bad_table_flags(8)\""},
        {"[[\"table\", \"t\", 0], [\"table\", \"t\", 1]]", "\"other_table_flags(t)\""},
    };
    for (size_t i = 0; i < sizeof BREAKS / sizeof BREAKS[0]; i++) {
        start(PROBE, "0");
        check_crash(call(PROBE, BREAKS[i].steps), COMMIT_CODE_CONTRACT, BREAKS[i].reason);
    }
}

Test(host_tables, the_limit_of_a_turns_writes_is_a_broken_contract) {
    start(PROBE, "0");
    check_crash(call(PROBE, "[[\"table\", \"t\", 0], [\"table_fill\", \"t\", 700, 100000]]"),
                COMMIT_CODE_CONTRACT, "\"too_much_written(table_put)\"");
}

Test(host_tables, the_limit_of_bytes_is_a_crash_for_memory) {
    host_end();
    const char *arguments[] = {"--behaviours", PEEPER_BEHAVIOURS, "--table-bytes", "100000", NULL};
    host_begin_with(1, arguments);
    start(PROBE, "0");
    call_and_keep("[[\"table\", \"t\", 0], [\"table_fill\", \"t\", 100, 100]]");
    check_crash_keeps_rows("[\"table_fill\", \"t\", 1000, 100]", COMMIT_CODE_MEMORY);
    cr_assert(double_has(&commit, ITEM_REASON, "\"table_bytes_max(100000)\""));
    // As much as there may be comes back, what is more does not, however often it is tried.
    uint32_t parts = send_rows(2, 1000);
    cr_assert_eq(call_with_rows(2, parts, "[\"table_count\", \"t\"]").kind, COMMIT_DONE);
    cr_assert(double_has(&commit, ITEM_REPLY, "100"));
    struct buf           delta = {0};
    static char          zeros[100000];
    struct table_op_view op = {
        .op = TABLE_OP_PUT, .key = slice_of("k", 1), .value = slice_of(zeros, sizeof zeros)};
    cr_assert(tables_delta_write(&delta, &(struct table_op_view){.op = TABLE_OP_SELECT,
                                                                 .key = slice_of("t", 1)}) ==
              STATUS_OK);
    cr_assert(tables_delta_write(&delta, &op) == STATUS_OK);
    run((struct double_turn){
        .kind = TURN_ROWS, .behaviour = PROBE, .epoch = 3, .raw = {delta.data, delta.bytes}});
    check_crash(call_with_rows(3, 1, "\"state\""), COMMIT_CODE_MEMORY,
                "\"table_bytes_max(tables)\"");
    buf_fini(&delta);
}

// --- A behaviour that keeps its rows in a table --------------------------------------------------

Test(host_tables, a_shelf_puts_gets_deletes_and_counts) {
    start(SHELF, "null");
    call(SHELF, "[\"put\", \"k\", [1, 2]]");
    cr_assert(double_has(&commit, ITEM_REPLY, "null"));
    call(SHELF, "[\"get\", \"k\"]");
    cr_assert(double_has(&commit, ITEM_REPLY, "[1, 2]"));
    call(SHELF, "[\"fill\", 10, 100]");
    cr_assert(double_has(&commit, ITEM_REPLY, "11"));
    call(SHELF, "[\"delete\", \"k\"]");
    cr_assert(double_has(&commit, ITEM_REPLY, "true"));
    call(SHELF, "\"clear\"");
    cr_assert(double_has(&commit, ITEM_REPLY, "10"));
    call(SHELF, "\"count\"");
    cr_assert(double_has(&commit, ITEM_REPLY, "0"));
}

// The sanitizers keep what was freed for a while, and need memory of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
Test(host_tables, tables_that_do_not_fit_into_the_host_together_are_brought_again) {
    host_end();
    const char *arguments[] = {"--behaviours", PEEPER_BEHAVIOURS, "--memory", "100000000", NULL};
    host_begin_with(1, arguments);
    // 5 MB each: without dropping some there would be 200.
    for (uint32_t slot = 1; slot <= 40; slot++) {
        run((struct double_turn){
            .kind = TURN_INIT, .behaviour = SHELF, .slot = slot, .name = "a", .payload = "null"});
        run((struct double_turn){.kind = TURN_CALL,
                                 .behaviour = SHELF,
                                 .slot = slot,
                                 .payload = "[\"fill\", 50, 100000]"});
        cr_assert_eq(commit.record.kind, COMMIT_DONE);
    }
    run((struct double_turn){
        .kind = TURN_CALL, .behaviour = SHELF, .slot = 40, .payload = "\"count\""});
    cr_assert(double_has(&commit, ITEM_REPLY, "50"));
    run((struct double_turn){
        .kind = TURN_CALL, .behaviour = SHELF, .slot = 1, .payload = "\"count\""});
    cr_assert_eq(commit.record.kind, COMMIT_SKIP);
}
#endif
