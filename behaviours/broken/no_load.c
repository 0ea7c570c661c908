// A descriptor with half of the required pair: what it saves could never be loaded.
#include <peeper/behaviour.h>

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    (void)ctx;
    (void)state;
    peeper_write_null(out);
}

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = 1,
    .name = "no_load",
    .save = save,
};
