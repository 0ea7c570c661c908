// death: tells the keeper that this process is dying, before the kernel takes its time to tear it
// down.
//
// The handlers run on a stack of their own, write what happened and where into the control page of
// the worker that fell, poke the keeper and die of the signal's default action. Nothing is rescued
// and nothing is freed: the host owns nothing. To see where, they walk the stack, which may be
// wrecked: a fault on that way ends the walk, and the report goes out with what was found until
// then.
// Source: docs/architecture.md, "Learning of a death fast".
#pragma once

#include "base/status.h"
#include "wire/turn.h"

#include <stddef.h>
#include <stdint.h>

// Where the death of one thread is reported. Lives as long as the process.
struct death_site {
    struct commits_control *control; // borrowed
    int                     keeper_fd;
    uintptr_t               guard;       // lowest address of the guard below the thread's stack
    size_t                  guard_bytes; // 0 if the thread has no guard of ours
    size_t                  stack_bytes; // of the stack above the guard
};

// Installs the handlers, and reports what calls exit() from now on. `first` is the site for threads
// without their own. From `short_bytes` of data on (0: never) a fatal signal counts as
// DEATH_MEMORY.
// Fails: STATUS_NO_MEMORY, STATUS_IO.   Thread: main, before any other thread and before foreign
//        code is loaded.
NODISCARD enum status death_watch(const struct death_site *first, uint64_t short_bytes);

// Gives the calling thread its own site (borrowed) and an alternate signal stack.
// Fails: STATUS_NO_MEMORY, STATUS_IO.   Thread: any.
NODISCARD enum status death_enter(const struct death_site *site);

// Reports that the calling thread is being ended by something that behaves like exit(), and ends
// the process.
_Noreturn void death_exit(int code);
