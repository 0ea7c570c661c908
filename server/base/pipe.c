#define _GNU_SOURCE
#include "base/pipe.h"

#include <fcntl.h>
#include <unistd.h>

bool pipe_create(int *ret_read, int *ret_write) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return false;
    *ret_read = ends[0];
    *ret_write = ends[1];
    return true;
}
