// behaviour: the public ABI between peeper-host and an actor's code in C.
//
// A behaviour is a shared object that exports one `struct peeper_behaviour` named
// `peeper_behaviour`. Its callbacks are those of a GenServer. Each callback is one *turn*: the new
// state, the reply and everything it sends leave together when it returns, or not at all when it
// crashes. All callbacks of one actor run one after the other, on one worker thread at a time, but
// that thread may change between turns. Do not keep pointers to state in globals.
//
// Signals: a host that has run behaviours in Lua on this thread interrupts it with SIGVTALRM, every
// few milliseconds of processor time that it uses, also in turns of C. The handler does nothing
// then and has SA_RESTART; but what the kernel does not start again, as nanosleep(), poll() or
// epoll_wait(), may answer EINTR. Neither block that signal nor put another handler in its place:
// without it no turn in Lua is ended that runs too long.
//
//     static enum peeper_action handle_call(struct peeper_ctx *ctx, void *state, struct peeper_value message) {
//         struct counter *counter = state;
//         if (peeper_value_is(message, "inc")) {
//             counter->value++;
//             peeper_changed(ctx);
//         }
//         peeper_write_int(peeper_reply(ctx), counter->value);
//         return PEEPER_OK;
//     }
// Source: docs/architecture.md, "Behaviours".
#pragma once

#include <peeper/value.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEEPER_ABI_VERSION 3

struct peeper_ctx;

// What a callback answers. Anything else is a broken contract and crashes the turn.
enum peeper_action {
    // Go on. handle_call may have written peeper_reply(); if it has not, the caller waits for
    // peeper_reply_to().
    PEEPER_OK = 0,
    // End the actor after this turn; the reason is what was written to peeper_reason(), else
    // "normal".
    PEEPER_STOP = 1,
    // init only: there shall be no actor, and that is no error.
    PEEPER_IGNORE = 2,
    // init only: no actor; the starter gets REFUSED with what was written to peeper_reason().
    PEEPER_ERROR = 3,
};

// Names a message that was sent off for later. Never 0; it fits in an int Value.
typedef uint64_t peeper_timer;

// Names a call whose reply is given by a later turn. Any turn of the same actor may use it, once.
typedef uint64_t peeper_from;

// The descriptor. A behaviour zero-fills what it does not use.
struct peeper_behaviour {
    uint32_t    abi_version; // PEEPER_ABI_VERSION
    uint32_t    state_bytes; // bytes of the live state, zeroed before init or load; 1 to 1 MiB
    const char *name;        // what `peeper start --behaviour` says; 1 to 63 bytes of [a-z0-9_.-]
    const char *version;     // free text, may be NULL

    // All callbacks: `state` is the actor's live state of `state_bytes` bytes. It may be changed in
    // place; call peeper_changed() so that the turn saves it. A crashed turn throws it away and the
    // last saved one is loaded.
    //
    // Runs at the start and again at each restart. Missing: `argument` becomes the state, through
    // load().
    enum peeper_action (*init)(struct peeper_ctx *ctx, void *state, struct peeper_value argument);
    // Missing: a call crashes the turn with undef(handle_call); likewise cast and continue.
    enum peeper_action (*handle_call)(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message);
    enum peeper_action (*handle_cast)(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message);
    // Missing: the message is logged and dropped. Timers arrive here, too.
    enum peeper_action (*handle_info)(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message);
    enum peeper_action (*handle_continue)(struct peeper_ctx *ctx, void *state,
                                          struct peeper_value argument);
    // Runs before an incarnation ends: where it stops or is stopped, and after a crash that costs a
    // turn (a raise, peeper_exit, a broken contract, memory over its budget), with that reason and
    // before the next init. After a crash `state` is the one that was committed last, in a fresh
    // copy; what terminate sends leaves with the crash, what it does to the state is forgotten. It
    // has what the turn has left of its deadline, and if it crashes itself, that is the reason.
    // It does not run after an init that crashed, on a kill, where the host dies, nor where the
    // server refuses what a turn has asked for. If a host dies under it, it may run again.
    void (*terminate)(struct peeper_ctx *ctx, void *state, struct peeper_value reason);
    // A hot upgrade, or a downgrade: in place of load(), which is not called before, it fills the
    // zeroed `state` from what the save() of `old_version` has written; this version's save()
    // writes it out again then, and the actor goes on with that. `extra` is what the operator gave,
    // else null. Nothing may be sent, started, armed or answered here, nor tables be touched: a
    // trial run calls it, too, and throws away what comes out.
    // PEEPER_OK: done. PEEPER_ERROR, with what was written to peeper_reason(), or any crash of the
    // turn: the actor stays on its old version, alive.
    // Missing: load() takes the old state as it is; if it does not, the reason is
    // "undef(code_change)".
    enum peeper_action (*code_change)(struct peeper_ctx *ctx, void *state, const char *old_version,
                                      struct peeper_value saved, struct peeper_value extra);

    // What the behaviour hears of each of its actors, after the fact and in order: a change of its
    // state, once that is safe, and its end. They run beside the actor, in a process of its own,
    // and it neither waits for them nor notices how they end: one that is slow, crashes or takes
    // its process down costs nobody a turn. So there is no live state here; states are what save()
    // has written.
    // They may peeper_send() and peeper_cast(), which leave when the callback returns, raise and
    // exit, make Values, allocate, look at the name, the id and the clock, and log. Everything else
    // is a broken contract. One that crashes is not run again; the next event comes all the same.
    // One that was lost with a process that another one took down is run again. Events wait in a
    // bounded queue of their actor: what does not fit is dropped, and counted in `events_dropped`
    // of its information.
    //
    // `before` is null where there was no state.
    void (*on_state_changed)(struct peeper_ctx *ctx, struct peeper_value before,
                             struct peeper_value state);
    // An incarnation has ended: by a stop or a crash, also one that a restart follows, not by a
    // kill; or the actor has, in whatever way. `state` is the last one, null where there is none.
    void (*on_terminate)(struct peeper_ctx *ctx, struct peeper_value reason,
                         struct peeper_value state);

    // Required pair. save() writes the state as one Value; load() fills the zeroed `state` from
    // such a Value and answers false if it cannot. load(save(x)) must equal x.
    void (*save)(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out);
    bool (*load)(struct peeper_ctx *ctx, void *state, struct peeper_value saved);
    // Optional: frees what the state holds outside peeper_alloc(). Runs when the host drops its
    // copy of the actor, which says nothing about the actor's life; after a crash before terminate.
    void (*drop)(void *state);

    uint32_t turn_deadline_ms; // a longer turn is killed, and its host with it; 0 means 5000
    uint64_t memory_bytes_max; // of peeper_alloc() per actor; 0 means 64 MiB
    // An actor without a message for so long hibernates, unless it was started with a time of its
    // own; 0 means never.
    uint32_t hibernate_after_ms;
};

// --- In any callback -----------------------------------------------------------------------------
// Each function that answers a writer begins one outgoing item: write exactly one Value to it
// before the next peeper_* call that begins another. An item left incomplete crashes the turn as a
// broken contract.   Thread: worker.

// Says that the state changed and must be saved when this turn returns.
void peeper_changed(struct peeper_ctx *ctx);

// The reply to the present call. At most once per turn; in handle_call, and in init, where it is
// information for whoever starts the actor (Started.info). At a restart nobody asks: it is dropped.
struct peeper_writer *peeper_reply(struct peeper_ctx *ctx);
// The present call, for a later peeper_reply_to(). 0 outside handle_call.
peeper_from peeper_call_from(struct peeper_ctx *ctx);
// The reply to an earlier call of this actor. A call that has timed out or was answered drops it.
struct peeper_writer *peeper_reply_to(struct peeper_ctx *ctx, peeper_from from);

// Effects on other actors (or this one), by name. They leave when the turn commits, in this order;
// nobody there: dropped.
struct peeper_writer *peeper_cast(struct peeper_ctx *ctx, const char *name);
struct peeper_writer *peeper_send(struct peeper_ctx *ctx, const char *name);
// Calls another actor, and waits without blocking anything: when this turn has committed, the actor
// takes no message but the answer, which comes before all that wait, to handle_info:
// ["REPLY", value], or ["ERROR", status, reason] with the name of a status, such as
// ["ERROR", "NOPROC", "noproc"] or ["ERROR", "TIMEOUT", null]. A stop, a kill and a new state from
// an operator come through. If the actor ends before, nobody hears the answer; if a host dies,
// nothing is lost. Actors that would wait for each other in a circle are not let: the one that
// would close it gets ["ERROR", "DEADLOCK", "a -> b -> a"], or the reason "calling_self".
// At most one in a turn, not in init and terminate, nor in a turn that stops. `timeout_ms` is at
// most 3600000; 0 means 5000.
struct peeper_writer *peeper_call(struct peeper_ctx *ctx, const char *name, uint32_t timeout_ms);
// Starts an actor; the Value is its argument. Ends an actor; the Value is the reason.
struct peeper_writer *peeper_start(struct peeper_ctx *ctx, const char *behaviour, const char *name);
struct peeper_writer *peeper_stop(struct peeper_ctx *ctx, const char *name);

// Monitors and links watch one incarnation, this actor's own likewise: they end with it, so an init
// that runs again makes its own. Like all effects they come about when the turn commits. `name` is
// looked up then; the functions with `id` take an incarnation.
//
// The end of a monitored incarnation, also one that a restart follows, arrives as the message
// ["DOWN", ref, name or id as it was asked for, reason]. Nobody there: at once, reason "noproc".
typedef uint64_t peeper_ref; // never 0, unique on the server; at most 65535 in one turn

peeper_ref peeper_monitor(struct peeper_ctx *ctx, const char *name);
peeper_ref peeper_monitor_id(struct peeper_ctx *ctx, uint64_t id);
// One that has told already, or never was, is no error.
void peeper_demonitor(struct peeper_ctx *ctx, peeper_ref ref);

// The end of a linked incarnation arrives as ["EXIT", id, reason] (id 0: a client's connection), as
// does the end of this one with the other. An actor that does not trap exits (no_trap_exit, as it
// was started) gets no message: it ends for that reason too, without terminate, unless that is
// "normal". Nobody there: "noproc". Links do not count up, and there is none with oneself.
void peeper_link(struct peeper_ctx *ctx, const char *name);
void peeper_link_id(struct peeper_ctx *ctx, uint64_t id);
void peeper_unlink(struct peeper_ctx *ctx, const char *name);
void peeper_unlink_id(struct peeper_ctx *ctx, uint64_t id);
// A monitor or link that is over a limit of the server arrives as DOWN or EXIT, reason
// "overloaded"; then also an actor that does not trap exits gets the message.

// Sends the Value written to `name` (as peeper_send does) `ms` from now, or at a point in time as
// peeper_monotonic_ms() tells it; NULL means this actor itself. Like every effect it counts from
// the commit of this turn: a turn that crashes has sent nothing off. `ret_timer`, which may be
// NULL, is known at once, to be kept in the state.
// The timer is the keeper's. It outlives the host. Aimed at this actor itself (NULL or its own
// name) it ends with the incarnation, also where its message waits already: init arms new ones.
// Aimed at another name it comes whatever becomes of the sender, to whoever has the name then.
// There is room for `timers_max` in a server; a turn that would have more crashes (kind memory).
struct peeper_writer *peeper_send_after(struct peeper_ctx *ctx, const char *name, uint64_t ms,
                                        peeper_timer *ret_timer);
struct peeper_writer *peeper_send_at(struct peeper_ctx *ctx, const char *name,
                                     uint64_t monotonic_ms, peeper_timer *ret_timer);
// Cancels a timer that this actor, also as an earlier incarnation, has sent off. One whose message
// is on its way already cannot be called back; one that is done is no error.
void peeper_cancel_timer(struct peeper_ctx *ctx, peeper_timer timer);

// What follows this turn. A continue is one answer, a timer with or without hibernation the other:
// of a continue and one of those the last call counts, and of two timers.
//
// handle_continue with the Value written, before any other message.
struct peeper_writer *peeper_then_continue(struct peeper_ctx *ctx);
// A timer: handle_info with the Value written, `ms` after this callback has returned and never
// earlier, unless a message comes before; the timer is gone then. It is the keeper's, so it
// outlives a hibernation and the host; it ends with the incarnation. What an operator looks at is
// no message. 0: handle_info runs before everything that waits. PEEPER_INFINITY: no timer after
// all.
struct peeper_writer *peeper_then_timer(struct peeper_ctx *ctx, uint64_t ms);
// The same for a point in time, as peeper_monotonic_ms() tells it; one that has passed is 0.
struct peeper_writer *peeper_then_timer_at(struct peeper_ctx *ctx, uint64_t monotonic_ms);
// peeper_then_timer() with the string "timeout".
void peeper_then_timeout(struct peeper_ctx *ctx, uint64_t ms);
// Gives the memory of this actor back until the next message.
void peeper_then_hibernate(struct peeper_ctx *ctx);

#define PEEPER_INFINITY UINT64_MAX

// Time that never jumps and means nothing outside this machine: good for intervals, not for dates.
uint64_t peeper_monotonic_ms(struct peeper_ctx *ctx);

// The reason of PEEPER_STOP, PEEPER_ERROR or peeper_exit().
struct peeper_writer *peeper_reason(struct peeper_ctx *ctx);

// Crash this turn: raise with a formatted message (the reason is that string) / exit with what was
// written to peeper_reason(). They do not return: the callback's frames are left without running
// anything.
__attribute__((noreturn, format(printf, 2, 3))) void peeper_raise(struct peeper_ctx *ctx,
                                                                  const char        *format, ...);

__attribute__((noreturn)) void peeper_exit(struct peeper_ctx *ctx);

// Memory that belongs to the actor's copy in this host: dropped with it, counted against
// memory_bytes_max. Going over the budget crashes the turn (kind memory). Zeroed. free(NULL) is
// fine.
void *peeper_alloc(struct peeper_ctx *ctx, size_t bytes);
void *peeper_realloc(struct peeper_ctx *ctx, void *memory, size_t bytes);
void  peeper_free(struct peeper_ctx *ctx, void *memory);

// --- Tables and the dictionary ---------------------------------------------------------------
// Rows that an actor has beside its state: found by a key, each any Value. A turn saves the rows it
// writes, not all there are, so this is where large data belongs. What a turn writes it sees at
// once; it commits with the turn, or vanishes with it. An actor gets its rows back after a crash, a
// hibernation and the loss of its host; a clean stop forgets them.
//
// Keys are equal if their encodings are: the int 1 and the double 1.0 are two keys. Values and keys
// that are answered stay valid until the callback returns, whatever is written meanwhile; so do
// tables. None of these functions touches an item that is being written. In load() and save() they
// may be read only, in code_change(), and the load() that stands in for it, there are none. A name,
// key or Value that is none, or is over a limit, crashes the turn as a broken contract; the limit
// of bytes per actor (`--table-bytes-max` of the server) as kind memory. Limits: 256 tables, 255
// bytes of name, 64 KiB of key, 32 MiB of value, 64 MiB written in one turn.
struct peeper_table;

enum peeper_table_flag {
    // Rows in the order of their keys: null, false, true, numbers by what they are worth, strings,
    // bytes, lists element by element, maps. Else in that in which they were entered.
    PEEPER_TABLE_ORDERED = 1,
    // Operators see that it is there and how large it is, but no rows.
    PEEPER_TABLE_PRIVATE = 2,
    // Kept over a restart even where the actor was started to lose its tables then.
    PEEPER_TABLE_HEIR = 4,
};

// The table of this name (UTF-8, not ""); made, with `flags` (of enum peeper_table_flag), if there
// is none. One that is there with other flags is a broken contract: drop it first.
struct peeper_table *peeper_table(struct peeper_ctx *ctx, const char *name, uint32_t flags);
// The table of this name, or NULL.
struct peeper_table *peeper_table_find(struct peeper_ctx *ctx, const char *name);
// Deletes the table with its rows. `table` is not to be used any more.
void peeper_table_drop(struct peeper_ctx *ctx, struct peeper_table *table);

// Enters a row, or gives it a new value, which leaves it where it is.
void peeper_table_put(struct peeper_ctx *ctx, struct peeper_table *table, struct peeper_value key,
                      struct peeper_value value);
// False, and `ret_value` is left alone, if there is no such row.
bool peeper_table_get(struct peeper_ctx *ctx, struct peeper_table *table, struct peeper_value key,
                      struct peeper_value *ret_value);
// Whether there was such a row.
bool   peeper_table_delete(struct peeper_ctx *ctx, struct peeper_table *table,
                           struct peeper_value key);
void   peeper_table_clear(struct peeper_ctx *ctx, struct peeper_table *table);
size_t peeper_table_count(struct peeper_ctx *ctx, struct peeper_table *table);

// Walks a table:
//     struct peeper_row row;
//     for (bool more = peeper_table_first(ctx, table, &row); more; more = peeper_row_next(ctx, &row)) use(row);
// Each answers false, and leaves `row` alone, if there is none. The table may be written to on the
// way: a row that was deleted does not come any more; the walk goes on behind its place.
struct peeper_row {
    struct peeper_value key;
    struct peeper_value value;
    const void         *place; // private
};
bool peeper_table_first(struct peeper_ctx *ctx, struct peeper_table *table,
                        struct peeper_row *ret_row);
bool peeper_table_last(struct peeper_ctx *ctx, struct peeper_table *table,
                       struct peeper_row *ret_row);
// Where a range begins: the row with this key; in an ordered table else the first after it.
bool peeper_table_from(struct peeper_ctx *ctx, struct peeper_table *table, struct peeper_value key,
                       struct peeper_row *ret_row);
bool peeper_row_next(struct peeper_ctx *ctx, struct peeper_row *row);
bool peeper_row_prev(struct peeper_ctx *ctx, struct peeper_row *row);

// The dictionary: a table without a name that every actor has, and that every restart keeps.
void peeper_dictionary_put(struct peeper_ctx *ctx, struct peeper_value key,
                           struct peeper_value value);
bool peeper_dictionary_get(struct peeper_ctx *ctx, struct peeper_value key,
                           struct peeper_value *ret_value);
bool peeper_dictionary_delete(struct peeper_ctx *ctx, struct peeper_value key);

// A writer for a Value of one's own, such as a key; it is the context's, and valid, with the Value
// in it, until the callback returns. / The same with an int, a terminated string, a string,
// written.
struct peeper_writer *peeper_make(struct peeper_ctx *ctx);
struct peeper_value   peeper_make_int(struct peeper_ctx *ctx, int64_t value);
struct peeper_value   peeper_make_string(struct peeper_ctx *ctx, const char *text);
struct peeper_value   peeper_make_string_n(struct peeper_ctx *ctx, const char *text, size_t bytes);

// --- Itself --------------------------------------------------------------------------------------

// The actor's name ("" if anonymous; terminated; valid in this turn), incarnation id, and whether
// init runs again.
const char *peeper_self_name(struct peeper_ctx *ctx);
uint64_t    peeper_self_id(struct peeper_ctx *ctx);
bool        peeper_restarted(struct peeper_ctx *ctx);

// One line in the server's log.
__attribute__((format(printf, 2, 3))) void peeper_log(struct peeper_ctx *ctx, const char *format,
                                                      ...);

#ifdef __cplusplus
}
#endif
