#include "keeper/tie.h"

#include "keeper/actor.h"
#include "keeper/reason.h"

#include <criterion/criterion.h>

#include "base/memory_fault_test.h"

#define ACTORS 200

static struct tie_table   table;
static struct actor_table owners;
static struct actor      *actors[ACTORS];

static const struct caller CLIENT = {.conn = 70, .generation = 9, .request = 1};

static void begin(void) {
    cr_assert(tie_table_init(&table) == STATUS_OK);
    cr_assert(actor_table_init(&owners, ACTORS) == STATUS_OK);
    for (uint32_t i = 0; i < ACTORS; i++) {
        struct slice nothing = {0};
        cr_assert(actor_create(&owners, nothing, nothing, &actors[i]) == STATUS_OK);
        actors[i]->generation = 5;
        actors[i]->life = ACTOR_RUNNING;
    }
}

static void end(void) {
    for (uint32_t i = 0; i < ACTORS; i++) {
        if (actors[i]->extra->ties != NULL)
            tie_over(&table, actors[i]->extra->ties, (struct slice){0}, (struct slice){0});
    }
    tie_table_fini(&table);
    for (uint32_t i = 0; i < ACTORS; i++) actor_destroy(&owners, actors[i]);
    actor_table_fini(&owners);
}

TestSuite(tie, .init = begin, .fini = end, .timeout = 10);

static struct ties *of(int index) {
    struct ties *ties = tie_of_actor(&table, actors[index]);
    cr_assert(ties != NULL);
    return ties;
}

static struct tie *monitor(int watcher, int target, uint64_t ref) {
    struct tie *tie;
    cr_assert(tie_add(&table, TIE_MONITOR, of(watcher), of(target), ref, &tie) == STATUS_OK);
    return tie;
}

static struct tie *link_of(int maker, int target) {
    struct tie *tie;
    cr_assert(tie_add(&table, TIE_LINK, of(maker), of(target), 0, &tie) == STATUS_OK);
    return tie;
}

Test(tie, an_actor_has_an_end_only_while_it_has_a_tie) {
    cr_assert(actors[0]->extra->ties == NULL);
    struct tie *tie = monitor(0, 1, 7);
    cr_assert(actors[0]->extra->ties->monitors == 1 && actors[0]->extra->ties->watchers == 0);
    cr_assert(actors[1]->extra->ties->watchers == 1 && actors[1]->extra->ties->monitors == 0);
    cr_assert(table.count == 1);
    tie_remove(&table, tie);
    cr_assert(actors[0]->extra->ties == NULL && actors[1]->extra->ties == NULL);
    cr_assert(table.count == 0);
}

Test(tie, a_monitor_is_found_by_its_watcher_and_its_reference) {
    struct tie *first = monitor(0, 1, 7), *second = monitor(0, 1, 8), *other = monitor(2, 1, 7);
    cr_assert(tie_find_monitor(&table, actors[0]->extra->ties, 7) == first);
    cr_assert(tie_find_monitor(&table, actors[0]->extra->ties, 8) == second);
    cr_assert(tie_find_monitor(&table, actors[2]->extra->ties, 7) == other);
    cr_assert(tie_find_monitor(&table, actors[1]->extra->ties, 7) == NULL);
    cr_assert(tie_find_monitor(&table, actors[0]->extra->ties, 9) == NULL);
}

Test(tie, a_link_is_the_same_from_both_sides_and_there_is_one) {
    struct tie *tie = link_of(0, 1);
    cr_assert(link_of(0, 1) == tie);
    cr_assert(link_of(1, 0) == tie);
    cr_assert(tie_find_link(&table, actors[0]->extra->ties, actors[1]->extra->ties) == tie);
    cr_assert(tie_find_link(&table, actors[1]->extra->ties, actors[0]->extra->ties) == tie);
    cr_assert(table.count == 1);
    cr_assert(actors[0]->extra->ties->links == 1 && actors[1]->extra->ties->links == 1);
}

Test(tie, an_actor_may_watch_itself) {
    struct tie *tie = monitor(0, 0, 7);
    cr_assert(actors[0]->extra->ties->monitors == 1 && actors[0]->extra->ties->watchers == 1);
    tie_remove(&table, tie);
    cr_assert(actors[0]->extra->ties == NULL);
}

Test(tie, many_are_found_after_the_index_has_grown) {
    for (int i = 0; i < ACTORS; i++) {
        for (uint64_t ref = 1; ref <= 20; ref++) monitor(i, (i + 1) % ACTORS, ref << 16);
        link_of(i, (i + 2) % ACTORS);
    }
    cr_assert(table.count == ACTORS * 21);
    cr_assert(table.bucket_count > 64);
    for (int i = 0; i < ACTORS; i++) {
        for (uint64_t ref = 1; ref <= 20; ref++) {
            struct tie *tie = tie_find_monitor(&table, actors[i]->extra->ties, ref << 16);
            cr_assert(tie != NULL);
            tie_remove(&table, tie);
        }
        cr_assert(tie_find_link(&table, actors[(i + 2) % ACTORS]->extra->ties,
                                actors[i]->extra->ties) != NULL);
    }
    cr_assert(table.count == ACTORS);
}

Test(tie, a_connection_has_an_end_by_its_slot) {
    cr_assert(tie_find_client(&table, CLIENT) == NULL);
    struct ties *client = tie_of_client(&table, CLIENT);
    cr_assert(client != NULL && tie_of_client(&table, CLIENT) == client);
    struct tie *tie;
    cr_assert(tie_add(&table, TIE_LINK, client, of(0), 0, &tie) == STATUS_OK);
    cr_assert(tie_find_client(&table, CLIENT) == client);
    cr_assert(client->id == 0 && client->client.request == 0);
    tie_remove(&table, tie);
    cr_assert(tie_find_client(&table, CLIENT) == NULL);
}

Test(tie, an_end_that_is_over_keeps_its_ties_and_is_known_to_nobody) {
    struct tie  *tie = monitor(0, 1, 7);
    uint64_t     id = actor_id(actors[1]);
    char         reason[] = {0x2a, 4, 'b', 'o', 'o', 'm'};
    struct ties *over = actors[1]->extra->ties;
    tie_over(&table, over, slice_of("name", 4), slice_of(reason, sizeof reason));
    reason[2] = 'x'; // it has a copy
    cr_assert(actors[1]->extra->ties == NULL);
    cr_assert(over->is_over && over->id == id && over->actor == NULL);
    cr_assert(over->name.bytes == 4 && over->reason.bytes == 6 && over->reason.data[2] == 'b');
    cr_assert(LIST_ENTRY(table.over.next, struct ties, over) == over);
    cr_assert(tie_find_monitor(&table, actors[0]->extra->ties, 7) == tie);
    // The next incarnation has an end of its own.
    cr_assert(of(1) != over);
    tie_release_idle(&table, actors[1]->extra->ties);

    enum tie_side side;
    cr_assert(tie_first(over, &side) == tie && side == TIE_TARGET);
    tie_remove(&table, tie);
    cr_assert(actors[0]->extra->ties == NULL);
    cr_assert(tie_first(over, &side) == NULL);
}

Test(tie, the_first_tie_of_an_end_tells_its_side) {
    struct tie   *made = monitor(0, 1, 7), *got = link_of(2, 0);
    enum tie_side side;
    cr_assert(tie_first(actors[0]->extra->ties, &side) == made && side == TIE_MAKER);
    tie_remove(&table, made);
    cr_assert(tie_first(actors[0]->extra->ties, &side) == got && side == TIE_TARGET);
}

Test(tie, an_end_and_the_table_have_a_limit_and_a_refused_tie_leaves_nothing) {
    struct tie *tie;
    table.end_max = 3;
    for (int i = 1; i <= 3; i++) monitor(0, i, 7);
    cr_assert(tie_add(&table, TIE_LINK, of(0), of(4), 0, &tie) == STATUS_OVERLOADED);
    cr_assert(tie_add(&table, TIE_LINK, of(4), of(0), 0, &tie) == STATUS_OVERLOADED);
    cr_assert(actors[4]->extra->ties == NULL);
    cr_assert(actors[0]->extra->ties->monitors == 3);

    table.count_max = 3;
    cr_assert(tie_add(&table, TIE_MONITOR, of(5), of(6), 1, &tie) == STATUS_OVERLOADED);
    cr_assert(tie_add(&table, TIE_MONITOR, of(5), of(5), 1, &tie) == STATUS_OVERLOADED);
    cr_assert(actors[5]->extra->ties == NULL && actors[6]->extra->ties == NULL);
    cr_assert(table.count == 3);
}

Test(tie, one_to_nobody_is_over_from_the_beginning) {
    struct ties *nobody = tie_of_nobody(&table, 77, slice_of("who", 3), reason_noproc());
    struct tie  *tie;
    cr_assert(nobody != NULL && nobody->is_over && nobody->id == 77);
    cr_assert(tie_add(&table, TIE_MONITOR, of(0), nobody, 5, &tie) == STATUS_OK);
    cr_assert(tie_find_monitor(&table, actors[0]->extra->ties, 5) == tie);
}

Test(tie, references_of_clients_are_never_0_and_never_the_same) {
    uint64_t first = tie_ref(&table);
    cr_assert(first != 0 && tie_ref(&table) != first);
}

#ifdef CAN_REFUSE_MEMORY
Test(tie, without_memory_there_is_no_tie_and_no_end) {
    struct tie *tie;
    refuse_memory(1);
    cr_assert(tie_of_actor(&table, actors[0]) == NULL);
    refuse_memory(1);
    cr_assert(tie_of_client(&table, CLIENT) == NULL);
    refuse_memory(2);
    cr_assert(tie_of_client(&table, CLIENT) == NULL);
    struct ties *maker = of(0), *target = of(1);
    refuse_memory(1);
    cr_assert(tie_add(&table, TIE_LINK, maker, target, 0, &tie) == STATUS_NO_MEMORY);
    cr_assert(actors[0]->extra->ties == NULL && actors[1]->extra->ties == NULL);
    refuse_memory(1);
    cr_assert(tie_of_nobody(&table, 7, (struct slice){0}, reason_noproc()) == NULL);
}

Test(tie, without_memory_for_its_reason_an_end_is_over_all_the_same) {
    monitor(0, 1, 7);
    struct ties *over = actors[1]->extra->ties;
    refuse_memory(1);
    tie_over(&table, over, slice_of("name", 4), reason_killed());
    refuse_memory(0);
    cr_assert(over->is_over && over->reason.data == reason_no_memory().data);
}

Test(tie, without_memory_for_a_larger_index_ties_are_made_all_the_same) {
    for (uint64_t ref = 1; ref <= 128; ref++) monitor(0, 1, ref);
    struct tie *tie;
    refuse_memory(2);
    cr_assert(tie_add(&table, TIE_MONITOR, of(0), of(1), 999, &tie) == STATUS_OK);
    refuse_memory(0);
    cr_assert(table.bucket_count == 64);
    cr_assert(tie_find_monitor(&table, actors[0]->extra->ties, 999) == tie);
}
#endif
