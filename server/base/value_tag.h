// value_tag: the protobuf tags of peeper.v1.Value, for the reader and the writer of Values. Nobody
// else needs them.
#pragma once

#include <peeper/value.h>

#include <limits.h>

// protobuf libraries refuse messages of 2 GiB.
#define VALUE_BYTES_MAX ((size_t)INT_MAX)

// Field number and wire type of each field of Value, in the order of enum peeper_kind.
enum {
    TAG_NULL = 0x08,
    TAG_BOOL = 0x10,
    TAG_INT = 0x18,
    TAG_DOUBLE = 0x21,
    TAG_STRING = 0x2a,
    TAG_BYTES = 0x32,
    TAG_LIST = 0x3a,
    TAG_MAP = 0x42,
    // ListValue.values and MapValue.entries
    TAG_ELEMENT = 0x0a,
    // of a map entry
    TAG_KEY = 0x0a,
    TAG_VALUE = 0x12,
};

// peeper_value_check with room for `levels` nested lists and maps.
bool value_check_levels(struct peeper_value value, uint32_t levels);
