// no_callbacks: an actor that can only be. Its argument, an integer or null, is its state; any call
// or cast crashes it.
#include <peeper/behaviour.h>

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    (void)ctx;
    peeper_write_int(out, *(const int64_t *)state);
}

static bool load(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    (void)ctx;
    return peeper_value_kind(saved) == PEEPER_NULL || peeper_value_int(saved, state);
}

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = sizeof(int64_t),
    .name = "no_callbacks",
    .save = save,
    .load = load,
};
