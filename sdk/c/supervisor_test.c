#include "test_peer.h"

#include <criterion/criterion.h>
#include <peeper/supervisor.h>
#include <string.h>

#define LIMIT (1u << 20)

static struct peer               peer;
static struct peeper_sync       *sync_;
static const struct peeper_value ONE = {(const uint8_t *)"\x18\x02", 2};

static void begin(peer_script *script) {
    peer_start(&peer, 1, script);
    cr_assert(peeper_sync_create(NULL, &sync_) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_connect(sync_, peer.address) == PEEPER_STATUS_OK);
}

// Ends with the number of requests whose fields were as the script wanted them.
static void finish(size_t seen) {
    peeper_sync_destroy(sync_);
    peer_stop(&peer);
    cr_assert_eq(peer.seen, seen);
}

static void write_started(struct peer *at, uint64_t id) {
    Peeper__V1__Started     started = PEEPER__V1__STARTED__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    started.id = 7;
    started.unit = 8;
    started.name = (char *)"n";
    started.info = (ProtobufCBinaryData){2, (uint8_t *)"\x18\x02"};
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_STARTED;
    frame.started = &started;
    peer_write(at, &frame);
}

// Names the body that is read next, and sets `frame`.
#define NEXT(BODY) \
    ((frame = peer_read(at)) != NULL && frame->body_case == PEEPER__V1__CLIENT_FRAME__BODY_##BODY)

static void check_starts(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    at->seen += NEXT(START_SUPERVISOR) && strcmp(frame->start_supervisor->name, "s") == 0 &&
                frame->start_supervisor->spec.len == 2 && frame->start_supervisor->timeout_ms == 1;
    write_started(at, frame->id);
    at->seen += NEXT(START_SUPERVISOR) && frame->start_supervisor->name[0] == '\0';
    peer_error(at, frame->id, PEEPER__V1__STATUS__STATUS_BAD_SPEC, "strategy: 7");
    at->seen += NEXT(START_CHILD) && frame->start_child->id == 9 &&
                frame->start_child->spec.len == 2 && frame->start_child->timeout_ms == 2;
    write_started(at, frame->id);
    at->seen += NEXT(RESTART_CHILD) && strcmp(frame->restart_child->name, "s") == 0 &&
                strcmp(frame->restart_child->child, "c") == 0 &&
                frame->restart_child->timeout_ms == 3;
    write_started(at, frame->id);
    peer_read_to_end(at);
}

Test(supervisor, starts_send_every_field_and_tell_what_was_started, .timeout = 10) {
    struct peeper_started started = {0};
    int64_t               info;
    begin(check_starts);
    cr_assert(peeper_sync_start_supervisor(sync_, "s", ONE, 1, &started) == PEEPER_STATUS_OK);
    cr_assert(started.id == 7 && started.unit == 8);
    cr_assert(peeper_sync_start_supervisor(sync_, NULL, ONE, 0, &started) ==
              PEEPER_STATUS_BAD_SPEC);
    cr_assert_str_eq(peeper_sync_error(sync_)->message, "strategy: 7");
    cr_assert(peeper_sync_start_child(sync_, peeper_by_id(9), ONE, 2, &started) ==
              PEEPER_STATUS_OK);
    cr_assert(peeper_value_int(started.info, &info) && info == 1);
    cr_assert(peeper_sync_restart_child(sync_, peeper_by_name("s"), "c", 3, &started) ==
              PEEPER_STATUS_OK);
    finish(4);
}

static void check_ends(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(at, LIMIT);
    at->seen += NEXT(TERMINATE_CHILD) && strcmp(frame->terminate_child->name, "s") == 0 &&
                strcmp(frame->terminate_child->child, "c") == 0 &&
                frame->terminate_child->incarnation == 0 && frame->terminate_child->timeout_ms == 4;
    peer_done(at, frame->id);
    at->seen += NEXT(TERMINATE_CHILD) && frame->terminate_child->child[0] == '\0' &&
                frame->terminate_child->incarnation == 5;
    peer_done(at, frame->id);
    at->seen += NEXT(DELETE_CHILD) && strcmp(frame->delete_child->child, "c") == 0;
    peer_error(at, frame->id, PEEPER__V1__STATUS__STATUS_RUNNING, "it runs");
    at->seen += NEXT(CHECK_SPECS) && frame->check_specs->specs.len == 2;
    peer_done(at, frame->id);
    at->seen += NEXT(CHANGE_SUPERVISOR) && frame->change_supervisor->id == 9 &&
                frame->change_supervisor->spec.len == 2;
    peer_done(at, frame->id);
    peer_read_to_end(at);
}

Test(supervisor, ends_checks_and_changes_send_every_field, .timeout = 10) {
    struct peeper_target supervisor = peeper_by_name("s");
    begin(check_ends);
    cr_assert(peeper_sync_terminate_child(sync_, supervisor, peeper_child_by_id("c"), 4) ==
              PEEPER_STATUS_OK);
    cr_assert(peeper_sync_terminate_child(sync_, supervisor, peeper_child_by_incarnation(5), 0) ==
              PEEPER_STATUS_OK);
    cr_assert(peeper_sync_delete_child(sync_, supervisor, "c") == PEEPER_STATUS_RUNNING);
    cr_assert(peeper_sync_check_specs(sync_, ONE) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_change_supervisor(sync_, peeper_by_id(9), ONE) == PEEPER_STATUS_OK);
    finish(5);
}

static void write_children(struct peer *at, uint64_t id) {
    Peeper__V1__Child       tree = PEEPER__V1__CHILD__INIT, leaf = tree;
    Peeper__V1__Child      *both[] = {&tree, &leaf};
    Peeper__V1__Children    children = PEEPER__V1__CHILDREN__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    tree.id = (char *)"t";
    tree.supervisor = true;
    tree.children = 3;
    tree.strategy = (char *)"one_for_all";
    tree.status = (char *)"running";
    tree.incarnation = 11;
    leaf.name = (char *)"n";
    leaf.behaviour = (char *)"b";
    leaf.status = (char *)"stopped";
    leaf.restart = (char *)"temporary";
    leaf.significant = true;
    leaf.restarts = 4;
    leaf.mailbox = 5;
    leaf.unit = 6;
    children.n_children = 2;
    children.children = both;
    children.next = 12;
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_CHILDREN;
    frame.children = &children;
    peer_write(at, &frame);
}

static void check_questions(struct peer *at) {
    const Peeper__V1__ClientFrame *frame;
    Peeper__V1__ChildCounts        counts = PEEPER__V1__CHILD_COUNTS__INIT;
    Peeper__V1__ServerFrame        answer = PEEPER__V1__SERVER_FRAME__INIT;
    peer_welcome(at, LIMIT);
    at->seen += NEXT(WHICH_CHILDREN) && frame->which_children->name[0] == '\0' &&
                frame->which_children->id == 0 && frame->which_children->cursor == 3 &&
                frame->which_children->limit == 2 && strcmp(frame->which_children->child, "c") == 0;
    write_children(at, frame->id);
    at->seen += NEXT(COUNT_CHILDREN) && strcmp(frame->count_children->name, "s") == 0;
    counts.specs = 1;
    counts.active = 2;
    counts.supervisors = 3;
    counts.workers = 4;
    answer.id = frame->id;
    answer.body_case = PEEPER__V1__SERVER_FRAME__BODY_CHILD_COUNTS;
    answer.child_counts = &counts;
    peer_write(at, &answer);
    at->seen += NEXT(GET_CHILD_SPEC) && strcmp(frame->get_child_spec->child, "c") == 0 &&
                frame->get_child_spec->incarnation == 0;
    peer_reply_int(at, frame->id, 21);
    peer_read_to_end(at);
}

Test(supervisor, questions_send_every_field_and_tell_all_of_the_answer, .timeout = 10) {
    struct peeper_children_page page = {.child = "c", .cursor = 3, .limit = 2};
    struct peeper_children      children;
    struct peeper_child_counts  counts;
    struct peeper_value         spec;
    int64_t                     value;
    begin(check_questions);
    cr_assert(peeper_sync_which_children(sync_, peeper_root(), &page, &children) ==
              PEEPER_STATUS_OK);
    cr_assert(children.count == 2 && children.next == 12);
    const struct peeper_child *tree = &children.children[0], *leaf = &children.children[1];
    cr_assert(tree->supervisor && tree->children == 3 && tree->incarnation == 11);
    cr_assert_str_eq(tree->id, "t");
    cr_assert_str_eq(tree->strategy, "one_for_all");
    cr_assert_str_eq(tree->status, "running");
    cr_assert(!leaf->supervisor && leaf->significant);
    cr_assert(leaf->restarts == 4 && leaf->mailbox == 5 && leaf->unit == 6);
    cr_assert_str_eq(leaf->name, "n");
    cr_assert_str_eq(leaf->behaviour, "b");
    cr_assert_str_eq(leaf->restart, "temporary");
    cr_assert_str_eq(leaf->id, "");

    cr_assert(peeper_sync_count_children(sync_, peeper_by_name("s"), &counts) == PEEPER_STATUS_OK);
    cr_assert(counts.specs == 1 && counts.active == 2 && counts.supervisors == 3 &&
              counts.workers == 4);
    cr_assert(peeper_sync_child_spec(sync_, peeper_by_name("s"), peeper_child_by_id("c"), &spec) ==
              PEEPER_STATUS_OK);
    cr_assert(peeper_value_int(spec, &value) && value == 21);
    finish(3);
}

static void swallow(struct peer *at) {
    peer_welcome(at, LIMIT);
    peer_read_to_end(at);
}

Test(supervisor, a_request_to_nobody_is_INVALID_and_a_silent_one_has_the_limit_that_was_asked,
     .timeout = 10) {
    struct peeper_started started;
    begin(swallow);
    cr_assert(peeper_sync_start_child(sync_, peeper_by_name(NULL), ONE, 0, &started) ==
              PEEPER_STATUS_INVALID);
    cr_assert(peeper_sync_delete_child(sync_, peeper_by_name(NULL), "c") == PEEPER_STATUS_INVALID);
    cr_assert(peeper_sync_start_child(sync_, peeper_by_name("s"), ONE, 5, &started) ==
              PEEPER_STATUS_TIMEOUT);
    cr_assert_str_eq(peeper_sync_error(sync_)->message, "no answer within 5 ms");
    finish(0);
}
