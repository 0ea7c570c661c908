#include "boot/tree_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(tree_file, .timeout = 20);

static char                path[] = "/tmp/peeper_tree_XXXXXX";
static struct tree_file    file;
static struct tree_message message;

static enum status read_text(const char *text) {
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    enum status status = tree_file_read(&file, path, &message);
    unlink(path);
    return status;
}

// Whether the message is the path, then this.
static void says(const char *rest) {
    size_t bytes = strlen(path);
    cr_assert(strncmp(message.text, path, bytes) == 0, "%s", message.text);
    cr_assert_str_eq(message.text + bytes, rest);
}

Test(tree_file, a_map_with_a_name_is_a_tree) {
    cr_assert(read_text("name: shop\nchildren: []\n") == STATUS_OK);
    cr_assert(file.name.bytes == 4 && memcmp(file.name.data, "shop", 4) == 0);
    cr_assert(peeper_value_count(peeper_writer_value(&file.spec)) == 2);
    tree_file_fini(&file);
}

Test(tree_file, a_file_that_is_not_there_is_told_with_the_reason) {
    cr_assert(tree_file_read(&file, "/nonesuch/tree.yaml", &message) == STATUS_IO);
    cr_assert_str_eq(message.text, "/nonesuch/tree.yaml: No such file or directory");
    cr_assert(tree_file_read(&file, "/", &message) == STATUS_IO);
    cr_assert_str_eq(message.text, "/: Is a directory");
}

Test(tree_file, a_file_over_the_limit_is_not_read_to_its_end) {
    cr_assert(tree_file_read(&file, "/dev/zero", &message) == STATUS_TOO_LARGE);
    cr_assert_str_eq(message.text, "/dev/zero: over 64 MiB");
}

Test(tree_file, a_syntax_error_is_told_with_line_and_column) {
    cr_assert(read_text("name: a\nchildren:\n  - id: x\n   y: z\n") == STATUS_BAD_SPEC);
    says(":4:4: did not find expected '-' indicator (while parsing a block collection that begins "
         "in line 3)");
}

Test(tree_file, a_tree_is_a_map_with_a_name) {
    cr_assert(read_text("\n- a\n") == STATUS_BAD_SPEC);
    says(":2: spec: is not a map");
}

Test(tree_file, a_tree_has_a_name) {
    cr_assert(read_text("# one\nchildren: []\n") == STATUS_BAD_SPEC);
    says(":2: name: is missing");
}

Test(tree_file, a_name_of_another_kind_is_left_to_the_reader_of_specs) {
    cr_assert(read_text("name: 7\n") == STATUS_OK);
    cr_assert(file.name.bytes == 0);
    tree_file_fini(&file);
}

Test(tree_file, a_complaint_about_a_field_gets_its_line) {
    cr_assert(read_text("name: a\nchildren:\n  - id: x\n    restart: often\n") == STATUS_OK);
    tree_file_complain(&file, "children[0].restart: \"often\" is not: permanent", &message);
    says(":4: children[0].restart: \"often\" is not: permanent");
    tree_file_complain(&file, "children[0].start: is missing", &message);
    says(":3: children[0].start: is missing");
    tree_file_fini(&file);
}

static const char NESTED[] = "name: a\n"                               // 1
                             "children:\n"                             // 2
                             "  - id: ok\n"                            // 3
                             "  - id: sub\n"                           // 4
                             "    start:\n"                            // 5
                             "      supervisor:\n"                     // 6
                             "        children:\n"                     // 7
                             "          - {id: one, start: {}}\n"      // 8
                             "          - {id: bad one, start: {}}\n"; // 9

static void failed(struct peeper_writer *writer, const char *id) {
    peeper_write_list(writer);
    peeper_write_string(writer, "shutdown");
    peeper_write_list(writer);
    peeper_write_string(writer, "failed_to_start_child");
    peeper_write_string(writer, id);
}

static void blame(struct peeper_writer *reason) {
    while (reason->depth > 0) peeper_write_end(reason);
    cr_assert(read_text(NESTED) == STATUS_OK);
    tree_file_blame(&file, "not started: REFUSED: why", peeper_writer_value(reason), &message);
    tree_file_fini(&file);
    peeper_writer_fini(reason);
}

Test(tree_file, the_child_that_did_not_start_is_named_with_its_line) {
    struct peeper_writer reason = {0};
    failed(&reason, "ok");
    peeper_write_string(&reason, "no database");
    blame(&reason);
    says(":3: children[0]: \"ok\" did not start: \"no database\"");
}

Test(tree_file, the_child_of_a_child_is_named) {
    struct peeper_writer reason = {0};
    failed(&reason, "sub");
    failed(&reason, "bad one");
    peeper_write_int(&reason, 7);
    blame(&reason);
    says(":9: children[1].start.supervisor.children[1]: \"bad one\" did not start: 7");
}

Test(tree_file, a_child_that_the_file_does_not_have_is_told_as_it_is) {
    struct peeper_writer reason = {0};
    failed(&reason, "strange");
    peeper_write_int(&reason, 7);
    blame(&reason);
    says(
        ": not started: REFUSED: why: [\"shutdown\", [\"failed_to_start_child\", \"strange\", 7]]");
}

Test(tree_file, another_reason_is_told_as_it_is) {
    struct peeper_writer reason = {0};
    peeper_write_string(&reason, "shutdown");
    blame(&reason);
    says(": not started: REFUSED: why: \"shutdown\"");
}
