// value: reads and writes the bytes of a peeper.v1.Value without building a tree.
//
// A Value is null, bool, int (64 bits), double, string (UTF-8), bytes, list or map (string keys).
// Its bytes are the protobuf encoding of peeper.v1.Value, so every protobuf library can read them.
// Reading never allocates; writing allocates only to grow the writer's buffer. Used by behaviours,
// by the C SDK and by the server.
// Source: proto/peeper/v1/value.proto.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEEPER_VALUE_DEPTH_MAX 64

enum peeper_kind {
    PEEPER_NULL,
    PEEPER_BOOL,
    PEEPER_INT,
    PEEPER_DOUBLE,
    PEEPER_STRING,
    PEEPER_BYTES,
    PEEPER_LIST,
    PEEPER_MAP,
};

// A borrowed view of one encoded Value. Zero bytes are null.
struct peeper_value {
    const uint8_t *data;
    size_t         bytes;
};

// Whether the bytes are a whole, well-formed Value: known kinds, UTF-8 strings and keys, depth <=
// 64, below 2 GiB. Any legal encoding is: varints that are not minimal, an entry with its value
// first, without a value (null) or without a key (""). Of several kinds in one Value the last
// counts. Refused, because what they mean would be lost: fields that this version does not know,
// and a list or map in two pieces, which protobuf would have to merge. Every other reader below
// expects a checked Value, and is safe with any bytes: it answers false or null where they are
// malformed, but does not look at UTF-8 and depth again.   Thread: any.
bool peeper_value_check(struct peeper_value value);

enum peeper_kind peeper_value_kind(struct peeper_value value);

// Each answers false, and leaves the out-parameter alone, where the Value is of another kind. An
// int is also a double.
// Shape: strings and bytes point into the Value and are not terminated.   Thread: any.
bool peeper_value_bool(struct peeper_value value, bool *ret_value);
bool peeper_value_int(struct peeper_value value, int64_t *ret_value);
bool peeper_value_double(struct peeper_value value, double *ret_value);
bool peeper_value_string(struct peeper_value value, const char **ret_text, size_t *ret_bytes);
bool peeper_value_bytes(struct peeper_value value, const uint8_t **ret_data, size_t *ret_bytes);

// True if the Value is a string equal to the terminated `text`.
bool peeper_value_is(struct peeper_value value, const char *text);

// Walks a list or a map:
//     struct peeper_iter iter = peeper_value_iter(list);
//     while (peeper_iter_next(&iter)) use(iter.value);
// In a map `key` is set too; in a list it has 0 bytes. Other kinds have no elements.
struct peeper_iter {
    struct peeper_value value;
    const char         *key;
    size_t              key_bytes;
    struct peeper_value rest; // private
    bool                map;  // private
};
struct peeper_iter peeper_value_iter(struct peeper_value value);
bool               peeper_iter_next(struct peeper_iter *iter);

// Elements of a list or a map; 0 for other kinds.
size_t peeper_value_count(struct peeper_value value);

// The element at `index` of a list; false if there is none.
bool peeper_value_at(struct peeper_value list, size_t index, struct peeper_value *ret_value);

// The value of `key` in a map (the last one if it stands twice); false if there is none.
bool peeper_value_get(struct peeper_value map, const char *key, struct peeper_value *ret_value);
bool peeper_value_get_n(struct peeper_value map, const char *key, size_t key_bytes,
                        struct peeper_value *ret_value);

// Builds one Value. Zero it to begin; `data`/`bytes` hold the result when it is complete.
// Failures are sticky: after one, writes do nothing and `failed` is true. Reasons: memory, more
// than 64 levels, two roots, a key outside a map or missing inside one, an unmatched end, a string
// that is not UTF-8, a copied Value that is not well-formed or would nest too deep, 2 GiB.
// The result is canonical protobuf: minimal lengths, keys before values. Null is written out, never
// as zero bytes.
struct peeper_writer {
    uint8_t *data; // owned
    size_t   bytes;
    size_t   capacity;
    uint32_t depth; // open lists and maps
    bool     failed;
    // private
    bool   rooted;
    size_t open[PEEPER_VALUE_DEPTH_MAX]; // offset where each open container's body starts
    // offset of the entry that waits for its value; 0 if none
    size_t  entry[PEEPER_VALUE_DEPTH_MAX];
    uint8_t kinds[PEEPER_VALUE_DEPTH_MAX];
};

void peeper_write_null(struct peeper_writer *writer);
void peeper_write_bool(struct peeper_writer *writer, bool value);
void peeper_write_int(struct peeper_writer *writer, int64_t value);
void peeper_write_double(struct peeper_writer *writer, double value);
// `text` is terminated / has `bytes` bytes of UTF-8.
void peeper_write_string(struct peeper_writer *writer, const char *text);
void peeper_write_string_n(struct peeper_writer *writer, const char *text, size_t bytes);
void peeper_write_bytes(struct peeper_writer *writer, const void *data, size_t bytes);
// Copies a whole encoded Value after checking it.
void peeper_write_value(struct peeper_writer *writer, struct peeper_value value);
void peeper_write_list(struct peeper_writer *writer);
void peeper_write_map(struct peeper_writer *writer);
// The key of the next value of the open map.
void peeper_write_key(struct peeper_writer *writer, const char *key);
void peeper_write_key_n(struct peeper_writer *writer, const char *key, size_t bytes);
// Closes the innermost list or map.
void peeper_write_end(struct peeper_writer *writer);

// True if exactly one whole Value was written.
bool peeper_writer_done(const struct peeper_writer *writer);
// The Value so far; borrowed until the next write.
struct peeper_value peeper_writer_value(const struct peeper_writer *writer);
// Empties the writer and keeps its memory / frees its memory.
void peeper_writer_reset(struct peeper_writer *writer);
void peeper_writer_fini(struct peeper_writer *writer);

#ifdef __cplusplus
}
#endif
