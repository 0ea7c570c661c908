#include "base/log.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_BYTES 2048
#define LOG_EVENTS_MAX 64
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

// False if this line must be hidden; otherwise how many were hidden before it.
static int rate_admit(const char *event, uint32_t *ret_hidden) {
    uint64_t second = clock_mono_ms() / 1000;
    int      admitted = 1;
    *ret_hidden = 0;

    pthread_mutex_lock(&rates_lock);
    struct event_rate *rate = &rates[((uintptr_t)event >> 3) % LOG_EVENTS_MAX];
    if (rate->event != event) *rate = (struct event_rate){.event = event, .second = second};
    if (rate->second != second) {
        *ret_hidden = rate->hidden;
        *rate = (struct event_rate){.event = event, .second = second};
    }
    if (rate->written < LOG_BURST_MAX) {
        rate->written++;
    } else {
        rate->hidden++;
        admitted = 0;
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

const char *log_quote(char *room, uint32_t room_bytes, const void *text, uint32_t text_bytes) {
    const unsigned char *bytes = text;
    uint32_t             used = 0;

    room[used++] = '"';
    for (uint32_t i = 0; i < text_bytes && used + 6 < room_bytes; i++) {
        unsigned char c = bytes[i];
        if (c == '"' || c == '\\') room[used++] = '\\';
        if (c < 0x20 || c == 0x7f) {
            used += (uint32_t)snprintf(room + used, 5, "\\x%02x", c);
        } else {
            room[used++] = (char)c;
        }
    }
    room[used++] = '"';
    room[used] = '\0';
    return room;
}
