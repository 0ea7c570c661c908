// crash_requests: the verbs that act on the crash log. Reading it is view's.
#pragma once

#include "keeper/shard.h"
#include "wire/codec.h"

// Runs the message of a crash again, by the same unit if it lives, else by the actor that has its
// name now. The answer to a call is the call's own, to another message Done.
// Fails: STATUS_AGAIN.   Thread: net.
NODISCARD enum status crash_redrive(struct shard *shard, struct caller caller,
                                    const struct request *request);

// Forgets a crash.   Thread: net.
NODISCARD enum status crash_discard(struct shard *shard, struct caller caller,
                                    const struct request *request);
