// upgrade_fixture_test: new hosts, and requests for upgrades, on top of shard_fixture_test.
#pragma once

#include "keeper/hosts.h"
#include "keeper/isolation.h"
#include "keeper/shard_fixture_test.h"
#include "keeper/upgrade_parts.h"

#include <signal.h>

static inline void upgrade_begin(void) {
    fx_defaults();
    fx.options.allow_native_deploy = true;
    fx_begin();
}

// --- hosts and requests ---

// A host with this version of "counter", for whoever waits for one.
static inline struct fake_worker *joins(const char *version) {
    hosts_refill(&fx.shard);
    cr_assert(fx.shard.spawning != NULL, "no host was asked for");
    uint32_t host = host_spawned(1);
    announce(fake(host, 0), "counter", version, 1000);
    announce(fake(host, 0), "other", "1", 0);
    announce_ready(fake(host, 0));
    step();
    return fake(host, 0);
}

static inline void two_hosts(void) {
    host_joins(1);
    host_joins(1);
}

static inline enum status ask_upgrade(uint64_t number, const char *content, bool dry_run) {
    struct request request = {
        .verb = VERB_UPGRADE,
        .name = raw("counter"),
        .file = raw("counter-new.so"),
        .payload = raw(content),
        .extra = text("extra"),
        .dry_run = dry_run,
    };
    enum status status = ask(number, &request);
    step();
    return status;
}

static inline const struct upgrade_report *report_of(uint64_t number) {
    const struct note *note = answer_of(number);
    cr_assert(note != NULL, "no answer");
    cr_assert(note->kind == ANSWER_UPGRADED, "%s", note->message);
    return &note->report;
}

// The pool of changes gets a host; others who wait for one may get theirs first.
static inline struct fake_worker *changes_host(const char *version) {
    struct fake_worker *changes = NULL;
    while (fx.shard.upgrade->changes->active == NULL) changes = joins(version);
    return changes;
}

// And so does the pool for everybody: actors are being moved.
static inline struct fake_worker *new_hosts(const char *version) {
    struct fake_worker *changes = changes_host(version);
    while (fx.shard.upgrade->phase == UPGRADE_OPENING) joins(version);
    settle_loads();
    step();
    return changes;
}

static inline struct code_set *code_of(const struct actor *actor) {
    return shard_pool(&fx.shard, actor)->code;
}

static inline bool is_new(const struct actor *actor) {
    return code_of(actor) == fx.shard.code;
}

static inline const struct turn_record *change_of(struct fake_worker *end,
                                                  const struct actor *actor, const char *state) {
    const struct turn_record *turn = play_take(end, TURN_CODE_CHANGE);
    cr_assert(turn->slot == actor->slot);
    cr_assert(same(turn_state(end, turn), text(state)));
    return turn;
}
