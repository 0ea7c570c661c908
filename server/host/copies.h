// copies: the cache of one worker: finds the copy of an actor by its slot, and drops one when there
// are too many.
//
// An open-addressing table of pointers, half full at most. An array indexed by slot would be faster
// by a multiply, but slots are numbered over all workers and all actors, so that each worker would
// pay for the actors of all. What goes first is decided by a clock hand (second chance), not by an
// LRU list: near enough to least recently used, without two pointers per copy and without writing
// to two neighbours on every turn.
#pragma once

#include "base/status.h"
#include "host/copy.h"

struct copies {
    // immutable after init
    const struct peeper_behaviour *behaviours; // borrowed; indexed by copy->behaviour
    uint32_t                       count_max;
    // worker thread only
    struct copy **table; // owned, with the copies in it; NULL where empty
    uint32_t      bits;  // the table has 1 << bits places
    uint32_t      count;
    uint32_t      hand;            // where the search for one to drop goes on
    uint64_t      table_bytes;     // of the tables of all copies
    uint64_t      table_bytes_max; // above it copies with tables are dropped
};

// Fails: STATUS_NO_MEMORY.   Thread: any.
NODISCARD enum status copies_init(struct copies *copies, const struct peeper_behaviour *behaviours,
                                  uint32_t count_max);

// The copy in `slot`, now marked as used; NULL if there is none.   Thread: worker.
struct copy *copies_find(struct copies *copies, uint32_t slot);

// Brings what copies_find(slot) will touch into the cache, in two steps with other work between
// them: first the place in the table, then the copy.   Thread: worker.
void copies_prefetch_place(const struct copies *copies, uint32_t slot);
void copies_prefetch(const struct copies *copies, uint32_t slot);

// Adds a copy; its slot must be free. Drops another one first if `count_max` are there.
// Owns:  OK -> the table owns it.   Fails: STATUS_NO_MEMORY, the caller still owns it.   Thread:
//        worker.
NODISCARD enum status copies_add(struct copies *copies, struct copy *copy);

// Counts what the tables of `copy` have now. Other copies with tables are dropped while all have
// more than `table_bytes_max`.   Thread: worker.
void copies_count(struct copies *copies, struct copy *copy);

// Destroys a copy that is not in the table.   Thread: worker.
void copies_destroy(struct copies *copies, struct copy *copy);

// Drops the copy in `slot`, if there is one.   Thread: worker.
void copies_drop(struct copies *copies, uint32_t slot);

// Drops all and frees the table.   Thread: worker.
void copies_fini(struct copies *copies);
