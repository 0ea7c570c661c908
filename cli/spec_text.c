#include "spec_text.h"

#include "wire/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static json_t *load(const char *text, const char *place, json_error_t *error) {
    if (strcmp(place, "stdin") == 0) return json_loadf(stdin, JSON_REJECT_DUPLICATES, error);
    if (strcmp(place, "JSON") == 0) return json_loads(text, JSON_REJECT_DUPLICATES, error);
    FILE *file = fopen(text, "re");
    if (file == NULL) {
        *error = (json_error_t){.line = 0};
        snprintf(error->text, sizeof(error->text), "%s", strerror(errno));
        return NULL;
    }
    json_t *json = json_loadf(file, JSON_REJECT_DUPLICATES, error);
    fclose(file);
    return json;
}

bool spec_text_read(const char *text, struct peeper_writer *writer, char *why, size_t why_bytes) {
    const char  *begin = text + strspn(text, " \t\r\n");
    const char  *place = begin[0] == '{' || begin[0] == '[' ? "JSON" : text;
    json_error_t error;
    if (strcmp(text, "-") == 0) place = "stdin";
    json_t *json = load(text, place, &error);
    if (json == NULL && error.line > 0) {
        snprintf(why, why_bytes, "%s:%d:%d: %s", place, error.line, error.column, error.text);
        return false;
    }
    if (json == NULL) {
        snprintf(why, why_bytes, "%s: %s", place, error.text);
        return false;
    }
    json_to_value(writer, json);
    json_decref(json);
    if (peeper_writer_done(writer)) return true;
    snprintf(why, why_bytes, "%s: a number or text is out of range, or it is nested too deeply",
             place);
    return false;
}
