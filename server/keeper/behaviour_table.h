// behaviour_table: the behaviours that hosts have reported, by name. Entries are never removed.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "keeper/options.h"
#include "wire/turn.h"

#include <stdint.h>

#define BEHAVIOUR_NAME_BYTES_MAX 63

struct code_file;

struct behaviour {
    char     name[BEHAVIOUR_NAME_BYTES_MAX + 1];
    char     version[BEHAVIOUR_NAME_BYTES_MAX + 1];
    uint32_t turn_deadline_ms;
    uint32_t hibernate_after_ms; // of actors that were started without their own; 0: never
    enum behaviour_kind kind;
    uint16_t            callbacks; // bits of enum behaviour_callback
    // In the rows of a code set: where it comes from, borrowed from the set, NULL while no host has
    // reported it; and how many actors run this version of it.
    const struct code_file *file;
    uint32_t                actors;
};

struct behaviour_table {
    struct behaviour rows[BEHAVIOURS_MAX];
    uint16_t         count;
};

// The place of a name, which is entered if it is new.   Fails: as behaviour_put.   Thread: net.
NODISCARD enum status behaviour_enter(struct behaviour_table *table, struct slice name,
                                      uint16_t *ret_index);

// Fills in what was reported. Long versions are cut.   Thread: net.
void behaviour_describe(struct behaviour *behaviour, struct slice name, struct slice version,
                        uint32_t turn_deadline_ms);

// Both: enters or updates a behaviour.
// Fails: STATUS_INVALID (name empty, too long, or with other than [a-z0-9_.-]), STATUS_FULL.
//        Thread: net.
NODISCARD enum status behaviour_put(struct behaviour_table *table, struct slice name,
                                    struct slice version, uint32_t turn_deadline_ms,
                                    uint16_t *ret_index);

// Fails: STATUS_UNKNOWN_BEHAVIOUR.   Thread: net.
NODISCARD enum status behaviour_find(const struct behaviour_table *table, struct slice name,
                                     uint16_t *ret_index);
