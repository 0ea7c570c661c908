// protocol: what the generator must know to drive one kind of server. Three of them, behind one
// table each.
//
// A protocol turns requests into bytes and bytes into answers. It neither owns sockets nor measures
// anything: batching, clocks and counting are the engine's, so that they are the same for every
// server.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_BYTES_MAX 160
#define KEYS_MAX 10000000 // names have 7 digits

enum op {
    OP_INC,      // add 1 and answer the new value
    OP_GET,      // answer the value
    OP_START,    // make the counter; its value is 0
    OP_START_UP, // the same with a supervisor that never loses patience
    OP_RAISE,    // make its code fail in an orderly way
    OP_SEGFAULT, // make its code touch memory that is not there
    OP_GROW,     // make the process that runs it hold `argument` bytes
    OP_HOST,     // answer the pid of the process that runs it
    OP_COUNT,
};

struct request {
    enum op  op;
    uint32_t key;
    uint64_t argument;
    uint64_t sent_ns; // the engine's
};

enum answer_kind {
    ANSWER_VALUE,   // `value` is an integer that the server sent
    ANSWER_DONE,    // yes, without one
    ANSWER_EXISTS,  // OP_START: somebody has made it before
    ANSWER_CRASHED, // its code failed; nothing of the request was kept
    ANSWER_ERROR,   // anything else
};

struct answer {
    enum answer_kind kind;
    uint32_t         id; // 0 where the protocol has none
    int64_t          value;
    const char      *text; // of a failure; borrowed from the buffer, not terminated
    size_t           text_bytes;
};

struct protocol {
    const char *name;
    bool        ordered;     // answers come in the order of the requests and carry no id
    bool        keeps_state; // a counter has its value after a crash
    // What must be said first, answered once before anything else. May be NULL.
    // Shape: writes at most REQUEST_BYTES_MAX bytes and answers how many.
    size_t (*encode_hello)(uint8_t *out);
    // Shape: writes at most REQUEST_BYTES_MAX bytes; 0 where the protocol has no such operation.
    // `id` is 28 bits with the highest one set.
    size_t (*encode)(const struct request *request, uint32_t id, uint8_t *out);
    // Reads one answer from the front. Answers the bytes taken; 0 where the answer is not whole
    // yet.
    // Fails: fatal() where the bytes are no answer.
    size_t (*decode)(const uint8_t *data, size_t bytes, struct answer *ret_answer);
};

extern const struct protocol protocol_resp;    // redis-server
extern const struct protocol protocol_packet4; // counter_peer.erl
extern const struct protocol protocol_peeper;  // peeperd
// The same two with a counter in Lua, and with a function in Lua that increments.
extern const struct protocol protocol_peeper_lua;
extern const struct protocol protocol_resp_function;

// The 7 digits of a key.
static inline void protocol_write_key(uint8_t *out, uint32_t key) {
    for (int i = 6; i >= 0; i--) {
        out[i] = (uint8_t)('0' + key % 10);
        key /= 10;
    }
}
