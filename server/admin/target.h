// target: the path and the query of a request, taken apart and decoded. Strict as http_head is: a
// name that could be understood as a step in a path is refused, encoded once or twice.
// Source: RFC 3986.
#pragma once

#include "admin/http_head.h"

#define TARGET_SEGMENTS_MAX 8u
#define TARGET_PARAMETERS_MAX 16u

struct target_parameter {
    const char *name;
    const char *value;
};

// Texts are terminated and stand in `room`.
struct target {
    const char             *segments[TARGET_SEGMENTS_MAX]; // "v1", "actors", ...; not empty
    unsigned                segment_count;
    struct target_parameter parameters[TARGET_PARAMETERS_MAX];
    unsigned                parameter_count;
    char                    room[HTTP_TARGET_BYTES_MAX + 2];
};

// Fails:  STATUS_PROTOCOL (told in `fault`), STATUS_NOT_FOUND (more segments than any path has, or
//         an empty one), STATUS_INVALID (told in `fault`: more parameters than there are).
// Thread: any.
NODISCARD enum status target_read(struct slice text, struct target *ret_target,
                                  struct http_fault *fault);
