// For memmem.
#define _GNU_SOURCE
// How a host comes, waits and goes: loading, rings, sleep and the reports of its death.
#include "host/testing/host_fixture.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(host_life, .init = host_begin, .fini = host_end, .timeout = 60);
TestSuite(host_start, .timeout = 60);

// --- Loading -------------------------------------------------------------------------------------

static void take_failure(const char *file, const char *why) {
    struct item_header  head;
    struct peeper_value path, reason;
    double_take(&keeper, 0, &commit);
    cr_assert_eq(commit.record.kind, COMMIT_LOAD_FAILED);
    cr_assert(double_item(&commit, ITEM_TEXT, 0, &head, &path, NULL));
    cr_assert(double_item(&commit, ITEM_REASON, 0, &head, &reason, NULL));
    cr_assert(memmem(path.data, path.bytes, file, strlen(file)), "%s", file);
    cr_assert(memmem(reason.data, reason.bytes, why, strlen(why)), "%.*s", (int)reason.bytes,
              (const char *)reason.data);
    double_commit_free(&commit);
}

Test(host_start, tells_of_every_file_that_it_cannot_load_and_is_ready_all_the_same) {
    const char *arguments[] = {"--behaviours", PEEPER_BEHAVIOURS_BROKEN, NULL};
    double_start(&keeper, 1, arguments);
    take_failure("no_descriptor.so", "does not export peeper_behaviour");
    take_failure("no_load.so", "no load()");
    take_failure("not_an_object.so", "not_an_object.so: invalid ELF header");
    take_failure("undefined_symbol.so", "undefined_symbol.so: undefined symbol: function_that");
    take_failure("wrong_abi.so", "abi_version");
    take_failure("wrong_name.so", "[a-z0-9_.-]");
    cr_assert_eq(next().kind, COMMIT_READY);
    host_end();
}

static void take_behaviour(enum behaviour_kind kind, uint32_t deadline_ms, uint16_t callbacks) {
    double_commit_free(&commit);
    double_take(&keeper, 0, &commit);
    cr_assert_eq(commit.record.kind, COMMIT_BEHAVIOUR);
    cr_assert_eq(commit.record.behaviour_kind, kind);
    cr_assert_eq(commit.record.turn_deadline_ms, deadline_ms);
    cr_assert_eq(commit.record.callbacks, callbacks);
}

Test(host_start, tells_of_each_behaviour_its_kind_and_its_callbacks) {
    const char *arguments[] = {"--behaviours", PEEPER_BEHAVIOURS, NULL};
    int         common = CALLBACK_INIT | CALLBACK_CALL | CALLBACK_CAST | CALLBACK_INFO;
    double_start(&keeper, 1, arguments);
    // A host ends a turn in Lua by itself, so the keeper waits a second longer.
    take_behaviour(BEHAVIOUR_LUA, 6000, (uint16_t)common);
    take_behaviour(BEHAVIOUR_NATIVE, 5000, (uint16_t)(common & ~CALLBACK_INIT));
    take_behaviour(BEHAVIOUR_LUA, 6000, (uint16_t)(common | CALLBACK_CONTINUE));
    take_behaviour(BEHAVIOUR_NATIVE, 5000, (uint16_t)(common | CALLBACK_CONTINUE));
    host_end();
}

Test(host_start, refuses_a_second_behaviour_of_the_same_name) {
    const char *arguments[] = {"--behaviours", PEEPER_BEHAVIOURS, "--behaviours", PEEPER_BEHAVIOURS,
                               NULL};
    double_start(&keeper, 1, arguments);
    for (int i = 0; i < BEHAVIOURS; i++) {
        double_take(&keeper, 0, &commit);
        cr_assert_eq(commit.record.kind, COMMIT_BEHAVIOUR);
        double_commit_free(&commit);
    }
    for (int i = 0; i < BEHAVIOURS; i++) take_failure("", "loaded already");
    host_end();
}

Test(host_start, ends_at_once_if_its_keeper_is_another_process) {
    const char *arguments[] = {"--keeper", "1", NULL};
    double_start(&keeper, 1, arguments);
    int status = double_wait_exit(&keeper);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 1);
    host_end();
}

Test(host_start, refuses_options_that_make_no_sense) {
    static const char *const bad[][2] = {
        {"--workers", "0"}, {"--workers", "65"},    {"--workers", "x"},
        {"--cache", "0"},   {"--memory", "100000"}, {"--nonesuch", "1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *arguments[] = {bad[i][0], bad[i][1], NULL};
        double_start(&keeper, 1, arguments);
        int status = double_wait_exit(&keeper);
        cr_assert(WIFEXITED(status), "%s %s", bad[i][0], bad[i][1]);
        cr_assert_neq(WEXITSTATUS(status), 0, "%s %s", bad[i][0], bad[i][1]);
        host_end();
    }
}

// --- Rings ---------------------------------------------------------------------------------------

Test(host_life, answers_many_turns_in_their_order) {
    start(COUNTER, "0");
    struct double_turn turn = {
        .kind = TURN_CALL, .behaviour = COUNTER, .slot = 1, .epoch = 1, .payload = "\"inc\""};
    uint64_t first = keeper.turn_next;
    for (int i = 0; i < 1000; i++) double_write(&keeper, 0, turn);
    double_publish(&keeper, 0);
    for (uint64_t i = 0; i < 1000; i++) {
        cr_assert_eq(next().turn, first + i);
        cr_assert_eq(commit.record.kind, COMMIT_DONE);
    }
    cr_assert(double_has(&commit, ITEM_REPLY, "1000"));
}

Test(host_life, waits_for_room_when_the_commits_ring_is_full) {
    start(PROBE, "0");
    struct double_turn turn = {.kind = TURN_CALL,
                               .behaviour = PROBE,
                               .slot = 1,
                               .epoch = 1,
                               .payload = "[\"reply_bytes\", 100000]"};
    // Ten replies of 100 kB fill the ring of 1 MiB; a hundred do not fit.
    uint64_t first = keeper.turn_next;
    for (int i = 0; i < 100; i++) double_write(&keeper, 0, turn);
    double_publish(&keeper, 0);
    double_wait_sleep(&keeper, 0); // for room
    for (uint64_t i = 0; i < 100; i++) {
        cr_assert_eq(next().turn, first + i);
        cr_assert_eq(commit.record.flags, 0);
        cr_assert_gt(commit.record.item_bytes, 100000);
    }
}

Test(host_life, large_bodies_go_through_the_bulk_areas_one_after_the_other) {
    // Of different sizes, so that one that is overwritten too early shows.
    static const char *const steps[] = {"[[\"set_bytes\", 3000000], \"state\"]",
                                        "[[\"set_bytes\", 3000001], \"state\"]",
                                        "[[\"set_bytes\", 3000002], \"state\"]"};
    start(PROBE, "0");
    for (int i = 0; i < 3; i++) {
        double_write(
            &keeper, 0,
            (struct double_turn){
                .kind = TURN_CALL, .behaviour = PROBE, .slot = 1, .epoch = 1, .payload = steps[i]});
    }
    double_publish(&keeper, 0);
    double_wait_sleep(&keeper, 0); // it has gone as far as it can
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(next().kind, COMMIT_DONE);
        cr_assert_eq(commit.record.flags, COMMIT_BULK);
        cr_assert_eq(commit.record.record_bytes, sizeof(struct commit_record));
        struct item_header  head;
        struct peeper_value state, reply;
        const uint8_t      *data;
        size_t              bytes;
        cr_assert(double_item(&commit, ITEM_REPLY, 0, &head, &reply, NULL));
        cr_assert(double_item(&commit, ITEM_STATE, 0, &head, &state, NULL));
        cr_assert(peeper_value_check(state));
        cr_assert(peeper_value_bytes(state, &data, &bytes));
        cr_assert_eq(bytes, 3000000 + i);
        cr_assert_eq(state.bytes, reply.bytes);
    }
}

Test(host_life, a_large_message_is_read_from_the_bulk_area) {
    start(PROBE, "0");
    struct peeper_writer steps = {0};
    static uint8_t       zeros[2000000];
    peeper_write_list(&steps);
    peeper_write_string(&steps, "set");
    peeper_write_bytes(&steps, zeros, sizeof zeros);
    peeper_write_end(&steps);
    struct commit_record record = run((struct double_turn){
        .kind = TURN_CALL, .behaviour = PROBE, .raw = peeper_writer_value(&steps)});
    cr_assert_eq(record.kind, COMMIT_DONE);
    cr_assert_gt(record.item_bytes, sizeof zeros);
    peeper_writer_fini(&steps);
    call(PROBE, "[[\"set\", 1], \"state\"]");
    cr_assert(double_has(&commit, ITEM_REPLY, "1"));
}

Test(host_life, items_over_the_bulk_area_break_the_contract) {
    start(PROBE, "0");
    call(PROBE, "[[\"set_bytes\", 40000000]]");
    cr_assert_eq(commit.record.kind, COMMIT_DONE);
    check_crash(call(PROBE, "[[\"set_bytes\", 40000000], \"state\"]"), COMMIT_CODE_CONTRACT,
                "\"items_too_large(67108864)\"");
}

Test(host_life, turns_that_were_taken_back_are_not_run) {
    start(COUNTER, "0");
    struct double_turn turn = {
        .kind = TURN_CALL, .behaviour = COUNTER, .slot = 1, .epoch = 1, .payload = "\"inc\""};
    double_write(&keeper, 0, turn);
    double_write(&keeper, 0, turn);
    double_recall(&keeper, 0);
    double_write(&keeper, 0, turn);
    double_publish(&keeper, 0);
    cr_assert_eq(next().kind, COMMIT_SKIP);
    cr_assert_eq(next().kind, COMMIT_SKIP);
    cr_assert_eq(next().kind, COMMIT_DONE);
    cr_assert(double_has(&commit, ITEM_REPLY, "1"));
}

Test(host_start, drops_what_was_not_used_lately_when_the_cache_is_full) {
    const char *arguments[] = {"--behaviours", PEEPER_BEHAVIOURS, "--cache", "10", NULL};
    host_begin_with(1, arguments);
    struct double_turn turn = {.behaviour = COUNTER, .payload = "null"};
    for (turn.slot = 1; turn.slot <= 100; turn.slot++) {
        turn.kind = TURN_INIT;
        cr_assert_eq(run(turn).kind, COMMIT_DONE);
    }
    turn.payload = "\"state\"";
    int kept = 0;
    for (turn.slot = 1; turn.slot <= 100; turn.slot++) {
        turn.kind = TURN_CALL;
        kept += run(turn).kind == COMMIT_DONE;
    }
    cr_assert_eq(kept, 10);
    host_end();
}

Test(host_start, each_worker_answers_in_its_own_ring) {
    const char *arguments[] = {"--behaviours", PEEPER_BEHAVIOURS, "--workers", "3", NULL};
    host_begin_with(3, arguments);
    for (uint32_t worker = 0; worker < 3; worker++) {
        uint64_t turn = double_write(
            &keeper, worker,
            (struct double_turn){
                .kind = TURN_INIT, .behaviour = COUNTER, .slot = 1, .epoch = 1, .payload = "3"});
        double_publish(&keeper, worker);
        double_take(&keeper, worker, &commit);
        cr_assert_eq(commit.record.turn, turn);
        double_commit_free(&commit);
    }
    host_end();
}

// --- Sleep ---------------------------------------------------------------------------------------

#define IDLE_CPU_NS_MAX 2000000 // one that looks again and again spends a hundred times as much

// Processor time of the host so far.
static uint64_t host_cpu_ns(void) {
    clockid_t       clock;
    struct timespec spent;
    cr_assert_eq(clock_getcpuclockid(keeper.pid, &clock), 0);
    cr_assert_eq(clock_gettime(clock, &spent), 0);
    return (uint64_t)spent.tv_sec * 1000000000u + (uint64_t)spent.tv_nsec;
}

Test(host_life, an_idle_host_uses_no_processor_time) {
    start(COUNTER, "0");
    double_wait_sleep(&keeper, 0);
    // It has said so and is about to: the way into the kernel is all that it may still spend.
    uint64_t before_ns = host_cpu_ns();
    // house-rules: sleep: the time over which nothing must happen is what is tested
    usleep(200000);
    cr_assert_lt(host_cpu_ns() - before_ns, IDLE_CPU_NS_MAX);
    call(COUNTER, "\"inc\"");
    cr_assert(double_has(&commit, ITEM_REPLY, "1"));
}

// --- Death ---------------------------------------------------------------------------------------

static const struct death_row {
    const char *argument; // of the message
    enum death  death;
    uint32_t    detail;
    int         signal; // by which the process ended; 0: it exited with `detail`
    const char *first;  // how the trace begins
    const char *later;  // what else is in it
} DEATHS[] = {
    {"\"segfault\"", DEATH_SIGNAL, SIGSEGV, SIGSEGV, "probe.so+0x", "\npeeper-host+0x"},
    {"\"abort\"", DEATH_SIGNAL, SIGABRT, SIGABRT, "lib", "\nprobe.so+0x"},
    {"[\"native_exit\", 3]", DEATH_EXIT, 3, 0, "lib", "\nprobe.so+0x"},
    {"\"recurse\"", DEATH_OVERFLOW, SIGSEGV, SIGSEGV, "probe.so+0x", "\nprobe.so+0x"},
    {"\"jump_nowhere\"", DEATH_SIGNAL, SIGSEGV, SIGSEGV, "?+0x40", "\nprobe.so+0x"},
    // Nobody can tell who called; but the report comes, and says where it was.
    {"\"wreck_stack\"", DEATH_SIGNAL, SIGSEGV, SIGSEGV, "probe.so+0x", ""},
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    // A sanitizer that gets no memory ends the process in its own way, past every handler.
    {"\"leak\"", DEATH_MEMORY, SIGSEGV, SIGSEGV, "probe.so+0x", ""},
#endif
};

static void check_trace(const struct death_row *row, const struct commits_control *control) {
    char trace[TRACE_BYTES_MAX + 1] = {0};
    cr_assert(control->trace_bytes <= TRACE_BYTES_MAX);
    memcpy(trace, control->trace, control->trace_bytes);
    cr_assert(strncmp(trace, row->first, strlen(row->first)) == 0, "%s: %s", row->argument, trace);
    cr_assert(strstr(trace, row->later) != NULL, "%s: %s", row->argument, trace);
}

static void check_death(const struct death_row *row) {
    const char *arguments[] = {"--behaviours", PEEPER_BEHAVIOURS, "--memory", "33554432", NULL};
    host_begin_with(1, arguments);
    start(PROBE, "0");
    uint64_t position = keeper.turn_heads[0];
    double_write(&keeper, 0,
                 (struct double_turn){.kind = TURN_CALL,
                                      .behaviour = PROBE,
                                      .slot = 1,
                                      .epoch = 1,
                                      .payload = row->argument});
    double_publish(&keeper, 0);
    const struct commits_control *control = double_wait_death(&keeper, 0);
    cr_assert_eq(control->death, row->death, "%s: death %u", row->argument, control->death);
    cr_assert_eq(control->death_signal, row->detail, "%s", row->argument);
    cr_assert_eq(control->claimed, position + 1, "%s", row->argument);
    check_trace(row, control);
    int status = double_wait_exit(&keeper);
    if (row->signal != 0) {
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == row->signal, "%s", row->argument);
        cr_assert_not(WCOREDUMP(status), "%s", row->argument);
    } else {
        cr_assert(WIFEXITED(status) && (uint32_t)WEXITSTATUS(status) == row->detail);
    }
    host_end();
}

Test(host_start, tells_of_its_death_and_which_turn_it_was) {
    for (size_t i = 0; i < sizeof DEATHS / sizeof DEATHS[0]; i++) check_death(&DEATHS[i]);
}

Test(host_life, a_fault_tells_its_address) {
    start(COUNTER, "0");
    double_write(&keeper, 0,
                 (struct double_turn){.kind = TURN_CALL,
                                      .behaviour = COUNTER,
                                      .slot = 1,
                                      .epoch = 1,
                                      .payload = "\"segfault\""});
    double_publish(&keeper, 0);
    cr_assert_eq(double_wait_death(&keeper, 0)->death_address, 64);
}

Test(host_start, a_death_is_told_in_the_ring_of_the_worker_that_fell) {
    const char *arguments[] = {"--behaviours", PEEPER_BEHAVIOURS, "--workers", "2", NULL};
    host_begin_with(2, arguments);
    static const char *const payloads[] = {"null", "\"abort\""};
    for (int i = 0; i < 2; i++) {
        double_write(&keeper, 1,
                     (struct double_turn){.kind = i == 0 ? TURN_INIT : TURN_CALL,
                                          .behaviour = COUNTER,
                                          .slot = 1,
                                          .epoch = 1,
                                          .payload = payloads[i]});
    }
    double_publish(&keeper, 1);
    cr_assert_eq(double_wait_death(&keeper, 1)->death, DEATH_SIGNAL);
    cr_assert_eq(((struct commits_control *)(void *)keeper.commits[0].control)->death, DEATH_NONE);
    host_end();
}

Test(host_life, leaves_the_end_to_its_keeper) {
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    start(COUNTER, "0");
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        cr_assert_eq(kill(keeper.pid, ignored[i]), 0);
        cr_assert_eq(call(COUNTER, "\"inc\"").kind, COMMIT_DONE);
    }
}
