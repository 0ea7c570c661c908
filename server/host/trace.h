// trace: where a thread is, as lines of text for a person: "module+0xoffset (symbol)", innermost
// first. The offset is what addr2line wants with that module. Of a call it lies within the call,
// not behind it.
//
// The unwinder is libgcc's, by way of backtrace(): behaviours need no frame pointers for it. Once
// it is loaded it takes neither memory nor a lock (glibc 2.35 and gcc 12 on; before, that of the
// dynamic linker), but it believes the stack, and a wrecked one may make it fault: death.c is
// prepared for that.
// Source: backtrace(3), _dl_find_object(3).
#pragma once

#include "wire/turn.h"

#include <stddef.h>
#include <stdint.h>

// Beside the lines that are wanted, those of the handler and of the functions that raise.
#define TRACE_FRAMES_MAX (TRACE_LINES_MAX + 10)

// Loads the unwinder.   Thread: main, before foreign code is loaded.
void trace_prepare(void);

#define TRACE_PATH_BYTES 32

// The path by which the file behind `fd` can be loaded. As a module it is called `name` then, which
// must stay.   Thread: main.
void trace_path(int fd, const char *name, char ret_path[TRACE_PATH_BYTES]);

// Notes which modules are loaded, and where. What is loaded later shows as "?+0xaddress".
// Thread: main, before other threads ask.
void trace_modules(void);

// The lines of the calling function's callers, with symbols where they are exported, from the first
// that does not belong to this program on; none where all do. Returns the bytes.   Thread: any.
size_t trace_callers(char room[TRACE_BYTES_MAX]);

// Walks the calling thread's stack. `frames` fills up as it goes, so that what is found is there
// even if the walk does not come back; it must be all NULL before.   Thread: any, also in a signal
// handler.
void trace_walk(void *frames[TRACE_FRAMES_MAX]);

// Where a signal struck; all zero where none did.
struct trace_place {
    const void *context;     // the handler's third argument
    uintptr_t   stack_begin; // of the thread's stack, which may be read
    uintptr_t   stack_end;
};

// The lines of `frames` up to the first NULL; where a signal struck, only from there on. No
// symbols. Returns the bytes.   Thread: any, also in a signal handler.
size_t trace_write(char room[TRACE_BYTES_MAX], void *const frames[TRACE_FRAMES_MAX],
                   const struct trace_place *place);
