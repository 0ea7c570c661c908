#include "keeper/shard.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/alarms.h"
#include "keeper/apply.h"
#include "keeper/exits.h"
#include "keeper/hosts.h"
#include "keeper/isolation.h"
#include "keeper/life.h"
#include "keeper/reason.h"
#include "keeper/router.h"
#include "keeper/supervisor.h"
#include "keeper/timers.h"
#include "keeper/upgrade.h"
#include "keeper/waiter.h"

#include <stdio.h>
#include <stdlib.h>

enum status shard_init(struct shard *shard, const struct keeper_options *options,
                       struct mirror *mirror, const struct port *port, void (*on_wake)(void *),
                       void *wake_context) {
    *shard = (struct shard){
        .options = options,
        .mirror = mirror,
        .port = *port,
        .turn_next = 1,
        .unit_next = 1,
        .seed = 1,
    };
    mailbox_init(&shard->inbox, SHARD_INBOX_MAX, on_wake, wake_context);
    list_init(&shard->hosts);
    changes_init(&shard->changes, CHANGES_BYTES_MAX, on_wake, wake_context);
    streams_init(&shard->streams);
    hooks_init(&shard->hooks);
    isolation_init(shard);
    list_init(&shard->starved);
    list_init(&shard->leaving);
    list_init(&shard->news);
    list_init(&shard->asked);
    enum status status = actor_table_init(&shard->actors, options->actors_max);
    if (status != STATUS_OK) return status;
    status = child_index_init(&shard->children, shard->actors.seed);
    if (status != STATUS_OK) return status;
    status = crash_log_init(&shard->crashes, options->crashes_max, options->crash_bytes_max);
    if (status != STATUS_OK) return status;
    status = tie_table_init(&shard->ties);
    if (status != STATUS_OK) return status;
    status = send_timers_init(&shard->send_timers, options->timers_max, options->waiting_bytes_max);
    if (status != STATUS_OK) return status;
    status = keys_init(&shard->keys, options->idempotency_max, options->idempotency_bytes_max,
                       shard->actors.seed);
    if (status != STATUS_OK) return status;
    return pending_table_init(&shard->pending, options->pending_max);
}

void shard_use_code(struct shard *shard, struct code_set *code) {
    CHECK(shard->code == NULL);
    shard->code = code_set_hold(code);
    shard->pools[shard->general].code = code_set_hold(code);
}

static void drop_actor(struct shard *shard, struct actor *actor) {
    while (!list_empty(&actor->mailbox)) {
        struct envelope *envelope = LIST_ENTRY(actor->mailbox.next, struct envelope, link);
        router_unqueue(shard, actor, envelope);
        free(envelope);
    }
    while (actor->extra->pending != NULL) {
        heap_cancel(&shard->timers, &actor->extra->pending->deadline);
        pending_remove(&shard->pending, actor->extra->pending);
    }
    alarms_end(shard, actor);
    await_over(shard, actor);
    exits_actor_over(shard, actor, reason_shutdown());
    if (actor->extra->trouble != NULL) heap_cancel(&shard->timers, &actor->extra->trouble->backoff);
    isolation_leave(shard, actor);
    actor_destroy(&shard->actors, actor);
}

void shard_fini(struct shard *shard) {
    upgrade_fini(shard);
    for (uint32_t slot = 0; slot < shard->actors.used; slot++) {
        struct actor *actor = actor_at(&shard->actors, slot);
        if (actor == NULL) continue;
        if (actor->supervisor != NULL) supervisor_drop(shard, actor->supervisor);
        drop_actor(shard, actor);
    }
    for (struct list *link; (link = list_pop(&shard->hosts)) != NULL;) {
        host_destroy(LIST_ENTRY(link, struct host, link));
    }
    streams_fini(shard);
    hooks_fini(shard);
    listeners_fini(&shard->listeners);
    changes_fini(&shard->changes);
    actor_table_fini(&shard->actors);
    idempotency_fini(shard);
    pending_table_fini(&shard->pending);
    child_index_fini(&shard->children);
    crash_log_fini(&shard->crashes);
    tie_table_fini(&shard->ties);
    heap_fini(&shard->timers);
    send_timers_fini(&shard->send_timers);
    free(shard->transfers);
    commit_fini(&shard->commit);
    mailbox_fini(&shard->inbox);
    for (uint32_t i = 0; i < shard->pool_count; i++) code_set_release(shard->pools[i].code);
    code_set_release(shard->code);
}

// --- answers ---

void shard_answer_inside(struct shard *shard, struct caller caller, const struct answer *answer) {
    switch (caller.conn) {
        case CALLER_KEYED: idempotency_answer(shard, caller, answer); break;
        case CALLER_ACTOR: await_answer(shard, caller, answer); break;
        default: shard->port.answer(shard->port.context, caller, answer); break;
    }
}

void shard_answer_done(struct shard *shard, struct caller caller) {
    struct answer answer = {.kind = ANSWER_DONE};
    if (caller.generation != 0) shard_answer(shard, caller, &answer);
}

void shard_answer_error(struct shard *shard, struct caller caller, const struct failure *failure) {
    struct answer answer = {.kind = ANSWER_ERROR, .failure = failure};
    if (failure->status == STATUS_TIMEOUT) shard->metrics.timeouts++;
    if (caller.generation != 0) shard_answer(shard, caller, &answer);
}

void shard_answer_status(struct shard *shard, struct caller caller, enum status status) {
    struct failure failure = {.status = status};
    shard_answer_error(shard, caller, &failure);
}

// --- in ---

void shard_receive(struct shard *shard) {
    struct list batch;
    list_init(&batch);
    mailbox_drain(&shard->inbox, &batch);
    for (struct list *link; (link = list_pop(&batch)) != NULL;) {
        struct shard_message *message = LIST_ENTRY(link, struct shard_message, link);
        message->deliver(message, shard);
    }
    streams_receive(shard);
}

static void unblock(struct shard *shard, struct pool *pool, struct worker *worker) {
    worker->blocked = false;
    router_pump_list(shard, &worker->ready);
    router_pump_list(shard, &pool->homeless);
}

// Actors that found every worker closed. A slow worker gets as many as it may have; when it has
// nothing left to do it is slow no longer, so nobody is forgotten.
static void house(struct shard *shard, struct pool *pool, const struct worker *worker) {
    if (worker_closed(worker)) return;
    if (!worker->slow) {
        router_pump_list(shard, &pool->homeless);
        return;
    }
    for (uint32_t room = WORKER_SLOW_MAX - worker->inflight; room > 0; room--) {
        struct list *link = list_pop(&pool->homeless);
        if (link == NULL) return;
        router_pump(shard, LIST_ENTRY(link, struct actor, ready));
    }
}

// Applies what one worker has published. Fails: STATUS_PROTOCOL, STATUS_NO_MEMORY: kill the host.
static enum status drain_worker(struct shard *shard, struct pool *pool, struct worker *worker) {
    uint64_t    head = worker_commits_head(worker);
    uint64_t    tail = worker->commits_tail;
    bool        bulk = false;
    enum status status = STATUS_OK;

    while (tail != head) {
        status = commit_read(&shard->commit, &worker->commits, tail, head);
        if (status != STATUS_OK) break;
        uint32_t bytes = shard->commit.record.record_bytes;
        bulk |= (shard->commit.record.flags & COMMIT_BULK) != 0;
        status = apply(shard, worker);
        if (status != STATUS_OK) break;
        tail += bytes;
    }
    if (status == STATUS_FULL) {
        shard->stalled = true;
        status = STATUS_OK;
    }
    if (tail == worker->commits_tail) return status;
    worker_consumed(worker, tail, bulk);
    if (worker->inflight == 0) worker->slow = false;
    // Not before the whole batch is applied: until then an actor whose turns were taken back is not
    // given new ones.
    if (worker->blocked && worker->tail != worker->blocked_tail) {
        unblock(shard, pool, worker);
    } else if (!worker->blocked) {
        if (!list_empty(&worker->ready)) router_pump_list(shard, &worker->ready);
        if (!list_empty(&pool->homeless)) house(shard, pool, worker);
    }
    return status;
}

static bool ring_has_room(const struct worker *worker) {
    return worker->bulk_turn == 0 &&
           worker->head - worker->tail <=
               worker->turns.data_bytes - ring_record_bytes_max(&worker->turns);
}

static bool host_has_room(const struct host *host) {
    for (uint32_t i = 0; host != NULL && i < host->worker_count; i++) {
        if (!worker_closed(&host->workers[i]) && !ring_has_room(&host->workers[i])) return false;
    }
    return true;
}

static void offer_room(struct shard *shard) {
    if (!shard->put_off || shard->pools[shard->general].active == NULL) return;
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        const struct pool *pool = &shard->pools[i];
        if (pool->kind != POOL_OF_LISTENERS && !host_has_room(pool->active)) return;
    }
    shard->put_off = false;
    shard->port.on_room(shard->port.context);
}

static bool drain_active(struct shard *shard, struct pool *pool) {
    struct host *host = pool->active;
    bool         any = false;
    // Looked at before the rings: what was committed before the end counts, also that of the worker
    // whose running turn will be blamed.
    bool dying = hosts_dying(host);
    for (uint32_t i = 0; i < host->worker_count; i++) {
        struct worker *worker = &host->workers[i];
        if (worker_commits_head(worker) == worker->commits_tail) continue;
        any = true;
        if (drain_worker(shard, pool, worker) != STATUS_OK) {
            // Else a host that never says what it has begun could be asked the same for ever.
            worker->applying = true;
            hosts_lost(shard, host, HOST_END_NONSENSE, NULL);
            return true;
        }
    }
    if (dying && !shard->stalled) hosts_check_death(shard, host);
    return any;
}

bool shard_drain(struct shard *shard) {
    bool any = false;
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        struct pool *pool = &shard->pools[i];
        if (pool->standby != NULL && hosts_announced(shard, pool->standby) != STATUS_OK) {
            hosts_lost(shard, pool->standby, HOST_END_NONSENSE, NULL);
        }
        if (pool->active != NULL) any |= drain_active(shard, pool);
    }
    offer_room(shard);
    return any;
}

void shard_mirror_room(struct shard *shard) {
    shard->stalled = false;
    streams_mirror_room(shard);
    life_bury(shard);
    router_feed(shard);
}

static bool pool_has_commits(const struct pool *pool, bool stalled) {
    const struct host *host = pool->active;
    const struct host *standby = pool->standby;
    if (standby != NULL && standby->state == HOST_STARTING &&
        worker_commits_head(&standby->workers[0]) != standby->workers[0].commits_tail) {
        return true;
    }
    if (host == NULL || stalled) return false;
    for (uint32_t i = 0; i < host->worker_count; i++) {
        if (worker_commits_head(&host->workers[i]) != host->workers[i].commits_tail) return true;
        // A death report is news, too.
        const struct commits_control *control = host->workers[i].commits_control;
        if (atomic_load_explicit(&control->death, memory_order_relaxed) != DEATH_NONE) return true;
    }
    return false;
}

bool shard_has_commits(const struct shard *shard) {
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        if (pool_has_commits(&shard->pools[i], shard->stalled)) return true;
    }
    return false;
}

#define BATCH_UNIT 16u
#define BATCH_LONELY (2u * BATCH_UNIT)

bool shard_lonely(const struct shard *shard) {
    return shard->batch <= BATCH_LONELY;
}

static void smooth_batch(struct shard *shard) {
    uint64_t turns = shard->metrics.turns - shard->published_turns;
    if (turns == 0) return;
    shard->published_turns = shard->metrics.turns;
    uint64_t batch = turns > 1000 ? 1000 : turns;
    shard->batch = (uint32_t)((shard->batch * 7u + batch * BATCH_UNIT) / 8u);
}

#define SETTLE_ROUNDS 8

// Supervisors hear of their children, then those who are tied to what ended hear of it: so names
// are free by then. Their own ends are news again; a few rounds settle all but a storm of them,
// which goes on in the next turn of the loop.
static void settle(struct shard *shard) {
    for (int i = 0; i < SETTLE_ROUNDS; i++) {
        supervisor_settle(shard);
        if (!list_empty(&shard->news)) break; // names are free before anybody is told
        if (list_empty(&shard->ties.over) && list_empty(&shard->asked)) return;
        exits_announce(shard, EXITS_TOLD_MAX);
        if (list_empty(&shard->news) && list_empty(&shard->asked)) return;
    }
    supervisor_settle_later(shard);
}

void shard_publish(struct shard *shard) {
    if (shard->upgrade != NULL) upgrade_step(shard);
    settle(shard);
    if (streams_busy(&shard->streams)) streams_work(shard);
    if (hooks_busy(&shard->hooks)) hooks_work(shard);
    mirror_flush(shard->mirror);
    smooth_batch(shard);
    bool lonely = shard_lonely(shard);
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        struct host *host = shard->pools[i].active;
        for (uint32_t w = 0; host != NULL && w < host->worker_count; w++) {
            worker_publish(&host->workers[w], lonely);
        }
    }
}

uint32_t shard_inflight(const struct shard *shard) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        const struct host *host = shard->pools[i].active;
        if (shard->pools[i].kind == POOL_OF_LISTENERS) continue;
        for (uint32_t w = 0; host != NULL && w < host->worker_count; w++) {
            count += host->workers[w].inflight;
        }
    }
    return count;
}

// --- sleeping ---

static void set_sleep(struct host *host, bool asleep) {
    for (uint32_t i = 0; i < host->worker_count; i++) {
        _Atomic uint32_t *flag = &host->workers[i].turns_control->keeper_sleep;
        uint32_t          value = atomic_load_explicit(flag, memory_order_relaxed);
        if ((value & 1u) == (uint32_t)asleep) continue;
        atomic_store_explicit(flag, value + 1, memory_order_relaxed);
    }
}

static void set_sleep_all(struct shard *shard, bool asleep) {
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        struct pool *pool = &shard->pools[i];
        if (pool->active != NULL) set_sleep(pool->active, asleep);
        if (pool->standby != NULL) set_sleep(pool->standby, asleep);
    }
}

// What a storm of ends has left for the next turn of the loop, and no timer will bring back.
static bool unsettled(const struct shard *shard) {
    return !list_empty(&shard->ties.over) || streams_busy(&shard->streams) ||
           upgrade_hurries(shard) || (!list_empty(&shard->news) && !timer_armed(&shard->unsettled));
}

bool shard_sleep(struct shard *shard) {
    if (unsettled(shard)) return false;
    set_sleep_all(shard, true);
    // Pairs with the worker's fence between publishing a commit and reading the flag.
    atomic_thread_fence(memory_order_seq_cst);
    if (!shard_has_commits(shard)) return true;
    set_sleep_all(shard, false);
    return false;
}

void shard_awake(struct shard *shard) {
    set_sleep_all(shard, false);
}

// --- timers ---

// Whether somebody waits longer for it than the first who asked.
static bool prolonged(struct shard *shard, struct timer *deadline, struct caller caller) {
    uint64_t until_ms = idempotency_until(shard, caller);
    return until_ms > shard->now_ms && heap_arm(&shard->timers, deadline, until_ms) == STATUS_OK;
}

static void envelope_expired(struct shard *shard, struct envelope *envelope) {
    struct actor *actor = actor_at(&shard->actors, envelope->slot);
    CHECK(actor != NULL);
    if (prolonged(shard, &envelope->deadline, envelope->caller)) return;
    char text[120];
    bool awaiting = (actor->held & HELD_BACK) == HELD_AWAITING;
    snprintf(text, sizeof text, "waited in the mailbox; the actor is %s",
             awaiting ? "awaiting the answer of another" : actor_status_text(actor));
    struct failure failure = {.status = STATUS_TIMEOUT, .message = text};
    struct caller  caller = envelope->caller;
    envelope->caller = CALLER_NOBODY;

    // A stop goes on without its caller; a call or a new state that nobody waits for is not run; a
    // start has failed.
    if (envelope->kind == TURN_CALL || envelope->kind == TURN_REPLACE) {
        router_unqueue(shard, actor, envelope);
        free(envelope);
    } else if (envelope->kind == TURN_INIT) {
        life_kill(shard, actor);
    }
    shard_answer_error(shard, caller, &failure);
}

static void pending_expired(struct shard *shard, struct pending *pending) {
    if (prolonged(shard, &pending->deadline, pending->caller)) return;
    struct failure failure = {.status = STATUS_TIMEOUT,
                              .message = "the actor took the call and has not replied yet"};
    struct caller  caller = pending->caller;
    pending_remove(&shard->pending, pending);
    shard_answer_error(shard, caller, &failure);
}

// What is due beyond this waits for the next loop turn, behind the sockets.
#define TIMERS_PER_TURN 1024

void shard_run_timers(struct shard *shard) {
    for (uint32_t i = 0; i < TIMERS_PER_TURN; i++) {
        struct timer *timer = heap_pop_due(&shard->timers, shard->now_ms);
        if (timer == NULL) return;
        switch ((enum timer_kind)timer->kind) {
            case TIMER_ENVELOPE:
                envelope_expired(shard, LIST_ENTRY(timer, struct envelope, deadline));
                break;
            case TIMER_PENDING:
                pending_expired(shard, LIST_ENTRY(timer, struct pending, deadline));
                break;
            case TIMER_IDLE: alarms_idle_due(shard, LIST_ENTRY(timer, struct actor, idle)); break;
            case TIMER_HIBERNATE:
                alarms_hibernate_due(shard, LIST_ENTRY(timer, struct alarms, hibernate));
                break;
            case TIMER_SEND:
                send_timer_due(shard, LIST_ENTRY(timer, struct send_timer, timer));
                break;
            case TIMER_BACKOFF: {
                struct trouble *trouble = LIST_ENTRY(timer, struct trouble, backoff);
                life_backoff_over(shard, actor_at(&shard->actors, trouble->slot));
                break;
            }
            case TIMER_SHUTDOWN:
                supervisor_patience_over(shard, LIST_ENTRY(timer, struct ending, timer));
                break;
            case TIMER_WAITER:
                waiter_expired(shard, LIST_ENTRY(timer, struct waiter, timer));
                break;
            case TIMER_AWAIT:
                await_expired(shard, LIST_ENTRY(timer, struct await, deadline));
                break;
            case TIMER_SETTLE: router_feed(shard); break; // settling is part of each turn
            case TIMER_POOL: isolation_retire(shard, LIST_ENTRY(timer, struct pool, retire)); break;
            case TIMER_QUARANTINE: {
                struct trouble *trouble = LIST_ENTRY(timer, struct trouble, quarantine);
                isolation_quiet(shard, actor_at(&shard->actors, trouble->slot));
                break;
            }
            case TIMER_PENALTY:
                hooks_penalty_due(shard, LIST_ENTRY(timer, struct penalty, timer));
                break;
            case TIMER_KEY_WAITER:
                idempotency_waiter_expired(shard, LIST_ENTRY(timer, struct key_waiter, deadline));
                break;
            case TIMER_KEYS: idempotency_due(shard); break;
            case TIMER_HELLO: shard->port.on_timer(shard->port.context, timer); break;
        }
    }
}
