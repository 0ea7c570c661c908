#include "histogram.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct histogram *filled(uint64_t first, uint64_t last) {
    struct histogram *histogram = calloc(1, sizeof *histogram);
    cr_assert(histogram);
    for (uint64_t i = first; i <= last; i++) histogram_add(histogram, i);
    return histogram;
}

Test(histogram, percentiles_are_at_most_one_bucket_above_the_exact_ones, .timeout = 5) {
    struct histogram *histogram = filled(1, 100000);
    const double      percents[] = {1, 50, 90, 99, 99.9};
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        double exact = percents[i] * 1000;
        double told = (double)histogram_percentile(histogram, percents[i]);
        cr_assert(told >= exact && told <= exact * 1.016, "p%g told %g", percents[i], told);
    }
    free(histogram);
}

Test(histogram, the_last_percentile_is_the_largest_duration, .timeout = 5) {
    struct histogram *histogram = filled(1, 77777);
    cr_assert_eq(histogram_percentile(histogram, 100), 77777);
    cr_assert_eq(histogram->max_ns, 77777);
    free(histogram);
}

Test(histogram, takes_the_smallest_and_the_largest_durations, .timeout = 5) {
    struct histogram *histogram = filled(0, 0);
    histogram_add(histogram, UINT64_MAX);
    cr_assert_eq(histogram_percentile(histogram, 50), 0);
    cr_assert_eq(histogram_percentile(histogram, 100), UINT64_MAX);
    free(histogram);
}

Test(histogram, an_empty_one_answers_zero, .timeout = 5) {
    struct histogram *histogram = calloc(1, sizeof *histogram);
    cr_assert_eq(histogram_percentile(histogram, 99), 0);
    free(histogram);
}
