// worker: runs the turns of its ring, one after the other, and answers each with commits.
//
// It keeps copies of the actors it has met and nothing that cannot be thrown away. What a callback
// does wrong ends that turn (context_crash, a jump back to run_guarded); what it does to the
// process is the keeper's to deal with.
// Source: wire/turn.h; peeper/behaviour.h.
#pragma once

#include "host/behaviours.h"
#include "host/context.h"
#include "host/copies.h"
#include "host/lua_behaviour.h"
#include "host/port.h"

#define WORKER_WHERE_BYTES 256

struct step { // one callback to run
    enum phase          phase;
    struct peeper_value argument;
};

struct worker {
    // immutable after init
    uint32_t                       index;
    const struct behaviours       *behaviours; // borrowed
    const struct peeper_behaviour *list;       // behaviours->list
    struct peeper_writer           timeout;    // owned; the message "timeout"
    // worker thread only
    struct port               port;
    struct copies             copies;
    struct peeper_ctx         ctx;
    const struct turn_record *record; // that is being run
    struct turn_body          body;   // of it
    struct copy              *copy;   // of its actor; NULL if there is none (any more)
    bool                      load;   // the state in `body` is still to be loaded
    // of the timer that the callback asked for, see context_due_ms
    uint64_t            due_ms;
    struct step         step;
    enum peeper_action  action;                    // what the callback answered
    char                where[WORKER_WHERE_BYTES]; // of a crash, terminated
    struct lua_machines lua;
};

// Maps the rings of worker `index` and gets ready.
// Fails: as port_open, STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status worker_init(struct worker *worker, uint32_t index,
                                  const struct behaviours *behaviours, uint32_t copies_max,
                                  int keeper_fd);

// Sets the limit of the tables of one actor, which is WRITES_TABLE_BYTES without it, and how much
// of all actors' the worker keeps at hand.   Thread: main, before the worker's thread starts.
void worker_limit_tables(struct worker *worker, uint64_t bytes_max, uint64_t cached_bytes_max);

// Frees everything. For a worker whose thread does not run (tests, benchmarks).   Thread: owner.
void worker_fini(struct worker *worker);

// Runs one turn record and everything that follows from it.   Thread: worker.   Blocks: until there
// is a turn.
void worker_run_one(struct worker *worker);
