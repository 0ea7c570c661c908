#include "connection.h"

#include "base/check.h"
#include "base/clock.h"
#include "wire/frame.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define READ_BYTES 65536
#define READ_KEPT_BYTES_MAX (4u << 20) // a bigger buffer is given back when it is empty
#define PAUSE_MS 20                    // before the second attempt; then twice as long each time
#define PAUSE_MS_MAX 2000
#define ATTEMPTS_OF_REFUSED 6

static void end(struct peeper_client *client, const struct peeper_error *error);
static void try_next_address(struct peeper_client *client);
static void begin_attempt(struct peeper_client *client);
static void tell_tie(struct peeper_client *client, const struct tie *tie);
static void watch_again(struct peeper_client *client);

// --- Going down ----------------------------------------------------------------------------------

static void set_state(struct peeper_client *client, enum client_state state) {
    connection_lock(client);
    client->state = state;
    if (client->threaded) pthread_cond_broadcast(&client->settled);
    connection_unlock(client);
}

static bool take_any(struct peeper_client *client, struct pending_request *ret_request) {
    connection_lock(client);
    bool found = pending_take_any(&client->pending, ret_request);
    connection_unlock(client);
    return found;
}

// A request goes home: nothing that was accepted stays without an answer.
static void answer_all(struct peeper_client *client, const struct peeper_error *error) {
    struct peeper_answer   answer = {.error = *error};
    struct pending_request request;
    while (take_any(client, &request)) {
        resume_drop(&request);
        request.then.on_answer(request.then.user, &answer);
    }
}

static void release_handle(struct peeper_client *client) {
    CHECK(client->handles > 0);
    client->handles--;
    if (client->handles > 0 || client->state != CLIENT_CLOSING) return;

    struct peeper_error error = error_of(PEEPER_STATUS_CLOSED, NULL);
    answer_all(client, &error);
    set_state(client, CLIENT_CLOSED);
    // The hook may destroy the client.
    if (client->hooks.on_closed != NULL) client->hooks.on_closed(client->hooks.user);
}

static void on_handle_closed(uv_handle_t *handle) {
    release_handle(handle->data);
}

static void on_tcp_closed(uv_handle_t *handle) {
    struct peeper_client *client = handle->data;
    client->tcp_open = false;
    if (client->state == CLIENT_CONNECTING && client->attempting) try_next_address(client);
    release_handle(client);
}

static void close_tcp(struct peeper_client *client) {
    uv_handle_t *handle = (uv_handle_t *)&client->tcp;
    if (client->tcp_open && !uv_is_closing(handle)) uv_close(handle, on_tcp_closed);
}

static void end(struct peeper_client *client, const struct peeper_error *error) {
    if (client->state >= CLIENT_DOWN) return;

    connection_lock(client);
    client->down_status = error->status;
    client->state = CLIENT_DOWN;
    if (client->threaded) pthread_cond_broadcast(&client->settled);
    connection_unlock(client);

    client->attempting = false;
    uv_timer_stop(&client->pause);
    uv_timer_stop(&client->connect_timer);
    uv_timer_stop(&client->timer);
    client->timer_due_ms = UINT64_MAX;
    if (client->resolving) uv_cancel((uv_req_t *)&client->resolve);
    close_tcp(client);
    answer_all(client, error);
    if (client->hooks.on_down != NULL) client->hooks.on_down(client->hooks.user, error);
}

// --- The next connection -------------------------------------------------------------------------

static uint32_t pause_ms(struct peeper_client *client) {
    uint32_t doublings = client->attempts < 8 ? client->attempts : 8;
    uint32_t most_ms = (uint32_t)PAUSE_MS << doublings;
    if (most_ms > PAUSE_MS_MAX) most_ms = PAUSE_MS_MAX;
    // Clients that were lost together come back apart (xorshift).
    client->dice ^= client->dice << 13;
    client->dice ^= client->dice >> 17;
    client->dice ^= client->dice << 5;
    return most_ms / 2 + client->dice % (most_ms / 2 + 1);
}

static void on_pause_over(uv_timer_t *pause) {
    begin_attempt(pause->data);
}

// The first connection has until its time-out, a lost one as long as it takes.
static bool may_try_again(const struct peeper_client *client, uint32_t pause) {
    const struct peeper_options *options = &client->options;
    if (client->was_up) return options->reconnect;
    if (!options->retry && !options->reconnect) return false;
    return clock_mono_ms() + pause < client->connect_end_ms;
}

static bool take_doomed(struct peeper_client *client, uint32_t *at,
                        struct pending_request *ret_request) {
    bool found = false;
    connection_lock(client);
    struct pending *pending = &client->pending;
    for (; *at < pending->capacity && !found; ++*at) {
        struct pending_request *request = &pending->slots[*at];
        if (request->id == 0 || !request->doomed) continue;
        found = pending_take(pending, request->id, ret_request);
    }
    connection_unlock(client);
    return found;
}

static void answer_doomed(struct peeper_client *client, const struct peeper_error *error) {
    struct peeper_answer   lost = {.error = *error};
    struct peeper_answer   done = {.error = error_of(PEEPER_STATUS_OK, NULL)};
    struct pending_request request;
    uint32_t               at = 0;
    while (take_doomed(client, &at, &request)) {
        resume_drop(&request);
        request.then.on_answer(request.then.user, resume_bound(request.verb) ? &done : &lost);
    }
}

// What ended with the connection is told: requests that may have run, monitors and links. To end
// one of those is no failure then.
static void tell_lost(struct peeper_client *client, const struct peeper_error *error) {
    answer_doomed(client, error);
    for (;;) {
        connection_lock(client);
        struct tie *tie = resume_take_ended(client->resume);
        connection_unlock(client);
        if (tie == NULL) break;
        tell_tie(client, tie);
        tie_free(tie);
    }
    if (client->hooks.on_lost != NULL && client->state < CLIENT_DOWN) {
        client->hooks.on_lost(client->hooks.user, error);
    }
}

// Tries again after a pause. `error` points to no decoded frame.
static void lose(struct peeper_client *client, const struct peeper_error *error, uint32_t pause) {
    bool was_up = client->state == CLIENT_UP;
    if (was_up) {
        size_t left = client->writing ? uv_stream_get_write_queue_size((uv_stream_t *)&client->tcp)
                                      : client->sending.bytes - client->written;
        size_t written = client->sending.bytes - left;
        connection_lock(client);
        enum peeper_status status =
            resume_salvage(&client->pending, &client->out, &client->sending, written);
        if (status == PEEPER_STATUS_OK) client->state = CLIENT_CONNECTING;
        connection_unlock(client);
        if (status != PEEPER_STATUS_OK) {
            struct peeper_error memory = error_of(status, NULL);
            end(client, &memory);
            return;
        }
    }
    set_state(client, CLIENT_CONNECTING);
    client->attempting = false;
    client->attempts++;
    client->sending.bytes = client->in.bytes = 0;
    uv_timer_stop(&client->connect_timer);
    if (client->resolving) uv_cancel((uv_req_t *)&client->resolve);
    close_tcp(client);
    uv_timer_start(&client->pause, on_pause_over, pause, 0);
    if (was_up) tell_lost(client, error);
}

// The end of a connection or of an attempt to make one.
static void settle(struct peeper_client *client, const struct peeper_error *error) {
    if (client->state >= CLIENT_DOWN) return;
    if (client->state == CLIENT_CONNECTING && !client->attempting) return;
    uint32_t pause = pause_ms(client);
    if (may_try_again(client, pause)) {
        lose(client, error, pause);
    } else {
        end(client, error);
    }
}

// Ends because of what the system or the peer did; before the welcome that means UNREACHABLE.
__attribute__((format(printf, 2, 3))) static void fail(struct peeper_client *client,
                                                       const char           *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(client->why, sizeof(client->why), format, arguments);
    va_end(arguments);

    bool                was_up = client->state == CLIENT_UP;
    struct peeper_error error =
        error_of(was_up ? PEEPER_STATUS_DISCONNECTED : PEEPER_STATUS_UNREACHABLE, client->why);
    settle(client, &error);
}

static void fail_with(struct peeper_client *client, enum peeper_status status, const char *why) {
    snprintf(client->why, sizeof(client->why), "%s", why);
    struct peeper_error error = error_of(status, client->why);
    end(client, &error);
}

void connection_close(struct peeper_client *client) {
    if (client->state >= CLIENT_CLOSING) return;
    set_state(client, CLIENT_CLOSING);

    if (client->resolving) uv_cancel((uv_req_t *)&client->resolve);
    close_tcp(client);
    uv_close((uv_handle_t *)&client->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&client->timer, on_handle_closed);
    uv_close((uv_handle_t *)&client->connect_timer, on_handle_closed);
    uv_close((uv_handle_t *)&client->pause, on_handle_closed);
    if (client->threaded) uv_close((uv_handle_t *)&client->async, on_handle_closed);
}

// --- Writing -------------------------------------------------------------------------------------

static void on_written(uv_write_t *request, int result);

// Most turns' bytes fit into the socket at once; only the rest needs a request of libuv.
static void send_all(struct peeper_client *client) {
    struct buf *sending = &client->sending;
    if (sending->bytes == 0) return;

    client->written = 0;
    uv_buf_t room = uv_buf_init((char *)sending->data, (unsigned)sending->bytes);
    int      written = uv_try_write((uv_stream_t *)&client->tcp, &room, 1);
    if (written == UV_EAGAIN) written = 0;
    if (written < 0) {
        fail(client, "writing failed: %s", uv_strerror(written));
        return;
    }
    if ((size_t)written == sending->bytes) {
        sending->bytes = 0;
        return;
    }
    client->written = (size_t)written;
    room.base += written;
    room.len -= (size_t)written;
    int result = uv_write(&client->write, (uv_stream_t *)&client->tcp, &room, 1, on_written);
    if (result < 0) {
        fail(client, "writing failed: %s", uv_strerror(result));
        return;
    }
    client->writing = true;
}

static void flush(struct peeper_client *client) {
    if (client->state != CLIENT_UP || client->writing) return;

    connection_lock(client);
    struct buf swap = client->sending;
    client->sending = client->out;
    client->out = swap;
    client->woken = false;
    connection_unlock(client);

    send_all(client);
}

static void on_written(uv_write_t *request, int result) {
    struct peeper_client *client = request->data;
    client->writing = false;
    client->sending.bytes = client->written = 0;
    if (result == UV_ECANCELED) return; // of a connection that is over
    if (result < 0) {
        fail(client, "writing failed: %s", uv_strerror(result));
        return;
    }
    flush(client);
}

// --- Deadlines -----------------------------------------------------------------------------------

static void on_timer(uv_timer_t *timer);

// An earlier due time moves the timer; a later one is found when it fires, so that not every
// request moves it.
static void arm_timer(struct peeper_client *client, uint64_t due_ms) {
    if (due_ms >= client->timer_due_ms) return;
    uint64_t now_ms = clock_mono_ms();
    uv_update_time(client->loop);
    uv_timer_start(&client->timer, on_timer, due_ms > now_ms ? due_ms - now_ms : 0, 0);
    client->timer_due_ms = due_ms;
}

static bool take_due(struct peeper_client *client, struct pending_request *ret_request) {
    connection_lock(client);
    bool found = pending_take_due(&client->pending, clock_mono_ms(), ret_request);
    connection_unlock(client);
    return found;
}

static void on_timer(uv_timer_t *timer) {
    struct peeper_client *client = timer->data;
    client->timer_due_ms = UINT64_MAX;
    struct pending_request request;
    while (take_due(client, &request)) {
        resume_drop(&request);
        char text[CONNECTION_TEXT_BYTES];
        snprintf(text, sizeof(text), "no answer within %" PRIu32 " ms", request.limit_ms);
        struct peeper_answer answer = {.error = error_of(PEEPER_STATUS_TIMEOUT, text)};
        request.then.on_answer(request.then.user, &answer);
    }
    // The prepare of this turn arms the timer for what is left.
}

static void on_connect_timer(uv_timer_t *timer) {
    struct peeper_client *client = timer->data;
    fail(client, "no welcome from %s:%s within %" PRIu32 " ms", client->address.host,
         client->address.port, client->options.connect_timeout_ms);
}

static void on_prepare(uv_prepare_t *prepare) {
    struct peeper_client *client = prepare->data;
    if (client->watches_wait && client->state == CLIENT_UP) watch_again(client);
    flush(client);
    if (client->state != CLIENT_UP && !(client->was_up && client->state < CLIENT_UP)) return;
    connection_lock(client);
    uint64_t due_ms = heap_next_due_ms(&client->pending.deadlines);
    connection_unlock(client);
    arm_timer(client, due_ms);
}

static void on_async(uv_async_t *async) {
    struct peeper_client *client = async->data;
    connection_lock(client);
    bool close_asked = client->close_asked;
    connection_unlock(client);
    if (close_asked) connection_close(client);
    // Queued requests leave with the prepare of this turn.
}

// --- Ties of a client that reconnects ------------------------------------------------------------

// It goes the way of the server's events, so that all of them can be kept alike.
static void tell_tie(struct peeper_client *client, const struct tie *tie) {
    struct incoming incoming;
    if (client->hooks.on_event == NULL) return;
    if (resume_frame(&client->told, tie) != PEEPER_STATUS_OK) return;
    struct peeper_value frame = {client->told.data, client->told.bytes};
    if (decoder_decode(&client->decoder, frame, &incoming) != PEEPER_STATUS_OK) return;
    client->hooks.on_event(client->hooks.user, &incoming.event);
}

// A request of the client's own, which finds no other connection than this one.
static enum peeper_status add_own(struct peeper_client *client, const struct request *request,
                                  struct peeper_then then) {
    uint32_t           limit_ms = client->options.request_timeout_ms;
    uint64_t           id;
    enum peeper_status status = pending_add(&client->pending, request->verb, limit_ms,
                                            clock_mono_ms() + limit_ms, then, &id);
    if (status != PEEPER_STATUS_OK) return status;
    status = encode_request(&client->out, id, request, UINT32_MAX);
    if (status == PEEPER_STATUS_OK) return status;
    struct pending_request dropped;
    pending_take(&client->pending, id, &dropped);
    return status;
}

static void on_unwatched(void *user, const struct peeper_answer *answer) {
    (void)user;
    (void)answer;
}

static void on_watching(void *user, const struct peeper_answer *answer) {
    struct tie           *tie = user;
    struct peeper_client *client = tie->client;
    enum peeper_status    status = answer->error.status;
    bool                  good = status == PEEPER_STATUS_OK;

    connection_lock(client);
    bool wanted = resume_watching(client->resume, tie, good ? answer->ref : 0);
    connection_unlock(client);
    if (good && !wanted) {
        // Nobody knows it any more. If it cannot be ended here, it ends with the connection.
        struct request unwatch = {.verb = REQUEST_UNWATCH, .ref = answer->ref};
        connection_lock(client);
        enum peeper_status ended = add_own(client, &unwatch, peeper_then(on_unwatched, NULL));
        connection_unlock(client);
        (void)ended;
    }
    if (!wanted || status == PEEPER_STATUS_DISCONNECTED || status == PEEPER_STATUS_CLOSED) return;
    if (!good) {
        client->attempts = ATTEMPTS_OF_REFUSED; // the pause of a server that has had enough
        fail(client, "a watch cannot be made again: %s", answer->error.message);
    } else if (tie->prefix || tie->from_version == 0) {
        tell_tie(client, tie);
    }
}

static void watch_again(struct peeper_client *client) {
    struct tie        *tie;
    enum peeper_status status = PEEPER_STATUS_OK;
    connection_lock(client);
    while ((tie = resume_next_watch(client->resume)) != NULL) {
        struct peeper_watch watch = {.name = tie->name,
                                     .prefix = tie->prefix ? tie->name : NULL,
                                     .from_version = tie->prefix ? 0 : tie->from_version,
                                     .unit = tie->prefix ? 0 : tie->unit,
                                     .with_old = tie->with_old};
        struct request      request = {.verb = REQUEST_WATCH, .watch = &watch};
        tie->client = client;
        status = add_own(client, &request, peeper_then(on_watching, tie));
        if (status != PEEPER_STATUS_OK) break;
        tie->asking = true;
    }
    connection_unlock(client);
    // Where all places are taken, at the end of the next turn.
    client->watches_wait = status != PEEPER_STATUS_OK;
}

// --- Reading -------------------------------------------------------------------------------------

// A server that says that it may be otherwise later is asked later.
static void on_refused(struct peeper_client *client, const struct peeper_error *error) {
    struct peeper_error copy = *error;
    snprintf(client->why, sizeof(client->why), "%s", error->message);
    copy.message = client->why;
    copy.reason = (struct peeper_value){0};
    copy.kind = "";
    if (error->retryable) {
        settle(client, &copy);
    } else {
        end(client, error);
    }
}

static void on_welcome(struct peeper_client *client, struct incoming *incoming) {
    if (incoming->id != CONNECTION_HELLO_ID || !frame_kind_fits(incoming->kind, REQUEST_HELLO)) {
        if (incoming->kind == FRAME_ERROR) {
            on_refused(client, &incoming->answer.error);
        } else {
            fail(client, "%s:%s does not speak this protocol", client->address.host,
                 client->address.port);
        }
        return;
    }
    if (incoming->welcome.protocol_version != PEEPER_PROTOCOL_VERSION) {
        fail_with(client, PEEPER_STATUS_UNSUPPORTED_VERSION,
                  "the server welcomed another protocol version");
        return;
    }
    uv_timer_stop(&client->connect_timer);
    client->attempting = false;
    client->attempts = 0;
    client->last_words[0] = '\0';
    if (client->resume != NULL && !incoming->welcome.idempotency) {
        struct peeper_error error = error_of(PEEPER_STATUS_DISCONNECTED, NULL);
        connection_lock(client);
        resume_doom_keyed(&client->pending);
        connection_unlock(client);
        answer_doomed(client, &error);
        if (client->state != CLIENT_GREETING) return; // it was closed there
    }
    connection_lock(client);
    client->idempotency = incoming->welcome.idempotency;
    uint32_t bytes_max = incoming->welcome.frame_bytes_max;
    client->server_frame_bytes_max = bytes_max != 0 ? bytes_max : CONNECTION_BYTES_MAX;
    client->state = CLIENT_UP;
    client->was_up = true;
    if (client->resume != NULL) resume_prune(&client->pending, &client->out);
    if (client->threaded) pthread_cond_broadcast(&client->settled);
    connection_unlock(client);
    if (client->hooks.on_up != NULL) client->hooks.on_up(client->hooks.user, &incoming->welcome);
    client->watches_wait = client->resume != NULL;
}

// What concerns no request that waits. Often the connection ends next, and then this was the
// reason.
static void on_notice(struct peeper_client *client, const struct peeper_error *error) {
    snprintf(client->last_words, sizeof(client->last_words), "%s: %s",
             peeper_status_name(error->status), error->message);
    if (client->hooks.on_notice != NULL) client->hooks.on_notice(client->hooks.user, error);
}

static bool event_is_wanted(struct peeper_client *client, struct peeper_event *event) {
    if (client->resume == NULL) return true;
    connection_lock(client);
    bool wanted = resume_event(client->resume, event);
    connection_unlock(client);
    return wanted;
}

static void on_frame(struct peeper_client *client, struct incoming *incoming) {
    struct peeper_answer *answer = &incoming->answer;
    if (client->state == CLIENT_GREETING) {
        on_welcome(client, incoming);
        return;
    }
    if (incoming->id == 0) {
        if (incoming->kind == FRAME_EVENT && client->hooks.on_event != NULL &&
            event_is_wanted(client, &incoming->event))
            client->hooks.on_event(client->hooks.user, &incoming->event);
        if (answer->error.status != PEEPER_STATUS_OK) on_notice(client, &answer->error);
        return;
    }
    struct pending_request request;
    connection_lock(client);
    bool found = pending_take(&client->pending, incoming->id, &request);
    bool fits = found && frame_kind_fits(incoming->kind, request.verb);
    if (fits && request.tie != NULL) resume_begin(client->resume, &request, answer);
    connection_unlock(client);
    if (!found) return; // it was given up: the answer is late

    if (client->resume != NULL) resume_drop(&request);
    if (incoming->kind != FRAME_ERROR && !fits) {
        struct peeper_answer wrong = {
            .error = error_of(PEEPER_STATUS_PROTOCOL, "the server's answer is of another kind")};
        request.then.on_answer(request.then.user, &wrong);
        return;
    }
    request.then.on_answer(request.then.user, answer);
}

// Decodes one frame and hands it on. False once the connection is over.
static bool take_frame(struct peeper_client *client, struct slice frame) {
    struct incoming     incoming;
    struct peeper_value bytes = {.data = frame.data, .bytes = frame.bytes};
    if (client->state == CLIENT_UP && hot_decode(bytes, &client->hot)) {
        on_frame(client, &client->hot);
        return client->state == CLIENT_UP;
    }
    enum peeper_status status = decoder_decode(&client->decoder, bytes, &incoming);
    if (status == PEEPER_STATUS_OK) {
        on_frame(client, &incoming);
    } else if (client->state == CLIENT_GREETING) {
        fail(client, "%s:%s does not speak this protocol", client->address.host,
             client->address.port);
    } else {
        fail_with(client, status, "the server's frame cannot be decoded");
    }
    return client->state == CLIENT_GREETING || client->state == CLIENT_UP;
}

static void take_frames(struct peeper_client *client) {
    struct buf *in = &client->in;
    size_t      at = 0;
    enum status status;
    for (;;) {
        struct slice frame;
        size_t       used;
        status = frame_next(in->data + at, in->bytes - at, client->options.frame_bytes_max, &frame,
                            &used);
        if (status != STATUS_OK) break;
        at += used;
        if (!take_frame(client, frame)) return;
    }
    buf_consume(in, at);
    if (in->bytes == 0 && in->capacity > READ_KEPT_BYTES_MAX) buf_fini(in);
    if (status == STATUS_AGAIN) return;
    if (client->state == CLIENT_GREETING) {
        fail(client, "%s:%s does not speak this protocol", client->address.host,
             client->address.port);
    } else if (status == STATUS_TOO_LARGE) {
        fail_with(client, PEEPER_STATUS_TOO_LARGE,
                  "the server sent a frame over frame_bytes_max; the connection is closed");
    } else {
        fail_with(client, PEEPER_STATUS_PROTOCOL, "the server sent bytes that are no frame");
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *room) {
    struct peeper_client *client = handle->data;
    uint8_t              *data = buf_reserve(&client->in, READ_BYTES);
    size_t                bytes = client->in.capacity - client->in.bytes;
    (void)suggested;
    *room = uv_buf_init((char *)data, data != NULL ? (unsigned)bytes : 0);
}

static void on_read(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *room) {
    struct peeper_client *client = stream->data;
    (void)room;
    if (bytes > 0) {
        client->in.bytes += (size_t)bytes;
        take_frames(client);
        return;
    }
    if (bytes == 0) return;
    if (bytes != UV_EOF) {
        fail(client, "reading failed: %s", uv_strerror((int)bytes));
    } else if (client->last_words[0] != '\0') {
        fail(client, "the server closed the connection; it said %s", client->last_words);
    } else {
        fail(client, "the server closed the connection");
    }
}

// --- Connecting ----------------------------------------------------------------------------------

static void on_connected(uv_connect_t *connect, int result) {
    struct peeper_client *client = connect->data;
    if (client->state != CLIENT_CONNECTING || !client->attempting) return;
    if (result < 0) {
        client->connect_result = result;
        close_tcp(client); // then the next address
        return;
    }
    // Requests are written in one piece per turn, so waiting for more would only add delay.
    uv_tcp_nodelay(&client->tcp, 1);
    set_state(client, CLIENT_GREETING);
    result = uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read);
    if (result < 0) {
        fail(client, "reading failed: %s", uv_strerror(result));
        return;
    }
    if (buf_append(&client->sending, client->hello.data, client->hello.bytes) != STATUS_OK) {
        fail_with(client, PEEPER_STATUS_NO_MEMORY, "no memory for the hello");
        return;
    }
    send_all(client);
}

static void try_next_address(struct peeper_client *client) {
    struct addrinfo *address = client->next_address;
    if (address == NULL) {
        fail(client, "cannot connect to %s:%s: %s", client->address.host, client->address.port,
             uv_strerror(client->connect_result));
        return;
    }
    client->next_address = address->ai_next;

    int result = uv_tcp_init(client->loop, &client->tcp);
    if (result < 0) {
        fail(client, "no socket: %s", uv_strerror(result));
        return;
    }
    client->tcp.data = client;
    client->tcp_open = true;
    client->handles++;
    client->connect.data = client;
    result = uv_tcp_connect(&client->connect, &client->tcp, address->ai_addr, on_connected);
    if (result < 0) {
        client->connect_result = result;
        close_tcp(client);
    }
}

static void on_resolved(uv_getaddrinfo_t *resolve, int result, struct addrinfo *addresses) {
    struct peeper_client *client = resolve->data;
    client->resolving = false;
    client->addresses = addresses;
    client->next_address = addresses;
    if (client->state == CLIENT_CONNECTING && client->attempting) {
        if (result < 0) {
            fail(client, "cannot resolve %s: %s", client->address.host, uv_strerror(result));
        } else {
            try_next_address(client);
        }
    }
    release_handle(client);
}

static void begin_attempt(struct peeper_client *client) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    // What is left of the attempt before is told by the loop, soon.
    if (client->resolving || client->tcp_open) {
        uv_timer_start(&client->pause, on_pause_over, PAUSE_MS, 0);
        return;
    }
    if (client->addresses != NULL) uv_freeaddrinfo(client->addresses);
    client->addresses = client->next_address = NULL;
    client->attempting = true;
    uint64_t left_ms = client->options.connect_timeout_ms;
    if (!client->was_up) {
        uint64_t now_ms = clock_mono_ms();
        left_ms = now_ms < client->connect_end_ms ? client->connect_end_ms - now_ms : 0;
    }
    uv_timer_start(&client->connect_timer, on_connect_timer, left_ms, 0);
    if (uv_getaddrinfo(client->loop, &client->resolve, on_resolved, client->address.host,
                       client->address.port, &hints) == 0) {
        client->resolving = true;
        client->handles++;
    } else {
        fail(client, "cannot resolve %s", client->address.host);
    }
}

enum peeper_status connection_start(struct peeper_client *client) {
    client->resolve.data = client->prepare.data = client->timer.data = client->async.data = client;
    client->write.data = client->connect_timer.data = client->pause.data = client;
    client->timer_due_ms = UINT64_MAX;
    client->dice = (uint32_t)clock_mono_ns() | 1;
    client->connect_end_ms = clock_mono_ms() + client->options.connect_timeout_ms;
    // The one call that can fail comes first; the others below cannot on a running loop.
    if (client->threaded && uv_async_init(client->loop, &client->async, on_async) < 0) {
        return PEEPER_STATUS_INTERNAL;
    }
    CHECK(uv_prepare_init(client->loop, &client->prepare) == 0);
    CHECK(uv_timer_init(client->loop, &client->timer) == 0);
    CHECK(uv_timer_init(client->loop, &client->connect_timer) == 0);
    CHECK(uv_timer_init(client->loop, &client->pause) == 0);
    client->handles = client->threaded ? 5 : 4;
    CHECK(uv_prepare_start(&client->prepare, on_prepare) == 0);
    // An idle client must not keep a caller's loop alive; its socket does.
    uv_unref((uv_handle_t *)&client->prepare);
    // From the loop, which tells every failure to connect. Its clock may have stood still.
    uv_update_time(client->loop);
    uv_timer_start(&client->pause, on_pause_over, 0, 0);
    return PEEPER_STATUS_OK;
}
