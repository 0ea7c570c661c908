#include "wire/json.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct peeper_writer writer;

// Texts that live until the test ends.
static char  *kept[64];
static size_t kept_count;

static const char *keep(char *text) {
    cr_assert_not_null(text);
    cr_assert_lt(kept_count, sizeof kept / sizeof kept[0]);
    kept[kept_count++] = text;
    return text;
}

static void fini(void) {
    peeper_writer_fini(&writer);
    for (size_t i = 0; i < kept_count; i++) free(kept[i]);
}

TestSuite(json, .fini = fini, .timeout = 20);

static struct slice slice_text(const char *text) {
    return slice_of(text, strlen(text));
}

static const char *text_of(struct peeper_value value) {
    json_t *json = json_from_value(value);
    cr_assert_not_null(json);
    const char *text = keep(json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT));
    json_decref(json);
    return text;
}

static const char *written_text(void) {
    cr_assert(peeper_writer_done(&writer));
    return text_of(peeper_writer_value(&writer));
}

// Reads `text` as an argument and answers it as JSON again.
static const char *argument_text(const char *text) {
    peeper_writer_reset(&writer);
    json_argument_to_value(&writer, text);
    return written_text();
}

static bool argument_fails(const char *text) {
    peeper_writer_reset(&writer);
    json_argument_to_value(&writer, text);
    return writer.failed;
}

Test(json, every_kind_survives_the_way_there_and_back) {
    static const char *const TEXTS[] = {
        "null",
        "true",
        "false",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "9007199254740993",
        "0.5",
        "1.0",
        "-0.0",
        "1e22",
        "\"\"",
        "\"na\xc3\xafve \xf0\x9f\x98\x80\"",
        "\"a\\u0000b\"",
        "[]",
        "{}",
        "[1,[2,[]],{\"k\":null}]",
        "{\"b\":1,\"a\":[true,{\"\":\"\"}]}",
        "{\"$bytes\":\"\"}",
        "{\"$bytes\":\"AP8=\"}",
        "[{\"$bytes\":\"AP8A\"}]",
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        cr_expect_str_eq(argument_text(TEXTS[i]), TEXTS[i]);
    }
}

Test(json, ints_stay_exact) {
    json_t *json = json_integer(INT64_MIN + 1);
    int64_t number = 0;
    json_to_value(&writer, json);
    cr_assert(peeper_value_int(peeper_writer_value(&writer), &number));
    cr_assert_eq(number, INT64_MIN + 1);
    json_decref(json);
    json = json_from_value(peeper_writer_value(&writer));
    cr_assert_eq(json_integer_value(json), INT64_MIN + 1);
    json_decref(json);
}

Test(json, a_whole_double_stays_a_double) {
    json_argument_to_value(&writer, "3.0");
    cr_assert(peeper_value_kind(peeper_writer_value(&writer)) == PEEPER_DOUBLE);
}

Test(json, doubles_that_json_cannot_hold_become_strings) {
    peeper_write_list(&writer);
    peeper_write_double(&writer, NAN);
    peeper_write_double(&writer, INFINITY);
    peeper_write_double(&writer, -INFINITY);
    peeper_write_double(&writer, 1.7976931348623157e308);
    peeper_write_end(&writer);
    cr_assert_str_eq(written_text(), "[\"NaN\",\"Infinity\",\"-Infinity\",1.7976931348623157e308]");
}

Test(json, embedded_nuls_stay_in_strings_and_keys) {
    peeper_write_map(&writer);
    peeper_write_key_n(&writer, "k\0", 2);
    peeper_write_string_n(&writer, "\0", 1);
    peeper_write_end(&writer);
    json_t *json = json_from_value(peeper_writer_value(&writer));
    json_t *member = json_object_getn(json, "k\0", 2);
    cr_assert_eq(json_string_length(member), 1);

    peeper_writer_reset(&writer);
    json_to_value(&writer, json);
    struct peeper_value found;
    cr_assert(peeper_value_get_n(peeper_writer_value(&writer), "k\0", 2, &found));
    json_decref(json);
}

Test(json, every_byte_goes_through_base64) {
    uint8_t all[256 + 2];
    for (size_t i = 0; i < sizeof all; i++) all[i] = (uint8_t)i;
    for (size_t bytes = 254; bytes <= sizeof all; bytes++) {
        const uint8_t *data = NULL;
        size_t         back = 0;
        peeper_writer_reset(&writer);
        peeper_write_bytes(&writer, all, bytes);
        json_t *json = json_from_value(peeper_writer_value(&writer));
        peeper_writer_reset(&writer);
        json_to_value(&writer, json);
        json_decref(json);
        cr_assert(peeper_value_bytes(peeper_writer_value(&writer), &data, &back));
        cr_assert_eq(back, bytes);
        cr_assert_arr_eq(data, all, bytes);
    }
}

Test(json, only_an_object_with_that_one_key_and_a_string_is_bytes) {
    static const char *const MAPS[] = {
        "{\"$bytes\":1}",
        "{\"$bytes\":\"AP8=\",\"a\":1}",
        "{\"bytes\":\"AP8=\"}",
    };
    for (size_t i = 0; i < sizeof MAPS / sizeof MAPS[0]; i++) {
        cr_expect_str_eq(argument_text(MAPS[i]), MAPS[i]);
        cr_expect(peeper_value_kind(peeper_writer_value(&writer)) == PEEPER_MAP);
    }
}

Test(json, text_that_is_not_base64_fails_the_writer) {
    cr_expect(argument_fails("{\"$bytes\":\"AP8\"}"));
    cr_expect(argument_fails("{\"$bytes\":\"A\"}"));
    cr_expect(argument_fails("{\"$bytes\":\"AP8=AP8=\"}"));
    cr_expect(argument_fails("{\"$bytes\":\"AP_8\"}"));
    cr_expect(argument_fails("{\"$bytes\":\"AP8A\\u0000AP8A\"}"));
}

Test(json, no_json_fails_the_writer) {
    json_to_value(&writer, NULL);
    cr_assert(writer.failed);
}

Test(json, an_argument_that_is_not_json_is_a_string) {
    static const char *const STRINGS[] = {"inc", "",    "nul",   "{",  "[1,",
                                          "1 2", "'a'", "{a:1}", "01", "+1"};
    for (size_t i = 0; i < sizeof STRINGS / sizeof STRINGS[0]; i++) {
        peeper_writer_reset(&writer);
        json_argument_to_value(&writer, STRINGS[i]);
        cr_expect(peeper_value_is(peeper_writer_value(&writer), STRINGS[i]), "row %zu", i);
    }
    cr_expect_str_eq(argument_text(" 5 "), "5");
    cr_expect(argument_fails("\xff"));
}

Test(json, an_argument_that_no_value_can_hold_fails_instead_of_becoming_a_string) {
    cr_expect(argument_fails("9223372036854775808"));
    cr_expect(argument_fails("[1,-9223372036854775809]"));
    cr_expect(argument_fails("1e999"));
}

// `levels` brackets around nothing.
static const char *nested(size_t levels) {
    char *text = malloc(2 * levels + 1);
    memset(text, '[', levels);
    memset(text + levels, ']', levels);
    text[2 * levels] = '\0';
    return keep(text);
}

Test(json, nesting_is_accepted_up_to_the_depth_of_a_value) {
    static const size_t DEEP[] = {PEEPER_VALUE_DEPTH_MAX + 1, 2000, 100000};
    const char         *most = nested(PEEPER_VALUE_DEPTH_MAX);
    cr_assert_str_eq(argument_text(most), most);
    for (size_t i = 0; i < sizeof DEEP / sizeof DEEP[0]; i++) {
        cr_expect(argument_fails(nested(DEEP[i])), "%zu levels", DEEP[i]);
    }
}

Test(json, json_built_too_deep_for_a_value_fails_without_deep_recursion) {
    json_t *json = json_array();
    for (int i = 0; i < 10000; i++) {
        json_t *outer = json_array();
        cr_assert(json_array_append_new(outer, json) == 0);
        json = outer;
    }
    json_to_value(&writer, json);
    cr_assert(writer.failed);
    json_decref(json);
}

Test(json, a_malformed_value_has_no_json) {
    cr_assert_null(json_from_value((struct peeper_value){(const uint8_t *)"\x2a\x09", 2}));
    cr_assert_null(json_from_value((struct peeper_value){(const uint8_t *)"\x2a\x01\xff", 3}));
    cr_assert_str_eq(text_of((struct peeper_value){0}), "null");
}

Test(json, of_equal_keys_the_last_counts) {
    peeper_write_map(&writer);
    peeper_write_key(&writer, "k");
    peeper_write_int(&writer, 1);
    peeper_write_key(&writer, "k");
    peeper_write_int(&writer, 2);
    peeper_write_end(&writer);
    cr_assert_str_eq(written_text(), "{\"k\":2}");
}

static const char *info_text(const struct actor_info *info, bool with_state) {
    json_t *json = json_from_actor_info(info, with_state);
    cr_assert_not_null(json);
    const char *text = keep(json_dumps(json, JSON_COMPACT));
    json_decref(json);
    return text;
}

static struct actor_info sample_info(void) {
    return (struct actor_info){
        .name = slice_text("cart/7"),
        .behaviour = slice_text("counter"),
        .status = "running",
        .unit = 3,
        .incarnation = 1u << 31,
        .restarts = 2,
        .mailbox = 5,
        .worker = 1,
        .host_pid = 4242,
        .turn_ms = 9,
        .hibernating = true,
        .timers = 3,
        .links = 4,
        .monitors = 5,
        .trap_exit = true,
        .isolation = ISOLATION_OWN,
        .newest_version = 14,
    };
}

Test(json, an_actor_with_everything) {
    struct actor_info info = sample_info();
    info.last_crash = (struct crash_info){
        .kind = "raise", .reason = slice_of("\x2a\x03why", 5), .at_ms = 1700000000007, .id = 6};
    info.suspended = true;
    info.awaits = slice_text("cart/8");
    info.has_state = true;
    info.state = slice_of("\x18\x02", 2);
    info.version = 12;
    info.state_at_ms = 951782400999;
    info.state_turn = 21;
    info.stepped_back = (struct step_info){.from = 12, .to = 10, .at_ms = 1700000000008};
    cr_assert_str_eq(
        info_text(&info, true),
        "{\"name\":\"cart/7\",\"unit\":3,\"incarnation\":2147483648,"
        "\"behaviour\":\"counter\",\"status\":\"running\",\"state\":1,\"version\":12,"
        "\"restarts\":2,\"mailbox\":5,\"worker\":1,\"host_pid\":4242,\"turn_ms\":9,"
        "\"suspended\":true,\"awaits\":\"cart/"
        "8\",\"supervisor\":null,\"is_supervisor\":false,\"strategy\":null,"
        "\"hibernating\":true,\"timers\":3,\"links\":4,\"monitors\":5,\"trap_exit\":true,"
        "\"isolation\":\"own\",\"quarantined\":false,\"watchers\":0,\"events_dropped\":0,\"newest_"
        "version\":14,"
        "\"code_version\":\"\",\"code_refused\":null,"
        "\"state_at\":\"2000-02-29T00:00:00.999Z\",\"state_turn\":21,\"tables\":0,\"table_bytes\":"
        "0,"
        "\"stepped_back\":{\"from\":12,\"to\":10,\"at\":\"2023-11-14T22:13:20.008Z\"},"
        "\"last_crash\":{\"kind\":\"raise\","
        "\"reason\":\"why\",\"at\":\"2023-11-14T22:13:20.007Z\",\"crash\":6}}");
    info.last_crash.text = slice_of("init of counter", 15);
    info.last_crash.trace = slice_of("a+0x1\nb+0x2 (f)", 15);
    const char *crash = strstr(info_text(&info, true), "\"crash\":");
    cr_assert_str_eq(crash, "\"crash\":6,\"message\":\"init of counter\","
                            "\"backtrace\":[\"a+0x1\",\"b+0x2 (f)\"]}}");
}

Test(json, a_generation) {
    struct generation_info info = {
        .version = 7, .turn = (uint64_t)1 << 49, .at_ms = 1700000000007, .bytes = 3};
    json_t *json = json_from_generation(&info);
    cr_assert_str_eq(keep(json_dumps(json, JSON_COMPACT)),
                     "{\"version\":7,\"at\":\"2023-11-14T22:13:20.007Z\","
                     "\"turn\":562949953421312,\"bytes\":3}");
    json_decref(json);
}

Test(json, an_actor_without_a_state_has_nulls_and_a_listing_leaves_them_out) {
    struct actor_info info = sample_info();
    info.name = slice_of(NULL, 0);
    info.worker = -1;
    cr_assert_str_eq(
        info_text(&info, true),
        "{\"name\":\"\",\"unit\":3,\"incarnation\":2147483648,"
        "\"behaviour\":\"counter\",\"status\":\"running\",\"state\":null,"
        "\"version\":0,\"restarts\":2,\"mailbox\":5,\"worker\":-1,\"host_pid\":4242,"
        "\"turn_ms\":9,\"suspended\":false,\"awaits\":null,\"supervisor\":null,"
        "\"is_supervisor\":false,\"strategy\":null,\"hibernating\":true,"
        "\"timers\":3,\"links\":4,\"monitors\":5,"
        "\"trap_exit\":true,\"isolation\":\"own\",\"quarantined\":false,\"watchers\":"
        "0,\"events_dropped\":0,\"newest_version\":14,\"code_version\":\"\",\"code_refused\":null,"
        "\"state_at\":"
        "null,\"state_turn\":null,\"tables\":0,\"table_bytes\":0,\"stepped_back\":null,\"last_"
        "crash\":null}");
    cr_assert_str_eq(
        info_text(&info, false),
        "{\"name\":\"\",\"unit\":3,\"incarnation\":2147483648,"
        "\"behaviour\":\"counter\",\"status\":\"running\",\"restarts\":2,"
        "\"mailbox\":5,\"worker\":-1,\"host_pid\":4242,\"turn_ms\":9,"
        "\"suspended\":false,\"awaits\":null,\"supervisor\":null,\"is_supervisor\":false,"
        "\"strategy\":null,"
        "\"hibernating\":true,\"timers\":3,\"links\":4,\"monitors\":5,\"trap_exit\":true,"
        "\"isolation\":\"own\",\"quarantined\":false,\"watchers\":0,\"events_dropped\":0,\"newest_"
        "version\":14,"
        "\"code_version\":\"\",\"code_refused\":null,"
        "\"stepped_back\":null,\"last_crash\":null}");
}

Test(json, a_state_that_is_no_value_is_shown_as_bytes) {
    struct actor_info info = sample_info();
    info.has_state = true;
    info.state = slice_of("\xff\xff", 2);
    json_t *json = json_from_actor_info(&info, true);
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(json, "state"), "$bytes")),
                     "//8=");
    json_decref(json);
}

static struct crash_report sample_report(void) {
    return (struct crash_report){
        .id = 5,
        .unit = 3,
        .incarnation = 4,
        .name = slice_of("cart/7", 6),
        .behaviour = slice_of("counter", 7),
        .version = slice_of("1.2", 3),
        .kind = "signal",
        .reason = slice_of("\x2a\x03why", 5),
        .text = slice_of("SIGSEGV at 0x0", 14),
        .trace = slice_of("a+0x1\nb+0x2 (f)", 15),
        .turn = "call",
        .message = slice_of("\x2a\x02hi", 4),
        .message_bytes = 4,
        .message_set_aside = true,
        .attempts = 1,
        .redriven = 2,
        .state_version = 9,
        .host_pid = 77,
        .at_ms = 1700000000007,
    };
}

static const char *report_text(const struct crash_report *report, bool with_payload) {
    static char text[1000];
    json_t     *json = json_from_crash_report(report, with_payload);
    char       *dump = json_dumps(json, JSON_COMPACT);
    snprintf(text, sizeof text, "%s", dump);
    free(dump);
    json_decref(json);
    return text;
}

Test(json, a_crash_has_everything_and_a_listing_leaves_the_message_out) {
    struct crash_report report = sample_report();
    cr_assert_str_eq(
        report_text(&report, true),
        "{\"crash\":5,\"name\":\"cart/7\",\"unit\":3,\"incarnation\":4,\"behaviour\":\"counter\","
        "\"version\":\"1.2\",\"kind\":\"signal\",\"reason\":\"why\",\"message\":\"SIGSEGV at 0x0\","
        "\"backtrace\":[\"a+0x1\",\"b+0x2 (f)\"],\"turn\":\"call\",\"payload\":\"hi\","
        "\"payload_bytes\":4,\"payload_cut\":false,\"state_version\":9,\"host_pid\":77,"
        "\"at\":\"2023-11-14T22:13:20.007Z\",\"attempts\":1,\"message_set_aside\":true,"
        "\"redriven\":2}");
    cr_assert_null(strstr(report_text(&report, false), "\"payload\""));
}

Test(json, a_crash_without_a_message_has_none_and_a_cut_one_is_bytes) {
    struct crash_report report = sample_report();
    report.message_cut = true;
    cr_assert(strstr(report_text(&report, true), "\"payload\":{\"$bytes\":\"KgJoaQ==\"}") != NULL);
    report.turn = "";
    cr_assert_null(strstr(report_text(&report, true), "\"payload\""));
}

static size_t allocations_left;

static void *failing_malloc(size_t bytes) {
    if (allocations_left == 0) return NULL;
    allocations_left--;
    return malloc(bytes);
}

Test(json, answers_null_whichever_allocation_fails) {
    struct actor_info info = sample_info();
    info.last_crash = (struct crash_info){.kind = "raise", .reason = slice_of("\x32\x01w", 3)};
    info.last_crash.trace = slice_of("a+0x1\nb+0x2", 11);
    info.stepped_back = (struct step_info){.from = 2, .to = 1};
    info.has_state = true;
    info.state = slice_of("\x42\x0d\x0a\x0b\x0a\x01k\x12\x06\x3a\x04\x0a\x02\x08\x01", 15);
    json_set_alloc_funcs(failing_malloc, free);
    json_t *json = NULL;
    for (size_t failing = 0; json == NULL; failing++) {
        cr_assert(failing < 1000);
        allocations_left = failing;
        json = json_from_actor_info(&info, true);
        cr_assert(json != NULL || failing < 200);
    }
    cr_assert_eq(json_object_size(json), 35);
    json_decref(json);
}

Test(json, a_crash_is_null_whichever_allocation_fails) {
    struct crash_report report = sample_report();
    json_set_alloc_funcs(failing_malloc, free);
    json_t *json = NULL;
    for (size_t failing = 0; json == NULL; failing++) {
        cr_assert(failing < 1000);
        allocations_left = failing;
        json = json_from_crash_report(&report, true);
    }
    cr_assert_eq(json_object_size(json), 20);
    json_decref(json);
}

Test(json, a_table_and_its_rows_are_shown) {
    struct table_info table = {.name = slice_of("t", 1), .ordered = true, .rows = 2, .bytes = 9};
    struct row_info   row = {slice_of("\x2a\x01k", 3), slice_of("\x18\x0e", 2)};
    json_t           *json = json_from_table(&table);
    char             *text = json_dumps(json, JSON_COMPACT);
    cr_assert_str_eq(text, "{\"name\":\"t\",\"ordered\":true,\"private\":false,\"heir\":false,"
                           "\"rows\":2,\"bytes\":9}");
    free(text);
    json_decref(json);
    json = json_from_row(&row);
    text = json_dumps(json, JSON_COMPACT);
    cr_assert_str_eq(text, "{\"key\":\"k\",\"value\":7}");
    free(text);
    json_decref(json);
}

Test(json, a_key_as_text_reads_back_as_the_key) {
    static const char *const keys[] = {"\x2a\x01k", "\x18\x07", "\x10\x01", "\x32\x01z"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct slice         key = slice_of(keys[i], strlen(keys[i]));
        json_t              *json = json_from_key(key);
        struct peeper_writer back = {0};
        json_argument_to_value(&back, json_string_value(json));
        cr_assert(back.bytes == key.bytes && memcmp(back.data, key.data, key.bytes) == 0);
        peeper_writer_fini(&back);
        json_decref(json);
    }
    json_t *none = json_from_key((struct slice){0});
    cr_assert(json_is_null(none));
    json_decref(none);
}
