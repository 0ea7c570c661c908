#include "keeper/requests.h"

#include "base/log.h"
#include "base/utf8.h"
#include "keeper/code_view.h"
#include "keeper/crash_requests.h"
#include "keeper/idempotency.h"
#include "keeper/isolation.h"
#include "keeper/life.h"
#include "keeper/restore.h"
#include "keeper/router.h"
#include "keeper/start.h"
#include "keeper/supervise.h"
#include "keeper/supervisor.h"
#include "keeper/tie_requests.h"
#include "keeper/transfer.h"
#include "keeper/upgrade.h"

#include <peeper/value.h>

#include <stdlib.h>

struct actor *request_target(const struct shard *shard, const struct request *request) {
    struct actor *actor = request->target != 0 ? actor_by_id(&shard->actors, request->target)
                                               : actor_by_name(&shard->actors, request->name);
    return actor == NULL || actor->life == ACTOR_ENDED ? NULL : actor;
}

static void refuse(struct shard *shard, struct caller caller, enum status status,
                   const char *message) {
    struct failure failure = {.status = status, .message = message};
    shard_answer_error(shard, caller, &failure);
}

static bool value_valid(struct slice payload) {
    return peeper_value_check((struct peeper_value){payload.data, payload.bytes});
}

// Control characters would make logs and terminals lie.
bool request_name_valid(struct slice name) {
    for (size_t i = 0; i < name.bytes; i++) {
        if (name.data[i] < 0x20 || name.data[i] == 0x7f) return false;
    }
    return utf8_check(name.data, name.bytes);
}

// How long until a full mailbox may have room: a guess from how many messages wait.
#define RETRY_AFTER_MS 10
// A host loads its code in a few milliseconds.
#define STARTING_RETRY_MS 20

void request_refuse_delivery(struct shard *shard, struct caller caller, enum status status) {
    struct failure failure = {.status = status};
    if (status == STATUS_MAILBOX_FULL) failure.retry_after_ms = RETRY_AFTER_MS;
    if (status == STATUS_INVALID) failure.message = "a supervisor takes no messages";
    if (status == STATUS_OVERLOADED) {
        failure.message = "the messages waiting in all mailboxes are over their limit";
        failure.retry_after_ms = RETRY_AFTER_MS;
    }
    shard_answer_error(shard, caller, &failure);
}

static bool limit_valid(struct shard *shard, struct caller caller, uint32_t limit_ms,
                        const char *fault) {
    if (limit_ms <= DEADLINE_MS_MAX) return true;
    refuse(shard, caller, STATUS_INVALID, fault);
    return false;
}

static enum status run_call(struct shard *shard, struct caller caller,
                            const struct request *request) {
    if (!limit_valid(shard, caller, request->limit_ms, "deadline_ms: over 3600000"))
        return STATUS_OK;
    if (request->key.bytes > 0) return idempotency_call(shard, caller, request);
    struct actor *actor = request_target(shard, request);
    if (actor == NULL) {
        shard_answer_status(shard, caller, STATUS_NOPROC);
        return STATUS_OK;
    }
    enum status status = router_deliver(shard, actor, TURN_CALL, caller,
                                        start_limit_ms(request->limit_ms), request->payload, true);
    if (status == STATUS_AGAIN) return status;
    if (status != STATUS_OK) request_refuse_delivery(shard, caller, status);
    return STATUS_OK;
}

static enum status run_message(struct shard *shard, struct caller caller,
                               const struct request *request, enum turn_kind kind) {
    if (!value_valid(request->payload)) {
        refuse(shard, caller, STATUS_INVALID, "payload: not a well-formed Value");
        return STATUS_OK;
    }
    if (request->key.bytes > 0 && kind == TURN_CAST)
        return idempotency_cast(shard, caller, request);
    struct actor *actor = request_target(shard, request);
    if (actor == NULL) {
        // As in OTP: a message to nobody is no error.
        shard->metrics.dropped++;
        shard_answer_done(shard, caller);
        return STATUS_OK;
    }
    enum status status =
        router_deliver(shard, actor, kind, CALLER_NOBODY, 0, request->payload, true);
    if (status == STATUS_AGAIN) return status;
    if (status != STATUS_OK) {
        request_refuse_delivery(shard, caller, status);
    } else {
        shard_answer_done(shard, caller);
    }
    return STATUS_OK;
}

static enum status run_cast(struct shard *shard, struct caller caller,
                            const struct request *request) {
    return run_message(shard, caller, request, TURN_CAST);
}

static enum status run_send(struct shard *shard, struct caller caller,
                            const struct request *request) {
    return run_message(shard, caller, request, TURN_INFO);
}

// --- start ---

static const char *start_fault(const struct request *request) {
    if (!request_name_valid(request->name)) return "name: not UTF-8, or with control characters";
    if (request->behaviour.bytes == 0) return "behaviour: empty";
    if (!value_valid(request->payload)) return "argument: not a well-formed Value";
    if (request->restart > RESTART_TEMPORARY) return "restart: unknown value";
    if (request->on_intensity > INTENSITY_STOP) return "on_intensity: unknown value";
    if (request->isolation > ISOLATION_OWN) return "isolation: unknown value";
    if (request->listener.bytes > NAME_BYTES_MAX || !request_name_valid(request->listener))
        return "listener: no name of an actor";
    if (request->listener.bytes > 0 && request->listener.bytes == request->name.bytes &&
        memcmp(request->listener.data, request->name.data, request->name.bytes) == 0)
        return "listener: an actor does not listen to itself";
    if (request->limit_ms > DEADLINE_MS_MAX) return "timeout_ms: over 3600000";
    if (request->generations > GENERATIONS_KEPT_MAX) return "generations: over 16";
    if (request->keep == KEEP_BEYOND)
        return "keep_tables: over 256 names, over 255 bytes in one, or over 4 KiB in all";
    if (request->has_intensity && (request->period_ms == 0 || request->period_ms > PERIOD_MS_MAX)) {
        return "intensity.period_ms: not between 1 and 3600000";
    }
    return NULL;
}

void request_answer_already_started(struct shard *shard, struct caller caller,
                                    const struct actor *holder, const char *message) {
    struct peeper_writer writer = {0};
    peeper_write_int(&writer, (int64_t)actor_id(holder));
    struct peeper_value reason = peeper_writer_value(&writer);
    struct failure      failure = {.status = STATUS_ALREADY_STARTED,
                                   .message = message,
                                   .reason = slice_of(reason.data, reason.bytes)};
    shard_answer_error(shard, caller, &failure);
    peeper_writer_fini(&writer);
}

static const char *overload_text(const struct shard *shard, const struct request *request,
                                 enum status status) {
    if (status != STATUS_OVERLOADED) return NULL;
    bool own = request->isolation == ISOLATION_OWN && isolation_full(shard);
    return own ? "too many hosts of their own" : "too many actors, links or monitors";
}

static enum status run_start(struct shard *shard, struct caller caller,
                             const struct request *request) {
    const char *fault = start_fault(request);
    if (fault != NULL) {
        refuse(shard, caller, STATUS_INVALID, fault);
        return STATUS_OK;
    }
    uint16_t    behaviour;
    enum status status = behaviour_find(&shard->behaviours, request->behaviour, &behaviour);
    if (status != STATUS_OK) {
        shard_answer_status(shard, caller, status);
        return STATUS_OK;
    }
    const struct actor *holder = start_holder(shard, request->name);
    if (holder != NULL) {
        request_answer_already_started(shard, caller, holder, NULL);
        return STATUS_OK;
    }

    struct actor *actor;
    status = start_actor(shard, caller, request, behaviour, &actor);
    if (status == STATUS_OK) {
        router_pump(shard, actor);
    } else {
        refuse(shard, caller, status, overload_text(shard, request, status));
    }
    return STATUS_OK;
}

// --- stop, kill, resume, where is ---

static enum status run_stop(struct shard *shard, struct caller caller,
                            const struct request *request) {
    if (!limit_valid(shard, caller, request->limit_ms, "timeout_ms: over 3600000"))
        return STATUS_OK;
    if (!value_valid(request->payload)) {
        refuse(shard, caller, STATUS_INVALID, "reason: not a well-formed Value");
        return STATUS_OK;
    }
    struct actor *actor = request_target(shard, request);
    if (actor == NULL) {
        // Whoever stops an actor that gave up has seen its last state, or does not want it.
        struct actor *ended = actor_by_name(&shard->actors, request->name);
        if (request->target == 0 && ended != NULL) life_discard(shard, ended);
        shard_answer_status(shard, caller, STATUS_NOPROC);
        return STATUS_OK;
    }
    if (actor->supervisor != NULL) {
        supervise_stop(shard, caller, actor, request);
        return STATUS_OK;
    }
    if (life_stop_idle(shard, actor, request->payload)) {
        shard_answer_done(shard, caller);
        return STATUS_OK;
    }
    enum status status = router_deliver(shard, actor, TURN_TERMINATE, caller,
                                        start_limit_ms(request->limit_ms), request->payload, true);
    if (status == STATUS_AGAIN) return status;
    if (status != STATUS_OK) request_refuse_delivery(shard, caller, status);
    return STATUS_OK;
}

static enum status run_verb(struct shard *shard, struct caller caller,
                            const struct request *request,
                            bool (*verb)(struct shard *, struct actor *), const char *refusal) {
    struct actor *actor = request_target(shard, request);
    if (actor == NULL) {
        shard_answer_status(shard, caller, STATUS_NOPROC);
    } else if (!verb(shard, actor)) {
        refuse(shard, caller, STATUS_INVALID, refusal);
    } else {
        shard_answer_done(shard, caller);
    }
    return STATUS_OK;
}

static bool kill_unit(struct shard *shard, struct actor *actor) {
    if (actor->supervisor == NULL) return life_kill(shard, actor);
    supervisor_kill(shard, actor->supervisor);
    return true;
}

static enum status run_kill(struct shard *shard, struct caller caller,
                            const struct request *request) {
    return run_verb(shard, caller, request, kill_unit, "this actor cannot be killed now");
}

static bool suspend(struct shard *shard, struct actor *actor) {
    if (actor->life == ACTOR_STOPPING || actor->supervisor != NULL) return false;
    router_hold(shard, actor, HELD_SUSPENDED);
    return true;
}

static enum status run_suspend(struct shard *shard, struct caller caller,
                               const struct request *request) {
    return run_verb(shard, caller, request, suspend, "this one is about to end, or a supervisor");
}

// An operator's suspension, or the one that came of too many crashes; or both.
static bool resume(struct shard *shard, struct actor *actor) {
    bool held = (actor->held & HELD_SUSPENDED) != 0;
    if (held) router_let_go(shard, actor, HELD_SUSPENDED);
    return life_resume(shard, actor) || held;
}

static enum status run_resume(struct shard *shard, struct caller caller,
                              const struct request *request) {
    return run_verb(shard, caller, request, resume, "this actor is not suspended");
}

void request_replace(struct shard *shard, struct caller caller, struct actor *actor,
                     uint64_t begun_ms, uint32_t limit_ms, struct slice state) {
    // A full mailbox is no reason to refuse it, but memory is.
    if (shard->waiting_bytes + state.bytes > shard->options->waiting_bytes_max) {
        request_refuse_delivery(shard, caller, STATUS_OVERLOADED);
        return;
    }
    struct envelope *envelope = envelope_create(TURN_REPLACE, caller, begun_ms, limit_ms, state);
    if (envelope == NULL) {
        shard_answer_status(shard, caller, STATUS_NO_MEMORY);
        return;
    }
    actor->replaced = true;
    router_enqueue_control(shard, actor, envelope);
}

static enum status run_replace_state(struct shard *shard, struct caller caller,
                                     const struct request *request) {
    if (!limit_valid(shard, caller, request->limit_ms, "timeout_ms: over 3600000"))
        return STATUS_OK;
    if (!value_valid(request->payload)) {
        refuse(shard, caller, STATUS_INVALID, "state: not a well-formed Value");
        return STATUS_OK;
    }
    struct actor *actor = request_target(shard, request);
    if (actor == NULL) {
        shard_answer_status(shard, caller, STATUS_NOPROC);
        return STATUS_OK;
    }
    if (actor->supervisor != NULL) {
        refuse(shard, caller, STATUS_INVALID, "a supervisor has no state");
        return STATUS_OK;
    }
    request_replace(shard, caller, actor, shard->now_ms, start_limit_ms(request->limit_ms),
                    request->payload);
    return STATUS_OK;
}

static enum status run_where_is(struct shard *shard, struct caller caller,
                                const struct request *request) {
    struct actor *actor = request_target(shard, request);
    struct answer answer = {.kind = ANSWER_LOCATED, .id = actor == NULL ? 0 : actor_id(actor)};
    shard_answer(shard, caller, &answer);
    return STATUS_OK;
}

typedef enum status run(struct shard *, struct caller, const struct request *);

static run *const RUNS[VERB_COUNT] = {
    [VERB_CALL] = run_call,
    [VERB_CAST] = run_cast,
    [VERB_SEND] = run_send,
    [VERB_START] = run_start,
    [VERB_STOP] = run_stop,
    [VERB_KILL] = run_kill,
    [VERB_RESUME] = run_resume,
    [VERB_WHERE_IS] = run_where_is,
    [VERB_REDRIVE] = crash_redrive,
    [VERB_DISCARD_CRASH] = crash_discard,
    [VERB_MONITOR] = tie_run_monitor,
    [VERB_DEMONITOR] = tie_run_demonitor,
    [VERB_LINK] = tie_run_link,
    [VERB_WATCH] = stream_run_watch,
    [VERB_UNWATCH] = stream_run_unwatch,
    [VERB_UNLINK] = tie_run_unlink,
    [VERB_START_SUPERVISOR] = supervise_run,
    [VERB_START_CHILD] = supervise_run,
    [VERB_TERMINATE_CHILD] = supervise_run,
    [VERB_RESTART_CHILD] = supervise_run,
    [VERB_DELETE_CHILD] = supervise_run,
    [VERB_WHICH_CHILDREN] = supervise_run,
    [VERB_COUNT_CHILDREN] = supervise_run,
    [VERB_GET_CHILD_SPEC] = supervise_run,
    [VERB_CHECK_SPECS] = supervise_run,
    [VERB_CHANGE_SUPERVISOR] = supervise_run,
    [VERB_SUSPEND] = run_suspend,
    [VERB_REPLACE_STATE] = run_replace_state,
    [VERB_RESTORE_STATE] = restore_run,
    [VERB_LIST_BEHAVIOURS] = code_view_run,
    [VERB_DEPLOY] = upgrade_run,
    [VERB_UPGRADE] = upgrade_run,
    [VERB_TRANSFER] = transfer_run,
    [VERB_PREPARE_TRANSFER] = transfer_run,
    [VERB_COMMIT_TRANSFER] = transfer_run,
};

// Verbs that make or feed actors; the others still work while the server goes down.
static bool feeds(enum verb verb) {
    return verb == VERB_CALL || verb == VERB_CAST || verb == VERB_SEND || verb == VERB_START ||
           verb == VERB_REDRIVE || verb == VERB_START_SUPERVISOR || verb == VERB_START_CHILD ||
           verb == VERB_RESTART_CHILD || verb == VERB_DEPLOY || verb == VERB_UPGRADE ||
           verb == VERB_TRANSFER || verb == VERB_COMMIT_TRANSFER;
}

// Verbs to whom a name of a behaviour means something: before a host has told which there are, each
// would seem unknown.
static bool asks_for_code(enum verb verb) {
    return verb == VERB_START || verb == VERB_START_SUPERVISOR || verb == VERB_START_CHILD ||
           verb == VERB_CHECK_SPECS || verb == VERB_CHANGE_SUPERVISOR || verb == VERB_UPGRADE ||
           verb == VERB_DEPLOY || verb == VERB_LIST_BEHAVIOURS;
}

static void refuse_early(struct shard *shard, struct caller caller) {
    struct failure failure = {.status = STATUS_OVERLOADED,
                              .message = "the server is starting: no host is ready yet",
                              .retry_after_ms = STARTING_RETRY_MS};
    shard_answer_error(shard, caller, &failure);
}

enum status request_run(struct shard *shard, struct caller caller, const struct request *request) {
    run *next = request->verb < VERB_COUNT ? RUNS[request->verb] : NULL;
    if (next == NULL) {
        refuse(shard, caller, STATUS_INVALID, "body: unset, or unknown to this server");
        return STATUS_OK;
    }
    if (shard->stopping && feeds(request->verb)) {
        shard_answer_status(shard, caller, STATUS_SHUTTING_DOWN);
        return STATUS_OK;
    }
    if (!shard->ready && asks_for_code(request->verb)) {
        refuse_early(shard, caller);
        return STATUS_OK;
    }
    if (request->name.bytes > NAME_BYTES_MAX) {
        refuse(shard, caller, STATUS_INVALID, "name: over 255 bytes");
        return STATUS_OK;
    }
    // What supervisors have not heard of yet must not be seen half done.
    if (!list_empty(&shard->news) && request->verb != VERB_CALL) supervisor_settle(shard);
    return next(shard, caller, request);
}

// --- effects ---

static void log_lost(const char *what, struct slice name, enum status status) {
    char text[300];
    LOG_WARN("effect.lost", "what=%s to=%s status=%s", what,
             log_quote(text, sizeof text, name.data, (uint32_t)name.bytes), status_name(status));
}

void request_effect_message(struct shard *shard, enum turn_kind kind, struct slice name,
                            struct slice payload) {
    struct request request = {.name = name};
    struct actor  *actor = request_target(shard, &request);
    if (actor == NULL) {
        shard->metrics.dropped++;
        return;
    }
    enum status status = router_deliver(shard, actor, kind, CALLER_NOBODY, 0, payload, false);
    if (status != STATUS_OK) log_lost("message", name, status);
}

void request_effect_stop(struct shard *shard, struct slice name, struct slice reason) {
    struct request request = {.name = name};
    struct actor  *actor = request_target(shard, &request);
    if (actor == NULL) return;
    if (actor->supervisor != NULL) {
        supervisor_stop_soon(shard, actor->supervisor, reason);
        return;
    }
    if (life_stop_idle(shard, actor, reason)) return;
    enum status status =
        router_deliver(shard, actor, TURN_TERMINATE, CALLER_NOBODY, 0, reason, false);
    if (status != STATUS_OK) log_lost("stop", name, status);
}

void request_effect_start(struct shard *shard, struct slice behaviour, struct slice name,
                          struct slice argument) {
    struct request request = {.name = name, .behaviour = behaviour, .payload = argument};
    if (name.bytes > NAME_BYTES_MAX) {
        log_lost("start", name, STATUS_INVALID);
        return;
    }
    if (start_holder(shard, name) != NULL) {
        log_lost("start", name, STATUS_ALREADY_STARTED);
        return;
    }
    // With nobody to answer, a refusal shows in the log of whoever refused; this one cannot wait.
    enum status status = run_start(shard, CALLER_NOBODY, &request);
    if (status != STATUS_OK) log_lost("start", name, status);
}
