#include "pending.h"

#include "base/check.h"

#include <stdlib.h>

enum peeper_status pending_init(struct pending *pending, uint32_t capacity) {
    *pending = (struct pending){.capacity = capacity, .slot_bits = 1};
    pending->slots = calloc(capacity, sizeof(*pending->slots));
    if (pending->slots == NULL) return PEEPER_STATUS_NO_MEMORY;

    while ((1u << pending->slot_bits) < capacity) pending->slot_bits++;
    for (uint32_t i = 0; i < capacity; i++) pending->slots[i].next_free = i + 1;
    return PEEPER_STATUS_OK;
}

enum peeper_status pending_add(struct pending *pending, uint32_t verb, uint32_t limit_ms,
                               uint64_t due_ms, struct peeper_then then, uint64_t *ret_id) {
    if (pending->free_first == pending->capacity) return PEEPER_STATUS_FULL;

    uint32_t                slot = pending->free_first;
    struct pending_request *request = &pending->slots[slot];
    if (heap_arm(&pending->deadlines, &request->timer, due_ms) != STATUS_OK) {
        return PEEPER_STATUS_NO_MEMORY;
    }
    pending->free_first = request->next_free;
    pending->count++;
    request->id = ++pending->sequence << pending->slot_bits | slot;
    request->verb = verb;
    request->limit_ms = limit_ms;
    request->then = then;
    request->again = NULL;
    request->tie = NULL;
    request->doomed = request->keyed = request->risen = false;
    *ret_id = request->id;
    return PEEPER_STATUS_OK;
}

static void release(struct pending *pending, struct pending_request *request,
                    struct pending_request *ret_request) {
    heap_cancel(&pending->deadlines, &request->timer);
    *ret_request = *request;
    request->id = 0;
    request->next_free = pending->free_first;
    pending->free_first = (uint32_t)(request - pending->slots);
    pending->count--;
}

struct pending_request *pending_find(struct pending *pending, uint64_t id) {
    uint64_t slot = id & ((UINT64_C(1) << pending->slot_bits) - 1);
    if (slot >= pending->capacity || pending->slots[slot].id != id || id == 0) return NULL;
    return &pending->slots[slot];
}

bool pending_take(struct pending *pending, uint64_t id, struct pending_request *ret_request) {
    struct pending_request *request = pending_find(pending, id);
    if (request == NULL) return false;
    release(pending, request, ret_request);
    return true;
}

bool pending_take_due(struct pending *pending, uint64_t now_ms,
                      struct pending_request *ret_request) {
    struct timer *timer = heap_pop_due(&pending->deadlines, now_ms);
    if (timer == NULL) return false;
    release(pending, (struct pending_request *)timer, ret_request);
    return true;
}

bool pending_take_any(struct pending *pending, struct pending_request *ret_request) {
    return pending_take_due(pending, UINT64_MAX, ret_request);
}

void pending_fini(struct pending *pending) {
    CHECK(pending->count == 0);
    heap_fini(&pending->deadlines);
    free(pending->slots);
    *pending = (struct pending){0};
}
