// worker_thread: the thread under a worker: its stack, its guard and its site of death.
#pragma once

#include "host/death.h"
#include "host/worker.h"

#ifdef __SANITIZE_THREAD__ // it keeps most of a megabyte of its own on every stack
#define WORKER_STACK_BYTES (4u << 20)
#else
// Holds the 200 calls of C amid Lua that Lua allows, of the kind that needs most: a gsub within a
// gsub. Pages that are not used cost nothing.
#define WORKER_STACK_BYTES (1u << 20)
#endif
// Wide, since it costs no memory: a frame with a large array must not step over it.
#define WORKER_GUARD_BYTES (1u << 20)

struct worker_thread {
    struct worker     worker;
    struct death_site site;
    char             *stack; // owned: guard, then stack; never freed, as the thread never ends
};

// Starts the thread of an initialised worker. It runs turns until the process ends.
// Fails: STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status worker_thread_start(struct worker_thread *thread);
