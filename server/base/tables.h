// tables: the named tables of one actor, on either side of the rings.
//
// The host has them to work with, the mirror has them to keep; what travels between the two is a
// *delta*: what a turn wrote, or rows to load (base/tables_delta). Keys and values are encoded
// Values, of which this module looks at the keys of ordered tables only. Equal keys are those with
// equal encodings.
//
// A hashed table goes through its rows in the order in which they were entered (a new value does
// not move a row), an ordered one in the order of value_compare(). Tables own their memory and
// nothing else: no thread, no lock.
#pragma once

#include "base/buf.h"
#include "base/rows.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_NAME_BYTES_MAX 255u
#define TABLES_MAX 256u // of one actor, the dictionary included
#define TABLE_KEY_BYTES_MAX (64u << 10)
#define TABLE_VALUE_BYTES_MAX (32u << 20) // so that any row goes into one record of a ring
// What a row and a table count beside their bytes. Fixed, so that both sides come to the same sum.
#define TABLE_ROW_BYTES 64u
#define TABLE_BYTES 512u

// Fixed when the table is made.
enum table_flag {
    TABLE_ORDERED = 1, // else hashed
    TABLE_PRIVATE = 2, // operators see that it is there, not what is in it
    TABLE_HEIR = 4,    // a restart keeps it, whatever the actor's `keep` says
    TABLE_FLAGS = 7,   // all of them
};

struct table {
    struct rows rows;
    uint64_t    bytes; // what it counts, itself included
    uint8_t     flags; // enum table_flag
    bool        gone;  // dropped; kept until the journal ends
    uint8_t     name_bytes;
    char        name[TABLE_NAME_BYTES_MAX + 1]; // terminated; "" is the dictionary
};

struct tables_change; // of the journal

struct tables {
    struct table **all; // owned, by name
    uint32_t       count;
    uint32_t       capacity;
    uint64_t       bytes; // what all tables count
    uint64_t       bytes_max;
    uint64_t       seed;
    // These two tell one content from any other that any tables ever had.
    uint64_t origin;
    uint64_t changes;
    // What can be taken back, oldest first; owned.
    struct tables_change *journal;
    uint32_t              journal_count;
    uint32_t              journal_capacity;
    bool                  journalled;
};

// Allocates nothing. `seed` is a secret of this process; `bytes_max` 0 means no limit.
// Thread: any for init, then owner, like all here.
void tables_init(struct tables *tables, uint64_t seed, uint64_t bytes_max);

// Frees everything; the tables are empty and usable again. A journal that was begun goes on.
void tables_fini(struct tables *tables);

// --- The journal
// From begin on every change is remembered, until tables_commit() forgets the changes or
// tables_rollback() takes them back; neither ends the journalling. In between a row that was
// deleted, a value that was replaced and a table that was dropped stay in memory: pointers to them
// remain valid, and row_after() goes on from such a row.
void tables_begin(struct tables *tables);
void tables_commit(struct tables *tables);
void tables_rollback(struct tables *tables);

// --- Tables
// The table called `name`, or NULL.
struct table *tables_find(const struct tables *tables, struct slice name);

// Makes a table where there is none of this name; else answers the one that is there, whatever its
// flags.
// Fails:  STATUS_INVALID (name too long, unknown flags, flags for the dictionary), STATUS_FULL
//         (TABLES_MAX), STATUS_TOO_LARGE (bytes_max), STATUS_NO_MEMORY.
NODISCARD enum status tables_make(struct tables *tables, struct slice name, uint8_t flags,
                                  struct table **ret_table);

// Removes a table with its rows. Without a journal its memory is freed at once.
// Fails:  STATUS_NO_MEMORY (of the journal), nothing happened.
NODISCARD enum status tables_drop(struct tables *tables, struct table *table);

// --- Rows
// Enters a row, or gives it a new value.
// Fails:  STATUS_INVALID (no key, or too long a key or value), STATUS_TOO_LARGE (bytes_max),
//         STATUS_NO_MEMORY; nothing happened.
NODISCARD enum status tables_put(struct tables *tables, struct table *table, struct slice key,
                                 struct slice value);

// Deletes a row; *ret_was, which may be NULL, says whether it was there.
// Fails:  STATUS_NO_MEMORY (of the journal), nothing happened.
NODISCARD enum status tables_delete(struct tables *tables, struct table *table, struct slice key,
                                    bool *ret_was);

// Deletes all rows.
// Fails:  as tables_delete().
NODISCARD enum status tables_clear(struct tables *tables, struct table *table);

// Each NULL if there is none. Read a row with row_key() and row_value(). A row is valid until it is
// deleted, its value until it is replaced; with a journal until that ends.
static inline struct row *table_get(const struct table *table, struct slice key) {
    return rows_find(&table->rows, key);
}
static inline struct row *table_first(const struct table *table) {
    return table->rows.first;
}
static inline struct row *table_last(const struct table *table) {
    return table->rows.last;
}
// The row with `key`, in an ordered table else the first after it: where a range begins.
static inline struct row *table_from(const struct table *table, struct slice key) {
    return rows_from(&table->rows, key);
}
// The row after / before this one. With a journal `row` may be gone: then one that followed, or
// preceded it when it went, or what came of that.
struct row *row_after(const struct row *row);
struct row *row_before(const struct row *row);

static inline uint32_t table_count(const struct table *table) {
    return table->rows.count;
}
static inline struct slice table_name(const struct table *table) {
    return slice_of(table->name, table->name_bytes);
}
