// A complete descriptor whose name nobody could ask for.
#include <peeper/behaviour.h>

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    (void)ctx;
    (void)state;
    peeper_write_null(out);
}

static bool load(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    (void)ctx;
    (void)state;
    (void)saved;
    return true;
}

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = 1,
    .name = "Wrong Name",
    .save = save,
    .load = load,
};
