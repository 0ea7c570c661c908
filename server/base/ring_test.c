#define _GNU_SOURCE
#include "base/ring.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA (1u << 16)
#define BULK (1u << 20)
#define RECORDS 200000

static struct ring ring;

static void fini(void) {
    ring_fini(&ring);
}

TestSuite(ring, .fini = fini, .timeout = 60);

static void create(bool read_only_for_others) {
    cr_assert(ring_create(&ring, DATA, BULK, read_only_for_others) == STATUS_OK);
}

Test(ring, a_record_across_the_end_is_contiguous) {
    create(false);
    uint64_t at = 7 * (uint64_t)DATA - 8;
    memcpy(ring_at(&ring, at), "0123456789abcdef", 16);
    cr_assert(memcmp(ring.data + DATA - 8, "01234567", 8) == 0);
    cr_assert(memcmp(ring.data, "89abcdef", 8) == 0);
    // The whole length is readable from the last byte on.
    memset(ring_at(&ring, DATA - 1), 'x', DATA);
    cr_assert(ring.data[0] == 'x' && ring.data[DATA - 1] == 'x');
}

Test(ring, control_data_and_bulk_do_not_overlap) {
    create(false);
    memset(ring.control, 1, RING_CONTROL_BYTES);
    memset(ring.data, 2, DATA);
    memset(ring.bulk, 3, BULK);
    cr_assert(ring.control[0] == 1 && ring.control[RING_CONTROL_BYTES - 1] == 1);
    cr_assert(ring.data[0] == 2 && ring.data[2 * DATA - 1] == 2);
    cr_assert(ring.bulk[0] == 3 && ring.bulk[BULK - 1] == 3);
}

Test(ring, sizes_are_rounded_to_its_alignment) {
    cr_assert_eq(ring_round(0), 0);
    cr_assert_eq(ring_round(1), 8);
    cr_assert_eq(ring_round(8), 8);
    cr_assert_eq(ring_round(9), 16);
    create(false);
    cr_assert_eq(ring_record_bytes_max(&ring), DATA / 4);
}

Test(ring, another_mapping_sees_what_is_written_and_owns_no_descriptor) {
    struct ring other = {.fd = -1};
    create(false);
    cr_assert(ring_map(&other, ring.fd, DATA, BULK, true) == STATUS_OK);
    cr_assert_eq(other.fd, -1);
    ring.control[5] = 5;
    other.data[6] = 6;
    ring.bulk[7] = 7;
    cr_assert(other.control[5] == 5 && ring.data[6] == 6 && other.bulk[7] == 7);
    ring_fini(&other);
    cr_assert(fcntl(ring.fd, F_GETFD) >= 0);
}

Test(ring, the_descriptor_does_not_leak_into_other_programs) {
    create(false);
    cr_assert((fcntl(ring.fd, F_GETFD) & FD_CLOEXEC) != 0);
}

Test(ring, its_size_cannot_be_changed) {
    for (int read_only = 0; read_only <= 1; read_only++) {
        create(read_only == 1);
        cr_assert(ftruncate(ring.fd, 0) == -1 && errno == EPERM);
        cr_assert(ftruncate(ring.fd, 1 << 24) == -1 && errno == EPERM);
        cr_assert(fcntl(ring.fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EPERM);
        ring_fini(&ring);
    }
}

Test(ring, a_read_only_ring_cannot_be_written_by_others_in_any_way) {
    struct ring other = {.fd = -1};
    create(true);
    ring.data[0] = 1;
    cr_assert(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, 0) == MAP_FAILED);
    cr_assert(ring_map(&other, ring.fd, DATA, BULK, true) == STATUS_NO_MEMORY);
    cr_assert(pwrite(ring.fd, "x", 1, 0) == -1 && errno == EPERM);

    cr_assert(ring_map(&other, ring.fd, DATA, BULK, false) == STATUS_OK);
    cr_assert_eq(other.data[0], 1);
    cr_assert(mprotect(other.control, 4096, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
    ring.data[0] = 2;
    cr_assert_eq(other.data[0], 2, "its creator still writes");
    ring_fini(&other);
}

Test(ring, map_refuses_a_file_of_another_size) {
    struct ring other = {.fd = -1};
    create(false);
    cr_assert(ring_map(&other, ring.fd, DATA * 2, BULK, true) == STATUS_INVALID);
    cr_assert(ring_map(&other, ring.fd, DATA, 0, true) == STATUS_INVALID);
    cr_assert(ring_map(&other, -1, DATA, BULK, true) == STATUS_INVALID);
    cr_assert_null(other.control);
}

// Limits what the process may have, until the limit is lifted: Criterion needs some of it as well.
static struct rlimit limit_to(__rlimit_resource_t resource, rlim_t most) {
    struct rlimit before;
    cr_assert(getrlimit(resource, &before) == 0);
    struct rlimit limited = {.rlim_cur = most, .rlim_max = before.rlim_max};
    cr_assert(setrlimit(resource, &limited) == 0);
    return before;
}

Test(ring, create_without_descriptors_is_an_io_failure) {
    struct rlimit before = limit_to(RLIMIT_NOFILE, 0);
    enum status   status = ring_create(&ring, DATA, BULK, false);
    cr_assert(setrlimit(RLIMIT_NOFILE, &before) == 0);
    cr_assert(status == STATUS_IO);
}

Test(ring, without_address_space_create_and_map_run_out_of_memory) {
    struct ring other = {.fd = -1};
    create(false);
    struct rlimit before = limit_to(RLIMIT_AS, 1 << 20);
    enum status   created = ring_create(&other, DATA, BULK, false);
    enum status   mapped = ring_map(&other, ring.fd, DATA, BULK, true);
    cr_assert(setrlimit(RLIMIT_AS, &before) == 0);
    cr_assert(created == STATUS_NO_MEMORY);
    cr_assert(mapped == STATUS_NO_MEMORY);
}

static int64_t blocks(void) {
    struct stat info;
    cr_assert(fstat(ring.fd, &info) == 0);
    return info.st_blocks;
}

Test(ring, releasing_the_bulk_gives_its_pages_back) {
    create(false);
    ring.data[0] = 1;
    int64_t before = blocks();
    memset(ring.bulk, 1, BULK);
    cr_assert_geq(blocks(), before + BULK / 512);
    ring_bulk_release(&ring);
    cr_assert_eq(blocks(), before);
    cr_assert(ring.bulk[0] == 0 && ring.data[0] == 1);
}

Test(ring, releasing_the_bulk_of_a_read_only_ring_changes_nothing) {
    create(true);
    memset(ring.bulk, 1, BULK);
    ring_bulk_release(&ring);
    cr_assert(ring.bulk[0] == 1 && ring.bulk[BULK - 1] == 1);
}

Test(ring, a_ring_needs_no_bulk_area) {
    struct ring other = {.fd = -1};
    cr_assert(ring_create(&ring, 4096, 0, true) == STATUS_OK);
    cr_assert(ring_map(&other, ring.fd, 4096, 0, false) == STATUS_OK);
    ring_bulk_release(&ring);
    ring_fini(&other);
}

Test(ring, fini_closes_the_descriptor_and_may_run_twice) {
    create(false);
    int fd = ring.fd;
    ring_fini(&ring);
    cr_assert(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
    ring_fini(&ring);
    cr_assert_eq(ring.fd, -1);
}

// --- Two processes ---

struct control {
    _Atomic uint64_t head;
    _Atomic uint64_t tail;
};

struct record {
    uint32_t record_bytes;
    uint32_t number;
};

// Sizes from header only to several hundred bytes, different from one record to the next.
static uint32_t payload_bytes(uint32_t number) {
    return (number * 37) % 400;
}

static void produce(void) {
    struct control *control = (struct control *)ring.control;
    uint64_t        head = 0;
    for (uint32_t i = 0; i < RECORDS; i++) {
        size_t bytes = ring_round(sizeof(struct record) + payload_bytes(i));
        while (head + bytes - atomic_load(&control->tail) > DATA) sched_yield();
        struct record *record = (struct record *)ring_at(&ring, head);
        record->record_bytes = (uint32_t)bytes;
        record->number = i;
        memset(record + 1, (int)(i & 0xff), payload_bytes(i));
        head += bytes;
        atomic_store(&control->head, head);
    }
}

static void consume(void) {
    struct control *control = (struct control *)ring.control;
    uint64_t        tail = 0;
    for (uint32_t i = 0; i < RECORDS; i++) {
        while (atomic_load(&control->head) == tail) sched_yield();
        const struct record *record = (const struct record *)ring_at(&ring, tail);
        const uint8_t       *payload = (const uint8_t *)(record + 1);
        if (record->number != i) _exit(1);
        for (uint32_t at = 0; at < payload_bytes(i); at++) {
            if (payload[at] != (i & 0xff)) _exit(2);
        }
        tail += record->record_bytes;
        atomic_store(&control->tail, tail);
    }
    _exit(0);
}

Test(ring, carries_records_between_two_processes_over_many_turns) {
    create(false);
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) consume();
    produce();
    int ended = 0;
    cr_assert(waitpid(child, &ended, 0) == child);
    cr_assert(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
}
