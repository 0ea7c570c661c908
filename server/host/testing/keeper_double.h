// keeper_double: plays the keeper for tests of the host: makes the rings, starts the real program,
// writes turns and reads commits. It knows the layout of wire/turn.h and nothing of actors.
//
// Only for programs that are linked with Criterion: what must not happen fails the test.
#pragma once

#include "base/ring.h"
#include "wire/turn.h"

#include <peeper/value.h>

#include <sys/types.h>

#define DOUBLE_WORKERS_MAX 4
#define DOUBLE_WAIT_MS 10000

struct keeper_double {
    pid_t       pid;
    uint32_t    workers;
    struct ring turns[DOUBLE_WORKERS_MAX];
    struct ring commits[DOUBLE_WORKERS_MAX];
    int         wake_fds[DOUBLE_WORKERS_MAX];
    int         keeper_fd;
    uint64_t    turn_heads[DOUBLE_WORKERS_MAX];   // end of what was written
    uint64_t    commit_tails[DOUBLE_WORKERS_MAX]; // end of what was read
    uint64_t    turn_next;
};

// A turn to be written. The Values are written as JSON-like text, see double_value().
struct double_turn {
    enum turn_kind kind;
    uint8_t        flags;
    uint16_t       behaviour;
    uint32_t       slot;
    uint32_t       epoch;
    uint64_t       incarnation;
    const char    *name;
    const char    *payload; // NULL: zero bytes
    const char    *state;   // NULL: none
    uint32_t       rows;    // of TURN_ROWS and with TURN_HAS_ROWS
    // Instead of `payload`, if set: bytes as they are.
    struct peeper_value raw;
};

// A commit with its items, copied out of the ring.
struct double_commit {
    struct commit_record record;
    uint8_t             *items; // owned
};

// Starts peeper-host with these arguments after the program's name, NULL at the end. "--behaviours"
// with a directory stands for the code in there.
void double_start(struct keeper_double *keeper, uint32_t workers, const char *const *arguments);

// Kills the host, if it lives, and frees everything.
void double_stop(struct keeper_double *keeper);

// Waits for the host's end and answers its wait status.
int double_wait_exit(struct keeper_double *keeper);

// Waits until the host has written enum death for `worker`.
struct commits_control *double_wait_death(struct keeper_double *keeper, uint32_t worker);

// Writes one turn without telling the host; answers its number. / Tells the host.
uint64_t double_write(struct keeper_double *keeper, uint32_t worker, struct double_turn turn);
void     double_publish(struct keeper_double *keeper, uint32_t worker);

// Takes everything back that was written so far.
void double_recall(struct keeper_double *keeper, uint32_t worker);

// Waits until `worker` says that it sleeps.
void double_wait_sleep(struct keeper_double *keeper, uint32_t worker);

// The next commit of `worker`, taken out of the ring.   Blocks: until there is one.
void double_take(struct keeper_double *keeper, uint32_t worker, struct double_commit *ret_commit);
void double_commit_free(struct double_commit *commit);

// double_write, double_publish and double_take with worker 0.
void double_run(struct keeper_double *keeper, struct double_turn turn,
                struct double_commit *ret_commit);

// The `index`-th item of a kind: false if there is none. `ret_name` may be NULL.
bool double_item(const struct double_commit *commit, enum item_kind kind, uint32_t index,
                 struct item_header *ret_head, struct peeper_value *ret_body,
                 const char **ret_name);

// Value from a text such as {"a": [1, -2, "x", null, true, 0.5]}: JSON without escapes in strings.
void double_value(struct peeper_writer *writer, const char *text);

// Whether the commit has an item of this kind with just this Value.
bool double_has(const struct double_commit *commit, enum item_kind kind, const char *text);
