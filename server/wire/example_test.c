// The worked example of docs/protocol.md, byte by byte. Whoever changes one changes the other.
#include "wire/codec.h"
#include "wire/frame.h"

#include <criterion/criterion.h>
#include <string.h>

#define FRAME_BYTES_MAX (4u << 20)

static const uint8_t HELLO[] = {0x0d, 0x08, 0x01, 0x12, 0x09, 0x08, 0x01,
                                0x1a, 0x05, 0x64, 0x6f, 0x63, 0x2f, 0x31};

static const uint8_t WELCOME[] = {0x1f, 0x08, 0x01, 0x12, 0x1b, 0x08, 0x01, 0x12, 0x05, 0x30, 0x2e,
                                  0x31, 0x2e, 0x30, 0x1a, 0x10, 0x08, 0x80, 0x80, 0x80, 0x02, 0x10,
                                  0xff, 0x01, 0x18, 0x80, 0xdd, 0xdb, 0x01, 0x20, 0x90, 0x4e};

static const uint8_t CALL[] = {0x17, 0x08, 0x02, 0x1a, 0x13, 0x0a, 0x07, 0x63,
                               0x61, 0x72, 0x74, 0x2d, 0x34, 0x32, 0x1a, 0x05,
                               0x2a, 0x03, 0x69, 0x6e, 0x63, 0x20, 0xe8, 0x07};

static const uint8_t REPLY[] = {0x08, 0x08, 0x02, 0x1a, 0x04, 0x0a, 0x02, 0x18, 0x02};

static const uint8_t ERROR[] = {0x1e, 0x08, 0x02, 0x22, 0x1a, 0x08, 0x02, 0x12, 0x16, 0x6e, 0x6f,
                                0x20, 0x61, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x68, 0x61, 0x73, 0x20,
                                0x74, 0x68, 0x69, 0x73, 0x20, 0x6e, 0x61, 0x6d, 0x65};

static struct codec codec;
static struct buf   out;

static void init(void) {
    cr_assert(codec_init(&codec, FRAME_BYTES_MAX) == STATUS_OK);
}

static void fini(void) {
    codec_fini(&codec);
    buf_fini(&out);
}

TestSuite(example, .init = init, .fini = fini, .timeout = 10);

static struct request decode(const uint8_t *data, size_t bytes) {
    struct request request;
    struct slice   frame;
    size_t         used;
    cr_assert(frame_next(data, bytes, FRAME_BYTES_MAX, &frame, &used) == STATUS_OK);
    cr_assert_eq(used, bytes);
    cr_assert(codec_decode(&codec, frame, &request) == STATUS_OK);
    return request;
}

static bool is(struct slice slice, const char *text) {
    return slice.bytes == strlen(text) && memcmp(slice.data, text, slice.bytes) == 0;
}

static void assert_wrote(const uint8_t *data, size_t bytes) {
    cr_assert_eq(out.bytes, bytes);
    cr_assert(memcmp(out.data, data, bytes) == 0);
}

Test(example, hello) {
    struct request request = decode(HELLO, sizeof HELLO);
    cr_assert_eq(request.id, 1);
    cr_assert_eq(request.verb, VERB_HELLO);
    cr_assert_eq(request.protocol_version, 1);
    cr_assert(is(request.client, "doc/1"));
}

Test(example, welcome) {
    struct welcome welcome = {
        .server_version = "0.1.0",
        .frame_bytes_max = FRAME_BYTES_MAX,
        .name_bytes_max = 255,
        .deadline_ms_max = 3600000,
        .mailbox_max = 10000,
    };
    cr_assert(codec_write_welcome(&out, 1, &welcome) == STATUS_OK);
    assert_wrote(WELCOME, sizeof WELCOME);
}

Test(example, call) {
    struct request request = decode(CALL, sizeof CALL);
    cr_assert_eq(request.id, 2);
    cr_assert_eq(request.verb, VERB_CALL);
    cr_assert_eq(request.limit_ms, 1000);
    cr_assert(is(request.name, "cart-42"));
    cr_assert(is(request.payload, "\x2a\x03inc"));
}

Test(example, reply) {
    cr_assert(codec_write_reply(&out, 2, slice_of("\x18\x02", 2)) == STATUS_OK);
    assert_wrote(REPLY, sizeof REPLY);
}

Test(example, error) {
    struct failure failure = {.status = STATUS_NOPROC};
    cr_assert(codec_write_error(&out, 2, &failure) == STATUS_OK);
    assert_wrote(ERROR, sizeof ERROR);
}
