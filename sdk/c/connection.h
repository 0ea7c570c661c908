// connection: the libuv side of a client: connects, writes what is queued, reads answers, ends.
// client.c is the face.
//
// Everything runs on the loop's thread. Only what stands under `lock` is also touched by callers'
// threads, and only if the client runs a thread of its own; on a caller's loop the lock is not used
// at all.
#pragma once

#include "address.h"
#include "hot.h"
#include "pending.h"
#include "resume.h"

#include <netdb.h>
#include <pthread.h>
#include <uv.h>

#define CONNECTION_HELLO_ID 1
#define CONNECTION_TEXT_BYTES 256
#define CONNECTION_BYTES_MAX (1u << 30) // of any frame and of what waits to be written

enum client_state {
    CLIENT_CONNECTING, // resolving and connecting
    CLIENT_GREETING,   // hello is sent
    CLIENT_UP,
    CLIENT_DOWN,    // the connection ended; the client waits to be closed
    CLIENT_CLOSING, // waits for its handles
    CLIENT_CLOSED,
};

struct peeper_client {
    // immutable after open
    struct peeper_options options; // defaults filled in; its strings are not used after open
    struct peeper_hooks   hooks;
    struct address        address;
    bool                  threaded;
    pthread_t             thread;
    uv_loop_t            *loop; // borrowed, or &own_loop
    uv_loop_t             own_loop;

    // guarded by lock if threaded; `state` is changed by the loop's thread only
    pthread_mutex_t    lock;
    pthread_cond_t     settled; // state left CONNECTING and GREETING
    enum client_state  state;
    enum peeper_status down_status; // why it is DOWN
    struct pending     pending;
    struct buf         out;   // frames that wait for the end of the loop's turn
    bool               woken; // the loop knows about `out`
    bool               close_asked;
    uint32_t           server_frame_bytes_max;
    bool               idempotency; // the server knows keys
    bool               was_up;      // requests wait for the next connection from then on
    struct resume     *resume;      // owned; NULL: it does not reconnect

    // loop thread only
    uv_tcp_t         tcp;
    uv_getaddrinfo_t resolve;
    uv_connect_t     connect;
    uv_write_t       write;
    uv_prepare_t     prepare; // runs before the loop sleeps: the end of its turn
    uv_timer_t       timer;   // of requests
    uv_timer_t       connect_timer;
    uv_timer_t       pause; // before the next attempt
    uv_async_t       async;
    bool             tcp_open;
    bool             resolving;
    bool             writing;
    size_t           written;        // of `sending`, before libuv got the rest
    bool             watches_wait;   // to be made again
    bool             attempting;     // to connect; false in the pause before the next one
    uint32_t         attempts;       // that failed, since it was up
    uint32_t         dice;           // for jitter
    uint64_t         connect_end_ms; // of the first connection
    uint32_t         handles;        // handles and a resolve that still hold the client
    uint64_t         timer_due_ms;   // UINT64_MAX while the timer rests
    int              connect_result; // of the last address
    struct addrinfo *addresses;      // owned
    struct addrinfo *next_address;
    struct buf       hello;   // encoded at open
    struct buf       told;    // an event made here
    struct buf       sending; // what uv_write has
    struct buf       in;
    struct decoder   decoder;
    struct incoming  hot;                        // of the answers that need no decoder
    char             why[CONNECTION_TEXT_BYTES]; // message of the end
    char last_words[CONNECTION_TEXT_BYTES];      // what the server said to nobody before the end
};

static inline void connection_lock(struct peeper_client *client) {
    if (client->threaded) pthread_mutex_lock(&client->lock);
}

static inline void connection_unlock(struct peeper_client *client) {
    if (client->threaded) pthread_mutex_unlock(&client->lock);
}

// Sets up the handles and begins to resolve host and port. Cannot be undone but by closing.
// Fails: INTERNAL (the loop gave no handle); nothing is left open then.   Thread: loop.
NODISCARD enum peeper_status connection_start(struct peeper_client *client);

// Closes every handle; when the last one is gone, answers what is pending, calls on_closed and
// touches the client no more. Twice is fine.   Thread: loop.
void connection_close(struct peeper_client *client);

// --- In client.c, for the other faces ------------------------------------------------------------

// Makes a request; then->on_answer is called within limit_ms and the grace of 250 ms.
// Thread: as peeper_client_call().
// Fails:  UNREACHABLE, FULL, TOO_LARGE, NO_MEMORY.
NODISCARD enum peeper_status client_submit(struct peeper_client *client,
                                           const struct request *request, uint32_t limit_ms,
                                           struct peeper_then then);

// peeper_client_call_with() that tells the request's correlation id / gives a request up: its
// callback is not called any more, and an answer that comes is dropped. An id that is not pending
// is fine.
// Thread: as peeper_client_call().
NODISCARD enum peeper_status client_call(struct peeper_client *client, struct peeper_target target,
                                         struct peeper_value               message,
                                         const struct peeper_call_options *options,
                                         struct peeper_then then, uint64_t *ret_id);
void                         client_forget(struct peeper_client *client, uint64_t id);
