#include "keeper/listing.h"

#include "keeper/supervisor.h"

// Whether a page that goes on from `number` begins with `child`.
static bool begins(const struct child *child, uint64_t number) {
    const struct child *next = child_next(child);
    return child->number <= number && (next == NULL || next->number > number);
}

struct child *listing_marked(const struct listing *listing, const struct supervisor *sup,
                             uint64_t number) {
    for (uint32_t i = 0; i < LISTING_MARKS; i++) {
        struct child *child = listing->marks[i];
        if (child != NULL && child->parent == sup && begins(child, number)) return child;
    }
    return NULL;
}

struct child *listing_at(const struct listing *listing, const struct supervisor *sup,
                         uint64_t number) {
    if (number == 0) return supervisor_last(sup);
    struct child *child = listing_marked(listing, sup, number);
    if (child != NULL) return child;
    for (child = supervisor_last(sup); child != NULL && child->number > number;) {
        child = child_previous(child);
    }
    return child;
}

// Several readers may have come to the same child; one mark serves them all.
void listing_mark(struct listing *listing, struct child *child) {
    if (child->marked) return;
    struct child **mark = &listing->marks[listing->next++ % LISTING_MARKS];
    if (*mark != NULL) (*mark)->marked = false;
    *mark = child;
    child->marked = true;
}

void listing_forget(struct listing *listing, struct child *child) {
    // Whoever read as far as here goes on with the one before it.
    struct child *before = child_previous(child);
    if (before != NULL && before->marked) before = NULL;
    for (uint32_t i = 0; i < LISTING_MARKS; i++) {
        if (listing->marks[i] == child) listing->marks[i] = before;
    }
    if (before != NULL) before->marked = true;
    child->marked = false;
}
