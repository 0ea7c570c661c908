// envelope: one message that waits in an actor's mailbox, in the keeper's own memory.
//
// Most messages never become one: where the actor is at home in a host, they go straight from the
// socket's buffer into the worker's ring. An envelope exists while the actor is cold, restarting or
// suspended, and after a recall.
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "keeper/port.h"

#include <stdbool.h>
#include <stdint.h>

struct envelope {
    struct list   link;     // in the actor's mailbox
    struct timer  deadline; // TIMER_ENVELOPE; armed while somebody waits for it in the mailbox
    struct caller caller;
    uint64_t      begun_ms; // monotonic, when the request arrived
    uint32_t      limit_ms; // after begun_ms nobody waits any more; 0: no limit
    uint32_t      slot;     // of the actor
    uint32_t      bytes;
    uint8_t       kind;     // enum turn_kind
    uint8_t       attempts; // hosts that were lost while this message was running
    bool          control;  // before all messages of users, also while those are held
    bool          own;      // ends with the incarnation that it was made for
    uint8_t       payload[];
};

// A new envelope with a copy of `payload`; NULL when memory ran out.   Thread: net.
struct envelope *envelope_create(uint8_t kind, struct caller caller, uint64_t begun_ms,
                                 uint32_t limit_ms, struct slice payload);

// What handle_info gets when a timeout has passed: the string "timeout" as an encoded Value.
struct slice envelope_timeout(void);

static inline struct slice envelope_payload(const struct envelope *envelope) {
    return slice_of(envelope->payload, envelope->bytes);
}
