#include "base/list.h"

#include <criterion/criterion.h>
#include <stdarg.h>

struct item {
    int         number;
    struct list link;
};

static struct list head;
static struct item items[6];

static void init(void) {
    list_init(&head);
    for (int i = 0; i < 6; i++) {
        items[i].number = i;
        list_init(&items[i].link);
    }
}

TestSuite(list, .init = init, .timeout = 20);

// `count` numbers in order, seen forwards and backwards.
static void assert_list(const struct list *list, int count, ...) {
    va_list            numbers;
    const struct list *link = list;
    va_start(numbers, count);
    for (int i = 0; i < count; i++) {
        cr_assert(link->next->prev == link);
        link = link->next;
        cr_assert(link != list);
        cr_assert_eq(LIST_ENTRY(link, const struct item, link)->number, va_arg(numbers, int));
    }
    va_end(numbers);
    cr_assert(link->next == list && list->prev == link);
    cr_assert(list_empty(list) == (count == 0));
}

Test(list, push_appends_and_push_front_prepends) {
    assert_list(&head, 0);
    list_push(&head, &items[1].link);
    list_push(&head, &items[2].link);
    list_push_front(&head, &items[0].link);
    assert_list(&head, 3, 0, 1, 2);
}

Test(list, insert_goes_in_front_of_a_link) {
    list_push(&head, &items[0].link);
    list_push(&head, &items[2].link);
    list_insert(&items[2].link, &items[1].link);
    assert_list(&head, 3, 0, 1, 2);
}

Test(list, pop_answers_the_first_and_null_when_empty) {
    list_push(&head, &items[0].link);
    list_push(&head, &items[1].link);
    cr_assert(list_pop(&head) == &items[0].link);
    cr_assert(list_empty(&items[0].link));
    cr_assert(list_pop(&head) == &items[1].link);
    cr_assert_null(list_pop(&head));
}

Test(list, removing_twice_is_harmless) {
    for (int i = 0; i < 3; i++) list_push(&head, &items[i].link);
    list_remove(&items[1].link);
    list_remove(&items[1].link);
    assert_list(&head, 2, 0, 2);
    list_push(&head, &items[1].link);
    assert_list(&head, 3, 0, 2, 1);
}

Test(list, splice_moves_all_to_the_end_and_leaves_an_empty_list) {
    struct list other;
    list_init(&other);
    list_splice(&head, &other);
    assert_list(&head, 0);

    for (int i = 0; i < 2; i++) list_push(&head, &items[i].link);
    for (int i = 2; i < 5; i++) list_push(&other, &items[i].link);
    list_splice(&head, &other);
    assert_list(&head, 5, 0, 1, 2, 3, 4);
    assert_list(&other, 0);

    list_splice(&other, &head);
    assert_list(&other, 5, 0, 1, 2, 3, 4);
    assert_list(&head, 0);
}
