#include "keeper/table_view.h"

#include "base/memory_fault_test.h"
#include "keeper/rows_fixture_test.h"
#include "keeper/shard_fixture_test.h"

TestSuite(table_view, .init = fx_init, .fini = fx_fini, .timeout = 20);

static struct view view;
static int         answers;

static void on_done(struct view *answer) {
    cr_assert(answer == &view);
    answers++;
}

// --- what a turn writes ---

static void put_number(int64_t key, const char *value) {
    struct peeper_writer writer = {0};
    peeper_write_int(&writer, key);
    op(TABLE_OP_PUT, 0, slice_of(writer.data, writer.bytes), text(value));
    peeper_writer_fini(&writer);
}

static void write_all(struct actor *actor) {
    static uint64_t number = 5000;
    ask_call(++number, "a", "write");
    step();
    struct fake_worker *end = home_of(actor);
    struct out          out = out_of(COMMIT_DONE, play_take(end, TURN_CALL)->turn, 0);
    out_body(&out, ITEM_TABLES, slice_of(delta.data, delta.bytes));
    out_body(&out, ITEM_REPLY, text("ok"));
    play_send(end, &out);
    step();
    cr_assert(replied(number, "ok"));
    delta.bytes = 0;
}

// The same without a turn: the double of a host sends small records only.
static void write_mirror(struct actor *actor) {
    struct generation_origin origin = {.slot = actor->slot, .unit = actor->unit};
    cr_assert(mirror_put_tables(fx.mirror, &origin, (struct slice){0},
                                slice_of(delta.data, delta.bytes)) == STATUS_OK);
    delta.bytes = 0;
    cr_assert(mirror_has(actor, "s0", 1), "and so it has come to the delta, too");
}

// A table of `count` rows, k000 and so on.
static struct actor *with_rows(uint8_t flags, int count) {
    host_joins(1);
    struct actor *actor = up("a");
    for (int i = 0; i < count;) {
        select_table("t", flags);
        for (int end = i + 500; i < end && i < count; i++) {
            char key[16];
            snprintf(key, sizeof key, "k%03d", i);
            put(key, "v");
        }
        write_all(actor);
    }
    return actor;
}

// --- looks ---

static enum status look(enum view_kind kind, const char *table, const char *prefix,
                        struct slice after, uint32_t limit) {
    const char *fault = NULL;
    answers = 0;
    view_init(&view, kind, on_done);
    view.name_bytes = 1;
    view.name[0] = 'a';
    view.limit = limit;
    if (kind == VIEW_ROWS) {
        cr_assert(table_view_ask(&view, raw(table), raw(prefix), after, &fault) == STATUS_OK);
    }
    view_run(&fx.shard, &view);
    settle_loads();
    cr_assert(answers == 1);
    return view.status;
}

static enum status rows_of(const char *table) {
    return look(VIEW_ROWS, table, "", (struct slice){0}, 0);
}

static bool row_is(uint32_t index, const char *key, const char *value) {
    cr_assert(index < view.count);
    return same(view.page.rows[index].key, text(key)) &&
           same(view.page.rows[index].value, text(value));
}

static bool detail_is(const char *detail) {
    return strcmp(view.detail, detail) == 0;
}

// Goes through all pages of `limit` rows; answers how many rows there were.
static uint32_t page_through(const char *prefix, uint32_t limit) {
    uint32_t   rows = 0;
    struct buf after = {0};
    do {
        cr_assert(look(VIEW_ROWS, "t", prefix, slice_of(after.data, after.bytes), limit) ==
                  STATUS_OK);
        for (uint32_t i = 0; i < view.count; i++, rows++) {
            char key[16];
            snprintf(key, sizeof key, "k%03u", rows);
            if (prefix[0] == '\0') cr_assert(row_is(i, key, "v"));
        }
        after.bytes = 0;
        cr_assert(buf_append(&after, view.page.next.data, view.page.next.bytes) == STATUS_OK);
        view_fini(&view);
    } while (after.bytes > 0);
    buf_fini(&after);
    return rows;
}

Test(table_view, tables_are_listed_by_name_with_their_flags_and_counts) {
    host_joins(1);
    struct actor *actor = up("a");
    select_table("secret", TABLE_PRIVATE);
    put("k", "v");
    select_table("", 0);
    put("k", "v");
    select_table("kept", TABLE_ORDERED | TABLE_HEIR);
    put("k1", "v");
    put("k2", "v");
    write_all(actor);
    cr_assert(look(VIEW_TABLES, NULL, NULL, (struct slice){0}, 0) == STATUS_OK);
    cr_assert(view.count == 3);
    const struct table_info *tables = view.page.tables;
    cr_assert(tables[0].name.bytes == 0 && tables[0].rows == 1 && !tables[0].ordered);
    cr_assert(same(tables[1].name, raw("kept")) && tables[1].rows == 2);
    cr_assert(tables[1].ordered && tables[1].heir && !tables[1].is_private);
    cr_assert(tables[1].bytes > tables[0].bytes);
    cr_assert(same(tables[2].name, raw("secret")) && tables[2].is_private && !tables[2].heir);
    view_fini(&view);
}

Test(table_view, an_actor_without_tables_has_an_empty_list_and_an_empty_dictionary) {
    host_joins(1);
    up("a");
    cr_assert(look(VIEW_TABLES, NULL, NULL, (struct slice){0}, 0) == STATUS_OK);
    cr_assert(view.count == 0);
    view_fini(&view);
    cr_assert(rows_of("") == STATUS_OK);
    cr_assert(view.count == 0 && view.page.next.bytes == 0);
    view_fini(&view);
}

Test(table_view, nobody_and_a_table_that_is_not_there_are_told_apart) {
    cr_assert(rows_of("t") == STATUS_NOPROC);
    view_fini(&view);
    host_joins(1);
    up("a");
    cr_assert(rows_of("t") == STATUS_NOT_FOUND);
    cr_assert(detail_is("table: the actor has none of this name"));
    view_fini(&view);
}

Test(table_view, rows_of_a_private_table_are_refused) {
    with_rows(TABLE_PRIVATE, 1);
    cr_assert(rows_of("t") == STATUS_INVALID);
    cr_assert(detail_is("table: it is private to its actor"));
    cr_assert(view.count == 0);
    view_fini(&view);
}

Test(table_view, pages_follow_one_another_in_both_kinds_of_table) {
    with_rows(TABLE_ORDERED, 95);
    cr_assert(page_through("", 10) == 95);
    cr_assert(page_through("", 95) == 95);
    cr_assert(page_through("", 0) == 95);
    cr_assert(page_through("k02", 3) == 10);
}

Test(table_view, pages_of_a_hashed_table_come_in_the_order_of_entry) {
    with_rows(0, 95);
    cr_assert(page_through("", 10) == 95);
    cr_assert(page_through("k02", 3) == 10);
    cr_assert(page_through("none", 3) == 0);
}

Test(table_view, a_prefix_means_strings_only_and_an_ordered_table_is_entered_there) {
    host_joins(1);
    struct actor *actor = up("a");
    select_table("t", TABLE_ORDERED);
    put_number(7, "number");
    put("a", "1");
    put("ab", "2");
    put("b", "3");
    write_all(actor);
    cr_assert(look(VIEW_ROWS, "t", "a", (struct slice){0}, 0) == STATUS_OK);
    cr_assert(view.count == 2 && row_is(0, "a", "1") && row_is(1, "ab", "2"));
    cr_assert(view.page.next.bytes == 0, "what follows has another prefix");
    view_fini(&view);
    // A key from before the prefix does not make the walk begin there.
    cr_assert(look(VIEW_ROWS, "t", "ab", text("a"), 0) == STATUS_OK);
    cr_assert(view.count == 1 && row_is(0, "ab", "2"));
    view_fini(&view);
    cr_assert(look(VIEW_ROWS, "t", "b", (struct slice){0}, 1) == STATUS_OK);
    cr_assert(view.count == 1 && view.page.next.bytes == 0);
    view_fini(&view);
}

Test(table_view, a_key_that_is_gone_is_no_matter_in_an_ordered_table) {
    with_rows(TABLE_ORDERED, 3);
    cr_assert(look(VIEW_ROWS, "t", "", text("k0005"), 0) == STATUS_OK);
    cr_assert(view.count == 2 && row_is(0, "k001", "v"));
    view_fini(&view);
    cr_assert(look(VIEW_ROWS, "t", "", text("z"), 0) == STATUS_OK);
    cr_assert(view.count == 0 && view.page.next.bytes == 0);
    view_fini(&view);
}

Test(table_view, a_key_that_is_gone_from_a_hashed_table_means_to_begin_again) {
    with_rows(0, 3);
    cr_assert(look(VIEW_ROWS, "t", "", text("gone"), 0) == STATUS_NOT_FOUND);
    cr_assert(strstr(view.detail, "begin again") != NULL);
    view_fini(&view);
}

Test(table_view, a_page_ends_before_it_is_too_large_and_one_row_goes_alone) {
    host_joins(1);
    struct actor *actor = up("a");
    static char   large[(512u << 10) + 1];
    memset(large, 'x', sizeof large - 1);
    for (int i = 0; i < 3; i++) {
        select_table("t", 0);
        op(TABLE_OP_PUT, 0, text(i == 0 ? "a" : i == 1 ? "b" : "c"), raw(large));
        write_mirror(actor);
    }
    cr_assert(rows_of("t") == STATUS_OK);
    cr_assert(view.count == 1);
    cr_assert(same(view.page.next, text("a")));
    view_fini(&view);
    cr_assert(look(VIEW_ROWS, "t", "", text("b"), 0) == STATUS_OK);
    cr_assert(view.count == 1 && view.page.next.bytes == 0);
    view_fini(&view);
}

Test(table_view, a_prefix_that_few_have_costs_a_bounded_scan_per_page) {
    host_joins(1);
    struct actor *actor = up("a");
    for (int i = 0; i <= (int)TABLE_VIEW_SCAN_MAX;) {
        select_table("t", 0);
        for (int end = i + 1000; i < end && i <= (int)TABLE_VIEW_SCAN_MAX; i++) put_number(i, "v");
        write_mirror(actor);
    }
    cr_assert(look(VIEW_ROWS, "t", "k", (struct slice){0}, 0) == STATUS_OK);
    cr_assert(view.count == 0);
    cr_assert(view.page.next.bytes > 0, "there is more to look at");
    view_fini(&view);
}

Test(table_view, the_tables_of_an_actor_that_gave_up_stay_readable) {
    host_joins(1);
    struct request start = start_request("a");
    start.on_intensity = INTENSITY_STOP;
    start.has_intensity = true;
    start.intensity = 0;
    start.period_ms = 1000;
    struct actor *actor = up_with(&start);
    select_table("t", 0);
    put("k", "v");
    write_all(actor);
    crash_once(actor, 1, "a");
    cr_assert(actor->life == ACTOR_ENDED);
    cr_assert(rows_of("t") == STATUS_OK);
    cr_assert(view.count == 1 && row_is(0, "k", "v"));
    view_fini(&view);
}

Test(table_view, an_actor_that_is_inspected_tells_how_much_it_has) {
    host_joins(1);
    struct actor *actor = up("a");
    select_table("", 0);
    put("k", "v");
    select_table("t", 0);
    write_all(actor);
    cr_assert(look(VIEW_ACTOR, NULL, NULL, (struct slice){0}, 0) == STATUS_OK);
    cr_assert(view.infos[0].tables == 2);
    cr_assert(view.infos[0].table_bytes > 2 * TABLE_BYTES);
    view_fini(&view);
}

Test(table_view, a_look_wakes_nobody) {
    uint32_t      first = host_joins(1);
    struct actor *actor = up("a");
    select_table("t", 0);
    put("k", "v");
    write_all(actor);
    uint32_t second = host_joins(1);
    play_death(fake(first, 0), DEATH_EXIT, 1);
    shard_watch(&fx.shard);
    step();
    cr_assert(rows_of("t") == STATUS_OK);
    cr_assert(view.count == 1);
    cr_assert(play_next(fake(second, 0)) == NULL && actor->inflight == 0);
    view_fini(&view);
}

Test(table_view, what_is_wrong_with_a_question_is_named) {
    static char long_text[TABLE_KEY_BYTES_MAX + 2];
    memset(long_text, 'x', sizeof long_text - 1);
    const struct {
        struct slice table, prefix, after;
        const char  *fault;
    } rows[] = {
        {slice_of(long_text, 256), {0}, {0}, "table: over 255 bytes"},
        {{0}, slice_of(long_text, sizeof long_text - 1), {0}, "prefix: over 64 KiB"},
        {{0}, slice_of("\xff", 1), {0}, "prefix: not UTF-8"},
        {{0}, {0}, slice_of(long_text, sizeof long_text - 1), "from: over 64 KiB"},
        {{0}, {0}, slice_of("\xff", 1), "from: not a well-formed Value"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *fault = NULL;
        view_init(&view, VIEW_ROWS, on_done);
        cr_assert(table_view_ask(&view, rows[i].table, rows[i].prefix, rows[i].after, &fault) ==
                  STATUS_INVALID);
        cr_assert_str_eq(fault, rows[i].fault);
        view_fini(&view);
    }
}

#if CAN_REFUSE_MEMORY
// Looks on this thread, where memory can be refused, as the mirror would on its own.
static enum status visit_without_memory(enum view_kind kind, const struct tables *tables, int at) {
    const char         *fault = NULL;
    struct mirror_visit visit = view.visit;
    answers = 0;
    view_init(&view, kind, on_done);
    view.shard = &fx.shard;
    view.visit = visit;
    if (kind == VIEW_ROWS) {
        cr_assert(table_view_ask(&view, raw("t"), raw(""), (struct slice){0}, &fault) == STATUS_OK);
    }
    fx.shard.loads++;
    refuse_memory(at);
    view.visit.on_visit(&view.visit, STATUS_OK, tables);
    refuse_memory(0);
    step();
    cr_assert(answers == 1);
    enum status status = view.status;
    view_fini(&view);
    return status;
}

Test(table_view, without_memory_for_the_page_the_asker_is_told) {
    struct tables tables;
    struct table *table;
    with_rows(0, 3);
    tables_init(&tables, 1, 0);
    cr_assert(tables_make(&tables, raw("t"), 0, &table) == STATUS_OK);
    cr_assert(tables_put(&tables, table, text("k"), text("v")) == STATUS_OK);
    cr_assert(rows_of("t") == STATUS_OK);
    view_fini(&view);
    for (int at = 1; at <= 2; at++) {
        cr_assert(visit_without_memory(VIEW_ROWS, &tables, at) == STATUS_NO_MEMORY);
        cr_assert(visit_without_memory(VIEW_TABLES, &tables, at) == STATUS_NO_MEMORY);
    }
    cr_assert(visit_without_memory(VIEW_ROWS, &tables, 0) == STATUS_OK);
    tables_fini(&tables);
}

Test(table_view, without_memory_for_the_question_it_is_not_asked) {
    const char *fault = NULL;
    for (int at = 1; at <= 2; at++) {
        view_init(&view, VIEW_ROWS, on_done);
        refuse_memory(at);
        enum status status = table_view_ask(&view, raw("t"), raw("p"), text("k"), &fault);
        refuse_memory(0);
        cr_assert(status == STATUS_NO_MEMORY && fault == NULL, "%d", at);
        view_fini(&view);
    }
}
#endif
