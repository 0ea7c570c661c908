#include "net/conn.h"

#include "base/log.h"
#include "keeper/timers.h"
#include "net/engine.h"
#include "net/session.h"
#include "wire/frame.h"

#include <stdlib.h>

#define LEAVE_MS 1000u
#define HELLO_BYTES_MAX (16u << 10)
#define IDLE_BUFFER_BYTES (64u << 10) // an empty buffer larger than this is freed
#define OUTPUT_HARD_FACTOR 16u        // a client this far over its output limit is cut off

static enum status create(struct engine *engine, uint32_t slot, uint32_t generation,
                          struct conn **ret_conn) {
    struct conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) return STATUS_NO_MEMORY;
    conn->engine = engine;
    conn->slot = slot;
    conn->generation = generation;
    conn->timer.kind = TIMER_HELLO;
    list_init(&conn->dirty);
    list_init(&conn->paused);
    if (uv_tcp_init(&engine->loop, &conn->tcp) != 0) {
        free(conn);
        return STATUS_NO_MEMORY;
    }
    conn->tcp.data = conn;
    *ret_conn = conn;
    return STATUS_OK;
}

enum status conn_accept(struct engine *engine, uv_stream_t *listener, uint32_t slot,
                        uint32_t generation, struct conn **ret_conn) {
    enum status status = create(engine, slot, generation, ret_conn);
    if (status != STATUS_OK) return status;
    struct conn *conn = *ret_conn;
    if (uv_accept(listener, (uv_stream_t *)&conn->tcp) != 0) return STATUS_IO;
    (void)uv_tcp_nodelay(&conn->tcp, 1);
    return STATUS_OK;
}

enum status conn_adopt(struct engine *engine, int fd, uint32_t slot, uint32_t generation,
                       struct conn **ret_conn) {
    struct conn *conn;
    enum status  status = create(engine, slot, generation, &conn);
    if (status != STATUS_OK) return status;
    conn->state = CONN_OPEN;
    // A socket is a socket to libuv; only what is special to TCP would fail.
    if (uv_tcp_open(&conn->tcp, fd) != 0) {
        conn_close(conn);
        return STATUS_IO;
    }
    *ret_conn = conn;
    return STATUS_OK;
}

// --- in ---

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf) {
    (void)suggested;
    struct conn *conn = handle->data;
    *ret_buf = uv_buf_init((char *)conn->engine->input, sizeof conn->engine->input);
}

static void set_pause(struct conn *conn, enum conn_pause pause) {
    if (conn->pauses == 0) uv_read_stop((uv_stream_t *)&conn->tcp);
    conn->pauses |= (uint8_t)pause;
    if (pause == PAUSE_RING && list_empty(&conn->paused)) {
        list_push(&conn->engine->paused, &conn->paused);
    }
}

static void refuse_frame(struct conn *conn, enum status status) {
    conn->engine->shard.metrics.protocol_errors++;
    session_fault(conn, status);
    conn_refuse(conn);
}

// Who has not said hello gets no room for more than a hello.
static uint32_t frame_limit(const struct conn *conn) {
    uint32_t limit = conn->engine->options->frame_bytes_max;
    return conn->state == CONN_HELLO && limit > HELLO_BYTES_MAX ? HELLO_BYTES_MAX : limit;
}

// Whole frames that lie one behind the other.
struct frames {
    struct slice frame[SESSION_BATCH];
    size_t       end[SESSION_BATCH]; // offset behind each
    uint32_t     count;
    enum status  next; // why there are no more: OK (batch full), AGAIN (not whole yet), or a fault
};

// Before hello one at a time: it decides how large the next may be.
static void collect_frames(const struct conn *conn, const uint8_t *data, size_t bytes,
                           struct frames *frames) {
    uint32_t max = conn->state == CONN_HELLO ? 1 : SESSION_BATCH;
    size_t   at = 0;
    frames->count = 0;
    frames->next = STATUS_OK;
    while (frames->count < max && frames->next == STATUS_OK) {
        size_t        used;
        struct slice *frame = &frames->frame[frames->count];
        frames->next = frame_next(data + at, bytes - at, frame_limit(conn), frame, &used);
        if (frames->next != STATUS_OK) break;
        at += used;
        frames->end[frames->count++] = at;
    }
}

// Handles whole frames; the answer is how many bytes are done with.
static size_t handle_frames(struct conn *conn, const uint8_t *data, size_t bytes) {
    size_t        done = 0;
    struct frames frames;
    do {
        uint32_t count = 0;
        collect_frames(conn, data + done, bytes - done, &frames);
        enum status status = session_batch(conn, frames.frame, frames.count, &count);
        if (count > 0) done += frames.end[count - 1];
        if (status == STATUS_OK && count == frames.count) status = frames.next;
        if (conn->state > CONN_OPEN) return bytes;
        if (status == STATUS_AGAIN) {
            if (count < frames.count) set_pause(conn, PAUSE_RING);
            return done;
        }
        if (status != STATUS_OK) {
            refuse_frame(conn, status);
            return bytes;
        }
    } while (done < bytes);
    return done;
}

static void keep_rest(struct conn *conn, const uint8_t *data, size_t bytes) {
    if (bytes == 0) return;
    if (buf_append(&conn->in, data, bytes) != STATUS_OK) {
        LOG_WARN("conn.no_memory", "slot=%u bytes=%zu", conn->slot, bytes);
        conn_close(conn);
    }
}

static void shrink(struct buf *buf) {
    if (buf->bytes == 0 && buf->capacity > IDLE_BUFFER_BYTES) buf_fini(buf);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf) {
    struct conn *conn = stream->data;
    engine_awake(conn->engine);
    if (count < 0) {
        conn_close(conn);
        return;
    }
    if (conn->state > CONN_OPEN || count == 0) return;

    const uint8_t *data = (const uint8_t *)buf->base;
    size_t         bytes = (size_t)count;
    if (conn->in.bytes == 0) {
        size_t done = handle_frames(conn, data, bytes);
        if (conn->state <= CONN_OPEN) keep_rest(conn, data + done, bytes - done);
        return;
    }
    keep_rest(conn, data, bytes);
    if (conn->state > CONN_OPEN) return;
    buf_consume(&conn->in, handle_frames(conn, conn->in.data, conn->in.bytes));
    shrink(&conn->in);
}

static void unpause(struct conn *conn, enum conn_pause pause) {
    if ((conn->pauses & pause) == 0 || conn->state == CONN_CLOSING) return;
    conn->pauses &= (uint8_t)~pause;
    if (conn->pauses == 0) uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
}

void conn_start(struct conn *conn) {
    struct engine *engine = conn->engine;
    if (uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) != 0) {
        conn_close(conn);
        return;
    }
    if (conn->state != CONN_HELLO) return;
    if (heap_arm(&engine->shard.timers, &conn->timer,
                 engine->shard.now_ms + engine->options->hello_ms) != STATUS_OK) {
        conn_close(conn);
    }
}

void conn_resume(struct conn *conn) {
    list_remove(&conn->paused);
    if (conn->state > CONN_OPEN) return;
    conn->pauses &= (uint8_t)~PAUSE_RING;
    // Reading goes on only if all of what was put off could be handled.
    buf_consume(&conn->in, handle_frames(conn, conn->in.data, conn->in.bytes));
    shrink(&conn->in);
    if (conn->pauses == 0 && conn->state <= CONN_OPEN) {
        uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
    }
}

// --- out ---

struct buf *conn_output(struct conn *conn) {
    if (list_empty(&conn->dirty)) list_push(&conn->engine->dirty, &conn->dirty);
    return &conn->out;
}

static void on_leave_shutdown(uv_shutdown_t *request, int status) {
    (void)status;
    free(request);
}

// Everything is written and the connection is to end: our end says so, and waits for the client to
// hang up. Closing at once would reset the connection while its input is unread, and the client
// could lose the error.
static void say_goodbye(struct conn *conn) {
    uv_shutdown_t *request = malloc(sizeof *request);
    if (request == NULL ||
        uv_shutdown(request, (uv_stream_t *)&conn->tcp, on_leave_shutdown) != 0) {
        free(request);
        conn_close(conn);
    }
}

static size_t event_limit(const struct conn *conn) {
    const struct keeper_options *options = conn->engine->options;
    return options->stream_bytes_max < options->output_bytes_max ? options->stream_bytes_max
                                                                 : options->output_bytes_max;
}

bool conn_has_event_room(struct conn *conn) {
    bool room = conn->out.bytes + conn->writing.bytes < event_limit(conn);
    if (!room) conn->crowded = true;
    return room;
}

static void offer_event_room(struct conn *conn) {
    if (!conn->crowded) return;
    if (conn->out.bytes + conn->writing.bytes > event_limit(conn) / 2) return;
    conn->crowded = false;
    streams_client_room(&conn->engine->shard, (struct caller){conn->slot, conn->generation, 0});
}

static void on_written(uv_write_t *write, int status) {
    struct conn *conn = write->data;
    conn->busy = false;
    conn->writing.bytes = 0;
    shrink(&conn->writing);
    if (conn->state == CONN_CLOSING) return;
    if (status != 0) {
        conn_close(conn);
        return;
    }
    engine_awake(conn->engine);
    conn_flush(conn);
    if (conn->out.bytes + conn->writing.bytes <= conn->engine->options->output_bytes_max / 2) {
        unpause(conn, PAUSE_OUTPUT);
    }
    if (conn->state < CONN_LEAVING) offer_event_room(conn);
}

static void write_rest(struct conn *conn, size_t written) {
    struct buf empty = conn->writing;
    conn->writing = conn->out;
    conn->out = empty;
    conn->out.bytes = 0;

    uv_buf_t rest = uv_buf_init((char *)conn->writing.data + written,
                                (unsigned)(conn->writing.bytes - written));
    conn->write.data = conn;
    conn->busy = true;
    if (uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &rest, 1, on_written) != 0) {
        conn->busy = false;
        conn_close(conn);
    }
}

void conn_flush(struct conn *conn) {
    list_remove(&conn->dirty);
    if (conn->state == CONN_CLOSING || conn->busy) return;
    if (conn->out.bytes > 0) {
        uv_buf_t all = uv_buf_init((char *)conn->out.data, (unsigned)conn->out.bytes);
        int      written = uv_try_write((uv_stream_t *)&conn->tcp, &all, 1);
        if (written < 0 && written != UV_EAGAIN) {
            conn_close(conn);
            return;
        }
        size_t done = written < 0 ? 0 : (size_t)written;
        if (done < conn->out.bytes) {
            write_rest(conn, done);
            return;
        }
        conn->out.bytes = 0;
        shrink(&conn->out);
        unpause(conn, PAUSE_OUTPUT);
    }
    offer_event_room(conn);
    if (conn->state == CONN_LEAVING) say_goodbye(conn);
}

void conn_limit_output(struct conn *conn) {
    size_t limit = conn->engine->options->output_bytes_max;
    size_t bytes = conn->out.bytes + conn->writing.bytes;
    if (bytes <= limit) return;
    if (bytes > limit * OUTPUT_HARD_FACTOR) {
        LOG_WARN("conn.cut", "slot=%u reason=\"does not read\" bytes=%zu", conn->slot, bytes);
        conn_close(conn);
    } else if (conn->state <= CONN_OPEN) {
        set_pause(conn, PAUSE_OUTPUT);
    }
}

// --- down ---

void conn_refuse(struct conn *conn) {
    if (conn->state >= CONN_LEAVING) return;
    conn->state = CONN_LEAVING;
    list_remove(&conn->paused);
    struct engine *engine = conn->engine;
    if (conn->pauses != 0) uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
    conn->pauses = 0;
    if (heap_arm(&engine->shard.timers, &conn->timer, engine->shard.now_ms + LEAVE_MS) !=
        STATUS_OK) {
        conn_close(conn);
        return;
    }
    (void)conn_output(conn);
}

static void on_closed(uv_handle_t *handle) {
    struct conn *conn = handle->data;
    buf_fini(&conn->in);
    buf_fini(&conn->out);
    buf_fini(&conn->writing);
    free(conn);
}

void conn_close(struct conn *conn) {
    if (conn->state == CONN_CLOSING) return;
    conn->state = CONN_CLOSING;
    list_remove(&conn->dirty);
    list_remove(&conn->paused);
    heap_cancel(&conn->engine->shard.timers, &conn->timer);
    engine_forget(conn->engine, conn);
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

void conn_timer(struct timer *timer) {
    struct conn *conn = LIST_ENTRY(timer, struct conn, timer);
    if (conn->state == CONN_HELLO) {
        session_fault(conn, STATUS_TIMEOUT);
        conn_refuse(conn);
    } else {
        conn_close(conn);
    }
}
