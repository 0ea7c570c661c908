// ring: a single-producer single-consumer byte ring between two processes, in a sealed memfd.
//
// Records are contiguous (the data is mapped twice, back to back), 8-aligned, and begin with a u32
// of their own size. The ring knows nothing of their content and nothing of when space is free:
// each end keeps its own position, and the producer is told how far the consumer has come by its
// owner. A *bulk* area behind the ring carries one record body that is too large for the ring.
//
// Layout of the memfd: control page (4096) | data (data_bytes, a power of two) | bulk (bulk_bytes,
// sparse).
// Source: docs/architecture.md, "Rings".
#pragma once

#include "base/status.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RING_CONTROL_BYTES 4096
#define RING_ALIGN 8

struct ring {
    uint8_t *control; // RING_CONTROL_BYTES; what is in it is up to the two sides
    uint8_t *data;    // data_bytes, mapped twice
    uint8_t *bulk;    // bulk_bytes
    size_t   data_bytes;
    size_t   bulk_bytes;
    int      fd; // owned; -1 in the end that was given a borrowed one
};

static inline size_t ring_round(size_t bytes) {
    return (bytes + (RING_ALIGN - 1)) & ~(size_t)(RING_ALIGN - 1);
}

// Where position `at` (a count of bytes since the beginning) lies; at least data_bytes are
// contiguous from there.
static inline uint8_t *ring_at(const struct ring *ring, uint64_t at) {
    return ring->data + (at & (ring->data_bytes - 1));
}

// A record larger than this goes through the bulk area.
static inline size_t ring_record_bytes_max(const struct ring *ring) {
    return ring->data_bytes / 4;
}

// Creates the memfd (close-on-exec) and maps it for writing. With `read_only_for_others` every
// later mapping of the memfd can only be read. Its size is sealed in any case, so that the other
// end cannot cut it short under us.
// Fails: STATUS_NO_MEMORY, STATUS_IO.   Thread: any.
NODISCARD enum status ring_create(struct ring *ring, size_t data_bytes, size_t bulk_bytes,
                                  bool read_only_for_others);

// Maps the ring behind `fd` (borrowed). Sizes must be those it was created with.
// Fails: STATUS_INVALID (size differs), STATUS_NO_MEMORY.   Thread: any.
NODISCARD enum status ring_map(struct ring *ring, int fd, size_t data_bytes, size_t bulk_bytes,
                               bool writable);

// Gives the pages of the bulk area back to the system. A ring that is read-only for others keeps
// them, because its seal refuses holes as well: as many as the largest body so far needed.
// Thread: the writing end.
void ring_bulk_release(struct ring *ring);

// Unmaps, and closes the descriptor it owns. Twice is fine.   Thread: owner.
void ring_fini(struct ring *ring);
