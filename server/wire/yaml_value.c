#include "wire/yaml_value.h"

#include "wire/yaml_scalar.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct key {
    char    *text; // owned, terminated
    size_t   bytes;
    uint32_t line;
};

// The keys of one map.
struct keys {
    struct key *items; // owned
    size_t      count;
    size_t      capacity;
};

struct anchor {
    char                *name;  // owned
    struct peeper_writer value; // owned
};

// One pass over the text. `event` is the present one.
struct loader {
    yaml_parser_t      parser;
    yaml_event_t       event;
    struct slice       text;
    struct yaml_fault *fault;
    struct anchor     *anchors; // owned, YAML_ANCHORS_MAX
    uint32_t           anchor_count;
    uint32_t           depth; // open lists and maps
};

static enum status load_node(struct loader *loader, struct peeper_writer *writer);

// --- Complaints ----------------------------------------------------------------------------------

__attribute__((format(printf, 2, 3))) static enum status complain(struct loader *loader,
                                                                  const char    *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    loader->fault->line = (uint32_t)loader->event.start_mark.line + 1;
    loader->fault->column = (uint32_t)loader->event.start_mark.column + 1;
    vsnprintf(loader->fault->message, sizeof loader->fault->message, format, arguments);
    va_end(arguments);
    return STATUS_BAD_SPEC;
}

// The reader knows only the offset of what is no text.
static yaml_mark_t mark_at(struct slice text, size_t offset) {
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < text.bytes; i++) {
        mark.column = text.data[i] == '\n' ? 0 : mark.column + 1;
        if (text.data[i] == '\n') mark.line++;
    }
    return mark;
}

static enum status complain_syntax(struct loader *loader) {
    const yaml_parser_t *parser = &loader->parser;
    struct yaml_fault   *fault = loader->fault;
    if (parser->error == YAML_MEMORY_ERROR) return STATUS_NO_MEMORY;
    yaml_mark_t mark = parser->error == YAML_READER_ERROR
                           ? mark_at(loader->text, parser->problem_offset)
                           : parser->problem_mark;
    fault->line = (uint32_t)mark.line + 1;
    fault->column = (uint32_t)mark.column + 1;
    int bytes = snprintf(fault->message, sizeof fault->message, "%s", parser->problem);
    if (parser->context != NULL && bytes > 0 && (size_t)bytes < sizeof fault->message) {
        snprintf(fault->message + bytes, sizeof fault->message - (size_t)bytes,
                 " (%s that begins in line %zu)", parser->context, parser->context_mark.line + 1);
    }
    return STATUS_BAD_SPEC;
}

// --- Events --------------------------------------------------------------------------------------

static enum status next(struct loader *loader) {
    yaml_event_delete(&loader->event);
    return yaml_parser_parse(&loader->parser, &loader->event) ? STATUS_OK : complain_syntax(loader);
}

static enum status open_loader(struct loader *loader, struct slice text, struct yaml_fault *fault) {
    *loader = (struct loader){.text = text, .fault = fault};
    if (!yaml_parser_initialize(&loader->parser)) return STATUS_NO_MEMORY;
    yaml_parser_set_encoding(&loader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&loader->parser, text.data, text.bytes);
    return STATUS_OK;
}

static void close_loader(struct loader *loader) {
    for (uint32_t i = 0; i < loader->anchor_count; i++) {
        free(loader->anchors[i].name);
        peeper_writer_fini(&loader->anchors[i].value);
    }
    free(loader->anchors);
    yaml_event_delete(&loader->event);
    yaml_parser_delete(&loader->parser);
}

// --- Scalars and tags ----------------------------------------------------------------------------

#define TAG "tag:yaml.org,2002:"

static const char *tag_name(const yaml_char_t *tag) {
    const char *text = (const char *)tag;
    if (text == NULL || strcmp(text, "!") == 0) return "";
    return strncmp(text, TAG, strlen(TAG)) == 0 ? text + strlen(TAG) : text;
}

static enum status unknown_tag(struct loader *loader, const yaml_char_t *tag) {
    return complain(loader, "the tag %.100s is not known here", (const char *)tag);
}

static const char *const KIND_TAGS[] = {
    [YAML_NULL] = "null",   [YAML_BOOL] = "bool",  [YAML_INT] = "int",
    [YAML_FLOAT] = "float", [YAML_STRING] = "str",
};

static bool tag_known(const char *tag) {
    for (int kind = YAML_NULL; kind <= YAML_STRING; kind++) {
        if (strcmp(tag, KIND_TAGS[kind]) == 0) return true;
    }
    return false;
}

// Whether a scalar with this tag may be a value of this kind. An int is also a float.
static bool tag_fits(const char *tag, enum yaml_kind kind) {
    return strcmp(tag, KIND_TAGS[kind]) == 0 ||
           (kind == YAML_INT && strcmp(tag, KIND_TAGS[YAML_FLOAT]) == 0);
}

static enum status load_scalar(struct loader *loader, struct peeper_writer *writer) {
    const char *text = (const char *)loader->event.data.scalar.value;
    size_t      bytes = loader->event.data.scalar.length;
    const char *tag = tag_name(loader->event.data.scalar.tag);
    bool plain = loader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && tag[0] == '\0';
    bool tagged = tag[0] != '\0' && strcmp(tag, "str") != 0;
    if (!plain && !tagged) {
        peeper_write_string_n(writer, text, bytes);
        return STATUS_OK;
    }
    if (tagged && !tag_known(tag)) return unknown_tag(loader, loader->event.data.scalar.tag);
    if (tagged && (strlen(text) != bytes || !tag_fits(tag, yaml_scalar_kind(text))))
        return complain(loader, "\"%.100s\" is no %.100s", text, tag);
    if (yaml_scalar_write(writer, text) == STATUS_OK) return STATUS_OK;
    return complain(loader, "%.100s is no number of 64 bits; quote it to make it a string", text);
}

// --- Anchors and aliases -------------------------------------------------------------------------

// The node of the present event, kept under a name.
static enum status load_anchored(struct loader *loader, struct peeper_writer *writer, char *name) {
    struct peeper_writer own = {0};
    enum status          status;
    if (loader->anchors == NULL) {
        loader->anchors = calloc(YAML_ANCHORS_MAX, sizeof *loader->anchors);
    }
    if (loader->anchors == NULL) {
        status = STATUS_NO_MEMORY;
        goto free_name;
    }
    status = load_node(loader, &own);
    if (status != STATUS_OK) goto fini_own;
    peeper_write_value(writer, peeper_writer_value(&own));
    if (loader->anchor_count == YAML_ANCHORS_MAX) {
        status = complain(loader, "more than %u anchors", YAML_ANCHORS_MAX);
        goto fini_own;
    }
    loader->anchors[loader->anchor_count++] = (struct anchor){.name = name, .value = own};
    return STATUS_OK;

fini_own:
    peeper_writer_fini(&own);
free_name:
    free(name);
    return status;
}

// The last one of a name counts. An anchor whose node is not complete is none yet.
static enum status load_alias(struct loader *loader, struct peeper_writer *writer) {
    const char *name = (const char *)loader->event.data.alias.anchor;
    uint32_t    i = loader->anchor_count;
    while (i > 0 && strcmp(loader->anchors[i - 1].name, name) != 0) i--;
    if (i == 0) return complain(loader, "there is no anchor &%.100s before this", name);
    struct peeper_value value = peeper_writer_value(&loader->anchors[i - 1].value);
    if (writer->bytes + value.bytes > YAML_VALUE_BYTES_MAX) {
        return complain(loader, "with this alias the document means more than %u MiB",
                        YAML_VALUE_BYTES_MAX >> 20);
    }
    if (writer->failed) return STATUS_OK;
    peeper_write_value(writer, value);
    if (writer->failed) {
        return complain(loader,
                        "with this alias there are more than %u levels, or too little "
                        "memory",
                        (unsigned)PEEPER_VALUE_DEPTH_MAX);
    }
    return STATUS_OK;
}

// --- Lists and maps ------------------------------------------------------------------------------

static enum status load_list(struct loader *loader, struct peeper_writer *writer) {
    peeper_write_list(writer);
    enum status status = next(loader);
    while (status == STATUS_OK && loader->event.type != YAML_SEQUENCE_END_EVENT) {
        status = load_node(loader, writer);
        if (status == STATUS_OK) status = next(loader);
    }
    peeper_write_end(writer);
    return status;
}

static int compare_keys(const void *left, const void *right) {
    const struct key *a = left, *b = right;
    if (a->bytes != b->bytes) return a->bytes < b->bytes ? -1 : 1;
    int order = memcmp(a->text, b->text, a->bytes);
    if (order != 0) return order;
    return a->line < b->line ? -1 : a->line > b->line;
}

// Sorted keys stand side by side.
static enum status check_keys(struct loader *loader, struct keys *keys) {
    if (keys->count > 1) qsort(keys->items, keys->count, sizeof *keys->items, compare_keys);
    for (size_t i = 1; i < keys->count; i++) {
        const struct key *first = &keys->items[i - 1], *second = &keys->items[i];
        if (first->bytes != second->bytes || memcmp(first->text, second->text, first->bytes) != 0)
            continue;
        (void)complain(loader, "the key \"%.100s\" stands twice, also in line %u", second->text,
                       first->line);
        loader->fault->line = second->line;
        loader->fault->column = 0;
        return STATUS_BAD_SPEC;
    }
    return STATUS_OK;
}

static enum status keep_key(struct loader *loader, struct keys *keys) {
    if (keys->count == keys->capacity) {
        size_t      capacity = keys->capacity == 0 ? 8 : keys->capacity * 2;
        struct key *items = realloc(keys->items, capacity * sizeof *items);
        if (items == NULL) return STATUS_NO_MEMORY;
        keys->items = items;
        keys->capacity = capacity;
    }
    // The event's own text is taken over.
    keys->items[keys->count++] = (struct key){
        .text = (char *)loader->event.data.scalar.value,
        .bytes = loader->event.data.scalar.length,
        .line = (uint32_t)loader->event.start_mark.line + 1,
    };
    loader->event.data.scalar.value = NULL;
    return STATUS_OK;
}

static enum status load_key(struct loader *loader, struct peeper_writer *writer,
                            struct keys *keys) {
    if (loader->event.type != YAML_SCALAR_EVENT || loader->event.data.scalar.anchor != NULL)
        return complain(loader, "a key of a map must be a string");
    const char *text = (const char *)loader->event.data.scalar.value;
    if (loader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        if (strcmp(text, "<<") == 0) return complain(loader, "merge keys (<<) are not supported");
        if (yaml_scalar_kind(text) != YAML_STRING)
            return complain(loader, "the key \"%.100s\" is no string; quote it", text);
    }
    peeper_write_key_n(writer, text, loader->event.data.scalar.length);
    return keep_key(loader, keys);
}

static enum status load_map(struct loader *loader, struct peeper_writer *writer) {
    struct keys keys = {0};
    peeper_write_map(writer);
    enum status status = next(loader);
    while (status == STATUS_OK && loader->event.type != YAML_MAPPING_END_EVENT) {
        status = load_key(loader, writer, &keys);
        if (status == STATUS_OK) status = next(loader);
        if (status == STATUS_OK) status = load_node(loader, writer);
        if (status == STATUS_OK) status = next(loader);
    }
    peeper_write_end(writer);
    if (status == STATUS_OK) status = check_keys(loader, &keys);
    for (size_t i = 0; i < keys.count; i++) free(keys.items[i].text);
    free(keys.items);
    return status;
}

static enum status load_container(struct loader *loader, struct peeper_writer *writer) {
    bool               list = loader->event.type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *tag =
        list ? loader->event.data.sequence_start.tag : loader->event.data.mapping_start.tag;
    const char *name = tag_name(tag);
    if (name[0] != '\0' && strcmp(name, list ? "seq" : "map") != 0) return unknown_tag(loader, tag);
    if (loader->depth == PEEPER_VALUE_DEPTH_MAX)
        return complain(loader, "more than %u levels", (unsigned)PEEPER_VALUE_DEPTH_MAX);
    loader->depth++;
    enum status status = list ? load_list(loader, writer) : load_map(loader, writer);
    loader->depth--;
    return status;
}

// Where the anchor of the present event stands; NULL: it can have none.
static yaml_char_t **anchor_of(yaml_event_t *event) {
    switch (event->type) {
        case YAML_SCALAR_EVENT: return &event->data.scalar.anchor;
        case YAML_SEQUENCE_START_EVENT: return &event->data.sequence_start.anchor;
        case YAML_MAPPING_START_EVENT: return &event->data.mapping_start.anchor;
        default: return NULL;
    }
}

// From the first event of a node to its last.
static enum status load_node(struct loader *loader, struct peeper_writer *writer) {
    yaml_char_t **anchor = anchor_of(&loader->event);
    if (anchor != NULL && *anchor != NULL) {
        char *name = (char *)*anchor;
        *anchor = NULL; // the event is a node without an anchor now
        return load_anchored(loader, writer, name);
    }
    if (loader->event.type == YAML_ALIAS_EVENT) return load_alias(loader, writer);
    if (loader->event.type == YAML_SCALAR_EVENT) return load_scalar(loader, writer);
    return load_container(loader, writer);
}

static enum status load_document(struct loader *loader, struct peeper_writer *writer) {
    enum status status = next(loader); // the stream begins
    if (status == STATUS_OK) status = next(loader);
    if (status != STATUS_OK) return status;
    if (loader->event.type == YAML_STREAM_END_EVENT)
        return complain(loader, "there is nothing in it");
    status = next(loader);
    if (status == STATUS_OK) status = load_node(loader, writer);
    if (status == STATUS_OK) status = next(loader); // the document ends
    if (status == STATUS_OK) status = next(loader);
    if (status == STATUS_OK && loader->event.type != YAML_STREAM_END_EVENT)
        return complain(loader, "a second document begins here; there may be one only");
    return status;
}

enum status yaml_to_value(struct slice text, struct peeper_writer *writer,
                          struct yaml_fault *fault) {
    struct loader loader;
    enum status   status = open_loader(&loader, text, fault);
    if (status != STATUS_OK) return status;
    status = load_document(&loader, writer);
    // Everything else that a writer refuses was refused above.
    if (status == STATUS_OK && !peeper_writer_done(writer)) status = STATUS_NO_MEMORY;
    close_loader(&loader);
    return status;
}

// --- Lines ---------------------------------------------------------------------------------------

static bool opens(yaml_event_type_t type) {
    return type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;
}

static bool closes(yaml_event_type_t type) {
    return type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT;
}

// Past the node of the present event, to the one after it.
static bool skip(struct loader *loader) {
    for (uint32_t open = 0;;) {
        if (opens(loader->event.type)) open++;
        if (closes(loader->event.type)) open--;
        if (next(loader) != STATUS_OK) return false;
        if (open == 0) return true;
    }
}

// Into the list of the present event, to its element `index`.
static bool enter_list(struct loader *loader, unsigned long index) {
    if (loader->event.type != YAML_SEQUENCE_START_EVENT || next(loader) != STATUS_OK) return false;
    for (; index > 0; index--) {
        if (closes(loader->event.type) || !skip(loader)) return false;
    }
    return !closes(loader->event.type);
}

static bool is_key(const yaml_event_t *event, struct slice key) {
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == key.bytes &&
           memcmp(event->data.scalar.value, key.data, key.bytes) == 0;
}

// Into the map of the present event, to its key `key`.
static bool enter_map(struct loader *loader, struct slice key) {
    if (loader->event.type != YAML_MAPPING_START_EVENT || next(loader) != STATUS_OK) return false;
    while (!closes(loader->event.type) && !is_key(&loader->event, key)) {
        if (!skip(loader) || !skip(loader)) return false;
    }
    return !closes(loader->event.type);
}

static uint32_t line_of(const struct loader *loader) {
    return (uint32_t)loader->event.start_mark.line + 1;
}

static uint32_t follow(struct loader *loader, struct slice path) {
    uint32_t line = line_of(loader);
    for (size_t i = 0; i < path.bytes;) {
        size_t first = i;
        if (path.data[i] == '[') {
            unsigned long index = 0;
            for (i++; i < path.bytes && path.data[i] != ']'; i++)
                index = index * 10 + (unsigned long)(path.data[i] - '0');
            if (!enter_list(loader, index)) return line;
            line = line_of(loader);
            i++;
        } else {
            while (i < path.bytes && path.data[i] != '.' && path.data[i] != '[') i++;
            if (!enter_map(loader, slice_of(path.data + first, i - first))) return line;
            line = line_of(loader);
            if (next(loader) != STATUS_OK) return line;
        }
        if (i < path.bytes && path.data[i] == '.') i++;
    }
    return line;
}

uint32_t yaml_line(struct slice text, struct slice path) {
    struct loader     loader;
    struct yaml_fault fault;
    uint32_t          line = 1;
    if (open_loader(&loader, text, &fault) != STATUS_OK) return line;
    bool begun = true;
    for (int i = 0; i < 3 && begun; i++) begun = next(&loader) == STATUS_OK; // stream, document
    if (begun) line = follow(&loader, path);
    close_loader(&loader);
    return line;
}
