#include "base/clock.h"
#include "keeper/host_process.h"
#include "keeper/hosts.h"
#include "keeper/life.h"
#include "keeper/recall.h"
#include "keeper/router.h"

// A turn that runs longer than this no longer holds up what is behind it in its ring.
#define BLOCKED_MS 20u
// A worker that does not even begin: its processor is busy elsewhere, or its process was stopped.
#define UNBEGUN_MS 200u
#define BACKLOG_MS 50u
#define STARTING_MS 10000u
#define MEMORY_CHECK_MS 50u
#define VERDICT_MS 200u

// Takes back what waits behind the running turn and sees where it can go. The worker must be closed
// already.
static void empty_ring(struct shard *shard, struct worker *worker) {
    struct list touched;
    list_init(&touched);
    recall(shard, worker, NULL, LEAVE_RUNNING, &touched);
    // Those that waited for room here wait for nothing now.
    list_splice(&touched, &worker->ready);
    router_pump_list(shard, &touched);
}

static void block(struct shard *shard, struct worker *worker) {
    worker->blocked = true;
    worker->blocked_tail = worker->tail;
    empty_ring(shard, worker);
}

// A ring full of turns that take their time: deadlines cannot be seen in there, and a kill or a
// stop would wait long. So the turns go back to their mailboxes, and come a few at a time.
static void slow_down(struct shard *shard, struct worker *worker) {
    worker->slow = true;
    empty_ring(shard, worker);
}

static uint64_t backlog_ms(const struct shard *shard, const struct worker *worker) {
    if (worker->inflight <= WORKER_SLOW_MAX) return 0;
    return shard->now_ms - worker_turn(worker, worker->tail)->note_begun_ms;
}

static uint32_t deadline_ms(const struct shard *shard, const struct host *host,
                            const struct worker *worker) {
    const struct actor       *actor = recall_running_actor(shard, worker);
    const struct turn_record *record = worker_turn(worker, worker->tail);
    if (hooks_turn(record)) {
        uint16_t behaviour = host->behaviours[record->behaviour];
        return host->pool->code->rows[behaviour].turn_deadline_ms;
    }
    // A turn that was taken back may still be running; it gets the longest patience there is by
    // default.
    return actor == NULL ? DEADLINE_MS_DEFAULT : shard_behaviour(shard, actor)->turn_deadline_ms;
}

// The caller's time is up while its turn runs. The turn goes on (OTP), its reply will be dropped;
// but a start fails. A turn that is about to be killed for its own deadline is left to that: its
// caller then learns why.
static void expire_running(struct shard *shard, struct host *host, struct worker *worker,
                           uint64_t ms) {
    if (ms + VERDICT_MS >= deadline_ms(shard, host, worker)) return;
    struct turn_record *record = worker_turn(worker, worker->tail);
    // Of a turn that was taken back the caller waits elsewhere, or has its answer.
    if (record->note_void) return;
    if (record->note_generation == 0 && record->kind != TURN_INIT) return;
    // Who wait for the outcome of a key have deadlines of their own, and it is kept.
    if (record->note_conn == CALLER_KEYED) return;
    if (record->note_deadline_ms == 0) return;
    if (shard->now_ms < record->note_begun_ms + record->note_deadline_ms) return;

    struct failure failure = {.status = STATUS_TIMEOUT, .message = "the turn is still running"};
    struct caller  caller = worker_caller(record);
    struct actor  *actor = recall_running_actor(shard, worker);
    worker_answered(record);
    if (actor != NULL && actor->life == ACTOR_STARTING) life_kill(shard, actor);
    shard_answer_error(shard, caller, &failure);
}

static bool over_memory(struct shard *shard, struct host *host) {
    if (shard->now_ms - host->memory_checked_ms < MEMORY_CHECK_MS) return false;
    host->memory_checked_ms = shard->now_ms;
    return host_process_memory(host) > shard->options->host_memory_bytes;
}

// Notes what has moved since the last look. A chain of continues moves all the time, but its turn
// stays.
static void look(const struct shard *shard, struct worker *worker) {
    bool same_turn = worker->watched_tail == worker->tail && worker->turn_since_ms != 0;
    bool same_link = same_turn && worker->watched_commits == worker->commits_tail;
    worker->watched_tail = worker->tail;
    worker->watched_commits = worker->commits_tail;
    if (!same_turn) worker->turn_since_ms = shard->now_ms;
    if (!same_link) worker->since_ms = shard->now_ms;
}

// False if the host was written off.
static bool watch_worker(struct shard *shard, struct host *host, struct worker *worker) {
    if (worker->inflight == 0) {
        worker->since_ms = worker->turn_since_ms = 0;
        return true;
    }
    look(shard, worker);
    uint64_t link_ms = shard->now_ms - worker->since_ms;
    uint64_t turn_ms = shard->now_ms - worker->turn_since_ms;
    uint64_t patience_ms = worker_busy(worker) ? BLOCKED_MS : UNBEGUN_MS;
    if (link_ms > 0 && worker_busy(worker)) expire_running(shard, host, worker, link_ms);
    if (turn_ms >= patience_ms && !worker->blocked) {
        block(shard, worker);
    } else if (backlog_ms(shard, worker) >= BACKLOG_MS && !worker->blocked && !worker->slow) {
        slow_down(shard, worker);
    }

    // A chain whose actor was killed ends by nothing else.
    bool orphan = recall_running_actor(shard, worker) == NULL;
    if ((orphan ? turn_ms : link_ms) >= deadline_ms(shard, host, worker)) {
        hosts_lost(shard, host, HOST_END_DEADLINE, worker);
        return false;
    }
    if (link_ms >= BLOCKED_MS && over_memory(shard, host)) {
        hosts_lost(shard, host, HOST_END_MEMORY, worker);
        return false;
    }
    return true;
}

static void watch_pool(struct shard *shard, struct pool *pool) {
    struct host *host = pool->active;
    if (host != NULL && !shard->stalled) {
        for (uint32_t i = 0; i < host->worker_count; i++) {
            if (!watch_worker(shard, host, &host->workers[i])) break;
        }
    }
    struct host *standby = pool->standby;
    // A behaviour that hangs while it is loaded must not leave everybody without a successor.
    if (standby != NULL && standby->state == HOST_STARTING &&
        clock_mono_ms() - standby->spawned_ms > STARTING_MS) {
        hosts_lost(shard, standby, HOST_END_DEADLINE, NULL);
    }
}

void shard_watch(struct shard *shard) {
    for (uint32_t i = 0; i < shard->pool_count; i++) watch_pool(shard, &shard->pools[i]);
    hosts_refill(shard);
}
