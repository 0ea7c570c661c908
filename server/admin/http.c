#include "admin/http.h"

#include "admin/exchange.h"
#include "admin/look.h"
#include "admin/peer.h"
#include "admin/server.h"
#include "admin/stream.h"
#include "base/check.h"
#include "base/log.h"

#include <stdlib.h>

#define LISTEN_BACKLOG 1024
#define TICK_MS 100u
#define CLOSE_MS 1000u

uint64_t http_now_ms(const struct http *http) {
    return uv_now(&http->loop);
}

void http_forget(struct http *http, struct peer *peer) {
    list_remove(&peer->link);
    if (peer->slot == UINT32_MAX) {
        http->excess--;
        return;
    }
    http->peers[peer->slot] = NULL;
    http->counts.peers--;
}

// --- The net thread ------------------------------------------------------------------------------

static void on_frame(void *context, struct slice frame) {
    struct http             *http = context;
    struct codec_json_answer answer;
    enum status              status = codec_json_answer(frame, &answer);
    if (status != STATUS_OK) {
        LOG_WARN("gateway.frame", "status=%s bytes=%zu", status_name(status), frame.bytes);
        return;
    }
    exchange_frame(http, &answer);
    json_decref(answer.json);
}

// Who waits hears that nothing is known of what was asked.
static void on_lost(void *context) {
    struct http *http = context;
    for (uint32_t i = 0; i < http->options.connections_max; i++) {
        struct peer *peer = http->peers[i];
        if (peer == NULL) continue;
        if (peer->state == PEER_STREAM) {
            peer_leave(peer);
        } else if (peer->serial != 0 && peer->match.route->kind != ROUTE_LOOK) {
            exchange_problem(peer, STATUS_INTERNAL, 500, "the answer was lost");
        }
    }
}

// --- Down ----------------------------------------------------------------------------------------

static void close_peer(uv_handle_t *handle, void *context) {
    struct http *http = context;
    if (handle->type != UV_TCP || handle == (uv_handle_t *)&http->listener) return;
    if (!uv_is_closing(handle)) peer_close(handle->data);
}

// Whether somebody is still to get what was asked for.
static bool owes(const struct http *http) {
    for (const struct list *at = http->all.next; at != &http->all; at = at->next) {
        const struct peer *peer = LIST_ENTRY(at, struct peer, link);
        if (peer->state == PEER_WAITING || peer_backlog(peer) > 0) return true;
    }
    return false;
}

static void finish_close(struct http *http) {
    if (uv_is_closing((uv_handle_t *)&http->tick)) return;
    bool late = http_now_ms(http) >= http->close_at_ms;
    if (http->looking > 0 || (owes(http) && !late)) return;
    uv_walk(&http->loop, close_peer, http);
    gateway_close(&http->gateway);
    uv_close((uv_handle_t *)&http->tick, NULL);
    uv_close((uv_handle_t *)&http->wake, NULL);
}

// What is owed is still answered; who only waits for events, or has asked for nothing, leaves.
static void begin_close(struct http *http) {
    http->closing = true;
    http->close_at_ms = http_now_ms(http) + CLOSE_MS;
    uv_close((uv_handle_t *)&http->listener, NULL);
    for (uint32_t i = 0; i < http->options.connections_max; i++) {
        struct peer *peer = http->peers[i];
        if (peer != NULL && peer->state != PEER_WAITING) peer_leave(peer);
    }
    finish_close(http);
}

// --- The loop ------------------------------------------------------------------------------------

static void on_connection(uv_stream_t *listener, int status) {
    if (status == 0) peer_accept(listener->data, listener);
}

static void on_tick(uv_timer_t *tick) {
    struct http *http = tick->data;
    uint64_t     now_ms = http_now_ms(http);
    for (struct list *at = http->all.next, *next; at != &http->all; at = next) {
        next = at->next;
        peer_tick(LIST_ENTRY(at, struct peer, link), now_ms);
    }
    if (http->closing) finish_close(http);
}

static void on_wake(uv_async_t *wake) {
    struct http *http = wake->data;
    look_deliver(http);
    if (atomic_load(&http->close_asked) && !http->closing) begin_close(http);
    if (http->closing) finish_close(http);
}

static void wake_loop(void *context) {
    struct http *http = context;
    uv_async_send(&http->wake);
}

static void body(struct thread *thread, void *context) {
    struct http *http = context;
    thread_role_set(ROLE_ADMIN);
    thread_ready(thread, STATUS_OK);
    uv_run(&http->loop, UV_RUN_DEFAULT);
}

// --- Up ------------------------------------------------------------------------------------------

static enum status listen_on(struct http *http, const struct sockaddr *address) {
    struct sockaddr_storage where;
    int                     bytes = sizeof where;
    if (uv_tcp_bind(&http->listener, address, 0) != 0 ||
        uv_listen((uv_stream_t *)&http->listener, LISTEN_BACKLOG, on_connection) != 0 ||
        uv_tcp_getsockname(&http->listener, (struct sockaddr *)&where, &bytes) != 0) {
        return STATUS_IO;
    }
    // The port stands at the same place in both kinds of address.
    http->port = ntohs(((struct sockaddr_in *)&where)->sin_port);
    return STATUS_OK;
}

static enum status init(struct http *http, const struct sockaddr *address) {
    http->peers = calloc(http->options.connections_max, sizeof(struct peer *));
    if (http->peers == NULL || uv_loop_init(&http->loop) != 0) return STATUS_NO_MEMORY;
    CHECK(uv_tcp_init(&http->loop, &http->listener) == 0);
    CHECK(uv_async_init(&http->loop, &http->wake, on_wake) == 0);
    CHECK(uv_timer_init(&http->loop, &http->tick) == 0);
    http->listener.data = http->wake.data = http->tick.data = http;
    list_init(&http->all);
    for (uint32_t i = 0; i < HTTP_STREAM_BUCKETS; i++) list_init(&http->streams[i]);
    mailbox_init(&http->looks, http->options.connections_max, wake_loop, http);
    enum status status = listen_on(http, address);
    if (status != STATUS_OK) return status;
    struct gateway_options gateway = {
        .adopt = http->options.adopt,
        .adopt_context = http->options.adopt_context,
        .on_frame = on_frame,
        .on_lost = on_lost,
        .context = http,
    };
    uv_timer_start(&http->tick, on_tick, TICK_MS, TICK_MS);
    return gateway_open(&http->gateway, &http->loop, &gateway);
}

enum status http_create(struct shard *shard, const struct mirror *mirror,
                        const struct sockaddr *address, const struct http_options *options,
                        struct http **ret_http) {
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL) return STATUS_NO_MEMORY;
    http->options = *options;
    http->shard = shard;
    http->mirror = mirror;
    // A start that fails is the end of the process, which frees what there is; until then it must
    // not look lost.
    *ret_http = http;
    enum status status = init(http, address);
    return status == STATUS_OK ? thread_start(&http->thread, "admin", body, http) : status;
}

uint16_t http_port(const struct http *http) {
    return http->port;
}

void http_unready(struct http *http) {
    atomic_store(&http->unready, true);
}

void http_destroy(struct http *http) {
    if (http == NULL) return;
    atomic_store(&http->close_asked, true);
    uv_async_send(&http->wake);
    thread_join(&http->thread);
    CHECK(uv_loop_close(&http->loop) == 0);
    gateway_fini(&http->gateway);
    mailbox_fini(&http->looks);
    buf_fini(&http->text);
    free(http->openapi);
    free(http->peers);
    free(http);
}
