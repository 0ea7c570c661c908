// kept: one answer that outlives the callback which told it, and that answer read again.
#pragma once

#include "decode.h"

// The bytes of an answer: its frame, or what the client itself had to say.
struct kept {
    uint8_t           *data;   // owned; NULL: only the status was kept
    uint32_t           bytes;  // at most CONNECTION_BYTES_MAX
    enum peeper_status status; // of an answer without a frame
    bool               framed;
    uint64_t           ref; // as the client tells it, which the frame may not have; 0: none
};

// Copies `answer`. Where memory runs out it becomes NO_MEMORY.   Thread: owner.
void kept_store(struct kept *kept, const struct peeper_answer *answer);
void kept_fini(struct kept *kept);

// A kept answer that is being read.
struct opened {
    struct kept     kept;
    struct decoder  decoder;
    struct incoming incoming; // points into the two above
};

// Fails: NO_MEMORY.   Thread: owner.
NODISCARD enum peeper_status opened_init(struct opened *opened);
void                         opened_fini(struct opened *opened);

// Reads `kept` in place of the answer before. One that cannot be read becomes an error.
// Owns: takes the bytes; `kept` is empty afterwards.   Thread: owner.
void opened_take(struct opened *opened, struct kept *kept);
