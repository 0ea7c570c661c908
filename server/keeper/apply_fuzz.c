// A shard among clients that ask for anything at any time and hosts that commit anything, legal or
// not, and die: whatever happens, every request is answered exactly once, and what the keeper
// counts is what there is.
//
// Input: a run of steps, each a byte that says what happens and some that say how.
#include "base/check.h"

#define cr_assert(condition, ...) CHECK(condition)

#include "keeper/alarms.h"
#include "keeper/exits.h"
#include "keeper/listener.h"
#include "keeper/recall.h"
#include "keeper/shard_fixture_test.h"
#include "keeper/timers.h"

#include "base/log.h"

#include <stddef.h>

#define STEPS_MAX 300
#define NAMES 5
#define WORKERS 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const uint8_t *input;
static size_t         left;
static bool           mirror_held;
static uint64_t       asked; // requests so far; each has the next number

// The turn that each worker has begun, until its last commit.
static const struct turn_record *begun[FX_HOSTS_MAX][WORKERS];

static uint8_t next_byte(void) {
    if (left == 0) return 0;
    left--;
    return *input++;
}

static const char *next_name(void) {
    static const char *const names[NAMES] = {"a", "b", "c", "d", ""};
    return names[next_byte() % NAMES];
}

// --- clients ---

static void client_starts(void) {
    uint8_t        how = next_byte();
    struct request request = start_request(next_name());
    request.restart = how & 3;
    request.on_intensity = how >> 2 & 3;
    request.has_intensity = (how & 16) != 0;
    request.intensity = how >> 5 & 1;
    request.period_ms = 1000;
    request.limit_ms = how & 64 ? 50 : 0;
    if ((how & 96) == 96) request.isolation = ISOLATION_OWN;
    if (how & 128) request.behaviour = raw("other");
    if (how % 3 == 0) request.hibernate_after_ms = how;
    uint8_t ties = next_byte();
    request.link = (ties & 1) != 0;
    request.monitor = (ties & 2) != 0;
    request.no_trap_exit = (ties & 4) != 0;
    cr_assert(ask(++asked, &request) == STATUS_OK);
}

static void client_asks(void) {
    static const enum verb verbs[] = {VERB_CALL, VERB_CAST,   VERB_SEND,     VERB_STOP,
                                      VERB_KILL, VERB_RESUME, VERB_WHERE_IS, VERB_CALL};
    uint8_t                how = next_byte();
    ask_verb(++asked, verbs[how & 7], next_name(), "x", how & 8 ? 20 : 0);
}

static void client_ties(void) {
    static const enum verb verbs[] = {VERB_MONITOR, VERB_LINK, VERB_UNLINK, VERB_DEMONITOR};
    uint8_t                how = next_byte();
    struct request         request = {.verb = verbs[how & 3],
                                      .name = raw(next_name()),
                                      .target = how & 4 ? (uint64_t)how << 32 | how >> 6 : 0,
                                      .ref = how >> 4};
    cr_assert(ask(++asked, &request) == STATUS_OK);
}

static void client_closes(void) {
    exits_client_over(&fx.shard, client(0));
}

static void client_holds(void) {
    static const enum verb verbs[] = {VERB_SUSPEND, VERB_RESUME, VERB_REPLACE_STATE,
                                      VERB_REPLACE_STATE};
    uint8_t                how = next_byte();
    ask_verb(++asked, verbs[how & 3], next_name(), how & 2 ? "s" : NULL, how & 8 ? 20 : 0);
}

static void client_upgrades(void) {
    uint8_t        how = next_byte();
    struct request request = {
        .verb = VERB_UPGRADE,
        .name = raw("counter"),
        .file = raw("counter-new.so"),
        .payload = raw(how & 1 ? "1" : "2"),
        .extra = text("extra"),
        .dry_run = (how & 6) == 6,
    };
    fx.callbacks = how & 8 ? CALLBACK_CHANGED : how & 16 ? CALLBACK_ENDED : CALLBACK_HOOKS;
    cr_assert(ask(++asked, &request) == STATUS_OK);
}

static void client_watches(void) {
    uint8_t        how = next_byte();
    struct request request = {.verb = how & 1 ? VERB_WATCH : VERB_UNWATCH,
                              .id = asked + 1,
                              .name = raw(next_name()),
                              .prefix = (how & 2) != 0,
                              .with_old = (how & 4) != 0,
                              .ref = how >> 3};
    cr_assert(ask(++asked, &request) == STATUS_OK);
}

// --- workers ---

static uint32_t next_host(void) {
    return next_byte() % fx.host_count;
}

static void worker_takes(void) {
    uint32_t host = next_host(), worker = next_byte() % WORKERS;
    if (begun[host][worker] == NULL) begun[host][worker] = play_next(fake(host, worker));
}

static void add_timer(struct out *out, uint64_t id, const char *name, uint64_t ms) {
    uint8_t  room[32];
    uint64_t due_ms = fx.shard.now_ms + ms;
    size_t   bytes = strlen(name);
    memcpy(room, &due_ms, sizeof due_ms);
    memcpy(room + sizeof due_ms, name, bytes);
    out_add(out, ITEM_TIMER, id, slice_of(room, sizeof due_ms + bytes), text("t"));
}

static void add_effects(struct out *out, uint64_t turn) {
    uint8_t count = next_byte() % 4;
    while (count-- > 0) {
        uint8_t     how = next_byte();
        const char *name = next_name();
        char        both[16];
        switch (how % 14) {
            case 9: out_add(out, ITEM_MONITOR, how, raw(name), (struct slice){0}); break;
            case 10: out_add(out, ITEM_DEMONITOR, how - 1u, raw(""), (struct slice){0}); break;
            case 11: out_add(out, ITEM_LINK, how, raw(name), (struct slice){0}); break;
            case 12: out_add(out, ITEM_UNLINK, how, raw(name), (struct slice){0}); break;
            case 13: out_add(out, ITEM_CALL, how & 64 ? 20 : 0, raw(name), text("q")); break;
            case 6: add_timer(out, turn << TIMER_INDEX_BITS | (1 + how / 9), name, how); break;
            case 7: add_timer(out, turn << TIMER_INDEX_BITS | (1 + how / 9), "", how); break;
            case 8:
                // Of a turn before, or of this one.
                out_add(out, ITEM_CANCEL_TIMER, (turn - how / 100) << TIMER_INDEX_BITS | 1,
                        (struct slice){0}, (struct slice){0});
                break;
            case 0: out_add(out, ITEM_SEND, 0, raw(name), text("m")); break;
            case 1: out_add(out, ITEM_CAST, 0, raw(name), text("m")); break;
            case 2: out_add(out, ITEM_STOP, 0, raw(name), text("normal")); break;
            case 3:
                snprintf(both, sizeof both, "counter%s", name);
                out_add(out, ITEM_START, 7, raw(both), text("m"));
                break;
            case 4: out_add(out, ITEM_REPLY_TO, turn, (struct slice){0}, text("r")); break;
            default:
                out_add(out, ITEM_REPLY_TO, turn - how / 6, (struct slice){0}, text("r"));
                break;
        }
    }
}

// Of the kinds that are no turns of their actors: mostly what may answer them.
static bool aside_commit(const struct turn_record *record, uint8_t how, struct out *out) {
    const char *name = next_name();
    if (how & 128) return false;
    if (record->kind == TURN_CODE_CHANGE) {
        out->record.kind = how & 1 ? COMMIT_REFUSED : COMMIT_DONE;
        if (how & 1) out->record.code = COMMIT_CODE_ERROR;
        out_body(out, how & 1 ? ITEM_REASON : ITEM_STATE, text("c"));
        return true;
    }
    if (!hooks_turn(record)) return false;
    if (how & 1) {
        out->record.kind = COMMIT_CRASH;
        out->record.code = 1 + (how >> 1 & 3);
        out_body(out, ITEM_REASON, text("oops"));
        out_body(out, ITEM_TEXT, raw("on_state_changed"));
    } else if (how & 2) {
        out_add(out, how & 4 ? ITEM_SEND : ITEM_CAST, 0, raw(name), text("heard"));
    }
    return true;
}

static struct out next_commit(const struct turn_record *record) {
    uint8_t    how = next_byte(), flags = next_byte();
    bool       terminate = record->kind == TURN_TERMINATE;
    struct out out = out_of(COMMIT_DONE, record->turn, terminate ? COMMIT_STOP : 0);
    if (aside_commit(record, how, &out)) return out;
    if (record->kind == TURN_REPLACE && (how & 1) != 0) {
        out_body(&out, ITEM_STATE, text("s"));
        return out;
    }
    switch (how % 8) {
        case 0: out.record.flags |= flags & (COMMIT_HIBERNATE | COMMIT_TIMEOUT); break;
        case 1: out.record.flags |= COMMIT_MORE; break;
        case 2:
            out.record.flags |= COMMIT_MORE;
            out_body(&out, ITEM_CONTINUE, text("on"));
            break;
        case 3: out.record.flags |= COMMIT_STOP | (flags & COMMIT_MORE); break;
        case 4: out.record.kind = COMMIT_CRASH; break;
        case 5: out.record.kind = COMMIT_REFUSED; break;
        case 6: out.record.kind = COMMIT_SKIP; break;
        default: out.record.flags = flags & ~COMMIT_BULK; break;
    }
    out.record.code = how >> 3 & 7;
    out.record.due_ms = fx.shard.now_ms + flags;
    bool done_kind = out.record.kind == COMMIT_DONE;
    if (done_kind && (record->kind == TURN_INIT || (flags & 64)))
        out_body(&out, ITEM_STATE, text("s"));
    if (done_kind && record->kind == TURN_CALL && (flags & 32))
        out_body(&out, ITEM_REPLY, text("r"));
    if (flags & 128) out_body(&out, ITEM_REASON, text("normal"));
    if (done_kind && how % 8 < 2 && (flags & 4)) out_body(&out, ITEM_IDLE, text("idle"));
    if (done_kind || (how & 64)) add_effects(&out, record->turn);
    return out;
}

static void worker_commits(void) {
    uint32_t                  host = next_host(), worker = next_byte() % WORKERS;
    const struct turn_record *record = begun[host][worker];
    if (record == NULL) return;
    struct out out = next_commit(record);
    play_send(fake(host, worker), &out);
    if ((out.record.flags & COMMIT_MORE) == 0) begun[host][worker] = NULL;
    step();
}

static void worker_commits_nonsense(void) {
    uint32_t   host = next_host(), worker = next_byte() % WORKERS;
    struct out out = out_of((enum commit_kind)(next_byte() % 9), next_byte(), next_byte() & 31);
    add_effects(&out, out.record.turn);
    play_send(fake(host, worker), &out);
    step();
}

static void worker_dies(void) {
    uint32_t host = next_host(), worker = next_byte() % WORKERS;
    play_death(fake(host, worker), (enum death)(1 + next_byte() % 4), next_byte());
    step();
}

// --- hosts, time, mirror ---

static void host_is_lost(void) {
    struct host *host = fx.hosts[next_host()].host;
    hosts_lost(&fx.shard, host, (enum host_end)(next_byte() % 6), NULL);
}

static void host_comes(void) {
    if (fx.host_count == FX_HOSTS_MAX ||
        (fx.shard.spawning == NULL && fx.shard.pools[POOL_GENERAL].standby != NULL))
        return;
    host_joins(WORKERS);
}

static void time_passes(void) {
    uint8_t how = next_byte();
    later(how < 200 ? how : (uint64_t)(how - 199) * 100);
    shard_watch(&fx.shard);
}

static void shard_look(void) {
    shard_watch(&fx.shard);
}

static void mirror_lets_go(void) {
    if (!mirror_held) return;
    mirror_held = false;
    mirror_resume();
}

static void mirror_fills(void) {
    if (mirror_held) return;
    mirror_held = true;
    mirror_fill();
}

static void loads_arrive(void) {
    mirror_lets_go();
    settle_loads();
}

// What the mirror tells of those who are watched is there.
static void news_arrive(void) {
    struct actor nobody = {.slot = 900, .unit = UINT64_MAX};
    mirror_lets_go();
    step();
    (void)mirror_has(&nobody, "none", 0);
    step();
    step();
}

// --- what must be true ---

static void check_ring(const struct worker *worker, uint32_t *ret_counts) {
    uint32_t count = 0;
    for (uint64_t at = worker->tail; at < worker->head; count++) {
        const struct turn_record *record = worker_turn(worker, at);
        at += record->record_bytes;
        if (!record->note_void) ret_counts[record->slot]++;
    }
    CHECK(count == worker->inflight);
}

// An init, then the control lane, then the messages of users; and who awaits an answer is held, and
// has a timer that will end it.
static void check_held(const struct actor *actor) {
    int rank = 0;
    for (struct list *link = actor->mailbox.next; link != &actor->mailbox; link = link->next) {
        const struct envelope *envelope = LIST_ENTRY(link, struct envelope, link);
        int                    next = envelope->kind == TURN_INIT ? 0 : envelope->control ? 1 : 2;
        CHECK(next >= rank);
        rank = next;
    }
    bool awaits = actor->extra->await != NULL && actor->extra->await->serial != 0;
    CHECK(awaits == ((actor->held & HELD_AWAITING) != 0));
    CHECK(!awaits || timer_armed(&actor->extra->await->deadline));
    // No circle was let in.
    const struct actor *at = actor;
    for (uint32_t i = 0; i <= fx.shard.actors.used && at != NULL; i++) {
        CHECK(i < fx.shard.actors.used);
        at = await_target(&fx.shard, at);
    }
}

static void check_counts(void) {
    uint32_t inflight[64] = {0};
    uint64_t waiting_bytes = 0;
    uint32_t pending = 0, live = 0;
    CHECK(fx.shard.actors.used <= 64);
    for (uint32_t i = 0; i < fx.shard.pool_count; i++) {
        struct host *host = fx.shard.pools[i].active;
        for (uint32_t w = 0; host != NULL && w < host->worker_count; w++) {
            check_ring(&host->workers[w], inflight);
        }
    }
    uint32_t placed = 0;
    for (uint32_t i = 0; i < fx.shard.pool_count; i++) placed += fx.shard.pools[i].actors;
    for (uint32_t slot = 0; slot < fx.shard.actors.used; slot++) {
        struct actor *actor = actor_at(&fx.shard.actors, slot);
        if (actor == NULL) continue;
        live++;
        placed -= actor->pool != POOL_NONE;
        check_held(actor);
        uint32_t waiting = 0;
        for (struct list *link = actor->mailbox.next; link != &actor->mailbox; link = link->next) {
            waiting++;
            waiting_bytes +=
                sizeof(struct envelope) + LIST_ENTRY(link, struct envelope, link)->bytes;
        }
        CHECK(waiting == actor->waiting);
        CHECK(actor->inflight == inflight[slot]);
        CHECK(actor->life != ACTOR_ENDED || actor->waiting + actor->inflight == 0);
        for (struct pending *entry = actor->extra->pending; entry != NULL; entry = entry->next)
            pending++;
    }
    CHECK(waiting_bytes == fx.shard.waiting_bytes);
    CHECK(pending == fx.shard.pending.count);
    CHECK(live == fx.shard.actors.live);
    CHECK(placed == 0);
}

static void check_answers(bool all) {
    static uint8_t counts[STEPS_MAX + 2];
    memset(counts, 0, sizeof counts);
    for (uint32_t i = 0; i < fx.note_count; i++) {
        uint64_t number = fx.notes[i].caller.request;
        CHECK(number >= 1);
        CHECK(number <= asked);
        CHECK(counts[number] == 0);
        counts[number] = 1;
    }
    for (uint64_t number = 1; all && number <= asked; number++) CHECK(counts[number] == 1);
}

static uint32_t list_count(const struct list *list) {
    uint32_t count = 0;
    for (const struct list *link = list->next; link != list; link = link->next) count++;
    return count;
}

static void check_timers(void) {
    uint32_t timers = 0, sent = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < fx.shard.timers.count; i++) {
        if (fx.shard.timers.timers[i]->kind != TIMER_SEND) continue;
        timers++;
        bytes += LIST_ENTRY(fx.shard.timers.timers[i], struct send_timer, timer)->bytes;
    }
    for (uint32_t slot = 0; slot < fx.shard.actors.used; slot++) {
        const struct actor *actor = actor_at(&fx.shard.actors, slot);
        if (actor == NULL || actor->extra->alarms == NULL) continue;
        bytes += actor->extra->alarms->message_bytes;
        sent += actor->extra->alarms->sent;
    }
    CHECK(timers == fx.shard.send_timers.count);
    CHECK(timers <= fx.options.timers_max);
    CHECK(bytes == fx.shard.send_timers.bytes);
    CHECK(sent <= timers); // some have outlived who sent them
}

// Each queue is in one list of its crew, and what is on its way of it is in a ring.
static void check_hooks(void) {
    const struct list *crews = &fx.shard.hooks.crews;
    for (const struct list *at = crews->next; at != crews; at = at->next) {
        const struct crew *crew = LIST_ENTRY(at, struct crew, link);
        uint32_t           count = list_count(&crew->ready) + list_count(&crew->sent);
        uint32_t           inflight = 0;
        const struct list *penalties = &crew->penalties;
        for (const struct list *link = penalties->next; link != penalties; link = link->next) {
            const struct penalty *penalty = LIST_ENTRY(link, struct penalty, link);
            count += list_count(&penalty->held);
            CHECK(timer_armed(&penalty->timer));
            CHECK(penalty->serving || list_empty(&penalty->held));
        }
        CHECK(count == crew->queues);
        CHECK(count == 0 || crew->pool != NULL);
        const struct host *host = crew->pool == NULL ? NULL : crew->pool->active;
        CHECK(crew->pool == NULL || (crew->pool->open && crew->pool->code == crew->code));
        for (uint32_t i = 0; host != NULL && i < host->worker_count; i++) {
            CHECK(host->workers[i].inflight <= HOOK_TURNS_MAX);
            inflight += host->workers[i].inflight;
        }
        CHECK(list_count(&crew->sent) <= inflight);
    }
    for (uint32_t slot = 0; slot < fx.shard.actors.used; slot++) {
        const struct actor *actor = actor_at(&fx.shard.actors, slot);
        if (actor == NULL || actor->life == ACTOR_ENDED) continue;
        CHECK(actor->watched || !actor->ends_only);
        CHECK(actor->watched || !listener_has(&fx.shard.listeners, actor));
    }
}

static uint32_t ends_of(const struct ties *ties) {
    return ties == NULL ? 0 : ties->links + ties->monitors + ties->watchers;
}

// Each tie has two ends, and no reference of a client is told twice.
static void check_ties(void) {
    uint32_t ends = ends_of(tie_find_client(&fx.shard.ties, client(0)));
    for (uint32_t slot = 0; slot < fx.shard.actors.used; slot++) {
        const struct actor *actor = actor_at(&fx.shard.actors, slot);
        if (actor == NULL || actor->extra->ties == NULL) continue;
        CHECK(actor->extra->ties->actor == actor);
        CHECK(actor->extra->ties->id == actor_id(actor));
        CHECK(ends_of(actor->extra->ties) > 0);
        ends += ends_of(actor->extra->ties);
    }
    const struct list *over = &fx.shard.ties.over;
    for (const struct list *link = over->next; link != over; link = link->next) {
        ends += ends_of(LIST_ENTRY(link, struct ties, over));
    }
    CHECK(ends == fx.shard.ties.count * 2);
    static uint8_t told[STEPS_MAX * 2];
    memset(told, 0, sizeof told);
    for (uint32_t i = 0; i < fx.push_count; i++) {
        if (fx.pushes[i].kind != PUSH_DOWN) continue;
        CHECK(fx.pushes[i].ref < sizeof told);
        CHECK(told[fx.pushes[i].ref]++ == 0);
    }
}

// With no host left every caller's time runs out.
static void end_of_time(void) {
    mirror_lets_go();
    fx.shard.stopping = true;
    for (uint32_t i = 0; i < fx.shard.pool_count; i++) {
        while (fx.shard.pools[i].active != NULL)
            hosts_lost(&fx.shard, fx.shard.pools[i].active, HOST_END_EXITED, NULL);
    }
    settle_loads();
    check_counts();
    later(DEADLINE_MS_DEFAULT + 1);
    settle_loads();
    check_counts();
    check_answers(true);
    for (uint32_t slot = 0; slot < fx.shard.actors.used; slot++) {
        const struct actor *actor = actor_at(&fx.shard.actors, slot);
        CHECK(actor == NULL || (actor->held & HELD_AWAITING) == 0);
    }
}

// --- one run ---

static void (*const STEPS[])(void) = {
    client_starts,  client_asks,    client_asks,    client_asks,  client_ties,
    client_closes,  worker_takes,   worker_takes,   worker_takes, worker_commits,
    worker_commits, worker_commits, worker_commits, worker_dies,  worker_commits_nonsense,
    host_is_lost,   host_comes,     time_passes,    step,         loads_arrive,
    mirror_fills,   mirror_lets_go, shard_look,     client_holds, client_upgrades,
    news_arrive,    news_arrive,    client_watches,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    memset(&fx, 0, offsetof(struct fixture, notes));
    memset(begun, 0, sizeof begun);
    log_level_set(LOG_LEVEL_ERROR + 1);
    input = data;
    left = bytes;
    asked = 0;
    fx_defaults();
    fx.options.actors_max = 8;
    fx.options.mailbox_max = 6;
    fx.options.pending_max = 3;
    fx.options.waiting_bytes_max = 2000;
    fx.options.timers_max = 5;
    fx.options.allow_native_deploy = true;
    fx.callbacks = CALLBACK_HOOKS;
    fx_begin();
    host_joins(WORKERS);
    for (int i = 0; i < STEPS_MAX && left > 0; i++) {
        STEPS[next_byte() % (sizeof STEPS / sizeof STEPS[0])]();
        check_counts();
        check_timers();
        check_ties();
        check_hooks();
        check_answers(false);
    }
    end_of_time();
    fx_fini();
    return 0;
}
