// table_view: looks at the tables of an actor for people, for view. What is asked for is copied on
// the mirror thread, a bounded part at a time; the actor sleeps on.
#pragma once

#include "keeper/view.h"

#define TABLE_VIEW_PAGE_BYTES (1u << 20) // of keys and values; one larger row goes alone
#define TABLE_VIEW_SCAN_MAX 16384u       // rows looked at for one page

// Prepares a VIEW_ROWS, that view_init has made: rows of `table` whose keys begin with `prefix`
// (none: all) and come after the row with the key `after` (none: from the first on).
// Owns:   the view has copies.   Thread: any.
// Fails:  STATUS_INVALID, and then *ret_fault names the field; STATUS_NO_MEMORY.
NODISCARD enum status table_view_ask(struct view *view, struct slice table, struct slice prefix,
                                     struct slice after, const char **ret_fault);

// Answers a VIEW_TABLES or VIEW_ROWS about `actor` when the mirror has, or at once why not.
// Thread: net.
void table_view_run(struct shard *shard, const struct actor *actor, struct view *view);

// Frees what the two have of a view.   Thread: any.
void table_view_fini(struct view *view);
