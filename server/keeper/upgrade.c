#include "keeper/upgrade_parts.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/host.h"
#include "keeper/hosts.h"
#include "keeper/isolation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_PER_STEP 4096u // a look at all must not hold up the turns
#define ALL_BEHAVIOURS UINT16_MAX

// --- its end ---

static void release(struct shard *shard, struct upgrade *upgrade) {
    if (upgrade->changes != NULL) isolation_close(shard, upgrade->changes);
    if (upgrade->general != NULL) isolation_close(shard, upgrade->general);
    for (size_t i = 0; i < upgrade->report.refusal_count; i++) {
        free((void *)(uintptr_t)upgrade->refusals[i].name.data);
    }
    free(upgrade->refusals);
    peeper_writer_fini(&upgrade->payload);
    buf_fini(&upgrade->extra);
    code_file_release(upgrade->file);
    code_set_release(upgrade->before);
    code_set_release(upgrade->code);
    free(upgrade);
}

void upgrade_fail(struct shard *shard, enum status status, const char *message) {
    struct upgrade *upgrade = shard->upgrade;
    struct failure  failure = {.status = status, .message = message};
    CHECK(upgrade->phase != UPGRADE_MOVING);
    LOG_WARN("upgrade.failed", "status=%s why=\"%s\"", status_name(status),
             message == NULL ? status_text(status) : message);
    shard_answer_error(shard, upgrade->caller, &failure);
    shard->upgrade = NULL;
    release(shard, upgrade);
}

void upgrade_stop(struct upgrade *upgrade, const char *why) {
    if (upgrade->stopped) return;
    upgrade->stopped = true;
    upgrade->why = why;
}

void upgrade_fini(struct shard *shard) {
    struct upgrade *upgrade = shard->upgrade;
    if (upgrade == NULL) return;
    for (size_t i = 0; i < UPGRADE_CHANGES_MAX; i++) {
        if (upgrade->room[i].state == CHANGE_LOADED) free(upgrade->room[i].read.state);
    }
    // The pools go with the shard.
    upgrade->changes = upgrade->general = NULL;
    shard->upgrade = NULL;
    release(shard, upgrade);
}

static void finish(struct shard *shard) {
    struct upgrade        *upgrade = shard->upgrade;
    struct upgrade_report *report = &upgrade->report;
    struct answer          answer = {.kind = ANSWER_UPGRADED, .report = report};
    // Who was not even looked at is left, too.
    uint64_t asked = report->changed + report->refused + report->gone;
    if (upgrade->stopped && upgrade->total > asked) report->left = upgrade->total - asked;
    report->took_ms = shard->now_ms - upgrade->begun_ms;
    report->stopped = upgrade->why;
    LOG_INFO("upgrade.done",
             "behaviour=%.*s from=\"%.*s\" to=\"%.*s\" dry_run=%d changed=%llu moved=%llu "
             "refused=%llu gone=%llu left=%llu took_ms=%llu",
             (int)report->behaviour.bytes, (const char *)report->behaviour.data,
             (int)report->from.bytes, (const char *)report->from.data, (int)report->to.bytes,
             (const char *)report->to.data, report->dry_run, (unsigned long long)report->changed,
             (unsigned long long)report->moved, (unsigned long long)report->refused,
             (unsigned long long)report->gone, (unsigned long long)report->left,
             (unsigned long long)report->took_ms);
    shard_answer(shard, upgrade->caller, &answer);
    shard->upgrade = NULL;
    release(shard, upgrade);
}

// --- its beginning ---

static uint32_t sets_alive(const struct shard *shard) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        const struct pool *pool = &shard->pools[i];
        bool               first = pool->open;
        for (uint32_t k = 0; k < i && first; k++) {
            first = !shard->pools[k].open || shard->pools[k].code != pool->code;
        }
        count += first;
    }
    return count;
}

// NULL if nothing is wrong.
static const char *fault_of(struct shard *shard, const struct request *request,
                            enum status *ret_status) {
    struct peeper_value extra = {request->extra.data, request->extra.bytes};
    bool                deploys = request->verb == VERB_DEPLOY;
    uint16_t            behaviour;
    *ret_status = STATUS_INVALID;
    if (request->extra.bytes > 0 && !peeper_value_check(extra))
        return "extra: not a well-formed Value";
    if (deploys && request->file.bytes == 0) return "file: empty";
    if (request->file.bytes > 0 && !code_name_valid(request->file)) return "file: no name of code";
    if (request->file.bytes > 0 && request->payload.bytes == 0) return "content: empty";
    if (!deploys && behaviour_find(&shard->behaviours, request->name, &behaviour) != STATUS_OK) {
        *ret_status = STATUS_UNKNOWN_BEHAVIOUR;
        return "no behaviour of this name is loaded";
    }
    *ret_status = STATUS_FORBIDDEN;
    if (request->file.bytes > 0 && code_name_native(request->file) &&
        !shard->options->allow_native_deploy) {
        return "native code is not taken from clients (--allow-native-deploy)";
    }
    *ret_status = STATUS_OVERLOADED;
    if (shard->upgrade != NULL) return "another upgrade is under way";
    if (sets_alive(shard) >= CODE_SETS_MAX)
        return "too many versions are alive: some actors have refused to be upgraded";
    return NULL;
}

static struct upgrade *create(struct shard *shard, struct caller caller,
                              const struct request *request) {
    struct upgrade *upgrade = calloc(1, sizeof *upgrade);
    if (upgrade == NULL) return NULL;
    upgrade->refusals = calloc(UPGRADE_REFUSALS_MAX, sizeof *upgrade->refusals);
    upgrade->caller = caller;
    upgrade->deploys = request->verb == VERB_DEPLOY;
    upgrade->behaviour = ALL_BEHAVIOURS;
    upgrade->dry_run = upgrade->report.dry_run = request->dry_run;
    upgrade->report.refusals = upgrade->refusals;
    upgrade->before = code_set_hold(shard->code);
    upgrade->begun_ms = shard->now_ms;
    list_init(&upgrade->busy);
    list_init(&upgrade->free);
    for (size_t i = 0; i < UPGRADE_CHANGES_MAX; i++) {
        list_push(&upgrade->free, &upgrade->room[i].link);
    }
    if (!upgrade->deploys)
        (void)!behaviour_find(&shard->behaviours, request->name, &upgrade->behaviour);
    struct slice extra = request->extra;
    bool         kept = buf_append(&upgrade->extra, extra.data, extra.bytes) == STATUS_OK;
    if (kept && upgrade->refusals != NULL) return upgrade;
    release(shard, upgrade);
    return NULL;
}

// The name of the file that the new one takes the place of.
static struct slice replaced_name(const struct upgrade *upgrade, struct slice own) {
    if (upgrade->deploys) return own;
    const struct code_file *file = upgrade->before->rows[upgrade->behaviour].file;
    return file == NULL ? own : slice_of(file->name, strlen(file->name));
}

// The new file is known: makes the set and opens the pool of changes.
static enum status try_file(struct shard *shard, struct code_file *file) {
    struct upgrade   *upgrade = shard->upgrade;
    struct slice      name = slice_of(file->name, strlen(file->name));
    struct code_file *present = code_set_find(upgrade->before, name);
    uint32_t          index;
    if (present != NULL && code_file_same(present, file)) {
        // Nothing new; but who has refused is asked once more.
        code_file_release(file);
        upgrade->file = code_file_hold(present);
        upgrade->code = code_set_hold(upgrade->before);
    } else {
        upgrade->file = file;
        enum status status = code_set_with(upgrade->before, name, file, &upgrade->code);
        if (status != STATUS_OK) return status == STATUS_FULL ? STATUS_OVERLOADED : status;
    }
    if (!isolation_open(shard, POOL_OF_CHANGES, upgrade->code, &index)) return STATUS_OVERLOADED;
    upgrade->changes = &shard->pools[index];
    upgrade->changes->always = true;
    upgrade->phase = UPGRADE_TRIAL;
    hosts_refill(shard);
    return STATUS_OK;
}

static enum status begin(struct shard *shard, const struct request *request) {
    struct upgrade   *upgrade = shard->upgrade;
    struct code_file *file;
    if (request->file.bytes == 0) {
        upgrade->phase = UPGRADE_READING;
        shard->port.read_code(shard->port.context);
        return STATUS_OK;
    }
    enum status status =
        code_file_create(replaced_name(upgrade, request->file), request->payload, &file);
    return status == STATUS_OK ? try_file(shard, file) : status;
}

enum status upgrade_run(struct shard *shard, struct caller caller, const struct request *request) {
    enum status status;
    const char *fault = fault_of(shard, request, &status);
    if (fault != NULL) {
        struct failure failure = {.status = status, .message = fault};
        shard_answer_error(shard, caller, &failure);
        return STATUS_OK;
    }
    shard->upgrade = create(shard, caller, request);
    if (shard->upgrade == NULL) {
        shard_answer_status(shard, caller, STATUS_NO_MEMORY);
        return STATUS_OK;
    }
    status = begin(shard, request);
    if (status != STATUS_OK) upgrade_fail(shard, status, NULL);
    return STATUS_OK;
}

void upgrade_code_read(struct shard *shard, struct code_set *code) {
    struct upgrade *upgrade = shard->upgrade;
    if (upgrade == NULL || upgrade->phase != UPGRADE_READING) {
        code_set_release(code);
        return;
    }
    struct code_file *file =
        code == NULL ? NULL : code_set_find(code, replaced_name(upgrade, (struct slice){0}));
    enum status status = STATUS_NOT_FOUND;
    if (file != NULL) status = try_file(shard, code_file_hold(file));
    if (status != STATUS_OK) {
        upgrade_fail(shard, status,
                     file == NULL ? "the behaviour's file is not in the directory any more" : NULL);
    }
    code_set_release(code);
}

// --- the trial ---

static bool tries(const struct shard *shard, const struct pool *pool) {
    const struct upgrade *upgrade = shard->upgrade;
    return upgrade != NULL && upgrade->changes == pool && upgrade->phase == UPGRADE_TRIAL;
}

void upgrade_load_failed(struct shard *shard, const struct host *host, const struct code_file *file,
                         struct slice why) {
    struct upgrade *upgrade = shard->upgrade;
    if (!tries(shard, host->pool) || file != upgrade->file) return;
    snprintf(upgrade->fault, sizeof upgrade->fault, "%.*s", (int)why.bytes, (const char *)why.data);
}

// What is wrong with what the new host has told; NULL if nothing is.
static const char *trial_fault(struct shard *shard) {
    struct upgrade         *upgrade = shard->upgrade;
    const struct behaviour *rows = upgrade->code->rows;
    bool                    found = false;
    if (upgrade->fault[0] != '\0') return upgrade->fault;
    for (uint32_t i = 0; i < shard->behaviours.count; i++) {
        bool own = rows[i].file == upgrade->file;
        found |= own && (upgrade->deploys || upgrade->behaviour == i);
        if (rows[i].file != NULL || upgrade->before->rows[i].file == NULL) continue;
        snprintf(upgrade->fault, sizeof upgrade->fault, "the behaviour %s would be gone",
                 shard->behaviours.rows[i].name);
        return upgrade->fault;
    }
    return found ? NULL : "the file holds another behaviour";
}

static void describe(struct shard *shard) {
    struct upgrade *upgrade = shard->upgrade;
    for (uint16_t i = 0; i < shard->behaviours.count && upgrade->deploys; i++) {
        if (upgrade->code->rows[i].file == upgrade->file) upgrade->behaviour = i;
    }
    const struct behaviour *before = &upgrade->before->rows[upgrade->behaviour];
    const struct behaviour *after = &upgrade->code->rows[upgrade->behaviour];
    upgrade->report.behaviour = slice_of(after->name, strlen(after->name));
    upgrade->report.from = slice_of(before->version, strlen(before->version));
    upgrade->report.to = slice_of(after->version, strlen(after->version));
}

// Whose code is to be changed by this upgrade; others who are on an older version stay there.
static bool concerns(const struct upgrade *upgrade, uint16_t behaviour) {
    return behaviour == upgrade->behaviour;
}

static void begin_moving(struct shard *shard) {
    struct upgrade *upgrade = shard->upgrade;
    upgrade->phase = UPGRADE_MOVING;
    upgrade->phase_ms = upgrade->told_ms = shard->now_ms;
    upgrade->slot_end = shard->actors.used;
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        const struct pool *pool = &shard->pools[i];
        bool               first = pool->open && pool->code != upgrade->code;
        for (uint32_t k = 0; k < i && first; k++) {
            first = !shard->pools[k].open || shard->pools[k].code != pool->code;
        }
        if (first) upgrade->total += pool->code->rows[upgrade->behaviour].actors;
    }
}

void upgrade_host_ready(struct shard *shard, const struct host *host) {
    struct upgrade *upgrade = shard->upgrade;
    uint32_t        index;
    if (!tries(shard, host->pool)) return;
    const char *fault = trial_fault(shard);
    if (fault != NULL) {
        upgrade_fail(shard, STATUS_REFUSED, fault);
        return;
    }
    describe(shard);
    if (upgrade->dry_run || upgrade->code == shard->code) {
        begin_moving(shard);
        return;
    }
    if (!isolation_open(shard, POOL_OF_ALL, upgrade->code, &index)) {
        upgrade_fail(shard, STATUS_OVERLOADED, "too many pools of hosts");
        return;
    }
    upgrade->general = &shard->pools[index];
    upgrade->general->always = true;
    upgrade->phase = UPGRADE_OPENING;
    upgrade->phase_ms = shard->now_ms;
}

void upgrade_spawn_failed(struct shard *shard, const struct pool *pool) {
    if (tries(shard, pool))
        upgrade_fail(shard, STATUS_REFUSED, "no host could be started for the new code");
}

void upgrade_host_lost(struct shard *shard, const struct host *host, enum host_end end,
                       const struct worker *culprit) {
    static const char *const WHYS[] = {
        [HOST_END_EXITED] = "the host with the new code has exited while it was loaded",
        [HOST_END_SIGNAL] = "the host with the new code has crashed while it was loaded",
        [HOST_END_DEADLINE] = "the host with the new code did not come up in time",
        [HOST_END_MEMORY] = "the host with the new code was over its memory",
        [HOST_END_NONSENSE] = "the host with the new code talked nonsense",
        [HOST_END_RETIRED] = "the server is going down",
    };
    struct upgrade *upgrade = shard->upgrade;
    if (upgrade == NULL || host->pool != upgrade->changes) return;
    if (upgrade->phase == UPGRADE_TRIAL) {
        upgrade_fail(shard, STATUS_REFUSED, WHYS[end]);
    } else if (upgrade->phase == UPGRADE_MOVING) {
        changes_lost(shard, host, end, culprit);
    }
}

// --- moving ---

// From here on new actors begin with the new code.
static void switch_over(struct shard *shard) {
    struct upgrade *upgrade = shard->upgrade;
    struct pool    *old = &shard->pools[shard->general];
    shard->general = (uint32_t)(upgrade->general - shard->pools);
    upgrade->general = NULL;
    code_set_release(shard->code);
    shard->code = code_set_hold(upgrade->code);
    for (uint32_t i = 0; i < shard->behaviours.count; i++) {
        if (shard->code->rows[i].file != NULL) shard->behaviours.rows[i] = shard->code->rows[i];
    }
    isolation_close(shard, old);
    begin_moving(shard);
}

static bool to_be_moved(const struct upgrade *upgrade, const struct actor *actor,
                        const struct pool *pool) {
    if (actor->supervisor != NULL || actor->life == ACTOR_ENDED) return false;
    if (pool->code == NULL || pool->code == upgrade->code) return false;
    bool same =
        pool->code->rows[actor->behaviour].file == upgrade->code->rows[actor->behaviour].file;
    return same ? !upgrade->dry_run : concerns(upgrade, actor->behaviour);
}

static void walk(struct shard *shard) {
    struct upgrade *upgrade = shard->upgrade;
    for (uint32_t i = 0; i < SLOTS_PER_STEP && upgrade->slot_next < upgrade->slot_end; i++) {
        if (upgrade->stopped || list_empty(&upgrade->free)) return;
        struct actor *actor = actor_at(&shard->actors, (uint32_t)upgrade->slot_next++);
        if (actor != NULL && to_be_moved(upgrade, actor, shard_pool(shard, actor))) {
            change_begin(shard, actor);
        }
    }
}

static void tell(struct shard *shard) {
    struct upgrade *upgrade = shard->upgrade;
    if (shard->now_ms - upgrade->told_ms < UPGRADE_PROGRESS_MS) return;
    upgrade->told_ms = shard->now_ms;
    struct push push = {
        .kind = PUSH_UPGRADE,
        .name = upgrade->report.behaviour,
        .done = upgrade->report.changed + upgrade->report.refused + upgrade->report.gone,
        .total = upgrade->total,
        .refused = upgrade->report.refused,
    };
    if (upgrade->caller.conn < CALLER_SERVER)
        shard->port.push(shard->port.context, upgrade->caller, &push);
}

// Without a host those who are held would wait for nothing.
static void mind_host(struct shard *shard) {
    struct upgrade *upgrade = shard->upgrade;
    if (upgrade->changes->active != NULL) {
        upgrade->hostless_ms = 0;
    } else if (upgrade->hostless_ms == 0) {
        upgrade->hostless_ms = shard->now_ms;
    } else if (shard->now_ms - upgrade->hostless_ms > UPGRADE_OPEN_MS) {
        upgrade_stop(upgrade, "no host with the new code comes up any more");
    }
}

static void step_moving(struct shard *shard) {
    struct upgrade *upgrade = shard->upgrade;
    if (shard->stopping) upgrade_stop(upgrade, "the server is going down");
    mind_host(shard);
    changes_advance(shard);
    walk(shard);
    bool over = upgrade->stopped || upgrade->slot_next >= upgrade->slot_end;
    if (over && list_empty(&upgrade->busy)) {
        finish(shard);
    } else {
        tell(shard);
    }
}

void upgrade_step(struct shard *shard) {
    struct upgrade *upgrade = shard->upgrade;
    if (upgrade == NULL) return;
    if (upgrade->phase == UPGRADE_MOVING) {
        step_moving(shard);
    } else if (shard->stopping) {
        upgrade_fail(shard, STATUS_SHUTTING_DOWN, NULL);
    } else if (upgrade->phase == UPGRADE_OPENING) {
        if (upgrade->general->active != NULL) {
            switch_over(shard);
        } else if (shard->now_ms - upgrade->phase_ms > UPGRADE_OPEN_MS) {
            upgrade_fail(shard, STATUS_REFUSED, "the hosts with the new code did not come up");
        }
    }
}

bool upgrade_hurries(const struct shard *shard) {
    const struct upgrade *upgrade = shard->upgrade;
    if (upgrade == NULL || upgrade->phase != UPGRADE_MOVING) return false;
    if (upgrade->stopped) return list_empty(&upgrade->busy);
    return upgrade->slot_next >= upgrade->slot_end ? list_empty(&upgrade->busy)
                                                   : !list_empty(&upgrade->free);
}
