#include "probe_state.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *copy_bytes(struct peeper_ctx *ctx, const uint8_t *data, size_t bytes) {
    if (bytes == 0) return NULL;
    uint8_t *copy = peeper_alloc(ctx, bytes);
    memcpy(copy, data, bytes);
    return copy;
}

void probe_keep(struct peeper_ctx *ctx, struct peeper_value *kept, struct peeper_value value) {
    uint8_t *copy = copy_bytes(ctx, value.data, value.bytes);
    peeper_free(ctx, (void *)kept->data);
    *kept = (struct peeper_value){.data = copy, .bytes = value.bytes};
}

void probe_keep_written(struct peeper_ctx *ctx, struct probe *probe, struct peeper_value *kept,
                        struct peeper_writer *writer) {
    free(probe->scratch);
    probe->scratch = writer->data;
    if (!peeper_writer_done(writer)) peeper_raise(ctx, "the probe's state cannot be written");
    probe_keep(ctx, kept, peeper_writer_value(writer));
}

void probe_append(struct peeper_ctx *ctx, struct probe *probe, struct peeper_value value) {
    struct peeper_writer list = {0};
    peeper_write_list(&list);
    if (peeper_value_kind(probe->value) == PEEPER_LIST) {
        struct peeper_iter iter = peeper_value_iter(probe->value);
        while (peeper_iter_next(&iter)) peeper_write_value(&list, iter.value);
    }
    peeper_write_value(&list, value);
    peeper_write_end(&list);
    probe_keep_written(ctx, probe, &probe->value, &list);
}

static struct probe_record *record_at(const struct probe *probe, size_t index) {
    return &probe->log[index % PROBE_LOG_MAX];
}

void probe_record(struct peeper_ctx *ctx, struct probe *probe, const char *kind,
                  struct peeper_value message) {
    if (probe->log == NULL) probe->log = peeper_alloc(ctx, PROBE_LOG_MAX * sizeof *probe->log);
    struct probe_record *record = record_at(probe, probe->logged++);
    bool                 small = message.bytes <= PROBE_LOG_BYTES_MAX;
    record->kind = kind;
    probe_keep(ctx, &record->message, small ? message : (struct peeper_value){0});
}

void probe_write_log(const struct probe *probe, struct peeper_writer *out) {
    size_t first = probe->logged > PROBE_LOG_MAX ? probe->logged - PROBE_LOG_MAX : 0;
    peeper_write_list(out);
    for (size_t i = first; i < probe->logged; i++) {
        const struct probe_record *record = record_at(probe, i);
        peeper_write_list(out);
        peeper_write_string(out, record->kind);
        probe_write_kept(out, record->message);
        peeper_write_end(out);
    }
    peeper_write_end(out);
}

void probe_write_kept(struct peeper_writer *out, struct peeper_value kept) {
    if (kept.bytes == 0) {
        peeper_write_null(out);
    } else {
        peeper_write_value(out, kept);
    }
}

void probe_save(struct peeper_ctx *ctx, const void *state, struct peeper_writer *out) {
    const struct probe *probe = state;
    (void)ctx;
    if (probe->from == 0 && probe->timer == 0 && probe->on_terminate.bytes == 0) {
        probe_write_kept(out, probe->value);
        return;
    }
    peeper_write_map(out);
    peeper_write_key(out, PROBE_WRAPPED_KEY);
    peeper_write_bool(out, true);
    peeper_write_key(out, "state");
    probe_write_kept(out, probe->value);
    peeper_write_key(out, "terminate");
    probe_write_kept(out, probe->on_terminate);
    peeper_write_key(out, "from");
    peeper_write_int(out, (int64_t)probe->from);
    peeper_write_key(out, "timer");
    peeper_write_int(out, (int64_t)probe->timer);
    peeper_write_end(out);
}

bool probe_load(struct peeper_ctx *ctx, void *state, struct peeper_value saved) {
    struct probe       *probe = state;
    struct peeper_value part;
    int64_t             from = 0, timer = 0;
    if (!peeper_value_get(saved, PROBE_WRAPPED_KEY, &part)) {
        probe_keep(ctx, &probe->value, saved);
        return true;
    }
    if (peeper_value_get(saved, "state", &part)) probe_keep(ctx, &probe->value, part);
    if (peeper_value_get(saved, "terminate", &part) && peeper_value_kind(part) != PEEPER_NULL) {
        probe_keep(ctx, &probe->on_terminate, part);
    }
    if (peeper_value_get(saved, "from", &part)) (void)peeper_value_int(part, &from);
    probe->from = (peeper_from)from;
    if (peeper_value_get(saved, "timer", &part)) (void)peeper_value_int(part, &timer);
    probe->timer = (peeper_timer)timer;
    return true;
}

void probe_drop(void *state) {
    struct probe *probe = state;
    free(probe->scratch);
}
