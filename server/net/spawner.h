// spawner: does on the main thread for the net thread what blocks: it starts host processes (see
// keeper/host_process.h for why there) and reads the directory of behaviours.
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
    atomic_bool                  read;    // the directory shall be read
    void (*on_started)(void *context, struct host *host); // main thread; NULL: it failed
    // Main thread; NULL: it failed. Owns: the hold of `code`.
    void (*on_read)(void *context, struct code_set *code);
    void *context; // borrowed
};

// Fails: STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status spawner_init(struct spawner *spawner, uv_loop_t *loop,
                                   const struct keeper_options *options,
                                   void (*on_started)(void *, struct host *),
                                   void (*on_read)(void *, struct code_set *), void *context);

// Asks for one more host with `workers` workers and the code of `code`, which must stay until the
// answer; one at a time, as port.spawn says.   Thread: net.
void spawner_ask(struct spawner *spawner, uint32_t workers, const struct code_set *code);

// Asks for what the directory of behaviours holds now; one at a time.   Thread: net.
void spawner_ask_code(struct spawner *spawner);

// Thread: main.
void spawner_close(struct spawner *spawner);
