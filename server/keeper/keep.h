// keep: which tables of an actor a restart gives back, as Start and specs of children say it.
//
// Names are packed as table_store_keep() reads them: each a byte that tells its length, then the
// name. Nothing packed is none of them; that all come back is said apart.
#pragma once

#include "keeper/actor.h"
#include "wire/codec.h"

#include <peeper/value.h>

#include <stdbool.h>

// What a request asks for, for actor->extra->keep.
// Owns:   the caller owns it. NULL with OK: a restart gives all tables back.
// Fails:  STATUS_NO_MEMORY.   Thread: net.
NODISCARD enum status keep_create(const struct request *request, struct keep **ret_keep);

// Reads "all", "none" or a list of names; false where it is none of these, or over the limits.
// *ret_bytes is what keep_pack() writes.   Thread: any.
bool keep_read(struct peeper_value value, bool *ret_all, size_t *ret_bytes);

// Packs the list that was read.
void keep_pack(struct peeper_value value, uint8_t *at);

// Writes what keep_read() reads.
void keep_write(struct peeper_writer *writer, bool all, struct slice names);
