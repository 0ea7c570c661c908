// await: calls that actors make to actors. The caller takes no message of users until its answer is
// there, and blocks no worker meanwhile.
//
// The answer comes before all messages of users, for handle_info: ["REPLY", value], or
// ["ERROR", name of the status, reason]. Exactly one comes for each call, unless the incarnation
// that made it ends before. Chains of actors that wait for each other are followed before a call is
// delivered: one that would wait for itself is refused with DEADLOCK.
#pragma once

#include "base/buf.h"
#include "base/heap.h"
#include "base/status.h"
#include "keeper/port.h"

#include <stdbool.h>
#include <stdint.h>

struct actor;
struct envelope;
struct shard;

// Of one actor that makes calls; kept from its first call to the end of the incarnation.
struct await {
    struct timer     deadline; // TIMER_AWAIT
    uint64_t         serial;   // of the call that is awaited; 0: none is
    struct envelope *spare;    // owned; the answer where there is no memory for the real one
    uint64_t         target_unit;
    uint32_t         target_slot;
    uint32_t         slot; // of the actor
};

// The actor whose answer `actor` waits for; NULL if it waits for none.
struct actor *await_target(const struct shard *shard, const struct actor *actor);

// Makes sure that a call of `actor` can be awaited, before anything of the turn is certain. Twice
// is fine.
// Fails: STATUS_INVALID (it awaits another one already), STATUS_NO_MEMORY.   Thread: net.
NODISCARD enum status await_prepare(struct shard *shard, struct actor *actor);

// Makes the call, after await_prepare. Whatever is wrong with it becomes its answer.
// Units: milliseconds, at most CALL_TIMEOUT_MS_MAX; 0: DEADLINE_MS_DEFAULT.
void await_begin(struct shard *shard, struct actor *actor, struct slice name, uint64_t limit_ms,
                 struct slice message);

// The answer to a caller that is an actor. One that does not wait for it any more gets nothing.
void await_answer(struct shard *shard, struct caller caller, const struct answer *answer);

// Its time is up.
void await_expired(struct shard *shard, struct await *await);

// The incarnation is over: it waits for nothing.
void await_over(struct shard *shard, struct actor *actor);
