// driver_verbs: each request of the C SDK by the name and the arguments that all drivers have.
#pragma once

#include <jansson.h>
#include <peeper/client.h>

// One request: what the verbs read, and what has to be freed when it is made.
struct driver_ask {
    struct peeper_client *client;
    const json_t         *args;
    struct peeper_then    then;
    struct peeper_writer  values[4]; // encoded arguments
    unsigned              value_count;
    uint8_t              *content; // owned; of a file
    const char          **names;   // owned; of tables
    const char           *wrong;   // the argument that means nothing, or NULL
};

struct driver_verb {
    const char *name;
    enum peeper_status (*ask)(struct driver_ask *ask);
    json_t *(*tell)(const struct peeper_answer *answer);
};

// NULL: there is none.
const struct driver_verb *driver_verb_find(const char *name);

// The one at `index`; NULL after the last.
const struct driver_verb *driver_verb_at(size_t index);

// Makes the request. Where it fails the callback is not called, and `ask->wrong` may name why.
enum peeper_status driver_ask_run(struct driver_ask *ask, const struct driver_verb *verb);
