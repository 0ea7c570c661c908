#include "commands.h"

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
    {"listener", OPTION_LISTENER, "NAME", 0, "An actor that hears of each change of the state", 0},
    {"isolation", OPTION_ISOLATION, "WORD", 0,
     "With whom it shares its host process: shared (default) or own (nobody)", 0},
    {"no-trap-exit", OPTION_NO_TRAP_EXIT, NULL, 0,
     "The end of an actor that it is linked to ends it, instead of becoming a message", 0},
    {"mailbox-max", OPTION_MAILBOX_MAX, "N", 0, "Messages that may wait (default: the server's)",
     0},
    {"hibernate-after-ms", OPTION_HIBERNATE_AFTER_MS, "N", 0,
     "Without a message for so long it hibernates (default: as its behaviour says)", 0},
    {"generations", OPTION_GENERATIONS, "N", 0,
     "Good states that the server keeps of it, 1 to 16 (default: the server's)", 0},
    {"step-back", OPTION_STEP_BACK, NULL, 0,
     "A crash right after a restart is followed by a restart with the state before", 0},
    {"keep-tables", OPTION_KEEP_TABLES, "NAMES", 0,
     "Tables that a restart gives back: all (default), none, or names with commas between them", 0},
    {"timeout-ms", OPTION_TIMEOUT_MS, "N", 0, "How long its init may take (default: 5000)", 0},
    {"name", OPTION_NAME, "NAME", 0,
     "The NAME, where it begins with @ or -; empty for an actor without a name", 0},
    {0},
};

#define KEY_OPTION                                                                                 \
    {                                                                                              \
        "key", OPTION_KEY, "KEY", 0,                                                               \
            "An idempotency key, 1 to 64 bytes: with the same one the message is not run again", 0 \
    }

static const struct argp_option CALL_OPTIONS[] = {
    {"deadline-ms", OPTION_DEADLINE_MS, "N", 0, "How long to wait for the reply (default: 5000)",
     0},
    KEY_OPTION,
    NAME_OPTION,
    {0},
};

static const struct argp_option CAST_OPTIONS[] = {KEY_OPTION, NAME_OPTION, {0}};

static const struct argp_option STOP_OPTIONS[] = {
    {"reason", OPTION_REASON, "JSON", 0, "Why, for its terminate (default: \"normal\")", 0},
    {"timeout-ms", OPTION_TIMEOUT_MS, "N", 0, "How long to wait for its end (default: 5000)", 0},
    NAME_OPTION,
    {0},
};

static const struct argp_option REPLACE_OPTIONS[] = {
    {"timeout-ms", OPTION_TIMEOUT_MS, "N", 0, "How long to wait for it (default: 5000)", 0},
    NAME_OPTION,
    {0},
};

static const struct argp_option WATCH_OPTIONS[] = {
    NAME_OPTION,
    {"from", OPTION_FROM, "VERSION", 0, "Begin with this version, or the oldest kept after it", 0},
    {"old", OPTION_OLD, NULL, 0, "Tell the state before, too", 0},
    {"json", OPTION_JSON, NULL, 0, "JSON also on a terminal", 0},
    {0}};

static const struct argp_option STATE_OPTIONS[] = {
    {"version", OPTION_VERSION, "V", 0, "That generation (default: the newest)", 0},
    NAME_OPTION,
    {0},
};

static const struct argp_option GENERATIONS_OPTIONS[] = {
    {"json", OPTION_JSON, NULL, 0,
     "One line of JSON for each generation (default where stdout is no terminal)", 0},
    NAME_OPTION,
    {0},
};

static const struct argp_option TRANSFER_OPTIONS[] = {
    {"prepare", OPTION_PREPARE, NULL, 0, "Only ask whether it can be, and print a handle", 0},
    {"commit", OPTION_COMMIT, "HANDLE", 0, "Do what was prepared", 0},
    {"source", OPTION_SOURCE, "SUPERVISOR", 0,
     "Refuse if this is not its supervisor (default: whichever is)", 0},
    {"timeout-ms", OPTION_TIMEOUT_MS, "N", 0, "How long to wait for it (default: 5000)", 0},
    NAME_OPTION,
    {0},
};

static const struct argp_option LIST_OPTIONS[] = {
    {"prefix", OPTION_PREFIX, "P", 0, "Only names that begin with P", 0},
    {"json", OPTION_JSON, NULL, 0,
     "One line of JSON for each actor (default where stdout is no terminal)", 0},
    {0},
};

static const struct argp_option TABLES_OPTIONS[] = {
    {"json", OPTION_JSON, NULL, 0,
     "One line of JSON for each table (default where stdout is no terminal)", 0},
    NAME_OPTION,
    {0},
};

static const struct argp_option ROWS_OPTIONS[] = {
    {"prefix", OPTION_PREFIX, "P", 0, "Only keys that are strings and begin with P", 0},
    {"limit", OPTION_LIMIT, "N", 0, "Rows at most (default: all)", 0},
    {"json", OPTION_JSON, NULL, 0,
     "One line of JSON for each row (default where stdout is no terminal)", 0},
    NAME_OPTION,
    {0},
};

static const struct argp_option CRASHES_OPTIONS[] = {
    {"json", OPTION_JSON, NULL, 0,
     "One line of JSON for each crash (default where stdout is no terminal)", 0},
    NAME_OPTION,
    {0},
};

static const struct argp_option REDRIVE_OPTIONS[] = {
    {"timeout-ms", OPTION_TIMEOUT_MS, "N", 0, "How long to wait for a reply (default: 5000)", 0},
    {0},
};

static const struct argp_option SPEC_OPTIONS[] = {
    {"spec", OPTION_SPEC, "FILE_OR_JSON", 0,
     "The spec: JSON, the name of a file with JSON or YAML, or - for stdin", 0},
    NAME_OPTION,
    {0},
};

#define TIMEOUT_OPTION(text) \
    { "timeout-ms", OPTION_TIMEOUT_MS, "N", 0, text " (default: 5000)", 0 }

static const struct argp_option SUPERVISOR_START_OPTIONS[] = {
    {"spec", OPTION_SPEC, "FILE_OR_JSON", 0,
     "What it is like and what it starts: JSON, the name of a file with JSON or YAML, or - for "
     "stdin",
     0},
    TIMEOUT_OPTION("How long all its children together may take"),
    {"name", OPTION_NAME, "NAME", 0,
     "The NAME, where it begins with @ or - (default: the one that the spec has, or none)", 0},
    {0},
};

static const struct argp_option CHECK_OPTIONS[] = {
    {"spec", OPTION_SPEC, "FILE_OR_JSON", 0,
     "A supervisor's spec, a child's, or a list of these: JSON, the name of a file with JSON or "
     "YAML, or - for stdin",
     0},
    {0},
};

#define SUPERVISOR_OPTION \
    { "name", OPTION_NAME, "SUPERVISOR", 0, "The SUPERVISOR, where its name begins with @ or -", 0 }

#define CHILD_OPTION \
    { "child", OPTION_CHILD, "ID", 0, "The CHILD, where its id begins with @ or -", 0 }

static const struct argp_option CHILD_START_OPTIONS[] = {
    {"spec", OPTION_SPEC, "FILE_OR_JSON", 0,
     "The child's spec: JSON, the name of a file with JSON or YAML, or - for stdin. Under "
     "simple_one_for_one what differs from the template, such as {\"argument\": 5}",
     0},
    TIMEOUT_OPTION("How long its init may take"),
    SUPERVISOR_OPTION,
    {0},
};

static const struct argp_option CHILD_OPTIONS[] = {CHILD_OPTION, SUPERVISOR_OPTION, {0}};

static const struct argp_option CHILD_TIMED_OPTIONS[] = {
    TIMEOUT_OPTION("How long to wait for it"),
    CHILD_OPTION,
    SUPERVISOR_OPTION,
    {0},
};

static const struct argp_option CHILD_LIST_OPTIONS[] = {
    {"json", OPTION_JSON, NULL, 0,
     "One line of JSON for each child (default where stdout is no terminal)", 0},
    SUPERVISOR_OPTION,
    {0},
};

static const struct argp_option CHILD_COUNT_OPTIONS[] = {SUPERVISOR_OPTION, {0}};

static const struct argp_option TREE_OPTIONS[] = {
    {"depth", OPTION_DEPTH, "N", 0, "Levels to show (default: all)", 0},
    {"limit", OPTION_LIMIT, "N", 0,
     "Children to show of each supervisor, the ones started last (default: 100)", 0},
    {"json", OPTION_JSON, NULL, 0, "Nested JSON instead of a drawing", 0},
    NAME_OPTION,
    {0},
};

static const struct argp_option BEHAVIOURS_OPTIONS[] = {
    {"json", OPTION_JSON, NULL, 0,
     "One line of JSON for each (default where stdout is no terminal)", 0},
    {0},
};

#define EXTRA_OPTION \
    { "extra", OPTION_EXTRA, "JSON", 0, "What its code_change is given (default: null)", 0 }
#define REPORT_OPTION \
    { "json", OPTION_JSON, NULL, 0, "The report as JSON (default where stdout is no terminal)", 0 }

static const struct argp_option DEPLOY_OPTIONS[] = {EXTRA_OPTION, REPORT_OPTION, {0}};

static const struct argp_option UPGRADE_OPTIONS[] = {
    EXTRA_OPTION,
    {"dry-run", OPTION_DRY_RUN, NULL, 0,
     "Run code_change on every state and throw away what comes out: tells who would refuse", 0},
    REPORT_OPTION,
    {0},
};

const struct command COMMANDS[] = {
    {"start", "NAME --behaviour B", "creates an actor",
     "Creates an actor, waits for its init and prints its name, incarnation id and unit.\v"
     "Example:\n  peeper start hits --behaviour counter --state 41 --on-intensity suspend",
     START_OPTIONS, TAKES_NEW_NAME | TAKES_BEHAVIOUR, command_start},
    {"call", "NAME MESSAGE...", "asks an actor and prints its reply",
     "Sends a message to handle_call, waits for the reply and prints it.\v"
     "Example:\n  peeper call hits add 3 --deadline-ms 200",
     CALL_OPTIONS, TAKES_NAME | TAKES_MESSAGE, command_call},
    {"cast", "NAME MESSAGE...", "sends a message to handle_cast",
     "Sends a message to handle_cast; ok says that it waits in the mailbox.\v"
     "Example:\n  peeper cast hits inc",
     CAST_OPTIONS, TAKES_NAME | TAKES_MESSAGE, command_cast},
    {"send", "NAME MESSAGE...", "sends a message to handle_info",
     "Sends a message to handle_info; ok says that it waits in the mailbox.\v"
     "Example:\n  peeper send hits '{\"tick\": 1}'",
     NAMED_OPTIONS, TAKES_NAME | TAKES_MESSAGE, command_send},
    {"stop", "NAME", "ends an actor after its terminate",
     "Runs terminate and ends the actor; its state is forgotten.\v"
     "Example:\n  peeper stop hits --reason '\"no longer needed\"'",
     STOP_OPTIONS, TAKES_NAME, command_stop},
    {"kill", "NAME", "ends an incarnation at once; the actor is restarted",
     "Ends the incarnation at once, without terminate. The actor is restarted with its state. A "
     "supervisor is restarted by its own; one that has none stays away, with all below it.\v"
     "Example:\n  peeper kill hits",
     NAMED_OPTIONS, TAKES_NAME, command_kill},
    {"suspend", "NAME", "lets an actor's messages wait",
     "Lets an actor's messages wait until `peeper resume'. The turn that runs ends first; stop, "
     "kill, inspect, get-state and replace-state work as ever.\v"
     "Example:\n  peeper suspend hits",
     NAMED_OPTIONS, TAKES_NAME, command_suspend},
    {"resume", "NAME", "brings a suspended actor back",
     "Brings an actor back that was suspended, by `peeper suspend' or after too many crashes.\v"
     "Example:\n  peeper resume hits",
     NAMED_OPTIONS, TAKES_NAME, command_resume},
    {"get-state", "NAME", "prints an actor's last good state",
     "Prints an actor's last good state as JSON. It neither wakes the actor nor waits for its "
     "turn.\v"
     "Example:\n  peeper get-state hits",
     STATE_OPTIONS, TAKES_NAME, command_get_state},
    {"replace-state", "NAME STATE...", "gives an actor another state",
     "Gives an actor another state, before all messages that wait for it, also while it is "
     "suspended. Its behaviour decides whether it is one: else the old state stays.\v"
     "Example:\n  peeper replace-state hits 41",
     REPLACE_OPTIONS, TAKES_NAME | TAKES_MESSAGE, command_replace_state},
    {"generations", "NAME", "lists the states of an actor that are kept",
     "Lists the newest good states of an actor, newest first, with version, time and turn: a table "
     "on a terminal, else one line of JSON for each.\v"
     "Example:\n  peeper generations hits",
     GENERATIONS_OPTIONS, TAKES_NAME, command_generations},
    {"diff", "NAME V1 V2", "tells how two states of an actor differ",
     "Compares two generations: what only the first has is told with -, what only the second has "
     "with +. The exit status is 0 where they are equal, 1 where they differ.\v"
     "Example:\n  peeper diff hits 7 8",
     NAMED_OPTIONS, TAKES_NAME | TAKES_VERSIONS, command_diff},
    {"restore", "NAME VERSION", "gives an actor one of its older states again",
     "Gives an actor the state of one of its generations, before all messages that wait for it, "
     "also while it is suspended. It becomes a new version.\v"
     "Example:\n  peeper restore hits 7",
     REPLACE_OPTIONS, TAKES_NAME | TAKES_VERSION, command_restore},
    {"transfer", "NAME TARGET", "moves an actor to another supervisor",
     "Moves an actor from its supervisor to another one, with state, mailbox and options, and "
     "prints its new incarnation. Where the other one does not take it nothing changes.\v"
     "Example:\n  peeper transfer cart-7 carts-b\n  peeper transfer --commit $(peeper transfer "
     "cart-7 carts-b --prepare)",
     TRANSFER_OPTIONS, TAKES_NAME_OR_NOT | TAKES_TARGET, command_transfer},
    {"whereis", "NAME", "prints the incarnation id behind a name",
     "Prints the incarnation id behind a name; for an @ID, whether it still lives.\v"
     "Example:\n  peeper kill @$(peeper whereis hits)",
     NAMED_OPTIONS, TAKES_NAME, command_whereis},
    {"monitor", "NAME", "waits for the end of an incarnation",
     "Waits until the present incarnation ends, also where a restart follows, and prints how as "
     "JSON. Ctrl-C ends the wait.\v"
     "Example:\n  peeper monitor hits | jq .reason",
     NAMED_OPTIONS, TAKES_NAME, command_monitor},
    {"watch", "NAME|PREFIX*", "prints each change of a state until Ctrl-C",
     "Prints one line for each committed change of an actor's state, or of all actors whose names "
     "begin with PREFIX: text on a terminal, else JSON. States that were saved and have not "
     "changed "
     "are none. Where this program is too slow, or --from is older than what the server keeps, a "
     "line tells which versions are missing, and the newest follow.\v"
     "Example:\n  peeper watch 'cart-*' | jq .value.total",
     WATCH_OPTIONS, TAKES_NAME, command_watch},
    {"list", "", "lists actors",
     "Lists actors: a table on a terminal, else one line of JSON for each.\v"
     "Example:\n  peeper list --prefix cart- --json | jq .restarts",
     LIST_OPTIONS, 0, command_list},
    {"inspect", "NAME", "prints all that is known about an actor",
     "Prints an actor's status, last good state and last crash as JSON. It neither wakes the actor "
     "nor waits for its turn.\v"
     "Example:\n  peeper inspect hits",
     NAMED_OPTIONS, TAKES_NAME, command_inspect},
    {"tables", "NAME", "lists the tables of an actor",
     "Lists an actor's tables with their rows and bytes; the one without a name is its dictionary. "
     "It neither wakes the actor nor waits for its turn.\v"
     "Example:\n  peeper tables shop",
     TABLES_OPTIONS, TAKES_NAME, command_tables},
    {"table", "NAME TABLE", "prints the rows of a table",
     "Prints the rows of an actor's table, in the order of the table: key, tab, value on a "
     "terminal, "
     "else one line of JSON for each. It neither wakes the actor nor waits for its turn; rows that "
     "change meanwhile are shown as they are when their page is read.\v"
     "Example:\n  peeper table shop orders --prefix 2024- --limit 10",
     ROWS_OPTIONS, TAKES_NAME | TAKES_TABLE, command_table},
    {"dictionary", "NAME", "prints an actor's dictionary",
     "Prints what an actor has put into its dictionary, as `peeper table' prints a table.\v"
     "Example:\n  peeper dictionary shop",
     ROWS_OPTIONS, TAKES_NAME, command_table},
    {"tree", "[NAME]", "draws the tree of supervisors",
     "Draws a supervisor and what it supervises, or all that the server has: states, restarts, "
     "mailbox depth.\v"
     "Example:\n  peeper tree shop --depth 2",
     TREE_OPTIONS, TAKES_NAME_OR_NOT, command_tree},
    {"supervisor start", "[NAME] --spec FILE_OR_JSON", "starts a supervisor and its children",
     "Starts a supervisor with all its children in order, or nothing at all, and prints its name, "
     "incarnation id and unit.\v"
     "Example:\n  peeper supervisor start shop --spec '{\"children\": [{\"id\": \"hits\", "
     "\"start\": {\"behaviour\": \"counter\"}}]}'",
     SUPERVISOR_START_OPTIONS, TAKES_NEW_NAME | TAKES_NAME_OR_NOT | TAKES_SPEC,
     command_supervisor_start},
    {"supervisor change", "NAME --spec FILE_OR_JSON", "gives it other flags and specs",
     "Changes a running supervisor. Children that run go on untouched; new specs are stored and "
     "not "
     "started.\v"
     "Example:\n  peeper supervisor change shop --spec shop.json",
     SPEC_OPTIONS, TAKES_NAME | TAKES_SPEC, command_supervisor_change},
    {"supervisor check", "--spec FILE_OR_JSON", "checks specs, starts nothing",
     "Checks the spec of a supervisor or of a child, or a list of children's, and starts nothing.\v"
     "Example:\n  peeper supervisor check --spec shop.yaml",
     CHECK_OPTIONS, TAKES_SPEC, command_supervisor_check},
    {"child start", "SUPERVISOR --spec FILE_OR_JSON", "adds a child to a supervisor",
     "Adds a child to a supervisor, starts it and prints its name, incarnation id and unit.\v"
     "Example:\n  peeper child start shop --spec '{\"id\": \"cart\", \"start\": {\"behaviour\": "
     "\"cache\"}}'",
     CHILD_START_OPTIONS, TAKES_NAME | TAKES_SPEC, command_child_start},
    {"child terminate", "SUPERVISOR CHILD", "stops a child; its spec stays",
     "Stops a child as its spec says. The spec stays, unless the child is temporary.\v"
     "Example:\n  peeper child terminate shop cart",
     CHILD_TIMED_OPTIONS, TAKES_NAME | TAKES_CHILD, command_child_terminate},
    {"child restart", "SUPERVISOR CHILD", "starts a stopped child again",
     "Starts a child that was stopped; its state begins anew.\v"
     "Example:\n  peeper child restart shop cart",
     CHILD_TIMED_OPTIONS, TAKES_NAME | TAKES_CHILD, command_child_restart},
    {"child delete", "SUPERVISOR CHILD", "forgets the spec of a stopped child",
     "Forgets the spec of a child that was stopped.\v"
     "Example:\n  peeper child terminate shop cart && peeper child delete shop cart",
     CHILD_OPTIONS, TAKES_NAME | TAKES_CHILD, command_child_delete},
    {"child list", "SUPERVISOR", "lists the children of a supervisor",
     "Lists children, the newest first: a table on a terminal, else one line of JSON for each.\v"
     "Example:\n  peeper child list shop --json | jq .status",
     CHILD_LIST_OPTIONS, TAKES_NAME, command_child_list},
    {"child count", "SUPERVISOR", "counts the children of a supervisor",
     "Prints how many specs, living children, supervisors and workers there are.\v"
     "Example:\n  peeper child count shop",
     CHILD_COUNT_OPTIONS, TAKES_NAME, command_child_count},
    {"child spec", "SUPERVISOR CHILD", "prints the spec of a child",
     "Prints a child's spec with all defaults filled in.\v"
     "Example:\n  peeper child spec shop cart",
     CHILD_OPTIONS, TAKES_NAME | TAKES_CHILD, command_child_spec},
    {"crashes", "[NAME]", "lists crashes, of all actors or of one",
     "Lists the crashes that the server remembers, newest first: a table on a terminal, else one "
     "line of JSON for each.\v"
     "Example:\n  peeper crashes hits && peeper crashes show 17",
     CRASHES_OPTIONS, TAKES_NAME_OR_NOT, command_crashes},
    {"crashes show", "ID", "shows one crash, with the message that did it",
     "Prints all that is known about one crash, with the message that did it.\v"
     "Example:\n  peeper crashes show 17",
     NULL, TAKES_CRASH, command_crash_show},
    {"redrive", "ID", "runs the message of a crash again",
     "Delivers the message of a crash again, to the same actor if it lives, else to the one that "
     "has its name now. Prints the reply to a call, ok for other messages.\v"
     "Example:\n  peeper redrive 17",
     REDRIVE_OPTIONS, TAKES_CRASH, command_redrive},
    {"discard", "ID", "forgets a crash and its message",
     "Removes a crash and its message from what the server remembers.\v"
     "Example:\n  peeper discard 17",
     NULL, TAKES_CRASH, command_discard},
    {"behaviours", "", "lists the code that actors run",
     "Lists each version of each behaviour with the actors that run it: a table on a terminal, "
     "else "
     "one line of JSON for each.\v"
     "Example:\n  peeper behaviours",
     BEHAVIOURS_OPTIONS, 0, command_behaviours},
    {"deploy", "FILE", "gives the server a file with a behaviour",
     "Gives the server a file with a behaviour: a new one, or in place of the one with this name, "
     "whose actors are upgraded then. The server keeps it as long as it runs.\v"
     "Example:\n  peeper deploy cart.lua",
     DEPLOY_OPTIONS, TAKES_FILE, command_deploy},
    {"upgrade", "BEHAVIOUR [FILE]", "brings actors to another version while they run",
     "Brings all actors of a behaviour to the code in FILE, or, without FILE, to what is in the "
     "server's directory now. Each one's state goes through code_change; who refuses stays on its "
     "old version. Its status is 1 if one did. A downgrade is the same.\v"
     "Example:\n  peeper upgrade cart cart.lua --dry-run && peeper upgrade cart cart.lua",
     UPGRADE_OPTIONS, TAKES_UPGRADE, command_upgrade},
    {"ping", "", "asks the server for a sign of life",
     "Prints ok when the server has answered.\v"
     "Example:\n  peeper ping -a 127.0.0.1:7420",
     NULL, 0, command_ping},
    {0},
};
