#include "keeper/router.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/child.h"
#include "keeper/feed.h"
#include "keeper/isolation.h"
#include "keeper/life.h"
#include "keeper/recall.h"
#include "keeper/step_back.h"
#include "keeper/supervisor.h"

#include <stdlib.h>

struct worker *router_worker(const struct shard *shard, const struct actor *actor) {
    struct host *host = shard->pools[actor->pool].active;
    if (actor->home != HOME_HOT || host == NULL) return NULL;
    if (actor->host_serial != host->serial) return NULL;
    return &host->workers[actor->worker];
}

// --- mailboxes ---

static void account(struct shard *shard, struct actor *actor, struct envelope *envelope) {
    envelope->slot = actor->slot;
    actor->waiting++;
    if (envelope->own) actor->own_waits = true;
    shard->waiting_bytes += sizeof *envelope + envelope->bytes;
    // A start has its time, whether somebody waits for it or a supervisor does.
    bool limited = envelope->caller.generation != 0 || envelope->kind == TURN_INIT;
    if (envelope->limit_ms == 0 || !limited) return;
    // Without memory for its timer the caller still gets its answer, only later than it asked for.
    enum status status =
        heap_arm(&shard->timers, &envelope->deadline, envelope->begun_ms + envelope->limit_ms);
    if (status != STATUS_OK) LOG_WARN("timer.unarmed", "slot=%u", actor->slot);
}

static bool ahead(const struct envelope *envelope) {
    return envelope->control || envelope->kind == TURN_INIT;
}

// Where the messages of users begin: behind an init and the control lane. Nothing may break this
// order, or a held actor would not find what it may run.
static struct list *users(struct actor *actor) {
    struct list *at = actor->mailbox.next;
    while (at != &actor->mailbox && ahead(LIST_ENTRY(at, struct envelope, link))) at = at->next;
    return at;
}

// Where the control lane begins: an actor may have been told to begin again while one of the lane
// was still under way.
static struct list *controls(struct actor *actor) {
    struct list *at = actor->mailbox.next;
    if (at == &actor->mailbox) return at;
    return LIST_ENTRY(at, struct envelope, link)->kind == TURN_INIT ? at->next : at;
}

void router_return(struct shard *shard, struct actor *actor, struct envelope *envelope) {
    struct list *at = users(actor);
    if (envelope->control) at = controls(actor);
    if (envelope->kind == TURN_INIT) at = actor->mailbox.next;
    list_insert(at, &envelope->link);
    account(shard, actor, envelope);
}

void router_enqueue(struct shard *shard, struct actor *actor, struct envelope *envelope) {
    list_push(&actor->mailbox, &envelope->link);
    account(shard, actor, envelope);
}

void router_unqueue(struct shard *shard, struct actor *actor, struct envelope *envelope) {
    CHECK(actor->waiting > 0);
    list_remove(&envelope->link);
    heap_cancel(&shard->timers, &envelope->deadline);
    actor->waiting--;
    shard->waiting_bytes -= sizeof *envelope + envelope->bytes;
}

// --- from the mailbox to a worker ---

static void wait_in(struct list *list, struct actor *actor) {
    list_remove(&actor->ready);
    list_push(list, &actor->ready);
}

// Those that starve are fed when a read is answered; where none is under way, a little later.
void router_starve(struct shard *shard, struct actor *actor) {
    wait_in(&shard->starved, actor);
    if (shard->loads == 0 && !timer_armed(&shard->unsettled)) supervisor_settle_later(shard);
}

void router_wait_for(struct worker *worker, struct actor *actor) {
    wait_in(&worker->ready, actor);
}

// Spreads actors over the workers, and around those that are stuck in a long turn. False if all are
// stuck.
static bool place(struct shard *shard, const struct host *host, uint8_t *ret_worker) {
    for (uint32_t i = 0; i < host->worker_count; i++) {
        uint32_t candidate = shard->place_next++ % host->worker_count;
        if (worker_closed(&host->workers[candidate])) continue;
        *ret_worker = (uint8_t)candidate;
        return true;
    }
    return false;
}

static enum status append(struct shard *shard, struct actor *actor, struct turn *turn) {
    struct host *host = shard_pool(shard, actor)->active;
    uint16_t     index = host->index_of[actor->behaviour];
    if (index == 0) return STATUS_UNKNOWN_BEHAVIOUR;

    turn->behaviour = (uint16_t)(index - 1);
    turn->number = shard->turn_next;
    enum status status = worker_append(&host->workers[actor->worker], actor, turn);
    if (status != STATUS_OK) return status;
    shard->turn_next++;
    shard->metrics.turns++;
    actor->inflight++;
    if (turn->kind == TURN_TERMINATE) actor->life = ACTOR_STOPPING;
    return STATUS_OK;
}

// A child that begins again does so as its spec says now, which may have been changed.
static struct slice init_argument(const struct actor *actor, bool again) {
    const struct child *child = actor->child;
    return again && child != NULL && child->spec != NULL ? child_spec_argument(child->spec)
                                                         : actor_argument(actor);
}

// What goes with the first turn of a cold actor.
struct brought {
    struct slice state;
    uint8_t      flags;
    uint32_t     rows; // how many parts of its rows were sent before
};

static enum status append_envelope(struct shard *shard, struct actor *actor,
                                   const struct envelope *envelope, struct brought brought) {
    bool        init = envelope->kind == TURN_INIT;
    bool        again = init && actor->life == ACTOR_RESTARTING;
    struct turn turn = {
        .kind = (enum turn_kind)envelope->kind,
        .flags = (uint8_t)(brought.flags | (again ? TURN_RESTART : 0)),
        .attempts = envelope->attempts,
        .control = envelope->control,
        .own = envelope->own,
        .caller = envelope->caller,
        .begun_ms = envelope->begun_ms,
        .limit_ms = envelope->limit_ms,
        .payload = init ? init_argument(actor, again) : envelope_payload(envelope),
        .state = brought.state,
        .rows = brought.rows,
    };
    return append(shard, actor, &turn);
}

// Hands the first envelope to the worker. The answer is OK, or why it stays.
static enum status dispatch_first(struct shard *shard, struct actor *actor,
                                  struct brought brought) {
    struct envelope *envelope = LIST_ENTRY(actor->mailbox.next, struct envelope, link);
    enum status      status = append_envelope(shard, actor, envelope, brought);
    if (status != STATUS_OK) return status;
    router_unqueue(shard, actor, envelope);
    free(envelope);
    return STATUS_OK;
}

// The message is to blame, not the state: it goes, and the actor goes on.
static void refuse_first(struct shard *shard, struct actor *actor, enum status status) {
    struct envelope *first = LIST_ENTRY(actor->mailbox.next, struct envelope, link);
    struct caller    caller = first->caller;
    bool             stop = first->kind == TURN_TERMINATE;
    router_unqueue(shard, actor, first);
    free(first);
    shard_answer_status(shard, caller, status);
    if (stop) child_hurry(&shard->timers, actor->child, shard->now_ms);
    if (actor->waiting > 0) router_starve(shard, actor);
}

static bool first_is_message(const struct actor *actor) {
    return LIST_ENTRY(actor->mailbox.next, struct envelope, link)->kind != TURN_INIT;
}

// Whether its life lets the first message run now.
static bool admitted(const struct actor *actor, const struct envelope *first) {
    switch ((enum actor_life)actor->life) {
        case ACTOR_RUNNING:
            // After the turn that runs its copy is not to be used: that turn's commit pumps it.
            if (actor->stale || actor->changing) return false;
            if (first->control || first->kind == TURN_TERMINATE) return true;
            if ((actor->held & HELD_BACK) != 0) return false;
            return (actor->held & HELD_SINGLE) == 0 || actor->inflight == 0;
        case ACTOR_STARTING:
        case ACTOR_RESTARTING: return first->kind == TURN_INIT && actor->inflight == 0;
        // Another state may be what it needs to come up again.
        case ACTOR_WAITING:
        case ACTOR_SUSPENDED:
            return first->kind == TURN_REPLACE && actor->inflight == 0 && !actor->changing;
        default: return false;
    }
}

static struct envelope *first_of(const struct actor *actor) {
    return LIST_ENTRY(actor->mailbox.next, struct envelope, link);
}

bool router_place(struct shard *shard, struct actor *actor) {
    struct pool *pool = shard_pool(shard, actor);
    if (!place(shard, pool->active, &actor->worker)) {
        wait_in(&pool->homeless, actor);
        return false;
    }
    actor->epoch++;
    actor->host_serial = pool->active->serial;
    return true;
}

// The first message of a cold actor did not get to its worker, for a reason that is no lack of
// room.
static void unsettled(struct shard *shard, struct actor *actor, enum status status) {
    if (status == STATUS_TOO_LARGE && first_is_message(actor)) {
        refuse_first(shard, actor, status);
    } else {
        life_unrunnable(shard, actor, status);
    }
}

// Brings a cold actor to a worker together with its first message.
static void settle(struct shard *shard, struct actor *actor, struct slice state, uint8_t flags) {
    if (!router_place(shard, actor)) return;
    actor->home = HOME_HOT;
    // Of a state that replaces another no copy is left where there was none, since tables may be
    // missing: the turn after it brings all there is.
    bool        without = first_of(actor)->kind == TURN_REPLACE;
    enum status status =
        dispatch_first(shard, actor, (struct brought){.state = state, .flags = flags});
    if (status == STATUS_OK) {
        if (without) actor->stale = true;
        return;
    }
    // No room: the state is dropped and read again later, which needs no state of its own to
    // remember it.
    actor->home = HOME_COLD;
    if (status == STATUS_AGAIN) {
        router_wait_for(&shard_pool(shard, actor)->active->workers[actor->worker], actor);
    } else {
        unsettled(shard, actor, status);
    }
}

enum status router_settle_fed(struct shard *shard, struct actor *actor, struct slice state,
                              uint32_t parts) {
    actor->home = HOME_COLD;
    // Whoever wanted it may have gone, or be held meanwhile.
    if (list_empty(&actor->mailbox) || !admitted(actor, first_of(actor))) return STATUS_OK;
    actor->home = HOME_HOT;
    uint8_t     flags = (uint8_t)(TURN_HAS_STATE | (parts > 0 ? TURN_HAS_ROWS : 0));
    enum status status = dispatch_first(
        shard, actor, (struct brought){.state = state, .flags = flags, .rows = parts});
    if (status == STATUS_OK) return STATUS_OK;
    actor->home = status == STATUS_AGAIN ? HOME_LOADING : HOME_COLD;
    if (status == STATUS_AGAIN) return status;
    unsettled(shard, actor, status);
    return STATUS_OK;
}

// A restart where the crash has left the tables: they need not travel. False if it is to be fed.
static bool settle_left(struct shard *shard, struct actor *actor, struct slice state) {
    struct rows_left left = actor->extra->rows_left;
    if (!left.there) return false;
    actor_extra(actor)->rows_left.there = false;
    struct host *host = shard_pool(shard, actor)->active;
    if (host->serial != left.host_serial || actor->extra->keep != NULL) return false;
    if (first_of(actor)->kind != TURN_INIT) return false;
    if (worker_closed(&host->workers[left.worker])) return false;
    actor->worker = left.worker;
    actor->host_serial = left.host_serial;
    actor->epoch++;
    actor->home = HOME_HOT;
    uint8_t     flags = TURN_HAS_STATE | TURN_HAS_ROWS | TURN_ROWS_KEPT;
    enum status status = dispatch_first(
        shard, actor, (struct brought){.state = state, .flags = flags, .rows = left.epoch});
    if (status == STATUS_OK) return true;
    actor->home = HOME_COLD;
    return false;
}

struct load {
    struct shard_message message;
    struct mirror_read   read;
    struct shard        *shard; // borrowed
    uint32_t             epoch; // of the actor when it asked
};

static void load_deliver(struct shard_message *message, struct shard *shard) {
    struct load  *load = LIST_ENTRY(message, struct load, message);
    struct actor *actor = actor_at(&shard->actors, load->read.slot);
    shard->loads--;

    bool wanted = actor != NULL && actor->unit == load->read.unit && actor->home == HOME_LOADING &&
                  actor->epoch == load->epoch;
    if (wanted) {
        actor->home = HOME_COLD;
        if (actor->extra->step_back && !step_back_loaded(shard, actor, &load->read)) {
            router_pump(shard, actor);
        } else if (load->read.status != STATUS_OK) {
            life_unrunnable(shard, actor, load->read.status);
        } else if (list_empty(&actor->mailbox) || !admitted(actor, first_of(actor))) {
            // Whoever wanted it has gone, or is held meanwhile.
        } else if (shard_pool(shard, actor)->active == NULL) {
            wait_in(&shard_pool(shard, actor)->homeless, actor);
        } else if (actor->has_tables &&
                   settle_left(shard, actor, slice_of(load->read.state, load->read.bytes))) {
            router_pump(shard, actor);
        } else if (actor->has_tables) {
            feed_begin(shard, actor, load->read.state, load->read.bytes);
            load->read.state = NULL;
        } else {
            settle(shard, actor, slice_of(load->read.state, load->read.bytes), TURN_HAS_STATE);
            // One that found no room waits in a list; pumped now it would only ask for its state
            // again.
            if (actor->home == HOME_HOT) router_pump(shard, actor);
        }
    }
    free(load->read.state);
    free(load);
    router_feed(shard);
}

// Mirror thread.
static void load_done(struct mirror_read *read) {
    struct load *load = LIST_ENTRY(read, struct load, read);
    // SHARD_LOADS_MAX is below the inbox's capacity less what others may send.
    CHECK(mailbox_push(&load->shard->inbox, &load->message.link) != STATUS_FULL);
}

// A restart gives back the tables that it shall. False if the mirror has no room to hear of it.
static bool keep_tables(struct shard *shard, struct actor *actor) {
    if (!actor->has_tables || actor->extra->keep == NULL) return true;
    if (first_of(actor)->kind != TURN_INIT) return true;
    struct slice names = slice_of(actor->extra->keep->names, actor->extra->keep->bytes);
    return mirror_keep_tables(shard->mirror, actor->slot, actor->unit, names) == STATUS_OK;
}

static void load_start(struct shard *shard, struct actor *actor) {
    struct load *load = shard->loads < SHARD_LOADS_MAX ? calloc(1, sizeof *load) : NULL;
    if (load == NULL || !keep_tables(shard, actor)) {
        free(load);
        router_starve(shard, actor);
        return;
    }
    load->message.deliver = load_deliver;
    load->shard = shard;
    load->epoch = actor->epoch;
    load->read.slot = actor->slot;
    load->read.unit = actor->unit;
    load->read.on_done = load_done;
    if (actor->extra->step_back) step_back_want(actor, &load->read);
    if (mirror_read(shard->mirror, &load->read) != STATUS_OK) {
        free(load);
        router_starve(shard, actor);
        return;
    }
    shard->loads++;
    shard->metrics.loads++;
    actor->home = HOME_LOADING;
}

void router_feed(struct shard *shard) {
    struct list batch;
    list_init(&batch);
    list_splice(&batch, &shard->starved);
    while (!list_empty(&batch)) {
        if (shard->loads >= SHARD_LOADS_MAX) break;
        router_pump(shard, LIST_ENTRY(list_pop(&batch), struct actor, ready));
    }
    // Those that were not reached stay in front of those that starve again.
    list_splice(&batch, &shard->starved);
    list_splice(&shard->starved, &batch);
}

void router_pump(struct shard *shard, struct actor *actor) {
    list_remove(&actor->ready);
    if (actor->init_lost) {
        life_init_lost(shard, actor);
        return;
    }
    while (!list_empty(&actor->mailbox)) {
        if (actor->home == HOME_LOADING) {
            feed_resume(shard, actor);
            return;
        }
        if (!admitted(actor, first_of(actor))) return;
        if (shard_pool(shard, actor)->active == NULL) {
            wait_in(&shard_pool(shard, actor)->homeless, actor);
            return;
        }
        struct worker *worker = router_worker(shard, actor);
        // A copy behind somebody's long turn is left there; another worker gets a new one.
        if (worker != NULL && worker_closed(worker) && actor->inflight == 0) worker = NULL;
        if (worker == NULL) {
            actor->home = HOME_COLD;
            if (isolation_release(shard, actor)) continue;
            // Never committed a state, or gets another one: nothing to load.
            if (actor->life == ACTOR_STARTING || first_of(actor)->kind == TURN_REPLACE) {
                settle(shard, actor, (struct slice){0}, 0);
            } else {
                load_start(shard, actor);
            }
            if (actor->home != HOME_HOT) return;
            continue;
        }
        enum status status = worker_closed(worker)
                                 ? STATUS_AGAIN
                                 : dispatch_first(shard, actor, (struct brought){0});
        if (status == STATUS_OK) continue;
        if (status == STATUS_AGAIN) {
            wait_in(&worker->ready, actor);
        } else {
            life_unrunnable(shard, actor, status);
        }
        return;
    }
}

void router_pump_list(struct shard *shard, struct list *list) {
    struct list batch;
    list_init(&batch);
    list_splice(&batch, list);
    for (struct list *link; (link = list_pop(&batch)) != NULL;) {
        router_pump(shard, LIST_ENTRY(link, struct actor, ready));
    }
}

// --- in ---

static bool direct(const struct actor *actor, const struct worker *worker) {
    return worker != NULL && !worker_closed(worker) && actor->life == ACTOR_RUNNING &&
           actor->waiting == 0 && (actor->held | actor->stale | actor->changing) == 0;
}

// Whatever is not begun comes back to the mailbox.
static void take_back(struct shard *shard, struct actor *actor) {
    struct worker *worker = router_worker(shard, actor);
    bool           inits = actor->life == ACTOR_STARTING || actor->life == ACTOR_RESTARTING;
    if (worker == NULL || actor->inflight == 0 || inits) return;
    if (actor->inflight == 1 && recall_running_actor(shard, worker) == actor) return;
    struct list touched;
    list_init(&touched);
    recall(shard, worker, actor, LEAVE_RUNNING, &touched);
    while (list_pop(&touched) != NULL) {
    }
}

static void control_put(struct shard *shard, struct actor *actor, struct envelope *envelope) {
    envelope->control = true;
    list_insert(users(actor), &envelope->link);
    account(shard, actor, envelope);
}

void router_enqueue_control(struct shard *shard, struct actor *actor, struct envelope *envelope) {
    take_back(shard, actor);
    control_put(shard, actor, envelope);
    router_pump(shard, actor);
}

// A stop must not wait until an operator resumes the actor: as in OTP it passes the messages before
// it. Other reasons to hold an actor end by themselves.
static void free_stops(struct shard *shard, struct actor *actor) {
    for (struct list *at = users(actor), *next; at != &actor->mailbox; at = next) {
        struct envelope *envelope = LIST_ENTRY(at, struct envelope, link);
        next = at->next;
        if (envelope->kind != TURN_TERMINATE) continue;
        router_unqueue(shard, actor, envelope);
        control_put(shard, actor, envelope);
    }
}

void router_hold(struct shard *shard, struct actor *actor, enum held why) {
    actor->held = (actor->held | why) & 7u;
    take_back(shard, actor);
    if ((why & HELD_SUSPENDED) != 0) free_stops(shard, actor);
    router_pump(shard, actor);
}

void router_change(struct shard *shard, struct actor *actor) {
    actor->changing = true;
    take_back(shard, actor);
}

void router_changed(struct shard *shard, struct actor *actor) {
    actor->changing = false;
    router_pump(shard, actor);
}

void router_enqueue_first(struct shard *shard, struct actor *actor, struct envelope *envelope) {
    list_insert(users(actor), &envelope->link);
    account(shard, actor, envelope);
    router_pump(shard, actor);
}

void router_let_go(struct shard *shard, struct actor *actor, enum held why) {
    actor->held = actor->held & ~(unsigned)why & 7u;
    router_pump(shard, actor);
}

enum status router_deliver(struct shard *shard, struct actor *actor, enum turn_kind kind,
                           struct caller caller, uint32_t limit_ms, struct slice payload,
                           bool may_wait) {
    // A stop is let in always: it is what helps where a mailbox is full.
    if (actor->waiting + actor->inflight >= actor->mailbox_max && kind != TURN_TERMINATE) {
        shard->metrics.mailbox_full++;
        return STATUS_MAILBOX_FULL;
    }
    struct worker *worker = router_worker(shard, actor);
    if (direct(actor, worker)) {
        struct turn turn = {
            .kind = kind,
            .caller = caller,
            .begun_ms = shard->now_ms,
            .limit_ms = limit_ms,
            .payload = payload,
        };
        enum status status = append(shard, actor, &turn);
        // Only a message that was taken is instead of the timeout.
        if (status == STATUS_OK) heap_cancel(&shard->timers, &actor->idle);
        if (status == STATUS_AGAIN && may_wait) shard->put_off = true;
        if (status != STATUS_AGAIN || may_wait) return status;
    }
    if (actor->supervisor != NULL) return STATUS_INVALID; // it has no code that could take it
    if (shard->waiting_bytes + payload.bytes > shard->options->waiting_bytes_max &&
        kind != TURN_TERMINATE) {
        return STATUS_OVERLOADED;
    }
    struct envelope *envelope =
        envelope_create((uint8_t)kind, caller, shard->now_ms, limit_ms, payload);
    if (envelope == NULL) return STATUS_NO_MEMORY;
    heap_cancel(&shard->timers, &actor->idle);
    if ((actor->held & HELD_BACK) != 0 && kind == TURN_TERMINATE) {
        router_enqueue_control(shard, actor, envelope);
        return STATUS_OK;
    }
    router_enqueue(shard, actor, envelope);
    if (list_empty(&actor->ready)) router_pump(shard, actor);
    return STATUS_OK;
}

// No limits apply.
static enum status enqueue_info(struct shard *shard, struct actor *actor, struct slice payload,
                                bool own) {
    struct envelope *envelope =
        envelope_create(TURN_INFO, CALLER_NOBODY, shard->now_ms, 0, payload);
    if (envelope == NULL) return STATUS_NO_MEMORY;
    envelope->own = own;
    heap_cancel(&shard->timers, &actor->idle);
    router_enqueue(shard, actor, envelope);
    if (list_empty(&actor->ready)) router_pump(shard, actor);
    return STATUS_OK;
}

enum status router_notify(struct shard *shard, struct actor *actor, struct slice payload) {
    return enqueue_info(shard, actor, payload, false);
}

enum status router_deliver_own(struct shard *shard, struct actor *actor, struct slice payload) {
    struct worker *worker = router_worker(shard, actor);
    struct turn    turn = {
           .kind = TURN_INFO, .begun_ms = shard->now_ms, .payload = payload, .own = true};
    enum status status = direct(actor, worker) ? append(shard, actor, &turn) : STATUS_AGAIN;
    if (status == STATUS_OK) heap_cancel(&shard->timers, &actor->idle);
    return status == STATUS_AGAIN ? enqueue_info(shard, actor, payload, true) : status;
}

void router_drop_own(struct shard *shard, struct actor *actor) {
    if (!actor->own_waits) return;
    for (struct list *link = actor->mailbox.next; link != &actor->mailbox;) {
        struct envelope *envelope = LIST_ENTRY(link, struct envelope, link);
        link = link->next;
        if (!envelope->own) continue;
        router_unqueue(shard, actor, envelope);
        free(envelope);
    }
    actor->own_waits = false;
}

bool router_forget(struct shard *shard, struct actor *actor) {
    struct worker *worker = router_worker(shard, actor);
    CHECK(actor->inflight == 0);
    if (worker != NULL) {
        // Void, because nothing depends on its answer: from here on the actor has no copy there.
        struct turn turn = {
            .kind = TURN_FORGET,
            .aside = true,
            .behaviour =
                (uint16_t)(shard_pool(shard, actor)->active->index_of[actor->behaviour] - 1),
            .number = shard->turn_next,
            .begun_ms = shard->now_ms,
        };
        if (worker_append(worker, actor, &turn) != STATUS_OK) return false;
        shard->turn_next++;
    }
    actor->home = HOME_DORMANT;
    return true;
}
