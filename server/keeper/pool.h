// pool: hosts that share actors among themselves: one active host runs them, and where the pool is
// to have a spare, one standby waits with its code loaded. Actors of different pools never share a
// process.
//
// All hosts of a pool have the same code, so the pool that an actor is in also says which version
// of its behaviour it runs.
//
// It is the data that hosts.c, the router and the watch work on; it starts and kills nothing. Which
// actor belongs to which pool is decided in isolation.c.
#pragma once

#include "base/heap.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct code_set;
struct host;

// Who is in it.
enum pool_kind {
    POOL_OF_ALL,        // everybody else
    POOL_OF_QUARANTINE, // those who have killed their hosts repeatedly
    POOL_OF_ONE,        // an actor that asked for a host of its own
    POOL_OF_CHANGES,    // nobody: its host turns states of one version into those of another
    POOL_OF_LISTENERS,  // nobody: its hosts run callbacks that hear of changes, see hooks.h
};

struct pool {
    struct host *active;
    struct host *standby;        // starting or ready
    struct list  homeless;       // actors that wait for an active host
    struct timer retire;         // TIMER_POOL: nobody has come back to it
    uint64_t     spawn_after_ms; // monotonic; not before then
    uint32_t     failures;       // in a row, before a host became ready
    uint32_t     workers;        // per host
    uint32_t     actors;         // assigned to it
    // Held while it is open; what its hosts load. NULL only before the shard has its code.
    struct code_set *code;
    enum pool_kind   kind;
    bool             open;   // in use
    bool             always; // has its hosts also without actors
    bool             spare;  // a standby shall wait beside the active host
};

#define POOLS_MAX 256u // an actor notes its pool in a byte
// Where the first ones are. With new code others take their places, wherever there is one.
#define POOL_GENERAL 0u
#define POOL_QUARANTINE 1u
#define POOL_OWN_FIRST 2u
#define POOL_NONE (POOLS_MAX - 1) // never open: of actors that run nothing

// An open, empty pool whose hosts shall have `workers` workers.
void pool_init(struct pool *pool, uint32_t workers, bool spare);

// Whether a host is to be started for it now.   Units: monotonic milliseconds.
bool pool_wants_host(const struct pool *pool, uint64_t now_ms);

// Whether it lacks a host, or one is still loading its code: then somebody has to look after it.
bool pool_unsettled(const struct pool *pool);

// Notes that starting a host has failed; the next start waits longer each time.
void pool_spawn_later(struct pool *pool, uint64_t now_ms);
