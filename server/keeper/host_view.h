// host_view: the host processes and their workers, for view.
#pragma once

#include "keeper/shard.h"

struct view;

struct host_row {
    int32_t     pid;
    uint32_t    serial; // never reused
    const char *pool;   // general, quarantine, own, changes or listeners; static
    const char *state;  // starting, ready, active or dead; static
    uint32_t    workers;
    uint32_t    actors; // that it runs; 0 where it is not active
    uint64_t    age_ms;
};

struct worker_row {
    int32_t  host_pid;
    uint32_t index;
    uint32_t inflight; // turns in its ring
    uint64_t ring_bytes;
    uint64_t turn_ms; // how long the present one has been running; 0 while none is known to
};

// Answers VIEW_HOSTS.   Fails: STATUS_NO_MEMORY.   Thread: net.
NODISCARD enum status host_view_run(const struct shard *shard, struct view *view);
