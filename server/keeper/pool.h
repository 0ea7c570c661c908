// pool: hosts that share actors among themselves: one active host runs them, and where the pool is
// to have a spare, one standby waits with its code loaded. Actors of different pools never share a
// process.
//
// It is the data that hosts.c, the router and the watch work on; it starts and kills nothing. Which
// actor belongs to which pool is decided in isolation.c.
#pragma once

#include "base/heap.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct host;

struct pool {
    struct host *active;
    struct host *standby;        // starting or ready
    struct list  homeless;       // actors that wait for an active host
    struct timer retire;         // TIMER_POOL: nobody has come back to it
    uint64_t     spawn_after_ms; // monotonic; not before then
    uint32_t     failures;       // in a row, before a host became ready
    uint32_t     workers;        // per host
    uint32_t     actors;         // assigned to it; not counted in the general pool
    bool         open;           // in use
    bool         always;         // has its hosts also without actors
    bool         spare;          // a standby shall wait beside the active host
};

#define POOLS_MAX 256u  // an actor notes its pool in a byte
#define POOL_GENERAL 0u // index of the one for everybody
#define POOL_QUARANTINE 1u
#define POOL_OWN_FIRST 2u // from here on: one for each actor with a host of its own

// An open, empty pool whose hosts shall have `workers` workers.
void pool_init(struct pool *pool, uint32_t workers, bool spare);

// Whether a host is to be started for it now.   Units: monotonic milliseconds.
bool pool_wants_host(const struct pool *pool, uint64_t now_ms);

// Whether it lacks a host, or one is still loading its code: then somebody has to look after it.
bool pool_unsettled(const struct pool *pool);

// Notes that starting a host has failed; the next start waits longer each time.
void pool_spawn_later(struct pool *pool, uint64_t now_ms);
