// For dladdr, dl_iterate_phdr and the registers of a signal's context.
#define _GNU_SOURCE
#include "host/trace.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#define MODULES_MAX 384 // behaviours, and the libraries that they bring
#define MODULE_NAME_BYTES 64
#define SYMBOL_BYTES 64

struct module {
    uintptr_t base; // what an offset counts from
    uintptr_t begin;
    uintptr_t end;
    char      name[MODULE_NAME_BYTES];
};

// What files are called that were loaded by their descriptors.
struct alias {
    char        path[TRACE_PATH_BYTES];
    const char *name; // borrowed
};

static struct alias aliases[HOST_FILES_MAX];
static uint32_t     alias_count;

// Written by trace_modules only. The first one is this program.
static struct module modules[MODULES_MAX];
static uint32_t      module_count;

// --- The table of modules ------------------------------------------------------------------------

void trace_path(int fd, const char *name, char ret_path[TRACE_PATH_BYTES]) {
    snprintf(ret_path, TRACE_PATH_BYTES, "/proc/self/fd/%d", fd);
    if (alias_count == HOST_FILES_MAX) return;
    struct alias *alias = &aliases[alias_count++];
    memcpy(alias->path, ret_path, TRACE_PATH_BYTES);
    alias->name = name;
}

static const char *alias_of(const char *path) {
    for (uint32_t i = 0; i < alias_count; i++) {
        if (strcmp(aliases[i].path, path) == 0) return aliases[i].name;
    }
    return path;
}

static void put_name(struct module *module, const char *path) {
    path = alias_of(path);
    const char *slash = strrchr(path, '/');
    const char *name = path[0] == '\0' ? "peeper-host" : slash == NULL ? path : slash + 1;
    strncpy(module->name, name, sizeof module->name - 1);
}

static int add_module(struct dl_phdr_info *info, size_t bytes, void *context) {
    (void)bytes;
    (void)context;
    if (module_count == MODULES_MAX) return 1;
    struct module *module = &modules[module_count++];
    *module = (struct module){.base = info->dlpi_addr, .begin = UINTPTR_MAX};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD) continue;
        uintptr_t begin = info->dlpi_addr + header->p_vaddr;
        if (begin < module->begin) module->begin = begin;
        if (begin + header->p_memsz > module->end) module->end = begin + header->p_memsz;
    }
    put_name(module, info->dlpi_name);
    return 0;
}

void trace_prepare(void) {
    void *frames[1];
    (void)backtrace(frames, 1);
    trace_modules();
}

void trace_modules(void) {
    module_count = 0;
    dl_iterate_phdr(add_module, NULL);
}

static const struct module *module_of(uintptr_t address) {
    for (uint32_t i = 0; i < module_count; i++) {
        if (address >= modules[i].begin && address < modules[i].end) return &modules[i];
    }
    return NULL;
}

static bool own(uintptr_t address) {
    return module_of(address) == &modules[0];
}

// --- Lines ---------------------------------------------------------------------------------------

struct text {
    char    *room; // TRACE_BYTES_MAX
    size_t   bytes;
    uint32_t lines;
};

static void put(struct text *text, const char *string, size_t bytes_max) {
    size_t bytes = strnlen(string, bytes_max);
    if (bytes > TRACE_BYTES_MAX - text->bytes) bytes = TRACE_BYTES_MAX - text->bytes;
    memcpy(text->room + text->bytes, string, bytes);
    text->bytes += bytes;
}

// Not snprintf: that may take memory, and this runs in a signal handler.
static void put_hex(struct text *text, uintptr_t number) {
    char   digits[2 * sizeof number + 1];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[number & 15u];
        number >>= 4;
    } while (number != 0);
    put(text, "+0x", 3);
    put(text, digits + at, sizeof digits);
}

static void put_line(struct text *text, uintptr_t address, const char *symbol) {
    const struct module *module = module_of(address);
    if (text->lines++ > 0) put(text, "\n", 1);
    put(text, module == NULL ? "?" : module->name, MODULE_NAME_BYTES);
    put_hex(text, address - (module == NULL ? 0 : module->base));
    if (symbol == NULL) return;
    put(text, " (", 2);
    put(text, symbol, SYMBOL_BYTES);
    put(text, ")", 1);
}

static const char *symbol_of(uintptr_t address) {
    Dl_info info;
    return dladdr((void *)address, &info) == 0 ? NULL : info.dli_sname;
}

// `frames` holds return addresses, of which the first is `exact` where a signal struck. What comes
// behind the first frame of this program below a behaviour is the same for every turn.
static void put_frames(struct text *text, void *const *frames, size_t count, bool exact,
                       bool symbols) {
    bool foreign = false;
    for (size_t i = 0; i < count && text->lines < TRACE_LINES_MAX; i++) {
        uintptr_t address = (uintptr_t)frames[i] - (exact && i == 0 ? 0 : 1);
        put_line(text, address, symbols ? symbol_of(address) : NULL);
        if (own(address) && foreign) return;
        foreign |= !own(address);
    }
}

// The first frame that is not of those who ask. A sanitizer puts itself before even them.
static size_t first_caller(void *const *frames, size_t count) {
    size_t first = 0;
    while (first < count && !own((uintptr_t)frames[first] - 1)) first++;
    if (first == count) return 0;
    while (first < count && own((uintptr_t)frames[first] - 1)) first++;
    return first;
}

// --- Who asks ------------------------------------------------------------------------------------

size_t trace_callers(char room[TRACE_BYTES_MAX]) {
    void       *frames[TRACE_FRAMES_MAX];
    struct text text = {.room = room};
    size_t      count = (size_t)backtrace(frames, TRACE_FRAMES_MAX);
    size_t      first = first_caller(frames, count);
    // The last frames of a thread belong to the C library; with nothing else there is no behaviour.
    bool any = false;
    for (size_t i = first; i < count; i++) any |= own((uintptr_t)frames[i] - 1);
    if (any) put_frames(&text, frames + first, count - first, false, true);
    return text.bytes;
}

void trace_walk(void *frames[TRACE_FRAMES_MAX]) {
    (void)backtrace(frames, TRACE_FRAMES_MAX);
}

struct point {
    uintptr_t counter; // of the instruction
    uintptr_t stack;
};

static bool point_of(const void *context, struct point *ret_point) {
    if (context == NULL) return false;
    const mcontext_t *machine = &((const ucontext_t *)context)->uc_mcontext;
#if defined(__x86_64__)
    *ret_point =
        (struct point){(uintptr_t)machine->gregs[REG_RIP], (uintptr_t)machine->gregs[REG_RSP]};
    return true;
#elif defined(__aarch64__)
    *ret_point = (struct point){(uintptr_t)machine->pc, 0};
    return true;
#else
    (void)machine;
    (void)ret_point;
    return false;
#endif
}

// A call through a bad pointer leads where there is nothing to unwind; but whoever made it is still
// on top of the stack.
static void put_caller(struct text *text, const struct point *point,
                       const struct trace_place *place) {
    uintptr_t at = point->stack;
    if (module_of(point->counter) != NULL || at % sizeof at != 0) return;
    if (at < place->stack_begin || at >= place->stack_end) return;
    put_line(text, *(const uintptr_t *)at - 1, NULL);
}

size_t trace_write(char room[TRACE_BYTES_MAX], void *const frames[TRACE_FRAMES_MAX],
                   const struct trace_place *place) {
    struct text  text = {.room = room};
    struct point point;
    size_t       count = 0, first = 0;
    while (count < TRACE_FRAMES_MAX && frames[count] != NULL) count++;
    if (!point_of(place->context, &point)) {
        first = first_caller(frames, count);
        put_frames(&text, frames + first, count - first, false, false);
        return text.bytes;
    }
    while (first < count && (uintptr_t)frames[first] != point.counter) first++;
    if (first < count) {
        put_frames(&text, frames + first, count - first, true, false);
    } else {
        // The walk did not get there: a jump to nowhere, or a stack that is no more.
        put_line(&text, point.counter, NULL);
        put_caller(&text, &point, place);
    }
    return text.bytes;
}
