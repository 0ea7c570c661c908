// local_status: the failures that a client finds by itself. Their numbers never travel.
#pragma once

// name, number, retryable (not run, safe to repeat), text
#define LOCAL_STATUS_TABLE(X)                                                               \
    X(UNREACHABLE, 100, true, "the server cannot be reached; nothing was sent")             \
    X(DISCONNECTED, 101, false, "the connection ended; whether the request ran is unknown") \
    X(CLOSED, 102, false, "the client was closed; whether the request ran is unknown")      \
    X(FULL, 103, true, "too much is in flight on this connection; nothing was sent")        \
    X(NO_REQUEST, 104, false, "there is no request left to wait for")                       \
    X(NO_REPLY, 105, false, "the message is no response to this request")
