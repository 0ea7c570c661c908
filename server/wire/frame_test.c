#include "wire/frame.h"

#include <criterion/criterion.h>
#include <string.h>

#define LIMIT (4u << 20)

static uint8_t stream[LIMIT + 64];

static const uint32_t EDGES[] = {0, 1, 127, 128, 16383, 16384, 2097151, 2097152, LIMIT};
#define EDGE_COUNT (sizeof EDGES / sizeof EDGES[0])

// Whatever frame_next does not set keeps these.
static struct slice frame;
static size_t       used;

static void forget(void) {
    frame = slice_of(NULL, 77);
    used = 77;
}

static void assert_untouched(void) {
    cr_assert_null(frame.data);
    cr_assert_eq(frame.bytes, 77);
    cr_assert_eq(used, 77);
}

TestSuite(frame, .init = forget, .timeout = 20);

Test(frame, reads_back_every_length_that_it_writes) {
    for (size_t i = 0; i < EDGE_COUNT; i++) {
        size_t prefix = frame_prefix(stream, EDGES[i]);
        cr_assert(frame_next(stream, prefix + EDGES[i], LIMIT, &frame, &used) == STATUS_OK);
        cr_assert_eq(frame.data, stream + prefix);
        cr_assert_eq(frame.bytes, EDGES[i]);
        cr_assert_eq(used, prefix + EDGES[i]);
    }
}

Test(frame, asks_for_more_until_the_last_byte_is_there) {
    for (size_t i = 0; i < EDGE_COUNT; i++) {
        size_t whole = frame_prefix(stream, EDGES[i]) + EDGES[i];
        for (size_t bytes = 0; bytes < whole && bytes < 20000; bytes++) {
            cr_assert(frame_next(stream, bytes, LIMIT, &frame, &used) == STATUS_AGAIN);
        }
        cr_assert(frame_next(stream, whole - 1, LIMIT, &frame, &used) == STATUS_AGAIN);
    }
    assert_untouched();
}

Test(frame, asks_for_more_of_nothing) {
    cr_assert(frame_next(NULL, 0, LIMIT, &frame, &used) == STATUS_AGAIN);
    assert_untouched();
}

Test(frame, cuts_the_first_frame_and_leaves_the_next) {
    static const uint8_t two[] = {2, 'a', 'b', 1, 'c'};
    cr_assert(frame_next(two, sizeof two, LIMIT, &frame, &used) == STATUS_OK);
    cr_assert_eq(used, 3);
    cr_assert(memcmp(frame.data, "ab", 2) == 0);

    cr_assert(frame_next(two + used, sizeof two - used, LIMIT, &frame, &used) == STATUS_OK);
    cr_assert_eq(used, 2);
    cr_assert(memcmp(frame.data, "c", 1) == 0);
}

Test(frame, an_empty_frame_is_a_frame) {
    static const uint8_t zero[] = {0};
    cr_assert(frame_next(zero, sizeof zero, 0, &frame, &used) == STATUS_OK);
    cr_assert_eq(frame.bytes, 0);
    cr_assert_eq(used, 1);
}

Test(frame, refuses_a_prefix_longer_than_five_bytes) {
    static const uint8_t endless[] = {0x81, 0x81, 0x81, 0x81, 0x81, 0x01};
    cr_assert(frame_next(endless, 4, LIMIT, &frame, &used) == STATUS_AGAIN);
    cr_assert(frame_next(endless, 5, LIMIT, &frame, &used) == STATUS_PROTOCOL);
    cr_assert(frame_next(endless, 6, LIMIT, &frame, &used) == STATUS_PROTOCOL);
    assert_untouched();
}

Test(frame, refuses_a_length_that_is_not_minimal) {
    static const uint8_t zero_in_two[] = {0x80, 0x00};
    static const uint8_t one_in_three[] = {0x81, 0x80, 0x00, 'a'};
    cr_assert(frame_next(zero_in_two, sizeof zero_in_two, LIMIT, &frame, &used) == STATUS_PROTOCOL);
    cr_assert(frame_next(one_in_three, sizeof one_in_three, LIMIT, &frame, &used) ==
              STATUS_PROTOCOL);
    assert_untouched();
}

Test(frame, refuses_a_body_over_the_limit_before_it_comes) {
    size_t prefix = frame_prefix(stream, LIMIT + 1);
    cr_assert(frame_next(stream, prefix, LIMIT, &frame, &used) == STATUS_TOO_LARGE);
    assert_untouched();
}

Test(frame, refuses_the_longest_length_without_losing_its_high_bits) {
    // 35 bits: cut to 32 it would announce a body of 0 bytes.
    static const uint8_t huge[] = {0x80, 0x80, 0x80, 0x80, 0x70};
    cr_assert(frame_next(huge, sizeof huge, UINT32_MAX, &frame, &used) == STATUS_TOO_LARGE);
    assert_untouched();
}

Test(frame, the_longest_prefix_has_five_bytes) {
    static const uint8_t want[] = {0xff, 0xff, 0xff, 0xff, 0x0f};
    uint8_t              room[FRAME_PREFIX_BYTES_MAX];
    cr_assert_eq(frame_prefix(room, UINT32_MAX), sizeof want);
    cr_assert(memcmp(room, want, sizeof want) == 0);
    cr_assert(frame_next(room, sizeof room, UINT32_MAX, &frame, &used) == STATUS_AGAIN);
}
