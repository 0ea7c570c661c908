#include "commands.h"

#include "spec_text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGE_LIMIT 500

// The spec of --spec; what is wrong with it was told.
static bool read_spec(const struct invocation *invocation, struct spec_text *spec) {
    *spec = (struct spec_text){0};
    if (spec_text_read(spec, invocation->spec)) return true;
    fprintf(stderr, "peeper: %s\n", spec->why);
    spec_text_fini(spec);
    return false;
}

static struct peeper_value value_of(const struct spec_text *spec) {
    return peeper_writer_value(&spec->spec);
}

// Tells what came of a request with a spec, `ok` where there is nothing else to tell.
static enum exit_code tell(struct peeper_sync *peeper, const struct invocation *invocation,
                           enum peeper_status status, struct spec_text *spec,
                           const struct peeper_started *started) {
    enum exit_code code = EXIT_CODE_OK;
    if (status != PEEPER_STATUS_OK) {
        struct peeper_error error = *peeper_sync_error(peeper);
        size_t              added = spec->added == NULL ? 0 : strlen(spec->added);
        if (added > 0 && strncmp(error.message, spec->added, added) == 0) error.message += added;
        unsigned line = spec_text_line(spec, error.message);
        code = output_error(&error, &invocation->target);
        if (line > 0) fprintf(stderr, "  at: %s:%u\n", spec->place, line);
    } else {
        code = started != NULL ? output_started(started) : output_ok();
    }
    spec_text_fini(spec);
    return code;
}

// --- Supervisors ---------------------------------------------------------------------------------

enum exit_code command_supervisor_start(struct peeper_sync      *peeper,
                                        const struct invocation *invocation) {
    struct spec_text      spec;
    struct peeper_started started;
    if (!read_spec(invocation, &spec)) return EXIT_CODE_USAGE;
    enum peeper_status status = peeper_sync_start_supervisor(
        peeper, invocation->target.name, value_of(&spec), invocation->start.timeout_ms, &started);
    return tell(peeper, invocation, status, &spec, &started);
}

enum exit_code command_supervisor_change(struct peeper_sync      *peeper,
                                         const struct invocation *invocation) {
    struct spec_text spec;
    if (!read_spec(invocation, &spec)) return EXIT_CODE_USAGE;
    enum peeper_status status =
        peeper_sync_change_supervisor(peeper, invocation->target, value_of(&spec));
    return tell(peeper, invocation, status, &spec, NULL);
}

// What is checked is a list of children, so a spec by itself is made the only one in it.
static void write_list(struct peeper_writer *list, struct spec_text *spec) {
    struct peeper_value ignored, value = value_of(spec);
    bool                is_child =
        peeper_value_get(value, "id", &ignored) || peeper_value_get(value, "start", &ignored);
    if (peeper_value_kind(value) != PEEPER_MAP) {
        peeper_write_value(list, value);
        return;
    }
    spec->added = is_child ? "children[0]." : "children[0].start.supervisor.";
    peeper_write_list(list);
    if (is_child) {
        peeper_write_value(list, value);
    } else {
        peeper_write_map(list);
        peeper_write_key(list, "id");
        peeper_write_string(list, "supervisor");
        peeper_write_key(list, "start");
        peeper_write_map(list);
        peeper_write_key(list, "supervisor");
        peeper_write_value(list, value);
        peeper_write_end(list);
        peeper_write_end(list);
    }
    peeper_write_end(list);
}

enum exit_code command_supervisor_check(struct peeper_sync      *peeper,
                                        const struct invocation *invocation) {
    struct spec_text specs;
    if (!read_spec(invocation, &specs)) return EXIT_CODE_USAGE;
    struct peeper_writer list = {0};
    write_list(&list, &specs);
    enum peeper_status status = peeper_sync_check_specs(peeper, peeper_writer_value(&list));
    peeper_writer_fini(&list);
    return tell(peeper, invocation, status, &specs, NULL);
}

// --- Children ------------------------------------------------------------------------------------

enum exit_code command_child_start(struct peeper_sync      *peeper,
                                   const struct invocation *invocation) {
    struct spec_text      spec;
    struct peeper_started started;
    if (!read_spec(invocation, &spec)) return EXIT_CODE_USAGE;
    enum peeper_status status = peeper_sync_start_child(peeper, invocation->target, value_of(&spec),
                                                        invocation->start.timeout_ms, &started);
    return tell(peeper, invocation, status, &spec, &started);
}

enum exit_code command_child_terminate(struct peeper_sync      *peeper,
                                       const struct invocation *invocation) {
    return command_finish(peeper, invocation,
                          peeper_sync_terminate_child(peeper, invocation->target, invocation->child,
                                                      invocation->start.timeout_ms));
}

// Verbs that know children by their id only.
static bool has_id(const struct invocation *invocation) {
    if (invocation->child.incarnation == 0) return true;
    fputs("peeper: this takes the id that the child has in its supervisor, not an @ID\n", stderr);
    return false;
}

enum exit_code command_child_restart(struct peeper_sync      *peeper,
                                     const struct invocation *invocation) {
    struct peeper_started started;
    if (!has_id(invocation)) return EXIT_CODE_USAGE;
    enum peeper_status status = peeper_sync_restart_child(
        peeper, invocation->target, invocation->child.id, invocation->start.timeout_ms, &started);
    return status == PEEPER_STATUS_OK ? output_started(&started)
                                      : command_refused(peeper, invocation);
}

enum exit_code command_child_delete(struct peeper_sync      *peeper,
                                    const struct invocation *invocation) {
    if (!has_id(invocation)) return EXIT_CODE_USAGE;
    return command_finish(
        peeper, invocation,
        peeper_sync_delete_child(peeper, invocation->target, invocation->child.id));
}

enum exit_code command_child_list(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_children_page page = {.limit = PAGE_LIMIT};
    struct peeper_children      children;
    int                         widths[OUTPUT_COLUMNS] = {0};
    bool                        json = invocation->json || !isatty(STDOUT_FILENO);
    do {
        enum peeper_status status =
            peeper_sync_which_children(peeper, invocation->target, &page, &children);
        if (status != PEEPER_STATUS_OK) return command_refused(peeper, invocation);
        enum exit_code code = output_children(&children, json, widths);
        if (code != EXIT_CODE_OK) return code;
        page.cursor = children.next;
    } while (page.cursor != 0);
    return EXIT_CODE_OK;
}

enum exit_code command_child_count(struct peeper_sync      *peeper,
                                   const struct invocation *invocation) {
    struct peeper_child_counts counts;
    enum peeper_status status = peeper_sync_count_children(peeper, invocation->target, &counts);
    return status == PEEPER_STATUS_OK ? output_child_counts(&counts)
                                      : command_refused(peeper, invocation);
}

enum exit_code command_child_spec(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_value spec;
    enum peeper_status  status =
        peeper_sync_child_spec(peeper, invocation->target, invocation->child, &spec);
    return status == PEEPER_STATUS_OK ? output_value(spec) : command_refused(peeper, invocation);
}
