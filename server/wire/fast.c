#include "wire/fast.h"

#include "base/check.h"
#include "wire/codec.h"
#include "wire/frame.h"

#include <string.h>

// Tags of proto/peeper/v1/peeper.proto: field number << 3 | wire type. All of ours fit in one byte.
enum {
    TAG_FRAME_ID = 1 << 3 | 0,
    TAG_FRAME_CALL = 3 << 3 | 2,
    TAG_FRAME_CAST = 4 << 3 | 2,
    TAG_FRAME_SEND = 5 << 3 | 2,
    TAG_FRAME_REPLY = 3 << 3 | 2,
    TAG_FRAME_DONE = 5 << 3 | 2,
    TAG_NAME = 1 << 3 | 2,
    TAG_TARGET = 2 << 3 | 0,
    TAG_PAYLOAD = 3 << 3 | 2,
    TAG_DEADLINE = 4 << 3 | 0,
    TAG_REPLY_PAYLOAD = 1 << 3 | 2,
};

#define VARINT_BYTES_MAX 10
#define LENGTH_BYTES_MAX 4 // 256 MiB; protobuf-c takes one more, but no frame needs it

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static bool read_varint(struct cursor *cursor, unsigned bytes_max, uint64_t *ret_value) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes_max && cursor->at < cursor->end; i++) {
        uint8_t byte = *cursor->at++;
        value |= (uint64_t)(byte & 0x7f)
                 << (7 * i); // bits beyond the 64th are lost, as in protobuf-c
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool read_bytes(struct cursor *cursor, struct slice *ret_bytes) {
    uint64_t bytes;
    if (!read_varint(cursor, LENGTH_BYTES_MAX, &bytes)) return false;
    if (bytes > (size_t)(cursor->end - cursor->at)) return false;
    *ret_bytes = slice_of(cursor->at, (size_t)bytes);
    cursor->at += bytes;
    return true;
}

// The fields of Call; Cast and Send have the same ones but for the deadline.
static bool read_body(struct slice body, struct request *request) {
    struct cursor cursor = {body.data, body.data + body.bytes};
    uint64_t      number;
    while (cursor.at < cursor.end) {
        switch (*cursor.at++) {
            case TAG_NAME:
                if (!read_bytes(&cursor, &request->name)) return false;
                break;
            case TAG_TARGET:
                if (!read_varint(&cursor, VARINT_BYTES_MAX, &request->target)) return false;
                break;
            case TAG_PAYLOAD:
                if (!read_bytes(&cursor, &request->payload)) return false;
                break;
            case TAG_DEADLINE:
                if (request->verb != VERB_CALL) return false;
                if (!read_varint(&cursor, VARINT_BYTES_MAX, &number)) return false;
                request->limit_ms =
                    (uint32_t)number; // the low bits, as protobuf says of a longer number
                break;
            default: return false;
        }
    }
    return true;
}

static enum verb verb_of(uint8_t tag) {
    switch (tag) {
        case TAG_FRAME_CALL: return VERB_CALL;
        case TAG_FRAME_CAST: return VERB_CAST;
        case TAG_FRAME_SEND: return VERB_SEND;
        default: return VERB_NONE;
    }
}

bool fast_decode_hot(struct slice frame, struct request *request) {
    if (frame.bytes == 0) return false;
    struct cursor cursor = {frame.data, frame.data + frame.bytes};
    memset(request, 0, REQUEST_HOT_BYTES);
    while (cursor.at < cursor.end) {
        uint8_t      tag = *cursor.at++;
        struct slice body;
        if (tag == TAG_FRAME_ID) {
            if (!read_varint(&cursor, VARINT_BYTES_MAX, &request->id)) return false;
            continue;
        }
        if (request->verb != VERB_NONE) return false; // two bodies
        request->verb = verb_of(tag);
        if (request->verb == VERB_NONE) return false;
        if (!read_bytes(&cursor, &body) || !read_body(body, request)) return false;
    }
    return request->verb != VERB_NONE;
}

bool fast_decode(struct slice frame, struct request *ret_request) {
    struct request request = {0};
    if (!fast_decode_hot(frame, &request)) return false;
    *ret_request = request;
    return true;
}

static size_t varint_bytes(uint64_t value) {
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    return (bits + 6) / 7;
}

static uint8_t *put_varint(uint8_t *at, uint64_t value) {
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

// Begins a frame: prefix, id and the tag and length of the body, of which `content_bytes` remain to
// be written. Proto3 leaves out what is zero or empty, but not an empty body: its tag tells which
// answer it is.
static uint8_t *begin(struct buf *out, uint64_t id, uint8_t tag, size_t content_bytes) {
    size_t id_bytes = id == 0 ? 0 : 1 + varint_bytes(id);
    size_t body_bytes = id_bytes + 1 + varint_bytes(content_bytes) + content_bytes;
    if (body_bytes > FRAME_BODY_BYTES_MAX) return NULL;

    uint8_t *at = buf_reserve(out, FRAME_PREFIX_BYTES_MAX + body_bytes);
    if (at == NULL) return NULL;
    at += frame_prefix(at, (uint32_t)body_bytes);
    if (id != 0) {
        *at++ = TAG_FRAME_ID;
        at = put_varint(at, id);
    }
    *at++ = tag;
    return put_varint(at, content_bytes);
}

static void end(struct buf *out, const uint8_t *at) {
    out->bytes = (size_t)(at - out->data);
    CHECK(out->bytes <= out->capacity);
}

enum status fast_write_reply(struct buf *out, uint64_t id, struct slice payload) {
    if (payload.bytes > FRAME_BODY_BYTES_MAX) return STATUS_NO_MEMORY; // sums below cannot overflow
    size_t field_bytes = payload.bytes == 0 ? 0 : 1 + varint_bytes(payload.bytes) + payload.bytes;

    uint8_t *at = begin(out, id, TAG_FRAME_REPLY, field_bytes);
    if (at == NULL) return STATUS_NO_MEMORY;
    if (payload.bytes > 0) {
        *at++ = TAG_REPLY_PAYLOAD;
        at = put_varint(at, payload.bytes);
        memcpy(at, payload.data, payload.bytes);
        at += payload.bytes;
    }
    end(out, at);
    return STATUS_OK;
}

enum status fast_write_done(struct buf *out, uint64_t id) {
    const uint8_t *at = begin(out, id, TAG_FRAME_DONE, 0);
    if (at == NULL) return STATUS_NO_MEMORY;
    end(out, at);
    return STATUS_OK;
}
