#include "admin/openapi.h"

#include "admin/look.h"
#include "admin/routes.h"
#include "base/status.h"
#include "wire/codec_json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMAS "#/components/schemas/"
#define TYPE_JSON "application/json"

static json_t *reference_to(const char *name) {
    return json_pack("{s:s+}", "$ref", SCHEMAS, name);
}

static json_t *content_of(const char *type, json_t *schema) {
    return json_pack("{s:{s:o}}", type, "schema", schema);
}

// --- Parameters ----------------------------------------------------------------------------------

static json_t *parameter(const char *name, const char *where, bool required, json_t *schema) {
    if (schema == NULL) schema = json_pack("{s:s}", "type", "string");
    return json_pack("{s:s, s:s, s:b, s:o}", "name", name, "in", where, "required", (int)required,
                     "schema", schema);
}

// Values in a query are JSON text.
static json_t *query_schema(const struct route *route, const char *member) {
    json_t *schema = codec_json_member_schema(route->verb, member);
    if (json_object_get(schema, "$ref") == NULL) return schema;
    json_decref(schema);
    return json_pack("{s:s, s:s}", "type", "string", "contentMediaType", TYPE_JSON);
}

static bool in_path(const struct route *route, const char *member) {
    char word[32];
    for (unsigned i = 0; route_word(route, i, word); i++) {
        if (strcmp(word, member) == 0) return true;
    }
    return false;
}

static void add_members(const struct route *route, json_t *parameters) {
    bool        required;
    const char *member;
    for (unsigned i = 0; (member = codec_json_member(route->verb, i, &required)) != NULL; i++) {
        bool prefixed = (route->marks & ROUTE_PREFIXED) != 0 && strcmp(member, "prefix") == 0;
        if (in_path(route, member) || route_lists(route->without, member)) continue;
        json_array_append_new(parameters, parameter(member, "query", required,
                                                    prefixed ? NULL : query_schema(route, member)));
    }
}

static void add_filters(const struct route *route, json_t *parameters) {
    char name[32];
    for (const char *at = route->filters; at != NULL && *at != '\0';) {
        size_t bytes = strcspn(at, " ");
        snprintf(name, sizeof name, "%.*s", (int)bytes, at);
        at += bytes + (at[bytes] == ' ');
        json_array_append_new(parameters, parameter(name, "query", false, NULL));
    }
}

static void add_field(const char *name, json_t *parameters) {
    json_array_append_new(parameters, parameter(name, "header", false, NULL));
}

static json_t *parameters_of(const struct route *route) {
    char    word[32];
    json_t *parameters = json_array();
    bool    asks = route->kind == ROUTE_VERB || route->kind == ROUTE_STREAM;
    for (unsigned i = 0; route_word(route, i, word); i++) {
        json_array_append_new(
            parameters, parameter(word, "path", true, codec_json_member_schema(route->verb, word)));
    }
    if (asks && !route_has_body(route)) add_members(route, parameters);
    add_filters(route, parameters);
    if ((route->marks & ROUTE_TAGGED) != 0) add_field("If-None-Match", parameters);
    if (route->kind == ROUTE_STREAM && (route->marks & ROUTE_PREFIXED) == 0)
        add_field("Last-Event-ID", parameters);
    return parameters;
}

static json_t *body_of(const struct route *route) {
    char    word[32];
    json_t *without = json_object();
    for (unsigned i = 0; route_word(route, i, word); i++) {
        json_object_set_new(without, word, json_true());
    }
    json_t *schema = codec_json_request_schema(route->verb, without);
    bool    required = json_object_get(schema, "required") != NULL;
    json_decref(without);
    return json_pack("{s:b, s:o}", "required", (int)required, "content",
                     content_of(TYPE_JSON, schema));
}

// --- Answers -------------------------------------------------------------------------------------

static json_t *described(const char *text) {
    return json_pack("{s:s}", "description", text);
}

// Of what stands behind `data:`.
static json_t *event_schema(const struct route *route) {
    if (strcmp(route->verb, "monitor") == 0) return reference_to("Down");
    return json_pack("{s:[o, o, o]}", "oneOf", reference_to("Changed"), reference_to("Ended"),
                     reference_to("Gap"));
}

static json_t *good_answer(const struct route *route) {
    json_t *answer = described(route->summary);
    if (route->kind == ROUTE_STREAM) {
        json_object_set_new(answer, "content",
                            content_of("text/event-stream", event_schema(route)));
    } else if (route->member != NULL) {
        json_t *schema = json_pack("{s:s, s:{s:o}, s:[s]}", "type", "object", "properties",
                                   route->member, reference_to("Value"), "required", route->member);
        json_object_set_new(answer, "content", content_of(TYPE_JSON, schema));
    } else if (route->answer != NULL) {
        json_object_set_new(answer, "content", content_of(TYPE_JSON, reference_to(route->answer)));
    } else if (strcmp(route->path, "/metrics") == 0) {
        json_object_set_new(
            answer, "content",
            content_of("application/openmetrics-text", json_pack("{s:s}", "type", "string")));
    } else if (route->kind == ROUTE_TEXT) {
        json_object_set_new(answer, "content",
                            content_of(TYPE_JSON, json_pack("{s:s}", "type", "object")));
    }
    return answer;
}

static void add_problem(json_t *answers, const char *code, const char *text) {
    if (json_object_get(answers, code) != NULL) return;
    json_t *answer = described(text);
    json_object_set_new(answer, "content",
                        content_of("application/problem+json", reference_to("Problem")));
    json_object_set_new(answers, code, answer);
}

static json_t *answers_of(const struct route *route) {
    char    code[8];
    json_t *answers = json_object();
    snprintf(code, sizeof code, "%u", route->code);
    json_object_set_new(answers, code, good_answer(route));
    if (strcmp(route->path, "/v1/crashes/{crash}/redrive") == 0)
        json_object_set_new(answers, "204",
                            described("The message was no call; it was delivered."));
    if ((route->marks & ROUTE_CREATES) != 0 && strcmp(route->verb, "start_supervisor") != 0)
        json_object_set_new(answers, "200", good_answer(route)); // init answered ignore
    if ((route->marks & ROUTE_TAGGED) != 0)
        json_object_set_new(answers, "304", described("The client has it."));
    if ((route->marks & ROUTE_OPEN) == 0) {
        add_problem(answers, "401", "The token is missing or wrong.");
        add_problem(answers, "421", "Host does not name this machine.");
    }
    if (!route_has_body(route) || strchr(route->path, '{') != NULL)
        add_problem(answers, "400", "A parameter is wrong, or the body is no JSON.");
    if (strchr(route->path, '{') != NULL) add_problem(answers, "404", "NOPROC, NOT_FOUND");
    if (route_has_body(route)) {
        add_problem(answers, "400", "The body is no JSON.");
        add_problem(answers, "413", "The body is over the limit.");
        add_problem(answers, "415", "Content-Type is not application/json.");
        add_problem(answers, "422", "A field is unknown, missing or of another type.");
    }
    if (route->method[0] != 'G')
        add_problem(answers, "403", "Origin is not this server; FORBIDDEN");
    add_problem(answers, "default", "Any other failure; `name` tells which.");
    return answers;
}

// --- The document --------------------------------------------------------------------------------

// "postActorsNameCall" of POST /v1/actors/{name}/call.
static void operation_id(const struct route *route, char room[static 96]) {
    size_t used = 0;
    bool   upper = false;
    for (const char *at = route->method; *at != '\0'; at++) room[used++] = (char)tolower(*at);
    const char *path = strncmp(route->path, "/v1", 3) == 0 ? route->path + 3 : route->path;
    for (; *path != '\0' && used + 1 < 96; path++) {
        if (!isalnum((unsigned char)*path)) {
            upper = true;
            continue;
        }
        room[used++] = (char)(upper ? toupper(*path) : *path);
        upper = false;
    }
    room[used] = '\0';
}

// The second segment of its path.
static void tag_of(const struct route *route, char room[static 32]) {
    const char *at = strncmp(route->path, "/v1/", 4) == 0 ? route->path + 4 : "server";
    snprintf(room, 32, "%.*s", (int)strcspn(at, "/"), at);
}

static json_t *operation_of(const struct route *route) {
    char id[96], tag[32];
    operation_id(route, id);
    tag_of(route, tag);
    json_t *operation =
        json_pack("{s:s, s:s, s:[s], s:o, s:o}", "operationId", id, "summary", route->summary,
                  "tags", tag, "parameters", parameters_of(route), "responses", answers_of(route));
    if ((route->kind == ROUTE_VERB) && route_has_body(route))
        json_object_set_new(operation, "requestBody", body_of(route));
    if ((route->marks & ROUTE_OPEN) != 0) json_object_set_new(operation, "security", json_array());
    return operation;
}

static json_t *paths(void) {
    json_t *all = json_object();
    for (const struct route *route = ROUTES; route->method != NULL; route++) {
        char method[16];
        snprintf(method, sizeof method, "%s", route->method);
        for (char *at = method; *at != '\0'; at++) *at = (char)tolower(*at);
        json_t *path = json_object_get(all, route->path);
        if (path == NULL) {
            path = json_object();
            json_object_set_new(all, route->path, path);
        }
        json_object_set_new(path, method, operation_of(route));
    }
    return all;
}

static json_t *problem_schema(void) {
    json_t *names = json_array();
    for (int i = 1; i < STATUS_COUNT; i++) {
        if (status_wire((enum status)i) != status_wire(STATUS_INTERNAL) || i == STATUS_INTERNAL)
            json_array_append_new(names, json_string(status_name((enum status)i)));
    }
    json_t *properties = json_pack(
        "{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:o}, s:{s:s}, s:{s:s}, s:{s:s}, s:o, s:{s:s}, "
        "s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}",
        "type", "type", "string", "title", "type", "string", "status", "type", "integer", "name",
        "type", "string", "enum", names, "detail", "type", "string", "retryable", "type", "boolean",
        "retry_after_ms", "type", "integer", "reason", reference_to("Value"), "kind", "type",
        "string", "field", "type", "string", "line", "type", "integer", "column", "type", "integer",
        "position", "type", "integer");
    return json_pack("{s:s, s:s, s:o, s:[s, s, s, s, s, s]}", "type", "object", "description",
                     "RFC 9457; `name` is the status of the client protocol.", "properties",
                     properties, "required", "type", "title", "status", "name", "detail",
                     "retryable");
}

static void add_look_schema(const struct route *route, json_t *schemas) {
    if (route->answer == NULL || json_object_get(schemas, route->answer) != NULL) return;
    json_t *schema = look_schema(route->kind == ROUTE_TEXT ? "ready" : route->verb);
    json_object_set_new(schemas, route->answer, schema);
}

static json_t *schemas(void) {
    json_t     *all = json_object(), *names = json_object(), *ignored;
    const char *name;
    json_object_set_new(all, "Problem", problem_schema());
    json_object_set_new(
        all, "Value",
        described("Any JSON. Integers have 64 bits; {\"$bytes\": \"<base64>\"} is "
                  "bytes; \"NaN\", \"Infinity\" and \"-Infinity\" are what JSON has "
                  "no number for."));
    for (const struct route *route = ROUTES; route->method != NULL; route++) {
        bool asks = route->kind == ROUTE_VERB || route->kind == ROUTE_STREAM;
        if (!asks) add_look_schema(route, all);
        if (asks && route->answer != NULL) codec_json_schema_names(route->answer, names);
    }
    static const char *const EVENTS[] = {"Ended", "Gap"}; // beside those of the routes
    for (int i = 0; i < 2; i++) codec_json_schema_names(EVENTS[i], names);
    json_object_foreach(names, name, ignored) {
        json_object_set_new(all, name, codec_json_schema(name));
    }
    json_decref(names);
    return all;
}

char *openapi_text(void) {
    json_t *document = json_pack(
        "{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{s:s}], s:[{s:[]}, {}], s:o, "
        "s:{s:o, s:{s:{s:s, s:s}}}}",
        "openapi", "3.1.0", "info", "title", "Peeper", "version", PEEPER_VERSION, "description",
        "Long-lived stateful actors whose state survives crashes of their code.", "license", "name",
        "see the repository", "identifier", "NOASSERTION", "servers", "url", "/", "security",
        "token", "paths", paths(), "components", "schemas", schemas(), "securitySchemes", "token",
        "type", "http", "scheme", "bearer");
    char *text = document == NULL ? NULL : json_dumps(document, JSON_INDENT(2));
    json_decref(document);
    return text;
}
