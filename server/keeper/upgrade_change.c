// The part of an upgrade that is about one actor.
#include "keeper/upgrade_parts.h"

#include "base/check.h"
#include "base/log.h"
#include "base/value_text.h"
#include "keeper/feed.h"
#include "keeper/isolation.h"
#include "keeper/recall.h"
#include "keeper/router.h"
#include "keeper/step_back.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_TEXT_MAX 200u

// --- the end of one ---

// The actor if it is still there with the old code.
static struct actor *actor_of(const struct shard *shard, const struct change *change) {
    struct actor *actor = actor_at(&shard->actors, change->slot);
    if (actor == NULL || actor->unit != change->unit || actor->life == ACTOR_ENDED) return NULL;
    return actor->pool == POOL_NONE ? NULL : actor;
}

static void finish(struct shard *shard, struct change *change) {
    struct actor *actor = actor_of(shard, change);
    if (change->state == CHANGE_LOADED) free(change->read.state);
    change->state = CHANGE_FREE;
    list_remove(&change->link);
    list_push(&shard->upgrade->free, &change->link);
    if (change->held && actor != NULL) router_changed(shard, actor);
}

static void gone(struct shard *shard, struct change *change) {
    shard->upgrade->report.gone++;
    finish(shard, change);
}

static void note_refusal(struct upgrade *upgrade, const struct actor *actor, const char *text) {
    if (upgrade->report.refusal_count == UPGRADE_REFUSALS_MAX) return;
    char *room = malloc(actor->name_bytes + strlen(text) + 1);
    if (room == NULL) return;
    struct upgrade_refusal *refusal = &upgrade->refusals[upgrade->report.refusal_count++];
    if (actor->name_bytes > 0) memcpy(room, actor_name(actor).data, actor->name_bytes);
    memcpy(room + actor->name_bytes, text, strlen(text));
    *refusal = (struct upgrade_refusal){
        .name = slice_of(room, actor->name_bytes),
        .unit = actor->unit,
        .reason = slice_of(room + actor->name_bytes, strlen(text)),
    };
}

static void note_on_actor(struct actor *actor, const char *text) {
    struct actor_extra *extra = actor_extra(actor);
    if (extra == NULL) return; // it shows in the report and in the log
    free(extra->refused);
    extra->refused = text == NULL ? NULL : strdup(text);
}

static void refuse(struct shard *shard, struct change *change, struct actor *actor,
                   const char *text) {
    struct upgrade *upgrade = shard->upgrade;
    char            name[300], why[2 * REASON_TEXT_MAX];
    upgrade->report.refused++;
    note_refusal(upgrade, actor, text);
    if (!upgrade->dry_run) note_on_actor(actor, text);
    LOG_WARN("upgrade.refused", "name=%s unit=%llu dry_run=%d why=%s",
             log_quote(name, sizeof name, actor_name(actor).data, actor->name_bytes),
             (unsigned long long)actor->unit, upgrade->dry_run,
             log_quote(why, sizeof why, text, (uint32_t)strlen(text)));
    finish(shard, change);
}

// Once more from the beginning, and this time nothing comes in between.
static void again(struct shard *shard, struct change *change, struct actor *actor) {
    change->state = CHANGE_WAITING;
    if (change->held) return;
    change->held = true;
    router_change(shard, actor);
}

// --- moving ---

static bool at_rest(const struct actor *actor) {
    return actor->inflight == 0 && actor->life != ACTOR_STARTING;
}

// It has its place with the new code now. What it waits for it waits for there.
static bool move(struct shard *shard, struct actor *actor) {
    list_remove(&actor->ready);
    feed_drop(actor);
    if (!isolation_move(shard, actor, shard->upgrade->code)) return false;
    if (actor->extra->refused != NULL) note_on_actor(actor, NULL);
    return true;
}

static void move_plain(struct shard *shard, struct change *change, struct actor *actor) {
    if (move(shard, actor)) {
        shard->upgrade->report.moved++;
    } else {
        shard->upgrade->report.left++;
    }
    // One that was not held may have something waiting, too.
    change->held = true;
    finish(shard, change);
}

// --- the way of one ---

static void change_read(struct shard_message *message, struct shard *shard) {
    struct change *change = LIST_ENTRY(message, struct change, message);
    struct actor  *actor = actor_of(shard, change);
    shard->loads--;
    shard->upgrade->loading--;
    change->state = CHANGE_LOADED;
    if (actor == NULL) {
        gone(shard, change);
    } else if (change->read.status == STATUS_NOT_FOUND && change->read.wanted != 0) {
        change->newest = true;
        change->state = CHANGE_WAITING;
    } else if (change->read.status != STATUS_OK) {
        refuse(shard, change, actor, status_text(change->read.status));
    }
    router_feed(shard);
}

// Mirror thread.
static void change_was_read(struct mirror_read *read) {
    struct change *change = LIST_ENTRY(read, struct change, read);
    CHECK(mailbox_push(&change->shard->inbox, &change->message.link) != STATUS_FULL);
}

static void load(struct shard *shard, struct change *change, const struct actor *actor) {
    // The actors' own reads come first.
    if (shard->loads >= SHARD_LOADS_MAX / 2) return;
    change->message.deliver = change_read;
    change->read = (struct mirror_read){
        .slot = change->slot, .unit = change->unit, .on_done = change_was_read};
    if (actor->extra->step_back && !change->newest) change->read.wanted = step_back_version(actor);
    change->version = actor->version;
    change->epoch = actor->epoch;
    if (mirror_read(shard->mirror, &change->read) != STATUS_OK) return;
    change->state = CHANGE_LOADING;
    shard->loads++;
    shard->upgrade->loading++;
}

static void go_on_waiting(struct shard *shard, struct change *change, struct actor *actor) {
    if ((change->held || change->plain) && !at_rest(actor)) return;
    if (actor->life == ACTOR_STARTING) return;
    if (change->plain) {
        move_plain(shard, change, actor);
    } else {
        load(shard, change, actor);
    }
}

// The payload for states of this version; empty if memory ran out.
static struct slice payload_for(struct upgrade *upgrade, const struct behaviour *from) {
    struct peeper_writer *writer = &upgrade->payload;
    if (upgrade->payload_from != from) {
        peeper_writer_reset(writer);
        peeper_write_list(writer);
        peeper_write_string(writer, from->version);
        if (upgrade->extra.bytes == 0) {
            peeper_write_null(writer);
        } else {
            peeper_write_value(writer,
                               (struct peeper_value){upgrade->extra.data, upgrade->extra.bytes});
        }
        peeper_write_end(writer);
        upgrade->payload_from = peeper_writer_done(writer) ? from : NULL;
    }
    struct peeper_value value = peeper_writer_value(writer);
    return upgrade->payload_from == NULL ? (struct slice){0} : slice_of(value.data, value.bytes);
}

static struct worker *open_worker(struct upgrade *upgrade, struct host *host) {
    for (uint32_t i = 0; i < host->worker_count; i++) {
        struct worker *worker = &host->workers[upgrade->worker_next++ % host->worker_count];
        if (!worker_closed(worker)) return worker;
    }
    return NULL;
}

static void send(struct shard *shard, struct change *change, struct actor *actor) {
    struct upgrade *upgrade = shard->upgrade;
    struct host    *host = upgrade->changes->active;
    struct worker  *worker = host == NULL ? NULL : open_worker(upgrade, host);
    if (worker == NULL) return;
    uint16_t index = host->index_of[actor->behaviour];
    if (index == 0) {
        refuse(shard, change, actor, "the new code does not have this behaviour");
        return;
    }
    // Aside: what becomes of it is no turn of the actor, which may go on meanwhile.
    struct turn turn = {
        .kind = TURN_CODE_CHANGE,
        .flags = TURN_HAS_STATE,
        .aside = true,
        .behaviour = (uint16_t)(index - 1),
        .number = shard->turn_next,
        .caller = {.request = (uint64_t)(change - upgrade->room)},
        .begun_ms = shard->now_ms,
        .payload = payload_for(upgrade, shard_behaviour(shard, actor)),
        .state = slice_of(change->read.state, change->read.bytes),
    };
    enum status status =
        turn.payload.bytes == 0 ? STATUS_AGAIN : worker_append(worker, actor, &turn);
    if (status == STATUS_AGAIN) return;
    if (status != STATUS_OK) {
        refuse(shard, change, actor, status_text(status));
        return;
    }
    change->turn = shard->turn_next++;
    change->state = CHANGE_SENT;
    free(change->read.state);
    change->read.state = NULL;
}

static void advance(struct shard *shard, struct change *change) {
    struct actor *actor = actor_of(shard, change);
    if (change->state != CHANGE_WAITING && change->state != CHANGE_LOADED) return;
    if (actor == NULL) {
        gone(shard, change);
    } else if (shard->upgrade->stopped) {
        shard->upgrade->report.left++;
        finish(shard, change);
    } else if (change->state == CHANGE_WAITING) {
        go_on_waiting(shard, change, actor);
    } else {
        send(shard, change, actor);
    }
}

void changes_advance(struct shard *shard) {
    struct list *busy = &shard->upgrade->busy;
    for (struct list *link = busy->next, *next; link != busy; link = next) {
        next = link->next;
        advance(shard, LIST_ENTRY(link, struct change, link));
    }
}

void change_begin(struct shard *shard, struct actor *actor) {
    struct upgrade         *upgrade = shard->upgrade;
    struct change          *change = LIST_ENTRY(list_pop(&upgrade->free), struct change, link);
    const struct behaviour *from = &shard_pool(shard, actor)->code->rows[actor->behaviour];
    // One whose first init was not begun has no state yet, and begins with the new code.
    bool fresh = actor->life == ACTOR_STARTING && actor->inflight == 0;
    *change = (struct change){
        .shard = shard,
        .slot = actor->slot,
        .unit = actor->unit,
        .state = CHANGE_WAITING,
        .plain = fresh || from->file == upgrade->code->rows[actor->behaviour].file,
    };
    list_push(&upgrade->busy, &change->link);
    if (fresh) {
        move_plain(shard, change, actor);
        return;
    }
    bool works = actor->inflight + actor->waiting > 0;
    if (works && !upgrade->dry_run) again(shard, change, actor);
    advance(shard, change);
}

// --- answers ---

static void reason_of(const struct commit *commit, char room[static REASON_TEXT_MAX]) {
    struct peeper_value value = {commit->reason.data, commit->reason.bytes};
    const char         *text;
    size_t              bytes;
    if (!peeper_value_string(value, &text, &bytes)) {
        value_text(room, REASON_TEXT_MAX, value);
        return;
    }
    if (bytes >= REASON_TEXT_MAX) bytes = REASON_TEXT_MAX - 1;
    memcpy(room, text, bytes);
    room[bytes] = '\0';
}

static bool legal(const struct commit *commit) {
    const struct commit_record *record = &commit->record;
    bool                        refused = record->kind == COMMIT_REFUSED;
    if ((record->flags & ~COMMIT_BULK) != 0 || commit->effects > 0) return false;
    if (refused) return record->code == COMMIT_CODE_ERROR && commit->state.data == NULL;
    return record->kind == COMMIT_DONE && commit->state.data != NULL && record->item_count == 1;
}

// Where it is not, the actor goes on with its old code until it is asked again.
static bool still_so(const struct change *change, const struct actor *actor) {
    return at_rest(actor) && actor->version == change->version && actor->epoch == change->epoch;
}

static enum status changed(struct shard *shard, struct change *change, struct actor *actor,
                           const struct commit *commit) {
    struct upgrade *upgrade = shard->upgrade;
    if (upgrade->dry_run) {
        upgrade->report.changed++;
        finish(shard, change);
        return STATUS_OK;
    }
    if (!isolation_movable(shard, actor, upgrade->code)) {
        upgrade->report.left++;
        finish(shard, change);
        return STATUS_OK;
    }
    if (actor->watched && !actor->ends_only) {
        enum status told = streams_tell_next(shard, actor);
        if (told != STATUS_OK) return told;
    }
    struct generation_origin origin = {
        .slot = actor->slot,
        // What is older is of the old code: to step back to it would only be the next crash.
        .kept = actor->extra->step_back ? 1 : actor->extra->generations,
        .unit = actor->unit,
        .version = actor->version + 1,
        .turn = change->turn,
        .at_ms = shard->wall_ms,
    };
    enum status status = mirror_put(shard->mirror, &origin, commit->state);
    if (status != STATUS_OK) return status;
    actor->version++;
    if (actor->extra->step_back) step_back_committed(actor, TURN_CODE_CHANGE, true, true);
    // It must not stay behind with a state that its code does not know.
    CHECK(move(shard, actor));
    upgrade->report.changed++;
    change->held = true;
    finish(shard, change);
    return STATUS_OK;
}

enum status upgrade_answered(struct shard *shard, const struct turn_record *turn,
                             const struct commit *commit) {
    struct upgrade *upgrade = shard->upgrade;
    if (!legal(commit)) return STATUS_PROTOCOL;
    if (upgrade == NULL || turn->note_request >= UPGRADE_CHANGES_MAX) return STATUS_OK;
    struct change *change = &upgrade->room[turn->note_request];
    if (change->state != CHANGE_SENT || change->turn != turn->turn) return STATUS_OK;
    struct actor *actor = actor_of(shard, change);
    if (actor == NULL) {
        gone(shard, change);
    } else if (!upgrade->dry_run && !still_so(change, actor)) {
        again(shard, change, actor);
    } else if (commit->record.kind == COMMIT_DONE) {
        return changed(shard, change, actor, commit);
    } else {
        char text[REASON_TEXT_MAX];
        reason_of(commit, text);
        refuse(shard, change, actor, text);
    }
    return STATUS_OK;
}

// --- a host is lost ---

static const char *const ENDS[] = {
    [HOST_END_EXITED] = "code_change ended its host: it exited",
    [HOST_END_SIGNAL] = "code_change ended its host: a signal",
    [HOST_END_DEADLINE] = "code_change was over its deadline",
    [HOST_END_MEMORY] = "code_change was over the memory of its host",
    [HOST_END_NONSENSE] = "the host was lost under code_change",
    [HOST_END_RETIRED] = "the host was lost under code_change",
};

static void lose(struct shard *shard, const struct turn_record *record, bool running, bool guilty,
                 enum host_end end) {
    struct upgrade *upgrade = shard->upgrade;
    if (record->kind != TURN_CODE_CHANGE || record->note_request >= UPGRADE_CHANGES_MAX) return;
    struct change *change = &upgrade->room[record->note_request];
    if (change->state != CHANGE_SENT || change->turn != record->turn) return;
    struct actor *actor = actor_of(shard, change);
    change->losses = (uint8_t)(change->losses + running);
    if (actor == NULL) {
        gone(shard, change);
    } else if (guilty || change->losses > 1) {
        if (++upgrade->deaths >= UPGRADE_DEATHS_MAX)
            upgrade_stop(upgrade, "code_change has ended too many hosts");
        refuse(shard, change, actor, ENDS[end]);
    } else {
        change->state = CHANGE_WAITING;
    }
}

void changes_lost(struct shard *shard, const struct host *host, enum host_end end,
                  const struct worker *culprit) {
    for (struct host_turn turn = {0}; host_next_turn(host, &turn);) {
        lose(shard, turn.record, turn.running, turn.running && turn.worker == culprit, end);
    }
}
