// For the registers in a signal's context.
#define _GNU_SOURCE
#include "host/trace.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static void begin(void) {
    trace_prepare();
}

TestSuite(trace, .init = begin, .timeout = 10);

static char text[TRACE_BYTES_MAX + 1];

static const char *written(void *const frames[TRACE_FRAMES_MAX], const struct trace_place *place) {
    memset(text, 0, sizeof text);
    size_t bytes = trace_write(text, frames, place);
    cr_assert(bytes <= TRACE_BYTES_MAX);
    cr_assert(strlen(text) == bytes);
    return text;
}

static uint32_t lines(void) {
    uint32_t count = text[0] != '\0';
    for (const char *at = text; *at != '\0'; at++) count += *at == '\n';
    return count;
}

static char callers[TRACE_BYTES_MAX + 1];

static int compare(const void *a, const void *b) {
    (void)a;
    (void)b;
    callers[trace_callers(callers)] = '\0';
    return 0;
}

// The C library calls this program back, as a behaviour is called by the host and calls it.
Test(trace, callers_begin_with_the_first_foreign_frame_and_end_with_the_first_own_behind_it) {
    char items[2] = {1, 2};
    qsort(items, 2, 1, compare);
    // A sanitizer has a qsort of its own.
    cr_assert(strncmp(callers, "lib", 3) == 0, "%s", callers);
    cr_assert(strstr(callers, "\npeeper-host+0x") != NULL, "%s", callers);
    cr_assert(strchr(strstr(callers, "\npeeper-host+0x") + 1, '\n') == NULL, "%s", callers);
}

Test(trace, an_exported_function_shows_with_its_name) {
    char items[2] = {1, 2};
    qsort(items, 2, 1, compare);
    cr_assert(strstr(callers, "qsort") != NULL, "%s", callers);
}

Test(trace, a_walk_finds_its_own_callers_and_leaves_the_rest_empty) {
    void *frames[TRACE_FRAMES_MAX + 1] = {0};
    trace_walk(frames);
    cr_assert(frames[0] != NULL);
    cr_assert(frames[TRACE_FRAMES_MAX] == NULL);
}

Test(trace, an_address_outside_of_all_modules_shows_as_it_is) {
    void *frames[TRACE_FRAMES_MAX] = {(void *)0x11, (void *)0x22};
    cr_assert_str_eq(written(frames, &(struct trace_place){0}), "?+0x10\n?+0x21");
}

Test(trace, no_frames_are_no_lines) {
    void *frames[TRACE_FRAMES_MAX] = {0};
    cr_assert_str_eq(written(frames, &(struct trace_place){0}), "");
}

Test(trace, is_bounded_in_lines) {
    void *frames[TRACE_FRAMES_MAX];
    for (size_t i = 0; i < TRACE_FRAMES_MAX; i++) frames[i] = (void *)UINTPTR_MAX;
    written(frames, &(struct trace_place){0});
    cr_assert(lines() == TRACE_LINES_MAX);
}

#if defined(__x86_64__)
#include <ucontext.h>

static ucontext_t context_at(uintptr_t counter, uintptr_t stack) {
    ucontext_t context = {0};
    context.uc_mcontext.gregs[REG_RIP] = (greg_t)counter;
    context.uc_mcontext.gregs[REG_RSP] = (greg_t)stack;
    return context;
}

Test(trace, of_a_signal_begins_where_it_struck_and_not_with_the_handler) {
    ucontext_t         context = context_at(0x30, 0);
    struct trace_place place = {.context = &context};
    void *frames[TRACE_FRAMES_MAX] = {(void *)0x10, (void *)0x20, (void *)0x30, (void *)0x41};
    cr_assert_str_eq(written(frames, &place), "?+0x30\n?+0x40", "the first is exact");
}

Test(trace, a_walk_that_did_not_come_back_still_tells_where_the_signal_struck) {
    ucontext_t         context = context_at(0x30, 0x1000);
    struct trace_place place = {.context = &context};
    void              *frames[TRACE_FRAMES_MAX] = {(void *)0x10};
    cr_assert_str_eq(written(frames, &place), "?+0x30");
}

Test(trace, a_call_to_nowhere_shows_its_caller_but_only_from_the_threads_own_stack) {
    uintptr_t          stack[2] = {0x51, 0x61};
    ucontext_t         context = context_at(0, (uintptr_t)stack);
    struct trace_place place = {&context, (uintptr_t)stack, (uintptr_t)(stack + 1)};
    void              *frames[TRACE_FRAMES_MAX] = {(void *)0x10};
    cr_assert_str_eq(written(frames, &place), "?+0x0\n?+0x50");
    place.stack_end = place.stack_begin;
    cr_assert_str_eq(written(frames, &place), "?+0x0");
    context = context_at(0, (uintptr_t)stack + 1);
    place.stack_end = (uintptr_t)(stack + 2);
    cr_assert_str_eq(written(frames, &place), "?+0x0", "no place for an address");
}
#endif
