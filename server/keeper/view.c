#include "keeper/view.h"

#include "base/check.h"
#include "keeper/alarms.h"
#include "keeper/crash_view.h"
#include "keeper/isolation.h"
#include "keeper/requests.h"
#include "keeper/router.h"
#include "keeper/step_back.h"
#include "keeper/supervisor.h"
#include "keeper/table_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIEW_PAGE_BYTES (256u << 10) // a page ends after this much text
#define VIEW_SCAN_MAX 65536u         // slots looked at for one page

static uint64_t turn_ms(const struct shard *shard, const struct actor *actor,
                        const struct worker *worker) {
    if (worker == NULL || worker->inflight == 0 || worker->since_ms == 0) return 0;
    if (worker->watched_tail != worker->tail) return 0; // begun after the last look
    return worker_turn(worker, worker->tail)->slot == actor->slot ? shard->now_ms - worker->since_ms
                                                                  : 0;
}

// Borrows from the actor.
static struct actor_info describe(const struct shard *shard, const struct actor *actor) {
    const struct trouble *trouble = actor->extra->trouble;
    const struct worker  *worker = router_worker(shard, actor);
    const struct actor   *awaits = await_target(shard, actor);
    const char           *behaviour =
        actor->supervisor != NULL ? "supervisor" : shard->behaviours.rows[actor->behaviour].name;
    struct actor_info info = {
        .name = actor_name(actor),
        .behaviour = slice_of(behaviour, strlen(behaviour)),
        .status = unit_status_text(actor),
        .unit = actor->unit,
        .incarnation = actor_id(actor),
        .restarts = unit_restarts(actor),
        .mailbox = actor->waiting + actor->inflight,
        .worker = worker == NULL ? -1 : actor->worker,
        .host_pid = worker == NULL ? 0 : (int32_t)shard->pools[actor->pool].active->pid,
        .turn_ms = turn_ms(shard, actor, worker),
        .awaits = awaits == NULL ? (struct slice){0} : actor_name(awaits),
        .suspended = (actor->held & HELD_SUSPENDED) != 0,
        .hibernating = actor->home == HOME_DORMANT,
        .links = actor->extra->ties == NULL ? 0 : actor->extra->ties->links,
        .monitors = actor->extra->ties == NULL ? 0 : actor->extra->ties->monitors,
        .trap_exit = !actor->no_trap_exit,
        .timers = actor->extra->alarms == NULL ? 0 : actor->extra->alarms->sent,
        .is_supervisor = actor->supervisor != NULL,
        .isolation = isolation_of(shard, actor),
        .quarantined = isolation_quarantined(shard, actor),
        .stepped_back = step_back_info(actor),
        .watchers = actor->supervisor == NULL ? streams_about(shard, actor_name(actor)) : 0,
        .events_dropped = actor->extra->events_dropped,
        .newest_version = actor->version,
    };
    if (actor->supervisor == NULL) {
        const char *version = shard_behaviour(shard, actor)->version;
        info.code_version = slice_of(version, strlen(version));
    }
    if (actor->extra->refused != NULL)
        info.code_refused = slice_of(actor->extra->refused, strlen(actor->extra->refused));
    if (actor->child != NULL) {
        info.supervisor = actor_name(actor->child->parent->actor);
        info.supervisor_id = actor_id(actor->child->parent->actor);
    }
    if (actor->supervisor != NULL) {
        info.strategy = strategy_text((enum strategy)actor->supervisor->spec->strategy);
    }
    if (trouble != NULL) {
        info.last_crash = (struct crash_info){
            .kind = trouble->kind,
            .reason = slice_of(trouble->reason, trouble->reason_bytes),
            .at_ms = trouble->at_ms,
            .id = trouble->crash,
        };
    }
    return info;
}

static bool copy_slice(struct slice *slice) {
    uint8_t *copy = malloc(slice->bytes + 1);
    if (copy == NULL) {
        *slice = (struct slice){0};
        return false;
    }
    if (slice->bytes > 0) memcpy(copy, slice->data, slice->bytes);
    slice->data = copy;
    return true;
}

// Makes the info own what it points to. After a failure it still can be freed.
static bool own(struct actor_info *info) {
    bool copied = copy_slice(&info->name);
    copied &= copy_slice(&info->supervisor);
    copied &= copy_slice(&info->behaviour);
    copied &= copy_slice(&info->awaits);
    copied &= copy_slice(&info->code_version);
    copied &= copy_slice(&info->code_refused);
    copied &= copy_slice(&info->last_crash.reason);
    if (info->last_crash.text.bytes > 0) copied &= copy_slice(&info->last_crash.text);
    if (info->last_crash.trace.bytes > 0) copied &= copy_slice(&info->last_crash.trace);
    return copied;
}

static void free_info(struct actor_info *info) {
    free((void *)(uintptr_t)info->name.data);
    free((void *)(uintptr_t)info->supervisor.data);
    free((void *)(uintptr_t)info->behaviour.data);
    free((void *)(uintptr_t)info->awaits.data);
    free((void *)(uintptr_t)info->code_version.data);
    free((void *)(uintptr_t)info->code_refused.data);
    free((void *)(uintptr_t)info->last_crash.reason.data);
    free((void *)(uintptr_t)info->last_crash.text.data);
    free((void *)(uintptr_t)info->last_crash.trace.data);
    free((void *)(uintptr_t)info->state.data);
}

static void finish(struct view *view, enum status status) {
    view->status = status;
    view->on_done(view);
}

// --- one actor ---

static struct actor *target_of(const struct shard *shard, const struct view *view) {
    if (view->target != 0) return actor_by_id(&shard->actors, view->target);
    return actor_by_name(&shard->actors, slice_of(view->name, view->name_bytes));
}

static void actor_deliver(struct shard_message *message, struct shard *shard) {
    struct view  *view = LIST_ENTRY(message, struct view, message);
    struct actor *actor = actor_at(&shard->actors, view->read.slot);
    shard->loads--;
    router_feed(shard);

    enum status status = STATUS_NOPROC;
    if (actor != NULL && actor->unit == view->unit) {
        status = STATUS_NO_MEMORY;
        view->infos = calloc(1, sizeof *view->infos);
    }
    if (view->infos != NULL) {
        view->infos[0] = describe(shard, actor);
        crash_view_lend(shard, &view->infos[0].last_crash);
        view->count = 1;
        status = own(&view->infos[0]) ? STATUS_OK : STATUS_NO_MEMORY;
        view->infos[0].has_state = view->read.status == STATUS_OK;
        view->infos[0].state = slice_of(view->read.state, view->read.bytes);
        view->infos[0].version = view->read.version;
        view->infos[0].state_at_ms = view->read.at_ms;
        view->infos[0].state_turn = view->read.turn;
        view->infos[0].tables = view->read.tables;
        view->infos[0].table_bytes = view->read.table_bytes;
        view->read.state = NULL;
        view->generation_count = view->read.note_count;
        view->generations_kept = actor->extra->generations != 0 ? actor->extra->generations
                                                                : shard->options->generations;
    }
    if (status == STATUS_OK && view->version != 0 && view->read.status == STATUS_NOT_FOUND) {
        status = STATUS_NOT_FOUND;
        const char *text =
            restore_versions_text(view->detail, view->generations, view->generation_count);
        if (text != view->detail) snprintf(view->detail, sizeof view->detail, "%s", text);
    }
    finish(view, status);
}

// Mirror thread.
static void actor_read(struct mirror_read *read) {
    struct view *view = LIST_ENTRY(read, struct view, read);
    view->message.deliver = actor_deliver;
    CHECK(mailbox_push(&view->shard->inbox, &view->message.link) != STATUS_FULL);
}

static void run_actor(struct shard *shard, struct view *view) {
    struct actor *actor = target_of(shard, view);
    if (actor == NULL) {
        finish(view, STATUS_NOPROC);
        return;
    }
    view->unit = actor->unit;
    view->read = (struct mirror_read){
        .slot = actor->slot,
        .unit = actor->unit,
        .wanted = view->version != 0 ? view->version : step_back_version(actor),
        .notes = view->generations,
        .on_done = actor_read,
    };
    if (shard->loads >= SHARD_LOADS_MAX || mirror_read(shard->mirror, &view->read) != STATUS_OK) {
        finish(view, STATUS_OVERLOADED);
        return;
    }
    shard->loads++;
}

static void run_tables(struct shard *shard, struct view *view) {
    const struct actor *actor = target_of(shard, view);
    if (actor == NULL) {
        finish(view, STATUS_NOPROC);
    } else {
        table_view_run(shard, actor, view);
    }
}

// --- a page of actors ---

static bool listed(const struct actor *actor, const struct view *view) {
    if (actor == NULL || actor->name_bytes < view->name_bytes) return false;
    return memcmp(actor_name(actor).data, view->name, view->name_bytes) == 0;
}

static void run_list(struct shard *shard, struct view *view) {
    uint32_t limit = view->limit == 0 ? VIEW_LIST_DEFAULT : view->limit;
    if (limit > VIEW_LIST_MAX) limit = VIEW_LIST_MAX;
    view->infos = calloc(limit, sizeof *view->infos);
    if (view->infos == NULL) {
        finish(view, STATUS_NO_MEMORY);
        return;
    }
    enum status status = STATUS_OK;
    uint64_t    slot = view->cursor;
    uint64_t    end = shard->actors.used;
    // A look must not hold up the turns; a page may come out short, even empty, with a cursor to go
    // on from.
    if (slot < end && end - slot > VIEW_SCAN_MAX) end = slot + VIEW_SCAN_MAX;
    size_t bytes = 0;
    for (; slot < end && view->count < limit && bytes < VIEW_PAGE_BYTES; slot++) {
        const struct actor *actor = actor_at(&shard->actors, (uint32_t)slot);
        if (view->name_bytes > 0 ? !listed(actor, view) : actor == NULL) continue;
        view->infos[view->count] = describe(shard, actor);
        bytes += actor->name_bytes + view->infos[view->count].last_crash.reason.bytes;
        if (!own(&view->infos[view->count++])) status = STATUS_NO_MEMORY;
    }
    view->next = slot < shard->actors.used ? slot : 0;
    finish(view, status);
}

// --- the shard ---

static uint64_t ring_bytes(const struct pool *pool) {
    const struct host *host = pool->active;
    uint64_t           bytes = 0;
    for (uint32_t i = 0; host != NULL && i < host->worker_count; i++) {
        bytes += host->workers[i].head - host->workers[i].tail;
    }
    return bytes;
}

static void run_shard(struct shard *shard, struct view *view) {
    view->metrics = shard->metrics;
    view->gauges = (struct gauges){
        .actors = shard->actors.live,
        .inflight = shard_inflight(shard),
        .waiting_bytes = shard->waiting_bytes,
        .pending = shard->pending.count,
        .keys = shard->keys.count,
        .key_bytes = shard->keys.bytes,
        .ties = shard->ties.count,
        .timers = shard->send_timers.count,
        .watches = shard->streams.name_count + shard->streams.prefix_count,
        .crashes = shard->crashes.count,
        .crash_bytes = shard->crashes.bytes,
        .connections = shard->connections,
        .ready = shard->pools[shard->general].active != NULL,
        .standby = true,
    };
    uint32_t count = 0;
    for (struct list *link = shard->hosts.next; link != &shard->hosts && count < VIEW_HOSTS_MAX;
         link = link->next) {
        view->gauges.host_pids[count++] = (int32_t)LIST_ENTRY(link, struct host, link)->pid;
    }
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        view->gauges.ring_bytes += ring_bytes(&shard->pools[i]);
        enum pool_kind kind = shard->pools[i].kind;
        if (kind == POOL_OF_QUARANTINE) view->gauges.quarantined += shard->pools[i].actors;
        if (kind == POOL_OF_ONE) view->gauges.own += shard->pools[i].actors;
        bool waits = kind != POOL_OF_LISTENERS && pool_unsettled(&shard->pools[i]);
        if (waits) view->gauges.standby = false;
    }
    finish(view, STATUS_OK);
}

static void first_deliver(struct shard_message *message, struct shard *shard) {
    view_run(shard, LIST_ENTRY(message, struct view, message));
}

void view_init(struct view *view, enum view_kind kind, void (*on_done)(struct view *view)) {
    *view = (struct view){.kind = kind, .on_done = on_done, .message = {.deliver = first_deliver}};
}

void view_run(struct shard *shard, struct view *view) {
    view->shard = shard;
    switch (view->kind) {
        case VIEW_GENERATIONS:
        case VIEW_ACTOR: run_actor(shard, view); break;
        case VIEW_LIST: run_list(shard, view); break;
        case VIEW_SHARD: run_shard(shard, view); break;
        case VIEW_HOSTS: finish(view, host_view_run(shard, view)); break;
        case VIEW_CRASHES: finish(view, crash_view_list(shard, view)); break;
        case VIEW_CRASH: finish(view, crash_view_one(shard, view)); break;
        case VIEW_TABLES:
        case VIEW_ROWS: run_tables(shard, view); break;
    }
}

void view_fini(struct view *view) {
    crash_view_fini(view);
    table_view_fini(view);
    for (uint32_t i = 0; view->infos != NULL && i < view->count; i++) free_info(&view->infos[i]);
    free(view->infos);
    free(view->hosts);
    free(view->workers);
    free(view->read.state);
    view->hosts = NULL;
    view->workers = NULL;
    view->infos = NULL;
    view->read.state = NULL;
    view->count = 0;
}
