// session: what the frames of one connection mean. Hello first, then verbs; each gets its answer.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "keeper/port.h"

struct conn;
struct engine;

// Handles the body of one frame. A hello that is refused ends the connection here.
// Fails:  STATUS_AGAIN (nothing happened; the rings are full), STATUS_PROTOCOL (the connection is
//         to be refused with this status).
// Thread: net.
NODISCARD enum status session_frame(struct conn *conn, struct slice frame);

#define SESSION_BATCH 16u

// Handles several frames, in order. Together they cost less: while one is decoded, the actors that
// the others are for come into the cache.
// Shape:  *ret_done frames were handled; the answer is about the next one, as in session_frame.
NODISCARD enum status session_batch(struct conn *conn, const struct slice *frames, uint32_t count,
                                    uint32_t *ret_done);

// Appends the error that ends a connection.
void session_fault(struct conn *conn, enum status status);

// Appends an answer of the keeper; the port's `answer`.
void session_answer(struct conn *conn, uint64_t request, const struct answer *answer);

// Appends what the client did not ask for; the port's `push`.
void session_push(struct conn *conn, const struct push *push);

// Tells the client that the server goes down.
void session_goodbye(struct conn *conn);
