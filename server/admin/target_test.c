#include "admin/target.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(target, .timeout = 10);

static struct target     target;
static struct http_fault fault;

static enum status read_text(const char *text) {
    return target_read(slice_of(text, strlen(text)), &target, &fault);
}

Test(target, is_taken_apart_and_decoded) {
    cr_assert_eq(read_text("/v1/a%20b%2Fc%3f%C3%BC/x?p=1+2&q=%26&r"), STATUS_OK);
    cr_assert_eq(target.segment_count, 3);
    cr_assert_str_eq(target.segments[1], "a b/c?\xc3\xbc");
    cr_assert_eq(target.parameter_count, 3);
    cr_assert_str_eq(target.parameters[0].value, "1 2");
    cr_assert_str_eq(target.parameters[1].value, "&");
    cr_assert_str_eq(target.parameters[2].name, "r");
    cr_assert_str_eq(target.parameters[2].value, "");
    cr_assert_eq(read_text("/a+b"), STATUS_OK);
    cr_assert_str_eq(target.segments[0], "a+b");
}

Test(target, refuses_steps_in_the_path_encoded_or_not) {
    static const char *const STEPS[] = {
        "/v1/..",      "/v1/../x", "/v1/.",      "/%2e%2e", "/.%2E/x",     "/%252e%252e",
        "/a%2f..%2fb", "/a%2F..",  "/%2e%2e%2f", "/..%5cx", "/a/%252E./b", "/a%252f..%252fb",
    };
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        cr_assert_eq(read_text(STEPS[i]), STATUS_PROTOCOL, "%s", STEPS[i]);
    }
    cr_assert_eq(read_text("/a..b/...c/x.y"), STATUS_OK);
}

Test(target, refuses_bad_encodings_and_control_characters) {
    static const char *const BAD[] = {"/a%",   "/a%2",  "/a%zz",    "/a%00b",  "/%0a",
                                      "/a?b%", "/?%00", "/?a=%0d%", "/?a=%7f", "http://a/b"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        cr_assert_eq(read_text(BAD[i]), STATUS_PROTOCOL, "%s", BAD[i]);
    }
}

Test(target, bounds_its_parts) {
    cr_assert_eq(read_text("/1/2/3/4/5/6/7/8"), STATUS_OK);
    cr_assert_eq(read_text("/1/2/3/4/5/6/7/8/9"), STATUS_NOT_FOUND);
    cr_assert_eq(read_text("/a//b"), STATUS_NOT_FOUND);
    cr_assert_eq(read_text("/a/"), STATUS_NOT_FOUND);
    cr_assert_eq(read_text("/?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16"), STATUS_NOT_FOUND);
    cr_assert_eq(read_text("/a?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17"), STATUS_INVALID);
}
