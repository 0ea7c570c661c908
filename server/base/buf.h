// buf: a growable byte buffer. It owns its memory and nothing else.
#pragma once

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; // owned; NULL while nothing was reserved
    size_t   bytes;
    size_t   capacity;
};

// A borrowed run of bytes; valid as long as what it points into.
struct slice {
    const uint8_t *data;
    size_t         bytes;
};

static inline struct slice slice_of(const void *data, size_t bytes) {
    return (struct slice){.data = data, .bytes = bytes};
}

// Makes room for `bytes` more after the present end and answers where they go.
// Fails: NULL when memory ran out; the buffer is as before.   Thread: owner.
uint8_t *buf_reserve(struct buf *buf, size_t bytes);

// Appends a copy of `data`.
// Fails: STATUS_NO_MEMORY, nothing appended.   Thread: owner.
NODISCARD enum status buf_append(struct buf *buf, const void *data, size_t bytes);

// Removes the first `bytes` (<= buf->bytes) and moves the rest to the front.   Thread: owner.
void buf_consume(struct buf *buf, size_t bytes);

// Frees the memory; the buffer is empty and usable again. NULL is fine.   Thread: owner.
void buf_fini(struct buf *buf);
