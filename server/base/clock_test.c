#include "base/clock.h"

#include <criterion/criterion.h>
#include <time.h>

TestSuite(clock, .timeout = 20);

Test(clock, monotonic_time_never_goes_back) {
    uint64_t before_ns = clock_mono_ns();
    for (int i = 0; i < 100000; i++) {
        uint64_t now_ns = clock_mono_ns();
        cr_assert_geq(now_ns, before_ns);
        before_ns = now_ns;
    }
}

Test(clock, milliseconds_are_the_nanoseconds_of_the_same_clock) {
    uint64_t before_ms = clock_mono_ns() / 1000000;
    uint64_t now_ms = clock_mono_ms();
    uint64_t after_ms = clock_mono_ns() / 1000000;
    cr_assert(before_ms <= now_ms && now_ms <= after_ms);
}

Test(clock, wall_time_counts_milliseconds_since_1970) {
    time_t   before = time(NULL);
    uint64_t wall_ms = clock_wall_ms();
    time_t   after = time(NULL);
    // time() may lag behind clock_gettime() by one tick.
    cr_assert(wall_ms / 1000 >= (uint64_t)before && wall_ms / 1000 <= (uint64_t)after + 1);
}
