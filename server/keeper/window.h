// window: counts restarts within a period, for the intensity of whoever restarts.
//
// The period is cut into buckets of at least a second, which is how OTP counts: whole monotonic
// seconds, and a restart just one period old still counts.
#pragma once

#include <stdint.h>

#define WINDOW_BUCKETS 64

// All zero: nothing was counted.
struct window {
    uint64_t width_ms; // of a bucket
    uint64_t bucket[WINDOW_BUCKETS];
    uint32_t count[WINDOW_BUCKETS];
};

// Counts one restart at `now_ms` (monotonic) and answers how many are within `period_ms`, this one
// included.   Thread: owner.
uint32_t window_count(struct window *window, uint64_t now_ms, uint32_t period_ms);
