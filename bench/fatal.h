// fatal: the one way in which the generator fails: a line on stderr, exit status 1.
//
// A benchmark with an error in it measures nothing, so no failure is passed up and none is counted.
#pragma once

// Prints "load: " and the message, then ends the process. Defined beside main().   Thread: main.
__attribute__((noreturn, format(printf, 1, 2))) void fatal(const char *format, ...);
