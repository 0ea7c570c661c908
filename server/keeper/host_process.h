// host_process: starts peeper-host programs. The caller is the main thread, because spawning
// suspends the thread that does it until the child has called exec, and because the child asks to
// be killed when the thread that made it ends.
#pragma once

#include "base/status.h"
#include "keeper/code_set.h"
#include "keeper/host.h"
#include "keeper/options.h"

// Creates a host with the rings of `workers` workers and starts its process, which loads the files
// of `code`: in a process group of its own, no descriptors but its own, no signals blocked.
// Owns:   *ret_host is the caller's.
// Thread: main.   Blocks: until the child has exec'd (about a millisecond).
// Fails:  STATUS_IO (no such program, no processes), STATUS_NO_MEMORY.
NODISCARD enum status host_process_start(const struct keeper_options *options, uint32_t workers,
                                         const struct code_set *code, struct host **ret_host);

// Kills the process; harmless if it is dead.   Thread: any.
void host_process_kill(const struct host *host);

// Collects the dead process, and tells how it ended in the terms of wait(2). False if it still
// runs.   Thread: any.
bool host_process_reap(struct host *host, int *ret_code, int *ret_status);

// Memory of the process that is its own.   Units: bytes.   Returns 0 if it cannot be told.
// Thread: any.
uint64_t host_process_memory(const struct host *host);
