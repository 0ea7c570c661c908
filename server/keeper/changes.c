#include "keeper/changes.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

void changes_init(struct changes *changes, size_t bytes_max, void (*on_wake)(void *),
                  void *context) {
    *changes = (struct changes){.on_wake = on_wake, .context = context, .bytes_max = bytes_max};
    pthread_mutex_init(&changes->lock, NULL);
    list_init(&changes->items);
}

void changes_fini(struct changes *changes) {
    for (struct list *link; (link = list_pop(&changes->items)) != NULL;) {
        struct change_item *item = LIST_ENTRY(link, struct change_item, link);
        CHECK(item->kind != CHANGE_HISTORY);
        free(LIST_ENTRY(item, struct change_event, item));
    }
    pthread_mutex_destroy(&changes->lock);
}

static struct slice copy(uint8_t **at, struct slice from) {
    uint8_t *to = *at;
    if (from.bytes > 0) memcpy(to, from.data, from.bytes);
    *at += from.bytes;
    return slice_of(to, from.bytes);
}

static enum change_kind kind_of(const struct mirror_change *change) {
    if (change->kind == MIRROR_CHANGED) return CHANGE_STATE;
    return change->kind == MIRROR_ENDED ? CHANGE_END : CHANGE_STOP;
}

// NULL when memory ran out.
static struct change_event *event_of(const struct mirror_change *change, enum change_kind kind,
                                     bool bare) {
    struct slice         state = bare ? (struct slice){0} : change->state;
    struct slice         old = bare || !change->has_old ? (struct slice){0} : change->old;
    struct change_event *event =
        malloc(sizeof *event + change->name.bytes + state.bytes + old.bytes + change->reason.bytes);
    if (event == NULL) return NULL;
    *event = (struct change_event){
        .item.kind = kind,
        .slot = change->slot,
        .unit = change->unit,
        .incarnation = change->incarnation,
        .first = change->version,
        .version = change->version,
        .at_ms = change->at_ms,
        .has_state = change->has_state && !bare,
        .has_old = change->has_old && !bare,
    };
    uint8_t *at = event->data;
    event->name = copy(&at, change->name);
    event->state = copy(&at, state);
    event->old = copy(&at, old);
    event->reason = copy(&at, change->reason);
    return event;
}

// --- under the lock ---

static struct change_event **bucket_of(struct changes *changes, uint64_t unit) {
    return &changes->lost[unit % CHANGES_LOST_BUCKETS];
}

static void append(struct changes *changes, struct change_event *event) {
    list_push(&changes->items, &event->item.link);
    changes->bytes += change_event_bytes(event);
}

static void note_lost(struct changes *changes, const struct mirror_change *change) {
    struct change_event **bucket = bucket_of(changes, change->unit);
    for (struct change_event *event = *bucket; event != NULL; event = event->chain) {
        if (event->unit != change->unit) continue;
        event->version = change->version;
        return;
    }
    struct change_event *event =
        changes->lost_count < CHANGES_LOST_MAX ? event_of(change, CHANGE_LOST, true) : NULL;
    if (event == NULL) {
        changes->blind = true;
        return;
    }
    event->chain = *bucket;
    *bucket = event;
    changes->lost_count++;
    append(changes, event);
}

static void enter(struct changes *changes, const struct mirror_change *change,
                  struct change_event *event) {
    bool end = change->kind != MIRROR_CHANGED;
    if (event == NULL) changes->full = true;
    if (changes->bytes > 0 && event != NULL &&
        changes->bytes + change_event_bytes(event) > changes->bytes_max) {
        changes->full = true;
    }
    if (!changes->full) {
        append(changes, event);
        return;
    }
    free(event);
    if (!end) {
        note_lost(changes, change);
        return;
    }
    // Every actor ends once, and few do while the net thread, which ends them, is elsewhere.
    event = event_of(change, kind_of(change), true);
    if (event == NULL) {
        changes->blind = true;
    } else {
        append(changes, event);
    }
}

// --- in and out ---

void changes_push(struct changes *changes, const struct mirror_change *change) {
    struct change_event *event = event_of(change, kind_of(change), false);
    pthread_mutex_lock(&changes->lock);
    bool was_empty = list_empty(&changes->items) && !changes->blind;
    enter(changes, change, event);
    pthread_mutex_unlock(&changes->lock);
    if (was_empty) changes->on_wake(changes->context);
}

static struct change_event *step_event(const struct change_step *step) {
    struct change_event *event = malloc(sizeof *event + step->name.bytes);
    if (event == NULL) return NULL;
    *event = (struct change_event){
        .item.kind = CHANGE_STEP,
        .slot = step->slot,
        .unit = step->unit,
        .version = step->info.from,
        .older = step->info.to,
        .at_ms = step->info.at_ms,
    };
    uint8_t *at = event->data;
    event->name = copy(&at, step->name);
    return event;
}

void changes_step(struct changes *changes, const struct change_step *step) {
    struct change_event *event = step_event(step);
    pthread_mutex_lock(&changes->lock);
    bool was_empty = list_empty(&changes->items) && !changes->blind;
    bool full = changes->full || changes->bytes > changes->bytes_max;
    if (event == NULL || (full && changes->lost_count >= CHANGES_LOST_MAX)) {
        free(event);
        changes->blind = true;
    } else {
        changes->lost_count += full;
        append(changes, event);
    }
    pthread_mutex_unlock(&changes->lock);
    if (was_empty) changes->on_wake(changes->context);
}

void changes_answer(struct changes *changes, struct change_item *item) {
    item->kind = CHANGE_HISTORY;
    pthread_mutex_lock(&changes->lock);
    bool was_empty = list_empty(&changes->items) && !changes->blind;
    list_push(&changes->items, &item->link);
    pthread_mutex_unlock(&changes->lock);
    if (was_empty) changes->on_wake(changes->context);
}

bool changes_drain(struct changes *changes, struct list *into) {
    pthread_mutex_lock(&changes->lock);
    bool blind = changes->blind;
    list_splice(into, &changes->items);
    if (changes->lost_count > 0) memset(changes->lost, 0, sizeof changes->lost);
    changes->lost_count = 0;
    changes->bytes = 0;
    changes->full = changes->blind = false;
    pthread_mutex_unlock(&changes->lock);
    return blind;
}
