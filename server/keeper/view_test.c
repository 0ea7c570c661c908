#include "keeper/view.h"

#include "keeper/shard_fixture_test.h"

#include "base/memory_fault_test.h"

TestSuite(view, .init = fx_init, .fini = fx_fini, .timeout = 20);

static struct view view;
static int         answers;

static void on_done(struct view *answer) {
    cr_assert(answer == &view);
    answers++;
}

// Asks from this thread and waits for the answer.
static enum status look(void) {
    answers = 0;
    view_run(&fx.shard, &view);
    settle_loads();
    cr_assert(answers == 1);
    return view.status;
}

static enum status look_at(const char *name) {
    view_init(&view, VIEW_ACTOR, on_done);
    view.name_bytes = (uint32_t)strlen(name);
    memcpy(view.name, name, view.name_bytes);
    return look();
}

static enum status look_list(const char *prefix, uint64_t cursor, uint32_t limit) {
    view_init(&view, VIEW_LIST, on_done);
    view.name_bytes = (uint32_t)strlen(prefix);
    memcpy(view.name, prefix, view.name_bytes);
    view.cursor = cursor;
    view.limit = limit;
    return look();
}

static const struct actor_info *info(void) {
    cr_assert(view.count == 1);
    return &view.infos[0];
}

// --- one actor ---

Test(view, an_actor_that_is_held_is_described_with_the_reason) {
    host_joins(1);
    struct actor *actor = up("a");
    up("b");
    ask_verb(1, VERB_SUSPEND, "a", NULL, 0);
    cr_assert(look_at("a") == STATUS_OK);
    cr_assert_str_eq(info()->status, "suspended");
    cr_assert(info()->suspended);
    cr_assert(info()->awaits.bytes == 0);
    view_fini(&view);
    ask_resume(2, "a");
    cr_assert(await_prepare(&fx.shard, actor) == STATUS_OK);
    await_begin(&fx.shard, actor, raw("b"), 0, text("question"));
    cr_assert(look_at("a") == STATUS_OK);
    cr_assert_str_eq(info()->status, "running");
    cr_assert(!info()->suspended);
    cr_assert(same(info()->awaits, raw("b")));
    view_fini(&view);
}

Test(view, an_actor_is_described_with_its_last_state) {
    host_joins(1);
    struct actor *actor = up("a");
    cr_assert(look_at("a") == STATUS_OK);
    cr_assert(same(info()->name, raw("a")));
    cr_assert(same(info()->behaviour, raw("counter")));
    cr_assert_str_eq(info()->status, "running");
    cr_assert(info()->unit == actor->unit);
    cr_assert(info()->incarnation == actor_id(actor));
    cr_assert(info()->restarts == 0);
    cr_assert(info()->last_crash.kind == NULL);
    cr_assert(info()->mailbox == 0);
    cr_assert(info()->worker == 0);
    cr_assert(info()->has_state);
    cr_assert(same(info()->state, text("s0")));
    cr_assert(info()->version == 1);
    cr_assert(info()->state_at_ms > 0);
    view_fini(&view);
}

Test(view, an_actor_is_found_by_id_too_and_a_stale_id_by_nobody) {
    host_joins(1);
    struct actor *actor = up("a");
    view_init(&view, VIEW_ACTOR, on_done);
    view.target = actor_id(actor);
    cr_assert(look() == STATUS_OK);
    view_fini(&view);
    view_init(&view, VIEW_ACTOR, on_done);
    view.target = actor_id(actor) + 1;
    cr_assert(look() == STATUS_NOPROC);
    view_fini(&view);
    cr_assert(look_at("nobody") == STATUS_NOPROC);
    cr_assert(view.count == 0);
    view_fini(&view);
}

Test(view, the_answer_is_a_copy) {
    host_joins(1);
    struct actor *actor = up("a");
    crash_once(actor, 1, "a");
    cr_assert(look_at("a") == STATUS_OK);
    ask_stop(2, "a");
    cr_assert(life_of("a") == ACTOR_FREE);
    cr_assert(same(info()->name, raw("a")));
    cr_assert(same(info()->last_crash.reason, text("boom")));
    cr_assert(same(info()->state, text("s0")));
    view_fini(&view);
    view_fini(&view);
}

Test(view, a_look_neither_wakes_an_actor_nor_waits_for_its_turn) {
    host_joins(1);
    struct actor *actor = up("a");
    ask_call(1, "a", "long");
    ask_call(2, "a", "next");
    step();
    play_take(fake(0, 0), TURN_CALL);
    shard_watch(&fx.shard);
    fx.shard.now_ms += 15;
    shard_watch(&fx.shard);
    cr_assert(look_at("a") == STATUS_OK);
    cr_assert(info()->mailbox == 2);
    cr_assert(info()->turn_ms == 15);
    view_fini(&view);
    hosts_lost(&fx.shard, fx.shard.pools[POOL_GENERAL].active, HOST_END_EXITED, NULL);
    cr_assert(look_at("a") == STATUS_OK);
    cr_assert(info()->worker == -1);
    cr_assert(info()->host_pid == 0);
    cr_assert(info()->turn_ms == 0);
    cr_assert(router_worker(&fx.shard, actor) == NULL);
    view_fini(&view);
}

Test(view, crashes_and_restarts_show) {
    host_joins(1);
    struct actor *actor = up("a");
    crash_once(actor, 1, "a");
    cr_assert(look_at("a") == STATUS_OK);
    cr_assert_str_eq(info()->status, "restarting");
    cr_assert(info()->restarts == 1);
    cr_assert_str_eq(info()->last_crash.kind, "raise");
    cr_assert(same(info()->last_crash.reason, text("boom")));
    cr_assert(info()->last_crash.at_ms > 0);
    cr_assert(info()->last_crash.id == 1);
    cr_assert(same(info()->last_crash.text, raw("handle_call of counter")), "from the crash log");
    view_fini(&view);
    crash_log_discard(&fx.shard.crashes, crash_log_find(&fx.shard.crashes, 1));
    cr_assert(look_at("a") == STATUS_OK);
    cr_assert(info()->last_crash.id == 1);
    cr_assert(info()->last_crash.text.bytes == 0);
    view_fini(&view);
}

Test(view, an_actor_without_a_state_has_none) {
    host_joins(1);
    ask_start(1, "a");
    cr_assert(look_at("a") == STATUS_OK);
    cr_assert_str_eq(info()->status, "starting");
    cr_assert(!info()->has_state);
    cr_assert(info()->state.bytes == 0);
    cr_assert(info()->version == 0);
    view_fini(&view);
}

Test(view, one_that_gave_up_can_be_looked_at_by_name) {
    host_joins(1);
    struct request request = start_request("a");
    request.on_intensity = INTENSITY_STOP;
    request.has_intensity = true;
    request.period_ms = 1000;
    crash_once(up_with(&request), 1, "a");
    cr_assert(look_at("a") == STATUS_OK);
    cr_assert_str_eq(info()->status, "ended");
    cr_assert(same(info()->state, text("s0")));
    view_fini(&view);
}

Test(view, one_that_ends_while_the_state_is_read_is_gone) {
    host_joins(1);
    struct request request = start_request("a");
    request.on_intensity = INTENSITY_SUSPEND;
    request.has_intensity = true;
    request.period_ms = 1000;
    crash_once(up_with(&request), 1, "a");
    view_init(&view, VIEW_ACTOR, on_done);
    view.name_bytes = 1;
    view.name[0] = 'a';
    answers = 0;
    view_run(&fx.shard, &view);
    ask_stop(2, "a");
    cr_assert(life_of("a") == ACTOR_FREE);
    ask_start(3, "b"); // takes the slot
    settle_loads();
    cr_assert(answers == 1);
    cr_assert(view.status == STATUS_NOPROC);
    cr_assert(view.count == 0);
    view_fini(&view);
}

Test(view, a_look_is_refused_while_the_mirror_is_full_or_too_many_reads_are_under_way) {
    host_joins(1);
    up("a");
    fx.shard.loads = SHARD_LOADS_MAX;
    view_init(&view, VIEW_ACTOR, on_done);
    view.name_bytes = 1;
    view.name[0] = 'a';
    view_run(&fx.shard, &view);
    cr_assert(answers == 1);
    cr_assert(view.status == STATUS_OVERLOADED);
    fx.shard.loads = 0;
    mirror_fill();
    view_run(&fx.shard, &view);
    cr_assert(answers == 2);
    cr_assert(view.status == STATUS_OVERLOADED);
    mirror_resume();
    view_fini(&view);
}

// --- lists ---

static void many(uint32_t count) {
    host_joins(1);
    for (uint32_t i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "%s%u", i % 2 == 0 ? "even/" : "odd/", i);
        ask_start(i + 1, name);
    }
}

Test(view, a_list_goes_page_by_page_over_everybody_once) {
    many(250);
    uint64_t cursor = 0;
    uint32_t seen = 0, pages = 0;
    uint64_t last = 0;
    do {
        cr_assert(look_list("", cursor, 0) == STATUS_OK);
        cr_assert(view.count <= VIEW_LIST_DEFAULT);
        for (uint32_t i = 0; i < view.count; i++) {
            cr_assert(view.infos[i].unit > last);
            last = view.infos[i].unit;
            cr_assert(!view.infos[i].has_state);
        }
        seen += view.count;
        cursor = view.next;
        pages++;
        view_fini(&view);
    } while (cursor != 0);
    cr_assert(seen == 250);
    cr_assert(pages == 3);
}

Test(view, a_prefix_chooses) {
    many(20);
    cr_assert(look_list("odd/", 0, 0) == STATUS_OK);
    cr_assert(view.count == 10);
    for (uint32_t i = 0; i < view.count; i++) {
        cr_assert(memcmp(view.infos[i].name.data, "odd/", 4) == 0);
    }
    view_fini(&view);
    cr_assert(look_list("odd/1", 0, 0) == STATUS_OK);
    cr_assert(view.count == 6);
    view_fini(&view);
    cr_assert(look_list("nobody", 0, 0) == STATUS_OK);
    cr_assert(view.count == 0);
    cr_assert(view.next == 0);
    view_fini(&view);
}

Test(view, a_limit_is_kept_and_one_over_the_maximum_is_cut) {
    fx.shard.actors.live_max = 2000;
    many(0);
    for (uint32_t i = 0; i < 1100; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        ask_start(i + 1, name);
    }
    cr_assert(look_list("", 0, 7) == STATUS_OK);
    cr_assert(view.count == 7);
    cr_assert(view.next == 7);
    view_fini(&view);
    cr_assert(look_list("", 0, 5000) == STATUS_OK);
    cr_assert(view.count == VIEW_LIST_MAX);
    view_fini(&view);
    cr_assert(look_list("", UINT64_MAX, 0) == STATUS_OK);
    cr_assert(view.count == 0);
    cr_assert(view.next == 0);
    view_fini(&view);
}

Test(view, a_page_of_large_crash_reasons_comes_out_short) {
    static char reason[12001];
    fx.options.actors_max = 100;
    host_joins(1);
    for (uint32_t i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        struct actor *actor = up(name);
        actor_extra(actor)->trouble = calloc(1, sizeof *actor->extra->trouble);
        actor->extra->trouble->kind = "raise";
        actor->extra->trouble->reason = malloc(sizeof reason);
        memset(actor->extra->trouble->reason, 0, sizeof reason);
        actor->extra->trouble->reason_bytes = sizeof reason;
    }
    uint32_t seen = 0, pages = 0;
    uint64_t cursor = 0;
    do {
        cr_assert(look_list("", cursor, 100) == STATUS_OK);
        cr_assert(view.count > 0);
        seen += view.count;
        cursor = view.next;
        pages++;
        view_fini(&view);
    } while (cursor != 0);
    cr_assert(seen == 40);
    cr_assert(pages == 2);
}

// --- the shard ---

Test(view, the_shard_shows_its_figures) {
    host_joins(1);
    host_joins(1);
    fx.hosts[0].host->pid = 4711;
    fx.hosts[1].host->pid = 4712;
    fx.shard.connections = 5;
    struct actor *actor = up("a");
    ask_call(1, "a", "later");
    step();
    play_done(fake(0, 0), play_take(fake(0, 0), TURN_CALL)->turn);
    step();
    ask_cast(2, "a", "x");
    view_init(&view, VIEW_SHARD, on_done);
    cr_assert(look() == STATUS_OK);
    cr_assert(view.gauges.actors == 1);
    cr_assert(view.gauges.inflight == actor->inflight);
    cr_assert(view.gauges.ring_bytes > 0);
    cr_assert(view.gauges.pending == 1);
    cr_assert(view.gauges.connections == 5);
    cr_assert(view.gauges.ready);
    cr_assert(view.gauges.standby);
    cr_assert(view.gauges.host_pids[0] == 4711);
    cr_assert(view.gauges.host_pids[1] == 4712);
    cr_assert(view.gauges.host_pids[2] == 0);
    cr_assert(view.metrics.turns == fx.shard.metrics.turns);
    fx.hosts[0].host->pid = fx.hosts[1].host->pid = 0;
    view_fini(&view);
}

Test(view, of_hosts_and_their_workers) {
    host_joins(2);
    host_joins(1);
    up("a");
    fx.hosts[0].host->pid = 4711;
    view_init(&view, VIEW_HOSTS, on_done);
    cr_assert(look() == STATUS_OK);
    cr_assert(view.count == 2 && view.worker_count == 2);
    cr_assert(view.hosts[0].pid == 4711 && view.hosts[0].workers == 2 && view.hosts[0].actors == 1);
    cr_assert_str_eq(view.hosts[0].pool, "general");
    cr_assert_str_eq(view.hosts[0].state, "active");
    cr_assert_str_eq(view.hosts[1].state, "ready");
    cr_assert(view.hosts[1].actors == 0);
    cr_assert(view.workers[1].host_pid == 4711 && view.workers[1].index == 1);
    cr_assert(view.workers[0].turn_ms == 0);
    fx.hosts[0].host->pid = 0;
    view_fini(&view);
}

Test(view, of_hosts_is_empty_without_any) {
    view_init(&view, VIEW_HOSTS, on_done);
    cr_assert(look() == STATUS_OK);
    cr_assert(view.count == 0 && view.worker_count == 0);
    view_fini(&view);
}

Test(view, a_shard_without_a_host_is_not_ready) {
    view_init(&view, VIEW_SHARD, on_done);
    cr_assert(look() == STATUS_OK);
    cr_assert(!view.gauges.ready);
    cr_assert(!view.gauges.standby);
    view_fini(&view);
}

Test(view, can_be_asked_by_another_thread) {
    host_joins(1);
    up("a");
    view_init(&view, VIEW_ACTOR, on_done);
    view.name_bytes = 1;
    view.name[0] = 'a';
    answers = 0;
    cr_assert(mailbox_push(&fx.shard.inbox, &view.message.link) == STATUS_OK);
    settle_loads();
    cr_assert(answers == 1);
    cr_assert(view.status == STATUS_OK);
    view_fini(&view);
}

#ifdef CAN_REFUSE_MEMORY
Test(view, without_memory_for_the_answer_the_asker_is_told) {
    many(3);
    view_init(&view, VIEW_LIST, on_done);
    for (int at = 1; at <= 6; at++) {
        refuse_memory(at);
        view_run(&fx.shard, &view);
        refuse_memory(0);
        cr_assert(answers == at);
        cr_assert(view.status == STATUS_NO_MEMORY, "%d", at);
        view_fini(&view);
    }
}
#endif
