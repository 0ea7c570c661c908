#include "keeper/window.h"

// Another period has buckets of another width. What was counted goes into them as late as it may
// have been: rather too long than too short.
static void rescale(struct window *window, uint64_t now_ms, uint64_t width_ms) {
    const struct window old = *window;
    *window = (struct window){.width_ms = width_ms};
    for (int i = 0; i < WINDOW_BUCKETS; i++) {
        if (old.bucket[i] == 0) continue;
        uint64_t at_ms = old.bucket[i] * old.width_ms - 1;
        uint64_t bucket = (at_ms < now_ms ? at_ms : now_ms) / width_ms + 1;
        uint64_t place = bucket % WINDOW_BUCKETS;
        if (bucket < window->bucket[place]) continue; // older than any period reaches
        if (bucket > window->bucket[place]) window->count[place] = 0;
        window->bucket[place] = bucket;
        window->count[place] += old.count[i];
    }
}

uint32_t window_count(struct window *window, uint64_t now_ms, uint32_t period_ms) {
    uint64_t width_ms = period_ms / (WINDOW_BUCKETS - 2);
    if (width_ms < 1000) width_ms = 1000;
    if (width_ms != window->width_ms) rescale(window, now_ms, width_ms);
    uint64_t now = now_ms / width_ms + 1;
    uint64_t span = period_ms / width_ms;
    uint64_t place = now % WINDOW_BUCKETS;
    uint64_t count = 0;

    if (window->bucket[place] != now) {
        window->bucket[place] = now;
        window->count[place] = 0;
    }
    window->count[place]++;
    for (int i = 0; i < WINDOW_BUCKETS; i++) {
        if (window->bucket[i] != 0 && window->bucket[i] + span >= now) count += window->count[i];
    }
    return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}
