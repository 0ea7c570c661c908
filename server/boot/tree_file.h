// tree_file: a supervision tree in a YAML file: one supervisor's spec, with a name.
//
// It knows YAML and lines, not what a spec may say: that is keeper/spec.h.
// Source: docs/supervision.md, "A tree at start".
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <peeper/value.h>

#define TREE_FILE_BYTES_MAX (64u << 20)

// Immutable once read, so that any thread may look at it.
struct tree_file {
    const char          *path; // borrowed
    struct buf           text; // owned
    struct peeper_writer spec; // owned
    struct slice         name; // of the supervisor; in `spec`
};

// A complaint for a person: "FILE:LINE:COLUMN: what", in one line.
struct tree_message {
    char text[1600];
};

// Reads the file at `path`; `file` is zeroed.
// Fails:  STATUS_IO, STATUS_TOO_LARGE, STATUS_BAD_SPEC, STATUS_NO_MEMORY; `message` tells why.
// Thread: any.   Blocks: on the disk.
NODISCARD enum status tree_file_read(struct tree_file *file, const char *path,
                                     struct tree_message *message);
void                  tree_file_fini(struct tree_file *file);

// What is wrong with a field, with its line: `fault` begins with the field's path, as the message
// of a struct spec_fault does.   Thread: any.
void tree_file_complain(const struct tree_file *file, const char *fault,
                        struct tree_message *message);

// Which child it was that did not start, with its line, from the reason of a supervisor that did
// not start. Another reason is told as it is, after `what`.   Thread: any.
void tree_file_blame(const struct tree_file *file, const char *what, struct peeper_value reason,
                     struct tree_message *message);
