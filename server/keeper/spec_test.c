#include "keeper/spec.h"

#include "keeper/actor.h"
#include "wire/json.h"

#include <criterion/criterion.h>
#include <string.h>

static struct behaviour_table behaviours;
static struct spec_fault      fault;

static void begin(void) {
    uint16_t index;
    cr_assert(behaviour_put(&behaviours, slice_of("counter", 7), (struct slice){0}, 0, &index) ==
              STATUS_OK);
}

static struct peeper_writer writers[64]; // of the sources
static uint32_t             writer_count;

static void end(void) {
    spec_fault_fini(&fault);
    while (writer_count > 0) peeper_writer_fini(&writers[--writer_count]);
}

TestSuite(spec, .init = begin, .fini = end, .timeout = 10);

// The Value of a JSON text; good until the end of the test.
static struct slice json(const char *source) {
    cr_assert(writer_count < 64);
    struct peeper_writer *writer = &writers[writer_count++];
    json_argument_to_value(writer, source);
    struct peeper_value value = peeper_writer_value(writer);
    cr_assert(peeper_writer_done(writer), "not JSON: %s", source);
    return slice_of(value.data, value.bytes);
}

static bool reason_is(const char *source) {
    struct slice        wanted = json(source);
    struct peeper_value reason = peeper_writer_value(&fault.reason);
    return reason.bytes == wanted.bytes && memcmp(reason.data, wanted.data, wanted.bytes) == 0;
}

#define START "\"start\": {\"behaviour\": \"counter\", \"name\": \"n\", \"argument\": 7}"

Test(spec, a_child_has_the_defaults_of_otp) {
    struct child_spec *spec;
    cr_assert(spec_read_child(&behaviours, 0, AUTO_NEVER, json("{\"id\": \"a\", " START "}"),
                              &fault, &spec) == STATUS_OK);
    cr_assert(spec->restart == RESTART_PERMANENT);
    cr_assert(spec->on_intensity == INTENSITY_STOP);
    cr_assert(spec->shutdown_ms == SHUTDOWN_MS_DEFAULT);
    cr_assert(!spec->significant);
    cr_assert(child_spec_id(spec).bytes == 1 && child_spec_name(spec).data[0] == 'n');
    cr_assert(child_spec_argument(spec).bytes == json("7").bytes);
    child_spec_release(spec);
}

Test(spec, a_child_may_have_a_listener_between_its_name_and_its_argument) {
    struct child_spec *spec;
    cr_assert(spec_read_child(&behaviours, 0, AUTO_NEVER,
                              json("{\"id\": \"a\", \"start\": {\"behaviour\": \"counter\", "
                                   "\"name\": \"n\", \"listener\": \"ears\", \"argument\": 7}}"),
                              &fault, &spec) == STATUS_OK);
    cr_assert(child_spec_name(spec).bytes == 1);
    cr_assert(child_spec_listener(spec).bytes == 4 &&
              memcmp(child_spec_listener(spec).data, "ears", 4) == 0);
    cr_assert(child_spec_argument(spec).bytes == json("7").bytes);
    struct child_spec *once = child_spec_for_once(spec);
    cr_assert(memcmp(child_spec_listener(once).data, "ears", 4) == 0);
    child_spec_release(once);
    child_spec_release(spec);
    cr_assert(spec_read_child(&behaviours, 0, AUTO_NEVER,
                              json("{\"id\": \"a\", \"start\": {\"behaviour\": \"counter\", "
                                   "\"listener\": 7}}"),
                              &fault, &spec) == STATUS_BAD_SPEC);
    cr_assert(reason_is("[\"invalid_listener\", 7]"));
}

Test(spec, a_supervisor_has_defaults_and_its_child_waits_for_ever) {
    struct supervisor_spec *spec;
    const char *source = "{\"children\": [{\"id\": \"s\", \"start\": {\"supervisor\": {}}}]}";
    cr_assert(spec_read_supervisor(&behaviours, 0, json(source), &fault, &spec) == STATUS_OK);
    cr_assert(spec->strategy == ONE_FOR_ONE && spec->auto_shutdown == AUTO_NEVER);
    cr_assert(spec->intensity == 3 && spec->period_ms == 5000);
    cr_assert(spec->children_max == UINT32_MAX);
    cr_assert(spec->children[0]->shutdown_ms == SHUTDOWN_INFINITY);
    supervisor_spec_release(spec);
}

Test(spec, keys_that_nobody_knows_are_ignored) {
    struct supervisor_spec *spec;
    cr_assert(spec_read_supervisor(&behaviours, 0, json("{\"colour\": \"red\"}"), &fault, &spec) ==
              STATUS_OK);
    supervisor_spec_release(spec);
}

Test(spec, a_field_that_nobody_knows_is_wrong_where_a_person_wrote_it) {
    static const struct {
        const char *source, *message;
    } WRONGS[] = {
        {"{\"colour\": \"red\"}", "colour: there is no such field here, only name, strategy, "},
        {"{\"children\": [{\"id\": \"a\", " START ", \"intensity\": 3}]}",
         "children[0].intensity: there is no such field here, only id, start, restart, "},
        {"{\"children\": [{\"id\": \"a\", \"start\": {\"behaviour\": \"counter\", "
         "\"arguments\": 1}}]}",
         "children[0].start.arguments: there is no such field here, only supervisor, behaviour, "},
        {"{\"children\": [{\"id\": \"a\", \"start\": {\"behaviour\": \"counter\", "
         "\"supervisor\": {}}}]}",
         "children[0].start.behaviour: there is no such field here, only supervisor"},
        {"{\"children\": [{\"id\": \"a\", \"start\": {\"supervisor\": {\"x\": 1}}}]}",
         "children[0].start.supervisor.x: there is no such field here, only name, strategy, "},
    };
    for (size_t i = 0; i < sizeof WRONGS / sizeof WRONGS[0]; i++) {
        struct supervisor_spec *spec;
        cr_assert(spec_read_supervisor(&behaviours, 0, json(WRONGS[i].source), &fault, &spec) ==
                  STATUS_OK);
        supervisor_spec_release(spec);
        cr_assert(spec_check_strictly(&behaviours, json(WRONGS[i].source), &fault) ==
                  STATUS_BAD_SPEC);
        cr_assert(strstr(fault.message, WRONGS[i].message) == fault.message, "%s", fault.message);
    }
    cr_assert(reason_is("[\"unknown_field\", \"x\"]"));
}

Test(spec, fields_that_are_known_everywhere_pass_the_strict_check) {
    const char *source =
        "{\"name\": \"s\", \"strategy\": \"one_for_all\", \"intensity\": 1, \"period_ms\": 1000, "
        "\"max_children\": 9, \"auto_shutdown\": \"any_significant\", \"children\": [{\"id\": "
        "\"a\", \"restart\": \"transient\", \"shutdown\": 1, \"significant\": true, "
        "\"on_intensity\": \"stop\", \"start\": {\"behaviour\": \"counter\", \"name\": \"n\", "
        "\"argument\": {\"any\": 1}, \"timeout_ms\": 5, \"mailbox_max\": 6}}, {\"id\": \"b\", "
        "\"start\": {\"supervisor\": {}}}]}";
    cr_assert(spec_check_strictly(&behaviours, json(source), &fault) == STATUS_OK, "%s",
              fault.message);
}

Test(spec, a_name_that_stands_twice_in_a_tree_does_not_pass_the_strict_check) {
    const char *source =
        "{\"name\": \"s\", \"children\": [{\"id\": \"a\", \"start\": "
        "{\"behaviour\": \"counter\", \"name\": \"n\"}}, {\"id\": \"b\", "
        "\"start\": {\"supervisor\": {\"name\": \"t\", \"children\": [{\"id\": \"a\", "
        "\"start\": {\"behaviour\": \"counter\", \"name\": \"%s\"}}]}}}]}";
    static const struct {
        const char *name;
        enum status status;
    } CASES[] = {{"x", STATUS_OK}, {"n", STATUS_BAD_SPEC}, {"t", STATUS_BAD_SPEC}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[600];
        snprintf(text, sizeof text, source, CASES[i].name);
        cr_assert(spec_check_strictly(&behaviours, json(text), &fault) == CASES[i].status);
    }
    cr_assert(strstr(fault.message, "children[1].start.supervisor.children[0].start.name: \"t\" is "
                                    "not a name of its own") == fault.message,
              "%s", fault.message);
    cr_assert(reason_is("[\"duplicate_name\", \"t\"]"));
}

Test(spec, a_place_is_named_however_deep_it_is) {
    char source[4000] = "{\"x\": 1}", wrapped[4100];
    for (int i = 0; i < SPEC_DEPTH_MAX - 1; i++) {
        snprintf(wrapped, sizeof wrapped,
                 "{\"children\": [{\"id\": \"a\", \"start\": {\"supervisor\": %s}}]}", source);
        strcpy(source, wrapped);
    }
    cr_assert(spec_check_strictly(&behaviours, json(source), &fault) == STATUS_BAD_SPEC);
    cr_assert(strstr(fault.message, "children[0].start.supervisor.x: there is") != NULL, "%s",
              fault.message);
}

Test(spec, what_is_wrong_is_named_with_its_place_and_its_value) {
    static const struct {
        const char *source, *message, *reason;
    } WRONGS[] = {
        {"7", "spec: 7 is not a map", "[\"bad_start_spec\", 7]"},
        {"{\"strategy\": \"some\"}",
         "strategy: \"some\" is not one_for_one | one_for_all | rest_for_one | simple_one_for_one",
         "[\"invalid_strategy\", \"some\"]"},
        {"{\"intensity\": -1}", "intensity: -1 is not an integer from 0 to 2147483647",
         "[\"invalid_intensity\", -1]"},
        {"{\"period_ms\": 0}", "period_ms: 0 is not an integer from 1 to 3600000",
         "[\"invalid_period_ms\", 0]"},
        {"{\"max_children\": \"x\"}", "max_children: \"x\" is not an integer from 0 to 2147483647",
         "[\"invalid_max_children\", \"x\"]"},
        {"{\"children\": 5}", "children: 5 is not a list of at most 1000000 specs",
         "[\"badarg\", 5]"},
        {"{\"children\": [1]}", "children[0]: 1 is not a map", "[\"invalid_child_spec\", 1]"},
        {"{\"children\": [{" START "}]}", "children[0].id: is missing", "[\"missing_id\"]"},
        {"{\"children\": [{\"id\": \"a\"}]}", "children[0].start: is missing",
         "[\"missing_start\"]"},
        {"{\"children\": [{\"id\": \"a\", \"start\": {}}]}",
         "children[0].start.behaviour: is missing", "[\"missing_start\"]"},
        {"{\"children\": [{\"id\": \"a\", \"start\": 1}]}", "children[0].start: 1 is not a map",
         "[\"invalid_mfa\", 1]"},
        {"{\"children\": [{\"id\": \"a\", " START "}, {\"id\": \"a\", " START "}]}",
         "children[1].id: the id \"a\" stands twice", "[\"duplicate_child_name\", \"a\"]"},
        {"{\"children\": [{\"id\": \"a\", \"restart\": \"often\", " START "}]}",
         "children[0].restart: \"often\" is not permanent | transient | temporary",
         "[\"invalid_restart\", \"often\"]"},
        {"{\"children\": [{\"id\": \"a\", \"shutdown\": -5, " START "}]}",
         "children[0].shutdown: -5 is not brutal_kill | infinity | milliseconds up to 3600000",
         "[\"invalid_shutdown\", -5]"},
        {"{\"children\": [{\"id\": \"a\", \"restart\": \"temporary\", \"significant\": true, " START
         "}]}",
         "children[0].significant: true does not go with auto_shutdown never",
         "[\"bad_combination\", [\"auto_shutdown\", \"never\"], [\"significant\", \"true\"]]"},
        {"{\"auto_shutdown\": \"any_significant\", \"children\": [{\"id\": \"a\", "
         "\"significant\": true, " START "}]}",
         "children[0].significant: true does not go with restart permanent",
         "[\"bad_combination\", [\"restart\", \"permanent\"], [\"significant\", \"true\"]]"},
        {"{\"strategy\": \"simple_one_for_one\"}",
         "children: simple_one_for_one needs exactly one template", "[\"bad_start_spec\"]"},
        {"{\"strategy\": \"simple_one_for_one\", \"auto_shutdown\": \"any_significant\", "
         "\"children\": [{\"id\": \"a\", " START "}]}",
         "auto_shutdown: any_significant does not go with strategy simple_one_for_one",
         "[\"bad_combination\", [\"strategy\", \"simple_one_for_one\"], [\"auto_shutdown\", "
         "\"any_significant\"]]"},
    };
    struct supervisor_spec *spec;
    for (size_t i = 0; i < sizeof WRONGS / sizeof WRONGS[0]; i++) {
        cr_assert(spec_read_supervisor(&behaviours, 0, json(WRONGS[i].source), &fault, &spec) ==
                  STATUS_BAD_SPEC);
        cr_assert_str_eq(fault.message, WRONGS[i].message);
        cr_assert(reason_is(WRONGS[i].reason), "%s", WRONGS[i].source);
    }
}

Test(spec, a_behaviour_that_nobody_loaded_is_unknown) {
    struct child_spec *spec;
    const char        *source = "{\"id\": \"a\", \"start\": {\"behaviour\": \"nobody\"}}";
    cr_assert(spec_read_child(&behaviours, 0, AUTO_NEVER, json(source), &fault, &spec) ==
              STATUS_UNKNOWN_BEHAVIOUR);
    cr_assert_str_eq(fault.message,
                     "start.behaviour: \"nobody\" is not the name of a loaded behaviour");
}

Test(spec, bytes_that_are_no_value_are_refused) {
    struct supervisor_spec *spec;
    cr_assert(spec_read_supervisor(&behaviours, 0, slice_of("\xff\xff", 2), &fault, &spec) ==
              STATUS_BAD_SPEC);
    cr_assert(reason_is("[\"badarg\"]"));
}

Test(spec, supervisors_in_each_other_have_a_limit) {
    char source[2000] = "{}", wrapped[2100];
    for (int i = 0; i < SPEC_DEPTH_MAX; i++) {
        snprintf(wrapped, sizeof wrapped,
                 "{\"children\": [{\"id\": \"a\", \"start\": {\"supervisor\": %s}}]}", source);
        strcpy(source, wrapped);
    }
    struct supervisor_spec *spec;
    cr_assert(spec_read_supervisor(&behaviours, 0, json(source), &fault, &spec) == STATUS_BAD_SPEC);
    cr_assert(reason_is("[\"too_deep\"]"));
    cr_assert(strstr(fault.message, "].start.supervisor: more than 12") != NULL, "%s",
              fault.message);
}

Test(spec, a_tree_as_deep_as_the_limit_can_be_checked_as_the_only_child_of_a_list) {
    char source[2000] = "{}", wrapped[2100];
    for (int i = 1; i < SPEC_DEPTH_MAX; i++) {
        snprintf(wrapped, sizeof wrapped,
                 "{\"children\": [{\"id\": \"a\", \"start\": {\"supervisor\": %s}}]}", source);
        strcpy(source, wrapped);
    }
    struct supervisor_spec *spec;
    cr_assert(spec_read_supervisor(&behaviours, 0, json(source), &fault, &spec) == STATUS_OK);
    supervisor_spec_release(spec);
    snprintf(wrapped, sizeof wrapped, "[{\"id\": \"a\", \"start\": {\"supervisor\": %s}}]", source);
    cr_assert(spec_check(&behaviours, json(wrapped), &fault) == STATUS_OK);
}

Test(spec, a_list_can_be_checked_by_itself) {
    cr_assert(spec_check(&behaviours, json("[{\"id\": \"a\", " START "}]"), &fault) == STATUS_OK);
    cr_assert(spec_check(&behaviours, json("\"x\""), &fault) == STATUS_BAD_SPEC);
    cr_assert(reason_is("[\"badarg\", \"x\"]"));
}

Test(spec, a_child_that_is_written_reads_as_the_same) {
    struct child_spec   *spec, *again;
    struct peeper_writer writer = {0}, second = {0};
    const char          *source =
        "{\"id\": \"a\", \"restart\": \"transient\", \"shutdown\": \"brutal_kill\", "
        "\"significant\": true, \"on_intensity\": \"backoff\", \"start\": "
        "{\"supervisor\": {\"name\": \"s\", \"strategy\": \"rest_for_one\", "
        "\"max_children\": 5, \"children\": [{\"id\": \"b\", " START "}]}}}";
    cr_assert(spec_read_child(&behaviours, 0, AUTO_ANY_SIGNIFICANT, json(source), &fault, &spec) ==
              STATUS_OK);
    spec_write_child(&writer, &behaviours, spec);
    struct peeper_value value = peeper_writer_value(&writer);
    cr_assert(spec_read_child(&behaviours, 0, AUTO_ANY_SIGNIFICANT,
                              slice_of(value.data, value.bytes), &fault, &again) == STATUS_OK);
    spec_write_child(&second, &behaviours, again);
    cr_assert(writer.bytes == second.bytes && memcmp(writer.data, second.data, writer.bytes) == 0);
    child_spec_release(spec);
    child_spec_release(again);
    peeper_writer_fini(&writer);
    peeper_writer_fini(&second);
}

Test(spec, a_wrong_value_that_would_nest_too_deep_in_the_reason_is_left_out_of_it) {
    char source[300] = "1", wrapped[310];
    for (int i = 1; i < PEEPER_VALUE_DEPTH_MAX; i++) {
        snprintf(wrapped, sizeof wrapped, "[%s]", source);
        strcpy(source, wrapped);
    }
    char spec_text[400];
    snprintf(spec_text, sizeof spec_text, "{\"strategy\": %s}", source);
    struct supervisor_spec *spec;
    cr_assert(spec_read_supervisor(&behaviours, 0, json(spec_text), &fault, &spec) ==
              STATUS_BAD_SPEC);
    cr_assert(peeper_value_check(peeper_writer_value(&fault.reason)));
    spec_fault_fini(&fault);
    fault = (struct spec_fault){0};
    snprintf(spec_text, sizeof spec_text, "[%s]", source);
    cr_assert(spec_read_supervisor(&behaviours, 0, json(spec_text), &fault, &spec) ==
              STATUS_BAD_SPEC);
    cr_assert(reason_is("[\"bad_start_spec\"]"));
}

Test(spec, tables_to_keep_are_read_and_written_back) {
    static const char *const choices[] = {"\"all\"", "\"none\"", "[\"a\",\"bc\"]"};
    for (size_t i = 0; i < 3; i++) {
        char               source[200];
        struct child_spec *spec;
        snprintf(source, sizeof source,
                 "{\"id\": \"a\", \"start\": {\"behaviour\": \"counter\", \"argument\": 7, "
                 "\"keep_tables\": %s}}",
                 choices[i]);
        cr_assert(spec_read_child(&behaviours, 0, AUTO_NEVER, json(source), &fault, &spec) ==
                  STATUS_OK);
        cr_assert(spec->keep_all == (i == 0));
        cr_assert(child_spec_keep(spec).bytes == (i == 2 ? 5 : 0));
        cr_assert(child_spec_argument(spec).bytes == json("7").bytes);
        struct peeper_writer writer = {0};
        struct peeper_value  start, keep;
        spec_write_child(&writer, &behaviours, spec);
        cr_assert(peeper_value_get(peeper_writer_value(&writer), "start", &start));
        cr_assert(peeper_value_get(start, "keep_tables", &keep));
        struct slice wanted = json(choices[i]);
        cr_assert(keep.bytes == wanted.bytes && memcmp(keep.data, wanted.data, keep.bytes) == 0);
        peeper_writer_fini(&writer);
        child_spec_release(spec);
    }
}

Test(spec, what_is_no_choice_of_tables_is_named) {
    struct child_spec *spec;
    cr_assert(spec_read_child(&behaviours, 0, AUTO_NEVER,
                              json("{\"id\": \"a\", \"start\": {\"behaviour\": \"counter\", "
                                   "\"keep_tables\": [7]}}"),
                              &fault, &spec) == STATUS_BAD_SPEC);
    cr_assert(strstr(fault.message, "start.keep_tables: [7] is not all | none | a list") != NULL);
    cr_assert(reason_is("[\"invalid_keep_tables\", [7]]"));
}
