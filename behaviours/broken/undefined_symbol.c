// A behaviour that needs a function which nothing provides.
#include <peeper/behaviour.h>

int function_that_nobody_has(void);

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    (void)ctx;
    (void)state;
    peeper_write_int(out, function_that_nobody_has());
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
    .name = "undefined_symbol",
    .save = save,
    .load = load,
};
