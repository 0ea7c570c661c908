#include <peeper/ties.h>

#include "connection.h"
#include "sync.h"

static enum peeper_status tell(struct peeper_client *client, enum request_verb verb,
                               struct peeper_target target, struct peeper_then then) {
    struct request request = {.verb = verb, .target = target};
    if (target.id == 0 && target.name == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, client->options.request_timeout_ms, then);
}

enum peeper_status peeper_client_monitor(struct peeper_client *client, struct peeper_target target,
                                         struct peeper_then then) {
    if (then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return tell(client, REQUEST_MONITOR, target, then);
}

enum peeper_status peeper_client_demonitor(struct peeper_client *client, uint64_t ref,
                                           struct peeper_then then) {
    struct request request = {.verb = REQUEST_DEMONITOR, .ref = ref};
    return client_submit(client, &request, client->options.request_timeout_ms, then);
}

enum peeper_status peeper_client_link(struct peeper_client *client, struct peeper_target target,
                                      struct peeper_then then) {
    return tell(client, REQUEST_LINK, target, then);
}

enum peeper_status peeper_client_unlink(struct peeper_client *client, struct peeper_target target,
                                        struct peeper_then then) {
    return tell(client, REQUEST_UNLINK, target, then);
}

// --- The blocking client -------------------------------------------------------------------------

enum peeper_status peeper_sync_monitor(struct peeper_sync *sync, struct peeper_target target,
                                       uint64_t *ret_ref) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_monitor, target);
    if (status == PEEPER_STATUS_OK) *ret_ref = sync->answer.incoming.answer.ref;
    return status;
}

enum peeper_status peeper_sync_demonitor(struct peeper_sync *sync, uint64_t ref, bool flush) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_demonitor, ref);
    if (status == PEEPER_STATUS_OK && flush) inbox_flush(&sync->inbox, ref);
    return status;
}

enum peeper_status peeper_sync_link(struct peeper_sync *sync, struct peeper_target target) {
    return SYNC_REQUEST(sync, peeper_client_link, target);
}

enum peeper_status peeper_sync_unlink(struct peeper_sync *sync, struct peeper_target target) {
    return SYNC_REQUEST(sync, peeper_client_unlink, target);
}

static bool has_event(const struct peeper_sync *sync, const void *context) {
    (void)context;
    return !list_empty(&sync->inbox.events) || sync->inbox.events_dropped > 0 || !sync_is_up(sync);
}

enum peeper_status peeper_sync_next_event(struct peeper_sync *sync, uint32_t timeout_ms,
                                          struct peeper_event *ret_event) {
    struct kept kept;
    bool        in_time = sync_run_until(sync, has_event, NULL, timeout_ms);
    if (inbox_take_event(&sync->inbox, &kept)) {
        opened_take(&sync->message, &kept);
        *ret_event = sync->message.incoming.event;
        const struct peeper_error *error = &sync->message.incoming.answer.error;
        return error->status == PEEPER_STATUS_OK ? error->status : sync_refuse(sync, *error);
    }
    if (sync->inbox.events_dropped > 0) {
        sync->inbox.events_dropped = 0;
        return sync_refuse(sync, error_of(PEEPER_STATUS_FULL, "events were lost"));
    }
    return in_time ? sync_refuse_request(sync, PEEPER_STATUS_UNREACHABLE)
                   : sync_refuse(sync, error_of(PEEPER_STATUS_TIMEOUT, NULL));
}
