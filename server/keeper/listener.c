#include "keeper/listener.h"

#include "keeper/router.h"
#include "keeper/shard.h"
#include "keeper/streams.h"

#include <peeper/value.h>
#include <stdlib.h>
#include <string.h>

static struct listening **place_of(const struct listeners *listeners, uint64_t unit) {
    uint64_t hash = unit * 0x9e3779b97f4a7c15u;
    return (struct listening **)&listeners->buckets[(hash >> 32) % LISTENER_BUCKETS];
}

static struct listening *find(const struct listeners *listeners, uint64_t unit) {
    if (listeners->count == 0) return NULL;
    struct listening *at = *place_of(listeners, unit);
    while (at != NULL && at->unit != unit) at = at->chain;
    return at;
}

bool listener_has(const struct listeners *listeners, uint64_t unit) {
    return find(listeners, unit) != NULL;
}

enum status listener_attach(struct shard *shard, struct actor *actor, struct slice name) {
    struct listening *listening = malloc(sizeof *listening + name.bytes);
    if (listening == NULL) return STATUS_NO_MEMORY;
    struct listening **place = place_of(&shard->listeners, actor->unit);
    *listening =
        (struct listening){.chain = *place, .unit = actor->unit, .name_bytes = (uint8_t)name.bytes};
    memcpy(listening->name, name.data, name.bytes);
    *place = listening;
    shard->listeners.count++;
    shard->streams.old_count++;
    return STATUS_OK;
}

void listener_forget(struct shard *shard, uint64_t unit) {
    struct listeners *listeners = &shard->listeners;
    struct listening *gone = find(listeners, unit);
    if (gone == NULL) return;
    struct listening **place = place_of(listeners, unit);
    while (*place != gone) place = &(*place)->chain;
    *place = gone->chain;
    listeners->count--;
    shard->streams.old_count--;
    free(gone);
}

void listeners_fini(struct listeners *listeners) {
    for (uint32_t i = 0; i < LISTENER_BUCKETS; i++) {
        for (struct listening *at = listeners->buckets[i], *next; at != NULL; at = next) {
            next = at->chain;
            free(at);
        }
    }
    *listeners = (struct listeners){0};
}

void listener_begun(struct shard *shard, const struct actor *actor) {
    struct listening *listening = find(&shard->listeners, actor->unit);
    if (listening != NULL) listening->terminated = false;
}

void listener_terminated(struct shard *shard, struct actor *actor, struct slice reason) {
    struct listening *listening = find(&shard->listeners, actor->unit);
    if (listening == NULL || listening->terminated || actor->life == ACTOR_STARTING) return;
    listening->terminated = true;
    streams_incarnation_over(shard, actor, reason);
}

// --- what it is told ---

// A behaviour may have an encoding of its own; null stands for what is not there.
static void write_state(struct peeper_writer *writer, struct slice state, bool there, bool bytes) {
    struct peeper_value value = {state.data, state.bytes};
    if (!there) {
        peeper_write_null(writer);
    } else if (bytes || !peeper_value_check(value)) {
        peeper_write_bytes(writer, state.data, state.bytes);
    } else {
        peeper_write_value(writer, value);
    }
}

static void write_event(struct peeper_writer *writer, const struct change_event *event,
                        bool bytes) {
    bool changed = event->item.kind == CHANGE_STATE;
    peeper_write_list(writer);
    peeper_write_string(writer, changed ? "CHANGED" : "TERMINATED");
    peeper_write_string_n(writer, (const char *)event->name.data, event->name.bytes);
    if (changed) {
        peeper_write_int(writer, (int64_t)event->version);
        write_state(writer, event->old, event->has_old, bytes);
    } else {
        write_state(writer, event->reason, true, false);
    }
    write_state(writer, event->state, event->has_state, bytes);
    peeper_write_end(writer);
}

static enum status send(struct shard *shard, struct actor *listener,
                        const struct change_event *event) {
    struct peeper_writer writer = {0};
    write_event(&writer, event, false);
    if (!peeper_writer_done(&writer)) {
        // In the message it would nest too deep.
        peeper_writer_reset(&writer);
        write_event(&writer, event, true);
    }
    enum status         status = STATUS_NO_MEMORY;
    struct peeper_value value = peeper_writer_value(&writer);
    if (peeper_writer_done(&writer)) {
        status = router_deliver(shard, listener, TURN_INFO, CALLER_NOBODY, 0,
                                slice_of(value.data, value.bytes), false);
    }
    peeper_writer_fini(&writer);
    return status;
}

static struct actor *listener_of(struct shard *shard, const struct listening *listening) {
    struct slice  name = slice_of(listening->name, listening->name_bytes);
    struct actor *actor = actor_by_name(&shard->actors, name);
    bool          there = actor != NULL && actor->life != ACTOR_ENDED && actor->supervisor == NULL;
    return there ? actor : NULL;
}

bool listener_tell(struct shard *shard, const struct change_event *event) {
    struct listening *listening = find(&shard->listeners, event->unit);
    if (listening == NULL) return false;
    bool          end = event->item.kind == CHANGE_END;
    struct actor *listener = listener_of(shard, listening);
    bool          lost = event->item.kind == CHANGE_LOST;
    if (!end || !listening->terminated) {
        bool     told = !lost && listener != NULL && send(shard, listener, event) == STATUS_OK;
        uint64_t drops = told ? 0 : lost ? event->version - event->first + 1 : 1;
        for (; drops > 0; drops--) stream_count_drop(shard, event->slot, event->unit);
    }
    if (end) listener_forget(shard, event->unit);
    return true;
}
