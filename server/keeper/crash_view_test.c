#include "keeper/crash_view.h"

#include "keeper/shard_fixture_test.h"

TestSuite(crash_view, .init = fx_init, .fini = fx_fini, .timeout = 10);

static struct view view;
static int         answers;

static void on_done(struct view *answer) {
    cr_assert(answer == &view);
    answers++;
}

static enum status look(enum view_kind kind, const char *name, uint64_t crash, uint64_t cursor,
                        uint32_t limit) {
    view_init(&view, kind, on_done);
    view.name_bytes = (uint32_t)strlen(name);
    memcpy(view.name, name, view.name_bytes);
    view.crash = crash;
    view.cursor = cursor;
    view.limit = limit;
    answers = 0;
    view_run(&fx.shard, &view);
    cr_assert(answers == 1, "it waits for nobody");
    return view.status;
}

static void crash_of(const char *name, uint64_t unit, size_t message_bytes) {
    static uint8_t      message[CRASH_MESSAGE_BYTES_MAX];
    struct crash_report report = {.unit = unit,
                                  .name = raw(name),
                                  .kind = "raise",
                                  .reason = text("boom"),
                                  .message = slice_of(message, message_bytes)};
    cr_assert(crash_log_add(&fx.shard.crashes, &report, TURN_CALL) != 0);
}

Test(crash_view, a_page_is_newest_first_and_has_no_messages) {
    crash_of("a", 1, 100);
    crash_of("b", 2, 100);
    cr_assert(look(VIEW_CRASHES, "", 0, 0, 0) == STATUS_OK);
    cr_assert(view.count == 2);
    cr_assert(view.next == 0);
    cr_assert(view.reports[0].id == 2);
    cr_assert(same(view.reports[0].name, raw("b")));
    cr_assert(same(view.reports[0].reason, text("boom")));
    cr_assert(view.reports[0].message.bytes == 0);
    cr_assert(view.reports[0].message_bytes == 100);
    view_fini(&view);
    cr_assert(view.reports == NULL);
}

Test(crash_view, pages_go_on_behind_the_last_one_also_when_that_has_gone) {
    for (uint64_t i = 1; i <= 5; i++) crash_of("a", i, 1);
    cr_assert(look(VIEW_CRASHES, "", 0, 0, 2) == STATUS_OK);
    cr_assert(view.count == 2);
    cr_assert(view.next == 4);
    view_fini(&view);
    crash_log_discard(&fx.shard.crashes, crash_log_find(&fx.shard.crashes, 4));
    cr_assert(look(VIEW_CRASHES, "", 0, 4, 2) == STATUS_OK);
    cr_assert(view.reports[0].id == 3);
    cr_assert(view.reports[1].id == 2);
    cr_assert(view.next == 2);
    view_fini(&view);
    cr_assert(look(VIEW_CRASHES, "", 0, 2, 2) == STATUS_OK);
    cr_assert(view.count == 1);
    cr_assert(view.next == 0);
    view_fini(&view);
}

Test(crash_view, a_page_has_only_the_actor_that_was_asked_for) {
    crash_of("a", 1, 1);
    crash_of("ab", 2, 1);
    cr_assert(look(VIEW_CRASHES, "a", 0, 0, 0) == STATUS_OK);
    cr_assert(view.count == 1);
    cr_assert(same(view.reports[0].name, raw("a")));
    view_fini(&view);
    cr_assert(look(VIEW_CRASHES, "c", 0, 0, 0) == STATUS_OK);
    cr_assert(view.count == 0);
    view_fini(&view);
}

Test(crash_view, one_crash_has_its_message) {
    crash_of("a", 1, 1000);
    cr_assert(look(VIEW_CRASH, "", 1, 0, 0) == STATUS_OK);
    cr_assert(view.count == 1);
    cr_assert(view.reports[0].message.bytes == 1000);
    view_fini(&view);
}

Test(crash_view, a_crash_that_is_not_there_is_not_found) {
    cr_assert(look(VIEW_CRASH, "", 1, 0, 0) == STATUS_NOT_FOUND);
    view_fini(&view);
}

Test(crash_view, a_copy_outlives_the_entry) {
    crash_of("a", 1, 10);
    cr_assert(look(VIEW_CRASH, "", 1, 0, 0) == STATUS_OK);
    crash_log_discard(&fx.shard.crashes, crash_log_find(&fx.shard.crashes, 1));
    cr_assert(same(view.reports[0].name, raw("a")));
    view_fini(&view);
}
