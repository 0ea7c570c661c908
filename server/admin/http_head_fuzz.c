// Any bytes are the same head, or the same fault, however they arrive; what is read of it lies
// within it; and chunks and targets are read without stepping over their ends.
#include "admin/http_head.h"

#include "admin/target.h"
#include "base/check.h"

#include <string.h>

#define BODY_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_inside(struct slice slice, const uint8_t *data, size_t bytes) {
    if (slice.data == NULL) return;
    CHECK(slice.data >= data && slice.data + slice.bytes <= data + bytes);
}

static void check_head(const uint8_t *data, size_t bytes) {
    struct http_fault fault = {0};
    struct http_head  head;
    if (http_head_read(slice_of(data, bytes), &head, &fault) != STATUS_OK) {
        CHECK(fault.code >= 400 && fault.text != NULL);
        return;
    }
    CHECK(memchr(data, '\0', bytes) == NULL);
    CHECK(!(head.chunked && head.has_length));
    CHECK(head.minor == 0 || head.host.data != NULL);
    check_inside(head.method, data, bytes);
    check_inside(head.target, data, bytes);
    check_inside(head.host, data, bytes);
    check_inside(head.authorization, data, bytes);
    static struct target target;
    enum status          status = target_read(head.target, &target, &fault);
    for (unsigned i = 0; status == STATUS_OK && i < target.segment_count; i++) {
        CHECK(target.segments[i][0] != '\0');
        CHECK(strcmp(target.segments[i], "..") != 0);
    }
}

static void check_find(const uint8_t *data, size_t bytes) {
    struct http_fault fault;
    size_t            scanned = 0, whole = 0, piecewise = 0, at = 0;
    enum status       status = http_head_find(data, bytes, &scanned, &whole, &fault);
    enum status       now = STATUS_AGAIN;
    scanned = 0;
    for (size_t have = 0; have <= bytes && now == STATUS_AGAIN; have++) {
        now = http_head_find(data, have, &scanned, &piecewise, &fault);
        at = have;
    }
    CHECK(now == status);
    if (status != STATUS_OK) return;
    CHECK(piecewise == whole && at == whole);
    check_head(data, whole);
}

static enum status read_chunks(const uint8_t *data, size_t bytes, size_t step, struct buf *body) {
    struct http_chunks chunks = {0};
    struct http_fault  fault;
    enum status        status = STATUS_AGAIN;
    for (size_t at = 0; at < bytes && status == STATUS_AGAIN;) {
        size_t piece = bytes - at < step ? bytes - at : step, used = 0;
        status =
            http_chunks_read(&chunks, slice_of(data + at, piece), BODY_MAX, body, &used, &fault);
        CHECK(status != STATUS_AGAIN || used == piece);
        CHECK(body->bytes <= BODY_MAX);
        at += used;
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    check_find(data, bytes);
    struct buf  whole = {0}, pieces = {0};
    enum status status = read_chunks(data, bytes, bytes + 1, &whole);
    CHECK(read_chunks(data, bytes, 1, &pieces) == status);
    CHECK(status == STATUS_PROTOCOL || (whole.bytes == pieces.bytes));
    CHECK(status != STATUS_OK || whole.bytes == 0 ||
          memcmp(whole.data, pieces.data, whole.bytes) == 0);
    buf_fini(&whole);
    buf_fini(&pieces);
    static struct target target;
    struct http_fault    fault;
    char                 text[256];
    size_t               target_bytes = bytes < sizeof text ? bytes : sizeof text;
    memcpy(text, data, target_bytes);
    (void)!target_read(slice_of(text, strnlen(text, target_bytes)), &target, &fault);
    return 0;
}
