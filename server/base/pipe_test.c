#include "base/pipe.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

Test(pipe, neither_end_blocks_and_neither_outlives_exec, .timeout = 5) {
    int  read_end, write_end;
    char bytes[8] = {0};
    cr_assert(pipe_create(&read_end, &write_end));
    cr_assert(fcntl(read_end, F_GETFD) == FD_CLOEXEC);
    cr_assert(fcntl(write_end, F_GETFD) == FD_CLOEXEC);
    cr_assert(read(read_end, bytes, sizeof bytes) == -1 && errno == EAGAIN);
    while (write(write_end, bytes, sizeof bytes) > 0) {
    }
    cr_assert(errno == EAGAIN, "a full pipe refuses");
    close(read_end);
    close(write_end);
}

Test(pipe, one_end_cannot_make_the_other_block, .timeout = 5) {
    int read_end, write_end;
    cr_assert(pipe_create(&read_end, &write_end));
    cr_assert(fcntl(read_end, F_SETFL, 0) == 0);
    cr_assert((fcntl(write_end, F_GETFL) & O_NONBLOCK) != 0);
    close(read_end);
    close(write_end);
}

Test(pipe, fails_without_descriptors, .timeout = 5) {
    struct rlimit limit;
    int           read_end = -1, write_end = -1;
    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = limit.rlim_max};
    cr_assert(setrlimit(RLIMIT_NOFILE, &none) == 0);
    bool created = pipe_create(&read_end, &write_end);
    cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    cr_assert(!created);
    cr_assert(read_end == -1);
}
