// command: what the words and options of one invocation are, and the table of commands.
//
// arguments.c reads them, commands.c runs them, output.c writes what comes back.
#pragma once

#include <peeper/client.h>

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_REFUSED = 1,     // the server said no, or the answer did not come
    EXIT_CODE_USAGE = 2,       // this invocation makes no sense
    EXIT_CODE_UNREACHABLE = 3, // there is no connection to a server
};

struct invocation {
    // of every command
    const char *address;
    const char *token; // NULL: none
    uint32_t    connect_timeout_ms;

    // the words after the command
    const struct command *command;
    const char           *name; // of --name; NULL: the first word is the NAME
    char                **words;
    char                **words_room; // owned; `words` walks through it
    int                   word_count;
    struct peeper_target  target; // what NAME says
    uint64_t              crash;  // what ID says; 0: none was given

    // options of single commands
    struct peeper_start_options start;
    const char                 *state;
    const char                 *reason;
    const char                 *prefix;
    uint32_t                    deadline_ms;
    bool                        json;
};

// What the words of a command mean beyond its NAME and MESSAGE.
enum special {
    SPECIAL_NOTHING, // = false
    SPECIAL_STARTS,  // the NAME is a new one, and there must be a behaviour
    SPECIAL_CRASH,   // ID of a crash
    SPECIAL_CRASHES, // [NAME], or show ID
};

// One command. `arguments` is what stands in its usage line; a NAME in front is the target.
struct command {
    const char               *name;
    const char               *arguments;
    const char               *summary; // half a line, for the list of commands
    const char               *help;    // its manual; the part after \v follows the options
    const struct argp_option *options;
    bool                      named;       // takes a NAME
    bool                      words_after; // takes one MESSAGE word or more
    enum special              special;
    // Runs it on a connected client.   Fails: an exit code, after saying why on stderr.
    enum exit_code (*run)(struct peeper_sync *peeper, const struct invocation *invocation);
};

extern const struct command COMMANDS[]; // ends with a NULL name

// Keys of options without a letter.
enum option_key {
    OPTION_TOKEN = 256,
    OPTION_CONNECT_TIMEOUT_MS,
    OPTION_NAME,
    OPTION_STATE,
    OPTION_ON_INTENSITY,
    OPTION_INTENSITY,
    OPTION_PERIOD_MS,
    OPTION_RESTART,
    OPTION_MAILBOX_MAX,
    OPTION_HIBERNATE_AFTER_MS,
    OPTION_TIMEOUT_MS,
    OPTION_DEADLINE_MS,
    OPTION_REASON,
    OPTION_PREFIX,
    OPTION_JSON,
};

// Reads the command line. Prints help and usage errors itself, and ends the process after them with
// 0 and EXIT_CODE_USAGE (that is how argp works).
// Owns:   the result points into `argv` and into memory that lives as long as the process.
// Thread: main.
void arguments_parse(int argc, char **argv, struct invocation *ret_invocation);
