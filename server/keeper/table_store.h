// table_store: the tables of every unit that has some, as the turns that committed have left them.
//
// It owns the copies and nothing else: no thread, no lock, no queue. Only the mirror uses it. Most
// units have no table, so it is a hash of those that do, by slot.
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shelf;
struct tables;

// Numbers about what is held, for reading only.
struct table_store_counts {
    uint64_t units;
    uint64_t bytes;  // of all rows, what keeping them costs included
    uint64_t deltas; // since init
};

struct table_store { // visible for embedding only
    // immutable after init
    uint64_t bytes_max; // of one unit
    uint64_t seed;
    // mirror thread only
    struct shelf            **buckets; // owned, with the shelves in them
    uint32_t                  bucket_count;
    struct table_store_counts counts;
};

// Takes no memory yet. `seed` is that of the rows' hashes; nobody else should know it.
// Thread: mirror.
void table_store_init(struct table_store *store, uint64_t bytes_max, uint64_t seed);

// Frees everything; `store` is as after init.   Thread: mirror, or any after it has ended.
void table_store_fini(struct table_store *store);

// Carries out what a turn of `unit` wrote, a checked delta. Another unit in the slot is forgotten
// first.
// Thread: mirror.
// Fails:  STATUS_NO_MEMORY, STATUS_TOO_LARGE (the unit's rows are over bytes_max, which only a host
//         that does not keep to the limit brings about). The unit's rows are lost then: each
//         table_store_find answers that status until they are forgotten, because a part of them
//         must not pass for the whole.
NODISCARD enum status table_store_apply(struct table_store *store, uint32_t slot, uint64_t unit,
                                        struct slice delta);

// The tables of `unit`.
// Owns:   they stay the store's, valid until the next call that changes the slot.
// Fails:  STATUS_NOT_FOUND (it has none), or why they are lost.   Thread: mirror.
NODISCARD enum status table_store_find(const struct table_store *store, uint32_t slot,
                                       uint64_t unit, const struct tables **ret_tables);

// Drops the tables of `unit` whose names are not in `names`: each is a byte that tells its length,
// then the name. The dictionary stays, and so do tables with TABLE_HEIR.   Thread: mirror.
void table_store_keep(struct table_store *store, uint32_t slot, uint64_t unit, struct slice names);

// Frees all tables of `unit`; another unit in the slot is left alone.   Thread: mirror.
void table_store_forget(struct table_store *store, uint32_t slot, uint64_t unit);
