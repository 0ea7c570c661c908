#include "boot/tree_start.h"
#include "keeper/shard_fixture_test.h"

#include <unistd.h>

TestSuite(tree_start, .timeout = 20);

static char              path[] = "/tmp/peeper_tree_XXXXXX";
static struct tree_file  file;
static struct tree_start tree;
static int               told;
static bool              watch;

static void on_done(void *context) {
    cr_assert(context == &told);
    told++;
}

// What the net room does with answers to the server itself.
static void answer(void *context, struct caller caller, const struct answer *given) {
    if (caller.conn == CALLER_SERVER) {
        tree_start_answer(&tree, caller.request, given);
    } else {
        fx_answer(context, caller, given);
    }
}

// A shard with a host, and a tree in a file with `text`.
static void begin(const char *text, bool check_only) {
    struct tree_message message;
    int                 fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    cr_assert(tree_file_read(&file, path, &message) == STATUS_OK);
    unlink(path);
    fx_init();
    host_joins(1);
    fx.shard.port.answer = answer;
    tree = (struct tree_start){
        .file = &file,
        .caller = {.conn = CALLER_SERVER, .generation = 1},
        .check_only = check_only,
        .watch = watch,
        .on_done = on_done,
        .context = &told,
    };
    tree_start_begin(&tree, &fx.shard);
    shard_receive(&fx.shard);
    step();
}

static void end(void) {
    fx.shard.port.answer = fx_answer;
    tree_file_fini(&file);
    fx_fini();
}

static void refuse_init(const char *name) {
    struct fake_worker *end = home_of(actor_named(name));
    play_refuse(end, play_take(end, TURN_INIT)->turn, COMMIT_CODE_ERROR, "no database");
    step();
}

static const char TWO[] = "name: top\n"
                          "children:\n"
                          "  - {id: a, start: {behaviour: counter, name: a}}\n"
                          "  - {id: b, start: {behaviour: counter, name: b}}\n";

Test(tree_start, is_up_when_the_last_child_is) {
    begin(TWO, false);
    cr_assert_eq(told, 0);
    play_init(actor_named("a"), "s");
    step();
    cr_assert_eq(told, 0);
    play_init(actor_named("b"), "s");
    step();
    cr_assert_eq(told, 1);
    cr_assert_eq(tree.outcome, TREE_UP);
    cr_assert(life_of("top") == ACTOR_RUNNING && life_of("b") == ACTOR_RUNNING);
    end();
}

Test(tree_start, a_check_starts_nothing) {
    begin(TWO, true);
    cr_assert_eq(tree.outcome, TREE_CHECKED);
    cr_assert(actor_named("top") == NULL && actor_named("a") == NULL);
    end();
}

Test(tree_start, a_bad_spec_starts_nothing_and_is_told_with_its_line) {
    begin("name: top\nchildren:\n  - id: a\n    start: {behaviour: nope}\n", false);
    cr_assert_eq(tree.outcome, TREE_BAD);
    cr_assert(strstr(tree.message.text, ":4: children[0].start.behaviour: \"nope\" is not") != NULL,
              "%s", tree.message.text);
    cr_assert(actor_named("top") == NULL);
    end();
}

Test(tree_start, a_child_that_does_not_start_leaves_nothing_and_is_named) {
    begin(TWO, false);
    play_init(actor_named("a"), "s");
    step();
    refuse_init("b");
    // "a" has to run its terminate first.
    struct fake_worker *home = home_of(actor_named("a"));
    play_stop(home, play_take(home, TURN_TERMINATE)->turn, 0, "shutdown");
    step();
    cr_assert_eq(told, 1);
    cr_assert_eq(tree.outcome, TREE_FAILED);
    cr_assert(strstr(tree.message.text, ":4: children[1]: \"b\" did not start: \"no database\"") !=
                  NULL,
              "%s", tree.message.text);
    cr_assert(actor_named("top") == NULL && actor_named("a") == NULL && actor_named("b") == NULL);
    end();
}

Test(tree_start, a_name_that_is_taken_is_told) {
    begin("name: top\nchildren: []\n", false);
    cr_assert_eq(tree.outcome, TREE_UP);
    tree_start_begin(&tree, &fx.shard);
    shard_receive(&fx.shard);
    cr_assert_eq(tree.outcome, TREE_FAILED);
    cr_assert(strstr(tree.message.text, ": not started: ALREADY_STARTED: ") != NULL, "%s",
              tree.message.text);
    end();
}

static void stop(void) {
    tree_start_stop(&tree, &fx.shard);
    shard_receive(&fx.shard);
    step();
}

Test(tree_start, a_stop_ends_children_in_reverse_order_before_it_is_told) {
    begin(TWO, false);
    play_init(actor_named("a"), "s");
    step();
    play_init(actor_named("b"), "s");
    step();
    tree_file_fini(&file); // it needs no more of it than its id
    stop();
    struct fake_worker *home = home_of(actor_named("b"));
    play_stop(home, play_take(home, TURN_TERMINATE)->turn, 0, "shutdown");
    step();
    cr_assert_eq(tree.outcome, TREE_UP);
    home = home_of(actor_named("a"));
    play_stop(home, play_take(home, TURN_TERMINATE)->turn, 0, "shutdown");
    step();
    cr_assert_eq(told, 2);
    cr_assert_eq(tree.outcome, TREE_STOPPED);
    cr_assert(actor_named("top") == NULL);
    end();
}

Test(tree_start, a_stop_before_it_is_up_is_told_instead_of_the_start) {
    begin(TWO, false);
    stop();
    cr_assert_eq(told, 1);
    cr_assert_eq(tree.outcome, TREE_STOPPED);
    cr_assert(actor_named("top") == NULL && actor_named("a") == NULL);
    end();
}

Test(tree_start, a_child_that_does_not_stop_is_waited_for_so_long) {
    begin("name: top\nchildren:\n  - id: a\n    shutdown: infinity\n"
          "    start: {behaviour: counter, name: a}\n",
          false);
    play_init(actor_named("a"), "s");
    step();
    stop();
    later(TREE_STOP_MS);
    cr_assert_eq(tree.outcome, TREE_STUCK);
    end();
}

Test(tree_start, a_stop_after_a_failure_touches_nobody_and_is_not_told) {
    begin("name: top\nchildren:\n  - {id: a, start: {behaviour: counter}, restart: x}\n", false);
    cr_assert_eq(told, 1);
    struct actor *stranger = up("top");
    stop();
    cr_assert_eq(told, 1);
    cr_assert(actor_named("top") == stranger && life_of("top") == ACTOR_RUNNING);
    end();
}

Test(tree_start, a_supervisor_that_gave_up_has_stopped) {
    begin("name: top\nchildren: []\n", false);
    ask_stop(1, "top");
    step();
    cr_assert(actor_named("top") == NULL);
    stop();
    cr_assert_eq(tree.outcome, TREE_STOPPED);
    end();
}

// --- its own end ---

static const char LEAVES[] = "name: top\nauto_shutdown: any_significant\nchildren:\n"
                             "  - {id: a, restart: temporary, significant: true,\n"
                             "     start: {behaviour: counter, name: a}}\n";

static void end_of_a(void) {
    ask_cast(0, "a", "stop");
    step();
    struct fake_worker *home = home_of(actor_named("a"));
    play_stop(home, play_take(home, TURN_CAST)->turn, 0, "normal");
    step();
    cr_assert(actor_named("top") == NULL);
}

Test(tree_start, its_own_end_is_told_with_the_reason_where_that_is_wanted) {
    watch = true;
    begin(LEAVES, false);
    play_init(actor_named("a"), "s");
    step();
    tree_file_fini(&file);
    end_of_a();
    cr_assert_eq(told, 2);
    cr_assert_eq(tree.outcome, TREE_ENDED);
    cr_assert_str_eq(tree.message.text, "\"shutdown\"");
    stop(); // nothing is left to be stopped, and that was told
    cr_assert_eq(told, 2);
    end();
}

Test(tree_start, its_own_end_is_not_told_where_nobody_wants_to_know) {
    begin(LEAVES, false);
    play_init(actor_named("a"), "s");
    step();
    end_of_a();
    cr_assert_eq(told, 1);
    cr_assert_eq(tree.outcome, TREE_UP);
    end();
}

static void ended_by(enum verb verb, const char *reason) {
    watch = true;
    begin("name: top\nchildren: []\n", false);
    ask_verb(1, verb, "top", NULL, 0);
    step();
    cr_assert(done(1));
    cr_assert_eq(tree.outcome, TREE_ENDED);
    cr_assert_str_eq(tree.message.text, reason);
    end();
}

Test(tree_start, a_stop_by_a_client_is_its_own_end) {
    ended_by(VERB_STOP, "\"normal\"");
}

Test(tree_start, a_kill_by_a_client_is_its_own_end) {
    ended_by(VERB_KILL, "\"killed\"");
}

Test(tree_start, a_stop_from_here_is_told_as_that_and_nothing_else) {
    watch = true;
    begin("name: top\nchildren: []\n", false);
    stop();
    cr_assert_eq(told, 2);
    cr_assert_eq(tree.outcome, TREE_STOPPED);
    end();
}
