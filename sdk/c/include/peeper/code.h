// code: which code the server has, and how it gets other code, for both clients.
//
// An upgrade brings all actors of a behaviour to another version of it while they run. Its answer
// comes when all have been asked, however long that takes: no time-out of the client applies.
// Source: docs/upgrade.md.
#pragma once

#include <peeper/client.h>

#ifdef __cplusplus
extern "C" {
#endif

// --- The asynchronous client ---------------------------------------------------------------------
// As the requests of client.h. Progress comes as PEEPER_EVENT_PROGRESS to hooks.on_event.

PEEPER_NODISCARD enum peeper_status peeper_client_behaviours(struct peeper_client *client,
                                                             struct peeper_then    then);

// Gives the server a file with a behaviour, a new one or in place of the one of that name.
// Fails: REFUSED (it does not load; the message says why), FORBIDDEN (native code, and the server
//        does not take that from clients), OVERLOADED (another one is under way, or too many
//        versions are alive), INVALID, TOO_LARGE.
PEEPER_NODISCARD enum peeper_status peeper_client_deploy(struct peeper_client        *client,
                                                         const struct peeper_upgrade *upgrade,
                                                         struct peeper_then           then);

// Upgrades a behaviour; a dry run only tells who would refuse.
// Fails: as deploy; UNKNOWN_BEHAVIOUR, NOT_FOUND (its file is not in the server's directory).
PEEPER_NODISCARD enum peeper_status peeper_client_upgrade(struct peeper_client        *client,
                                                          const struct peeper_upgrade *upgrade,
                                                          struct peeper_then           then);

// --- The blocking client -------------------------------------------------------------------------

PEEPER_NODISCARD enum peeper_status
peeper_sync_behaviours(struct peeper_sync *sync, struct peeper_behaviours *ret_behaviours);

// Told now and then while an upgrade runs; `event` is a PEEPER_EVENT_PROGRESS. Must make no
// request.
typedef void peeper_on_progress(void *user, const struct peeper_event *event);

// `on_progress` may be NULL.   Owns: the report is borrowed until the next request.
PEEPER_NODISCARD enum peeper_status peeper_sync_deploy(struct peeper_sync          *sync,
                                                       const struct peeper_upgrade *upgrade,
                                                       peeper_on_progress *on_progress, void *user,
                                                       struct peeper_upgrade_report *ret_report);
PEEPER_NODISCARD enum peeper_status peeper_sync_upgrade(struct peeper_sync          *sync,
                                                        const struct peeper_upgrade *upgrade,
                                                        peeper_on_progress *on_progress, void *user,
                                                        struct peeper_upgrade_report *ret_report);

#ifdef __cplusplus
}
#endif
