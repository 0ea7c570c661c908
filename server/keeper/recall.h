// recall: takes turns back out of a worker's ring, as envelopes, before they have committed.
//
// The record stays where it is and is marked void: whatever the worker still answers is ignored,
// and its space is freed in order as usual. So it does not matter whether the worker has run it, is
// running it or never will.
#pragma once

#include "keeper/shard.h"

enum recall_running {
    RECALL_RUNNING,      // also the turn that has been begun: it runs again
    RECALL_RUNNING_ONCE, // likewise, counting the attempt
    LEAVE_RUNNING,       // not the turn that has been begun
};

// Takes the turns of `actor` (NULL: of every actor) back from `worker` and puts them at the front
// of the mailboxes, in order. The actors' homes become cold, but for an actor whose running turn
// was left. Nobody is pumped; the actors are put into `touched`, to be pumped by the caller.
// Without memory a message is lost, and its caller is told; an actor whose init that was is
// touched, too, see life_init_lost.
void recall(struct shard *shard, struct worker *worker, struct actor *actor,
            enum recall_running running, struct list *touched);

// Makes the worker's oldest turn, which is about `actor`, void: it will not be brought back.
void recall_void(struct actor *actor, struct turn_record *record);

// Makes the running turn of the worker void without bringing it back, and answers its caller with
// `failure`. With `actor` only if it is a turn of that actor. Nothing if no turn is running.
void recall_drop_running(struct shard *shard, struct worker *worker, const struct actor *actor,
                         const struct failure *failure);

// Answers whoever waits for the oldest turn, whose actor has come to its end: with the reply that
// it left, else with `failure`.
void recall_answer(struct shard *shard, const struct worker *worker, struct caller caller,
                   const struct failure *failure);

// The actor of the worker's oldest turn if that has been begun and is not void; else NULL.
struct actor *recall_running_actor(const struct shard *shard, const struct worker *worker);
