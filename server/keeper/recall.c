#include "keeper/recall.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/router.h"

struct actor *recall_running_actor(const struct shard *shard, const struct worker *worker) {
    if (!worker_busy(worker)) return NULL;
    const struct turn_record *record = worker_turn(worker, worker->tail);
    return record->note_void ? NULL : actor_at(&shard->actors, record->slot);
}

void recall_void(struct actor *actor, struct turn_record *record) {
    CHECK(!record->note_void);
    CHECK(actor->inflight > 0);
    __atomic_store_n(&record->note_void, 1, __ATOMIC_RELAXED);
    actor->inflight--;
}

static struct slice chain_argument(const struct worker *worker) {
    return slice_of(worker->chain_argument.data, worker->chain_argument.bytes);
}

// The envelope of a record; for the oldest one, of the link in its chain that has not committed.
static struct envelope *envelope_of(const struct worker *worker, const struct turn_record *record,
                                    bool oldest) {
    static const enum turn_kind LINK_KINDS[] = {
        [CHAIN_CONTINUE] = TURN_CONTINUE,
        [CHAIN_TIMEOUT] = TURN_INFO,
        [CHAIN_TERMINATE] = TURN_TERMINATE,
    };
    enum chain chain = oldest ? worker->chain : CHAIN_NONE;
    switch (chain) {
        case CHAIN_CONTINUE:
        case CHAIN_TIMEOUT:
        case CHAIN_TERMINATE:
            return envelope_create((uint8_t)LINK_KINDS[chain], CALLER_NOBODY, record->note_begun_ms,
                                   0, chain_argument(worker));
        default: {
            bool init = record->kind == TURN_INIT;
            return envelope_create(record->kind, worker_caller(record), record->note_begun_ms,
                                   record->note_deadline_ms,
                                   init ? (struct slice){0} : worker_payload(worker, record));
        }
    }
}

void recall_answer(struct shard *shard, const struct worker *worker, struct caller caller,
                   const struct failure *failure) {
    struct slice reply = slice_of(worker->chain_reply.data, worker->chain_reply.bytes);
    if (worker->chain != CHAIN_TERMINATE || reply.bytes == 0) {
        struct failure told = *failure;
        told.ran = worker->chain == CHAIN_TERMINATE;
        shard_answer_error(shard, caller, &told);
        return;
    }
    struct answer answer = {.kind = ANSWER_REPLY, .payload = reply};
    if (caller.generation != 0) shard_answer(shard, caller, &answer);
}

// Whether what is left of the turn is a terminate.
static bool ends(const struct worker *worker, const struct turn_record *record) {
    if (record->kind == TURN_TERMINATE) return true;
    return worker->chain == CHAIN_TERMINATE && record == worker_turn(worker, worker->tail);
}

static void take(struct shard *shard, struct worker *worker, struct turn_record *record,
                 struct actor *actor, bool begun, enum recall_running running, struct list *taken) {
    struct envelope *envelope =
        envelope_of(worker, record, record == worker_turn(worker, worker->tail));
    recall_void(actor, record);
    shard->metrics.recalls++;
    if (record == worker_turn(worker, worker->tail) && worker->chain == CHAIN_TERMINATE) {
        // The actor has asked for its end without a reply; whoever waits for one need not wait on.
        struct failure failure = {.status = STATUS_DOWN, .reason = chain_argument(worker)};
        recall_answer(shard, worker, worker_caller(record), &failure);
        worker_answered(record);
    }
    // Also where the stop is lost below: another one must be able to follow.
    if (ends(worker, record)) actor->life = ACTOR_RUNNING;
    if (envelope == NULL) {
        shard_answer_status(shard, worker_caller(record), STATUS_NO_MEMORY);
        LOG_ERROR("recall.lost", "slot=%u kind=%u", record->slot, record->kind);
        if (ends(worker, record)) child_hurry(&shard->timers, actor->child, shard->now_ms);
        bool up = actor->life != ACTOR_STARTING && actor->life != ACTOR_RESTARTING;
        if (record->kind == TURN_INIT && !up) actor->init_lost = true;
        return;
    }
    envelope->slot = actor->slot;
    envelope->attempts = record->note_attempts;
    // What a turn goes on with comes before everything else, as it did in the worker.
    bool chain = record == worker_turn(worker, worker->tail) && worker->chain != CHAIN_NONE;
    envelope->control = record->note_control || chain;
    // And is for its own incarnation.
    envelope->own = record->note_own || (chain && worker->chain != CHAIN_TERMINATE);
    if (begun && running == RECALL_RUNNING_ONCE) envelope->attempts++;
    list_push(taken, &envelope->link);
}

// Newest first to the front, so that the oldest ends up first.
static void give_back(struct shard *shard, struct list *taken, struct list *touched) {
    while (!list_empty(taken)) {
        struct envelope *envelope = LIST_ENTRY(taken->prev, struct envelope, link);
        struct actor    *actor = actor_at(&shard->actors, envelope->slot);
        CHECK(actor != NULL);
        list_remove(&envelope->link);
        router_return(shard, actor, envelope);
        list_remove(&actor->ready);
        list_push(touched, &actor->ready);
    }
}

void recall(struct shard *shard, struct worker *worker, struct actor *only,
            enum recall_running running, struct list *touched) {
    struct list taken;
    list_init(&taken);
    bool          busy = worker_busy(worker);
    struct actor *left = NULL;

    for (uint64_t at = worker->tail; at < worker->head;) {
        struct turn_record *record = worker_turn(worker, at);
        bool                begun = at == worker->tail && busy;
        at += record->record_bytes;
        if (record->note_void) continue;

        struct actor *actor = actor_at(&shard->actors, record->slot);
        CHECK(actor != NULL);
        CHECK(actor->epoch == record->epoch);
        if (only != NULL && actor != only) continue;
        if (begun && running == LEAVE_RUNNING) {
            left = actor;
            continue;
        }
        // Without its running turn nothing is left that could make the copy bad: it is loaded anew.
        actor->stale = actor == left;
        if (actor != left) actor->home = HOME_COLD;
        take(shard, worker, record, actor, begun, running, &taken);
        if (!actor->init_lost) continue;
        list_remove(&actor->ready);
        list_push(touched, &actor->ready);
    }
    // Those that were not begun need not be: the worker may skip them.
    if (only == NULL) {
        atomic_store_explicit(&worker->turns_control->recall_to, worker->head,
                              memory_order_release);
    }
    give_back(shard, &taken, touched);
}

void recall_drop_running(struct shard *shard, struct worker *worker, const struct actor *only,
                         const struct failure *failure) {
    struct actor *actor = recall_running_actor(shard, worker);
    if (actor == NULL || (only != NULL && actor != only)) return;

    struct turn_record *record = worker_turn(worker, worker->tail);
    struct caller       caller = worker_caller(record);
    recall_void(actor, record);
    recall_answer(shard, worker, caller, failure);
}
