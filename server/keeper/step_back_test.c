#include "keeper/step_back.h"

#include "keeper/shard_fixture_test.h"

TestSuite(step_back, .init = fx_init, .fini = fx_fini, .timeout = 20);

static uint64_t number = 100;

#define CLIENT ((struct caller){.conn = 1, .generation = 5, .request = ++number})

static void watch(const char *name, bool prefix, uint64_t from) {
    struct request request = {
        .verb = VERB_WATCH, .name = raw(name), .prefix = prefix, .from_version = from};
    struct caller client = CLIENT;
    request.id = client.request;
    cr_assert(request_run(&fx.shard, client, &request) == STATUS_OK);
    step();
    cr_assert(answer_of(number)->kind == ANSWER_WATCHING);
}

// All that the mirror has to say has been said.
static void hear(void) {
    for (int i = 0; i < 3; i++) {
        (void)mirror_has(actor_named("a"), "none", 0);
        step();
    }
    settle_loads();
}

// What was told is this, in order; each of several watches has been told it.
static void heard(uint32_t watches, const struct pushed *expected, uint32_t count) {
    hear();
    cr_assert(fx.push_count == watches * count, "%u were told", fx.push_count);
    for (uint32_t i = 0; i < watches; i++) {
        uint64_t ref = fx.pushes[i].ref;
        uint32_t seen = 0;
        for (uint32_t at = 0; at < fx.push_count; at++) {
            const struct pushed *told = &fx.pushes[at], *wanted = &expected[seen];
            if (told->ref != ref) continue;
            cr_assert(told->kind == wanted->kind, "event %u has kind %d", seen, (int)told->kind);
            cr_assert(told->version == wanted->version && told->older == wanted->older);
            cr_assert(told->first == wanted->first && told->missed == wanted->missed);
            cr_assert(told->unit == actor_named("a")->unit && strcmp(told->name, "a") == 0);
            seen++;
        }
        cr_assert(seen == count);
    }
    fx.push_count = 0;
}

#define CHANGED(VERSION) \
    { .kind = PUSH_CHANGED, .version = (VERSION) }
#define STEPPED(FROM, TO) \
    { .kind = PUSH_STEPPED, .version = (FROM), .older = (TO) }
#define HEARD(WATCHES, ...)                        \
    heard(WATCHES, (struct pushed[]){__VA_ARGS__}, \
          sizeof((struct pushed[]){__VA_ARGS__}) / sizeof(struct pushed))

static void change(const char *state) {
    ask_call(++number, "a", "change");
    settle_loads();
    struct fake_worker *end = home_of(actor_named("a"));
    play_reply(end, play_take(end, TURN_CALL)->turn, "ok", state);
    step();
    cr_assert(replied(number, "ok"));
}

// An actor with the states "one", "two" and "three".
static struct actor *started_with(bool step_back) {
    struct request request = start_request("a");
    request.step_back = step_back;
    request.generations = 3;
    request.has_intensity = true;
    request.intensity = 100;
    request.period_ms = 5000;
    host_joins(1);
    struct actor *actor = up_with(&request);
    change("one");
    change("two");
    change("three");
    return actor;
}

// A turn crashes; the restart must get this state.
static void crash(const char *state) {
    struct actor *actor = actor_named("a");
    ask_call(++number, "a", "crash");
    settle_loads();
    play_crash(home_of(actor), play_take(home_of(actor), TURN_CALL)->turn, COMMIT_CODE_RAISE,
               "boom");
    step();
    settle_loads();
    const struct turn_record *init = play_take(home_of(actor), TURN_INIT);
    cr_assert(same(turn_state(home_of(actor), init), text(state)));
    play_done(home_of(actor), init->turn);
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
}

Test(step_back, each_crash_without_a_good_turn_goes_one_generation_back_to_the_oldest) {
    struct actor *actor = started_with(true);
    crash("three");
    crash("two");
    cr_assert(step_back_info(actor).from == 4 && step_back_info(actor).to == 3);
    crash("one");
    crash("one");
    cr_assert(step_back_info(actor).from == 4 && step_back_info(actor).to == 2);
    cr_assert(step_back_version(actor) == 2);
}

Test(step_back, a_committed_state_is_the_newest_again) {
    struct actor *actor = started_with(true);
    crash("three");
    crash("two");
    change("four");
    cr_assert(step_back_version(actor) == 0);
    cr_assert(mirror_has(actor, "four", 5));
    crash("four");
    crash("three");
}

Test(step_back, a_good_turn_that_saves_nothing_keeps_what_it_was_given) {
    struct actor *actor = started_with(true);
    crash("three");
    crash("two");
    change(NULL);
    cr_assert(step_back_version(actor) == 3);
    crash("two");
    crash("one");
}

Test(step_back, a_good_turn_in_between_or_no_such_option_is_no_reason) {
    struct actor *actor = started_with(true);
    crash("three");
    change(NULL);
    crash("three");
    change(NULL);
    cr_assert(step_back_info(actor).from == 0);
}

Test(step_back, without_the_option_it_is_always_the_newest) {
    struct actor *actor = started_with(false);
    crash("three");
    crash("three");
    crash("three");
    cr_assert(step_back_info(actor).from == 0 && step_back_version(actor) == 0);
}

Test(step_back, those_who_watch_the_name_or_a_prefix_see_each_step_once_in_its_place) {
    started_with(true);
    watch("a", false, 0);
    watch("", true, 0);
    watch("b", true, 0);
    fx.push_count = 0;
    change("four");
    crash("four");
    HEARD(2, CHANGED(5));
    crash("three");
    crash("two");
    change("five");
    HEARD(2, STEPPED(5, 4), STEPPED(5, 3), CHANGED(6));
}

Test(step_back, a_watcher_without_room_is_told_the_last_step_and_how_many_it_missed) {
    started_with(true);
    watch("a", false, 0);
    fx.stream_room = 0;
    change("four");
    crash("four");
    crash("three");
    crash("two");
    change("five");
    change("six");
    hear();
    cr_assert(fx.push_count == 0);
    cr_assert(actor_named("a")->extra->events_dropped == 5);
    fx.stream_room = 1;
    streams_client_room(&fx.shard, CLIENT);
    step();
    HEARD(1, CHANGED(5));
    fx.stream_room = UINT32_MAX;
    streams_client_room(&fx.shard, CLIENT);
    step();
    HEARD(1, {.kind = PUSH_STEPPED, .version = 5, .older = 3, .missed = 1}, CHANGED(6), CHANGED(7));
    cr_assert(fx.shard.streams.lag_count == 0);
}

Test(step_back, a_step_stands_between_what_is_lost_before_and_behind_it) {
    started_with(true);
    watch("a", false, 0);
    fx.stream_room = 0;
    change("four");
    crash("four");
    crash("three");
    for (int i = 0; i < 4; i++) change(i % 2 == 0 ? "x" : "y");
    hear();
    fx.stream_room = UINT32_MAX;
    streams_client_room(&fx.shard, CLIENT);
    step();
    HEARD(1, {.kind = PUSH_GAP, .first = 5, .version = 5}, STEPPED(5, 4),
          {.kind = PUSH_GAP, .first = 6, .version = 6}, CHANGED(7), CHANGED(8), CHANGED(9));
}

Test(step_back, a_step_alone_is_told_when_there_is_room) {
    started_with(true);
    watch("a", false, 0);
    crash("three");
    fx.stream_room = 0;
    crash("two");
    hear();
    fx.stream_room = UINT32_MAX;
    streams_client_room(&fx.shard, CLIENT);
    step();
    HEARD(1, STEPPED(4, 3));
}

Test(step_back, a_watch_that_is_resumed_is_told_of_the_state_that_the_actor_has) {
    started_with(true);
    crash("three");
    crash("two");
    watch("a", false, 5);
    HEARD(1, STEPPED(4, 3));
    change("four");
    HEARD(1, CHANGED(5));
    watch("a", false, 5);
    HEARD(1, CHANGED(5));
}
