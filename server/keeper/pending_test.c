#include "keeper/pending.h"

#include "keeper/actor.h"
#include "keeper/timers.h"

#include <criterion/criterion.h>

#include "base/memory_fault_test.h"

static struct pending_table table;
static struct actor_table   owners;
static struct actor        *actors[3];

static void begin(void) {
    cr_assert(pending_table_init(&table, 5000) == STATUS_OK);
    cr_assert(actor_table_init(&owners, 3) == STATUS_OK);
    for (int i = 0; i < 3; i++) {
        struct slice nothing = {0};
        cr_assert(actor_create(&owners, nothing, nothing, &actors[i]) == STATUS_OK);
    }
}

static void end(void) {
    for (int i = 0; i < 3; i++) {
        while (actors[i]->extra->pending != NULL) pending_remove(&table, actors[i]->extra->pending);
    }
    pending_table_fini(&table);
    for (int i = 0; i < 3; i++) actor_destroy(&owners, actors[i]);
    actor_table_fini(&owners);
}

TestSuite(pending, .init = begin, .fini = end, .timeout = 10);

static struct pending *add(struct actor *actor, uint64_t token) {
    struct pending *pending;
    struct caller   caller = {.conn = 1, .generation = 2, .request = token * 10};
    cr_assert(pending_add(&table, actor, token, caller, &pending) == STATUS_OK);
    return pending;
}

Test(pending, a_call_is_found_by_its_token_and_its_actor) {
    struct pending *pending = add(actors[0], 7);
    cr_assert(pending->caller.request == 70);
    cr_assert(pending->deadline.kind == TIMER_PENDING);
    cr_assert(!timer_armed(&pending->deadline));
    cr_assert(pending_find(&table, actors[0], 7) == pending);
    cr_assert(pending_find(&table, actors[1], 7) == NULL);
    cr_assert(pending_find(&table, actors[0], 8) == NULL);
    // The same bucket.
    cr_assert(pending_find(&table, actors[0], 7 + 256) == NULL);
    cr_assert(table.count == 1);
}

Test(pending, a_call_that_is_removed_is_gone_from_table_and_actor) {
    struct pending *first = add(actors[0], 1), *second = add(actors[0], 2),
                   *third = add(actors[0], 3);
    pending_remove(&table, second);
    cr_assert(pending_find(&table, actors[0], 2) == NULL);
    cr_assert(pending_find(&table, actors[0], 1) == first);
    cr_assert(pending_find(&table, actors[0], 3) == third);
    pending_remove(&table, third);
    cr_assert(actors[0]->extra->pending == first);
    pending_remove(&table, first);
    cr_assert(actors[0]->extra->pending == NULL);
    cr_assert(table.count == 0);
}

Test(pending, an_actor_has_a_list_of_its_own_calls) {
    add(actors[0], 1);
    add(actors[1], 2);
    add(actors[0], 3);
    int count = 0;
    for (struct pending *entry = actors[0]->extra->pending; entry != NULL; entry = entry->next) {
        cr_assert(entry->actor == actors[0]);
        count++;
    }
    cr_assert(count == 2);
}

Test(pending, more_than_the_limit_are_refused) {
    struct pending *pending;
    table.count_max = 2;
    add(actors[0], 1);
    add(actors[0], 2);
    cr_assert(pending_add(&table, actors[0], 3, CALLER_NOBODY, &pending) == STATUS_OVERLOADED);
    pending_remove(&table, actors[0]->extra->pending);
    cr_assert(pending_add(&table, actors[0], 3, CALLER_NOBODY, &pending) == STATUS_OK);
}

Test(pending, many_calls_are_found_also_after_the_table_has_grown) {
    for (uint64_t token = 1; token <= 5000; token++) add(actors[token % 3], token * 3);
    cr_assert(table.bucket_count > 256);
    for (uint64_t token = 1; token <= 5000; token++) {
        struct pending *found = pending_find(&table, actors[token % 3], token * 3);
        cr_assert(found != NULL && found->token == token * 3);
        if (token % 2 == 0) pending_remove(&table, found);
    }
    cr_assert(table.count == 2500);
    for (uint64_t token = 1; token <= 5000; token++) {
        bool left = pending_find(&table, actors[token % 3], token * 3) != NULL;
        cr_assert(left == (token % 2 == 1));
    }
}

#ifdef CAN_REFUSE_MEMORY
Test(pending, without_memory_for_a_call_nothing_is_entered) {
    struct pending *pending = NULL;
    refuse_memory(1);
    enum status status = pending_add(&table, actors[0], 1, CALLER_NOBODY, &pending);
    refuse_memory(0);
    cr_assert(status == STATUS_NO_MEMORY);
    cr_assert(pending == NULL);
    cr_assert(table.count == 0);
    cr_assert(actors[0]->extra->pending == NULL);
}

Test(pending, without_memory_for_more_buckets_the_chains_grow) {
    for (uint64_t token = 1; token <= 512; token++) add(actors[0], token);
    struct pending *pending;
    refuse_memory(1);
    enum status status = pending_add(&table, actors[0], 513, CALLER_NOBODY, &pending);
    refuse_memory(0);
    cr_assert(status == STATUS_OK);
    cr_assert(table.bucket_count == 256);
    cr_assert(pending_find(&table, actors[0], 513) == pending);
}

Test(pending, a_table_needs_memory_for_its_buckets) {
    struct pending_table other;
    refuse_memory(1);
    enum status status = pending_table_init(&other, 10);
    refuse_memory(0);
    cr_assert(status == STATUS_NO_MEMORY);
    pending_table_fini(&other);
}
#endif
