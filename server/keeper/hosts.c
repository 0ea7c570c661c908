#define _GNU_SOURCE
#include "keeper/hosts.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "keeper/crash_note.h"
#include "keeper/host_process.h"
#include "keeper/life.h"
#include "keeper/reason.h"
#include "keeper/recall.h"
#include "keeper/router.h"
#include "keeper/upgrade.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

// A message that was running when two hosts were lost for no known reason is taken to be the
// reason.
#define ATTEMPTS_MAX 2

static const char *const END_TEXTS[] = {
    [HOST_END_EXITED] = "exited",     [HOST_END_SIGNAL] = "signal",
    [HOST_END_DEADLINE] = "deadline", [HOST_END_MEMORY] = "memory",
    [HOST_END_NONSENSE] = "nonsense", [HOST_END_RETIRED] = "retired",
};

static const enum crash_kind END_KINDS[] = {
    [HOST_END_EXITED] = CRASH_EXIT,        [HOST_END_SIGNAL] = CRASH_SIGNAL,
    [HOST_END_DEADLINE] = CRASH_DEADLINE,  [HOST_END_MEMORY] = CRASH_MEMORY,
    [HOST_END_NONSENSE] = CRASH_HOST_LOST, [HOST_END_RETIRED] = CRASH_HOST_LOST,
};

// --- pools ---

// Who a start that nobody asked for would be for: a host is never turned away.
static struct pool *spawned_for(struct shard *shard) {
    struct pool *pool = shard->spawning;
    shard->spawning = NULL;
    return pool == NULL ? &shard->pools[shard->general] : pool;
}

void hosts_add(struct shard *shard, struct host *host) {
    host->pool = spawned_for(shard);
    host->serial = ++shard->host_serial_next;
    host->state = HOST_STARTING;
    list_push(&shard->hosts, &host->link);
    shard->metrics.host_starts++;
    host->pool->standby = host;
}

static void activate(struct shard *shard, struct pool *pool) {
    struct host *host = pool->standby;
    if (pool->active != NULL || host == NULL || host->state != HOST_READY) return;
    host->state = HOST_ACTIVE;
    pool->active = host;
    pool->standby = NULL;
    shard->ready = true;
    LOG_INFO("host.active", "pid=%d serial=%u", (int)host->pid, host->serial);
}

// The general pool first while it has none; else whoever comes next in turn, so that one whose
// hosts die all the time does not keep the others from theirs.
static struct pool *next_in_need(struct shard *shard) {
    struct pool *general = &shard->pools[shard->general];
    if (general->active == NULL && pool_wants_host(general, shard->now_ms)) return general;
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        struct pool *pool = &shard->pools[shard->spawn_next++ % shard->pool_count];
        if (pool_wants_host(pool, shard->now_ms)) return pool;
    }
    return NULL;
}

void hosts_refill(struct shard *shard) {
    if (shard->spawning != NULL || shard->stopping) return;
    struct pool *pool = next_in_need(shard);
    if (pool == NULL) return;
    shard->spawning = pool;
    shard->port.spawn(shard->port.context, pool->workers, pool->code);
}

bool hosts_unsettled(const struct shard *shard) {
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        if (pool_unsettled(&shard->pools[i])) return true;
    }
    return false;
}

void hosts_spawn_failed(struct shard *shard) {
    struct pool *pool = spawned_for(shard);
    pool_spawn_later(pool, shard->now_ms);
    upgrade_spawn_failed(shard, pool);
    LOG_ERROR("host.spawn_failed", "program=\"%s\" retry_ms=%llu", shard->options->host_program,
              (unsigned long long)(pool->spawn_after_ms - shard->now_ms));
}

// --- announcements ---

// The file that the next announcement is about: each is told of once, in order.
static const struct code_file *told_file(struct host *host) {
    const struct code_set *code = host->pool->code;
    return host->files_told < code->count ? code->files[host->files_told] : NULL;
}

static enum status announced_behaviour(struct shard *shard, struct host *host) {
    const struct commit *commit = &shard->commit;
    struct code_set     *code = host->pool->code;
    uint16_t             index;
    if (host->behaviour_count == HOST_BEHAVIOURS_MAX) return STATUS_PROTOCOL;
    if (commit->record.behaviour_kind > BEHAVIOUR_LUA) return STATUS_PROTOCOL;
    if (behaviour_enter(&shard->behaviours, commit->text, &index) != STATUS_OK)
        return STATUS_PROTOCOL;
    struct behaviour told = {.hibernate_after_ms = commit->record.hibernate_after_ms,
                             .kind = (enum behaviour_kind)commit->record.behaviour_kind,
                             .callbacks = commit->record.callbacks,
                             .file = told_file(host)};
    behaviour_describe(&told, commit->text, commit->reason, commit->record.turn_deadline_ms);
    told.actors = code->rows[index].actors;
    code->rows[index] = told;
    // What is known of a behaviour as such is what the present code says.
    bool first = shard->behaviours.rows[index].turn_deadline_ms == 0;
    if (code == shard->code || first) shard->behaviours.rows[index] = told;
    host->files_told++;
    host->behaviours[host->behaviour_count] = index;
    host->index_of[index] = ++host->behaviour_count;
    return STATUS_OK;
}

static enum status announcement(struct shard *shard, struct host *host) {
    const struct commit *commit = &shard->commit;
    char                 path[600], why[600];
    if (commit->record.turn != 0) return STATUS_PROTOCOL;
    switch (commit->record.kind) {
        case COMMIT_BEHAVIOUR: return announced_behaviour(shard, host);
        case COMMIT_LOAD_FAILED:
            upgrade_load_failed(shard, host, told_file(host), commit->reason);
            host->files_told++;
            // Every host meets the same files; once is enough to tell.
            if (host->serial == 1) {
                LOG_ERROR(
                    "behaviour.load_failed", "file=%s reason=%s",
                    log_quote(path, sizeof path, commit->text.data, (uint32_t)commit->text.bytes),
                    log_quote(why, sizeof why, commit->reason.data,
                              (uint32_t)commit->reason.bytes));
            }
            return STATUS_OK;
        case COMMIT_READY:
            host->state = HOST_READY;
            host->pool->failures = 0;
            LOG_INFO("host.ready", "pid=%d serial=%u behaviours=%u start_ms=%llu", (int)host->pid,
                     host->serial, host->behaviour_count,
                     (unsigned long long)(clock_mono_ms() - host->spawned_ms));
            upgrade_host_ready(shard, host);
            return STATUS_OK;
        default: return STATUS_PROTOCOL;
    }
}

enum status hosts_announced(struct shard *shard, struct host *host) {
    struct worker *worker = &host->workers[0];
    while (host->state == HOST_STARTING) {
        enum status status = commit_read(&shard->commit, &worker->commits, worker->commits_tail,
                                         worker_commits_head(worker));
        if (status == STATUS_AGAIN) return STATUS_OK;
        if (status != STATUS_OK) return STATUS_PROTOCOL;
        status = announcement(shard, host);
        if (status != STATUS_OK) return status;
        worker_consumed(worker, worker->commits_tail + shard->commit.record.record_bytes, false);
    }
    if (host->pool->active == NULL && host->state == HOST_READY) {
        activate(shard, host->pool);
        router_pump_list(shard, &host->pool->homeless);
        hosts_refill(shard);
    }
    return STATUS_OK;
}

// --- the end of a host ---

static const char *signal_text(uint32_t number) {
    return number > 0 && number < 65 ? sigabbrev_np((int)number) : NULL;
}

static void describe_signal(uint32_t number, uint64_t address, uint32_t death, char *text,
                            size_t bytes) {
    const char *name = signal_text(number);
    char        where[32] = "";
    // Only a fault has an address; for abort() and the like it is 0 and would mean nothing.
    if (address != 0 || number == SIGSEGV) {
        snprintf(where, sizeof where, " at 0x%llx", (unsigned long long)address);
    }
    snprintf(text, bytes, "SIG%s%s%s", name == NULL ? "?" : name, where,
             death == DEATH_OVERFLOW ? ", stack overflow" : "");
}

// Says what happened, for the caller's error and the crash log.
static void describe(const struct worker *culprit, enum host_end end, char *text, size_t bytes) {
    const struct commits_control *control = culprit->commits_control;
    uint32_t number = atomic_load_explicit(&control->death_signal, memory_order_relaxed);
    uint64_t address = atomic_load_explicit(&control->death_address, memory_order_relaxed);
    uint32_t death = atomic_load_explicit(&control->death, memory_order_relaxed);

    switch (end) {
        case HOST_END_SIGNAL: describe_signal(number, address, death, text, bytes); break;
        case HOST_END_EXITED: snprintf(text, bytes, "exit(%u) was called", number); break;
        case HOST_END_DEADLINE: snprintf(text, bytes, "the turn was over its deadline"); break;
        case HOST_END_MEMORY: snprintf(text, bytes, "the host was over its memory"); break;
        default: snprintf(text, bytes, "the host was lost, and this turn was running"); break;
    }
}

// What became of one worker's running turn.
struct verdict {
    struct actor *actor; // to be crashed; NULL: nobody
    struct end    end;   // without reason and text
    char          text[160];
};

static void convict(struct shard *shard, struct worker *worker, int32_t host_pid, enum host_end end,
                    struct verdict *verdict) {
    uint8_t room[REASON_TEXT_BYTES];
    describe(worker, end, verdict->text, sizeof verdict->text);
    struct failure failure = {
        .status = STATUS_CRASHED,
        .message = verdict->text,
        .reason = reason_text(room, verdict->text),
        .kind = crash_kind_text(verdict->end.kind),
    };
    crash_note_turn(&verdict->end, worker, host_pid);
    verdict->end.killed_host = true;
    verdict->end.trace = worker_trace(worker);
    life_unstop(verdict->actor, worker_turn(worker, worker->tail));
    recall_drop_running(shard, worker, NULL, &failure);
}

// Decides about the running turn of one worker, and takes back the rest of its ring.
static void clear_worker(struct shard *shard, struct worker *worker, int32_t host_pid,
                         enum host_end end, const struct worker *culprit, struct verdict *verdict,
                         struct list *touched) {
    struct actor *running = recall_running_actor(shard, worker);
    verdict->actor = NULL;
    if (running != NULL) {
        const struct turn_record *record = worker_turn(worker, worker->tail);
        bool suspect = culprit == NULL && record->note_attempts + 1 >= ATTEMPTS_MAX;
        if (worker == culprit || suspect) {
            verdict->actor = running;
            verdict->end =
                (struct end){.kind = worker == culprit ? END_KINDS[end] : CRASH_HOST_LOST};
            convict(shard, worker, host_pid, worker == culprit ? end : HOST_END_NONSENSE, verdict);
        }
    }
    recall(shard, worker, NULL, culprit == NULL ? RECALL_RUNNING_ONCE : RECALL_RUNNING, touched);
}

static void punish(struct shard *shard, struct verdict *verdict) {
    uint8_t room[REASON_TEXT_BYTES];
    if (verdict->actor == NULL) return;
    verdict->end.reason = reason_text(room, verdict->text);
    verdict->end.text = verdict->text;
    life_crashed(shard, verdict->actor, &verdict->end);
}

static void take_over(struct shard *shard, struct host *host, enum host_end end,
                      struct worker *culprit) {
    struct verdict verdicts[HOST_WORKERS_MAX];
    struct pool   *pool = host->pool;
    struct list    touched;
    list_init(&touched);
    for (uint32_t i = 0; i < host->worker_count; i++) {
        clear_worker(shard, &host->workers[i], (int32_t)host->pid, end, culprit, &verdicts[i],
                     &touched);
        list_splice(&pool->homeless, &host->workers[i].ready);
    }
    activate(shard, pool);
    // The guilty first: their restart must be ahead of what waits for them.
    for (uint32_t i = 0; i < host->worker_count; i++) punish(shard, &verdicts[i]);
    router_pump_list(shard, &touched);
    router_pump_list(shard, &pool->homeless);
}

void hosts_lost(struct shard *shard, struct host *host, enum host_end end, struct worker *culprit) {
    if (host->state == HOST_DEAD) return;
    struct pool *pool = host->pool;
    bool         was_active = host == pool->active;
    bool         was_starting = host->state == HOST_STARTING;
    host->state = HOST_DEAD;
    host_process_kill(host);
    shard->metrics.host_deaths++;
    if (end == HOST_END_NONSENSE) shard->metrics.host_nonsense++;
    LOG_WARN("host.lost", "pid=%d serial=%u end=%s active=%d", (int)host->pid, host->serial,
             END_TEXTS[end], was_active);

    if (host == pool->standby) pool->standby = NULL;
    if (was_starting) pool_spawn_later(pool, shard->now_ms);
    upgrade_host_lost(shard, host, end, culprit);
    hooks_host_lost(shard, host, end, culprit);
    if (was_active) {
        pool->active = NULL;
        take_over(shard, host, end, culprit);
    }
    // Where the standby has taken over, the next one comes with the watch's next look: starting a
    // process would only hold up what is being restored right now.
    if (pool->active == NULL) hosts_refill(shard);
}

static enum death death_of(const struct worker *worker) {
    // Acquire: all that the worker committed before its end is seen afterwards.
    return atomic_load_explicit(&worker->commits_control->death, memory_order_acquire);
}

bool hosts_dying(const struct host *host) {
    for (uint32_t i = 0; i < host->worker_count; i++) {
        if (death_of(&host->workers[i]) != DEATH_NONE) return true;
    }
    return false;
}

bool hosts_check_death(struct shard *shard, struct host *host) {
    for (uint32_t i = 0; i < host->worker_count && host->state != HOST_DEAD; i++) {
        struct worker *worker = &host->workers[i];
        enum death     death = death_of(worker);
        if (death == DEATH_NONE) continue;
        hosts_lost(shard, host,
                   death == DEATH_EXIT     ? HOST_END_EXITED
                   : death == DEATH_MEMORY ? HOST_END_MEMORY
                                           : HOST_END_SIGNAL,
                   worker);
    }
    return host->state == HOST_DEAD;
}

bool hosts_exited(struct shard *shard, struct host *host) {
    int code, status;
    if (!host_process_reap(host, &code, &status)) return false;
    // What it had committed before its end counts.
    if (host == host->pool->active) shard_drain(shard);
    // While commits wait for the mirror the oldest turn is not the one that ran, so none is blamed.
    if (shard->stalled || !hosts_check_death(shard, host)) {
        hosts_lost(shard, host, HOST_END_EXITED, NULL);
    }
    LOG_INFO("host.reaped", "pid=%d serial=%u %s=%d", (int)host->pid, host->serial,
             code == CLD_EXITED ? "exit" : "signal", status);
    list_remove(&host->link);
    host_destroy(host);
    return true;
}

static void retire(struct shard *shard, struct host *host) {
    if (host == NULL) return;
    host->state = HOST_DEAD;
    host_process_kill(host);
    shard->metrics.host_retirements++;
    LOG_INFO("host.retired", "pid=%d serial=%u", (int)host->pid, host->serial);
}

void hosts_retire_pool(struct shard *shard, struct pool *pool) {
    retire(shard, pool->active);
    retire(shard, pool->standby);
    pool->active = pool->standby = NULL;
}

void hosts_retire(struct shard *shard) {
    for (struct list *link = shard->hosts.next; link != &shard->hosts; link = link->next) {
        struct host *host = LIST_ENTRY(link, struct host, link);
        if (host->state == HOST_DEAD) continue;
        host->state = HOST_DEAD;
        host_process_kill(host);
    }
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        shard->pools[i].active = shard->pools[i].standby = NULL;
    }
}
