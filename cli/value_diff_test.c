#include "value_diff.h"

#include "wire/json.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

// Compares two texts as Values; the lines are `expected`.
static void expect(const char *first, const char *second, const char *expected) {
    struct peeper_writer left = {0}, right = {0};
    char                *text = NULL;
    size_t               bytes = 0;
    FILE                *out = open_memstream(&text, &bytes);
    cr_assert_not_null(out);
    json_argument_to_value(&left, first);
    json_argument_to_value(&right, second);
    int differ = value_diff(out, peeper_writer_value(&left), peeper_writer_value(&right));
    fclose(out);
    cr_assert_str_eq(text, expected);
    cr_assert(differ == (expected[0] != '\0'));
    free(text);
    peeper_writer_fini(&left);
    peeper_writer_fini(&right);
}

Test(value_diff, equal_values_have_no_lines, .timeout = 5) {
    expect("1", "1", "");
    expect("{\"a\": [1, {\"b\": null}]}", "{\"a\": [1, {\"b\": null}]}", "");
}

Test(value_diff, what_is_no_container_is_told_whole, .timeout = 5) {
    expect("1", "2", "- .: 1\n+ .: 2\n");
    expect("1", "1.0", "- .: 1\n+ .: 1.0\n");
    expect("[1]", "{\"a\": 1}", "- .: [1]\n+ .: {\"a\":1}\n");
}

Test(value_diff, maps_are_compared_by_key_whatever_their_order, .timeout = 5) {
    expect("{\"a\": 1, \"b\": 2, \"c\": 3}", "{\"c\": 3, \"d\": 4, \"a\": 5}",
           "- .a: 1\n+ .a: 5\n- .b: 2\n+ .d: 4\n");
}

Test(value_diff, the_same_map_in_another_order_has_no_lines_and_is_no_difference, .timeout = 5) {
    expect("{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}", "");
}

Test(value_diff, lists_are_compared_by_place, .timeout = 5) {
    expect("[1, 2, 3]", "[1, 7]", "- [1]: 2\n+ [1]: 7\n- [2]: 3\n");
    expect("[]", "[[]]", "+ [0]: []\n");
}

Test(value_diff, a_path_leads_through_maps_and_lists, .timeout = 5) {
    expect("{\"stock\": [{\"id\": 1, \"a b\": 2}]}", "{\"stock\": [{\"id\": 1, \"a b\": 3}]}",
           "- .stock[0][\"a b\"]: 2\n+ .stock[0][\"a b\"]: 3\n");
}

Test(value_diff, bytes_that_are_no_value_are_compared_as_bytes, .timeout = 5) {
    static const uint8_t first[] = {0xff, 1}, second[] = {0xff, 2};
    char                *text = NULL;
    size_t               bytes = 0;
    FILE                *out = open_memstream(&text, &bytes);
    cr_assert(value_diff(out, (struct peeper_value){first, 2}, (struct peeper_value){first, 2}) ==
              0);
    cr_assert(value_diff(out, (struct peeper_value){first, 2}, (struct peeper_value){second, 2}) ==
              1);
    fclose(out);
    cr_assert_not_null(strstr(text, "2 bytes that are no value"));
    free(text);
}
