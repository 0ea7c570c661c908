// What timers of send_after cost: to arm one, to cancel one, to fire one, and memory, with so many
// pending. Due times are spread over an hour; the messages are small and for nobody, so that what
// is behind a delivery is not in the numbers.
//
//     send_timer_bench [PENDING]
#include "base/check.h"
#include "keeper/requests.h"
#include "keeper/send_timer.h"
#include "keeper/shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PER_TURN 10
#define SAMPLES 9
#define OPERATIONS 20000 // a sample
#define HOUR_MS 3600000u

static struct shard          shard;
static struct keeper_options options;
static struct actor         *actor;
static uint64_t              turn;
static uint32_t              seed = 1;
static uint64_t             *ids; // of those that are pending, more or less
static uint32_t              id_count;

// Processor time: the cost is what counts, whatever else the machine does.
static uint64_t cpu_ns(void) {
    struct timespec spent;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent) == 0);
    return (uint64_t)spent.tv_sec * 1000000000u + (uint64_t)spent.tv_nsec;
}

static uint32_t random_below(uint32_t limit) {
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(seed >> 4) * limit >> 28);
}

static uint64_t resident_bytes(void) {
    unsigned long size, resident;
    FILE         *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL);
    CHECK(fscanf(file, "%lu %lu", &size, &resident) == 2);
    fclose(file);
    return (uint64_t)resident * 4096;
}

// A commit that sends PER_TURN messages off.
static void arm_some(void) {
    static const char NAME[] = "nobody", BODY[] = "\x2a\x04tick";
    static uint8_t    items[PER_TURN * 64];
    struct commit     commit = {.timers = PER_TURN};
    uint8_t          *at = items;
    turn++;
    for (uint32_t i = 1; i <= PER_TURN; i++) {
        uint64_t           due_ms = shard.now_ms + 1 + random_below(HOUR_MS);
        struct item_header head = {.kind = ITEM_TIMER,
                                   .name_bytes = sizeof due_ms + sizeof NAME - 1,
                                   .body_bytes = sizeof BODY - 1,
                                   .token = turn << TIMER_INDEX_BITS | i};
        memcpy(at, &head, sizeof head);
        memcpy(at + sizeof head, &due_ms, sizeof due_ms);
        memcpy(at + sizeof head + 8, NAME, sizeof NAME - 1);
        memcpy(at + sizeof head + head.name_bytes, BODY, sizeof BODY - 1);
        at += sizeof head + ring_round((size_t)head.name_bytes + head.body_bytes);
        ids[id_count++] = head.token;
    }
    commit.items = slice_of(items, (size_t)(at - items));
    CHECK(send_timers_arm(&shard, actor, turn, &commit) == STATUS_OK);
}

static void cancel_one(void) {
    uint32_t which = random_below(id_count);
    send_timer_cancel(&shard, actor, ids[which]);
    ids[which] = ids[--id_count];
}

static void fire_one(void) {
    struct timer *timer = heap_pop_due(&shard.timers, UINT64_MAX);
    shard.now_ms = timer->due_ms;
    send_timer_due(&shard, LIST_ENTRY(timer, struct send_timer, timer));
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_samples(const char *what, uint32_t pending, double *samples) {
    qsort(samples, SAMPLES, sizeof samples[0], by_size);
    printf("%-8s %8u pending  best %6.0f  median %6.0f  worst %6.0f ns\n", what, pending,
           samples[0], samples[SAMPLES / 2], samples[SAMPLES - 1]);
}

// Each sample arms OPERATIONS and gets rid of as many, so that the number stays.
static void measure(uint32_t pending, const char *what, void (*one)(void)) {
    double arms[SAMPLES], others[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t begin_ns = cpu_ns();
        for (int n = 0; n < OPERATIONS; n += PER_TURN) arm_some();
        uint64_t armed_ns = cpu_ns();
        for (int n = 0; n < OPERATIONS; n++) one();
        arms[i] = (double)(armed_ns - begin_ns) / OPERATIONS;
        others[i] = (double)(cpu_ns() - armed_ns) / OPERATIONS;
    }
    print_samples("arm", pending, arms);
    print_samples(what, pending, others);
}

static void bench_with(uint32_t pending) {
    memset(&shard, 0, sizeof shard);
    options = (struct keeper_options){.timers_max = pending + OPERATIONS + PER_TURN};
    shard.options = &options;
    id_count = 0;
    ids = calloc(2 * (size_t)pending + 100 * OPERATIONS, sizeof *ids);
    CHECK(ids != NULL);
    CHECK(actor_table_init(&shard.actors, 10) == STATUS_OK);
    CHECK(actor_create(&shard.actors, slice_of("a", 1), (struct slice){0}, &actor) == STATUS_OK);
    CHECK(send_timers_init(&shard.send_timers, options.timers_max, UINT64_MAX) == STATUS_OK);
    actor->unit = 1;

    uint64_t before_ns = cpu_ns();
    while (shard.send_timers.count < pending) arm_some();
    uint64_t spent_ns = cpu_ns() - before_ns;
    printf("filling  %8u pending  %6.0f ns each\n", pending, (double)spent_ns / pending);
    measure(pending, "cancel", cancel_one);
    measure(pending, "fire", fire_one);

    spent_ns = cpu_ns();
    uint32_t left = shard.send_timers.count;
    while (shard.send_timers.count > 0) fire_one();
    printf("firing   all, %u of them  %6.0f ns each\n", left, (double)(cpu_ns() - spent_ns) / left);
    heap_fini(&shard.timers);
    send_timers_fini(&shard.send_timers);
    actor_destroy(&shard.actors, actor);
    actor_table_fini(&shard.actors);
    free(ids);
}

// In a process that has done nothing else yet.
static void measure_memory(uint32_t pending) {
    options = (struct keeper_options){.timers_max = pending + PER_TURN};
    shard.options = &options;
    ids = calloc((size_t)pending + PER_TURN, sizeof *ids);
    CHECK(ids != NULL);
    memset(ids, 1, ((size_t)pending + PER_TURN) * sizeof *ids);
    CHECK(actor_table_init(&shard.actors, 10) == STATUS_OK);
    CHECK(actor_create(&shard.actors, slice_of("a", 1), (struct slice){0}, &actor) == STATUS_OK);
    CHECK(send_timers_init(&shard.send_timers, options.timers_max, UINT64_MAX) == STATUS_OK);
    actor->unit = 1;
    uint64_t before = resident_bytes();
    while (shard.send_timers.count < pending) arm_some();
    printf("memory   %8u pending  %6.1f bytes each, all included\n", pending,
           (double)(resident_bytes() - before) / pending);
    while (shard.send_timers.count > 0) fire_one();
    heap_fini(&shard.timers);
    send_timers_fini(&shard.send_timers);
    actor_destroy(&shard.actors, actor);
    actor_table_fini(&shard.actors);
    free(ids);
}

int main(int argc, char **argv) {
    uint32_t pending = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    if (pending < 100) pending = 100;
    measure_memory(pending);
    if (pending > 1000) bench_with(1000);
    bench_with(pending);
    return 0;
}
