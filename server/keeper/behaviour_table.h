// behaviour_table: the behaviours that hosts have reported, by name. Entries are never removed.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "keeper/options.h"
#include "wire/turn.h"

#include <stdint.h>

#define BEHAVIOUR_NAME_BYTES_MAX 63

struct behaviour {
    char     name[BEHAVIOUR_NAME_BYTES_MAX + 1];
    char     version[BEHAVIOUR_NAME_BYTES_MAX + 1];
    uint32_t turn_deadline_ms;
    uint32_t hibernate_after_ms; // of actors that were started without their own; 0: never
    enum behaviour_kind kind;
    uint16_t            callbacks; // bits of enum behaviour_callback
};

struct behaviour_table {
    struct behaviour rows[BEHAVIOURS_MAX];
    uint16_t         count;
};

// Enters or updates a behaviour that a host has reported. Long versions are cut.
// Fails: STATUS_INVALID (name empty, too long, or with other than [a-z0-9_.-]), STATUS_FULL.
//        Thread: net.
NODISCARD enum status behaviour_put(struct behaviour_table *table, struct slice name,
                                    struct slice version, uint32_t turn_deadline_ms,
                                    uint16_t *ret_index);

// Fails: STATUS_UNKNOWN_BEHAVIOUR.   Thread: net.
NODISCARD enum status behaviour_find(const struct behaviour_table *table, struct slice name,
                                     uint16_t *ret_index);
