// generations: the older states of an actor, for both clients. The server keeps the newest ones,
// two of each actor unless it was started otherwise, each with version, time and turn.
//
// Threads, blocking, borrowing and failures are those of <peeper/client.h>. NOT_FOUND names the
// versions that there are.
// Source: docs/state.md.
#pragma once

#include <peeper/client.h>

#ifdef __cplusplus
extern "C" {
#endif

// Which there are, newest first; `answer->generations`.
PEEPER_NODISCARD enum peeper_status peeper_client_generations(struct peeper_client *client,
                                                              struct peeper_target  target,
                                                              struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status
peeper_sync_generations(struct peeper_sync *sync, struct peeper_target target,
                        struct peeper_generations *ret_generations);

// The state of one version; `answer->state`. 0: the newest.
PEEPER_NODISCARD enum peeper_status peeper_client_get_version(struct peeper_client *client,
                                                              struct peeper_target  target,
                                                              uint64_t              version,
                                                              struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status peeper_sync_get_version(struct peeper_sync  *sync,
                                                            struct peeper_target target,
                                                            uint64_t             version,
                                                            struct peeper_state *ret_state);

// Gives the actor the state of one version, as replace_state does: it becomes a new version.
// Units: milliseconds; 0: the server's default of 5000.
PEEPER_NODISCARD enum peeper_status
peeper_client_restore_state(struct peeper_client *client, struct peeper_target target,
                            uint64_t version, uint32_t timeout_ms, struct peeper_then then);
PEEPER_NODISCARD enum peeper_status peeper_sync_restore_state(struct peeper_sync  *sync,
                                                              struct peeper_target target,
                                                              uint64_t             version,
                                                              uint32_t             timeout_ms);

#ifdef __cplusplus
}
#endif
