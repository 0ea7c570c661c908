#include "fatal.h"
#include "mode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct run {
    struct job       job;
    uint32_t         first_key;
    uint32_t         keys;
    struct random    random;
    uint64_t         measure_from_ns;
    uint64_t         measure_until_ns;
    uint32_t        *acknowledged; // owned; per key
    uint64_t         measured;
    struct histogram latency;
};

static bool run_next(struct job *job, uint64_t now_ns, struct request *ret_request) {
    struct run *run = (struct run *)job;
    if (now_ns >= run->measure_until_ns) return false;
    uint32_t index = run->keys == 1 ? 0 : random_below(&run->random, run->keys);
    *ret_request = (struct request){.op = OP_INC, .key = run->first_key + index};
    return true;
}

static void run_answer(struct job *job, const struct request *request, const struct answer *answer,
                       uint64_t now_ns) {
    struct run *run = (struct run *)job;
    if (answer->kind != ANSWER_VALUE && answer->kind != ANSWER_DONE)
        fatal("inc of counter %u: %.*s", request->key, (int)answer->text_bytes,
              answer->text ? answer->text : "");
    run->acknowledged[request->key - run->first_key]++;
    if (now_ns < run->measure_from_ns || now_ns >= run->measure_until_ns) return;
    run->measured++;
    histogram_add(&run->latency, now_ns - request->sent_ns);
}

static void check_counters(const struct run *run, const int64_t *before, const int64_t *after) {
    for (uint32_t i = 0; i < run->keys; i++)
        if (after[i] - before[i] != run->acknowledged[i])
            fatal("counter %u went from %" PRId64 " to %" PRId64 " after %u acknowledged incs",
                  run->first_key + i, before[i], after[i], run->acknowledged[i]);
}

void mode_run(const struct options *options) {
    struct engine *engine = engine_create(&options->engine);
    int64_t       *before = allocate(options->keys, sizeof *before);
    int64_t       *after = allocate(options->keys, sizeof *after);
    struct run    *run = allocate(1, sizeof *run);
    counters_read(engine, options, before);

    uint64_t now_ns = engine_now_ns();
    *run = (struct run){.job = {run_next, run_answer},
                        .first_key = options->first_key,
                        .keys = options->keys,
                        .random = {now_ns | 1},
                        .measure_from_ns = now_ns + (uint64_t)(options->warm * 1e9)};
    run->measure_until_ns = run->measure_from_ns + (uint64_t)(options->seconds * 1e9);
    run->acknowledged = allocate(options->keys, sizeof *run->acknowledged);
    engine_run(engine, &run->job);

    counters_read(engine, options, after);
    check_counters(run, before, after);
    printf("{\"requests\": %" PRIu64 ", \"per_second\": %.0f, \"counters_checked\": %u, ",
           run->measured, (double)run->measured / options->seconds, run->keys);
    print_histogram("latency", &run->latency);
    printf("}\n");
    free(run->acknowledged);
    free(run);
    free(before);
    free(after);
    engine_destroy(engine);
}
