// mailbox: hands messages from many threads to one. Refuses when full; never drops, never waits to
// send.
#pragma once

#include "base/list.h"
#include "base/status.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct mailbox {
    // immutable after init
    uint32_t capacity;              // messages, >= 1
    void (*on_wake)(void *context); // called by the sender after the box was empty; must not block
    void *context;                  // borrowed
    // guarded by lock
    pthread_mutex_t lock;
    struct list     waiting; // oldest first; owned
    uint32_t        count;   // <= capacity
    bool            closed;
};

// Thread: owner. `on_wake` runs on whichever thread pushes.
void mailbox_init(struct mailbox *box, uint32_t capacity, void (*on_wake)(void *), void *context);

// Appends `message` (a link embedded in it); wakes the receiver if the box was empty.
// Owns:   OK -> the mailbox owns it. Otherwise the caller still does.
// Thread: any.   Blocks: no.
// Fails:  STATUS_FULL (try later), STATUS_CLOSED (the receiver is leaving).
NODISCARD enum status mailbox_push(struct mailbox *box, struct list *message);

// Moves everything that waits to the end of `into`, which the caller then owns.
// Thread: the receiver.   Blocks: no.
void mailbox_drain(struct mailbox *box, struct list *into);

// From now on push answers STATUS_CLOSED; what waits can still be drained.   Thread: the receiver.
void mailbox_close(struct mailbox *box);

// Frees the box. It must be empty.   Thread: owner, after all senders have ended.
void mailbox_fini(struct mailbox *box);
