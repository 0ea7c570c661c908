#include <peeper/tables.h>

#include "connection.h"
#include "sync.h"

static enum peeper_status ask(struct peeper_client *client, const struct request *request,
                              struct peeper_then then) {
    struct peeper_target target = request->target;
    if (target.id == 0 && target.name == NULL) return PEEPER_STATUS_INVALID;
    if (then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, request, client->options.request_timeout_ms, then);
}

enum peeper_status peeper_client_tables(struct peeper_client *client, struct peeper_target target,
                                        struct peeper_then then) {
    struct request request = {.verb = REQUEST_TABLES, .target = target};
    return ask(client, &request, then);
}

enum peeper_status peeper_client_rows(struct peeper_client *client, struct peeper_target target,
                                      const struct peeper_rows_page *page,
                                      struct peeper_then             then) {
    struct request request = {.verb = REQUEST_ROWS, .target = target, .rows = page};
    return ask(client, &request, then);
}

// --- The blocking client -------------------------------------------------------------------------

enum peeper_status peeper_sync_tables(struct peeper_sync *sync, struct peeper_target target,
                                      struct peeper_tables *ret_tables) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_tables, target);
    if (status == PEEPER_STATUS_OK) *ret_tables = sync->answer.incoming.answer.tables;
    return status;
}

enum peeper_status peeper_sync_rows(struct peeper_sync *sync, struct peeper_target target,
                                    const struct peeper_rows_page *page,
                                    struct peeper_rows            *ret_rows) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_rows, target, page);
    if (status == PEEPER_STATUS_OK) *ret_rows = sync->answer.incoming.answer.rows;
    return status;
}
