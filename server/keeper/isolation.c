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
    general->kind = POOL_OF_ALL;
    general->always = true;
    shard->general = POOL_GENERAL;
    shard->pool_count = 1;
}

enum isolation isolation_of(const struct shard *shard, const struct actor *actor) {
    return shard->pools[actor->pool].kind == POOL_OF_ONE ? ISOLATION_OWN : ISOLATION_SHARED;
}

bool isolation_quarantined(const struct shard *shard, const struct actor *actor) {
    return shard->pools[actor->pool].kind == POOL_OF_QUARANTINE;
}

// --- pools ---

static bool is_free(const struct shard *shard, uint32_t index) {
    return index >= shard->pool_count || !shard->pools[index].open;
}

static bool free_index(const struct shard *shard, enum pool_kind kind, uint32_t *ret_index) {
    if (kind == POOL_OF_QUARANTINE && is_free(shard, POOL_QUARANTINE)) {
        *ret_index = POOL_QUARANTINE;
        return true;
    }
    for (uint32_t i = POOL_OWN_FIRST; i < POOL_NONE; i++) {
        if (!is_free(shard, i)) continue;
        *ret_index = i;
        return true;
    }
    return false;
}

static uint32_t workers_of(const struct shard *shard, enum pool_kind kind) {
    switch (kind) {
        case POOL_OF_ONE: return OWN_WORKERS;
        case POOL_OF_QUARANTINE: return shard->options->quarantine_workers;
        default: return shard->options->workers;
    }
}

bool isolation_open(struct shard *shard, enum pool_kind kind, struct code_set *code,
                    uint32_t *ret_index) {
    if (!free_index(shard, kind, ret_index)) return false;
    struct pool *pool = &shard->pools[*ret_index];
    // Those between are closed, and all zero but for that.
    if (shard->pool_count <= *ret_index) shard->pool_count = *ret_index + 1;
    pool_init(pool, workers_of(shard, kind), kind == POOL_OF_ALL || kind == POOL_OF_QUARANTINE);
    pool->kind = kind;
    pool->code = code == NULL ? NULL : code_set_hold(code);
    return true;
}

// The pool of those who share hosts in this way and with this code.
static bool find_shared(const struct shard *shard, enum pool_kind kind, const struct code_set *code,
                        uint32_t *ret_index) {
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        const struct pool *pool = &shard->pools[i];
        if (!pool->open || pool->kind != kind || pool->code != code) continue;
        *ret_index = i;
        return true;
    }
    return false;
}

static bool shared_pool(struct shard *shard, enum pool_kind kind, struct code_set *code,
                        uint32_t *ret_index) {
    return find_shared(shard, kind, code, ret_index) ||
           isolation_open(shard, kind, code, ret_index);
}

static uint32_t *version_count(const struct pool *pool, const struct actor *actor) {
    static uint32_t nowhere; // of tests, whose pools have no code
    return pool->code == NULL ? &nowhere : &pool->code->rows[actor->behaviour].actors;
}

static void enter(struct shard *shard, struct actor *actor, uint32_t index) {
    struct pool *pool = &shard->pools[index];
    CHECK(actor->pool == POOL_NONE);
    actor->pool = (uint8_t)index;
    pool->actors++;
    ++*version_count(pool, actor);
    if (pool->always) return;
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
    actor->pool = POOL_NONE;
    CHECK(pool->actors > 0);
    pool->actors--;
    --*version_count(pool, actor);
    if (pool->actors > 0 || pool->always) return;
    // Not here and now: the host may be the one whose commit is being applied. A host of its own is
    // not given to anybody else, who would get what the first has done to it.
    bool again = pool->kind == POOL_OF_QUARANTINE && pool->code == shard->code;
    retire_after(shard, pool, again ? QUARANTINE_EMPTY_MS : 0);
}

void isolation_enter(struct shard *shard, struct actor *actor) {
    enter(shard, actor, shard->general);
}

void isolation_leave(struct shard *shard, struct actor *actor) {
    if (actor->extra->trouble != NULL)
        heap_cancel(&shard->timers, &actor->extra->trouble->quarantine);
    if (actor->pool == POOL_NONE) return;
    leave(shard, actor);
}

void isolation_close(struct shard *shard, struct pool *pool) {
    pool->always = false;
    if (pool->actors == 0) retire_after(shard, pool, 0);
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
    code_set_release(pool->code);
    pool->code = NULL;
    pool->open = false;
    while (!shard->pools[shard->pool_count - 1].open) shard->pool_count--;
}

bool isolation_listeners(struct shard *shard, struct code_set *code, struct pool **ret_pool) {
    uint32_t index;
    if (!shared_pool(shard, POOL_OF_LISTENERS, code, &index)) return false;
    struct pool *pool = &shard->pools[index];
    pool->always = true;
    heap_cancel(&shard->timers, &pool->retire);
    hosts_refill(shard);
    *ret_pool = pool;
    return true;
}

void isolation_rest(struct shard *shard, struct pool *pool) {
    pool->always = false;
    retire_after(shard, pool, pool->code == shard->code ? LISTENERS_EMPTY_MS : 0);
}

bool isolation_movable(const struct shard *shard, const struct actor *actor,
                       const struct code_set *code) {
    enum pool_kind kind = shard->pools[actor->pool].kind;
    uint32_t       index;
    if (kind != POOL_OF_ONE && find_shared(shard, kind, code, &index)) return true;
    return free_index(shard, kind, &index);
}

bool isolation_move(struct shard *shard, struct actor *actor, struct code_set *code) {
    enum pool_kind kind = shard_pool(shard, actor)->kind;
    uint32_t       index;
    CHECK(actor->inflight == 0);
    bool found = kind == POOL_OF_ONE ? isolation_open(shard, kind, code, &index)
                                     : shared_pool(shard, kind, code, &index);
    if (!found) return false;
    leave(shard, actor);
    enter(shard, actor, index);
    listener_moved(shard, actor);
    // A state that is being read, and a copy that somebody may have, are of the old version.
    if (actor->home != HOME_DORMANT) actor->home = HOME_COLD;
    actor->epoch++;
    return true;
}

// --- hosts of their own ---

static uint32_t own_count(const struct shard *shard) {
    uint32_t count = 0;
    for (uint32_t i = POOL_OWN_FIRST; i < shard->pool_count; i++) {
        const struct pool *pool = &shard->pools[i];
        count += pool->open && pool->kind == POOL_OF_ONE && pool->actors > 0;
    }
    return count;
}

bool isolation_full(const struct shard *shard) {
    uint32_t index;
    return own_count(shard) >= shard->options->own_hosts_max ||
           !free_index(shard, POOL_OF_ONE, &index);
}

enum status isolation_own(struct shard *shard, struct actor *actor) {
    uint32_t index;
    if (own_count(shard) >= shard->options->own_hosts_max) return STATUS_OVERLOADED;
    if (!isolation_open(shard, POOL_OF_ONE, shard->code, &index)) return STATUS_OVERLOADED;
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

// With the code that it has. Where there is no room for one more pool it stays where it is.
static void put_into_quarantine(struct shard *shard, struct actor *actor) {
    char             name[300];
    uint32_t         index;
    struct code_set *code = shard_pool(shard, actor)->code;
    if (!shared_pool(shard, POOL_OF_QUARANTINE, code, &index)) return;
    leave(shard, actor);
    enter(shard, actor, index);
    shard->metrics.quarantines++;
    LOG_WARN("actor.quarantined", "name=%s unit=%llu kills=%u window_ms=%u",
             log_quote(name, sizeof name, actor_name(actor).data, actor->name_bytes),
             (unsigned long long)actor->unit, QUARANTINE_KILLS, QUARANTINE_WINDOW_MS);
}

void isolation_killed_host(struct shard *shard, struct actor *actor) {
    struct trouble *trouble = actor->extra->trouble;
    CHECK(trouble != NULL);
    CHECK(actor->home == HOME_COLD);
    enum pool_kind kind = shard_pool(shard, actor)->kind;
    if (kind == POOL_OF_ONE) return; // nobody else is there
    if (kind == POOL_OF_ALL) {
        if (!too_many(trouble, shard->now_ms)) return;
        put_into_quarantine(shard, actor);
    }
    trouble->kills = 0;
    trouble->let_go = false;
    look_after(shard, trouble, shard->options->quarantine_ms);
}

bool isolation_release(struct shard *shard, struct actor *actor) {
    char     name[300];
    uint32_t index;
    if (!isolation_quarantined(shard, actor) || !actor->extra->trouble->let_go) return false;
    CHECK(actor->inflight == 0);
    if (!shared_pool(shard, POOL_OF_ALL, shard_pool(shard, actor)->code, &index)) return false;
    heap_cancel(&shard->timers, &actor->extra->trouble->quarantine);
    leave(shard, actor);
    enter(shard, actor, index);
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
    if (isolation_release(shard, actor)) {
        router_pump(shard, actor);
    } else {
        // There are too many pools for one more.
        look_after(shard, actor->extra->trouble, shard->options->quarantine_ms);
    }
}
