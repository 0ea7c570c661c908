// naked: has an init that asks for everything that it has no callback for, and a terminate.
// "continue" and "timeout" as the argument; "tell" is a continue whose terminate tells the actor
// "naked-witness" the reason, and "lose" one whose state cannot be loaded again.
#include <peeper/behaviour.h>

enum { PLAIN, TELLS, LOST };

static enum peeper_action init(struct peeper_ctx *ctx, void *state, struct peeper_value argument) {
    uint8_t *kind = state;
    if (peeper_value_is(argument, "tell")) *kind = TELLS;
    if (peeper_value_is(argument, "lose")) *kind = LOST;
    if (*kind != PLAIN || peeper_value_is(argument, "continue")) {
        peeper_write_null(peeper_then_continue(ctx));
    }
    if (peeper_value_is(argument, "timeout")) peeper_then_timeout(ctx, 0);
    return PEEPER_OK;
}

// ["append", reason], which a probe adds to its state.
static void terminate(struct peeper_ctx *ctx, void *state, struct peeper_value reason) {
    const uint8_t *kind = state;
    if (*kind != TELLS) return;
    struct peeper_writer *out = peeper_cast(ctx, "naked-witness");
    peeper_write_list(out);
    peeper_write_string(out, "append");
    peeper_write_value(out, reason);
    peeper_write_end(out);
}

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    const uint8_t *kind = state;
    (void)ctx;
    if (*kind == PLAIN) {
        peeper_write_null(out);
    } else {
        peeper_write_int(out, *kind);
    }
}

static bool load(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    uint8_t *kind = state;
    int64_t  number = PLAIN;
    (void)ctx;
    if (peeper_value_kind(saved) != PEEPER_NULL && !peeper_value_int(saved, &number)) return false;
    *kind = (uint8_t)number;
    return number == PLAIN || number == TELLS;
}

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = 1,
    .name = "naked",
    .init = init,
    .terminate = terminate,
    .save = save,
    .load = load,
};
