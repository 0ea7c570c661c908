// command: what the words and options of one invocation are, and the table of commands.
//
// arguments.c reads them, commands.c and supervision.c run them, output.c writes what comes back.
#pragma once

#include <peeper/code.h>
#include <peeper/supervisor.h>
#include <peeper/tables.h>

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
    struct peeper_target  target; // what NAME says; the name "" where it may be left out and was
    struct peeper_child_target child; // what CHILD says
    uint64_t                   crash; // what ID says
    uint64_t                   versions[2];
    struct peeper_target       destination; // what TARGET says
    struct peeper_target       source;      // of --source
    bool                       prepare;
    uint64_t                   handle; // of --commit; 0: none
    const char                *table;  // what TABLE says

    // options of single commands
    struct peeper_start_options start;
    const char                 *state;
    const char                 *reason;
    const char                 *prefix;
    const char                 *child_id; // of --child; NULL: a word is the CHILD
    const char                 *spec;
    const char                 *behaviour; // of an upgrade
    const char                 *file;      // NULL: none
    const char                 *extra;
    bool                        dry_run;
    const char                 *key; // of idempotency; NULL: none
    uint32_t                    deadline_ms;
    uint32_t                    limit; // UINT32_MAX where it was not given
    uint32_t                    depth; // likewise
    uint64_t                    from_version;
    bool                        with_old;
    bool                        json;
};

// What a command takes besides its options.
enum command_takes {
    TAKES_NAME = 1,
    TAKES_NEW_NAME = 2, // the NAME is a new one: no @ID
    TAKES_NAME_OR_NOT = 4,
    TAKES_CHILD = 8,      // a CHILD after the NAME
    TAKES_MESSAGE = 16,   // one MESSAGE or STATE word or more
    TAKES_BEHAVIOUR = 32, // --behaviour is a must
    TAKES_SPEC = 64,      // --spec is a must
    TAKES_CRASH = 128,    // ID of a crash
    TAKES_VERSION = 256,  // a VERSION after the NAME
    TAKES_VERSIONS = 512, // two of them
    TAKES_TARGET = 1024,  // a TARGET after the NAME; both may be left out with --commit
    TAKES_UPGRADE = 2048, // BEHAVIOUR and maybe FILE
    TAKES_FILE = 4096,    // FILE
    TAKES_TABLE = 8192,   // the name of a TABLE after the NAME
};

// Runs a command on a connected client.   Fails: an exit code, after saying why on stderr.
typedef enum exit_code command_run(struct peeper_sync *peeper, const struct invocation *invocation);

// One command. `arguments` is what stands in its usage line; a NAME in front is the target.
struct command {
    const char               *name; // one word, or a group and a word: "child start"
    const char               *arguments;
    const char               *summary; // half a line, for the list of commands
    const char               *help;    // its manual; the part after \v follows the options
    const struct argp_option *options;
    unsigned                  takes; // enum command_takes
    command_run              *run;
};

extern const struct command COMMANDS[]; // ends with a NULL name

// Keys of options without a letter.
enum option_key {
    OPTION_TOKEN = 256,
    OPTION_CONNECT_TIMEOUT_MS,
    OPTION_NAME,
    OPTION_STATE,
    OPTION_ON_INTENSITY,
    OPTION_ISOLATION,
    OPTION_NO_TRAP_EXIT,
    OPTION_INTENSITY,
    OPTION_PERIOD_MS,
    OPTION_RESTART,
    OPTION_MAILBOX_MAX,
    OPTION_HIBERNATE_AFTER_MS,
    OPTION_TIMEOUT_MS,
    OPTION_DEADLINE_MS,
    OPTION_KEY,
    OPTION_REASON,
    OPTION_PREFIX,
    OPTION_JSON,
    OPTION_CHILD,
    OPTION_SPEC,
    OPTION_LIMIT,
    OPTION_DEPTH,
    OPTION_FROM,
    OPTION_OLD,
    OPTION_GENERATIONS,
    OPTION_STEP_BACK,
    OPTION_VERSION,
    OPTION_PREPARE,
    OPTION_COMMIT,
    OPTION_SOURCE,
    OPTION_EXTRA,
    OPTION_DRY_RUN,
    OPTION_LISTENER,
    OPTION_KEEP_TABLES,
};

// Reads the command line. Prints help and usage errors itself, and ends the process after them with
// 0 and EXIT_CODE_USAGE (that is how argp works).
// Owns:   the result points into `argv` and into memory that lives as long as the process.
// Thread: main.
void arguments_parse(int argc, char **argv, struct invocation *ret_invocation);
