// frame: cuts a byte stream into varint-delimited frames. It knows nothing of what is in them and
// never allocates.
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define FRAME_PREFIX_BYTES_MAX 5
// What protobuf libraries can read; far above any frame_bytes_max.
#define FRAME_BODY_BYTES_MAX 0x7fffffffu

// Finds the first frame in `bytes` of `data`.
// Shape:  *ret_frame is the body without its prefix, inside `data`; *ret_used counts prefix and
//         body.
// Thread: any.   Blocks: no.
// Fails:  STATUS_AGAIN (not whole yet), STATUS_PROTOCOL (prefix longer than 5 bytes or not
//         minimal), STATUS_TOO_LARGE (body over `frame_bytes_max`; told as soon as the prefix is
//         there).
// Source: docs/protocol.md, "Frames".
NODISCARD enum status frame_next(const uint8_t *data, size_t bytes, uint32_t frame_bytes_max,
                                 struct slice *ret_frame, size_t *ret_used);

// Writes the prefix for a body of `body_bytes`; `room` has FRAME_PREFIX_BYTES_MAX bytes. Returns
// how many were used.
size_t frame_prefix(uint8_t *room, uint32_t body_bytes);
