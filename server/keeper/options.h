// options: every limit and default of the keeper in one place. Filled by main, read by everybody.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_BYTES_MAX 255
#define DEADLINE_MS_MAX 3600000u
#define DEADLINE_MS_DEFAULT 5000u
#define INTENSITY_DEFAULT 3u
#define PERIOD_MS_DEFAULT 5000u
#define PERIOD_MS_MAX 3600000u
#define BACKOFF_MS_MIN 10u
#define BACKOFF_MS_MAX 5000u
#define BEHAVIOURS_MAX 256
#define LOG_VALUE_BYTES_MAX 512u

struct keeper_options {
    const char *behaviours; // directory; borrowed
    const char *host_program;
    const char *token; // NULL: none is asked for
    uint32_t    workers;
    uint32_t    own_hosts_max;      // actors that have a host of their own
    uint32_t    quarantine_workers; // of the hosts for those in quarantine
    uint32_t    quarantine_ms;      // how long it has to be quiet to be let go
    uint64_t    host_memory_bytes;
    uint32_t    host_cache; // actors cached per worker
    bool        core_dumps;
    bool        allow_native_deploy; // clients may send shared objects
    uint32_t    generations;
    uint32_t    mailbox_max;     // default per actor
    uint32_t    actors_max;      // in the whole server
    uint32_t    pending_max;     // deferred calls
    uint32_t    timers_max;      // of send_after, pending
    uint32_t    idempotency_max; // keys whose requests are under way, or whose outcomes are kept
    uint32_t    idempotency_ms;  // how long those are kept
    uint64_t    idempotency_bytes_max; // of keys, outcomes and those who wait for them
    uint64_t    waiting_bytes_max;     // of all messages in all mailboxes
    uint64_t    table_bytes_max;       // of one actor's rows, with what keeping them costs
    uint32_t    connections_max;
    uint32_t    frame_bytes_max;
    uint32_t    output_bytes_max;       // per connection
    uint32_t    crashes_max;            // entries of the crash log
    uint64_t    crash_bytes_max;        // of the crash log
    uint32_t    log_value_bytes;        // of a message or reason in a log line
    uint32_t    watches_max;            // of all clients
    uint32_t    prefix_watches_max;     // likewise; each event is compared with all of them
    uint32_t    connection_watches_max; // of one client
    uint32_t    stream_bytes_max; // unread by a client before it is told a gap instead of events
    uint32_t    hello_ms;
    uint32_t    spin_us; // how long the net thread polls for commits before it sleeps
};
