// The callbacks on_state_changed and on_terminate, on a real mirror; the workers are the test's
// own.
#include "keeper/hooks.h"

#include "keeper/listener.h"
#include "keeper/router.h"
#include "keeper/upgrade_fixture_test.h"

static void begin(void) {
    upgrade_begin();
    fx.callbacks = CALLBACK_HOOKS;
}

TestSuite(hooks, .init = begin, .fini = fx_fini, .timeout = 20);

// What the mirror tells of changes has arrived.
static void hear(void) {
    struct actor nobody = {.unit = UINT64_MAX, .slot = 900};
    (void)mirror_has(&nobody, "none", 0);
    step();
    step();
}

static struct pool *listeners(void) {
    for (uint32_t i = 0; i < fx.shard.pool_count; i++) {
        struct pool *pool = &fx.shard.pools[i];
        if (pool->open && pool->kind == POOL_OF_LISTENERS) return pool;
    }
    return NULL;
}

// A host for the pool of listeners, which has asked for one.
static uint32_t ears(uint32_t workers) {
    hosts_refill(&fx.shard);
    cr_assert(fx.shard.spawning != NULL && fx.shard.spawning == listeners(), "nobody listens");
    return host_joins(workers);
}

static bool is_about(struct fake_worker *end, const struct turn_record *turn, const char *name) {
    return same(turn_name(end, turn), raw(name));
}

static const struct turn_record *take_changed(struct fake_worker *end, const char *name,
                                              const char *before, const char *state) {
    const struct turn_record *turn = play_take(end, TURN_CHANGED);
    struct slice              none = {0};
    cr_assert(is_about(end, turn, name));
    cr_assert(same(turn_payload(end, turn), before == NULL ? none : text(before)));
    cr_assert(same(turn_state(end, turn), text(state)));
    cr_assert(turn->note_void && turn->flags == TURN_HAS_STATE);
    return turn;
}

static void hears_changed(struct fake_worker *end, const char *name, const char *before,
                          const char *state) {
    play_done(end, take_changed(end, name, before, state)->turn);
    step();
}

static void hears_ended(struct fake_worker *end, const char *name, const char *reason) {
    const struct turn_record *turn = play_take(end, TURN_ENDED);
    cr_assert(is_about(end, turn, name));
    cr_assert(same(turn_payload(end, turn), text(reason)));
    play_done(end, turn->turn);
    step();
}

static void comes_back(struct actor *actor) {
    settle_loads();
    play_init(actor, NULL);
}

static void stop_with(struct actor *actor, uint64_t number, const char *name, const char *reason) {
    struct fake_worker *end = home_of(actor);
    ask_stop(number, name);
    step();
    play_stop(end, play_take(end, TURN_TERMINATE)->turn, 0, reason);
    step();
    hear();
}

static uint64_t dropped(void) {
    return fx.shard.metrics.events_dropped;
}

static bool nothing_waits(void) {
    return !hooks_busy(&fx.shard.hooks) && fx.shard.hooks.bytes == 0;
}

Test(hooks, each_change_is_told_with_the_state_before_and_in_order) {
    two_hosts();
    struct actor *actor = up("cart");
    cr_assert(actor->watched && !actor->ends_only);
    hear();
    struct fake_worker       *end = fake(ears(1), 0);
    const struct turn_record *first = take_changed(end, "cart", NULL, "s0");
    change_state("cart", "one");
    change_state("cart", "one");
    change_state("cart", "two");
    hear();
    cr_assert(play_next(end) == NULL, "one at a time");
    play_done(end, first->turn);
    step();
    hears_changed(end, "cart", "s0", "one");
    hears_changed(end, "cart", "one", "two");
    cr_assert(play_next(end) == NULL);
    cr_assert(nothing_waits() && dropped() == 0);
    cr_assert(actor->inflight == 0 && shard_inflight(&fx.shard) == 0);
}

Test(hooks, an_incarnation_ends_by_a_crash_or_a_stop_and_a_kill_is_not_told) {
    two_hosts();
    struct actor *actor = up("cart");
    hear();
    struct fake_worker *end = fake(ears(1), 0);
    hears_changed(end, "cart", NULL, "s0");
    crash_once(actor, 1, "cart");
    comes_back(actor);
    hear();
    hears_ended(end, "cart", "boom");
    ask_kill(2, "cart");
    comes_back(actor);
    hear();
    cr_assert(play_next(end) == NULL);
    stop_with(actor, 3, "cart", "enough");
    hears_ended(end, "cart", "enough");
    cr_assert(play_next(end) == NULL);
    cr_assert(nothing_waits() && fx.shard.listeners.count == 0);
}

static uint64_t told_id(struct fake_worker *end, enum turn_kind kind) {
    const struct turn_record *turn = play_take(end, kind);
    uint64_t                  id = turn->incarnation;
    play_done(end, turn->turn);
    step();
    return id;
}

Test(hooks, an_event_has_the_id_of_the_incarnation_that_it_is_about_whatever_came_after) {
    two_hosts();
    struct actor *actor = up("cart");
    uint64_t      first = actor_id(actor);
    hear();
    struct fake_worker *end = fake(ears(1), 0);
    change_state("cart", "one");
    crash_once(actor, 1, "cart");
    comes_back(actor);
    uint64_t second = actor_id(actor);
    cr_assert(second != first);
    change_state("cart", "two");
    stop_with(actor, 3, "cart", "enough");
    cr_assert(told_id(end, TURN_CHANGED) == first);
    cr_assert(told_id(end, TURN_CHANGED) == first);
    cr_assert(told_id(end, TURN_ENDED) == first);
    cr_assert(told_id(end, TURN_CHANGED) == second);
    cr_assert(told_id(end, TURN_ENDED) == second);
    cr_assert(nothing_waits());
}

Test(hooks, a_unit_that_ends_before_its_restart_ends_with_the_last_id_that_it_had) {
    two_hosts();
    struct request request = start_request("cart");
    request.restart = RESTART_TEMPORARY;
    struct actor *actor = up_with(&request);
    uint64_t      id = actor_id(actor);
    hear();
    struct fake_worker *end = fake(ears(1), 0);
    cr_assert(told_id(end, TURN_CHANGED) == id);
    ask_kill(2, "cart");
    hear();
    cr_assert(told_id(end, TURN_ENDED) == id && nothing_waits());
}

// A host may leave out what it likes.
Test(hooks, a_crash_without_a_reason_or_with_one_that_is_no_value_is_a_crash) {
    two_hosts();
    up("cart");
    hear();
    struct fake_worker *end = fake(ears(1), 0);
    struct out          out = out_of(COMMIT_CRASH, take_changed(end, "cart", NULL, "s0")->turn, 0);
    out.record.code = COMMIT_CODE_RAISE;
    play_send(end, &out);
    step();
    change_state("cart", "one");
    hear();
    out = out_of(COMMIT_CRASH, take_changed(end, "cart", "s0", "one")->turn, 0);
    out.record.code = COMMIT_CODE_RAISE;
    out_add(&out, ITEM_REASON, 0, (struct slice){0}, raw("\x32\xff\xff\xff\xff\x0f"));
    out_add(&out, ITEM_TEXT, 0, (struct slice){0}, raw("\xff\n\x01"));
    play_send(end, &out);
    step();
    cr_assert(fx.shard.metrics.hook_crashes == 2 && nothing_waits());
}

Test(hooks, what_waits_is_told_also_when_the_unit_is_over_and_its_slot_has_another) {
    two_hosts();
    stop_with(up("cart"), 1, "cart", "enough");
    struct actor *actor = up("bag");
    cr_assert(actor->slot == 0);
    hear();
    struct fake_worker *end = fake(ears(1), 0);
    // Of the two units, in whatever order.
    hears_changed(end, "cart", NULL, "s0");
    hears_changed(end, "bag", NULL, "s0");
    hears_ended(end, "cart", "enough");
    cr_assert(nothing_waits());
}

Test(hooks, of_a_behaviour_that_hears_ends_only_no_change_travels_unless_a_client_watches) {
    fx.callbacks = CALLBACK_ENDED;
    two_hosts();
    struct actor *actor = up("cart");
    cr_assert(actor->watched && actor->ends_only);
    change_state("cart", "one");
    hear();
    cr_assert(nothing_waits() && listeners() == NULL);

    struct request watch = {.id = 9, .verb = VERB_WATCH, .name = raw("cart")};
    cr_assert(ask(9, &watch) == STATUS_OK);
    change_state("cart", "two");
    hear();
    cr_assert(fx.push_count == 1 && fx.pushes[0].kind == PUSH_CHANGED);
    crash_once(actor, 1, "cart");
    comes_back(actor);
    hear();
    hears_ended(fake(ears(1), 0), "cart", "boom");
    streams_client_over(&fx.shard, client(0));
    step();
    change_state("cart", "three");
    hear();
    cr_assert(actor->watched && actor->ends_only && nothing_waits());
}

Test(hooks, an_actor_without_them_is_not_watched) {
    fx.callbacks = CALLBACK_INIT | CALLBACK_TERMINATE;
    two_hosts();
    struct actor *actor = up("cart");
    change_state("cart", "one");
    hear();
    cr_assert(!actor->watched && fx.shard.listeners.count == 0 && nothing_waits());
    cr_assert(sizeof(struct actor) == 160);
}

Test(hooks, the_effects_are_messages_and_anything_else_is_nonsense) {
    two_hosts();
    up("cart");
    struct request request = start_request("ear");
    request.behaviour = raw("other");
    struct actor *ear = up_with(&request);
    hear();
    uint32_t            host = ears(1);
    struct fake_worker *end = fake(host, 0);
    struct out          out = out_of(COMMIT_DONE, take_changed(end, "cart", NULL, "s0")->turn, 0);
    out_add(&out, ITEM_SEND, 0, raw("ear"), text("hello"));
    out_add(&out, ITEM_CAST, 0, raw("nobody"), text("hello"));
    play_send(end, &out);
    step();
    step();
    struct fake_worker       *home = home_of(ear);
    const struct turn_record *turn = play_take(home, TURN_INFO);
    cr_assert(same(turn_payload(home, turn), text("hello")));
    play_done(home, turn->turn);
    step();

    change_state("cart", "one");
    hear();
    out = out_of(COMMIT_DONE, take_changed(end, "cart", "s0", "one")->turn, 0);
    out_add(&out, ITEM_STOP, 0, raw("ear"), text("normal"));
    play_send(end, &out);
    step();
    cr_assert(fx.hosts[host].host->state == HOST_DEAD);
    cr_assert(fx.shard.metrics.host_nonsense == 1);
    cr_assert(life_of("ear") == ACTOR_RUNNING);

    end = fake(ears(1), 0);
    play_state(end, take_changed(end, "cart", "s0", "one")->turn, "mine");
    step();
    cr_assert(fx.shard.metrics.host_nonsense == 2);
    cr_assert(mirror_has(actor_named("cart"), "one", 2));
}

Test(hooks, a_crash_costs_its_event_and_is_counted) {
    two_hosts();
    struct actor *actor = up("cart");
    change_state("cart", "one");
    hear();
    struct fake_worker *end = fake(ears(1), 0);
    play_crash(end, take_changed(end, "cart", NULL, "s0")->turn, COMMIT_CODE_RAISE, "oops");
    step();
    hears_changed(end, "cart", "s0", "one");
    cr_assert(fx.shard.metrics.hook_crashes == 1);
    cr_assert(dropped() == 0 && actor->life == ACTOR_RUNNING && nothing_waits());
}

Test(hooks, what_a_full_queue_has_no_room_for_is_dropped_and_counted) {
    two_hosts();
    struct actor *actor = up("cart");
    for (uint32_t i = 0; i < HOOK_EVENTS_MAX + 10; i++) {
        change_state("cart", i % 2 == 0 ? "one" : "two");
        if (i % 16 == 0) hear();
    }
    hear();
    cr_assert(dropped() == 11);
    cr_assert(actor->extra->events_dropped == 11);
    struct fake_worker *end = fake(ears(1), 0);
    hears_changed(end, "cart", NULL, "s0");
    for (uint32_t i = 1; i < HOOK_EVENTS_MAX; i++) {
        const char *states[] = {"two", "one"};
        hears_changed(end, "cart", i == 1 ? "s0" : states[(i + 1) % 2], states[i % 2]);
    }
    cr_assert(play_next(end) == NULL && nothing_waits());
}

// Large states, which a call leaves behind. Of the same size, and not the same.
static void change_largely(const char *name, uint8_t fill, size_t bytes) {
    static struct mirror_change change;
    struct actor               *actor = actor_named(name);
    uint8_t                    *state = malloc(bytes);
    cr_assert(state != NULL);
    memset(state, fill, bytes);
    change = (struct mirror_change){
        .kind = MIRROR_CHANGED,
        .slot = actor->slot,
        .unit = actor->unit,
        .has_state = true,
        .name = raw(name),
        .state = slice_of(state, bytes),
    };
    // As the mirror tells it, whose own queue is small here.
    changes_push(&fx.shard.changes, &change);
    free(state);
    while (step(), streams_busy(&fx.shard.streams)) {
    }
}

Test(hooks, a_unit_may_have_one_large_event_and_not_more_bytes_than_its_share) {
    two_hosts();
    struct actor *actor = up("cart");
    hear();
    struct fake_worker *end = fake(ears(1), 0);
    hears_changed(end, "cart", NULL, "s0");
    change_largely("cart", 1, HOOK_BYTES_MAX + 1);
    cr_assert(actor->extra->events_dropped == 0);
    change_largely("cart", 2, 100);
    cr_assert(actor->extra->events_dropped == 1);
    play_done(end, play_take(end, TURN_CHANGED)->turn);
    step();
    for (uint8_t i = 0; i < 4; i++) change_largely("cart", i, HOOK_BYTES_MAX / 4 - 1000);
    cr_assert(actor->extra->events_dropped == 1);
    change_largely("cart", 4, HOOK_BYTES_MAX / 4);
    cr_assert(actor->extra->events_dropped == 2);
}

Test(hooks, all_units_together_have_a_share) {
    char name[16];
    two_hosts();
    for (uint32_t i = 0; i <= HOOKS_BYTES_MAX / HOOK_BYTES_MAX; i++) {
        snprintf(name, sizeof name, "cart%u", i);
        struct actor *actor = up(name);
        hear();
        change_largely(name, 1, HOOK_BYTES_MAX - 1000);
        bool last = i == HOOKS_BYTES_MAX / HOOK_BYTES_MAX;
        cr_assert(actor->extra->events_dropped == last, "%u", i);
        cr_assert(fx.shard.hooks.bytes <= HOOKS_BYTES_MAX);
    }
}

Test(hooks, the_end_of_a_unit_that_has_crashed_is_told_once) {
    two_hosts();
    struct request request = start_request("cart");
    request.restart = RESTART_TEMPORARY;
    struct actor *actor = up_with(&request);
    hear();
    struct fake_worker *end = fake(ears(1), 0);
    hears_changed(end, "cart", NULL, "s0");
    crash_once(actor, 1, "cart");
    hear();
    hears_ended(end, "cart", "boom");
    cr_assert(play_next(end) == NULL && nothing_waits() && fx.shard.listeners.count == 0);
}

Test(hooks, a_worker_gets_few_at_a_time_and_the_idlest_is_next) {
    char name[16];
    two_hosts();
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "cart%d", i);
        up(name);
    }
    hear();
    uint32_t host = ears(2);
    cr_assert_eq(fake(host, 0)->keeper_end->inflight, HOOK_TURNS_MAX);
    cr_assert_eq(fake(host, 1)->keeper_end->inflight, HOOK_TURNS_MAX);
    for (int i = 0; i < 3; i++) {
        play_done(fake(host, 1), play_take(fake(host, 1), TURN_CHANGED)->turn);
    }
    step();
    cr_assert_eq(fake(host, 1)->keeper_end->inflight, HOOK_TURNS_MAX);
}

Test(hooks, a_host_that_is_lost_loses_no_event_and_one_that_was_running_twice_is_dropped) {
    two_hosts();
    struct actor *cart = up("cart"), *bag = up("bag");
    hear();
    uint32_t host = ears(1);
    take_changed(fake(host, 0), "cart", NULL, "s0");
    hosts_lost(&fx.shard, fx.hosts[host].host, HOST_END_EXITED, NULL);
    host = ears(1);
    take_changed(fake(host, 0), "cart", NULL, "s0");
    hosts_lost(&fx.shard, fx.hosts[host].host, HOST_END_EXITED, NULL);
    cr_assert(cart->extra->events_dropped == 1 && dropped() == 1);
    // Its behaviour waits for that now, and so does the other's event.
    host = ears(1);
    cr_assert(play_next(fake(host, 0)) == NULL);
    later(PENALTY_MS_MIN);
    hears_changed(fake(host, 0), "bag", NULL, "s0");
    cr_assert(bag->extra->events_dropped == 0);
}

// Runs the next event to its host's end by a signal; how long its behaviour is not run afterwards.
static uint64_t killed(const char *state) {
    change_state("cart", state);
    hear();
    uint32_t host = fx.host_count - 1;
    if (listeners()->active == NULL) host = ears(1);
    play_take(fake(host, 0), TURN_CHANGED);
    play_death(fake(host, 0), DEATH_SIGNAL, SIGSEGV);
    step();
    cr_assert(fx.hosts[host].host->state == HOST_DEAD);
    struct penalty *penalty =
        LIST_ENTRY(LIST_ENTRY(fx.shard.hooks.crews.next, struct crew, link)->penalties.next,
                   struct penalty, link);
    cr_assert(penalty->serving);
    return penalty->timer.due_ms - fx.shard.now_ms;
}

Test(hooks, one_that_kills_its_host_is_not_run_for_longer_each_time_until_it_was_quiet) {
    fx.callbacks = CALLBACK_CHANGED;
    two_hosts();
    up("cart");
    hear();
    uint32_t host = ears(1);
    hears_changed(fake(host, 0), "cart", NULL, "s0");
    for (uint64_t expected = PENALTY_MS_MIN; expected <= 4 * PENALTY_MS_MIN; expected *= 2) {
        uint64_t delay_ms = killed(expected == 2 * PENALTY_MS_MIN ? "two" : "one");
        cr_assert_eq(delay_ms, expected);
        later(delay_ms - 1);
        cr_assert(dropped() * PENALTY_MS_MIN <= expected);
        later(1);
    }
    later(PENALTY_MS_MAX);
    cr_assert(nothing_waits());
    cr_assert_eq(killed("two"), PENALTY_MS_MIN);
}

Test(hooks, what_comes_while_it_is_not_run_waits) {
    two_hosts();
    up("cart");
    hear();
    uint32_t host = ears(1);
    play_take(fake(host, 0), TURN_CHANGED);
    play_death(fake(host, 0), DEATH_SIGNAL, SIGSEGV);
    step();
    change_state("cart", "one");
    hear();
    host = ears(1);
    cr_assert(play_next(fake(host, 0)) == NULL);
    later(PENALTY_MS_MIN);
    hears_changed(fake(host, 0), "cart", "s0", "one");
    cr_assert(dropped() == 1 && fx.shard.metrics.hook_crashes == 1);
}

Test(hooks, the_deadline_is_that_of_the_behaviour) {
    two_hosts();
    struct actor *actor = up("cart");
    hear();
    uint32_t host = ears(1);
    take_changed(fake(host, 0), "cart", NULL, "s0");
    shard_watch(&fx.shard);
    later(999);
    shard_watch(&fx.shard);
    cr_assert(fx.hosts[host].host->state == HOST_ACTIVE);
    cr_assert(hooks_running(&fx.shard.hooks));
    later(1);
    shard_watch(&fx.shard);
    cr_assert(fx.hosts[host].host->state == HOST_DEAD);
    cr_assert(dropped() == 1 && actor->life == ACTOR_RUNNING);
}

Test(hooks, the_pool_closes_when_nothing_was_heard_for_a_while) {
    two_hosts();
    up("cart");
    hear();
    uint32_t            host = ears(1);
    struct fake_worker *end = fake(host, 0);
    hears_changed(end, "cart", NULL, "s0");
    later(LISTENERS_EMPTY_MS - 1);
    cr_assert(listeners() != NULL);
    change_state("cart", "one");
    hear();
    hears_changed(end, "cart", "s0", "one");
    later(LISTENERS_EMPTY_MS - 1);
    cr_assert(listeners() != NULL && fx.hosts[host].host->state == HOST_ACTIVE);
    later(1);
    cr_assert(listeners() == NULL && fx.hosts[host].host->state == HOST_DEAD);
}

Test(hooks, where_there_is_no_pool_for_them_events_are_dropped_and_counted) {
    two_hosts();
    struct actor *actor = up("cart");
    for (uint32_t i = POOL_OWN_FIRST; i < POOL_NONE; i++) fx.shard.pools[i].open = true;
    fx.shard.pools[POOL_QUARANTINE].open = true;
    fx.shard.pool_count = POOL_NONE;
    for (uint32_t i = 1; i < POOL_NONE; i++) list_init(&fx.shard.pools[i].homeless);
    hear();
    cr_assert(actor->extra->events_dropped == 1 && nothing_waits());
    for (uint32_t i = 1; i < POOL_NONE; i++) fx.shard.pools[i].open = false;
}

Test(hooks, a_server_that_goes_down_lets_them_go) {
    two_hosts();
    up("cart");
    up("bag");
    hear();
    struct fake_worker       *end = fake(ears(1), 0);
    const struct turn_record *turn = play_take(end, TURN_CHANGED);
    fx.shard.stopping = true;
    step();
    cr_assert(nothing_waits() && shard_inflight(&fx.shard) == 0 && dropped() == 0);
    play_done(end, turn->turn);
    step();
    cr_assert(listeners()->active != NULL);
}

// --- upgrades ---

static void upgrade_to(struct actor *actor, uint64_t number, const char *version,
                       const char *before, const char *after) {
    cr_assert(ask_upgrade(number, version, false) == STATUS_OK);
    struct fake_worker *changes = new_hosts(version);
    play_state(changes, change_of(changes, actor, before)->turn, after);
    step();
    cr_assert(is_new(actor));
    cr_assert_str_eq(shard_behaviour(&fx.shard, actor)->version, version);
}

// Of one that no worker has a copy of.
static void changes_to(const char *name, const char *state) {
    ask_call(1000000 + fx.starts++, name, "set");
    settle_loads();
    struct fake_worker *end = home_of(actor_named(name));
    play_state(end, play_take(end, TURN_CALL)->turn, state);
    step();
}

static struct pool *listeners_of(const struct code_set *code) {
    for (uint32_t i = 0; i < fx.shard.pool_count; i++) {
        struct pool *pool = &fx.shard.pools[i];
        if (pool->open && pool->kind == POOL_OF_LISTENERS && pool->code == code) return pool;
    }
    return NULL;
}

static struct fake_worker *ears_of(const struct code_set *code, const char *version) {
    cr_assert(listeners_of(code) != NULL);
    for (int i = 0; i < 4 && listeners_of(code)->active == NULL; i++) joins(version);
    for (uint32_t i = 0; i < fx.host_count; i++) {
        if (fx.hosts[i].host == listeners_of(code)->active) return fake(i, 0);
    }
    cr_assert(false);
    return NULL;
}

Test(hooks, an_upgrade_brings_them_and_the_next_one_takes_them_away) {
    fx.callbacks = 0;
    two_hosts();
    struct actor *actor = up("cart");
    cr_assert(!actor->watched);
    fx.callbacks = CALLBACK_HOOKS;
    upgrade_to(actor, 1, "2", "s0", "one");
    cr_assert(actor->watched && !actor->ends_only);
    changes_to("cart", "two");
    hear();
    hears_changed(ears_of(fx.shard.code, "2"), "cart", "one", "two");

    fx.callbacks = 0;
    upgrade_to(actor, 2, "3", "two", "three");
    hear();
    cr_assert(actor->watched && actor->ends_only);
    changes_to("cart", "four");
    hear();
    cr_assert(list_empty(&fx.shard.hooks.crews));
    stop_with(actor, 4, "cart", "normal");
    cr_assert(fx.shard.listeners.count == 0 && nothing_waits());
}

Test(hooks, what_waits_when_its_actor_is_upgraded_is_heard_by_the_new_code) {
    two_hosts();
    struct actor *actor = up("cart");
    hear();
    struct fake_worker       *end = fake(ears(1), 0);
    const struct turn_record *turn = take_changed(end, "cart", NULL, "s0");
    struct code_set          *old = fx.shard.code;
    change_state("cart", "one");
    hear();
    upgrade_to(actor, 1, "2", "one", "two");
    hear();
    // What is on its way ends where it is, and only then the next begins.
    cr_assert(listeners_of(fx.shard.code) == NULL && listeners_of(old)->always);
    play_done(end, turn->turn);
    step();
    cr_assert(!listeners_of(old)->always);
    end = ears_of(fx.shard.code, "2");
    hears_changed(end, "cart", "s0", "one");
    hears_changed(end, "cart", "one", "two");
    later(1);
    cr_assert(listeners_of(old) == NULL && nothing_waits());
}

Test(hooks, what_waits_of_units_that_are_over_keeps_old_code_for_a_time_only) {
    two_hosts();
    struct actor *bag = up("bag");
    hear();
    struct fake_worker *end = fake(ears(1), 0);
    hears_changed(end, "bag", NULL, "s0");
    struct actor    *cart = up("cart");
    struct code_set *old = fx.shard.code;
    hear();
    const struct turn_record *turn = take_changed(end, "cart", NULL, "s0");
    for (int i = 0; i < 2; i++) {
        change_state("cart", "one");
        change_state("cart", "two");
    }
    stop_with(cart, 1, "cart", "enough");
    upgrade_to(bag, 2, "2", "s0", "s1");
    play_done(end, turn->turn);
    step();
    turn = take_changed(end, "cart", "s0", "one");
    later(OLD_CODE_MS - 1);
    cr_assert(listeners_of(old)->always && dropped() == 0);
    play_done(end, turn->turn);
    step();
    turn = take_changed(end, "cart", "one", "two");
    later(1);
    play_done(end, turn->turn);
    step();
    // Two changes and the end.
    cr_assert(dropped() == 3 && play_next(end) == NULL);
    later(1);
    cr_assert(listeners_of(old) == NULL);
}

Test(hooks, an_end_that_the_mirror_had_no_room_for_is_told_before_what_follows_it) {
    two_hosts();
    struct actor *actor = up("cart");
    hear();
    struct fake_worker *end = fake(ears(1), 0);
    hears_changed(end, "cart", NULL, "s0");
    mirror_fill();
    crash_once(actor, 1, "cart");
    // There is room, and the actor is back, before the keeper has heard of that.
    sem_post(&fx.gate);
    fx_wait(&fx.mirror_room);
    router_feed(&fx.shard);
    comes_back(actor);
    change_state("cart", "one");
    shard_mirror_room(&fx.shard);
    hear();
    const struct turn_record *turn = play_take(end, TURN_ENDED);
    cr_assert(same(turn_state(end, turn), text("s0")));
    play_done(end, turn->turn);
    step();
    hears_changed(end, "cart", "s0", "one");
    cr_assert(nothing_waits());
}
