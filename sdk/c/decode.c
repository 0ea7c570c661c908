#include "decode.h"

#include "base/check.h"

#include <peeper/v1/peeper.pb-c.h>

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384
#define ALIGN 16

struct decoder_block {
    struct decoder_block *next;
    size_t                bytes;
    _Alignas(ALIGN) uint8_t data[];
};

static struct decoder_block *block_create(size_t bytes, struct decoder_block *next) {
    struct decoder_block *block = malloc(sizeof(*block) + bytes);
    if (block == NULL) return NULL;
    block->next = next;
    block->bytes = bytes;
    return block;
}

enum peeper_status decoder_init(struct decoder *decoder, size_t bytes_max) {
    *decoder = (struct decoder){.bytes_max = bytes_max};
    decoder->blocks = block_create(BLOCK_BYTES, NULL);
    decoder->total_bytes = BLOCK_BYTES;
    return decoder->blocks != NULL ? PEEPER_STATUS_OK : PEEPER_STATUS_NO_MEMORY;
}

void decoder_fini(struct decoder *decoder) {
    while (decoder->blocks != NULL) {
        struct decoder_block *block = decoder->blocks;
        decoder->blocks = block->next;
        free(block);
    }
}

// Back to the first block, so that a big frame's memory does not stay.
static void reset(struct decoder *decoder) {
    while (decoder->blocks->next != NULL) {
        struct decoder_block *block = decoder->blocks;
        decoder->blocks = block->next;
        free(block);
    }
    decoder->total_bytes = decoder->blocks->bytes;
    decoder->used = 0;
}

static void *take(void *context, size_t bytes) {
    struct decoder *decoder = context;
    if (bytes > decoder->bytes_max) return NULL;
    size_t rounded = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);

    if (rounded > decoder->blocks->bytes - decoder->used) {
        size_t block_bytes = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
        if (block_bytes > decoder->bytes_max - decoder->total_bytes) return NULL;
        struct decoder_block *block = block_create(block_bytes, decoder->blocks);
        if (block == NULL) return NULL;
        decoder->blocks = block;
        decoder->total_bytes += block_bytes;
        decoder->used = 0;
    }
    void *memory = decoder->blocks->data + decoder->used;
    decoder->used += rounded;
    return memory;
}

static void leave(void *context, void *memory) {
    (void)context;
    (void)memory;
}

static struct peeper_value value_of(ProtobufCBinaryData bytes) {
    return (struct peeper_value){.data = bytes.data, .bytes = bytes.len};
}

static void fill_error(const Peeper__V1__Error *from, struct peeper_error *error) {
    *error = error_of(status_of_wire((int)from->status), from->message);
    if (error->message[0] == '\0') error->message = peeper_status_text(error->status);
    error->retryable = from->retryable;
    error->retry_after_ms = from->retry_after_ms;
    error->reason = value_of(from->reason);
    error->kind = from->kind;
}

static void fill_actor(const Peeper__V1__ActorInfo *from, struct peeper_actor *actor) {
    *actor = (struct peeper_actor){
        .name = from->name,
        .behaviour = from->behaviour,
        .status = from->status,
        .unit = from->unit,
        .incarnation = from->incarnation,
        .restarts = from->restarts,
        .mailbox = from->mailbox,
        .worker = from->worker,
        .host_pid = from->host_pid,
        .turn_ms = from->turn_ms,
        .suspended = from->suspended,
        .supervisor = from->supervisor,
        .is_supervisor = from->is_supervisor,
        .strategy = from->strategy,
        .awaits = from->awaits,
        .hibernating = from->hibernating,
        .timers = from->timers,
        .links = from->links,
        .monitors = from->monitors,
        .trap_exit = from->trap_exit,
        .own_host = from->isolation == PEEPER__V1__ISOLATION__ISOLATION_OWN,
        .quarantined = from->quarantined,
        .watchers = from->watchers,
        .events_dropped = from->events_dropped,
        .newest_version = from->newest_version,
        .code_version = from->version,
        .code_refused = from->code_refused,
        .tables = from->tables,
        .table_bytes = from->table_bytes,
        .crash_kind = "",
        .crash_message = "",
    };
    if (from->state != NULL) {
        actor->has_state = true;
        actor->state = value_of(from->state->value);
        actor->version = from->state->version;
        actor->state_at_ms = from->state->at_ms;
        actor->state_turn = from->state->turn;
    }
    if (from->stepped_back != NULL) {
        actor->stepped_from = from->stepped_back->from;
        actor->stepped_to = from->stepped_back->to;
        actor->stepped_at_ms = from->stepped_back->at_ms;
    }
    if (from->last_crash != NULL) {
        actor->has_crash = true;
        actor->crash_kind = from->last_crash->kind;
        actor->crash_reason = value_of(from->last_crash->reason);
        actor->crash_at_ms = from->last_crash->at_ms;
        actor->crash_id = from->last_crash->id;
        actor->crash_message = from->last_crash->message;
        actor->crash_backtrace = (const char *const *)from->last_crash->backtrace;
        actor->crash_backtrace_lines = from->last_crash->n_backtrace;
    }
}

static enum peeper_status fill_listing(struct decoder *decoder, Peeper__V1__ActorInfo **from,
                                       size_t count, struct peeper_listing *listing) {
    struct peeper_actor *actors = NULL;
    if (count > 0) {
        actors = take(decoder, count * sizeof(*actors));
        if (actors == NULL) return PEEPER_STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) fill_actor(from[i], &actors[i]);
    listing->actors = actors;
    listing->count = count;
    return PEEPER_STATUS_OK;
}

static void fill_crash(const Peeper__V1__CrashReport *from, struct peeper_crash *crash) {
    *crash = (struct peeper_crash){
        .id = from->crash,
        .name = from->name,
        .unit = from->unit,
        .incarnation = from->incarnation,
        .behaviour = from->behaviour,
        .version = from->version,
        .kind = from->kind,
        .reason = value_of(from->reason),
        .message = from->message,
        .backtrace = (const char *const *)from->backtrace,
        .backtrace_lines = from->n_backtrace,
        .turn = from->turn,
        .payload = value_of(from->payload),
        .payload_bytes = from->payload_bytes,
        .payload_cut = from->payload_cut,
        .state_version = from->state_version,
        .host_pid = from->host_pid,
        .at_ms = from->at_ms,
        .attempts = from->attempts,
        .message_set_aside = from->message_set_aside,
        .redriven = from->redriven,
    };
}

static enum peeper_status fill_crashes(struct decoder *decoder, Peeper__V1__CrashReport **from,
                                       size_t count, struct peeper_crashes *crashes) {
    struct peeper_crash *room = NULL;
    if (count > 0) {
        room = take(decoder, count * sizeof(*room));
        if (room == NULL) return PEEPER_STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) fill_crash(from[i], &room[i]);
    crashes->crashes = room;
    crashes->count = count;
    return PEEPER_STATUS_OK;
}

static enum peeper_status fill_generations(struct decoder                *decoder,
                                           const Peeper__V1__Generations *from,
                                           struct peeper_generations     *ret_generations) {
    struct peeper_generation *generations = NULL;
    if (from->n_generations > 0) {
        generations = take(decoder, from->n_generations * sizeof(*generations));
        if (generations == NULL) return PEEPER_STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < from->n_generations; i++) {
        generations[i] = (struct peeper_generation){
            .version = from->generations[i]->version,
            .at_ms = from->generations[i]->at_ms,
            .turn = from->generations[i]->turn,
            .bytes = from->generations[i]->bytes,
        };
    }
    *ret_generations = (struct peeper_generations){
        .generations = generations, .count = from->n_generations, .kept = from->kept};
    return PEEPER_STATUS_OK;
}

static enum peeper_status fill_behaviours(struct decoder                     *decoder,
                                          const Peeper__V1__BehaviourListing *from,
                                          struct peeper_behaviours           *behaviours) {
    struct peeper_behaviour_info *room = NULL;
    if (from->n_behaviours > 0) {
        room = take(decoder, from->n_behaviours * sizeof(*room));
        if (room == NULL) return PEEPER_STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < from->n_behaviours; i++) {
        const Peeper__V1__BehaviourInfo *one = from->behaviours[i];
        room[i] = (struct peeper_behaviour_info){
            .name = one->name,
            .version = one->version,
            .kind = one->kind,
            .callbacks = (const char *const *)one->callbacks,
            .callback_count = one->n_callbacks,
            .actors = one->actors,
            .file = one->file,
            .current = one->current,
        };
    }
    behaviours->behaviours = room;
    behaviours->count = from->n_behaviours;
    return PEEPER_STATUS_OK;
}

static enum peeper_status fill_upgrade(struct decoder                  *decoder,
                                       const Peeper__V1__UpgradeReport *from,
                                       struct peeper_upgrade_report    *report) {
    struct peeper_refusal *room = NULL;
    if (from->n_refusals > 0) {
        room = take(decoder, from->n_refusals * sizeof(*room));
        if (room == NULL) return PEEPER_STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < from->n_refusals; i++) {
        room[i] = (struct peeper_refusal){.name = from->refusals[i]->name,
                                          .unit = from->refusals[i]->unit,
                                          .reason = from->refusals[i]->reason};
    }
    *report = (struct peeper_upgrade_report){
        .behaviour = from->behaviour,
        .from = from->from,
        .to = from->to,
        .changed = from->changed,
        .moved = from->moved,
        .refused = from->refused,
        .gone = from->gone,
        .left = from->left,
        .refusals = room,
        .refusal_count = from->n_refusals,
        .took_ms = from->took_ms,
        .dry_run = from->dry_run,
        .stopped = from->stopped,
    };
    return PEEPER_STATUS_OK;
}

static void fill_welcome(const Peeper__V1__Welcome *from, struct peeper_welcome *welcome) {
    *welcome = (struct peeper_welcome){
        .server_version = from->server_version,
        .protocol_version = from->protocol_version,
    };
    for (size_t i = 0; i < from->n_features; i++) {
        if (strcmp(from->features[i], "idempotency") == 0) welcome->idempotency = true;
    }
    if (from->limits == NULL) return;
    welcome->frame_bytes_max = from->limits->frame_bytes_max;
    welcome->name_bytes_max = from->limits->name_bytes_max;
    welcome->deadline_ms_max = from->limits->deadline_ms_max;
    welcome->mailbox_max = from->limits->mailbox_max;
}

static void fill_started(const Peeper__V1__Started *from, struct peeper_started *started) {
    started->id = from->id;
    started->unit = from->unit;
    started->name = from->name;
    started->ignored = from->ignored;
    started->info = value_of(from->info);
    started->monitor = from->monitor;
}

static enum peeper_status fill_children(struct decoder *decoder, const Peeper__V1__Children *from,
                                        struct peeper_children *ret_children) {
    struct peeper_child *children = NULL;
    if (from->n_children > 0) {
        children = take(decoder, from->n_children * sizeof(*children));
        if (children == NULL) return PEEPER_STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < from->n_children; i++) {
        const Peeper__V1__Child *child = from->children[i];
        children[i] = (struct peeper_child){
            .id = child->id,
            .name = child->name,
            .behaviour = child->behaviour,
            .status = child->status,
            .incarnation = child->incarnation,
            .unit = child->unit,
            .restarts = child->restarts,
            .mailbox = child->mailbox,
            .restart = child->restart,
            .significant = child->significant,
            .supervisor = child->supervisor,
            .children = child->children,
            .strategy = child->strategy,
        };
    }
    *ret_children = (struct peeper_children){
        .children = children, .count = from->n_children, .next = from->next};
    return PEEPER_STATUS_OK;
}

static enum peeper_status fill_tables(struct decoder *decoder, const Peeper__V1__TableListing *from,
                                      struct peeper_tables *ret_tables) {
    struct peeper_table *tables = take(decoder, (from->n_tables + 1) * sizeof(*tables));
    if (tables == NULL) return PEEPER_STATUS_NO_MEMORY;
    for (size_t i = 0; i < from->n_tables; i++) {
        const Peeper__V1__TableInfo *table = from->tables[i];
        tables[i] = (struct peeper_table){
            .name = table->name,
            .ordered = table->ordered,
            .is_private = table->private_,
            .heir = table->heir,
            .rows = table->rows,
            .bytes = table->bytes,
        };
    }
    *ret_tables = (struct peeper_tables){.tables = tables, .count = from->n_tables};
    return PEEPER_STATUS_OK;
}

static enum peeper_status fill_rows(struct decoder *decoder, const Peeper__V1__Rows *from,
                                    struct peeper_rows *ret_rows) {
    struct peeper_row *rows = take(decoder, (from->n_rows + 1) * sizeof(*rows));
    if (rows == NULL) return PEEPER_STATUS_NO_MEMORY;
    for (size_t i = 0; i < from->n_rows; i++) {
        rows[i] = (struct peeper_row){.key = value_of(from->rows[i]->key),
                                      .value = value_of(from->rows[i]->value)};
    }
    *ret_rows =
        (struct peeper_rows){.rows = rows, .count = from->n_rows, .next = value_of(from->next)};
    return PEEPER_STATUS_OK;
}

static void fill_counts(const Peeper__V1__ChildCounts *from, struct peeper_child_counts *counts) {
    counts->specs = from->specs;
    counts->active = from->active;
    counts->supervisors = from->supervisors;
    counts->workers = from->workers;
}

static void fill_changed(const Peeper__V1__Changed *changed, struct peeper_event *told) {
    *told = (struct peeper_event){.kind = PEEPER_EVENT_CHANGED,
                                  .ref = changed->ref,
                                  .name = changed->name,
                                  .unit = changed->unit,
                                  .version = changed->version,
                                  .at_ms = changed->at_ms,
                                  .value = value_of(changed->value)};
    if (changed->old == NULL) return;
    told->has_old = true;
    told->old = value_of(changed->old->value);
}

static void fill_stepped(const Peeper__V1__StepBack *stepped, struct peeper_event *told) {
    *told = (struct peeper_event){.kind = PEEPER_EVENT_STEPPED_BACK,
                                  .ref = stepped->ref,
                                  .name = stepped->name,
                                  .unit = stepped->unit,
                                  .missed = stepped->missed};
    if (stepped->step == NULL) return;
    told->version = stepped->step->from;
    told->older_version = stepped->step->to;
    told->at_ms = stepped->step->at_ms;
}

// An event of a kind that this version does not know stays FRAME_UNKNOWN.
static void fill_event(const Peeper__V1__Event *event, struct incoming *incoming) {
    struct peeper_event *told = &incoming->event;
    const char          *message;
    switch (event->kind_case) {
        case PEEPER__V1__EVENT__KIND_GOODBYE:
            message = event->goodbye->message;
            incoming->kind = FRAME_GOODBYE;
            incoming->answer.error =
                error_of(PEEPER_STATUS_SHUTTING_DOWN, message[0] != '\0' ? message : NULL);
            return;
        case PEEPER__V1__EVENT__KIND_DOWN:
            *told = (struct peeper_event){.kind = PEEPER_EVENT_DOWN,
                                          .ref = event->down->ref,
                                          .id = event->down->id,
                                          .name = event->down->name,
                                          .reason = value_of(event->down->reason)};
            break;
        case PEEPER__V1__EVENT__KIND_EXIT:
            *told = (struct peeper_event){.kind = PEEPER_EVENT_EXIT,
                                          .id = event->exit->id,
                                          .name = event->exit->name,
                                          .reason = value_of(event->exit->reason)};
            break;
        case PEEPER__V1__EVENT__KIND_CHANGED: fill_changed(event->changed, told); break;
        case PEEPER__V1__EVENT__KIND_ENDED:
            *told = (struct peeper_event){.kind = PEEPER_EVENT_ENDED,
                                          .ref = event->ended->ref,
                                          .name = event->ended->name,
                                          .reason = value_of(event->ended->reason),
                                          .unit = event->ended->unit,
                                          .version = event->ended->version,
                                          .value = value_of(event->ended->value)};
            break;
        case PEEPER__V1__EVENT__KIND_GAP:
            *told = (struct peeper_event){.kind = PEEPER_EVENT_GAP,
                                          .ref = event->gap->ref,
                                          .name = event->gap->name,
                                          .unit = event->gap->unit,
                                          .first_version = event->gap->first_version,
                                          .version = event->gap->last_version};
            break;
        case PEEPER__V1__EVENT__KIND_STEPPED_BACK: fill_stepped(event->stepped_back, told); break;
        case PEEPER__V1__EVENT__KIND_UPGRADE_PROGRESS:
            *told = (struct peeper_event){.kind = PEEPER_EVENT_PROGRESS,
                                          .name = event->upgrade_progress->behaviour,
                                          .done = event->upgrade_progress->done,
                                          .total = event->upgrade_progress->total,
                                          .refused = event->upgrade_progress->refused};
            break;
        default: return;
    }
    incoming->kind = FRAME_EVENT;
    told->frame = incoming->answer.frame;
}

// An event's kind is what is inside; a body without a row is FRAME_UNKNOWN.
static const enum frame_kind KINDS[] = {
    [PEEPER__V1__SERVER_FRAME__BODY_WELCOME] = FRAME_WELCOME,
    [PEEPER__V1__SERVER_FRAME__BODY_REPLY] = FRAME_REPLY,
    [PEEPER__V1__SERVER_FRAME__BODY_ERROR] = FRAME_ERROR,
    [PEEPER__V1__SERVER_FRAME__BODY_DONE] = FRAME_DONE,
    [PEEPER__V1__SERVER_FRAME__BODY_STARTED] = FRAME_STARTED,
    [PEEPER__V1__SERVER_FRAME__BODY_LOCATED] = FRAME_LOCATED,
    [PEEPER__V1__SERVER_FRAME__BODY_LISTING] = FRAME_LISTING,
    [PEEPER__V1__SERVER_FRAME__BODY_ACTOR_INFO] = FRAME_ACTOR_INFO,
    [PEEPER__V1__SERVER_FRAME__BODY_STATE] = FRAME_STATE,
    [PEEPER__V1__SERVER_FRAME__BODY_PONG] = FRAME_PONG,
    [PEEPER__V1__SERVER_FRAME__BODY_MONITORED] = FRAME_MONITORED,
    [PEEPER__V1__SERVER_FRAME__BODY_WATCHING] = FRAME_WATCHING,
    [PEEPER__V1__SERVER_FRAME__BODY_CHILDREN] = FRAME_CHILDREN,
    [PEEPER__V1__SERVER_FRAME__BODY_CHILD_COUNTS] = FRAME_CHILD_COUNTS,
    [PEEPER__V1__SERVER_FRAME__BODY_CRASH_LISTING] = FRAME_CRASH_LISTING,
    [PEEPER__V1__SERVER_FRAME__BODY_CRASH_REPORT] = FRAME_CRASH_REPORT,
    [PEEPER__V1__SERVER_FRAME__BODY_GENERATIONS] = FRAME_GENERATIONS,
    [PEEPER__V1__SERVER_FRAME__BODY_TRANSFER_PREPARED] = FRAME_TRANSFER_PREPARED,
    [PEEPER__V1__SERVER_FRAME__BODY_BEHAVIOUR_LISTING] = FRAME_BEHAVIOURS,
    [PEEPER__V1__SERVER_FRAME__BODY_UPGRADE_REPORT] = FRAME_UPGRADE_REPORT,
    [PEEPER__V1__SERVER_FRAME__BODY_TABLE_LISTING] = FRAME_TABLE_LISTING,
    [PEEPER__V1__SERVER_FRAME__BODY_ROWS] = FRAME_ROWS,
};

static enum peeper_status fill_of_tables(struct decoder                *decoder,
                                         const Peeper__V1__ServerFrame *frame,
                                         struct peeper_answer          *answer) {
    switch (frame->body_case) {
        case PEEPER__V1__SERVER_FRAME__BODY_TABLE_LISTING:
            return fill_tables(decoder, frame->table_listing, &answer->tables);
        case PEEPER__V1__SERVER_FRAME__BODY_ROWS:
            return fill_rows(decoder, frame->rows, &answer->rows);
        default: return PEEPER_STATUS_OK;
    }
}

static enum peeper_status fill(struct decoder *decoder, Peeper__V1__ServerFrame *frame,
                               struct incoming *incoming) {
    struct peeper_answer *answer = &incoming->answer;
    if (frame->body_case < sizeof(KINDS) / sizeof(KINDS[0]))
        incoming->kind = KINDS[frame->body_case];

    switch (frame->body_case) {
        case PEEPER__V1__SERVER_FRAME__BODY_WELCOME:
            fill_welcome(frame->welcome, &incoming->welcome);
            return PEEPER_STATUS_OK;
        case PEEPER__V1__SERVER_FRAME__BODY_REPLY:
            answer->reply = value_of(frame->reply->payload);
            answer->replied = true;
            return PEEPER_STATUS_OK;
        case PEEPER__V1__SERVER_FRAME__BODY_ERROR:
            fill_error(frame->error, &answer->error);
            return PEEPER_STATUS_OK;
        case PEEPER__V1__SERVER_FRAME__BODY_STARTED:
            fill_started(frame->started, &answer->started);
            return PEEPER_STATUS_OK;
        case PEEPER__V1__SERVER_FRAME__BODY_LOCATED:
            answer->located = frame->located->id;
            return PEEPER_STATUS_OK;
        case PEEPER__V1__SERVER_FRAME__BODY_LISTING:
            answer->listing.next = frame->listing->next;
            return fill_listing(decoder, frame->listing->actors, frame->listing->n_actors,
                                &answer->listing);
        case PEEPER__V1__SERVER_FRAME__BODY_ACTOR_INFO:
            return fill_listing(decoder, &frame->actor_info, 1, &answer->listing);
        case PEEPER__V1__SERVER_FRAME__BODY_STATE:
            answer->state = (struct peeper_state){.value = value_of(frame->state->value),
                                                  .version = frame->state->version,
                                                  .at_ms = frame->state->at_ms,
                                                  .turn = frame->state->turn};
            return PEEPER_STATUS_OK;
        case PEEPER__V1__SERVER_FRAME__BODY_GENERATIONS:
            return fill_generations(decoder, frame->generations, &answer->generations);
        case PEEPER__V1__SERVER_FRAME__BODY_TRANSFER_PREPARED:
            answer->prepared.handle = frame->transfer_prepared->handle;
            answer->prepared.valid_ms = frame->transfer_prepared->valid_ms;
            return PEEPER_STATUS_OK;
        case PEEPER__V1__SERVER_FRAME__BODY_MONITORED:
            answer->ref = frame->monitored->ref;
            return PEEPER_STATUS_OK;
        case PEEPER__V1__SERVER_FRAME__BODY_WATCHING:
            answer->ref = frame->watching->ref;
            return PEEPER_STATUS_OK;
        case PEEPER__V1__SERVER_FRAME__BODY_CHILDREN:
            return fill_children(decoder, frame->children, &answer->children);
        case PEEPER__V1__SERVER_FRAME__BODY_CHILD_COUNTS:
            fill_counts(frame->child_counts, &answer->child_counts);
            return PEEPER_STATUS_OK;
        case PEEPER__V1__SERVER_FRAME__BODY_CRASH_LISTING:
            answer->crashes.next = frame->crash_listing->next;
            return fill_crashes(decoder, frame->crash_listing->reports,
                                frame->crash_listing->n_reports, &answer->crashes);
        case PEEPER__V1__SERVER_FRAME__BODY_CRASH_REPORT:
            return fill_crashes(decoder, &frame->crash_report, 1, &answer->crashes);
        case PEEPER__V1__SERVER_FRAME__BODY_BEHAVIOUR_LISTING:
            return fill_behaviours(decoder, frame->behaviour_listing, &answer->behaviours);
        case PEEPER__V1__SERVER_FRAME__BODY_UPGRADE_REPORT:
            return fill_upgrade(decoder, frame->upgrade_report, &answer->upgraded);
        case PEEPER__V1__SERVER_FRAME__BODY_EVENT:
            fill_event(frame->event, incoming);
            return PEEPER_STATUS_OK;
        default: return fill_of_tables(decoder, frame, answer);
    }
}

enum peeper_status decoder_decode(struct decoder *decoder, struct peeper_value frame,
                                  struct incoming *ret_incoming) {
    reset(decoder);
    ProtobufCAllocator       allocator = {take, leave, decoder};
    Peeper__V1__ServerFrame *decoded =
        peeper__v1__server_frame__unpack(&allocator, frame.bytes, frame.data);
    if (decoded == NULL) return PEEPER_STATUS_PROTOCOL;

    *ret_incoming = (struct incoming){.id = decoded->id, .kind = FRAME_UNKNOWN};
    ret_incoming->answer.error = error_of(PEEPER_STATUS_OK, NULL);
    ret_incoming->answer.frame = frame;
    return fill(decoder, decoded, ret_incoming);
}

bool frame_kind_fits(enum frame_kind kind, enum request_verb verb) {
    static const enum frame_kind EXPECTED[REQUEST_VERBS] = {
        [REQUEST_HELLO] = FRAME_WELCOME,
        [REQUEST_CALL] = FRAME_REPLY,
        [REQUEST_CAST] = FRAME_DONE,
        [REQUEST_SEND] = FRAME_DONE,
        [REQUEST_START] = FRAME_STARTED,
        [REQUEST_STOP] = FRAME_DONE,
        [REQUEST_KILL] = FRAME_DONE,
        [REQUEST_RESUME] = FRAME_DONE,
        [REQUEST_WHEREIS] = FRAME_LOCATED,
        [REQUEST_LIST] = FRAME_LISTING,
        [REQUEST_INSPECT] = FRAME_ACTOR_INFO,
        [REQUEST_PING] = FRAME_PONG,
        [REQUEST_START_SUPERVISOR] = FRAME_STARTED,
        [REQUEST_START_CHILD] = FRAME_STARTED,
        [REQUEST_TERMINATE_CHILD] = FRAME_DONE,
        [REQUEST_RESTART_CHILD] = FRAME_STARTED,
        [REQUEST_DELETE_CHILD] = FRAME_DONE,
        [REQUEST_WHICH_CHILDREN] = FRAME_CHILDREN,
        [REQUEST_COUNT_CHILDREN] = FRAME_CHILD_COUNTS,
        [REQUEST_CHILD_SPEC] = FRAME_REPLY,
        [REQUEST_CHECK_SPECS] = FRAME_DONE,
        [REQUEST_CHANGE_SUPERVISOR] = FRAME_DONE,
        [REQUEST_MONITOR] = FRAME_MONITORED,
        [REQUEST_DEMONITOR] = FRAME_DONE,
        [REQUEST_LINK] = FRAME_DONE,
        [REQUEST_UNLINK] = FRAME_DONE,
        [REQUEST_WATCH] = FRAME_WATCHING,
        [REQUEST_UNWATCH] = FRAME_DONE,
        [REQUEST_CRASHES] = FRAME_CRASH_LISTING,
        [REQUEST_CRASH] = FRAME_CRASH_REPORT,
        [REQUEST_REDRIVE] = FRAME_DONE,
        [REQUEST_DISCARD_CRASH] = FRAME_DONE,
        [REQUEST_SUSPEND] = FRAME_DONE,
        [REQUEST_GET_STATE] = FRAME_STATE,
        [REQUEST_REPLACE_STATE] = FRAME_DONE,
        [REQUEST_GENERATIONS] = FRAME_GENERATIONS,
        [REQUEST_RESTORE_STATE] = FRAME_DONE,
        [REQUEST_TRANSFER] = FRAME_STARTED,
        [REQUEST_PREPARE_TRANSFER] = FRAME_TRANSFER_PREPARED,
        [REQUEST_COMMIT_TRANSFER] = FRAME_STARTED,
        [REQUEST_BEHAVIOURS] = FRAME_BEHAVIOURS,
        [REQUEST_DEPLOY] = FRAME_UPGRADE_REPORT,
        [REQUEST_UPGRADE] = FRAME_UPGRADE_REPORT,
        [REQUEST_TABLES] = FRAME_TABLE_LISTING,
        [REQUEST_ROWS] = FRAME_ROWS,
    };
    CHECK(verb < REQUEST_VERBS);
    // What is redriven may be a call.
    if (verb == REQUEST_REDRIVE && kind == FRAME_REPLY) return true;
    return kind == EXPECTED[verb];
}
