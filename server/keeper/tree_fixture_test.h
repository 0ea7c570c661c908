// tree_fixture_test: trees of supervisors on top of the shard fixture. Specs are written as JSON,
// and workers play by themselves: they run whatever turn comes, as the actor's name says.
//
// An actor called "..." with a role (see `roles`) fails its init, ignores it, hangs in it, stops at
// once after it, or never ends its terminate. The message "crash" crashes, "stop" stops, "bad"
// stops with a reason that is not orderly. `history` notes what was begun and ended: "+a +b -b".
#pragma once

#include "keeper/shard_fixture_test.h"
#include "keeper/supervise.h"
#include "keeper/supervisor.h"
#include "wire/json.h"

#include <stdlib.h>

enum role { ROLE_GOOD, ROLE_FAILS, ROLE_IGNORES, ROLE_STUCK, ROLE_SLOW, ROLE_BRIEF };

struct tree_fixture {
    char history[8192];
    struct {
        const char *name;
        enum role   role;
    } roles[16];
    int                 role_count;
    struct fake_worker *stuck[FX_WORKERS_MAX];
    int                 stuck_count;
};

static struct tree_fixture tf;

static inline void role(const char *name, enum role what) {
    for (int i = 0; i < tf.role_count; i++) {
        if (strcmp(tf.roles[i].name, name) == 0) {
            tf.roles[i].role = what;
            return;
        }
    }
    tf.roles[tf.role_count].name = name;
    tf.roles[tf.role_count++].role = what;
}

static inline enum role role_of(const char *name) {
    for (int i = 0; i < tf.role_count; i++) {
        if (strcmp(tf.roles[i].name, name) == 0) return tf.roles[i].role;
    }
    return ROLE_GOOD;
}

static inline void tf_init(void) {
    fx_init();
    tf = (struct tree_fixture){0};
    host_joins(4);
}

static inline void note_history(char sign, const char *name) {
    size_t at = strlen(tf.history);
    snprintf(tf.history + at, sizeof tf.history - at, "%s%c%s", at == 0 ? "" : " ", sign, name);
}

// What has happened since the last look.
static inline bool happened(const char *wanted) {
    bool right = strcmp(tf.history, wanted) == 0;
    if (!right) cr_log_error("happened \"%s\", wanted \"%s\"", tf.history, wanted);
    tf.history[0] = '\0';
    return right;
}

// An init that goes on with a continue, which stops: the keeper finds both commits at once.
static inline void play_brief(struct fake_worker *end, uint64_t turn) {
    struct out out = out_of(COMMIT_DONE, turn, COMMIT_MORE);
    out_body(&out, ITEM_STATE, text("s0"));
    out_body(&out, ITEM_CONTINUE, text("go on"));
    play_send(end, &out);
    play_stop(end, turn, 0, "normal");
}

static inline void play_init_turn(struct fake_worker *end, uint64_t turn, const char *name,
                                  bool again) {
    switch (role_of(name)) {
        case ROLE_FAILS: play_refuse(end, turn, COMMIT_CODE_ERROR, "no"); return;
        case ROLE_IGNORES: play_refuse(end, turn, COMMIT_CODE_IGNORE, NULL); return;
        default: break;
    }
    note_history('+', name);
    if (role_of(name) == ROLE_BRIEF) {
        play_brief(end, turn);
    } else if (again) {
        play_done(end, turn);
    } else {
        play_state(end, turn, "s0");
    }
}

static inline void play_turn(struct fake_worker *end, const struct turn_record *record) {
    char         name[300];
    struct slice message = turn_payload(end, record), own;
    own = actor_name(actor_at(&fx.shard.actors, record->slot));
    snprintf(name, sizeof name, "%.*s", (int)own.bytes, (const char *)own.data);
    if (record->note_void) {
        play_skip(end, record->turn); // the copy that it was for is gone
    } else if (record->kind == TURN_INIT && role_of(name) == ROLE_SLOW) {
        tf.stuck[tf.stuck_count++] = end;
    } else if (record->kind == TURN_INIT) {
        play_init_turn(end, record->turn, name, (record->flags & TURN_RESTART) != 0);
    } else if (record->kind == TURN_TERMINATE && role_of(name) == ROLE_STUCK) {
        tf.stuck[tf.stuck_count++] = end;
    } else if (record->kind == TURN_TERMINATE) {
        note_history('-', name);
        play_stop(end, record->turn, 0, NULL);
    } else if (same(message, text("crash"))) {
        play_crash(end, record->turn, COMMIT_CODE_RAISE, "boom");
    } else if (same(message, text("hang"))) {
        tf.stuck[tf.stuck_count++] = end;
    } else if (same(message, text("stop"))) {
        play_stop(end, record->turn, 0, "normal");
    } else if (same(message, text("bad"))) {
        play_stop(end, record->turn, 0, "bad");
    } else {
        play_state(end, record->turn, "s1");
    }
}

static inline bool is_stuck(const struct fake_worker *end) {
    for (int i = 0; i < tf.stuck_count; i++) {
        if (tf.stuck[i] == end) return true;
    }
    return false;
}

// Plays all turns there are, and those that follow from them, until nothing more comes.
static inline void settle_all(void) {
    bool any = true;
    while (any) {
        any = false;
        settle_loads();
        for (uint32_t w = 0; w < 4; w++) {
            struct fake_worker *end = fake(0, w);
            if (is_stuck(end)) continue;
            const struct turn_record *record;
            while (!is_stuck(end) && (record = play_next(end)) != NULL) {
                any = true;
                play_turn(end, record);
                step();
            }
        }
    }
}

// The turn that hangs longest comes to its end: as init, or with a crash.
static inline void loosen(const char *name, bool crash) {
    struct fake_worker *end = tf.stuck[0];
    tf.stuck[0] = tf.stuck[--tf.stuck_count];
    uint64_t turn = worker_turn(end->keeper_end, end->keeper_end->tail)->turn;
    role(name, ROLE_GOOD);
    if (crash) {
        play_crash(end, turn, COMMIT_CODE_RAISE, "boom");
    } else {
        note_history('+', name);
        play_state(end, turn, "s0");
    }
    settle_all();
}

// --- verbs ---

static inline struct slice json(const char *source) {
    static struct peeper_writer writers[8];
    static int                  next;
    struct peeper_writer       *writer = &writers[next++ % 8];
    peeper_writer_reset(writer);
    json_argument_to_value(writer, source);
    cr_assert(peeper_writer_done(writer), "not JSON: %s", source);
    struct peeper_value value = peeper_writer_value(writer);
    return slice_of(value.data, value.bytes);
}

static inline void ask_tree(uint64_t number, enum verb verb, const char *name, const char *child,
                            const char *source) {
    struct request request = {
        .id = number,
        .verb = verb,
        .name = raw(name),
        .child = raw(child),
        .payload = source == NULL ? (struct slice){0} : json(source),
    };
    cr_assert(ask(number, &request) == STATUS_OK);
    settle_all();
}

static inline void ask_supervisor(uint64_t number, const char *name, const char *source) {
    ask_tree(number, VERB_START_SUPERVISOR, name, "", source);
}

// Sends one message and lets everything follow from it.
static inline void tell(const char *name, const char *message) {
    ask_cast(0, name, message);
    settle_all();
}

// A supervisor with three children a, b, c and these flags.
static inline void three(const char *flags) {
    char source[600];
    snprintf(
        source, sizeof source,
        "{%s, \"children\": [{\"id\": \"a\", \"start\": {\"behaviour\": \"counter\", \"name\": "
        "\"a\"}}, {\"id\": \"b\", \"start\": {\"behaviour\": \"counter\", \"name\": \"b\"}}, "
        "{\"id\": \"c\", \"start\": {\"behaviour\": \"counter\", \"name\": \"c\"}}]}",
        flags);
    ask_supervisor(1, "top", source);
    cr_assert(started(1));
    cr_assert(happened("+a +b +c"));
}

static inline struct supervisor *supervisor_named(const char *name) {
    struct actor *actor = actor_named(name);
    cr_assert(actor != NULL && actor->supervisor != NULL);
    return actor->supervisor;
}

static inline uint64_t id_of(const char *name) {
    struct actor *actor = actor_named(name);
    return actor == NULL || actor->life == ACTOR_ENDED ? 0 : actor_id(actor);
}
