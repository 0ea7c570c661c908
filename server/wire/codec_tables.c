// What is told of an actor's tables.
#include "wire/codec.h"
#include "wire/codec_frame.h"

#include <stdlib.h>

// A TableInfo with its name; it must not move once filled.
struct described_table {
    Peeper__V1__TableInfo info;
    char                  name[TEXT_BYTES_MAX + 1];
};

static void describe_table(struct described_table *described, const struct table_info *table) {
    peeper__v1__table_info__init(&described->info);
    described->info.name = copy_text(table->name, described->name);
    described->info.ordered = table->ordered;
    described->info.private_ = table->is_private;
    described->info.heir = table->heir;
    described->info.rows = table->rows;
    described->info.bytes = table->bytes;
}

enum status codec_write_table_listing(struct buf *out, uint64_t id, const struct table_info *tables,
                                      size_t count) {
    enum status              status = STATUS_NO_MEMORY;
    Peeper__V1__TableListing body = PEEPER__V1__TABLE_LISTING__INIT;
    struct described_table  *described = calloc(count + 1, sizeof *described);
    Peeper__V1__TableInfo  **all = calloc(count + 1, sizeof(Peeper__V1__TableInfo *));
    if (described == NULL || all == NULL) goto free_both;
    for (size_t i = 0; i < count; i++) {
        describe_table(&described[i], &tables[i]);
        all[i] = &described[i].info;
    }
    body.tables = all;
    body.n_tables = count;
    SERVER_FRAME(frame, id, TABLE_LISTING, table_listing, &body);
    status = codec_write_frame(out, &frame);
free_both:
    free(described);
    free(all);
    return status;
}

enum status codec_write_rows(struct buf *out, uint64_t id, const struct row_info *rows,
                             size_t count, struct slice next) {
    enum status       status = STATUS_NO_MEMORY;
    Peeper__V1__Rows  body = PEEPER__V1__ROWS__INIT;
    Peeper__V1__Row  *described = calloc(count + 1, sizeof *described);
    Peeper__V1__Row **all = calloc(count + 1, sizeof(Peeper__V1__Row *));
    if (described == NULL || all == NULL) goto free_both;
    for (size_t i = 0; i < count; i++) {
        peeper__v1__row__init(&described[i]);
        described[i].key = borrow_bytes(rows[i].key);
        described[i].value = borrow_bytes(rows[i].value);
        all[i] = &described[i];
    }
    body.rows = all;
    body.n_rows = count;
    body.next = borrow_bytes(next);
    SERVER_FRAME(frame, id, ROWS, rows, &body);
    status = codec_write_frame(out, &frame);
free_both:
    free(described);
    free(all);
    return status;
}
