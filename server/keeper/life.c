#include "keeper/life.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "keeper/alarms.h"
#include "keeper/crash_note.h"
#include "keeper/exits.h"
#include "keeper/feed.h"
#include "keeper/isolation.h"
#include "keeper/reason.h"
#include "keeper/recall.h"
#include "keeper/router.h"
#include "keeper/step_back.h"
#include "keeper/supervisor.h"
#include "keeper/timers.h"

#include <stdlib.h>
#include <string.h>

enum event {
    EVENT_STARTED,
    EVENT_CRASHED,
    EVENT_EXITED,
    EVENT_REFUSED,
    EVENT_KILL,
    EVENT_STRUCK,
    EVENT_STOP,
    EVENT_RESUME,
    EVENT_TIMER,
    EVENTS
};

typedef void move(struct shard *shard, struct actor *actor, const struct end *end);

// --- answers to those who waited for an incarnation that is no more ---

static void pending_fail(struct shard *shard, struct actor *actor, const struct failure *failure) {
    struct failure told = *failure;
    told.ran = true;
    while (actor->extra->pending != NULL) {
        struct pending *pending = actor->extra->pending;
        struct caller   caller = pending->caller;
        heap_cancel(&shard->timers, &pending->deadline);
        pending_remove(&shard->pending, pending);
        shard_answer_error(shard, caller, &told);
    }
}

static void mailbox_fail(struct shard *shard, struct actor *actor, const struct failure *failure) {
    while (!list_empty(&actor->mailbox)) {
        struct envelope *envelope = LIST_ENTRY(actor->mailbox.next, struct envelope, link);
        struct caller    caller = envelope->caller;
        bool             stop = envelope->kind == TURN_TERMINATE;
        router_unqueue(shard, actor, envelope);
        free(envelope);
        if (stop) {
            shard_answer_status(shard, caller, STATUS_NOPROC);
        } else {
            shard_answer_error(shard, caller, failure);
        }
    }
}

// --- the last things ---

static void bury(struct shard *shard, struct actor *actor) {
    // Whoever watches it is told before its state is forgotten.
    if (actor->watched || mirror_forget(shard->mirror, actor->slot, actor->unit) == STATUS_FULL) {
        list_remove(&actor->ready);
        list_push(&shard->leaving, &actor->ready);
        return;
    }
    actor_destroy(&shard->actors, actor);
}

void life_bury(struct shard *shard) {
    struct list batch;
    list_init(&batch);
    list_splice(&batch, &shard->leaving);
    for (struct list *link; (link = list_pop(&batch)) != NULL;) {
        bury(shard, LIST_ENTRY(link, struct actor, ready));
    }
}

// Brings back what waits in the ring; the messages behind a crash outlive it. Only a kill takes the
// turn that runs now with it: after a crash that is already the next one.
static void take_turns_back(struct shard *shard, struct actor *actor, const struct failure *kill) {
    struct worker *worker = router_worker(shard, actor);
    if (worker != NULL && actor->inflight > 0) {
        struct list touched;
        list_init(&touched);
        if (kill != NULL) recall_drop_running(shard, worker, actor, kill);
        recall(shard, worker, actor, RECALL_RUNNING, &touched);
        while (list_pop(&touched) != NULL) {
        }
    }
    CHECK(actor->inflight == 0);
    feed_drop(actor);
    actor->home = HOME_COLD;
    actor->stale = actor->init_lost = false;
    actor->epoch++;
    list_remove(&actor->ready);
    alarms_end(shard, actor);
}

// A failed restart leaves its own init behind; the next one makes its own.
static void drop_init(struct shard *shard, struct actor *actor) {
    if (actor->waiting == 0) return;
    struct envelope *first = LIST_ENTRY(actor->mailbox.next, struct envelope, link);
    if (first->kind != TURN_INIT) return;
    router_unqueue(shard, actor, first);
    free(first);
}

enum fate {
    END_FORGET, // nothing stays
    END_KEEP,   // the last state stays readable under the name
    END_KILL,   // nothing stays, and the turn that runs now ends, too
};

static void end_unit(struct shard *shard, struct actor *actor, struct slice reason,
                     enum fate fate) {
    struct failure failure = {.status = STATUS_DOWN, .reason = reason};
    exits_actor_over(shard, actor, reason);
    if (actor->watched) streams_actor_over(shard, actor, reason);
    take_turns_back(shard, actor, fate == END_KILL ? &failure : NULL);
    await_over(shard, actor);
    pending_fail(shard, actor, &failure);
    mailbox_fail(shard, actor, &failure);
    if (actor->extra->trouble != NULL) heap_cancel(&shard->timers, &actor->extra->trouble->backoff);
    isolation_leave(shard, actor);

    if (fate == END_KEEP && actor->name_bytes > 0) {
        actor->life = ACTOR_ENDED;
        actor->generation++;
        return;
    }
    actor_name_remove(&shard->actors, actor);
    // The id stops working at once, also where the slot cannot be given back yet.
    actor->life = ACTOR_ENDED;
    actor->generation++;
    bury(shard, actor);
}

void life_discard(struct shard *shard, struct actor *actor) {
    CHECK(actor->life == ACTOR_ENDED);
    actor_name_remove(&shard->actors, actor);
    bury(shard, actor);
}

// --- counting restarts ---

static struct trouble *trouble_of(struct actor *actor) {
    if (actor->extra->trouble != NULL) return actor->extra->trouble;
    struct actor_extra *extra = actor_extra(actor);
    struct trouble     *trouble = extra == NULL ? NULL : calloc(1, sizeof *trouble);
    if (trouble == NULL) return NULL;
    trouble->backoff.kind = TIMER_BACKOFF;
    trouble->quarantine.kind = TIMER_QUARANTINE;
    trouble->slot = actor->slot;
    extra->trouble = trouble;
    return trouble;
}

// A reason that is too large to be kept for every crashed actor is replaced by one that says so.
static struct slice bounded(struct slice reason) {
    return reason.bytes > CRASH_REASON_BYTES_MAX ? reason_too_large() : reason;
}

static void remember(struct trouble *trouble, const struct end *end) {
    struct slice kept = bounded(end->reason);
    uint8_t     *reason = kept.bytes > 0 ? malloc(kept.bytes) : NULL;
    if (reason != NULL) memcpy(reason, kept.data, kept.bytes);
    free(trouble->reason);
    trouble->reason = reason;
    trouble->reason_bytes = reason == NULL ? 0 : (uint32_t)kept.bytes;
    trouble->kind = crash_kind_text(end->kind);
    trouble->at_ms = clock_wall_ms();
    trouble->crash = end->crash;
    if (trouble->down_ns == 0) trouble->down_ns = clock_mono_ns();
}

static uint64_t backoff_ms(struct shard *shard, struct trouble *trouble) {
    uint32_t step = trouble->backoff_step < 16 ? trouble->backoff_step : 16;
    uint64_t delay_ms = (uint64_t)BACKOFF_MS_MIN << step;
    if (delay_ms > BACKOFF_MS_MAX) delay_ms = BACKOFF_MS_MAX;
    trouble->backoff_step++;
    // Between three quarters and the whole, so that actors which fell together do not rise
    // together.
    shard->seed = shard->seed * 1664525u + 1013904223u;
    return delay_ms - delay_ms / 4 * (shard->seed >> 16) / 65536u;
}

// --- moves ---

// An operator has to resume it; its siblings need not wait for that.
static void stand_aside(struct shard *shard, struct actor *actor) {
    if (actor->child != NULL) supervisor_news(shard, actor->child, NEWS_UP, reason_normal(), false);
}

static void restart_now(struct shard *shard, struct actor *actor, const struct end *end) {
    (void)end;
    struct envelope *init =
        envelope_create(TURN_INIT, CALLER_NOBODY, shard->now_ms, 0, (struct slice){0});
    actor->life = ACTOR_RESTARTING;
    if (init == NULL) {
        // Without memory for one small message; try again when there may be some.
        actor->life = ACTOR_WAITING;
        if (actor->extra->trouble != NULL &&
            heap_arm(&shard->timers, &actor->extra->trouble->backoff,
                     shard->now_ms + BACKOFF_MS_MAX) == STATUS_OK) {
            return;
        }
        LOG_ERROR("actor.suspended", "slot=%u status=NO_MEMORY", actor->slot);
        actor->life = ACTOR_SUSPENDED;
        stand_aside(shard, actor);
        return;
    }
    router_return(shard, actor, init);
    router_pump(shard, actor);
}

// The unit is kept; whoever called decides when it comes back, or that it ends.
static void wait_or_suspend(struct shard *shard, struct actor *actor, struct trouble *trouble) {
    char name[300];
    log_quote(name, sizeof name, actor_name(actor).data, actor->name_bytes);
    switch ((enum on_intensity)actor->on_intensity) {
        case INTENSITY_BACKOFF: {
            uint64_t delay_ms = backoff_ms(shard, trouble);
            actor->life = ACTOR_WAITING;
            if (heap_arm(&shard->timers, &trouble->backoff, shard->now_ms + delay_ms) ==
                STATUS_OK) {
                LOG_WARN("actor.backoff", "name=%s delay_ms=%llu", name,
                         (unsigned long long)delay_ms);
                return;
            }
            // No memory for a timer: an operator has to resume it.
            actor->life = ACTOR_SUSPENDED;
            return;
        }
        case INTENSITY_SUSPEND:
            actor->life = ACTOR_SUSPENDED;
            LOG_WARN("actor.suspended", "name=%s", name);
            return;
        case INTENSITY_STOP: CHECK(false);
    }
}

static void give_up(struct shard *shard, struct actor *actor, const struct end *end) {
    char name[300];
    LOG_ERROR("actor.gave_up", "name=%s intensity=%u period_ms=%u",
              log_quote(name, sizeof name, actor_name(actor).data, actor->name_bytes),
              actor->intensity, actor->period_ms);
    end_unit(shard, actor, end->reason, END_KEEP);
}

// Quiet is counted from when it was up again; waiting for a restart is not quiet.
static void forget_if_quiet(const struct shard *shard, const struct actor *actor,
                            struct trouble *trouble) {
    if (trouble->up_ms != 0 && shard->now_ms - trouble->up_ms > actor->period_ms) {
        trouble->backoff_step = 0;
    }
    trouble->up_ms = 0;
}

static bool abnormal(const struct end *end) {
    return end->kind != CRASH_EXIT || !reason_orderly(end->reason);
}

// Closes an incarnation that the unit may outlive: its turns come back, those who waited for a
// reply hear why, and what is to be remembered is. Without memory for that it answers NULL.
static struct trouble *close_incarnation(struct shard *shard, struct actor *actor,
                                         const struct end *end, bool abnormally) {
    bool           down = end->abrupt || (end->kind == CRASH_EXIT && reason_orderly(end->reason));
    struct failure failure = {
        .status = down ? STATUS_DOWN : STATUS_CRASHED,
        .message = end->text,
        .reason = end->reason,
        .kind = crash_kind_text(end->kind),
    };
    exits_actor_over(shard, actor, end->reason);
    if (actor->watched && end->kind != CRASH_KILLED) listener_terminated(shard, actor, end->reason);
    take_turns_back(shard, actor, end->abrupt ? &failure : NULL);
    await_over(shard, actor);
    pending_fail(shard, actor, &failure);
    drop_init(shard, actor);
    actor->held = 0;
    struct trouble *trouble = abnormally ? trouble_of(actor) : actor->extra->trouble;
    if (trouble == NULL) return NULL;
    heap_cancel(&shard->timers, &trouble->backoff);
    forget_if_quiet(shard, actor, trouble);
    if (abnormally) {
        remember(trouble, end);
        step_back_crashed(actor, end);
    }
    if (end->killed_host) isolation_killed_host(shard, actor);
    return trouble;
}

// The incarnation of one that has a supervisor is over: it is kept, and the supervisor decides.
static void go_down(struct shard *shard, struct actor *actor, const struct end *end,
                    bool abnormally) {
    (void)close_incarnation(shard, actor, end, abnormally);
    actor->life = ACTOR_DOWN;
    actor->generation++;
    supervisor_news(shard, actor->child, NEWS_DOWN, end->reason, abnormally);
}

// The end of an incarnation that may be followed by another.
static void plan_restart(struct shard *shard, struct actor *actor, const struct end *end) {
    if (actor->child != NULL) {
        go_down(shard, actor, end, true);
        return;
    }
    struct trouble *trouble = close_incarnation(shard, actor, end, true);
    if (trouble == NULL || actor->restart == RESTART_TEMPORARY) {
        end_unit(shard, actor, end->reason, END_FORGET);
        return;
    }
    trouble->restarts++;
    shard->metrics.restarts++;
    actor->generation++;
    if (window_count(&trouble->window, shard->now_ms, actor->period_ms) <= actor->intensity) {
        restart_now(shard, actor, end);
    } else if (actor->on_intensity == INTENSITY_STOP) {
        give_up(shard, actor, end);
    } else {
        wait_or_suspend(shard, actor, trouble);
    }
}

// One that never was up is gone, and its supervisor hears why.
static void leave(struct shard *shard, struct actor *actor, enum news news, struct slice reason) {
    struct child *child = actor->child;
    if (child == NULL) return;
    child_set_unit(child, NULL);
    actor->child = NULL;
    supervisor_news(shard, child, news, reason, true);
}

// Where the actor was starting, whoever saw the failure has answered the starter.
static void end_now(struct shard *shard, struct actor *actor, const struct end *end) {
    if (actor->child != NULL && actor->life != ACTOR_STARTING) {
        go_down(shard, actor, end, abnormal(end));
        return;
    }
    leave(shard, actor, NEWS_FAILED, end->reason);
    end_unit(shard, actor, end->reason, end->abrupt ? END_KILL : END_FORGET);
}

void life_unstop(struct actor *actor, const struct turn_record *turn) {
    if (actor->life == ACTOR_STOPPING && turn->kind != TURN_TERMINATE) actor->life = ACTOR_RUNNING;
}

// A callback asked to stop: permanent actors begin again with their state, transient ones if the
// reason is not orderly.
static void plan_exit(struct shard *shard, struct actor *actor, const struct end *end) {
    if (actor->child != NULL) {
        // A restart that ends in an orderly way has failed all the same.
        go_down(shard, actor, end, abnormal(end) || actor->life == ACTOR_RESTARTING);
        return;
    }
    bool again = actor->restart == RESTART_PERMANENT ||
                 (actor->restart == RESTART_TRANSIENT && !reason_orderly(end->reason));
    if (again) {
        plan_restart(shard, actor, end);
    } else {
        end_now(shard, actor, end);
    }
}

static void begin(struct shard *shard, struct actor *actor, const struct end *end) {
    (void)end;
    struct trouble *trouble = actor->extra->trouble;
    actor->life = ACTOR_RUNNING;
    if (actor->watched) listener_begun(shard, actor);
    if (actor->restart == RESTART_TEMPORARY) actor_forget_argument(actor);
    if (actor->child != NULL) supervisor_news(shard, actor->child, NEWS_UP, reason_normal(), false);
    if (trouble == NULL || trouble->down_ns == 0) return;
    metrics_recovery(&shard->metrics, (clock_mono_ns() - trouble->down_ns) / 1000);
    trouble->down_ns = 0;
    trouble->up_ms = shard->now_ms;
}

// A restart that had to wait. Under a supervisor others may have to be stopped before it.
static void due(struct shard *shard, struct actor *actor, const struct end *end) {
    if (actor->child == NULL) {
        restart_now(shard, actor, end);
        return;
    }
    actor->life = ACTOR_DOWN;
    supervisor_news(shard, actor->child, NEWS_DUE, reason_normal(), true);
}

static void resume(struct shard *shard, struct actor *actor, const struct end *end) {
    struct trouble *trouble = actor->extra->trouble;
    if (trouble != NULL) {
        trouble->window = (struct window){0};
        trouble->backoff_step = 0;
        heap_cancel(&shard->timers, &trouble->backoff);
    }
    due(shard, actor, end);
}

static void stay(struct shard *shard, struct actor *actor, const struct end *end) {
    (void)shard;
    (void)actor;
    (void)end;
}

// An empty cell cannot happen (started, crashed, exited, refused, timer), or means "not in this
// life" (the verbs).
static move *const MOVES[ACTOR_LIVES][EVENTS] = {
    [ACTOR_STARTING] = {[EVENT_STARTED] = begin,
                        [EVENT_CRASHED] = end_now,
                        [EVENT_REFUSED] = end_now,
                        [EVENT_EXITED] = end_now,
                        [EVENT_KILL] = end_now,
                        [EVENT_STRUCK] = end_now},
    [ACTOR_RUNNING] = {[EVENT_CRASHED] = plan_restart,
                       [EVENT_EXITED] = plan_exit,
                       [EVENT_KILL] = plan_restart,
                       [EVENT_STRUCK] = plan_exit},
    [ACTOR_RESTARTING] = {[EVENT_STARTED] = begin,
                          [EVENT_CRASHED] = plan_restart,
                          [EVENT_REFUSED] = plan_restart,
                          [EVENT_EXITED] = plan_exit,
                          [EVENT_KILL] = plan_restart,
                          [EVENT_STRUCK] = plan_exit,
                          [EVENT_STOP] = end_now},
    // In these three a crash is that of a new state that killed the host.
    [ACTOR_DOWN] = {[EVENT_CRASHED] = stay, [EVENT_KILL] = stay},
    [ACTOR_WAITING] = {[EVENT_CRASHED] = stay,
                       [EVENT_KILL] = stay,
                       [EVENT_STOP] = end_now,
                       [EVENT_RESUME] = resume,
                       [EVENT_TIMER] = due},
    [ACTOR_SUSPENDED] = {[EVENT_CRASHED] = stay,
                         [EVENT_KILL] = stay,
                         [EVENT_STOP] = end_now,
                         [EVENT_RESUME] = resume},
    [ACTOR_STOPPING] = {[EVENT_CRASHED] = end_now,
                        [EVENT_EXITED] = end_now,
                        [EVENT_KILL] = end_now,
                        [EVENT_STRUCK] = end_now},
};

static bool make_move(struct shard *shard, struct actor *actor, enum event event,
                      const struct end *end) {
    move *next = MOVES[actor->life][event];
    if (next == NULL) return false;
    next(shard, actor, end);
    return true;
}

void life_started(struct shard *shard, struct actor *actor) {
    CHECK(make_move(shard, actor, EVENT_STARTED, NULL));
}

void life_crashed(struct shard *shard, struct actor *actor, const struct end *end) {
    struct end noted = *end;
    noted.crash = crash_note(shard, actor, end);
    CHECK(make_move(shard, actor, EVENT_CRASHED, &noted));
}

void life_exited(struct shard *shard, struct actor *actor, const struct end *end) {
    struct end noted = *end;
    noted.kind = CRASH_EXIT;
    if (noted.reason.bytes == 0) noted.reason = reason_normal();
    // Who asks for a stop may give any reason; that the actor then stops is no crash.
    bool asked = noted.turn == TURN_TERMINATE;
    if (!asked && !reason_orderly(noted.reason)) noted.crash = crash_note(shard, actor, &noted);
    CHECK(make_move(shard, actor, EVENT_EXITED, &noted));
}

void life_refused(struct shard *shard, struct actor *actor, bool ignore, struct slice reason) {
    struct end end = {
        .kind = CRASH_EXIT, .reason = reason, .text = "init refused to restart the actor"};
    if (ignore) {
        leave(shard, actor, NEWS_IGNORED, reason_normal());
        end_unit(shard, actor, reason_normal(), END_FORGET);
    } else {
        // Of a first start the starter is told, and nobody else.
        if (actor->life != ACTOR_STARTING) end.crash = crash_note(shard, actor, &end);
        CHECK(make_move(shard, actor, EVENT_REFUSED, &end));
    }
}

bool life_kill(struct shard *shard, struct actor *actor) {
    struct end end = {
        .kind = CRASH_KILLED, .reason = reason_killed(), .text = "killed", .abrupt = true};
    bool runs = actor->life == ACTOR_RUNNING || actor->life == ACTOR_RESTARTING;
    if (runs) end.crash = crash_note(shard, actor, &end);
    return make_move(shard, actor, EVENT_KILL, &end);
}

bool life_struck(struct shard *shard, struct actor *actor, struct slice reason) {
    struct end end = {.kind = CRASH_EXIT,
                      .reason = reason,
                      .text = "somebody it is linked to ended",
                      .abrupt = true};
    bool       runs = actor->life == ACTOR_RUNNING || actor->life == ACTOR_RESTARTING;
    if (runs && !reason_orderly(reason)) end.crash = crash_note(shard, actor, &end);
    return make_move(shard, actor, EVENT_STRUCK, &end);
}

bool life_resume(struct shard *shard, struct actor *actor) {
    return make_move(shard, actor, EVENT_RESUME, NULL);
}

bool life_stop_idle(struct shard *shard, struct actor *actor, struct slice reason) {
    struct end end = {.kind = CRASH_EXIT, .reason = reason.bytes > 0 ? reason : reason_normal()};
    return make_move(shard, actor, EVENT_STOP, &end);
}

void life_backoff_over(struct shard *shard, struct actor *actor) {
    CHECK(make_move(shard, actor, EVENT_TIMER, NULL));
}

void life_unrunnable(struct shard *shard, struct actor *actor, enum status status) {
    char name[300];
    LOG_ERROR("actor.unrunnable", "name=%s unit=%llu status=%s",
              log_quote(name, sizeof name, actor_name(actor).data, actor->name_bytes),
              (unsigned long long)actor->unit, status_name(status));
    if (actor->life == ACTOR_STARTING) {
        struct failure failure = {.status = status};
        mailbox_fail(shard, actor, &failure);
        leave(shard, actor, NEWS_FAILED, reason_killed());
        end_unit(shard, actor, reason_killed(), END_FORGET);
        return;
    }
    struct end end = {.kind = CRASH_EXIT, .reason = reason_killed()};
    if (actor->child != NULL && actor->child->ending != NULL) {
        go_down(shard, actor, &end, false); // it was to end anyway
        return;
    }
    take_turns_back(shard, actor, NULL);
    drop_init(shard, actor);
    // It may have been a new state for one that waits to be restarted.
    if (actor->extra->trouble != NULL) heap_cancel(&shard->timers, &actor->extra->trouble->backoff);
    actor->life = ACTOR_SUSPENDED;
    stand_aside(shard, actor);
}

void life_init_lost(struct shard *shard, struct actor *actor) {
    actor->init_lost = false;
    if (actor->life == ACTOR_STARTING) {
        life_unrunnable(shard, actor, STATUS_NO_MEMORY);
    } else {
        restart_now(shard, actor, NULL);
    }
}

// --- for the supervisor of an actor ---

void life_restart(struct shard *shard, struct actor *actor) {
    CHECK(actor->life == ACTOR_DOWN);
    if (actor->extra->trouble != NULL) {
        actor->extra->trouble->restarts++;
    } else if (actor->child->falls < UINT16_MAX) {
        actor->child->falls++; // a whole group may fall: it costs no memory
    }
    shard->metrics.restarts++;
    restart_now(shard, actor, NULL);
}

// `cut`: what the caller of the turn that runs is told.
static bool take_down(struct shard *shard, struct actor *actor, struct slice reason,
                      const struct failure *cut) {
    struct failure failure = {.status = STATUS_DOWN, .reason = reason};
    if (actor->life == ACTOR_DOWN) return true;
    exits_actor_over(shard, actor, reason);
    if (actor->life == ACTOR_STARTING) {
        child_set_unit(actor->child, NULL);
        actor->child = NULL;
        end_unit(shard, actor, reason, END_KILL);
        return false;
    }
    take_turns_back(shard, actor, cut);
    await_over(shard, actor);
    pending_fail(shard, actor, &failure);
    drop_init(shard, actor);
    if (actor->extra->trouble != NULL) heap_cancel(&shard->timers, &actor->extra->trouble->backoff);
    actor->held = 0;
    actor->life = ACTOR_DOWN;
    actor->generation++;
    return true;
}

bool life_take_down(struct shard *shard, struct actor *actor, struct slice reason) {
    struct failure cut = {.status = STATUS_DOWN, .reason = reason};
    return take_down(shard, actor, reason, &cut);
}

bool life_take_away(struct shard *shard, struct actor *actor, struct slice reason) {
    struct failure cut = {.status = STATUS_DOWN,
                          .message = "the actor moves to another supervisor; nothing of this turn "
                                     "was kept",
                          .reason = reason,
                          .retryable = true};
    return take_down(shard, actor, reason, &cut);
}

void life_end(struct shard *shard, struct actor *actor, struct slice reason, bool keep) {
    CHECK(actor->life == ACTOR_DOWN);
    if (actor->child != NULL) child_set_unit(actor->child, NULL);
    actor->child = NULL;
    end_unit(shard, actor, reason, keep ? END_KEEP : END_FORGET);
}

bool life_guard(struct shard *shard, struct actor *actor) {
    struct trouble *trouble = trouble_of(actor);
    if (trouble == NULL) return true; // without memory to count, as if it were the first
    if (window_count(&trouble->window, shard->now_ms, actor->period_ms) <= actor->intensity) {
        return true;
    }
    wait_or_suspend(shard, actor, trouble);
    return false;
}
