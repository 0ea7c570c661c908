#include "commands.h"

#include "wire/json.h"

#include <peeper/generations.h>
#include <peeper/ties.h>

#include <stdio.h>
#include <unistd.h>

#define LIST_LIMIT 500

// --- Words to values -----------------------------------------------------------------------------

// One word is the value itself, several are a list.
static bool write_words(struct peeper_writer *writer, char *const *words, int count) {
    if (count > 1) peeper_write_list(writer);
    for (int i = 0; i < count; i++) json_argument_to_value(writer, words[i]);
    if (count > 1) peeper_write_end(writer);
    if (peeper_writer_done(writer)) return true;
    fputs("peeper: the words are no message: not UTF-8, or nested too deeply\n", stderr);
    return false;
}

bool command_write_option(struct peeper_writer *writer, const char *text) {
    char *word = (char *)text;
    return text == NULL || write_words(writer, &word, 1);
}

// --- Commands ------------------------------------------------------------------------------------

enum exit_code command_refused(struct peeper_sync *peeper, const struct invocation *invocation) {
    return output_error(peeper_sync_error(peeper), &invocation->target);
}

enum exit_code command_finish(struct peeper_sync *peeper, const struct invocation *invocation,
                              enum peeper_status status) {
    return status == PEEPER_STATUS_OK ? output_ok() : command_refused(peeper, invocation);
}

enum exit_code command_start(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_start_options options = invocation->start;
    struct peeper_writer        state = {0};
    struct peeper_started       started;
    enum exit_code              code = EXIT_CODE_USAGE;

    if (!command_write_option(&state, invocation->state)) goto fini_state;
    options.name = invocation->target.name;
    options.argument = peeper_writer_value(&state);
    enum peeper_status status = peeper_sync_start(peeper, &options, &started);
    code =
        status == PEEPER_STATUS_OK ? output_started(&started) : command_refused(peeper, invocation);
fini_state:
    peeper_writer_fini(&state);
    return code;
}

enum exit_code command_call(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_writer message = {0};
    struct peeper_value  reply;
    enum exit_code       code = EXIT_CODE_USAGE;

    if (!write_words(&message, invocation->words, invocation->word_count)) goto fini_message;
    struct peeper_call_options options = {.deadline_ms = invocation->deadline_ms,
                                          .idempotency_key = invocation->key};
    enum peeper_status         status = peeper_sync_call_with(
                peeper, invocation->target, peeper_writer_value(&message), &options, &reply);
    code = status == PEEPER_STATUS_OK ? output_value(reply) : command_refused(peeper, invocation);
fini_message:
    peeper_writer_fini(&message);
    return code;
}

// Only casts have a key.
static enum exit_code tell(struct peeper_sync *peeper, const struct invocation *invocation,
                           bool cast) {
    struct peeper_call_options options = {.idempotency_key = invocation->key};
    struct peeper_writer       message = {0};
    enum exit_code             code = EXIT_CODE_USAGE;
    if (write_words(&message, invocation->words, invocation->word_count)) {
        struct peeper_value value = peeper_writer_value(&message);
        code =
            command_finish(peeper, invocation,
                           cast ? peeper_sync_cast_with(peeper, invocation->target, value, &options)
                                : peeper_sync_send(peeper, invocation->target, value));
    }
    peeper_writer_fini(&message);
    return code;
}

enum exit_code command_cast(struct peeper_sync *peeper, const struct invocation *invocation) {
    return tell(peeper, invocation, true);
}

enum exit_code command_send(struct peeper_sync *peeper, const struct invocation *invocation) {
    return tell(peeper, invocation, false);
}

enum exit_code command_stop(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_writer reason = {0};
    enum exit_code       code = EXIT_CODE_USAGE;
    if (command_write_option(&reason, invocation->reason)) {
        code = command_finish(peeper, invocation,
                              peeper_sync_stop(peeper, invocation->target,
                                               peeper_writer_value(&reason),
                                               invocation->start.timeout_ms));
    }
    peeper_writer_fini(&reason);
    return code;
}

enum exit_code command_kill(struct peeper_sync *peeper, const struct invocation *invocation) {
    return command_finish(peeper, invocation, peeper_sync_kill(peeper, invocation->target));
}

enum exit_code command_resume(struct peeper_sync *peeper, const struct invocation *invocation) {
    return command_finish(peeper, invocation, peeper_sync_resume(peeper, invocation->target));
}

enum exit_code command_suspend(struct peeper_sync *peeper, const struct invocation *invocation) {
    return command_finish(peeper, invocation, peeper_sync_suspend(peeper, invocation->target));
}

enum exit_code command_get_state(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_state state;
    enum peeper_status  status =
        peeper_sync_get_version(peeper, invocation->target, invocation->versions[0], &state);
    return status == PEEPER_STATUS_OK ? output_value(state.value)
                                      : command_refused(peeper, invocation);
}

enum exit_code command_replace_state(struct peeper_sync      *peeper,
                                     const struct invocation *invocation) {
    struct peeper_writer state = {0};
    enum exit_code       code = EXIT_CODE_USAGE;
    if (write_words(&state, invocation->words, invocation->word_count)) {
        code = command_finish(peeper, invocation,
                              peeper_sync_replace_state(peeper, invocation->target,
                                                        peeper_writer_value(&state),
                                                        invocation->start.timeout_ms));
    }
    peeper_writer_fini(&state);
    return code;
}

enum exit_code command_whereis(struct peeper_sync *peeper, const struct invocation *invocation) {
    uint64_t           id;
    enum peeper_status status = peeper_sync_whereis(peeper, invocation->target, &id);
    return status == PEEPER_STATUS_OK ? output_id(id) : command_refused(peeper, invocation);
}

enum exit_code command_list(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_page    page = {.prefix = invocation->prefix, .limit = LIST_LIMIT};
    struct peeper_listing listing;
    int                   widths[OUTPUT_COLUMNS] = {0};
    bool                  json = invocation->json || !isatty(STDOUT_FILENO);
    do {
        enum peeper_status status = peeper_sync_list(peeper, &page, &listing);
        if (status != PEEPER_STATUS_OK) return command_refused(peeper, invocation);
        enum exit_code code = output_listing(&listing, json, widths);
        if (code != EXIT_CODE_OK) return code;
        page.cursor = listing.next;
    } while (page.cursor != 0);
    return EXIT_CODE_OK;
}

enum exit_code command_inspect(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_actor actor;
    enum peeper_status  status = peeper_sync_inspect(peeper, invocation->target, &actor);
    return status == PEEPER_STATUS_OK ? output_actor(&actor) : command_refused(peeper, invocation);
}

// A crash has no NAME that an error could tell.
static enum exit_code crash_refused(struct peeper_sync *peeper) {
    return output_error(peeper_sync_error(peeper), NULL);
}

enum exit_code command_crashes(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_page    page = {.prefix = invocation->target.name, .limit = LIST_LIMIT};
    struct peeper_crashes crashes;
    int                   widths[OUTPUT_COLUMNS] = {0};
    bool                  json = invocation->json || !isatty(STDOUT_FILENO);
    if (invocation->target.id != 0) {
        fputs("peeper: crashes are listed by the name of the actor, not by an @ID\n", stderr);
        return EXIT_CODE_USAGE;
    }
    do {
        enum peeper_status status = peeper_sync_crashes(peeper, &page, &crashes);
        if (status != PEEPER_STATUS_OK) return crash_refused(peeper);
        enum exit_code code = output_crashes(&crashes, json, widths);
        if (code != EXIT_CODE_OK) return code;
        page.cursor = crashes.next;
    } while (page.cursor != 0);
    return EXIT_CODE_OK;
}

enum exit_code command_crash_show(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_crash crash;
    enum peeper_status  status = peeper_sync_crash(peeper, invocation->crash, &crash);
    return status == PEEPER_STATUS_OK ? output_crash(&crash) : crash_refused(peeper);
}

enum exit_code command_redrive(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_value reply;
    bool                replied;
    uint32_t            timeout_ms = invocation->start.timeout_ms;
    enum peeper_status  status =
        peeper_sync_redrive(peeper, invocation->crash, timeout_ms, &replied, &reply);
    if (status != PEEPER_STATUS_OK) return crash_refused(peeper);
    return replied ? output_value(reply) : output_ok();
}

enum exit_code command_discard(struct peeper_sync *peeper, const struct invocation *invocation) {
    enum peeper_status status = peeper_sync_discard_crash(peeper, invocation->crash);
    return status == PEEPER_STATUS_OK ? output_ok() : crash_refused(peeper);
}

enum exit_code command_monitor(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_event event;
    uint64_t            ref;
    enum peeper_status  status = peeper_sync_monitor(peeper, invocation->target, &ref);
    if (status == PEEPER_STATUS_OK) status = peeper_sync_next_event(peeper, PEEPER_FOREVER, &event);
    return status == PEEPER_STATUS_OK ? output_event(&event) : command_refused(peeper, invocation);
}

enum exit_code command_ping(struct peeper_sync *peeper, const struct invocation *invocation) {
    (void)invocation;
    return command_finish(peeper, invocation, peeper_sync_ping(peeper));
}
