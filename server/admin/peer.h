// peer: one HTTP connection: bytes in, requests out of them, answers back. It knows HTTP and no
// routes. One request at a time; what a client sends ahead waits.
//
// Whole requests must come within request_ms, whatever a client does meanwhile, and answers must be
// taken within a minute. Going down: an answer that says `close`, then our end is shut, input is
// thrown away until the client hangs up or a second has passed; or peer_close() at once.
#pragma once

#include "admin/http_head.h"
#include "admin/routes.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct http;

enum peer_state {
    PEER_HEAD,    // a head is to come, or a part of it is there
    PEER_BODY,    // and then its body
    PEER_WAITING, // an answer is owed
    PEER_STREAM,  // events, until one side has enough
    PEER_LEAVING, // the last answer is on its way
    PEER_CLOSING, // the handle is being closed
};

// A stream of events; see stream.h.
struct peer_stream {
    struct list bucket; // in http->streams
    uint64_t    ref;    // 0: it has no watch now
    uint64_t    unit;   // of the last event; 0: there was none
    uint64_t    version;
    uint64_t    beat_ms; // when the next heartbeat is due
    bool        paused;  // its client does not read
};

struct peer {
    struct http    *http; // borrowed
    struct list     link; // in http->all
    uv_tcp_t        tcp;
    uv_write_t      write;
    enum peer_state state;
    uint32_t        slot;        // UINT32_MAX: it is one too many, and is told so
    uint64_t        deadline_ms; // 0: none
    bool            eof;         // the client sends no more
    bool            busy;        // `writing` is in libuv's hands
    bool            pumping;
    bool            stopped; // reading is
    bool            close;   // after this answer
    bool            shut;    // our end is
    // input
    struct buf         in;
    size_t             at; // what of it is done with
    size_t             scanned;
    struct buf         head_text; // of the present request; `head` points into it
    struct http_head   head;
    struct http_chunks chunks;
    struct buf         body;
    // output
    struct buf out;
    struct buf writing;
    // the request, by exchange
    uint32_t           serial; // of the request that waits; 0: none does
    struct target      target;
    struct route_match match;
    struct peer_stream stream;
};

// An answer. All but `code` may be left out.
struct peer_answer {
    unsigned    code;
    const char *type; // static
    const char *text; // borrowed
    size_t      bytes;
    const char *fields; // further header lines, each with CR LF; borrowed
    bool        close;  // the connection is of no use any more
};

// Takes over a connection that waits at the listener, or refuses it.   Thread: admin.
void peer_accept(struct http *http, uv_stream_t *listener);

// Whether the present request is a HEAD: what answers it has no body.
bool peer_is_head(const struct peer *peer);

// Answers the present request, once.
void peer_answer(struct peer *peer, const struct peer_answer *answer);

// Begins a stream of events in place of an answer / adds to it.
void peer_begin_stream(struct peer *peer);
void peer_write(struct peer *peer, const void *data, size_t bytes);

// Bytes that the client has not taken.
size_t peer_backlog(const struct peer *peer);

// Ends it when all is written / at once; twice is fine.
void peer_leave(struct peer *peer);
void peer_close(struct peer *peer);

// Looks whether its time is over.
void peer_tick(struct peer *peer, uint64_t now_ms);
