// supervise: the verbs that clients have for supervisors. Each answers its caller once, and none
// waits for a child that hangs longer than its own time-out.
#pragma once

#include "keeper/shard.h"
#include "wire/codec.h"

// One of the verbs from VERB_START_SUPERVISOR to VERB_CHANGE_SUPERVISOR. Always OK.   Thread: net.
NODISCARD enum status supervise_run(struct shard *shard, struct caller caller,
                                    const struct request *request);

// The Stop verb for a supervisor.   Thread: net.
void supervise_stop(struct shard *shard, struct caller caller, struct actor *actor,
                    const struct request *request);
