#include "keeper/pool.h"

#include "keeper/host.h"
#include "keeper/timers.h"

#define SPAWN_RETRY_MS_MIN 10u
#define SPAWN_RETRY_MS_MAX 5000u

void pool_init(struct pool *pool, uint32_t workers, bool spare) {
    *pool = (struct pool){.workers = workers, .open = true, .spare = spare};
    pool->retire.kind = TIMER_POOL;
    list_init(&pool->homeless);
}

static bool lacks_host(const struct pool *pool) {
    if (!pool->open || (pool->actors == 0 && !pool->always)) return false;
    return pool->standby == NULL && (pool->spare || pool->active == NULL);
}

bool pool_wants_host(const struct pool *pool, uint64_t now_ms) {
    return lacks_host(pool) && now_ms >= pool->spawn_after_ms;
}

bool pool_unsettled(const struct pool *pool) {
    if (pool->standby != NULL && pool->standby->state == HOST_STARTING) return true;
    return lacks_host(pool);
}

void pool_spawn_later(struct pool *pool, uint64_t now_ms) {
    uint32_t step = pool->failures < 10 ? pool->failures : 10;
    uint64_t delay_ms = (uint64_t)SPAWN_RETRY_MS_MIN << step;
    if (delay_ms > SPAWN_RETRY_MS_MAX) delay_ms = SPAWN_RETRY_MS_MAX;
    pool->failures++;
    pool->spawn_after_ms = now_ms + delay_ms;
}
