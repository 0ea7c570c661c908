// probe: an actor that does what its messages say. For tests.
//
// A message is a list of steps that are run in order, or a single step. A step is a word, or a list
// of a word and its operands: "hibernate", ["reply", 5], [["set", 1], ["reply", 2], "garbage"].
// The steps are in the table STEPS below, those about tables in probe_tables.h. The message
// "timeout", as it comes from the host, makes the state "timeout". The messages DOWN and EXIT of
// monitors and links, CHANGED and TERMINATED of those it listens to, changed and ended of ears are
// added to the end of the state.
//
// The argument of a start is a map with any of `init` (steps), `init_again` (steps instead of
// `init` when it runs again after a crash), `terminate` (steps) and `state`; anything else is the
// state itself.
#include "probe_state.h"
#include "probe_tables.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OPERANDS_MAX 4
#define PAGE_BYTES 4096
#define GARBAGE 7
#define NO_REASON ((struct peeper_value){0})
#define PROBE_MEMORY_BYTES (256u << 20) // several copies of the largest state that can travel

// One run of steps.
struct run {
    struct peeper_ctx  *ctx;
    struct probe       *probe;
    struct peeper_value operands[OPERANDS_MAX];
    struct peeper_value reason; // in terminate only
    int                 action; // what the callback is going to answer; any number at all
};

static enum peeper_action run_steps(struct peeper_ctx *ctx, struct probe *probe,
                                    struct peeper_value steps, struct peeper_value reason);

static void change(struct run *run, struct peeper_value value) {
    probe_keep(run->ctx, &run->probe->value, value);
    peeper_changed(run->ctx);
}

static void change_to_text(struct run *run, const char *value) {
    struct peeper_writer writer = {0};
    peeper_write_string(&writer, value);
    probe_keep_written(run->ctx, run->probe, &run->probe->value, &writer);
    peeper_changed(run->ctx);
}

static int64_t integer(struct run *run, int index) {
    int64_t value = 0;
    if (!peeper_value_int(run->operands[index], &value)) {
        peeper_raise(run->ctx, "operand %d of the step must be an integer", index + 1);
    }
    return value;
}

// A copy that lives as long as the actor's copy does: enough for a name, which is asked for rarely.
static char *text(struct run *run, int index) {
    const char *data = NULL;
    size_t      bytes = 0;
    if (!peeper_value_string(run->operands[index], &data, &bytes)) {
        peeper_raise(run->ctx, "operand %d of the step must be a string", index + 1);
    }
    char *copy = peeper_alloc(run->ctx, bytes + 1);
    memcpy(copy, data, bytes);
    return copy;
}

static struct peeper_writer *reply(struct run *run) {
    return peeper_reply(run->ctx);
}

// --- Replies and state ---------------------------------------------------------------------------

static void step_reply(struct run *run) {
    peeper_write_value(reply(run), run->operands[0]);
}

static void step_reply_bytes(struct run *run) {
    size_t bytes = (size_t)integer(run, 0);
    void  *zeros = peeper_alloc(run->ctx, bytes);
    peeper_write_bytes(reply(run), zeros, bytes);
    peeper_free(run->ctx, zeros);
}

static void step_reply_twice(struct run *run) {
    peeper_write_null(reply(run));
    peeper_write_null(reply(run));
}

static void step_reply_half(struct run *run) {
    peeper_write_list(reply(run));
}

static void step_reply_later(struct run *run) {
    run->probe->from = peeper_call_from(run->ctx);
    peeper_changed(run->ctx);
}

static void step_answer(struct run *run) {
    peeper_write_value(peeper_reply_to(run->ctx, run->probe->from), run->operands[0]);
    run->probe->from = 0;
    peeper_changed(run->ctx);
}

static void step_state(struct run *run) {
    probe_write_kept(reply(run), run->probe->value);
}

static void step_log(struct run *run) {
    probe_write_log(run->probe, reply(run));
}

static void step_self(struct run *run) {
    struct peeper_writer *out = reply(run);
    peeper_write_map(out);
    peeper_write_key(out, "name");
    peeper_write_string(out, peeper_self_name(run->ctx));
    peeper_write_key(out, "id");
    peeper_write_int(out, (int64_t)peeper_self_id(run->ctx));
    peeper_write_key(out, "restarted");
    peeper_write_bool(out, peeper_restarted(run->ctx));
    peeper_write_end(out);
}

static void step_set(struct run *run) {
    change(run, run->operands[0]);
}

static void step_set_bytes(struct run *run) {
    size_t               bytes = (size_t)integer(run, 0);
    struct peeper_writer value = {0};
    void                *zeros = peeper_alloc(run->ctx, bytes);
    peeper_write_bytes(&value, zeros, bytes);
    peeper_free(run->ctx, zeros);
    probe_keep_written(run->ctx, run->probe, &run->probe->value, &value);
    peeper_changed(run->ctx);
}

static void step_append(struct run *run) {
    probe_append(run->ctx, run->probe, run->operands[0]);
    peeper_changed(run->ctx);
}

static void step_on_terminate(struct run *run) {
    probe_keep(run->ctx, &run->probe->on_terminate, run->operands[0]);
    peeper_changed(run->ctx);
}

static void step_nothing(struct run *run) {
    (void)run;
}

// --- Effects and what follows --------------------------------------------------------------------

static void step_send(struct run *run) {
    peeper_write_value(peeper_send(run->ctx, text(run, 0)), run->operands[1]);
}

static void step_send_many(struct run *run) {
    for (int64_t left = integer(run, 1); left > 0; left--) {
        peeper_write_value(peeper_send(run->ctx, text(run, 0)), run->operands[2]);
    }
}

static void step_cast(struct run *run) {
    peeper_write_value(peeper_cast(run->ctx, text(run, 0)), run->operands[1]);
}

static void step_call(struct run *run) {
    peeper_write_value(peeper_call(run->ctx, text(run, 0), (uint32_t)integer(run, 1)),
                       run->operands[2]);
}

// What comes back is added to the state.
static void append_answer(struct run *run, const char *kind, int operands) {
    struct peeper_writer writer = {0};
    peeper_write_list(&writer);
    peeper_write_string(&writer, kind);
    for (int i = 0; i < operands; i++) peeper_write_value(&writer, run->operands[i]);
    peeper_write_end(&writer);
    struct peeper_value answer = {0};
    probe_keep_written(run->ctx, run->probe, &answer, &writer);
    probe_append(run->ctx, run->probe, answer);
    peeper_free(run->ctx, (void *)answer.data);
    peeper_changed(run->ctx);
}

static void step_answered(struct run *run) {
    append_answer(run, "REPLY", 1);
}

static void step_failed(struct run *run) {
    append_answer(run, "ERROR", 2);
}

static void step_send_self(struct run *run) {
    peeper_write_value(peeper_send(run->ctx, peeper_self_name(run->ctx)), run->operands[0]);
}

// Appends [own name, value] to another probe's state.
static void tell(struct run *run, struct peeper_value value) {
    struct peeper_writer *out = peeper_cast(run->ctx, text(run, 0));
    peeper_write_list(out);
    peeper_write_string(out, "append");
    peeper_write_list(out);
    peeper_write_string(out, peeper_self_name(run->ctx));
    probe_write_kept(out, value);
    peeper_write_end(out);
    peeper_write_end(out);
}

// The reason of terminate; null elsewhere.
static void step_tell(struct run *run) {
    tell(run, run->reason);
}

static void step_tell_state(struct run *run) {
    tell(run, run->probe->value);
}

static void step_start(struct run *run) {
    peeper_write_value(peeper_start(run->ctx, text(run, 0), text(run, 1)), run->operands[2]);
}

static void step_stop_actor(struct run *run) {
    peeper_write_value(peeper_stop(run->ctx, text(run, 0)), run->operands[1]);
}

static void step_monitor(struct run *run) {
    run->probe->ref = peeper_monitor(run->ctx, text(run, 0));
}

static void step_monitor_id(struct run *run) {
    run->probe->ref = peeper_monitor_id(run->ctx, (uint64_t)integer(run, 0));
}

static void step_ref(struct run *run) {
    peeper_write_int(reply(run), (int64_t)run->probe->ref);
}

static void step_demonitor(struct run *run) {
    peeper_demonitor(run->ctx, (peeper_ref)integer(run, 0));
}

static void step_link(struct run *run) {
    peeper_link(run->ctx, text(run, 0));
}

static void step_link_id(struct run *run) {
    peeper_link_id(run->ctx, (uint64_t)integer(run, 0));
}

static void step_unlink(struct run *run) {
    peeper_unlink(run->ctx, text(run, 0));
}

static void step_unlink_id(struct run *run) {
    peeper_unlink_id(run->ctx, (uint64_t)integer(run, 0));
}

// Appends the message that came to the state.
static void heard(struct run *run, const char *word, int operands) {
    struct peeper_writer message = {0};
    peeper_write_list(&message);
    peeper_write_string(&message, word);
    for (int i = 0; i < operands; i++) peeper_write_value(&message, run->operands[i]);
    peeper_write_end(&message);
    struct peeper_value kept = {0};
    probe_keep_written(run->ctx, run->probe, &kept, &message);
    probe_append(run->ctx, run->probe, kept);
    probe_keep(run->ctx, &kept, (struct peeper_value){0});
    peeper_changed(run->ctx);
}

static void step_down_came(struct run *run) {
    heard(run, "DOWN", 3);
}

static void step_exit_came(struct run *run) {
    heard(run, "EXIT", 2);
}

static void step_changed_came(struct run *run) {
    heard(run, "CHANGED", 4);
}

static void step_terminated_came(struct run *run) {
    heard(run, "TERMINATED", 3);
}

static void step_ears_changed(struct run *run) {
    heard(run, "changed", 3);
}

static void step_ears_ended(struct run *run) {
    heard(run, "ended", 3);
}

static void step_print(struct run *run) {
    peeper_log(run->ctx, "%s", text(run, 0));
}

static void step_continue(struct run *run) {
    peeper_write_value(peeper_then_continue(run->ctx), run->operands[0]);
}

// Milliseconds, or "infinity".
static uint64_t milliseconds(struct run *run, int index) {
    if (peeper_value_is(run->operands[index], "infinity")) return PEEPER_INFINITY;
    return (uint64_t)integer(run, index);
}

static void step_timeout(struct run *run) {
    peeper_then_timeout(run->ctx, milliseconds(run, 0));
}

static void step_timer(struct run *run) {
    peeper_write_value(peeper_then_timer(run->ctx, milliseconds(run, 0)), run->operands[1]);
}

// Absolute, but counted from now: no test knows the server's clock.
static void step_timer_at(struct run *run) {
    uint64_t ms = milliseconds(run, 0);
    uint64_t at_ms = ms == PEEPER_INFINITY ? ms : peeper_monotonic_ms(run->ctx) + ms;
    peeper_write_value(peeper_then_timer_at(run->ctx, at_ms), run->operands[1]);
}

static void step_timer_half(struct run *run) {
    peeper_write_list(peeper_then_timer(run->ctx, 1));
}

// NULL, which is the actor itself, for null.
static const char *name_or_itself(struct run *run, int index) {
    return peeper_value_kind(run->operands[index]) == PEEPER_NULL ? NULL : text(run, index);
}

static void step_send_after(struct run *run) {
    uint64_t ms = milliseconds(run, 1);
    peeper_write_value(peeper_send_after(run->ctx, name_or_itself(run, 0), ms, NULL),
                       run->operands[2]);
}

static void step_send_at(struct run *run) {
    uint64_t at_ms = peeper_monotonic_ms(run->ctx) + milliseconds(run, 1);
    peeper_write_value(peeper_send_at(run->ctx, name_or_itself(run, 0), at_ms, NULL),
                       run->operands[2]);
}

// Sends off and remembers the timer, for cancel_timer.
static void step_keep_timer(struct run *run) {
    uint64_t ms = milliseconds(run, 1);
    peeper_write_value(peeper_send_after(run->ctx, name_or_itself(run, 0), ms, &run->probe->timer),
                       run->operands[2]);
    peeper_changed(run->ctx);
}

static void step_cancel_timer(struct run *run) {
    peeper_cancel_timer(run->ctx, run->probe->timer);
    run->probe->timer = 0;
    peeper_changed(run->ctx);
}

static void step_timer_id(struct run *run) {
    peeper_write_int(reply(run), (int64_t)run->probe->timer);
}

static void step_timeout_came(struct run *run) {
    change_to_text(run, "timeout");
}

static void step_hibernate(struct run *run) {
    peeper_then_hibernate(run->ctx);
}

// --- Answers and ends ----------------------------------------------------------------------------

static void step_stop(struct run *run) {
    peeper_write_value(peeper_reason(run->ctx), run->operands[0]);
    run->action = PEEPER_STOP;
}

static void step_stop_plain(struct run *run) {
    run->action = PEEPER_STOP;
}

static void step_ignore(struct run *run) {
    run->action = PEEPER_IGNORE;
}

static void step_error(struct run *run) {
    peeper_write_value(peeper_reason(run->ctx), run->operands[0]);
    run->action = PEEPER_ERROR;
}

static void step_fail_on_restart(struct run *run) {
    if (!peeper_restarted(run->ctx)) return;
    peeper_write_string(peeper_reason(run->ctx), "fail_on_restart");
    run->action = PEEPER_ERROR;
}

static void step_garbage(struct run *run) {
    run->action = GARBAGE;
}

static void step_raise(struct run *run) {
    peeper_raise(run->ctx, "%s", text(run, 0));
}

// For a state that is bad for every turn.
static void step_raise_if(struct run *run) {
    struct peeper_value state = run->probe->value, bad = run->operands[0];
    if (state.bytes == bad.bytes && memcmp(state.data, bad.data, bad.bytes) == 0) {
        peeper_raise(run->ctx, "a bad state");
    }
}

static void step_half_change_then_raise(struct run *run) {
    change_to_text(run, "half");
    peeper_raise(run->ctx, "half");
}

static void step_exit(struct run *run) {
    peeper_write_value(peeper_reason(run->ctx), run->operands[0]);
    peeper_exit(run->ctx);
}

static void step_exit_plain(struct run *run) {
    peeper_exit(run->ctx);
}

static void step_sleep(struct run *run) {
    int64_t         ms = integer(run, 0);
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (ms > 0 && nanosleep(&left, &left) != 0) {
    }
}

// --- What the test decides from outside ----------------------------------------------------------

// Waits until the test opens the FIFO for writing.
static void step_gate(struct run *run) {
    int fd = open(text(run, 0), O_RDONLY | O_CLOEXEC);
    if (fd < 0) peeper_raise(run->ctx, "there is no such gate");
    close(fd);
}

static void step_if_file(struct run *run) {
    if (access(text(run, 0), F_OK) != 0) return;
    run->action = run_steps(run->ctx, run->probe, run->operands[1], run->reason);
}

static void step_remove_file(struct run *run) {
    if (unlink(text(run, 0)) != 0) peeper_raise(run->ctx, "there is no such file");
}

// --- What ends more than the turn ----------------------------------------------------------------

static void step_segfault(struct run *run) {
    (void)run;
    // Not NULL itself: a sanitizer would stop at that before the processor does.
    volatile uintptr_t nowhere = 64;
    *(volatile int *)nowhere = 1;
}

static void step_jump_nowhere(struct run *run) {
    (void)run;
    void (*volatile nowhere)(void) = (void (*)(void))(uintptr_t)64;
    nowhere();
}

// Overwrites the frames of whoever called, so that nobody can tell any more who it was; a sanitizer
// would stop at that.
static __attribute__((noinline, no_sanitize("address"))) void step_wreck_stack(struct run *run) {
    volatile uintptr_t *frames = __builtin_frame_address(0);
    for (size_t i = 0; i < 64; i++) frames[i] = 0x4141414141414141u;
    step_segfault(run);
}

static void step_abort(struct run *run) {
    (void)run;
    abort();
}

static void step_native_exit(struct run *run) {
    exit((int)integer(run, 0));
}

static void step_quick_exit(struct run *run) {
    _exit((int)integer(run, 0));
}

static __attribute__((noinline)) int descend(volatile int *above) {
    // The use of the array after the call keeps this from becoming a loop.
    volatile int frame[64];
    if (*above < 0) return 0; // never; but the compiler cannot know
    frame[0] = *above + 1;
    return descend(frame) + frame[0];
}

static void step_recurse(struct run *run) {
    (void)run;
    volatile int top = 0;
    descend(&top);
}

static void step_loop(struct run *run) {
    (void)run;
    for (volatile unsigned turns = 0;;) turns = turns + 1;
}

static void step_allocate(struct run *run) {
    int64_t        bytes = integer(run, 0);
    volatile char *memory = peeper_alloc(run->ctx, (size_t)bytes);
    for (int64_t i = 0; i < bytes; i += PAGE_BYTES) memory[i] = 1;
}

// Never looks at what malloc() answered, as so much code does not.
static void step_leak(struct run *run) {
    (void)run;
    for (;;) {
        volatile char *memory = malloc(PAGE_BYTES);
        *memory = 1;
    }
}

static void step_free_foreign(struct run *run) {
    struct {
        char before[64];
        _Alignas(16) char inside[16];
    } place;
    memset(&place, 0, sizeof place);
    peeper_free(run->ctx, place.inside);
}

// --- The interpreter -----------------------------------------------------------------------------

static const struct step {
    const char *word;
    int         operands;
    void (*run)(struct run *);
} STEPS[] = {
    {"reply", 1, step_reply},
    {"reply_bytes", 1, step_reply_bytes},
    {"reply_twice", 0, step_reply_twice},
    {"reply_half", 0, step_reply_half},
    {"reply_later", 0, step_reply_later},
    {"noreply", 0, step_nothing},
    {"answer", 1, step_answer},
    {"state", 0, step_state},
    {"log", 0, step_log},
    {"self", 0, step_self},
    {"set", 1, step_set},
    {"set_bytes", 1, step_set_bytes},
    {"append", 1, step_append},
    {"on_terminate", 1, step_on_terminate},
    {"ok", 0, step_nothing},
    {"send", 2, step_send},
    {"send_many", 3, step_send_many},
    {"cast", 2, step_cast},
    {"call", 3, step_call},
    {"REPLY", 1, step_answered},
    {"ERROR", 2, step_failed},
    {"send_self", 1, step_send_self},
    {"tell", 1, step_tell},
    {"tell_state", 1, step_tell_state},
    {"start", 3, step_start},
    {"stop_actor", 2, step_stop_actor},
    {"monitor", 1, step_monitor},
    {"monitor_id", 1, step_monitor_id},
    {"ref", 0, step_ref},
    {"demonitor", 1, step_demonitor},
    {"link", 1, step_link},
    {"link_id", 1, step_link_id},
    {"unlink", 1, step_unlink},
    {"unlink_id", 1, step_unlink_id},
    {"DOWN", 3, step_down_came},
    {"EXIT", 2, step_exit_came},
    {"CHANGED", 4, step_changed_came},
    {"TERMINATED", 3, step_terminated_came},
    {"changed", 3, step_ears_changed},
    {"ended", 3, step_ears_ended},
    {"print", 1, step_print},
    {"continue", 1, step_continue},
    {"timeout", 1, step_timeout},
    {"timeout", 0, step_timeout_came},
    {"timer", 2, step_timer},
    {"timer_at", 2, step_timer_at},
    {"timer_half", 0, step_timer_half},
    {"send_after", 3, step_send_after},
    {"send_at", 3, step_send_at},
    {"keep_timer", 3, step_keep_timer},
    {"cancel_timer", 0, step_cancel_timer},
    {"timer_id", 0, step_timer_id},
    {"hibernate", 0, step_hibernate},
    {"stop", 1, step_stop},
    {"stop", 0, step_stop_plain},
    {"ignore", 0, step_ignore},
    {"error", 1, step_error},
    {"fail_on_restart", 0, step_fail_on_restart},
    {"garbage", 0, step_garbage},
    {"raise", 1, step_raise},
    {"raise_if", 1, step_raise_if},
    {"half_change_then_raise", 0, step_half_change_then_raise},
    {"exit", 1, step_exit},
    {"exit", 0, step_exit_plain},
    {"sleep", 1, step_sleep},
    {"gate", 1, step_gate},
    {"if_file", 2, step_if_file},
    {"remove_file", 1, step_remove_file},
    {"segfault", 0, step_segfault},
    {"jump_nowhere", 0, step_jump_nowhere},
    {"wreck_stack", 0, step_wreck_stack},
    {"abort", 0, step_abort},
    {"native_exit", 1, step_native_exit},
    {"_exit", 1, step_quick_exit},
    {"recurse", 0, step_recurse},
    {"loop", 0, step_loop},
    {"allocate", 1, step_allocate},
    {"leak", 0, step_leak},
    {"free_foreign", 0, step_free_foreign},
};

static const struct step *find_step(struct peeper_value word, size_t operands) {
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        if ((size_t)STEPS[i].operands == operands && peeper_value_is(word, STEPS[i].word)) {
            return &STEPS[i];
        }
    }
    return NULL;
}

// The step that `value` is, with its operands; NULL if it is none.
static const struct step *parse_step(struct peeper_value value, struct peeper_value *operands) {
    if (peeper_value_kind(value) == PEEPER_STRING) return find_step(value, 0);
    size_t              count = peeper_value_count(value);
    struct peeper_value word;
    if (count < 2 || count > OPERANDS_MAX + 1 || !peeper_value_at(value, 0, &word)) return NULL;
    for (size_t i = 1; i < count; i++) {
        if (!peeper_value_at(value, i, &operands[i - 1])) return NULL;
    }
    return find_step(word, count - 1);
}

static void run_step(struct run *run, struct peeper_value value) {
    const struct step *step = parse_step(value, run->operands);
    if (step != NULL) {
        step->run(run);
    } else if (!probe_tables_step(run->ctx, value)) {
        peeper_raise(run->ctx, "probe does not know this step");
    }
}

static enum peeper_action run_steps(struct peeper_ctx *ctx, struct probe *probe,
                                    struct peeper_value steps, struct peeper_value reason) {
    struct run run = {.ctx = ctx, .probe = probe, .reason = reason, .action = PEEPER_OK};
    // A list that is a step by itself, such as ["reply", 5], is one.
    if (peeper_value_kind(steps) != PEEPER_LIST || parse_step(steps, run.operands) != NULL ||
        probe_tables_is_step(steps)) {
        run_step(&run, steps);
    } else {
        struct peeper_iter iter = peeper_value_iter(steps);
        while (peeper_iter_next(&iter)) run_step(&run, iter.value);
    }
    return (enum peeper_action)run.action;
}

// --- Callbacks -----------------------------------------------------------------------------------

static bool is_script(struct peeper_value argument) {
    static const char *const keys[] = {"init", "init_again", "terminate", "state"};
    struct peeper_value      part;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (peeper_value_get(argument, keys[i], &part)) return true;
    }
    return false;
}

static enum peeper_action init(struct peeper_ctx *ctx, void *state, struct peeper_value argument) {
    struct probe       *probe = state;
    struct peeper_value part;
    probe_record(ctx, probe, "init", argument);
    if (!is_script(argument)) {
        probe_keep(ctx, &probe->value, argument);
        return PEEPER_OK;
    }
    if (peeper_value_get(argument, "state", &part)) probe_keep(ctx, &probe->value, part);
    if (peeper_value_get(argument, "terminate", &part)) {
        probe_keep(ctx, &probe->on_terminate, part);
    }
    bool again = peeper_restarted(ctx) && peeper_value_get(argument, "init_again", &part);
    if (again || peeper_value_get(argument, "init", &part))
        return run_steps(ctx, probe, part, NO_REASON);
    return PEEPER_OK;
}

static enum peeper_action handle_call(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    probe_record(ctx, state, "call", message);
    return run_steps(ctx, state, message, NO_REASON);
}

static enum peeper_action handle_cast(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    probe_record(ctx, state, "cast", message);
    return run_steps(ctx, state, message, NO_REASON);
}

static enum peeper_action handle_info(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    probe_record(ctx, state, "info", message);
    return run_steps(ctx, state, message, NO_REASON);
}

static enum peeper_action handle_continue(struct peeper_ctx *ctx, void *state,
                                          struct peeper_value argument) {
    probe_record(ctx, state, "continue", argument);
    return run_steps(ctx, state, argument, NO_REASON);
}

static void terminate(struct peeper_ctx *ctx, void *state, struct peeper_value reason) {
    struct probe *probe = state;
    probe_record(ctx, probe, "terminate", reason);
    if (probe->on_terminate.bytes > 0) {
        (void)run_steps(ctx, probe, probe->on_terminate, reason);
    }
}

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = sizeof(struct probe),
    .name = "probe",
    .version = "1",
    .init = init,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
    .handle_info = handle_info,
    .handle_continue = handle_continue,
    .terminate = terminate,
    .save = probe_save,
    .load = probe_load,
    .drop = probe_drop,
    .memory_bytes_max = PROBE_MEMORY_BYTES,
};
