#include "hot.h"

#include "wire/frame.h"
#include "wire/hot_fields.h"

#include <string.h>

static const uint8_t BODY_TAGS[REQUEST_VERBS] = {
    [REQUEST_CALL] = TAG_FRAME_CALL,
    [REQUEST_CAST] = TAG_FRAME_CAST,
    [REQUEST_SEND] = TAG_FRAME_SEND,
};

// --- Writing -------------------------------------------------------------------------------------

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
