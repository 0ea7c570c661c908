#include "base/status.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(status, .timeout = 20);

Test(status, a_wire_number_leads_back_to_its_row) {
    for (int i = 1; i < STATUS_COUNT; i++) {
        enum status status = (enum status)i;
        enum status back = status_from_wire(status_wire(status));
        // A number that two rows share would lead to the first of them, which is not INTERNAL.
        cr_assert(back == status || back == STATUS_INTERNAL, "%s", status_name(status));
    }
}

Test(status, internal_rows_travel_as_internal) {
    static const enum status INTERNALS[] = {STATUS_FULL, STATUS_CLOSED, STATUS_AGAIN, STATUS_IO};
    for (size_t i = 0; i < sizeof INTERNALS / sizeof INTERNALS[0]; i++) {
        cr_assert_eq(status_wire(INTERNALS[i]), status_wire(STATUS_INTERNAL));
    }
    cr_assert_eq(status_wire(STATUS_OK), 0);
}

Test(status, numbers_outside_the_table_are_internal) {
    cr_assert_eq(status_from_wire(0), STATUS_INTERNAL);
    cr_assert_eq(status_from_wire(-1), STATUS_INTERNAL);
    cr_assert_eq(status_from_wire(9999), STATUS_INTERNAL);
    cr_assert_str_eq(status_name((enum status)STATUS_COUNT), "INTERNAL");
    cr_assert_eq(status_http((enum status)9999), 500);
    cr_assert_eq(status_wire((enum status)9999), status_wire(STATUS_INTERNAL));
}

Test(status, every_row_has_a_name_a_text_and_a_code) {
    for (int i = 0; i < STATUS_COUNT; i++) {
        enum status status = (enum status)i;
        cr_assert(strlen(status_name(status)) > 0);
        cr_assert(strlen(status_text(status)) > 0);
        cr_assert(status_text(status)[strlen(status_text(status)) - 1] != '.');
        cr_assert(status_http(status) == 200 || status_http(status) >= 400);
    }
    cr_assert_str_eq(status_name(STATUS_MAILBOX_FULL), "MAILBOX_FULL");
    cr_assert_eq(status_http(STATUS_NOPROC), 404);
}

Test(status, what_may_have_run_is_not_retryable) {
    cr_assert(!status_retryable(STATUS_TIMEOUT));
    cr_assert(!status_retryable(STATUS_CRASHED));
    cr_assert(!status_retryable(STATUS_DOWN));
    cr_assert(!status_retryable(STATUS_INTERNAL));
    cr_assert(status_retryable(STATUS_MAILBOX_FULL));
    cr_assert(status_retryable(STATUS_OVERLOADED));
}
