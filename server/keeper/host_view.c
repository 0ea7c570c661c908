#include "keeper/host_view.h"

#include "keeper/host.h"
#include "keeper/view.h"

#include <stdlib.h>

static const char *pool_text(enum pool_kind kind) {
    switch (kind) {
        case POOL_OF_ALL: return "general";
        case POOL_OF_QUARANTINE: return "quarantine";
        case POOL_OF_ONE: return "own";
        case POOL_OF_CHANGES: return "changes";
        case POOL_OF_LISTENERS: return "listeners";
    }
    return "";
}

static const char *state_text(enum host_state state) {
    switch (state) {
        case HOST_STARTING: return "starting";
        case HOST_READY: return "ready";
        case HOST_ACTIVE: return "active";
        case HOST_DEAD: return "dead";
    }
    return "";
}

static void add_host(const struct shard *shard, const struct host *host, struct view *view) {
    bool active = host->state == HOST_ACTIVE;
    view->hosts[view->count++] = (struct host_row){
        .pid = (int32_t)host->pid,
        .serial = host->serial,
        .pool = pool_text(host->pool->kind),
        .state = state_text(host->state),
        .workers = host->worker_count,
        .actors = active ? host->pool->actors : 0,
        .age_ms = shard->now_ms - host->spawned_ms,
    };
    for (uint32_t i = 0; active && i < host->worker_count; i++) {
        const struct worker *worker = &host->workers[i];
        bool                 runs = worker->inflight > 0 && worker->turn_since_ms != 0;
        view->workers[view->worker_count++] = (struct worker_row){
            .host_pid = (int32_t)host->pid,
            .index = i,
            .inflight = worker->inflight,
            .ring_bytes = worker->head - worker->tail,
            .turn_ms = runs ? shard->now_ms - worker->turn_since_ms : 0,
        };
    }
}

enum status host_view_run(const struct shard *shard, struct view *view) {
    uint32_t hosts = 0, workers = 0;
    for (const struct list *at = shard->hosts.next; at != &shard->hosts; at = at->next) {
        hosts++;
        workers += LIST_ENTRY(at, struct host, link)->worker_count;
    }
    // One more, because there may be none.
    view->hosts = calloc((size_t)hosts + 1, sizeof *view->hosts);
    view->workers = calloc((size_t)workers + 1, sizeof *view->workers);
    if (view->hosts == NULL || view->workers == NULL) return STATUS_NO_MEMORY;
    for (const struct list *at = shard->hosts.next; at != &shard->hosts; at = at->next) {
        add_host(shard, LIST_ENTRY(at, struct host, link), view);
    }
    return STATUS_OK;
}
