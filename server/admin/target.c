#include "admin/target.h"

#include <string.h>

static enum status bad(struct http_fault *fault, const char *text) {
    *fault = (struct http_fault){.code = 400, .text = text};
    return STATUS_PROTOCOL;
}

static int hex(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

// Decodes in place; false where a % is not followed by two digits, or it is a control character.
static bool decode(char *text, bool query) {
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        int byte = (unsigned char)*from++;
        if (byte == '+' && query) byte = ' ';
        if (byte == '%') {
            int high = hex(from[0]);
            int low = high < 0 ? -1 : hex(from[1]);
            if (low < 0) return false;
            byte = high << 4 | low;
            from += 2;
        }
        // NUL would end the text early; the others are in no name.
        if (byte < ' ' || byte == 0x7f) return false;
        *to = (char)byte;
    }
    *to = '\0';
    return true;
}

// Whether a part of it, between slashes, is . or ..
static bool has_dots(const char *text) {
    for (const char *at = text;; at++) {
        size_t bytes = strcspn(at, "/\\");
        if ((bytes == 1 && at[0] == '.') || (bytes == 2 && at[0] == '.' && at[1] == '.'))
            return true;
        at += bytes;
        if (*at == '\0') return false;
    }
}

// Also where it shows only when it is decoded again, as a proxy behind a proxy would.
static bool is_step(const char *text) {
    char again[HTTP_TARGET_BYTES_MAX + 2];
    if (has_dots(text)) return true;
    if (strchr(text, '%') == NULL) return false;
    strcpy(again, text);
    return decode(again, false) && has_dots(again);
}

static enum status read_path(char *path, struct target *target, struct http_fault *fault) {
    if (path[0] != '/') return bad(fault, "the target does not begin with a slash");
    for (char *at = path + 1; at != NULL;) {
        char *next = strchr(at, '/');
        if (next != NULL) *next++ = '\0';
        if (!decode(at, false)) return bad(fault, "the path has a bad % or a control character");
        if (is_step(at)) return bad(fault, "the path has . or .. in it");
        if (at[0] == '\0' || target->segment_count == TARGET_SEGMENTS_MAX) return STATUS_NOT_FOUND;
        target->segments[target->segment_count++] = at;
        at = next;
    }
    return STATUS_OK;
}

static enum status read_query(char *query, struct target *target, struct http_fault *fault) {
    for (char *at = query; at != NULL && *at != '\0';) {
        char *next = strchr(at, '&');
        if (next != NULL) *next++ = '\0';
        char *value = strchr(at, '=');
        if (value != NULL) *value++ = '\0';
        if (!decode(at, true) || (value != NULL && !decode(value, true)))
            return bad(fault, "the query has a bad % or a control character");
        if (target->parameter_count == TARGET_PARAMETERS_MAX) {
            *fault = (struct http_fault){.code = 400, .text = "there are over 16 parameters"};
            return STATUS_INVALID;
        }
        target->parameters[target->parameter_count++] =
            (struct target_parameter){.name = at, .value = value == NULL ? "" : value};
        at = next;
    }
    return STATUS_OK;
}

enum status target_read(struct slice text, struct target *ret_target, struct http_fault *fault) {
    ret_target->segment_count = ret_target->parameter_count = 0;
    if (text.bytes > HTTP_TARGET_BYTES_MAX) return bad(fault, "the target is too long");
    memcpy(ret_target->room, text.data, text.bytes);
    ret_target->room[text.bytes] = '\0';
    char *query = strchr(ret_target->room, '?');
    if (query != NULL) *query++ = '\0';
    enum status status = read_path(ret_target->room, ret_target, fault);
    if (status == STATUS_PROTOCOL) return status;
    enum status rest = read_query(query, ret_target, fault);
    return rest == STATUS_PROTOCOL || status == STATUS_OK ? rest : status;
}
