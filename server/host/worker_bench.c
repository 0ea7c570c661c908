// Nanoseconds per turn, without the keeper and without a second processor: turns are laid into the
// ring by the hundred, run, and their commits thrown away. The cost of the other side and of the
// cache lines that travel between processors comes on top.
#define _GNU_SOURCE
#include "host/worker.h"

#include "base/check.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH 100
#define ROUNDS 2000
#define SAMPLES 21

struct bench {
    struct worker     worker;
    struct ring       turns;
    struct ring       commits;
    struct behaviours behaviours;
    uint64_t          head;
    uint64_t          turn;
    uint32_t          actors;
    uint16_t          behaviour;
};

// --- A counter -----------------------------------------------------------------------------------

static enum peeper_action handle_call(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    int64_t *value = state;
    if (peeper_value_is(message, "inc")) {
        ++*value;
        peeper_changed(ctx);
    }
    peeper_write_int(peeper_reply(ctx), *value);
    return PEEPER_OK;
}

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    (void)ctx;
    peeper_write_int(out, *(const int64_t *)state);
}

static bool load(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    (void)ctx;
    return peeper_value_int(saved, state);
}

static const struct peeper_behaviour COUNTER = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = sizeof(int64_t),
    .name = "counter",
    .version = "",
    .handle_call = handle_call,
    .save = save,
    .load = load,
    .memory_bytes_max = BEHAVIOUR_MEMORY_BYTES,
};

// --- A table -------------------------------------------------------------------------------------

#define ROWS 10000

// 1 MB of rows, of which a call changes one.
static enum peeper_action shelf_call(struct peeper_ctx *ctx, void *state,
                                     struct peeper_value message) {
    static uint32_t      seed = 1;
    static const uint8_t bytes[100];
    (void)state;
    struct peeper_table *table = peeper_table(ctx, "shelf", 0);
    bool                 fill = peeper_value_is(message, "fill");
    for (int64_t i = fill ? 0 : ROWS - 1; i < ROWS; i++) {
        seed = seed * 1664525 + 1013904223;
        struct peeper_writer *value = peeper_make(ctx);
        peeper_write_list(value);
        peeper_write_int(value, seed);
        peeper_write_bytes(value, bytes, sizeof bytes - 20);
        peeper_write_end(value);
        peeper_table_put(ctx, table, peeper_make_int(ctx, fill ? i : (seed >> 8) % ROWS),
                         peeper_writer_value(value));
    }
    peeper_write_int(peeper_reply(ctx), (int64_t)peeper_table_count(ctx, table));
    return PEEPER_OK;
}

static const struct peeper_behaviour SHELF = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = sizeof(int64_t),
    .name = "shelf",
    .version = "",
    .handle_call = shelf_call,
    .save = save,
    .load = load,
    .memory_bytes_max = BEHAVIOUR_MEMORY_BYTES,
};

// The same in Lua, as behaviours/counter.lua would say it.
static const char LUA_COUNTER[] = "local function handle_call(message, from, value)\n"
                                  "    if message == 'inc' then value = value + 1 end\n"
                                  "    return 'reply', value, value\n"
                                  "end\n"
                                  "return {name = 'lua', handle_call = handle_call}\n";

static void on_loaded(void *context, const struct peeper_behaviour *behaviour,
                      enum behaviour_kind kind) {
    (void)context;
    CHECK(behaviour != NULL && kind == BEHAVIOUR_LUA);
}

static void on_failed(void *context, const char *file, const char *why) {
    (void)context;
    fprintf(stderr, "%s: %s\n", file, why);
    abort();
}

// --- The keeper's part ---------------------------------------------------------------------------

static void open_bench(struct bench *bench, uint16_t behaviour, uint32_t actors) {
    memset(bench, 0, sizeof *bench);
    CHECK(ring_create(&bench->turns, TURN_RING_BYTES, TURN_BULK_BYTES, true) == STATUS_OK);
    CHECK(ring_create(&bench->commits, COMMIT_RING_BYTES, COMMIT_BULK_BYTES, false) == STATUS_OK);
    int wake = eventfd(0, 0);
    // The worker looks for its descriptors where a host gets them: 3 to 6.
    int fds[] = {bench->turns.fd, bench->commits.fd, wake, wake};
    int lifted[4];
    for (int i = 0; i < 4; i++) lifted[i] = fcntl(fds[i], F_DUPFD, 64);
    for (int i = 0; i < 4; i++) CHECK(dup2(lifted[i], HOST_FD_FIRST + i) >= 0);
    bench->behaviours.list[0] = COUNTER;
    bench->behaviours.list[1] = SHELF;
    bench->behaviours.count = 2;
    const struct behaviours_listener listener = {.on_loaded = on_loaded, .on_failed = on_failed};
    behaviours_load_lua(&bench->behaviours, "counter.lua",
                        slice_of(LUA_COUNTER, strlen(LUA_COUNTER)), &listener);
    bench->actors = actors;
    bench->behaviour = behaviour;
    CHECK(worker_init(&bench->worker, 0, &bench->behaviours, 1u << 20, HOST_FD_FIRST + 3) ==
          STATUS_OK);
}

static void write_turn(struct bench *bench, enum turn_kind kind, uint32_t slot,
                       struct peeper_value payload) {
    struct turn_record *record = (struct turn_record *)(void *)ring_at(&bench->turns, bench->head);
    *record = (struct turn_record){
        .record_bytes = (uint32_t)ring_round(sizeof *record + payload.bytes),
        .kind = (uint8_t)kind,
        .behaviour = bench->behaviour,
        .slot = slot,
        .epoch = 1,
        .turn = ++bench->turn,
        .payload_bytes = (uint32_t)payload.bytes,
    };
    memcpy(record + 1, payload.data, payload.bytes);
    bench->head += record->record_bytes;
}

static void publish(struct bench *bench) {
    struct turns_control   *in = (struct turns_control *)(void *)bench->turns.control;
    struct commits_control *out = (struct commits_control *)(void *)bench->commits.control;
    atomic_store(&in->commits_tail, atomic_load(&out->head));
    atomic_store_explicit(&in->head, bench->head, memory_order_release);
}

// Processor time: it is the worker's cost that counts, whatever else the machine does.
static uint64_t cpu_ns(void) {
    struct timespec spent;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent) == 0);
    return (uint64_t)spent.tv_sec * 1000000000u + (uint64_t)spent.tv_nsec;
}

// One batch; answers the nanoseconds that the worker took.
static uint64_t run_batch(struct bench *bench, enum turn_kind kind, uint32_t first,
                          struct peeper_value payload) {
    for (uint32_t i = 0; i < BATCH; i++) {
        write_turn(bench, kind, (first + i) % bench->actors, payload);
    }
    publish(bench);
    uint64_t begin_ns = cpu_ns();
    for (int i = 0; i < BATCH; i++) worker_run_one(&bench->worker);
    return cpu_ns() - begin_ns;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(struct bench *bench, const char *what, struct peeper_value payload) {
    double   samples[SAMPLES];
    uint32_t seed = 1;
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t spent_ns = 0;
        for (int round = 0; round < ROUNDS; round++) {
            seed = seed * 1664525 + 1013904223;
            spent_ns += run_batch(bench, TURN_CALL, (seed >> 8) % bench->actors, payload);
        }
        samples[i] = (double)spent_ns / (ROUNDS * BATCH);
    }
    qsort(samples, SAMPLES, sizeof samples[0], by_size);
    printf(
        "%-32s %8u actors  best %6.1f  median %6.1f  worst %6.1f ns of processor time per turn\n",
        what, bench->actors, samples[0], samples[SAMPLES / 2], samples[SAMPLES - 1]);
}

static void bench_with(uint16_t behaviour, uint32_t actors) {
    static struct bench  bench;
    struct peeper_writer inc = {0}, look = {0}, zero = {0};
    peeper_write_string(&inc, "inc");
    peeper_write_string(&look, "state");
    peeper_write_int(&zero, 0);
    open_bench(&bench, behaviour, actors);
    struct mallinfo2 before = mallinfo2();
    for (uint32_t i = 0; i < actors; i += BATCH) {
        (void)run_batch(&bench, TURN_INIT, i, peeper_writer_value(&zero));
    }
    struct mallinfo2 after = mallinfo2();
    printf("%u copies%s: %.1f bytes each, with the table\n", actors,
           behaviour == 2 ? " in Lua" : "",
           (double)(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / actors);
    measure(&bench, "call that only reads", peeper_writer_value(&look));
    measure(&bench, "call that changes the state", peeper_writer_value(&inc));
    worker_fini(&bench.worker);
    ring_fini(&bench.turns);
    ring_fini(&bench.commits);
    peeper_writer_fini(&inc);
    peeper_writer_fini(&look);
    peeper_writer_fini(&zero);
}

static void bench_shelf(void) {
    static struct bench  bench;
    struct peeper_writer fill = {0}, put = {0}, zero = {0};
    peeper_write_string(&fill, "fill");
    peeper_write_string(&put, "put");
    peeper_write_int(&zero, 0);
    open_bench(&bench, 1, 1);
    // One of each: a batch is of one kind.
    write_turn(&bench, TURN_INIT, 0, peeper_writer_value(&zero));
    write_turn(&bench, TURN_CALL, 0, peeper_writer_value(&fill));
    publish(&bench);
    for (int i = 0; i < 2; i++) worker_run_one(&bench.worker);
    publish(&bench);
    measure(&bench, "call that changes one of 10000 rows", peeper_writer_value(&put));
    worker_fini(&bench.worker);
    ring_fini(&bench.turns);
    ring_fini(&bench.commits);
    peeper_writer_fini(&fill);
    peeper_writer_fini(&put);
    peeper_writer_fini(&zero);
}

int main(void) {
    bench_shelf();
    for (uint16_t behaviour = 0; behaviour <= 2; behaviour += 2) {
        bench_with(behaviour, 1);
        bench_with(behaviour, 1000);
        bench_with(behaviour, 100000);
    }
    return 0;
}
