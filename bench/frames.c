// peeper.v1 frames by hand, as a fast client would: a template with room for id and key each.
//
// Ids are 28 bits with the highest one set, so that their varint always has 4 bytes.
// Source: proto/peeper/v1/peeper.proto, docs/protocol.md.
#include "fatal.h"
#include "protocol.h"

#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
enum { FRAME_ID = 1, FRAME_HELLO = 2, FRAME_CALL = 3, FRAME_START = 6, FRAME_INSPECT = 11 };
enum {
    ANSWER_WELCOME = 2,
    ANSWER_REPLY = 3,
    ANSWER_FAILURE = 4,
    ANSWER_STARTED = 6,
    ANSWER_INFO = 9
};
enum { INFO_HOST_PID = 10 };
enum { VALUE_INT = 3, VALUE_STRING = 5, VALUE_LIST = 7 };
enum { STATUS_ALREADY_STARTED = 3, STATUS_CRASHED = 7 };

// --- Writing -------------------------------------------------------------------------------------

struct message {
    uint8_t bytes[REQUEST_BYTES_MAX];
    size_t  size;
};

static void put_varint(struct message *message, uint64_t value) {
    for (; value >= 0x80; value >>= 7) message->bytes[message->size++] = (uint8_t)(value | 0x80);
    message->bytes[message->size++] = (uint8_t)value;
}

static void put_int(struct message *message, uint32_t field, uint64_t value) {
    put_varint(message, field << 3 | WIRE_VARINT);
    put_varint(message, value);
}

static void put_bytes(struct message *message, uint32_t field, const void *data, size_t bytes) {
    put_varint(message, field << 3 | WIRE_BYTES);
    put_varint(message, bytes);
    memcpy(message->bytes + message->size, data, bytes);
    message->size += bytes;
}

static void put_message(struct message *message, uint32_t field, const struct message *inner) {
    put_bytes(message, field, inner->bytes, inner->size);
}

static void put_name(struct message *message, uint32_t key) {
    uint8_t name[] = "counter-0000000";
    protocol_write_key(name + 8, key);
    put_bytes(message, 1, name, sizeof name - 1);
}

// Values: a string; an int that is not negative; the list [text, number].
static struct message value_string(const char *text) {
    struct message value = {0};
    put_bytes(&value, VALUE_STRING, text, strlen(text));
    return value;
}

static struct message value_int(uint64_t number) {
    struct message value = {0};
    put_int(&value, VALUE_INT, number << 1);
    return value;
}

static struct message value_pair(const char *text, uint64_t number) {
    struct message first = value_string(text), second = value_int(number), list = {0}, value = {0};
    put_message(&list, 1, &first);
    put_message(&list, 1, &second);
    put_message(&value, VALUE_LIST, &list);
    return value;
}

static struct message body_call(uint32_t key, const struct message *payload) {
    struct message body = {0};
    put_name(&body, key);
    put_message(&body, 3, payload);
    return body;
}

// What is started. One process makes counters of one kind.
static const char *behaviour = "counter";

static struct message body_start(uint32_t key, bool never_tired) {
    struct message body = {0}, zero = value_int(0), intensity = {0};
    put_name(&body, key);
    put_bytes(&body, 2, behaviour, strlen(behaviour));
    put_message(&body, 3, &zero);
    if (never_tired) {
        put_int(&intensity, 1, 1000000); // restarts
        put_int(&intensity, 2, 5000);    // period_ms
        put_message(&body, 7, &intensity);
    }
    return body;
}

// A whole frame: length, id, body. All of ours are below 128 bytes, so the length is one byte.
static size_t put_frame(uint8_t *out, uint32_t id, uint32_t field, const struct message *body) {
    struct message frame = {0};
    put_int(&frame, FRAME_ID, id);
    put_message(&frame, field, body);
    if (frame.size >= 0x80) fatal("peeper: a request of %zu bytes", frame.size);
    out[0] = (uint8_t)frame.size;
    memcpy(out + 1, frame.bytes, frame.size);
    return frame.size + 1;
}

static size_t encode_hello(uint8_t *out) {
    struct message body = {0};
    put_int(&body, 1, 1); // protocol_version
    put_bytes(&body, 3, "peeper-bench", strlen("peeper-bench"));
    return put_frame(out, 1u << 27, FRAME_HELLO, &body);
}

static size_t encode_hello_lua(uint8_t *out) {
    behaviour = "lua_counter";
    return encode_hello(out);
}

static size_t encode_anew(const struct request *request, uint32_t id, uint8_t *out) {
    static const char *const SAYS[OP_COUNT] = {
        [OP_INC] = "inc", [OP_GET] = "state", [OP_RAISE] = "raise", [OP_SEGFAULT] = "segfault"};
    struct message payload, body = {0};
    switch (request->op) {
        case OP_START:
        case OP_START_UP:
            body = body_start(request->key, request->op == OP_START_UP);
            return put_frame(out, id, FRAME_START, &body);
        case OP_HOST:
            put_name(&body, request->key);
            return put_frame(out, id, FRAME_INSPECT, &body);
        case OP_GROW: payload = value_pair("grow", request->argument); break;
        default: payload = value_string(SAYS[request->op]); break;
    }
    body = body_call(request->key, &payload);
    return put_frame(out, id, FRAME_CALL, &body);
}

struct template {
    uint8_t bytes[REQUEST_BYTES_MAX];
    size_t  size;
    size_t  key_at;
};

static const struct template *template_of(enum op op) {
    static struct template templates[OP_COUNT];
    struct template *template = &templates[op];
    if (template->size == 0) {
        const struct request any = {.op = op};
        template->size = encode_anew(&any, 1u << 27, template->bytes);
        const uint8_t *name = memmem(template->bytes, template->size, "counter-0000000", 15);
        template->key_at = (size_t)(name - template->bytes) + 8;
    }
    return template;
}

static size_t encode(const struct request *request, uint32_t id, uint8_t *out) {
    if (request->op == OP_GROW) return encode_anew(request, id, out);
    const struct template *template = template_of(request->op);
    memcpy(out, template->bytes, template->size);
    out[2] = (uint8_t)(id | 0x80); // after the length and the tag of FRAME_ID
    out[3] = (uint8_t)(id >> 7 | 0x80);
    out[4] = (uint8_t)(id >> 14 | 0x80);
    out[5] = (uint8_t)(id >> 21);
    protocol_write_key(out + template->key_at, request->key);
    return template->size;
}

// --- Reading -------------------------------------------------------------------------------------

struct view {
    const uint8_t *data;
    const uint8_t *end;
};

struct field {
    uint32_t    number;
    uint64_t    value; // of a varint
    struct view bytes; // of WIRE_BYTES
};

// Answers false where the view ends inside the varint.
static bool take_varint(struct view *view, uint64_t *ret_value) {
    uint64_t value = 0;
    for (uint32_t shift = 0; view->data < view->end && shift < 64; shift += 7) {
        uint8_t byte = *view->data++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

// The next field of a whole message; false at its end.
static bool take_field(struct view *view, struct field *ret_field) {
    uint64_t tag, value;
    if (view->data == view->end) return false;
    if (!take_varint(view, &tag)) fatal("peeper: a field without a tag");
    *ret_field = (struct field){.number = (uint32_t)(tag >> 3)};
    switch (tag & 7) {
        case WIRE_VARINT:
            if (!take_varint(view, &ret_field->value)) fatal("peeper: a broken varint");
            return true;
        case WIRE_FIXED64: value = 8; break;
        case WIRE_FIXED32: value = 4; break;
        case WIRE_BYTES:
            if (!take_varint(view, &value)) fatal("peeper: a broken length");
            break;
        default: fatal("peeper: wire type %u", (unsigned)(tag & 7));
    }
    if (value > (uint64_t)(view->end - view->data)) fatal("peeper: a field beyond its message");
    ret_field->bytes = (struct view){view->data, view->data + value};
    view->data += value;
    return true;
}

// The last field of this number in a message; zeroes where there is none.
static struct field find_field(struct view message, uint32_t number) {
    struct field field, found = {0};
    while (take_field(&message, &field))
        if (field.number == number) found = field;
    return found;
}

static void read_reply(struct view body, struct answer *answer) {
    struct field payload = find_field(body, 1);
    struct field value;
    answer->kind = ANSWER_DONE;
    while (take_field(&payload.bytes, &value)) {
        if (value.number != VALUE_INT) continue;
        answer->kind = ANSWER_VALUE;
        answer->value = (int64_t)(value.value >> 1) ^ -(int64_t)(value.value & 1);
    }
}

static void read_error(struct view body, struct answer *answer) {
    struct field message = find_field(body, 2);
    uint64_t     status = find_field(body, 1).value;
    answer->kind = status == STATUS_CRASHED           ? ANSWER_CRASHED
                   : status == STATUS_ALREADY_STARTED ? ANSWER_EXISTS
                                                      : ANSWER_ERROR;
    answer->text = (const char *)message.bytes.data;
    answer->text_bytes = (size_t)(message.bytes.end - message.bytes.data);
}

static void read_frame(struct view frame, struct answer *answer) {
    struct field field;
    while (take_field(&frame, &field)) {
        switch (field.number) {
            case FRAME_ID: answer->id = (uint32_t)field.value; break;
            case ANSWER_REPLY: read_reply(field.bytes, answer); break;
            case ANSWER_FAILURE: read_error(field.bytes, answer); break;
            case ANSWER_STARTED:
            case ANSWER_WELCOME: answer->kind = ANSWER_DONE; break;
            case ANSWER_INFO:
                answer->kind = ANSWER_VALUE;
                answer->value = (int64_t)find_field(field.bytes, INFO_HOST_PID).value;
                break;
            default: fatal("peeper: an answer of field %u", field.number);
        }
    }
}

static size_t decode(const uint8_t *data, size_t bytes, struct answer *ret_answer) {
    struct view view = {data, data + bytes};
    uint64_t    length;
    if (!take_varint(&view, &length) || length > (uint64_t)(view.end - view.data)) return 0;
    view.end = view.data + length;
    *ret_answer = (struct answer){.kind = ANSWER_ERROR};
    read_frame(view, ret_answer);
    return (size_t)(view.end - data);
}

const struct protocol protocol_peeper = {
    .name = "peeper",
    .keeps_state = true,
    .encode_hello = encode_hello,
    .encode = encode,
    .decode = decode,
};

const struct protocol protocol_peeper_lua = {
    .name = "peeper-lua",
    .keeps_state = true,
    .encode_hello = encode_hello_lua,
    .encode = encode,
    .decode = decode,
};
