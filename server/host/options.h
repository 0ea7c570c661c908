// options: the command line of peeper-host. Its user is the keeper.
#pragma once

#include "base/status.h"
#include "wire/turn.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define OPTIONS_MEMORY_BYTES (1ull << 30)
#define OPTIONS_MEMORY_BYTES_MIN (16ull << 20) // less does not even hold the workers' stacks
#define OPTIONS_CACHE 65536u
#define OPTIONS_CACHE_MAX (1u << 24)

struct options {
    uint32_t    workers;
    const char *files[HOST_FILES_MAX]; // names; borrowed from argv
    uint32_t    file_count;
    uint64_t    memory_bytes_max;
    uint32_t    cache;           // actors per worker
    uint64_t    table_bytes_max; // of one actor
    bool        core_dumps;
    pid_t       keeper; // 0: not said
};

// Reads argv over the defaults. Prints the fault to stderr and ends the process if it cannot be
// read, as argp does.
// Fails: STATUS_INVALID.   Thread: main.
NODISCARD enum status options_read(struct options *options, int argc, char **argv);
