#include "encode.h"

#include "base/check.h"
#include "wire/frame.h"

#include <peeper/v1/peeper.pb-c.h>

// The message inside the frame; the frame points to it, so it lives as long.
union body {
    Peeper__V1__Hello   hello;
    Peeper__V1__Call    call;
    Peeper__V1__Cast    cast;
    Peeper__V1__Send    send;
    Peeper__V1__Stop    stop;
    Peeper__V1__Kill    kill;
    Peeper__V1__Resume  resume;
    Peeper__V1__WhereIs where_is;
    Peeper__V1__List    list;
    Peeper__V1__Inspect inspect;
    Peeper__V1__Ping    ping;
    struct {
        Peeper__V1__Start     message;
        Peeper__V1__Intensity intensity;
    } start;
};

// protobuf-c has no const: it only reads what these point to.
static char *text(const char *text_or_null) {
    return text_or_null != NULL ? (char *)text_or_null : (char *)protobuf_c_empty_string;
}

static ProtobufCBinaryData bytes(struct peeper_value value) {
    return (ProtobufCBinaryData){.len = value.bytes, .data = (uint8_t *)value.data};
}

static void fill_hello(union body *body, const struct request *request) {
    body->hello = (Peeper__V1__Hello)PEEPER__V1__HELLO__INIT;
    body->hello.protocol_version = PEEPER_PROTOCOL_VERSION;
    body->hello.token = text(request->token);
    body->hello.client = text(request->client);
}

// Most requests have these fields, in messages of types that share nothing.
#define FILL(field, INIT, more)                                                 \
    static void fill_##field(union body *body, const struct request *request) { \
        body->field = INIT;                                                     \
        body->field.name = text(request->target.name);                          \
        body->field.id = request->target.id;                                    \
        more                                                                    \
    }

FILL(call, (Peeper__V1__Call)PEEPER__V1__CALL__INIT, body->call.payload = bytes(request->payload);
     body->call.deadline_ms = request->limit_ms;)
FILL(cast, (Peeper__V1__Cast)PEEPER__V1__CAST__INIT, body->cast.payload = bytes(request->payload);)
FILL(send, (Peeper__V1__Send)PEEPER__V1__SEND__INIT, body->send.payload = bytes(request->payload);)
FILL(stop, (Peeper__V1__Stop)PEEPER__V1__STOP__INIT, body->stop.reason = bytes(request->payload);
     body->stop.timeout_ms = request->limit_ms;)
FILL(kill, (Peeper__V1__Kill)PEEPER__V1__KILL__INIT, )
FILL(resume, (Peeper__V1__Resume)PEEPER__V1__RESUME__INIT, )
FILL(where_is, (Peeper__V1__WhereIs)PEEPER__V1__WHERE_IS__INIT, )
FILL(inspect, (Peeper__V1__Inspect)PEEPER__V1__INSPECT__INIT, )
#undef FILL

static void fill_start(union body *body, const struct request *request) {
    const struct peeper_start_options *options = request->start;
    Peeper__V1__Start                 *start = &body->start.message;

    *start = (Peeper__V1__Start)PEEPER__V1__START__INIT;
    start->name = text(options->name);
    start->behaviour = text(options->behaviour);
    start->argument = bytes(options->argument);
    start->timeout_ms = options->timeout_ms;
    start->restart = (Peeper__V1__Restart)options->restart;
    start->on_intensity = (Peeper__V1__OnIntensity)options->on_intensity;
    start->mailbox_max = options->mailbox_max;
    start->hibernate_after_ms = options->hibernate_after_ms;
    if (options->has_intensity) {
        body->start.intensity = (Peeper__V1__Intensity)PEEPER__V1__INTENSITY__INIT;
        body->start.intensity.restarts = options->intensity;
        body->start.intensity.period_ms = options->period_ms;
        start->intensity = &body->start.intensity;
    }
}

static void fill_list(union body *body, const struct request *request) {
    body->list = (Peeper__V1__List)PEEPER__V1__LIST__INIT;
    body->list.prefix = text(request->page->prefix);
    body->list.cursor = request->page->cursor;
    body->list.limit = request->page->limit;
}

static void fill_ping(union body *body, const struct request *request) {
    (void)request;
    body->ping = (Peeper__V1__Ping)PEEPER__V1__PING__INIT;
}

static const struct shape {
    void (*fill)(union body *body, const struct request *request);
    Peeper__V1__ClientFrame__BodyCase body_case;
} SHAPES[REQUEST_VERBS] = {
    [REQUEST_HELLO] = {fill_hello, PEEPER__V1__CLIENT_FRAME__BODY_HELLO},
    [REQUEST_CALL] = {fill_call, PEEPER__V1__CLIENT_FRAME__BODY_CALL},
    [REQUEST_CAST] = {fill_cast, PEEPER__V1__CLIENT_FRAME__BODY_CAST},
    [REQUEST_SEND] = {fill_send, PEEPER__V1__CLIENT_FRAME__BODY_SEND},
    [REQUEST_START] = {fill_start, PEEPER__V1__CLIENT_FRAME__BODY_START},
    [REQUEST_STOP] = {fill_stop, PEEPER__V1__CLIENT_FRAME__BODY_STOP},
    [REQUEST_KILL] = {fill_kill, PEEPER__V1__CLIENT_FRAME__BODY_KILL},
    [REQUEST_RESUME] = {fill_resume, PEEPER__V1__CLIENT_FRAME__BODY_RESUME},
    [REQUEST_WHEREIS] = {fill_where_is, PEEPER__V1__CLIENT_FRAME__BODY_WHERE_IS},
    [REQUEST_LIST] = {fill_list, PEEPER__V1__CLIENT_FRAME__BODY_LIST},
    [REQUEST_INSPECT] = {fill_inspect, PEEPER__V1__CLIENT_FRAME__BODY_INSPECT},
    [REQUEST_PING] = {fill_ping, PEEPER__V1__CLIENT_FRAME__BODY_PING},
};

enum peeper_status encode_request(struct buf *out, uint64_t id, const struct request *request,
                                  uint32_t frame_bytes_max) {
    CHECK(request->verb < REQUEST_VERBS);
    const struct shape *shape = &SHAPES[request->verb];
    union body          body;
    shape->fill(&body, request);

    Peeper__V1__ClientFrame frame = PEEPER__V1__CLIENT_FRAME__INIT;
    frame.id = id;
    frame.body_case = shape->body_case;
    frame.ping = &body.ping; // all bodies share the place of this pointer

    size_t frame_bytes = peeper__v1__client_frame__get_packed_size(&frame);
    if (frame_bytes > frame_bytes_max) return PEEPER_STATUS_TOO_LARGE;
    uint8_t *room = buf_reserve(out, FRAME_PREFIX_BYTES_MAX + frame_bytes);
    if (room == NULL) return PEEPER_STATUS_NO_MEMORY;

    size_t prefix_bytes = frame_prefix(room, (uint32_t)frame_bytes);
    size_t packed_bytes = peeper__v1__client_frame__pack(&frame, room + prefix_bytes);
    CHECK(packed_bytes == frame_bytes);
    out->bytes += prefix_bytes + frame_bytes;
    return PEEPER_STATUS_OK;
}
