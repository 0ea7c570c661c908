// histogram: counts durations in log-linear buckets, so that percentiles cost a fixed amount of
// memory.
//
// 64 buckets per power of two: a percentile is at most 1.6 % above the exact one. Keeps no order,
// no sums.
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram { // visible for embedding only; zero it to begin
    uint64_t count;
    uint64_t max_ns;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

// Thread: owner.   Units: nanoseconds.
void histogram_add(struct histogram *histogram, uint64_t duration_ns);

// The smallest bucket bound that `percent` of the durations do not exceed; 0 where none was added.
// Shape: `percent` is above 0 and at most 100.   Units: nanoseconds.
uint64_t histogram_percentile(const struct histogram *histogram, double percent);
