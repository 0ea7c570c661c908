// Any bytes may be compared, and what comes of it is an order: no two are before each other, and
// before goes on through a third.
//
// Input: the lengths of the first two of three Values (u8 each), then the three.
#include "base/value_compare.h"

#include "base/check.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static int order_of(struct peeper_value left, struct peeper_value right) {
    int order = value_compare(left, right);
    int back = value_compare(right, left);
    CHECK((order > 0) == (back < 0));
    CHECK((order == 0) == (back == 0));
    bool same = left.bytes == right.bytes &&
                (left.bytes == 0 || memcmp(left.data, right.data, left.bytes) == 0);
    CHECK((order == 0) == same);
    return order;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    struct peeper_value values[3];
    if (bytes < 2) return -1;
    size_t left = bytes - 2, at = 2;
    for (int i = 0; i < 3; i++) {
        size_t share = i < 2 && data[i] < left ? data[i] : left;
        values[i] = (struct peeper_value){.data = data + at, .bytes = share};
        at += share;
        left -= share;
    }
    for (int i = 0; i < 3; i++) CHECK(order_of(values[i], values[i]) == 0);
    int first = order_of(values[0], values[1]);
    int second = order_of(values[1], values[2]);
    int both = order_of(values[0], values[2]);
    if (first <= 0 && second <= 0) CHECK(both <= 0);
    if (first >= 0 && second >= 0) CHECK(both >= 0);
    return 0;
}
