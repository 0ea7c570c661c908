#include "keeper/host.h"

#include "base/check.h"
#include "base/pipe.h"

#include <stdlib.h>
#include <unistd.h>

enum status host_create(uint32_t worker_count, struct host **ret_host) {
    CHECK(worker_count >= 1);
    CHECK(worker_count <= HOST_WORKERS_MAX);
    struct host *host = calloc(1, sizeof *host + worker_count * sizeof host->workers[0]);
    if (host == NULL) return STATUS_NO_MEMORY;

    enum status status = STATUS_IO;
    list_init(&host->link);
    host->pidfd = host->doorbell = host->doorbell_host = -1;
    if (!pipe_create(&host->doorbell, &host->doorbell_host)) goto destroy_host;
    for (; host->worker_count < worker_count; host->worker_count++) {
        status = worker_init(&host->workers[host->worker_count]);
        if (status != STATUS_OK) goto destroy_host;
    }
    *ret_host = host;
    return STATUS_OK;

destroy_host:
    host_destroy(host);
    return status;
}

void host_destroy(struct host *host) {
    if (host == NULL) return;
    for (uint32_t i = 0; i < host->worker_count; i++) worker_fini(&host->workers[i]);
    if (host->doorbell >= 0) close(host->doorbell);
    if (host->doorbell_host >= 0) close(host->doorbell_host);
    if (host->pidfd >= 0) close(host->pidfd);
    free(host);
}

bool host_next_turn(const struct host *host, struct host_turn *turn) {
    while (turn->worker == NULL || turn->next >= turn->worker->head) {
        if (turn->workers == host->worker_count) return false;
        turn->worker = &host->workers[turn->workers++];
        turn->next = turn->worker->tail;
    }
    turn->record = worker_turn(turn->worker, turn->next);
    turn->running = turn->next == turn->worker->tail && worker_busy(turn->worker);
    turn->next += turn->record->record_bytes;
    return true;
}
