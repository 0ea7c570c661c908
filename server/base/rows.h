// rows: the rows of one table: found by key, gone through in an order. The part under base/tables
// that knows how rows hang together; it neither limits them nor remembers what they were.
//
// A row is one allocation with its value, as long as that fits where the first one was and that was
// small; another value is one of its own. Either leaves the row and all that points to it where
// they are. All rows hang in a hash index and
// in one list: in the order in which they were entered (hashed), or in that of value_compare() over
// their keys (ordered; a skip list on top of the same list finds the place). A row that was taken
// out keeps its own links, so that taking back what was done, last first, finds its place again,
// and a walk that stands on it can go on.
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROW_INLINE_BYTES_MAX 256u
#define ROWS_TOWER_MAX 12u // levels of the skip list above the list of all; 4^12 rows

struct row {
    struct row *next; // in the order of the table
    struct row *prev;
    // From here on: what finding a row looks at, in as few cache lines as can be.
    struct row *chain; // of its bucket
    uint32_t    hash;
    uint32_t    key_bytes;
    uint8_t    *value; // behind the key, or an allocation of its own
    uint32_t    value_bytes;
    uint8_t     levels;  // of the tower; 0: only in the list of all
    bool        gone;    // taken out
    uint16_t    room;    // for a value behind the key
    struct row *tower[]; // next on each level; behind it the key, and room for a value
};

struct rows {
    struct row **index;   // owned; NULL while there was no row
    uint8_t      bits;    // of the index
    bool         ordered; // fixed
    uint32_t     count;
    uint64_t     seed;   // of the hash; nobody outside can choose keys that meet in one bucket
    uint64_t     random; // of the towers' heights
    struct row  *first;
    struct row  *last;
    struct row  *heads[ROWS_TOWER_MAX]; // where each level begins; owned through the list of all
};

static inline struct slice row_key(const struct row *row) {
    return slice_of(row->tower + row->levels, row->key_bytes);
}

static inline struct slice row_value(const struct row *row) {
    return slice_of(row->value, row->value_bytes);
}

// Nothing is allocated before the first row.   Thread: owner, like all here.
void rows_init(struct rows *rows, bool ordered, uint64_t seed);

// Frees all rows.
void rows_fini(struct rows *rows);

struct row *rows_find(const struct rows *rows, struct slice key);
// The row whose key is `key`; in an ordered table else the first one after it.
struct row *rows_from(const struct rows *rows, struct slice key);

// A row that is in no table yet. NULL when memory ran out.
struct row *row_create(struct rows *rows, struct slice key, struct slice value);
void        row_free(struct row *row);

// Gives a row another value; *ret_before is what it had, for row_forget() or row_take_back().
// Fails: STATUS_NO_MEMORY.
NODISCARD enum status row_change(struct row *row, struct slice value, struct slice *ret_before);
// Frees a value that was replaced. The present one may move behind the key, which is near.
void row_forget(struct row *row, struct slice before);
// Writes a value over the one that is there, which must not be a part of it. False where that takes
// another allocation.
bool row_overwrite(struct row *row, struct slice value);
// Gives a row the value it had before the last row_change().
void row_take_back(struct row *row, struct slice before);

// Enters a row whose key is not there.
// Fails: STATUS_NO_MEMORY (of the very first row only: a larger index can wait).
NODISCARD enum status rows_insert(struct rows *rows, struct row *row);

// Takes a row out; the caller frees it.
void rows_remove(struct rows *rows, struct row *row);

// Puts a removed row back where it was. Only while the rows are what they were right after its
// removal.
void rows_restore(struct rows *rows, struct row *row);
