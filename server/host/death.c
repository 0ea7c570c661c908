#include "host/death.h"

#include "base/check.h"
#include "host/process.h"

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

static void report(enum death death, int detail, uint64_t address) {
    const struct death_site *site = own_site != NULL ? own_site : &first_site;
    struct commits_control  *control = site->control;
    atomic_store_explicit(&control->death_address, address, memory_order_relaxed);
    atomic_store_explicit(&control->death_signal, (uint32_t)detail, memory_order_relaxed);
    // Release: who sees the death sees its details.
    atomic_store_explicit(&control->death, (uint32_t)death, memory_order_release);
    uint64_t one = 1;
    ssize_t  written = write(site->keeper_fd, &one, sizeof one);
    (void)written; // the keeper also waits for the process itself
    step_aside();
}

static enum death classify(int number, uintptr_t address) {
    const struct death_site *site = own_site;
    if (number == SIGSEGV && site != NULL && address - site->guard < site->guard_bytes) {
        return DEATH_OVERFLOW;
    }
    return memory_is_short() ? DEATH_MEMORY : DEATH_SIGNAL;
}

static void on_fatal(int number, siginfo_t *info, void *context) {
    (void)context;
    // si_code above 0: the processor raised it, so that there is an address.
    bool      fault = info->si_code > 0 && number != SIGABRT && number != SIGSYS;
    uintptr_t address = fault ? (uintptr_t)info->si_addr : 0;
    report(classify(number, address), number, address);

    // Blocked while this handler runs, so it strikes on return, by default action: also where no
    // instruction is going to fault again (abort(), kill()).
    signal(number, SIG_DFL);
    syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), number);
}

static void on_exit_call(int code, void *context) {
    (void)context;
    death_exit(code);
}

_Noreturn void death_exit(int code) {
    report(DEATH_EXIT, code, 0);
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
    first_site = *first;
    data_short_bytes = short_bytes;
    enum status status = death_enter(&first_site);
    if (status != STATUS_OK) return status;
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof FATAL_SIGNALS / sizeof FATAL_SIGNALS[0]; i++) {
        if (sigaction(FATAL_SIGNALS[i], &action, NULL) != 0) return STATUS_IO;
    }
    return on_exit(on_exit_call, NULL) == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}
