// isolation: decides with whom an actor shares its hosts. Most are in the general pool. One that
// asked for it has a pool of its own; one that has killed its hosts repeatedly is put into
// quarantine, where only its like feel what it does, until it has been quiet.
//
// A pool also stands for one version of the code; what changes of that is asked for by upgrade.c.
//
// It moves actors between pools and closes pools that are empty; hosts are started and killed in
// hosts.c.
#pragma once

#include "keeper/shard.h"

// QUARANTINE_KILLS hosts killed within so long put an actor into quarantine.
#define QUARANTINE_WINDOW_MS 60000u

// How long the quarantine pool keeps its hosts without actors.
#define QUARANTINE_EMPTY_MS 10000u

// How long that of listeners keeps its hosts when there is nothing to hear.
#define LISTENERS_EMPTY_MS 10000u

// Opens the general pool.   Thread: main.
void isolation_init(struct shard *shard);

// Opens a pool of its own for those who are to have this code.   Fails: false, too many pools.
NODISCARD bool isolation_open(struct shard *shard, enum pool_kind kind, struct code_set *code,
                              uint32_t *ret_index);

// Nobody shall be in the pool that has nobody yet; it goes when it is empty.
void isolation_close(struct shard *shard, struct pool *pool);

// Puts a new actor, which no host knows yet, among all the others.
void isolation_enter(struct shard *shard, struct actor *actor);

// Moves an actor of which no turn is in flight to hosts with this code, as isolated as it was. No
// host has a copy of it afterwards.   Fails: false, too many pools.
NODISCARD bool isolation_move(struct shard *shard, struct actor *actor, struct code_set *code);

// Whether that would work now.
bool isolation_movable(const struct shard *shard, const struct actor *actor,
                       const struct code_set *code);

// Gives a new actor, which no host knows yet, a pool of its own.
// Fails: STATUS_OVERLOADED (options->own_hosts_max).   Thread: net.
NODISCARD enum status isolation_own(struct shard *shard, struct actor *actor);

// Whether no more pools of their own may be opened.
bool isolation_full(const struct shard *shard);

// The actor will not run again: gives up its place in its pool. Twice is fine. It must not be in a
// ring.
void isolation_leave(struct shard *shard, struct actor *actor);

// The actor has killed its host. It must be cold, with actor->extra->trouble; where it goes on, it
// goes on in the pool that it has afterwards.
void isolation_killed_host(struct shard *shard, struct actor *actor);

// A TIMER_QUARANTINE is due: the actor has been quiet.
void isolation_quiet(struct shard *shard, struct actor *actor);

// Lets a quarantined actor that is cold go, if its time is over. True if its pool is another one
// then. Cheap where it is not in quarantine.
bool isolation_release(struct shard *shard, struct actor *actor);

// The pool whose hosts run the callbacks of listeners in this code, opened if there is none; it has
// its hosts until isolation_rest, and closes some time after.   Fails: false, too many pools.
NODISCARD bool isolation_listeners(struct shard *shard, struct code_set *code,
                                   struct pool **ret_pool);
void           isolation_rest(struct shard *shard, struct pool *pool);

// A TIMER_POOL is due: kills the hosts of a pool that is still empty, and closes it.
void isolation_retire(struct shard *shard, struct pool *pool);

// What it is for people and clients.
enum isolation isolation_of(const struct shard *shard, const struct actor *actor);
bool           isolation_quarantined(const struct shard *shard, const struct actor *actor);
