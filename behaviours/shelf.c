// shelf: a cache whose entries are rows of a table, so that a call costs what it writes, however
// much lies on the shelf.
//
// call  ["put", key, value] -> null          ["get", key] -> the value, or null
//       ["delete", key] -> whether it was there      "count" -> entries
//       "clear" -> how many there were       ["fill", count, bytes] -> entries: keys 0 to count - 1
// cast and send take the same messages; their answers go nowhere. Keys are any Values. The argument
// is the state, which stays what it is.
#include <peeper/behaviour.h>

#define TABLE "shelf"

struct shelf {
    int64_t unused; // all there is to it lies in the table
};

static struct peeper_writer *reply_to(struct peeper_ctx *ctx, bool wanted) {
    return wanted ? peeper_reply(ctx) : peeper_make(ctx);
}

static void fill(struct peeper_ctx *ctx, struct peeper_table *table, int64_t count, int64_t bytes) {
    struct peeper_writer *key = peeper_make(ctx), *value = peeper_make(ctx);
    void                 *zeros = peeper_alloc(ctx, (size_t)bytes);
    peeper_write_bytes(value, zeros, (size_t)bytes);
    peeper_free(ctx, zeros);
    for (int64_t i = 0; i < count; i++) {
        peeper_writer_reset(key);
        peeper_write_int(key, i);
        peeper_table_put(ctx, table, peeper_writer_value(key), peeper_writer_value(value));
    }
}

static bool take_word(struct peeper_ctx *ctx, struct peeper_table *table,
                      struct peeper_value message, bool wanted) {
    bool clears = peeper_value_is(message, "clear");
    if (!clears && !peeper_value_is(message, "count")) return false;
    size_t count = peeper_table_count(ctx, table);
    if (clears) peeper_table_clear(ctx, table);
    peeper_write_int(reply_to(ctx, wanted), (int64_t)count);
    return true;
}

static bool take_list(struct peeper_ctx *ctx, struct peeper_table *table,
                      struct peeper_value message, bool wanted) {
    struct peeper_value word, key, value = {0};
    int64_t             rows, bytes;
    size_t              count = peeper_value_count(message);
    if (!peeper_value_at(message, 0, &word) || !peeper_value_at(message, 1, &key)) return false;
    if (count == 2 && peeper_value_is(word, "get")) {
        (void)peeper_table_get(ctx, table, key, &value);
        peeper_write_value(reply_to(ctx, wanted), value); // of no bytes: null
    } else if (count == 2 && peeper_value_is(word, "delete")) {
        peeper_write_bool(reply_to(ctx, wanted), peeper_table_delete(ctx, table, key));
    } else if (count != 3 || !peeper_value_at(message, 2, &value)) {
        return false;
    } else if (peeper_value_is(word, "put")) {
        peeper_table_put(ctx, table, key, value);
        peeper_write_null(reply_to(ctx, wanted));
    } else if (peeper_value_is(word, "fill") && peeper_value_int(key, &rows) &&
               peeper_value_int(value, &bytes) && rows >= 0 && bytes >= 0) {
        fill(ctx, table, rows, bytes);
        peeper_write_int(reply_to(ctx, wanted), (int64_t)peeper_table_count(ctx, table));
    } else {
        return false;
    }
    return true;
}

static enum peeper_action take(struct peeper_ctx *ctx, struct peeper_value message, bool wanted) {
    struct peeper_table *table = peeper_table(ctx, TABLE, 0);
    if (!take_word(ctx, table, message, wanted) && !take_list(ctx, table, message, wanted)) {
        peeper_raise(ctx, "shelf does not know this message; it knows [put, key, value], "
                          "[get, key], [delete, key], [fill, count, bytes], count, clear");
    }
    return PEEPER_OK;
}

static enum peeper_action handle_call(struct peeper_ctx *ctx, void *state,
                                      struct peeper_value message) {
    (void)state;
    return take(ctx, message, true);
}

static enum peeper_action handle_other(struct peeper_ctx *ctx, void *state,
                                       struct peeper_value message) {
    (void)state;
    return take(ctx, message, false);
}

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
    .state_bytes = sizeof(struct shelf),
    .name = "shelf",
    .version = "1",
    .handle_call = handle_call,
    .handle_cast = handle_other,
    .handle_info = handle_other,
    .save = save,
    .load = load,
};
