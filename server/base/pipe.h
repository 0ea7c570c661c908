// pipe: a wake-up between two processes of which one may be hostile.
//
// The reading and the writing end are two objects, so neither side can change how the other's calls
// behave. With an eventfd the other side could clear O_NONBLOCK, or fill the counter.
#pragma once

#include <stdbool.h>

// Creates a pipe; both ends are close-on-exec and do not block.
// Fails: false (no descriptors).   Thread: any.
bool pipe_create(int *ret_read, int *ret_write);
