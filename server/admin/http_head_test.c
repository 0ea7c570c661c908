#include "admin/http_head.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

TestSuite(http_head, .timeout = 10);

static struct http_fault fault;
static struct http_head  head;

// What a head is answered with: 0 where it is good, 1 where there is more to come.
static unsigned read_all(const char *text, size_t bytes) {
    size_t      scanned = 0, whole = 0;
    enum status status = http_head_find((const uint8_t *)text, bytes, &scanned, &whole, &fault);
    if (status == STATUS_AGAIN) return 1;
    if (status == STATUS_OK) status = http_head_read(slice_of(text, whole), &head, &fault);
    return status == STATUS_OK ? 0 : fault.code;
}

#define READ(text) read_all(text, sizeof(text) - 1)
#define GET "GET /v1 HTTP/1.1\r\nHost: a\r\n"

static bool is(struct slice slice, const char *text) {
    return slice.bytes == strlen(text) && memcmp(slice.data, text, slice.bytes) == 0;
}

Test(http_head, tells_what_a_request_says) {
    cr_assert_eq(READ("POST /v1/a?b=c HTTP/1.1\r\nHost:  x:1 \r\nCONTENT-type: text/x\r\n"
                      "Content-Length: 12\r\nConnection: foo, Close\r\nOrigin: o\r\n"
                      "Expect: 100-Continue\r\n\r\n"),
                 0);
    cr_assert(is(head.method, "POST"));
    cr_assert(is(head.target, "/v1/a?b=c"));
    cr_assert(is(head.host, "x:1"));
    cr_assert(is(head.content_type, "text/x"));
    cr_assert(head.has_length && head.length == 12 && head.close && head.expects);
    cr_assert(!head.chunked && head.minor == 1);
}

Test(http_head, waits_for_the_empty_line_whatever_the_pieces) {
    static const char text[] = GET "A: b\r\n\r\n";
    size_t            scanned = 0, whole = 0;
    for (size_t bytes = 0; bytes < sizeof text - 1; bytes++) {
        cr_assert_eq(http_head_find((const uint8_t *)text, bytes, &scanned, &whole, &fault),
                     STATUS_AGAIN);
    }
    cr_assert_eq(http_head_find((const uint8_t *)text, sizeof text - 1, &scanned, &whole, &fault),
                 STATUS_OK);
    cr_assert_eq(whole, sizeof text - 1);
}

Test(http_head, refuses_what_two_readers_could_understand_differently) {
    cr_assert_eq(READ(GET "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), 400);
    cr_assert_eq(READ(GET "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
    cr_assert_eq(READ(GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
    cr_assert_eq(READ(GET "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501);
    cr_assert_eq(READ(GET "Content-Length: +1\r\n\r\n"), 400);
    cr_assert_eq(READ(GET "Content-Length: 1, 1\r\n\r\n"), 400);
    cr_assert_eq(READ(GET "Content-Length: \r\n\r\n"), 400);
    cr_assert_eq(READ(GET "Content-Length: 9999999999999999999\r\n\r\n"), 400);
    cr_assert_eq(READ(GET "A: b\r\n c\r\n\r\n"), 400);
    cr_assert_eq(READ(GET "A : b\r\n\r\n"), 400);
    cr_assert_eq(READ(GET "A: b\n\r\n"), 400);
    cr_assert_eq(READ("GET / HTTP/1.1\n"), 400);
    cr_assert_eq(READ(GET "A: b\rc\r\n\r\n"), 400);
    cr_assert_eq(READ(GET "A: b\0c\r\n\r\n"), 400);
    cr_assert_eq(READ(GET "A: b\x01\r\n\r\n"), 400);
    cr_assert_eq(READ(GET "Host: b\r\n\r\n"), 400);
    cr_assert_eq(READ("GET / HTTP/1.1\r\n\r\n"), 400);
    cr_assert_eq(READ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
    cr_assert_eq(READ("\r\n"), 400);
}

Test(http_head, refuses_request_lines_that_are_none) {
    cr_assert_eq(READ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    cr_assert_eq(READ("GET /\r\nHost: a\r\n\r\n"), 400);
    cr_assert_eq(READ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), 400);
    cr_assert_eq(READ(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    cr_assert_eq(READ("GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    cr_assert_eq(READ("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
    cr_assert_eq(READ("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505);
    cr_assert_eq(READ(GET "Expect: tea\r\n\r\n"), 417);
}

Test(http_head, bounds_the_head_its_target_and_its_fields) {
    static char text[2 * HTTP_HEAD_BYTES_MAX];
    memset(text, 'a', sizeof text);
    cr_assert_eq(read_all(text, sizeof text), 431);
    memcpy(text, "GET /", 5);
    memcpy(text + HTTP_TARGET_BYTES_MAX + 6, " HTTP/1.1\r\n\r\n", 13);
    cr_assert_eq(read_all(text, HTTP_TARGET_BYTES_MAX + 19), 414);
    size_t bytes = (size_t)sprintf(text, GET);
    for (unsigned i = 0; i < HTTP_FIELDS_MAX; i++) bytes += (size_t)sprintf(text + bytes, "a:\r\n");
    bytes += (size_t)sprintf(text + bytes, "\r\n");
    cr_assert_eq(read_all(text, bytes), 431);
}

// --- Chunks ---

static struct buf body;

static enum status chunks(const char *text, size_t *ret_used) {
    struct http_chunks reader = {0};
    body.bytes = 0;
    return http_chunks_read(&reader, slice_of(text, strlen(text)), 16, &body, ret_used, &fault);
}

Test(http_head, joins_chunks_and_stops_behind_the_last) {
    size_t used;
    cr_assert_eq(chunks("3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\nGET", &used), STATUS_OK);
    cr_assert(is(slice_of(body.data, body.bytes), "abc0123456789"));
    cr_assert_eq(used, strlen("3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n"));
    buf_fini(&body);
}

Test(http_head, reads_chunks_byte_by_byte) {
    static const char  text[] = "3\r\nabc\r\n0\r\n\r\n";
    struct http_chunks reader = {0};
    enum status        status = STATUS_AGAIN;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        size_t used;
        cr_assert_eq(status, STATUS_AGAIN);
        status = http_chunks_read(&reader, slice_of(text + i, 1), 16, &body, &used, &fault);
        cr_assert_eq(used, 1);
    }
    cr_assert_eq(status, STATUS_OK);
    buf_fini(&body);
}

Test(http_head, refuses_chunks_with_bad_sizes_ends_extensions_or_trailers) {
    static const char *const BAD[] = {
        "0x3\r\nabc\r\n", "-3\r\nabc\r\n", "\r\n",          "3\nabc\r\n",
        "3;a=b\r\nabc",   "3 \r\nabc",     "3\r\nabcd\r\n", "3\r\nabc\n0\r\n",
        "123456789\r\n",  "0\r\nA: b\r\n", "3\r\rabc",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        size_t used;
        cr_assert_eq(chunks(BAD[i], &used), STATUS_PROTOCOL, "%s", BAD[i]);
        cr_assert_eq(fault.code, 400);
    }
    buf_fini(&body);
}

Test(http_head, refuses_a_chunk_over_the_limit_before_it_comes) {
    size_t used;
    cr_assert_eq(chunks("11\r\n", &used), STATUS_PROTOCOL);
    cr_assert_eq(fault.code, 413);
    cr_assert_eq(chunks("10\r\n", &used), STATUS_AGAIN);
    cr_assert_eq(chunks("ffffffff\r\n", &used), STATUS_PROTOCOL);
    buf_fini(&body);
}
