// thread: starts named threads that say when they run, and tells which role each has.
//
// Threads are never cancelled and never detached: the owner asks the body to return, in a way of
// its own, then joins.
#pragma once

#include "base/check.h"
#include "base/status.h"

#include <pthread.h>
#include <stdbool.h>

enum thread_role {
    ROLE_NONE, // no role was given out: a unit test, or a thread that touches nothing owned
    ROLE_MAIN,
    ROLE_NET,
    ROLE_MIRROR,
    ROLE_ADMIN,
    ROLE_WEBHOOK,
    ROLE_WORKER,
};

#define THREAD_NAME_BYTES_MAX 15 // what the kernel keeps

struct thread;

typedef void thread_body(struct thread *thread, void *context);

struct thread { // visible for embedding only
    // immutable after start
    pthread_t    id;
    const char  *name; // borrowed
    thread_body *body;
    void        *context; // borrowed
    // guarded by lock
    pthread_mutex_t lock;
    pthread_cond_t  answered;
    bool            has_answered;
    enum status     status; // what thread_ready said
};

// Starts a thread that runs `body(thread, context)`, and answers when the body has called
// thread_ready. The name is what `ps -L` and the debugger show. No signal is delivered to the
// thread but those that it brings on itself by a fault (SIGSEGV and its kin), so signals to the
// process go to the main thread.
// Shape:  `name` is a literal of at most THREAD_NAME_BYTES_MAX bytes. `thread` must not move until
//         it is joined.
// Thread: any.   Blocks: until the body has answered.
// Fails:  STATUS_NO_MEMORY (no thread to be had); what the body gave to thread_ready. After a
//         failure the thread has ended and there is nothing to join.
NODISCARD enum status thread_start(struct thread *thread, const char *name, thread_body *body,
                                   void *context);

// Reports that the body is ready, or has failed. Every body calls it exactly once. After a failure
// it returns at once and leaves nothing behind.   Thread: the new thread.
void thread_ready(struct thread *thread, enum status status);

// Waits until the body has returned. Once per successful start.
// Thread: any other.   Blocks: until then.
void thread_join(struct thread *thread);

// Gives the calling thread its role, for THREAD_CHECK.   Thread: any.
void thread_role_set(enum thread_role role);

// The role of the calling thread.   Thread: any.
enum thread_role thread_role(void);

// True if the calling thread has `role`, or none: who gave out no roles is not checked.
// Thread: any.
bool thread_role_fits(enum thread_role role);

// Begins every function that only one role may call. Release builds do not check.
#ifdef NDEBUG
#define THREAD_CHECK(role) ((void)0)
#else
#define THREAD_CHECK(role) CHECK(thread_role_fits(role))
#endif
