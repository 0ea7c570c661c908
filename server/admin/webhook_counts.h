// webhook_counts: what each webhook counts of itself. One writer, the webhook thread; the admin
// thread shows them. A table, so that /metrics and /v1/listeners are made of the same rows.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// field, kind, help
#define WEBHOOK_COUNTS(X)                                                                      \
    X(posted, "counter", "Events that a webhook's receiver has taken")                         \
    X(retried, "counter", "Attempts to post an event again")                                   \
    X(dropped, "counter", "Events that were given up, or that there was no memory for")        \
    X(gaps, "counter", "Gaps in what a webhook was told, mostly because its receiver is slow") \
    X(queued, "gauge", "Events that wait for a webhook's receiver, or are on their way")

struct webhook_counts {
    // immutable once a thread sees it; borrowed
    const char *host;    // HOST:PORT
    const char *watched; // a name, or a prefix
    bool        prefix;
    // relaxed: figures, by which nothing else is ordered
#define WEBHOOK_COUNT(field, kind, help) atomic_uint_least64_t field;
    WEBHOOK_COUNTS(WEBHOOK_COUNT)
#undef WEBHOOK_COUNT
};
