// encode: requests -> delimited ClientFrames, appended to a buffer. It knows nothing of
// connections.
#pragma once

#include "failure.h"

#include "base/buf.h"

#include <peeper/supervisor.h>
#include <peeper/tables.h>
#include <peeper/watch.h>

enum request_verb {
    REQUEST_HELLO,
    REQUEST_CALL,
    REQUEST_CAST,
    REQUEST_SEND,
    REQUEST_START,
    REQUEST_STOP,
    REQUEST_KILL,
    REQUEST_RESUME,
    REQUEST_WHEREIS,
    REQUEST_LIST,
    REQUEST_INSPECT,
    REQUEST_PING,
    REQUEST_START_SUPERVISOR,
    REQUEST_START_CHILD,
    REQUEST_TERMINATE_CHILD,
    REQUEST_RESTART_CHILD,
    REQUEST_DELETE_CHILD,
    REQUEST_WHICH_CHILDREN,
    REQUEST_COUNT_CHILDREN,
    REQUEST_CHILD_SPEC,
    REQUEST_CHECK_SPECS,
    REQUEST_CHANGE_SUPERVISOR,
    REQUEST_MONITOR,
    REQUEST_DEMONITOR,
    REQUEST_LINK,
    REQUEST_UNLINK,
    REQUEST_WATCH,
    REQUEST_UNWATCH,
    REQUEST_CRASHES,
    REQUEST_CRASH,
    REQUEST_REDRIVE,
    REQUEST_DISCARD_CRASH,
    REQUEST_SUSPEND,
    REQUEST_GET_STATE,
    REQUEST_REPLACE_STATE,
    REQUEST_GENERATIONS,
    REQUEST_RESTORE_STATE,
    REQUEST_TRANSFER,
    REQUEST_PREPARE_TRANSFER,
    REQUEST_COMMIT_TRANSFER,
    REQUEST_BEHAVIOURS,
    REQUEST_DEPLOY,
    REQUEST_UPGRADE,
    REQUEST_TABLES,
    REQUEST_ROWS,
    REQUEST_VERBS
};

// One request; each verb uses its own fields. Everything is borrowed.
struct request {
    enum request_verb                  verb;
    struct peeper_target               target;
    struct peeper_value                payload; // message, reason of a stop, spec, state
    struct peeper_child_target         child;
    uint64_t                           crash;
    uint64_t                           ref;      // demonitor, unwatch
    uint64_t                           version;  // get_state (0: newest), restore_state
    uint64_t                           handle;   // commit_transfer
    struct peeper_target               to;       // transfer: the supervisor to move it to
    struct peeper_target               from;     // ... and its own; may be nobody
    uint32_t                           limit_ms; // deadline or time-out, as the caller gave it
    const char                        *key;      // call, cast: of idempotency; NULL: none
    const struct peeper_start_options *start;
    const struct peeper_page          *page;
    const struct peeper_watch         *watch;
    const struct peeper_upgrade       *upgrade;
    const struct peeper_rows_page     *rows;
    const char                        *token; // hello
    const char                        *client;
};

// Appends one whole delimited frame to `out`.
// Fails:  TOO_LARGE (the frame has more than frame_bytes_max bytes), NO_MEMORY; nothing is appended
//         then.
// Thread: the owner of `out`.
NODISCARD enum peeper_status encode_request(struct buf *out, uint64_t id,
                                            const struct request *request,
                                            uint32_t              frame_bytes_max);

// The same by protobuf-c, whatever the verb. encode_request() writes the same bytes.
NODISCARD enum peeper_status encode_plain(struct buf *out, uint64_t id,
                                          const struct request *request, uint32_t frame_bytes_max);
