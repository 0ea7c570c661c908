// Whatever a host writes into its commits ring: commit_read refuses it, or what it accepts lies
// within the record's own copy, item by item, as often as the record says.
//
// Input: tail / 8 (u16), head - tail (u16), bytes of the bulk area (u16); those bytes; the ring
// from the tail on.
#include "keeper/commit.h"

#include "base/check.h"
#include "base/tables_delta.h"

#include <string.h>

#define DATA_BYTES 4096
#define BULK_BYTES 4096
#define PREFIX_BYTES 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_inside(const struct commit *commit, struct slice part) {
    if (part.data == NULL) return;
    CHECK(part.data >= commit->items.data);
    CHECK(part.data + part.bytes <= commit->items.data + commit->items.bytes);
}

static void check_singles(const struct commit *commit) {
    check_inside(commit, commit->state);
    check_inside(commit, commit->reply);
    check_inside(commit, commit->next);
    check_inside(commit, commit->reason);
    check_inside(commit, commit->text);
    check_inside(commit, commit->trace);
    check_inside(commit, commit->tables);
    CHECK(tables_delta_check(commit->tables));
    CHECK(commit->trace.bytes <= TRACE_BYTES_MAX);
}

static void check_items(const struct commit *commit) {
    struct item item;
    uint32_t    at = 0;
    uint32_t    items = 0;
    uint64_t    sum = 0;
    while (commit_item(commit, &at, &item)) {
        check_inside(commit, item.name);
        check_inside(commit, item.body);
        // Every byte is read, so that AddressSanitizer sees where it lies.
        for (size_t i = 0; i < item.name.bytes; i++) sum += item.name.data[i];
        for (size_t i = 0; i < item.body.bytes; i++) sum += item.body.data[i];
        if (item.kind == ITEM_START) CHECK(item.token <= item.name.bytes);
        items++;
    }
    CHECK(sum <= UINT64_MAX / 2);
    CHECK(at == commit->items.bytes);
    CHECK(items == commit->record.item_count);
    CHECK(commit->effects <= items);
}

static uint16_t u16_at(const uint8_t *data) {
    return (uint16_t)(data[0] | data[1] << 8);
}

// Fills the ring as a host would; answers the tail.
static uint64_t fill(struct ring *ring, const uint8_t *data, size_t bytes) {
    size_t bulk_bytes = u16_at(data + 4) % (BULK_BYTES + 1);
    data += PREFIX_BYTES;
    bytes -= PREFIX_BYTES;
    if (bulk_bytes > bytes) bulk_bytes = bytes;

    uint64_t tail = (uint64_t)u16_at(data - PREFIX_BYTES) * RING_ALIGN;
    size_t   left = bytes - bulk_bytes < DATA_BYTES ? bytes - bulk_bytes : DATA_BYTES;
    memset(ring->data, 0, DATA_BYTES);
    memset(ring->bulk, 0, BULK_BYTES);
    memcpy(ring->bulk, data, bulk_bytes);
    memcpy(ring_at(ring, tail), data + bulk_bytes, left);
    return tail;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static struct ring   ring;
    static struct commit commit;
    if (ring.data == NULL) CHECK(ring_create(&ring, DATA_BYTES, BULK_BYTES, false) == STATUS_OK);
    if (bytes < PREFIX_BYTES) return -1;

    uint64_t tail = fill(&ring, data, bytes);
    uint64_t head = tail + u16_at(data + 2);
    for (;;) {
        enum status status = commit_read(&commit, &ring, tail, head);
        CHECK(status != STATUS_AGAIN || tail == head);
        if (status != STATUS_OK) {
            CHECK(status == STATUS_AGAIN || status == STATUS_PROTOCOL);
            return 0;
        }
        CHECK(commit.record.record_bytes >= sizeof commit.record);
        CHECK(commit.record.record_bytes <= head - tail);
        check_singles(&commit);
        check_items(&commit);
        tail += commit.record.record_bytes;
    }
}
