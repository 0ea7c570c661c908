#include "fatal.h"
#include "mode.h"

#include <stdio.h>

struct start {
    struct job job;
    enum op    op;
    uint32_t   first_key;
    uint32_t   keys;
    uint32_t   next;
    uint32_t   existed;
};

static bool start_next(struct job *job, uint64_t now_ns, struct request *ret_request) {
    struct start *start = (struct start *)job;
    (void)now_ns;
    if (start->next == start->keys) return false;
    *ret_request = (struct request){.op = start->op, .key = start->first_key + start->next++};
    return true;
}

static void start_answer(struct job *job, const struct request *request,
                         const struct answer *answer, uint64_t now_ns) {
    struct start *start = (struct start *)job;
    (void)now_ns;
    if (answer->kind == ANSWER_EXISTS)
        start->existed++;
    else if (answer->kind != ANSWER_DONE && answer->kind != ANSWER_VALUE)
        fatal("start of counter %u: %.*s", request->key, (int)answer->text_bytes,
              answer->text ? answer->text : "");
}

void mode_start(const struct options *options) {
    struct engine *engine = engine_create(&options->engine);
    struct start   start = {.job = {start_next, start_answer},
                            .op = options->never_tired ? OP_START_UP : OP_START,
                            .first_key = options->first_key,
                            .keys = options->keys};
    uint64_t       from_ns = engine_now_ns();
    engine_run(engine, &start.job);
    double seconds = (double)(engine_now_ns() - from_ns) / 1e9;
    printf("{\"started\": %u, \"existed\": %u, \"seconds\": %.6f, \"per_second\": %.0f}\n",
           start.keys - start.existed, start.existed, seconds, start.keys / seconds);
    engine_destroy(engine);
}
