#include "keeper/code_view.h"
#include "keeper/upgrade_fixture_test.h"

TestSuite(code_view, .init = upgrade_begin, .fini = fx_fini, .timeout = 20);

static void ask_behaviours(uint64_t number) {
    struct request request = {.verb = VERB_LIST_BEHAVIOURS};
    cr_assert(ask(number, &request) == STATUS_OK);
    cr_assert(answer_of(number)->kind == ANSWER_BEHAVIOURS);
}

static bool listed(uint64_t number, const char *name, const char *version, uint64_t actors,
                   bool current) {
    const struct note *note = answer_of(number);
    for (size_t i = 0; i < note->behaviour_count; i++) {
        const struct behaviour_info *info = &note->behaviours[i];
        if (strcmp(info->name, name) != 0 || strcmp(info->version, version) != 0) continue;
        return info->actors == actors && info->current == current;
    }
    return false;
}

Test(code_view, tells_each_behaviour_with_its_actors) {
    host_joins(1);
    up("a");
    up("b");
    ask_behaviours(1);
    cr_assert(answer_of(1)->behaviour_count == 2);
    cr_assert(listed(1, "counter", "1", 2, true));
    cr_assert(listed(1, "other", "1", 0, true));
    ask_stop(3, "b");
    step();
    play_stop(fake(0, 0), play_take(fake(0, 0), TURN_TERMINATE)->turn, 0, "normal");
    step();
    ask_behaviours(4);
    cr_assert(listed(4, "counter", "1", 1, true));
}

Test(code_view, tells_an_old_version_as_long_as_somebody_runs_it) {
    two_hosts();
    struct actor *actor = up("a");
    cr_assert(ask_upgrade(1, "2", false) == STATUS_OK);
    struct fake_worker *changes = new_hosts("2");
    play_refuse(changes, change_of(changes, actor, "s0")->turn, COMMIT_CODE_ERROR, "no");
    step();
    ask_behaviours(2);
    cr_assert(listed(2, "counter", "1", 1, false));
    cr_assert(listed(2, "counter", "2", 0, true));
    // The same file in both sets is one version.
    cr_assert(answer_of(2)->behaviour_count == 3);
}
