#include "keeper/spec.h"

#include "wire/json.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(spec_hold, .timeout = 10);

static struct child_spec *read_child(const char *source) {
    static struct behaviour_table behaviours;
    struct spec_fault             fault = {0};
    struct peeper_writer          writer = {0};
    struct child_spec            *spec;
    uint16_t                      index;
    if (behaviours.count == 0) {
        cr_assert(behaviour_put(&behaviours, slice_of("counter", 7), (struct slice){0}, 0,
                                &index) == STATUS_OK);
    }
    json_argument_to_value(&writer, source);
    struct peeper_value value = peeper_writer_value(&writer);
    cr_assert(spec_read_child(&behaviours, 0, AUTO_NEVER, slice_of(value.data, value.bytes), &fault,
                              &spec) == STATUS_OK);
    peeper_writer_fini(&writer);
    return spec;
}

static bool is(struct slice text, const char *wanted) {
    return text.bytes == strlen(wanted) && memcmp(text.data, wanted, text.bytes) == 0;
}

Test(spec_hold, a_spec_is_there_as_long_as_somebody_holds_it) {
    struct child_spec *spec =
        read_child("{\"id\": \"a\", \"start\": {\"supervisor\": {\"name\": \"s\"}}}");
    struct supervisor_spec *inner = supervisor_spec_hold(spec->supervisor);
    cr_assert(child_spec_hold(spec) == spec && spec->holders == 2 && inner->holders == 2);
    child_spec_release(spec);
    cr_assert(is(child_spec_id(spec), "a"));
    child_spec_release(spec);
    cr_assert(inner->holders == 1 && inner->name[0] == 's');
    supervisor_spec_release(inner);
    child_spec_release(NULL);
    supervisor_spec_release(NULL);
}

Test(spec_hold, one_for_once_has_all_but_the_argument) {
    struct child_spec *spec =
        read_child("{\"id\": \"a\", \"start\": {\"behaviour\": \"counter\", \"name\": \"n\", "
                   "\"argument\": 7, \"keep_tables\": [\"bc\"]}}");
    struct child_spec *once = child_spec_for_once(spec);
    cr_assert(child_spec_argument(spec).bytes > 0);
    child_spec_release(spec);
    cr_assert(is(child_spec_id(once), "a") && is(child_spec_name(once), "n"));
    cr_assert(is(child_spec_keep(once), "\2bc") && !once->keep_all);
    cr_assert(child_spec_argument(once).bytes == 0);
    child_spec_release(once);
}
