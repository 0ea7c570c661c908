// code_view: tells which code there is, and who runs it.
#pragma once

#include "keeper/shard.h"
#include "wire/codec.h"

// The verb ListBehaviours.   Thread: net.
enum status code_view_run(struct shard *shard, struct caller caller, const struct request *request);
