// engine: one thread, one epoll loop, many connections with requests in flight on each.
//
// The same for every protocol. Closed loop: a connection always has `pipeline` requests out; what
// one read has answered is asked anew in one write.
// It does not choose requests nor count answers: a job does.
#pragma once

#include "protocol.h"

#include <stdbool.h>
#include <stdint.h>

#define PIPELINE_MAX 4096

struct engine_options {
    const struct protocol *protocol;
    uint16_t               port;        // on 127.0.0.1
    uint32_t               connections; // 1 to 10000
    uint32_t               pipeline;    // 1 to PIPELINE_MAX
};

// What to ask and what to do with the answers.
struct job {
    // Fills in op, key and argument of the next request; false where there is none now.
    bool (*next)(struct job *job, uint64_t now_ns, struct request *ret_request);
    // `now_ns` is when the read that brought the answer returned.
    void (*on_answer)(struct job *job, const struct request *request, const struct answer *answer,
                      uint64_t now_ns);
};

struct engine;

// Connects and says hello on every connection.
// Owns: the caller, until engine_destroy().   Thread: owner.   Blocks: yes.   Fails: fatal().
struct engine *engine_create(const struct engine_options *options);
void           engine_destroy(struct engine *engine);

// Works until the job has no next request and every answer is there.
// Thread: owner.   Blocks: yes.
// Fails:  fatal() on a closed connection, an answer that was not asked for, no answer within 30 s.
void engine_run(struct engine *engine, struct job *job);

// One request on the first connection and its answer.   Thread: owner.   Blocks: yes.
struct answer engine_ask(struct engine *engine, struct request request);

const struct protocol *engine_protocol(const struct engine *engine);

// CLOCK_MONOTONIC.   Units: nanoseconds.   Thread: any.
uint64_t engine_now_ns(void);
