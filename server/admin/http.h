// http: the admin thread: the HTTP face of the server. It parses requests strictly, asks the net
// thread through a gateway as any client does, and writes the answers as JSON. What there is to ask
// for is in routes.h, how it looks in wire/codec_shape.h.
//
// One loop, one thread. A request that waits for an answer costs a connection and nothing else.
#pragma once

#include "base/status.h"

#include <stdint.h>
#include <sys/socket.h>

struct http;
struct mirror;
struct shard;
struct webhook_counts;

struct http_options {
    const char *token; // NULL: none is asked for, and Host must name this machine; borrowed
    uint32_t    connections_max;
    uint32_t    streams_max;      // of Server-Sent Events
    uint32_t    body_bytes_max;   // of a request
    uint32_t    stream_bytes_max; // of a stream's events that its client has not read
    uint32_t    request_ms;       // how long a request may take to come, in all
    uint32_t    heartbeat_ms;     // of a stream
    uint32_t    frame_bytes_max;  // of the client protocol
    // Hands a socket to the net thread: see engine_adopt().
    enum status (*adopt)(void *context, int fd);
    void *adopt_context; // borrowed
    // What each webhook counts; borrowed.
    const struct webhook_counts *webhooks;
    uint32_t                     webhook_count;
};

// Starts to listen on `address` with a thread of its own.
// Owns:   the caller, also what a start that failed has left, which ends with the process.
// Fails:  STATUS_IO (in use, not of this machine), STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status http_create(struct shard *shard, const struct mirror *mirror,
                                  const struct sockaddr     *address,
                                  const struct http_options *options, struct http **ret_http);

// The port that was bound.   Thread: any.
uint16_t http_port(const struct http *http);

// From now on /readyz says no.   Thread: any.
void http_unready(struct http *http);

// Ends the thread. NULL is fine. The net thread must still run, to answer what was asked; what is
// not answered within a second is given up.
// Thread: main.   Blocks: until the thread has ended.
void http_destroy(struct http *http);
