// What the mirror costs: puts per second, processor time on either side, memory per actor.
//
//     mirror_bench [PUTS]
#define _GNU_SOURCE

#include "base/check.h"
#include "base/clock.h"
#include "base/thread.h"
#include "keeper/mirror.h"

#include <malloc.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define QUEUE_BYTES (4u << 20)

struct load {
    const char *name;
    uint32_t    slots;
    uint32_t    batch;       // puts per flush
    uint64_t    flush_per_s; // 0: as fast as it goes
    uint32_t    bytes;       // of a state
};

static sem_t room;

static void on_room(void *context) {
    sem_post(context);
}

static uint64_t cpu_ns(clockid_t clock) {
    struct timespec time;
    CHECK(clock_gettime(clock, &time) == 0);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint64_t resident_bytes(void) {
    unsigned long size, resident;
    FILE         *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL);
    CHECK(fscanf(file, "%lu %lu", &size, &resident) == 2);
    fclose(file);
    return (uint64_t)resident * 4096;
}

static uint64_t context_switches(void) {
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return (uint64_t)usage.ru_nvcsw;
}

static struct mirror *create(void) {
    struct mirror_options options = {.generations = 2,
                                     .queue_bytes = QUEUE_BYTES,
                                     .heap_bytes_max = 64u << 20,
                                     .on_room = on_room,
                                     .context = &room};
    struct mirror        *mirror;
    CHECK(mirror_create(&options, &mirror) == STATUS_OK);
    return mirror;
}

static void put(struct mirror *mirror, uint32_t slot, uint64_t version, struct slice state) {
    struct generation_origin origin = {
        .slot = slot, .unit = slot + 1, .version = version, .turn = version, .at_ms = version};
    while (mirror_put(mirror, &origin, state) != STATUS_OK) {
        while (sem_wait(&room) != 0) continue;
    }
}

static void on_done(struct mirror_read *read) {
    free(read->state);
    sem_post((sem_t *)read->link.next);
}

// Returns when the mirror has handled everything before.
static void finish(struct mirror *mirror) {
    sem_t              done;
    struct mirror_read read = {.on_done = on_done};

    sem_init(&done, 0, 0);
    read.link.next = (struct list *)&done;
    while (mirror_read(mirror, &read) != STATUS_OK) sem_wait(&room);
    mirror_flush(mirror);
    while (sem_wait(&done) != 0) continue;
}

static uint32_t next_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

// Keeps the net thread as busy as the rest of a loop turn would, until it is time for the next.
static void spin_until(uint64_t due_ns) {
    while (clock_mono_ns() < due_ns) continue;
}

// Puts as `load` says; answers the time spent in the mirror's calls, waits for room included.
static uint64_t produce(struct mirror *mirror, const struct load *load, uint64_t puts) {
    static uint8_t bytes[1 << 20];
    uint64_t       seed = 1, busy_ns = 0, due_ns = clock_mono_ns();

    for (uint64_t i = 0; i < puts; i += load->batch) {
        uint64_t begin_ns = clock_mono_ns();
        for (uint64_t version = i; version < i + load->batch; version++) {
            uint32_t slot = load->slots == 1 ? 0 : next_random(&seed) % load->slots;
            memcpy(bytes, &version, sizeof version);
            put(mirror, slot, version, slice_of(bytes, load->bytes));
        }
        mirror_flush(mirror);
        busy_ns += clock_mono_ns() - begin_ns;
        if (load->flush_per_s == 0) continue;
        due_ns += 1000000000 / load->flush_per_s;
        spin_until(due_ns);
    }
    return busy_ns;
}

static void run(const struct load *load, uint64_t puts) {
    struct load    warm = *load;
    struct mirror *mirror = create();

    warm.flush_per_s = 0;
    (void)produce(mirror, &warm, 4 * (uint64_t)load->slots);
    finish(mirror);

    uint64_t switches = context_switches(), begin_ns = clock_mono_ns();
    uint64_t mirror_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns(CLOCK_THREAD_CPUTIME_ID);
    uint64_t net_ns = produce(mirror, load, puts);
    finish(mirror);
    uint64_t elapsed_ns = clock_mono_ns() - begin_ns;
    mirror_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns(CLOCK_THREAD_CPUTIME_ID) - mirror_ns;

    printf("%-36s %6.2f M/s %8.1f ns/put net %8.1f ns/put mirror (%4.1f %% of a core) "
           "%6.0f sleeps/s\n",
           load->name, (double)puts * 1e3 / (double)elapsed_ns, (double)net_ns / (double)puts,
           (double)mirror_ns / (double)puts, 100.0 * (double)mirror_ns / (double)elapsed_ns,
           (double)(context_switches() - switches) * 1e9 / (double)elapsed_ns);
    mirror_destroy(mirror);
}

static void run_memory(uint32_t generations) {
    struct mirror *mirror = create();
    uint64_t       before = resident_bytes();

    for (uint32_t k = 0; k < generations; k++) {
        for (uint32_t i = 0; i < 1000000; i++) put(mirror, i, k, slice_of("abc", 3));
    }
    finish(mirror);
    printf("1,000,000 counters of 3 bytes, %u generation(s): %.1f bytes resident each\n",
           generations, (double)(resident_bytes() - before - QUEUE_BYTES) / 1e6);
    mirror_destroy(mirror);
    malloc_trim(0);
}

static int compare(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

// How soon a read is answered, with the thread dozing or deep asleep.
static void run_reads(const char *name, uint64_t pause_ns) {
    enum { READS = 2000 };
    static uint64_t waits_ns[READS];
    struct mirror  *mirror = create();

    put(mirror, 0, 1, slice_of("abc", 3));
    for (uint32_t i = 0; i < READS; i++) {
        uint64_t begin_ns = clock_mono_ns();
        finish(mirror);
        waits_ns[i] = clock_mono_ns() - begin_ns;
        spin_until(begin_ns + pause_ns);
    }
    qsort(waits_ns, READS, sizeof waits_ns[0], compare);
    printf("read while the thread %s: median %.1f us, p99 %.1f us\n", name,
           (double)waits_ns[READS / 2] / 1e3, (double)waits_ns[READS * 99 / 100] / 1e3);
    mirror_destroy(mirror);
}

int main(int argc, char **argv) {
    static const struct load LOADS[] = {
        {"1 slot, 3 bytes, full speed", 1, 64, 0, 3},
        {"100,000 slots, 3 bytes, full speed", 100000, 64, 0, 3},
        {"1,000,000 slots, 3 bytes, full sp.", 1000000, 64, 0, 3},
        {"1 slot, 1.5 M/s", 1, 75, 20000, 3},
        {"100,000 slots, 1.5 M/s", 100000, 75, 20000, 3},
        {"100,000 slots, 20 k/s, one a flush", 100000, 1, 20000, 3},
        {"100,000 slots, 200 bytes, full sp.", 100000, 64, 0, 200},
        {"1,000 slots, 4,096 bytes, full sp.", 1000, 16, 0, 4096},
        {"1,000 slots, 64 KiB, full speed", 1000, 4, 0, 64 << 10},
    };
    uint64_t puts = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000000;

    sem_init(&room, 0, 0);
    run_memory(1);
    run_memory(2);
    run_reads("dozes", 100000);
    run_reads("sleeps deep", 1200000);
    for (size_t i = 0; i < sizeof LOADS / sizeof LOADS[0]; i++) {
        uint64_t few = LOADS[i].flush_per_s * LOADS[i].batch * 2; // two seconds at the given pace
        if (few == 0) few = LOADS[i].bytes > 1000 ? puts / 50 : puts;
        run(&LOADS[i], few);
    }
    sem_destroy(&room);
    return 0;
}
