// spawner: starts host processes on the main thread for the net thread. See keeper/host_process.h
// for why there.
#pragma once

#include "base/status.h"
#include "keeper/options.h"

#include <stdatomic.h>
#include <uv.h>

struct code_set;
struct host;

struct spawner {
    const struct keeper_options *options; // borrowed
    uv_async_t                   asked;
    atomic_uint                  workers; // of the host that is wanted; 0: none
    const struct code_set       *code;    // of that host; borrowed, written before `workers`
    void (*on_started)(void *context, struct host *host); // main thread; NULL: it failed
    void *context;                                        // borrowed
};

// Fails: STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status spawner_init(struct spawner *spawner, uv_loop_t *loop,
                                   const struct keeper_options *options,
                                   void (*on_started)(void *, struct host *), void *context);

// Asks for one more host with `workers` workers and the code of `code`, which must stay until the
// answer; one at a time, as port.spawn says.   Thread: net.
void spawner_ask(struct spawner *spawner, uint32_t workers, const struct code_set *code);

// Thread: main.
void spawner_close(struct spawner *spawner);
