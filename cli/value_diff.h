// value_diff: how two Values differ, as lines for a person.
//
// Maps are compared by key and lists by place, all the way down: only what differs is told, with
// the path to it. "- .stock[2]: 7" is what the first has, "+ .stock[2]: 8" what the second has.
#pragma once

#include <peeper/value.h>

#include <stdbool.h>
#include <stdio.h>

// Whether they differ; `out` gets a line for each difference and side. Bytes that are no Value are
// compared as bytes.
// Fails: -1 when memory ran out.   Thread: any.
int value_diff(FILE *out, struct peeper_value first, struct peeper_value second);
