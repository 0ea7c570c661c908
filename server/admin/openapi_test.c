#include "admin/openapi.h"

#include "admin/routes.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

TestSuite(openapi, .timeout = 10);

static json_t *document(void) {
    char   *text = openapi_text();
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json);
    free(text);
    return json;
}

static json_t *operation_of(json_t *json, const struct route *route) {
    char method[16] = "";
    for (size_t i = 0; route->method[i] != '\0'; i++) method[i] = (char)tolower(route->method[i]);
    return json_object_get(json_object_get(json_object_get(json, "paths"), route->path), method);
}

Test(openapi, describes_every_route_and_nothing_else) {
    json_t     *json = document(), *path;
    size_t      routes = 0, operations = 0;
    const char *name;
    for (const struct route *route = ROUTES; route->method != NULL; route++, routes++) {
        json_t *operation = operation_of(json, route);
        cr_assert_not_null(operation, "%s %s", route->method, route->path);
        cr_assert_not_null(json_object_get(operation, "operationId"));
        cr_assert(json_object_size(json_object_get(operation, "responses")) >= 2);
    }
    json_object_foreach(json_object_get(json, "paths"), name, path) {
        operations += json_object_size(path);
    }
    cr_assert_eq(operations, routes);
    json_decref(json);
}

static void check_references(json_t *json, json_t *schemas) {
    const char *name, *reference = json_string_value(json_object_get(json, "$ref"));
    json_t     *value;
    size_t      index;
    if (reference != NULL) {
        cr_assert_not_null(json_object_get(schemas, strrchr(reference, '/') + 1), "%s", reference);
    }
    json_object_foreach(json, name, value) {
        check_references(value, schemas);
    }
    json_array_foreach(json, index, value) {
        check_references(value, schemas);
    }
}

Test(openapi, refers_only_to_schemas_that_it_has) {
    json_t *json = document();
    check_references(json, json_object_get(json_object_get(json, "components"), "schemas"));
    json_decref(json);
}

Test(openapi, tells_which_fields_a_body_has_and_must_have) {
    json_t     *json = document();
    const char *required;
    json_t     *schema;
    json_t     *call = json_object_get(
            json_object_get(json_object_get(json, "paths"), "/v1/actors/{name}/call"), "post");
    cr_assert_eq(json_unpack(call, "{s:{s:{s:{s:o}}}}", "requestBody", "content",
                             "application/json", "schema", &schema),
                 0);
    cr_assert_eq(json_unpack(schema, "{s:[s]}", "required", &required), 0);
    cr_assert_str_eq(required, "message");
    cr_assert_null(json_object_get(json_object_get(schema, "properties"), "name"));
    cr_assert_not_null(json_object_get(json_object_get(schema, "properties"), "deadline_ms"));
    json_decref(json);
}
