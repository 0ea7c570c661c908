// RESP2, as far as INCR, GET and SET need it.
// Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
#include "fatal.h"
#include "protocol.h"

#include <string.h>

struct command {
    const char *bytes;
    size_t      key_at; // of the 7 digits
};

#define HEAD(words, verb_bytes, verb) "*" words "\r\n$" verb_bytes "\r\n" verb "\r\n$15\r\ncounter-"
#define COMMAND(head, tail) \
    { head "0000000\r\n" tail, sizeof(head) - 1 }

static const struct command COMMANDS[OP_COUNT] = {
    [OP_INC] = COMMAND(HEAD("2", "4", "INCR"), ""),
    [OP_GET] = COMMAND(HEAD("2", "3", "GET"), ""),
    [OP_START] = COMMAND(HEAD("3", "3", "SET"), "$1\r\n0\r\n"),
};

// The same with an INCR that a function of Redis runs, see servers.py.
static const struct command CALLED[OP_COUNT] = {
    [OP_INC] = COMMAND("*4\r\n$5\r\nFCALL\r\n$3\r\ninc\r\n$1\r\n1\r\n$15\r\ncounter-", ""),
    [OP_GET] = COMMAND(HEAD("2", "3", "GET"), ""),
    [OP_START] = COMMAND(HEAD("3", "3", "SET"), "$1\r\n0\r\n"),
};

static size_t encode_command(const struct command *command, const struct request *request,
                             uint8_t *out) {
    if (!command->bytes) return 0;
    size_t bytes = strlen(command->bytes);
    memcpy(out, command->bytes, bytes);
    protocol_write_key(out + command->key_at, request->key);
    return bytes;
}

static size_t encode(const struct request *request, uint32_t id, uint8_t *out) {
    (void)id;
    return encode_command(&COMMANDS[request->op], request, out);
}

static size_t encode_called(const struct request *request, uint32_t id, uint8_t *out) {
    (void)id;
    return encode_command(&CALLED[request->op], request, out);
}

// The number in text[0..end); the text is not terminated.
static int64_t number(const uint8_t *text, const uint8_t *end) {
    bool negative = text < end && *text == '-';
    if (negative) text++;
    if (text == end) fatal("redis: a number without digits");
    int64_t value = 0;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9') fatal("redis: not a number");
        value = value * 10 + (*text - '0');
    }
    return negative ? -value : value;
}

static size_t decode_bulk(const uint8_t *data, size_t bytes, const uint8_t *line_end,
                          struct answer *ret_answer) {
    int64_t        length = number(data + 1, line_end);
    const uint8_t *body = line_end + 2;
    *ret_answer = (struct answer){.kind = ANSWER_VALUE};
    if (length < 0) return (size_t)(body - data); // nil: a key that was never counted
    if ((size_t)(data + bytes - body) < (size_t)length + 2) return 0;
    ret_answer->value = number(body, body + length);
    return (size_t)(body - data) + (size_t)length + 2;
}

static size_t decode(const uint8_t *data, size_t bytes, struct answer *ret_answer) {
    const uint8_t *line_end = bytes < 3 ? NULL : memchr(data, '\r', bytes - 1);
    if (!line_end) return 0;
    size_t taken = (size_t)(line_end - data) + 2;
    switch (data[0]) {
        case ':':
            *ret_answer =
                (struct answer){.kind = ANSWER_VALUE, .value = number(data + 1, line_end)};
            return taken;
        case '+': *ret_answer = (struct answer){.kind = ANSWER_DONE}; return taken;
        case '-':
            *ret_answer = (struct answer){
                .kind = ANSWER_ERROR, .text = (const char *)data + 1, .text_bytes = taken - 3};
            return taken;
        case '$': return decode_bulk(data, bytes, line_end, ret_answer);
        default: fatal("redis: an answer that begins with byte %u", data[0]);
    }
}

const struct protocol protocol_resp = {
    .name = "resp",
    .ordered = true,
    .encode = encode,
    .decode = decode,
};

const struct protocol protocol_resp_function = {
    .name = "resp-function",
    .ordered = true,
    .encode = encode_called,
    .decode = decode,
};
