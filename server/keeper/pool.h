// pool: hosts that share actors among themselves: one active host runs them, one standby waits with
// its code loaded. Actors of different pools never share a process.
//
// It is the data that hosts.c, the router and the watch work on; it starts and kills nothing.
#pragma once

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct host;

struct pool {
    struct host *active;
    struct host *standby;        // starting or ready
    struct list  homeless;       // actors that wait for an active host
    uint64_t     spawn_after_ms; // monotonic; not before then
    uint32_t     failures;       // in a row, before a host became ready
    uint32_t     workers;        // per host
};

#define POOLS_MAX 256u  // an actor notes its pool in a byte
#define POOL_GENERAL 0u // index of the pool that is always there

// An empty pool whose hosts shall have `workers` workers.
void pool_init(struct pool *pool, uint32_t workers);

// Whether a host is to be started for it now.   Units: monotonic milliseconds.
bool pool_wants_host(const struct pool *pool, uint64_t now_ms);

// Whether it lacks a host, or one is still loading its code: then somebody has to look after it.
bool pool_unsettled(const struct pool *pool);

// Notes that starting a host has failed; the next start waits longer each time.
void pool_spawn_later(struct pool *pool, uint64_t now_ms);
