// Runs the real program: its words, its exit status, what it prints. A scripted peer stands in for
// the server where one is needed.
#include "run_peeper.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define LIMIT (1u << 20)

// --- Without a server ----------------------------------------------------------------------------

Test(cli, exits_with_2_and_says_why_on_wrong_usage, .timeout = 20) {
    static const char *const WRONG[][2] = {
        {"", "COMMAND is missing"},
        {"frob", "no command is called \"frob\""},
        {"--frob", "unrecognized option"},
        {"call", "NAME is missing"},
        {"call a", "MESSAGE is missing"},
        {"call @ inc", "is no id"},
        {"call @0 inc", "is no id"},
        {"call @7x inc", "is no id"},
        {"call @99999999999999999999 inc", "is no id"},
        {"redrive", "ID is missing"},
        {"redrive 0", "is no id of a crash"},
        {"redrive x", "is no id of a crash"},
        {"discard 1 2", "is too much"},
        {"discard 18446744073709551616", "is no id of a crash"},
        {"crashes a b", "is too much"},
        {"table a", "TABLE is missing"},
        {"table a b c", "is too much"},
        {"tables", "NAME is missing"},
        {"crashes show x", "is no id of a crash"},
        {"call a inc --deadline-ms x", "is no number"},
        {"call a inc --key=", "not 1 to 64 bytes"},
        {"send a inc --key k", "unrecognized option"},
        {"call a inc --deadline-ms -1", "is no number"},
        {"call a inc --deadline-ms 4294967296", "is no number"},
        {"call a inc --reason x", "unrecognized option"},
        {"cast a", "MESSAGE is missing"},
        {"send a", "MESSAGE is missing"},
        {"replace-state a", "STATE is missing"},
        {"stop a b", "is too much"},
        {"start a", "--behaviour is missing"},
        {"start @7 --behaviour b", "written with --name"},
        {"start a --behaviour b --restart sometimes", "is none of its words"},
        {"start a --behaviour b --on-intensity panic", "is none of its words"},
        {"kill", "NAME is missing"},
        {"list a", "is too much"},
        {"ping a", "is too much"},
        {"child", "goes with one more word"},
        {"child frob", "goes with one more word"},
        {"supervisor -a h", "goes with one more word"},
        {"child terminate", "SUPERVISOR is missing"},
        {"child list", "SUPERVISOR is missing"},
        {"supervisor change --spec []", "NAME is missing"},
        {"child terminate s", "CHILD is missing"},
        {"child terminate s @x", "is no id"},
        {"child terminate s c d", "is too much"},
        {"child start s", "--spec is missing"},
        {"supervisor start @7 --spec {}", "written with --name"},
        {"supervisor start", "--spec is missing"},
        {"supervisor check a --spec []", "is too much"},
        {"tree a b", "is too much"},
        {"tree --depth 0", "shows nothing"},
        {"ping -a host:port", "HOST:PORT"},
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct result result = run_peeper(WRONG[i][0]);
        cr_expect(result.code == 2, "%s: %d", WRONG[i][0], result.code);
        cr_expect(strstr(result.err, WRONG[i][1]) != NULL, "%s: %s", WRONG[i][0], result.err);
        cr_expect_str_eq(result.out, "");
    }
}

Test(cli, exits_with_3_where_nobody_can_be_reached, .timeout = 20) {
    static const char *const LINES[] = {
        "ping -a 127.0.0.1:1",
        "ping -a no-such-host.invalid:7420",
        "call a add -3 -a 127.0.0.1:1",
        "-a 127.0.0.1:1 list --json",
        "start --name @a --behaviour b -a [::1]:1",
    };
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        struct result result = run_peeper(LINES[i]);
        cr_expect(result.code == 3, "%s: %d: %s", LINES[i], result.code, result.err);
        cr_expect(strncmp(result.err, "UNREACHABLE: ", 13) == 0, "%s", result.err);
    }
}

Test(cli, helps_with_every_command_and_an_example, .timeout = 20) {
    static const char *const COMMANDS[] = {
        "start",
        "call",
        "cast",
        "send",
        "stop",
        "kill",
        "suspend",
        "resume",
        "get-state",
        "replace-state",
        "whereis",
        "list",
        "inspect",
        "monitor",
        "watch",
        "ping",
        "tree",
        "supervisor start",
        "supervisor change",
        "supervisor check",
        "child start",
        "child terminate",
        "child restart",
        "child delete",
        "child list",
        "child count",
        "child spec",
    };
    struct result all = run_peeper("--help");
    cr_assert(all.code == 0);
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
        char line[64];
        snprintf(line, sizeof(line), "\n  %s ", COMMANDS[i]);
        cr_expect(strstr(all.out, line) != NULL, "%s", COMMANDS[i]);
        snprintf(line, sizeof(line), "%s --help", COMMANDS[i]);
        struct result one = run_peeper(line);
        cr_expect(one.code == 0);
        cr_expect(strstr(one.out, "Example:\n  peeper ") != NULL, "%s", COMMANDS[i]);
        cr_expect(strstr(one.out, "--address") != NULL, "%s", COMMANDS[i]);
    }
}

Test(cli, helps_with_the_commands_of_a_group, .timeout = 20) {
    struct result result = run_peeper("child --help");
    cr_assert(result.code == 0);
    cr_assert(strstr(result.out, "\n  child terminate ") != NULL, "%s", result.out);
    cr_assert(strstr(result.out, "supervisor") == strstr(result.out, "supervisor\n"), "no others");
}

// --- With a peer ---------------------------------------------------------------------------------

static void never_welcome(struct peer *peer) {
    peer_read_to_end(peer);
}

Test(cli, exits_with_3_without_a_welcome_in_time, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(never_welcome, &peer, "ping --connect-timeout-ms 50");
    cr_assert(result.code == 3);
    cr_assert(strstr(result.err, "no welcome") != NULL, "%s", result.err);
}

static void hang_up(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    peer_read(peer);
}

Test(cli, exits_with_3_where_the_connection_is_lost, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(hang_up, &peer, "call a inc");
    cr_assert(result.code == 3);
    cr_assert(strncmp(result.err, "DISCONNECTED: ", 14) == 0, "%s", result.err);
}

static void refuse_token(struct peer *peer) {
    const Peeper__V1__ClientFrame *hello = peer_read(peer);
    peer->seen = strcmp(hello->hello->token, "sesame") == 0;
    peer_error(peer, hello->id, PEEPER__V1__STATUS__STATUS_UNAUTHENTICATED, "wrong token");
}

Test(cli, sends_its_token_and_exits_with_1_where_it_is_wrong, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(refuse_token, &peer, "ping --token sesame");
    cr_assert(result.code == 1);
    cr_assert_str_eq(result.err, "UNAUTHENTICATED: wrong token\n");
    cr_assert(peer.seen == 1);
}

static void echo_call(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    const Peeper__V1__ClientFrame *frame = peer_read(peer);
    peer->seen = frame->call->id;
    peer_reply(peer, frame->id, frame->call->payload.data, frame->call->payload.len);
    peer_read_to_end(peer);
}

Test(cli, prints_the_reply_as_json, .timeout = 20) {
    static const char *const ECHOES[][2] = {
        {"call a inc", "\"inc\"\n"},
        {"call a add 3", "[\"add\",3]\n"},
        {"call a add -3 x", "[\"add\",-3,\"x\"]\n"},
        {"call a -0.5", "-0.5\n"},
        {"call a -- -3", "-3\n"},
        {"call a {\"k\":[1,null,true]}", "{\"k\":[1,null,true]}\n"},
        {"call a \"inc\"", "\"inc\"\n"},
        {"call a 9223372036854775807", "9223372036854775807\n"},
        {"call --name @a 1 2", "[1,2]\n"},
        {"call a --deadline-ms 9 inc", "\"inc\"\n"},
    };
    for (size_t i = 0; i < sizeof(ECHOES) / sizeof(ECHOES[0]); i++) {
        struct peer   peer;
        struct result result = run_peeper_with(echo_call, &peer, ECHOES[i][0]);
        cr_expect(result.code == 0, "%s: %s", ECHOES[i][0], result.err);
        cr_expect_str_eq(result.out, ECHOES[i][1], "%s: %s", ECHOES[i][0], result.out);
        cr_expect(peer.seen == 0);
    }
    struct peer   peer;
    struct result result = run_peeper_with(echo_call, &peer, "call @77 inc");
    cr_assert(result.code == 0);
    cr_assert(peer.seen == 77, "@ID is an incarnation");
}

// Replies the key, and is told the one of a cast.
static void echo_key(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    const Peeper__V1__ClientFrame *frame = peer_read(peer);
    if (frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_CALL) {
        peer->seen = frame->call->idempotency_key.len;
    } else {
        peer->seen = 100 + frame->cast->idempotency_key.len;
    }
    peer_reply(peer, frame->id, (const uint8_t *)"", 0);
    peer_read_to_end(peer);
}

Test(cli, sends_the_key_of_a_call_and_of_a_cast, .timeout = 20) {
    struct peer peer;
    run_peeper_with(echo_key, &peer, "call a inc --key seven77");
    cr_assert(peer.seen == 7);
    run_peeper_with(echo_key, &peer, "cast a inc --key four");
    cr_assert(peer.seen == 104);
    run_peeper_with(echo_key, &peer, "cast a inc");
    cr_assert(peer.seen == 100);
}

static void reply_nonsense(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    peer_reply(peer, peer_read(peer)->id, (const uint8_t *)"\xff\xff", 2);
    peer_read_to_end(peer);
}

Test(cli, prints_bytes_that_are_no_value_as_bytes, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(reply_nonsense, &peer, "call a inc");
    cr_assert(result.code == 0);
    cr_assert_str_eq(result.out, "{\"$bytes\":\"//8=\"}\n");
}

static void crash(struct peer *peer) {
    Peeper__V1__Error       error = PEEPER__V1__ERROR__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    peer_welcome(peer, LIMIT);
    frame.id = peer_read(peer)->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_ERROR;
    frame.error = &error;
    error.status = PEEPER__V1__STATUS__STATUS_CRASHED;
    error.message = (char *)"handle_call of counter";
    error.kind = (char *)"raise";
    error.reason = (ProtobufCBinaryData){6, (uint8_t *)"\x2a\x04"
                                                       "boom"};
    peer_write(peer, &frame);
    peer_read_to_end(peer);
}

Test(cli, tells_a_crash_with_its_kind_and_reason_and_exits_with_1, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(crash, &peer, "call MyServer raise");
    cr_assert(result.code == 1);
    cr_assert_str_eq(result.out, "");
    cr_assert_str_eq(result.err, "CRASHED: MyServer: raise \"boom\"\n"
                                 "  message: handle_call of counter\n");
}

static void be_full(struct peer *peer) {
    Peeper__V1__Error       error = PEEPER__V1__ERROR__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    peer_welcome(peer, LIMIT);
    frame.id = peer_read(peer)->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_ERROR;
    frame.error = &error;
    error.status = PEEPER__V1__STATUS__STATUS_MAILBOX_FULL;
    error.retryable = true;
    error.retry_after_ms = 20;
    peer_write(peer, &frame);
    peer_read_to_end(peer);
}

Test(cli, tells_when_to_try_again, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(be_full, &peer, "cast a inc");
    cr_assert(result.code == 1);
    cr_assert_str_eq(result.err, "MAILBOX_FULL: the actor's mailbox is full\n"
                                 "  retry: in 20 ms; nothing was run\n");
}

static void list_two_pages(struct peer *peer) {
    Peeper__V1__ActorInfo  actor = PEEPER__V1__ACTOR_INFO__INIT;
    Peeper__V1__ActorInfo *actors[] = {&actor};
    Peeper__V1__Listing    listing = PEEPER__V1__LISTING__INIT;
    peer_welcome(peer, LIMIT);
    for (uint64_t page = 0; page < 2; page++) {
        const Peeper__V1__ClientFrame *request = peer_read(peer);
        peer->seen += strcmp(request->list->prefix, "p") == 0 && request->list->cursor == page * 9;
        Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
        actor.name = (char *)(page == 0 ? "p-one" : "p-two");
        actor.status = (char *)"running";
        listing.n_actors = 1;
        listing.actors = actors;
        listing.next = page == 0 ? 9 : 0;
        frame.id = request->id;
        frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_LISTING;
        frame.listing = &listing;
        peer_write(peer, &frame);
    }
    peer_read_to_end(peer);
}

Test(cli, lists_all_pages_one_actor_in_a_line, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(list_two_pages, &peer, "list --prefix p");
    cr_assert(result.code == 0);
    cr_assert(peer.seen == 2);
    char *second = strchr(result.out, '\n');
    cr_assert(second != NULL);
    cr_assert(strncmp(result.out, "{\"name\":\"p-one\"", 15) == 0, "%s", result.out);
    cr_assert(strncmp(second + 1, "{\"name\":\"p-two\"", 15) == 0, "%s", second);
}

static void tell_of_crashes(struct peer *peer) {
    Peeper__V1__CrashReport  report = PEEPER__V1__CRASH_REPORT__INIT;
    Peeper__V1__CrashReport *reports[] = {&report};
    Peeper__V1__CrashListing listing = PEEPER__V1__CRASH_LISTING__INIT;
    char                    *lines[] = {(char *)"a.so+0x1 (f)", (char *)"b+0x2"};
    Peeper__V1__ServerFrame  frame = PEEPER__V1__SERVER_FRAME__INIT;
    report.crash = 17;
    report.name = (char *)"cart";
    report.kind = (char *)"signal";
    report.turn = (char *)"call";
    report.payload = (ProtobufCBinaryData){2, (uint8_t *)"\x18\x02"};
    report.backtrace = lines;
    report.n_backtrace = 2;
    listing.reports = reports;
    listing.n_reports = 1;

    peer_welcome(peer, LIMIT);
    const Peeper__V1__ClientFrame *request = peer_read(peer);
    frame.id = request->id;
    if (request->body_case == PEEPER__V1__CLIENT_FRAME__BODY_LIST_CRASHES) {
        peer->seen = strcmp(request->list_crashes->name, "cart") == 0;
        frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_CRASH_LISTING;
        frame.crash_listing = &listing;
    } else {
        peer->seen = request->show_crash->crash == 17;
        frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_CRASH_REPORT;
        frame.crash_report = &report;
    }
    peer_write(peer, &frame);
    peer_read_to_end(peer);
}

Test(cli, lists_the_crashes_of_an_actor_and_shows_one, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(tell_of_crashes, &peer, "crashes cart");
    cr_assert(result.code == 0, "%s", result.err);
    cr_assert(peer.seen == 1);
    cr_assert(strncmp(result.out, "{\"crash\":17,\"name\":\"cart\"", 25) == 0, "%s", result.out);
    cr_assert(strstr(result.out, "\"backtrace\":[\"a.so+0x1 (f)\",\"b+0x2\"]") != NULL);
    cr_assert(strstr(result.out, "payload\"") == NULL);

    result = run_peeper_with(tell_of_crashes, &peer, "crashes show 17");
    cr_assert(result.code == 0, "%s", result.err);
    cr_assert(peer.seen == 1);
    cr_assert(strstr(result.out, "\"payload\": 1") != NULL, "%s", result.out);
}

Test(cli, prints_the_reply_to_a_call_that_is_redriven, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(reply_nonsense, &peer, "redrive 17");
    cr_assert(result.code == 0, "%s", result.err);
    cr_assert_str_eq(result.out, "{\"$bytes\":\"//8=\"}\n");
}

Test(cli, tells_of_a_crash_that_came_again_as_of_any_other, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(crash, &peer, "redrive 17");
    cr_assert(result.code == 1);
    cr_assert_str_eq(result.err, "CRASHED: raise \"boom\"\n  message: handle_call of counter\n");
}

static void take_one(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    const Peeper__V1__ClientFrame *frame = peer_read(peer);
    peer->seen = frame->body_case;
    peer_done(peer, frame->id);
    peer_read_to_end(peer);
}

static void push_down(struct peer *peer) {
    Peeper__V1__Monitored          monitored = PEEPER__V1__MONITORED__INIT;
    Peeper__V1__Down               down = PEEPER__V1__DOWN__INIT;
    Peeper__V1__Event              event = PEEPER__V1__EVENT__INIT;
    Peeper__V1__ServerFrame        frame = PEEPER__V1__SERVER_FRAME__INIT;
    const Peeper__V1__ClientFrame *request;
    peer_welcome(peer, LIMIT);
    request = peer_read(peer);
    peer->seen += strcmp(request->monitor->name, "hits") == 0;
    monitored.ref = 5;
    frame.id = request->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_MONITORED;
    frame.monitored = &monitored;
    peer_write(peer, &frame);
    down.ref = 5;
    down.id = 7;
    down.name = (char *)"hits";
    down.reason = (ProtobufCBinaryData){6, (uint8_t *)"\x2a\x04"
                                                      "boom"};
    event.kind_case = PEEPER__V1__EVENT__KIND_DOWN;
    event.down = &down;
    frame.id = 0;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_EVENT;
    frame.event = &event;
    peer_write(peer, &frame);
    peer_read_to_end(peer);
}

Test(cli, monitor_prints_the_end_when_it_comes, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(push_down, &peer, "monitor hits");
    cr_assert(result.code == 0, "%s", result.err);
    cr_assert_str_eq(result.out, "{\"name\":\"hits\",\"incarnation\":7,\"reason\":\"boom\"}\n");
    cr_assert(peer.seen == 1);
}

Test(cli, prints_ok_where_the_answer_is_yes, .timeout = 20) {
    static const struct {
        const char *line;
        size_t      body_case;
    } LINES[] = {
        {"cast a inc", PEEPER__V1__CLIENT_FRAME__BODY_CAST},
        {"send a inc", PEEPER__V1__CLIENT_FRAME__BODY_SEND},
        {"stop a --reason bye", PEEPER__V1__CLIENT_FRAME__BODY_STOP},
        {"kill a", PEEPER__V1__CLIENT_FRAME__BODY_KILL},
        {"resume a", PEEPER__V1__CLIENT_FRAME__BODY_RESUME},
        {"suspend a", PEEPER__V1__CLIENT_FRAME__BODY_SUSPEND},
        {"replace-state a 41 --timeout-ms 9", PEEPER__V1__CLIENT_FRAME__BODY_REPLACE_STATE},
        {"redrive 7", PEEPER__V1__CLIENT_FRAME__BODY_REDRIVE},
        {"discard 7", PEEPER__V1__CLIENT_FRAME__BODY_DISCARD_CRASH},
    };
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        struct peer   peer;
        struct result result = run_peeper_with(take_one, &peer, LINES[i].line);
        cr_expect(result.code == 0, "%s: %s", LINES[i].line, result.err);
        cr_expect_str_eq(result.out, "ok\n");
        cr_expect(peer.seen == LINES[i].body_case, "%s", LINES[i].line);
    }
}

static void start_one(struct peer *peer) {
    Peeper__V1__Started     started = PEEPER__V1__STARTED__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    peer_welcome(peer, LIMIT);
    const Peeper__V1__ClientFrame *request = peer_read(peer);
    const Peeper__V1__Start       *start = request->start;
    peer->seen = strcmp(start->name, "a") == 0 && strcmp(start->behaviour, "b") == 0 &&
                 start->argument.len == 2 && start->intensity != NULL &&
                 start->intensity->restarts == 3 && start->intensity->period_ms == 9 &&
                 start->restart == PEEPER__V1__RESTART__RESTART_PERMANENT &&
                 start->on_intensity == PEEPER__V1__ON_INTENSITY__ON_INTENSITY_STOP &&
                 start->mailbox_max == 5 && start->timeout_ms == 7 &&
                 start->hibernate_after_ms == 8 && start->no_trap_exit &&
                 start->isolation == PEEPER__V1__ISOLATION__ISOLATION_OWN;
    started.id = 12;
    started.unit = 3;
    started.name = start->name;
    frame.id = request->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_STARTED;
    frame.started = &started;
    peer_write(peer, &frame);
    peer_read_to_end(peer);
}

Test(cli, start_sends_its_options_and_prints_what_was_started, .timeout = 20) {
    struct peer   peer;
    struct result result =
        run_peeper_with(start_one, &peer,
                        "start a --behaviour=b --state=1 --period-ms=9 --restart=permanent "
                        "--on-intensity=stop --mailbox-max=5 --timeout-ms=7 --hibernate-after-ms=8 "
                        "--isolation=own --no-trap-exit");
    cr_assert(result.code == 0, "%s", result.err);
    cr_assert(peer.seen == 1);
    cr_assert_str_eq(result.out, "{\"name\":\"a\",\"incarnation\":12,\"unit\":3}\n");
}

// --- Tables --------------------------------------------------------------------------------------

static ProtobufCBinaryData key_of(const char *encoded) {
    return (ProtobufCBinaryData){.len = strlen(encoded), .data = (uint8_t *)encoded};
}

// Two pages of a table; the second is asked for with the key of the first.
static void tell_of_rows(struct peer *peer) {
    Peeper__V1__Row         row = PEEPER__V1__ROW__INIT;
    Peeper__V1__Row        *rows[] = {&row};
    Peeper__V1__Rows        page = PEEPER__V1__ROWS__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    page.rows = rows;
    page.n_rows = 1;
    peer_welcome(peer, LIMIT);
    for (int i = 0; i < 2; i++) {
        const Peeper__V1__ClientFrame *request = peer_read(peer);
        if (request == NULL) return;
        const Peeper__V1__ReadTable *read = request->read_table;
        peer->seen += strcmp(read->name, "shop") == 0 && strcmp(read->table, "orders") == 0 &&
                      strcmp(read->prefix, "k") == 0 && read->from.len == (i == 0 ? 0 : 4);
        row.key = key_of(i == 0 ? "\x2a\x02k1" : "\x2a\x02k2");
        row.value = key_of("\x18\x0e");
        page.next = i == 0 ? row.key : (ProtobufCBinaryData){0};
        frame.id = request->id;
        frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_ROWS;
        frame.rows = &page;
        peer_write(peer, &frame);
    }
    peer_read_to_end(peer);
}

Test(cli, prints_all_rows_of_a_table_page_by_page, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(tell_of_rows, &peer, "table shop orders --prefix k");
    cr_assert(result.code == 0, "%s", result.err);
    cr_assert(peer.seen == 2);
    cr_assert_str_eq(result.out, "{\"key\":\"k1\",\"value\":7}\n{\"key\":\"k2\",\"value\":7}\n");
}

Test(cli, stops_after_as_many_rows_as_were_asked_for, .timeout = 20) {
    struct peer   peer;
    struct result result =
        run_peeper_with(tell_of_rows, &peer, "table shop orders --prefix k --limit 1");
    cr_assert(result.code == 0, "%s", result.err);
    cr_assert_str_eq(result.out, "{\"key\":\"k1\",\"value\":7}\n");
}

static void tell_of_tables(struct peer *peer) {
    Peeper__V1__TableInfo    first = PEEPER__V1__TABLE_INFO__INIT, second = first;
    Peeper__V1__TableInfo   *tables[] = {&first, &second};
    Peeper__V1__TableListing listing = PEEPER__V1__TABLE_LISTING__INIT;
    Peeper__V1__ServerFrame  frame = PEEPER__V1__SERVER_FRAME__INIT;
    second.name = (char *)"orders";
    second.ordered = true;
    second.rows = 7;
    listing.tables = tables;
    listing.n_tables = 2;
    peer_welcome(peer, LIMIT);
    const Peeper__V1__ClientFrame *request = peer_read(peer);
    peer->seen = strcmp(request->list_tables->name, "shop") == 0;
    frame.id = request->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_TABLE_LISTING;
    frame.table_listing = &listing;
    peer_write(peer, &frame);
    peer_read_to_end(peer);
}

Test(cli, lists_tables, .timeout = 20) {
    struct peer   peer;
    struct result result = run_peeper_with(tell_of_tables, &peer, "tables shop");
    cr_assert(result.code == 0, "%s", result.err);
    cr_assert(peer.seen == 1);
    cr_assert_str_eq(result.out,
                     "{\"name\":\"\",\"ordered\":false,\"private\":false,\"heir\":false,\"rows\":0,"
                     "\"bytes\":0}\n"
                     "{\"name\":\"orders\",\"ordered\":true,\"private\":false,\"heir\":false,"
                     "\"rows\":7,\"bytes\":0}\n");
}

// How many names `start` asked to keep; -1: all.
static void note_keep(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    const Peeper__V1__ClientFrame *request = peer_read(peer);
    const Peeper__V1__Keep        *keep = request->start->keep_tables;
    peer->seen = keep == NULL ? 99 : keep->n_names;
    if (peer->seen == 2 && strcmp(keep->names[1], "bc") != 0) peer->seen = 98;
    peer_error(peer, request->id, PEEPER__V1__STATUS__STATUS_REFUSED, "no");
    peer_read_to_end(peer);
}

Test(cli, start_says_which_tables_to_keep, .timeout = 20) {
    static const struct {
        const char *option;
        size_t      seen;
    } ROWS[] = {
        {"", 99},
        {" --keep-tables all", 99},
        {" --keep-tables none", 0},
        {" --keep-tables a,bc", 2},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct peer peer;
        char        line[100];
        snprintf(line, sizeof line, "start hits%s --behaviour counter", ROWS[i].option);
        struct result result = run_peeper_with(note_keep, &peer, line);
        cr_assert(result.code == 1, "%s", result.err);
        cr_assert(peer.seen == ROWS[i].seen, "%s: %zu", line, peer.seen);
    }
}
