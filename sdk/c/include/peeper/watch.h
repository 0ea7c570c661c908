// watch: the changes of states, as a stream of events, for both clients.
//
// A watch tells each committed change of one actor, or of all whose name has a prefix, with its
// version; a saved state with the same bytes as before is none. Events go where those of ties.h go.
// A client that does not take its events in time is told a gap in their place, and then the newest
// states; nobody waits for it. A watch ends with its connection: to go on after that, watch again
// from the version after the last one seen.
// Where an actor goes on with an older state than its newest (step_back of its start), that is
// an event between the changes before it and behind it.
// Source: docs/state.md, "Listeners and watch streams".
#pragma once

#include <peeper/ties.h>

#ifdef __cplusplus
extern "C" {
#endif

// What is watched. Zero-fill what does not count.
struct peeper_watch {
    const char *name;   // of one actor, which need not be there yet
    const char *prefix; // not NULL: in place of `name`, all that have it; "": all with a name
    // The first version that is wanted; 0: only what comes from now on. Not with a prefix, which is
    // resumed with a list: see docs/state.md.
    uint64_t from_version;
    uint64_t unit;     // whose versions these are; 0: of whoever has the name
    bool     with_old; // CHANGED has the state before
};

// --- The asynchronous client ---------------------------------------------------------------------

// `answer->ref` names the watch in its events; those of before the answer are none.
// Fails: INVALID, OVERLOADED (the message says which limit).
PEEPER_NODISCARD enum peeper_status peeper_client_watch(struct peeper_client      *client,
                                                        const struct peeper_watch *watch,
                                                        struct peeper_then         then);

// Ends a watch. One that is over is no failure; after the answer no event of it comes.
PEEPER_NODISCARD enum peeper_status peeper_client_unwatch(struct peeper_client *client,
                                                          uint64_t ref, struct peeper_then then);

// --- The blocking client -------------------------------------------------------------------------
// The next event is taken with peeper_sync_next_event (ties.h).

PEEPER_NODISCARD enum peeper_status
peeper_sync_watch(struct peeper_sync *sync, const struct peeper_watch *watch, uint64_t *ret_ref);

// Throws away what waits of it in the inbox, too.
PEEPER_NODISCARD enum peeper_status peeper_sync_unwatch(struct peeper_sync *sync, uint64_t ref);

#ifdef __cplusplus
}
#endif
