#include "keeper/crash_log.h"

#include "base/check.h"
#include "keeper/reason.h"

#include <stdlib.h>
#include <string.h>

static const char *const TURN_TEXTS[] = {
    [0] = "",
    [TURN_INIT] = "init",
    [TURN_CALL] = "call",
    [TURN_CAST] = "cast",
    [TURN_INFO] = "info",
    [TURN_CONTINUE] = "continue",
    [TURN_TERMINATE] = "terminate",
    [TURN_REPLACE] = "replace",
};

const char *crash_turn_text(enum turn_kind turn) {
    size_t rows = sizeof TURN_TEXTS / sizeof TURN_TEXTS[0];
    return (size_t)turn < rows && TURN_TEXTS[turn] != NULL ? TURN_TEXTS[turn] : "";
}

enum status crash_log_init(struct crash_log *log, uint32_t entries_max, uint64_t bytes_max) {
    *log = (struct crash_log){.entries_max = entries_max, .bytes_max = bytes_max};
    list_init(&log->all);
    list_init(&log->plain);
    if (entries_max == 0) return STATUS_OK;

    log->bucket_count = 1;
    while (log->bucket_count < entries_max && log->bucket_count < 1u << 20) log->bucket_count *= 2;
    log->buckets = malloc(2 * (size_t)log->bucket_count * sizeof *log->buckets);
    if (log->buckets == NULL) return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < 2 * log->bucket_count; i++) list_init(&log->buckets[i]);
    return STATUS_OK;
}

// Both numbers count up, so their low bits spread them.
static struct list *bucket_of_unit(const struct crash_log *log, uint64_t unit) {
    return &log->buckets[unit & (log->bucket_count - 1)];
}

static struct list *bucket_of_id(const struct crash_log *log, uint64_t id) {
    return &log->buckets[log->bucket_count + (id & (log->bucket_count - 1))];
}

void crash_log_discard(struct crash_log *log, struct crash *crash) {
    list_remove(&crash->all);
    list_remove(&crash->plain);
    list_remove(&crash->of_unit);
    list_remove(&crash->of_id);
    log->count--;
    log->bytes -= crash->bytes;
    free(crash);
}

void crash_log_fini(struct crash_log *log) {
    while (log->count > 0) crash_log_discard(log, LIST_ENTRY(log->all.next, struct crash, all));
    free(log->buckets);
    *log = (struct crash_log){0};
}

// --- making room ---

static void drop_oldest(struct crash_log *log) {
    CHECK(!list_empty(&log->all));
    bool plain = !list_empty(&log->plain);
    crash_log_discard(log, plain ? LIST_ENTRY(log->plain.next, struct crash, plain)
                                 : LIST_ENTRY(log->all.next, struct crash, all));
}

// Of a unit that has as many as it may have, the oldest goes.
static void make_room_of_unit(struct crash_log *log, uint64_t unit) {
    struct list  *bucket = bucket_of_unit(log, unit);
    struct crash *oldest = NULL, *plain = NULL;
    uint32_t      count = 0;
    for (struct list *link = bucket->next; link != bucket; link = link->next) {
        struct crash *crash = LIST_ENTRY(link, struct crash, of_unit);
        if (crash->report.unit != unit) continue;
        count++;
        if (oldest == NULL) oldest = crash;
        if (plain == NULL && !crash->report.message_set_aside) plain = crash;
    }
    if (count >= CRASHES_PER_UNIT_MAX) crash_log_discard(log, plain != NULL ? plain : oldest);
}

static bool make_room(struct crash_log *log, uint64_t unit, uint32_t bytes) {
    if (bytes > log->bytes_max) return false;
    make_room_of_unit(log, unit);
    while (log->count >= log->entries_max || bytes > log->bytes_max - log->bytes) drop_oldest(log);
    return true;
}

// --- adding ---

static struct slice cut(struct slice slice, size_t bytes_max) {
    if (slice.bytes > bytes_max) slice.bytes = bytes_max;
    return slice;
}

// Copies a slice to *at and makes it point there.
static void keep(struct slice *slice, uint8_t **at) {
    if (slice->bytes > 0) memcpy(*at, slice->data, slice->bytes);
    slice->data = *at;
    *at += slice->bytes;
}

// What a host said about itself is shown on terminals and sent as UTF-8.
static void keep_printable(struct slice *slice, uint8_t **at, bool lines) {
    uint8_t *text = *at;
    keep(slice, at);
    for (size_t i = 0; i < slice->bytes; i++) {
        bool fine = (text[i] >= 0x20 && text[i] < 0x7f) || (lines && text[i] == '\n');
        if (!fine) text[i] = '?';
    }
}

static void cut_report(struct crash_report *report) {
    report->name = cut(report->name, CRASH_TEXT_BYTES_MAX);
    report->behaviour = cut(report->behaviour, CRASH_TEXT_BYTES_MAX);
    report->version = cut(report->version, CRASH_TEXT_BYTES_MAX);
    report->text = cut(report->text, CRASH_TEXT_BYTES_MAX);
    report->trace = cut(report->trace, TRACE_BYTES_MAX);
    if (report->reason.bytes > CRASH_REASON_BYTES_MAX) report->reason = reason_too_large();
    report->message_bytes = report->message.bytes;
    report->message_cut = report->message.bytes > CRASH_MESSAGE_BYTES_MAX;
    report->message = cut(report->message, CRASH_MESSAGE_BYTES_MAX);
}

static size_t text_bytes(const struct crash_report *report) {
    return report->name.bytes + report->behaviour.bytes + report->version.bytes +
           report->text.bytes + report->trace.bytes + report->reason.bytes + report->message.bytes;
}

static void link(struct crash_log *log, struct crash *crash) {
    list_push(&log->all, &crash->all);
    list_init(&crash->plain);
    if (!crash->report.message_set_aside) list_push(&log->plain, &crash->plain);
    list_push(bucket_of_unit(log, crash->report.unit), &crash->of_unit);
    list_push(bucket_of_id(log, crash->report.id), &crash->of_id);
    log->count++;
    log->bytes += crash->bytes;
}

uint64_t crash_log_add(struct crash_log *log, const struct crash_report *report,
                       enum turn_kind turn) {
    struct crash_report kept = *report;
    if (log->entries_max == 0) return 0;
    cut_report(&kept);
    size_t bytes = sizeof(struct crash) + text_bytes(&kept);
    if (!make_room(log, kept.unit, (uint32_t)bytes)) return 0;
    struct crash *crash = malloc(bytes);
    if (crash == NULL) return 0;

    uint8_t *at = crash->text;
    keep(&kept.name, &at);
    keep(&kept.reason, &at);
    keep(&kept.message, &at);
    keep_printable(&kept.behaviour, &at, false);
    keep_printable(&kept.version, &at, false);
    keep_printable(&kept.text, &at, false);
    keep_printable(&kept.trace, &at, true);
    kept.id = ++log->id_last;
    kept.turn = crash_turn_text(turn);
    crash->turn = turn;
    crash->bytes = (uint32_t)bytes;
    crash->report = kept;
    link(log, crash);
    return kept.id;
}

// --- reading ---

struct crash *crash_log_find(struct crash_log *log, uint64_t id) {
    if (log->count == 0) return NULL;
    struct list *bucket = bucket_of_id(log, id);
    for (struct list *at = bucket->next; at != bucket; at = at->next) {
        struct crash *crash = LIST_ENTRY(at, struct crash, of_id);
        if (crash->report.id == id) return crash;
    }
    return NULL;
}

struct crash *crash_log_before(struct crash_log *log, uint64_t id) {
    // Mostly the one where the reader stands is still there.
    struct crash *here = id == 0 ? NULL : crash_log_find(log, id);
    struct list  *at = here == NULL ? log->all.prev : here->all.prev;
    for (; at != &log->all; at = at->prev) {
        struct crash *crash = LIST_ENTRY(at, struct crash, all);
        if (id == 0 || crash->report.id < id) return crash;
    }
    return NULL;
}

const char *crash_redrive_fault(const struct crash *crash) {
    switch (crash->turn) {
        case TURN_CALL:
        case TURN_CAST:
        case TURN_INFO:
        case TURN_CONTINUE: break;
        case TURN_INIT: return "an init is not run again: start the actor anew";
        case TURN_TERMINATE: return "a terminate is not run again";
        default: return "no message did this";
    }
    return crash->report.message_cut ? "the message was over 65536 bytes and is not kept whole"
                                     : NULL;
}
