// probe_tables: the probe's steps about tables and the dictionary. The first operand of each
// table_* is the table's name; all but "table" want one that is there.
//
// ["table", name, flags]          makes it, or opens it (enum peeper_table_flag)
// ["table_put", name, key, value] ["table_delete", name, key] ["table_clear", name]
// ["table_drop", name]            ["table_fill", name, count, bytes]: rows 0.. of so many bytes
// ["dict_put", key, value]        ["dict_delete", key]
// With a reply: ["table_get", name, key] (null if there is none), ["table_remove", name, key] (was
// it there), ["table_count", name], ["table_rows", name]: a list of [key, value],
// ["table_range", name, key, count]: at most so many rows from the key on,
// ["table_sweep", name]: deletes each row while it walks, and counts them, ["dict_get", key].
#pragma once

#include <peeper/behaviour.h>

// Whether it is one of these.
bool probe_tables_is_step(struct peeper_value step);

// Runs the step if it is one of these; false if it is none.
bool probe_tables_step(struct peeper_ctx *ctx, struct peeper_value step);
