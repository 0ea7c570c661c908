// decode: ServerFrames -> answers. Memory comes from an arena that the next decode takes back.
#pragma once

#include "encode.h"

struct decoder_block;

struct decoder {
    struct decoder_block *blocks;      // owned; the first is kept from frame to frame
    size_t                used;        // bytes of the newest block
    size_t                total_bytes; // of all blocks
    size_t                bytes_max;
};

enum frame_kind {
    FRAME_UNKNOWN, // a body that this version does not know
    FRAME_WELCOME,
    FRAME_REPLY,
    FRAME_ERROR,
    FRAME_DONE,
    FRAME_STARTED,
    FRAME_LOCATED,
    FRAME_LISTING,
    FRAME_ACTOR_INFO,
    FRAME_PONG,
    FRAME_STATE,
    FRAME_CHILDREN,
    FRAME_CHILD_COUNTS,
    FRAME_CRASH_LISTING,
    FRAME_CRASH_REPORT,
    FRAME_MONITORED,
    FRAME_WATCHING,
    FRAME_GENERATIONS,
    FRAME_TRANSFER_PREPARED,
    FRAME_TABLE_LISTING,
    FRAME_ROWS,
    FRAME_GOODBYE,
    FRAME_BEHAVIOURS,
    FRAME_UPGRADE_REPORT,
    FRAME_EVENT, // of any kind but GOODBYE
};

// One decoded frame. Everything points into the frame's bytes or the decoder.
struct incoming {
    uint64_t              id;
    enum frame_kind       kind;
    struct peeper_answer  answer;
    struct peeper_welcome welcome;
    struct peeper_event   event;
};

// Shape:  `bytes_max` bounds what one frame may take when decoded.
// Fails:  NO_MEMORY.   Thread: owner.
NODISCARD enum peeper_status decoder_init(struct decoder *decoder, size_t bytes_max);
void                         decoder_fini(struct decoder *decoder);

// Decodes the body of one frame. An Error fills answer.error, as does a Goodbye.
// Owns:   the result is valid until the next decode and as long as `frame` is.
// Fails:  PROTOCOL (no ServerFrame, or too much memory for it), NO_MEMORY.   Thread: owner.
NODISCARD enum peeper_status decoder_decode(struct decoder *decoder, struct peeper_value frame,
                                            struct incoming *ret_incoming);

// Whether a frame of this kind is a good answer to `verb`.   Thread: any.
bool frame_kind_fits(enum frame_kind kind, enum request_verb verb);
