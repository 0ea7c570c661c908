#include "wire/codec_json.h"

#include "wire/codec_shape.h"
#include "wire/json.h"

#include <stdlib.h>
#include <string.h>

// Of a message inside another one that is a list's.
#define INNER true

static json_t *from_message(const ProtobufCMessageDescriptor *message, const void *data,
                            bool inner);

static bool add_members(json_t *object, const ProtobufCMessageDescriptor *message, const void *data,
                        bool inner);

static bool is_empty(const ProtobufCFieldDescriptor *field, const void *at) {
    switch (field->type) {
        case PROTOBUF_C_TYPE_STRING: return (*(char *const *)at)[0] == '\0';
        case PROTOBUF_C_TYPE_BYTES: return ((const ProtobufCBinaryData *)at)->len == 0;
        case PROTOBUF_C_TYPE_UINT64: return *(const uint64_t *)at == 0;
        case PROTOBUF_C_TYPE_MESSAGE: return *(void *const *)at == NULL;
        default: return *(const int32_t *)at == 0;
    }
}

static json_t *from_bytes(const struct codec_field *shape, const ProtobufCBinaryData *data) {
    struct slice slice = slice_of(data->data, data->len);
    return (shape->marks & MARK_VALUE_TEXT) != 0 ? json_from_key(slice) : json_from_payload(slice);
}

static json_t *from_word(const ProtobufCFieldDescriptor *field, int number) {
    char        room[CODEC_WORD_BYTES];
    const char *word = codec_shape_word(room, field->descriptor, number);
    return word == NULL ? json_integer(number) : json_string(word);
}

static json_t *from_scalar(const struct codec_field *shape, const void *at, bool inner) {
    const ProtobufCFieldDescriptor *field = shape->field;
    switch (field->type) {
        case PROTOBUF_C_TYPE_STRING: return json_string(*(char *const *)at);
        case PROTOBUF_C_TYPE_BYTES: return from_bytes(shape, at);
        case PROTOBUF_C_TYPE_BOOL: return json_boolean(*(const protobuf_c_boolean *)at);
        case PROTOBUF_C_TYPE_ENUM: return from_word(field, *(const int *)at);
        case PROTOBUF_C_TYPE_UINT64:
            if ((shape->marks & MARK_TIME) != 0) return json_from_time(*(const uint64_t *)at);
            return json_integer((json_int_t) * (const uint64_t *)at);
        case PROTOBUF_C_TYPE_UINT32: return json_integer(*(const uint32_t *)at);
        case PROTOBUF_C_TYPE_INT32: return json_integer(*(const int32_t *)at);
        case PROTOBUF_C_TYPE_MESSAGE:
            return from_message(codec_shape_inner(field), *(void *const *)at, inner);
        default: return NULL; // the schema has no others
    }
}

// Elements of messages are what a list is made of.
static json_t *from_repeated(const struct codec_field *shape, const uint8_t *data) {
    size_t       count = *(const size_t *)(data + shape->field->quantifier_offset);
    void *const *elements = *(void *const *const *)(data + shape->field->offset);
    json_t      *array = json_array();
    for (size_t i = 0; array != NULL && i < count; i++) {
        json_t *element = from_scalar(shape, &elements[i], INNER);
        if (json_array_append_new(array, element) == 0) continue;
        json_decref(array);
        array = NULL;
    }
    return array;
}

static bool put(json_t *object, const char *name, json_t *value) {
    return json_object_set_new_nocheck(object, name, value) == 0;
}

static bool add_member(json_t *object, const struct codec_field *shape, const uint8_t *data,
                       bool inner) {
    const ProtobufCFieldDescriptor *field = shape->field;
    const uint8_t                  *at = data + field->offset;
    if ((shape->marks & MARK_HIDDEN) != 0) return true;
    if ((shape->marks & MARK_FULL_ONLY) != 0 && inner) return true;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        bool empty = *(const size_t *)(data + field->quantifier_offset) == 0;
        if (empty && (shape->marks & MARK_OMIT_EMPTY) != 0) return true;
        return put(object, shape->name, from_repeated(shape, data));
    }
    bool empty = is_empty(field, at);
    if ((shape->marks & MARK_INLINE) != 0) {
        return add_members(object, codec_shape_inner(field), *(void *const *)at, inner);
    }
    if (empty && (shape->marks & MARK_OMIT_EMPTY) != 0) return true;
    if (empty && (shape->marks & MARK_NULL_EMPTY) != 0)
        return put(object, shape->name, json_null());
    return put(object, shape->name, from_scalar(shape, at, INNER));
}

// Of a message that is absent, with what its fields are then, where it stands for itself inline.
static bool add_absent(json_t *object, const struct codec_shape *shape) {
    for (unsigned i = 0; i < shape->message->n_fields; i++) {
        const struct codec_field *field = &shape->fields[i];
        bool                      value = field->field->type == PROTOBUF_C_TYPE_BYTES;
        bool null = value || (field->marks & (MARK_TIME | MARK_NULL_EMPTY)) != 0;
        if ((field->marks & (MARK_HIDDEN | MARK_OMIT_EMPTY)) != 0) continue;
        if (json_object_get(object, field->name) != NULL) continue; // the outer one's
        if (!put(object, field->name, null ? json_null() : json_integer(0))) return false;
    }
    return true;
}

static bool add_members(json_t *object, const ProtobufCMessageDescriptor *message, const void *data,
                        bool inner) {
    const struct codec_shape *shape = codec_shape_of(message);
    if (data == NULL) return add_absent(object, shape);
    for (unsigned i = 0; i < message->n_fields; i++) {
        if (!add_member(object, &shape->fields[i], data, inner)) return false;
    }
    return true;
}

// Recursion is as deep as the schema.
static json_t *from_message(const ProtobufCMessageDescriptor *message, const void *data,
                            bool inner) {
    if (data == NULL) return json_null();
    json_t *object = json_object();
    if (object != NULL && add_members(object, message, data, inner)) return object;
    json_decref(object);
    return NULL;
}

static uint64_t ref_of(const ProtobufCMessageDescriptor *message, const void *data) {
    const ProtobufCFieldDescriptor *ref =
        protobuf_c_message_descriptor_get_field_by_name(message, "ref");
    return ref == NULL ? 0 : *(const uint64_t *)((const uint8_t *)data + ref->offset);
}

// The message that is set in the oneof of `data`, and its field.
static const void *chosen(const ProtobufCMessageDescriptor *message, const void *data, int number,
                          const ProtobufCFieldDescriptor **ret_field) {
    *ret_field =
        number <= 0 ? NULL : protobuf_c_message_descriptor_get_field(message, (unsigned)number);
    if (*ret_field == NULL) return NULL;
    return *(void *const *)((const uint8_t *)data + (*ret_field)->offset);
}

static enum status read_frame(const Peeper__V1__ServerFrame *frame,
                              struct codec_json_answer      *answer) {
    const ProtobufCFieldDescriptor *field;
    const void                     *data =
        chosen(&peeper__v1__server_frame__descriptor, frame, (int)frame->body_case, &field);
    answer->id = frame->id;
    if (frame->body_case == PEEPER__V1__SERVER_FRAME__BODY_EVENT) {
        answer->event = true;
        data = chosen(&peeper__v1__event__descriptor, frame->event, (int)frame->event->kind_case,
                      &field);
    }
    if (data == NULL) return STATUS_PROTOCOL;
    if (frame->body_case == PEEPER__V1__SERVER_FRAME__BODY_ERROR)
        answer->status = status_from_wire((int)frame->error->status);
    answer->body = field->name;
    answer->ref = ref_of(codec_shape_inner(field), data);
    answer->json = from_message(codec_shape_inner(field), data, false);
    return answer->json == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status codec_json_answer(struct slice bytes, struct codec_json_answer *ret_answer) {
    Peeper__V1__ServerFrame *frame =
        peeper__v1__server_frame__unpack(NULL, bytes.bytes, bytes.data);
    if (frame == NULL) return STATUS_PROTOCOL;
    struct codec_json_answer answer = {.status = STATUS_OK};
    enum status              status = read_frame(frame, &answer);
    peeper__v1__server_frame__free_unpacked(frame, NULL);
    if (status == STATUS_OK) *ret_answer = answer;
    return status;
}
