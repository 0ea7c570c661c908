// The commands about code: what there is, and how it is replaced.
#include "commands.h"
#include "table.h"

#include "base/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX (64u << 20)
#define COLUMNS 6

// --- behaviours ----------------------------------------------------------------------------------

static json_t *callbacks_of(const struct peeper_behaviour_info *info) {
    json_t *list = json_array();
    for (size_t i = 0; i < info->callback_count; i++) {
        json_array_append_new(list, json_string(info->callbacks[i]));
    }
    return list;
}

static enum exit_code print_line(const struct peeper_behaviour_info *info) {
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:o, s:I, s:s, s:b}", "name", info->name, "version",
                  info->version, "kind", info->kind, "callbacks", callbacks_of(info), "actors",
                  (json_int_t)info->actors, "file", info->file, "current", (int)info->current);
    if (json == NULL) {
        fputs("peeper: out of memory\n", stderr);
        return EXIT_CODE_REFUSED;
    }
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(json);
    return EXIT_CODE_OK;
}

static void fill_row(const struct peeper_behaviour_info *info, char actors[static 24],
                     const char *cells[static COLUMNS]) {
    snprintf(actors, 24, "%" PRIu64, info->actors);
    const char *row[COLUMNS] = {info->name, info->version,
                                info->kind, info->current ? "current" : "old",
                                info->file, actors};
    memcpy(cells, row, sizeof(row));
}

static void print_table(const struct peeper_behaviours *behaviours) {
    static const char *const HEAD[COLUMNS] = {"NAME",   "VERSION", "KIND",
                                              "STATUS", "FILE",    "ACTORS"};
    int                      widths[COLUMNS] = {0};
    char                     actors[24];
    const char              *cells[COLUMNS];
    table_widen(widths, HEAD, COLUMNS);
    for (size_t i = 0; i < behaviours->count; i++) {
        fill_row(&behaviours->behaviours[i], actors, cells);
        table_widen(widths, cells, COLUMNS);
    }
    table_write(stdout, widths, HEAD, COLUMNS, COLUMNS - 1);
    for (size_t i = 0; i < behaviours->count; i++) {
        fill_row(&behaviours->behaviours[i], actors, cells);
        table_write(stdout, widths, cells, COLUMNS, COLUMNS - 1);
    }
}

enum exit_code command_behaviours(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_behaviours behaviours;
    if (peeper_sync_behaviours(peeper, &behaviours) != PEEPER_STATUS_OK)
        return command_refused(peeper, invocation);
    if (!invocation->json && isatty(STDOUT_FILENO)) {
        print_table(&behaviours);
        return EXIT_CODE_OK;
    }
    for (size_t i = 0; i < behaviours.count; i++) {
        enum exit_code code = print_line(&behaviours.behaviours[i]);
        if (code != EXIT_CODE_OK) return code;
    }
    return EXIT_CODE_OK;
}

// --- upgrade and deploy --------------------------------------------------------------------------

static bool read_file(const char *path, struct buf *content) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "peeper: %s: %s\n", path, strerror(errno));
        return false;
    }
    uint8_t room[65536];
    size_t  bytes;
    bool    kept = true;
    while (kept && content->bytes <= FILE_BYTES_MAX &&
           (bytes = fread(room, 1, sizeof(room), file)) > 0) {
        kept = buf_append(content, room, bytes) == STATUS_OK;
    }
    bool good = kept && ferror(file) == 0 && content->bytes <= FILE_BYTES_MAX;
    if (!good)
        fprintf(stderr, "peeper: %s: %s\n", path, ferror(file) ? "cannot be read" : "too large");
    fclose(file);
    return good;
}

static void on_progress(void *user, const struct peeper_event *event) {
    (void)user;
    fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 " asked, %" PRIu64 " refused", event->name,
            event->done, event->total, event->refused);
    fflush(stderr);
}

static json_t *refusals_of(const struct peeper_upgrade_report *report) {
    json_t *list = json_array();
    for (size_t i = 0; i < report->refusal_count; i++) {
        const struct peeper_refusal *one = &report->refusals[i];
        json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "name", one->name, "unit",
                                              (json_int_t)one->unit, "reason", one->reason));
    }
    return list;
}

static enum exit_code print_json(const struct peeper_upgrade_report *report) {
    return output_json(json_pack(
        "{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:o}", "behaviour",
        report->behaviour, "from", report->from, "to", report->to, "dry_run", (int)report->dry_run,
        "changed", (json_int_t)report->changed, "refused", (json_int_t)report->refused, "moved",
        (json_int_t)report->moved, "gone", (json_int_t)report->gone, "left",
        (json_int_t)report->left, "took_ms", (json_int_t)report->took_ms, "stopped",
        report->stopped, "refusals", refusals_of(report)));
}

static void print_report(const struct peeper_upgrade_report *report) {
    printf("%s \"%s\" -> \"%s\": %" PRIu64 " %s, %" PRIu64 " %s", report->behaviour, report->from,
           report->to, report->changed, report->dry_run ? "would change" : "changed",
           report->refused, report->dry_run ? "would refuse" : "refused");
    if (report->moved > 0) printf(", %" PRIu64 " of other behaviours moved", report->moved);
    if (report->gone > 0) printf(", %" PRIu64 " ended meanwhile", report->gone);
    if (report->left > 0) printf(", %" PRIu64 " not asked", report->left);
    printf(" (%" PRIu64 " ms)\n", report->took_ms);
    if (report->stopped[0] != '\0') printf("stopped: %s\n", report->stopped);
    for (size_t i = 0; i < report->refusal_count; i++) {
        const struct peeper_refusal *one = &report->refusals[i];
        printf("  %s (unit %" PRIu64 "): %s\n", one->name[0] == '\0' ? "-" : one->name, one->unit,
               one->reason);
    }
    if (report->refused > report->refusal_count) puts("  ..");
}

typedef enum peeper_status bring(struct peeper_sync *, const struct peeper_upgrade *,
                                 peeper_on_progress *, void *, struct peeper_upgrade_report *);

static enum exit_code run(struct peeper_sync *peeper, const struct invocation *invocation,
                          const struct peeper_upgrade *upgrade, bring *function) {
    struct peeper_upgrade_report report;
    bool                         shown = isatty(STDERR_FILENO) != 0;
    enum peeper_status           status =
        function(peeper, upgrade, shown ? on_progress : NULL, NULL, &report);
    if (shown) fputs("\r\033[K", stderr);
    if (status != PEEPER_STATUS_OK) return command_refused(peeper, invocation);
    enum exit_code code = EXIT_CODE_OK;
    if (invocation->json || !isatty(STDOUT_FILENO)) {
        code = print_json(&report);
    } else {
        print_report(&report);
    }
    bool all = report.refused == 0 && report.left == 0;
    return code == EXIT_CODE_OK && !all ? EXIT_CODE_REFUSED : code;
}

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static enum exit_code upgrade_with(struct peeper_sync *peeper, const struct invocation *invocation,
                                   bring *function) {
    struct buf            content = {0};
    struct peeper_writer  extra = {0};
    struct peeper_upgrade upgrade = {.behaviour = invocation->behaviour,
                                     .dry_run = invocation->dry_run};
    enum exit_code        code = EXIT_CODE_USAGE;
    if (!command_write_option(&extra, invocation->extra)) goto fini;
    if (invocation->file != NULL) {
        if (!read_file(invocation->file, &content)) goto fini;
        upgrade.file = base_of(invocation->file);
        upgrade.content = (struct peeper_value){content.data, content.bytes};
    }
    upgrade.extra = peeper_writer_value(&extra);
    code = run(peeper, invocation, &upgrade, function);
fini:
    peeper_writer_fini(&extra);
    buf_fini(&content);
    return code;
}

enum exit_code command_deploy(struct peeper_sync *peeper, const struct invocation *invocation) {
    return upgrade_with(peeper, invocation, peeper_sync_deploy);
}

enum exit_code command_upgrade(struct peeper_sync *peeper, const struct invocation *invocation) {
    return upgrade_with(peeper, invocation, peeper_sync_upgrade);
}
