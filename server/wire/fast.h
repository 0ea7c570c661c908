// fast: the hottest frames, read from and written to the wire without protobuf-c.
//
// Why it exists: protobuf-c walks descriptors, scans each message twice and copies each string. For
// a Call with an 8-byte name that is most of what the net thread does per request. Measured
// (codec_bench, -O2), ns per frame, without and with:
//     decode Call 129 -> 29     encode Reply 90 -> 15     encode Done 75 -> 11
// It reads only what it knows in the plainest spelling and leaves everything else to protobuf-c, so
// it decides nothing: what it accepts, protobuf-c accepts with the same result. fast_test and
// codec_fuzz hold it to that.
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct request; // of wire/codec.h

// Reads a ClientFrame that is a Call, a Cast or a Send with known fields, in any order.
// Shape:  the slices point into `frame`; nothing is copied.
// Fails:  false, which says nothing about the frame: ask protobuf-c.   Thread: any.
NODISCARD bool fast_decode(struct slice frame, struct request *ret_request);

// The same, setting only the fields within REQUEST_HOT_BYTES, whatever it answers: a request has
// seven times as many, and to clear them takes as long as to read a Call.
NODISCARD bool fast_decode_hot(struct slice frame, struct request *request);

// Appends one delimited ServerFrame with a Reply / with Done: the same bytes as protobuf-c's.
// Fails:  STATUS_NO_MEMORY (also for a frame over FRAME_BODY_BYTES_MAX), nothing appended.
// Thread: the owner of `out`.
NODISCARD enum status fast_write_reply(struct buf *out, uint64_t id, struct slice payload);
NODISCARD enum status fast_write_done(struct buf *out, uint64_t id);
