#include "keeper/restore.h"

#include "keeper/shard_fixture_test.h"

TestSuite(restore, .init = fx_init, .fini = fx_fini, .timeout = 20);

static void ask_restore(uint64_t number, const char *name, uint64_t version) {
    struct request request = {
        .verb = VERB_RESTORE_STATE, .name = raw(name), .version = version, .limit_ms = 1000};
    cr_assert(ask(number, &request) == STATUS_OK);
}

// An actor with the states "zero" (version 1), "one" and so on up to `version`.
static struct actor *up_to(const char *name, uint64_t version, uint32_t kept) {
    static const char *const STATES[] = {"", "", "two", "three", "four"};
    struct request           request = start_request(name);
    request.generations = kept;
    struct actor *actor = up_with(&request);
    for (uint64_t next = 2; next <= version; next++) {
        ask_call(900 + next, name, "change");
        settle_loads();
        play_reply(fake(0, 0), play_take(fake(0, 0), TURN_CALL)->turn, "ok", STATES[next]);
        step();
    }
    cr_assert(actor->version == version);
    return actor;
}

// --- the verb ---

Test(restore, the_state_of_the_version_goes_the_way_of_a_replacement_and_is_a_new_version) {
    host_joins(1);
    struct actor *actor = up_to("a", 4, 4);
    ask_restore(1, "a", 2);
    settle_loads();
    cr_assert(!answered(1));
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *turn = play_take(end, TURN_REPLACE);
    cr_assert(same(turn_payload(end, turn), text("two")));
    play_state(end, turn->turn, "two");
    step();
    cr_assert(done(1));
    cr_assert(mirror_has(actor, "two", 5));
}

Test(restore, a_version_that_is_gone_is_not_found_and_it_is_told_which_there_are) {
    host_joins(1);
    (void)up_to("a", 4, 2);
    ask_restore(1, "a", 2);
    settle_loads();
    cr_assert(failed(1, STATUS_NOT_FOUND));
    cr_assert(strstr(answer_of(1)->message, "there are 4 and 3") != NULL);
    cr_assert(play_next(fake(0, 0)) == NULL);
}

Test(restore, an_actor_that_ends_meanwhile_is_nobody) {
    host_joins(1);
    struct request request = start_request("a");
    request.restart = RESTART_TEMPORARY;
    (void)up_with(&request);
    ask_restore(1, "a", 1);
    ask_kill(2, "a");
    cr_assert(done(2));
    settle_loads();
    cr_assert(failed(1, STATUS_NOPROC));
}

Test(restore, what_cannot_be_restored_is_refused_at_once) {
    host_joins(1);
    (void)up_to("a", 2, 2);
    ask_restore(1, "nobody", 1);
    cr_assert(failed(1, STATUS_NOPROC));
    ask_restore(2, "a", 0);
    cr_assert(failed(2, STATUS_INVALID));
    struct request late = {
        .verb = VERB_RESTORE_STATE, .name = raw("a"), .version = 1, .limit_ms = UINT32_MAX};
    cr_assert(ask(3, &late) == STATUS_OK);
    cr_assert(failed(3, STATUS_INVALID));
}

Test(restore, with_a_full_mirror_it_is_refused_and_not_lost) {
    host_joins(1);
    (void)up_to("a", 2, 2);
    mirror_fill();
    ask_restore(1, "a", 1);
    cr_assert(failed(1, STATUS_OVERLOADED));
    mirror_resume();
}

// --- the text ---

Test(restore, the_versions_are_told_as_people_do) {
    char                   room[RESTORE_TEXT_BYTES];
    struct generation_info rows[GENERATIONS_KEPT_MAX] = {
        {.version = 9}, {.version = 8}, {.version = 7}};
    cr_assert_str_eq(restore_versions_text(room, rows, 0), "no state was committed yet");
    cr_assert_str_eq(restore_versions_text(room, rows, 1), "no such generation; there is 9");
    cr_assert_str_eq(restore_versions_text(room, rows, 3),
                     "no such generation; there are 9, 8 and 7");
    for (size_t i = 0; i < GENERATIONS_KEPT_MAX; i++) rows[i].version = UINT64_MAX;
    cr_assert(strlen(restore_versions_text(room, rows, GENERATIONS_KEPT_MAX)) <
              RESTORE_TEXT_BYTES - 1);
}
