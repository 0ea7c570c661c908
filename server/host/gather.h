// gather: rows that come to a worker before the state they belong to, in parts.
//
// They are put into a copy that has nothing else (rows_only). Like every copy it may be dropped at
// any moment; a part that does not go on from those before it is left out, and so are all that
// follow. Whoever needs the rows asks for as many parts as there were.
// Source: wire/turn.h, TURN_ROWS.
#pragma once

#include "base/buf.h"
#include "host/copies.h"
#include "host/writes.h"
#include "wire/turn.h"

// Takes one part. The first one replaces whatever copy the slot has.   Thread: worker.
void gather(struct copies *copies, const struct turn_record *record, struct slice part,
            const struct writes *limits);

// Keeps the tables of `copy`, which is in `copies` and is dropped, as rows for a later record with
// TURN_ROWS_KEPT. False if there are none, or no memory; the copy is dropped all the same.
// Thread: worker.
bool gather_keep(struct copies *copies, struct copy *copy);

// The rows that `record` counts on; NULL if it was not just those that came.   Thread: worker.
struct copy *gather_find(struct copies *copies, const struct turn_record *record);

// Why they could not be loaded, a text for a crash; NULL if they were.   Thread: any.
const char *gather_fault(const struct copy *rows);
