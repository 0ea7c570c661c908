// generations: stores the last states of every unit, by slot, each with a checksum.
//
// It owns the copies and nothing else: no thread, no lock, no queue. Only the mirror uses it.
//
// Made for very many units with small states: a slot costs 16 bytes, a generation 36 and its state,
// in one allocation. Once a unit has all its generations, a state that fits is written over the
// oldest one in place.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "wire/info.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GENERATIONS_KEPT_MAX 16

// One state. Those of a unit form a circle from old to new, which closes from the newest to the
// oldest. Packed, because 4 bytes more would make most small states 16 bytes larger: malloc rounds.
// Of each number as many bits are kept as last for years at full load.
struct generation {
    struct generation *next; // owned by the circle
    uint64_t           version : 46;
    uint64_t           turn_high : 18;
    uint64_t           at_ms : 42;
    uint64_t           count : 5;   // generations in the circle
    uint64_t           blocks : 12; // times 2 to the `shift`: of 16 bytes, taken from malloc
    uint64_t           shift : 5;
    uint32_t           turn_low;
    uint32_t           bytes;
    uint32_t           checksum;
    uint8_t            state[];
};

struct generations_entry {
    uint64_t           unit;   // means nothing while oldest is NULL
    struct generation *oldest; // owned circle; the one that the next put writes over
};

// Numbers about what is held, for reading only.
struct generations_counts {
    uint64_t units; // with at least one state
    uint64_t generations;
    uint64_t state_bytes;
    uint64_t puts; // since init
};

struct generations { // visible for embedding only
    // immutable after init
    uint32_t kept_max; // of a unit that has no wish of its own
    // mirror thread only
    uint32_t                   segment_count;
    struct generations_entry **segments; // owned; NULL where no slot was used yet; they never move
    bool                       unplaced; // a put found no memory for its segment
    struct generations_counts  counts;
};

// Who a state is of, and when it became one.
struct generation_origin {
    uint32_t slot;
    uint32_t kept; // generations of this unit, up to GENERATIONS_KEPT_MAX; 0: kept_max
    uint64_t unit;
    uint64_t version;
    uint64_t turn;
    uint64_t at_ms;
};

// Takes no memory yet. `kept_max` is 1 to GENERATIONS_KEPT_MAX.   Thread: mirror.
void generations_init(struct generations *gens, uint32_t kept_max);

// Frees everything; `gens` is as after init.   Thread: mirror, or any after it has ended.
void generations_fini(struct generations *gens);

// A generation with room for `bytes`, to be filled and given to generations_adopt.
// Owns:   the caller; free() is its end.   Thread: any.
// Fails:  NULL when memory ran out.
struct generation *generation_create(size_t bytes);

// Copies version, turn, time and state (at most the capacity) into a generation not yet adopted.
// Thread: any.
void generation_fill(struct generation *gen, const struct generation_origin *origin,
                     struct slice state);

struct generation_info generation_describe(const struct generation *gen);

// Keeps a copy of `state` as the newest generation of its unit; the oldest ones beyond what is kept
// go. Another unit in the slot is forgotten first.
// Thread: mirror.
// Fails:  STATUS_NO_MEMORY. To avoid it the older generations of the unit were given up; a find
//         answers NO_MEMORY until a later put of the unit succeeds, because an older state must not
//         pass for the newest.
NODISCARD enum status generations_put(struct generations             *gens,
                                      const struct generation_origin *origin, struct slice state);

// The same, without a copy, for a filled generation.
// Owns:   `fresh` becomes owned, also when it fails.   Thread: mirror.   Fails: as generations_put.
NODISCARD enum status generations_adopt(struct generations *gens, uint32_t slot, uint64_t unit,
                                        uint32_t kept, struct generation *fresh);

// Frees all states of `unit`; another unit in the slot is left alone.   Thread: mirror.
void generations_forget(struct generations *gens, uint32_t slot, uint64_t unit);

// Finds the generation `back` steps before the newest, and verifies its checksum.
// Owns:   `ret_found` stays owned by `gens`, until the next call that changes the slot.
// Thread: mirror.
// Fails:  STATUS_NOT_FOUND, STATUS_INTERNAL (checksum does not match), STATUS_NO_MEMORY (a put
//         failed so).
NODISCARD enum status generations_find(const struct generations *gens, uint32_t slot, uint64_t unit,
                                       uint32_t back, const struct generation **ret_found);

// The same for the generation of one version; with `or_before` the newest one up to that version.
NODISCARD enum status generations_find_version(const struct generations *gens, uint32_t slot,
                                               uint64_t unit, uint64_t version, bool or_before,
                                               const struct generation **ret_found);

// Writes what there is of a unit, newest first, and answers how many.   Thread: mirror.
uint32_t generations_list(const struct generations *gens, uint32_t slot, uint64_t unit,
                          struct generation_info notes[GENERATIONS_KEPT_MAX]);

// Hints that `slot` will soon be put to. Two steps, some work apart: the second reads what the
// first brought near.
// Thread: mirror.
void generations_prefetch_slot(const struct generations *gens, uint32_t slot);
void generations_prefetch_oldest(const struct generations *gens, uint32_t slot);
