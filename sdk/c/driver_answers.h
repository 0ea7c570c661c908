// driver_answers: what the C SDK answers, as JSON with the field names of the protocol. Defaults
// are left out, 64 bits are texts.
#pragma once

#include <jansson.h>
#include <peeper/client.h>

// The caller owns what they answer.
json_t *driver_none_json(const struct peeper_answer *answer);
json_t *driver_reply_json(const struct peeper_answer *answer);
json_t *driver_started_json(const struct peeper_answer *answer);
json_t *driver_ref_json(const struct peeper_answer *answer);
json_t *driver_located_json(const struct peeper_answer *answer);
json_t *driver_listing_json(const struct peeper_answer *answer);
json_t *driver_actor_json(const struct peeper_answer *answer);
json_t *driver_state_json(const struct peeper_answer *answer);
json_t *driver_generations_json(const struct peeper_answer *answer);
json_t *driver_children_json(const struct peeper_answer *answer);
json_t *driver_counts_json(const struct peeper_answer *answer);
json_t *driver_prepared_json(const struct peeper_answer *answer);
json_t *driver_crashes_json(const struct peeper_answer *answer);
json_t *driver_crash_json(const struct peeper_answer *answer);
json_t *driver_behaviours_json(const struct peeper_answer *answer);
json_t *driver_upgraded_json(const struct peeper_answer *answer);
json_t *driver_tables_json(const struct peeper_answer *answer);
json_t *driver_rows_json(const struct peeper_answer *answer);

json_t *driver_error_json(const struct peeper_error *error);
json_t *driver_event_json(const struct peeper_event *event);
json_t *driver_welcome_json(const struct peeper_welcome *welcome);
