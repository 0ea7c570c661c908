// status: every way in which an operation can fail, in one table.
//
// Rows with a wire number travel to clients as peeper.v1.Status; the others never leave the
// process.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NODISCARD __attribute__((warn_unused_result))

// name, wire number (0: internal), HTTP code, retryable (not run, safe to repeat), text
#define STATUS_TABLE(X)                                                                \
    X(OK, 0, 200, false, "ok")                                                         \
    X(INVALID, 1, 400, false, "the request is not valid")                              \
    X(NOPROC, 2, 404, false, "no actor has this name")                                 \
    X(ALREADY_STARTED, 3, 409, false, "an actor already has this name")                \
    X(UNKNOWN_BEHAVIOUR, 4, 422, false, "no behaviour of this name is loaded")         \
    X(MAILBOX_FULL, 5, 429, true, "the actor's mailbox is full")                       \
    X(TIMEOUT, 6, 504, false, "the deadline passed")                                   \
    X(CRASHED, 7, 500, false, "the turn crashed; nothing of it was kept")              \
    X(DOWN, 8, 410, false, "the actor ended before it replied")                        \
    X(REFUSED, 9, 422, false, "init refused to start the actor")                       \
    X(OVERLOADED, 10, 503, true, "a limit of the server is reached")                   \
    X(TOO_LARGE, 11, 413, false, "over the size limit")                                \
    X(PROTOCOL, 12, 400, false, "the bytes are no frame of this protocol")             \
    X(UNSUPPORTED_VERSION, 13, 400, false, "this protocol version is not spoken here") \
    X(UNAUTHENTICATED, 14, 401, false, "the token is missing or wrong")                \
    X(SHUTTING_DOWN, 15, 503, true, "the server is going down")                        \
    X(NO_MEMORY, 16, 503, true, "the server is out of memory")                         \
    X(INTERNAL, 17, 500, false, "the server failed")                                   \
    X(NOT_FOUND, 18, 404, false, "there is no such child, crash or reference")         \
    X(RUNNING, 19, 409, false, "the child runs")                                       \
    X(RESTARTING, 20, 409, false, "the child is being restarted")                      \
    X(ALREADY_PRESENT, 21, 409, false, "a stopped child has this id")                  \
    X(MAX_CHILDREN, 22, 409, false, "the supervisor has as many children as it may")   \
    X(BAD_SPEC, 23, 422, false, "the spec is malformed")                               \
    X(SIMPLE_ONE_FOR_ONE, 24, 409, false, "not for a simple_one_for_one supervisor")   \
    X(DEADLOCK, 25, 409, false, "the call would wait for itself")                      \
    X(CONFLICT, 26, 409, false, "what the request builds on is no longer valid")       \
    X(FORBIDDEN, 27, 403, false, "the server's options do not allow it")               \
    X(FULL, 0, 503, true, "no room now")                                               \
    X(CLOSED, 0, 503, false, "closed")                                                 \
    X(AGAIN, 0, 503, true, "not complete yet")                                         \
    X(IO, 0, 500, false, "the system refused")

enum status {
#define STATUS_ENUM(name, wire, http, retry, text) STATUS_##name,
    STATUS_TABLE(STATUS_ENUM)
#undef STATUS_ENUM
        STATUS_COUNT
};

// Upper-case name, as clients see it: "NOPROC".   Thread: any.
const char *status_name(enum status status);

// One sentence for a person, without a final full stop.   Thread: any.
const char *status_text(enum status status);

// Number in peeper.v1.Status; internal statuses answer that of INTERNAL.   Thread: any.
int status_wire(enum status status);

// The status with this wire number; STATUS_INTERNAL for a number that is not in the table.
enum status status_from_wire(int wire);

// HTTP status code.   Thread: any.
int status_http(enum status status);

// True where the request was not run and repeating it is safe.   Thread: any.
bool status_retryable(enum status status);
