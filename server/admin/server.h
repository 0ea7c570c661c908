// server: what the parts of http share: its loop, its connections, its figures. Admin thread.
#pragma once

#include "admin/gateway.h"
#include "admin/http.h"
#include "admin/http_counts.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "base/thread.h"

#include <netinet/in.h>
#include <stdatomic.h>

struct peer;

#define HTTP_STREAM_BUCKETS 256u

struct http {
    struct http_options     options;
    struct shard           *shard;  // borrowed
    const struct mirror    *mirror; // borrowed
    struct sockaddr_storage address;
    uint16_t                port;
    struct thread           thread;
    uv_loop_t               loop;
    uv_tcp_t                listener;
    uv_async_t              wake; // views that are answered; to close
    uv_timer_t              tick; // deadlines, heartbeats
    struct mailbox          looks;
    uint32_t                looking; // views that the net thread has
    struct gateway          gateway;
    struct peer           **peers;                        // owned, connections_max
    struct list             all;                          // peers that are not closing
    uint32_t                excess;                       // of them, those without a slot
    struct buf              text;                         // of the present answer
    struct list             streams[HTTP_STREAM_BUCKETS]; // by the ref of their watch
    struct http_counts      counts;
    uint32_t                serial;  // of the last request
    char                   *openapi; // owned; NULL: not made yet
    bool                    closing;
    uint64_t                close_at_ms;
    atomic_bool             close_asked;
    atomic_bool             unready;
    uint8_t                 input[64 << 10]; // one read at a time
};

// Now, by the loop's clock.
uint64_t http_now_ms(const struct http *http);

// A connection has given its place up.
void http_forget(struct http *http, struct peer *peer);
