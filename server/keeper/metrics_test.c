#include "keeper/metrics.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(metrics, .timeout = 10);

Test(metrics, every_kind_of_crash_has_its_own_word) {
    for (int i = 0; i < CRASH_KIND_COUNT; i++) {
        for (int k = 0; k < i; k++) {
            cr_assert_str_neq(crash_kind_text((enum crash_kind)i),
                              crash_kind_text((enum crash_kind)k));
        }
    }
    cr_assert_str_eq(crash_kind_text(CRASH_HOST_LOST), "host_lost");
}

Test(metrics, the_bounds_of_the_histogram_rise) {
    for (int i = 1; i < RECOVERY_BUCKETS - 1; i++) {
        cr_assert(RECOVERY_BOUNDS_US[i] > RECOVERY_BOUNDS_US[i - 1]);
    }
}

Test(metrics, a_recovery_counts_in_the_first_bucket_whose_bound_it_does_not_pass) {
    struct metrics metrics = {0};
    uint64_t       sum = 0;
    for (int i = 0; i < RECOVERY_BUCKETS - 1; i++) {
        metrics_recovery(&metrics, RECOVERY_BOUNDS_US[i]);
        sum += RECOVERY_BOUNDS_US[i];
        cr_assert(metrics.recovery[i] == 1, "bucket %d", i);
    }
    cr_assert(metrics.recovery_us_sum == sum);
    metrics_recovery(&metrics, RECOVERY_BOUNDS_US[0] + 1);
    cr_assert(metrics.recovery[1] == 2);
    metrics_recovery(&metrics, 0);
    cr_assert(metrics.recovery[0] == 2);
}

Test(metrics, what_is_over_every_bound_counts_in_the_last_bucket) {
    struct metrics metrics = {0};
    metrics_recovery(&metrics, RECOVERY_BOUNDS_US[RECOVERY_BUCKETS - 2] + 1);
    metrics_recovery(&metrics, UINT32_MAX);
    cr_assert(metrics.recovery[RECOVERY_BUCKETS - 1] == 2);
}

Test(metrics, names_are_prefixed_and_without_the_suffix_that_the_page_adds) {
    static const char *const names[] = {
#define NAME(field, name, help) name,
        METRICS_COUNTERS(NAME)
#undef NAME
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cr_assert(strncmp(names[i], "peeper_", 7) == 0, "%s", names[i]);
        cr_assert(strstr(names[i], "_total") == NULL, "%s", names[i]);
        for (size_t k = 0; k < i; k++) cr_assert_str_neq(names[i], names[k]);
    }
}
