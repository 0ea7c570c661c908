#include "keeper/tree_fixture_test.h"

#include "base/memory_fault_test.h"

TestSuite(supervisor, .init = tf_init, .fini = fx_fini, .timeout = 20);

static bool gone(const char *name) {
    return id_of(name) == 0;
}

// --- strategies ---

Test(supervisor, one_for_one_restarts_only_the_one_with_its_state) {
    three("\"strategy\": \"one_for_one\"");
    uint64_t a = id_of("a"), b = id_of("b");
    tell("b", "change");
    tell("b", "crash");
    cr_assert(happened("+b"));
    cr_assert(id_of("a") == a);
    cr_assert(id_of("b") != b);
    cr_assert(mirror_has(actor_named("b"), "s1", 2));
}

Test(supervisor, one_for_all_stops_the_others_newest_first_and_starts_all_in_order) {
    three("\"strategy\": \"one_for_all\"");
    tell("b", "crash");
    cr_assert(happened("-c -a +a +b +c"));
}

Test(supervisor, rest_for_one_takes_those_behind_along) {
    three("\"strategy\": \"rest_for_one\"");
    tell("b", "crash");
    cr_assert(happened("-c +b +c"));
}

Test(supervisor, a_fall_with_another_one_counts_among_the_restarts_of_a_unit) {
    three("\"strategy\": \"rest_for_one\"");
    tell("b", "crash");
    cr_assert(unit_restarts(actor_named("a")) == 0);
    cr_assert(unit_restarts(actor_named("b")) == 1);
    cr_assert(unit_restarts(actor_named("c")) == 1);
    tell("c", "crash");
    tell("a", "crash");
    cr_assert(unit_restarts(actor_named("b")) == 2);
    cr_assert(unit_restarts(actor_named("c")) == 3, "and with its own");
}

Test(supervisor, a_bystander_keeps_its_state_and_its_messages) {
    three("\"strategy\": \"one_for_all\"");
    tell("c", "change");
    ask_cast(0, "b", "crash");
    step();
    ask_cast(0, "c", "crash");
    ask_call(5, "c", "later");
    settle_all();
    cr_assert(life_of("c") == ACTOR_RUNNING);
    cr_assert(mirror_has(actor_named("c"), "s1", 2) || mirror_has(actor_named("c"), "s1", 3));
}

// --- restart types ---

Test(supervisor, a_transient_child_stays_away_after_an_orderly_end_and_keeps_its_place) {
    ask_supervisor(1, "top",
                   "{\"children\": [{\"id\": \"a\", \"restart\": \"transient\", \"start\": "
                   "{\"behaviour\": \"counter\", \"name\": \"a\"}}]}");
    tell("a", "bad");
    cr_assert(happened("+a +a"));
    tell("a", "stop");
    cr_assert(happened(""));
    cr_assert(gone("a"));
    cr_assert(supervisor_named("top")->child_count == 1);
}

Test(supervisor, a_temporary_child_goes_with_its_spec_whatever_its_end) {
    ask_supervisor(1, "top",
                   "{\"children\": [{\"id\": \"a\", \"restart\": \"temporary\", \"start\": "
                   "{\"behaviour\": \"counter\", \"name\": \"a\"}}]}");
    tell("a", "crash");
    cr_assert(happened("+a"));
    cr_assert(gone("a"));
    cr_assert(supervisor_named("top")->child_count == 0);
}

Test(supervisor, a_temporary_bystander_is_stopped_and_not_restarted) {
    ask_supervisor(1, "top",
                   "{\"strategy\": \"one_for_all\", \"children\": ["
                   "{\"id\": \"a\", \"start\": {\"behaviour\": \"counter\", \"name\": \"a\"}},"
                   "{\"id\": \"t\", \"restart\": \"temporary\", \"start\": {\"behaviour\": "
                   "\"counter\", \"name\": \"t\"}}]}");
    tell("a", "crash");
    cr_assert(happened("+a +t -t +a"));
    cr_assert(supervisor_named("top")->child_count == 1);
}

Test(supervisor, a_child_that_ended_right_after_its_start_was_up_and_keeps_its_place) {
    ask_supervisor(1, "top", "{}");
    role("a", ROLE_BRIEF);
    ask_tree(2, VERB_START_CHILD, "top", "",
             "{\"id\": \"a\", \"restart\": \"transient\", \"start\": {\"behaviour\": "
             "\"counter\", \"name\": \"a\"}}");
    cr_assert(started(2));
    cr_assert(happened("+a"));
    cr_assert(gone("a"));
    // Its start has succeeded, so a later one that fails does not take the spec along.
    role("a", ROLE_FAILS);
    ask_tree(3, VERB_RESTART_CHILD, "top", "a", NULL);
    cr_assert(failed(3, STATUS_REFUSED));
    cr_assert(supervisor_named("top")->child_count == 1);
}

// --- intensity ---

Test(supervisor, over_its_intensity_it_ends_with_all_children_and_their_states_stay_readable) {
    three("\"strategy\": \"one_for_one\", \"intensity\": 1");
    tell("b", "crash");
    cr_assert(happened("+b"));
    tell("b", "crash");
    cr_assert(happened("-c -a"));
    cr_assert(gone("top") && gone("a") && gone("b") && gone("c"));
    cr_assert(life_of("b") == ACTOR_ENDED);
    cr_assert(mirror_has(actor_named("b"), "s0", 1));
}

Test(supervisor, a_group_counts_as_one_restart) {
    three("\"strategy\": \"one_for_all\", \"intensity\": 2");
    tell("a", "crash");
    tell("b", "crash");
    cr_assert(!gone("top"));
    tell("c", "crash");
    cr_assert(gone("top"));
}

Test(supervisor, restarts_older_than_the_period_do_not_count) {
    three("\"strategy\": \"one_for_one\", \"intensity\": 1, \"period_ms\": 1000");
    for (int i = 0; i < 4; i++) {
        tell("a", "crash");
        later(2100);
    }
    cr_assert(!gone("top"));
}

Test(supervisor, failed_restarts_count_and_end_it) {
    three("\"strategy\": \"one_for_one\", \"intensity\": 4");
    role("b", ROLE_FAILS);
    tell("b", "crash");
    cr_assert(gone("top"));
    cr_assert(happened("-c -a"));
}

Test(supervisor, a_child_that_guards_itself_never_ends_its_supervisor) {
    ask_supervisor(1, "top",
                   "{\"intensity\": 1, \"children\": [{\"id\": \"a\", \"on_intensity\": "
                   "\"suspend\", \"start\": {\"behaviour\": \"counter\", \"name\": \"a\"}}]}");
    tell("a", "crash");
    tell("a", "crash");
    cr_assert(happened("+a +a"));
    cr_assert(life_of("a") == ACTOR_SUSPENDED);
    cr_assert(!gone("top"));
    ask_resume(5, "a");
    settle_all();
    cr_assert(happened("+a"));
    cr_assert(life_of("a") == ACTOR_RUNNING);
}

// --- nesting ---

#define NESTED                                                                                    \
    "{\"intensity\": 1, \"children\": [{\"id\": \"sub\", \"start\": {\"supervisor\": {\"name\": " \
    "\"sub\", \"intensity\": 1, \"children\": [{\"id\": \"w\", \"start\": {\"behaviour\": "       \
    "\"counter\", \"name\": \"w\"}}, {\"id\": \"x\", \"start\": {\"behaviour\": \"counter\", "    \
    "\"name\": \"x\"}}]}}}]}"

Test(supervisor, a_supervisor_that_gave_up_is_restarted_with_the_units_of_its_spec) {
    ask_supervisor(1, "top", NESTED);
    tell("x", "change");
    uint64_t unit = actor_named("x")->unit, sub = id_of("sub");
    tell("w", "crash");
    cr_assert(happened("+w +x +w"));
    tell("w", "crash");
    cr_assert(happened("-x +w +x"));
    cr_assert(id_of("sub") != sub);
    cr_assert(actor_named("x")->unit == unit);
    cr_assert(mirror_has(actor_named("x"), "s1", 2));
}

Test(supervisor, two_levels_give_up_after_the_product_of_their_intensities) {
    ask_supervisor(1, "top", NESTED);
    for (int i = 0; i < 3; i++) tell("w", "crash");
    cr_assert(!gone("top"));
    tell("w", "crash");
    cr_assert(gone("top") && gone("sub") && gone("w") && gone("x"));
}

Test(supervisor, a_killed_supervisor_is_restarted_by_its_parent_with_its_children) {
    ask_supervisor(1, "top", NESTED);
    cr_assert(happened("+w +x"));
    uint64_t w = id_of("w");
    ask_kill(2, "sub");
    settle_all();
    cr_assert(done(2));
    cr_assert(happened("+w +x"));
    cr_assert(id_of("w") != w);
}

// --- automatic shutdown ---

#define SIGNIFICANT(auto, restart)                                                             \
    "{\"auto_shutdown\": \"" auto "\", \"children\": [{\"id\": \"s\", \"significant\": true, " \
                                  "\"restart\": \"" restart                                    \
                                  "\", \"start\": {\"behaviour\": \"counter\", \"name\": "     \
                                  "\"s\"}}, {\"id\": \"p\", "                                  \
                                  "\"start\": {\"behaviour\": \"counter\", \"name\": \"p\"}}]}"

Test(supervisor, the_end_of_a_significant_child_is_its_own_end) {
    ask_supervisor(1, "top", SIGNIFICANT("any_significant", "transient"));
    tell("s", "crash");
    cr_assert(happened("+s +p +s"));
    tell("s", "stop");
    cr_assert(happened("-p"));
    cr_assert(gone("top"));
}

#define SIGNIFICANT_CHILD(id)                                                  \
    "{\"id\": \"" id "\", \"significant\": true, \"restart\": \"transient\", " \
    "\"start\": {\"behaviour\": \"counter\", \"name\": \"" id "\"}}"
#define PLAIN_CHILD(id)                                                                         \
    "{\"id\": \"" id "\", \"restart\": \"transient\", \"start\": {\"behaviour\": \"counter\", " \
    "\"name\": \"" id "\"}}"
#define ALL_OF(children) "{\"auto_shutdown\": \"all_significant\", \"children\": [" children "]}"

Test(supervisor, the_end_of_the_last_significant_child_is_its_own_end) {
    ask_supervisor(1, "top",
                   ALL_OF(SIGNIFICANT_CHILD("a") "," SIGNIFICANT_CHILD("b") "," PLAIN_CHILD("p")));
    tell("a", "crash"); // and comes back
    cr_assert(supervisor_named("top")->significant == 2);
    tell("p", "stop");
    tell("a", "stop");
    cr_assert(supervisor_named("top")->significant == 1);
    cr_assert(happened("+a +b +p +a"));
    tell("b", "stop");
    cr_assert(gone("top"));
}

Test(supervisor, a_significant_child_that_was_stopped_by_hand_is_not_waited_for) {
    ask_supervisor(1, "top",
                   ALL_OF(SIGNIFICANT_CHILD("a") "," SIGNIFICANT_CHILD("b") "," PLAIN_CHILD("p")));
    ask_tree(2, VERB_TERMINATE_CHILD, "top", "a", NULL);
    cr_assert(done(2));
    cr_assert(!gone("top"));
    tell("b", "stop");
    cr_assert(gone("top"));
}

Test(supervisor, a_significant_child_added_or_started_again_by_hand_is_waited_for) {
    ask_supervisor(1, "top", ALL_OF(SIGNIFICANT_CHILD("a") "," SIGNIFICANT_CHILD("b")));
    ask_tree(2, VERB_START_CHILD, "top", "", SIGNIFICANT_CHILD("c"));
    tell("a", "stop");
    ask_tree(3, VERB_RESTART_CHILD, "top", "a", NULL);
    cr_assert(started(2) && started(3));
    tell("b", "stop");
    tell("c", "stop");
    cr_assert(supervisor_named("top")->significant == 1);
    tell("a", "stop");
    cr_assert(gone("top"));
}

Test(supervisor, whether_a_child_is_significant_can_be_changed_while_it_runs) {
    ask_supervisor(1, "top", ALL_OF(SIGNIFICANT_CHILD("a") "," PLAIN_CHILD("b")));
    ask_tree(2, VERB_CHANGE_SUPERVISOR, "top", "",
             ALL_OF(PLAIN_CHILD("a") "," SIGNIFICANT_CHILD("b")));
    cr_assert(done(2));
    tell("a", "stop");
    cr_assert(!gone("top"));
    tell("b", "stop");
    cr_assert(gone("top"));
}

Test(supervisor, a_significant_child_stopped_by_hand_ends_nothing) {
    ask_supervisor(1, "top", SIGNIFICANT("any_significant", "temporary"));
    ask_tree(2, VERB_TERMINATE_CHILD, "top", "s", NULL);
    cr_assert(done(2));
    cr_assert(!gone("top"));
}

// --- end ---

Test(supervisor, a_stop_ends_the_children_newest_first_and_forgets_them) {
    three("\"strategy\": \"one_for_one\"");
    ask_stop(2, "top");
    settle_all();
    cr_assert(happened("-c -b -a"));
    cr_assert(done(2));
    cr_assert(life_of("a") == ACTOR_FREE);
    cr_assert(fx.shard.actors.live == 0);
}

Test(supervisor, a_child_that_does_not_end_in_its_time_is_killed) {
    ask_supervisor(1, "top",
                   "{\"children\": [{\"id\": \"a\", \"shutdown\": 100, \"start\": {\"behaviour\": "
                   "\"counter\", \"name\": \"a\"}}]}");
    role("a", ROLE_STUCK);
    ask_stop(2, "top");
    settle_all();
    cr_assert(!answered(2));
    later(99);
    cr_assert(!gone("top"));
    later(1);
    cr_assert(done(2));
    cr_assert(gone("top") && gone("a"));
}

Test(supervisor, the_stopper_s_time_passes_and_the_stop_goes_on) {
    ask_supervisor(1, "top",
                   "{\"children\": [{\"id\": \"a\", \"shutdown\": \"infinity\", \"start\": "
                   "{\"behaviour\": \"counter\", \"name\": \"a\"}}]}");
    role("a", ROLE_STUCK);
    ask_verb(2, VERB_STOP, "top", NULL, 50);
    settle_all();
    later(50);
    cr_assert(failed(2, STATUS_TIMEOUT));
    struct fake_worker *end = tf.stuck[0];
    play_stop(end, worker_turn(end->keeper_end, end->keeper_end->tail)->turn, 0, NULL);
    settle_all();
    cr_assert(gone("top"));
}

Test(supervisor, a_brutal_kill_runs_no_terminate) {
    ask_supervisor(1, "top",
                   "{\"children\": [{\"id\": \"a\", \"shutdown\": \"brutal_kill\", \"start\": "
                   "{\"behaviour\": \"counter\", \"name\": \"a\"}}]}");
    ask_stop(2, "top");
    settle_all();
    cr_assert(happened("+a"));
    cr_assert(done(2));
}

#ifdef CAN_REFUSE_MEMORY
Test(supervisor, without_memory_nothing_is_left_of_a_start) {
    struct request request = {.verb = VERB_START_SUPERVISOR, .name = raw("top")};
    request.payload = json("{\"children\": [{\"id\": \"a\", \"start\": {\"behaviour\": "
                           "\"counter\", \"name\": \"a\"}}]}");
    for (int at = 1; at < 60; at++) {
        refuse_memory(at);
        cr_assert(ask((uint64_t)at, &request) == STATUS_OK);
        refuse_memory(0);
        settle_all();
        if (started((uint64_t)at)) return;
        cr_assert(fx.shard.actors.live == 0, "something is left after refusal %d", at);
        cr_assert(answered((uint64_t)at));
    }
    cr_assert(false, "it never started");
}
#endif

// --- automatic shutdown of one that is coming up ---

// A brief task, and one that hangs in its init; both significant.
static void task_and_server(const char *auto_shutdown) {
    char source[600];
    role("a", ROLE_BRIEF);
    role("b", ROLE_SLOW);
    snprintf(source, sizeof source,
             "{\"auto_shutdown\": \"%s\", \"children\": ["
             "{\"id\": \"a\", \"restart\": \"transient\", \"significant\": true, \"start\": "
             "{\"behaviour\": \"counter\", \"name\": \"a\"}}, "
             "{\"id\": \"b\", \"restart\": \"transient\", \"significant\": true, \"start\": "
             "{\"behaviour\": \"counter\", \"name\": \"b\"}}]}",
             auto_shutdown);
    ask_supervisor(1, "top", source);
    cr_assert(happened("+a"));
    cr_assert(gone("a") && !answered(1));
    loosen("b", false);
    cr_assert(started(1));
}

Test(supervisor, a_significant_child_that_is_done_before_the_others_are_up_fails_no_start) {
    task_and_server("any_significant");
    cr_assert(happened("+b -b"));
    cr_assert(gone("top"));
    cr_assert(fx.shard.actors.live == 0);
}

Test(supervisor, significant_children_that_are_still_to_be_started_are_not_over) {
    task_and_server("all_significant");
    cr_assert(happened("+b"));
    cr_assert(!gone("top"));
    tell("b", "stop");
    cr_assert(gone("top"));
}

// --- without memory ---

#ifdef CAN_REFUSE_MEMORY
static bool waits_for_ever(const char *name) {
    enum actor_life life = life_of(name);
    return life == ACTOR_RESTARTING || life == ACTOR_DOWN || life == ACTOR_STARTING;
}

Test(supervisor, one_allocation_that_fails_leaves_nobody_waiting_for_ever) {
    bool spent = true;
    for (int n = 1; spent; n++) {
        three("\"strategy\": \"one_for_all\", \"intensity\": 5");
        fx.note_count = 0;
        ask_call(2, "b", "crash");
        refuse_at = n;
        settle_all();
        spent = refuse_at == 0;
        refuse_at = 0;
        for (int i = 0; i < 3; i++) {
            later(BACKOFF_MS_MAX);
            settle_all();
        }
        cr_assert(answered(2));
        cr_assert(!waits_for_ever("a") && !waits_for_ever("b") && !waits_for_ever("c"), "%d", n);
        cr_assert(supervisor_named("top")->phase == PHASE_STEADY, "%d", n);
        ask_tree(3, VERB_STOP, "top", "", NULL);
        cr_assert(done(3));
        cr_assert(fx.shard.actors.live == 0);
        fx.note_count = 0;
        tf.history[0] = '\0';
    }
}

Test(supervisor, a_change_without_memory_changes_nothing) {
    three("\"strategy\": \"one_for_all\"");
    struct supervisor *top = supervisor_named("top");
    bool               spent = true;
    for (uint64_t n = 1; spent; n++) {
        struct request request = {
            .id = 100 + n,
            .verb = VERB_CHANGE_SUPERVISOR,
            .name = raw("top"),
            .payload = json("{\"children\": ["
                            "{\"id\": \"a\", \"restart\": \"transient\", \"start\": "
                            "{\"behaviour\": \"counter\", \"name\": \"a\"}}, "
                            "{\"id\": \"d\", \"start\": {\"behaviour\": \"counter\"}}, "
                            "{\"id\": \"e\", \"start\": {\"behaviour\": \"counter\"}}]}"),
        };
        refuse_at = (int)n;
        cr_assert(ask(100 + n, &request) == STATUS_OK);
        spent = refuse_at == 0;
        refuse_at = 0;
        if (done(100 + n)) break; // what failed then is not needed
        cr_assert(failed(100 + n, STATUS_NO_MEMORY));
        cr_assert(top->child_count == 3 && top->spec->strategy == ONE_FOR_ALL);
        cr_assert(child_spec_of(supervisor_first(top))->restart == RESTART_PERMANENT);
    }
    cr_assert(top->child_count == 5 && top->spec->strategy == ONE_FOR_ONE);
    cr_assert(child_spec_of(supervisor_first(top))->restart == RESTART_TRANSIENT);
}
#endif
