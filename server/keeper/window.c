#include "keeper/window.h"

uint32_t window_count(struct window *window, uint64_t now_ms, uint32_t period_ms) {
    uint64_t width_ms = period_ms / (WINDOW_BUCKETS - 2);
    if (width_ms < 1000) width_ms = 1000;
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
