// Tables as clients are told of them: protobuf-c reads back what was meant.
#include "wire/codec.h"

#include "wire/frame.h"

#include "peeper/v1/peeper.pb-c.h"

#include <criterion/criterion.h>
#include <string.h>

static struct buf out;

static void fini(void) {
    buf_fini(&out);
}

TestSuite(codec_tables, .fini = fini, .timeout = 30);

static Peeper__V1__ServerFrame *written(enum status status) {
    struct slice body;
    size_t       used;
    cr_assert(status == STATUS_OK);
    cr_assert(frame_next(out.data, out.bytes, FRAME_BODY_BYTES_MAX, &body, &used) == STATUS_OK);
    cr_assert(used == out.bytes);
    Peeper__V1__ServerFrame *frame = peeper__v1__server_frame__unpack(NULL, body.bytes, body.data);
    cr_assert_not_null(frame);
    cr_assert(frame->id == 9);
    return frame;
}

static bool is(ProtobufCBinaryData data, const char *text) {
    return data.len == strlen(text) && (data.len == 0 || memcmp(data.data, text, data.len) == 0);
}

Test(codec_tables, a_listing_has_every_table_with_its_flags) {
    struct table_info        tables[] = {{.rows = 1, .bytes = 2},
                                         {.name = slice_of("carts", 5),
                                          .ordered = true,
                                          .is_private = true,
                                          .heir = true,
                                          .rows = 7,
                                          .bytes = 1ull << 40}};
    Peeper__V1__ServerFrame *frame = written(codec_write_table_listing(&out, 9, tables, 2));
    cr_assert(frame->body_case == PEEPER__V1__SERVER_FRAME__BODY_TABLE_LISTING);
    cr_assert(frame->table_listing->n_tables == 2);
    const Peeper__V1__TableInfo *first = frame->table_listing->tables[0];
    const Peeper__V1__TableInfo *second = frame->table_listing->tables[1];
    cr_assert_str_eq(first->name, "");
    cr_assert(!first->ordered && !first->private_ && !first->heir);
    cr_assert(first->rows == 1 && first->bytes == 2);
    cr_assert_str_eq(second->name, "carts");
    cr_assert(second->ordered && second->private_ && second->heir);
    cr_assert(second->rows == 7 && second->bytes == 1ull << 40);
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}

Test(codec_tables, a_page_has_its_rows_and_where_the_next_one_begins) {
    struct row_info          rows[] = {{slice_of("k1", 2), slice_of("v1", 2)},
                                       {slice_of("k2", 2), slice_of("", 0)}};
    Peeper__V1__ServerFrame *frame = written(codec_write_rows(&out, 9, rows, 2, slice_of("k2", 2)));
    cr_assert(frame->body_case == PEEPER__V1__SERVER_FRAME__BODY_ROWS);
    cr_assert(frame->rows->n_rows == 2 && is(frame->rows->next, "k2"));
    cr_assert(is(frame->rows->rows[0]->key, "k1") && is(frame->rows->rows[0]->value, "v1"));
    cr_assert(is(frame->rows->rows[1]->key, "k2") && is(frame->rows->rows[1]->value, ""));
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}

Test(codec_tables, nothing_is_an_empty_page) {
    Peeper__V1__ServerFrame *frame = written(codec_write_rows(&out, 9, NULL, 0, (struct slice){0}));
    cr_assert(frame->rows->n_rows == 0 && frame->rows->next.len == 0);
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}
