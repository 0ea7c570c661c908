// main: the peeperd program. Reads options, starts mirror, net, admin and the tree of --tree in
// this order, waits for a signal, ends them in the opposite order. This thread also starts host
// processes.
#define _GNU_SOURCE
#include "admin/http.h"
#include "base/check.h"
#include "base/log.h"
#include "base/thread.h"
#include "boot/service.h"
#include "boot/tree_start.h"
#include "keeper/mirror.h"
#include "keeper/options.h"
#include "net/engine.h"
#include "net/spawner.h"
#include "webhook/webhook.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#define EXIT_USAGE 2
#define EXIT_TREE_ENDED 3
#define READY_MS 10000u
#define TOKEN_BYTES_MAX 1024 // of --token-file
#define MIRROR_QUEUE_BYTES (4u << 20)
#define MIRROR_HEAP_BYTES_MAX (256u << 20)

// --- options ---

struct settings {
    struct keeper_options keeper;
    const char           *listen;
    const char           *http;
    struct http_options   web;
    const char           *tree;
    const char           *webhooks;
    bool                  check;     // the tree, and start nothing
    bool                  tree_ends; // ... and the server with it
    bool                  tree_end_given;
    bool                  log_given;
};

// key, name, argument, where it goes, lowest, highest, help (with the default)
#define NUMBER_OPTIONS(X)                                                                       \
    X(1001, "workers", keeper.workers, 1, 64, "Worker threads of a host (default: the cores)")  \
    X(1002, "host-memory", keeper.host_memory_bytes, 16u << 20, 1ull << 40,                     \
      "Bytes a host may use before it is killed (default 1073741824)")                          \
    X(1040, "own-hosts-max", keeper.own_hosts_max, 0, 250,                                      \
      "Actors that may have a host of their own (default 32)")                                  \
    X(1041, "quarantine-workers", keeper.quarantine_workers, 1, 64,                             \
      "Worker threads of the host for actors that have killed hosts repeatedly (default 1)")    \
    X(1042, "quarantine-ms", keeper.quarantine_ms, 100, 3600000,                                \
      "Milliseconds without killing a host after which such an actor is let go (default "       \
      "60000)")                                                                                 \
    X(1003, "host-cache", keeper.host_cache, 16, 16u << 20,                                     \
      "Actors whose state one worker keeps at hand (default 65536)")                            \
    X(1004, "generations", keeper.generations, 1, 16, "Good states kept per actor (default 2)") \
    X(1005, "mailbox-max", keeper.mailbox_max, 1, 1u << 30,                                     \
      "Messages that may wait for one actor (default 10000)")                                   \
    X(1006, "actors-max", keeper.actors_max, 1, 1u << 30, "Actors (default 10000000)")          \
    X(1007, "pending-max", keeper.pending_max, 1, 1u << 30,                                     \
      "Calls whose reply was deferred (default 100000)")                                        \
    X(1050, "timers-max", keeper.timers_max, 1, 1u << 30,                                       \
      "Timers of send_after that are pending (default 2000000)")                                \
    X(1065, "idempotency-max", keeper.idempotency_max, 1, 1u << 26,                             \
      "Idempotency keys that are remembered (default 100000)")                                  \
    X(1066, "idempotency-bytes-max", keeper.idempotency_bytes_max, 64u << 10, 1ull << 40,       \
      "Bytes of those keys and of the replies kept for them (default 67108864)")                \
    X(1067, "idempotency-ms", keeper.idempotency_ms, 1, 86400000,                               \
      "Milliseconds that a reply is kept for its idempotency key (default 600000)")             \
    X(1060, "table-bytes-max", keeper.table_bytes_max, 64u << 10, 1ull << 40,                   \
      "Bytes of the rows in all tables of one actor (default 268435456)")                       \
    X(1008, "waiting-bytes-max", keeper.waiting_bytes_max, 1u << 20, 1ull << 40,                \
      "Bytes of all messages waiting in mailboxes (default 1073741824)")                        \
    X(1009, "connections-max", keeper.connections_max, 1, 1u << 20,                             \
      "Client connections (default 10000)")                                                     \
    X(1010, "frame-bytes-max", keeper.frame_bytes_max, 1024, 64u << 20,                         \
      "Bytes of one frame (default 4194304)")                                                   \
    X(1011, "output-bytes-max", keeper.output_bytes_max, 4096, 128u << 20,                      \
      "Bytes of answers a client may leave unread before it is no longer read from (default "   \
      "8388608)")                                                                               \
    X(1012, "hello-ms", keeper.hello_ms, 10, 600000,                                            \
      "Milliseconds a client has to say hello (default 5000)")                                  \
    X(1030, "crashes-max", keeper.crashes_max, 1, 1u << 20,                                     \
      "Crashes that are remembered (default 1024)")                                             \
    X(1031, "crash-bytes-max", keeper.crash_bytes_max, 1u << 20, 1ull << 40,                    \
      "Bytes of all crashes that are remembered (default 67108864)")                            \
    X(1032, "log-value-bytes", keeper.log_value_bytes, 16, LOG_VALUE_BYTES_MAX,                 \
      "Bytes of a message or a reason in a log line (default 200)")                             \
    X(1160, "watches-max", keeper.watches_max, 0, 1u << 24,                                     \
      "Names and prefixes that clients may watch (default 100000)")                             \
    X(1161, "prefix-watches-max", keeper.prefix_watches_max, 0, 4096,                           \
      "Prefixes that clients may watch (default 64)")                                           \
    X(1162, "connection-watches-max", keeper.connection_watches_max, 0, 1u << 20,               \
      "Names and prefixes that one client may watch (default 1000)")                            \
    X(1163, "stream-bytes-max", keeper.stream_bytes_max, 4096, 128u << 20,                      \
      "Bytes a client may leave unread before it is told a gap instead of events (default "     \
      "1048576)")                                                                               \
    X(1200, "http-connections-max", web.connections_max, 1, 65536,                              \
      "HTTP connections (default 1024)")                                                        \
    X(1201, "http-streams-max", web.streams_max, 0, 65536,                                      \
      "Streams of events by HTTP (default 256)")                                                \
    X(1202, "http-body-bytes-max", web.body_bytes_max, 1024, 64u << 20,                         \
      "Bytes of the body of an HTTP request (default 4194304)")                                 \
    X(1203, "http-stream-bytes-max", web.stream_bytes_max, 4096, 128u << 20,                    \
      "Bytes of events an HTTP client may leave unread before it is told no more (default "     \
      "1048576)")                                                                               \
    X(1204, "http-request-ms", web.request_ms, 10, 600000,                                      \
      "Milliseconds in which an HTTP request must have come whole (default 30000)")             \
    X(1205, "http-heartbeat-ms", web.heartbeat_ms, 100, 600000,                                 \
      "Milliseconds between the heartbeats of a stream of events (default 15000)")              \
    X(1013, "spin-us", keeper.spin_us, 0, 10000,                                                \
      "Microseconds the net thread looks for commits before it sleeps (default 20)")

enum option_key {
    KEY_LISTEN = 2001,
    KEY_HTTP,
    KEY_BEHAVIOURS,
    KEY_HOST_PROGRAM,
    KEY_TOKEN,
    KEY_TOKEN_FILE,
    KEY_CORE_DUMPS,
    KEY_ALLOW_NATIVE_DEPLOY,
    KEY_LOG,
    KEY_TREE,
    KEY_TREE_END,
    KEY_WEBHOOKS,
    KEY_CHECK,
    KEY_HELP,
    KEY_VERSION,
};

static const struct argp_option OPTIONS[] = {
    {"listen", KEY_LISTEN, "HOST:PORT", 0,
     "Where clients connect (default 127.0.0.1:7420; port 0: any free one)", 0},
    {"http", KEY_HTTP, "HOST:PORT", 0,
     "Where HTTP is served (default 127.0.0.1:7421; port 0: any free one)", 0},
    {"behaviours", KEY_BEHAVIOURS, "DIR", 0, "Directory of behaviours (*.so, *.lua); required", 0},
    {"host-program", KEY_HOST_PROGRAM, "PATH", 0,
     "The program that runs behaviours (default: peeper-host beside peeperd, or in "
     "../libexec/peeper)",
     0},
    {"token", KEY_TOKEN, "SECRET", 0,
     "What clients must say in their hello, and by HTTP as `Authorization: Bearer SECRET`; also "
     "from PEEPER_TOKEN. Required to listen elsewhere than on loopback",
     0},
    {"token-file", KEY_TOKEN_FILE, "FILE", 0,
     "A file whose first line is the token, which other users of the machine cannot see there", 0},
    {"tree", KEY_TREE, "FILE", 0,
     "Start the supervisor whose spec is in FILE (YAML or JSON) and all its children before the "
     "ready line, and stop them in reverse order at the end",
     0},
    {"tree-end", KEY_TREE_END, "keep|exit", 0,
     "What follows when the supervisor of --tree ends by itself, gives up or is stopped by a "
     "client: serve on, or end with status 3 (default keep)",
     0},
    {"webhooks", KEY_WEBHOOKS, "FILE", 0,
     "Post changes and ends of states to the receivers that FILE (YAML) lists", 0},
    {"check", KEY_CHECK, NULL, 0,
     "Say whether the files of --tree and --webhooks are good, start nothing and listen nowhere",
     0},
    {"core-dumps", KEY_CORE_DUMPS, NULL, 0, "Let hosts that crash leave core dumps", 0},
    {"allow-native-deploy", KEY_ALLOW_NATIVE_DEPLOY, NULL, 0,
     "Let clients deploy native code, which can do whatever this user may", 0},
    {"log", KEY_LOG, "LEVEL", 0, "debug, info, warn or error (default info)", 0},
#define NUMBER_ROW(key, name, field, low, high, help) {name, key, "N", 0, help, 0},
    NUMBER_OPTIONS(NUMBER_ROW)
#undef NUMBER_ROW
        {"help", KEY_HELP, NULL, 0, "Print this text", -1},
    {"version", KEY_VERSION, NULL, 0, "Print the version", -1},
    {0}};

// argp would add a second line; one says it all.
__attribute__((noreturn, format(printf, 1, 2))) static void wrong_usage(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("peeperd: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs(" (see peeperd --help)\n", stderr);
    va_end(arguments);
    exit(EXIT_USAGE);
}

static unsigned long long number(const char *text, const char *name, unsigned long long low,
                                 unsigned long long high) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] == '\0' || text[0] == '-' || *end != '\0' || errno != 0 || value < low ||
        value > high) {
        wrong_usage("--%s: '%s' is not a number from %llu to %llu", name, text, low, high);
    }
    return value;
}

static enum log_level log_level_of(const char *text) {
    static const char *const NAMES[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(text, NAMES[i]) == 0) return (enum log_level)i;
    }
    wrong_usage("--log: '%s' is none of debug, info, warn, error", text);
}

static bool tree_ends_of(const char *text) {
    if (strcmp(text, "keep") == 0) return false;
    if (strcmp(text, "exit") == 0) return true;
    wrong_usage("--tree-end: '%s' is none of keep, exit", text);
}

// The first line of a file.
static const char *token_in(const char *path) {
    static char line[TOKEN_BYTES_MAX + 2];
    FILE       *file = fopen(path, "re");
    if (file == NULL) wrong_usage("--token-file: '%s': %s", path, strerror(errno));
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    size_t bytes = strcspn(line, "\r\n");
    if (!read || bytes == 0) wrong_usage("--token-file: '%s' begins with an empty line", path);
    if (bytes > TOKEN_BYTES_MAX) {
        wrong_usage("--token-file: the first line of '%s' is longer than %d bytes", path,
                    TOKEN_BYTES_MAX);
    }
    line[bytes] = '\0';
    return line;
}

static error_t parse(int key, char *argument, struct argp_state *state) {
    struct settings *settings = state->input;
    switch (key) {
        case KEY_LISTEN: settings->listen = argument; break;
        case KEY_HTTP: settings->http = argument; break;
        case KEY_BEHAVIOURS: settings->keeper.behaviours = argument; break;
        case KEY_HOST_PROGRAM: settings->keeper.host_program = argument; break;
        case KEY_TOKEN: settings->keeper.token = argument; break;
        case KEY_TOKEN_FILE: settings->keeper.token = token_in(argument); break;
        case KEY_CORE_DUMPS: settings->keeper.core_dumps = true; break;
        case KEY_ALLOW_NATIVE_DEPLOY: settings->keeper.allow_native_deploy = true; break;
        case KEY_TREE: settings->tree = argument; break;
        case KEY_TREE_END:
            settings->tree_ends = tree_ends_of(argument);
            settings->tree_end_given = true;
            break;
        case KEY_WEBHOOKS: settings->webhooks = argument; break;
        case KEY_CHECK: settings->check = true; break;
        case KEY_LOG:
            log_level_set(log_level_of(argument));
            settings->log_given = true;
            break;
#define NUMBER_CASE(key, name, field, low, high, help) \
    case key: settings->field = (typeof(settings->field))number(argument, name, low, high); break;
            NUMBER_OPTIONS(NUMBER_CASE)
#undef NUMBER_CASE
        case ARGP_KEY_ARG: wrong_usage("unexpected argument '%s'", argument); break;
        case KEY_HELP:
            argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP & ~(unsigned)ARGP_HELP_EXIT_OK,
                      (char *)"peeperd");
            exit(0);
        case KEY_VERSION: puts("peeperd " PEEPER_VERSION); exit(0);
        case ARGP_KEY_ERROR:
            wrong_usage("'%s' is no option, or lacks its value", state->argv[state->next - 1]);
        default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static const struct argp PARSER = {
    .options = OPTIONS,
    .parser = parse,
    .doc = "Serves stateful actors over TCP; their state survives crashes of their code.\v"
           "Prints one line `ready tcp=HOST:PORT http=HOST:PORT` when it serves. SIGTERM and "
           "SIGINT end it with status 0. Wrong usage, and a file with an error, is status 2; "
           "a tree whose child does not start is status 1, the end of the tree status 3 with "
           "--tree-end exit.",
};

static struct settings defaults(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return (struct settings){
        .listen = "127.0.0.1:7420",
        .http = "127.0.0.1:7421",
        .web =
            {
                .connections_max = 1024,
                .streams_max = 256,
                .body_bytes_max = 4u << 20,
                .stream_bytes_max = 1u << 20,
                .request_ms = 30000,
                .heartbeat_ms = 15000,
            },
        .keeper =
            {
                .token = getenv("PEEPER_TOKEN"),
                .workers = cores < 1    ? 1
                           : cores > 64 ? 64
                                        : (uint32_t)cores,
                .host_memory_bytes = 1ull << 30,
                .host_cache = 65536,
                .generations = 2,
                .mailbox_max = 10000,
                .own_hosts_max = 32,
                .quarantine_workers = 1,
                .quarantine_ms = 60000,
                .actors_max = 10000000,
                .pending_max = 100000,
                .timers_max = 2000000,
                .idempotency_max = 100000,
                .idempotency_bytes_max = 64u << 20,
                .idempotency_ms = 600000,
                .table_bytes_max = 256u << 20,
                .waiting_bytes_max = 1ull << 30,
                .connections_max = 10000,
                .frame_bytes_max = 4u << 20,
                .output_bytes_max = 8u << 20,
                .crashes_max = 1024,
                .crash_bytes_max = 64u << 20,
                .log_value_bytes = 200,
                .watches_max = 100000,
                .prefix_watches_max = 64,
                .connection_watches_max = 1000,
                .stream_bytes_max = 1u << 20,
                .hello_ms = 5000,
                .spin_us = 20,
            },
    };
}

// --- what must be right before anything starts ---

static int wrong(const char *what, const char *value, const char *why) {
    fprintf(stderr, "peeperd: %s %s: %s\n", what, value, why);
    return EXIT_USAGE;
}

static bool is_loopback(const char *address) {
    struct sockaddr_storage where;
    if (!engine_address(address, &where)) return false;
    if (where.ss_family == AF_INET) {
        return (ntohl(((struct sockaddr_in *)&where)->sin_addr.s_addr) >> 24) == 127;
    }
    return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&where)->sin6_addr);
}

static int check_settings(struct settings *settings) {
    struct sockaddr_storage where;
    struct stat             info;
    const char             *directory = settings->keeper.behaviours;
    if (settings->keeper.token != NULL && settings->keeper.token[0] == '\0')
        settings->keeper.token = NULL;

    if (!engine_address(settings->listen, &where))
        return wrong("--listen", settings->listen, "not HOST:PORT with a numeric host");
    if (!engine_address(settings->http, &where))
        return wrong("--http", settings->http, "not HOST:PORT with a numeric host");
    if (!is_loopback(settings->listen) && settings->keeper.token == NULL) {
        return wrong("--listen", settings->listen, "not a loopback address; that needs --token");
    }
    if (!is_loopback(settings->http) && settings->keeper.token == NULL)
        return wrong("--http", settings->http, "not a loopback address; that needs --token");
    if (settings->check && settings->tree == NULL && settings->webhooks == NULL)
        return wrong("--tree", "FILE", "or --webhooks is required with --check");
    if (settings->check && settings->tree == NULL) return 0;
    if (settings->tree_end_given && settings->tree == NULL)
        return wrong("--tree", "FILE", "required with --tree-end");
    if (settings->check) settings->listen = settings->http = "127.0.0.1:0";
    // Hosts that come and go are no part of the answer.
    if (settings->check && !settings->log_given) log_level_set(LOG_LEVEL_WARN);
    if (directory == NULL) return wrong("--behaviours", "DIR", "required");
    if (stat(directory, &info) != 0) return wrong("--behaviours", directory, strerror(errno));
    if (!S_ISDIR(info.st_mode)) return wrong("--behaviours", directory, "not a directory");
    if (access(settings->keeper.host_program, X_OK) != 0) {
        return wrong("--host-program", settings->keeper.host_program, strerror(errno));
    }
    return 0;
}

// peeper-host beside this program, as in a build folder, or where it is installed to from there.
static const char *host_program_default(void) {
    static const char *const WHERE[] = {"peeper-host", "../libexec/peeper/peeper-host"};
    static char              path[PATH_MAX];
    ssize_t                  bytes = readlink("/proc/self/exe", path, sizeof path - 32);
    if (bytes <= 0) return WHERE[0];
    path[bytes] = '\0';
    char *name = strrchr(path, '/') + 1;
    for (size_t i = 0; i < sizeof WHERE / sizeof *WHERE; i++) {
        snprintf(name, sizeof path - (size_t)(name - path), "%s", WHERE[i]);
        if (access(path, X_OK) == 0) return path;
    }
    return path;
}

// One descriptor per connection; the soft limit is often far below what the system would allow.
static void raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

// --- the main thread's loop ---

// Where the tree of --tree is, as far as this thread has asked and heard.
enum tree_step { TREE_ABSENT, TREE_STARTING, TREE_SERVING, TREE_STOPPING };

struct program {
    struct settings   settings;
    struct code_set  *code; // held
    struct mirror    *mirror;
    struct http      *http;
    struct webhooks  *webhooks;
    struct engine    *engine;
    struct spawner    spawner;
    struct tree_file  tree_file;
    struct tree_start tree;
    enum tree_step    tree_step;
    uv_loop_t         loop;
    uv_signal_t       terminate, interrupt;
    uv_async_t        ready;
    uv_async_t        tree_told;
    uv_timer_t        patience; // until the first host is ready
    uv_timer_t        beats;    // for the service manager
    struct service    service;
    int               status;
    // of http, and of each webhook
    struct engine_gateway  gateways[ENGINE_GATEWAYS_MAX];
    struct webhooks_config webhooks_config;
};

static void leave(struct program *program) {
    uv_close((uv_handle_t *)&program->terminate, NULL);
    uv_close((uv_handle_t *)&program->interrupt, NULL);
    uv_close((uv_handle_t *)&program->ready, NULL);
    uv_close((uv_handle_t *)&program->tree_told, NULL);
    uv_close((uv_handle_t *)&program->patience, NULL);
    uv_close((uv_handle_t *)&program->beats, NULL);
    service_stopping();
    spawner_close(&program->spawner);
}

// The first one lets the tree stop in order; the next does not wait for that.
static void on_signal(uv_signal_t *signal, int number) {
    struct program *program = signal->data;
    LOG_INFO("server.stopping", "signal=%d", number);
    http_unready(program->http);
    if (program->tree_step == TREE_STARTING || program->tree_step == TREE_SERVING) {
        program->tree_step = TREE_STOPPING;
        service_stopping();
        tree_start_stop(&program->tree, &program->engine->shard);
    } else {
        leave(program);
    }
}

static void on_patience(uv_timer_t *timer) {
    struct program *program = timer->data;
    fprintf(stderr, "peeperd: no host became ready within %u ms; see the log above\n", READY_MS);
    program->status = EXIT_FAILURE;
    leave(program);
}

static void announce(const struct program *program) {
    const char *tcp = program->settings.listen, *http = program->settings.http;
    char        line[256];
    snprintf(line, sizeof line, "ready tcp=%.*s:%u http=%.*s:%u", (int)(strrchr(tcp, ':') - tcp),
             tcp, engine_port(program->engine), (int)(strrchr(http, ':') - http), http,
             http_port(program->http));
    puts(line);
    fflush(stdout);
    service_ready(line);
}

static void on_beat(uv_timer_t *timer) {
    struct program *program = timer->data;
    service_beat(&program->service, &program->engine->shard);
}

// A host runs, so that behaviours are known.
static void on_ready(uv_async_t *ready) {
    struct program *program = ready->data;
    uv_timer_stop(&program->patience);
    if (program->settings.tree == NULL) {
        announce(program);
        return;
    }
    program->tree_step = TREE_STARTING;
    tree_start_begin(&program->tree, &program->engine->shard);
}

static const char *quoted_tree(const struct program *program) {
    static char room[300];
    const char *path = program->settings.tree;
    return log_quote(room, sizeof room, path, (uint32_t)strlen(path));
}

// Whoever has asked the server to end gets that, and no status that says otherwise.
static void tree_ended(struct program *program) {
    char        room[600];
    const char *reason = program->tree.message.text;
    LOG_ERROR("tree.ended", "file=%s reason=%s", quoted_tree(program),
              log_quote(room, sizeof room, reason, (uint32_t)strlen(reason)));
    if (program->tree_step != TREE_STOPPING) program->status = EXIT_TREE_ENDED;
}

static void on_tree_told(uv_async_t *told) {
    struct program *program = told->data;
    switch ((enum tree_outcome)atomic_load(&program->tree.outcome)) {
        case TREE_UNKNOWN: return;
        case TREE_UP:
            if (program->tree_step != TREE_STARTING) return; // it is to stop already
            program->tree_step = TREE_SERVING;
            LOG_INFO("tree.up", "file=%s", quoted_tree(program));
            // The supervisor has its spec, and the stop its id.
            tree_file_fini(&program->tree_file);
            announce(program);
            return;
        case TREE_CHECKED: printf("%s: ok\n", program->settings.tree); break;
        case TREE_BAD:
        case TREE_FAILED:
            fprintf(stderr, "peeperd: %s\n", program->tree.message.text);
            program->status = program->tree.outcome == TREE_BAD ? EXIT_USAGE : EXIT_FAILURE;
            break;
        case TREE_STOPPED: LOG_INFO("tree.stopped", "file=%s", quoted_tree(program)); break;
        case TREE_STUCK: LOG_WARN("tree.stuck", "waited_ms=%u", TREE_STOP_MS); break;
        case TREE_ENDED: tree_ended(program); break;
    }
    leave(program);
}

// Any thread.
static void tree_told(void *context) {
    struct program *program = context;
    uv_async_send(&program->tree_told);
}

// Net thread. Nothing but the tree asks for something in the server's own name.
static void engine_answer(void *context, uint64_t request, const struct answer *answer) {
    struct program *program = context;
    tree_start_answer(&program->tree, request, answer);
}

// Net thread.
static void engine_ready(void *context) {
    struct program *program = context;
    uv_async_send(&program->ready);
}

static void host_started(void *context, struct host *host) {
    struct program *program = context;
    engine_host_started(program->engine, host);
}

static void code_read(void *context, struct code_set *code) {
    struct program *program = context;
    engine_code_read(program->engine, code);
}

static bool init_loop(struct program *program) {
    if (uv_loop_init(&program->loop) != 0) return false;
    if (uv_async_init(&program->loop, &program->ready, on_ready) != 0) return false;
    if (uv_async_init(&program->loop, &program->tree_told, on_tree_told) != 0) return false;
    uv_signal_init(&program->loop, &program->terminate);
    uv_signal_init(&program->loop, &program->interrupt);
    uv_timer_init(&program->loop, &program->patience);
    uv_timer_init(&program->loop, &program->beats);
    program->terminate.data = program->interrupt.data = program->ready.data =
        program->tree_told.data = program->patience.data = program->beats.data = program;
    return spawner_init(&program->spawner, &program->loop, &program->settings.keeper, host_started,
                        code_read, program) == STATUS_OK;
}

// Before anything is started. 0, or the exit status.
static int read_tree(struct program *program) {
    struct tree_message message;
    program->tree = (struct tree_start){
        .file = &program->tree_file,
        .caller = ENGINE_SELF,
        .check_only = program->settings.check,
        .watch = program->settings.tree_ends,
        .on_done = tree_told,
        .context = program,
    };
    if (program->settings.tree == NULL) return 0;
    if (tree_file_read(&program->tree_file, program->settings.tree, &message) == STATUS_OK)
        return 0;
    fprintf(stderr, "peeperd: %s\n", message.text);
    return EXIT_USAGE;
}

// Before anything is started. 0, or the exit status.
static int read_webhooks(struct program *program) {
    static struct webhook_message message;
    const char                   *path = program->settings.webhooks;
    if (path == NULL) return 0;
    if (webhooks_read(&program->webhooks_config, path, &message) != STATUS_OK) {
        fprintf(stderr, "peeperd: %s\n", message.text);
        return EXIT_USAGE;
    }
    if (program->settings.check) printf("%s: ok\n", path);
    return 0;
}

static int fail_start(const char *what, const char *value, enum status status) {
    const char *why = status == STATUS_IO
                          ? "cannot be bound (in use, or not an address of this machine)"
                          : status_text(status);
    return wrong(what, value, why);
}

static enum status start_webhooks(struct program *program) {
    struct webhooks_options options = {.config = &program->webhooks_config, .adopt = engine_adopt};
    _Static_assert(WEBHOOKS_MAX < ENGINE_GATEWAYS_MAX, "the first is that of http");
    if (program->settings.webhooks == NULL || program->settings.check) return STATUS_OK;
    for (uint32_t i = 0; i < WEBHOOKS_MAX; i++)
        options.adopt_contexts[i] = &program->gateways[1 + i];
    return webhooks_create(&options, &program->webhooks);
}

static int serve(struct program *program) {
    struct mirror_options mirror = {
        .generations = program->settings.keeper.generations,
        .queue_bytes = MIRROR_QUEUE_BYTES,
        .heap_bytes_max = MIRROR_HEAP_BYTES_MAX,
        .table_bytes_max = program->settings.keeper.table_bytes_max,
        .on_room = engine_mirror_room,
        .on_change = engine_mirror_change,
        .context = program->engine,
    };
    int         result;
    ssize_t     drawn = getrandom(&mirror.table_seed, sizeof mirror.table_seed, 0);
    enum status status = drawn == (ssize_t)sizeof mirror.table_seed
                             ? mirror_create(&mirror, &program->mirror)
                             : STATUS_IO;
    if (status != STATUS_OK) return fail_start("mirror", "thread", status);
    status = code_set_read(program->settings.keeper.behaviours, &program->code);
    if (status != STATUS_OK) {
        return wrong("--behaviours", program->settings.keeper.behaviours, status_text(status));
    }
    program->engine->on_ready = engine_ready;
    program->engine->on_answer = engine_answer;
    program->engine->context = program;
    status = engine_init(program->engine, &program->settings.keeper, program->mirror,
                         &program->spawner, program->settings.listen);
    if (status != STATUS_OK) return fail_start("--listen", program->settings.listen, status);
    shard_use_code(&program->engine->shard, program->code);
    for (uint32_t i = 0; i < ENGINE_GATEWAYS_MAX; i++)
        program->gateways[i] = (struct engine_gateway){program->engine, i};
    status = start_webhooks(program);
    if (status != STATUS_OK) return fail_start("--webhooks", program->settings.webhooks, status);
    struct sockaddr_storage http;
    CHECK(engine_address(program->settings.http, &http));
    struct http_options web = program->settings.web;
    web.token = program->settings.keeper.token;
    web.frame_bytes_max = program->settings.keeper.frame_bytes_max;
    web.adopt = engine_adopt;
    web.adopt_context = &program->gateways[0];
    if (program->webhooks != NULL) {
        web.webhooks = webhooks_counts(program->webhooks);
        web.webhook_count = program->webhooks_config.count;
    }
    status = http_create(&program->engine->shard, program->mirror, (struct sockaddr *)&http, &web,
                         &program->http);
    if (status != STATUS_OK) return fail_start("--http", program->settings.http, status);

    uv_signal_start(&program->terminate, on_signal, SIGTERM);
    uv_signal_start(&program->interrupt, on_signal, SIGINT);
    uv_timer_start(&program->patience, on_patience, READY_MS, 0);
    status = engine_start(program->engine);
    if (status != STATUS_OK) return fail_start("net", "thread", status);
    uint64_t beat_ms = service_beat_ms();
    if (beat_ms > 0) uv_timer_start(&program->beats, on_beat, beat_ms, beat_ms);
    uv_run(&program->loop, UV_RUN_DEFAULT);
    result = program->status;

    http_destroy(program->http);
    webhooks_close(program->webhooks);
    engine_close(program->engine);
    engine_stop(program->engine);
    webhooks_destroy(program->webhooks);
    webhooks_fini(&program->webhooks_config);
    mirror_destroy(program->mirror);
    engine_fini(program->engine);
    tree_file_fini(&program->tree_file);
    code_set_release(program->code);
    uv_loop_close(&program->loop);
    return result;
}

int main(int argc, char **argv) {
    // Static, so that a start that fails half-way can leave what it has to the end of the process.
    static struct engine  engine;
    static struct program program = {.engine = &engine};
    program.settings = defaults();
    program.settings.keeper.host_program = host_program_default();
    if (argp_parse(&PARSER, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &program.settings) !=
        0) {
        return EXIT_USAGE;
    }

    int result = check_settings(&program.settings);
    if (result != 0) return result;
    result = read_webhooks(&program);
    if (result != 0) return result;
    if (program.settings.check && program.settings.tree == NULL) return 0;
    result = read_tree(&program);
    if (result != 0) return result;
    signal(SIGPIPE, SIG_IGN);
    raise_descriptors();
    thread_role_set(ROLE_MAIN);
    if (!init_loop(&program)) return EXIT_FAILURE;
    return serve(&program);
}
