// child: one place in a supervisor, and the index that finds it by its id.
//
// A child is there as long as its supervisor knows its spec; the unit that runs for it may come and
// go.
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/status.h"
#include "keeper/port.h"
#include "keeper/spec.h"

#include <stdbool.h>
#include <stdint.h>

struct actor;
struct supervisor;

// What a supervisor hears of a child. It is noted at once and acted upon by supervisor_settle(),
// because whoever brings the news may be in the middle of a commit.
enum news {
    NEWS_NONE,
    NEWS_UP,      // its init has committed
    NEWS_DOWN,    // its incarnation is over; the unit is down
    NEWS_FAILED,  // its first start failed; the unit is gone
    NEWS_IGNORED, // init said ignore; the unit is gone
    NEWS_DUE,     // it was held back by its own intensity, and may begin again now
    NEWS_KINDS
};

// What becomes of a child that its supervisor stops.
enum ending_kind {
    ENDING_KEEP, // a restart follows: the unit keeps its state and mailbox
    ENDING_END,  // the unit ends; the spec stays unless the child is temporary
    ENDING_MOVE, // the unit goes to another supervisor, see transfer.h
};

// A stop that is under way.
struct ending {
    // TIMER_SHUTDOWN: its patience is over. Armed also for infinity, far away, so that
    // child_hurry() needs no memory.
    struct timer     timer;
    struct child    *child;
    struct list      waiters; // of TerminateChild and Transfer; owned
    uint64_t         target;  // MOVE: the incarnation of the other supervisor
    enum ending_kind kind;
};

// There are very many children, so what few of them have stands apart.
struct kept_reason {
    uint32_t bytes;
    uint8_t  value[];
};

struct child {
    struct list         link; // among its supervisor's children, in start order
    struct supervisor  *parent;
    struct actor       *actor;        // its unit; NULL: none
    struct child_spec  *spec;         // held; NULL: the template of a simple_one_for_one supervisor
    struct child       *chain;        // of the same bucket
    struct ending      *ending;       // owned; NULL: it is not being stopped
    struct list         news_link;    // in the shard's list of news
    struct kept_reason *reason;       // of the news; owned; NULL: none
    uint32_t            number;       // grows along the list
    uint16_t            falls;        // restarts of a unit that has not crashed itself yet
    uint8_t             news;         // enum news
    bool                abnormal : 1; // the end that the news tell of
    bool                was_up : 1;   // between the last start and that end
    bool                adding : 1;   // its first start has not succeeded: if it fails, it goes
    bool                away : 1;     // terminated while its group restarts, which leaves it so
    bool                marked : 1;   // a page ended before it, see listing.h
    bool                added : 1;    // by StartChild: gone when the supervisor itself begins again
};

// All children that have ids, by supervisor and id.
struct child_index {
    struct child **buckets; // owned
    uint32_t       bucket_count;
    uint32_t       count;
    uint64_t       seed;
};

// Fails: STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status child_index_init(struct child_index *index, uint64_t seed);
void                  child_index_fini(struct child_index *index);

struct child *child_find(const struct child_index *index, const struct supervisor *parent,
                         struct slice id);

// A new child at the end of the parent's list, in the index if it has a spec of its own.
// Owns:   holds `spec`; NULL for simple_one_for_one.
// Fails:  NULL when memory ran out.   Thread: net.
struct child *child_create(struct child_index *index, struct supervisor *parent,
                           struct list *children, struct child_spec *spec);

// The stop that is under way for `child` will not end by itself any more: its patience is over when
// timers are looked at next. Nothing if it is not being stopped; NULL is fine.   Thread: net.
void child_hurry(struct heap *timers, struct child *child, uint64_t now_ms);

// Takes it out of list and index and frees it. It must have no unit and no ending.   Thread: net.
void child_destroy(struct child_index *index, struct child *child);
