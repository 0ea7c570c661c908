// changes: brings what the mirror tells of watched units to the net thread, in order, in bounded
// memory.
//
// The mirror thread puts a copy of each change in; the net thread takes all of them at once. While
// too many bytes wait, what comes is not kept but noted: one entry per unit says which versions
// were lost, and where even that is too much, `blind` says that something was. So a queue that is
// full costs nobody any time, and nothing is lost without a trace. Nothing is kept behind something
// lost until the net thread has been here: within a unit the order holds.
//
// Answers to histories that the net thread has asked for travel here as well, because their place
// among the changes counts; they are never refused, for there are never more than it has asked for.
// A step back is known on the net thread, when the mirror has answered the read of the older state:
// the changes from before it are here by then, so that it is put in from there, behind them.
// Source: docs/state.md, "Listeners and watch streams".
#pragma once

#include "base/list.h"
#include "keeper/mirror.h"
#include "wire/info.h"

#include <pthread.h>

#define CHANGES_BYTES_MAX (16u << 20)
#define CHANGES_LOST_MAX 4096u // units of which is known what was lost
#define CHANGES_LOST_BUCKETS 1024u

enum change_kind {
    CHANGE_STATE,
    CHANGE_END,  // without the state where there was no room for it
    CHANGE_STOP, // of an incarnation; otherwise as CHANGE_END
    CHANGE_LOST, // versions `first` to `version` of a unit
    CHANGE_STEP, // back: `version` was left at `at_ms` for `older`
    CHANGE_HISTORY,
};

// One entry. Of a CHANGE_HISTORY there is only this head, in the memory of whoever asked.
struct change_item {
    struct list      link;
    enum change_kind kind;
};

struct change_event {
    struct change_item   item;
    struct change_event *chain; // of the bucket of a CHANGE_LOST
    uint32_t             slot;
    uint64_t             unit;
    uint64_t             incarnation; // STATE, STOP
    uint64_t             first;       // CHANGE_LOST
    uint64_t             version;     // of the state; CHANGE_LOST: the last one
    uint64_t             older;       // CHANGE_STEP
    uint64_t             at_ms;
    bool                 has_state;
    bool                 has_old;
    struct slice         name; // these point behind the struct
    struct slice         state;
    struct slice         old;
    struct slice         reason;
    uint8_t              data[];
};

static inline size_t change_event_bytes(const struct change_event *event) {
    return sizeof *event + event->name.bytes + event->state.bytes + event->old.bytes +
           event->reason.bytes;
}

struct changes {
    // immutable after init
    void (*on_wake)(void *context); // called by the mirror thread after the queue was empty
    void  *context;
    size_t bytes_max; // one larger event passes where nothing waits
    // guarded by lock
    pthread_mutex_t      lock;
    struct list          items; // change_item, oldest first; owned but for histories
    struct change_event *lost[CHANGES_LOST_BUCKETS];
    uint32_t             lost_count; // and of steps back in a full queue
    size_t               bytes;      // of the events
    bool                 full;       // until the next drain nothing is kept
    bool                 blind;      // something was lost, and nobody knows of whom
};

void changes_init(struct changes *changes, size_t bytes_max, void (*on_wake)(void *),
                  void *context);

// Frees what waits.   Thread: main, after the others have ended.
void changes_fini(struct changes *changes);

// Enters a copy of `change`, or notes that it was lost.   Thread: mirror.   Blocks: no.
void changes_push(struct changes *changes, const struct mirror_change *change);

// Enters that a unit goes on with an older state. Being small that is kept in a full queue, too, as
// far as there may be notes of what was lost.
// Thread: net, before the next put of the unit.   Blocks: no.
struct change_step {
    uint32_t         slot;
    uint64_t         unit;
    struct slice     name;
    struct step_info info;
};
void changes_step(struct changes *changes, const struct change_step *step);

// Enters the answer to a history.   Owns: whoever drains.   Thread: mirror.
void changes_answer(struct changes *changes, struct change_item *item);

// Moves all that waits to the end of `into`, whose events the caller then frees.
// True if something was lost of which nothing is known.   Thread: net.   Blocks: no.
bool changes_drain(struct changes *changes, struct list *into);
