// port: a worker's end of its two rings. It takes turns out, puts commits in, and sleeps when there
// is neither work nor room. It knows nothing of what a turn does.
//
// Positions only grow. What the keeper does with a record depends on its place alone, so this
// module gives each turn record exactly one place and never goes back.
// Source: wire/turn.h; docs/architecture.md, "Rings".
#pragma once

#include "base/ring.h"
#include "base/status.h"
#include "host/items.h"
#include "wire/turn.h"

struct port {
    // immutable after open
    const struct turns_control *in;
    struct commits_control     *out;
    int                         wake_fd;   // borrowed; the worker sleeps on it
    int                         keeper_fd; // borrowed; wakes the keeper
    bool                        plenty;    // of processors
    // worker thread only
    struct ring turns;
    struct ring commits;
    uint64_t    turn_at;     // of the record that is being run
    uint64_t    turn_head;   // as last seen
    uint64_t    commit_at;   // where the next commit goes
    uint64_t    commit_tail; // as last seen
    // end of the last commit that used the bulk area; 0 once the area was given back
    uint64_t bulk_end;
    uint32_t rung;    // value of keeper_sleep for which the keeper was woken
    uint32_t unrung;  // commits since then
    uint32_t spin_ns; // how long to wait awake; adapts to how often that pays
};

// The body of a turn record, inside the ring or the bulk area; valid until port_done().
struct turn_body {
    struct slice name;
    struct slice payload;
    struct slice state;
};

// Maps the rings of worker `index` from its descriptors (see turn.h).
// Fails: STATUS_INVALID, STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status port_open(struct port *port, uint32_t index, int keeper_fd);

// Unmaps. Twice is fine.   Thread: owner.
void port_close(struct port *port);

// The next turn record, marked as begun.   Thread: worker.   Blocks: until there is one.
const struct turn_record *port_next(struct port *port, struct turn_body *ret_body);

// The record that lies `bytes` behind the present one, if it is known to be there; else NULL. For
// looking ahead.   Thread: worker.
static inline const struct turn_record *port_ahead(const struct port *port, uint64_t bytes) {
    if (port->turn_head - port->turn_at <= bytes) return NULL;
    return (const struct turn_record *)(const void *)ring_at(&port->turns, port->turn_at + bytes);
}

// Whether the keeper ignores whatever is still answered to the record that is being run.   Thread:
// worker.
static inline bool port_void(const struct port *port) {
    const struct turn_record *record =
        (const struct turn_record *)(const void *)ring_at(&port->turns, port->turn_at);
    return __atomic_load_n(&record->note_void, __ATOMIC_RELAXED) != 0;
}

// Whether the keeper has taken back the record that is being run, or would like to.   Thread:
// worker.
static inline bool port_recalled(const struct port *port) {
    return port->turn_at < atomic_load_explicit(&port->in->recall_to, memory_order_relaxed) ||
           port_void(port);
}

// Goes past the record that port_next() answered, after its last commit.   Thread: worker.
void port_done(struct port *port, const struct turn_record *record);

// Publishes a commit made of `record` (sizes and COMMIT_BULK are filled in here) and `items`, and
// wakes the keeper if it sleeps.   Thread: worker.   Blocks: while the ring, or the bulk area if it
// is needed, is full.
void port_commit(struct port *port, struct commit_record record, const struct items *items);
