#include "spec_text.h"

#include "wire/json.h"
#include "wire/yaml_value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES (64u << 10)
#define TEXT_BYTES_MAX (64u << 20)

static const char WORDS[] = "--spec";

static bool is_json(const char *text) {
    const char *begin = text + strspn(text, " \t\r\n");
    return begin[0] == '{' || begin[0] == '[';
}

static bool refuse(struct spec_text *spec, const char *why) {
    snprintf(spec->why, sizeof(spec->why), "%s: %s", spec->place, why);
    return false;
}

// To the end, and a 0 behind it.
static bool read_all(struct spec_text *spec, FILE *stream) {
    size_t got = READ_BYTES;
    while (got == READ_BYTES && spec->text.bytes <= TEXT_BYTES_MAX) {
        uint8_t *room = buf_reserve(&spec->text, READ_BYTES + 1);
        if (room == NULL) return refuse(spec, "out of memory");
        got = fread(room, 1, READ_BYTES, stream);
        spec->text.bytes += got;
        room[got] = '\0';
    }
    if (ferror(stream)) return refuse(spec, strerror(errno));
    if (spec->text.bytes > TEXT_BYTES_MAX) return refuse(spec, "over 64 MiB");
    return true;
}

static bool read_file(struct spec_text *spec) {
    FILE *file = fopen(spec->place, "re");
    if (file == NULL) return refuse(spec, strerror(errno));
    bool read = read_all(spec, file);
    fclose(file);
    return read;
}

static bool read_text(struct spec_text *spec, const char *words) {
    spec->place = words;
    if (is_json(words)) {
        spec->place = WORDS;
        bool kept = buf_append(&spec->text, words, strlen(words) + 1) == STATUS_OK;
        spec->text.bytes -= kept;
        return kept || refuse(spec, "out of memory");
    }
    if (words[0] == '\0') {
        spec->place = WORDS;
        return refuse(spec, "there is nothing in it");
    }
    if (strcmp(words, "-") != 0) return read_file(spec);
    spec->place = "stdin";
    return read_all(spec, stdin);
}

static bool parse_json(struct spec_text *spec) {
    json_error_t error;
    const char  *text = (const char *)spec->text.data;
    json_t      *json = json_loadb(text, spec->text.bytes, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        snprintf(spec->why, sizeof(spec->why), "%s:%d:%d: %s", spec->place, error.line,
                 error.column, error.text);
        return false;
    }
    json_to_value(&spec->spec, json);
    json_decref(json);
    if (peeper_writer_done(&spec->spec)) return true;
    return refuse(spec, "a number or text is out of range, or it is nested too deeply");
}

static struct slice text_of(const struct spec_text *spec) {
    return slice_of(spec->text.data, spec->text.bytes);
}

static bool parse_yaml(struct spec_text *spec) {
    struct yaml_fault fault = {0};
    enum status       status = yaml_to_value(text_of(spec), &spec->spec, &fault);
    if (status == STATUS_OK) return true;
    if (status != STATUS_BAD_SPEC) return refuse(spec, status_text(status));
    snprintf(spec->why, sizeof(spec->why), "%s:%u:%u: %s", spec->place, fault.line, fault.column,
             fault.message);
    return false;
}

bool spec_text_read(struct spec_text *spec, const char *words) {
    if (!read_text(spec, words)) return false;
    return is_json((const char *)spec->text.data) ? parse_json(spec) : parse_yaml(spec);
}

void spec_text_fini(struct spec_text *spec) {
    buf_fini(&spec->text);
    peeper_writer_fini(&spec->spec);
    *spec = (struct spec_text){0};
}

unsigned spec_text_line(const struct spec_text *spec, const char *complaint) {
    const char *end = strstr(complaint, ": ");
    if (spec->place == WORDS || end == NULL) return 0;
    // A list of children's specs is the "children" of no supervisor.
    size_t skipped = strlen("children");
    bool   is_list = peeper_value_kind(peeper_writer_value(&spec->spec)) == PEEPER_LIST;
    if (is_list && strncmp(complaint, "children[", skipped + 1) == 0) complaint += skipped;
    return yaml_line(text_of(spec), slice_of(complaint, (size_t)(end - complaint)));
}
