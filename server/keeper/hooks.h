// hooks: the callbacks on_state_changed and on_terminate of behaviours. What was told of a unit
// waits here in a queue of its own until a host of the pool of listeners has run its callback.
//
// The actor is not asked and does not wait: its callbacks run after the fact, in processes where no
// actor runs, so what they do to these is felt by others of their kind alone. A callback has the
// states that it is about, and may send and cast; what it answers changes nothing else.
//
// Order:  one event of a unit is on its way at a time, and stays the head of its queue until its
//         commit has come. So the events of a unit run in order, and a host that is lost loses
//         none: they are sent again, except one that has killed its host, or was running when two
//         hosts were lost for no known reason. Those are dropped and counted.
// Code:   a *crew* is what one code set has to do here: its queues, and which of its behaviours
//         have killed hosts. A queue belongs to the crew of the code that its actor runs, or ran
//         last. An upgrade takes along what waits. What waits of units that are over stays with the
//         old code, for OLD_CODE_MS; the rest is then dropped and counted, since a code set that is
//         kept stands in the way of upgrades.
// Limits: HOOK_EVENTS_MAX and HOOK_BYTES_MAX wait of one unit (one that is larger passes where
//         nothing waits), HOOKS_BYTES_MAX of all. What does not fit, finds no memory or no pool is
//         dropped and counted, in ActorInfo.events_dropped.
// Crash loops: a behaviour whose callback has killed its host is not run again for PENALTY_MS_MIN,
//         then twice as long each time up to PENALTY_MS_MAX; forgiven when PENALTY_MS_MAX were
//         quiet. Its queues fill meanwhile.
// Ends:   a queue exists while something waits in it, also after its unit is gone; a crew while it
//         has queues or penalties; its pool closes some time after the last queue. When the server
//         goes down what waits is let go.
// Thread: net, all of it.   Source: docs/state.md, "Listeners and watch streams".
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/status.h"
#include "keeper/changes.h"
#include "keeper/host.h"
#include "wire/turn.h"

#include <stdbool.h>
#include <stdint.h>

struct code_set;
struct commit;
struct listening;
struct pool;
struct shard;

#define CALLBACK_HOOKS (CALLBACK_CHANGED | CALLBACK_ENDED)

#define HOOK_EVENTS_MAX 256u
#define HOOK_BYTES_MAX (4u << 20)
#define HOOKS_BYTES_MAX (64u << 20)
#define HOOK_TURNS_MAX 8u // at a time in one worker: so few wait behind one that is slow
#define PENALTY_MS_MIN 1000u
#define PENALTY_MS_MAX 60000u
#define OLD_CODE_MS 60000u

struct crew {
    struct list      link;
    struct code_set *code;   // held
    struct pool     *pool;   // while it has queues
    uint64_t         old_ms; // since when there is newer code; 0: there is none
    uint32_t         queues; // in the lists below, and those of penalties
    struct list      ready;  // have something to send
    struct list      sent;   // the head of each is in a ring; oldest first
    struct list      penalties;
};

// A behaviour that has killed hosts.
struct penalty {
    struct list  link;
    struct crew *crew;
    struct timer timer;   // TIMER_PENALTY
    bool         serving; // nothing of it is sent; else it waits to be forgiven
    uint16_t     behaviour;
    uint32_t     step;
    struct list  held; // queues, while serving
};

struct hooks {
    struct list crews; // owned, with all that they have
    uint64_t    bytes; // of all events
};

void hooks_init(struct hooks *hooks);
void hooks_fini(struct shard *shard);

// Enters a copy of an event, STATE, STOP or END, of whose unit the hooks want to hear; or drops and
// counts it.
void hooks_push(struct shard *shard, struct listening *listening, const struct change_event *event);

// The unit runs other code now, or wants to hear of other things.
void hooks_moved(struct shard *shard, struct listening *listening);

// The unit is over and nothing more comes; what waits is still run.
void hooks_over(struct listening *listening);

// Hands what is ready to workers. Once per loop turn where busy.
void hooks_work(struct shard *shard);

// Whether there is anything that waits, is on its way, or is to be forgiven.
static inline bool hooks_busy(const struct hooks *hooks) {
    return !list_empty(&hooks->crews);
}

// Whether something is on its way, which somebody has to look after.
bool hooks_running(const struct hooks *hooks);

// Whether the record was sent from here.
static inline bool hooks_turn(const struct turn_record *record) {
    return record->kind == TURN_CHANGED || record->kind == TURN_ENDED;
}

// The commit that answers such a record.   Fails: STATUS_PROTOCOL (nonsense).
NODISCARD enum status hooks_answered(struct shard *shard, const struct turn_record *turn,
                                     const struct commit *commit);

// A host, of whatever pool, is lost.
void hooks_host_lost(struct shard *shard, const struct host *host, enum host_end end,
                     const struct worker *culprit);

// A TIMER_PENALTY is due.
void hooks_penalty_due(struct shard *shard, struct penalty *penalty);
