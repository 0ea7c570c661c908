#include "tree.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct tree_row actor(unsigned depth, const char *id, const char *name) {
    return (struct tree_row){.kind = TREE_ACTOR,
                             .depth = depth,
                             .id = id,
                             .name = name,
                             .code = "counter",
                             .status = "running",
                             .restart = "permanent",
                             .incarnation = 77};
}

static struct tree_row supervisor(unsigned depth, const char *name) {
    return (struct tree_row){.kind = TREE_SUPERVISOR,
                             .depth = depth,
                             .id = "",
                             .name = name,
                             .code = "one_for_one",
                             .status = "running",
                             .restart = "",
                             .count = 2};
}

static struct tree_row hidden(unsigned depth, uint64_t count) {
    return (struct tree_row){
        .kind = TREE_HIDDEN, .depth = depth, .id = "", .name = "", .count = count};
}

static void expect_drawing(struct tree_row *rows, size_t count, const char *wanted) {
    char  *drawing = NULL;
    size_t bytes;
    FILE  *out = open_memstream(&drawing, &bytes);
    tree_draw(out, rows, count);
    fclose(out);
    cr_assert_str_eq(drawing, wanted, "\n%s", drawing);
    free(drawing);
}

Test(tree, draws_lines_to_what_comes_below_and_none_where_nothing_comes, .timeout = 5) {
    struct tree_row rows[] = {
        supervisor(0, "shop"), supervisor(1, "carts"), actor(2, "a", "a"), actor(2, "b", "cart-b"),
        actor(1, "stock", ""), supervisor(1, "mail"),  actor(2, "", ""),   supervisor(0, "empty"),
    };
    rows[2].restarts = 12;
    rows[3].mailbox = 3;
    rows[4].status = "stopped";
    expect_drawing(rows, 8,
                   "NAME              BEHAVIOUR    STATUS   RESTARTS  MAILBOX\n"
                   "shop              one_for_one  running         0\n"
                   "├─ carts          one_for_one  running         0\n"
                   "│  ├─ a           counter      running        12        0\n"
                   "│  └─ b (cart-b)  counter      running         0        3\n"
                   "├─ stock          counter      stopped         0        0\n"
                   "└─ mail           one_for_one  running         0\n"
                   "   └─ @77         counter      running         0        0\n"
                   "empty             one_for_one  running         0\n");
}

Test(tree, counts_what_it_does_not_show, .timeout = 5) {
    struct tree_row rows[] = {supervisor(0, "shop"), hidden(1, 99900), actor(1, "a", "")};
    expect_drawing(rows, 3,
                   "NAME             BEHAVIOUR    STATUS   RESTARTS  MAILBOX\n"
                   "shop             one_for_one  running         0\n"
                   "├─ … 99900 more\n"
                   "└─ a             counter      running         0        0\n");
}

Test(tree, draws_the_titles_of_an_empty_tree, .timeout = 5) {
    expect_drawing(NULL, 0, "NAME  BEHAVIOUR  STATUS  RESTARTS  MAILBOX\n");
}

Test(tree, draws_the_deepest_row_with_the_longest_names, .timeout = 5) {
    char            name[256];
    struct tree_row rows[TREE_DEPTH_MAX];
    memset(name, 'n', 255);
    name[255] = '\0';
    for (unsigned i = 0; i < TREE_DEPTH_MAX; i++) {
        rows[i] = supervisor(i, name);
        rows[i].id = "i";
    }
    char  *drawing = NULL;
    size_t bytes;
    FILE  *out = open_memstream(&drawing, &bytes);
    tree_draw(out, rows, TREE_DEPTH_MAX);
    fclose(out);
    cr_assert(strstr(drawing, "n)  one_for_one") != NULL);
    free(drawing);
}

Test(tree, as_json_puts_children_into_their_supervisors, .timeout = 5) {
    struct tree_row rows[] = {
        supervisor(0, "shop"), supervisor(1, "carts"), actor(2, "a", ""),    hidden(2, 5),
        actor(1, "stock", ""), hidden(1, 7),           actor(0, "", "lone"), hidden(0, 9),
    };
    rows[1].code = "supervisor";
    json_t *tree = tree_to_json(rows, 8);
    cr_assert(json_array_size(tree) == 3);
    json_t *shop = json_array_get(tree, 0);
    cr_assert_str_eq(json_string_value(json_object_get(shop, "strategy")), "one_for_one");
    cr_assert(json_integer_value(json_object_get(shop, "hidden")) == 7);
    json_t *children = json_object_get(shop, "children");
    cr_assert(json_array_size(children) == 2);
    json_t *carts = json_array_get(children, 0), *stock = json_array_get(children, 1);
    cr_assert(json_integer_value(json_object_get(carts, "hidden")) == 5);
    cr_assert(json_array_size(json_object_get(carts, "children")) == 1);
    cr_assert(json_is_null(json_object_get(carts, "strategy")), "it is not known");
    cr_assert_str_eq(json_string_value(json_object_get(stock, "id")), "stock");
    cr_assert_str_eq(json_string_value(json_object_get(stock, "behaviour")), "counter");
    cr_assert(json_object_get(stock, "children") == NULL);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(tree, 1), "name")), "lone");
    cr_assert(json_integer_value(json_object_get(json_array_get(tree, 2), "hidden")) == 9);
    json_decref(tree);
}

Test(tree, with_a_name_that_is_no_text_there_is_no_json, .timeout = 5) {
    struct tree_row rows[] = {supervisor(0, "shop"), actor(1, "\xff", "")};
    cr_assert(tree_to_json(rows, 2) == NULL);
}
