// memfd_create, seals and MADV_REMOVE.
#define _GNU_SOURCE

#include "base/ring.h"

#include "base/check.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static size_t file_bytes(size_t data_bytes, size_t bulk_bytes) {
    return RING_CONTROL_BYTES + data_bytes + bulk_bytes;
}

static bool map_at(void *place, size_t bytes, int protection, int fd, size_t offset) {
    return mmap(place, bytes, protection, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) != MAP_FAILED;
}

// One reservation holds control, data, data again and bulk, so that one munmap undoes it all.
static enum status map_all(struct ring *ring, int fd, size_t data_bytes, size_t bulk_bytes,
                           int protection) {
    size_t   total = RING_CONTROL_BYTES + 2 * data_bytes + bulk_bytes;
    uint8_t *base =
        mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return STATUS_NO_MEMORY;

    uint8_t *data = base + RING_CONTROL_BYTES;
    bool     mapped = map_at(base, RING_CONTROL_BYTES + data_bytes, protection, fd, 0) &&
                  map_at(data + data_bytes, data_bytes, protection, fd, RING_CONTROL_BYTES);
    if (mapped && bulk_bytes > 0) {
        mapped = map_at(data + 2 * data_bytes, bulk_bytes, protection, fd,
                        RING_CONTROL_BYTES + data_bytes);
    }
    if (!mapped) {
        munmap(base, total);
        return STATUS_NO_MEMORY;
    }
    ring->control = base;
    ring->data = data;
    ring->bulk = data + 2 * data_bytes;
    ring->data_bytes = data_bytes;
    ring->bulk_bytes = bulk_bytes;
    return STATUS_OK;
}

enum status ring_create(struct ring *ring, size_t data_bytes, size_t bulk_bytes,
                        bool read_only_for_others) {
    CHECK(data_bytes >= RING_CONTROL_BYTES);
    CHECK((data_bytes & (data_bytes - 1)) == 0);
    CHECK(bulk_bytes % RING_CONTROL_BYTES == 0);

    int fd = memfd_create("peeper-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return STATUS_IO;

    enum status status = STATUS_IO;
    if (ftruncate(fd, (off_t)file_bytes(data_bytes, bulk_bytes)) != 0) goto close_fd;
    status = map_all(ring, fd, data_bytes, bulk_bytes, PROT_READ | PROT_WRITE);
    if (status != STATUS_OK) goto close_fd;

    // The writable mapping exists; FUTURE_WRITE refuses every other one.
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | (read_only_for_others ? F_SEAL_FUTURE_WRITE : 0);
    ring->fd = fd;
    if (fcntl(fd, F_ADD_SEALS, seals | F_SEAL_SEAL) != 0) {
        ring_fini(ring);
        return STATUS_IO;
    }
    return STATUS_OK;

close_fd:
    close(fd);
    return status;
}

enum status ring_map(struct ring *ring, int fd, size_t data_bytes, size_t bulk_bytes,
                     bool writable) {
    struct stat info;
    if (fstat(fd, &info) != 0) return STATUS_INVALID;
    if ((size_t)info.st_size != file_bytes(data_bytes, bulk_bytes)) return STATUS_INVALID;

    int         protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    enum status status = map_all(ring, fd, data_bytes, bulk_bytes, protection);
    if (status == STATUS_OK) ring->fd = -1;
    return status;
}

void ring_bulk_release(struct ring *ring) {
    // Punching the hole frees shared pages; a refusal only keeps memory until the ring goes.
    (void)madvise(ring->bulk, ring->bulk_bytes, MADV_REMOVE);
}

void ring_fini(struct ring *ring) {
    if (ring->control == NULL) return;
    munmap(ring->control, RING_CONTROL_BYTES + 2 * ring->data_bytes + ring->bulk_bytes);
    if (ring->fd >= 0) close(ring->fd);
    *ring = (struct ring){.fd = -1};
}
