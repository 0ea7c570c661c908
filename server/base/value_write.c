#include "base/utf8.h"
#include "base/value_tag.h"

#include <endian.h>
#include <stdlib.h>

#define WRITER_BYTES_MIN 256
#define VARINT_BYTES_MAX 10
// A tag and a length, which VALUE_BYTES_MAX keeps within five bytes.
#define PREFIX_BYTES_MAX 6
// A container is opened with a tag and a length of one byte; peeper_write_end makes more room if it
// needs more.
#define OPEN_BYTES 2

static size_t varint_bytes(uint64_t number) {
    size_t bytes = 1;
    while (number >= 0x80) {
        number >>= 7;
        bytes++;
    }
    return bytes;
}

static uint8_t *put_varint(uint8_t *room, uint64_t number) {
    while (number >= 0x80) {
        *room++ = (uint8_t)(number | 0x80);
        number >>= 7;
    }
    *room++ = (uint8_t)number;
    return room;
}

static bool grow(struct peeper_writer *writer, size_t bytes) {
    if (bytes > VALUE_BYTES_MAX - writer->bytes) return false;
    size_t capacity = writer->capacity < WRITER_BYTES_MIN ? WRITER_BYTES_MIN : writer->capacity;
    while (capacity < writer->bytes + bytes) capacity *= 2;
    uint8_t *data = realloc(writer->data, capacity);
    if (data == NULL) return false;
    writer->data = data;
    writer->capacity = capacity;
    return true;
}

// Room for `bytes` at the end; NULL, and the writer failed, if there is none.
static uint8_t *reserve(struct peeper_writer *writer, size_t bytes) {
    if (writer->failed) return NULL;
    if (writer->capacity - writer->bytes < bytes && !grow(writer, bytes)) {
        writer->failed = true;
        return NULL;
    }
    return writer->data + writer->bytes;
}

static void advance(struct peeper_writer *writer, const uint8_t *end) {
    writer->bytes = (size_t)(end - writer->data);
}

static bool in_map(const struct peeper_writer *writer) {
    return writer->depth > 0 && writer->kinds[writer->depth - 1] == PEEPER_MAP;
}

// Sets the length, so far one byte in front of `start`, of what was written since.
static void close_length(struct peeper_writer *writer, size_t start) {
    size_t bytes = writer->bytes - start;
    size_t more = varint_bytes(bytes) - 1;
    if (reserve(writer, more) == NULL) return;
    uint8_t *body = writer->data + start;
    if (more > 0) memmove(body + more, body, bytes);
    put_varint(body - 1, bytes);
    writer->bytes += more;
}

// Begins a Value of `bytes` bytes at the present place and answers where they go; NULL on failure.
static uint8_t *begin_value(struct peeper_writer *writer, size_t bytes) {
    bool placed = writer->depth == 0 ? !writer->rooted
                                     : !in_map(writer) || writer->entry[writer->depth - 1] != 0;
    if (!placed) writer->failed = true;
    uint8_t *room = reserve(writer, bytes + PREFIX_BYTES_MAX);
    if (room == NULL) return NULL;

    writer->rooted = true;
    if (writer->depth == 0) return room;
    *room++ = in_map(writer) ? TAG_VALUE : TAG_ELEMENT;
    return put_varint(room, bytes);
}

// Ends a Value; in a map that completes the entry.
static void end_value(struct peeper_writer *writer) {
    if (!in_map(writer)) return;
    close_length(writer, writer->entry[writer->depth - 1]);
    writer->entry[writer->depth - 1] = 0;
}

static void write_number(struct peeper_writer *writer, uint8_t tag, uint64_t number) {
    uint8_t *room = begin_value(writer, 1 + varint_bytes(number));
    if (room == NULL) return;
    *room++ = tag;
    advance(writer, put_varint(room, number));
    end_value(writer);
}

static void write_run(struct peeper_writer *writer, uint8_t tag, const void *data, size_t bytes) {
    // Larger sums could wrap before reserve() sees them.
    if (bytes > VALUE_BYTES_MAX) writer->failed = true;
    if (writer->failed) return;
    uint8_t *room = begin_value(writer, 1 + varint_bytes(bytes) + bytes);
    if (room == NULL) return;
    *room++ = tag;
    room = put_varint(room, bytes);
    if (bytes > 0) memcpy(room, data, bytes);
    advance(writer, room + bytes);
    end_value(writer);
}

static void open_container(struct peeper_writer *writer, uint8_t tag, enum peeper_kind kind) {
    if (writer->depth == PEEPER_VALUE_DEPTH_MAX) writer->failed = true;
    uint8_t *room = begin_value(writer, OPEN_BYTES);
    if (room == NULL) return;
    *room++ = tag;
    *room++ = 0;
    advance(writer, room);
    writer->open[writer->depth] = writer->bytes;
    writer->entry[writer->depth] = 0;
    writer->kinds[writer->depth] = (uint8_t)kind;
    writer->depth++;
}

void peeper_write_null(struct peeper_writer *writer) {
    write_number(writer, TAG_NULL, 1);
}

void peeper_write_bool(struct peeper_writer *writer, bool value) {
    write_number(writer, TAG_BOOL, value);
}

void peeper_write_int(struct peeper_writer *writer, int64_t value) {
    // Zigzag: the sign goes to the lowest bit.
    write_number(writer, TAG_INT, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

void peeper_write_double(struct peeper_writer *writer, double value) {
    uint64_t number;
    memcpy(&number, &value, sizeof number);
    number = htole64(number);
    uint8_t *room = begin_value(writer, 1 + sizeof number);
    if (room == NULL) return;
    *room++ = TAG_DOUBLE;
    memcpy(room, &number, sizeof number);
    advance(writer, room + sizeof number);
    end_value(writer);
}

void peeper_write_string(struct peeper_writer *writer, const char *text) {
    peeper_write_string_n(writer, text, strlen(text));
}

void peeper_write_string_n(struct peeper_writer *writer, const char *text, size_t bytes) {
    if (!writer->failed && bytes <= VALUE_BYTES_MAX && !utf8_check(text, bytes))
        writer->failed = true;
    write_run(writer, TAG_STRING, text, bytes);
}

void peeper_write_bytes(struct peeper_writer *writer, const void *data, size_t bytes) {
    write_run(writer, TAG_BYTES, data, bytes);
}

void peeper_write_value(struct peeper_writer *writer, struct peeper_value value) {
    if (writer->failed) return;
    if (value.bytes == 0) {
        peeper_write_null(writer);
        return;
    }
    if (!value_check_levels(value, PEEPER_VALUE_DEPTH_MAX - writer->depth)) writer->failed = true;
    uint8_t *room = begin_value(writer, value.bytes);
    if (room == NULL) return;
    memcpy(room, value.data, value.bytes);
    advance(writer, room + value.bytes);
    end_value(writer);
}

void peeper_write_list(struct peeper_writer *writer) {
    open_container(writer, TAG_LIST, PEEPER_LIST);
}

void peeper_write_map(struct peeper_writer *writer) {
    open_container(writer, TAG_MAP, PEEPER_MAP);
}

void peeper_write_key(struct peeper_writer *writer, const char *key) {
    peeper_write_key_n(writer, key, strlen(key));
}

void peeper_write_key_n(struct peeper_writer *writer, const char *key, size_t bytes) {
    if (writer->failed) return;
    bool expected = in_map(writer) && writer->entry[writer->depth - 1] == 0;
    if (!expected || bytes > VALUE_BYTES_MAX || !utf8_check(key, bytes)) writer->failed = true;
    uint8_t *room = reserve(writer, OPEN_BYTES + PREFIX_BYTES_MAX + bytes);
    if (room == NULL) return;

    *room++ = TAG_ELEMENT;
    *room++ = 0;
    writer->entry[writer->depth - 1] = (size_t)(room - writer->data);
    *room++ = TAG_KEY;
    room = put_varint(room, bytes);
    if (bytes > 0) memcpy(room, key, bytes);
    advance(writer, room + bytes);
}

void peeper_write_end(struct peeper_writer *writer) {
    bool expected = writer->depth > 0 && !(in_map(writer) && writer->entry[writer->depth - 1] != 0);
    if (!expected) writer->failed = true;
    if (writer->failed) return;

    size_t start = writer->open[--writer->depth];
    close_length(writer, start);
    if (writer->depth == 0) return;
    // Inside another container this one's Value has a length too; it starts at the tag of the
    // container.
    close_length(writer, start - OPEN_BYTES);
    end_value(writer);
}

bool peeper_writer_done(const struct peeper_writer *writer) {
    return !writer->failed && writer->rooted && writer->depth == 0;
}

struct peeper_value peeper_writer_value(const struct peeper_writer *writer) {
    return (struct peeper_value){.data = writer->data, .bytes = writer->bytes};
}

void peeper_writer_reset(struct peeper_writer *writer) {
    writer->bytes = 0;
    writer->depth = 0;
    writer->failed = false;
    writer->rooted = false;
}

void peeper_writer_fini(struct peeper_writer *writer) {
    free(writer->data);
    *writer = (struct peeper_writer){0};
}
