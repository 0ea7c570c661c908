// JSON Schema of what codec_json reads and writes.
#include "wire/codec_json.h"
#include "wire/codec_shape.h"

#include <stdio.h>
#include <string.h>

#define REFERENCE "#/components/schemas/"

static json_t *reference_to(const char *name) {
    return json_pack("{s:s+}", "$ref", REFERENCE, name);
}

static json_t *or_null(json_t *schema) {
    return json_pack("{s:[o, {s:s}]}", "oneOf", schema, "type", "null");
}

static json_t *integer_schema(const struct codec_field *shape) {
    const ProtobufCType type = shape->field->type;
    json_t             *schema = json_pack("{s:s, s:s}", "type", "integer", "format",
                               type == PROTOBUF_C_TYPE_UINT64 ? "int64" : "int32");
    if (type == PROTOBUF_C_TYPE_UINT32) json_object_set_new(schema, "format", json_string("int64"));
    if (type != PROTOBUF_C_TYPE_INT32)
        json_object_set_new(schema, "minimum", json_integer(shape->low));
    if (shape->high != 0) json_object_set_new(schema, "maximum", json_integer(shape->high));
    return schema;
}

static json_t *word_schema(const ProtobufCEnumDescriptor *words, bool answer) {
    char    room[CODEC_WORD_BYTES];
    json_t *list = json_array();
    for (unsigned i = answer ? 0 : 1; i < words->n_values; i++) {
        json_array_append_new(list,
                              json_string(codec_shape_word(room, words, words->values[i].value)));
    }
    return json_pack("{s:s, s:o}", "type", "string", "enum", list);
}

static json_t *text_schema(const struct codec_field *shape, const char *key, const char *value) {
    bool    null = (shape->marks & (MARK_NULL_EMPTY | MARK_TIME | MARK_VALUE_TEXT)) != 0;
    json_t *schema = null ? json_pack("{s:[s, s]}", "type", "string", "null")
                          : json_pack("{s:s}", "type", "string");
    if (key != NULL) json_object_set_new(schema, key, json_string(value));
    return schema;
}

static json_t *inner_request(const ProtobufCMessageDescriptor *message);

static json_t *plain_schema(const struct codec_field *shape, bool answer) {
    const ProtobufCFieldDescriptor *field = shape->field;
    switch (field->type) {
        case PROTOBUF_C_TYPE_STRING: return text_schema(shape, NULL, NULL);
        case PROTOBUF_C_TYPE_BOOL: return json_pack("{s:s}", "type", "boolean");
        case PROTOBUF_C_TYPE_ENUM: return word_schema(field->descriptor, answer);
        case PROTOBUF_C_TYPE_BYTES:
            if ((shape->marks & MARK_BASE64) != 0)
                return text_schema(shape, "contentEncoding", "base64");
            if ((shape->marks & MARK_VALUE_TEXT) != 0)
                return text_schema(shape, "contentMediaType", "application/json");
            return reference_to("Value");
        case PROTOBUF_C_TYPE_MESSAGE:
            return answer ? reference_to(codec_shape_inner(field)->short_name)
                          : inner_request(codec_shape_inner(field));
        default:
            if ((shape->marks & MARK_TIME) != 0) return text_schema(shape, "format", "date-time");
            return integer_schema(shape);
    }
}

static json_t *field_schema(const struct codec_field *shape, bool answer) {
    json_t *schema = plain_schema(shape, answer);
    if (shape->field->label == PROTOBUF_C_LABEL_REPEATED)
        return json_pack("{s:s, s:o}", "type", "array", "items", schema);
    bool number = shape->field->type == PROTOBUF_C_TYPE_UINT64;
    bool null = shape->field->type == PROTOBUF_C_TYPE_MESSAGE ||
                (number && (shape->marks & MARK_NULL_EMPTY) != 0);
    return null && answer ? or_null(schema) : schema;
}

static void add_properties(const struct codec_shape *shape, json_t *properties, json_t *required) {
    for (unsigned i = 0; i < shape->message->n_fields; i++) {
        const struct codec_field *field = &shape->fields[i];
        if ((field->marks & MARK_HIDDEN) != 0) continue;
        if ((field->marks & MARK_INLINE) != 0) {
            json_t *none = json_array();
            add_properties(codec_shape_of(codec_shape_inner(field->field)), properties, none);
            json_decref(none);
            continue;
        }
        json_object_set_new(properties, field->name, field_schema(field, true));
        if ((field->marks & (MARK_OMIT_EMPTY | MARK_FULL_ONLY)) == 0)
            json_array_append_new(required, json_string(field->name));
    }
}

json_t *codec_json_schema(const char *message) {
    const struct codec_shape *shape = codec_shape_named(message);
    if (shape == NULL) return NULL;
    json_t *properties = json_object(), *required = json_array();
    add_properties(shape, properties, required);
    return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
                     required);
}

void codec_json_schema_names(const char *message, json_t *names) {
    const struct codec_shape *shape = codec_shape_named(message);
    if (shape == NULL || json_object_get(names, message) != NULL) return;
    json_object_set_new(names, message, json_true());
    for (unsigned i = 0; i < shape->message->n_fields; i++) {
        const struct codec_field *field = &shape->fields[i];
        if (field->field->type != PROTOBUF_C_TYPE_MESSAGE) continue;
        if ((field->marks & (MARK_HIDDEN | MARK_INLINE)) != 0) continue;
        codec_json_schema_names(codec_shape_inner(field->field)->short_name, names);
    }
}

// --- Requests ------------------------------------------------------------------------------------

static json_t *members_schema(const struct codec_shape *shape, const json_t *without) {
    json_t *properties = json_object(), *required = json_array();
    for (unsigned i = 0; i < shape->message->n_fields; i++) {
        const struct codec_field *field = &shape->fields[i];
        if ((field->marks & (MARK_HIDDEN | MARK_PAIRED)) != 0) continue;
        if (json_object_get(without, field->name) != NULL) continue;
        json_object_set_new(properties, field->name, field_schema(field, false));
        if ((field->marks & MARK_REQUIRED) != 0)
            json_array_append_new(required, json_string(field->name));
    }
    json_t *schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
                               "additionalProperties", 0);
    if (json_array_size(required) > 0) {
        json_object_set_new(schema, "required", required);
    } else {
        json_decref(required);
    }
    return schema;
}

static json_t *inner_request(const ProtobufCMessageDescriptor *message) {
    return members_schema(codec_shape_of(message), NULL);
}

static const struct codec_shape *request_of(const char *verb) {
    const ProtobufCFieldDescriptor *field = codec_shape_verb(verb);
    return field == NULL ? NULL : codec_shape_of(codec_shape_inner(field));
}

json_t *codec_json_request_schema(const char *verb, const json_t *without) {
    const struct codec_shape *shape = request_of(verb);
    return shape == NULL ? NULL : members_schema(shape, without);
}

json_t *codec_json_member_schema(const char *verb, const char *member) {
    const struct codec_shape *shape = request_of(verb);
    for (unsigned i = 0; shape != NULL && i < shape->message->n_fields; i++) {
        if (strcmp(shape->fields[i].name, member) == 0)
            return field_schema(&shape->fields[i], false);
    }
    return NULL;
}

const char *codec_json_member(const char *verb, unsigned index, bool *ret_required) {
    const struct codec_shape *shape = request_of(verb);
    for (unsigned i = 0; shape != NULL && i < shape->message->n_fields; i++) {
        const struct codec_field *field = &shape->fields[i];
        if ((field->marks & (MARK_HIDDEN | MARK_PAIRED)) != 0 || index-- > 0) continue;
        *ret_required = (field->marks & MARK_REQUIRED) != 0;
        return field->name;
    }
    return NULL;
}
