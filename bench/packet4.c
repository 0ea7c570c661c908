// The frames of counter_peer.erl: Erlang's {packet, 4}, a big-endian length of 4 bytes before each.
// To the server: op (1 byte), key (4). Back: status (1), value (8).
#include "fatal.h"
#include "protocol.h"

#include <endian.h>
#include <string.h>

enum { ANSWER_BYTES = 4 + 1 + 8 };
enum { PEER_DONE = 0, PEER_CRASHED = 1, PEER_ERROR = 2 };

static const int8_t OPS[OP_COUNT] = {
    [OP_INC] = 0,   [OP_GET] = 1,       [OP_START] = 2, [OP_START_UP] = 3,
    [OP_RAISE] = 4, [OP_SEGFAULT] = -1, [OP_GROW] = -1, [OP_HOST] = -1,
};

static size_t encode(const struct request *request, uint32_t id, uint8_t *out) {
    (void)id;
    if (OPS[request->op] < 0) return 0;
    uint32_t length = htobe32(1 + 4);
    uint32_t key = htobe32(request->key);
    memcpy(out, &length, 4);
    out[4] = (uint8_t)OPS[request->op];
    memcpy(out + 5, &key, 4);
    return 9;
}

static size_t decode(const uint8_t *data, size_t bytes, struct answer *ret_answer) {
    if (bytes < ANSWER_BYTES) return 0;
    uint32_t length;
    uint64_t value;
    memcpy(&length, data, 4);
    memcpy(&value, data + 5, 8);
    if (be32toh(length) != ANSWER_BYTES - 4) fatal("erlang: a frame of %u bytes", be32toh(length));
    *ret_answer = (struct answer){.value = (int64_t)be64toh(value)};
    switch (data[4]) {
        case PEER_DONE: ret_answer->kind = ANSWER_VALUE; break;
        case PEER_CRASHED: ret_answer->kind = ANSWER_CRASHED; break;
        case PEER_ERROR: ret_answer->kind = ANSWER_ERROR; break;
        default: fatal("erlang: a frame of status %u", data[4]);
    }
    return ANSWER_BYTES;
}

const struct protocol protocol_packet4 = {
    .name = "packet4",
    .ordered = true,
    .encode = encode,
    .decode = decode,
};
