#include "wire/json.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BYTES_KEY "$bytes"
#define RFC3339_BYTES 64

// b64_ntop answers an int and wants room for the terminator.
static json_t *from_bytes(const uint8_t *data, size_t bytes) {
    size_t room = (bytes / 3 + 1) * 4 + 1;
    char  *text = malloc(room);
    if (text == NULL) return NULL;
    int     text_bytes = b64_ntop(data, bytes, text, room);
    json_t *object = text_bytes < 0 ? NULL : json_object();
    if (object != NULL) {
        json_t *encoded = json_stringn_nocheck(text, (size_t)text_bytes);
        if (json_object_set_new(object, BYTES_KEY, encoded) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    free(text);
    return object;
}

static json_t *from_double(double number) {
    if (number != number) return json_string("NaN");
    if (number > __DBL_MAX__) return json_string("Infinity");
    if (number < -__DBL_MAX__) return json_string("-Infinity");
    return json_real(number);
}

static json_t *from_checked(struct peeper_value value);

static json_t *from_list(struct peeper_value list) {
    json_t            *array = json_array();
    struct peeper_iter iter = peeper_value_iter(list);
    while (array != NULL && peeper_iter_next(&iter)) {
        if (json_array_append_new(array, from_checked(iter.value)) == 0) continue;
        json_decref(array);
        array = NULL;
    }
    return array;
}

static json_t *from_map(struct peeper_value map) {
    json_t            *object = json_object();
    struct peeper_iter iter = peeper_value_iter(map);
    while (object != NULL && peeper_iter_next(&iter)) {
        json_t *member = from_checked(iter.value);
        if (json_object_setn_new_nocheck(object, iter.key, iter.key_bytes, member) == 0) continue;
        json_decref(object);
        object = NULL;
    }
    return object;
}

// Recursion is bounded by the depth that peeper_value_check allows.
static json_t *from_checked(struct peeper_value value) {
    bool           yes = false;
    int64_t        integer = 0;
    double         number = 0;
    const char    *text = NULL;
    const uint8_t *data = NULL;
    size_t         bytes = 0;

    switch (peeper_value_kind(value)) {
        case PEEPER_BOOL: return peeper_value_bool(value, &yes) ? json_boolean(yes) : NULL;
        case PEEPER_INT: return peeper_value_int(value, &integer) ? json_integer(integer) : NULL;
        case PEEPER_DOUBLE: return peeper_value_double(value, &number) ? from_double(number) : NULL;
        case PEEPER_STRING:
            return peeper_value_string(value, &text, &bytes) ? json_stringn_nocheck(text, bytes)
                                                             : NULL;
        case PEEPER_BYTES:
            return peeper_value_bytes(value, &data, &bytes) ? from_bytes(data, bytes) : NULL;
        case PEEPER_LIST: return from_list(value);
        case PEEPER_MAP: return from_map(value);
        case PEEPER_NULL: break;
    }
    return json_null();
}

json_t *json_from_value(struct peeper_value value) {
    return peeper_value_check(value) ? from_checked(value) : NULL;
}

// The text of {"$bytes": "<text>"}; NULL for any other object.
static const json_t *bytes_member(const json_t *object) {
    const json_t *member = json_object_get(object, BYTES_KEY);
    return json_object_size(object) == 1 && json_is_string(member) ? member : NULL;
}

static void write_base64(struct peeper_writer *writer, const json_t *text) {
    // A NUL inside would end the text early for b64_pton.
    size_t text_bytes = json_string_length(text);
    size_t room = text_bytes / 4 * 3 + 4;
    bool   whole = strlen(json_string_value(text)) == text_bytes;

    uint8_t *data = whole ? malloc(room) : NULL;
    int      bytes = data == NULL ? -1 : b64_pton(json_string_value(text), data, room);
    if (bytes < 0) {
        writer->failed = true;
    } else {
        peeper_write_bytes(writer, data, (size_t)bytes);
    }
    free(data);
}

static void write_array(struct peeper_writer *writer, const json_t *array) {
    size_t        index;
    const json_t *element;
    peeper_write_list(writer);
    json_array_foreach(array, index, element) {
        json_to_value(writer, element);
    }
    peeper_write_end(writer);
}

static void write_object(struct peeper_writer *writer, const json_t *object) {
    const json_t *text = bytes_member(object);
    if (text != NULL) {
        write_base64(writer, text);
        return;
    }
    const char *key;
    size_t      key_bytes;
    json_t     *member;
    peeper_write_map(writer);
    // jansson iterates over a non-const object only, and leaves it as it is.
    json_object_keylen_foreach((json_t *)(uintptr_t)object, key, key_bytes, member) {
        peeper_write_key_n(writer, key, key_bytes);
        json_to_value(writer, member);
    }
    peeper_write_end(writer);
}

void json_to_value(struct peeper_writer *writer, const json_t *json) {
    if (json == NULL) writer->failed = true;
    // A failed writer counts no levels any more; going on would recurse as deep as the JSON is.
    if (writer->failed) return;
    switch (json_typeof(json)) {
        case JSON_OBJECT: write_object(writer, json); return;
        case JSON_ARRAY: write_array(writer, json); return;
        case JSON_STRING:
            peeper_write_string_n(writer, json_string_value(json), json_string_length(json));
            return;
        case JSON_INTEGER: peeper_write_int(writer, json_integer_value(json)); return;
        case JSON_REAL: peeper_write_double(writer, json_real_value(json)); return;
        case JSON_TRUE: peeper_write_bool(writer, true); return;
        case JSON_FALSE: peeper_write_bool(writer, false); return;
        case JSON_NULL: peeper_write_null(writer); return;
    }
    writer->failed = true;
}

void json_argument_to_value(struct peeper_writer *writer, const char *text) {
    json_error_t error;
    json_t      *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (json != NULL) {
        json_to_value(writer, json);
        json_decref(json);
        return;
    }
    switch (json_error_code(&error)) {
        // This is JSON, only more than we can hold; taking it for a string would hide that.
        case json_error_numeric_overflow:
        case json_error_stack_overflow:
        case json_error_out_of_memory: writer->failed = true; return;
        default: peeper_write_string(writer, text); return;
    }
}

// Sets a member and takes `value` over; false if there is none or no memory.
static bool put(json_t *object, const char *key, json_t *value) {
    return json_object_set_new(object, key, value) == 0;
}

static json_t *from_slice(struct slice text) {
    return json_stringn(text.bytes == 0 ? "" : (const char *)text.data, text.bytes);
}

json_t *json_from_payload(struct slice payload) {
    struct peeper_value value = {.data = payload.data, .bytes = payload.bytes};
    if (!peeper_value_check(value)) return from_bytes(payload.data, payload.bytes);
    return from_checked(value);
}

static json_t *from_unsigned(uint64_t number) {
    return json_integer((json_int_t)number);
}

json_t *json_from_time(uint64_t at_ms) {
    if (at_ms == 0) return json_null();
    char      text[RFC3339_BYTES];
    time_t    seconds = (time_t)(at_ms / 1000);
    struct tm utc;
    // Fails only for years beyond an int.
    if (gmtime_r(&seconds, &utc) == NULL) return json_null();
    size_t used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + used, sizeof text - used, ".%03uZ", (unsigned)(at_ms % 1000));
    return json_string(text);
}

// Lines with \n between them.
static json_t *from_lines(struct slice text) {
    json_t *lines = json_array();
    for (size_t at = 0; at < text.bytes;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.bytes - at);
        size_t         bytes = end == NULL ? text.bytes - at : (size_t)(end - text.data) - at;
        if (json_array_append_new(lines, from_slice(slice_of(text.data + at, bytes))) != 0) {
            json_decref(lines);
            return NULL;
        }
        at += bytes + 1;
    }
    return lines;
}

static json_t *from_crash(const struct crash_info *crash) {
    if (crash->kind == NULL) return json_null();
    json_t *object = json_object();
    bool    whole = put(object, "kind", json_string(crash->kind)) &&
                 put(object, "reason", json_from_payload(crash->reason)) &&
                 put(object, "at", json_from_time(crash->at_ms)) &&
                 put(object, "crash", from_unsigned(crash->id)) &&
                 (crash->text.bytes == 0 || put(object, "message", from_slice(crash->text))) &&
                 (crash->trace.bytes == 0 || put(object, "backtrace", from_lines(crash->trace)));
    if (whole) return object;
    json_decref(object);
    return NULL;
}

static bool put_state(json_t *object, const struct actor_info *info) {
    bool has = info->has_state;
    return put(object, "state", has ? json_from_payload(info->state) : json_null()) &&
           put(object, "version", from_unsigned(has ? info->version : 0));
}

static bool put_wait(json_t *object, const struct actor_info *info) {
    bool awaits = info->awaits.bytes > 0;
    return put(object, "suspended", json_boolean(info->suspended)) &&
           put(object, "awaits", awaits ? from_slice(info->awaits) : json_null());
}

static bool put_supervisor(json_t *object, const struct actor_info *info) {
    char    text[32];
    json_t *supervisor = NULL;
    snprintf(text, sizeof text, "@%" PRIu64, info->supervisor_id);
    if (info->supervisor.bytes > 0) {
        supervisor = from_slice(info->supervisor);
    } else {
        supervisor = info->supervisor_id == 0 ? json_null() : json_string(text);
    }
    return put(object, "supervisor", supervisor) &&
           put(object, "is_supervisor", json_boolean(info->is_supervisor)) &&
           put(object, "strategy",
               info->strategy == NULL ? json_null() : json_string(info->strategy));
}

static bool put_state_origin(json_t *object, const struct actor_info *info) {
    return put(object, "state_at",
               info->has_state ? json_from_time(info->state_at_ms) : json_null()) &&
           put(object, "state_turn",
               info->has_state ? from_unsigned(info->state_turn) : json_null());
}

static bool put_tables(json_t *object, const struct actor_info *info) {
    return put(object, "tables", json_integer(info->tables)) &&
           put(object, "table_bytes", from_unsigned(info->table_bytes));
}

static const char *isolation_text(enum isolation isolation) {
    return isolation == ISOLATION_OWN ? "own" : "shared";
}

static json_t *from_step(const struct step_info *step) {
    if (step->from == 0) return json_null();
    return json_pack("{s:o, s:o, s:o}", "from", from_unsigned(step->from), "to",
                     from_unsigned(step->to), "at", json_from_time(step->at_ms));
}

json_t *json_from_generation(const struct generation_info *generation) {
    return json_pack("{s:o, s:o, s:o, s:o}", "version", from_unsigned(generation->version), "at",
                     json_from_time(generation->at_ms), "turn", from_unsigned(generation->turn),
                     "bytes", from_unsigned(generation->bytes));
}

static bool put_code(json_t *object, const struct actor_info *info) {
    return put(object, "code_version", from_slice(info->code_version)) &&
           put(object, "code_refused",
               info->code_refused.bytes == 0 ? json_null() : from_slice(info->code_refused));
}

json_t *json_from_actor_info(const struct actor_info *info, bool with_state) {
    json_t *object = json_object();
    bool    whole = put(object, "name", from_slice(info->name)) &&
                 put(object, "unit", from_unsigned(info->unit)) &&
                 put(object, "incarnation", from_unsigned(info->incarnation)) &&
                 put(object, "behaviour", from_slice(info->behaviour)) &&
                 put(object, "status", json_string(info->status)) &&
                 (!with_state || put_state(object, info)) &&
                 put(object, "restarts", from_unsigned(info->restarts)) &&
                 put(object, "mailbox", json_integer(info->mailbox)) &&
                 put(object, "worker", json_integer(info->worker)) &&
                 put(object, "host_pid", json_integer(info->host_pid)) &&
                 put(object, "turn_ms", from_unsigned(info->turn_ms)) && put_wait(object, info) &&
                 put_supervisor(object, info) &&
                 put(object, "hibernating", json_boolean(info->hibernating)) &&
                 put(object, "timers", json_integer(info->timers)) &&
                 put(object, "links", json_integer(info->links)) &&
                 put(object, "monitors", json_integer(info->monitors)) &&
                 put(object, "trap_exit", json_boolean(info->trap_exit)) &&
                 put(object, "isolation", json_string(isolation_text(info->isolation))) &&
                 put(object, "quarantined", json_boolean(info->quarantined)) &&
                 put(object, "watchers", json_integer(info->watchers)) &&
                 put(object, "events_dropped", json_integer((json_int_t)info->events_dropped)) &&
                 put(object, "newest_version", from_unsigned(info->newest_version)) &&
                 put_code(object, info) &&
                 (!with_state || (put_state_origin(object, info) && put_tables(object, info))) &&
                 put(object, "stepped_back", from_step(&info->stepped_back)) &&
                 put(object, "last_crash", from_crash(&info->last_crash));
    if (whole) return object;
    json_decref(object);
    return NULL;
}

static bool put_payload(json_t *object, const struct crash_report *report) {
    if (report->turn[0] == '\0') return true;
    return put(object, "payload",
               report->message_cut ? from_bytes(report->message.data, report->message.bytes)
                                   : json_from_payload(report->message));
}

json_t *json_from_crash_report(const struct crash_report *report, bool with_payload) {
    json_t *object = json_object();
    bool    whole = put(object, "crash", from_unsigned(report->id)) &&
                 put(object, "name", from_slice(report->name)) &&
                 put(object, "unit", from_unsigned(report->unit)) &&
                 put(object, "incarnation", from_unsigned(report->incarnation)) &&
                 put(object, "behaviour", from_slice(report->behaviour)) &&
                 put(object, "version", from_slice(report->version)) &&
                 put(object, "kind", json_string(report->kind)) &&
                 put(object, "reason", json_from_payload(report->reason)) &&
                 put(object, "message", from_slice(report->text)) &&
                 put(object, "backtrace", from_lines(report->trace)) &&
                 put(object, "turn", json_string(report->turn)) &&
                 (!with_payload || put_payload(object, report)) &&
                 put(object, "payload_bytes", from_unsigned(report->message_bytes)) &&
                 put(object, "payload_cut", json_boolean(report->message_cut)) &&
                 put(object, "state_version", from_unsigned(report->state_version)) &&
                 put(object, "host_pid", json_integer(report->host_pid)) &&
                 put(object, "at", json_from_time(report->at_ms)) &&
                 put(object, "attempts", json_integer(report->attempts)) &&
                 put(object, "message_set_aside", json_boolean(report->message_set_aside)) &&
                 put(object, "redriven", json_integer(report->redriven));
    if (whole) return object;
    json_decref(object);
    return NULL;
}

json_t *json_from_table(const struct table_info *table) {
    return json_pack("{s:o, s:b, s:b, s:b, s:o, s:o}", "name", from_slice(table->name), "ordered",
                     table->ordered, "private", table->is_private, "heir", table->heir, "rows",
                     from_unsigned(table->rows), "bytes", from_unsigned(table->bytes));
}

json_t *json_from_row(const struct row_info *row) {
    return json_pack("{s:o, s:o}", "key", json_from_payload(row->key), "value",
                     json_from_payload(row->value));
}

json_t *json_from_key(struct slice key) {
    if (key.bytes == 0) return json_null();
    json_t *json = json_from_payload(key);
    char   *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    json_t *string = text == NULL ? NULL : json_string_nocheck(text);
    free(text);
    json_decref(json);
    return string;
}
