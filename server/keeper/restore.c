#include "keeper/restore.h"

#include "base/check.h"
#include "keeper/requests.h"
#include "keeper/router.h"
#include "keeper/start.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

// A restore that waits for the mirror.
struct restore {
    struct shard_message   message;
    struct mirror_read     read;
    struct generation_info generations[GENERATIONS_KEPT_MAX];
    struct shard          *shard; // borrowed
    struct caller          caller;
    uint64_t               begun_ms;
    uint32_t               limit_ms;
};

const char *restore_versions_text(char                          room[RESTORE_TEXT_BYTES],
                                  const struct generation_info *generations, uint32_t count) {
    if (count == 0) return "no state was committed yet";
    int at = snprintf(room, RESTORE_TEXT_BYTES, "no such generation; there %s",
                      count == 1 ? "is" : "are");
    for (uint32_t i = 0; i < count; i++) {
        const char *before = i == 0 ? "" : i + 1 == count ? " and" : ",";
        at += snprintf(room + at, RESTORE_TEXT_BYTES - (size_t)at, "%s %" PRIu64, before,
                       generations[i].version);
    }
    return room;
}

static void refuse(struct shard *shard, struct caller caller, enum status status,
                   const char *message) {
    struct failure failure = {.status = status, .message = message};
    shard_answer_error(shard, caller, &failure);
}

static void finish(struct shard *shard, const struct restore *restore) {
    char          room[RESTORE_TEXT_BYTES];
    struct actor *actor = actor_at(&shard->actors, restore->read.slot);
    if (actor == NULL || actor->unit != restore->read.unit || actor->life == ACTOR_ENDED) {
        shard_answer_status(shard, restore->caller, STATUS_NOPROC);
    } else if (restore->read.status == STATUS_NOT_FOUND) {
        refuse(shard, restore->caller, STATUS_NOT_FOUND,
               restore_versions_text(room, restore->generations, restore->read.note_count));
    } else if (restore->read.status != STATUS_OK) {
        shard_answer_status(shard, restore->caller, restore->read.status);
    } else {
        request_replace(shard, restore->caller, actor, restore->begun_ms, restore->limit_ms,
                        slice_of(restore->read.state, restore->read.bytes));
    }
}

static void restore_deliver(struct shard_message *message, struct shard *shard) {
    struct restore *restore = LIST_ENTRY(message, struct restore, message);
    shard->loads--;
    finish(shard, restore);
    free(restore->read.state);
    free(restore);
    router_feed(shard);
}

// Mirror thread.
static void restore_read(struct mirror_read *read) {
    struct restore *restore = LIST_ENTRY(read, struct restore, read);
    CHECK(mailbox_push(&restore->shard->inbox, &restore->message.link) != STATUS_FULL);
}

static void begin(struct shard *shard, struct caller caller, const struct actor *actor,
                  const struct request *request) {
    struct restore *restore = shard->loads < SHARD_LOADS_MAX ? calloc(1, sizeof *restore) : NULL;
    if (restore == NULL) {
        shard_answer_status(shard, caller, STATUS_OVERLOADED);
        return;
    }
    restore->message.deliver = restore_deliver;
    restore->shard = shard;
    restore->caller = caller;
    restore->begun_ms = shard->now_ms;
    restore->limit_ms = start_limit_ms(request->limit_ms);
    restore->read = (struct mirror_read){
        .slot = actor->slot,
        .unit = actor->unit,
        .wanted = request->version,
        .notes = restore->generations,
        .on_done = restore_read,
    };
    if (mirror_read(shard->mirror, &restore->read) != STATUS_OK) {
        free(restore);
        shard_answer_status(shard, caller, STATUS_OVERLOADED);
        return;
    }
    shard->loads++;
}

enum status restore_run(struct shard *shard, struct caller caller, const struct request *request) {
    struct actor *actor = request_target(shard, request);
    if (request->limit_ms > DEADLINE_MS_MAX) {
        refuse(shard, caller, STATUS_INVALID, "timeout_ms: over 3600000");
    } else if (request->version == 0) {
        refuse(shard, caller, STATUS_INVALID, "version: 0 is none");
    } else if (actor == NULL) {
        shard_answer_status(shard, caller, STATUS_NOPROC);
    } else if (actor->supervisor != NULL) {
        refuse(shard, caller, STATUS_INVALID, "a supervisor has no state");
    } else {
        begin(shard, caller, actor, request);
    }
    return STATUS_OK;
}
