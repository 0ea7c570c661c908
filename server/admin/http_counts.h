// http_counts: what the HTTP face counts of itself. One writer, the admin thread, which is also who
// shows them.
#pragma once

#include <stdint.h>

struct http_counts {
    uint64_t requests;
    uint64_t answers[6]; // by the first digit of their code
    uint64_t refused;    // connections over the limit
    uint64_t cut;        // requests that were no HTTP, or too slow
    uint64_t pauses;     // of streams whose clients do not read
    uint32_t peers;      // connections now
    uint32_t streams;    // of these, streams of events
};
