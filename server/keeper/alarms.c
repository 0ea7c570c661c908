#include "keeper/alarms.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/router.h"
#include "keeper/timers.h"

#include <stdlib.h>
#include <string.h>

struct alarms *alarms_of(struct actor *actor) {
    if (actor->extra->alarms != NULL) return actor->extra->alarms;
    struct actor_extra *extra = actor_extra(actor);
    struct alarms      *alarms = extra == NULL ? NULL : malloc(sizeof *alarms);
    if (alarms == NULL) return NULL;
    *alarms = (struct alarms){.hibernate = {.kind = TIMER_HIBERNATE}, .slot = actor->slot};
    list_init(&alarms->own);
    extra->alarms = alarms;
    return alarms;
}

static void arm(struct shard *shard, const struct actor *actor, struct timer *timer,
                uint64_t due_ms) {
    if (heap_arm(&shard->timers, timer, due_ms) == STATUS_OK) return;
    LOG_WARN("timer.unarmed", "slot=%u", actor->slot);
}

// --- the timer that a callback returned ---

static void drop_message(struct shard *shard, struct alarms *alarms) {
    shard->send_timers.bytes -= alarms->message_bytes;
    free(alarms->message);
    alarms->message = NULL;
    alarms->message_bytes = 0;
}

static bool keep_message(struct shard *shard, struct actor *actor, struct slice message) {
    struct alarms *alarms = alarms_of(actor);
    if (alarms == NULL) return false;
    // Mostly of the size of the one before: then nothing moves.
    uint8_t *copy = realloc(alarms->message, message.bytes + 1);
    if (copy == NULL) return false;
    memcpy(copy, message.data, message.bytes);
    shard->send_timers.bytes += message.bytes;
    shard->send_timers.bytes -= alarms->message_bytes;
    alarms->message = copy;
    alarms->message_bytes = (uint32_t)message.bytes;
    return true;
}

void alarms_arm_idle(struct shard *shard, struct actor *actor, uint64_t due_ms,
                     struct slice message) {
    if (due_ms == UINT64_MAX) return;
    if (message.data == NULL) {
        if (actor->extra->alarms != NULL) drop_message(shard, actor->extra->alarms);
    } else if (!keep_message(shard, actor, message)) {
        LOG_WARN("timer.unarmed", "slot=%u", actor->slot);
        return;
    }
    arm(shard, actor, &actor->idle, due_ms);
}

bool alarms_disturbed(const struct shard *shard, struct actor *actor) {
    const struct worker *worker = router_worker(shard, actor);
    uint32_t             replaces = 0;
    for (uint64_t at = worker == NULL ? 0 : worker->tail; worker != NULL && at < worker->head;) {
        const struct turn_record *record = worker_turn(worker, at);
        at += record->record_bytes;
        if (record->slot != actor->slot || record->note_void) continue;
        if (record->kind != TURN_REPLACE) return true;
        replaces++;
    }
    for (struct list *link = actor->mailbox.next; link != &actor->mailbox; link = link->next) {
        if (LIST_ENTRY(link, struct envelope, link)->kind != TURN_REPLACE) return true;
        replaces++;
    }
    if (replaces == 0) actor->replaced = false;
    return false;
}

void alarms_idle_due(struct shard *shard, struct actor *actor) {
    // Taken out: what the delivery leads to may be the end of the actor.
    uint8_t       *message = NULL;
    struct slice   payload = envelope_timeout();
    struct alarms *alarms = actor->extra->alarms;
    uint32_t       slot = actor->slot;
    if (alarms != NULL && alarms->message != NULL) {
        message = alarms->message;
        payload = slice_of(message, alarms->message_bytes);
        alarms->message = NULL;
        drop_message(shard, alarms);
    }
    enum status status = router_deliver_own(shard, actor, payload);
    if (status != STATUS_OK)
        LOG_WARN("timeout.lost", "slot=%u status=%s", slot, status_name(status));
    free(message);
}

// --- hibernation by itself ---

void alarms_worked(struct shard *shard, struct actor *actor) {
    struct alarms *alarms = actor->extra->alarms;
    if (alarms->hibernate_after_ms == 0) return;
    alarms->worked_ms = shard->now_ms;
    if (timer_armed(&alarms->hibernate) || actor->home != HOME_HOT) return;
    arm(shard, actor, &alarms->hibernate, shard->now_ms + alarms->hibernate_after_ms);
}

void alarms_hibernate_due(struct shard *shard, struct alarms *alarms) {
    struct actor *actor = actor_at(&shard->actors, alarms->slot);
    CHECK(actor != NULL);
    // One that is not at home is asleep, or will be armed again by its next turn.
    if (router_worker(shard, actor) == NULL) return;

    bool     busy = actor->inflight > 0 || actor->waiting > 0;
    uint64_t due_ms = (busy ? shard->now_ms : alarms->worked_ms) + alarms->hibernate_after_ms;
    if (due_ms > shard->now_ms) {
        arm(shard, actor, &alarms->hibernate, due_ms);
    } else if (!router_forget(shard, actor)) {
        arm(shard, actor, &alarms->hibernate, shard->now_ms + alarms->hibernate_after_ms);
    }
}

// --- the end ---

void alarms_end(struct shard *shard, struct actor *actor) {
    heap_cancel(&shard->timers, &actor->idle);
    router_drop_own(shard, actor);
    if (actor->extra->alarms == NULL) return;
    heap_cancel(&shard->timers, &actor->extra->alarms->hibernate);
    drop_message(shard, actor->extra->alarms);
    send_timers_end(shard, &actor->extra->alarms->own);
}

void alarms_free(struct actor *actor) {
    if (actor->extra->alarms == NULL) return;
    CHECK(!timer_armed(&actor->extra->alarms->hibernate));
    CHECK(actor->extra->alarms->message == NULL);
    CHECK(list_empty(&actor->extra->alarms->own));
    free(actor->extra->alarms);
    actor_extra(actor)->alarms = NULL;
}
