#include "host/context.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WRITER_KEPT_BYTES (1u << 20)
#define LOG_TEXT_BYTES 1024

static const char *const PHASES[PHASE_COUNT] = {
    [PHASE_INIT] = "init",
    [PHASE_CALL] = "handle_call",
    [PHASE_CAST] = "handle_cast",
    [PHASE_INFO] = "handle_info",
    [PHASE_CONTINUE] = "handle_continue",
    [PHASE_TERMINATE] = "terminate",
    [PHASE_SAVE] = "save",
    [PHASE_LOAD] = "load",
    [PHASE_CODE_CHANGE] = "code_change",
    [PHASE_CHANGED] = "on_state_changed",
    [PHASE_ENDED] = "on_terminate",
};

const char *phase_name(enum phase phase) {
    return PHASES[phase];
}

void context_init(struct peeper_ctx *ctx) {
    ctx->item = &ctx->writers[0];
    ctx->reason = &ctx->writers[1];
    ctx->proceed = &ctx->writers[2];
    ctx->carried = &ctx->writers[3];
}

void context_fini(struct peeper_ctx *ctx) {
    for (int i = 0; i < 4; i++) peeper_writer_fini(&ctx->writers[i]);
    items_fini(&ctx->items);
    writes_fini(&ctx->writes);
}

void context_begin(struct peeper_ctx *ctx, struct copy *copy,
                   const struct peeper_behaviour *behaviour, uint64_t turn, enum phase phase) {
    ctx->copy = copy;
    ctx->behaviour = behaviour;
    if (ctx->turn != turn) ctx->refs = 0;
    ctx->turn = turn;
    ctx->phase = phase;
    ctx->changed = false;
    ctx->replied = false;
    ctx->called = false;
    ctx->reason_given = false;
    ctx->follow = FOLLOW_NOTHING;
    ctx->hibernate = false;
    ctx->open = NULL;
    writes_begin(&ctx->writes);
    items_reset(&ctx->items);
}

void context_trim(struct peeper_ctx *ctx) {
    for (int i = 0; i < 4; i++) {
        if (ctx->writers[i].capacity > WRITER_KEPT_BYTES) peeper_writer_fini(&ctx->writers[i]);
    }
    items_reset(&ctx->items);
    writes_trim(&ctx->writes);
}

static void set_crash_text(struct peeper_ctx *ctx, const char *format, va_list arguments) {
    int wanted = vsnprintf(ctx->crash_text, sizeof ctx->crash_text, format, arguments);
    if (wanted < 0) ctx->crash_text[0] = '\0';
    if (wanted < (int)sizeof ctx->crash_text) return;
    // Cut: leave no half of a UTF-8 sequence at the end.
    size_t bytes = sizeof ctx->crash_text - 1;
    while (bytes > 0 && ((uint8_t)ctx->crash_text[bytes - 1] & 0xC0) == 0x80) bytes--;
    if (bytes > 0 && ((uint8_t)ctx->crash_text[bytes - 1] & 0x80) != 0) bytes--;
    ctx->crash_text[bytes] = '\0';
}

static __attribute__((format(printf, 2, 3))) void format_crash_text(struct peeper_ctx *ctx,
                                                                    const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set_crash_text(ctx, format, arguments);
    va_end(arguments);
}

void context_crash(struct peeper_ctx *ctx, enum commit_code code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set_crash_text(ctx, format, arguments);
    va_end(arguments);
    ctx->crash_code = code;
    ctx->crash_trace_bytes = trace_callers(ctx->crash_trace);
    _longjmp(ctx->escape, 1);
}

_Noreturn void context_crash_traced(struct peeper_ctx *ctx, enum commit_code code, const char *text,
                                    struct slice trace) {
    CHECK(trace.bytes <= sizeof ctx->crash_trace);
    format_crash_text(ctx, "%s", text);
    ctx->crash_code = code;
    if (trace.bytes > 0) memcpy(ctx->crash_trace, trace.data, trace.bytes);
    ctx->crash_trace_bytes = trace.bytes;
    _longjmp(ctx->escape, 1);
}

static const char *item_name(enum item_kind kind) {
    static const char *const names[] = {
        [ITEM_STATE] = "state",       [ITEM_REPLY] = "reply",
        [ITEM_REPLY_TO] = "reply_to", [ITEM_SEND] = "send",
        [ITEM_CAST] = "cast",         [ITEM_START] = "start",
        [ITEM_MONITOR] = "monitor",   [ITEM_DEMONITOR] = "demonitor",
        [ITEM_LINK] = "link",         [ITEM_UNLINK] = "unlink",
        [ITEM_STOP] = "stop",         [ITEM_CONTINUE] = "then_continue",
        [ITEM_REASON] = "reason",     [ITEM_IDLE] = "then_timer",
        [ITEM_TIMER] = "send_after",  [ITEM_CALL] = "call",
        [ITEM_TABLES] = "tables",
    };
    return names[kind];
}

static _Noreturn void crash_incomplete(struct peeper_ctx *ctx) {
    context_crash(ctx, COMMIT_CODE_CONTRACT, "incomplete_item(%s)",
                  item_name((enum item_kind)ctx->pending.kind));
}

static void append(struct peeper_ctx *ctx, struct item_header head, struct peeper_value value) {
    enum status status =
        items_append(&ctx->items, head, ctx->pending_name, slice_of(value.data, value.bytes));
    if (status == STATUS_OK) return;
    if (status == STATUS_NO_MEMORY) context_crash(ctx, COMMIT_CODE_MEMORY, "no_memory(items)");
    const char *which = status == STATUS_FULL ? "too_many_items" : "items_too_large";
    uint32_t    limit = status == STATUS_FULL ? COMMIT_ITEMS_MAX : COMMIT_BULK_BYTES;
    context_crash(ctx, COMMIT_CODE_CONTRACT, "%s(%u)", which, limit);
}

void context_finish(struct peeper_ctx *ctx) {
    struct peeper_writer *writer = ctx->open;
    if (writer == NULL) return;
    if (!peeper_writer_done(writer)) crash_incomplete(ctx);
    ctx->open = NULL;
    if (writer != ctx->item) return; // its place among the items is decided at the end of the turn

    append(ctx, ctx->pending, peeper_writer_value(writer));
}

// The clock is read as whole milliseconds; one more keeps a timer from being early.
static uint64_t from_now(uint64_t ms) {
    uint64_t now_ms = clock_mono_ms() + 1;
    return ms > CONTEXT_NEVER - now_ms ? CONTEXT_NEVER : now_ms + ms;
}

uint64_t context_due_ms(const struct peeper_ctx *ctx) {
    if (ctx->timer_ms == PEEPER_INFINITY) return CONTEXT_NEVER;
    if (!ctx->absolute) return ctx->timer_ms == 0 ? CONTEXT_NOW : from_now(ctx->timer_ms);
    return ctx->timer_ms <= clock_mono_ms() ? CONTEXT_NOW : ctx->timer_ms;
}

void context_add(struct peeper_ctx *ctx, enum item_kind kind, struct peeper_value value) {
    append(ctx, (struct item_header){.kind = (uint16_t)kind}, value);
}

void context_write_reason(struct peeper_ctx *ctx, const char *text) {
    peeper_writer_reset(ctx->reason);
    peeper_write_string(ctx->reason, text);
    if (peeper_writer_done(ctx->reason)) return;

    char   plain[CONTEXT_TEXT_BYTES];
    size_t bytes = strnlen(text, sizeof plain);
    for (size_t i = 0; i < bytes; i++) plain[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    peeper_writer_reset(ctx->reason);
    peeper_write_string_n(ctx->reason, plain, bytes);
}

void context_check_effect(struct peeper_ctx *ctx, const char *what) {
    if (ctx->phase < PHASE_SAVE) return;
    context_crash(ctx, COMMIT_CODE_CONTRACT, "not_allowed(%s in %s)", what, phase_name(ctx->phase));
}

// What the callbacks may ask for that may not ask for everything.
static bool may_begin(enum phase phase, enum item_kind kind) {
    if (phase == PHASE_SAVE || phase == PHASE_LOAD) return false;
    if (kind == ITEM_REASON) return true;
    return phase >= PHASE_CHANGED && (kind == ITEM_SEND || kind == ITEM_CAST);
}

// Begins an item in `writer`, after the one before it was completed.
static struct peeper_writer *begin(struct peeper_ctx *ctx, struct peeper_writer *writer,
                                   enum item_kind kind, uint64_t token) {
    context_finish(ctx);
    if (ctx->phase >= PHASE_SAVE && !may_begin(ctx->phase, kind)) {
        context_check_effect(ctx, item_name(kind));
    }
    peeper_writer_reset(writer);
    ctx->open = writer;
    ctx->pending = (struct item_header){.kind = (uint16_t)kind, .token = token};
    return writer;
}

static void add_name(struct peeper_ctx *ctx, const char *name, size_t bytes_max) {
    if (name == NULL) name = "";
    size_t bytes = strnlen(name, bytes_max + 1);
    if (bytes > bytes_max) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "name_too_long(%s)",
                      item_name((enum item_kind)ctx->pending.kind));
    }
    memcpy(ctx->pending_name + ctx->pending.name_bytes, name, bytes);
    ctx->pending.name_bytes = (uint16_t)(ctx->pending.name_bytes + bytes);
}

void context_item(struct peeper_ctx *ctx, enum item_kind kind, uint64_t token, const char *name,
                  struct slice body) {
    (void)begin(ctx, ctx->item, kind, token);
    ctx->open = NULL; // there is nothing to write
    if (name != NULL) add_name(ctx, name, CONTEXT_NAME_BYTES_MAX);
    append(ctx, ctx->pending, (struct peeper_value){body.data, body.bytes});
}

static struct peeper_writer *begin_named(struct peeper_ctx *ctx, enum item_kind kind,
                                         const char *name) {
    struct peeper_writer *writer = begin(ctx, ctx->item, kind, 0);
    add_name(ctx, name, CONTEXT_NAME_BYTES_MAX);
    return writer;
}

// --- The public ABI; see peeper/behaviour.h ------------------------------------------------------

void peeper_changed(struct peeper_ctx *ctx) {
    context_check_actor(ctx, "changed");
    ctx->changed = true;
}

struct peeper_writer *peeper_reply(struct peeper_ctx *ctx) {
    context_check_actor(ctx, "reply");
    if (ctx->phase != PHASE_CALL && ctx->phase != PHASE_INIT) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "reply_outside_call(%s)", phase_name(ctx->phase));
    }
    if (ctx->replied)
        context_crash(ctx, COMMIT_CODE_CONTRACT, "replied_twice(%s)", phase_name(ctx->phase));
    ctx->replied = true;
    return begin(ctx, ctx->item, ITEM_REPLY, 0);
}

peeper_from peeper_call_from(struct peeper_ctx *ctx) {
    return ctx->phase == PHASE_CALL ? ctx->turn : 0;
}

struct peeper_writer *peeper_reply_to(struct peeper_ctx *ctx, peeper_from from) {
    return begin(ctx, ctx->item, ITEM_REPLY_TO, from);
}

struct peeper_writer *peeper_cast(struct peeper_ctx *ctx, const char *name) {
    return begin_named(ctx, ITEM_CAST, name);
}

struct peeper_writer *peeper_call(struct peeper_ctx *ctx, const char *name, uint32_t timeout_ms) {
    if (ctx->phase == PHASE_INIT || ctx->phase == PHASE_TERMINATE) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "not_allowed(call in %s)", phase_name(ctx->phase));
    }
    if (ctx->called)
        context_crash(ctx, COMMIT_CODE_CONTRACT, "called_twice(%s)", phase_name(ctx->phase));
    if (timeout_ms > CALL_TIMEOUT_MS_MAX) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "timeout_too_long(call)");
    }
    ctx->called = true;
    struct peeper_writer *writer = begin_named(ctx, ITEM_CALL, name);
    ctx->pending.token = timeout_ms;
    return writer;
}

struct peeper_writer *peeper_send(struct peeper_ctx *ctx, const char *name) {
    return begin_named(ctx, ITEM_SEND, name);
}

struct peeper_writer *peeper_start(struct peeper_ctx *ctx, const char *behaviour,
                                   const char *name) {
    struct peeper_writer *writer = begin(ctx, ctx->item, ITEM_START, 0);
    add_name(ctx, behaviour, sizeof ctx->pending_name - CONTEXT_NAME_BYTES_MAX - 1);
    ctx->pending.token = ctx->pending.name_bytes;
    add_name(ctx, name, CONTEXT_NAME_BYTES_MAX);
    return writer;
}

struct peeper_writer *peeper_stop(struct peeper_ctx *ctx, const char *name) {
    return begin_named(ctx, ITEM_STOP, name);
}

static struct peeper_writer *begin_timer(struct peeper_ctx *ctx, const char *name, uint64_t due_ms,
                                         peeper_timer *ret_timer) {
    struct peeper_writer *writer = begin(ctx, ctx->item, ITEM_TIMER, 0);
    if (due_ms == CONTEXT_NEVER) context_crash(ctx, COMMIT_CODE_CONTRACT, "never_due(send_after)");
    if (ctx->timer_count == (1u << TIMER_INDEX_BITS) - 1) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "too_many_timers(%u)", ctx->timer_count);
    }
    ctx->pending.token = ctx->turn << TIMER_INDEX_BITS | ++ctx->timer_count;
    memcpy(ctx->pending_name, &due_ms, sizeof due_ms);
    ctx->pending.name_bytes = sizeof due_ms;
    add_name(ctx, name, CONTEXT_NAME_BYTES_MAX);
    if (ret_timer != NULL) *ret_timer = ctx->pending.token;
    return writer;
}

struct peeper_writer *peeper_send_after(struct peeper_ctx *ctx, const char *name, uint64_t ms,
                                        peeper_timer *ret_timer) {
    return begin_timer(ctx, name, from_now(ms), ret_timer);
}

struct peeper_writer *peeper_send_at(struct peeper_ctx *ctx, const char *name,
                                     uint64_t monotonic_ms, peeper_timer *ret_timer) {
    return begin_timer(ctx, name, monotonic_ms, ret_timer);
}

void peeper_cancel_timer(struct peeper_ctx *ctx, peeper_timer timer) {
    context_finish(ctx);
    context_check_effect(ctx, "cancel_timer");
    append(ctx, (struct item_header){.kind = ITEM_CANCEL_TIMER, .token = timer},
           (struct peeper_value){0});
}

struct peeper_writer *peeper_then_continue(struct peeper_ctx *ctx) {
    struct peeper_writer *writer = begin(ctx, ctx->proceed, ITEM_CONTINUE, 0);
    ctx->follow = FOLLOW_CONTINUE;
    ctx->hibernate = false;
    return writer;
}

static void set_timer(struct peeper_ctx *ctx, enum follow follow, uint64_t ms, bool absolute) {
    ctx->follow = follow;
    ctx->timer_ms = ms;
    ctx->absolute = absolute;
}

void peeper_then_timeout(struct peeper_ctx *ctx, uint64_t ms) {
    context_check_effect(ctx, "then");
    set_timer(ctx, FOLLOW_TIMEOUT, ms, false);
}

struct peeper_writer *peeper_then_timer(struct peeper_ctx *ctx, uint64_t ms) {
    struct peeper_writer *writer = begin(ctx, ctx->proceed, ITEM_IDLE, 0);
    set_timer(ctx, FOLLOW_TIMER, ms, false);
    return writer;
}

struct peeper_writer *peeper_then_timer_at(struct peeper_ctx *ctx, uint64_t monotonic_ms) {
    struct peeper_writer *writer = begin(ctx, ctx->proceed, ITEM_IDLE, 0);
    set_timer(ctx, FOLLOW_TIMER, monotonic_ms, true);
    return writer;
}

void peeper_then_hibernate(struct peeper_ctx *ctx) {
    context_check_effect(ctx, "then");
    if (ctx->follow == FOLLOW_CONTINUE) ctx->follow = FOLLOW_NOTHING;
    ctx->hibernate = true;
}

uint64_t peeper_monotonic_ms(struct peeper_ctx *ctx) {
    (void)ctx;
    return clock_mono_ms();
}

struct peeper_writer *peeper_reason(struct peeper_ctx *ctx) {
    struct peeper_writer *writer = begin(ctx, ctx->reason, ITEM_REASON, 0);
    ctx->reason_given = true;
    return writer;
}

void peeper_raise(struct peeper_ctx *ctx, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set_crash_text(ctx, format, arguments);
    va_end(arguments);
    ctx->crash_code = COMMIT_CODE_RAISE;
    ctx->crash_trace_bytes = trace_callers(ctx->crash_trace);
    _longjmp(ctx->escape, 1);
}

void peeper_exit(struct peeper_ctx *ctx) {
    // Other items go with the turn, complete or not; only the reason is still to be read.
    if (ctx->open == ctx->reason && !peeper_writer_done(ctx->reason)) crash_incomplete(ctx);
    ctx->crash_code = COMMIT_CODE_EXIT;
    ctx->crash_text[0] = '\0';
    ctx->crash_trace_bytes = 0;
    _longjmp(ctx->escape, 1);
}

// Answers only if `status` is OK: everything else is the end of the turn.
static void check_memory(struct peeper_ctx *ctx, enum status status, const char *function) {
    if (status == STATUS_OK) return;
    if (status == STATUS_INVALID) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "not_own_memory(%s)", function);
    }
    if (status == STATUS_NO_MEMORY)
        context_crash(ctx, COMMIT_CODE_MEMORY, "no_memory(%s)", function);
    context_crash(ctx, COMMIT_CODE_MEMORY, "memory_bytes_max(%llu)",
                  (unsigned long long)ctx->behaviour->memory_bytes_max);
}

void *peeper_alloc(struct peeper_ctx *ctx, size_t bytes) {
    void *memory = NULL;
    check_memory(ctx, copy_alloc(ctx->copy, ctx->behaviour->memory_bytes_max, bytes, &memory),
                 "peeper_alloc");
    return memory;
}

void *peeper_realloc(struct peeper_ctx *ctx, void *memory, size_t bytes) {
    void *moved = NULL;
    check_memory(ctx,
                 copy_realloc(ctx->copy, ctx->behaviour->memory_bytes_max, memory, bytes, &moved),
                 "peeper_realloc");
    return moved;
}

void peeper_free(struct peeper_ctx *ctx, void *memory) {
    check_memory(ctx, copy_free(ctx->copy, memory), "peeper_free");
}

const char *peeper_self_name(struct peeper_ctx *ctx) {
    return copy_name(ctx->copy);
}

uint64_t peeper_self_id(struct peeper_ctx *ctx) {
    return ctx->copy->incarnation;
}

bool peeper_restarted(struct peeper_ctx *ctx) {
    return ctx->copy->restarted;
}

void peeper_log(struct peeper_ctx *ctx, const char *format, ...) {
    char    text[LOG_TEXT_BYTES], quoted[LOG_TEXT_BYTES + 256], name[CONTEXT_NAME_BYTES_MAX + 16];
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (wanted < 0) return;

    uint32_t bytes = (uint32_t)wanted < sizeof text ? (uint32_t)wanted : (uint32_t)sizeof text - 1;
    LOG_INFO("behaviour.said", "actor=%s behaviour=%s text=%s",
             log_quote(name, sizeof name, copy_name(ctx->copy), ctx->copy->name_bytes),
             ctx->behaviour->name, log_quote(quoted, sizeof quoted, text, bytes));
}
