// tree_start: starts the supervision tree of a file on a shard, and stops it again.
//
// Other threads ask, the net thread does it, through the verbs that clients have; what comes of it
// is told once per question, on the net thread. That the tree has ended by itself is told unasked.
#pragma once

#include "boot/tree_file.h"
#include "keeper/shard.h"

#include <stdatomic.h>

enum tree_outcome {
    TREE_UNKNOWN, // nothing was told yet
    TREE_CHECKED, // the spec is good; nothing was started
    TREE_UP,      // all children run
    TREE_BAD,     // the spec is not good: `message`
    TREE_FAILED,  // a child did not start, and nothing of it runs: `message`
    TREE_STOPPED, // nothing of it runs
    TREE_STUCK,   // some child has not stopped in time
    TREE_ENDED,   // it was up, and is over without having been asked from here: `message` says why
};

#define TREE_STOP_MS 60000u // for all its children to stop

struct tree_start {
    // set by the asker, before it asks
    const struct tree_file *file;       // borrowed; may be emptied once it is up
    struct caller           caller;     // whose answers come to tree_start_answer()
    bool                    check_only; // start nothing
    bool                    watch;      // tell when it ends by itself
    void (*on_done)(void *context);     // any thread; `outcome` has changed
    void *context;                      // borrowed
    // the answer
    atomic_int          outcome; // enum tree_outcome
    struct tree_message message; // written before an outcome that has one
    // private
    struct shard_message begin;
    struct shard_message end;
    struct shard        *shard; // borrowed; net thread only
    uint64_t             id;    // of the supervisor; 0: it is not up
    bool                 stopping;
    bool                 over; // nothing of it runs, and that was told
};

// Asks to start it / to stop it, once each, in this order. The second may come before the first is
// answered, and is then answered in its place; but where nothing runs already, that has been told.
// Thread: any.
void tree_start_begin(struct tree_start *start, struct shard *shard);
void tree_start_stop(struct tree_start *start, struct shard *shard);

// Takes an answer of the shard to `caller`.   Thread: net.
void tree_start_answer(struct tree_start *start, uint64_t request, const struct answer *answer);
