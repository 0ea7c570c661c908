#include "fatal.h"
#include "mode.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Incs of counters, in the midst of which the host may be killed.
struct incs {
    struct job            job;
    const struct options *options;
    struct random         random;
    uint32_t              left;
    uint32_t              kill_at; // when so many are left; UINT32_MAX: not in this job
    int32_t               host_pid;
    bool                  sweep; // every counter once, instead of random ones
    uint64_t              killed_ns;
    uint64_t              crashed;    // answers that say so: nothing of them was kept
    int64_t              *expected;   // per key
    struct histogram      since_kill; // kill -> answer; of idle rounds, where all is sent after it
    struct histogram      latency;    // request -> answer
};

static void kill_host(struct incs *incs) {
    incs->killed_ns = engine_now_ns();
    if (kill(incs->host_pid, SIGKILL) != 0)
        fatal("cannot kill host %d: %s", incs->host_pid, strerror(errno));
}

static bool incs_next(struct job *job, uint64_t now_ns, struct request *ret_request) {
    struct incs *incs = (struct incs *)job;
    (void)now_ns;
    if (incs->left == 0) return false;
    if (incs->left == incs->kill_at) kill_host(incs);
    incs->left--;
    uint32_t index = incs->sweep ? incs->left : random_below(&incs->random, incs->options->keys);
    *ret_request = (struct request){.op = OP_INC, .key = incs->options->first_key + index};
    return true;
}

static void incs_answer(struct job *job, const struct request *request, const struct answer *answer,
                        uint64_t now_ns) {
    struct incs *incs = (struct incs *)job;
    if (answer->kind == ANSWER_CRASHED)
        incs->crashed++;
    else if (answer->kind == ANSWER_VALUE || answer->kind == ANSWER_DONE)
        incs->expected[request->key - incs->options->first_key]++;
    else
        fatal("inc of counter %u: %.*s", request->key, (int)answer->text_bytes,
              answer->text ? answer->text : "");
    histogram_add(&incs->latency, now_ns - request->sent_ns);
    if (incs->killed_ns > 0) histogram_add(&incs->since_kill, now_ns - incs->killed_ns);
}

static int32_t host_of(struct engine *engine, const struct options *options) {
    struct answer answer =
        engine_ask(engine, (struct request){.op = OP_HOST, .key = options->first_key});
    if (answer.value <= 1) fatal("the counter has no host");
    return (int32_t)answer.value;
}

static void check_all(struct engine *wide, const struct options *options, const int64_t *expected) {
    int64_t *values = allocate(options->keys, sizeof *values);
    counters_read(wide, options, values);
    for (uint32_t i = 0; i < options->keys; i++)
        if (values[i] != expected[i])
            fatal("counter %u has %" PRId64 " instead of %" PRId64 " after the kill",
                  options->first_key + i, values[i], expected[i]);
    free(values);
}

// Even rounds kill an idle host and send one inc per connection at once; odd rounds kill it
// half-way through an inc of every counter. The host has all of them: check_all() called them.
static void kill_once(struct engine *narrow, struct engine *wide, struct incs *incs, bool idle) {
    const struct options *options = incs->options;
    incs->killed_ns = 0;
    incs->host_pid = host_of(narrow, options);
    incs->sweep = !idle;
    incs->left = idle ? options->engine.connections : options->keys;
    incs->kill_at = idle ? incs->left : incs->left / 2;
    engine_run(idle ? narrow : wide, &incs->job);
    check_all(wide, options, incs->expected);
}

static struct incs *incs_create(const struct options *options, int64_t *expected) {
    struct incs *incs = allocate(1, sizeof *incs);
    *incs = (struct incs){.job = {incs_next, incs_answer},
                          .options = options,
                          .random = {engine_now_ns() | 1},
                          .expected = expected};
    return incs;
}

void mode_kill(const struct options *options) {
    struct engine_options narrow_options = options->engine;
    narrow_options.pipeline = 1;
    struct engine *narrow = engine_create(&narrow_options);
    struct engine *wide = engine_create(&options->engine);
    int64_t       *expected = allocate(options->keys, sizeof *expected);
    struct incs   *idle = incs_create(options, expected);
    struct incs   *loaded = incs_create(options, expected);
    counters_read(wide, options, expected);
    for (uint32_t round = 0; round_begin(options, round); round++) {
        kill_once(narrow, wide, round % 2 == 0 ? idle : loaded, round % 2 == 0);
        round_end(options);
    }
    printf("{\"counters\": %u, \"crashed\": %" PRIu64 ", ", options->keys,
           idle->crashed + loaded->crashed);
    print_histogram("idle", &idle->since_kill);
    printf(", ");
    print_histogram("loaded", &loaded->latency);
    printf("}\n");
    free(idle);
    free(loaded);
    free(expected);
    engine_destroy(wide);
    engine_destroy(narrow);
}
