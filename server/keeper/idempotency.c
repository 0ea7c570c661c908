#include "keeper/idempotency.h"

#include "base/log.h"
#include "keeper/requests.h"
#include "keeper/router.h"
#include "keeper/shard.h"
#include "keeper/start.h"

#include <stdlib.h>

#define RETRY_AFTER_MS 10
#define FORGET_MAX 1024u // at once; more is left for the next turn of the loop

static void refuse(struct shard *shard, struct caller caller, enum status status,
                   const char *message) {
    struct failure failure = {.status = status, .message = message};
    if (status == STATUS_OVERLOADED) failure.retry_after_ms = RETRY_AFTER_MS;
    shard_answer_error(shard, caller, &failure);
}

// --- those who wait ---

static enum status add_waiter(struct shard *shard, struct key *key, struct caller caller,
                              uint32_t limit_ms) {
    struct key_waiter *waiter;
    enum status        status = keys_wait(&shard->keys, key, caller, &waiter);
    if (status != STATUS_OK) return status;
    status = heap_arm(&shard->timers, &waiter->deadline, shard->now_ms + start_limit_ms(limit_ms));
    if (status != STATUS_OK) keys_unwait(&shard->keys, waiter);
    return status;
}

static struct key_waiter *first_waiter(const struct key *key) {
    return list_empty(&key->waiters) ? NULL
                                     : LIST_ENTRY(key->waiters.next, struct key_waiter, link);
}

static void remove_waiter(struct shard *shard, struct key_waiter *waiter) {
    heap_cancel(&shard->timers, &waiter->deadline);
    keys_unwait(&shard->keys, waiter);
}

static void drop(struct shard *shard, struct key *key) {
    struct key_waiter *waiter;
    while ((waiter = first_waiter(key)) != NULL) remove_waiter(shard, waiter);
    keys_drop(&shard->keys, key);
}

void idempotency_waiter_expired(struct shard *shard, struct key_waiter *waiter) {
    struct caller caller = waiter->caller;
    keys_unwait(&shard->keys, waiter);
    refuse(shard, caller, STATUS_TIMEOUT,
           "the call is still waiting or running; the same one with its key finds its outcome");
}

uint64_t idempotency_until(const struct shard *shard, struct caller caller) {
    if (caller.conn != CALLER_KEYED || caller.generation == 0) return 0;
    const struct key *key = keys_find_caller(&shard->keys, caller);
    uint64_t          until = 0;
    if (key == NULL) return 0;
    for (const struct list *link = key->waiters.next; link != &key->waiters; link = link->next) {
        const struct key_waiter *waiter = LIST_ENTRY(link, struct key_waiter, link);
        if (waiter->deadline.due_ms > until) until = waiter->deadline.due_ms;
    }
    return until;
}

// --- outcomes ---

static void arm_due(struct shard *shard) {
    const struct key *oldest = keys_oldest(&shard->keys);
    if (oldest == NULL || timer_armed(&shard->keys.due)) return;
    uint64_t due_ms = oldest->kept_ms + shard->options->idempotency_ms;
    // What is overdue goes on in the next millisecond, so that it does not fill this turn.
    if (due_ms <= shard->now_ms) due_ms = shard->now_ms + 1;
    // Without memory it is tried again with the next outcome; what is too old is not used anyway.
    enum status status = heap_arm(&shard->timers, &shard->keys.due, due_ms);
    if (status != STATUS_OK) LOG_WARN("timer.unarmed", "keys=%u", shard->keys.count);
}

static void forget_old(struct shard *shard) {
    uint32_t ttl_ms = shard->options->idempotency_ms;
    if (shard->now_ms >= ttl_ms) keys_expire(&shard->keys, shard->now_ms - ttl_ms, FORGET_MAX);
}

void idempotency_due(struct shard *shard) {
    forget_old(shard);
    arm_due(shard);
}

static void keep(struct shard *shard, struct key *key, const struct answer *answer) {
    keys_keep(&shard->keys, key, answer, shard->now_ms);
    shard->metrics.keys_evicted = shard->keys.evicted;
    arm_due(shard);
}

void idempotency_answer(struct shard *shard, struct caller caller, const struct answer *answer) {
    if (caller.generation == 0) return;
    struct key *key = keys_find_caller(&shard->keys, caller);
    if (key == NULL || key->kept) return;
    // Told first: keeping a large outcome must not cost those who wait for it their answer.
    struct key_waiter *waiter;
    while ((waiter = first_waiter(key)) != NULL) {
        struct caller waits = waiter->caller;
        remove_waiter(shard, waiter);
        shard_answer(shard, waits, answer);
    }
    if (answer->kind != ANSWER_ERROR || answer->failure->ran) {
        keep(shard, key, answer);
    } else {
        keys_drop(&shard->keys, key);
    }
}

// --- requests ---

static void join(struct shard *shard, struct caller caller, const struct request *request,
                 struct key *key) {
    enum status status = add_waiter(shard, key, caller, request->limit_ms);
    if (status == STATUS_OK) return;
    refuse(shard, caller, status,
           status == STATUS_OVERLOADED ? "too many wait for the request with this key" : NULL);
}

static bool outdated(const struct shard *shard, const struct key *key) {
    return key->kept && shard->now_ms - key->kept_ms >= shard->options->idempotency_ms;
}

// Whether the caller has its answer, or waits for it with others.
static bool known(struct shard *shard, struct caller caller, const struct request *request,
                  struct key_asked *ret_asked) {
    if (request->key.bytes > KEY_BYTES_MAX) {
        refuse(shard, caller, STATUS_INVALID, "idempotency_key: over 64 bytes");
        return true;
    }
    keys_describe(&shard->keys, request, ret_asked);
    struct key *key = keys_find(&shard->keys, ret_asked);
    if (key != NULL && outdated(shard, key)) {
        keys_drop(&shard->keys, key);
        key = NULL;
    }
    if (key == NULL) return false;
    if (!key_same_payload(key, ret_asked)) {
        refuse(shard, caller, STATUS_CONFLICT,
               "idempotency_key: another message was sent with this key");
        return true;
    }
    shard->metrics.repeats++;
    if (!key->kept) {
        join(shard, caller, request, key);
        return true;
    }
    struct answer  answer;
    struct failure failure;
    key_outcome(key, &answer, &failure);
    shard_answer(shard, caller, &answer);
    return true;
}

// NULL: the caller has heard why not.
static struct key *add(struct shard *shard, struct caller caller, const struct key_asked *asked) {
    struct key *key;
    enum status status = keys_add(&shard->keys, asked, &key);
    shard->metrics.keys_evicted = shard->keys.evicted;
    if (status == STATUS_OK) return key;
    refuse(shard, caller, status,
           status == STATUS_OVERLOADED ? "too many requests with idempotency keys are under way"
                                       : NULL);
    return NULL;
}

enum status idempotency_call(struct shard *shard, struct caller caller,
                             const struct request *request) {
    struct key_asked asked;
    if (known(shard, caller, request, &asked)) return STATUS_OK;
    struct actor *actor = request_target(shard, request);
    if (actor == NULL) {
        shard_answer_status(shard, caller, STATUS_NOPROC);
        return STATUS_OK;
    }
    struct key *key = add(shard, caller, &asked);
    if (key == NULL) return STATUS_OK;
    enum status status = add_waiter(shard, key, caller, request->limit_ms);
    if (status != STATUS_OK) {
        keys_drop(&shard->keys, key);
        refuse(shard, caller, status, NULL);
        return STATUS_OK;
    }
    status = router_deliver(shard, actor, TURN_CALL, key_caller(key),
                            start_limit_ms(request->limit_ms), request->payload, true);
    // From here on the key may have gone again.
    if (status == STATUS_OK) return STATUS_OK;
    drop(shard, key);
    if (status == STATUS_AGAIN) return status;
    request_refuse_delivery(shard, caller, status);
    return STATUS_OK;
}

enum status idempotency_cast(struct shard *shard, struct caller caller,
                             const struct request *request) {
    struct key_asked asked;
    if (known(shard, caller, request, &asked)) return STATUS_OK;
    struct actor *actor = request_target(shard, request);
    if (actor == NULL) {
        // Nothing has run, so a retry may find somebody.
        shard->metrics.dropped++;
        shard_answer_done(shard, caller);
        return STATUS_OK;
    }
    struct key *key = add(shard, caller, &asked);
    if (key == NULL) return STATUS_OK;
    enum status status =
        router_deliver(shard, actor, TURN_CAST, CALLER_NOBODY, 0, request->payload, true);
    if (status == STATUS_OK) {
        struct answer answer = {.kind = ANSWER_DONE};
        keep(shard, key, &answer);
        shard_answer_done(shard, caller);
        return STATUS_OK;
    }
    keys_drop(&shard->keys, key);
    if (status == STATUS_AGAIN) return status;
    request_refuse_delivery(shard, caller, status);
    return STATUS_OK;
}

void idempotency_fini(struct shard *shard) {
    struct keys *keys = &shard->keys;
    heap_cancel(&shard->timers, &keys->due);
    for (uint32_t i = 0; keys->buckets != NULL && i < keys->bucket_count; i++) {
        while (keys->buckets[i] != NULL) drop(shard, keys->buckets[i]);
    }
    keys_fini(keys);
}
