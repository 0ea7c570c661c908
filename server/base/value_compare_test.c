#include "base/value_compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct peeper_writer writers[64];
static uint32_t             made;

static struct peeper_writer *fresh(void) {
    return &writers[made++];
}

static struct peeper_value value_of(struct peeper_writer *writer) {
    cr_assert(peeper_writer_done(writer));
    return peeper_writer_value(writer);
}

static struct peeper_value an_int(int64_t number) {
    struct peeper_writer *writer = fresh();
    peeper_write_int(writer, number);
    return value_of(writer);
}

static struct peeper_value a_double(double number) {
    struct peeper_writer *writer = fresh();
    peeper_write_double(writer, number);
    return value_of(writer);
}

static struct peeper_value a_string(const char *text) {
    struct peeper_writer *writer = fresh();
    peeper_write_string(writer, text);
    return value_of(writer);
}

static struct peeper_value some_bytes(const char *text) {
    struct peeper_writer *writer = fresh();
    peeper_write_bytes(writer, text, strlen(text));
    return value_of(writer);
}

static struct peeper_value a_bool(bool yes) {
    struct peeper_writer *writer = fresh();
    peeper_write_bool(writer, yes);
    return value_of(writer);
}

// A list of strings, from words with spaces between them.
static struct peeper_value a_list(const char *words) {
    struct peeper_writer *writer = fresh();
    peeper_write_list(writer);
    while (*words != '\0') {
        size_t bytes = strcspn(words, " ");
        peeper_write_string_n(writer, words, bytes);
        words += bytes + (words[bytes] == ' ');
    }
    peeper_write_end(writer);
    return value_of(writer);
}

static struct peeper_value a_map(const char *key, int64_t number) {
    struct peeper_writer *writer = fresh();
    peeper_write_map(writer);
    peeper_write_key(writer, key);
    peeper_write_int(writer, number);
    peeper_write_end(writer);
    return value_of(writer);
}

// Each comes before all that follow it, and is equal to itself only.
static void assert_ascending(const struct peeper_value *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = value_compare(values[i], values[j]);
            int wanted = (i > j) - (i < j);
            cr_assert((order > 0) - (order < 0) == wanted, "%zu and %zu: %d", i, j, order);
        }
    }
}

Test(value_compare, kinds_come_in_the_order_of_the_schema, .timeout = 5) {
    struct peeper_value values[] = {
        {0},          a_bool(false), a_bool(true),   an_int(-1),      a_double(0.5), an_int(7),
        a_string(""), a_string("a"), some_bytes(""), some_bytes("A"), a_list(""),    a_map("a", 1),
    };
    assert_ascending(values, sizeof values / sizeof values[0]);
}

Test(value_compare, numbers_are_compared_exactly_and_the_int_comes_first, .timeout = 5) {
    struct peeper_value values[] = {
        a_double(-INFINITY),
        an_int(INT64_MIN),
        a_double(-9223372036854775808.0),
        an_int(INT64_MIN + 1),
        an_int(-2),
        a_double(-1.5),
        an_int(-1),
        a_double(-0.5),
        an_int(0),
        a_double(0.0),
        a_double(0.5),
        an_int(1),
        a_double(1),
        // As doubles all three would be the same.
        an_int(9007199254740992),
        a_double(9007199254740992.0),
        an_int(9007199254740993),
        an_int(INT64_MAX),
        a_double(9223372036854775808.0),
        a_double(INFINITY),
        a_double(NAN),
    };
    assert_ascending(values, sizeof values / sizeof values[0]);
}

Test(value_compare, runs_go_byte_by_byte_and_a_beginning_comes_first, .timeout = 5) {
    struct peeper_value values[] = {
        a_string(""),    a_string("B"),  a_string("a"),
        a_string("a a"), a_string("aa"), a_string("\xc3\xa4"),
    };
    assert_ascending(values, sizeof values / sizeof values[0]);
}

Test(value_compare, lists_go_element_by_element_whatever_their_length, .timeout = 5) {
    struct peeper_value values[] = {
        a_list(""), a_list("a"), a_list("a b"), a_list("a longer than the others"), a_list("b"),
    };
    assert_ascending(values, sizeof values / sizeof values[0]);
}

Test(value_compare, maps_go_by_key_and_then_by_value, .timeout = 5) {
    struct peeper_value values[] = {a_map("a", 1), a_map("a", 2), a_map("b", 0)};
    assert_ascending(values, sizeof values / sizeof values[0]);
}

Test(value_compare, what_is_alike_but_encoded_otherwise_is_not_equal, .timeout = 5) {
    // 1, with a varint of two bytes; and a null that is written out.
    static const uint8_t LONG_ONE[] = {0x18, 0x82, 0x00};
    static const uint8_t NULL_OUT[] = {0x08, 0x01};
    struct peeper_value  values[] = {{0},
                                     {.data = NULL_OUT, .bytes = sizeof NULL_OUT},
                                     an_int(1),
                                     {.data = LONG_ONE, .bytes = sizeof LONG_ONE}};
    assert_ascending(values, sizeof values / sizeof values[0]);
}
