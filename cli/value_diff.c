#include "value_diff.h"

#include "wire/json.h"

#include <stdlib.h>
#include <string.h>

struct diff {
    FILE  *out;
    char  *path; // owned
    size_t bytes;
    size_t capacity;
    bool   differs;
    bool   failed;
};

// --- The path ------------------------------------------------------------------------------------

static void append(struct diff *diff, const char *text) {
    size_t bytes = strlen(text);
    if (diff->bytes + bytes + 1 > diff->capacity) {
        size_t capacity = 2 * (diff->bytes + bytes + 1);
        char  *path = realloc(diff->path, capacity);
        if (path == NULL) {
            diff->failed = true;
            return;
        }
        diff->path = path;
        diff->capacity = capacity;
    }
    memcpy(diff->path + diff->bytes, text, bytes + 1);
    diff->bytes += bytes;
}

static void leave(struct diff *diff, size_t bytes) {
    diff->bytes = bytes;
    if (diff->path != NULL) diff->path[bytes] = '\0';
}

static bool plain_key(const char *key, size_t bytes) {
    static const char LETTERS[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    for (size_t i = 0; i < bytes; i++) {
        if (key[i] == '\0' || strchr(LETTERS, key[i]) == NULL) return false;
    }
    return bytes > 0;
}

// ".key", or ["a key"] where it is no plain word.
static void append_key(struct diff *diff, const char *key, size_t bytes) {
    char *text = NULL;
    if (plain_key(key, bytes)) {
        if (asprintf(&text, ".%.*s", (int)bytes, key) < 0) text = NULL;
    } else {
        json_t *json = json_stringn(key, bytes);
        char   *quoted = json == NULL ? NULL : json_dumps(json, JSON_ENCODE_ANY);
        if (quoted != NULL && asprintf(&text, "[%s]", quoted) < 0) text = NULL;
        free(quoted);
        json_decref(json);
    }
    if (text == NULL) diff->failed = true;
    if (text != NULL) append(diff, text);
    free(text);
}

static void append_index(struct diff *diff, size_t index) {
    char text[32];
    snprintf(text, sizeof text, "[%zu]", index);
    append(diff, text);
}

// --- Lines ---------------------------------------------------------------------------------------

static void tell(struct diff *diff, char sign, struct peeper_value value) {
    json_t *json = json_from_value(value);
    char   *text = json == NULL ? NULL : json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    diff->differs = true;
    if (text == NULL) {
        diff->failed = true;
    } else {
        fprintf(diff->out, "%c %s: %s\n", sign, diff->bytes == 0 ? "." : diff->path, text);
    }
    free(text);
    json_decref(json);
}

static bool same(struct peeper_value first, struct peeper_value second) {
    return first.bytes == second.bytes &&
           (first.bytes == 0 || memcmp(first.data, second.data, first.bytes) == 0);
}

// --- Structure -----------------------------------------------------------------------------------

static void compare(struct diff *diff, struct peeper_value first, struct peeper_value second);

// A map that is asked for keys. Those of two states mostly stand in the same order, so it looks on
// from where the last one was.
struct looked_up {
    struct peeper_value map;
    struct peeper_iter  at;
};

static struct looked_up look_up_in(struct peeper_value map) {
    return (struct looked_up){map, peeper_value_iter(map)};
}

static bool scan(struct peeper_iter *iter, const char *key, size_t bytes) {
    while (peeper_iter_next(iter)) {
        if (iter->key_bytes == bytes && memcmp(iter->key, key, bytes) == 0) return true;
    }
    return false;
}

static bool find(struct looked_up *in, const char *key, size_t bytes,
                 struct peeper_value *ret_value) {
    struct peeper_iter iter = in->at;
    bool               found = scan(&iter, key, bytes);
    if (!found) {
        iter = peeper_value_iter(in->map);
        found = scan(&iter, key, bytes);
    }
    if (!found) return false;
    in->at = iter;
    *ret_value = iter.value;
    return true;
}

static void compare_maps(struct diff *diff, struct peeper_value first, struct peeper_value second) {
    struct peeper_iter  iter = peeper_value_iter(first);
    struct looked_up    in_first = look_up_in(first), in_second = look_up_in(second);
    struct peeper_value other;
    size_t              before = diff->bytes;
    while (peeper_iter_next(&iter)) {
        append_key(diff, iter.key, iter.key_bytes);
        if (find(&in_second, iter.key, iter.key_bytes, &other)) {
            compare(diff, iter.value, other);
        } else {
            tell(diff, '-', iter.value);
        }
        leave(diff, before);
    }
    iter = peeper_value_iter(second);
    while (peeper_iter_next(&iter)) {
        if (find(&in_first, iter.key, iter.key_bytes, &other)) continue;
        append_key(diff, iter.key, iter.key_bytes);
        tell(diff, '+', iter.value);
        leave(diff, before);
    }
}

static void compare_lists(struct diff *diff, struct peeper_value first,
                          struct peeper_value second) {
    struct peeper_iter left = peeper_value_iter(first);
    struct peeper_iter right = peeper_value_iter(second);
    size_t             before = diff->bytes;
    for (size_t i = 0;; i++) {
        bool in_first = peeper_iter_next(&left);
        bool in_second = peeper_iter_next(&right);
        if (!in_first && !in_second) return;
        append_index(diff, i);
        if (in_first && in_second) {
            compare(diff, left.value, right.value);
        } else {
            tell(diff, in_first ? '-' : '+', in_first ? left.value : right.value);
        }
        leave(diff, before);
    }
}

static void compare(struct diff *diff, struct peeper_value first, struct peeper_value second) {
    if (same(first, second)) return;
    enum peeper_kind kind = peeper_value_kind(first);
    bool             alike = kind == peeper_value_kind(second);
    if (alike && kind == PEEPER_MAP) {
        compare_maps(diff, first, second);
    } else if (alike && kind == PEEPER_LIST) {
        compare_lists(diff, first, second);
    } else {
        tell(diff, '-', first);
        tell(diff, '+', second);
    }
}

int value_diff(FILE *out, struct peeper_value first, struct peeper_value second) {
    struct diff diff = {.out = out};
    if (peeper_value_check(first) && peeper_value_check(second)) {
        compare(&diff, first, second);
    } else if (!same(first, second)) {
        fprintf(out, "- .: %zu bytes that are no value\n+ .: %zu bytes that are no value\n",
                first.bytes, second.bytes);
        diff.differs = true;
    }
    free(diff.path);
    return diff.failed ? -1 : diff.differs;
}
