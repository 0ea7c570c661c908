// What is told of an actor's tables.
#include "wire/codec.h"
#include "wire/codec_frame.h"

// A TableInfo with its name; it must not move once filled.
struct described_table {
    Peeper__V1__TableInfo info;
    char                  name[TEXT_BYTES_MAX + 1];
};

static const ProtobufCMessage *describe_table(void *room, const void *elements, size_t i) {
    struct described_table  *described = room;
    const struct table_info *table = &((const struct table_info *)elements)[i];
    peeper__v1__table_info__init(&described->info);
    described->info.name = copy_text(table->name, described->name);
    described->info.ordered = table->ordered;
    described->info.private_ = table->is_private;
    described->info.heir = table->heir;
    described->info.rows = table->rows;
    described->info.bytes = table->bytes;
    return &described->info.base;
}

enum status codec_write_table_listing(struct buf *out, uint64_t id, const struct table_info *tables,
                                      size_t count) {
    Peeper__V1__TableListing tail = PEEPER__V1__TABLE_LISTING__INIT;
    struct described_table   room;
    struct codec_page        page = {
               .body = PEEPER__V1__SERVER_FRAME__BODY_TABLE_LISTING,
               .elements = tables,
               .count = count,
               .tail = &tail.base,
               .describe = describe_table,
               .room = &room,
    };
    return codec_write_page(out, id, &page);
}

static const ProtobufCMessage *describe_row(void *room, const void *elements, size_t i) {
    Peeper__V1__Row       *described = room;
    const struct row_info *row = &((const struct row_info *)elements)[i];
    peeper__v1__row__init(described);
    described->key = borrow_bytes(row->key);
    described->value = borrow_bytes(row->value);
    return &described->base;
}

enum status codec_write_rows(struct buf *out, uint64_t id, const struct row_info *rows,
                             size_t count, struct slice next) {
    Peeper__V1__Rows tail = PEEPER__V1__ROWS__INIT;
    tail.next = borrow_bytes(next);
    Peeper__V1__Row   room;
    struct codec_page page = {
        .body = PEEPER__V1__SERVER_FRAME__BODY_ROWS,
        .elements = rows,
        .count = count,
        .tail = &tail.base,
        .describe = describe_row,
        .room = &room,
    };
    return codec_write_page(out, id, &page);
}
