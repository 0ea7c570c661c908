#include "keeper/name_set.h"

#include <criterion/criterion.h>

#include <stdio.h>

#include "base/memory_fault_test.h"

static struct slice text(const char *string) {
    return slice_of(string, strlen(string));
}

Test(name_set, tells_a_second_name_from_the_first, .timeout = 5) {
    struct name_set set = {0};
    cr_assert(name_set_add(&set, text("a")) == STATUS_OK);
    cr_assert(name_set_add(&set, text("b")) == STATUS_OK);
    cr_assert(name_set_add(&set, text("ab")) == STATUS_OK);
    cr_assert(name_set_add(&set, text("a")) == STATUS_ALREADY_PRESENT);
    name_set_fini(&set);
}

Test(name_set, holds_very_many, .timeout = 20) {
    static char     names[100000][8];
    struct name_set set = {0};
    for (int i = 0; i < 100000; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        cr_assert(name_set_add(&set, text(names[i])) == STATUS_OK);
    }
    for (int i = 0; i < 100000; i++) {
        cr_assert(name_set_add(&set, text(names[i])) == STATUS_ALREADY_PRESENT);
    }
    name_set_fini(&set);
}

#ifdef CAN_REFUSE_MEMORY
Test(name_set, says_when_memory_runs_out, .timeout = 5) {
    struct name_set set = {0};
    refuse_at = 1;
    cr_assert(name_set_add(&set, text("a")) == STATUS_NO_MEMORY);
    cr_assert(name_set_add(&set, text("a")) == STATUS_OK);
    name_set_fini(&set);
}
#endif
