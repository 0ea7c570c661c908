#include "wire/frame.h"

#include "base/check.h"

#define VARINT_MORE 0x80u
#define VARINT_BITS 7u

// `data` starts with a whole prefix of `prefix_bytes` that announces `body_bytes`.
static enum status cut(const uint8_t *data, size_t bytes, size_t prefix_bytes, size_t body_bytes,
                       struct slice *ret_frame, size_t *ret_used) {
    if (bytes - prefix_bytes < body_bytes) return STATUS_AGAIN;
    *ret_frame = slice_of(data + prefix_bytes, body_bytes);
    *ret_used = prefix_bytes + body_bytes;
    return STATUS_OK;
}

enum status frame_next(const uint8_t *data, size_t bytes, uint32_t frame_bytes_max,
                       struct slice *ret_frame, size_t *ret_used) {
    uint64_t body_bytes = 0; // 5 bytes hold 35 bits; what does not fit in 32 is too large anyway
    for (size_t i = 0; i < bytes && i < FRAME_PREFIX_BYTES_MAX; i++) {
        body_bytes |= (uint64_t)(data[i] & ~VARINT_MORE) << (VARINT_BITS * i);
        if (data[i] & VARINT_MORE) continue;

        // A last byte of zero adds nothing: one length has one spelling, so that a frame has one,
        // too.
        if (data[i] == 0 && i > 0) return STATUS_PROTOCOL;
        if (body_bytes > frame_bytes_max) return STATUS_TOO_LARGE;
        return cut(data, bytes, i + 1, (size_t)body_bytes, ret_frame, ret_used);
    }
    return bytes < FRAME_PREFIX_BYTES_MAX ? STATUS_AGAIN : STATUS_PROTOCOL;
}

size_t frame_prefix(uint8_t *room, uint32_t body_bytes) {
    size_t used = 0;
    while (body_bytes >= VARINT_MORE) {
        room[used++] = (uint8_t)(body_bytes | VARINT_MORE);
        body_bytes >>= VARINT_BITS;
    }
    room[used++] = (uint8_t)body_bytes;
    CHECK(used <= FRAME_PREFIX_BYTES_MAX);
    return used;
}
