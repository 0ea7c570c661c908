#include "keeper/keep.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

enum status keep_create(const struct request *request, struct keep **ret_keep) {
    *ret_keep = NULL;
    if (request->keep == KEEP_ALL) return STATUS_OK;
    CHECK(request->keep == KEEP_LISTED);
    struct keep *keep = malloc(sizeof *keep + request->keep_names.bytes);
    if (keep == NULL) return STATUS_NO_MEMORY;
    keep->bytes = (uint32_t)request->keep_names.bytes;
    if (keep->bytes > 0) memcpy(keep->names, request->keep_names.data, keep->bytes);
    *ret_keep = keep;
    return STATUS_OK;
}

// Adds up a list of names; false where it is none.
static bool read_names(struct peeper_value value, size_t *ret_bytes) {
    if (peeper_value_kind(value) != PEEPER_LIST) return false;
    struct peeper_iter iter = peeper_value_iter(value);
    size_t             count = 0, sum = 0, bytes;
    const char        *text;
    while (peeper_iter_next(&iter)) {
        if (!peeper_value_string(iter.value, &text, &bytes)) return false;
        sum += 1 + bytes;
        if (bytes > KEEP_NAME_BYTES_MAX || ++count > KEEP_NAMES_MAX || sum > KEEP_BYTES_MAX)
            return false;
    }
    *ret_bytes = sum;
    return true;
}

bool keep_read(struct peeper_value value, bool *ret_all, size_t *ret_bytes) {
    bool   all = peeper_value_is(value, "all");
    size_t bytes = 0;
    if (!all && !peeper_value_is(value, "none") && !read_names(value, &bytes)) return false;
    *ret_all = all;
    *ret_bytes = bytes;
    return true;
}

void keep_pack(struct peeper_value value, uint8_t *at) {
    struct peeper_iter iter = peeper_value_iter(value);
    const char        *text;
    size_t             bytes;
    while (peeper_iter_next(&iter)) {
        CHECK(peeper_value_string(iter.value, &text, &bytes));
        *at++ = (uint8_t)bytes;
        memcpy(at, text, bytes);
        at += bytes;
    }
}

void keep_write(struct peeper_writer *writer, bool all, struct slice names) {
    if (all || names.bytes == 0) {
        peeper_write_string(writer, all ? "all" : "none");
        return;
    }
    peeper_write_list(writer);
    for (size_t at = 0; at < names.bytes; at += 1u + names.data[at])
        peeper_write_string_n(writer, (const char *)names.data + at + 1, names.data[at]);
    peeper_write_end(writer);
}
