// Actors that hear of others, on a real mirror; the workers are the test's own.
#include "keeper/listener.h"

#include "keeper/shard_fixture_test.h"

#include <peeper/value.h>

TestSuite(listener, .init = fx_init, .fini = fx_fini, .timeout = 20);

static void hear(void) {
    for (int i = 0; i < 3; i++) {
        (void)mirror_has(actor_named("ears"), "none", 0);
        step();
    }
    settle_loads();
}

static struct actor *up_heard(const char *name, const char *listener) {
    struct request request = start_request(name);
    request.listener = raw(listener);
    return up_with(&request);
}

// What the listener was told, as lines: "word name version old new" or "word name reason state".
static char     heard[16][200];
static uint32_t heard_count;
static uint32_t heard_next;

static void write_line(char *line, size_t room, struct slice payload) {
    struct peeper_iter iter = peeper_value_iter((struct peeper_value){payload.data, payload.bytes});
    size_t             used = 0;
    while (peeper_iter_next(&iter)) {
        char        word[40] = "null";
        const char *string;
        size_t      bytes;
        int64_t     number;
        if (peeper_value_string(iter.value, &string, &bytes)) {
            snprintf(word, sizeof word, "%.*s", (int)bytes, string);
        } else if (peeper_value_int(iter.value, &number)) {
            snprintf(word, sizeof word, "%d", (int)number);
        }
        used += (size_t)snprintf(line + used, room - used, "%s%s", used > 0 ? " " : "", word);
    }
}

// Runs whatever has been handed to the only worker: inits again, and messages to the listener.
static void play_all(void) {
    struct fake_worker *end = fake(0, 0);
    hear();
    for (const struct turn_record *turn; (turn = play_next(end)) != NULL; hear()) {
        cr_assert(turn->kind == TURN_INFO || turn->kind == TURN_INIT, "kind %d", turn->kind);
        if (turn->kind == TURN_INFO) {
            cr_assert(heard_count < 16);
            write_line(heard[heard_count++], sizeof heard[0], turn_payload(end, turn));
        }
        play_done(end, turn->turn);
        step();
    }
}

static void hears(const char *expected) {
    if (heard_next == heard_count) play_all();
    cr_assert(heard_next < heard_count, "nothing is heard");
    cr_assert_str_eq(heard[heard_next++], expected);
}

static void hears_nothing(void) {
    play_all();
    cr_assert(heard_next == heard_count, "%s", heard[heard_next]);
}

static void begin(void) {
    host_joins(1);
    up("ears");
}

Test(listener, hears_of_each_change_with_the_state_before) {
    begin();
    up_heard("cart", "ears");
    hears("CHANGED cart 1 null s0");
    change_state("cart", "one");
    change_state("cart", "one");
    change_state("cart", "two");
    hears("CHANGED cart 2 s0 one");
    hears("CHANGED cart 4 one two");
    hears_nothing();
}

Test(listener, hears_of_a_crash_once_and_of_the_next_one_again) {
    begin();
    struct actor *actor = up_heard("cart", "ears");
    hears("CHANGED cart 1 null s0");
    for (uint64_t i = 0; i < 2; i++) {
        crash_once(actor, 100 + i, "cart");
        hears("TERMINATED cart boom s0");
        hears_nothing();
        cr_assert(actor->life == ACTOR_RUNNING);
    }
    hears_nothing();
}

Test(listener, hears_of_a_stop_once_and_of_a_kill_only_where_the_unit_ends) {
    begin();
    struct actor *actor = up_heard("cart", "ears");
    hears("CHANGED cart 1 null s0");
    ask_kill(50, "cart");
    hears_nothing();
    struct fake_worker *end = home_of(actor);

    ask_stop(51, "cart");
    step();
    struct out out = out_of(COMMIT_DONE, play_take(end, TURN_TERMINATE)->turn, COMMIT_STOP);
    out_body(&out, ITEM_REASON, text("enough"));
    play_send(end, &out);
    step();
    hears("TERMINATED cart enough s0");
    hears_nothing();
    cr_assert(fx.shard.listeners.count == 0);

    struct request request = start_request("brief");
    request.listener = raw("ears");
    request.restart = RESTART_TEMPORARY;
    up_with(&request);
    hears("CHANGED brief 1 null s0");
    ask_kill(52, "brief");
    hears("TERMINATED brief killed s0");
    hears_nothing();
}

Test(listener, that_is_full_or_not_there_costs_events_and_they_are_counted) {
    begin();
    struct actor *actor = up_heard("cart", "nobody");
    change_state("cart", "one");
    hear();
    cr_assert(actor->extra->events_dropped == 2 && fx.shard.metrics.events_dropped == 2);
    struct actor *other = up_heard("other", "ears");
    actor_named("ears")->mailbox_max = 1;
    change_state("other", "one");
    change_state("other", "two");
    hear();
    cr_assert(other->extra->events_dropped == 2);
}

Test(listener, one_that_never_came_up_is_not_heard_of) {
    begin();
    struct request request = start_request("cart");
    request.listener = raw("ears");
    cr_assert(ask(1, &request) == STATUS_OK);
    step();
    struct fake_worker *end = home_of(actor_named("cart"));
    play_refuse(end, play_take(end, TURN_INIT)->turn, COMMIT_CODE_ERROR, "no");
    step();
    hears_nothing();
    cr_assert(fx.shard.listeners.count == 0);
}

Test(listener, hears_of_an_actor_that_clients_watch_and_leave) {
    begin();
    struct actor *actor = up_heard("cart", "ears");
    hears("CHANGED cart 1 null s0");
    struct request watch = {.id = 9, .verb = VERB_WATCH, .name = raw("cart")};
    cr_assert(ask(9, &watch) == STATUS_OK);
    streams_client_over(&fx.shard, client(0));
    change_state("cart", "one");
    hears("CHANGED cart 2 s0 one");
    cr_assert(actor->watched);
}

Test(listener, nobody_listens_to_itself) {
    host_joins(1);
    struct request request = start_request("cart");
    request.listener = raw("cart");
    cr_assert(ask(1, &request) == STATUS_OK);
    cr_assert(failed(1, STATUS_INVALID));
}
