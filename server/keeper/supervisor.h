// supervisor: OTP's supervisor as data. It starts, stops and restarts children in the order and by
// the strategy of its spec, counts restarts, and ends when there are too many.
//
// A supervisor is an actor without code: it has a name, an id and a life, and never a host. It runs
// in three phases; a table says what each piece of news means in each. Everything that takes time
// (an init, a terminate) is waited for in between, so no verb hangs on a child that hangs.
//
// A restart at any level keeps the units of the children that the spec names: their states and
// mailboxes. Children added by StartChild end with their supervisor's incarnation.
// Source: docs/supervision.md; OTP Design Principles, "Supervisor Behaviour".
#pragma once

#include "keeper/actor.h"
#include "keeper/child.h"
#include "keeper/shard.h"
#include "keeper/window.h"
#include "wire/codec.h"

struct waiter;

enum phase {
    PHASE_STEADY,   // children live; a restart is one child's
    PHASE_STARTING, // from `cursor` on, one after the other
    PHASE_STOPPING, // from `cursor` back to `number_first`, one after the other; or all at once
    PHASES
};

// What follows the stopping.
enum sequel { SEQUEL_START, SEQUEL_DOWN };

struct supervisor {
    struct actor           *actor;    // itself
    struct supervisor_spec *spec;     // held
    struct list             children; // in start order; owned
    struct list             waiters;  // for its start or its end; owned
    struct list             asked;    // in the shard's list of those asked to end
    struct child           *cursor;   // STARTING, STOPPING: whose turn it is; NULL: past the end
    struct buf              reason;   // why it ends
    uint64_t                restarts;
    uint32_t                child_count;
    uint32_t                number_next;
    uint32_t                number_first; // STOPPING: children from this number on
    uint32_t                away;         // children that are `away`, or were
    uint32_t                endings;      // children being stopped
    uint32_t                significant;  // significant children that have a unit
    uint8_t                 phase;        // enum phase
    uint8_t                 sequel;       // enum sequel
    bool                    born : 1;     // was up once
    bool                    parallel : 1; // STOPPING: all at once
    bool                    swept : 1;    // ... and all were told
    bool                    brutal : 1;   // STOPPING: without terminate
    bool                    relapsed : 1; // its restart failed
    bool                    gave_up : 1;  // its children's last states stay readable
    bool                    auto_due : 1; // a significant child has ended before all were up
    struct window           window;
};

// --- looking at children ---

static inline const struct child_spec *child_spec_of(const struct child *child) {
    return child->spec != NULL ? child->spec : child->parent->spec->children[0];
}

static inline bool supervisor_simple(const struct supervisor *sup) {
    return sup->spec->strategy == SIMPLE_ONE_FOR_ONE;
}

static inline struct child *supervisor_child_at(const struct supervisor *sup,
                                                const struct list       *link) {
    return link == &sup->children ? NULL : LIST_ENTRY(link, struct child, link);
}

static inline struct child *supervisor_first(const struct supervisor *sup) {
    return supervisor_child_at(sup, sup->children.next);
}

static inline struct child *supervisor_last(const struct supervisor *sup) {
    return supervisor_child_at(sup, sup->children.prev);
}

static inline struct child *child_next(const struct child *child) {
    return supervisor_child_at(child->parent, child->link.next);
}

static inline struct child *child_previous(const struct child *child) {
    return supervisor_child_at(child->parent, child->link.prev);
}

static inline bool child_is_supervisor(const struct child *child) {
    return child->actor != NULL && child->actor->supervisor != NULL;
}

static inline bool child_temporary(const struct child *child) {
    return child_spec_of(child)->restart == RESTART_TEMPORARY;
}

// The unit of `child` from now on; NULL: none.
static inline void child_set_unit(struct child *child, struct actor *actor) {
    uint32_t counts = child_spec_of(child)->significant;
    if (child->actor != NULL) child->parent->significant -= counts;
    if (actor != NULL) child->parent->significant += counts;
    child->actor = actor;
}

// How often the unit was restarted, for whatever reason.
static inline uint64_t unit_restarts(const struct actor *actor) {
    if (actor->supervisor != NULL) return actor->supervisor->restarts;
    uint64_t falls = actor->child == NULL ? 0 : actor->child->falls;
    return falls + (actor->extra->trouble == NULL ? 0 : actor->extra->trouble->restarts);
}

// Whether there is an incarnation, or one that begins or waits.
static inline bool child_live(const struct child *child) {
    return child->actor != NULL && child->actor->life != ACTOR_DOWN;
}

// The status of a unit as people are told it. One that is to stop is stopping also while its
// terminate waits for a worker, and when it only waits for the end of its supervisor.
static inline const char *unit_status_text(const struct actor *actor) {
    const struct child *child = actor->child;
    bool                ends = child != NULL &&
                (child->ending != NULL ||
                 (actor->life == ACTOR_DOWN && child->parent->actor->life == ACTOR_STOPPING));
    return ends ? actor_life_text(ACTOR_STOPPING) : actor_status_text(actor);
}

// Why its children are stopped when it stops them.
struct slice supervisor_stop_reason(const struct supervisor *sup);

// --- what life tells ---

// Notes news of a child; `reason` is copied.
void supervisor_news(struct shard *shard, struct child *child, enum news news, struct slice reason,
                     bool abnormal);

// Drops what is not heard of yet.
void supervisor_forget_news(struct child *child);

// Acts on all news, or on as many as one turn of the loop may take; the rest is for the next turn.
void supervisor_settle(struct shard *shard);
void supervisor_settle_later(struct shard *shard);

// --- what the verbs want; each may find the shard unsettled ---

// A new supervisor, top-level or as `child`'s unit; it begins to start its children.
// Owns:   holds `spec`.
// Fails:  STATUS_ALREADY_STARTED, STATUS_OVERLOADED, STATUS_NO_MEMORY.
NODISCARD enum status supervisor_create(struct shard *shard, struct supervisor_spec *spec,
                                        struct slice name, struct child *child,
                                        struct supervisor **ret_supervisor);

// Begins to end it, children first. Once more is harmless; a brutal one hurries what is under way.
void supervisor_stop(struct shard *shard, struct supervisor *sup, struct slice reason);
void supervisor_kill(struct shard *shard, struct supervisor *sup);
// The same as supervisor_stop(), at the next settling: for whoever is in the middle of a commit.
void supervisor_stop_soon(struct shard *shard, struct supervisor *sup, struct slice reason);

// Whether the end of a significant child is that of its supervisor, too.
bool supervisor_auto_due(const struct supervisor *sup);

// True while it ends.
bool supervisor_ending(const struct supervisor *sup);

// Adds a child, or gives NULL without memory.
struct child *supervisor_add(struct shard *shard, struct supervisor *sup, struct child_spec *spec);

// Starts a child that has no unit. `request` tells name, argument and options; `caller` gets the
// answer when init has returned. On failure a child being added is gone, and nobody was answered.
NODISCARD enum status supervisor_start_child(struct shard *shard, struct child *child,
                                             struct caller caller, struct request *request);

// The fields of Start that a child's spec asks for.
void supervisor_fill_request(const struct child *child, struct request *request);

// Stops a child for good; `waiter` (owned) is answered when that is done.
void supervisor_stop_child(struct shard *shard, struct child *child, struct waiter *waiter);

// Removes a child without a unit.
void supervisor_remove(struct shard *shard, struct child *child);

// Takes the flags and specs of `spec` over; children are left alone.
// Fails: STATUS_NO_MEMORY, nothing changed.
NODISCARD enum status supervisor_change(struct shard *shard, struct supervisor *sup,
                                        struct supervisor_spec *spec);

// --- timers ---

void supervisor_patience_over(struct shard *shard, struct ending *ending);

// Frees all children and the supervisor, whatever state they are in.   Thread: main, at the end.
void supervisor_drop(struct shard *shard, struct supervisor *sup);
