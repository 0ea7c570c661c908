#include "host/items.h"

#include "base/ring.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

Test(items, lays_out_head_name_and_body_padded_to_eight, .timeout = 5) {
    struct items       items = {0};
    struct item_header head = {.kind = ITEM_SEND, .name_bytes = 3, .token = 9};
    cr_assert(items_append(&items, head, "abc", slice_of("defg", 4)) == STATUS_OK);
    cr_assert_eq(items.count, 1);
    cr_assert_eq(items.bytes.bytes, 24);

    struct item_header written;
    memcpy(&written, items.bytes.data, sizeof written);
    cr_assert_eq(written.kind, ITEM_SEND);
    cr_assert_eq(written.body_bytes, 4);
    cr_assert_eq(written.token, 9);
    cr_assert_arr_eq(items.bytes.data + sizeof written, "abcdefg\0", 8);
    items_fini(&items);
}

Test(items, refuses_more_than_a_commit_may_have, .timeout = 5) {
    struct items       items = {0};
    struct item_header head = {.kind = ITEM_SEND};
    for (int i = 0; i < COMMIT_ITEMS_MAX; i++) {
        cr_assert(items_append(&items, head, NULL, slice_of(NULL, 0)) == STATUS_OK);
    }
    size_t bytes = items.bytes.bytes;
    cr_assert(items_append(&items, head, NULL, slice_of(NULL, 0)) == STATUS_FULL);
    cr_assert_eq(items.bytes.bytes, bytes);
    items_fini(&items);
}

Test(items, refuses_more_bytes_than_the_bulk_area_holds, .timeout = 20) {
    struct items       items = {0};
    struct item_header head = {.kind = ITEM_STATE};
    uint8_t           *body = calloc(1, COMMIT_BULK_BYTES);
    size_t             room = COMMIT_BULK_BYTES - sizeof head;
    cr_assert(items_append(&items, head, NULL, slice_of(body, room + 1)) == STATUS_TOO_LARGE);
    cr_assert(items_append(&items, head, NULL, slice_of(body, room)) == STATUS_OK);
    cr_assert(items_append(&items, head, NULL, slice_of(NULL, 0)) == STATUS_TOO_LARGE);
    cr_assert_eq(items.count, 1);
    items_fini(&items);
    free(body);
}

Test(items, keeps_small_memory_and_gives_large_memory_back, .timeout = 5) {
    struct items       items = {0};
    struct item_header head = {.kind = ITEM_STATE};
    uint8_t           *body = calloc(1, 4u << 20);
    cr_assert(items_append(&items, head, NULL, slice_of(body, 100)) == STATUS_OK);
    items_reset(&items);
    cr_assert_gt(items.bytes.capacity, 0);
    cr_assert(items_append(&items, head, NULL, slice_of(body, 4u << 20)) == STATUS_OK);
    items_reset(&items);
    cr_assert_eq(items.bytes.capacity, 0);
    items_fini(&items);
    free(body);
}
