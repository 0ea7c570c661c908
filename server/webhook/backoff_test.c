#include "webhook/backoff.h"

#include <criterion/criterion.h>

TestSuite(backoff, .timeout = 10);

Test(backoff, a_code_of_success_is_the_end_and_a_redirect_is_none) {
    cr_assert(backoff_judge(200) == BACKOFF_DONE);
    cr_assert(backoff_judge(204) == BACKOFF_DONE);
    cr_assert(backoff_judge(299) == BACKOFF_DONE);
    cr_assert(backoff_judge(301) == BACKOFF_REFUSED);
    cr_assert(backoff_judge(308) == BACKOFF_REFUSED);
    cr_assert(backoff_judge(100) == BACKOFF_REFUSED);
}

Test(backoff, what_may_pass_is_tried_again_and_nothing_else_of_400) {
    static const unsigned again[] = {0, 408, 425, 429, 500, 502, 503, 504, 599};
    for (size_t i = 0; i < sizeof again / sizeof again[0]; i++)
        cr_assert(backoff_judge(again[i]) == BACKOFF_AGAIN, "%u", again[i]);
    for (unsigned code = 400; code < 500; code++) {
        bool passes = code == 408 || code == 425 || code == 429;
        cr_assert((backoff_judge(code) == BACKOFF_AGAIN) == passes, "%u", code);
    }
}

Test(backoff, doubles_from_100_ms_to_30_s_with_a_half_that_is_drawn) {
    static const uint32_t full[] = {100,  200,   400,   800,   1600,  3200,
                                    6400, 12800, 25600, 30000, 30000, 30000};
    for (uint32_t i = 0; i < sizeof full / sizeof full[0]; i++) {
        cr_assert(backoff_ms(i + 1, 0, 0) == full[i] / 2);
        cr_assert(backoff_ms(i + 1, full[i] / 2, 0) == full[i]);
        for (uint32_t drawn = 0; drawn < 100; drawn++) {
            uint32_t wait = backoff_ms(i + 1, drawn * 2654435761u, 0);
            cr_assert(wait >= full[i] / 2 && wait <= full[i]);
        }
    }
    cr_assert(backoff_ms(UINT32_MAX, 0, 0) == 15000);
}

Test(backoff, waits_as_long_as_the_receiver_asks_up_to_a_minute) {
    cr_assert(backoff_ms(1, 0, 1) == 1000);
    cr_assert(backoff_ms(1, 0, 60) == 60000);
    cr_assert(backoff_ms(1, 0, 61) == 60000);
    cr_assert(backoff_ms(1, 0, UINT64_MAX) == 60000);
    cr_assert(backoff_ms(10, 0, 1) == 15000);
}

Test(backoff, ends_by_count_and_by_age) {
    cr_assert(backoff_may(1, 1, 0, 100));
    cr_assert(!backoff_may(2, 1, 0, 100));
    cr_assert(!backoff_may(1, 0, 0, 100));
    cr_assert(backoff_may(1, 10, BACKOFF_AGE_MS_MAX - 100, 100));
    cr_assert(!backoff_may(1, 10, BACKOFF_AGE_MS_MAX - 99, 100));
}
