// backoff: what follows from how an attempt to post went: it is done, it is tried again after some
// time, or it is given up. A table and arithmetic; no clock, no state.
// Source: docs/webhooks.md, "Retries".
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_FIRST_MS 100u
#define BACKOFF_MAX_MS 30000u
#define BACKOFF_ASKED_MAX_MS 60000u // of Retry-After
#define BACKOFF_AGE_MS_MAX 300000u  // beyond which an event is not tried again

enum backoff_verdict {
    BACKOFF_DONE,   // the receiver has it
    BACKOFF_AGAIN,  // it may have it later
    BACKOFF_REFUSED // it will never want it
};

// What the code of an HTTP answer means; 0: there was none.   Thread: any.
enum backoff_verdict backoff_judge(unsigned code);

// How long to wait after the attempt number `attempts` (1 is the first): half of a time that
// doubles, and as much of the other half as `random` says, so that those who failed together do not
// come back together. Not less than the receiver asked for.   Thread: any.
uint32_t backoff_ms(uint32_t attempts, uint32_t random, uint64_t asked_s);

// Whether an event that has been here for `age_ms` may wait that long for one more attempt.
bool backoff_may(uint32_t attempts, uint32_t retries, uint64_t age_ms, uint32_t wait_ms);
