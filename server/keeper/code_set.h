// code_set: the code that hosts load, as the keeper holds it: files of behaviours, each a sealed
// memfd, and sets of such files.
//
// A host is started with one set and never sees a directory. So a host of an older set can be
// started again after the files on disk have changed, and what was sent over the wire needs no disk
// at all. Nothing in here is looked at, let alone run: what a file is worth shows when a host loads
// it.
//
// Files and sets do not change once they are made, but for what hosts have reported of them; sets
// share files. Both are counted.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "keeper/behaviour_table.h"
#include "wire/turn.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CODE_FILE_BYTES_MAX (64u << 20)
#define CODE_NAME_BYTES_MAX 127

struct code_file {
    atomic_uint holders;
    int         fd; // owned; sealed
    uint64_t    bytes;
    char        name[CODE_NAME_BYTES_MAX + 1]; // without a directory
};

struct code_set {
    atomic_uint holders;
    uint32_t    count; // <= HOST_FILES_MAX
    // Net thread only: what its hosts have reported, by the indexes of the shard's behaviours.
    struct behaviour  rows[BEHAVIOURS_MAX];
    struct code_file *files[]; // held; in the order of their names
};

// Whether a file of this name is taken for code: it ends in ".so" or ".lua", is no path, and has
// neither control characters nor more than CODE_NAME_BYTES_MAX bytes.   Thread: any.
bool code_name_valid(struct slice name);

// Whether a file of this name is native code, which can do in its host whatever it likes.
bool code_name_native(struct slice name);

// Makes a file of `content`.
// Owns:   the caller holds it.   Thread: any.
// Fails:  STATUS_INVALID (name), STATUS_TOO_LARGE, STATUS_IO (no descriptors), STATUS_NO_MEMORY.
NODISCARD enum status code_file_create(struct slice name, struct slice content,
                                       struct code_file **ret_file);

struct code_file *code_file_hold(struct code_file *file);    // Thread: any.
void              code_file_release(struct code_file *file); // NULL is fine.   Thread: any.

// Whether two files have the same content, whatever their names.   Thread: any.
bool code_file_same(const struct code_file *a, const struct code_file *b);

// A set of these files, which need not be in order. Each name may occur once.
// Owns:   the caller holds the set; `files` stay the caller's.   Thread: any.
// Fails:  STATUS_FULL (over HOST_FILES_MAX), STATUS_NO_MEMORY.
NODISCARD enum status code_set_create(struct code_file *const *files, uint32_t count,
                                      struct code_set **ret_set);

// A set of all the code in a directory. A file that cannot be read is logged and left out.
// Owns, Fails: as code_set_create; STATUS_IO (no such directory).
// Thread: any.   Blocks: on the disk.
NODISCARD enum status code_set_read(const char *directory, struct code_set **ret_set);

// The same set with `file` in place of the one called `name`, or beside them if there is none.
// Owns, Fails: as code_set_create.   Thread: any.
NODISCARD enum status code_set_with(const struct code_set *set, struct slice name,
                                    struct code_file *file, struct code_set **ret_set);

// The file of this name; NULL if there is none.   Thread: any.
struct code_file *code_set_find(const struct code_set *set, struct slice name);

struct code_set *code_set_hold(struct code_set *set);    // Thread: any.
void             code_set_release(struct code_set *set); // NULL is fine.   Thread: any.
