// crash_note: writes the one report that each crash gets, an entry in the crash log and an error
// line in the server's log, and counts it.
#pragma once

#include "keeper/life.h"

struct worker;

// Notes in `end` the message that the worker's oldest turn is about, as far as its chain has got.
// Shape:  borrows from the ring: good until something is appended to it.
void crash_note_turn(struct end *end, const struct worker *worker, int32_t host_pid);

// Reports that the present incarnation of `actor` crashed. Returns the id in the crash log; 0: it
// could not be kept.   Thread: net.
uint64_t crash_note(struct shard *shard, const struct actor *actor, const struct end *end);
