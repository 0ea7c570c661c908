#include <peeper/value.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define VALUE(...)                                                 \
    ((struct peeper_value){.data = (const uint8_t[]){__VA_ARGS__}, \
                           .bytes = sizeof(const uint8_t[]){__VA_ARGS__}})

static struct peeper_writer writer;

static void fini_writer(void) {
    peeper_writer_fini(&writer);
}

TestSuite(value, .fini = fini_writer, .timeout = 20);

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

// --- Reading ---

Test(value, zero_bytes_are_null) {
    struct peeper_value nothing = {0};
    cr_assert(peeper_value_check(nothing));
    cr_assert(peeper_value_kind(nothing) == PEEPER_NULL);
    cr_assert_eq(peeper_value_count(nothing), 0);
}

Test(value, each_field_has_its_kind) {
    cr_assert(peeper_value_kind(VALUE(0x08, 1)) == PEEPER_NULL);
    cr_assert(peeper_value_kind(VALUE(0x08, 0)) == PEEPER_NULL);
    cr_assert(peeper_value_kind(VALUE(0x10, 0)) == PEEPER_BOOL);
    cr_assert(peeper_value_kind(VALUE(0x18, 0)) == PEEPER_INT);
    cr_assert(peeper_value_kind(VALUE(0x21, 0, 0, 0, 0, 0, 0, 0, 0)) == PEEPER_DOUBLE);
    cr_assert(peeper_value_kind(VALUE(0x2a, 0)) == PEEPER_STRING);
    cr_assert(peeper_value_kind(VALUE(0x32, 0)) == PEEPER_BYTES);
    cr_assert(peeper_value_kind(VALUE(0x3a, 0)) == PEEPER_LIST);
    cr_assert(peeper_value_kind(VALUE(0x42, 0)) == PEEPER_MAP);
}

Test(value, ints_are_zigzag_and_exact_at_the_edges) {
    static const int64_t EDGES[] = {0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof EDGES / sizeof EDGES[0]; i++) {
        int64_t number = 77;
        peeper_writer_reset(&writer);
        peeper_write_int(&writer, EDGES[i]);
        cr_assert(peeper_value_check(peeper_writer_value(&writer)));
        cr_assert(peeper_value_int(peeper_writer_value(&writer), &number));
        cr_assert_eq(number, EDGES[i]);
    }
}

Test(value, an_int_is_also_a_double_but_not_the_other_way_round) {
    double  number = 0;
    int64_t integer = 77;
    cr_assert(peeper_value_double(VALUE(0x18, 5), &number));
    cr_assert(number <= -3.0 && number >= -3.0);
    cr_assert(!peeper_value_int(VALUE(0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f), &integer));
    cr_assert_eq(integer, 77);
}

Test(value, another_kind_leaves_the_out_parameters_alone) {
    struct peeper_value null = VALUE(0x08, 1);
    bool                yes = true;
    int64_t             integer = 77;
    double              number = 7;
    const char         *text = "before";
    const uint8_t      *data = NULL;
    size_t              bytes = 77;
    struct peeper_value found = {.bytes = 77};
    cr_assert(!peeper_value_bool(null, &yes) && yes);
    cr_assert(!peeper_value_int(null, &integer) && integer == 77);
    cr_assert(!peeper_value_double(null, &number) && number > 6);
    cr_assert(!peeper_value_string(null, &text, &bytes) && bytes == 77);
    cr_assert_str_eq(text, "before");
    cr_assert(!peeper_value_bytes(null, &data, &bytes) && bytes == 77);
    cr_assert(!peeper_value_at(null, 0, &found) && found.bytes == 77);
    cr_assert(!peeper_value_get(null, "k", &found) && found.bytes == 77);
}

Test(value, is_compares_the_whole_string) {
    struct peeper_value inc = VALUE(0x2a, 3, 'i', 'n', 'c');
    cr_assert(peeper_value_is(inc, "inc"));
    cr_assert(!peeper_value_is(inc, "in"));
    cr_assert(!peeper_value_is(inc, "incr"));
    cr_assert(!peeper_value_is(inc, "ink"));
    cr_assert(!peeper_value_is(VALUE(0x32, 3, 'i', 'n', 'c'), "inc"));
    cr_assert(!peeper_value_is(VALUE(0x2a, 4, 'i', 'n', 'c', 0), "inc"));
    cr_assert(peeper_value_is(VALUE(0x2a, 0), ""));
}

Test(value, of_several_kinds_the_last_counts) {
    struct peeper_value value = VALUE(0x18, 2, 0x2a, 1, 'a', 0x10, 1);
    bool                yes = false;
    cr_assert(peeper_value_check(value));
    cr_assert(peeper_value_bool(value, &yes) && yes);
    cr_assert(!peeper_value_is(value, "a"));
}

Test(value, a_list_in_two_pieces_is_refused_but_one_after_another_kind_counts) {
    cr_assert(!peeper_value_check(VALUE(0x3a, 2, 0x0a, 0, 0x3a, 2, 0x0a, 0)));
    cr_assert(!peeper_value_check(VALUE(0x42, 0, 0x42, 0)));
    cr_assert(!peeper_value_check(VALUE(0x42, 6, 0x0a, 4, 0x12, 0, 0x12, 0)));
    struct peeper_value value = VALUE(0x3a, 4, 0x0a, 0, 0x0a, 0, 0x18, 2, 0x3a, 2, 0x0a, 0);
    cr_assert(peeper_value_check(value));
    cr_assert_eq(peeper_value_count(value), 1);
}

Test(value, an_entry_may_stand_in_any_order_and_lack_a_half) {
    struct peeper_value found;
    struct peeper_value swapped = VALUE(0x42, 9, 0x0a, 7, 0x12, 2, 0x18, 2, 0x0a, 1, 'k');
    cr_assert(peeper_value_check(swapped));
    cr_assert(peeper_value_get(swapped, "k", &found));
    cr_assert(peeper_value_kind(found) == PEEPER_INT);

    struct peeper_value no_value = VALUE(0x42, 5, 0x0a, 3, 0x0a, 1, 'k');
    cr_assert(peeper_value_check(no_value));
    cr_assert(peeper_value_get(no_value, "k", &found));
    cr_assert_eq(found.bytes, 0);

    struct peeper_value no_key = VALUE(0x42, 6, 0x0a, 4, 0x12, 2, 0x18, 2);
    cr_assert(peeper_value_check(no_key));
    cr_assert(peeper_value_get(no_key, "", &found));
    cr_assert(peeper_value_kind(found) == PEEPER_INT);
}

Test(value, of_equal_keys_the_last_counts) {
    struct peeper_value found;
    int64_t             number = 0;
    peeper_write_map(&writer);
    for (int i = 1; i <= 3; i++) {
        peeper_write_key(&writer, "k");
        peeper_write_int(&writer, i);
    }
    peeper_write_end(&writer);
    struct peeper_value map = peeper_writer_value(&writer);
    cr_assert(peeper_value_get(map, "k", &found));
    cr_assert(peeper_value_int(found, &number) && number == 3);
    cr_assert_eq(peeper_value_count(map), 3);
    cr_assert(!peeper_value_get(map, "kk", &found));
    cr_assert(!peeper_value_get(map, "", &found));
}

Test(value, keys_are_compared_with_embedded_nuls) {
    struct peeper_value found;
    peeper_write_map(&writer);
    peeper_write_key_n(&writer, "a\0b", 3);
    peeper_write_bool(&writer, true);
    peeper_write_end(&writer);
    cr_assert(peeper_value_get_n(peeper_writer_value(&writer), "a\0b", 3, &found));
    cr_assert(!peeper_value_get_n(peeper_writer_value(&writer), "a\0c", 3, &found));
    cr_assert(!peeper_value_get(peeper_writer_value(&writer), "a", &found));
}

Test(value, a_list_answers_by_index_and_a_map_does_not) {
    struct peeper_value list = VALUE(0x3a, 8, 0x0a, 2, 0x18, 2, 0x0a, 2, 0x18, 4);
    struct peeper_value map = VALUE(0x42, 2, 0x0a, 0);
    struct peeper_value found = {0};
    int64_t             number = 0;
    cr_assert(peeper_value_at(list, 1, &found));
    cr_assert(peeper_value_int(found, &number) && number == 2);
    cr_assert(!peeper_value_at(list, 2, &found));
    cr_assert(!peeper_value_at(map, 0, &found));
    cr_assert(!peeper_value_get(list, "", &found));
}

Test(value, a_walk_gives_keys_in_a_map_only) {
    struct peeper_iter iter = peeper_value_iter(VALUE(0x3a, 2, 0x0a, 0));
    cr_assert(peeper_iter_next(&iter));
    cr_assert_eq(iter.key_bytes, 0);
    cr_assert(!peeper_iter_next(&iter));
    cr_assert(!peeper_iter_next(&iter));

    iter = peeper_value_iter(VALUE(0x42, 5, 0x0a, 3, 0x0a, 1, 'k'));
    cr_assert(peeper_iter_next(&iter));
    cr_assert(iter.key_bytes == 1 && iter.key[0] == 'k');
    cr_assert(!peeper_iter_next(&iter));
}

Test(value, a_walk_over_bytes_that_were_not_checked_ends_where_they_go_wrong) {
    struct peeper_iter iter = peeper_value_iter(VALUE(0x3a, 4, 0x0a, 0, 0x0a, 9));
    cr_assert(peeper_iter_next(&iter));
    cr_assert(!peeper_iter_next(&iter));
    cr_assert(!peeper_iter_next(&iter));
    cr_assert(peeper_value_kind(VALUE(0x2a, 9, 'a')) == PEEPER_NULL);
    cr_assert(!peeper_value_is(VALUE(0x2a, 9, 'a'), "a"));
}

Test(value, varints_need_not_be_minimal) {
    int64_t number = 0;
    cr_assert(peeper_value_check(VALUE(0x98, 0x00, 0x84, 0x00)));
    cr_assert(peeper_value_int(VALUE(0x98, 0x00, 0x84, 0x00), &number) && number == 2);
    cr_assert(peeper_value_check(VALUE(0x2a, 0x81, 0x80, 0x00, 'a')));
    cr_assert(peeper_value_is(VALUE(0x2a, 0x81, 0x80, 0x00, 'a'), "a"));
}

Test(value, varints_over_64_bits_are_refused) {
    cr_assert(peeper_value_check(
        VALUE(0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)));
    cr_assert(!peeper_value_check(
        VALUE(0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02)));
    cr_assert(!peeper_value_check(
        VALUE(0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00)));
    cr_assert(!peeper_value_check(
        VALUE(0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)));
}

Test(value, fields_of_a_later_version_are_refused) {
    cr_assert(!peeper_value_check(VALUE(0x48, 1)));                   // Value, field 9
    cr_assert(!peeper_value_check(VALUE(0x00, 1)));                   // field 0
    cr_assert(!peeper_value_check(VALUE(0x18, 2, 0x4a, 0)));          // behind a known one
    cr_assert(!peeper_value_check(VALUE(0x1a, 0)));                   // int with another wire type
    cr_assert(!peeper_value_check(VALUE(0x25, 0, 0, 0, 0)));          // 32 bits
    cr_assert(!peeper_value_check(VALUE(0x3b, 0x3c)));                // a group
    cr_assert(!peeper_value_check(VALUE(0x3a, 2, 0x12, 0)));          // ListValue, field 2
    cr_assert(!peeper_value_check(VALUE(0x42, 2, 0x12, 0)));          // MapValue, field 2
    cr_assert(!peeper_value_check(VALUE(0x42, 4, 0x0a, 2, 0x1a, 0))); // entry, field 3
}

Test(value, strings_and_keys_are_utf8_and_bytes_are_not) {
    cr_assert(peeper_value_check(VALUE(0x2a, 2, 0xc3, 0xa9)));
    cr_assert(!peeper_value_check(VALUE(0x2a, 2, 0xc0, 0x80)));
    cr_assert(!peeper_value_check(VALUE(0x42, 5, 0x0a, 3, 0x0a, 1, 0xff)));
    cr_assert(peeper_value_check(VALUE(0x32, 1, 0xff)));
}

static void write_sample(void) {
    peeper_write_map(&writer);
    peeper_write_key(&writer, "list");
    peeper_write_list(&writer);
    peeper_write_int(&writer, -1000000);
    peeper_write_double(&writer, 0.5);
    peeper_write_string(&writer, "na\xc3\xafve");
    peeper_write_map(&writer);
    peeper_write_end(&writer);
    peeper_write_end(&writer);
    peeper_write_key(&writer, "bytes");
    peeper_write_bytes(&writer, "\0\xff", 2);
    peeper_write_end(&writer);
    cr_assert(peeper_writer_done(&writer));
}

Test(value, a_value_cut_short_anywhere_is_refused) {
    write_sample();
    struct peeper_value whole = peeper_writer_value(&writer);
    cr_assert(peeper_value_check(whole));
    for (size_t cut = 1; cut < whole.bytes; cut++) {
        // An allocation of its own lets AddressSanitizer see a read beyond the end.
        uint8_t *copy = malloc(cut);
        memcpy(copy, whole.data, cut);
        cr_assert(!peeper_value_check((struct peeper_value){.data = copy, .bytes = cut}));
        free(copy);
    }
}

// Wraps what lies at the end of `room`, `bytes` long, into a list or a map entry; answers the new
// length. Lengths stay below 16384.
static size_t wrap(uint8_t *end, size_t bytes, bool map) {
    uint8_t *at = end - bytes;
    uint8_t  tags[] = {map ? 0x12 : 0x0a, 0x0a, 0x42};
    if (!map) tags[1] = 0x3a;
    for (size_t i = 0; i < (map ? 3u : 2u); i++) {
        size_t length = (size_t)(end - at);
        *--at = (uint8_t)(length >> 7);
        *--at = (uint8_t)(length | 0x80);
        *--at = tags[i];
    }
    return (size_t)(end - at);
}

Test(value, depth_64_is_accepted_and_65_is_not) {
    static uint8_t room[4096];
    for (int map = 0; map <= 1; map++) {
        size_t bytes = 0;
        for (int level = 1; level <= 65; level++) {
            bytes = wrap(room + sizeof room, bytes, map == 1);
            struct peeper_value value = {.data = room + sizeof room - bytes, .bytes = bytes};
            cr_assert(peeper_value_check(value) == (level <= PEEPER_VALUE_DEPTH_MAX), "%d", level);
        }
    }
}

// --- Writing ---

Test(value, writes_the_bytes_that_protobuf_defines) {
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

Test(value, lengths_are_right_around_every_size_of_varint) {
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

Test(value, special_doubles_survive) {
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

Test(value, sixty_four_containers_open_and_the_next_one_fails) {
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

Test(value, each_misuse_fails_and_stays_failed_until_reset) {
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

Test(value, is_not_done_before_the_last_end) {
    cr_assert(!peeper_writer_done(&writer));
    peeper_write_list(&writer);
    cr_assert(!peeper_writer_done(&writer));
    peeper_write_int(&writer, 1);
    cr_assert(!peeper_writer_done(&writer));
    peeper_write_end(&writer);
    cr_assert(peeper_writer_done(&writer));
}

Test(value, running_out_of_memory_fails_the_writer_and_keeps_what_it_has) {
    struct rlimit limit = {.rlim_cur = 1u << 29, .rlim_max = 1u << 29};
    peeper_write_list(&writer);
    peeper_write_int(&writer, 1);
    size_t bytes = writer.bytes;
    cr_assert(setrlimit(RLIMIT_AS, &limit) == 0);
    peeper_write_bytes(&writer, "never read", 1u << 30);
    cr_assert(writer.failed);
    cr_assert_eq(writer.bytes, bytes);
}

Test(value, a_copied_value_keeps_its_bytes_and_null_is_written_out) {
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

Test(value, a_copied_value_counts_the_levels_around_it) {
    struct peeper_value list = VALUE(0x3a, 0);
    for (int depth = PEEPER_VALUE_DEPTH_MAX - 1; depth <= PEEPER_VALUE_DEPTH_MAX; depth++) {
        peeper_writer_reset(&writer);
        for (int i = 0; i < depth; i++) peeper_write_list(&writer);
        peeper_write_value(&writer, list);
        cr_assert(writer.failed == (depth == PEEPER_VALUE_DEPTH_MAX));
    }
}

Test(value, reset_keeps_the_memory_and_fini_leaves_a_usable_writer) {
    write_sample();
    uint8_t *data = writer.data;
    peeper_writer_reset(&writer);
    peeper_write_int(&writer, 1);
    cr_assert(writer.data == data);
    peeper_writer_fini(&writer);
    cr_assert(writer.data == NULL && writer.capacity == 0);
    peeper_write_int(&writer, 1);
    assert_written(VALUE(0x18, 2));
}
