// memory_fault_test: takes the place of the C library's allocator in one test program, to refuse
// the n-th allocation of the calling thread. The sanitizers bring their own allocator; there the
// tests that need this leave themselves out.
#pragma once

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CAN_REFUSE_MEMORY 1

#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

static _Thread_local int refuse_at; // 1: the next allocation fails; 0: none does

static inline int refused(void) {
    if (refuse_at == 0 || --refuse_at > 0) return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t bytes);
void *malloc(size_t bytes) {
    return refused() ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes);
void *calloc(size_t count, size_t bytes) {
    return refused() ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes);
void *realloc(void *memory, size_t bytes) {
    return refused() ? NULL : __libc_realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes);
void *aligned_alloc(size_t alignment, size_t bytes) {
    return refused() ? NULL : __libc_memalign(alignment, bytes);
}

static inline void refuse_memory(int at) {
    refuse_at = at;
}
#endif
