// counter, as the generator knows it, whose count lies in a table of 10,000 rows, 1 MB together:
// each inc changes one of them.
#include <peeper/behaviour.h>

#define ROWS 10000
#define PADDING_BYTES 90

struct counter {
    int64_t  value; // the sum of all rows
    uint32_t seed;
};

static struct peeper_table *rows_of(struct peeper_ctx *ctx) {
    return peeper_table(ctx, "rows", 0);
}

static void put(struct peeper_ctx *ctx, struct peeper_table *table, int64_t key, int64_t count) {
    static const uint8_t  padding[PADDING_BYTES];
    struct peeper_writer *value = peeper_make(ctx);
    peeper_write_list(value);
    peeper_write_int(value, count);
    peeper_write_bytes(value, padding, sizeof padding);
    peeper_write_end(value);
    peeper_table_put(ctx, table, peeper_make_int(ctx, key), peeper_writer_value(value));
}

static int64_t count_in(struct peeper_value row) {
    struct peeper_value first;
    int64_t             count = 0;
    if (peeper_value_at(row, 0, &first)) (void)peeper_value_int(first, &count);
    return count;
}

static enum peeper_action init(struct peeper_ctx *ctx, void *state, struct peeper_value argument) {
    struct peeper_table *table = rows_of(ctx);
    (void)state;
    (void)argument;
    if (peeper_table_count(ctx, table) > 0) return PEEPER_OK;
    for (int64_t i = 0; i < ROWS; i++) put(ctx, table, i, 0);
    return PEEPER_OK;
}

static enum peeper_action handle_call(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    struct counter *counter = state;
    if (peeper_value_is(message, "inc")) {
        struct peeper_table *table = rows_of(ctx);
        struct peeper_value  row = {0};
        counter->seed = counter->seed * 1664525 + 1013904223;
        int64_t key = (counter->seed >> 8) % ROWS;
        (void)peeper_table_get(ctx, table, peeper_make_int(ctx, key), &row);
        put(ctx, table, key, count_in(row) + 1);
        counter->value++;
    } else if (!peeper_value_is(message, "state")) {
        peeper_raise(ctx, "this counter knows inc and state");
    }
    peeper_write_int(peeper_reply(ctx), counter->value);
    return PEEPER_OK;
}

static void save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    (void)ctx;
    (void)state;
    peeper_write_null(out);
}

static bool load(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    struct counter      *counter = state;
    struct peeper_table *table = peeper_table_find(ctx, "rows");
    struct peeper_row    row;
    (void)saved;
    bool more = table != NULL && peeper_table_first(ctx, table, &row);
    for (; more; more = peeper_row_next(ctx, &row)) counter->value += count_in(row.value);
    return true;
}

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION,
    .state_bytes = sizeof(struct counter),
    .name = "counter",
    .version = "rows",
    .init = init,
    .handle_call = handle_call,
    .save = save,
    .load = load,
};
