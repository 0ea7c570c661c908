// gateway: another thread of the server (admin, webhook) as a client of the net thread. What it
// asks goes as ClientFrames over a socket that the net thread takes for a connection which has said
// hello, and comes back as ServerFrames; so HTTP can do what a client can, and nothing else.
//
// Frames that are asked in one turn of the loop leave in one write. When the other end closes, a
// new socket takes its place; what waited has lost its answer, and watches have ended.
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct gateway_options {
    // Hands a socket to the net thread: see engine_adopt().
    enum status (*adopt)(void *context, int fd);
    void *adopt_context; // borrowed
    // The thread of the loop.
    void (*on_frame)(void *context, struct slice frame);
    void (*on_lost)(void *context);
    void *context; // borrowed
};

struct gateway_link;

struct gateway { // visible for embedding only
    struct gateway_options options;
    uv_loop_t             *loop; // borrowed
    struct gateway_link   *link; // the socket; owned until it is closed; NULL: there is none
    uv_prepare_t           flush;
    struct buf             in;  // an unfinished frame
    struct buf             out; // frames not given to the socket
    bool                   closing;
    bool                   final;    // what is lost is not dialled again
    bool                   paused;   // no frame is told
    bool                   resuming; // ... until the loop goes to sleep
    char                   input[64 << 10];
};

// Thread: that of the loop, or the one that makes it, before it runs.
// Fails: STATUS_IO, STATUS_NO_MEMORY, or as adopt() does.
NODISCARD enum status gateway_open(struct gateway *gateway, uv_loop_t *loop,
                                   const struct gateway_options *options);

// Where requests are appended; they leave before the loop sleeps. NULL: there is no net thread now.
// Thread: that of the loop.
struct buf *gateway_output(struct gateway *gateway);

// Tells no more frames, and reads no more, so that the net thread notices / goes on before the loop
// sleeps. From on_frame(), too.   Thread: that of the loop.
void gateway_pause(struct gateway *gateway);
void gateway_resume(struct gateway *gateway);

// The net thread is about to end: when the other end closes, on_lost() is told and that is all.
// False: it has closed already.   Thread: that of the loop.
bool gateway_dial_no_more(struct gateway *gateway);

// Closes it for good / frees what is left when the loop has ended.   Thread: that of the loop.
void gateway_close(struct gateway *gateway);
void gateway_fini(struct gateway *gateway);
