#include "mode.h"

#include "fatal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct reading {
    struct job job;
    uint32_t   first_key;
    uint32_t   keys;
    uint32_t   next;
    int64_t   *values;
};

static bool reading_next(struct job *job, uint64_t now_ns, struct request *ret_request) {
    struct reading *reading = (struct reading *)job;
    (void)now_ns;
    if (reading->next == reading->keys) return false;
    *ret_request = (struct request){.op = OP_GET, .key = reading->first_key + reading->next++};
    return true;
}

static void reading_answer(struct job *job, const struct request *request,
                           const struct answer *answer, uint64_t now_ns) {
    struct reading *reading = (struct reading *)job;
    (void)now_ns;
    if (answer->kind != ANSWER_VALUE)
        fatal("no value for counter %u: %.*s", request->key, (int)answer->text_bytes,
              answer->text ? answer->text : "");
    reading->values[request->key - reading->first_key] = answer->value;
}

void counters_read(struct engine *engine, const struct options *options, int64_t *values) {
    struct reading reading = {
        {reading_next, reading_answer}, options->first_key, options->keys, 0, values};
    engine_run(engine, &reading.job);
}

bool round_begin(const struct options *options, uint32_t round) {
    char line[16];
    if (!options->stepped) return round < options->rounds;
    return fgets(line, sizeof line, stdin) != NULL;
}

void round_end(const struct options *options) {
    if (!options->stepped) return;
    puts("ok");
    fflush(stdout);
}

void print_histogram(const char *name, const struct histogram *histogram) {
    static const struct {
        const char *name;
        double      percent;
    } POINTS[] = {
        {"p50_us", 50}, {"p90_us", 90}, {"p99_us", 99}, {"p999_us", 99.9}, {"max_us", 100}};
    printf("\"%s\": {\"count\": %" PRIu64, name, histogram->count);
    for (size_t i = 0; i < sizeof POINTS / sizeof *POINTS; i++)
        printf(", \"%s\": %.3f", POINTS[i].name,
               (double)histogram_percentile(histogram, POINTS[i].percent) / 1000.0);
    printf("}");
}

void *allocate(size_t count, size_t bytes) {
    void *memory = calloc(count, bytes);
    if (!memory) fatal("no memory");
    return memory;
}

// xorshift64*, scaled by a multiplication; the keys need speed, not cryptography.
// Source: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled".
uint32_t random_below(struct random *random, uint32_t below) {
    uint64_t x = random->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    random->state = x;
    uint64_t high = (x * UINT64_C(2685821657736338717)) >> 32;
    return (uint32_t)(high * below >> 32);
}
