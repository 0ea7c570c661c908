// pthread_setname_np.
#define _GNU_SOURCE

#include "base/thread.h"

#include <signal.h>
#include <string.h>

static _Thread_local enum thread_role own_role = ROLE_NONE;

// Faults stay deliverable: a fault whose signal is blocked kills the process past any handler.
static void fill_mask(sigset_t *mask) {
    static const int FAULTS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

    sigfillset(mask);
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) sigdelset(mask, FAULTS[i]);
}

static void *run(void *argument) {
    struct thread *thread = argument;

    pthread_setname_np(pthread_self(), thread->name);
    thread->body(thread, thread->context);

    pthread_mutex_lock(&thread->lock);
    CHECK(thread->has_answered);
    pthread_mutex_unlock(&thread->lock);
    return NULL;
}

// A thread inherits its creator's mask, so there is no instant at which a signal could reach it.
static int create_masked(struct thread *thread) {
    sigset_t mask, before;

    fill_mask(&mask);
    CHECK(pthread_sigmask(SIG_SETMASK, &mask, &before) == 0);
    int error = pthread_create(&thread->id, NULL, run, thread);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return error;
}

static enum status wait_for_answer(struct thread *thread) {
    pthread_mutex_lock(&thread->lock);
    while (!thread->has_answered) pthread_cond_wait(&thread->answered, &thread->lock);
    enum status status = thread->status;
    pthread_mutex_unlock(&thread->lock);
    return status;
}

static void free_locks(struct thread *thread) {
    pthread_cond_destroy(&thread->answered);
    pthread_mutex_destroy(&thread->lock);
}

enum status thread_start(struct thread *thread, const char *name, thread_body *body,
                         void *context) {
    CHECK(body != NULL);
    CHECK(strlen(name) <= THREAD_NAME_BYTES_MAX);

    *thread = (struct thread){.name = name, .body = body, .context = context};
    CHECK(pthread_mutex_init(&thread->lock, NULL) == 0);
    CHECK(pthread_cond_init(&thread->answered, NULL) == 0);

    if (create_masked(thread) != 0) {
        free_locks(thread);
        return STATUS_NO_MEMORY;
    }
    enum status status = wait_for_answer(thread);
    if (status != STATUS_OK) thread_join(thread);
    return status;
}

void thread_ready(struct thread *thread, enum status status) {
    pthread_mutex_lock(&thread->lock);
    CHECK(!thread->has_answered);
    thread->has_answered = true;
    thread->status = status;
    pthread_cond_signal(&thread->answered);
    pthread_mutex_unlock(&thread->lock);
}

void thread_join(struct thread *thread) {
    CHECK(pthread_join(thread->id, NULL) == 0);
    free_locks(thread);
}

void thread_role_set(enum thread_role role) {
    own_role = role;
}

enum thread_role thread_role(void) {
    return own_role;
}

bool thread_role_fits(enum thread_role role) {
    return own_role == role || own_role == ROLE_NONE;
}
