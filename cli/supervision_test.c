#include "run_peeper.h"

#include <criterion/criterion.h>
#include <peeper/value.h>
#include <string.h>

#define LIMIT (1u << 20)

static struct peer peer;

static struct peeper_value value_of(ProtobufCBinaryData bytes) {
    return (struct peeper_value){.data = bytes.data, .bytes = bytes.len};
}

// --- Requests ------------------------------------------------------------------------------------

static void take_one(struct peer *at) {
    peer_welcome(at, LIMIT);
    const Peeper__V1__ClientFrame *frame = peer_read(at);
    at->seen = frame->body_case;
    peer_done(at, frame->id);
    peer_read_to_end(at);
}

Test(supervision, prints_ok_where_the_answer_is_yes, .timeout = 20) {
    static const struct {
        const char *line;
        size_t      body_case;
    } LINES[] = {
        {"child terminate s c", PEEPER__V1__CLIENT_FRAME__BODY_TERMINATE_CHILD},
        {"child terminate s @7", PEEPER__V1__CLIENT_FRAME__BODY_TERMINATE_CHILD},
        {"child delete s c", PEEPER__V1__CLIENT_FRAME__BODY_DELETE_CHILD},
        {"child delete s --child @c", PEEPER__V1__CLIENT_FRAME__BODY_DELETE_CHILD},
        {"supervisor check --spec []", PEEPER__V1__CLIENT_FRAME__BODY_CHECK_SPECS},
        {"supervisor change @9 --spec {}", PEEPER__V1__CLIENT_FRAME__BODY_CHANGE_SUPERVISOR},
    };
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        struct result result = run_peeper_with(take_one, &peer, LINES[i].line);
        cr_expect(result.code == 0, "%s: %s", LINES[i].line, result.err);
        cr_expect_str_eq(result.out, "ok\n");
        cr_expect(peer.seen == LINES[i].body_case, "%s", LINES[i].line);
    }
}

static void expect_nothing(struct peer *at) {
    peer_welcome(at, LIMIT);
    at->seen = peer_read(at) == NULL;
}

Test(supervision, refuses_an_incarnation_where_an_id_is_needed_and_a_spec_that_is_none,
     .timeout = 20) {
    static const char *const WRONG[][2] = {
        {"child delete s @7", "not an @ID"},
        {"child restart s @7", "not an @ID"},
        {"child start s --spec {\"id\":}", "peeper: --spec:1:"},
        {"supervisor start s --spec no-such-file", "no-such-file: No such file"},
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct result result = run_peeper_with(expect_nothing, &peer, WRONG[i][0]);
        cr_expect(peer.seen == 1, "%s", WRONG[i][0]);
        cr_expect(result.code == 2, "%s: %d", WRONG[i][0], result.code);
        cr_expect(strstr(result.err, WRONG[i][1]) != NULL, "%s: %s", WRONG[i][0], result.err);
    }
}

static void write_started(struct peer *at, uint64_t id) {
    Peeper__V1__Started     started = PEEPER__V1__STARTED__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    started.id = 12;
    started.unit = 3;
    started.name = (char *)"n";
    started.info = (ProtobufCBinaryData){2, (uint8_t *)"\x18\x02"};
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_STARTED;
    frame.started = &started;
    peer_write(at, &frame);
    peer_read_to_end(at);
}

static void start_supervisor(struct peer *at) {
    struct peeper_value strategy;
    peer_welcome(at, LIMIT);
    const Peeper__V1__ClientFrame     *frame = peer_read(at);
    const Peeper__V1__StartSupervisor *start = frame->start_supervisor;
    at->seen = strcmp(start->name, "shop") == 0 && start->timeout_ms == 9 &&
               peeper_value_get(value_of(start->spec), "strategy", &strategy) &&
               peeper_value_is(strategy, "one_for_all");
    write_started(at, frame->id);
}

static void start_child(struct peer *at) {
    struct peeper_value id;
    peer_welcome(at, LIMIT);
    const Peeper__V1__ClientFrame *frame = peer_read(at);
    const Peeper__V1__StartChild  *start = frame->start_child;
    at->seen = strcmp(start->name, "shop") == 0 &&
               peeper_value_get(value_of(start->spec), "id", &id) && peeper_value_is(id, "cart");
    write_started(at, frame->id);
}

static void restart_child(struct peer *at) {
    peer_welcome(at, LIMIT);
    const Peeper__V1__ClientFrame  *frame = peer_read(at);
    const Peeper__V1__RestartChild *restart = frame->restart_child;
    at->seen = restart->id == 7 && strcmp(restart->child, "cart") == 0;
    write_started(at, frame->id);
}

Test(supervision, starts_send_the_spec_and_print_what_was_started, .timeout = 20) {
    static const struct {
        const char  *line;
        peer_script *script;
    } LINES[] = {
        {"supervisor start shop --timeout-ms 9 --spec {\"strategy\":\"one_for_all\"}",
         start_supervisor},
        {"child start shop --spec={\"id\":\"cart\"}", start_child},
        {"child restart @7 cart", restart_child},
    };
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        struct result result = run_peeper_with(LINES[i].script, &peer, LINES[i].line);
        cr_expect(result.code == 0, "%s: %s", LINES[i].line, result.err);
        cr_expect_str_eq(result.out, "{\"name\":\"n\",\"incarnation\":12,\"unit\":3,\"info\":1}\n");
        cr_expect(peer.seen == 1, "%s", LINES[i].line);
    }
}

static void count(struct peer *at) {
    Peeper__V1__ChildCounts counts = PEEPER__V1__CHILD_COUNTS__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    peer_welcome(at, LIMIT);
    counts.specs = 4;
    counts.active = 3;
    counts.supervisors = 1;
    counts.workers = 3;
    frame.id = peer_read(at)->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_CHILD_COUNTS;
    frame.child_counts = &counts;
    peer_write(at, &frame);
    peer_read_to_end(at);
}

Test(supervision, prints_the_counts_of_children, .timeout = 20) {
    struct result result = run_peeper_with(count, &peer, "child count s");
    cr_assert_str_eq(result.out, "{\"specs\":4,\"active\":3,\"supervisors\":1,\"workers\":3}\n");
}

static void tell_spec(struct peer *at) {
    peer_welcome(at, LIMIT);
    const Peeper__V1__ClientFrame *frame = peer_read(at);
    at->seen = strcmp(frame->get_child_spec->child, "c") == 0;
    peer_reply_int(at, frame->id, 5);
    peer_read_to_end(at);
}

Test(supervision, prints_a_spec, .timeout = 20) {
    struct result result = run_peeper_with(tell_spec, &peer, "child spec s c");
    cr_assert_str_eq(result.out, "5\n");
    cr_assert(peer.seen == 1);
}

// --- Trees ---------------------------------------------------------------------------------------

static void init_child(Peeper__V1__Child *child, const char *id, uint64_t incarnation) {
    *child = (Peeper__V1__Child)PEEPER__V1__CHILD__INIT;
    child->id = (char *)id;
    child->incarnation = incarnation;
    child->behaviour = (char *)"counter";
    child->status = (char *)"running";
    child->restart = (char *)"permanent";
}

static void init_supervisor(Peeper__V1__Child *child, const char *name, uint64_t incarnation,
                            uint32_t children) {
    init_child(child, "", incarnation);
    child->name = (char *)name;
    child->behaviour = (char *)"";
    child->supervisor = true;
    child->strategy = (char *)"one_for_one";
    child->children = children;
}

static void write_page(struct peer *at, uint64_t id, Peeper__V1__Child *children, size_t count,
                       uint64_t next) {
    Peeper__V1__Child      *pointers[8];
    Peeper__V1__Children    page = PEEPER__V1__CHILDREN__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    for (size_t i = 0; i < count; i++) pointers[i] = &children[i];
    page.n_children = count;
    page.children = pointers;
    page.next = next;
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_CHILDREN;
    frame.children = &page;
    peer_write(at, &frame);
}

// What a server answers that has, above all, an actor and "shop", which has "b" and "mail".
static void serve_children(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    Peeper__V1__Child              children[3];
    peer_welcome(at, LIMIT);
    while ((frame = peer_read(at)) != NULL) {
        const Peeper__V1__WhichChildren *which = frame->which_children;
        if (which->id == 10) {
            init_child(&children[0], "b", 0);
            children[0].status = (char *)"stopped";
            children[0].restarts = 2;
            init_supervisor(&children[1], "mail", 11, 1);
            write_page(at, frame->id, children, 2, 0);
        } else if (which->id == 11) {
            peer_error(at, frame->id, PEEPER__V1__STATUS__STATUS_NOPROC, "gone");
        } else if (which->cursor == 0) {
            init_child(&children[0], "", 20);
            init_child(&children[1], "", 21);
            write_page(at, frame->id, children, 2, 5);
        } else {
            init_supervisor(&children[0], "shop", 10, 2);
            write_page(at, frame->id, children, 1, 0);
        }
    }
}

Test(supervision, draws_all_that_the_server_has, .timeout = 20) {
    struct result result = run_peeper_with(serve_children, &peer, "tree");
    cr_assert(result.code == 0, "%s", result.err);
    cr_assert_str_eq(result.out, "NAME     BEHAVIOUR    STATUS   RESTARTS  MAILBOX\n"
                                 "@20      counter      running         0        0\n"
                                 "@21      counter      running         0        0\n"
                                 "shop     one_for_one  running         0\n"
                                 "├─ mail  one_for_one  running         0\n"
                                 "└─ b     counter      stopped         2        0\n");
}

Test(supervision, shows_all_supervisors_at_the_top_but_only_so_many_actors_and_levels,
     .timeout = 20) {
    struct result result = run_peeper_with(serve_children, &peer, "tree --limit 1 --depth 1");
    cr_assert(result.code == 0, "%s", result.err);
    cr_assert_str_eq(result.out, "NAME         BEHAVIOUR    STATUS   RESTARTS  MAILBOX\n"
                                 "@20          counter      running         0        0\n"
                                 "shop         one_for_one  running         0\n"
                                 "└─ … 2 more\n"
                                 "… 1 more\n");
}

Test(supervision, shows_the_newest_children_and_counts_the_others, .timeout = 20) {
    struct result result = run_peeper_with(serve_children, &peer, "tree --limit 1");
    cr_assert(strstr(result.out, "shop         one_for_one  running         0\n"
                                 "├─ … 1 more\n"
                                 "└─ b         counter ") != NULL,
              "%s", result.out);
}

Test(supervision, prints_the_tree_as_json, .timeout = 20) {
    struct result result = run_peeper_with(serve_children, &peer, "tree --json");
    cr_assert(result.code == 0, "%s", result.err);
    cr_assert(strstr(result.out, "\"strategy\": \"one_for_one\"") != NULL, "%s", result.out);
    cr_assert(strstr(result.out, "\"id\": \"b\"") != NULL);
}

Test(supervision, lists_children_one_in_a_line, .timeout = 20) {
    struct result result = run_peeper_with(serve_children, &peer, "child list @10");
    cr_assert(result.code == 0, "%s", result.err);
    char *second = strchr(result.out, '\n');
    cr_assert(second != NULL);
    cr_assert(strncmp(result.out, "{\"id\":\"b\",\"name\":\"\",\"supervisor\":false", 38) == 0,
              "%s", result.out);
    cr_assert(strstr(second, "\"strategy\":\"one_for_one\"") != NULL, "%s", second);
    cr_assert(strstr(second, "\"children\":1}") != NULL, "%s", second);
}

static void serve_named(struct peer *at) {
    Peeper__V1__ActorInfo   info = PEEPER__V1__ACTOR_INFO__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    Peeper__V1__Child       child;
    peer_welcome(at, LIMIT);
    info.name = (char *)"shop";
    info.status = (char *)"running";
    info.is_supervisor = true;
    info.strategy = (char *)"rest_for_one";
    info.restarts = 1;
    info.incarnation = 10;
    frame.id = peer_read(at)->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_ACTOR_INFO;
    frame.actor_info = &info;
    peer_write(at, &frame);
    init_child(&child, "b", 15);
    const Peeper__V1__ClientFrame *which = peer_read(at);
    at->seen = strcmp(which->which_children->name, "shop") == 0;
    write_page(at, which->id, &child, 1, 0);
    peer_read_to_end(at);
}

Test(supervision, draws_one_supervisor_with_itself_on_top, .timeout = 20) {
    struct result result = run_peeper_with(serve_named, &peer, "tree shop");
    cr_assert(result.code == 0, "%s", result.err);
    cr_assert(peer.seen == 1);
    cr_assert_str_eq(result.out, "NAME  BEHAVIOUR     STATUS   RESTARTS  MAILBOX\n"
                                 "shop  rest_for_one  running         1\n"
                                 "└─ b  counter       running         0        0\n");
}
