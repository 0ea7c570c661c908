#include "wire/codec.h"

#include "wire/fast.h"
#include "wire/frame.h"

#include "peeper/v1/peeper.pb-c.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define FRAME_BYTES_MAX (4u << 20)
#define PADDING_BYTES (FRAME_BYTES_MAX - 64)

// A failed malloc answers NULL under AddressSanitizer, too.
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static struct codec   codec;
static struct request request;
static struct buf     out;
static uint8_t        bytes[FRAME_BYTES_MAX + 1024];

static void open_codec(void) {
    cr_assert(codec_init(&codec, FRAME_BYTES_MAX) == STATUS_OK);
    memset(&request, 0xa5, sizeof request); // a decode must set every field
}

static void close_codec(void) {
    codec_fini(&codec);
    buf_fini(&out);
}

TestSuite(codec_decode, .init = open_codec, .fini = close_codec, .timeout = 30);
TestSuite(codec_write, .init = open_codec, .fini = close_codec, .timeout = 30);

static bool is(struct slice slice, const char *text) {
    return slice.bytes == strlen(text) && memcmp(slice.data, text, slice.bytes) == 0;
}

static bool inside(struct slice slice, const uint8_t *data, size_t size) {
    return slice.data >= data && slice.data + slice.bytes <= data + size;
}

static ProtobufCBinaryData binary(const char *text) {
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

static struct slice packed(const Peeper__V1__ClientFrame *frame) {
    size_t size = peeper__v1__client_frame__get_packed_size(frame);
    cr_assert_leq(size, sizeof bytes);
    return slice_of(bytes, peeper__v1__client_frame__pack(frame, bytes));
}

static void decode(struct slice frame) {
    cr_assert(codec_decode(&codec, frame, &request) == STATUS_OK);
}

// The request of a ClientFrame with id 7 and this body.
#define DECODE(CASE, member, message)                                   \
    do {                                                                \
        Peeper__V1__ClientFrame frame = PEEPER__V1__CLIENT_FRAME__INIT; \
        frame.id = 7;                                                   \
        frame.body_case = PEEPER__V1__CLIENT_FRAME__BODY_##CASE;        \
        frame.member = (message);                                       \
        decode(packed(&frame));                                         \
        cr_assert_eq(request.id, 7);                                    \
        cr_assert_eq(request.verb, VERB_##CASE);                        \
    } while (0)

// Whatever the verb of the present request does not have is zero.
static void assert_rest_is_zero(void) {
    struct request rest = request;
    rest.id = 0;
    rest.verb = VERB_NONE;
    static const struct request nothing;
    cr_assert_null(rest.name.data);
    cr_assert_null(rest.payload.data);
    cr_assert_null(rest.behaviour.data);
    cr_assert_null(rest.token.data);
    cr_assert_null(rest.client.data);
    cr_assert(memcmp(&rest, &nothing, sizeof rest) == 0);
}

// Takes what was looked at out of the request, so that the rest can be asked to be zero.
#define EXPECT(field, value)                          \
    do {                                              \
        cr_assert_eq(request.field, (value), #field); \
        request.field = 0;                            \
    } while (0)

#define EXPECT_TEXT(field, text)                    \
    do {                                            \
        cr_assert(is(request.field, text), #field); \
        request.field = (struct slice){0};          \
    } while (0)

Test(codec_decode, hello) {
    char             *features[] = {"watch", "trace"};
    Peeper__V1__Hello hello = PEEPER__V1__HELLO__INIT;
    hello.protocol_version = 1;
    hello.token = "secret";
    hello.client = "test/1";
    hello.features = features;
    hello.n_features = 2;
    DECODE(HELLO, hello, &hello);
    EXPECT(protocol_version, 1);
    EXPECT_TEXT(token, "secret");
    EXPECT_TEXT(client, "test/1");
    assert_rest_is_zero();
}

Test(codec_decode, call) {
    Peeper__V1__Call call = PEEPER__V1__CALL__INIT;
    call.name = "counter";
    call.id = UINT64_MAX;
    call.payload = binary("inc");
    call.deadline_ms = UINT32_MAX;
    DECODE(CALL, call, &call);
    EXPECT_TEXT(name, "counter");
    EXPECT(target, UINT64_MAX);
    EXPECT_TEXT(payload, "inc");
    EXPECT(limit_ms, UINT32_MAX);
    assert_rest_is_zero();
}

Test(codec_decode, cast) {
    Peeper__V1__Cast cast = PEEPER__V1__CAST__INIT;
    cast.name = "counter";
    cast.id = 9;
    cast.payload = binary("inc");
    DECODE(CAST, cast, &cast);
    EXPECT_TEXT(name, "counter");
    EXPECT(target, 9);
    EXPECT_TEXT(payload, "inc");
    assert_rest_is_zero();
}

Test(codec_decode, send) {
    Peeper__V1__Send send = PEEPER__V1__SEND__INIT;
    send.name = "counter";
    send.id = 9;
    send.payload = binary("inc");
    DECODE(SEND, send, &send);
    EXPECT_TEXT(name, "counter");
    EXPECT(target, 9);
    EXPECT_TEXT(payload, "inc");
    assert_rest_is_zero();
}

Test(codec_decode, start) {
    Peeper__V1__Intensity intensity = PEEPER__V1__INTENSITY__INIT;
    intensity.restarts = 5;
    intensity.period_ms = 60000;
    Peeper__V1__Start start = PEEPER__V1__START__INIT;
    start.name = "counter";
    start.behaviour = "count";
    start.argument = binary("arg");
    start.timeout_ms = 100;
    start.restart = PEEPER__V1__RESTART__RESTART_TEMPORARY;
    start.on_intensity = PEEPER__V1__ON_INTENSITY__ON_INTENSITY_SUSPEND;
    start.intensity = &intensity;
    start.mailbox_max = 12;
    DECODE(START, start, &start);
    EXPECT_TEXT(name, "counter");
    EXPECT_TEXT(behaviour, "count");
    EXPECT_TEXT(payload, "arg");
    EXPECT(limit_ms, 100);
    EXPECT(restart, 3);
    EXPECT(on_intensity, 2);
    EXPECT(has_intensity, true);
    EXPECT(intensity, 5);
    EXPECT(period_ms, 60000);
    EXPECT(mailbox_max, 12);
    assert_rest_is_zero();
}

Test(codec_decode, start_tells_an_intensity_of_zero_from_none) {
    Peeper__V1__Intensity intensity = PEEPER__V1__INTENSITY__INIT;
    Peeper__V1__Start     start = PEEPER__V1__START__INIT;
    DECODE(START, start, &start);
    cr_assert(!request.has_intensity);
    start.intensity = &intensity;
    DECODE(START, start, &start);
    EXPECT(has_intensity, true);
    EXPECT(intensity, 0);
    assert_rest_is_zero();
}

Test(codec_decode, start_keeps_the_number_of_a_restart_it_does_not_know) {
    Peeper__V1__Start start = PEEPER__V1__START__INIT;
    start.restart = (Peeper__V1__Restart)77;
    DECODE(START, start, &start);
    EXPECT(restart, 77);
    assert_rest_is_zero();
}

Test(codec_decode, stop) {
    Peeper__V1__Stop stop = PEEPER__V1__STOP__INIT;
    stop.name = "counter";
    stop.id = 9;
    stop.reason = binary("why");
    stop.timeout_ms = 50;
    DECODE(STOP, stop, &stop);
    EXPECT_TEXT(name, "counter");
    EXPECT(target, 9);
    EXPECT_TEXT(payload, "why");
    EXPECT(limit_ms, 50);
    assert_rest_is_zero();
}

#define TARGET_TEST(test, CASE, TYPE)                            \
    Test(codec_decode, test) {                                   \
        Peeper__V1__##TYPE message = PEEPER__V1__##CASE##__INIT; \
        message.name = "counter";                                \
        message.id = 9;                                          \
        DECODE(CASE, test, &message);                            \
        EXPECT_TEXT(name, "counter");                            \
        EXPECT(target, 9);                                       \
        assert_rest_is_zero();                                   \
    }
TARGET_TEST(kill, KILL, Kill)
TARGET_TEST(where_is, WHERE_IS, WhereIs)
TARGET_TEST(inspect, INSPECT, Inspect)
TARGET_TEST(resume, RESUME, Resume)

Test(codec_decode, list) {
    Peeper__V1__List list = PEEPER__V1__LIST__INIT;
    list.prefix = "count";
    list.cursor = 1000;
    list.limit = 10;
    DECODE(LIST, list, &list);
    EXPECT_TEXT(name, "count");
    EXPECT(cursor, 1000);
    EXPECT(limit, 10);
    assert_rest_is_zero();
}

Test(codec_decode, ping) {
    Peeper__V1__Ping ping = PEEPER__V1__PING__INIT;
    DECODE(PING, ping, &ping);
    assert_rest_is_zero();
}

Test(codec_decode, hot_bodies_without_fields_are_all_zero) {
    Peeper__V1__Call call = PEEPER__V1__CALL__INIT;
    Peeper__V1__Cast cast = PEEPER__V1__CAST__INIT;
    Peeper__V1__Send send = PEEPER__V1__SEND__INIT;
    DECODE(CALL, call, &call);
    assert_rest_is_zero();
    DECODE(CAST, cast, &cast);
    assert_rest_is_zero();
    DECODE(SEND, send, &send);
    assert_rest_is_zero();
}

Test(codec_decode, a_frame_without_a_body_has_no_verb) {
    decode(slice_of(NULL, 0));
    cr_assert_eq(request.verb, VERB_NONE);
    assert_rest_is_zero();
    decode(slice_of("\x08\x07", 2));
    cr_assert_eq(request.verb, VERB_NONE);
    EXPECT(id, 7);
}

Test(codec_decode, a_body_of_a_later_version_has_no_verb) {
    decode(slice_of("\x08\x07\xf2\x01\x02\x08\x01", 7)); // field 30
    EXPECT(id, 7);
    cr_assert_eq(request.verb, VERB_NONE);
    assert_rest_is_zero();
}

Test(codec_decode, skips_fields_of_a_later_version) {
    // Call{name "c", field 9 = 1, payload "p"}: not for the fast path.
    static const uint8_t frame[] = {0x1a, 0x08, 0x0a, 0x01, 'c', 0x48, 0x01, 0x1a, 0x01, 'p'};
    struct request       unused;
    cr_assert(!fast_decode(slice_of(frame, sizeof frame), &unused));
    decode(slice_of(frame, sizeof frame));
    cr_assert_eq(request.verb, VERB_CALL);
    EXPECT_TEXT(name, "c");
    EXPECT_TEXT(payload, "p");
    assert_rest_is_zero();
}

// Call{deadline 5, payload "p", name "x", id 3, name "c"}, id 7.
#define SHUFFLED                                         \
    "\x1a\x0d\x20\x05\x1a\x01p\x0a\x01x\x10\x03\x0a\x01" \
    "c"                                                  \
    "\x08\x07"

Test(codec_decode, takes_fields_in_any_order_and_the_last_of_each) {
    struct slice frame = slice_of(SHUFFLED, sizeof SHUFFLED - 1);
    // Once by the fast path, once by protobuf-c: an unknown field at the end sends the frame there.
    for (size_t round = 0; round < 2; round++) {
        memcpy(bytes, frame.data, frame.bytes);
        memcpy(bytes + frame.bytes, "\x78\x01", 2);
        decode(slice_of(bytes, frame.bytes + 2 * round));
        cr_assert_eq(request.verb, VERB_CALL);
        EXPECT(id, 7);
        EXPECT_TEXT(name, "c");
        EXPECT(target, 3);
        EXPECT_TEXT(payload, "p");
        EXPECT(limit_ms, 5);
        assert_rest_is_zero();
    }
}

Test(codec_decode, the_last_of_two_bodies_counts) {
    static const uint8_t frame[] = {0x1a, 0x03, 0x0a, 0x01, 'a', 0x22, 0x03, 0x0a, 0x01, 'b'};
    decode(slice_of(frame, sizeof frame));
    cr_assert_eq(request.verb, VERB_CAST);
    EXPECT_TEXT(name, "b");
    assert_rest_is_zero();
}

Test(codec_decode, passes_text_on_as_it_came) {
    // Not UTF-8, and a NUL in the middle: a reader must see both to refuse them.
    static const uint8_t call[] = {0x1a, 0x06, 0x0a, 0x04, 0xff, 'a', 0x00, 'b'};
    static const uint8_t inspect[] = {0x5a, 0x06, 0x0a, 0x04, 0xff, 'a', 0x00, 'b'};
    const uint8_t       *frames[] = {call, inspect};
    for (size_t i = 0; i < 2; i++) {
        decode(slice_of(frames[i], sizeof call));
        cr_assert_eq(request.verb, i == 0 ? VERB_CALL : VERB_INSPECT);
        cr_assert_eq(request.name.bytes, 4);
        cr_assert(memcmp(request.name.data,
                         "\xff"
                         "a\0b",
                         4) == 0);
    }
}

static void assert_refused(struct slice frame) {
    struct request before = request;
    cr_assert(codec_decode(&codec, frame, &request) == STATUS_PROTOCOL);
    cr_assert(memcmp(&before, &request, sizeof before) == 0);
}

Test(codec_decode, refuses_what_is_no_client_frame) {
    static const struct {
        const char *data;
        size_t      size;
    } BAD[] = {
        {"\x1a", 1}, // a tag without anything
        {"\x1a\x05\x0a\x01"
         "c",
         5}, // a body longer than the frame
        {"\x1a\x03\x0a\x07"
         "c",
         5},                     // a name longer than the body
        {"\x1a\x02\x08\x07", 4}, // a name that is a number
        {"\x1a\x03\x22\x01"
         "c",
         5}, // a deadline that is text
        {"\x0a\x01"
         "c",
         3},                                                      // an id that is text
        {"\x18\x01", 2},                                          // a body that is a number
        {"\x08\x80", 2},                                          // a number without an end
        {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12}, // a number without measure
        {"\x0b\x0c", 2},                                          // a group, which proto3 has not
        {"GET / HTTP/1.1\r\n\r\n", 18},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_refused(slice_of(BAD[i].data, BAD[i].size));
    }
}

Test(codec_decode, refuses_every_frame_that_is_cut_short) {
    Peeper__V1__Start start = PEEPER__V1__START__INIT;
    start.name = "counter";
    start.behaviour = "count";
    start.argument = binary("arg");
    DECODE(START, start, &start);
    size_t whole = (size_t)(bytes[3] + 4); // id in two bytes, tag, length
    for (size_t size = 3; size < whole; size++) assert_refused(slice_of(bytes, size));
    decode(slice_of(bytes, whole));
}

// As many two-byte fields as the largest frame holds; those in a body follow its tag and a length
// of 4 bytes.
static struct slice hostile(const char field[static 2], uint8_t body_tag) {
    size_t at = 0;
    if (body_tag != 0) {
        bytes[at++] = body_tag;
        at += frame_prefix(bytes + at, FRAME_BYTES_MAX - 6);
    }
    for (; at + 2 <= FRAME_BYTES_MAX; at += 2) memcpy(bytes + at, field, 2);
    return slice_of(bytes, at);
}

Test(codec_decode, refuses_millions_of_fields_and_goes_on) {
    static const struct {
        const char *field;
        uint8_t     body_tag;
    } HOSTILE[] = {
        {"\x22\x00", 0x12}, // features of Hello
        {"\x7a\x00", 0x12}, // unknown text in Hello
        {"\x78\x01", 0x1a}, // unknown numbers in Call
        {"\x7a\x00", 0},    // unknown text beside the body
        {"\x12\x00", 0},    // Hello again and again
        {"\x3a\x00", 0x32}, // intensities of Start, which are merged
    };
    size_t arena_bytes = codec.arena_bytes;
    for (size_t i = 0; i < sizeof HOSTILE / sizeof HOSTILE[0]; i++) {
        assert_refused(hostile(HOSTILE[i].field, HOSTILE[i].body_tag));
        cr_assert_leq(codec.used, codec.arena_bytes);
    }
    cr_assert_eq(codec.arena_bytes, arena_bytes);

    Peeper__V1__Inspect inspect = PEEPER__V1__INSPECT__INIT;
    inspect.name = "counter";
    DECODE(INSPECT, inspect, &inspect);
    EXPECT_TEXT(name, "counter");
}

static char padding[PADDING_BYTES + 1];

Test(codec_decode, takes_the_largest_frame_of_each_kind_by_protobuf_c) {
    memset(padding, 'x', PADDING_BYTES);
    Peeper__V1__Start start = PEEPER__V1__START__INIT;
    start.argument = (ProtobufCBinaryData){.len = PADDING_BYTES, .data = (uint8_t *)padding};
    DECODE(START, start, &start);
    cr_assert_eq(request.payload.bytes, PADDING_BYTES);
    cr_assert(memcmp(request.payload.data, padding, PADDING_BYTES) == 0);

    Peeper__V1__Hello hello = PEEPER__V1__HELLO__INIT;
    hello.token = padding;
    DECODE(HELLO, hello, &hello);
    cr_assert_eq(request.token.bytes, PADDING_BYTES);

    // A Call with the odd spelling of its tag that only protobuf-c reads, filled to the last byte.
    size_t at = 2;
    memcpy(bytes, "\x9a\x00", 2);
    at += frame_prefix(bytes + at, FRAME_BYTES_MAX - 6);
    bytes[at++] = 0x1a;
    at += frame_prefix(bytes + at, FRAME_BYTES_MAX - 11);
    cr_assert_eq(at, 11);
    decode(slice_of(bytes, FRAME_BYTES_MAX));
    cr_assert_eq(request.verb, VERB_CALL);
    cr_assert_eq(request.payload.bytes, FRAME_BYTES_MAX - 11);
    cr_assert(!inside(request.payload, bytes, sizeof bytes));
}

Test(codec_decode, takes_256_features_beside_anything) {
    char *features[256];
    for (size_t i = 0; i < 256; i++) features[i] = "a-feature-with-quite-a-long-name";
    memset(padding, 'x', PADDING_BYTES - 256 * 40);
    padding[PADDING_BYTES - 256 * 40] = 0;
    Peeper__V1__Hello hello = PEEPER__V1__HELLO__INIT;
    hello.token = padding;
    hello.features = features;
    hello.n_features = 256;
    DECODE(HELLO, hello, &hello);
    cr_assert_eq(request.token.bytes, PADDING_BYTES - 256 * 40);
}

Test(codec, init_fails_without_memory, .timeout = 10) {
    struct rlimit limit;
    struct rlimit tight;
    cr_assert(getrlimit(RLIMIT_AS, &limit) == 0);
    tight = (struct rlimit){.rlim_cur = 2u << 30, .rlim_max = limit.rlim_max};
    cr_assert(setrlimit(RLIMIT_AS, &tight) == 0);
    struct codec unborn = {0};
    enum status  status = codec_init(&unborn, UINT32_MAX);
    cr_assert(setrlimit(RLIMIT_AS, &limit) == 0);
    cr_assert(status == STATUS_NO_MEMORY);
    cr_assert_null(unborn.arena);
    codec_fini(&unborn);
}

Test(codec, fini_takes_nothing_and_the_same_twice, .timeout = 10) {
    codec_fini(NULL);
    open_codec();
    codec_fini(&codec);
    codec_fini(&codec);
}

// --- Encoding ---

// The only frame in `out`, read back by protobuf-c.
static Peeper__V1__ServerFrame *written(enum status status) {
    struct slice body;
    size_t       used;
    cr_assert(status == STATUS_OK);
    cr_assert(frame_next(out.data, out.bytes, FRAME_BODY_BYTES_MAX, &body, &used) == STATUS_OK);
    cr_assert_eq(used, out.bytes);
    Peeper__V1__ServerFrame *frame = peeper__v1__server_frame__unpack(NULL, body.bytes, body.data);
    cr_assert_not_null(frame);
    cr_assert_eq(frame->base.n_unknown_fields, 0);
    out.bytes = 0;
    return frame;
}

static void let_go(Peeper__V1__ServerFrame *frame) {
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}

Test(codec_write, reply) {
    Peeper__V1__ServerFrame *frame = written(codec_write_reply(&out, 9, slice_of("result", 6)));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_REPLY);
    cr_assert_eq(frame->reply->payload.len, 6);
    cr_assert(memcmp(frame->reply->payload.data, "result", 6) == 0);
    let_go(frame);
}

Test(codec_write, done) {
    Peeper__V1__ServerFrame *frame = written(codec_write_done(&out, 9));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_DONE);
    let_go(frame);
}

Test(codec_write, appends_behind_what_is_there) {
    cr_assert(codec_write_pong(&out, 1) == STATUS_OK);
    cr_assert(codec_write_reply(&out, 2, slice_of("r", 1)) == STATUS_OK);
    cr_assert(codec_write_done(&out, 3) == STATUS_OK);
    cr_assert(codec_write_listing(&out, 4, NULL, 0, 0) == STATUS_OK);

    size_t at = 0;
    for (uint64_t id = 1; id <= 4; id++) {
        struct slice body;
        size_t       used;
        cr_assert(frame_next(out.data + at, out.bytes - at, 100, &body, &used) == STATUS_OK);
        Peeper__V1__ServerFrame *frame =
            peeper__v1__server_frame__unpack(NULL, body.bytes, body.data);
        cr_assert_eq(frame->id, id);
        let_go(frame);
        at += used;
    }
    cr_assert_eq(at, out.bytes);
}

Test(codec_write, welcome) {
    struct welcome           welcome = {"1.2.3", 4, 5, 6, 7};
    Peeper__V1__ServerFrame *frame = written(codec_write_welcome(&out, 9, &welcome));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_WELCOME);
    cr_assert_eq(frame->welcome->protocol_version, 1);
    cr_assert_str_eq(frame->welcome->server_version, "1.2.3");
    cr_assert_eq(frame->welcome->limits->frame_bytes_max, 4);
    cr_assert_eq(frame->welcome->limits->name_bytes_max, 5);
    cr_assert_eq(frame->welcome->limits->deadline_ms_max, 6);
    cr_assert_eq(frame->welcome->limits->mailbox_max, 7);
    cr_assert_eq(frame->welcome->n_features, 0);
    let_go(frame);
}

Test(codec_write, error_with_everything) {
    struct failure failure = {
        .status = STATUS_CRASHED,
        .message = "it fell",
        .retry_after_ms = 30,
        .reason = slice_of("why", 3),
        .kind = "raise",
    };
    Peeper__V1__ServerFrame *frame = written(codec_write_error(&out, 9, &failure));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_ERROR);
    cr_assert_eq(frame->error->status, PEEPER__V1__STATUS__STATUS_CRASHED);
    cr_assert_str_eq(frame->error->message, "it fell");
    cr_assert(!frame->error->retryable);
    cr_assert_eq(frame->error->retry_after_ms, 30);
    cr_assert_eq(frame->error->reason.len, 3);
    cr_assert_str_eq(frame->error->kind, "raise");
    let_go(frame);
}

Test(codec_write, error_takes_number_advice_and_text_from_the_table) {
    for (int i = 0; i < STATUS_COUNT; i++) {
        for (int overridden = 0; overridden < 2; overridden++) {
            enum status              status = (enum status)i;
            struct failure           failure = {.status = status, .not_retryable = overridden};
            Peeper__V1__ServerFrame *frame = written(codec_write_error(&out, 0, &failure));
            cr_assert_eq((int)frame->error->status, status_wire(status));
            cr_assert_eq(frame->error->retryable, status_retryable(status) && !overridden);
            cr_assert_str_eq(frame->error->message, status_text(status));
            cr_assert_str_eq(frame->error->kind, "");
            cr_assert_eq(frame->error->reason.len, 0);
            let_go(frame);
        }
    }
}

Test(codec_write, the_schema_and_the_status_table_have_the_same_numbers) {
#define CHECK_ROW(name, wire, http, retry, text)                                        \
    if (wire != 0) {                                                                    \
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name( \
            &peeper__v1__status__descriptor, "STATUS_" #name);                          \
        cr_assert_not_null(value, "STATUS_" #name);                                     \
        cr_assert_eq(value->value, wire, "STATUS_" #name);                              \
    }
    STATUS_TABLE(CHECK_ROW)
#undef CHECK_ROW
}

Test(codec_write, started) {
    struct slice             name = slice_of("countersign", 7); // not terminated
    Peeper__V1__ServerFrame *frame = written(codec_write_started(&out, 9, 1234, 56, name, false));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_STARTED);
    cr_assert_eq(frame->started->id, 1234);
    cr_assert_eq(frame->started->unit, 56);
    cr_assert_str_eq(frame->started->name, "counter");
    cr_assert(!frame->started->ignored);
    let_go(frame);

    frame = written(codec_write_started(&out, 9, 0, 0, (struct slice){0}, true));
    cr_assert_eq(frame->started->id, 0);
    cr_assert_str_eq(frame->started->name, "");
    cr_assert(frame->started->ignored);
    let_go(frame);
}

Test(codec_write, names_up_to_255_bytes_are_whole_and_longer_ones_are_cut) {
    memset(padding, 'x', 300);
    for (size_t size = 254; size <= 257; size++) {
        Peeper__V1__ServerFrame *frame =
            written(codec_write_started(&out, 1, 1, 1, slice_of(padding, size), false));
        cr_assert_eq(strlen(frame->started->name), size < 255 ? size : 255);
        let_go(frame);
    }
}

Test(codec_write, located) {
    Peeper__V1__ServerFrame *frame = written(codec_write_located(&out, 9, 1234));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_LOCATED);
    cr_assert_eq(frame->located->id, 1234);
    let_go(frame);
}

Test(codec_write, pong) {
    Peeper__V1__ServerFrame *frame = written(codec_write_pong(&out, 9));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_PONG);
    let_go(frame);
}

Test(codec_write, goodbye_is_an_event_without_an_id) {
    Peeper__V1__ServerFrame *frame = written(codec_write_goodbye(&out, "closing"));
    cr_assert_eq(frame->id, 0);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_EVENT);
    cr_assert_eq(frame->event->kind_case, PEEPER__V1__EVENT__KIND_GOODBYE);
    cr_assert_str_eq(frame->event->goodbye->message, "closing");
    let_go(frame);
}

static struct actor_info example(void) {
    return (struct actor_info){
        .name = slice_of("counters", 7),
        .behaviour = slice_of("counting", 5),
        .status = "running",
        .unit = 11,
        .incarnation = 12,
        .restarts = 13,
        .mailbox = 14,
        .worker = -1,
        .host_pid = 16,
        .turn_ms = 17,
        .last_crash = {.kind = "signal", .reason = slice_of("segv", 4), .at_ms = 18},
        .has_state = true,
        .state = slice_of("state", 5),
        .version = 19,
        .state_at_ms = 20,
    };
}

static void assert_is_example(const Peeper__V1__ActorInfo *info) {
    cr_assert_str_eq(info->name, "counter");
    cr_assert_str_eq(info->behaviour, "count");
    cr_assert_str_eq(info->status, "running");
    cr_assert_eq(info->unit, 11);
    cr_assert_eq(info->incarnation, 12);
    cr_assert_eq(info->restarts, 13);
    cr_assert_eq(info->mailbox, 14);
    cr_assert_eq(info->worker, -1);
    cr_assert_eq(info->host_pid, 16);
    cr_assert_eq(info->turn_ms, 17);
    cr_assert_str_eq(info->last_crash->kind, "signal");
    cr_assert_eq(info->last_crash->reason.len, 4);
    cr_assert(memcmp(info->last_crash->reason.data, "segv", 4) == 0);
    cr_assert_eq(info->last_crash->at_ms, 18);
}

Test(codec_write, actor_info) {
    struct actor_info        info = example();
    Peeper__V1__ServerFrame *frame = written(codec_write_actor_info(&out, 9, &info));
    cr_assert_eq(frame->id, 9);
    cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_ACTOR_INFO);
    assert_is_example(frame->actor_info);
    const Peeper__V1__StateInfo *state = frame->actor_info->state;
    cr_assert_eq(state->value.len, 5);
    cr_assert(memcmp(state->value.data, "state", 5) == 0);
    cr_assert_eq(state->version, 19);
    cr_assert_eq(state->at_ms, 20);
    let_go(frame);
}

Test(codec_write, actor_info_leaves_out_the_state_and_the_crash_that_never_were) {
    struct actor_info        info = {.status = "starting"};
    Peeper__V1__ServerFrame *frame = written(codec_write_actor_info(&out, 9, &info));
    cr_assert_null(frame->actor_info->state);
    cr_assert_null(frame->actor_info->last_crash);
    cr_assert_str_eq(frame->actor_info->name, "");
    let_go(frame);
}

Test(codec_write, listing_has_all_infos_without_their_states) {
    static struct actor_info actors[1000];
    static const size_t      COUNTS[] = {0, 1, 2, 1000};
    for (size_t i = 0; i < 1000; i++) actors[i] = example();
    for (size_t n = 0; n < sizeof COUNTS / sizeof COUNTS[0]; n++) {
        Peeper__V1__ServerFrame *frame =
            written(codec_write_listing(&out, 9, actors, COUNTS[n], 5 * n));
        cr_assert_eq(frame->id, 9);
        cr_assert_eq(frame->body_case, PEEPER__V1__SERVER_FRAME__BODY_LISTING);
        cr_assert_eq(frame->listing->n_actors, COUNTS[n]);
        cr_assert_eq(frame->listing->next, 5 * n);
        for (size_t i = 0; i < COUNTS[n]; i++) {
            assert_is_example(frame->listing->actors[i]);
            cr_assert_null(frame->listing->actors[i]->state);
        }
        let_go(frame);
    }
}

Test(codec_write, without_memory_nothing_is_appended) {
    struct welcome    welcome = {"1", 1, 1, 1, 1};
    struct failure    failure = {.status = STATUS_NOPROC};
    struct actor_info info = example();
    struct slice      name = slice_of("n", 1);
    // As full as a buffer can be: whatever asks for more is refused before any byte is touched.
    const struct buf full = {.data = bytes, .bytes = SIZE_MAX / 2, .capacity = SIZE_MAX / 2};
    struct buf       box = full;

    cr_assert(codec_write_welcome(&box, 1, &welcome) == STATUS_NO_MEMORY);
    cr_assert(codec_write_reply(&box, 1, name) == STATUS_NO_MEMORY);
    cr_assert(codec_write_error(&box, 1, &failure) == STATUS_NO_MEMORY);
    cr_assert(codec_write_done(&box, 1) == STATUS_NO_MEMORY);
    cr_assert(codec_write_started(&box, 1, 1, 1, name, false) == STATUS_NO_MEMORY);
    cr_assert(codec_write_located(&box, 1, 1) == STATUS_NO_MEMORY);
    cr_assert(codec_write_listing(&box, 1, &info, 1, 0) == STATUS_NO_MEMORY);
    cr_assert(codec_write_actor_info(&box, 1, &info) == STATUS_NO_MEMORY);
    cr_assert(codec_write_pong(&box, 1) == STATUS_NO_MEMORY);
    cr_assert(codec_write_goodbye(&box, "bye") == STATUS_NO_MEMORY);
    cr_assert(memcmp(&box, &full, sizeof box) == 0);
}

Test(codec_write, refuses_a_frame_that_no_client_could_read) {
    // The lengths alone are looked at; nothing is behind them.
    static const size_t SIZES[] = {FRAME_BODY_BYTES_MAX, UINT32_MAX, SIZE_MAX};
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        struct slice huge = slice_of(bytes, SIZES[i]);
        cr_assert(codec_write_reply(&out, 1, huge) == STATUS_NO_MEMORY);
    }
    struct actor_info info = example();
    info.last_crash.reason = slice_of(bytes, FRAME_BODY_BYTES_MAX - 10);
    cr_assert(codec_write_listing(&out, 1, &info, 1, 0) == STATUS_NO_MEMORY);
    struct actor_info pair[] = {example(), example()};
    pair[0].last_crash.reason = slice_of(bytes, FRAME_BODY_BYTES_MAX / 2);
    pair[1].last_crash.reason = slice_of(bytes, FRAME_BODY_BYTES_MAX / 2);
    cr_assert(codec_write_listing(&out, 1, pair, 2, 0) == STATUS_NO_MEMORY);
    cr_assert_eq(out.bytes, 0);
}
