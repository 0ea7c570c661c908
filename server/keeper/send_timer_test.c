// Messages for later: what the keeper does with those that turns send off.
#include "keeper/alarms.h"
#include "keeper/send_timer.h"
#include "keeper/shard_fixture_test.h"

TestSuite(send_timer, .init = fx_init, .fini = fx_fini, .timeout = 20);

static uint64_t timer_id(uint64_t turn, uint64_t index) {
    return turn << TIMER_INDEX_BITS | index;
}

static void add_timer(struct out *out, uint64_t id, const char *name, uint64_t ms,
                      const char *message) {
    uint8_t  room[8 + 255];
    uint64_t due_ms = fx.shard.now_ms + ms;
    size_t   bytes = strlen(name);
    memcpy(room, &due_ms, sizeof due_ms);
    memcpy(room + sizeof due_ms, name, bytes);
    out_add(out, ITEM_TIMER, id, slice_of(room, sizeof due_ms + bytes), text(message));
}

static void add_cancel(struct out *out, uint64_t id) {
    out_add(out, ITEM_CANCEL_TIMER, id, (struct slice){0}, (struct slice){0});
}

// The next cast of `name`, taken by a worker; the commit is still to be made.
static struct out begin_at(struct fake_worker *end, const char *name) {
    ask_cast(0, name, "x");
    settle_loads();
    return out_of(COMMIT_DONE, play_take(end, TURN_CAST)->turn, 0);
}

static void commit(struct fake_worker *end, struct out *out) {
    play_send(end, out);
    step();
}

// "a" sends a message off; the timer's id.
static uint64_t send_off(struct fake_worker *end, const char *name, uint64_t ms,
                         const char *message) {
    struct out out = begin_at(end, "a");
    uint64_t   id = timer_id(out.record.turn, 1);
    add_timer(&out, id, name, ms, message);
    commit(end, &out);
    return id;
}

static void cancel(struct fake_worker *end, const char *name, uint64_t id) {
    struct out out = begin_at(end, name);
    add_cancel(&out, id);
    commit(end, &out);
}

static bool got(struct fake_worker *end, const struct actor *actor, const char *message) {
    const struct turn_record *turn = play_take(end, TURN_INFO);
    bool right = turn->slot == actor->slot && same(turn_payload(end, turn), text(message));
    play_done(end, turn->turn);
    step();
    return right;
}

static uint32_t pending(void) {
    return fx.shard.send_timers.count;
}

Test(send_timer, a_message_comes_when_it_is_due_to_another_and_to_itself) {
    host_joins(1);
    struct actor       *actor = up("a"), *other = up("b");
    struct fake_worker *end = home_of(actor);
    send_off(end, "b", 50, "to b");
    send_off(end, "", 60, "to itself");
    send_off(end, "a", 70, "by name");
    cr_assert(actor->extra->alarms->sent == 3);
    later(49);
    cr_assert(play_next(end) == NULL);
    later(1);
    step();
    cr_assert(got(end, other, "to b"));
    later(10);
    step();
    cr_assert(got(end, actor, "to itself"));
    later(10);
    step();
    cr_assert(got(end, actor, "by name"));
    cr_assert(pending() == 0);
    cr_assert(actor->extra->alarms->sent == 0);
    cr_assert(fx.shard.send_timers.bytes == 0);
}

Test(send_timer, a_message_to_nobody_is_dropped_and_counted) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    send_off(end, "nobody", 50, "x");
    uint64_t dropped = fx.shard.metrics.dropped;
    later(50);
    cr_assert(fx.shard.metrics.dropped == dropped + 1);
    cr_assert(play_next(end) == NULL);
}

Test(send_timer, a_request_leaves_it_pending) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    send_off(end, "", 50, "tick");
    ask_call(1, "a", "x");
    step();
    play_reply(end, play_take(end, TURN_CALL)->turn, "y", NULL);
    step();
    later(50);
    step();
    cr_assert(got(end, actor, "tick"));
}

Test(send_timer, a_cancelled_one_never_comes) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    cancel(end, "a", send_off(end, "", 50, "tick"));
    cr_assert(pending() == 0);
    later(100);
    cr_assert(play_next(end) == NULL);
}

Test(send_timer, a_turn_may_cancel_what_it_has_sent_off_itself) {
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    struct out          out = begin_at(end, "a");
    add_timer(&out, timer_id(out.record.turn, 1), "", 50, "one");
    add_timer(&out, timer_id(out.record.turn, 2), "", 50, "two");
    add_cancel(&out, timer_id(out.record.turn, 1));
    commit(end, &out);
    cr_assert(pending() == 1);
}

Test(send_timer, to_cancel_what_is_gone_or_anothers_does_nothing) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    up("b");
    uint64_t id = send_off(end, "", 50, "tick");
    cancel(end, "b", id);
    cancel(end, "a", id + 1);
    cr_assert(pending() == 1);
    later(50);
    step();
    cr_assert(got(end, actor, "tick"));
    cancel(end, "a", id);
    cr_assert(actor->life == ACTOR_RUNNING);
}

Test(send_timer, one_for_itself_ends_with_the_incarnation_and_one_for_others_does_not) {
    host_joins(1);
    struct actor       *actor = up("a"), *other = up("b");
    struct fake_worker *end = home_of(actor);
    send_off(end, "", 50, "mine");
    uint64_t id = send_off(end, "b", 60, "cancelled later");
    send_off(end, "b", 50, "theirs");
    crash_once(actor, 1, "a");
    settle_loads();
    play_done(end, play_take(end, TURN_INIT)->turn);
    step();
    cr_assert(pending() == 2);
    cr_assert(actor->extra->alarms->sent == 2);
    cancel(end, "a", id);
    later(60);
    step();
    cr_assert(got(end, other, "theirs"));
    cr_assert(play_next(end) == NULL);
}

Test(send_timer, one_for_others_outlives_the_unit_that_sent_it) {
    host_joins(1);
    struct actor       *other = up("b");
    struct fake_worker *end = home_of(up("a"));
    send_off(end, "b", 50, "late");
    send_off(end, "", 50, "never");
    ask_stop(1, "a");
    step();
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, "normal");
    step();
    cr_assert(done(1));
    // The slot has another tenant by now.
    up("c");
    later(50);
    step();
    cr_assert(got(end, other, "late"));
    cr_assert(play_next(end) == NULL);
}

Test(send_timer, all_outlive_a_host_that_takes_no_incarnation_along) {
    host_joins(1);
    struct actor *actor = up("a"), *other = up("b");
    send_off(home_of(actor), "", 50, "mine");
    send_off(home_of(actor), "b", 60, "theirs");
    host_joins(1);
    hosts_lost(&fx.shard, fx.hosts[0].host, HOST_END_EXITED, NULL);
    later(50);
    settle_loads();
    cr_assert(got(fake(1, 0), actor, "mine"));
    later(10);
    settle_loads();
    cr_assert(got(fake(1, 0), other, "theirs"));
}

Test(send_timer, a_tick_for_itself_comes_into_a_full_mailbox_too) {
    struct request request = start_request("a");
    request.mailbox_max = 2;
    host_joins(1);
    struct actor       *actor = up_with(&request);
    struct fake_worker *end = home_of(actor);
    send_off(end, "", 50, "tick");
    ask_cast(0, "a", "one");
    ask_cast(0, "a", "two");
    later(50);
    step();
    play_done(end, play_take(end, TURN_CAST)->turn);
    play_done(end, play_take(end, TURN_CAST)->turn);
    step();
    cr_assert(got(end, actor, "tick"));
}

// --- limits ---

static void more_than_allowed(struct out *out) {
    for (uint64_t i = 1; i <= fx.options.timers_max + 1; i++) {
        add_timer(out, timer_id(out->record.turn, i), "", 50, "tick");
    }
}

Test(send_timer, a_turn_that_sends_off_too_many_crashes_as_a_whole) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    send_off(end, "b", 50, "before");
    ask_call(1, "a", "x");
    step();
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_CALL)->turn, 0);
    out_body(&out, ITEM_REPLY, text("done"));
    out_body(&out, ITEM_STATE, text("s1"));
    more_than_allowed(&out);
    commit(end, &out);
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert_str_eq(answer_of(1)->crash, "memory");
    cr_assert_str_eq(answer_of(1)->message, "timers_max(100)");
    cr_assert(pending() == 1, "what was pending stays");
    settle_loads();
    const struct turn_record *turn = play_take(end, TURN_INIT);
    cr_assert(same(turn_state(end, turn), text("s0")));
    play_done(end, turn->turn);
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
}

Test(send_timer, a_chain_that_sends_off_too_many_is_not_followed_any_further) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    ask_call(1, "a", "x");
    step();
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_CALL)->turn, COMMIT_MORE);
    out_body(&out, ITEM_REPLY, text("done"));
    out_body(&out, ITEM_CONTINUE, text("on"));
    more_than_allowed(&out);
    commit(end, &out);
    cr_assert(failed(1, STATUS_CRASHED));
    // The worker has not heard of it and goes on.
    play_state(end, out.record.turn, "s2");
    settle_loads();
    play_done(end, play_take(end, TURN_INIT)->turn);
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
    cr_assert(mirror_has(actor, "s0", 1));
}

Test(send_timer, an_init_that_sends_off_too_many_starts_no_actor) {
    host_joins(1);
    ask_start(1, "a");
    step();
    struct out out = out_of(COMMIT_DONE, play_take(fake(0, 0), TURN_INIT)->turn, 0);
    out_body(&out, ITEM_STATE, text("s0"));
    more_than_allowed(&out);
    commit(fake(0, 0), &out);
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert(actor_named("a") == NULL);
    cr_assert(pending() == 0);
}

Test(send_timer, messages_for_later_are_bounded_in_bytes_too) {
    fx_fini();
    memset(&fx, 0, sizeof fx);
    fx_defaults();
    fx.options.waiting_bytes_max = 40;
    fx_begin();
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    send_off(end, "b", 50, "twenty bytes of text");
    fx.options.waiting_bytes_max = 1u << 20; // of mailboxes, read anew each time
    ask_call(1, "a", "x");
    step();
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_CALL)->turn, COMMIT_TIMEOUT);
    out.record.due_ms = fx.shard.now_ms + 50;
    out_body(&out, ITEM_REPLY, text("y"));
    out_body(&out, ITEM_IDLE, text("twenty bytes of text"));
    commit(end, &out);
    cr_assert(failed(1, STATUS_CRASHED));
    cr_assert_str_eq(answer_of(1)->crash, "memory");
}

Test(send_timer, a_commit_that_comes_again_for_the_mirror_arms_once) {
    host_joins(1);
    struct actor       *actor = up("a");
    struct fake_worker *end = home_of(actor);
    struct out          out = begin_at(end, "a");
    out_body(&out, ITEM_STATE, text("s1"));
    add_timer(&out, timer_id(out.record.turn, 1), "", 50, "tick");
    play_send(end, &out);
    mirror_fill();
    step();
    cr_assert(fx.shard.stalled);
    cr_assert(pending() == 0);
    mirror_resume();
    step();
    cr_assert(pending() == 1);
    cr_assert(actor->extra->alarms->sent == 1);
}

// --- nonsense ---

static void is_nonsense(void (*damage)(struct out *out)) {
    host_joins(1);
    up("a");
    struct out out = begin_at(fake(0, 0), "a");
    damage(&out);
    commit(fake(0, 0), &out);
    cr_assert(fx.hosts[0].host->state == HOST_DEAD);
    cr_assert(pending() == 0);
    cr_assert(fx.shard.send_timers.bytes == 0);
}

static void id_of_another_turn(struct out *out) {
    add_timer(out, timer_id(out->record.turn, 1), "", 50, "tick");
    add_timer(out, timer_id(out->record.turn + 1, 2), "", 50, "tick");
}

static void one_id_twice(struct out *out) {
    add_timer(out, timer_id(out->record.turn, 1), "", 50, "tick");
    add_timer(out, timer_id(out->record.turn, 1), "", 50, "tick");
}

static void no_due_time(struct out *out) {
    out_add(out, ITEM_TIMER, timer_id(out->record.turn, 1), raw("seven.."), text("tick"));
}

static void a_cancel_with_a_body(struct out *out) {
    out_add(out, ITEM_CANCEL_TIMER, 1, (struct slice){0}, text("x"));
}

Test(send_timer, an_id_of_another_turn_is_nonsense) {
    is_nonsense(id_of_another_turn);
}
Test(send_timer, an_id_used_twice_is_nonsense) {
    is_nonsense(one_id_twice);
}
Test(send_timer, a_timer_without_a_due_time_is_nonsense) {
    is_nonsense(no_due_time);
}
Test(send_timer, a_cancel_with_a_body_is_nonsense) {
    is_nonsense(a_cancel_with_a_body);
}

// --- the table ---

Test(send_timer, many_are_found_by_their_ids_while_the_table_grows) {
    enum { COUNT = 5000, PER_TURN = 100 };
    fx_fini();
    memset(&fx, 0, sizeof fx);
    fx_defaults();
    fx.options.timers_max = COUNT;
    fx_begin();
    host_joins(1);
    static uint64_t     ids[COUNT];
    struct fake_worker *end = home_of(up("a"));
    for (uint32_t i = 0; i < COUNT;) {
        struct out out = begin_at(end, "a");
        for (uint32_t n = 1; n <= PER_TURN; n++, i++) {
            ids[i] = timer_id(out.record.turn, n);
            add_timer(&out, ids[i], "nobody", (i % 7 + 1) * 100, "x");
        }
        commit(end, &out);
    }
    cr_assert(pending() == COUNT);
    for (uint32_t i = 0; i < COUNT; i += 2) {
        send_timer_cancel(&fx.shard, actor_named("a"), ids[i]);
    }
    cr_assert(pending() == COUNT / 2);
    while (pending() > 0) later(100);
    cr_assert(fx.shard.metrics.dropped == COUNT / 2);
}

Test(send_timer, what_is_due_at_once_comes_in_portions) {
    fx_fini();
    memset(&fx, 0, sizeof fx);
    fx_defaults();
    fx.options.timers_max = 3000;
    fx_begin();
    host_joins(1);
    struct fake_worker *end = home_of(up("a"));
    for (int i = 0; i < 30; i++) {
        struct out out = begin_at(end, "a");
        for (uint32_t n = 1; n <= 100; n++) {
            add_timer(&out, timer_id(out.record.turn, n), "nobody", 50, "x");
        }
        commit(end, &out);
    }
    later(50);
    cr_assert(pending() == 3000 - 1024, "the sockets have their turn in between");
    step();
    step();
    cr_assert(pending() == 0);
}
