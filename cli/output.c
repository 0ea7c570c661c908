#include "output.h"

#include "table.h"
#include "wire/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
static json_t *json_of(struct peeper_value value) {
    if (peeper_value_check(value)) return json_from_value(value);
    struct peeper_writer writer = {0};
    peeper_write_bytes(&writer, value.data, value.bytes);
    json_t *json =
        peeper_writer_done(&writer) ? json_from_value(peeper_writer_value(&writer)) : NULL;
    peeper_writer_fini(&writer);
    return json;
}

enum exit_code output_value(struct peeper_value value) {
    return print(stdout, json_of(value), JSON_COMPACT);
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
    return print(stdout, json, JSON_COMPACT);
}

static struct actor_info info_of(const struct peeper_actor *actor) {
    return (struct actor_info){
        .name = slice_of(actor->name, strlen(actor->name)),
        .behaviour = slice_of(actor->behaviour, strlen(actor->behaviour)),
        .status = actor->status,
        .unit = actor->unit,
        .incarnation = actor->incarnation,
        .restarts = actor->restarts,
        .mailbox = actor->mailbox,
        .worker = actor->worker,
        .host_pid = actor->host_pid,
        .turn_ms = actor->turn_ms,
        .hibernating = actor->hibernating,
        .timers = actor->timers,
        .last_crash = {.kind = actor->has_crash ? actor->crash_kind : NULL,
                       .reason = slice_of(actor->crash_reason.data, actor->crash_reason.bytes),
                       .at_ms = actor->crash_at_ms},
        .has_state = actor->has_state,
        .state = slice_of(actor->state.data, actor->state.bytes),
        .version = actor->version,
        .state_at_ms = actor->state_at_ms,
    };
}

enum exit_code output_actor(const struct peeper_actor *actor) {
    struct actor_info info = info_of(actor);
    return print(stdout, json_from_actor_info(&info, true), JSON_INDENT(2));
}

// --- The table -----------------------------------------------------------------------------------

#define FIRST_RIGHT 3 // numbers

static const char *const TITLES[OUTPUT_COLUMNS] = {"NAME",        "BEHAVIOUR", "STATUS",
                                                   "INCARNATION", "RESTARTS",  "MAILBOX"};

struct row {
    const char *cells[OUTPUT_COLUMNS];
    char        name[32]; // of an actor without one
    char        incarnation[32];
    char        restarts[32];
    char        mailbox[16];
};

static void fill_row(struct row *row, const struct peeper_actor *actor) {
    snprintf(row->incarnation, sizeof(row->incarnation), "%" PRIu64, actor->incarnation);
    snprintf(row->restarts, sizeof(row->restarts), "%" PRIu64, actor->restarts);
    snprintf(row->mailbox, sizeof(row->mailbox), "%" PRIu32, actor->mailbox);
    snprintf(row->name, sizeof(row->name), "@%" PRIu64, actor->incarnation);
    row->cells[0] = actor->name[0] != '\0' ? actor->name : row->name;
    row->cells[1] = actor->behaviour;
    row->cells[2] = actor->status;
    row->cells[3] = row->incarnation;
    row->cells[4] = row->restarts;
    row->cells[5] = row->mailbox;
}

static void print_table(const struct peeper_listing *listing, int widths[OUTPUT_COLUMNS]) {
    struct row row;
    bool       first = widths[0] == 0;
    table_widen(widths, TITLES, OUTPUT_COLUMNS);
    for (size_t i = 0; i < listing->count; i++) {
        fill_row(&row, &listing->actors[i]);
        table_widen(widths, row.cells, OUTPUT_COLUMNS);
    }
    if (first) table_write(stdout, widths, TITLES, OUTPUT_COLUMNS, FIRST_RIGHT);
    for (size_t i = 0; i < listing->count; i++) {
        fill_row(&row, &listing->actors[i]);
        table_write(stdout, widths, row.cells, OUTPUT_COLUMNS, FIRST_RIGHT);
    }
}

enum exit_code output_listing(const struct peeper_listing *listing, bool json,
                              int widths[OUTPUT_COLUMNS]) {
    if (!json) {
        print_table(listing, widths);
        return EXIT_CODE_OK;
    }
    for (size_t i = 0; i < listing->count; i++) {
        struct actor_info info = info_of(&listing->actors[i]);
        enum exit_code    code = print(stdout, json_from_actor_info(&info, false), JSON_COMPACT);
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
    if (target->name != NULL) {
        fprintf(stderr, "%s: ", target->name);
    } else {
        fprintf(stderr, "@%" PRIu64 ": ", target->id);
    }
    fprintf(stderr, "%s ", error->kind);
    if (error->reason.bytes == 0) {
        fprintf(stderr, "%s\n", error->message);
        return;
    }
    print(stderr, json_of(error->reason), JSON_COMPACT);
    if (!peeper_value_is(error->reason, error->message)) {
        fprintf(stderr, "  message: %s\n", error->message);
    }
}

enum exit_code output_error(const struct peeper_error *error, const struct peeper_target *target) {
    fprintf(stderr, "%s: ", peeper_status_name(error->status));
    if (target != NULL && error->kind[0] != '\0') {
        print_crash(error, target);
    } else {
        fprintf(stderr, "%s\n", error->message);
        if (error->reason.bytes > 0) {
            fputs("  reason: ", stderr);
            print(stderr, json_of(error->reason), JSON_COMPACT);
        }
    }
    print_advice(error);
    return connection_is_gone(error->status) ? EXIT_CODE_UNREACHABLE : EXIT_CODE_REFUSED;
}
