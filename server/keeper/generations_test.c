#include "keeper/generations.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define SEGMENT_SLOTS 4096 // slots that come into being together

// Takes the place of the C library's malloc, to refuse on demand. The sanitizers bring their own.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CAN_REFUSE_MEMORY 1

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);

static size_t refused_from = SIZE_MAX; // bytes of one allocation
static int    refusals_left;

static bool refuses(size_t bytes) {
    if (bytes < refused_from || refusals_left == 0) return false;
    refusals_left--;
    return true;
}

void *malloc(size_t bytes) {
    return refuses(bytes) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    return refuses(count * bytes) ? NULL : __libc_calloc(count, bytes);
}
#endif

static struct generations gens;

static struct slice text(const char *state) {
    return slice_of(state, strlen(state));
}

#define TURN_OF(version) (((uint64_t)1 << 49) + 7 * (version))

static struct generation_origin origin_of(uint32_t slot, uint64_t unit, uint64_t version) {
    return (struct generation_origin){.slot = slot,
                                      .unit = unit,
                                      .version = version,
                                      .turn = TURN_OF(version),
                                      .at_ms = 1000 + version};
}

static enum status try_put(uint32_t slot, uint64_t unit, uint64_t version, struct slice state) {
    struct generation_origin origin = origin_of(slot, unit, version);
    return generations_put(&gens, &origin, state);
}

static void put(uint32_t slot, uint64_t unit, uint64_t version, const char *state) {
    cr_assert(try_put(slot, unit, version, text(state)) == STATUS_OK);
}

static void put_kept(uint32_t kept, uint64_t version, const char *state) {
    struct generation_origin origin = origin_of(0, 1, version);
    origin.kept = kept;
    cr_assert(generations_put(&gens, &origin, text(state)) == STATUS_OK);
}

static struct generation *filled(uint64_t version, struct slice state) {
    struct generation_origin origin = origin_of(0, 1, version);
    struct generation       *fresh = generation_create(state.bytes);
    cr_assert_not_null(fresh);
    generation_fill(fresh, &origin, state);
    return fresh;
}

static enum status find(uint32_t slot, uint64_t unit, uint32_t back) {
    const struct generation *found = NULL;
    return generations_find(&gens, slot, unit, back, &found);
}

static void expect(uint32_t slot, uint64_t unit, uint32_t back, uint64_t version,
                   const char *state) {
    const struct generation *found = NULL;
    cr_assert(generations_find(&gens, slot, unit, back, &found) == STATUS_OK);
    struct generation_info note = generation_describe(found);
    cr_assert(note.version == version);
    cr_assert(note.turn == TURN_OF(version));
    cr_assert(note.at_ms == 1000 + version);
    cr_assert(note.bytes == strlen(state));
    cr_assert(memcmp(found->state, state, found->bytes) == 0);
}

static void expect_counts(uint64_t units, uint64_t generations, uint64_t state_bytes) {
    cr_assert(gens.counts.units == units, "%lu", gens.counts.units);
    cr_assert(gens.counts.generations == generations, "%lu", gens.counts.generations);
    cr_assert(gens.counts.state_bytes == state_bytes, "%lu", gens.counts.state_bytes);
}

static void fini(void) {
    generations_fini(&gens);
}

Test(generations, nothing_is_found_before_the_first_put, .timeout = 5, .fini = fini) {
    generations_init(&gens, 2);
    cr_assert(find(0, 1, 0) == STATUS_NOT_FOUND);
    cr_assert(find(UINT32_MAX, 1, 0) == STATUS_NOT_FOUND);
    generations_forget(&gens, 7, 1);
    expect_counts(0, 0, 0);
}

Test(generations, keeps_as_many_as_asked_newest_first, .timeout = 5, .fini = fini) {
    static const char *STATES[] = {"a", "bb", "ccc", "dddd", "eeeee", "ffffff", "g"};

    for (uint32_t kept = 1; kept <= 5; kept++) {
        generations_init(&gens, kept);
        for (uint32_t i = 0; i < 7; i++) {
            put(3, 9, i, STATES[i]);
            uint32_t held = i + 1 < kept ? i + 1 : kept;
            for (uint32_t back = 0; back < held; back++)
                expect(3, 9, back, i - back, STATES[i - back]);
            cr_assert(find(3, 9, held) == STATUS_NOT_FOUND);
        }
        cr_assert(gens.counts.generations == kept);
        generations_fini(&gens);
    }
}

Test(generations, a_state_that_outgrows_its_block_and_shrinks_again_is_kept, .timeout = 5,
     .fini = fini) {
    char state[20000];

    generations_init(&gens, 3);
    memset(state, 'x', sizeof state);
    for (uint32_t version = 0; version < 100; version++) {
        size_t bytes = (size_t)version * 7919 % (sizeof state - 1);
        state[bytes] = 0;
        put(0, 1, version, state);
        expect(0, 1, 0, version, state);
        state[bytes] = 'x';
    }
    cr_assert(gens.counts.generations == 3);
}

Test(generations, a_large_block_does_not_stay_for_a_small_state, .timeout = 5, .fini = fini) {
    generations_init(&gens, 1);
    char              *state = calloc(1, 1 << 20);
    struct generation *large = filled(1, slice_of(state, 1 << 20));
    free(state);
    cr_assert(generations_adopt(&gens, 0, 1, 0, large) == STATUS_OK);
    expect_counts(1, 1, 1 << 20);

    put(0, 1, 2, "small");
    const struct generation *found = NULL;
    cr_assert(generations_find(&gens, 0, 1, 0, &found) == STATUS_OK);
    cr_assert((size_t)found->blocks << found->shift < 100 / 16);
    expect_counts(1, 1, 5);
}

Test(generations, an_adopted_generation_is_the_newest, .timeout = 5, .fini = fini) {
    generations_init(&gens, 2);
    for (uint32_t version = 1; version <= 5; version++) {
        struct generation *fresh = filled(version, text("four"));
        cr_assert(generations_adopt(&gens, 1, 1, 0, fresh) == STATUS_OK);
        expect(1, 1, 0, version, "four");
        if (version > 1) expect(1, 1, 1, version - 1, "four");
    }
    expect_counts(1, 2, 8);
}

Test(generations, an_empty_state_is_a_state, .timeout = 5, .fini = fini) {
    generations_init(&gens, 2);
    cr_assert(try_put(0, 1, 5, slice_of(NULL, 0)) == STATUS_OK);
    expect(0, 1, 0, 5, "");
    expect_counts(1, 1, 0);
}

// --- What a unit wishes, and what there is of it ---

Test(generations, a_unit_may_keep_more_or_fewer_than_all, .timeout = 5, .fini = fini) {
    generations_init(&gens, 2);
    for (uint64_t version = 1; version <= 20; version++) put_kept(16, version, "more");
    expect_counts(1, 16, 64);
    expect(0, 1, 15, 5, "more");

    put_kept(3, 21, "fewer");
    expect_counts(1, 3, 13);
    expect(0, 1, 0, 21, "fewer");
    expect(0, 1, 2, 19, "more");

    put_kept(1, 22, "one");
    expect_counts(1, 1, 3);
    expect(0, 1, 0, 22, "one");
    cr_assert(generations_adopt(&gens, 0, 1, 4, filled(23, text("two"))) == STATUS_OK);
    expect_counts(1, 2, 6);
}

Test(generations, a_version_is_found_or_the_newest_before_it, .timeout = 5, .fini = fini) {
    const struct generation *found = NULL;
    generations_init(&gens, 3);
    for (uint64_t version = 1; version <= 5; version++) put(0, 1, 10 * version, "state");

    cr_assert(generations_find_version(&gens, 0, 1, 40, false, &found) == STATUS_OK);
    cr_assert(found->version == 40);
    cr_assert(generations_find_version(&gens, 0, 1, 45, false, &found) == STATUS_NOT_FOUND);
    cr_assert(generations_find_version(&gens, 0, 1, 45, true, &found) == STATUS_OK);
    cr_assert(found->version == 40);
    cr_assert(generations_find_version(&gens, 0, 1, 29, true, &found) == STATUS_NOT_FOUND);
    cr_assert(generations_find_version(&gens, 0, 2, 40, true, &found) == STATUS_NOT_FOUND);
}

Test(generations, the_list_tells_them_newest_first, .timeout = 5, .fini = fini) {
    struct generation_info notes[GENERATIONS_KEPT_MAX];
    generations_init(&gens, 3);
    cr_assert(generations_list(&gens, 0, 1, notes) == 0);
    for (uint64_t version = 1; version <= 4; version++) put(0, 1, version, "state");
    cr_assert(generations_list(&gens, 0, 1, notes) == 3);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(notes[i].version == 4 - i);
        cr_assert(notes[i].turn == TURN_OF(4 - i));
        cr_assert(notes[i].at_ms == 1004 - i);
        cr_assert(notes[i].bytes == 5);
    }
    cr_assert(generations_list(&gens, 0, 2, notes) == 0);
}

Test(generations, another_unit_in_the_slot_starts_anew, .timeout = 5, .fini = fini) {
    generations_init(&gens, 2);
    put(4, 1, 1, "one");
    put(4, 1, 2, "two");
    put(4, 2, 1, "other");
    cr_assert(find(4, 1, 0) == STATUS_NOT_FOUND);
    expect(4, 2, 0, 1, "other");
    cr_assert(find(4, 2, 1) == STATUS_NOT_FOUND);
    expect_counts(1, 1, 5);
}

Test(generations, forget_spares_another_unit, .timeout = 5, .fini = fini) {
    generations_init(&gens, 2);
    put(4, 2, 1, "kept");
    generations_forget(&gens, 4, 1);
    expect(4, 2, 0, 1, "kept");
    generations_forget(&gens, 4, 2);
    cr_assert(find(4, 2, 0) == STATUS_NOT_FOUND);
    expect_counts(0, 0, 0);
    put(4, 2, 2, "again");
    expect(4, 2, 0, 2, "again");
    cr_assert(find(4, 2, 1) == STATUS_NOT_FOUND);
}

Test(generations, slots_far_apart_do_not_disturb_each_other, .timeout = 5, .fini = fini) {
    static const uint32_t SLOTS[] = {0, 1, SEGMENT_SLOTS - 1, SEGMENT_SLOTS, 5000000, UINT32_MAX};

    generations_init(&gens, 2);
    for (uint32_t i = 0; i < 6; i++) put(SLOTS[i], i, i, "state");
    for (uint32_t i = 0; i < 6; i++) expect(SLOTS[i], i, 0, i, "state");
    expect_counts(6, 6, 30);
}

Test(generations, a_damaged_byte_is_noticed_and_the_one_before_still_read, .timeout = 5,
     .fini = fini) {
    generations_init(&gens, 2);
    put(0, 1, 1, "before");
    put(0, 1, 2, "newest");

    const struct generation *found = NULL;
    cr_assert(generations_find(&gens, 0, 1, 0, &found) == STATUS_OK);
    struct generation *damaged = (struct generation *)found;

    damaged->state[3] ^= 1;
    cr_assert(find(0, 1, 0) == STATUS_INTERNAL);
    damaged->state[3] ^= 1;
    cr_assert(find(0, 1, 0) == STATUS_OK);
    damaged->version++;
    cr_assert(find(0, 1, 0) == STATUS_INTERNAL);
    damaged->version--;
    uint32_t bytes = damaged->bytes;
    damaged->bytes = UINT32_MAX;
    cr_assert(find(0, 1, 0) == STATUS_INTERNAL);
    damaged->bytes = bytes;
    damaged->checksum ^= 1u << 31;
    cr_assert(find(0, 1, 0) == STATUS_INTERNAL);
    expect(0, 1, 1, 1, "before");
}

#ifdef CAN_REFUSE_MEMORY
static char large[3000];

static void refuse_large(int times) {
    memset(large, 'L', sizeof large - 1);
    refused_from = 3000;
    refusals_left = times;
}

Test(generations, the_newest_state_takes_the_memory_of_those_before, .timeout = 5, .fini = fini) {
    generations_init(&gens, 2);
    put(0, 1, 1, "one");
    put(0, 1, 2, "two");
    refuse_large(1);
    put(0, 1, 3, large);
    expect(0, 1, 0, 3, large);
    cr_assert(find(0, 1, 1) == STATUS_NOT_FOUND);
    expect_counts(1, 1, sizeof large - 1);
}

Test(generations, without_memory_no_older_state_passes_for_the_newest, .timeout = 5, .fini = fini) {
    generations_init(&gens, 2);
    put(0, 1, 1, "one");
    put(0, 1, 2, "two");
    refuse_large(2);
    cr_assert(try_put(0, 1, 3, text(large)) == STATUS_NO_MEMORY);
    cr_assert(find(0, 1, 0) == STATUS_NO_MEMORY);
    cr_assert(find(0, 2, 0) == STATUS_NOT_FOUND);
    expect_counts(0, 0, 0);

    put(0, 1, 4, "four");
    expect(0, 1, 0, 4, "four");
    cr_assert(find(0, 1, 1) == STATUS_NOT_FOUND);
}

Test(generations, a_lost_state_can_be_forgotten_and_its_slot_used, .timeout = 5, .fini = fini) {
    generations_init(&gens, 2);
    put(1, 1, 1, "neighbour, which has the segment made");
    refuse_large(4);
    cr_assert(try_put(0, 1, 1, text(large)) == STATUS_NO_MEMORY);
    generations_forget(&gens, 0, 1);
    cr_assert(find(0, 1, 0) == STATUS_NOT_FOUND);

    cr_assert(try_put(0, 1, 1, text(large)) == STATUS_NO_MEMORY);
    put(0, 2, 1, "next tenant");
    expect(0, 2, 0, 1, "next tenant");
}

Test(generations, without_memory_for_the_slot_itself_reads_say_so, .timeout = 5, .fini = fini) {
    generations_init(&gens, 2);
    put(0, 1, 1, "placed");
    refused_from = 60000;
    refusals_left = 2;
    cr_assert(try_put(5000, 7, 1, text("x")) == STATUS_NO_MEMORY);
    cr_assert(find(5000, 7, 0) == STATUS_NO_MEMORY);
    expect(0, 1, 0, 1, "placed");

    cr_assert(generations_adopt(&gens, 5000, 7, 0, filled(2, text("x"))) == STATUS_NO_MEMORY);

    put(5000, 7, 3, "placed now");
    expect(5000, 7, 0, 3, "placed now");
}

Test(generations, create_answers_null_without_memory, .timeout = 5) {
    refuse_large(1);
    cr_assert_null(generation_create(3000));
}
#endif
