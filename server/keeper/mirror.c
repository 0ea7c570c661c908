#include "keeper/mirror.h"

#include "base/check.h"
#include "base/log.h"
#include "base/ring.h"
#include "base/tables.h"
#include "base/thread.h"
#include "keeper/generations.h"
#include "keeper/table_store.h"

#include <inttypes.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// A larger state travels as a block of its own, which then becomes the generation without another
// copy.
#define INLINE_BYTES_MAX 4096
#define QUEUE_BYTES_MIN (64u << 10)

// How long the thread rests after work before it looks again, unless somebody is in a hurry.
#define DOZE_NS (500 * 1000)

// Records looked at together, so that their cache misses overlap.
#define GROUP_RECORDS 16

enum record_kind {
    RECORD_PUT,
    RECORD_ADOPT,
    RECORD_TABLES,       // a delta
    RECORD_TABLES_BLOCK, // likewise, in a block
    RECORD_KEEP,         // names of tables
    RECORD_FORGET,
    RECORD_READ,
    RECORD_VISIT,
    RECORD_TELL_NEXT, // a name
    RECORD_END,       // a reason, then a name
    RECORD_HISTORY,
};

// A put is followed by its state, TABLES and KEEP by theirs.
struct record {
    uint32_t record_bytes; // with what follows, rounded up to 8
    uint8_t  kind;         // enum record_kind
    uint8_t  kept;         // of a put, as in its origin
    uint8_t  name_bytes;   // END
    union {
        bool with_old; // TELL_NEXT
        bool stopped;  // END: only an incarnation
    };
    uint32_t slot;
    uint32_t body_bytes;
    uint64_t unit;
    union {
        struct {
            uint64_t version;
            uint64_t turn;
            uint64_t at_ms;
        } put;
        uint64_t               incarnation; // TELL_NEXT, END
        struct generation     *fresh;   // owned until it is adopted; a block's state is its delta
        struct mirror_read    *read;    // borrowed until on_done
        struct mirror_visit   *visit;   // borrowed until on_visit
        struct mirror_history *history; // borrowed until on_done
    };
};

enum nap {
    NAP_NONE,
    NAP_DOZE, // for a moment; only a hurry ends it early
    NAP_DEEP, // until something is published
};

struct mirror {
    // immutable after create
    struct mirror_options options;
    struct ring           queue;
    struct thread         thread;
    // net thread only
    _Alignas(64) uint64_t head; // end of the last record written
    uint64_t tail_seen;         // <= tail
    bool     hurried;           // something since the last flush should not wait
    // written by the net thread, read by the mirror thread
    _Alignas(64) _Atomic uint64_t published; // <= head; what is before it may be read
    _Atomic uint64_t hurry_to;               // a position that should be reached at once
    _Atomic uint64_t heap_in;                // bytes of states that ever travelled as a block
    _Atomic bool     starved;                // FULL was answered; the mirror thread clears it
    _Atomic bool     stopping;
    // written by the mirror thread, read by the net thread
    _Alignas(64) _Atomic uint64_t tail; // end of the last record handled
    _Atomic uint64_t heap_out;          // of heap_in, what is handled
    _Atomic uint32_t nap;               // enum nap; the waker clears it, too
    // mirror thread only
    _Alignas(64) struct generations kept;
    struct table_store tables;
    // What mirror_tell_next has said, until that put comes.
    struct {
        bool     told;
        bool     with_old;
        uint32_t slot;
        uint32_t name_bytes;
        uint64_t unit;
        uint64_t incarnation;
        uint8_t  name[MIRROR_NAME_BYTES_MAX];
    } next;
    // written by the mirror thread for anybody; a copy of kept.counts
    _Atomic uint64_t units;
    _Atomic uint64_t generations;
    _Atomic uint64_t state_bytes;
    _Atomic uint64_t puts;
    _Atomic uint64_t table_units;
    _Atomic uint64_t table_bytes;
};

// ---- sleeping and waking
//
// Neither side may miss the other. The mirror thread stores `nap`, then looks for work; the net
// thread publishes, then looks at `nap`. All four are sequentially consistent, so at least one of
// them sees what the other did.

static void futex_sleep(_Atomic uint32_t *word, uint32_t value, long duration_ns) {
    const struct timespec *limit = NULL;
    struct timespec        duration = {.tv_nsec = duration_ns};

    // Interrupted, expired, changed meanwhile: the caller looks again in each case.
    if (duration_ns > 0) limit = &duration;
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, limit, NULL, 0);
}

static void wake(struct mirror *mirror, bool hurry) {
    uint32_t nap = atomic_load(&mirror->nap);
    if (nap == NAP_NONE || (nap == NAP_DOZE && !hurry)) return;
    // Cleared here so that further flushes, before the thread has come round, need no system call.
    if (atomic_exchange(&mirror->nap, NAP_NONE) == NAP_NONE) return;
    (void)syscall(SYS_futex, &mirror->nap, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static bool has_room(const struct mirror *mirror) {
    // Tail and heap_out are this thread's own; published and heap_in only ever grow, which errs on
    // the careful side.
    uint64_t waiting = atomic_load(&mirror->published) - atomic_load(&mirror->tail);
    uint64_t heap = atomic_load(&mirror->heap_in) - atomic_load(&mirror->heap_out);
    return waiting <= mirror->queue.data_bytes / 2 && heap <= mirror->options.heap_bytes_max / 2;
}

static bool may_nap(const struct mirror *mirror, enum nap nap) {
    uint64_t tail = atomic_load(&mirror->tail);
    uint64_t work_at =
        nap == NAP_DEEP ? atomic_load(&mirror->published) : atomic_load(&mirror->hurry_to);

    if (work_at > tail) return false;
    if (atomic_load(&mirror->starved) && has_room(mirror)) return false;
    return !atomic_load(&mirror->stopping);
}

static void take_nap(struct mirror *mirror, enum nap nap) {
    atomic_store(&mirror->nap, nap);
    if (may_nap(mirror, nap)) futex_sleep(&mirror->nap, nap, nap == NAP_DOZE ? DOZE_NS : 0);
    atomic_store(&mirror->nap, NAP_NONE);
}

// ---- the mirror thread

static void publish_counts(struct mirror *mirror) {
    // Single writer; relaxed, because each number stands for itself.
    const struct generations_counts *counts = &mirror->kept.counts;
    atomic_store_explicit(&mirror->units, counts->units, memory_order_relaxed);
    atomic_store_explicit(&mirror->generations, counts->generations, memory_order_relaxed);
    atomic_store_explicit(&mirror->state_bytes, counts->state_bytes, memory_order_relaxed);
    atomic_store_explicit(&mirror->puts, counts->puts, memory_order_relaxed);
    const struct table_store_counts *tables = &mirror->tables.counts;
    atomic_store_explicit(&mirror->table_units, tables->units, memory_order_relaxed);
    atomic_store_explicit(&mirror->table_bytes, tables->bytes, memory_order_relaxed);
}

static enum status copy_out(struct mirror_read *read, const struct generation *gen) {
    uint8_t *copy = NULL;
    if (gen->bytes > 0) {
        copy = malloc(gen->bytes);
        if (copy == NULL) return STATUS_NO_MEMORY;
        memcpy(copy, gen->state, gen->bytes);
    }
    struct generation_info note = generation_describe(gen);
    read->version = note.version;
    read->turn = note.turn;
    read->at_ms = note.at_ms;
    read->state = copy;
    read->bytes = gen->bytes;
    return STATUS_OK;
}

static enum status find(const struct generations *kept, const struct mirror_read *read,
                        const struct generation **ret_found) {
    if (read->wanted == 0) {
        return generations_find(kept, read->slot, read->unit, read->back, ret_found);
    }
    return generations_find_version(kept, read->slot, read->unit, read->wanted, read->or_before,
                                    ret_found);
}

static void count_tables(const struct mirror *mirror, struct mirror_read *read) {
    const struct tables *tables;
    bool there = table_store_find(&mirror->tables, read->slot, read->unit, &tables) == STATUS_OK;
    read->tables = there ? tables->count : 0;
    read->table_bytes = there ? tables->bytes : 0;
}

static void answer(struct mirror *mirror, struct mirror_read *read) {
    const struct generation *gen;

    read->version = read->turn = read->at_ms = 0;
    read->state = NULL;
    read->bytes = 0;
    read->note_count = 0;
    if (read->notes != NULL) {
        read->note_count = generations_list(&mirror->kept, read->slot, read->unit, read->notes);
    }
    count_tables(mirror, read);
    read->status = find(&mirror->kept, read, &gen);
    if (read->status == STATUS_OK) read->status = copy_out(read, gen);
    // Whoever is told of the state finds it counted.
    publish_counts(mirror);
    read->on_done(read);
}

// A block has been taken out of the queue.
static void heap_less(struct mirror *mirror, uint32_t bytes) {
    uint64_t out = atomic_load_explicit(&mirror->heap_out, memory_order_relaxed);
    atomic_store(&mirror->heap_out, out + bytes);
}

// ---- telling of what is watched

static void tell(struct mirror *mirror, const struct mirror_change *change) {
    if (mirror->options.on_change != NULL) {
        mirror->options.on_change(mirror->options.context, change);
    }
}

static bool same(struct slice a, struct slice b) {
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

static void note_next(struct mirror *mirror, const struct record *record) {
    mirror->next.told = true;
    mirror->next.with_old = record->with_old;
    mirror->next.slot = record->slot;
    mirror->next.unit = record->unit;
    mirror->next.incarnation = record->incarnation;
    mirror->next.name_bytes = record->body_bytes;
    memcpy(mirror->next.name, record + 1, record->body_bytes);
}

// Before the put, which may write over the generation that it is compared with.
static void tell_change(struct mirror *mirror, const struct record *record) {
    const struct generation *before = NULL;
    bool                     put = record->kind == RECORD_PUT;
    if (mirror->next.slot != record->slot || mirror->next.unit != record->unit) return;
    mirror->next.told = false;
    struct mirror_change change = {
        .kind = MIRROR_CHANGED,
        .slot = record->slot,
        .unit = record->unit,
        .incarnation = mirror->next.incarnation,
        .version = put ? record->put.version : record->fresh->version,
        .at_ms = put ? record->put.at_ms : record->fresh->at_ms,
        .has_state = true,
        .name = slice_of(mirror->next.name, mirror->next.name_bytes),
        .state = put ? slice_of(record + 1, record->body_bytes)
                     : slice_of(record->fresh->state, record->fresh->bytes),
    };
    if (generations_find(&mirror->kept, record->slot, record->unit, 0, &before) == STATUS_OK) {
        change.old = slice_of(before->state, before->bytes);
        if (same(change.old, change.state)) return;
        change.has_old = mirror->next.with_old;
    }
    tell(mirror, &change);
}

static void tell_end(struct mirror *mirror, const struct record *record) {
    const struct generation *last;
    const uint8_t           *body = (const uint8_t *)(record + 1);
    uint32_t                 reason_bytes = record->body_bytes - record->name_bytes;
    struct mirror_change     change = {
            .kind = record->stopped ? MIRROR_STOPPED : MIRROR_ENDED,
            .slot = record->slot,
            .unit = record->unit,
            .incarnation = record->incarnation,
            .name = slice_of(body + reason_bytes, record->name_bytes),
            .reason = slice_of(body, reason_bytes),
    };
    if (generations_find(&mirror->kept, record->slot, record->unit, 0, &last) == STATUS_OK) {
        change.has_state = true;
        change.version = last->version;
        change.at_ms = last->at_ms;
        change.state = slice_of(last->state, last->bytes);
    }
    tell(mirror, &change);
}

// ---- histories

// The newest generations, newest first, as far as they are wanted and fit; their bytes.
static size_t collect(const struct mirror *mirror, struct mirror_history *history,
                      const struct generation *found[GENERATIONS_KEPT_MAX]) {
    size_t bytes = 0;
    for (uint32_t back = 0; back < GENERATIONS_KEPT_MAX; back++) {
        const struct generation *gen;
        enum status              status =
            generations_find(&mirror->kept, history->slot, history->unit, back, &gen);
        if (back == 0) history->status = status;
        if (status != STATUS_OK) break;
        if (back > 0 && (gen->version + 1 < history->from || //
                         bytes + gen->bytes > history->bytes_max)) {
            break;
        }
        bytes += gen->bytes;
        found[history->count++] = gen;
    }
    return bytes;
}

static void answer_history(struct mirror *mirror, struct mirror_history *history) {
    const struct generation *found[GENERATIONS_KEPT_MAX];
    history->count = 0;
    size_t bytes = collect(mirror, history, found);
    history->data = history->count > 0 ? malloc(bytes + 1) : NULL;
    if (history->count > 0 && history->data == NULL) {
        history->count = 0;
        history->status = STATUS_NO_MEMORY;
    }
    uint8_t *at = history->data;
    for (uint32_t i = 0; i < history->count; i++) {
        const struct generation *gen = found[history->count - 1 - i];
        if (gen->bytes > 0) memcpy(at, gen->state, gen->bytes);
        history->states[i] =
            (struct mirror_state){gen->version, gen->at_ms, slice_of(at, gen->bytes)};
        at += gen->bytes;
    }
    history->on_done(history);
}

static void keep(struct mirror *mirror, const struct record *record) {
    enum status status;

    if (mirror->next.told) tell_change(mirror, record);
    if (record->kind == RECORD_PUT) {
        struct generation_origin origin = {
            .slot = record->slot,
            .kept = record->kept,
            .unit = record->unit,
            .version = record->put.version,
            .turn = record->put.turn,
            .at_ms = record->put.at_ms,
        };
        status = generations_put(&mirror->kept, &origin, slice_of(record + 1, record->body_bytes));
    } else {
        status = generations_adopt(&mirror->kept, record->slot, record->unit, record->kept,
                                   record->fresh);
        heap_less(mirror, record->body_bytes);
    }
    if (status != STATUS_OK) {
        LOG_ERROR("mirror.state_lost", "status=%s slot=%" PRIu32 " unit=%" PRIu64 " bytes=%" PRIu32,
                  status_name(status), record->slot, record->unit, record->body_bytes);
    }
}

static void write_tables(struct mirror *mirror, const struct record *record) {
    bool        block = record->kind == RECORD_TABLES_BLOCK;
    const void *delta = block ? (const void *)record->fresh->state : record + 1;
    enum status status = table_store_apply(&mirror->tables, record->slot, record->unit,
                                           slice_of(delta, record->body_bytes));
    if (status != STATUS_OK) {
        LOG_ERROR("mirror.tables_lost", "status=%s slot=%" PRIu32 " unit=%" PRIu64,
                  status_name(status), record->slot, record->unit);
    }
    if (block) {
        free(record->fresh);
        heap_less(mirror, record->body_bytes);
    }
}

static void show_tables(struct mirror *mirror, struct mirror_visit *visit) {
    const struct tables *tables = NULL;
    enum status status = table_store_find(&mirror->tables, visit->slot, visit->unit, &tables);
    publish_counts(mirror);
    visit->on_visit(visit, status, tables);
}

static void handle(struct mirror *mirror, const struct record *record) {
    switch ((enum record_kind)record->kind) {
        case RECORD_PUT:
        case RECORD_ADOPT: keep(mirror, record); break;
        case RECORD_TABLES:
        case RECORD_TABLES_BLOCK: write_tables(mirror, record); break;
        case RECORD_KEEP:
            table_store_keep(&mirror->tables, record->slot, record->unit,
                             slice_of(record + 1, record->body_bytes));
            break;
        case RECORD_FORGET:
            generations_forget(&mirror->kept, record->slot, record->unit);
            table_store_forget(&mirror->tables, record->slot, record->unit);
            break;
        case RECORD_READ: answer(mirror, record->read); break;
        case RECORD_VISIT: show_tables(mirror, record->visit); break;
        case RECORD_TELL_NEXT: note_next(mirror, record); break;
        case RECORD_END: tell_end(mirror, record); break;
        case RECORD_HISTORY: answer_history(mirror, record->history); break;
    }
}

static void offer_room(struct mirror *mirror) {
    if (!atomic_load_explicit(&mirror->starved, memory_order_relaxed)) return;
    if (!has_room(mirror) || atomic_load(&mirror->stopping)) return;
    // Cleared first: an answer of FULL from here on asks for a call of its own.
    if (!atomic_exchange(&mirror->starved, false)) return;
    if (mirror->options.on_room != NULL) mirror->options.on_room(mirror->options.context);
}

// Handles up to GROUP_RECORDS records that begin at `at`; answers where they end.
static uint64_t handle_group(struct mirror *mirror, uint64_t at, uint64_t end) {
    const struct record *records[GROUP_RECORDS];
    uint32_t             count = 0;

    for (; at != end && count < GROUP_RECORDS; count++) {
        records[count] = (const struct record *)ring_at(&mirror->queue, at);
        generations_prefetch_slot(&mirror->kept, records[count]->slot);
        at += records[count]->record_bytes;
    }
    for (uint32_t i = 0; i < count; i++) {
        generations_prefetch_oldest(&mirror->kept, records[i]->slot);
    }
    for (uint32_t i = 0; i < count; i++) handle(mirror, records[i]);
    return at;
}

// Handles what is published; answers whether there was anything.
static bool drain(struct mirror *mirror) {
    uint64_t at = atomic_load_explicit(&mirror->tail, memory_order_relaxed);
    uint64_t end = atomic_load_explicit(&mirror->published, memory_order_acquire);
    bool     any = at != end;

    while (at != end) {
        at = handle_group(mirror, at, end);
        // Release: the net thread may write over the records from here on.
        atomic_store_explicit(&mirror->tail, at, memory_order_release);
        publish_counts(mirror);
        offer_room(mirror);
    }
    offer_room(mirror);
    return any;
}

static void mirror_body(struct thread *thread, void *context) {
    struct mirror *mirror = context;

    thread_role_set(ROLE_MIRROR);
    thread_ready(thread, STATUS_OK);
    for (;;) {
        // Read before draining: nothing is published after it was set.
        bool stopping = atomic_load(&mirror->stopping);
        bool worked = drain(mirror);
        if (stopping) return;
        take_nap(mirror, worked ? NAP_DOZE : NAP_DEEP);
    }
}

// ---- the net thread

// Makes what is written visible and sees to it that it is read.
static void publish(struct mirror *mirror, bool hurry) {
    if (hurry) atomic_store(&mirror->hurry_to, mirror->head);
    atomic_store(&mirror->published, mirror->head);
    wake(mirror, hurry);
    mirror->hurried = false;
}

// Answers FULL, after making sure that on_room will follow.
static enum status starve(struct mirror *mirror) {
    // Before publish: the mirror thread, awake or woken by it, checks the flag before it sleeps
    // again.
    atomic_store(&mirror->starved, true);
    publish(mirror, true);
    return STATUS_FULL;
}

static bool fits_queue(struct mirror *mirror, size_t bytes) {
    size_t size = mirror->queue.data_bytes;
    if (size - (mirror->head - mirror->tail_seen) >= bytes) return true;
    // Acquire: the mirror thread has finished with what we are about to write over.
    mirror->tail_seen = atomic_load_explicit(&mirror->tail, memory_order_acquire);
    return size - (mirror->head - mirror->tail_seen) >= bytes;
}

static uint64_t heap_waiting(const struct mirror *mirror) {
    return atomic_load_explicit(&mirror->heap_in, memory_order_relaxed) -
           atomic_load_explicit(&mirror->heap_out, memory_order_acquire);
}

// Writes the common part of a record and moves head past it. NULL: there is no room.
static struct record *append(struct mirror *mirror, enum record_kind kind, uint32_t slot,
                             uint64_t unit, size_t body_bytes) {
    size_t bytes = ring_round(sizeof(struct record) + body_bytes);
    if (!fits_queue(mirror, bytes)) return NULL;

    struct record *record = (struct record *)ring_at(&mirror->queue, mirror->head);
    record->record_bytes = (uint32_t)bytes;
    record->kind = (uint8_t)kind;
    record->slot = slot;
    record->unit = unit;
    mirror->head += bytes;
    return record;
}

// One body on its way into the queue: inline, or as a block.
struct parcel {
    enum record_kind   kind;
    struct slice       body;
    struct generation *block; // NULL: inline
};

// What it takes in the queue.
static size_t parcel_bytes(const struct parcel *parcel) {
    if (parcel->body.data == NULL) return 0;
    size_t body = parcel->body.bytes > INLINE_BYTES_MAX ? 0 : parcel->body.bytes;
    return ring_round(sizeof(struct record) + body);
}

static size_t parcel_heap_bytes(const struct parcel *parcel) {
    return parcel->body.bytes > INLINE_BYTES_MAX ? parcel->body.bytes : 0;
}

static bool parcel_pack(struct parcel *parcel, const struct generation_origin *origin) {
    if (parcel_heap_bytes(parcel) == 0) return true;
    parcel->block = generation_create(parcel->body.bytes);
    if (parcel->block == NULL) return false;
    generation_fill(parcel->block, origin, parcel->body);
    return true;
}

static void write_origin(struct record *record, const struct generation_origin *origin) {
    record->kept = (uint8_t)origin->kept;
    record->put.version = origin->version;
    record->put.turn = origin->turn;
    record->put.at_ms = origin->at_ms;
}

// There is room for it.
static void parcel_send(struct mirror *mirror, const struct parcel *parcel,
                        const struct generation_origin *origin) {
    if (parcel->body.data == NULL) return;
    bool           block = parcel->block != NULL;
    struct record *record =
        append(mirror, parcel->kind, origin->slot, origin->unit, block ? 0 : parcel->body.bytes);
    CHECK(record != NULL);
    record->body_bytes = (uint32_t)parcel->body.bytes;
    if (block) {
        record->kind = parcel->kind == RECORD_PUT ? RECORD_ADOPT : RECORD_TABLES_BLOCK;
        record->kept = (uint8_t)origin->kept;
        record->fresh = parcel->block;
        return;
    }
    write_origin(record, origin);
    if (parcel->body.bytes > 0) memcpy(record + 1, parcel->body.data, parcel->body.bytes);
}

enum status mirror_put_tables(struct mirror *mirror, const struct generation_origin *origin,
                              struct slice new_state, struct slice delta) {
    THREAD_CHECK(ROLE_NET);
    struct parcel tables = {.kind = RECORD_TABLES, .body = delta};
    struct parcel state = {.kind = RECORD_PUT, .body = new_state};
    size_t        heap = parcel_heap_bytes(&tables) + parcel_heap_bytes(&state);
    uint64_t      waiting = heap == 0 ? 0 : heap_waiting(mirror);
    bool          too_much = waiting > 0 && waiting + heap > mirror->options.heap_bytes_max;
    if (too_much || !fits_queue(mirror, parcel_bytes(&tables) + parcel_bytes(&state)))
        return starve(mirror);
    if (!parcel_pack(&tables, origin)) return STATUS_NO_MEMORY;
    if (!parcel_pack(&state, origin)) {
        free(tables.block);
        return STATUS_NO_MEMORY;
    }
    parcel_send(mirror, &tables, origin);
    parcel_send(mirror, &state, origin);
    if (heap == 0) return STATUS_OK;
    // Single writer.
    uint64_t in = atomic_load_explicit(&mirror->heap_in, memory_order_relaxed);
    atomic_store(&mirror->heap_in, in + heap);
    if (waiting + heap > mirror->options.heap_bytes_max / 4) mirror->hurried = true;
    return STATUS_OK;
}

enum status mirror_put(struct mirror *mirror, const struct generation_origin *origin,
                       struct slice state) {
    THREAD_CHECK(ROLE_NET);
    if (state.bytes > INLINE_BYTES_MAX)
        return mirror_put_tables(mirror, origin, state, (struct slice){0});
    struct record *record = append(mirror, RECORD_PUT, origin->slot, origin->unit, state.bytes);
    if (record == NULL) return starve(mirror);
    record->body_bytes = (uint32_t)state.bytes;
    write_origin(record, origin);
    if (state.bytes > 0) memcpy(record + 1, state.data, state.bytes);
    return STATUS_OK;
}

enum status mirror_keep_tables(struct mirror *mirror, uint32_t slot, uint64_t unit,
                               struct slice names) {
    THREAD_CHECK(ROLE_NET);
    if (names.bytes > INLINE_BYTES_MAX) return STATUS_TOO_LARGE;
    struct record *record = append(mirror, RECORD_KEEP, slot, unit, names.bytes);
    if (record == NULL) return starve(mirror);
    record->body_bytes = (uint32_t)names.bytes;
    if (names.bytes > 0) memcpy(record + 1, names.data, names.bytes);
    return STATUS_OK;
}

enum status mirror_visit(struct mirror *mirror, struct mirror_visit *visit) {
    THREAD_CHECK(ROLE_NET);
    struct record *record = append(mirror, RECORD_VISIT, visit->slot, visit->unit, 0);
    if (record == NULL) return starve(mirror);
    record->visit = visit;
    mirror->hurried = true;
    return STATUS_OK;
}

enum status mirror_forget(struct mirror *mirror, uint32_t slot, uint64_t unit) {
    THREAD_CHECK(ROLE_NET);
    return append(mirror, RECORD_FORGET, slot, unit, 0) == NULL ? starve(mirror) : STATUS_OK;
}

enum status mirror_read(struct mirror *mirror, struct mirror_read *read) {
    THREAD_CHECK(ROLE_NET);
    CHECK(read->on_done != NULL);
    struct record *record = append(mirror, RECORD_READ, read->slot, read->unit, 0);
    if (record == NULL) return starve(mirror);
    record->read = read;
    mirror->hurried = true;
    return STATUS_OK;
}

enum status mirror_tell_next(struct mirror *mirror, const struct mirror_watched *watched) {
    struct slice name = watched->name;
    THREAD_CHECK(ROLE_NET);
    CHECK(name.bytes <= MIRROR_NAME_BYTES_MAX);
    struct record *record =
        append(mirror, RECORD_TELL_NEXT, watched->slot, watched->unit, name.bytes);
    if (record == NULL) return starve(mirror);
    record->with_old = watched->with_old;
    record->incarnation = watched->incarnation;
    record->body_bytes = (uint32_t)name.bytes;
    if (name.bytes > 0) memcpy(record + 1, name.data, name.bytes);
    return STATUS_OK;
}

enum status mirror_end(struct mirror *mirror, const struct mirror_ending *ending) {
    struct slice name = ending->name, reason = ending->reason;
    THREAD_CHECK(ROLE_NET);
    CHECK(name.bytes <= MIRROR_NAME_BYTES_MAX);
    CHECK(reason.bytes <= MIRROR_REASON_BYTES_MAX);
    struct record *record =
        append(mirror, RECORD_END, ending->slot, ending->unit, reason.bytes + name.bytes);
    if (record == NULL) return starve(mirror);
    record->stopped = ending->kind == MIRROR_STOPPED;
    record->incarnation = ending->incarnation;
    uint8_t *body = (uint8_t *)(record + 1);
    record->name_bytes = (uint8_t)name.bytes;
    record->body_bytes = (uint32_t)(reason.bytes + name.bytes);
    if (reason.bytes > 0) memcpy(body, reason.data, reason.bytes);
    if (name.bytes > 0) memcpy(body + reason.bytes, name.data, name.bytes);
    return STATUS_OK;
}

enum status mirror_history(struct mirror *mirror, struct mirror_history *history) {
    THREAD_CHECK(ROLE_NET);
    CHECK(history->on_done != NULL);
    struct record *record = append(mirror, RECORD_HISTORY, history->slot, history->unit, 0);
    if (record == NULL) return starve(mirror);
    record->history = history;
    mirror->hurried = true;
    return STATUS_OK;
}

static bool quarter_full(struct mirror *mirror) {
    size_t quarter = mirror->queue.data_bytes / 4;
    return !fits_queue(mirror, mirror->queue.data_bytes - quarter);
}

void mirror_flush(struct mirror *mirror) {
    THREAD_CHECK(ROLE_NET);
    // Only this thread stores `published`, so relaxed tells the truth.
    if (atomic_load_explicit(&mirror->published, memory_order_relaxed) == mirror->head) return;
    publish(mirror, mirror->hurried || quarter_full(mirror));
}

// ---- up, down, counts

enum status mirror_create(const struct mirror_options *options, struct mirror **ret_mirror) {
    THREAD_CHECK(ROLE_MAIN);
    CHECK(options->queue_bytes >= QUEUE_BYTES_MIN);

    struct mirror *mirror = aligned_alloc(_Alignof(struct mirror), sizeof *mirror);
    if (mirror == NULL) return STATUS_NO_MEMORY;
    *mirror = (struct mirror){.options = *options};
    generations_init(&mirror->kept, options->generations);
    table_store_init(&mirror->tables, options->table_bytes_max, options->table_seed);

    enum status status = ring_create(&mirror->queue, options->queue_bytes, 0, false);
    if (status != STATUS_OK) goto free_mirror;
    status = thread_start(&mirror->thread, "peeper-mirror", mirror_body, mirror);
    if (status != STATUS_OK) goto fini_queue;
    *ret_mirror = mirror;
    return STATUS_OK;

fini_queue:
    ring_fini(&mirror->queue);
free_mirror:
    free(mirror);
    return status;
}

void mirror_destroy(struct mirror *mirror) {
    THREAD_CHECK(ROLE_MAIN);
    if (mirror == NULL) return;
    // The net thread has ended, so its side is ours. Published before stopping is set: see
    // mirror_body.
    atomic_store(&mirror->published, mirror->head);
    atomic_store(&mirror->stopping, true);
    wake(mirror, true);
    thread_join(&mirror->thread);
    CHECK(atomic_load(&mirror->tail) == mirror->head);
    generations_fini(&mirror->kept);
    table_store_fini(&mirror->tables);
    ring_fini(&mirror->queue);
    free(mirror);
}

// Bytes waiting at one moment: while the tail stands still, the difference is exact.
static uint64_t waiting_bytes(const struct mirror *mirror) {
    uint64_t tail, published;
    do {
        tail = atomic_load(&mirror->tail);
        published = atomic_load(&mirror->published);
    } while (atomic_load(&mirror->tail) != tail);
    return published - tail;
}

void mirror_counts(const struct mirror *mirror, struct mirror_counts *ret_counts) {
    *ret_counts = (struct mirror_counts){
        .units = atomic_load_explicit(&mirror->units, memory_order_relaxed),
        .generations = atomic_load_explicit(&mirror->generations, memory_order_relaxed),
        .state_bytes = atomic_load_explicit(&mirror->state_bytes, memory_order_relaxed),
        .puts = atomic_load_explicit(&mirror->puts, memory_order_relaxed),
        .queue_bytes = waiting_bytes(mirror),
        .table_units = atomic_load_explicit(&mirror->table_units, memory_order_relaxed),
        .table_bytes = atomic_load_explicit(&mirror->table_bytes, memory_order_relaxed),
    };
}
