// Any text may be read; what it means is a well-formed Value, and every field of it has a line.
#include "base/check.h"
#include "wire/yaml_value.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void look_up(struct slice text, struct peeper_value value, char *path, size_t room,
                    int depth) {
    size_t             at = strlen(path);
    struct peeper_iter iter = peeper_value_iter(value);
    bool               map = peeper_value_kind(value) == PEEPER_MAP;
    CHECK(yaml_line(text, slice_of(path, at)) >= 1);
    for (unsigned i = 0; i < 3 && depth < DEPTH_MAX && peeper_iter_next(&iter); i++) {
        if (map) {
            snprintf(path + at, room - at, "%s%.*s", at == 0 ? "" : ".", (int)iter.key_bytes,
                     iter.key);
        } else {
            snprintf(path + at, room - at, "[%u]", i);
        }
        look_up(text, iter.value, path, room, depth + 1);
        path[at] = '\0';
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    struct peeper_writer writer = {0};
    struct yaml_fault    fault = {0};
    char                 path[200] = "";
    struct slice         text = slice_of(data, bytes);
    enum status          status = yaml_to_value(text, &writer, &fault);
    if (status == STATUS_OK) {
        CHECK(peeper_value_check(peeper_writer_value(&writer)));
        look_up(text, peeper_writer_value(&writer), path, sizeof path, 0);
    } else if (status == STATUS_BAD_SPEC) {
        CHECK(fault.line >= 1);
        CHECK(fault.message[0] != '\0');
    }
    // What cannot be read is asked for lines all the same.
    CHECK(yaml_line(text, slice_of("children[1].id", 14)) >= 1);
    CHECK(yaml_line(text, text) >= 1);
    peeper_writer_fini(&writer);
    return 0;
}
