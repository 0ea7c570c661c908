// alarms: what of an actor depends on time: the message of the timer that a callback returned, the
// dropping of its copy after a while without a turn, and the timers that it has sent to itself.
//
// Most actors never need a struct alarms: a plain timeout lives in the actor itself, and without
// `hibernate_after_ms` nothing happens per turn. With it a turn notes the time and touches no heap:
// the timer looks when it fires at when the last turn was.
#pragma once

#include "base/buf.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct actor;
struct shard;

#define HIBERNATE_NEVER UINT32_MAX // a hibernate_after_ms: although the behaviour says otherwise

struct alarms {
    struct timer hibernate; // TIMER_HIBERNATE
    uint8_t     *message;   // of the actor's idle timer; owned; NULL: "timeout"
    uint32_t     message_bytes;
    uint32_t     hibernate_after_ms; // 0: not by itself
    uint64_t     worked_ms; // monotonic, end of the last turn; kept with hibernate_after_ms only
    struct list  own;       // struct send_timer, aimed at this actor by itself
    uint32_t     sent;      // send_timers pending, for whomever
    uint32_t     slot;
};

// The actor's alarms, made if there are none; NULL when memory ran out.   Thread: net.
struct alarms *alarms_of(struct actor *actor);

// Arms the timer that a callback returned. `message.data` NULL: the message is "timeout". A due
// time of UINT64_MAX never comes.   Thread: net.
void alarms_arm_idle(struct shard *shard, struct actor *actor, uint64_t due_ms,
                     struct slice message);

// Whether anything but an operator's new state is in flight to the actor or waits for it. It goes
// through a whole ring: only for an actor that `replaced` says may have one.   Thread: net.
bool alarms_disturbed(const struct shard *shard, struct actor *actor);

// A turn of an actor that has alarms is over, and no other one is in flight.   Thread: net.
void alarms_worked(struct shard *shard, struct actor *actor);

// The timers of the two are due.   Thread: net.
void alarms_idle_due(struct shard *shard, struct actor *actor);
void alarms_hibernate_due(struct shard *shard, struct alarms *alarms);

// The incarnation ends: whatever it has armed goes, with the messages that wait already.
//  Thread: net.
void alarms_end(struct shard *shard, struct actor *actor);

// Frees them; nothing may be armed. For actor_destroy.   Thread: net.
void alarms_free(struct actor *actor);
