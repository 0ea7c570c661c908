// b64_pton.
#define _GNU_SOURCE
#include "driver_tagged.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOUBLE_DIGITS_MAX 17

// --- To Values -----------------------------------------------------------------------------------

uint8_t *driver_base64(const char *text, size_t *ret_bytes) {
    size_t   room = strlen(text) / 4 * 3 + 4;
    uint8_t *data = malloc(room);
    int      used = data == NULL ? -1 : b64_pton(text, data, room);
    if (used < 0) {
        free(data);
        return NULL;
    }
    *ret_bytes = (size_t)used;
    return data;
}

static bool write_int(struct peeper_writer *writer, const char *text) {
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') return false;
    peeper_write_int(writer, number);
    return true;
}

static bool write_double(struct peeper_writer *writer, const char *text) {
    char  *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0') return false;
    peeper_write_double(writer, number);
    return true;
}

static bool write_bytes(struct peeper_writer *writer, const char *text) {
    size_t   bytes;
    uint8_t *data = driver_base64(text, &bytes);
    if (data == NULL) return false;
    peeper_write_bytes(writer, data, bytes);
    free(data);
    return true;
}

static bool write_map(struct peeper_writer *writer, const json_t *pairs) {
    peeper_write_map(writer);
    for (size_t i = 0; i < json_array_size(pairs) && !writer->failed; i++) {
        const json_t *pair = json_array_get(pairs, i), *key = json_array_get(pair, 0);
        if (!json_is_string(key)) return false;
        peeper_write_key_n(writer, json_string_value(key), json_string_length(key));
        if (!driver_value_write(writer, json_array_get(pair, 1))) return false;
    }
    peeper_write_end(writer);
    return true;
}

static bool write_tagged(struct peeper_writer *writer, const json_t *json) {
    const json_t *map = json_object_get(json, "map");
    const char   *number = json_string_value(json_object_get(json, "int"));
    const char   *real = json_string_value(json_object_get(json, "double"));
    const char   *bytes = json_string_value(json_object_get(json, "bytes"));
    if (json_is_array(map)) return write_map(writer, map);
    if (number != NULL) return write_int(writer, number);
    if (real != NULL) return write_double(writer, real);
    return bytes != NULL && write_bytes(writer, bytes);
}

// A writer that has failed stops the recursion: that is at the 65th level.
bool driver_value_write(struct peeper_writer *writer, const json_t *json) {
    if (writer->failed) return false;
    switch (json == NULL ? JSON_REAL : json_typeof(json)) {
        case JSON_NULL: peeper_write_null(writer); return true;
        case JSON_TRUE:
        case JSON_FALSE: peeper_write_bool(writer, json_is_true(json)); return true;
        case JSON_STRING:
            peeper_write_string_n(writer, json_string_value(json), json_string_length(json));
            return true;
        case JSON_ARRAY:
            peeper_write_list(writer);
            for (size_t i = 0; i < json_array_size(json); i++) {
                if (!driver_value_write(writer, json_array_get(json, i))) return false;
            }
            peeper_write_end(writer);
            return true;
        case JSON_OBJECT: return write_tagged(writer, json);
        default: return false; // numbers are tagged
    }
}

// --- From Values ---------------------------------------------------------------------------------

static json_t *base64_of(const char *tag, const uint8_t *data, size_t bytes) {
    size_t  room = (bytes / 3 + 1) * 4 + 1;
    char   *text = malloc(room);
    json_t *json = NULL;
    if (text != NULL && b64_ntop(data, bytes, text, room) >= 0)
        json = json_pack("{s:s}", tag, text);
    free(text);
    return json;
}

static json_t *int_of(int64_t number) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, number);
    return json_pack("{s:s}", "int", text);
}

// The fewest digits that mean this double.
static json_t *double_of(double number) {
    char text[64];
    for (int digits = 1; digits <= DOUBLE_DIGITS_MAX; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    return json_pack("{s:s}", "double", number != number ? "nan" : text);
}

static json_t *checked_json(struct peeper_value value);

static json_t *list_of(struct peeper_value value) {
    json_t            *list = json_array();
    struct peeper_iter iter = peeper_value_iter(value);
    while (peeper_iter_next(&iter)) json_array_append_new(list, checked_json(iter.value));
    return list;
}

static json_t *map_of(struct peeper_value value) {
    json_t            *pairs = json_array();
    struct peeper_iter iter = peeper_value_iter(value);
    while (peeper_iter_next(&iter)) {
        json_t *key = json_stringn(iter.key, iter.key_bytes);
        json_array_append_new(pairs, json_pack("[o, o]", key, checked_json(iter.value)));
    }
    return json_pack("{s:o}", "map", pairs);
}

static json_t *checked_json(struct peeper_value value) {
    bool           truth = false;
    int64_t        number = 0;
    double         real = 0;
    const char    *text = NULL;
    const uint8_t *data = NULL;
    size_t         bytes = 0;
    switch (peeper_value_kind(value)) {
        case PEEPER_BOOL: peeper_value_bool(value, &truth); return json_boolean(truth);
        case PEEPER_INT: peeper_value_int(value, &number); return int_of(number);
        case PEEPER_DOUBLE: peeper_value_double(value, &real); return double_of(real);
        case PEEPER_STRING:
            peeper_value_string(value, &text, &bytes);
            return json_stringn(text, bytes);
        case PEEPER_BYTES:
            peeper_value_bytes(value, &data, &bytes);
            return base64_of("bytes", data, bytes);
        case PEEPER_LIST: return list_of(value);
        case PEEPER_MAP: return map_of(value);
        case PEEPER_NULL: break;
    }
    return json_null();
}

json_t *driver_value_json(struct peeper_value value) {
    if (peeper_value_check(value)) return checked_json(value);
    return base64_of("encoded", value.data, value.bytes);
}
