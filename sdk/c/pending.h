// pending: the requests of one connection that wait for an answer, found by correlation id, with
// their deadlines.
//
// A fixed number of slots. An id is a running number and the slot behind it, so finding one is an
// index and a comparison, and an answer that comes after its request was given up finds nothing.
#pragma once

#include "failure.h"

#include "base/heap.h"

struct tie;

struct pending_request {
    struct timer       timer; // first: the heap hands timers out
    uint64_t           id;    // 0 while the slot is free
    uint32_t           next_free;
    uint32_t           verb; // the owner's
    uint32_t           limit_ms;
    struct peeper_then then;
    // of clients that reconnect; the owner frees them with resume_drop()
    uint8_t    *again; // owned; the frame, of one that may be repeated, else NULL
    size_t      again_bytes;
    struct tie *tie;    // owned; what begins with a good answer
    bool        doomed; // ends with the connection
    bool        keyed;  // has an idempotency key
    bool        risen;  // may have run, on a connection that is over
};

struct pending {
    struct pending_request *slots; // owned
    uint32_t                capacity;
    uint32_t                count;
    uint32_t                free_first; // capacity if none is free
    uint32_t                slot_bits;
    uint64_t                sequence;
    struct heap             deadlines;
};

// Shape: capacity 1 to 2^20. Ids of at least 2 are given out; 1 is left to the owner.
// Fails: NO_MEMORY.   Thread: owner.
NODISCARD enum peeper_status pending_init(struct pending *pending, uint32_t capacity);

// Adds a request that is due at now_ms + limit_ms.
// Fails: FULL, NO_MEMORY.   Thread: owner.
NODISCARD enum peeper_status pending_add(struct pending *pending, uint32_t verb, uint32_t limit_ms,
                                         uint64_t due_ms, struct peeper_then then,
                                         uint64_t *ret_id);

// The request with this id; NULL if there is none.   Thread: owner.
struct pending_request *pending_find(struct pending *pending, uint64_t id);

// Removes a request and copies it out: the one with this id, one that is due, any one.
// Fails: false if there is none.   Thread: owner.
bool pending_take(struct pending *pending, uint64_t id, struct pending_request *ret_request);
bool pending_take_due(struct pending *pending, uint64_t now_ms,
                      struct pending_request *ret_request);
bool pending_take_any(struct pending *pending, struct pending_request *ret_request);

// Frees the memory. Nothing may be pending.   Thread: owner.
void pending_fini(struct pending *pending);
