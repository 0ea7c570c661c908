#include "admin/gateway.h"

#include "base/check.h"
#include "base/log.h"
#include "wire/frame.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// One socket. What libuv writes stays put until it is done with the handle.
struct gateway_link {
    uv_pipe_t       pipe;
    uv_write_t      write;
    struct gateway *gateway; // borrowed
    struct buf      writing;
    bool            busy;
};

static void on_link_closed(uv_handle_t *handle) {
    struct gateway_link *link = handle->data;
    buf_fini(&link->writing);
    free(link);
}

static void drop(struct gateway *gateway) {
    if (gateway->link == NULL) return;
    uv_close((uv_handle_t *)&gateway->link->pipe, on_link_closed);
    gateway->link = NULL;
    gateway->in.bytes = gateway->out.bytes = 0;
}

static enum status dial(struct gateway *gateway);

static void lost(struct gateway *gateway, const char *why) {
    drop(gateway);
    if (gateway->closing) return;
    if (!gateway->final) {
        LOG_WARN("gateway.lost", "reason=\"%s\"", why);
        enum status status = dial(gateway);
        if (status != STATUS_OK) LOG_ERROR("gateway.down", "status=%s", status_name(status));
    }
    gateway->options.on_lost(gateway->options.context);
}

// Whole frames, until it is paused; the answer is how many bytes are done with. False: they are no
// frames.
static bool take_frames(struct gateway *gateway, struct slice data, size_t *ret_done) {
    for (*ret_done = 0; !gateway->paused;) {
        struct slice frame;
        size_t       used;
        enum status  status = frame_next(data.data + *ret_done, data.bytes - *ret_done,
                                         FRAME_BODY_BYTES_MAX, &frame, &used);
        if (status != STATUS_OK) return status == STATUS_AGAIN;
        *ret_done += used;
        gateway->options.on_frame(gateway->options.context, frame);
    }
    return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf) {
    (void)suggested;
    struct gateway_link *link = handle->data;
    *ret_buf = uv_buf_init(link->gateway->input, sizeof link->gateway->input);
}

static bool take(struct gateway *gateway, struct slice data) {
    size_t done;
    if (gateway->in.bytes == 0) {
        if (!take_frames(gateway, data, &done)) return false;
        return done == data.bytes ||
               buf_append(&gateway->in, data.data + done, data.bytes - done) == STATUS_OK;
    }
    if (buf_append(&gateway->in, data.data, data.bytes) != STATUS_OK) return false;
    if (!take_frames(gateway, slice_of(gateway->in.data, gateway->in.bytes), &done)) return false;
    buf_consume(&gateway->in, done);
    return true;
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf) {
    struct gateway_link *link = stream->data;
    if (link != link->gateway->link || count == 0) return;
    if (count < 0) {
        lost(link->gateway, uv_err_name((int)count));
    } else if (!take(link->gateway, slice_of(buf->base, (size_t)count))) {
        lost(link->gateway, "no frame, or no memory for it");
    }
}

static void flush(struct gateway *gateway);

static void on_written(uv_write_t *write, int status) {
    struct gateway_link *link = write->data;
    link->busy = false;
    link->writing.bytes = 0;
    // A write that has failed shows as the end of reading, too.
    if (status == 0 && link == link->gateway->link) flush(link->gateway);
}

static void write_rest(struct gateway *gateway, size_t done) {
    struct gateway_link *link = gateway->link;
    struct buf           empty = link->writing;
    link->writing = gateway->out;
    gateway->out = empty;
    gateway->out.bytes = 0;
    uv_buf_t rest =
        uv_buf_init((char *)link->writing.data + done, (unsigned)(link->writing.bytes - done));
    link->write.data = link;
    link->busy = uv_write(&link->write, (uv_stream_t *)&link->pipe, &rest, 1, on_written) == 0;
}

static void flush(struct gateway *gateway) {
    if (gateway->link == NULL || gateway->link->busy || gateway->out.bytes == 0) return;
    uv_buf_t all = uv_buf_init((char *)gateway->out.data, (unsigned)gateway->out.bytes);
    int      written = uv_try_write((uv_stream_t *)&gateway->link->pipe, &all, 1);
    if (written == (int)gateway->out.bytes) {
        gateway->out.bytes = 0;
    } else if (written >= 0 || written == UV_EAGAIN) {
        write_rest(gateway, written < 0 ? 0 : (size_t)written);
    }
}

static void resume(struct gateway *gateway) {
    size_t done;
    gateway->resuming = gateway->paused = false;
    if (gateway->link == NULL) return;
    if (!take_frames(gateway, slice_of(gateway->in.data, gateway->in.bytes), &done)) {
        lost(gateway, "no frame");
        return;
    }
    buf_consume(&gateway->in, done);
    if (gateway->paused) return;
    if (uv_read_start((uv_stream_t *)&gateway->link->pipe, on_alloc, on_read) != 0)
        lost(gateway, "reading");
}

void gateway_pause(struct gateway *gateway) {
    gateway->paused = true;
    gateway->resuming = false;
    if (gateway->link != NULL) uv_read_stop((uv_stream_t *)&gateway->link->pipe);
}

// Not at once: it may be called from a frame that is being told.
void gateway_resume(struct gateway *gateway) {
    gateway->resuming = gateway->paused;
}

static void on_flush(uv_prepare_t *prepare) {
    struct gateway *gateway = prepare->data;
    while (gateway->resuming) resume(gateway);
    flush(gateway);
}

// Owns: `ours` in any case, `theirs` where it is OK.
static enum status use(struct gateway *gateway, int ours, int theirs) {
    struct gateway_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        close(ours);
        return STATUS_NO_MEMORY;
    }
    CHECK(uv_pipe_init(gateway->loop, &link->pipe, 0) == 0);
    link->gateway = gateway;
    link->pipe.data = link;
    gateway->link = link;
    if (uv_pipe_open(&link->pipe, ours) != 0) {
        close(ours);
        return STATUS_IO;
    }
    if (uv_read_start((uv_stream_t *)&link->pipe, on_alloc, on_read) != 0) return STATUS_IO;
    return gateway->options.adopt(gateway->options.adopt_context, theirs);
}

static enum status dial(struct gateway *gateway) {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return STATUS_IO;
    enum status status = use(gateway, fds[0], fds[1]);
    if (status == STATUS_OK) return STATUS_OK;
    close(fds[1]);
    drop(gateway);
    return status;
}

enum status gateway_open(struct gateway *gateway, uv_loop_t *loop,
                         const struct gateway_options *options) {
    gateway->options = *options;
    gateway->loop = loop;
    CHECK(uv_prepare_init(loop, &gateway->flush) == 0);
    gateway->flush.data = gateway;
    uv_prepare_start(&gateway->flush, on_flush);
    return dial(gateway);
}

struct buf *gateway_output(struct gateway *gateway) {
    // A net thread that had no room when the socket was lost may have some now.
    bool dials = !gateway->closing && !gateway->final;
    if (gateway->link == NULL && dials) (void)dial(gateway);
    return gateway->link == NULL ? NULL : &gateway->out;
}

bool gateway_dial_no_more(struct gateway *gateway) {
    gateway->final = true;
    return gateway->link != NULL;
}

void gateway_close(struct gateway *gateway) {
    gateway->closing = true;
    drop(gateway);
    uv_close((uv_handle_t *)&gateway->flush, NULL);
}

void gateway_fini(struct gateway *gateway) {
    buf_fini(&gateway->in);
    buf_fini(&gateway->out);
}
