// host: one host process as the keeper sees it: its workers' rings, its behaviours, its end.
#pragma once

#include "base/list.h"
#include "base/status.h"
#include "keeper/options.h"
#include "keeper/worker.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum host_state {
    HOST_STARTING, // spawned, has not reported all behaviours
    HOST_READY,    // code loaded, waits
    HOST_ACTIVE,   // runs the actors
    HOST_DEAD,     // written off; the process is being reaped
};

// Why a host was written off.
enum host_end {
    HOST_END_EXITED,   // found dead by pidfd, or it said exit()
    HOST_END_SIGNAL,   // one of its workers reported a fatal signal
    HOST_END_DEADLINE, // killed: a turn took too long
    HOST_END_MEMORY,   // killed or died: over its memory
    HOST_END_NONSENSE, // killed: it wrote nonsense into a ring
    HOST_END_RETIRED,  // killed at shutdown
};

struct pool;

struct host {
    struct list     link;
    struct pool    *pool; // borrowed from the shard
    enum host_state state;
    uint32_t        serial; // never reused
    pid_t           pid;
    int             pidfd;         // owned
    int             doorbell;      // owned; our end of a pipe: readable when a worker rang
    int             doorbell_host; // owned; the workers write
    uint32_t        worker_count;
    uint64_t        spawned_ms;
    uint64_t        memory_checked_ms;
    uint32_t        files_told; // of its code, in order: loaded, or not
    uint16_t        behaviour_count;
    uint16_t        behaviours[HOST_BEHAVIOURS_MAX]; // the host's index -> the keeper's
    uint16_t        index_of[BEHAVIOURS_MAX];        // 1 + the host's index; 0: it has none
    void           *watch;                           // net's poll handles
    struct worker   workers[];
};

// Creates rings and descriptors; no process yet.   Fails: STATUS_NO_MEMORY, STATUS_IO.   Thread:
// main.
NODISCARD enum status host_create(uint32_t worker_count, struct host **ret_host);

// Frees all of it; the process must have been reaped.   Thread: any.
void host_destroy(struct host *host);

// A walk over the turns that a host has not committed: zeroed to begin, then
// `while (host_next_turn(host, &turn))`. Turns must not be appended or freed meanwhile.
struct host_turn {
    const struct worker      *worker;
    const struct turn_record *record;
    bool                      running; // the worker has begun it
    uint32_t                  workers; // private: so many are done or in progress
    uint64_t                  next;    // private: where to go on
};

// Goes to the next one, by worker and from the oldest on. False: that was all.   Thread: net.
bool host_next_turn(const struct host *host, struct host_turn *turn);
