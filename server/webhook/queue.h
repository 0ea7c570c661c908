// queue: the events of one webhook that wait. Those of one actor form a lane: in order, and only
// its first one is ever out of it. Lanes know nothing of each other.
//
// It counts and does not refuse: who fills it looks at queue_is_full() and stops reading.
// All functions: webhook thread.
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define QUEUE_BUCKETS 256u
#define QUEUE_BYTES_MAX (16u << 20) // of bodies; a larger one passes where nothing waits

struct queue_event {
    struct list link; // in its lane
    char       *body; // owned; malloc'd
    size_t      bytes;
    uint64_t    since_ms;
    uint32_t    attempts; // that were begun
};

struct queue_lane;

struct queue { // visible for embedding only
    struct list buckets[QUEUE_BUCKETS];
    struct list ready;   // lanes whose first event may go
    struct list waiting; // lanes that wait for a time, the earliest first
    uint32_t    count_max;
    uint32_t    count;
    size_t      bytes;
};

void queue_init(struct queue *queue, uint32_t count_max);
void queue_fini(struct queue *queue); // whatever waits is let go

// Puts an event at the end of the lane of `name`.
// Owns:   OK -> the queue owns `body`.   Fails: STATUS_NO_MEMORY.
NODISCARD enum status queue_push(struct queue *queue, struct slice name, char *body, size_t bytes,
                                 uint64_t now_ms);

// The first event of a lane that may go, or NULL. Its lane stands still until one of the next two
// is called; the event stays in it.
struct queue_lane  *queue_take(struct queue *queue);
struct queue_event *queue_first(struct queue_lane *lane);

// The first event of the lane is over / goes again at `due_ms`.
void queue_done(struct queue *queue, struct queue_lane *lane);
void queue_again(struct queue *queue, struct queue_lane *lane, uint64_t due_ms);

// Makes the lanes ready whose time has come; answers when the next one is due, UINT64_MAX for none.
uint64_t queue_due(struct queue *queue, uint64_t now_ms);

// Whether no more should come / whether there is room again for a good deal of it.
bool queue_is_full(const struct queue *queue);
bool queue_has_room(const struct queue *queue);
