// exits: what the end of an incarnation, or of a connection, does to those who are tied to it.
//
// Whoever ends an actor only notes it here, and may go on with whatever it holds: the others are
// told by exits_announce, from a list and never from inside each other, so neither a long chain of
// links nor a circle of them goes deep. By then names and slots of what ended are free.
//
// A monitor gives one DOWN. A link gives one EXIT, which an actor that traps exits gets as a
// message; to one that does not, "normal" means nothing and every other reason is its own end. The
// end of the parent is a stop.
// Source: Erlang reference manual, "Processes"; docs/architecture.md, "Links and monitors".
#pragma once

#include "keeper/shard.h"

// The present incarnation of `actor` ends for `reason`. Before its id changes; twice is harmless.
// An actor that never came up is not told of by those who started it.   Thread: net.
void exits_actor_over(struct shard *shard, struct actor *actor, struct slice reason);

// A connection ends, for the reason "noconnection".   Thread: net.
void exits_client_over(struct shard *shard, struct caller client);

// A tie that a turn of `actor` asked for was over a limit: it is told as if the other, whom it
// called by `id` or else by `name`, had ended for the reason "overloaded". As a message, whether it
// traps exits or not.   Thread: net.
void exits_refused(struct shard *shard, struct actor *actor, enum tie_kind kind, uint64_t ref,
                   struct slice name, uint64_t id);

// So many are told in one go; a hundred thousand at once would be felt by everybody else.
#define EXITS_TOLD_MAX 2048u

// Tells those who are to be told, also of the ends that this leads to, but at most `told_max`; the
// others are still there then. Once per loop turn, before replies are written; with no reference to
// an actor on the stack.   Thread: net.
void exits_announce(struct shard *shard, uint32_t told_max);
