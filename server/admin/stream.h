// stream: Server-Sent Events out of a watch or a monitor of the client protocol.
//
// A client that does not read is not waited for: its watch is given up, and made again when it has
// read all, from the version after the last one that it got. What the server does not have any more
// by then is told as a gap, by the server; of many actors it is not known, and told as such.
// Source: the "Server-sent events" chapter of the HTML standard.
#pragma once

#include "wire/codec_json.h"

struct http;
struct peer;

// The watch of a peer's request was granted: begins, or goes on after a pause.   Thread: admin.
void stream_begin(struct peer *peer, uint64_t ref);

// The watch that was to be made again was refused.
void stream_refused(struct peer *peer, const struct codec_json_answer *answer);

// A watch or monitor was granted to a request whose client has left meanwhile.
void stream_abandon(struct http *http, const char *body, uint64_t ref);

// Tells an event to the stream whose watch it is of, if there still is one.
// Owns: `answer->json` stays the caller's.
void stream_event(struct http *http, const struct codec_json_answer *answer);

// Its client has read all that there was.
void stream_room(struct peer *peer);

// Heartbeats: what reads along in between must not take it for dead.
void stream_tick(struct peer *peer, uint64_t now_ms);

// It ends: its watch is given up. Of a peer without one nothing happens.
void stream_over(struct peer *peer);
