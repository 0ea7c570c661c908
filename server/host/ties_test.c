#include "host/ties.h"

#include "base/ring.h"

#include <criterion/criterion.h>
#include <string.h>

static struct peeper_ctx             ctx;
static const struct peeper_behaviour behaviour = {.name = "b"};

static void begin(void) {
    context_init(&ctx);
    context_begin(&ctx, NULL, &behaviour, 5, PHASE_CALL);
}

static void end(void) {
    context_fini(&ctx);
}

TestSuite(ties, .init = begin, .fini = end, .timeout = 10);

struct seen {
    struct item_header head;
    char               name[260];
    uint64_t           body;
};

static struct seen item_at(int index) {
    const uint8_t *at = ctx.items.bytes.data;
    struct seen    seen = {0};
    cr_assert(index < ctx.items.count);
    for (int i = 0;; i++) {
        memcpy(&seen.head, at, sizeof seen.head);
        if (i == index) break;
        at += sizeof seen.head + ring_round(seen.head.name_bytes + seen.head.body_bytes);
    }
    memcpy(seen.name, at + sizeof seen.head, seen.head.name_bytes);
    if (seen.head.body_bytes == sizeof seen.body)
        memcpy(&seen.body, at + sizeof seen.head + seen.head.name_bytes, sizeof seen.body);
    return seen;
}

Test(ties, a_monitor_is_an_item_with_its_reference) {
    peeper_ref  ref = peeper_monitor(&ctx, "who");
    struct seen seen = item_at(0);
    cr_assert(seen.head.kind == ITEM_MONITOR && seen.head.token == ref);
    cr_assert(seen.head.body_bytes == 0);
    cr_assert_str_eq(seen.name, "who");

    ref = peeper_monitor_id(&ctx, 77);
    seen = item_at(1);
    cr_assert(seen.head.kind == ITEM_MONITOR && seen.head.token == ref);
    cr_assert(seen.head.name_bytes == 0 && seen.body == 77);
}

Test(ties, the_other_items_are_what_they_say) {
    peeper_demonitor(&ctx, 9);
    peeper_link(&ctx, "a");
    peeper_link_id(&ctx, 7);
    peeper_unlink(&ctx, "b");
    peeper_unlink_id(&ctx, 8);
    cr_assert(item_at(0).head.kind == ITEM_DEMONITOR && item_at(0).head.token == 9);
    cr_assert(item_at(1).head.kind == ITEM_LINK && item_at(1).head.token == 0);
    cr_assert_str_eq(item_at(1).name, "a");
    cr_assert(item_at(2).head.kind == ITEM_LINK && item_at(2).head.token == 7);
    cr_assert(item_at(3).head.kind == ITEM_UNLINK);
    cr_assert_str_eq(item_at(3).name, "b");
    cr_assert(item_at(4).head.kind == ITEM_UNLINK && item_at(4).head.token == 8);
}

Test(ties, references_differ_within_a_turn_its_chain_and_between_turns) {
    peeper_ref first = peeper_monitor(&ctx, "a"), second = peeper_monitor(&ctx, "a");
    context_begin(&ctx, NULL, &behaviour, 5, PHASE_CONTINUE);
    peeper_ref third = peeper_monitor(&ctx, "a");
    context_begin(&ctx, NULL, &behaviour, 6, PHASE_CALL);
    peeper_ref fourth = peeper_monitor(&ctx, "a");
    cr_assert(first != 0 && first != second && second != third && first != third);
    cr_assert(fourth != first && fourth != second && fourth != third);
}

Test(ties, an_open_item_is_completed_first) {
    peeper_write_int(peeper_cast(&ctx, "a"), 1);
    peeper_link(&ctx, "b");
    cr_assert(item_at(0).head.kind == ITEM_CAST && item_at(1).head.kind == ITEM_LINK);
    context_finish(&ctx);
    cr_assert(ctx.items.count == 2);
}

static void monitor_a(const char *name) {
    (void)peeper_monitor(&ctx, name);
}

static void link_with(const char *name) {
    peeper_link(&ctx, name);
}

// Whether the function leaves by a crash, whose text is then to be looked at.
static bool crashes(void (*function)(const char *name), const char *name) {
    if (_setjmp(ctx.escape) != 0) return true;
    function(name);
    return false;
}

Test(ties, more_references_than_a_turn_may_have_crash_it) {
    ctx.refs = TIES_REFS_MAX;
    cr_assert(crashes(monitor_a, "a"));
    cr_assert(ctx.crash_code == COMMIT_CODE_CONTRACT);
    cr_assert_str_eq(ctx.crash_text, "too_many_monitors(65535)");
}

Test(ties, a_name_over_its_limit_crashes_the_turn) {
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_assert(crashes(link_with, name));
    cr_assert_str_eq(ctx.crash_text, "name_too_long(link)");
}

Test(ties, save_may_not_ask_for_one) {
    ctx.phase = PHASE_SAVE;
    cr_assert(crashes(monitor_a, "a"));
    cr_assert_str_eq(ctx.crash_text, "not_allowed(monitor in save)");
}
