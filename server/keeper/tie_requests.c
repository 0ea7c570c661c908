#include "keeper/tie_requests.h"

#include "keeper/exits.h"
#include "keeper/reason.h"
#include "keeper/requests.h"

// --- both ways in ---

// The end that a request means; one that is over already where nobody is there.
static struct ties *end_of_target(struct shard *shard, const struct request *request) {
    struct actor *actor = request_target(shard, request);
    if (actor != NULL) return tie_of_actor(&shard->ties, actor);
    struct slice name = request->target != 0 ? (struct slice){0} : request->name;
    return tie_of_nobody(&shard->ties, request->target, name, reason_noproc());
}

// `maker` goes if it gets no tie.
static enum status make(struct shard *shard, enum tie_kind kind, struct ties *maker,
                        const struct request *request, uint64_t ref) {
    struct ties *target = maker == NULL ? NULL : end_of_target(shard, request);
    if (target == NULL) {
        if (maker != NULL) tie_release_idle(&shard->ties, maker);
        return STATUS_NO_MEMORY;
    }
    struct tie *tie;
    enum status status = tie_add(&shard->ties, kind, maker, target, ref, &tie);
    if (status == STATUS_OK) tie->by_name = request->target == 0;
    return status;
}

static void cut(struct shard *shard, const struct ties *maker, const struct request *request) {
    const struct actor *target = request_target(shard, request);
    if (maker == NULL || target == NULL || target->extra->ties == NULL) return;
    struct tie *tie = tie_find_link(&shard->ties, maker, target->extra->ties);
    if (tie != NULL) tie_remove(&shard->ties, tie);
}

static void cut_monitor(struct shard *shard, const struct ties *maker, uint64_t ref) {
    struct tie *tie = maker == NULL ? NULL : tie_find_monitor(&shard->ties, maker, ref);
    if (tie != NULL) tie_remove(&shard->ties, tie);
}

// --- verbs ---

static void refuse(struct shard *shard, struct caller caller, enum status status) {
    struct failure failure = {.status = status};
    if (status == STATUS_OVERLOADED)
        failure.message =
            "too many links and monitors: of this connection, of its target, or in all";
    shard_answer_error(shard, caller, &failure);
}

enum status tie_run_monitor(struct shard *shard, struct caller caller,
                            const struct request *request) {
    uint64_t    ref = tie_ref(&shard->ties);
    enum status status =
        make(shard, TIE_MONITOR, tie_of_client(&shard->ties, caller), request, ref);
    if (status != STATUS_OK) {
        refuse(shard, caller, status);
        return STATUS_OK;
    }
    struct answer answer = {.kind = ANSWER_MONITORED, .ref = ref};
    shard_answer(shard, caller, &answer);
    return STATUS_OK;
}

enum status tie_run_demonitor(struct shard *shard, struct caller caller,
                              const struct request *request) {
    cut_monitor(shard, tie_find_client(&shard->ties, caller), request->ref);
    shard_answer_done(shard, caller);
    return STATUS_OK;
}

enum status tie_run_link(struct shard *shard, struct caller caller, const struct request *request) {
    enum status status = make(shard, TIE_LINK, tie_of_client(&shard->ties, caller), request, 0);
    if (status != STATUS_OK) {
        refuse(shard, caller, status);
    } else {
        shard_answer_done(shard, caller);
    }
    return STATUS_OK;
}

enum status tie_run_unlink(struct shard *shard, struct caller caller,
                           const struct request *request) {
    // An end that is still to be announced is told of before the answer, never after it.
    exits_announce(shard, UINT32_MAX);
    cut(shard, tie_find_client(&shard->ties, caller), request);
    shard_answer_done(shard, caller);
    return STATUS_OK;
}

// --- start ---

static enum status make_at_start(struct shard *shard, enum tie_kind kind, struct caller caller,
                                 struct actor *actor) {
    struct ties *maker = tie_of_client(&shard->ties, caller);
    struct ties *target = maker == NULL ? NULL : tie_of_actor(&shard->ties, actor);
    if (target == NULL) {
        if (maker != NULL) tie_release_idle(&shard->ties, maker);
        return STATUS_NO_MEMORY;
    }
    struct tie *tie;
    enum status status = tie_add(&shard->ties, kind, maker, target, tie_ref(&shard->ties), &tie);
    if (status != STATUS_OK) return status;
    tie->from_start = true;
    tie->by_name = actor->name_bytes > 0;
    return STATUS_OK;
}

enum status tie_start(struct shard *shard, struct caller caller, struct actor *actor,
                      const struct request *request) {
    actor->no_trap_exit = request->no_trap_exit;
    if (caller.generation == 0) return STATUS_OK;
    enum status status = STATUS_OK;
    if (request->link) status = make_at_start(shard, TIE_LINK, caller, actor);
    if (status == STATUS_OK && request->monitor)
        status = make_at_start(shard, TIE_MONITOR, caller, actor);
    // The link that stands is the only tie of an actor that was just made.
    enum tie_side side;
    if (status != STATUS_OK && actor->extra->ties != NULL)
        tie_remove(&shard->ties, tie_first(actor->extra->ties, &side));
    return status;
}

uint64_t tie_start_ref(const struct actor *actor) {
    if (actor->extra->ties == NULL) return 0;
    const struct list *all = &actor->extra->ties->ties[TIE_TARGET];
    for (const struct list *link = all->next; link != all; link = link->next) {
        const struct tie *tie = LIST_ENTRY(link, struct tie, at[TIE_TARGET]);
        if (!tie->from_start) return 0;
        if (tie->kind == TIE_MONITOR) return tie->key;
    }
    return 0;
}

// --- effects ---

void tie_effect_monitor(struct shard *shard, struct actor *actor, uint64_t ref, struct slice name,
                        uint64_t id) {
    struct request target = {.name = name, .target = id};
    enum status status = make(shard, TIE_MONITOR, tie_of_actor(&shard->ties, actor), &target, ref);
    if (status != STATUS_OK) exits_refused(shard, actor, TIE_MONITOR, ref, name, id);
}

void tie_effect_demonitor(struct shard *shard, struct actor *actor, uint64_t ref) {
    cut_monitor(shard, actor->extra->ties, ref);
}

void tie_effect_link(struct shard *shard, struct actor *actor, struct slice name, uint64_t id) {
    struct request target = {.name = name, .target = id};
    if (request_target(shard, &target) == actor) return;
    enum status status = make(shard, TIE_LINK, tie_of_actor(&shard->ties, actor), &target, 0);
    if (status != STATUS_OK) exits_refused(shard, actor, TIE_LINK, 0, name, id);
}

void tie_effect_unlink(struct shard *shard, struct actor *actor, struct slice name, uint64_t id) {
    struct request target = {.name = name, .target = id};
    cut(shard, actor->extra->ties, &target);
}
