#include "base/buf.h"

#include <criterion/criterion.h>
#include <string.h>

static struct buf buf;

static void fini(void) {
    buf_fini(&buf);
}

TestSuite(buf, .fini = fini, .timeout = 20);

const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

Test(buf, appends_in_order_over_many_growths) {
    for (uint32_t i = 0; i < 100000; i++) cr_assert(buf_append(&buf, &i, sizeof i) == STATUS_OK);
    cr_assert_eq(buf.bytes, 400000);
    for (uint32_t i = 0; i < 100000; i++) {
        cr_assert(memcmp(buf.data + i * sizeof i, &i, sizeof i) == 0);
    }
}

Test(buf, reserve_gives_room_and_changes_no_bytes) {
    cr_assert(buf_append(&buf, "abc", 3) == STATUS_OK);
    uint8_t *room = buf_reserve(&buf, 5000);
    cr_assert(room == buf.data + 3);
    cr_assert_eq(buf.bytes, 3);
    cr_assert_geq(buf.capacity, 5003);
    memset(room, 'x', 5000);
    cr_assert(memcmp(buf.data, "abc", 3) == 0);
    cr_assert(buf_reserve(&buf, 5000) == room, "the same room until bytes are added");
}

Test(buf, reserving_nothing_from_an_empty_buffer_is_not_a_failure) {
    cr_assert_not_null(buf_reserve(&buf, 0));
    cr_assert(buf_append(&buf, NULL, 0) == STATUS_OK);
    cr_assert_eq(buf.bytes, 0);
}

Test(buf, consume_moves_the_rest_to_the_front) {
    cr_assert(buf_append(&buf, "headtail", 8) == STATUS_OK);
    buf_consume(&buf, 4);
    cr_assert_eq(buf.bytes, 4);
    cr_assert(memcmp(buf.data, "tail", 4) == 0);
    buf_consume(&buf, 4);
    buf_consume(&buf, 0);
    cr_assert_eq(buf.bytes, 0);
}

Test(buf, refuses_what_no_memory_can_hold_and_stays_as_it_was) {
    // The sizes pass through a variable so that the compiler does not see them coming.
    static const volatile size_t HUGE[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4};
    cr_assert(buf_append(&buf, "abc", 3) == STATUS_OK);
    struct buf before = buf;
    for (size_t i = 0; i < sizeof HUGE / sizeof HUGE[0]; i++) {
        cr_assert_null(buf_reserve(&buf, HUGE[i]));
        cr_assert(buf_append(&buf, "abc", HUGE[i]) == STATUS_NO_MEMORY);
        cr_assert(memcmp(&before, &buf, sizeof buf) == 0);
    }
    cr_assert(buf_append(&buf, "d", 1) == STATUS_OK);
    cr_assert(memcmp(buf.data, "abcd", 4) == 0);
}

Test(buf, is_usable_again_after_fini_and_fini_takes_null) {
    cr_assert(buf_append(&buf, "abc", 3) == STATUS_OK);
    buf_fini(&buf);
    cr_assert(buf.data == NULL && buf.bytes == 0 && buf.capacity == 0);
    cr_assert(buf_append(&buf, "d", 1) == STATUS_OK);
    cr_assert_eq(buf.bytes, 1);
    buf_fini(NULL);
}
