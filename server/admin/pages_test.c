#include "admin/pages.h"

#include "admin/metrics_page.h"

#include <criterion/criterion.h>

#include <jansson.h>
#include <peeper/value.h>
#include <stdlib.h>
#include <string.h>

TestSuite(pages, .timeout = 10);

// --- routes ---

static const struct page *find(const char *path, const char *rest) {
    struct rest        found;
    const struct page *page = page_find(path, &found);
    if (page == NULL) return NULL;
    cr_assert(found.bytes == strlen(rest));
    cr_assert(memcmp(found.text, rest, found.bytes) == 0);
    return page;
}

Test(pages, a_path_leads_to_its_page) {
    cr_assert(find("/v1/actors/a", "a")->kind == VIEW_ACTOR);
    cr_assert(find("/v1/actors/a/b%20c", "a/b%20c")->kind == VIEW_ACTOR);
    cr_assert(find("/v1/actors/", "")->kind == VIEW_ACTOR);
    cr_assert(find("/v1/actors/a/generations", "a")->kind == VIEW_GENERATIONS);
    cr_assert(find("/v1/actors/a/b/generations", "a/b")->kind == VIEW_GENERATIONS);
    cr_assert(find("/v1/actors/generations", "generations")->kind == VIEW_ACTOR);
    cr_assert(find("/v1/actors", "")->kind == VIEW_LIST);
    cr_assert(find("/v1/crashes/7", "7")->kind == VIEW_CRASH);
    cr_assert(find("/v1/crashes", "")->kind == VIEW_CRASHES);
    cr_assert(find("/healthz", "")->kind == VIEW_SHARD);
    cr_assert(find("/metrics", "")->kind == VIEW_SHARD);
    cr_assert(find("/metrics", "") != find("/healthz", ""));
}

Test(pages, what_an_actor_has_stands_behind_its_name) {
    cr_assert(find("/v1/actors/a/b/tables", "a/b")->kind == VIEW_TABLES);
    cr_assert(find("/v1/actors/a/b/dictionary", "a/b")->kind == VIEW_ROWS);
    struct rest rest;
    cr_assert(page_find("/v1/actors/shop/tables/7/tables/orders", &rest)->kind == VIEW_ROWS);
    cr_assert(rest.bytes == strlen("shop/tables/7"));
    cr_assert_str_eq(rest.tail, "orders");
}

Test(pages, another_path_leads_nowhere) {
    static const char *const paths[] = {
        "",          "/",         "/v1",        "/v1/actor", "/v1/actorsx",
        "/healthz/", "/metricsx", "/v2/actors", "metrics",   "//metrics"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        cr_assert(find(paths[i], "") == NULL, "%s", paths[i]);
    }
}

// --- questions ---

struct parameter {
    const char *name;
    const char *value;
};

static const char *lookup(void *context, const char *name) {
    for (const struct parameter *row = context; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0) return row->value;
    }
    return NULL;
}

static struct view view;

static const char *prepare(const char *path, const struct parameter *parameters) {
    static const struct parameter none[] = {{NULL, NULL}};
    struct rest                   rest;
    const struct page            *page = page_find(path, &rest);
    cr_assert(page != NULL);
    view = (struct view){.kind = page->kind};
    const struct parameter *given = parameters == NULL ? none : parameters;
    return page->prepare(&view, rest, lookup, (void *)(uintptr_t)given);
}

Test(pages, a_version_of_the_state_may_be_asked_for) {
    static const struct parameter seven[] = {{"version", "7"}, {NULL, NULL}};
    static const struct parameter zero[] = {{"version", "0"}, {NULL, NULL}};
    static const struct parameter word[] = {{"version", "new"}, {NULL, NULL}};
    cr_assert(prepare("/v1/actors/a", seven) == NULL);
    cr_assert(view.version == 7);
    cr_assert(prepare("/v1/actors/a", zero) != NULL);
    cr_assert(prepare("/v1/actors/a", word) != NULL);
    cr_assert(prepare("/v1/actors/a/generations", NULL) == NULL);
    cr_assert(view.name_bytes == 1);
}

Test(pages, a_table_is_asked_for_by_name_and_the_dictionary_has_none) {
    const struct parameter given[] = {
        {"prefix", "p"}, {"from", "\"k\""}, {"limit", "7"}, {NULL, NULL}};
    cr_assert(prepare("/v1/actors/cart/tables/t", given) == NULL);
    cr_assert(view.name_bytes == 4 && memcmp(view.name, "cart", 4) == 0);
    cr_assert(view.page.table_bytes == 1 && view.page.table[0] == 't');
    cr_assert(view.page.prefix.bytes == 3 && view.page.after.bytes == 3 && view.limit == 7);
    view_fini(&view);
    cr_assert(prepare("/v1/actors/@77/dictionary", NULL) == NULL);
    cr_assert(view.target == 77 && view.page.table_bytes == 0 && view.page.after.bytes == 0);
    view_fini(&view);
    const struct parameter wrong[] = {{"limit", "1001"}, {NULL, NULL}};
    cr_assert_str_eq(prepare("/v1/actors/cart/tables/t", wrong), "limit: not from 1 to 1000");
    cr_assert(prepare("/v1/actors/cart/tables/", NULL) != NULL);
    cr_assert(prepare("/v1/actors//tables/t", NULL) != NULL);
}

Test(pages, an_actor_is_asked_for_by_name_or_by_id) {
    cr_assert(prepare("/v1/actors/cart/7", NULL) == NULL);
    cr_assert(view.target == 0);
    cr_assert(view.name_bytes == 6);
    cr_assert(memcmp(view.name, "cart/7", 6) == 0);
    cr_assert(prepare("/v1/actors/@4294967296", NULL) == NULL);
    cr_assert(view.target == 4294967296u);
    cr_assert(prepare("/v1/actors/@18446744073709551615", NULL) == NULL);
    cr_assert(view.target == UINT64_MAX);
}

Test(pages, an_impossible_name_or_id_is_told_so) {
    char path[300] = "/v1/actors/";
    cr_assert(prepare(path, NULL) != NULL);
    memset(path + 11, 'n', NAME_BYTES_MAX);
    cr_assert(prepare(path, NULL) == NULL);
    path[11 + NAME_BYTES_MAX] = 'n';
    cr_assert(prepare(path, NULL) != NULL);
    static const char *const wrong[] = {"@", "@0", "@x", "@1x", "@18446744073709551616"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(path, sizeof path, "/v1/actors/%s", wrong[i]);
        cr_assert(prepare(path, NULL) != NULL, "%s", path);
    }
}

Test(pages, a_list_takes_prefix_cursor_and_limit) {
    static const struct parameter given[] = {
        {"prefix", "cart/"}, {"cursor", "4294967295"}, {"limit", "1000"}, {NULL, NULL}};
    cr_assert(prepare("/v1/actors", given) == NULL);
    cr_assert(view.name_bytes == 5);
    cr_assert(view.cursor == UINT32_MAX);
    cr_assert(view.limit == 1000);
    cr_assert(prepare("/v1/actors", NULL) == NULL);
    cr_assert(view.name_bytes == 0);
    cr_assert(view.limit == 0);
}

Test(pages, a_list_says_what_is_wrong_with_its_parameters) {
    static char             long_prefix[NAME_BYTES_MAX + 2];
    static struct parameter rows[] = {
        {"cursor", ""},          {"cursor", "x"},
        {"cursor", "-1"},        {"cursor", "4294967296"},
        {"cursor", " 1"},        {"limit", "0"},
        {"limit", "1001"},       {"limit", "1e2"},
        {"limit", "+5"},         {"limit", "99999999999999999999"},
        {"prefix", long_prefix},
    };
    memset(long_prefix, 'p', NAME_BYTES_MAX + 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parameter given[] = {rows[i], {NULL, NULL}};
        const char      *fault = prepare("/v1/actors", given);
        cr_assert(fault != NULL, "%s=%s", rows[i].name, rows[i].value);
        cr_assert(strncmp(fault, rows[i].name, strlen(rows[i].name)) == 0, "%s", fault);
    }
}

Test(pages, a_crash_is_asked_for_by_its_number) {
    cr_assert(prepare("/v1/crashes/18446744073709551615", NULL) == NULL);
    cr_assert(view.crash == UINT64_MAX);
    static const char *const wrong[] = {"", "0", "x", "1x", "-1", "18446744073709551616"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "/v1/crashes/%s", wrong[i]);
        cr_assert(prepare(path, NULL) != NULL, "%s", path);
    }
}

Test(pages, crashes_are_listed_by_name_cursor_and_limit) {
    static const struct parameter given[] = {
        {"name", "cart"}, {"cursor", "9223372036854775807"}, {"limit", "5"}, {NULL, NULL}};
    cr_assert(prepare("/v1/crashes", given) == NULL);
    cr_assert(view.name_bytes == 4);
    cr_assert(view.cursor == INT64_MAX);
    cr_assert(view.limit == 5);
    static char                   long_name[NAME_BYTES_MAX + 2];
    static const struct parameter wrong[] = {{"name", long_name}, {NULL, NULL}};
    memset(long_name, 'n', NAME_BYTES_MAX + 1);
    cr_assert_str_eq(prepare("/v1/crashes", wrong), "name: over 255 bytes");
}

// --- answers ---

static struct mirror *mirror;

static void begin(void) {
    struct mirror_options options = {
        .generations = 1, .queue_bytes = 64u << 10, .heap_bytes_max = 1u << 20};
    cr_assert(mirror_create(&options, &mirror) == STATUS_OK);
}

static void end(void) {
    mirror_destroy(mirror);
}

TestSuite(pages_render, .init = begin, .fini = end, .timeout = 10);

static struct body render(const char *path, const struct view *answer) {
    struct rest rest;
    struct body body;
    page_find(path, &rest)->render(answer, mirror, &body);
    cr_assert(body.text != NULL);
    return body;
}

static json_t *parsed(struct body *body) {
    json_t *json = json_loads(body->text, 0, NULL);
    cr_assert(json != NULL, "%s", body->text);
    free(body->text);
    return json;
}

static struct actor_info info_of(const char *name) {
    return (struct actor_info){
        .name = slice_of(name, strlen(name)),
        .behaviour = slice_of("counter", 7),
        .status = "running",
        .unit = 3,
        .incarnation = 4294967298,
        .worker = 1,
        .host_pid = 99,
    };
}

Test(pages_render, an_actor_with_its_state) {
    struct peeper_writer writer = {0};
    peeper_write_int(&writer, 41);
    struct actor_info info = info_of("a");
    info.has_state = true;
    info.state = slice_of(writer.data, writer.bytes);
    info.version = 7;
    struct view answer = {.infos = &info, .count = 1};
    struct body body = render("/v1/actors/a", &answer);
    cr_assert(body.code == 200);
    cr_assert_str_eq(body.type, "application/json");
    json_t *json = parsed(&body);
    cr_assert_str_eq(json_string_value(json_object_get(json, "name")), "a");
    cr_assert(json_integer_value(json_object_get(json, "state")) == 41);
    cr_assert(json_integer_value(json_object_get(json, "version")) == 7);
    json_decref(json);
    peeper_writer_fini(&writer);
}

Test(pages_render, a_list_has_a_cursor_or_null) {
    struct actor_info infos[] = {info_of("a"), info_of("b")};
    struct view       answer = {.infos = infos, .count = 2, .next = 9};
    struct body       body = render("/v1/actors", &answer);
    cr_assert(body.code == 200);
    json_t *json = parsed(&body);
    cr_assert(json_array_size(json_object_get(json, "actors")) == 2);
    cr_assert(json_integer_value(json_object_get(json, "next")) == 9);
    json_decref(json);

    answer = (struct view){0};
    body = render("/v1/actors", &answer);
    json = parsed(&body);
    cr_assert(json_array_size(json_object_get(json, "actors")) == 0);
    cr_assert(json_is_null(json_object_get(json, "next")));
    json_decref(json);
}

Test(pages_render, crashes_and_one_crash) {
    struct crash_report reports[] = {{.id = 2, .kind = "raise", .turn = "call"},
                                     {.id = 1, .kind = "exit", .turn = ""}};
    struct view         answer = {.reports = reports, .count = 2, .next = 1};
    struct body         body = render("/v1/crashes", &answer);
    cr_assert(body.code == 200);
    json_t *json = parsed(&body);
    cr_assert(json_array_size(json_object_get(json, "crashes")) == 2);
    cr_assert(json_integer_value(json_object_get(json, "next")) == 1);
    json_decref(json);

    body = render("/v1/crashes/2", &answer);
    json = parsed(&body);
    cr_assert(json_integer_value(json_object_get(json, "crash")) == 2);
    cr_assert(json_object_get(json, "payload") != NULL);
    json_decref(json);
}

Test(pages_render, health_is_whether_a_host_runs) {
    struct view answer = {.gauges = {.ready = true}};
    struct body body = render("/healthz", &answer);
    cr_assert(body.code == 200);
    free(body.text);
    answer.gauges.ready = false;
    body = render("/healthz", &answer);
    cr_assert(body.code == 503);
    free(body.text);
}

Test(pages_render, metrics_are_open_metrics) {
    struct view answer = {0};
    struct body body = render("/metrics", &answer);
    cr_assert(body.code == 200);
    cr_assert_str_eq(body.type, METRICS_TYPE);
    free(body.text);
}

Test(pages, a_problem_says_what_kind_it_is_of) {
    struct body body;
    page_problem(STATUS_NOPROC, 404, NULL, &body);
    cr_assert(body.code == 404);
    cr_assert_str_eq(body.type, "application/problem+json");
    json_t *json = parsed(&body);
    cr_assert(json_integer_value(json_object_get(json, "status")) == 404);
    cr_assert_str_eq(json_string_value(json_object_get(json, "name")), "NOPROC");
    cr_assert_str_eq(json_string_value(json_object_get(json, "detail")),
                     status_text(STATUS_NOPROC));
    json_decref(json);
    page_problem(STATUS_INVALID, 400, "limit: \"quoted\"", &body);
    json = parsed(&body);
    cr_assert_str_eq(json_string_value(json_object_get(json, "detail")), "limit: \"quoted\"");
    json_decref(json);
}
