// codec_shape: how the messages of the schema look as JSON: which name each field has there, and in
// what it differs from the rule. One table, of which frames are read, written and described.
// For codec_*.c only: it brings protobuf-c.
//
// The rule: the schema's own name; integers as JSON integers; enums by their short name in lower
// case; bytes as the Value that they are; a message that is absent is null; of two fields that
// address one thing (`name` and `id`) the name only, where "@12" stands for the id 12.
#pragma once

#include "peeper/v1/peeper.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

enum codec_mark {
    MARK_HIDDEN = 1,       // no part of the JSON
    MARK_TIME = 2,         // milliseconds; as RFC 3339, null for 0
    MARK_NULL_EMPTY = 4,   // null where it is empty or 0
    MARK_OMIT_EMPTY = 8,   // left out where it is empty
    MARK_FULL_ONLY = 16,   // only where its message is an answer of its own, not in a list
    MARK_INLINE = 32,      // the fields of this message stand in place of it
    MARK_BASE64 = 64,      // bytes that are no Value
    MARK_VALUE_TEXT = 128, // a Value as a string of JSON text, null for none
    MARK_REQUIRED = 256,   // of a request
    MARK_PAIRED = 512,     // the id that `pair` of another field is: written "@ID" there
};

struct codec_field {
    const ProtobufCFieldDescriptor *field;
    const ProtobufCFieldDescriptor *pair; // the id that may stand here as "@ID"; NULL: none
    const char                     *name; // in JSON
    unsigned                        marks;
    uint32_t                        low, high; // of a number; high 0: whatever its type holds
};

struct codec_shape {
    const ProtobufCMessageDescriptor *message;
    const struct codec_field         *fields; // message->n_fields
};

// The shape of a message of ClientFrame or ServerFrame.   Thread: any.
const struct codec_shape *codec_shape_of(const ProtobufCMessageDescriptor *message);

// The request of a verb, by its name in ClientFrame; NULL: there is no such verb.   Thread: any.
const ProtobufCFieldDescriptor *codec_shape_verb(const char *verb);

// The message of this name that an answer or an event is or has; NULL: none.   Thread: any.
const struct codec_shape *codec_shape_named(const char *name);

// The short name of a value: "own" of ISOLATION_OWN. NULL where the number means nothing.
// Shape:  in `room`, of CODEC_WORD_BYTES.   Thread: any.
#define CODEC_WORD_BYTES 48u
const char *codec_shape_word(char                           room[static CODEC_WORD_BYTES],
                             const ProtobufCEnumDescriptor *words, int number);

static inline const ProtobufCMessageDescriptor *
codec_shape_inner(const ProtobufCFieldDescriptor *field) {
    return field->descriptor;
}
