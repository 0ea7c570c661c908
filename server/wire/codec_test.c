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
static uint8_t        bytes[FRAME_BYTES_MAX + 1024];

static void open_codec(void) {
    cr_assert(codec_init(&codec, FRAME_BYTES_MAX) == STATUS_OK);
    memset(&request, 0xa5, sizeof request); // a decode must set every field
}

static void close_codec(void) {
    codec_fini(&codec);
}

TestSuite(codec_decode, .init = open_codec, .fini = close_codec, .timeout = 30);

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

Test(codec_decode, hello_that_knows_of_idempotency_keys) {
    char             *features[] = {"trace", "idempotency"};
    Peeper__V1__Hello hello = PEEPER__V1__HELLO__INIT;
    hello.features = features;
    hello.n_features = 2;
    DECODE(HELLO, hello, &hello);
    EXPECT(idempotency, true);
    assert_rest_is_zero();
}

Test(codec_decode, call) {
    Peeper__V1__Call call = PEEPER__V1__CALL__INIT;
    call.name = "counter";
    call.id = UINT64_MAX;
    call.payload = binary("inc");
    call.deadline_ms = UINT32_MAX;
    call.idempotency_key = binary("once");
    DECODE(CALL, call, &call);
    EXPECT_TEXT(name, "counter");
    EXPECT(target, UINT64_MAX);
    EXPECT_TEXT(payload, "inc");
    EXPECT(limit_ms, UINT32_MAX);
    EXPECT_TEXT(key, "once");
    assert_rest_is_zero();
}

Test(codec_decode, cast) {
    Peeper__V1__Cast cast = PEEPER__V1__CAST__INIT;
    cast.name = "counter";
    cast.id = 9;
    cast.payload = binary("inc");
    cast.idempotency_key = binary("once");
    DECODE(CAST, cast, &cast);
    EXPECT_TEXT(name, "counter");
    EXPECT(target, 9);
    EXPECT_TEXT(payload, "inc");
    EXPECT_TEXT(key, "once");
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
    start.hibernate_after_ms = 13;
    start.link = start.monitor = start.no_trap_exit = start.step_back = 1;
    start.generations = 14;
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
    EXPECT(hibernate_after_ms, 13);
    EXPECT(link, true);
    EXPECT(monitor, true);
    EXPECT(no_trap_exit, true);
    EXPECT(step_back, true);
    EXPECT(generations, 14);
    assert_rest_is_zero();
}

static void decode_keep(char **names, size_t count) {
    Peeper__V1__Start start = PEEPER__V1__START__INIT;
    Peeper__V1__Keep  keep = PEEPER__V1__KEEP__INIT;
    keep.names = names;
    keep.n_names = count;
    start.keep_tables = &keep;
    DECODE(START, start, &start);
}

Test(codec_decode, start_packs_the_names_of_tables_to_keep) {
    char *names[] = {"carts", "", "b"};
    decode_keep(names, 3);
    EXPECT(keep, KEEP_LISTED);
    cr_assert_eq(request.keep_names.bytes, 9);
    cr_assert(memcmp(request.keep_names.data, "\5carts\0\1b", 9) == 0);
    decode_keep(NULL, 0);
    cr_assert_eq(request.keep, KEEP_LISTED);
    cr_assert_eq(request.keep_names.bytes, 0);
}

Test(codec_decode, start_with_too_many_names_of_tables_says_so) {
    static char  long_name[257];
    static char *names[257];
    memset(long_name, 'n', 256);
    for (size_t i = 0; i < 257; i++) names[i] = "n";
    decode_keep(names, 256);
    cr_assert_eq(request.keep, KEEP_LISTED);
    decode_keep(names, 257);
    cr_assert_eq(request.keep, KEEP_BEYOND);
    names[0] = long_name;
    decode_keep(names, 1);
    cr_assert_eq(request.keep, KEEP_BEYOND);
    for (size_t i = 0; i < 17; i++) names[i] = long_name + 1;
    decode_keep(names, 17);
    cr_assert_eq(request.keep, KEEP_BEYOND);
    decode_keep(names, 16);
    cr_assert_eq(request.keep, KEEP_LISTED);
}

Test(codec_decode, tables) {
    Peeper__V1__ListTables list = PEEPER__V1__LIST_TABLES__INIT;
    list.name = "cart";
    list.id = 3;
    DECODE(LIST_TABLES, list_tables, &list);
    EXPECT_TEXT(name, "cart");
    EXPECT(target, 3);
    assert_rest_is_zero();
    Peeper__V1__ReadTable read = PEEPER__V1__READ_TABLE__INIT;
    read.name = "cart";
    read.id = 3;
    read.table = "t";
    read.prefix = "p";
    read.from = binary("key");
    read.limit = 5;
    DECODE(READ_TABLE, read_table, &read);
    EXPECT_TEXT(name, "cart");
    EXPECT(target, 3);
    EXPECT_TEXT(table, "t");
    EXPECT_TEXT(key_prefix, "p");
    EXPECT_TEXT(after, "key");
    EXPECT(limit, 5);
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

Test(codec_decode, list_crashes) {
    Peeper__V1__ListCrashes list = PEEPER__V1__LIST_CRASHES__INIT;
    list.name = "counter";
    list.cursor = UINT64_MAX;
    list.limit = 3;
    DECODE(LIST_CRASHES, list_crashes, &list);
    EXPECT_TEXT(name, "counter");
    EXPECT(cursor, UINT64_MAX);
    EXPECT(limit, 3);
    assert_rest_is_zero();
}

Test(codec_decode, show_redrive_and_discard_crash) {
    Peeper__V1__ShowCrash show = PEEPER__V1__SHOW_CRASH__INIT;
    show.crash = UINT64_MAX;
    DECODE(SHOW_CRASH, show_crash, &show);
    EXPECT(crash, UINT64_MAX);
    assert_rest_is_zero();

    Peeper__V1__Redrive redrive = PEEPER__V1__REDRIVE__INIT;
    redrive.crash = 7;
    redrive.timeout_ms = 8;
    DECODE(REDRIVE, redrive, &redrive);
    EXPECT(crash, 7);
    EXPECT(limit_ms, 8);
    assert_rest_is_zero();

    Peeper__V1__DiscardCrash discard = PEEPER__V1__DISCARD_CRASH__INIT;
    discard.crash = 9;
    DECODE(DISCARD_CRASH, discard_crash, &discard);
    EXPECT(crash, 9);
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
TARGET_TEST(suspend, SUSPEND, Suspend)
TARGET_TEST(get_state, GET_STATE, GetState)

Test(codec_decode, replace_state) {
    Peeper__V1__ReplaceState replace = PEEPER__V1__REPLACE_STATE__INIT;
    replace.name = "counter";
    replace.id = 9;
    replace.state = binary("new");
    replace.timeout_ms = 50;
    DECODE(REPLACE_STATE, replace_state, &replace);
    EXPECT_TEXT(name, "counter");
    EXPECT(target, 9);
    EXPECT_TEXT(payload, "new");
    EXPECT(limit_ms, 50);
    assert_rest_is_zero();
}

Test(codec_decode, get_state_of_a_version) {
    Peeper__V1__GetState get = PEEPER__V1__GET_STATE__INIT;
    get.version = UINT64_MAX;
    DECODE(GET_STATE, get_state, &get);
    EXPECT(version, UINT64_MAX);
    assert_rest_is_zero();
}

TARGET_TEST(list_generations, LIST_GENERATIONS, ListGenerations)

Test(codec_decode, restore_state) {
    Peeper__V1__RestoreState restore = PEEPER__V1__RESTORE_STATE__INIT;
    restore.name = "counter";
    restore.id = 9;
    restore.version = 7;
    restore.timeout_ms = 50;
    DECODE(RESTORE_STATE, restore_state, &restore);
    EXPECT_TEXT(name, "counter");
    EXPECT(target, 9);
    EXPECT(version, 7);
    EXPECT(limit_ms, 50);
    assert_rest_is_zero();
}

Test(codec_decode, transfer) {
    Peeper__V1__Transfer transfer = PEEPER__V1__TRANSFER__INIT;
    transfer.name = "cart";
    transfer.id = 1;
    transfer.target = "b";
    transfer.target_id = 2;
    transfer.source = "a";
    transfer.source_id = 3;
    transfer.timeout_ms = 50;
    DECODE(TRANSFER, transfer, &transfer);
    EXPECT_TEXT(name, "cart");
    EXPECT(target, 1);
    EXPECT_TEXT(to_name, "b");
    EXPECT(to_id, 2);
    EXPECT_TEXT(from_name, "a");
    EXPECT(from_id, 3);
    EXPECT(limit_ms, 50);
    assert_rest_is_zero();
}

Test(codec_decode, prepare_and_commit_transfer) {
    Peeper__V1__PrepareTransfer prepare = PEEPER__V1__PREPARE_TRANSFER__INIT;
    prepare.name = "cart";
    prepare.target = "b";
    prepare.target_id = 2;
    prepare.source_id = 3;
    DECODE(PREPARE_TRANSFER, prepare_transfer, &prepare);
    EXPECT_TEXT(name, "cart");
    EXPECT_TEXT(to_name, "b");
    EXPECT(to_id, 2);
    EXPECT(from_id, 3);
    assert_rest_is_zero();

    Peeper__V1__CommitTransfer commit = PEEPER__V1__COMMIT_TRANSFER__INIT;
    commit.handle = UINT64_MAX;
    commit.timeout_ms = 8;
    DECODE(COMMIT_TRANSFER, commit_transfer, &commit);
    EXPECT(handle, UINT64_MAX);
    EXPECT(limit_ms, 8);
    assert_rest_is_zero();
}

TARGET_TEST(monitor, MONITOR, Monitor)
TARGET_TEST(link, LINK, Link)
TARGET_TEST(unlink, UNLINK, Unlink)

Test(codec_decode, demonitor) {
    Peeper__V1__Demonitor message = PEEPER__V1__DEMONITOR__INIT;
    message.ref = 9;
    DECODE(DEMONITOR, demonitor, &message);
    EXPECT(ref, 9);
    assert_rest_is_zero();
}

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
    decode(slice_of("\x08\x07\xa2\x06\x02\x08\x01", 7)); // field 100
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
        memcpy(bytes + frame.bytes, "\xa0\x06\x01", 3);
        decode(slice_of(bytes, frame.bytes + 3 * round));
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
