#include "keeper/sequence.h"

#include "keeper/tree_fixture_test.h"

TestSuite(sequence, .init = tf_init, .fini = fx_fini, .timeout = 20);

#define CHILD(id) \
    "{\"id\": \"" id "\", \"start\": {\"behaviour\": \"counter\", \"name\": \"" id "\"}}"

static bool reason_of(uint64_t request, const char *source) {
    const struct note *note = answer_of(request);
    return note != NULL && same(slice_of(note->body, note->bytes), json(source));
}

Test(sequence, a_child_that_does_not_start_stops_those_before_it) {
    role("b", ROLE_FAILS);
    ask_supervisor(1, "top", "{\"children\": [" CHILD("a") "," CHILD("b") "," CHILD("c") "]}");
    cr_assert(happened("+a -a"));
    cr_assert(failed(1, STATUS_REFUSED));
    cr_assert(reason_of(1, "[\"shutdown\", [\"failed_to_start_child\", \"b\", \"no\"]]"));
    cr_assert(fx.shard.actors.live == 0);
}

Test(sequence, a_name_that_is_taken_fails_the_start_before_it_begins) {
    struct actor *other = up("b");
    tf.history[0] = '\0';
    ask_supervisor(1, "top", "{\"children\": [" CHILD("a") "," CHILD("b") "]}");
    cr_assert(happened("+a -a"));
    cr_assert(failed(1, STATUS_REFUSED));
    cr_assert(actor_named("b") == other);
}

Test(sequence, an_init_that_ignores_leaves_the_place_empty_and_goes_on) {
    role("a", ROLE_IGNORES);
    ask_supervisor(1, "top", "{\"children\": [" CHILD("a") "," CHILD("b") "]}");
    cr_assert(started(1));
    cr_assert(happened("+b"));
    cr_assert(supervisor_named("top")->child_count == 2);
}

Test(sequence, one_for_all_tries_the_whole_group_again) {
    three("\"strategy\": \"one_for_all\", \"intensity\": 3");
    role("b", ROLE_FAILS);
    ask_cast(0, "c", "crash");
    settle_all();
    // Each attempt starts a, fails at b and stops a; after three of them it gives up.
    cr_assert(happened("-b -a +a -a +a -a +a -a"));
    cr_assert(id_of("top") == 0);
}

Test(sequence, rest_for_one_goes_on_where_it_failed) {
    three("\"strategy\": \"rest_for_one\", \"intensity\": 3");
    role("b", ROLE_FAILS);
    tell("a", "crash");
    cr_assert(happened("-c -b +a -a"));
    cr_assert(id_of("top") == 0);
}

Test(sequence, children_of_a_simple_one_are_stopped_all_at_once) {
    ask_supervisor(1, "top",
                   "{\"strategy\": \"simple_one_for_one\", \"children\": [{\"id\": \"x\", "
                   "\"shutdown\": 100, \"start\": {\"behaviour\": \"counter\"}}]}");
    ask_tree(2, VERB_START_CHILD, "top", "", "{\"name\": \"s1\"}");
    ask_tree(3, VERB_START_CHILD, "top", "", "{\"name\": \"s2\"}");
    ask_tree(4, VERB_START_CHILD, "top", "", "{\"name\": \"s3\"}");
    role("s1", ROLE_STUCK);
    role("s2", ROLE_STUCK);
    ask_stop(5, "top");
    settle_all();
    cr_assert(happened("+s1 +s2 +s3 -s3"));
    later(100); // once, not once for each
    cr_assert(done(5));
    cr_assert(fx.shard.actors.live == 0);
}

Test(sequence, what_was_stopped_by_hand_is_back_with_the_whole_group) {
    three("\"strategy\": \"one_for_all\"");
    ask_tree(2, VERB_TERMINATE_CHILD, "top", "a", NULL);
    cr_assert(happened("-a"));
    tell("b", "crash");
    cr_assert(happened("-c +a +b +c"));
}

Test(sequence, a_child_terminated_while_its_group_waits_for_it_lets_the_others_go_on) {
    three("\"strategy\": \"one_for_all\"");
    ask_cast(0, "a", "crash");
    step();
    for (uint32_t w = 0; w < 4; w++) {
        const struct turn_record *record = play_next(fake(0, w));
        if (record != NULL) play_turn(fake(0, w), record);
    }
    settle_loads(); // b and c are asked to end
    ask_tree(2, VERB_TERMINATE_CHILD, "top", "b", NULL);
    cr_assert(done(2));
    cr_assert(life_of("a") == ACTOR_RUNNING && life_of("c") == ACTOR_RUNNING);
}

Test(sequence, a_start_waits_for_the_child_that_is_being_started_whatever_happens_meanwhile) {
    role("b", ROLE_SLOW);
    ask_supervisor(1, "top", "{\"children\": [" CHILD("a") "," CHILD("b") "," CHILD("c") "]}");
    cr_assert(happened("+a"));
    tell("a", "crash");
    cr_assert(happened("+a"));
    cr_assert(!answered(1));
    loosen("b", false);
    cr_assert(happened("+b +c"));
    cr_assert(started(1));
}

Test(sequence, a_shutdown_does_not_outlive_the_incarnation_that_it_was_for) {
    three("\"strategy\": \"one_for_all\", \"intensity\": 5");
    ask_cast(0, "b", "hang");
    settle_all();
    tell("a", "crash");
    cr_assert(happened("-c")); // b is asked to end behind its long turn
    loosen("b", true);
    cr_assert(happened("+a +b +c"));
    cr_assert(life_of("a") == ACTOR_RUNNING && life_of("b") == ACTOR_RUNNING);
    cr_assert(supervisor_named("top")->phase == PHASE_STEADY);
}

Test(sequence, a_group_within_a_group_forgets_nobody_who_was_still_to_be_started) {
    three("\"strategy\": \"rest_for_one\", \"intensity\": 5");
    role("a", ROLE_SLOW);
    tell("a", "crash");
    cr_assert(happened("-c -b")); // a hangs in its init
    ask_tree(2, VERB_START_CHILD, "top", "", CHILD("e"));
    cr_assert(started(2));
    role("a", ROLE_GOOD);
    tell("e", "crash");
    loosen("a", false); // of an init that nobody waits for any more
    cr_assert(life_of("a") == ACTOR_RUNNING && life_of("b") == ACTOR_RUNNING);
    cr_assert(life_of("c") == ACTOR_RUNNING && life_of("e") == ACTOR_RUNNING);
}

// one_for_all restarts a, b, c; b hangs in its init, and c is terminated and started again by hand
// meanwhile, which hangs, too.
static void started_again_by_hand(void) {
    three("\"strategy\": \"one_for_all\", \"intensity\": 5");
    role("b", ROLE_SLOW);
    tell("a", "crash");
    cr_assert(happened("-c -b +a"));
    ask_tree(2, VERB_TERMINATE_CHILD, "top", "c", NULL);
    cr_assert(done(2));
    role("c", ROLE_SLOW);
    ask_tree(3, VERB_RESTART_CHILD, "top", "c", NULL);
    cr_assert(!answered(3) && life_of("c") == ACTOR_STARTING);
}

Test(sequence, a_child_that_is_being_started_again_by_hand_belongs_to_the_next_group_restart) {
    started_again_by_hand();
    ask_kill(4, "a"); // takes down what is being started, too
    role("b", ROLE_GOOD);
    role("c", ROLE_GOOD);
    settle_all();
    while (tf.stuck_count > 0) loosen("b", true); // what is left there is void
    cr_assert(failed(3, STATUS_DOWN));
    cr_assert(life_of("a") == ACTOR_RUNNING && life_of("b") == ACTOR_RUNNING);
    cr_assert(life_of("c") == ACTOR_RUNNING);
    cr_assert(supervisor_named("top")->phase == PHASE_STEADY);
}

Test(sequence, a_child_that_did_not_start_by_hand_is_not_begun_by_the_restart_that_is_under_way) {
    three("\"strategy\": \"one_for_all\", \"intensity\": 5");
    role("b", ROLE_SLOW);
    tell("a", "crash");
    ask_tree(2, VERB_TERMINATE_CHILD, "top", "c", NULL);
    role("c", ROLE_FAILS);
    ask_tree(3, VERB_RESTART_CHILD, "top", "c", NULL);
    cr_assert(failed(3, STATUS_REFUSED));
    role("c", ROLE_GOOD);
    loosen("b", false);
    cr_assert(life_of("b") == ACTOR_RUNNING && life_of("c") == ACTOR_FREE);
    cr_assert(supervisor_named("top")->phase == PHASE_STEADY);
}

Test(sequence, an_init_under_a_supervisor_has_its_time) {
    role("a", ROLE_SLOW);
    ask_supervisor(1, "top",
                   "{\"children\": [{\"id\": \"a\", \"start\": {\"behaviour\": \"counter\", "
                   "\"name\": \"a\", \"timeout_ms\": 100}}]}");
    cr_assert(!answered(1));
    for (int i = 0; i < 60 && !answered(1); i++) {
        later(4);
        shard_watch(&fx.shard);
        step();
    }
    cr_assert(failed(1, STATUS_REFUSED));
    cr_assert(fx.shard.actors.live == 0);
}

Test(sequence, an_init_that_waits_for_a_host_has_its_time) {
    // Nobody starts the host that it is to have for itself.
    ask_supervisor(1, "top",
                   "{\"children\": [{\"id\": \"a\", \"start\": {\"isolation\": \"own\", "
                   "\"behaviour\": \"counter\", \"name\": \"a\", \"timeout_ms\": 100}}]}");
    later(99);
    cr_assert(!answered(1));
    later(1);
    cr_assert(failed(1, STATUS_REFUSED));
    cr_assert(fx.shard.actors.live == 0);
}

// --- what is heard only after something else ---

// The init that hangs as the i-th is answered; nobody looks at that yet.
static void answer_init(int i, bool up, enum commit_code code) {
    struct fake_worker *end = tf.stuck[i];
    uint64_t            turn = worker_turn(end->keeper_end, end->keeper_end->tail)->turn;
    if (up) {
        play_state(end, turn, "s0");
    } else {
        play_refuse(end, turn, code, code == COMMIT_CODE_ERROR ? "no" : NULL);
    }
}

Test(sequence, an_init_that_failed_is_not_tried_again_by_the_news_of_another_child) {
    role("b", ROLE_SLOW);
    ask_supervisor(1, "top",
                   "{\"children\": [" CHILD(
                       "a") ", {\"id\": \"b\", \"on_intensity\": \"backoff\", "
                            "\"start\": {\"behaviour\": \"counter\", \"name\": \"b\"}}]}");
    ask_cast(0, "a", "crash");
    step();
    struct fake_worker *end = home_of(actor_named("a"));
    play_crash(end, play_next(end)->turn, COMMIT_CODE_RAISE, "boom");
    answer_init(0, false, COMMIT_CODE_ERROR);
    tf.stuck_count = 0;
    role("b", ROLE_GOOD);
    settle_all();
    cr_assert(failed(1, STATUS_REFUSED));
    cr_assert(fx.shard.actors.live == 0);
}

// one_for_all begins again, and hangs at c; d is added meanwhile. Its init is over at the same time
// as that of c, but is heard of after it.
static void added_meanwhile(enum commit_code code, const char *flags) {
    char source[300];
    three("\"strategy\": \"one_for_all\"");
    role("c", ROLE_SLOW);
    tell("a", "crash");
    role("d", ROLE_SLOW);
    snprintf(source, sizeof source,
             "{\"id\": \"d\", %s, \"start\": {\"behaviour\": \"counter\", \"name\": \"d\"}}",
             flags);
    ask_tree(2, VERB_START_CHILD, "top", "", source);
    cr_assert(happened("-c -b +a +b"));
    answer_init(0, true, 0);
    answer_init(1, false, code);
    tf.stuck_count = 0;
    role("c", ROLE_GOOD);
    role("d", ROLE_GOOD);
    settle_all();
    cr_assert(happened(""));
    cr_assert(life_of("a") == ACTOR_RUNNING && life_of("c") == ACTOR_RUNNING);
    cr_assert(supervisor_named("top")->phase == PHASE_STEADY);
}

Test(sequence, one_that_is_added_during_a_restart_and_fails_is_no_failure_of_the_restart) {
    added_meanwhile(COMMIT_CODE_ERROR, "\"restart\": \"permanent\"");
    cr_assert(failed(2, STATUS_REFUSED));
    cr_assert(supervisor_named("top")->child_count == 3);
}

Test(sequence, one_that_guards_itself_and_fails_while_it_is_added_goes_as_any_other) {
    added_meanwhile(COMMIT_CODE_ERROR, "\"on_intensity\": \"backoff\"");
    cr_assert(failed(2, STATUS_REFUSED));
    cr_assert(supervisor_named("top")->child_count == 3);
}

Test(sequence, one_that_is_added_during_a_restart_may_ignore_that) {
    added_meanwhile(COMMIT_CODE_IGNORE, "\"restart\": \"temporary\"");
    cr_assert(started(2));
    cr_assert(supervisor_named("top")->child_count == 3);
}

Test(sequence, a_reason_that_would_nest_too_deep_in_that_of_the_supervisor_is_malformed_there) {
    char source[300] = "1", wrapped[310];
    for (int i = 0; i < PEEPER_VALUE_DEPTH_MAX; i++) {
        snprintf(wrapped, sizeof wrapped, "[%s]", source);
        strcpy(source, wrapped);
    }
    role("a", ROLE_SLOW);
    ask_supervisor(1, "top", "{\"children\": [" CHILD("a") "]}");
    struct fake_worker *end = tf.stuck[0];
    uint64_t            turn = worker_turn(end->keeper_end, end->keeper_end->tail)->turn;
    struct out          out = out_of(COMMIT_REFUSED, turn, 0);
    out.record.code = COMMIT_CODE_ERROR;
    out_body(&out, ITEM_REASON, json(source));
    play_send(end, &out);
    step();
    cr_assert(reason_of(1, "[\"shutdown\", [\"failed_to_start_child\", \"a\", \"malformed\"]]"));
}
