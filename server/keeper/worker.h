// worker: the keeper's end of one host worker's two rings. It appends turns, finds commits, and
// remembers what is not committed yet, which is nothing but the ring itself between `tail` and
// `head`.
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/ring.h"
#include "base/status.h"
#include "keeper/port.h"
#include "wire/turn.h"

#include <stdbool.h>
#include <stdint.h>

struct actor;

// What the worker is running for the oldest turn, after its callback has committed.
enum chain { CHAIN_NONE, CHAIN_CONTINUE, CHAIN_TIMEOUT, CHAIN_TERMINATE };

struct worker {
    struct ring             turns;
    struct ring             commits;
    struct turns_control   *turns_control;
    struct commits_control *commits_control;
    // Both owned. The worker sleeps in reading its end of a pipe. Not an eventfd: that is one
    // object for both, and a hostile host could make our write block.
    int      doorbell;      // we write
    int      doorbell_host; // the host reads
    uint64_t head;          // end of the last turn appended
    uint64_t published;
    uint64_t tail;         // the oldest turn without its last commit
    uint64_t commits_tail; // consumed
    uint32_t inflight;     // turns between tail and head
    // turn whose body is in the bulk area; 0: the area is free
    uint64_t bulk_turn;
    // A commit of the oldest turn is being applied, or was nonsense: it has begun, whatever the
    // host says.
    bool       applying;
    enum chain chain;
    // Of CHAIN_CONTINUE; the message of CHAIN_TIMEOUT; the reason of CHAIN_TERMINATE.
    struct buf chain_argument;
    struct buf chain_reply; // what the caller gets after CHAIN_TERMINATE, if anything
    // The watch: how long the oldest turn has been running.
    uint64_t    watched_tail;
    uint64_t    watched_commits;
    uint64_t    since_ms;      // monotonic, of the callback that runs now; 0: not seen yet
    uint64_t    turn_since_ms; // likewise of the whole turn, with all links of its chain
    bool        blocked; // the turn at blocked_tail ran for long: what was behind it is taken back
    uint64_t    blocked_tail;
    bool        slow;  // its ring was old: it gets few turns at a time
    struct list ready; // actors that wait for room here
};

// Creates rings and doorbell.   Fails: STATUS_NO_MEMORY, STATUS_IO.   Thread: any.
NODISCARD enum status worker_init(struct worker *worker);
void                  worker_fini(struct worker *worker);

struct turn {
    enum turn_kind kind;
    uint8_t        flags;
    uint8_t        attempts;
    bool           control;
    bool           own;       // ends with the incarnation, see router_deliver_own
    bool           aside;     // void from the beginning: whatever answers it is ignored
    uint16_t       behaviour; // in the host's order
    uint64_t       number;
    struct caller  caller;
    uint64_t       begun_ms;
    uint32_t       limit_ms;
    struct slice   payload;
    struct slice   state; // with TURN_HAS_STATE
    uint32_t       rows;  // see struct turn_record
};

// Whom a turn is about.
struct tenant {
    uint32_t     slot;
    uint32_t     epoch;
    uint64_t     incarnation;
    struct slice name; // goes along
};

// Appends one turn of `actor`. It is seen by the worker after the next worker_publish.
// Fails: STATUS_AGAIN (no room until commits come), STATUS_TOO_LARGE (over the bulk area).
//        Thread: net.
NODISCARD enum status worker_append(struct worker *worker, const struct actor *actor,
                                    const struct turn *turn);

// The same of a tenant who need not be there any more. The turn is aside.   Thread: net.
NODISCARD enum status worker_append_aside(struct worker *worker, const struct tenant *tenant,
                                          const struct turn *turn);

// Where the worker says that it fell. Shape: the host's own memory, which it can still change, and
// any bytes: copy it before looking at it.   Thread: net.
struct slice worker_trace(const struct worker *worker);

// Makes appended turns visible and rings the doorbell if the worker sleeps; `lonely` is the hint
// whether it may wait awake for the next.   Thread: net.
void worker_publish(struct worker *worker, bool lonely);

// Gives the space of commits before `commits_tail` back. A worker can wait for room only when its
// ring was nearly full, or for its bulk area (`bulk`: such a commit was consumed); only then is it
// woken, because waking it for nothing would cost a switch per batch.   Thread: net.
void worker_consumed(struct worker *worker, uint64_t commits_tail, bool bulk);

// The turn record at `at`, tail <= at < head. It is the keeper's own memory: the host maps it
// read-only.
static inline struct turn_record *worker_turn(const struct worker *worker, uint64_t at) {
    return (struct turn_record *)(void *)ring_at(&worker->turns, at);
}

// The message of a turn record.
struct slice worker_payload(const struct worker *worker, const struct turn_record *record);

// Who still waits for an answer to a turn.
static inline struct caller worker_caller(const struct turn_record *record) {
    return (struct caller){record->note_conn, record->note_generation, record->note_request};
}

// Its caller has had its answer, or waits in the pending table.
static inline void worker_answered(struct turn_record *record) {
    record->note_generation = 0;
}

// Frees the oldest turn after its last commit.   Thread: net.
void worker_advance(struct worker *worker);

// End of the last commit, as the host claims.
static inline uint64_t worker_commits_head(const struct worker *worker) {
    return atomic_load_explicit(&worker->commits_control->head, memory_order_acquire);
}

#define WORKER_SLOW_MAX 8u

// Whether the worker shall get no more turns for now.
static inline bool worker_closed(const struct worker *worker) {
    return worker->blocked || (worker->slow && worker->inflight >= WORKER_SLOW_MAX);
}

// True if the worker has begun the oldest turn.
static inline bool worker_busy(const struct worker *worker) {
    if (worker->inflight == 0) return false;
    return worker->applying || atomic_load_explicit(&worker->commits_control->claimed,
                                                    memory_order_acquire) > worker->tail;
}
