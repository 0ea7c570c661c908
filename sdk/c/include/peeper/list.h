// list: goes through all actors, page by page, on a blocking client.
#pragma once

#include <peeper/client.h>

#ifdef __cplusplus
extern "C" {
#endif

struct peeper_actors;

// Begins to go through the actors whose name has a prefix; NULL or "": through all.
// Owns:   the caller owns it; the client is borrowed until it is destroyed, the prefix is copied.
// Thread: owner of the client, as for all below.   Blocks: no.
// Fails:  NO_MEMORY.
PEEPER_NODISCARD enum peeper_status peeper_actors_create(struct peeper_sync    *sync,
                                                         const char            *prefix,
                                                         struct peeper_actors **ret_actors);

// The next actor; NULL after the last one. Who is there all the while is told once; who comes or
// goes meanwhile may be told or not.
// Owns:   borrowed until the next call of this function; other functions of the client may be
//         called between.
// Blocks: as peeper_sync_list(), once for 1000 actors.
// Fails:  as peeper_sync_list(); it can be called again then, and goes on.
PEEPER_NODISCARD enum peeper_status peeper_actors_next(struct peeper_actors       *actors,
                                                       const struct peeper_actor **ret_actor);

// Ends it at any time. NULL is fine.
void peeper_actors_destroy(struct peeper_actors *actors);

#ifdef __cplusplus
}
#endif
