#include "hot.h"

#include "base/check.h"
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
#define LENGTH_BYTES_MAX 4 // 256 MiB; protobuf-c takes one more

static const uint8_t BODY_TAGS[REQUEST_VERBS] = {
    [REQUEST_CALL] = TAG_FRAME_CALL,
    [REQUEST_CAST] = TAG_FRAME_CAST,
    [REQUEST_SEND] = TAG_FRAME_SEND,
};

// --- Writing -------------------------------------------------------------------------------------

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

// Proto3 leaves out what is zero or empty.
static size_t number_bytes(uint64_t value) {
    return value == 0 ? 0 : 1 + varint_bytes(value);
}

static size_t run_bytes(size_t bytes) {
    return bytes == 0 ? 0 : 1 + varint_bytes(bytes) + bytes;
}

static uint8_t *put_number(uint8_t *at, uint8_t tag, uint64_t value) {
    if (value == 0) return at;
    *at++ = tag;
    return put_varint(at, value);
}

static uint8_t *put_run(uint8_t *at, uint8_t tag, const void *data, size_t bytes) {
    if (bytes == 0) return at;
    *at++ = tag;
    at = put_varint(at, bytes);
    memcpy(at, data, bytes);
    return at + bytes;
}

bool hot_knows(const struct request *request) {
    return BODY_TAGS[request->verb] != 0 && request->key == NULL;
}

enum peeper_status hot_encode(struct buf *out, uint64_t id, const struct request *request,
                              uint32_t frame_bytes_max) {
    const char *name = request->target.name;
    size_t      name_bytes = name != NULL ? strlen(name) : 0;
    uint32_t    deadline_ms = request->verb == REQUEST_CALL ? request->limit_ms : 0;

    size_t body_bytes = run_bytes(name_bytes) + number_bytes(request->target.id) +
                        run_bytes(request->payload.bytes) + number_bytes(deadline_ms);
    size_t frame_bytes = number_bytes(id) + 1 + varint_bytes(body_bytes) + body_bytes;
    if (frame_bytes > frame_bytes_max) return PEEPER_STATUS_TOO_LARGE;

    uint8_t *at = buf_reserve(out, FRAME_PREFIX_BYTES_MAX + frame_bytes);
    if (at == NULL) return PEEPER_STATUS_NO_MEMORY;
    at += frame_prefix(at, (uint32_t)frame_bytes);
    at = put_number(at, TAG_FRAME_ID, id);
    *at++ = BODY_TAGS[request->verb];
    at = put_varint(at, body_bytes);
    at = put_run(at, TAG_NAME, name, name_bytes);
    at = put_number(at, TAG_TARGET, request->target.id);
    at = put_run(at, TAG_PAYLOAD, request->payload.data, request->payload.bytes);
    at = put_number(at, TAG_DEADLINE, deadline_ms);
    out->bytes = (size_t)(at - out->data);
    return PEEPER_STATUS_OK;
}

// --- Reading -------------------------------------------------------------------------------------

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static bool read_varint(struct cursor *cursor, unsigned bytes_max, uint64_t *ret_value) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes_max && cursor->at < cursor->end; i++) {
        uint8_t byte = *cursor->at++;
        value |= (uint64_t)(byte & 0x7f) << (7 * i); // bits beyond the 64th are lost, as elsewhere
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool take_tag(struct cursor *cursor, uint8_t tag) {
    if (cursor->at == cursor->end || *cursor->at != tag) return false;
    cursor->at++;
    return true;
}

// The last field of what the cursor is in.
static bool read_last_run(struct cursor *cursor, uint64_t *ret_bytes) {
    if (!read_varint(cursor, LENGTH_BYTES_MAX, ret_bytes)) return false;
    return *ret_bytes == (uint64_t)(cursor->end - cursor->at);
}

void hot_prepare(struct incoming *incoming) {
    *incoming = (struct incoming){.kind = FRAME_DONE};
    incoming->answer.error = error_of(PEEPER_STATUS_OK, NULL);
}

bool hot_decode(struct peeper_value frame, struct incoming *incoming) {
    struct cursor  cursor = {frame.data, (const uint8_t *)frame.data + frame.bytes};
    struct cursor *at = &cursor;
    uint64_t       id, bytes = 0;

    if (!take_tag(at, TAG_FRAME_ID) || !read_varint(at, VARINT_BYTES_MAX, &id)) return false;
    bool replied = take_tag(at, TAG_FRAME_REPLY);
    if (!replied && !take_tag(at, TAG_FRAME_DONE)) return false;
    if (!read_last_run(at, &bytes)) return false;
    if (bytes > 0) {
        // Done has nothing in it.
        if (!replied || !take_tag(at, TAG_REPLY_PAYLOAD) || !read_last_run(at, &bytes))
            return false;
    }
    incoming->id = id;
    incoming->kind = replied ? FRAME_REPLY : FRAME_DONE;
    incoming->answer.replied = replied;
    incoming->answer.reply =
        (struct peeper_value){.data = bytes > 0 ? cursor.at : NULL, .bytes = (size_t)bytes};
    incoming->answer.frame = frame;
    return true;
}
