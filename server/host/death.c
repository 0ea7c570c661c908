#include "host/death.h"

#include "base/check.h"
#include "host/process.h"
#include "host/trace.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// Room for a frame with the largest vector registers, and for reading one line of /proc.
#define ALTERNATE_STACK_BYTES (64u << 10)

static const int FATAL_SIGNALS[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};

// Set before other threads exist.
static struct death_site first_site;
static uint64_t          data_short_bytes;

#define LOWEST_PRIORITY 19

// Initial-exec: the handler must not be the first to touch it, since lazy TLS allocates.
static __thread const struct death_site *own_site __attribute__((tls_model("initial-exec")));

// A failed malloc() that nobody checked shows as a plain SIGSEGV. What tells it apart is that
// little was left.
static bool memory_is_short(void) {
    return data_short_bytes > 0 && process_data_bytes() >= data_short_bytes;
}

// The kernel is about to tear this process's memory down, 40 ms of work for 500 MB, on a processor
// that the successor needs now. All threads, because the last one to go does that work. In a group
// that is not ours alone others would be meant as well.
static void step_aside(void) {
    if (getpgrp() == getpid()) (void)setpriority(PRIO_PGRP, 0, LOWEST_PRIORITY);
}

// What a thread is about to report. There is one per thread that dies, and it dies once.
struct last_words {
    bool               walking; // its stack is being walked
    enum death         death;
    int                detail;
    uint64_t           address;
    struct trace_place place;
    void              *frames[TRACE_FRAMES_MAX];
};

static __thread struct last_words words __attribute__((tls_model("initial-exec")));

static void report(void) {
    const struct death_site *site = own_site != NULL ? own_site : &first_site;
    struct commits_control  *control = site->control;
    size_t                   bytes = trace_write(control->trace, words.frames, &words.place);
    atomic_store_explicit(&control->trace_bytes, (uint32_t)bytes, memory_order_relaxed);
    atomic_store_explicit(&control->death_address, words.address, memory_order_relaxed);
    atomic_store_explicit(&control->death_signal, (uint32_t)words.detail, memory_order_relaxed);
    // Release: who sees the death sees its details.
    atomic_store_explicit(&control->death, (uint32_t)words.death, memory_order_release);
    uint64_t one = 1;
    ssize_t  written = write(site->keeper_fd, &one, sizeof one);
    (void)written; // the keeper also waits for the process itself
    step_aside();
}

static void walk(void) {
    words.walking = true;
    trace_walk(words.frames);
    words.walking = false;
}

static enum death classify(int number, uintptr_t address) {
    const struct death_site *site = own_site;
    if (number == SIGSEGV && site != NULL && address - site->guard < site->guard_bytes) {
        return DEATH_OVERFLOW;
    }
    return memory_is_short() ? DEATH_MEMORY : DEATH_SIGNAL;
}

static void prepare(int number, const siginfo_t *info, const void *context) {
    // si_code above 0: the processor raised it, so that there is an address.
    bool      fault = info->si_code > 0 && number != SIGABRT && number != SIGSYS;
    uintptr_t address = fault ? (uintptr_t)info->si_addr : 0;
    words.death = classify(number, address);
    words.detail = number;
    words.address = address;
    words.place.context = context;
    if (own_site == NULL || own_site->guard_bytes == 0) return;
    words.place.stack_begin = own_site->guard + own_site->guard_bytes;
    words.place.stack_end = words.place.stack_begin + own_site->stack_bytes;
}

static void on_fatal(int number, siginfo_t *info, void *context) {
    // A fault of the walk itself comes here a second time: then what is known must do. One of the
    // report has nothing to say any more.
    bool first = words.death == DEATH_NONE;
    bool cut = words.walking;
    words.walking = false;
    if (first) prepare(number, info, context);
    if (first) walk();
    if (first || cut) report();

    // By default action, also where no instruction is going to fault again (abort(), kill()).
    number = words.death == DEATH_EXIT ? number : words.detail;
    signal(number, SIG_DFL);
    syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), number);
}

static void on_exit_call(int code, void *context) {
    (void)context;
    death_exit(code);
}

_Noreturn void death_exit(int code) {
    words.death = DEATH_EXIT;
    words.detail = code;
    walk();
    report();
    // Not exit(): its handlers and stream locks may belong to threads that are in the middle of a
    // turn.
    _exit(code);
}

enum status death_enter(const struct death_site *site) {
    void *memory = mmap(NULL, ALTERNATE_STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) return STATUS_NO_MEMORY;
    stack_t stack = {.ss_sp = memory, .ss_size = ALTERNATE_STACK_BYTES};
    if (sigaltstack(&stack, NULL) != 0) {
        munmap(memory, ALTERNATE_STACK_BYTES);
        return STATUS_IO;
    }
    own_site = site;
    return STATUS_OK;
}

enum status death_watch(const struct death_site *first, uint64_t short_bytes) {
    trace_prepare();
    first_site = *first;
    data_short_bytes = short_bytes;
    enum status status = death_enter(&first_site);
    if (status != STATUS_OK) return status;
    // NODEFER: where the walk faults, the handler runs again instead of the process being gone.
    struct sigaction action = {.sa_sigaction = on_fatal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof FATAL_SIGNALS / sizeof FATAL_SIGNALS[0]; i++) {
        if (sigaction(FATAL_SIGNALS[i], &action, NULL) != 0) return STATUS_IO;
    }
    return on_exit(on_exit_call, NULL) == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}
