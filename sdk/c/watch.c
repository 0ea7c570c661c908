#include <peeper/watch.h>

#include "connection.h"
#include "sync.h"

enum peeper_status peeper_client_watch(struct peeper_client      *client,
                                       const struct peeper_watch *watch, struct peeper_then then) {
    struct request request = {.verb = REQUEST_WATCH, .watch = watch};
    if (watch->name == NULL && watch->prefix == NULL) return PEEPER_STATUS_INVALID;
    if (then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, client->options.request_timeout_ms, then);
}

enum peeper_status peeper_client_unwatch(struct peeper_client *client, uint64_t ref,
                                         struct peeper_then then) {
    struct request request = {.verb = REQUEST_UNWATCH, .ref = ref};
    return client_submit(client, &request, client->options.request_timeout_ms, then);
}

enum peeper_status peeper_sync_watch(struct peeper_sync *sync, const struct peeper_watch *watch,
                                     uint64_t *ret_ref) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_watch, watch);
    if (status == PEEPER_STATUS_OK) *ret_ref = sync->answer.incoming.answer.ref;
    return status;
}

enum peeper_status peeper_sync_unwatch(struct peeper_sync *sync, uint64_t ref) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_unwatch, ref);
    if (status == PEEPER_STATUS_OK) inbox_flush(&sync->inbox, ref);
    return status;
}
