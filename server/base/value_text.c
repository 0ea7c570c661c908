#include "base/value_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct page {
    char  *room;
    size_t bytes; // without the place of ".." and the NUL
    size_t used;
    bool   full;
};

static void put(struct page *page, const char *text, size_t bytes) {
    size_t left = page->bytes - page->used;
    if (page->full) return;
    page->full = bytes > left;
    if (page->full) bytes = left;
    memcpy(page->room + page->used, text, bytes);
    page->used += bytes;
}

__attribute__((format(printf, 2, 3))) static void print(struct page *page, const char *format,
                                                        ...) {
    char    text[48];
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (bytes > 0) put(page, text, (size_t)bytes < sizeof text ? (size_t)bytes : sizeof text - 1);
}

static void put_string(struct page *page, const char *text, size_t bytes) {
    put(page, "\"", 1);
    put(page, text, bytes);
    put(page, "\"", 1);
}

static void put_value(struct page *page, struct peeper_value value, int depth);

static void put_elements(struct page *page, struct peeper_value value, bool map, int depth) {
    struct peeper_iter iter = peeper_value_iter(value);
    bool               first = true;
    put(page, map ? "{" : "[", 1);
    if (depth == 0) put(page, "..", 2);
    while (depth > 0 && !page->full && peeper_iter_next(&iter)) {
        if (!first) put(page, ", ", 2);
        first = false;
        if (map) {
            put_string(page, iter.key, iter.key_bytes);
            put(page, ": ", 2);
        }
        put_value(page, iter.value, depth - 1);
    }
    put(page, map ? "}" : "]", 1);
}

static void put_value(struct page *page, struct peeper_value value, int depth) {
    bool           truth = false;
    int64_t        number = 0;
    double         real = 0;
    const char    *text = NULL;
    size_t         bytes = 0;
    const uint8_t *data = NULL;
    switch (peeper_value_kind(value)) {
        case PEEPER_NULL: put(page, "null", 4); return;
        case PEEPER_BOOL:
            peeper_value_bool(value, &truth);
            print(page, truth ? "true" : "false");
            return;
        case PEEPER_INT:
            peeper_value_int(value, &number);
            print(page, "%" PRId64, number);
            return;
        case PEEPER_DOUBLE:
            peeper_value_double(value, &real);
            print(page, "%g", real);
            return;
        case PEEPER_STRING:
            peeper_value_string(value, &text, &bytes);
            put_string(page, text, bytes);
            return;
        case PEEPER_BYTES:
            peeper_value_bytes(value, &data, &bytes);
            print(page, "<%zu bytes>", bytes);
            return;
        case PEEPER_LIST: put_elements(page, value, false, depth); return;
        case PEEPER_MAP: put_elements(page, value, true, depth); return;
    }
}

size_t value_text(char *room, size_t room_bytes, struct peeper_value value) {
    struct page page = {.room = room, .bytes = room_bytes - 3};
    put_value(&page, value, VALUE_TEXT_DEPTH_MAX);
    if (page.full) {
        memcpy(room + page.used, "..", 2);
        page.used += 2;
    }
    room[page.used] = '\0';
    return page.used;
}
