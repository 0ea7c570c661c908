// yaml_scalar: what an unquoted word of YAML is, by the core schema of YAML 1.2.
//
// So `no` and `on` are strings, as everywhere but in YAML 1.1, and 010 is ten.
// Source: https://yaml.org/spec/1.2.2/, section 10.3.2.
#pragma once

#include "base/status.h"

#include <peeper/value.h>

enum yaml_kind { YAML_NULL, YAML_BOOL, YAML_INT, YAML_FLOAT, YAML_STRING };

// `text` is terminated.   Thread: any.
enum yaml_kind yaml_scalar_kind(const char *text);

// Writes it as a value of that kind. Failures of the writer are the writer's.
// Fails:  STATUS_TOO_LARGE: no 64-bit integer, or over the range of a double. Thread: any.
NODISCARD enum status yaml_scalar_write(struct peeper_writer *writer, const char *text);
