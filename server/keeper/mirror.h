// mirror: the thread that keeps the last good states ("generations") and the tables of every actor,
// apart from whoever runs them.
//
// It owns: the states and the tables. It runs no user code, decodes nothing and never waits for an
// actor. Its only input is one bounded in-process queue written by the net thread, handled in
// order; so a read that was asked after a put sees it. Slots are those of the actor table; a `unit`
// number tells tenants of one slot apart.
// Source: docs/architecture.md, "The mirror".
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/status.h"
#include "keeper/generations.h"

#include <stdatomic.h>
#include <stdint.h>

struct mirror;
struct tables;

// What is told of a unit that somebody watches. Everything is borrowed for the call.
enum mirror_change_kind {
    MIRROR_CHANGED, // a put whose bytes are not those of the generation before
    MIRROR_ENDED,   // mirror_end
    MIRROR_STOPPED, // likewise, of an incarnation
};

struct mirror_change {
    enum mirror_change_kind kind;
    uint32_t                slot;
    uint64_t                unit;
    uint64_t                incarnation; // that it is about
    uint64_t                version;     // of `state`; 0: there is none
    uint64_t                at_ms;       // wall clock, of the put
    bool                    has_state;   // CHANGED: always
    bool                    has_old;     // it was asked for, and there is one
    struct slice            name;
    struct slice            state;
    struct slice            old;
    struct slice            reason; // ENDED, STOPPED
};

#define MIRROR_NAME_BYTES_MAX 255u
#define MIRROR_REASON_BYTES_MAX (16u << 10)

struct mirror_options {
    uint32_t generations; // kept per actor, 1 to 16
    size_t   queue_bytes; // power of two, >= 64 KiB
    // Of states too large to travel inline, waiting in the queue; a single one may exceed it.
    size_t   heap_bytes_max;
    uint64_t table_bytes_max; // of one actor's rows, with what keeping them costs
    uint64_t table_seed;      // of the rows' hashes; nobody outside should know it
    // After STATUS_FULL was answered: called once, when half of each limit is free again. One more
    // STATUS_FULL after it is possible, and earns another call. Not called once mirror_destroy has
    // begun. NULL is fine.   Thread: mirror.   Must not block.
    void (*on_room)(void *context);
    // A unit that is watched has changed, or is over; in the order of the puts. NULL: nobody ever
    // watches.   Thread: mirror.   Must not block.
    void (*on_change)(void *context, const struct mirror_change *change);
    void *context; // borrowed
};

// A read of one generation, by default the newest, or of the list of them, or of both. The
// requester embeds it, sets slot, unit and on_done, zeroes the rest, and owns it again in on_done.
struct mirror_read {
    struct list link; // free for the requester's use in on_done, for example to enter a mailbox
    uint32_t    slot;
    uint32_t    back; // generations before the newest; 0 is the newest itself
    uint64_t    unit;
    uint64_t    wanted;    // this version in place of the newest; 0: `back` says
    bool        or_before; // where there is no such version, the newest one before it
    // NULL, or room for GENERATIONS_KEPT_MAX: what there is of the unit, newest first.
    struct generation_info *notes;
    // Runs on the mirror thread.
    void (*on_done)(struct mirror_read *read);
    // Set by the mirror before on_done:
    // OK, NOT_FOUND (no such state of this unit), INTERNAL (its checksum does not match),
    // NO_MEMORY (for the copy; or a put of this unit had found none, see mirror_put).
    enum status status;
    uint32_t    note_count; // of `notes`, whatever the status
    uint32_t    tables;     // that the unit has, and what they count, likewise
    uint64_t    table_bytes;
    // With OK; else zero:
    uint64_t version; // of the generation
    uint64_t turn;
    uint64_t at_ms; // wall clock
    uint8_t *state; // malloc'd, owned by the requester, who frees it; NULL if empty
    size_t   bytes;
};

// The generations of a unit from a version on. The requester embeds it, sets the first part, zeroes
// the rest, and owns it again in on_done.
struct mirror_history {
    uint32_t slot;
    uint64_t unit;
    uint64_t from; // the first version that is wanted, >= 1
    // Of all states together: the oldest are left out where there are more. The newest always
    // comes.
    size_t bytes_max;
    // Runs on the mirror thread.
    void (*on_done)(struct mirror_history *history);
    // Set by the mirror before on_done, as in mirror_read; oldest first. Where it is kept, the one
    // before `from` comes as well, for whoever wants to compare.
    enum status status;
    uint32_t    count; // with OK at least 1
    struct mirror_state {
        uint64_t     version;
        uint64_t     at_ms;
        struct slice state;
    } states[GENERATIONS_KEPT_MAX];
    uint8_t *data; // malloc'd, owned by the requester, who frees it; the states point into it
};

// Starts the thread; answers when it is ready.
// Fails: STATUS_NO_MEMORY, STATUS_IO.   Thread: main.   Blocks: until the thread runs.
NODISCARD enum status mirror_create(const struct mirror_options *options,
                                    struct mirror              **ret_mirror);

// Handles what is in the queue, ends the thread and frees everything. NULL is fine.
// Thread: main, after the net thread has ended.   Blocks: until the thread has ended.
void mirror_destroy(struct mirror *mirror);

// Queues a copy of `state` as the newest generation. The oldest ones beyond what its unit keeps go.
// The first put of another unit in a slot forgets the states of the unit before.
// Should the mirror thread find no memory for the copy, the older generations of the unit go to
// make room; if that is not enough, reads answer NO_MEMORY until a later put succeeds, since an
// older state must not pass for the newest.
// Fails: STATUS_FULL (nothing queued; what was queued before is flushed; on_room will be called),
//        STATUS_NO_MEMORY (nothing queued).
// Thread: net.   Blocks: no.
NODISCARD enum status mirror_put(struct mirror *mirror, const struct generation_origin *origin,
                                 struct slice state);

// Queues what one turn has changed, all of it or nothing: its state, as with mirror_put (data NULL:
// it is as before), and what it wrote to tables, a checked delta (see base/tables_delta.h). Rows
// that find no memory later are lost as a whole, and every visit says so.
// Fails: as mirror_put.   Thread: net.   Blocks: no.
NODISCARD enum status mirror_put_tables(struct mirror                  *mirror,
                                        const struct generation_origin *origin, struct slice state,
                                        struct slice delta);

// Says that the next put of a unit is one that somebody watches: on_change follows if the bytes
// differ from those of the generation before, which it has `with_old`. Directly before that put;
// where the put is FULL it is said again with the next try.
// Shape: `name` is at most MIRROR_NAME_BYTES_MAX; it and `incarnation` come back in the change.
// Fails: STATUS_FULL.   Thread: net.
struct mirror_watched {
    uint32_t     slot;
    uint64_t     unit;
    uint64_t     incarnation;
    struct slice name;
    bool         with_old;
};
NODISCARD enum status mirror_tell_next(struct mirror *mirror, const struct mirror_watched *watched);

// Queues that a unit that is watched is over, or only its incarnation (kind ENDED or STOPPED):
// on_change tells it, with the newest state, after all changes. Before its states are forgotten, if
// they are.
// Shape: name as above; `reason` at most MIRROR_REASON_BYTES_MAX.
// Fails: STATUS_FULL.   Thread: net.
struct mirror_ending {
    enum mirror_change_kind kind;
    uint32_t                slot;
    uint64_t                unit;
    uint64_t                incarnation;
    struct slice            name;
    struct slice            reason;
};
NODISCARD enum status mirror_end(struct mirror *mirror, const struct mirror_ending *ending);

// Queues a read of several generations; as mirror_read.   Fails: STATUS_FULL.   Thread: net.
NODISCARD enum status mirror_history(struct mirror *mirror, struct mirror_history *history);

// Queues the dropping of those tables of `unit` that a restart does not give back: see
// table_store_keep for what `names` is, and what stays anyway.
// Fails: STATUS_FULL, STATUS_TOO_LARGE (`names`, over 4 KiB).   Thread: net.
NODISCARD enum status mirror_keep_tables(struct mirror *mirror, uint32_t slot, uint64_t unit,
                                         struct slice names);

// A look at the tables of one unit. The requester embeds it, sets the first part, and owns it again
// when on_visit has returned, which may hand it on.
struct mirror_visit {
    uint32_t slot;
    uint64_t unit;
    // Runs on the mirror thread, once: it should look, copy what it needs and be quick. `tables` is
    // NULL unless the status is OK. Else: NOT_FOUND (the unit has no tables), NO_MEMORY or
    // TOO_LARGE (they are lost).
    void (*on_visit)(struct mirror_visit *visit, enum status status, const struct tables *tables);
};

// Queues a look.   Fails: STATUS_FULL.   Thread: net.
NODISCARD enum status mirror_visit(struct mirror *mirror, struct mirror_visit *visit);

// Queues the forgetting of all states and tables of `unit`.   Fails: STATUS_FULL.   Thread: net.
NODISCARD enum status mirror_forget(struct mirror *mirror, uint32_t slot, uint64_t unit);

// Queues a read. `read` (slot, unit, back, on_done set) stays the caller's memory and must live
// until on_done.
// Fails: STATUS_FULL.   Thread: net.
NODISCARD enum status mirror_read(struct mirror *mirror, struct mirror_read *read);

// Publishes what was queued since the last flush, and wakes the thread if it sleeps. Called once
// per batch. Puts alone may wait half a millisecond for company, so that a busy net thread does not
// pay for a wake per batch; a read or a filling queue wakes at once.
// Thread: net.   Blocks: no.
void mirror_flush(struct mirror *mirror);

// Counters, for the metrics page; each is exact at some recent moment.   Thread: any.
struct mirror_counts {
    uint64_t units;       // with at least one state
    uint64_t generations; // held
    uint64_t state_bytes; // of all generations held
    uint64_t puts;        // since the start
    uint64_t queue_bytes; // waiting
    uint64_t table_units; // that have tables
    uint64_t table_bytes; // of their rows
};
void mirror_counts(const struct mirror *mirror, struct mirror_counts *ret_counts);
