#include "keeper/supervise.h"

#include "keeper/tree_fixture_test.h"

TestSuite(supervise, .init = tf_init, .fini = fx_fini, .timeout = 20);

#define CHILD(id) \
    "{\"id\": \"" id "\", \"start\": {\"behaviour\": \"counter\", \"name\": \"" id "\"}}"

Test(supervise, verbs_on_nobody_say_so_and_on_an_actor_that_it_is_none) {
    static const enum verb VERBS[] = {
        VERB_START_CHILD,    VERB_TERMINATE_CHILD, VERB_RESTART_CHILD,  VERB_DELETE_CHILD,
        VERB_WHICH_CHILDREN, VERB_COUNT_CHILDREN,  VERB_GET_CHILD_SPEC, VERB_CHANGE_SUPERVISOR};
    up("plain");
    uint64_t number = 10;
    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++) {
        ask_tree(number, VERBS[i], "nobody", "a", CHILD("a"));
        cr_assert(failed(number++, STATUS_NOPROC));
        ask_tree(number, VERBS[i], "plain", "a", CHILD("a"));
        cr_assert(failed(number++, STATUS_INVALID));
    }
}

Test(supervise, a_child_s_life_by_hand) {
    ask_supervisor(1, "top", "{}");
    ask_tree(2, VERB_START_CHILD, "top", "", CHILD("a"));
    cr_assert(started(2));
    ask_tree(3, VERB_START_CHILD, "top", "", CHILD("a"));
    cr_assert(failed(3, STATUS_ALREADY_STARTED));
    ask_tree(4, VERB_DELETE_CHILD, "top", "a", NULL);
    cr_assert(failed(4, STATUS_RUNNING));
    ask_tree(5, VERB_RESTART_CHILD, "top", "a", NULL);
    cr_assert(failed(5, STATUS_RUNNING));
    ask_tree(6, VERB_TERMINATE_CHILD, "top", "a", NULL);
    cr_assert(done(6));
    ask_tree(7, VERB_START_CHILD, "top", "", CHILD("a"));
    cr_assert(failed(7, STATUS_ALREADY_PRESENT));
    ask_tree(8, VERB_RESTART_CHILD, "top", "a", NULL);
    cr_assert(started(8));
    ask_tree(9, VERB_TERMINATE_CHILD, "top", "a", NULL);
    ask_tree(10, VERB_DELETE_CHILD, "top", "a", NULL);
    cr_assert(done(10));
    ask_tree(11, VERB_RESTART_CHILD, "top", "a", NULL);
    cr_assert(failed(11, STATUS_NOT_FOUND));
    cr_assert(happened("+a -a +a -a"));
}

Test(supervise, a_child_whose_first_start_fails_leaves_no_spec) {
    ask_supervisor(1, "top", "{}");
    role("a", ROLE_FAILS);
    ask_tree(2, VERB_START_CHILD, "top", "", CHILD("a"));
    cr_assert(failed(2, STATUS_REFUSED));
    cr_assert(supervisor_named("top")->child_count == 0);
}

Test(supervise, a_restart_that_fails_keeps_the_spec) {
    ask_supervisor(1, "top", "{\"children\": [" CHILD("a") "]}");
    ask_tree(2, VERB_TERMINATE_CHILD, "top", "a", NULL);
    role("a", ROLE_FAILS);
    ask_tree(3, VERB_RESTART_CHILD, "top", "a", NULL);
    cr_assert(failed(3, STATUS_REFUSED));
    cr_assert(supervisor_named("top")->child_count == 1);
}

Test(supervise, an_init_that_ignores_is_no_error_and_keeps_the_spec) {
    ask_supervisor(1, "top", "{}");
    role("a", ROLE_IGNORES);
    ask_tree(2, VERB_START_CHILD, "top", "", CHILD("a"));
    cr_assert(started(2) && answer_of(2)->ignored);
    cr_assert(supervisor_named("top")->child_count == 1);
}

Test(supervise, max_children_is_a_limit_and_restarting_ones_count) {
    ask_supervisor(1, "top", "{\"max_children\": 1}");
    ask_tree(2, VERB_START_CHILD, "top", "", CHILD("a"));
    ask_cast(0, "a", "crash");
    step();
    ask_tree(3, VERB_START_CHILD, "top", "", CHILD("b"));
    cr_assert(failed(3, STATUS_MAX_CHILDREN));
    ask_supervisor(4, "none", "{\"max_children\": 0}");
    ask_tree(5, VERB_START_CHILD, "none", "", CHILD("c"));
    cr_assert(failed(5, STATUS_MAX_CHILDREN));
}

Test(supervise, children_of_a_simple_one_are_known_by_their_incarnation) {
    ask_supervisor(1, "top",
                   "{\"strategy\": \"simple_one_for_one\", \"children\": [{\"id\": \"x\", "
                   "\"start\": {\"behaviour\": \"counter\"}}]}");
    ask_tree(2, VERB_START_CHILD, "top", "", "{\"name\": \"s\", \"argument\": 5}");
    cr_assert(started(2));
    ask_tree(3, VERB_TERMINATE_CHILD, "top", "x", NULL);
    cr_assert(failed(3, STATUS_SIMPLE_ONE_FOR_ONE));
    struct request request = {
        .verb = VERB_TERMINATE_CHILD, .name = raw("top"), .incarnation = id_of("s")};
    cr_assert(ask(4, &request) == STATUS_OK);
    settle_all();
    cr_assert(done(4));
    cr_assert(ask(5, &request) == STATUS_OK);
    cr_assert(failed(5, STATUS_NOT_FOUND));
    cr_assert(supervisor_named("top")->child_count == 0);
}

Test(supervise, a_change_takes_flags_and_stores_new_specs_without_starting_them) {
    ask_supervisor(1, "top", "{\"children\": [" CHILD("a") "]}");
    cr_assert(happened("+a"));
    ask_tree(2, VERB_CHANGE_SUPERVISOR, "top", "",
             "{\"strategy\": \"one_for_all\", \"intensity\": 7, \"children\": [" CHILD("b") "]}");
    cr_assert(done(2));
    cr_assert(happened(""));
    struct supervisor *sup = supervisor_named("top");
    cr_assert(sup->spec->intensity == 7 && sup->child_count == 2);
    ask_tree(3, VERB_RESTART_CHILD, "top", "b", NULL);
    cr_assert(started(3));
    ask_tree(4, VERB_CHANGE_SUPERVISOR, "top", "", "{\"strategy\": \"none\"}");
    cr_assert(failed(4, STATUS_BAD_SPEC));
    ask_tree(5, VERB_CHANGE_SUPERVISOR, "top", "", "null");
    cr_assert(done(5));
    cr_assert(sup->spec->intensity == 7);
}

Test(supervise, an_ending_supervisor_takes_no_children) {
    ask_supervisor(1, "top",
                   "{\"children\": [{\"id\": \"a\", \"shutdown\": \"infinity\", \"start\": "
                   "{\"behaviour\": \"counter\", \"name\": \"a\"}}]}");
    role("a", ROLE_STUCK);
    ask_stop(2, "top");
    settle_all();
    ask_tree(3, VERB_START_CHILD, "top", "", CHILD("b"));
    cr_assert(failed(3, STATUS_DOWN));
}

Test(supervise, what_waits_for_the_end_of_its_supervisor_is_stopping_and_not_restarting) {
    ask_supervisor(1, "top",
                   "{\"children\": [{\"id\": \"a\", \"shutdown\": \"infinity\", \"start\": "
                   "{\"behaviour\": \"counter\", \"name\": \"a\"}}, " CHILD("b") "]}");
    role("a", ROLE_STUCK);
    ask_stop(2, "top");
    settle_all();
    const struct child *b = child_find(&fx.shard.children, supervisor_named("top"), raw("b"));
    cr_assert(b->actor->life == ACTOR_DOWN);
    cr_assert_str_eq(unit_status_text(b->actor), "stopping");
    cr_assert_str_eq(unit_status_text(actor_named("a")), "stopping");
}

Test(supervise, a_supervisor_takes_no_messages) {
    ask_supervisor(1, "top", "{}");
    ask_call(2, "top", "hello");
    cr_assert(failed(2, STATUS_INVALID));
    ask_cast(3, "top", "hello");
    cr_assert(failed(3, STATUS_INVALID));
}

Test(supervise, a_turn_that_stops_the_supervisor_of_its_own_actor_is_finished_first) {
    ask_supervisor(1, "top",
                   "{\"children\": [{\"id\": \"a\", \"shutdown\": \"brutal_kill\", \"start\": "
                   "{\"behaviour\": \"counter\", \"name\": \"a\"}}]}");
    struct actor *actor = actor_named("a");
    ask_call(2, "a", "stop them");
    settle_loads();
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *turn = play_take(end, TURN_CALL);
    struct out                out = out_of(COMMIT_DONE, turn->turn, 0);
    out_body(&out, ITEM_REPLY, text("yes"));
    out_add(&out, ITEM_STOP, 0, raw("top"), text("normal"));
    play_send(end, &out);
    settle_all();
    cr_assert(replied(2, "yes"));
    cr_assert(id_of("top") == 0 && id_of("a") == 0);
}

Test(supervise, a_child_that_shall_guard_itself_from_now_on_does) {
    ask_supervisor(1, "top", "{\"intensity\": 1, \"children\": [" CHILD("a") "]}");
    ask_tree(2, VERB_CHANGE_SUPERVISOR, "top", "",
             "{\"intensity\": 1, \"children\": [{\"id\": \"a\", \"on_intensity\": \"suspend\", "
             "\"start\": {\"behaviour\": \"counter\", \"name\": \"a\"}}]}");
    tell("a", "crash");
    tell("a", "crash");
    cr_assert(life_of("a") == ACTOR_SUSPENDED);
    cr_assert(id_of("top") != 0);
}

Test(supervise, a_child_that_ended_right_after_its_start_is_no_failed_start) {
    ask_supervisor(1, "top", "{}");
    struct request request = {.verb = VERB_START_CHILD, .name = raw("top")};
    request.payload = json("{\"id\": \"a\", \"restart\": \"transient\", \"start\": "
                           "{\"behaviour\": \"counter\", \"name\": \"a\"}}");
    cr_assert(ask(2, &request) == STATUS_OK);
    ask_cast(0, "a", "stop");
    settle_loads();
    struct fake_worker       *end = home_of(actor_named("a"));
    const struct turn_record *init = play_take(end, TURN_INIT);
    play_state(end, init->turn, "s0");
    shard_drain(&fx.shard);   // up, and the next turn is on its way
    shard_publish(&fx.shard); // heard
    settle_all();
    cr_assert(started(2));
    cr_assert(supervisor_named("top")->child_count == 1);
    role("a", ROLE_FAILS);
    ask_tree(3, VERB_RESTART_CHILD, "top", "a", NULL);
    cr_assert(failed(3, STATUS_REFUSED));
    cr_assert(supervisor_named("top")->child_count == 1);
}

Test(supervise, supervisors_that_are_added_to_each_other_have_the_same_limit_as_in_one_spec) {
    ask_supervisor(1, "t1", "{}");
    for (int i = 2; i <= SPEC_DEPTH_MAX + 1; i++) {
        char parent[20], source[200];
        snprintf(parent, sizeof parent, "t%d", i - 1);
        snprintf(source, sizeof source,
                 "{\"id\": \"x\", \"start\": {\"supervisor\": {\"name\": \"t%d\"}}}", i);
        ask_tree((uint64_t)i, VERB_START_CHILD, parent, "", source);
        cr_assert(i <= SPEC_DEPTH_MAX ? started((uint64_t)i)
                                      : failed((uint64_t)i, STATUS_BAD_SPEC));
    }
    ask_tree(50, VERB_CHANGE_SUPERVISOR, "t12", "",
             "{\"children\": [{\"id\": \"x\", \"start\": {\"supervisor\": {}}}]}");
    cr_assert(failed(50, STATUS_BAD_SPEC));
    ask_tree(51, VERB_CHANGE_SUPERVISOR, "t11", "",
             "{\"children\": [{\"id\": \"x\", \"start\": {\"supervisor\": {}}}]}");
    cr_assert(done(51));
    ask_kill(60, "t1");
    settle_all();
    cr_assert(fx.shard.actors.live == 0);
}

Test(supervise, supervisors_of_a_simple_one_have_the_names_that_they_are_given) {
    ask_supervisor(1, "top",
                   "{\"strategy\": \"simple_one_for_one\", \"children\": [{\"id\": \"t\", "
                   "\"start\": {\"supervisor\": {}}}]}");
    ask_tree(2, VERB_START_CHILD, "top", "", "{\"name\": \"one\"}");
    ask_tree(3, VERB_START_CHILD, "top", "", "{\"name\": \"two\"}");
    cr_assert(started(2) && started(3));
    cr_assert(supervisor_named("one") != supervisor_named("two"));
    ask_tree(4, VERB_START_CHILD, "top", "", "{\"name\": \"two\"}");
    cr_assert(failed(4, STATUS_ALREADY_STARTED));
    cr_assert(supervisor_named("top")->child_count == 2);
}
