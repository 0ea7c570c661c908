// tables: looks at the tables of actors. They are answered from the server's copy of what was
// committed: no look wakes an actor or waits for its turn, and the tables of one that gave up stay
// readable. Only the actor itself writes into them.
// Source: docs/state.md, Tables.
#pragma once

#include <peeper/client.h>

#ifdef __cplusplus
extern "C" {
#endif

// Which rows of which table.
struct peeper_rows_page {
    const char *table;  // NULL or "": the dictionary
    const char *prefix; // only keys that are strings and begin with it; NULL or "": all keys
    // The rows after this key, which is `next` of the page before; no bytes: the first page.
    struct peeper_value from;
    uint32_t            limit; // rows; 0: 100, at most 1000
};

// All tables of an actor / a page of rows. With a prefix, a page of a table that is not ordered may
// have few rows or none, and others follow all the same: `next` says so.
// Thread, Blocks, Fails: as of all requests in client.h. The server says NOT_FOUND (the actor has
//         no such table; or the table is not ordered, and the row of `from` is gone: begin again)
//         and INVALID (the table is private).
PEEPER_NODISCARD enum peeper_status peeper_client_tables(struct peeper_client *client,
                                                         struct peeper_target  target,
                                                         struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status peeper_client_rows(struct peeper_client          *client,
                                                       struct peeper_target           target,
                                                       const struct peeper_rows_page *page,
                                                       struct peeper_then             then);

// The same on a blocking client.
PEEPER_NODISCARD enum peeper_status peeper_sync_tables(struct peeper_sync   *sync,
                                                       struct peeper_target  target,
                                                       struct peeper_tables *ret_tables);
PEEPER_NODISCARD enum peeper_status peeper_sync_rows(struct peeper_sync            *sync,
                                                     struct peeper_target           target,
                                                     const struct peeper_rows_page *page,
                                                     struct peeper_rows            *ret_rows);

#ifdef __cplusplus
}
#endif
