#include "keeper/await.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/reason.h"
#include "keeper/router.h"
#include "keeper/timers.h"

#include <peeper/value.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_TEXT_BYTES 1024 // of a deadlock's reason; of a longer circle the middle is left out

// --- what comes back ---

static void write_error(struct peeper_writer *writer, enum status status, struct slice reason) {
    peeper_write_list(writer);
    peeper_write_string(writer, "ERROR");
    peeper_write_string(writer, status_name(status));
    if (reason.bytes == 0) {
        peeper_write_null(writer);
    } else {
        peeper_write_value(writer, (struct peeper_value){reason.data, reason.bytes});
    }
    peeper_write_end(writer);
}

static void write_answer(struct peeper_writer *writer, const struct answer *answer) {
    if (answer->kind == ANSWER_ERROR) {
        write_error(writer, answer->failure->status, answer->failure->reason);
        return;
    }
    peeper_write_list(writer);
    peeper_write_string(writer, "REPLY");
    peeper_write_value(writer, (struct peeper_value){answer->payload.data, answer->payload.bytes});
    peeper_write_end(writer);
}

static struct envelope *message_of(const struct shard *shard, struct peeper_writer *writer) {
    struct peeper_value value = peeper_writer_value(writer);
    struct envelope    *envelope = envelope_create(TURN_INFO, CALLER_NOBODY, shard->now_ms, 0,
                                                   slice_of(value.data, value.bytes));
    if (envelope != NULL) envelope->own = true;
    return envelope;
}

static struct envelope *error_message(const struct shard *shard, enum status status,
                                      struct slice reason) {
    struct peeper_writer writer = {0};
    write_error(&writer, status, reason);
    struct envelope *envelope = peeper_writer_done(&writer) ? message_of(shard, &writer) : NULL;
    peeper_writer_fini(&writer);
    return envelope;
}

static struct envelope *answer_message(const struct shard *shard, const struct answer *answer) {
    struct peeper_writer writer = {0};
    write_answer(&writer, answer);
    struct envelope *envelope = NULL;
    // No Value, or one that would nest too deep inside the message; or there is no memory, and then
    // none for what says so.
    if (peeper_writer_done(&writer)) {
        envelope = message_of(shard, &writer);
    } else if (answer->kind == ANSWER_ERROR) {
        envelope = error_message(shard, answer->failure->status, reason_malformed());
    } else {
        envelope = error_message(shard, STATUS_INVALID, reason_malformed());
    }
    peeper_writer_fini(&writer);
    return envelope;
}

// --- who waits for whom ---

struct actor *await_target(const struct shard *shard, const struct actor *actor) {
    const struct await *await = actor->extra->await;
    if (await == NULL || await->serial == 0) return NULL;
    struct actor *target = actor_at(&shard->actors, await->target_slot);
    return target != NULL && target->unit == await->target_unit ? target : NULL;
}

// Whether `target`, by whatever it waits for, waits for `caller`. It ends, because no call was ever
// let in that closed a circle.
static bool waits_for(const struct shard *shard, struct actor *target, const struct actor *caller) {
    while (target != NULL && target != caller) target = await_target(shard, target);
    return target != NULL;
}

static void append_text(char *text, size_t *bytes, const char *more) {
    int room = (int)(CHAIN_TEXT_BYTES - *bytes);
    int wrote = snprintf(text + *bytes, (size_t)room, "%s", more);
    *bytes += (size_t)(wrote < room ? wrote : room - 1);
}

static void append_name(char *text, size_t *bytes, const struct actor *actor) {
    char         name[NAME_BYTES_MAX + 1];
    struct slice given = actor_name(actor);
    if (given.bytes > 0) {
        snprintf(name, sizeof name, "%.*s", (int)given.bytes, (const char *)given.data);
    } else {
        snprintf(name, sizeof name, "@%llu", (unsigned long long)actor_id(actor));
    }
    append_text(text, bytes, name);
}

// "a -> b -> a"
static void describe_circle(const struct shard *shard, const struct actor *caller,
                            struct actor *target, char text[static CHAIN_TEXT_BYTES]) {
    size_t bytes = 0;
    append_name(text, &bytes, caller);
    for (const struct actor *at = target; at != caller; at = await_target(shard, at)) {
        append_text(text, &bytes, " -> ");
        // What must fit behind it: " -> ... -> " and the caller's name.
        if (bytes + actor_name(at).bytes + caller->name_bytes + 24 > CHAIN_TEXT_BYTES) {
            append_text(text, &bytes, "...");
            break;
        }
        append_name(text, &bytes, at);
    }
    append_text(text, &bytes, " -> ");
    append_name(text, &bytes, caller);
}

// --- the call ---

enum status await_prepare(struct shard *shard, struct actor *actor) {
    struct await *await = actor->extra->await;
    if (await != NULL && await->serial != 0) return STATUS_INVALID;
    if (await == NULL) {
        struct actor_extra *extra = actor_extra(actor);
        await = extra == NULL ? NULL : calloc(1, sizeof *await);
        if (await == NULL) return STATUS_NO_MEMORY;
        await->deadline.kind = TIMER_AWAIT;
        await->slot = actor->slot;
        extra->await = await;
    }
    if (await->spare == NULL) {
        await->spare = error_message(shard, STATUS_NO_MEMORY, (struct slice){0});
    }
    if (await->spare == NULL) return STATUS_NO_MEMORY;
    // Only to be sure of its place in the heap; the time comes when the call begins.
    return heap_arm(&shard->timers, &await->deadline, UINT64_MAX);
}

static void fail(struct shard *shard, struct caller caller, enum status status,
                 struct slice reason) {
    struct failure failure = {.status = status, .reason = reason};
    struct answer  answer = {.kind = ANSWER_ERROR, .failure = &failure};
    await_answer(shard, caller, &answer);
}

static void refuse_circle(struct shard *shard, struct caller caller, const struct actor *actor,
                          struct actor *target) {
    if (target == actor) {
        uint8_t room[REASON_TEXT_BYTES];
        fail(shard, caller, STATUS_DEADLOCK, reason_text(room, "calling_self"));
        return;
    }
    char                 text[CHAIN_TEXT_BYTES], quoted[CHAIN_TEXT_BYTES * 4 + 3];
    struct peeper_writer writer = {0};
    describe_circle(shard, actor, target, text);
    peeper_write_string(&writer, text);
    struct peeper_value value = peeper_writer_value(&writer);
    LOG_WARN("call.deadlock", "circle=%s",
             log_quote(quoted, sizeof quoted, text, (uint32_t)strlen(text)));
    fail(shard, caller, STATUS_DEADLOCK,
         peeper_writer_done(&writer) ? slice_of(value.data, value.bytes) : (struct slice){0});
    peeper_writer_fini(&writer);
}

void await_begin(struct shard *shard, struct actor *actor, struct slice name, uint64_t limit_ms,
                 struct slice message) {
    struct await *await = actor->extra->await;
    uint32_t      limit = limit_ms == 0 ? DEADLINE_MS_DEFAULT : (uint32_t)limit_ms;
    CHECK(await != NULL);
    CHECK(timer_armed(&await->deadline));
    await->serial = ++shard->await_serial;
    struct caller caller = {CALLER_ACTOR, actor->slot + 1, await->serial};
    enum status   status = heap_arm(&shard->timers, &await->deadline, shard->now_ms + limit);
    CHECK(status == STATUS_OK);
    router_hold(shard, actor, HELD_AWAITING | HELD_SINGLE);

    struct actor *target = actor_by_name(&shard->actors, name);
    if (target == NULL || target->life == ACTOR_ENDED) {
        fail(shard, caller, STATUS_NOPROC, reason_noproc());
        return;
    }
    if (waits_for(shard, target, actor)) {
        refuse_circle(shard, caller, actor, target);
        return;
    }
    await->target_slot = target->slot;
    await->target_unit = target->unit;
    status = router_deliver(shard, target, TURN_CALL, caller, limit, message, false);
    if (status != STATUS_OK) fail(shard, caller, status, (struct slice){0});
}

// --- its end ---

static void deliver(struct shard *shard, struct actor *actor, struct envelope *envelope) {
    struct await *await = actor->extra->await;
    if (envelope == NULL) {
        envelope = await->spare;
        await->spare = NULL;
    }
    heap_cancel(&shard->timers, &await->deadline);
    heap_cancel(&shard->timers, &actor->idle); // as by any message
    await->serial = 0;
    actor->held = actor->held & ~(unsigned)HELD_AWAITING & 7u;
    router_enqueue_first(shard, actor, envelope);
}

void await_answer(struct shard *shard, struct caller caller, const struct answer *answer) {
    if (caller.generation == 0) return;
    struct actor *actor = actor_at(&shard->actors, caller.generation - 1);
    if (actor == NULL || actor->extra->await == NULL ||
        actor->extra->await->serial != caller.request)
        return;
    deliver(shard, actor, answer_message(shard, answer));
}

void await_expired(struct shard *shard, struct await *await) {
    struct actor *actor = actor_at(&shard->actors, await->slot);
    CHECK(actor != NULL);
    if (await->serial == 0) return;
    shard->metrics.timeouts++;
    deliver(shard, actor, error_message(shard, STATUS_TIMEOUT, (struct slice){0}));
}

void await_over(struct shard *shard, struct actor *actor) {
    struct await *await = actor->extra->await;
    if (await == NULL) return;
    heap_cancel(&shard->timers, &await->deadline);
    free(await->spare);
    free(await);
    actor_extra(actor)->await = NULL;
}
