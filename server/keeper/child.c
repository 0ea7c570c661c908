#include "keeper/child.h"

#include "base/check.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define BUCKETS_MIN 64u

enum status child_index_init(struct child_index *index, uint64_t seed) {
    *index = (struct child_index){.bucket_count = BUCKETS_MIN, .seed = seed};
    index->buckets = calloc(BUCKETS_MIN, sizeof(struct child *));
    return index->buckets == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

void child_index_fini(struct child_index *index) {
    CHECK(index->count == 0);
    free(index->buckets);
    *index = (struct child_index){0};
}

static struct child **bucket_of(const struct child_index *index, const struct supervisor *parent,
                                struct slice id) {
    // Seeded, so that nobody can choose ids that meet in one bucket.
    uint64_t seed = index->seed ^ ((uint64_t)(uintptr_t)parent * 0x9e3779b97f4a7c15u);
    uint64_t hash = XXH3_64bits_withSeed(id.data, id.bytes, seed);
    return &index->buckets[hash & (index->bucket_count - 1)];
}

static struct child **bucket_of_child(const struct child_index *index, const struct child *child) {
    return bucket_of(index, child->parent, child_spec_id(child->spec));
}

// More buckets keep chains short; if there is no memory for them, longer chains do.
static void grow(struct child_index *index) {
    uint32_t       before = index->bucket_count;
    struct child **old = index->buckets;
    struct child **wider = calloc((size_t)before * 2, sizeof(struct child *));
    if (wider == NULL) return;
    index->buckets = wider;
    index->bucket_count = before * 2;
    for (uint32_t i = 0; i < before; i++) {
        for (struct child *child = old[i], *next; child != NULL; child = next) {
            next = child->chain;
            struct child **bucket = bucket_of_child(index, child);
            child->chain = *bucket;
            *bucket = child;
        }
    }
    free(old);
}

struct child *child_find(const struct child_index *index, const struct supervisor *parent,
                         struct slice id) {
    struct child *child = *bucket_of(index, parent, id);
    for (; child != NULL; child = child->chain) {
        struct slice own = child_spec_id(child->spec);
        if (child->parent == parent && own.bytes == id.bytes &&
            memcmp(own.data, id.data, id.bytes) == 0) {
            return child;
        }
    }
    return NULL;
}

struct child *child_create(struct child_index *index, struct supervisor *parent,
                           struct list *children, struct child_spec *spec) {
    struct child *child = calloc(1, sizeof *child);
    if (child == NULL) return NULL;
    child->parent = parent;
    list_init(&child->news_link);
    list_push(children, &child->link);
    if (spec == NULL) return child;
    child->spec = child_spec_hold(spec);
    if (index->count >= 2 * index->bucket_count) grow(index);
    struct child **bucket = bucket_of_child(index, child);
    child->chain = *bucket;
    *bucket = child;
    index->count++;
    return child;
}

void child_hurry(struct heap *timers, struct child *child, uint64_t now_ms) {
    if (child == NULL || child->ending == NULL) return;
    if (heap_arm(timers, &child->ending->timer, now_ms) != STATUS_OK) {
        LOG_WARN("timer.unarmed", "what=ending");
    }
}

void child_destroy(struct child_index *index, struct child *child) {
    CHECK(child->actor == NULL);
    CHECK(child->ending == NULL);
    list_remove(&child->link);
    list_remove(&child->news_link);
    free(child->reason);
    if (child->spec != NULL) {
        struct child **at = bucket_of_child(index, child);
        while (*at != child) at = &(*at)->chain;
        *at = child->chain;
        index->count--;
        child_spec_release(child->spec);
    }
    free(child);
}
