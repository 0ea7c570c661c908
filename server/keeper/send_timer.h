// send_timer: messages that behaviours have sent off for later, until they are due or cancelled.
//
// A timer is known by an id that the host makes from the number of the turn, so that a callback has
// it at once. One that an actor has aimed at itself ends with its incarnation, whose successor's
// init makes new ones; one for another name is that name's business when it is due, and outlives
// whoever has sent it. No timer ends with a host.
//
// Nothing is dropped in silence: a turn that would have more than timers_max pending is refused as
// a whole.
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/status.h"
#include "keeper/commit.h"

#include <stdint.h>

struct actor;
struct shard;

struct send_timer {
    struct timer       timer; // TIMER_SEND
    struct send_timer *chain; // of the same bucket
    struct list        own;   // in its actor's alarms if aimed at that itself; else alone
    uint64_t           id;
    uint64_t           unit; // of the actor that has sent it
    uint32_t           slot; // likewise
    uint32_t           bytes;
    uint16_t           name_bytes; // 0: the actor itself
    uint8_t            text[];     // name, message
};

// By id: linear hashing, so that no insertion has to move them all. The places are address space
// for timers_max; memory follows what is used.
struct send_timers {
    struct send_timer **buckets; // owned
    uint32_t            bucket_max;
    uint32_t            bucket_count; // level <= bucket_count < 2 * level
    uint32_t            level;        // power of two
    uint32_t            count;
    uint32_t            count_max;
    uint64_t            bytes; // of all messages, those of callbacks' own timers included
    uint64_t            bytes_max;
};

// Fails: STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status send_timers_init(struct send_timers *timers, uint32_t count_max,
                                       uint64_t bytes_max);

// Frees all that are left; the heap must have been emptied or must not be used any more.
void send_timers_fini(struct send_timers *timers);

// Arms what the commit of `turn` sends off, all of it or nothing.
// Fails:  STATUS_FULL (timers_max), STATUS_OVERLOADED (bytes_max), STATUS_NO_MEMORY,
//         STATUS_PROTOCOL (ids that this turn cannot have made).   Thread: net.
NODISCARD enum status send_timers_arm(struct shard *shard, struct actor *actor, uint64_t turn,
                                      const struct commit *commit);

// Takes it back: the commit comes again.   Thread: net.
void send_timers_disarm(struct shard *shard, const struct commit *commit);

// Cancels a timer of the actor; one that is due, gone or another's is left alone.   Thread: net.
void send_timer_cancel(struct shard *shard, const struct actor *actor, uint64_t id);

// It is due: sends its message.
void send_timer_due(struct shard *shard, struct send_timer *timer);

// Frees the timers in an actor's list of its own.
void send_timers_end(struct shard *shard, struct list *own);
