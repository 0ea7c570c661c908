#include "wire/fast.h"

#include "wire/codec.h"
#include "wire/frame.h"

#include "peeper/v1/peeper.pb-c.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint8_t        bytes[4u << 20];
static struct request request;

// Of a run of fast_decode: that it took the frame, that protobuf-c took it, that they agree.
struct verdict {
    bool fast;
    bool generic;
};

static bool same_bytes(struct slice have, const void *want, size_t size) {
    return have.bytes == size && (size == 0 || memcmp(have.data, want, size) == 0);
}

static void assert_same_body(const char *name, uint64_t target, ProtobufCBinaryData payload) {
    cr_assert(same_bytes(request.name, name, strlen(name)));
    cr_assert_eq(request.target, target);
    cr_assert(same_bytes(request.payload, payload.data, payload.len));
}

static void assert_same(const Peeper__V1__ClientFrame *frame) {
    cr_assert_eq(request.id, frame->id);
    switch (request.verb) {
        case VERB_CALL:
            cr_assert_eq(frame->body_case, PEEPER__V1__CLIENT_FRAME__BODY_CALL);
            cr_assert_eq(request.limit_ms, frame->call->deadline_ms);
            assert_same_body(frame->call->name, frame->call->id, frame->call->payload);
            break;
        case VERB_CAST:
            cr_assert_eq(frame->body_case, PEEPER__V1__CLIENT_FRAME__BODY_CAST);
            assert_same_body(frame->cast->name, frame->cast->id, frame->cast->payload);
            break;
        case VERB_SEND:
            cr_assert_eq(frame->body_case, PEEPER__V1__CLIENT_FRAME__BODY_SEND);
            assert_same_body(frame->send->name, frame->send->id, frame->send->payload);
            break;
        default: cr_assert_fail("a verb that is not hot");
    }
}

static struct verdict judge(const uint8_t *data, size_t size) {
    struct request           before = request;
    Peeper__V1__ClientFrame *frame = peeper__v1__client_frame__unpack(NULL, size, data);
    struct verdict           verdict = {fast_decode(slice_of(data, size), &request), frame != NULL};
    cr_assert(!verdict.fast || verdict.generic);
    if (verdict.fast) assert_same(frame);
    if (!verdict.fast) cr_assert(memcmp(&before, &request, sizeof before) == 0);
    if (frame != NULL) peeper__v1__client_frame__free_unpacked(frame, NULL);
    return verdict;
}

// `value` in `width` bytes, longer than needed if asked for.
static size_t spell(uint8_t *at, uint64_t value, size_t width) {
    for (size_t i = 0; i < width; i++, value >>= 7) {
        at[i] = (uint8_t)((value & 0x7f) | (i + 1 < width ? 0x80 : 0));
    }
    return width;
}

Test(fast, takes_hot_bodies_with_and_without_each_field, .timeout = 10) {
    static const char *const FIELDS[] = {"\x0a\x01n", "\x10\x05", "\x1a\x02pp", "\x20\x09"};
    static const uint8_t     BODIES[] = {0x1a, 0x22, 0x2a};
    for (size_t body = 0; body < sizeof BODIES; body++) {
        size_t field_count = body == 0 ? 4 : 3;
        for (unsigned chosen = 0; chosen < 1u << field_count; chosen++) {
            size_t at = 4;
            for (size_t i = 0; i < field_count; i++) {
                if (!(chosen & 1u << i)) continue;
                memcpy(bytes + at, FIELDS[i], strlen(FIELDS[i]));
                at += strlen(FIELDS[i]);
            }
            memcpy(bytes, (uint8_t[]){0x08, 0x07, BODIES[body], (uint8_t)(at - 4)}, 4);
            cr_assert(judge(bytes, at).fast);
        }
    }
}

Test(fast, points_into_the_frame, .timeout = 10) {
    static const uint8_t frame[] = {0x1a, 0x06, 0x0a, 0x01, 'n', 0x1a, 0x01, 'p'};
    cr_assert(fast_decode(slice_of(frame, sizeof frame), &request));
    cr_assert_eq(request.name.data, frame + 4);
    cr_assert_eq(request.payload.data, frame + 7);
}

Test(fast, takes_long_payloads, .timeout = 10) {
    static const size_t SIZES[] = {0, 1, 127, 128, 16383, 16384, 2097151, 2097152, 4000000};
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        size_t at = 0;
        bytes[at++] = 0x1a;
        at += spell(bytes + at, 5 + SIZES[i], 4);
        bytes[at++] = 0x1a;
        at += spell(bytes + at, SIZES[i], 4);
        cr_assert(judge(bytes, at + SIZES[i]).fast);
        cr_assert_eq(request.payload.bytes, SIZES[i]);
    }
}

// protobuf-c reads lengths of up to 5 bytes; here it is enough that nobody reads more than it does.
Test(fast, reads_no_length_that_protobuf_c_refuses, .timeout = 10) {
    for (size_t outer = 1; outer <= 7; outer++) {
        for (size_t inner = 1; inner <= 7; inner++) {
            size_t at = 0;
            bytes[at++] = 0x1a;
            at += spell(bytes + at, 1 + inner + 3, outer);
            bytes[at++] = 0x0a;
            at += spell(bytes + at, 1, inner);
            memcpy(bytes + at, "n\x10\x05", 3);
            struct verdict verdict = judge(bytes, at + 3);
            cr_assert_eq(verdict.fast, outer <= 4 && inner <= 4);
            cr_assert_eq(verdict.generic, outer <= 5 && inner <= 5);
        }
    }
}

Test(fast, reads_numbers_of_any_width_as_protobuf_c_does, .timeout = 10) {
    static const uint64_t VALUES[] = {0, 1, 127, 128, UINT32_MAX, 1ull << 35, UINT64_MAX};
    for (size_t i = 0; i < sizeof VALUES / sizeof VALUES[0]; i++) {
        for (size_t width = 1; width <= 12; width++) {
            size_t at = 0;
            bytes[at++] = 0x08;
            at += spell(bytes + at, VALUES[i], width);
            bytes[at++] = 0x1a;
            bytes[at++] = (uint8_t)(2 * (1 + width));
            bytes[at++] = 0x10;
            at += spell(bytes + at, VALUES[i], width);
            bytes[at++] = 0x20;
            at += spell(bytes + at, VALUES[i], width);
            cr_assert_eq(judge(bytes, at).fast, width <= 10);
        }
    }
}

// All single bytes at all places of a frame: whatever it becomes, the two agree.
Test(fast, agrees_on_every_frame_with_one_byte_changed, .timeout = 10) {
    static const uint8_t frame[] = {0x08, 0x87, 0x01, 0x1a, 0x0f, 0x0a, 0x03, 'a',
                                    'b',  'c',  0x10, 0x05, 0x1a, 0x04, 0x2a, 0x02,
                                    'h',  'i',  0x20, 0x64, 0x08, 0x01};
    unsigned             taken = 0;
    for (size_t i = 0; i < sizeof frame; i++) {
        for (unsigned byte = 1; byte < 256; byte++) { // NUL in a name is codec_test's
            memcpy(bytes, frame, sizeof frame);
            bytes[i] = (uint8_t)byte;
            taken += judge(bytes, sizeof frame).fast;
        }
    }
    cr_assert_gt(taken, 1000);
}

Test(fast, leaves_to_protobuf_c_what_is_not_plain, .timeout = 10) {
    static const struct {
        const char *data;
        size_t      size;
    } OTHERS[] = {
        {"", 0},
        {"\x08\x07", 2},                         // no body
        {"\x08\x07\x6a\x00", 4},                 // Ping
        {"\x1a\x02\x10\x01\x1a\x02\x10\x02", 8}, // two bodies
        {"\x1a\x02\x30\x01", 4},                 // a field of a later version
        {"\x2a\x02\x20\x01", 4},                 // a deadline in a Send
        {"\x1a\x03\x2a\x01k", 5},                // a key in a Call
        {"\x22\x03\x22\x01k", 5},                // a key in a Cast
        {"\x9a\x00\x02\x10\x01", 5},             // a tag in two bytes
        {"\x1a\x00\xa0\x06\x01", 5},             // an unknown field beside the body
    };
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        struct verdict verdict = judge((const uint8_t *)OTHERS[i].data, OTHERS[i].size);
        cr_assert(!verdict.fast);
        cr_assert(verdict.generic);
    }
}

// --- Encoding ---

static const uint64_t IDS[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
#define ID_COUNT (sizeof IDS / sizeof IDS[0])

// Whether the bytes in `out` are those that protobuf-c writes for `frame`; empties it.
static void assert_same_bytes(struct buf *out, const Peeper__V1__ServerFrame *frame) {
    size_t size = peeper__v1__server_frame__get_packed_size(frame);
    size_t at = frame_prefix(bytes, (uint32_t)size);
    at += peeper__v1__server_frame__pack(frame, bytes + at);
    cr_assert_eq(out->bytes, at);
    cr_assert(memcmp(out->data, bytes, at) == 0);
    out->bytes = 0;
}

Test(fast, reply_is_what_protobuf_c_writes, .timeout = 10) {
    static const size_t SIZES[] = {0, 1, 122, 123, 124, 125, 126, 127, 128, 16380, 16384, 2097152};
    uint8_t            *payload = calloc(1, 2097152);
    struct buf          out = {0};
    cr_assert_not_null(payload);
    for (size_t i = 0; i < ID_COUNT; i++) {
        for (size_t n = 0; n < sizeof SIZES / sizeof SIZES[0]; n++) {
            Peeper__V1__Reply reply = PEEPER__V1__REPLY__INIT;
            reply.payload = (ProtobufCBinaryData){.len = SIZES[n], .data = payload};
            Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
            frame.id = IDS[i];
            frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_REPLY;
            frame.reply = &reply;
            cr_assert(fast_write_reply(&out, IDS[i], slice_of(payload, SIZES[n])) == STATUS_OK);
            assert_same_bytes(&out, &frame);
        }
    }
    buf_fini(&out);
    free(payload);
}

Test(fast, done_is_what_protobuf_c_writes, .timeout = 10) {
    struct buf out = {0};
    for (size_t i = 0; i < ID_COUNT; i++) {
        Peeper__V1__Done        done = PEEPER__V1__DONE__INIT;
        Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
        frame.id = IDS[i];
        frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_DONE;
        frame.done = &done;
        cr_assert(fast_write_done(&out, IDS[i]) == STATUS_OK);
        assert_same_bytes(&out, &frame);
    }
    buf_fini(&out);
}
