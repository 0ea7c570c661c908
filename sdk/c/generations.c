#include <peeper/generations.h>

#include "connection.h"
#include "sync.h"

#define SERVER_TIMEOUT_MS 5000

static enum peeper_status ask(struct peeper_client *client, const struct request *request,
                              uint32_t limit_ms, struct peeper_then then) {
    bool nobody = request->target.id == 0 && request->target.name == NULL;
    if (nobody || then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, request, limit_ms, then);
}

enum peeper_status peeper_client_generations(struct peeper_client *client,
                                             struct peeper_target target, struct peeper_then then) {
    struct request request = {.verb = REQUEST_GENERATIONS, .target = target};
    return ask(client, &request, client->options.request_timeout_ms, then);
}

enum peeper_status peeper_client_get_version(struct peeper_client *client,
                                             struct peeper_target target, uint64_t version,
                                             struct peeper_then then) {
    struct request request = {.verb = REQUEST_GET_STATE, .target = target, .version = version};
    return ask(client, &request, client->options.request_timeout_ms, then);
}

enum peeper_status peeper_client_restore_state(struct peeper_client *client,
                                               struct peeper_target target, uint64_t version,
                                               uint32_t timeout_ms, struct peeper_then then) {
    struct request request = {.verb = REQUEST_RESTORE_STATE,
                              .target = target,
                              .version = version,
                              .limit_ms = timeout_ms};
    return ask(client, &request, timeout_ms != 0 ? timeout_ms : SERVER_TIMEOUT_MS, then);
}

// --- The blocking client -------------------------------------------------------------------------

enum peeper_status peeper_sync_generations(struct peeper_sync *sync, struct peeper_target target,
                                           struct peeper_generations *ret_generations) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_generations, target);
    if (status == PEEPER_STATUS_OK) *ret_generations = sync->answer.incoming.answer.generations;
    return status;
}

enum peeper_status peeper_sync_get_version(struct peeper_sync *sync, struct peeper_target target,
                                           uint64_t version, struct peeper_state *ret_state) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_get_version, target, version);
    if (status == PEEPER_STATUS_OK) *ret_state = sync->answer.incoming.answer.state;
    return status;
}

enum peeper_status peeper_sync_restore_state(struct peeper_sync *sync, struct peeper_target target,
                                             uint64_t version, uint32_t timeout_ms) {
    return SYNC_REQUEST(sync, peeper_client_restore_state, target, version, timeout_ms);
}
