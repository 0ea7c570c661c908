#include "wire/fast.h"

#include "base/check.h"
#include "wire/codec.h"
#include "wire/frame.h"
#include "wire/hot_fields.h"

#include <string.h>

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

// Begins a frame: prefix, id and the tag and length of the body, of which `content_bytes` remain to
// be written. Proto3 leaves out what is zero or empty, but not an empty body: its tag tells which
// answer it is.
static uint8_t *begin(struct buf *out, uint64_t id, uint8_t tag, size_t content_bytes) {
    size_t body_bytes = number_bytes(id) + 1 + varint_bytes(content_bytes) + content_bytes;
    if (body_bytes > FRAME_BODY_BYTES_MAX) return NULL;

    uint8_t *at = buf_reserve(out, FRAME_PREFIX_BYTES_MAX + body_bytes);
    if (at == NULL) return NULL;
    at += frame_prefix(at, (uint32_t)body_bytes);
    at = put_number(at, TAG_FRAME_ID, id);
    *at++ = tag;
    return put_varint(at, content_bytes);
}

static void end(struct buf *out, const uint8_t *at) {
    out->bytes = (size_t)(at - out->data);
    CHECK(out->bytes <= out->capacity);
}

enum status fast_write_reply(struct buf *out, uint64_t id, struct slice payload) {
    if (payload.bytes > FRAME_BODY_BYTES_MAX) return STATUS_NO_MEMORY; // sums below cannot overflow
    uint8_t *at = begin(out, id, TAG_FRAME_REPLY, run_bytes(payload.bytes));
    if (at == NULL) return STATUS_NO_MEMORY;
    at = put_run(at, TAG_REPLY_PAYLOAD, payload.data, payload.bytes);
    end(out, at);
    return STATUS_OK;
}

enum status fast_write_done(struct buf *out, uint64_t id) {
    const uint8_t *at = begin(out, id, TAG_FRAME_DONE, 0);
    if (at == NULL) return STATUS_NO_MEMORY;
    end(out, at);
    return STATUS_OK;
}
