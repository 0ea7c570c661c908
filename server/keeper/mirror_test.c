// pthread_setattr_default_np and memmem.
#define _GNU_SOURCE

#include "keeper/mirror.h"

#include "base/tables_delta.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define QUEUE_BYTES (64u << 10)
#define HEAP_BYTES_MAX (256u << 10)

// Takes the place of the C library's allocator, to refuse on demand. The sanitizers bring their
// own.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CAN_REFUSE_MEMORY 1

extern void *__libc_malloc(size_t bytes);
extern void *__libc_memalign(size_t align, size_t bytes);

static _Atomic size_t refused_from = SIZE_MAX; // bytes of one allocation
static _Atomic bool   refuse_aligned;

void *malloc(size_t bytes) {
    return bytes >= refused_from ? NULL : __libc_malloc(bytes);
}

void *aligned_alloc(size_t align, size_t bytes) {
    return refuse_aligned ? NULL : __libc_memalign(align, bytes);
}
#endif

static struct mirror *mirror;
static sem_t          room; // posted by on_room

static void on_room(void *context) {
    sem_post(context);
}

static struct mirror_options options_with(uint32_t generations) {
    return (struct mirror_options){.generations = generations,
                                   .queue_bytes = QUEUE_BYTES,
                                   .heap_bytes_max = HEAP_BYTES_MAX,
                                   .on_room = on_room,
                                   .context = &room};
}

static void start(uint32_t generations) {
    struct mirror_options options = options_with(generations);
    sem_init(&room, 0, 0);
    cr_assert(mirror_create(&options, &mirror) == STATUS_OK);
}

static void stop(void) {
    mirror_destroy(mirror);
    sem_destroy(&room);
}

static void await(sem_t *sem) {
    while (sem_wait(sem) != 0) cr_assert(errno == EINTR);
}

// ---- reads that wait

struct request {
    struct mirror_read read;
    sem_t              done;
};

static void on_done(struct mirror_read *read) {
    sem_post(&LIST_ENTRY(read, struct request, read)->done);
}

static void request_init(struct request *request, uint32_t slot, uint64_t unit, uint32_t back) {
    *request =
        (struct request){.read = {.slot = slot, .unit = unit, .back = back, .on_done = on_done}};
    sem_init(&request->done, 0, 0);
}

// Flushes, waits and compares; frees the state.
static void request_expect(struct request *request, uint64_t version, const void *state,
                           size_t bytes) {
    mirror_flush(mirror);
    await(&request->done);
    cr_assert(request->read.status == STATUS_OK, "%s", status_name(request->read.status));
    cr_assert(request->read.version == version, "%" PRIu64, request->read.version);
    cr_assert(request->read.turn == 9000 + version);
    cr_assert(request->read.at_ms == 5000 + version);
    cr_assert(request->read.bytes == bytes);
    if (bytes > 0) cr_assert(memcmp(request->read.state, state, bytes) == 0);
    free(request->read.state);
    sem_destroy(&request->done);
}

static void expect(uint32_t slot, uint64_t unit, uint32_t back, uint64_t version,
                   const char *state) {
    struct request request;
    request_init(&request, slot, unit, back);
    cr_assert(mirror_read(mirror, &request.read) == STATUS_OK);
    request_expect(&request, version, state, strlen(state));
}

static enum status read_status(uint32_t slot, uint64_t unit, uint32_t back) {
    struct request request;
    request_init(&request, slot, unit, back);
    cr_assert(mirror_read(mirror, &request.read) == STATUS_OK);
    mirror_flush(mirror);
    await(&request.done);
    if (request.read.status != STATUS_OK) {
        cr_assert_null(request.read.state);
        cr_assert(request.read.bytes == 0);
        cr_assert(request.read.version == 0);
    }
    free(request.read.state);
    sem_destroy(&request.done);
    return request.read.status;
}

static enum status try_put(uint32_t slot, uint64_t unit, uint64_t version, const void *state,
                           size_t bytes) {
    struct generation_origin origin = {.slot = slot,
                                       .unit = unit,
                                       .version = version,
                                       .turn = 9000 + version,
                                       .at_ms = 5000 + version};
    return mirror_put(mirror, &origin, slice_of(state, bytes));
}

static void put(uint32_t slot, uint64_t unit, uint64_t version, const char *state) {
    cr_assert(try_put(slot, unit, version, state, strlen(state)) == STATUS_OK);
}

// ---- holding the mirror thread, so that the queue fills for certain

struct gate {
    struct mirror_read read;
    sem_t              entered;
    sem_t              open;
};

static void hold(struct mirror_read *read) {
    struct gate *gate = LIST_ENTRY(read, struct gate, read);
    sem_post(&gate->entered);
    await(&gate->open);
}

static void gate_close(struct gate *gate) {
    *gate = (struct gate){.read = {.on_done = hold}};
    sem_init(&gate->entered, 0, 0);
    sem_init(&gate->open, 0, 0);
    cr_assert(mirror_read(mirror, &gate->read) == STATUS_OK);
    mirror_flush(mirror);
    await(&gate->entered);
}

static uint32_t fill_queue(void) {
    char     state[1000] = {0};
    uint32_t count = 0;
    while (try_put(0, 1, count, state, sizeof state) == STATUS_OK) count++;
    return count;
}

// ---- storing and reading

Test(mirror, a_read_after_a_put_sees_it, .timeout = 5, .fini = stop) {
    start(2);
    put(7, 70, 1, "state");
    expect(7, 70, 0, 1, "state");
}

Test(mirror, each_read_sees_what_was_put_before_it_and_nothing_after, .timeout = 5, .fini = stop) {
    struct request requests[3];

    start(1);
    for (uint32_t i = 0; i < 3; i++) {
        put(1, 1, i, i == 0 ? "a" : i == 1 ? "bb" : "ccc");
        request_init(&requests[i], 1, 1, 0);
        cr_assert(mirror_read(mirror, &requests[i].read) == STATUS_OK);
    }
    request_expect(&requests[2], 2, "ccc", 3);
    request_expect(&requests[1], 1, "bb", 2);
    request_expect(&requests[0], 0, "a", 1);
}

Test(mirror, a_unit_without_states_is_not_found, .timeout = 5, .fini = stop) {
    start(2);
    cr_assert(read_status(0, 1, 0) == STATUS_NOT_FOUND);
    put(0, 1, 1, "x");
    cr_assert(read_status(0, 2, 0) == STATUS_NOT_FOUND);
    cr_assert(read_status(99999999, 1, 0) == STATUS_NOT_FOUND);
}

Test(mirror, keeps_the_last_generations_and_no_more, .timeout = 5, .fini = stop) {
    start(3);
    for (uint64_t version = 1; version <= 5; version++) put(2, 8, version, &"12345"[5 - version]);
    expect(2, 8, 0, 5, "12345");
    expect(2, 8, 1, 4, "2345");
    expect(2, 8, 2, 3, "345");
    cr_assert(read_status(2, 8, 3) == STATUS_NOT_FOUND);
}

Test(mirror, forget_frees_the_unit_and_no_other, .timeout = 5, .fini = stop) {
    start(2);
    put(1, 10, 1, "ten");
    put(2, 20, 1, "twenty");
    cr_assert(mirror_forget(mirror, 1, 10) == STATUS_OK);
    cr_assert(mirror_forget(mirror, 2, 10) == STATUS_OK);
    cr_assert(read_status(1, 10, 0) == STATUS_NOT_FOUND);
    expect(2, 20, 0, 1, "twenty");
}

Test(mirror, the_first_put_of_another_unit_forgets_the_one_before, .timeout = 5, .fini = stop) {
    start(2);
    put(1, 10, 1, "old");
    put(1, 11, 1, "new");
    cr_assert(read_status(1, 10, 0) == STATUS_NOT_FOUND);
    cr_assert(read_status(1, 11, 1) == STATUS_NOT_FOUND);
    expect(1, 11, 0, 1, "new");
}

Test(mirror, an_empty_state_is_read_as_null, .timeout = 5, .fini = stop) {
    struct request request;

    start(2);
    cr_assert(try_put(0, 1, 1, NULL, 0) == STATUS_OK);
    request_init(&request, 0, 1, 0);
    cr_assert(mirror_read(mirror, &request.read) == STATUS_OK);
    request_expect(&request, 1, NULL, 0);
    cr_assert_null(request.read.state);
}

Test(mirror, states_of_every_size_come_back_whole, .timeout = 20, .fini = stop) {
    static const size_t SIZES[] = {1,    2,    7,    8,     9,      31,      4095,    4096,
                                   4097, 8192, 9000, 65536, 100000, 1 << 20, 8 << 20, 3};
    uint8_t            *state = malloc(8 << 20);
    for (size_t i = 0; i < 8 << 20; i++) state[i] = (uint8_t)(i * 2654435761u >> 13);

    start(2);
    for (uint32_t i = 0; i < 16; i++) {
        struct request request;
        cr_assert(try_put(4, 1, i, state + i, SIZES[i] - (i == 14 ? 14 : 0)) == STATUS_OK);
        request_init(&request, 4, 1, 0);
        cr_assert(mirror_read(mirror, &request.read) == STATUS_OK);
        request_expect(&request, i, state + i, SIZES[i] - (i == 14 ? 14 : 0));
    }
    free(state);
}

Test(mirror, puts_alone_are_handled_after_a_flush, .timeout = 5, .fini = stop) {
    struct mirror_counts counts;

    start(2);
    for (uint64_t i = 1; i <= 50; i++) {
        put(0, 1, i, "x");
        mirror_flush(mirror);
        // Nothing hurries the thread here: it must come round from its nap, deep or not.
        do {
            sched_yield();
            mirror_counts(mirror, &counts);
        } while (counts.puts < i || counts.queue_bytes > 0);
    }
}

Test(mirror, counts_what_it_holds, .timeout = 5, .fini = stop) {
    struct mirror_counts counts;

    start(2);
    put(1, 1, 1, "a");
    put(1, 1, 2, "bb");
    put(1, 1, 3, "ccc");
    put(2, 2, 1, "dddd");
    put(3, 3, 1, "eeeee");
    cr_assert(mirror_forget(mirror, 3, 3) == STATUS_OK);
    expect(2, 2, 0, 1, "dddd");
    mirror_counts(mirror, &counts);
    cr_assert(counts.units == 2);
    cr_assert(counts.generations == 3);
    cr_assert(counts.state_bytes == 2 + 3 + 4);
    cr_assert(counts.puts == 5);
}

// ---- limits

Test(mirror, after_full_on_room_comes_once_and_then_a_put_works, .timeout = 5, .fini = stop) {
    struct gate          gate;
    struct mirror_counts counts;

    start(2);
    gate_close(&gate);
    uint32_t count = fill_queue();
    cr_assert(count > 50);
    mirror_counts(mirror, &counts);
    cr_assert(counts.queue_bytes > QUEUE_BYTES - 2000);

    // Neither a flush nor another put helps the thread along.
    sem_post(&gate.open);
    await(&room);
    mirror_counts(mirror, &counts);
    cr_assert(counts.queue_bytes <= QUEUE_BYTES / 2);
    put(0, 1, count, "last");
    expect(0, 1, 0, count, "last");
    cr_assert(sem_trywait(&room) != 0);
}

Test(mirror, every_full_earns_its_on_room, .timeout = 20, .fini = stop) {
    start(2);
    for (uint32_t i = 0; i < 300; i++) {
        fill_queue();
        await(&room);
    }
}

Test(mirror, forget_and_read_are_refused_when_full, .timeout = 5, .fini = stop) {
    struct gate    gate;
    struct request request;

    start(2);
    gate_close(&gate);
    fill_queue();
    request_init(&request, 0, 1, 0);
    while (try_put(0, 1, 1, NULL, 0) == STATUS_OK) continue;
    cr_assert(mirror_forget(mirror, 0, 1) == STATUS_FULL);
    cr_assert(mirror_read(mirror, &request.read) == STATUS_FULL);
    sem_post(&gate.open);
    await(&room);
    cr_assert(mirror_forget(mirror, 0, 1) == STATUS_OK);
    cr_assert(read_status(0, 1, 0) == STATUS_NOT_FOUND);
}

Test(mirror, large_states_that_wait_are_bounded_but_one_always_passes, .timeout = 5, .fini = stop) {
    struct gate gate;
    uint8_t    *state = calloc(1, HEAP_BYTES_MAX + 1);

    start(1);
    cr_assert(try_put(0, 1, 1, state, HEAP_BYTES_MAX + 1) == STATUS_OK);
    cr_assert(read_status(0, 1, 0) == STATUS_OK);

    gate_close(&gate);
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert(try_put(0, 1, i, state, HEAP_BYTES_MAX / 4) == STATUS_OK);
    }
    cr_assert(try_put(0, 1, 4, state, HEAP_BYTES_MAX / 4) == STATUS_FULL);
    put(0, 1, 5, "small ones still pass");
    sem_post(&gate.open);
    await(&room);
    cr_assert(try_put(0, 1, 6, state, HEAP_BYTES_MAX / 4) == STATUS_OK);
    struct request request;
    request_init(&request, 0, 1, 0);
    cr_assert(mirror_read(mirror, &request.read) == STATUS_OK);
    request_expect(&request, 6, state, HEAP_BYTES_MAX / 4);
    free(state);
}

// ---- damage

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Flips one bit wherever `pattern` lies in writable memory, but for the test's own copy.
static uint32_t damage(const uint8_t *pattern, size_t bytes) {
    FILE    *maps = fopen("/proc/self/maps", "r");
    char     line[512], rights[5];
    uint64_t from, to;
    uint32_t count = 0;

    cr_assert_not_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, rights) != 3) continue;
        if (strncmp(rights, "rw", 2) != 0) continue;
        uint8_t *at = (uint8_t *)from;
        while ((at = memmem(at, to - (uint64_t)at, pattern, bytes)) != NULL) {
            if (at != pattern) {
                at[bytes / 2] ^= 0x10;
                count++;
            }
            at += bytes;
        }
    }
    fclose(maps);
    return count;
}

Test(mirror, a_damaged_state_is_never_handed_out, .timeout = 10, .fini = stop) {
    static uint8_t pattern[64];
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (uint8_t)(200 - 3 * i);

    start(2);
    put(0, 1, 1, "before");
    cr_assert(try_put(0, 1, 2, pattern, sizeof pattern) == STATUS_OK);
    cr_assert(read_status(0, 1, 0) == STATUS_OK);
    cr_assert(damage(pattern, sizeof pattern) > 0);
    cr_assert(read_status(0, 1, 0) == STATUS_INTERNAL);
    expect(0, 1, 1, 1, "before");
}
#endif

// ---- up and down

Test(mirror, destroy_handles_what_was_queued_flushed_or_not, .timeout = 5) {
    struct request requests[40];

    start(2);
    for (uint32_t i = 0; i < 40; i++) {
        put(i, 1, i, "queued");
        request_init(&requests[i], i, 1, 0);
        cr_assert(mirror_read(mirror, &requests[i].read) == STATUS_OK);
        if (i == 20) mirror_flush(mirror);
    }
    uint8_t *large = calloc(1, 100000);
    cr_assert(try_put(41, 1, 1, large, 100000) == STATUS_OK);
    free(large);
    stop();
    for (uint32_t i = 0; i < 40; i++) {
        cr_assert(sem_trywait(&requests[i].done) == 0);
        cr_assert(requests[i].read.status == STATUS_OK);
        cr_assert(requests[i].read.bytes == 6);
        free(requests[i].read.state);
    }
}

// ---- tables

struct visit {
    struct mirror_visit visit;
    sem_t               done;
    enum status         status;
    uint32_t            rows; // of the table "t"
};

static void on_visit(struct mirror_visit *base, enum status status, const struct tables *tables) {
    struct visit *visit = LIST_ENTRY(base, struct visit, visit);
    visit->status = status;
    cr_assert((tables != NULL) == (status == STATUS_OK));
    struct table *table = tables == NULL ? NULL : tables_find(tables, slice_of("t", 1));
    visit->rows = table == NULL ? 0 : table_count(table);
    sem_post(&visit->done);
}

static struct visit visit_of(uint32_t slot, uint64_t unit) {
    struct visit visit = {.visit = {.slot = slot, .unit = unit, .on_visit = on_visit}};
    sem_init(&visit.done, 0, 0);
    cr_assert(mirror_visit(mirror, &visit.visit) == STATUS_OK);
    mirror_flush(mirror);
    await(&visit.done);
    sem_destroy(&visit.done);
    return visit;
}

// A delta with one row of `bytes`.
static struct buf one_row(size_t bytes) {
    static const uint8_t value[100000];
    struct buf           delta = {0};
    struct table_op_view select = {.op = TABLE_OP_SELECT, .key = slice_of("t", 1)};
    struct table_op_view put = {
        .op = TABLE_OP_PUT, .key = slice_of("k", 1), .value = slice_of(value, bytes)};
    cr_assert(tables_delta_write(&delta, &select) == STATUS_OK);
    cr_assert(tables_delta_write(&delta, &put) == STATUS_OK);
    return delta;
}

static enum status change(uint32_t slot, uint64_t unit, uint64_t version, struct slice state,
                          size_t row_bytes) {
    struct buf               delta = one_row(row_bytes);
    struct generation_origin origin = {.slot = slot,
                                       .unit = unit,
                                       .version = version,
                                       .turn = 9000 + version,
                                       .at_ms = 5000 + version};
    enum status              status =
        mirror_put_tables(mirror, &origin, state, slice_of(delta.data, delta.bytes));
    buf_fini(&delta);
    return status;
}

Test(mirror, rows_and_state_of_a_turn_are_kept_together, .timeout = 5, .fini = stop) {
    start(2);
    cr_assert(change(3, 30, 1, slice_of("s1", 2), 10) == STATUS_OK);
    expect(3, 30, 0, 1, "s1");
    cr_assert(visit_of(3, 30).rows == 1);
    struct mirror_counts counts;
    mirror_counts(mirror, &counts);
    cr_assert(counts.table_units == 1 && counts.table_bytes > 10);
}

Test(mirror, rows_without_a_state_leave_the_state_as_it_was, .timeout = 5, .fini = stop) {
    start(2);
    put(3, 30, 1, "s1");
    cr_assert(change(3, 30, 2, (struct slice){0}, 10) == STATUS_OK);
    expect(3, 30, 0, 1, "s1");
    cr_assert(visit_of(3, 30).rows == 1);
}

Test(mirror, large_rows_travel_as_a_block, .timeout = 5, .fini = stop) {
    static const uint8_t state[70000];
    start(2);
    cr_assert(change(3, 30, 1, slice_of(state, sizeof state), 90000) == STATUS_OK);
    cr_assert(visit_of(3, 30).rows == 1);
    cr_assert(read_status(3, 30, 0) == STATUS_OK);
    // Its memory counts as handled again, else this would be refused in the end.
    for (uint64_t version = 2; version < 100; version++) {
        while (change(3, 30, version, slice_of(state, sizeof state), 90000) == STATUS_FULL) {
            await(&room);
        }
    }
    cr_assert(visit_of(3, 30).rows == 1);
}

Test(mirror, a_unit_without_tables_is_not_found, .timeout = 5, .fini = stop) {
    start(2);
    put(3, 30, 1, "s1");
    cr_assert(visit_of(3, 30).status == STATUS_NOT_FOUND);
}

Test(mirror, forgetting_a_unit_forgets_its_tables, .timeout = 5, .fini = stop) {
    start(2);
    cr_assert(change(3, 30, 1, slice_of("s1", 2), 10) == STATUS_OK);
    cr_assert(mirror_forget(mirror, 3, 30) == STATUS_OK);
    cr_assert(visit_of(3, 30).status == STATUS_NOT_FOUND);
}

Test(mirror, tables_that_are_not_to_be_kept_go, .timeout = 5, .fini = stop) {
    start(2);
    cr_assert(change(3, 30, 1, slice_of("s1", 2), 10) == STATUS_OK);
    cr_assert(mirror_keep_tables(mirror, 3, 30, slice_of("\x01t", 2)) == STATUS_OK);
    cr_assert(visit_of(3, 30).rows == 1);
    cr_assert(mirror_keep_tables(mirror, 3, 30, (struct slice){0}) == STATUS_OK);
    cr_assert(visit_of(3, 30).rows == 0);
    static const uint8_t names[5000];
    cr_assert(mirror_keep_tables(mirror, 3, 30, slice_of(names, sizeof names)) == STATUS_TOO_LARGE);
}

Test(mirror, destroy_of_null_and_of_an_idle_mirror_is_fine, .timeout = 5) {
    mirror_destroy(NULL);
    start(1);
    stop();
}

Test(mirror, create_answers_io_when_the_system_refuses_the_queue, .timeout = 5) {
    struct mirror_options options = options_with(2);
    struct rlimit         before, none = {0};

    cr_assert(getrlimit(RLIMIT_NOFILE, &before) == 0);
    none.rlim_max = before.rlim_max;
    cr_assert(setrlimit(RLIMIT_NOFILE, &none) == 0);
    enum status status = mirror_create(&options, &mirror);
    cr_assert(setrlimit(RLIMIT_NOFILE, &before) == 0);
    cr_assert(status == STATUS_IO);
}

Test(mirror, create_answers_no_memory_without_a_thread, .timeout = 5) {
    struct mirror_options options = options_with(2);
    pthread_attr_t        attributes;

    // No address space can hold a stack of this size.
    cr_assert(pthread_attr_init(&attributes) == 0);
    cr_assert(pthread_attr_setstacksize(&attributes, (size_t)1 << 50) == 0);
    cr_assert(pthread_setattr_default_np(&attributes) == 0);
    cr_assert(mirror_create(&options, &mirror) == STATUS_NO_MEMORY);
}

#ifdef CAN_REFUSE_MEMORY
Test(mirror, create_answers_no_memory, .timeout = 5) {
    struct mirror_options options = options_with(2);
    refuse_aligned = true;
    cr_assert(mirror_create(&options, &mirror) == STATUS_NO_MEMORY);
}

Test(mirror, put_answers_no_memory_and_queues_nothing, .timeout = 5, .fini = stop) {
    uint8_t *state = calloc(1, 50000);

    start(2);
    put(0, 1, 1, "before");
    refused_from = 50000;
    cr_assert(try_put(0, 1, 2, state, 50000) == STATUS_NO_MEMORY);
    expect(0, 1, 0, 1, "before");
    refused_from = SIZE_MAX;
    free(state);
}

Test(mirror, read_answers_no_memory_and_the_state_stays, .timeout = 5, .fini = stop) {
    uint8_t *state = calloc(1, 50000);

    start(2);
    cr_assert(try_put(0, 1, 1, state, 50000) == STATUS_OK);
    cr_assert(read_status(0, 1, 0) == STATUS_OK);
    refused_from = 50000;
    cr_assert(read_status(0, 1, 0) == STATUS_NO_MEMORY);
    refused_from = SIZE_MAX;
    cr_assert(read_status(0, 1, 0) == STATUS_OK);
    free(state);
}

Test(mirror, a_put_that_finds_no_memory_later_shows_in_reads, .timeout = 5, .fini = stop) {
    char state[3000] = {0};

    start(2);
    put(0, 1, 1, "before");
    cr_assert(read_status(0, 1, 0) == STATUS_OK);
    refused_from = 3000;
    cr_assert(try_put(0, 1, 2, state, sizeof state) == STATUS_OK);
    cr_assert(read_status(0, 1, 0) == STATUS_NO_MEMORY);
    refused_from = SIZE_MAX;
    put(0, 1, 3, "after");
    expect(0, 1, 0, 3, "after");
}
#endif

// ---- generations by their versions

Test(mirror, a_read_may_want_a_version_and_is_told_which_there_are, .timeout = 5, .fini = stop) {
    struct generation_info notes[GENERATIONS_KEPT_MAX];
    struct request         request;
    char                   large[8192];
    start(2);
    memset(large, 'l', sizeof large);
    cr_assert(try_put(1, 1, 1, "one", 3) == STATUS_OK);
    cr_assert(try_put(1, 1, 2, large, sizeof large) == STATUS_OK);

    request_init(&request, 1, 1, 0);
    request.read.wanted = 1;
    request.read.notes = notes;
    cr_assert(mirror_read(mirror, &request.read) == STATUS_OK);
    request_expect(&request, 1, "one", 3);
    cr_assert(request.read.note_count == 2);
    cr_assert(notes[0].version == 2 && notes[0].bytes == sizeof large && notes[0].turn == 9002);
    cr_assert(notes[1].version == 1 && notes[1].bytes == 3);

    request_init(&request, 1, 1, 0);
    request.read.wanted = 3;
    request.read.notes = notes;
    cr_assert(mirror_read(mirror, &request.read) == STATUS_OK);
    mirror_flush(mirror);
    await(&request.done);
    cr_assert(request.read.status == STATUS_NOT_FOUND);
    cr_assert(request.read.note_count == 2);
    sem_destroy(&request.done);

    request_init(&request, 1, 1, 0);
    request.read.wanted = 3;
    request.read.or_before = true;
    cr_assert(mirror_read(mirror, &request.read) == STATUS_OK);
    request_expect(&request, 2, large, sizeof large);
}

Test(mirror, a_put_says_how_many_its_unit_keeps, .timeout = 5, .fini = stop) {
    start(2);
    for (uint64_t version = 1; version <= 5; version++) {
        struct generation_origin origin = {.slot = 1,
                                           .kept = 4,
                                           .unit = 1,
                                           .version = version,
                                           .turn = 9000 + version,
                                           .at_ms = 5000 + version};
        cr_assert(mirror_put(mirror, &origin, slice_of("kept", 4)) == STATUS_OK);
    }
    expect(1, 1, 3, 2, "kept");
    cr_assert(read_status(1, 1, 4) == STATUS_NOT_FOUND);
}
