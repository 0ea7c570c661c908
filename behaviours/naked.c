// naked: has an init that asks for everything that it has no callback for. "continue" and "timeout"
// as the argument.
#include <peeper/behaviour.h>

static enum peeper_action init(struct peeper_ctx *ctx, void *state, struct peeper_value argument) {
    (void)state;
    if (peeper_value_is(argument, "continue")) peeper_write_null(peeper_then_continue(ctx));
    if (peeper_value_is(argument, "timeout")) peeper_then_timeout(ctx, 0);
    return PEEPER_OK;
}

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    (void)ctx;
    (void)state;
    peeper_write_null(out);
}

static bool load(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    (void)ctx;
    (void)state;
    return peeper_value_kind(saved) == PEEPER_NULL;
}

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = 1,
    .name = "naked",
    .init = init,
    .save = save,
    .load = load,
};
