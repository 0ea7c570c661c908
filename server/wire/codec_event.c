#include "wire/codec.h"
#include "wire/codec_frame.h"

enum status codec_write_goodbye(struct buf *out, const char *message) {
    Peeper__V1__Goodbye goodbye = PEEPER__V1__GOODBYE__INIT;
    goodbye.message = borrow_text(message);

    Peeper__V1__Event event = PEEPER__V1__EVENT__INIT;
    event.kind_case = PEEPER__V1__EVENT__KIND_GOODBYE;
    event.goodbye = &goodbye;

    SERVER_FRAME(frame, 0, EVENT, event, &event);
    return codec_write_frame(out, &frame);
}

static enum status write_event(struct buf *out, Peeper__V1__Event *event) {
    SERVER_FRAME(frame, 0, EVENT, event, event);
    return codec_write_frame(out, &frame);
}

static enum status write_changed(struct buf *out, const struct push *push) {
    char                 room[TEXT_BYTES_MAX + 1];
    Peeper__V1__Event    event = PEEPER__V1__EVENT__INIT;
    Peeper__V1__Changed  changed = PEEPER__V1__CHANGED__INIT;
    Peeper__V1__OldState old = PEEPER__V1__OLD_STATE__INIT;
    changed.ref = push->ref;
    changed.name = copy_text(push->name, room);
    changed.unit = push->unit;
    changed.version = push->version;
    changed.at_ms = push->at_ms;
    changed.value = borrow_bytes(push->value);
    old.value = borrow_bytes(push->old);
    if (push->has_old) changed.old = &old;
    event.kind_case = PEEPER__V1__EVENT__KIND_CHANGED;
    event.changed = &changed;
    return write_event(out, &event);
}

static enum status write_ended(struct buf *out, const struct push *push) {
    char              room[TEXT_BYTES_MAX + 1];
    Peeper__V1__Event event = PEEPER__V1__EVENT__INIT;
    Peeper__V1__Ended ended = PEEPER__V1__ENDED__INIT;
    ended.ref = push->ref;
    ended.name = copy_text(push->name, room);
    ended.unit = push->unit;
    ended.reason = borrow_bytes(push->reason);
    ended.version = push->version;
    ended.value = borrow_bytes(push->value);
    event.kind_case = PEEPER__V1__EVENT__KIND_ENDED;
    event.ended = &ended;
    return write_event(out, &event);
}

static enum status write_gap(struct buf *out, const struct push *push) {
    char              room[TEXT_BYTES_MAX + 1];
    Peeper__V1__Event event = PEEPER__V1__EVENT__INIT;
    Peeper__V1__Gap   gap = PEEPER__V1__GAP__INIT;
    gap.ref = push->ref;
    gap.name = copy_text(push->name, room);
    gap.unit = push->unit;
    gap.first_version = push->first;
    gap.last_version = push->version;
    event.kind_case = PEEPER__V1__EVENT__KIND_GAP;
    event.gap = &gap;
    return write_event(out, &event);
}

static enum status write_progress(struct buf *out, const struct push *push) {
    char                        room[TEXT_BYTES_MAX + 1];
    Peeper__V1__UpgradeProgress progress = PEEPER__V1__UPGRADE_PROGRESS__INIT;
    Peeper__V1__Event           event = PEEPER__V1__EVENT__INIT;
    progress.behaviour = copy_text(push->name, room);
    progress.done = push->done;
    progress.total = push->total;
    progress.refused = push->refused;
    event.kind_case = PEEPER__V1__EVENT__KIND_UPGRADE_PROGRESS;
    event.upgrade_progress = &progress;
    return write_event(out, &event);
}

static enum status write_stepped(struct buf *out, const struct push *push) {
    char                    room[TEXT_BYTES_MAX + 1];
    Peeper__V1__Event       event = PEEPER__V1__EVENT__INIT;
    Peeper__V1__SteppedBack step = PEEPER__V1__STEPPED_BACK__INIT;
    Peeper__V1__StepBack    stepped = PEEPER__V1__STEP_BACK__INIT;
    step.from = push->step.from;
    step.to = push->step.to;
    step.at_ms = push->step.at_ms;
    stepped.ref = push->ref;
    stepped.name = copy_text(push->name, room);
    stepped.unit = push->unit;
    stepped.step = &step;
    stepped.missed = push->missed;
    event.kind_case = PEEPER__V1__EVENT__KIND_STEPPED_BACK;
    event.stepped_back = &stepped;
    return write_event(out, &event);
}

enum status codec_write_push(struct buf *out, const struct push *push) {
    char              room[TEXT_BYTES_MAX + 1];
    Peeper__V1__Down  down = PEEPER__V1__DOWN__INIT;
    Peeper__V1__Exit  leave = PEEPER__V1__EXIT__INIT;
    Peeper__V1__Event event = PEEPER__V1__EVENT__INIT;
    char             *name = copy_text(push->name, room);
    switch (push->kind) {
        case PUSH_DOWN:
            down.ref = push->ref;
            down.id = push->id;
            down.name = name;
            down.reason = borrow_bytes(push->reason);
            event.kind_case = PEEPER__V1__EVENT__KIND_DOWN;
            event.down = &down;
            break;
        case PUSH_EXIT:
            leave.id = push->id;
            leave.name = name;
            leave.reason = borrow_bytes(push->reason);
            event.kind_case = PEEPER__V1__EVENT__KIND_EXIT;
            event.exit = &leave;
            break;
        case PUSH_UPGRADE: return write_progress(out, push);
        case PUSH_CHANGED: return write_changed(out, push);
        case PUSH_ENDED: return write_ended(out, push);
        case PUSH_GAP: return write_gap(out, push);
        case PUSH_STEPPED: return write_stepped(out, push);
    }
    return write_event(out, &event);
}
