// For sched_getaffinity.
#define _GNU_SOURCE
#include "host/port.h"

#include "base/check.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

// Bounds of the time a worker waits awake. A hand-over between two awake threads takes well under a
// microsecond, one through the kernel five to fifty. But where processors are few, one that spins
// is one that the keeper or a client needs: there a worker spins only while the keeper says that
// few turns are under way. On two processors spinning always saved a single caller 7 of 30 us and
// cost 50 connections together a third of their calls per second.
#define SPIN_NS_MIN 2000u
#define SPIN_NS_MAX 40000u
#define SPIN_PROCESSORS_MIN 4
#define UNRUNG_MAX 64 // commits
#define SPIN_ROUND 32 // looks between two looks at the clock

static bool processors_plenty(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    // A machine too large for the set has enough.
    if (sched_getaffinity(0, sizeof set, &set) != 0) return true;
    return CPU_COUNT(&set) >= SPIN_PROCESSORS_MIN;
}

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

enum status port_open(struct port *port, uint32_t index, int keeper_fd) {
    CHECK(sizeof(struct turns_control) <= RING_CONTROL_BYTES);
    CHECK(sizeof(struct commits_control) <= RING_CONTROL_BYTES);
    int turns_fd = HOST_FD_FIRST + 3 * (int)index;

    *port = (struct port){
        .wake_fd = turns_fd + 2,
        .keeper_fd = keeper_fd,
        .plenty = processors_plenty(),
        .spin_ns = SPIN_NS_MAX,
    };
    enum status status = ring_map(&port->turns, turns_fd, TURN_RING_BYTES, TURN_BULK_BYTES, false);
    if (status != STATUS_OK) return status;
    status = ring_map(&port->commits, turns_fd + 1, COMMIT_RING_BYTES, COMMIT_BULK_BYTES, true);
    if (status != STATUS_OK) goto fini_turns;

    // Our end is an object of its own; the keeper leaves it non-blocking.
    (void)fcntl(port->wake_fd, F_SETFL, 0);
    port->in = (const struct turns_control *)port->turns.control;
    port->out = (struct commits_control *)port->commits.control;
    return STATUS_OK;

fini_turns:
    ring_fini(&port->turns);
    return status;
}

void port_close(struct port *port) {
    ring_fini(&port->turns);
    ring_fini(&port->commits);
}

// Both answer from the last look if that is enough: the line is shared with a busy keeper.
static bool has_turn(struct port *port) {
    if (port->turn_at != port->turn_head) return true;
    // Acquire: the record's bytes were written before the head.
    port->turn_head = atomic_load_explicit(&port->in->head, memory_order_acquire);
    return port->turn_at != port->turn_head;
}

static bool has_room(struct port *port, uint64_t bytes, uint64_t consumed) {
    uint64_t tail = port->commit_tail;
    if (port->commit_at + bytes - tail <= port->commits.data_bytes && tail >= consumed) return true;
    // Acquire: the keeper has read what lies before the tail; only now may it be overwritten.
    tail = atomic_load_explicit(&port->in->commits_tail, memory_order_acquire);
    port->commit_tail = tail;
    return port->commit_at + bytes - tail <= port->commits.data_bytes && tail >= consumed;
}

// What a worker can wait for. With bytes == 0: a turn. Else: room for a commit of so many bytes,
// and that the keeper has consumed everything before `consumed`.
struct want {
    uint64_t bytes;
    uint64_t consumed;
};

static bool satisfied(struct port *port, struct want want) {
    return want.bytes == 0 ? has_turn(port) : has_room(port, want.bytes, want.consumed);
}

// Looks again and again for a while, and lets others run in between.
static bool spin(struct port *port, struct want want) {
    uint64_t until_ns = 0;
    for (;;) {
        for (int i = 0; i < SPIN_ROUND; i++) {
            if (satisfied(port, want)) return true;
            relax();
        }
        uint64_t now_ns = clock_mono_ns();
        if (until_ns == 0) until_ns = now_ns + port->spin_ns;
        if (now_ns >= until_ns) return false;
        sched_yield();
    }
}

static void read_wake(struct port *port) {
    char rings[64];
    if (read(port->wake_fd, rings, sizeof rings) >= 0) return;
    CHECK(errno == EAGAIN || errno == EINTR);
    struct pollfd poll_fd = {.fd = port->wake_fd, .events = POLLIN};
    if (errno == EAGAIN) (void)poll(&poll_fd, 1, -1);
}

static void sleep_until(struct port *port, struct want want) {
    while (!satisfied(port, want)) {
        atomic_store_explicit(&port->out->worker_sleep, 1, memory_order_relaxed);
        // Pairs with the keeper's fence between its publication and its look at worker_sleep: one
        // of the two sees the other's store, so that no wake-up is lost.
        atomic_thread_fence(memory_order_seq_cst);
        if (!satisfied(port, want)) read_wake(port);
        atomic_store_explicit(&port->out->worker_sleep, 0, memory_order_relaxed);
    }
}

// Gives the bulk area back once nobody needs it, so that one large state does not stay in memory
// for good.
static void release_bulk(struct port *port) {
    if (port->bulk_end == 0 || !has_room(port, 0, port->bulk_end)) return;
    ring_bulk_release(&port->commits);
    port->bulk_end = 0;
}

static bool may_spin(const struct port *port) {
    return port->plenty || atomic_load_explicit(&port->in->lonely, memory_order_relaxed) != 0;
}

static __attribute__((noinline)) void wait_for(struct port *port, struct want want) {
    bool awake = may_spin(port);
    if (awake && spin(port, want)) return;
    release_bulk(port);
    uint64_t slept_ns = clock_mono_ns();
    sleep_until(port, want);
    if (!awake) return;
    // A little more patience would have been enough, or less would have done as well.
    slept_ns = clock_mono_ns() - slept_ns;
    port->spin_ns = slept_ns < SPIN_NS_MAX ? SPIN_NS_MAX : port->spin_ns / 2;
    if (port->spin_ns < SPIN_NS_MIN) port->spin_ns = SPIN_NS_MIN;
}

// The keeper is woken for a batch of commits, not for the first of it: woken at once it would take
// the processor from this worker, find one commit, and write one reply. What a slow turn keeps from
// it longer than that, its watch finds after a few milliseconds.
static void ring_keeper(struct port *port) {
    if (port->unrung == 0) return;
    port->unrung = 0;
    // Pairs with the keeper's fence between keeper_sleep becoming odd and its last look at the
    // head.
    atomic_thread_fence(memory_order_seq_cst);
    uint32_t sleep = atomic_load_explicit(&port->in->keeper_sleep, memory_order_relaxed);
    if ((sleep & 1) == 0 || sleep == port->rung) return;
    port->rung = sleep;
    uint64_t one = 1;
    ssize_t  written = write(port->keeper_fd, &one, sizeof one);
    (void)written; // a pipe that is full wakes the keeper too
}

static struct turn_body body_of(const struct port *port, const struct turn_record *record) {
    size_t bytes = (size_t)record->name_bytes + record->payload_bytes + record->state_bytes;
    bool   bulk = (record->flags & TURN_BULK) != 0;
    // The keeper is trusted, but not to be without bugs: reading past a record would read another
    // actor's.
    CHECK(record->name_bytes <= UINT8_MAX);
    CHECK(bytes <= (bulk ? TURN_BULK_BYTES : record->record_bytes - sizeof *record));

    const uint8_t *name = bulk ? port->turns.bulk : (const uint8_t *)(record + 1);
    const uint8_t *payload = name + record->name_bytes;
    return (struct turn_body){
        .name = slice_of(name, record->name_bytes),
        .payload = slice_of(payload, record->payload_bytes),
        .state = slice_of(payload + record->payload_bytes, record->state_bytes),
    };
}

const struct turn_record *port_next(struct port *port, struct turn_body *ret_body) {
    if (!has_turn(port)) {
        ring_keeper(port);
        wait_for(port, (struct want){0});
    }
    const struct turn_record *record =
        (const struct turn_record *)ring_at(&port->turns, port->turn_at);
    CHECK(record->record_bytes >= sizeof *record);
    CHECK(record->record_bytes <= port->turn_head - port->turn_at);
    CHECK(record->record_bytes % RING_ALIGN == 0);
    *ret_body = body_of(port, record);
    // Relaxed: read by the keeper only after it knows of the death of this process, or for a
    // watchdog's guess.
    atomic_store_explicit(&port->out->claimed, port->turn_at + 1, memory_order_relaxed);
    return record;
}

void port_done(struct port *port, const struct turn_record *record) {
    port->turn_at += record->record_bytes;
}

void port_commit(struct port *port, struct commit_record record, const struct items *items) {
    size_t bytes = items->bytes.bytes;
    bool   bulk = sizeof record + bytes > ring_record_bytes_max(&port->commits);
    size_t record_bytes = sizeof record + (bulk ? 0 : bytes);

    // Only one body can be in the bulk area: wait until the keeper has taken the one before.
    struct want want = {.bytes = record_bytes, .consumed = bulk ? port->bulk_end : 0};
    if (!satisfied(port, want)) {
        ring_keeper(port);
        wait_for(port, want);
    }
    record.record_bytes = (uint32_t)record_bytes;
    record.item_count = items->count;
    record.item_bytes = (uint32_t)bytes;
    if (bulk) record.flags |= COMMIT_BULK;
    uint8_t *at = ring_at(&port->commits, port->commit_at);
    memcpy(at, &record, sizeof record);
    if (bytes > 0) memcpy(bulk ? port->commits.bulk : at + sizeof record, items->bytes.data, bytes);

    port->commit_at += record_bytes;
    if (bulk) port->bulk_end = port->commit_at;
    atomic_store_explicit(&port->out->head, port->commit_at, memory_order_release);
    if (++port->unrung >= UNRUNG_MAX) ring_keeper(port);
}
