#include "commands.h"

#include <peeper/watch.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- What a line says ----------------------------------------------------------------------------

// null where it is not known, or memory ran out.
static json_t *value_json(struct peeper_value value) {
    json_t *json = value.bytes == 0 ? NULL : output_value_json(value);
    return json != NULL ? json : json_null();
}

static json_t *event_json(const struct peeper_event *event) {
    json_t *json = json_pack("{s:s, s:I}", "name", event->name, "unit", (json_int_t)event->unit);
    if (json == NULL) return NULL;
    if (event->kind == PEEPER_EVENT_GAP) {
        json_object_set_new(json, "event", json_string("gap"));
        json_object_set_new(json, "first_version", json_integer((json_int_t)event->first_version));
        json_object_set_new(json, "last_version", json_integer((json_int_t)event->version));
        return json;
    }
    if (event->kind == PEEPER_EVENT_STEPPED_BACK) {
        json_object_set_new(json, "event", json_string("stepped_back"));
        json_object_set_new(json, "from", json_integer((json_int_t)event->version));
        json_object_set_new(json, "to", json_integer((json_int_t)event->older_version));
        json_object_set_new(json, "at", json_integer((json_int_t)event->at_ms));
        json_object_set_new(json, "missed", json_integer((json_int_t)event->missed));
        return json;
    }
    bool ended = event->kind == PEEPER_EVENT_ENDED;
    json_object_set_new(json, "event", json_string(ended ? "ended" : "changed"));
    json_object_set_new(json, "version", json_integer((json_int_t)event->version));
    json_object_set_new(json, "value", value_json(event->value));
    if (ended) {
        json_object_set_new(json, "reason", value_json(event->reason));
    } else {
        json_object_set_new(json, "at", json_integer((json_int_t)event->at_ms));
        if (event->has_old) json_object_set_new(json, "old", value_json(event->old));
    }
    return json;
}

static void print_value(const char *before, struct peeper_value value) {
    json_t *json = value_json(value);
    char   *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    printf("%s%s", before, text != NULL ? text : "(no memory)");
    free(text);
    json_decref(json);
}

static void print_text(const struct peeper_event *event) {
    const char *name = event->name[0] != '\0' ? event->name : "(some of them)";
    switch (event->kind) {
        case PEEPER_EVENT_CHANGED:
            printf("%s v%" PRIu64, name, event->version);
            print_value(" ", event->value);
            if (event->has_old) print_value(" (was ", event->old);
            if (event->has_old) putchar(')');
            break;
        case PEEPER_EVENT_ENDED:
            printf("%s ended v%" PRIu64, name, event->version);
            print_value(" ", event->value);
            print_value(": ", event->reason);
            break;
        case PEEPER_EVENT_GAP:
            printf("%s gap", name);
            if (event->version != 0) {
                printf(" v%" PRIu64 " to v%" PRIu64, event->first_version, event->version);
            }
            break;
        case PEEPER_EVENT_STEPPED_BACK:
            printf("%s stepped back from v%" PRIu64 " to v%" PRIu64, name, event->version,
                   event->older_version);
            if (event->missed > 0) printf(" (%" PRIu64 " steps before it missed)", event->missed);
            break;
        default: return; // of a monitor or link, which this program has not
    }
    putchar('\n');
}

static enum exit_code print_event(const struct peeper_event *event, bool json) {
    if (json) {
        enum exit_code code = output_json_line(event_json(event));
        if (code != EXIT_CODE_OK) return code;
    } else {
        print_text(event);
    }
    // Whoever reads along shall not wait for the next one.
    return fflush(stdout) == 0 ? EXIT_CODE_OK : EXIT_CODE_REFUSED;
}

// --- The command ---------------------------------------------------------------------------------

// With a star at its end NAME is a prefix, unless it was given with --name.
static enum peeper_status subscribe(struct peeper_sync *peeper, const struct invocation *invocation,
                                    char *prefix) {
    struct peeper_watch watch = {.name = invocation->target.name,
                                 .from_version = invocation->from_version,
                                 .with_old = invocation->with_old};
    size_t              bytes = strlen(watch.name);
    uint64_t            ref;
    if (invocation->name == NULL && bytes > 0 && watch.name[bytes - 1] == '*') {
        memcpy(prefix, watch.name, bytes - 1);
        prefix[bytes - 1] = '\0';
        watch.prefix = prefix;
    }
    return peeper_sync_watch(peeper, &watch, &ref);
}

enum exit_code command_watch(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_event event;
    bool                json = invocation->json || !isatty(STDOUT_FILENO);
    if (invocation->target.id != 0) {
        fputs("peeper: what is watched has a name; an @ID is watched with monitor\n", stderr);
        return EXIT_CODE_USAGE;
    }
    char *prefix = malloc(strlen(invocation->target.name) + 1);
    if (prefix == NULL) return EXIT_CODE_REFUSED;
    enum peeper_status status = subscribe(peeper, invocation, prefix);
    free(prefix);
    enum exit_code code = EXIT_CODE_OK;
    while (status == PEEPER_STATUS_OK && code == EXIT_CODE_OK) {
        status = peeper_sync_next_event(peeper, PEEPER_FOREVER, &event);
        if (status == PEEPER_STATUS_OK) code = print_event(&event, json);
    }
    return status == PEEPER_STATUS_OK ? code : command_refused(peeper, invocation);
}
