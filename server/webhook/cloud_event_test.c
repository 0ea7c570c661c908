#include "webhook/cloud_event.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(cloud_event, .timeout = 10);

static const struct cloud_event_origin ORIGIN = {
    .source = "https://example.com/shop", .life = 0xabc, .told_ms = 1700000000123, .sequence = 7};

// The body of an event of the wire, and what it is.
static json_t *made(const char *body, const char *json, const char *type) {
    struct codec_json_answer answer = {
        .body = body, .event = true, .json = json_loads(json, 0, NULL)};
    enum cloud_event_kind kind = cloud_event_kind(&answer);
    struct slice          name;
    char                 *text;
    cr_assert(kind < CLOUD_EVENT_KINDS);
    cr_assert_str_eq(cloud_event_type(kind), type);
    cr_assert(cloud_event_make(&answer, kind, &ORIGIN, &text, &name) == STATUS_OK);
    cr_assert(name.bytes == 4 && memcmp(name.data, "hits", 4) == 0);
    json_t *event = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(event, "%s", text);
    free(text);
    json_decref(answer.json);
    return event;
}

static void has(const json_t *event, const char *name, const char *text) {
    const char *found = json_string_value(json_object_get(event, name));
    cr_assert_not_null(found, "%s", name);
    cr_assert_str_eq(found, text, "%s is %s", name, found);
}

static void has_data(json_t *event, const char *text) {
    json_t *wanted = json_loads(text, 0, NULL);
    char   *found = json_dumps(json_object_get(event, "data"), JSON_COMPACT);
    cr_assert(json_equal(json_object_get(event, "data"), wanted), "%s", found);
    free(found);
    json_decref(wanted);
    json_decref(event);
}

Test(cloud_event, a_change_has_all_attributes_and_the_states) {
    json_t *event =
        made("changed",
             "{\"name\":\"hits\",\"unit\":3,\"version\":9007199254740993,"
             "\"at\":\"2026-11-24T14:00:01.000Z\",\"value\":{\"n\":2},\"old\":{\"n\":1}}",
             "peeper.state.changed");
    has(event, "specversion", "1.0");
    has(event, "type", "peeper.state.changed");
    has(event, "source", "https://example.com/shop");
    has(event, "subject", "hits");
    has(event, "id", "3:9007199254740993@abc");
    has(event, "time", "2026-11-24T14:00:01.000Z");
    has(event, "datacontenttype", "application/json");
    cr_assert(json_object_size(event) == 8);
    has_data(event, "{\"name\":\"hits\",\"unit\":3,\"version\":9007199254740993,"
                    "\"value\":{\"n\":2},\"old\":{\"n\":1}}");
}

Test(cloud_event, an_end_has_its_reason_the_time_it_was_told_and_another_id_than_the_change) {
    json_t *event = made("ended",
                         "{\"name\":\"hits\",\"unit\":3,\"reason\":\"normal\",\"version\":5,"
                         "\"value\":2}",
                         "peeper.actor.terminated");
    has(event, "id", "3:5:end@abc");
    has(event, "time", "2023-11-14T22:13:20.123Z");
    has_data(event, "{\"name\":\"hits\",\"unit\":3,\"reason\":\"normal\",\"version\":5,"
                    "\"value\":2}");
}

Test(cloud_event, a_gap_names_the_versions) {
    const char *json = "{\"name\":\"hits\",\"unit\":3,\"first_version\":5,\"last_version\":9}";
    json_t     *event = made("gap", json, "peeper.gap");
    has(event, "id", "3:9:gap:7@abc");
    has_data(event, json);
}

Test(cloud_event, a_step_back_has_its_own_time) {
    const char *json = "{\"name\":\"hits\",\"unit\":3,\"step\":{\"from\":9,\"to\":8,"
                       "\"at\":\"2026-11-24T14:00:01.000Z\"},\"missed\":0}";
    json_t     *event = made("stepped_back", json, "peeper.stepped_back");
    has(event, "id", "3:8:from:9:7@abc");
    has(event, "time", "2026-11-24T14:00:01.000Z");
    has_data(event, json);
}

Test(cloud_event, a_lost_watch_is_a_gap_without_a_subject) {
    char *text;
    cr_assert(cloud_event_make_lost(&ORIGIN, &text) == STATUS_OK);
    json_t *event = json_loads(text, 0, NULL);
    has(event, "type", "peeper.gap");
    has(event, "id", "0:0:gap:7@abc");
    cr_assert_null(json_object_get(event, "subject"));
    json_decref(event);
    free(text);
}

Test(cloud_event, nothing_else_that_a_client_is_pushed_is_told) {
    static const char *const bodies[] = {"down", "exit", "goodbye", "upgrade_progress", "reply"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct codec_json_answer answer = {.body = bodies[i], .event = true};
        cr_assert(cloud_event_kind(&answer) == CLOUD_EVENT_KINDS);
    }
}
