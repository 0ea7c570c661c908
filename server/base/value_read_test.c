#include <peeper/value.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define VALUE(...)                                                 \
    ((struct peeper_value){.data = (const uint8_t[]){__VA_ARGS__}, \
                           .bytes = sizeof(const uint8_t[]){__VA_ARGS__}})

static struct peeper_writer writer;

static void fini_writer(void) {
    peeper_writer_fini(&writer);
}

TestSuite(value_read, .fini = fini_writer, .timeout = 20);

Test(value_read, zero_bytes_are_null) {
    struct peeper_value nothing = {0};
    cr_assert(peeper_value_check(nothing));
    cr_assert(peeper_value_kind(nothing) == PEEPER_NULL);
    cr_assert_eq(peeper_value_count(nothing), 0);
}

Test(value_read, each_field_has_its_kind) {
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

Test(value_read, ints_are_zigzag_and_exact_at_the_edges) {
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

Test(value_read, an_int_is_also_a_double_but_not_the_other_way_round) {
    double  number = 0;
    int64_t integer = 77;
    cr_assert(peeper_value_double(VALUE(0x18, 5), &number));
    cr_assert(number <= -3.0 && number >= -3.0);
    cr_assert(!peeper_value_int(VALUE(0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f), &integer));
    cr_assert_eq(integer, 77);
}

Test(value_read, another_kind_leaves_the_out_parameters_alone) {
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

Test(value_read, is_compares_the_whole_string) {
    struct peeper_value inc = VALUE(0x2a, 3, 'i', 'n', 'c');
    cr_assert(peeper_value_is(inc, "inc"));
    cr_assert(!peeper_value_is(inc, "in"));
    cr_assert(!peeper_value_is(inc, "incr"));
    cr_assert(!peeper_value_is(inc, "ink"));
    cr_assert(!peeper_value_is(VALUE(0x32, 3, 'i', 'n', 'c'), "inc"));
    cr_assert(!peeper_value_is(VALUE(0x2a, 4, 'i', 'n', 'c', 0), "inc"));
    cr_assert(peeper_value_is(VALUE(0x2a, 0), ""));
}

Test(value_read, of_several_kinds_the_last_counts) {
    struct peeper_value value = VALUE(0x18, 2, 0x2a, 1, 'a', 0x10, 1);
    bool                yes = false;
    cr_assert(peeper_value_check(value));
    cr_assert(peeper_value_bool(value, &yes) && yes);
    cr_assert(!peeper_value_is(value, "a"));
}

Test(value_read, a_list_in_two_pieces_is_refused_but_one_after_another_kind_counts) {
    cr_assert(!peeper_value_check(VALUE(0x3a, 2, 0x0a, 0, 0x3a, 2, 0x0a, 0)));
    cr_assert(!peeper_value_check(VALUE(0x42, 0, 0x42, 0)));
    cr_assert(!peeper_value_check(VALUE(0x42, 6, 0x0a, 4, 0x12, 0, 0x12, 0)));
    struct peeper_value value = VALUE(0x3a, 4, 0x0a, 0, 0x0a, 0, 0x18, 2, 0x3a, 2, 0x0a, 0);
    cr_assert(peeper_value_check(value));
    cr_assert_eq(peeper_value_count(value), 1);
}

Test(value_read, an_entry_may_stand_in_any_order_and_lack_a_half) {
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

Test(value_read, of_equal_keys_the_last_counts) {
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

Test(value_read, keys_are_compared_with_embedded_nuls) {
    struct peeper_value found;
    peeper_write_map(&writer);
    peeper_write_key_n(&writer, "a\0b", 3);
    peeper_write_bool(&writer, true);
    peeper_write_end(&writer);
    cr_assert(peeper_value_get_n(peeper_writer_value(&writer), "a\0b", 3, &found));
    cr_assert(!peeper_value_get_n(peeper_writer_value(&writer), "a\0c", 3, &found));
    cr_assert(!peeper_value_get(peeper_writer_value(&writer), "a", &found));
}

Test(value_read, a_list_answers_by_index_and_a_map_does_not) {
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

Test(value_read, a_walk_gives_keys_in_a_map_only) {
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

Test(value_read, a_walk_over_bytes_that_were_not_checked_ends_where_they_go_wrong) {
    struct peeper_iter iter = peeper_value_iter(VALUE(0x3a, 4, 0x0a, 0, 0x0a, 9));
    cr_assert(peeper_iter_next(&iter));
    cr_assert(!peeper_iter_next(&iter));
    cr_assert(!peeper_iter_next(&iter));
    cr_assert(peeper_value_kind(VALUE(0x2a, 9, 'a')) == PEEPER_NULL);
    cr_assert(!peeper_value_is(VALUE(0x2a, 9, 'a'), "a"));
}

Test(value_read, varints_need_not_be_minimal) {
    int64_t number = 0;
    cr_assert(peeper_value_check(VALUE(0x98, 0x00, 0x84, 0x00)));
    cr_assert(peeper_value_int(VALUE(0x98, 0x00, 0x84, 0x00), &number) && number == 2);
    cr_assert(peeper_value_check(VALUE(0x2a, 0x81, 0x80, 0x00, 'a')));
    cr_assert(peeper_value_is(VALUE(0x2a, 0x81, 0x80, 0x00, 'a'), "a"));
}

Test(value_read, varints_over_64_bits_are_refused) {
    cr_assert(peeper_value_check(
        VALUE(0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)));
    cr_assert(!peeper_value_check(
        VALUE(0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02)));
    cr_assert(!peeper_value_check(
        VALUE(0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00)));
    cr_assert(!peeper_value_check(
        VALUE(0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)));
}

Test(value_read, fields_of_a_later_version_are_refused) {
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

Test(value_read, strings_and_keys_are_utf8_and_bytes_are_not) {
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

Test(value_read, a_value_cut_short_anywhere_is_refused) {
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

Test(value_read, depth_64_is_accepted_and_65_is_not) {
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
