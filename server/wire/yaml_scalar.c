#include "wire/yaml_scalar.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const NULLS[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const TRUES[] = {"true", "True", "TRUE", NULL};
static const char *const FALSES[] = {"false", "False", "FALSE", NULL};
static const char *const INFINITIES[] = {".inf", ".Inf", ".INF", NULL};
static const char *const NANS[] = {".nan", ".NaN", ".NAN", NULL};

static bool among(const char *text, const char *const *words) {
    while (*words != NULL && strcmp(*words, text) != 0) words++;
    return *words != NULL;
}

static const char DIGITS[] = "0123456789";

static const char *skip_sign(const char *text) {
    return text + (*text == '+' || *text == '-');
}

// Some of `digits` and nothing else.
static bool consists_of(const char *text, const char *digits) {
    return *text != '\0' && text[strspn(text, digits)] == '\0';
}

// The base of an integer, which begins at *ret_digits; 0: it is none.
static int base_of(const char *text, const char **ret_digits) {
    *ret_digits = text;
    if (consists_of(skip_sign(text), DIGITS)) return 10;
    *ret_digits = text + 2;
    if (strncmp(text, "0o", 2) == 0 && consists_of(text + 2, "01234567")) return 8;
    if (strncmp(text, "0x", 2) == 0 && consists_of(text + 2, "0123456789abcdefABCDEF")) return 16;
    return 0;
}

static bool is_number(const char *text) {
    const char *at = skip_sign(text);
    size_t      whole = strspn(at, DIGITS);
    at += whole;
    if (*at == '.') {
        size_t part = strspn(at + 1, DIGITS);
        if (whole + part == 0) return false;
        at += 1 + part;
    } else if (whole == 0) {
        return false;
    }
    if (*at != 'e' && *at != 'E') return *at == '\0';
    return consists_of(skip_sign(at + 1), DIGITS);
}

enum yaml_kind yaml_scalar_kind(const char *text) {
    const char *digits;
    if (among(text, NULLS)) return YAML_NULL;
    if (among(text, TRUES) || among(text, FALSES)) return YAML_BOOL;
    if (base_of(text, &digits) != 0) return YAML_INT;
    if (is_number(text) || among(skip_sign(text), INFINITIES) || among(text, NANS))
        return YAML_FLOAT;
    return YAML_STRING;
}

static enum status write_int(struct peeper_writer *writer, const char *text) {
    const char *digits;
    int         base = base_of(text, &digits);
    errno = 0;
    long long value = strtoll(digits, NULL, base);
    if (errno != 0) return STATUS_TOO_LARGE;
    peeper_write_int(writer, value);
    return STATUS_OK;
}

static enum status write_float(struct peeper_writer *writer, const char *text) {
    double value = text[0] == '-' ? -INFINITY : INFINITY;
    if (among(text, NANS)) {
        value = NAN;
    } else if (!among(skip_sign(text), INFINITIES)) {
        value = strtod(text, NULL);
        if (isinf(value)) return STATUS_TOO_LARGE;
    }
    peeper_write_double(writer, value);
    return STATUS_OK;
}

enum status yaml_scalar_write(struct peeper_writer *writer, const char *text) {
    switch (yaml_scalar_kind(text)) {
        case YAML_NULL: peeper_write_null(writer); return STATUS_OK;
        case YAML_BOOL: peeper_write_bool(writer, among(text, TRUES)); return STATUS_OK;
        case YAML_INT: return write_int(writer, text);
        case YAML_FLOAT: return write_float(writer, text);
        case YAML_STRING: break;
    }
    peeper_write_string(writer, text);
    return STATUS_OK;
}
