#include "base/log.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/utf8.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_BYTES 2048
#define LOG_EVENTS_MAX 256
#define LOG_BURST_MAX 20

static const char *const LEVEL_NAMES[] = {"debug", "info", "warn", "error"};

static enum log_level level_min = LOG_LEVEL_INFO;

struct event_rate {
    const char *event; // borrowed literal, compared by address
    uint64_t    second;
    uint32_t    written;
    uint32_t    hidden;
};

static pthread_mutex_t   rates_lock = PTHREAD_MUTEX_INITIALIZER;
static struct event_rate rates[LOG_EVENTS_MAX]; // guarded by rates_lock

void log_level_set(enum log_level level) {
    level_min = level;
}

// The row of `event`. Once the table is full, a new event takes over the row where it would begin
// to look: limiting a little too little is better than mixing two events up.
static struct event_rate *rate_of(const char *event) {
    size_t home = ((uintptr_t)event >> 3) % LOG_EVENTS_MAX;
    for (size_t i = 0; i < LOG_EVENTS_MAX; i++) {
        struct event_rate *rate = &rates[(home + i) % LOG_EVENTS_MAX];
        if (rate->event == event) return rate;
        if (rate->event == NULL) {
            rate->event = event;
            return rate;
        }
    }
    rates[home] = (struct event_rate){.event = event};
    return &rates[home];
}

// False if this line must be hidden. *ret_hidden: how many were hidden before it.
static bool rate_admit(const char *event, uint32_t *ret_hidden) {
    uint64_t second = clock_mono_ms() / 1000;
    bool     admitted = true;
    *ret_hidden = 0;

    pthread_mutex_lock(&rates_lock);
    struct event_rate *rate = rate_of(event);
    if (rate->second != second) {
        *ret_hidden = rate->hidden;
        *rate = (struct event_rate){.event = event, .second = second};
    }
    if (rate->written < LOG_BURST_MAX) {
        rate->written++;
    } else {
        rate->hidden++;
        admitted = false;
    }
    pthread_mutex_unlock(&rates_lock);
    return admitted;
}

void log_write(enum log_level level, const char *event, const char *format, ...) {
    uint32_t hidden;
    if (level < level_min || !rate_admit(event, &hidden)) return;

    char      line[LOG_LINE_BYTES];
    time_t    now = (time_t)(clock_wall_ms() / 1000);
    struct tm utc;
    gmtime_r(&now, &utc);

    size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ", &utc);
    used += (size_t)snprintf(line + used, sizeof line - used, " %s %s ", LEVEL_NAMES[level], event);

    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(line + used, sizeof line - used, format, arguments);
    va_end(arguments);
    if (wanted > 0) used += (size_t)wanted;
    if (used > sizeof line - 32) used = sizeof line - 32;
    if (hidden > 0) used += (size_t)snprintf(line + used, 31, " hidden_before=%u", hidden);
    line[used++] = '\n';

    // A log that cannot be written has nowhere to be reported.
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written;
}

// Bytes at `at` that may go into a log as they are; 0 if the first must be written as \xNN.
static size_t plain_bytes(const uint8_t *at, size_t left) {
    size_t bytes = utf8_sequence(at, left);
    if (bytes == 1) return at[0] >= 0x20 && at[0] != 0x7f;
    // U+0080 to U+009F are control characters to a terminal.
    if (bytes == 2 && at[0] == 0xc2 && at[1] < 0xa0) return 0;
    return bytes;
}

const char *log_quote(char *room, uint32_t room_bytes, const void *text, uint32_t text_bytes) {
    const uint8_t *at = text;
    size_t         left = text_bytes;
    size_t         used = 0;
    CHECK(room_bytes >= LOG_QUOTE_BYTES_MIN);

    room[used++] = '"';
    // One round writes at most four bytes; the quote and the NUL come after them.
    while (left > 0 && used + 6 <= room_bytes) {
        size_t bytes = plain_bytes(at, left);
        if (bytes == 0) {
            used += (size_t)snprintf(room + used, 5, "\\x%02x", at[0]);
            bytes = 1;
        } else {
            if (at[0] == '"' || at[0] == '\\') room[used++] = '\\';
            memcpy(room + used, at, bytes);
            used += bytes;
        }
        at += bytes;
        left -= bytes;
    }
    room[used++] = '"';
    room[used] = '\0';
    return room;
}
