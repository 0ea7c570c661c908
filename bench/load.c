// load: the load generator of the benchmark. One thread, one loop, three protocols.
#include "fatal.h"
#include "mode.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fatal(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static const struct {
    const char *name;
    void (*run)(const struct options *options);
    const char *help;
} MODES[] = {
    {"run", mode_run, "count up random counters and check them"},
    {"start", mode_start, "make the counters"},
    {"crash", mode_crash, "crash one counter again and again"},
    {"kill", mode_kill, "kill the process that runs the counters"},
};

static const struct protocol *const PROTOCOLS[] = {
    &protocol_resp,   &protocol_resp_function, &protocol_packet4,
    &protocol_peeper, &protocol_peeper_lua,
};

static const struct option_row {
    const char *name;
    char        letter;
    const char *argument; // NULL: takes none
    const char *help;
} OPTIONS[] = {
    {"protocol", 'P', "NAME", "resp, resp-function, packet4, peeper or peeper-lua (peeper)"},
    {"port", 'p', "PORT", "of the server on 127.0.0.1"},
    {"connections", 'c', "N", "(50)"},
    {"pipeline", 'n', "N", "requests in flight per connection (1)"},
    {"keys", 'k', "N", "counters (1)"},
    {"first-key", 'f', "N", "where the counters begin (0)"},
    {"seconds", 's', "S", "run: measured time (1)"},
    {"warm", 'w', "S", "run: time before it (0.3)"},
    {"rounds", 'r', "N", "crash, kill: how often (100)"},
    {"stepped", 'S', NULL, "crash, kill: a round per line of stdin instead"},
    {"crash", 'C', "KIND", "crash: raise or segfault (raise)"},
    {"grow", 'g', "BYTES", "crash: memory that the host holds before each crash (0)"},
    {"never-tired", 'N', NULL, "start: with an endless restart intensity"},
    {"help", 'h', NULL, "this text"},
};
enum { OPTION_ROWS = sizeof OPTIONS / sizeof *OPTIONS };

static void usage(void) {
    puts("usage: load MODE --port PORT [OPTION]...\n\nmodes:");
    for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++)
        printf("  %-20s %s\n", MODES[i].name, MODES[i].help);
    puts("\noptions (default):");
    for (size_t i = 0; i < OPTION_ROWS; i++)
        printf("  --%-12s %-5s %s\n", OPTIONS[i].name,
               OPTIONS[i].argument ? OPTIONS[i].argument : "", OPTIONS[i].help);
}

__attribute__((noreturn)) static void wrong_usage(const char *why, const char *what) {
    fprintf(stderr, "load: %s %s; see load --help\n", why, what);
    exit(2);
}

static uint64_t number(const char *text, uint64_t smallest, uint64_t largest) {
    char              *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value < smallest || value > largest)
        wrong_usage("not a number in range:", text);
    return value;
}

static double duration(const char *text) {
    char  *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= 0 && value <= 3600))
        wrong_usage("not a time in seconds:", text);
    return value;
}

static const struct protocol *protocol_named(const char *name) {
    for (size_t i = 0; i < sizeof PROTOCOLS / sizeof *PROTOCOLS; i++)
        if (strcmp(PROTOCOLS[i]->name, name) == 0) return PROTOCOLS[i];
    wrong_usage("no such protocol:", name);
}

static enum op crash_named(const char *name) {
    if (strcmp(name, "raise") == 0) return OP_RAISE;
    if (strcmp(name, "segfault") == 0) return OP_SEGFAULT;
    wrong_usage("no such crash:", name);
}

static void set_option(struct options *options, int letter, const char *text) {
    switch (letter) {
        case 'P': options->engine.protocol = protocol_named(text); break;
        case 'p': options->engine.port = (uint16_t)number(text, 1, UINT16_MAX); break;
        case 'c': options->engine.connections = (uint32_t)number(text, 1, 10000); break;
        case 'n': options->engine.pipeline = (uint32_t)number(text, 1, PIPELINE_MAX); break;
        case 'k': options->keys = (uint32_t)number(text, 1, KEYS_MAX); break;
        case 'f': options->first_key = (uint32_t)number(text, 0, KEYS_MAX - 1); break;
        case 's': options->seconds = duration(text); break;
        case 'w': options->warm = duration(text); break;
        case 'r': options->rounds = (uint32_t)number(text, 1, UINT32_MAX); break;
        case 'S': options->stepped = true; break;
        case 'C': options->crash = crash_named(text); break;
        case 'g': options->grow = number(text, 0, UINT64_C(1) << 40); break;
        case 'N': options->never_tired = true; break;
        case 'h': usage(); exit(0);
        default: exit(2); // getopt has said why
    }
}

static void parse_options(int argc, char **argv, struct options *options) {
    struct option rows[OPTION_ROWS + 1] = {0};
    for (size_t i = 0; i < OPTION_ROWS; i++)
        rows[i] =
            (struct option){OPTIONS[i].name, OPTIONS[i].argument ? required_argument : no_argument,
                            NULL, OPTIONS[i].letter};
    int letter;
    while ((letter = getopt_long(argc, argv, "", rows, NULL)) != -1)
        set_option(options, letter, optarg);
    if (optind + 1 != argc) wrong_usage("expected one mode,", "before or after the options");
    if (options->engine.port == 0) wrong_usage("missing option", "--port");
    if ((uint64_t)options->first_key + options->keys > KEYS_MAX)
        wrong_usage("too many counters behind", "--first-key");
}

int main(int argc, char **argv) {
    struct options options = {
        .engine = {.protocol = &protocol_peeper, .connections = 50, .pipeline = 1},
        .keys = 1,
        .seconds = 1,
        .warm = 0.3,
        .rounds = 100,
        .crash = OP_RAISE,
    };
    parse_options(argc, argv, &options);
    for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++) {
        if (strcmp(MODES[i].name, argv[optind]) != 0) continue;
        MODES[i].run(&options);
        return 0;
    }
    wrong_usage("no such mode:", argv[optind]);
}
