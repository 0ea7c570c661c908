#include "keeper/transfer.h"

#include "keeper/tree_fixture_test.h"

#include "base/memory_fault_test.h"

TestSuite(transfer, .init = tf_init, .fini = fx_fini, .timeout = 20);

static void ask_transfer(uint64_t number, const char *name, const char *to) {
    struct request request = {
        .id = number, .verb = VERB_TRANSFER, .name = raw(name), .to_name = raw(to)};
    cr_assert(ask(number, &request) == STATUS_OK);
    settle_all();
}

static uint64_t prepare(uint64_t number, const char *name, const char *to) {
    struct request request = {
        .id = number, .verb = VERB_PREPARE_TRANSFER, .name = raw(name), .to_name = raw(to)};
    cr_assert(ask(number, &request) == STATUS_OK);
    return answer_of(number)->kind == ANSWER_TRANSFER_PREPARED ? answer_of(number)->id : 0;
}

static void commit(uint64_t number, uint64_t handle) {
    struct request request = {.id = number, .verb = VERB_COMMIT_TRANSFER, .handle = handle};
    cr_assert(ask(number, &request) == STATUS_OK);
    settle_all();
}

// "top" with a, b and c, and "other" without children.
static void two(const char *flags) {
    three(flags);
    ask_supervisor(2, "other", "{\"intensity\": 100}");
    cr_assert(started(2));
}

static bool is_at(const char *name, const char *supervisor) {
    const struct actor *actor = actor_named(name);
    return actor != NULL && actor->child != NULL && actor->child->actor == actor &&
           actor->child->parent == supervisor_named(supervisor);
}

Test(transfer, the_unit_begins_again_under_the_target) {
    two("\"strategy\": \"one_for_all\"");
    uint64_t unit = actor_named("b")->unit, id = id_of("b");
    ask_transfer(3, "b", "other");
    cr_assert(started(3));
    cr_assert(happened("-b +b"), "nobody else is touched");
    cr_assert(is_at("b", "other"));
    cr_assert(actor_named("b")->unit == unit);
    cr_assert(id_of("b") != id && answer_of(3)->id == id_of("b"));
    cr_assert(supervisor_named("top")->child_count == 2);
    cr_assert(supervisor_named("other")->child_count == 1);
    cr_assert(supervisor_named("top")->spec->count == 2);
    cr_assert(supervisor_named("other")->spec->count == 1);
    tell("a", "crash");
    cr_assert(happened("-c +a +c"), "it is no part of its old group");
}

// A call hangs in the only child of "top", with this in its spec, when it is asked to move.
static void cut_off(const char *spec, const char *start) {
    char source[300];
    snprintf(source, sizeof source,
             "{\"children\": [{\"id\": \"a\", %s \"start\": {\"behaviour\": \"counter\", %s "
             "\"name\": \"a\"}}]}",
             spec, start);
    ask_supervisor(1, "top", source);
    ask_supervisor(2, "other", "{}");
    ask_call(3, "a", "hang");
    settle_all();
    ask_call(4, "a", "behind");
    ask_transfer(5, "a", "other");
}

static void was_cut_off(void) {
    cr_assert(started(5) && is_at("a", "other"));
    cr_assert(failed(3, STATUS_DOWN) && answer_of(3)->retryable, "nothing of the turn was kept");
    cr_assert(!answered(4), "it waits for the next incarnation");
}

Test(transfer, the_caller_of_a_turn_that_a_move_cuts_off_may_try_again) {
    cut_off("\"shutdown\": \"brutal_kill\",", "");
    was_cut_off();
}

Test(transfer, so_may_that_of_one_that_does_not_trap_exits) {
    cut_off("", "\"trap_exit\": false,");
    was_cut_off();
}

Test(transfer, so_may_that_of_one_whose_time_to_stop_is_over) {
    cut_off("\"shutdown\": 100,", "");
    cr_assert(!answered(3) && !answered(5));
    later(100);
    settle_all();
    was_cut_off();
}

Test(transfer, who_is_terminated_for_another_reason_is_not_told_to_try_again) {
    cut_off("\"shutdown\": 100,", "");
    ask_stop(6, "top");
    later(100);
    settle_all();
    cr_assert(failed(5, STATUS_DOWN));
    cr_assert(failed(3, STATUS_DOWN) && !answer_of(3)->retryable);
}

Test(transfer, one_whose_group_falls_meanwhile_falls_with_it_and_stays) {
    two("\"strategy\": \"one_for_all\"");
    role("b", ROLE_STUCK);
    ask_transfer(3, "b", "other");
    cr_assert(!answered(3));
    tell("a", "crash");
    cr_assert(!answered(3));
    loosen("b", true);
    cr_assert(failed(3, STATUS_RESTARTING));
    cr_assert(is_at("b", "top"));
    cr_assert(happened("-c +a +b +c"));
}

Test(transfer, one_whose_supervisor_ends_meanwhile_ends_with_it) {
    two("\"strategy\": \"one_for_one\"");
    role("b", ROLE_STUCK);
    ask_transfer(3, "b", "other");
    ask_stop(4, "top");
    settle_all();
    loosen("b", true);
    cr_assert(failed(3, STATUS_DOWN));
    cr_assert(done(4));
    cr_assert(id_of("b") == 0 && id_of("top") == 0);
    cr_assert(supervisor_named("other")->child_count == 0);
}

Test(transfer, a_target_that_restarts_when_it_would_take_it_leaves_it_where_it_was) {
    three("\"strategy\": \"one_for_one\"");
    ask_supervisor(2, "other",
                   "{\"children\": [{\"id\": \"s\", \"start\": {\"behaviour\": \"counter\", "
                   "\"name\": \"s\"}}], \"strategy\": \"one_for_all\"}");
    role("b", ROLE_STUCK);
    ask_transfer(3, "b", "other");
    role("s", ROLE_SLOW);
    tell("s", "crash");
    cr_assert(supervisor_named("other")->phase == PHASE_STARTING ||
              actor_named("s")->life == ACTOR_RESTARTING);
    supervisor_named("other")->phase = PHASE_STARTING;
    loosen("b", true);
    cr_assert(failed(3, STATUS_RESTARTING));
    cr_assert(is_at("b", "top"));
    cr_assert(actor_named("b")->life == ACTOR_RUNNING);
}

Test(transfer, a_target_that_has_filled_up_meanwhile_leaves_it_where_it_was) {
    three("\"strategy\": \"one_for_one\"");
    ask_supervisor(2, "other", "{\"max_children\": 1}");
    role("b", ROLE_STUCK);
    ask_transfer(3, "b", "other");
    ask_tree(4, VERB_START_CHILD, "other", "",
             "{\"id\": \"s\", \"start\": {\"behaviour\": \"counter\"}}");
    loosen("b", true);
    cr_assert(failed(3, STATUS_MAX_CHILDREN));
    cr_assert(is_at("b", "top"));
    cr_assert(actor_named("b")->life == ACTOR_RUNNING);
}

Test(transfer, one_that_does_not_end_in_its_time_is_killed_and_moves) {
    two("\"strategy\": \"one_for_one\"");
    role("b", ROLE_STUCK);
    ask_transfer(3, "b", "other");
    later(5001);
    settle_all();
    cr_assert(failed(3, STATUS_TIMEOUT) || started(3));
    cr_assert(is_at("b", "other"));
}

Test(transfer, the_later_order_to_terminate_counts) {
    two("\"strategy\": \"one_for_one\"");
    role("b", ROLE_STUCK);
    ask_transfer(3, "b", "other");
    ask_tree(4, VERB_TERMINATE_CHILD, "top", "b", NULL);
    loosen("b", true);
    cr_assert(failed(3, STATUS_DOWN));
    cr_assert(done(4));
    cr_assert(id_of("b") == 0);
    cr_assert(supervisor_named("other")->child_count == 0);
}

Test(transfer, one_that_crashes_while_it_is_to_stop_moves_with_its_last_state) {
    two("\"strategy\": \"one_for_all\"");
    tell("b", "hang");
    ask_transfer(3, "b", "other");
    cr_assert(!answered(3));
    loosen("b", true);
    cr_assert(started(3));
    cr_assert(is_at("b", "other"));
    cr_assert(supervisor_named("top")->restarts == 0);
}

#if CAN_REFUSE_MEMORY
Test(transfer, without_memory_for_its_place_it_stays) {
    two("\"strategy\": \"one_for_one\"");
    for (int at = 1; at < 40; at++) {
        uint64_t number = 100 + (uint64_t)at;
        refuse_memory(at);
        struct request request = {.verb = VERB_TRANSFER, .name = raw("b"), .to_name = raw("other")};
        cr_assert(ask(number, &request) == STATUS_OK);
        refuse_memory(0);
        settle_all();
        cr_assert(answered(number));
        if (started(number)) {
            cr_assert(is_at("b", "other"));
            ask_transfer(number + 1000, "b", "top");
            cr_assert(started(number + 1000));
        }
        cr_assert(is_at("b", "top"));
        cr_assert(actor_named("b")->life == ACTOR_RUNNING);
    }
}
#endif

// --- in two steps ---

Test(transfer, what_is_prepared_changes_nothing_and_can_be_done_once) {
    two("\"strategy\": \"one_for_one\"");
    uint64_t handle = prepare(3, "b", "other");
    cr_assert(handle != 0);
    cr_assert(happened("") && is_at("b", "top"));
    commit(4, handle);
    cr_assert(started(4));
    cr_assert(is_at("b", "other"));
    commit(5, handle);
    cr_assert(failed(5, STATUS_CONFLICT));
    commit(6, 0);
    cr_assert(failed(6, STATUS_CONFLICT));
}

Test(transfer, a_handle_is_good_for_a_minute) {
    two("\"strategy\": \"one_for_one\"");
    uint64_t handle = prepare(3, "b", "other");
    later(TRANSFER_VALID_MS);
    commit(4, handle);
    cr_assert(failed(4, STATUS_CONFLICT));
    cr_assert(is_at("b", "top"));
}

Test(transfer, there_are_so_many_handles_and_old_ones_make_room) {
    two("\"strategy\": \"one_for_one\"");
    for (uint32_t i = 0; i < TRANSFERS_PREPARED_MAX; i++) {
        cr_assert(prepare(3, "b", "other") != 0);
        fx.note_count = 0;
    }
    cr_assert(prepare(4, "b", "other") == 0);
    cr_assert(failed(4, STATUS_OVERLOADED));
    later(TRANSFER_VALID_MS);
    cr_assert(prepare(5, "b", "other") != 0);
}
