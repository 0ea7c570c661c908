#include "histogram.h"

#include <math.h>

// Values below 64 have a bucket each; above, the top 7 bits choose it (the highest of them is
// always 1).
static uint32_t bucket_of(uint64_t value) {
    if (value < (1u << HISTOGRAM_SUB_BITS)) return (uint32_t)value;
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    uint32_t sub = (uint32_t)(value >> shift) & ((1u << HISTOGRAM_SUB_BITS) - 1);
    return ((shift + 1) << HISTOGRAM_SUB_BITS) + sub;
}

static uint64_t upper_bound_of(uint32_t bucket) {
    uint32_t group = bucket >> HISTOGRAM_SUB_BITS;
    if (group == 0) return bucket;
    uint64_t base = (1u << HISTOGRAM_SUB_BITS) + (bucket & ((1u << HISTOGRAM_SUB_BITS) - 1));
    return ((base + 1) << (group - 1)) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t duration_ns) {
    histogram->count++;
    if (duration_ns > histogram->max_ns) histogram->max_ns = duration_ns;
    histogram->buckets[bucket_of(duration_ns)]++;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent) {
    uint64_t rank = (uint64_t)ceil((double)histogram->count * percent / 100.0);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= rank && seen > 0) {
            uint64_t bound = upper_bound_of(i);
            return bound < histogram->max_ns ? bound : histogram->max_ns;
        }
    }
    return histogram->max_ns;
}
