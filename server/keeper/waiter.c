#include "keeper/waiter.h"

#include "base/log.h"
#include "keeper/reason.h"
#include "keeper/supervisor.h"
#include "keeper/timers.h"

#include <stdlib.h>

struct waiter *waiter_create(struct shard *shard, struct supervisor *sup, enum waiter_kind kind,
                             struct caller caller, uint32_t limit_ms) {
    struct waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL) return NULL;
    waiter->timer.kind = TIMER_WAITER;
    waiter->supervisor = sup;
    waiter->caller = caller;
    waiter->kind = kind;
    list_init(&waiter->link);
    if (kind != WAITER_TERMINATE && kind != WAITER_TRANSFER)
        list_push(&sup->waiters, &waiter->link);
    if (limit_ms == 0) return waiter;
    if (heap_arm(&shard->timers, &waiter->timer, shard->now_ms + limit_ms) != STATUS_OK) {
        LOG_WARN("timer.unarmed", "slot=%u", sup->actor->slot);
    }
    return waiter;
}

void waiter_destroy(struct shard *shard, struct waiter *waiter) {
    heap_cancel(&shard->timers, &waiter->timer);
    list_remove(&waiter->link);
    free(waiter);
}

void waiter_done(struct shard *shard, struct waiter *waiter) {
    struct failure ended = {
        .status = STATUS_DOWN, .message = "the actor was terminated", .reason = reason_shutdown()};
    struct caller caller = waiter->caller;
    bool          transfer = waiter->kind == WAITER_TRANSFER;
    waiter_destroy(shard, waiter);
    if (transfer) {
        shard_answer_error(shard, caller, &ended);
    } else {
        shard_answer_done(shard, caller);
    }
}

void waiter_transfer_all(struct shard *shard, struct list *waiters, const struct answer *answer,
                         const struct failure *failure) {
    while (!list_empty(waiters)) {
        struct waiter *waiter = LIST_ENTRY(waiters->next, struct waiter, link);
        struct caller  caller = waiter->caller;
        waiter_destroy(shard, waiter);
        if (answer != NULL) {
            shard_answer(shard, caller, answer);
        } else {
            shard_answer_error(shard, caller, failure);
        }
    }
}

void waiter_done_all(struct shard *shard, struct list *waiters) {
    while (!list_empty(waiters)) {
        waiter_done(shard, LIST_ENTRY(waiters->next, struct waiter, link));
    }
}

void waiter_expired(struct shard *shard, struct waiter *waiter) {
    static const char *const TEXTS[] = {
        [WAITER_START] = "its children have not started yet; they are stopped again",
        [WAITER_STOP] = "its children have not stopped yet; the stop goes on",
        [WAITER_TERMINATE] = "the child has not stopped yet; the stop goes on",
        [WAITER_TRANSFER] = "the actor has not stopped yet; the transfer goes on",
    };
    struct failure     failure = {.status = STATUS_TIMEOUT, .message = TEXTS[waiter->kind]};
    struct caller      caller = waiter->caller;
    struct supervisor *sup = waiter->kind == WAITER_START ? waiter->supervisor : NULL;
    waiter_destroy(shard, waiter);
    shard_answer_error(shard, caller, &failure);
    if (sup != NULL) supervisor_kill(shard, sup);
}

void waiter_answer_all(struct shard *shard, struct supervisor *sup, enum waiter_kind kind,
                       const struct answer *answer, const struct failure *failure) {
    for (struct list *link = sup->waiters.next, *next; link != &sup->waiters; link = next) {
        struct waiter *waiter = LIST_ENTRY(link, struct waiter, link);
        struct caller  caller = waiter->caller;
        next = link->next;
        if (waiter->kind != kind) continue;
        waiter_destroy(shard, waiter);
        if (failure != NULL) {
            shard_answer_error(shard, caller, failure);
        } else if (answer == NULL) {
            shard_answer_done(shard, caller);
        } else if (caller.generation != 0) {
            shard_answer(shard, caller, answer);
        }
    }
}
