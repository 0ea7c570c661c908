// exchange: what a request means and what its answer is: who may ask, which route it is, how its
// path, query and body become a request of the client protocol, how that one's answer becomes HTTP.
#pragma once

#include "base/status.h"
#include "wire/codec_json.h"

#include <stdbool.h>

struct http;
struct peer;

// The head of a request is there. False: it was answered.   Thread: admin.
bool exchange_admit(struct peer *peer);

// All of it is there.
void exchange_begin(struct peer *peer);

// Asks the net thread once more what the present request of the peer asks for, with `members`.
// Owns: takes `members`.
enum status exchange_ask(struct peer *peer, json_t *members, struct codec_json_fault *fault);

// The members that the path, the query and the body make. NULL: it was answered.
json_t *exchange_members(struct peer *peer);

// A frame of the net thread.   Owns: `answer->json` stays the caller's.
void exchange_frame(struct http *http, struct codec_json_answer *answer);

// Answers with a problem (RFC 9457). `refuse` closes the connection: what comes after the request
// cannot be trusted.
void exchange_problem(struct peer *peer, enum status status, unsigned code, const char *detail);
void exchange_refuse(struct peer *peer, enum status status, unsigned code, const char *detail);

// Answers with JSON.   Owns: takes `json`; NULL stands for memory that ran out.
void exchange_json(struct peer *peer, unsigned code, json_t *json, const char *fields);
