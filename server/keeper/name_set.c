#include "keeper/name_set.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define PLACES_MIN 64u

// Where the name is, or would be.
static struct slice *place_of(struct slice *places, uint32_t capacity, struct slice name) {
    uint32_t at = (uint32_t)XXH3_64bits(name.data, name.bytes) & (capacity - 1);
    for (;; at = (at + 1) & (capacity - 1)) {
        struct slice *place = &places[at];
        if (place->bytes == 0) return place;
        if (place->bytes == name.bytes && memcmp(place->data, name.data, name.bytes) == 0)
            return place;
    }
}

static enum status grow(struct name_set *set) {
    uint32_t      capacity = set->capacity == 0 ? PLACES_MIN : set->capacity * 2;
    struct slice *places = calloc(capacity, sizeof *places);
    if (places == NULL) return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < set->capacity; i++) {
        if (set->places[i].bytes == 0) continue;
        *place_of(places, capacity, set->places[i]) = set->places[i];
    }
    free(set->places);
    set->places = places;
    set->capacity = capacity;
    return STATUS_OK;
}

enum status name_set_add(struct name_set *set, struct slice name) {
    CHECK(name.bytes > 0);
    if (set->count * 2 >= set->capacity) {
        enum status status = grow(set);
        if (status != STATUS_OK) return status;
    }
    struct slice *place = place_of(set->places, set->capacity, name);
    if (place->bytes > 0) return STATUS_ALREADY_PRESENT;
    *place = name;
    set->count++;
    return STATUS_OK;
}

void name_set_fini(struct name_set *set) {
    free(set->places);
    *set = (struct name_set){0};
}
