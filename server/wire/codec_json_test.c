// codec_json, codec_json_request, codec_json_schema and codec_shape.
#include "wire/codec_json.h"

#include "peeper/v1/peeper.pb-c.h"
#include "wire/codec.h"
#include "wire/frame.h"

#include <criterion/criterion.h>
#include <peeper/value.h>

#include <stdlib.h>
#include <string.h>

TestSuite(codec_json, .timeout = 10);

static struct buf              out;
static struct codec_json_fault fault;

// The frame that `members` make, as the server reads it. The codec is never given back.
static struct request asked(const char *verb, const char *members) {
    static struct codec codec;
    struct request      request;
    struct slice        frame;
    size_t              used;
    json_t             *json = json_loads(members, JSON_DECODE_ANY, NULL);
    out.bytes = 0;
    cr_assert_not_null(json);
    cr_assert_eq(codec_json_request(&out, 7, verb, json, &fault), STATUS_OK, "%s", fault.text);
    json_decref(json);
    cr_assert_eq(codec_init(&codec, 1u << 20), STATUS_OK);
    cr_assert_eq(frame_next(out.data, out.bytes, 1u << 20, &frame, &used), STATUS_OK);
    cr_assert_eq(used, out.bytes);
    cr_assert_eq(codec_decode(&codec, frame, &request), STATUS_OK);
    cr_assert_eq(request.id, 7);
    return request;
}

static void refused(const char *verb, const char *members, const char *field) {
    json_t *json = json_loads(members, JSON_DECODE_ANY, NULL);
    out.bytes = 0;
    cr_assert_eq(codec_json_request(&out, 7, verb, json, &fault), STATUS_INVALID, "%s", members);
    cr_assert_eq(out.bytes, 0);
    cr_assert_str_eq(fault.field, field, "%s: %s", members, fault.text);
    cr_assert_eq(strncmp(fault.text, field, strlen(field)), 0);
    json_decref(json);
}

static bool is(struct slice slice, const char *text) {
    return slice.bytes == strlen(text) && memcmp(slice.data, text, slice.bytes) == 0;
}

Test(codec_json, members_become_fields) {
    struct request call =
        asked("call", "{\"name\": \"hits\", \"message\": [1], \"deadline_ms\": 9}");
    cr_assert_eq(call.verb, VERB_CALL);
    cr_assert(is(call.name, "hits"));
    cr_assert_eq(call.limit_ms, 9);
    struct peeper_value message = {.data = call.payload.data, .bytes = call.payload.bytes};
    cr_assert(peeper_value_check(message) && peeper_value_kind(message) == PEEPER_LIST);

    struct request start =
        asked("start", "{\"behaviour\": \"b\", \"restart\": \"permanent\", \"isolation\": \"own\", "
                       "\"intensity\": {\"restarts\": 2, \"period_ms\": 3}, \"step_back\": true, "
                       "\"keep_tables\": {\"names\": [\"t\", \"u\"]}, \"listener\": null}");
    cr_assert_eq(start.restart, PEEPER__V1__RESTART__RESTART_PERMANENT);
    cr_assert_eq(start.isolation, PEEPER__V1__ISOLATION__ISOLATION_OWN);
    cr_assert(start.has_intensity && start.intensity == 2 && start.period_ms == 3);
    cr_assert(start.step_back);
    cr_assert_eq(start.keep, KEEP_LISTED);
}

Test(codec_json, an_at_and_a_number_address_an_incarnation) {
    struct request call = asked("call", "{\"name\": \"@12\", \"message\": null}");
    cr_assert_eq(call.target, 12);
    cr_assert_eq(call.name.bytes, 0);
    struct request child = asked("terminate_child", "{\"name\": \"s\", \"child\": \"@5\"}");
    cr_assert_eq(child.incarnation, 5);
    struct request transfer = asked("transfer", "{\"name\": \"a\", \"target\": \"@6\"}");
    cr_assert_eq(transfer.to_id, 6);
    // The name of a new actor is nobody's yet.
    cr_assert(is(asked("start", "{\"name\": \"@1\", \"behaviour\": \"b\"}").name, "@1"));
}

Test(codec_json, integers_are_exact) {
    cr_assert_eq(asked("show_crash", "{\"crash\": 9007199254740993}").crash, 9007199254740993u);
    cr_assert_eq(asked("show_crash", "{\"crash\": 9223372036854775807}").crash, INT64_MAX);
}

Test(codec_json, refuses_members_that_are_unknown_missing_or_of_another_type) {
    refused("call", "{\"name\": 5, \"message\": 1}", "name");
    refused("call", "{\"message\": 1, \"deadline_ms\": \"5\"}", "deadline_ms");
    refused("call", "{\"message\": 1, \"deadline_ms\": -1}", "deadline_ms");
    refused("call", "{\"message\": 1, \"deadline_ms\": 4294967296}", "deadline_ms");
    refused("call", "{\"message\": 1, \"deadline_ms\": 1.5}", "deadline_ms");
    refused("call", "{\"message\": 1, \"id\": 5}", "id");
    refused("call", "{\"message\": 1, \"payload\": 5}", "payload");
    refused("call", "{}", "message");
    refused("call", "{\"message\": {\"$bytes\": \"%\"}}", "message");
    refused("call", "{\"name\": \"@x\", \"message\": 1}", "name");
    refused("call", "{\"name\": \"@\", \"message\": 1}", "name");
    refused("call", "{\"name\": \"@0\", \"message\": 1}", "name");
    refused("start", "{\"behaviour\": \"b\", \"restart\": \"always\"}", "restart");
    refused("start", "{\"behaviour\": \"b\", \"restart\": \"unspecified\"}", "restart");
    refused("start", "{\"behaviour\": \"b\", \"intensity\": 3}", "intensity");
    refused("start", "{\"behaviour\": \"b\", \"intensity\": {\"restart\": 3}}",
            "intensity.restart");
    refused("start", "{\"behaviour\": \"b\", \"step_back\": 1}", "step_back");
    refused("start", "{\"behaviour\": \"b\", \"link\": true}", "link");
    refused("start", "{\"behaviour\": \"b\", \"keep_tables\": {\"names\": 5}}",
            "keep_tables.names");
    refused("start", "{\"behaviour\": \"b\", \"keep_tables\": {\"names\": [5]}}",
            "keep_tables.names");
    refused("list", "{\"limit\": 0}", "limit");
    refused("list", "{\"limit\": 1001}", "limit");
    refused("deploy", "{\"file\": \"a\", \"content\": \"?\"}", "content");
}

Test(codec_json, reads_parameters_as_the_members_that_they_are) {
    json_t *limit = codec_json_parameter("list", "limit", "12", &fault);
    cr_assert_eq(json_integer_value(limit), 12);
    json_decref(limit);
    json_t *reason = codec_json_parameter("stop", "reason", "[\"a\"]", &fault);
    cr_assert(json_is_array(reason));
    json_decref(reason);
    static const char *const BAD[][3] = {{"list", "limit", "zero"},  {"list", "limit", "-1"},
                                         {"list", "limit", ""},      {"list", "limits", "1"},
                                         {"stop", "reason", "a"},    {"watch", "with_old", "yes"},
                                         {"list", "prefix", "\xff"}, {"start", "link", "true"}};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        cr_assert_null(codec_json_parameter(BAD[i][0], BAD[i][1], BAD[i][2], &fault));
        cr_assert_str_eq(fault.field, BAD[i][1]);
    }
}

static struct codec_json_answer answered(enum status written) {
    struct codec_json_answer answer;
    struct slice             frame;
    size_t                   used;
    cr_assert_eq(written, STATUS_OK);
    cr_assert_eq(frame_next(out.data, out.bytes, 1u << 20, &frame, &used), STATUS_OK);
    cr_assert_eq(codec_json_answer(frame, &answer), STATUS_OK);
    out.bytes = 0;
    return answer;
}

static void looks(struct codec_json_answer answer, const char *wanted) {
    json_t *json = json_loads(wanted, 0, NULL);
    char   *text = json_dumps(answer.json, JSON_COMPACT);
    cr_assert(json_equal(answer.json, json), "%s", text);
    free(text);
    json_decref(json);
    json_decref(answer.json);
}

Test(codec_json, answers_become_json) {
    struct codec_json_answer located = answered(codec_write_located(&out, 5, 12));
    cr_assert_eq(located.id, 5);
    cr_assert_str_eq(located.body, "located");
    looks(located, "{\"incarnation\": 12}");
    looks(answered(codec_write_located(&out, 5, 0)), "{\"incarnation\": null}");
    struct started_info started = {.id = 3, .unit = 4, .name = slice_of("n", 1)};
    looks(answered(codec_write_started(&out, 1, &started)),
          "{\"incarnation\": 3, \"unit\": 4, \"name\": \"n\"}");
    struct generation_info generation = {.version = 1, .turn = 2, .at_ms = 1500, .bytes = 4};
    looks(answered(codec_write_generations(&out, 1, &generation, 1, 2)),
          "{\"generations\": [{\"version\": 1, \"at\": \"1970-01-01T00:00:01.500Z\", \"turn\": 2, "
          "\"bytes\": 4}], \"kept\": 2}");
    looks(answered(codec_write_reply(&out, 1, slice_of("\xff", 1))),
          "{\"reply\": {\"$bytes\": \"/w==\"}}");
}

Test(codec_json, an_error_tells_its_status) {
    struct failure           failure = {.status = STATUS_NOPROC, .retry_after_ms = 7};
    struct codec_json_answer answer = answered(codec_write_error(&out, 1, &failure));
    cr_assert_eq(answer.status, STATUS_NOPROC);
    cr_assert_eq(json_integer_value(json_object_get(answer.json, "retry_after_ms")), 7);
    json_decref(answer.json);
}

// What HTTP has always shown: json_from_actor_info().
Test(codec_json, an_actor_looks_as_json_c_shows_it) {
    struct actor_info        info = {.name = slice_of("n", 1), .status = "running", .unit = 2};
    struct codec_json_answer answer = answered(codec_write_actor_info(&out, 1, &info));
    cr_assert(json_is_null(json_object_get(answer.json, "state")));
    cr_assert(json_is_null(json_object_get(answer.json, "state_at")));
    cr_assert_eq(json_integer_value(json_object_get(answer.json, "version")), 0);
    cr_assert_eq(json_integer_value(json_object_get(answer.json, "unit")), 2);
    cr_assert(json_is_null(json_object_get(answer.json, "awaits")));
    cr_assert(json_is_null(json_object_get(answer.json, "last_crash")));
    json_decref(answer.json);
    answer = answered(codec_write_listing(&out, 1, &info, 1, 0));
    json_t *actor = json_array_get(json_object_get(answer.json, "actors"), 0);
    cr_assert_null(json_object_get(actor, "state"));
    cr_assert_null(json_object_get(actor, "version"));
    cr_assert_null(json_object_get(actor, "tables"));
    cr_assert(json_is_null(json_object_get(answer.json, "next")));
    json_decref(answer.json);
}

Test(codec_json, bytes_that_are_no_frame_are_refused) {
    struct codec_json_answer answer;
    cr_assert_eq(codec_json_answer(slice_of("\xff\xff", 2), &answer), STATUS_PROTOCOL);
    cr_assert_eq(codec_json_answer(slice_of("", 0), &answer), STATUS_PROTOCOL);
}

// Every message has a schema, and each of its properties is a member that is written, too.
Test(codec_json, schemas_and_what_is_written_have_the_same_members) {
    struct actor_info        info = {.name = slice_of("n", 1), .status = "running"};
    struct codec_json_answer answer = answered(codec_write_actor_info(&out, 1, &info));
    json_t                  *schema = codec_json_schema("ActorInfo"), *value;
    json_t                  *properties = json_object_get(schema, "properties");
    const char              *name;
    json_object_foreach(answer.json, name, value) {
        cr_assert_not_null(json_object_get(properties, name), "%s", name);
    }
    cr_assert_eq(json_object_size(properties), json_object_size(answer.json));
    json_decref(schema);
    json_decref(answer.json);
}
