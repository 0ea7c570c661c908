// The stop of a child comes to its end whatever the host that runs its terminate answers, also
// where its spec gives it all the time in the world.
#include "keeper/tree_fixture_test.h"

#include "base/memory_fault_test.h"

static void begin(void) {
    tf_init();
    host_joins(1); // the standby
    ask_supervisor(1, "top",
                   "{\"children\": [{\"id\": \"a\", \"shutdown\": \"infinity\", \"start\": "
                   "{\"behaviour\": \"counter\", \"name\": \"a\"}}]}");
    cr_assert(happened("+a"));
    role("a", ROLE_STUCK); // its terminate is played by hand
}

TestSuite(sequence_stop, .init = begin, .fini = fx_fini, .timeout = 20);

static struct fake_worker *end;

// The turn of "a" that its host has to run now.
static const struct turn_record *next_turn(enum turn_kind kind) {
    settle_loads();
    end = home_of(actor_named("a"));
    return play_take(end, kind);
}

static void terminate_child(void) {
    struct request request = {.verb = VERB_TERMINATE_CHILD, .name = raw("top"), .child = raw("a")};
    cr_assert(ask(2, &request) == STATUS_OK);
}

static bool over(void) {
    step();
    return done(2) && life_of("a") == ACTOR_FREE && supervisor_named("top")->endings == 0;
}

// Every host that gets the terminate answers `out` to it, until there is an end.
static void all_answer(struct out *out, bool claims) {
    terminate_child();
    for (int i = 0; i < 3; i++) {
        const struct turn_record *turn = next_turn(TURN_TERMINATE);
        if (!claims) atomic_store(&end->commits_control->claimed, 0);
        out->record.turn = turn->turn;
        play_send(end, out);
        if (over()) return;
        cr_assert(fx.shard.metrics.host_nonsense == (uint64_t)i + 1);
        host_joins(1);
    }
    cr_assert(false, "the stop never comes to an end");
}

static void nonsense(struct out *out) {
    all_answer(out, true);
    cr_assert(fx.shard.metrics.host_nonsense == 2);
}

Test(sequence_stop, a_terminate_that_a_host_calls_invalid) {
    struct out out = out_of(COMMIT_REFUSED, 0, 0);
    out.record.code = COMMIT_CODE_INVALID;
    nonsense(&out);
}

Test(sequence_stop, a_terminate_that_a_host_answers_like_an_init) {
    struct out out = out_of(COMMIT_REFUSED, 0, 0);
    out.record.code = COMMIT_CODE_IGNORE;
    nonsense(&out);
}

Test(sequence_stop, a_terminate_after_which_the_actor_goes_on) {
    struct out out = out_of(COMMIT_DONE, 0, 0);
    nonsense(&out);
}

Test(sequence_stop, a_terminate_that_has_more_to_come) {
    struct out out = out_of(COMMIT_DONE, 0, COMMIT_STOP | COMMIT_MORE);
    nonsense(&out);
}

Test(sequence_stop, a_terminate_that_crashes_and_has_more_to_come) {
    struct out out = out_of(COMMIT_CRASH, 0, COMMIT_MORE);
    out.record.code = COMMIT_CODE_RAISE;
    nonsense(&out);
}

Test(sequence_stop, a_terminate_that_is_no_commit_at_all) {
    struct out out = out_of(COMMIT_READY, 0, 0);
    nonsense(&out);
}

Test(sequence_stop, a_terminate_that_no_host_says_it_has_begun) {
    struct out out = out_of(COMMIT_DONE, 0, 0);
    all_answer(&out, false);
    cr_assert(fx.shard.metrics.host_nonsense == 2);
}

Test(sequence_stop, a_record_that_cannot_be_read_from_hosts_that_say_nothing) {
    struct out out = out_of(COMMIT_DONE, 0, 0);
    out.record.item_count = 5;
    all_answer(&out, false);
    cr_assert(fx.shard.metrics.host_nonsense == 2);
}

Test(sequence_stop, a_terminate_that_crashes) {
    struct out out = out_of(COMMIT_CRASH, 0, 0);
    out.record.code = COMMIT_CODE_RAISE;
    all_answer(&out, true);
    cr_assert(fx.shard.metrics.host_nonsense == 0);
}

Test(sequence_stop, a_terminate_that_is_skipped_for_ever) {
    struct out out = out_of(COMMIT_SKIP, 0, 0);
    terminate_child();
    for (int i = 0; i < 4 && !done(2); i++) {
        out.record.turn = next_turn(TURN_TERMINATE)->turn;
        play_send(end, &out);
        step();
        if (fx.shard.metrics.host_nonsense > 0) host_joins(1);
    }
    // Once is allowed: the copy may be gone. With the state in its hands no host may.
    cr_assert(over());
}

Test(sequence_stop, a_refused_stop_of_somebody_else_does_not_stand_for_the_supervisor_s) {
    ask_stop(3, "a");
    const struct turn_record *turn = next_turn(TURN_TERMINATE);
    terminate_child(); // waits for the stop that is under way
    play_refuse(end, turn->turn, COMMIT_CODE_INVALID, NULL);
    step();
    cr_assert(failed(3, STATUS_INVALID));
    cr_assert(!answered(2));
    play_stop(end, next_turn(TURN_TERMINATE)->turn, 0, NULL);
    cr_assert(over());
}

Test(sequence_stop, a_terminate_that_does_not_fit_beside_the_state) {
    struct actor *actor = actor_named("a");
    size_t        bytes = TURN_BULK_BYTES - actor->name_bytes;
    uint8_t      *huge = calloc(1, bytes);
    cr_assert(huge != NULL);
    struct generation_origin origin = {
        .slot = actor->slot, .unit = actor->unit, .version = ++actor->version};
    cr_assert(mirror_put(fx.mirror, &origin, slice_of(huge, bytes)) == STATUS_OK);
    hosts_lost(&fx.shard, fx.hosts[0].host, HOST_END_EXITED, NULL);
    terminate_child();
    settle_loads();
    cr_assert(over());
    free(huge);
}

#ifdef CAN_REFUSE_MEMORY
Test(sequence_stop, without_memory_to_ask_again_the_child_is_taken_down) {
    ask_stop(3, "a");
    const struct turn_record *turn = next_turn(TURN_TERMINATE);
    terminate_child();
    play_refuse(end, turn->turn, COMMIT_CODE_INVALID, NULL);
    refuse_memory(1);
    step();
    refuse_memory(0);
    cr_assert(over());
}

Test(sequence_stop, a_stop_that_is_lost_without_memory_takes_the_child_down) {
    terminate_child();
    next_turn(TURN_TERMINATE);
    refuse_memory(1); // of the envelope in which it would come back
    hosts_lost(&fx.shard, fx.hosts[0].host, HOST_END_EXITED, NULL);
    refuse_memory(0);
    cr_assert(over());
}
#endif
