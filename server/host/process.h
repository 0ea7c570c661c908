// process: makes this process a host: bound to the life of its keeper, with no descriptors but its
// own, and limited.
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_limits {
    int      fd_count;         // descriptors below this one are ours
    uint64_t memory_bytes_max; // of data beyond what the program has at its start; 0: none
    bool     core_dumps;
};

// Ends this process with its parent. `parent` is who that was when main() began, or who it is known
// to be.
// Fails: STATUS_CLOSED (the parent is gone already), STATUS_IO.   Thread: main.
NODISCARD enum status process_bind(pid_t parent);

// Closes what was inherited and is not ours, takes /dev/null for stdin, ignores the signals that
// are meant for the keeper, and sets the limits. `ret_data_bytes_max` is what process_data_bytes()
// can reach; 0: no limit.
// Fails: STATUS_INVALID (one of ours is not open), STATUS_IO.   Thread: main.
NODISCARD enum status process_confine(const struct process_limits *limits,
                                      uint64_t                    *ret_data_bytes_max);

// Bytes of data and stack that this process has now, nearly as RLIMIT_DATA counts them; 0 if the
// system does not say. Async-signal-safe.   Thread: any.
uint64_t process_data_bytes(void);
