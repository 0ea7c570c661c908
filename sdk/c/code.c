#include <peeper/code.h>

#include "connection.h"
#include "sync.h"

// --- The asynchronous client ---------------------------------------------------------------------

enum peeper_status peeper_client_behaviours(struct peeper_client *client, struct peeper_then then) {
    struct request request = {.verb = REQUEST_BEHAVIOURS};
    if (then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, client->options.request_timeout_ms, then);
}

// The server says when it is over; until then there is nothing to be impatient about.
static enum peeper_status submit(struct peeper_client *client, enum request_verb verb,
                                 const struct peeper_upgrade *upgrade, struct peeper_then then) {
    struct request request = {.verb = verb, .upgrade = upgrade};
    if (then.on_answer == NULL || upgrade == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, PEEPER_FOREVER, then);
}

enum peeper_status peeper_client_deploy(struct peeper_client        *client,
                                        const struct peeper_upgrade *upgrade,
                                        struct peeper_then           then) {
    return submit(client, REQUEST_DEPLOY, upgrade, then);
}

enum peeper_status peeper_client_upgrade(struct peeper_client        *client,
                                         const struct peeper_upgrade *upgrade,
                                         struct peeper_then           then) {
    if (upgrade == NULL || upgrade->behaviour == NULL) return PEEPER_STATUS_INVALID;
    return submit(client, REQUEST_UPGRADE, upgrade, then);
}

// --- The blocking client -------------------------------------------------------------------------

enum peeper_status peeper_sync_behaviours(struct peeper_sync       *sync,
                                          struct peeper_behaviours *ret_behaviours) {
    if (sync->client == NULL) return sync_finish(sync, PEEPER_STATUS_UNREACHABLE);
    enum peeper_status status =
        sync_finish(sync, peeper_client_behaviours(sync->client, sync_begin(sync)));
    if (status == PEEPER_STATUS_OK) *ret_behaviours = sync->answer.incoming.answer.behaviours;
    return status;
}

// What came of a request that tells its progress.
static enum peeper_status finish_upgrade(struct peeper_sync *sync, enum peeper_status status,
                                         struct peeper_upgrade_report *ret_report) {
    sync->on_progress = NULL;
    if (status == PEEPER_STATUS_OK) *ret_report = sync->answer.incoming.answer.upgraded;
    return status;
}

enum peeper_status peeper_sync_deploy(struct peeper_sync          *sync,
                                      const struct peeper_upgrade *upgrade,
                                      peeper_on_progress *on_progress, void *user,
                                      struct peeper_upgrade_report *ret_report) {
    sync->on_progress = on_progress;
    sync->progress_user = user;
    return finish_upgrade(sync, SYNC_REQUEST(sync, peeper_client_deploy, upgrade), ret_report);
}

enum peeper_status peeper_sync_upgrade(struct peeper_sync          *sync,
                                       const struct peeper_upgrade *upgrade,
                                       peeper_on_progress *on_progress, void *user,
                                       struct peeper_upgrade_report *ret_report) {
    sync->on_progress = on_progress;
    sync->progress_user = user;
    return finish_upgrade(sync, SYNC_REQUEST(sync, peeper_client_upgrade, upgrade), ret_report);
}
