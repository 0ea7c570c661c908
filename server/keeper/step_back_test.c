#include "keeper/step_back.h"

#include "keeper/shard_fixture_test.h"

TestSuite(step_back, .init = fx_init, .fini = fx_fini, .timeout = 20);

static uint64_t number = 100;

static void change(const char *state) {
    ask_call(++number, "a", "change");
    settle_loads();
    struct fake_worker *end = home_of(actor_named("a"));
    play_reply(end, play_take(end, TURN_CALL)->turn, "ok", state);
    step();
    cr_assert(replied(number, "ok"));
}

// An actor with the states "one", "two" and "three".
static struct actor *started_with(bool step_back) {
    struct request request = start_request("a");
    request.step_back = step_back;
    request.generations = 3;
    request.has_intensity = true;
    request.intensity = 100;
    request.period_ms = 5000;
    host_joins(1);
    struct actor *actor = up_with(&request);
    change("one");
    change("two");
    change("three");
    return actor;
}

// A turn crashes; the restart must get this state.
static void crash(const char *state) {
    struct actor *actor = actor_named("a");
    ask_call(++number, "a", "crash");
    settle_loads();
    play_crash(home_of(actor), play_take(home_of(actor), TURN_CALL)->turn, COMMIT_CODE_RAISE,
               "boom");
    step();
    settle_loads();
    const struct turn_record *init = play_take(home_of(actor), TURN_INIT);
    cr_assert(same(turn_state(home_of(actor), init), text(state)));
    play_done(home_of(actor), init->turn);
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
}

Test(step_back, each_crash_without_a_good_turn_goes_one_generation_back_to_the_oldest) {
    struct actor *actor = started_with(true);
    crash("three");
    crash("two");
    cr_assert(step_back_info(actor).from == 4 && step_back_info(actor).to == 3);
    crash("one");
    crash("one");
    cr_assert(step_back_info(actor).from == 4 && step_back_info(actor).to == 2);
    cr_assert(step_back_version(actor) == 2);
}

Test(step_back, a_committed_state_is_the_newest_again) {
    struct actor *actor = started_with(true);
    crash("three");
    crash("two");
    change("four");
    cr_assert(step_back_version(actor) == 0);
    cr_assert(mirror_has(actor, "four", 5));
    crash("four");
    crash("three");
}

Test(step_back, a_good_turn_that_saves_nothing_keeps_what_it_was_given) {
    struct actor *actor = started_with(true);
    crash("three");
    crash("two");
    change(NULL);
    cr_assert(step_back_version(actor) == 3);
    crash("two");
    crash("one");
}

Test(step_back, a_good_turn_in_between_or_no_such_option_is_no_reason) {
    struct actor *actor = started_with(true);
    crash("three");
    change(NULL);
    crash("three");
    change(NULL);
    cr_assert(step_back_info(actor).from == 0);
}

Test(step_back, without_the_option_it_is_always_the_newest) {
    struct actor *actor = started_with(false);
    crash("three");
    crash("three");
    crash("three");
    cr_assert(step_back_info(actor).from == 0 && step_back_version(actor) == 0);
}
