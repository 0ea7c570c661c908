// hot_fields: the fields of the frames that travel most, as bytes: for the two ends that read and
// write those without protobuf-c, wire/fast here and hot in the C SDK.
//
// Everything is inline: it is why those two are fast.
// Source: proto/peeper/v1/peeper.proto; the encoding is that of Protocol Buffers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Field number << 3 | wire type. All of ours fit in one byte.
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

// Takes a number of at most `bytes_max` bytes. False: it does not end within them, or there are not
// so many.   Thread: any.
static inline bool read_varint(struct cursor *cursor, unsigned bytes_max, uint64_t *ret_value) {
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

// How many bytes put_varint() writes.   Thread: any.
static inline size_t varint_bytes(uint64_t value) {
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    return (bits + 6) / 7;
}

// Writes a number where there is room for it; answers where to go on.   Thread: any.
static inline uint8_t *put_varint(uint8_t *at, uint64_t value) {
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

// A field that is a number / that is bytes: how many bytes it takes, and writes it with its tag.
// Proto3 leaves out what is zero or empty.   Thread: any.
static inline size_t number_bytes(uint64_t value) {
    return value == 0 ? 0 : 1 + varint_bytes(value);
}

static inline size_t run_bytes(size_t bytes) {
    return bytes == 0 ? 0 : 1 + varint_bytes(bytes) + bytes;
}

static inline uint8_t *put_number(uint8_t *at, uint8_t tag, uint64_t value) {
    if (value == 0) return at;
    *at++ = tag;
    return put_varint(at, value);
}

static inline uint8_t *put_run(uint8_t *at, uint8_t tag, const void *data, size_t bytes) {
    if (bytes == 0) return at;
    *at++ = tag;
    at = put_varint(at, bytes);
    memcpy(at, data, bytes);
    return at + bytes;
}
