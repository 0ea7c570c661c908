#include "keeper/supervise.h"

#include "base/check.h"
#include "keeper/reason.h"
#include "keeper/requests.h"
#include "keeper/sequence.h"
#include "keeper/start.h"
#include "keeper/supervisor.h"
#include "keeper/waiter.h"

#include <stdlib.h>
#include <string.h>

#define CHILDREN_MAX 1000u
#define CHILDREN_DEFAULT 100u
#define SCAN_MAX 65536u // slots looked at for one page of the root

typedef void run(struct shard *shard, struct caller caller, const struct request *request);

static void refuse(struct shard *shard, struct caller caller, enum status status,
                   const char *message) {
    struct failure failure = {.status = status, .message = message};
    shard_answer_error(shard, caller, &failure);
}

static void answer_fault(struct shard *shard, struct caller caller, struct spec_fault *fault) {
    struct peeper_value reason = peeper_writer_value(&fault->reason);
    struct failure      failure = {
             .status = fault->status,
             .message = fault->status == STATUS_NO_MEMORY ? NULL : fault->message,
             .reason = slice_of(reason.data, reason.bytes),
    };
    shard_answer_error(shard, caller, &failure);
    spec_fault_fini(fault);
}

static bool limit_valid(struct shard *shard, struct caller caller, const struct request *request) {
    if (request->limit_ms <= DEADLINE_MS_MAX) return true;
    refuse(shard, caller, STATUS_INVALID, "timeout_ms: over 3600000");
    return false;
}

// The supervisor that a request means; NULL: the caller has its answer.
static struct supervisor *target(struct shard *shard, struct caller caller,
                                 const struct request *request) {
    struct actor *actor = request_target(shard, request);
    if (actor == NULL) {
        shard_answer_status(shard, caller, STATUS_NOPROC);
        return NULL;
    }
    if (actor->supervisor == NULL) refuse(shard, caller, STATUS_INVALID, "this is no supervisor");
    return actor->supervisor;
}

// The same, for verbs that add to it.
static struct supervisor *lasting_target(struct shard *shard, struct caller caller,
                                         const struct request *request) {
    struct supervisor *sup = target(shard, caller, request);
    if (sup == NULL || !supervisor_ending(sup)) return sup;
    struct failure failure = {
        .status = STATUS_DOWN, .message = "the supervisor is ending", .reason = reason_shutdown()};
    shard_answer_error(shard, caller, &failure);
    return NULL;
}

// How many supervisors it is in. Never many: what is added is counted with them.
static uint32_t supervisors_above(const struct supervisor *sup) {
    uint32_t count = 0;
    while (sup->actor->child != NULL) {
        sup = sup->actor->child->parent;
        count++;
    }
    return count;
}

// The child that a request names, by id or by incarnation; NULL: the caller has its answer.
static struct child *target_child(struct shard *shard, struct caller caller,
                                  const struct request *request, const struct supervisor *sup) {
    struct child *child = NULL;
    if (request->incarnation != 0) {
        const struct actor *actor = actor_by_id(&shard->actors, request->incarnation);
        if (actor != NULL && actor->child != NULL && actor->child->parent == sup)
            child = actor->child;
    } else if (supervisor_simple(sup)) {
        shard_answer_status(shard, caller, STATUS_SIMPLE_ONE_FOR_ONE);
        return NULL;
    } else {
        child = child_find(&shard->children, sup, request->child);
    }
    if (child == NULL) {
        refuse(shard, caller, STATUS_NOT_FOUND, "the supervisor has no such child");
    }
    return child;
}

// --- Start ---------------------------------------------------------------------------------------

static void answer_start_status(struct shard *shard, struct caller caller, enum status status,
                                struct slice name) {
    const struct actor *holder = start_holder(shard, name);
    if (status == STATUS_ALREADY_STARTED && holder != NULL) {
        request_answer_already_started(shard, caller, holder, NULL);
    } else {
        refuse(shard, caller, status, status == STATUS_OVERLOADED ? "too many actors" : NULL);
    }
}

static void start_supervisor(struct shard *shard, struct caller caller,
                             const struct request *request) {
    struct spec_fault       fault = {0};
    struct supervisor_spec *spec;
    struct supervisor      *sup;
    if (!limit_valid(shard, caller, request)) return;
    enum status status =
        spec_read_supervisor(&shard->behaviours, 0, request->payload, &fault, &spec);
    if (status != STATUS_OK) {
        answer_fault(shard, caller, &fault);
        return;
    }
    struct slice name =
        request->name.bytes > 0 ? request->name : slice_of(spec->name, spec->name_bytes);
    if (!request_name_valid(name)) {
        refuse(shard, caller, STATUS_INVALID, "name: not UTF-8, or with control characters");
    } else if ((status = supervisor_create(shard, spec, name, NULL, &sup)) != STATUS_OK) {
        answer_start_status(shard, caller, status, name);
    } else {
        status = sequence_begin_for(shard, sup, caller, start_limit_ms(request->limit_ms));
        if (status != STATUS_OK) shard_answer_status(shard, caller, status);
    }
    supervisor_spec_release(spec);
}

// Adds a child and starts it; the spec is NULL for a child of a simple one.
static void add_child(struct shard *shard, struct caller caller, struct supervisor *sup,
                      struct child_spec *spec, struct request *start) {
    if (sup->child_count >= sup->spec->children_max) {
        shard_answer_status(shard, caller, STATUS_MAX_CHILDREN);
        return;
    }
    struct child *child = supervisor_add(shard, sup, spec);
    if (child == NULL) {
        shard_answer_status(shard, caller, STATUS_NO_MEMORY);
        return;
    }
    child->adding = child->added = true;
    enum status status = supervisor_start_child(shard, child, caller, start);
    if (status != STATUS_OK) answer_start_status(shard, caller, status, start->name);
}

// A child of a simple one: a map with name and argument, in place of the template's.
static void start_simple_child(struct shard *shard, struct caller caller, struct supervisor *sup,
                               const struct request *request) {
    const struct child_spec *template = sup->spec->children[0];
    struct peeper_value map = {request->payload.data, request->payload.bytes}, value;
    struct request      start = {
             .limit_ms = request->limit_ms,
             .payload = child_spec_argument(template),
    };
    const char *name;
    if (!peeper_value_check(map) ||
        (peeper_value_kind(map) != PEEPER_MAP && peeper_value_kind(map) != PEEPER_NULL)) {
        refuse(shard, caller, STATUS_BAD_SPEC, "spec: not a map with name and argument");
        return;
    }
    if (peeper_value_get(map, "name", &value)) {
        if (!peeper_value_string(value, &name, &start.name.bytes) ||
            start.name.bytes > NAME_BYTES_MAX) {
            refuse(shard, caller, STATUS_BAD_SPEC, "name: not a string of up to 255 bytes");
            return;
        }
        start.name.data = (const uint8_t *)name;
    }
    if (!request_name_valid(start.name)) {
        refuse(shard, caller, STATUS_BAD_SPEC, "name: not UTF-8, or with control characters");
        return;
    }
    if (peeper_value_get(map, "argument", &value))
        start.payload = slice_of(value.data, value.bytes);
    add_child(shard, caller, sup, NULL, &start);
}

// What is kept of a new child's spec: all, but for a temporary actor the argument, which nobody
// asks for again. Held once more.
static struct child_spec *kept_spec(struct child_spec *spec) {
    bool once = spec->restart == RESTART_TEMPORARY && spec->supervisor == NULL;
    return once ? child_spec_for_once(spec) : child_spec_hold(spec);
}

static void start_child(struct shard *shard, struct caller caller, const struct request *request) {
    struct supervisor *sup = lasting_target(shard, caller, request);
    struct spec_fault  fault = {0};
    struct child_spec *spec;
    if (sup == NULL || !limit_valid(shard, caller, request)) return;
    if (supervisor_simple(sup)) {
        start_simple_child(shard, caller, sup, request);
        return;
    }
    enum status status = spec_read_child(&shard->behaviours, supervisors_above(sup) + 1,
                                         (enum auto_shutdown)sup->spec->auto_shutdown,
                                         request->payload, &fault, &spec);
    if (status != STATUS_OK) {
        answer_fault(shard, caller, &fault);
        return;
    }
    struct child_spec *kept = kept_spec(spec);
    if (kept == NULL) {
        shard_answer_status(shard, caller, STATUS_NO_MEMORY);
        child_spec_release(spec);
        return;
    }
    const struct child *there = child_find(&shard->children, sup, child_spec_id(spec));
    struct request      start = {
             .limit_ms = request->limit_ms,
             .payload = child_spec_argument(spec),
    };
    if (there == NULL) {
        add_child(shard, caller, sup, kept, &start);
    } else if (there->actor != NULL) {
        request_answer_already_started(shard, caller, there->actor,
                                       "the supervisor has a child with this id");
    } else {
        shard_answer_status(shard, caller, STATUS_ALREADY_PRESENT);
    }
    child_spec_release(kept);
    child_spec_release(spec);
}

// --- Terminate, restart, delete ------------------------------------------------------------------

static void terminate_child(struct shard *shard, struct caller caller,
                            const struct request *request) {
    struct supervisor *sup = target(shard, caller, request);
    struct child      *child = sup == NULL ? NULL : target_child(shard, caller, request, sup);
    if (child == NULL || !limit_valid(shard, caller, request)) return;
    struct waiter *waiter =
        waiter_create(shard, sup, WAITER_TERMINATE, caller, start_limit_ms(request->limit_ms));
    if (waiter == NULL) {
        shard_answer_status(shard, caller, STATUS_NO_MEMORY);
        return;
    }
    supervisor_stop_child(shard, child, waiter);
}

// Whether a child without a unit is what the verb needs; if not, the caller has its answer.
static bool stopped_child(struct shard *shard, struct caller caller, const struct child *child) {
    if (child->ending != NULL || child->news != NEWS_NONE) {
        refuse(shard, caller, STATUS_RESTARTING,
               child->ending != NULL ? "the child is being stopped" : NULL);
        return false;
    }
    if (child->actor == NULL) return true;
    bool restarting = child->actor->life == ACTOR_RESTARTING || child->actor->life == ACTOR_DOWN ||
                      child->actor->life == ACTOR_WAITING;
    shard_answer_status(shard, caller, restarting ? STATUS_RESTARTING : STATUS_RUNNING);
    return false;
}

static void restart_child(struct shard *shard, struct caller caller,
                          const struct request *request) {
    struct supervisor *sup = lasting_target(shard, caller, request);
    struct child      *child = sup == NULL ? NULL : target_child(shard, caller, request, sup);
    if (child == NULL || !limit_valid(shard, caller, request)) return;
    if (!stopped_child(shard, caller, child)) return;
    struct request start = {.limit_ms = request->limit_ms};
    enum status    status = supervisor_start_child(shard, child, caller, &start);
    if (status != STATUS_OK) answer_start_status(shard, caller, status, start.name);
}

static void delete_child(struct shard *shard, struct caller caller, const struct request *request) {
    struct supervisor *sup = target(shard, caller, request);
    struct child      *child = sup == NULL ? NULL : target_child(shard, caller, request, sup);
    if (child == NULL || !stopped_child(shard, caller, child)) return;
    supervisor_remove(shard, child);
    shard_answer_done(shard, caller);
}

// --- Looking -------------------------------------------------------------------------------------

static struct child_info describe_unit(const struct shard *shard, const struct actor *actor) {
    const struct supervisor *sup = actor->supervisor;
    const char *behaviour = sup != NULL ? "" : shard->behaviours.rows[actor->behaviour].name;
    return (struct child_info){
        .name = actor_name(actor),
        .behaviour = slice_of(behaviour, strlen(behaviour)),
        .status = unit_status_text(actor),
        .strategy = sup == NULL ? NULL : strategy_text((enum strategy)sup->spec->strategy),
        .restart = restart_text(actor->restart),
        .incarnation = actor_id(actor),
        .unit = actor->unit,
        .restarts = unit_restarts(actor),
        .mailbox = actor->waiting + actor->inflight,
        .children = sup == NULL ? 0 : sup->child_count,
    };
}

static struct child_info describe_child(const struct shard *shard, const struct child *child) {
    const struct child_spec *spec = child_spec_of(child);
    struct child_info        info = {.status = "stopped", .name = child_spec_name(spec)};
    if (child->actor != NULL) {
        info = describe_unit(shard, child->actor);
    } else if (spec->supervisor != NULL) {
        info.strategy = strategy_text((enum strategy)spec->supervisor->strategy);
    } else {
        const char *behaviour = shard->behaviours.rows[spec->behaviour].name;
        info.behaviour = slice_of(behaviour, strlen(behaviour));
    }
    if (child->spec != NULL) info.id = child_spec_id(spec);
    info.restart = restart_text(spec->restart);
    info.significant = spec->significant;
    return info;
}

struct page {
    struct child_info *infos; // owned
    size_t             count;
    size_t             limit;
    uint64_t           next;
};

// Newest first, as OTP lists them.
static void fill_page(struct shard *shard, const struct supervisor *sup,
                      const struct request *request, struct page *page) {
    struct child *child = listing_at(&shard->listing, sup, request->cursor);
    for (; child != NULL && page->count < page->limit; child = child_previous(child)) {
        page->infos[page->count++] = describe_child(shard, child);
    }
    if (child == NULL) return;
    listing_mark(&shard->listing, child);
    page->next = child->number;
}

// Units that have no supervisor, in the order of their slots.
static void fill_root_page(const struct shard *shard, const struct request *request,
                           struct page *page) {
    uint64_t slot = request->cursor;
    uint64_t used = shard->actors.used;
    uint64_t end = slot < used && used - slot > SCAN_MAX ? slot + SCAN_MAX : used;
    for (; slot < end && page->count < page->limit; slot++) {
        const struct actor *actor = actor_at(&shard->actors, (uint32_t)slot);
        if (actor == NULL || actor->child != NULL || actor->life == ACTOR_ENDED) continue;
        page->infos[page->count++] = describe_unit(shard, actor);
    }
    page->next = slot < used ? slot : 0;
}

static void which_children(struct shard *shard, struct caller caller,
                           const struct request *request) {
    bool               root = request->name.bytes == 0 && request->target == 0;
    struct page        page = {.limit = request->limit == 0 ? CHILDREN_DEFAULT : request->limit};
    struct child      *child = NULL;
    struct supervisor *sup = root ? NULL : target(shard, caller, request);
    if (!root && sup == NULL) return;
    if (!root && request->child.bytes > 0) {
        child = target_child(shard, caller, request, sup);
        if (child == NULL) return;
    }
    if (page.limit > CHILDREN_MAX) page.limit = CHILDREN_MAX;
    page.infos = calloc(page.limit, sizeof *page.infos);
    if (page.infos == NULL) {
        shard_answer_status(shard, caller, STATUS_NO_MEMORY);
        return;
    }
    if (root) {
        fill_root_page(shard, request, &page);
    } else if (child != NULL) {
        page.infos[page.count++] = describe_child(shard, child);
    } else {
        fill_page(shard, sup, request, &page);
    }
    struct answer answer = {
        .kind = ANSWER_CHILDREN, .children = page.infos, .count = page.count, .next = page.next};
    shard_answer(shard, caller, &answer);
    free(page.infos);
}

static void count_children(struct shard *shard, struct caller caller,
                           const struct request *request) {
    const struct supervisor *sup = target(shard, caller, request);
    struct child_counts      counts = {0};
    if (sup == NULL) return;
    for (const struct child *child = supervisor_first(sup); child != NULL;
         child = child_next(child)) {
        counts.specs++;
        if (child_spec_of(child)->supervisor != NULL) {
            counts.supervisors++;
        } else {
            counts.workers++;
        }
        if (child->actor == NULL) continue;
        enum actor_life life = (enum actor_life)child->actor->life;
        if (life == ACTOR_RUNNING || life == ACTOR_STOPPING || life == ACTOR_STARTING)
            counts.active++;
    }
    if (supervisor_simple(sup)) counts.specs = 1;
    struct answer answer = {.kind = ANSWER_CHILD_COUNTS, .counts = &counts};
    shard_answer(shard, caller, &answer);
}

static void get_child_spec(struct shard *shard, struct caller caller,
                           const struct request *request) {
    struct supervisor   *sup = target(shard, caller, request);
    const struct child  *child = sup == NULL ? NULL : target_child(shard, caller, request, sup);
    struct peeper_writer writer = {0};
    if (child == NULL) return;
    spec_write_child(&writer, &shard->behaviours, child_spec_of(child));
    struct peeper_value value = peeper_writer_value(&writer);
    struct answer answer = {.kind = ANSWER_REPLY, .payload = slice_of(value.data, value.bytes)};
    if (peeper_writer_done(&writer)) {
        shard_answer(shard, caller, &answer);
    } else {
        shard_answer_status(shard, caller, STATUS_NO_MEMORY);
    }
    peeper_writer_fini(&writer);
}

// --- Specs ---------------------------------------------------------------------------------------

static void check_specs(struct shard *shard, struct caller caller, const struct request *request) {
    struct spec_fault fault = {0};
    if (spec_check(&shard->behaviours, request->payload, &fault) != STATUS_OK) {
        answer_fault(shard, caller, &fault);
        return;
    }
    shard_answer_done(shard, caller);
}

static void change_supervisor(struct shard *shard, struct caller caller,
                              const struct request *request) {
    struct supervisor *sup = lasting_target(shard, caller, request);
    if (sup == NULL) return;
    struct peeper_value     value = {request->payload.data, request->payload.bytes};
    struct spec_fault       fault = {0};
    struct supervisor_spec *spec;
    if (peeper_value_check(value) && peeper_value_kind(value) == PEEPER_NULL) {
        shard_answer_done(shard, caller); // as an init that says ignore
        return;
    }
    if (spec_read_supervisor(&shard->behaviours, supervisors_above(sup), request->payload, &fault,
                             &spec) != STATUS_OK) {
        answer_fault(shard, caller, &fault);
        return;
    }
    enum status status = supervisor_change(shard, sup, spec);
    if (status == STATUS_OK) {
        shard_answer_done(shard, caller);
    } else {
        shard_answer_status(shard, caller, status);
    }
    supervisor_spec_release(spec);
}

// --- In ------------------------------------------------------------------------------------------

void supervise_stop(struct shard *shard, struct caller caller, struct actor *actor,
                    const struct request *request) {
    struct supervisor *sup = actor->supervisor;
    struct slice       reason = request->payload.bytes > 0 ? request->payload : reason_normal();
    if (actor->life == ACTOR_DOWN) {
        shard_answer_done(shard, caller); // it has ended just now; its own supervisor goes on
        return;
    }
    if (waiter_create(shard, sup, WAITER_STOP, caller, start_limit_ms(request->limit_ms)) == NULL) {
        shard_answer_status(shard, caller, STATUS_NO_MEMORY);
    }
    supervisor_stop(shard, sup, reason);
}

static run *const RUNS[VERB_COUNT] = {
    [VERB_START_SUPERVISOR] = start_supervisor, [VERB_START_CHILD] = start_child,
    [VERB_TERMINATE_CHILD] = terminate_child,   [VERB_RESTART_CHILD] = restart_child,
    [VERB_DELETE_CHILD] = delete_child,         [VERB_WHICH_CHILDREN] = which_children,
    [VERB_COUNT_CHILDREN] = count_children,     [VERB_GET_CHILD_SPEC] = get_child_spec,
    [VERB_CHECK_SPECS] = check_specs,           [VERB_CHANGE_SUPERVISOR] = change_supervisor,
};

enum status supervise_run(struct shard *shard, struct caller caller,
                          const struct request *request) {
    CHECK(RUNS[request->verb] != NULL);
    RUNS[request->verb](shard, caller, request);
    return STATUS_OK;
}
