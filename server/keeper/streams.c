#include "keeper/streams.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/lag.h"
#include "keeper/life.h"
#include "keeper/reason.h"
#include "keeper/requests.h"
#include "wire/codec.h"

#include <peeper/value.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define BUCKETS_MIN 64u
#define TOLD_BYTES_PER_TURN (256u << 10) // then the loop writes before it tells more
#define SCAN_PER_TURN 8192u              // actors looked at for one prefix

void streams_init(struct streams *streams) {
    *streams = (struct streams){0};
    list_init(&streams->prefixes);
    list_init(&streams->backlog);
    list_init(&streams->roomy);
    list_init(&streams->gone);
    list_init(&streams->scanning);
    list_init(&streams->wanting);
    list_init(&streams->farewells);
}

// --- names ---

static uint64_t hash_of(const struct shard *shard, struct slice name) {
    return XXH3_64bits_withSeed(name.data, name.bytes, shard->actors.seed);
}

static struct slice stream_name(const struct stream *stream) {
    return slice_of(stream->name, stream->name_bytes);
}

static bool begins_with(struct slice name, const struct stream *prefix) {
    return name.bytes >= prefix->name_bytes &&
           memcmp(name.data, prefix->name, prefix->name_bytes) == 0;
}

static struct stream *bucket_first(const struct shard *shard, struct slice name) {
    const struct streams *streams = &shard->streams;
    if (streams->name_count == 0) return NULL;
    return streams->buckets[hash_of(shard, name) & (streams->bucket_count - 1)];
}

static bool is_name(const struct stream *stream, struct slice name) {
    return stream->name_bytes == name.bytes && memcmp(stream->name, name.data, name.bytes) == 0;
}

uint32_t streams_about(const struct shard *shard, struct slice name) {
    uint32_t count = 0;
    if (name.bytes == 0) return 0;
    for (const struct stream *at = bucket_first(shard, name); at != NULL; at = at->chain) {
        count += is_name(at, name);
    }
    const struct list *prefixes = &shard->streams.prefixes;
    for (const struct list *link = prefixes->next; link != prefixes; link = link->next) {
        count += begins_with(name, LIST_ENTRY(link, struct stream, of_prefixes));
    }
    return count;
}

// Without memory the chains get longer.
static void grow(struct shard *shard) {
    struct streams *streams = &shard->streams;
    uint32_t        count = streams->bucket_count == 0 ? BUCKETS_MIN : streams->bucket_count * 2;
    struct stream **buckets = calloc(count, sizeof(struct stream *));
    if (buckets == NULL) return;
    for (uint32_t i = 0; i < streams->bucket_count; i++) {
        for (struct stream *at = streams->buckets[i], *next; at != NULL; at = next) {
            struct stream **place = &buckets[hash_of(shard, stream_name(at)) & (count - 1)];
            next = at->chain;
            at->chain = *place;
            *place = at;
        }
    }
    free(streams->buckets);
    streams->buckets = buckets;
    streams->bucket_count = count;
}

static bool enter_name(struct shard *shard, struct stream *stream) {
    struct streams *streams = &shard->streams;
    if (streams->name_count >= streams->bucket_count) grow(shard);
    if (streams->bucket_count == 0) return false;
    uint64_t        hash = hash_of(shard, stream_name(stream));
    struct stream **place = &streams->buckets[hash & (streams->bucket_count - 1)];
    stream->chain = *place;
    *place = stream;
    streams->name_count++;
    return true;
}

static void leave_name(struct shard *shard, struct stream *stream) {
    struct streams *streams = &shard->streams;
    uint64_t        hash = hash_of(shard, stream_name(stream));
    struct stream **place = &streams->buckets[hash & (streams->bucket_count - 1)];
    while (*place != stream) place = &(*place)->chain;
    *place = stream->chain;
    streams->name_count--;
}

// --- viewers ---

static struct viewer *viewer_of(const struct streams *streams, struct caller client) {
    if (client.conn >= streams->viewer_places) return NULL;
    struct viewer *viewer = streams->viewers[client.conn];
    bool           found = viewer != NULL && viewer->client.generation == client.generation;
    return found ? viewer : NULL;
}

static bool make_place(struct streams *streams, uint32_t conn) {
    if (conn < streams->viewer_places) return true;
    uint32_t places = streams->viewer_places == 0 ? 64 : streams->viewer_places;
    while (places <= conn) places *= 2;
    struct viewer **viewers = realloc(streams->viewers, places * sizeof(struct viewer *));
    if (viewers == NULL) return false;
    for (uint32_t i = streams->viewer_places; i < places; i++) viewers[i] = NULL;
    streams->viewers = viewers;
    streams->viewer_places = places;
    return true;
}

static struct viewer *viewer_make(struct streams *streams, struct caller client) {
    struct viewer *viewer = viewer_of(streams, client);
    if (viewer != NULL) return viewer;
    if (!make_place(streams, client.conn)) return NULL;
    CHECK(streams->viewers[client.conn] == NULL);
    viewer = calloc(1, sizeof *viewer);
    if (viewer == NULL) return NULL;
    viewer->client = (struct caller){client.conn, client.generation, 0};
    list_init(&viewer->streams);
    list_init(&viewer->lags);
    list_init(&viewer->link);
    streams->viewers[client.conn] = viewer;
    return viewer;
}

static void viewer_free_idle(struct streams *streams, struct viewer *viewer) {
    if (viewer->stream_count > 0 || viewer->gone) return;
    CHECK(list_empty(&viewer->lags));
    streams->viewers[viewer->client.conn] = NULL;
    list_remove(&viewer->link);
    free(viewer);
}

// --- streams ---

static struct stream *stream_create(struct shard *shard, struct viewer *viewer,
                                    const struct request *request) {
    struct streams *streams = &shard->streams;
    struct stream  *stream = calloc(1, sizeof *stream + request->name.bytes);
    if (stream == NULL) return NULL;
    stream->viewer = viewer;
    stream->prefix = request->prefix;
    stream->with_old = request->with_old;
    stream->name_bytes = (uint8_t)request->name.bytes;
    if (request->name.bytes > 0) memcpy(stream->name, request->name.data, request->name.bytes);
    list_init(&stream->of_prefixes);
    list_init(&stream->scanning);
    if (!stream->prefix && !enter_name(shard, stream)) {
        free(stream);
        return NULL;
    }
    if (stream->prefix) {
        list_push(&streams->prefixes, &stream->of_prefixes);
        streams->prefix_count++;
    }
    // A client tells its monitors and its watches apart by nothing else.
    stream->ref = tie_ref(&shard->ties);
    streams->old_count += stream->with_old;
    list_push(&viewer->streams, &stream->of_viewer);
    viewer->stream_count++;
    return stream;
}

static void stream_end(struct shard *shard, struct stream *stream) {
    struct streams *streams = &shard->streams;
    lag_drop_all(shard, stream);
    if (stream->prefix) {
        list_remove(&stream->of_prefixes);
        streams->prefix_count--;
    } else {
        leave_name(shard, stream);
    }
    list_remove(&stream->scanning);
    list_remove(&stream->of_viewer);
    stream->viewer->stream_count--;
    streams->old_count -= stream->with_old;
    free(stream);
}

static void end_all(struct shard *shard, struct viewer *viewer) {
    while (!list_empty(&viewer->streams)) {
        stream_end(shard, LIST_ENTRY(viewer->streams.next, struct stream, of_viewer));
    }
}

// Somebody may be in the middle of telling it something.
void streams_client_over(struct shard *shard, struct caller client) {
    struct streams *streams = &shard->streams;
    struct viewer  *viewer = viewer_of(streams, client);
    if (viewer == NULL) return;
    viewer->gone = true;
    streams->viewers[client.conn] = NULL;
    list_remove(&viewer->link);
    list_push(&streams->gone, &viewer->link);
    streams->due = true;
}

void streams_client_room(struct shard *shard, struct caller client) {
    struct viewer *viewer = viewer_of(&shard->streams, client);
    if (viewer == NULL || !viewer->crowded) return;
    viewer->crowded = false;
    list_remove(&viewer->link);
    list_push(&shard->streams.roomy, &viewer->link);
    shard->streams.due = true;
}

// --- verbs ---

static enum status refuse(struct shard *shard, struct caller caller, enum status status,
                          const char *message) {
    struct failure failure = {.status = status, .message = message};
    shard_answer_error(shard, caller, &failure);
    return STATUS_OK;
}

static const char *watch_fault(const struct request *request) {
    if (request->id == 0) return "id: a watch without one could not be told from others";
    if (request->name.bytes > NAME_BYTES_MAX) return "name: over 255 bytes";
    if (!request->prefix && request->name.bytes == 0) return "name: empty";
    if (!request_name_valid(request->name)) return "name: not UTF-8, or has control characters";
    if (request->prefix && request->from_version != 0)
        return "from_version: of one name only; watch the prefix, then list it for newest_version";
    return NULL;
}

static const char *watch_overload(const struct shard *shard, struct caller caller,
                                  const struct request *request) {
    const struct streams *streams = &shard->streams;
    const struct viewer  *viewer = viewer_of(streams, caller);
    if (streams->name_count + streams->prefix_count >= shard->options->watches_max) {
        return "watches_max: the server has no room for another watch";
    }
    if (request->prefix && streams->prefix_count >= shard->options->prefix_watches_max) {
        return "prefix_watches_max: the server watches as many prefixes as it may";
    }
    if (viewer != NULL && viewer->stream_count >= shard->options->connection_watches_max) {
        return "connection_watches_max: this connection watches as much as it may";
    }
    return NULL;
}

static void watch(struct actor *actor) {
    actor->watched = true;
    actor->ends_only = false;
}

void streams_mark(struct shard *shard, struct actor *actor) {
    bool streamed = streams_about(shard, actor_name(actor)) > 0;
    actor->watched = streamed || listener_has(&shard->listeners, actor);
    actor->ends_only = !streamed && actor->watched && !listener_hears_changes(shard, actor);
}

// The unit whose versions the client knows may have ended since.
static uint64_t resume_from(const struct request *request, const struct actor *actor) {
    bool other = request->unit != 0 && request->unit != actor->unit;
    return other ? 1 : request->from_version;
}

static enum status begin(struct shard *shard, struct stream *stream,
                         const struct request *request) {
    if (stream->prefix) {
        list_push(&shard->streams.scanning, &stream->scanning);
        shard->streams.due = true;
        return STATUS_OK;
    }
    struct actor *actor = actor_by_name(&shard->actors, request->name);
    if (actor == NULL || actor->supervisor != NULL) return STATUS_OK;
    if (actor->life != ACTOR_ENDED) watch(actor);
    if (request->from_version == 0) return STATUS_OK;
    return lag_resume(shard, stream, actor, resume_from(request, actor));
}

static void answer_watching(struct shard *shard, struct caller caller, uint64_t ref) {
    struct answer answer = {.kind = ANSWER_WATCHING, .ref = ref};
    shard_answer(shard, caller, &answer);
}

enum status stream_run_watch(struct shard *shard, struct caller caller,
                             const struct request *request) {
    const char *fault = watch_fault(request);
    if (fault != NULL) return refuse(shard, caller, STATUS_INVALID, fault);
    fault = watch_overload(shard, caller, request);
    if (fault != NULL) return refuse(shard, caller, STATUS_OVERLOADED, fault);

    struct viewer *viewer = viewer_make(&shard->streams, caller);
    struct stream *stream = viewer == NULL ? NULL : stream_create(shard, viewer, request);
    enum status    status = STATUS_NO_MEMORY;
    if (stream != NULL) {
        stream->caller = caller;
        status = begin(shard, stream, request);
    }
    if (status == STATUS_OK) {
        if (!stream->prefix) answer_watching(shard, caller, stream->ref);
        return STATUS_OK;
    }
    if (stream != NULL) stream_end(shard, stream);
    if (viewer != NULL) viewer_free_idle(&shard->streams, viewer);
    return refuse(shard, caller, status, NULL);
}

enum status stream_run_unwatch(struct shard *shard, struct caller caller,
                               const struct request *request) {
    struct viewer *viewer = viewer_of(&shard->streams, caller);
    struct list   *streams = viewer == NULL ? NULL : &viewer->streams;
    for (struct list *link = viewer == NULL ? NULL : streams->next; link != streams;
         link = link->next) {
        struct stream *stream = LIST_ENTRY(link, struct stream, of_viewer);
        if (stream->ref != request->ref) continue;
        bool scanning = !list_empty(&stream->scanning);
        if (scanning) answer_watching(shard, stream->caller, stream->ref);
        stream_end(shard, stream);
        viewer_free_idle(&shard->streams, viewer);
        break;
    }
    shard_answer_done(shard, caller);
    return STATUS_OK;
}

// --- telling ---

enum status stream_push(struct shard *shard, const struct stream *stream, struct push *push) {
    struct viewer *viewer = stream->viewer;
    if (viewer->gone) return STATUS_NOPROC;
    push->ref = stream->ref;
    enum status status = shard->port.stream(shard->port.context, viewer->client, push);
    if (status == STATUS_FULL) viewer->crowded = true;
    if (status == STATUS_OK) shard->metrics.events++;
    if (status == STATUS_OK && push->kind == PUSH_GAP) shard->metrics.event_gaps++;
    return status;
}

void stream_count_drop(struct shard *shard, uint32_t slot, uint64_t unit) {
    struct actor *actor = actor_at(&shard->actors, slot);
    shard->metrics.events_dropped++;
    if (actor == NULL || actor->unit != unit) return;
    struct actor_extra *extra = actor_extra(actor);
    if (extra != NULL) extra->events_dropped++;
}

static enum status tell_event(struct shard *shard, const struct stream *stream,
                              const struct change_event *event) {
    static const enum push_kind KINDS[] = {
        [CHANGE_STATE] = PUSH_CHANGED,
        [CHANGE_END] = PUSH_ENDED,
        [CHANGE_STEP] = PUSH_STEPPED,
    };
    bool        old = event->has_old && stream->with_old;
    struct push push = {
        .kind = KINDS[event->item.kind],
        .name = event->name,
        .unit = event->unit,
        .version = event->version,
        .at_ms = event->at_ms,
        .value = event->state,
        .has_old = old,
        .old = old ? event->old : (struct slice){0},
        .reason = event->reason,
        .step = {.from = event->version, .to = event->older, .at_ms = event->at_ms},
    };
    return stream_push(shard, stream, &push);
}

static void tell(struct shard *shard, struct stream *stream, const struct change_event *event) {
    struct lag *lag = NULL;
    if (stream->viewer->gone) return;
    if (stream->viewer->lag_count > 0) lag = lag_find(&shard->streams, stream, event->unit);
    bool live = event->item.kind != CHANGE_LOST && lag == NULL && !stream->viewer->crowded;
    if (live && tell_event(shard, stream, event) != STATUS_FULL) return;
    lag_note(shard, stream, lag, event);
}

// How many streams there are for it.
static uint32_t tell_all(struct shard *shard, const struct change_event *event) {
    bool     heard = shard->listeners.count > 0 && event->item.kind != CHANGE_STEP;
    uint32_t count = heard && listener_tell(shard, event);
    if (event->name.bytes == 0 || event->item.kind == CHANGE_STOP) return count;
    for (struct stream *at = bucket_first(shard, event->name); at != NULL; at = at->chain) {
        if (!is_name(at, event->name)) continue;
        tell(shard, at, event);
        count++;
    }
    struct list *prefixes = &shard->streams.prefixes;
    for (struct list *link = prefixes->next; link != prefixes; link = link->next) {
        struct stream *stream = LIST_ENTRY(link, struct stream, of_prefixes);
        if (!begins_with(event->name, stream)) continue;
        tell(shard, stream, event);
        count++;
    }
    return count;
}

// The last who watched has gone, so its changes need not be told any more.
static void unwatched(struct shard *shard, const struct change_event *event) {
    struct actor *actor = actor_at(&shard->actors, event->slot);
    bool          over = event->item.kind == CHANGE_END || event->item.kind == CHANGE_STOP;
    if (actor == NULL || actor->unit != event->unit || over) return;
    if (actor->life != ACTOR_ENDED) streams_mark(shard, actor);
}

static void run_backlog(struct shard *shard) {
    struct streams *streams = &shard->streams;
    size_t          bytes = 0;
    while (bytes < TOLD_BYTES_PER_TURN) {
        struct list *link = list_pop(&streams->backlog);
        if (link == NULL) break;
        struct change_item *item = LIST_ENTRY(link, struct change_item, link);
        if (item->kind == CHANGE_HISTORY) {
            lag_answered(shard, item);
            continue;
        }
        struct change_event *event = LIST_ENTRY(item, struct change_event, item);
        bytes += change_event_bytes(event);
        if (tell_all(shard, event) == 0) unwatched(shard, event);
        free(event);
    }
    if (!list_empty(&streams->backlog)) streams->due = true;
}

// Every stream may have lost something.
static void all_blind(struct shard *shard) {
    struct streams *streams = &shard->streams;
    for (uint32_t i = 0; i < streams->viewer_places; i++) {
        struct viewer *viewer = streams->viewers[i];
        if (viewer == NULL) continue;
        for (struct list *link = viewer->streams.next; link != &viewer->streams;
             link = link->next) {
            LIST_ENTRY(link, struct stream, of_viewer)->blind = true;
        }
        if (viewer->crowded) continue;
        list_remove(&viewer->link);
        list_push(&streams->roomy, &viewer->link);
    }
    shard->metrics.events_dropped++;
}

void streams_receive(struct shard *shard) {
    struct list *backlog = &shard->streams.backlog;
    if (list_empty(backlog) && changes_drain(&shard->changes, backlog)) {
        all_blind(shard);
    }
    shard->streams.due = true;
}

void streams_stepped_back(struct shard *shard, const struct actor *actor,
                          const struct step_info *info) {
    struct change_step step = {actor->slot, actor->unit, actor_name(actor), *info};
    if (streams_about(shard, step.name) > 0) changes_step(&shard->changes, &step);
}

// --- units that are over ---

struct farewell {
    struct list          link;
    struct mirror_ending ending;
    uint8_t              data[]; // name and reason
};

static struct slice presentable(struct slice reason) {
    if (reason.bytes == 0) return reason_normal();
    if (reason.bytes > MIRROR_REASON_BYTES_MAX) return reason_too_large();
    struct peeper_value value = {reason.data, reason.bytes};
    return peeper_value_check(value) ? reason : reason_malformed();
}

// False without memory; then it is not told.
static bool keep_farewell(struct shard *shard, const struct mirror_ending *ending) {
    struct slice     name = ending->name, reason = ending->reason;
    struct farewell *farewell = malloc(sizeof *farewell + name.bytes + reason.bytes);
    if (farewell == NULL) {
        all_blind(shard);
        return false;
    }
    if (name.bytes > 0) memcpy(farewell->data, name.data, name.bytes);
    if (reason.bytes > 0) memcpy(farewell->data + name.bytes, reason.data, reason.bytes);
    farewell->ending = *ending;
    farewell->ending.name = slice_of(farewell->data, name.bytes);
    farewell->ending.reason = slice_of(farewell->data + name.bytes, reason.bytes);
    list_push(&shard->streams.farewells, &farewell->link);
    return true;
}

// True if the mirror is still to hear of it.
static bool say_farewell(struct shard *shard, const struct actor *actor,
                         enum mirror_change_kind kind, struct slice reason) {
    struct mirror_ending ending = {
        .kind = kind,
        .slot = actor->slot,
        .unit = actor->unit,
        .incarnation = actor_id(actor),
        .name = actor_name(actor),
        .reason = presentable(reason),
    };
    if (list_empty(&shard->streams.farewells) && mirror_end(shard->mirror, &ending) == STATUS_OK) {
        return false;
    }
    return keep_farewell(shard, &ending);
}

void streams_actor_over(struct shard *shard, struct actor *actor, struct slice reason) {
    bool heard = listener_has(&shard->listeners, actor);
    // One that never came up was never there.
    if (actor->life == ACTOR_STARTING) {
        listener_forget(shard, actor);
        actor->watched = false;
    } else if (!heard && streams_about(shard, actor_name(actor)) == 0) {
        actor->watched = false;
    } else {
        actor->watched = say_farewell(shard, actor, MIRROR_ENDED, reason);
    }
}

void streams_incarnation_over(struct shard *shard, struct actor *actor, struct slice reason) {
    (void)say_farewell(shard, actor, MIRROR_STOPPED, reason);
}

static void send_farewells(struct shard *shard) {
    struct list *farewells = &shard->streams.farewells;
    while (!list_empty(farewells)) {
        struct farewell *farewell = LIST_ENTRY(farewells->next, struct farewell, link);
        if (mirror_end(shard->mirror, &farewell->ending) != STATUS_OK) return;
        struct actor *actor = actor_at(&shard->actors, farewell->ending.slot);
        bool          over = farewell->ending.kind == MIRROR_ENDED;
        if (over && actor != NULL && actor->unit == farewell->ending.unit) actor->watched = false;
        list_remove(&farewell->link);
        free(farewell);
    }
}

enum status streams_tell_next(struct shard *shard, const struct actor *actor) {
    // An end that the mirror had no room for comes before whatever follows it. There was a FULL
    // for each that waits, so that room is told of.
    send_farewells(shard);
    if (!list_empty(&shard->streams.farewells)) return STATUS_FULL;
    struct mirror_watched watched = {
        .slot = actor->slot,
        .unit = actor->unit,
        .incarnation = actor_id(actor),
        .name = actor_name(actor),
        .with_old = streams_want_old(&shard->streams),
    };
    return mirror_tell_next(shard->mirror, &watched);
}

void streams_mirror_room(struct shard *shard) {
    send_farewells(shard);
    lag_ask(shard);
}

// --- work that is put off ---

static void bury_viewers(struct shard *shard) {
    for (struct list *link; (link = list_pop(&shard->streams.gone)) != NULL;) {
        struct viewer *viewer = LIST_ENTRY(link, struct viewer, link);
        end_all(shard, viewer);
        free(viewer);
    }
}

static void tell_blind(struct shard *shard, struct viewer *viewer) {
    for (struct list *link = viewer->streams.next; link != &viewer->streams; link = link->next) {
        struct stream *stream = LIST_ENTRY(link, struct stream, of_viewer);
        struct push    gap = {.kind = PUSH_GAP};
        if (!stream->blind) continue;
        if (stream_push(shard, stream, &gap) != STATUS_OK) return;
        stream->blind = false;
    }
}

static void serve_roomy(struct shard *shard) {
    struct list batch;
    list_init(&batch);
    list_splice(&batch, &shard->streams.roomy);
    for (struct list *link; (link = list_pop(&batch)) != NULL;) {
        struct viewer *viewer = LIST_ENTRY(link, struct viewer, link);
        tell_blind(shard, viewer);
        if (!viewer->crowded && !viewer->gone) lag_room(shard, viewer);
    }
}

// A piece of the actor table, for the prefix that waits longest.
static void scan(struct shard *shard) {
    struct streams *streams = &shard->streams;
    if (list_empty(&streams->scanning)) return;
    struct stream *stream = LIST_ENTRY(streams->scanning.next, struct stream, scanning);
    for (uint32_t i = 0; i < SCAN_PER_TURN && stream->scan_slot < shard->actors.used; i++) {
        struct actor *actor = actor_at(&shard->actors, stream->scan_slot++);
        if (actor == NULL || actor->life == ACTOR_ENDED || actor->name_bytes == 0) continue;
        if (actor->supervisor == NULL && begins_with(actor_name(actor), stream)) {
            watch(actor);
        }
    }
    if (stream->scan_slot >= shard->actors.used) {
        list_remove(&stream->scanning);
        answer_watching(shard, stream->caller, stream->ref);
    }
    if (!list_empty(&streams->scanning)) streams->due = true;
}

void streams_work(struct shard *shard) {
    struct streams *streams = &shard->streams;
    streams->due = false;
    bury_viewers(shard);
    serve_roomy(shard);
    run_backlog(shard);
    // What came meanwhile has waited for the rest.
    if (list_empty(&streams->backlog)) {
        if (changes_drain(&shard->changes, &streams->backlog)) all_blind(shard);
        if (!list_empty(&streams->backlog) || !list_empty(&streams->roomy)) streams->due = true;
    }
    scan(shard);
    lag_ask(shard);
}

void streams_fini(struct shard *shard) {
    struct streams *streams = &shard->streams;
    struct list     left;
    list_init(&left);
    for (uint32_t i = 0; i < streams->viewer_places; i++) {
        if (streams->viewers[i] != NULL) streams_client_over(shard, streams->viewers[i]->client);
    }
    bury_viewers(shard);
    (void)changes_drain(&shard->changes, &streams->backlog);
    list_splice(&left, &streams->backlog);
    for (struct list *link; (link = list_pop(&left)) != NULL;) {
        struct change_item *item = LIST_ENTRY(link, struct change_item, link);
        if (item->kind == CHANGE_HISTORY) {
            lag_unanswered(item);
        } else {
            free(LIST_ENTRY(item, struct change_event, item));
        }
    }
    for (struct list *link; (link = list_pop(&streams->farewells)) != NULL;) {
        free(LIST_ENTRY(link, struct farewell, link));
    }
    free(streams->viewers);
    free(streams->buckets);
}
