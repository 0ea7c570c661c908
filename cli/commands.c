#include "command.h"
#include "output.h"

#include "wire/json.h"

#include <stdio.h>
#include <unistd.h>

#define LIST_LIMIT 500

// --- Options -------------------------------------------------------------------------------------

#define NAME_OPTION \
    { "name", OPTION_NAME, "NAME", 0, "The NAME, where it begins with @ or -", 0 }

static const struct argp_option NAMED_OPTIONS[] = {NAME_OPTION, {0}};

static const struct argp_option START_OPTIONS[] = {
    {"behaviour", 'b', "B", 0, "The code that the actor runs", 0},
    {"state", OPTION_STATE, "JSON", 0, "What its init is given (default: null)", 0},
    {"on-intensity", OPTION_ON_INTENSITY, "WORD", 0,
     "What follows more restarts than the intensity allows: backoff (default), suspend or stop", 0},
    {"intensity", OPTION_INTENSITY, "N", 0, "Restarts within the period (default: 3)", 0},
    {"period-ms", OPTION_PERIOD_MS, "N", 0, "The period (default: 5000)", 0},
    {"restart", OPTION_RESTART, "WORD", 0,
     "Which ends are followed by a restart: transient (default: crashes), permanent (all) or "
     "temporary (none)",
     0},
    {"mailbox-max", OPTION_MAILBOX_MAX, "N", 0, "Messages that may wait (default: the server's)",
     0},
    {"hibernate-after-ms", OPTION_HIBERNATE_AFTER_MS, "N", 0,
     "Without a message for so long it hibernates (default: as its behaviour says)", 0},
    {"timeout-ms", OPTION_TIMEOUT_MS, "N", 0, "How long its init may take (default: 5000)", 0},
    {"name", OPTION_NAME, "NAME", 0,
     "The NAME, where it begins with @ or -; empty for an actor without a name", 0},
    {0},
};

static const struct argp_option CALL_OPTIONS[] = {
    {"deadline-ms", OPTION_DEADLINE_MS, "N", 0, "How long to wait for the reply (default: 5000)",
     0},
    NAME_OPTION,
    {0},
};

static const struct argp_option STOP_OPTIONS[] = {
    {"reason", OPTION_REASON, "JSON", 0, "Why, for its terminate (default: \"normal\")", 0},
    {"timeout-ms", OPTION_TIMEOUT_MS, "N", 0, "How long to wait for its end (default: 5000)", 0},
    NAME_OPTION,
    {0},
};

static const struct argp_option LIST_OPTIONS[] = {
    {"prefix", OPTION_PREFIX, "P", 0, "Only names that begin with P", 0},
    {"json", OPTION_JSON, NULL, 0,
     "One line of JSON for each actor (default where stdout is no terminal)", 0},
    {0},
};

static const struct argp_option CRASHES_OPTIONS[] = {
    {"json", OPTION_JSON, NULL, 0,
     "One line of JSON for each crash (default where stdout is no terminal)", 0},
    {0},
};

static const struct argp_option REDRIVE_OPTIONS[] = {
    {"timeout-ms", OPTION_TIMEOUT_MS, "N", 0, "How long to wait for a reply (default: 5000)", 0},
    {0},
};

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

// An option's text; nothing is written where it was not given.
static bool write_option(struct peeper_writer *writer, const char *text) {
    char *word = (char *)text;
    return text == NULL || write_words(writer, &word, 1);
}

// --- Commands ------------------------------------------------------------------------------------

static enum exit_code refused(struct peeper_sync *peeper, const struct invocation *invocation) {
    return output_error(peeper_sync_error(peeper), &invocation->target);
}

static enum exit_code finish(struct peeper_sync *peeper, const struct invocation *invocation,
                             enum peeper_status status) {
    return status == PEEPER_STATUS_OK ? output_ok() : refused(peeper, invocation);
}

static enum exit_code run_start(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_start_options options = invocation->start;
    struct peeper_writer        state = {0};
    struct peeper_started       started;
    enum exit_code              code = EXIT_CODE_USAGE;

    if (!write_option(&state, invocation->state)) goto fini_state;
    options.name = invocation->target.name;
    options.argument = peeper_writer_value(&state);
    enum peeper_status status = peeper_sync_start(peeper, &options, &started);
    code = status == PEEPER_STATUS_OK ? output_started(&started) : refused(peeper, invocation);
fini_state:
    peeper_writer_fini(&state);
    return code;
}

static enum exit_code run_call(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_writer message = {0};
    struct peeper_value  reply;
    enum exit_code       code = EXIT_CODE_USAGE;

    if (!write_words(&message, invocation->words, invocation->word_count)) goto fini_message;
    enum peeper_status status = peeper_sync_call(
        peeper, invocation->target, peeper_writer_value(&message), invocation->deadline_ms, &reply);
    code = status == PEEPER_STATUS_OK ? output_value(reply) : refused(peeper, invocation);
fini_message:
    peeper_writer_fini(&message);
    return code;
}

// Cast and send differ in the function only.
static enum exit_code tell(struct peeper_sync *peeper, const struct invocation *invocation,
                           enum peeper_status (*function)(struct peeper_sync *,
                                                          struct peeper_target,
                                                          struct peeper_value)) {
    struct peeper_writer message = {0};
    enum exit_code       code = EXIT_CODE_USAGE;
    if (write_words(&message, invocation->words, invocation->word_count)) {
        code = finish(peeper, invocation,
                      function(peeper, invocation->target, peeper_writer_value(&message)));
    }
    peeper_writer_fini(&message);
    return code;
}

static enum exit_code run_cast(struct peeper_sync *peeper, const struct invocation *invocation) {
    return tell(peeper, invocation, peeper_sync_cast);
}

static enum exit_code run_send(struct peeper_sync *peeper, const struct invocation *invocation) {
    return tell(peeper, invocation, peeper_sync_send);
}

static enum exit_code run_stop(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_writer reason = {0};
    enum exit_code       code = EXIT_CODE_USAGE;
    if (write_option(&reason, invocation->reason)) {
        code = finish(peeper, invocation,
                      peeper_sync_stop(peeper, invocation->target, peeper_writer_value(&reason),
                                       invocation->start.timeout_ms));
    }
    peeper_writer_fini(&reason);
    return code;
}

static enum exit_code run_kill(struct peeper_sync *peeper, const struct invocation *invocation) {
    return finish(peeper, invocation, peeper_sync_kill(peeper, invocation->target));
}

static enum exit_code run_resume(struct peeper_sync *peeper, const struct invocation *invocation) {
    return finish(peeper, invocation, peeper_sync_resume(peeper, invocation->target));
}

static enum exit_code run_whereis(struct peeper_sync *peeper, const struct invocation *invocation) {
    uint64_t           id;
    enum peeper_status status = peeper_sync_whereis(peeper, invocation->target, &id);
    return status == PEEPER_STATUS_OK ? output_id(id) : refused(peeper, invocation);
}

static enum exit_code run_list(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_page    page = {.prefix = invocation->prefix, .limit = LIST_LIMIT};
    struct peeper_listing listing;
    int                   widths[OUTPUT_COLUMNS] = {0};
    bool                  json = invocation->json || !isatty(STDOUT_FILENO);
    do {
        enum peeper_status status = peeper_sync_list(peeper, &page, &listing);
        if (status != PEEPER_STATUS_OK) return refused(peeper, invocation);
        enum exit_code code = output_listing(&listing, json, widths);
        if (code != EXIT_CODE_OK) return code;
        page.cursor = listing.next;
    } while (page.cursor != 0);
    return EXIT_CODE_OK;
}

static enum exit_code run_inspect(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_actor actor;
    enum peeper_status  status = peeper_sync_inspect(peeper, invocation->target, &actor);
    return status == PEEPER_STATUS_OK ? output_actor(&actor) : refused(peeper, invocation);
}

// A crash has no NAME that an error could tell.
static enum exit_code crash_refused(struct peeper_sync *peeper) {
    return output_error(peeper_sync_error(peeper), NULL);
}

static enum exit_code run_crashes(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_page    page = {.prefix = invocation->target.name, .limit = LIST_LIMIT};
    struct peeper_crashes crashes;
    struct peeper_crash   crash;
    int                   widths[OUTPUT_COLUMNS] = {0};
    bool                  json = invocation->json || !isatty(STDOUT_FILENO);
    if (invocation->crash != 0) {
        enum peeper_status status = peeper_sync_crash(peeper, invocation->crash, &crash);
        return status == PEEPER_STATUS_OK ? output_crash(&crash) : crash_refused(peeper);
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

static enum exit_code run_redrive(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_value reply;
    bool                replied;
    enum peeper_status  status = peeper_sync_redrive(peeper, invocation->crash,
                                                     invocation->start.timeout_ms, &replied, &reply);
    if (status != PEEPER_STATUS_OK) return crash_refused(peeper);
    return replied ? output_value(reply) : output_ok();
}

static enum exit_code run_discard(struct peeper_sync *peeper, const struct invocation *invocation) {
    enum peeper_status status = peeper_sync_discard_crash(peeper, invocation->crash);
    return status == PEEPER_STATUS_OK ? output_ok() : crash_refused(peeper);
}

static enum exit_code run_ping(struct peeper_sync *peeper, const struct invocation *invocation) {
    (void)invocation;
    return finish(peeper, invocation, peeper_sync_ping(peeper));
}

const struct command COMMANDS[] = {
    {"start", "NAME --behaviour B", "creates an actor",
     "Creates an actor, waits for its init and prints its name, incarnation id and unit.\v"
     "Example:\n  peeper start hits --behaviour counter --state 41 --on-intensity suspend",
     START_OPTIONS, true, false, SPECIAL_STARTS, run_start},
    {"call", "NAME MESSAGE...", "asks an actor and prints its reply",
     "Sends a message to handle_call, waits for the reply and prints it.\v"
     "Example:\n  peeper call hits add 3 --deadline-ms 200",
     CALL_OPTIONS, true, true, false, run_call},
    {"cast", "NAME MESSAGE...", "sends a message to handle_cast",
     "Sends a message to handle_cast; ok says that it waits in the mailbox.\v"
     "Example:\n  peeper cast hits inc",
     NAMED_OPTIONS, true, true, false, run_cast},
    {"send", "NAME MESSAGE...", "sends a message to handle_info",
     "Sends a message to handle_info; ok says that it waits in the mailbox.\v"
     "Example:\n  peeper send hits '{\"tick\": 1}'",
     NAMED_OPTIONS, true, true, false, run_send},
    {"stop", "NAME", "ends an actor after its terminate",
     "Runs terminate and ends the actor; its state is forgotten.\v"
     "Example:\n  peeper stop hits --reason '\"no longer needed\"'",
     STOP_OPTIONS, true, false, false, run_stop},
    {"kill", "NAME", "ends an incarnation at once; the actor is restarted",
     "Ends the incarnation at once, without terminate. The supervisor restarts the actor with its "
     "state.\v"
     "Example:\n  peeper kill hits",
     NAMED_OPTIONS, true, false, false, run_kill},
    {"resume", "NAME", "brings a suspended actor back",
     "Brings an actor back that was suspended after too many crashes.\v"
     "Example:\n  peeper resume hits",
     NAMED_OPTIONS, true, false, false, run_resume},
    {"whereis", "NAME", "prints the incarnation id behind a name",
     "Prints the incarnation id behind a name; for an @ID, whether it still lives.\v"
     "Example:\n  peeper kill @$(peeper whereis hits)",
     NAMED_OPTIONS, true, false, false, run_whereis},
    {"list", "", "lists actors",
     "Lists actors: a table on a terminal, else one line of JSON for each.\v"
     "Example:\n  peeper list --prefix cart- --json | jq .restarts",
     LIST_OPTIONS, false, false, false, run_list},
    {"inspect", "NAME", "prints all that is known about an actor",
     "Prints an actor's status, last good state and last crash as JSON. It neither wakes the actor "
     "nor waits for its turn.\v"
     "Example:\n  peeper inspect hits",
     NAMED_OPTIONS, true, false, false, run_inspect},
    {"crashes", "[NAME]\nshow ID", "lists crashes, or shows one",
     "Lists the crashes that the server remembers, newest first: a table on a terminal, else one "
     "line "
     "of JSON for each. With show ID all that is known about one, with the message that did it.\v"
     "Example:\n  peeper crashes hits && peeper crashes show 17",
     CRASHES_OPTIONS, false, false, SPECIAL_CRASHES, run_crashes},
    {"redrive", "ID", "runs the message of a crash again",
     "Delivers the message of a crash again, to the same actor if it lives, else to the one that "
     "has "
     "its name now. Prints the reply to a call, ok for other messages.\v"
     "Example:\n  peeper redrive 17",
     REDRIVE_OPTIONS, false, false, SPECIAL_CRASH, run_redrive},
    {"discard", "ID", "forgets a crash and its message",
     "Removes a crash and its message from what the server remembers.\v"
     "Example:\n  peeper discard 17",
     NULL, false, false, SPECIAL_CRASH, run_discard},
    {"ping", "", "asks the server for a sign of life",
     "Prints ok when the server has answered.\v"
     "Example:\n  peeper ping -a 127.0.0.1:7420",
     NULL, false, false, false, run_ping},
    {0},
};
