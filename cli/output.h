// output: what a person or a program gets to read. Results on stdout, errors on stderr.
#pragma once

#include "command.h"

#include <jansson.h>

// Prints one value as a line of JSON. Bytes that are no Value become {"$bytes": "<base64>"}.
// Fails: EXIT_CODE_REFUSED (memory), told on stderr.   Thread: main.
enum exit_code output_value(struct peeper_value value);

// Prints what start answered: {"name": .., "incarnation": .., "unit": ..}.
enum exit_code output_started(const struct peeper_started *started);

// Prints the end of an incarnation: {"name": .., "incarnation": .., "reason": ..}.
enum exit_code output_event(const struct peeper_event *event);

// Prints "ok".
enum exit_code output_ok(void);

// Prints an id as a JSON number.
enum exit_code output_id(uint64_t id);

// Prints all that is known about an actor, as indented JSON.
enum exit_code output_actor(const struct peeper_actor *actor);

// Prints one page of actors: a line of JSON for each, or rows of a table. `widths` has room for the
// widest table, zero before the first page: later pages keep the columns of the earlier ones.
#define OUTPUT_COLUMNS 7
enum exit_code output_listing(const struct peeper_listing *listing, bool json,
                              int widths[OUTPUT_COLUMNS]);

// Prints one page of crashes likewise / one crash as indented JSON.
enum exit_code output_crashes(const struct peeper_crashes *crashes, bool json,
                              int widths[OUTPUT_COLUMNS]);
enum exit_code output_crash(const struct peeper_crash *crash);

// Prints generations: a line of JSON for each, or rows of a table.
enum exit_code output_generations(const struct peeper_generations *generations, bool json);

// Prints one page of a supervisor's children, as output_listing() does with actors.
enum exit_code output_children(const struct peeper_children *children, bool json,
                               int widths[OUTPUT_COLUMNS]);

// Prints {"specs": .., "active": .., "supervisors": .., "workers": ..}.
enum exit_code output_child_counts(const struct peeper_child_counts *counts);

// A value as JSON; bytes that are no Value as in output_value().   Fails: NULL, without memory.
json_t *output_value_json(struct peeper_value value);

// Prints a line of JSON.
// Owns:  takes `json`; NULL stands for memory that ran out.
enum exit_code output_json_line(json_t *json);

// Prints indented JSON.
// Owns:  takes `json`; NULL stands for memory that ran out.
enum exit_code output_json(json_t *json);

// Prints an error, its status first, then reason, kind and advice, and answers its exit code. A
// crash tells the actor, `target` (NULL before there is one), and what it was in the first line:
// `CRASHED: MyServer: raise "boom"`.
enum exit_code output_error(const struct peeper_error *error, const struct peeper_target *target);
