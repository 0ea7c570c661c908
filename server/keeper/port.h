// port: how answers leave the keeper. The net room implements it; tests do too. The keeper knows no
// sockets.
#pragma once

#include "base/buf.h"
#include "wire/info.h"

#include <stdbool.h>
#include <stdint.h>

// Who waits for an answer: a connection (slot and generation) and its correlation id. Generation 0:
// nobody.
struct caller {
    uint32_t conn;
    uint32_t generation;
    uint64_t request;
};

#define CALLER_NOBODY ((struct caller){0})

// Instead of a connection: an actor that awaits a call. The generation is 1 + its slot, the request
// the serial of the call.
#define CALLER_ACTOR UINT32_MAX
// The server itself, as when it starts a tree: answers leave through the port.
#define CALLER_SERVER (UINT32_MAX - 1)
// All that wait for the outcome of a request with an idempotency key, see idempotency.h. The
// generation and the request are the key's serial and hash.
#define CALLER_KEYED (UINT32_MAX - 2)

enum answer_kind {
    ANSWER_REPLY, // payload
    ANSWER_ERROR, // failure
    ANSWER_DONE,
    ANSWER_STARTED,           // id, unit, name, ignored, payload (info; may be empty), ref
    ANSWER_LOCATED,           // id
    ANSWER_INFO,              // info
    ANSWER_CHILDREN,          // children, count, next
    ANSWER_CHILD_COUNTS,      // counts
    ANSWER_MONITORED,         // ref
    ANSWER_WATCHING,          // ref
    ANSWER_TRANSFER_PREPARED, // id (handle), valid_ms
    ANSWER_UPGRADED,          // report
    ANSWER_BEHAVIOURS,        // behaviours, count
};

// One answer; everything is borrowed for the call.
struct answer {
    enum answer_kind             kind;
    bool                         ignored;
    uint64_t                     id;
    uint64_t                     unit;
    uint64_t                     ref; // of a monitor or watch
    uint32_t                     valid_ms;
    struct slice                 name;
    struct slice                 payload;
    const struct failure        *failure;
    const struct actor_info     *info;
    const struct child_info     *children;
    size_t                       count;
    uint64_t                     next;
    const struct child_counts   *counts;
    const struct upgrade_report *report;
    const struct behaviour_info *behaviours;
};

struct code_set;
struct timer;

struct port {
    void *context; // borrowed
    // Delivers `answer` to `caller`; a caller that has gone, or that asked for no answer, is no
    // error.   Thread: net.
    void (*answer)(void *context, struct caller caller, const struct answer *answer);
    // Tells a connection, whose `request` does not count, what it did not ask for just now. One
    // that has gone is no error.   Thread: net.
    void (*push)(void *context, struct caller client, const struct push *push);
    // The same for events of a watch, which a client is only told while it reads.
    // Fails: STATUS_FULL (not told; streams_client_room follows), STATUS_NOPROC (it has gone).
    enum status (*stream)(void *context, struct caller client, const struct push *push);
    // There is room in the rings again for requests that were put off with STATUS_AGAIN.   Thread:
    // net.
    void (*on_room)(void *context);
    // A timer of kind TIMER_HELLO is due.   Thread: net.
    void (*on_timer)(void *context, struct timer *timer);
    // Asks for one more host process with `workers` workers and the code of `code`, which stays
    // until the answer; that comes as hosts_add or hosts_spawn_failed. Not asked again before.
    // Thread: net.
    void (*spawn)(void *context, uint32_t workers, const struct code_set *code);
    // Asks for what the server's directory of behaviours holds now; the answer comes as
    // upgrade_code_read.   Thread: net.
    void (*read_code)(void *context);
};
