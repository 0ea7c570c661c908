// clock: the two clocks. Everything that waits uses the monotonic one.
#pragma once

#include <stdint.h>

// Monotonic time.   Units: nanoseconds, milliseconds.   Thread: any.
uint64_t clock_mono_ns(void);
uint64_t clock_mono_ms(void);

// Wall clock, for people only.   Units: milliseconds since 1970.   Thread: any.
uint64_t clock_wall_ms(void);
