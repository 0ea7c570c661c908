// The answers that are small.
#include "wire/codec.h"
#include "wire/codec_frame.h"
#include "wire/fast.h"

enum status codec_write_reply(struct buf *out, uint64_t id, struct slice payload) {
    return fast_write_reply(out, id, payload);
}

enum status codec_write_error(struct buf *out, uint64_t id, const struct failure *failure) {
    const char       *message = failure->message;
    Peeper__V1__Error body = PEEPER__V1__ERROR__INIT;
    body.status = (Peeper__V1__Status)status_wire(failure->status);
    body.message = borrow_text(message != NULL ? message : status_text(failure->status));
    body.retryable =
        failure->retryable || (!failure->not_retryable && status_retryable(failure->status));
    body.retry_after_ms = failure->retry_after_ms;
    body.reason = borrow_bytes(failure->reason);
    body.kind = borrow_text(failure->kind);

    SERVER_FRAME(frame, id, ERROR, error, &body);
    return codec_write_frame(out, &frame);
}

enum status codec_write_done(struct buf *out, uint64_t id) {
    return fast_write_done(out, id);
}

enum status codec_write_started(struct buf *out, uint64_t id, const struct started_info *started) {
    char                room[TEXT_BYTES_MAX + 1];
    Peeper__V1__Started body = PEEPER__V1__STARTED__INIT;
    body.id = started->id;
    body.unit = started->unit;
    body.name = copy_text(started->name, room);
    body.ignored = started->ignored;
    body.info = borrow_bytes(started->info);
    body.monitor = started->monitor;

    SERVER_FRAME(frame, id, STARTED, started, &body);
    return codec_write_frame(out, &frame);
}

enum status codec_write_located(struct buf *out, uint64_t id, uint64_t incarnation) {
    Peeper__V1__Located body = PEEPER__V1__LOCATED__INIT;
    body.id = incarnation;
    SERVER_FRAME(frame, id, LOCATED, located, &body);
    return codec_write_frame(out, &frame);
}

enum status codec_write_pong(struct buf *out, uint64_t id) {
    Peeper__V1__Pong body = PEEPER__V1__PONG__INIT;
    SERVER_FRAME(frame, id, PONG, pong, &body);
    return codec_write_frame(out, &frame);
}

enum status codec_write_monitored(struct buf *out, uint64_t id, uint64_t ref) {
    Peeper__V1__Monitored body = PEEPER__V1__MONITORED__INIT;
    body.ref = ref;
    SERVER_FRAME(frame, id, MONITORED, monitored, &body);
    return codec_write_frame(out, &frame);
}

enum status codec_write_watching(struct buf *out, uint64_t id, uint64_t ref) {
    Peeper__V1__Watching body = PEEPER__V1__WATCHING__INIT;
    body.ref = ref;
    SERVER_FRAME(frame, id, WATCHING, watching, &body);
    return codec_write_frame(out, &frame);
}

enum status codec_write_child_counts(struct buf *out, uint64_t id,
                                     const struct child_counts *counts) {
    Peeper__V1__ChildCounts body = PEEPER__V1__CHILD_COUNTS__INIT;
    body.specs = counts->specs;
    body.active = counts->active;
    body.supervisors = counts->supervisors;
    body.workers = counts->workers;
    SERVER_FRAME(frame, id, CHILD_COUNTS, child_counts, &body);
    return codec_write_frame(out, &frame);
}

static const ProtobufCMessage *describe_generation(void *room, const void *elements, size_t i) {
    Peeper__V1__Generation       *described = room;
    const struct generation_info *generation = &((const struct generation_info *)elements)[i];
    peeper__v1__generation__init(described);
    described->version = generation->version;
    described->at_ms = generation->at_ms;
    described->turn = generation->turn;
    described->bytes = generation->bytes;
    return &described->base;
}

enum status codec_write_generations(struct buf *out, uint64_t id,
                                    const struct generation_info *generations, size_t count,
                                    uint32_t kept) {
    Peeper__V1__Generations tail = PEEPER__V1__GENERATIONS__INIT;
    tail.kept = kept;
    Peeper__V1__Generation room;
    struct codec_page      page = {
             .body = PEEPER__V1__SERVER_FRAME__BODY_GENERATIONS,
             .elements = generations,
             .count = count,
             .tail = &tail.base,
             .describe = describe_generation,
             .room = &room,
    };
    return codec_write_page(out, id, &page);
}

enum status codec_write_transfer_prepared(struct buf *out, uint64_t id, uint64_t handle,
                                          uint32_t valid_ms) {
    Peeper__V1__TransferPrepared body = PEEPER__V1__TRANSFER_PREPARED__INIT;
    body.handle = handle;
    body.valid_ms = valid_ms;
    SERVER_FRAME(frame, id, TRANSFER_PREPARED, transfer_prepared, &body);
    return codec_write_frame(out, &frame);
}
