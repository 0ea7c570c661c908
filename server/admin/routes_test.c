#include "admin/routes.h"

#include "admin/look.h"
#include "wire/codec_json.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(routes, .timeout = 10);

static struct target      target;
static struct route_match match;

static void find(const char *method, const char *path) {
    struct http_fault fault;
    cr_assert_eq(target_read(slice_of(path, strlen(path)), &target, &fault), STATUS_OK);
    route_find(slice_of(method, strlen(method)), &target, &match);
}

Test(routes, are_found_by_method_and_path) {
    find("POST", "/v1/actors/a%2Fb/call");
    cr_assert_str_eq(match.route->verb, "call");
    cr_assert_str_eq(match.values[0], "a/b");
    find("GET", "/v1/supervisors/s/children/c");
    cr_assert_str_eq(match.route->verb, "get_child_spec");
    cr_assert_str_eq(match.values[1], "c");
    find("HEAD", "/healthz");
    cr_assert_not_null(match.route);
}

Test(routes, tell_which_methods_a_path_has) {
    find("PATCH", "/v1/actors/a/state");
    cr_assert_null(match.route);
    cr_assert_str_eq(match.allow, "GET, HEAD, PUT");
    find("get", "/healthz");
    cr_assert_str_eq(match.allow, "GET, HEAD");
    find("GET", "/v1/actors/a/nothing");
    cr_assert_null(match.route);
    cr_assert_str_eq(match.allow, "");
    find("GET", "/v1");
    cr_assert_str_eq(match.allow, "");
}

Test(routes, name_verbs_messages_and_members_that_there_are) {
    for (const struct route *route = ROUTES; route->method != NULL; route++) {
        char word[32];
        bool asks = route->kind == ROUTE_VERB || route->kind == ROUTE_STREAM;
        if (route->kind == ROUTE_LOOK && strcmp(route->verb, "metrics") != 0) {
            json_t *schema = look_schema(route->verb);
            cr_assert_not_null(schema, "%s", route->path);
            json_decref(schema);
        }
        if (!asks) continue;
        cr_assert(codec_json_is_verb(route->verb), "%s", route->verb);
        for (unsigned i = 0; route_word(route, i, word); i++) {
            json_t *schema = codec_json_member_schema(route->verb, word);
            cr_assert_not_null(schema, "%s of %s", word, route->path);
            json_decref(schema);
        }
        json_t *schema = route->answer == NULL ? NULL : codec_json_schema(route->answer);
        cr_assert(route->answer == NULL || schema != NULL, "%s", route->path);
        json_decref(schema);
    }
}

// Those of a connection, or for whoever answers for an actor, have no place here.
Test(routes, offer_every_verb_of_the_protocol_but_those_of_a_connection) {
    static const char WITHOUT[] = "hello demonitor link unlink unwatch";
    for (unsigned i = 0; codec_json_verb_name(i) != NULL; i++) {
        const char *verb = codec_json_verb_name(i);
        bool        found = route_lists(WITHOUT, verb);
        for (const struct route *route = ROUTES; route->method != NULL; route++) {
            bool asks = route->kind == ROUTE_VERB || route->kind == ROUTE_STREAM;
            if (asks && strcmp(route->verb, verb) == 0) found = true;
        }
        cr_assert(found, "no route for %s", verb);
    }
}
