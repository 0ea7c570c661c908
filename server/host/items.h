// items: the effects of one turn, gathered until it is certain that the turn commits.
//
// It owns one growing buffer in the layout that the commits ring carries (wire/turn.h) and keeps it
// between turns, so that a turn of ordinary size allocates nothing. It refuses what a commit could
// not carry.
#pragma once

#include "base/buf.h"
#include "wire/turn.h"

struct items {
    struct buf bytes; // item headers, names and bodies, padded to 8
    uint16_t   count; // <= COMMIT_ITEMS_MAX
};

// Appends a copy of one item. `head` names kind, token and name_bytes; body_bytes is taken from
// `body`.
// Fails: STATUS_FULL (COMMIT_ITEMS_MAX items are there), STATUS_TOO_LARGE (over COMMIT_BULK_BYTES
//        in all), STATUS_NO_MEMORY. Nothing is appended.   Thread: owner.
NODISCARD enum status items_append(struct items *items, struct item_header head, const char *name,
                                   struct slice body);

// Empties; keeps the memory unless an exceptionally large turn made it grow.   Thread: owner.
void items_reset(struct items *items);

// Frees the memory.   Thread: owner.
void items_fini(struct items *items);
