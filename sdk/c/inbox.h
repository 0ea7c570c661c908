// inbox: what came for one blocking client and was not taken yet, with the requests that it answers
// and the sets which these are in. It knows no network and does not wait.
//
// Everything is linked into what leads to it, so that nothing is ever searched for: an answer finds
// its request, the request its sets, and each set keeps a queue of its own of what is ready.
#pragma once

#include "kept.h"

#include "base/list.h"

#include <peeper/requests.h>

struct inbox {
    struct list        unread; // inbox_item.unread, oldest first; owned
    struct list        events; // inbox_event.events; those of them that are events
    struct list        sets;   // peeper_reqids.of_inbox; borrowed
    struct inbox_slot *slots;  // owned; where an id leads
    uint32_t           slot_count;
    uint32_t           free_first; // INBOX_NO_SLOT if none is free
    uint32_t           count;      // requests, notices and events
    uint32_t           count_max;
    uint64_t           sequence;
    uint64_t           notices_dropped;
    uint64_t           events_dropped; // since this was last told
    // The request whose response was handed out as a message: it is over, but the checks may still
    // ask whose it was. Owned; NULL if there is none.
    struct inbox_request *taken;
};

struct inbox_slot {
    struct inbox_request *request; // owned; NULL while the slot is free
    uint32_t              next_free;
};

// What waits in the order of arrival: the response of a request, a notice or an event.
struct inbox_item {
    struct list              unread;
    enum peeper_message_kind kind;
    struct kept              answer;
};

struct inbox_event {
    struct inbox_item item; // first
    struct list       events;
    uint64_t          ref;
};

struct inbox_request {
    struct inbox_item item; // first: unread items are requests or nothing else
    struct inbox     *inbox;
    struct list       entries; // inbox_entry.of_request
    uint64_t          id;
    uint64_t          wire_id; // the owner's: the correlation id
    bool              answered;
};

// That a request is in a set.
struct inbox_entry {
    struct list           of_set;
    struct list           of_request;
    struct list           ready; // linked while the response waits
    struct peeper_reqids *set;
    struct inbox_request *request; // NULL: it is over
    struct peeper_reqid   reqid;
};

struct peeper_reqids {
    struct peeper_sync *sync; // NULL: destroyed
    struct list         of_inbox;
    struct list         entries; // inbox_entry.of_set, in the order of adding; owned
    struct list         ready;   // inbox_entry.ready, in the order of arrival
    size_t              size;
    size_t              live; // entries whose request is not over
};

#define INBOX_COUNT_MAX (1u << 20)

// Shape: count_max 1 to INBOX_COUNT_MAX.   Thread: owner, as for all below.
void inbox_init(struct inbox *inbox, uint32_t count_max);

// Frees requests and messages; the sets are left with nothing to wait for.
void inbox_fini(struct inbox *inbox);

// A new request, without an answer. It stays until inbox_end() or until its message is replaced.
// Fails: FULL, NO_MEMORY.
NODISCARD enum peeper_status inbox_request(struct inbox *inbox, struct inbox_request **ret_request);

// The request with this id that is not over; NULL if there is none.
struct inbox_request *inbox_find(struct inbox *inbox, uint64_t id);

// Keeps the answer of a request that has none yet, and makes it ready in its sets.
void inbox_answer(struct inbox_request *request, const struct peeper_answer *answer);

// Keeps a notice, unless the inbox is full.
void inbox_notice(struct inbox *inbox, const struct peeper_error *error);

// Keeps an event, unless the inbox is full.
void inbox_event(struct inbox *inbox, const struct peeper_event *event);

// Takes the oldest event, past all else.
// Owns:  the caller gets the bytes of `ret_answer`.
// Fails: false if there is none.
bool inbox_take_event(struct inbox *inbox, struct kept *ret_answer);

// Throws away what waits of the monitor `ref`.
void inbox_flush(struct inbox *inbox, uint64_t ref);

// Ends a request: frees it; its sets have one less to wait for. The answer, if it has one, goes to
// `ret_answer`, which may be NULL.
void inbox_end(struct inbox_request *request, struct kept *ret_answer);

// Takes the oldest message. A request stays as `taken` until the next message.
// Owns:  the caller gets the bytes of `ret_answer`.
// Fails: false if nothing is unread.
bool inbox_take(struct inbox *inbox, struct kept *ret_answer, struct peeper_message *ret_message);

// Puts a request that is not over into a set that it is not in / takes an entry out and frees it.
void inbox_enter(struct inbox_entry *entry, struct peeper_reqids *set,
                 struct inbox_request *request, void *label);
void inbox_leave(struct inbox_entry *entry);

// The entry of a request in a set; NULL if it is not there. Costs the number of sets that it is in.
struct inbox_entry *inbox_entry_find(const struct inbox_request *request,
                                     const struct peeper_reqids *set);
