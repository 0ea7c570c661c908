// value_text: a Value as one line of text for a person, cut where it is too deep or too long. It
// reads no more of the Value than it shows, and takes no memory.
#pragma once

#include <peeper/value.h>

#include <stddef.h>

#define VALUE_TEXT_DEPTH_MAX 10 // what is nested deeper shows as [..] or {..}

// Writes `value` into `room`, like JSON: bytes, for which JSON has no form, show as <N bytes>,
// doubles in short. What does not fit is left out, and the text then ends with "..". Safe with any
// bytes, also with those that are no Value.
// Returns the bytes written; `room` (at least 4 bytes) is terminated. The text may hold control
// characters and half a UTF-8 sequence: quote it before it goes into a log.   Thread: any.
size_t value_text(char *room, size_t room_bytes, struct peeper_value value);
