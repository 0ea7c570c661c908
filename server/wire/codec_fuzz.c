// Any bytes: codec_decode accepts what protobuf-c accepts, with the same request, whichever path it
// takes; what the fast path accepts protobuf-c accepts. The oracle is protobuf-c with the system's
// allocator, read field by field.
#include "wire/codec.h"
#include "wire/fast.h"

#include "base/check.h"

#include "peeper/v1/peeper.pb-c.h"

#include <string.h>

// Far below what could fill the arena, where codec_decode may refuse what protobuf-c takes.
#define INPUT_BYTES_MAX 1024u
#define FRAME_BYTES_MAX (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

// protobuf-c's string ends at the first NUL; the codec's goes on.
static void same_text(struct slice text, const char *want) {
    size_t bytes = strlen(want);
    CHECK(text.bytes >= bytes);
    CHECK(bytes == 0 || memcmp(text.data, want, bytes) == 0);
    CHECK(text.bytes == bytes || text.data[bytes] == 0);
}

static void same_bytes(struct slice bytes, ProtobufCBinaryData want) {
    CHECK(bytes.bytes == want.len);
    CHECK(want.len == 0 || memcmp(bytes.data, want.data, want.len) == 0);
}

static void same_target(const struct request *request, const char *name, uint64_t id) {
    same_text(request->name, name);
    CHECK(request->target == id);
}

static void same_hello(const struct request *request, const Peeper__V1__Hello *hello) {
    CHECK(request->protocol_version == hello->protocol_version);
    same_text(request->token, hello->token);
    same_text(request->client, hello->client);
}

static void same_call(const struct request *request, const Peeper__V1__Call *call) {
    same_target(request, call->name, call->id);
    same_bytes(request->payload, call->payload);
    CHECK(request->limit_ms == call->deadline_ms);
    same_bytes(request->key, call->idempotency_key);
}

static void same_start(const struct request *request, const Peeper__V1__Start *start) {
    same_text(request->name, start->name);
    same_text(request->behaviour, start->behaviour);
    same_bytes(request->payload, start->argument);
    CHECK(request->limit_ms == start->timeout_ms);
    CHECK(request->restart == (uint32_t)start->restart);
    CHECK(request->on_intensity == (uint32_t)start->on_intensity);
    CHECK(request->mailbox_max == start->mailbox_max);
    CHECK(request->hibernate_after_ms == start->hibernate_after_ms);
    CHECK(request->has_intensity == (start->intensity != NULL));
    if (start->intensity == NULL) return;
    CHECK(request->intensity == start->intensity->restarts);
    CHECK(request->period_ms == start->intensity->period_ms);
}

static void same_body(const struct request *request, const Peeper__V1__ClientFrame *frame) {
    switch (request->verb) {
        case VERB_HELLO: return same_hello(request, frame->hello);
        case VERB_CALL: return same_call(request, frame->call);
        case VERB_CAST:
            same_bytes(request->payload, frame->cast->payload);
            same_bytes(request->key, frame->cast->idempotency_key);
            return same_target(request, frame->cast->name, frame->cast->id);
        case VERB_SEND:
            same_bytes(request->payload, frame->send->payload);
            return same_target(request, frame->send->name, frame->send->id);
        case VERB_START: return same_start(request, frame->start);
        case VERB_STOP:
            same_bytes(request->payload, frame->stop->reason);
            CHECK(request->limit_ms == frame->stop->timeout_ms);
            return same_target(request, frame->stop->name, frame->stop->id);
        case VERB_KILL: return same_target(request, frame->kill->name, frame->kill->id);
        case VERB_WHERE_IS: return same_target(request, frame->where_is->name, frame->where_is->id);
        case VERB_LIST:
            same_text(request->name, frame->list->prefix);
            CHECK(request->cursor == frame->list->cursor);
            CHECK(request->limit == frame->list->limit);
            return;
        case VERB_INSPECT: return same_target(request, frame->inspect->name, frame->inspect->id);
        case VERB_RESUME: return same_target(request, frame->resume->name, frame->resume->id);
        case VERB_SUSPEND: return same_target(request, frame->suspend->name, frame->suspend->id);
        case VERB_GET_STATE:
            return same_target(request, frame->get_state->name, frame->get_state->id);
        case VERB_REPLACE_STATE:
            same_bytes(request->payload, frame->replace_state->state);
            CHECK(request->limit_ms == frame->replace_state->timeout_ms);
            return same_target(request, frame->replace_state->name, frame->replace_state->id);
        default: return;
    }
}

// enum verb and the body's field numbers run in step, from Hello, which is 2 in the schema.
static enum verb verb_of(const Peeper__V1__ClientFrame *frame) {
    if (frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY__NOT_SET) return VERB_NONE;
    return (enum verb)(VERB_HELLO + ((int)frame->body_case - PEEPER__V1__CLIENT_FRAME__BODY_HELLO));
}

static void same_request(const struct request *request, const Peeper__V1__ClientFrame *frame) {
    CHECK(request->id == frame->id);
    CHECK(request->verb == verb_of(frame));
    same_body(request, frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static struct codec codec;
    if (codec.arena == NULL) CHECK(codec_init(&codec, FRAME_BYTES_MAX) == STATUS_OK);
    if (bytes > INPUT_BYTES_MAX) return -1;

    struct request           request;
    struct slice             frame = slice_of(data, bytes);
    Peeper__V1__ClientFrame *want = peeper__v1__client_frame__unpack(NULL, bytes, data);
    bool                     fast = fast_decode(frame, &request);
    CHECK(!fast || want != NULL);
    if (fast) same_request(&request, want);

    enum status status = codec_decode(&codec, frame, &request);
    CHECK((status == STATUS_OK) == (want != NULL));
    CHECK(status == STATUS_OK || status == STATUS_PROTOCOL);
    if (status == STATUS_OK) same_request(&request, want);
    if (want != NULL) peeper__v1__client_frame__free_unpacked(want, NULL);
    return 0;
}
