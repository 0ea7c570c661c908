// start: makes a new unit with its name, its options and its first message, which is init.
//
// For the Start verb, for effects and for supervisors; answers and checks of what came over the
// wire are theirs.
#pragma once

#include "keeper/shard.h"
#include "wire/codec.h"

// The unit that holds `name`; NULL if it is free. One that gave up does not hold its name: it is
// found, not spared (see start_actor).   Thread: net.
struct actor *start_holder(const struct shard *shard, struct slice name);

// A new unit that holds `name`; what is left of one that gave up under it goes.
// Fails:  STATUS_ALREADY_STARTED, STATUS_OVERLOADED (too many actors), STATUS_NO_MEMORY.
// Thread: net.
NODISCARD enum status start_unit(struct shard *shard, struct slice name, struct slice argument,
                                 struct actor **ret_actor);

// Creates the unit that the fields of Start in `request` ask for, with init as its first message
// for `caller`. The caller pumps it. What is left of one that gave up under this name goes.
// Fails:  STATUS_ALREADY_STARTED, STATUS_OVERLOADED (too many actors, ties or hosts of their own),
//         STATUS_NO_MEMORY.
// Thread: net.
NODISCARD enum status start_actor(struct shard *shard, struct caller caller,
                                  const struct request *request, uint16_t behaviour,
                                  struct actor **ret_actor);

// A time-out as it was asked for, or the default.
static inline uint32_t start_limit_ms(uint32_t limit_ms) {
    return limit_ms == 0 ? DEADLINE_MS_DEFAULT : limit_ms;
}
