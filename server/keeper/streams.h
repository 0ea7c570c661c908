// streams: what clients watch, and what they are told of it.
//
// A *stream* is one Watch of a connection: of one name or of all names with a prefix. An actor that
// some stream or listener is about has `actor->watched`, set when either of them begins; its puts
// then have mirror_tell_next before them, unless all that is to be heard is its end (`ends_only`);
// to have looked for `watched` is the one branch that everybody else pays. The
// mirror thread compares and tells the changes; from there the net thread brings each event to the
// streams that its name belongs to: one look-up and as many comparisons as there are prefixes,
// hence their own bound.
//
// A client that does not read is not waited for. What it has no room for is noted as a *lag* of
// (stream, unit), see lag.h, and told as a gap once there is room. Streams end with their
// connection or by Unwatch.
// Thread: net, all of it.   Source: docs/state.md, "Listeners and watch streams".
#pragma once

#include "base/list.h"
#include "keeper/changes.h"
#include "keeper/port.h"

#include <stdbool.h>
#include <stdint.h>

struct actor;
struct lag;
struct request;
struct shard;

#define STREAM_LAG_BUCKETS 4096u

// A connection that watches.
struct viewer {
    struct caller client; // without request
    struct list   streams;
    struct list   lags;
    struct list   link; // in streams.roomy or streams.gone, or alone
    uint32_t      stream_count;
    uint32_t      lag_count;
    bool          crowded; // has no room until streams_client_room
    bool          gone;    // hung up; freed when nobody is in the middle of it
};

struct stream {
    struct list    of_viewer;
    struct list    of_prefixes; // of a prefix, else alone
    struct list    scanning;    // of a prefix whose actors are still being looked for
    struct stream *chain;       // of the bucket of a name
    struct viewer *viewer;
    struct caller  caller; // who is answered when the scan is done
    uint64_t       ref;
    uint32_t       scan_slot; // the next one to look at
    bool           prefix;
    bool           with_old;
    bool           blind; // something was lost, nobody knows of whom
    uint8_t        name_bytes;
    uint8_t        name[];
};

// The end of a unit that the mirror had no room to hear of.
struct farewell;

struct streams {
    struct viewer **viewers; // owned; by slot of the connection
    uint32_t        viewer_places;
    struct stream **buckets; // of names; owned
    uint32_t        bucket_count;
    uint32_t        name_count;
    struct list     prefixes;
    uint32_t        prefix_count;
    uint32_t        old_count; // streams and listeners that want old states
    uint32_t        lag_count;
    struct lag     *lags[STREAM_LAG_BUCKETS];
    struct list     backlog;   // change_item, drained and not told yet; owned
    struct list     roomy;     // viewers that have room again
    struct list     gone;      // viewers to be freed
    struct list     scanning;  // prefixes
    struct list     wanting;   // lags that are to ask the mirror
    struct list     farewells; // owned
    bool            due;       // streams_work has something to do
};

void streams_init(struct streams *streams);
void streams_fini(struct shard *shard);

// The verbs Watch and Unwatch.   Fails: STATUS_AGAIN.
NODISCARD enum status stream_run_watch(struct shard *shard, struct caller caller,
                                       const struct request *request);
NODISCARD enum status stream_run_unwatch(struct shard *shard, struct caller caller,
                                         const struct request *request);

// A connection has gone / has read what it was told.
void streams_client_over(struct shard *shard, struct caller client);
void streams_client_room(struct shard *shard, struct caller client);

// How many streams are about an actor of this name. Anonymous ones nobody watches.
uint32_t streams_about(const struct shard *shard, struct slice name);

// Sets what is to be told of an actor: whether anything, and whether more than its end.
void streams_mark(struct shard *shard, struct actor *actor);

// A unit that is watched is over: everybody is told once the mirror has been asked for its last
// state. Before its states are forgotten.
void streams_actor_over(struct shard *shard, struct actor *actor, struct slice reason);

// The same of an incarnation, which only listeners hear of.
void streams_incarnation_over(struct shard *shard, struct actor *actor, struct slice reason);

// An actor goes on with an older state than its newest, which the mirror has just given it.
void streams_stepped_back(struct shard *shard, const struct actor *actor,
                          const struct step_info *info);

// Whether the old state shall come with a change.
static inline bool streams_want_old(const struct streams *streams) {
    return streams->old_count > 0;
}

// Says to the mirror that the next put of this actor, who is watched, is to be told.
// Fails: STATUS_FULL.
NODISCARD enum status streams_tell_next(struct shard *shard, const struct actor *actor);

// The queue of changes has something / the mirror has room again.
void streams_receive(struct shard *shard);
void streams_mirror_room(struct shard *shard);

// Goes on with what was put off; a bounded piece of it. Once per loop turn where `due`.
void streams_work(struct shard *shard);

// Whether the loop must not sleep.
static inline bool streams_busy(const struct streams *streams) {
    return streams->due;
}

// --- for lag.c ---

// Tells one event to the client of a stream.
// Fails: STATUS_FULL (the client has no room now), STATUS_NOPROC (it has gone).
NODISCARD enum status stream_push(struct shard *shard, const struct stream *stream,
                                  struct push *push);

// Counts an event that was not told when it came.
void stream_count_drop(struct shard *shard, uint32_t slot, uint64_t unit);
