#include "host/options.h"

#include "host/writes.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>

enum option_key {
    KEY_WORKERS = 256,
    KEY_FILE,
    KEY_MEMORY,
    KEY_CACHE,
    KEY_TABLE_BYTES,
    KEY_CORE_DUMPS,
    KEY_KEEPER
};

static const struct argp_option OPTIONS[] = {
    {"workers", KEY_WORKERS, "N", 0, "Threads that run turns, 1 to 64 (1)", 0},
    {"file", KEY_FILE, "NAME", 0,
     "Load a behaviour, whose name this is; it is at the next descriptor behind the rings", 0},
    {"memory", KEY_MEMORY, "BYTES", 0, "Limit of the process's data (1 GiB); 0 for none", 0},
    {"cache", KEY_CACHE, "N", 0, "Actors that each worker keeps in memory (65536)", 0},
    {"table-bytes", KEY_TABLE_BYTES, "BYTES", 0, "Limit of the tables of one actor (256 MiB)", 0},
    {"core-dumps", KEY_CORE_DUMPS, NULL, 0, "Leave a core when it dies", 0},
    {"keeper", KEY_KEEPER, "PID", 0, "End at once unless this process is the parent", 0},
    {0},
};

static uint64_t number(struct argp_state *state, const char *text, uint64_t min, uint64_t max) {
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < min || value > max) {
        argp_error(state, "'%s' is not a number within %llu and %llu", text,
                   (unsigned long long)min, (unsigned long long)max);
    }
    return value;
}

static error_t on_option(int key, char *text, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
        case KEY_WORKERS:
            options->workers = (uint32_t)number(state, text, 1, HOST_WORKERS_MAX);
            return 0;
        case KEY_FILE:
            if (options->file_count == HOST_FILES_MAX) {
                argp_error(state, "more than %d files", HOST_FILES_MAX);
            }
            options->files[options->file_count++] = text;
            return 0;
        case KEY_MEMORY:
            options->memory_bytes_max = number(state, text, 0, INT64_MAX);
            if (options->memory_bytes_max == 0) return 0;
            number(state, text, OPTIONS_MEMORY_BYTES_MIN, INT64_MAX);
            return 0;
        case KEY_CACHE:
            options->cache = (uint32_t)number(state, text, 1, OPTIONS_CACHE_MAX);
            return 0;
        case KEY_TABLE_BYTES:
            options->table_bytes_max = number(state, text, 1, INT64_MAX);
            return 0;
        case KEY_CORE_DUMPS: options->core_dumps = true; return 0;
        case KEY_KEEPER: options->keeper = (pid_t)number(state, text, 1, INT32_MAX); return 0;
        case ARGP_KEY_ARG: argp_error(state, "unexpected '%s'", text); return 0;
        default: return ARGP_ERR_UNKNOWN;
    }
}

enum status options_read(struct options *options, int argc, char **argv) {
    static const struct argp parser = {
        .options = OPTIONS,
        .parser = on_option,
        .doc = "Runs the callbacks of actors for peeperd, which starts it with its rings at "
               "descriptor 3 and up, and the code behind them.",
    };
    *options = (struct options){.workers = 1,
                                .memory_bytes_max = OPTIONS_MEMORY_BYTES,
                                .cache = OPTIONS_CACHE,
                                .table_bytes_max = WRITES_TABLE_BYTES};
    return argp_parse(&parser, argc, argv, 0, NULL, options) == 0 ? STATUS_OK : STATUS_INVALID;
}
