// check: assertions that stay in release builds. For what cannot happen; never for input.
#pragma once

// Stops the process, after one line on stderr, if `condition` is false.   Thread: any.
#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (__builtin_expect(!(condition), 0)) check_failed(#condition, __FILE__, __LINE__); \
    } while (0)

__attribute__((noreturn, cold)) void check_failed(const char *condition, const char *file,
                                                  int line);
