#include <peeper/supervisor.h>

#include "connection.h"
#include "sync.h"

#define SERVER_TIMEOUT_MS 5000

static bool is_nobody(struct peeper_target target) {
    return target.id == 0 && target.name == NULL;
}

// Requests whose limit the server keeps, too.
static enum peeper_status ask_within(struct peeper_client *client, const struct request *request,
                                     struct peeper_then then) {
    if (is_nobody(request->target) || then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    uint32_t limit_ms = request->limit_ms != 0 ? request->limit_ms : SERVER_TIMEOUT_MS;
    return client_submit(client, request, limit_ms, then);
}

static enum peeper_status ask(struct peeper_client *client, const struct request *request,
                              struct peeper_then then) {
    if (is_nobody(request->target) || then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, request, client->options.request_timeout_ms, then);
}

// --- The asynchronous client ---------------------------------------------------------------------

enum peeper_status peeper_client_start_supervisor(struct peeper_client *client, const char *name,
                                                  struct peeper_value spec, uint32_t timeout_ms,
                                                  struct peeper_then then) {
    struct request request = {.verb = REQUEST_START_SUPERVISOR,
                              .target = peeper_by_name(name != NULL ? name : ""),
                              .payload = spec,
                              .limit_ms = timeout_ms};
    return ask_within(client, &request, then);
}

enum peeper_status peeper_client_start_child(struct peeper_client *client,
                                             struct peeper_target  supervisor,
                                             struct peeper_value spec, uint32_t timeout_ms,
                                             struct peeper_then then) {
    struct request request = {
        .verb = REQUEST_START_CHILD, .target = supervisor, .payload = spec, .limit_ms = timeout_ms};
    return ask_within(client, &request, then);
}

enum peeper_status peeper_client_terminate_child(struct peeper_client      *client,
                                                 struct peeper_target       supervisor,
                                                 struct peeper_child_target child,
                                                 uint32_t timeout_ms, struct peeper_then then) {
    struct request request = {.verb = REQUEST_TERMINATE_CHILD,
                              .target = supervisor,
                              .child = child,
                              .limit_ms = timeout_ms};
    return ask_within(client, &request, then);
}

enum peeper_status peeper_client_restart_child(struct peeper_client *client,
                                               struct peeper_target supervisor, const char *child,
                                               uint32_t timeout_ms, struct peeper_then then) {
    struct request request = {.verb = REQUEST_RESTART_CHILD,
                              .target = supervisor,
                              .child = peeper_child_by_id(child),
                              .limit_ms = timeout_ms};
    return ask_within(client, &request, then);
}

enum peeper_status peeper_client_delete_child(struct peeper_client *client,
                                              struct peeper_target supervisor, const char *child,
                                              struct peeper_then then) {
    struct request request = {
        .verb = REQUEST_DELETE_CHILD, .target = supervisor, .child = peeper_child_by_id(child)};
    return ask(client, &request, then);
}

enum peeper_status peeper_client_which_children(struct peeper_client              *client,
                                                struct peeper_target               supervisor,
                                                const struct peeper_children_page *page,
                                                struct peeper_then                 then) {
    struct peeper_page place = {.cursor = page->cursor, .limit = page->limit};
    struct request     request = {.verb = REQUEST_WHICH_CHILDREN,
                                  .target = supervisor,
                                  .child = peeper_child_by_id(page->child),
                                  .page = &place};
    return ask(client, &request, then);
}

enum peeper_status peeper_client_count_children(struct peeper_client *client,
                                                struct peeper_target  supervisor,
                                                struct peeper_then    then) {
    struct request request = {.verb = REQUEST_COUNT_CHILDREN, .target = supervisor};
    return ask(client, &request, then);
}

enum peeper_status peeper_client_child_spec(struct peeper_client      *client,
                                            struct peeper_target       supervisor,
                                            struct peeper_child_target child,
                                            struct peeper_then         then) {
    struct request request = {.verb = REQUEST_CHILD_SPEC, .target = supervisor, .child = child};
    return ask(client, &request, then);
}

enum peeper_status peeper_client_check_specs(struct peeper_client *client,
                                             struct peeper_value specs, struct peeper_then then) {
    struct request request = {
        .verb = REQUEST_CHECK_SPECS, .target = peeper_root(), .payload = specs};
    return ask(client, &request, then);
}

enum peeper_status peeper_client_change_supervisor(struct peeper_client *client,
                                                   struct peeper_target  supervisor,
                                                   struct peeper_value   spec,
                                                   struct peeper_then    then) {
    struct request request = {
        .verb = REQUEST_CHANGE_SUPERVISOR, .target = supervisor, .payload = spec};
    return ask(client, &request, then);
}

static struct request transfer_request(enum request_verb             verb,
                                       const struct peeper_transfer *transfer) {
    return (struct request){
        .verb = verb,
        .target = transfer->actor,
        .to = transfer->target,
        .from = transfer->source,
    };
}

enum peeper_status peeper_client_transfer(struct peeper_client         *client,
                                          const struct peeper_transfer *transfer,
                                          uint32_t timeout_ms, struct peeper_then then) {
    struct request request = transfer_request(REQUEST_TRANSFER, transfer);
    request.limit_ms = timeout_ms;
    return ask_within(client, &request, then);
}

enum peeper_status peeper_client_prepare_transfer(struct peeper_client         *client,
                                                  const struct peeper_transfer *transfer,
                                                  struct peeper_then            then) {
    struct request request = transfer_request(REQUEST_PREPARE_TRANSFER, transfer);
    return ask(client, &request, then);
}

enum peeper_status peeper_client_commit_transfer(struct peeper_client *client, uint64_t handle,
                                                 uint32_t timeout_ms, struct peeper_then then) {
    struct request request = {.verb = REQUEST_COMMIT_TRANSFER,
                              .target = peeper_root(),
                              .handle = handle,
                              .limit_ms = timeout_ms};
    return ask_within(client, &request, then);
}

// --- The blocking client -------------------------------------------------------------------------

static enum peeper_status finish_start(struct peeper_sync *sync, enum peeper_status status,
                                       struct peeper_started *ret_started) {
    if (status == PEEPER_STATUS_OK) *ret_started = sync->answer.incoming.answer.started;
    return status;
}

enum peeper_status peeper_sync_start_supervisor(struct peeper_sync *sync, const char *name,
                                                struct peeper_value spec, uint32_t timeout_ms,
                                                struct peeper_started *ret_started) {
    return finish_start(sync,
                        SYNC_REQUEST(sync, peeper_client_start_supervisor, name, spec, timeout_ms),
                        ret_started);
}

enum peeper_status peeper_sync_start_child(struct peeper_sync  *sync,
                                           struct peeper_target supervisor,
                                           struct peeper_value spec, uint32_t timeout_ms,
                                           struct peeper_started *ret_started) {
    return finish_start(sync,
                        SYNC_REQUEST(sync, peeper_client_start_child, supervisor, spec, timeout_ms),
                        ret_started);
}

enum peeper_status peeper_sync_terminate_child(struct peeper_sync        *sync,
                                               struct peeper_target       supervisor,
                                               struct peeper_child_target child,
                                               uint32_t                   timeout_ms) {
    return SYNC_REQUEST(sync, peeper_client_terminate_child, supervisor, child, timeout_ms);
}

enum peeper_status peeper_sync_restart_child(struct peeper_sync  *sync,
                                             struct peeper_target supervisor, const char *child,
                                             uint32_t               timeout_ms,
                                             struct peeper_started *ret_started) {
    return finish_start(
        sync, SYNC_REQUEST(sync, peeper_client_restart_child, supervisor, child, timeout_ms),
        ret_started);
}

enum peeper_status peeper_sync_delete_child(struct peeper_sync  *sync,
                                            struct peeper_target supervisor, const char *child) {
    return SYNC_REQUEST(sync, peeper_client_delete_child, supervisor, child);
}

enum peeper_status peeper_sync_which_children(struct peeper_sync                *sync,
                                              struct peeper_target               supervisor,
                                              const struct peeper_children_page *page,
                                              struct peeper_children            *ret_children) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_which_children, supervisor, page);
    if (status == PEEPER_STATUS_OK) *ret_children = sync->answer.incoming.answer.children;
    return status;
}

enum peeper_status peeper_sync_count_children(struct peeper_sync         *sync,
                                              struct peeper_target        supervisor,
                                              struct peeper_child_counts *ret_counts) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_count_children, supervisor);
    if (status == PEEPER_STATUS_OK) *ret_counts = sync->answer.incoming.answer.child_counts;
    return status;
}

enum peeper_status peeper_sync_child_spec(struct peeper_sync *sync, struct peeper_target supervisor,
                                          struct peeper_child_target child,
                                          struct peeper_value       *ret_spec) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_child_spec, supervisor, child);
    if (status == PEEPER_STATUS_OK) *ret_spec = sync->answer.incoming.answer.reply;
    return status;
}

enum peeper_status peeper_sync_check_specs(struct peeper_sync *sync, struct peeper_value specs) {
    return SYNC_REQUEST(sync, peeper_client_check_specs, specs);
}

enum peeper_status peeper_sync_change_supervisor(struct peeper_sync  *sync,
                                                 struct peeper_target supervisor,
                                                 struct peeper_value  spec) {
    return SYNC_REQUEST(sync, peeper_client_change_supervisor, supervisor, spec);
}

enum peeper_status peeper_sync_transfer(struct peeper_sync           *sync,
                                        const struct peeper_transfer *transfer, uint32_t timeout_ms,
                                        struct peeper_started *ret_started) {
    return finish_start(sync, SYNC_REQUEST(sync, peeper_client_transfer, transfer, timeout_ms),
                        ret_started);
}

enum peeper_status peeper_sync_prepare_transfer(struct peeper_sync           *sync,
                                                const struct peeper_transfer *transfer,
                                                struct peeper_prepared       *ret_prepared) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_prepare_transfer, transfer);
    if (status == PEEPER_STATUS_OK) *ret_prepared = sync->answer.incoming.answer.prepared;
    return status;
}

enum peeper_status peeper_sync_commit_transfer(struct peeper_sync *sync, uint64_t handle,
                                               uint32_t               timeout_ms,
                                               struct peeper_started *ret_started) {
    return finish_start(sync, SYNC_REQUEST(sync, peeper_client_commit_transfer, handle, timeout_ms),
                        ret_started);
}
