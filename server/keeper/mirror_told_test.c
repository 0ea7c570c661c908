// What the mirror tells of units that somebody watches, and the histories it answers.
#include "keeper/mirror.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mirror *mirror;

static void await(sem_t *sem) {
    while (sem_wait(sem) != 0) cr_assert(errno == EINTR);
}

static void stop(void) {
    mirror_destroy(mirror);
}

static struct generation_origin origin_of(uint64_t unit, uint64_t version) {
    return (struct generation_origin){.slot = 3,
                                      .unit = unit,
                                      .version = version,
                                      .turn = 9000 + version,
                                      .at_ms = 5000 + version};
}

static void put(uint64_t unit, uint64_t version, const char *state) {
    struct generation_origin origin = origin_of(unit, version);
    cr_assert(mirror_put(mirror, &origin, slice_of(state, strlen(state))) == STATUS_OK);
}

// ---- what is told of watched units

static struct told {
    enum mirror_change_kind kind;
    uint64_t                unit, version;
    char                    name[16], state[32], old[32], reason[32];
    bool                    has_state, has_old;
    size_t                  state_bytes;
} told[16];
static uint32_t told_count;

static void copy_text(char *to, size_t bytes_max, struct slice from) {
    snprintf(to, bytes_max, "%.*s", (int)(from.bytes < 1000 ? from.bytes : 0),
             (const char *)from.data);
}

static void on_change(void *context, const struct mirror_change *change) {
    (void)context;
    cr_assert(told_count < 16);
    struct told *at = &told[told_count++];
    cr_assert(change->incarnation == change->unit + 100);
    *at = (struct told){.kind = change->kind,
                        .unit = change->unit,
                        .version = change->version,
                        .has_state = change->has_state,
                        .has_old = change->has_old,
                        .state_bytes = change->state.bytes};
    copy_text(at->name, sizeof at->name, change->name);
    copy_text(at->state, sizeof at->state, change->state);
    copy_text(at->old, sizeof at->old, change->old);
    copy_text(at->reason, sizeof at->reason, change->reason);
}

static void start_told(uint32_t generations) {
    struct mirror_options options = {.generations = generations,
                                     .queue_bytes = 64u << 10,
                                     .heap_bytes_max = 256u << 10,
                                     .on_change = on_change};
    told_count = 0;
    cr_assert(mirror_create(&options, &mirror) == STATUS_OK);
}

static void put_watched(uint64_t unit, uint64_t version, struct slice state, bool with_old) {
    struct generation_origin origin = origin_of(unit, version);
    struct mirror_watched    watched = {3, unit, unit + 100, slice_of("cart", 4), with_old};
    cr_assert(mirror_tell_next(mirror, &watched) == STATUS_OK);
    cr_assert(mirror_put(mirror, &origin, state) == STATUS_OK);
}

static enum status end_unit(const char *reason) {
    struct mirror_ending ending = {.kind = MIRROR_ENDED,
                                   .slot = 3,
                                   .unit = 1,
                                   .incarnation = 101,
                                   .name = slice_of("cart", 4),
                                   .reason = slice_of(reason, strlen(reason))};
    return mirror_end(mirror, &ending);
}

struct reader {
    struct mirror_read read;
    sem_t              done;
};

static void on_read(struct mirror_read *read) {
    sem_post(&LIST_ENTRY(read, struct reader, read)->done);
}

// Until the mirror has handled all that was put; the newest version of unit 1.
static uint64_t catch_up(void) {
    struct reader reader = {.read = {.slot = 3, .unit = 1, .on_done = on_read}};
    sem_init(&reader.done, 0, 0);
    cr_assert(mirror_read(mirror, &reader.read) == STATUS_OK);
    mirror_flush(mirror);
    await(&reader.done);
    sem_destroy(&reader.done);
    free(reader.read.state);
    return reader.read.version;
}

Test(mirror_told, tells_a_change_of_a_watched_unit_and_nothing_where_the_bytes_are_the_same,
     .timeout = 5, .fini = stop) {
    start_told(1);
    put_watched(1, 1, slice_of("a", 1), true);
    put_watched(1, 2, slice_of("a", 1), true);
    put_watched(1, 3, slice_of("b", 1), true);
    put_watched(1, 4, slice_of("c", 1), false);
    put(1, 5, "d");
    put_watched(1, 6, slice_of("e", 1), true);
    (void)catch_up();
    cr_assert(told_count == 4);
    cr_assert(told[0].version == 1 && !told[0].has_old && strcmp(told[0].state, "a") == 0);
    cr_assert(told[1].version == 3 && told[1].has_old && strcmp(told[1].old, "a") == 0);
    cr_assert(strcmp(told[1].state, "b") == 0 && strcmp(told[1].name, "cart") == 0);
    cr_assert(told[2].version == 4 && !told[2].has_old);
    cr_assert(told[3].version == 6 && strcmp(told[3].old, "d") == 0);
    cr_assert(catch_up() == 6);
}

Test(mirror_told, the_first_state_of_another_unit_in_the_slot_has_none_before, .timeout = 5,
     .fini = stop) {
    start_told(2);
    put_watched(1, 1, slice_of("a", 1), true);
    put_watched(2, 1, slice_of("a", 1), true);
    (void)catch_up();
    cr_assert(told_count == 2 && told[1].unit == 2 && !told[1].has_old);
}

Test(mirror_told, tells_of_a_state_that_travels_as_a_block, .timeout = 5, .fini = stop) {
    static uint8_t large[10000];
    start_told(2);
    put_watched(1, 1, slice_of(large, sizeof large), true);
    put_watched(1, 2, slice_of(large, sizeof large), true);
    put_watched(1, 3, slice_of(large, sizeof large - 1), true);
    (void)catch_up();
    cr_assert(told_count == 2);
    cr_assert(told[0].state_bytes == sizeof large && strcmp(told[0].name, "cart") == 0);
    cr_assert(told[1].version == 3 && told[1].has_old);
}

Test(mirror_told, tells_an_end_with_the_last_state_after_the_changes_and_before_it_is_forgotten,
     .timeout = 5, .fini = stop) {
    start_told(2);
    put_watched(1, 1, slice_of("a", 1), false);
    cr_assert(end_unit("why") == STATUS_OK);
    cr_assert(mirror_forget(mirror, 3, 1) == STATUS_OK);
    cr_assert(end_unit("") == STATUS_OK);
    (void)catch_up();
    cr_assert(told_count == 3);
    cr_assert(told[1].kind == MIRROR_ENDED && strcmp(told[1].reason, "why") == 0);
    cr_assert(told[1].has_state && told[1].version == 1 && strcmp(told[1].state, "a") == 0);
    cr_assert(told[2].kind == MIRROR_ENDED && !told[2].has_state);
}

// ---- histories

struct past {
    struct mirror_history history;
    sem_t                 done;
};

static void on_history(struct mirror_history *history) {
    sem_post(&LIST_ENTRY(history, struct past, history)->done);
}

static void ask_history(struct past *past, uint64_t unit, uint64_t from, size_t bytes_max) {
    *past = (struct past){
        .history = {
            .slot = 3, .unit = unit, .from = from, .bytes_max = bytes_max, .on_done = on_history}};
    sem_init(&past->done, 0, 0);
    cr_assert(mirror_history(mirror, &past->history) == STATUS_OK);
    mirror_flush(mirror);
    await(&past->done);
    sem_destroy(&past->done);
}

static void past_is(const struct mirror_history *history, uint64_t first, uint64_t last) {
    cr_assert(history->status == STATUS_OK);
    cr_assert(history->count == last - first + 1, "%u", history->count);
    for (uint32_t i = 0; i < history->count; i++) {
        char text[8];
        int  bytes = snprintf(text, sizeof text, "v%d", (int)(first + i));
        cr_assert(history->states[i].version == first + i);
        cr_assert(history->states[i].at_ms == 5000 + first + i);
        cr_assert(history->states[i].state.bytes == (size_t)bytes);
        cr_assert(memcmp(history->states[i].state.data, text, (size_t)bytes) == 0);
    }
    free(history->data);
}

Test(mirror_told, a_history_has_what_is_kept_from_a_version_on_and_the_one_before, .timeout = 5,
     .fini = stop) {
    struct past past;
    start_told(4);
    for (uint64_t version = 1; version <= 9; version++) {
        char text[8];
        snprintf(text, sizeof text, "v%d", (int)version);
        put(1, version, text);
    }
    ask_history(&past, 1, 1, 1000);
    past_is(&past.history, 6, 9);
    ask_history(&past, 1, 8, 1000);
    past_is(&past.history, 7, 9);
    ask_history(&past, 1, 9, 1000);
    past_is(&past.history, 8, 9);
    ask_history(&past, 1, 500, 1000);
    past_is(&past.history, 9, 9);
    ask_history(&past, 1, 1, 5);
    past_is(&past.history, 8, 9);
    ask_history(&past, 1, 1, 0);
    past_is(&past.history, 9, 9);
    ask_history(&past, 2, 1, 1000);
    cr_assert(past.history.status == STATUS_NOT_FOUND && past.history.count == 0);
    cr_assert_null(past.history.data);
}

Test(mirror_told, one_that_was_said_to_be_told_is_that_of_its_unit, .timeout = 5, .fini = stop) {
    start_told(2);
    struct mirror_watched watched = {3, 1, 101, slice_of("cart", 4), false};
    cr_assert(mirror_tell_next(mirror, &watched) == STATUS_OK);
    put(2, 1, "another's");
    put(1, 1, "mine");
    put(1, 2, "mine and not told");
    (void)catch_up();
    cr_assert(told_count == 1 && strcmp(told[0].state, "mine") == 0);
}
