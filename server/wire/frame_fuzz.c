// Any byte stream is cut into the same frames however it arrives, and each frame can be written
// again as it stood.
#include "wire/frame.h"

#include "base/check.h"

#include <string.h>

#define LIMIT 300u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_frame(const uint8_t *data, struct slice frame, size_t used) {
    uint8_t prefix[FRAME_PREFIX_BYTES_MAX];
    size_t  prefix_bytes = frame_prefix(prefix, (uint32_t)frame.bytes);
    CHECK(frame.bytes <= LIMIT);
    CHECK(used == prefix_bytes + frame.bytes);
    CHECK(frame.data == data + prefix_bytes);
    CHECK(memcmp(prefix, data, prefix_bytes) == 0);
}

// With fewer bytes the answer is AGAIN until it is what it stays for ever.
static void check_arrival(const uint8_t *data, size_t bytes, enum status status, size_t used) {
    bool settled = false;
    for (size_t have = 0; have <= bytes; have++) {
        struct slice frame;
        size_t       now_used = 0;
        enum status  now = frame_next(data, have, LIMIT, &frame, &now_used);
        CHECK(now == status || (now == STATUS_AGAIN && !settled));
        CHECK(now != STATUS_OK || (now_used == used && have >= used));
        settled = now != STATUS_AGAIN;
    }
    CHECK(settled == (status != STATUS_AGAIN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    size_t at = 0;
    for (;;) {
        struct slice frame = {0};
        size_t       used = 0;
        enum status  status = frame_next(data + at, bytes - at, LIMIT, &frame, &used);
        check_arrival(data + at, bytes - at, status, used);
        if (status != STATUS_OK) break;
        check_frame(data + at, frame, used);
        at += used;
    }
    return 0;
}
