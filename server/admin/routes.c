#include "admin/routes.h"

#include <string.h>

#define ACTOR "/v1/actors/{name}"
#define SUPERVISOR "/v1/supervisors/{name}"
#define CHILD SUPERVISOR "/children/{child}"

const struct route ROUTES[] = {
    {"GET", "/v1/actors", ROUTE_VERB, 200, "list", "Listing", NULL, NULL,
     "behaviour status supervisor", 0,
     "Lists actors, without their states. A page may have fewer than `limit` where filters are "
     "set."},
    {"POST", "/v1/actors", ROUTE_VERB, 201, "start", "Started", NULL, NULL, NULL, ROUTE_CREATES,
     "Starts an actor and answers when its init has returned."},
    {"GET", ACTOR, ROUTE_VERB, 200, "inspect", "ActorInfo", NULL, NULL, NULL, 0,
     "All that is known about an actor, from the mirror: it neither wakes the actor nor waits for "
     "it."},
    {"DELETE", ACTOR, ROUTE_VERB, 204, "stop", NULL, NULL, NULL, NULL, 0,
     "Runs terminate and ends the actor."},
    {"POST", ACTOR "/call", ROUTE_VERB, 200, "call", "Reply", NULL, NULL, NULL, 0,
     "Sends a message to handle_call and answers with the reply."},
    {"POST", ACTOR "/cast", ROUTE_VERB, 202, "cast", NULL, NULL, NULL, NULL, 0,
     "Sends a message to handle_cast."},
    {"POST", ACTOR "/send", ROUTE_VERB, 202, "send", NULL, NULL, NULL, NULL, 0,
     "Sends a message to handle_info."},
    {"POST", ACTOR "/kill", ROUTE_VERB, 204, "kill", NULL, NULL, NULL, NULL, 0,
     "Ends the incarnation at once, without terminate; it is restarted."},
    {"POST", ACTOR "/suspend", ROUTE_VERB, 204, "suspend", NULL, NULL, NULL, NULL, 0,
     "Lets the actor's messages wait."},
    {"POST", ACTOR "/resume", ROUTE_VERB, 204, "resume", NULL, NULL, NULL, NULL, 0,
     "Brings a suspended actor back."},
    {"GET", ACTOR "/incarnation", ROUTE_VERB, 200, "where_is", "Located", NULL, NULL, NULL, 0,
     "The incarnation behind a name; null where nobody has it."},
    {"GET", ACTOR "/state", ROUTE_VERB, 200, "get_state", "StateInfo", NULL, NULL, NULL,
     ROUTE_TAGGED, "The last good state, or that of a `version`. Its ETag is \"unit.version\"."},
    {"PUT", ACTOR "/state", ROUTE_VERB, 204, "replace_state", NULL, NULL, NULL, NULL, 0,
     "Gives the actor another state, before all messages that wait for it."},
    {"GET", ACTOR "/generations", ROUTE_VERB, 200, "list_generations", "Generations", NULL, NULL,
     NULL, 0, "The states that are kept, newest first."},
    {"POST", ACTOR "/restore", ROUTE_VERB, 204, "restore_state", NULL, NULL, NULL, NULL, 0,
     "Gives the actor the state of a kept version again; it becomes a new one."},
    {"GET", ACTOR "/tables", ROUTE_VERB, 200, "list_tables", "TableListing", NULL, NULL, NULL, 0,
     "The actor's tables."},
    {"GET", ACTOR "/tables/{table}", ROUTE_VERB, 200, "read_table", "Rows", NULL, NULL, NULL, 0,
     "A page of a table's rows. `from` is the `next` of the page before."},
    {"GET", ACTOR "/dictionary", ROUTE_VERB, 200, "read_table", "Rows", NULL, "table", NULL, 0,
     "A page of what the actor has put into its dictionary."},
    {"POST", ACTOR "/transfer", ROUTE_VERB, 200, "transfer", "Started", NULL, NULL, NULL, 0,
     "Moves the actor to another supervisor, with all that it has."},
    {"POST", ACTOR "/transfer/prepare", ROUTE_VERB, 200, "prepare_transfer", "TransferPrepared",
     NULL, NULL, NULL, 0,
     "Says whether a transfer would be let in now, and gives a handle for it."},
    {"POST", "/v1/transfers/{handle}/commit", ROUTE_VERB, 200, "commit_transfer", "Started", NULL,
     NULL, NULL, 0, "Does a transfer that was prepared."},
    {"GET", ACTOR "/watch", ROUTE_STREAM, 200, "watch", "Changed", NULL, "prefix", NULL, 0,
     "Server-Sent Events: each committed change of the actor's state (changed, ended, gap). "
     "Last-Event-ID goes on after an event."},
    {"GET", "/v1/watch", ROUTE_STREAM, 200, "watch", "Changed", NULL, "from_version unit name",
     NULL, ROUTE_PREFIXED,
     "Server-Sent Events: changes of all actors whose names begin with `prefix`."},
    {"GET", ACTOR "/monitor", ROUTE_STREAM, 200, "monitor", "Down", NULL, NULL, NULL, 0,
     "Server-Sent Events: one event (down) when the present incarnation ends."},

    {"GET", "/v1/supervisors", ROUTE_VERB, 200, "which_children", "Children", NULL, "name child",
     NULL, 0, "The actors and supervisors that have no supervisor."},
    {"POST", "/v1/supervisors", ROUTE_VERB, 201, "start_supervisor", "Started", NULL, NULL, NULL,
     ROUTE_CREATES, "Starts a supervisor with all its children, or nothing at all."},
    {"GET", SUPERVISOR, ROUTE_VERB, 200, "inspect", "ActorInfo", NULL, NULL, NULL, 0,
     "All that is known about a supervisor."},
    {"DELETE", SUPERVISOR, ROUTE_VERB, 204, "stop", NULL, NULL, NULL, NULL, 0,
     "Ends a supervisor and its children."},
    {"POST", SUPERVISOR "/change", ROUTE_VERB, 204, "change_supervisor", NULL, NULL, NULL, NULL, 0,
     "Gives a running supervisor other flags and specs."},
    {"GET", SUPERVISOR "/counts", ROUTE_VERB, 200, "count_children", "ChildCounts", NULL, NULL,
     NULL, 0, "How many specs, living children, supervisors and workers it has."},
    {"GET", SUPERVISOR "/children", ROUTE_VERB, 200, "which_children", "Children", NULL, NULL, NULL,
     0, "Its children, newest first."},
    {"POST", SUPERVISOR "/children", ROUTE_VERB, 201, "start_child", "Started", NULL, NULL, NULL,
     ROUTE_CREATES, "Adds a child and starts it."},
    {"GET", CHILD, ROUTE_VERB, 200, "get_child_spec", "Reply", "spec", NULL, NULL, 0,
     "A child's spec with all defaults filled in."},
    {"DELETE", CHILD, ROUTE_VERB, 204, "delete_child", NULL, NULL, NULL, NULL, 0,
     "Forgets the spec of a child that was stopped."},
    {"POST", CHILD "/terminate", ROUTE_VERB, 204, "terminate_child", NULL, NULL, NULL, NULL, 0,
     "Stops a child; its spec stays."},
    {"POST", CHILD "/restart", ROUTE_VERB, 200, "restart_child", "Started", NULL, NULL, NULL, 0,
     "Starts a stopped child again."},
    {"POST", "/v1/specs/check", ROUTE_VERB, 204, "check_specs", NULL, NULL, NULL, NULL, 0,
     "Checks a list of children's specs and starts nothing."},

    {"GET", "/v1/behaviours", ROUTE_VERB, 200, "list_behaviours", "BehaviourListing", NULL, NULL,
     NULL, 0, "Each version of each behaviour, and how many actors run it."},
    {"PUT", "/v1/behaviours/{file}", ROUTE_VERB, 200, "deploy", "UpgradeReport", NULL, NULL, NULL,
     0, "Gives the server a file with a behaviour; actors that run the one before are upgraded."},
    {"POST", "/v1/behaviours/{behaviour}/upgrade", ROUTE_VERB, 200, "upgrade", "UpgradeReport",
     NULL, NULL, NULL, 0, "Brings all actors of a behaviour to another version while they run."},

    {"GET", "/v1/crashes", ROUTE_VERB, 200, "list_crashes", "CrashListing", NULL, NULL,
     "behaviour kind", 0, "The crash log, newest first."},
    {"GET", "/v1/crashes/{crash}", ROUTE_VERB, 200, "show_crash", "CrashReport", NULL, NULL, NULL,
     0, "One crash, with the message that did it."},
    {"DELETE", "/v1/crashes/{crash}", ROUTE_VERB, 204, "discard_crash", NULL, NULL, NULL, NULL, 0,
     "Forgets a crash and its message."},
    {"POST", "/v1/crashes/{crash}/redrive", ROUTE_VERB, 200, "redrive", "Reply", NULL, NULL, NULL,
     0, "Runs the message of a crash again. Answers 204 where it was no call."},

    {"GET", "/v1/hosts", ROUTE_LOOK, 200, "hosts", "Hosts", NULL, NULL, NULL, 0,
     "The host processes."},
    {"GET", "/v1/workers", ROUTE_LOOK, 200, "workers", "Workers", NULL, NULL, NULL, 0,
     "The threads that run actors, and what each does."},
    {"GET", "/v1/mirror", ROUTE_LOOK, 200, "mirror", "Mirror", NULL, NULL, NULL, 0,
     "What the mirror holds."},
    {"GET", "/v1/listeners", ROUTE_LOOK, 200, "listeners", "Listeners", NULL, NULL, NULL, 0,
     "How the watches of clients fare."},
    {"GET", "/v1/server", ROUTE_LOOK, 200, "server", "Server", NULL, NULL, NULL, 0,
     "Version and figures of the server."},
    {"GET", "/v1/ping", ROUTE_VERB, 200, "ping", "Pong", NULL, NULL, NULL, 0,
     "Asks the net thread for a sign of life."},
    {"GET", "/metrics", ROUTE_LOOK, 200, "metrics", NULL, NULL, NULL, NULL, 0,
     "All figures in the OpenMetrics format."},
    {"GET", "/healthz", ROUTE_TEXT, 200, "health", "Health", NULL, NULL, NULL, ROUTE_OPEN,
     "200 as long as this process serves."},
    {"GET", "/readyz", ROUTE_LOOK, 200, "ready", "Health", NULL, NULL, NULL, ROUTE_OPEN,
     "200 where a host runs and the server is not going down, else 503."},
    {"GET", "/openapi.json", ROUTE_TEXT, 200, "openapi", NULL, NULL, NULL, NULL, 0,
     "This description."},
    {0},
};

// The next segment of a pattern; its bytes, 0 at the end.
static size_t segment(const char **at) {
    if (**at != '/') return 0;
    ++*at;
    return strcspn(*at, "/");
}

static bool fits(const struct route *route, const struct target *target, const char *values[4]) {
    const char *at = route->path;
    unsigned    words = 0;
    for (unsigned i = 0; i < target->segment_count; i++) {
        size_t bytes = segment(&at);
        if (bytes == 0) return false;
        if (*at == '{') {
            values[words++] = target->segments[i];
        } else if (strlen(target->segments[i]) != bytes ||
                   memcmp(at, target->segments[i], bytes) != 0) {
            return false;
        }
        at += bytes;
    }
    return *at == '\0';
}

static void allow(char room[static 64], const char *method) {
    if (room[0] != '\0') strcat(room, ", ");
    strcat(room, method);
    if (strcmp(method, "GET") == 0) strcat(room, ", HEAD");
}

static bool is_method(struct slice method, const char *name) {
    return method.bytes == strlen(name) && memcmp(method.data, name, method.bytes) == 0;
}

void route_find(struct slice method, const struct target *target, struct route_match *ret_match) {
    *ret_match = (struct route_match){0};
    for (const struct route *route = ROUTES; route->method != NULL; route++) {
        const char *values[4] = {NULL};
        if (!fits(route, target, values)) continue;
        allow(ret_match->allow, route->method);
        bool head = strcmp(route->method, "GET") == 0 && is_method(method, "HEAD");
        if (!head && !is_method(method, route->method)) continue;
        ret_match->route = route;
        memcpy(ret_match->values, values, sizeof values);
        return;
    }
}

bool route_word(const struct route *route, unsigned index, char room[static 32]) {
    const char *at = route->path;
    for (unsigned i = 0; (at = strchr(at, '{')) != NULL; i++) {
        size_t bytes = strcspn(++at, "}");
        if (i < index) continue;
        memcpy(room, at, bytes);
        room[bytes] = '\0';
        return true;
    }
    return false;
}

bool route_lists(const char *words, const char *name) {
    size_t bytes = strlen(name);
    while (words != NULL && *words != '\0') {
        size_t word = strcspn(words, " ");
        if (word == bytes && memcmp(words, name, bytes) == 0) return true;
        words += word + (words[word] == ' ');
    }
    return false;
}

bool route_has_body(const struct route *route) {
    return route->method[0] == 'P';
}
