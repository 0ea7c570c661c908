#include "keeper/commit.h"

#include "base/tables_delta.h"
#include "keeper/options.h"

#include <string.h>

#define COPY_KEPT_BYTES (1u << 20) // after a larger commit the memory goes back

static size_t item_bytes(const struct item_header *header) {
    return sizeof *header + ring_round((size_t)header->name_bytes + header->body_bytes);
}

bool commit_item(const struct commit *commit, uint32_t *at, struct item *ret_item) {
    if (*at >= commit->items.bytes) return false;
    const uint8_t     *place = commit->items.data + *at;
    struct item_header header;
    memcpy(&header, place, sizeof header);

    const uint8_t *name = place + sizeof header;
    *ret_item = (struct item){
        .kind = (enum item_kind)header.kind,
        .name = slice_of(name, header.name_bytes),
        .body = slice_of(name + header.name_bytes, header.body_bytes),
        .token = header.token,
    };
    *at += (uint32_t)item_bytes(&header);
    return true;
}

// Where an item of which there may be only one belongs; NULL for effects.
static struct slice *single_of(struct commit *commit, uint16_t kind) {
    switch (kind) {
        case ITEM_STATE: return &commit->state;
        case ITEM_REPLY: return &commit->reply;
        case ITEM_CONTINUE: return &commit->next;
        case ITEM_REASON: return &commit->reason;
        case ITEM_TEXT: return &commit->text;
        case ITEM_TRACE: return &commit->trace;
        case ITEM_IDLE: return &commit->idle;
        case ITEM_TABLES: return &commit->tables;
        default: return NULL;
    }
}

static enum status check_item(struct commit *commit, const struct item_header *header,
                              const uint8_t *name) {
    struct slice *single = single_of(commit, header->kind);
    if (single != NULL) {
        if (header->name_bytes != 0) return STATUS_PROTOCOL;
        if (single->data != NULL) return STATUS_PROTOCOL;
        if (single == &commit->trace && header->body_bytes > TRACE_BYTES_MAX)
            return STATUS_PROTOCOL;
        *single = slice_of(name, header->body_bytes);
        if (single == &commit->tables && !tables_delta_check(*single)) return STATUS_PROTOCOL;
        return STATUS_OK;
    }
    commit->effects++;
    switch (header->kind) {
        case ITEM_REPLY_TO: return header->name_bytes == 0 ? STATUS_OK : STATUS_PROTOCOL;
        case ITEM_SEND:
        case ITEM_CAST:
        case ITEM_STOP: return STATUS_OK;
        case ITEM_MONITOR:
            if (header->name_bytes > NAME_BYTES_MAX) return STATUS_PROTOCOL;
            if (header->body_bytes == 0) return STATUS_OK;
            return header->name_bytes == 0 && header->body_bytes == sizeof(uint64_t)
                       ? STATUS_OK
                       : STATUS_PROTOCOL;
        case ITEM_DEMONITOR:
            return header->name_bytes == 0 && header->body_bytes == 0 ? STATUS_OK : STATUS_PROTOCOL;
        case ITEM_LINK:
        case ITEM_UNLINK:
            return header->name_bytes <= NAME_BYTES_MAX && header->body_bytes == 0
                       ? STATUS_OK
                       : STATUS_PROTOCOL;
        case ITEM_TIMER:
            commit->timers++;
            return header->name_bytes >= sizeof(uint64_t) &&
                           header->name_bytes <= sizeof(uint64_t) + NAME_BYTES_MAX
                       ? STATUS_OK
                       : STATUS_PROTOCOL;
        case ITEM_CALL:
            if (commit->calls++ > 0 || header->token > CALL_TIMEOUT_MS_MAX) return STATUS_PROTOCOL;
            return header->name_bytes <= NAME_BYTES_MAX ? STATUS_OK : STATUS_PROTOCOL;
        case ITEM_CANCEL_TIMER:
            return header->name_bytes == 0 && header->body_bytes == 0 ? STATUS_OK : STATUS_PROTOCOL;
        case ITEM_START: return header->token <= header->name_bytes ? STATUS_OK : STATUS_PROTOCOL;
        default: return STATUS_PROTOCOL;
    }
}

static enum status check_items(struct commit *commit) {
    size_t   at = 0;
    size_t   end = commit->items.bytes;
    uint32_t count = 0;

    while (at < end) {
        struct item_header header;
        if (end - at < sizeof header) return STATUS_PROTOCOL;
        memcpy(&header, commit->items.data + at, sizeof header);
        if (header.body_bytes > COMMIT_BULK_BYTES) return STATUS_PROTOCOL;
        if (end - at < item_bytes(&header)) return STATUS_PROTOCOL;
        enum status status = check_item(commit, &header, commit->items.data + at + sizeof header);
        if (status != STATUS_OK) return status;
        at += item_bytes(&header);
        count++;
    }
    return count == commit->record.item_count ? STATUS_OK : STATUS_PROTOCOL;
}

static bool kind_known(const struct commit_record *record) {
    return record->kind >= COMMIT_DONE && record->kind <= COMMIT_READY;
}

static enum status copy_in(struct commit *commit, const void *data, size_t bytes) {
    commit->copy.bytes = 0;
    if (commit->copy.capacity > COPY_KEPT_BYTES && bytes <= COPY_KEPT_BYTES)
        buf_fini(&commit->copy);
    return buf_append(&commit->copy, data, bytes);
}

enum status commit_read(struct commit *commit, const struct ring *ring, uint64_t tail,
                        uint64_t head) {
    struct commit_record *record = &commit->record;
    if (head == tail) return STATUS_AGAIN;
    if (head - tail > ring->data_bytes || head % RING_ALIGN != 0) return STATUS_PROTOCOL;
    if (head - tail < sizeof *record) return STATUS_PROTOCOL;

    // From here on only the copies are looked at.
    memcpy(record, ring_at(ring, tail), sizeof *record);
    if (record->record_bytes < sizeof *record) return STATUS_PROTOCOL;
    if (record->record_bytes % RING_ALIGN != 0) return STATUS_PROTOCOL;
    if (record->record_bytes > head - tail) return STATUS_PROTOCOL;
    if (record->item_count > COMMIT_ITEMS_MAX || !kind_known(record)) return STATUS_PROTOCOL;

    commit->state = commit->reply = commit->next = commit->reason = commit->text = commit->idle =
        commit->trace = commit->tables = (struct slice){0};
    commit->effects = commit->timers = commit->calls = 0;
    const uint8_t *items = ring_at(ring, tail) + sizeof *record;
    if (record->flags & COMMIT_BULK) {
        if (record->record_bytes != sizeof *record) return STATUS_PROTOCOL;
        if (record->item_bytes > ring->bulk_bytes) return STATUS_PROTOCOL;
        items = ring->bulk;
    } else if (record->item_bytes != record->record_bytes - sizeof *record) {
        return STATUS_PROTOCOL;
    }
    enum status status = copy_in(commit, items, record->item_bytes);
    if (status != STATUS_OK) return status;
    commit->items = slice_of(commit->copy.data, commit->copy.bytes);
    return check_items(commit);
}

void commit_fini(struct commit *commit) {
    buf_fini(&commit->copy);
}
