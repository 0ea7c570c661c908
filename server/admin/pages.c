#include "admin/pages.h"

#include "admin/metrics_page.h"
#include "admin/table_pages.h"
#include "wire/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char PROBLEM_TYPE[] = "application/problem+json";

void page_json(json_t *json, unsigned code, const char *type, struct body *ret_body) {
    *ret_body = (struct body){.code = code, .type = type};
    if (json != NULL) ret_body->text = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY);
    json_decref(json);
    if (ret_body->text == NULL) ret_body->code = 503;
}

void page_problem(enum status status, unsigned code, const char *detail, struct body *ret_body) {
    page_json(json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title",
                        status_text(status), "status", (int)code, "name", status_name(status),
                        "detail", detail == NULL ? status_text(status) : detail),
              code, PROBLEM_TYPE, ret_body);
}

// --- GET /v1/actors/{name}, /v1/actors/{name}/generations ---

bool page_number(const char *text, uint64_t high, uint64_t *ret_number) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > high) return false;
    *ret_number = value;
    return true;
}

const char *page_actor(struct view *view, struct rest rest, page_query *query, void *context) {
    const char *version = query(context, "version");
    if (rest.bytes == 0) return "name: empty";
    if (rest.bytes > NAME_BYTES_MAX) return "name: over 255 bytes";
    if (version != NULL &&
        (!page_number(version, UINT64_MAX, &view->version) || view->version == 0))
        return "version: not a number from 1";
    if (rest.text[0] == '@') {
        char *end;
        errno = 0;
        view->target = strtoull(rest.text + 1, &end, 10);
        if (end != rest.text + rest.bytes || errno != 0 || view->target == 0)
            return "name: @ is followed by an incarnation id";
        return NULL;
    }
    view->name_bytes = (uint32_t)rest.bytes;
    memcpy(view->name, rest.text, rest.bytes);
    return NULL;
}

static void render_actor(const struct view *view, const struct mirror *mirror,
                         struct body *ret_body) {
    (void)mirror;
    page_json(json_from_actor_info(&view->infos[0], true), 200, PAGE_JSON_TYPE, ret_body);
}

static void render_generations(const struct view *view, const struct mirror *mirror,
                               struct body *ret_body) {
    (void)mirror;
    json_t *generations = json_array();
    for (uint32_t i = 0; i < view->generation_count; i++) {
        json_array_append_new(generations, json_from_generation(&view->generations[i]));
    }
    page_json(
        json_pack("{s:o, s:i}", "generations", generations, "kept", (int)view->generations_kept),
        200, PAGE_JSON_TYPE, ret_body);
}

// --- GET /v1/actors ---

// A page of those that `name` (NULL: all) means; `too_long` is what to say of it.
static const char *prepare_page(struct view *view, const char *name, const char *too_long,
                                page_query *query, void *context) {
    const char *cursor = query(context, "cursor");
    const char *limit = query(context, "limit");
    uint64_t    value = 0;
    if (name != NULL) {
        if (strlen(name) > NAME_BYTES_MAX) return too_long;
        view->name_bytes = (uint32_t)strlen(name);
        memcpy(view->name, name, view->name_bytes);
    }
    uint64_t cursor_max = view->kind == VIEW_LIST ? UINT32_MAX : INT64_MAX;
    if (cursor != NULL && !page_number(cursor, cursor_max, &view->cursor))
        return "cursor: not a cursor of this server";
    if (limit != NULL && (!page_number(limit, VIEW_LIST_MAX, &value) || value == 0))
        return "limit: not from 1 to 1000";
    view->limit = (uint32_t)value;
    return NULL;
}

static const char *prepare_list(struct view *view, struct rest rest, page_query *query,
                                void *context) {
    (void)rest;
    return prepare_page(view, query(context, "prefix"), "prefix: over 255 bytes", query, context);
}

static void render_list(const struct view *view, const struct mirror *mirror,
                        struct body *ret_body) {
    (void)mirror;
    json_t *actors = json_array();
    for (uint32_t i = 0; i < view->count; i++) {
        // A NULL element is refused and shows as a shorter page only when memory has run out.
        json_array_append_new(actors, json_from_actor_info(&view->infos[i], false));
    }
    json_t *next = view->next == 0 ? json_null() : json_integer((json_int_t)view->next);
    page_json(json_pack("{s:o, s:o}", "actors", actors, "next", next), 200, PAGE_JSON_TYPE,
              ret_body);
}

// --- GET /v1/crashes, /v1/crashes/{id} ---

static const char *prepare_crash(struct view *view, struct rest rest, page_query *query,
                                 void *context) {
    (void)query;
    (void)context;
    bool valid = page_number(rest.text, UINT64_MAX, &view->crash) && view->crash != 0;
    return valid ? NULL : "crash: not a number from 1";
}

static void render_crash(const struct view *view, const struct mirror *mirror,
                         struct body *ret_body) {
    (void)mirror;
    page_json(json_from_crash_report(&view->reports[0], true), 200, PAGE_JSON_TYPE, ret_body);
}

static const char *prepare_crashes(struct view *view, struct rest rest, page_query *query,
                                   void *context) {
    (void)rest;
    return prepare_page(view, query(context, "name"), "name: over 255 bytes", query, context);
}

static void render_crashes(const struct view *view, const struct mirror *mirror,
                           struct body *ret_body) {
    (void)mirror;
    json_t *crashes = json_array();
    for (uint32_t i = 0; i < view->count; i++) {
        json_array_append_new(crashes, json_from_crash_report(&view->reports[i], false));
    }
    json_t *next = view->next == 0 ? json_null() : json_integer((json_int_t)view->next);
    page_json(json_pack("{s:o, s:o}", "crashes", crashes, "next", next), 200, PAGE_JSON_TYPE,
              ret_body);
}

// --- GET /healthz, /metrics ---

static const char *prepare_shard(struct view *view, struct rest rest, page_query *query,
                                 void *context) {
    (void)view;
    (void)rest;
    (void)query;
    (void)context;
    return NULL;
}

static void render_health(const struct view *view, const struct mirror *mirror,
                          struct body *ret_body) {
    (void)mirror;
    bool ready = view->gauges.ready;
    page_json(json_pack("{s:s}", "status", ready ? "ok" : "no host is running"), ready ? 200 : 503,
              PAGE_JSON_TYPE, ret_body);
}

static void render_metrics(const struct view *view, const struct mirror *mirror,
                           struct body *ret_body) {
    *ret_body =
        (struct body){.code = 200, .type = METRICS_TYPE, .text = metrics_page(view, mirror)};
    if (ret_body->text == NULL) ret_body->code = 503;
}

static const struct page PAGES[] = {
    {"/v1/actors/", true, "/generations", VIEW_GENERATIONS, page_actor, render_generations},
    {"/v1/actors/", true, "/tables", VIEW_TABLES, page_actor, page_render_tables},
    {"/v1/actors/", true, "/tables/*", VIEW_ROWS, page_prepare_rows, page_render_rows},
    {"/v1/actors/", true, "/dictionary", VIEW_ROWS, page_prepare_rows, page_render_rows},
    {"/v1/actors/", true, NULL, VIEW_ACTOR, page_actor, render_actor},
    {"/v1/actors", false, NULL, VIEW_LIST, prepare_list, render_list},
    {"/v1/crashes/", true, NULL, VIEW_CRASH, prepare_crash, render_crash},
    {"/v1/crashes", false, NULL, VIEW_CRASHES, prepare_crashes, render_crashes},
    {"/healthz", false, NULL, VIEW_SHARD, prepare_shard, render_health},
    {"/metrics", false, NULL, VIEW_SHARD, prepare_shard, render_metrics},
};

// Takes the suffix off; false if it is not there.
static bool take_suffix(struct rest *rest, const char *suffix) {
    size_t bytes = suffix == NULL ? 0 : strlen(suffix);
    if (rest->bytes < bytes) return false;
    if (bytes > 0 && memcmp(rest->text + rest->bytes - bytes, suffix, bytes) != 0) return false;
    rest->bytes -= bytes;
    return true;
}

// Likewise one that ends with *: the last of its kind, since names of actors may have slashes.
static bool take_tail(struct rest *rest, const char *suffix) {
    size_t bytes = strlen(suffix) - 1;
    for (const char *at = rest->text + rest->bytes; at-- > rest->text;) {
        if (strncmp(at, suffix, bytes) != 0) continue;
        rest->bytes = (size_t)(at - rest->text);
        rest->tail = at + bytes;
        return true;
    }
    return false;
}

const struct page *page_find(const char *path, struct rest *ret_rest) {
    for (size_t i = 0; i < sizeof PAGES / sizeof PAGES[0]; i++) {
        const char *suffix = PAGES[i].suffix;
        size_t      bytes = strlen(PAGES[i].path);
        if (strncmp(path, PAGES[i].path, bytes) != 0) continue;
        if (!PAGES[i].prefix && path[bytes] != '\0') continue;
        struct rest rest = {.text = path + bytes, .bytes = strlen(path + bytes)};
        bool        open = suffix != NULL && suffix[strlen(suffix) - 1] == '*';
        if (!(open ? take_tail : take_suffix)(&rest, suffix)) continue;
        *ret_rest = rest;
        return &PAGES[i];
    }
    return NULL;
}
