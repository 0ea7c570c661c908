// probe_state: what a probe remembers.
#pragma once

#include <peeper/behaviour.h>

#define PROBE_LOG_MAX 64           // records; the oldest goes first
#define PROBE_LOG_BYTES_MAX 1024   // of a message in the log; a larger one is recorded as null
#define PROBE_WRAPPED_KEY "$probe" // in a saved state that holds more than `value`

struct probe_record {
    const char         *kind;    // a literal
    struct peeper_value message; // peeper_alloc
};

struct probe {
    struct peeper_value  value;        // the state proper; peeper_alloc
    struct peeper_value  on_terminate; // steps; peeper_alloc
    peeper_from          from;         // the call that waits for "answer"; 0 if none
    peeper_ref           ref;          // of the monitor made last; this copy's only
    peeper_timer         timer;        // that was sent off last; 0 if none
    struct probe_record *log;          // PROBE_LOG_MAX of them, used as a ring; peeper_alloc
    size_t               logged;       // ever
    uint8_t             *scratch;      // malloc: what was written last; see probe_keep_written
};

// Replaces `kept`, one of the probe's Values, by a copy of `value`.
void probe_keep(struct peeper_ctx *ctx, struct peeper_value *kept, struct peeper_value value);

// The same with what was written to `writer`, which is used up. A writer's memory is malloc's, and
// a crash of the turn would leak it: so it becomes the probe's scratch before anything can crash.
void probe_keep_written(struct peeper_ctx *ctx, struct probe *probe, struct peeper_value *kept,
                        struct peeper_writer *writer);

// Writes one of them; one that was never kept is null.
void probe_write_kept(struct peeper_writer *out, struct peeper_value kept);

// Adds `value` to the end of the state; a state that is no list becomes one.
void probe_append(struct peeper_ctx *ctx, struct probe *probe, struct peeper_value value);

// Records a callback. The log lives as long as this copy of the actor: it is not part of the saved
// state, so that reading does not look like changing.
void probe_record(struct peeper_ctx *ctx, struct probe *probe, const char *kind,
                  struct peeper_value message);
void probe_write_log(const struct probe *probe, struct peeper_writer *out);

// The saved state is the value itself, as an operator wants to see it; only if there is more to
// remember it is a map with PROBE_WRAPPED_KEY.
void probe_save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out);
bool probe_load(struct peeper_ctx *ctx, void *state, struct peeper_value saved);

// Frees what is not peeper_alloc's.
void probe_drop(void *state);
