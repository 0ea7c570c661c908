#include "fatal.h"
#include "mode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

// One crash and the call that follows it, on one connection.
struct crash {
    struct job job;
    enum op    op;
    uint32_t   key;
    bool       behind; // the call is sent right behind the crash, not after its answer
    bool       crash_sent, crash_answered, get_sent;
    uint64_t   sent_ns;    // the crash
    uint64_t   crashed_ns; // its answer
    uint64_t   back_ns;    // the answer of the call
    int64_t    value;
};

struct results {
    struct histogram behind; // crash sent -> call answered, both sent in one write
    struct histogram gap;    // of the same rounds: crash answered -> call answered
    struct histogram
        after; // crash sent -> call answered, the call sent when the crash was answered
};

static bool crash_next(struct job *job, uint64_t now_ns, struct request *ret_request) {
    struct crash *crash = (struct crash *)job;
    (void)now_ns;
    if (!crash->crash_sent) {
        crash->crash_sent = true;
        *ret_request = (struct request){.op = crash->op, .key = crash->key};
        return true;
    }
    if (crash->get_sent || !(crash->behind || crash->crash_answered)) return false;
    crash->get_sent = true;
    *ret_request = (struct request){.op = OP_GET, .key = crash->key};
    return true;
}

static void crash_answer(struct job *job, const struct request *request,
                         const struct answer *answer, uint64_t now_ns) {
    struct crash *crash = (struct crash *)job;
    bool          is_crash = request->op == crash->op;
    if (answer->kind != (is_crash ? ANSWER_CRASHED : ANSWER_VALUE))
        fatal("%s was answered with: %.*s", is_crash ? "the crash" : "the call behind it",
              (int)answer->text_bytes, answer->text ? answer->text : "(no failure)");
    if (is_crash) {
        crash->crash_answered = true;
        crash->sent_ns = request->sent_ns;
        crash->crashed_ns = now_ns;
    } else {
        crash->back_ns = now_ns;
        crash->value = answer->value;
    }
}

static void crash_once(struct engine *engine, const struct options *options, bool behind,
                       struct results *results) {
    struct crash crash = {.job = {crash_next, crash_answer},
                          .op = options->crash,
                          .key = options->first_key,
                          .behind = behind};
    int64_t      expected =
        engine_ask(engine, (struct request){.op = OP_INC, .key = options->first_key}).value;
    if (options->grow > 0)
        engine_ask(
            engine,
            (struct request){.op = OP_GROW, .key = options->first_key, .argument = options->grow});
    engine_run(engine, &crash.job);
    if (engine_protocol(engine)->keeps_state && crash.value != expected)
        fatal("after the crash the counter has %" PRId64 " instead of %" PRId64, crash.value,
              expected);
    histogram_add(behind ? &results->behind : &results->after, crash.back_ns - crash.sent_ns);
    // The two answers may come in any order; a call that was answered first waited for nothing.
    uint64_t gap_ns = crash.back_ns > crash.crashed_ns ? crash.back_ns - crash.crashed_ns : 0;
    if (behind) histogram_add(&results->gap, gap_ns);
}

void mode_crash(const struct options *options) {
    struct engine_options one = options->engine;
    one.connections = 1;
    one.pipeline = 2;
    struct engine  *engine = engine_create(&one);
    struct results *results = allocate(1, sizeof *results);
    for (uint32_t round = 0; round_begin(options, round); round++) {
        crash_once(engine, options, round % 2 == 0, results);
        round_end(options);
    }
    printf("{");
    print_histogram("behind", &results->behind);
    printf(", ");
    print_histogram("gap", &results->gap);
    printf(", ");
    print_histogram("after", &results->after);
    printf("}\n");
    free(results);
    engine_destroy(engine);
}
