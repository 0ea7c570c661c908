#include "keeper/sequence.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/exits.h"
#include "keeper/life.h"
#include "keeper/reason.h"
#include "keeper/router.h"
#include "keeper/start.h"
#include "keeper/timers.h"
#include "keeper/transfer.h"
#include "keeper/waiter.h"

#include <stdlib.h>

static void restart(struct shard *shard, struct supervisor *sup);

// --- Starting ------------------------------------------------------------------------------------

enum status sequence_start_child(struct shard *shard, struct child *child, struct caller caller,
                                 struct request *request) {
    const struct child_spec *spec = child_spec_of(child);
    struct supervisor       *sub;
    if (spec->supervisor != NULL) {
        // A child of a simple one may bring its own.
        struct slice name = request->name.bytes > 0 ? request->name : child_spec_name(spec);
        enum status  status = supervisor_create(shard, spec->supervisor, name, child, &sub);
        if (status != STATUS_OK) return status;
        return sequence_begin_for(shard, sub, caller, start_limit_ms(request->limit_ms));
    }
    struct actor *actor;
    enum status   status = start_actor(shard, caller, request, spec->behaviour, &actor);
    if (status != STATUS_OK) return status;
    child_set_unit(child, actor);
    child->falls = 0;
    actor->child = child;
    router_pump(shard, actor);
    return STATUS_OK;
}

void sequence_again(struct shard *shard, struct child *child) {
    supervisor_forget_news(child);
    if (child_is_supervisor(child)) {
        restart(shard, child->actor->supervisor);
    } else {
        life_restart(shard, child->actor);
    }
}

// The reason of a start that failed before it began.
static void write_refusal(const struct shard *shard, const struct child *child, enum status status,
                          struct peeper_writer *writer) {
    const struct actor *holder = start_holder(shard, child_spec_name(child_spec_of(child)));
    if (status == STATUS_ALREADY_STARTED && holder != NULL) {
        peeper_write_list(writer);
        peeper_write_string(writer, "already_started");
        peeper_write_int(writer, (int64_t)actor_id(holder));
        peeper_write_end(writer);
    } else {
        peeper_write_string(writer, status_name(status));
    }
}

// Starts what `child` needs. False: there is nothing to wait for.
static bool begin_child(struct shard *shard, struct child *child) {
    // One that is away may have been started again by hand since, and has a unit then.
    bool away = child->away && child->actor == NULL;
    if (child->ending != NULL || away) return false;
    // What became of it is about to be heard; of a second unit that would not be true.
    if (child->actor == NULL && child->news != NEWS_NONE) return true;
    if (child_live(child)) {
        // It has been begun already; whoever adds one by hand hears of it himself.
        enum actor_life life = (enum actor_life)child->actor->life;
        return !child->adding && (life == ACTOR_STARTING || life == ACTOR_RESTARTING);
    }
    if (child->actor != NULL) {
        sequence_again(shard, child);
        return true;
    }
    struct request request = {0};
    supervisor_fill_request(child, &request);
    enum status status = sequence_start_child(shard, child, CALLER_NOBODY, &request);
    if (status == STATUS_OK) return true;
    struct peeper_writer writer = {0};
    write_refusal(shard, child, status, &writer);
    struct peeper_value reason = peeper_writer_value(&writer);
    supervisor_news(shard, child, NEWS_FAILED, slice_of(reason.data, reason.bytes), true);
    peeper_writer_fini(&writer);
    return true;
}

// The next restart begins all children again.
static void forget_away(struct supervisor *sup) {
    if (sup->away == 0) return;
    sup->away = 0;
    for (struct child *child = supervisor_first(sup); child != NULL; child = child_next(child)) {
        child->away = false;
    }
}

static void is_up(struct shard *shard, struct supervisor *sup) {
    forget_away(sup);
    struct actor *actor = sup->actor;
    bool          news = actor->life != ACTOR_RUNNING;
    struct answer answer = {
        .kind = ANSWER_STARTED,
        .id = actor_id(actor),
        .unit = actor->unit,
        .name = actor_name(actor),
    };
    sup->phase = PHASE_STEADY;
    sup->cursor = NULL;
    sup->born = true;
    actor->life = ACTOR_RUNNING;
    waiter_answer_all(shard, sup, WAITER_START, &answer, NULL);
    if (news && actor->child != NULL) {
        supervisor_news(shard, actor->child, NEWS_UP, reason_normal(), false);
    }
    bool ends = sup->auto_due && supervisor_auto_due(sup);
    sup->auto_due = false;
    if (ends) supervisor_stop_soon(shard, sup, reason_shutdown());
}

static void step_start(struct shard *shard, struct supervisor *sup) {
    while (sup->cursor != NULL) {
        if (begin_child(shard, sup->cursor)) return; // news will come
        sup->cursor = child_next(sup->cursor);
    }
    is_up(shard, sup);
}

// --- Stopping ------------------------------------------------------------------------------------

void sequence_end_unit(struct shard *shard, struct child *child, struct slice reason, bool keep) {
    if (child_is_supervisor(child)) {
        sequence_destroy(shard, child->actor->supervisor, reason, keep);
    } else {
        life_end(shard, child->actor, reason, keep);
    }
}

// The stop of `child` has happened, or there was nothing to stop. Temporary children are not
// brought back by any restart, so they go; so does one that was being added and never was up, as
// its starter was told that it failed.
void sequence_stopped(struct shard *shard, struct child *child, enum ending_kind kind) {
    bool unborn = child->adding && child->actor == NULL;
    bool gone = kind == ENDING_END || child_temporary(child) || unborn;
    supervisor_forget_news(child);
    if (gone && child->actor != NULL) {
        sequence_end_unit(shard, child, supervisor_stop_reason(child->parent), false);
    }
    if (gone && (supervisor_simple(child->parent) || child_temporary(child) || unborn)) {
        supervisor_remove(shard, child);
    }
}

void sequence_finish_ending(struct shard *shard, struct child *child) {
    struct ending   *ending = child->ending;
    enum ending_kind kind = ending->kind;
    uint64_t         target = ending->target;
    struct list      waiters;
    list_init(&waiters);
    list_splice(&waiters, &ending->waiters);
    heap_cancel(&shard->timers, &ending->timer);
    child->ending = NULL;
    child->parent->endings--;
    free(ending);
    if (kind == ENDING_MOVE) {
        transfer_stopped(shard, child, target, &waiters);
        return;
    }
    sequence_stopped(shard, child, kind);
    waiter_done_all(shard, &waiters);
}

// Notes that `child` is being stopped and how long it may take. False without memory.
static bool begin_ending(struct shard *shard, struct child *child, enum ending_kind kind) {
    struct ending *ending = calloc(1, sizeof *ending);
    if (ending == NULL) {
        LOG_ERROR("ending.no_memory", "slot=%u", child->actor->slot);
        return false;
    }
    ending->timer.kind = TIMER_SHUTDOWN;
    list_init(&ending->waiters);
    ending->child = child;
    ending->kind = kind;
    child->ending = ending;
    child->parent->endings++;
    uint32_t shutdown_ms = child_spec_of(child)->shutdown_ms;
    uint64_t due_ms = shutdown_ms == SHUTDOWN_INFINITY ? UINT64_MAX : shard->now_ms + shutdown_ms;
    if (heap_arm(&shard->timers, &ending->timer, due_ms) != STATUS_OK) {
        LOG_WARN("timer.unarmed", "slot=%u", child->actor->slot);
    }
    return true;
}

static bool brutal_stop(const struct child *child) {
    return child->parent->brutal || child_spec_of(child)->shutdown_ms == SHUTDOWN_BRUTAL;
}

static struct envelope *order_of(const struct shard *shard, struct slice reason) {
    struct envelope *envelope =
        envelope_create(TURN_TERMINATE, CALLER_NOBODY, shard->now_ms, 0, reason);
    // Should the incarnation end before it, the next must not get it.
    if (envelope != NULL) envelope->own = true;
    return envelope;
}

// A running actor gets a terminate ahead of its messages. False: it has to be taken down.
static bool ask_to_end(struct shard *shard, struct child *child, enum ending_kind kind,
                       struct slice reason) {
    struct actor    *actor = child->actor;
    struct envelope *envelope = NULL;
    // Without trapping exits a shutdown is the end at once.
    if (brutal_stop(child) || actor->no_trap_exit) return false;
    if (actor->life != ACTOR_RUNNING && actor->life != ACTOR_STOPPING) return false;
    if (actor->life == ACTOR_RUNNING) {
        envelope = order_of(shard, reason);
        if (envelope == NULL) return false;
    }
    if (!begin_ending(shard, child, kind)) {
        free(envelope);
        return false;
    }
    if (envelope != NULL) router_enqueue_control(shard, actor, envelope);
    return true;
}

void sequence_unstopped(struct shard *shard, struct actor *actor) {
    struct child *child = actor->child;
    if (child == NULL || child->ending == NULL || actor->life != ACTOR_RUNNING) return;
    struct envelope *envelope = order_of(shard, supervisor_stop_reason(child->parent));
    if (envelope == NULL) {
        child_hurry(&shard->timers, child, shard->now_ms);
    } else {
        router_enqueue_control(shard, actor, envelope);
    }
}

// One that moves goes on elsewhere, unless its supervisor takes it along to its own end.
static void take_down(struct shard *shard, struct child *child, enum ending_kind kind,
                      struct slice reason) {
    if (kind == ENDING_MOVE && !supervisor_ending(child->parent)) {
        (void)life_take_away(shard, child->actor, reason);
    } else {
        (void)life_take_down(shard, child->actor, reason);
    }
}

// Begins to stop a live child. False: it has stopped already.
bool sequence_stop_child(struct shard *shard, struct child *child, enum ending_kind kind,
                         struct slice reason) {
    if (!child_is_supervisor(child)) {
        if (ask_to_end(shard, child, kind, reason)) return true;
        if (brutal_stop(child)) reason = reason_killed();
        take_down(shard, child, kind, reason);
        return false;
    }
    // Without memory only its patience is lost.
    (void)begin_ending(shard, child, kind);
    if (brutal_stop(child)) {
        supervisor_kill(shard, child->actor->supervisor);
    } else {
        supervisor_stop(shard, child->actor->supervisor, reason);
    }
    return true;
}

// Those that were asked before now lose their patience.
void sequence_hurry(struct shard *shard, struct child *child) {
    if (child_is_supervisor(child)) {
        supervisor_kill(shard, child->actor->supervisor);
        return;
    }
    if (child_live(child)) take_down(shard, child, child->ending->kind, reason_killed());
    sequence_finish_ending(shard, child);
}

// Tells all of them at once; true when all have stopped.
static bool stop_all(struct shard *shard, struct supervisor *sup) {
    for (struct list *link = sup->children.next, *next; !sup->swept && link != &sup->children;
         link = next) {
        struct child *child = LIST_ENTRY(link, struct child, link);
        next = link->next;
        if (child->ending != NULL) {
            if (sup->brutal) sequence_hurry(shard, child);
        } else if (!child_live(child) ||
                   !sequence_stop_child(shard, child, ENDING_KEEP, supervisor_stop_reason(sup))) {
            sequence_stopped(shard, child, ENDING_KEEP);
        }
    }
    sup->swept = true;
    return sup->endings == 0;
}

// One after the other, newest first; true when all have stopped.
static bool stop_in_order(struct shard *shard, struct supervisor *sup) {
    for (struct child *child;
         (child = sup->cursor) != NULL && child->number >= sup->number_first;) {
        if (child->ending != NULL) return false;
        // One that was started again by hand falls with its group, and is begun with it.
        if (child_live(child)) child->away = false;
        if (child_live(child) &&
            sequence_stop_child(shard, child, ENDING_KEEP, supervisor_stop_reason(sup)))
            return false;
        sup->cursor = child_previous(child);
        sequence_stopped(shard, child, ENDING_KEEP);
    }
    return true;
}

// --- The end of a supervisor ---------------------------------------------------------------------

void sequence_stop(struct supervisor *sup, uint32_t number_first, enum sequel sequel) {
    // Those that were still to be started are part of the group.
    if (sup->phase == PHASE_STARTING && sup->cursor != NULL && sup->cursor->number < number_first) {
        number_first = sup->cursor->number;
    }
    // One may have been added behind the cursor, or begun again.
    bool ends = sequel == SEQUEL_DOWN && sup->sequel != SEQUEL_DOWN;
    if (sup->phase != PHASE_STOPPING || ends) sup->cursor = supervisor_last(sup);
    if (sup->phase != PHASE_STOPPING || number_first < sup->number_first) {
        sup->number_first = number_first;
    }
    sup->phase = PHASE_STOPPING;
    sup->sequel = (uint8_t)sequel;
    sup->parallel = sequel == SEQUEL_DOWN && (supervisor_simple(sup) || sup->brutal);
    sup->swept = false;
}

// The first reason counts.
void sequence_end(struct supervisor *sup, struct slice reason) {
    if (supervisor_ending(sup)) return;
    sup->reason.bytes = 0;
    if (buf_append(&sup->reason, reason.data, reason.bytes) != STATUS_OK) {
        LOG_ERROR("reason.unkept", "bytes=%zu", reason.bytes);
    }
    sequence_stop(sup, 0, SEQUEL_DOWN);
    // One that never was up stays what it is, so that its starter hears of a failed start.
    if (sup->born) sup->actor->life = ACTOR_STOPPING;
}

static void free_child(struct shard *shard, struct child *child, struct slice reason, bool keep) {
    if (child->ending != NULL) {
        heap_cancel(&shard->timers, &child->ending->timer);
        waiter_done_all(shard, &child->ending->waiters);
        free(child->ending);
        child->ending = NULL;
        child->parent->endings--;
    }
    if (child_is_supervisor(child)) {
        sequence_destroy(shard, child->actor->supervisor, reason, keep);
    } else if (child->actor != NULL && life_take_down(shard, child->actor, reason)) {
        life_end(shard, child->actor, reason, keep);
    }
    supervisor_remove(shard, child);
}

void sequence_destroy(struct shard *shard, struct supervisor *sup, struct slice reason, bool keep) {
    struct actor  *actor = sup->actor;
    struct failure failure = {.status = STATUS_DOWN, .reason = reason};
    while (!list_empty(&sup->children)) free_child(shard, supervisor_last(sup), reason, keep);
    waiter_answer_all(shard, sup, WAITER_START, NULL, &failure);
    waiter_answer_all(shard, sup, WAITER_END, NULL, &failure);
    waiter_answer_all(shard, sup, WAITER_STOP, NULL, NULL);
    list_remove(&sup->asked);
    actor->supervisor = NULL;
    actor->life = ACTOR_DOWN;
    supervisor_spec_release(sup->spec);
    buf_fini(&sup->reason);
    free(sup);
    life_end(shard, actor, reason, false);
}

// A first start that failed: nothing stays.
static void start_failed(struct shard *shard, struct supervisor *sup) {
    struct child  *child = sup->actor->child;
    struct slice   reason = slice_of(sup->reason.data, sup->reason.bytes);
    struct failure failure = {
        .status = STATUS_REFUSED, .message = "a child did not start", .reason = reason};
    waiter_answer_all(shard, sup, WAITER_START, NULL, &failure);
    if (child != NULL) {
        child_set_unit(child, NULL);
        sup->actor->child = NULL;
        supervisor_news(shard, child, NEWS_FAILED, reason, true);
    }
    sequence_destroy(shard, sup, reason_shutdown(), false);
}

// All children have stopped and the incarnation ends.
static void over(struct shard *shard, struct supervisor *sup) {
    struct actor *actor = sup->actor;
    bool          ordered = actor->child != NULL && actor->child->ending != NULL;
    bool          keep = sup->gave_up || (sup->brutal && !ordered);
    // One whose restart failed is restarted again, whatever its reason.
    bool abnormal = sup->relapsed || !reason_orderly(slice_of(sup->reason.data, sup->reason.bytes));
    if (!sup->born) {
        start_failed(shard, sup);
        return;
    }
    for (struct list *link = sup->children.next, *next; link != &sup->children; link = next) {
        struct child *child = LIST_ENTRY(link, struct child, link);
        next = link->next;
        if (child->added || supervisor_simple(sup)) {
            free_child(shard, child, supervisor_stop_reason(sup), keep);
        }
    }
    struct failure ended = {.status = STATUS_DOWN,
                            .reason = slice_of(sup->reason.data, sup->reason.bytes)};
    exits_actor_over(shard, actor, ended.reason);
    sup->phase = PHASE_STEADY;
    actor->life = ACTOR_DOWN;
    actor->generation++;
    waiter_answer_all(shard, sup, WAITER_END, NULL, &ended);
    waiter_answer_all(shard, sup, WAITER_STOP, NULL, NULL);
    if (actor->child == NULL) {
        sequence_destroy(shard, sup, reason_shutdown(), keep);
        return;
    }
    supervisor_news(shard, actor->child, NEWS_DOWN, ended.reason, abnormal);
}

// --- The beginning of a supervisor ---------------------------------------------------------------

// Makes the children those of the spec, in its order; units of the incarnation before are kept.
static enum status reconcile(struct shard *shard, struct supervisor *sup) {
    struct list old;
    list_init(&old);
    list_splice(&old, &sup->children);
    sup->number_next = 0;
    enum status status = STATUS_OK;
    uint32_t    count = supervisor_simple(sup) ? 0 : sup->spec->count;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        struct child_spec *spec = sup->spec->children[i];
        struct child      *child = child_find(&shard->children, sup, child_spec_id(spec));
        if (child == NULL) {
            if (supervisor_add(shard, sup, spec) == NULL) status = STATUS_NO_MEMORY;
            continue;
        }
        list_remove(&child->link);
        list_push(&sup->children, &child->link);
        child->number = ++sup->number_next;
    }
    // Without memory nothing is lost: they come again at the next attempt.
    bool ok = status == STATUS_OK;
    for (struct list *link; !list_empty(&old);) {
        link = old.next;
        list_remove(link);
        list_push(&sup->children, link);
        if (ok) free_child(shard, LIST_ENTRY(link, struct child, link), reason_shutdown(), true);
    }
    return status;
}

void sequence_begin(struct shard *shard, struct supervisor *sup) {
    sup->phase = PHASE_STARTING;
    sup->cursor = NULL;
    if (reconcile(shard, sup) != STATUS_OK) {
        sup->relapsed = sup->born;
        sequence_end(sup, reason_killed());
    } else if (!supervisor_simple(sup)) {
        sup->cursor = supervisor_first(sup);
    }
    sequence_advance(shard, sup);
}

enum status sequence_begin_for(struct shard *shard, struct supervisor *sup, struct caller caller,
                               uint32_t limit_ms) {
    if (caller.generation != 0 &&
        waiter_create(shard, sup, WAITER_START, caller, limit_ms) == NULL) {
        sequence_destroy(shard, sup, reason_killed(), false);
        return STATUS_NO_MEMORY;
    }
    sequence_begin(shard, sup);
    return STATUS_OK;
}

static void restart(struct shard *shard, struct supervisor *sup) {
    forget_away(sup);
    sup->window = (struct window){0};
    sup->brutal = sup->parallel = sup->gave_up = sup->relapsed = sup->auto_due = false;
    sup->restarts++;
    shard->metrics.restarts++;
    sup->actor->life = ACTOR_RESTARTING;
    sequence_begin(shard, sup);
}

// Goes on with what the supervisor is doing, as far as it can without waiting.
void sequence_advance(struct shard *shard, struct supervisor *sup) {
    if (sup->phase == PHASE_STOPPING) {
        if (!(sup->parallel ? stop_all(shard, sup) : stop_in_order(shard, sup))) return;
        if (sup->sequel == SEQUEL_DOWN) {
            over(shard, sup); // it may be gone now
            return;
        }
        sup->phase = PHASE_STARTING;
        sup->cursor = sup->cursor == NULL ? supervisor_first(sup) : child_next(sup->cursor);
    }
    if (sup->phase == PHASE_STARTING) step_start(shard, sup);
}
