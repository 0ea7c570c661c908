// name_set: which names have been seen, to tell a second one from the first.
//
// It borrows the names and copies none.
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <stdint.h>

// All zero: empty.
struct name_set {
    struct slice *places;   // owned; open addressing, an empty place has no bytes
    uint32_t      capacity; // power of two, or 0
    uint32_t      count;
};

// Owns:  borrows `name`, which is not empty, until name_set_fini.   Thread: owner.
// Fails: STATUS_ALREADY_PRESENT (it is not the first), STATUS_NO_MEMORY.
NODISCARD enum status name_set_add(struct name_set *set, struct slice name);

void name_set_fini(struct name_set *set);
