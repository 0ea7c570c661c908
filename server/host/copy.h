// copy: one actor as a worker holds it: its live state and the memory that hangs off it.
//
// A copy is a cache entry. It can be dropped at any moment between two turns; the keeper has what
// is needed to make another. It is kept small, because a worker may hold very many idle ones: state
// and name lie inline behind the head, what few have stands apart.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "base/tables.h"

#include <peeper/behaviour.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block;
struct kept;

// The tables of an actor, in its copy or on their way into one.
struct copy_tables {
    struct tables tables;
    uint64_t      counted; // of its bytes, by copies
    uint32_t      parts;   // that were loaded
    enum status   status;  // of loading them
};

// What a copy gets with its first peeper_alloc() or table.
struct copy_extra {
    struct block       *blocks;       // owned; what peeper_alloc() answered
    uint64_t            blocks_bytes; // of all blocks, their heads included
    struct copy_tables *tables;       // owned; NULL while there are none
};

struct copy {
    uint32_t slot;
    uint32_t epoch;
    uint16_t behaviour; // index in the host's behaviours
    uint8_t  name_bytes;
    bool     restarted : 1; // INIT came with TURN_RESTART
    bool     recent : 1;    // copies: used since the clock hand passed
    // No copy yet, or no more: only its tables are there, and no state.
    bool               rows_only : 1;
    uint32_t           state_bytes;
    uint64_t           incarnation;
    struct copy_extra *extra;     // owned; NULL while it has nothing of that
    struct kept       *kept;      // owned; see copy_keep
    _Alignas(16) uint8_t state[]; // state_bytes, then the name and a 0
};

struct copy_options {
    uint32_t    slot;
    uint32_t    epoch;
    uint16_t    behaviour;
    bool        restarted;
    bool        rows_only;
    uint64_t    incarnation;
    const char *name; // name_bytes of them, not terminated
    uint8_t     name_bytes;
    uint32_t    state_bytes;
};

// Makes a copy with a zeroed state.
// Fails: NULL when memory ran out.   Thread: worker.
struct copy *copy_create(const struct copy_options *options);

// Runs the behaviour's drop(), frees all blocks and zeroes the state. What is kept stays, and the
// tables.   Thread: worker.
void copy_clear(struct copy *copy, const struct peeper_behaviour *behaviour);

// copy_clear, then frees the copy. NULL is fine.   Thread: worker.
void copy_destroy(struct copy *copy, const struct peeper_behaviour *behaviour);

static inline const char *copy_name(const struct copy *copy) {
    return (const char *)copy->state + copy->state_bytes;
}

// What peeper_alloc() counts for this copy.
static inline uint64_t copy_bytes(const struct copy *copy) {
    return copy->extra == NULL ? 0 : copy->extra->blocks_bytes;
}

// The tables, NULL while there are none.   Thread: worker.
static inline struct copy_tables *copy_tables(const struct copy *copy) {
    return copy->extra == NULL ? NULL : copy->extra->tables;
}

// The tables; makes them where there are none, without a journal. `seed` and `bytes_max` as for
// tables_init().
// Fails: NULL when memory ran out.   Thread: worker.
struct copy_tables *copy_make_tables(struct copy *copy, uint64_t seed, uint64_t bytes_max);

// Moves the tables of `from`, if it has any, to `to`, which has none.
// Fails: STATUS_NO_MEMORY, nothing was moved.   Thread: worker.
NODISCARD enum status copy_move_tables(struct copy *to, struct copy *from);

// Memory that lives as long as the state does. Zeroed, aligned to 16.
// Fails: STATUS_TOO_LARGE (the copy would hold more than `bytes_max`), STATUS_NO_MEMORY.   Thread:
//        worker.
NODISCARD enum status copy_alloc(struct copy *copy, uint64_t bytes_max, size_t bytes,
                                 void **ret_memory);

// Changes the size of `memory` (NULL: like copy_alloc); what is added is zeroed.
// Fails: as copy_alloc, and STATUS_INVALID if `memory` is not of this copy; `memory` is as before.
//         Thread: worker.
NODISCARD enum status copy_realloc(struct copy *copy, uint64_t bytes_max, void *memory,
                                   size_t bytes, void **ret_memory);

// Keeps what the state was saved as, or loaded from, when it was last committed; what was kept
// before is forgotten.
// Fails: STATUS_NO_MEMORY; what was kept before still is.   Thread: worker.
NODISCARD enum status copy_keep(struct copy *copy, struct slice saved);

// What copy_keep was given last; data NULL if it never was.   Thread: worker.
struct slice copy_kept(const struct copy *copy);

// Frees `memory`; NULL is fine.   Fails: STATUS_INVALID if it is not of this copy.   Thread:
// worker.
NODISCARD enum status copy_free(struct copy *copy, void *memory);
