#include "base/utf8.h"
#include "base/value_tag.h"

#include <endian.h>

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

// One field: a varint or double is in `number`, anything else in `body`. Tag 0: there was none.
struct field {
    uint64_t            tag;
    uint64_t            number;
    struct peeper_value body;
};

static struct cursor cursor_of(struct peeper_value value) {
    // No arithmetic on the NULL that an empty Value may hold.
    return (struct cursor){.at = value.data,
                           .end = value.bytes == 0 ? value.data : value.data + value.bytes};
}

static size_t left(const struct cursor *in) {
    return (size_t)(in->end - in->at);
}

// More than one byte: up to ten, minimal or not, as long as the number has 64 bits.
static bool read_long_varint(struct cursor *in, uint64_t *ret_number) {
    uint64_t number = 0;
    for (uint32_t shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        if (shift == 63 && byte > 1) return false;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_number = number;
            return true;
        }
    }
    return false;
}

// Inline, here and below, for the compiler's taste only: it makes checking a third faster.
static inline bool read_varint(struct cursor *in, uint64_t *ret_number) {
    if (in->at < in->end && *in->at < 0x80) {
        *ret_number = *in->at++;
        return true;
    }
    return read_long_varint(in, ret_number);
}

static bool read_fixed64(struct cursor *in, uint64_t *ret_number) {
    uint64_t little;
    if (left(in) < sizeof little) return false;
    memcpy(&little, in->at, sizeof little);
    in->at += sizeof little;
    *ret_number = le64toh(little);
    return true;
}

static inline bool read_body(struct cursor *in, struct peeper_value *ret_body) {
    uint64_t bytes;
    if (!read_varint(in, &bytes)) return false;
    if (bytes > left(in)) return false;
    *ret_body = (struct peeper_value){.data = in->at, .bytes = (size_t)bytes};
    in->at += bytes;
    return true;
}

// Groups and 32-bit fields are refused with the rest that no message of ours has.
static inline bool read_field(struct cursor *in, struct field *ret_field) {
    if (!read_varint(in, &ret_field->tag)) return false;
    switch (ret_field->tag & 7) {
        case 0: return read_varint(in, &ret_field->number);
        case 1: return read_fixed64(in, &ret_field->number);
        case 2: return read_body(in, &ret_field->body);
        default: return false;
    }
}

static bool is_value_tag(uint64_t tag) {
    static const uint8_t TAGS[] = {TAG_NULL,   TAG_BOOL,  TAG_INT,  TAG_DOUBLE,
                                   TAG_STRING, TAG_BYTES, TAG_LIST, TAG_MAP};
    return tag >= TAG_NULL && tag <= TAG_MAP && TAGS[(tag >> 3) - 1] == tag;
}

// The field that counts in a Value: the last one, as in every oneof. Tag 0 for null by absence.
static bool last_field(struct peeper_value value, struct field *ret_field) {
    struct cursor in = cursor_of(value);
    ret_field->tag = 0;
    while (in.at < in.end) {
        if (!read_field(&in, ret_field)) return false;
        if (!is_value_tag(ret_field->tag)) return false;
    }
    return true;
}

static bool field_of(struct peeper_value value, uint64_t tag, struct field *ret_field) {
    return last_field(value, ret_field) && ret_field->tag == tag;
}

// Key and value of a map entry; either may be missing or stand first.
static bool read_entry(struct peeper_value entry, struct peeper_value *ret_key,
                       struct peeper_value *ret_value) {
    struct cursor in = cursor_of(entry);
    struct field  field;
    bool          valued = false;
    *ret_key = *ret_value = (struct peeper_value){0};
    while (in.at < in.end) {
        if (!read_field(&in, &field)) return false;
        if (field.tag == TAG_KEY) {
            *ret_key = field.body;
        } else if (field.tag == TAG_VALUE && !valued) {
            *ret_value = field.body;
            valued = true;
        } else {
            return false;
        }
    }
    return true;
}

static bool check_value(struct peeper_value value, uint32_t levels);

static bool check_list(struct peeper_value list, uint32_t levels) {
    struct cursor in = cursor_of(list);
    struct field  field;
    if (levels == 0) return false;
    while (in.at < in.end) {
        if (!read_field(&in, &field)) return false;
        if (field.tag != TAG_ELEMENT) return false;
        if (!check_value(field.body, levels - 1)) return false;
    }
    return true;
}

static bool check_map(struct peeper_value map, uint32_t levels) {
    struct cursor in = cursor_of(map);
    struct field  field;
    if (levels == 0) return false;
    while (in.at < in.end) {
        struct peeper_value key, value;
        if (!read_field(&in, &field)) return false;
        if (field.tag != TAG_ELEMENT) return false;
        if (!read_entry(field.body, &key, &value)) return false;
        if (!utf8_check(key.data, key.bytes)) return false;
        if (!check_value(value, levels - 1)) return false;
    }
    return true;
}

// Recursion is bounded by `levels`, hence by PEEPER_VALUE_DEPTH_MAX.
static bool check_value(struct peeper_value value, uint32_t levels) {
    struct cursor in = cursor_of(value);
    struct field  field;
    uint64_t      before = 0;
    while (in.at < in.end) {
        if (!read_field(&in, &field)) return false;
        if (!is_value_tag(field.tag)) return false;
        if (field.tag == TAG_STRING && !utf8_check(field.body.data, field.body.bytes)) return false;
        if (field.tag == TAG_LIST || field.tag == TAG_MAP) {
            // protobuf would merge the two, which a borrowed view cannot show.
            if (field.tag == before) return false;
            if (field.tag == TAG_LIST && !check_list(field.body, levels)) return false;
            if (field.tag == TAG_MAP && !check_map(field.body, levels)) return false;
        }
        before = field.tag;
    }
    return true;
}

bool value_check_levels(struct peeper_value value, uint32_t levels) {
    return value.bytes <= VALUE_BYTES_MAX && check_value(value, levels);
}

bool peeper_value_check(struct peeper_value value) {
    return value_check_levels(value, PEEPER_VALUE_DEPTH_MAX);
}

enum peeper_kind peeper_value_kind(struct peeper_value value) {
    struct field field;
    if (!last_field(value, &field) || field.tag == 0) return PEEPER_NULL;
    // The kinds stand in the order of the field numbers.
    return (enum peeper_kind)((field.tag >> 3) - 1);
}

bool peeper_value_bool(struct peeper_value value, bool *ret_value) {
    struct field field;
    if (!field_of(value, TAG_BOOL, &field)) return false;
    *ret_value = field.number != 0;
    return true;
}

static int64_t unzigzag(uint64_t number) {
    return (int64_t)((number >> 1) ^ (0 - (number & 1)));
}

bool peeper_value_int(struct peeper_value value, int64_t *ret_value) {
    struct field field;
    if (!field_of(value, TAG_INT, &field)) return false;
    *ret_value = unzigzag(field.number);
    return true;
}

bool peeper_value_double(struct peeper_value value, double *ret_value) {
    struct field field;
    if (!last_field(value, &field)) return false;
    if (field.tag == TAG_INT) {
        *ret_value = (double)unzigzag(field.number);
        return true;
    }
    if (field.tag != TAG_DOUBLE) return false;
    memcpy(ret_value, &field.number, sizeof *ret_value);
    return true;
}

bool peeper_value_string(struct peeper_value value, const char **ret_text, size_t *ret_bytes) {
    struct field field;
    if (!field_of(value, TAG_STRING, &field)) return false;
    *ret_text = (const char *)field.body.data;
    *ret_bytes = field.body.bytes;
    return true;
}

bool peeper_value_bytes(struct peeper_value value, const uint8_t **ret_data, size_t *ret_bytes) {
    struct field field;
    if (!field_of(value, TAG_BYTES, &field)) return false;
    *ret_data = field.body.data;
    *ret_bytes = field.body.bytes;
    return true;
}

bool peeper_value_is(struct peeper_value value, const char *text) {
    struct field field;
    if (!field_of(value, TAG_STRING, &field)) return false;
    return field.body.bytes == strlen(text) && memcmp(field.body.data, text, field.body.bytes) == 0;
}

struct peeper_iter peeper_value_iter(struct peeper_value value) {
    struct peeper_iter iter = {.key = ""};
    struct field       field;
    if (last_field(value, &field) && (field.tag == TAG_LIST || field.tag == TAG_MAP)) {
        iter.rest = field.body;
        iter.map = field.tag == TAG_MAP;
    }
    return iter;
}

bool peeper_iter_next(struct peeper_iter *iter) {
    struct cursor in = cursor_of(iter->rest);
    struct field  field;
    if (in.at == in.end) return false;
    // Bytes that were not checked end the walk where they go wrong.
    iter->rest = (struct peeper_value){0};
    if (!read_field(&in, &field) || field.tag != TAG_ELEMENT) return false;

    struct peeper_value key = {0};
    struct peeper_value value = field.body;
    if (iter->map && !read_entry(field.body, &key, &value)) return false;
    iter->key = key.bytes == 0 ? "" : (const char *)key.data;
    iter->key_bytes = key.bytes;
    iter->value = value;
    iter->rest = (struct peeper_value){.data = in.at, .bytes = left(&in)};
    return true;
}

size_t peeper_value_count(struct peeper_value value) {
    struct peeper_iter iter = peeper_value_iter(value);
    size_t             count = 0;
    while (peeper_iter_next(&iter)) count++;
    return count;
}

bool peeper_value_at(struct peeper_value list, size_t index, struct peeper_value *ret_value) {
    struct peeper_iter iter = peeper_value_iter(list);
    if (iter.map) return false;
    while (peeper_iter_next(&iter)) {
        if (index-- == 0) {
            *ret_value = iter.value;
            return true;
        }
    }
    return false;
}

bool peeper_value_get_n(struct peeper_value map, const char *key, size_t key_bytes,
                        struct peeper_value *ret_value) {
    struct peeper_iter iter = peeper_value_iter(map);
    bool               found = false;
    if (!iter.map) return false;
    while (peeper_iter_next(&iter)) {
        if (iter.key_bytes != key_bytes) continue;
        if (key_bytes > 0 && memcmp(iter.key, key, key_bytes) != 0) continue;
        *ret_value = iter.value;
        found = true;
    }
    return found;
}

bool peeper_value_get(struct peeper_value map, const char *key, struct peeper_value *ret_value) {
    return peeper_value_get_n(map, key, strlen(key), ret_value);
}
