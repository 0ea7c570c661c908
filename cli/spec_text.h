// spec_text: what an operator writes for a spec: JSON, the name of a file with JSON in it, or "-"
// for stdin. Whether it is a spec is for the server to say.
#pragma once

#include <peeper/value.h>

#include <stdbool.h>
#include <stddef.h>

#define SPEC_TEXT_WHY_BYTES 512

// Writes the spec as one Value. What begins with { or [ is JSON, all else names a file.
// Fails: false, with the reason in `why`; place and line where it is JSON that is wrong.
// Thread: main.
bool spec_text_read(const char *text, struct peeper_writer *writer, char *why, size_t why_bytes);
