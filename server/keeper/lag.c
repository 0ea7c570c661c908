#include "keeper/lag.h"

#include "base/check.h"
#include "keeper/router.h"
#include "keeper/step_back.h"

#include <stdlib.h>
#include <string.h>

enum lag_state {
    LAG_WAITS, // for room at the client
    LAG_WANTS, // to ask the mirror
    LAG_ASKED,
};

struct lag {
    struct change_item    item; // of the answer
    struct mirror_history history;
    struct changes       *changes;
    struct list           of_viewer;
    struct list           wanting;
    struct lag           *chain;
    struct stream        *stream; // NULL: nobody wants the answer any more
    uint64_t              first;  // version that was not told
    uint64_t              last;   // known to exist; < first: none is
    enum lag_state        state;
    struct step_info      step;   // the last step back; to == 0: there was none
    uint64_t              missed; // steps before that one
    bool                  ended;
    uint8_t              *reason; // owned; of the end
    size_t                reason_bytes;
    uint8_t               name_bytes;
    uint8_t               name[NAME_BYTES_MAX];
};

static struct lag **bucket_of(const struct streams *streams, uint64_t ref, uint64_t unit) {
    uint64_t hash = (ref * 0x9e3779b97f4a7c15u ^ unit) * 0xff51afd7ed558ccdu;
    return (struct lag **)&streams->lags[(hash >> 32) % STREAM_LAG_BUCKETS];
}

struct lag *lag_find(const struct streams *streams, const struct stream *stream, uint64_t unit) {
    struct lag *lag = *bucket_of(streams, stream->ref, unit);
    while (lag != NULL && (lag->stream != stream || lag->history.unit != unit)) lag = lag->chain;
    return lag;
}

static void lag_free(struct lag *lag) {
    free(lag->reason);
    free(lag);
}

// Out of all lists; freed unless the mirror has it.
static void drop(struct shard *shard, struct lag *lag) {
    struct streams *streams = &shard->streams;
    struct lag    **place = bucket_of(streams, lag->stream->ref, lag->history.unit);
    while (*place != lag) place = &(*place)->chain;
    *place = lag->chain;
    list_remove(&lag->of_viewer);
    list_remove(&lag->wanting);
    lag->stream->viewer->lag_count--;
    streams->lag_count--;
    lag->stream = NULL;
    if (lag->state != LAG_ASKED) lag_free(lag);
}

void lag_drop_all(struct shard *shard, struct stream *stream) {
    struct list *lags = &stream->viewer->lags;
    for (struct list *link = lags->next, *next; link != lags; link = next) {
        struct lag *lag = LIST_ENTRY(link, struct lag, of_viewer);
        next = link->next;
        if (lag->stream == stream) drop(shard, lag);
    }
}

static void want(struct shard *shard, struct lag *lag) {
    lag->state = LAG_WANTS;
    list_remove(&lag->wanting);
    list_push(&shard->streams.wanting, &lag->wanting);
    shard->streams.due = true;
}

static void on_history(struct mirror_history *history) {
    struct lag *lag = LIST_ENTRY(history, struct lag, history);
    changes_answer(lag->changes, &lag->item);
}

static enum status create(struct shard *shard, struct stream *stream, uint32_t slot, uint64_t unit,
                          struct slice name, struct lag **ret_lag) {
    struct streams *streams = &shard->streams;
    struct viewer  *viewer = stream->viewer;
    if (streams->lag_count >= LAGS_MAX || viewer->lag_count >= LAGS_PER_VIEWER_MAX) {
        return STATUS_OVERLOADED;
    }
    struct lag *lag = calloc(1, sizeof *lag);
    if (lag == NULL) return STATUS_NO_MEMORY;
    lag->changes = &shard->changes;
    lag->stream = stream;
    lag->history.slot = slot;
    lag->history.unit = unit;
    lag->name_bytes = (uint8_t)name.bytes;
    if (name.bytes > 0) memcpy(lag->name, name.data, name.bytes);
    list_init(&lag->wanting);
    list_push(&viewer->lags, &lag->of_viewer);
    struct lag **bucket = bucket_of(streams, stream->ref, unit);
    lag->chain = *bucket;
    *bucket = lag;
    viewer->lag_count++;
    streams->lag_count++;
    *ret_lag = lag;
    return STATUS_OK;
}

static void note_end(struct lag *lag, const struct change_event *event) {
    lag->ended = true;
    free(lag->reason);
    lag->reason_bytes = event->reason.bytes;
    lag->reason = malloc(event->reason.bytes + 1);
    if (lag->reason == NULL) {
        lag->reason_bytes = 0;
    } else if (event->reason.bytes > 0) {
        memcpy(lag->reason, event->reason.data, event->reason.bytes);
    }
}

static void note_step(struct lag *lag, const struct step_info *step) {
    if (lag->step.to != 0) lag->missed++;
    lag->step = *step;
}

void lag_note(struct shard *shard, struct stream *stream, struct lag *lag,
              const struct change_event *event) {
    bool end = event->item.kind == CHANGE_END, step = event->item.kind == CHANGE_STEP;
    if (lag == NULL) {
        if (create(shard, stream, event->slot, event->unit, event->name, &lag) != STATUS_OK) {
            stream->blind = true;
            stream_count_drop(shard, event->slot, event->unit);
            return;
        }
        lag->first = end || step ? event->version + 1 : event->first;
        // Of what the queue had no room for, somebody who has room is told at once.
        if (!stream->viewer->crowded) want(shard, lag);
    }
    stream_count_drop(shard, event->slot, event->unit);
    if (!end && !step && event->version > lag->last) lag->last = event->version;
    if (end) note_end(lag, event);
    if (step) {
        note_step(lag, &(struct step_info){event->version, event->older, event->at_ms});
    }
}

enum status lag_resume(struct shard *shard, struct stream *stream, const struct actor *actor,
                       uint64_t from) {
    struct lag *lag;
    enum status status = create(shard, stream, actor->slot, actor->unit, actor_name(actor), &lag);
    if (status != STATUS_OK) return status;
    lag->first = from;
    // Whoever was away may not know that the newest is not what the actor has.
    if (step_back_version(actor) != 0) lag->step = step_back_info(actor);
    want(shard, lag);
    return STATUS_OK;
}

void lag_room(struct shard *shard, struct viewer *viewer) {
    for (struct list *link = viewer->lags.next; link != &viewer->lags; link = link->next) {
        struct lag *lag = LIST_ENTRY(link, struct lag, of_viewer);
        if (lag->state == LAG_WAITS) want(shard, lag);
    }
}

void lag_ask(struct shard *shard) {
    struct streams *streams = &shard->streams;
    while (!list_empty(&streams->wanting) && shard->loads < SHARD_LOADS_MAX) {
        struct lag *lag = LIST_ENTRY(streams->wanting.next, struct lag, wanting);
        lag->history = (struct mirror_history){
            .slot = lag->history.slot,
            .unit = lag->history.unit,
            .from = lag->first,
            .bytes_max = LAG_BYTES_MAX,
            .on_done = on_history,
        };
        if (mirror_history(shard->mirror, &lag->history) != STATUS_OK) return;
        list_remove(&lag->wanting);
        lag->state = LAG_ASKED;
        shard->loads++;
    }
}

// --- the answer ---

static enum status push(struct shard *shard, const struct lag *lag, struct push *what) {
    what->name = slice_of(lag->name, lag->name_bytes);
    what->unit = lag->history.unit;
    return stream_push(shard, lag->stream, what);
}

// Says that all before `next` is lost, where something is.
static enum status tell_gap(struct shard *shard, struct lag *lag, uint64_t next) {
    if (lag->first >= next) return STATUS_OK;
    struct push gap = {.kind = PUSH_GAP, .first = lag->first, .version = next - 1};
    enum status status = push(shard, lag, &gap);
    if (status == STATUS_OK) lag->first = next;
    return status;
}

// Says what belongs before version `next` and is no state: what is lost, and the step back, which
// stands behind the version that was left.
static enum status tell_before(struct shard *shard, struct lag *lag, uint64_t next) {
    if (lag->step.to != 0 && lag->step.from < next) {
        enum status status = tell_gap(shard, lag, lag->step.from + 1);
        if (status != STATUS_OK) return status;
        struct push stepped = {.kind = PUSH_STEPPED, .step = lag->step, .missed = lag->missed};
        status = push(shard, lag, &stepped);
        if (status != STATUS_OK) return status;
        lag->step = (struct step_info){0};
        lag->missed = 0;
    }
    return tell_gap(shard, lag, next);
}

static bool same(struct slice a, struct slice b) {
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

static enum status tell_state(struct shard *shard, struct lag *lag,
                              const struct mirror_state *before, const struct mirror_state *state) {
    if (state->version < lag->first) return STATUS_OK;
    enum status status = tell_before(shard, lag, state->version);
    if (status != STATUS_OK) return status;
    if (before == NULL || !same(before->state, state->state)) {
        bool        old = lag->stream->with_old && before != NULL;
        struct push changed = {.kind = PUSH_CHANGED,
                               .version = state->version,
                               .at_ms = state->at_ms,
                               .value = state->state,
                               .has_old = old,
                               .old = old ? before->state : (struct slice){0}};
        status = push(shard, lag, &changed);
    }
    if (status == STATUS_OK) lag->first = state->version + 1;
    return status;
}

static enum status tell(struct shard *shard, struct lag *lag) {
    const struct mirror_history *history = &lag->history;
    enum status                  status = STATUS_OK;
    for (uint32_t i = 0; i < history->count && status == STATUS_OK; i++) {
        status =
            tell_state(shard, lag, i == 0 ? NULL : &history->states[i - 1], &history->states[i]);
    }
    if (status != STATUS_OK) return status;
    if (history->count > 0 && history->states[history->count - 1].version < lag->last) {
        // the queue, which is full, has noted more than there was when it was asked
        want(shard, lag);
        return STATUS_FULL;
    }
    // What the mirror does not have at all any more, of a unit that is gone.
    uint64_t last = lag->step.from > lag->last ? lag->step.from : lag->last;
    status = tell_before(shard, lag, last + 1);
    if (status != STATUS_OK || !lag->ended) return status;
    struct push ended = {.kind = PUSH_ENDED,
                         .version = lag->last,
                         .reason = slice_of(lag->reason, lag->reason_bytes)};
    return push(shard, lag, &ended);
}

// Versions that somebody has seen are those of another unit, or of a server that was started again.
static void check_resume(struct lag *lag) {
    const struct mirror_history *history = &lag->history;
    if (history->count == 0) return;
    const struct mirror_state *newest = &history->states[history->count - 1];
    if (lag->last == 0 && lag->first > newest->version + 1) lag->first = 1;
}

void lag_unanswered(struct change_item *item) {
    struct lag *lag = LIST_ENTRY(item, struct lag, item);
    free(lag->history.data);
    lag_free(lag);
}

void lag_answered(struct shard *shard, struct change_item *item) {
    struct lag *lag = LIST_ENTRY(item, struct lag, item);
    shard->loads--;
    router_feed(shard);
    shard->streams.due = true; // there is room for another question
    lag->state = LAG_WAITS;
    if (lag->stream == NULL) {
        lag_unanswered(item);
        return;
    }
    check_resume(lag);
    enum status status = tell(shard, lag);
    free(lag->history.data);
    lag->history.data = NULL;
    lag->history.count = 0;
    if (status != STATUS_FULL) drop(shard, lag);
}
