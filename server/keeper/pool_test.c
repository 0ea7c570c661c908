#include "keeper/pool.h"

#include "keeper/host.h"

#include <criterion/criterion.h>

Test(pool, wants_a_host_that_runs_and_one_that_waits_where_it_has_a_spare, .timeout = 5) {
    struct pool pool;
    struct host active = {.state = HOST_ACTIVE}, standby = {.state = HOST_STARTING};
    pool_init(&pool, 3, true);
    pool.actors = 1;
    cr_assert(pool.workers == 3);
    cr_assert(pool_wants_host(&pool, 0));
    pool.standby = &standby;
    cr_assert(!pool_wants_host(&pool, 0), "one at a time");
    pool.standby = NULL;
    pool.active = &active;
    cr_assert(pool_wants_host(&pool, 0));
    pool.spare = false;
    cr_assert(!pool_wants_host(&pool, 0));
    cr_assert(!pool_unsettled(&pool));
    pool.active = NULL;
    cr_assert(pool_wants_host(&pool, 0));
}

Test(pool, without_actors_wants_no_host_but_for_the_one_that_is_always_there, .timeout = 5) {
    struct pool pool;
    pool_init(&pool, 1, true);
    cr_assert(!pool_wants_host(&pool, 0));
    cr_assert(!pool_unsettled(&pool));
    pool.always = true;
    cr_assert(pool_wants_host(&pool, 0));
    cr_assert(pool_unsettled(&pool));
    pool.open = false;
    cr_assert(!pool_wants_host(&pool, 0));
}

Test(pool, is_settled_once_its_standby_has_loaded, .timeout = 5) {
    struct pool pool;
    struct host host = {.state = HOST_STARTING};
    pool_init(&pool, 1, true);
    pool.actors = 1;
    cr_assert(pool_unsettled(&pool));
    pool.standby = &host;
    cr_assert(pool_unsettled(&pool));
    pool.actors = 0;
    cr_assert(pool_unsettled(&pool),
              "one that hangs while it loads is seen also where it is not needed");
    host.state = HOST_READY;
    cr_assert(!pool_unsettled(&pool));
}

Test(pool, waits_longer_after_each_failure_up_to_a_limit, .timeout = 5) {
    struct pool pool;
    uint64_t    now_ms = 1000, before_ms = 0;
    pool_init(&pool, 1, true);
    pool.actors = 1;
    for (int i = 0; i < 30; i++) {
        pool_spawn_later(&pool, now_ms);
        uint64_t delay_ms = pool.spawn_after_ms - now_ms;
        cr_assert(delay_ms >= before_ms);
        cr_assert(delay_ms <= 5000);
        cr_assert(!pool_wants_host(&pool, now_ms));
        cr_assert(pool_unsettled(&pool));
        cr_assert(pool_wants_host(&pool, pool.spawn_after_ms));
        before_ms = delay_ms;
    }
    cr_assert(before_ms == 5000);
}
