#include "keeper/behaviour_table.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static struct behaviour_table table;

TestSuite(behaviour_table, .timeout = 10);

static struct slice raw(const char *text) {
    return slice_of(text, strlen(text));
}

static enum status put(const char *name, const char *version, uint32_t deadline_ms,
                       uint16_t *ret_index) {
    return behaviour_put(&table, raw(name), raw(version), deadline_ms, ret_index);
}

Test(behaviour_table, a_behaviour_is_found_by_its_name) {
    uint16_t first = 99, second = 99, found = 99;
    cr_assert(put("counter", "1.2", 250, &first) == STATUS_OK);
    cr_assert(put("cache", "", 0, &second) == STATUS_OK);
    cr_assert(first != second);
    cr_assert(behaviour_find(&table, raw("cache"), &found) == STATUS_OK);
    cr_assert(found == second);
    cr_assert_str_eq(table.rows[first].name, "counter");
    cr_assert_str_eq(table.rows[first].version, "1.2");
    cr_assert(table.rows[first].turn_deadline_ms == 250);
}

Test(behaviour_table, an_unknown_name_leaves_the_index_alone) {
    uint16_t index = 77;
    cr_assert(put("counter", "1", 0, &index) == STATUS_OK);
    index = 77;
    cr_assert(behaviour_find(&table, raw("count"), &index) == STATUS_UNKNOWN_BEHAVIOUR);
    cr_assert(behaviour_find(&table, raw("counters"), &index) == STATUS_UNKNOWN_BEHAVIOUR);
    cr_assert(behaviour_find(&table, raw(""), &index) == STATUS_UNKNOWN_BEHAVIOUR);
    cr_assert(index == 77);
}

Test(behaviour_table, a_behaviour_that_is_reported_again_keeps_its_place) {
    uint16_t first, again;
    cr_assert(put("counter", "1", 10, &first) == STATUS_OK);
    cr_assert(put("counter", "2", 20, &again) == STATUS_OK);
    cr_assert(first == again);
    cr_assert(table.count == 1);
    cr_assert_str_eq(table.rows[first].version, "2");
    cr_assert(table.rows[first].turn_deadline_ms == 20);
}

Test(behaviour_table, without_a_deadline_the_default_counts) {
    uint16_t index;
    cr_assert(put("counter", "1", 0, &index) == STATUS_OK);
    cr_assert(table.rows[index].turn_deadline_ms == DEADLINE_MS_DEFAULT);
}

Test(behaviour_table, a_name_is_short_and_of_plain_letters) {
    uint16_t index = 77;
    char     name[BEHAVIOUR_NAME_BYTES_MAX + 2];
    memset(name, 'n', sizeof name);
    name[BEHAVIOUR_NAME_BYTES_MAX + 1] = '\0';
    cr_assert(put(name, "1", 0, &index) == STATUS_INVALID);
    cr_assert(put("", "1", 0, &index) == STATUS_INVALID);
    cr_assert(put("Counter", "1", 0, &index) == STATUS_INVALID);
    cr_assert(put("a b", "1", 0, &index) == STATUS_INVALID);
    cr_assert(put("a/b", "1", 0, &index) == STATUS_INVALID);
    cr_assert(behaviour_put(&table, slice_of("a\0b", 3), raw("1"), 0, &index) == STATUS_INVALID);
    cr_assert(index == 77);
    cr_assert(table.count == 0);
    name[BEHAVIOUR_NAME_BYTES_MAX] = '\0';
    cr_assert(put(name, "1", 0, &index) == STATUS_OK);
    cr_assert(put("a-z_0.9", "1", 0, &index) == STATUS_OK);
}

Test(behaviour_table, a_long_version_is_cut) {
    uint16_t index;
    char     version[200];
    memset(version, 'v', sizeof version);
    version[199] = '\0';
    cr_assert(put("counter", version, 0, &index) == STATUS_OK);
    cr_assert(strlen(table.rows[index].version) == BEHAVIOUR_NAME_BYTES_MAX);
}

Test(behaviour_table, a_full_table_takes_no_new_name_but_still_updates) {
    uint16_t index;
    for (int i = 0; i < BEHAVIOURS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "b%d", i);
        cr_assert(put(name, "1", 0, &index) == STATUS_OK);
    }
    cr_assert(put("one-more", "1", 0, &index) == STATUS_FULL);
    cr_assert(put("b0", "2", 0, &index) == STATUS_OK);
    cr_assert(index == 0);
}
