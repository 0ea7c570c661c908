// tally: a counter in several versions, for upgrades. VERSION says which one is built; each saves
// its state in a form of its own.
//
//   1  the value                          an int
//   2  value and calls                    [value, calls]
//   3  value and who changed it last      {"value": value, "from": version}; will not have odd
//   values
//      that are multiples of 5 (ERROR) or of 7 (raise)
//   4  as 2, but without code_change: takes the states of 2 and no others
//   5  as 1, but its code_change does not survive a value of 13, nor returns for one of 17
//
// call  "inc" ["set", n] -> the new value      "state" -> the value      "version" -> VERSION
//       ["sleep", ms] -> the value
// cast  "inc"        send  "inc"
// `extra` of an upgrade, if it is an int, is added to the value.
#include <peeper/behaviour.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

struct tally {
    int64_t value;
    int64_t calls;
    char    from[16];
};

// --- States --------------------------------------------------------------------------------------

static void save_list(const struct tally *tally, struct peeper_writer *out) {
    peeper_write_list(out);
    peeper_write_int(out, tally->value);
    peeper_write_int(out, tally->calls);
    peeper_write_end(out);
}

static void save_map(const struct tally *tally, struct peeper_writer *out) {
    peeper_write_map(out);
    peeper_write_key(out, "from");
    peeper_write_string(out, tally->from);
    peeper_write_key(out, "value");
    peeper_write_int(out, tally->value);
    peeper_write_end(out);
}

static bool load_list(struct tally *tally, struct peeper_value saved) {
    struct peeper_value value, calls;
    return peeper_value_count(saved) == 2 && peeper_value_at(saved, 0, &value) &&
           peeper_value_at(saved, 1, &calls) && peeper_value_int(value, &tally->value) &&
           peeper_value_int(calls, &tally->calls);
}

static bool load_map(struct tally *tally, struct peeper_value saved) {
    struct peeper_value value;
    return peeper_value_get(saved, "value", &value) && peeper_value_int(value, &tally->value);
}

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    const struct tally *tally = state;
    (void)ctx;
    if (VERSION == 2 || VERSION == 4) {
        save_list(tally, out);
    } else if (VERSION == 3) {
        save_map(tally, out);
    } else {
        peeper_write_int(out, tally->value);
    }
}

static bool load(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    (void)ctx;
    if (VERSION == 2 || VERSION == 4) return load_list(state, saved);
    if (VERSION == 3) return load_map(state, saved);
    return peeper_value_int(saved, &((struct tally *)state)->value);
}

#if VERSION != 4

// Takes the state of any version.
static bool load_any(struct tally *tally, struct peeper_value saved) {
    return peeper_value_int(saved, &tally->value) || load_list(tally, saved) ||
           load_map(tally, saved);
}

static void object(struct peeper_ctx *ctx, int64_t value) {
    if (value % 2 == 0) return;
    if (value % 7 == 0) peeper_raise(ctx, "will not have %lld", (long long)value);
}

static enum peeper_action code_change(struct peeper_ctx *ctx, void *state, const char *old_version,
                                      struct peeper_value saved, struct peeper_value extra) {
    struct tally *tally = state;
    int64_t       more = 0;
    if (!load_any(tally, saved)) peeper_raise(ctx, "not a state of tally %s", old_version);
    if (VERSION == 3) object(ctx, tally->value);
    if (VERSION == 3 && tally->value % 2 != 0 && tally->value % 5 == 0) {
        peeper_write_string(peeper_reason(ctx), "odd");
        return PEEPER_ERROR;
    }
    if (VERSION == 5 && tally->value == 13) abort();
    while (VERSION == 5 && tally->value == 17) {
    }
    if (peeper_value_int(extra, &more)) tally->value += more;
    strncpy(tally->from, old_version, sizeof tally->from - 1);
    return PEEPER_OK;
}

#endif

// --- Turns ---------------------------------------------------------------------------------------

static void set(struct peeper_ctx *ctx, struct tally *tally, int64_t value) {
    tally->value = value;
    tally->calls++;
    peeper_changed(ctx);
}

static enum peeper_action init(struct peeper_ctx *ctx, void *state, struct peeper_value argument) {
    struct tally *tally = state;
    (void)ctx;
    (void)peeper_value_int(argument, &tally->value);
    return PEEPER_OK;
}

static void sleep_ms(int64_t ms) {
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}

static void take_pair(struct peeper_ctx *ctx, struct tally *tally, struct peeper_value message) {
    struct peeper_value word, operand;
    int64_t             n = 0;
    if (!peeper_value_at(message, 0, &word) || !peeper_value_at(message, 1, &operand) ||
        !peeper_value_int(operand, &n)) {
        peeper_raise(ctx, "tally does not know this call");
    }
    if (peeper_value_is(word, "set")) set(ctx, tally, n);
    if (peeper_value_is(word, "sleep")) sleep_ms(n);
}

static enum peeper_action handle_call(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    struct tally *tally = state;
    if (peeper_value_is(message, "version")) {
        peeper_write_string(peeper_reply(ctx), TEXT(VERSION));
        return PEEPER_OK;
    }
    if (peeper_value_is(message, "inc")) {
        set(ctx, tally, tally->value + 1);
    } else if (!peeper_value_is(message, "state")) {
        take_pair(ctx, tally, message);
    }
    peeper_write_int(peeper_reply(ctx), tally->value);
    return PEEPER_OK;
}

static enum peeper_action increment(struct peeper_ctx *ctx, void *state,
                                    struct peeper_value message) {
    struct tally *tally = state;
    if (peeper_value_is(message, "inc")) set(ctx, tally, tally->value + 1);
    return PEEPER_OK;
}

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = sizeof(struct tally),
    .name = "tally",
    .version = TEXT(VERSION),
    .init = init,
    .handle_call = handle_call,
    .handle_cast = increment,
    .handle_info = increment,
#if VERSION != 4
    .code_change = code_change,
#endif
    .save = save,
    .load = load,
};
