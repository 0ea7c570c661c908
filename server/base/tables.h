// tables: the named tables of one actor, on either side of the rings.
//
// The host has them to work with, the mirror has them to keep; what travels between the two is a
// *delta*: what a turn wrote, or rows to load. Keys and values are encoded Values. Equal keys are
// those with equal encodings.
//
// A row is one allocation, found by a hash of its key. A hashed table goes through its rows in the
// order in which they were entered, an ordered one in the order of tables_compare(). It owns its
// memory and nothing else: no thread, no lock.
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_NAME_BYTES_MAX 255u
#define TABLES_MAX 256u // of one actor, the dictionary included
#define TABLE_KEY_BYTES_MAX (64u << 10)

// Fixed when the table is made.
enum table_flag {
    TABLE_ORDERED = 1, // else hashed
    TABLE_PRIVATE = 2, // operators see that it is there, not what is in it
    TABLE_HEIR = 4,    // a restart keeps it, whatever the actor's `keep` says
};

// --- deltas
// A packed sequence of operations, each a head followed by key and value, nothing aligned.
enum table_op {
    // The key is a table's name; what follows is about that table. Makes it, with `flags`, where it
    // is not there. The empty name is the dictionary.
    TABLE_OP_SELECT = 1,
    TABLE_OP_PUT = 2,
    TABLE_OP_DELETE = 3, // of a row that is not there: nothing
    TABLE_OP_CLEAR = 4,  // of all rows
    TABLE_OP_DROP = 5,   // of the table; a SELECT comes before the next operation
};

struct table_op_head {
    uint8_t  op;    // enum table_op
    uint8_t  flags; // of SELECT: enum table_flag; else 0
    uint16_t pad;   // 0
    uint32_t key_bytes;
    uint32_t value_bytes; // of PUT only
};
