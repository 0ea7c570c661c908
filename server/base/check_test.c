#include "base/check.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(check, .timeout = 20);

Test(check, goes_on_when_the_condition_holds) {
    int evaluated = 0;
    CHECK(++evaluated == 1);
    cr_assert_eq(evaluated, 1);
}

Test(check, stops_the_process_when_it_does_not, .signal = SIGABRT) {
    volatile bool holds = false;
    CHECK(holds);
}

Test(check, names_the_condition_and_the_place) {
    int ends[2];
    cr_assert(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        check_failed("1 == 2", "some.c", 42);
    }
    close(ends[1]);
    char    line[256] = "";
    ssize_t bytes = read(ends[0], line, sizeof line - 1);
    cr_assert(bytes > 0);
    cr_assert_str_eq(line, "CHECK failed: 1 == 2 at some.c:42\n");

    int ended = 0;
    cr_assert(waitpid(child, &ended, 0) == child);
    cr_assert(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT);
    close(ends[0]);
}
