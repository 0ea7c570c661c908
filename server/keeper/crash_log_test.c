#include "base/memory_fault_test.h"
#include "keeper/crash_log.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define BYTES_MAX (1u << 20)

static struct crash_log crashes;

static struct slice raw(const char *text) {
    return slice_of(text, strlen(text));
}

static void begin(uint32_t entries_max, uint64_t bytes_max) {
    cr_assert(crash_log_init(&crashes, entries_max, bytes_max) == STATUS_OK);
}

static void finish(void) {
    crash_log_fini(&crashes);
}

TestSuite(crash_log, .fini = finish, .timeout = 10);

static struct crash_report report_of(uint64_t unit, bool message_set_aside) {
    return (struct crash_report){
        .unit = unit,
        .incarnation = unit << 8,
        .name = raw("cart"),
        .behaviour = raw("counter"),
        .version = raw("1.2"),
        .kind = "raise",
        .reason = raw("reason"),
        .text = raw("handle_call of counter"),
        .message = raw("message"),
        .message_set_aside = message_set_aside,
        .state_version = 7,
    };
}

static uint64_t add(uint64_t unit, bool message_set_aside) {
    struct crash_report report = report_of(unit, message_set_aside);
    return crash_log_add(&crashes, &report, TURN_CALL);
}

static bool has(uint64_t id) {
    return crash_log_find(&crashes, id) != NULL;
}

static bool same(struct slice slice, const char *text) {
    return slice.bytes == strlen(text) && memcmp(slice.data, text, slice.bytes) == 0;
}

Test(crash_log, keeps_copies_of_everything) {
    begin(10, BYTES_MAX);
    char                name[] = "cart";
    struct crash_report report = report_of(5, false);
    report.name = raw(name);
    report.trace = raw("a.so+0x1 (f)\nb.so+0x2");
    report.attempts = 1;
    report.host_pid = 42;
    report.at_ms = 99;
    uint64_t id = crash_log_add(&crashes, &report, TURN_CAST);
    memset(name, 'x', sizeof name);

    const struct crash *crash = crash_log_find(&crashes, id);
    cr_assert(crash != NULL);
    cr_assert(crash->turn == TURN_CAST);
    cr_assert_str_eq(crash->report.turn, "cast");
    cr_assert(crash->report.id == id);
    cr_assert(crash->report.unit == 5);
    cr_assert(crash->report.incarnation == 5 << 8);
    cr_assert(same(crash->report.name, "cart"));
    cr_assert(same(crash->report.behaviour, "counter"));
    cr_assert(same(crash->report.version, "1.2"));
    cr_assert(same(crash->report.reason, "reason"));
    cr_assert(same(crash->report.text, "handle_call of counter"));
    cr_assert(same(crash->report.trace, "a.so+0x1 (f)\nb.so+0x2"));
    cr_assert(same(crash->report.message, "message"));
    cr_assert(crash->report.message_bytes == strlen("message"));
    cr_assert(!crash->report.message_cut);
    cr_assert(crash->report.state_version == 7);
    cr_assert(crash->report.host_pid == 42);
    cr_assert(crash->report.attempts == 1);
    cr_assert(crash->report.at_ms == 99);
    cr_assert(crash_redrive_fault(crash) == NULL);
}

Test(crash_log, drops_the_oldest_beyond_its_entries) {
    begin(4, BYTES_MAX);
    uint64_t ids[6];
    for (uint64_t i = 0; i < 6; i++) ids[i] = add(i + 1, false);
    cr_assert(!has(ids[0]));
    cr_assert(!has(ids[1]));
    for (int i = 2; i < 6; i++) cr_assert(has(ids[i]));
    cr_assert(crashes.count == 4);
}

Test(crash_log, drops_the_oldest_beyond_its_bytes) {
    struct crash_report report = report_of(1, false);
    static uint8_t      message[10000];
    report.message = slice_of(message, sizeof message);
    begin(1000, 35000);
    uint64_t ids[5];
    for (uint64_t i = 0; i < 5; i++) {
        report.unit = i + 1;
        ids[i] = crash_log_add(&crashes, &report, TURN_CALL);
        cr_assert(crashes.bytes <= crashes.bytes_max);
    }
    cr_assert(crashes.count == 3);
    cr_assert(!has(ids[1]));
    cr_assert(has(ids[2]));
}

Test(crash_log, keeps_what_killed_a_host_longer_than_the_rest) {
    begin(3, BYTES_MAX);
    uint64_t poison = add(1, true), oldest = add(2, false);
    for (uint64_t i = 3; i < 10; i++) add(i, false);
    cr_assert(has(poison));
    cr_assert(!has(oldest));
    cr_assert(crashes.count == 3);
}

Test(crash_log, is_bounded_also_where_everything_killed_a_host) {
    begin(3, BYTES_MAX);
    uint64_t first = add(1, true);
    for (uint64_t i = 2; i < 10; i++) add(i, true);
    cr_assert(!has(first));
    cr_assert(crashes.count == 3);
    uint64_t plain = add(20, false);
    cr_assert(has(plain), "a new one is kept whatever is there");
}

Test(crash_log, gives_one_unit_eight_places) {
    begin(100, BYTES_MAX);
    uint64_t other = add(2, false), poison = add(1, true), first = add(1, false);
    for (uint32_t i = 0; i < 50; i++) add(1, false);
    cr_assert(crashes.count == CRASHES_PER_UNIT_MAX + 1);
    cr_assert(has(other));
    cr_assert(has(poison), "of a unit's, too, the one that killed a host stays longer");
    cr_assert(!has(first));
    for (uint32_t i = 0; i < 50; i++) add(1, true);
    cr_assert(!has(poison));
    cr_assert(crashes.count == CRASHES_PER_UNIT_MAX + 1);
}

Test(crash_log, does_not_count_units_of_the_same_bucket_together) {
    begin(64, BYTES_MAX);
    for (uint64_t i = 0; i < 20; i++) cr_assert(add(1 + 64 * i, false) != 0);
    cr_assert(crashes.count == 20);
}

Test(crash_log, keeps_64_KiB_of_a_message_and_says_so) {
    begin(10, BYTES_MAX);
    static uint8_t      message[CRASH_MESSAGE_BYTES_MAX + 1];
    struct crash_report report = report_of(1, false);
    report.message = slice_of(message, sizeof message - 1);
    struct crash *crash = crash_log_find(&crashes, crash_log_add(&crashes, &report, TURN_CALL));
    cr_assert(!crash->report.message_cut);
    cr_assert(crash_redrive_fault(crash) == NULL);

    report.message = slice_of(message, sizeof message);
    crash = crash_log_find(&crashes, crash_log_add(&crashes, &report, TURN_CALL));
    cr_assert(crash->report.message_cut);
    cr_assert(crash->report.message.bytes == CRASH_MESSAGE_BYTES_MAX);
    cr_assert(crash->report.message_bytes == sizeof message);
    cr_assert(crash_redrive_fault(crash) != NULL);
}

Test(crash_log, bounds_every_other_text) {
    begin(10, BYTES_MAX);
    static uint8_t long_text[100000];
    memset(long_text, 'a', sizeof long_text);
    struct slice        text = slice_of(long_text, sizeof long_text);
    struct crash_report report = report_of(1, false);
    report.reason = report.behaviour = report.version = report.text = report.trace = text;
    const struct crash *crash =
        crash_log_find(&crashes, crash_log_add(&crashes, &report, TURN_CALL));
    cr_assert(crash->report.reason.bytes < 100, "instead of a long reason: that it was long");
    cr_assert(crash->report.behaviour.bytes == CRASH_TEXT_BYTES_MAX);
    cr_assert(crash->report.version.bytes == CRASH_TEXT_BYTES_MAX);
    cr_assert(crash->report.text.bytes == CRASH_TEXT_BYTES_MAX);
    cr_assert(crash->report.trace.bytes == TRACE_BYTES_MAX);
}

Test(crash_log, makes_what_a_host_wrote_printable) {
    begin(10, BYTES_MAX);
    struct crash_report report = report_of(1, false);
    report.text = raw("a\nb\x1b[31m\xff");
    report.trace = raw("a\nb\x01");
    const struct crash *crash =
        crash_log_find(&crashes, crash_log_add(&crashes, &report, TURN_CALL));
    cr_assert(same(crash->report.text, "a?b?[31m?"));
    cr_assert(same(crash->report.trace, "a\nb?"));
}

Test(crash_log, walks_backwards_over_entries_that_go_meanwhile) {
    begin(10, BYTES_MAX);
    cr_assert(crash_log_before(&crashes, 0) == NULL);
    uint64_t first = add(1, false), second = add(2, true), third = add(3, false);
    cr_assert(crash_log_before(&crashes, 0)->report.id == third);
    cr_assert(crash_log_before(&crashes, third)->report.id == second);
    crash_log_discard(&crashes, crash_log_find(&crashes, second));
    cr_assert(!has(second));
    cr_assert(crash_log_before(&crashes, third)->report.id == first);
    cr_assert(crash_log_before(&crashes, second)->report.id == first);
    cr_assert(crash_log_before(&crashes, first) == NULL);
}

Test(crash_log, runs_neither_init_nor_terminate_nor_nothing_again) {
    begin(10, BYTES_MAX);
    static const struct {
        enum turn_kind turn;
        bool           runs;
    } ROWS[] = {{TURN_CALL, true},         {TURN_CAST, true},  {TURN_INFO, true},
                {TURN_CONTINUE, true},     {TURN_INIT, false}, {TURN_TERMINATE, false},
                {(enum turn_kind)0, false}};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct crash_report report = report_of(1 + i, false);
        uint64_t            id = crash_log_add(&crashes, &report, ROWS[i].turn);
        cr_assert((crash_redrive_fault(crash_log_find(&crashes, id)) == NULL) == ROWS[i].runs);
    }
}

Test(crash_log, of_no_entries_keeps_nothing) {
    begin(0, BYTES_MAX);
    cr_assert(add(1, true) == 0);
    cr_assert(crash_log_find(&crashes, 0) == NULL);
    cr_assert(crash_log_before(&crashes, 0) == NULL);
}

Test(crash_log, refuses_an_entry_over_all_its_bytes) {
    begin(10, 100);
    cr_assert(add(1, true) == 0);
    cr_assert(crashes.count == 0);
}

#ifdef CAN_REFUSE_MEMORY
Test(crash_log, without_memory_keeps_nothing_of_the_crash) {
    begin(10, BYTES_MAX);
    refuse_memory(1);
    cr_assert(add(1, false) == 0);
    refuse_memory(0);
    cr_assert(crashes.count == 0);
    cr_assert(add(1, false) == 1);
    struct crash_log other;
    refuse_memory(1);
    cr_assert(crash_log_init(&other, 10, BYTES_MAX) == STATUS_NO_MEMORY);
    refuse_memory(0);
    crash_log_fini(&other);
}
#endif
