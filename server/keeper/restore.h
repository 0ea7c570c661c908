// restore: gives an actor the state of one of its generations. It is read from the mirror and then
// goes the way of a ReplaceState, so it becomes a new version.
#pragma once

#include "keeper/shard.h"
#include "wire/codec.h"

// The verb RestoreState.   Thread: net.
NODISCARD enum status restore_run(struct shard *shard, struct caller caller,
                                  const struct request *request);

#define RESTORE_TEXT_BYTES 512u

// Writes which versions there are, for a person: "no such generation; there are 9, 8 and 7".
// Thread: any.
const char *restore_versions_text(char                          room[RESTORE_TEXT_BYTES],
                                  const struct generation_info *generations, uint32_t count);
