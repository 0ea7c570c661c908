#include "keeper/worker.h"

#include "keeper/actor.h"

#include <criterion/criterion.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct worker worker;
static struct actor  actor;

static void begin(void) {
    cr_assert(worker_init(&worker) == STATUS_OK);
    actor = (struct actor){.text.here = {'n', 'a', 'm', 'e'},
                           .name_bytes = 4,
                           .slot = 5,
                           .generation = 2,
                           .epoch = 9,
                           .behaviour = 3};
}

static void end(void) {
    worker_fini(&worker);
}

TestSuite(worker, .init = begin, .fini = end, .timeout = 10);

static struct slice raw(const char *text) {
    return slice_of(text, strlen(text));
}

static bool same(struct slice a, struct slice b) {
    return a.bytes == b.bytes && memcmp(a.data, b.data, a.bytes) == 0;
}

static struct turn turn_of(enum turn_kind kind, const char *payload) {
    static uint64_t number;
    return (struct turn){.kind = kind, .number = ++number, .payload = raw(payload)};
}

static enum status append(enum turn_kind kind, const char *payload) {
    struct turn turn = turn_of(kind, payload);
    return worker_append(&worker, &actor, &turn);
}

static bool rings(void) {
    struct pollfd look = {.fd = worker.doorbell_host, .events = POLLIN};
    return poll(&look, 1, 0) == 1;
}

Test(worker, a_record_says_whose_turn_it_is_and_what_the_keeper_has_to_remember) {
    struct turn turn = turn_of(TURN_CALL, "hello");
    turn.behaviour = 11;
    turn.attempts = 1;
    turn.caller = (struct caller){.conn = 7, .generation = 8, .request = 99};
    turn.begun_ms = 1234;
    turn.limit_ms = 500;
    cr_assert(worker_append(&worker, &actor, &turn) == STATUS_OK);
    const struct turn_record *record = worker_turn(&worker, 0);
    cr_assert(record->record_bytes % 8 == 0);
    cr_assert(record->record_bytes == worker.head);
    cr_assert(record->kind == TURN_CALL);
    cr_assert(record->flags == 0);
    cr_assert(record->behaviour == 11, "in the host's order, not the actor's");
    cr_assert(record->slot == 5);
    cr_assert(record->epoch == 9);
    cr_assert(record->turn == turn.number);
    cr_assert(record->incarnation == actor_id(&actor));
    cr_assert(record->name_bytes == 0);
    cr_assert(record->state_bytes == 0);
    cr_assert(record->note_begun_ms == 1234);
    cr_assert(record->note_deadline_ms == 500);
    cr_assert(record->note_attempts == 1);
    cr_assert(record->note_void == 0);
    struct caller caller = worker_caller(record);
    cr_assert(caller.conn == 7 && caller.generation == 8 && caller.request == 99);
    cr_assert(same(worker_payload(&worker, record), raw("hello")));
    cr_assert(worker.inflight == 1);
}

Test(worker, the_name_goes_with_an_init_and_with_a_state_only) {
    cr_assert(append(TURN_INIT, "argument") == STATUS_OK);
    struct turn turn = turn_of(TURN_CAST, "message");
    turn.flags = TURN_HAS_STATE;
    turn.state = raw("state");
    uint64_t at = worker.head;
    cr_assert(worker_append(&worker, &actor, &turn) == STATUS_OK);
    const struct turn_record *init = worker_turn(&worker, 0), *loaded = worker_turn(&worker, at);
    cr_assert(memcmp(init + 1, "nameargument", 12) == 0);
    cr_assert(init->name_bytes == 4);
    cr_assert(memcmp(loaded + 1, "namemessagestate", 16) == 0);
    cr_assert(loaded->state_bytes == 5);
    cr_assert(same(worker_payload(&worker, loaded), raw("message")));
}

Test(worker, turns_are_seen_when_they_are_published) {
    cr_assert(append(TURN_CAST, "x") == STATUS_OK);
    cr_assert(atomic_load(&worker.turns_control->head) == 0);
    worker_publish(&worker, false);
    cr_assert(atomic_load(&worker.turns_control->head) == worker.head);
}

Test(worker, a_worker_is_woken_only_if_it_sleeps_and_there_is_something) {
    cr_assert(append(TURN_CAST, "x") == STATUS_OK);
    worker_publish(&worker, false);
    cr_assert(!rings());
    atomic_store(&worker.commits_control->worker_sleep, 1);
    worker_publish(&worker, false);
    cr_assert(!rings());
    cr_assert(append(TURN_CAST, "x") == STATUS_OK);
    worker_publish(&worker, false);
    cr_assert(rings());
}

Test(worker, a_worker_that_waits_for_room_is_woken_only_if_asked) {
    atomic_store(&worker.commits_control->worker_sleep, 1);
    worker_consumed(&worker, 64, false);
    cr_assert(!rings());
    cr_assert(atomic_load(&worker.turns_control->commits_tail) == 64);
    worker_consumed(&worker, 128, true);
    cr_assert(rings());
    cr_assert(worker.commits_tail == 128);
}

static void answer_door(void) {
    char byte;
    while (rings()) cr_assert(read(worker.doorbell_host, &byte, 1) == 1);
}

Test(worker, one_that_filled_the_ring_during_a_drain_of_half_of_it_is_woken) {
    uint64_t full = worker.commits.data_bytes;
    // The keeper saw half a ring and drained it; meanwhile the worker published the other half and
    // went to sleep for room. Neither drain is over half a ring.
    atomic_store(&worker.commits_control->head, full);
    atomic_store(&worker.commits_control->worker_sleep, 1);
    worker_consumed(&worker, full / 2, false);
    cr_assert(rings());
    answer_door();
    // Awake again it has published nothing: what is left is half a ring, and cannot be in its way.
    worker_consumed(&worker, full, false);
    cr_assert(!rings());
}

Test(worker, one_that_sleeps_for_turns_is_not_woken_by_a_batch_that_left_room) {
    uint64_t half = worker.commits.data_bytes / 2;
    atomic_store(&worker.commits_control->worker_sleep, 1);
    atomic_store(&worker.commits_control->head, half);
    worker_consumed(&worker, half, false);
    cr_assert(!rings());
    atomic_store(&worker.commits_control->head, half + half + 8);
    worker_consumed(&worker, half + half + 8, false);
    cr_assert(rings(), "over half");
}

Test(worker, publishing_says_whether_few_turns_travel) {
    _Atomic uint32_t *hint = &worker.turns_control->lonely;
    cr_assert(append(TURN_CAST, "x") == STATUS_OK);
    worker_publish(&worker, true);
    cr_assert(atomic_load(hint) == 1);
    worker_publish(&worker, false);
    cr_assert(atomic_load(hint) == 1, "nothing was published");
    cr_assert(append(TURN_CAST, "x") == STATUS_OK);
    worker_publish(&worker, false);
    cr_assert(atomic_load(hint) == 0);
}

Test(worker, a_full_ring_is_refused_until_the_oldest_turn_is_done) {
    static uint8_t payload[TURN_RING_BYTES / 8];
    struct turn    turn = turn_of(TURN_CAST, "");
    turn.payload = slice_of(payload, sizeof payload);
    uint32_t    count = 0;
    enum status status;
    while ((status = worker_append(&worker, &actor, &turn)) == STATUS_OK) count++;
    cr_assert(status == STATUS_AGAIN);
    cr_assert(count == 7);
    cr_assert(worker.inflight == 7);
    uint64_t head = worker.head;
    worker_advance(&worker);
    cr_assert(worker_append(&worker, &actor, &turn) == STATUS_OK);
    cr_assert(worker.head > head);
    cr_assert(worker_append(&worker, &actor, &turn) == STATUS_AGAIN);
}

Test(worker, records_across_the_end_of_the_ring_are_whole) {
    static uint8_t payload[1000];
    struct turn    turn = turn_of(TURN_CAST, "");
    turn.payload = slice_of(payload, sizeof payload);
    for (uint32_t i = 0; i < 3000; i++) {
        memset(payload, (int)(i % 251), sizeof payload);
        uint64_t at = worker.head;
        cr_assert(worker_append(&worker, &actor, &turn) == STATUS_OK);
        cr_assert(same(worker_payload(&worker, worker_turn(&worker, at)), turn.payload));
        cr_assert(at == worker.tail);
        worker_advance(&worker);
    }
    cr_assert(worker.head > 2 * TURN_RING_BYTES);
    cr_assert(worker.tail == worker.head);
}

Test(worker, a_large_body_takes_the_bulk_area_and_gives_it_back) {
    uint8_t *payload = malloc(TURN_BULK_BYTES);
    cr_assert(payload != NULL);
    memset(payload, 'p', TURN_BULK_BYTES);
    struct turn turn = turn_of(TURN_CAST, "");
    turn.payload = slice_of(payload, TURN_BULK_BYTES);
    cr_assert(worker_append(&worker, &actor, &turn) == STATUS_OK);
    const struct turn_record *record = worker_turn(&worker, 0);
    cr_assert(record->flags == TURN_BULK);
    cr_assert(record->record_bytes == ring_round(sizeof *record));
    cr_assert(same(worker_payload(&worker, record), turn.payload));
    // One at a time; small ones go on.
    cr_assert(worker_append(&worker, &actor, &turn) == STATUS_AGAIN);
    cr_assert(append(TURN_CAST, "small") == STATUS_OK);
    worker_advance(&worker);
    turn.number++;
    cr_assert(worker_append(&worker, &actor, &turn) == STATUS_OK);
    free(payload);
}

Test(worker, a_body_over_the_bulk_area_is_too_large) {
    uint8_t *payload = malloc(TURN_BULK_BYTES);
    cr_assert(payload != NULL);
    struct turn turn = turn_of(TURN_INIT, "");
    turn.payload = slice_of(payload, TURN_BULK_BYTES);
    cr_assert(worker_append(&worker, &actor, &turn) == STATUS_TOO_LARGE, "with its name it is");
    cr_assert(worker.inflight == 0);
    cr_assert(worker.head == 0);
    free(payload);
}

Test(worker, the_largest_record_of_the_ring_is_a_quarter_of_it) {
    static uint8_t payload[TURN_RING_BYTES / 4];
    struct turn    turn = turn_of(TURN_CAST, "");
    size_t         fits = TURN_RING_BYTES / 4 - sizeof(struct turn_record);
    turn.payload = slice_of(payload, fits);
    cr_assert(worker_append(&worker, &actor, &turn) == STATUS_OK);
    cr_assert(worker_turn(&worker, 0)->flags == 0);
    uint64_t at = worker.head;
    turn.payload = slice_of(payload, fits + 1);
    cr_assert(worker_append(&worker, &actor, &turn) == STATUS_OK);
    cr_assert(worker_turn(&worker, at)->flags == TURN_BULK);
}

Test(worker, advancing_ends_the_chain_of_the_turn) {
    cr_assert(append(TURN_CAST, "x") == STATUS_OK);
    worker.chain = CHAIN_CONTINUE;
    cr_assert(buf_append(&worker.chain_argument, "abc", 3) == STATUS_OK);
    worker_advance(&worker);
    cr_assert(worker.chain == CHAIN_NONE);
    cr_assert(worker.chain_argument.bytes == 0);
    cr_assert(worker.inflight == 0);
}

Test(worker, is_busy_when_it_has_begun_the_oldest_turn) {
    cr_assert(!worker_busy(&worker));
    cr_assert(append(TURN_CAST, "x") == STATUS_OK);
    uint64_t second = worker.head;
    cr_assert(append(TURN_CAST, "y") == STATUS_OK);
    cr_assert(!worker_busy(&worker), "nothing was claimed yet");
    atomic_store(&worker.commits_control->claimed, 1);
    cr_assert(worker_busy(&worker));
    worker_advance(&worker);
    cr_assert(!worker_busy(&worker));
    atomic_store(&worker.commits_control->claimed, second + 1);
    cr_assert(worker_busy(&worker));
    worker_advance(&worker);
    cr_assert(!worker_busy(&worker));
}

Test(worker, without_descriptors_there_is_none) {
    struct rlimit before;
    struct worker other;
    cr_assert(getrlimit(RLIMIT_NOFILE, &before) == 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max}; // all three are taken
    cr_assert(setrlimit(RLIMIT_NOFILE, &none) == 0);
    enum status status = worker_init(&other);
    // Back again: a sanitizer opens files at the end.
    cr_assert(setrlimit(RLIMIT_NOFILE, &before) == 0);
    cr_assert(status == STATUS_IO);
    worker_fini(&other);
}

Test(worker, fini_twice_is_fine) {
    worker_fini(&worker);
}
