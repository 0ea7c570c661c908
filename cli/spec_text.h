// spec_text: what an operator writes for a spec, as one Value: JSON on the command line, a file, or
// "-" for stdin. A file holds JSON or YAML, as a file for `peeperd --tree` does. Whether it is a
// spec is for the server to say; then this knows the line.
#pragma once

#include "base/buf.h"

#include <peeper/value.h>

#include <stdbool.h>

struct spec_text {
    const char          *place; // borrowed: the file, or "stdin" or "--spec"
    struct buf           text;  // owned
    struct peeper_writer spec;  // owned
    // static; what the server sees in front of its fields; NULL: nothing
    const char *added;
    char        why[512];
};

// Reads what the words of --spec mean. What begins with { or [ is JSON itself, all else names a
// file; its content is JSON if it begins so, else YAML.
// Owns:   `spec` is zeroed before, and to be freed in any case.
// Fails:  false, with place, line and reason in `why`.   Thread: main.
bool spec_text_read(struct spec_text *spec, const char *words);
void spec_text_fini(struct spec_text *spec);

// The line of the field that a complaint of the server begins with, such as
// "children[1].restart: ..."; 0 where the spec is not in a file.   Thread: main.
unsigned spec_text_line(const struct spec_text *spec, const char *complaint);
