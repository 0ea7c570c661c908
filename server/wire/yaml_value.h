// yaml_value: a YAML document as one Value, and the lines of its fields.
//
// One document of maps with string keys, lists and scalars (see yaml_scalar.h). Refused, because
// what they mean would be lost or is easily mistaken: keys that are not strings or stand twice,
// merge keys (<<), tags of anything else. An alias means a copy, so nothing can contain itself.
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <peeper/value.h>

#include <stdint.h>

#define YAML_ANCHORS_MAX 1000u
#define YAML_VALUE_BYTES_MAX (64u << 20) // with aliases replaced by what they stand for

// What is wrong, and where; both count from 1.
struct yaml_fault {
    uint32_t line;
    uint32_t column;
    char     message[300];
};

// Writes the document into `writer`, which is zeroed.
// Fails:  STATUS_BAD_SPEC: `fault` tells why; STATUS_NO_MEMORY.   Thread: any.
NODISCARD enum status yaml_to_value(struct slice text, struct peeper_writer *writer,
                                    struct yaml_fault *fault);

// The line of the field at `path`, such as "children[1].restart", in a text that yaml_to_value has
// read; of the innermost map or list on the way to it where there is no such field. Keys with dots
// or brackets cannot be named.   Thread: any.
uint32_t yaml_line(struct slice text, struct slice path);
