// feed: brings the tables of an actor to the worker where it settles, before the turn that wants
// them.
//
// The rows are read from the mirror chunk by chunk and go out as TURN_ROWS, which are void from the
// beginning: nobody waits for them, and nobody brings them back. Meanwhile the actor's home is
// LOADING, under the epoch of the copy that is being made. Whatever comes in between (its end, a
// kill, the end of the host, a worker that is stuck) makes the feed stale; it is dropped then, and
// the actor begins anew if it still has messages.
//
// One feed per actor, one chunk at a time. It belongs to the mirror's queue or the inbox while a
// chunk is being read, and to actor->extra->feed while it waits for room in the ring.
#pragma once

#include "keeper/shard.h"

#define FEED_CHUNK_BYTES (192u << 10) // a record below a quarter of the ring

struct feed;

// Begins to feed a cold actor that has tables, and then runs its first message there with `state`.
// Owns:   `state`, malloc'd, becomes owned.   Thread: net.
void feed_begin(struct shard *shard, struct actor *actor, uint8_t *state, size_t state_bytes);

// There may be room again for one that waits.   Thread: net.
void feed_resume(struct shard *shard, struct actor *actor);

// Gives up one that waits for room, if there is one. The actor's home is the caller's business.
void feed_drop(struct actor *actor);
