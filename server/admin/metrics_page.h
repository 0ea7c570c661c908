// metrics_page: the counters and gauges of the server as OpenMetrics text.
#pragma once

#include "keeper/mirror.h"
#include "keeper/view.h"

#define METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

// A malloc'd text, owned by the caller; NULL when memory ran out.   Thread: admin.   Blocks: on
// /proc.
char *metrics_page(const struct view *view, const struct mirror *mirror);
