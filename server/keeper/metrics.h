// metrics: what the net thread counts. One writer; others get a copy by message.
#pragma once

#include <stdint.h>

// field, OpenMetrics name, help
#define METRICS_COUNTERS(X)                                                                   \
    X(turns, "peeper_turns", "Turns handed to workers")                                       \
    X(commits, "peeper_commits", "Commits applied")                                           \
    X(commits_ignored, "peeper_commits_ignored", "Commits of turns that had been taken back") \
    X(restarts, "peeper_restarts", "Restarts of actors")                                      \
    X(loads, "peeper_loads", "States read back from the mirror")                              \
    X(skips, "peeper_skips", "Turns a worker had no copy for")                                \
    X(recalls, "peeper_recalls", "Turns taken back from a ring")                              \
    X(host_starts, "peeper_host_starts", "Host processes started")                            \
    X(host_deaths, "peeper_host_deaths", "Host processes lost")                               \
    X(host_nonsense, "peeper_host_nonsense", "Hosts killed for writing nonsense")             \
    X(host_retirements, "peeper_host_retirements",                                            \
      "Host processes ended because nobody was left to run there")                            \
    X(quarantines, "peeper_quarantines", "Actors put into quarantine")                        \
    X(timeouts, "peeper_timeouts", "Requests answered with TIMEOUT")                          \
    X(mailbox_full, "peeper_mailbox_full", "Messages refused because a mailbox was full")     \
    X(dropped, "peeper_dropped", "Casts and sends to nobody")                                 \
    X(repeats, "peeper_idempotency_repeats",                                                  \
      "Requests that were not run because another with their idempotency key was")            \
    X(keys_evicted, "peeper_idempotency_evictions",                                           \
      "Idempotency keys forgotten before their time for want of room")                        \
    X(connections_opened, "peeper_connections_opened", "Connections accepted")                \
    X(connections_refused, "peeper_connections_refused", "Connections over the limit")        \
    X(events, "peeper_events", "Events told to clients that watch")                           \
    X(event_gaps, "peeper_event_gaps", "Gaps told to clients that watch")                     \
    X(events_dropped, "peeper_events_dropped",                                                \
      "Events that were not told when they came, for want of room")                           \
    X(hooks, "peeper_listener_callbacks",                                                     \
      "Callbacks on_state_changed and on_terminate handed to workers")                        \
    X(hook_crashes, "peeper_listener_callback_crashes",                                       \
      "Callbacks on_state_changed and on_terminate that crashed or killed their host")        \
    X(frames, "peeper_frames", "Frames received")                                             \
    X(protocol_errors, "peeper_protocol_errors", "Connections closed for a malformed frame")

// kind of a crash, as clients see it
#define CRASH_KINDS(X)      \
    X(RAISE, "raise")       \
    X(CONTRACT, "contract") \
    X(EXIT, "exit")         \
    X(SIGNAL, "signal")     \
    X(DEADLINE, "deadline") \
    X(MEMORY, "memory")     \
    X(KILLED, "killed")     \
    X(HOST_LOST, "host_lost")

enum crash_kind {
#define CRASH_ENUM(name, text) CRASH_##name,
    CRASH_KINDS(CRASH_ENUM)
#undef CRASH_ENUM
        CRASH_KIND_COUNT
};

const char *crash_kind_text(enum crash_kind kind);

#define RECOVERY_BUCKETS 12

// Upper bounds of the recovery histogram; the last bucket has none.   Units: microseconds.
extern const uint32_t RECOVERY_BOUNDS_US[RECOVERY_BUCKETS - 1];

struct metrics {
#define METRICS_FIELD(field, name, help) uint64_t field;
    METRICS_COUNTERS(METRICS_FIELD)
#undef METRICS_FIELD
    uint64_t crashes[CRASH_KIND_COUNT];
    uint64_t recovery[RECOVERY_BUCKETS]; // from a crash to the next committed init
    uint64_t recovery_us_sum;
};

void metrics_recovery(struct metrics *metrics, uint64_t recovery_us);
