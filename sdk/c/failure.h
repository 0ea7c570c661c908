// failure: makes struct peeper_error from statuses, the server's and the client's own.
#pragma once

#include <peeper/client.h>

#include <stdbool.h>

#define NODISCARD __attribute__((warn_unused_result))

// The status with this wire number; INTERNAL for a number that this client does not know.
// Thread: any.
enum peeper_status status_of_wire(int wire);

// An error with the advice of the table and `message` (borrowed; NULL: the status' own text).
// Thread: any.
struct peeper_error error_of(enum peeper_status status, const char *message);
