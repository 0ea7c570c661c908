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

static void end(struct peeper_client *client, const struct peeper_error *error);
static void try_next_address(struct peeper_client *client);

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
    while (take_any(client, &request)) request.then.on_answer(request.then.user, &answer);
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
    if (client->state == CLIENT_CONNECTING) try_next_address(client);
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

    uv_timer_stop(&client->timer);
    client->timer_due_ms = UINT64_MAX;
    if (client->resolving) uv_cancel((uv_req_t *)&client->resolve);
    close_tcp(client);
    answer_all(client, error);
    if (client->hooks.on_down != NULL) client->hooks.on_down(client->hooks.user, error);
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
    end(client, &error);
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
    if (client->threaded) uv_close((uv_handle_t *)&client->async, on_handle_closed);
}

// --- Writing -------------------------------------------------------------------------------------

static void on_written(uv_write_t *request, int result);

// Most turns' bytes fit into the socket at once; only the rest needs a request of libuv.
static void send_all(struct peeper_client *client) {
    struct buf *sending = &client->sending;
    if (sending->bytes == 0) return;

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
    client->sending.bytes = 0;
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
    if (client->state < CLIENT_UP) {
        fail(client, "no welcome from %s:%s within %" PRIu32 " ms", client->address.host,
             client->address.port, client->options.connect_timeout_ms);
        return;
    }
    struct pending_request request;
    while (take_due(client, &request)) {
        char text[CONNECTION_TEXT_BYTES];
        snprintf(text, sizeof(text), "no answer within %" PRIu32 " ms", request.limit_ms);
        struct peeper_answer answer = {.error = error_of(PEEPER_STATUS_TIMEOUT, text)};
        request.then.on_answer(request.then.user, &answer);
    }
    // The prepare of this turn arms the timer for what is left.
}

static void on_prepare(uv_prepare_t *prepare) {
    struct peeper_client *client = prepare->data;
    if (client->state != CLIENT_UP) return;

    flush(client);
    if (client->state != CLIENT_UP) return;
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

// --- Reading -------------------------------------------------------------------------------------

static void on_welcome(struct peeper_client *client, struct incoming *incoming) {
    if (incoming->id != CONNECTION_HELLO_ID || !frame_kind_fits(incoming->kind, REQUEST_HELLO)) {
        if (incoming->kind == FRAME_ERROR) {
            end(client, &incoming->answer.error);
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
    uv_timer_stop(&client->timer);
    client->timer_due_ms = UINT64_MAX;
    connection_lock(client);
    uint32_t bytes_max = incoming->welcome.frame_bytes_max;
    client->server_frame_bytes_max = bytes_max != 0 ? bytes_max : CONNECTION_BYTES_MAX;
    client->state = CLIENT_UP;
    if (client->threaded) pthread_cond_broadcast(&client->settled);
    connection_unlock(client);
    if (client->hooks.on_up != NULL) client->hooks.on_up(client->hooks.user, &incoming->welcome);
}

// What concerns no request that waits. Often the connection ends next, and then this was the
// reason.
static void on_notice(struct peeper_client *client, const struct peeper_error *error) {
    snprintf(client->last_words, sizeof(client->last_words), "%s: %s",
             peeper_status_name(error->status), error->message);
    if (client->hooks.on_notice != NULL) client->hooks.on_notice(client->hooks.user, error);
}

static void on_frame(struct peeper_client *client, struct incoming *incoming) {
    struct peeper_answer *answer = &incoming->answer;
    if (client->state == CLIENT_GREETING) {
        on_welcome(client, incoming);
        return;
    }
    if (incoming->id == 0) {
        if (incoming->kind == FRAME_EVENT && client->hooks.on_event != NULL)
            client->hooks.on_event(client->hooks.user, &incoming->event);
        if (answer->error.status != PEEPER_STATUS_OK) on_notice(client, &answer->error);
        return;
    }
    struct pending_request request;
    connection_lock(client);
    bool found = pending_take(&client->pending, incoming->id, &request);
    connection_unlock(client);
    if (!found) return; // it was given up: the answer is late

    if (incoming->kind != FRAME_ERROR && !frame_kind_fits(incoming->kind, request.verb)) {
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
    if (client->state != CLIENT_CONNECTING) return;
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
    client->sending = client->hello;
    client->hello = (struct buf){0};
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
    if (client->state == CLIENT_CONNECTING) {
        if (result < 0) {
            fail(client, "cannot resolve %s: %s", client->address.host, uv_strerror(result));
        } else {
            try_next_address(client);
        }
    }
    release_handle(client);
}

static void on_resolve_refused(uv_timer_t *timer) {
    struct peeper_client *client = timer->data;
    fail(client, "cannot resolve %s", client->address.host);
}

enum peeper_status connection_start(struct peeper_client *client) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    client->resolve.data = client->prepare.data = client->timer.data = client->async.data = client;
    client->write.data = client;
    client->timer_due_ms = UINT64_MAX;
    // The one call that can fail comes first; the others below cannot on a running loop.
    if (client->threaded && uv_async_init(client->loop, &client->async, on_async) < 0) {
        return PEEPER_STATUS_INTERNAL;
    }
    CHECK(uv_prepare_init(client->loop, &client->prepare) == 0);
    CHECK(uv_timer_init(client->loop, &client->timer) == 0);
    client->handles = client->threaded ? 3 : 2;
    CHECK(uv_prepare_start(&client->prepare, on_prepare) == 0);
    // An idle client must not keep a caller's loop alive; its socket does.
    uv_unref((uv_handle_t *)&client->prepare);
    arm_timer(client, clock_mono_ms() + client->options.connect_timeout_ms);

    if (uv_getaddrinfo(client->loop, &client->resolve, on_resolved, client->address.host,
                       client->address.port, &hints) == 0) {
        client->resolving = true;
        client->handles++;
    } else {
        // Told from the loop, like every other failure to connect.
        uv_timer_start(&client->timer, on_resolve_refused, 0, 0);
    }
    return PEEPER_STATUS_OK;
}
