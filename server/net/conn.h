// conn: one client connection: bytes in, frames out. It owns the socket and its two buffers, and
// knows no verbs.
//
// Reading stops while the client does not read (PAUSE_OUTPUT) or while the rings have no room
// (PAUSE_RING); nothing that was received is dropped meanwhile. Going down: conn_refuse (an error,
// then a short wait for the client to hang up) or conn_close.
#pragma once

#include "base/buf.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct engine;

enum conn_state {
    CONN_HELLO,   // nothing but hello is accepted
    CONN_OPEN,    //
    CONN_LEAVING, // the last frame is written, input is thrown away
    CONN_CLOSING, // the handle is being closed
};

enum conn_pause { PAUSE_OUTPUT = 1, PAUSE_RING = 2 };

struct conn {
    struct engine  *engine; // borrowed
    uv_tcp_t        tcp;
    uv_write_t      write;
    struct list     dirty;   // in engine->dirty while there is output to flush
    struct list     paused;  // in engine->paused while PAUSE_RING
    struct timer    timer;   // TIMER_HELLO: hello is due, or the client has had time to hang up
    struct buf      in;      // an unfinished frame, or frames that were put off
    struct buf      out;     // frames not given to the socket
    struct buf      writing; // what libuv is writing; stays put until it is done
    uint32_t        slot;
    uint32_t        generation;
    enum conn_state state;
    uint8_t         pauses;  // enum conn_pause
    uint32_t        owed;    // answers that the keeper has still to give
    bool            busy;    // `writing` is in libuv's hands
    bool            crowded; // an event of a watch found no room; told when there is some
};

// Takes over a connection that waits at `listener`.
// Fails: STATUS_NO_MEMORY, STATUS_IO.   Thread: net.
NODISCARD enum status conn_accept(struct engine *engine, uv_stream_t *listener, uint32_t slot,
                                  uint32_t generation, struct conn **ret_conn);

// Takes over a connected socket that this process has made, whose other end speaks for the server's
// own people: it has said hello already.
// Owns:  OK -> `fd` is the connection's. Otherwise the caller still has it.
// Fails: STATUS_NO_MEMORY, STATUS_IO.   Thread: net.
NODISCARD enum status conn_adopt(struct engine *engine, int fd, uint32_t slot, uint32_t generation,
                                 struct conn **ret_conn);

// Begins to read.
void conn_start(struct conn *conn);

// Where frames are appended; they leave with the next flush.
struct buf *conn_output(struct conn *conn);

// Stops reading from a client that does not read, and cuts off one that is far over the limit.
void conn_limit_output(struct conn *conn);

// Whether an event of a watch may be written: the client is not too far behind. If not, the shard
// is told when it is.
bool conn_has_event_room(struct conn *conn);

// Gives output to the socket.
void conn_flush(struct conn *conn);

// Tries again what was put off, and goes on reading.
void conn_resume(struct conn *conn);

// Writes what is in the output (an error, usually), then closes when the client has hung up or
// after a second.
void conn_refuse(struct conn *conn);

// Closes at once. Twice is fine. The memory goes when libuv is done with the handle.
void conn_close(struct conn *conn);

// The timer of a connection is due.
void conn_timer(struct timer *timer);
