#include "keeper/waiter.h"

#include "keeper/tree_fixture_test.h"

TestSuite(waiter, .init = tf_init, .fini = fx_fini, .timeout = 20);

#define STUCK                                                                                 \
    "{\"children\": [{\"id\": \"a\", \"shutdown\": \"infinity\", \"start\": {\"behaviour\": " \
    "\"counter\", \"name\": \"a\"}}]}"

// Lets the terminate that hangs come to its end.
static void let_end(void) {
    struct fake_worker *end = tf.stuck[--tf.stuck_count];
    play_stop(end, worker_turn(end->keeper_end, end->keeper_end->tail)->turn, 0, NULL);
    settle_all();
}

Test(waiter, several_for_the_same_child_are_all_answered) {
    ask_supervisor(1, "top", STUCK);
    role("a", ROLE_STUCK);
    ask_tree(2, VERB_TERMINATE_CHILD, "top", "a", NULL);
    ask_tree(3, VERB_TERMINATE_CHILD, "top", "a", NULL);
    ask_tree(4, VERB_TERMINATE_CHILD, "top", "a", NULL);
    cr_assert(!answered(2) && !answered(3) && !answered(4));
    let_end();
    cr_assert(done(2) && done(3) && done(4));
}

Test(waiter, one_whose_time_has_passed_is_told_and_not_again) {
    ask_supervisor(1, "top", STUCK);
    role("a", ROLE_STUCK);
    ask_tree(2, VERB_TERMINATE_CHILD, "top", "a", NULL);
    later(DEADLINE_MS_DEFAULT);
    cr_assert(failed(2, STATUS_TIMEOUT));
    let_end();
    cr_assert(failed(2, STATUS_TIMEOUT));
    cr_assert(life_of("a") == ACTOR_FREE);
}

Test(waiter, a_start_whose_time_has_passed_is_undone) {
    struct request request = {
        .verb = VERB_START_SUPERVISOR, .name = raw("top"), .payload = json(STUCK), .limit_ms = 50};
    cr_assert(ask(2, &request) == STATUS_OK);
    settle_loads(); // nobody plays the init
    later(50);
    cr_assert(failed(2, STATUS_TIMEOUT));
    cr_assert(fx.shard.actors.live == 0);
}

Test(waiter, those_of_a_supervisor_that_ends_otherwise_are_answered) {
    ask_supervisor(1, "top", STUCK);
    role("a", ROLE_STUCK);
    ask_stop(2, "top");
    settle_all();
    ask_tree(3, VERB_TERMINATE_CHILD, "top", "a", NULL);
    ask_kill(4, "top");
    settle_all();
    cr_assert(done(2) && done(3) && done(4));
    cr_assert(fx.shard.actors.live == 0);
}
