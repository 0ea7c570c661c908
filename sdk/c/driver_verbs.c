#include "driver_verbs.h"

#include "driver_answers.h"
#include "driver_tagged.h"

#include <peeper/code.h>
#include <peeper/generations.h>
#include <peeper/supervisor.h>
#include <peeper/tables.h>
#include <peeper/ties.h>
#include <peeper/watch.h>

#include <stdlib.h>
#include <string.h>

// --- Arguments -----------------------------------------------------------------------------------

static const char *text(struct driver_ask *ask, const char *name) {
    const char *found = json_string_value(json_object_get(ask->args, name));
    return found != NULL ? found : "";
}

static uint64_t number_in(const json_t *json, const char *name) {
    const json_t *found = json_object_get(json, name);
    if (json_is_string(found)) return strtoull(json_string_value(found), NULL, 10);
    return (uint64_t)json_integer_value(found);
}

static uint64_t number(struct driver_ask *ask, const char *name) {
    return number_in(ask->args, name);
}

static uint32_t small(struct driver_ask *ask, const char *name) {
    return (uint32_t)number_in(ask->args, name);
}

static bool flag(struct driver_ask *ask, const char *name) {
    return json_is_true(json_object_get(ask->args, name));
}

// Nobody, where the argument is not there.
static struct peeper_target target(struct driver_ask *ask, const char *name) {
    const json_t *json = json_object_get(ask->args, name);
    return (struct peeper_target){json_string_value(json_object_get(json, "name")),
                                  number_in(json, "incarnation")};
}

static struct peeper_target whom(struct driver_ask *ask) {
    return target(ask, "target");
}

static struct peeper_child_target child(struct driver_ask *ask) {
    return (struct peeper_child_target){text(ask, "child"), number(ask, "incarnation")};
}

// No bytes, where the argument is not there.
static struct peeper_value value(struct driver_ask *ask, const char *name) {
    const json_t *json = json_object_get(ask->args, name);
    if (json == NULL) return (struct peeper_value){0};
    struct peeper_writer *writer = &ask->values[ask->value_count++];
    if (!driver_value_write(writer, json) || !peeper_writer_done(writer)) {
        ask->wrong = name;
        return (struct peeper_value){0};
    }
    return peeper_writer_value(writer);
}

static struct peeper_value content(struct driver_ask *ask) {
    size_t bytes = 0;
    ask->content = driver_base64(text(ask, "content"), &bytes);
    if (ask->content == NULL) ask->wrong = "content";
    return (struct peeper_value){ask->content, bytes};
}

// The place of a word, from 1 on; 0 if none is said.
static int word(struct driver_ask *ask, const char *name, const char *const words[]) {
    const char *said = text(ask, name);
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(said, words[i]) == 0) return i + 1;
    }
    if (said[0] != '\0') ask->wrong = name;
    return 0;
}

static struct peeper_page page(struct driver_ask *ask, const char *prefix) {
    return (struct peeper_page){
        .prefix = text(ask, prefix), .cursor = number(ask, "cursor"), .limit = small(ask, "limit")};
}

static uint32_t timeout(struct driver_ask *ask) {
    return small(ask, "timeout_ms");
}

// --- Verbs ---------------------------------------------------------------------------------------

static enum peeper_status ask_ping(struct driver_ask *ask) {
    return peeper_client_ping(ask->client, ask->then);
}

static enum peeper_status ask_call(struct driver_ask *ask) {
    return peeper_client_call(ask->client, whom(ask), value(ask, "message"),
                              small(ask, "deadline_ms"), ask->then);
}

static enum peeper_status ask_cast(struct driver_ask *ask) {
    return peeper_client_cast(ask->client, whom(ask), value(ask, "message"), ask->then);
}

static enum peeper_status ask_send(struct driver_ask *ask) {
    return peeper_client_send(ask->client, whom(ask), value(ask, "message"), ask->then);
}

static void keep(struct driver_ask *ask, struct peeper_start_options *options) {
    const json_t *keep = json_object_get(ask->args, "keep_tables");
    const json_t *names = json_object_get(keep, "names");
    size_t        count = json_array_size(names);
    if (keep == NULL) return;
    ask->names = calloc(count + 1, sizeof *ask->names);
    for (size_t i = 0; ask->names != NULL && i < count; i++)
        ask->names[i] = json_string_value(json_array_get(names, i));
    options->keep_listed = true;
    options->keep_tables = ask->names;
    options->keep_tables_count = ask->names != NULL ? count : 0;
}

static enum peeper_status ask_start(struct driver_ask *ask) {
    static const char *const    restarts[] = {"permanent", "transient", "temporary", NULL};
    static const char *const    backoffs[] = {"backoff", "suspend", "stop", NULL};
    static const char *const    places[] = {"shared", "own", NULL};
    const json_t               *intensity = json_object_get(ask->args, "intensity");
    struct peeper_start_options options = {
        .name = text(ask, "name"),
        .behaviour = text(ask, "behaviour"),
        .argument = value(ask, "argument"),
        .timeout_ms = timeout(ask),
        .restart = (enum peeper_restart)word(ask, "restart", restarts),
        .on_intensity = (enum peeper_on_intensity)word(ask, "on_intensity", backoffs),
        .has_intensity = intensity != NULL,
        .intensity = (uint32_t)number_in(intensity, "restarts"),
        .period_ms = (uint32_t)number_in(intensity, "period_ms"),
        .mailbox_max = small(ask, "mailbox_max"),
        .hibernate_after_ms = small(ask, "hibernate_after_ms"),
        .isolation = (enum peeper_isolation)word(ask, "isolation", places),
        .listener = text(ask, "listener"),
        .link = flag(ask, "link"),
        .monitor = flag(ask, "monitor"),
        .no_trap_exit = flag(ask, "no_trap_exit"),
        .generations = small(ask, "generations"),
        .step_back = flag(ask, "step_back"),
    };
    keep(ask, &options);
    return peeper_client_start(ask->client, &options, ask->then);
}

static enum peeper_status ask_stop(struct driver_ask *ask) {
    return peeper_client_stop(ask->client, whom(ask), value(ask, "reason"), timeout(ask),
                              ask->then);
}

static enum peeper_status ask_kill(struct driver_ask *ask) {
    return peeper_client_kill(ask->client, whom(ask), ask->then);
}

static enum peeper_status ask_suspend(struct driver_ask *ask) {
    return peeper_client_suspend(ask->client, whom(ask), ask->then);
}

static enum peeper_status ask_resume(struct driver_ask *ask) {
    return peeper_client_resume(ask->client, whom(ask), ask->then);
}

static enum peeper_status ask_whereis(struct driver_ask *ask) {
    return peeper_client_whereis(ask->client, whom(ask), ask->then);
}

static enum peeper_status ask_list(struct driver_ask *ask) {
    struct peeper_page which = page(ask, "prefix");
    return peeper_client_list(ask->client, &which, ask->then);
}

static enum peeper_status ask_inspect(struct driver_ask *ask) {
    return peeper_client_inspect(ask->client, whom(ask), ask->then);
}

static enum peeper_status ask_get_state(struct driver_ask *ask) {
    uint64_t version = number(ask, "version");
    if (version == 0) return peeper_client_get_state(ask->client, whom(ask), ask->then);
    return peeper_client_get_version(ask->client, whom(ask), version, ask->then);
}

static enum peeper_status ask_replace_state(struct driver_ask *ask) {
    return peeper_client_replace_state(ask->client, whom(ask), value(ask, "state"), timeout(ask),
                                       ask->then);
}

static enum peeper_status ask_generations(struct driver_ask *ask) {
    return peeper_client_generations(ask->client, whom(ask), ask->then);
}

static enum peeper_status ask_restore_state(struct driver_ask *ask) {
    return peeper_client_restore_state(ask->client, whom(ask), number(ask, "version"), timeout(ask),
                                       ask->then);
}

static enum peeper_status ask_tables(struct driver_ask *ask) {
    return peeper_client_tables(ask->client, whom(ask), ask->then);
}

static enum peeper_status ask_rows(struct driver_ask *ask) {
    struct peeper_rows_page which = {.table = text(ask, "table"),
                                     .prefix = text(ask, "prefix"),
                                     .from = value(ask, "from"),
                                     .limit = small(ask, "limit")};
    return peeper_client_rows(ask->client, whom(ask), &which, ask->then);
}

static enum peeper_status ask_crashes(struct driver_ask *ask) {
    struct peeper_page which = page(ask, "name");
    return peeper_client_crashes(ask->client, &which, ask->then);
}

static enum peeper_status ask_show_crash(struct driver_ask *ask) {
    return peeper_client_crash(ask->client, number(ask, "crash"), ask->then);
}

static enum peeper_status ask_redrive(struct driver_ask *ask) {
    return peeper_client_redrive(ask->client, number(ask, "crash"), timeout(ask), ask->then);
}

static enum peeper_status ask_discard_crash(struct driver_ask *ask) {
    return peeper_client_discard_crash(ask->client, number(ask, "crash"), ask->then);
}

static enum peeper_status ask_behaviours(struct driver_ask *ask) {
    return peeper_client_behaviours(ask->client, ask->then);
}

static enum peeper_status ask_deploy(struct driver_ask *ask) {
    struct peeper_upgrade code = {
        .file = text(ask, "file"), .content = content(ask), .extra = value(ask, "extra")};
    return peeper_client_deploy(ask->client, &code, ask->then);
}

static enum peeper_status ask_upgrade(struct driver_ask *ask) {
    struct peeper_upgrade code = {.behaviour = text(ask, "behaviour"),
                                  .file = text(ask, "file"),
                                  .content = content(ask),
                                  .extra = value(ask, "extra"),
                                  .dry_run = flag(ask, "dry_run")};
    return peeper_client_upgrade(ask->client, &code, ask->then);
}

static enum peeper_status ask_start_supervisor(struct driver_ask *ask) {
    return peeper_client_start_supervisor(ask->client, text(ask, "name"), value(ask, "spec"),
                                          timeout(ask), ask->then);
}

static enum peeper_status ask_start_child(struct driver_ask *ask) {
    return peeper_client_start_child(ask->client, whom(ask), value(ask, "spec"), timeout(ask),
                                     ask->then);
}

static enum peeper_status ask_terminate_child(struct driver_ask *ask) {
    return peeper_client_terminate_child(ask->client, whom(ask), child(ask), timeout(ask),
                                         ask->then);
}

static enum peeper_status ask_restart_child(struct driver_ask *ask) {
    return peeper_client_restart_child(ask->client, whom(ask), text(ask, "child"), timeout(ask),
                                       ask->then);
}

static enum peeper_status ask_delete_child(struct driver_ask *ask) {
    return peeper_client_delete_child(ask->client, whom(ask), text(ask, "child"), ask->then);
}

static enum peeper_status ask_which_children(struct driver_ask *ask) {
    struct peeper_children_page which = {
        .child = text(ask, "child"), .cursor = number(ask, "cursor"), .limit = small(ask, "limit")};
    return peeper_client_which_children(ask->client, whom(ask), &which, ask->then);
}

static enum peeper_status ask_count_children(struct driver_ask *ask) {
    return peeper_client_count_children(ask->client, whom(ask), ask->then);
}

static enum peeper_status ask_get_child_spec(struct driver_ask *ask) {
    return peeper_client_child_spec(ask->client, whom(ask), child(ask), ask->then);
}

static enum peeper_status ask_check_specs(struct driver_ask *ask) {
    return peeper_client_check_specs(ask->client, value(ask, "specs"), ask->then);
}

static enum peeper_status ask_change_supervisor(struct driver_ask *ask) {
    return peeper_client_change_supervisor(ask->client, whom(ask), value(ask, "spec"), ask->then);
}

static struct peeper_transfer move(struct driver_ask *ask) {
    return (struct peeper_transfer){
        .actor = whom(ask), .target = target(ask, "to"), .source = target(ask, "source")};
}

static enum peeper_status ask_transfer(struct driver_ask *ask) {
    struct peeper_transfer transfer = move(ask);
    return peeper_client_transfer(ask->client, &transfer, timeout(ask), ask->then);
}

static enum peeper_status ask_prepare_transfer(struct driver_ask *ask) {
    struct peeper_transfer transfer = move(ask);
    return peeper_client_prepare_transfer(ask->client, &transfer, ask->then);
}

static enum peeper_status ask_commit_transfer(struct driver_ask *ask) {
    return peeper_client_commit_transfer(ask->client, number(ask, "handle"), timeout(ask),
                                         ask->then);
}

static enum peeper_status ask_monitor(struct driver_ask *ask) {
    return peeper_client_monitor(ask->client, whom(ask), ask->then);
}

static enum peeper_status ask_demonitor(struct driver_ask *ask) {
    return peeper_client_demonitor(ask->client, number(ask, "ref"), ask->then);
}

static enum peeper_status ask_link(struct driver_ask *ask) {
    return peeper_client_link(ask->client, whom(ask), ask->then);
}

static enum peeper_status ask_unlink(struct driver_ask *ask) {
    return peeper_client_unlink(ask->client, whom(ask), ask->then);
}

static enum peeper_status ask_watch(struct driver_ask *ask) {
    struct peeper_watch watch = {.name = text(ask, "name"),
                                 .prefix = flag(ask, "prefix") ? text(ask, "name") : NULL,
                                 .from_version = number(ask, "from_version"),
                                 .unit = number(ask, "unit"),
                                 .with_old = flag(ask, "with_old")};
    return peeper_client_watch(ask->client, &watch, ask->then);
}

static enum peeper_status ask_unwatch(struct driver_ask *ask) {
    return peeper_client_unwatch(ask->client, number(ask, "ref"), ask->then);
}

static const struct driver_verb VERBS[] = {
    {"behaviours", ask_behaviours, driver_behaviours_json},
    {"call", ask_call, driver_reply_json},
    {"cast", ask_cast, driver_none_json},
    {"change_supervisor", ask_change_supervisor, driver_none_json},
    {"check_specs", ask_check_specs, driver_none_json},
    {"commit_transfer", ask_commit_transfer, driver_started_json},
    {"count_children", ask_count_children, driver_counts_json},
    {"crashes", ask_crashes, driver_crashes_json},
    {"delete_child", ask_delete_child, driver_none_json},
    {"demonitor", ask_demonitor, driver_none_json},
    {"deploy", ask_deploy, driver_upgraded_json},
    {"dictionary", ask_rows, driver_rows_json},
    {"discard_crash", ask_discard_crash, driver_none_json},
    {"generations", ask_generations, driver_generations_json},
    {"get_child_spec", ask_get_child_spec, driver_reply_json},
    {"get_state", ask_get_state, driver_state_json},
    {"inspect", ask_inspect, driver_actor_json},
    {"kill", ask_kill, driver_none_json},
    {"link", ask_link, driver_none_json},
    {"list", ask_list, driver_listing_json},
    {"monitor", ask_monitor, driver_ref_json},
    {"ping", ask_ping, driver_none_json},
    {"prepare_transfer", ask_prepare_transfer, driver_prepared_json},
    {"redrive", ask_redrive, driver_reply_json},
    {"replace_state", ask_replace_state, driver_none_json},
    {"restart_child", ask_restart_child, driver_started_json},
    {"restore_state", ask_restore_state, driver_none_json},
    {"resume", ask_resume, driver_none_json},
    {"rows", ask_rows, driver_rows_json},
    {"send", ask_send, driver_none_json},
    {"show_crash", ask_show_crash, driver_crash_json},
    {"start", ask_start, driver_started_json},
    {"start_child", ask_start_child, driver_started_json},
    {"start_supervisor", ask_start_supervisor, driver_started_json},
    {"stop", ask_stop, driver_none_json},
    {"suspend", ask_suspend, driver_none_json},
    {"tables", ask_tables, driver_tables_json},
    {"terminate_child", ask_terminate_child, driver_none_json},
    {"transfer", ask_transfer, driver_started_json},
    {"unlink", ask_unlink, driver_none_json},
    {"unwatch", ask_unwatch, driver_none_json},
    {"upgrade", ask_upgrade, driver_upgraded_json},
    {"watch", ask_watch, driver_ref_json},
    {"whereis", ask_whereis, driver_located_json},
    {"which_children", ask_which_children, driver_children_json},
    {0},
};

const struct driver_verb *driver_verb_at(size_t index) {
    return index < sizeof VERBS / sizeof VERBS[0] - 1 ? &VERBS[index] : NULL;
}

const struct driver_verb *driver_verb_find(const char *name) {
    for (const struct driver_verb *verb = VERBS; verb->name != NULL; verb++) {
        if (strcmp(verb->name, name) == 0) return verb;
    }
    return NULL;
}

enum peeper_status driver_ask_run(struct driver_ask *ask, const struct driver_verb *verb) {
    enum peeper_status status = verb->ask(ask);
    for (unsigned i = 0; i < ask->value_count; i++) peeper_writer_fini(&ask->values[i]);
    free(ask->content);
    free(ask->names);
    return status;
}
