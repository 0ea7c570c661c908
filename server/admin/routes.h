// routes: what HTTP serves, as a table: which request of the client protocol each method of a path
// is, and where its members come from. The description at /openapi.json is made of it.
//
// A {word} in a path is the member of that name. What the path does not name comes from the query
// of a GET or a DELETE, and from the JSON body of the others. No sockets, no threads.
#pragma once

#include "admin/target.h"

#include <stdbool.h>

enum route_kind {
    ROUTE_VERB,   // one request, one answer
    ROUTE_STREAM, // one request, and events from then on
    ROUTE_LOOK,   // what this process knows of itself, by a view
    ROUTE_TEXT,   // fixed text
};

enum route_mark {
    ROUTE_OPEN = 1,     // needs no token
    ROUTE_CREATES = 2,  // tells where the new one is
    ROUTE_TAGGED = 4,   // its answer has an ETag
    ROUTE_PREFIXED = 8, // its parameter `prefix` is the name, and means all that begin with it
};

struct route {
    const char     *method;
    const char     *path;
    enum route_kind kind;
    unsigned        code;    // where it succeeds
    const char     *verb;    // in ClientFrame; of a look its name; NULL: none
    const char     *answer;  // name of the answer's message; NULL: it has no body
    const char     *member;  // the answer is a Reply, whose value has this name; NULL: it is not
    const char     *without; // members that are not offered, with spaces between them; NULL: none
    const char     *filters; // members of the listed that may be asked for; NULL: none
    unsigned        marks;   // enum route_mark
    const char     *summary;
};

extern const struct route ROUTES[]; // ends with a NULL method

// What a request asks for.
struct route_match {
    const struct route *route;     // NULL: no path is so, or not with this method
    char                allow[64]; // the methods of the path; "" where there is none
    const char         *values[4]; // of the words in the path, in order; in the target
};

// Finds the route of a target. HEAD is a GET.   Thread: any.
void route_find(struct slice method, const struct target *target, struct route_match *ret_match);

// The name of the word at `index` of a path, without its braces; false after the last.
bool route_word(const struct route *route, unsigned index, char room[static 32]);

// Whether `name` stands in a list of words with spaces between them; NULL is an empty one.
bool route_lists(const char *words, const char *name);

// Whether its members come from a body.
bool route_has_body(const struct route *route);
