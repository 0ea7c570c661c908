// tie: who watches whom. A tie is a monitor (one way, known by its reference) or a link (both
// ways).
//
// A tie stands between two ends. An end is an incarnation of an actor or a client connection, and
// exists only while it has a tie: an actor that was never watched costs one pointer. An end that
// is over is cut off from its actor at once and waits in `over`, with its ties and the reason,
// until exits_announce tells the others; so whatever ends an actor calls nobody back.
//
// This module keeps the books. What the others are told, and what it does to them, is the business
// of exits.
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/status.h"
#include "keeper/port.h"

#include <stdbool.h>
#include <stdint.h>

struct actor;

#define TIES_MAX 2000000u        // in the whole server
#define TIES_PER_END_MAX 100000u // of one actor or connection, in whichever role

enum tie_kind { TIE_MONITOR, TIE_LINK };

// The two sides of a tie.
enum tie_side {
    TIE_MAKER,  // who watches, or asked for the link
    TIE_TARGET, // who is watched
    TIE_SIDES
};

struct ties;

struct tie {
    struct list   at[TIE_SIDES];  // in end[side]->ties[side]
    struct ties  *end[TIE_SIDES]; // never NULL
    struct tie   *chain;          // of the same bucket
    uint64_t      key;            // of a monitor its reference, of a link what its two ends make
    enum tie_kind kind;
    bool          by_name;    // the target was named, not told by its id
    bool          from_start; // made by the start of the target: quiet if that fails; a link's
                              // maker is the parent
};

// One end and its ties.
struct ties {
    struct list   over;            // in tie_table.over when it is over, else alone
    struct list   ties[TIE_SIDES]; // where it is the maker / the target
    struct actor *actor;           // borrowed; NULL: a connection, or over
    struct caller client;          // the connection; generation 0: an actor
    uint64_t      id;              // of the incarnation; 0: a connection, or nobody
    uint32_t      links;
    uint32_t      monitors; // that it has on others
    uint32_t      watchers; // monitors that others have on it
    bool          is_over;
    // of one that is over
    struct slice name;
    struct slice reason;
    uint8_t     *text; // owned; name and reason stand here, unless there was no memory
};

struct tie_table {
    struct tie  **buckets;      // owned
    uint32_t      bucket_count; // power of two
    uint32_t      count;
    uint32_t      count_max;
    uint32_t      end_max;
    struct ties **clients;      // owned; by slot of the connection, NULL: has no tie
    uint32_t      client_count; // places in `clients`
    uint64_t      ref_next;
    struct list   over; // ends to be announced, oldest first; owned
};

// Fails: STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status tie_table_init(struct tie_table *table);

// Frees all that is left. No actor may have ties any more.   Thread: main.
void tie_table_fini(struct tie_table *table);

// A reference that no other client's monitor has.
static inline uint64_t tie_ref(struct tie_table *table) {
    return table->ref_next++;
}

// The end of a live actor / of an open connection; made if it has none yet. It goes by itself when
// its last tie goes, so one that gets no tie after all is given to
// tie_release_idle.
// Fails: NULL, without memory.   Thread: net.
struct ties *tie_of_actor(struct tie_table *table, struct actor *actor);
struct ties *tie_of_client(struct tie_table *table, struct caller client);

// The same, but NULL if there is none.
struct ties *tie_find_client(const struct tie_table *table, struct caller client);

// An end that never was: whoever is tied to it will be told `reason`.   Fails: NULL.   Thread: net.
struct ties *tie_of_nobody(struct tie_table *table, uint64_t id, struct slice name,
                           struct slice reason);

// Frees an end that has no ties / the same if it has none and is not over.   Thread: net.
void tie_release(struct tie_table *table, struct ties *end);
void tie_release_idle(struct tie_table *table, struct ties *end);

// Ties `maker` to `target`. `ref` counts for monitors only. A link that exists is left as it is.
// Fails: STATUS_OVERLOADED (of an end, or of the table), STATUS_NO_MEMORY. Ends without a tie are
//        released then.   Thread: net.
NODISCARD enum status tie_add(struct tie_table *table, enum tie_kind kind, struct ties *maker,
                              struct ties *target, uint64_t ref, struct tie **ret_tie);

// The monitor of `maker` with this reference / the link between two ends; NULL if there is none.
struct tie *tie_find_monitor(const struct tie_table *table, const struct ties *maker, uint64_t ref);
struct tie *tie_find_link(const struct tie_table *table, const struct ties *a,
                          const struct ties *b);

// Removes and frees a tie, and its ends if it was their last and they are not over.   Thread: net.
void tie_remove(struct tie_table *table, struct tie *tie);

// Cuts an end off from its actor or connection and queues it to be announced, with copies of
// `name` and `reason`. Without memory for them the reason is "no_memory".   Thread: net.
void tie_over(struct tie_table *table, struct ties *end, struct slice name, struct slice reason);

// The first tie of an end, and the side on which the end stands; NULL if there is none.
struct tie *tie_first(const struct ties *end, enum tie_side *ret_side);
