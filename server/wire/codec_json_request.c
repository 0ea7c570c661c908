// The way in: JSON to frames.
#include "wire/codec_json.h"
#include "wire/codec_shape.h"
#include "wire/frame.h"
#include "wire/json.h"

#include <errno.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARINT_BYTES_MAX 10u
#define WIRE_VARINT 0u
#define WIRE_BYTES 2u

struct writing {
    struct buf               out; // owned
    struct codec_json_fault *fault;
    enum status              status; // the first failure
};

// --- Failures ------------------------------------------------------------------------------------

__attribute__((format(printf, 3, 4))) static void
refuse(struct codec_json_fault *fault, const char *field, const char *format, ...) {
    char    text[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(fault->field, sizeof fault->field, "%s", field);
    snprintf(fault->text, sizeof fault->text, "%.60s: %s", field, text);
}

static void wrong(struct writing *writing, const char *path, const char *wanted) {
    refuse(writing->fault, path, "must be %s", wanted);
    writing->status = STATUS_INVALID;
}

// --- Bytes ---------------------------------------------------------------------------------------

static size_t varint(uint8_t *room, uint64_t number) {
    size_t bytes = 0;
    for (; number >= 0x80; number >>= 7) room[bytes++] = (uint8_t)(number | 0x80);
    room[bytes++] = (uint8_t)number;
    return bytes;
}

static void append(struct writing *writing, const void *data, size_t bytes) {
    if (writing->status != STATUS_OK) return;
    writing->status = buf_append(&writing->out, data, bytes);
}

static void append_varint(struct writing *writing, uint64_t number) {
    uint8_t room[VARINT_BYTES_MAX];
    append(writing, room, varint(room, number));
}

static void append_number(struct writing *writing, const ProtobufCFieldDescriptor *field,
                          uint64_t number) {
    append_varint(writing, (uint64_t)field->id << 3 | WIRE_VARINT);
    append_varint(writing, number);
}

static void append_bytes(struct writing *writing, const ProtobufCFieldDescriptor *field,
                         const void *data, size_t bytes) {
    append_varint(writing, (uint64_t)field->id << 3 | WIRE_BYTES);
    append_varint(writing, bytes);
    append(writing, data, bytes);
}

// --- Members -------------------------------------------------------------------------------------

static void write_message(struct writing *writing, const ProtobufCMessageDescriptor *message,
                          const json_t *members, const char *path);

static void write_number(struct writing *writing, const struct codec_field *shape,
                         const json_t *json, const char *path) {
    bool       wide = shape->field->type == PROTOBUF_C_TYPE_UINT64;
    json_int_t high = shape->high != 0 ? shape->high : wide ? INT64_MAX : UINT32_MAX;
    json_int_t number = json_integer_value(json);
    if (json_is_integer(json) && number >= shape->low && number <= high) {
        append_number(writing, shape->field, (uint64_t)number);
        return;
    }
    char wanted[64];
    snprintf(wanted, sizeof wanted, "an integer from %u to %lld", shape->low, (long long)high);
    wrong(writing, path, wanted);
}

static void write_word(struct writing *writing, const ProtobufCFieldDescriptor *field,
                       const json_t *json, const char *path) {
    const ProtobufCEnumDescriptor *words = field->descriptor;
    char                           room[CODEC_WORD_BYTES], wanted[96] = "one of";
    size_t                         used = strlen(wanted);
    for (unsigned i = 1; i < words->n_values; i++) {
        const char *word = codec_shape_word(room, words, words->values[i].value);
        if (json_is_string(json) && strcmp(json_string_value(json), word) == 0) {
            append_number(writing, field, (uint64_t)words->values[i].value);
            return;
        }
        int more = snprintf(wanted + used, sizeof wanted - used, "%s %s", i > 1 ? "," : "", word);
        if (more > 0 && (size_t)more < sizeof wanted - used) used += (size_t)more;
    }
    wrong(writing, path, wanted);
}

static void write_value(struct writing *writing, const ProtobufCFieldDescriptor *field,
                        const json_t *json, const char *path) {
    struct peeper_writer value = {0};
    json_to_value(&value, json);
    if (peeper_writer_done(&value)) {
        append_bytes(writing, field, value.data, value.bytes);
    } else {
        wrong(writing, path, "a value of at most 64 levels, with base64 under \"$bytes\"");
    }
    peeper_writer_fini(&value);
}

static void write_base64(struct writing *writing, const ProtobufCFieldDescriptor *field,
                         const json_t *json, const char *path) {
    const char *text = json_string_value(json);
    size_t      bytes = json_string_length(json);
    uint8_t    *data = text != NULL && strlen(text) == bytes ? malloc(bytes / 4 * 3 + 4) : NULL;
    int         used = data == NULL ? -1 : b64_pton(text, data, bytes / 4 * 3 + 4);
    if (used < 0) {
        wrong(writing, path, "a string of base64");
    } else {
        append_bytes(writing, field, data, (size_t)used);
    }
    free(data);
}

static void write_key_text(struct writing *writing, const ProtobufCFieldDescriptor *field,
                           const json_t *json, const char *path) {
    json_t *key =
        json_is_string(json) ? json_loads(json_string_value(json), JSON_DECODE_ANY, NULL) : NULL;
    if (key == NULL) {
        wrong(writing, path, "a string that holds JSON");
        return;
    }
    write_value(writing, field, key, path);
    json_decref(key);
}

static void write_bytes(struct writing *writing, const struct codec_field *shape,
                        const json_t *json, const char *path) {
    if ((shape->marks & MARK_BASE64) != 0) {
        write_base64(writing, shape->field, json, path);
    } else if ((shape->marks & MARK_VALUE_TEXT) != 0) {
        write_key_text(writing, shape->field, json, path);
    } else {
        write_value(writing, shape->field, json, path);
    }
}

// "@12" is an incarnation where there may be one.
static void write_string(struct writing *writing, const struct codec_field *shape,
                         const json_t *json, const char *path) {
    const char *text = json_string_value(json);
    if (text == NULL) {
        wrong(writing, path, "a string");
        return;
    }
    if (shape->pair == NULL || text[0] != '@') {
        append_bytes(writing, shape->field, text, json_string_length(json));
        return;
    }
    char *end;
    errno = 0;
    unsigned long long id = strtoull(text + 1, &end, 10);
    if (text[1] < '0' || text[1] > '9' || *end != '\0' || errno != 0 || id == 0) {
        wrong(writing, path, "a name, or @ followed by the id of an incarnation");
        return;
    }
    append_number(writing, shape->pair, id);
}

static void write_inner(struct writing *writing, const ProtobufCFieldDescriptor *field,
                        const json_t *json, const char *path) {
    struct writing inner = {.fault = writing->fault};
    if (!json_is_object(json)) {
        wrong(writing, path, "an object");
        return;
    }
    write_message(&inner, codec_shape_inner(field), json, path);
    if (inner.status == STATUS_OK) {
        append_bytes(writing, field, inner.out.data, inner.out.bytes);
    } else {
        writing->status = inner.status;
    }
    buf_fini(&inner.out);
}

static void write_one(struct writing *writing, const struct codec_field *shape, const json_t *json,
                      const char *path) {
    switch (shape->field->type) {
        case PROTOBUF_C_TYPE_STRING: write_string(writing, shape, json, path); return;
        case PROTOBUF_C_TYPE_BYTES: write_bytes(writing, shape, json, path); return;
        case PROTOBUF_C_TYPE_ENUM: write_word(writing, shape->field, json, path); return;
        case PROTOBUF_C_TYPE_MESSAGE: write_inner(writing, shape->field, json, path); return;
        case PROTOBUF_C_TYPE_BOOL:
            if (!json_is_boolean(json)) wrong(writing, path, "true or false");
            append_number(writing, shape->field, json_is_true(json));
            return;
        default: write_number(writing, shape, json, path); return;
    }
}

static void write_member(struct writing *writing, const struct codec_field *shape,
                         const json_t *json, const char *path) {
    bool plain_value = shape->field->type == PROTOBUF_C_TYPE_BYTES &&
                       (shape->marks & (MARK_BASE64 | MARK_VALUE_TEXT)) == 0;
    if (json_is_null(json) && !plain_value) return;
    if (shape->field->label != PROTOBUF_C_LABEL_REPEATED) {
        write_one(writing, shape, json, path);
        return;
    }
    size_t        index;
    const json_t *element;
    if (!json_is_array(json)) wrong(writing, path, "an array");
    json_array_foreach(json, index, element) {
        if (writing->status == STATUS_OK) write_one(writing, shape, element, path);
    }
}

static const struct codec_field *member_of(const struct codec_shape *shape, const char *name) {
    for (unsigned i = 0; i < shape->message->n_fields; i++) {
        const struct codec_field *field = &shape->fields[i];
        if ((field->marks & (MARK_HIDDEN | MARK_PAIRED)) != 0) continue;
        if (strcmp(field->name, name) == 0) return field;
    }
    return NULL;
}

static void path_of(char room[static 64], const char *path, const char *name) {
    snprintf(room, 64, "%s%s%s", path, path[0] == '\0' ? "" : ".", name);
}

static void check_required(struct writing *writing, const struct codec_shape *shape,
                           const json_t *members, const char *path) {
    for (unsigned i = 0; i < shape->message->n_fields && writing->status == STATUS_OK; i++) {
        const struct codec_field *field = &shape->fields[i];
        if ((field->marks & MARK_REQUIRED) == 0) continue;
        if (json_object_get(members, field->name) != NULL) continue;
        char room[64];
        path_of(room, path, field->name);
        refuse(writing->fault, room, "is missing");
        writing->status = STATUS_INVALID;
    }
}

// Recursion is as deep as the schema.
static void write_message(struct writing *writing, const ProtobufCMessageDescriptor *message,
                          const json_t *members, const char *path) {
    const struct codec_shape *shape = codec_shape_of(message);
    const char               *name;
    const json_t             *json;
    // NOLINTNEXTLINE: the macro casts const away
    json_object_foreach((json_t *)members, name, json) {
        char                      room[64];
        const struct codec_field *field = member_of(shape, name);
        path_of(room, path, name);
        if (field == NULL) {
            refuse(writing->fault, room, "there is no such field");
            writing->status = STATUS_INVALID;
        } else {
            write_member(writing, field, json, room);
        }
        if (writing->status != STATUS_OK) return;
    }
    check_required(writing, shape, members, path);
}

// --- Frames --------------------------------------------------------------------------------------

static enum status write_frame(struct buf *out, uint64_t id, const ProtobufCFieldDescriptor *verb,
                               const struct buf *body) {
    uint8_t head[FRAME_PREFIX_BYTES_MAX + 4 * VARINT_BYTES_MAX];
    uint8_t inner[4 * VARINT_BYTES_MAX];
    size_t  inner_bytes = 0;
    if (id != 0) {
        inner_bytes += varint(inner, 1u << 3 | WIRE_VARINT);
        inner_bytes += varint(inner + inner_bytes, id);
    }
    inner_bytes += varint(inner + inner_bytes, (uint64_t)verb->id << 3 | WIRE_BYTES);
    inner_bytes += varint(inner + inner_bytes, body->bytes);
    if (body->bytes > FRAME_BODY_BYTES_MAX - inner_bytes) return STATUS_TOO_LARGE;
    size_t head_bytes = frame_prefix(head, (uint32_t)(inner_bytes + body->bytes));
    memcpy(head + head_bytes, inner, inner_bytes);
    head_bytes += inner_bytes;
    uint8_t *at = buf_reserve(out, head_bytes + body->bytes);
    if (at == NULL) return STATUS_NO_MEMORY;
    memcpy(at, head, head_bytes);
    if (body->bytes > 0) memcpy(at + head_bytes, body->data, body->bytes);
    out->bytes += head_bytes + body->bytes;
    return STATUS_OK;
}

enum status codec_json_request(struct buf *out, uint64_t id, const char *verb,
                               const json_t *members, struct codec_json_fault *fault) {
    const ProtobufCFieldDescriptor *field = codec_shape_verb(verb);
    struct writing                  writing = {.fault = fault};
    fault->field[0] = fault->text[0] = '\0';
    if (field == NULL) return STATUS_INVALID;
    write_message(&writing, codec_shape_inner(field), members, "");
    if (writing.status == STATUS_OK) writing.status = write_frame(out, id, field, &writing.out);
    buf_fini(&writing.out);
    return writing.status;
}

// The refs of a client are nothing that JSON tells.
enum status codec_json_release(struct buf *out, const char *verb, uint64_t ref,
                               struct codec_json_fault *fault) {
    const ProtobufCFieldDescriptor *field = codec_shape_verb(verb);
    const ProtobufCFieldDescriptor *of =
        field == NULL
            ? NULL
            : protobuf_c_message_descriptor_get_field_by_name(codec_shape_inner(field), "ref");
    struct writing writing = {.fault = fault};
    if (of == NULL) return STATUS_INVALID;
    append_number(&writing, of, ref);
    if (writing.status == STATUS_OK) writing.status = write_frame(out, 0, field, &writing.out);
    buf_fini(&writing.out);
    return writing.status;
}

bool codec_json_is_verb(const char *verb) {
    return codec_shape_verb(verb) != NULL;
}

const char *codec_json_verb_name(unsigned index) {
    const ProtobufCMessageDescriptor *frame = &peeper__v1__client_frame__descriptor;
    for (unsigned i = 0; i < frame->n_fields; i++) {
        if (frame->fields[i].type != PROTOBUF_C_TYPE_MESSAGE || index-- > 0) continue;
        return frame->fields[i].name;
    }
    return NULL;
}

// --- Parameters ----------------------------------------------------------------------------------

static json_t *integer_of(const char *text) {
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool      whole = text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
    return whole ? json_integer(number) : NULL;
}

static json_t *boolean_of(const char *text) {
    if (strcmp(text, "true") == 0) return json_true();
    return strcmp(text, "false") == 0 ? json_false() : NULL;
}

static json_t *parameter_of(const struct codec_field *field, const char *text,
                            const char **ret_wanted) {
    switch (field->field->type) {
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_ENUM: *ret_wanted = "UTF-8"; return json_string(text);
        case PROTOBUF_C_TYPE_BOOL: *ret_wanted = "true or false"; return boolean_of(text);
        case PROTOBUF_C_TYPE_BYTES:
            if ((field->marks & MARK_VALUE_TEXT) != 0) return json_string(text);
            *ret_wanted = "JSON";
            return json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_UINT64: *ret_wanted = "a number"; return integer_of(text);
        default: return NULL;
    }
}

json_t *codec_json_parameter(const char *verb, const char *name, const char *text,
                             struct codec_json_fault *fault) {
    const ProtobufCFieldDescriptor *request = codec_shape_verb(verb);
    const struct codec_field       *field =
        request == NULL ? NULL : member_of(codec_shape_of(codec_shape_inner(request)), name);
    const char *wanted = "in the body";
    if (field == NULL) {
        refuse(fault, name, "there is no such parameter");
        return NULL;
    }
    json_t *json = parameter_of(field, text, &wanted);
    if (json == NULL) refuse(fault, name, "not %s", wanted);
    return json;
}
