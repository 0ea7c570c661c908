// lag: what a stream has missed of one unit, until it is told.
//
// It begins where a client has no room, where the queue of changes had none, or where a Watch asks
// for versions of before. While it lasts, live events of the unit are noted in it, not told. When
// the client has room, the mirror is asked for the versions since; the answer comes through the
// queue of changes, so that its
// place among the live events is known: what came before it is in it, what comes behind follows
// it. What the mirror no longer has is told as a gap.
//
// Bounded per connection and in the whole server; beyond that the stream is `blind`, and told a gap
// that names no actor.
// Thread: net.
#pragma once

#include "keeper/shard.h"

#define LAGS_MAX 65536u           // in the server
#define LAGS_PER_VIEWER_MAX 1024u // of one connection
#define LAG_BYTES_MAX (4u << 20)  // of the states of one answer, but for the newest

// The lag of this stream and unit; NULL if it is up to date.
struct lag *lag_find(const struct streams *streams, const struct stream *stream, uint64_t unit);

// Notes an event that the stream is not told now, in the lag it has or in a new one.
void lag_note(struct shard *shard, struct stream *stream, struct lag *lag,
              const struct change_event *event);

// Begins with the versions of `actor` from `from` on.   Fails: STATUS_OVERLOADED,
// STATUS_NO_MEMORY.
NODISCARD enum status lag_resume(struct shard *shard, struct stream *stream,
                                 const struct actor *actor, uint64_t from);

// The client of the lags has room / the mirror may be asked.
void lag_room(struct shard *shard, struct viewer *viewer);
void lag_ask(struct shard *shard);

// The mirror has answered.
void lag_answered(struct shard *shard, struct change_item *item);

// The same at the end of the server, when all streams have been dropped.
void lag_unanswered(struct change_item *item);

// Drops all lags of a stream.
void lag_drop_all(struct shard *shard, struct stream *stream);
