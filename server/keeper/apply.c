#include "keeper/apply.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/alarms.h"
#include "keeper/crash_note.h"
#include "keeper/life.h"
#include "keeper/reason.h"
#include "keeper/recall.h"
#include "keeper/requests.h"
#include "keeper/router.h"
#include "keeper/sequence.h"
#include "keeper/step_back.h"
#include "keeper/tie_requests.h"
#include "keeper/upgrade.h"

#include <stdio.h>
#include <string.h>

#define CHAIN_KEPT_BYTES (64u << 10) // a larger argument is not kept longer than it is needed

// The parts that one commit is about.
struct subject {
    struct shard       *shard;
    struct worker      *worker;
    struct turn_record *turn;
    struct actor       *actor;
    struct commit      *commit;
    bool                first; // the callback that the turn was for, not a link of its chain
};

// --- legality: what kind of commit may answer what kind of turn ---

// The message of a timer: of one that is to be armed, or of one that is due at once.
static bool legal_idle(const struct commit *commit) {
    uint8_t flags = commit->record.flags;
    if (flags & COMMIT_STOP) return false;
    if (flags & COMMIT_MORE) return commit->next.data == NULL;
    return (flags & COMMIT_TIMEOUT) != 0;
}

static bool legal_done(const struct subject *s) {
    const struct commit *commit = s->commit;
    bool                 more = (commit->record.flags & COMMIT_MORE) != 0;
    bool                 stop = (commit->record.flags & COMMIT_STOP) != 0;
    bool                 init = s->first && s->turn->kind == TURN_INIT;

    if (s->turn->kind == TURN_REPLACE) {
        return commit->state.data != NULL && commit->record.item_count == 1 &&
               (commit->record.flags & ~COMMIT_BULK) == 0;
    }
    // What init replies is information for its starter.
    bool replies = s->first && (s->turn->kind == TURN_CALL || init);
    if (commit->reply.data != NULL && !replies) return false;
    if (commit->next.data != NULL && (!more || stop)) return false;
    if (commit->calls > 0 && (stop || init)) return false;
    if (commit->idle.data != NULL && !legal_idle(commit)) return false;
    if (init && (stop || (s->actor->life == ACTOR_STARTING && commit->state.data == NULL)))
        return false;
    if (s->turn->kind == TURN_TERMINATE && (more || !stop)) return false;
    // After stop there is only terminate, and after terminate nothing.
    if (s->worker->chain == CHAIN_TERMINATE && (more || !stop)) return false;
    return true;
}

static bool crash_code_known(uint8_t code) {
    return (code >= COMMIT_CODE_RAISE && code <= COMMIT_CODE_MEMORY) ||
           code == COMMIT_CODE_DEADLINE;
}

// Of a crash only a terminate that ran after it has effects: not where there was nothing to
// terminate yet, and not where it was the terminate that crashed. Whether the behaviour has one the
// host knows.
static bool legal_crash(const struct subject *s) {
    const struct commit *commit = s->commit;
    bool                 init = s->first && s->turn->kind == TURN_INIT;
    bool terminate = s->turn->kind == TURN_TERMINATE || s->worker->chain == CHAIN_TERMINATE;

    if (!crash_code_known(commit->record.code)) return false;
    // What load() does wrong with a new state is not the actor's fault.
    if (s->turn->kind == TURN_REPLACE) return false;
    if ((commit->record.flags & ~(COMMIT_BULK | COMMIT_ROWS)) != 0) return false;
    if (commit->calls > 0) return false;
    if (commit->state.data != NULL || commit->reply.data != NULL) return false;
    if (commit->next.data != NULL || commit->idle.data != NULL) return false;
    bool effects = commit->effects > 0 || commit->tables.data != NULL;
    return !effects || (!init && !terminate);
}

static bool legal_refused(const struct subject *s) {
    bool init = s->turn->kind == TURN_INIT;
    if (!s->first || s->commit->effects > 0) return false;
    if (s->commit->state.data != NULL || s->commit->tables.data != NULL) return false;
    switch (s->commit->record.code) {
        case COMMIT_CODE_IGNORE: return init;
        case COMMIT_CODE_ERROR: return init || s->turn->kind == TURN_REPLACE;
        // The reasons that supervisors give are good Values.
        case COMMIT_CODE_INVALID: return s->turn->kind != TURN_TERMINATE || !s->turn->note_own;
        default: return false;
    }
}

static bool legal_skip(const struct subject *s) {
    uint64_t recalled =
        atomic_load_explicit(&s->worker->turns_control->recall_to, memory_order_relaxed);
    // A record that brings its own copy can always be run, unless it wants rows that have been
    // lost.
    bool brings = (s->turn->kind == TURN_INIT || s->turn->kind == TURN_REPLACE ||
                   (s->turn->flags & TURN_HAS_STATE) != 0) &&
                  (s->turn->flags & TURN_HAS_ROWS) == 0;
    // In a chain the worker was asked to make room for others.
    return s->worker->tail < recalled || (s->first && !brings);
}

// --- the end of a turn ---

static void finish_turn(struct subject *s) {
    worker_advance(s->worker);
    CHECK(s->actor->inflight > 0);
    s->actor->inflight--;
    if (s->actor->stale) s->actor->home = HOME_COLD;
    s->actor->stale = false;
}

// By a crash or an exit.
static void end_turn(struct subject *s, struct end *end, const struct failure *failure) {
    struct caller caller = worker_caller(s->turn);
    if (s->worker->chain == CHAIN_TERMINATE && s->worker->chain_reply.bytes > 0) {
        recall_answer(s->shard, s->worker, caller, failure);
        caller = CALLER_NOBODY;
    }
    life_unstop(s->actor, s->turn);
    crash_note_turn(end, s->worker, (int32_t)shard_pool(s->shard, s->actor)->active->pid);
    // What went before a terminate counts, also where that crashes.
    struct failure told = *failure;
    told.ran = s->worker->chain == CHAIN_TERMINATE;
    // The worker goes on with a chain that it believes in.
    if (s->commit->record.flags & COMMIT_MORE) {
        recall_void(s->actor, s->turn);
    } else {
        finish_turn(s);
    }
    // To exit in an orderly way is to stop, only from deeper inside.
    if (end->kind == CRASH_EXIT && reason_orderly(end->reason)) {
        life_exited(s->shard, s->actor, end);
    } else {
        life_crashed(s->shard, s->actor, end);
    }
    shard_answer_error(s->shard, caller, &told);
}

// --- done ---

// What the turn has asked for cannot be: it crashes as a whole.
static void refuse_turn(struct subject *s, enum crash_kind kind, const char *text) {
    uint8_t        room[REASON_TEXT_BYTES];
    struct end     end = {.kind = kind, .reason = reason_text(room, text), .text = text};
    struct failure failure = {
        .status = STATUS_CRASHED,
        .message = text,
        .reason = end.reason,
        .kind = crash_kind_text(end.kind),
    };
    end_turn(s, &end, &failure);
}

static enum status refuse_call(struct subject *s, enum status status) {
    if (status == STATUS_INVALID) {
        refuse_turn(s, CRASH_CONTRACT, "not_allowed(call while another one is awaited)");
    } else {
        refuse_turn(s, CRASH_MEMORY, "no_memory(call)");
    }
    return STATUS_OK;
}

// There is no room for the timers that the turn has asked for.
static enum status refuse_timers(struct subject *s, enum status status) {
    if (status == STATUS_PROTOCOL) return status;
    char text[64] = "no_memory(timers)";
    if (status == STATUS_FULL) {
        snprintf(text, sizeof text, "timers_max(%u)", s->shard->options->timers_max);
    } else if (status == STATUS_OVERLOADED) {
        snprintf(text, sizeof text, "waiting_bytes_max(%llu)",
                 (unsigned long long)s->shard->options->waiting_bytes_max);
    }
    refuse_turn(s, CRASH_MEMORY, text);
    return STATUS_OK;
}

static void reply_later(struct subject *s, uint64_t token, struct slice payload) {
    struct pending *pending = pending_find(&s->shard->pending, s->actor, token);
    if (pending == NULL) return; // answered already, or nobody waits any more
    struct caller caller = pending->caller;
    heap_cancel(&s->shard->timers, &pending->deadline);
    pending_remove(&s->shard->pending, pending);
    struct answer answer = {.kind = ANSWER_REPLY, .payload = payload};
    shard_answer(s->shard, caller, &answer);
}

// The call was taken but not answered: it waits for a later turn.
static void defer_call(struct subject *s) {
    struct caller caller = worker_caller(s->turn);
    if (caller.generation == 0) return;
    worker_answered(s->turn);
    struct pending *pending;
    enum status status = pending_add(&s->shard->pending, s->actor, s->turn->turn, caller, &pending);
    if (status != STATUS_OK) {
        // It has run, so it must not be repeated blindly.
        struct failure failure = {.status = status,
                                  .message = "too many deferred replies",
                                  .not_retryable = true,
                                  .ran = true};
        shard_answer_error(s->shard, caller, &failure);
        return;
    }
    if (s->turn->note_deadline_ms == 0) return;
    uint64_t until_ms = s->turn->note_begun_ms + s->turn->note_deadline_ms;
    // Of a request with a key the reply is kept, so it is waited for as long as it would be.
    if (caller.conn == CALLER_KEYED) {
        until_ms = s->shard->now_ms + s->shard->options->idempotency_ms;
    }
    status = heap_arm(&s->shard->timers, &pending->deadline, until_ms);
    if (status != STATUS_OK) LOG_WARN("timer.unarmed", "slot=%u", s->actor->slot);
}

// The incarnation that an item means; 0 where it names an actor.
static uint64_t id_of(struct slice body) {
    uint64_t id = 0;
    if (body.bytes == sizeof id) memcpy(&id, body.data, sizeof id);
    return id;
}

static uint64_t named_or(const struct item *item) {
    return item->name.bytes > 0 ? 0 : item->token;
}

static void effects(struct subject *s) {
    uint32_t    at = 0;
    struct item item;
    while (commit_item(s->commit, &at, &item)) {
        switch (item.kind) {
            case ITEM_SEND:
                request_effect_message(s->shard, TURN_INFO, item.name, item.body);
                break;
            case ITEM_CAST:
                request_effect_message(s->shard, TURN_CAST, item.name, item.body);
                break;
            case ITEM_STOP: request_effect_stop(s->shard, item.name, item.body); break;
            case ITEM_START:
                request_effect_start(
                    s->shard, slice_of(item.name.data, item.token),
                    slice_of(item.name.data + item.token, item.name.bytes - item.token), item.body);
                break;
            case ITEM_REPLY_TO: reply_later(s, item.token, item.body); break;
            case ITEM_MONITOR:
                tie_effect_monitor(s->shard, s->actor, item.token, item.name, id_of(item.body));
                break;
            case ITEM_DEMONITOR: tie_effect_demonitor(s->shard, s->actor, item.token); break;
            case ITEM_LINK: tie_effect_link(s->shard, s->actor, item.name, named_or(&item)); break;
            case ITEM_UNLINK:
                tie_effect_unlink(s->shard, s->actor, item.name, named_or(&item));
                break;
            case ITEM_CALL:
                await_begin(s->shard, s->actor, item.name, item.token, item.body);
                break;
            case ITEM_CANCEL_TIMER: send_timer_cancel(s->shard, s->actor, item.token); break;
            case ITEM_TIMER: break; // armed already, before anything was certain
            default: break;         // the single ones
        }
    }
}

static void answer_call(struct subject *s) {
    // A stop is answered when it is complete.
    if (s->commit->reply.data == NULL || (s->commit->record.flags & COMMIT_STOP)) return;
    struct answer answer = {.kind = ANSWER_REPLY, .payload = s->commit->reply};
    shard_answer(s->shard, worker_caller(s->turn), &answer);
    worker_answered(s->turn);
}

static void answer_start(struct subject *s) {
    struct answer answer = {
        .kind = ANSWER_STARTED,
        .id = actor_id(s->actor),
        .unit = s->actor->unit,
        .name = actor_name(s->actor),
        .ref = tie_start_ref(s->actor),
        .payload = s->commit->reply,
    };
    shard_answer(s->shard, worker_caller(s->turn), &answer);
    worker_answered(s->turn);
}

static enum chain next_link(const struct subject *s) {
    if (s->commit->record.flags & COMMIT_STOP) return CHAIN_TERMINATE;
    return s->commit->next.data != NULL ? CHAIN_CONTINUE : CHAIN_TIMEOUT;
}

static struct slice link_argument(const struct subject *s, enum chain chain) {
    if (chain == CHAIN_TERMINATE) return s->commit->reason;
    if (chain == CHAIN_CONTINUE) return s->commit->next;
    return s->commit->idle.data != NULL ? s->commit->idle : envelope_timeout();
}

// Notes what the worker runs next for the same turn, so that it can go on elsewhere if this host
// dies.
static void go_on(struct subject *s) {
    struct worker *worker = s->worker;
    worker->chain = next_link(s);
    worker->chain_argument.bytes = 0;
    if (worker->chain_argument.capacity > CHAIN_KEPT_BYTES) buf_fini(&worker->chain_argument);
    struct slice argument = link_argument(s, worker->chain);
    if (buf_append(&worker->chain_argument, argument.data, argument.bytes) != STATUS_OK) {
        LOG_ERROR("chain.unkept", "bytes=%zu", argument.bytes);
    }
    if (worker->chain != CHAIN_TERMINATE) return;
    s->actor->life = ACTOR_STOPPING;
    if (s->commit->reply.bytes > 0 && buf_append(&worker->chain_reply, s->commit->reply.data,
                                                 s->commit->reply.bytes) != STATUS_OK) {
        LOG_ERROR("reply.unkept", "bytes=%zu", s->commit->reply.bytes);
    }
}

static void settle_down(struct subject *s) {
    struct shard *shard = s->shard;
    struct actor *actor = s->actor;
    uint8_t       flags = s->commit->record.flags;
    bool          timer = (flags & COMMIT_TIMEOUT) != 0;
    // An operator's new state comes in between, and is no message that the timer waits for.
    if (timer && actor->replaced && !alarms_disturbed(shard, actor)) {
        alarms_arm_idle(shard, actor, s->commit->record.due_ms, s->commit->idle);
        timer = false;
    }
    if (actor->inflight > 0) return;
    if (flags & COMMIT_HIBERNATE) actor->home = HOME_DORMANT;
    if (actor->extra->alarms != NULL) alarms_worked(shard, actor);
    if (actor->waiting > 0) {
        router_pump(shard, actor);
    } else if (timer) {
        alarms_arm_idle(shard, actor, s->commit->record.due_ms, s->commit->idle);
    }
}

// One that does not run gets a new copy when it is restarted; but what is in its ring, such as a
// terminate, still runs there.
static void leave_home(struct subject *s) {
    if (s->actor->life != ACTOR_RUNNING && s->actor->inflight == 0) s->actor->home = HOME_COLD;
}

static void finish_replace(struct subject *s) {
    finish_turn(s);
    leave_home(s);
    settle_down(s);
}

// The answers come last: by then the name is free.
static void finish_stop(struct subject *s) {
    struct shard *shard = s->shard;
    struct caller caller = worker_caller(s->turn);
    bool          verb = s->turn->kind == TURN_TERMINATE;
    bool          chain = s->worker->chain == CHAIN_TERMINATE;
    struct buf    reply = s->worker->chain_reply; // taken out: the turn takes the rest along
    struct slice  reason = s->commit->reason;
    struct slice  payload = chain ? slice_of(reply.data, reply.bytes) : s->commit->reply;
    if (chain) reason = slice_of(s->worker->chain_argument.data, s->worker->chain_argument.bytes);

    s->worker->chain_reply = (struct buf){0};
    life_unstop(s->actor, s->turn);
    struct end end = {.reason = reason};
    crash_note_turn(&end, s->worker, (int32_t)shard_pool(shard, s->actor)->active->pid);
    finish_turn(s);
    life_exited(shard, s->actor, &end);
    struct failure failure = {.status = STATUS_DOWN, .reason = reason, .ran = true};
    struct answer  answer = {.kind = ANSWER_REPLY, .payload = payload};
    if (verb) {
        shard_answer_done(shard, caller);
    } else if (payload.bytes == 0) {
        shard_answer_error(shard, caller, &failure);
    } else if (caller.generation != 0) {
        shard_answer(shard, caller, &answer);
    }
    buf_fini(&reply);
}

// Hands what the turn has changed to the mirror, all of it or nothing.
static enum status keep_changes(struct subject *s) {
    struct actor            *actor = s->actor;
    struct mirror           *mirror = s->shard->mirror;
    struct generation_origin origin = {
        .slot = actor->slot,
        .kept = actor->extra->generations,
        .unit = actor->unit,
        .version = actor->version + 1,
        .turn = s->turn->turn,
        .at_ms = s->shard->wall_ms,
    };
    if (actor->watched && s->commit->state.data != NULL && !actor->ends_only) {
        enum status told = streams_tell_next(s->shard, actor);
        if (told != STATUS_OK) return told;
    }
    if (s->commit->tables.data == NULL) return mirror_put(mirror, &origin, s->commit->state);
    enum status status = mirror_put_tables(mirror, &origin, s->commit->state, s->commit->tables);
    if (status == STATUS_OK) actor->has_tables = true;
    return status;
}

static enum status apply_done(struct subject *s) {
    struct shard *shard = s->shard;
    if (!legal_done(s)) return STATUS_PROTOCOL;
    if (s->commit->calls > 0) {
        enum status status = await_prepare(shard, s->actor);
        if (status != STATUS_OK) return refuse_call(s, status);
    }
    if ((s->commit->timers | s->commit->idle.bytes) != 0) {
        enum status status = send_timers_arm(shard, s->actor, s->turn->turn, s->commit);
        if (status != STATUS_OK) return refuse_timers(s, status);
    }
    if (s->commit->state.data != NULL || s->commit->tables.data != NULL) {
        enum status status = keep_changes(s);
        if (status != STATUS_OK) {
            send_timers_disarm(shard, s->commit);
            return status;
        }
        if (s->commit->state.data != NULL) s->actor->version++;
    }
    if (s->actor->extra->step_back) {
        bool saved = s->commit->state.data != NULL;
        step_back_committed(s->actor, (enum turn_kind)s->turn->kind, s->first, saved);
    }
    bool stop = (s->commit->record.flags & COMMIT_STOP) != 0;
    bool call = s->first && s->turn->kind == TURN_CALL;
    if (call && s->commit->reply.data == NULL && !stop) defer_call(s);
    bool init = s->first && s->turn->kind == TURN_INIT;
    // Before the effects, which may be a stop of the actor itself: as one that runs it can be
    // stopped.
    if (init) life_started(shard, s->actor);
    if (s->commit->effects > 0) effects(s);
    if (call) answer_call(s);
    if (init) answer_start(s);
    if (s->turn->kind == TURN_REPLACE) {
        shard_answer_done(shard, worker_caller(s->turn));
        finish_replace(s);
    } else if (s->commit->record.flags & COMMIT_MORE) {
        go_on(s);
    } else if (stop) {
        finish_stop(s);
    } else {
        finish_turn(s);
        settle_down(s);
    }
    return STATUS_OK;
}

// --- the other kinds ---

static const enum crash_kind CODE_KINDS[] = {
    [COMMIT_CODE_RAISE] = CRASH_RAISE,       [COMMIT_CODE_EXIT] = CRASH_EXIT,
    [COMMIT_CODE_CONTRACT] = CRASH_CONTRACT, [COMMIT_CODE_MEMORY] = CRASH_MEMORY,
    [COMMIT_CODE_DEADLINE] = CRASH_DEADLINE,
};

// The restart need not send what the worker still has.
static void note_rows_left(const struct subject *s) {
    if ((s->commit->record.flags & COMMIT_ROWS) == 0) return;
    struct actor_extra *extra = actor_extra(s->actor);
    if (extra == NULL) return;
    extra->rows_left = (struct rows_left){
        .there = true,
        .worker = s->actor->worker,
        .host_serial = s->actor->host_serial,
        .epoch = s->actor->epoch,
    };
}

static enum status apply_crash(struct subject *s) {
    uint8_t code = s->commit->record.code;
    if (!legal_crash(s)) return STATUS_PROTOCOL;
    if (s->commit->timers > 0) {
        enum status status = send_timers_arm(s->shard, s->actor, s->turn->turn, s->commit);
        if (status != STATUS_OK) return refuse_timers(s, status);
    }
    if (s->commit->tables.data != NULL) {
        enum status status = keep_changes(s);
        if (status != STATUS_OK) {
            send_timers_disarm(s->shard, s->commit);
            return status;
        }
    }
    if (s->commit->effects > 0) effects(s); // of terminate
    note_rows_left(s);

    char   text[256];
    size_t bytes = s->commit->text.bytes < sizeof text ? s->commit->text.bytes : sizeof text - 1;
    struct end end = {.kind = CODE_KINDS[code],
                      .reason = s->commit->reason,
                      .text = text,
                      .trace = s->commit->trace};
    for (size_t i = 0; i < bytes; i++) text[i] = (char)s->commit->text.data[i];
    text[bytes] = '\0';

    struct failure failure = {
        .status = code == COMMIT_CODE_EXIT ? STATUS_DOWN : STATUS_CRASHED,
        .message = text,
        .reason = end.reason,
        .kind = crash_kind_text(end.kind),
    };
    end_turn(s, &end, &failure);
    return STATUS_OK;
}

static enum status apply_skip(struct subject *s) {
    if (!legal_skip(s)) return STATUS_PROTOCOL;
    struct list touched;
    list_init(&touched);
    s->shard->metrics.skips++;
    recall(s->shard, s->worker, s->actor, RECALL_RUNNING, &touched);
    worker_advance(s->worker);
    router_pump_list(s->shard, &touched);
    return STATUS_OK;
}

static enum status apply_refused(struct subject *s) {
    if (!legal_refused(s)) return STATUS_PROTOCOL;
    struct caller  caller = worker_caller(s->turn);
    bool           init = s->turn->kind == TURN_INIT;
    bool           replace = s->turn->kind == TURN_REPLACE;
    bool           terminate = s->turn->kind == TURN_TERMINATE;
    bool           ignore = s->commit->record.code == COMMIT_CODE_IGNORE;
    bool           invalid = s->commit->record.code == COMMIT_CODE_INVALID;
    struct failure failure = {
        .status = invalid ? STATUS_INVALID : STATUS_REFUSED,
        .message = invalid   ? "payload: not a well-formed Value"
                   : replace ? "load() did not take this state; the actor has the one before"
                             : NULL,
        .reason = s->commit->reason,
    };
    finish_turn(s);
    if (init && ignore) {
        struct answer answer = {
            .kind = ANSWER_STARTED, .ignored = true, .name = actor_name(s->actor)};
        shard_answer(s->shard, caller, &answer);
    } else {
        shard_answer_error(s->shard, caller, &failure);
    }
    if (init) {
        life_refused(s->shard, s->actor, ignore, s->commit->reason);
    } else {
        // A stop that was not understood stops nothing.
        if (terminate) s->actor->life = ACTOR_RUNNING;
        leave_home(s);
        settle_down(s);
        if (terminate) sequence_unstopped(s->shard, s->actor);
    }
    return STATUS_OK;
}

// What is no turn of its actor.
static enum status apply_change(struct subject *s) {
    enum status status = upgrade_answered(s->shard, s->turn, s->commit);
    if (status == STATUS_OK) worker_advance(s->worker);
    return status;
}

static enum status apply_hook(struct subject *s) {
    enum status status = hooks_answered(s->shard, s->turn, s->commit);
    if (status == STATUS_OK) worker_advance(s->worker);
    return status;
}

static enum status apply_void(struct subject *s) {
    if (s->turn->kind == TURN_CODE_CHANGE) return apply_change(s);
    if (hooks_turn(s->turn)) return apply_hook(s);
    bool aside = s->turn->kind == TURN_FORGET || s->turn->kind == TURN_ROWS;
    if (!aside) s->shard->metrics.commits_ignored++;
    if ((s->commit->record.flags & COMMIT_MORE) == 0) worker_advance(s->worker);
    return STATUS_OK;
}

static enum status apply_kind(struct subject *s) {
    switch (s->commit->record.kind) {
        case COMMIT_DONE: return apply_done(s);
        case COMMIT_CRASH: return apply_crash(s);
        case COMMIT_SKIP: return apply_skip(s);
        case COMMIT_REFUSED: return apply_refused(s);
        default: return STATUS_PROTOCOL;
    }
}

enum status apply(struct shard *shard, struct worker *worker) {
    struct commit *commit = &shard->commit;
    if (worker->inflight == 0) return STATUS_PROTOCOL;
    struct turn_record *turn = worker_turn(worker, worker->tail);
    if (turn->turn != commit->record.turn) return STATUS_PROTOCOL;

    struct subject subject = {
        .shard = shard,
        .worker = worker,
        .turn = turn,
        .commit = commit,
        .first = worker->chain == CHAIN_NONE,
    };
    if (turn->note_void) return apply_void(&subject);
    subject.actor = actor_at(&shard->actors, turn->slot);
    CHECK(subject.actor != NULL);
    CHECK(subject.actor->epoch == turn->epoch);

    // One that the mirror has no room for comes again, and counts then.
    worker->applying = true;
    enum status status = apply_kind(&subject);
    worker->applying = false;
    if (status == STATUS_OK) shard->metrics.commits++;
    return status;
}
