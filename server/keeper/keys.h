// keys: the idempotency keys of requests, and the outcomes that are kept for them.
//
// A key is *open* while its request is under way, and *kept* once there is an outcome. Kept ones
// go oldest first, when their time is over or where room is needed; open ones never go by
// themselves. Who waits for an outcome is known here, but told by idempotency.h.
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/status.h"
#include "keeper/port.h"
#include "wire/codec.h"

#include <stdbool.h>
#include <stdint.h>

#define KEY_BYTES_MAX 64u
#define KEY_SCOPE_BYTES_MAX (1u + 8u + 1u + KEY_BYTES_MAX + 255u)
#define KEY_WAITERS_MAX 64u // of one key

struct key;

// One who waits for the outcome of an open key.
struct key_waiter {
    struct list   link;
    struct timer  deadline; // TIMER_KEY_WAITER
    struct caller caller;
    struct key   *key;
};

struct key {
    struct key *chain;      // of the same bucket
    struct list link;       // among the kept, oldest first; alone while it is open
    struct list waiters;    // of struct key_waiter; owned; none once it is kept
    uint64_t    hash;       // of the scope
    uint64_t    payload[2]; // hash of the message
    uint64_t    kept_ms;    // monotonic, since when
    uint32_t    serial;     // never 0
    uint16_t    waiter_count;
    bool        kept;
    // the outcome
    uint8_t     kind;          // enum answer_kind
    uint8_t     status;        // enum status, of ANSWER_ERROR; so are the next two
    const char *crash;         // static text
    const char *message;       // static text, or in `body`
    uint32_t    message_bytes; // in `body`
    uint32_t    body_bytes;
    uint8_t    *body; // owned; the message and the reason, or the payload
    // verb, target and key
    uint16_t scope_bytes;
    uint8_t  scope[];
};

struct keys {
    struct key **buckets;      // owned
    uint32_t     bucket_count; // power of two
    uint32_t     count;        // open and kept
    uint32_t     count_max;
    uint32_t     serial_next;
    uint64_t     seed;
    uint64_t     bytes; // of all keys, outcomes and waiters
    uint64_t     bytes_max;
    uint64_t     evicted;
    struct list  kept;
    struct timer due; // TIMER_KEYS; armed while any is kept
};

// What a request with a key is known by.
struct key_asked {
    uint64_t hash;
    uint64_t payload[2];
    uint16_t scope_bytes;
    uint8_t  scope[KEY_SCOPE_BYTES_MAX];
};

NODISCARD enum status keys_init(struct keys *keys, uint32_t count_max, uint64_t bytes_max,
                                uint64_t seed);

// Nobody must wait any more.
void keys_fini(struct keys *keys);

// Shape: the request is a Call or a Cast with a key of 1 to KEY_BYTES_MAX bytes and a name of at
//        most NAME_BYTES_MAX. The scope is the verb, the target as it was named, and the key.
void keys_describe(const struct keys *keys, const struct request *request,
                   struct key_asked *ret_asked);

// The key with this scope; NULL if there is none.
struct key *keys_find(const struct keys *keys, const struct key_asked *asked);

// The key that an answer is for; NULL if it has been dropped.
struct key *keys_find_caller(const struct keys *keys, struct caller caller);

// Whose answers are those of `key`.
static inline struct caller key_caller(const struct key *key) {
    return (struct caller){CALLER_KEYED, key->serial, key->hash};
}

static inline bool key_same_payload(const struct key *key, const struct key_asked *asked) {
    return key->payload[0] == asked->payload[0] && key->payload[1] == asked->payload[1];
}

// Adds an open key.
// Fails: STATUS_OVERLOADED (no room, whatever is kept goes), STATUS_NO_MEMORY.
NODISCARD enum status keys_add(struct keys *keys, const struct key_asked *asked,
                               struct key **ret_key);

// Adds one to those who wait for an open key; the caller arms its deadline.
// Fails: STATUS_OVERLOADED (too many of this key, or bytes), STATUS_NO_MEMORY.
NODISCARD enum status keys_wait(struct keys *keys, struct key *key, struct caller caller,
                                struct key_waiter **ret_waiter);

// Takes one out of those who wait, and frees it. Its deadline must not be armed.
void keys_unwait(struct keys *keys, struct key_waiter *waiter);

// Closes an open key for which nobody waits: a copy of `answer` is its outcome. Where that finds no
// room, the outcome is an error that says so: what has run must not run again.
// Shape: REPLY, DONE or ERROR.
void keys_keep(struct keys *keys, struct key *key, const struct answer *answer, uint64_t now_ms);

// What is kept of a key, as an answer.
// Shape: both point to the key, and the answer to the failure.
void key_outcome(const struct key *key, struct answer *ret_answer, struct failure *ret_failure);

// Forgets a key for which nobody waits.
void keys_drop(struct keys *keys, struct key *key);

// Forgets what has been kept since `before_ms` or longer, at most `most` of them.
void keys_expire(struct keys *keys, uint64_t before_ms, uint32_t most);

// The oldest that is kept; NULL if none is.
struct key *keys_oldest(const struct keys *keys);
