#include "encode.h"

#include "hot.h"

#include "base/check.h"
#include "wire/frame.h"

#include <string.h>

#include <peeper/v1/peeper.pb-c.h>

// The message inside the frame; the frame points to it, so it lives as long.
union body {
    Peeper__V1__Hello            hello;
    Peeper__V1__Call             call;
    Peeper__V1__Cast             cast;
    Peeper__V1__Send             send;
    Peeper__V1__Stop             stop;
    Peeper__V1__Kill             kill;
    Peeper__V1__Resume           resume;
    Peeper__V1__WhereIs          where_is;
    Peeper__V1__List             list;
    Peeper__V1__Inspect          inspect;
    Peeper__V1__Ping             ping;
    Peeper__V1__StartSupervisor  start_supervisor;
    Peeper__V1__StartChild       start_child;
    Peeper__V1__TerminateChild   terminate_child;
    Peeper__V1__RestartChild     restart_child;
    Peeper__V1__DeleteChild      delete_child;
    Peeper__V1__WhichChildren    which_children;
    Peeper__V1__CountChildren    count_children;
    Peeper__V1__GetChildSpec     get_child_spec;
    Peeper__V1__CheckSpecs       check_specs;
    Peeper__V1__ChangeSupervisor change_supervisor;
    Peeper__V1__Monitor          monitor;
    Peeper__V1__Demonitor        demonitor;
    Peeper__V1__Watch            watch;
    Peeper__V1__Unwatch          unwatch;
    Peeper__V1__Link             link;
    Peeper__V1__Unlink           unlink;
    Peeper__V1__ListCrashes      list_crashes;
    Peeper__V1__ShowCrash        show_crash;
    Peeper__V1__Redrive          redrive;
    Peeper__V1__DiscardCrash     discard_crash;
    Peeper__V1__Suspend          suspend;
    Peeper__V1__GetState         get_state;
    Peeper__V1__ReplaceState     replace_state;
    Peeper__V1__ListGenerations  list_generations;
    Peeper__V1__RestoreState     restore_state;
    Peeper__V1__Transfer         transfer;
    Peeper__V1__PrepareTransfer  prepare_transfer;
    Peeper__V1__CommitTransfer   commit_transfer;
    Peeper__V1__ListBehaviours   list_behaviours;
    Peeper__V1__Deploy           deploy;
    Peeper__V1__Upgrade          upgrade;
    Peeper__V1__ListTables       list_tables;
    Peeper__V1__ReadTable        read_table;
    struct {
        Peeper__V1__Start     message;
        Peeper__V1__Intensity intensity;
        Peeper__V1__Keep      keep;
    } start;
};

// protobuf-c has no const: it only reads what these point to.
static char *text(const char *text_or_null) {
    return text_or_null != NULL ? (char *)text_or_null : (char *)protobuf_c_empty_string;
}

static ProtobufCBinaryData bytes(struct peeper_value value) {
    return (ProtobufCBinaryData){.len = value.bytes, .data = (uint8_t *)value.data};
}

static void fill_hello(union body *body, const struct request *request) {
    body->hello = (Peeper__V1__Hello)PEEPER__V1__HELLO__INIT;
    body->hello.protocol_version = PEEPER_PROTOCOL_VERSION;
    body->hello.token = text(request->token);
    body->hello.client = text(request->client);
    static char  idempotency[] = "idempotency";
    static char *features[] = {idempotency};
    body->hello.features = features;
    body->hello.n_features = 1;
}

static ProtobufCBinaryData key(const char *terminated) {
    struct peeper_value value = {(const uint8_t *)terminated,
                                 terminated == NULL ? 0 : strlen(terminated)};
    return bytes(value);
}

// Most requests have these fields, in messages of types that share nothing.
#define FILL(field, INIT, more)                                                 \
    static void fill_##field(union body *body, const struct request *request) { \
        body->field = INIT;                                                     \
        body->field.name = text(request->target.name);                          \
        body->field.id = request->target.id;                                    \
        more                                                                    \
    }

FILL(call, (Peeper__V1__Call)PEEPER__V1__CALL__INIT, body->call.payload = bytes(request->payload);
     body->call.deadline_ms = request->limit_ms; body->call.idempotency_key = key(request->key);)
FILL(cast, (Peeper__V1__Cast)PEEPER__V1__CAST__INIT, body->cast.payload = bytes(request->payload);
     body->cast.idempotency_key = key(request->key);)
FILL(send, (Peeper__V1__Send)PEEPER__V1__SEND__INIT, body->send.payload = bytes(request->payload);)
FILL(stop, (Peeper__V1__Stop)PEEPER__V1__STOP__INIT, body->stop.reason = bytes(request->payload);
     body->stop.timeout_ms = request->limit_ms;)
FILL(kill, (Peeper__V1__Kill)PEEPER__V1__KILL__INIT, )
FILL(resume, (Peeper__V1__Resume)PEEPER__V1__RESUME__INIT, )
FILL(where_is, (Peeper__V1__WhereIs)PEEPER__V1__WHERE_IS__INIT, )
FILL(inspect, (Peeper__V1__Inspect)PEEPER__V1__INSPECT__INIT, )
FILL(start_child, (Peeper__V1__StartChild)PEEPER__V1__START_CHILD__INIT,
     body->start_child.spec = bytes(request->payload);
     body->start_child.timeout_ms = request->limit_ms;)
FILL(terminate_child, (Peeper__V1__TerminateChild)PEEPER__V1__TERMINATE_CHILD__INIT,
     body->terminate_child.child = text(request->child.id);
     body->terminate_child.incarnation = request->child.incarnation;
     body->terminate_child.timeout_ms = request->limit_ms;)
FILL(restart_child, (Peeper__V1__RestartChild)PEEPER__V1__RESTART_CHILD__INIT,
     body->restart_child.child = text(request->child.id);
     body->restart_child.timeout_ms = request->limit_ms;)
FILL(delete_child, (Peeper__V1__DeleteChild)PEEPER__V1__DELETE_CHILD__INIT,
     body->delete_child.child = text(request->child.id);)
FILL(which_children, (Peeper__V1__WhichChildren)PEEPER__V1__WHICH_CHILDREN__INIT,
     body->which_children.child = text(request->child.id);
     body->which_children.cursor = request->page->cursor;
     body->which_children.limit = request->page->limit;)
FILL(count_children, (Peeper__V1__CountChildren)PEEPER__V1__COUNT_CHILDREN__INIT, )
FILL(get_child_spec, (Peeper__V1__GetChildSpec)PEEPER__V1__GET_CHILD_SPEC__INIT,
     body->get_child_spec.child = text(request->child.id);
     body->get_child_spec.incarnation = request->child.incarnation;)
FILL(change_supervisor, (Peeper__V1__ChangeSupervisor)PEEPER__V1__CHANGE_SUPERVISOR__INIT,
     body->change_supervisor.spec = bytes(request->payload);)
FILL(suspend, (Peeper__V1__Suspend)PEEPER__V1__SUSPEND__INIT, )
FILL(get_state, (Peeper__V1__GetState)PEEPER__V1__GET_STATE__INIT,
     body->get_state.version = request->version;)
FILL(list_generations, (Peeper__V1__ListGenerations)PEEPER__V1__LIST_GENERATIONS__INIT, )
FILL(restore_state, (Peeper__V1__RestoreState)PEEPER__V1__RESTORE_STATE__INIT,
     body->restore_state.version = request->version;
     body->restore_state.timeout_ms = request->limit_ms;)
FILL(transfer, (Peeper__V1__Transfer)PEEPER__V1__TRANSFER__INIT,
     body->transfer.target = text(request->to.name);
     body->transfer.target_id = request->to.id; body->transfer.source = text(request->from.name);
     body->transfer.source_id = request->from.id; body->transfer.timeout_ms = request->limit_ms;)
FILL(prepare_transfer, (Peeper__V1__PrepareTransfer)PEEPER__V1__PREPARE_TRANSFER__INIT,
     body->prepare_transfer.target = text(request->to.name);
     body->prepare_transfer.target_id = request->to.id;
     body->prepare_transfer.source = text(request->from.name);
     body->prepare_transfer.source_id = request->from.id;)
FILL(replace_state, (Peeper__V1__ReplaceState)PEEPER__V1__REPLACE_STATE__INIT,
     body->replace_state.state = bytes(request->payload);
     body->replace_state.timeout_ms = request->limit_ms;)
FILL(list_tables, (Peeper__V1__ListTables)PEEPER__V1__LIST_TABLES__INIT, )
FILL(read_table, (Peeper__V1__ReadTable)PEEPER__V1__READ_TABLE__INIT,
     body->read_table.table = text(request->rows->table);
     body->read_table.prefix = text(request->rows->prefix);
     body->read_table.from = bytes(request->rows->from);
     body->read_table.limit = request->rows->limit;)
FILL(monitor, (Peeper__V1__Monitor)PEEPER__V1__MONITOR__INIT, )
FILL(link, (Peeper__V1__Link)PEEPER__V1__LINK__INIT, )
FILL(unlink, (Peeper__V1__Unlink)PEEPER__V1__UNLINK__INIT, )
#undef FILL

static void fill_commit_transfer(union body *body, const struct request *request) {
    body->commit_transfer = (Peeper__V1__CommitTransfer)PEEPER__V1__COMMIT_TRANSFER__INIT;
    body->commit_transfer.handle = request->handle;
    body->commit_transfer.timeout_ms = request->limit_ms;
}

static void fill_demonitor(union body *body, const struct request *request) {
    body->demonitor = (Peeper__V1__Demonitor)PEEPER__V1__DEMONITOR__INIT;
    body->demonitor.ref = request->ref;
}

static void fill_watch(union body *body, const struct request *request) {
    const struct peeper_watch *watch = request->watch;
    body->watch = (Peeper__V1__Watch)PEEPER__V1__WATCH__INIT;
    body->watch.name = text(watch->prefix != NULL ? watch->prefix : watch->name);
    body->watch.prefix = watch->prefix != NULL;
    body->watch.from_version = watch->from_version;
    body->watch.with_old = watch->with_old;
    body->watch.unit = watch->unit;
}

static void fill_unwatch(union body *body, const struct request *request) {
    body->unwatch = (Peeper__V1__Unwatch)PEEPER__V1__UNWATCH__INIT;
    body->unwatch.ref = request->ref;
}

static void fill_start_supervisor(union body *body, const struct request *request) {
    body->start_supervisor = (Peeper__V1__StartSupervisor)PEEPER__V1__START_SUPERVISOR__INIT;
    body->start_supervisor.name = text(request->target.name);
    body->start_supervisor.spec = bytes(request->payload);
    body->start_supervisor.timeout_ms = request->limit_ms;
}

static void fill_check_specs(union body *body, const struct request *request) {
    body->check_specs = (Peeper__V1__CheckSpecs)PEEPER__V1__CHECK_SPECS__INIT;
    body->check_specs.specs = bytes(request->payload);
}

static void fill_start(union body *body, const struct request *request) {
    const struct peeper_start_options *options = request->start;
    Peeper__V1__Start                 *start = &body->start.message;

    *start = (Peeper__V1__Start)PEEPER__V1__START__INIT;
    start->name = text(options->name);
    start->behaviour = text(options->behaviour);
    start->argument = bytes(options->argument);
    start->timeout_ms = options->timeout_ms;
    start->restart = (Peeper__V1__Restart)options->restart;
    start->on_intensity = (Peeper__V1__OnIntensity)options->on_intensity;
    start->mailbox_max = options->mailbox_max;
    start->hibernate_after_ms = options->hibernate_after_ms;
    start->link = options->link;
    start->monitor = options->monitor;
    start->no_trap_exit = options->no_trap_exit;
    start->isolation = (Peeper__V1__Isolation)options->isolation;
    start->generations = options->generations;
    start->step_back = options->step_back;
    start->listener = text(options->listener);
    if (options->keep_listed) {
        body->start.keep = (Peeper__V1__Keep)PEEPER__V1__KEEP__INIT;
        body->start.keep.names = (char **)(uintptr_t)options->keep_tables;
        body->start.keep.n_names = options->keep_tables_count;
        start->keep_tables = &body->start.keep;
    }
    if (options->has_intensity) {
        body->start.intensity = (Peeper__V1__Intensity)PEEPER__V1__INTENSITY__INIT;
        body->start.intensity.restarts = options->intensity;
        body->start.intensity.period_ms = options->period_ms;
        start->intensity = &body->start.intensity;
    }
}

static void fill_list(union body *body, const struct request *request) {
    body->list = (Peeper__V1__List)PEEPER__V1__LIST__INIT;
    body->list.prefix = text(request->page->prefix);
    body->list.cursor = request->page->cursor;
    body->list.limit = request->page->limit;
}

static void fill_ping(union body *body, const struct request *request) {
    (void)request;
    body->ping = (Peeper__V1__Ping)PEEPER__V1__PING__INIT;
}

static void fill_crashes(union body *body, const struct request *request) {
    body->list_crashes = (Peeper__V1__ListCrashes)PEEPER__V1__LIST_CRASHES__INIT;
    body->list_crashes.name = text(request->page->prefix);
    body->list_crashes.cursor = request->page->cursor;
    body->list_crashes.limit = request->page->limit;
}

static void fill_crash(union body *body, const struct request *request) {
    body->show_crash = (Peeper__V1__ShowCrash)PEEPER__V1__SHOW_CRASH__INIT;
    body->show_crash.crash = request->crash;
}

static void fill_redrive(union body *body, const struct request *request) {
    body->redrive = (Peeper__V1__Redrive)PEEPER__V1__REDRIVE__INIT;
    body->redrive.crash = request->crash;
    body->redrive.timeout_ms = request->limit_ms;
}

static void fill_discard_crash(union body *body, const struct request *request) {
    body->discard_crash = (Peeper__V1__DiscardCrash)PEEPER__V1__DISCARD_CRASH__INIT;
    body->discard_crash.crash = request->crash;
}

static void fill_behaviours(union body *body, const struct request *request) {
    (void)request;
    body->list_behaviours = (Peeper__V1__ListBehaviours)PEEPER__V1__LIST_BEHAVIOURS__INIT;
}

static void fill_deploy(union body *body, const struct request *request) {
    body->deploy = (Peeper__V1__Deploy)PEEPER__V1__DEPLOY__INIT;
    body->deploy.file = text(request->upgrade->file);
    body->deploy.content = bytes(request->upgrade->content);
    body->deploy.extra = bytes(request->upgrade->extra);
}

static void fill_upgrade(union body *body, const struct request *request) {
    body->upgrade = (Peeper__V1__Upgrade)PEEPER__V1__UPGRADE__INIT;
    body->upgrade.behaviour = text(request->upgrade->behaviour);
    body->upgrade.file = text(request->upgrade->file);
    body->upgrade.content = bytes(request->upgrade->content);
    body->upgrade.extra = bytes(request->upgrade->extra);
    body->upgrade.dry_run = request->upgrade->dry_run;
}

static const struct shape {
    void (*fill)(union body *body, const struct request *request);
    Peeper__V1__ClientFrame__BodyCase body_case;
} SHAPES[REQUEST_VERBS] = {
    [REQUEST_HELLO] = {fill_hello, PEEPER__V1__CLIENT_FRAME__BODY_HELLO},
    [REQUEST_CALL] = {fill_call, PEEPER__V1__CLIENT_FRAME__BODY_CALL},
    [REQUEST_CAST] = {fill_cast, PEEPER__V1__CLIENT_FRAME__BODY_CAST},
    [REQUEST_SEND] = {fill_send, PEEPER__V1__CLIENT_FRAME__BODY_SEND},
    [REQUEST_START] = {fill_start, PEEPER__V1__CLIENT_FRAME__BODY_START},
    [REQUEST_STOP] = {fill_stop, PEEPER__V1__CLIENT_FRAME__BODY_STOP},
    [REQUEST_KILL] = {fill_kill, PEEPER__V1__CLIENT_FRAME__BODY_KILL},
    [REQUEST_RESUME] = {fill_resume, PEEPER__V1__CLIENT_FRAME__BODY_RESUME},
    [REQUEST_WHEREIS] = {fill_where_is, PEEPER__V1__CLIENT_FRAME__BODY_WHERE_IS},
    [REQUEST_LIST] = {fill_list, PEEPER__V1__CLIENT_FRAME__BODY_LIST},
    [REQUEST_INSPECT] = {fill_inspect, PEEPER__V1__CLIENT_FRAME__BODY_INSPECT},
    [REQUEST_PING] = {fill_ping, PEEPER__V1__CLIENT_FRAME__BODY_PING},
    [REQUEST_START_SUPERVISOR] = {fill_start_supervisor,
                                  PEEPER__V1__CLIENT_FRAME__BODY_START_SUPERVISOR},
    [REQUEST_START_CHILD] = {fill_start_child, PEEPER__V1__CLIENT_FRAME__BODY_START_CHILD},
    [REQUEST_TERMINATE_CHILD] = {fill_terminate_child,
                                 PEEPER__V1__CLIENT_FRAME__BODY_TERMINATE_CHILD},
    [REQUEST_RESTART_CHILD] = {fill_restart_child, PEEPER__V1__CLIENT_FRAME__BODY_RESTART_CHILD},
    [REQUEST_DELETE_CHILD] = {fill_delete_child, PEEPER__V1__CLIENT_FRAME__BODY_DELETE_CHILD},
    [REQUEST_WHICH_CHILDREN] = {fill_which_children, PEEPER__V1__CLIENT_FRAME__BODY_WHICH_CHILDREN},
    [REQUEST_COUNT_CHILDREN] = {fill_count_children, PEEPER__V1__CLIENT_FRAME__BODY_COUNT_CHILDREN},
    [REQUEST_CHILD_SPEC] = {fill_get_child_spec, PEEPER__V1__CLIENT_FRAME__BODY_GET_CHILD_SPEC},
    [REQUEST_CHECK_SPECS] = {fill_check_specs, PEEPER__V1__CLIENT_FRAME__BODY_CHECK_SPECS},
    [REQUEST_CHANGE_SUPERVISOR] = {fill_change_supervisor,
                                   PEEPER__V1__CLIENT_FRAME__BODY_CHANGE_SUPERVISOR},
    [REQUEST_MONITOR] = {fill_monitor, PEEPER__V1__CLIENT_FRAME__BODY_MONITOR},
    [REQUEST_DEMONITOR] = {fill_demonitor, PEEPER__V1__CLIENT_FRAME__BODY_DEMONITOR},
    [REQUEST_WATCH] = {fill_watch, PEEPER__V1__CLIENT_FRAME__BODY_WATCH},
    [REQUEST_UNWATCH] = {fill_unwatch, PEEPER__V1__CLIENT_FRAME__BODY_UNWATCH},
    [REQUEST_LINK] = {fill_link, PEEPER__V1__CLIENT_FRAME__BODY_LINK},
    [REQUEST_UNLINK] = {fill_unlink, PEEPER__V1__CLIENT_FRAME__BODY_UNLINK},
    [REQUEST_CRASHES] = {fill_crashes, PEEPER__V1__CLIENT_FRAME__BODY_LIST_CRASHES},
    [REQUEST_CRASH] = {fill_crash, PEEPER__V1__CLIENT_FRAME__BODY_SHOW_CRASH},
    [REQUEST_REDRIVE] = {fill_redrive, PEEPER__V1__CLIENT_FRAME__BODY_REDRIVE},
    [REQUEST_DISCARD_CRASH] = {fill_discard_crash, PEEPER__V1__CLIENT_FRAME__BODY_DISCARD_CRASH},
    [REQUEST_SUSPEND] = {fill_suspend, PEEPER__V1__CLIENT_FRAME__BODY_SUSPEND},
    [REQUEST_GET_STATE] = {fill_get_state, PEEPER__V1__CLIENT_FRAME__BODY_GET_STATE},
    [REQUEST_GENERATIONS] = {fill_list_generations,
                             PEEPER__V1__CLIENT_FRAME__BODY_LIST_GENERATIONS},
    [REQUEST_RESTORE_STATE] = {fill_restore_state, PEEPER__V1__CLIENT_FRAME__BODY_RESTORE_STATE},
    [REQUEST_TRANSFER] = {fill_transfer, PEEPER__V1__CLIENT_FRAME__BODY_TRANSFER},
    [REQUEST_PREPARE_TRANSFER] = {fill_prepare_transfer,
                                  PEEPER__V1__CLIENT_FRAME__BODY_PREPARE_TRANSFER},
    [REQUEST_COMMIT_TRANSFER] = {fill_commit_transfer,
                                 PEEPER__V1__CLIENT_FRAME__BODY_COMMIT_TRANSFER},
    [REQUEST_REPLACE_STATE] = {fill_replace_state, PEEPER__V1__CLIENT_FRAME__BODY_REPLACE_STATE},
    [REQUEST_BEHAVIOURS] = {fill_behaviours, PEEPER__V1__CLIENT_FRAME__BODY_LIST_BEHAVIOURS},
    [REQUEST_DEPLOY] = {fill_deploy, PEEPER__V1__CLIENT_FRAME__BODY_DEPLOY},
    [REQUEST_UPGRADE] = {fill_upgrade, PEEPER__V1__CLIENT_FRAME__BODY_UPGRADE},
    [REQUEST_TABLES] = {fill_list_tables, PEEPER__V1__CLIENT_FRAME__BODY_LIST_TABLES},
    [REQUEST_ROWS] = {fill_read_table, PEEPER__V1__CLIENT_FRAME__BODY_READ_TABLE},
};

enum peeper_status encode_plain(struct buf *out, uint64_t id, const struct request *request,
                                uint32_t frame_bytes_max) {
    CHECK(request->verb < REQUEST_VERBS);
    const struct shape *shape = &SHAPES[request->verb];
    union body          body;
    shape->fill(&body, request);

    Peeper__V1__ClientFrame frame = PEEPER__V1__CLIENT_FRAME__INIT;
    frame.id = id;
    frame.body_case = shape->body_case;
    frame.ping = &body.ping; // all bodies share the place of this pointer

    size_t frame_bytes = peeper__v1__client_frame__get_packed_size(&frame);
    if (frame_bytes > frame_bytes_max) return PEEPER_STATUS_TOO_LARGE;
    uint8_t *room = buf_reserve(out, FRAME_PREFIX_BYTES_MAX + frame_bytes);
    if (room == NULL) return PEEPER_STATUS_NO_MEMORY;

    size_t prefix_bytes = frame_prefix(room, (uint32_t)frame_bytes);
    size_t packed_bytes = peeper__v1__client_frame__pack(&frame, room + prefix_bytes);
    CHECK(packed_bytes == frame_bytes);
    out->bytes += prefix_bytes + frame_bytes;
    return PEEPER_STATUS_OK;
}

enum peeper_status encode_request(struct buf *out, uint64_t id, const struct request *request,
                                  uint32_t frame_bytes_max) {
    return hot_knows(request) ? hot_encode(out, id, request, frame_bytes_max)
                              : encode_plain(out, id, request, frame_bytes_max);
}
