// json: Values and infos as JSON text, by jansson. One shape for the CLI and for HTTP.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "wire/info.h"

#include <peeper/value.h>

#include <jansson.h>
#include <stdbool.h>

// A new JSON value for a checked Value. Ints stay exact. A double that JSON cannot hold (NaN,
// infinity) becomes the string "NaN", "Infinity" or "-Infinity"; bytes become {"$bytes":
// "<base64>"}; a string keeps embedded NULs.
// Fails: NULL (memory, or not a well-formed Value).   Thread: any.
json_t *json_from_value(struct peeper_value value);

// Writes `json` as one Value; {"$bytes": "<base64>"} becomes bytes. Failures are the writer's; two
// are added: `json` is NULL, and text under "$bytes" that is not base64 (RFC 4648, padded).
// Thread: any.
void json_to_value(struct peeper_writer *writer, const json_t *json);

// Writes `text` as a Value: parsed if it is JSON (any JSON value, not only objects), else the
// string itself. This is how the CLI reads its arguments. JSON that no Value can hold fails the
// writer: an int over 64 bits, a double over its range, more than 64 levels.   Thread: any.
void json_argument_to_value(struct peeper_writer *writer, const char *text);

// As json_from_value; bytes that are no Value, in a behaviour's own encoding, are shown as bytes.
// Fails: NULL (memory).   Thread: any.
json_t *json_from_payload(struct slice payload);

// Milliseconds since 1970 as RFC 3339 in UTC; null for 0.   Fails: NULL (memory).   Thread: any.
json_t *json_from_time(uint64_t at_ms);

// The resource of one actor: {"name", "unit", "incarnation", "behaviour", "status", "state",
// "version", "restarts", "mailbox", "worker", "host_pid", "turn_ms", "supervisor": null | text,
// "is_supervisor", "strategy": null | text, "suspended", "awaits": null | string, "hibernating",
// "timers", "links", "monitors", "trap_exit", "newest_version", "state_at", "tables",
// "table_bytes", "stepped_back": null | {"from", "to", "at"}, "last_crash": null | {"kind",
// "reason", "at", "crash", and what the crash log still has: "message", "backtrace"}}. Times are
// RFC 3339 in UTC with milliseconds. Without a state, `state` and `state_at` are null and version
// is 0 when `with_state`; they are left out otherwise (listings), as
// what is said of tables. A state or reason that is no Value is shown as bytes.
// Fails: NULL (memory, or a name that is not UTF-8).   Thread: any.
json_t *json_from_actor_info(const struct actor_info *info, bool with_state);

// One generation: {"version", "at", "turn", "bytes"}.   Fails: NULL (memory).   Thread: any.
json_t *json_from_generation(const struct generation_info *generation);

// One crash: {"crash", "name", "unit", "incarnation", "behaviour", "version", "kind", "reason",
// "message", "backtrace": [lines], "turn", "payload", "payload_bytes", "payload_cut",
// "state_version", "host_pid", "at", "attempts", "message_set_aside", "redriven"}. Without a
// message (no message did it, or a listing: not `with_payload`) there is no "payload"; of a cut one
// it is bytes.
// Fails: NULL (memory, or a name that is not UTF-8).   Thread: any.
json_t *json_from_crash_report(const struct crash_report *report, bool with_payload);

// One table: {"name", "ordered", "private", "heir", "rows", "bytes"}.
// Fails: NULL (memory, or a name that is not UTF-8).   Thread: any.
json_t *json_from_table(const struct table_info *table);

// One row: {"key", "value"}.   Fails: NULL (memory).   Thread: any.
json_t *json_from_row(const struct row_info *row);

// A key as a string of JSON text, that json_argument_to_value() reads; null for no key.
// Fails: NULL (memory).   Thread: any.
json_t *json_from_key(struct slice key);
