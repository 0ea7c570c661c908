// log: one line on stderr per event: time, level, dotted event name, key=value pairs.
//
// base/ and wire/ do not log. A failure is logged once, where it is handled.
#pragma once

#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

// Lines below this level are dropped. Set before threads start.   Thread: main.
void log_level_set(enum log_level level);

// Writes one line. Repeats of one event beyond 20 in a second are counted, and the count is told
// with the next line of that event.   Thread: any.   Blocks: on stderr.
__attribute__((format(printf, 3, 4))) void log_write(enum log_level level, const char *event,
                                                     const char *format, ...);

// Copies outside text for a log line: quoted, control characters and bytes that are not UTF-8 as
// \xNN, cut to fit `room`, which has at least LOG_QUOTE_BYTES_MIN bytes. Returns `room`.
// Thread: any.
#define LOG_QUOTE_BYTES_MIN 8
const char *log_quote(char *room, uint32_t room_bytes, const void *text, uint32_t text_bytes);

#define LOG_DEBUG(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARN(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_ERROR(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
