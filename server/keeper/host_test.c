#include "keeper/host.h"

#include <criterion/criterion.h>

#include "base/memory_fault_test.h"
#include "keeper/actor.h"

#include <sys/resource.h>

TestSuite(host, .timeout = 10);

Test(host, has_rings_and_doorbells_of_its_own_for_each_worker) {
    struct host *host;
    cr_assert(host_create(3, &host) == STATUS_OK);
    cr_assert(host->worker_count == 3);
    cr_assert(host->state == HOST_STARTING);
    cr_assert(host->pidfd == -1);
    int    fds[10];
    size_t count = 0;
    fds[count++] = host->doorbell_host;
    for (uint32_t i = 0; i < 3; i++) {
        fds[count++] = host->workers[i].turns.fd;
        fds[count++] = host->workers[i].commits.fd;
        fds[count++] = host->workers[i].doorbell_host;
    }
    for (size_t i = 0; i < count; i++) {
        cr_assert(fds[i] >= 0);
        for (size_t k = 0; k < i; k++) cr_assert(fds[i] != fds[k]);
    }
    host_destroy(host);
}

Test(host, the_other_end_can_read_the_turns_and_not_write_them) {
    struct host *host;
    struct ring  other;
    cr_assert(host_create(1, &host) == STATUS_OK);
    int fd = host->workers[0].turns.fd;
    cr_assert(ring_map(&other, fd, TURN_RING_BYTES, TURN_BULK_BYTES, true) != STATUS_OK);
    cr_assert(ring_map(&other, fd, TURN_RING_BYTES, TURN_BULK_BYTES, false) == STATUS_OK);
    ring_fini(&other);
    fd = host->workers[0].commits.fd;
    cr_assert(ring_map(&other, fd, COMMIT_RING_BYTES, COMMIT_BULK_BYTES, true) == STATUS_OK);
    ring_fini(&other);
    host_destroy(host);
}

Test(host, may_have_as_many_workers_as_the_limit) {
    struct host *host;
    cr_assert(host_create(HOST_WORKERS_MAX, &host) == STATUS_OK);
    cr_assert(host->worker_count == HOST_WORKERS_MAX);
    host_destroy(host);
}

Test(host, destroying_none_is_fine) {
    host_destroy(NULL);
}

Test(host, with_too_few_descriptors_there_is_none_and_none_leaks) {
    struct rlimit limit;
    struct host  *host = NULL;
    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    // From no room at all to room for all but the last.
    for (rlim_t fds = 3; fds < 30; fds++) {
        limit.rlim_cur = fds;
        cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        enum status status = host_create(2, &host);
        if (status == STATUS_OK) break;
        cr_assert(status == STATUS_IO, "%d descriptors", (int)fds);
        cr_assert(host == NULL);
    }
    cr_assert(host != NULL, "nothing was left open by those that failed");
    host_destroy(host);
}

#ifdef CAN_REFUSE_MEMORY
Test(host, without_memory_there_is_none) {
    struct host *host = NULL;
    refuse_memory(1);
    enum status status = host_create(1, &host);
    refuse_memory(0);
    cr_assert(status == STATUS_NO_MEMORY);
    cr_assert(host == NULL);
}
#endif

// Appends a turn with this number.
static void append(struct worker *worker, uint64_t number) {
    const struct actor actor = {.slot = 1};
    struct turn        turn = {.kind = TURN_FORGET, .aside = true, .number = number};
    cr_assert(worker_append(worker, &actor, &turn) == STATUS_OK);
}

Test(host, its_turns_are_gone_through_by_worker_and_only_the_oldest_may_be_running) {
    struct host     *host;
    struct host_turn turn = {0};
    cr_assert(host_create(3, &host) == STATUS_OK);
    cr_assert(!host_next_turn(host, &turn));
    append(&host->workers[0], 10);
    append(&host->workers[0], 11);
    append(&host->workers[2], 12);
    host->workers[0].applying = true;
    uint64_t numbers[4], running = 0;
    uint32_t count = 0;
    for (turn = (struct host_turn){0}; host_next_turn(host, &turn);) {
        cr_assert(count < 3);
        cr_assert(turn.worker == &host->workers[count < 2 ? 0 : 2]);
        numbers[count++] = turn.record->turn;
        if (turn.running) running = turn.record->turn;
    }
    cr_assert(count == 3);
    for (uint32_t i = 0; i < 3; i++) cr_assert(numbers[i] == 10 + i);
    cr_assert(running == 10);
    host_destroy(host);
}
