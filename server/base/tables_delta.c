#include "base/tables_delta.h"

#include <string.h>

enum status tables_delta_write(struct buf *delta, const struct table_op_view *op) {
    struct table_op_head head = {
        .op = (uint8_t)op->op,
        .flags = op->flags,
        .key_bytes = (uint32_t)op->key.bytes,
        .value_bytes = (uint32_t)op->value.bytes,
    };
    uint8_t *at = buf_reserve(delta, sizeof head + op->key.bytes + op->value.bytes);
    if (at == NULL) return STATUS_NO_MEMORY;
    memcpy(at, &head, sizeof head);
    at += sizeof head;
    if (op->key.bytes > 0) memcpy(at, op->key.data, op->key.bytes);
    if (op->value.bytes > 0) memcpy(at + op->key.bytes, op->value.data, op->value.bytes);
    delta->bytes += sizeof head + op->key.bytes + op->value.bytes;
    return STATUS_OK;
}

static bool head_fits(const struct table_op_head *head) {
    if (head->pad != 0) return false;
    if (head->op != TABLE_OP_SELECT && head->flags != 0) return false;
    if (head->op != TABLE_OP_PUT && head->value_bytes != 0) return false;
    switch (head->op) {
        case TABLE_OP_SELECT:
            if (head->key_bytes > TABLE_NAME_BYTES_MAX) return false;
            return (head->flags & ~TABLE_FLAGS) == 0 && (head->key_bytes > 0 || head->flags == 0);
        case TABLE_OP_PUT:
            if (head->value_bytes > TABLE_VALUE_BYTES_MAX) return false;
            return head->key_bytes > 0 && head->key_bytes <= TABLE_KEY_BYTES_MAX;
        case TABLE_OP_DELETE: return head->key_bytes > 0 && head->key_bytes <= TABLE_KEY_BYTES_MAX;
        case TABLE_OP_CLEAR:
        case TABLE_OP_DROP: return head->key_bytes == 0;
        default: return false;
    }
}

enum status tables_delta_read(struct slice delta, size_t *at, struct table_op_view *ret_op) {
    struct table_op_head head;
    size_t               left = delta.bytes - *at;
    if (left == 0) return STATUS_AGAIN;
    if (left < sizeof head) return STATUS_PROTOCOL;
    const uint8_t *place = delta.data + *at;
    memcpy(&head, place, sizeof head);
    if (!head_fits(&head)) return STATUS_PROTOCOL;
    if (left - sizeof head < (size_t)head.key_bytes + head.value_bytes) return STATUS_PROTOCOL;

    place += sizeof head;
    *ret_op = (struct table_op_view){
        .op = (enum table_op)head.op,
        .flags = head.flags,
        .key = slice_of(place, head.key_bytes),
        .value = slice_of(place + head.key_bytes, head.value_bytes),
    };
    *at += sizeof head + (size_t)head.key_bytes + head.value_bytes;
    return STATUS_OK;
}

bool tables_delta_check(struct slice delta) {
    struct table_op_view op;
    size_t               at = 0;
    bool                 selected = false;
    for (;;) {
        enum status status = tables_delta_read(delta, &at, &op);
        if (status != STATUS_OK) return status == STATUS_AGAIN;
        if (op.op != TABLE_OP_SELECT && !selected) return false;
        selected = op.op != TABLE_OP_DROP;
    }
}

static enum status apply_one(struct tables *tables, const struct table_op_view *op,
                             struct table **table) {
    if (op->op == TABLE_OP_SELECT) return tables_make(tables, op->key, op->flags, table);
    if (*table == NULL) return STATUS_PROTOCOL;
    struct table *selected = *table;
    switch (op->op) {
        case TABLE_OP_PUT: return tables_put(tables, selected, op->key, op->value);
        case TABLE_OP_DELETE: return tables_delete(tables, selected, op->key, NULL);
        case TABLE_OP_CLEAR: return tables_clear(tables, selected);
        default: *table = NULL; return tables_drop(tables, selected);
    }
}

enum status tables_apply(struct tables *tables, struct slice delta) {
    struct table_op_view op;
    struct table        *table = NULL;
    size_t               at = 0;
    for (;;) {
        enum status status = tables_delta_read(delta, &at, &op);
        if (status != STATUS_OK) return status == STATUS_AGAIN ? STATUS_OK : status;
        status = apply_one(tables, &op, &table);
        if (status != STATUS_OK) return status;
    }
}

// --- Export

// What one call has to work with.
struct export {
    struct buf *out;
    size_t      start; // of what this call appends
    size_t      bytes_max;
};

static bool fits(const struct export *to, uint64_t bytes) {
    size_t used = to->out->bytes - to->start;
    // The first row goes whatever its size.
    return used == 0 || (used <= to->bytes_max && bytes <= to->bytes_max - used);
}

static struct table_op_view select_op(const struct table *table) {
    return (struct table_op_view){
        .op = TABLE_OP_SELECT, .flags = table->flags, .key = table_name(table)};
}

static struct table_op_view put_op(const struct row *row) {
    return (struct table_op_view){.op = TABLE_OP_PUT, .key = row_key(row), .value = row_value(row)};
}

static uint64_t op_bytes(const struct table_op_view *op) {
    return tables_delta_bytes(op->key.bytes, op->value.bytes);
}

// As many rows as fit, from the cursor's on; STATUS_FULL if not all that are left. A table is
// selected only together with a row, if it has one.
static enum status export_rows(const struct table *table, struct tables_cursor *cursor,
                               const struct export *to) {
    struct table_op_view op = select_op(table), put;
    const struct row    *row = cursor->row != NULL ? cursor->row : table->rows.first;
    uint64_t             bytes = op_bytes(&op);
    if (row != NULL) put = put_op(row);
    if (row != NULL) bytes += op_bytes(&put);
    if (!fits(to, bytes)) return STATUS_FULL;
    if (tables_delta_write(to->out, &op) != STATUS_OK) return STATUS_NO_MEMORY;
    while (row != NULL) {
        if (tables_delta_write(to->out, &put) != STATUS_OK) return STATUS_NO_MEMORY;
        row = row->next;
        cursor->row = row;
        if (row == NULL) break;
        put = put_op(row);
        if (!fits(to, op_bytes(&put))) return STATUS_FULL;
    }
    return STATUS_OK;
}

static enum status export_tables(const struct tables *tables, struct tables_cursor *cursor,
                                 const struct export *to) {
    while (cursor->table < tables->count) {
        enum status status = export_rows(tables->all[cursor->table], cursor, to);
        if (status != STATUS_OK) return status == STATUS_FULL ? STATUS_OK : status;
        cursor->table++;
        cursor->row = NULL;
    }
    cursor->done = true;
    return STATUS_OK;
}

enum status tables_export(const struct tables *tables, struct tables_cursor *cursor,
                          size_t bytes_max, struct buf *out) {
    struct export to = {.out = out, .start = out->bytes, .bytes_max = bytes_max};
    struct tables_cursor moved = *cursor;
    if (!moved.begun) {
        moved = (struct tables_cursor){
            .origin = tables->origin, .changes = tables->changes, .begun = true};
    }
    if (moved.origin != tables->origin || moved.changes != tables->changes) return STATUS_AGAIN;
    enum status status = export_tables(tables, &moved, &to);
    if (status != STATUS_OK) {
        out->bytes = to.start;
        return status;
    }
    *cursor = moved;
    return STATUS_OK;
}
