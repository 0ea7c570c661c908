#include "keeper/metrics.h"

const uint32_t RECOVERY_BOUNDS_US[RECOVERY_BUCKETS - 1] = {
    50, 100, 200, 400, 1000, 3000, 10000, 30000, 100000, 1000000, 5000000};

static const char *const KIND_TEXTS[CRASH_KIND_COUNT] = {
#define CRASH_TEXT(name, text) text,
    CRASH_KINDS(CRASH_TEXT)
#undef CRASH_TEXT
};

const char *crash_kind_text(enum crash_kind kind) {
    return KIND_TEXTS[kind];
}

void metrics_recovery(struct metrics *metrics, uint64_t recovery_us) {
    int bucket = 0;
    while (bucket < RECOVERY_BUCKETS - 1 && recovery_us > RECOVERY_BOUNDS_US[bucket]) bucket++;
    metrics->recovery[bucket]++;
    metrics->recovery_us_sum += recovery_us;
}
