// pending: calls whose actor has taken them but has not replied yet, known by their `from` token.
//
// Only a deferred reply makes an entry here; a call that is answered in its own turn never does.
#pragma once

#include "base/heap.h"
#include "base/status.h"
#include "keeper/port.h"

#include <stdint.h>

struct actor;

struct pending {
    struct timer     deadline; // TIMER_PENDING
    struct caller    caller;
    uint64_t         token;
    struct actor    *actor;
    struct pending  *next;     // of the same actor
    struct pending **previous; // the pointer to this one
    struct pending  *chain;    // of the same bucket
};

struct pending_table {
    struct pending **buckets;      // owned
    uint32_t         bucket_count; // power of two
    uint32_t         count;
    uint32_t         count_max;
};

NODISCARD enum status pending_table_init(struct pending_table *table, uint32_t count_max);
void                  pending_table_fini(struct pending_table *table);

// Enters a call of `actor`; the caller arms the deadline.
// Fails: STATUS_OVERLOADED, STATUS_NO_MEMORY.   Thread: net.
NODISCARD enum status pending_add(struct pending_table *table, struct actor *actor, uint64_t token,
                                  struct caller caller, struct pending **ret_pending);

// The entry with `token`, if it belongs to `actor`; else NULL.
struct pending *pending_find(const struct pending_table *table, const struct actor *actor,
                             uint64_t token);

// Removes and frees. The deadline must not be armed.
void pending_remove(struct pending_table *table, struct pending *pending);
