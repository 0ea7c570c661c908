// requests: several requests at once on a blocking client, as gen_server's send_request and its
// collections of request ids have them.
//
// A request is sent and runs while the program does something else. Its response comes into the
// inbox of the client, where it waits until somebody takes it: by its request, by a set of
// requests, or in the order of arrival, together with what the server says unasked. Taking costs
// the same however many others wait there. peeper_sync_call() and the like can be used at any time
// between: they neither see nor disturb the inbox.
//
// Each request has exactly one response: the reply, an error of the server (a dead name is NOPROC),
// TIMEOUT 250 ms after its own deadline, or DISCONNECTED or CLOSED when the connection ends. One
// that is taken or abandoned is over; waiting for it again answers NO_REQUEST at once.
// A whole program is in samples/fan_out.c.
// Source: OTP, gen_server: send_request, wait_response, receive_response, check_response, reqids.
#pragma once

#include <peeper/client.h>

#ifdef __cplusplus
extern "C" {
#endif

// A time without end. As a deadline: the longest one that the server allows.
#define PEEPER_FOREVER UINT32_MAX

struct peeper_reqids;

// A member of a set.
struct peeper_reqid {
    uint64_t request;
    void    *label;
};

struct peeper_response {
    uint64_t            request;
    void               *label; // what the set has for it; NULL where no set was asked
    struct peeper_error error;
    struct peeper_value reply; // where error.status is OK
};

enum peeper_message_kind {
    PEEPER_MESSAGE_RESPONSE = 1, // to `request`
    // Of nobody's request: the server is about to leave, it reports the failure of a request that
    // nobody waited for, or the connection ended.
    PEEPER_MESSAGE_NOTICE = 2,
    PEEPER_MESSAGE_EVENT = 3, // of a monitor or a link; see ties.h
};

// What came into the inbox. `response.error` tells of notices, too.
struct peeper_message {
    enum peeper_message_kind kind;
    struct peeper_response   response;
    struct peeper_event      event;
};

// --- Requests ------------------------------------------------------------------------------------

// Sends a call and does not wait. The number in `ret_request` means this request for the life of
// the client, and is never given out again.
// Units:  milliseconds; 0: the server's default of 5000; PEEPER_FOREVER.
// Owns:   nothing is borrowed after the return.
// Thread: owner.   Blocks: no.
// Fails:  nothing was sent then. INVALID (no name), UNREACHABLE (not connected), FULL
//         (requests_max, unread_max or unsent_bytes_max: take responses first), TOO_LARGE,
//         NO_MEMORY. Everything else is the request's own response.
PEEPER_NODISCARD enum peeper_status
peeper_sync_send_request(struct peeper_sync *sync, struct peeper_target target,
                         struct peeper_value message, uint32_t deadline_ms, uint64_t *ret_request);

// The same, with options, among them an idempotency key. NULL: none.
PEEPER_NODISCARD enum peeper_status
peeper_sync_send_request_with(struct peeper_sync *sync, struct peeper_target target,
                              struct peeper_value               message,
                              const struct peeper_call_options *options, uint64_t *ret_request);

// Waits for the response and takes it. When the time is over, the request goes on and can be waited
// for again.
// Units:  milliseconds; 0 only looks; PEEPER_FOREVER.
// Owns:   what `ret_response` points to is borrowed until the next function of this client.
// Thread: owner.   Blocks: up to timeout_ms.
// Fails:  TIMEOUT, NO_REQUEST (taken or abandoned, or there never was one). What became of the
//         request itself is in ret_response->error.
PEEPER_NODISCARD enum peeper_status peeper_sync_wait_response(struct peeper_sync *sync,
                                                              uint64_t request, uint32_t timeout_ms,
                                                              struct peeper_response *ret_response);

// The same, but when the time is over the request is abandoned: a response that comes later is
// dropped. The server still runs it.
PEEPER_NODISCARD enum peeper_status
peeper_sync_receive_response(struct peeper_sync *sync, uint64_t request, uint32_t timeout_ms,
                             struct peeper_response *ret_response);

// --- The inbox in order --------------------------------------------------------------------------

// Waits for a message and takes the oldest. A response that is taken this way ends its request, and
// nobody else gets it, unless it is handed to one of the checks.
// Units:  milliseconds; 0 only looks; PEEPER_FOREVER.
// Owns:   what `ret_message` points to is borrowed until the next message is taken.
// Thread: owner.   Blocks: up to timeout_ms.
// Fails:  TIMEOUT, UNREACHABLE (the inbox is empty, and there is no connection that could fill it).
PEEPER_NODISCARD enum peeper_status peeper_sync_take_message(struct peeper_sync    *sync,
                                                             uint32_t               timeout_ms,
                                                             struct peeper_message *ret_message);

// Whether the message taken last is the response to `request`.
// Owns:   `ret_response` is borrowed as long as the message.
// Thread: owner.   Blocks: no.
// Fails:  NO_REPLY (it is another's, or no response).
PEEPER_NODISCARD enum peeper_status
peeper_sync_check_response(struct peeper_sync *sync, const struct peeper_message *message,
                           uint64_t request, struct peeper_response *ret_response);

// Notices that found the inbox full (unread_max) and were dropped.   Thread: owner.
uint64_t peeper_sync_notices_dropped(const struct peeper_sync *sync);

// --- Sets of requests ----------------------------------------------------------------------------

// Creates an empty set, for requests of this client. A request may be in several sets.
// Owns:   the caller owns it. It may outlive the client, as a set with nothing to wait for.
// Thread: owner of the client.   Blocks: no.
// Fails:  NO_MEMORY.
PEEPER_NODISCARD enum peeper_status peeper_reqids_create(struct peeper_sync    *sync,
                                                         struct peeper_reqids **ret_set);

// Frees the set. Its requests go on; their responses can still be taken in order of arrival. NULL
// is fine.
void peeper_reqids_destroy(struct peeper_reqids *set);

// Adds a request under a label.
// Owns:   what the label points to is never looked at.
// Fails:  INVALID (it is in the set already, is over or never was), NO_MEMORY; the set is as
//         before.
PEEPER_NODISCARD enum peeper_status peeper_reqids_add(struct peeper_reqids *set, uint64_t request,
                                                      void *label);

// Sends a call and adds it, or does neither.
// Fails:  as peeper_sync_send_request(). UNREACHABLE also where the client is destroyed.
PEEPER_NODISCARD enum peeper_status peeper_reqids_send(struct peeper_reqids *set,
                                                       struct peeper_target  target,
                                                       struct peeper_value   message,
                                                       uint32_t deadline_ms, void *label);

// How many requests are in the set, those included that are over but were not removed.
size_t peeper_reqids_size(const struct peeper_reqids *set);

// Writes the first `room` requests and their labels, in the order in which they were added, and
// answers how many that were.
size_t peeper_reqids_to_list(const struct peeper_reqids *set, struct peeper_reqid *ids,
                             size_t room);

// As the functions for one request above, for the response that came first to any request of the
// set; one that was there before its request was added counts from then. With `remove` its entry
// leaves the set; without, it stays and counts, but is over. A peeper_reqids_receive() whose time
// is over abandons all requests of the set.
// Fails:  as above; NO_REQUEST where nothing in the set is left to wait for.
PEEPER_NODISCARD enum peeper_status peeper_reqids_wait(struct peeper_reqids *set,
                                                       uint32_t timeout_ms, bool remove,
                                                       struct peeper_response *ret_response);
PEEPER_NODISCARD enum peeper_status peeper_reqids_receive(struct peeper_reqids *set,
                                                          uint32_t timeout_ms, bool remove,
                                                          struct peeper_response *ret_response);
// Fails:  NO_REQUEST where the set is empty, else NO_REPLY; the set is as before.
PEEPER_NODISCARD enum peeper_status peeper_reqids_check(struct peeper_reqids        *set,
                                                        const struct peeper_message *message,
                                                        bool                         remove,
                                                        struct peeper_response      *ret_response);

#ifdef __cplusplus
}
#endif
