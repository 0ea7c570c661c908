// Works a mirror hard from several sides, for ThreadSanitizer and for whoever doubts that no
// wake-up is missed. Every read is compared with a model. Hangs end by SIGALRM.
//
//     mirror_stress [OPERATIONS]
#include "base/check.h"
#include "base/clock.h"
#include "base/mailbox.h"
#include "base/thread.h"
#include "keeper/mirror.h"

#include <inttypes.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS 9000 // spread over several segments
#define REQUESTS 64
#define STATE_BYTES_MAX 20000
#define GENERATIONS 3
#define SECONDS_MAX 300

// What the mirror must answer for a slot.
struct expected {
    uint64_t unit;
    uint64_t version; // of the newest; 0: none
    uint64_t first;   // version of the unit's first state since it was forgotten
};

struct request {
    struct mirror_read read;
    struct expected    expected; // when the read was queued
};

struct stress {
    struct mirror  *mirror;
    uint64_t        seed;
    uint64_t        operations;
    uint64_t        fulls;
    struct expected model[SLOTS];
    struct request  requests[REQUESTS];
    struct list     idle;    // requests
    uint32_t        flying;  // requests
    struct mailbox  answers; // requests that are done
    sem_t           room;
    sem_t           answered;
    _Atomic bool    ended;
};

static uint32_t next_random(struct stress *stress, uint32_t below) {
    stress->seed = stress->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(stress->seed >> 33) % below;
}

// A state's length and bytes follow from its slot and version.
static size_t state_of(uint32_t slot, uint64_t version, uint8_t *state) {
    uint64_t hash = (version * 0x9e3779b97f4a7c15u) ^ slot;
    size_t   bytes = (size_t)(hash >> 40) % (hash % 50 == 0 ? STATE_BYTES_MAX : 60);
    memset(state, (int)(hash & 0xff), bytes);
    return bytes;
}

static void on_room(void *context) {
    sem_post(context);
}

static void on_wake(void *context) {
    sem_post(context);
}

static void await(sem_t *sem) {
    while (sem_wait(sem) != 0) continue;
}

// ---- reads

static struct stress *the_stress; // a read carries no context

static void on_done(struct mirror_read *read) {
    CHECK(mailbox_push(&the_stress->answers, &read->link) == STATUS_OK);
}

static void verify(const struct request *request) {
    static uint8_t            state[STATE_BYTES_MAX];
    const struct mirror_read *read = &request->read;
    const struct expected    *expected = &request->expected;

    bool there = expected->version != 0 && expected->unit == read->unit &&
                 read->back < GENERATIONS && expected->version - read->back >= expected->first &&
                 expected->version > read->back;
    CHECK(read->status == (there ? STATUS_OK : STATUS_NOT_FOUND));
    if (!there) return;
    CHECK(read->version == expected->version - read->back);
    CHECK(read->at_ms == read->version + 1);
    CHECK(read->bytes == state_of(read->slot, read->version, state));
    CHECK(read->bytes == 0 || memcmp(read->state, state, read->bytes) == 0);
}

static void take_answers(struct stress *stress) {
    struct list  answers;
    struct list *link;

    list_init(&answers);
    mailbox_drain(&stress->answers, &answers);
    while ((link = list_pop(&answers)) != NULL) {
        struct request *request = LIST_ENTRY(link, struct request, read.link);
        verify(request);
        free(request->read.state);
        list_push(&stress->idle, link);
        stress->flying--;
    }
}

static enum status try_read(struct stress *stress, uint32_t slot) {
    take_answers(stress);
    while (list_empty(&stress->idle)) {
        mirror_flush(stress->mirror);
        await(&stress->answered);
        take_answers(stress);
    }
    struct request  *request = LIST_ENTRY(stress->idle.next, struct request, read.link);
    struct expected *expected = &stress->model[slot];

    request->expected = *expected;
    request->read.slot = slot;
    request->read.unit = expected->unit + (next_random(stress, 20) == 0);
    request->read.back = next_random(stress, GENERATIONS + 1);
    request->read.on_done = on_done;
    list_remove(&request->read.link);
    enum status status = mirror_read(stress->mirror, &request->read);
    if (status == STATUS_OK) {
        stress->flying++;
    } else {
        list_push_front(&stress->idle, &request->read.link);
    }
    return status;
}

// ---- puts

static enum status try_put(struct stress *stress, uint32_t slot) {
    static uint8_t   state[STATE_BYTES_MAX];
    struct expected  next = stress->model[slot];
    struct expected *expected = &stress->model[slot];

    next.version++;
    if (expected->version == 0 || next_random(stress, 50) == 0) {
        next.unit += expected->version != 0;
        next.first = next.version;
    }
    size_t                   bytes = state_of(slot, next.version, state);
    struct generation_origin origin = {.slot = slot,
                                       .unit = next.unit,
                                       .version = next.version,
                                       .turn = next.version + 2,
                                       .at_ms = next.version + 1};
    enum status              status = mirror_put(stress->mirror, &origin, slice_of(state, bytes));
    if (status == STATUS_OK) *expected = next;
    return status;
}

static enum status try_forget(struct stress *stress, uint32_t slot) {
    struct expected *expected = &stress->model[slot];
    enum status      status = mirror_forget(stress->mirror, slot, expected->unit);
    if (status == STATUS_OK) *expected = (struct expected){.unit = expected->unit + 1};
    return status;
}

static void operate(struct stress *stress) {
    uint32_t slot = next_random(stress, next_random(stress, 2) == 0 ? 10 : SLOTS);
    uint32_t dice = next_random(stress, 100);

    for (;;) {
        enum status status = dice < 85   ? try_put(stress, slot)
                             : dice < 95 ? try_read(stress, slot)
                                         : try_forget(stress, slot);
        if (status == STATUS_OK) break;
        CHECK(status == STATUS_FULL);
        stress->fulls++;
        await(&stress->room);
    }
    if (dice % 8 == 0) mirror_flush(stress->mirror);
    // Lets the mirror thread fall asleep now and then: waits until its queue is empty.
    if (next_random(stress, 500) != 0) return;
    struct mirror_counts counts;
    do {
        mirror_flush(stress->mirror);
        sched_yield();
        mirror_counts(stress->mirror, &counts);
    } while (counts.queue_bytes > 0);
}

// Publishes at about the moment at which the mirror thread turns from its doze to its deep sleep. A
// wake-up that goes missing there ends in SIGALRM, since nothing is flushed before the put is seen
// to be handled.
static void disturb_sleep(struct stress *stress) {
    for (uint32_t i = 0; i < stress->operations / 200; i++) {
        uint64_t             until_ns = clock_mono_ns() + 500000 + next_random(stress, 100000);
        struct mirror_counts counts;

        while (clock_mono_ns() < until_ns) continue;
        while (try_put(stress, 0) != STATUS_OK) await(&stress->room);
        mirror_flush(stress->mirror);
        do {
            mirror_counts(stress->mirror, &counts);
        } while (counts.queue_bytes > 0);
    }
}

// ---- threads

static void net_body(struct thread *thread, void *context) {
    struct stress *stress = context;

    thread_role_set(ROLE_NET);
    thread_ready(thread, STATUS_OK);
    for (uint64_t i = 0; i < stress->operations; i++) operate(stress);
    disturb_sleep(stress);
}

static void admin_body(struct thread *thread, void *context) {
    struct stress *stress = context;

    thread_role_set(ROLE_ADMIN);
    thread_ready(thread, STATUS_OK);
    while (!atomic_load(&stress->ended)) {
        struct mirror_counts counts;
        mirror_counts(stress->mirror, &counts);
        CHECK(counts.queue_bytes <= 64u << 10);
        CHECK(counts.units <= SLOTS);
        sched_yield();
    }
}

static void init(struct stress *stress, uint64_t operations, uint64_t seed) {
    struct mirror_options options = {.generations = GENERATIONS,
                                     .queue_bytes = 64u << 10,
                                     .heap_bytes_max = 40000,
                                     .on_room = on_room,
                                     .context = &stress->room};
    memset(stress, 0, sizeof *stress);
    stress->seed = seed;
    stress->operations = operations;
    list_init(&stress->idle);
    for (uint32_t i = 0; i < REQUESTS; i++)
        list_push(&stress->idle, &stress->requests[i].read.link);
    sem_init(&stress->room, 0, 0);
    sem_init(&stress->answered, 0, 0);
    mailbox_init(&stress->answers, REQUESTS, on_wake, &stress->answered);
    CHECK(mirror_create(&options, &stress->mirror) == STATUS_OK);
}

static void run(struct stress *stress) {
    struct thread net, admin;

    CHECK(thread_start(&net, "stress-net", net_body, stress) == STATUS_OK);
    CHECK(thread_start(&admin, "stress-admin", admin_body, stress) == STATUS_OK);
    thread_join(&net);
    atomic_store(&stress->ended, true);
    thread_join(&admin);
    // Whatever is still queued, and not even flushed, must be answered.
    mirror_destroy(stress->mirror);
    take_answers(stress);
    CHECK(stress->flying == 0);
    mailbox_fini(&stress->answers);
    sem_destroy(&stress->answered);
    sem_destroy(&stress->room);
}

int main(int argc, char **argv) {
    static struct stress stress;
    uint64_t             operations = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;

    the_stress = &stress;
    alarm(SECONDS_MAX);
    thread_role_set(ROLE_MAIN);
    for (uint64_t seed = 1; seed <= 10; seed++) {
        init(&stress, operations / 10, seed);
        run(&stress);
        printf("seed %" PRIu64 ": %" PRIu64 " operations, full %" PRIu64 " times\n", seed,
               stress.operations, stress.fulls);
    }
    return 0;
}
