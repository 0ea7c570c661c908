#include "host/aside.h"

#include "host/worker_inside.h"

#include <string.h>

// --- An upgrade ----------------------------------------------------------------------------------

// What code_change is called with, from the payload of its turn.
struct change {
    char                version[BEHAVIOUR_NAME_BYTES_MAX + 1]; // of the code that saved the state
    struct peeper_value extra;
};

static bool take_change(const struct worker *worker, struct change *ret_change) {
    struct peeper_value payload = {worker->body.payload.data, worker->body.payload.bytes};
    struct peeper_value version;
    const char         *text;
    size_t              bytes;
    if (!peeper_value_check(payload) || !peeper_value_check(worker_state(worker))) return false;
    if (!peeper_value_at(payload, 0, &version) || !peeper_value_at(payload, 1, &ret_change->extra))
        return false;
    if (!peeper_value_string(version, &text, &bytes) || bytes >= sizeof ret_change->version)
        return false;
    memcpy(ret_change->version, text, bytes);
    ret_change->version[bytes] = '\0';
    return true;
}

// Without code_change the old state has to do as it is.
static void change_by_default(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    ctx->phase = PHASE_LOAD;
    if (!ctx->behaviour->load(ctx, worker->copy->state, worker_state(worker))) {
        ctx->phase = PHASE_CODE_CHANGE;
        context_crash(ctx, COMMIT_CODE_CONTRACT, "undef(code_change)");
    }
    ctx->phase = PHASE_CODE_CHANGE;
}

// Leaves by a crash whatever else the callback answers than that it is done.
static void change_state(struct worker *worker, const struct change *change) {
    struct peeper_ctx *ctx = &worker->ctx;
    if (ctx->behaviour->code_change == NULL) return change_by_default(worker);
    enum peeper_action action = ctx->behaviour->code_change(
        ctx, worker->copy->state, change->version, worker_state(worker), change->extra);
    context_finish(ctx);
    if (action == PEEPER_OK) return;
    // With a reason it is one, as that of peeper_exit().
    if (action == PEEPER_ERROR) context_crash(ctx, COMMIT_CODE_EXIT, "error");
    context_crash(ctx, COMMIT_CODE_CONTRACT, "bad_return_value(%d)", (int)action);
}

// False if the behaviour will not have the state.
static bool change_guarded(struct worker *worker, struct copy *copy, const struct change *change) {
    context_begin(&worker->ctx, copy, worker_behaviour(worker), worker->record->turn,
                  PHASE_CODE_CHANGE);
    worker->copy = copy;
    worker->step.phase = PHASE_CODE_CHANGE;
    if (_setjmp(worker->ctx.escape) != 0) return false;
    change_state(worker, change);
    worker_save(worker);
    return true;
}

static void refuse_change(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    if (ctx->crash_code != COMMIT_CODE_EXIT || !ctx->reason_given)
        context_write_reason(ctx, ctx->crash_text);
    struct peeper_value value = peeper_writer_value(ctx->reason);
    items_reset(&ctx->items);
    worker_add(worker, ITEM_REASON, value.data, value.bytes);
    worker_commit(worker, COMMIT_REFUSED, 0, COMMIT_CODE_ERROR, 0);
}

static void run_code_change(struct worker *worker) {
    struct change change;
    struct copy  *copy = worker_create_copy(worker);
    if (copy == NULL || !take_change(worker, &change)) {
        if (copy != NULL) copy_destroy(copy, worker_behaviour(worker));
        return worker_refuse(worker, copy == NULL ? "no_memory" : "state_not_well_formed");
    }
    bool changed = change_guarded(worker, copy, &change);
    if (changed) {
        worker_commit(worker, COMMIT_DONE, 0, COMMIT_CODE_NONE, 0);
    } else {
        refuse_change(worker);
    }
    copy_destroy(copy, worker_behaviour(worker));
    worker->copy = NULL;
}

// --- What a behaviour hears ----------------------------------------------------------------------

static bool well_formed(const struct worker *worker) {
    return peeper_value_check(worker->step.argument) && peeper_value_check(worker_state(worker));
}

static void call_hook(struct worker *worker) {
    struct peeper_ctx *ctx = &worker->ctx;
    bool               changed = worker->step.phase == PHASE_CHANGED;
    void (*hook)(struct peeper_ctx *, struct peeper_value, struct peeper_value) =
        changed ? ctx->behaviour->on_state_changed : ctx->behaviour->on_terminate;
    if (hook == NULL) context_crash(ctx, COMMIT_CODE_CONTRACT, "undef(%s)", phase_name(ctx->phase));
    if (!well_formed(worker)) context_crash(ctx, COMMIT_CODE_CONTRACT, "state_not_well_formed");
    hook(ctx, worker->step.argument, worker_state(worker));
    context_finish(ctx);
}

// False if it crashed.
static bool hook_guarded(struct worker *worker) {
    context_begin(&worker->ctx, worker->copy, worker_behaviour(worker), worker->record->turn,
                  worker->step.phase);
    if (_setjmp(worker->ctx.escape) != 0) return false;
    call_hook(worker);
    return true;
}

static void commit_crash(struct worker *worker) {
    worker_describe_crash(worker, phase_name(worker->step.phase));
    worker_add_crash(worker);
    worker_commit(worker, COMMIT_CRASH, 0, worker->ctx.crash_code, 0);
}

static void run_hook(struct worker *worker) {
    // The copy never had a state: there is nothing to drop.
    static const struct peeper_behaviour STATELESS = {0};
    bool                                 changed = worker->record->kind == TURN_CHANGED;
    worker->step = (struct step){
        .phase = changed ? PHASE_CHANGED : PHASE_ENDED,
        .argument = {worker->body.payload.data, worker->body.payload.bytes},
    };
    worker->copy = worker_create_copy(worker);
    if (worker->copy == NULL) {
        worker_note_crash(worker, COMMIT_CODE_MEMORY, "no_memory(copy)");
        return commit_crash(worker);
    }
    if (hook_guarded(worker)) {
        worker_commit(worker, COMMIT_DONE, 0, COMMIT_CODE_NONE, 0);
    } else {
        commit_crash(worker);
    }
    copy_destroy(worker->copy, &STATELESS);
    worker->copy = NULL;
}

void aside_run(struct worker *worker) {
    if (worker->record->kind == TURN_CODE_CHANGE) return run_code_change(worker);
    run_hook(worker);
}
