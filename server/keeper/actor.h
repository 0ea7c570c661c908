// actor: one named unit with its mailbox, and the table of all of them. It owns names, arguments
// and waiting messages.
//
// Two questions are kept apart: *life* (what was decided about it) and *home* (whether a host
// has a copy). A host that dies takes every home with it at once: `host_serial` no longer matches
// and the actor counts as cold.
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/status.h"
#include "keeper/envelope.h"
#include "keeper/options.h"
#include "keeper/window.h"
#include "wire/info.h"

#include <stdbool.h>
#include <stdint.h>

enum actor_life {
    ACTOR_FREE,       // the slot has no tenant
    ACTOR_STARTING,   // the first init has not committed
    ACTOR_RUNNING,    //
    ACTOR_RESTARTING, // init runs again, with the state from the mirror
    ACTOR_DOWN,       // its supervisor has not decided yet, or restarts others first
    ACTOR_WAITING,    // over its intensity: the next restart comes after a delay
    ACTOR_SUSPENDED,  // over its intensity: until resumed
    ACTOR_STOPPING,   // terminate is in flight
    ACTOR_ENDED,      // gave up: the name is free, the last state stays readable
    ACTOR_LIVES
};

// Why an actor that runs takes no messages of users.
enum held {
    HELD_SUSPENDED = 1, // an operator said so
    HELD_AWAITING = 2,  // it has called another actor
    // It makes calls: its turns come one at a time, so that a call finds none that would have to be
    // taken back. Holds nothing back by itself.
    HELD_SINGLE = 4,
};

#define HELD_BACK (HELD_SUSPENDED | HELD_AWAITING)

enum actor_home {
    HOME_COLD,    // no host has a copy
    HOME_LOADING, // the mirror was asked for the state
    HOME_HOT,     // worker `worker` of host `host_serial` has a copy of epoch `epoch`
    HOME_DORMANT, // cold, because it hibernates
};

enum restart_type { RESTART_PERMANENT = 1, RESTART_TRANSIENT = 2, RESTART_TEMPORARY = 3 };
enum on_intensity { INTENSITY_BACKOFF = 1, INTENSITY_SUSPEND = 2, INTENSITY_STOP = 3 };

#define QUARANTINE_KILLS 3u // so many hosts killed within a window put it into quarantine

// Which generation an actor has that crashes right after its restarts; see step_back.h.
struct step {
    bool             unproven; // restarted after a crash, and no turn was good since
    bool             due;      // the next load is of an older generation
    uint64_t         version;  // that it has in place of the newest; 0: the newest
    uint64_t         below;    // the next one is older than this; 0: than the newest
    struct step_info last;
};

// What is remembered of an actor that has crashed; most never need one.
struct trouble {
    struct timer backoff;    // TIMER_BACKOFF
    struct timer quarantine; // TIMER_QUARANTINE
    // Monotonic: when it killed its last hosts; a ring with `kills` as its end. See isolation.h.
    uint64_t      kills_ms[QUARANTINE_KILLS];
    uint32_t      kills;
    bool          let_go; // its time in quarantine is over
    uint32_t      slot;
    uint32_t      backoff_step; // 0: not in back-off
    uint64_t      restarts;
    uint64_t      up_ms;   // monotonic, when it was last up again; 0: it is down
    uint64_t      down_ns; // monotonic, when the present outage began; 0: it is up
    const char   *kind;    // static text
    uint8_t      *reason;  // encoded Value; owned
    uint32_t      reason_bytes;
    uint64_t      crash;  // in the crash log; 0: not kept there
    uint64_t      at_ms;  // wall clock
    struct window window; // of its restarts
    struct step   step;
};

struct alarms;
struct await;
struct child;
struct feed;
struct pending;
struct ties;
struct supervisor;

// What few actors have. Read through actor->extra, written through actor_extra().
struct rows_left {
    bool     there;
    uint8_t  worker;
    uint32_t host_serial;
    uint32_t epoch;
};

struct actor_extra {
    struct trouble *trouble;        // owned; NULL: it never crashed
    struct pending *pending;        // deferred calls; owned by the pending table
    struct alarms  *alarms;         // owned; NULL: it needs none
    struct await   *await;          // owned; NULL: it has made no call
    struct ties    *ties;           // owned by the tie table; NULL: it has none
    char           *refused;        // owned text: why it is not upgraded; NULL: it has not refused
    uint8_t         generations;    // that the mirror keeps of it; 0: as of all
    bool            step_back;      // see step_back.h
    uint64_t        events_dropped; // that a stream was not told when they came
    struct feed    *feed;           // owned; NULL: none waits for room
    struct keep    *keep;           // owned; NULL: a restart gives all tables back
    // Where a crash has left the tables, in the worker that ran it.
    struct rows_left rows_left;
};

// The tables that a restart gives back, besides the dictionary and those with TABLE_HEIR.
struct keep {
    uint32_t bytes;
    uint8_t  names[]; // see table_store_keep
};

#define ACTOR_TEXT_HERE 24u

// What a call touches comes first: with the segments aligned it is in two or three cache lines.
struct actor {
    // Name, then argument: here if they are short, which spares a look-up one more miss; else
    // owned.
    union {
        uint8_t  here[ACTOR_TEXT_HERE];
        uint8_t *elsewhere;
    } text;
    struct list               ready;   // in a list of actors to pump again, or alone
    struct list               mailbox; // envelopes, oldest first; owned
    const struct actor_extra *extra;   // owned unless it is the one that all share, which is empty
    uint64_t                  unit;    // never reused
    uint64_t                  version; // of the newest state handed to the mirror
    uint32_t                  slot;
    // incarnations of this slot; with the slot it makes the id
    uint32_t generation;
    uint32_t epoch;       // activations
    uint32_t host_serial; // of the host that holds it
    uint32_t waiting;     // envelopes in the mailbox
    uint32_t inflight;    // turns in a ring that are not void
    uint32_t mailbox_max;
    uint32_t argument_bytes;
    uint16_t behaviour;
    uint8_t  name_bytes;
    uint8_t  worker;
    uint8_t  pool; // index, of the hosts that may run it
    uint8_t  life : 4;
    uint8_t  home : 3;
    bool     init_lost : 1; // a recall had no memory for its init, see life_init_lost
    uint8_t  restart : 2;
    uint8_t  on_intensity : 2;
    bool     watched : 1;   // changes of its state and its end are told, see streams.h
    bool     ends_only : 1; // with `watched`: only its end
    bool     changing : 1;  // nothing new is begun: its code is about to be changed, see upgrade.h
    // enum held. Messages of users wait while it has one of HELD_BACK; the control lane goes on.
    uint8_t held : 3;
    // The worker may have run turns of this actor that were taken back: its copy is not to be used
    // after the turn that runs now.
    bool         stale : 1;
    bool         own_waits : 1;    // a message in the mailbox may be `own`
    bool         replaced : 1;     // a TURN_REPLACE may be waiting or in flight
    bool         no_trap_exit : 1; // exits of linked actors end it
    bool         has_tables : 1;   // the mirror may have some
    struct timer idle;             // TIMER_IDLE
    // Its place in a supervisor; NULL: it has none
    struct child *child;
    // Owned by supervisor.c; NULL: an actor. A supervisor has a name and an id, and runs no code.
    struct supervisor *supervisor;
    uint32_t           intensity;
    uint32_t           period_ms;
};

// For writing: a struct of its own from the first time on.   Fails: NULL when memory ran out.
struct actor_extra *actor_extra(struct actor *actor);

static inline uint64_t actor_id(const struct actor *actor) {
    return (uint64_t)actor->generation << 32 | actor->slot;
}

static inline const uint8_t *actor_text(const struct actor *actor) {
    bool here = actor->name_bytes + (uint64_t)actor->argument_bytes <= ACTOR_TEXT_HERE;
    return here ? actor->text.here : actor->text.elsewhere;
}

static inline struct slice actor_name(const struct actor *actor) {
    return slice_of(actor_text(actor), actor->name_bytes);
}

static inline struct slice actor_argument(const struct actor *actor) {
    return slice_of(actor_text(actor) + actor->name_bytes, actor->argument_bytes);
}

#define ACTOR_SEGMENT 4096u

struct actor_place {
    uint32_t hash;
    uint32_t slot; // 1 + the actor's; 0: empty
};

// All actors, by slot. Segments never move, so a struct actor * stays valid while its slot has this
// tenant.
struct actor_table {
    struct actor **segments; // owned
    uint32_t       segment_count;
    uint32_t       used; // slots ever handed out
    uint32_t       live;
    uint32_t       live_max;
    struct list    free; // through actor.ready
    // names: open addressing, linear probing
    struct actor_place *places; // owned
    uint32_t            name_count;
    uint32_t            name_capacity; // power of two
    uint64_t            seed;          // of the hash; secret
};

// Fails: STATUS_NO_MEMORY, STATUS_IO (no randomness).   Thread: main.
NODISCARD enum status actor_table_init(struct actor_table *table, uint32_t live_max);
void                  actor_table_fini(struct actor_table *table);

// A new tenant in state STARTING with a copy of name and argument; not yet registered.
// Fails: STATUS_OVERLOADED (live_max), STATUS_NO_MEMORY.   Thread: net.
NODISCARD enum status actor_create(struct actor_table *table, struct slice name,
                                   struct slice argument, struct actor **ret_actor);

// Frees the argument of one that will never run its init again; the name moves.   Thread: net.
void actor_forget_argument(struct actor *actor);

// Gives the slot back. Mailbox and pending must be empty, timers are the caller's duty.   Thread:
// net.
void actor_destroy(struct actor_table *table, struct actor *actor);

// The tenant of `slot`, or NULL.
struct actor *actor_at(const struct actor_table *table, uint32_t slot);

// By incarnation id or by name; NULL if there is none. An ENDED actor is found by name.
struct actor *actor_by_id(const struct actor_table *table, uint64_t id);
struct actor *actor_by_name(const struct actor_table *table, struct slice name);

// Brings what a look-up by name will touch into the cache, in two steps with other work between
// them: first the place in the table, then the actor. For a batch of requests this hides most
// misses.
void actor_prefetch_place(const struct actor_table *table, struct slice name);
void actor_prefetch(const struct actor_table *table, struct slice name);

// Enters / removes the actor's name. Anonymous actors have none and are fine.
// Fails: STATUS_ALREADY_STARTED, STATUS_NO_MEMORY.
NODISCARD enum status actor_name_put(struct actor_table *table, struct actor *actor);
void                  actor_name_remove(struct actor_table *table, struct actor *actor);

// Text for people: "running", ...
const char *actor_life_text(enum actor_life life);

// The same of one actor; "suspended" also for one that an operator has suspended.
const char *actor_status_text(const struct actor *actor);
