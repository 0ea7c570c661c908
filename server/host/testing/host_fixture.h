// host_fixture: one running host for a test, and short names for what tests do with it.
#pragma once

#include "host/testing/keeper_double.h"

extern struct keeper_double keeper;
extern struct double_commit commit; // the last one that was taken

// Indexes of the built behaviours, in the order of the files' names; host_begin_with() checks them.
enum {
    LUA_CACHE,
    CACHE,
    LUA_COUNTER,
    COUNTER,
    LUA_EARS,
    EARS,
    EARS_END,
    ESCAPES,
    LUA_PROBE,
    NAKED,
    NO_CALLBACKS,
    PROBE,
    SHELF,
    BEHAVIOURS
};

// Starts a host with all behaviours / with these arguments, and takes its announcements.
void host_begin(void);
void host_begin_with(uint32_t workers, const char *const *arguments);
void host_end(void);

// Runs one turn on worker 0, of slot 1 and epoch 1 if none is given; the commit of before is freed.
struct commit_record run(struct double_turn turn);

// Takes the next commit of a chain.
struct commit_record next(void);

// INIT; the same, and it must succeed; INIT of an actor that comes back with its state.
struct commit_record init(uint16_t behaviour, const char *argument);
void                 start(uint16_t behaviour, const char *argument);
struct commit_record restart(uint16_t behaviour, const char *argument, const char *state);

struct commit_record message(enum turn_kind kind, uint16_t behaviour, const char *text);
struct commit_record call(uint16_t behaviour, const char *text);

// Whether the raw text of an item is this.
bool text_is(enum item_kind kind, const char *text);

void check_crash(struct commit_record record, enum commit_code code, const char *reason);
