// memmem.
#define _GNU_SOURCE
#include "admin/exchange.h"

#include "admin/look.h"
#include "admin/openapi.h"
#include "admin/peer.h"
#include "admin/server.h"
#include "admin/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_JSON "application/json"
#define TYPE_PROBLEM "application/problem+json"

// --- Answers -------------------------------------------------------------------------------------

static int append_text(const char *text, size_t bytes, void *context) {
    return buf_append(context, text, bytes) == STATUS_OK ? 0 : -1;
}

static void answer_json(struct peer *peer, unsigned code, json_t *json, const char *type,
                        const char *fields) {
    struct buf        *text = &peer->http->text;
    struct peer_answer answer = {.code = code, .type = type, .fields = fields};
    text->bytes = 0;
    bool whole = json != NULL &&
                 json_dump_callback(json, append_text, text, JSON_INDENT(2) | JSON_ENCODE_ANY) == 0;
    if (whole && append_text("\n", 1, text) == 0) {
        answer.text = (const char *)text->data;
        answer.bytes = text->bytes;
    } else {
        answer.code = 503;
        answer.type = NULL;
    }
    json_decref(json);
    peer_answer(peer, &answer);
}

void exchange_json(struct peer *peer, unsigned code, json_t *json, const char *fields) {
    answer_json(peer, code, json, TYPE_JSON, fields);
}

static json_t *problem_of(enum status status, unsigned code, const char *detail) {
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:b}", "type", "about:blank", "title",
                     status_text(status), "status", (int)code, "name", status_name(status),
                     "detail", detail == NULL ? status_text(status) : detail, "retryable",
                     (int)status_retryable(status));
}

void exchange_problem(struct peer *peer, enum status status, unsigned code, const char *detail) {
    char fields[128] = "";
    if (code == 401)
        snprintf(fields, sizeof fields, "WWW-Authenticate: Bearer realm=\"peeper\"\r\n");
    if (code == 405) snprintf(fields, sizeof fields, "Allow: %.80s\r\n", peer->match.allow);
    answer_json(peer, code, problem_of(status, code, detail), TYPE_PROBLEM, fields);
}

void exchange_refuse(struct peer *peer, enum status status, unsigned code, const char *detail) {
    peer->close = true;
    exchange_problem(peer, status, code, detail);
}

// What is wrong with a member.
static void refuse_member(struct peer *peer, const struct codec_json_fault *fault, unsigned code) {
    json_t *problem = problem_of(STATUS_INVALID, code, fault->text);
    if (fault->field[0] != '\0') json_object_set_new(problem, "field", json_string(fault->field));
    answer_json(peer, code, problem, TYPE_PROBLEM, NULL);
}

static void copy_member(json_t *problem, const json_t *error, const char *name) {
    json_t *value = json_object_get(error, name);
    if (!json_is_null(value)) json_object_set(problem, name, value);
}

// An Error of the net thread.
static void answer_error(struct peer *peer, const struct codec_json_answer *answer) {
    char        fields[64] = "";
    unsigned    code = (unsigned)status_http(answer->status);
    const char *message = json_string_value(json_object_get(answer->json, "message"));
    const char *kind = json_string_value(json_object_get(answer->json, "kind"));
    json_t     *problem = problem_of(answer->status, code, message);
    json_int_t  after_ms = json_integer_value(json_object_get(answer->json, "retry_after_ms"));
    copy_member(problem, answer->json, "retryable");
    copy_member(problem, answer->json, "reason");
    if (kind != NULL && kind[0] != '\0') copy_member(problem, answer->json, "kind");
    if (after_ms > 0) {
        copy_member(problem, answer->json, "retry_after_ms");
        snprintf(fields, sizeof fields, "Retry-After: %lld\r\n", (after_ms + 999) / 1000);
    }
    answer_json(peer, code, problem, TYPE_PROBLEM, fields);
}

// --- Who may ask ---------------------------------------------------------------------------------

// Takes the same time for every wrong token of the right length.
static bool token_fits(const struct peer *peer) {
    const char  *wanted = peer->http->options.token;
    struct slice given = peer->head.authorization;
    size_t       bytes = strlen(wanted);
    uint8_t      difference = 0;
    if (given.data == NULL || given.bytes != bytes + 7) return false;
    if (!http_is(slice_of(given.data, 7), "bearer ")) return false;
    for (size_t i = 0; i < bytes; i++)
        difference |= (uint8_t)(given.data[7 + i] ^ (uint8_t)wanted[i]);
    return difference == 0;
}

// The name of a web page's own server that was made to point here (DNS rebinding) is none of these.
static bool host_is_local(struct slice host) {
    if (host.data == NULL) return true; // HTTP/1.0
    size_t bytes = host.bytes;
    while (bytes > 0 && host.data[bytes - 1] >= '0' && host.data[bytes - 1] <= '9') bytes--;
    // Without the port.
    if (bytes > 0 && host.data[bytes - 1] == ':') host.bytes = bytes - 1;
    if (http_is(host, "localhost") || http_is(host, "[::1]")) return true;
    if (host.bytes < 7 || memcmp(host.data, "127.", 4) != 0) return false;
    for (size_t i = 0; i < host.bytes; i++) {
        if ((host.data[i] < '0' || host.data[i] > '9') && host.data[i] != '.') return false;
    }
    return true;
}

static bool is_own_origin(const struct http_head *head) {
    static const char *const SCHEMES[] = {"http://", "https://"};
    for (int i = 0; i < 2; i++) {
        size_t bytes = strlen(SCHEMES[i]);
        if (head->origin.bytes != bytes + head->host.bytes) continue;
        if (http_is(slice_of(head->origin.data, bytes), SCHEMES[i]) &&
            memcmp(head->origin.data + bytes, head->host.data, head->host.bytes) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_json(struct slice type) {
    const uint8_t *end = type.data == NULL ? NULL : memchr(type.data, ';', type.bytes);
    if (end != NULL) type.bytes = (size_t)(end - type.data);
    while (type.bytes > 0 && type.data[type.bytes - 1] == ' ') type.bytes--;
    return http_is(type, TYPE_JSON);
}

static bool reads(const struct route *route) {
    return route->method[0] == 'G';
}

struct refusal {
    enum status status;
    unsigned    code;
    const char *detail;
};

static bool may_ask(const struct peer *peer, struct refusal *refusal) {
    const struct route *route = peer->match.route;
    if (route != NULL && (route->marks & ROUTE_OPEN) != 0) return true;
    if (peer->http->options.token != NULL) {
        if (token_fits(peer)) return true;
        *refusal = (struct refusal){STATUS_UNAUTHENTICATED, 401, NULL};
        return false;
    }
    if (host_is_local(peer->head.host)) return true;
    *refusal = (struct refusal){STATUS_FORBIDDEN, 421, "Host does not name this machine"};
    return false;
}

static bool fits_route(const struct peer *peer, bool has_body, struct refusal *refusal) {
    const struct http_head *head = &peer->head;
    const struct route     *route = peer->match.route;
    *refusal = (struct refusal){0};
    if (route == NULL && peer->match.allow[0] != '\0') {
        *refusal = (struct refusal){STATUS_INVALID, 405, "this resource has other methods"};
    } else if (route == NULL) {
        *refusal = (struct refusal){STATUS_NOT_FOUND, 404, "no such resource"};
    } else if (!reads(route) && head->origin.data != NULL && !is_own_origin(head)) {
        *refusal = (struct refusal){STATUS_FORBIDDEN, 403, "Origin is not this server"};
    } else if (!reads(route) && head->if_match.data != NULL) {
        *refusal = (struct refusal){STATUS_INVALID, 501, "If-Match is not heeded here"};
    } else if (has_body && !route_has_body(route)) {
        *refusal = (struct refusal){STATUS_INVALID, 400, "this method takes no body"};
    } else if (has_body && !is_json(head->content_type)) {
        *refusal = (struct refusal){STATUS_INVALID, 415, "Content-Type is not application/json"};
    } else if (head->length > peer->http->options.body_bytes_max) {
        *refusal = (struct refusal){STATUS_TOO_LARGE, 413, "the body is over the limit"};
    }
    return refusal->code == 0;
}

bool exchange_admit(struct peer *peer) {
    struct http_fault fault;
    struct refusal    refusal;
    bool              has_body = peer->head.chunked || peer->head.length > 0;
    peer->state = PEER_WAITING;
    enum status status = target_read(peer->head.target, &peer->target, &fault);
    if (status == STATUS_PROTOCOL) {
        exchange_refuse(peer, STATUS_INVALID, fault.code, fault.text);
        return false;
    }
    if (status == STATUS_OK) route_find(peer->head.method, &peer->target, &peer->match);
    if (may_ask(peer, &refusal) && fits_route(peer, has_body, &refusal)) return true;
    // A body that nobody reads would be taken for the next request.
    peer->close = peer->close || has_body;
    if (status == STATUS_INVALID) {
        exchange_problem(peer, STATUS_INVALID, fault.code, fault.text);
    } else {
        exchange_problem(peer, refusal.status, refusal.code, refusal.detail);
    }
    return false;
}

// --- What is asked -------------------------------------------------------------------------------

static void refuse_text(struct peer *peer, const json_error_t *error) {
    char detail[256];
    snprintf(detail, sizeof detail, "not JSON: line %d, column %d: %s", error->line, error->column,
             error->text);
    json_t *problem = problem_of(STATUS_INVALID, 400, detail);
    json_object_set_new(problem, "line", json_integer(error->line));
    json_object_set_new(problem, "column", json_integer(error->column));
    json_object_set_new(problem, "position", json_integer(error->position));
    answer_json(peer, 400, problem, TYPE_PROBLEM, NULL);
}

// The members that the body has; NULL: it was answered.
static json_t *read_body(struct peer *peer) {
    json_error_t error;
    if (peer->body.bytes == 0) return json_object();
    json_t *json = json_loadb((const char *)peer->body.data, peer->body.bytes,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    if (json == NULL) {
        refuse_text(peer, &error);
        return NULL;
    }
    if (json_is_object(json)) return json;
    json_decref(json);
    exchange_problem(peer, STATUS_INVALID, 422, "the body is no JSON object");
    return NULL;
}

static bool unknown(struct codec_json_fault *fault, const char *name, const char *what) {
    snprintf(fault->field, sizeof fault->field, "%s", name);
    snprintf(fault->text, sizeof fault->text, "%.80s: %s", name, what);
    return false;
}

static bool set_parameter(const struct route *route, json_t *members, const char *name,
                          const char *value, struct codec_json_fault *fault) {
    if (json_object_get(members, name) != NULL)
        return unknown(fault, name, "is told by the path, or twice");
    json_t *json = codec_json_parameter(route->verb, name, value, fault);
    if (json == NULL) return false;
    return json_object_set_new(members, name, json) == 0;
}

static bool add_path(const struct peer *peer, json_t *members, struct codec_json_fault *fault) {
    char word[32];
    for (unsigned i = 0; route_word(peer->match.route, i, word); i++) {
        if (!set_parameter(peer->match.route, members, word, peer->match.values[i], fault))
            return false;
    }
    return true;
}

static bool add_query(const struct peer *peer, json_t *members, struct codec_json_fault *fault) {
    const struct route *route = peer->match.route;
    for (unsigned i = 0; i < peer->target.parameter_count; i++) {
        const char *name = peer->target.parameters[i].name;
        const char *value = peer->target.parameters[i].value;
        bool        prefixed = (route->marks & ROUTE_PREFIXED) != 0 && strcmp(name, "prefix") == 0;
        if (route_lists(route->filters, name)) continue;
        if (route_has_body(route) || (route_lists(route->without, name) && !prefixed))
            return unknown(fault, name, "there is no such parameter");
        if (!set_parameter(route, members, prefixed ? "name" : name, value, fault)) return false;
    }
    if ((route->marks & ROUTE_PREFIXED) != 0) json_object_set_new(members, "prefix", json_true());
    return true;
}

static bool check_body(const struct route *route, const json_t *body,
                       struct codec_json_fault *fault) {
    const char *name;
    json_t     *value;
    json_object_foreach((json_t *)body, name, value) {
        if (route_lists(route->without, name))
            return unknown(fault, name, "there is no such field");
    }
    return true;
}

// "12.7" is version 7 of unit 12; "7" that of whoever is there.
static void go_on_after(const struct peer *peer, json_t *members) {
    struct slice       id = peer->head.last_event_id;
    char               text[48];
    unsigned long long unit = 0, version = 0;
    if (peer->match.route->kind != ROUTE_STREAM || id.data == NULL || id.bytes >= sizeof text)
        return;
    memcpy(text, id.data, id.bytes);
    text[id.bytes] = '\0';
    if (sscanf(text, "%llu.%llu", &unit, &version) != 2) {
        unit = 0;
        if (sscanf(text, "%llu", &version) != 1) return;
    }
    if (version == 0 || (peer->match.route->marks & ROUTE_PREFIXED) != 0) return;
    json_object_set_new(members, "from_version", json_integer((json_int_t)version + 1));
    if (unit != 0) json_object_set_new(members, "unit", json_integer((json_int_t)unit));
}

json_t *exchange_members(struct peer *peer) {
    struct codec_json_fault fault = {{0}, {0}};
    json_t                 *members = read_body(peer);
    if (members == NULL) return NULL;
    bool     whole = check_body(peer->match.route, members, &fault);
    unsigned code = whole ? 400 : 422;
    whole = whole && add_path(peer, members, &fault) && add_query(peer, members, &fault);
    if (whole) {
        go_on_after(peer, members);
        return members;
    }
    json_decref(members);
    refuse_member(peer, &fault, code);
    return NULL;
}

enum status exchange_ask(struct peer *peer, json_t *members, struct codec_json_fault *fault) {
    struct http *http = peer->http;
    struct buf  *out = gateway_output(&http->gateway);
    enum status  status = out == NULL ? STATUS_OVERLOADED : STATUS_OK;
    if (++http->serial == 0) http->serial = 1;
    size_t before = out == NULL ? 0 : out->bytes;
    if (status == STATUS_OK) {
        status = codec_json_request(out, (uint64_t)http->serial << 32 | peer->slot,
                                    peer->match.route->verb, members, fault);
    }
    json_decref(members);
    if (status == STATUS_OK && out->bytes - before > http->options.frame_bytes_max) {
        out->bytes = before;
        status = STATUS_TOO_LARGE;
    }
    if (status == STATUS_OK) peer->serial = http->serial;
    return status;
}

static void begin_verb(struct peer *peer) {
    const struct route     *route = peer->match.route;
    struct codec_json_fault fault = {{0}, {0}};
    if (route->kind == ROUTE_STREAM &&
        peer->http->counts.streams >= peer->http->options.streams_max) {
        exchange_problem(peer, STATUS_OVERLOADED, 503, "there are too many streams");
        return;
    }
    json_t *members = exchange_members(peer);
    if (members == NULL) return;
    if (route->kind == ROUTE_STREAM && peer_is_head(peer)) {
        // Who only wants to know what it would be needs no watch.
        json_decref(members);
        peer_answer(peer, &(struct peer_answer){.code = 200, .type = "text/event-stream"});
        return;
    }
    enum status status = exchange_ask(peer, members, &fault);
    if (status == STATUS_INVALID) {
        refuse_member(peer, &fault, route_has_body(route) ? 422 : 400);
    } else if (status != STATUS_OK) {
        exchange_problem(peer, status, (unsigned)status_http(status), NULL);
    }
}

static void answer_text(struct peer *peer) {
    if (strcmp(peer->match.route->verb, "health") == 0) {
        exchange_json(peer, 200, json_pack("{s:s}", "status", "ok"), NULL);
        return;
    }
    struct http *http = peer->http;
    if (http->openapi == NULL) http->openapi = openapi_text();
    if (http->openapi == NULL) {
        exchange_problem(peer, STATUS_NO_MEMORY, 503, NULL);
        return;
    }
    peer_answer(peer, &(struct peer_answer){.code = 200,
                                            .type = TYPE_JSON,
                                            .text = http->openapi,
                                            .bytes = strlen(http->openapi)});
}

void exchange_begin(struct peer *peer) {
    if (peer->http->closing) {
        exchange_problem(peer, STATUS_SHUTTING_DOWN, 503, NULL);
        return;
    }
    switch (peer->match.route->kind) {
        case ROUTE_VERB:
        case ROUTE_STREAM: begin_verb(peer); return;
        case ROUTE_LOOK: look_begin(peer); return;
        case ROUTE_TEXT: answer_text(peer); return;
    }
}

// --- What came of it -----------------------------------------------------------------------------

// The name in a path.
static void escape(char *room, size_t room_bytes, const char *name) {
    size_t used = 0;
    for (; *name != '\0' && used + 4 < room_bytes; name++) {
        unsigned char byte = (unsigned char)*name;
        bool          plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                     (byte >= 'A' && byte <= 'Z') || strchr("-._~", byte) != NULL;
        used += (size_t)snprintf(room + used, room_bytes - used, plain ? "%c" : "%%%02X", byte);
    }
    room[used] = '\0';
}

static unsigned answer_started(const struct peer *peer, const json_t *json, char *fields,
                               size_t fields_bytes) {
    const struct route *route = peer->match.route;
    const char         *name = json_string_value(json_object_get(json, "name"));
    json_int_t          id = json_integer_value(json_object_get(json, "incarnation"));
    bool                supervisor = strcmp(route->verb, "start_supervisor") == 0;
    char                escaped[800];
    if ((route->marks & ROUTE_CREATES) == 0 || id == 0) return 200;
    if (name == NULL || name[0] == '\0') {
        snprintf(escaped, sizeof escaped, "@%lld", id);
    } else {
        escape(escaped, sizeof escaped, name);
    }
    snprintf(fields, fields_bytes, "Location: /v1/%s/%s\r\n", supervisor ? "supervisors" : "actors",
             escaped);
    return 201;
}

// Whether the client has the state of this tag; also where it asks weakly.
static bool has_tag(struct slice given, const char *tag) {
    if (given.data == NULL) return false;
    return http_is(given, "*") || memmem(given.data, given.bytes, tag, strlen(tag)) != NULL;
}

static bool answer_tagged(struct peer *peer, json_t *json, char *fields, size_t fields_bytes) {
    char tag[48];
    snprintf(tag, sizeof tag, "\"%lld.%lld\"", json_integer_value(json_object_get(json, "unit")),
             json_integer_value(json_object_get(json, "version")));
    snprintf(fields, fields_bytes, "ETag: %s\r\nCache-Control: no-cache\r\n", tag);
    if (!has_tag(peer->head.if_none_match, tag)) return false;
    peer_answer(peer, &(struct peer_answer){.code = 304, .fields = fields});
    return true;
}

static const char *filter_of(const struct peer *peer, const char *name) {
    for (unsigned i = 0; i < peer->target.parameter_count; i++) {
        if (strcmp(peer->target.parameters[i].name, name) == 0)
            return peer->target.parameters[i].value;
    }
    return NULL;
}

static bool passes(const struct peer *peer, const json_t *element) {
    const char *at = peer->match.route->filters;
    while (*at != '\0') {
        char   name[32];
        size_t bytes = strcspn(at, " ");
        snprintf(name, sizeof name, "%.*s", (int)bytes, at);
        at += bytes + (at[bytes] == ' ');
        const char *wanted = filter_of(peer, name);
        const char *is = json_string_value(json_object_get(element, name));
        if (wanted != NULL && (is == NULL || strcmp(is, wanted) != 0)) return false;
    }
    return true;
}

// Leaves those of the one list in it that were asked for.
static void filter(const struct peer *peer, json_t *json) {
    const char *name;
    json_t     *list;
    if (peer->match.route->filters == NULL || peer->target.parameter_count == 0) return;
    json_object_foreach(json, name, list) {
        for (size_t i = json_array_size(list); i-- > 0;) {
            if (!passes(peer, json_array_get(list, i))) json_array_remove(list, i);
        }
    }
}

static void answer_body(struct peer *peer, struct codec_json_answer *answer) {
    char                fields[1024] = "";
    const struct route *route = peer->match.route;
    unsigned            code = route->code;
    if (strcmp(answer->body, "started") == 0) {
        code = answer_started(peer, answer->json, fields, sizeof fields);
    }
    if ((route->marks & ROUTE_TAGGED) != 0 &&
        answer_tagged(peer, answer->json, fields, sizeof fields)) {
        return;
    }
    if (route->member != NULL) {
        json_object_set(answer->json, route->member, json_object_get(answer->json, "reply"));
        json_object_del(answer->json, "reply");
    }
    filter(peer, answer->json);
    exchange_json(peer, code, json_incref(answer->json), fields);
}

static void answer_frame(struct peer *peer, struct codec_json_answer *answer) {
    const struct route *route = peer->match.route;
    if (peer->state == PEER_STREAM) {
        if (answer->status != STATUS_OK) {
            stream_refused(peer, answer);
        } else {
            stream_begin(peer, answer->ref);
        }
    } else if (answer->status != STATUS_OK) {
        answer_error(peer, answer);
    } else if (route->kind == ROUTE_STREAM) {
        stream_begin(peer, answer->ref);
    } else if (strcmp(answer->body, "done") == 0) {
        peer_answer(peer, &(struct peer_answer){.code = route->code == 202 ? 202 : 204});
    } else {
        answer_body(peer, answer);
    }
}

void exchange_frame(struct http *http, struct codec_json_answer *answer) {
    if (answer->event) {
        stream_event(http, answer);
        return;
    }
    uint32_t     slot = (uint32_t)answer->id, serial = (uint32_t)(answer->id >> 32);
    struct peer *peer = slot < http->options.connections_max ? http->peers[slot] : NULL;
    if (peer != NULL && serial != 0 && peer->serial == serial) {
        answer_frame(peer, answer);
    } else if (answer->ref != 0) {
        stream_abandon(http, answer->body, answer->ref);
    }
}
