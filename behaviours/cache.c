// cache: a map from strings to any Value.
//
// call  ["put", key, value] -> the value before, or null     ["get", key] -> the value, or null
//       ["delete", key] -> whether it was there               "count" -> entries
//       "keys" -> a list, in no order                         "clear" -> how many there were
// cast and send take the same messages; their answers go nowhere. The argument is a map, or null.
#include <peeper/behaviour.h>

#include <string.h>

#define BUCKETS_MIN 16

struct entry {
    struct entry *next; // in its bucket
    uint32_t      hash;
    uint32_t      key_bytes;
    size_t        value_bytes;
    uint8_t       bytes[]; // key, value
};

struct cache {
    struct entry **buckets; // a power of two of them; NULL while empty
    uint32_t       bucket_count;
    uint32_t       count;
};

struct key {
    const char *text;
    size_t      bytes;
};

// --- The table -----------------------------------------------------------------------------------

// FNV-1a.
static uint32_t hash_of(struct key key) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < key.bytes; i++) hash = (hash ^ (uint8_t)key.text[i]) * 16777619u;
    return hash;
}

static struct peeper_value value_of(const struct entry *entry) {
    return (struct peeper_value){entry->bytes + entry->key_bytes, entry->value_bytes};
}

// Where the pointer to the entry of `key` is, or the end of its bucket; NULL while there are none.
static struct entry **place_of(const struct cache *cache, struct key key) {
    if (cache->buckets == NULL) return NULL;
    uint32_t       hash = hash_of(key);
    struct entry **place = &cache->buckets[hash & (cache->bucket_count - 1)];
    for (; *place != NULL; place = &(*place)->next) {
        const struct entry *entry = *place;
        if (entry->hash == hash && entry->key_bytes == key.bytes &&
            memcmp(entry->bytes, key.text, key.bytes) == 0) {
            break;
        }
    }
    return place;
}

static struct entry *find(const struct cache *cache, struct key key) {
    struct entry **place = place_of(cache, key);
    return place != NULL ? *place : NULL;
}

static void grow(struct peeper_ctx *ctx, struct cache *cache) {
    uint32_t       count = cache->bucket_count == 0 ? BUCKETS_MIN : cache->bucket_count * 2;
    struct entry **buckets = peeper_alloc(ctx, count * sizeof(struct entry *));
    for (uint32_t i = 0; i < cache->bucket_count; i++) {
        while (cache->buckets[i] != NULL) {
            struct entry *entry = cache->buckets[i];
            cache->buckets[i] = entry->next;
            entry->next = buckets[entry->hash & (count - 1)];
            buckets[entry->hash & (count - 1)] = entry;
        }
    }
    peeper_free(ctx, cache->buckets);
    cache->buckets = buckets;
    cache->bucket_count = count;
}

static bool remove_key(struct peeper_ctx *ctx, struct cache *cache, struct key key) {
    struct entry **place = place_of(cache, key);
    if (place == NULL || *place == NULL) return false;
    struct entry *entry = *place;
    *place = entry->next;
    cache->count--;
    peeper_free(ctx, entry);
    return true;
}

static void put(struct peeper_ctx *ctx, struct cache *cache, struct key key,
                struct peeper_value value) {
    if (cache->count >= cache->bucket_count) grow(ctx, cache);
    struct entry *entry = peeper_alloc(ctx, sizeof *entry + key.bytes + value.bytes);
    entry->hash = hash_of(key);
    entry->key_bytes = (uint32_t)key.bytes;
    entry->value_bytes = value.bytes;
    memcpy(entry->bytes, key.text, key.bytes);
    if (value.bytes > 0) memcpy(entry->bytes + key.bytes, value.data, value.bytes);

    (void)remove_key(ctx, cache, key);
    struct entry **place = place_of(cache, key);
    *place = entry;
    cache->count++;
}

static void clear(struct peeper_ctx *ctx, struct cache *cache) {
    for (uint32_t i = 0; i < cache->bucket_count; i++) {
        while (cache->buckets[i] != NULL) {
            struct entry *entry = cache->buckets[i];
            cache->buckets[i] = entry->next;
            peeper_free(ctx, entry);
        }
    }
    peeper_free(ctx, cache->buckets);
    *cache = (struct cache){0};
}

// --- Messages ------------------------------------------------------------------------------------

// Where answers go. cast and send have nowhere.
struct answer {
    struct peeper_ctx *ctx;
    bool               wanted;
};

static void answer_value(struct answer answer, const struct entry *entry) {
    if (!answer.wanted) return;
    struct peeper_writer *out = peeper_reply(answer.ctx);
    if (entry == NULL || entry->value_bytes == 0) {
        peeper_write_null(out);
    } else {
        peeper_write_value(out, value_of(entry));
    }
}

static void answer_bool(struct answer answer, bool value) {
    if (answer.wanted) peeper_write_bool(peeper_reply(answer.ctx), value);
}

static void answer_int(struct answer answer, int64_t value) {
    if (answer.wanted) peeper_write_int(peeper_reply(answer.ctx), value);
}

static void answer_keys(struct answer answer, const struct cache *cache) {
    if (!answer.wanted) return;
    struct peeper_writer *out = peeper_reply(answer.ctx);
    peeper_write_list(out);
    for (uint32_t i = 0; i < cache->bucket_count; i++) {
        for (const struct entry *entry = cache->buckets[i]; entry != NULL; entry = entry->next) {
            peeper_write_string_n(out, (const char *)entry->bytes, entry->key_bytes);
        }
    }
    peeper_write_end(out);
}

static bool take_word(struct answer answer, struct cache *cache, struct peeper_value message) {
    if (peeper_value_is(message, "count")) {
        answer_int(answer, cache->count);
    } else if (peeper_value_is(message, "keys")) {
        answer_keys(answer, cache);
    } else if (peeper_value_is(message, "clear")) {
        answer_int(answer, cache->count);
        clear(answer.ctx, cache);
        peeper_changed(answer.ctx);
    } else {
        return false;
    }
    return true;
}

static bool take_keyed(struct answer answer, struct cache *cache, struct peeper_value message) {
    struct peeper_value word, name, value;
    struct key          key;
    size_t              count = peeper_value_count(message);
    if (!peeper_value_at(message, 0, &word) || !peeper_value_at(message, 1, &name)) return false;
    if (!peeper_value_string(name, &key.text, &key.bytes)) return false;

    if (count == 2 && peeper_value_is(word, "get")) {
        answer_value(answer, find(cache, key));
    } else if (count == 2 && peeper_value_is(word, "delete")) {
        bool removed = remove_key(answer.ctx, cache, key);
        if (removed) peeper_changed(answer.ctx);
        answer_bool(answer, removed);
    } else if (count == 3 && peeper_value_is(word, "put") && peeper_value_at(message, 2, &value)) {
        answer_value(answer, find(cache, key));
        put(answer.ctx, cache, key, value);
        peeper_changed(answer.ctx);
    } else {
        return false;
    }
    return true;
}

static enum peeper_action take(struct answer answer, struct cache *cache,
                               struct peeper_value message) {
    if (!take_word(answer, cache, message) && !take_keyed(answer, cache, message)) {
        peeper_raise(answer.ctx, "cache does not know this message; it knows [put, key, value], "
                                 "[get, key], [delete, key], count, keys, clear");
    }
    return PEEPER_OK;
}

static enum peeper_action handle_call(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    return take((struct answer){.ctx = ctx, .wanted = true}, state, message);
}

static enum peeper_action handle_other(struct peeper_ctx *ctx, void *state,
                                       struct peeper_value message) {
    return take((struct answer){.ctx = ctx}, state, message);
}

// --- The state -----------------------------------------------------------------------------------

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    const struct cache *cache = state;
    (void)ctx;
    peeper_write_map(out);
    for (uint32_t i = 0; i < cache->bucket_count; i++) {
        for (const struct entry *entry = cache->buckets[i]; entry != NULL; entry = entry->next) {
            peeper_write_key_n(out, (const char *)entry->bytes, entry->key_bytes);
            if (entry->value_bytes == 0) {
                peeper_write_null(out);
            } else {
                peeper_write_value(out, value_of(entry));
            }
        }
    }
    peeper_write_end(out);
}

// There is no init: the argument of a start comes here, too.
static bool load(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    enum peeper_kind kind = peeper_value_kind(saved);
    if (kind != PEEPER_MAP && kind != PEEPER_NULL) return false;
    struct peeper_iter iter = peeper_value_iter(saved);
    while (peeper_iter_next(&iter)) {
        put(ctx, state, (struct key){iter.key, iter.key_bytes}, iter.value);
    }
    return true;
}

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = sizeof(struct cache),
    .name = "cache",
    .version = "1",
    .handle_call = handle_call,
    .handle_cast = handle_other,
    .handle_info = handle_other,
    .save = save,
    .load = load,
};
