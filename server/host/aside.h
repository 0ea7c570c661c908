// aside: records that a worker runs beside the actors it has copies of: an upgrade that makes
// another state of a saved one, and what a behaviour hears of its actors after the fact.
//
// The actor may be running elsewhere meanwhile, or be gone. So the copy is made for the callback
// alone, and nothing of it stays. They run in any case, recalled or not.
// Source: wire/turn.h.
#pragma once

#include "wire/turn.h"

#include <stdbool.h>

struct worker;

// Whether a record of this kind is one of those.   Thread: any.
static inline bool aside_runs(enum turn_kind kind) {
    return kind == TURN_CODE_CHANGE || kind == TURN_CHANGED || kind == TURN_ENDED;
}

// Runs the worker's record and answers it with one commit.   Thread: worker.
void aside_run(struct worker *worker);
