#include "spec_text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct peeper_writer writer;
static char                 why[SPEC_TEXT_WHY_BYTES];

static bool read_text(const char *text) {
    peeper_writer_reset(&writer);
    why[0] = '\0';
    return spec_text_read(text, &writer, why, sizeof(why));
}

static bool strategy_is(const char *wanted) {
    struct peeper_value strategy;
    return peeper_value_get(peeper_writer_value(&writer), "strategy", &strategy) &&
           peeper_value_is(strategy, wanted);
}

// Answers the name of a file with this content; the next call replaces it.
static const char *file_with(const char *content) {
    static char name[64];
    snprintf(name, sizeof(name), "/tmp/peeper-spec-text-%d.json", (int)getpid());
    FILE *file = fopen(name, "w");
    cr_assert(file != NULL);
    fputs(content, file);
    fclose(file);
    return name;
}

Test(spec_text, is_json_where_it_looks_like_json, .timeout = 5) {
    cr_assert(read_text(" \n{\"strategy\": \"one_for_all\"}"));
    cr_assert(strategy_is("one_for_all"));
    cr_assert(read_text("[{\"id\": 1}]"));
    cr_assert(peeper_value_count(peeper_writer_value(&writer)) == 1);
    peeper_writer_fini(&writer);
}

Test(spec_text, is_a_file_elsewhere, .timeout = 5) {
    const char *name = file_with("{\"strategy\": \"rest_for_one\"}");
    cr_assert(read_text(name), "%s", why);
    cr_assert(strategy_is("rest_for_one"));
    unlink(name);
    cr_assert(!read_text(name));
    cr_assert(strstr(why, name) != NULL && strstr(why, "No such file") != NULL, "%s", why);
    peeper_writer_fini(&writer);
}

Test(spec_text, names_the_place_of_what_is_wrong, .timeout = 5) {
    const char *name = file_with("{\"strategy\":\n  one_for_all}");
    char        wanted[80];
    cr_assert(!read_text(name));
    snprintf(wanted, sizeof(wanted), "%s:2:", name);
    cr_assert(strncmp(why, wanted, strlen(wanted)) == 0, "%s", why);
    unlink(name);
    cr_assert(!read_text("{\"strategy\": \"a\", \"strategy\": \"b\"}"));
    cr_assert(strstr(why, "JSON:1:") != NULL && strstr(why, "duplicate") != NULL, "%s", why);
    cr_assert(!read_text("{\"intensity\": 99999999999999999999}"));
    cr_assert(why[0] != '\0');
    peeper_writer_fini(&writer);
}
