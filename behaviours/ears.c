// ears: tells another actor what it hears of itself, in as many ways as a test wants it to go
// wrong.
//
// The argument is the name of whoever is told; the state is [name, mode, ms, value].
// call  "inc" "state" -> the value        "same" -> likewise; it says that the state has changed
//       ["mode", mode, ms] -> true        "raise" -> not         ["stop", reason] -> true
// cast and send take the same messages; their answers go nowhere.
//
// What is told, with peeper_send(): ["changed", own name, before, state] and ["ended", own name,
// reason, state]. The mode of that state decides how: "tell"; "cast" with peeper_cast(); "slow"
// after `ms`; any other that MODES knows breaks something first.
//
// With EARS_END it is called ears_end and hears of ends only.
#include <peeper/behaviour.h>

#include <string.h>
#include <time.h>

#define NAME_BYTES 256
#define MODE_BYTES 32
#define MEMORY_BYTES_MAX (1u << 20)
#define TOO_MANY 2000 // sends in one turn

struct ears {
    char    to[NAME_BYTES];
    char    mode[MODE_BYTES];
    int64_t ms;
    int64_t value;
};

// --- Ways to go wrong ----------------------------------------------------------------------------

static void mode_raise(struct peeper_ctx *ctx) {
    peeper_raise(ctx, "deaf");
}

static void mode_exit(struct peeper_ctx *ctx) {
    peeper_write_string(peeper_reason(ctx), "gone deaf");
    peeper_exit(ctx);
}

static void mode_segfault(struct peeper_ctx *ctx) {
    (void)ctx;
    // Not NULL itself: a sanitizer would stop at that before the processor does.
    volatile uintptr_t nowhere = 64;
    *(volatile int *)nowhere = 1;
}

static void mode_loop(struct peeper_ctx *ctx) {
    (void)ctx;
    for (volatile unsigned turns = 0;;) turns = turns + 1;
}

static void mode_hungry(struct peeper_ctx *ctx) {
    for (;;) peeper_alloc(ctx, MEMORY_BYTES_MAX / 4);
}

static void mode_mute(struct peeper_ctx *ctx) {
    peeper_send(ctx, "nobody");
}

static void mode_many(struct peeper_ctx *ctx) {
    for (int i = 0; i < TOO_MANY; i++) peeper_write_int(peeper_send(ctx, "nobody"), i);
}

// What needs the actor, which is not there.

static void mode_changed(struct peeper_ctx *ctx) {
    peeper_changed(ctx);
}

static void mode_reply(struct peeper_ctx *ctx) {
    peeper_write_null(peeper_reply(ctx));
}

static void mode_reply_to(struct peeper_ctx *ctx) {
    peeper_write_null(peeper_reply_to(ctx, 1));
}

static void mode_call(struct peeper_ctx *ctx) {
    peeper_write_null(peeper_call(ctx, "a", 0));
}

static void mode_start(struct peeper_ctx *ctx) {
    peeper_write_null(peeper_start(ctx, "ears", "b"));
}

static void mode_stop(struct peeper_ctx *ctx) {
    peeper_write_null(peeper_stop(ctx, "a"));
}

static void mode_send_after(struct peeper_ctx *ctx) {
    peeper_write_null(peeper_send_after(ctx, "a", 1, NULL));
}

static void mode_cancel_timer(struct peeper_ctx *ctx) {
    peeper_cancel_timer(ctx, 1);
}

static void mode_monitor(struct peeper_ctx *ctx) {
    peeper_monitor(ctx, "a");
}

static void mode_demonitor(struct peeper_ctx *ctx) {
    peeper_demonitor(ctx, 1);
}

static void mode_link(struct peeper_ctx *ctx) {
    peeper_link(ctx, "a");
}

static void mode_unlink(struct peeper_ctx *ctx) {
    peeper_unlink(ctx, "a");
}

static void mode_then_continue(struct peeper_ctx *ctx) {
    peeper_write_null(peeper_then_continue(ctx));
}

static void mode_then_timer(struct peeper_ctx *ctx) {
    peeper_write_null(peeper_then_timer(ctx, 1));
}

static void mode_then_timeout(struct peeper_ctx *ctx) {
    peeper_then_timeout(ctx, 1);
}

static void mode_then_hibernate(struct peeper_ctx *ctx) {
    peeper_then_hibernate(ctx);
}

static void mode_table(struct peeper_ctx *ctx) {
    peeper_table(ctx, "rows", 0);
}

static void mode_table_find(struct peeper_ctx *ctx) {
    peeper_table_find(ctx, "rows");
}

static void mode_dictionary_put(struct peeper_ctx *ctx) {
    peeper_dictionary_put(ctx, peeper_make_int(ctx, 1), peeper_make_int(ctx, 2));
}

static void mode_dictionary_get(struct peeper_ctx *ctx) {
    struct peeper_value value;
    peeper_dictionary_get(ctx, peeper_make_int(ctx, 1), &value);
}

static void mode_dictionary_delete(struct peeper_ctx *ctx) {
    peeper_dictionary_delete(ctx, peeper_make_int(ctx, 1));
}

static const struct {
    const char *word;
    void (*run)(struct peeper_ctx *);
} MODES[] = {
    {"raise", mode_raise},
    {"exit", mode_exit},
    {"segfault", mode_segfault},
    {"loop", mode_loop},
    {"hungry", mode_hungry},
    {"mute", mode_mute},
    {"many", mode_many},
    {"changed", mode_changed},
    {"reply", mode_reply},
    {"reply_to", mode_reply_to},
    {"call", mode_call},
    {"start", mode_start},
    {"stop", mode_stop},
    {"send_after", mode_send_after},
    {"cancel_timer", mode_cancel_timer},
    {"monitor", mode_monitor},
    {"demonitor", mode_demonitor},
    {"link", mode_link},
    {"unlink", mode_unlink},
    {"then_continue", mode_then_continue},
    {"then_timer", mode_then_timer},
    {"then_timeout", mode_then_timeout},
    {"then_hibernate", mode_then_hibernate},
    {"table", mode_table},
    {"table_find", mode_table_find},
    {"dictionary_put", mode_dictionary_put},
    {"dictionary_get", mode_dictionary_get},
    {"dictionary_delete", mode_dictionary_delete},
};

// --- The state -----------------------------------------------------------------------------------

static bool take_text(struct peeper_value value, char *room, size_t room_bytes) {
    const char *text;
    size_t      bytes;
    if (!peeper_value_string(value, &text, &bytes) || bytes >= room_bytes) return false;
    memcpy(room, text, bytes);
    room[bytes] = '\0';
    return true;
}

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    const struct ears *ears = state;
    (void)ctx;
    peeper_write_list(out);
    peeper_write_string(out, ears->to);
    peeper_write_string(out, ears->mode);
    peeper_write_int(out, ears->ms);
    peeper_write_int(out, ears->value);
    peeper_write_end(out);
}

static bool load(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    struct ears        *ears = state;
    struct peeper_value to, mode, ms, value;
    (void)ctx;
    return peeper_value_at(saved, 0, &to) && take_text(to, ears->to, sizeof ears->to) &&
           peeper_value_at(saved, 1, &mode) && take_text(mode, ears->mode, sizeof ears->mode) &&
           peeper_value_at(saved, 2, &ms) && peeper_value_int(ms, &ears->ms) &&
           peeper_value_at(saved, 3, &value) && peeper_value_int(value, &ears->value);
}

// --- What it hears -------------------------------------------------------------------------------

static void sleep_ms(int64_t ms) {
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (ms > 0 && nanosleep(&left, &left) != 0) {
    }
}

static void go_wrong(struct peeper_ctx *ctx, const char *mode) {
    for (size_t i = 0; i < sizeof MODES / sizeof MODES[0]; i++) {
        if (strcmp(mode, MODES[i].word) == 0) return MODES[i].run(ctx);
    }
    peeper_raise(ctx, "ears have no mode %s", mode);
}

static void tell(struct peeper_ctx *ctx, const char *word, struct peeper_value first,
                 struct peeper_value state) {
    struct ears ears = {0};
    if (!load(ctx, &ears, state)) return; // nobody to tell
    bool cast = strcmp(ears.mode, "cast") == 0;
    bool slow = strcmp(ears.mode, "slow") == 0;
    if (slow) sleep_ms(ears.ms);
    if (!cast && !slow && strcmp(ears.mode, "tell") != 0) go_wrong(ctx, ears.mode);
    struct peeper_writer *out = cast ? peeper_cast(ctx, ears.to) : peeper_send(ctx, ears.to);
    peeper_write_list(out);
    peeper_write_string(out, word);
    peeper_write_string(out, peeper_self_name(ctx));
    peeper_write_value(out, first);
    peeper_write_value(out, state);
    peeper_write_end(out);
}

static void on_terminate(struct peeper_ctx *ctx, struct peeper_value reason,
                         struct peeper_value state) {
    tell(ctx, "ended", reason, state);
}

#ifndef EARS_END
static void on_state_changed(struct peeper_ctx *ctx, struct peeper_value before,
                             struct peeper_value state) {
    tell(ctx, "changed", before, state);
}
#endif

// --- The actor -----------------------------------------------------------------------------------

static enum peeper_action init(struct peeper_ctx *ctx, void *state, struct peeper_value argument) {
    struct ears *ears = state;
    memcpy(ears->mode, "tell", sizeof "tell");
    if (take_text(argument, ears->to, sizeof ears->to)) return PEEPER_OK;
    peeper_write_string(peeper_reason(ctx), "the argument must be the name of an actor");
    return PEEPER_ERROR;
}

static bool set_mode(struct ears *ears, struct peeper_value message) {
    struct peeper_value mode, ms;
    return peeper_value_count(message) == 3 && peeper_value_at(message, 1, &mode) &&
           take_text(mode, ears->mode, sizeof ears->mode) && peeper_value_at(message, 2, &ms) &&
           peeper_value_int(ms, &ears->ms);
}

static bool take_word(struct peeper_ctx *ctx, struct ears *ears, struct peeper_value message) {
    bool inc = peeper_value_is(message, "inc");
    if (peeper_value_is(message, "raise")) peeper_raise(ctx, "boom");
    if (inc) ears->value++;
    if (inc || peeper_value_is(message, "same")) peeper_changed(ctx);
    return inc || peeper_value_is(message, "same") || peeper_value_is(message, "state");
}

// What is answered is true where it is not the value.
static enum peeper_action take(struct peeper_ctx *ctx, struct ears *ears,
                               struct peeper_value message, bool *ret_value) {
    struct peeper_value word, reason;
    *ret_value = take_word(ctx, ears, message);
    if (*ret_value) return PEEPER_OK;
    if (!peeper_value_at(message, 0, &word)) peeper_raise(ctx, "ears do not know this message");
    if (peeper_value_is(word, "stop") && peeper_value_at(message, 1, &reason)) {
        peeper_write_value(peeper_reason(ctx), reason);
        return PEEPER_STOP;
    }
    if (!peeper_value_is(word, "mode") || !set_mode(ears, message)) {
        peeper_raise(ctx, "ears do not know this message");
    }
    peeper_changed(ctx);
    return PEEPER_OK;
}

static enum peeper_action handle_call(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    struct ears       *ears = state;
    bool               value;
    enum peeper_action action = take(ctx, ears, message, &value);
    if (value) {
        peeper_write_int(peeper_reply(ctx), ears->value);
    } else {
        peeper_write_bool(peeper_reply(ctx), true);
    }
    return action;
}

static enum peeper_action handle_message(struct peeper_ctx *ctx, void *state,
                                         struct peeper_value message) {
    bool value;
    return take(ctx, state, message, &value);
}

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = sizeof(struct ears),
    .version = "1",
    .init = init,
    .handle_call = handle_call,
    .handle_cast = handle_message,
    .handle_info = handle_message,
#ifdef EARS_END
    .name = "ears_end",
#else
    .name = "ears",
    .on_state_changed = on_state_changed,
#endif
    .on_terminate = on_terminate,
    .save = save,
    .load = load,
    .turn_deadline_ms = 12000,
    .memory_bytes_max = MEMORY_BYTES_MAX,
};
