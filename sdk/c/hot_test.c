#include "hot.h"

#include <criterion/criterion.h>
#include <peeper/v1/peeper.pb-c.h>
#include <string.h>

#define LIMIT (1u << 24)

static struct buf hot;
static struct buf plain;

static void same(const struct request *request, uint64_t id) {
    hot.bytes = plain.bytes = 0;
    cr_assert(hot_knows(request));
    cr_assert(hot_encode(&hot, id, request, LIMIT) == PEEPER_STATUS_OK);
    cr_assert(encode_plain(&plain, id, request, LIMIT) == PEEPER_STATUS_OK);
    cr_assert(hot.bytes == plain.bytes);
    cr_assert(memcmp(hot.data, plain.data, hot.bytes) == 0);
}

Test(hot, writes_the_bytes_of_protobuf, .timeout = 10) {
    static const uint64_t NUMBERS[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    static const size_t   SIZES[] = {0, 1, 100, 127, 128, 300, 16384, 1 << 21};
    static uint8_t        payload[1 << 21];
    char                  name[201];
    memset(payload, 'p', sizeof(payload));
    memset(name, 'n', sizeof(name) - 1);
    name[200] = '\0';
    const char *names[] = {NULL, "", "hits", name};

    for (enum request_verb verb = REQUEST_CALL; verb <= REQUEST_SEND; verb++) {
        for (size_t i = 0; i < 8 * 8 * 4; i++) {
            struct request request = {
                .verb = verb,
                .target = {names[i / 64], NUMBERS[i % 8]},
                .payload = {payload, SIZES[i / 8 % 8]},
                .limit_ms = (uint32_t)NUMBERS[(i + 3) % 8],
            };
            same(&request, NUMBERS[(i + i / 8) % 8]);
        }
    }
    buf_fini(&hot);
    buf_fini(&plain);
}

Test(hot, keeps_the_limit_and_appends_nothing_beyond_it, .timeout = 10) {
    struct request request = {.verb = REQUEST_CALL, .target = {"hits", 0}, .limit_ms = 7};
    cr_assert(hot_encode(&hot, 9, &request, LIMIT) == PEEPER_STATUS_OK);
    size_t   bytes = hot.bytes;
    uint32_t frame_bytes = (uint32_t)bytes - 1;
    cr_assert(hot_encode(&hot, 9, &request, frame_bytes) == PEEPER_STATUS_OK);
    cr_assert(hot_encode(&hot, 9, &request, frame_bytes - 1) == PEEPER_STATUS_TOO_LARGE);
    cr_assert(hot.bytes == 2 * bytes);
    buf_fini(&hot);
}

Test(hot, knows_no_other_requests, .timeout = 10) {
    size_t known = 0;
    for (enum request_verb verb = 0; verb < REQUEST_VERBS; verb++) {
        struct request request = {.verb = verb};
        known += hot_knows(&request);
    }
    cr_assert(known == 3);
}

static void reads_alike(const Peeper__V1__ServerFrame *frame, bool hot_reads) {
    uint8_t             bytes[1024];
    struct decoder      decoder;
    struct incoming     fast, slow;
    struct peeper_value whole = {bytes, peeper__v1__server_frame__pack(frame, bytes)};

    hot_prepare(&fast);
    cr_assert(decoder_init(&decoder, LIMIT) == PEEPER_STATUS_OK);
    cr_assert(hot_decode(whole, &fast) == hot_reads);
    if (hot_reads) {
        cr_assert(decoder_decode(&decoder, whole, &slow) == PEEPER_STATUS_OK);
        cr_assert(fast.id == slow.id && fast.kind == slow.kind);
        cr_assert(fast.answer.replied == slow.answer.replied);
        cr_assert(fast.answer.reply.bytes == slow.answer.reply.bytes);
        if (slow.answer.reply.bytes > 0) {
            cr_assert(memcmp(fast.answer.reply.data, slow.answer.reply.data,
                             slow.answer.reply.bytes) == 0);
        }
        cr_assert(fast.answer.frame.data == bytes && fast.answer.error.status == PEEPER_STATUS_OK);
    }
    // Whatever is cut off or added, it is another frame or none.
    for (size_t i = 0; i < whole.bytes; i++) {
        struct peeper_value cut = {bytes, i};
        cr_assert(!hot_decode(cut, &fast));
    }
    bytes[whole.bytes++] = 0;
    cr_assert(!hot_decode(whole, &fast));
    decoder_fini(&decoder);
}

Test(hot, reads_replies_as_protobuf_does, .timeout = 10) {
    static const uint64_t   IDS[] = {1, 127, 128, UINT64_MAX};
    static uint8_t          payload[600] = {1, 2, 3};
    Peeper__V1__Reply       reply = PEEPER__V1__REPLY__INIT;
    Peeper__V1__Done        done = PEEPER__V1__DONE__INIT;
    Peeper__V1__Error       error = PEEPER__V1__ERROR__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    for (size_t i = 0; i < 4; i++) {
        frame.id = IDS[i];
        frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_REPLY;
        frame.reply = &reply;
        for (size_t bytes = 0; bytes <= sizeof(payload); bytes += 60) {
            reply.payload = (ProtobufCBinaryData){bytes, payload};
            reads_alike(&frame, true);
        }
        frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_DONE;
        frame.done = &done;
        reads_alike(&frame, true);
        frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_ERROR;
        frame.error = &error;
        reads_alike(&frame, false);
    }
}

Test(hot, leaves_requests_with_keys_to_protobuf, .timeout = 10) {
    struct request request = {.verb = REQUEST_CALL, .target = {"hits", 0}, .key = "once"};
    cr_assert(!hot_knows(&request));
    request.key = NULL;
    cr_assert(hot_knows(&request));
}
