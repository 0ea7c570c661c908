#include "keeper/start.h"

#include "keeper/shard_fixture_test.h"

TestSuite(start, .init = fx_init, .fini = fx_fini, .timeout = 20);

Test(start, a_name_is_held_by_the_living_and_not_by_one_that_gave_up) {
    host_joins(1);
    struct request request = start_request("a");
    request.has_intensity = true;
    request.period_ms = 1000;
    request.on_intensity = INTENSITY_STOP;
    struct actor *actor = up_with(&request), *again;
    cr_assert(start_holder(&fx.shard, raw("a")) == actor);
    cr_assert(start_actor(&fx.shard, CALLER_NOBODY, &request, 0, &again) == STATUS_ALREADY_STARTED);
    crash_once(actor, 2, "a");
    cr_assert(life_of("a") == ACTOR_ENDED);
    cr_assert(start_holder(&fx.shard, raw("a")) == NULL);
    cr_assert(start_actor(&fx.shard, CALLER_NOBODY, &request, 0, &again) == STATUS_OK);
    cr_assert(actor_named("a") == again);
    router_pump(&fx.shard, again);
}

Test(start, the_first_message_is_init) {
    host_joins(1);
    struct request request = start_request("a");
    struct actor  *actor;
    cr_assert(start_actor(&fx.shard, client(1), &request, 0, &actor) == STATUS_OK);
    cr_assert(actor->life == ACTOR_STARTING && actor->waiting == 1);
    router_pump(&fx.shard, actor);
    play_init(actor, "s0");
    cr_assert(started(1));
}
