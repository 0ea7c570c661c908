#include "connection.h"

#include "base/check.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define GRACE_MS 250 // what an answer may be later than the server's own deadline
#define SERVER_DEADLINE_MS 5000
#define REQUESTS_MAX (1u << 20)

// --- Life ----------------------------------------------------------------------------------------

static uint32_t or_default(uint32_t value, uint32_t otherwise) {
    return value != 0 ? value : otherwise;
}

static enum peeper_status take_options(struct peeper_client        *client,
                                       const struct peeper_options *options) {
    struct peeper_options *own = &client->options;
    if (options != NULL) *own = *options;
    own->client = own->client != NULL ? own->client : "peeper-c";
    own->connect_timeout_ms = or_default(own->connect_timeout_ms, 5000);
    own->request_timeout_ms = or_default(own->request_timeout_ms, 5000);
    own->requests_max = or_default(own->requests_max, 1024);
    own->unsent_bytes_max = or_default(own->unsent_bytes_max, 8u << 20);
    own->frame_bytes_max = or_default(own->frame_bytes_max, 64u << 20);

    bool valid = own->requests_max <= REQUESTS_MAX &&
                 own->unsent_bytes_max <= CONNECTION_BYTES_MAX &&
                 own->frame_bytes_max <= CONNECTION_BYTES_MAX;
    return valid ? PEEPER_STATUS_OK : PEEPER_STATUS_INVALID;
}

static enum peeper_status encode_hello(struct peeper_client *client) {
    struct request hello = {
        .verb = REQUEST_HELLO,
        .token = client->options.token,
        .client = client->options.client,
    };
    return encode_request(&client->hello, CONNECTION_HELLO_ID, &hello, CONNECTION_BYTES_MAX);
}

static void release_memory(struct peeper_client *client) {
    if (client->addresses != NULL) uv_freeaddrinfo(client->addresses);
    pending_fini(&client->pending);
    decoder_fini(&client->decoder);
    resume_destroy(client->resume);
    buf_fini(&client->hello);
    buf_fini(&client->told);
    buf_fini(&client->out);
    buf_fini(&client->sending);
    buf_fini(&client->in);
    free(client);
}

static enum peeper_status prepare_memory(struct peeper_client *client) {
    hot_prepare(&client->hot);
    if (client->options.reconnect) {
        client->resume = resume_create();
        if (client->resume == NULL) return PEEPER_STATUS_NO_MEMORY;
    }
    enum peeper_status status = pending_init(&client->pending, client->options.requests_max);
    if (status != PEEPER_STATUS_OK) return status;
    // A decoded frame is larger than its bytes: pointers, copies, empty fields.
    status = decoder_init(&client->decoder, (size_t)client->options.frame_bytes_max * 4);
    if (status != PEEPER_STATUS_OK) return status;
    return encode_hello(client);
}

static void *run_thread(void *context) {
    struct peeper_client *client = context;
    uv_run(client->loop, UV_RUN_DEFAULT); // returns when all handles are closed
    return NULL;
}

// The loop itself is closed at destroy: until then other threads may still wake it.
static enum peeper_status start_thread(struct peeper_client *client) {
    client->loop = &client->own_loop;
    client->threaded = true;
    if (uv_loop_init(client->loop) < 0) return PEEPER_STATUS_INTERNAL;
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->settled, NULL);

    enum peeper_status status = connection_start(client);
    if (status != PEEPER_STATUS_OK) goto close_loop;
    if (pthread_create(&client->thread, NULL, run_thread, client) == 0) return PEEPER_STATUS_OK;

    // Nobody shall hear of this client.
    client->hooks = (struct peeper_hooks){0};
    status = PEEPER_STATUS_INTERNAL;
    connection_close(client);
    uv_run(client->loop, UV_RUN_DEFAULT);
close_loop:
    uv_loop_close(client->loop);
    pthread_cond_destroy(&client->settled);
    pthread_mutex_destroy(&client->lock);
    return status;
}

enum peeper_status peeper_client_open(const char *address, const struct peeper_options *options,
                                      const struct peeper_hooks *hooks, struct uv_loop_s *loop,
                                      struct peeper_client **ret_client) {
    struct peeper_client *client = calloc(1, sizeof(*client));
    if (client == NULL) return PEEPER_STATUS_NO_MEMORY;

    enum peeper_status status = address_parse(address, &client->address);
    if (status != PEEPER_STATUS_OK) goto free_client;
    status = take_options(client, options);
    if (status != PEEPER_STATUS_OK) goto free_client;
    if (hooks != NULL) client->hooks = *hooks;
    status = prepare_memory(client);
    if (status != PEEPER_STATUS_OK) goto free_client;

    client->loop = loop;
    status = loop != NULL ? connection_start(client) : start_thread(client);
    if (status != PEEPER_STATUS_OK) goto free_client;
    *ret_client = client;
    return PEEPER_STATUS_OK;

free_client:
    release_memory(client);
    return status;
}

enum peeper_status peeper_client_wait(struct peeper_client *client) {
    CHECK(client->threaded);
    CHECK(!pthread_equal(pthread_self(), client->thread));
    pthread_mutex_lock(&client->lock);
    while (client->state < CLIENT_UP) pthread_cond_wait(&client->settled, &client->lock);
    enum peeper_status status = PEEPER_STATUS_OK;
    if (client->state == CLIENT_DOWN) status = client->down_status;
    if (client->state > CLIENT_DOWN) status = PEEPER_STATUS_CLOSED;
    pthread_mutex_unlock(&client->lock);
    return status;
}

void peeper_client_close(struct peeper_client *client) {
    if (!client->threaded) {
        connection_close(client);
        return;
    }
    pthread_mutex_lock(&client->lock);
    bool first = !client->close_asked;
    client->close_asked = true;
    pthread_mutex_unlock(&client->lock);
    if (first) uv_async_send(&client->async);
}

void peeper_client_destroy(struct peeper_client *client) {
    if (client == NULL) return;
    if (client->threaded) {
        CHECK(!pthread_equal(pthread_self(), client->thread));
        peeper_client_close(client);
        pthread_join(client->thread, NULL);
        uv_loop_close(client->loop);
        pthread_cond_destroy(&client->settled);
        pthread_mutex_destroy(&client->lock);
    }
    CHECK(client->state == CLIENT_CLOSED);
    release_memory(client);
}

// --- Requests ------------------------------------------------------------------------------------

static bool accepts(const struct peeper_client *client) {
    if (client->close_asked) return false;
    bool waits = client->resume != NULL && client->was_up && client->state < CLIENT_UP;
    return client->state == CLIENT_UP || waits;
}

static void nobody_waits(void *user, const struct peeper_answer *answer) {
    (void)user;
    (void)answer;
}

// A frame of a request that may be repeated is kept, and with the request what it begins.
static enum peeper_status carry(struct peeper_client *client, uint64_t id,
                                const struct request *request, const struct buf *out, size_t from,
                                struct tie *tie) {
    struct pending_request *pending = pending_find(&client->pending, id);
    if (pending == NULL && tie == NULL) return PEEPER_STATUS_OK;
    if (pending == NULL) {
        // A link that nobody wants to hear of.
        struct pending_request unheard = {.verb = request->verb, .tie = tie};
        struct peeper_answer   answer = {0};
        resume_begin(client->resume, &unheard, &answer);
        return PEEPER_STATUS_OK;
    }
    pending->keyed = request->key != NULL && request->key[0] != '\0';
    if (resume_repeatable(request->verb) || (pending->keyed && client->idempotency)) {
        pending->again_bytes = out->bytes - from;
        pending->again = malloc(pending->again_bytes);
        if (pending->again == NULL) return PEEPER_STATUS_NO_MEMORY;
        memcpy(pending->again, out->data + from, pending->again_bytes);
    }
    pending->tie = tie;
    return PEEPER_STATUS_OK;
}

static enum peeper_status queue(struct peeper_client *client, const struct request *request,
                                uint32_t limit_ms, struct peeper_then then, bool *wake,
                                uint64_t *ret_id);

// The same, for a client that reconnects: what it needs for that goes with the request.
static enum peeper_status queue_resumable(struct peeper_client *client,
                                          const struct request *request, uint32_t limit_ms,
                                          struct peeper_then then, bool *wake, uint64_t *ret_id) {
    struct request     own = *request;
    struct tie        *tie;
    size_t             from = client->out.bytes;
    enum peeper_status status = resume_request(client->resume, &own, &tie);
    if (status != PEEPER_STATUS_OK) return status;
    // It must not reach another connection, so it has to be found in what was not sent; or, with a
    // key, it shall be sent until it was answered.
    if (then.on_answer == NULL && (resume_bound(own.verb) || own.key != NULL)) {
        then.on_answer = nobody_waits;
    }

    status = queue(client, &own, limit_ms, then, wake, ret_id);
    if (status != PEEPER_STATUS_OK) goto free_tie;
    status = carry(client, *ret_id, &own, &client->out, from, tie);
    if (status == PEEPER_STATUS_OK) return status;

    struct pending_request dropped;
    pending_take(&client->pending, *ret_id, &dropped);
    client->out.bytes = from;
free_tie:
    tie_free(tie);
    return status;
}

// Under the lock. `*wake` is set where the loop has to be told.
static enum peeper_status queue(struct peeper_client *client, const struct request *request,
                                uint32_t limit_ms, struct peeper_then then, bool *wake,
                                uint64_t *ret_id) {
    if (!accepts(client)) return PEEPER_STATUS_UNREACHABLE;
    if (client->out.bytes >= client->options.unsent_bytes_max) return PEEPER_STATUS_FULL;

    uint64_t           id = 0;
    enum peeper_status status;
    if (then.on_answer != NULL) {
        uint64_t due_ms = clock_mono_ms() + limit_ms + GRACE_MS;
        status = pending_add(&client->pending, request->verb, limit_ms, due_ms, then, &id);
        if (status != PEEPER_STATUS_OK) return status;
    }
    status = encode_request(&client->out, id, request, client->server_frame_bytes_max);
    if (status != PEEPER_STATUS_OK) {
        struct pending_request dropped;
        pending_take(&client->pending, id, &dropped);
        return status;
    }
    // The loop's own thread comes to the end of its turn anyway.
    if (client->threaded && !client->woken && !pthread_equal(pthread_self(), client->thread)) {
        client->woken = *wake = true;
    }
    *ret_id = id;
    return PEEPER_STATUS_OK;
}

static enum peeper_status submit_known(struct peeper_client *client, const struct request *request,
                                       uint32_t limit_ms, struct peeper_then then,
                                       uint64_t *ret_id) {
    bool wake = false;
    connection_lock(client);
    bool               keyed = request->key != NULL && request->key[0] != '\0';
    bool               plain = client->resume == NULL || (request->verb <= REQUEST_SEND && !keyed);
    enum peeper_status status =
        plain ? queue(client, request, limit_ms, then, &wake, ret_id)
              : queue_resumable(client, request, limit_ms, then, &wake, ret_id);
    connection_unlock(client);
    if (wake) uv_async_send(&client->async);
    return status;
}

enum peeper_status client_submit(struct peeper_client *client, const struct request *request,
                                 uint32_t limit_ms, struct peeper_then then) {
    uint64_t id;
    return submit_known(client, request, limit_ms, then, &id);
}

// Requests that nobody need wait for.
static enum peeper_status tell(struct peeper_client *client, enum request_verb verb,
                               struct peeper_target target, struct peeper_value payload,
                               struct peeper_then then) {
    struct request request = {.verb = verb, .target = target, .payload = payload};
    if (target.id == 0 && target.name == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, client->options.request_timeout_ms, then);
}

// Requests whose answer is the point.
static enum peeper_status ask(struct peeper_client *client, enum request_verb verb,
                              struct peeper_target target, struct peeper_then then) {
    if (then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return tell(client, verb, target, (struct peeper_value){0}, then);
}

// Longer ones would be refused by the server.
#define KEY_BYTES_MAX 64u

static bool key_valid(const struct peeper_call_options *options) {
    return options->idempotency_key == NULL ||
           strnlen(options->idempotency_key, KEY_BYTES_MAX + 1) <= KEY_BYTES_MAX;
}

enum peeper_status client_call(struct peeper_client *client, struct peeper_target target,
                               struct peeper_value               message,
                               const struct peeper_call_options *options, struct peeper_then then,
                               uint64_t *ret_id) {
    uint32_t       deadline_ms = options->deadline_ms;
    struct request request = {.verb = REQUEST_CALL,
                              .target = target,
                              .payload = message,
                              .limit_ms = deadline_ms,
                              .key = options->idempotency_key};
    if (target.id == 0 && target.name == NULL) return PEEPER_STATUS_INVALID;
    if (!key_valid(options)) return PEEPER_STATUS_INVALID;
    if (then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return submit_known(client, &request, or_default(deadline_ms, SERVER_DEADLINE_MS), then,
                        ret_id);
}

void client_forget(struct peeper_client *client, uint64_t id) {
    struct pending_request forgotten;
    connection_lock(client);
    if (pending_take(&client->pending, id, &forgotten)) resume_drop(&forgotten);
    connection_unlock(client);
}

enum peeper_status peeper_client_call(struct peeper_client *client, struct peeper_target target,
                                      struct peeper_value message, uint32_t deadline_ms,
                                      struct peeper_then then) {
    struct peeper_call_options options = {.deadline_ms = deadline_ms};
    uint64_t                   id;
    return client_call(client, target, message, &options, then, &id);
}

enum peeper_status peeper_client_call_with(struct peeper_client *client,
                                           struct peeper_target target, struct peeper_value message,
                                           const struct peeper_call_options *options,
                                           struct peeper_then                then) {
    struct peeper_call_options none = {0};
    uint64_t                   id;
    return client_call(client, target, message, options == NULL ? &none : options, then, &id);
}

enum peeper_status peeper_client_cast_with(struct peeper_client *client,
                                           struct peeper_target target, struct peeper_value message,
                                           const struct peeper_call_options *options,
                                           struct peeper_then                then) {
    struct request request = {.verb = REQUEST_CAST, .target = target, .payload = message};
    if (target.id == 0 && target.name == NULL) return PEEPER_STATUS_INVALID;
    if (options != NULL && !key_valid(options)) return PEEPER_STATUS_INVALID;
    if (options != NULL) request.key = options->idempotency_key;
    return client_submit(client, &request, client->options.request_timeout_ms, then);
}

enum peeper_status peeper_client_cast(struct peeper_client *client, struct peeper_target target,
                                      struct peeper_value message, struct peeper_then then) {
    return tell(client, REQUEST_CAST, target, message, then);
}

enum peeper_status peeper_client_send(struct peeper_client *client, struct peeper_target target,
                                      struct peeper_value message, struct peeper_then then) {
    return tell(client, REQUEST_SEND, target, message, then);
}

enum peeper_status peeper_client_start(struct peeper_client              *client,
                                       const struct peeper_start_options *options,
                                       struct peeper_then                 then) {
    struct request request = {.verb = REQUEST_START, .start = options};
    if (options->behaviour == NULL || then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, or_default(options->timeout_ms, SERVER_DEADLINE_MS),
                         then);
}

enum peeper_status peeper_client_stop(struct peeper_client *client, struct peeper_target target,
                                      struct peeper_value reason, uint32_t timeout_ms,
                                      struct peeper_then then) {
    struct request request = {
        .verb = REQUEST_STOP, .target = target, .payload = reason, .limit_ms = timeout_ms};
    if (target.id == 0 && target.name == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, or_default(timeout_ms, SERVER_DEADLINE_MS), then);
}

enum peeper_status peeper_client_kill(struct peeper_client *client, struct peeper_target target,
                                      struct peeper_then then) {
    return tell(client, REQUEST_KILL, target, (struct peeper_value){0}, then);
}

enum peeper_status peeper_client_suspend(struct peeper_client *client, struct peeper_target target,
                                         struct peeper_then then) {
    return tell(client, REQUEST_SUSPEND, target, (struct peeper_value){0}, then);
}

enum peeper_status peeper_client_get_state(struct peeper_client *client,
                                           struct peeper_target target, struct peeper_then then) {
    return ask(client, REQUEST_GET_STATE, target, then);
}

enum peeper_status peeper_client_replace_state(struct peeper_client *client,
                                               struct peeper_target  target,
                                               struct peeper_value state, uint32_t timeout_ms,
                                               struct peeper_then then) {
    struct request request = {
        .verb = REQUEST_REPLACE_STATE, .target = target, .payload = state, .limit_ms = timeout_ms};
    if (target.id == 0 && target.name == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, or_default(timeout_ms, SERVER_DEADLINE_MS), then);
}

enum peeper_status peeper_client_resume(struct peeper_client *client, struct peeper_target target,
                                        struct peeper_then then) {
    return tell(client, REQUEST_RESUME, target, (struct peeper_value){0}, then);
}

enum peeper_status peeper_client_whereis(struct peeper_client *client, struct peeper_target target,
                                         struct peeper_then then) {
    return ask(client, REQUEST_WHEREIS, target, then);
}

enum peeper_status peeper_client_inspect(struct peeper_client *client, struct peeper_target target,
                                         struct peeper_then then) {
    return ask(client, REQUEST_INSPECT, target, then);
}

enum peeper_status peeper_client_list(struct peeper_client *client, const struct peeper_page *page,
                                      struct peeper_then then) {
    struct request request = {.verb = REQUEST_LIST, .page = page};
    if (then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, client->options.request_timeout_ms, then);
}

enum peeper_status peeper_client_ping(struct peeper_client *client, struct peeper_then then) {
    struct request request = {.verb = REQUEST_PING};
    if (then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, client->options.request_timeout_ms, then);
}

enum peeper_status peeper_client_crashes(struct peeper_client     *client,
                                         const struct peeper_page *page, struct peeper_then then) {
    struct request request = {.verb = REQUEST_CRASHES, .page = page};
    if (then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, client->options.request_timeout_ms, then);
}

enum peeper_status peeper_client_crash(struct peeper_client *client, uint64_t crash,
                                       struct peeper_then then) {
    struct request request = {.verb = REQUEST_CRASH, .crash = crash};
    if (then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, client->options.request_timeout_ms, then);
}

enum peeper_status peeper_client_redrive(struct peeper_client *client, uint64_t crash,
                                         uint32_t timeout_ms, struct peeper_then then) {
    struct request request = {.verb = REQUEST_REDRIVE, .crash = crash, .limit_ms = timeout_ms};
    if (then.on_answer == NULL) return PEEPER_STATUS_INVALID;
    return client_submit(client, &request, or_default(timeout_ms, SERVER_DEADLINE_MS), then);
}

enum peeper_status peeper_client_discard_crash(struct peeper_client *client, uint64_t crash,
                                               struct peeper_then then) {
    struct request request = {.verb = REQUEST_DISCARD_CRASH, .crash = crash};
    return client_submit(client, &request, client->options.request_timeout_ms, then);
}
