#include "keeper/transfer.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/life.h"
#include "keeper/reason.h"
#include "keeper/requests.h"
#include "keeper/sequence.h"
#include "keeper/start.h"
#include "keeper/supervisor.h"
#include "keeper/waiter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_AFTER_MS 50u

// A transfer that was prepared.
struct prepared {
    uint64_t handle; // 0: none
    uint64_t expires_ms;
    uint64_t unit; // of the actor
    uint64_t source;
    uint64_t target; // incarnations of the supervisors
    uint32_t slot;
};

struct transfers {
    uint64_t        last; // handle
    struct prepared rows[TRANSFERS_PREPARED_MAX];
};

// --- Whether it may be ---------------------------------------------------------------------------

static struct failure no(enum status status, const char *message) {
    return (struct failure){.status = status, .message = message};
}

static struct failure not_now(const char *message) {
    return (struct failure){.status = STATUS_RESTARTING,
                            .message = message,
                            .retryable = true,
                            .retry_after_ms = RETRY_AFTER_MS};
}

static struct failure ending(const char *message) {
    return (struct failure){.status = STATUS_DOWN, .message = message, .reason = reason_shutdown()};
}

static bool steady(const struct supervisor *sup) {
    return sup->phase == PHASE_STEADY && sup->actor->life == ACTOR_RUNNING;
}

static struct failure judge_spec(struct shard *shard, const struct child *child,
                                 const struct supervisor *target) {
    const struct child_spec *spec = child_spec_of(child);
    if (supervisor_simple(target) != (child->spec == NULL)) {
        return no(STATUS_SIMPLE_ONE_FOR_ONE, "one of both supervisors is simple_one_for_one");
    }
    if (child->spec == NULL) {
        const struct child_spec *template = target->spec->children[0];
        bool alike = template->behaviour == spec->behaviour && template->restart == spec->restart;
        return alike ? no(STATUS_OK, NULL)
                     : no(STATUS_INVALID, "target: its template is for other children");
    }
    if (child_find(&shard->children, target, child_spec_id(spec)) != NULL) {
        return no(STATUS_ALREADY_PRESENT, "the target has a child of this id");
    }
    if (spec->significant && target->spec->auto_shutdown == AUTO_NEVER) {
        return no(STATUS_BAD_SPEC, "a significant child needs auto_shutdown at the target");
    }
    return no(STATUS_OK, NULL);
}

// Whether the target takes the child; the status is OK if it does.
static struct failure judge_target(struct shard *shard, const struct child *child,
                                   const struct supervisor *target) {
    if (target == child->parent) return no(STATUS_INVALID, "target: it is its supervisor already");
    if (supervisor_ending(target)) return ending("the target is ending");
    if (!steady(target)) return not_now("the target is starting or restarting children");
    struct failure failure = judge_spec(shard, child, target);
    if (failure.status != STATUS_OK) return failure;
    if (target->child_count >= target->spec->children_max) return no(STATUS_MAX_CHILDREN, NULL);
    return failure;
}

// Whether the child may leave.
static struct failure judge_child(const struct child *child) {
    const struct supervisor *source = child->parent;
    if (supervisor_ending(source)) return ending("its supervisor is ending");
    if (!steady(source)) return not_now("its supervisor is starting or restarting children");
    if (child->ending != NULL || child->news != NEWS_NONE || child->adding ||
        child->actor->life != ACTOR_RUNNING) {
        return not_now("the actor is starting, stopping or restarting");
    }
    return no(STATUS_OK, NULL);
}

// --- The move ------------------------------------------------------------------------------------

static bool in_spec(const struct supervisor *sup, const struct child_spec *spec) {
    for (uint32_t i = 0; i < sup->spec->count; i++) {
        struct slice a = child_spec_id(sup->spec->children[i]), b = child_spec_id(spec);
        if (a.bytes == b.bytes && memcmp(a.data, b.data, a.bytes) == 0) return true;
    }
    return false;
}

// A copy of a supervisor's spec without the children of this id, and with `added` at its end (NULL:
// none). NULL without memory.
static struct supervisor_spec *spec_with(const struct supervisor_spec *spec,
                                         const struct child_spec *left, struct child_spec *added) {
    struct supervisor_spec *copy = malloc(sizeof *copy);
    if (copy == NULL) return NULL;
    *copy = *spec;
    copy->holders = 1;
    copy->count = 0;
    copy->children = calloc(spec->count + 2, sizeof(struct child_spec *));
    if (copy->children == NULL) {
        free(copy);
        return NULL;
    }
    struct slice id = child_spec_id(left);
    for (uint32_t i = 0; i < spec->count; i++) {
        struct slice own = child_spec_id(spec->children[i]);
        if (own.bytes == id.bytes && memcmp(own.data, id.data, id.bytes) == 0) continue;
        copy->children[copy->count++] = child_spec_hold(spec->children[i]);
    }
    if (added != NULL) copy->children[copy->count++] = child_spec_hold(added);
    return copy;
}

static void replace_spec(struct supervisor *sup, struct supervisor_spec *spec) {
    supervisor_spec_release(sup->spec);
    sup->spec = spec;
}

// The unit gets a place at the target and loses its own.
// Fails: STATUS_NO_MEMORY, nothing changed.
static enum status move_place(struct shard *shard, struct child *child, struct supervisor *target) {
    struct supervisor      *source = child->parent;
    struct supervisor_spec *without = NULL, *with = NULL;
    struct actor           *actor = child->actor;
    bool                    named = child->spec != NULL && in_spec(source, child->spec);
    if (named) {
        without = spec_with(source->spec, child->spec, NULL);
        with = spec_with(target->spec, child->spec, child->spec);
    }
    bool          whole = !named || (without != NULL && with != NULL);
    struct child *place = whole ? supervisor_add(shard, target, child->spec) : NULL;
    if (place == NULL) {
        supervisor_spec_release(without);
        supervisor_spec_release(with);
        return STATUS_NO_MEMORY;
    }
    place->added = child->added;
    child_set_unit(child, NULL);
    child_set_unit(place, actor);
    actor->child = place;
    actor->intensity = target->spec->intensity;
    actor->period_ms = target->spec->period_ms;
    if (named) {
        replace_spec(source, without);
        replace_spec(target, with);
    }
    supervisor_remove(shard, child);
    return STATUS_OK;
}

static void tell(const struct supervisor *source, const struct actor *actor) {
    char name[300], from[300], to[300];
    LOG_INFO(
        "actor.transferred", "name=%s unit=%" PRIu64 " from=%s to=%s",
        log_quote(name, sizeof name, actor_name(actor).data, actor->name_bytes), actor->unit,
        log_quote(from, sizeof from, actor_name(source->actor).data, source->actor->name_bytes),
        log_quote(to, sizeof to, actor_name(actor->child->parent->actor).data,
                  actor->child->parent->actor->name_bytes));
}

static struct answer moved(const struct actor *actor) {
    return (struct answer){
        .kind = ANSWER_STARTED,
        .id = actor_id(actor),
        .unit = actor->unit,
        .name = actor_name(actor),
    };
}

// --- When the incarnation is over ----------------------------------------------------------------

// Whether the source stops the child anyway: with its group, or with itself.
static bool falls(const struct child *child) {
    const struct supervisor *sup = child->parent;
    return sup->phase == PHASE_STOPPING &&
           (sup->sequel == SEQUEL_DOWN || child->number >= sup->number_first);
}

static struct failure judge_arrival(struct shard *shard, const struct child *child,
                                    uint64_t target) {
    const struct actor *actor = actor_by_id(&shard->actors, target);
    if (supervisor_ending(child->parent)) return ending("its supervisor is ending");
    if (falls(child)) return not_now("it has fallen with others of its supervisor");
    if (actor == NULL || actor->supervisor == NULL) return ending("the target has ended");
    return judge_target(shard, child, actor->supervisor);
}

void transfer_stopped(struct shard *shard, struct child *child, uint64_t target,
                      struct list *waiters) {
    struct supervisor *source = child->parent;
    struct actor      *actor = child->actor;
    struct failure     failure = judge_arrival(shard, child, target);
    supervisor_forget_news(child);
    if (actor == NULL || actor->life != ACTOR_DOWN) {
        failure = ending("the actor has ended");
        sequence_stopped(shard, child, ENDING_KEEP);
    } else if (falls(child)) {
        sequence_stopped(shard, child, ENDING_KEEP);
    } else {
        if (failure.status == STATUS_OK) {
            struct actor *to = actor_by_id(&shard->actors, target);
            failure.status = move_place(shard, child, to->supervisor);
        }
        if (failure.status == STATUS_OK) tell(source, actor);
        sequence_again(shard, actor->child);
    }
    struct answer answer = {0};
    if (failure.status == STATUS_OK) answer = moved(actor);
    waiter_transfer_all(shard, waiters, failure.status == STATUS_OK ? &answer : NULL, &failure);
}

// --- The verbs -----------------------------------------------------------------------------------

static struct actor *named(const struct shard *shard, struct slice name, uint64_t id) {
    struct request request = {.name = name, .target = id};
    return request_target(shard, &request);
}

// The target that a request names, if its actor may move there; NULL: the caller has its answer.
static struct supervisor *admit(struct shard *shard, struct caller caller,
                                const struct request *request, struct actor *actor) {
    struct actor  *target = named(shard, request->to_name, request->to_id);
    struct failure failure = {0};
    bool           source_given = request->from_name.bytes > 0 || request->from_id != 0;
    if (actor == NULL) {
        failure = no(STATUS_NOPROC, NULL);
    } else if (actor->supervisor != NULL) {
        failure = no(STATUS_INVALID, "a supervisor cannot be transferred");
    } else if (actor->child == NULL) {
        failure = no(STATUS_INVALID, "the actor has no supervisor");
    } else if (source_given &&
               named(shard, request->from_name, request->from_id) != actor->child->parent->actor) {
        failure = no(STATUS_INVALID, "source: this is not its supervisor");
    } else if (target == NULL) {
        failure = no(STATUS_NOPROC, "target: no supervisor has this name");
    } else if (target->supervisor == NULL) {
        failure = no(STATUS_INVALID, "target: this is no supervisor");
    } else {
        failure = judge_child(actor->child);
        if (failure.status == STATUS_OK) {
            failure = judge_target(shard, actor->child, target->supervisor);
        }
    }
    if (failure.status == STATUS_OK) return target->supervisor;
    shard_answer_error(shard, caller, &failure);
    return NULL;
}

static void move_at_once(struct shard *shard, struct caller caller, struct child *child,
                         struct supervisor *target) {
    struct supervisor *source = child->parent;
    struct actor      *actor = child->actor;
    enum status        status = move_place(shard, child, target);
    if (status != STATUS_OK) {
        shard_answer_status(shard, caller, status);
        return;
    }
    tell(source, actor);
    struct answer answer = moved(actor);
    shard_answer(shard, caller, &answer);
}

static void begin(struct shard *shard, struct caller caller, struct child *child,
                  struct supervisor *target, uint32_t limit_ms) {
    struct supervisor *source = child->parent;
    uint64_t           id = actor_id(target->actor);
    if (child_temporary(child)) {
        move_at_once(shard, caller, child, target);
        return;
    }
    struct waiter *waiter =
        waiter_create(shard, source, WAITER_TRANSFER, caller, start_limit_ms(limit_ms));
    if (waiter == NULL) {
        shard_answer_status(shard, caller, STATUS_NO_MEMORY);
        return;
    }
    if (sequence_stop_child(shard, child, ENDING_MOVE, supervisor_stop_reason(source))) {
        child->ending->target = id;
        list_push(&child->ending->waiters, &waiter->link);
        return;
    }
    struct list waiters;
    list_init(&waiters);
    list_push(&waiters, &waiter->link);
    transfer_stopped(shard, child, id, &waiters);
    sequence_advance(shard, source);
}

static void run_transfer(struct shard *shard, struct caller caller, const struct request *request) {
    struct actor      *actor = request_target(shard, request);
    struct supervisor *target = admit(shard, caller, request, actor);
    if (target != NULL) begin(shard, caller, actor->child, target, request->limit_ms);
}

// --- In two steps --------------------------------------------------------------------------------

// A row that is free, or has become so; NULL if there is none.
static struct prepared *free_row(const struct shard *shard, struct transfers *transfers) {
    for (uint32_t i = 0; i < TRANSFERS_PREPARED_MAX; i++) {
        struct prepared *row = &transfers->rows[i];
        if (row->handle == 0 || row->expires_ms <= shard->now_ms) return row;
    }
    return NULL;
}

static void run_prepare(struct shard *shard, struct caller caller, const struct request *request) {
    struct actor      *actor = request_target(shard, request);
    struct supervisor *target = admit(shard, caller, request, actor);
    if (target == NULL) return;
    if (shard->transfers == NULL) shard->transfers = calloc(1, sizeof *shard->transfers);
    struct prepared *row = shard->transfers == NULL ? NULL : free_row(shard, shard->transfers);
    if (row == NULL) {
        struct failure failure = no(STATUS_OVERLOADED, "too many transfers are prepared");
        shard_answer_error(shard, caller, &failure);
        return;
    }
    *row = (struct prepared){
        .handle = ++shard->transfers->last,
        .expires_ms = shard->now_ms + TRANSFER_VALID_MS,
        .unit = actor->unit,
        .source = actor_id(actor->child->parent->actor),
        .target = actor_id(target->actor),
        .slot = actor->slot,
    };
    struct answer answer = {
        .kind = ANSWER_TRANSFER_PREPARED, .id = row->handle, .valid_ms = TRANSFER_VALID_MS};
    shard_answer(shard, caller, &answer);
}

// Takes the row of a handle out; false if it is not valid (any more).
static bool take_row(struct shard *shard, uint64_t handle, struct prepared *ret_row) {
    for (uint32_t i = 0; shard->transfers != NULL && i < TRANSFERS_PREPARED_MAX; i++) {
        struct prepared *row = &shard->transfers->rows[i];
        if (row->handle != handle || handle == 0) continue;
        *ret_row = *row;
        *row = (struct prepared){0};
        return ret_row->expires_ms > shard->now_ms;
    }
    return false;
}

static void run_commit(struct shard *shard, struct caller caller, const struct request *request) {
    struct prepared row;
    struct failure  failure = no(STATUS_CONFLICT, "handle: unknown, used or too old");
    struct actor   *actor = NULL, *target = NULL;
    if (take_row(shard, request->handle, &row)) {
        failure.message = "the actor or one of both supervisors is another by now";
        actor = actor_at(&shard->actors, row.slot);
        target = actor_by_id(&shard->actors, row.target);
    }
    if (actor == NULL || target == NULL || target->supervisor == NULL || actor->unit != row.unit ||
        actor->child == NULL || actor_id(actor->child->parent->actor) != row.source) {
        shard_answer_error(shard, caller, &failure);
        return;
    }
    failure = judge_child(actor->child);
    if (failure.status == STATUS_OK) {
        failure = judge_target(shard, actor->child, target->supervisor);
    }
    if (failure.status == STATUS_OK) {
        begin(shard, caller, actor->child, target->supervisor, request->limit_ms);
    } else {
        shard_answer_error(shard, caller, &failure);
    }
}

enum status transfer_run(struct shard *shard, struct caller caller, const struct request *request) {
    if (request->limit_ms > DEADLINE_MS_MAX) {
        struct failure failure = no(STATUS_INVALID, "timeout_ms: over 3600000");
        shard_answer_error(shard, caller, &failure);
        return STATUS_OK;
    }
    switch (request->verb) {
        case VERB_TRANSFER: run_transfer(shard, caller, request); break;
        case VERB_PREPARE_TRANSFER: run_prepare(shard, caller, request); break;
        case VERB_COMMIT_TRANSFER: run_commit(shard, caller, request); break;
        default: CHECK(false);
    }
    return STATUS_OK;
}
