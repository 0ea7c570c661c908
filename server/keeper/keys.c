#include "keeper/keys.h"

#include "base/check.h"
#include "keeper/timers.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#define BUCKETS_MIN 64u

enum status keys_init(struct keys *keys, uint32_t count_max, uint64_t bytes_max, uint64_t seed) {
    *keys = (struct keys){
        .bucket_count = BUCKETS_MIN,
        .count_max = count_max,
        .bytes_max = bytes_max,
        .serial_next = 1,
        .seed = seed,
        .due = {.kind = TIMER_KEYS},
    };
    list_init(&keys->kept);
    keys->buckets = calloc(BUCKETS_MIN, sizeof(struct key *));
    return keys->buckets == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

void keys_fini(struct keys *keys) {
    for (uint32_t i = 0; keys->buckets != NULL && i < keys->bucket_count; i++) {
        while (keys->buckets[i] != NULL) keys_drop(keys, keys->buckets[i]);
    }
    CHECK(keys->count == 0);
    CHECK(keys->bytes == 0);
    free(keys->buckets);
    keys->buckets = NULL;
}

// --- finding ---

static struct key **bucket_of(const struct keys *keys, uint64_t hash) {
    return &keys->buckets[hash & (keys->bucket_count - 1)];
}

void keys_describe(const struct keys *keys, const struct request *request,
                   struct key_asked *ret_asked) {
    uint8_t *at = ret_asked->scope;
    *at++ = (uint8_t)request->verb;
    memcpy(at, &request->target, sizeof request->target);
    at += sizeof request->target;
    *at++ = (uint8_t)request->key.bytes;
    memcpy(at, request->key.data, request->key.bytes);
    at += request->key.bytes;
    // An id that is set is the target, whatever the name is.
    size_t name_bytes = request->target != 0 ? 0 : request->name.bytes;
    if (name_bytes > 0) memcpy(at, request->name.data, name_bytes);
    at += name_bytes;

    ret_asked->scope_bytes = (uint16_t)(at - ret_asked->scope);
    CHECK(ret_asked->scope_bytes <= KEY_SCOPE_BYTES_MAX);
    ret_asked->hash = XXH3_64bits_withSeed(ret_asked->scope, ret_asked->scope_bytes, keys->seed);
    XXH128_hash_t payload =
        XXH3_128bits_withSeed(request->payload.data, request->payload.bytes, keys->seed);
    ret_asked->payload[0] = payload.low64;
    ret_asked->payload[1] = payload.high64;
}

struct key *keys_find(const struct keys *keys, const struct key_asked *asked) {
    for (struct key *key = *bucket_of(keys, asked->hash); key != NULL; key = key->chain) {
        if (key->hash == asked->hash && key->scope_bytes == asked->scope_bytes &&
            memcmp(key->scope, asked->scope, asked->scope_bytes) == 0)
            return key;
    }
    return NULL;
}

struct key *keys_find_caller(const struct keys *keys, struct caller caller) {
    for (struct key *key = *bucket_of(keys, caller.request); key != NULL; key = key->chain) {
        if (key->hash == caller.request && key->serial == caller.generation) return key;
    }
    return NULL;
}

struct key *keys_oldest(const struct keys *keys) {
    return list_empty(&keys->kept) ? NULL : LIST_ENTRY(keys->kept.next, struct key, link);
}

// --- room ---

void keys_drop(struct keys *keys, struct key *key) {
    CHECK(key->waiter_count == 0);
    struct key **link = bucket_of(keys, key->hash);
    while (*link != key) link = &(*link)->chain;
    *link = key->chain;
    list_remove(&key->link);
    keys->count--;
    keys->bytes -= sizeof *key + key->scope_bytes + key->body_bytes;
    free(key->body);
    free(key);
}

// Whether there is room, after the oldest that are kept have gone for it.
static bool make_room(struct keys *keys, uint32_t more, size_t bytes) {
    if (bytes > keys->bytes_max) return false;
    while (keys->count + more > keys->count_max || keys->bytes > keys->bytes_max - bytes) {
        struct key *oldest = keys_oldest(keys);
        if (oldest == NULL) return false;
        keys_drop(keys, oldest);
        keys->evicted++;
    }
    return true;
}

void keys_expire(struct keys *keys, uint64_t before_ms, uint32_t most) {
    for (uint32_t i = 0; i < most; i++) {
        struct key *oldest = keys_oldest(keys);
        if (oldest == NULL || oldest->kept_ms > before_ms) return;
        keys_drop(keys, oldest);
    }
}

// More buckets keep chains short; if there is no memory for them, longer chains do.
static void grow(struct keys *keys) {
    uint32_t     before = keys->bucket_count;
    struct key **old = keys->buckets;
    struct key **buckets = calloc((size_t)before * 2, sizeof(struct key *));
    if (buckets == NULL) return;

    keys->buckets = buckets;
    keys->bucket_count = before * 2;
    for (uint32_t i = 0; i < before; i++) {
        for (struct key *key = old[i], *next; key != NULL; key = next) {
            struct key **bucket = bucket_of(keys, key->hash);
            next = key->chain;
            key->chain = *bucket;
            *bucket = key;
        }
    }
    free(old);
}

// --- a key's life ---

enum status keys_add(struct keys *keys, const struct key_asked *asked, struct key **ret_key) {
    size_t bytes = sizeof(struct key) + asked->scope_bytes;
    if (!make_room(keys, 1, bytes)) return STATUS_OVERLOADED;
    if (keys->count >= keys->bucket_count * 2) grow(keys);
    struct key *key = calloc(1, bytes);
    if (key == NULL) return STATUS_NO_MEMORY;

    struct key **bucket = bucket_of(keys, asked->hash);
    key->chain = *bucket;
    *bucket = key;
    list_init(&key->link);
    list_init(&key->waiters);
    key->hash = asked->hash;
    key->payload[0] = asked->payload[0];
    key->payload[1] = asked->payload[1];
    key->serial = keys->serial_next++;
    if (keys->serial_next == 0) keys->serial_next = 1;
    key->scope_bytes = asked->scope_bytes;
    memcpy(key->scope, asked->scope, asked->scope_bytes);
    keys->count++;
    keys->bytes += bytes;
    *ret_key = key;
    return STATUS_OK;
}

enum status keys_wait(struct keys *keys, struct key *key, struct caller caller,
                      struct key_waiter **ret_waiter) {
    CHECK(!key->kept);
    if (key->waiter_count >= KEY_WAITERS_MAX) return STATUS_OVERLOADED;
    if (!make_room(keys, 0, sizeof(struct key_waiter))) return STATUS_OVERLOADED;
    struct key_waiter *waiter = malloc(sizeof *waiter);
    if (waiter == NULL) return STATUS_NO_MEMORY;
    *waiter =
        (struct key_waiter){.deadline = {.kind = TIMER_KEY_WAITER}, .caller = caller, .key = key};
    list_push(&key->waiters, &waiter->link);
    key->waiter_count++;
    keys->bytes += sizeof *waiter;
    *ret_waiter = waiter;
    return STATUS_OK;
}

void keys_unwait(struct keys *keys, struct key_waiter *waiter) {
    CHECK(!timer_armed(&waiter->deadline));
    list_remove(&waiter->link);
    waiter->key->waiter_count--;
    keys->bytes -= sizeof *waiter;
    free(waiter);
}

// --- outcomes ---

// Nothing of the outcome could be kept but that there was one.
static void keep_nothing(struct key *key, enum status status) {
    key->kind = ANSWER_ERROR;
    key->status = (uint8_t)status;
    key->message = status == STATUS_TOO_LARGE
                       ? "this request has run, but its reply was too large to be kept"
                       : "this request has run, but there was no memory to keep its reply";
}

// OK, or why there is no room for so many bytes of outcome.
static enum status make_body(struct keys *keys, struct key *key, size_t bytes) {
    if (bytes == 0) return STATUS_OK;
    if (bytes > UINT32_MAX || !make_room(keys, 0, bytes)) return STATUS_TOO_LARGE;
    key->body = malloc(bytes);
    if (key->body == NULL) return STATUS_NO_MEMORY;
    key->body_bytes = (uint32_t)bytes;
    keys->bytes += bytes;
    return STATUS_OK;
}

static void put(uint8_t *at, const void *data, size_t bytes) {
    if (bytes > 0) memcpy(at, data, bytes);
}

static void keep_failure(struct keys *keys, struct key *key, const struct failure *failure) {
    size_t      message_bytes = failure->message == NULL ? 0 : strlen(failure->message) + 1;
    enum status status = make_body(keys, key, message_bytes + failure->reason.bytes);
    if (status != STATUS_OK) {
        keep_nothing(key, status);
        return;
    }
    key->kind = ANSWER_ERROR;
    key->status = (uint8_t)failure->status;
    key->crash = failure->kind;
    key->message_bytes = (uint32_t)message_bytes;
    put(key->body, failure->message, message_bytes);
    if (message_bytes > 0) key->message = (const char *)key->body;
    if (failure->reason.bytes > 0)
        put(key->body + message_bytes, failure->reason.data, failure->reason.bytes);
}

static void keep_reply(struct keys *keys, struct key *key, const struct answer *answer) {
    enum status status = make_body(keys, key, answer->payload.bytes);
    if (status != STATUS_OK) {
        keep_nothing(key, status);
        return;
    }
    key->kind = (uint8_t)answer->kind;
    put(key->body, answer->payload.data, answer->payload.bytes);
}

void key_outcome(const struct key *key, struct answer *ret_answer, struct failure *ret_failure) {
    CHECK(key->kept);
    struct slice rest = {0};
    if (key->body_bytes > key->message_bytes) {
        rest = slice_of(key->body + key->message_bytes, key->body_bytes - key->message_bytes);
    }
    if (key->kind != ANSWER_ERROR) {
        *ret_answer = (struct answer){.kind = (enum answer_kind)key->kind, .payload = rest};
        return;
    }
    *ret_failure = (struct failure){
        .status = (enum status)key->status,
        .message = key->message,
        .reason = rest,
        .kind = key->crash,
        .not_retryable = true,
        .ran = true,
    };
    *ret_answer = (struct answer){.kind = ANSWER_ERROR, .failure = ret_failure};
}

void keys_keep(struct keys *keys, struct key *key, const struct answer *answer, uint64_t now_ms) {
    CHECK(!key->kept);
    CHECK(key->waiter_count == 0);
    if (answer->kind == ANSWER_ERROR) {
        keep_failure(keys, key, answer->failure);
    } else {
        keep_reply(keys, key, answer);
    }
    key->kept = true;
    key->kept_ms = now_ms;
    list_push(&keys->kept, &key->link);
}
