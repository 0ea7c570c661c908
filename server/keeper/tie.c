#include "keeper/tie.h"

#include "base/check.h"
#include "keeper/actor.h"
#include "keeper/reason.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 64u
#define CLIENTS_MIN 16u

enum status tie_table_init(struct tie_table *table) {
    *table = (struct tie_table){
        .bucket_count = BUCKETS_MIN,
        .count_max = TIES_MAX,
        .end_max = TIES_PER_END_MAX,
        .ref_next = 1,
    };
    list_init(&table->over);
    table->buckets = calloc(BUCKETS_MIN, sizeof(struct tie *));
    return table->buckets == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

void tie_table_fini(struct tie_table *table) {
    for (uint32_t i = 0; i < table->client_count; i++) {
        if (table->clients[i] != NULL)
            tie_over(table, table->clients[i], (struct slice){0}, (struct slice){0});
    }
    for (struct list *link; (link = list_pop(&table->over)) != NULL;) {
        struct ties  *end = LIST_ENTRY(link, struct ties, over);
        enum tie_side side;
        for (struct tie *tie; (tie = tie_first(end, &side)) != NULL;) tie_remove(table, tie);
        tie_release(table, end);
    }
    CHECK(table->count == 0);
    free(table->clients);
    free(table->buckets);
    *table = (struct tie_table){0};
}

// --- the index ---

static struct tie **bucket_of(const struct tie_table *table, uint64_t key) {
    // References of actors count in their upper bits.
    uint64_t mixed = key * UINT64_C(0x9e3779b97f4a7c15);
    return &table->buckets[(mixed >> 32) & (table->bucket_count - 1)];
}

// More buckets keep chains short; if there is no memory for them, longer chains do.
static void grow(struct tie_table *table) {
    uint32_t     before = table->bucket_count;
    struct tie **old = table->buckets;
    struct tie **buckets = calloc((size_t)before * 2, sizeof(struct tie *));
    if (buckets == NULL) return;

    table->buckets = buckets;
    table->bucket_count = before * 2;
    for (uint32_t i = 0; i < before; i++) {
        for (struct tie *tie = old[i], *next; tie != NULL; tie = next) {
            struct tie **bucket = bucket_of(table, tie->key);
            next = tie->chain;
            tie->chain = *bucket;
            *bucket = tie;
        }
    }
    free(old);
}

static uint64_t link_key(const struct ties *a, const struct ties *b) {
    uint64_t low = (uintptr_t)(a < b ? a : b), high = (uintptr_t)(a < b ? b : a);
    return low * UINT64_C(0xff51afd7ed558ccd) + high;
}

struct tie *tie_find_monitor(const struct tie_table *table, const struct ties *maker,
                             uint64_t ref) {
    for (struct tie *tie = *bucket_of(table, ref); tie != NULL; tie = tie->chain) {
        if (tie->key == ref && tie->kind == TIE_MONITOR && tie->end[TIE_MAKER] == maker) return tie;
    }
    return NULL;
}

struct tie *tie_find_link(const struct tie_table *table, const struct ties *a,
                          const struct ties *b) {
    uint64_t key = link_key(a, b);
    for (struct tie *tie = *bucket_of(table, key); tie != NULL; tie = tie->chain) {
        if (tie->key != key || tie->kind != TIE_LINK) continue;
        if (tie->end[TIE_MAKER] == a && tie->end[TIE_TARGET] == b) return tie;
        if (tie->end[TIE_MAKER] == b && tie->end[TIE_TARGET] == a) return tie;
    }
    return NULL;
}

// --- ends ---

static struct ties *end_create(void) {
    struct ties *end = calloc(1, sizeof *end);
    if (end == NULL) return NULL;
    list_init(&end->over);
    list_init(&end->ties[TIE_MAKER]);
    list_init(&end->ties[TIE_TARGET]);
    return end;
}

struct ties *tie_of_actor(struct tie_table *table, struct actor *actor) {
    (void)table;
    if (actor->extra->ties != NULL) return actor->extra->ties;
    struct actor_extra *extra = actor_extra(actor);
    struct ties        *end = extra == NULL ? NULL : end_create();
    if (end == NULL) return NULL;
    end->actor = actor;
    end->id = actor_id(actor);
    extra->ties = end;
    return end;
}

struct ties *tie_find_client(const struct tie_table *table, struct caller client) {
    return client.conn < table->client_count ? table->clients[client.conn] : NULL;
}

static bool has_place(struct tie_table *table, uint32_t conn) {
    CHECK(conn < CALLER_SERVER); // neither actors nor the server are tied as connections
    if (conn < table->client_count) return true;
    uint32_t count = table->client_count == 0 ? CLIENTS_MIN : table->client_count;
    while (count <= conn) count *= 2;
    struct ties **clients = realloc(table->clients, count * sizeof *clients);
    if (clients == NULL) return false;
    memset(clients + table->client_count, 0, (count - table->client_count) * sizeof *clients);
    table->clients = clients;
    table->client_count = count;
    return true;
}

struct ties *tie_of_client(struct tie_table *table, struct caller client) {
    CHECK(client.generation != 0);
    struct ties *end = tie_find_client(table, client);
    if (end == NULL) {
        end = has_place(table, client.conn) ? end_create() : NULL;
        if (end == NULL) return NULL;
        end->client = (struct caller){.conn = client.conn, .generation = client.generation};
        table->clients[client.conn] = end;
    }
    // Every connection says when it ends, so its successor finds nothing.
    CHECK(end->client.generation == client.generation);
    return end;
}

struct ties *tie_of_nobody(struct tie_table *table, uint64_t id, struct slice name,
                           struct slice reason) {
    struct ties *end = end_create();
    if (end == NULL) return NULL;
    end->id = id;
    tie_over(table, end, name, reason);
    return end;
}

static bool is_empty(const struct ties *end) {
    return list_empty(&end->ties[TIE_MAKER]) && list_empty(&end->ties[TIE_TARGET]);
}

void tie_release(struct tie_table *table, struct ties *end) {
    CHECK(is_empty(end));
    if (end->actor != NULL) actor_extra(end->actor)->ties = NULL;
    if (end->client.generation != 0 && !end->is_over) table->clients[end->client.conn] = NULL;
    list_remove(&end->over);
    free(end->text);
    free(end);
}

static void keep_text(struct ties *end, struct slice name, struct slice reason) {
    end->text = malloc(name.bytes + reason.bytes + 1);
    if (end->text == NULL) {
        end->reason = reason_no_memory();
        return;
    }
    if (name.bytes > 0) memcpy(end->text, name.data, name.bytes);
    if (reason.bytes > 0) memcpy(end->text + name.bytes, reason.data, reason.bytes);
    end->name = slice_of(end->text, name.bytes);
    end->reason = slice_of(end->text + name.bytes, reason.bytes);
}

void tie_over(struct tie_table *table, struct ties *end, struct slice name, struct slice reason) {
    CHECK(!end->is_over);
    if (end->actor != NULL) actor_extra(end->actor)->ties = NULL;
    if (end->client.generation != 0) table->clients[end->client.conn] = NULL;
    end->actor = NULL;
    end->is_over = true;
    keep_text(end, name, reason);
    list_push(&table->over, &end->over);
}

struct tie *tie_first(const struct ties *end, enum tie_side *ret_side) {
    for (enum tie_side side = TIE_MAKER; side < TIE_SIDES; side++) {
        if (list_empty(&end->ties[side])) continue;
        *ret_side = side;
        struct list *link = end->ties[side].next;
        return side == TIE_MAKER ? LIST_ENTRY(link, struct tie, at[TIE_MAKER])
                                 : LIST_ENTRY(link, struct tie, at[TIE_TARGET]);
    }
    return NULL;
}

// --- ties ---

static void count(struct tie *tie, int step) {
    struct ties *maker = tie->end[TIE_MAKER], *target = tie->end[TIE_TARGET];
    uint32_t    *made = tie->kind == TIE_LINK ? &maker->links : &maker->monitors;
    uint32_t    *got = tie->kind == TIE_LINK ? &target->links : &target->watchers;
    *made += (uint32_t)step;
    *got += (uint32_t)step;
}

static bool is_full(const struct tie_table *table, const struct ties *end) {
    return end->links + end->monitors + end->watchers >= table->end_max;
}

void tie_release_idle(struct tie_table *table, struct ties *end) {
    if (!end->is_over && is_empty(end)) tie_release(table, end);
}

static enum status refuse(struct tie_table *table, struct ties *maker, struct ties *target,
                          enum status status) {
    tie_release_idle(table, maker);
    if (target != maker) tie_release_idle(table, target);
    return status;
}

enum status tie_add(struct tie_table *table, enum tie_kind kind, struct ties *maker,
                    struct ties *target, uint64_t ref, struct tie **ret_tie) {
    if (kind == TIE_LINK) {
        struct tie *present = tie_find_link(table, maker, target);
        if (present != NULL) {
            *ret_tie = present;
            return STATUS_OK;
        }
    }
    if (table->count >= table->count_max || is_full(table, maker) || is_full(table, target)) {
        return refuse(table, maker, target, STATUS_OVERLOADED);
    }
    struct tie *tie = malloc(sizeof *tie);
    if (tie == NULL) return refuse(table, maker, target, STATUS_NO_MEMORY);
    if (table->count >= table->bucket_count * 2) grow(table);

    *tie = (struct tie){
        .end = {maker, target},
        .key = kind == TIE_LINK ? link_key(maker, target) : ref,
        .kind = kind,
    };
    struct tie **bucket = bucket_of(table, tie->key);
    tie->chain = *bucket;
    *bucket = tie;
    list_push(&maker->ties[TIE_MAKER], &tie->at[TIE_MAKER]);
    list_push(&target->ties[TIE_TARGET], &tie->at[TIE_TARGET]);
    count(tie, 1);
    table->count++;
    *ret_tie = tie;
    return STATUS_OK;
}

void tie_remove(struct tie_table *table, struct tie *tie) {
    struct ties *maker = tie->end[TIE_MAKER], *target = tie->end[TIE_TARGET];
    struct tie **link = bucket_of(table, tie->key);
    while (*link != tie) link = &(*link)->chain;
    *link = tie->chain;
    list_remove(&tie->at[TIE_MAKER]);
    list_remove(&tie->at[TIE_TARGET]);
    count(tie, -1);
    table->count--;
    free(tie);
    (void)refuse(table, maker, target, STATUS_OK);
}
