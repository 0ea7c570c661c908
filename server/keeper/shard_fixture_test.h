// shard_fixture_test: a shard with a real mirror, a port that takes notes, a clock that is a
// number, and hosts without processes: the test has the other end of their rings and plays the
// workers.
//
// ask_...   what clients send; each request has a number, and answer_of(number) is what came back
// play_...  what a worker does: take the next turn, commit
// step      one turn of the net thread's loop
#pragma once

#include "base/clock.h"
#include "keeper/hosts.h"
#include "keeper/life.h"
#include "keeper/requests.h"
#include "keeper/router.h"
#include "keeper/shard.h"

#ifndef cr_assert // a fuzzer brings its own
#include <criterion/criterion.h>
#endif

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FX_HOSTS_MAX 12
#define FX_WORKERS_MAX 4
#define FX_ANSWERS_MAX 4096
#define FX_PUSHES_MAX 4096
#define FX_BEHAVIOURS_MAX 6
#define FX_QUEUE_BYTES (64u << 10)
#define FX_EPOCH_MS 1000000u // where the clock begins

// A copy of one answer.
struct note {
    enum answer_kind      kind;
    struct caller         caller;
    enum status           status; // ANSWER_ERROR
    const char           *crash;  // static text
    char                  message[200];
    uint32_t              retry_after_ms;
    bool                  not_retryable;
    bool                  retryable;
    bool                  ignored;
    uint64_t              id;
    uint64_t              unit;
    uint64_t              ref;
    uint8_t               body[300]; // the payload, the reason or the name
    size_t                bytes;
    struct upgrade_report report; // its counts; what it points to is gone
    struct behaviour_info behaviours[FX_BEHAVIOURS_MAX];
    size_t                behaviour_count;
};

// A copy of what a connection was told unasked.
struct pushed {
    enum push_kind kind;
    struct caller  client;
    uint64_t       ref;
    uint64_t       id;
    uint64_t       unit;
    uint64_t       first;
    uint64_t       version; // of a step back the one that was left
    uint64_t       older;
    uint64_t       missed;
    char           name[64];
    uint8_t        reason[64];
    size_t         reason_bytes;
    uint8_t        value[64];
    size_t         value_bytes;
    uint8_t        old[64];
    size_t         old_bytes;
    bool           has_old;
};

struct fake_worker {
    struct ring             turns;
    struct ring             commits;
    struct turns_control   *turns_control;
    struct commits_control *commits_control;
    struct worker          *keeper_end;
    uint64_t                at;   // of the next turn to take
    uint64_t                head; // of the commits
};

struct fake_host {
    struct host       *host;
    uint32_t           worker_count;
    struct fake_worker workers[FX_WORKERS_MAX];
};

struct fixture {
    struct keeper_options options;
    struct mirror        *mirror;
    struct shard          shard;
    uint32_t              note_count;
    uint32_t              rooms;       // calls of on_room
    uint32_t              spawns;      // calls of spawn
    uint32_t              code_reads;  // calls of read_code
    uint32_t              timers;      // calls of on_timer
    uint32_t              stream_room; // events of watches that are taken before FULL
    uint16_t              callbacks;   // of "counter", for hosts that join from now on
    uint32_t              push_count;
    uint64_t              starts; // numbers the requests of up() and change_state()
    sem_t                 inbox;  // posted when the inbox was empty
    sem_t                 mirror_room;
    sem_t                 gate; // holds the mirror thread while it is shut
    sem_t                 gate_reached;
    struct mirror_read    gate_read;
    struct fake_host      hosts[FX_HOSTS_MAX];
    uint32_t              host_count;
    struct note           notes[FX_ANSWERS_MAX];
    struct pushed         pushes[FX_PUSHES_MAX];
};

static struct fixture fx;

// --- the port ---

static inline void fx_answer(void *context, struct caller caller, const struct answer *answer) {
    cr_assert(context == &fx);
    if (caller.generation == 0) return;
    cr_assert(fx.note_count < FX_ANSWERS_MAX);
    struct note *note = &fx.notes[fx.note_count++];
    struct slice body = answer->kind == ANSWER_STARTED ? answer->name : answer->payload;

    *note = (struct note){
        .kind = answer->kind,
        .caller = caller,
        .ignored = answer->ignored,
        .id = answer->id,
        .unit = answer->unit,
        .ref = answer->ref,
    };
    if (answer->kind == ANSWER_UPGRADED) note->report = *answer->report;
    if (answer->kind == ANSWER_BEHAVIOURS) {
        note->behaviour_count = answer->count < FX_BEHAVIOURS_MAX ? answer->count : 0;
        memcpy(note->behaviours, answer->behaviours,
               note->behaviour_count * sizeof note->behaviours[0]);
    }
    if (answer->kind == ANSWER_ERROR) {
        const struct failure *failure = answer->failure;
        note->status = failure->status;
        note->crash = failure->kind;
        note->retry_after_ms = failure->retry_after_ms;
        note->not_retryable = failure->not_retryable;
        note->retryable = failure->retryable;
        if (failure->message != NULL) {
            snprintf(note->message, sizeof note->message, "%s", failure->message);
        }
        body = failure->reason;
    }
    note->bytes = body.bytes < sizeof note->body ? body.bytes : sizeof note->body;
    if (note->bytes > 0) memcpy(note->body, body.data, note->bytes);
}

static inline void fx_push(void *context, struct caller client, const struct push *push) {
    cr_assert(context == &fx);
    cr_assert(fx.push_count < FX_PUSHES_MAX);
    struct pushed *copy = &fx.pushes[fx.push_count++];
    *copy = (struct pushed){.kind = push->kind, .client = client, .ref = push->ref, .id = push->id};
    snprintf(copy->name, sizeof copy->name, "%.*s", (int)push->name.bytes,
             (const char *)push->name.data);
    copy->reason_bytes = push->reason.bytes < sizeof copy->reason ? push->reason.bytes : 0;
    if (copy->reason_bytes > 0) memcpy(copy->reason, push->reason.data, copy->reason_bytes);
}

static inline enum status fx_stream(void *context, struct caller client, const struct push *push) {
    cr_assert(context == &fx);
    if (fx.stream_room == 0) return STATUS_FULL;
    fx.stream_room--;
    fx_push(context, client, push);
    struct pushed *copy = &fx.pushes[fx.push_count - 1];
    copy->unit = push->unit;
    copy->first = push->first;
    copy->version = push->kind == PUSH_STEPPED ? push->step.from : push->version;
    copy->older = push->step.to;
    copy->missed = push->missed;
    copy->has_old = push->has_old;
    copy->value_bytes = push->value.bytes < sizeof copy->value ? push->value.bytes : 0;
    if (copy->value_bytes > 0) memcpy(copy->value, push->value.data, copy->value_bytes);
    copy->old_bytes = push->old.bytes < sizeof copy->old ? push->old.bytes : 0;
    if (copy->old_bytes > 0) memcpy(copy->old, push->old.data, copy->old_bytes);
    return STATUS_OK;
}

static inline void fx_room(void *context) {
    ((struct fixture *)context)->rooms++;
}

static inline void fx_timer(void *context, struct timer *timer) {
    cr_assert(!timer_armed(timer));
    ((struct fixture *)context)->timers++;
}

static inline void fx_spawn(void *context, uint32_t workers, const struct code_set *code) {
    cr_assert(workers > 0);
    cr_assert(code != NULL);
    ((struct fixture *)context)->spawns++;
}

static inline void fx_read_code(void *context) {
    ((struct fixture *)context)->code_reads++;
}

static inline void fx_post(void *context) {
    sem_post(context);
}

static inline void fx_mirror_room(void *context) {
    sem_post(&((struct fixture *)context)->mirror_room);
}

static inline void fx_mirror_change(void *context, const struct mirror_change *change) {
    changes_push(&((struct fixture *)context)->shard.changes, change);
}

static inline void fx_wait(sem_t *sem) {
    while (sem_wait(sem) != 0) cr_assert(errno == EINTR);
}

// --- up and down ---

static inline void fx_defaults(void) {
    fx.options = (struct keeper_options){
        .behaviours = "none",
        .host_program = "none",
        .workers = 1,
        .own_hosts_max = 3,
        .quarantine_workers = 1,
        .quarantine_ms = 60000,
        .host_memory_bytes = 1u << 30,
        .host_cache = 1000,
        .table_bytes_max = 64u << 20,
        .generations = 2,
        .mailbox_max = 1000,
        .actors_max = 1000,
        .pending_max = 100,
        .timers_max = 100,
        .idempotency_max = 8,
        .idempotency_bytes_max = 64u << 10,
        .idempotency_ms = 60000,
        .waiting_bytes_max = 1u << 20,
        .crashes_max = 64,
        .crash_bytes_max = 8u << 20,
        .log_value_bytes = 200,
        .watches_max = 100,
        .prefix_watches_max = 4,
        .connection_watches_max = 10,
    };
    fx.stream_room = UINT32_MAX;
}

// What hosts of the beginning load: the files of the two behaviours that they tell of.
static inline void fx_code(void) {
    struct code_file *files[2];
    struct code_set  *code;
    const char       *names[2] = {"counter.so", "other.so"};
    for (int i = 0; i < 2; i++) {
        struct slice name = slice_of(names[i], strlen(names[i]));
        cr_assert(code_file_create(name, slice_of("1", 1), &files[i]) == STATUS_OK);
    }
    cr_assert(code_set_create(files, 2, &code) == STATUS_OK);
    shard_use_code(&fx.shard, code);
    code_set_release(code);
    for (int i = 0; i < 2; i++) code_file_release(files[i]);
}

// Begins with fx.options; fx_init is for those who are content with the defaults.
static inline void fx_begin(void) {
    struct port port = {
        .context = &fx,
        .answer = fx_answer,
        .push = fx_push,
        .stream = fx_stream,
        .on_room = fx_room,
        .on_timer = fx_timer,
        .spawn = fx_spawn,
        .read_code = fx_read_code,
    };
    sem_init(&fx.inbox, 0, 0);
    sem_init(&fx.mirror_room, 0, 0);
    sem_init(&fx.gate, 0, 0);
    sem_init(&fx.gate_reached, 0, 0);
    struct mirror_options options = {
        .generations = fx.options.generations,
        .queue_bytes = FX_QUEUE_BYTES,
        .heap_bytes_max = 1u << 20,
        .on_room = fx_mirror_room,
        .on_change = fx_mirror_change,
        .context = &fx,
    };
    cr_assert(mirror_create(&options, &fx.mirror) == STATUS_OK);
    cr_assert(shard_init(&fx.shard, &fx.options, fx.mirror, &port, fx_post, &fx.inbox) ==
              STATUS_OK);
    fx_code();
    fx.shard.now_ms = FX_EPOCH_MS;
}

static inline void fx_init(void) {
    fx_defaults();
    fx_begin();
}

static inline void fx_fini(void) {
    for (uint32_t i = 0; i < fx.host_count; i++) {
        for (uint32_t w = 0; w < fx.hosts[i].worker_count; w++) {
            ring_fini(&fx.hosts[i].workers[w].turns);
            ring_fini(&fx.hosts[i].workers[w].commits);
        }
    }
    // In this order, because the mirror may still answer reads into the shard's inbox; and without
    // a host nothing asks it again.
    for (uint32_t i = 0; i < fx.shard.pool_count; i++) {
        fx.shard.pools[i].active = fx.shard.pools[i].standby = NULL;
    }
    mirror_destroy(fx.mirror);
    shard_receive(&fx.shard);
    shard_fini(&fx.shard);
}

// One turn of the loop.
static inline void step(void) {
    fx.shard.wall_ms = clock_wall_ms();
    shard_run_timers(&fx.shard);
    shard_receive(&fx.shard);
    shard_drain(&fx.shard);
    shard_publish(&fx.shard);
}

// Waits until the mirror has answered all reads, and goes on with what they were for.
static inline void settle_loads(void) {
    step();
    while (fx.shard.loads > 0) {
        fx_wait(&fx.inbox);
        step();
    }
}

static inline void later(uint64_t ms) {
    fx.shard.now_ms += ms;
    step();
}

// --- Values ---

// A short string as an encoded Value; good for the next 32 calls.
static inline struct slice text(const char *string) {
    static uint8_t rooms[32][130];
    static int     next;
    uint8_t       *room = rooms[next++ % 32];
    size_t         bytes = strlen(string);
    cr_assert(bytes < 128);
    room[0] = 0x2a;
    room[1] = (uint8_t)bytes;
    memcpy(room + 2, string, bytes);
    return slice_of(room, bytes + 2);
}

static inline bool same(struct slice a, struct slice b) {
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

static inline struct slice raw(const char *string) {
    return slice_of(string, strlen(string));
}

// --- clients ---

static inline struct caller client(uint64_t request) {
    return (struct caller){.conn = 7, .generation = 3, .request = request};
}

static inline const struct note *answer_of(uint64_t request) {
    const struct note *found = NULL;
    for (uint32_t i = 0; i < fx.note_count; i++) {
        if (fx.notes[i].caller.request != request) continue;
        cr_assert(found == NULL, "request %d was answered twice", (int)request);
        found = &fx.notes[i];
    }
    return found;
}

static inline bool answered(uint64_t request) {
    return answer_of(request) != NULL;
}

static inline bool replied(uint64_t request, const char *string) {
    const struct note *note = answer_of(request);
    return note != NULL && note->kind == ANSWER_REPLY &&
           same(slice_of(note->body, note->bytes), text(string));
}

static inline bool failed(uint64_t request, enum status status) {
    const struct note *note = answer_of(request);
    return note != NULL && note->kind == ANSWER_ERROR && note->status == status;
}

static inline bool done(uint64_t request) {
    const struct note *note = answer_of(request);
    return note != NULL && note->kind == ANSWER_DONE;
}

static inline bool started(uint64_t request) {
    const struct note *note = answer_of(request);
    return note != NULL && note->kind == ANSWER_STARTED;
}

static inline enum status ask(uint64_t number, const struct request *request) {
    return request_run(&fx.shard, client(number), request);
}

static inline void ask_verb(uint64_t number, enum verb verb, const char *name, const char *payload,
                            uint32_t limit_ms) {
    struct request request = {
        .id = number,
        .verb = verb,
        .name = raw(name),
        .payload = payload == NULL ? (struct slice){0} : text(payload),
        .limit_ms = limit_ms,
    };
    cr_assert(ask(number, &request) == STATUS_OK);
}

static inline void ask_call(uint64_t number, const char *name, const char *payload) {
    ask_verb(number, VERB_CALL, name, payload, 0);
}

static inline void ask_cast(uint64_t number, const char *name, const char *payload) {
    ask_verb(number, VERB_CAST, name, payload, 0);
}

static inline void ask_stop(uint64_t number, const char *name) {
    ask_verb(number, VERB_STOP, name, NULL, 0);
}

static inline void ask_kill(uint64_t number, const char *name) {
    ask_verb(number, VERB_KILL, name, NULL, 0);
}

static inline void ask_resume(uint64_t number, const char *name) {
    ask_verb(number, VERB_RESUME, name, NULL, 0);
}

static inline struct request start_request(const char *name) {
    return (struct request){
        .verb = VERB_START,
        .name = raw(name),
        .behaviour = raw("counter"),
        .payload = text("argument"),
    };
}

static inline void ask_start(uint64_t number, const char *name) {
    struct request request = start_request(name);
    cr_assert(ask(number, &request) == STATUS_OK);
}

static inline struct actor *actor_named(const char *name) {
    return actor_by_name(&fx.shard.actors, raw(name));
}

static inline enum actor_life life_of(const char *name) {
    struct actor *actor = actor_named(name);
    return actor == NULL ? ACTOR_FREE : (enum actor_life)actor->life;
}

// --- workers ---

static inline struct fake_worker *fake(uint32_t host, uint32_t worker) {
    cr_assert(host < fx.host_count);
    cr_assert(worker < fx.hosts[host].worker_count);
    return &fx.hosts[host].workers[worker];
}

static inline void fake_map(struct fake_worker *end, struct worker *worker) {
    end->keeper_end = worker;
    cr_assert(ring_map(&end->turns, worker->turns.fd, TURN_RING_BYTES, TURN_BULK_BYTES, false) ==
              STATUS_OK);
    cr_assert(ring_map(&end->commits, worker->commits.fd, COMMIT_RING_BYTES, COMMIT_BULK_BYTES,
                       true) == STATUS_OK);
    end->turns_control = (struct turns_control *)(void *)end->turns.control;
    end->commits_control = (struct commits_control *)(void *)end->commits.control;
}

// The next turn that the keeper has published, NULL if there is none. Says that it is begun.
static inline const struct turn_record *play_next(struct fake_worker *end) {
    if (end->at == atomic_load(&end->turns_control->head)) return NULL;
    const struct turn_record *record = (const void *)ring_at(&end->turns, end->at);
    atomic_store(&end->commits_control->claimed, end->at + 1);
    end->at += record->record_bytes;
    return record;
}

static inline const struct turn_record *play_take(struct fake_worker *end, enum turn_kind kind) {
    const struct turn_record *record = play_next(end);
    cr_assert(record != NULL);
    cr_assert(record->kind == kind, "took a turn of kind %d", record->kind);
    return record;
}

static inline const uint8_t *turn_body(const struct fake_worker *end,
                                       const struct turn_record *record) {
    return record->flags & TURN_BULK ? end->turns.bulk : (const uint8_t *)(record + 1);
}

static inline struct slice turn_name(const struct fake_worker *end,
                                     const struct turn_record *record) {
    return slice_of(turn_body(end, record), record->name_bytes);
}

static inline struct slice turn_payload(const struct fake_worker *end,
                                        const struct turn_record *record) {
    return slice_of(turn_body(end, record) + record->name_bytes, record->payload_bytes);
}

static inline struct slice turn_state(const struct fake_worker *end,
                                      const struct turn_record *record) {
    return slice_of(turn_body(end, record) + record->name_bytes + record->payload_bytes,
                    record->state_bytes);
}

// A commit in the making.
struct out {
    struct commit_record record;
    uint8_t              items[32768];
};

static inline struct out out_of(enum commit_kind kind, uint64_t turn, int flags) {
    return (struct out){.record = {.kind = (uint8_t)kind, .turn = turn, .flags = (uint8_t)flags}};
}

static inline void out_add(struct out *out, enum item_kind kind, uint64_t token, struct slice name,
                           struct slice body) {
    struct item_header header = {
        .kind = (uint16_t)kind,
        .name_bytes = (uint16_t)name.bytes,
        .body_bytes = (uint32_t)body.bytes,
        .token = token,
    };
    uint8_t *room = out->items + out->record.item_bytes;
    size_t   bytes = sizeof header + ring_round(name.bytes + body.bytes);
    cr_assert(out->record.item_bytes + bytes <= sizeof out->items);
    memcpy(room, &header, sizeof header);
    if (name.bytes > 0) memcpy(room + sizeof header, name.data, name.bytes);
    if (body.bytes > 0) memcpy(room + sizeof header + name.bytes, body.data, body.bytes);
    out->record.item_bytes += (uint32_t)bytes;
    out->record.item_count++;
}

static inline void out_body(struct out *out, enum item_kind kind, struct slice body) {
    out_add(out, kind, 0, (struct slice){0}, body);
}

static inline void play_send(struct fake_worker *end, struct out *out) {
    struct commit_record *record = &out->record;
    record->record_bytes = (uint32_t)ring_round(sizeof *record + record->item_bytes);
    uint8_t *room = ring_at(&end->commits, end->head);
    memcpy(room, record, sizeof *record);
    memcpy(room + sizeof *record, out->items, record->item_bytes);
    end->head += record->record_bytes;
    atomic_store(&end->commits_control->head, end->head);
}

static inline void play_flags(struct fake_worker *end, uint64_t turn, int flags) {
    struct out out = out_of(COMMIT_DONE, turn, flags);
    play_send(end, &out);
}

static inline void play_done(struct fake_worker *end, uint64_t turn) {
    play_flags(end, turn, 0);
}

static inline void play_state(struct fake_worker *end, uint64_t turn, const char *state) {
    struct out out = out_of(COMMIT_DONE, turn, 0);
    out_body(&out, ITEM_STATE, text(state));
    play_send(end, &out);
}

static inline void play_reply(struct fake_worker *end, uint64_t turn, const char *reply,
                              const char *state) {
    struct out out = out_of(COMMIT_DONE, turn, 0);
    out_body(&out, ITEM_REPLY, text(reply));
    if (state != NULL) out_body(&out, ITEM_STATE, text(state));
    play_send(end, &out);
}

static inline void play_continue(struct fake_worker *end, uint64_t turn, const char *argument) {
    struct out out = out_of(COMMIT_DONE, turn, COMMIT_MORE);
    out_body(&out, ITEM_CONTINUE, text(argument));
    play_send(end, &out);
}

static inline void play_stop(struct fake_worker *end, uint64_t turn, int flags,
                             const char *reason) {
    struct out out = out_of(COMMIT_DONE, turn, COMMIT_STOP | flags);
    if (reason != NULL) out_body(&out, ITEM_REASON, text(reason));
    play_send(end, &out);
}

static inline void play_crash(struct fake_worker *end, uint64_t turn, enum commit_code code,
                              const char *reason) {
    struct out out = out_of(COMMIT_CRASH, turn, 0);
    out.record.code = (uint8_t)code;
    out_body(&out, ITEM_REASON, text(reason));
    out_body(&out, ITEM_TEXT, raw("handle_call of counter"));
    play_send(end, &out);
}

static inline void play_refuse(struct fake_worker *end, uint64_t turn, enum commit_code code,
                               const char *reason) {
    struct out out = out_of(COMMIT_REFUSED, turn, 0);
    out.record.code = (uint8_t)code;
    if (reason != NULL) out_body(&out, ITEM_REASON, text(reason));
    play_send(end, &out);
}

static inline void play_skip(struct fake_worker *end, uint64_t turn) {
    struct out out = out_of(COMMIT_SKIP, turn, 0);
    play_send(end, &out);
}

static inline void play_death(struct fake_worker *end, enum death death, uint32_t number) {
    atomic_store(&end->commits_control->death_signal, number);
    atomic_store(&end->commits_control->death_address, 0xdead);
    atomic_store(&end->commits_control->death, death);
}

// --- hosts ---

static inline void announce(struct fake_worker *end, const char *name, const char *version,
                            uint32_t deadline_ms) {
    struct out out = out_of(COMMIT_BEHAVIOUR, 0, 0);
    out.record.turn_deadline_ms = deadline_ms;
    if (strcmp(name, "counter") == 0) out.record.callbacks = fx.callbacks;
    out_body(&out, ITEM_TEXT, raw(name));
    out_body(&out, ITEM_REASON, raw(version));
    play_send(end, &out);
}

static inline void announce_ready(struct fake_worker *end) {
    struct out out = out_of(COMMIT_READY, 0, 0);
    play_send(end, &out);
}

// A host that has said nothing yet; its index.
static inline uint32_t host_spawned(uint32_t worker_count) {
    cr_assert(fx.host_count < FX_HOSTS_MAX);
    struct fake_host *end = &fx.hosts[fx.host_count];
    cr_assert(host_create(worker_count, &end->host) == STATUS_OK);
    end->worker_count = worker_count;
    for (uint32_t i = 0; i < worker_count; i++) {
        fake_map(&end->workers[i], &end->host->workers[i]);
    }
    end->host->spawned_ms = clock_mono_ms();
    hosts_add(&fx.shard, end->host);
    return fx.host_count++;
}

// A host with the behaviours "counter" and "other", ready.
static inline uint32_t host_joins(uint32_t worker_count) {
    uint32_t index = host_spawned(worker_count);
    announce(fake(index, 0), "counter", "1", 1000);
    announce(fake(index, 0), "other", "1", 0);
    announce_ready(fake(index, 0));
    step();
    return index;
}

// The worker that has the actor.
static inline struct fake_worker *home_of(const struct actor *actor) {
    struct worker *worker = router_worker(&fx.shard, actor);
    cr_assert(worker != NULL, "the actor has no home");
    for (uint32_t i = 0; i < fx.host_count; i++) {
        for (uint32_t w = 0; w < fx.hosts[i].worker_count; w++) {
            if (fx.hosts[i].workers[w].keeper_end == worker) return &fx.hosts[i].workers[w];
        }
    }
    cr_assert(false);
    return NULL;
}

// Runs the init that waits for `actor` and gives it a state.
static inline void play_init(struct actor *actor, const char *state) {
    step();
    struct fake_worker       *end = home_of(actor);
    const struct turn_record *turn = play_take(end, TURN_INIT);
    cr_assert(turn->slot == actor->slot);
    if (state != NULL) {
        play_state(end, turn->turn, state);
    } else {
        play_done(end, turn->turn);
    }
    step();
    cr_assert(actor->life == ACTOR_RUNNING);
}

// A running actor with the state "s0".
static inline struct actor *up_with(const struct request *request) {
    uint64_t number = 1000000 + fx.starts++;
    cr_assert(ask(number, request) == STATUS_OK);
    struct actor *actor = actor_by_name(&fx.shard.actors, request->name);
    cr_assert(actor != NULL);
    play_init(actor, "s0");
    cr_assert(started(number));
    return actor;
}

static inline struct actor *up(const char *name) {
    struct request request = start_request(name);
    return up_with(&request);
}

// Takes the next call at the actor's home and lets it crash.
static inline void crash_once(struct actor *actor, uint64_t number, const char *name) {
    ask_call(number, name, "crash");
    step();
    struct fake_worker *end = home_of(actor);
    play_crash(end, play_take(end, TURN_CALL)->turn, COMMIT_CODE_RAISE, "boom");
    step();
}

// A call that leaves `state` behind.
static inline void change_state(const char *name, const char *state) {
    struct actor *actor = actor_named(name);
    ask_call(1000000 + fx.starts++, name, "set");
    step();
    struct fake_worker *end = home_of(actor);
    play_state(end, play_take(end, TURN_CALL)->turn, state);
    step();
}

// Bytes that leave room for one turn of this size less than a full ring.
static const uint8_t filling[TURN_RING_BYTES >> 3];

// Fills the ring of the actor's worker until it answers AGAIN; how many turns that took.
static inline int fill_ring(struct actor *actor) {
    int         count = 0;
    enum status status;
    while ((status = router_deliver(&fx.shard, actor, TURN_CAST, CALLER_NOBODY, 0,
                                    slice_of(filling, sizeof filling), true)) == STATUS_OK) {
        count++;
    }
    cr_assert(status == STATUS_AGAIN);
    return count;
}

// Holds the mirror thread and fills its queue: puts answer FULL until mirror_resume.
static inline void fx_gate(struct mirror_read *read) {
    (void)read;
    sem_post(&fx.gate_reached);
    fx_wait(&fx.gate);
}

static inline void mirror_fill(void) {
    fx.gate_read = (struct mirror_read){.slot = 900, .unit = UINT64_MAX, .on_done = fx_gate};
    cr_assert(mirror_read(fx.mirror, &fx.gate_read) == STATUS_OK);
    mirror_flush(fx.mirror);
    fx_wait(&fx.gate_reached);
    while (mirror_forget(fx.mirror, 900, UINT64_MAX) == STATUS_OK) {
    }
}

static inline void mirror_resume(void) {
    sem_post(&fx.gate);
    fx_wait(&fx.mirror_room);
    shard_mirror_room(&fx.shard);
}

// What the mirror holds of an actor.
static inline void fx_read_done(struct mirror_read *read) {
    (void)read;
    sem_post(&fx.gate_reached);
}

static inline bool mirror_has(const struct actor *actor, const char *state, uint64_t version) {
    struct mirror_read read = {.slot = actor->slot, .unit = actor->unit, .on_done = fx_read_done};
    cr_assert(mirror_read(fx.mirror, &read) == STATUS_OK);
    mirror_flush(fx.mirror);
    fx_wait(&fx.gate_reached);
    bool has = read.status == STATUS_OK && read.version == version &&
               same(slice_of(read.state, read.bytes), text(state));
    free(read.state);
    return has;
}
