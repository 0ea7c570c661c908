#include "keeper/actor.h"

#include "base/check.h"
#include "keeper/timers.h"

#include <xxhash.h>

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NAMES_MIN 1024u

static const char *const LIFE_TEXTS[ACTOR_LIVES] = {
    [ACTOR_FREE] = "free",         [ACTOR_STARTING] = "starting",
    [ACTOR_RUNNING] = "running",   [ACTOR_RESTARTING] = "restarting",
    [ACTOR_WAITING] = "waiting",   [ACTOR_SUSPENDED] = "suspended",
    [ACTOR_STOPPING] = "stopping", [ACTOR_ENDED] = "ended",
};

const char *actor_life_text(enum actor_life life) {
    return (unsigned)life < ACTOR_LIVES ? LIFE_TEXTS[life] : "unknown";
}

static enum status names_resize(struct actor_table *table, uint32_t capacity);

enum status actor_table_init(struct actor_table *table, uint32_t live_max) {
    *table = (struct actor_table){.live_max = live_max};
    list_init(&table->free);
    if (getrandom(&table->seed, sizeof table->seed, 0) != (ssize_t)sizeof table->seed)
        return STATUS_IO;
    return names_resize(table, NAMES_MIN);
}

void actor_table_fini(struct actor_table *table) {
    for (uint32_t i = 0; i < table->segment_count; i++) free(table->segments[i]);
    free(table->segments);
    free(table->hashes);
    free(table->slots);
    *table = (struct actor_table){0};
}

static struct actor *slot_actor(const struct actor_table *table, uint32_t slot) {
    return &table->segments[slot / ACTOR_SEGMENT][slot % ACTOR_SEGMENT];
}

static enum status segment_add(struct actor_table *table) {
    struct actor **segments =
        realloc(table->segments, (table->segment_count + 1) * sizeof *segments);
    if (segments == NULL) return STATUS_NO_MEMORY;
    table->segments = segments;

    struct actor *segment = calloc(ACTOR_SEGMENT, sizeof *segment);
    if (segment == NULL) return STATUS_NO_MEMORY;
    segments[table->segment_count++] = segment;
    return STATUS_OK;
}

static enum status slot_take(struct actor_table *table, struct actor **ret_actor) {
    struct list *link = list_pop(&table->free);
    if (link != NULL) {
        *ret_actor = LIST_ENTRY(link, struct actor, ready);
        return STATUS_OK;
    }
    if (table->used == table->segment_count * ACTOR_SEGMENT) {
        enum status status = segment_add(table);
        if (status != STATUS_OK) return status;
    }
    struct actor *actor = slot_actor(table, table->used);
    actor->slot = table->used++;
    *ret_actor = actor;
    return STATUS_OK;
}

enum status actor_create(struct actor_table *table, struct slice name, struct slice argument,
                         struct actor **ret_actor) {
    CHECK(name.bytes <= NAME_BYTES_MAX);
    if (table->live >= table->live_max) return STATUS_OVERLOADED;

    uint8_t *text = NULL;
    if (name.bytes + argument.bytes > 0) {
        text = malloc(name.bytes + argument.bytes);
        if (text == NULL) return STATUS_NO_MEMORY;
        if (name.bytes > 0) memcpy(text, name.data, name.bytes);
        if (argument.bytes > 0) memcpy(text + name.bytes, argument.data, argument.bytes);
    }
    struct actor *actor;
    enum status   status = slot_take(table, &actor);
    if (status != STATUS_OK) {
        free(text);
        return status;
    }
    // Generation and epoch go on, so that ids and copies of the tenant before stay stale.
    *actor = (struct actor){
        .text = text,
        .idle = {.kind = TIMER_IDLE},
        .slot = actor->slot,
        .generation = actor->generation + 1,
        .epoch = actor->epoch + 1,
        .argument_bytes = (uint32_t)argument.bytes,
        .name_bytes = (uint8_t)name.bytes,
        .life = ACTOR_STARTING,
    };
    list_init(&actor->ready);
    list_init(&actor->mailbox);
    table->live++;
    *ret_actor = actor;
    return STATUS_OK;
}

void actor_destroy(struct actor_table *table, struct actor *actor) {
    CHECK(actor->life != ACTOR_FREE);
    CHECK(list_empty(&actor->mailbox));
    CHECK(actor->pending == NULL);
    CHECK(!timer_armed(&actor->idle));

    list_remove(&actor->ready);
    if (actor->trouble != NULL) free(actor->trouble->reason);
    free(actor->trouble);
    free(actor->text);
    actor->text = NULL;
    actor->trouble = NULL;
    actor->life = ACTOR_FREE;
    actor->generation++;
    list_push(&table->free, &actor->ready);
    table->live--;
}

struct actor *actor_at(const struct actor_table *table, uint32_t slot) {
    if (slot >= table->used) return NULL;
    struct actor *actor = slot_actor(table, slot);
    return actor->life == ACTOR_FREE ? NULL : actor;
}

struct actor *actor_by_id(const struct actor_table *table, uint64_t id) {
    struct actor *actor = actor_at(table, (uint32_t)id);
    return actor != NULL && actor->generation == id >> 32 ? actor : NULL;
}

// --- names ---

// Clients choose the names; without a secret they could choose ones that all meet in one place.
static uint32_t name_hash(const struct actor_table *table, struct slice name) {
    return (uint32_t)XXH3_64bits_withSeed(name.data, name.bytes, table->seed);
}

static bool name_equal(struct slice a, struct slice b) {
    return a.bytes == b.bytes && memcmp(a.data, b.data, a.bytes) == 0;
}

// Index of the name, or of the empty place where it would go.
static uint32_t names_find(const struct actor_table *table, struct slice name, uint32_t hash) {
    uint32_t mask = table->name_capacity - 1;
    uint32_t at = hash & mask;
    while (table->slots[at] != 0) {
        if (table->hashes[at] == hash) {
            struct actor *actor = slot_actor(table, table->slots[at] - 1);
            if (name_equal(actor_name(actor), name)) return at;
        }
        at = (at + 1) & mask;
    }
    return at;
}

static enum status names_resize(struct actor_table *table, uint32_t capacity) {
    uint32_t *hashes = calloc(capacity, sizeof *hashes);
    uint32_t *slots = calloc(capacity, sizeof *slots);
    if (hashes == NULL || slots == NULL) {
        free(hashes);
        free(slots);
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < table->name_capacity; i++) {
        if (table->slots[i] == 0) continue;
        uint32_t at = table->hashes[i] & (capacity - 1);
        while (slots[at] != 0) at = (at + 1) & (capacity - 1);
        hashes[at] = table->hashes[i];
        slots[at] = table->slots[i];
    }
    free(table->hashes);
    free(table->slots);
    table->hashes = hashes;
    table->slots = slots;
    table->name_capacity = capacity;
    return STATUS_OK;
}

struct actor *actor_by_name(const struct actor_table *table, struct slice name) {
    if (name.bytes == 0) return NULL;
    uint32_t at = names_find(table, name, name_hash(table, name));
    return table->slots[at] == 0 ? NULL : slot_actor(table, table->slots[at] - 1);
}

enum status actor_name_put(struct actor_table *table, struct actor *actor) {
    if (actor->name_bytes == 0) return STATUS_OK;
    if ((uint64_t)table->name_count * 4 >= (uint64_t)table->name_capacity * 3) {
        enum status status = names_resize(table, table->name_capacity * 2);
        if (status != STATUS_OK) return status;
    }
    uint32_t hash = name_hash(table, actor_name(actor));
    uint32_t at = names_find(table, actor_name(actor), hash);
    if (table->slots[at] != 0) return STATUS_ALREADY_STARTED;
    table->hashes[at] = hash;
    table->slots[at] = actor->slot + 1;
    table->name_count++;
    return STATUS_OK;
}

void actor_name_remove(struct actor_table *table, struct actor *actor) {
    if (actor->name_bytes == 0) return;
    uint32_t mask = table->name_capacity - 1;
    uint32_t hole = names_find(table, actor_name(actor), name_hash(table, actor_name(actor)));
    if (table->slots[hole] != actor->slot + 1) return;
    table->name_count--;

    // Moves later members of the run back, so that no probe ends at the hole too early.
    for (uint32_t at = (hole + 1) & mask; table->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t ideal = table->hashes[at] & mask;
        if (((at - ideal) & mask) < ((at - hole) & mask)) continue;
        table->hashes[hole] = table->hashes[at];
        table->slots[hole] = table->slots[at];
        hole = at;
    }
    table->slots[hole] = 0;
}
