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

static void counters(FILE *out, const struct metrics *metrics) {
    const struct row rows[] = {
#define METRICS_ROW(field, name, help) {name, help, metrics->field},
        METRICS_COUNTERS(METRICS_ROW)
#undef METRICS_ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fprintf(out, "# TYPE %s counter\n# HELP %s %s.\n%s_total %" PRIu64 "\n", rows[i].name,
                rows[i].name, rows[i].help, rows[i].name, rows[i].value);
    }
}

static void crashes(FILE *out, const struct metrics *metrics) {
    fputs("# TYPE peeper_crashes counter\n# HELP peeper_crashes Crashes of actors by kind.\n", out);
    for (int i = 0; i < CRASH_KIND_COUNT; i++) {
        fprintf(out, "peeper_crashes_total{kind=\"%s\"} %" PRIu64 "\n",
                crash_kind_text((enum crash_kind)i), metrics->crashes[i]);
    }
}

static void recovery(FILE *out, const struct metrics *metrics) {
    uint64_t count = 0;
    fputs("# TYPE peeper_recovery_seconds histogram\n# UNIT peeper_recovery_seconds seconds\n"
          "# HELP peeper_recovery_seconds From a crash to the next committed init.\n",
          out);
    for (int i = 0; i < RECOVERY_BUCKETS; i++) {
        count += metrics->recovery[i];
        if (i < RECOVERY_BUCKETS - 1) {
            fprintf(out, "peeper_recovery_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
                    RECOVERY_BOUNDS_US[i] / 1e6, count);
        } else {
            fprintf(out, "peeper_recovery_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", count);
        }
    }
    fprintf(out, "peeper_recovery_seconds_sum %.6f\npeeper_recovery_seconds_count %" PRIu64 "\n",
            (double)metrics->recovery_us_sum / 1e6, count);
}

static void gauges(FILE *out, const struct view *view, const struct mirror *mirror) {
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
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fprintf(out, "# TYPE %s gauge\n# HELP %s %s.\n%s %" PRIu64 "\n", rows[i].name, rows[i].name,
                rows[i].help, rows[i].name, rows[i].value);
    }
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

static void resident(FILE *out, const struct view *view) {
    fputs("# TYPE peeper_resident_bytes gauge\n# UNIT peeper_resident_bytes bytes\n"
          "# HELP peeper_resident_bytes Resident memory of each process.\n",
          out);
    resident_of(out, "keeper", (int)getpid());
    for (uint32_t i = 0; i < VIEW_HOSTS_MAX && view->gauges.host_pids[i] != 0; i++) {
        resident_of(out, "host", view->gauges.host_pids[i]);
    }
}

char *metrics_page(const struct view *view, const struct mirror *mirror) {
    char  *text = NULL;
    size_t bytes;
    FILE  *out = open_memstream(&text, &bytes);
    if (out == NULL) return NULL;
    counters(out, &view->metrics);
    crashes(out, &view->metrics);
    recovery(out, &view->metrics);
    gauges(out, view, mirror);
    resident(out, view);
    fputs("# EOF\n", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
