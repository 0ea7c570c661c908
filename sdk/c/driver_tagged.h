// driver_tagged: Values as the tagged JSON that all drivers speak, and back. null, true and "text"
// are themselves; {"int": "5"}, {"double": "0.1"}, {"bytes": "<base64>"}, [...], {"map": [["key",
// VALUE], ...]}. Bytes that are no Value are told as {"encoded": "<base64>"}.
#pragma once

#include <jansson.h>
#include <peeper/value.h>
#include <stdbool.h>

// Writes what `json` means.   Fails: as the writer does, and false: it means nothing.
bool driver_value_write(struct peeper_writer *writer, const json_t *json);

// Fails: NULL (memory).   Owns: the caller.
json_t *driver_value_json(struct peeper_value value);

// The bytes that a base64 text means; NULL if it is none.   Owns: the caller frees them.
uint8_t *driver_base64(const char *text, size_t *ret_bytes);
