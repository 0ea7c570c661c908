// hot: the frames of calls, written and read without protobuf-c, which takes two thirds of what a
// call costs the client: it walks descriptors, looks at each message twice and copies what is in
// it.
//
// It knows the plainest spelling and leaves everything else to encode and decode, so it decides
// nothing: what it writes are the bytes of protobuf-c, and what it reads, protobuf-c reads alike.
// hot_test and decode_fuzz hold it to that.
#pragma once

#include "decode.h"

// Whether hot_encode() knows this request: a call, cast or send without a key.   Thread: any.
bool hot_knows(const struct request *request);

// As encode_request(), for a request that it knows.
NODISCARD enum peeper_status hot_encode(struct buf *out, uint64_t id, const struct request *request,
                                        uint32_t frame_bytes_max);

// Makes `incoming` one that hot_decode() can fill.   Thread: owner.
void hot_prepare(struct incoming *incoming);

// Reads a Reply or a Done. Sets only what those have, since clearing all of a struct incoming takes
// as long as to read one: it must be prepared, and nobody else may change it.
// Owns:   points into `frame`.
// Fails:  false, which says nothing about the frame: ask decoder_decode().   Thread: owner.
NODISCARD bool hot_decode(struct peeper_value frame, struct incoming *incoming);
