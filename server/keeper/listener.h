// listener: who hears of the changes of which unit, besides clients. A unit may be *listened to* in
// two ways. It may be started with the name of a listener, an actor which then gets messages to
// handle_info:
//
//     ["CHANGED", name, version, old, new]   a committed state that is not the one before (old:
//                                            null where there was none)
//     ["TERMINATED", name, reason, state]    an incarnation has ended by a stop or a crash, or the
//                                            unit is over
//
// And its behaviour may have the callbacks on_state_changed and on_terminate, which are run by
// hooks.h; which of them is a matter of the version that the unit runs.
//
// What is heard comes through the queue of changes like what clients watch: in order per actor, and
// after the fact, so that a listener that is slow, crashes or is not there costs the one it listens
// to nothing. Its mailbox bounds what waits for it; what does not fit is dropped and counted
// (ActorInfo.events_dropped of the one that changed).
// Thread: net, all of it.   Source: docs/state.md, "Listeners and watch streams".
#pragma once

#include "keeper/changes.h"

#include <stdbool.h>
#include <stdint.h>

struct actor;
struct code_set;
struct hook_queue;
struct shard;

#define LISTENER_SEGMENT 4096u

// What is kept of a unit that is listened to, from its start or from when it first runs code with
// such callbacks, until its end has been told.
struct listening {
    struct listening  *chain; // of the slot: units whose ends are still to be told
    struct code_set   *code;  // held; what the unit runs or ran last
    struct hook_queue *queue; // of hooks.h; NULL: nothing waits
    uint64_t           unit;
    uint64_t           incarnation; // the newest that has come up
    uint32_t           slot;
    uint16_t           behaviour;
    uint16_t           hooks;      // bits of enum behaviour_callback, in CALLBACK_HOOKS
    bool               terminated; // the last incarnation's end has been told
    uint8_t            name_bytes; // of the listener; 0: it has none
    uint8_t            name[];
};

// By slot, like the table of actors.
struct listeners {
    struct listening ***segments; // owned; NULL where nobody is listened to
    uint32_t            segment_count;
    uint32_t            count;
};

void listeners_fini(struct listeners *listeners);

// A new unit, which is in its pool: from now on it is listened to by the actor of this name, unless
// that is empty, and by the callbacks that its behaviour has. Nothing where there is neither.
// Fails: STATUS_NO_MEMORY.
NODISCARD enum status listener_attach(struct shard *shard, struct actor *actor, struct slice name);

// Whether it is listened to; and whether its changes are heard, or only its ends.
bool listener_has(const struct listeners *listeners, const struct actor *actor);
bool listener_hears_changes(const struct shard *shard, const struct actor *actor);

// The unit never came up: nobody hears of it.
void listener_forget(struct shard *shard, const struct actor *actor);

// An incarnation has begun / has ended other than by a kill. Cheap where the actor has no listener.
void listener_begun(struct shard *shard, const struct actor *actor);
void listener_terminated(struct shard *shard, struct actor *actor, struct slice reason);

// The actor has moved to other code.
void listener_moved(struct shard *shard, struct actor *actor);

// Tells an event to those who listen to its unit. False if its changes need not be told any more as
// far as they are concerned.
bool listener_tell(struct shard *shard, const struct change_event *event);
