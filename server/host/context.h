// context: what stands behind `struct peeper_ctx`: the turn that a worker is running, seen from the
// behaviour.
//
// Each worker has one. It gathers what the callback asks for and hands it out when the callback has
// returned. A crash leaves the callback by a jump to where the turn began; nothing that the turn
// gathered is used then. The functions of peeper/behaviour.h are implemented here.
#pragma once

#include "host/copy.h"
#include "host/items.h"
#include "host/writes.h"
#include "wire/turn.h"

#include <peeper/behaviour.h>

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

// What is being run. The order is that of PHASES in context.c.
enum phase {
    PHASE_INIT,
    PHASE_CALL,
    PHASE_CAST,
    PHASE_INFO,
    PHASE_CONTINUE,
    PHASE_TERMINATE,
    PHASE_SAVE,
    PHASE_LOAD,
    PHASE_CODE_CHANGE,
    PHASE_CHANGED, // from here on there is no actor at hand
    PHASE_ENDED,
    PHASE_COUNT,
};

// FOLLOW_TIMEOUT is a timer with the message "timeout"; that of FOLLOW_TIMER is in `proceed`.
enum follow { FOLLOW_NOTHING, FOLLOW_CONTINUE, FOLLOW_TIMEOUT, FOLLOW_TIMER };

#define CONTEXT_NOW 0            // a due time: at once
#define CONTEXT_NEVER UINT64_MAX // a due time

#define CONTEXT_TEXT_BYTES 1024    // of a raise, terminated
#define CONTEXT_NAME_BYTES_MAX 255 // of an actor

struct lua_machines;

struct peeper_ctx {
    // of the turn; set by context_begin
    struct copy                   *copy;      // borrowed
    const struct peeper_behaviour *behaviour; // borrowed
    uint64_t                       turn;
    enum phase                     phase;
    uint32_t                       refs; // references made in this turn, its chain included
    // what the callback asked for
    bool         changed;
    bool         replied;
    bool         called; // peeper_call
    bool         reason_given;
    enum follow  follow;
    bool         hibernate;
    bool         absolute; // timer_ms is monotonic time; else it counts from the callback's end
    uint64_t     timer_ms;
    struct items items;
    // the item that was begun last and is not in `items` yet
    struct peeper_writer *open; // one of the three below; NULL if there is none
    struct item_header    pending;
    char                  pending_name[CONTEXT_NAME_BYTES_MAX + 64];
    struct writes         writes; // to tables
    // timers that the turn record has made, over all its callbacks
    uint32_t timer_count;
    // Owned. `carried` holds what a following step has as its argument, while that step writes its
    // own.
    struct peeper_writer *item;
    struct peeper_writer *reason;
    struct peeper_writer *proceed;
    struct peeper_writer *carried;
    struct peeper_writer  writers[4];
    // how the turn crashed; stays until something else crashes
    enum commit_code crash_code;
    char             crash_text[CONTEXT_TEXT_BYTES];
    char             crash_trace[TRACE_BYTES_MAX];
    size_t           crash_trace_bytes; // 0: none
    jmp_buf          escape;            // set by whoever calls into the behaviour
    // Borrowed, of the worker. Here, as the last one, it moves none of those that each turn uses.
    struct lua_machines *lua;
};

// Thread: any. Zeroed memory is enough before.
void context_init(struct peeper_ctx *ctx);

// Frees what it owns; items too.   Thread: owner.
void context_fini(struct peeper_ctx *ctx);

// Begins a turn: nothing is asked for yet.   Thread: worker.
void context_begin(struct peeper_ctx *ctx, struct copy *copy,
                   const struct peeper_behaviour *behaviour, uint64_t turn, enum phase phase);

// Completes the item that is open, if any. Crashes the turn if it is not a whole Value.   Thread:
// worker.
void context_finish(struct peeper_ctx *ctx);

// When the timer that the callback asked for is due: CONTEXT_NOW, CONTEXT_NEVER or monotonic
// milliseconds, at least 1. To be asked when the callback has returned.   Thread: worker.
uint64_t context_due_ms(const struct peeper_ctx *ctx);

// Adds an item that the callback did not begin itself. Crashes the turn if it is one too many.
// Thread: worker.
void context_add(struct peeper_ctx *ctx, enum item_kind kind, struct peeper_value value);

// Adds an item without a Value, after the one that is open was completed; `name` may be NULL,
// `body` empty. Crashes the turn if the name is too long, in save() and load(), or if it is one too
// many.
// Thread: worker.
void context_item(struct peeper_ctx *ctx, enum item_kind kind, uint64_t token, const char *name,
                  struct slice body);

// Makes `text` the reason, as a string; what is not UTF-8 in it becomes "?".   Thread: worker.
void context_write_reason(struct peeper_ctx *ctx, const char *text);

// Gives the memory of an unusually large turn back.   Thread: worker.
void context_trim(struct peeper_ctx *ctx);

// save() and load() may run at any time, and again for the same state: they must not be seen from
// outside. Crashes the turn if it is in one of them, or in another callback that may only send.
// Thread: worker.
void context_check_effect(struct peeper_ctx *ctx, const char *what);

// Crashes the turn if the callback is one that runs without the actor: `what` would be about it.
// Thread: worker.
static inline void context_check_actor(struct peeper_ctx *ctx, const char *what) {
    if (ctx->phase >= PHASE_CHANGED) context_check_effect(ctx, what);
}

// Leaves the turn through ctx->escape.   Thread: worker, in a callback or around it.
_Noreturn __attribute__((format(printf, 3, 4))) void
context_crash(struct peeper_ctx *ctx, enum commit_code code, const char *format, ...);

// The same with lines of a trace that the caller has; `text` is the reason.
_Noreturn void context_crash_traced(struct peeper_ctx *ctx, enum commit_code code, const char *text,
                                    struct slice trace);

// Name of the callback: "handle_call".   Thread: any.
const char *phase_name(enum phase phase);
