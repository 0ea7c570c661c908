#include "base/clock.h"
#include "base/log.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The test's own clock takes the place of base/clock in this program.
static uint64_t now_ms = 5000;

uint64_t clock_mono_ns(void) {
    return now_ms * 1000000;
}
uint64_t clock_mono_ms(void) {
    return now_ms;
}
uint64_t clock_wall_ms(void) {
    return 951782400000 + now_ms;
}

static FILE *captured;

static void capture(void) {
    captured = tmpfile();
    dup2(fileno(captured), STDERR_FILENO);
}

TestSuite(log, .init = capture, .timeout = 20);

// What was written to stderr so far.
static const char *output(void) {
    static char text[65536];
    ssize_t     bytes = pread(fileno(captured), text, sizeof text - 1, 0);
    text[bytes < 0 ? 0 : bytes] = '\0';
    return text;
}

static int count_of(const char *text, const char *wanted) {
    int count = 0;
    while ((text = strstr(text, wanted)) != NULL) {
        text += strlen(wanted);
        count++;
    }
    return count;
}

Test(log, a_line_has_time_level_event_and_pairs) {
    LOG_WARN("conn.closed", "peer=%s age_ms=%d", "a", 7);
    cr_assert_str_eq(output(), "2000-02-29T00:00:05Z warn conn.closed peer=a age_ms=7\n");
}

Test(log, lines_below_the_level_are_dropped_and_not_counted) {
    for (int i = 0; i < 100; i++) LOG_DEBUG("a.debug", "n=%d", i);
    cr_assert_str_eq(output(), "");
    log_level_set(LOG_LEVEL_DEBUG);
    LOG_DEBUG("a.debug", "n=1");
    cr_assert_eq(count_of(output(), "\n"), 1);
    log_level_set(LOG_LEVEL_ERROR);
    LOG_WARN("a.warn", "n=2");
    LOG_ERROR("an.error", "n=3");
    cr_assert_eq(count_of(output(), "\n"), 2);
}

Test(log, repeats_beyond_twenty_in_a_second_are_hidden_and_counted) {
    static const char EVENT[] = "a.storm";
    for (int i = 0; i < 50; i++) LOG_INFO(EVENT, "n=%d", i);
    LOG_INFO("another.event", "n=1");
    cr_assert_eq(count_of(output(), "a.storm"), 20);
    cr_assert_eq(count_of(output(), "another.event"), 1);

    now_ms += 1000;
    LOG_INFO(EVENT, "n=50");
    LOG_INFO(EVENT, "n=51");
    cr_assert_eq(count_of(output(), "a.storm n=50 hidden_before=30\n"), 1);
    cr_assert_eq(count_of(output(), "a.storm n=51\n"), 1);
}

Test(log, two_events_that_hash_alike_are_limited_each_for_itself) {
    // Names this far apart begin to look at the same row.
    static char names[2][256 * 8];
    strcpy(names[0], "first.event");
    strcpy(names[1], "second.event");
    for (int i = 0; i < 50; i++) {
        LOG_INFO(names[0], "n=%d", i);
        LOG_INFO(names[1], "n=%d", i);
    }
    cr_assert_eq(count_of(output(), "first.event"), 20);
    cr_assert_eq(count_of(output(), "second.event"), 20);
    now_ms += 1000;
    LOG_INFO(names[0], "n=50");
    LOG_INFO(names[1], "n=50");
    cr_assert_eq(count_of(output(), "hidden_before=30\n"), 2);
}

Test(log, more_events_than_the_table_has_rows_are_still_written) {
    static char names[300][16];
    for (int i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "event.%d", i);
        LOG_INFO(names[i], "n=1");
    }
    cr_assert_eq(count_of(output(), "\n"), 300);
}

Test(log, a_line_too_long_is_cut_and_still_one_line) {
    static char text[5000];
    memset(text, 'x', sizeof text - 1);
    LOG_INFO("a.long", "text=%s", text);
    const char *line = output();
    cr_assert_eq(count_of(line, "\n"), 1);
    cr_assert_lt(strlen(line), 2048);
    cr_assert_eq(line[strlen(line) - 1], '\n');
}

static void assert_quoted(const char *text, uint32_t bytes, const char *expected) {
    char room[64];
    cr_assert(log_quote(room, sizeof room, text, bytes) == room);
    cr_assert_str_eq(room, expected);
}

Test(log, outside_text_cannot_break_the_line) {
    assert_quoted("", 0, "\"\"");
    assert_quoted("cart/7", 6, "\"cart/7\"");
    assert_quoted("a\nb\x7f", 4, "\"a\\x0ab\\x7f\"");
    assert_quoted("\0\x1b[m", 4, "\"\\x00\\x1b[m\"");
    assert_quoted("say \"a\\b\"", 9, "\"say \\\"a\\\\b\\\"\"");
}

Test(log, outside_text_stays_utf8) {
    assert_quoted("na\xc3\xafve \xf0\x9f\x98\x80", 11, "\"na\xc3\xafve \xf0\x9f\x98\x80\"");
    assert_quoted("\xff\xc3", 2, "\"\\xff\\xc3\"");
    assert_quoted("\xc2\x9b", 2, "\"\\xc2\\x9b\"");
}

Test(log, quoted_text_is_cut_to_its_room_and_closed) {
    static const char *const TEXTS[] = {"aaaaaaaaaaaaaaaaaaaaaaaa", "\x01\x01\x01\x01\x01\x01\x01",
                                        "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"",
                                        "\xf0\x9f\x98\x80\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        for (uint32_t bytes = LOG_QUOTE_BYTES_MIN; bytes < 20; bytes++) {
            char room[32];
            memset(room, '#', sizeof room);
            log_quote(room, bytes, TEXTS[i], (uint32_t)strlen(TEXTS[i]));
            size_t used = strlen(room);
            cr_assert_lt(used, bytes);
            cr_assert(room[0] == '"' && room[used - 1] == '"');
            cr_assert_eq(room[bytes], '#');
        }
    }
}

Test(log, quoting_into_no_room_is_a_bug, .signal = SIGABRT) {
    char room[2];
    log_quote(room, sizeof room, "a", 1);
}
