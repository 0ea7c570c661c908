#include "keeper/child.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct child_index index_;
static struct list        children;
// Only their addresses matter.
static struct supervisor *const ONE = (struct supervisor *)16, *const TWO = (struct supervisor *)32;

static struct child_spec *spec_called(const char *id) {
    struct child_spec *spec = calloc(1, sizeof *spec + 64);
    spec->holders = 1;
    spec->id_bytes = (uint8_t)strlen(id);
    memcpy(spec->text, id, spec->id_bytes);
    return spec;
}

static struct child *add(struct supervisor *parent, const char *id) {
    struct child_spec *spec = spec_called(id);
    struct child      *child = child_create(&index_, parent, &children, spec);
    child_spec_release(spec); // the child holds it now
    return child;
}

static struct slice text(const char *id) {
    return slice_of(id, strlen(id));
}

static void begin(void) {
    list_init(&children);
    cr_assert(child_index_init(&index_, 42) == STATUS_OK);
}

static void end(void) {
    while (!list_empty(&children)) {
        child_destroy(&index_, LIST_ENTRY(children.next, struct child, link));
    }
    child_index_fini(&index_);
}

TestSuite(child, .init = begin, .fini = end, .timeout = 10);

Test(child, is_found_by_its_supervisor_and_its_id) {
    struct child *first = add(ONE, "a"), *second = add(TWO, "a"), *third = add(ONE, "b");
    cr_assert(child_find(&index_, ONE, text("a")) == first);
    cr_assert(child_find(&index_, TWO, text("a")) == second);
    cr_assert(child_find(&index_, ONE, text("b")) == third);
    cr_assert(child_find(&index_, TWO, text("b")) == NULL);
    child_destroy(&index_, first);
    cr_assert(child_find(&index_, ONE, text("a")) == NULL);
    cr_assert(child_find(&index_, TWO, text("a")) == second);
}

Test(child, of_ten_thousand_each_is_found) {
    char id[16];
    for (int i = 0; i < 10000; i++) {
        snprintf(id, sizeof id, "c%d", i);
        cr_assert(add(ONE, id) != NULL);
    }
    for (int i = 0; i < 10000; i++) {
        snprintf(id, sizeof id, "c%d", i);
        struct child *child = child_find(&index_, ONE, text(id));
        cr_assert(child != NULL);
        cr_assert(child_spec_id(child->spec).bytes == strlen(id));
    }
}

Test(child, without_a_spec_of_its_own_is_in_the_list_only) {
    struct child *child = child_create(&index_, ONE, &children, NULL);
    cr_assert(children.next == &child->link);
    cr_assert(index_.count == 0);
}
