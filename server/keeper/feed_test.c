#include "keeper/feed.h"

#include "keeper/rows_fixture_test.h"
#include "keeper/shard_fixture_test.h"

TestSuite(feed, .init = fx_init, .fini = fx_fini, .timeout = 20);

// --- what turns write ---

// A turn of a running actor that writes what is in `delta`, and a state if there is one.
static void write_all(struct actor *actor, const char *state) {
    static uint64_t number = 5000;
    ask_call(++number, "a", "write");
    step();
    struct fake_worker *end = home_of(actor);
    struct out          out = out_of(COMMIT_DONE, play_take(end, TURN_CALL)->turn, 0);
    out_body(&out, ITEM_TABLES, slice_of(delta.data, delta.bytes));
    out_body(&out, ITEM_REPLY, text("ok"));
    if (state != NULL) out_body(&out, ITEM_STATE, text(state));
    play_send(end, &out);
    step();
    cr_assert(replied(number, "ok"));
    delta.bytes = 0;
}

static struct actor *with_two_rows(void) {
    struct actor *actor = up("a");
    select_table("t", TABLE_ORDERED);
    put("k1", "v1");
    put("k2", "v2");
    write_all(actor, NULL);
    return actor;
}

// --- what a worker is sent ---

static struct tables got;
static uint32_t      parts; // of them so far

static void gather(struct fake_worker *end, const struct turn_record *record) {
    cr_assert(record->kind == TURN_ROWS);
    cr_assert(record->note_void);
    cr_assert(record->rows == parts++);
    cr_assert(tables_apply(&got, turn_payload(end, record)) == STATUS_OK);
    play_done(end, record->turn);
}

// Takes the rows that come before a turn with the state, and that turn.
static const struct turn_record *take_fed(struct fake_worker *end, enum turn_kind kind) {
    tables_fini(&got);
    parts = 0;
    for (;;) {
        settle_loads();
        const struct turn_record *record = play_next(end);
        cr_assert(record != NULL);
        if (record->kind != TURN_ROWS) {
            cr_assert(record->kind == kind, "took a turn of kind %d", record->kind);
            cr_assert(record->flags & TURN_HAS_STATE);
            cr_assert(record->flags & TURN_HAS_ROWS);
            cr_assert(parts > 0 && record->rows == parts);
            return record;
        }
        gather(end, record);
    }
}

static bool has(const char *table, const char *key, const char *value) {
    struct table *found = tables_find(&got, raw(table));
    struct row   *row = found == NULL ? NULL : table_get(found, text(key));
    return row != NULL && same(row_value(row), text(value));
}

static void lose_host(uint32_t index) {
    play_death(fake(index, 0), DEATH_EXIT, 1);
    shard_watch(&fx.shard);
    step();
}

Test(feed, rows_are_sent_before_the_turn_that_wants_them) {
    uint32_t      first = host_joins(1);
    struct actor *actor = with_two_rows();
    uint32_t      second = host_joins(1);
    lose_host(first);
    ask_call(1, "a", "x");
    struct fake_worker       *end = fake(second, 0);
    const struct turn_record *turn = take_fed(end, TURN_CALL);
    cr_assert(turn->epoch == actor->epoch);
    cr_assert(same(turn_state(end, turn), text("s0")));
    cr_assert(has("t", "k1", "v1") && has("t", "k2", "v2"));
    cr_assert(tables_find(&got, raw("t"))->flags == TABLE_ORDERED);
    play_reply(end, turn->turn, "yes", NULL);
    step();
    cr_assert(replied(1, "yes"));
}

Test(feed, an_actor_without_tables_is_sent_none) {
    uint32_t first = host_joins(1);
    up("a");
    uint32_t second = host_joins(1);
    lose_host(first);
    ask_call(1, "a", "x");
    settle_loads();
    cr_assert(play_take(fake(second, 0), TURN_CALL)->flags == TURN_HAS_STATE);
}

// Rows of three chunks and some more.
static uint32_t write_many(struct actor *actor) {
    static char value[121];
    memset(value, 'v', 120);
    uint32_t count = 0;
    while (count * 140 < 3 * FEED_CHUNK_BYTES) {
        select_table("t", 0);
        for (int i = 0; i < 180; i++) {
            char key[16];
            snprintf(key, sizeof key, "k%u", count++);
            put(key, value);
        }
        write_all(actor, NULL);
    }
    return count;
}

Test(feed, many_rows_come_in_chunks) {
    uint32_t      first = host_joins(1);
    struct actor *actor = up("a");
    uint32_t      count = write_many(actor);
    uint32_t      second = host_joins(1);
    lose_host(first);
    ask_call(1, "a", "x");
    uint64_t turns = fx.shard.turn_next;
    take_fed(fake(second, 0), TURN_CALL);
    cr_assert(fx.shard.turn_next - turns >= 4);
    cr_assert(table_count(tables_find(&got, raw("t"))) == count);
}

Test(feed, one_that_finds_no_room_goes_on_when_there_is_some) {
    uint32_t      first = host_joins(1);
    struct actor *actor = up("a"), *other = up("other");
    uint32_t      count = write_many(actor);
    uint32_t      second = host_joins(1);
    lose_host(first);
    // Somebody else's turns fill the ring.
    ask_cast(2, "other", "x");
    settle_loads();
    fill_ring(other);
    ask_call(1, "a", "x");
    settle_loads();
    cr_assert(actor->home == HOME_LOADING);
    cr_assert(actor->extra->feed != NULL);
    struct fake_worker *end = fake(second, 0);
    for (uint32_t left = other->inflight; left > 0; left--) {
        play_done(end, play_take(end, TURN_CAST)->turn);
    }
    step();
    take_fed(end, TURN_CALL);
    cr_assert(table_count(tables_find(&got, raw("t"))) == count);
    cr_assert(actor->extra->feed == NULL);
}

Test(feed, a_worker_that_has_lost_the_rows_gets_them_again) {
    uint32_t first = host_joins(1);
    with_two_rows();
    uint32_t second = host_joins(1);
    lose_host(first);
    ask_call(1, "a", "x");
    struct fake_worker *end = fake(second, 0);
    play_skip(end, take_fed(end, TURN_CALL)->turn);
    step();
    const struct turn_record *turn = take_fed(end, TURN_CALL);
    cr_assert(has("t", "k1", "v1"));
    play_reply(end, turn->turn, "yes", NULL);
    step();
    cr_assert(replied(1, "yes"));
}

Test(feed, when_the_host_dies_meanwhile_the_next_one_is_fed) {
    uint32_t      first = host_joins(1);
    struct actor *actor = up("a");
    uint32_t      count = write_many(actor);
    uint32_t      second = host_joins(1);
    lose_host(first);
    ask_call(1, "a", "x");
    step();
    while (play_next(fake(second, 0)) == NULL) {
        fx_wait(&fx.inbox);
        step();
    }
    cr_assert(actor->home == HOME_LOADING);
    uint32_t third = host_joins(1);
    lose_host(second);
    take_fed(fake(third, 0), TURN_CALL);
    cr_assert(table_count(tables_find(&got, raw("t"))) == count);
}

Test(feed, a_kill_meanwhile_feeds_the_next_incarnation) {
    uint32_t      first = host_joins(1);
    struct actor *actor = with_two_rows();
    uint32_t      second = host_joins(1);
    lose_host(first);
    ask_cast(1, "a", "x");
    step();
    ask_kill(2, "a");
    struct fake_worker *end = fake(second, 0);
    play_done(end, take_fed(end, TURN_INIT)->turn);
    cr_assert(has("t", "k2", "v2"));
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
}

Test(feed, the_end_of_an_actor_that_waits_for_room_leaves_nothing_behind) {
    uint32_t      first = host_joins(1);
    struct actor *actor = up("a"), *other = up("other");
    write_many(actor);
    host_joins(1);
    lose_host(first);
    ask_cast(2, "other", "x");
    settle_loads();
    fill_ring(other);
    ask_call(1, "a", "x");
    settle_loads();
    cr_assert(actor->extra->feed != NULL, "the rows are more than what is left of the ring");
    ask_kill(3, "a");
    cr_assert(actor->extra->feed == NULL);
    // Who is told of room later finds nothing to go on with.
    shard_drain(&fx.shard);
    cr_assert(actor->life == ACTOR_RESTARTING);
}

// --- restarts ---

static void keep_only(struct actor *actor, const char *name) {
    size_t       bytes = name == NULL ? 0 : strlen(name) + 1;
    struct keep *keep = malloc(sizeof *keep + bytes);
    keep->bytes = (uint32_t)bytes;
    if (bytes > 0) {
        keep->names[0] = (uint8_t)(bytes - 1);
        memcpy(keep->names + 1, name, bytes - 1);
    }
    actor_extra(actor)->keep = keep;
}

static struct actor *with_four_tables(void) {
    struct actor *actor = up("a");
    select_table("listed", 0);
    put("k", "1");
    select_table("heir", TABLE_HEIR);
    put("k", "2");
    select_table("other", 0);
    put("k", "3");
    select_table("", 0);
    put("k", "4");
    write_all(actor, NULL);
    return actor;
}

static struct fake_worker *restart(struct actor *actor) {
    ask_kill(1, "a");
    settle_loads();
    struct fake_worker *end = fake(0, 0);
    play_done(end, take_fed(end, TURN_INIT)->turn);
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
    return end;
}

Test(feed, a_restart_gives_all_tables_back_unless_told_otherwise) {
    host_joins(1);
    restart(with_four_tables());
    cr_assert(has("listed", "k", "1") && has("heir", "k", "2"));
    cr_assert(has("other", "k", "3") && has("", "k", "4"));
}

Test(feed, a_restart_gives_back_what_is_listed_and_the_heirs_and_the_dictionary) {
    host_joins(1);
    struct actor *actor = with_four_tables();
    keep_only(actor, "listed");
    restart(actor);
    cr_assert(has("listed", "k", "1") && has("heir", "k", "2") && has("", "k", "4"));
    cr_assert(tables_find(&got, raw("other")) == NULL);
}

Test(feed, a_restart_that_keeps_none_still_has_heirs_and_the_dictionary) {
    host_joins(1);
    struct actor *actor = with_four_tables();
    keep_only(actor, NULL);
    restart(actor);
    cr_assert(has("heir", "k", "2") && has("", "k", "4"));
    cr_assert(tables_find(&got, raw("listed")) == NULL);
    cr_assert(tables_find(&got, raw("other")) == NULL);
}

Test(feed, a_host_that_dies_is_no_restart_and_gives_back_everything) {
    uint32_t      first = host_joins(1);
    struct actor *actor = with_four_tables();
    keep_only(actor, NULL);
    uint32_t second = host_joins(1);
    lose_host(first);
    ask_call(1, "a", "x");
    take_fed(fake(second, 0), TURN_CALL);
    cr_assert(has("listed", "k", "1") && has("other", "k", "3"));
}

Test(feed, a_stop_forgets_the_tables_too) {
    host_joins(1);
    with_two_rows();
    ask_stop(1, "a");
    step();
    play_stop(fake(0, 0), play_take(fake(0, 0), TURN_TERMINATE)->turn, 0, "normal");
    step();
    cr_assert(done(1));
    up("b"); // a read that comes after
    struct mirror_counts counts;
    struct actor        *actor = up("a");
    cr_assert(mirror_has(actor, "s0", 1));
    mirror_counts(fx.mirror, &counts);
    cr_assert(counts.table_units == 0);
}

// --- a new state from an operator ---

Test(feed, after_a_new_state_for_a_cold_actor_the_next_turn_has_the_tables) {
    uint32_t      first = host_joins(1);
    struct actor *actor = with_two_rows();
    uint32_t      second = host_joins(1);
    lose_host(first);
    ask_verb(1, VERB_REPLACE_STATE, "a", "s7", 0);
    ask_call(2, "a", "x");
    settle_loads();
    struct fake_worker       *end = fake(second, 0);
    const struct turn_record *turn = play_take(end, TURN_REPLACE);
    cr_assert(play_next(end) == NULL, "the call waits, for that copy has no tables");
    play_state(end, turn->turn, "s7");
    step();
    cr_assert(done(1));
    turn = take_fed(end, TURN_CALL);
    cr_assert(same(turn_state(end, turn), text("s7")));
    cr_assert(has("t", "k1", "v1"));
    cr_assert(actor->version == 2);
}

// --- state and rows together ---

Test(feed, a_turn_that_writes_rows_only_has_no_new_state) {
    host_joins(1);
    struct actor *actor = with_two_rows();
    cr_assert(actor->version == 1);
    cr_assert(actor->has_tables);
}

Test(feed, what_the_mirror_has_no_room_for_comes_later_and_as_a_whole) {
    host_joins(1);
    struct actor *actor = up("a");
    mirror_fill();
    ask_call(1, "a", "write");
    step();
    struct fake_worker *end = fake(0, 0);
    struct out          out = out_of(COMMIT_DONE, play_take(end, TURN_CALL)->turn, 0);
    select_table("t", 0);
    put("k", "v");
    out_body(&out, ITEM_TABLES, slice_of(delta.data, delta.bytes));
    out_body(&out, ITEM_REPLY, text("ok"));
    out_body(&out, ITEM_STATE, text("s1"));
    play_send(end, &out);
    step();
    cr_assert(!answered(1));
    cr_assert(actor->version == 1 && !actor->has_tables);
    mirror_resume();
    step();
    cr_assert(replied(1, "ok"));
    cr_assert(mirror_has(actor, "s1", 2));
    struct mirror_counts counts;
    mirror_counts(fx.mirror, &counts);
    cr_assert(counts.table_units == 1);
}

// --- nonsense ---

static void nonsense_costs_the_host(struct out *out) {
    play_send(fake(0, 0), out);
    step();
    cr_assert(fx.shard.metrics.host_nonsense == 1);
}

Test(feed, a_malformed_delta_costs_the_host) {
    host_joins(1);
    up("a");
    ask_call(1, "a", "x");
    step();
    struct out out = out_of(COMMIT_DONE, play_take(fake(0, 0), TURN_CALL)->turn, 0);
    out_body(&out, ITEM_TABLES, raw("no delta"));
    out_body(&out, ITEM_REPLY, text("ok"));
    nonsense_costs_the_host(&out);
}

// A commit of a crash with a row in it.
static struct out crash_with_row(uint64_t turn) {
    struct out out = out_of(COMMIT_CRASH, turn, 0);
    out.record.code = COMMIT_CODE_RAISE;
    select_table("t", 0);
    put("last", "words");
    out_body(&out, ITEM_REASON, text("boom"));
    out_body(&out, ITEM_TABLES, slice_of(delta.data, delta.bytes));
    return out;
}

Test(feed, what_terminate_writes_after_a_crash_is_there_when_it_starts_again) {
    host_joins(1);
    up("a");
    ask_call(1, "a", "x");
    step();
    struct fake_worker *end = fake(0, 0);
    struct out          out = crash_with_row(play_take(end, TURN_CALL)->turn);
    play_send(end, &out);
    step();
    take_fed(end, TURN_INIT);
    cr_assert(has("t", "last", "words"));
}

// A crash after which the worker still has the tables; answers the init that follows.
static const struct turn_record *crash_with_rows_left(struct fake_worker *end) {
    ask_call(1, "a", "x");
    step();
    struct out out = out_of(COMMIT_CRASH, play_take(end, TURN_CALL)->turn, COMMIT_ROWS);
    out.record.code = COMMIT_CODE_RAISE;
    out_body(&out, ITEM_REASON, text("boom"));
    play_send(end, &out);
    step();
    settle_loads();
    return play_next(end);
}

Test(feed, a_restart_where_the_crash_has_left_the_tables_needs_no_rows) {
    host_joins(1);
    struct actor             *actor = with_two_rows();
    uint32_t                  epoch = actor->epoch;
    const struct turn_record *turn = crash_with_rows_left(fake(0, 0));
    cr_assert(turn->kind == TURN_INIT);
    cr_assert(turn->flags == (TURN_RESTART | TURN_HAS_STATE | TURN_HAS_ROWS | TURN_ROWS_KEPT));
    cr_assert(turn->rows == epoch && turn->epoch != epoch);
}

Test(feed, a_worker_that_has_lost_what_a_crash_has_left_is_fed) {
    host_joins(1);
    with_two_rows();
    struct fake_worker       *end = fake(0, 0);
    const struct turn_record *turn = crash_with_rows_left(end);
    play_skip(end, turn->turn);
    step();
    take_fed(end, TURN_INIT);
    cr_assert(has("t", "k1", "v1"));
}

Test(feed, an_init_that_crashes_and_brings_rows_costs_the_host) {
    host_joins(1);
    ask_start(1, "a");
    step();
    struct out out = crash_with_row(play_take(fake(0, 0), TURN_INIT)->turn);
    nonsense_costs_the_host(&out);
}
