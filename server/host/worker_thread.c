// For pthread_setname_np.
#define _GNU_SOURCE
#include "host/worker_thread.h"

#include "base/check.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

// Something in the callback ended this thread (pthread_exit, a cancellation). Without it its ring
// would stand still.
static void on_thread_end(void *context) {
    (void)context;
    death_exit(0);
}

static void *run(void *argument) {
    struct worker_thread *thread = argument;
    char                  name[16];
    snprintf(name, sizeof name, "worker-%u", thread->worker.index);
    pthread_setname_np(pthread_self(), name);
    thread_role_set(ROLE_WORKER);
    // Without a site of its own a death would be blamed on another worker's turn.
    CHECK(death_enter(&thread->site) == STATUS_OK);

    pthread_cleanup_push(on_thread_end, NULL);
    for (;;) worker_run_one(&thread->worker);
    pthread_cleanup_pop(0);
    return NULL;
}

static enum status make_stack(struct worker_thread *thread) {
    size_t bytes = WORKER_GUARD_BYTES + WORKER_STACK_BYTES;
    char  *memory = mmap(NULL, bytes, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return STATUS_NO_MEMORY;
    if (mprotect(memory + WORKER_GUARD_BYTES, WORKER_STACK_BYTES, PROT_READ | PROT_WRITE) != 0) {
        munmap(memory, bytes);
        return STATUS_NO_MEMORY;
    }
    thread->stack = memory;
    return STATUS_OK;
}

enum status worker_thread_start(struct worker_thread *thread) {
    enum status status = make_stack(thread);
    if (status != STATUS_OK) return status;
    thread->site = (struct death_site){
        .control = thread->worker.port.out,
        .keeper_fd = thread->worker.port.keeper_fd,
        .guard = (uintptr_t)thread->stack,
        .guard_bytes = WORKER_GUARD_BYTES,
        .stack_bytes = WORKER_STACK_BYTES,
    };

    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstack(&attributes, thread->stack + WORKER_GUARD_BYTES,
                                WORKER_STACK_BYTES) == 0);
    pthread_t id;
    int       error = pthread_create(&id, &attributes, run, thread);
    pthread_attr_destroy(&attributes);
    return error == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}
