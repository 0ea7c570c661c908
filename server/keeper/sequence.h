// sequence: starts and stops a supervisor's children one after the other, as far as that goes
// without waiting. supervisor decides what is to be done; this does it.
#pragma once

#include "keeper/supervisor.h"

// Makes the children those of the spec and starts them from the first one on. The first start and
// each restart of a supervisor begin so. It may end at once: the pointer may be dead afterwards.
void sequence_begin(struct shard *shard, struct supervisor *sup);

// The first start, for a caller who is answered when all children are up, or the first has failed.
// Fails: STATUS_NO_MEMORY: nothing is left of the supervisor, and nobody was answered.
NODISCARD enum status sequence_begin_for(struct shard *shard, struct supervisor *sup,
                                         struct caller caller, uint32_t limit_ms);

// From now on the children from `number_first` on are stopped, newest first; then `sequel`.
void sequence_stop(struct supervisor *sup, uint32_t number_first, enum sequel sequel);

// The same for all children, and then the incarnation ends with `reason`. The first reason counts.
void sequence_end(struct supervisor *sup, struct slice reason);

// Goes on. A supervisor that ends may be gone afterwards.
void sequence_advance(struct shard *shard, struct supervisor *sup);

// Starts a new unit for a child that has none. Fails: as start_actor, nobody answered.
NODISCARD enum status sequence_start_child(struct shard *shard, struct child *child,
                                           struct caller caller, struct request *request);

// Begins the next incarnation of a child whose unit is down.
void sequence_again(struct shard *shard, struct child *child);

// Begins to stop a live child. False: it has stopped already, and sequence_stopped() is due.
bool sequence_stop_child(struct shard *shard, struct child *child, enum ending_kind kind,
                         struct slice reason);

// A stop of `actor` was refused, so it runs on. If its supervisor waits for its end, too, it is
// asked again.
void sequence_unstopped(struct shard *shard, struct actor *actor);

// The stop has happened. Temporary children are not brought back by any restart, so they go: the
// pointer may be dead afterwards.
void sequence_stopped(struct shard *shard, struct child *child, enum ending_kind kind);

// The same for a stop that took time, or the move that it was for. The pointer may be dead.
void sequence_finish_ending(struct shard *shard, struct child *child);

// Its patience is over.
void sequence_hurry(struct shard *shard, struct child *child);

// Ends the unit of a child, which is down.
void sequence_end_unit(struct shard *shard, struct child *child, struct slice reason, bool keep);

// Ends a supervisor with all that is left of its children.
void sequence_destroy(struct shard *shard, struct supervisor *sup, struct slice reason, bool keep);
