// ties: monitors and links of a connection, for both clients.
//
// Both watch one incarnation of an actor; its end, also one that a restart follows, is told once by
// an event, and then the tie is gone. The end of the connection undoes its monitors, and linked
// actors get an exit with the reason "noconnection". One that was started with `link` is a child of
// the connection: it ends with it.
// Source: docs/protocol.md, "Links and monitors".
#pragma once

#include <peeper/client.h>
#include <peeper/requests.h>

#ifdef __cplusplus
extern "C" {
#endif

// --- The asynchronous client ---------------------------------------------------------------------
// As the requests of client.h. Events go to hooks.on_event, in the order in which the server told
// them, among the answers.

// Watches an incarnation; `answer->ref` names the monitor. Nobody there is no failure: DOWN comes
// with the reason "noproc".   Fails: OVERLOADED.
PEEPER_NODISCARD enum peeper_status peeper_client_monitor(struct peeper_client *client,
                                                          struct peeper_target  target,
                                                          struct peeper_then    then);

// Ends a monitor. One that has told already, or never was, is no failure; after the answer no DOWN
// of it comes.
PEEPER_NODISCARD enum peeper_status peeper_client_demonitor(struct peeper_client *client,
                                                            uint64_t ref, struct peeper_then then);

// Ties the connection and an incarnation to each other / no more. Links do not count up. Nobody
// there: EXIT comes with the reason "noproc".   Fails: OVERLOADED.
PEEPER_NODISCARD enum peeper_status peeper_client_link(struct peeper_client *client,
                                                       struct peeper_target  target,
                                                       struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status peeper_client_unlink(struct peeper_client *client,
                                                         struct peeper_target  target,
                                                         struct peeper_then    then);

// --- The blocking client -------------------------------------------------------------------------
// Events wait in the inbox (requests.h) until they are taken.

PEEPER_NODISCARD enum peeper_status
peeper_sync_monitor(struct peeper_sync *sync, struct peeper_target target, uint64_t *ret_ref);

// With `flush` a DOWN of this monitor that waits in the inbox is thrown away, too.
PEEPER_NODISCARD enum peeper_status peeper_sync_demonitor(struct peeper_sync *sync, uint64_t ref,
                                                          bool flush);
PEEPER_NODISCARD enum peeper_status peeper_sync_link(struct peeper_sync  *sync,
                                                     struct peeper_target target);
PEEPER_NODISCARD enum peeper_status peeper_sync_unlink(struct peeper_sync  *sync,
                                                       struct peeper_target target);

// Waits for an event and takes the oldest, past whatever else is in the inbox.
// Units:  milliseconds; 0 only looks; PEEPER_FOREVER.
// Owns:   what `ret_event` points to is borrowed until the next message or event is taken.
// Thread: owner.   Blocks: up to timeout_ms.
// Fails:  TIMEOUT, FULL (once, after events were lost because the inbox was full: look at what you
//         watch), UNREACHABLE (there is none, and no connection that could bring one).
PEEPER_NODISCARD enum peeper_status peeper_sync_next_event(struct peeper_sync  *sync,
                                                           uint32_t             timeout_ms,
                                                           struct peeper_event *ret_event);

#ifdef __cplusplus
}
#endif
