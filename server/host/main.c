// peeper-host: runs the callbacks of actors for the keeper that started it, and owns nothing.
// Source: wire/turn.h; docs/architecture.md.
#include "base/log.h"
#include "host/behaviours.h"
#include "host/options.h"
#include "host/process.h"
#include "host/trace.h"
#include "host/worker_thread.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct host {
    struct options        options;
    struct behaviours     behaviours;
    struct worker_thread *threads; // owned, until the process ends
};

static struct host host;

// An announcement is a commit of worker 0 that answers no turn.
static void announce(struct commit_record record, const char *text, const char *reason) {
    struct items       items = {0};
    struct item_header text_head = {.kind = ITEM_TEXT}, reason_head = {.kind = ITEM_REASON};
    bool               whole = true;
    if (text != NULL) {
        whole =
            items_append(&items, text_head, NULL, slice_of(text, strlen(text))) == STATUS_OK &&
            items_append(&items, reason_head, NULL, slice_of(reason, strlen(reason))) == STATUS_OK;
    }
    if (whole) port_commit(&host.threads[0].worker.port, record, &items);
    if (!whole) LOG_ERROR("host.no_memory", "what=announcement");
    items_fini(&items);
}

static void on_loaded(void *context, const struct peeper_behaviour *behaviour,
                      enum behaviour_kind kind) {
    (void)context;
    announce((struct commit_record){.kind = COMMIT_BEHAVIOUR,
                                    .turn_deadline_ms = behaviour->turn_deadline_ms,
                                    .hibernate_after_ms = behaviour->hibernate_after_ms,
                                    .behaviour_kind = (uint8_t)kind,
                                    .callbacks = behaviour_callbacks(behaviour)},
             behaviour->name, behaviour->version);
}

static void on_failed(void *context, const char *path, const char *why) {
    (void)context;
    announce((struct commit_record){.kind = COMMIT_LOAD_FAILED}, path, why);
}

static int keeper_fd(void) {
    return HOST_FD_FIRST + 3 * (int)host.options.workers;
}

static int fd_count(void) {
    return keeper_fd() + 1 + (int)host.options.file_count;
}

static void load_behaviours(void) {
    struct behaviours_listener listener = {.on_loaded = on_loaded, .on_failed = on_failed};
    for (uint32_t i = 0; i < host.options.file_count; i++) {
        behaviours_load(&host.behaviours, host.options.files[i], keeper_fd() + 1 + (int)i,
                        &listener);
    }
    trace_modules();
    announce((struct commit_record){.kind = COMMIT_READY}, NULL, NULL);
}

// Half of the memory is for tables that could be sent again.
static uint64_t table_cache_bytes(void) {
    uint64_t bytes = host.options.memory_bytes_max;
    return bytes == 0 ? UINT64_MAX : bytes / 2 / host.options.workers;
}

static enum status open_workers(void) {
    host.threads = calloc(host.options.workers, sizeof *host.threads);
    if (host.threads == NULL) return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < host.options.workers; i++) {
        enum status status = worker_init(&host.threads[i].worker, i, &host.behaviours,
                                         host.options.cache, keeper_fd());
        if (status != STATUS_OK) return status;
        worker_limit_tables(&host.threads[i].worker, host.options.table_bytes_max,
                            table_cache_bytes());
    }
    return STATUS_OK;
}

// Near its limit: what is left is less than an eighth of what was allowed.
static enum status watch_deaths(uint64_t data_bytes_max) {
    struct death_site first = {
        .control = host.threads[0].worker.port.out,
        .keeper_fd = keeper_fd(),
    };
    uint64_t spare = host.options.memory_bytes_max / 8;
    return death_watch(&first, data_bytes_max == 0 ? 0 : data_bytes_max - spare);
}

static enum status start_workers(void) {
    for (uint32_t i = 0; i < host.options.workers; i++) {
        enum status status = worker_thread_start(&host.threads[i]);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static int fail(const char *event, enum status status) {
    LOG_ERROR(event, "status=%s", status_name(status));
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    pid_t       parent = getppid();
    enum status status = options_read(&host.options, argc, argv);
    if (status != STATUS_OK) return fail("host.options", status);
    status = process_bind(host.options.keeper != 0 ? host.options.keeper : parent);
    if (status != STATUS_OK) return fail("host.keeper", status);
    uint64_t              data_bytes_max;
    struct process_limits limits = {
        .fd_count = fd_count(),
        .memory_bytes_max = host.options.memory_bytes_max,
        .core_dumps = host.options.core_dumps,
    };
    status = process_confine(&limits, &data_bytes_max);
    if (status != STATUS_OK) return fail("host.process", status);
    status = open_workers();
    if (status != STATUS_OK) return fail("host.rings", status);
    status = watch_deaths(data_bytes_max);
    if (status != STATUS_OK) return fail("host.signals", status);
    load_behaviours();
    status = start_workers();
    if (status != STATUS_OK) return fail("host.threads", status);

    // The workers run until the keeper, or its death, ends this process.
    for (;;) pause();
}
