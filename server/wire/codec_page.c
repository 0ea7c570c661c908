// Pages: answers with many elements.
//
// A page is written piece by piece, which protobuf allows: a message is what its pieces are when
// they stand one behind the other. So it needs no array of messages.
#include "wire/codec_frame.h"
#include "wire/frame.h"

// In every page the elements are field 1.
#define TAG_ELEMENT (1 << 3 | 2)

static size_t prefix_bytes(size_t bytes) {
    uint8_t room[FRAME_PREFIX_BYTES_MAX];
    return frame_prefix(room, (uint32_t)bytes);
}

static const ProtobufCMessage *element(const struct codec_page *page, size_t index) {
    return page->describe(page->room, page->elements, index);
}

// Bytes of the elements, tags included; stops when they are too many for a frame.
static size_t measure_elements(const struct codec_page *page) {
    size_t sum = 0;
    for (size_t i = 0; i < page->count && sum <= FRAME_BODY_BYTES_MAX; i++) {
        size_t bytes = protobuf_c_message_get_packed_size(element(page, i));
        if (bytes > FRAME_BODY_BYTES_MAX) return bytes;
        sum += 1 + prefix_bytes(bytes) + bytes;
    }
    return sum;
}

static uint8_t *put_elements(uint8_t *at, const struct codec_page *page) {
    for (size_t i = 0; i < page->count; i++) {
        const ProtobufCMessage *one = element(page, i);
        *at++ = TAG_ELEMENT;
        at += frame_prefix(at, (uint32_t)protobuf_c_message_get_packed_size(one));
        at += protobuf_c_message_pack(one, at);
    }
    return at;
}

enum status codec_write_page(struct buf *out, uint64_t id, const struct codec_page *page) {
    Peeper__V1__ServerFrame head = PEEPER__V1__SERVER_FRAME__INIT;
    head.id = id;
    uint32_t tag = page->body << 3 | 2;
    size_t   elements_bytes = measure_elements(page);
    if (elements_bytes > FRAME_BODY_BYTES_MAX) return STATUS_NO_MEMORY;
    size_t page_bytes = elements_bytes + protobuf_c_message_get_packed_size(page->tail);

    uint8_t *at =
        codec_begin_frame(out, peeper__v1__server_frame__get_packed_size(&head) +
                                   prefix_bytes(tag) + prefix_bytes(page_bytes) + page_bytes);
    if (at == NULL) return STATUS_NO_MEMORY;
    at += peeper__v1__server_frame__pack(&head, at);
    at += frame_prefix(at, tag); // a tag is a varint, too
    at += frame_prefix(at, (uint32_t)page_bytes);
    at = put_elements(at, page);
    at += protobuf_c_message_pack(page->tail, at);
    codec_end_frame(out, at);
    return STATUS_OK;
}
