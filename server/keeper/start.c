#include "keeper/start.h"

#include "keeper/alarms.h"
#include "keeper/isolation.h"
#include "keeper/keep.h"
#include "keeper/life.h"
#include "keeper/router.h"
#include "keeper/tie_requests.h"

#include <stdlib.h>

struct actor *start_holder(const struct shard *shard, struct slice name) {
    struct actor *holder = actor_by_name(&shard->actors, name);
    return holder == NULL || holder->life == ACTOR_ENDED ? NULL : holder;
}

static enum status configure_alarms(struct shard *shard, struct actor *actor,
                                    const struct request *request, uint16_t behaviour) {
    uint32_t after_ms = request->hibernate_after_ms != 0
                            ? request->hibernate_after_ms
                            : shard->behaviours.rows[behaviour].hibernate_after_ms;
    if (after_ms == 0 || after_ms == HIBERNATE_NEVER) return STATUS_OK;
    struct alarms *alarms = alarms_of(actor);
    if (alarms == NULL) return STATUS_NO_MEMORY;
    alarms->hibernate_after_ms = after_ms;
    return STATUS_OK;
}

// What few actors ask for.
static enum status configure_extra(struct actor *actor, const struct request *request) {
    if (request->generations == 0 && !request->step_back) return STATUS_OK;
    struct actor_extra *extra = actor_extra(actor);
    if (extra == NULL) return STATUS_NO_MEMORY;
    extra->generations = (uint8_t)request->generations;
    extra->step_back = request->step_back;
    return STATUS_OK;
}

static enum status configure_keep(struct actor *actor, const struct request *request) {
    struct keep *keep;
    enum status  status = keep_create(request, &keep);
    if (status != STATUS_OK || keep == NULL) return status;
    struct actor_extra *extra = actor_extra(actor);
    if (extra == NULL) {
        free(keep);
        return STATUS_NO_MEMORY;
    }
    extra->keep = keep;
    return STATUS_OK;
}

static void configure(struct shard *shard, struct actor *actor, const struct request *request,
                      uint16_t behaviour) {
    actor->unit = shard->unit_next++;
    actor->behaviour = behaviour;
    actor->restart = request->restart == 0 ? RESTART_TRANSIENT : request->restart & 3;
    actor->on_intensity =
        request->on_intensity == 0 ? INTENSITY_BACKOFF : request->on_intensity & 3;
    actor->intensity = request->has_intensity ? request->intensity : INTENSITY_DEFAULT;
    actor->period_ms = request->has_intensity ? request->period_ms : PERIOD_MS_DEFAULT;
    actor->mailbox_max =
        request->mailbox_max == 0 ? shard->options->mailbox_max : request->mailbox_max;
}

enum status start_unit(struct shard *shard, struct slice name, struct slice argument,
                       struct actor **ret_actor) {
    if (start_holder(shard, name) != NULL) return STATUS_ALREADY_STARTED;
    struct actor *ended = actor_by_name(&shard->actors, name);
    if (ended != NULL) life_discard(shard, ended);

    struct actor *actor;
    enum status   status = actor_create(&shard->actors, name, argument, &actor);
    if (status != STATUS_OK) return status;
    status = actor_name_put(&shard->actors, actor);
    if (status != STATUS_OK) {
        actor_destroy(&shard->actors, actor);
        return status;
    }
    *ret_actor = actor;
    return STATUS_OK;
}

enum status start_actor(struct shard *shard, struct caller caller, const struct request *request,
                        uint16_t behaviour, struct actor **ret_actor) {
    struct actor    *actor;
    struct envelope *init = envelope_create(TURN_INIT, caller, shard->now_ms,
                                            start_limit_ms(request->limit_ms), (struct slice){0});
    if (init == NULL) return STATUS_NO_MEMORY;
    enum status status = start_unit(shard, request->name, request->payload, &actor);
    if (status != STATUS_OK) goto free_init;
    status = configure_alarms(shard, actor, request, behaviour);
    if (status == STATUS_OK) status = configure_keep(actor, request);
    if (status != STATUS_OK) goto remove_name;
    status = configure_extra(actor, request);
    if (status != STATUS_OK) goto remove_name;
    configure(shard, actor, request, behaviour);
    if (request->isolation == ISOLATION_OWN) {
        status = isolation_own(shard, actor);
    } else {
        isolation_enter(shard, actor);
    }
    if (status != STATUS_OK) goto remove_name;
    status = listener_attach(shard, actor, request->listener);
    if (status != STATUS_OK) goto leave_pool;
    status = tie_start(shard, caller, actor, request);
    if (status != STATUS_OK) goto detach_listener;
    streams_mark(shard, actor);
    router_enqueue(shard, actor, init);
    *ret_actor = actor;
    return STATUS_OK;

detach_listener:
    listener_forget(shard, actor);
leave_pool:
    isolation_leave(shard, actor);
remove_name:
    actor_name_remove(&shard->actors, actor);
    actor_destroy(&shard->actors, actor);
free_init:
    free(init);
    return status;
}
