#include "keeper/generations.h"

#include "base/check.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define SEGMENT_BITS 12
#define SEGMENT_SLOTS (1u << SEGMENT_BITS)
#define SEGMENT_MASK (SEGMENT_SLOTS - 1)

// Below this a block is not worth replacing by a smaller one.
#define SHRINK_BYTES_MIN 256

#define BLOCK_BYTES 16u // malloc's step
#define BLOCKS_BITS 12
#define HEADER_BYTES offsetof(struct generation, state)

_Static_assert(HEADER_BYTES == 36, "a small state would need a larger block");

// Stands as the circle of a unit whose newest state found no memory.
static struct generation lost = {.next = &lost};

static uint32_t checksum_of(const struct generation *gen) {
    // The version is the seed, so that a state never passes under the number of another.
    uint64_t hash = XXH3_64bits_withSeed(gen->state, gen->bytes, gen->version);
    return (uint32_t)(hash ^ (hash >> 32));
}

struct generation *generation_create(size_t bytes) {
    CHECK(bytes <= UINT32_MAX - 64);
    // Takes the whole of what malloc rounds to (16 n + 8), so that a state that grows a little
    // still fits in place. Of large ones that number is rounded up, by less than a 2048th.
    size_t   blocks = (HEADER_BYTES + bytes + 23) / BLOCK_BYTES;
    unsigned shift = 0;
    for (; blocks >= 1u << BLOCKS_BITS; shift++) blocks = (blocks + 1) / 2;

    struct generation *gen = malloc((blocks << shift) * BLOCK_BYTES - 8);
    if (gen == NULL) return NULL;
    gen->blocks = blocks & ((1u << BLOCKS_BITS) - 1);
    gen->shift = shift & 31u;
    return gen;
}

// Of `state`.
static size_t capacity_of(const struct generation *gen) {
    return ((size_t)gen->blocks << gen->shift) * BLOCK_BYTES - 8 - HEADER_BYTES;
}

void generation_fill(struct generation *gen, const struct generation_origin *origin,
                     struct slice state) {
    CHECK(state.bytes <= capacity_of(gen));
    gen->version = origin->version & (((uint64_t)1 << 46) - 1);
    gen->turn_high = (origin->turn >> 32) & (((uint64_t)1 << 18) - 1);
    gen->turn_low = (uint32_t)origin->turn;
    gen->at_ms = origin->at_ms & (((uint64_t)1 << 42) - 1);
    gen->bytes = (uint32_t)state.bytes;
    if (state.bytes > 0) memcpy(gen->state, state.data, state.bytes);
}

struct generation_info generation_describe(const struct generation *gen) {
    return (struct generation_info){
        .version = gen->version,
        .turn = (uint64_t)gen->turn_high << 32 | gen->turn_low,
        .at_ms = gen->at_ms,
        .bytes = gen->bytes,
    };
}

void generations_init(struct generations *gens, uint32_t kept_max) {
    CHECK(kept_max >= 1);
    CHECK(kept_max <= GENERATIONS_KEPT_MAX);
    *gens = (struct generations){.kept_max = kept_max};
}

static struct generations_entry *find_entry(const struct generations *gens, uint32_t slot) {
    uint32_t index = slot >> SEGMENT_BITS;
    if (index >= gens->segment_count || gens->segments[index] == NULL) return NULL;
    return &gens->segments[index][slot & SEGMENT_MASK];
}

// Only the table of segments is ever moved; it is 8 bytes for 4096 slots.
static bool grow_table(struct generations *gens, uint32_t index) {
    uint32_t count = gens->segment_count == 0 ? 16 : gens->segment_count;
    while (count <= index) count *= 2;

    size_t                     bytes = count * sizeof(struct generations_entry *);
    struct generations_entry **segments = realloc(gens->segments, bytes);
    if (segments == NULL) return false;
    for (uint32_t i = gens->segment_count; i < count; i++) segments[i] = NULL;
    gens->segments = segments;
    gens->segment_count = count;
    return true;
}

static struct generations_entry *make_entry(struct generations *gens, uint32_t slot) {
    uint32_t index = slot >> SEGMENT_BITS;
    if (index >= gens->segment_count && !grow_table(gens, index)) return NULL;
    if (gens->segments[index] == NULL) {
        gens->segments[index] = calloc(SEGMENT_SLOTS, sizeof(struct generations_entry));
        if (gens->segments[index] == NULL) return NULL;
    }
    return &gens->segments[index][slot & SEGMENT_MASK];
}

static uint32_t count_of(const struct generations_entry *entry) {
    return entry->oldest == NULL ? 0 : (uint32_t)entry->oldest->count;
}

static struct generation *newest_of(const struct generations_entry *entry) {
    struct generation *gen = entry->oldest;
    for (uint32_t i = 1; i < entry->oldest->count; i++) gen = gen->next;
    return gen;
}

static void drop_all(struct generations *gens, struct generations_entry *entry) {
    uint32_t           count = count_of(entry);
    struct generation *gen = entry->oldest;

    if (count > 0) gens->counts.units--;
    gens->counts.generations -= count;
    for (uint32_t i = 0; i < count; i++) {
        struct generation *next = gen->next;
        gens->counts.state_bytes -= gen->bytes;
        free(gen);
        gen = next;
    }
    entry->oldest = NULL;
}

static void add_to_circle(struct generations *gens, struct generations_entry *entry,
                          struct generation *fresh) {
    uint32_t count = count_of(entry) + 1;

    if (count == 1) {
        fresh->next = fresh;
        entry->oldest = fresh;
        gens->counts.units++;
    } else {
        newest_of(entry)->next = fresh;
        fresh->next = entry->oldest;
    }
    struct generation *gen = fresh;
    for (uint32_t i = 0; i < count; i++, gen = gen->next) gen->count = count & 31u;
    gens->counts.generations++;
    gens->counts.state_bytes += fresh->bytes;
}

static void replace_oldest(struct generations *gens, struct generations_entry *entry,
                           struct generation *fresh) {
    struct generation *old = entry->oldest;
    struct generation *newest = newest_of(entry);

    fresh->count = old->count;
    fresh->next = newest == old ? fresh : old->next;
    if (newest != old) newest->next = fresh;
    entry->oldest = fresh->next;
    gens->counts.state_bytes += fresh->bytes;
    gens->counts.state_bytes -= old->bytes;
    free(old);
}

static uint32_t kept_of(const struct generations *gens, uint32_t kept) {
    CHECK(kept <= GENERATIONS_KEPT_MAX);
    return kept == 0 ? gens->kept_max : kept;
}

// A unit that may keep fewer than it did.
static void drop_beyond(struct generations *gens, struct generations_entry *entry, uint32_t kept) {
    while (count_of(entry) > kept) {
        struct generation *old = entry->oldest;
        uint32_t           count = count_of(entry) - 1;
        newest_of(entry)->next = old->next;
        entry->oldest = old->next;
        gens->counts.generations--;
        gens->counts.state_bytes -= old->bytes;
        free(old);
        struct generation *gen = entry->oldest;
        for (uint32_t i = 0; i < count; i++, gen = gen->next) gen->count = count & 31u;
    }
}

static void link_fresh(struct generations *gens, struct generations_entry *entry, uint32_t kept,
                       struct generation *fresh) {
    fresh->checksum = checksum_of(fresh);
    if (count_of(entry) < kept) {
        add_to_circle(gens, entry, fresh);
    } else {
        replace_oldest(gens, entry, fresh);
    }
    gens->counts.puts++;
}

// The entry of `slot`, in the hands of `unit`; NULL when memory ran out.
static struct generations_entry *enter(struct generations *gens, uint32_t slot, uint64_t unit) {
    struct generations_entry *entry = find_entry(gens, slot);
    if (entry == NULL) entry = make_entry(gens, slot);
    if (entry == NULL) {
        gens->unplaced = true;
        return NULL;
    }
    if (entry->unit != unit || entry->oldest == &lost) drop_all(gens, entry);
    entry->unit = unit;
    return entry;
}

static bool fits(const struct generation *gen, size_t bytes) {
    size_t capacity = capacity_of(gen);
    if (bytes > capacity) return false;
    return capacity < SHRINK_BYTES_MIN || bytes >= capacity / 4;
}

// The path of nearly every put: no allocation, and no other generation is touched.
static void overwrite_oldest(struct generations *gens, struct generations_entry *entry,
                             const struct generation_origin *origin, struct slice state) {
    struct generation *gen = entry->oldest;

    gens->counts.state_bytes += state.bytes;
    gens->counts.state_bytes -= gen->bytes;
    generation_fill(gen, origin, state);
    gen->checksum = checksum_of(gen);
    entry->oldest = gen->next;
    gens->counts.puts++;
}

enum status generations_put(struct generations *gens, const struct generation_origin *origin,
                            struct slice state) {
    THREAD_CHECK(ROLE_MIRROR);
    struct generations_entry *entry = enter(gens, origin->slot, origin->unit);
    uint32_t                  kept = kept_of(gens, origin->kept);
    if (entry == NULL) return STATUS_NO_MEMORY;

    if (count_of(entry) == kept && fits(entry->oldest, state.bytes)) {
        overwrite_oldest(gens, entry, origin, state);
        return STATUS_OK;
    }
    drop_beyond(gens, entry, kept);
    struct generation *fresh = generation_create(state.bytes);
    if (fresh == NULL) {
        // The newest state is worth more than all before it.
        drop_all(gens, entry);
        fresh = generation_create(state.bytes);
    }
    if (fresh == NULL) {
        entry->oldest = &lost;
        return STATUS_NO_MEMORY;
    }
    generation_fill(fresh, origin, state);
    link_fresh(gens, entry, kept, fresh);
    return STATUS_OK;
}

enum status generations_adopt(struct generations *gens, uint32_t slot, uint64_t unit, uint32_t kept,
                              struct generation *fresh) {
    THREAD_CHECK(ROLE_MIRROR);
    CHECK(fresh->bytes <= capacity_of(fresh));
    struct generations_entry *entry = enter(gens, slot, unit);
    if (entry == NULL) {
        free(fresh);
        return STATUS_NO_MEMORY;
    }
    drop_beyond(gens, entry, kept_of(gens, kept));
    link_fresh(gens, entry, kept_of(gens, kept), fresh);
    return STATUS_OK;
}

void generations_forget(struct generations *gens, uint32_t slot, uint64_t unit) {
    THREAD_CHECK(ROLE_MIRROR);
    struct generations_entry *entry = find_entry(gens, slot);
    if (entry != NULL && entry->unit == unit) drop_all(gens, entry);
}

// The circle of a unit, if there is one to look at.
static enum status look_up(const struct generations *gens, uint32_t slot, uint64_t unit,
                           const struct generation **ret_oldest) {
    const struct generations_entry *entry = find_entry(gens, slot);
    // Nobody knows any more which slots without a segment have lost a state.
    if (entry == NULL) return gens->unplaced ? STATUS_NO_MEMORY : STATUS_NOT_FOUND;
    if (entry->oldest == NULL || entry->unit != unit) return STATUS_NOT_FOUND;
    if (entry->oldest == &lost) return STATUS_NO_MEMORY;
    *ret_oldest = entry->oldest;
    return STATUS_OK;
}

static enum status verified(const struct generation *gen, const struct generation **ret_found) {
    // Bounds first: a damaged length must not lead the checksum out of the block.
    if (gen->bytes > capacity_of(gen) || checksum_of(gen) != gen->checksum) return STATUS_INTERNAL;
    *ret_found = gen;
    return STATUS_OK;
}

enum status generations_find(const struct generations *gens, uint32_t slot, uint64_t unit,
                             uint32_t back, const struct generation **ret_found) {
    THREAD_CHECK(ROLE_MIRROR);
    const struct generation *gen;
    enum status              status = look_up(gens, slot, unit, &gen);
    if (status != STATUS_OK) return status;
    uint32_t count = (uint32_t)gen->count;
    if (back >= count) return STATUS_NOT_FOUND;

    for (uint32_t i = back + 1; i < count; i++) gen = gen->next;
    return verified(gen, ret_found);
}

enum status generations_find_version(const struct generations *gens, uint32_t slot, uint64_t unit,
                                     uint64_t version, bool or_before,
                                     const struct generation **ret_found) {
    THREAD_CHECK(ROLE_MIRROR);
    const struct generation *gen, *best = NULL;
    enum status              status = look_up(gens, slot, unit, &gen);
    if (status != STATUS_OK) return status;
    uint32_t count = (uint32_t)gen->count;
    // From old to new, so the last one that may be it is.
    for (uint32_t i = 0; i < count; i++, gen = gen->next) {
        if (gen->version == version || (or_before && gen->version < version)) best = gen;
    }
    return best == NULL ? STATUS_NOT_FOUND : verified(best, ret_found);
}

uint32_t generations_list(const struct generations *gens, uint32_t slot, uint64_t unit,
                          struct generation_info notes[GENERATIONS_KEPT_MAX]) {
    THREAD_CHECK(ROLE_MIRROR);
    const struct generation *gen;
    if (look_up(gens, slot, unit, &gen) != STATUS_OK) return 0;
    uint32_t count = (uint32_t)gen->count;
    for (uint32_t i = count; i-- > 0; gen = gen->next) notes[i] = generation_describe(gen);
    return count;
}

void generations_prefetch_slot(const struct generations *gens, uint32_t slot) {
    const struct generations_entry *entry = find_entry(gens, slot);
    if (entry != NULL) __builtin_prefetch(entry, 1);
}

void generations_prefetch_oldest(const struct generations *gens, uint32_t slot) {
    const struct generations_entry *entry = find_entry(gens, slot);
    if (entry != NULL && entry->oldest != NULL) __builtin_prefetch(entry->oldest, 1);
}

void generations_fini(struct generations *gens) {
    for (uint32_t i = 0; i < gens->segment_count; i++) {
        struct generations_entry *segment = gens->segments[i];
        for (uint32_t k = 0; segment != NULL && k < SEGMENT_SLOTS; k++) drop_all(gens, &segment[k]);
        free(segment);
    }
    free(gens->segments);
    generations_init(gens, gens->kept_max);
}
