#include "host/testing/host_fixture.h"

#include <criterion/criterion.h>

#include <string.h>

struct keeper_double keeper;
struct double_commit commit;

static const char *const NAMES[] = {
    "lua_cache", "cache",     "lua_counter", "counter",      "lua_ears", "ears", "ears_end",
    "escapes",   "lua_probe", "naked",       "no_callbacks", "probe",    "shelf"};

bool text_is(enum item_kind kind, const char *text) {
    struct item_header  head;
    struct peeper_value body;
    return double_item(&commit, kind, 0, &head, &body, NULL) && body.bytes == strlen(text) &&
           memcmp(body.data, text, body.bytes) == 0;
}

void host_begin_with(uint32_t workers, const char *const *arguments) {
    double_start(&keeper, workers, arguments);
    for (int i = 0; i < BEHAVIOURS; i++) {
        double_take(&keeper, 0, &commit);
        cr_assert_eq(commit.record.kind, COMMIT_BEHAVIOUR);
        cr_assert(text_is(ITEM_TEXT, NAMES[i]), "%s", NAMES[i]);
        double_commit_free(&commit);
    }
    double_take(&keeper, 0, &commit);
    cr_assert_eq(commit.record.kind, COMMIT_READY);
    double_commit_free(&commit);
}

void host_begin(void) {
    const char *arguments[] = {"--behaviours", PEEPER_BEHAVIOURS, NULL};
    host_begin_with(1, arguments);
}

void host_end(void) {
    double_commit_free(&commit);
    double_stop(&keeper);
}

// Runs one turn, of slot 1 and epoch 1 if none is given; the commit of before is freed.
struct commit_record run(struct double_turn turn) {
    double_commit_free(&commit);
    if (turn.slot == 0) turn.slot = 1;
    if (turn.epoch == 0) turn.epoch = 1;
    double_run(&keeper, turn, &commit);
    return commit.record;
}

// Takes the next commit of a chain.
struct commit_record next(void) {
    double_commit_free(&commit);
    double_take(&keeper, 0, &commit);
    return commit.record;
}

struct commit_record init(uint16_t behaviour, const char *argument) {
    return run((struct double_turn){
        .kind = TURN_INIT, .behaviour = behaviour, .name = "a", .payload = argument});
}

void start(uint16_t behaviour, const char *argument) {
    cr_assert_eq(init(behaviour, argument).kind, COMMIT_DONE);
}

// INIT of an actor that comes back with its state.
struct commit_record restart(uint16_t behaviour, const char *argument, const char *state) {
    return run((struct double_turn){.kind = TURN_INIT,
                                    .flags = TURN_RESTART,
                                    .behaviour = behaviour,
                                    .name = "a",
                                    .payload = argument,
                                    .state = state});
}

struct commit_record message(enum turn_kind kind, uint16_t behaviour, const char *text) {
    return run((struct double_turn){.kind = kind, .behaviour = behaviour, .payload = text});
}

struct commit_record call(uint16_t behaviour, const char *text) {
    return message(TURN_CALL, behaviour, text);
}

void check_crash(struct commit_record record, enum commit_code code, const char *reason) {
    cr_assert_eq(record.kind, COMMIT_CRASH);
    cr_assert_eq(record.flags, 0);
    cr_assert_eq(record.code, code);
    // Reason, text, and mostly a trace.
    bool traced = double_item(&commit, ITEM_TRACE, 0, &(struct item_header){0},
                              &(struct peeper_value){0}, NULL);
    cr_assert_eq(record.item_count, traced ? 3 : 2);
    cr_assert(double_has(&commit, ITEM_REASON, reason), "reason is not %s", reason);
}
