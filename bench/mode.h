// mode: what the generator can do, one function each; and what they share.
//
// Each mode prints one line of JSON on stdout when it is done. With `stepped` it waits before every
// round for a line on stdin and answers it with the line "ok", so that its starter can say when the
// server is ready for it.
#pragma once

#include "engine.h"
#include "histogram.h"

#include <stdbool.h>
#include <stdint.h>

struct options {
    struct engine_options engine;
    uint32_t              keys;      // counters; 1 to KEYS_MAX
    double                seconds;   // measured
    double                warm;      // seconds before, not measured
    uint32_t              rounds;    // crashes, where not stepped
    enum op               crash;     // OP_RAISE or OP_SEGFAULT
    uint64_t              grow;      // bytes that the host holds before a crash
    uint32_t              first_key; // where the keys begin
    bool                  stepped;
    bool                  never_tired; // start: with an endless intensity
};

// Counts up random counters and checks afterwards that each has exactly what was acknowledged.
void mode_run(const struct options *options);
// Makes the counters, as fast as the pipeline allows.
void mode_start(const struct options *options);
// Crashes one counter again and again; measures until the next call is answered.
void mode_crash(const struct options *options);
// Kills the process that runs the counters; measures until calls are answered; checks them all.
void mode_kill(const struct options *options);

// Reads every counter.   Shape: `values` has room for options->keys.   Blocks: yes.
void counters_read(struct engine *engine, const struct options *options, int64_t *values);

// The next round may begin; false after the last one. `round` counts from 0.
bool round_begin(const struct options *options, uint32_t round);
void round_end(const struct options *options);

// Prints `"name": {"count": ..., "p50_us": ..., ...}` without a comma.
void print_histogram(const char *name, const struct histogram *histogram);

// Zeroed memory.   Owns: the caller.   Fails: fatal().
void *allocate(size_t count, size_t bytes);

// Uniform in [0, below).
struct random {
    uint64_t state; // any but 0
};
uint32_t random_below(struct random *random, uint32_t below);
