// http_head: the head of an HTTP/1.1 request and a chunked body, read strictly. What two readers
// could understand differently (two lengths, a length beside chunks, folded lines, a bare LF, NUL)
// is refused, since whoever stands in front of this server may be the other reader. No sockets.
// Source: RFC 9112.
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_BYTES_MAX (16u << 10)
#define HTTP_TARGET_BYTES_MAX (8u << 10)
#define HTTP_FIELDS_MAX 64u

// Why a request is refused; the connection is of no use after it.
struct http_fault {
    unsigned    code; // of HTTP
    const char *text; // static
};

// The fields of a head that mean something here. Slices point into it; without data: not sent.
struct http_head {
    struct slice method;
    struct slice target;
    unsigned     minor;   // of HTTP/1.minor: 0 or 1
    bool         close;   // the client will send no further request
    bool         keep;    // it asks for the connection to be kept (HTTP/1.0)
    bool         expects; // 100-continue
    bool         chunked;
    bool         has_length;
    uint64_t     length;
    struct slice host;
    struct slice content_type;
    struct slice authorization;
    struct slice origin;
    struct slice if_match;
    struct slice if_none_match;
    struct slice last_event_id;
    struct slice accept;
};

// Looks for the end of the head in `data`, from *scanned on, which is moved along; so each byte is
// looked at once however they come.
// Shape:  *ret_bytes is what the head has, with its empty line.
// Fails:  STATUS_AGAIN (not whole yet), STATUS_PROTOCOL (told in `fault`).   Thread: any.
NODISCARD enum status http_head_find(const uint8_t *data, size_t bytes, size_t *scanned,
                                     size_t *ret_bytes, struct http_fault *fault);

// Reads a whole head, as http_head_find() has found it.
// Fails:  STATUS_PROTOCOL (told in `fault`).   Thread: any.
NODISCARD enum status http_head_read(struct slice head, struct http_head *ret_head,
                                     struct http_fault *fault);

// Of a body in chunks. Zeroed to begin.
struct http_chunks {
    enum {
        CHUNK_SIZE,
        CHUNK_SIZE_LF,
        CHUNK_DATA,
        CHUNK_CR,
        CHUNK_LF,
        CHUNK_END,
        CHUNK_END_LF,
        CHUNK_DONE
    } state;
    unsigned digits;
    uint64_t left;
};

// Takes chunks out of `data` and appends what is in them to `body`, up to `bytes_max` in all.
// Extensions and trailers are refused.
// Shape:  *ret_used bytes are done with.
// Fails:  STATUS_AGAIN (there is more to come), STATUS_PROTOCOL (told in `fault`),
//         STATUS_NO_MEMORY.   Thread: the owner of `body`.
NODISCARD enum status http_chunks_read(struct http_chunks *chunks, struct slice data,
                                       size_t bytes_max, struct buf *body, size_t *ret_used,
                                       struct http_fault *fault);

// Whether a field's value is `text`, which is lower case, whatever case it is in.   Thread: any.
bool http_is(struct slice value, const char *text);
