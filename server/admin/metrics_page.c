#include "admin/metrics_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct row {
    const char *name;
    const char *help;
    uint64_t    value;
};

struct page {
    FILE *out;
    bool  classic;
};

// What is said of the samples that follow.
static void family(const struct page *page, const char *name, const char *kind, const char *unit,
                   const char *help) {
    const char *total = page->classic && kind[0] == 'c' ? "_total" : "";
    fprintf(page->out, "# TYPE %s%s %s\n", name, total, kind);
    if (unit != NULL && !page->classic) fprintf(page->out, "# UNIT %s %s\n", name, unit);
    fprintf(page->out, "# HELP %s%s %s.\n", name, total, help);
}

static void write_rows(const struct page *page, const char *kind, const struct row *rows,
                       size_t count) {
    for (size_t i = 0; i < count; i++) {
        family(page, rows[i].name, kind, NULL, rows[i].help);
        fprintf(page->out, "%s%s %" PRIu64 "\n", rows[i].name, kind[0] == 'c' ? "_total" : "",
                rows[i].value);
    }
}

static void counters(const struct page *page, const struct metrics *metrics) {
    const struct row rows[] = {
#define METRICS_ROW(field, name, help) {name, help, metrics->field},
        METRICS_COUNTERS(METRICS_ROW)
#undef METRICS_ROW
    };
    write_rows(page, "counter", rows, sizeof rows / sizeof rows[0]);
}

static void crashes(const struct page *page, const struct metrics *metrics) {
    family(page, "peeper_crashes", "counter", NULL, "Crashes of actors by kind");
    for (int i = 0; i < CRASH_KIND_COUNT; i++) {
        fprintf(page->out, "peeper_crashes_total{kind=\"%s\"} %" PRIu64 "\n",
                crash_kind_text((enum crash_kind)i), metrics->crashes[i]);
    }
}

static void recovery(const struct page *page, const struct metrics *metrics) {
    uint64_t count = 0;
    family(page, "peeper_recovery_seconds", "histogram", "seconds",
           "From a crash to the next committed init");
    for (int i = 0; i < RECOVERY_BUCKETS; i++) {
        count += metrics->recovery[i];
        if (i < RECOVERY_BUCKETS - 1) {
            fprintf(page->out, "peeper_recovery_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
                    RECOVERY_BOUNDS_US[i] / 1e6, count);
        } else {
            fprintf(page->out, "peeper_recovery_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", count);
        }
    }
    fprintf(page->out,
            "peeper_recovery_seconds_sum %.6f\npeeper_recovery_seconds_count %" PRIu64 "\n",
            (double)metrics->recovery_us_sum / 1e6, count);
}

static void gauges(const struct page *page, const struct view *view, const struct mirror *mirror) {
    struct mirror_counts counts;
    mirror_counts(mirror, &counts);
    const struct row rows[] = {
        {"peeper_actors", "Actors", view->gauges.actors},
        {"peeper_connections", "Client connections", view->gauges.connections},
        {"peeper_inflight_turns", "Turns in the rings that have not committed",
         view->gauges.inflight},
        {"peeper_ring_bytes", "Bytes of those turns", view->gauges.ring_bytes},
        {"peeper_mailbox_bytes", "Bytes of messages waiting in mailboxes",
         view->gauges.waiting_bytes},
        {"peeper_pending_calls", "Calls whose reply was deferred", view->gauges.pending},
        {"peeper_idempotency_keys", "Idempotency keys that are remembered", view->gauges.keys},
        {"peeper_idempotency_bytes", "Bytes of those keys and of the replies kept for them",
         view->gauges.key_bytes},
        {"peeper_timers", "Messages sent off for later that are not due", view->gauges.timers},
        {"peeper_watches", "Names and prefixes that clients watch", view->gauges.watches},
        {"peeper_ties", "Links and monitors", view->gauges.ties},
        {"peeper_standby_ready",
         "1 while a host waits with its code loaded in every pool that has a spare",
         view->gauges.standby},
        {"peeper_own_actors", "Actors with a host of their own", view->gauges.own},
        {"peeper_quarantined_actors", "Actors in quarantine", view->gauges.quarantined},
        {"peeper_crash_log_entries", "Crashes that are remembered", view->gauges.crashes},
        {"peeper_crash_log_bytes", "Bytes of those crashes", view->gauges.crash_bytes},
        {"peeper_mirror_units", "Actors with a state in the mirror", counts.units},
        {"peeper_mirror_generations", "States held by the mirror", counts.generations},
        {"peeper_mirror_state_bytes", "Bytes of those states", counts.state_bytes},
        {"peeper_mirror_tables", "Actors with tables in the mirror", counts.table_units},
        {"peeper_mirror_table_bytes", "Bytes of their rows, with what keeping them costs",
         counts.table_bytes},
        {"peeper_mirror_queue_bytes", "Bytes on their way to the mirror", counts.queue_bytes},
    };
    write_rows(page, "gauge", rows, sizeof rows / sizeof rows[0]);
}

static void resident_of(FILE *out, const char *process, int pid) {
    char               path[48];
    unsigned long long size, resident;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *statm = fopen(path, "re");
    if (statm == NULL) return; // it has just ended
    if (fscanf(statm, "%llu %llu", &size, &resident) == 2) {
        fprintf(out, "peeper_resident_bytes{process=\"%s\",pid=\"%d\"} %llu\n", process, pid,
                resident * (unsigned long long)sysconf(_SC_PAGESIZE));
    }
    fclose(statm);
}

static void resident(const struct page *page, const struct view *view) {
    family(page, "peeper_resident_bytes", "gauge", "bytes", "Resident memory of each process");
    resident_of(page->out, "keeper", (int)getpid());
    for (uint32_t i = 0; i < VIEW_HOSTS_MAX && view->gauges.host_pids[i] != 0; i++) {
        resident_of(page->out, "host", view->gauges.host_pids[i]);
    }
}

static void http_counters(const struct page *page, const struct http_counts *http) {
    const struct row rows[] = {
        {"peeper_http_requests", "HTTP requests", http->requests},
        {"peeper_http_refused", "HTTP connections over the limit", http->refused},
        {"peeper_http_cut", "HTTP connections closed for a malformed or slow request", http->cut},
        {"peeper_http_stream_pauses", "Streams of events that were interrupted for want of room",
         http->pauses},
    };
    write_rows(page, "counter", rows, sizeof rows / sizeof rows[0]);
    family(page, "peeper_http_answers", "counter", NULL, "HTTP answers by class");
    for (int i = 2; i < 6; i++) {
        fprintf(page->out, "peeper_http_answers_total{class=\"%dxx\"} %" PRIu64 "\n", i,
                http->answers[i]);
    }
    const struct row now[] = {
        {"peeper_http_connections", "HTTP connections", http->peers},
        {"peeper_http_streams", "HTTP connections that are streams of events", http->streams},
    };
    write_rows(page, "gauge", now, sizeof now / sizeof now[0]);
}

// HOST:PORT has no character that a label would have to escape.
static void webhooks(const struct page *page, const struct webhook_counts *hooks, uint32_t count) {
    if (count == 0) return;
#define WEBHOOK_FAMILY(field, kind, help)                                                \
    family(page, "peeper_webhook_" #field, kind, NULL, help);                            \
    for (uint32_t i = 0; i < count; i++) {                                               \
        fprintf(page->out,                                                               \
                "peeper_webhook_" #field "%s{webhook=\"%u\",host=\"%s\"} %" PRIu64 "\n", \
                kind[0] == 'c' ? "_total" : "", i, hooks[i].host,                        \
                atomic_load_explicit(&hooks[i].field, memory_order_relaxed));            \
    }
    WEBHOOK_COUNTS(WEBHOOK_FAMILY)
#undef WEBHOOK_FAMILY
}

char *metrics_page(const struct metrics_sources *sources, bool classic) {
    char  *text = NULL;
    size_t bytes;
    FILE  *out = open_memstream(&text, &bytes);
    if (out == NULL) return NULL;
    const struct page    *page = &(struct page){.out = out, .classic = classic};
    const struct metrics *metrics = &sources->view->metrics;
    counters(page, metrics);
    crashes(page, metrics);
    recovery(page, metrics);
    gauges(page, sources->view, sources->mirror);
    resident(page, sources->view);
    http_counters(page, sources->http);
    webhooks(page, sources->webhooks, sources->webhook_count);
    if (!classic) fputs("# EOF\n", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
