// sync: the blocking client's inside. sync.c is its face for single requests, requests.c that for
// several at once.
//
// It is the asynchronous client on a private loop, which runs only inside these functions, on the
// caller's thread.
#pragma once

#include "inbox.h"

#include <peeper/code.h>

#include <uv.h>

struct peeper_sync {
    const struct peeper_options *options; // borrowed, may be NULL
    uv_loop_t                    loop;
    uv_timer_t                   alarm;  // ends a wait
    struct peeper_client        *client; // owned; NULL while it was never connected
    bool                         settled;
    bool                         closed;
    bool                         rang;
    uint32_t                     server_frame_bytes_max;
    uint32_t                     server_deadline_ms_max;
    char                         text[128]; // of an error that names a limit
    struct peeper_error          error;
    struct peeper_error          down; // why the connection ended; its pointers live with `client`
    struct inbox                 inbox;
    struct opened                message; // of the message taken last

    peeper_on_progress *on_progress; // of the upgrade in progress; NULL: nobody wants to know
    void               *progress_user;

    // of the request in progress
    bool          answered;
    struct opened answer;
};

// Remembers what peeper_sync_error() shall tell, and answers its status.   Thread: owner.
enum peeper_status sync_refuse(struct peeper_sync *sync, struct peeper_error error);

// The same, for a request that the client itself did not accept.
enum peeper_status sync_refuse_request(struct peeper_sync *sync, enum peeper_status status);

// One request of a blocking client: where its answer shall go / waits for that answer, if the
// request was accepted (`status`); it is in sync->answer then.   Thread: owner.
struct peeper_then sync_begin(struct peeper_sync *sync);
enum peeper_status sync_finish(struct peeper_sync *sync, enum peeper_status status);

// Makes the request, unless there is no connection to make it on, and waits.
#define SYNC_REQUEST(sync, function, ...)             \
    sync_finish(sync, (sync)->client == NULL          \
                          ? PEEPER_STATUS_UNREACHABLE \
                          : function((sync)->client, __VA_ARGS__, sync_begin(sync)))

// Whether the connection stands.   Thread: owner.
bool sync_is_up(const struct peeper_sync *sync);

// Runs the loop until `done` says so. It reads what has come even where timeout_ms is 0.
// Fails: false when the time is over first.   Thread: owner.   Blocks: up to timeout_ms.
bool sync_run_until(struct peeper_sync *sync,
                    bool (*done)(const struct peeper_sync *, const void *), const void *context,
                    uint32_t timeout_ms);
