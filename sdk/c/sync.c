#include "sync.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define UNREAD_MAX_DEFAULT 65536

// --- Life ----------------------------------------------------------------------------------------

enum peeper_status sync_refuse(struct peeper_sync *sync, struct peeper_error error) {
    sync->error = error;
    return error.status;
}

static void on_up(void *user, const struct peeper_welcome *welcome) {
    struct peeper_sync *sync = user;
    sync->server_frame_bytes_max = welcome->frame_bytes_max;
    sync->server_deadline_ms_max = welcome->deadline_ms_max;
    sync->settled = true;
}

static void on_down(void *user, const struct peeper_error *error) {
    struct peeper_sync *sync = user;
    // An attempt that failed is told by peeper_sync_connect() itself.
    if (sync->settled) inbox_notice(&sync->inbox, error);
    sync->settled = true;
    sync->down = *error;
}

static void on_notice(void *user, const struct peeper_error *error) {
    struct peeper_sync *sync = user;
    inbox_notice(&sync->inbox, error);
}

static void on_event(void *user, const struct peeper_event *event) {
    struct peeper_sync *sync = user;
    if (event->kind != PEEPER_EVENT_PROGRESS) {
        inbox_event(&sync->inbox, event);
    } else if (sync->on_progress != NULL) {
        sync->on_progress(sync->progress_user, event);
    }
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

static void on_alarm(uv_timer_t *alarm) {
    struct peeper_sync *sync = alarm->data;
    sync->rang = true;
}

static enum peeper_status start_loop(struct peeper_sync *sync) {
    if (uv_loop_init(&sync->loop) < 0) return PEEPER_STATUS_INTERNAL;
    CHECK(uv_timer_init(&sync->loop, &sync->alarm) == 0);
    sync->alarm.data = sync;
    return PEEPER_STATUS_OK;
}

enum peeper_status peeper_sync_create(const struct peeper_options *options,
                                      struct peeper_sync         **ret_sync) {
    uint32_t unread_max = options != NULL ? options->unread_max : 0;
    if (unread_max == 0) unread_max = UNREAD_MAX_DEFAULT;
    if (unread_max > INBOX_COUNT_MAX) return PEEPER_STATUS_INVALID;
    struct peeper_sync *sync = calloc(1, sizeof(*sync));
    if (sync == NULL) return PEEPER_STATUS_NO_MEMORY;
    sync->options = options;
    sync->error = error_of(PEEPER_STATUS_OK, NULL);
    sync->down = error_of(PEEPER_STATUS_UNREACHABLE, "the client was never connected");
    inbox_init(&sync->inbox, unread_max);

    enum peeper_status status = opened_init(&sync->answer);
    if (status != PEEPER_STATUS_OK) goto free_sync;
    status = opened_init(&sync->message);
    if (status != PEEPER_STATUS_OK) goto fini_answer;
    status = start_loop(sync);
    if (status != PEEPER_STATUS_OK) goto fini_message;
    *ret_sync = sync;
    return PEEPER_STATUS_OK;

fini_message:
    opened_fini(&sync->message);
fini_answer:
    opened_fini(&sync->answer);
free_sync:
    free(sync);
    return status;
}

enum peeper_status peeper_sync_connect(struct peeper_sync *sync, const char *address) {
    struct peeper_hooks hooks = {.on_up = on_up,
                                 .on_down = on_down,
                                 .on_lost = on_notice,
                                 .on_notice = on_notice,
                                 .on_event = on_event,
                                 .on_closed = on_closed,
                                 .user = sync};
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
        return sync_refuse(sync, sync->down);
    }
    while (!sync->settled) uv_run(&sync->loop, UV_RUN_ONCE);
    if (sync->down.status != PEEPER_STATUS_OK) return sync_refuse(sync, sync->down);
    return PEEPER_STATUS_OK;
}

const struct peeper_error *peeper_sync_error(const struct peeper_sync *sync) {
    return &sync->error;
}

void peeper_sync_destroy(struct peeper_sync *sync) {
    if (sync == NULL) return;
    disconnect(sync);
    uv_close((uv_handle_t *)&sync->alarm, NULL);
    uv_run(&sync->loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&sync->loop) == 0);
    inbox_fini(&sync->inbox);
    opened_fini(&sync->message);
    opened_fini(&sync->answer);
    free(sync);
}

// --- Waiting -------------------------------------------------------------------------------------

bool sync_is_up(const struct peeper_sync *sync) {
    return sync->client != NULL && sync->down.status == PEEPER_STATUS_OK;
}

bool sync_run_until(struct peeper_sync *sync,
                    bool (*done)(const struct peeper_sync *, const void *), const void *context,
                    uint32_t timeout_ms) {
    if (done(sync, context)) return true;
    if (timeout_ms == 0) {
        uv_run(&sync->loop, UV_RUN_NOWAIT);
        return done(sync, context);
    }
    sync->rang = false;
    if (timeout_ms != PEEPER_FOREVER) {
        // The loop's clock stood still while the program was elsewhere.
        uv_update_time(&sync->loop);
        uv_timer_start(&sync->alarm, on_alarm, timeout_ms, 0);
    }
    while (!done(sync, context) && !sync->rang) uv_run(&sync->loop, UV_RUN_ONCE);
    uv_timer_stop(&sync->alarm);
    return done(sync, context);
}

// --- Requests ------------------------------------------------------------------------------------

static void on_answer(void *user, const struct peeper_answer *answer) {
    struct peeper_sync *sync = user;
    struct kept         kept;
    kept_store(&kept, answer);
    opened_take(&sync->answer, &kept);
    sync->answered = true;
}

struct peeper_then sync_begin(struct peeper_sync *sync) {
    sync->answered = false;
    return peeper_then(on_answer, sync);
}

enum peeper_status sync_refuse_request(struct peeper_sync *sync, enum peeper_status status) {
    const char *text = NULL;
    if (status == PEEPER_STATUS_UNREACHABLE) text = sync->down.message;
    if (status == PEEPER_STATUS_TOO_LARGE) {
        snprintf(sync->text, sizeof(sync->text),
                 "the request is over the server's limit of %" PRIu32 " bytes in a frame",
                 sync->server_frame_bytes_max);
        text = sync->text;
    }
    return sync_refuse(sync, error_of(status, text));
}

enum peeper_status sync_finish(struct peeper_sync *sync, enum peeper_status status) {
    if (status != PEEPER_STATUS_OK) return sync_refuse_request(sync, status);

    while (!sync->answered) uv_run(&sync->loop, UV_RUN_ONCE);
    const struct peeper_error *error = &sync->answer.incoming.answer.error;
    return error->status == PEEPER_STATUS_OK ? error->status : sync_refuse(sync, *error);
}

enum peeper_status peeper_sync_call(struct peeper_sync *sync, struct peeper_target target,
                                    struct peeper_value message, uint32_t deadline_ms,
                                    struct peeper_value *ret_reply) {
    enum peeper_status status =
        SYNC_REQUEST(sync, peeper_client_call, target, message, deadline_ms);
    if (status == PEEPER_STATUS_OK) *ret_reply = sync->answer.incoming.answer.reply;
    return status;
}

enum peeper_status peeper_sync_call_with(struct peeper_sync *sync, struct peeper_target target,
                                         struct peeper_value               message,
                                         const struct peeper_call_options *options,
                                         struct peeper_value              *ret_reply) {
    enum peeper_status status =
        SYNC_REQUEST(sync, peeper_client_call_with, target, message, options);
    if (status == PEEPER_STATUS_OK) *ret_reply = sync->answer.incoming.answer.reply;
    return status;
}

enum peeper_status peeper_sync_cast_with(struct peeper_sync *sync, struct peeper_target target,
                                         struct peeper_value               message,
                                         const struct peeper_call_options *options) {
    return SYNC_REQUEST(sync, peeper_client_cast_with, target, message, options);
}

enum peeper_status peeper_sync_cast(struct peeper_sync *sync, struct peeper_target target,
                                    struct peeper_value message) {
    return SYNC_REQUEST(sync, peeper_client_cast, target, message);
}

enum peeper_status peeper_sync_send(struct peeper_sync *sync, struct peeper_target target,
                                    struct peeper_value message) {
    return SYNC_REQUEST(sync, peeper_client_send, target, message);
}

enum peeper_status peeper_sync_start(struct peeper_sync                *sync,
                                     const struct peeper_start_options *options,
                                     struct peeper_started             *ret_started) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_start, options);
    if (status == PEEPER_STATUS_OK) *ret_started = sync->answer.incoming.answer.started;
    return status;
}

enum peeper_status peeper_sync_stop(struct peeper_sync *sync, struct peeper_target target,
                                    struct peeper_value reason, uint32_t timeout_ms) {
    return SYNC_REQUEST(sync, peeper_client_stop, target, reason, timeout_ms);
}

enum peeper_status peeper_sync_kill(struct peeper_sync *sync, struct peeper_target target) {
    return SYNC_REQUEST(sync, peeper_client_kill, target);
}

enum peeper_status peeper_sync_suspend(struct peeper_sync *sync, struct peeper_target target) {
    return SYNC_REQUEST(sync, peeper_client_suspend, target);
}

enum peeper_status peeper_sync_get_state(struct peeper_sync *sync, struct peeper_target target,
                                         struct peeper_state *ret_state) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_get_state, target);
    if (status == PEEPER_STATUS_OK) *ret_state = sync->answer.incoming.answer.state;
    return status;
}

enum peeper_status peeper_sync_replace_state(struct peeper_sync *sync, struct peeper_target target,
                                             struct peeper_value state, uint32_t timeout_ms) {
    return SYNC_REQUEST(sync, peeper_client_replace_state, target, state, timeout_ms);
}

enum peeper_status peeper_sync_resume(struct peeper_sync *sync, struct peeper_target target) {
    return SYNC_REQUEST(sync, peeper_client_resume, target);
}

enum peeper_status peeper_sync_whereis(struct peeper_sync *sync, struct peeper_target target,
                                       uint64_t *ret_id) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_whereis, target);
    if (status != PEEPER_STATUS_OK) return status;
    if (sync->answer.incoming.answer.located == 0)
        return sync_refuse(sync, error_of(PEEPER_STATUS_NOPROC, NULL));
    *ret_id = sync->answer.incoming.answer.located;
    return PEEPER_STATUS_OK;
}

enum peeper_status peeper_sync_list(struct peeper_sync *sync, const struct peeper_page *page,
                                    struct peeper_listing *ret_listing) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_list, page);
    if (status == PEEPER_STATUS_OK) *ret_listing = sync->answer.incoming.answer.listing;
    return status;
}

enum peeper_status peeper_sync_inspect(struct peeper_sync *sync, struct peeper_target target,
                                       struct peeper_actor *ret_actor) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_inspect, target);
    if (status == PEEPER_STATUS_OK) *ret_actor = sync->answer.incoming.answer.listing.actors[0];
    return status;
}

enum peeper_status peeper_sync_ping(struct peeper_sync *sync) {
    if (sync->client == NULL) return sync_finish(sync, PEEPER_STATUS_UNREACHABLE);
    return sync_finish(sync, peeper_client_ping(sync->client, sync_begin(sync)));
}

enum peeper_status peeper_sync_crashes(struct peeper_sync *sync, const struct peeper_page *page,
                                       struct peeper_crashes *ret_crashes) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_crashes, page);
    if (status == PEEPER_STATUS_OK) *ret_crashes = sync->answer.incoming.answer.crashes;
    return status;
}

enum peeper_status peeper_sync_crash(struct peeper_sync *sync, uint64_t crash,
                                     struct peeper_crash *ret_crash) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_crash, crash);
    if (status == PEEPER_STATUS_OK) *ret_crash = sync->answer.incoming.answer.crashes.crashes[0];
    return status;
}

enum peeper_status peeper_sync_redrive(struct peeper_sync *sync, uint64_t crash,
                                       uint32_t timeout_ms, bool *ret_replied,
                                       struct peeper_value *ret_reply) {
    enum peeper_status status = SYNC_REQUEST(sync, peeper_client_redrive, crash, timeout_ms);
    if (status != PEEPER_STATUS_OK) return status;
    *ret_replied = sync->answer.incoming.answer.replied;
    *ret_reply = sync->answer.incoming.answer.reply;
    return status;
}

enum peeper_status peeper_sync_discard_crash(struct peeper_sync *sync, uint64_t crash) {
    return SYNC_REQUEST(sync, peeper_client_discard_crash, crash);
}
