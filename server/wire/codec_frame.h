// codec_frame: what the writing halves of the codec share. For codec*.c only: it brings protobuf-c.
#pragma once

#include "base/buf.h"

#include "peeper/v1/peeper.pb-c.h"

#include <string.h>

#define TEXT_BYTES_MAX 255 // of names: of actors, of behaviours

// Appends a whole delimited frame.   Fails: STATUS_NO_MEMORY, nothing appended.
NODISCARD enum status codec_write_frame(struct buf *out, const Peeper__V1__ServerFrame *frame);

// Makes room for a frame of `body_bytes`, writes its prefix and answers where the body goes / says
// where it ended.   Fails: NULL, too large or without memory; nothing appended.
uint8_t *codec_begin_frame(struct buf *out, size_t body_bytes);
void     codec_end_frame(struct buf *out, const uint8_t *end);

// A body whose field 1 repeats, once for each element.
struct codec_page {
    uint32_t                body; // its number in ServerFrame
    const void             *elements;
    size_t                  count;
    const ProtobufCMessage *tail; // the body's other fields
    // Describes one element in `room`, which is enough for one.
    const ProtobufCMessage *(*describe)(void *room, const void *elements, size_t index);
    void *room;
};

// Appends a whole delimited frame with this page. It needs no memory but that of `out`.
// Fails: STATUS_NO_MEMORY, nothing appended.
NODISCARD enum status codec_write_page(struct buf *out, uint64_t id, const struct codec_page *page);

// A ServerFrame `frame` with this body.
#define SERVER_FRAME(frame, frame_id, CASE, member, message)        \
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT; \
    frame.id = (frame_id);                                          \
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_##CASE;        \
    frame.member = (message)

// protobuf-c's structs have no const, but packing only reads.
static inline char *borrow_text(const char *text) {
    return text == NULL ? (char *)protobuf_c_empty_string : (char *)text;
}

static inline ProtobufCBinaryData borrow_bytes(struct slice bytes) {
    return (ProtobufCBinaryData){.len = bytes.bytes, .data = (uint8_t *)bytes.data};
}

// A terminated copy, which is what protobuf-c wants.
static inline char *copy_text(struct slice text, char room[static TEXT_BYTES_MAX + 1]) {
    size_t bytes = text.bytes < TEXT_BYTES_MAX ? text.bytes : TEXT_BYTES_MAX;
    if (bytes > 0) memcpy(room, text.data, bytes);
    room[bytes] = 0;
    return room;
}
