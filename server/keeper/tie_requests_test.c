// What the verbs do is told in exits_test; here is what a commit may ask for.
#include "keeper/shard_fixture_test.h"

#include "keeper/tie_requests.h"

TestSuite(tie_requests, .init = fx_init, .fini = fx_fini, .timeout = 20);

// A cast whose commit has one item of `kind`.
static void commit_item_of(struct actor *actor, const char *name, enum item_kind kind,
                           uint64_t token, struct slice target, struct slice body) {
    ask_cast(0, name, "go");
    step();
    struct fake_worker *end = home_of(actor);
    struct out          out = out_of(COMMIT_DONE, play_take(end, TURN_CAST)->turn, 0);
    out_add(&out, kind, token, target, body);
    play_send(end, &out);
    step();
}

static struct slice id_bytes(const uint64_t *id) {
    return slice_of((const uint8_t *)id, sizeof *id);
}

Test(tie_requests, a_commit_makes_and_removes_monitors_and_links) {
    host_joins(1);
    struct actor *a = up("a"), *b = up("b");
    uint64_t      id = actor_id(b);
    commit_item_of(a, "a", ITEM_MONITOR, 7, raw("b"), (struct slice){0});
    commit_item_of(a, "a", ITEM_MONITOR, 8, (struct slice){0}, id_bytes(&id));
    commit_item_of(a, "a", ITEM_LINK, 0, raw("b"), (struct slice){0});
    commit_item_of(a, "a", ITEM_LINK, id, (struct slice){0}, (struct slice){0});
    cr_assert(a->extra->ties->monitors == 2 && a->extra->ties->links == 1 &&
              b->extra->ties->watchers == 2);
    commit_item_of(a, "a", ITEM_DEMONITOR, 7, (struct slice){0}, (struct slice){0});
    commit_item_of(a, "a", ITEM_UNLINK, id, (struct slice){0}, (struct slice){0});
    cr_assert(a->extra->ties->monitors == 1 && a->extra->ties->links == 0);
    commit_item_of(b, "b", ITEM_LINK, 0, raw("a"), (struct slice){0});
    commit_item_of(a, "a", ITEM_UNLINK, 0, raw("b"), (struct slice){0});
    commit_item_of(a, "a", ITEM_DEMONITOR, 8, (struct slice){0}, (struct slice){0});
    cr_assert(a->extra->ties == NULL && b->extra->ties == NULL && fx.shard.ties.count == 0);
    cr_assert(fx.shard.metrics.host_nonsense == 0);
}

static void expect_nonsense(enum item_kind kind, struct slice name, struct slice body) {
    host_joins(1);
    struct actor *a = up("a");
    commit_item_of(a, "a", kind, 7, name, body);
    cr_assert(fx.shard.metrics.host_nonsense == 1);
    cr_assert(fx.shard.ties.count == 0);
}

static const char LONG[300];

Test(tie_requests, a_monitor_with_a_name_and_an_id_is_nonsense) {
    uint64_t id = 5;
    expect_nonsense(ITEM_MONITOR, raw("b"), id_bytes(&id));
}

Test(tie_requests, a_monitor_with_half_an_id_is_nonsense) {
    expect_nonsense(ITEM_MONITOR, (struct slice){0}, slice_of("1234", 4));
}

Test(tie_requests, a_monitor_of_a_name_over_its_limit_is_nonsense) {
    expect_nonsense(ITEM_MONITOR, slice_of(LONG, 256), (struct slice){0});
}

Test(tie_requests, a_demonitor_with_a_name_is_nonsense) {
    expect_nonsense(ITEM_DEMONITOR, raw("b"), (struct slice){0});
}

Test(tie_requests, a_link_with_a_body_is_nonsense) {
    expect_nonsense(ITEM_LINK, raw("b"), text("x"));
}

Test(tie_requests, an_unlink_of_a_name_over_its_limit_is_nonsense) {
    expect_nonsense(ITEM_UNLINK, slice_of(LONG, 256), (struct slice){0});
}

Test(tie_requests, a_link_that_terminate_makes_after_a_crash_ends_with_its_incarnation) {
    host_joins(1);
    struct actor *a = up("a");
    struct actor *b = up("b");
    ask_cast(0, "a", "go");
    step();
    struct fake_worker *end = home_of(a);
    struct out          out = out_of(COMMIT_CRASH, play_take(end, TURN_CAST)->turn, 0);
    out.record.code = COMMIT_CODE_RAISE;
    out_add(&out, ITEM_LINK, 0, raw("b"), (struct slice){0});
    play_send(end, &out);
    step();
    cr_assert(fx.shard.metrics.host_nonsense == 0);
    cr_assert(fx.shard.ties.count == 0);
    cr_assert(play_take(end, TURN_INFO)->slot == b->slot); // EXIT
}
