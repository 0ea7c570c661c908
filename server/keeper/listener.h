// listener: actors that hear of the changes of other actors. An actor may be started with the name
// of a listener, which then gets messages to handle_info:
//
//     ["CHANGED", name, version, old, new]   a committed state that is not the one before (old:
//     null
//                                            where there was none)
//     ["TERMINATED", name, reason, state]    an incarnation has ended by a stop or a crash, or the
//                                            unit is over
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
struct shard;

#define LISTENER_BUCKETS 4096u

// What is kept of a unit that has a listener, until its end has been told.
struct listening {
    struct listening *chain;
    uint64_t          unit;
    bool              terminated; // the last incarnation's end has been told
    uint8_t           name_bytes; // of the listener
    uint8_t           name[];
};

struct listeners {
    struct listening *buckets[LISTENER_BUCKETS];
    uint32_t          count;
};

void listeners_fini(struct listeners *listeners);

// A new unit has a listener of this name, 1 to 255 bytes.   Fails: STATUS_NO_MEMORY.
NODISCARD enum status listener_attach(struct shard *shard, struct actor *actor, struct slice name);

// Whether the unit has one.
bool listener_has(const struct listeners *listeners, uint64_t unit);

// The unit never came up: nobody hears of it.
void listener_forget(struct shard *shard, uint64_t unit);

// An incarnation has begun / has ended other than by a kill. Cheap where the actor has no listener.
void listener_begun(struct shard *shard, const struct actor *actor);
void listener_terminated(struct shard *shard, struct actor *actor, struct slice reason);

// Tells an event to the listener of its unit, if it has one. False if it has none.
bool listener_tell(struct shard *shard, const struct change_event *event);
