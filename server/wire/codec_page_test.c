#include "wire/codec_frame.h"
#include "wire/frame.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "base/memory_fault_test.h"

#define ROWS_MAX 300

// Each element is a number, and its row says it in key and value.
struct room {
    Peeper__V1__Row row;
    char            key[16];
};

static const ProtobufCMessage *describe(void *memory, const void *elements, size_t i) {
    struct room *room = memory;
    int          bytes = snprintf(room->key, sizeof room->key, "k%d", ((const int *)elements)[i]);
    peeper__v1__row__init(&room->row);
    room->row.key = borrow_bytes(slice_of(room->key, (size_t)bytes));
    room->row.value = room->row.key;
    return &room->row.base;
}

static enum status write_rows(struct buf *out, size_t count) {
    static int numbers[ROWS_MAX];
    for (int i = 0; i < ROWS_MAX; i++) numbers[i] = i;
    Peeper__V1__Rows tail = PEEPER__V1__ROWS__INIT;
    tail.next = borrow_bytes(slice_of("after", 5));
    struct room       room;
    struct codec_page page = {
        .body = PEEPER__V1__SERVER_FRAME__BODY_ROWS,
        .elements = numbers,
        .count = count,
        .tail = &tail.base,
        .describe = describe,
        .room = &room,
    };
    return codec_write_page(out, 7, &page);
}

// What protobuf-c reads in the one frame that was written.
static void check_rows(size_t count) {
    struct buf   out = {0};
    struct slice body;
    size_t       used;
    cr_assert(write_rows(&out, count) == STATUS_OK);
    cr_assert(frame_next(out.data, out.bytes, 1u << 20, &body, &used) == STATUS_OK);
    cr_assert(used == out.bytes);
    Peeper__V1__ServerFrame *frame = peeper__v1__server_frame__unpack(NULL, body.bytes, body.data);
    cr_assert(frame != NULL && frame->id == 7);
    cr_assert(frame->body_case == PEEPER__V1__SERVER_FRAME__BODY_ROWS);
    cr_assert(frame->rows->n_rows == count);
    for (size_t i = 0; i < count; i++) {
        char wanted[16];
        int  bytes = snprintf(wanted, sizeof wanted, "k%zu", i);
        cr_assert(frame->rows->rows[i]->key.len == (size_t)bytes);
        cr_assert(memcmp(frame->rows->rows[i]->key.data, wanted, (size_t)bytes) == 0);
    }
    cr_assert(frame->rows->next.len == 5, "the other fields come after the elements");
    peeper__v1__server_frame__free_unpacked(frame, NULL);
    buf_fini(&out);
}

Test(codec_page, is_one_message_whatever_the_number_of_elements, .timeout = 10) {
    check_rows(0);
    check_rows(1);
    check_rows(ROWS_MAX);
}

#ifdef CAN_REFUSE_MEMORY
Test(codec_page, without_memory_nothing_is_appended, .timeout = 10) {
    struct buf out = {0};
    refuse_memory(1);
    enum status status = write_rows(&out, 3);
    refuse_memory(0);
    cr_assert(status == STATUS_NO_MEMORY);
    cr_assert(out.bytes == 0);
}
#endif
