#include "boot/tree_file.h"

#include "wire/json.h"
#include "wire/yaml_value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES (64u << 10)
#define PATH_BYTES 700
#define SHOWN_BYTES 300

// --- Reading -------------------------------------------------------------------------------------

static enum status refuse(struct tree_message *message, const char *path, enum status status,
                          const char *why) {
    snprintf(message->text, sizeof message->text, "%.500s: %s", path, why);
    return status;
}

// To the end, whatever kind of file it is: a pipe has no size to ask for.
static enum status read_all(FILE *stream, struct buf *text) {
    for (;;) {
        uint8_t *room = buf_reserve(text, READ_BYTES);
        if (room == NULL) return STATUS_NO_MEMORY;
        size_t got = fread(room, 1, READ_BYTES, stream);
        text->bytes += got;
        if (text->bytes > TREE_FILE_BYTES_MAX) return STATUS_TOO_LARGE;
        if (got < READ_BYTES) return ferror(stream) ? STATUS_IO : STATUS_OK;
    }
}

static enum status read_text(struct tree_file *file, struct tree_message *message) {
    FILE *stream = fopen(file->path, "re");
    if (stream == NULL) return refuse(message, file->path, STATUS_IO, strerror(errno));
    enum status status = read_all(stream, &file->text);
    int         error = errno;
    fclose(stream);
    switch (status) {
        case STATUS_OK: return STATUS_OK;
        case STATUS_IO: return refuse(message, file->path, status, strerror(error));
        case STATUS_TOO_LARGE: return refuse(message, file->path, status, "over 64 MiB");
        default: return refuse(message, file->path, status, status_text(status));
    }
}

static struct slice text_of(const struct tree_file *file) {
    return slice_of(file->text.data, file->text.bytes);
}

static enum status parse(struct tree_file *file, struct tree_message *message) {
    struct yaml_fault fault = {0};
    enum status       status = yaml_to_value(text_of(file), &file->spec, &fault);
    if (status == STATUS_NO_MEMORY) return refuse(message, file->path, status, status_text(status));
    if (status == STATUS_OK) return STATUS_OK;
    char column[16] = "";
    if (fault.column > 0) snprintf(column, sizeof column, ":%u", fault.column);
    snprintf(message->text, sizeof message->text, "%.500s:%u%s: %s", file->path, fault.line, column,
             fault.message);
    return status;
}

// Without a name nobody could speak of it. Whether it is a good one, the spec's reader says.
static enum status find_name(struct tree_file *file, struct tree_message *message) {
    struct peeper_value map = peeper_writer_value(&file->spec), name;
    const char         *text;
    if (peeper_value_kind(map) != PEEPER_MAP) {
        tree_file_complain(file, "spec: is not a map", message);
        return STATUS_BAD_SPEC;
    }
    if (!peeper_value_get(map, "name", &name)) {
        tree_file_complain(file, "name: is missing", message);
        return STATUS_BAD_SPEC;
    }
    if (peeper_value_string(name, &text, &file->name.bytes)) {
        file->name.data = (const uint8_t *)text;
    }
    return STATUS_OK;
}

enum status tree_file_read(struct tree_file *file, const char *path, struct tree_message *message) {
    file->path = path;
    enum status status = read_text(file, message);
    if (status == STATUS_OK) status = parse(file, message);
    if (status == STATUS_OK) status = find_name(file, message);
    if (status != STATUS_OK) tree_file_fini(file);
    return status;
}

void tree_file_fini(struct tree_file *file) {
    buf_fini(&file->text);
    peeper_writer_fini(&file->spec);
    *file = (struct tree_file){0};
}

// --- Complaints ----------------------------------------------------------------------------------

void tree_file_complain(const struct tree_file *file, const char *fault,
                        struct tree_message *message) {
    const char *end = strstr(fault, ": ");
    size_t      path_bytes = end == NULL ? strlen(fault) : (size_t)(end - fault);
    snprintf(message->text, sizeof message->text, "%.500s:%u: %s", file->path,
             yaml_line(text_of(file), slice_of(fault, path_bytes)), fault);
}

// ["shutdown", ["failed_to_start_child", id, reason]]
static bool failed_child(struct peeper_value reason, struct peeper_value *ret_id,
                         struct peeper_value *ret_reason) {
    struct peeper_value word, inner;
    if (!peeper_value_at(reason, 0, &word) || !peeper_value_is(word, "shutdown")) return false;
    if (!peeper_value_at(reason, 1, &inner) || !peeper_value_at(inner, 0, &word)) return false;
    if (!peeper_value_is(word, "failed_to_start_child")) return false;
    return peeper_value_at(inner, 1, ret_id) && peeper_value_at(inner, 2, ret_reason);
}

static bool same(struct peeper_value left, struct peeper_value right) {
    return left.bytes == right.bytes && memcmp(left.data, right.data, left.bytes) == 0;
}

// The child with this id in a supervisor's spec, and its index.
static bool find_child(struct peeper_value spec, struct peeper_value id, unsigned *ret_index,
                       struct peeper_value *ret_child) {
    struct peeper_value children, own;
    if (!peeper_value_get(spec, "children", &children)) return false;
    struct peeper_iter iter = peeper_value_iter(children);
    for (unsigned i = 0; peeper_iter_next(&iter); i++) {
        if (!peeper_value_get(iter.value, "id", &own) || !same(own, id)) continue;
        *ret_index = i;
        *ret_child = iter.value;
        return true;
    }
    return false;
}

static void show(struct peeper_value value, char shown[SHOWN_BYTES]) {
    json_t *json = json_from_value(value);
    char   *text = json == NULL ? NULL : json_dumps(json, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    snprintf(shown, SHOWN_BYTES, "%s", text == NULL ? "?" : text);
    if (text != NULL && strlen(text) >= SHOWN_BYTES) memcpy(shown + SHOWN_BYTES - 4, "...", 4);
    free(text);
    json_decref(json);
}

void tree_file_blame(const struct tree_file *file, const char *what, struct peeper_value reason,
                     struct tree_message *message) {
    char                path[PATH_BYTES] = "", shown_id[SHOWN_BYTES], shown[SHOWN_BYTES];
    char                fault[PATH_BYTES + 2 * SHOWN_BYTES + 40];
    struct peeper_value spec = peeper_writer_value(&file->spec), id = {0}, inner, child;
    unsigned            index;
    while (failed_child(reason, &id, &inner) && find_child(spec, id, &index, &child)) {
        size_t at = strlen(path);
        snprintf(path + at, sizeof path - at, "%schildren[%u]", at == 0 ? "" : ".start.supervisor.",
                 index);
        reason = inner;
        if (!peeper_value_get(child, "start", &spec) ||
            !peeper_value_get(spec, "supervisor", &spec))
            break;
    }
    show(reason, shown);
    if (path[0] == '\0') {
        snprintf(message->text, sizeof message->text, "%.500s: %.200s: %s", file->path, what,
                 shown);
        return;
    }
    show(id, shown_id);
    snprintf(fault, sizeof fault, "%s: %s did not start: %s", path, shown_id, shown);
    tree_file_complain(file, fault, message);
}
