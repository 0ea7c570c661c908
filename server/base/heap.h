// heap: timers ordered by due time, as an intrusive 4-ary heap. It owns the array, not the timers.
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
    uint64_t due_ms; // monotonic
    uint32_t place;  // 1 + index in the heap; 0 while not armed
    uint32_t kind;   // the owner's; tells what embeds this timer
};

struct heap {
    struct timer **timers; // owned array of borrowed timers
    uint32_t       count;
    uint32_t       capacity;
};

static inline bool timer_armed(const struct timer *timer) {
    return timer->place != 0;
}

// Arms `timer` for `due_ms`, or moves it if it is armed.
// Fails: STATUS_NO_MEMORY, timer as before.   Thread: owner.
NODISCARD enum status heap_arm(struct heap *heap, struct timer *timer, uint64_t due_ms);

// Disarms; fine if it is not armed.   Thread: owner.
void heap_cancel(struct heap *heap, struct timer *timer);

// The earliest timer, disarmed, if it is due at `now_ms`; else NULL.   Thread: owner.
struct timer *heap_pop_due(struct heap *heap, uint64_t now_ms);

// Due time of the earliest timer; UINT64_MAX if there is none.   Thread: owner.
uint64_t heap_next_due_ms(const struct heap *heap);

// Frees the array; the timers become unarmed.   Thread: owner.
void heap_fini(struct heap *heap);
