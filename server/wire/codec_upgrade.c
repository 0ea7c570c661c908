// The answers about code: what there is, and what has become of an upgrade.
#include "wire/codec.h"
#include "wire/codec_frame.h"
#include "wire/turn.h"

#include <stdlib.h>

#define CALLBACKS_MAX 9

// The names of those in the mask; how many.
static size_t name_callbacks(uint16_t mask, char *names[static CALLBACKS_MAX]) {
    static const struct {
        enum behaviour_callback bit;
        const char             *name;
    } CALLBACKS[CALLBACKS_MAX] = {
        {CALLBACK_INIT, "init"},
        {CALLBACK_CALL, "handle_call"},
        {CALLBACK_CAST, "handle_cast"},
        {CALLBACK_INFO, "handle_info"},
        {CALLBACK_CONTINUE, "handle_continue"},
        {CALLBACK_TERMINATE, "terminate"},
        {CALLBACK_CODE_CHANGE, "code_change"},
        {CALLBACK_CHANGED, "on_state_changed"},
        {CALLBACK_ENDED, "on_terminate"},
    };
    size_t count = 0;
    for (size_t i = 0; i < CALLBACKS_MAX; i++) {
        if ((mask & CALLBACKS[i].bit) != 0) names[count++] = borrow_text(CALLBACKS[i].name);
    }
    return count;
}

// A BehaviourInfo with the names it points to.
struct described_behaviour {
    Peeper__V1__BehaviourInfo info;
    char                     *callbacks[CALLBACKS_MAX];
};

static const ProtobufCMessage *describe_behaviour(void *room, const void *elements, size_t i) {
    struct described_behaviour  *described = room;
    const struct behaviour_info *behaviour = &((const struct behaviour_info *)elements)[i];
    peeper__v1__behaviour_info__init(&described->info);
    described->info.name = borrow_text(behaviour->name);
    described->info.version = borrow_text(behaviour->version);
    described->info.kind = borrow_text(behaviour->kind);
    described->info.file = borrow_text(behaviour->file);
    described->info.actors = behaviour->actors;
    described->info.current = behaviour->current;
    described->info.n_callbacks = name_callbacks(behaviour->callbacks, described->callbacks);
    described->info.callbacks = described->callbacks;
    return &described->info.base;
}

enum status codec_write_behaviours(struct buf *out, uint64_t id,
                                   const struct behaviour_info *behaviours, size_t count) {
    Peeper__V1__BehaviourListing tail = PEEPER__V1__BEHAVIOUR_LISTING__INIT;
    struct described_behaviour   room;
    struct codec_page            page = {
                   .body = PEEPER__V1__SERVER_FRAME__BODY_BEHAVIOUR_LISTING,
                   .elements = behaviours,
                   .count = count,
                   .tail = &tail.base,
                   .describe = describe_behaviour,
                   .room = &room,
    };
    return codec_write_page(out, id, &page);
}

// A refusal with its texts, terminated.
struct described_refusal {
    Peeper__V1__UpgradeRefusal refusal;
    char                       name[TEXT_BYTES_MAX + 1];
    char                       reason[TEXT_BYTES_MAX + 1];
};

static void describe_refusal(struct described_refusal     *described,
                             const struct upgrade_refusal *refusal) {
    peeper__v1__upgrade_refusal__init(&described->refusal);
    described->refusal.name = copy_text(refusal->name, described->name);
    described->refusal.unit = refusal->unit;
    described->refusal.reason = copy_text(refusal->reason, described->reason);
}

enum status codec_write_upgrade_report(struct buf *out, uint64_t id,
                                       const struct upgrade_report *report) {
    char                         texts[3][TEXT_BYTES_MAX + 1];
    size_t                       count = report->refusal_count;
    struct described_refusal    *described = calloc(count + 1, sizeof *described);
    Peeper__V1__UpgradeRefusal **list = calloc(count + 1, sizeof *list);
    enum status                  status = STATUS_NO_MEMORY;
    if (described == NULL || list == NULL) goto free_all;
    for (size_t i = 0; i < count; i++) {
        describe_refusal(&described[i], &report->refusals[i]);
        list[i] = &described[i].refusal;
    }
    Peeper__V1__UpgradeReport body = PEEPER__V1__UPGRADE_REPORT__INIT;
    body.behaviour = copy_text(report->behaviour, texts[0]);
    body.from = copy_text(report->from, texts[1]);
    body.to = copy_text(report->to, texts[2]);
    body.changed = report->changed;
    body.moved = report->moved;
    body.refused = report->refused;
    body.gone = report->gone;
    body.left = report->left;
    body.took_ms = report->took_ms;
    body.dry_run = report->dry_run;
    body.stopped = borrow_text(report->stopped);
    body.n_refusals = count;
    body.refusals = list;
    SERVER_FRAME(frame, id, UPGRADE_REPORT, upgrade_report, &body);
    status = codec_write_frame(out, &frame);
free_all:
    free(described);
    free(list);
    return status;
}
