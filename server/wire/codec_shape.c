#include "wire/codec_shape.h"

#include "base/check.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>

#define SHAPES_MAX 128u
#define FIELDS_MAX 640u
#define UNSPECIFIED "UNSPECIFIED"

// Where JSON differs from the rule. A row without a message is about the fields of that name in
// all. The last row that fits a field counts.
static const struct rule {
    const char *message;
    const char *field;
    const char *name; // NULL: as it is
    unsigned    marks;
    uint32_t    low, high;
} RULES[] = {
    {NULL, "ref", NULL, MARK_HIDDEN, 0, 0},
    {NULL, "at_ms", "at", MARK_TIME, 0, 0},
    {NULL, "next", NULL, MARK_NULL_EMPTY, 0, 0},
    {NULL, "limit", NULL, 0, 1, 1000},

    {"ActorInfo", "state", NULL, MARK_INLINE | MARK_FULL_ONLY, 0, 0},
    {"ActorInfo", "version", "code_version", 0, 0, 0},
    {"ActorInfo", "code_refused", NULL, MARK_NULL_EMPTY, 0, 0},
    {"ActorInfo", "awaits", NULL, MARK_NULL_EMPTY, 0, 0},
    {"ActorInfo", "supervisor", NULL, MARK_NULL_EMPTY, 0, 0},
    {"ActorInfo", "strategy", NULL, MARK_NULL_EMPTY, 0, 0},
    {"ActorInfo", "tables", NULL, MARK_FULL_ONLY, 0, 0},
    {"ActorInfo", "table_bytes", NULL, MARK_FULL_ONLY, 0, 0},
    {"Call", "payload", "message", MARK_REQUIRED, 0, 0},
    {"Cast", "payload", "message", MARK_REQUIRED, 0, 0},
    {"ChangeSupervisor", "spec", NULL, MARK_REQUIRED, 0, 0},
    {"Changed", "old", NULL, MARK_INLINE, 0, 0},
    {"CheckSpecs", "specs", NULL, MARK_REQUIRED, 0, 0},
    {"Child", "incarnation", NULL, 0, 0, 0},
    {"CrashInfo", "backtrace", NULL, MARK_OMIT_EMPTY, 0, 0},
    {"CrashInfo", "id", "crash", 0, 0, 0},
    {"CrashInfo", "message", NULL, MARK_OMIT_EMPTY, 0, 0},
    {"CrashListing", "reports", "crashes", 0, 0, 0},
    {"CrashReport", "payload", NULL, MARK_OMIT_EMPTY, 0, 0},
    {"Deploy", "content", NULL, MARK_BASE64 | MARK_REQUIRED, 0, 0},
    {"Ended", "value", NULL, 0, 0, 0},
    {"Located", "id", "incarnation", MARK_NULL_EMPTY, 0, 0},
    {"OldState", "value", "old", MARK_OMIT_EMPTY, 0, 0},
    {"ReadTable", "from", NULL, MARK_VALUE_TEXT, 0, 0},
    {"ReplaceState", "state", NULL, MARK_REQUIRED, 0, 0},
    {"Reply", "payload", "reply", 0, 0, 0},
    {"RestoreState", "version", NULL, MARK_REQUIRED, 1, 0},
    {"Rows", "next", NULL, MARK_VALUE_TEXT, 0, 0},
    {"Send", "payload", "message", MARK_REQUIRED, 0, 0},
    {"Start", "behaviour", NULL, MARK_REQUIRED, 0, 0},
    {"Start", "link", NULL, MARK_HIDDEN, 0, 0}, // these mean the connection
    {"Start", "monitor", NULL, MARK_HIDDEN, 0, 0},
    {"StartChild", "spec", NULL, MARK_REQUIRED, 0, 0},
    {"StartSupervisor", "spec", NULL, MARK_REQUIRED, 0, 0},
    {"Started", "id", "incarnation", 0, 0, 0},
    {"Started", "ignored", NULL, MARK_OMIT_EMPTY, 0, 0},
    {"Started", "info", NULL, MARK_OMIT_EMPTY, 0, 0},
    {"Started", "monitor", NULL, MARK_HIDDEN, 0, 0},
    {"StateInfo", "at_ms", "state_at", MARK_TIME, 0, 0},
    {"StateInfo", "turn", "state_turn", 0, 0, 0},
    {"StateInfo", "value", "state", 0, 0, 0},
    {"Transfer", "target", NULL, MARK_REQUIRED, 0, 0},
    {"PrepareTransfer", "target", NULL, MARK_REQUIRED, 0, 0},
    {"Upgrade", "content", NULL, MARK_BASE64, 0, 0},
};

// Two fields that address one thing, in requests.
static const struct pair {
    const char *name;
    const char *id;
} PAIRS[] = {
    {"name", "id"},
    {"child", "incarnation"},
    {"target", "target_id"},
    {"source", "source_id"},
};

static pthread_once_t     made = PTHREAD_ONCE_INIT;
static struct codec_shape SHAPES[SHAPES_MAX];
static struct codec_field FIELDS[FIELDS_MAX];
static unsigned           shape_count;
static unsigned           field_count;

static void apply(struct codec_field *field, const char *message) {
    field->name = field->field->name;
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++) {
        const struct rule *rule = &RULES[i];
        if (rule->message != NULL && strcmp(rule->message, message) != 0) continue;
        if (strcmp(rule->field, field->field->name) != 0) continue;
        field->marks = rule->marks;
        field->low = rule->low;
        field->high = rule->high;
        if (rule->name != NULL) field->name = rule->name;
    }
}

// Only requests address; in an answer the id of a child is a child's name.
static void join_pairs(const ProtobufCMessageDescriptor *message, struct codec_field *fields) {
    for (size_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0]; i++) {
        struct codec_field *name = NULL, *id = NULL;
        for (unsigned j = 0; j < message->n_fields; j++) {
            if (strcmp(fields[j].field->name, PAIRS[i].name) == 0) name = &fields[j];
            if (strcmp(fields[j].field->name, PAIRS[i].id) == 0) id = &fields[j];
        }
        if (name == NULL || id == NULL || id->field->type != PROTOBUF_C_TYPE_UINT64) continue;
        name->pair = id->field;
        id->marks |= MARK_PAIRED;
    }
}

static const struct codec_shape *find(const ProtobufCMessageDescriptor *message) {
    for (unsigned i = 0; i < shape_count; i++) {
        if (SHAPES[i].message == message) return &SHAPES[i];
    }
    return NULL;
}

// Depth: that of the schema, which does not nest in itself.
static void add(const ProtobufCMessageDescriptor *message, bool request) {
    if (find(message) != NULL) return;
    CHECK(shape_count < SHAPES_MAX);
    CHECK(field_count + message->n_fields <= FIELDS_MAX);
    struct codec_field *fields = &FIELDS[field_count];
    field_count += message->n_fields;
    SHAPES[shape_count++] = (struct codec_shape){.message = message, .fields = fields};
    for (unsigned i = 0; i < message->n_fields; i++) {
        fields[i].field = &message->fields[i];
        apply(&fields[i], message->short_name);
    }
    if (request) join_pairs(message, fields);
    for (unsigned i = 0; i < message->n_fields; i++) {
        if (message->fields[i].type != PROTOBUF_C_TYPE_MESSAGE) continue;
        add(codec_shape_inner(&message->fields[i]), request);
    }
}

static void make(void) {
    add(&peeper__v1__client_frame__descriptor, true);
    add(&peeper__v1__server_frame__descriptor, false);
}

const struct codec_shape *codec_shape_of(const ProtobufCMessageDescriptor *message) {
    CHECK(pthread_once(&made, make) == 0);
    const struct codec_shape *shape = find(message);
    CHECK(shape != NULL);
    return shape;
}

const ProtobufCFieldDescriptor *codec_shape_verb(const char *verb) {
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
        &peeper__v1__client_frame__descriptor, verb);
    return field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE ? NULL : field;
}

const struct codec_shape *codec_shape_named(const char *name) {
    CHECK(pthread_once(&made, make) == 0);
    for (unsigned i = 0; i < shape_count; i++) {
        if (strcmp(SHAPES[i].message->short_name, name) == 0) return &SHAPES[i];
    }
    return NULL;
}

const char *codec_shape_word(char                           room[static CODEC_WORD_BYTES],
                             const ProtobufCEnumDescriptor *words, int number) {
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(words, number);
    const ProtobufCEnumValue *zero = protobuf_c_enum_descriptor_get_value(words, 0);
    if (value == NULL || zero == NULL) return NULL;
    // The value 0 of every enum of the schema is PREFIX_UNSPECIFIED.
    size_t prefix = strlen(zero->name) - strlen(UNSPECIFIED), i = 0;
    for (const char *at = value->name + prefix; *at != '\0' && i + 1 < CODEC_WORD_BYTES; at++) {
        room[i++] = (char)tolower((unsigned char)*at);
    }
    room[i] = '\0';
    return room;
}
