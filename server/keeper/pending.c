#include "keeper/pending.h"

#include "base/check.h"
#include "keeper/actor.h"
#include "keeper/timers.h"

#include <stdlib.h>

#define BUCKETS_MIN 256u

enum status pending_table_init(struct pending_table *table, uint32_t count_max) {
    *table = (struct pending_table){.bucket_count = BUCKETS_MIN, .count_max = count_max};
    table->buckets = calloc(BUCKETS_MIN, sizeof(struct pending *));
    return table->buckets == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

void pending_table_fini(struct pending_table *table) {
    CHECK(table->count == 0);
    free(table->buckets);
    *table = (struct pending_table){0};
}

static struct pending **bucket_of(const struct pending_table *table, uint64_t token) {
    // Tokens count up, so their low bits spread evenly.
    return &table->buckets[token & (table->bucket_count - 1)];
}

// More buckets keep chains short; if there is no memory for them, longer chains do.
static void grow(struct pending_table *table) {
    uint32_t         before = table->bucket_count;
    struct pending **old = table->buckets;
    struct pending **buckets = calloc((size_t)before * 2, sizeof(struct pending *));
    if (buckets == NULL) return;

    table->buckets = buckets;
    table->bucket_count = before * 2;
    for (uint32_t i = 0; i < before; i++) {
        for (struct pending *entry = old[i], *next; entry != NULL; entry = next) {
            struct pending **bucket = bucket_of(table, entry->token);
            next = entry->chain;
            entry->chain = *bucket;
            *bucket = entry;
        }
    }
    free(old);
}

enum status pending_add(struct pending_table *table, struct actor *actor, uint64_t token,
                        struct caller caller, struct pending **ret_pending) {
    if (table->count >= table->count_max) return STATUS_OVERLOADED;
    if (table->count >= table->bucket_count * 2) grow(table);

    struct actor_extra *extra = actor_extra(actor);
    struct pending     *pending = extra == NULL ? NULL : malloc(sizeof *pending);
    if (pending == NULL) return STATUS_NO_MEMORY;
    struct pending **bucket = bucket_of(table, token);
    *pending = (struct pending){
        .deadline = {.kind = TIMER_PENDING},
        .caller = caller,
        .token = token,
        .actor = actor,
        .next = extra->pending,
        .previous = &extra->pending,
        .chain = *bucket,
    };
    if (extra->pending != NULL) extra->pending->previous = &pending->next;
    extra->pending = pending;
    *bucket = pending;
    table->count++;
    *ret_pending = pending;
    return STATUS_OK;
}

struct pending *pending_find(const struct pending_table *table, const struct actor *actor,
                             uint64_t token) {
    for (struct pending *entry = *bucket_of(table, token); entry != NULL; entry = entry->chain) {
        if (entry->token == token) return entry->actor == actor ? entry : NULL;
    }
    return NULL;
}

void pending_remove(struct pending_table *table, struct pending *pending) {
    CHECK(!timer_armed(&pending->deadline));
    struct pending **link = bucket_of(table, pending->token);
    while (*link != pending) link = &(*link)->chain;
    *link = pending->chain;

    *pending->previous = pending->next;
    if (pending->next != NULL) pending->next->previous = pending->previous;
    table->count--;
    free(pending);
}
