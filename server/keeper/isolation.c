#include "keeper/isolation.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/hosts.h"
#include "keeper/recall.h"
#include "keeper/router.h"

#define OWN_WORKERS 1u // one actor runs one turn at a time
#define LOOK_AGAIN_MS 100u

void isolation_init(struct shard *shard) {
    struct pool *general = &shard->pools[POOL_GENERAL];
    pool_init(general, shard->options->workers, true);
    general->always = true;
    shard->pool_count = 1;
}

enum isolation isolation_of(const struct actor *actor) {
    return actor->pool >= POOL_OWN_FIRST ? ISOLATION_OWN : ISOLATION_SHARED;
}

bool isolation_quarantined(const struct actor *actor) {
    return actor->pool == POOL_QUARANTINE;
}

// --- pools ---

static void open_pool(struct shard *shard, uint32_t index, uint32_t workers, bool spare) {
    // Those between are closed, and all zero but for that.
    if (shard->pool_count <= index) shard->pool_count = index + 1;
    pool_init(&shard->pools[index], workers, spare);
}

static void enter(struct shard *shard, struct actor *actor, uint32_t index) {
    struct pool *pool = &shard->pools[index];
    actor->pool = (uint8_t)index;
    pool->actors++;
    heap_cancel(&shard->timers, &pool->retire);
    // Not later, with the watch: the first one waits for it.
    hosts_refill(shard);
}

static void retire_after(struct shard *shard, struct pool *pool, uint64_t delay_ms) {
    if (heap_arm(&shard->timers, &pool->retire, shard->now_ms + delay_ms) == STATUS_OK) return;
    // It stays until it is used again; an empty pool costs memory, but harms nobody.
    LOG_WARN("timer.unarmed", "pool=%u", (unsigned)(pool - shard->pools));
}

static void leave(struct shard *shard, struct actor *actor) {
    struct pool *pool = shard_pool(shard, actor);
    bool         own = actor->pool >= POOL_OWN_FIRST;
    actor->pool = POOL_GENERAL;
    CHECK(pool->actors > 0);
    if (--pool->actors > 0) return;
    // Not here and now: the host may be the one whose commit is being applied. A host of its own is
    // not given to anybody else, who would get what the first has done to it.
    retire_after(shard, pool, own ? 0 : QUARANTINE_EMPTY_MS);
}

void isolation_leave(struct shard *shard, struct actor *actor) {
    if (actor->extra->trouble != NULL)
        heap_cancel(&shard->timers, &actor->extra->trouble->quarantine);
    if (actor->pool == POOL_GENERAL) return;
    leave(shard, actor);
}

void isolation_retire(struct shard *shard, struct pool *pool) {
    CHECK(pool->actors == 0);
    if (shard->spawning == pool) {
        // The host that is on its way finds its pool open.
        retire_after(shard, pool, LOOK_AGAIN_MS);
        return;
    }
    CHECK(list_empty(&pool->homeless));
    hosts_retire_pool(shard, pool);
    pool->open = false;
    while (!shard->pools[shard->pool_count - 1].open) shard->pool_count--;
}

// --- hosts of their own ---

static uint32_t own_count(const struct shard *shard) {
    uint32_t count = 0;
    for (uint32_t i = POOL_OWN_FIRST; i < shard->pool_count; i++) {
        count += shard->pools[i].open && shard->pools[i].actors > 0;
    }
    return count;
}

static bool free_index(const struct shard *shard, uint32_t *ret_index) {
    for (uint32_t i = POOL_OWN_FIRST; i < POOLS_MAX; i++) {
        if (i < shard->pool_count && shard->pools[i].open) continue;
        *ret_index = i;
        return true;
    }
    return false;
}

bool isolation_full(const struct shard *shard) {
    uint32_t index;
    return own_count(shard) >= shard->options->own_hosts_max || !free_index(shard, &index);
}

enum status isolation_own(struct shard *shard, struct actor *actor) {
    uint32_t index;
    CHECK(actor->pool == POOL_GENERAL);
    if (own_count(shard) >= shard->options->own_hosts_max) return STATUS_OVERLOADED;
    if (!free_index(shard, &index)) return STATUS_OVERLOADED;
    open_pool(shard, index, OWN_WORKERS, false);
    enter(shard, actor, index);
    return STATUS_OK;
}

// --- quarantine ---

// Whether this is one too many within the window. The oldest of the last ones tells.
static bool too_many(struct trouble *trouble, uint64_t now_ms) {
    uint64_t *place = &trouble->kills_ms[trouble->kills++ % QUARANTINE_KILLS];
    *place = now_ms;
    uint64_t oldest_ms = trouble->kills_ms[trouble->kills % QUARANTINE_KILLS];
    return trouble->kills >= QUARANTINE_KILLS && now_ms - oldest_ms <= QUARANTINE_WINDOW_MS;
}

static void look_after(struct shard *shard, struct trouble *trouble, uint64_t delay_ms) {
    if (heap_arm(&shard->timers, &trouble->quarantine, shard->now_ms + delay_ms) == STATUS_OK) {
        return;
    }
    LOG_WARN("timer.unarmed", "slot=%u", trouble->slot);
}

static void put_into_quarantine(struct shard *shard, struct actor *actor) {
    char name[300];
    if (shard->pool_count <= POOL_QUARANTINE || !shard->pools[POOL_QUARANTINE].open) {
        open_pool(shard, POOL_QUARANTINE, shard->options->quarantine_workers, true);
    }
    enter(shard, actor, POOL_QUARANTINE);
    shard->metrics.quarantines++;
    LOG_WARN("actor.quarantined", "name=%s unit=%llu kills=%u window_ms=%u",
             log_quote(name, sizeof name, actor_name(actor).data, actor->name_bytes),
             (unsigned long long)actor->unit, QUARANTINE_KILLS, QUARANTINE_WINDOW_MS);
}

void isolation_killed_host(struct shard *shard, struct actor *actor) {
    struct trouble *trouble = actor->extra->trouble;
    CHECK(trouble != NULL);
    CHECK(actor->home == HOME_COLD);
    if (actor->pool >= POOL_OWN_FIRST) return; // nobody else is there
    if (actor->pool == POOL_GENERAL) {
        if (!too_many(trouble, shard->now_ms)) return;
        put_into_quarantine(shard, actor);
    }
    trouble->kills = 0;
    trouble->let_go = false;
    look_after(shard, trouble, shard->options->quarantine_ms);
}

bool isolation_release(struct shard *shard, struct actor *actor) {
    char name[300];
    if (actor->pool != POOL_QUARANTINE || !actor->extra->trouble->let_go) return false;
    CHECK(actor->inflight == 0);
    heap_cancel(&shard->timers, &actor->extra->trouble->quarantine);
    leave(shard, actor);
    LOG_INFO("actor.released", "name=%s unit=%llu",
             log_quote(name, sizeof name, actor_name(actor).data, actor->name_bytes),
             (unsigned long long)actor->unit);
    return true;
}

// Its copy is left behind after the turn that runs; what was not begun waits for the new place. The
// router lets it go when it wants to bring it to a worker next.
static void move_on(struct shard *shard, struct actor *actor) {
    struct worker *worker = router_worker(shard, actor);
    struct list    touched;
    list_init(&touched);
    recall(shard, worker, actor, LEAVE_RUNNING, &touched);
    while (list_pop(&touched) != NULL) {
    }
    if (actor->inflight > 0) actor->stale = true;
}

void isolation_quiet(struct shard *shard, struct actor *actor) {
    // One that does not run is not quiet, it is down.
    if (actor->life != ACTOR_RUNNING) {
        look_after(shard, actor->extra->trouble, shard->options->quarantine_ms);
        return;
    }
    actor->extra->trouble->let_go = true;
    if (actor->inflight > 0) move_on(shard, actor);
    if (actor->inflight > 0) {
        look_after(shard, actor->extra->trouble, LOOK_AGAIN_MS);
        return;
    }
    if (actor->home == HOME_HOT) actor->home = HOME_COLD;
    CHECK(isolation_release(shard, actor));
    router_pump(shard, actor);
}
