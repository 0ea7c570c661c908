// step_back: which generation an actor gets that crashes again right after its restart. Only for
// actors that were started with step_back.
//
// The first restart gives the newest state. If the actor crashes again before a callback of it
// other than init has committed, that state is suspected: the next restart gives the generation
// before, and so on as far as there are generations. What it was given is its state from then on,
// whatever is newer; the next state that it commits is the newest one again.
// Source: docs/state.md, "Step-back".
#pragma once

#include "keeper/shard.h"

struct end;

// An incarnation has ended by `end`; its trouble is there.
void step_back_crashed(struct actor *actor, const struct end *end);

// Sets which generation a read of the actor's state is for.
void step_back_want(struct actor *actor, struct mirror_read *read);

// Such a read has come back. False: there is no such generation, and another read is due.
bool step_back_loaded(struct shard *shard, struct actor *actor, const struct mirror_read *read);

// A callback has committed for a turn of this kind; `saved`: with a state, which is the newest now.
void step_back_committed(struct actor *actor, enum turn_kind kind, bool first, bool saved);

// For reading: the last step back; all zero if there was none.
struct step_info step_back_info(const struct actor *actor);
// The version that the actor has in place of the newest; 0: the newest.
uint64_t step_back_version(const struct actor *actor);
