#include "decode.h"

#include "base/buf.h"
#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

// The asynchronous client on a private loop, which runs only inside these functions, on the
// caller's thread.
struct peeper_sync {
    const struct peeper_options *options; // borrowed, may be NULL
    uv_loop_t                    loop;
    struct peeper_client        *client; // owned; NULL while it was never connected
    bool                         settled;
    bool                         closed;
    uint32_t                     server_frame_bytes_max;
    char                         text[128]; // of an error that names a limit
    struct peeper_error          error;
    struct peeper_error          down; // why the connection ended; its pointers live with `client`

    // of the request in progress
    bool            answered;
    struct buf      frame; // copy of its answer: the client's own bytes go with the next read
    struct decoder  decoder;
    struct incoming incoming;
};

// --- Life ----------------------------------------------------------------------------------------

static enum peeper_status refuse(struct peeper_sync *sync, struct peeper_error error) {
    sync->error = error;
    return error.status;
}

static void on_up(void *user, const struct peeper_welcome *welcome) {
    struct peeper_sync *sync = user;
    sync->server_frame_bytes_max = welcome->frame_bytes_max;
    sync->settled = true;
}

static void on_down(void *user, const struct peeper_error *error) {
    struct peeper_sync *sync = user;
    sync->settled = true;
    sync->down = *error;
}

static void on_closed(void *user) {
    struct peeper_sync *sync = user;
    sync->closed = true;
}

static void disconnect(struct peeper_sync *sync) {
    if (sync->client == NULL) return;
    sync->closed = false;
    peeper_client_close(sync->client);
    while (!sync->closed) uv_run(&sync->loop, UV_RUN_ONCE);
    peeper_client_destroy(sync->client);
    sync->client = NULL;
}

enum peeper_status peeper_sync_create(const struct peeper_options *options,
                                      struct peeper_sync         **ret_sync) {
    struct peeper_sync *sync = calloc(1, sizeof(*sync));
    if (sync == NULL) return PEEPER_STATUS_NO_MEMORY;
    sync->options = options;
    sync->error = error_of(PEEPER_STATUS_OK, NULL);
    sync->down = error_of(PEEPER_STATUS_UNREACHABLE, "the client was never connected");

    enum peeper_status status = decoder_init(&sync->decoder, SIZE_MAX / 2);
    if (status != PEEPER_STATUS_OK) goto free_sync;
    if (uv_loop_init(&sync->loop) < 0) {
        status = PEEPER_STATUS_INTERNAL;
        goto fini_decoder;
    }
    *ret_sync = sync;
    return PEEPER_STATUS_OK;

fini_decoder:
    decoder_fini(&sync->decoder);
free_sync:
    free(sync);
    return status;
}

enum peeper_status peeper_sync_connect(struct peeper_sync *sync, const char *address) {
    struct peeper_hooks hooks = {
        .on_up = on_up, .on_down = on_down, .on_closed = on_closed, .user = sync};
    disconnect(sync);
    sync->settled = false;
    sync->down = error_of(PEEPER_STATUS_OK, NULL);

    enum peeper_status status =
        peeper_client_open(address, sync->options, &hooks, &sync->loop, &sync->client);
    if (status != PEEPER_STATUS_OK) {
        const char *why = status == PEEPER_STATUS_INVALID
                              ? "the address is no HOST:PORT, or an option is over its bound"
                              : NULL;
        sync->down = error_of(status, why);
        return refuse(sync, sync->down);
    }
    while (!sync->settled) uv_run(&sync->loop, UV_RUN_ONCE);
    if (sync->down.status != PEEPER_STATUS_OK) return refuse(sync, sync->down);
    return PEEPER_STATUS_OK;
}

const struct peeper_error *peeper_sync_error(const struct peeper_sync *sync) {
    return &sync->error;
}

void peeper_sync_destroy(struct peeper_sync *sync) {
    if (sync == NULL) return;
    disconnect(sync);
    CHECK(uv_loop_close(&sync->loop) == 0);
    decoder_fini(&sync->decoder);
    buf_fini(&sync->frame);
    free(sync);
}

// --- Requests ------------------------------------------------------------------------------------

// What the client found by itself has no frame, only texts: fixed ones, or one that lives until the
// next request.
static void keep_local(struct peeper_sync *sync, const struct peeper_answer *answer) {
    size_t bytes = strlen(answer->error.message) + 1;
    sync->incoming.answer = (struct peeper_answer){.error = answer->error};
    sync->incoming.answer.error.message = peeper_status_text(answer->error.status);
    sync->incoming.answer.error.reason = (struct peeper_value){0};
    if (buf_append(&sync->frame, answer->error.message, bytes) != STATUS_OK) return;
    sync->incoming.answer.error.message = (const char *)sync->frame.data;
}

static void on_answer(void *user, const struct peeper_answer *answer) {
    struct peeper_sync *sync = user;
    sync->answered = true;
    if (answer->frame.bytes == 0) {
        keep_local(sync, answer);
        return;
    }
    enum peeper_status status = PEEPER_STATUS_NO_MEMORY;
    if (buf_append(&sync->frame, answer->frame.data, answer->frame.bytes) == STATUS_OK) {
        struct peeper_value frame = {sync->frame.data, sync->frame.bytes};
        status = decoder_decode(&sync->decoder, frame, &sync->incoming);
    }
    if (status != PEEPER_STATUS_OK) sync->incoming.answer.error = error_of(status, NULL);
}

static struct peeper_then begin(struct peeper_sync *sync) {
    sync->answered = false;
    sync->frame.bytes = 0;
    return peeper_then(on_answer, sync);
}

// Whether the request was accepted (`status`), and then what its answer is.
static enum peeper_status finish(struct peeper_sync *sync, enum peeper_status status) {
    if (status == PEEPER_STATUS_UNREACHABLE) {
        struct peeper_error error = error_of(status, sync->down.message);
        return refuse(sync, error);
    }
    if (status == PEEPER_STATUS_TOO_LARGE) {
        snprintf(sync->text, sizeof(sync->text),
                 "the request is over the server's limit of %" PRIu32 " bytes in a frame",
                 sync->server_frame_bytes_max);
        return refuse(sync, error_of(status, sync->text));
    }
    if (status != PEEPER_STATUS_OK) return refuse(sync, error_of(status, NULL));

    while (!sync->answered) uv_run(&sync->loop, UV_RUN_ONCE);
    status = sync->incoming.answer.error.status;
    return status == PEEPER_STATUS_OK ? status : refuse(sync, sync->incoming.answer.error);
}

// Makes the request, unless there is no connection to make it on, and waits.
#define REQUEST(sync, function, ...)                                \
    finish(sync, (sync)->client == NULL ? PEEPER_STATUS_UNREACHABLE \
                                        : function((sync)->client, __VA_ARGS__, begin(sync)))

enum peeper_status peeper_sync_call(struct peeper_sync *sync, struct peeper_target target,
                                    struct peeper_value message, uint32_t deadline_ms,
                                    struct peeper_value *ret_reply) {
    enum peeper_status status = REQUEST(sync, peeper_client_call, target, message, deadline_ms);
    if (status == PEEPER_STATUS_OK) *ret_reply = sync->incoming.answer.reply;
    return status;
}

enum peeper_status peeper_sync_cast(struct peeper_sync *sync, struct peeper_target target,
                                    struct peeper_value message) {
    return REQUEST(sync, peeper_client_cast, target, message);
}

enum peeper_status peeper_sync_send(struct peeper_sync *sync, struct peeper_target target,
                                    struct peeper_value message) {
    return REQUEST(sync, peeper_client_send, target, message);
}

enum peeper_status peeper_sync_start(struct peeper_sync                *sync,
                                     const struct peeper_start_options *options,
                                     struct peeper_started             *ret_started) {
    enum peeper_status status = REQUEST(sync, peeper_client_start, options);
    if (status == PEEPER_STATUS_OK) *ret_started = sync->incoming.answer.started;
    return status;
}

enum peeper_status peeper_sync_stop(struct peeper_sync *sync, struct peeper_target target,
                                    struct peeper_value reason, uint32_t timeout_ms) {
    return REQUEST(sync, peeper_client_stop, target, reason, timeout_ms);
}

enum peeper_status peeper_sync_kill(struct peeper_sync *sync, struct peeper_target target) {
    return REQUEST(sync, peeper_client_kill, target);
}

enum peeper_status peeper_sync_resume(struct peeper_sync *sync, struct peeper_target target) {
    return REQUEST(sync, peeper_client_resume, target);
}

enum peeper_status peeper_sync_whereis(struct peeper_sync *sync, struct peeper_target target,
                                       uint64_t *ret_id) {
    enum peeper_status status = REQUEST(sync, peeper_client_whereis, target);
    if (status != PEEPER_STATUS_OK) return status;
    if (sync->incoming.answer.located == 0)
        return refuse(sync, error_of(PEEPER_STATUS_NOPROC, NULL));
    *ret_id = sync->incoming.answer.located;
    return PEEPER_STATUS_OK;
}

enum peeper_status peeper_sync_list(struct peeper_sync *sync, const struct peeper_page *page,
                                    struct peeper_listing *ret_listing) {
    enum peeper_status status = REQUEST(sync, peeper_client_list, page);
    if (status == PEEPER_STATUS_OK) *ret_listing = sync->incoming.answer.listing;
    return status;
}

enum peeper_status peeper_sync_inspect(struct peeper_sync *sync, struct peeper_target target,
                                       struct peeper_actor *ret_actor) {
    enum peeper_status status = REQUEST(sync, peeper_client_inspect, target);
    if (status == PEEPER_STATUS_OK) *ret_actor = sync->incoming.answer.listing.actors[0];
    return status;
}

enum peeper_status peeper_sync_ping(struct peeper_sync *sync) {
    if (sync->client == NULL) return finish(sync, PEEPER_STATUS_UNREACHABLE);
    return finish(sync, peeper_client_ping(sync->client, begin(sync)));
}
