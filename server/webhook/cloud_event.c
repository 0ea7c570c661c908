#include "webhook/cloud_event.h"

#include "wire/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_BYTES 160

static const struct {
    const char *body; // in an event of the wire
    const char *type;
} KINDS[CLOUD_EVENT_KINDS] = {
    [CLOUD_EVENT_CHANGED] = {"changed", "peeper.state.changed"},
    [CLOUD_EVENT_TERMINATED] = {"ended", "peeper.actor.terminated"},
    [CLOUD_EVENT_GAP] = {"gap", "peeper.gap"},
    [CLOUD_EVENT_STEPPED_BACK] = {"stepped_back", "peeper.stepped_back"},
};

const char *cloud_event_type(enum cloud_event_kind kind) {
    return KINDS[kind].type;
}

enum cloud_event_kind cloud_event_kind(const struct codec_json_answer *answer) {
    int kind = 0;
    while (kind < CLOUD_EVENT_KINDS && strcmp(KINDS[kind].body, answer->body) != 0) kind++;
    return (enum cloud_event_kind)kind;
}

static uint64_t number(const json_t *json, const char *name) {
    return (uint64_t)json_integer_value(json_object_get(json, name));
}

// The same for the same event whenever it is posted, and for no other: source and id are what a
// receiver knows repeats by.
static void write_id(char room[static ID_BYTES], const json_t *json, enum cloud_event_kind kind,
                     const struct cloud_event_origin *origin) {
    uint64_t      unit = number(json, "unit");
    const json_t *step = json_object_get(json, "step");
    char          what[96] = "";
    switch (kind) {
        case CLOUD_EVENT_CHANGED:
            snprintf(what, sizeof what, "%" PRIu64, number(json, "version"));
            break;
        case CLOUD_EVENT_TERMINATED:
            snprintf(what, sizeof what, "%" PRIu64 ":end", number(json, "version"));
            break;
        case CLOUD_EVENT_STEPPED_BACK:
            snprintf(what, sizeof what, "%" PRIu64 ":from:%" PRIu64 ":%" PRIu64, number(step, "to"),
                     number(step, "from"), origin->sequence);
            break;
        default:
            snprintf(what, sizeof what, "%" PRIu64 ":gap:%" PRIu64, number(json, "last_version"),
                     origin->sequence);
            break;
    }
    snprintf(room, ID_BYTES, "%" PRIu64 ":%s@%" PRIx64, unit, what, origin->life);
}

// All that the event says but its time, which has its own place.
static json_t *data_of(const json_t *json) {
    json_t *data = json_copy((json_t *)json);
    if (data != NULL) json_object_del(data, "at");
    return data;
}

static json_t *time_of(const json_t *json, const struct cloud_event_origin *origin) {
    json_t *at = json_object_get(json, "at");
    if (at == NULL) at = json_object_get(json_object_get(json, "step"), "at");
    return json_is_string(at) ? json_incref(at) : json_from_time(origin->told_ms);
}

static enum status make(const json_t *json, enum cloud_event_kind kind,
                        const struct cloud_event_origin *origin, char **ret_body) {
    char        id[ID_BYTES];
    json_t     *name = json_object_get(json, "name");
    const char *subject = json_string_value(name);
    write_id(id, json, kind, origin);
    json_t *event = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:o}", "specversion", "1.0", "type",
                              KINDS[kind].type, "source", origin->source, "id", id, "time",
                              time_of(json, origin), "datacontenttype", "application/json", "data",
                              data_of(json));
    // An attribute must not be empty.
    bool whole = event != NULL;
    if (whole && subject != NULL && subject[0] != '\0')
        whole = json_object_set(event, "subject", name) == 0;
    char *body = whole ? json_dumps(event, JSON_COMPACT) : NULL;
    json_decref(event);
    if (body == NULL) return STATUS_NO_MEMORY;
    *ret_body = body;
    return STATUS_OK;
}

enum status cloud_event_make(const struct codec_json_answer *answer, enum cloud_event_kind kind,
                             const struct cloud_event_origin *origin, char **ret_body,
                             struct slice *ret_name) {
    enum status status = make(answer->json, kind, origin, ret_body);
    if (status != STATUS_OK) return status;
    const json_t *name = json_object_get(answer->json, "name");
    *ret_name = slice_of(json_string_value(name), json_string_length(name));
    return STATUS_OK;
}

enum status cloud_event_make_lost(const struct cloud_event_origin *origin, char **ret_body) {
    json_t     *json = json_pack("{s:s, s:i, s:i, s:i}", "name", "", "unit", 0, "first_version", 0,
                                 "last_version", 0);
    enum status status =
        json == NULL ? STATUS_NO_MEMORY : make(json, CLOUD_EVENT_GAP, origin, ret_body);
    json_decref(json);
    return status;
}
