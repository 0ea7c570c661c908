#include "keeper/worker.h"

#include "base/check.h"
#include "base/pipe.h"
#include "keeper/actor.h"

#include <string.h>
#include <unistd.h>

enum status worker_init(struct worker *worker) {
    *worker = (struct worker){.doorbell = -1, .doorbell_host = -1};
    list_init(&worker->ready);
    worker->turns.fd = worker->commits.fd = -1;

    if (!pipe_create(&worker->doorbell_host, &worker->doorbell)) return STATUS_IO;
    enum status status = ring_create(&worker->turns, TURN_RING_BYTES, TURN_BULK_BYTES, true);
    if (status != STATUS_OK) goto fini;
    status = ring_create(&worker->commits, COMMIT_RING_BYTES, COMMIT_BULK_BYTES, false);
    if (status != STATUS_OK) goto fini;
    worker->turns_control = (struct turns_control *)(void *)worker->turns.control;
    worker->commits_control = (struct commits_control *)(void *)worker->commits.control;
    return STATUS_OK;

fini:
    worker_fini(worker);
    return status;
}

void worker_fini(struct worker *worker) {
    ring_fini(&worker->turns);
    ring_fini(&worker->commits);
    if (worker->doorbell >= 0) close(worker->doorbell);
    if (worker->doorbell_host >= 0) close(worker->doorbell_host);
    worker->doorbell = worker->doorbell_host = -1;
    buf_fini(&worker->chain_argument);
    buf_fini(&worker->chain_reply);
}

static void body_write(uint8_t *room, const struct slice *parts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (parts[i].bytes > 0) memcpy(room, parts[i].data, parts[i].bytes);
        room += parts[i].bytes;
    }
}

static inline enum status append(struct worker *worker, const struct tenant *tenant,
                                 const struct turn *turn) {
    struct slice parts[] = {tenant->name, turn->payload, turn->state};
    size_t       body = tenant->name.bytes + turn->payload.bytes + turn->state.bytes;
    size_t       bytes = ring_round(sizeof(struct turn_record) + body);
    bool         bulk = bytes > ring_record_bytes_max(&worker->turns);

    if (bulk) {
        if (body > worker->turns.bulk_bytes) return STATUS_TOO_LARGE;
        if (worker->bulk_turn != 0) return STATUS_AGAIN;
        bytes = ring_round(sizeof(struct turn_record));
    }
    if (worker->head - worker->tail + bytes > worker->turns.data_bytes) return STATUS_AGAIN;

    struct turn_record *record = worker_turn(worker, worker->head);
    *record = (struct turn_record){
        .record_bytes = (uint32_t)bytes,
        .kind = (uint8_t)turn->kind,
        .flags = (uint8_t)(turn->flags | (bulk ? TURN_BULK : 0)),
        .behaviour = turn->behaviour,
        .slot = tenant->slot,
        .epoch = tenant->epoch,
        .turn = turn->number,
        .incarnation = tenant->incarnation,
        .name_bytes = (uint32_t)tenant->name.bytes,
        .payload_bytes = (uint32_t)turn->payload.bytes,
        .state_bytes = (uint32_t)turn->state.bytes,
        .note_conn = turn->caller.conn,
        .note_generation = turn->caller.generation,
        .note_deadline_ms = turn->limit_ms,
        .note_request = turn->caller.request,
        .note_begun_ms = turn->begun_ms,
        .note_void = turn->aside,
        .note_attempts = turn->attempts,
        .note_control = turn->control,
        .note_own = turn->own,
        .rows = turn->rows,
    };
    body_write(bulk ? worker->turns.bulk : (uint8_t *)(record + 1), parts, 3);
    if (bulk) worker->bulk_turn = turn->number;
    worker->head += bytes;
    worker->inflight++;
    return STATUS_OK;
}

enum status worker_append(struct worker *worker, const struct actor *actor,
                          const struct turn *turn) {
    bool introduces = turn->kind == TURN_INIT || turn->kind == TURN_REPLACE ||
                      (turn->flags & TURN_HAS_STATE) != 0;
    struct tenant tenant = {
        .slot = actor->slot,
        .epoch = actor->epoch,
        .incarnation = actor_id(actor),
        .name = introduces ? actor_name(actor) : (struct slice){0},
    };
    return append(worker, &tenant, turn);
}

enum status worker_append_aside(struct worker *worker, const struct tenant *tenant,
                                const struct turn *turn) {
    CHECK(turn->aside);
    return append(worker, tenant, turn);
}

static void ring_doorbell(const struct worker *worker) {
    // A pipe that is full wakes the worker as well.
    ssize_t written = write(worker->doorbell, "", 1);
    (void)written;
}

// Wakes the worker if it sleeps. The fence orders our store before the look at its flag; the worker
// does the same the other way round, so one of the two sees the other.
static void wake(struct worker *worker) {
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&worker->commits_control->worker_sleep, memory_order_relaxed) != 0) {
        ring_doorbell(worker);
    }
}

void worker_publish(struct worker *worker, bool lonely) {
    if (worker->published == worker->head) return;
    _Atomic uint32_t *hint = &worker->turns_control->lonely;
    if (atomic_load_explicit(hint, memory_order_relaxed) != (uint32_t)lonely) {
        atomic_store_explicit(hint, (uint32_t)lonely, memory_order_relaxed);
    }
    worker->published = worker->head;
    atomic_store_explicit(&worker->turns_control->head, worker->head, memory_order_release);
    wake(worker);
}

void worker_consumed(struct worker *worker, uint64_t commits_tail, bool bulk) {
    uint64_t before = worker->commits_tail;
    worker->commits_tail = commits_tail;
    atomic_store_explicit(&worker->turns_control->commits_tail, commits_tail, memory_order_release);
    // The head is read after the store: a worker that found no room before it has published all
    // that was in its way.
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t used = worker_commits_head(worker) - before;
    if (bulk || used > worker->commits.data_bytes / 2) wake(worker);
}

struct slice worker_payload(const struct worker *worker, const struct turn_record *record) {
    const uint8_t *body =
        record->flags & TURN_BULK ? worker->turns.bulk : (const uint8_t *)(record + 1);
    return slice_of(body + record->name_bytes, record->payload_bytes);
}

struct slice worker_trace(const struct worker *worker) {
    const struct commits_control *control = worker->commits_control;
    uint32_t bytes = atomic_load_explicit(&control->trace_bytes, memory_order_relaxed);
    return slice_of(control->trace, bytes < TRACE_BYTES_MAX ? bytes : TRACE_BYTES_MAX);
}

void worker_advance(struct worker *worker) {
    CHECK(worker->inflight > 0);
    struct turn_record *record = worker_turn(worker, worker->tail);
    // The pages of the bulk area stay: the seal that keeps the host from writing refuses holes.
    if (worker->bulk_turn == record->turn) worker->bulk_turn = 0;
    worker->tail += record->record_bytes;
    worker->inflight--;
    worker->chain = CHAIN_NONE;
    worker->chain_argument.bytes = 0;
    worker->chain_reply.bytes = 0;
}
