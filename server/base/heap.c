#include "base/heap.h"

#include <stdlib.h>

#define HEAP_ARITY 4

static void put(struct heap *heap, uint32_t index, struct timer *timer) {
    heap->timers[index] = timer;
    timer->place = index + 1;
}

static void sift_up(struct heap *heap, uint32_t index, struct timer *timer) {
    while (index > 0) {
        uint32_t parent = (index - 1) / HEAP_ARITY;
        if (heap->timers[parent]->due_ms <= timer->due_ms) break;
        put(heap, index, heap->timers[parent]);
        index = parent;
    }
    put(heap, index, timer);
}

static void sift_down(struct heap *heap, uint32_t index, struct timer *timer) {
    for (;;) {
        uint32_t first = index * HEAP_ARITY + 1;
        uint32_t least = UINT32_MAX;
        for (uint32_t i = first; i < first + HEAP_ARITY && i < heap->count; i++) {
            if (least == UINT32_MAX || heap->timers[i]->due_ms < heap->timers[least]->due_ms)
                least = i;
        }
        if (least == UINT32_MAX || heap->timers[least]->due_ms >= timer->due_ms) break;
        put(heap, index, heap->timers[least]);
        index = least;
    }
    put(heap, index, timer);
}

static enum status grow(struct heap *heap) {
    uint32_t       capacity = heap->capacity == 0 ? 64 : heap->capacity * 2;
    struct timer **timers = realloc(heap->timers, capacity * sizeof *timers);
    if (timers == NULL) return STATUS_NO_MEMORY;
    heap->timers = timers;
    heap->capacity = capacity;
    return STATUS_OK;
}

enum status heap_arm(struct heap *heap, struct timer *timer, uint64_t due_ms) {
    if (!timer_armed(timer)) {
        if (heap->count == heap->capacity && grow(heap) != STATUS_OK) return STATUS_NO_MEMORY;
        timer->due_ms = due_ms;
        sift_up(heap, heap->count++, timer);
        return STATUS_OK;
    }
    uint64_t before_ms = timer->due_ms;
    timer->due_ms = due_ms;
    if (due_ms < before_ms) {
        sift_up(heap, timer->place - 1, timer);
    } else {
        sift_down(heap, timer->place - 1, timer);
    }
    return STATUS_OK;
}

void heap_cancel(struct heap *heap, struct timer *timer) {
    if (!timer_armed(timer)) return;
    uint32_t      index = timer->place - 1;
    struct timer *last = heap->timers[--heap->count];
    timer->place = 0;
    if (last == timer) return;
    if (index > 0 && last->due_ms < heap->timers[(index - 1) / HEAP_ARITY]->due_ms) {
        sift_up(heap, index, last);
    } else {
        sift_down(heap, index, last);
    }
}

struct timer *heap_pop_due(struct heap *heap, uint64_t now_ms) {
    if (heap->count == 0 || heap->timers[0]->due_ms > now_ms) return NULL;
    struct timer *timer = heap->timers[0];
    heap_cancel(heap, timer);
    return timer;
}

uint64_t heap_next_due_ms(const struct heap *heap) {
    return heap->count == 0 ? UINT64_MAX : heap->timers[0]->due_ms;
}

void heap_fini(struct heap *heap) {
    for (uint32_t i = 0; i < heap->count; i++) heap->timers[i]->place = 0;
    free(heap->timers);
    *heap = (struct heap){0};
}
