// apply: gives a checked commit its effects: state to the mirror, replies to callers, messages to
// actors.
#pragma once

#include "keeper/shard.h"

// Applies shard->commit, read from `worker`.
// Fails: STATUS_FULL (the mirror's queue; nothing was applied, come again), STATUS_PROTOCOL (the
//        commit does not fit the turn it answers; the host is to be killed).   Thread: net.
NODISCARD enum status apply(struct shard *shard, struct worker *worker);
