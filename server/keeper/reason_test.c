#include "keeper/reason.h"

#include <criterion/criterion.h>
#include <peeper/value.h>

Test(reason, normal_and_shutdown_are_orderly_and_nothing_else, .timeout = 5) {
    cr_assert(reason_orderly(reason_normal()));
    cr_assert(reason_orderly(reason_shutdown()));
    cr_assert(!reason_orderly(reason_killed()));
    cr_assert(!reason_orderly(reason_noproc()));
    cr_assert(!reason_orderly((struct slice){0}));
}

Test(reason, shutdown_with_a_detail_is_orderly, .timeout = 5) {
    struct peeper_writer writer = {0};
    peeper_write_list(&writer);
    peeper_write_string(&writer, "shutdown");
    peeper_write_int(&writer, 1);
    peeper_write_end(&writer);
    struct peeper_value value = peeper_writer_value(&writer);
    cr_assert(reason_orderly(slice_of(value.data, value.bytes)));
    peeper_writer_fini(&writer);
}

Test(reason, each_is_a_well_formed_value, .timeout = 5) {
    struct slice reasons[] = {reason_normal(), reason_shutdown(),     reason_killed(),
                              reason_noproc(), reason_noconnection(), reason_too_large()};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        struct peeper_value value = {reasons[i].data, reasons[i].bytes};
        cr_assert(peeper_value_check(value));
    }
}
