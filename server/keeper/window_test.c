#include "keeper/window.h"

#include <criterion/criterion.h>

Test(window, counts_what_is_within_the_period, .timeout = 5) {
    struct window window = {0};
    cr_assert(window_count(&window, 10000, 5000) == 1);
    cr_assert(window_count(&window, 11000, 5000) == 2);
    cr_assert(window_count(&window, 12500, 5000) == 3);
}

Test(window, one_just_a_period_old_still_counts_and_an_older_one_does_not, .timeout = 5) {
    struct window window = {0};
    cr_assert(window_count(&window, 10000, 1000) == 1);
    cr_assert(window_count(&window, 11999, 1000) == 2);
    cr_assert(window_count(&window, 13000, 1000) == 1); // seconds 10 and 11 have gone
    cr_assert(window_count(&window, 13999, 1000) == 2);
}

Test(window, a_long_period_is_counted_in_wider_buckets, .timeout = 5) {
    struct window window = {0};
    for (uint32_t i = 1; i <= 60; i++) {
        cr_assert(window_count(&window, i * 50000u, 3600000) == i);
    }
}

Test(window, another_period_counts_what_falls_into_it, .timeout = 5) {
    struct window window = {0};
    for (uint32_t i = 1; i <= 3; i++) cr_assert(window_count(&window, 10000000 + i, 5000) == i);
    cr_assert(window_count(&window, 10100000, 600000) == 4);
    cr_assert(window_count(&window, 10700000, 600000) == 2, "the first three are gone");
    cr_assert(window_count(&window, 10700000, 5000) == 2);
    cr_assert(window_count(&window, 10800000, 5000) == 1);
}
