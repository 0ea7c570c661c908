#include "keeper/send_timer.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/alarms.h"
#include "keeper/requests.h"
#include "keeper/router.h"
#include "keeper/timers.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 64u

// --- by id ---

enum status send_timers_init(struct send_timers *timers, uint32_t count_max, uint64_t bytes_max) {
    uint32_t bucket_max = BUCKETS_MIN;
    while (bucket_max < count_max && bucket_max < 1u << 31) bucket_max *= 2;
    *timers = (struct send_timers){
        // Zero pages: not there before they are written.
        .buckets = calloc(bucket_max, sizeof(struct send_timer *)),
        .bucket_max = bucket_max,
        .bucket_count = BUCKETS_MIN,
        .level = BUCKETS_MIN,
        .count_max = count_max,
        .bytes_max = bytes_max,
    };
    return timers->buckets == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

void send_timers_fini(struct send_timers *timers) {
    for (uint32_t i = 0; i < timers->bucket_count && timers->buckets != NULL; i++) {
        for (struct send_timer *timer = timers->buckets[i], *next; timer != NULL; timer = next) {
            next = timer->chain;
            free(timer);
        }
    }
    free(timers->buckets);
    *timers = (struct send_timers){0};
}

static uint32_t hash_of(uint64_t id) {
    return (uint32_t)(id * 0x9E3779B97F4A7C15u >> 32);
}

static struct send_timer **bucket_of(const struct send_timers *timers, uint64_t id) {
    uint32_t hash = hash_of(id);
    uint32_t at = hash & (timers->level * 2 - 1);
    return &timers->buckets[at < timers->bucket_count ? at : hash & (timers->level - 1)];
}

static struct send_timer *find(const struct send_timers *timers, uint64_t id) {
    for (struct send_timer *timer = *bucket_of(timers, id); timer != NULL; timer = timer->chain) {
        if (timer->id == id) return timer;
    }
    return NULL;
}

// Parts one bucket in two. The last entry of a chain decides which pointer is next to be set.
static void split(struct send_timers *timers) {
    uint32_t            to = timers->bucket_count;
    struct send_timer **stays = &timers->buckets[to - timers->level];
    struct send_timer **moves = &timers->buckets[to];
    struct send_timer  *timer = *stays;
    for (; timer != NULL; timer = timer->chain) {
        bool away = (hash_of(timer->id) & (timers->level * 2 - 1)) == to;
        if (away) {
            *moves = timer;
            moves = &timer->chain;
        } else {
            *stays = timer;
            stays = &timer->chain;
        }
    }
    *stays = *moves = NULL;
    if (++timers->bucket_count == timers->level * 2) timers->level *= 2;
}

static void insert(struct send_timers *timers, struct send_timer *timer) {
    if (timers->count >= timers->bucket_count && timers->bucket_count < timers->bucket_max) {
        split(timers);
    }
    struct send_timer **bucket = bucket_of(timers, timer->id);
    timer->chain = *bucket;
    *bucket = timer;
    timers->count++;
}

static void unlink_timer(struct send_timers *timers, const struct send_timer *timer) {
    struct send_timer **link = bucket_of(timers, timer->id);
    while (*link != timer) link = &(*link)->chain;
    *link = timer->chain;
    timers->count--;
}

// --- one timer ---

static struct actor *sender_of(const struct shard *shard, const struct send_timer *timer) {
    struct actor *actor = actor_at(&shard->actors, timer->slot);
    return actor != NULL && actor->unit == timer->unit ? actor : NULL;
}

// Out of the table and of its actor's list; the memory is the caller's.
static void take_out(struct shard *shard, struct send_timer *timer) {
    struct actor *sender = sender_of(shard, timer);
    if (sender != NULL && sender->extra->alarms != NULL) sender->extra->alarms->sent--;
    heap_cancel(&shard->timers, &timer->timer);
    list_remove(&timer->own);
    unlink_timer(&shard->send_timers, timer);
    shard->send_timers.bytes -= timer->bytes;
}

// An actor that means itself by name would be somebody else after it has given its name away; the
// timer means the actor.
static bool aims_at_itself(const struct actor *actor, struct slice name) {
    struct slice own = actor_name(actor);
    return name.bytes == 0 ||
           (name.bytes == own.bytes && memcmp(name.data, own.data, own.bytes) == 0);
}

static enum status arm_one(struct shard *shard, struct actor *actor, const struct item *item) {
    uint64_t due_ms;
    memcpy(&due_ms, item->name.data, sizeof due_ms);
    struct slice name = slice_of(item->name.data + sizeof due_ms, item->name.bytes - sizeof due_ms);
    bool         own = aims_at_itself(actor, name);
    if (own) name.bytes = 0;

    struct send_timer *timer = malloc(sizeof *timer + name.bytes + item->body.bytes);
    if (timer == NULL) return STATUS_NO_MEMORY;
    *timer = (struct send_timer){
        .timer = {.kind = TIMER_SEND},
        .id = item->token,
        .unit = actor->unit,
        .slot = actor->slot,
        .bytes = (uint32_t)item->body.bytes,
        .name_bytes = (uint16_t)name.bytes,
    };
    list_init(&timer->own);
    if (name.bytes > 0) memcpy(timer->text, name.data, name.bytes);
    if (timer->bytes > 0) memcpy(timer->text + name.bytes, item->body.data, timer->bytes);
    if (heap_arm(&shard->timers, &timer->timer, due_ms) != STATUS_OK) {
        free(timer);
        return STATUS_NO_MEMORY;
    }
    insert(&shard->send_timers, timer);
    shard->send_timers.bytes += timer->bytes;
    actor->extra->alarms->sent++;
    if (own) list_push(&actor->extra->alarms->own, &timer->own);
    return STATUS_OK;
}

// --- all timers of a turn ---

// What an id begins with; the rest counts the timers of the turn.
static bool made_by(uint64_t id, uint64_t turn) {
    return id >> TIMER_INDEX_BITS == turn << TIMER_INDEX_BITS >> TIMER_INDEX_BITS;
}

static uint64_t bytes_of(const struct commit *commit) {
    uint64_t    bytes = commit->idle.bytes;
    uint32_t    at = 0;
    struct item item;
    while (commit->timers > 0 && commit_item(commit, &at, &item)) {
        if (item.kind == ITEM_TIMER) bytes += item.body.bytes;
    }
    return bytes;
}

static enum status arm_all(struct shard *shard, struct actor *actor, uint64_t turn,
                           const struct commit *commit, uint32_t *armed) {
    uint32_t    at = 0;
    struct item item;
    while (commit_item(commit, &at, &item)) {
        if (item.kind != ITEM_TIMER) continue;
        bool good = made_by(item.token, turn) && find(&shard->send_timers, item.token) == NULL;
        enum status status = good ? arm_one(shard, actor, &item) : STATUS_PROTOCOL;
        if (status != STATUS_OK) return status;
        (*armed)++;
    }
    return STATUS_OK;
}

static void disarm_first(struct shard *shard, const struct commit *commit, uint32_t count) {
    uint32_t    at = 0;
    struct item item;
    while (count > 0 && commit_item(commit, &at, &item)) {
        if (item.kind != ITEM_TIMER) continue;
        struct send_timer *timer = find(&shard->send_timers, item.token);
        take_out(shard, timer);
        free(timer);
        count--;
    }
}

enum status send_timers_arm(struct shard *shard, struct actor *actor, uint64_t turn,
                            const struct commit *commit) {
    const struct send_timers *timers = &shard->send_timers;
    if (commit->timers > timers->count_max - timers->count) return STATUS_FULL;
    if (timers->bytes + bytes_of(commit) > timers->bytes_max) return STATUS_OVERLOADED;
    if (commit->timers == 0) return STATUS_OK;
    if (alarms_of(actor) == NULL) return STATUS_NO_MEMORY;
    uint32_t    armed = 0;
    enum status status = arm_all(shard, actor, turn, commit, &armed);
    if (status != STATUS_OK) disarm_first(shard, commit, armed);
    return status;
}

void send_timers_disarm(struct shard *shard, const struct commit *commit) {
    disarm_first(shard, commit, commit->timers);
}

void send_timer_cancel(struct shard *shard, const struct actor *actor, uint64_t id) {
    struct send_timer *timer = find(&shard->send_timers, id);
    if (timer == NULL || timer->unit != actor->unit) return;
    take_out(shard, timer);
    free(timer);
}

void send_timer_due(struct shard *shard, struct send_timer *timer) {
    struct actor *sender = sender_of(shard, timer);
    struct slice  message = slice_of(timer->text + timer->name_bytes, timer->bytes);
    take_out(shard, timer);
    if (timer->name_bytes > 0) {
        request_effect_message(shard, TURN_INFO, slice_of(timer->text, timer->name_bytes), message);
    } else {
        // It would have ended with its actor.
        CHECK(sender != NULL);
        uint64_t    unit = sender->unit;
        enum status status = router_deliver_own(shard, sender, message);
        if (status != STATUS_OK) {
            LOG_WARN("timer.lost", "unit=%llu status=%s", (unsigned long long)unit,
                     status_name(status));
        }
    }
    free(timer);
}

void send_timers_end(struct shard *shard, struct list *own) {
    while (!list_empty(own)) {
        struct send_timer *timer = LIST_ENTRY(own->next, struct send_timer, own);
        take_out(shard, timer);
        free(timer);
    }
}
