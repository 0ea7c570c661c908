// json: Values and infos as JSON text, by jansson. One shape for the CLI and for HTTP.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "wire/info.h"

#include <peeper/value.h>

#include <jansson.h>
#include <stdbool.h>

// A new JSON value for a checked Value. Ints stay exact. A double that JSON cannot hold (NaN, infinity) becomes the
// string "NaN", "Infinity" or "-Infinity"; bytes become {"$bytes": "<base64>"}; a string keeps embedded NULs.
// Fails: NULL (memory, or not a well-formed Value).   Thread: any.
json_t *json_from_value(struct peeper_value value);

// Writes `json` as one Value; {"$bytes": "<base64>"} becomes bytes. Failures are the writer's.   Thread: any.
void json_to_value(struct peeper_writer *writer, const json_t *json);

// Writes `text` as a Value: parsed if it is JSON (any JSON value, not only objects), else the string itself.
// This is how the CLI reads its arguments.   Thread: any.
void json_argument_to_value(struct peeper_writer *writer, const char *text);

// The resource of one actor: {"name", "unit", "incarnation", "behaviour", "status", "state", "version", "restarts",
// "mailbox", "worker", "host_pid", "turn_ms", "state_at", "last_crash": null | {"kind", "reason", "at"}}.
// Times are RFC 3339 in UTC with milliseconds. Without a state, `state` and `state_at` are null and version is 0 when
// `with_state`; they are left out otherwise (listings).
// Fails: NULL (memory).   Thread: any.
json_t *json_from_actor_info(const struct actor_info *info, bool with_state);
