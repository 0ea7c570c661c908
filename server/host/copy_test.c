#include "host/copy.h"

#include <criterion/criterion.h>

#include <malloc.h>
#include <string.h>

static const struct peeper_behaviour BEHAVIOUR = {.state_bytes = 8};

static struct copy *make(void) {
    return copy_create(&(struct copy_options){
        .slot = 1, .state_bytes = 8, .name = "name, not terminated", .name_bytes = 4});
}

static void *alloc(struct copy *copy, uint64_t bytes_max, size_t bytes) {
    void *memory = NULL;
    cr_assert(copy_alloc(copy, bytes_max, bytes, &memory) == STATUS_OK);
    return memory;
}

Test(copy, begins_with_a_zeroed_state_and_a_terminated_name, .timeout = 5) {
    struct copy         *copy = make();
    static const uint8_t zeros[8];
    cr_assert_arr_eq(copy->state, zeros, 8);
    cr_assert_str_eq(copy_name(copy), "name");
    copy_destroy(copy, &BEHAVIOUR);
}

Test(copy, is_small, .timeout = 5) {
    cr_assert_leq(sizeof(struct copy), 64);
}

Test(copy, memory_is_zeroed_aligned_and_counted, .timeout = 5) {
    struct copy *copy = make();
    uint8_t     *memory = alloc(copy, 1000, 100);
    cr_assert_eq((uintptr_t)memory % 16, 0);
    for (int i = 0; i < 100; i++) cr_assert_eq(memory[i], 0);
    cr_assert_geq(copy_bytes(copy), 100);
    cr_assert(copy_free(copy, memory) == STATUS_OK);
    cr_assert_eq(copy_bytes(copy), 0);
    copy_destroy(copy, &BEHAVIOUR);
}

Test(copy, refuses_what_goes_over_the_budget_and_counts_heads_too, .timeout = 5) {
    struct copy *copy = make();
    void        *memory = NULL;
    cr_assert(copy_alloc(copy, 1000, 1000, &memory) == STATUS_TOO_LARGE);
    cr_assert(copy_alloc(copy, 1000, SIZE_MAX, &memory) == STATUS_TOO_LARGE);
    int blocks = 0;
    while (copy_alloc(copy, 1000, 0, &memory) == STATUS_OK) blocks++;
    cr_assert_lt(blocks, 100);
    copy_destroy(copy, &BEHAVIOUR);
}

Test(copy, realloc_keeps_what_was_and_zeroes_what_is_new, .timeout = 5) {
    struct copy *copy = make();
    void        *others[3];
    uint8_t     *memory = alloc(copy, 1u << 30, 10);
    void        *moved = NULL;
    for (int i = 0; i < 3; i++) others[i] = alloc(copy, 1u << 30, 10);
    memset(memory, 7, 10);
    cr_assert(copy_realloc(copy, 1u << 30, memory, 1u << 20, &moved) == STATUS_OK);
    memory = moved;
    cr_assert_eq(memory[9], 7);
    cr_assert_eq(memory[10], 0);
    cr_assert_eq(memory[(1u << 20) - 1], 0);
    for (int i = 0; i < 3; i++) cr_assert(copy_free(copy, others[i]) == STATUS_OK);
    cr_assert(copy_free(copy, memory) == STATUS_OK);
    cr_assert_eq(copy_bytes(copy), 0);
    cr_assert_null(copy->extra->blocks);
    copy_destroy(copy, &BEHAVIOUR);
}

Test(copy, realloc_over_the_budget_leaves_the_memory_as_it_was, .timeout = 5) {
    struct copy *copy = make();
    uint8_t     *memory = alloc(copy, 1000, 10);
    void        *moved = NULL;
    memory[9] = 7;
    cr_assert(copy_realloc(copy, 1000, memory, 2000, &moved) == STATUS_TOO_LARGE);
    cr_assert_eq(memory[9], 7);
    copy_destroy(copy, &BEHAVIOUR);
}

Test(copy, refuses_memory_of_another_copy, .timeout = 5) {
    struct copy *copy = make(), *other = make();
    void        *memory = alloc(other, 1000, 10), *moved = NULL;
    cr_assert(copy_free(copy, memory) == STATUS_INVALID);
    cr_assert(copy_realloc(copy, 1000, memory, 20, &moved) == STATUS_INVALID);
    cr_assert(copy_free(copy, NULL) == STATUS_OK);
    copy_destroy(copy, &BEHAVIOUR);
    copy_destroy(other, &BEHAVIOUR);
}

Test(copy, clear_frees_all_memory_and_zeroes_the_state, .timeout = 5) {
    struct copy *copy = make();
    alloc(copy, 1000, 10);
    memset(copy->state, 7, 8);
    copy_clear(copy, &BEHAVIOUR);
    cr_assert_eq(copy_bytes(copy), 0);
    cr_assert_eq(copy->state[7], 0);
    cr_assert_str_eq(copy_name(copy), "name");
    copy_destroy(copy, &BEHAVIOUR);
}

static bool keeps(struct copy *copy, const char *text) {
    cr_assert(copy_keep(copy, slice_of(text, strlen(text))) == STATUS_OK);
    struct slice kept = copy_kept(copy);
    return kept.data != NULL && kept.bytes == strlen(text) &&
           memcmp(kept.data, text, kept.bytes) == 0;
}

Test(copy, keeps_the_saved_state_that_was_given_last_whatever_becomes_of_the_live_one,
     .timeout = 5) {
    static char  large[10000];
    struct copy *copy = make();
    memset(large, 'x', sizeof large - 1);
    cr_assert_null(copy_kept(copy).data);
    cr_assert(keeps(copy, "state"));
    cr_assert(keeps(copy, "")); // no bytes are a state, too: null
    cr_assert(keeps(copy, large));
    cr_assert(keeps(copy, "small again"));
    copy_clear(copy, &BEHAVIOUR);
    cr_assert_eq(copy_kept(copy).bytes, strlen("small again"));
    copy_destroy(copy, &BEHAVIOUR);
}

Test(copy, gives_back_what_a_large_state_was_kept_in, .timeout = 5) {
    static char  large[1u << 20];
    struct copy *copy = make();
    memset(large, 'x', sizeof large - 1);
    cr_assert(keeps(copy, large));
    cr_assert_geq(malloc_usable_size(copy->kept), sizeof large - 1);
    cr_assert(keeps(copy, "small"));
    cr_assert_lt(malloc_usable_size(copy->kept), 100);
    copy_destroy(copy, &BEHAVIOUR);
}
