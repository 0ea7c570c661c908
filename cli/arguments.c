#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *argp_program_version = "peeper " PEEPER_VERSION;

static const struct argp_option CONNECTION_OPTIONS[] = {
    {"address", 'a', "HOST:PORT", 0,
     "Where peeperd listens (default: $PEEPER_ADDR, else 127.0.0.1:7420)", 0},
    {"token", OPTION_TOKEN, "TOKEN", 0,
     "Secret of the client (default: $PEEPER_TOKEN, which other users of this machine cannot see)",
     0},
    {"connect-timeout-ms", OPTION_CONNECT_TIMEOUT_MS, "N", 0,
     "How long to wait for a connection and its welcome (default: 5000)", 0},
    {0},
};

#define KEEP_MAX 256u // tables that a start may name

// --- Values of options ---------------------------------------------------------------------------

struct choice {
    const char *word;
    int         value;
};

static const struct choice ISOLATION[] = {
    {"shared", PEEPER_ISOLATION_SHARED},
    {"own", PEEPER_ISOLATION_OWN},
    {0},
};

static const struct choice ON_INTENSITY[] = {
    {"backoff", PEEPER_ON_INTENSITY_BACKOFF},
    {"suspend", PEEPER_ON_INTENSITY_SUSPEND},
    {"stop", PEEPER_ON_INTENSITY_STOP},
    {0},
};

static const struct choice RESTART[] = {
    {"permanent", PEEPER_RESTART_PERMANENT},
    {"transient", PEEPER_RESTART_TRANSIENT},
    {"temporary", PEEPER_RESTART_TEMPORARY},
    {0},
};

static int choose(struct argp_state *state, const struct choice *choices, const char *option,
                  const char *word) {
    for (const struct choice *choice = choices; choice->word != NULL; choice++) {
        if (strcmp(choice->word, word) == 0) return choice->value;
    }
    argp_error(state, "--%s: \"%s\" is none of its words", option, word);
    return 0;
}

static uint64_t wide_number(struct argp_state *state, const char *option, const char *argument) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(argument, &end, 10);
    if (!isdigit((unsigned char)argument[0]) || *end != '\0' || errno != 0) {
        argp_error(state, "--%s: \"%s\" is no number", option, argument);
    }
    return value;
}

static uint32_t number(struct argp_state *state, const char *option, const char *word) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(word, &end, 10);
    if (!isdigit((unsigned char)word[0]) || *end != '\0' || errno != 0 || value > UINT32_MAX) {
        argp_error(state, "--%s: \"%s\" is no number from 0 to 4294967295", option, word);
    }
    return (uint32_t)value;
}

// --- Negative numbers as words -------------------------------------------------------------------

// "-3" is a message, not an option. A space in front hides it from argp and means nothing to JSON.
static bool is_negative_number(const char *word) {
    return word[0] == '-' && isdigit((unsigned char)word[1]);
}

static char *shield(char *word) {
    char *shielded;
    if (!is_negative_number(word)) return word;
    return asprintf(&shielded, " %s", word) < 0 ? word : shielded;
}

static const char *unshield(const char *word) {
    return word[0] == ' ' && is_negative_number(word + 1) ? word + 1 : word;
}

// --- Parsers -------------------------------------------------------------------------------------

static error_t parse_connection(int key, char *argument, struct argp_state *state) {
    struct invocation *invocation = state->input;
    switch (key) {
        case 'a': invocation->address = argument; return 0;
        case OPTION_TOKEN: invocation->token = argument; return 0;
        case OPTION_CONNECT_TIMEOUT_MS:
            invocation->connect_timeout_ms = number(state, "connect-timeout-ms", argument);
            return 0;
        default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp CONNECTION_ARGP = {.options = CONNECTION_OPTIONS,
                                            .parser = parse_connection};

static const struct argp_child CONNECTION[] = {{&CONNECTION_ARGP, 0, "Connection:", 1}, {0}};

// The id in "@ID"; 0 where the word has no @ in front.
static uint64_t parse_id(const char *word, const char *option, struct argp_state *state) {
    char *end;
    if (word[0] != '@') return 0;
    errno = 0;
    uint64_t id = strtoull(word + 1, &end, 10);
    if (!isdigit((unsigned char)word[1]) || *end != '\0' || errno != 0 || id == 0) {
        argp_error(state, "\"%s\" is no id; what begins with @ and is none is written with --%s",
                   word, option);
    }
    return id;
}

// A name, or @ID.
static struct peeper_target target_of(const char *word, const char *option,
                                      struct argp_state *state) {
    uint64_t id = parse_id(word, option, state);
    return id != 0 ? peeper_by_id(id) : peeper_by_name(word);
}

// A number from 1 that may need all 64 bits.
static uint64_t long_number(struct argp_state *state, const char *what, const char *word) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(word, &end, 10);
    if (!isdigit((unsigned char)word[0]) || *end != '\0' || errno != 0 || value == 0) {
        argp_error(state, "%s: \"%s\" is no number from 1", what, word);
    }
    return value;
}

// "all", "none" or a,b,c: cut up where it stands.
static void keep_tables(struct peeper_start_options *start, char *names, struct argp_state *state) {
    static const char *room[KEEP_MAX];
    start->keep_listed = strcmp(names, "all") != 0;
    start->keep_tables = room;
    start->keep_tables_count = 0;
    if (!start->keep_listed || strcmp(names, "none") == 0) return;
    for (char *name = names; name != NULL;) {
        if (start->keep_tables_count == KEEP_MAX)
            argp_error(state, "--keep-tables: over %u names", KEEP_MAX);
        room[start->keep_tables_count++] = name;
        name = strchr(name, ',');
        if (name != NULL) *name++ = '\0';
    }
}

static error_t parse_start_option(int key, char *argument, struct argp_state *state) {
    struct peeper_start_options *start = &((struct invocation *)state->input)->start;
    switch (key) {
        case 'b': start->behaviour = argument; return 0;
        case OPTION_RESTART:
            start->restart = (enum peeper_restart)choose(state, RESTART, "restart", argument);
            return 0;
        case OPTION_ON_INTENSITY:
            start->on_intensity =
                (enum peeper_on_intensity)choose(state, ON_INTENSITY, "on-intensity", argument);
            return 0;
        case OPTION_NO_TRAP_EXIT: start->no_trap_exit = true; return 0;
        case OPTION_LISTENER: start->listener = argument; return 0;
        case OPTION_ISOLATION:
            start->isolation =
                (enum peeper_isolation)choose(state, ISOLATION, "isolation", argument);
            return 0;
        case OPTION_INTENSITY:
            start->has_intensity = true;
            start->intensity = number(state, "intensity", argument);
            return 0;
        case OPTION_PERIOD_MS:
            start->has_intensity = true;
            start->period_ms = number(state, "period-ms", argument);
            return 0;
        case OPTION_GENERATIONS:
            start->generations = number(state, "generations", argument);
            return 0;
        case OPTION_STEP_BACK: start->step_back = true; return 0;
        case OPTION_KEEP_TABLES: keep_tables(start, argument, state); return 0;
        case OPTION_MAILBOX_MAX:
            start->mailbox_max = number(state, "mailbox-max", argument);
            return 0;
        case OPTION_HIBERNATE_AFTER_MS:
            start->hibernate_after_ms = number(state, "hibernate-after-ms", argument);
            return 0;
        default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state) {
    struct invocation *invocation = state->input;
    switch (key) {
        case OPTION_NAME: invocation->name = unshield(argument); return 0;
        case OPTION_STATE: invocation->state = argument; return 0;
        case OPTION_REASON: invocation->reason = argument; return 0;
        case OPTION_PREFIX: invocation->prefix = argument; return 0;
        case OPTION_JSON: invocation->json = true; return 0;
        case OPTION_EXTRA: invocation->extra = argument; return 0;
        case OPTION_DRY_RUN: invocation->dry_run = true; return 0;
        case OPTION_CHILD: invocation->child_id = argument; return 0;
        case OPTION_SPEC: invocation->spec = argument; return 0;
        case OPTION_FROM: invocation->from_version = wide_number(state, "from", argument); return 0;
        case OPTION_OLD: invocation->with_old = true; return 0;
        case OPTION_LIMIT: invocation->limit = number(state, "limit", argument); return 0;
        case OPTION_DEPTH:
            invocation->depth = number(state, "depth", argument);
            if (invocation->depth == 0) argp_error(state, "--depth: 0 shows nothing");
            return 0;
        case OPTION_VERSION:
            invocation->versions[0] = long_number(state, "--version", argument);
            return 0;
        case OPTION_PREPARE: invocation->prepare = true; return 0;
        case OPTION_COMMIT: invocation->handle = long_number(state, "--commit", argument); return 0;
        case OPTION_SOURCE: invocation->source = target_of(argument, "source", state); return 0;
        case OPTION_DEADLINE_MS:
            invocation->deadline_ms = number(state, "deadline-ms", argument);
            return 0;
        case OPTION_KEY:
            if (*argument == '\0' || strlen(argument) > 64)
                argp_error(state, "--key: not 1 to 64 bytes");
            invocation->key = argument;
            return 0;
        case OPTION_TIMEOUT_MS:
            invocation->start.timeout_ms = number(state, "timeout-ms", argument);
            return 0;
        default: return parse_start_option(key, argument, state);
    }
}

static const char *next_word(struct invocation *invocation) {
    invocation->word_count--;
    return unshield(*invocation->words++);
}

// What NAME says: a name, or @ID for one incarnation.
static void take_target(struct invocation *invocation, struct argp_state *state) {
    unsigned takes = invocation->command->takes;
    if (invocation->name != NULL) {
        invocation->target = peeper_by_name(invocation->name);
        return;
    }
    if (invocation->word_count == 0) {
        invocation->target = peeper_by_name("");
        if ((takes & TAKES_NAME_OR_NOT) == 0) {
            const char *word = invocation->command->arguments; // "SUPERVISOR CHILD"
            argp_error(state, "%.*s is missing", (int)strcspn(word, " "), word);
        }
        return;
    }
    const char *word = next_word(invocation);
    uint64_t    id = parse_id(word, "name", state);
    if (id != 0 && (takes & TAKES_NEW_NAME) != 0) {
        argp_error(state, "ids are given by the server; a name that begins with @ is written with "
                          "--name");
    }
    invocation->target = id != 0 ? peeper_by_id(id) : peeper_by_name(word);
}

// What CHILD says: an id in the supervisor, or @ID for one incarnation.
static void take_child(struct invocation *invocation, struct argp_state *state) {
    if (invocation->child_id != NULL) {
        invocation->child = peeper_child_by_id(invocation->child_id);
        return;
    }
    if (invocation->word_count == 0) argp_error(state, "CHILD is missing");
    const char *word = next_word(invocation);
    uint64_t    id = parse_id(word, "child", state);
    invocation->child = id != 0 ? peeper_child_by_incarnation(id) : peeper_child_by_id(word);
}

static void take_table(struct invocation *invocation, struct argp_state *state) {
    if (invocation->word_count == 0) argp_error(state, "TABLE is missing");
    invocation->table = next_word(invocation);
}

static void take_crash(struct invocation *invocation, struct argp_state *state) {
    char *end;
    if (invocation->word_count == 0) argp_error(state, "ID is missing");
    const char *word = next_word(invocation);
    errno = 0;
    invocation->crash = strtoull(word, &end, 10);
    if (!isdigit((unsigned char)word[0]) || *end != '\0' || errno != 0 || invocation->crash == 0) {
        argp_error(state, "\"%s\" is no id of a crash", word);
    }
}

static void take_versions(struct invocation *invocation, int count, struct argp_state *state) {
    for (int i = 0; i < count; i++) {
        if (invocation->word_count == 0) {
            argp_error(state, "%s is missing", count == 1 ? "VERSION" : i == 0 ? "V1" : "V2");
        }
        invocation->versions[i] = long_number(state, "version", next_word(invocation));
    }
}

// NAME and TARGET, or a handle instead of both.
static void take_destination(struct invocation *invocation, struct argp_state *state) {
    bool named = invocation->target.id != 0 || invocation->target.name[0] != '\0';
    if (invocation->handle != 0) {
        if (named) argp_error(state, "the handle of --commit stands for NAME and TARGET");
        return;
    }
    if (!named) argp_error(state, "NAME is missing");
    if (invocation->word_count == 0) argp_error(state, "TARGET is missing");
    invocation->destination = target_of(next_word(invocation), "name", state);
}

static const char *take_word(struct invocation *invocation, const char *what, bool must,
                             struct argp_state *state) {
    if (invocation->word_count > 0) return next_word(invocation);
    if (must) argp_error(state, "%s is missing", what);
    return NULL;
}

static void check_words(struct invocation *invocation, struct argp_state *state) {
    unsigned takes = invocation->command->takes;
    if (takes & TAKES_UPGRADE) {
        invocation->behaviour = take_word(invocation, "BEHAVIOUR", true, state);
        invocation->file = take_word(invocation, "FILE", false, state);
    }
    if (takes & TAKES_FILE) invocation->file = take_word(invocation, "FILE", true, state);
    if (takes & (TAKES_NAME | TAKES_NEW_NAME | TAKES_NAME_OR_NOT)) take_target(invocation, state);
    if (takes & TAKES_CHILD) take_child(invocation, state);
    if (takes & TAKES_CRASH) take_crash(invocation, state);
    if (takes & TAKES_VERSION) take_versions(invocation, 1, state);
    if (takes & TAKES_VERSIONS) take_versions(invocation, 2, state);
    if (takes & TAKES_TARGET) take_destination(invocation, state);
    if (takes & TAKES_TABLE) take_table(invocation, state);
    if ((takes & TAKES_MESSAGE) != 0 && invocation->word_count == 0) {
        const char *word = strchr(invocation->command->arguments, ' ') + 1; // "NAME MESSAGE..."
        argp_error(state, "%.*s is missing", (int)strcspn(word, "."), word);
    }
    if ((takes & TAKES_MESSAGE) == 0 && invocation->word_count > 0) {
        argp_error(state, "\"%s\" is too much", invocation->words[0]);
    }
    if ((takes & TAKES_BEHAVIOUR) != 0 && invocation->start.behaviour == NULL) {
        argp_error(state, "--behaviour is missing");
    }
    if ((takes & TAKES_SPEC) != 0 && invocation->spec == NULL) {
        argp_error(state, "--spec is missing");
    }
}

static error_t parse_word(int key, char *argument, struct argp_state *state) {
    struct invocation *invocation = state->input;
    switch (key) {
        case ARGP_KEY_INIT: state->child_inputs[0] = invocation; return 0;
        case ARGP_KEY_ARG: invocation->words[invocation->word_count++] = argument; return 0;
        case ARGP_KEY_END: check_words(invocation, state); return 0;
        default: return parse_option(key, argument, state);
    }
}

// Whether `word` is the first of a command of two words; answers the second, "" if there is none.
static const char *word_in_group(const struct command *command, const char *word) {
    size_t bytes = strlen(word);
    bool   begins = strncmp(command->name, word, bytes) == 0 && command->name[bytes] == ' ';
    return begins ? command->name + bytes + 1 : "";
}

// The command of these words, of which `second` may be NULL. The longer one wins.
static const struct command *find_command(const char *first, const char *second, int *ret_words) {
    const struct command *found = NULL;
    for (const struct command *command = COMMANDS; command->name != NULL; command++) {
        const char *rest = word_in_group(command, first);
        if (second != NULL && rest[0] != '\0' && strcmp(rest, second) == 0) {
            *ret_words = 2;
            return command;
        }
        if (strcmp(command->name, first) != 0) continue;
        *ret_words = 1;
        found = command;
    }
    return found;
}

static void write_summaries(FILE *out, const char *group) {
    for (const struct command *command = COMMANDS; command->name != NULL; command++) {
        bool shown = group == NULL || word_in_group(command, group)[0] != '\0';
        if (shown) fprintf(out, "  %-17s  %s\n", command->name, command->summary);
    }
}

static bool is_group(const char *word) {
    for (const struct command *command = COMMANDS; command->name != NULL; command++) {
        if (word_in_group(command, word)[0] != '\0') return true;
    }
    return false;
}

// A word that no command has; the first word of a group alone tells of the group.
static void refuse_command(const char *first, const char *second, struct argp_state *state) {
    if (!is_group(first)) argp_error(state, "no command is called \"%s\"", first);
    bool  asked = second != NULL && (strcmp(second, "--help") == 0 || strcmp(second, "-?") == 0);
    FILE *out = asked ? stdout : stderr;
    fprintf(out, "`%s' goes with one more word:\n", first);
    write_summaries(out, first);
    exit(asked ? EXIT_CODE_OK : EXIT_CODE_USAGE); // house-rules: exit: as argp does after its help
}

static void take_command(struct invocation *invocation, const char *first,
                         struct argp_state *state) {
    const char *second = state->next < state->argc ? state->argv[state->next] : NULL;
    int         words = 0;
    invocation->command = find_command(first, second, &words);
    if (invocation->command == NULL) refuse_command(first, second, state);
    invocation->words = state->argv + state->next + words - 1;
    invocation->word_count = state->argc - state->next - words + 1;
    state->next = state->argc;
}

// Stops at the command: what follows is the command's own to read.
static error_t parse_command(int key, char *argument, struct argp_state *state) {
    struct invocation *invocation = state->input;
    switch (key) {
        case ARGP_KEY_INIT: state->child_inputs[0] = invocation; return 0;
        case ARGP_KEY_ARG: take_command(invocation, argument, state); return 0;
        case ARGP_KEY_NO_ARGS: argp_error(state, "COMMAND is missing"); return 0;
        default: return ARGP_ERR_UNKNOWN;
    }
}

// The list of commands, printed behind the options.
static char *list_commands(int key, const char *text, void *input) {
    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC) return (char *)text;

    char  *list = NULL;
    size_t bytes;
    FILE  *out = open_memstream(&list, &bytes);
    if (out == NULL) return (char *)text;
    fputs("Commands:\n", out);
    write_summaries(out, NULL);
    fputs(text, out);
    return fclose(out) == 0 ? list : (char *)text;
}

static const char MANUAL[] =
    "Talks to peeperd, the server for actors whose state survives crashes."
    "\v\n`peeper COMMAND --help' tells more about each.\n\n"
    "A MESSAGE is JSON if it parses as JSON, else a string; several words become a list: "
    "`add 3' is [\"add\", 3]. NAME is the name of an actor, or @ID for one incarnation; a name "
    "that begins with @ is written with --name.\n\n"
    "Results are JSON on stdout; errors go to stderr, their status first. Exit status: 0 ok, "
    "1 the server said no, 2 wrong usage, 3 the server cannot be reached.\n\n"
    "Example:\n"
    "  peeper start hits --behaviour counter && peeper call hits add 3\n";

void arguments_parse(int argc, char **argv, struct invocation *ret_invocation) {
    struct argp top = {
        .parser = parse_command,
        .args_doc = "COMMAND [ARGUMENT...]",
        .doc = MANUAL,
        .children = CONNECTION,
        .help_filter = list_commands,
    };
    const char *address = getenv("PEEPER_ADDR");
    *ret_invocation = (struct invocation){
        .address = address != NULL && address[0] != '\0' ? address : "127.0.0.1:7420",
        .token = getenv("PEEPER_TOKEN"),
        .start = {.intensity = 3, .period_ms = 5000}, // used where only the other one is given
        .limit = UINT32_MAX,
        .depth = UINT32_MAX,
    };
    argp_err_exit_status = EXIT_CODE_USAGE;
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0); // a note of three lines under every help
    argp_parse(&top, argc, argv, ARGP_IN_ORDER, 0, ret_invocation);

    // The words are collected where they stood: argp never needs a slot again that it has read.
    const struct command *command = ret_invocation->command;
    struct argp           own = {
                  .options = command->options,
                  .parser = parse_word,
                  .args_doc = command->arguments,
                  .doc = command->help,
                  .children = CONNECTION,
    };
    char   title[64];
    int    own_argc = ret_invocation->word_count + 1;
    char **own_argv = ret_invocation->words - 1;
    snprintf(title, sizeof(title), "peeper %s", command->name);
    own_argv[0] = title;
    for (int i = 1; i < own_argc; i++) own_argv[i] = shield(own_argv[i]);
    ret_invocation->words_room = calloc((size_t)own_argc, sizeof(char *));
    ret_invocation->words = ret_invocation->words_room;
    ret_invocation->word_count = 0;
    if (ret_invocation->words_room == NULL) abort();
    argp_parse(&own, own_argc, own_argv, 0, 0, ret_invocation);
}
