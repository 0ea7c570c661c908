#include "spec_text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct spec_text spec;

static bool read_words(const char *words) {
    spec_text_fini(&spec);
    return spec_text_read(&spec, words);
}

static bool strategy_is(const char *wanted) {
    struct peeper_value strategy;
    return peeper_value_get(peeper_writer_value(&spec.spec), "strategy", &strategy) &&
           peeper_value_is(strategy, wanted);
}

// Answers the name of a file with this content; the next call replaces it.
static const char *file_with(const char *content) {
    static char name[64];
    snprintf(name, sizeof(name), "/tmp/peeper-spec-text-%d", (int)getpid());
    FILE *file = fopen(name, "w");
    cr_assert(file != NULL);
    fputs(content, file);
    fclose(file);
    return name;
}

static void finish(const char *file) {
    if (file != NULL) unlink(file);
    spec_text_fini(&spec);
}

Test(spec_text, is_json_where_it_looks_like_json, .timeout = 5) {
    cr_assert(read_words(" \n{\"strategy\": \"one_for_all\"}"));
    cr_assert(strategy_is("one_for_all"));
    cr_assert(spec_text_line(&spec, "strategy: is bad") == 0, "there is no file to look into");
    cr_assert(read_words("[{\"id\": 1}]"));
    cr_assert(peeper_value_count(peeper_writer_value(&spec.spec)) == 1);
    finish(NULL);
}

Test(spec_text, a_file_holds_json_or_yaml, .timeout = 5) {
    const char *name = file_with("{\"strategy\": \"rest_for_one\"}");
    cr_assert(read_words(name), "%s", spec.why);
    cr_assert(strategy_is("rest_for_one"));
    cr_assert(read_words(file_with("# a shop\nstrategy: one_for_all\n")), "%s", spec.why);
    cr_assert(strategy_is("one_for_all"));
    unlink(name);
    cr_assert(!read_words(name));
    cr_assert(strstr(spec.why, name) != NULL && strstr(spec.why, "No such file") != NULL, "%s",
              spec.why);
    finish(NULL);
}

static void expect_place(const char *content, const char *place) {
    const char *name = file_with(content);
    char        wanted[80];
    cr_assert(!read_words(name), "%s", content);
    snprintf(wanted, sizeof(wanted), "%s%s", name, place);
    cr_assert(strncmp(spec.why, wanted, strlen(wanted)) == 0, "%s", spec.why);
    finish(name);
}

Test(spec_text, names_the_place_of_what_is_wrong, .timeout = 5) {
    expect_place("{\"strategy\":\n  one_for_all}", ":2:");
    expect_place("strategy: a\nstrategy: b\n", ":2:");
    expect_place("strategy: [a\n", ":2:");
    expect_place("", ":1:");
    cr_assert(!read_words("{\"strategy\": \"a\", \"strategy\": \"b\"}"));
    cr_assert(strstr(spec.why, "--spec:1:") != NULL && strstr(spec.why, "duplicate") != NULL, "%s",
              spec.why);
    cr_assert(!read_words("{\"intensity\": 99999999999999999999}"));
    cr_assert(spec.why[0] != '\0');
    cr_assert(!read_words(""));
    cr_assert_str_eq(spec.why, "--spec: there is nothing in it");
    cr_assert(!read_words("/"));
    cr_assert(strstr(spec.why, "Is a directory") != NULL, "%s", spec.why);
    finish(NULL);
}

Test(spec_text, knows_the_line_of_a_field_that_the_server_complains_of, .timeout = 5) {
    const char *name = file_with("strategy: one_for_one\n"
                                 "children:\n"
                                 "  - id: a\n"
                                 "    restart: often\n");
    cr_assert(read_words(name));
    cr_assert(spec_text_line(&spec, "children[0].restart: \"often\" is not it") == 4);
    cr_assert(spec_text_line(&spec, "children[0].start: is missing") == 3);
    cr_assert(spec_text_line(&spec, "something else") == 0);
    cr_assert(read_words(file_with("[{\"id\": 1},\n{\"id\": 2}]")));
    cr_assert(spec_text_line(&spec, "children[1].id: 2 is not it") == 2);
    finish(name);
}
