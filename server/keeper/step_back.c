#include "keeper/step_back.h"

#include "base/log.h"
#include "keeper/life.h"
#include "keeper/reason.h"
#include "keeper/streams.h"

#include <inttypes.h>

static struct step *step_of(const struct actor *actor) {
    struct trouble *trouble = actor->extra->trouble;
    return actor->extra->step_back && trouble != NULL ? &trouble->step : NULL;
}

void step_back_crashed(struct actor *actor, const struct end *end) {
    struct step *step = step_of(actor);
    bool         leaves =
        end->kind == CRASH_EXIT && reason_orderly(end->reason) && actor->life != ACTOR_RESTARTING;
    // Who is killed, or ends with others, says nothing of its state.
    if (step == NULL || end->abrupt || leaves) return;
    step->due = step->unproven;
    step->unproven = true;
}

void step_back_want(struct actor *actor, struct mirror_read *read) {
    struct step *step = step_of(actor);
    if (step == NULL) return;
    uint64_t below = step->below != 0 ? step->below : actor->version;
    if (below <= 1) step->due = false;
    if (step->due) {
        read->wanted = below - 1;
        read->or_before = true;
    } else {
        read->wanted = step->version;
    }
}

static void tell(const struct actor *actor, const struct step_info *info) {
    char name[300];
    LOG_WARN("actor.stepped_back", "name=%s unit=%" PRIu64 " from=%" PRIu64 " to=%" PRIu64,
             log_quote(name, sizeof name, actor_name(actor).data, actor->name_bytes), actor->unit,
             info->from, info->to);
}

bool step_back_loaded(struct shard *shard, struct actor *actor, const struct mirror_read *read) {
    struct step *step = step_of(actor);
    if (step == NULL || read->wanted == 0) return true;
    if (read->status == STATUS_NOT_FOUND) {
        // There is none before; or the one that it had is gone, then the newest is what there is.
        if (!step->due) step->version = 0;
        step->due = false;
        return false;
    }
    if (read->status != STATUS_OK || !step->due) return true;
    step->due = false;
    step->version = step->below = read->version;
    step->last =
        (struct step_info){.from = actor->version, .to = read->version, .at_ms = shard->wall_ms};
    tell(actor, &step->last);
    streams_stepped_back(shard, actor, &step->last);
    return true;
}

void step_back_committed(struct actor *actor, enum turn_kind kind, bool first, bool saved) {
    struct step *step = step_of(actor);
    if (step == NULL) return;
    if (kind == TURN_INIT && first) {
        // What init saves is the state that it was given, in other words.
        if (saved && step->version != 0) step->version = actor->version;
        return;
    }
    if (saved) step->version = step->below = 0;
    if (kind != TURN_TERMINATE) step->unproven = false;
}

struct step_info step_back_info(const struct actor *actor) {
    const struct step *step = step_of(actor);
    return step == NULL ? (struct step_info){0} : step->last;
}

uint64_t step_back_version(const struct actor *actor) {
    const struct step *step = step_of(actor);
    return step == NULL ? 0 : step->version;
}
