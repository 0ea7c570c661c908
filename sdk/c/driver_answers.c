#include "driver_answers.h"

#include "driver_tagged.h"

#include <inttypes.h>
#include <stdio.h>

// --- Fields --------------------------------------------------------------------------------------

static void put(json_t *json, const char *name, json_t *value) {
    json_object_set_new(json, name, value);
}

static void put_text(json_t *json, const char *name, const char *text) {
    if (text != NULL && text[0] != '\0') put(json, name, json_string(text));
}

static void put_id(json_t *json, const char *name, uint64_t number) {
    char text[32];
    if (number == 0) return;
    snprintf(text, sizeof text, "%" PRIu64, number);
    put(json, name, json_string(text));
}

static void put_int(json_t *json, const char *name, int64_t number) {
    if (number != 0) put(json, name, json_integer(number));
}

static void put_flag(json_t *json, const char *name, bool flag) {
    if (flag) put(json, name, json_true());
}

static void put_value(json_t *json, const char *name, struct peeper_value value) {
    if (value.bytes != 0) put(json, name, driver_value_json(value));
}

static void put_texts(json_t *json, const char *name, const char *const *texts, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(list, json_string(texts[i]));
    put(json, name, list);
}

// --- Answers -------------------------------------------------------------------------------------

json_t *driver_none_json(const struct peeper_answer *answer) {
    (void)answer;
    return json_object();
}

// A redrive of what was no call has none.
json_t *driver_reply_json(const struct peeper_answer *answer) {
    json_t *json = json_object();
    if (answer->reply.bytes != 0 || answer->replied)
        put(json, "payload", driver_value_json(answer->reply));
    return json;
}

json_t *driver_started_json(const struct peeper_answer *answer) {
    const struct peeper_started *started = &answer->started;
    json_t                      *json = json_object();
    put_id(json, "id", started->id);
    put_id(json, "unit", started->unit);
    put_text(json, "name", started->name);
    put_id(json, "monitor", started->monitor);
    put_flag(json, "ignored", started->ignored);
    put_value(json, "info", started->info);
    return json;
}

json_t *driver_ref_json(const struct peeper_answer *answer) {
    json_t *json = json_object();
    put_id(json, "ref", answer->ref);
    return json;
}

json_t *driver_located_json(const struct peeper_answer *answer) {
    json_t *json = json_object();
    put_id(json, "id", answer->located);
    return json;
}

static json_t *state_of(struct peeper_value value, uint64_t version, uint64_t at_ms) {
    json_t *json = json_object();
    put_value(json, "value", value);
    put_id(json, "version", version);
    put_id(json, "at_ms", at_ms);
    return json;
}

static json_t *last_crash_of(const struct peeper_actor *actor) {
    json_t *json = json_object();
    put_text(json, "kind", actor->crash_kind);
    put_value(json, "reason", actor->crash_reason);
    put_id(json, "at_ms", actor->crash_at_ms);
    put_text(json, "message", actor->crash_message);
    put_texts(json, "backtrace", actor->crash_backtrace, actor->crash_backtrace_lines);
    put_id(json, "id", actor->crash_id);
    return json;
}

static json_t *step_of(uint64_t from, uint64_t to, uint64_t at_ms) {
    json_t *json = json_object();
    put_id(json, "from", from);
    put_id(json, "to", to);
    put_id(json, "at_ms", at_ms);
    return json;
}

static void put_place(json_t *json, const struct peeper_actor *actor) {
    put_int(json, "worker", actor->worker);
    put_int(json, "host_pid", actor->host_pid);
    put_id(json, "turn_ms", actor->turn_ms);
    put_flag(json, "suspended", actor->suspended);
    put_text(json, "supervisor", actor->supervisor);
    put_flag(json, "is_supervisor", actor->is_supervisor);
    put_text(json, "strategy", actor->strategy);
    put_text(json, "awaits", actor->awaits);
    put_flag(json, "hibernating", actor->hibernating);
    put(json, "isolation", json_string(actor->own_host ? "own" : "shared"));
    put_flag(json, "quarantined", actor->quarantined);
}

static json_t *actor_of(const struct peeper_actor *actor) {
    json_t *json = json_object();
    put_text(json, "name", actor->name);
    put_text(json, "behaviour", actor->behaviour);
    put_text(json, "status", actor->status);
    put_id(json, "unit", actor->unit);
    put_id(json, "incarnation", actor->incarnation);
    put_id(json, "restarts", actor->restarts);
    put_int(json, "mailbox", actor->mailbox);
    put_place(json, actor);
    put_int(json, "timers", actor->timers);
    put_int(json, "links", actor->links);
    put_int(json, "monitors", actor->monitors);
    put_flag(json, "trap_exit", actor->trap_exit);
    put_int(json, "watchers", actor->watchers);
    put_id(json, "events_dropped", actor->events_dropped);
    put_id(json, "newest_version", actor->newest_version);
    put_text(json, "version", actor->code_version);
    put_text(json, "code_refused", actor->code_refused);
    put_int(json, "tables", actor->tables);
    put_id(json, "table_bytes", actor->table_bytes);
    if (actor->has_state)
        put(json, "state", state_of(actor->state, actor->version, actor->state_at_ms));
    if (actor->stepped_from != 0) {
        put(json, "stepped_back",
            step_of(actor->stepped_from, actor->stepped_to, actor->stepped_at_ms));
    }
    if (actor->has_crash) put(json, "last_crash", last_crash_of(actor));
    return json;
}

json_t *driver_listing_json(const struct peeper_answer *answer) {
    json_t *json = json_object(), *list = json_array();
    for (size_t i = 0; i < answer->listing.count; i++)
        json_array_append_new(list, actor_of(&answer->listing.actors[i]));
    put(json, "actors", list);
    put_id(json, "next", answer->listing.next);
    return json;
}

json_t *driver_actor_json(const struct peeper_answer *answer) {
    return actor_of(&answer->listing.actors[0]);
}

json_t *driver_state_json(const struct peeper_answer *answer) {
    const struct peeper_state *state = &answer->state;
    json_t                    *json = state_of(state->value, state->version, state->at_ms);
    put_id(json, "turn", state->turn);
    return json;
}

json_t *driver_generations_json(const struct peeper_answer *answer) {
    json_t *json = json_object(), *list = json_array();
    for (size_t i = 0; i < answer->generations.count; i++) {
        const struct peeper_generation *one = &answer->generations.generations[i];
        json_t                         *row = json_object();
        put_id(row, "version", one->version);
        put_id(row, "at_ms", one->at_ms);
        put_id(row, "turn", one->turn);
        put_id(row, "bytes", one->bytes);
        json_array_append_new(list, row);
    }
    put(json, "generations", list);
    put_int(json, "kept", answer->generations.kept);
    return json;
}

static json_t *child_of(const struct peeper_child *child) {
    json_t *json = json_object();
    put_text(json, "id", child->id);
    put_text(json, "name", child->name);
    put_text(json, "behaviour", child->behaviour);
    put_text(json, "status", child->status);
    put_id(json, "incarnation", child->incarnation);
    put_id(json, "unit", child->unit);
    put_id(json, "restarts", child->restarts);
    put_int(json, "mailbox", child->mailbox);
    put_text(json, "restart", child->restart);
    put_flag(json, "significant", child->significant);
    put_flag(json, "supervisor", child->supervisor);
    put_int(json, "children", child->children);
    put_text(json, "strategy", child->strategy);
    return json;
}

json_t *driver_children_json(const struct peeper_answer *answer) {
    json_t *json = json_object(), *list = json_array();
    for (size_t i = 0; i < answer->children.count; i++)
        json_array_append_new(list, child_of(&answer->children.children[i]));
    put(json, "children", list);
    put_id(json, "next", answer->children.next);
    return json;
}

json_t *driver_counts_json(const struct peeper_answer *answer) {
    json_t *json = json_object();
    put_int(json, "specs", answer->child_counts.specs);
    put_int(json, "active", answer->child_counts.active);
    put_int(json, "supervisors", answer->child_counts.supervisors);
    put_int(json, "workers", answer->child_counts.workers);
    return json;
}

json_t *driver_prepared_json(const struct peeper_answer *answer) {
    json_t *json = json_object();
    put_id(json, "handle", answer->prepared.handle);
    put_int(json, "valid_ms", answer->prepared.valid_ms);
    return json;
}

static json_t *crash_of(const struct peeper_crash *crash) {
    json_t *json = json_object();
    put_id(json, "crash", crash->id);
    put_text(json, "name", crash->name);
    put_id(json, "unit", crash->unit);
    put_id(json, "incarnation", crash->incarnation);
    put_text(json, "behaviour", crash->behaviour);
    put_text(json, "version", crash->version);
    put_text(json, "kind", crash->kind);
    put_value(json, "reason", crash->reason);
    put_text(json, "message", crash->message);
    put_texts(json, "backtrace", crash->backtrace, crash->backtrace_lines);
    put_text(json, "turn", crash->turn);
    put_value(json, "payload", crash->payload);
    put_id(json, "payload_bytes", crash->payload_bytes);
    put_flag(json, "payload_cut", crash->payload_cut);
    put_id(json, "state_version", crash->state_version);
    put_int(json, "host_pid", crash->host_pid);
    put_id(json, "at_ms", crash->at_ms);
    put_int(json, "attempts", crash->attempts);
    put_flag(json, "message_set_aside", crash->message_set_aside);
    put_int(json, "redriven", crash->redriven);
    return json;
}

json_t *driver_crashes_json(const struct peeper_answer *answer) {
    json_t *json = json_object(), *list = json_array();
    for (size_t i = 0; i < answer->crashes.count; i++)
        json_array_append_new(list, crash_of(&answer->crashes.crashes[i]));
    put(json, "reports", list);
    put_id(json, "next", answer->crashes.next);
    return json;
}

json_t *driver_crash_json(const struct peeper_answer *answer) {
    return crash_of(&answer->crashes.crashes[0]);
}

json_t *driver_behaviours_json(const struct peeper_answer *answer) {
    json_t *json = json_object(), *list = json_array();
    for (size_t i = 0; i < answer->behaviours.count; i++) {
        const struct peeper_behaviour_info *one = &answer->behaviours.behaviours[i];
        json_t                             *row = json_object();
        put_text(row, "name", one->name);
        put_text(row, "version", one->version);
        put_text(row, "kind", one->kind);
        put_texts(row, "callbacks", one->callbacks, one->callback_count);
        put_id(row, "actors", one->actors);
        put_text(row, "file", one->file);
        put_flag(row, "current", one->current);
        json_array_append_new(list, row);
    }
    put(json, "behaviours", list);
    return json;
}

static json_t *refusals_of(const struct peeper_upgrade_report *report) {
    json_t *list = json_array();
    for (size_t i = 0; i < report->refusal_count; i++) {
        json_t *row = json_object();
        put_text(row, "name", report->refusals[i].name);
        put_id(row, "unit", report->refusals[i].unit);
        put_text(row, "reason", report->refusals[i].reason);
        json_array_append_new(list, row);
    }
    return list;
}

json_t *driver_upgraded_json(const struct peeper_answer *answer) {
    const struct peeper_upgrade_report *report = &answer->upgraded;
    json_t                             *json = json_object();
    put_text(json, "behaviour", report->behaviour);
    put_text(json, "from", report->from);
    put_text(json, "to", report->to);
    put_id(json, "changed", report->changed);
    put_id(json, "moved", report->moved);
    put_id(json, "refused", report->refused);
    put_id(json, "gone", report->gone);
    put_id(json, "left", report->left);
    put(json, "refusals", refusals_of(report));
    put_id(json, "took_ms", report->took_ms);
    put_flag(json, "dry_run", report->dry_run);
    put_text(json, "stopped", report->stopped);
    return json;
}

json_t *driver_tables_json(const struct peeper_answer *answer) {
    json_t *json = json_object(), *list = json_array();
    for (size_t i = 0; i < answer->tables.count; i++) {
        const struct peeper_table *table = &answer->tables.tables[i];
        json_t                    *row = json_object();
        put_text(row, "name", table->name);
        put_flag(row, "ordered", table->ordered);
        put_flag(row, "private", table->is_private);
        put_flag(row, "heir", table->heir);
        put_int(row, "rows", table->rows);
        put_id(row, "bytes", table->bytes);
        json_array_append_new(list, row);
    }
    put(json, "tables", list);
    return json;
}

json_t *driver_rows_json(const struct peeper_answer *answer) {
    json_t *json = json_object(), *list = json_array();
    for (size_t i = 0; i < answer->rows.count; i++) {
        json_t *row = json_object();
        put_value(row, "key", answer->rows.rows[i].key);
        put_value(row, "value", answer->rows.rows[i].value);
        json_array_append_new(list, row);
    }
    put(json, "rows", list);
    put_value(json, "next", answer->rows.next);
    return json;
}

// --- What is told otherwise ----------------------------------------------------------------------

json_t *driver_error_json(const struct peeper_error *error) {
    json_t *json = json_object();
    // Those that the client finds by itself begin there.
    bool local = error->status >= PEEPER_STATUS_UNREACHABLE;
    put(json, local ? "local" : "status", json_string(peeper_status_name(error->status)));
    put(json, "message", json_string(error->message));
    put(json, "retryable", json_boolean(error->retryable));
    put(json, "retry_after_ms", json_integer(error->retry_after_ms));
    put(json, "reason", error->reason.bytes != 0 ? driver_value_json(error->reason) : json_null());
    put(json, "kind", json_string(error->kind != NULL ? error->kind : ""));
    return json;
}

static void put_watched(json_t *json, const struct peeper_event *event) {
    put_id(json, "ref", event->ref);
    put_text(json, "name", event->name);
    put_id(json, "unit", event->unit);
}

static void put_end(json_t *json, const struct peeper_event *event) {
    put_id(json, "id", event->id);
    put_text(json, "name", event->name);
    put_value(json, "reason", event->reason);
}

static void put_change(json_t *json, const struct peeper_event *event) {
    put_watched(json, event);
    put_id(json, "version", event->version);
    put_id(json, "at_ms", event->at_ms);
    put_value(json, "value", event->value);
    if (!event->has_old) return;
    json_t *old = json_object();
    put_value(old, "value", event->old);
    put(json, "old", old);
}

static void put_progress(json_t *json, const struct peeper_event *event) {
    put_text(json, "behaviour", event->name);
    put_id(json, "done", event->done);
    put_id(json, "total", event->total);
    put_id(json, "refused", event->refused);
}

static const char *put_event(json_t *json, const struct peeper_event *event) {
    switch (event->kind) {
        case PEEPER_EVENT_DOWN:
            put_id(json, "ref", event->ref);
            put_end(json, event);
            return "down";
        case PEEPER_EVENT_EXIT: put_end(json, event); return "exit";
        case PEEPER_EVENT_CHANGED: put_change(json, event); return "changed";
        case PEEPER_EVENT_ENDED:
            put_watched(json, event);
            put_value(json, "reason", event->reason);
            put_id(json, "version", event->version);
            put_value(json, "value", event->value);
            return "ended";
        case PEEPER_EVENT_GAP:
            put_watched(json, event);
            put_id(json, "first_version", event->first_version);
            put_id(json, "last_version", event->version);
            return "gap";
        case PEEPER_EVENT_STEPPED_BACK:
            put_watched(json, event);
            put(json, "step", step_of(event->version, event->older_version, event->at_ms));
            put_id(json, "missed", event->missed);
            return "stepped_back";
        case PEEPER_EVENT_PROGRESS: put_progress(json, event); return "upgrade_progress";
    }
    return "unknown";
}

json_t *driver_event_json(const struct peeper_event *event) {
    json_t *json = json_object();
    put(json, "event", json_string(put_event(json, event)));
    return json;
}

json_t *driver_welcome_json(const struct peeper_welcome *welcome) {
    json_t *json = json_object(), *limits = json_object();
    put_int(json, "protocol_version", welcome->protocol_version);
    put_text(json, "server_version", welcome->server_version);
    put_int(limits, "frame_bytes_max", welcome->frame_bytes_max);
    put_int(limits, "name_bytes_max", welcome->name_bytes_max);
    put_int(limits, "deadline_ms_max", welcome->deadline_ms_max);
    put_int(limits, "mailbox_max", welcome->mailbox_max);
    put(json, "limits", limits);
    return json;
}
