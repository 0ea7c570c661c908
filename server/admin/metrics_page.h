// metrics_page: the counters and gauges of the server as OpenMetrics text.
#pragma once

#include "admin/http_counts.h"
#include "admin/webhook_counts.h"
#include "keeper/mirror.h"
#include "keeper/view.h"

#define METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define METRICS_TYPE_CLASSIC "text/plain; version=0.0.4; charset=utf-8"

// `classic`: in the text format that came before OpenMetrics, where a counter's family has the name
// of its samples.
// A malloc'd text, owned by the caller; NULL when memory ran out.   Thread: admin.   Blocks: on
// /proc.
struct metrics_sources {
    const struct view           *view;
    const struct mirror         *mirror;
    const struct http_counts    *http;
    const struct webhook_counts *webhooks;
    uint32_t                     webhook_count;
};

char *metrics_page(const struct metrics_sources *sources, bool classic);
