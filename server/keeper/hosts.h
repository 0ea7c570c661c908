// hosts: brings up the hosts of all pools, and takes them down. A host that dies costs the turns it
// was running; everything else it had in hand is taken back and given to its pool's standby.
#pragma once

#include "keeper/shard.h"

// Enters a host that was spawned, into the pool it was asked for. Its pidfd and doorbell are
// watched by the caller.   Owns: the shard, from now on.
void hosts_add(struct shard *shard, struct host *host);

// A spawn failed; it is tried again after a growing delay.
void hosts_spawn_failed(struct shard *shard);

// Asks for a host for the pool that lacks one most, if none is coming. One at a time: the next one
// comes with the watch's next look.
void hosts_refill(struct shard *shard);

// Whether some pool lacks a host or waits for one: then the watch has to go on.
bool hosts_unsettled(const struct shard *shard);

// Reads what a host that is not active yet announces. Fails: STATUS_PROTOCOL.
NODISCARD enum status hosts_announced(struct shard *shard, struct host *host);

// Whether a worker of the host has reported its death.
bool hosts_dying(const struct host *host);

// Looks whether a worker of the host has reported its death; if so the host is written off.
// Returns true then.
bool hosts_check_death(struct shard *shard, struct host *host);

// Writes the host off: applies what it had committed, takes everything else back, lets the standby
// go on. `culprit` is the worker whose running turn is to blame, NULL if that is not known.
void hosts_lost(struct shard *shard, struct host *host, enum host_end end, struct worker *culprit);

// The process has ended. Reaps and frees it, writing it off first if need be; the pointer is dead
// afterwards. False if it has not ended after all.
bool hosts_exited(struct shard *shard, struct host *host);

// Kills the hosts of an empty pool.
void hosts_retire_pool(struct shard *shard, struct pool *pool);

// Kills all of them and lets none be started again.
void hosts_retire(struct shard *shard);
