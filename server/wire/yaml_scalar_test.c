#include "wire/yaml_scalar.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

TestSuite(yaml_scalar, .timeout = 5);

static enum yaml_kind kind(const char *text) {
    return yaml_scalar_kind(text);
}

Test(yaml_scalar, nothing_and_the_words_for_it_are_null) {
    static const char *const WORDS[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < 5; i++) cr_assert(kind(WORDS[i]) == YAML_NULL, "%s", WORDS[i]);
}

Test(yaml_scalar, only_true_and_false_are_booleans) {
    static const char *const WORDS[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    for (size_t i = 0; i < 6; i++) cr_assert(kind(WORDS[i]) == YAML_BOOL, "%s", WORDS[i]);
}

Test(yaml_scalar, what_older_yaml_takes_for_a_value_is_a_string) {
    static const char *const WORDS[] = {
        "yes",  "no",    "on",    "off",   "y",          "nULL", "tRUE", "1_000", "12:30:45",
        "0b11", "0o8",   "0xg",   "1.2.3", "2001-01-01", "+",    "-",    ".",     "1e",
        "e1",   "-0x1f", "+.nan", ".NAn",  "1 2",        "0x",   "<<"};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        cr_assert(kind(WORDS[i]) == YAML_STRING, "%s", WORDS[i]);
}

Test(yaml_scalar, integers_are_decimal_octal_or_hexadecimal) {
    static const struct {
        const char *text;
        int64_t     value;
    } ROWS[] = {{"0", 0},
                {"-7", -7},
                {"+7", 7},
                {"010", 10},
                {"0o17", 15},
                {"0xFf", 255},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct peeper_writer writer = {0};
        int64_t              value = 1;
        cr_assert(kind(ROWS[i].text) == YAML_INT, "%s", ROWS[i].text);
        cr_assert(yaml_scalar_write(&writer, ROWS[i].text) == STATUS_OK);
        cr_assert(peeper_value_int(peeper_writer_value(&writer), &value));
        cr_assert(value == ROWS[i].value, "%s", ROWS[i].text);
        peeper_writer_fini(&writer);
    }
}

static double number(const char *text) {
    struct peeper_writer writer = {0};
    double               value = 0;
    cr_assert(kind(text) == YAML_FLOAT, "%s", text);
    cr_assert(yaml_scalar_write(&writer, text) == STATUS_OK);
    cr_assert(peeper_value_double(peeper_writer_value(&writer), &value));
    peeper_writer_fini(&writer);
    return value;
}

Test(yaml_scalar, numbers_with_a_point_or_an_exponent_are_doubles) {
    static const struct {
        const char *text;
        double      value;
    } ROWS[] = {{"1.5", 1.5}, {"-.5", -0.5}, {"2.", 2}, {"1e3", 1000}, {"+1.5E-1", 0.15}};
    for (size_t i = 0; i < 5; i++) cr_assert(number(ROWS[i].text) == ROWS[i].value);
    cr_assert(isinf(number(".inf")) && number("-.INF") < 0 && number("+.Inf") > 0);
    cr_assert(isnan(number(".nan")) && isnan(number(".NaN")));
}

Test(yaml_scalar, a_number_that_does_not_fit_is_too_large) {
    static const char *const WORDS[] = {"9223372036854775808", "-9223372036854775809",
                                        "0x8000000000000000", "1e999", "-1e999"};
    for (size_t i = 0; i < 5; i++) {
        struct peeper_writer writer = {0};
        cr_assert(yaml_scalar_write(&writer, WORDS[i]) == STATUS_TOO_LARGE, "%s", WORDS[i]);
        cr_assert(writer.bytes == 0);
        peeper_writer_fini(&writer);
    }
}

Test(yaml_scalar, the_other_kinds_are_written_as_what_they_are) {
    struct peeper_writer writer = {0};
    bool                 truth = false;
    cr_assert(yaml_scalar_write(&writer, "no") == STATUS_OK);
    cr_assert(peeper_value_is(peeper_writer_value(&writer), "no"));
    peeper_writer_reset(&writer);
    cr_assert(yaml_scalar_write(&writer, "True") == STATUS_OK);
    cr_assert(peeper_value_bool(peeper_writer_value(&writer), &truth) && truth);
    peeper_writer_reset(&writer);
    cr_assert(yaml_scalar_write(&writer, "~") == STATUS_OK);
    cr_assert(peeper_value_kind(peeper_writer_value(&writer)) == PEEPER_NULL);
    peeper_writer_fini(&writer);
}
