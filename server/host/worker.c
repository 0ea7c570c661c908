#include "host/worker.h"

#include "base/check.h"
#include "base/log.h"
#include "host/aside.h"
#include "host/gather.h"
#include "host/worker_inside.h"

#include <stdio.h>
#include <string.h>

enum status worker_init(struct worker *worker, uint32_t index, const struct behaviours *behaviours,
                        uint32_t copies_max, int keeper_fd) {
    memset(worker, 0, sizeof *worker);
    worker->index = index;
    worker->behaviours = behaviours;
    worker->list = behaviours->list;
    context_init(&worker->ctx);
    writes_init(&worker->ctx.writes, WRITES_TABLE_BYTES);
    worker->lua.programs = behaviours->programs;
    worker->ctx.lua = &worker->lua;
    peeper_write_string(&worker->timeout, "timeout");
    if (!peeper_writer_done(&worker->timeout)) return STATUS_NO_MEMORY;

    enum status status = copies_init(&worker->copies, behaviours->list, copies_max);
    if (status != STATUS_OK) goto fini_timeout;
    status = port_open(&worker->port, index, keeper_fd);
    if (status != STATUS_OK) goto fini_copies;
    return STATUS_OK;

fini_copies:
    copies_fini(&worker->copies);
fini_timeout:
    peeper_writer_fini(&worker->timeout);
    return status;
}

void worker_limit_tables(struct worker *worker, uint64_t bytes_max, uint64_t cached_bytes_max) {
    worker->ctx.writes.bytes_max = bytes_max;
    worker->copies.table_bytes_max = cached_bytes_max;
}

void worker_fini(struct worker *worker) {
    port_close(&worker->port);
    copies_fini(&worker->copies);
    lua_machines_fini(&worker->lua);
    context_fini(&worker->ctx);
    peeper_writer_fini(&worker->timeout);
}

// --- One callback --------------------------------------------------------------------------------

const struct peeper_behaviour *worker_behaviour(const struct worker *worker) {
    return &worker->list[worker->record->behaviour];
}

static void load_state(struct worker *worker, struct peeper_value saved) {
    struct peeper_ctx *ctx = &worker->ctx;
    enum phase         phase = ctx->phase;
    ctx->phase = PHASE_LOAD;
    bool loaded =
        peeper_value_check(saved) && ctx->behaviour->load(ctx, worker->copy->state, saved);
    if (!loaded) context_crash(ctx, COMMIT_CODE_CONTRACT, "state_not_loaded");
    ctx->phase = phase;
    worker->load = false;
}

struct peeper_value worker_state(const struct worker *worker) {
    return (struct peeper_value){worker->body.state.data, worker->body.state.bytes};
}

// For a terminate after a crash, which gets the state as it was before the turn.
static void keep_state(struct worker *worker, struct peeper_value saved) {
    struct peeper_ctx *ctx = &worker->ctx;
    if (copy_keep(worker->copy, slice_of(saved.data, saved.bytes)) == STATUS_OK) return;
    context_crash(ctx, COMMIT_CODE_MEMORY, "no_memory(state)");
}

static void load_preserved(struct worker *worker) {
    load_state(worker, worker_state(worker));
    if (worker->ctx.behaviour->terminate != NULL) keep_state(worker, worker_state(worker));
}

// Without a terminate it costs nothing to have none.
static void keep_saved(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    if (ctx->behaviour->terminate != NULL) keep_state(worker, peeper_writer_value(ctx->item));
}

void worker_save(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    ctx->phase = PHASE_SAVE;
    peeper_writer_reset(ctx->item);
    ctx->pending = (struct item_header){.kind = ITEM_STATE};
    ctx->open = ctx->item;
    ctx->behaviour->save(ctx, worker->copy->state, ctx->item);
    context_finish(ctx);
    ctx->phase = worker->step.phase;
}

// A missing init: the argument is the state.
static enum peeper_action init_by_default(struct worker *worker) {
    if (!worker->load) load_state(worker, worker->step.argument);
    return PEEPER_OK;
}

static enum peeper_action drop_info(struct worker *worker) {
    char name[CONTEXT_NAME_BYTES_MAX + 16];
    LOG_WARN("info.dropped", "actor=%s behaviour=%s reason=\"no handle_info\"",
             log_quote(name, sizeof name, copy_name(worker->copy), worker->copy->name_bytes),
             worker->ctx.behaviour->name);
    return PEEPER_OK;
}

static enum peeper_action (*callback_of(const struct peeper_behaviour *behaviour,
                                        enum phase phase))(struct peeper_ctx *, void *,
                                                           struct peeper_value) {
    switch (phase) {
        case PHASE_INIT: return behaviour->init;
        case PHASE_CALL: return behaviour->handle_call;
        case PHASE_CAST: return behaviour->handle_cast;
        case PHASE_INFO: return behaviour->handle_info;
        case PHASE_CONTINUE: return behaviour->handle_continue;
        default: CHECK(false); return NULL;
    }
}

static enum peeper_action call_back(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    void              *state = worker->copy->state;
    enum phase         phase = worker->step.phase;
    if (phase == PHASE_TERMINATE) {
        if (ctx->behaviour->terminate) ctx->behaviour->terminate(ctx, state, worker->step.argument);
        return PEEPER_OK; // its answer is ignored
    }
    enum peeper_action (*callback)(struct peeper_ctx *, void *, struct peeper_value) =
        callback_of(ctx->behaviour, phase);
    if (callback != NULL) return callback(ctx, state, worker->step.argument);
    if (phase == PHASE_INIT) return init_by_default(worker);
    if (phase == PHASE_INFO) return drop_info(worker);
    context_crash(ctx, COMMIT_CODE_CONTRACT, "undef(%s)", phase_name(phase));
}

static bool action_valid(const struct worker *worker) {
    int action = (int)worker->action;
    return action == PEEPER_OK || action == PEEPER_STOP ||
           (worker->step.phase == PHASE_INIT &&
            (action == PEEPER_IGNORE || action == PEEPER_ERROR));
}

// What of the state goes with the commit. init: all of it, but where a preserved state replaces it,
// none. True if it was saved.
static bool settle_state(struct worker *worker) {
    bool init = worker->step.phase == PHASE_INIT;
    if (init && worker->action != PEEPER_OK) return false;
    if (init && worker->load) {
        copy_clear(worker->copy, worker->ctx.behaviour);
        load_preserved(worker);
        return false;
    }
    if (!init && !worker->ctx.changed) return false;
    worker_save(worker);
    return true;
}

// The reason or the argument that goes with the commit, behind everything that the callback began
// itself.
static void settle_ending(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    if (worker->step.phase == PHASE_TERMINATE) {
        // Once more, so that each commit with COMMIT_STOP tells the reason.
        context_add(ctx, ITEM_REASON, worker->step.argument);
    } else if (worker->action == PEEPER_STOP && worker->step.phase != PHASE_INIT) {
        if (!ctx->reason_given) context_write_reason(ctx, "normal");
        context_add(ctx, ITEM_REASON, peeper_writer_value(ctx->reason));
    } else if (worker->action == PEEPER_OK && ctx->follow == FOLLOW_CONTINUE) {
        context_add(ctx, ITEM_CONTINUE, peeper_writer_value(ctx->proceed));
    } else if (worker->action == PEEPER_OK && ctx->follow != FOLLOW_NOTHING) {
        worker->due_ms = context_due_ms(ctx);
        bool writes = ctx->follow == FOLLOW_TIMER && worker->due_ms != CONTEXT_NEVER;
        if (writes) context_add(ctx, ITEM_IDLE, peeper_writer_value(ctx->proceed));
    }
}

static void settle_tables(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    context_add(ctx, ITEM_TABLES,
                (struct peeper_value){ctx->writes.delta.data, ctx->writes.delta.bytes});
}

static void keep_tables(struct worker *worker) {
    writes_commit(worker->copy);
    copies_count(&worker->copies, worker->copy);
}

static void run_step(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    // Without init before it, a state that came along is loaded first.
    if (worker->load && worker->step.phase != PHASE_INIT) load_preserved(worker);
    worker->action = call_back(worker);
    context_finish(ctx);
    if (!action_valid(worker)) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "bad_return_value(%d)", (int)worker->action);
    }
    if (worker->action == PEEPER_STOP && ctx->called) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "not_allowed(call in a turn that stops)");
    }
    bool saved = settle_state(worker);
    settle_ending(worker);
    if (ctx->writes.delta.bytes > 0) settle_tables(worker);
    // The very last: nothing can crash any more, so what is kept is what commits.
    if (saved) keep_saved(worker);
    if (ctx->writes.delta.bytes > 0) keep_tables(worker);
}

// False if the turn crashed. All that a crash needs lies in the context, none of it in this frame.
static bool run_guarded(struct worker *worker) {
    context_begin(&worker->ctx, worker->copy, worker_behaviour(worker), worker->record->turn,
                  worker->step.phase);
    if (_setjmp(worker->ctx.escape) != 0) return false;
    run_step(worker);
    return true;
}

// --- Commits -------------------------------------------------------------------------------------

void worker_commit(struct worker *worker, enum commit_kind kind, int flags, enum commit_code code,
                   uint64_t due_ms) {
    struct commit_record record = {
        .kind = (uint8_t)kind,
        .flags = (uint8_t)flags,
        .code = (uint8_t)code,
        .turn = worker->record->turn,
        .due_ms = due_ms,
    };
    port_commit(&worker->port, record, &worker->ctx.items);
}

static void commit_plain(struct worker *worker, enum commit_kind kind, enum commit_code code) {
    items_reset(&worker->ctx.items);
    worker_commit(worker, kind, 0, code, 0);
}

static void forget(struct worker *worker) {
    copies_drop(&worker->copies, worker->record->slot);
    worker->copy = NULL;
}

// Drops the copy, but the tables, which are as they were before the turn: large ones need not be
// sent again then. Answers the flag that says so.
static int forget_but_rows(struct worker *worker) {
    struct copy *copy = worker->copy;
    worker->copy = NULL;
    if (copy == NULL) copies_drop(&worker->copies, worker->record->slot);
    return copy != NULL && gather_keep(&worker->copies, copy) ? COMMIT_ROWS : 0;
}

void worker_add(struct worker *worker, enum item_kind kind, const void *data, size_t bytes) {
    struct item_header head = {.kind = (uint16_t)kind};
    (void)!items_append(&worker->ctx.items, head, NULL, slice_of(data, bytes));
}

// init said that there shall be no actor. As in OTP, PEEPER_STOP is one way to say it, and what
// never began has nothing to terminate.
static void commit_refused(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    bool               ignored = worker->action == PEEPER_IGNORE;
    items_reset(&ctx->items);
    if (worker->action == PEEPER_STOP && !ctx->reason_given) context_write_reason(ctx, "normal");
    if (ctx->reason_given || worker->action == PEEPER_STOP) {
        struct peeper_value reason = peeper_writer_value(ctx->reason);
        worker_add(worker, ITEM_REASON, reason.data, reason.bytes);
    }
    forget(worker);
    worker_commit(worker, COMMIT_REFUSED, 0, ignored ? COMMIT_CODE_IGNORE : COMMIT_CODE_ERROR, 0);
}

// Makes `writer`'s Value the argument of the next step; the writer is free for that step's own use.
static void carry(struct worker *worker, struct peeper_writer **writer, enum phase phase) {
    struct peeper_writer *taken = *writer;
    *writer = worker->ctx.carried;
    worker->ctx.carried = taken;
    worker->step = (struct step){.phase = phase, .argument = peeper_writer_value(taken)};
}

// --- A crash -------------------------------------------------------------------------------------

void worker_note_crash(struct worker *worker, enum commit_code code, const char *what) {
    worker->ctx.crash_code = code;
    worker->ctx.crash_trace_bytes = 0;
    snprintf(worker->ctx.crash_text, sizeof worker->ctx.crash_text, "%s", what);
}

void worker_describe_crash(struct worker *worker, const char *phase) {
    struct peeper_ctx *ctx = &worker->ctx;
    if (ctx->crash_code != COMMIT_CODE_EXIT) {
        context_write_reason(ctx, ctx->crash_text);
    } else if (!ctx->reason_given) {
        context_write_reason(ctx, "normal");
    }
    snprintf(worker->where, sizeof worker->where, "%s of %s", phase,
             worker_behaviour(worker)->name);
}

// A terminate that crashes is what is told; what it crashed after must not be lost to whoever looks
// for the cause. ASCII, so that it can be cut anywhere.
static void add_cause(struct worker *worker, const char *phase, const char *text) {
    size_t used = strlen(worker->where);
    size_t room = sizeof worker->where - used;
    snprintf(worker->where + used, room, ", after %s: %s", phase, text);
    for (char *at = worker->where + used; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~') *at = '?';
    }
}

void worker_add_crash(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    items_reset(&ctx->items);
    struct peeper_value reason = peeper_writer_value(ctx->reason);
    worker_add(worker, ITEM_REASON, reason.data, reason.bytes);
    worker_add(worker, ITEM_TEXT, worker->where, strlen(worker->where));
    if (ctx->crash_trace_bytes > 0) {
        worker_add(worker, ITEM_TRACE, ctx->crash_trace, ctx->crash_trace_bytes);
    }
}

static void commit_crash(struct worker *worker) {
    worker_add_crash(worker);
    worker_commit(worker, COMMIT_CRASH, forget_but_rows(worker), worker->ctx.crash_code, 0);
}

// An init that crashed has nothing to terminate, a terminate has had its turn, and what a kill has
// taken back is over already. Without a state that is known to be good there is nothing to give it.
static bool crash_terminates(const struct worker *worker) {
    enum phase phase = worker->step.phase;
    return worker->copy != NULL && worker_behaviour(worker)->terminate != NULL &&
           phase != PHASE_INIT && phase != PHASE_TERMINATE &&
           copy_kept(worker->copy).data != NULL && !port_void(&worker->port);
}

static struct peeper_value bytes_of(const char *text, size_t bytes) {
    return (struct peeper_value){(const uint8_t *)text, bytes};
}

// terminate() with what commits of the crash: its own effects, and nothing else of the turn.
static void run_terminate(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    struct slice       kept = copy_kept(worker->copy);
    copy_clear(worker->copy, ctx->behaviour);
    load_state(worker, (struct peeper_value){kept.data, kept.bytes});
    (void)call_back(worker);
    context_finish(ctx);
    context_add(ctx, ITEM_REASON, worker->step.argument);
    context_add(ctx, ITEM_TEXT, bytes_of(worker->where, strlen(worker->where)));
    if (ctx->crash_trace_bytes > 0) {
        context_add(ctx, ITEM_TRACE, bytes_of(ctx->crash_trace, ctx->crash_trace_bytes));
    }
    if (ctx->writes.delta.bytes > 0) settle_tables(worker);
}

// False if it crashed as well.
static bool terminate_guarded(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    context_begin(ctx, worker->copy, worker_behaviour(worker), worker->record->turn,
                  PHASE_TERMINATE);
    if (_setjmp(worker->ctx.escape) != 0) return false;
    run_terminate(worker);
    return true;
}

static void end_crashed(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    const char        *phase = phase_name(ctx->phase);
    writes_rollback(worker->copy);
    worker_describe_crash(worker, phase);
    if (!crash_terminates(worker)) return commit_crash(worker);

    char cause[CONTEXT_TEXT_BYTES];
    bool exited = ctx->crash_code == COMMIT_CODE_EXIT;
    snprintf(cause, sizeof cause, "%s", exited ? "exit" : ctx->crash_text);
    carry(worker, &ctx->reason, PHASE_TERMINATE);
    if (terminate_guarded(worker)) {
        writes_commit(worker->copy);
        return worker_commit(worker, COMMIT_CRASH, forget_but_rows(worker), ctx->crash_code, 0);
    }
    writes_rollback(worker->copy);
    worker_describe_crash(worker, phase_name(ctx->phase));
    add_cause(worker, phase, cause);
    commit_crash(worker);
}

// --- What a step leads to ------------------------------------------------------------------------

// PEEPER_STOP. True if terminate() is the next step.
static bool commit_stop(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    bool               more = ctx->behaviour->terminate != NULL;
    if (!more) forget(worker);
    if (more) carry(worker, &ctx->reason, PHASE_TERMINATE);
    worker_commit(worker, COMMIT_DONE, COMMIT_STOP | (more ? COMMIT_MORE : 0), COMMIT_CODE_NONE, 0);
    return more;
}

// Goes on in the same turn record, if the callback asked for that. A hibernation waits then: what
// follows decides anew.
static bool follow_on(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    if (ctx->follow == FOLLOW_CONTINUE) {
        carry(worker, &ctx->proceed, PHASE_CONTINUE);
        return true;
    }
    if (ctx->follow == FOLLOW_NOTHING || worker->due_ms != CONTEXT_NOW) return false;
    if (ctx->follow == FOLLOW_TIMER) {
        carry(worker, &ctx->proceed, PHASE_INFO);
    } else {
        worker->step = (struct step){PHASE_INFO, peeper_writer_value(&worker->timeout)};
    }
    return true;
}

// PEEPER_OK. True if there is a next step of the same turn record.
static bool commit_done(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    if (follow_on(worker)) {
        worker_commit(worker, COMMIT_DONE, COMMIT_MORE, COMMIT_CODE_NONE, 0);
        return true;
    }
    bool timer = ctx->follow != FOLLOW_NOTHING && worker->due_ms != CONTEXT_NEVER;
    int  flags = (ctx->hibernate ? COMMIT_HIBERNATE : 0) | (timer ? COMMIT_TIMEOUT : 0);
    if (ctx->hibernate) forget(worker);
    worker_commit(worker, COMMIT_DONE, flags, COMMIT_CODE_NONE, timer ? worker->due_ms : 0);
    return false;
}

// Answers the step that was run. True if another one follows.
static bool commit_step(struct worker *worker, bool finished) {
    if (!finished) {
        end_crashed(worker);
        return false;
    }
    if (worker->step.phase == PHASE_TERMINATE) {
        forget(worker);
        worker_commit(worker, COMMIT_DONE, COMMIT_STOP, COMMIT_CODE_NONE, 0);
        return false;
    }
    if (worker->action == PEEPER_OK) return commit_done(worker);
    if (worker->step.phase != PHASE_INIT) return commit_stop(worker);
    commit_refused(worker);
    return false;
}

// --- One record ----------------------------------------------------------------------------------

// A chain may be endless. Where the keeper wants this worker for others it is given back: the
// keeper has kept what comes next. Only terminate is too near the end for that.
static void run_steps(struct worker *worker) {
    while (commit_step(worker, run_guarded(worker))) {
        if (worker->step.phase == PHASE_TERMINATE || !port_recalled(&worker->port)) continue;
        commit_plain(worker, COMMIT_SKIP, COMMIT_CODE_NONE);
        return;
    }
}

struct copy *worker_create_copy(const struct worker *worker) {
    const struct turn_record *record = worker->record;
    return copy_create(&(struct copy_options){
        .slot = record->slot,
        .epoch = record->epoch,
        .behaviour = record->behaviour,
        .restarted = (record->flags & TURN_RESTART) != 0,
        .incarnation = record->incarnation,
        .name = (const char *)worker->body.name.data,
        .name_bytes = (uint8_t)worker->body.name.bytes,
        .state_bytes = worker_behaviour(worker)->state_bytes,
    });
}

// Puts a fresh copy in the actor's slot, with the tables of `rows`, which may be NULL and is gone
// afterwards. Fails: NULL, out of memory.
static struct copy *renew_copy(struct worker *worker, struct copy *rows) {
    struct copy *copy = worker_create_copy(worker);
    if (copy != NULL && rows != NULL && copy_move_tables(copy, rows) != STATUS_OK) {
        copy_destroy(copy, worker_behaviour(worker));
        copy = NULL;
    }
    copies_drop(&worker->copies, worker->record->slot);
    if (copy == NULL) return NULL;
    if (copies_add(&worker->copies, copy) == STATUS_OK) return copy;
    copies_destroy(&worker->copies, copy);
    return NULL;
}

static struct copy *find_copy(struct worker *worker) {
    struct copy *copy = copies_find(&worker->copies, worker->record->slot);
    if (copy == NULL || copy->epoch != worker->record->epoch || copy->rows_only) return NULL;
    CHECK(copy->behaviour == worker->record->behaviour);
    return copy;
}

static void commit_no_memory(struct worker *worker, const char *what) {
    worker_note_crash(worker, COMMIT_CODE_MEMORY, what);
    worker_describe_crash(worker, "activation");
    commit_crash(worker);
}

// --- Another state -------------------------------------------------------------------------------

// Loads a new state into `copy` and saves it again, which is what the keeper keeps. False if the
// behaviour will not have it.
static bool load_guarded(struct worker *worker, struct copy *copy) {
    context_begin(&worker->ctx, copy, worker_behaviour(worker), worker->record->turn, PHASE_LOAD);
    worker->copy = copy;
    worker->step.phase = PHASE_LOAD;
    // In the worker, not in this frame: a jump back must not find it changed.
    worker->step.argument =
        (struct peeper_value){worker->body.payload.data, worker->body.payload.bytes};
    if (_setjmp(worker->ctx.escape) != 0) return false;
    load_state(worker, worker->step.argument);
    worker_save(worker);
    keep_saved(worker);
    return true;
}

void worker_refuse(struct worker *worker, const char *reason) {
    context_write_reason(&worker->ctx, reason);
    struct peeper_value value = peeper_writer_value(worker->ctx.reason);
    items_reset(&worker->ctx.items);
    worker_add(worker, ITEM_REASON, value.data, value.bytes);
    worker_commit(worker, COMMIT_REFUSED, 0, COMMIT_CODE_ERROR, 0);
}

static void log_refused(const struct worker *worker) {
    char why[300];
    log_quote(why, sizeof why, worker->ctx.crash_text, (uint32_t)strlen(worker->ctx.crash_text));
    LOG_WARN("replace.refused", "behaviour=%s why=%s", worker_behaviour(worker)->name, why);
}

// The new copy has the tables of the one before while its state is tried, and gives them back if
// that is none.
static bool try_replace(struct worker *worker, struct copy *copy, struct copy *before) {
    if (before != NULL && copy_move_tables(copy, before) != STATUS_OK) {
        worker_refuse(worker, "no_memory");
        return false;
    }
    if (load_guarded(worker, copy)) return true;
    log_refused(worker);
    // There is room where they came from.
    if (before != NULL) CHECK(copy_move_tables(before, copy) == STATUS_OK);
    worker_refuse(worker, "callback_failed");
    return false;
}

// The present copy stays until the new state has turned out to be one. Where there is no copy,
// there may be rows that are not here: none is kept then, so that the next turn brings both.
static void run_replace(struct worker *worker) {
    bool         loaded = (worker->record->flags & TURN_HAS_ROWS) != 0;
    struct copy *before = loaded ? gather_find(&worker->copies, worker->record) : find_copy(worker);
    if (loaded && before == NULL) return commit_plain(worker, COMMIT_SKIP, COMMIT_CODE_NONE);
    const char *failed = loaded ? gather_fault(before) : NULL;
    if (failed != NULL) return worker_refuse(worker, failed);
    struct copy *copy = worker_create_copy(worker);
    if (copy == NULL) return worker_refuse(worker, "no_memory");
    if (!try_replace(worker, copy, before)) {
        copy_destroy(copy, worker_behaviour(worker));
        worker->copy = NULL;
        return;
    }
    copies_drop(&worker->copies, worker->record->slot);
    // Without room for it, too, the next turn finds none.
    if (before == NULL || copies_add(&worker->copies, copy) != STATUS_OK) {
        copies_destroy(&worker->copies, copy);
        worker->copy = NULL;
    }
    worker_commit(worker, COMMIT_DONE, 0, COMMIT_CODE_NONE, 0);
}

static enum phase phase_of(enum turn_kind kind) {
    static const enum phase phases[] = {
        [TURN_INIT] = PHASE_INIT,         [TURN_CALL] = PHASE_CALL,
        [TURN_CAST] = PHASE_CAST,         [TURN_INFO] = PHASE_INFO,
        [TURN_CONTINUE] = PHASE_CONTINUE, [TURN_TERMINATE] = PHASE_TERMINATE,
    };
    CHECK(kind >= TURN_INIT && kind <= TURN_TERMINATE);
    return phases[kind];
}

static void run_record(struct worker *worker) {
    const struct turn_record *record = worker->record;
    // Also where it was recalled: to drop a copy is never wrong.
    if (record->kind == TURN_FORGET) {
        forget(worker);
        return commit_plain(worker, COMMIT_DONE, COMMIT_CODE_NONE);
    }
    CHECK(record->behaviour < worker->behaviours->count);
    if (record->kind == TURN_ROWS) {
        gather(&worker->copies, record, worker->body.payload, &worker->ctx.writes);
        return commit_plain(worker, COMMIT_DONE, COMMIT_CODE_NONE);
    }
    if (aside_runs((enum turn_kind)record->kind)) return aside_run(worker);
    if (port_recalled(&worker->port)) return commit_plain(worker, COMMIT_SKIP, COMMIT_CODE_NONE);
    if (record->kind == TURN_REPLACE) return run_replace(worker);

    bool fresh = record->kind == TURN_INIT || (record->flags & TURN_HAS_STATE) != 0;
    worker->copy = fresh ? NULL : find_copy(worker);
    bool         loaded = (record->flags & TURN_HAS_ROWS) != 0;
    struct copy *rows = loaded ? gather_find(&worker->copies, record) : NULL;
    if ((!fresh && worker->copy == NULL) || (loaded && rows == NULL)) {
        return commit_plain(worker, COMMIT_SKIP, COMMIT_CODE_NONE);
    }
    worker->step.phase = phase_of((enum turn_kind)record->kind);
    worker->step.argument =
        (struct peeper_value){worker->body.payload.data, worker->body.payload.bytes};
    if (!peeper_value_check(worker->step.argument)) {
        return commit_plain(worker, COMMIT_REFUSED, COMMIT_CODE_INVALID);
    }
    const char *failed = loaded ? gather_fault(rows) : NULL;
    if (failed != NULL) return commit_no_memory(worker, failed);
    if (fresh) worker->copy = renew_copy(worker, rows);
    if (worker->copy == NULL) return commit_no_memory(worker, "no_memory(copy)");
    worker->load = (record->flags & TURN_HAS_STATE) != 0;
    worker->ctx.timer_count = 0;
    run_steps(worker);
}

// With many actors nearly every copy is a cache miss; those of the next two turns can be on their
// way while this one runs.
static void look_ahead(const struct worker *worker) {
    uint64_t                  bytes = worker->record->record_bytes;
    const struct turn_record *next = port_ahead(&worker->port, bytes);
    if (next == NULL) return;
    copies_prefetch(&worker->copies, next->slot);
    next = port_ahead(&worker->port, bytes + next->record_bytes);
    if (next != NULL) copies_prefetch_place(&worker->copies, next->slot);
}

void worker_run_one(struct worker *worker) {
    worker->record = port_next(&worker->port, &worker->body);
    look_ahead(worker);
    run_record(worker);
    context_trim(&worker->ctx);
    port_done(&worker->port, worker->record);
}
