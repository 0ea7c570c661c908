// counter: an integer that answers to "inc", and a collection of ways to die.
//
// call  "state" "inc" "dec" ["add", n] ["set", n] -> the new value
//       "raise" "segfault" "abort" "exit" "overflow" "loop" "leak" ["sleep", ms] ["grow", bytes] ->
//       not always
// cast  "inc": through handle_continue        send  "inc": at once
// The argument is the first value; null means 0.
#include <peeper/behaviour.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE_BYTES 4096
#define LEAK_BYTES (256u << 10)

struct counter {
    int64_t value;
};

static void change(struct peeper_ctx *ctx, struct counter *counter, int64_t value) {
    counter->value = value;
    peeper_changed(ctx);
}

// Wraps around, as unsigned arithmetic does: a counter is no place for undefined behaviour.
static int64_t sum(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void sleep_ms(int64_t ms) {
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (ms > 0 && nanosleep(&left, &left) != 0) {
    }
}

// --- Ways to die ---------------------------------------------------------------------------------

static void die_raise(struct peeper_ctx *ctx) {
    peeper_raise(ctx, "boom");
}

static void die_segfault(struct peeper_ctx *ctx) {
    (void)ctx;
    // Not NULL itself: a sanitizer would stop at that before the processor does.
    volatile uintptr_t nowhere = 64;
    *(volatile int *)nowhere = 1;
}

static void die_abort(struct peeper_ctx *ctx) {
    (void)ctx;
    abort();
}

static void die_exit(struct peeper_ctx *ctx) {
    (void)ctx;
    exit(3);
}

static __attribute__((noinline)) int descend(volatile int *above) {
    // The use of the array after the call keeps this from becoming a loop.
    volatile int frame[64];
    if (*above < 0) return 0; // never; but the compiler cannot know
    frame[0] = *above + 1;
    return descend(frame) + frame[0];
}

static void die_overflow(struct peeper_ctx *ctx) {
    (void)ctx;
    volatile int top = 0;
    descend(&top);
}

static void die_loop(struct peeper_ctx *ctx) {
    (void)ctx;
    for (volatile unsigned turns = 0;;) turns = turns + 1;
}

// Never looks at what malloc() answered, as so much code does not.
static void die_leak(struct peeper_ctx *ctx) {
    (void)ctx;
    for (;;) {
        volatile char *memory = malloc(LEAK_BYTES);
        for (size_t i = 0; i < LEAK_BYTES; i += PAGE_BYTES) memory[i] = 1;
    }
}

static const struct {
    const char *word;
    void (*die)(struct peeper_ctx *);
} DEATHS[] = {
    {"raise", die_raise}, {"segfault", die_segfault}, {"abort", die_abort},
    {"exit", die_exit},   {"overflow", die_overflow}, {"loop", die_loop},
    {"leak", die_leak},
};

// Memory of the host, not of this actor: nothing counts it and nothing frees it. For benchmarks of
// large hosts.
static void grow(struct peeper_ctx *ctx, int64_t bytes) {
    if (bytes < 0) peeper_raise(ctx, "grow: a negative number of bytes");
    volatile char *memory = malloc((size_t)bytes);
    if (memory == NULL) peeper_raise(ctx, "grow: out of memory");
    for (int64_t i = 0; i < bytes; i += PAGE_BYTES) memory[i] = 1;
}

// --- Callbacks -----------------------------------------------------------------------------------

static enum peeper_action init(struct peeper_ctx *ctx, void *state, struct peeper_value argument) {
    struct counter *counter = state;
    if (peeper_value_kind(argument) == PEEPER_NULL) return PEEPER_OK;
    if (peeper_value_int(argument, &counter->value)) return PEEPER_OK;
    peeper_write_string(peeper_reason(ctx), "the argument must be an integer or null");
    return PEEPER_ERROR;
}

// ["add", n] and the like. False if the message is nothing of the kind.
static bool take_pair(struct peeper_ctx *ctx, struct counter *counter,
                      struct peeper_value message) {
    struct peeper_value word, operand;
    int64_t             n;
    if (peeper_value_count(message) != 2) return false;
    if (!peeper_value_at(message, 0, &word) || !peeper_value_at(message, 1, &operand)) return false;
    if (!peeper_value_int(operand, &n)) return false;

    if (peeper_value_is(word, "add")) {
        change(ctx, counter, sum(counter->value, n));
    } else if (peeper_value_is(word, "set")) {
        change(ctx, counter, n);
    } else if (peeper_value_is(word, "sleep")) {
        sleep_ms(n);
    } else if (peeper_value_is(word, "grow")) {
        grow(ctx, n);
    } else {
        return false;
    }
    return true;
}

static bool take_word(struct peeper_ctx *ctx, struct counter *counter,
                      struct peeper_value message) {
    if (peeper_value_is(message, "state")) return true;
    if (peeper_value_is(message, "inc")) {
        change(ctx, counter, sum(counter->value, 1));
        return true;
    }
    if (peeper_value_is(message, "dec")) {
        change(ctx, counter, sum(counter->value, -1));
        return true;
    }
    for (size_t i = 0; i < sizeof DEATHS / sizeof DEATHS[0]; i++) {
        if (peeper_value_is(message, DEATHS[i].word)) DEATHS[i].die(ctx);
    }
    return false;
}

static enum peeper_action handle_call(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    struct counter *counter = state;
    if (!take_word(ctx, counter, message) && !take_pair(ctx, counter, message)) {
        peeper_raise(
            ctx, "counter does not know this call; it knows state, inc, dec, [add, n], [set, n]");
    }
    peeper_write_int(peeper_reply(ctx), counter->value);
    return PEEPER_OK;
}

static enum peeper_action handle_cast(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    (void)state;
    if (peeper_value_is(message, "inc")) peeper_write_string(peeper_then_continue(ctx), "inc");
    return PEEPER_OK;
}

static enum peeper_action increment(struct peeper_ctx *ctx, void *state,
                                    struct peeper_value message) {
    struct counter *counter = state;
    if (peeper_value_is(message, "inc")) change(ctx, counter, sum(counter->value, 1));
    return PEEPER_OK;
}

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    const struct counter *counter = state;
    (void)ctx;
    peeper_write_int(out, counter->value);
}

static bool load(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    struct counter *counter = state;
    (void)ctx;
    return peeper_value_int(saved, &counter->value);
}

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = sizeof(struct counter),
    .name = "counter",
    .version = "1",
    .init = init,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
    .handle_info = increment,
    .handle_continue = increment,
    .save = save,
    .load = load,
};
