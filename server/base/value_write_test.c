#include <peeper/value.h>

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>

#define VALUE(...)                                                 \
    ((struct peeper_value){.data = (const uint8_t[]){__VA_ARGS__}, \
                           .bytes = sizeof(const uint8_t[]){__VA_ARGS__}})

static struct peeper_writer writer;

static void fini_writer(void) {
    peeper_writer_fini(&writer);
}

TestSuite(value_write, .fini = fini_writer, .timeout = 20);

// A refused allocation shall be answered by NULL under AddressSanitizer too.
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static void assert_written(struct peeper_value expected) {
    cr_assert(peeper_writer_done(&writer));
    struct peeper_value value = peeper_writer_value(&writer);
    cr_assert_eq(value.bytes, expected.bytes);
    cr_assert_arr_eq(value.data, expected.data, value.bytes);
    cr_assert(peeper_value_check(value));
    peeper_writer_reset(&writer);
}

Test(value_write, writes_the_bytes_that_protobuf_defines) {
    peeper_write_null(&writer);
    assert_written(VALUE(0x08, 1));
    peeper_write_bool(&writer, false);
    assert_written(VALUE(0x10, 0));
    peeper_write_int(&writer, -65);
    assert_written(VALUE(0x18, 0x81, 0x01));
    peeper_write_double(&writer, 1.0);
    assert_written(VALUE(0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f));
    peeper_write_string(&writer, "hi");
    assert_written(VALUE(0x2a, 2, 'h', 'i'));
    peeper_write_bytes(&writer, NULL, 0);
    assert_written(VALUE(0x32, 0));
    peeper_write_list(&writer);
    peeper_write_end(&writer);
    assert_written(VALUE(0x3a, 0));
    peeper_write_map(&writer);
    peeper_write_key(&writer, "k");
    peeper_write_list(&writer);
    peeper_write_null(&writer);
    peeper_write_end(&writer);
    peeper_write_end(&writer);
    assert_written(VALUE(0x42, 13, 0x0a, 11, 0x0a, 1, 'k', 0x12, 6, 0x3a, 4, 0x0a, 2, 0x08, 1));
}

Test(value_write, lengths_are_right_around_every_size_of_varint) {
    static const size_t SIZES[] = {110, 120, 127, 128, 129, 16370, 16383, 16384, 2097152};
    static uint8_t      body[2097152];
    memset(body, 'x', sizeof body);
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        struct peeper_value inner, text;
        const uint8_t      *data = NULL;
        size_t              bytes = 0;
        peeper_writer_reset(&writer);
        peeper_write_map(&writer);
        peeper_write_key(&writer, "before");
        peeper_write_int(&writer, 1);
        peeper_write_key(&writer, "list");
        peeper_write_list(&writer);
        peeper_write_bytes(&writer, body, SIZES[i]);
        peeper_write_end(&writer);
        peeper_write_key(&writer, "after");
        peeper_write_int(&writer, 2);
        peeper_write_end(&writer);

        struct peeper_value value = peeper_writer_value(&writer);
        cr_assert(peeper_writer_done(&writer) && peeper_value_check(value));
        cr_assert_eq(peeper_value_count(value), 3);
        cr_assert(peeper_value_get(value, "list", &inner));
        cr_assert(peeper_value_at(inner, 0, &text));
        cr_assert(peeper_value_bytes(text, &data, &bytes) && bytes == SIZES[i]);
        cr_assert(memcmp(data, body, bytes) == 0);
    }
}

Test(value_write, special_doubles_survive) {
    static const double EDGES[] = {0.0, -0.0, INFINITY, -INFINITY, 5e-324, 1.7976931348623157e308};
    for (size_t i = 0; i < sizeof EDGES / sizeof EDGES[0]; i++) {
        double number = 7;
        peeper_writer_reset(&writer);
        peeper_write_double(&writer, EDGES[i]);
        cr_assert(peeper_value_double(peeper_writer_value(&writer), &number));
        cr_assert(memcmp(&number, &EDGES[i], sizeof number) == 0);
    }
    double number = 7;
    peeper_writer_reset(&writer);
    peeper_write_double(&writer, NAN);
    cr_assert(peeper_value_double(peeper_writer_value(&writer), &number) && isnan(number));
}

Test(value_write, sixty_four_containers_open_and_the_next_one_fails) {
    for (int i = 0; i < PEEPER_VALUE_DEPTH_MAX; i++) peeper_write_list(&writer);
    cr_assert(!writer.failed);
    struct peeper_writer copy = writer;
    for (int i = 0; i < PEEPER_VALUE_DEPTH_MAX; i++) peeper_write_end(&writer);
    cr_assert(peeper_writer_done(&writer));
    cr_assert(peeper_value_check(peeper_writer_value(&writer)));

    copy.data = NULL;
    copy.bytes = copy.capacity = 0;
    peeper_write_map(&copy);
    cr_assert(copy.failed);
    peeper_writer_fini(&copy);
}

static void two_roots(void) {
    peeper_write_int(&writer, 1);
    peeper_write_int(&writer, 2);
}
static void two_roots_of_containers(void) {
    peeper_write_list(&writer);
    peeper_write_end(&writer);
    peeper_write_list(&writer);
}
static void key_at_the_root(void) {
    peeper_write_key(&writer, "k");
}
static void key_in_a_list(void) {
    peeper_write_list(&writer);
    peeper_write_key(&writer, "k");
}
static void two_keys(void) {
    peeper_write_map(&writer);
    peeper_write_key(&writer, "k");
    peeper_write_key(&writer, "k");
}
static void value_without_a_key(void) {
    peeper_write_map(&writer);
    peeper_write_int(&writer, 1);
}
static void second_value_without_a_key(void) {
    peeper_write_map(&writer);
    peeper_write_key(&writer, "k");
    peeper_write_int(&writer, 1);
    peeper_write_list(&writer);
}
static void end_at_the_root(void) {
    peeper_write_end(&writer);
}
static void end_after_a_key(void) {
    peeper_write_map(&writer);
    peeper_write_key(&writer, "k");
    peeper_write_end(&writer);
}
static void string_not_utf8(void) {
    peeper_write_string(&writer, "\xff");
}
static void key_not_utf8(void) {
    peeper_write_map(&writer);
    peeper_write_key(&writer, "\xff");
}
static void copy_of_a_malformed_value(void) {
    peeper_write_value(&writer, VALUE(0x2a, 9));
}
static void string_over_2_gib(void) {
    peeper_write_string_n(&writer, "short", (size_t)1 << 31);
}
static void bytes_of_every_address(void) {
    peeper_write_bytes(&writer, "short", SIZE_MAX);
}
static void key_of_every_address(void) {
    peeper_write_map(&writer);
    peeper_write_key_n(&writer, "short", SIZE_MAX);
}

Test(value_write, each_misuse_fails_and_stays_failed_until_reset) {
    static void (*const MISUSES[])(void) = {
        two_roots,
        two_roots_of_containers,
        key_at_the_root,
        key_in_a_list,
        two_keys,
        value_without_a_key,
        end_at_the_root,
        second_value_without_a_key,
        end_after_a_key,
        string_not_utf8,
        key_not_utf8,
        copy_of_a_malformed_value,
        string_over_2_gib,
        bytes_of_every_address,
        key_of_every_address,
    };
    for (size_t i = 0; i < sizeof MISUSES / sizeof MISUSES[0]; i++) {
        peeper_writer_reset(&writer);
        MISUSES[i]();
        cr_assert(writer.failed, "row %zu", i);
        size_t bytes = writer.bytes;
        peeper_write_int(&writer, 1);
        peeper_write_key(&writer, "k");
        peeper_write_end(&writer);
        peeper_write_value(&writer, VALUE(0x18, 2));
        cr_assert(writer.failed && !peeper_writer_done(&writer), "row %zu", i);
        cr_assert_eq(writer.bytes, bytes);
    }
    peeper_writer_reset(&writer);
    peeper_write_int(&writer, 1);
    assert_written(VALUE(0x18, 2));
}

Test(value_write, is_not_done_before_the_last_end) {
    cr_assert(!peeper_writer_done(&writer));
    peeper_write_list(&writer);
    cr_assert(!peeper_writer_done(&writer));
    peeper_write_int(&writer, 1);
    cr_assert(!peeper_writer_done(&writer));
    peeper_write_end(&writer);
    cr_assert(peeper_writer_done(&writer));
}

Test(value_write, running_out_of_memory_fails_the_writer_and_keeps_what_it_has) {
    struct rlimit before, limit;
    peeper_write_list(&writer);
    peeper_write_int(&writer, 1);
    size_t bytes = writer.bytes;
    cr_assert(getrlimit(RLIMIT_AS, &before) == 0);
    limit = before;
    limit.rlim_cur = 1u << 29;
    cr_assert(setrlimit(RLIMIT_AS, &limit) == 0);
    peeper_write_bytes(&writer, "never read", 1u << 30);
    cr_assert(setrlimit(RLIMIT_AS, &before) == 0);
    cr_assert(writer.failed);
    cr_assert_eq(writer.bytes, bytes);
}

Test(value_write, a_copied_value_keeps_its_bytes_and_null_is_written_out) {
    struct peeper_value swapped = VALUE(0x42, 9, 0x0a, 7, 0x12, 2, 0x18, 2, 0x0a, 1, 'k');
    peeper_write_value(&writer, swapped);
    assert_written(swapped);
    peeper_write_value(&writer, (struct peeper_value){0});
    assert_written(VALUE(0x08, 1));
    peeper_write_list(&writer);
    peeper_write_value(&writer, VALUE(0x18, 2));
    peeper_write_value(&writer, (struct peeper_value){0});
    peeper_write_end(&writer);
    assert_written(VALUE(0x3a, 8, 0x0a, 2, 0x18, 2, 0x0a, 2, 0x08, 1));
}

Test(value_write, a_copied_value_counts_the_levels_around_it) {
    struct peeper_value list = VALUE(0x3a, 0);
    for (int depth = PEEPER_VALUE_DEPTH_MAX - 1; depth <= PEEPER_VALUE_DEPTH_MAX; depth++) {
        peeper_writer_reset(&writer);
        for (int i = 0; i < depth; i++) peeper_write_list(&writer);
        peeper_write_value(&writer, list);
        cr_assert(writer.failed == (depth == PEEPER_VALUE_DEPTH_MAX));
    }
}

Test(value_write, reset_keeps_the_memory_and_fini_leaves_a_usable_writer) {
    peeper_write_string(&writer, "a string that is longer than the int");
    uint8_t *data = writer.data;
    peeper_writer_reset(&writer);
    peeper_write_int(&writer, 1);
    cr_assert(writer.data == data);
    peeper_writer_fini(&writer);
    cr_assert(writer.data == NULL && writer.capacity == 0);
    peeper_write_int(&writer, 1);
    assert_written(VALUE(0x18, 2));
}
