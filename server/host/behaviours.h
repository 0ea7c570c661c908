// behaviours: the code that this host can run, loaded once at the start and never unloaded: shared
// objects, and texts in Lua, which have the same kind of descriptor.
//
// A file is known by its name and by the descriptor that it comes with; no path is opened. Whatever
// it turns out to be, it is answered with a sentence for the operator, not with a failed start.
// Loading runs the constructors of foreign code: the death
// handlers must be in place before.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "wire/turn.h"

#include <peeper/behaviour.h>

#include <stdint.h>

#define BEHAVIOUR_STATE_BYTES_MAX (1u << 20)
#define BEHAVIOUR_NAME_BYTES_MAX 63
#define BEHAVIOUR_DEADLINE_MS 5000u
#define BEHAVIOUR_MEMORY_BYTES (64ull << 20)

struct lua_program;

struct behaviours {
    // Copies of the descriptors, with the defaults filled in: a behaviour that overwrites its own
    // must not take the worker's idea of it along.
    struct peeper_behaviour list[HOST_BEHAVIOURS_MAX];
    struct lua_program     *programs[HOST_BEHAVIOURS_MAX]; // owned; of those in Lua, else NULL
    uint32_t                count;
};

// Who hears what became of a file.
struct behaviours_listener {
    void (*on_loaded)(void *context, const struct peeper_behaviour *behaviour,
                      enum behaviour_kind kind);
    void (*on_failed)(void *context, const char *file, const char *why);
    void *context; // borrowed
};

// Loads what is behind `fd`, which stays open, and adds it to the list. `name` is what the file is
// called, and must stay; one that ends in ".lua" is a text in Lua, others are shared objects.
// Thread: main.
void behaviours_load(struct behaviours *behaviours, const char *name, int fd,
                     const struct behaviours_listener *listener);

// Adds a behaviour in Lua by its text.   Thread: main.
void behaviours_load_lua(struct behaviours *behaviours, const char *name, struct slice source,
                         const struct behaviours_listener *listener);

// The callbacks that a descriptor has, as bits of enum behaviour_callback.   Thread: any.
uint16_t behaviour_callbacks(const struct peeper_behaviour *behaviour);

// What is wrong with a descriptor; NULL if nothing is.   Thread: any.
const char *behaviour_fault(const struct peeper_behaviour *behaviour);
