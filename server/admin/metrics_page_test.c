// strsep.
#define _GNU_SOURCE
#include "admin/metrics_page.h"

#include <criterion/criterion.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct mirror     *mirror;
static struct view        view;
static struct http_counts http;

static void begin(void) {
    struct mirror_options options = {
        .generations = 1, .queue_bytes = 64u << 10, .heap_bytes_max = 1u << 20};
    cr_assert(mirror_create(&options, &mirror) == STATUS_OK);
}

static void end(void) {
    mirror_destroy(mirror);
}

TestSuite(metrics_page, .init = begin, .fini = end, .timeout = 10);

static char *page(void) {
    struct metrics_sources sources = {&view, mirror, &http, NULL, 0};
    char                  *text = metrics_page(&sources, false);
    cr_assert(text != NULL);
    return text;
}

static bool has_line(const char *text, const char *line) {
    size_t bytes = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++) {
        if ((at == text || at[-1] == '\n') && at[bytes] == '\n') return true;
    }
    return false;
}

Test(metrics_page, shows_every_counter_with_its_help) {
    view.metrics.turns = 7;
    view.metrics.host_deaths = 18446744073709551615u;
    char *text = page();
#define ROW(field, name, help)                              \
    cr_assert(has_line(text, "# TYPE " name " counter"));   \
    cr_assert(has_line(text, "# HELP " name " " help ".")); \
    cr_assert(strstr(text, "\n" name "_total ") != NULL);
    METRICS_COUNTERS(ROW)
#undef ROW
    cr_assert(has_line(text, "peeper_turns_total 7"));
    cr_assert(has_line(text, "peeper_host_deaths_total 18446744073709551615"));
    free(text);
}

Test(metrics_page, shows_crashes_by_kind) {
    view.metrics.crashes[CRASH_SIGNAL] = 3;
    char *text = page();
    cr_assert(has_line(text, "peeper_crashes_total{kind=\"signal\"} 3"));
    for (int i = 0; i < CRASH_KIND_COUNT; i++) {
        char line[80];
        snprintf(line, sizeof line, "\npeeper_crashes_total{kind=\"%s\"} ",
                 crash_kind_text((enum crash_kind)i));
        cr_assert(strstr(text, line) != NULL, "%s", line);
    }
    free(text);
}

Test(metrics_page, the_buckets_of_the_histogram_add_up) {
    metrics_recovery(&view.metrics, 50);
    metrics_recovery(&view.metrics, 60);
    metrics_recovery(&view.metrics, 9000000);
    char *text = page();
    cr_assert(has_line(text, "peeper_recovery_seconds_bucket{le=\"5e-05\"} 1"));
    cr_assert(has_line(text, "peeper_recovery_seconds_bucket{le=\"0.0001\"} 2"));
    cr_assert(has_line(text, "peeper_recovery_seconds_bucket{le=\"5\"} 2"));
    cr_assert(has_line(text, "peeper_recovery_seconds_bucket{le=\"+Inf\"} 3"));
    cr_assert(has_line(text, "peeper_recovery_seconds_count 3"));
    cr_assert(has_line(text, "peeper_recovery_seconds_sum 9.000110"));
    free(text);
}

Test(metrics_page, shows_the_gauges) {
    view.gauges = (struct gauges){.actors = 4, .connections = 5, .inflight = 6, .waiting_bytes = 8};
    char *text = page();
    cr_assert(has_line(text, "peeper_actors 4"));
    cr_assert(has_line(text, "peeper_connections 5"));
    cr_assert(has_line(text, "peeper_inflight_turns 6"));
    cr_assert(has_line(text, "peeper_mailbox_bytes 8"));
    cr_assert(has_line(text, "peeper_mirror_units 0"));
    free(text);
}

Test(metrics_page, shows_the_memory_of_the_processes_that_live) {
    view.gauges = (struct gauges){.host_pids = {(int32_t)getpid(), 0, 12345}};
    char *text = page();
    char  line[80];
    snprintf(line, sizeof line, "\npeeper_resident_bytes{process=\"keeper\",pid=\"%d\"} ",
             getpid());
    cr_assert(strstr(text, line) != NULL);
    snprintf(line, sizeof line, "\npeeper_resident_bytes{process=\"host\",pid=\"%d\"} ", getpid());
    cr_assert(strstr(text, line) != NULL);
    cr_assert(strstr(text, "12345") == NULL, "0 ends the list");
    free(text);
    // All four places may be taken.
    view.gauges = (struct gauges){.host_pids = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}};
    text = page();
    cr_assert(strstr(text, "process=\"host\"") == NULL, "processes that have ended are left out");
    free(text);
}

// Each line is a comment, or a sample: a name, perhaps labels, a blank, a number. Each family is
// told once, before its samples.
Test(metrics_page, is_well_formed) {
    char *text = page();
    char  family[100] = "";
    cr_assert(strlen(text) > 6);
    cr_assert_str_eq(text + strlen(text) - 6, "# EOF\n");
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
        if (strcmp(line, "# EOF") == 0) {
            cr_assert(*rest == '\0');
            break;
        }
        if (line[0] == '#') {
            char name[100];
            cr_assert(sscanf(line, "# %*s %99s", name) == 1);
            if (strncmp(line, "# TYPE ", 7) == 0) {
                cr_assert_str_neq(name, family);
                strcpy(family, name);
            }
            cr_assert_str_eq(name, family);
            continue;
        }
        cr_assert(strncmp(line, family, strlen(family)) == 0, "%s", line);
        char *value = strrchr(line, ' ');
        cr_assert(value != NULL && isdigit((unsigned char)value[1]), "%s", line);
    }
    free(text);
}

Test(metrics_page, shows_each_webhook) {
    static struct webhook_counts hooks[2] = {{.host = "a:443", .posted = 5, .queued = 2},
                                             {.host = "b:80", .dropped = 1}};
    struct metrics_sources       sources = {&view, mirror, &http, hooks, 2};
    char                        *text = metrics_page(&sources, false);
    cr_assert(has_line(text, "# TYPE peeper_webhook_posted counter"));
    cr_assert(has_line(text, "peeper_webhook_posted_total{webhook=\"0\",host=\"a:443\"} 5"));
    cr_assert(has_line(text, "peeper_webhook_dropped_total{webhook=\"1\",host=\"b:80\"} 1"));
    cr_assert(has_line(text, "# TYPE peeper_webhook_queued gauge"));
    cr_assert(has_line(text, "peeper_webhook_queued{webhook=\"0\",host=\"a:443\"} 2"));
    free(text);
}
