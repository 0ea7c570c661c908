// Random trees under random verbs, ends and refused allocations, where commits of several children
// are found at once and in any order: nothing aborts, every verb is answered once, nobody waits for
// ever, and nothing is left. A failing seed replays alone: SEED=n, in the environment.
#include "keeper/exits.h"
#include "keeper/tree_fixture_test.h"

// Behind the fixture, which brings the C library's headers.
#include "base/memory_fault_test.h"

TestSuite(supervisor_random, .timeout = 120);

#define SEEDS 500
#define WORKERS 4
#define REQUESTS_MAX 400
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

// The turn in which a worker hangs.
struct stuck {
    uint64_t       turn;
    enum turn_kind kind;
    bool           is;
};

static uint64_t     seed, state;
static struct stuck stuck[WORKERS];
static uint8_t      answers[REQUESTS_MAX];
static uint32_t     requests;

static const char *const OUTER[] = {"a", "b", "c", "d", "e", "f"};
static const char *const INNER[] = {"x", "y", "z"};
static const char *const SUPERVISORS[] = {"top", "in"};

static uint32_t below(uint32_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % limit;
}

#define ONE_OF(array) (array)[below(COUNT_OF(array))]

static void be_short_of_memory(void) {
#ifdef CAN_REFUSE_MEMORY
    if (below(8) == 0) refuse_at = 1 + (int)below(12);
#endif
}

static void grant_memory(void) {
#ifdef CAN_REFUSE_MEMORY
    refuse_at = 0;
#endif
}

// --- what is asked for ---

static void write_child(char *text, size_t bytes, const char *name, bool may_be_significant) {
    static const char *const RESTARTS[] = {"permanent", "transient", "temporary"};
    static const char *const GUARDS[] = {"stop", "stop", "backoff", "suspend"};
    static const char *const SHUTDOWNS[] = {"5000", "100", "\"brutal_kill\"", "\"infinity\""};
    const char              *restart = ONE_OF(RESTARTS);
    bool significant = may_be_significant && restart != RESTARTS[0] && below(2) == 0;
    snprintf(text, bytes,
             "{\"id\": \"%s\", \"restart\": \"%s\", \"on_intensity\": \"%s\", \"shutdown\": %s, "
             "\"significant\": %s, \"start\": {\"behaviour\": \"counter\", \"name\": \"%s\", "
             "\"trap_exit\": %s}}",
             name, restart, ONE_OF(GUARDS), ONE_OF(SHUTDOWNS), significant ? "true" : "false", name,
             below(4) > 0 ? "true" : "false");
}

static void write_supervisor(char *text, size_t bytes, bool inner) {
    static const char *const STRATEGIES[] = {"one_for_one", "one_for_all", "rest_for_one"};
    static const char *const AUTO[] = {"never", "any_significant", "all_significant"};
    const char              *automatic = ONE_OF(AUTO);
    char                     children[4000] = "", one[1500], below_it[1200];
    uint32_t                 count = 2 + below(2);
    for (uint32_t i = 0; i < count; i++) {
        if (!inner && i + 1 == count && below(2) == 0) {
            write_supervisor(below_it, sizeof below_it, true);
            snprintf(one, sizeof one,
                     "{\"id\": \"in\", \"restart\": \"%s\", \"start\": {\"supervisor\": %s}}",
                     below(2) > 0 ? "permanent" : "transient", below_it);
        } else {
            write_child(one, sizeof one, inner ? INNER[i] : OUTER[i], automatic != AUTO[0]);
        }
        size_t at = strlen(children);
        snprintf(children + at, sizeof children - at, "%s%s", at > 0 ? ", " : "", one);
    }
    snprintf(text, bytes,
             "{\"name\": \"%s\", \"strategy\": \"%s\", \"intensity\": %u, \"auto_shutdown\": "
             "\"%s\", \"children\": [%s]}",
             SUPERVISORS[inner], ONE_OF(STRATEGIES), below(2) > 0 ? 1000u : 3u, automatic,
             children);
}

static void ask_one(void) {
    static const enum verb VERBS[] = {
        VERB_START_CHILD,
        VERB_START_CHILD,
        VERB_TERMINATE_CHILD,
        VERB_RESTART_CHILD,
        VERB_DELETE_CHILD,
        VERB_CHANGE_SUPERVISOR,
        VERB_KILL,
        VERB_STOP,
        VERB_CALL,
        VERB_CALL,
        VERB_CALL,
        VERB_RESUME,
        VERB_SUSPEND,
        VERB_REPLACE_STATE,
        VERB_COUNT_CHILDREN,
        VERB_START_SUPERVISOR,
        VERB_MONITOR,
        VERB_LINK,
        VERB_UNLINK,
        VERB_WHICH_CHILDREN,
    };
    char           source[5000];
    bool           inner = below(4) == 0;
    const char    *child = inner ? ONE_OF(INNER) : ONE_OF(OUTER);
    enum verb      verb = ONE_OF(VERBS);
    bool           of_supervisor = verb >= VERB_START_SUPERVISOR && verb <= VERB_CHANGE_SUPERVISOR;
    bool           ends = verb == VERB_KILL || verb == VERB_STOP;
    struct request request = {
        .id = requests, .verb = verb, .child = raw(child), .payload = text("m")};
    if (requests == REQUESTS_MAX) return;
    if (of_supervisor || (ends && below(12) == 0)) child = SUPERVISORS[inner];
    request.name = raw(child);
    request.limit_ms = below(3) > 0 ? 0 : 50;
    if (verb == VERB_START_CHILD) {
        write_child(source, sizeof source, inner ? ONE_OF(INNER) : ONE_OF(OUTER), below(2) == 0);
    } else {
        write_supervisor(source, sizeof source, inner && verb != VERB_START_SUPERVISOR);
    }
    if (of_supervisor) request.payload = json(source);
    if (verb == VERB_START_SUPERVISOR) request.name = (struct slice){0};
    be_short_of_memory();
    enum status status = ask(requests, &request);
    grant_memory();
    cr_assert(status == STATUS_OK || status == STATUS_AGAIN);
    if (status == STATUS_AGAIN) answers[requests]++;
    requests++;
}

// --- what comes of it ---

static void play_any_init(struct fake_worker *end, uint64_t turn) {
    switch (below(10)) {
        case 0: play_refuse(end, turn, COMMIT_CODE_ERROR, "no"); break;
        case 1: play_refuse(end, turn, COMMIT_CODE_IGNORE, NULL); break;
        case 2: play_crash(end, turn, COMMIT_CODE_RAISE, "boom"); break;
        case 3: play_brief(end, turn); break;
        default: play_state(end, turn, "s0"); break;
    }
}

// The way that a turn goes which neither crashes nor stops.
static void play_well(struct fake_worker *end, uint64_t turn, enum turn_kind kind) {
    switch (kind) {
        case TURN_TERMINATE: play_stop(end, turn, 0, NULL); break;
        case TURN_CALL: play_reply(end, turn, "r", "s1"); break;
        default: play_state(end, turn, "s1"); break;
    }
}

static void play_any_message(struct fake_worker *end, uint64_t turn, enum turn_kind kind) {
    switch (kind == TURN_REPLACE ? 9 : below(kind == TURN_TERMINATE ? 30 : 10)) {
        case 0:
        case 1: play_crash(end, turn, COMMIT_CODE_RAISE, "boom"); break;
        case 2: play_crash(end, turn, COMMIT_CODE_EXIT, "shutdown"); break;
        case 3: play_stop(end, turn, 0, "normal"); break;
        case 4: play_stop(end, turn, 0, "bad"); break;
        default: play_well(end, turn, kind); break;
    }
}

static void play_one(uint32_t worker) {
    struct fake_worker       *end = fake(0, worker);
    const struct turn_record *record = stuck[worker].is ? NULL : play_next(end);
    if (record == NULL) return;
    if (record->note_void) {
        play_skip(end, record->turn);
    } else if (below(12) == 0) {
        stuck[worker] = (struct stuck){record->turn, (enum turn_kind)record->kind, true};
    } else if (record->kind == TURN_INIT) {
        play_any_init(end, record->turn);
    } else {
        play_any_message(end, record->turn, (enum turn_kind)record->kind);
    }
}

static void free_stuck(uint32_t worker) {
    if (!stuck[worker].is) return;
    stuck[worker].is = false;
    play_well(fake(0, worker), stuck[worker].turn, stuck[worker].kind);
}

static void gather(void) {
    for (uint32_t i = 0; i < fx.note_count; i++) {
        if (fx.notes[i].caller.request < REQUESTS_MAX) answers[fx.notes[i].caller.request]++;
    }
    fx.note_count = fx.push_count = 0;
}

// Until nothing is left to be played.
static void calm_down(void) {
    bool any = true;
    for (int i = 0; any; i++) {
        cr_assert(i < 3000, "seed %llu never comes to rest", (unsigned long long)seed);
        any = false;
        settle_loads();
        gather();
        for (uint32_t w = 0; w < WORKERS; w++) {
            struct fake_worker *end = fake(0, w);
            any |= stuck[w].is || end->at != atomic_load(&end->turns_control->head);
            free_stuck(w);
            play_one(w);
        }
        step();
    }
}

// --- what must be so then ---

static bool at_rest(const struct supervisor *sup) {
    uint32_t significant = 0, count = 0;
    for (struct child *child = supervisor_first(sup); child != NULL; child = child_next(child)) {
        const struct actor *actor = child->actor;
        count++;
        significant += actor != NULL && child_spec_of(child)->significant;
        if (child->ending != NULL || child->news != NEWS_NONE) return false;
        if (actor != NULL && actor->life != ACTOR_RUNNING && actor->life != ACTOR_SUSPENDED)
            return false;
    }
    return sup->phase == PHASE_STEADY && sup->actor->life == ACTOR_RUNNING && sup->endings == 0 &&
           significant == sup->significant && count == sup->child_count;
}

static void check_rest(void) {
    for (size_t i = 0; i < COUNT_OF(SUPERVISORS); i++) {
        const struct actor *actor = actor_named(SUPERVISORS[i]);
        if (actor == NULL || actor->life == ACTOR_ENDED) continue;
        cr_assert(at_rest(actor->supervisor), "seed %llu: %s", (unsigned long long)seed,
                  SUPERVISORS[i]);
    }
}

static void check_nothing_is_left(void) {
    if (id_of("top") != 0) ask_kill(REQUESTS_MAX, "top");
    calm_down();
    for (uint32_t slot = 0; slot < fx.shard.actors.used; slot++) {
        struct actor *actor = actor_at(&fx.shard.actors, slot);
        if (actor == NULL) continue;
        cr_assert(actor->life == ACTOR_ENDED, "seed %llu", (unsigned long long)seed);
        life_discard(&fx.shard, actor);
    }
    exits_client_over(&fx.shard, client(0));
    later(1000000); // also the timers that only look whether they are still needed
    calm_down();
    for (uint32_t i = 0; i < requests; i++) {
        cr_assert(answers[i] == 1, "seed %llu: request %u", (unsigned long long)seed, i);
    }
    cr_assert(fx.shard.actors.live == 0 && fx.shard.actors.name_count == 0);
    cr_assert(fx.shard.children.count == 0 && fx.shard.ties.count == 0);
    cr_assert(fx.shard.waiting_bytes == 0 && fx.shard.pending.count == 0);
    cr_assert(fx.shard.timers.count == 0, "seed %llu", (unsigned long long)seed);
}

// The mirror's answers are waited for, or the same seed would not always go the same way.
static void step_short(void) {
    settle_loads();
    be_short_of_memory();
    step();
    grant_memory();
    settle_loads();
}

static void run_seed(void) {
    cr_log_info("seed %llu", (unsigned long long)seed); // with --verbose, for an abort
    memset(&fx, 0, sizeof fx);
    memset(stuck, 0, sizeof stuck);
    memset(answers, 0, sizeof answers);
    state = seed * 7919 + 13;
    requests = 0;
    tf_init();
    uint32_t rounds = 20 + below(60);
    for (uint32_t i = 0; i < rounds; i++) {
        for (uint32_t n = below(3); n > 0; n--) ask_one();
        if (below(3) == 0) fx.shard.now_ms += below(2) > 0 ? 20 : 200;
        if (below(4) == 0) free_stuck(below(WORKERS));
        if (below(3) > 0) step_short();
        for (uint32_t n = below(6); n > 0; n--) play_one(below(WORKERS));
        gather();
    }
    for (int i = 0; i < 10; i++) {
        calm_down();
        fx.shard.now_ms += BACKOFF_MS_MAX + 1000;
    }
    calm_down();
    check_rest();
    check_nothing_is_left();
    fx_fini();
}

Test(supervisor_random, whatever_comes_together_nobody_is_forgotten) {
    const char *only = getenv("SEED");
    uint64_t    first = only == NULL ? 1 : strtoull(only, NULL, 10);
    uint64_t    last = only == NULL ? SEEDS : first;
    for (seed = first; seed <= last; seed++) run_seed();
}
