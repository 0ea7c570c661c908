#include "host/items.h"

#include "base/ring.h"

#include <string.h>

// What a buffer may keep from one turn to the next. Larger ones are given back: one large turn must
// not pin memory.
#define ITEMS_KEPT_BYTES (1u << 20)

enum status items_append(struct items *items, struct item_header head, const char *name,
                         struct slice body) {
    if (items->count == COMMIT_ITEMS_MAX) return STATUS_FULL;
    if (body.bytes > COMMIT_BULK_BYTES) return STATUS_TOO_LARGE;
    size_t bytes = ring_round(sizeof head + head.name_bytes + body.bytes);
    if (bytes > COMMIT_BULK_BYTES - items->bytes.bytes) return STATUS_TOO_LARGE;

    uint8_t *at = buf_reserve(&items->bytes, bytes);
    if (at == NULL) return STATUS_NO_MEMORY;
    head.body_bytes = (uint32_t)body.bytes;
    // The padding travels too; nothing of an earlier turn may hide in it.
    memset(at + bytes - RING_ALIGN, 0, RING_ALIGN);
    memcpy(at, &head, sizeof head);
    if (head.name_bytes > 0) memcpy(at + sizeof head, name, head.name_bytes);
    if (body.bytes > 0) memcpy(at + sizeof head + head.name_bytes, body.data, body.bytes);
    items->bytes.bytes += bytes;
    items->count++;
    return STATUS_OK;
}

void items_reset(struct items *items) {
    items->count = 0;
    items->bytes.bytes = 0;
    if (items->bytes.capacity > ITEMS_KEPT_BYTES) buf_fini(&items->bytes);
}

void items_fini(struct items *items) {
    buf_fini(&items->bytes);
    items->count = 0;
}
