#include "output.h"

#include "table.h"
#include "wire/json.h"
#include "wire/turn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// --- JSON ----------------------------------------------------------------------------------------

static enum exit_code no_memory(void) {
    fputs("NO_MEMORY: peeper is out of memory\n", stderr);
    return EXIT_CODE_REFUSED;
}

// Takes `json` (NULL: memory ran out) and prints it on a line of its own.
static enum exit_code print(FILE *out, json_t *json, size_t flags) {
    if (json == NULL) return no_memory();
    int result = json_dumpf(json, out, flags | JSON_ENCODE_ANY);
    json_decref(json);
    if (result != 0) return no_memory();
    fputc('\n', out);
    return EXIT_CODE_OK;
}

// An actor may use an encoding of its own; then its bytes are shown as bytes.
json_t *output_value_json(struct peeper_value value) {
    if (peeper_value_check(value)) return json_from_value(value);
    struct peeper_writer writer = {0};
    peeper_write_bytes(&writer, value.data, value.bytes);
    json_t *json =
        peeper_writer_done(&writer) ? json_from_value(peeper_writer_value(&writer)) : NULL;
    peeper_writer_fini(&writer);
    return json;
}

enum exit_code output_value(struct peeper_value value) {
    return print(stdout, output_value_json(value), JSON_COMPACT);
}

enum exit_code output_event(const struct peeper_event *event) {
    return print(stdout,
                 json_pack("{s:s, s:I, s:o}", "name", event->name, "incarnation",
                           (json_int_t)event->id, "reason", output_value_json(event->reason)),
                 JSON_COMPACT);
}

enum exit_code output_id(uint64_t id) {
    return printf("%" PRIu64 "\n", id) < 0 ? EXIT_CODE_REFUSED : EXIT_CODE_OK;
}

enum exit_code output_ok(void) {
    return puts("ok") < 0 ? EXIT_CODE_REFUSED : EXIT_CODE_OK;
}

enum exit_code output_started(const struct peeper_started *started) {
    json_t *json = json_pack("{s:s, s:I, s:I}", "name", started->name, "incarnation",
                             (json_int_t)started->id, "unit", (json_int_t)started->unit);
    if (json != NULL && started->ignored) json_object_set_new(json, "ignored", json_true());
    if (json != NULL && started->info.bytes > 0) {
        json_object_set_new(json, "info", output_value_json(started->info));
    }
    return print(stdout, json, JSON_COMPACT);
}

enum exit_code output_json_line(json_t *json) {
    return print(stdout, json, JSON_COMPACT);
}

enum exit_code output_json(json_t *json) {
    return print(stdout, json, JSON_INDENT(2));
}

enum exit_code output_child_counts(const struct peeper_child_counts *counts) {
    json_t *json =
        json_pack("{s:I, s:I, s:I, s:I}", "specs", (json_int_t)counts->specs, "active",
                  (json_int_t)counts->active, "supervisors", (json_int_t)counts->supervisors,
                  "workers", (json_int_t)counts->workers);
    return print(stdout, json, JSON_COMPACT);
}

// The lines of a backtrace as one text with \n between them.
struct trace {
    char   text[TRACE_BYTES_MAX + 1];
    size_t bytes;
};

static struct slice join(struct trace *trace, const char *const *lines, size_t count) {
    trace->bytes = 0;
    for (size_t i = 0; i < count && trace->bytes < TRACE_BYTES_MAX; i++) {
        size_t left = sizeof(trace->text) - trace->bytes;
        int bytes = snprintf(trace->text + trace->bytes, left, "%s%s", i > 0 ? "\n" : "", lines[i]);
        if (bytes < 0) break;
        trace->bytes += (size_t)bytes < left ? (size_t)bytes : left - 1;
    }
    return slice_of(trace->text, trace->bytes);
}

static struct slice slice_text(const char *text) {
    return slice_of(text, text == NULL ? 0 : strlen(text));
}

static struct actor_info info_of(const struct peeper_actor *actor, struct trace *trace) {
    return (struct actor_info){
        .name = slice_text(actor->name),
        .behaviour = slice_text(actor->behaviour),
        .status = actor->status,
        .unit = actor->unit,
        .incarnation = actor->incarnation,
        .restarts = actor->restarts,
        .mailbox = actor->mailbox,
        .worker = actor->worker,
        .host_pid = actor->host_pid,
        .turn_ms = actor->turn_ms,
        .suspended = actor->suspended,
        // A name or an "@id", as it shall be shown.
        .supervisor = slice_text(actor->supervisor),
        .is_supervisor = actor->is_supervisor,
        .strategy = actor->is_supervisor ? actor->strategy : NULL,
        .awaits = slice_of(actor->awaits, strlen(actor->awaits)),
        .hibernating = actor->hibernating,
        .timers = actor->timers,
        .links = actor->links,
        .monitors = actor->monitors,
        .trap_exit = actor->trap_exit,
        .isolation = actor->own_host ? ISOLATION_OWN : ISOLATION_SHARED,
        .quarantined = actor->quarantined,
        .watchers = actor->watchers,
        .events_dropped = actor->events_dropped,
        .newest_version = actor->newest_version,
        .stepped_back = {.from = actor->stepped_from,
                         .to = actor->stepped_to,
                         .at_ms = actor->stepped_at_ms},
        .code_version = slice_text(actor->code_version),
        .code_refused = slice_text(actor->code_refused),
        .tables = actor->tables,
        .table_bytes = actor->table_bytes,
        .last_crash = {.kind = actor->has_crash ? actor->crash_kind : NULL,
                       .reason = slice_of(actor->crash_reason.data, actor->crash_reason.bytes),
                       .at_ms = actor->crash_at_ms,
                       .id = actor->crash_id,
                       .text = slice_text(actor->crash_message),
                       .trace = join(trace, actor->crash_backtrace, actor->crash_backtrace_lines)},
        .has_state = actor->has_state,
        .state = slice_of(actor->state.data, actor->state.bytes),
        .version = actor->version,
        .state_at_ms = actor->state_at_ms,
        .state_turn = actor->state_turn,
    };
}

enum exit_code output_actor(const struct peeper_actor *actor) {
    struct trace      trace;
    struct actor_info info = info_of(actor, &trace);
    return print(stdout, json_from_actor_info(&info, true), JSON_INDENT(2));
}

// --- The table -----------------------------------------------------------------------------------

struct row {
    const char *cells[OUTPUT_COLUMNS];
    char        room[5][64]; // what the cells point to where it is made here
};

// What a table is of: its rows stand in `page`.
struct table {
    const char *titles[OUTPUT_COLUMNS];
    int         columns;
    int         first_right; // from there on they are numbers
    const void *page;
    size_t      count;
    void (*fill)(struct row *row, const void *page, size_t index);
};

static const char *number(char room[static 64], uint64_t value) {
    snprintf(room, 64, "%" PRIu64, value);
    return room;
}

// The name of an actor, or what it is addressed by.
static const char *name_of(char room[static 64], const char *name, uint64_t incarnation) {
    if (name[0] != '\0') return name;
    snprintf(room, 64, "@%" PRIu64, incarnation);
    return room;
}

static void fill_actor(struct row *row, const void *page, size_t index) {
    const struct peeper_actor *actor = &((const struct peeper_listing *)page)->actors[index];
    row->cells[0] = name_of(row->room[0], actor->name, actor->incarnation);
    row->cells[1] = actor->behaviour;
    row->cells[2] = actor->status;
    row->cells[3] = number(row->room[1], actor->incarnation);
    row->cells[4] = number(row->room[2], actor->restarts);
    row->cells[5] = number(row->room[3], actor->mailbox);
}

// A time of the wall clock, in UTC.
static const char *time_of(char room[static 64], uint64_t at_ms) {
    time_t    seconds = (time_t)(at_ms / 1000);
    struct tm utc = {0};
    if (gmtime_r(&seconds, &utc) == NULL || strftime(room, 64, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
        room[0] = '\0';
    }
    return room;
}

static void fill_generation(struct row *row, const void *page, size_t index) {
    const struct peeper_generation *generation =
        &((const struct peeper_generations *)page)->generations[index];
    row->cells[0] = time_of(row->room[0], generation->at_ms);
    row->cells[1] = number(row->room[1], generation->version);
    row->cells[2] = number(row->room[2], generation->turn);
    row->cells[3] = number(row->room[3], generation->bytes);
}

static void fill_crash(struct row *row, const void *page, size_t index) {
    const struct peeper_crash *crash = &((const struct peeper_crashes *)page)->crashes[index];
    row->cells[0] = name_of(row->room[0], crash->name, crash->incarnation);
    snprintf(row->room[1], sizeof(row->room[1]), "%s%s", crash->kind,
             crash->message_set_aside ? ", set aside" : "");
    row->cells[1] = row->room[1];
    row->cells[2] = crash->message;
    row->cells[3] = time_of(row->room[2], crash->at_ms);
    row->cells[4] = number(row->room[3], crash->redriven);
    row->cells[5] = number(row->room[4], crash->id);
}

static void print_table(const struct table *table, int widths[OUTPUT_COLUMNS]) {
    struct row row;
    bool       first = widths[0] == 0;
    table_widen(widths, table->titles, table->columns);
    for (size_t i = 0; i < table->count; i++) {
        table->fill(&row, table->page, i);
        table_widen(widths, row.cells, table->columns);
    }
    if (first) table_write(stdout, widths, table->titles, table->columns, table->first_right);
    for (size_t i = 0; i < table->count; i++) {
        table->fill(&row, table->page, i);
        table_write(stdout, widths, row.cells, table->columns, table->first_right);
    }
}

enum exit_code output_listing(const struct peeper_listing *listing, bool json,
                              int widths[OUTPUT_COLUMNS]) {
    if (!json) {
        struct table table = {
            {"NAME", "BEHAVIOUR", "STATUS", "INCARNATION", "RESTARTS", "MAILBOX"},
            6,
            3,
            listing,
            listing->count,
            fill_actor,
        };
        print_table(&table, widths);
        return EXIT_CODE_OK;
    }
    for (size_t i = 0; i < listing->count; i++) {
        struct trace      trace;
        struct actor_info info = info_of(&listing->actors[i], &trace);
        enum exit_code    code = print(stdout, json_from_actor_info(&info, false), JSON_COMPACT);
        if (code != EXIT_CODE_OK) return code;
    }
    return EXIT_CODE_OK;
}

// --- Generations ---------------------------------------------------------------------------------

enum exit_code output_generations(const struct peeper_generations *generations, bool json) {
    int widths[OUTPUT_COLUMNS] = {0};
    if (!json) {
        struct table table = {
            {"AT", "VERSION", "TURN", "BYTES"},
            4,
            1,
            generations,
            generations->count,
            fill_generation,
        };
        print_table(&table, widths);
        return EXIT_CODE_OK;
    }
    for (size_t i = 0; i < generations->count; i++) {
        const struct peeper_generation *from = &generations->generations[i];
        struct generation_info          info = {.version = from->version,
                                                .turn = from->turn,
                                                .at_ms = from->at_ms,
                                                .bytes = from->bytes};
        enum exit_code code = print(stdout, json_from_generation(&info), JSON_COMPACT);
        if (code != EXIT_CODE_OK) return code;
    }
    return EXIT_CODE_OK;
}

// --- Crashes -------------------------------------------------------------------------------------

static struct crash_report report_of(const struct peeper_crash *crash, struct trace *trace) {
    return (struct crash_report){
        .id = crash->id,
        .unit = crash->unit,
        .incarnation = crash->incarnation,
        .name = slice_text(crash->name),
        .behaviour = slice_text(crash->behaviour),
        .version = slice_text(crash->version),
        .kind = crash->kind,
        .reason = slice_of(crash->reason.data, crash->reason.bytes),
        .text = slice_text(crash->message),
        .trace = join(trace, crash->backtrace, crash->backtrace_lines),
        .turn = crash->turn,
        .message = slice_of(crash->payload.data, crash->payload.bytes),
        .message_bytes = crash->payload_bytes,
        .message_cut = crash->payload_cut,
        .message_set_aside = crash->message_set_aside,
        .attempts = crash->attempts,
        .redriven = crash->redriven,
        .state_version = crash->state_version,
        .host_pid = crash->host_pid,
        .at_ms = crash->at_ms,
    };
}

enum exit_code output_crash(const struct peeper_crash *crash) {
    struct trace        trace;
    struct crash_report report = report_of(crash, &trace);
    return print(stdout, json_from_crash_report(&report, true), JSON_INDENT(2));
}

enum exit_code output_crashes(const struct peeper_crashes *crashes, bool json,
                              int widths[OUTPUT_COLUMNS]) {
    if (!json) {
        struct table table = {
            {"NAME", "KIND", "WHERE", "AT", "REDRIVEN", "CRASH"},
            6,
            3,
            crashes,
            crashes->count,
            fill_crash,
        };
        print_table(&table, widths);
        return EXIT_CODE_OK;
    }
    for (size_t i = 0; i < crashes->count; i++) {
        struct trace        trace;
        struct crash_report report = report_of(&crashes->crashes[i], &trace);
        enum exit_code code = print(stdout, json_from_crash_report(&report, false), JSON_COMPACT);
        if (code != EXIT_CODE_OK) return code;
    }
    return EXIT_CODE_OK;
}

// --- Children ------------------------------------------------------------------------------------

static void fill_child(struct row *row, const void *page, size_t index) {
    const struct peeper_child *child = &((const struct peeper_children *)page)->children[index];
    row->cells[0] = child->id[0] != '\0' ? child->id : "-";
    row->cells[1] = child->name[0] != '\0' ? child->name : "-";
    row->cells[2] = child->supervisor ? child->strategy : child->behaviour;
    row->cells[3] = child->status;
    row->cells[4] = number(row->room[0], child->incarnation);
    row->cells[5] = number(row->room[1], child->restarts);
    row->cells[6] = number(row->room[2], child->mailbox);
}

static json_t *child_to_json(const struct peeper_child *child) {
    json_t *json = json_pack(
        "{s:s, s:s, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:b}", "id", child->id, "name",
        child->name, "supervisor", child->supervisor, child->supervisor ? "strategy" : "behaviour",
        child->supervisor ? child->strategy : child->behaviour, "status", child->status,
        "incarnation", (json_int_t)child->incarnation, "unit", (json_int_t)child->unit, "restarts",
        (json_int_t)child->restarts, "mailbox", (json_int_t)child->mailbox, "restart",
        child->restart, "significant", child->significant);
    if (json != NULL && child->supervisor) {
        json_object_set_new(json, "children", json_integer((json_int_t)child->children));
    }
    return json;
}

enum exit_code output_children(const struct peeper_children *children, bool json,
                               int widths[OUTPUT_COLUMNS]) {
    if (!json) {
        struct table table = {
            {"ID", "NAME", "BEHAVIOUR", "STATUS", "INCARNATION", "RESTARTS", "MAILBOX"},
            7,
            4,
            children,
            children->count,
            fill_child,
        };
        print_table(&table, widths);
        return EXIT_CODE_OK;
    }
    for (size_t i = 0; i < children->count; i++) {
        enum exit_code code = print(stdout, child_to_json(&children->children[i]), JSON_COMPACT);
        if (code != EXIT_CODE_OK) return code;
    }
    return EXIT_CODE_OK;
}

// --- Errors --------------------------------------------------------------------------------------

static bool connection_is_gone(enum peeper_status status) {
    return status == PEEPER_STATUS_UNREACHABLE || status == PEEPER_STATUS_DISCONNECTED;
}

static void print_advice(const struct peeper_error *error) {
    if (error->retry_after_ms > 0) {
        fprintf(stderr, "  retry: in %" PRIu32 " ms%s\n", error->retry_after_ms,
                error->retryable ? "; nothing was run" : "");
    } else if (error->retryable) {
        fputs("  retry: safe, nothing was run\n", stderr);
    }
}

static void print_crash(const struct peeper_error *error, const struct peeper_target *target) {
    if (target == NULL) {
        // Who crashed is told by what was asked for.
    } else if (target->name != NULL) {
        fprintf(stderr, "%s: ", target->name);
    } else {
        fprintf(stderr, "@%" PRIu64 ": ", target->id);
    }
    fprintf(stderr, "%s ", error->kind);
    if (error->reason.bytes == 0) {
        fprintf(stderr, "%s\n", error->message);
        return;
    }
    print(stderr, output_value_json(error->reason), JSON_COMPACT);
    if (!peeper_value_is(error->reason, error->message)) {
        fprintf(stderr, "  message: %s\n", error->message);
    }
}

enum exit_code output_error(const struct peeper_error *error, const struct peeper_target *target) {
    fprintf(stderr, "%s: ", peeper_status_name(error->status));
    if (error->kind[0] != '\0') {
        print_crash(error, target);
    } else {
        fprintf(stderr, "%s\n", error->message);
        if (error->reason.bytes > 0) {
            fputs("  reason: ", stderr);
            print(stderr, output_value_json(error->reason), JSON_COMPACT);
        }
    }
    print_advice(error);
    return connection_is_gone(error->status) ? EXIT_CODE_UNREACHABLE : EXIT_CODE_REFUSED;
}
