// shard: everything that one net thread owns: its actors, their mailboxes and timers, and the hosts
// that run them.
//
// It knows neither sockets nor protobuf: requests come in through requests.h and life.h,
// answers leave through the port. All functions of the keeper that take a shard run on its net
// thread.
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "base/status.h"
#include "keeper/actor.h"
#include "keeper/await.h"
#include "keeper/behaviour_table.h"
#include "keeper/changes.h"
#include "keeper/child.h"
#include "keeper/code_set.h"
#include "keeper/commit.h"
#include "keeper/crash_log.h"
#include "keeper/hooks.h"
#include "keeper/host.h"
#include "keeper/idempotency.h"
#include "keeper/listener.h"
#include "keeper/listing.h"
#include "keeper/metrics.h"
#include "keeper/mirror.h"
#include "keeper/options.h"
#include "keeper/pending.h"
#include "keeper/pool.h"
#include "keeper/port.h"
#include "keeper/send_timer.h"
#include "keeper/streams.h"
#include "keeper/tie.h"

#include <stdbool.h>
#include <stdint.h>

struct shard;
struct transfers;
struct upgrade;

// What other threads send to the net thread. The sender embeds it; `deliver` runs on the net thread
// and then owns it.
struct shard_message {
    struct list link;
    void (*deliver)(struct shard_message *message, struct shard *shard);
};

#define SHARD_INBOX_MAX 65536u
#define SHARD_LOADS_MAX 8192u // reads that the mirror may owe us

struct shard {
    const struct keeper_options *options; // borrowed
    struct mirror               *mirror;  // borrowed
    struct code_set             *code;    // held; what new actors run
    struct port                  port;
    struct mailbox               inbox; // of struct shard_message
    struct actor_table           actors;
    struct behaviour_table       behaviours;
    struct pending_table         pending;
    struct keys                  keys; // of idempotency
    struct crash_log             crashes;
    struct tie_table             ties;
    struct child_index           children;
    struct listing               listing;
    struct heap                  timers;
    struct send_timers           send_timers;
    struct transfers            *transfers; // that were prepared, see transfer.c; owned; NULL: none
    struct changes               changes;
    struct streams               streams;
    struct listeners             listeners;
    struct hooks                 hooks;
    struct metrics               metrics;
    struct commit                commit; // scratch

    struct list     hosts; // of all pools, as long as they are not reaped; owned
    struct pool     pools[POOLS_MAX];
    uint32_t        pool_count; // those from here on are not in use
    uint32_t        general;    // index of the pool that is for everybody
    struct pool    *spawning;   // the one that a host is being started for; NULL: none
    struct upgrade *upgrade;    // owned; NULL: none is under way
    uint32_t        spawn_next; // where to look for the next in need
    uint32_t        host_serial_next;

    struct list  starved;   // actors that wait to read the mirror
    struct list  leaving;   // actors whose states are still to be forgotten
    struct list  asked;     // supervisors that a turn has asked to end
    struct list  news;      // children that their supervisors have not heard of yet
    struct timer unsettled; // TIMER_SETTLE: more news than one settling takes
    uint32_t     loads;     // reads the mirror owes us

    uint64_t now_ms;  // monotonic, as of this loop turn
    uint64_t wall_ms; // wall clock, likewise; for people
    uint64_t turn_next;
    uint64_t await_serial; // of the last call between actors
    uint64_t unit_next;
    uint64_t waiting_bytes; // of all envelopes in mailboxes
    uint32_t connections;   // open; counted by net
    uint32_t place_next;
    uint32_t seed;            // of the jitter
    uint64_t published_turns; // metrics.turns at the last publication that had any
    uint32_t batch;           // turns per publication, smoothed, times BATCH_UNIT
    bool     ready;           // a host has been ready, so behaviours are known
    bool     put_off;         // some request got STATUS_AGAIN
    bool     stalled;         // commits wait for room in the mirror's queue
    bool     stopping;        // new requests are refused
};

// `on_wake` is called by other threads when the inbox has something.
// Fails: STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status shard_init(struct shard *shard, const struct keeper_options *options,
                                 struct mirror *mirror, const struct port *port,
                                 void (*on_wake)(void *), void            *wake_context);

// Gives it the code that hosts are started with. Before the net thread begins.
// Owns: a hold of its own.   Thread: main.
void shard_use_code(struct shard *shard, struct code_set *code);

// Frees everything. Hosts must have been reaped or never started.   Thread: main, after the net
// thread has ended.
void shard_fini(struct shard *shard);

// Delivers what other threads have sent.
void shard_receive(struct shard *shard);

// Applies all commits that the hosts have published. True if there were any.
bool shard_drain(struct shard *shard);

// True if a commit waits in some ring: the cheap look for spinning.
bool shard_has_commits(const struct shard *shard);

// The mirror's queue has room again after it was full.
void shard_mirror_room(struct shard *shard);

// Whether few turns travel at a time. Then waiting awake for them costs nobody a processor.
bool shard_lonely(const struct shard *shard);

// Makes appended turns and queued states visible to workers and mirror. Once per loop turn, before
// replies are written.
void shard_publish(struct shard *shard);

// Tells all workers whether this thread sleeps, so that they ring its doorbell. Returns false if
// there is work after all.
bool shard_sleep(struct shard *shard);
void shard_awake(struct shard *shard);

// Turns that hosts have not committed yet, but for those of listeners, which nobody waits for.
uint32_t shard_inflight(const struct shard *shard);

// Runs the timers that are due at shard->now_ms.
void shard_run_timers(struct shard *shard);

// Looks after running turns: takes back what waits behind a long one, answers callers whose
// deadline passed, kills hosts over their deadline or memory. Every few milliseconds while turns
// are in flight.
void shard_watch(struct shard *shard);

// The answer to a caller that is no connection.
void shard_answer_inside(struct shard *shard, struct caller caller, const struct answer *answer);

// An answer without arguments; and an error with the text of its status.
// Every answer leaves through the first.
static inline void shard_answer(struct shard *shard, struct caller caller,
                                const struct answer *answer) {
    if (__builtin_expect(caller.conn >= CALLER_KEYED, false)) {
        shard_answer_inside(shard, caller, answer);
    } else {
        shard->port.answer(shard->port.context, caller, answer);
    }
}
void shard_answer_done(struct shard *shard, struct caller caller);
void shard_answer_error(struct shard *shard, struct caller caller, const struct failure *failure);
void shard_answer_status(struct shard *shard, struct caller caller, enum status status);

// The pool whose hosts run the actor.
static inline struct pool *shard_pool(struct shard *shard, const struct actor *actor) {
    return &shard->pools[actor->pool];
}

// What is known of the version of its behaviour that the actor runs.
static inline const struct behaviour *shard_behaviour(const struct shard *shard,
                                                      const struct actor *actor) {
    const struct code_set *code = shard->pools[actor->pool].code;
    return code == NULL || code->rows[actor->behaviour].file == NULL
               ? &shard->behaviours.rows[actor->behaviour]
               : &code->rows[actor->behaviour];
}
