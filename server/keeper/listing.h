// listing: pages of a supervisor's children, newest first, at the price of what is on the page.
//
// Children are in a list and numbered along it; a page goes on from a number. Where the last pages
// ended is remembered, so that whoever reads one page after the other does not walk there again. A
// reader that was forgotten, because too many read at the same time, walks.
#pragma once

#include <stdint.h>

#define LISTING_MARKS 16u

struct child;
struct supervisor;

struct listing {
    struct child *marks[LISTING_MARKS]; // borrowed, while they are `marked`; NULL: free
    uint32_t      next;                 // the mark that is given up next
};

// The first child of the page that goes on from `number`: the newest one whose number is not above
// it; with 0 the newest of all. NULL: there is none.   Thread: net.
struct child *listing_at(const struct listing *listing, const struct supervisor *sup,
                         uint64_t number);

// The same by what is remembered; NULL also where that does not help.   Thread: net.
struct child *listing_marked(const struct listing *listing, const struct supervisor *sup,
                             uint64_t number);

// A page has ended, and the next one goes on from `child`.   Thread: net.
void listing_mark(struct listing *listing, struct child *child);

// `child`, which is `marked`, is about to leave its supervisor.   Thread: net.
void listing_forget(struct listing *listing, struct child *child);
