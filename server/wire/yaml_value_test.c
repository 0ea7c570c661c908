#include "wire/json.h"
#include "wire/yaml_value.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(yaml_value, .timeout = 20);

static struct slice slice_text(const char *text) {
    return slice_of(text, strlen(text));
}

// Whether `text` means the JSON in `expected`.
static void means(const char *text, const char *expected) {
    struct peeper_writer writer = {0};
    struct yaml_fault    fault = {0};
    enum status          status = yaml_to_value(slice_text(text), &writer, &fault);
    cr_assert(status == STATUS_OK, "%s: %s", text, fault.message);
    cr_assert(peeper_value_check(peeper_writer_value(&writer)));
    json_t *json = json_from_value(peeper_writer_value(&writer));
    char   *got = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    cr_assert_str_eq(got, expected);
    free(got);
    json_decref(json);
    peeper_writer_fini(&writer);
}

// Whether `text` is refused at this place; column 0 is not looked at.
static void refused(const char *text, uint32_t line, uint32_t column, const char *message) {
    struct peeper_writer writer = {0};
    struct yaml_fault    fault = {0};
    cr_assert(yaml_to_value(slice_text(text), &writer, &fault) == STATUS_BAD_SPEC, "%s", text);
    cr_assert(fault.line == line, "%s: line %u: %s", text, fault.line, fault.message);
    if (column > 0) cr_assert(fault.column == column, "%s: column %u", text, fault.column);
    cr_assert(strstr(fault.message, message) != NULL, "%s: %s", text, fault.message);
    peeper_writer_fini(&writer);
}

Test(yaml_value, maps_lists_and_scalars_become_a_value) {
    means("a: [1, two, 3.5, null, true]\nb:\n  - c: ''\n  - {d: }\n",
          "{\"a\":[1,\"two\",3.5,null,true],\"b\":[{\"c\":\"\"},{\"d\":null}]}");
    means("7", "7");
    means("# nothing but this\n--- word\n...\n", "\"word\"");
}

Test(yaml_value, what_is_quoted_is_a_string) {
    means("['1', \"true\", '~', 1]", "[\"1\",\"true\",\"~\",1]");
    means("a: |\n  12\n  13\nb: >-\n  null\n", "{\"a\":\"12\\n13\\n\",\"b\":\"null\"}");
}

Test(yaml_value, json_is_read_as_it_stands) {
    means("{\"a\": [1, -2.5, \"x\\u00e9\\n\"], \"1\": {}, \"t\": [null, false]}",
          "{\"a\":[1,-2.5,\"x\u00e9\\n\"],\"1\":{},\"t\":[null,false]}");
}

Test(yaml_value, tags_of_the_core_schema_are_obeyed) {
    means("[!!str 1, !!int 2, !!float 3, !!null ~, !!bool true, !!str '']",
          "[\"1\",2,3,null,true,\"\"]");
    means("!!map {a: !!seq [1]}", "{\"a\":[1]}");
    means("[!!int '5', ! '6']", "[5,\"6\"]");
}

Test(yaml_value, other_tags_are_refused) {
    refused("a: !mine 1", 1, 4, "the tag !mine");
    refused("a: 1\nb: !!binary aGk=", 2, 4, "the tag tag:yaml.org,2002:binary");
    refused("!!set {a: }", 1, 1, "the tag");
    refused("- !!int x", 1, 3, "\"x\" is no int");
    refused("- !!bool 1", 1, 3, "\"1\" is no bool");
    refused("- !!map [1]", 1, 3, "the tag");
}

Test(yaml_value, an_alias_means_a_copy) {
    means("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]\n",
          "{\"a\":{\"b\":[1,2]},\"c\":{\"b\":[1,2]},\"d\":[{\"b\":[1,2]},{\"b\":[1,2]}]}");
    means("[&x 1, *x, &x 2, *x]", "[1,1,2,2]");
    means("[&o [&i 1, 2], *i, *o]", "[[1,2],1,[1,2]]");
}

Test(yaml_value, an_alias_needs_a_complete_anchor_before_it) {
    refused("a: 1\nb: *x", 2, 4, "no anchor &x");
    refused("a: &x [1, *x]", 1, 11, "no anchor &x");
}

Test(yaml_value, aliases_that_multiply_are_stopped) {
    char text[1200] = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i <= 12; i++) {
        char line[200], alias[16];
        snprintf(alias, sizeof alias, "*a%d", i - 1);
        snprintf(line, sizeof line, "a%d: &a%d [%s, %s, %s, %s, %s, %s, %s, %s]\n", i, i, alias,
                 alias, alias, alias, alias, alias, alias, alias);
        strcat(text, line);
    }
    refused(text, 8, 0, "means more than 64 MiB");
}

Test(yaml_value, more_anchors_than_allowed_are_refused) {
    char *text = malloc(20000);
    text[0] = '\0';
    for (unsigned i = 0; i <= YAML_ANCHORS_MAX; i++) sprintf(text + strlen(text), "- &a%u 1\n", i);
    refused(text, YAML_ANCHORS_MAX + 1, 0, "more than 1000 anchors");
    free(text);
}

Test(yaml_value, sixty_four_levels_are_read_and_one_more_is_refused) {
    char text[140] = "", expected[140] = "";
    for (int i = 0; i < 64; i++) text[i] = '[', text[127 - i] = ']';
    memcpy(expected, text, sizeof text);
    means(text, expected);
    memset(text, 0, sizeof text);
    for (int i = 0; i < 65; i++) text[i] = '[', text[129 - i] = ']';
    refused(text, 1, 65, "more than 64 levels");
}

Test(yaml_value, an_alias_that_would_nest_too_deep_is_refused) {
    char text[240] = "- &x ";
    for (int i = 0; i < 40; i++) strcat(text, "[");
    for (int i = 0; i < 40; i++) strcat(text, "]");
    strcat(text, "\n- ");
    for (int i = 0; i < 40; i++) strcat(text, "[");
    strcat(text, "*x");
    for (int i = 0; i < 40; i++) strcat(text, "]");
    refused(text, 2, 0, "more than 64 levels");
}

Test(yaml_value, a_key_that_stands_twice_is_refused_with_both_lines) {
    refused("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", 5, 0,
            "the key \"c\" stands twice, also in line 3");
    refused("a: 1\n'a': 1\n", 2, 0, "the key \"a\" stands twice");
    means("a: {a: 1}\nb: {a: 1}\n", "{\"a\":{\"a\":1},\"b\":{\"a\":1}}");
}

Test(yaml_value, a_key_is_a_string) {
    refused("1: x", 1, 1, "the key \"1\" is no string");
    refused("a:\n  true: x", 2, 3, "the key \"true\" is no string");
    refused("[a]: x", 1, 1, "a key of a map must be a string");
    refused("? {a: b}\n: x", 1, 3, "a key of a map must be a string");
    refused("a: &x b\n*x : c", 2, 1, "a key of a map must be a string");
    means("'1': x", "{\"1\":\"x\"}");
    means("yes: x", "{\"yes\":\"x\"}");
}

Test(yaml_value, merge_keys_are_refused) {
    refused("a: &x {b: 1}\nc:\n  <<: *x\n", 3, 3, "merge keys");
}

Test(yaml_value, numbers_that_do_not_fit_are_refused) {
    refused("a: 9223372036854775808", 1, 4, "is no number of 64 bits");
    refused("a: 1e999", 1, 4, "is no number of 64 bits");
}

Test(yaml_value, wrong_indentation_is_told_with_line_and_column) {
    refused("a:\n  - b: 1\n   c: 2\n", 3, 4, "did not find expected '-' indicator");
    refused("a:\n  b: 1\n c: 2\n", 3, 2, "(while parsing a block mapping that begins in line 1)");
    refused("a:\n\t- 1\n", 2, 1, "cannot start any token");
    refused("a: [1, 2\nb: 1\n", 2, 0, "");
    refused("a: 'x\n\n", 3, 0, "end of stream");
}

Test(yaml_value, text_that_is_not_utf_8_is_told_with_its_line) {
    refused("a: 1\nb: x\xff\n", 2, 5, "UTF-8");
    refused("a: \x01\n", 1, 0, "control characters");
}

Test(yaml_value, nothing_and_more_than_one_document_are_refused) {
    refused("", 1, 1, "there is nothing in it");
    refused("# only this\n", 2, 0, "there is nothing in it");
    refused("a: 1\n---\nb: 1\n", 2, 1, "a second document");
    means("---\n", "null");
}

// --- lines ---

static const char TREE[] = "# a tree\n"            // 1
                           "name: shop\n"          // 2
                           "children:\n"           // 3
                           "  - id: a\n"           // 4
                           "    start:\n"          // 5
                           "      behaviour: b\n"  // 6
                           "      argument: [\n"   // 7
                           "        {id: x}]\n"    // 8
                           "  -\n"                 // 9
                           "    id: c\n"           // 10
                           "    'start': {\n"      // 11
                           "      supervisor: {\n" // 12
                           "        children: [\n" // 13
                           "          {id: d},\n"  // 14
                           "          {id: e,\n"   // 15
                           "           x: y}]}}\n" // 16
                           "  - *alias\n";         // 17

static uint32_t line(const char *path) {
    return yaml_line(slice_text(TREE), slice_text(path));
}

Test(yaml_value, the_line_of_a_field_is_that_of_its_key) {
    cr_assert_eq(line("name"), 2);
    cr_assert_eq(line("children"), 3);
    cr_assert_eq(line("children[0].start.behaviour"), 6);
    cr_assert_eq(line("children[0].start.argument"), 7);
    cr_assert_eq(line("children[1].start"), 11);
    cr_assert_eq(line("children[1].start.supervisor.children[1].x"), 16);
}

Test(yaml_value, the_line_of_an_element_is_where_it_begins) {
    cr_assert_eq(line("children[0]"), 4);
    cr_assert_eq(line("children[1]"), 10);
    cr_assert_eq(line("children[1].start.supervisor.children[0]"), 14);
    cr_assert_eq(line("children[2]"), 17);
}

Test(yaml_value, a_field_that_is_not_there_has_the_line_of_what_it_is_missing_in) {
    cr_assert_eq(line(""), 2);
    cr_assert_eq(line("nonesuch"), 2);
    cr_assert_eq(line("children[7].id"), 3);
    cr_assert_eq(line("children[0].nonesuch"), 4);
    cr_assert_eq(line("children[0].start.timeout_ms"), 5);
    cr_assert_eq(line("children[0].start.behaviour.x"), 6);
    cr_assert_eq(line("children[2].id"), 17);
    cr_assert_eq(line("name[0]"), 2);
}

Test(yaml_value, text_that_is_no_yaml_has_one_line) {
    cr_assert_eq(yaml_line(slice_text("\xff"), slice_text("a")), 1);
    cr_assert_eq(yaml_line(slice_text(""), slice_text("a")), 1);
    cr_assert_eq(yaml_line(slice_text("a: [1"), slice_text("a[0].b")), 1);
}
