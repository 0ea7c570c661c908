#include "wire/codec.h"

#include "base/check.h"
#include "wire/codec_frame.h"
#include "wire/fast.h"
#include "wire/frame.h"
#include "wire/turn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL_VERSION 1
#define FEATURE_IDEMPOTENCY "idempotency"

// --- The arena -----------------------------------------------------------------------------------

// What the arena hands out. Its size is kept: a C string of protobuf-c does not tell where NULs
// were sent inside it.
struct grant {
    size_t  bytes;
    uint8_t data[];
};

static void *arena_alloc(void *context, size_t bytes) {
    struct codec *codec = context;
    size_t        left = codec->arena_bytes - codec->used;
    if (bytes > left || left - bytes < sizeof(struct grant) + _Alignof(struct grant)) return NULL;

    struct grant *grant = (struct grant *)(codec->arena + codec->used);
    size_t        whole = sizeof *grant + bytes;
    grant->bytes = bytes;
    codec->used += (whole + _Alignof(struct grant) - 1) & ~(_Alignof(struct grant) - 1);
    return grant->data;
}

// The next decode takes everything back at once.
static void arena_free(void *context, void *memory) {
    (void)context;
    (void)memory;
}

enum status codec_init(struct codec *codec, uint32_t frame_bytes_max) {
    size_t   arena_bytes = (size_t)frame_bytes_max + CODEC_ARENA_SPARE_BYTES;
    uint8_t *arena = malloc(arena_bytes);
    if (arena == NULL) return STATUS_NO_MEMORY;
    *codec = (struct codec){.arena = arena, .arena_bytes = arena_bytes};
    return STATUS_OK;
}

void codec_fini(struct codec *codec) {
    if (codec == NULL) return;
    free(codec->arena);
    *codec = (struct codec){0};
}

// --- Decoding ------------------------------------------------------------------------------------

static struct slice text_of(const char *string) {
    if (string == protobuf_c_empty_string) return (struct slice){0}; // not sent, not ours
    const struct grant *grant =
        (const struct grant *)((const uint8_t *)string - offsetof(struct grant, data));
    return slice_of(string, grant->bytes - 1);
}

static struct slice bytes_of(ProtobufCBinaryData data) {
    return slice_of(data.data, data.len);
}

static void take_target(const char *name, uint64_t id, struct request *request) {
    request->name = text_of(name);
    request->target = id;
}

static void take_hello(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->protocol_version = frame->hello->protocol_version;
    request->token = text_of(frame->hello->token);
    request->client = text_of(frame->hello->client);
    for (size_t i = 0; i < frame->hello->n_features; i++) {
        if (strcmp(frame->hello->features[i], FEATURE_IDEMPOTENCY) == 0)
            request->idempotency = true;
    }
}

static void take_call(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->call->name, frame->call->id, request);
    request->payload = bytes_of(frame->call->payload);
    request->limit_ms = frame->call->deadline_ms;
    request->key = bytes_of(frame->call->idempotency_key);
}

static void take_cast(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->cast->name, frame->cast->id, request);
    request->payload = bytes_of(frame->cast->payload);
    request->key = bytes_of(frame->cast->idempotency_key);
}

static void take_send(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->send->name, frame->send->id, request);
    request->payload = bytes_of(frame->send->payload);
}

static void take_start(const Peeper__V1__ClientFrame *frame, struct request *request) {
    const Peeper__V1__Start *start = frame->start;
    request->name = text_of(start->name);
    request->behaviour = text_of(start->behaviour);
    request->payload = bytes_of(start->argument);
    request->limit_ms = start->timeout_ms;
    request->restart = (uint32_t)start->restart;
    request->on_intensity = (uint32_t)start->on_intensity;
    request->mailbox_max = start->mailbox_max;
    request->hibernate_after_ms = start->hibernate_after_ms;
    request->link = start->link;
    request->monitor = start->monitor;
    request->no_trap_exit = start->no_trap_exit;
    request->isolation = (uint32_t)start->isolation;
    request->generations = start->generations;
    request->step_back = start->step_back;
    request->listener = text_of(start->listener);
    if (start->intensity == NULL) return;
    request->has_intensity = true;
    request->intensity = start->intensity->restarts;
    request->period_ms = start->intensity->period_ms;
}

static void take_stop(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->stop->name, frame->stop->id, request);
    request->payload = bytes_of(frame->stop->reason);
    request->limit_ms = frame->stop->timeout_ms;
}

static void take_kill(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->kill->name, frame->kill->id, request);
}

static void take_where_is(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->where_is->name, frame->where_is->id, request);
}

static void take_list(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->name = text_of(frame->list->prefix);
    request->cursor = frame->list->cursor;
    request->limit = frame->list->limit;
}

static void take_inspect(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->inspect->name, frame->inspect->id, request);
    request->version = frame->inspect->version;
}

static void take_resume(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->resume->name, frame->resume->id, request);
}

static void take_start_supervisor(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->name = text_of(frame->start_supervisor->name);
    request->payload = bytes_of(frame->start_supervisor->spec);
    request->limit_ms = frame->start_supervisor->timeout_ms;
}

static void take_start_child(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->start_child->name, frame->start_child->id, request);
    request->payload = bytes_of(frame->start_child->spec);
    request->limit_ms = frame->start_child->timeout_ms;
}

static void take_terminate_child(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->terminate_child->name, frame->terminate_child->id, request);
    request->child = text_of(frame->terminate_child->child);
    request->incarnation = frame->terminate_child->incarnation;
    request->limit_ms = frame->terminate_child->timeout_ms;
}

static void take_restart_child(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->restart_child->name, frame->restart_child->id, request);
    request->child = text_of(frame->restart_child->child);
    request->limit_ms = frame->restart_child->timeout_ms;
}

static void take_delete_child(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->delete_child->name, frame->delete_child->id, request);
    request->child = text_of(frame->delete_child->child);
}

static void take_which_children(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->which_children->name, frame->which_children->id, request);
    request->child = text_of(frame->which_children->child);
    request->cursor = frame->which_children->cursor;
    request->limit = frame->which_children->limit;
}

static void take_count_children(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->count_children->name, frame->count_children->id, request);
}

static void take_get_child_spec(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->get_child_spec->name, frame->get_child_spec->id, request);
    request->child = text_of(frame->get_child_spec->child);
    request->incarnation = frame->get_child_spec->incarnation;
}

static void take_check_specs(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->payload = bytes_of(frame->check_specs->specs);
}

static void take_change_supervisor(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->change_supervisor->name, frame->change_supervisor->id, request);
    request->payload = bytes_of(frame->change_supervisor->spec);
}

static void take_suspend(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->suspend->name, frame->suspend->id, request);
}

static void take_get_state(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->get_state->name, frame->get_state->id, request);
    request->version = frame->get_state->version;
}

static void take_list_generations(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->list_generations->name, frame->list_generations->id, request);
}

static void take_restore_state(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->restore_state->name, frame->restore_state->id, request);
    request->version = frame->restore_state->version;
    request->limit_ms = frame->restore_state->timeout_ms;
}

static void take_transfer(const Peeper__V1__ClientFrame *frame, struct request *request) {
    const Peeper__V1__Transfer *transfer = frame->transfer;
    take_target(transfer->name, transfer->id, request);
    request->to_name = text_of(transfer->target);
    request->to_id = transfer->target_id;
    request->from_name = text_of(transfer->source);
    request->from_id = transfer->source_id;
    request->limit_ms = transfer->timeout_ms;
}

static void take_prepare_transfer(const Peeper__V1__ClientFrame *frame, struct request *request) {
    const Peeper__V1__PrepareTransfer *transfer = frame->prepare_transfer;
    take_target(transfer->name, transfer->id, request);
    request->to_name = text_of(transfer->target);
    request->to_id = transfer->target_id;
    request->from_name = text_of(transfer->source);
    request->from_id = transfer->source_id;
}

static void take_commit_transfer(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->handle = frame->commit_transfer->handle;
    request->limit_ms = frame->commit_transfer->timeout_ms;
}

static void take_replace_state(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->replace_state->name, frame->replace_state->id, request);
    request->payload = bytes_of(frame->replace_state->state);
    request->limit_ms = frame->replace_state->timeout_ms;
}

static void take_list_crashes(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->name = text_of(frame->list_crashes->name);
    request->cursor = frame->list_crashes->cursor;
    request->limit = frame->list_crashes->limit;
}

static void take_show_crash(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->crash = frame->show_crash->crash;
}

static void take_redrive(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->crash = frame->redrive->crash;
    request->limit_ms = frame->redrive->timeout_ms;
}

static void take_discard_crash(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->crash = frame->discard_crash->crash;
}

static void take_monitor(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->monitor->name, frame->monitor->id, request);
}

static void take_demonitor(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->ref = frame->demonitor->ref;
}

static void take_link(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->link->name, frame->link->id, request);
}

static void take_unlink(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->unlink->name, frame->unlink->id, request);
}

static void take_watch(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->name = text_of(frame->watch->name);
    request->prefix = frame->watch->prefix;
    request->from_version = frame->watch->from_version;
    request->with_old = frame->watch->with_old;
    request->unit = frame->watch->unit;
}

static void take_unwatch(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->ref = frame->unwatch->ref;
}

static void take_deploy(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->file = text_of(frame->deploy->file);
    request->payload = bytes_of(frame->deploy->content);
    request->extra = bytes_of(frame->deploy->extra);
}

static void take_upgrade(const Peeper__V1__ClientFrame *frame, struct request *request) {
    request->name = text_of(frame->upgrade->behaviour);
    request->file = text_of(frame->upgrade->file);
    request->payload = bytes_of(frame->upgrade->content);
    request->extra = bytes_of(frame->upgrade->extra);
    request->dry_run = frame->upgrade->dry_run;
}

static void take_list_tables(const Peeper__V1__ClientFrame *frame, struct request *request) {
    take_target(frame->list_tables->name, frame->list_tables->id, request);
}

static void take_read_table(const Peeper__V1__ClientFrame *frame, struct request *request) {
    const Peeper__V1__ReadTable *read = frame->read_table;
    take_target(read->name, read->id, request);
    request->table = text_of(read->table);
    request->key_prefix = text_of(read->prefix);
    request->after = bytes_of(read->from);
    request->limit = read->limit;
}

static void take_nothing(const Peeper__V1__ClientFrame *frame, struct request *request) {
    (void)frame;
    (void)request;
}

static const struct body_row {
    enum verb verb;
    void (*take)(const Peeper__V1__ClientFrame *frame, struct request *request);
} BODIES[] = {
    [PEEPER__V1__CLIENT_FRAME__BODY__NOT_SET] = {VERB_NONE, take_nothing},
    [PEEPER__V1__CLIENT_FRAME__BODY_HELLO] = {VERB_HELLO, take_hello},
    [PEEPER__V1__CLIENT_FRAME__BODY_CALL] = {VERB_CALL, take_call},
    [PEEPER__V1__CLIENT_FRAME__BODY_CAST] = {VERB_CAST, take_cast},
    [PEEPER__V1__CLIENT_FRAME__BODY_SEND] = {VERB_SEND, take_send},
    [PEEPER__V1__CLIENT_FRAME__BODY_START] = {VERB_START, take_start},
    [PEEPER__V1__CLIENT_FRAME__BODY_STOP] = {VERB_STOP, take_stop},
    [PEEPER__V1__CLIENT_FRAME__BODY_KILL] = {VERB_KILL, take_kill},
    [PEEPER__V1__CLIENT_FRAME__BODY_WHERE_IS] = {VERB_WHERE_IS, take_where_is},
    [PEEPER__V1__CLIENT_FRAME__BODY_LIST] = {VERB_LIST, take_list},
    [PEEPER__V1__CLIENT_FRAME__BODY_INSPECT] = {VERB_INSPECT, take_inspect},
    [PEEPER__V1__CLIENT_FRAME__BODY_RESUME] = {VERB_RESUME, take_resume},
    [PEEPER__V1__CLIENT_FRAME__BODY_PING] = {VERB_PING, take_nothing},
    [PEEPER__V1__CLIENT_FRAME__BODY_START_SUPERVISOR] = {VERB_START_SUPERVISOR,
                                                         take_start_supervisor},
    [PEEPER__V1__CLIENT_FRAME__BODY_START_CHILD] = {VERB_START_CHILD, take_start_child},
    [PEEPER__V1__CLIENT_FRAME__BODY_TERMINATE_CHILD] = {VERB_TERMINATE_CHILD, take_terminate_child},
    [PEEPER__V1__CLIENT_FRAME__BODY_RESTART_CHILD] = {VERB_RESTART_CHILD, take_restart_child},
    [PEEPER__V1__CLIENT_FRAME__BODY_DELETE_CHILD] = {VERB_DELETE_CHILD, take_delete_child},
    [PEEPER__V1__CLIENT_FRAME__BODY_WHICH_CHILDREN] = {VERB_WHICH_CHILDREN, take_which_children},
    [PEEPER__V1__CLIENT_FRAME__BODY_COUNT_CHILDREN] = {VERB_COUNT_CHILDREN, take_count_children},
    [PEEPER__V1__CLIENT_FRAME__BODY_GET_CHILD_SPEC] = {VERB_GET_CHILD_SPEC, take_get_child_spec},
    [PEEPER__V1__CLIENT_FRAME__BODY_CHECK_SPECS] = {VERB_CHECK_SPECS, take_check_specs},
    [PEEPER__V1__CLIENT_FRAME__BODY_CHANGE_SUPERVISOR] = {VERB_CHANGE_SUPERVISOR,
                                                          take_change_supervisor},
    [PEEPER__V1__CLIENT_FRAME__BODY_SUSPEND] = {VERB_SUSPEND, take_suspend},
    [PEEPER__V1__CLIENT_FRAME__BODY_GET_STATE] = {VERB_GET_STATE, take_get_state},
    [PEEPER__V1__CLIENT_FRAME__BODY_REPLACE_STATE] = {VERB_REPLACE_STATE, take_replace_state},
    [PEEPER__V1__CLIENT_FRAME__BODY_LIST_CRASHES] = {VERB_LIST_CRASHES, take_list_crashes},
    [PEEPER__V1__CLIENT_FRAME__BODY_SHOW_CRASH] = {VERB_SHOW_CRASH, take_show_crash},
    [PEEPER__V1__CLIENT_FRAME__BODY_REDRIVE] = {VERB_REDRIVE, take_redrive},
    [PEEPER__V1__CLIENT_FRAME__BODY_DISCARD_CRASH] = {VERB_DISCARD_CRASH, take_discard_crash},
    [PEEPER__V1__CLIENT_FRAME__BODY_LIST_BEHAVIOURS] = {VERB_LIST_BEHAVIOURS, take_nothing},
    [PEEPER__V1__CLIENT_FRAME__BODY_DEPLOY] = {VERB_DEPLOY, take_deploy},
    [PEEPER__V1__CLIENT_FRAME__BODY_UPGRADE] = {VERB_UPGRADE, take_upgrade},
    [PEEPER__V1__CLIENT_FRAME__BODY_MONITOR] = {VERB_MONITOR, take_monitor},
    [PEEPER__V1__CLIENT_FRAME__BODY_DEMONITOR] = {VERB_DEMONITOR, take_demonitor},
    [PEEPER__V1__CLIENT_FRAME__BODY_LINK] = {VERB_LINK, take_link},
    [PEEPER__V1__CLIENT_FRAME__BODY_UNLINK] = {VERB_UNLINK, take_unlink},
    [PEEPER__V1__CLIENT_FRAME__BODY_WATCH] = {VERB_WATCH, take_watch},
    [PEEPER__V1__CLIENT_FRAME__BODY_UNWATCH] = {VERB_UNWATCH, take_unwatch},
    [PEEPER__V1__CLIENT_FRAME__BODY_LIST_GENERATIONS] = {VERB_LIST_GENERATIONS,
                                                         take_list_generations},
    [PEEPER__V1__CLIENT_FRAME__BODY_RESTORE_STATE] = {VERB_RESTORE_STATE, take_restore_state},
    [PEEPER__V1__CLIENT_FRAME__BODY_TRANSFER] = {VERB_TRANSFER, take_transfer},
    [PEEPER__V1__CLIENT_FRAME__BODY_PREPARE_TRANSFER] = {VERB_PREPARE_TRANSFER,
                                                         take_prepare_transfer},
    [PEEPER__V1__CLIENT_FRAME__BODY_COMMIT_TRANSFER] = {VERB_COMMIT_TRANSFER, take_commit_transfer},
    [PEEPER__V1__CLIENT_FRAME__BODY_LIST_TABLES] = {VERB_LIST_TABLES, take_list_tables},
    [PEEPER__V1__CLIENT_FRAME__BODY_READ_TABLE] = {VERB_READ_TABLE, take_read_table},
};

// A body that the schema has and this table lacks would be a verb without a meaning.
_Static_assert(sizeof BODIES / sizeof BODIES[0] == PEEPER__V1__CLIENT_FRAME__BODY_READ_TABLE + 1,
               "");
_Static_assert(VERB_COUNT == VERB_READ_TABLE + 1, "");

// Names of tables one behind the other, each behind a byte that tells its length.
static void pack_keep(struct codec *codec, const Peeper__V1__Keep *keep, struct request *request) {
    size_t bytes = 0;
    bool   beyond = keep->n_names > KEEP_NAMES_MAX;
    for (size_t i = 0; i < keep->n_names && !beyond; i++) {
        struct slice name = text_of(keep->names[i]);
        bytes += 1 + name.bytes;
        beyond = name.bytes > KEEP_NAME_BYTES_MAX || bytes > KEEP_BYTES_MAX;
    }
    uint8_t *at = beyond ? NULL : arena_alloc(codec, bytes + 1);
    request->keep = at == NULL ? KEEP_BEYOND : KEEP_LISTED;
    if (at == NULL) return;
    request->keep_names = slice_of(at, bytes);
    for (size_t i = 0; i < keep->n_names; i++) {
        struct slice name = text_of(keep->names[i]);
        *at++ = (uint8_t)name.bytes;
        if (name.bytes > 0) memcpy(at, name.data, name.bytes);
        at += name.bytes;
    }
}

enum status codec_decode(struct codec *codec, struct slice frame, struct request *ret_request) {
    if (fast_decode(frame, ret_request)) return STATUS_OK;

    codec->used = 0;
    ProtobufCAllocator             allocator = {arena_alloc, arena_free, codec};
    const Peeper__V1__ClientFrame *decoded =
        peeper__v1__client_frame__unpack(&allocator, frame.bytes, frame.data);
    if (decoded == NULL) return STATUS_PROTOCOL;

    CHECK(decoded->body_case < sizeof BODIES / sizeof BODIES[0]);
    const struct body_row *body = &BODIES[decoded->body_case];
    struct request         request = {.id = decoded->id, .verb = body->verb};
    body->take(decoded, &request);
    if (body->verb == VERB_START && decoded->start->keep_tables != NULL)
        pack_keep(codec, decoded->start->keep_tables, &request);
    *ret_request = request;
    return STATUS_OK;
}

// --- Encoding ------------------------------------------------------------------------------------

uint8_t *codec_begin_frame(struct buf *out, size_t body_bytes) {
    if (body_bytes > FRAME_BODY_BYTES_MAX) return NULL;
    uint8_t *room = buf_reserve(out, FRAME_PREFIX_BYTES_MAX + body_bytes);
    return room == NULL ? NULL : room + frame_prefix(room, (uint32_t)body_bytes);
}

void codec_end_frame(struct buf *out, const uint8_t *end) {
    out->bytes = (size_t)(end - out->data);
    CHECK(out->bytes <= out->capacity);
}

enum status codec_write_frame(struct buf *out, const Peeper__V1__ServerFrame *frame) {
    uint8_t *at = codec_begin_frame(out, peeper__v1__server_frame__get_packed_size(frame));
    if (at == NULL) return STATUS_NO_MEMORY;
    codec_end_frame(out, at + peeper__v1__server_frame__pack(frame, at));
    return STATUS_OK;
}

enum status codec_write_welcome(struct buf *out, uint64_t id, const struct welcome *welcome) {
    Peeper__V1__Limits limits = PEEPER__V1__LIMITS__INIT;
    limits.frame_bytes_max = welcome->frame_bytes_max;
    limits.name_bytes_max = welcome->name_bytes_max;
    limits.deadline_ms_max = welcome->deadline_ms_max;
    limits.mailbox_max = welcome->mailbox_max;

    Peeper__V1__Welcome body = PEEPER__V1__WELCOME__INIT;
    body.protocol_version = PROTOCOL_VERSION;
    body.server_version = borrow_text(welcome->server_version);
    body.limits = &limits;
    char *features[] = {borrow_text(FEATURE_IDEMPOTENCY)};
    body.features = features;
    body.n_features = welcome->idempotency ? 1 : 0;

    SERVER_FRAME(frame, id, WELCOME, welcome, &body);
    return codec_write_frame(out, &frame);
}

// The lines of a backtrace, each terminated.
struct lines {
    char  text[TRACE_BYTES_MAX + 1];
    char *lines[TRACE_LINES_MAX];
};

static size_t split_lines(struct slice text, struct lines *room) {
    size_t bytes = text.bytes < TRACE_BYTES_MAX ? text.bytes : TRACE_BYTES_MAX;
    size_t count = 0, begin = 0;
    if (bytes > 0) memcpy(room->text, text.data, bytes);
    room->text[bytes] = '\n';
    for (size_t i = 0; i <= bytes && count < TRACE_LINES_MAX; i++) {
        if (room->text[i] != '\n') continue;
        room->text[i] = '\0';
        if (i > begin) room->lines[count++] = &room->text[begin];
        begin = i + 1;
    }
    return count;
}

// An ActorInfo with all it points to; it must not move once filled.
struct described {
    Peeper__V1__ActorInfo   info;
    Peeper__V1__StateInfo   state;
    Peeper__V1__CrashInfo   crash;
    Peeper__V1__SteppedBack step;
    char                    name[TEXT_BYTES_MAX + 1];
    char                    supervisor[TEXT_BYTES_MAX + 1];
    char                    behaviour[TEXT_BYTES_MAX + 1];
    char                    awaits[TEXT_BYTES_MAX + 1];
    char                    version[TEXT_BYTES_MAX + 1];
    char                    refused[TEXT_BYTES_MAX + 1];
    char                    text[TEXT_BYTES_MAX + 1];
    struct lines            trace;
};

static void describe_crash(struct described *described, const struct crash_info *crash) {
    if (crash->kind == NULL) return;
    peeper__v1__crash_info__init(&described->crash);
    described->crash.kind = borrow_text(crash->kind);
    described->crash.reason = borrow_bytes(crash->reason);
    described->crash.at_ms = crash->at_ms;
    described->crash.id = crash->id;
    described->crash.message = copy_text(crash->text, described->text);
    described->crash.n_backtrace = split_lines(crash->trace, &described->trace);
    described->crash.backtrace = described->trace.lines;
    described->info.last_crash = &described->crash;
}

static void describe_step(struct described *described, const struct step_info *step) {
    if (step->from == 0) return;
    peeper__v1__stepped_back__init(&described->step);
    described->step.from = step->from;
    described->step.to = step->to;
    described->step.at_ms = step->at_ms;
    described->info.stepped_back = &described->step;
}

static void fill_state(Peeper__V1__StateInfo *state, const struct actor_info *info) {
    peeper__v1__state_info__init(state);
    state->value = borrow_bytes(info->state);
    state->version = info->version;
    state->at_ms = info->state_at_ms;
    state->turn = info->state_turn;
    state->unit = info->unit;
}

static void describe_state(struct described *described, const struct actor_info *info) {
    if (!info->has_state) return;
    fill_state(&described->state, info);
    described->info.state = &described->state;
}

// "@id" for one without a name; nothing for nobody.
static char *name_or_id(struct slice name, uint64_t id, char room[static TEXT_BYTES_MAX + 1]) {
    if (name.bytes > 0 || id == 0) return copy_text(name, room);
    snprintf(room, TEXT_BYTES_MAX, "@%" PRIu64, id);
    return room;
}

// All but the state.
static void describe(struct described *described, const struct actor_info *info) {
    peeper__v1__actor_info__init(&described->info);
    described->info.name = copy_text(info->name, described->name);
    described->info.behaviour = copy_text(info->behaviour, described->behaviour);
    described->info.status = borrow_text(info->status);
    described->info.unit = info->unit;
    described->info.incarnation = info->incarnation;
    described->info.restarts = info->restarts;
    described->info.mailbox = info->mailbox;
    described->info.worker = info->worker;
    described->info.host_pid = info->host_pid;
    described->info.turn_ms = info->turn_ms;
    described->info.suspended = info->suspended;
    described->info.is_supervisor = info->is_supervisor;
    described->info.strategy = borrow_text(info->strategy);
    described->info.supervisor =
        name_or_id(info->supervisor, info->supervisor_id, described->supervisor);
    described->info.awaits = copy_text(info->awaits, described->awaits);
    described->info.hibernating = info->hibernating;
    described->info.timers = info->timers;
    described->info.links = info->links;
    described->info.monitors = info->monitors;
    described->info.trap_exit = info->trap_exit;
    described->info.isolation = (Peeper__V1__Isolation)info->isolation;
    described->info.quarantined = info->quarantined;
    described->info.watchers = info->watchers;
    described->info.events_dropped = info->events_dropped;
    described->info.newest_version = info->newest_version;
    describe_step(described, &info->stepped_back);
    described->info.version = copy_text(info->code_version, described->version);
    described->info.code_refused = copy_text(info->code_refused, described->refused);
    described->info.tables = info->tables;
    described->info.table_bytes = info->table_bytes;
    describe_crash(described, &info->last_crash);
}

enum status codec_write_actor_info(struct buf *out, uint64_t id, const struct actor_info *info) {
    struct described described;
    describe(&described, info);
    describe_state(&described, info);
    SERVER_FRAME(frame, id, ACTOR_INFO, actor_info, &described.info);
    return codec_write_frame(out, &frame);
}

enum status codec_write_state(struct buf *out, uint64_t id, const struct actor_info *info) {
    Peeper__V1__StateInfo body;
    fill_state(&body, info);
    SERVER_FRAME(frame, id, STATE, state, &body);
    return codec_write_frame(out, &frame);
}

// --- Children ------------------------------------------------------------------------------------

// A Child with all it points to; it must not move once filled.
struct described_child {
    Peeper__V1__Child child;
    char              id[TEXT_BYTES_MAX + 1];
    char              name[TEXT_BYTES_MAX + 1];
    char              behaviour[TEXT_BYTES_MAX + 1];
};

static void describe_child(struct described_child *described, const struct child_info *info) {
    peeper__v1__child__init(&described->child);
    described->child.id = copy_text(info->id, described->id);
    described->child.name = copy_text(info->name, described->name);
    described->child.behaviour = copy_text(info->behaviour, described->behaviour);
    described->child.status = borrow_text(info->status);
    described->child.strategy = borrow_text(info->strategy);
    described->child.restart = borrow_text(info->restart);
    described->child.supervisor = info->strategy != NULL;
    described->child.incarnation = info->incarnation;
    described->child.unit = info->unit;
    described->child.restarts = info->restarts;
    described->child.mailbox = info->mailbox;
    described->child.children = info->children;
    described->child.significant = info->significant;
}

// --- Crashes -------------------------------------------------------------------------------------

// A CrashReport with all it points to; it must not move once filled.
struct described_report {
    Peeper__V1__CrashReport report;
    char                    name[TEXT_BYTES_MAX + 1];
    char                    behaviour[TEXT_BYTES_MAX + 1];
    char                    version[TEXT_BYTES_MAX + 1];
    char                    text[TEXT_BYTES_MAX + 1];
    struct lines            trace;
};

// All but the message.
static void describe_report(struct described_report *described, const struct crash_report *report) {
    peeper__v1__crash_report__init(&described->report);
    described->report.crash = report->id;
    described->report.name = copy_text(report->name, described->name);
    described->report.unit = report->unit;
    described->report.incarnation = report->incarnation;
    described->report.behaviour = copy_text(report->behaviour, described->behaviour);
    described->report.version = copy_text(report->version, described->version);
    described->report.kind = borrow_text(report->kind);
    described->report.reason = borrow_bytes(report->reason);
    described->report.message = copy_text(report->text, described->text);
    described->report.n_backtrace = split_lines(report->trace, &described->trace);
    described->report.backtrace = described->trace.lines;
    described->report.turn = borrow_text(report->turn);
    described->report.payload_bytes = report->message_bytes;
    described->report.payload_cut = report->message_cut;
    described->report.state_version = report->state_version;
    described->report.host_pid = report->host_pid;
    described->report.at_ms = report->at_ms;
    described->report.attempts = report->attempts;
    described->report.message_set_aside = report->message_set_aside;
    described->report.redriven = report->redriven;
}

enum status codec_write_crash_report(struct buf *out, uint64_t id,
                                     const struct crash_report *report) {
    struct described_report described;
    describe_report(&described, report);
    described.report.payload = borrow_bytes(report->message);
    SERVER_FRAME(frame, id, CRASH_REPORT, crash_report, &described.report);
    return codec_write_frame(out, &frame);
}

// --- Pages ---------------------------------------------------------------------------------------

static const ProtobufCMessage *element_actor(void *room, const void *elements, size_t i) {
    struct described *described = room;
    describe(described, &((const struct actor_info *)elements)[i]);
    return &described->info.base;
}

static const ProtobufCMessage *element_child(void *room, const void *elements, size_t i) {
    struct described_child *described = room;
    describe_child(described, &((const struct child_info *)elements)[i]);
    return &described->child.base;
}

static const ProtobufCMessage *element_report(void *room, const void *elements, size_t i) {
    struct described_report *described = room;
    describe_report(described, &((const struct crash_report *)elements)[i]);
    return &described->report.base;
}

enum status codec_write_listing(struct buf *out, uint64_t id, const struct actor_info *actors,
                                size_t count, uint64_t next) {
    Peeper__V1__Listing tail = PEEPER__V1__LISTING__INIT;
    tail.next = next;
    struct described  room;
    struct codec_page page = {
        .body = PEEPER__V1__SERVER_FRAME__BODY_LISTING,
        .elements = actors,
        .count = count,
        .tail = &tail.base,
        .describe = element_actor,
        .room = &room,
    };
    return codec_write_page(out, id, &page);
}

enum status codec_write_children(struct buf *out, uint64_t id, const struct child_info *children,
                                 size_t count, uint64_t next) {
    Peeper__V1__Children tail = PEEPER__V1__CHILDREN__INIT;
    tail.next = next;
    struct described_child room;
    struct codec_page      page = {
             .body = PEEPER__V1__SERVER_FRAME__BODY_CHILDREN,
             .elements = children,
             .count = count,
             .tail = &tail.base,
             .describe = element_child,
             .room = &room,
    };
    return codec_write_page(out, id, &page);
}

enum status codec_write_crash_listing(struct buf *out, uint64_t id,
                                      const struct crash_report *reports, size_t count,
                                      uint64_t next) {
    Peeper__V1__CrashListing tail = PEEPER__V1__CRASH_LISTING__INIT;
    tail.next = next;
    struct described_report room;
    struct codec_page       page = {
              .body = PEEPER__V1__SERVER_FRAME__BODY_CRASH_LISTING,
              .elements = reports,
              .count = count,
              .tail = &tail.base,
              .describe = element_report,
              .room = &room,
    };
    return codec_write_page(out, id, &page);
}
