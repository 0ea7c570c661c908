// Any bytes may be read; a Value that is well-formed is written again by a walk, as the same tree.
#include "base/check.h"

#include <peeper/value.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void write_element(struct peeper_writer *writer, struct peeper_value value);

static void write_elements(struct peeper_writer *writer, struct peeper_value container, bool map) {
    struct peeper_iter iter = peeper_value_iter(container);
    if (map) {
        peeper_write_map(writer);
    } else {
        peeper_write_list(writer);
    }
    while (peeper_iter_next(&iter)) {
        if (map) peeper_write_key_n(writer, iter.key, iter.key_bytes);
        write_element(writer, iter.value);
    }
    peeper_write_end(writer);
}

static void write_element(struct peeper_writer *writer, struct peeper_value value) {
    bool           yes = false;
    int64_t        integer = 0;
    double         number = 0;
    const char    *text = NULL;
    const uint8_t *data = NULL;
    size_t         bytes = 0;

    switch (peeper_value_kind(value)) {
        case PEEPER_NULL: peeper_write_null(writer); return;
        case PEEPER_BOOL:
            CHECK(peeper_value_bool(value, &yes));
            peeper_write_bool(writer, yes);
            return;
        case PEEPER_INT:
            CHECK(peeper_value_int(value, &integer));
            peeper_write_int(writer, integer);
            return;
        case PEEPER_DOUBLE:
            CHECK(peeper_value_double(value, &number));
            peeper_write_double(writer, number);
            return;
        case PEEPER_STRING:
            CHECK(peeper_value_string(value, &text, &bytes));
            peeper_write_string_n(writer, text, bytes);
            return;
        case PEEPER_BYTES:
            CHECK(peeper_value_bytes(value, &data, &bytes));
            peeper_write_bytes(writer, data, bytes);
            return;
        case PEEPER_LIST: write_elements(writer, value, false); return;
        case PEEPER_MAP: write_elements(writer, value, true); return;
    }
    CHECK(false);
}

static void check_equal(struct peeper_value left, struct peeper_value right);

static void check_equal_elements(struct peeper_value left, struct peeper_value right) {
    struct peeper_iter from_left = peeper_value_iter(left);
    struct peeper_iter from_right = peeper_value_iter(right);
    while (peeper_iter_next(&from_left)) {
        CHECK(peeper_iter_next(&from_right));
        CHECK(from_left.key_bytes == from_right.key_bytes);
        CHECK(memcmp(from_left.key, from_right.key, from_left.key_bytes) == 0);
        check_equal(from_left.value, from_right.value);
    }
    CHECK(!peeper_iter_next(&from_right));
    CHECK(peeper_value_count(left) == peeper_value_count(right));
}

static void check_equal_scalars(struct peeper_value left, struct peeper_value right) {
    bool           yes[2] = {false, false};
    int64_t        integers[2] = {0, 0};
    double         numbers[2] = {0, 0};
    const char    *texts[2] = {"", ""};
    const uint8_t *data[2] = {NULL, NULL};
    size_t         bytes[2] = {0, 0};

    CHECK(peeper_value_bool(left, &yes[0]) == peeper_value_bool(right, &yes[1]));
    CHECK(yes[0] == yes[1]);
    CHECK(peeper_value_int(left, &integers[0]) == peeper_value_int(right, &integers[1]));
    CHECK(integers[0] == integers[1]);
    CHECK(peeper_value_double(left, &numbers[0]) == peeper_value_double(right, &numbers[1]));
    // By their bits: NaN is no reason to differ, -0.0 is.
    CHECK(memcmp(&numbers[0], &numbers[1], sizeof numbers[0]) == 0);
    bool are_texts = peeper_value_string(left, &texts[0], &bytes[0]);
    CHECK(are_texts == peeper_value_string(right, &texts[1], &bytes[1]));
    CHECK(bytes[0] == bytes[1]);
    CHECK(bytes[0] == 0 || memcmp(texts[0], texts[1], bytes[0]) == 0);
    bool are_bytes = peeper_value_bytes(left, &data[0], &bytes[0]);
    CHECK(are_bytes == peeper_value_bytes(right, &data[1], &bytes[1]));
    CHECK(bytes[0] == bytes[1]);
    CHECK(!are_bytes || bytes[0] == 0 || memcmp(data[0], data[1], bytes[0]) == 0);
}

static void check_equal(struct peeper_value left, struct peeper_value right) {
    enum peeper_kind kind = peeper_value_kind(left);
    CHECK(kind == peeper_value_kind(right));
    if (kind == PEEPER_LIST || kind == PEEPER_MAP) {
        check_equal_elements(left, right);
    } else {
        check_equal_scalars(left, right);
    }
}

// What is written is canonical, so writing it again changes no byte.
static void check_canonical(struct peeper_value written) {
    struct peeper_writer again = {0};
    write_element(&again, written);
    CHECK(peeper_writer_done(&again));
    CHECK(again.bytes == written.bytes);
    CHECK(memcmp(again.data, written.data, written.bytes) == 0);
    peeper_writer_fini(&again);
}

// A copy by peeper_write_value keeps the bytes, in a list as well, as long as the levels allow it.
static void check_copied(struct peeper_value value) {
    struct peeper_writer copy = {0};
    struct peeper_value  inner;
    peeper_write_list(&copy);
    peeper_write_value(&copy, value);
    peeper_write_end(&copy);
    if (peeper_writer_done(&copy)) {
        CHECK(peeper_value_check(peeper_writer_value(&copy)));
        CHECK(peeper_value_at(peeper_writer_value(&copy), 0, &inner));
        check_equal(value, inner);
    }
    peeper_writer_fini(&copy);
}

// Readers are safe with bytes that nobody checked; their answers do not matter.
static void read_anyhow(struct peeper_value value, int levels) {
    struct peeper_value found;
    struct peeper_iter  iter = peeper_value_iter(value);
    check_equal_scalars(value, value);
    (void)peeper_value_is(value, "inc");
    (void)peeper_value_at(value, 3, &found);
    (void)peeper_value_get(value, "k", &found);
    while (levels > 0 && peeper_iter_next(&iter)) read_anyhow(iter.value, levels - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    struct peeper_value value = {.data = data, .bytes = bytes};
    read_anyhow(value, 4);
    if (!peeper_value_check(value)) return 0;

    struct peeper_writer writer = {0};
    write_element(&writer, value);
    CHECK(peeper_writer_done(&writer));
    struct peeper_value written = peeper_writer_value(&writer);
    CHECK(peeper_value_check(written));
    check_equal(value, written);
    check_canonical(written);
    check_copied(value);
    peeper_writer_fini(&writer);
    return 0;
}
