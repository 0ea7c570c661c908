#include "keeper/pool.h"

#include "keeper/host.h"

#include <criterion/criterion.h>

Test(pool, wants_a_host_as_long_as_no_standby_is_there, .timeout = 5) {
    struct pool pool;
    struct host host = {.state = HOST_STARTING};
    pool_init(&pool, 3);
    cr_assert(pool.workers == 3);
    cr_assert(pool_wants_host(&pool, 0));
    pool.standby = &host;
    cr_assert(!pool_wants_host(&pool, 0));
    pool.active = pool.standby;
    pool.standby = NULL;
    cr_assert(pool_wants_host(&pool, 0), "one that works is not one that waits");
}

Test(pool, is_settled_once_its_standby_has_loaded, .timeout = 5) {
    struct pool pool;
    struct host host = {.state = HOST_STARTING};
    pool_init(&pool, 1);
    cr_assert(pool_unsettled(&pool));
    pool.standby = &host;
    cr_assert(pool_unsettled(&pool));
    host.state = HOST_READY;
    cr_assert(!pool_unsettled(&pool));
}

Test(pool, waits_longer_after_each_failure_up_to_a_limit, .timeout = 5) {
    struct pool pool;
    uint64_t    now_ms = 1000, before_ms = 0;
    pool_init(&pool, 1);
    for (int i = 0; i < 30; i++) {
        pool_spawn_later(&pool, now_ms);
        uint64_t delay_ms = pool.spawn_after_ms - now_ms;
        cr_assert(delay_ms >= before_ms);
        cr_assert(delay_ms <= 5000);
        cr_assert(!pool_wants_host(&pool, now_ms));
        cr_assert(pool_wants_host(&pool, pool.spawn_after_ms));
        before_ms = delay_ms;
    }
    cr_assert(before_ms == 5000);
}
