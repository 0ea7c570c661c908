// tables_delta: what travels of an actor's tables between host and keeper: what a turn wrote, or
// rows to load.
//
// A delta is a packed sequence of operations, each a head followed by key and value, nothing
// aligned. It is written by one side, checked and applied by the other; an empty one is one.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "base/tables.h"

#include <stdbool.h>
#include <stdint.h>

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

// One operation; key and value point into the delta.
struct table_op_view {
    enum table_op op;
    uint8_t       flags;
    struct slice  key;
    struct slice  value;
};

// Appends one operation.
// Fails:  STATUS_NO_MEMORY, nothing appended.   Thread: owner of the buffer.
NODISCARD enum status tables_delta_write(struct buf *delta, const struct table_op_view *op);

// What tables_delta_write() appends for such a key and value.
static inline uint64_t tables_delta_bytes(size_t key_bytes, size_t value_bytes) {
    return sizeof(struct table_op_head) + (uint64_t)key_bytes + value_bytes;
}

// Reads the operation at *at (0 first) and goes on behind it.
// Fails:  STATUS_AGAIN (the end), STATUS_PROTOCOL (this is no operation: unknown, cut off, over a
//         limit, a field set that has to be 0).   Thread: any.
NODISCARD enum status tables_delta_read(struct slice delta, size_t *at,
                                        struct table_op_view *ret_op);

// Whether the bytes are a delta as far as its structure goes: whole operations within the limits,
// each about a table that was selected. It does not look into keys and values, and not at how many
// tables and bytes there would be. Safe with any bytes.   Thread: any.
bool tables_delta_check(struct slice delta);

// Does what the delta says, from the beginning until something fails; what has been done stays.
// Fails:  STATUS_PROTOCOL (tables_delta_check() would say no), STATUS_FULL (tables),
//         STATUS_TOO_LARGE (bytes_max), STATUS_NO_MEMORY.
NODISCARD enum status tables_apply(struct tables *tables, struct slice delta);

// Where an export stands. Zeroed: at the beginning. It owns nothing and may be left behind, or
// copied, at any time; that the tables are gone meanwhile is no harm as long as it is not used.
struct tables_cursor {
    uint64_t          origin;
    uint64_t          changes;
    const struct row *row; // the next one; NULL: the table itself comes next
    uint32_t          table;
    bool              begun;
    bool              done;
};

// Appends to `out` a delta that makes the next rows, and their tables, and moves the cursor on:
// from all those deltas, in order, empty tables become these. It appends at most `bytes_max`, or
// one row that is larger alone. Nothing is appended when the cursor was at the end; `done` of the
// cursor says whether it now is.
// Fails:  STATUS_AGAIN (the tables are not what they were when the cursor stopped: begin anew),
//         STATUS_NO_MEMORY (cursor and `out` as before).
NODISCARD enum status tables_export(const struct tables *tables, struct tables_cursor *cursor,
                                    size_t bytes_max, struct buf *out);
