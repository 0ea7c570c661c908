#include "base/log.h"
#include "keeper/host_process.h"
#include "keeper/hosts.h"
#include "keeper/recall.h"
#include "keeper/router.h"
#include "keeper/supervisor.h"

// A turn that runs longer than this no longer holds up what is behind it in its ring.
#define BLOCKED_MS 20u
#define MEMORY_CHECK_MS 50u
#define VERDICT_MS 200u

static void block(struct shard *shard, struct worker *worker) {
    struct list touched;
    list_init(&touched);
    worker->blocked = true;
    recall(shard, worker, NULL, LEAVE_RUNNING, &touched);
    // Those that waited for room here wait for nothing now.
    list_splice(&touched, &worker->ready);
    router_pump_list(shard, &touched);
}

static uint32_t deadline_ms(const struct shard *shard, const struct worker *worker) {
    const struct actor *actor = recall_running_actor(shard, worker);
    // A turn that was taken back may still be running; it gets the longest patience there is by
    // default.
    return actor == NULL ? DEADLINE_MS_DEFAULT
                         : shard->behaviours.rows[actor->behaviour].turn_deadline_ms;
}

// The caller's time is up while its turn runs. The turn goes on (OTP), its reply will be dropped;
// but a start fails. A turn that is about to be killed for its own deadline is left to that: its
// caller then learns why.
static void expire_running(struct shard *shard, struct worker *worker, uint64_t ms) {
    if (ms + VERDICT_MS >= deadline_ms(shard, worker)) return;
    struct turn_record *record = worker_turn(worker, worker->tail);
    // Of a turn that was taken back the caller waits elsewhere, or has its answer.
    if (record->note_void) return;
    if (record->note_generation == 0 || record->note_deadline_ms == 0) return;
    if (shard->now_ms < record->note_begun_ms + record->note_deadline_ms) return;
    if (worker->chain != CHAIN_NONE) return;

    struct failure failure = {.status = STATUS_TIMEOUT, .message = "the turn is still running"};
    struct caller  caller = worker_caller(record);
    struct actor  *actor = recall_running_actor(shard, worker);
    record->note_generation = 0;
    if (actor != NULL && actor->life == ACTOR_STARTING) supervisor_kill(shard, actor);
    shard_answer_error(shard, caller, &failure);
}

static bool over_memory(struct shard *shard, struct host *host) {
    if (shard->now_ms - host->memory_checked_ms < MEMORY_CHECK_MS) return false;
    host->memory_checked_ms = shard->now_ms;
    return host_process_memory(host) > shard->options->host_memory_bytes;
}

// How long the oldest turn has been seen running; 0 if it moved since the last look.
static uint64_t running_ms(const struct shard *shard, struct worker *worker) {
    bool moved =
        worker->watched_tail != worker->tail || worker->watched_commits != worker->commits_tail;
    if (moved || !worker_busy(worker) || worker->since_ms == 0) {
        worker->watched_tail = worker->tail;
        worker->watched_commits = worker->commits_tail;
        worker->since_ms = worker_busy(worker) ? shard->now_ms : 0;
        return 0;
    }
    return shard->now_ms - worker->since_ms;
}

// False if the host was written off.
static bool watch_worker(struct shard *shard, struct host *host, struct worker *worker) {
    if (worker->inflight == 0) {
        worker->since_ms = 0;
        return true;
    }
    uint64_t ms = running_ms(shard, worker);
    if (ms == 0) return true;
    expire_running(shard, worker, ms);
    if (ms >= BLOCKED_MS && !worker->blocked) block(shard, worker);
    if (ms >= deadline_ms(shard, worker)) {
        hosts_lost(shard, host, HOST_END_DEADLINE, worker);
        return false;
    }
    if (ms >= BLOCKED_MS && over_memory(shard, host)) {
        hosts_lost(shard, host, HOST_END_MEMORY, worker);
        return false;
    }
    return true;
}

void shard_watch(struct shard *shard) {
    struct host *host = shard->active;
    if (host != NULL && !shard->stalled) {
        for (uint32_t i = 0; i < host->worker_count; i++) {
            if (!watch_worker(shard, host, &host->workers[i])) break;
        }
    }
    hosts_refill(shard);
}
