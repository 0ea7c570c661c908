// counter, as the generator knows it, whose state is one Value of 1 MB: each inc changes it, so all
// of it is saved.
#include <peeper/behaviour.h>

#define PADDING_BYTES 1000000

struct counter {
    int64_t value;
};

static enum peeper_action handle_call(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    struct counter *counter = state;
    if (peeper_value_is(message, "inc")) {
        counter->value++;
        peeper_changed(ctx);
    } else if (!peeper_value_is(message, "state")) {
        peeper_raise(ctx, "this counter knows inc and state");
    }
    peeper_write_int(peeper_reply(ctx), counter->value);
    return PEEPER_OK;
}

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    static const uint8_t padding[PADDING_BYTES];
    (void)ctx;
    peeper_write_list(out);
    peeper_write_int(out, ((const struct counter *)state)->value);
    peeper_write_bytes(out, padding, sizeof padding);
    peeper_write_end(out);
}

// The argument of a start is an int.
static bool load(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    struct counter     *counter = state;
    struct peeper_value first = saved;
    (void)ctx;
    (void)peeper_value_at(saved, 0, &first);
    return peeper_value_int(first, &counter->value);
}

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = sizeof(struct counter),
    .name = "counter",
    .version = "plain",
    .handle_call = handle_call,
    .save = save,
    .load = load,
};
