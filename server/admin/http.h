// http: the admin thread: HTTP for people and tools, by libmicrohttpd. Read-only. Every answer
// comes from the net thread's tables and the mirror; no request wakes an actor or waits for its
// turn. A request waits suspended, it blocks no thread.
//
// Routes: GET /v1/actors?prefix=&cursor=&limit=, GET /v1/actors/{name}, GET /healthz, GET /metrics.
#pragma once

#include "base/status.h"

#include <stdint.h>
#include <sys/socket.h>

struct http;
struct mirror;
struct shard;

// Starts to listen on `address` with a thread of its own.
// Fails: STATUS_IO (in use, not of this machine), STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status http_create(struct shard *shard, const struct mirror *mirror,
                                  const struct sockaddr *address, struct http **ret_http);

// The port that was bound.   Thread: any.
uint16_t http_port(const struct http *http);

// Ends the thread. NULL is fine. The net thread must still run, to answer what was asked.
// Thread: main.   Blocks: until the thread has ended.
void http_destroy(struct http *http);
