#include "base/value_compare.h"

#include <string.h>

// Why this is an order for any bytes: each step compares something that is a function of one side's
// bytes alone (its kind, its number, its elements), by an order of its own, and goes on only where
// that is equal on both sides.

// 2 to the 63: the first double above all int64_t.
#define INT64_END 9223372036854775808.0

static int sign(bool less, bool greater) {
    return (int)greater - (int)less;
}

static int compare_bytes(const void *left, size_t left_bytes, const void *right,
                         size_t right_bytes) {
    size_t bytes = left_bytes < right_bytes ? left_bytes : right_bytes;
    int    order = bytes > 0 ? memcmp(left, right, bytes) : 0;
    return order != 0 ? order : sign(left_bytes<right_bytes, left_bytes> right_bytes);
}

static int compare_doubles(double left, double right) {
    if (left != left || right != right) return sign(left == left, right == right);
    return sign(left<right, left> right);
}

// Without rounding: the double may lie between two ints, the int between two doubles.
static int compare_int_double(int64_t left, double right) {
    if (right != right || right >= INT64_END) return -1;
    if (right < -INT64_END) return 1;
    int64_t whole = (int64_t)right; // towards zero
    if (left != whole) return sign(left<whole, left> whole);
    return compare_doubles(0, right - (double)whole);
}

static int compare_numbers(struct peeper_value left, enum peeper_kind left_kind,
                           struct peeper_value right, enum peeper_kind right_kind) {
    int64_t integers[2] = {0, 0};
    double  doubles[2] = {0, 0};
    (void)peeper_value_int(left, &integers[0]);
    (void)peeper_value_int(right, &integers[1]);
    (void)peeper_value_double(left, &doubles[0]);
    (void)peeper_value_double(right, &doubles[1]);
    if (left_kind == right_kind) {
        return left_kind == PEEPER_INT ? sign(integers[0]<integers[1], integers[0]> integers[1])
                                       : compare_doubles(doubles[0], doubles[1]);
    }
    int order = left_kind == PEEPER_INT ? compare_int_double(integers[0], doubles[1])
                                        : -compare_int_double(integers[1], doubles[0]);
    return order != 0 ? order : sign(left_kind == PEEPER_INT, right_kind == PEEPER_INT);
}

static int compare(struct peeper_value left, struct peeper_value right, uint32_t levels);

static int compare_elements(struct peeper_value left, struct peeper_value right, uint32_t levels) {
    if (levels == 0) return compare_bytes(left.data, left.bytes, right.data, right.bytes);
    struct peeper_iter lefts = peeper_value_iter(left), rights = peeper_value_iter(right);
    for (;;) {
        bool more_left = peeper_iter_next(&lefts), more_right = peeper_iter_next(&rights);
        if (!more_left || !more_right) return sign(more_right, more_left);
        // In a list both keys have no bytes.
        int order = compare_bytes(lefts.key, lefts.key_bytes, rights.key, rights.key_bytes);
        if (order == 0) order = compare(lefts.value, rights.value, levels - 1);
        if (order != 0) return order;
    }
}

static int compare_runs(struct peeper_value left, struct peeper_value right,
                        enum peeper_kind kind) {
    const uint8_t *data[2] = {NULL, NULL};
    const char    *texts[2] = {NULL, NULL};
    size_t         bytes[2] = {0, 0};
    if (kind == PEEPER_BYTES) {
        (void)peeper_value_bytes(left, &data[0], &bytes[0]);
        (void)peeper_value_bytes(right, &data[1], &bytes[1]);
        return compare_bytes(data[0], bytes[0], data[1], bytes[1]);
    }
    (void)peeper_value_string(left, &texts[0], &bytes[0]);
    (void)peeper_value_string(right, &texts[1], &bytes[1]);
    return compare_bytes(texts[0], bytes[0], texts[1], bytes[1]);
}

static bool is_number(enum peeper_kind kind) {
    return kind == PEEPER_INT || kind == PEEPER_DOUBLE;
}

// Recursion is bounded by `levels`.
static int compare(struct peeper_value left, struct peeper_value right, uint32_t levels) {
    enum peeper_kind left_kind = peeper_value_kind(left), right_kind = peeper_value_kind(right);
    bool             yes[2] = {false, false};
    if (is_number(left_kind) && is_number(right_kind)) {
        return compare_numbers(left, left_kind, right, right_kind);
    }
    // The kinds stand in the order of enum peeper_kind.
    if (left_kind != right_kind) return sign(left_kind<right_kind, left_kind> right_kind);
    switch (left_kind) {
        case PEEPER_BOOL:
            (void)peeper_value_bool(left, &yes[0]);
            (void)peeper_value_bool(right, &yes[1]);
            return (int)yes[0] - (int)yes[1];
        case PEEPER_STRING:
        case PEEPER_BYTES: return compare_runs(left, right, left_kind);
        case PEEPER_LIST:
        case PEEPER_MAP: return compare_elements(left, right, levels);
        default: return 0;
    }
}

int value_compare(struct peeper_value left, struct peeper_value right) {
    int order = compare(left, right, PEEPER_VALUE_DEPTH_MAX);
    return order != 0 ? order : compare_bytes(left.data, left.bytes, right.data, right.bytes);
}
