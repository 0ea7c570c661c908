// writes: what the running turn does with the tables of its actor. The functions peeper_table_*,
// peeper_dictionary_* and peeper_make* of peeper/behaviour.h are implemented here.
//
// A write changes the tables in the copy at once, under their journal, and is noted in a delta that
// leaves with the commit. Until writes_commit() or writes_rollback() nothing that was replaced or
// deleted is freed, which is why what is read stays valid while the callback runs.
#pragma once

#include "base/buf.h"

#include <peeper/value.h>

#include <stdbool.h>
#include <stdint.h>

#define WRITES_TABLE_BYTES (256ull << 20) // limit of the tables of one actor, if none is set

struct copy;
struct made;
struct table;

struct writes {
    // immutable after writes_init
    uint64_t seed;      // of the tables' hashes
    uint64_t bytes_max; // of the tables of one actor
    // of the turn
    struct buf    delta;    // owned; what leaves with the commit
    struct table *selected; // by the last operation in `delta`; NULL: none
    struct made  *made;     // owned; writers that were handed out, newest first
    // owned; writers for later, as many as are worth keeping
    struct made *spare;
    uint32_t     spare_count;
};

// Sets the limit, and draws the seed. Zeroed memory is enough before.
void writes_init(struct writes *writes, uint64_t bytes_max);
void writes_fini(struct writes *writes);

void writes_reset(struct writes *writes);

// A callback begins: nothing is written yet.   Thread: worker.
static inline void writes_begin(struct writes *writes) {
    writes->delta.bytes = 0;
    writes->selected = NULL;
    if (writes->made != NULL) writes_reset(writes);
}

// Gives the memory of an unusually large turn back.   Thread: worker.
void writes_trim(struct writes *writes);

// What was written stays / is taken back.   Thread: worker.
void writes_commit(const struct copy *copy);
void writes_rollback(const struct copy *copy);
