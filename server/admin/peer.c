#include "admin/peer.h"

#include "admin/exchange.h"
#include "admin/server.h"
#include "admin/stream.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AHEAD_BYTES_MAX (64u << 10) // input that waits for the present request
#define LEAVE_MS 1000u
#define WRITE_MS 60000u
#define EXCESS_MAX 64u         // connections over the limit that are told so
#define KEPT_BYTES (64u << 10) // an empty buffer larger than this is freed

static void pump(struct peer *peer);
static void flush(struct peer *peer);

// --- up ---

static bool find_slot(struct http *http, uint32_t *ret_slot) {
    for (uint32_t i = 0; i < http->options.connections_max; i++) {
        if (http->peers[i] != NULL) continue;
        *ret_slot = i;
        return true;
    }
    return false;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf) {
    (void)suggested;
    struct peer *peer = handle->data;
    *ret_buf = uv_buf_init((char *)peer->http->input, sizeof peer->http->input);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf);

static void rearm(struct peer *peer) {
    peer->deadline_ms = http_now_ms(peer->http) + peer->http->options.request_ms;
}

static void refuse_connection(struct peer *peer) {
    peer->http->counts.refused++;
    peer->state = PEER_WAITING;
    exchange_refuse(peer, STATUS_OVERLOADED, 503, "there are too many connections");
}

void peer_accept(struct http *http, uv_stream_t *listener) {
    uint32_t     slot = 0;
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL || uv_tcp_init(&http->loop, &peer->tcp) != 0) {
        LOG_WARN("http.no_memory", "peers=%u", http->counts.peers);
        free(peer);
        return;
    }
    bool room = find_slot(http, &slot);
    peer->http = http;
    peer->tcp.data = peer;
    peer->slot = room ? slot : UINT32_MAX;
    list_init(&peer->stream.bucket);
    list_push(&http->all, &peer->link);
    if (room) http->peers[slot] = peer;
    *(room ? &http->counts.peers : &http->excess) += 1;
    rearm(peer);
    if (uv_accept(listener, (uv_stream_t *)&peer->tcp) != 0 || http->excess > EXCESS_MAX ||
        uv_read_start((uv_stream_t *)&peer->tcp, on_alloc, on_read) != 0) {
        peer_close(peer);
        return;
    }
    (void)uv_tcp_nodelay(&peer->tcp, 1);
    if (!room) refuse_connection(peer);
}

// --- in ---

static void cut(struct peer *peer, const struct http_fault *fault) {
    peer->http->counts.cut++;
    peer->state = PEER_WAITING;
    exchange_refuse(peer, STATUS_INVALID, fault->code, fault->text);
}

static bool no_memory(struct peer *peer) {
    LOG_WARN("http.no_memory", "slot=%u", peer->slot);
    peer_close(peer);
    return false;
}

static void begin(struct peer *peer) {
    peer->state = PEER_WAITING;
    peer->deadline_ms = 0;
    exchange_begin(peer);
}

// What is to come when the head has been let in.
static bool after_head(struct peer *peer) {
    peer->chunks = (struct http_chunks){0};
    if (!peer->head.chunked && peer->head.length == 0) {
        begin(peer);
        return true;
    }
    peer->state = PEER_BODY;
    if (peer->head.expects && peer->at == peer->in.bytes) {
        static const char GO_ON[] = "HTTP/1.1 100 Continue\r\n\r\n";
        peer_write(peer, GO_ON, sizeof GO_ON - 1);
    }
    return true;
}

static bool read_head(struct peer *peer) {
    struct http_fault fault;
    size_t            bytes = 0;
    const uint8_t    *data = peer->in.data + peer->at;
    if (peer->at == peer->in.bytes) return false;
    enum status status =
        http_head_find(data, peer->in.bytes - peer->at, &peer->scanned, &bytes, &fault);
    if (status == STATUS_AGAIN) return false;
    peer->scanned = peer->head_text.bytes = peer->body.bytes = 0;
    peer->close = false;
    peer->head = (struct http_head){0};
    peer->match = (struct route_match){0};
    if (status == STATUS_OK) {
        // What comes next may move the input.
        if (buf_append(&peer->head_text, data, bytes) != STATUS_OK) return no_memory(peer);
        peer->at += bytes;
        status = http_head_read(slice_of(peer->head_text.data, bytes), &peer->head, &fault);
    }
    if (status != STATUS_OK) {
        cut(peer, &fault);
        return false;
    }
    peer->close = peer->head.close || (peer->head.minor == 0 && !peer->head.keep);
    peer->http->counts.requests++;
    if (!exchange_admit(peer)) return peer->state == PEER_HEAD;
    return after_head(peer);
}

static bool read_chunks(struct peer *peer) {
    struct http_fault fault;
    struct slice      data = slice_of(peer->in.data + peer->at, peer->in.bytes - peer->at);
    size_t            used = 0;
    enum status status = http_chunks_read(&peer->chunks, data, peer->http->options.body_bytes_max,
                                          &peer->body, &used, &fault);
    if (status == STATUS_PROTOCOL) {
        cut(peer, &fault);
        return false;
    }
    peer->at += used;
    if (status == STATUS_NO_MEMORY) return no_memory(peer);
    if (status == STATUS_OK) begin(peer);
    return status == STATUS_OK;
}

static bool read_body(struct peer *peer) {
    if (peer->head.chunked) return read_chunks(peer);
    size_t wanted = (size_t)peer->head.length - peer->body.bytes;
    size_t bytes = peer->in.bytes - peer->at < wanted ? peer->in.bytes - peer->at : wanted;
    if (bytes == 0) return false;
    if (buf_append(&peer->body, peer->in.data + peer->at, bytes) != STATUS_OK)
        return no_memory(peer);
    peer->at += bytes;
    if (bytes == wanted) begin(peer);
    return bytes == wanted;
}

static void shrink(struct buf *buf) {
    if (buf->bytes == 0 && buf->capacity > KEPT_BYTES) buf_fini(buf);
}

// Reads on only where there is not more than enough.
static void set_reading(struct peer *peer) {
    bool enough = peer->state == PEER_WAITING && peer->in.bytes - peer->at > AHEAD_BYTES_MAX;
    if (peer->eof || peer->state == PEER_CLOSING || enough == peer->stopped) return;
    peer->stopped = enough;
    if (enough) {
        uv_read_stop((uv_stream_t *)&peer->tcp);
    } else {
        uv_read_start((uv_stream_t *)&peer->tcp, on_alloc, on_read);
    }
}

// Takes requests out of the input until one has to wait.
static void pump(struct peer *peer) {
    if (peer->pumping) return;
    peer->pumping = true;
    bool more = true;
    while (more) {
        more = false;
        if (peer->state == PEER_HEAD) {
            more = read_head(peer);
        } else if (peer->state == PEER_BODY) {
            more = read_body(peer);
        }
    }
    peer->pumping = false;
    if (peer->state == PEER_CLOSING) return;
    if (peer->state >= PEER_STREAM) peer->at = peer->in.bytes; // nobody will look at it
    buf_consume(&peer->in, peer->at);
    peer->at = 0;
    shrink(&peer->in);
    set_reading(peer);
    flush(peer);
    bool idle = peer->state == PEER_HEAD || peer->state == PEER_BODY;
    if (peer->eof && idle && peer->state != PEER_CLOSING) peer_leave(peer);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf) {
    struct peer *peer = stream->data;
    if (peer->state == PEER_CLOSING || count == 0) return;
    if (count < 0) {
        // A client that says no more may still read.
        peer->eof = count == UV_EOF;
        if (!peer->eof || peer->state >= PEER_STREAM) {
            peer_close(peer);
        } else if (peer->state != PEER_WAITING) {
            peer_leave(peer);
        } else {
            uv_read_stop(stream);
        }
        return;
    }
    if (peer->state >= PEER_STREAM) return;
    if (buf_append(&peer->in, buf->base, (size_t)count) != STATUS_OK) {
        no_memory(peer);
        return;
    }
    pump(peer);
}

// --- out ---

size_t peer_backlog(const struct peer *peer) {
    return peer->out.bytes + peer->writing.bytes;
}

static void on_shut(uv_shutdown_t *request, int status) {
    (void)status;
    free(request);
}

// Our end says that there is no more, and waits for the client to hang up. To close at once would
// reset the connection while its input is unread, and the client could lose the answer.
static void say_goodbye(struct peer *peer) {
    if (peer->shut) return;
    if (peer->eof) {
        peer_close(peer);
        return;
    }
    peer->shut = true;
    uv_shutdown_t *request = malloc(sizeof *request);
    peer->deadline_ms = http_now_ms(peer->http) + LEAVE_MS;
    if (request == NULL || uv_shutdown(request, (uv_stream_t *)&peer->tcp, on_shut) != 0) {
        free(request);
        peer_close(peer);
    }
}

static void on_written(uv_write_t *write, int status) {
    struct peer *peer = write->data;
    peer->busy = false;
    peer->writing.bytes = 0;
    shrink(&peer->writing);
    if (peer->state == PEER_CLOSING) return;
    if (status != 0) {
        peer_close(peer);
        return;
    }
    if (peer->state == PEER_HEAD) rearm(peer);
    flush(peer);
}

static void write_rest(struct peer *peer, size_t done) {
    struct buf empty = peer->writing;
    peer->writing = peer->out;
    peer->out = empty;
    peer->out.bytes = 0;
    uv_buf_t rest =
        uv_buf_init((char *)peer->writing.data + done, (unsigned)(peer->writing.bytes - done));
    peer->write.data = peer;
    peer->busy = true;
    peer->deadline_ms = http_now_ms(peer->http) + WRITE_MS;
    if (uv_write(&peer->write, (uv_stream_t *)&peer->tcp, &rest, 1, on_written) != 0) {
        peer->busy = false;
        peer_close(peer);
    }
}

static void all_written(struct peer *peer) {
    peer->out.bytes = 0;
    shrink(&peer->out);
    if (peer->state == PEER_LEAVING) say_goodbye(peer);
    if (peer->state != PEER_STREAM) return;
    peer->deadline_ms = 0;
    if (peer->stream.paused) stream_room(peer);
}

static void flush(struct peer *peer) {
    if (peer->state == PEER_CLOSING || peer->busy || peer->pumping) return;
    if (peer->out.bytes == 0) {
        all_written(peer);
        return;
    }
    uv_buf_t all = uv_buf_init((char *)peer->out.data, (unsigned)peer->out.bytes);
    int      written = uv_try_write((uv_stream_t *)&peer->tcp, &all, 1);
    if (written < 0 && written != UV_EAGAIN) {
        peer_close(peer);
        return;
    }
    size_t done = written < 0 ? 0 : (size_t)written;
    if (done < peer->out.bytes) {
        write_rest(peer, done);
    } else {
        all_written(peer);
    }
}

void peer_write(struct peer *peer, const void *data, size_t bytes) {
    if (peer->state == PEER_CLOSING) return;
    if (buf_append(&peer->out, data, bytes) != STATUS_OK) {
        no_memory(peer);
        return;
    }
    flush(peer);
}

static const char *reason_of(unsigned code) {
    static const struct {
        unsigned    code;
        const char *reason;
    } REASONS[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof REASONS / sizeof REASONS[0]; i++) {
        if (REASONS[i].code == code) return REASONS[i].reason;
    }
    return "";
}

// Of the Date field; made once a second.
static const char *date(void) {
    static _Thread_local char   text[40];
    static _Thread_local time_t made;
    time_t                      now = time(NULL);
    struct tm                   utc;
    if (now != made && gmtime_r(&now, &utc) != NULL) {
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
        made = now;
    }
    return text;
}

static void write_head(struct peer *peer, const struct peer_answer *answer) {
    char text[1024];
    bool bodyless = answer->code == 204 || answer->code == 304;
    bool told = peer->close || (peer->head.minor == 0 && peer->head.keep);
    int  bytes = snprintf(text, sizeof text, "HTTP/1.1 %u %s\r\nDate: %s\r\n", answer->code,
                          reason_of(answer->code), date());
    if (answer->type != NULL)
        bytes += snprintf(text + bytes, sizeof text - (size_t)bytes,
                          "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n", answer->type);
    if (!bodyless)
        bytes += snprintf(text + bytes, sizeof text - (size_t)bytes, "Content-Length: %zu\r\n",
                          answer->bytes);
    bytes += snprintf(text + bytes, sizeof text - (size_t)bytes, "%s%s%s\r\n",
                      answer->fields == NULL ? "" : answer->fields, told ? "Connection: " : "",
                      !told         ? ""
                      : peer->close ? "close\r\n"
                                    : "keep-alive\r\n");
    peer_write(peer, text, (size_t)bytes < sizeof text ? (size_t)bytes : sizeof text - 1);
}

bool peer_is_head(const struct peer *peer) {
    return peer->head.method.bytes == 4 && memcmp(peer->head.method.data, "HEAD", 4) == 0;
}

void peer_answer(struct peer *peer, const struct peer_answer *answer) {
    if (peer->state == PEER_CLOSING) return;
    peer->serial = 0;
    if (answer->close || peer->http->closing) peer->close = true;
    if (answer->code / 100 < 6) peer->http->counts.answers[answer->code / 100]++;
    // One write for both.
    bool pumping = peer->pumping;
    peer->pumping = true;
    write_head(peer, answer);
    if (answer->bytes > 0 && !peer_is_head(peer)) peer_write(peer, answer->text, answer->bytes);
    peer->pumping = pumping;
    if (peer->state == PEER_CLOSING) return;
    peer->body.bytes = 0;
    shrink(&peer->body);
    peer->state = peer->close ? PEER_LEAVING : PEER_HEAD;
    rearm(peer);
    pump(peer);
}

void peer_begin_stream(struct peer *peer) {
    char text[256];
    int  bytes = snprintf(text, sizeof text,
                          "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: text/event-stream\r\n"
                           "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
                          date());
    peer->serial = 0;
    peer->deadline_ms = 0;
    peer->state = PEER_STREAM;
    peer->http->counts.answers[2]++;
    peer_write(peer, text, (size_t)bytes);
}

// --- down ---

void peer_leave(struct peer *peer) {
    if (peer->state >= PEER_LEAVING) return;
    stream_over(peer);
    peer->state = PEER_LEAVING;
    flush(peer);
}

static void on_closed(uv_handle_t *handle) {
    struct peer *peer = handle->data;
    buf_fini(&peer->in);
    buf_fini(&peer->head_text);
    buf_fini(&peer->body);
    buf_fini(&peer->out);
    buf_fini(&peer->writing);
    free(peer);
}

void peer_close(struct peer *peer) {
    if (peer->state == PEER_CLOSING) return;
    stream_over(peer);
    peer->state = PEER_CLOSING;
    http_forget(peer->http, peer);
    uv_close((uv_handle_t *)&peer->tcp, on_closed);
}

void peer_tick(struct peer *peer, uint64_t now_ms) {
    if (peer->state == PEER_STREAM) stream_tick(peer, now_ms);
    if (peer->state == PEER_CLOSING || peer->deadline_ms == 0 || now_ms < peer->deadline_ms) return;
    bool begun = peer->state == PEER_BODY || (peer->state == PEER_HEAD && peer->in.bytes > 0);
    if (!begun || peer->busy) {
        peer_close(peer);
        return;
    }
    static const struct http_fault SLOW = {408, "the request did not come in time"};
    cut(peer, &SLOW);
}
