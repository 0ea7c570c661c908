#include "host/copy.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

// The head of each block. The owner is told apart on every use, so that memory handed from one
// actor to another by mistake, or freed twice, breaks a contract instead of the heap.
struct block {
    struct block *next;
    struct block *prev; // NULL in the first
    struct copy  *owner;
    size_t        bytes; // of the memory behind the head
    _Alignas(16) uint8_t memory[];
};

struct kept {
    uint32_t capacity; // of saved
    uint32_t bytes;
    uint8_t  saved[];
};

struct copy *copy_create(const struct copy_options *options) {
    size_t bytes = sizeof(struct copy) + options->state_bytes + options->name_bytes + 1;
    // calloc: the state begins zeroed, and so does the 0 behind the name.
    struct copy *copy = calloc(1, bytes);
    if (copy == NULL) return NULL;

    copy->slot = options->slot;
    copy->epoch = options->epoch;
    copy->behaviour = options->behaviour;
    copy->name_bytes = options->name_bytes;
    copy->restarted = options->restarted;
    copy->rows_only = options->rows_only;
    copy->incarnation = options->incarnation;
    copy->state_bytes = options->state_bytes;
    if (options->name_bytes > 0) {
        memcpy(copy->state + options->state_bytes, options->name, options->name_bytes);
    }
    return copy;
}

static void free_blocks(struct copy_extra *extra) {
    while (extra->blocks != NULL) {
        struct block *block = extra->blocks;
        extra->blocks = block->next;
        block->owner = NULL;
        free(block);
    }
    extra->blocks_bytes = 0;
}

void copy_clear(struct copy *copy, const struct peeper_behaviour *behaviour) {
    if (copy->rows_only) return; // never had a state
    if (behaviour->drop != NULL) behaviour->drop(copy->state);
    if (copy->extra != NULL) free_blocks(copy->extra);
    memset(copy->state, 0, copy->state_bytes);
}

static void free_tables(struct copy_tables *tables) {
    if (tables == NULL) return;
    tables_fini(&tables->tables);
    free(tables);
}

void copy_destroy(struct copy *copy, const struct peeper_behaviour *behaviour) {
    if (copy == NULL) return;
    copy_clear(copy, behaviour);
    free_tables(copy_tables(copy));
    free(copy->extra);
    free(copy->kept);
    free(copy);
}

static enum status need_extra(struct copy *copy) {
    if (copy->extra == NULL) copy->extra = calloc(1, sizeof *copy->extra);
    return copy->extra == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

struct copy_tables *copy_make_tables(struct copy *copy, uint64_t seed, uint64_t bytes_max) {
    if (need_extra(copy) != STATUS_OK) return NULL;
    if (copy->extra->tables == NULL) {
        struct copy_tables *tables = calloc(1, sizeof *tables);
        if (tables == NULL) return NULL;
        tables_init(&tables->tables, seed, bytes_max);
        copy->extra->tables = tables;
    }
    return copy->extra->tables;
}

enum status copy_move_tables(struct copy *to, struct copy *from) {
    if (copy_tables(from) == NULL) return STATUS_OK;
    if (need_extra(to) != STATUS_OK) return STATUS_NO_MEMORY;
    CHECK(to->extra->tables == NULL);
    to->extra->tables = from->extra->tables;
    from->extra->tables = NULL;
    return STATUS_OK;
}

// A state that grows and shrinks by a few bytes stays in its place; one that has shrunk to a
// fraction gives the memory back.
static bool fits(const struct kept *kept, size_t bytes) {
    return kept != NULL && bytes <= kept->capacity && kept->capacity / 4 <= bytes + 16;
}

enum status copy_keep(struct copy *copy, struct slice saved) {
    struct kept *kept = copy->kept;
    if (!fits(kept, saved.bytes)) {
        // As much as malloc gives anyway.
        size_t bytes = (sizeof *kept + saved.bytes + 7) / 16 * 16 + 8;
        kept = malloc(bytes);
        if (kept == NULL) return STATUS_NO_MEMORY;
        kept->capacity = (uint32_t)(bytes - sizeof *kept);
        free(copy->kept);
        copy->kept = kept;
    }
    kept->bytes = (uint32_t)saved.bytes;
    if (saved.bytes > 0) memcpy(kept->saved, saved.data, saved.bytes);
    return STATUS_OK;
}

struct slice copy_kept(const struct copy *copy) {
    if (copy->kept == NULL) return (struct slice){0};
    return slice_of(copy->kept->saved, copy->kept->bytes);
}

static struct block *block_of(void *memory) {
    return (struct block *)((uint8_t *)memory - sizeof(struct block));
}

static void link_first(struct copy *copy, struct block *block) {
    block->prev = NULL;
    block->next = copy->extra->blocks;
    if (block->next != NULL) block->next->prev = block;
    copy->extra->blocks = block;
}

// After realloc() moved `block`, its neighbours still point to where it was.
static void relink(struct copy *copy, struct block *block) {
    if (block->next != NULL) block->next->prev = block;
    if (block->prev != NULL) {
        block->prev->next = block;
    } else {
        copy->extra->blocks = block;
    }
}

enum status copy_alloc(struct copy *copy, uint64_t bytes_max, size_t bytes, void **ret_memory) {
    // Heads count too: a million blocks of one byte are not one megabyte.
    uint64_t used = copy_bytes(copy) + sizeof(struct block);
    if (used > bytes_max || bytes > bytes_max - used) return STATUS_TOO_LARGE;

    if (need_extra(copy) != STATUS_OK) return STATUS_NO_MEMORY;
    struct block *block = calloc(1, sizeof *block + bytes);
    if (block == NULL) return STATUS_NO_MEMORY;
    block->owner = copy;
    block->bytes = bytes;
    link_first(copy, block);
    copy->extra->blocks_bytes = used + bytes;
    *ret_memory = block->memory;
    return STATUS_OK;
}

enum status copy_realloc(struct copy *copy, uint64_t bytes_max, void *memory, size_t bytes,
                         void **ret_memory) {
    if (memory == NULL) return copy_alloc(copy, bytes_max, bytes, ret_memory);
    struct block *block = block_of(memory);
    if (block->owner != copy) return STATUS_INVALID;
    uint64_t others = copy->extra->blocks_bytes - block->bytes;
    if (others > bytes_max || bytes > bytes_max - others) return STATUS_TOO_LARGE;

    size_t        before = block->bytes;
    struct block *moved = realloc(block, sizeof *block + bytes);
    if (moved == NULL) return STATUS_NO_MEMORY;
    moved->bytes = bytes;
    relink(copy, moved);
    copy->extra->blocks_bytes = others + bytes;
    if (bytes > before) memset(moved->memory + before, 0, bytes - before);
    *ret_memory = moved->memory;
    return STATUS_OK;
}

enum status copy_free(struct copy *copy, void *memory) {
    if (memory == NULL) return STATUS_OK;
    struct block *block = block_of(memory);
    if (block->owner != copy) return STATUS_INVALID;

    if (block->next != NULL) block->next->prev = block->prev;
    if (block->prev != NULL) {
        block->prev->next = block->next;
    } else {
        copy->extra->blocks = block->next;
    }
    copy->extra->blocks_bytes -= sizeof *block + block->bytes;
    block->owner = NULL;
    free(block);
    return STATUS_OK;
}
