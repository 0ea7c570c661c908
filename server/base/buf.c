#include "base/buf.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

#define BUF_BYTES_MIN 256

uint8_t *buf_reserve(struct buf *buf, size_t bytes) {
    if (buf->capacity - buf->bytes >= bytes && buf->data != NULL) return buf->data + buf->bytes;
    if (bytes > SIZE_MAX / 2 - buf->bytes) return NULL;

    size_t capacity = buf->capacity < BUF_BYTES_MIN ? BUF_BYTES_MIN : buf->capacity;
    while (capacity < buf->bytes + bytes) capacity *= 2;

    uint8_t *data = realloc(buf->data, capacity);
    if (data == NULL) return NULL;
    buf->data = data;
    buf->capacity = capacity;
    return data + buf->bytes;
}

enum status buf_append(struct buf *buf, const void *data, size_t bytes) {
    uint8_t *room = buf_reserve(buf, bytes);
    if (room == NULL) return STATUS_NO_MEMORY;
    if (bytes > 0) memcpy(room, data, bytes);
    buf->bytes += bytes;
    return STATUS_OK;
}

void buf_consume(struct buf *buf, size_t bytes) {
    CHECK(bytes <= buf->bytes);
    buf->bytes -= bytes;
    if (buf->bytes > 0) memmove(buf->data, buf->data + bytes, buf->bytes);
}

void buf_fini(struct buf *buf) {
    if (buf == NULL) return;
    free(buf->data);
    *buf = (struct buf){0};
}
