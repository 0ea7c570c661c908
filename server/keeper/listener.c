#include "keeper/listener.h"

#include "base/log.h"
#include "keeper/router.h"
#include "keeper/shard.h"
#include "keeper/streams.h"

#include <peeper/value.h>
#include <stdlib.h>
#include <string.h>

// --- the table ---

static struct listening *first_of(const struct listeners *listeners, uint32_t slot) {
    uint32_t segment = slot / LISTENER_SEGMENT;
    if (segment >= listeners->segment_count || listeners->segments[segment] == NULL) return NULL;
    return listeners->segments[segment][slot % LISTENER_SEGMENT];
}

static struct listening *find(const struct listeners *listeners, uint32_t slot, uint64_t unit) {
    if (listeners->count == 0) return NULL;
    struct listening *at = first_of(listeners, slot);
    while (at != NULL && at->unit != unit) at = at->chain;
    return at;
}

static struct listening *find_actor(const struct listeners *listeners, const struct actor *actor) {
    return find(listeners, actor->slot, actor->unit);
}

// The place of a slot; NULL if memory ran out.
static struct listening **make_place(struct listeners *listeners, uint32_t slot) {
    uint32_t segment = slot / LISTENER_SEGMENT;
    if (segment >= listeners->segment_count) {
        struct listening ***segments =
            realloc(listeners->segments, (segment + 1) * sizeof *listeners->segments);
        if (segments == NULL) return NULL;
        for (uint32_t i = listeners->segment_count; i <= segment; i++) segments[i] = NULL;
        listeners->segments = segments;
        listeners->segment_count = segment + 1;
    }
    struct listening **places = listeners->segments[segment];
    if (places == NULL) {
        places = calloc(LISTENER_SEGMENT, sizeof(struct listening *));
        listeners->segments[segment] = places;
    }
    return places == NULL ? NULL : &places[slot % LISTENER_SEGMENT];
}

static bool hears_changes(const struct listening *listening) {
    return listening->name_bytes > 0 || (listening->hooks & CALLBACK_CHANGED) != 0;
}

static uint16_t hooks_of(const struct shard *shard, const struct actor *actor) {
    // Without a set of code, as in tests, there is nothing that could run them.
    if (shard->pools[actor->pool].code == NULL) return 0;
    return shard_behaviour(shard, actor)->callbacks & CALLBACK_HOOKS;
}

// --- units ---

static struct code_set *hold(struct code_set *code) {
    return code == NULL ? NULL : code_set_hold(code);
}

static enum status begin(struct shard *shard, const struct actor *actor, struct slice name,
                         uint16_t hooks) {
    struct listening *listening = malloc(sizeof *listening + name.bytes);
    if (listening == NULL) return STATUS_NO_MEMORY;
    struct listening **place = make_place(&shard->listeners, actor->slot);
    if (place == NULL) {
        free(listening);
        return STATUS_NO_MEMORY;
    }
    *listening = (struct listening){
        .chain = *place,
        .code = hold(shard->pools[actor->pool].code),
        .unit = actor->unit,
        .incarnation = actor_id(actor),
        .slot = actor->slot,
        .behaviour = actor->behaviour,
        .hooks = hooks,
        .name_bytes = (uint8_t)name.bytes,
    };
    if (name.bytes > 0) memcpy(listening->name, name.data, name.bytes);
    *place = listening;
    shard->listeners.count++;
    shard->streams.old_count += hears_changes(listening);
    return STATUS_OK;
}

enum status listener_attach(struct shard *shard, struct actor *actor, struct slice name) {
    uint16_t hooks = hooks_of(shard, actor);
    return name.bytes == 0 && hooks == 0 ? STATUS_OK : begin(shard, actor, name, hooks);
}

bool listener_has(const struct listeners *listeners, const struct actor *actor) {
    return find_actor(listeners, actor) != NULL;
}

bool listener_hears_changes(const struct shard *shard, const struct actor *actor) {
    const struct listening *listening = find_actor(&shard->listeners, actor);
    return listening != NULL && hears_changes(listening);
}

static void free_listening(struct listening *listening) {
    code_set_release(listening->code);
    free(listening);
}

static void forget(struct shard *shard, struct listening *gone) {
    struct listening **place = make_place(&shard->listeners, gone->slot);
    while (*place != gone) place = &(*place)->chain;
    *place = gone->chain;
    shard->listeners.count--;
    shard->streams.old_count -= hears_changes(gone);
    hooks_over(gone);
    free_listening(gone);
}

void listener_forget(struct shard *shard, const struct actor *actor) {
    struct listening *listening = find_actor(&shard->listeners, actor);
    if (listening != NULL) forget(shard, listening);
}

void listeners_fini(struct listeners *listeners) {
    for (uint32_t slot = 0; slot < listeners->segment_count * LISTENER_SEGMENT; slot++) {
        for (struct listening *at = first_of(listeners, slot), *next; at != NULL; at = next) {
            next = at->chain;
            free_listening(at);
        }
    }
    for (uint32_t i = 0; i < listeners->segment_count; i++) free(listeners->segments[i]);
    free(listeners->segments);
    *listeners = (struct listeners){0};
}

void listener_begun(struct shard *shard, const struct actor *actor) {
    struct listening *listening = find_actor(&shard->listeners, actor);
    if (listening == NULL) return;
    listening->terminated = false;
    listening->incarnation = actor_id(actor);
}

void listener_terminated(struct shard *shard, struct actor *actor, struct slice reason) {
    struct listening *listening = find_actor(&shard->listeners, actor);
    if (listening == NULL || listening->terminated || actor->life == ACTOR_STARTING) return;
    listening->terminated = true;
    streams_incarnation_over(shard, actor, reason);
}

static void change_hooks(struct shard *shard, struct listening *listening, struct code_set *code,
                         uint16_t hooks) {
    struct code_set *before = listening->code;
    listening->code = hold(code);
    code_set_release(before);
    shard->streams.old_count -= hears_changes(listening);
    listening->hooks = hooks;
    shard->streams.old_count += hears_changes(listening);
    hooks_moved(shard, listening);
}

// Once it was listened to it is so to the end, with nobody to hear if need be: what waits for its
// callbacks stays in order.
void listener_moved(struct shard *shard, struct actor *actor) {
    uint16_t          hooks = hooks_of(shard, actor);
    struct listening *listening = find_actor(&shard->listeners, actor);
    if (listening == NULL && hooks == 0) return;
    if (listening != NULL) {
        change_hooks(shard, listening, shard_pool(shard, actor)->code, hooks);
    } else if (begin(shard, actor, (struct slice){0}, hooks) != STATUS_OK) {
        LOG_ERROR("listener.unattached", "slot=%u status=NO_MEMORY", actor->slot);
    }
    streams_mark(shard, actor);
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

static void tell_actor(struct shard *shard, const struct listening *listening,
                       const struct change_event *event) {
    struct actor *listener = listener_of(shard, listening);
    bool          told = listener != NULL && send(shard, listener, event) == STATUS_OK;
    if (!told) stream_count_drop(shard, event->slot, event->unit);
}

static void tell(struct shard *shard, struct listening *listening,
                 const struct change_event *event) {
    uint16_t hook = event->item.kind == CHANGE_STATE ? CALLBACK_CHANGED : CALLBACK_ENDED;
    if (listening->name_bytes > 0) tell_actor(shard, listening, event);
    if (listening->hooks & hook) hooks_push(shard, listening, event);
}

bool listener_tell(struct shard *shard, const struct change_event *event) {
    struct listening *listening = find(&shard->listeners, event->slot, event->unit);
    if (listening == NULL) return false;
    bool     end = event->item.kind == CHANGE_END;
    bool     lost = event->item.kind == CHANGE_LOST;
    bool     hears = hears_changes(listening);
    uint64_t drops = lost && hears ? event->version - event->first + 1 : 0;
    for (; drops > 0; drops--) stream_count_drop(shard, event->slot, event->unit);
    if (!lost && !(end && listening->terminated)) tell(shard, listening, event);
    if (end) forget(shard, listening);
    return hears;
}
