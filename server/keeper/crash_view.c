#include "keeper/crash_view.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES (256u << 10) // a page ends after this much text

// Moves a slice into the block at *at.
static void move(struct slice *slice, uint8_t **at) {
    if (slice->bytes > 0) memcpy(*at, slice->data, slice->bytes);
    slice->data = *at;
    *at += slice->bytes;
}

static size_t text_bytes(const struct crash_report *report) {
    return report->name.bytes + report->behaviour.bytes + report->version.bytes +
           report->reason.bytes + report->text.bytes + report->trace.bytes + report->message.bytes;
}

// Makes the report own what it points to: one block, which begins with the name.
static bool own(struct crash_report *report) {
    uint8_t *at = malloc(text_bytes(report) + 1);
    if (at == NULL) return false;
    move(&report->name, &at);
    move(&report->behaviour, &at);
    move(&report->version, &at);
    move(&report->reason, &at);
    move(&report->text, &at);
    move(&report->trace, &at);
    move(&report->message, &at);
    return true;
}

static bool add(struct view *view, const struct crash_report *report, bool with_message) {
    struct crash_report *copy = &view->reports[view->count];
    *copy = *report;
    if (!with_message) copy->message = (struct slice){0};
    if (!own(copy)) return false;
    view->count++;
    return true;
}

static bool wanted(const struct view *view, const struct crash_report *report) {
    if (view->name_bytes == 0) return true;
    return report->name.bytes == view->name_bytes &&
           memcmp(report->name.data, view->name, view->name_bytes) == 0;
}

enum status crash_view_list(struct shard *shard, struct view *view) {
    uint32_t limit = view->limit == 0 ? VIEW_LIST_DEFAULT : view->limit;
    if (limit > VIEW_LIST_MAX) limit = VIEW_LIST_MAX;
    view->reports = calloc(limit, sizeof *view->reports);
    if (view->reports == NULL) return STATUS_NO_MEMORY;

    size_t              bytes = 0;
    const struct crash *crash = crash_log_before(&shard->crashes, view->cursor);
    for (; crash != NULL; crash = crash_log_before(&shard->crashes, crash->report.id)) {
        if (!wanted(view, &crash->report)) continue;
        if (view->count == limit || bytes >= PAGE_BYTES) break;
        if (!add(view, &crash->report, false)) return STATUS_NO_MEMORY;
        bytes += text_bytes(&view->reports[view->count - 1]);
    }
    // The cursor is the last one that was told, which may go meanwhile.
    if (crash != NULL && view->count > 0) view->next = view->reports[view->count - 1].id;
    return STATUS_OK;
}

enum status crash_view_one(struct shard *shard, struct view *view) {
    const struct crash *crash = crash_log_find(&shard->crashes, view->crash);
    if (crash == NULL) return STATUS_NOT_FOUND;
    view->reports = calloc(1, sizeof *view->reports);
    if (view->reports == NULL) return STATUS_NO_MEMORY;
    return add(view, &crash->report, true) ? STATUS_OK : STATUS_NO_MEMORY;
}

void crash_view_lend(struct shard *shard, struct crash_info *info) {
    const struct crash *crash = crash_log_find(&shard->crashes, info->id);
    if (crash == NULL) return;
    if (crash->report.text.bytes > 0) info->text = crash->report.text;
    if (crash->report.trace.bytes > 0) info->trace = crash->report.trace;
}

void crash_view_fini(struct view *view) {
    if (view->reports == NULL) return;
    for (uint32_t i = 0; i < view->count; i++) {
        free((void *)(uintptr_t)view->reports[i].name.data);
    }
    free(view->reports);
    view->reports = NULL;
    view->count = 0;
}
