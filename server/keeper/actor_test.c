#include "keeper/actor.h"

#include <criterion/criterion.h>

#include "base/memory_fault_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct actor_table table;

static void begin(void) {
    cr_assert(actor_table_init(&table, 20000) == STATUS_OK);
}

static void end(void) {
    for (uint32_t slot = 0; slot < table.used; slot++) {
        struct actor *actor = actor_at(&table, slot);
        if (actor != NULL) actor_destroy(&table, actor);
    }
    actor_table_fini(&table);
}

TestSuite(actor, .init = begin, .fini = end, .timeout = 30);

static struct slice raw(const char *text) {
    return slice_of(text, strlen(text));
}

static bool same(struct slice a, const char *b) {
    return a.bytes == strlen(b) && memcmp(a.data, b, a.bytes) == 0;
}

static struct actor *create(const char *name) {
    struct actor *actor;
    cr_assert(actor_create(&table, raw(name), raw("argument"), &actor) == STATUS_OK);
    return actor;
}

static struct actor *enter(const char *name) {
    struct actor *actor = create(name);
    cr_assert(actor_name_put(&table, actor) == STATUS_OK);
    return actor;
}

static struct actor *find(const char *name) {
    return actor_by_name(&table, raw(name));
}

// --- tenants ---

Test(actor, a_new_tenant_has_its_own_copy_of_name_and_argument) {
    char          name[] = "name", argument[] = "argument";
    struct actor *actor;
    cr_assert(actor_create(&table, raw(name), raw(argument), &actor) == STATUS_OK);
    memset(name, 'x', 4);
    memset(argument, 'x', 8);
    cr_assert(same(actor_name(actor), "name"));
    cr_assert(same(actor_argument(actor), "argument"));
    cr_assert(actor->life == ACTOR_STARTING);
    cr_assert(actor->home == HOME_COLD);
    cr_assert(list_empty(&actor->mailbox));
    cr_assert(actor->extra->trouble == NULL);
    cr_assert(table.live == 1);
    cr_assert(find("name") == NULL, "it is not registered yet");
}

Test(actor, forgets_its_argument_and_keeps_its_name_short_or_long) {
    static char name[200], argument[100];
    memset(name, 'n', sizeof name);
    memset(argument, 'a', sizeof argument);
    size_t sizes[][2] = {{4, 8}, {4, 100}, {24, 100}, {25, 100}, {200, 0}, {200, 1}, {0, 100}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct slice  own = slice_of(name, sizes[i][0]), given = slice_of(argument, sizes[i][1]);
        struct actor *actor;
        cr_assert(actor_create(&table, own, given, &actor) == STATUS_OK);
        actor_forget_argument(actor);
        cr_assert(actor_argument(actor).bytes == 0);
        cr_assert(actor_name(actor).bytes == own.bytes);
        cr_assert(memcmp(actor_name(actor).data, name, own.bytes) == 0, "case %zu", i);
        actor_forget_argument(actor);
        cr_assert(memcmp(actor_name(actor).data, name, own.bytes) == 0, "twice is fine");
        actor_destroy(&table, actor);
    }
}

Test(actor, may_have_neither_name_nor_argument) {
    struct actor *actor;
    cr_assert(actor_create(&table, (struct slice){0}, (struct slice){0}, &actor) == STATUS_OK);
    cr_assert(actor_name(actor).bytes == 0);
    cr_assert(actor_argument(actor).bytes == 0);
    cr_assert(actor_name_put(&table, actor) == STATUS_OK);
    cr_assert(find("") == NULL);
    actor_name_remove(&table, actor);
}

Test(actor, more_than_the_limit_are_refused) {
    table.live_max = 2;
    create("a");
    struct actor *second = create("b"), *third;
    cr_assert(actor_create(&table, raw("c"), raw(""), &third) == STATUS_OVERLOADED);
    actor_destroy(&table, second);
    cr_assert(actor_create(&table, raw("c"), raw(""), &third) == STATUS_OK);
}

Test(actor, a_slot_is_used_again_and_its_ids_and_epochs_are_not) {
    struct actor *first = create("a");
    uint64_t      id = actor_id(first);
    uint32_t      epoch = first->epoch, slot = first->slot;
    cr_assert(id != 0);
    actor_destroy(&table, first);
    cr_assert(actor_at(&table, slot) == NULL);
    cr_assert(actor_by_id(&table, id) == NULL);
    struct actor *second = create("b");
    cr_assert(second->slot == slot);
    cr_assert(actor_id(second) != id);
    cr_assert(second->epoch > epoch);
    cr_assert(actor_by_id(&table, id) == NULL);
    cr_assert(actor_by_id(&table, actor_id(second)) == second);
}

Test(actor, nobody_lives_in_a_slot_that_was_never_used) {
    create("a");
    cr_assert(actor_at(&table, 1) == NULL);
    cr_assert(actor_at(&table, UINT32_MAX) == NULL);
    cr_assert(actor_by_id(&table, UINT64_MAX) == NULL);
    cr_assert(actor_by_id(&table, 0) == NULL);
}

Test(actor, do_not_move_when_more_come) {
    static struct actor *all[3 * ACTOR_SEGMENT];
    for (uint32_t i = 0; i < 3 * ACTOR_SEGMENT; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        all[i] = enter(name);
    }
    cr_assert(table.segment_count == 3);
    for (uint32_t i = 0; i < 3 * ACTOR_SEGMENT; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        cr_assert(actor_at(&table, i) == all[i]);
        cr_assert(find(name) == all[i]);
    }
}

Test(actor, one_that_is_destroyed_frees_what_it_remembers_and_leaves_its_list) {
    struct actor *actor = create("a");
    struct list   waiting;
    list_init(&waiting);
    list_push(&waiting, &actor->ready);
    actor_extra(actor)->trouble = calloc(1, sizeof *actor->extra->trouble);
    actor->extra->trouble->reason = malloc(10);
    actor_destroy(&table, actor);
    cr_assert(list_empty(&waiting));
    cr_assert(table.live == 0);
}

Test(actor, a_life_has_a_word) {
    cr_assert_str_eq(actor_life_text(ACTOR_RUNNING), "running");
    cr_assert_str_eq(actor_life_text(ACTOR_ENDED), "ended");
    for (int life = 0; life < ACTOR_LIVES; life++) {
        cr_assert(actor_life_text((enum actor_life)life) != NULL);
    }
    cr_assert_str_eq(actor_life_text(ACTOR_LIVES), "unknown");
}

// --- names ---

Test(actor, a_name_is_found_until_it_is_removed) {
    struct actor *actor = enter("a");
    cr_assert(find("a") == actor);
    cr_assert(find("b") == NULL);
    cr_assert(find("aa") == NULL);
    actor_name_remove(&table, actor);
    cr_assert(find("a") == NULL);
    actor_name_remove(&table, actor);
    cr_assert(table.name_count == 0);
}

Test(actor, a_name_has_one_holder) {
    struct actor *first = enter("a"), *second = create("a");
    cr_assert(actor_name_put(&table, second) == STATUS_ALREADY_STARTED);
    cr_assert(find("a") == first);
    actor_name_remove(&table, second);
    cr_assert(find("a") == first, "the one that has it keeps it");
    actor_name_remove(&table, first);
    cr_assert(actor_name_put(&table, second) == STATUS_OK);
    cr_assert(find("a") == second);
}

Test(actor, an_ended_one_is_found_by_name) {
    struct actor *actor = enter("a");
    actor->life = ACTOR_ENDED;
    cr_assert(find("a") == actor);
}

Test(actor, names_may_hold_any_bytes) {
    static const uint8_t bytes[] = {0, 255, 0, 1};
    struct actor        *actor, *shorter;
    cr_assert(actor_create(&table, slice_of(bytes, 4), raw(""), &actor) == STATUS_OK);
    cr_assert(actor_create(&table, slice_of(bytes, 3), raw(""), &shorter) == STATUS_OK);
    cr_assert(actor_name_put(&table, actor) == STATUS_OK);
    cr_assert(actor_name_put(&table, shorter) == STATUS_OK);
    cr_assert(actor_by_name(&table, slice_of(bytes, 4)) == actor);
    cr_assert(actor_by_name(&table, slice_of(bytes, 3)) == shorter);
}

// A model: for each of some names, who has it.
enum { NAMES = 3000, STEPS = 60000 };

static uint32_t random_next(void) {
    static uint64_t seed = 20240601;
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

static void random_step(struct actor **model, uint32_t *ret_count) {
    uint32_t which = random_next() % NAMES;
    char     name[16];
    snprintf(name, sizeof name, "name-%u", which);
    cr_assert(find(name) == model[which]);
    if (model[which] == NULL) {
        model[which] = enter(name);
        (*ret_count)++;
    } else if (random_next() % 2 == 0) {
        struct actor *other = create(name);
        cr_assert(actor_name_put(&table, other) == STATUS_ALREADY_STARTED);
        actor_destroy(&table, other);
    } else {
        actor_name_remove(&table, model[which]);
        actor_destroy(&table, model[which]);
        model[which] = NULL;
        (*ret_count)--;
    }
    cr_assert(table.name_count == *ret_count);
    cr_assert(table.live == *ret_count);
}

Test(actor, the_names_are_those_of_a_simple_model_after_any_steps) {
    static struct actor *model[NAMES];
    uint32_t             count = 0;
    for (int i = 0; i < STEPS; i++) random_step(model, &count);
    for (uint32_t i = 0; i < NAMES; i++) {
        char name[16];
        snprintf(name, sizeof name, "name-%u", i);
        cr_assert(find(name) == model[i]);
    }
    cr_assert(table.used <= NAMES + 1, "slots are used again");
}

// --- without memory ---

#define LONG_NAME "a name that is longer than what an actor holds itself"

Test(actor, holds_short_and_long_texts_alike) {
    static const char *const NAMES_OF[] = {"", "n", "123456789012345678901234",
                                           "1234567890123456789012345", LONG_NAME};
    for (size_t i = 0; i < sizeof NAMES_OF / sizeof NAMES_OF[0]; i++) {
        for (size_t j = 0; j < sizeof NAMES_OF / sizeof NAMES_OF[0]; j++) {
            struct actor *actor;
            cr_assert(actor_create(&table, raw(NAMES_OF[i]), raw(NAMES_OF[j]), &actor) ==
                      STATUS_OK);
            struct slice name = actor_name(actor), argument = actor_argument(actor);
            cr_assert(name.bytes == strlen(NAMES_OF[i]));
            cr_assert(memcmp(name.data, NAMES_OF[i], name.bytes) == 0);
            cr_assert(argument.bytes == strlen(NAMES_OF[j]));
            cr_assert(memcmp(argument.data, NAMES_OF[j], argument.bytes) == 0);
            actor->life = ACTOR_ENDED;
            actor_destroy(&table, actor);
        }
    }
}

Test(actor, a_prefetch_of_any_name_is_harmless) {
    actor_prefetch_place(&table, raw("nobody"));
    actor_prefetch(&table, raw("nobody"));
    actor_prefetch_place(&table, raw(""));
    actor_prefetch(&table, raw(""));
    cr_assert(actor_by_name(&table, raw("nobody")) == NULL);
}

#ifdef CAN_REFUSE_MEMORY
Test(actor, without_memory_nothing_is_made) {
    struct actor *actor = NULL;
    for (int at = 1; at <= 3; at++) {
        refuse_memory(at); // the text, the list of segments, the segment
        enum status status = actor_create(&table, raw(LONG_NAME), raw("b"), &actor);
        refuse_memory(0);
        cr_assert(status == STATUS_NO_MEMORY, "%d", at);
        cr_assert(actor == NULL);
        cr_assert(table.live == 0);
    }
    cr_assert(actor_create(&table, raw("a"), raw("b"), &actor) == STATUS_OK);
}

Test(actor, without_memory_for_more_names_those_there_are_stay) {
    static struct actor *all[2000];
    uint32_t             count = 0;
    enum status          status = STATUS_OK;
    for (; count < 2000; count++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", count);
        all[count] = create(name);
        refuse_memory(1);
        status = actor_name_put(&table, all[count]);
        refuse_memory(0);
        if (status != STATUS_OK) break;
    }
    cr_assert(status == STATUS_NO_MEMORY);
    cr_assert(table.name_count == count);
    for (uint32_t i = 0; i < count; i++)
        cr_assert(actor_by_name(&table, actor_name(all[i])) == all[i]);
    cr_assert(actor_name_put(&table, all[count]) == STATUS_OK);
    cr_assert(table.name_count == count + 1);
}

Test(actor, a_table_needs_memory_for_its_names) {
    struct actor_table other;
    for (int at = 1; at <= 1; at++) {
        refuse_memory(at);
        enum status status = actor_table_init(&other, 10);
        refuse_memory(0);
        cr_assert(status == STATUS_NO_MEMORY);
        actor_table_fini(&other);
    }
}
#endif
