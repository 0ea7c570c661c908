// resume: what a client that reconnects carries from one connection to the next: the requests that
// may be sent (again), and its monitors, links and watches. The first two end with their connection
// and are told so, the last are made again.
//
// The server's references live as long as the connection, so the caller gets others: those of here.
// Functions marked `locked` are called under the client's lock.
#pragma once

#include "pending.h"

#include "encode.h"

#include "base/list.h"

struct peeper_client;
struct resume;

// A monitor, a link or a watch.
struct tie {
    struct list           all;
    struct list           by_ref;
    struct list           by_server_ref; // linked while the server knows it by that
    struct tie           *next;          // of the same request
    struct peeper_client *client;        // of a watch
    enum request_verb     verb;          // MONITOR, LINK or WATCH
    uint64_t              ref;           // the caller's
    uint64_t              server_ref;
    uint64_t              id; // of the incarnation; 0: asked for by name
    uint64_t              unit;
    uint64_t              from_version; // of a watch: what it shall go on with; 0: from now on
    bool                  prefix;
    bool                  with_old;
    bool                  asking; // the server was asked to go on with it
    bool                  gone;   // and meanwhile the caller has ended it
    char                  name[]; // terminated
};

// Fails: NULL, no memory.   Thread: owner.
struct resume *resume_create(void);

// Frees it and what is in it. NULL is fine.
void resume_destroy(struct resume *resume);

// Before a request is encoded: gives it the server's references, and the ties that it will make to
// `ret_tie` (NULL: none). `request` may be changed.
// Fails: NO_MEMORY.   Thread: any, locked.
NODISCARD enum peeper_status resume_request(struct resume *resume, struct request *request,
                                            struct tie **ret_tie);

// Whether a request that may have run can be sent again / is over when its connection is.
bool resume_repeatable(enum request_verb verb);
bool resume_bound(enum request_verb verb);

// Frees what a request carries that was taken from the pending ones.   Thread: any.
void resume_drop(struct pending_request *request);

// The ties of a request that was answered well begin; the answer gets the caller's references.
// Thread: loop, locked.
void resume_begin(struct resume *resume, struct pending_request *request,
                  struct peeper_answer *answer);

// Gives an event the caller's reference and notes how far a watch has come.
// Fails: false if it is of a tie that is over.   Thread: loop, locked.
bool resume_event(struct resume *resume, struct peeper_event *event);

// The connection ended, with the first `written` bytes of `sending` handed over: leaves in `out`
// what shall be sent on the next one, and marks the requests that shall not (`doomed`).
// Fails: NO_MEMORY.   Thread: loop, locked.
NODISCARD enum peeper_status resume_salvage(struct pending *pending, struct buf *out,
                                            struct buf *sending, size_t written);

// The next server does not know idempotency keys: what relied on them is doomed, too.
// Thread: loop, locked.
void resume_doom_keyed(struct pending *pending);

// Takes frames out whose request was given up meanwhile.   Thread: loop, locked.
void resume_prune(struct pending *pending, struct buf *out);

// The next tie that ends with its connection, taken out; NULL if there is none. The watches wait.
// Owns: the caller gets it.   Thread: loop, locked.
struct tie *resume_take_ended(struct resume *resume);

// The next watch that the server does not know and was not asked for; NULL if there is none.
struct tie *resume_next_watch(struct resume *resume);

// The server has answered for a watch. False if nobody wants it any more; then it is freed.
bool resume_watching(struct resume *resume, struct tie *tie, uint64_t server_ref);

// A frame that tells the end of a monitor or a link with the reason "noconnection" / that it is not
// known what a watch has missed.
// Fails: NO_MEMORY.   Thread: any.
NODISCARD enum peeper_status resume_frame(struct buf *out, const struct tie *tie);

void tie_free(struct tie *tie);
