#include "resume.h"

#include "base/check.h"
#include "wire/frame.h"

#include <peeper/v1/peeper.pb-c.h>

#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024 // a power of two
#define ID_TAG 0x08

struct resume {
    struct list all; // tie.all
    struct list by_ref[BUCKETS];
    struct list by_server_ref[BUCKETS];
    uint64_t    refs; // given out
};

// --- Ties ----------------------------------------------------------------------------------------

struct resume *resume_create(void) {
    struct resume *resume = calloc(1, sizeof(*resume));
    if (resume == NULL) return NULL;
    list_init(&resume->all);
    for (size_t i = 0; i < BUCKETS; i++) {
        list_init(&resume->by_ref[i]);
        list_init(&resume->by_server_ref[i]);
    }
    return resume;
}

void tie_free(struct tie *tie) {
    while (tie != NULL) {
        struct tie *next = tie->next;
        list_remove(&tie->all);
        list_remove(&tie->by_ref);
        list_remove(&tie->by_server_ref);
        free(tie);
        tie = next;
    }
}

void resume_destroy(struct resume *resume) {
    if (resume == NULL) return;
    while (!list_empty(&resume->all)) tie_free(LIST_ENTRY(resume->all.next, struct tie, all));
    free(resume);
}

static struct tie *create(enum request_verb verb, const char *name, uint64_t id) {
    size_t      bytes = (name != NULL ? strlen(name) : 0) + 1;
    struct tie *tie = calloc(1, sizeof(*tie) + bytes);
    if (tie == NULL) return NULL;
    list_init(&tie->all);
    list_init(&tie->by_ref);
    list_init(&tie->by_server_ref);
    tie->verb = verb;
    tie->id = id;
    // Who is asked for by id has no name, as in the server's events.
    if (name != NULL && id == 0) memcpy(tie->name, name, bytes);
    return tie;
}

static void insert(struct resume *resume, struct tie *tie, uint64_t server_ref) {
    tie->ref = ++resume->refs;
    tie->server_ref = server_ref;
    list_push(&resume->all, &tie->all);
    list_push(&resume->by_ref[tie->ref % BUCKETS], &tie->by_ref);
    if (server_ref != 0) {
        list_push(&resume->by_server_ref[server_ref % BUCKETS], &tie->by_server_ref);
    }
}

static struct tie *find(struct resume *resume, uint64_t ref) {
    struct list *bucket = &resume->by_ref[ref % BUCKETS];
    for (struct list *link = bucket->next; link != bucket; link = link->next) {
        struct tie *tie = LIST_ENTRY(link, struct tie, by_ref);
        if (tie->ref == ref) return tie;
    }
    return NULL;
}

static struct tie *find_by_server_ref(struct resume *resume, uint64_t server_ref) {
    struct list *bucket = &resume->by_server_ref[server_ref % BUCKETS];
    for (struct list *link = bucket->next; link != bucket; link = link->next) {
        struct tie *tie = LIST_ENTRY(link, struct tie, by_server_ref);
        if (tie->server_ref == server_ref) return tie;
    }
    return NULL;
}

// Links have no reference. They are few enough to be looked through.
static void remove_links(struct resume *resume, const char *name, uint64_t id) {
    for (struct list *link = resume->all.next; link != &resume->all;) {
        struct tie *tie = LIST_ENTRY(link, struct tie, all);
        link = link->next;
        if (tie->verb != REQUEST_LINK) continue;
        bool same = id != 0 && tie->id == id;
        if (name != NULL && name[0] != '\0' && strcmp(tie->name, name) == 0) same = true;
        if (same) tie_free(tie);
    }
}

static bool link_is_there(struct resume *resume, const struct tie *like) {
    for (struct list *link = resume->all.next; link != &resume->all; link = link->next) {
        struct tie *tie = LIST_ENTRY(link, struct tie, all);
        if (tie->verb != REQUEST_LINK || tie->id != like->id) continue;
        if (strcmp(tie->name, like->name) == 0) return true;
    }
    return false;
}

// --- Requests ------------------------------------------------------------------------------------

bool resume_repeatable(enum request_verb verb) {
    static const bool READS[REQUEST_VERBS] = {
        [REQUEST_WHEREIS] = true,        [REQUEST_LIST] = true,
        [REQUEST_INSPECT] = true,        [REQUEST_PING] = true,
        [REQUEST_WHICH_CHILDREN] = true, [REQUEST_COUNT_CHILDREN] = true,
        [REQUEST_CHILD_SPEC] = true,     [REQUEST_CHECK_SPECS] = true,
        [REQUEST_CRASHES] = true,        [REQUEST_CRASH] = true,
        [REQUEST_GET_STATE] = true,      [REQUEST_GENERATIONS] = true,
        [REQUEST_BEHAVIOURS] = true,     [REQUEST_TABLES] = true,
        [REQUEST_ROWS] = true,           [REQUEST_WATCH] = true,
    };
    return READS[verb];
}

bool resume_bound(enum request_verb verb) {
    return verb == REQUEST_DEMONITOR || verb == REQUEST_UNWATCH || verb == REQUEST_UNLINK;
}

// The server's reference of what is ended here; 0, which is nothing's, if it is over already.
static uint64_t forget(struct resume *resume, uint64_t ref) {
    struct tie *tie = find(resume, ref);
    if (tie == NULL) return 0;
    uint64_t server_ref = tie->server_ref;
    if (tie->asking) {
        tie->gone = true;
    } else {
        tie_free(tie);
    }
    return server_ref;
}

static struct tie *create_watch(const struct peeper_watch *watch) {
    struct tie *tie = create(REQUEST_WATCH, watch->prefix != NULL ? watch->prefix : watch->name, 0);
    if (tie == NULL) return NULL;
    tie->prefix = watch->prefix != NULL;
    tie->with_old = watch->with_old;
    tie->from_version = watch->from_version;
    tie->unit = watch->unit;
    return tie;
}

static enum peeper_status create_of_start(const struct peeper_start_options *start,
                                          struct tie                       **ret_tie) {
    const enum request_verb VERBS[] = {REQUEST_MONITOR, REQUEST_LINK};
    const bool              wanted[] = {start->monitor, start->link};
    struct tie             *first = NULL;
    for (size_t i = 0; i < 2; i++) {
        if (!wanted[i]) continue;
        struct tie *tie = create(VERBS[i], NULL, 0);
        if (tie == NULL) {
            tie_free(first);
            return PEEPER_STATUS_NO_MEMORY;
        }
        tie->next = first;
        first = tie;
    }
    *ret_tie = first;
    return PEEPER_STATUS_OK;
}

enum peeper_status resume_request(struct resume *resume, struct request *request,
                                  struct tie **ret_tie) {
    *ret_tie = NULL;
    switch ((int)request->verb) {
        case REQUEST_DEMONITOR:
        case REQUEST_UNWATCH: request->ref = forget(resume, request->ref); return PEEPER_STATUS_OK;
        case REQUEST_UNLINK:
            remove_links(resume, request->target.id == 0 ? request->target.name : NULL,
                         request->target.id);
            return PEEPER_STATUS_OK;
        case REQUEST_START: return create_of_start(request->start, ret_tie);
        case REQUEST_WATCH: *ret_tie = create_watch(request->watch); break;
        case REQUEST_MONITOR:
        case REQUEST_LINK:
            *ret_tie = create(request->verb, request->target.name, request->target.id);
            break;
        default: return PEEPER_STATUS_OK;
    }
    return *ret_tie != NULL ? PEEPER_STATUS_OK : PEEPER_STATUS_NO_MEMORY;
}

void resume_drop(struct pending_request *request) {
    tie_free(request->tie);
    free(request->again);
    request->tie = NULL;
    request->again = NULL;
}

void resume_begin(struct resume *resume, struct pending_request *request,
                  struct peeper_answer *answer) {
    struct tie *tie = request->tie;
    request->tie = NULL;
    while (tie != NULL) {
        struct tie *next = tie->next;
        tie->next = NULL;
        if (request->verb == REQUEST_START) tie->id = answer->started.id;
        bool nobody = request->verb == REQUEST_START && answer->started.id == 0;
        if (nobody || (tie->verb == REQUEST_LINK && link_is_there(resume, tie))) {
            tie_free(tie);
        } else {
            bool started = request->verb == REQUEST_START;
            bool linked = tie->verb == REQUEST_LINK;
            insert(resume, tie, linked ? 0 : started ? answer->started.monitor : answer->ref);
            if (!linked) *(started ? &answer->started.monitor : &answer->ref) = tie->ref;
        }
        tie = next;
    }
}

// --- Events --------------------------------------------------------------------------------------

bool resume_event(struct resume *resume, struct peeper_event *event) {
    if (event->kind == PEEPER_EVENT_PROGRESS) return true;
    if (event->kind == PEEPER_EVENT_EXIT) {
        remove_links(resume, event->name, event->id);
        return true;
    }
    struct tie *tie = find_by_server_ref(resume, event->ref);
    if (tie == NULL) return false;
    event->ref = tie->ref;
    if (event->kind == PEEPER_EVENT_DOWN) {
        tie_free(tie);
        return true;
    }
    if (event->unit != 0 && !tie->prefix) {
        tie->unit = event->unit;
        tie->from_version = event->version + 1;
    }
    return true;
}

struct tie *resume_take_ended(struct resume *resume) {
    for (struct list *link = resume->all.next; link != &resume->all; link = link->next) {
        struct tie *tie = LIST_ENTRY(link, struct tie, all);
        if (tie->verb != REQUEST_WATCH) {
            list_remove(&tie->all);
            list_remove(&tie->by_ref);
            list_remove(&tie->by_server_ref);
            return tie;
        }
        list_remove(&tie->by_server_ref);
        tie->server_ref = 0;
    }
    return NULL;
}

struct tie *resume_next_watch(struct resume *resume) {
    for (struct list *link = resume->all.next; link != &resume->all; link = link->next) {
        struct tie *tie = LIST_ENTRY(link, struct tie, all);
        if (tie->verb == REQUEST_WATCH && tie->server_ref == 0 && !tie->asking) return tie;
    }
    return NULL;
}

bool resume_watching(struct resume *resume, struct tie *tie, uint64_t server_ref) {
    tie->asking = false;
    if (tie->gone) {
        tie_free(tie);
        return false;
    }
    tie->server_ref = server_ref;
    if (server_ref != 0) {
        list_push(&resume->by_server_ref[server_ref % BUCKETS], &tie->by_server_ref);
    }
    return true;
}

enum peeper_status resume_frame(struct buf *out, const struct tie *tie) {
    Peeper__V1__Down        down = PEEPER__V1__DOWN__INIT;
    Peeper__V1__Exit        exit = PEEPER__V1__EXIT__INIT;
    Peeper__V1__Gap         gap = PEEPER__V1__GAP__INIT;
    Peeper__V1__Event       event = PEEPER__V1__EVENT__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    struct peeper_writer    reason = {0};
    char                   *name = (char *)(uintptr_t)tie->name;

    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_EVENT;
    frame.event = &event;
    peeper_write_string(&reason, "noconnection");
    ProtobufCBinaryData why = {.len = reason.bytes, .data = reason.data};
    down = (Peeper__V1__Down)PEEPER__V1__DOWN__INIT;
    if (tie->verb == REQUEST_MONITOR) {
        event.kind_case = PEEPER__V1__EVENT__KIND_DOWN;
        event.down = &down;
        down.ref = tie->ref;
        down.id = tie->id;
        down.name = name;
        down.reason = why;
    } else if (tie->verb == REQUEST_LINK) {
        event.kind_case = PEEPER__V1__EVENT__KIND_EXIT;
        event.exit = &exit;
        exit.id = tie->id;
        exit.name = name;
        exit.reason = why;
    } else {
        event.kind_case = PEEPER__V1__EVENT__KIND_GAP;
        event.gap = &gap;
        gap.ref = tie->ref;
        if (!tie->prefix) gap.name = name;
    }
    out->bytes = 0;
    size_t   bytes = peeper__v1__server_frame__get_packed_size(&frame);
    uint8_t *room = reason.data != NULL ? buf_reserve(out, bytes) : NULL;
    if (room != NULL) out->bytes = peeper__v1__server_frame__pack(&frame, room);
    peeper_writer_fini(&reason);
    return room != NULL ? PEEPER_STATUS_OK : PEEPER_STATUS_NO_MEMORY;
}

// --- Frames --------------------------------------------------------------------------------------

// Of a frame that encode has written: its id comes first, unless it is 0.
static uint64_t id_of(struct slice frame) {
    uint64_t id = 0;
    if (frame.bytes == 0 || frame.data[0] != ID_TAG) return 0;
    for (size_t i = 1; i < frame.bytes && i <= 10; i++) {
        id |= (uint64_t)(frame.data[i] & 0x7F) << (7 * (i - 1));
        if (frame.data[i] < 0x80) break;
    }
    return id;
}

// Goes through the frames of `from`; those that were not wholly `written` and are still wanted are
// appended to `to`, and their requests go on.
static enum peeper_status keep_unsent(struct pending *pending, const struct buf *from,
                                      size_t written, struct buf *to) {
    struct slice frame;
    size_t       at = 0, used;
    while (frame_next(from->data + at, from->bytes - at, UINT32_MAX, &frame, &used) == STATUS_OK) {
        size_t begin = at;
        at += used;
        if (at <= written) continue;
        uint64_t                id = id_of(frame);
        struct pending_request *request = id != 0 ? pending_find(pending, id) : NULL;
        if (id != 0 && (request == NULL || resume_bound(request->verb))) continue;
        if (buf_append(to, from->data + begin, used) != STATUS_OK) return PEEPER_STATUS_NO_MEMORY;
        if (request != NULL) request->doomed = false;
    }
    return PEEPER_STATUS_OK;
}

enum peeper_status resume_salvage(struct pending *pending, struct buf *out, struct buf *sending,
                                  size_t written) {
    struct buf         unsent = {0}, kept = {0};
    enum peeper_status status = PEEPER_STATUS_OK;
    for (uint32_t i = 0; i < pending->capacity; i++) pending->slots[i].doomed = true;
    status = keep_unsent(pending, sending, written, &unsent);
    if (status == PEEPER_STATUS_OK) status = keep_unsent(pending, out, 0, &unsent);

    // What was written before goes first again.
    for (uint32_t i = 0; i < pending->capacity && status == PEEPER_STATUS_OK; i++) {
        struct pending_request *request = &pending->slots[i];
        if (request->id == 0 || !request->doomed || request->again == NULL) continue;
        if (buf_append(&kept, request->again, request->again_bytes) != STATUS_OK) {
            status = PEEPER_STATUS_NO_MEMORY;
        }
        request->doomed = false;
        request->risen = true;
    }
    if (status == PEEPER_STATUS_OK && unsent.bytes > 0 &&
        buf_append(&kept, unsent.data, unsent.bytes) != STATUS_OK) {
        status = PEEPER_STATUS_NO_MEMORY;
    }
    buf_fini(&unsent);
    buf_fini(out);
    sending->bytes = 0;
    *out = kept;
    return status;
}

void resume_doom_keyed(struct pending *pending) {
    for (uint32_t i = 0; i < pending->capacity; i++) {
        struct pending_request *request = &pending->slots[i];
        request->doomed = request->id != 0 && request->keyed && request->risen;
    }
}

void resume_prune(struct pending *pending, struct buf *out) {
    struct slice frame;
    size_t       at = 0, end = 0, used;
    while (frame_next(out->data + at, out->bytes - at, UINT32_MAX, &frame, &used) == STATUS_OK) {
        uint64_t id = id_of(frame);
        if (id == 0 || pending_find(pending, id) != NULL) {
            memmove(out->data + end, out->data + at, used);
            end += used;
        }
        at += used;
    }
    out->bytes = end;
}
