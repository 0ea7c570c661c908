#include "keeper/actor.h"

#include "base/check.h"
#include "keeper/alarms.h"
#include "keeper/pool.h"
#include "keeper/timers.h"

#include <xxhash.h>

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NAMES_MIN 1024u
#define CACHE_LINE 64u

static const char *const LIFE_TEXTS[ACTOR_LIVES] = {
    [ACTOR_FREE] = "free",           [ACTOR_STARTING] = "starting",
    [ACTOR_RUNNING] = "running",     [ACTOR_RESTARTING] = "restarting",
    [ACTOR_DOWN] = "restarting",     [ACTOR_WAITING] = "waiting",
    [ACTOR_SUSPENDED] = "suspended", [ACTOR_STOPPING] = "stopping",
    [ACTOR_ENDED] = "ended",
};

const char *actor_life_text(enum actor_life life) {
    return (unsigned)life < ACTOR_LIVES ? LIFE_TEXTS[life] : "unknown";
}

const char *actor_status_text(const struct actor *actor) {
    bool suspended = actor->life == ACTOR_RUNNING && (actor->held & HELD_SUSPENDED) != 0;
    return actor_life_text(suspended ? ACTOR_SUSPENDED : (enum actor_life)actor->life);
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
    free(table->places);
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

    // Left as it is: slot_take() begins with each slot, so that those never used cost no memory.
    struct actor *segment = aligned_alloc(CACHE_LINE, ACTOR_SEGMENT * sizeof *segment);
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
    *actor = (struct actor){.slot = table->used++};
    *ret_actor = actor;
    return STATUS_OK;
}

static const struct actor_extra NOTHING_EXTRA;

struct actor_extra *actor_extra(struct actor *actor) {
    if (actor->extra == &NOTHING_EXTRA) {
        struct actor_extra *extra = calloc(1, sizeof *extra);
        if (extra == NULL) return NULL;
        actor->extra = extra;
    }
    return (struct actor_extra *)actor->extra;
}

static void extra_free(struct actor *actor) {
    if (actor->extra == &NOTHING_EXTRA) return;
    CHECK(actor->extra->pending == NULL);
    CHECK(actor->extra->await == NULL);
    CHECK(actor->extra->ties == NULL);
    CHECK(actor->extra->feed == NULL);
    free(actor->extra->keep);
    if (actor->extra->trouble != NULL) free(actor->extra->trouble->reason);
    free(actor->extra->trouble);
    free(actor->extra->refused);
    alarms_free(actor);
    free(actor_extra(actor));
    actor->extra = &NOTHING_EXTRA;
}

enum status actor_create(struct actor_table *table, struct slice name, struct slice argument,
                         struct actor **ret_actor) {
    CHECK(name.bytes <= NAME_BYTES_MAX);
    if (table->live >= table->live_max) return STATUS_OVERLOADED;

    uint8_t *elsewhere = NULL;
    size_t   bytes = name.bytes + argument.bytes;
    if (bytes > ACTOR_TEXT_HERE) {
        elsewhere = malloc(bytes);
        if (elsewhere == NULL) return STATUS_NO_MEMORY;
    }
    struct actor *actor;
    enum status   status = slot_take(table, &actor);
    if (status != STATUS_OK) {
        free(elsewhere);
        return status;
    }
    // Generation and epoch go on, so that ids and copies of the tenant before stay stale.
    *actor = (struct actor){
        .extra = &NOTHING_EXTRA,
        .idle = {.kind = TIMER_IDLE},
        .slot = actor->slot,
        .generation = actor->generation + 1,
        .epoch = actor->epoch + 1,
        .argument_bytes = (uint32_t)argument.bytes,
        .name_bytes = (uint8_t)name.bytes,
        .life = ACTOR_STARTING,
        .pool = POOL_NONE,
    };
    if (elsewhere != NULL) actor->text.elsewhere = elsewhere;
    uint8_t *text = elsewhere != NULL ? elsewhere : actor->text.here;
    if (name.bytes > 0) memcpy(text, name.data, name.bytes);
    if (argument.bytes > 0) memcpy(text + name.bytes, argument.data, argument.bytes);
    list_init(&actor->ready);
    list_init(&actor->mailbox);
    table->live++;
    *ret_actor = actor;
    return STATUS_OK;
}

void actor_forget_argument(struct actor *actor) {
    bool     elsewhere = actor_text(actor) != actor->text.here;
    uint8_t *text = actor->text.elsewhere;
    actor->argument_bytes = 0;
    if (!elsewhere) return;
    if (actor->name_bytes <= ACTOR_TEXT_HERE) {
        memcpy(actor->text.here, text, actor->name_bytes);
        free(text);
        return;
    }
    // Where it cannot be made smaller it stays as it is.
    uint8_t *smaller = realloc(text, actor->name_bytes);
    if (smaller != NULL) actor->text.elsewhere = smaller;
}

void actor_destroy(struct actor_table *table, struct actor *actor) {
    CHECK(actor->life != ACTOR_FREE);
    CHECK(list_empty(&actor->mailbox));
    CHECK(!timer_armed(&actor->idle));

    list_remove(&actor->ready);
    extra_free(actor);
    if (actor_text(actor) != actor->text.here) free(actor->text.elsewhere);
    actor->name_bytes = 0;
    actor->argument_bytes = 0;
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
    while (table->places[at].slot != 0) {
        if (table->places[at].hash == hash) {
            struct actor *actor = slot_actor(table, table->places[at].slot - 1);
            if (name_equal(actor_name(actor), name)) return at;
        }
        at = (at + 1) & mask;
    }
    return at;
}

static enum status names_resize(struct actor_table *table, uint32_t capacity) {
    struct actor_place *places = calloc(capacity, sizeof *places);
    if (places == NULL) return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < table->name_capacity; i++) {
        if (table->places[i].slot == 0) continue;
        uint32_t at = table->places[i].hash & (capacity - 1);
        while (places[at].slot != 0) at = (at + 1) & (capacity - 1);
        places[at] = table->places[i];
    }
    free(table->places);
    table->places = places;
    table->name_capacity = capacity;
    return STATUS_OK;
}

struct actor *actor_by_name(const struct actor_table *table, struct slice name) {
    if (name.bytes == 0) return NULL;
    uint32_t at = names_find(table, name, name_hash(table, name));
    return table->places[at].slot == 0 ? NULL : slot_actor(table, table->places[at].slot - 1);
}

void actor_prefetch_place(const struct actor_table *table, struct slice name) {
    __builtin_prefetch(&table->places[name_hash(table, name) & (table->name_capacity - 1)]);
}

void actor_prefetch(const struct actor_table *table, struct slice name) {
    // Most names stand in their first place; for the others the look-up pays in full.
    const struct actor_place *place =
        &table->places[name_hash(table, name) & (table->name_capacity - 1)];
    if (place->slot == 0) return;
    const char *actor = (const char *)slot_actor(table, place->slot - 1);
    __builtin_prefetch(actor);
    __builtin_prefetch(actor + 64);
    __builtin_prefetch(actor + 128);
}

enum status actor_name_put(struct actor_table *table, struct actor *actor) {
    if (actor->name_bytes == 0) return STATUS_OK;
    if ((uint64_t)table->name_count * 4 >= (uint64_t)table->name_capacity * 3) {
        enum status status = names_resize(table, table->name_capacity * 2);
        if (status != STATUS_OK) return status;
    }
    uint32_t hash = name_hash(table, actor_name(actor));
    uint32_t at = names_find(table, actor_name(actor), hash);
    if (table->places[at].slot != 0) return STATUS_ALREADY_STARTED;
    table->places[at] = (struct actor_place){.hash = hash, .slot = actor->slot + 1};
    table->name_count++;
    return STATUS_OK;
}

void actor_name_remove(struct actor_table *table, struct actor *actor) {
    if (actor->name_bytes == 0) return;
    uint32_t mask = table->name_capacity - 1;
    uint32_t hole = names_find(table, actor_name(actor), name_hash(table, actor_name(actor)));
    if (table->places[hole].slot != actor->slot + 1) return;
    table->name_count--;

    // Moves later members of the run back, so that no probe ends at the hole too early.
    for (uint32_t at = (hole + 1) & mask; table->places[at].slot != 0; at = (at + 1) & mask) {
        uint32_t ideal = table->places[at].hash & mask;
        if (((at - ideal) & mask) < ((at - hole) & mask)) continue;
        table->places[hole] = table->places[at];
        hole = at;
    }
    table->places[hole].slot = 0;
}
