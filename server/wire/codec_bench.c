// Prints what one frame costs: median and p99 over batches, in ns per frame, on the machine that
// runs it.
#include "wire/codec.h"

#include "base/check.h"
#include "wire/frame.h"

#include "peeper/v1/peeper.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAME_BYTES_MAX (4u << 20)
#define BATCHES 2001
#define BATCH 1000
#define HOSTILE_RUNS 200

// id 7, Call{name "counter1", payload Value{string "inc"}}
static const uint8_t CALL[] = {0x08, 0x07, 0x1a, 0x11, 0x0a, 0x08, 'c',  'o', 'u', 'n', 't',
                               'e',  'r',  '1',  0x1a, 0x05, 0x2a, 0x03, 'i', 'n', 'c'};
// The same, but the id's tag is spelt in two bytes: only protobuf-c reads that.
static const uint8_t ODD_CALL[] = {0x88, 0x00, 0x07, 0x1a, 0x11, 0x0a, 0x08, 'c',  'o', 'u', 'n',
                                   't',  'e',  'r',  '1',  0x1a, 0x05, 0x2a, 0x03, 'i', 'n', 'c'};
static const uint8_t VALUE[] = {0x18, 0x54}; // int 42

static struct codec    codec;
static struct buf      out;
static volatile size_t sink; // keeps results alive

static void decode(const uint8_t *data, size_t bytes) {
    struct request request;
    CHECK(codec_decode(&codec, slice_of(data, bytes), &request) == STATUS_OK);
    sink += request.payload.bytes;
}

static void decode_call(void) {
    decode(CALL, sizeof CALL);
}

static void decode_call_by_protobuf(void) {
    decode(ODD_CALL, sizeof ODD_CALL);
}

static void encode_reply(void) {
    out.bytes = 0;
    CHECK(codec_write_reply(&out, 7, slice_of(VALUE, sizeof VALUE)) == STATUS_OK);
}

static void write_by_protobuf(Peeper__V1__ServerFrame *frame) {
    frame->id = 7;
    out.bytes = 0;
    size_t   bytes = peeper__v1__server_frame__get_packed_size(frame);
    uint8_t *at = buf_reserve(&out, FRAME_PREFIX_BYTES_MAX + bytes);
    CHECK(at != NULL);
    at += frame_prefix(at, (uint32_t)bytes);
    sink += peeper__v1__server_frame__pack(frame, at);
}

static void encode_reply_by_protobuf(void) {
    Peeper__V1__Reply reply = PEEPER__V1__REPLY__INIT;
    reply.payload = (ProtobufCBinaryData){.len = sizeof VALUE, .data = (uint8_t *)VALUE};
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_REPLY;
    frame.reply = &reply;
    write_by_protobuf(&frame);
}

static void encode_done(void) {
    out.bytes = 0;
    CHECK(codec_write_done(&out, 7) == STATUS_OK);
}

static void encode_done_by_protobuf(void) {
    Peeper__V1__Done        done = PEEPER__V1__DONE__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_DONE;
    frame.done = &done;
    write_by_protobuf(&frame);
}

static void encode_error(void) {
    struct failure failure = {.status = STATUS_MAILBOX_FULL, .retry_after_ms = 10};
    out.bytes = 0;
    CHECK(codec_write_error(&out, 7, &failure) == STATUS_OK);
}

static uint64_t now_ns(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void measure(const char *what, void (*run)(void)) {
    static double samples[BATCHES];
    for (size_t i = 0; i < BATCHES; i++) {
        uint64_t begun_ns = now_ns();
        for (size_t n = 0; n < BATCH; n++) run();
        samples[i] = (double)(now_ns() - begun_ns) / BATCH;
    }
    qsort(samples, BATCHES, sizeof samples[0], by_value);
    printf("%-34s median %7.1f ns   p99 %7.1f ns\n", what, samples[BATCHES / 2],
           samples[BATCHES * 99 / 100]);
}

// The dearest frames a client can send: as many two-byte fields as fit, at the top or inside Hello.
// All are refused.
static void measure_hostile(const char *what, const uint8_t field[2], bool in_hello) {
    static uint8_t frame[FRAME_BYTES_MAX];
    size_t         bytes = in_hello ? FRAME_BYTES_MAX - 1 : FRAME_BYTES_MAX;
    size_t         body_bytes = bytes - 5;
    const uint8_t  head[5] = {0x12, (uint8_t)(body_bytes | 0x80), (uint8_t)(body_bytes >> 7 | 0x80),
                              (uint8_t)(body_bytes >> 14 | 0x80), (uint8_t)(body_bytes >> 21)};
    size_t         at = in_hello ? sizeof head : 0;
    if (in_hello) memcpy(frame, head, sizeof head);
    for (; at < bytes; at += 2) memcpy(frame + at, field, 2);

    static double samples[HOSTILE_RUNS];
    for (size_t i = 0; i < HOSTILE_RUNS; i++) {
        struct request request;
        uint64_t       begun_ns = now_ns();
        CHECK(codec_decode(&codec, slice_of(frame, bytes), &request) == STATUS_PROTOCOL);
        samples[i] = (double)(now_ns() - begun_ns) / 1000;
    }
    qsort(samples, HOSTILE_RUNS, sizeof samples[0], by_value);
    printf("%-34s median %7.0f us   p99 %7.0f us   (4 MiB, refused)\n", what,
           samples[HOSTILE_RUNS / 2], samples[HOSTILE_RUNS * 99 / 100]);
}

int main(void) {
    CHECK(codec_init(&codec, FRAME_BYTES_MAX) == STATUS_OK);
    measure("decode Call", decode_call);
    measure("decode Call, protobuf-c + arena", decode_call_by_protobuf);
    measure("encode Reply", encode_reply);
    measure("encode Reply, protobuf-c", encode_reply_by_protobuf);
    measure("encode Done", encode_done);
    measure("encode Done, protobuf-c", encode_done_by_protobuf);
    measure("encode Error", encode_error);
    measure_hostile("hostile: empty unknown fields", (const uint8_t[]){0x7a, 0x00}, false);
    measure_hostile("hostile: empty features", (const uint8_t[]){0x22, 0x00}, true);
    measure_hostile("hostile: empty bodies", (const uint8_t[]){0x12, 0x00}, false);
    buf_fini(&out);
    codec_fini(&codec);
    return 0;
}
