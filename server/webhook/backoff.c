#include "webhook/backoff.h"

#include <stddef.h>

enum backoff_verdict backoff_judge(unsigned code) {
    static const struct {
        unsigned             first, last;
        enum backoff_verdict verdict;
    } RANGES[] = {
        {0, 0, BACKOFF_AGAIN},     {200, 299, BACKOFF_DONE},  {408, 408, BACKOFF_AGAIN},
        {425, 425, BACKOFF_AGAIN}, {429, 429, BACKOFF_AGAIN}, {500, 599, BACKOFF_AGAIN},
        {1, 99, BACKOFF_AGAIN}, // no HTTP
    };
    for (size_t i = 0; i < sizeof RANGES / sizeof RANGES[0]; i++) {
        if (code >= RANGES[i].first && code <= RANGES[i].last) return RANGES[i].verdict;
    }
    return BACKOFF_REFUSED;
}

uint32_t backoff_ms(uint32_t attempts, uint32_t random, uint64_t asked_s) {
    uint32_t full = BACKOFF_FIRST_MS;
    for (uint32_t i = 1; i < attempts && full < BACKOFF_MAX_MS; i++) full *= 2;
    if (full > BACKOFF_MAX_MS) full = BACKOFF_MAX_MS;
    uint32_t wait = full / 2 + random % (full / 2 + 1);
    uint64_t asked = asked_s > BACKOFF_ASKED_MAX_MS / 1000 ? BACKOFF_ASKED_MAX_MS : asked_s * 1000;
    return asked > wait ? (uint32_t)asked : wait;
}

bool backoff_may(uint32_t attempts, uint32_t retries, uint64_t age_ms, uint32_t wait_ms) {
    return attempts <= retries && age_ms + wait_ms <= BACKOFF_AGE_MS_MAX;
}
