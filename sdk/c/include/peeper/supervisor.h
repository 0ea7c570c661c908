// supervisor: the verbs of supervision trees, for both clients. A supervisor runs no code of yours:
// it is described by a Value, its spec, and takes a name and an id like any actor, so that
// peeper_client_stop(), _kill() and _whereis() take one, too.
//
// Threads, blocking, borrowing and failures are those of <peeper/client.h>. What the server adds:
// NOPROC where the supervisor is not there, INVALID where it is an actor, NOT_FOUND where it has no
// such child, and what stands with each verb.
// Source: docs/protocol.md; OTP's supervisor.
#pragma once

#include <peeper/client.h>

#ifdef __cplusplus
extern "C" {
#endif

// Above all trees: its children are the actors and supervisors without a supervisor. For
// which_children only.
static inline struct peeper_target peeper_root(void) {
    return peeper_by_name("");
}

// A child of a supervisor: by its id there, or, under simple_one_for_one, by its incarnation.
struct peeper_child_target {
    const char *id; // terminated
    uint64_t    incarnation;
};

static inline struct peeper_child_target peeper_child_by_id(const char *id) {
    struct peeper_child_target target = {id, 0};
    return target;
}

static inline struct peeper_child_target peeper_child_by_incarnation(uint64_t incarnation) {
    struct peeper_child_target target = {NULL, incarnation};
    return target;
}

// Which children a listing shall tell of.
struct peeper_children_page {
    const char *child;  // NULL or "": all; else the one with this id
    uint64_t    cursor; // `next` of the page before; 0: the first page
    uint32_t    limit;  // children; 0: 100, at most 1000
};

// Starts a supervisor with all its children, or nothing; `answer->started`.
// Shape: `name` may be NULL: the spec's own, or none. `spec` is a map.
// Units: milliseconds; 0: the server's default of 5000, for all children together.
// Fails: BAD_SPEC (its message names the field), UNKNOWN_BEHAVIOUR, ALREADY_STARTED, REFUSED (a
//        child did not start; the reason tells which), TIMEOUT.
PEEPER_NODISCARD enum peeper_status peeper_client_start_supervisor(struct peeper_client *client,
                                                                   const char           *name,
                                                                   struct peeper_value   spec,
                                                                   uint32_t              timeout_ms,
                                                                   struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status
peeper_sync_start_supervisor(struct peeper_sync *sync, const char *name, struct peeper_value spec,
                             uint32_t timeout_ms, struct peeper_started *ret_started);

// Adds a child and starts it; `answer->started`.
// Shape: `spec` is a child's spec; for simple_one_for_one a map with any of "name" and "argument".
// Fails: ALREADY_STARTED, ALREADY_PRESENT (a stopped one has the id), MAX_CHILDREN, BAD_SPEC,
//        UNKNOWN_BEHAVIOUR, REFUSED, TIMEOUT.
PEEPER_NODISCARD enum peeper_status
peeper_client_start_child(struct peeper_client *client, struct peeper_target supervisor,
                          struct peeper_value spec, uint32_t timeout_ms, struct peeper_then then);
PEEPER_NODISCARD enum peeper_status peeper_sync_start_child(struct peeper_sync    *sync,
                                                            struct peeper_target   supervisor,
                                                            struct peeper_value    spec,
                                                            uint32_t               timeout_ms,
                                                            struct peeper_started *ret_started);

// Stops a child as its spec says; the spec stays, unless the child is temporary.
// Units: milliseconds; 0: the server's default of 5000. The stop goes on after a TIMEOUT.
// Fails: NOT_FOUND, SIMPLE_ONE_FOR_ONE (an id where an incarnation is needed).
PEEPER_NODISCARD enum peeper_status peeper_client_terminate_child(struct peeper_client *client,
                                                                  struct peeper_target  supervisor,
                                                                  struct peeper_child_target child,
                                                                  uint32_t           timeout_ms,
                                                                  struct peeper_then then);
PEEPER_NODISCARD enum peeper_status peeper_sync_terminate_child(struct peeper_sync  *sync,
                                                                struct peeper_target supervisor,
                                                                struct peeper_child_target child,
                                                                uint32_t timeout_ms);

// Starts a stopped child again, with a state that begins anew; `answer->started`.
// Fails: NOT_FOUND, RUNNING, RESTARTING, SIMPLE_ONE_FOR_ONE, REFUSED, TIMEOUT.
PEEPER_NODISCARD enum peeper_status
peeper_client_restart_child(struct peeper_client *client, struct peeper_target supervisor,
                            const char *child, uint32_t timeout_ms, struct peeper_then then);
PEEPER_NODISCARD enum peeper_status peeper_sync_restart_child(struct peeper_sync    *sync,
                                                              struct peeper_target   supervisor,
                                                              const char            *child,
                                                              uint32_t               timeout_ms,
                                                              struct peeper_started *ret_started);

// Forgets the spec of a stopped child.
// Fails: NOT_FOUND, RUNNING, RESTARTING, SIMPLE_ONE_FOR_ONE.
PEEPER_NODISCARD enum peeper_status peeper_client_delete_child(struct peeper_client *client,
                                                               struct peeper_target  supervisor,
                                                               const char           *child,
                                                               struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status peeper_sync_delete_child(struct peeper_sync  *sync,
                                                             struct peeper_target supervisor,
                                                             const char          *child);

// One page of children, newest first; `answer->children`.
PEEPER_NODISCARD enum peeper_status
peeper_client_which_children(struct peeper_client *client, struct peeper_target supervisor,
                             const struct peeper_children_page *page, struct peeper_then then);
PEEPER_NODISCARD enum peeper_status
peeper_sync_which_children(struct peeper_sync *sync, struct peeper_target supervisor,
                           const struct peeper_children_page *page,
                           struct peeper_children            *ret_children);

// How many children there are; `answer->child_counts`.
PEEPER_NODISCARD enum peeper_status peeper_client_count_children(struct peeper_client *client,
                                                                 struct peeper_target  supervisor,
                                                                 struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status
peeper_sync_count_children(struct peeper_sync *sync, struct peeper_target supervisor,
                           struct peeper_child_counts *ret_counts);

// A child's spec, with all defaults filled in; `answer->reply`.
// Fails: NOT_FOUND.
PEEPER_NODISCARD enum peeper_status peeper_client_child_spec(struct peeper_client      *client,
                                                             struct peeper_target       supervisor,
                                                             struct peeper_child_target child,
                                                             struct peeper_then         then);
PEEPER_NODISCARD enum peeper_status peeper_sync_child_spec(struct peeper_sync        *sync,
                                                           struct peeper_target       supervisor,
                                                           struct peeper_child_target child,
                                                           struct peeper_value       *ret_spec);

// Checks a list of children's specs and starts nothing.
// Fails: BAD_SPEC, UNKNOWN_BEHAVIOUR.
PEEPER_NODISCARD enum peeper_status peeper_client_check_specs(struct peeper_client *client,
                                                              struct peeper_value   specs,
                                                              struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status peeper_sync_check_specs(struct peeper_sync *sync,
                                                            struct peeper_value specs);

// Gives a running supervisor other flags and specs; null changes nothing.
// Fails: BAD_SPEC, UNKNOWN_BEHAVIOUR; nothing is changed then.
PEEPER_NODISCARD enum peeper_status peeper_client_change_supervisor(struct peeper_client *client,
                                                                    struct peeper_target supervisor,
                                                                    struct peeper_value  spec,
                                                                    struct peeper_then   then);
PEEPER_NODISCARD enum peeper_status peeper_sync_change_supervisor(struct peeper_sync  *sync,
                                                                  struct peeper_target supervisor,
                                                                  struct peeper_value  spec);

// Who is to be moved where.
struct peeper_transfer {
    struct peeper_target actor;
    struct peeper_target target; // the supervisor to move it to
    struct peeper_target source; // INVALID if this is not its supervisor; all zero: whichever is
};

// Moves an actor to another supervisor on the same server, with its state, its mailbox and its
// options; `answer->started` tells its new incarnation. Where it fails the actor is where it was.
// Units: milliseconds; 0: the server's default of 5000. The transfer goes on after a TIMEOUT.
// Fails: NOPROC, INVALID, MAX_CHILDREN, ALREADY_PRESENT (the target has a child of this id),
//        RESTARTING (not the moment: retryable), DOWN (a supervisor ends), SIMPLE_ONE_FOR_ONE.
PEEPER_NODISCARD enum peeper_status peeper_client_transfer(struct peeper_client         *client,
                                                           const struct peeper_transfer *transfer,
                                                           uint32_t                      timeout_ms,
                                                           struct peeper_then            then);
PEEPER_NODISCARD enum peeper_status peeper_sync_transfer(struct peeper_sync           *sync,
                                                         const struct peeper_transfer *transfer,
                                                         uint32_t                      timeout_ms,
                                                         struct peeper_started        *ret_started);

// Whether transfer() would be let in now, which changes nothing; `answer->prepared` has a handle.
PEEPER_NODISCARD enum peeper_status
peeper_client_prepare_transfer(struct peeper_client *client, const struct peeper_transfer *transfer,
                               struct peeper_then then);
PEEPER_NODISCARD enum peeper_status
peeper_sync_prepare_transfer(struct peeper_sync *sync, const struct peeper_transfer *transfer,
                             struct peeper_prepared *ret_prepared);

// Does what was prepared.
// Fails: as transfer(), and CONFLICT: the handle is used or too old, or what was prepared has
//        changed since.
PEEPER_NODISCARD enum peeper_status peeper_client_commit_transfer(struct peeper_client *client,
                                                                  uint64_t              handle,
                                                                  uint32_t              timeout_ms,
                                                                  struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status peeper_sync_commit_transfer(struct peeper_sync    *sync,
                                                                uint64_t               handle,
                                                                uint32_t               timeout_ms,
                                                                struct peeper_started *ret_started);

#ifdef __cplusplus
}
#endif
