// pthread_getname_np and pthread_setattr_default_np.
#define _GNU_SOURCE

#include "base/thread.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <string.h>

struct seen {
    enum status      answer; // what the body shall report
    enum thread_role role;
    bool             began;
    bool             ended;
    char             name[THREAD_NAME_BYTES_MAX + 1];
    sigset_t         mask;
};

static void body(struct thread *thread, void *context) {
    struct seen *seen = context;

    seen->began = true;
    thread_role_set(seen->role);
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
    thread_ready(thread, seen->answer);
    seen->ended = true;
}

Test(thread, start_returns_when_the_body_is_ready_and_join_when_it_has_ended, .timeout = 5) {
    struct thread thread;
    struct seen   seen = {.answer = STATUS_OK};

    cr_assert(thread_start(&thread, "peeper-test", body, &seen) == STATUS_OK);
    cr_assert(seen.began);
    thread_join(&thread);
    cr_assert(seen.ended);
}

Test(thread, start_answers_what_the_body_failed_with_after_it_has_ended, .timeout = 5) {
    struct thread thread;
    struct seen   seen = {.answer = STATUS_IO};

    cr_assert(thread_start(&thread, "peeper-test", body, &seen) == STATUS_IO);
    cr_assert(seen.ended);
}

Test(thread, start_answers_no_memory_when_the_system_gives_no_thread, .timeout = 5) {
    // No address space can hold a stack of this size.
    pthread_attr_t attributes;
    cr_assert(pthread_attr_init(&attributes) == 0);
    cr_assert(pthread_attr_setstacksize(&attributes, (size_t)1 << 50) == 0);
    cr_assert(pthread_setattr_default_np(&attributes) == 0);

    struct thread thread;
    struct seen   seen = {.answer = STATUS_OK};
    cr_assert(thread_start(&thread, "peeper-test", body, &seen) == STATUS_NO_MEMORY);
    cr_assert_not(seen.began);
}

Test(thread, carries_its_name_for_ps, .timeout = 5) {
    struct thread thread;
    struct seen   seen = {.answer = STATUS_OK};

    cr_assert(thread_start(&thread, "peeper-fifteen!", body, &seen) == STATUS_OK);
    thread_join(&thread);
    cr_assert_str_eq(seen.name, "peeper-fifteen!");
}

Test(thread, hears_no_signal_but_its_own_faults_and_the_creators_mask_stays, .timeout = 5) {
    struct thread thread;
    struct seen   seen = {.answer = STATUS_OK};
    sigset_t      before, after;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    cr_assert(thread_start(&thread, "peeper-test", body, &seen) == STATUS_OK);
    thread_join(&thread);
    pthread_sigmask(SIG_SETMASK, NULL, &after);

    static const int BLOCKED[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGCHLD, SIGUSR1, SIGALRM};
    for (size_t i = 0; i < sizeof BLOCKED / sizeof BLOCKED[0]; i++) {
        cr_expect(sigismember(&seen.mask, BLOCKED[i]) == 1, "signal %d", BLOCKED[i]);
    }
    static const int OPEN[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof OPEN / sizeof OPEN[0]; i++) {
        cr_expect(sigismember(&seen.mask, OPEN[i]) == 0, "signal %d", OPEN[i]);
    }
    for (int number = 1; number < SIGRTMIN; number++) {
        cr_expect(sigismember(&before, number) == sigismember(&after, number), "signal %d", number);
    }
}

Test(thread, role_belongs_to_one_thread, .timeout = 5) {
    struct thread thread;
    struct seen   seen = {.answer = STATUS_OK, .role = ROLE_MIRROR};

    thread_role_set(ROLE_NET);
    cr_assert(thread_start(&thread, "peeper-test", body, &seen) == STATUS_OK);
    thread_join(&thread);
    cr_assert(thread_role() == ROLE_NET);
    cr_assert(thread_role_fits(ROLE_NET));
    cr_assert_not(thread_role_fits(ROLE_MIRROR));
}

Test(thread, without_a_role_everything_fits, .timeout = 5) {
    cr_assert(thread_role() == ROLE_NONE);
    THREAD_CHECK(ROLE_NET);
    THREAD_CHECK(ROLE_MAIN);
}

#ifndef NDEBUG
Test(thread, check_stops_the_process_on_the_wrong_thread, .timeout = 5, .signal = SIGABRT) {
    thread_role_set(ROLE_ADMIN);
    THREAD_CHECK(ROLE_NET);
}
#endif
